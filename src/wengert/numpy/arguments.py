"""NumPy's conventions for arguments: axes, shapes, defaults, dtypes of reductions.

Knows no operation but reshape and cast. Start at `array` and `axes_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from wengert.errors import UnknownFunctionError, four_parts
from wengert.numpy.promote import as_operand, innermost, is_traced, lifted
from wengert.primitives.shape import cast, reshape
from wengert.source import here

NO_VALUE = np._NoValue  # type: ignore[attr-defined]


def array(x: Any) -> Any:
    """x as something with a shape and a dtype: traced, or a NumPy array or scalar."""
    x = as_operand(x)
    return np.asarray(x)[()] if isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic) else x


def arrays(*xs: Any) -> list[Any]:
    """Several arguments, the concrete ones lifted into the trace of the traced ones."""
    operands = [array(x) for x in xs]
    trace = innermost(operands)
    return [lifted(x, trace) for x in operands]


def given(x: Any) -> bool:
    """Whether an argument was given: neither None nor NumPy's own mark."""
    return x is not None and x is not NO_VALUE


def flag(x: Any, default: bool = False) -> bool:
    """A keyword such as `keepdims`, which NumPy may leave unset."""
    return bool(x) if given(x) else default


def axis_of(axis: Any, ndim: int) -> int:
    """One axis, counted from the front; AxisError as NumPy's."""
    return int(normalize_axis_index(int(axis) if is_traced(axis) else axis, ndim))


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes, counted from the front and sorted; all of them for None."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and 0 <= axis < ndim:
        return (axis,)
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def kept(x: Any, shape: Sequence[int], axes: Sequence[int], keepdims: Any) -> Any:
    """A reduced value with its axes kept as ones where `keepdims` asks for it."""
    if not flag(keepdims):
        return x
    return reshape(x, tuple([1 if a in axes else n for a, n in enumerate(shape)]))


def in_dtype(x: Any, dtype: Any) -> Any:
    """x in a dtype, itself if none is given."""
    if not given(dtype):
        return x
    dtype = np.dtype(dtype)
    return cast(x, dtype) if is_traced(x) else np.asarray(x).astype(dtype)[()]


@lru_cache(maxsize=256)
def accumulated(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which np.sum and np.prod accumulate: small integers grow."""
    return np.add.reduce(np.empty(0, dtype)).dtype if dtype.kind in "biu" else dtype


def shape_argument(shape: Any) -> tuple[int, ...]:
    """A shape given as a number or a sequence of numbers."""
    if isinstance(shape, (tuple, list)):
        return tuple([int(n) for n in shape])
    if isinstance(shape, np.ndarray) and shape.ndim:
        return tuple([int(n) for n in shape])
    return (int(shape),)


def static(x: Any) -> Any:
    """An argument that shapes depend on, as NumPy's own integers: a traced one is asked for its value."""
    if is_traced(x):
        return x.concrete()
    if isinstance(x, (list, tuple)):
        return type(x)([static(item) for item in x]) if not hasattr(x, "_fields") else x
    return x


def refuse_keyword(function: str, name: str, instead: str = "leave it out") -> Any:
    """Raise: a keyword that has no meaning, or no rule, for traced values."""
    raise UnknownFunctionError(four_parts(f"np.{function}(…, {name}=) cannot be traced", where=here(), instead=instead))


def refuse(function: str, why: str, instead: str) -> Any:
    """Raise: a function that has no meaning for traced values."""
    raise UnknownFunctionError(four_parts(f"np.{function} of a traced value is refused", why=why, instead=instead, where=here()))
