"""Memory of large results, used again once nobody refers to them: pages that the system gives anew cost more than to write them.

A result is an array over a block; its base keeps the block. A block that only this module refers to is free. Start at `take`.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import numpy as np

from wengert.runtime import symbols

LEAST = 1 << 18  # bytes of a result from which it is worth it
KEPT = 1 << 28  # bytes that stay here at most while nobody uses them


class Blocks:
    """Blocks by their sizes: those in use, which others refer to as well, and those that are free."""

    def __init__(self) -> None:
        self.of_size: dict[int, list[np.ndarray]] = {}
        self.bytes = 0
        self.lock = threading.Lock()

    def take(self, size: int) -> np.ndarray:
        """As `take`."""
        kind = _size_class(size)
        with self.lock:
            blocks = self.of_size.setdefault(kind, [])
            for n, count in enumerate(_references(blocks)):
                if count <= _ALONE:
                    return blocks[n]
            if self.bytes + kind > KEPT:
                self.forget()
            block = np.empty(kind, np.uint8)
            if self.bytes + kind <= KEPT:
                self.of_size[kind].append(block)
                self.bytes += kind
            return block

    def forget(self) -> None:
        """Let go of the blocks that nobody uses."""
        for kind, blocks in self.of_size.items():
            used = [blocks[n] for n, count in enumerate(_references(blocks)) if count > _ALONE]
            self.bytes -= kind * (len(blocks) - len(used))
            self.of_size[kind] = used

    def unlock(self) -> None:
        """A new lock, in a forked process: the thread that held the old one is not there."""
        self.lock = threading.Lock()


def take(size: int) -> np.ndarray:
    """A block of at least so many bytes that nobody uses, as an array of bytes; whoever refers to it has it."""
    return _blocks.take(size)


def array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An array for a result, its elements not set."""
    dtype = np.dtype(dtype)
    size = dtype.itemsize
    for n in shape:
        size *= n
    return np.empty(shape, dtype) if size < LEAST else np.ndarray(shape, dtype, take(size))


def _references(blocks: list[np.ndarray]) -> list[int]:
    """How many references there are to each."""
    return [sys.getrefcount(block) for block in blocks]


_ALONE = _references([np.empty(1)])[0]  # to what only a list has: how Python counts changes between versions
_blocks = Blocks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_blocks.unlock)


def _size_class(size: int) -> int:
    """The size, with two digits in base two, that is not smaller: a quarter more at most."""
    step = 1 << max(size.bit_length() - 3, 12)
    return -(-size // step) * step


def _taker() -> int:
    symbols.define("take_result", id(take), take)
    return id(take)


symbols.provide("take_result", _taker)
