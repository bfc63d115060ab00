"""Sorting, searching, and picking elements: sort, partition, searchsorted, take, choose, nonzero.

Positions are integers and have no derivative; where a result's shape depends on values, those are
asked for, and refused where only types are known. Start at `take`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.numpy.arguments import array, axis_of, flag, refuse, refuse_keyword, static
from wengert.numpy.indexing import Plan
from wengert.numpy.promote import innermost, is_traced, promoted
from wengert.numpy.reductions import truth
from wengert.numpy.table import implements, refuse_out
from wengert.primitives import index as index_primitive
from wengert.primitives import reduce
from wengert.primitives.shape import broadcast, reshape

# -- picking ------------------------------------------------------------------------------


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Elements by position along an axis."""
    if out is not None:
        refuse_out(np.take)
    x, indices = array(a), array(indices)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis]
    if mode == "wrap":
        indices = indices % n
    elif mode == "clip":
        indices = np.clip(indices, 0, n - 1)
    if indices.dtype.kind not in "iub":
        raise TypeError(f"Cannot cast array data from dtype('{indices.dtype}') to dtype('int64') according to the rule 'safe'")
    indices = indices.astype(np.intp) if indices.dtype.kind == "b" else indices
    trace = innermost([x, indices])
    x = trace.lift(x) if trace is not None and not is_traced(x) else x
    return Plan((*[slice(None)] * axis, indices), x.shape).get(x)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    x, indices = array(arr), array(indices)
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = axis_of(axis, x.ndim)
    if x.ndim != indices.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    rest = np.broadcast_shapes(_without(x.shape, axis), _without(indices.shape, axis))
    trace = innermost([x, indices])

    def widen(v: Any) -> Any:
        shape = (*rest[:axis], v.shape[axis], *rest[axis:])
        return v if v.shape == shape else broadcast(v if is_traced(v) else trace.lift(v), shape)

    return index_primitive.take_along(widen(x), widen(indices), axis)


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Element by element, one of several arrays."""
    if out is not None:
        refuse_out(np.choose)
    choices = list(choices)
    n = len(choices)
    index = array(a)
    if mode == "wrap":
        index = index % n
    elif mode == "clip":
        index = np.clip(index, 0, n - 1)
    elif not is_traced(index) and np.any((index < 0) | (index >= n)):
        raise ValueError("invalid entry in choice array")
    parts = promoted(*choices)
    result = parts[-1]
    for k in range(n - 2, -1, -1):
        result = np.where(index == k, parts[k], result)
    return result if n > 1 else np.broadcast_to(result, np.broadcast_shapes(result.shape, index.shape))


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    if out is not None:
        refuse_out(np.compress)
    return take(a, np.flatnonzero(static(condition)), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return take(arr, np.flatnonzero(static(condition)))


# -- sorting ------------------------------------------------------------------------------


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """Sorted; the derivative follows the stable permutation."""
    x = array(a)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    return reduce.sort(x, axis_of(axis, x.ndim))


@implements(np.argsort)
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    x = array(a)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    return reduce.argsort(x, axis_of(axis, x.ndim))


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """A partition that is sorted throughout, as NumPy's may be."""
    return sort(a, axis)


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    return argsort(a, axis)


@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    x = sort(a)
    return x if x.dtype.kind == "c" else x.astype(np.result_type(x.dtype, np.complex64))


@implements(np.lexsort)
def lexsort(keys: Any, axis: Any = -1) -> Any:
    """The permutation that sorts by the last key, then by the one before it, …"""
    keys = list(keys)
    order = None
    for key in keys:
        key = array(key)
        along = axis_of(axis, key.ndim)
        step = argsort(key if order is None else take_along_axis(key, order, along), along)
        order = step if order is None else take_along_axis(order, step, along)
    return order


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where v would be put into the sorted a, by bisection: every comparison is recorded, none is a branch."""
    a, v = array(a), array(v)
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right' (got {side!r})")
    if sorter is not None:
        a = take(a, sorter)
    n = a.shape[0]
    compare = np.less if side == "left" else np.less_equal
    if n * v.size <= 4096:
        wide = np.reshape(v, (*v.shape, 1))
        return np.sum(compare(a, wide), axis=-1, dtype=np.intp)
    found: Any = np.zeros(v.shape, np.intp)
    step = 1 << n.bit_length()
    while step > 1:
        step >>= 1
        there = found + step
        below = (there <= n) & compare(take(a, np.minimum(there, n) - 1), v)
        found = np.where(below, there, found)
    return found


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    edges = array(bins)
    known = static(edges)
    if known.ndim != 1:
        raise ValueError("object too deep for desired array")
    if known.size > 1 and known[0] > known[-1]:
        return known.size - searchsorted(edges[::-1], x, "right" if right else "left")
    return searchsorted(edges, x, "left" if right else "right")


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> Any:
    """Positions in a row-major array as one index an axis."""
    rest, found = array(indices), []
    sizes = list(shape) if np.ndim(shape) else [shape]
    for n in sizes[::-1] if order == "C" else sizes:
        found.append(rest % n)
        rest = rest // n
    return tuple(found[::-1] if order == "C" else found)


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: str = "raise", order: str = "C") -> Any:
    """The inverse of `unravel_index`; of traced indices the bounds are not checked."""
    if mode != "raise":
        return refuse_keyword("ravel_multi_index", "mode", "np.clip or % before it")
    flat: Any = 0
    pairs = list(zip(multi_index, dims, strict=True))
    for i, n in pairs if order == "C" else pairs[::-1]:
        flat = flat * n + i
    return flat


# -- positions that depend on values ---------------------------------------------------------


@implements(np.nonzero)
def nonzero(a: Any) -> Any:
    return np.nonzero(static(truth(array(a))))


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    return np.flatnonzero(static(truth(array(a))))


@implements(np.argwhere)
def argwhere(a: Any) -> Any:
    return np.argwhere(static(truth(array(a))))


@implements(np.isin)
def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None) -> Any:
    x, tests = array(element), array(test_elements)
    found = np.any(np.reshape(x, (*x.shape, 1)) == np.reshape(tests, (-1,)), axis=-1)
    return ~found if invert else found


@implements(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The distinct values: the first of each, so the derivative goes to that one."""
    x = array(ar)
    found = np.unique(
        static(x), return_index=True, return_inverse=return_inverse, return_counts=return_counts, axis=axis, equal_nan=equal_nan
    )
    values = take(x, found[1], axis)
    rest = found[1 if return_index else 2 :]
    return (values, *rest) if rest else values


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Sums of weights over equal numbers."""
    numbers = np.asarray(static(array(x)))
    if weights is None:
        return np.bincount(numbers, None, minlength)
    w = array(weights)
    if w.dtype.kind == "c":
        raise TypeError("Cannot cast array data from complex to float64 according to the rule 'safe'")
    size = max(int(numbers.max(initial=-1)) + 1, minlength)
    w = w.astype(np.float64) if w.dtype != np.float64 else w
    return index_primitive.scatter_add(np.zeros(size), (numbers.astype(np.intp),), w)


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """Counts by values that are asked for; sums of traced weights are differentiable in these alone."""
    values = static(array(a))
    if is_traced(a) and range is None and np.ndim(bins) == 0:
        if isinstance(bins, str):
            return refuse_keyword("histogram", "bins", "give the edges or their number")
        bins = np.linspace(np.min(a), np.max(a), int(bins) + 1)  # the edges move with the extrema
        counts, _ = histogram(values, static(bins), None, density, weights)
        return counts, bins
    if weights is None or is_traced(bins) or flag(density):
        known = np.histogram(values, static(bins), range, density, None if weights is None else static(weights))
        if weights is not None and is_traced(weights):
            return refuse_keyword("histogram", "density")
        return known
    edges = np.histogram_bin_edges(values, bins, range, static(weights))
    inside = (values >= edges[0]) & (values <= edges[-1])
    chosen = np.flatnonzero(inside)
    place = np.clip(np.searchsorted(edges, np.ravel(values)[chosen], "right") - 1, 0, len(edges) - 2)
    held = take(weights, chosen)
    if held.dtype.kind == "c":
        return bincount(place, held.real, len(edges) - 1) + 1j * bincount(place, held.imag, len(edges) - 1), edges
    return bincount(place, held, len(edges) - 1).astype(held.dtype), edges


def _refused(function: Any, why: str, instead: str) -> None:
    def refused(*args: Any, **keywords: Any) -> Any:
        return refuse(function.__name__, why, instead)

    implements(function)(refused)


_SHAPE = "The shape of its result depends on values."
for _function in (
    np.unique_all,
    np.unique_counts,
    np.unique_inverse,
    np.unique_values,
    np.union1d,
    np.intersect1d,
    np.setdiff1d,
    np.setxor1d,
):
    _refused(_function, _SHAPE, "np.unique, or wengert.stop_gradient and NumPy on concrete values")
for _function in (np.histogram2d, np.histogramdd, np.histogram_bin_edges):
    _refused(_function, "Counting is piecewise constant: its derivative is zero or does not exist.", "np.histogram")
