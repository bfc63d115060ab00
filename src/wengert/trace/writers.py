"""NumPy's functions that write into arrays given to them, and those whose results share memory with an argument.

Knows NumPy's names and boxes. Start at `call_into` and `VIEWS`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import TraceError, four_parts
from wengert.numpy.indexing import add_at, multiply_at, set_at, update_at
from wengert.numpy.indexing import max_at as maximum_at
from wengert.numpy.indexing import min_at as minimum_at
from wengert.numpy.promote import is_traced, stack_objects
from wengert.numpy.table import implements, lookup
from wengert.source import here
from wengert.trace import boxes

# -- out= ---------------------------------------------------------------------------------------------


def call_into(implementation: Any, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function, and write what it gives into the arrays given as `out`."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out")
    where = kwargs.pop("where", True) if isinstance(function, np.ufunc) else True
    targets = out if isinstance(out, tuple) else (out,)
    if isinstance(function, np.ufunc) and len(targets) == 1 and function.nin == len(args):
        require_traced(targets[0])
        boxes.require_castable(function, args, targets[0])
    result = implementation(*args, **kwargs)
    if where is not True:
        result = lookup(np.where)(where, result, targets[0])
    if function is np.dot:
        _require_same(out, result)
    return into(out, result, isinstance(function, np.ufunc) or function in _BROADCASTING)


_BROADCASTING = frozenset([np.clip, np.round, np.around])  # written by ufuncs, whose results may be broadcast into `out`


def into(out: Any, result: Any, broadcasting: bool = False) -> Any:
    """Write results into arrays, and return those. Unless they may be broadcast, shapes are the same."""
    results = result if isinstance(result, tuple) else (result,)
    for target, value in zip(out if isinstance(out, tuple) else (out,), results, strict=True):
        if target is not None:
            if not broadcasting:
                _require_fitting(target, value)
            _write(target, value)
    if not isinstance(out, tuple):
        return out
    given = tuple([value if target is None else target for target, value in zip(out, results, strict=True)])
    return given if isinstance(result, tuple) else given[0]


def _require_fitting(target: Any, value: Any) -> None:
    require_traced(target)
    if np.shape(value) != target.shape:
        raise ValueError(f"output parameter has the wrong shape {target.shape}, the result has {np.shape(value)}")


def _require_same(out: Any, result: Any) -> None:
    require_traced(out)
    if np.shape(result) != out.shape or result.dtype != out.dtype or not boxes.memory(out).flags.c_contiguous:
        raise ValueError("output array is not acceptable (must have the right datatype, number of dimensions, and be a C-Array)")


def _write(target: Any, value: Any) -> None:
    require_traced(target)
    boxes.refuse_read_only(target)
    boxes.replace(target, boxes.fit(value, target))


def require_traced(target: Any) -> None:
    """Raise for an array that cannot hold traced values."""
    if not is_traced(target):
        raise TraceError(
            four_parts(
                "an array that is not traced cannot take traced values",
                f"it is {type(target).__name__} {getattr(target, 'dtype', '')}{list(getattr(target, 'shape', ()))}",
                "It was made outside the function that is traced, or holds plain numbers that something else may see.",
                "make it inside the function, by np.zeros, np.empty or x.copy(), or pass it as an argument that is differentiated",
                here(),
            )
        )


def at(ufunc: Any, target: Any, index: Any, value: Any = None) -> None:
    """`ufunc.at(target, index, value)`: repeated indices accumulate."""
    require_traced(target)
    boxes.refuse_read_only(target)
    special = {np.add: add_at, np.multiply: multiply_at, np.maximum: maximum_at, np.minimum: minimum_at}
    if ufunc in special:
        changed = special[ufunc](target, index, value)
    elif ufunc is np.subtract:
        changed = add_at(target, index, lookup(np.negative)(value) if is_traced(value) else np.negative(value))
    elif ufunc is np.divide:
        changed = multiply_at(target, index, 1.0 / value)
    elif ufunc.nin == 1:
        changed = set_at(target, index, ufunc(target[index]))
    else:
        changed = update_at(target, index, value, ufunc)
    boxes.replace(target, changed)


# -- functions that write into their first argument ------------------------------------------------------


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    require_traced(dst)
    _write(dst, src if where is True else lookup(np.where)(where, src, dst))


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    require_traced(a)
    flat = a.flat
    index = np.asarray(ind) if not is_traced(ind) else ind
    size = int(np.prod(index.shape))
    v = stack_objects(v) if isinstance(v, (list, tuple)) else v
    values = lookup(np.resize)(v, (size,)) if is_traced(v) else np.resize(np.asarray(v), (size,))
    flat[index.reshape(-1)] = values


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    require_traced(arr)
    positions = np.flatnonzero(np.asarray(mask))
    put(arr, positions, vals)


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    require_traced(a)
    whole = lookup(np.resize)(values, a.shape) if is_traced(values) else np.resize(np.asarray(values), a.shape)
    _write(a, lookup(np.where)(mask, whole, a))


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    require_traced(a)
    pattern = np.zeros(a.shape, np.int64)
    np.fill_diagonal(pattern, np.arange(1, 1 + min(a.shape) if not wrap else 1 + a.size), wrap)
    positions = np.flatnonzero(pattern)
    put(a, positions, val)


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    require_traced(arr)
    if axis is None:
        arr, axis = arr.reshape(-1), 0
    axis = operator.index(axis) % arr.ndim
    index = [np.arange(n).reshape([-1 if k == i else 1 for k in range(arr.ndim)]) for i, n in enumerate(arr.shape)]
    arr[(*index[:axis], indices, *index[axis + 1 :])] = values


# -- results that share memory -----------------------------------------------------------------------------

# These may give their argument itself.
SAME = frozenset([np.asarray, np.asanyarray, np.real, np.asarray_chkfinite, np.require, np.real_if_close, np.nan_to_num])


def _reshaped(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    order = kwargs.get(
        "order", args[2] if function is np.reshape and len(args) > 2 else args[1] if function is np.ravel and len(args) > 1 else "C"
    )
    if order == "F":
        return value.snapshot() if value is box else value
    return boxes.reshape(box, value.shape, value)


def _relabelled(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """Axes of length 1 come or go: always a view."""
    if value is box:
        return box
    before, after = box.shape, value.shape
    again = lambda a: lookup(np.reshape)(a, after) if is_traced(a) else function(a, *args[1:], **kwargs)
    return boxes.moved_view(box, value, again, lambda v: lookup(np.reshape)(v, before))


def _contiguous(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """The array itself, if it lies in memory as asked."""
    return box if value is box and boxes.memory(box).flags.c_contiguous else value.snapshot()


def _permuted(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    marked = np.lib.stride_tricks.as_strided(np.empty(1), tuple(range(2, 2 + box.ndim)), (0,) * box.ndim)
    axes = tuple([n - 2 for n in function(marked, *args[1:], **kwargs).shape])
    return boxes.permuted(box, axes, value)


def _picked(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    move = lambda a: lookup(function)(a, *args[1:], **kwargs) if is_traced(a) else function(a, *args[1:], **kwargs)
    return boxes.picked_view(box, value, move)


def _windowed(box: Any, value: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """A view that cannot be written to."""
    out = _picked(box, value, function, args, kwargs)
    out.frozen = True
    return out


VIEWS: dict[Any, Callable[..., Any]] = {
    np.reshape: _reshaped,
    np.ravel: _reshaped,
    np.squeeze: _relabelled,
    np.ascontiguousarray: _contiguous,
    np.expand_dims: _relabelled,
    np.atleast_1d: _relabelled,
    np.atleast_2d: _relabelled,
    np.atleast_3d: _relabelled,
    np.transpose: _permuted,
    np.swapaxes: _permuted,
    np.moveaxis: _permuted,
    np.rollaxis: _permuted,
    np.matrix_transpose: _permuted,
    np.permute_dims: _permuted,
    np.flip: _picked,
    np.fliplr: _picked,
    np.flipud: _picked,
    np.rot90: _picked,
    np.lib.stride_tricks.sliding_window_view: _windowed,
}
PARTS = frozenset([np.split, np.array_split, np.hsplit, np.vsplit, np.dsplit])


def parts(box: Any, results: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """The parts that a splitting function gives, as views."""

    def part(i: int) -> Callable[[Any], Any]:
        return lambda a: (lookup(function) if is_traced(a) else function)(a, *args[1:], **kwargs)[i]

    return [boxes.picked_view(box, value, part(i)) if is_traced(value) else value for i, value in enumerate(results)]
