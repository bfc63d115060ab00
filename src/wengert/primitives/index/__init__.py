"""Operations that read and write parts of arrays: slices, windows, gathers, scatters, along-axis picks.

Knows NumPy; of other families shape, arith and reduce. What Python's `x[...]` means in these terms
is the NumPy layer's business. Start at `slices`, then `gather`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.contract import role, zeros
from wengert.ir.values import Literal, splat
from wengert.primitives.index.along import AddAlong, TakeAlong, take_along
from wengert.primitives.index.gather import Gather, ScatterAdd, ScatterSet
from wengert.primitives.index.positions import add_at, check_bounds, from_start, named_bounds, owned, positions, set_at
from wengert.primitives.index.slices import Ints, Slice, SliceAdd, SliceSet
from wengert.primitives.index.windows import Windows, WindowsAdd, windows
from wengert.primitives.shape import array_type_of

__all__ = [
    "AddAlong",
    "Gather",
    "ScatterAdd",
    "ScatterSet",
    "Slice",
    "SliceAdd",
    "SliceSet",
    "TakeAlong",
    "Windows",
    "WindowsAdd",
    "add_at",
    "check_bounds",
    "from_start",
    "gather",
    "named_bounds",
    "owned",
    "pad",
    "positions",
    "scatter_add",
    "scatter_set",
    "set_at",
    "slice_",
    "slice_add",
    "slice_axis",
    "slice_set",
    "take_along",
    "windows",
]


def slice_(x: Any, starts: Ints, stops: Ints, steps: Ints | None = None) -> Any:
    """x[start:stop:step, …]; x itself where that is all of it."""
    shape = array_type_of(x).shape
    steps = (1,) * len(shape) if steps is None else tuple(steps)
    operation = Slice(tuple(starts), tuple(stops), steps)
    part = operation.part(array_type_of(x))
    if part.shape == shape:
        return x
    return splat(x.value, part) if isinstance(x, Literal) and x.is_splat else operation(x)


@role("slice_axis")
def slice_axis(x: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
    """x[start:stop:step] along one axis; x itself where that is all of it."""
    shape = array_type_of(x).shape
    starts, stops, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis], stops[axis], steps[axis] = start, stop, step
    return slice_(x, tuple(starts), tuple(stops), tuple(steps))


def slice_add(x: Any, u: Any, starts: Ints, stops: Ints, steps: Ints) -> Any:
    """x with u added to a slice."""
    return SliceAdd(tuple(starts), tuple(stops), tuple(steps))(x, u)


def slice_set(x: Any, v: Any, starts: Ints, stops: Ints, steps: Ints) -> Any:
    """x with a slice replaced by v."""
    return SliceSet(tuple(starts), tuple(stops), tuple(steps))(x, v)


def pad(x: Any, widths: Sequence[tuple[int, int]]) -> Any:
    """x with zeros around it: (before, after) for each axis."""
    t = array_type_of(x)
    shape = tuple([n + before + after for n, (before, after) in zip(t.shape, widths, strict=True)])
    starts = tuple([before for before, _ in widths])
    stops = tuple([before + n for n, (before, _) in zip(t.shape, widths, strict=True)])
    return x if shape == t.shape else SliceAdd(starts, stops, (1,) * t.ndim)(zeros(t.with_shape(shape)), x)


def gather(x: Any, indices: Sequence[Any], n_batch: int = 0) -> Any:
    """x[i1, …, ik] with integer arrays of one shape."""
    return Gather(len(indices), n_batch)(x, *indices)


def scatter_add(x: Any, indices: Sequence[Any], u: Any, n_batch: int = 0) -> Any:
    """x with u added at x[i1, …, ik]."""
    return ScatterAdd(len(indices), n_batch)(x, *indices, u)


def scatter_set(x: Any, indices: Sequence[Any], v: Any, n_batch: int = 0) -> Any:
    """x with x[i1, …, ik] replaced by v."""
    return ScatterSet(len(indices), n_batch)(x, *indices, v)
