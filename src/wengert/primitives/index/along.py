"""Indices along one axis, as np.take_along_axis has them.

Knows NumPy. Start at `TakeAlong`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Into, Primitive, Sample, as_evaluated, expand_all, instantiate, role, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.primitives.index.positions import add_at, from_start, named_bounds, owned

Ints = tuple[int, ...]


class _Along(Primitive, abstract=True):
    """Operations on x[…, i, …] with an array i of indices along one axis, of x's shape on the others."""

    axis: int
    exact = as_evaluated
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


@role("take_along")
def take_along(x: Any, index: Any, axis: int) -> Any:
    """x[…, index, …] along an axis, as np.take_along_axis."""
    return TakeAlong(axis)(x, index)
