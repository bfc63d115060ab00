"""The operations of a field, comparisons, selection, and the parts of complex numbers.

Knows NumPy; not other families but shape. Start at `Mul`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Elementwise, Linear, Multilinear, Primitive, Sample, expand_all, flat, role, same_types, scale, zeros
from wengert.ir.types import Type
from wengert.ir.values import Literal, splat
from wengert.primitives.shape import array_type_of, cast


class _Elementary(Elementwise, abstract=True):
    """Elementwise, and exactly NumPy's operator on arrays and scalars alike."""

    domain = ((-2.0, 2.0), (0.5, 2.0))


@role("add")
class Add(_Elementary):
    ufunc = np.add

    def evaluate(self, x: Any, y: Any) -> Any:
        return x + y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, 1

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return tuple([ct if on else None for on in linear])


@role("sub")
class Sub(_Elementary):
    ufunc = np.subtract

    def evaluate(self, x: Any, y: Any) -> Any:
        return x - y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, -1

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return ct if linear[0] else None, neg(ct) if linear[1] else None


@role("neg")
class Neg(_Elementary):
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


@role("div")
class Div(_Elementary):
    ufunc = np.true_divide

    def evaluate(self, x: Any, y: Any) -> Any:
        return x / y

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: reciprocal(y), lambda: -out / y

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


# -- selection ----------------------------------------------------------------------------


@role("select")
class Select(Primitive):
    """where(mask, x, y). The lane that is not taken never reaches the adjoint: see `demand`."""

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

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        half = lambda a, b: share(a, out, equal(a, b))
        return lambda: half(x, y), lambda: half(y, x)


def share(x: Any, out: Any, tied: Any) -> Any:
    """1 where x is the result alone, ½ where tied, 0 elsewhere; NaN is its own result."""
    wins = logical_or(equal(x, out), not_equal(x, x))
    one = cast(wins, array_type_of(x).dtype)
    return select(tied, one * 0.5, one)


class Maximum(_Extremum):
    ufunc = np.maximum


class Minimum(_Extremum):
    ufunc = np.minimum


class Fmax(_Extremum):
    """The larger, ignoring NaN."""

    ufunc = np.fmax


class Fmin(_Extremum):
    """The smaller, ignoring NaN."""

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


@role("equal")
class Equal(_Comparison):
    ufunc = np.equal


class NotEqual(_Comparison):
    ufunc = np.not_equal


@role("less")
class Less(_Comparison):
    ufunc = np.less


@role("less_equal")
class LessEqual(_Comparison):
    ufunc = np.less_equal


@role("greater")
class Greater(_Comparison):
    ufunc = np.greater


@role("greater_equal")
class GreaterEqual(_Comparison):
    ufunc = np.greater_equal


class _Logical(Flat, abstract=True):
    result = "bool"
    dtypes = "?"
    domain = ((0.0, 1.0), (0.0, 1.0))


@role("logical_and")
class LogicalAnd(_Logical):
    ufunc = np.logical_and


@role("logical_or")
class LogicalOr(_Logical):
    ufunc = np.logical_or


class LogicalXor(_Logical):
    ufunc = np.logical_xor


@role("logical_not")
class LogicalNot(_Logical):
    ufunc = np.logical_not
    domain = (0.0, 1.0)


class _Integer(Flat, abstract=True):
    dtypes = "i"
    domain = ((1.0, 9.0), (1.0, 3.0))


class BitwiseAnd(_Integer):
    ufunc = np.bitwise_and


class BitwiseOr(_Integer):
    ufunc = np.bitwise_or


class BitwiseXor(_Integer):
    ufunc = np.bitwise_xor


class BitwiseNot(_Integer):
    ufunc, domain = np.invert, (1.0, 9.0)


class LeftShift(_Integer):
    ufunc = np.left_shift


class RightShift(_Integer):
    ufunc = np.right_shift


class Gcd(_Integer):
    ufunc = np.gcd


class Lcm(_Integer):
    ufunc = np.lcm


class Floor(Flat):
    ufunc, domain = np.floor, (0.6, 0.9)


class Ceil(Flat):
    ufunc, domain = np.ceil, (0.6, 0.9)


class Trunc(Flat):
    ufunc, domain = np.trunc, (0.6, 0.9)


class Rint(Flat):
    ufunc, domain, dtypes = np.rint, (0.6, 0.9), "fd"


class Sign(Flat):
    ufunc, domain, dtypes = np.sign, (0.6, 0.9), "fd"


class Signbit(_Comparison):
    ufunc, domain, dtypes = np.signbit, (0.6, 0.9), "fd"


class IsNan(_Comparison):
    ufunc, domain = np.isnan, (0.6, 0.9)


class IsInf(_Comparison):
    ufunc, domain = np.isinf, (0.6, 0.9)


class IsFinite(_Comparison):
    ufunc, domain = np.isfinite, (0.6, 0.9)


class FloorDivide(Flat):
    """floor(x / y): derivative 0, as for every rounding."""

    ufunc = np.floor_divide


class Nextafter(Elementwise):
    """The next representable number from x towards y; as a function of x the identity, to rounding."""

    ufunc, domain, analytic, dtypes = np.nextafter, ((0.6, 0.9), (1.6, 1.9)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, None


class Remainder(Elementwise):
    """x - y*floor(x/y): derivative 1 by x, -floor(x/y) by y."""

    ufunc, domain, analytic, dtypes = np.remainder, ((0.62, 0.68), (0.25, 0.27)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, lambda: -floor(x / y)


class Fmod(Elementwise):
    """x - y*trunc(x/y): derivative 1 by x, -trunc(x/y) by y."""

    ufunc, domain, analytic, dtypes = np.fmod, ((-0.68, -0.62), (0.25, 0.27)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return 1, lambda: -trunc(x / y)


# -- parts of complex numbers: linear over the reals, not holomorphic -------------------------


class Real(Linear):
    """The real part. Its transpose puts a real cotangent into the complex plane."""

    elementwise = views = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x.with_dtype(np.empty(0, x.dtype).real.dtype),)

    def evaluate(self, x: Any) -> Any:
        return x.real

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (cast(ct, operands[0].type.dtype),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1 + 2j, 3 - 1j]), complex_step=False)


class Imag(Real):
    """The imaginary part. <ct, Im x> = Re(ct * (-i) * x): the transpose multiplies by -i."""

    def evaluate(self, x: Any) -> Any:
        return x.imag

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (cast(ct, operands[0].type.dtype) * (-1j),)


class Conj(Elementwise):
    """The complex conjugate: linear over the reals."""

    ufunc, domain, analytic = np.conjugate, (-2.0, 2.0), False

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else conj(tangents[0])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (conj(ct),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1 + 2j, 3 - 1j]), complex_step=False)


class Complex(Linear):
    """x + i y from two real arrays."""

    elementwise = True

    def type(self, *operands: Type) -> tuple[Type, ...]:
        x = same_types(self, operands)
        return (x.with_dtype(np.result_type(x.dtype, np.complex64)),)

    def evaluate(self, x: Any, y: Any) -> Any:
        return x + 1j * y

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return real(ct) if linear[0] else None, neg(imag(ct)) if linear[1] else None

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1.0, 2.0]), np.array([3.0, -1.0]), complex_step=False)


class Abs(Elementwise):
    """|x|, with derivative sign(x), 0 at 0 for real x; for complex x, d|x| = Re(conj(x) dx) / |x|, 0 at 0."""

    ufunc, domain, result, analytic = np.absolute, (0.5, 2.0), "real", False

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        if dx is None:
            return None
        if x.type.dtype.kind != "c":
            return scale(sign(x), dx)
        at_zero = equal(outs, zeros(outs.type))
        safe = select(at_zero, splat(1, outs.type), outs)
        return real(conj(x / cast(safe, x.type.dtype)) * dx)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([-1.5, 2.0]), complex_step=False)
        yield Sample(cls(), np.array([1.5 - 1j, 2.0]), complex_step=False)


add, sub, neg, mul, div, reciprocal = Add(), Sub(), Neg(), Mul(), Div(), Reciprocal()
select, maximum, minimum, fmax, fmin = Select(), Maximum(), Minimum(), Fmax(), Fmin()
equal, not_equal, less, less_equal, greater, greater_equal = Equal(), NotEqual(), Less(), LessEqual(), Greater(), GreaterEqual()
logical_and, logical_or, logical_not, logical_xor = LogicalAnd(), LogicalOr(), LogicalNot(), LogicalXor()
floor, ceil, trunc, sign = Floor(), Ceil(), Trunc(), Sign()
isnan, isfinite = IsNan(), IsFinite()
real, imag, conj, complex_, abs_ = Real(), Imag(), Conj(), Complex(), Abs()
