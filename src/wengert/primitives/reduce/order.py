"""Sorting along an axis, the permutation that sorts, and single order statistics.

Knows NumPy; indexing only by its roles. NaN comes last. Start at `Sort`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Primitive, Sample, as_evaluated, flat, no
from wengert.ir.types import Type
from wengert.ir.values import ROLES
from wengert.loops.nest import Affine
from wengert.primitives.reduce import sorting
from wengert.primitives.reduce.reductions import share, without


class Sort(Primitive):
    """Sorted along an axis, stably, NaN last: a permutation, by which the tangent is permuted too."""

    axis: int
    exact = as_evaluated
    transpose = no("the permutation depends on the values")

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x,)

    def evaluate(self, x: Any) -> Any:
        return np.sort(x, axis=self.axis, kind="stable")

    def kink(self, x: Any) -> Any:
        return beyond_neighbour(x, self.axis)

    numbered: ClassVar[bool] = False  # whether the result is where the elements were

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        out = outs[0]

        def write(at: Any, lane: Any) -> None:
            results = lane.numbers if self.numbered else lane.keys
            k.loop(0, out.shape[self.axis], lambda i, _: k.store(out.buffer, out.position(at(i)), k.load(results.buffer, i)) or ())

        return _lanes(k, operands[0], self.axis, self.numbered, lambda *lane: sorting.sort(k, *lane), write)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return ROLES["take_along"](tangents[0], ArgSort(self.axis)(primals[0]), self.axis)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.array([[3.0, 1.0, 2.0], [-1.0, 5.0, 0.0]]), complex_step=False)
        yield Sample(cls(0), np.array([3.0, 1.0], "f"), complex_step=False)
        yield Sample(cls(0), np.array([2.0, 1.0, 2.0]), smooth=False)


class ArgSort(Sort):
    """The stable permutation that sorts along an axis."""

    numbered = True
    jvp = flat("a position is piecewise constant")

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x.with_dtype(np.int64),)

    def evaluate(self, x: Any) -> Any:
        return np.argsort(x, axis=self.axis, kind="stable")


class OrderStatistic(Primitive):
    """The element that sorting puts at index k along an axis, NaN last; its equals share the derivative."""

    k: int
    axis: int
    exact = as_evaluated
    transpose = no("the choice depends on the values")

    def type(self, x: Any) -> tuple[Type, ...]:
        assert 0 <= self.k < x.shape[self.axis], f"{self!r} of {x!r}"
        return (without(x, self.axis),)

    def evaluate(self, x: Any) -> Any:
        return np.partition(x, self.k, axis=self.axis).take(self.k, axis=self.axis)

    def kink(self, x: Any) -> Any:
        from_it = x - np.expand_dims(self.evaluate(x), self.axis)
        return np.where(from_it == 0, beyond_neighbour(x, self.axis), from_it)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        found: list[Any] = []

        def write(at: Any, lane: Any) -> None:
            index = at(Affine(0))
            k.store(outs[0].buffer, outs[0].position([i for a, i in enumerate(index) if a != self.axis]), found.pop())

        take = lambda *lane: found.append(sorting.select(k, *lane, self.k))
        return _lanes(k, operands[0], self.axis, False, take, write)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return share(primals[0], outs, (self.axis,), tangents[0])

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return OrderStatistic(self.k, self.axis + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1, 0), np.array([[3.0, 1.0], [2.0, 5.0], [7.0, 4.0]]), complex_step=False)
        yield Sample(cls(0, 1), np.array([[3.0, 1.0, 1.0]], "f"), smooth=False)


def beyond_neighbour(x: Any, axis: int) -> Any:
    """Each element minus the one next to it in order, on the nearer side; infinite where there is none."""
    order = np.argsort(x, axis=axis, kind="stable")
    gaps = np.diff(np.take_along_axis(x, order, axis), axis=axis)
    end = np.full_like(x.take([0], axis), np.inf)
    below, above = np.concatenate([end, gaps], axis), np.concatenate([gaps, end], axis)
    out = np.empty_like(x)
    np.put_along_axis(out, order, np.where(below <= above, below, -above), axis)
    return out


def _lanes(k: Any, operand: Any, axis: int, numbered: bool, work: Any, write: Any) -> Any:
    """For each lane along an axis: copy it, do the work, write what came out."""
    x = k.memory(operand, contiguous=False)
    n = x.shape[axis]
    if x.kind[0] == "c":
        return NotImplemented
    if not x.size:
        return None
    lane = sorting.Lane(k, n, x.kind, numbered)
    spare = sorting.Lane(k, n, x.kind, numbered) if n > sorting.RUN else None

    def one(others: Any) -> None:
        at = lambda i: (*others[:axis], i, *others[axis:])
        work(lane, spare, n, sorting.filled(k, lane, n, lambda i: k.read(x, at(i))))
        write(at, lane)

    return k.each(x.shape[:axis] + x.shape[axis + 1 :], one)


def sort(x: Any, axis: int) -> Any:
    """Sorted along an axis."""
    return Sort(axis)(x)


def argsort(x: Any, axis: int) -> Any:
    """The permutation that sorts along an axis."""
    return ArgSort(axis)(x)


def order_statistic(x: Any, k: int, axis: int) -> Any:
    """The element at index k of x sorted along an axis."""
    return OrderStatistic(k, axis)(x)
