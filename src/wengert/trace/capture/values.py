"""What a variable may hold when control flow is part of the program: nothing yet, perhaps nothing, data, or what is the same on every path.

Start at `UNDEFINED`, `Maybe` and `flatten`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert import tree
from wengert.ir.types import ArrayType, array_type, type_of
from wengert.ir.values import Traced


class _Undefined:
    """A variable that is not assigned yet."""

    def __repr__(self) -> str:
        return "<not assigned yet>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnboundLocalError("a local variable is used before it is assigned")


UNDEFINED: Any = _Undefined()


class Maybe:
    """A variable that is assigned on some paths only: whether it is, is found when the program runs."""

    __slots__ = ("flag", "value")

    def __init__(self, value: Any, flag: Any) -> None:
        self.value, self.flag = value, flag


def parts(value: Any) -> tuple[Any, Any]:
    """The value, and whether it is there: True, False, or a traced bool."""
    if value is UNDEFINED:
        return UNDEFINED, False
    if type(value) is Maybe:
        return value.value, value.flag
    return value, True


_NUMBERS = (bool, int, float, complex)


def is_data(leaf: Any) -> bool:
    """Whether the program can carry it: a number or an array."""
    if isinstance(leaf, (Traced, *_NUMBERS)):
        return not isinstance(leaf, int) or -(2**63) <= leaf < 2**63
    return isinstance(leaf, (np.ndarray, np.generic)) and leaf.dtype.kind in "fciub"


def is_weak(leaf: Any) -> bool:
    """Whether it takes the dtype of what stands beside it, as Python's numbers do."""
    return type(leaf) in (int, float, complex) or bool(getattr(leaf, "weak", False))


def kind_of(leaf: Any) -> ArrayType:
    """The type of data."""
    if isinstance(leaf, Traced):
        return leaf.type  # type: ignore[return-value]
    return type_of(np.asarray(leaf)[()] if isinstance(leaf, _NUMBERS) else leaf)  # type: ignore[return-value]


def join(a: tuple[ArrayType, bool], b: tuple[ArrayType, bool]) -> tuple[ArrayType, bool] | None:
    """The type that holds both, and whether it is weak; None if their shapes differ."""
    (s, weak_s), (t, weak_t) = a, b
    if s.shape != t.shape:
        return None
    if weak_s == weak_t:
        return array_type(s.shape, np.result_type(s.dtype, t.dtype)), weak_s
    strong, weak = (t, s) if weak_s else (s, t)
    python = {"b": False, "i": 0, "u": 0, "f": 0.0, "c": 0j}[weak.dtype.kind]
    return array_type(s.shape, np.result_type(strong.dtype, python)), False


def same(a: Any, b: Any) -> bool:
    """Whether two things that are no data are the same on all paths."""
    if a is b:
        return True
    if is_data(a) or is_data(b) or type(a) is not type(b):
        return False
    try:
        return bool(a == b)
    except Exception:
        return False


def flatten(value: Any) -> tuple[list[Any], Any]:
    """Leaves and structure of what a variable holds."""
    if type(value) is Maybe or value is UNDEFINED:
        return [value], None
    return tree.flatten(value)
