"""Static slices: reading, adding to and replacing x[start:stop:step, …].

Knows NumPy; of other families shape and arith. Start at `Slice` and `SliceAdd`, its transpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from wengert.contract import Into, Linear, Primitive, Sample, Track, as_evaluated, expand_all, instantiate, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type

Ints = tuple[int, ...]


class _Sliced(Primitive, abstract=True):
    """Operations on the part x[start:stop:step, …] of their first operand; steps are positive."""

    starts: Ints
    stops: Ints
    steps: Ints
    exact = as_evaluated

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

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        whole = [a for a, n in enumerate(operands[0].type.shape) if self.part(operands[0].type).shape[a] == n]
        return [Track((a,) * len(operands), a) for a in whole]

    def shortened(self, axis: int, n: int) -> Any:
        return type(self)(self.starts, (*self.stops[:axis], n, *self.stops[axis + 1 :]), self.steps)


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

    def overwritten(self, x: Any, rest: Sequence[Any]) -> Any:
        return Slice(*self.parameters)(x)

    def restored(self, x: Any, rest: Sequence[Any], old: Any) -> Any:
        return SliceSet(*self.parameters)(x, old)

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

    def readable(self, rest: Sequence[Any]) -> bool:
        return True

    def laid_at(self, *types: Any) -> Any:
        return None, self.starts if all([step == 1 for step in self.steps]) else None

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
        # Read before writing, so that the write may happen in place.
        by_v = Slice(*self.parameters)(ct) if linear[1] else None
        return self(ct, zeros(operands[1].type)) if linear[0] else None, by_v

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None:
            return None
        return Slice(*self.parameters)(mask) if index else self(mask, zeros(operands[1].type.with_dtype(np.bool_)))
