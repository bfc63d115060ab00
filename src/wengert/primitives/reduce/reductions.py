"""Operations that reduce axes: sums, products, extrema and where they are, logic, log-sum-exp.

Knows NumPy; of other families shape, arith and math; indexing only by its roles. Results drop the
axes they reduce; `axes` are non-negative and sorted. Start at `Sum`; its like have no further news.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Linear, Primitive, Sample, Track, as_evaluated, flat, no, role, scale, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.ir.values import Literal
from wengert.primitives.arith import div, equal, isfinite, logical_and, logical_not, logical_or, mul, not_equal, real, select, sub
from wengert.primitives.math import exp
from wengert.primitives.reduce import folds
from wengert.primitives.reduce.cumulative import cumprod, shifted
from wengert.primitives.shape import broadcast, cast, permute, reshape, stop_gradient


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

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        kept = [a for a in range(operands[0].type.ndim) if a not in self.axes]
        return [Track((a,), i) for i, a in enumerate(kept)]


class Sum(_Reduction, Linear):
    """Sum along axes; 0 of nothing."""

    reduction = ("add", 0)
    ufunc = np.add

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (spread(ct, operands[0].type.shape, self.axes),)

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        yield from super().tracks(operands)
        if operands[0].type.inexact:
            yield from [Track((a,), None) for a in self.axes]

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
    weight = cast(_chosen(x, out, axes), x.type.dtype)
    return div(weight, spread(sum_(weight, axes), x.type.shape, axes))


def share(x: Any, out: Any, axes: tuple[int, ...], dx: Any) -> Any:
    """The tangent of a result that equals some elements: the mean of theirs. The other elements are out of it, whatever their tangents."""
    chosen = _chosen(x, out, axes)
    total = sum_(select(chosen, dx, zeros(dx.type)), axes)
    return div(total, cast(sum_(cast(chosen, x.type.dtype), axes), total.type.dtype))


def _chosen(x: Any, out: Any, axes: tuple[int, ...]) -> Any:
    out = spread(out, x.type.shape, axes)
    return logical_or(equal(x, out), logical_and(not_equal(x, x), not_equal(out, out)))


class _Extremum(_Reduction, abstract=True):
    """The derivative is shared equally among the elements at the extremum; a NaN takes it in its own lane."""

    identity = False
    transpose = no("the choice depends on the values")

    def kink(self, x: Any) -> Any:
        return beyond_others(x, self.axes, self.ufunc)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if primals[0].type.size == 0:
            return None
        return share(primals[0], outs, self.axes, tangents[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 2)), np.cos(np.arange(12.0)).reshape(2, 3, 2), complex_step=False)
        yield Sample(cls((0,)), np.array([1.0, 3.0, 3.0]), smooth=False)
        yield Sample(cls((0,)), np.array([1.5, -2.0], "f"), complex_step=False)
        yield Sample(cls((0,)), np.array([3, 1]))


def beyond_others(x: Any, axes: tuple[int, ...], extremum: Any) -> Any:
    """Each element minus the extremum of the others along these axes; infinite where there is none."""
    lanes = np.moveaxis(x, axes, range(-len(axes), 0))
    rows = lanes.reshape(*lanes.shape[: x.ndim - len(axes)], -1)
    none = np.full_like(rows[..., :1], -np.inf if extremum is np.maximum else np.inf)
    before = np.concatenate([none, extremum.accumulate(rows, axis=-1)[..., :-1]], -1)
    after = np.concatenate([extremum.accumulate(rows[..., ::-1], axis=-1)[..., -2::-1], none], -1)
    others = extremum(before, after).reshape(lanes.shape)
    return x - np.moveaxis(others, range(-len(axes), 0), axes)


class Max(_Extremum):
    reduction = ("maximum", "least")
    ufunc = np.maximum


class Min(_Extremum):
    reduction = ("minimum", "greatest")
    ufunc = np.minimum


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


def without(x: Any, axis: int) -> Any:
    return x.with_shape(x.shape[:axis] + x.shape[axis + 1 :])


def bound(kind: str, least: bool) -> Any:
    """The least or the greatest number of a kind."""
    if kind == "b1":
        return not least
    if kind[0] == "f":
        return -np.inf if least else np.inf
    return np.iinfo(kind).min if least else np.iinfo(kind).max


class ArgMax(Primitive):
    """The first position of the largest element along an axis, or of the first NaN."""

    axis: int
    search: ClassVar[Any] = staticmethod(np.argmax)
    better: ClassVar[str] = "maximum"  # the scalar operation
    exact = as_evaluated
    jvp = flat("a position is piecewise constant")
    transpose = no("it is not linear")

    def kink(self, x: Any) -> Any:
        return beyond_others(x, (self.axis,), np.maximum if self.better == "maximum" else np.minimum)

    def type(self, x: Any) -> tuple[Type, ...]:
        result = without(x, self.axis).with_dtype(np.int64)
        if x.shape[self.axis] == 0 and result.size:
            raise ShapeError(four_parts(f"{self.name} of nothing", f"the array is {x!r}", "It has no value."))
        return (result,)

    def evaluate(self, x: Any) -> Any:
        return self.search(x, axis=self.axis)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        """The extremum, then the first place where it is: two loops without branches are faster than one with."""
        x = k.memory(operands[0], contiguous=False)
        if x.kind[0] == "c":
            return NotImplemented
        op = self.better
        none = k.const(x.shape[self.axis], "i8")

        def place(index: Any, last: Any, earlier: Any) -> list[Any]:
            value = k.read(x, index)
            here = k.op("eq", value, earlier[0][0])
            if x.kind[0] == "f":
                here = k.op("or", here, k.op("ne", value, value))
            return [k.op("minimum", last[0], k.op("select", here, k.number(index[self.axis]), none))]

        extremum = folds.Stage(
            [k.const(bound(x.kind, op == "maximum"), x.kind)],
            lambda index, last, _: [k.op(op, last[0], k.read(x, index))],
            lambda a, b: [k.op(op, a[0], b[0])],
        )
        first = folds.Stage([none], place, lambda a, b: [k.op("minimum", a[0], b[0])])
        return folds.folded(k, x, (self.axis,), [extremum, first], lambda values: values[1][0], outs)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(self.axis + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.array([[1.0, 4.0, 2.0], [0.0, -1.0, 3.0]]), smooth=False)


class ArgMin(ArgMax):
    """The first position of the smallest element along an axis, or of the first NaN."""

    search = staticmethod(np.argmin)
    better = "minimum"


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

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        x = k.memory(operands[0], contiguous=False)
        is_complex = x.kind[0] == "c"
        height = lambda index: k.read(x, index).re if is_complex else k.read(x, index)
        least = k.const(-np.inf, {"c16": "f8", "c8": "f4"}.get(x.kind, x.kind))
        zero, one = k.like(0, least), k.like(1, least)
        plus = lambda a, b: [k.op("accumulate", u, v) for u, v in zip(a, b, strict=True)]

        def finite(top: Any) -> Any:
            return k.op("select", k.op("lt", k.op("abs", top), k.like(np.inf, top)), top, zero)

        def add(index: Any, sums: Any, earlier: Any) -> list[Any]:
            value, top = k.read(x, index), finite(earlier[0][0])
            term = k.op("exp", k.op("sub", value, k.cast(top, x.kind)))
            if is_complex:
                return plus(sums, [term])
            largest = k.op("eq", value, top)
            return plus(sums, [k.op("select", largest, one, zero), k.op("select", largest, zero, term)])

        def result(values: Any) -> Any:
            top = finite(values[0][0])
            if is_complex:
                return k.op("add", k.op("log", values[1][0]), k.cast(top, x.kind))
            count, rest = values[1]
            some = k.op("maximum", count, one)
            close = k.op("add", k.op("log1p", k.op("div", rest, some)), k.op("log", some))
            return k.op("add", k.op("select", k.op("gt", count, zero), close, k.op("log", rest)), top)

        highest = folds.Stage(
            [least], lambda index, last, _: [k.op("maximum", last[0], height(index))], lambda a, b: [k.op("maximum", a[0], b[0])]
        )
        starts = [k.const(0, x.kind)] if is_complex else [zero, zero]
        return folds.folded(k, x, self.axes, [highest, folds.Stage(starts, add, plus)], result, outs)

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

    def exact(self, m: Any, x: Any) -> Any:
        return m.apart(m.log)(m.fold("add", m.apart(m.exp)(x), self.axes))


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
