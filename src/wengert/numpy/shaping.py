"""Functions that move elements: reshape, transpose, join, split, repeat, tile, roll, flip, pad.

Knows the primitives of `shape`; composites are plain NumPy on traced values. Start at `reshape`.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.exceptions import AxisError
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.errors import ShapeError, four_parts
from wengert.numpy import promote
from wengert.numpy.arguments import array, arrays, axis_of, in_dtype, refuse_keyword, shape_argument, static
from wengert.numpy.promote import broadcast_shapes, is_traced
from wengert.numpy.table import implements, refuse_out
from wengert.primitives import shape as primitive
from wengert.primitives.index import windows
from wengert.source import here

# -- one array under another shape ------------------------------------------------------------


@implements(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    x = array(a)
    wanted = shape_argument(static(newshape if shape is None else shape))
    if wanted.count(-1) == 1:
        rest = math.prod([n for n in wanted if n != -1])
        if rest == 0 or x.size % rest:
            raise ShapeError(four_parts(f"cannot reshape array of size {x.size} into shape {wanted}", where=here()))
        wanted = tuple([x.size // rest if n == -1 else n for n in wanted])
    if math.prod(wanted) != x.size or any(n < 0 for n in wanted):
        raise ShapeError(
            four_parts(f"cannot reshape array of size {x.size} into shape {wanted}", f"the array has shape {x.shape}", where=here())
        )
    if order not in ("C", "F"):
        return refuse_keyword("reshape", "order", 'order="C" or order="F": of traced values no layout in memory is known')
    if order == "F":
        return transpose(primitive.reshape(transpose(x), wanted[::-1]))
    return primitive.reshape(x, wanted)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    return reshape(a, (-1,), order) if array(a).size else primitive.reshape(array(a), (0,))


@implements(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    x = array(a)
    if axes is None:
        return primitive.permute(x, tuple(range(x.ndim))[::-1])
    perm = normalize_axis_tuple(axes, x.ndim)
    if len(perm) != x.ndim:
        raise ValueError("axes don't match array")
    return primitive.permute(x, perm)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    x = array(x)
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    x = array(a)
    i, j = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    perm = list(range(x.ndim))
    perm[i], perm[j] = j, i
    return primitive.permute(x, tuple(perm))


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    x = array(a)
    origin = normalize_axis_tuple(source, x.ndim, "source")
    target = normalize_axis_tuple(destination, x.ndim, "destination")
    if len(origin) != len(target):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    perm = [i for i in range(x.ndim) if i not in origin]
    for to, of in sorted(zip(target, origin, strict=True)):
        perm.insert(to, of)
    return primitive.permute(x, tuple(perm))


@implements(np.rollaxis)
def rollaxis(a: Any, axis: Any, start: int = 0) -> Any:
    x = array(a)
    axis = axis_of(axis, x.ndim)
    if not -x.ndim <= start <= x.ndim:
        raise AxisError(f"'start' arg requires {-x.ndim} <= start < {x.ndim + 1}, but {start} was passed in")
    start = start + x.ndim if start < 0 else start
    return primitive.move_axis(x, axis, start - 1 if axis < start else start)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    x = array(a)
    axis = axis if isinstance(axis, (tuple, list)) else (axis,)
    new = normalize_axis_tuple(axis, x.ndim + len(axis))
    sizes = iter(x.shape)
    return primitive.reshape(x, tuple([1 if i in new else next(sizes) for i in range(x.ndim + len(axis))]))


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    x = array(a)
    gone = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, x.ndim)
    if any(x.shape[i] != 1 for i in gone):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return primitive.reshape(x, tuple([n for i, n in enumerate(x.shape) if i not in gone]))


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Any:
    x, sizes = array(x), shape_argument(static(window_shape))
    if writeable:
        refuse_keyword("sliding_window_view", "writeable", "writeable=False: an element is in many windows")
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)
    if len(sizes) != len(axes):
        raise ShapeError(four_parts("a window needs a size for each axis", f"sizes {sizes} along axes {axes}", where=here()))
    return windows(x, sizes, axes)


@implements(np.broadcast_to)
def broadcast_to(array_: Any, /, shape: Any = None, subok: bool = False, **keywords: Any) -> Any:
    x, wanted = array(array_), shape_argument(shape)
    if broadcast_shapes(x.shape, wanted) != wanted:
        raise ShapeError(four_parts(f"cannot broadcast shape {x.shape} to {wanted}", where=here()))
    return primitive.broadcast(x, wanted)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    xs = arrays(*args)
    shape = broadcast_shapes(*[x.shape for x in xs])
    return tuple([primitive.broadcast(x, shape) for x in xs])


def _at_least(ndim: int, function: Any, widen: Any) -> None:
    def at_least(*arys: Any) -> Any:
        results = [x if x.ndim >= ndim else primitive.reshape(x, widen(x.shape)) for x in map(array, arys)]
        return results[0] if len(results) == 1 else tuple(results)

    at_least.__name__ = function.__name__
    implements(function)(at_least)


_at_least(1, np.atleast_1d, lambda s: (1,))
_at_least(2, np.atleast_2d, lambda s: (1, *s) if s else (1, 1))
_at_least(3, np.atleast_3d, lambda s: {0: (1, 1, 1), 1: (1, *s, 1), 2: (*s, 1)}[len(s)])


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    x = array(m)
    axes = tuple(range(x.ndim)) if axis is None else tuple(sorted(normalize_axis_tuple(axis, x.ndim)))
    return primitive.Flip(axes)(x) if axes else x


@implements(np.flipud)
def flipud(m: Any) -> Any:
    return flip(m, 0)


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    return flip(m, 1)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    x = array(m)
    i, j = normalize_axis_tuple(axes, x.ndim)
    k = int(k) % 4
    if k == 2:
        return flip(x, (i, j))
    if k == 0:
        return x
    return swapaxes(flip(x, j), i, j) if k == 1 else flip(swapaxes(x, i, j), j)


# -- several arrays into one --------------------------------------------------------------------


@implements(np.concatenate, np.concat)
def concatenate(arrays: Any, /, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    if out is not None:
        refuse_out(np.concatenate)
    parts = list(arrays) if not is_traced(arrays) else [arrays[i] for i in range(arrays.shape[0])]
    if not parts:
        raise ValueError("need at least one array to concatenate")
    parts = promote.promoted(*[array(p) for p in parts])
    if axis is None:
        parts, axis = [ravel(p) for p in parts], 0
    first = parts[0].shape
    axis = axis_of(axis, len(first))
    for p in parts:
        if len(p.shape) != len(first) or p.shape[:axis] + p.shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            shapes = ", ".join([str(p.shape) for p in parts])
            raise ShapeError(
                four_parts(
                    f"arrays cannot be concatenated along axis {axis}", f"shapes: {shapes}", "All other axes must agree.", where=here()
                )
            )
    parts = [in_dtype(p, dtype) for p in parts]
    return parts[0] if len(parts) == 1 else primitive.Concatenate(axis)(*parts)


@implements(np.stack)
def stack(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    if out is not None:
        refuse_out(np.stack)
    parts = list(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    y = promote.stack(parts, axis_of(axis, len(promote.shape_of(promote.as_operand(parts[0]))) + 1))
    return in_dtype(y, dtype)


def _joined(function: Any, prepare: Any, axis: Any) -> None:
    def join(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        parts = [prepare(array(p)) for p in tup]
        return concatenate(parts, axis(parts), dtype=dtype)

    join.__name__ = function.__name__
    implements(function)(join)


_joined(np.vstack, np.atleast_2d, lambda parts: 0)
_joined(np.hstack, np.atleast_1d, lambda parts: 0 if parts[0].ndim == 1 else 1)
_joined(np.dstack, np.atleast_3d, lambda parts: 2)
_joined(np.column_stack, lambda x: x if x.ndim >= 2 else np.reshape(x, (-1, 1)), lambda parts: 1)


@implements(np.block)
def block(arrays: Any) -> Any:
    """Nested lists of blocks: the innermost joined along the last axis, and so outwards."""

    def depth_of(x: Any) -> int:
        return 1 + depth_of(x[0]) if isinstance(x, list) else 0

    depth = depth_of(arrays)
    ndim = depth

    def widest(x: Any) -> int:
        return max([widest(i) for i in x]) if isinstance(x, list) else array(x).ndim

    ndim = max(depth, widest(arrays))

    def build(x: Any, level: int) -> Any:
        if isinstance(x, list):
            return concatenate([build(i, level + 1) for i in x], axis=ndim - depth + level)
        x = array(x)
        return primitive.reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return build(arrays, 0)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        return concatenate([ravel(arr), ravel(values)])
    return concatenate([arr, values], axis)


# -- one array into several ---------------------------------------------------------------------


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    n = array(ary).shape[axis]
    if np.ndim(indices_or_sections) == 0 and n % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: Any = 0) -> Any:
    x = array(ary)
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis]
    where = static(indices_or_sections)
    if np.ndim(where) == 0:
        sections = int(where)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extra = divmod(n, sections)
        cuts = [0, *np.cumsum([each + 1] * extra + [each] * (sections - extra)).tolist()]
    else:
        cuts = [0, *[int(i) for i in where], n]
    lead = (slice(None),) * axis
    return [x[(*lead, slice(a, b))] for a, b in itertools.pairwise(cuts)]


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 1 if array(ary).ndim > 1 else 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    return split(ary, indices_or_sections, 2)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: Any = 0) -> Any:
    y = np.moveaxis(array(x), axis, 0)
    return tuple([y[i] for i in range(y.shape[0])])


# -- repetition and shifts ----------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    x, times = array(A), shape_argument(reps)
    ndim = max(x.ndim, len(times))
    shape = (1,) * (ndim - x.ndim) + x.shape
    times = (1,) * (ndim - len(times)) + times
    spread: tuple[int, ...] = ()
    for r, n in zip(times, shape, strict=True):
        spread += (r, n)
    y = primitive.Broadcast(spread, tuple(range(1, 2 * ndim, 2)))(primitive.reshape(x, shape))
    return primitive.reshape(y, tuple([r * n for r, n in zip(times, shape, strict=True)]))


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    x = array(a)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    times = np.asarray(static(repeats))
    if times.ndim == 0 or times.shape == (1,):
        n, r = x.shape[axis], int(times.ravel()[0])
        wide = primitive.reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
        wide = primitive.broadcast(wide, (*x.shape[: axis + 1], r, *x.shape[axis + 1 :]))
        return primitive.reshape(wide, (*x.shape[:axis], n * r, *x.shape[axis + 1 :]))
    return np.take(x, np.repeat(np.arange(x.shape[axis]), times), axis=axis)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    x = array(a)
    shift = static(shift)
    if axis is None:
        return primitive.reshape(roll(ravel(x), shift, 0), x.shape)
    shifts, axes = np.broadcast_arrays(shift, np.asarray(axis))
    for s, ax in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        i = axis_of(ax, x.ndim)
        n = x.shape[i]
        s = int(s) % n if n else 0
        if s:
            lead = (slice(None),) * i
            x = concatenate([x[(*lead, slice(n - s, None))], x[(*lead, slice(0, n - s))]], i)
    return x


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """The elements in a cycle under another shape."""
    x, shape = ravel(a), shape_argument(new_shape)
    size = math.prod(shape)
    if size == 0 or x.size == 0:
        return np.zeros(shape, x.dtype)
    return primitive.reshape(np.tile(x, -(-size // x.size))[:size], shape)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    x, values = array(arr), array(values)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    n = x.shape[axis]
    where = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(static(obj))
    if where.dtype == bool:
        where = np.flatnonzero(where)
    # The positions of old and new elements, found by NumPy on their numbers.
    single = where.size == 1  # one position takes as many values as there are
    v = values if values.ndim else primitive.reshape(values, (1,))
    v = primitive.reshape(v, (1,) * (x.ndim - v.ndim) + v.shape) if v.ndim < x.ndim else v
    v = np.moveaxis(v, 0, axis) if where.ndim == 0 else v
    count = v.shape[axis] if single else where.size
    order = np.insert(np.arange(n), int(where.item()) if single else where, np.arange(n, n + count))
    v = np.broadcast_to(v, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
    both = concatenate([x, in_dtype(v, x.dtype)], axis)
    return np.take(both, order, axis=axis)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    x = array(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = axis_of(axis, x.ndim)
    left = np.delete(np.arange(x.shape[axis]), obj if isinstance(obj, slice) else static(obj))
    return np.take(x, left, axis=axis)


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Without leading and trailing zeros, of which the values decide."""
    x = array(filt)
    if x.ndim != 1 or axis is not None:
        return refuse_keyword("trim_zeros", "axis", "one axis at a time")
    nonzero = np.flatnonzero(static(x))
    if not nonzero.size:
        return x[:0]
    return x[nonzero[0] if "f" in trim.lower() else 0 : nonzero[-1] + 1 if "b" in trim.lower() else None]


# -- pad --------------------------------------------------------------------------------------------

_POSITIONS = ("edge", "reflect", "symmetric", "wrap")


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **keywords: Any) -> Any:
    """Padding by a constant, or by elements whose positions NumPy finds on their numbers."""
    x = promote.as_operand(array)
    widths = _widths(static(pad_width), x.ndim)
    if mode in ("constant", "empty"):
        values = _pairs(keywords.get("constant_values", 0), x.ndim)
        for axis, ((before, after), (low, high)) in enumerate(zip(widths, values, strict=True)):
            if before or after:
                x = concatenate([_slab(x, axis, before, low), x, _slab(x, axis, after, high)], axis)
        return x
    if mode not in _POSITIONS or keywords.get("reflect_type", "even") != "even":
        if mode in ("maximum", "minimum", "mean") and not any(v is not None for v in keywords.values()):
            return _pad_by(x, widths, {"maximum": np.max, "minimum": np.min, "mean": np.mean}[mode])
        return refuse_keyword(
            "pad", "reflect_type" if mode in _POSITIONS else "mode", f"one of the modes constant, {', '.join(_POSITIONS)}"
        )
    for axis, (before, after) in enumerate(widths):
        if before or after:
            order = np.pad(np.arange(x.shape[axis]), (before, after), mode)
            x = np.take(x, order, axis=axis)
    return x


def _pad_by(x: Any, widths: Any, statistic: Any) -> Any:
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        if x.shape[axis] == 0:
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
        value = statistic(x, axis=axis, keepdims=True)
        value = in_dtype(value if x.dtype.kind not in "iu" else np.rint(value), x.dtype)
        x = concatenate([np.repeat(value, before, axis), x, np.repeat(value, after, axis)], axis)
    return x


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        table = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            table[axis] = tuple(np.broadcast_to(width, (2,)).tolist())
        return table
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    pairs = [(int(a), int(b)) for a, b in np.broadcast_to(widths, (ndim, 2)).tolist()]
    if any(min(p) < 0 for p in pairs):
        raise ValueError("index can't contain negative values")
    return pairs


def _pairs(values: Any, ndim: int) -> Any:
    if is_traced(values) or np.ndim(values) == 0:
        return [(values, values)] * ndim
    wide = np.broadcast_to(values, (ndim, 2)) if not isinstance(values, (list, tuple)) else np.broadcast_to(array(values), (ndim, 2))
    return [(wide[i, 0], wide[i, 1]) for i in range(ndim)]


def _slab(x: Any, axis: int, width: int, value: Any) -> Any:
    shape = (*x.shape[:axis], width, *x.shape[axis + 1 :])
    return np.broadcast_to(in_dtype(value, x.dtype), shape) if is_traced(value) else np.full(shape, value, x.dtype)
