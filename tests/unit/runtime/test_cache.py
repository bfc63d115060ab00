"""Object code on disk: whatever happens to it, the answer is right or `not found`."""

import os
import subprocess
import sys
import threading
import time

import pytest

import wengert as wg
from wengert.cli import main
from wengert.runtime import cache


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def name(i):
    return cache.key(str(i))


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_put_and_get(folder):
    assert cache.get(name(0)) is None
    cache.put(name(0), b"code")
    assert cache.get(name(0)) == b"code"
    assert cache.get(name(1)) is None
    assert files(folder) == [name(0) + ".wengert"]
    assert folder.stat().st_mode & 0o077 == 0


def test_keys_do_not_run_together():
    assert cache.key("ab", "c") != cache.key("a", "bc") != cache.key("abc")


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:20], lambda d: b"", lambda d: d[:60] + b"\0" + d[61:], lambda d: b"x" + d]
)
def test_a_damaged_entry_is_deleted(folder, damage):
    cache.put(name(0), b"c" * 100)
    path = folder / (name(0) + ".wengert")
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get(name(0)) is None
    assert not path.exists()
    cache.put(name(0), b"again")
    assert cache.get(name(0)) == b"again"


def test_a_directory_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WENGERT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    cache.put(name(0), b"code")
    assert cache.get(name(0)) is None
    assert main(["cache"]) == 2


def test_code_that_others_may_have_written_is_not_run(folder):
    cache.put(name(0), b"code")
    (folder / (name(0) + ".wengert")).chmod(0o666)
    assert cache.get(name(0)) is None
    folder.chmod(0o777)
    cache.put(name(1), b"code")
    assert cache.get(name(1)) is None
    assert "others may write" in cache.unusable()


def test_size_zero_is_off(folder):
    with wg.config(cache_size=0):
        cache.put(name(0), b"code")
        assert not folder.exists()


def test_least_recently_used_go_first(folder):
    for i in range(10):
        cache.put(name(i), bytes(1000))
        os.utime(folder / (name(i) + ".wengert"), (1000 + i, 1000 + i))
    assert cache.get(name(0)) is not None  # now the latest
    stale = folder / f".wengert-1-{'0' * 16}.tmp"
    stale.write_bytes(b"")
    os.utime(stale, (1000, 1000))
    foreign = folder / "theirs.o"
    foreign.write_bytes(bytes(10_000))
    os.utime(foreign, (1, 1))
    cache.evict(3300)
    assert [i for i in range(10) if cache.get(name(i)) is not None] == [0, 8, 9]
    assert not stale.exists()
    assert foreign.exists()


def test_writing_past_the_limit_evicts(folder):
    with wg.config(cache_size=1):
        for i in range(40):
            cache.put(name(i), bytes(100_000))
        assert sum(size for _, size, _ in cache.entries()) <= 1 << 20
        assert cache.get(name(39)) is not None


def test_the_command(folder, capsys):
    cache.put(name(0), b"code")
    (folder / "theirs.o").write_bytes(b"")
    assert main(["cache"]) == 0
    out = capsys.readouterr().out
    assert str(folder) in out
    assert "entries  1" in out
    assert main(["cache", "--clear"]) == 0
    assert "deleted  1" in capsys.readouterr().out
    assert files(folder) == ["theirs.o"]


WRITER = """
import sys
from wengert.runtime import cache
bad = 0
for turn in range(150):
    for i in range(4):
        name = cache.key(str(i))
        cache.put(name, bytes([i]) * 50_000)
        found = cache.get(name)
        bad += found is not None and found != bytes([i]) * 50_000
    if turn % 10 == 0:
        cache.evict(100_000)
sys.exit(bad)
"""


def test_many_writers(folder):
    processes = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(4)]
    assert [p.wait(60) for p in processes] == [0] * 4
    assert all(n.endswith(".wengert") for n in files(folder))


def test_many_threads(folder):
    def write():
        for i in range(50):
            cache.put(name(i % 5), b"code")
            assert cache.get(name(i % 5)) == b"code"

    threads = [threading.Thread(target=write) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(cache.entries()) == 5
    assert all(time.time() - used < 100 for _, _, used in cache.entries())
