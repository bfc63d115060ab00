"""Operations that read and write parts of arrays: slices, gathers, scatters, along-axis picks.

Knows NumPy; of other families shape, arith and reduce. What Python's `x[...]` means in these terms
is the NumPy layer's business. Start at `Slice` and `SliceAdd`, its transpose; then `Gather`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from wengert.contract import Into, Linear, Primitive, Sample, expand_all, instantiate, role, zeros
from wengert.errors import IndexOutOfBoundsError, ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import Literal, splat
from wengert.primitives.arith import equal, select
from wengert.primitives.shape import array_type_of, broadcast, move_axis

Ints = tuple[int, ...]


# -- static slices ----------------------------------------------------------------------------


class _Sliced(Primitive, abstract=True):
    """Operations on the part x[start:stop:step, …] of their first operand; steps are positive."""

    starts: Ints
    stops: Ints
    steps: Ints

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        return tuple([slice(*bounds) for bounds in zip(self.starts, self.stops, self.steps, strict=True)])

    def part(self, x: Any) -> Any:
        """The type of the part."""
        fits = len(self.starts) == len(self.stops) == len(self.steps) == x.ndim
        if not fits or not all(0 <= a <= n and 0 <= b <= n and s > 0 for a, b, s, n in zip(*self.parameters, x.shape, strict=True)):
            raise ShapeError(four_parts(f"{self!r} does not fit {x!r}"))
        return x.with_shape(tuple([len(range(*bounds)) for bounds in zip(*self.parameters, strict=True)]))

    def in_lanes(self, size: int) -> Any:
        """The same operation in every lane."""
        return type(self)((0, *self.starts), (size, *self.stops), (1, *self.steps))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self.in_lanes(size)(*expand_all(size, batched, operands))


class Slice(_Sliced, Linear):
    """x[start:stop:step, …]. Its transpose adds into the part."""

    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (self.part(x),)

    def evaluate(self, x: Any) -> Any:
        return x[self.slices]

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        return read[0](*[i * step + start for i, start, step in zip(index, self.starts, self.steps, strict=True)])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (Into(SliceAdd(*self.parameters), ct),)

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return None if mask is None else SliceSet(*self.parameters)(zeros(operands[0].type.with_dtype(np.bool_)), mask)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 1), (2, 4), (1, 2)), np.arange(8.0).reshape(2, 4))
        yield Sample(cls((1,), (3,), (1,)), np.array([1.0, 2j, 3.0]))
        yield Sample(cls((1,), (1,), (1,)), np.array([1.0, 2.0], "f"))
        yield Sample(cls((), (), ()), 1.5)


class _SliceWrite(_Sliced, abstract=True):
    """x with something done to its part, linear in x and what comes in together."""

    def type(self, x: Any, u: Any) -> tuple[Type, ...]:
        if u is not self.part(x):
            raise ShapeError(four_parts(f"{self!r} cannot put {u!r} into {x!r}", f"the part is {self.part(x)!r}"))
        return (x,)

    def evaluate(self, x: Any, u: Any) -> Any:
        return self.update(np.array(x, order="C"), u)

    pieces = True

    def target(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        return [i * step + start for i, start, step in zip(index, self.starts, self.steps, strict=True)]

    def element_of(self, *types: Any) -> bool:
        """Where the part is the larger half, and has no gaps, the whole is one expression."""
        x, u = types
        return 2 * u.size >= x.size and all([step == 1 for step in self.steps])

    def element(self, k: Any, read: Any, index: Any, x: Any, u: Any) -> Any:
        """The element of x or of the part, or their sum, as the index lies."""
        whole, part = read

        def within(axis: int) -> Any:
            if axis == x.ndim:
                return self.merged(k, whole(*index), part(*[i - start for i, start in zip(index, self.starts, strict=True)]))
            start, stop = self.starts[axis], self.stops[axis]
            inside = lambda: within(axis + 1)
            if stop < x.shape[axis]:
                after = inside
                inside = lambda: k.choose(index[axis], stop, after, lambda: whole(*index))
            return inside() if start == 0 else k.choose(index[axis], start, lambda: whole(*index), inside)

        return within(0) if u.size else whole(*index)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 1), (2, 4), (1, 2)), np.arange(8.0).reshape(2, 4), np.array([[5.0, 6.0], [7.0, 8.0]]))
        yield Sample(cls((1,), (3,), (1,)), np.array([1.0, 2j, 3.0]), np.array([1j, 2.0]))
        yield Sample(cls((1,), (2,), (1,)), np.array([1.0, 2.0], "f"), np.array([3.0], "f"))
        yield Sample(cls((), (), ()), 1.5, 2.5)


class SliceAdd(_SliceWrite):
    """x with u added at x[start:stop:step, …]."""

    accumulates = True

    def update(self, x: Any, u: Any) -> Any:
        if not self.starts:
            return x + u
        x[self.slices] += u
        return x

    def merged(self, k: Any, x: Any, u: Any) -> Any:
        return k.op("add", x, u)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        dx, du = tangents
        return dx if du is None else self(instantiate(dx, primals[0].type), du)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return ct if linear[0] else None, Slice(*self.parameters)(ct) if linear[1] else None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return mask if mask is None or index == 0 else Slice(*self.parameters)(mask)


class SliceSet(_SliceWrite):
    """x with x[start:stop:step, …] replaced by v."""

    def update(self, x: Any, v: Any) -> Any:
        if not self.starts:
            return v
        x[self.slices] = v
        return x

    def merged(self, k: Any, x: Any, v: Any) -> Any:
        return v

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        dx, dv = tangents
        if dx is None and dv is None:
            return None
        return self(instantiate(dx, primals[0].type), instantiate(dv, primals[1].type))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return self(ct, zeros(operands[1].type)) if linear[0] else None, Slice(*self.parameters)(ct) if linear[1] else None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None:
            return None
        return Slice(*self.parameters)(mask) if index else self(mask, zeros(operands[1].type.with_dtype(np.bool_)))


# -- gather and scatter: integer arrays as indices ----------------------------------------------


def positions(shape: Ints, indices: Sequence[Any], n_batch: int) -> Any:
    """Row-major positions in an array of `shape` that integer arrays address, negative ones from the end.

    The result has the shape of an index plus the axes of `shape` that are not addressed.
    Raises IndexOutOfBoundsError.
    """
    ndim = indices[0].ndim
    rest = shape[n_batch + len(indices) :]
    flat: Any = 0
    for axis in range(n_batch):
        flat = flat * shape[axis] + np.arange(shape[axis]).reshape(-1, *[1] * (ndim - axis - 1))
    for axis, index in enumerate(indices):
        index, n = from_start(index, axis, shape[n_batch + axis]), shape[n_batch + axis]
        flat = index if isinstance(flat, int) else flat * n + index
    if rest:
        size = int(np.prod(rest))
        flat = flat.reshape(*flat.shape, *[1] * len(rest)) * size + np.arange(size).reshape(rest)
    return flat


def from_start(index: Any, axis: int, n: int) -> Any:
    """The index with negative entries counted from the end of its axis. Raises IndexOutOfBoundsError."""
    index = index.astype(np.intp, copy=False)
    low, high = (index.min(), index.max()) if index.size else (0, -1)
    if low < -n or high >= n:
        check_bounds(index, axis, n)
    return index if low >= 0 else np.where(index < 0, index + n, index)


def check_bounds(index: Any, axis: int, n: int) -> None:
    """Raise IndexOutOfBoundsError, naming the index, unless all lie in [-n, n)."""
    outside = (index < -n) | (index >= n)
    if outside.any():
        bad = int(index[outside].ravel()[0]) if np.ndim(index) else int(index)
        raise IndexOutOfBoundsError(
            four_parts(f"index {bad} is out of bounds for axis {axis} with size {n}", why=f"Valid indices are {-n} to {n - 1}.")
        )


class named_bounds:
    """Turn NumPy's IndexError inside the block into ours, naming the index. (A generator-based one costs a microsecond more.)"""

    __slots__ = ("first", "indices", "shape")

    def __init__(self, indices: Sequence[Any], shape: Ints, first: int = 0) -> None:
        self.indices, self.shape, self.first = indices, shape, first

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, IndexError):
            for axis, (index, n) in enumerate(zip(self.indices, self.shape, strict=False), self.first):
                check_bounds(np.asarray(index), axis, n)


def add_at(x: Any, where: Any, u: Any) -> Any:
    """x[where] += u in place, where repeated positions accumulate; x is C-contiguous, `where` row-major positions."""
    line = x.reshape(-1)
    (np.logical_or if x.dtype.kind == "b" else np.add).at(line, np.ravel(where), np.ravel(u))
    return x


def set_at(x: Any, where: Any, u: Any) -> Any:
    """x[where] = u in place, where the last of repeated positions wins."""
    x.reshape(-1)[np.ravel(where)] = np.ravel(u)
    return x


def owned(x: Any) -> Any:
    """A C-contiguous copy."""
    return np.array(x, order="C")


class _Indexed(Primitive, abstract=True):
    """Operations on the elements x[i1, …, ik]: x has `n_batch` axes of lanes, then k = `n_indexed` indexed ones, then a rest.

    The indices have one shape, that of the lanes plus any; a lane's indices look into that lane.
    """

    n_indexed: int
    n_batch: int = 0
    may_raise = True

    def split(self, operands: Sequence[Any]) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        """The array, the indices, and what comes after them."""
        k = self.n_indexed
        return operands[0], tuple(operands[1 : k + 1]), tuple(operands[k + 1 :])

    def part(self, x: Any, indices: Sequence[Any]) -> Any:
        """The type of the elements addressed."""
        nb, k = self.n_batch, self.n_indexed
        shape = indices[0].shape
        fits = k >= 1 and len(indices) == k and nb + k <= x.ndim and x.shape[:nb] == shape[:nb]
        if not fits or any(i.shape != shape or i.dtype.kind not in "iu" for i in indices):
            raise ShapeError(four_parts(f"{self!r} cannot index {x!r}", "with " + ", ".join(map(repr, indices))))
        return x.with_shape(shape + x.shape[nb + k :])

    def place(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        """Where in x the element of the part at this index is."""
        n, nb = self.n_indexed, self.n_batch
        x, m = types[0], types[1].ndim
        found = [k.bounded(read[1 + a](*index[:m]), x.shape[nb + a], a) for a in range(n)]
        return [*index[:nb], *found, *index[m:]]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        k = self.n_indexed
        x, indices, rest = self.split(operands)
        if self.n_batch == 0 and not any(batched[1 : k + 1]):
            # The lanes are one more axis of the rest.
            x, *rest = expand_all(size, [batched[0], *batched[k + 1 :]], [x, *rest])
            out = self(move_axis(x, 0, k), *indices, *[move_axis(u, 0, indices[0].type.ndim) for u in rest])
            return move_axis(out, k if rest else indices[0].type.ndim, 0)
        return type(self)(k, self.n_batch + 1)(*expand_all(size, batched, operands))


class Gather(_Indexed):
    """x[i1, …, ik], lane by lane: lanes + index axes + rest. Its transpose adds at the indices."""

    moves = True

    def type(self, x: Any, *indices: Any) -> tuple[Type, ...]:
        return (self.part(x, indices),)

    def evaluate(self, x: Any, *indices: Any) -> Any:
        nb, ndim = self.n_batch, np.ndim(indices[0])
        lanes = [np.arange(n).reshape(-1, *[1] * (ndim - axis - 1)) for axis, n in enumerate(x.shape[:nb])]
        with named_bounds(indices, x.shape[nb:]):
            out = x[(*lanes, *indices)]
        return out if ndim or not out.ndim else out.copy()  # integers alone would give a view

    def element(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        return read[0](*self.place(k, read, index, *types))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else self(tangents[0], *primals[1:])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return Into(ScatterAdd(self.n_indexed, self.n_batch), *operands[1:], ct), *[None] * self.n_indexed

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if not batched[0] and self.n_batch == 0:
            return self(operands[0], *expand_all(size, batched[1:], operands[1:]))
        return super().batch(size, batched, operands)

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None or index:
            return None
        return ScatterAdd(self.n_indexed, self.n_batch)(zeros(operands[0].type.with_dtype(np.bool_)), *operands[1:], mask)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        x = np.arange(12.0).reshape(3, 4)
        yield Sample(cls(1), x, np.array([0, -1, 0, 1]))
        yield Sample(cls(2), x, np.array([[0, 2], [1, 1]]), np.array([[3, -4], [1, 1]]))
        yield Sample(cls(1, 1), x + 1j, np.array([[0, 0], [1, 3], [-1, 2]]))
        yield Sample(cls(1), x.astype("f"), np.int64(2))
        yield Sample(cls(2), x, np.int64(1), np.int64(-1))
        yield Sample(cls(1), x, np.zeros((0, 2), int))


class _Scatter(_Indexed, abstract=True):
    """x with something done at x[i1, …, ik], linear in x and what comes in together."""

    def type(self, x: Any, *rest: Any) -> tuple[Type, ...]:
        *indices, u = rest
        part = self.part(x, indices)
        if u is not part:
            raise ShapeError(four_parts(f"{self!r} cannot put {u!r} into {x!r}", f"the part is {part!r}"))
        return (x,)

    def evaluate(self, x: Any, *rest: Any) -> Any:
        return self.update(owned(x), *rest)

    def target(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        return self.place(k, read, index, *types)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        x = np.arange(12.0).reshape(3, 4)
        yield Sample(cls(1), x, np.array([0, -1, 0, 1]), np.arange(16.0).reshape(4, 4))
        yield Sample(cls(2), x, np.array([[0, 2], [1, 1]]), np.array([[3, -4], [1, 1]]), np.array([[1.0, 2.0], [3.0, 4.0]]))
        yield Sample(cls(1, 1), x + 1j, np.array([[0, 0], [1, 3], [-1, 2]]), np.arange(6.0).reshape(3, 2) + 2j)
        yield Sample(cls(1), x.astype("f"), np.int64(2), np.ones(4, "f"))
        yield Sample(cls(2), x, np.int64(1), np.int64(-1), 2.5)


class ScatterAdd(_Scatter):
    """x with u added at x[i1, …, ik]; repeated indices accumulate."""

    accumulates = True

    def update(self, x: Any, *rest: Any) -> Any:
        *indices, u = rest
        if np.ndim(indices[0]) == 0:
            with named_bounds(indices, x.shape):
                x[tuple(indices)] += u
            return x
        if not x.flags.c_contiguous:
            x = owned(x)
        return add_at(x, positions(x.shape, indices, self.n_batch), u)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        x, indices, _ = self.split(primals)
        return tangents[0] if tangents[-1] is None else self(instantiate(tangents[0], x.type), *indices, tangents[-1])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        _, indices, _ = self.split(operands)
        u = Gather(self.n_indexed, self.n_batch)(ct, *indices) if linear[-1] else None
        return ct if linear[0] else None, *[None] * self.n_indexed, u

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return mask if mask is None or index == 0 else Gather(self.n_indexed, self.n_batch)(mask, *self.split(operands)[1])


class ScatterSet(_Scatter):
    """x with x[i1, …, ik] replaced by v; the last of repeated indices wins, and alone has a derivative."""

    def update(self, x: Any, *rest: Any) -> Any:
        *indices, v = rest
        if np.ndim(indices[0]) == 0:
            with named_bounds(indices, x.shape):
                x[tuple(indices)] = v
            return x
        if not x.flags.c_contiguous:
            x = owned(x)
        return set_at(x, positions(x.shape, indices, self.n_batch), v)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        x, indices, (v,) = self.split(primals)
        dx, dv = tangents[0], tangents[-1]
        if dx is None and dv is None:
            return None
        return self(instantiate(dx, x.type), *indices, instantiate(dv, v.type))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        _, indices, (v,) = self.split(operands)
        # Read before writing, so that the write may happen in place.
        by_v = self.won(ct.type, indices, Gather(self.n_indexed, self.n_batch)(ct, *indices)) if linear[-1] else None
        by_x = self(ct, *indices, zeros(v.type)) if linear[0] else None
        return by_x, *[None] * self.n_indexed, by_v

    def won(self, x: Any, indices: Sequence[Any], u: Any) -> Any:
        """u where its write is the last to its element, 0 elsewhere: each write leaves its number, and looks who is there."""
        index = array_type_of(indices[0])
        if index.ndim == 0:
            return u
        number = np.arange(index.size).reshape(index.shape)
        last = self(splat(-1, array_type(x.shape[: self.n_batch + self.n_indexed], number.dtype)), *indices, number)
        mine = equal(Gather(self.n_indexed, self.n_batch)(last, *indices), number)
        return select(broadcast(mine, u.type.shape, tuple(range(index.ndim))), u, zeros(u.type))

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None:
            return None
        _, indices, (v,) = self.split(operands)
        if index:
            return Gather(self.n_indexed, self.n_batch)(mask, *indices)
        return self(mask, *indices, zeros(v.type.with_dtype(np.bool_)))


# -- along an axis ----------------------------------------------------------------------------


class _Along(Primitive, abstract=True):
    """Operations on x[…, i, …] with an array i of indices along one axis, of x's shape on the others."""

    axis: int
    may_raise = True

    def part(self, x: Any, index: Any) -> Any:
        a = self.axis
        if index.ndim != x.ndim or index.shape[:a] + index.shape[a + 1 :] != x.shape[:a] + x.shape[a + 1 :] or index.dtype.kind not in "iu":
            raise ShapeError(four_parts(f"{self!r} cannot index {x!r}", f"with {index!r}", "All axes but that one must agree."))
        return x.with_shape(index.shape)

    def positions(self, shape: Ints, index: Any) -> Any:
        index = from_start(index, self.axis, shape[self.axis])
        flat: Any = 0
        for axis, length in enumerate(shape):
            own = np.arange(length).reshape(-1, *[1] * (len(shape) - axis - 1))
            flat = flat * length + (index if axis == self.axis else own)
        return flat

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1)(*expand_all(size, batched, operands))


class TakeAlong(_Along):
    """x[…, index, …] along an axis, as np.take_along_axis. Its transpose adds there."""

    moves = True

    def type(self, x: Any, index: Any) -> tuple[Type, ...]:
        return (self.part(x, index),)

    def evaluate(self, x: Any, index: Any) -> Any:
        with named_bounds([index], x.shape[self.axis :], self.axis):
            return np.take_along_axis(x, index, self.axis)

    def element(self, k: Any, read: Any, index: Any, x: Any, i: Any) -> Any:
        a = self.axis
        return read[0](*index[:a], k.bounded(read[1](*index), x.shape[a], a), *index[a + 1 :])

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else self(tangents[0], primals[1])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return Into(AddAlong(self.axis), operands[1], ct), None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None or index:
            return None
        return AddAlong(self.axis)(zeros(operands[0].type.with_dtype(np.bool_)), operands[1], mask)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        x = np.arange(6.0).reshape(2, 3)
        yield Sample(cls(1), x, np.array([[2, 0, 0, -1], [1, 1, 1, 0]]))
        yield Sample(cls(0), x + 1j, np.array([[1, 0, -1]]))
        yield Sample(cls(0), x[0].astype("f"), np.array([2, 2]))


class AddAlong(_Along):
    """x with u added at x[…, index, …] along an axis; repeated indices accumulate."""

    accumulates = True

    def type(self, x: Any, index: Any, u: Any) -> tuple[Type, ...]:
        if u is not self.part(x, index):
            raise ShapeError(four_parts(f"{self!r} cannot put {u!r} into {x!r}", f"the part is {self.part(x, index)!r}"))
        return (x,)

    def evaluate(self, x: Any, index: Any, u: Any) -> Any:
        return self.update(owned(x), index, u)

    def update(self, x: Any, index: Any, u: Any) -> Any:
        if not x.flags.c_contiguous:
            x = owned(x)
        return add_at(x, self.positions(x.shape, index), u)

    def target(self, k: Any, read: Any, index: Any, x: Any, i: Any, u: Any) -> Any:
        a = self.axis
        return [*index[:a], k.bounded(read[1](*index), x.shape[a], a), *index[a + 1 :]]

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        dx, _, du = tangents
        return dx if du is None else self(instantiate(dx, primals[0].type), primals[1], du)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return ct if linear[0] else None, None, take_along(ct, operands[1], self.axis) if linear[2] else None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return mask if mask is None or index == 0 else take_along(mask, operands[1], self.axis)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        x = np.arange(6.0).reshape(2, 3)
        yield Sample(cls(1), x, np.array([[2, 0, 0, -1], [1, 1, 1, 0]]), np.arange(8.0).reshape(2, 4))
        yield Sample(cls(0), x + 1j, np.array([[1, 0, -1]]), np.array([[1j, 2.0, 3.0]]))
        yield Sample(cls(0), x[0].astype("f"), np.array([2, 2]), np.array([1.0, 2.0], "f"))


# -- how the rules write them -------------------------------------------------------------------


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


@role("take_along")
def take_along(x: Any, index: Any, axis: int) -> Any:
    """x[…, index, …] along an axis, as np.take_along_axis."""
    return TakeAlong(axis)(x, index)
