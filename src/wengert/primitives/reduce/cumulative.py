"""Running sums, products, extrema and linear recurrences along an axis, which stays.

Knows NumPy; of other families shape, arith and math; indexing only by its roles. Start at `CumSum`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Linear, Primitive, Sample, add_any, as_evaluated, expand_all, no, same_types, scale
from wengert.ir.types import Type
from wengert.ir.values import ROLES, splat
from wengert.primitives.arith import div, equal, logical_and, logical_or, mul, not_equal
from wengert.primitives.reduce import folds
from wengert.primitives.shape import Concatenate, cast


def shifted(x: Any, axis: int, reverse: bool, fill: float) -> Any:
    """Each element's predecessor along an axis (its successor if `reverse`); `fill` where there is none."""
    shape = x.type.shape
    n = shape[axis]
    if n == 0:
        return x
    edge = splat(fill, x.type.with_shape((*shape[:axis], 1, *shape[axis + 1 :])))
    rest = ROLES["slice_axis"](x, axis, 1, n) if reverse else ROLES["slice_axis"](x, axis, 0, n - 1)
    return Concatenate(axis)(*((rest, edge) if reverse else (edge, rest)))


class _Cumulative(Primitive, abstract=True):
    """An operation accumulated along an axis, from its end if `reverse`."""

    axis: int
    reverse: bool = False
    ufunc: ClassVar[Any]
    step: ClassVar[str]  # the scalar operation

    def type(self, x: Any) -> tuple[Type, ...]:
        assert 0 <= self.axis < x.ndim, f"{self!r} of {x!r}"
        return (x,)

    def evaluate(self, x: Any) -> Any:
        if not self.reverse:
            return self.ufunc.accumulate(x, axis=self.axis, dtype=x.dtype)
        return np.flip(self.ufunc.accumulate(np.flip(x, self.axis), axis=self.axis, dtype=x.dtype), self.axis)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        if k.kind(outs.types[0])[0] == "c" and self.step not in ("add", "mul"):
            return NotImplemented
        x = k.memory(operands[0], contiguous=False)
        step = lambda i, last: self.join(k, last, k.read(x, i))
        return folds.scanned(k, outs[0], self.axis, self.reverse, lambda i: k.read(x, i), step)

    def join(self, k: Any, last: Any, x: Any) -> Any:
        """The next value, given the last one."""
        return k.op(self.step, last, x)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1, self.reverse)(operands[0])

    def exact(self, m: Any, x: Any) -> Any:
        return m.accumulate(self.step, x, self.axis, self.reverse)


class CumSum(_Cumulative, Linear):
    """Running sum. Its transpose runs the other way."""

    step = "add"
    ufunc = np.add

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (CumSum(self.axis, not self.reverse)(ct),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.arange(6.0).reshape(2, 3))
        yield Sample(cls(0, True), np.array([1.0, 2.0 + 1j, 0.5]))
        yield Sample(cls(0), np.array([1.0, 2.0], "f"))
        yield Sample(cls(0), np.zeros((0, 2)))


class CumProd(_Cumulative):
    """Running product y. dy_k = x_k dy_(k-1) + y_(k-1) dx_k: a recurrence, exact through zeros in every order."""

    step = "mul"
    ufunc = np.multiply
    transpose = no("a product of the elements of one array is not linear")

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        step = scale(shifted(outs, self.axis, self.reverse, 1), tangents[0])
        return LinearRecurrence(self.axis, self.reverse)(primals[0], step)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.array([[1.5, -2.0, 0.5], [3.0, 0.0, 2.0]]))
        yield Sample(cls(0, True), np.array([0.0, 2.0 + 1j, 0.0, 3.0]))
        yield Sample(cls(0), np.array([1.5, 2.0], "f"))


class LinearRecurrence(Primitive):
    """(a, b) -> h with h_k = a_k h_(k-1) + b_k along an axis, h before the first being 0; from the end if `reverse`.

    Linear in b. By a: dh_k = a_k dh_(k-1) + h_(k-1) da_k, the same recurrence. Its transpose,
    g_k = a_(k+1) g_(k+1) + ct_k, is the recurrence the other way, with a shifted by one.
    """

    axis: int
    reverse: bool = False
    exact = as_evaluated

    def type(self, *operands: Type) -> tuple[Type, ...]:
        return (same_types(self, operands),)

    def evaluate(self, a: Any, b: Any) -> Any:
        n = b.shape[self.axis]
        order = range(n - 1, -1, -1) if self.reverse else range(n)
        if b.ndim == 1:  # Python numbers are several times faster than 0-d arrays
            a_list, h, last = a.tolist(), b.tolist(), 0.0
            for k in order:
                h[k] = last = a_list[k] * last + h[k]
            return np.array(h, b.dtype)
        h = np.array(b)
        along_a, along_h = np.moveaxis(a, self.axis, 0), np.moveaxis(h, self.axis, 0)
        for before, k in zip(order, order[1:], strict=False):
            along_h[k] += along_a[k] * along_h[before]
        return h

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a, b = (k.memory(p, contiguous=False) for p in operands)
        step = lambda i, last: k.op("add", k.op("mul", k.read(a, i), last), k.read(b, i))
        return folds.scanned(k, outs[0], self.axis, self.reverse, lambda i: k.read(b, i), step)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        da, db = tangents
        before = None if da is None else scale(shifted(outs, self.axis, self.reverse, 0), da)
        step = add_any(before, db)
        return None if step is None else self(primals[0], step)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        back = LinearRecurrence(self.axis, not self.reverse)
        return None, back(shifted(operands[0], self.axis, not self.reverse, 0), ct)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return LinearRecurrence(self.axis + 1, self.reverse)(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        a, b = np.array([[0.5, -2.0, 0.0], [1.5, 0.3, 2.0]]), np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])
        yield Sample(cls(1), a, b)
        yield Sample(cls(0, True), a, b)
        yield Sample(cls(0), a[1] + 1j, b[1] - 0.5j)
        yield Sample(cls(0), a[1].astype("f"), b[1].astype("f"))


class CumMax(_Cumulative):
    """Running maximum. The derivative goes to the elements that hold the record so far, in equal shares.

    With r = 1 where a record is broken, the shares of the current holders are h / count, both
    running sums that start again at each new record: recurrences with a = 1 - r.
    """

    step = "maximum"
    ufunc = np.maximum
    transpose = no("the choice depends on the values")

    def kink(self, x: Any) -> Any:
        end = np.full_like(x.take([0], self.axis), -np.inf if self.ufunc is np.maximum else np.inf)
        so_far = self.evaluate(x)
        n, every = x.shape[self.axis], [slice(None)] * x.ndim
        every[self.axis] = slice(1, n) if self.reverse else slice(0, n - 1)
        last = so_far[tuple(every)]
        return x - np.concatenate([last, end] if self.reverse else [end, last], self.axis)

    def join(self, k: Any, last: Any, x: Any) -> Any:
        if x.kind[0] != "f":
            return k.op(self.step, last, x)
        # what has to wait for the last value is one comparison: a NaN fails it ever after, and a new one is let in beside
        record = k.op("gt" if self.step == "maximum" else "lt", x, last)
        return k.op("select", k.op("or", record, k.op("ne", x, x)), x, last)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        nan = not_equal(outs, outs)
        before = shifted(outs, self.axis, self.reverse, 0)
        same = logical_or(equal(outs, before), logical_and(nan, not_equal(before, before)))
        goes_on, holds = cast(same, x.type.dtype), cast(logical_or(equal(x, outs), not_equal(x, x)), x.type.dtype)
        recur = LinearRecurrence(self.axis, self.reverse)
        return div(recur(goes_on, mul(holds, dx)), recur(goes_on, holds))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0), np.array([2.0, 1.0, 3.0, 2.5, 4.0]), complex_step=False)
        yield Sample(cls(1, True), np.array([[2.0, 1.0, 3.0], [-1.0, -2.0, -3.0]]), complex_step=False)
        yield Sample(cls(0), np.array([1.0, 2.0, 2.0, 1.0]), smooth=False)
        yield Sample(cls(0), np.array([1.5, 2.0], "f"), complex_step=False)


class CumMin(CumMax):
    """Running minimum, as `CumMax`."""

    step = "minimum"
    ufunc = np.minimum


def cumsum(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running sum along an axis."""
    return CumSum(axis, reverse)(x)


def cumprod(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running product along an axis."""
    return CumProd(axis, reverse)(x)


def cummax(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running maximum along an axis."""
    return CumMax(axis, reverse)(x)


def cummin(x: Any, axis: int, reverse: bool = False) -> Any:
    """Running minimum along an axis."""
    return CumMin(axis, reverse)(x)
