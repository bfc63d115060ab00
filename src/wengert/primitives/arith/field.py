"""The operations of a field, comparisons, selection, and the parts of complex numbers.

Knows NumPy; not other families but shape. Start at `Mul`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Elementwise, Multilinear, Primitive, Sample, expand_all, flat, role, same_types, scale, zeros
from wengert.ir.types import Type
from wengert.ir.values import Literal
from wengert.loops.integers import euclid, floor_divide, magnitude, quotient, rest, shift
from wengert.primitives.shape import array_type_of, cast


class _Elementary(Elementwise, abstract=True):
    """Elementwise, and exactly NumPy's operator on arrays and scalars alike."""

    domain = ((-2.0, 2.0), (0.5, 2.0))


@role("add")
class Add(_Elementary):
    scalar = "add"
    ufunc = np.add

    def evaluate(self, x: Any, y: Any) -> Any:
        return x + y

    def adds_to(self, result: int) -> int | None:
        return 0

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, 1

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return tuple([ct if on else None for on in linear])


@role("sub")
class Sub(_Elementary):
    scalar = "sub"
    ufunc = np.subtract

    def evaluate(self, x: Any, y: Any) -> Any:
        return x - y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, -1

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return ct if linear[0] else None, neg(ct) if linear[1] else None


@role("neg")
class Neg(_Elementary):
    scalar = "neg"
    ufunc = np.negative
    domain = (-2.0, 2.0)

    def evaluate(self, x: Any) -> Any:
        return -x

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (-1,)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (neg(ct),)


@role("mul")
class Mul(Multilinear, _Elementary):
    """x * y. Bilinear: the product rule is `Multilinear`'s. A literal zero has no derivative, whatever it multiplies."""

    scalar = "mul"
    ufunc = np.multiply

    def evaluate(self, x: Any, y: Any) -> Any:
        return x * y

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return Elementwise.jvp(self, primals, outs, tangents)  # with `scale`: strong zeros, and the literal one

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return y, x

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        x, y = operands
        return scale(y, ct) if linear[0] else None, scale(x, ct) if linear[1] else None


@role("strong_mul")
class StrongMul(Multilinear):
    """partial * t, but exactly 0 where either is 0, even if the other is infinite or NaN.

    Either: what forward mode meets as a partial derivative of 0 and an infinite tangent, reverse mode meets as an
    infinite partial derivative and a cotangent of 0.
    """

    elementwise = True
    factors = (0, 1)

    def type(self, *operands: Type) -> tuple[Type, ...]:
        return (same_types(self, operands),)

    def evaluate(self, partial: Any, t: Any) -> Any:
        return np.where((t == 0) | (partial == 0), np.zeros((), np.result_type(t)), partial * t)[()]

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        partial, t = operands
        return self(t, ct) if linear[0] else None, self(partial, ct) if linear[1] else None

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([2.0, 3.0]), np.array([1.0, -1.0]), complex_step=False)

    def scalar(self, k: Any, partial: Any, t: Any) -> Any:
        zero = k.like(0, t)
        none = k.op("or", k.op("eq", t, zero), k.op("eq", partial, zero))
        return k.op("select", none, zero, k.op("mul", partial, t))

    def exact(self, m: Any, partial: Any, t: Any) -> Any:
        return partial * t


@role("div")
class Div(_Elementary):
    scalar = "div"
    ufunc = np.true_divide

    def evaluate(self, x: Any, y: Any) -> Any:
        return x / y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: reciprocal(y), lambda: -(out * reciprocal(y))  # one division for both

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        dx, dy = tangents
        if dy is None and not isinstance(primals[0], Literal):
            return self(dx, primals[1])  # one rounding, as the quotient itself
        return super().jvp(primals, outs, tangents)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return self(ct, operands[1]), None


class Reciprocal(Elementwise):
    ufunc, domain = np.reciprocal, (0.5, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -(out * out),)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("div", k.like(1, x), x) if x.kind[0] in "fc" else quotient(k, k.like(1, x), x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.div(1, x)


# -- selection ----------------------------------------------------------------------------


@role("select")
class Select(Primitive):
    """where(mask, x, y). The lane that is not taken never reaches the adjoint: see `demand`."""

    scalar = "select"
    elementwise = True

    def type(self, mask: Any, x: Any, y: Any) -> tuple[Type, ...]:
        assert mask.dtype == np.bool_ and mask.shape == x.shape, f"select on {mask!r}"
        return (same_types(self, (x, y)),)

    def evaluate(self, mask: Any, x: Any, y: Any) -> Any:
        return np.where(mask, x, y)[()]

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        _, dx, dy = tangents
        if dx is None and dy is None:
            return None
        mask, x, _ = primals
        return self(mask, zeros(x.type) if dx is None else dx, zeros(x.type) if dy is None else dy)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        mask, zero = operands[0], zeros(ct.type)
        return None, self(mask, ct, zero) if linear[1] else None, self(mask, zero, ct) if linear[2] else None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        taken = operands[0] if index == 1 else logical_not(operands[0])
        return taken if mask is None else logical_and(mask, taken)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([True, False]), np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        yield Sample(cls(), np.array([True, False]), np.array([1.0, 2j]), np.array([3.0, 4.0j]))


class _Extremum(Elementwise, abstract=True):
    """The larger or smaller of two; at a tie each has half of the derivative; a NaN flows to its own lane."""

    domain = ((-2.0, -0.1), (0.1, 2.0))
    analytic = False

    def kink(self, x: Any, y: Any) -> Any:
        return x - y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        half = lambda a, b: share(a, out, equal(a, b))
        return lambda: half(x, y), lambda: half(y, x)


def share(x: Any, out: Any, tied: Any) -> Any:
    """1 where x is the result alone, ½ where tied, 0 elsewhere; NaN is its own result."""
    wins = logical_or(equal(x, out), not_equal(x, x))
    one = cast(wins, array_type_of(x).dtype)
    return select(tied, one * 0.5, one)


class Maximum(_Extremum):
    scalar = "maximum"
    ufunc = np.maximum


class Minimum(_Extremum):
    scalar = "minimum"
    ufunc = np.minimum


class Fmax(_Extremum):
    """The larger, ignoring NaN."""

    scalar = "fmax"
    ufunc = np.fmax


class Fmin(_Extremum):
    """The smaller, ignoring NaN."""

    scalar = "fmin"
    ufunc = np.fmin


# -- no derivative: comparisons, logic, rounding, integers -----------------------------------


class Flat(Elementwise, abstract=True):
    """An elementwise operation whose derivative is zero wherever it exists."""

    jvp = flat("it is piecewise constant")
    domain = ((0.6, 0.9), (1.6, 1.9))
    analytic = False
    dtypes = "fdi"


class _Comparison(Flat, abstract=True):
    result = "bool"

    def kink(self, *operands: Any) -> Any:
        return np.subtract(*operands) if len(operands) == 2 else None


@role("equal")
class Equal(_Comparison):
    scalar = "eq"
    ufunc = np.equal


class NotEqual(_Comparison):
    scalar = "ne"
    ufunc = np.not_equal


@role("less")
class Less(_Comparison):
    scalar = "lt"
    ufunc = np.less


@role("less_equal")
class LessEqual(_Comparison):
    scalar = "le"
    ufunc = np.less_equal


@role("greater")
class Greater(_Comparison):
    scalar = "gt"
    ufunc = np.greater


@role("greater_equal")
class GreaterEqual(_Comparison):
    scalar = "ge"
    ufunc = np.greater_equal


class _Logical(Flat, abstract=True):
    result = "bool"
    dtypes = "?"
    domain = ((0.0, 1.0), (0.0, 1.0))


@role("logical_and")
class LogicalAnd(_Logical):
    scalar = "and"
    ufunc = np.logical_and


@role("logical_or")
class LogicalOr(_Logical):
    scalar = "or"
    ufunc = np.logical_or


class LogicalXor(_Logical):
    scalar = "xor"
    ufunc = np.logical_xor


@role("logical_not")
class LogicalNot(_Logical):
    scalar = "not"
    ufunc = np.logical_not
    domain = (0.0, 1.0)


class _Integer(Flat, abstract=True):
    dtypes = "i"
    domain = ((1.0, 9.0), (1.0, 3.0))


class BitwiseAnd(_Integer):
    scalar = "and"
    ufunc = np.bitwise_and


class BitwiseOr(_Integer):
    scalar = "or"
    ufunc = np.bitwise_or


class BitwiseXor(_Integer):
    scalar = "xor"
    ufunc = np.bitwise_xor


class BitwiseNot(_Integer):
    scalar = "not"
    ufunc, domain = np.invert, (1.0, 9.0)


class LeftShift(_Integer):
    ufunc = np.left_shift

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return shift(k, "shl", x, y, k.like(0, x))


class RightShift(_Integer):
    ufunc = np.right_shift

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        negative = k.op("lt", x, k.like(0, x))
        return shift(k, "shr", x, y, k.op("select", negative, k.op("not", k.like(0, x)), k.like(0, x)))


class Gcd(_Integer):
    ufunc = np.gcd

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return k.cast(euclid(k, magnitude(k, x), magnitude(k, y)), x.kind)


class Lcm(_Integer):
    ufunc = np.lcm

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        a, b = magnitude(k, x), magnitude(k, y)
        return k.cast(k.op("mul", quotient(k, a, euclid(k, a, b)), b), x.kind)


class _Rounding(Flat, abstract=True):
    def kink(self, x: Any) -> Any:
        return x - np.rint(x)


class Floor(_Rounding):
    scalar = "floor"
    ufunc, domain = np.floor, (0.6, 0.9)


class Ceil(_Rounding):
    scalar = "ceil"
    ufunc, domain = np.ceil, (0.6, 0.9)


class Trunc(_Rounding):
    scalar = "trunc"
    ufunc, domain = np.trunc, (0.6, 0.9)


class Rint(Flat):
    scalar = "rint"
    ufunc, domain, dtypes = np.rint, (0.6, 0.9), "fd"

    def kink(self, x: Any) -> Any:
        return x - np.floor(x) - 0.5


class Sign(Flat):
    ufunc, domain, dtypes = np.sign, (0.6, 0.9), "fd"

    def kink(self, x: Any) -> Any:
        return x

    def scalar(self, k: Any, x: Any) -> Any:
        if x.kind[0] == "c":
            size = k.op("abs", x)
            unit = k.op("div", x, k.cast(size, x.kind))
            return k.op("select", k.op("eq", size, k.like(0, size)), k.like(0, x), unit)
        up, down = k.op("gt", x, k.like(0, x)), k.op("lt", x, k.like(0, x))
        flat = k.op("select", k.op("eq", x, k.like(0, x)), k.like(0, x), x)  # NaN, and the sign of zero is lost as NumPy loses it
        if x.kind[0] == "u":
            return k.op("select", up, k.like(1, x), k.like(0, x))
        return k.op("select", up, k.like(1, x), k.op("select", down, k.like(-1, x), flat))

    def exact(self, m: Any, x: Any) -> Any:
        return m.sign(x)


class Signbit(_Comparison):
    ufunc, domain, dtypes = np.signbit, (0.6, 0.9), "fd"

    def kink(self, x: Any) -> Any:
        return x

    def scalar(self, k: Any, x: Any) -> Any:
        bits = k.op("bits", x) if x.kind[0] == "f" else x
        return k.op("lt", bits, k.like(0, bits))

    def exact(self, m: Any, x: Any) -> Any:
        return m.lt(x, 0)


class IsNan(_Comparison):
    ufunc, domain = np.isnan, (0.6, 0.9)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("ne", x, x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.isnan(x)


class IsInf(_Comparison):
    ufunc, domain = np.isinf, (0.6, 0.9)

    def scalar(self, k: Any, x: Any) -> Any:
        if x.kind[0] == "c":
            return k.op("or", self.scalar(k, x.re), self.scalar(k, x.im))
        return k.op("eq", k.op("abs", x), k.like(np.inf, x)) if x.kind[0] == "f" else k.const(False, "b1")

    def exact(self, m: Any, x: Any) -> Any:
        return m.isinf(x)


class IsFinite(_Comparison):
    ufunc, domain = np.isfinite, (0.6, 0.9)

    def scalar(self, k: Any, x: Any) -> Any:
        if x.kind[0] == "c":
            return k.op("and", self.scalar(k, x.re), self.scalar(k, x.im))
        return k.op("lt", k.op("abs", x), k.like(np.inf, x)) if x.kind[0] == "f" else k.const(True, "b1")

    def exact(self, m: Any, x: Any) -> Any:
        return m.isfinite(x)


class FloorDivide(Flat):
    """floor(x / y): derivative 0, as for every rounding."""

    ufunc = np.floor_divide

    def kink(self, x: Any, y: Any) -> Any:
        return x - y * np.rint(x / y)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return floor_divide(k, x, y)[0]

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.floor(m.div(x, y))


class Nextafter(Elementwise):
    """The next representable number from x towards y; as a function of x the identity, to rounding."""

    scalar = "nextafter"
    ufunc, domain, analytic, dtypes = np.nextafter, ((0.6, 0.9), (1.6, 1.9)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, None

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return x


class Remainder(Elementwise):
    """x - y*floor(x/y): derivative 1 by x, -floor(x/y) by y."""

    ufunc, domain, analytic, dtypes = np.remainder, ((0.62, 0.68), (0.25, 0.27)), False, "fd"
    kink = FloorDivide.kink

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, lambda: -floor(x / y)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return floor_divide(k, x, y)[1]

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return x - y * m.floor(m.div(x, y))


class Fmod(Elementwise):
    """x - y*trunc(x/y): derivative 1 by x, -trunc(x/y) by y."""

    ufunc, domain, analytic, dtypes = np.fmod, ((-0.68, -0.62), (0.25, 0.27)), False, "fd"
    kink = FloorDivide.kink

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, lambda: -trunc(x / y)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return k.op("fmod", x, y) if x.kind[0] == "f" else rest(k, x, y)

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return x - y * m.trunc(m.div(x, y))


add, sub, neg, mul, div, reciprocal = Add(), Sub(), Neg(), Mul(), Div(), Reciprocal()
select, maximum, minimum, fmax, fmin = Select(), Maximum(), Minimum(), Fmax(), Fmin()
equal, not_equal, less, less_equal, greater, greater_equal = Equal(), NotEqual(), Less(), LessEqual(), Greater(), GreaterEqual()
logical_and, logical_or, logical_not, logical_xor = LogicalAnd(), LogicalOr(), LogicalNot(), LogicalXor()
floor, ceil, trunc, sign = Floor(), Ceil(), Trunc(), Sign()
isnan, isfinite = IsNan(), IsFinite()
