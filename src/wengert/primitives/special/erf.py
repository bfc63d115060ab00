"""The error function, Dawson's, the normal distribution, and integrals of theirs. DLMF chapter 7.

Knows SciPy and the elementary families. Start at `Erf`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import pi
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import complex_, imag, real, reciprocal
from wengert.primitives.math import cos, exp, sin
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Several, Special, is_complex
from wengert.primitives.special.capi import call

TWO_OVER_ROOT_PI = 2 / pi**0.5
ROOT_TWO_PI = (2 * pi) ** 0.5


def _gaussian(x: Any) -> Any:
    return exp(-(x * x))


class Erf(Special):
    """erf' = 2 exp(-x²) / √π (DLMF 7.10.1), as for its relatives below."""

    ufunc, domain = sc.erf, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: _gaussian(x) * TWO_OVER_ROOT_PI,)

    def formula(self, x: Value) -> Value:
        return f.erf(x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.erf(x)


class Erfc(Special):
    """1 - erf(x)."""

    ufunc, domain = sc.erfc, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: _gaussian(x) * -TWO_OVER_ROOT_PI,)

    def formula(self, x: Value) -> Value:
        return f.erfc(x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.erfc(x)


class Erfi(Special):
    """-i erf(i x)."""

    ufunc, domain = sc.erfi, (-2.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: exp(x * x) * TWO_OVER_ROOT_PI,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.erfi(x)


class Erfcx(Special):
    """exp(x²) erfc(x)."""

    ufunc, domain = sc.erfcx, (-2.0, 4.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: x * out * 2.0 - TWO_OVER_ROOT_PI if is_complex(x) else ErfcxDerivative(1)(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(x * x) * m.erfc(x)


class Dawsn(Special):
    """Dawson's integral exp(-x²) ∫₀ˣ exp(t²) dt."""

    ufunc, domain = sc.dawsn, (-2.0, 4.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: 1.0 - x * out * 2.0 if is_complex(x) else DawsnDerivative(1)(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(-x * x) * m.erfi(x) * m.sqrt(m.pi) / 2


def _derivative(n: int, x: Any, y0: Any, sign: int, inhomogeneity: float, factor: float, far: Any) -> Any:
    """n-th derivative of the y with y' = sign 2xy + inhomogeneity.

    By differentiating that equation; `far` out, where it cancels, by the asymptotic series
    y ~ factor Σ (-sign)ᵏ (½)ₖ / x²ᵏ⁺¹ (DLMF 7.12.1), term by term.
    """
    before, y = y0, sign * 2 * x * y0 + inhomogeneity
    for k in range(2, n + 1):
        before, y = y, sign * (2 * x * y + 2 * (k - 1) * before)
    xs = np.where(far, x, 50.0)
    series = np.zeros_like(xs)
    for k in range(30):
        term = (-sign) ** k * sc.poch(0.5, k) * sc.poch(2 * k + 1, n) * (-1) ** n / xs ** (2 * k + 1 + n)
        series = np.where(np.abs(term) > 1e-18 * np.abs(series), series + term, series)
    return np.where(far, factor * series, y).astype(x.dtype)[()]


def _derivative_formula(n: int, x: Value, function: str, sign: int, inhomogeneity: float, factor: float, far: Value) -> Value:
    """As `_derivative`; the series is a polynomial in 1/x²."""

    def near() -> Value:
        before = call(function, x)
        y = sign * 2 * x * before + inhomogeneity
        for k in range(2, n + 1):
            before, y = y, sign * (2 * x * y + 2 * (k - 1) * before)
        return y

    coefficients = [(-sign) ** k * float(sc.poch(0.5, k) * sc.poch(2 * k + 1, n)) for k in range(30)]
    return f.branch(far, lambda: (-1) ** n * factor * f.polynomial(1 / (x * x), coefficients) / x ** (n + 1), near)


class _Derivative(Special, abstract=True):
    n: int
    analytic, dtypes, wide = False, "fd", True

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: type(self)(self.n + 1)(x),)

    def of_recurrence(self, x: Any, before: Any, sign: int, inhomogeneity: Any) -> Any:
        """As `_derivative`, in exact arithmetic."""
        y = sign * 2 * x * before + inhomogeneity
        for k in range(2, self.n + 1):
            before, y = y, sign * (2 * x * y + 2 * (k - 1) * before)
        return y

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2):
            yield Sample(cls(n), np.array([-1.5, 0.0, 0.7, 3.0, 20.0]), complex_step=False)


class ErfcxDerivative(_Derivative):
    """The n-th derivative of erfcx; erfcx' = 2 x erfcx - 2/√π."""

    n: int
    calls = (("erfcx", "d"),)

    def evaluate(self, x: Any) -> Any:
        x = np.asarray(x)
        z = x.astype(np.float64)
        return _derivative(self.n, z, sc.erfcx(z), 1, -TWO_OVER_ROOT_PI, pi**-0.5, z > 7 + self.n).astype(x.dtype)[()]

    def formula(self, x: Value) -> Value:
        return _derivative_formula(self.n, x, "erfcx", 1, -TWO_OVER_ROOT_PI, pi**-0.5, x > 7 + self.n)

    def exact(self, m: Any, x: Any) -> Any:
        return self.of_recurrence(x, m.exp(x * x) * m.erfc(x), 1, -2 / m.sqrt(m.pi))


class DawsnDerivative(_Derivative):
    """The n-th derivative of Dawson's integral; D' = 1 - 2 x D."""

    n: int
    calls = (("dawsn", "d"),)

    def evaluate(self, x: Any) -> Any:
        x = np.asarray(x)
        z = x.astype(np.float64)
        return _derivative(self.n, z, sc.dawsn(z), -1, 1.0, 0.5, np.abs(z) > 7 + self.n).astype(x.dtype)[()]

    def formula(self, x: Value) -> Value:
        return _derivative_formula(self.n, x, "dawsn", -1, 1.0, 0.5, abs(x) > 7 + self.n)

    def exact(self, m: Any, x: Any) -> Any:
        return self.of_recurrence(x, m.exp(-x * x) * m.erfi(x) * m.sqrt(m.pi) / 2, -1, 1)


class Wofz(Special):
    """Faddeeva's function w(z) = exp(-z²) erfc(-iz); w' = 2i/√π - 2 z w (DLMF 7.10.2)."""

    ufunc, domain, dtypes = sc.wofz, (-1.0, 2.0), "FD"

    def partials(self, out: Any, z: Any) -> Sequence[Any]:
        return (lambda: z * out * -2.0 + 1j * TWO_OVER_ROOT_PI,)

    def exact(self, m: Any, z: Any) -> Any:
        return m.exp(-z * z) * m.erfc(-m.i * z)


class Erfinv(Special):
    ufunc, domain, analytic, dtypes = sc.erfinv, (-0.9, 0.9), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: exp(out * out) * (1 / TWO_OVER_ROOT_PI),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.erfinv(x)


class Erfcinv(Special):
    ufunc, domain, analytic, dtypes = sc.erfcinv, (0.1, 1.9), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: exp(out * out) * (-1 / TWO_OVER_ROOT_PI),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.erfinv(1 - x)


# -- the normal distribution ---------------------------------------------------------------


class Ndtr(Special):
    """The standard normal distribution function Φ."""

    ufunc, domain, wide = sc.ndtr, (-2.0, 2.0), True

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: exp(x * x * -0.5) * (1 / ROOT_TWO_PI),)

    def formula(self, x: Value) -> Value:
        return 0.5 * f.erfc(x * -(0.5**0.5))

    def exact(self, m: Any, x: Any) -> Any:
        return m.erfc(-x / m.sqrt(2)) / 2


class LogNdtr(Special):
    """log Φ; the derivative φ/Φ = √(2/π) / erfcx(-x/√2) is exact far in the lower tail."""

    ufunc, domain = sc.log_ndtr, (-3.0, 2.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (2 / pi) ** 0.5 / erfcx(x * -(0.5**0.5)),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.log(m.erfc(-x / m.sqrt(2)) / 2)


class Ndtri(Special):
    """The quantile function of the standard normal distribution."""

    ufunc, domain, analytic, dtypes = sc.ndtri, (0.1, 0.9), False, "fd"

    def partials(self, out: Any, p: Any) -> Sequence[Any]:
        return (lambda: exp(out * out * 0.5) * ROOT_TWO_PI,)

    def exact(self, m: Any, p: Any) -> Any:
        return m.sqrt(2) * m.erfinv(2 * p - 1)


class NdtriExp(Special):
    """The x with log Φ(x) = y."""

    ufunc, domain, analytic, dtypes = sc.ndtri_exp, (-3.0, -0.2), False, "fd"

    def partials(self, out: Any, y: Any) -> Sequence[Any]:
        return (lambda: erfcx(out * -(0.5**0.5)) * (pi / 2) ** 0.5,)

    def exact(self, m: Any, y: Any) -> Any:
        return m.root(lambda x: m.log(m.erfc(-x / m.sqrt(2)) / 2) - y, self.ufunc(float(y)))


class OwensT(Special):
    """Owen's T(h, a) = ∫₀ᵃ exp(-h²(1+t²)/2) / (1+t²) dt / 2π (Owen 1956)."""

    ufunc, domain, analytic, dtypes = sc.owens_t, ((-2.0, 2.0), (-2.0, 2.0)), False, "fd"

    def partials(self, out: Any, h: Any, a: Any) -> Sequence[Any]:
        return (
            lambda: exp(h * h * -0.5) * erf(a * h * 0.5**0.5) * (-0.5 / ROOT_TWO_PI),
            lambda: exp(h * h * (1.0 + a * a) * -0.5) * reciprocal(1.0 + a * a) * (0.5 / pi),
        )

    def exact(self, m: Any, h: Any, a: Any) -> Any:
        return m.quad(lambda t: m.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * m.pi)


class VoigtProfile(Special):
    """Re w(z) / (σ √(2π)) with z = (x + iγ) / (σ√2) (DLMF 7.19)."""

    ufunc, domain, analytic, dtypes = sc.voigt_profile, ((-2.0, 2.0), (0.5, 2.0), (0.5, 2.0)), False, "fd"

    def partials(self, out: Any, x: Any, sigma: Any, gamma: Any) -> Sequence[Any]:
        z = complex_(x / sigma, gamma / sigma) * 0.5**0.5
        dw = z * wofz(z) * -2.0 + 1j * TWO_OVER_ROOT_PI
        scale = reciprocal(sigma * sigma) * (0.5 / pi**0.5)
        return (
            lambda: real(dw) * scale,
            lambda: -(out / sigma) - real(dw * z) * scale * 2.0**0.5,
            lambda: -imag(dw) * scale,
        )

    def exact(self, m: Any, x: Any, sigma: Any, gamma: Any) -> Any:
        z = (x + m.i * gamma) / (sigma * m.sqrt(2))
        return m.re(m.exp(-z * z) * m.erfc(-m.i * z)) / (sigma * m.sqrt(2 * m.pi))


class Fresnel(Several):
    """Fresnel's integrals S and C of sin(πt²/2) and cos(πt²/2) (DLMF 7.2.7)."""

    ufunc, domain, analytic, dtypes = sc.fresnel, (-2.0, 2.0), True, "fdFD"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (sin(x * x * (pi / 2)), cos(x * x * (pi / 2))),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.fresnels(x), m.fresnelc(x)


erf, erfcx, wofz, dawsn, ndtr, log_ndtr = Erf(), Erfcx(), Wofz(), Dawsn(), Ndtr(), LogNdtr()
