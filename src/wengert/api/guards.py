"""Ways from one of Python's objects to another, and what has to be the same there for a trace to hold.

Knows Python's objects, and of arrays their type and content. Start at `CHECKS`.
"""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import AbstractValueError
from wengert.ir.types import type_of
from wengert.ir.values import Traced
from wengert.runtime.watch import CELL, DEFAULTS, ITEM, Place

ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), np.generic, np.dtype, slice, range, enum.Enum)
MISSING = (KeyError, IndexError, AttributeError, ValueError, TypeError)  # what following a path that is gone raises

# -- how a value is reached -----------------------------------------------------------------------


def given(parent: Any, key: Any) -> Any:
    """A root has no way to it."""
    raise AssertionError("a root is given")


def item_of(parent: Any, key: Any) -> Any:
    """An item of a container."""
    return parent[key]


def cell_of(f: Any, i: int) -> Any:
    """What a closure holds."""
    return f.__closure__[i].cell_contents


def global_of(f: Any, name: str) -> Any:
    """A global of a function."""
    return f.__globals__[name]


def default_of(f: Any, i: int) -> Any:
    """The default of an argument."""
    return f.__defaults__[i]


def keyword_default_of(f: Any, name: str) -> Any:
    """The default of a keyword-only argument."""
    return f.__kwdefaults__[name]


def imported_by(f: Any, name: str) -> Any:
    """A module that a function imports by itself."""
    return sys.modules.get(name)


def own_of(x: Any, name: str) -> Any:
    """An attribute of the object itself."""
    return x.__dict__[name]


def attribute_of_class(x: Any, key: tuple[int, str]) -> Any:
    """An attribute of one of the classes in the order of resolution."""
    cls = x if isinstance(x, type) else type(x)
    return cls.__mro__[key[0]].__dict__[key[1]]


def inherited_by(x: Any, key: tuple[int, str]) -> Any:
    """As `attribute_of_class`, where nothing nearer has the name."""
    order = x.__mro__ if isinstance(x, type) else type(x).__mro__
    if not isinstance(x, type) and key[1] in getattr(x, "__dict__", ()) or any([key[1] in c.__dict__ for c in order[: key[0]]]):
        raise KeyError(key[1])
    return order[key[0]].__dict__[key[1]]


def argument_of(p: Any, i: int) -> Any:
    """An argument kept by functools.partial."""
    return p.args[i]


def keyword_of(p: Any, key: str) -> Any:
    """A keyword argument kept by functools.partial."""
    return p.keywords[key]


def part_of(x: Any, i: int) -> Any:
    """A part of one of our own functions."""
    return x.trace_parts()[i]


def inside_of(x: Any, _: Any) -> Any:
    """The function inside a property, a static method or their like."""
    for name in ("__wrapped__", "fget", "func"):
        if hasattr(x, name):
            return getattr(x, name)
    return None


def place_of(read: Callable[[Any, Any], Any], parent: Any, key: Any, value: Any) -> Place | None:
    """The place that `read(parent, key)` looks at, as native code can; None where it cannot."""
    if read is global_of and type(parent.__globals__) is dict:
        return Place(ITEM, parent.__globals__, key, value)
    if read is own_of and isinstance(parent, types.ModuleType) and type(vars(parent)) is dict:
        return Place(ITEM, vars(parent), key, value)
    if read is cell_of:
        return Place(CELL, parent.__closure__[key], None, value)
    if read is default_of:
        return Place(DEFAULTS, parent, None, parent.__defaults__)
    return None


# -- whether the trace still holds ------------------------------------------------------------------


def expectation(kind: str, value: Any) -> Any:
    """What `CHECKS[kind]` compares a later value with."""
    if kind == "function":
        return value.__code__, value.__globals__
    if kind in ("sequence", "partial", "method", "instance", "transformed"):
        return type(value), len(value) if kind == "sequence" else 0
    if kind == "dict":
        return type(value), list(value)
    if kind == "atoms":
        return type(value), list(value)
    return set(value) if kind == "set" else value


def nothing(parent: Any, key: Any) -> Any:
    """Where nothing is to be read."""
    return None


def always(value: Any, expected: Any) -> bool:
    """Where nothing is to be compared."""
    return True


def identical(value: Any, expected: Any) -> bool:
    """The very object."""
    return value is expected


def same_atom(value: Any, expected: Any) -> bool:
    """The same number, string or other constant, types and signs of zero told apart."""
    if value is expected:
        return True
    if type(value) is not type(expected):
        return False
    if isinstance(value, (float, complex, np.generic, slice)):
        return repr(value) == repr(expected)  # tells 0.0 from -0.0, and knows a NaN again
    return bool(value == expected)


def _same_function(value: Any, expected: tuple[Any, Any]) -> bool:
    return type(value) is types.FunctionType and value.__code__ is expected[0] and value.__globals__ is expected[1]


def _same_kind(value: Any, expected: tuple[type, int]) -> bool:
    return type(value) is expected[0] and (not expected[1] or len(value) == expected[1])


def _same_keys(value: Any, expected: tuple[type, list[Any]]) -> bool:
    return type(value) is expected[0] and list(value) == expected[1]


def _same_atoms(value: Any, expected: tuple[type, list[Any]]) -> bool:
    return type(value) is expected[0] and len(value) == len(expected[1]) and all(map(same_atom, value, expected[1]))


def _same_set(value: Any, expected: set[Any]) -> bool:
    return bool(value == expected)


CHECKS: dict[str, Callable[[Any, Any], bool]] = {
    "function": _same_function,
    "sequence": _same_kind,
    "partial": _same_kind,
    "method": _same_kind,
    "transformed": _same_kind,
    "instance": _same_kind,
    "dict": _same_keys,
    "atoms": _same_atoms,
    "set": _same_set,
}


def _is_plain(array: np.ndarray) -> bool:
    return array.dtype.kind in "fciub" and (type(array) is np.ndarray or isinstance(array, (np.memmap, np.recarray)))


def is_numeric(value: Any) -> bool:
    """Whether it is an array that can be traced."""
    return isinstance(value, Traced) or _is_plain(value)


def type_seen(value: Any) -> Any:
    """The array type of an array or a traced value."""
    return value.type if isinstance(value, Traced) else type_of(value)


def same_type(value: Any, expected: Any) -> bool:
    """An array of the same shape and dtype."""
    if isinstance(value, Traced):
        return value.type is expected
    return isinstance(value, np.ndarray) and _is_plain(value) and type_of(value) is expected


def _concrete(value: Any) -> Any:
    return value.concrete() if isinstance(value, Traced) else value  # type: ignore[attr-defined]


def snapshot(value: Any) -> Any:
    """A copy of an array's values; None where they are not known."""
    try:
        return np.array(_concrete(value), copy=True, subok=False)
    except AbstractValueError:
        return None


def same_content(value: Any, expected: Any) -> bool:
    """An array of the same values, bit by bit."""
    if expected is None or not isinstance(value, (Traced, np.ndarray)):
        return False
    try:
        value = np.asarray(_concrete(value))
    except AbstractValueError:
        return False
    if value.dtype != expected.dtype or value.shape != expected.shape:
        return False
    if value.dtype.kind == "O":
        return all([a is b for a, b in zip(value.ravel(), expected.ravel(), strict=True)])
    if value.dtype.kind in "iub":
        return bool(np.array_equal(value, expected))
    return np.ascontiguousarray(value).tobytes() == expected.tobytes()


def difference(node: Any, value: Any) -> str:
    """How a value differs from what the trace depends on, in words."""
    before, now = node.expected, value
    if node.check is same_type:
        now = repr(type_seen(value)) if isinstance(value, (Traced, np.ndarray)) else f"a {type(value).__name__}"
        return f"{node.label} was {before!r} and is now {now}"
    if node.check is same_content:
        return f"the values in {node.label} have changed, and the program depends on them"
    if node.check is _same_function:
        return f"the function {node.label} is another one"
    if node.check in (same_atom, _same_atoms, _same_set):
        before = before[1] if node.check is _same_atoms else before
        return f"{node.label} was {before!r} and is now {now!r}"[:300]
    if node.check is _same_keys:
        return f"{node.label} has other keys: {list(now) if isinstance(now, dict) else type(now).__name__}"[:300]
    return f"{node.label} is another object: {type(value).__name__}"
