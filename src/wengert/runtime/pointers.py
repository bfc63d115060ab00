"""Addresses of compiled code as ctypes objects, which keep that code in memory.

Knows C's types by the names of NumPy's dtypes. Start at `function`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

_TYPES: dict[str | None, Any] = {
    "float64": ctypes.c_double,
    "float32": ctypes.c_float,
    "bool": ctypes.c_uint8,
    **{f"{sign}int{bits}": getattr(ctypes, f"c_{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def function(library: Any, symbol: str, result: str, arguments: Sequence[str | None], signature: str = "") -> Any:
    """A C function of a loaded library; an argument None is an address.

    `signature` tells how the addresses are declared (`int, double *`), where SciPy looks at it: by default any address goes.
    """
    declared = signature.split(", ") if signature else ["void *"] * len(arguments)
    addresses = {"double *": ctypes.POINTER(ctypes.c_double), "void *": ctypes.c_void_p}
    types = [_TYPES[kind] if kind is not None else addresses[text] for kind, text in zip(arguments, declared, strict=True)]
    if signature:
        types = [ctypes.c_int if text == "int" else t for t, text in zip(types, declared, strict=True)]
    made: Any = ctypes.CFUNCTYPE(_TYPES[result], *types)(library.address(symbol))  # type: ignore[arg-type]
    made.code = library
    return made


def data(array: np.ndarray) -> Any:
    """The memory of an array as an address that keeps the array."""
    address = ctypes.c_void_p(array.ctypes.data)
    address.array = array  # type: ignore[attr-defined]
    return address
