"""Places outside of a function's arguments that native code looks at before it runs: a table of words, one row a place.

A place holds the very object that it held when the program was made, or the program may not run. Knows nothing of programs. Start at
`Place` and `table`; `codegen/guard.py` writes the code that reads the table.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# How the object is reached from the holder: dict[key], function.__code__, function.__defaults__, the content of a cell of a closure.
END, ITEM, CODE, DEFAULTS, CELL = range(5)
WORDS = 4  # of a row: how, holder, key, expected


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One place. All four are kept alive by it: addresses of objects that are gone could be those of others."""

    how: int
    holder: Any
    key: Any
    expected: Any


def table(places: Sequence[Place]) -> Any:
    """The rows, and one that ends them."""
    words = [word for p in places for word in (p.how, id(p.holder), id(p.key), id(p.expected))]
    return (ctypes.c_size_t * (len(words) + WORDS))(*words)
