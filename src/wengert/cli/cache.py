"""`wengert cache`: where compiled code is kept on disk, how much there is, and deleting it.

Start at `cache`.
"""

from __future__ import annotations

from typing import Any

from wengert.cli.failure import Failure
from wengert.runtime import cache as disk


def cache(options: Any) -> int:
    """`wengert cache [--clear]`."""
    try:
        folder = disk.directory()
    except RuntimeError as error:
        raise Failure(f"no cache directory: {error} (try: set WENGERT_CACHE_DIR)") from error
    try:
        found = disk.entries()
        print(f"path     {folder}")
        limit = disk.limit()
        print(f"entries  {len(found)}")
        print(
            f"size     {_size(sum([size for _, size, _ in found]))} of {_size(limit)}" if limit else "size     off (WENGERT_CACHE_SIZE=0)"
        )
        if options.clear:
            print(f"deleted  {disk.clear()}")
    except OSError as error:
        raise Failure(f"the cache {folder} cannot be used: {error.strerror or error}") from error
    reason = disk.unusable()
    if reason:
        print(f"not used: {reason}")
    return 0


def _size(count: int) -> str:
    """A number of bytes as people read it."""
    for unit, bytes_ in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= bytes_:
            return f"{count / bytes_:.3g} {unit}" if count < 1000 * bytes_ else f"{count // bytes_} {unit}"
    return f"{count} bytes"
