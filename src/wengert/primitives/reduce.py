"""Operations that go along axes: sums, products, extrema, cumulations, sorting, log-sum-exp.

Knows NumPy; of other families shape, arith and math; indexing only by its roles. Results drop the
axes they reduce; `axes` are non-negative and sorted. Start at `Sum`; its like have no further news.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Linear, Primitive, Sample, add_any, expand_all, flat, no, role, same_types, scale, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.ir.values import ROLES, Literal, splat
from wengert.primitives.arith import div, equal, isfinite, logical_and, logical_not, logical_or, mul, not_equal, real, select, sub
from wengert.primitives.math import exp
from wengert.primitives.shape import Concatenate, broadcast, cast, permute, reshape, stop_gradient


def spread(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """A reduced value repeated along the axes that the reduction dropped."""
    return broadcast(x, shape, tuple([a for a in range(len(shape)) if a not in axes]))


def one_further(axes: Iterable[int]) -> tuple[int, ...]:
    """The axes, after a new one has been put in front."""
    return tuple([a + 1 for a in axes])


class _Reduction(Primitive, abstract=True):
    """A reduction along `axes` by a NumPy function. `identity`: whether nothing at all can be reduced."""

    axes: tuple[int, ...]
    ufunc: ClassVar[Any]
    identity: ClassVar[bool] = True

    def type(self, x: Any) -> tuple[Type, ...]:
        assert self.axes and list(self.axes) == sorted(set(self.axes)) and 0 <= self.axes[0] <= self.axes[-1] < x.ndim, f"{self!r} of {x!r}"
        result = x.with_shape(tuple([n for a, n in enumerate(x.shape) if a not in self.axes]))
        if x.size == 0 and result.size and not self.identity:
            raise ShapeError(four_parts(f"{self.name} of nothing", f"the array is {x!r}, reduced along {self.axes}", "It has no value."))
        return (result,)

    def evaluate(self, x: Any) -> Any:
        return self.ufunc.reduce(x, axis=self.axes, dtype=x.dtype)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(one_further(self.axes))(operands[0])


class Sum(_Reduction, Linear):
    """Sum along axes; 0 of nothing."""

    reduction = ("add", 0)
    ufunc = np.add

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (spread(ct, operands[0].type.shape, self.axes),)

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return None if mask is None else spread(mask, operands[0].type.shape, self.axes)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 2)), np.arange(12.0).reshape(2, 3, 2))
        yield Sample(cls((0,)), np.array([1.0, 2.0 + 1j]))
        yield Sample(cls((0,)), np.array([[1.0, 2.5]], "f"))
        yield Sample(cls((1,)), np.zeros((2, 0)))
        yield Sample(cls((0,)), np.array([3, 4]))


class Prod(_Reduction):
    """Product along axes; 1 of nothing. Its tangent multiplies, never divides, so it is exact through zeros.

    d prod = sum_i (product of all others) dx_i, the others by products cumulated from both ends.
    """

    reduction = ("mul", 1)
    ufunc = np.multiply
    transpose = no("a product of the elements of one array is not linear")

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        x, dx = (_in_one_last_axis(v, self.axes) for v in (primals[0], tangents[0]))
        last = x.type.ndim - 1
        if x.type.shape[last] == 0:
            return None
        before = cumprod(shifted(x, last, False, 1), last)
        after = cumprod(shifted(x, last, True, 1), last, True)
        return sum_(scale(mul(before, after), dx), (last,))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 2)), np.linspace(0.5, 2.0, 12).reshape(2, 3, 2))
        yield Sample(cls((0,)), np.array([0.0, 2.0, 3.0]))
        yield Sample(cls((1,)), np.array([[0.0, 0.0, 3.0], [2.0, 1.5j, -1.0]]))
        yield Sample(cls((0,)), np.array([1.5, 2.0], "f"))
        yield Sample(cls((0,)), np.zeros((0, 2)))


def _in_one_last_axis(x: Any, axes: tuple[int, ...]) -> Any:
    shape = x.type.shape
    kept = tuple([a for a in range(len(shape)) if a not in axes])
    n = int(np.prod([shape[a] for a in axes]))
    return reshape(permute(x, (*kept, *axes)), (*[shape[a] for a in kept], n))


# -- selections: the result is one of the elements ---------------------------------------------


def shares(x: Any, out: Any, axes: tuple[int, ...]) -> Any:
    """The weight of each element in a result that equals some of them: equal shares that sum to 1. NaN equals NaN."""
    out = spread(out, x.type.shape, axes)
    chosen = logical_or(equal(x, out), logical_and(not_equal(x, x), not_equal(out, out)))
    weight = cast(chosen, x.type.dtype)
    return div(weight, spread(sum_(weight, axes), x.type.shape, axes))


class _Extremum(_Reduction, abstract=True):
    """The derivative is shared equally among the elements at the extremum; a NaN takes it in its own lane."""

    identity = False
    transpose = no("the choice depends on the values")

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if primals[0].type.size == 0:
            return None
        return sum_(scale(shares(primals[0], outs, self.axes), tangents[0]), self.axes)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 2)), np.cos(np.arange(12.0)).reshape(2, 3, 2), complex_step=False)
        yield Sample(cls((0,)), np.array([1.0, 3.0, 3.0]), smooth=False)
        yield Sample(cls((0,)), np.array([1.5, -2.0], "f"), complex_step=False)
        yield Sample(cls((0,)), np.array([3, 1]))


class Max(_Extremum):
    reduction = ("maximum", "least")
    ufunc = np.maximum


class Min(_Extremum):
    reduction = ("minimum", "greatest")
    ufunc = np.minimum


class OrderStatistic(Primitive):
    """The element that sorting puts at index k along an axis, NaN last; its equals share the derivative."""

    k: int
    axis: int
    transpose = no("the choice depends on the values")

    def type(self, x: Any) -> tuple[Type, ...]:
        assert 0 <= self.k < x.shape[self.axis], f"{self!r} of {x!r}"
        return (_without(x, self.axis),)

    def evaluate(self, x: Any) -> Any:
        return np.partition(x, self.k, axis=self.axis).take(self.k, axis=self.axis)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return sum_(scale(shares(primals[0], outs, (self.axis,)), tangents[0]), (self.axis,))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return OrderStatistic(self.k, self.axis + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1, 0), np.array([[3.0, 1.0], [2.0, 5.0], [7.0, 4.0]]), complex_step=False)
        yield Sample(cls(0, 1), np.array([[3.0, 1.0, 1.0]], "f"), smooth=False)


def _without(x: Any, axis: int) -> Any:
    return x.with_shape(x.shape[:axis] + x.shape[axis + 1 :])


# -- no derivative: logic and positions -------------------------------------------------------


class Any_(_Reduction):
    """Whether some are true; no of nothing."""

    name = "any"
    reduction = ("or", False)
    ufunc = np.logical_or
    jvp = flat("it is piecewise constant")
    transpose = no("it is not linear")

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((1,)), np.array([[True, False], [False, False]]), smooth=False)


class All(Any_):
    """Whether all are true; yes of nothing."""

    name = "all"
    reduction = ("and", True)
    ufunc = np.logical_and


class ArgMax(Primitive):
    """The first position of the largest element along an axis, or of the first NaN."""

    axis: int
    search: ClassVar[Any] = staticmethod(np.argmax)
    jvp = flat("a position is piecewise constant")
    transpose = no("it is not linear")

    def type(self, x: Any) -> tuple[Type, ...]:
        result = _without(x, self.axis).with_dtype(np.int64)
        if x.shape[self.axis] == 0 and result.size:
            raise ShapeError(four_parts(f"{self.name} of nothing", f"the array is {x!r}", "It has no value."))
        return (result,)

    def evaluate(self, x: Any) -> Any:
        return self.search(x, axis=self.axis)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.array([[1.0, 4.0, 2.0], [0.0, -1.0, 3.0]]), smooth=False)


class ArgMin(ArgMax):
    """The first position of the smallest element along an axis, or of the first NaN."""

    search = staticmethod(np.argmin)


# -- along an axis, which stays -----------------------------------------------------------------


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

    def type(self, x: Any) -> tuple[Type, ...]:
        assert 0 <= self.axis < x.ndim, f"{self!r} of {x!r}"
        return (x,)

    def evaluate(self, x: Any) -> Any:
        if not self.reverse:
            return self.ufunc.accumulate(x, axis=self.axis, dtype=x.dtype)
        return np.flip(self.ufunc.accumulate(np.flip(x, self.axis), axis=self.axis, dtype=x.dtype), self.axis)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1, self.reverse)(operands[0])


class CumSum(_Cumulative, Linear):
    """Running sum. Its transpose runs the other way."""

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

    ufunc = np.maximum
    transpose = no("the choice depends on the values")

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

    ufunc = np.minimum


# -- sorting ----------------------------------------------------------------------------------


class Sort(Primitive):
    """Sorted along an axis, stably, NaN last: a permutation, by which the tangent is permuted too."""

    axis: int
    transpose = no("the permutation depends on the values")

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x,)

    def evaluate(self, x: Any) -> Any:
        return np.sort(x, axis=self.axis, kind="stable")

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

    jvp = flat("a position is piecewise constant")

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x.with_dtype(np.int64),)

    def evaluate(self, x: Any) -> Any:
        return np.argsort(x, axis=self.axis, kind="stable")


# -- log-sum-exp ------------------------------------------------------------------------------


class LogSumExp(_Reduction):
    """log(sum(exp(x))) along axes without overflow; -inf of nothing.

    The derivative is softmax(x) in its limits: where the result is infinite, equal shares of
    the elements that are equal to it (all of them for -inf).
    """

    transpose = no("it is not linear")

    def evaluate(self, x: Any) -> Any:
        axes = self.axes
        top = np.max(x.real, axis=axes, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, np.zeros((), top.dtype))
        terms = np.exp(x - top)
        if x.dtype.kind == "c":
            return np.log(np.sum(terms, axis=axes)) + np.squeeze(top, axes)
        # The largest terms are exactly 1: summed apart, the small ones are not lost beside them.
        largest = x == top
        count = np.sum(largest, axis=axes, dtype=x.dtype)
        rest = np.sum(np.where(largest, np.zeros((), x.dtype), terms), axis=axes)
        some = np.maximum(count, np.ones((), x.dtype))
        with np.errstate(all="ignore"):
            out = np.where(count > 0, np.log1p(rest / some) + np.log(some), np.log(rest))
        return (out + np.squeeze(top, axes)).astype(x.dtype)[()]

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        if x.type.size == 0:
            return None
        shape, held = x.type.shape, stop_gradient(x)
        height = real(held) if x.type.dtype.kind == "c" else held
        top = Max(self.axes)(height)
        infinite = logical_not(logical_or(isfinite(top), not_equal(top, top)))
        ties = shares(height, top, self.axes)
        lane = spread(infinite, shape, self.axes)
        top = spread(cast(top, x.type.dtype), shape, self.axes)
        terms = exp(select(lane, zeros(x.type), sub(x, top)))
        soft = div(terms, spread(sum_(terms, self.axes), shape, self.axes))
        return sum_(scale(select(lane, cast(ties, x.type.dtype), soft), dx), self.axes)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 2)), np.cos(np.arange(12.0)).reshape(2, 3, 2))
        yield Sample(cls((0,)), np.array([0.5 + 0.1j, -1.0, 2.0 - 0.3j]))
        yield Sample(cls((0,)), np.array([0.5, -1.0], "f"))
        yield Sample(cls((0,)), np.array([-np.inf, 0.5, 1.0]), smooth=False)
        yield Sample(cls((1,)), np.array([[-np.inf, -np.inf], [np.inf, 1.0]]), smooth=False)


# -- how the rules write them: `axes` may be empty ---------------------------------------------


@role("sum")
def sum_(x: Any, axes: tuple[int, ...]) -> Any:
    """Sum along axes; x itself without any."""
    if axes and isinstance(x, Literal) and x.is_splat and x.is_value(0):
        return zeros(x.type.with_shape(tuple([n for a, n in enumerate(x.type.shape) if a not in axes])))
    return Sum(tuple(axes))(x) if axes else x


def prod(x: Any, axes: tuple[int, ...]) -> Any:
    """Product along axes; x itself without any."""
    return Prod(tuple(axes))(x) if axes else x


def max_(x: Any, axes: tuple[int, ...]) -> Any:
    """Maximum along axes; x itself without any."""
    return Max(tuple(axes))(x) if axes else x


def min_(x: Any, axes: tuple[int, ...]) -> Any:
    """Minimum along axes; x itself without any."""
    return Min(tuple(axes))(x) if axes else x


@role("any")
def any_(mask: Any, axes: tuple[int, ...]) -> Any:
    """Whether some are true along axes; the mask itself without any."""
    return Any_(tuple(axes))(mask) if axes else mask


def all_(mask: Any, axes: tuple[int, ...]) -> Any:
    """Whether all are true along axes; the mask itself without any."""
    return All(tuple(axes))(mask) if axes else mask


def logsumexp(x: Any, axes: tuple[int, ...]) -> Any:
    """log(sum(exp(x))) along axes; x itself without any."""
    return LogSumExp(tuple(axes))(x) if axes else x


def argmax(x: Any, axis: int) -> Any:
    """Position of the maximum along an axis."""
    return ArgMax(axis)(x)


def argmin(x: Any, axis: int) -> Any:
    """Position of the minimum along an axis."""
    return ArgMin(axis)(x)


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


def sort(x: Any, axis: int) -> Any:
    """Sorted along an axis."""
    return Sort(axis)(x)


def argsort(x: Any, axis: int) -> Any:
    """The permutation that sorts along an axis."""
    return ArgSort(axis)(x)


def order_statistic(x: Any, k: int, axis: int) -> Any:
    """The element at index k of x sorted along an axis."""
    return OrderStatistic(k, axis)(x)
