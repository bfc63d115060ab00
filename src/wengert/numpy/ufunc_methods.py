"""The methods of ufuncs on traced values: reduce, accumulate, outer, reduceat; `at` writes in place and is refused.

Start at `ufunc_method`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import UnknownFunctionError, four_parts
from wengert.numpy.arguments import NO_VALUE, array, axes_of, axis_of, flag, given, kept, refuse_keyword
from wengert.numpy.promote import result_dtypes
from wengert.numpy.reductions import truth
from wengert.numpy.table import lookup
from wengert.primitives import reduce as primitive
from wengert.source import here

REDUCTIONS: dict[Any, Any] = {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
    np.logical_and: np.all,
    np.logical_or: np.any,
}
ACCUMULATIONS: dict[Any, Any] = {
    np.add: primitive.cumsum,
    np.multiply: primitive.cumprod,
    np.maximum: primitive.cummax,
    np.minimum: primitive.cummin,
}


def ufunc_method(ufunc: Any, method: str, *args: Any, **keywords: Any) -> Any:
    """ufunc.method(*args, **keywords) for traced arguments."""
    found = {"reduce": _reduce, "accumulate": _accumulate, "outer": _outer, "reduceat": _reduceat}.get(method)
    if found is None:
        raise UnknownFunctionError(four_parts(f"np.{ufunc.__name__}.{method} has no derivative rule", where=here()))
    return found(ufunc, *args, **keywords)


_REORDERABLE = (np.hypot, np.logaddexp, np.logaddexp2, np.fmax, np.fmin, np.logical_xor)


def _reduce(
    ufunc: Any,
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = NO_VALUE,
    where: Any = True,
) -> Any:
    """Along axis 0 by default, where functions reduce everything."""
    function = REDUCTIONS.get(ufunc)
    keepdims = flag(keepdims)
    if function is None:
        if where is not True:
            return refuse_keyword(f"{ufunc.__name__}.reduce", "where", "select the elements, or use np.where on each step")
        return _fold(ufunc, a if dtype is None else array(a).astype(dtype), axis, keepdims, initial)
    options: dict[str, Any] = {"axis": axis, "keepdims": keepdims}
    if given(initial) and function not in (np.any, np.all):
        options["initial"] = initial
    if given(where) and where is not True:
        options["where"] = where
    if dtype is not None:
        a = array(a).astype(dtype)
    return lookup(function)(a, **options)


def _fold(ufunc: Any, a: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    """Any other binary ufunc: logaddexp by its own primitive, the rest one step after another."""
    x = _own(ufunc, array(a))
    axes = axes_of(axis, x.ndim)
    if ufunc is np.logaddexp and not given(initial) and x.dtype.kind == "f":
        y = primitive.logsumexp(x, axes)
        return np.expand_dims(y, axes) if keepdims and axes else y
    if len(axes) != 1 and ufunc in _REORDERABLE:
        x = np.moveaxis(x, axes, tuple(range(len(axes))))
        y = _fold(ufunc, np.reshape(x, (-1, *x.shape[len(axes) :])), 0, False, initial)
        return kept(y, array(a).shape, axes, keepdims)
    if len(axes) != 1:
        raise ValueError(f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be specified")
    moved = np.moveaxis(x, axes[0], 0)
    parts = [moved[i] for i in range(moved.shape[0])]
    if given(initial):
        parts.insert(0, initial)
    if not parts and ufunc in (np.hypot, np.logical_xor):
        return kept(np.zeros(moved.shape[1:], x.dtype)[()], x.shape, axes, keepdims)
    if not parts:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    y = parts[0]
    for part in parts[1:]:
        y = ufunc(y, part)
    return np.expand_dims(y, axes[0]) if keepdims else y


def _accumulate(ufunc: Any, array_: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    x = _own(ufunc, array(array_))
    x = x.astype(dtype) if dtype is not None else x
    axis = axis_of(axis, x.ndim)
    found = ACCUMULATIONS.get(ufunc)
    if found is not None and x.dtype.kind != "b":
        if found in (primitive.cumsum, primitive.cumprod):
            return lookup(np.cumsum if found is primitive.cumsum else np.cumprod)(x, axis)
        return found(x, axis)
    moved = np.moveaxis(x, axis, 0)
    parts = [moved[i] for i in range(min(moved.shape[0], 1))]
    for i in range(1, moved.shape[0]):
        parts.append(ufunc(parts[-1], moved[i]))
    return np.moveaxis(np.stack(parts), 0, axis) if parts else x


def _own(ufunc: Any, x: Any) -> Any:
    """X in the dtype that the ufunc can go on from: truth for the logical ones; the comparisons have none."""
    if ufunc in (np.logical_and, np.logical_or, np.logical_xor):
        return truth(x)
    result = result_dtypes(ufunc, (x.dtype, x.dtype))[-1]
    if result.kind == "b" and x.dtype.kind != "b":
        raise TypeError(f"No loop matching the specified signature and casting was found for ufunc {ufunc.__name__}")
    return x


def _outer(ufunc: Any, a: Any, b: Any, **keywords: Any) -> Any:
    x, y = array(a), array(b)
    return ufunc(np.reshape(x, x.shape + (1,) * y.ndim), y, **keywords)


def _reduceat(ufunc: Any, array_: Any, indices: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """The reduction of each stretch from one index to the next; of one element where the next is not after it."""
    x = array(array_)
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis]
    starts = [int(i) for i in np.asarray(indices)]
    lead = (slice(None),) * axis
    parts = []
    for i, start in enumerate(starts):
        stop = starts[i + 1] if i + 1 < len(starts) else n
        parts.append(_reduce(ufunc, x[(*lead, slice(start, max(stop, start + 1)))], axis, dtype))
    return np.stack(parts, axis=axis)
