"""Elementary functions of one or two numbers, with NumPy's names.

Knows NumPy; of other families only shape and arith. Start at `Sin`. Formulas: DLMF chapter 4
unless a rule names another source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Elementwise, Sample, zeros
from wengert.ir.values import Literal, splat
from wengert.loops import formula as f
from wengert.primitives.arith import div, equal, imag, real, reciprocal, select, sign


class Exp(Elementwise):
    scalar = "exp"
    ufunc, domain = np.exp, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (out,)


class Exp2(Elementwise):
    scalar = "exp2"
    ufunc, domain, analytic = np.exp2, (-2.0, 2.0), True

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out * float(np.log(2.0)),)


class Expm1(Elementwise):
    scalar = "expm1"
    ufunc, domain = np.expm1, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out + 1.0,)


class Log(Elementwise):
    scalar = "log"
    ufunc, domain = np.log, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(x),)


class Log2(Elementwise):
    scalar = "log2"
    ufunc, domain = np.log2, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: float(1 / np.log(2.0)) / x,)


class Log10(Elementwise):
    scalar = "log10"
    ufunc, domain = np.log10, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: float(1 / np.log(10.0)) / x,)


class Log1p(Elementwise):
    scalar = "log1p"
    ufunc, domain = np.log1p, (-0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(x + 1.0),)


class Sqrt(Elementwise):
    """Square root; derivative 1/(2 sqrt(x)), infinite at 0."""

    scalar = "sqrt"
    ufunc, domain = np.sqrt, (0.5, 3.0)

    def kink(self, x: Any) -> Any:
        return x

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: 0.5 / out,)


class Cbrt(Elementwise):
    scalar = "cbrt"
    ufunc, domain, analytic, dtypes = np.cbrt, (0.5, 3.0), False, "fd"
    kink = Sqrt.kink

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (1.0 / 3.0) / (out * out),)


class Square(Elementwise):
    ufunc, domain = np.square, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: x * 2.0,)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("mul", x, x)

    def exact(self, m: Any, x: Any) -> Any:
        return x * x


class Sin(Elementwise):
    scalar = "sin"
    ufunc, domain = np.sin, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: cos(x),)


class Cos(Elementwise):
    scalar = "cos"
    ufunc, domain = np.cos, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -sin(x),)


class Tan(Elementwise):
    scalar = "tan"
    ufunc, domain = np.tan, (-1.2, 1.2)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: 1.0 + out * out,)


class Arcsin(Elementwise):
    scalar = "asin"
    ufunc, domain = np.arcsin, (-0.8, 0.8)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(sqrt((1.0 - x) * (1.0 + x))),)


class Arccos(Elementwise):
    scalar = "acos"
    ufunc, domain = np.arccos, (-0.8, 0.8)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -reciprocal(sqrt((1.0 - x) * (1.0 + x))),)


class Arctan(Elementwise):
    scalar = "atan"
    ufunc, domain = np.arctan, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(1.0 + x * x),)


class Arctan2(Elementwise):
    """Angle of the point (y, x); the derivative at the origin does not exist and is NaN."""

    scalar = "atan2"
    ufunc, domain, analytic, dtypes = np.arctan2, ((0.5, 2.0), (-2.0, -0.5)), False, "fd"

    def kink(self, y: Any, x: Any) -> Any:
        return np.copysign(np.hypot(y, x), y)  # at the origin alone

    def partials(self, out: Any, y: Any, x: Any) -> Sequence[Any]:
        # Scaled by hypot so that neither square overflows. At infinity the angle does not change.
        r = hypot(x, y)
        far = equal(r, splat(np.inf, r.type))
        zero = zeros(r.type)
        return lambda: select(far, zero, (x / r) / r), lambda: select(far, zero, -(y / r) / r)


class Hypot(Elementwise):
    """sqrt(x² + y²) without overflow; the derivative at the origin is (0, 0), of least norm."""

    scalar = "hypot"
    ufunc, domain, analytic, dtypes = np.hypot, ((0.5, 2.0), (-2.0, -0.5)), False, "fd"
    kink = Arctan2.kink

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        safe = select(equal(out, zeros(out.type)), splat(1.0, out.type), out)
        return lambda: x / safe, lambda: y / safe


class Sinh(Elementwise):
    scalar = "sinh"
    ufunc, domain = np.sinh, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: cosh(x),)


class Cosh(Elementwise):
    scalar = "cosh"
    ufunc, domain = np.cosh, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: sinh(x),)


class Tanh(Elementwise):
    """Hyperbolic tangent; the derivative is (1 - t)(1 + t), exact where t is near ±1."""

    scalar = "tanh"
    ufunc, domain = np.tanh, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (1.0 - out) * (1.0 + out),)


class Arcsinh(Elementwise):
    scalar = "asinh"
    ufunc, domain = np.arcsinh, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(sqrt(x * x + 1.0)),)


class Arccosh(Elementwise):
    scalar = "acosh"
    ufunc, domain = np.arccosh, (1.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal(sqrt(x - 1.0) * sqrt(x + 1.0)),)


class Arctanh(Elementwise):
    scalar = "atanh"
    ufunc, domain = np.arctanh, (-0.8, 0.8)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: reciprocal((1.0 - x) * (1.0 + x)),)


class IntegerPow(Elementwise):
    """x ** n for a constant integer n, to which the exponent's derivative is not asked.

    The derivative n x**(n-1) needs no case at 0, at any order: after n steps it is 0.
    """

    n: int
    domain = ((-2.0, -0.5),)

    def evaluate(self, x: Any) -> Any:
        return x**self.n

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        n = self.n
        if n == 0:
            return (None,)
        return (lambda: integer_pow(x, n - 1) * float(n),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (-2, -1, 0, 1, 2, 3, 5):
            yield Sample(cls(n), np.array([-1.5, 0.5, 2.0]))
            yield Sample(cls(n), np.array([-1.5 + 0.5j, 2.0]))
            yield Sample(cls(n), np.float32(1.5))

    def scalar(self, k: Any, x: Any) -> Any:
        """By repeated squaring, from the highest bit; a negative power is the reciprocal."""
        out = None
        for bit in bin(abs(self.n))[2:]:
            out = x if out is None else k.op("mul", out, out) if bit == "0" else k.op("mul", k.op("mul", out, out), x)
        if self.n == 0:
            return k.like(1, x)
        return k.op("div", k.like(1, x), out) if self.n < 0 else out

    def exact(self, m: Any, x: Any) -> Any:
        return m.power(x, self.n)


class Pow(Elementwise):
    """x ** y. By x: y x**(y-1), 0 where y is 0; by y: x**y log(x), with its limits 0 at x = 0 < y and at (0, 0)."""

    ufunc, domain = np.power, ((0.5, 2.0), (-2.0, 2.0))

    def kink(self, x: Any, y: Any) -> Any:
        return x

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        def by_x() -> Any:
            is_zero = equal(y, zeros(y.type))
            one = splat(1.0, y.type)
            return select(is_zero, zeros(y.type), y * power(x, select(is_zero, one, y - 1.0)))

        def by_y() -> Any:
            # x**y log(x): at x = 0 the limit is 0 for y > 0 and by convention for y = 0; -inf for y < 0.
            zero = zeros(x.type)
            y_real = real(y) if y.type.dtype.kind == "c" else y
            vanishes = equal(x, zero) & (y_real >= 0.0)
            safe = select(vanishes, splat(1.0, x.type), x)
            return select(vanishes, zero, out * log(safe))

        return by_x, by_y

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        """C's pow; for a constant n + 1/2 of moderate size a few products and a square root, as accurate and several times faster."""
        n = getattr(y, "value", 0.0) - 0.5
        if x.kind[0] != "f" or n != int(n) or not -4 <= n <= 4:
            return k.op("pow", x, y)
        root = k.op("sqrt", x)
        if n == 0:
            return root  # as NumPy's
        out = k.op("mul", IntegerPow(int(n)).scalar(k, x), root) if n > 0 else None
        if out is None:
            power = root if n == -1 else k.op("mul", IntegerPow(abs(int(n)) - 1).scalar(k, x), root)
            out = k.op("div", k.like(1, x), power)
        end = k.like(np.inf if n >= 0 else 0.0, x)  # of -inf, which has no root
        return k.op("select", k.op("eq", x, k.like(-np.inf, x)), end, k.op("abs", out))  # of -0.0 too

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.power(x, y)


class Sinc(Elementwise):
    """sin(pi x) / (pi x), exact at 0 in every order.

    Its derivatives are sinc_n, n = 1, 2, …: `SincDerivative`.
    """

    ufunc, domain, dtypes = staticmethod(np.sinc), (0.3, 2.7), "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: SincDerivative(1)(x),)

    def scalar(self, k: Any, x: Any) -> Any:
        zero = k.op("eq", x, k.like(0, x))
        z = k.op("mul", k.like(np.pi, x), k.op("select", zero, k.like(1e-20, x), x))
        return k.op("div", k.op("sin", z), z)

    def exact(self, m: Any, x: Any) -> Any:
        return m.sinc(m.pi * x)


class SincDerivative(Elementwise):
    """The n-th derivative of sinc(x) = ∫₀¹ cos(pi x t) dt.

    By recurrence (z = pi x, s_n the n-th derivative of sin z / z): z s_n + n s_{n-1} = sin(z + n pi/2) away
    from 0; near 0, where that cancels, by the Taylor series of the integral.
    """

    n: int
    domain = (0.3, 2.7)

    def evaluate(self, x: Any) -> Any:
        x = np.asarray(x)
        z = np.pi * x.astype(np.result_type(x, np.float64))
        n = self.n
        near = np.abs(z) < max(1.0, 1.0 * n)
        away = np.where(near, 1.0, z)
        s = np.sin(away) / away
        for k in range(1, n + 1):
            s = (np.sin(away + k * np.pi / 2) - k * s) / away
        # d^n/dz^n sum (-1)^m z^(2m) / (2m+1)!, the terms from m = ceil(n/2)
        zs = np.where(near, z, 0.0)
        series = np.zeros_like(s)
        m = (n + 1) // 2
        coefficient = (-1.0) ** m / _factorial(2 * m + 1) * _factorial(2 * m) / _factorial(2 * m - n)
        term = coefficient * zs ** (2 * m - n)
        for _ in range(40 + n):
            series = series + term
            ratio = -(2 * m + 2) * (2 * m + 1) / ((2 * m + 3) * (2 * m + 2) * (2 * m + 2 - n) * (2 * m + 1 - n))
            term = term * zs * zs * ratio
            m += 1
        return (np.pi**n * np.where(near, series, s)).astype(x.dtype)[()]

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: SincDerivative(self.n + 1)(x),)

    def scalar(self, k: Any, x: Any) -> Any:
        n, bound = self.n, max(1.0, 1.0 * self.n)
        z = f.Value(k, k.cast(x, "c16" if x.kind[0] == "c" else "f8")) * np.pi
        near = abs(z) < bound
        away, small = f.select(near, 1.0, z), f.select(near, z, 0.0)
        turns = (f.sin(away), f.cos(away), -f.sin(away), -f.cos(away))
        s = turns[0] / away
        for m in range(1, n + 1):
            s = (turns[m % 4] - m * s) / away
        powers = range(n % 2, n + 100, 2)
        terms = [(-1.0) ** ((p + n) // 2) / ((p + n + 1) * _factorial(p)) for p in powers if bound**p > 1e-20 * _factorial(p)]
        series = f.polynomial(small * small, terms)
        return k.cast((np.pi**n * f.select(near, series * small if n % 2 else series, s)).number, x.kind)

    def exact(self, m: Any, x: Any) -> Any:
        kummer = m.hyp1f1(self.n + 1, self.n + 2, m.i * m.pi * x)  # (n + 1) ∫₀¹ tⁿ exp(iπxt) dt, DLMF 13.4.1
        return m.pi**self.n * m.re(m.i**self.n * kummer) / (self.n + 1)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2, 3):
            yield Sample(cls(n), np.array([0.0, 0.2, 1.7, -2.3]))


class Logaddexp(Elementwise):
    """log(exp(x) + exp(y)); derivatives are the softmax weights, ½ each where both are the same infinity."""

    ufunc, domain, analytic, dtypes = np.logaddexp, ((-2.0, 2.0), (-2.0, 2.0)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: PowerShare("exp", 0)(x, y), lambda: PowerShare("exp", 1)(x, y)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return log_sum(k, x, y, "exp", 1.0)

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.log(m.exp(x) + m.exp(y))


class Logaddexp2(Elementwise):
    """log2(2**x + 2**y)."""

    ufunc, domain, analytic, dtypes = np.logaddexp2, ((-2.0, 2.0), (-2.0, 2.0)), False, "fd"

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: PowerShare("exp2", 0)(x, y), lambda: PowerShare("exp2", 1)(x, y)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return log_sum(k, x, y, "exp2", 1 / np.log(2.0))

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.log2(m.exp2(x) + m.exp2(y))


class PowerShare(Elementwise):
    """b**x / (b**x + b**y), or the same of y (`part` 1), for b = e or 2 (`base`); ½ where x = y, infinities included.

    Of the same one exponential as the logarithm of the sum, so that native code computes it once for the value and both derivatives.
    """

    base: str
    part: int
    domain, analytic, dtypes = ((-2.0, 2.0), (-2.0, 2.0)), False, "fd"

    def evaluate(self, x: Any, y: Any) -> Any:
        with np.errstate(invalid="ignore"):
            far = getattr(np, self.base)(np.minimum(x, y) - np.maximum(x, y))
        less = np.where(x == y, np.ones((), x.dtype), far)
        larger = (x >= y) if self.part == 0 else (y >= x)
        return (np.where(larger, np.ones((), x.dtype), less) / (1 + less))[()]

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        slope = lambda: out * PowerShare(self.base, 1 - self.part)(x, y) * (1.0 if self.base == "exp" else float(np.log(2.0)))
        return (slope, lambda: -slope()) if self.part == 0 else (lambda: -slope(), slope)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        same, far = power_ratio(k, x, y, self.base)
        one = k.like(1, x)
        less = k.op("select", same, one, far)
        larger = k.op("ge", *((x, y) if self.part == 0 else (y, x)))
        return k.op("div", k.op("select", larger, one, less), k.op("add", one, less))

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        power = m.exp if self.base == "exp" else m.exp2
        return m.div(power((x, y)[self.part]), power(x) + power(y))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for base, part in (("exp", 0), ("exp", 1), ("exp2", 0), ("exp2", 1)):
            yield Sample(cls(base, part), np.array([-1.5, 0.5, 2.0]), np.array([0.3, 0.6, -1.0]), complex_step=False)
            yield Sample(cls(base, part), np.float32(0.4), np.float32(0.1), complex_step=False)


class Copysign(Elementwise):
    """|x| with the sign of y: derivative sign(x) sign(y) by x, 0 by y."""

    scalar = "copysign"
    ufunc, domain, analytic, dtypes = np.copysign, ((0.5, 2.0), (-2.0, -0.5)), False, "fd"

    def kink(self, x: Any, y: Any) -> Any:
        return x

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: sign(x) * copysign(splat(1.0, y.type), y), None


class Deg2rad(Elementwise):
    ufunc, domain, analytic, dtypes = np.deg2rad, (-90.0, 90.0), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (float(np.pi / 180),)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("mul", x, k.like(np.pi / 180, x))

    def exact(self, m: Any, x: Any) -> Any:
        return x * m.pi / 180


class Rad2deg(Elementwise):
    ufunc, domain, analytic, dtypes = np.rad2deg, (-2.0, 2.0), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (float(180 / np.pi),)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("mul", x, k.like(180 / np.pi, x))

    def exact(self, m: Any, x: Any) -> Any:
        return x * 180 / m.pi


class Angle(Elementwise):
    """The argument of a complex number: d arg = Im(dx / x); of a real number piecewise constant."""

    domain, result, analytic = (0.5, 2.0), "real", False

    def evaluate(self, x: Any) -> Any:
        return np.angle(x).astype(np.empty(0, x.dtype).real.dtype)[()]

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if primals[0].type.dtype.kind != "c" or tangents[0] is None:
            return None
        return imag(div(tangents[0], primals[0]))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1 + 2j, -0.5 + 1j]), complex_step=False)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("atan2", x.im, x.re) if x.kind[0] == "c" else k.op("atan2", k.like(0, x), x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.arg(x)


def integer_pow(x: Any, n: int) -> Any:
    """x ** n for an integer constant n; x itself for n = 1, ones for n = 0."""
    if isinstance(x, Literal) or n not in (0, 1):
        return IntegerPow(n)(x)
    return x if n == 1 else splat(1.0, x.type)


def log_sum(k: Any, x: Any, y: Any, exp: str, unit: float) -> Any:
    """The logarithm of the sum of two powers, without overflow; unit is the logarithm's of e."""
    same, ratio = power_ratio(k, x, y, exp)
    far = k.op("mul", k.op("log1p", ratio), k.like(unit, x))
    return k.op("add", k.op("maximum", x, y), k.op("select", same, k.like(np.log(2.0) * unit, x), far))


def power_ratio(k: Any, x: Any, y: Any, exp: str) -> tuple[Any, Any]:
    """Whether x = y, two infinities too, and else the smaller power over the larger."""
    high, low = k.op("maximum", x, y), k.op("minimum", x, y)
    return k.op("eq", x, y), k.op(exp, k.op("sub", low, high))


def _factorial(n: int) -> float:
    out = 1.0
    for k in range(2, n + 1):
        out *= k
    return out


exp, exp2, expm1, log, log1p, sqrt, square = Exp(), Exp2(), Expm1(), Log(), Log1p(), Sqrt(), Square()
sin, cos, tan, tanh, sinh, cosh, hypot = Sin(), Cos(), Tan(), Tanh(), Sinh(), Cosh(), Hypot()
arctan2, power, copysign, logaddexp = Arctan2(), Pow(), Copysign(), Logaddexp()
