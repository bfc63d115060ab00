"""Memory of large results, used again once nobody refers to them: pages that the system gives anew cost more than to write them.

A result is an array over a block; its base keeps the block. A block that only this module refers to is free. Start at `take`.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np

from wengert.runtime import symbols

LEAST = 1 << 18  # bytes of a result from which it is worth it
KEPT = 1 << 28  # bytes that stay here at most while nobody uses them

_ALONE = 3  # references to a block that only the list has: its own, the loop's variable, getrefcount's argument
_lock = threading.Lock()
_blocks: dict[int, list[np.ndarray]] = {}
_held = 0  # bytes of all blocks in the lists


def take(size: int) -> np.ndarray:
    """A block of at least so many bytes that nobody uses, as an array of bytes; whoever refers to it has it."""
    global _held
    kind = _size_class(size)
    with _lock:
        for block in _blocks.setdefault(kind, []):
            if sys.getrefcount(block) == _ALONE:
                return block
        if _held + kind > KEPT:
            _forget()
        block = np.empty(kind, np.uint8)
        if _held + kind <= KEPT:
            _blocks[kind].append(block)
            _held += kind
        return block


def array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array for a result, its elements not set."""
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    return np.empty(shape, dtype) if size < LEAST else np.ndarray(shape, dtype, take(size))


def _forget() -> None:
    """Let go of the blocks that nobody uses."""
    global _held
    for kind, blocks in _blocks.items():
        used = [block for block in blocks if sys.getrefcount(block) > _ALONE]
        _held -= kind * (len(blocks) - len(used))
        _blocks[kind] = used


def _size_class(size: int) -> int:
    """The size, with two digits in base two, that is not smaller: a quarter more at most."""
    step = 1 << max(size.bit_length() - 3, 12)
    return -(-size // step) * step


def _taker() -> int:
    symbols.define("take_result", id(take), take)
    return id(take)


symbols.provide("take_result", _taker)
