"""Memory of results is used again when nobody refers to it, and not before."""

import gc
import threading

import numpy as np
import pytest

import wengert as wg
from wengert.runtime import results

N = results.LEAST // 8


@pytest.fixture
def empty(monkeypatch):
    monkeypatch.setattr(results, "_blocks", results.Blocks())


def test_memory_is_used_again(empty):
    f = wg.jit(lambda x: (2 * x, x + 1))
    x = np.ones(N)
    f(x)
    places = {tuple(sorted(a.ctypes.data for a in f(x))) for _ in range(5)}
    assert len(places) == 1


def test_what_is_referred_to_stays(empty):
    f = wg.jit(lambda x: 2 * x)
    held = [f(np.full(N, float(i))) for i in range(8)]
    part = f(np.full(N, 9.0))[3:6]
    reversed_ = held[2][::-1]
    held[2] = None
    gc.collect()
    for i in range(12):
        f(np.full(N, 100.0 + i))
    assert [a is None or a[0] == 2 * i == a[-1] for i, a in enumerate(held)] == [True] * 8
    assert np.all(part == 18)
    assert np.all(reversed_ == 4)


def test_results_are_the_callers(empty):
    f = wg.jit(lambda x: 2 * x)
    a = f(np.ones(N))
    assert a.flags.writeable
    assert a.flags.c_contiguous
    assert a.flags.aligned
    a[:] = 7
    b = f(np.ones(N))
    assert np.all(a == 7)
    assert np.all(b == 2)
    assert not np.may_share_memory(a, b)


def test_threads(empty):
    f = wg.jit(lambda x: 2 * x)
    wrong = []

    def work(n):
        for _ in range(50):
            a, b = f(np.full(N, float(n))), f(np.full(N, n + 0.5))
            if not (np.all(a == 2 * n) and np.all(b == 2 * n + 1)):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_no_more_is_kept_than_said(empty, monkeypatch):
    monkeypatch.setattr(results, "KEPT", 3 * results.LEAST)
    held = [results.take(results.LEAST) for _ in range(6)]
    blocks = results._blocks
    assert blocks.bytes <= 3 * results.LEAST
    held.clear()
    results.take(2 * results.LEAST)  # for which the free ones go
    assert blocks.bytes <= 3 * results.LEAST
    assert sum(map(len, blocks.of_size.values())) <= 3


@pytest.mark.parametrize("size", [1, 4096, results.LEAST, results.LEAST + 1, 10**7, 2**28 - 1])
def test_size_classes(size):
    kind = results._size_class(size)
    assert size <= kind <= max(1.25 * size, size + 4096)
