"""Logistic, entropy-like, Box-Cox and Huber functions, and elementary ones that SciPy adds to NumPy's.

Knows SciPy and the elementary families. Start at `Expit`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.ir.values import splat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import Flat, abs_, equal, logical_and, reciprocal, sign
from wengert.primitives.math import exp, log, log1p, power, sin, sqrt
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Special, is_complex, where
from wengert.primitives.special.capi import call


class _Real(Special, abstract=True):
    analytic, dtypes = False, "fd"


class Expit(_Real):
    """The logistic function σ(x) = 1 / (1 + exp(-x)); σ' = σ(x) σ(-x), exact in both tails."""

    ufunc, domain = sc.expit, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out * expit(-x),)

    def formula(self, x: Value) -> Value:
        return 1 / (1 + f.exp(-x))

    def exact(self, m: Any, x: Any) -> Any:
        return 1 / (1 + m.exp(-x))


class LogExpit(_Real):
    """log σ(x)."""

    ufunc, domain = sc.log_expit, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: expit(-x),)

    def formula(self, x: Value) -> Value:
        return x.op("minimum", 0.0) - f.log1p(f.exp(-abs(x)))

    def exact(self, m: Any, x: Any) -> Any:
        return -m.log1p(m.exp(-x))


class Logit(_Real):
    """log(p / (1 - p))."""

    ufunc, domain = sc.logit, (0.1, 0.9)

    def partials(self, out: Any, p: Any) -> Sequence[Any]:
        return (lambda: reciprocal(p * (1.0 - p)),)

    def formula(self, p: Value) -> Value:
        s = 2 * (p - 0.5)
        return f.select((p < 0.3) | (p > 0.65), f.log(p / (1 - p)), f.log1p(s) - f.log1p(-s))  # near ½ without cancellation

    def exact(self, m: Any, p: Any) -> Any:
        return m.log(m.div(p, 1 - p))


class Softplus(_Real):
    """log(1 + exp(x)); its derivative is the logistic function."""

    domain = (-2.0, 2.0)

    def evaluate(self, x: Any) -> Any:
        return np.logaddexp(x, np.zeros((), x.dtype))

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: expit(x),)

    def formula(self, x: Value) -> Value:
        return x.op("maximum", 0.0) + f.log1p(f.exp(-abs(x)))

    def exact(self, m: Any, x: Any) -> Any:
        return m.log1p(m.exp(x))


class Exprel(_Real):
    """(exp(x) - 1) / x; derivatives are ∫₀¹ tⁿ exp(xt) dt = ₁F₁(n+1; n+2; x) / (n+1) (DLMF 13.4.1)."""

    ufunc, domain = sc.exprel, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: ExprelDerivative(1)(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.where(m.eq(x, 0), 1, m.div(m.expm1(x), x))


ENOUGH = 1e3  # its exponential is infinite; hyp1f1 of SciPy 1.17 does not return from 1e17


class ExprelDerivative(_Real):
    """The n-th derivative of exprel; where x is negative it is n! P(n+1, -x) / (-x)ⁿ⁺¹ (DLMF 8.5.1), beyond ENOUGH infinite."""

    n: int
    calls, wide = (("hyp1f1", "ddd"), ("gammainc", "dd")), True

    def evaluate(self, x: Any) -> Any:
        n, z = self.n, np.asarray(x, np.float64)
        y = np.maximum(-z, 1.0)
        below = float(sc.factorial(n)) * sc.gammainc(n + 1, y) / y ** (n + 1)
        above = sc.hyp1f1(n + 1, n + 2, np.minimum(np.maximum(z, -1.0), ENOUGH)) / (n + 1)
        return np.where(z < -1, below, above).astype(x.dtype)[()]

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: ExprelDerivative(self.n + 1)(x),)

    def formula(self, x: Value) -> Value:
        n = self.n
        below = lambda: float(sc.factorial(n)) * call("gammainc", n + 1.0, -x) / (-x) ** (n + 1)
        above = lambda: call("hyp1f1", n + 1.0, n + 2.0, x.op("minimum", ENOUGH)) / (n + 1)
        return f.branch(x < -1, below, above)

    def exact(self, m: Any, x: Any) -> Any:
        return m.hyp1f1(self.n + 1, self.n + 2, x) / (self.n + 1)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2):
            yield Sample(cls(n), np.array([-3.0, 0.0, 0.2, 2.5]), complex_step=False)


class Log1pRatio(_Real):
    """The n-th derivative of log(1 + x) / x = ₂F₁(1, 1; 2; -x) (DLMF 15.4.1, 15.5.2), after Pfaff's transformation 15.8.1."""

    n: int
    calls, wide = (("hyp2f1", "dddd"),), True

    def evaluate(self, x: Any) -> Any:
        n = self.n
        value = (-1) ** n * sc.factorial(n) / (n + 1) * sc.hyp2f1(n + 1, 1, n + 2, x / (1 + x)) / (1 + x) ** (n + 1)
        return np.asarray(value).astype(x.dtype)[()]

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: Log1pRatio(self.n + 1)(x),)

    def formula(self, x: Value) -> Value:
        n = self.n
        scale = (-1) ** n * float(sc.factorial(n)) / (n + 1)
        return scale * call("hyp2f1", n + 1.0, 1.0, n + 2.0, x / (1 + x)) / (1 + x) ** (n + 1)

    def exact(self, m: Any, x: Any) -> Any:
        return (-1) ** self.n * int(sc.factorial(self.n, exact=True)) * m.hyp2f1(self.n + 1, self.n + 1, self.n + 2, -x) / (self.n + 1)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (0, 1, 2):
            yield Sample(cls(n), np.array([-0.5, 0.0, 0.2, 2.5]), complex_step=False)


# -- x log y and its kind, 0 where x is 0 -------------------------------------------------------


TINY = float(np.finfo(np.float64).tiny)


def _ratio(x: Any, y: Any) -> Any:
    """x / y, but 0 at (0, 0): x log y is 0 there for every y."""
    return x / where(logical_and(equal(x, splat(0, x.type)), equal(y, splat(0, y.type))), 1.0, y)


class Xlogy(Special):
    """x log(y), 0 where x is 0; the derivative by x is log(y), -inf at (0, 0)."""

    ufunc, domain = sc.xlogy, ((0.5, 3.0), (0.5, 3.0))

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: log(y), lambda: _ratio(x, y)

    def formula(self, x: Value, y: Value) -> Value:
        return f.select(x.equals(0) & ~y.is_nan(), 0.0, x * f.log(y))

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.where(m.eq(x, 0), 0, x * m.log(y))


class Xlog1py(Special):
    """x log(1 + y), 0 where x is 0."""

    ufunc, domain = sc.xlog1py, ((0.5, 3.0), (-0.5, 3.0))

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: log1p(y), lambda: _ratio(x, y + 1.0)

    def formula(self, x: Value, y: Value) -> Value:
        return f.select(x.equals(0) & ~y.is_nan(), 0.0, x * f.log1p(y))

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.where(m.eq(x, 0), 0, x * m.log1p(y))


class Entr(_Real):
    """-x log(x), 0 at 0."""

    ufunc, domain = sc.entr, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -log(x) - 1.0,)

    def formula(self, x: Value) -> Value:
        return f.select(x.equals(0), 0.0, f.select(x < 0, -f.INFINITY, -(x * f.log(x))))

    def exact(self, m: Any, x: Any) -> Any:
        return m.where(m.eq(x, 0), 0, -x * m.log(x))


class RelEntr(_Real):
    """x log(x/y), 0 at x = 0 ≤ y."""

    wide = True

    ufunc, domain = sc.rel_entr, ((0.5, 3.0), (0.5, 3.0))

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: log(x / y) + 1.0, lambda: -_ratio(x, y)

    def formula(self, x: Value, y: Value) -> Value:
        ratio = x / y
        near, far = (ratio > 0.5) & (ratio < 2), ~((ratio > TINY) & (ratio < f.INFINITY))  # cancellation; over- and underflow
        value = f.select(near, f.log1p((x - y) / y), f.select(far, f.log(x) - f.log(y), f.log(ratio)))
        return _of_weights(x, y, x * value, x.like(0))

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.where(m.eq(x, 0), 0, x * m.log(m.div(x, y)))


class KlDiv(_Real):
    """x log(x/y) - x + y."""

    wide = True

    ufunc, domain = sc.kl_div, ((0.5, 3.0), (0.5, 3.0))

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: log(x / y), lambda: 1.0 - _ratio(x, y)

    def formula(self, x: Value, y: Value) -> Value:
        return _of_weights(x, y, x * f.log(x / y) - x + y, y)

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.where(m.eq(x, 0), 0, x * m.log(m.div(x, y))) - x + y


def _of_weights(x: Value, y: Value, inside: Value, edge: Value) -> Value:
    """`inside` where x and y are positive, `edge` at x = 0 ≤ y, else infinite; NaN of NaN."""
    outside = f.select(x.equals(0) & (y >= 0), edge, f.INFINITY)
    return f.select(x.is_nan() | y.is_nan(), f.NAN, f.select((x > 0) & (y > 0), inside, outside))


# -- robust losses ----------------------------------------------------------------------------


class Huber(_Real):
    """r²/2 where |r| ≤ δ, δ(|r| - δ/2) beyond: continuously differentiable in both."""

    ufunc, domain = sc.huber, ((0.5, 1.0), (-2.0, -1.2))

    def partials(self, out: Any, delta: Any, r: Any) -> Sequence[Any]:
        within = abs_(r) <= delta
        return lambda: where(within, 0.0, abs_(r) - delta), lambda: where(within, r, sign(r) * delta)

    def formula(self, delta: Value, r: Value) -> Value:
        size = abs(r)
        inside = f.select(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
        return f.select(delta < 0, f.INFINITY, inside)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(), np.array([1.0, 2.0]), np.array([-0.5, 1.3]), complex_step=False)

    def exact(self, m: Any, delta: Any, r: Any) -> Any:
        return m.where(m.le(abs(r), delta), r * r / 2, delta * (abs(r) - delta / 2))


class PseudoHuber(_Real):
    """δ² (√(1 + u²) - 1) with u = r/δ; with s = √(1 + u²) it is δ² u² / (1 + s)."""

    ufunc, domain = sc.pseudo_huber, ((0.5, 1.5), (-2.0, 2.0))

    def partials(self, out: Any, delta: Any, r: Any) -> Sequence[Any]:
        u = r / delta
        s = sqrt(1.0 + u * u)
        return lambda: delta * (u * u) * (u * u) / (s * (1.0 + s) * (1.0 + s)), lambda: r / s

    def formula(self, delta: Value, r: Value) -> Value:
        u = r / delta
        inside = delta * delta * f.expm1(0.5 * f.log1p(u * u))  # √(1 + u²) - 1 without cancellation
        return f.select(delta < 0, f.INFINITY, f.select(delta.equals(0) | r.equals(0), 0.0, inside))

    def exact(self, m: Any, delta: Any, r: Any) -> Any:
        return delta**2 * (m.sqrt(1 + m.div(r, delta) ** 2) - 1)


# -- Box and Cox's transformations ----------------------------------------------------------------


class Boxcox(_Real):
    """(xᵏ - 1) / k, log x at k = 0: log(x) exprel(k log x), smooth in k."""

    ufunc, domain = sc.boxcox, ((0.5, 3.0), (-1.0, 1.0))

    def partials(self, out: Any, x: Any, k: Any) -> Sequence[Any]:
        def by_k() -> Any:
            y = log(x)
            return y * y * ExprelDerivative(1)(k * y)

        return lambda: power(x, k - 1.0), by_k

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(), np.array([0.7, 2.0]), np.array([0.0, 0.0]), complex_step=False)

    def exact(self, m: Any, x: Any, k: Any) -> Any:
        return m.where(m.eq(k, 0), m.log(x), m.div(m.power(x, k) - 1, k))


class Boxcox1p(_Real):
    """((1 + x)ᵏ - 1) / k, log(1 + x) at k = 0."""

    ufunc, domain = sc.boxcox1p, ((-0.5, 3.0), (-1.0, 1.0))

    def partials(self, out: Any, x: Any, k: Any) -> Sequence[Any]:
        def by_k() -> Any:
            y = log1p(x)
            return y * y * ExprelDerivative(1)(k * y)

        return lambda: exp((k - 1.0) * log1p(x)), by_k

    def exact(self, m: Any, x: Any, k: Any) -> Any:
        return m.where(m.eq(k, 0), m.log1p(x), m.div(m.power(1 + x, k) - 1, k))


class InvBoxcox(_Real):
    """(1 + k y)^(1/k), exp(y) at k = 0: exp(y g(k y)) with g(z) = log(1 + z) / z, smooth in k."""

    ufunc, domain = sc.inv_boxcox, ((-0.5, 1.0), (-0.9, 0.9))

    def partials(self, out: Any, y: Any, k: Any) -> Sequence[Any]:
        return lambda: out / (1.0 + k * y), lambda: out * (y * y) * Log1pRatio(1)(k * y)

    def exact(self, m: Any, y: Any, k: Any) -> Any:
        return m.where(m.eq(k, 0), m.exp(y), m.power(1 + k * y, m.div(1, k)))


class InvBoxcox1p(_Real):
    """(1 + k y)^(1/k) - 1."""

    ufunc, domain = sc.inv_boxcox1p, ((-0.5, 1.0), (-0.9, 0.9))

    def partials(self, out: Any, y: Any, k: Any) -> Sequence[Any]:
        return lambda: (out + 1.0) / (1.0 + k * y), lambda: (out + 1.0) * (y * y) * Log1pRatio(1)(k * y)

    def exact(self, m: Any, y: Any, k: Any) -> Any:
        return m.where(m.eq(k, 0), m.exp(y), m.power(1 + k * y, m.div(1, k))) - 1


# -- elementary -------------------------------------------------------------------------------


class Cosm1(_Real):
    """cos(x) - 1."""

    ufunc, domain = sc.cosm1, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -sin(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.cos(x) - 1


class Powm1(_Real):
    """x**y - 1."""

    ufunc, domain = sc.powm1, ((0.5, 2.0), (-2.0, 2.0))

    def partials(self, out: Any, x: Any, y: Any) -> Sequence[Any]:
        return lambda: y * power(x, y - 1.0), lambda: (out + 1.0) * log(x)

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.power(x, y) - 1


class Exp10(_Real):
    """10**x."""

    ufunc, domain = sc.exp10, (-1.0, 1.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out * float(np.log(10.0)),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.power(10, x)


class Sindg(_Real):
    """The sine of an angle in degrees."""

    ufunc, domain = sc.sindg, (-80.0, 80.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: cosdg(x) * (np.pi / 180),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.sin(x * m.pi / 180)


class Cosdg(_Real):
    """The cosine of an angle in degrees."""

    ufunc, domain = sc.cosdg, (10.0, 80.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: sindg(x) * (-np.pi / 180),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.cos(x * m.pi / 180)


class Tandg(_Real):
    """The tangent of an angle in degrees."""

    ufunc, domain = sc.tandg, (-70.0, 70.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (1.0 + out * out) * (np.pi / 180),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.tan(x * m.pi / 180)


class Cotdg(_Real):
    """The cotangent of an angle in degrees."""

    ufunc, domain = sc.cotdg, (10.0, 80.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (1.0 + out * out) * (-np.pi / 180),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.div(1, m.tan(x * m.pi / 180))


class RoundToEven(Flat):
    """The nearest integer, halves to even."""

    ufunc, domain, dtypes = sc.round, (0.6, 0.9), "fd"

    def scalar(self, k: Any, x: Any) -> Any:
        return k.op("rint", x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.rint(x)


class Spence(Special):
    """The dilogarithm ∫₁ˣ log(t) / (1 - t) dt (DLMF 25.12.2 at 1 - x); its derivative is -1 at 1."""

    ufunc, domain = sc.spence, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: log(x) / (1.0 - x) if is_complex(x) else -Log1pRatio(0)(x - 1.0),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.polylog(2, 1 - x)


expit, softplus, xlogy, xlog1py, log_expit = Expit(), Softplus(), Xlogy(), Xlog1py(), LogExpit()
cosdg, sindg = Cosdg(), Sindg()
