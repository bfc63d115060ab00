"""Functions in C for the suite: compiled when a problem is built, called through ctypes with arguments that are converted beforehand.

Knows no problem. Start at `Program`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.native.measure import c_library

DOUBLE, LONG = ctypes.c_double, ctypes.c_long


class Program:
    """C text, compiled as measure.FLAGS say. Raises ModuleNotFoundError where there is no compiler."""

    def __init__(self, source: str) -> None:
        self._library = c_library(source)
        if self._library is None:
            raise ModuleNotFoundError("there is no C compiler on PATH")

    def bound(self, name: str, *arguments: Any, returns: Any = DOUBLE) -> Callable[[], Any]:
        """The function with these arguments: arrays as pointers to their memory, ints as long, floats as double."""
        function = getattr(self._library, name)
        function.restype = returns
        call = partial(function, *[_converted(a) for a in arguments])
        call.keeps = arguments  # type: ignore[attr-defined]  # the arrays live as long as the pointers to them
        return call


def _converted(argument: Any) -> Any:
    if isinstance(argument, np.ndarray):
        if not argument.flags.c_contiguous:
            raise ValueError("C is given arrays that are contiguous")
        return ctypes.c_void_p(argument.ctypes.data)
    return DOUBLE(argument) if isinstance(argument, float) else LONG(argument)
