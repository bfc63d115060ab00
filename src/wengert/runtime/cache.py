"""Object code on disk: one file an entry, named by the hash of what it was made from.

Knows bytes only. Whatever is wrong with the directory or a file, the answer is "not found": a cache never stops a program. Start at
`get` and `put`.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from wengert.config import settings

_MAGIC = b"wengert object 1\n"
_SUFFIX = ".wengert"
_ENTRY = re.compile(r"[0-9a-f]{64}\.wengert")  # nothing else in the directory is ever touched
_TEMPORARY = re.compile(r"\.wengert-\d+-[0-9a-f]{16}\.tmp")
_STALE = 3600.0  # seconds after which a temporary file belongs to a process that died


class _Writes:
    """How much this process wrote since it last looked at the size of the whole directory."""

    lock = threading.Lock()
    bytes = 0
    looked = False


def key(*parts: str) -> str:
    """The name of what is made from these texts."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little"))  # so that ("ab", "c") is not ("a", "bc")
        digest.update(data)
    return digest.hexdigest()


def directory() -> Path:
    """Where entries are kept: WENGERT_CACHE_DIR, else the user's cache directory of this operating system."""
    chosen = os.environ.get("WENGERT_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches/wengert").expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local").expanduser() / "wengert" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wengert"


def limit() -> int:
    """Bytes that all entries together may take."""
    return settings().cache_size << 20


def get(name: str) -> bytes | None:
    """The entry, or None. A damaged one is deleted."""
    if limit() == 0:
        return None
    path = directory() / (name + _SUFFIX)
    try:
        with open(path, "rb") as file:
            if not _is_trusted(os.fstat(file.fileno())):
                return None
            data = file.read()
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None
    head = len(_MAGIC) + 32
    payload = data[head:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : head] != hashlib.sha256(payload).digest():
        _remove(path)
        return None
    with suppress(OSError):
        os.utime(path)  # the time of last use decides what is evicted
    return payload


def put(name: str, payload: bytes) -> None:
    """Keep an entry: written beside its place and moved there, so that no reader ever sees half of it."""
    most = limit()
    data = _MAGIC + hashlib.sha256(payload).digest() + payload
    if len(data) > most:
        return
    try:
        folder = directory()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_trusted(folder.stat()):
            return
        temporary = folder / f".wengert-{os.getpid()}-{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
            os.replace(temporary, folder / (name + _SUFFIX))
        except BaseException:
            _remove(temporary)
            raise
    except (OSError, RuntimeError):
        return
    _count(len(data), most)


def entries() -> list[tuple[Path, int, float]]:
    """(file, bytes, time of last use) of every entry; OSError if the directory cannot be read."""
    try:
        return [(path, info.st_size, info.st_mtime) for path, info in _files(_ENTRY)]
    except FileNotFoundError:
        return []


def clear() -> int:
    """Delete every entry; how many there were. OSError if one cannot be deleted."""
    count = 0
    for path, _, _ in entries():
        path.unlink(missing_ok=True)
        count += 1
    for path, _ in _files(_TEMPORARY) if count else ():
        _remove(path)
    return count


def unusable() -> str:
    """Why entries are not kept in the directory; empty if they are. It need not exist yet."""
    folder = directory()
    nearest = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    if not nearest.is_dir():
        return f"{nearest} is not a directory"
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} is not writable"
    if nearest == folder and not _is_trusted(folder.stat()):
        return "others may write there, and code is run only if nobody else can have written it"
    return ""


def evict(most: int) -> None:
    """Delete what was not used for longest until all together take at most so many bytes."""
    try:
        now = time.time()
        for path, info in _files(_TEMPORARY):
            if now - info.st_mtime > _STALE:
                _remove(path)
        found = sorted(entries(), key=lambda entry: entry[2])
    except OSError:
        return
    total = sum([size for _, size, _ in found])
    for path, size, _ in found:
        if total <= most:
            break
        _remove(path)
        total -= size


def _count(size: int, most: int) -> None:
    """Look at the whole directory at the first write of a process, and then once per twentieth of the limit written."""
    with _Writes.lock:
        _Writes.bytes += size
        if _Writes.looked and _Writes.bytes * 20 < most:
            return
        _Writes.bytes, _Writes.looked = 0, True
    if sum([size for _, size, _ in _safe_entries()]) > most:
        evict(most - most // 10)


def _safe_entries() -> list[tuple[Path, int, float]]:
    try:
        return entries()
    except OSError:
        return []


def _files(pattern: re.Pattern[str]) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(directory()) as found:
        for entry in found:
            if pattern.fullmatch(entry.name):
                try:
                    yield Path(entry.path), entry.stat()
                except FileNotFoundError:  # another process was faster
                    continue


def _is_trusted(info: os.stat_result) -> bool:
    """Code is run only if it was written by this user, or root, where not everyone may write."""
    if not hasattr(os, "geteuid"):
        return True
    return info.st_uid in (os.geteuid(), 0) and not info.st_mode & stat.S_IWOTH


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
