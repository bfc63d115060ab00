"""What a function can see besides its arguments, where all of it is known never to change.

A rule that is made of such things alone needs not be run again to know that it is the same.
Knows Python's functions and nothing of arrays' meaning. Start at `constants`.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterable
from typing import Any

import numpy as np

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), np.generic, np.dtype, np.ufunc)
_LIBRARIES = ("numpy", "scipy", "math", "cmath", "operator", "wengert", "builtins")
_CHANGING = frozenset({"random", "open", "input", "eval", "exec", "globals", "locals", "vars", "id", "next", "iter", "__import__", "os"})


def constants(roots: Iterable[Any]) -> list[Any] | None:
    """Every object that these functions and values lead to, in order; None if one of them may change in place.

    Two lists of identical objects stand for the same program.

    >>> same(constants([np.sin, 2.0, "a"]), constants([np.sin, 2.0, "a"]))
    True
    >>> constants([[2.0]]) is None  # a list may change in place
    True
    """
    found: list[Any] = []
    visited: set[int] = set()
    waiting = list(roots)
    while waiting:
        x = waiting.pop()
        if isinstance(x, _ATOMS):
            found.append(x)
            continue
        if id(x) in visited:
            continue
        visited.add(id(x))
        found.append(x)
        if _is_library(x):
            continue
        if isinstance(x, tuple):
            waiting += x
        elif isinstance(x, types.FunctionType):
            seen = _seen_by(x)
            if seen is None:
                return None
            waiting += seen
        elif isinstance(x, functools.partial) and not x.__dict__:
            waiting += [x.func, *x.args, *x.keywords, *x.keywords.values()]
        elif hasattr(x, "trace_parts"):  # one of our own functions made from functions
            waiting += x.trace_parts()
        else:
            return None
    return found


def same(a: list[Any] | None, b: list[Any] | None) -> bool:
    """Whether both are known, and of the same objects."""
    return a is not None and b is not None and len(a) == len(b) and all([x is y for x, y in zip(a, b, strict=True)])


def _is_library(x: Any) -> bool:
    if isinstance(x, types.ModuleType):
        name = x.__name__
    elif isinstance(x, types.BuiltinFunctionType):
        return isinstance(x.__self__, types.ModuleType) and _is_library(x.__self__)
    elif isinstance(x, (type, types.FunctionType)) or type(x).__name__ == "_ArrayFunctionDispatcher":  # NumPy's functions
        if isinstance(x, types.FunctionType) and x.__closure__:
            return False
        name = getattr(x, "__module__", None) or ""
    else:
        return False
    return name.partition(".")[0] in _LIBRARIES and "random" not in name


def _seen_by(f: types.FunctionType) -> list[Any] | None:
    names = _names(f.__code__)
    if names is None or f.__dict__.keys() - {"__wrapped__"}:
        return None
    seen: list[Any] = [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
    for cell in f.__closure__ or ():
        try:
            seen.append(cell.cell_contents)
        except ValueError:  # not assigned yet
            return None
    space = f.__globals__
    return [*seen, *[space[name] for name in names if name in space]]


@functools.lru_cache(4096)
def _names(code: types.CodeType) -> tuple[str, ...] | None:
    """Names of globals and attributes in the code and the functions in it; None if it reaches further than they say."""
    names = list(code.co_names)
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("IMPORT_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR"):
            return None
        if instruction.opname in ("STORE_DEREF", "DELETE_DEREF") and instruction.argval in code.co_freevars:
            return None
    if not _CHANGING.isdisjoint(names):
        return None
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more = _names(inner)
            if more is None:
                return None
            names += more
    return tuple(dict.fromkeys(names))
