"""Scratch memory of kernels: blocks that stay warm between calls, taken by one call at a time.

Native entries take a block by exchanging a cell with null and give it back the same way, so calls of several threads, or calls
within calls, never share one; this module holds the cells. Calls through Python take theirs from `Scratch`. Start at `cells`.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

from wengert.runtime import symbols

ON_STACK = 4096  # bytes up to which scratch memory is on the stack
KEPT = 28  # log2 of the largest block that stays allocated between calls: 256 MB
SELDOM = 20  # the same for calls that seldom come through Python, as native entries hold blocks of their own: 1 MB
SMALLEST = 13
_ALIGN = 64


def size_class(size: int) -> int:
    """log2 of the block that holds so many bytes."""
    return max(SMALLEST, (size - 1).bit_length())


@cache
def cells() -> int:
    """The address of one cell (a pointer to a free block, or null) per size class; the symbol `wengert.arena`."""
    memory = (ctypes.c_void_p * 64)()
    address = ctypes.addressof(memory)
    symbols.define("arena", address, memory)
    return address


symbols.provide("arena", cells)


class Scratch(threading.local):
    """Blocks of this thread, for calls through Python: taken from a list, and put back."""

    def __init__(self) -> None:
        self.free: dict[int, list[Any]] = {}

    def take(self, size: int) -> tuple[Any, int]:
        """A block of at least so many bytes -> (the block, its first aligned address)."""
        kind = size_class(size)
        free = self.free.get(kind)
        block = free.pop() if free else (ctypes.c_char * ((1 << kind) + _ALIGN))()
        return block, -(-ctypes.addressof(block) // _ALIGN) * _ALIGN

    def give(self, block: Any, seldom: bool = False) -> None:
        """Put a block back when the call is over; large ones are freed, and where such calls are `seldom` those not so large as well."""
        kind = (len(block) - _ALIGN).bit_length() - 1
        if kind <= (SELDOM if seldom else KEPT):
            free = self.free.setdefault(kind, [])
            if not free:
                free.append(block)


scratch = Scratch()
