"""Integer arrays as indices: gather, and scatter, its transpose.

Knows NumPy; of other families shape and arith. Start at `Gather`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Into, Primitive, Sample, Track, as_evaluated, expand_all, instantiate, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import Literal, splat
from wengert.primitives.arith import equal, select
from wengert.primitives.index.positions import add_at, named_bounds, owned, positions, set_at
from wengert.primitives.shape import array_type_of, broadcast, move_axis

Ints = tuple[int, ...]


class _Indexed(Primitive, abstract=True):
    """Operations on the elements x[i1, …, ik]: x has `n_batch` axes of lanes, then k = `n_indexed` indexed ones, then a rest.

    The indices have one shape, that of the lanes plus any; a lane's indices look into that lane.
    """

    n_indexed: int
    n_batch: int = 0
    exact = as_evaluated
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
        if self.n_batch == 0 and not any(batched[1 : k + 1]) and indices[0].type.size > 1:
            # The lanes are one more axis of the rest. (One element at a time is addressed in each lane: a loop that writes to
            # its state so would else turn the whole of it around, every time.)
            x, *rest = expand_all(size, [batched[0], *batched[k + 1 :]], [x, *rest])
            out = self(move_axis(x, 0, k), *indices, *[move_axis(u, 0, indices[0].type.ndim) for u in rest])
            return move_axis(out, k if rest else indices[0].type.ndim, 0)
        return type(self)(k, self.n_batch + 1)(*expand_all(size, batched, operands))

    def along(self, operands: Sequence[Any]) -> list[tuple[tuple[int | None, ...], int, bool, tuple[int, ...]]]:
        """Axes of x and of the indices, that of the part, whether it is one that x is searched along, and the indices that count it."""
        x, indices, _ = self.split(operands)
        nb, k, m = self.n_batch, self.n_indexed, indices[0].type.ndim
        out: list[tuple[tuple[int | None, ...], int, bool, tuple[int, ...]]] = [((a,) * (k + 1), a, False, ()) for a in range(nb)]
        for a in range(nb, m):
            counting = [i for i, index in enumerate(indices) if counts(index, a) and x.type.shape[nb + i] == index.type.shape[a]]
            if len(counting) == 1:  # x[i, …] at place i
                out.append(((nb + counting[0], *[a] * k), a, False, (1 + counting[0],)))
            else:
                out.append(((None, *[a] * k), a, True, ()))
        return [*out, *[((a, *[None] * k), a - nb - k + m, False, ()) for a in range(nb + k, x.type.ndim)]]


def counts(index: Any, axis: int) -> bool:
    """Whether an index is a constant that counts the places of an axis from 0."""
    if not isinstance(index, Literal) or index.is_splat:
        return False
    n = index.type.shape[axis]
    return np.array_equal(index.value, np.broadcast_to(np.arange(n).reshape(n, *[1] * (index.type.ndim - axis - 1)), index.type.shape))


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
        return out.copy() if not ndim and isinstance(out, np.ndarray) else out  # integers alone would give a view

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

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        return [Track(axes, out, None, counted) for axes, out, _, counted in self.along(operands)]

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

    def overwritten(self, x: Any, rest: Sequence[Any]) -> Any:
        return Gather(self.n_indexed, self.n_batch)(x, *rest[:-1])

    def restored(self, x: Any, rest: Sequence[Any], old: Any) -> Any:
        return ScatterSet(self.n_indexed, self.n_batch)(x, *rest[:-1], old)

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        for axes, part, searched, counted in self.along(operands):
            if not searched:
                yield Track((*axes, part), axes[0], None, counted)
            elif self.accumulates:
                yield Track((*axes, part), None, 0)

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

    def readable(self, rest: Sequence[Any]) -> bool:
        return array_type_of(rest[0]).ndim == 0  # one place: nothing is written twice

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
