"""Incomplete gamma and beta functions, their inverses, and Student's distribution. DLMF 8.2 and 8.17.

Knows SciPy and the gamma and beta families. Start at `Gammainc`. The derivatives by the parameters are integrals of the
density times a polynomial of its score, taken on the side of the mean where the score keeps one sign: nothing cancels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.ir.values import splat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import sign
from wengert.primitives.math import exp, log, log1p
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Special, bell, half_line, half_line_sum
from wengert.primitives.special.beta import betaln
from wengert.primitives.special.capi import call
from wengert.primitives.special.gamma import gammaln, polygamma, polygamma_formula
from wengert.primitives.special.logistic import xlog1py, xlogy


class _Real(Special, abstract=True):
    domain, analytic, dtypes = ((0.5, 3.0), (0.5, 3.0)), False, "fd"


# -- gamma ----------------------------------------------------------------------------------


def gamma_density(a: Any, x: Any) -> Any:
    """x**(a-1) exp(-x) / Γ(a) = ∂P/∂x (DLMF 8.8.13)."""
    return exp(xlogy(a - 1.0, x) - x - gammaln(a))


class Gammainc(_Real):
    """The regularised lower incomplete gamma function P(a, x)."""

    ufunc = sc.gammainc

    def partials(self, out: Any, a: Any, x: Any) -> Sequence[Any]:
        return lambda: GammaincByA(1)(a, x), lambda: gamma_density(a, x)

    def exact(self, m: Any, a: Any, x: Any) -> Any:
        return m.div(m.lowergamma(a, x), m.gamma(a))


class Gammaincc(_Real):
    """The regularised upper incomplete gamma function Q = 1 - P."""

    ufunc = sc.gammaincc

    def partials(self, out: Any, a: Any, x: Any) -> Sequence[Any]:
        return lambda: -GammaincByA(1)(a, x), lambda: -gamma_density(a, x)

    def exact(self, m: Any, a: Any, x: Any) -> Any:
        return m.div(m.uppergamma(a, x), m.gamma(a))


class Gammaincinv(_Real):
    """The x with P(a, x) = p, by the implicit function theorem."""

    ufunc, domain = sc.gammaincinv, ((0.5, 3.0), (0.1, 0.9))

    def partials(self, out: Any, a: Any, p: Any) -> Sequence[Any]:
        return lambda: -(GammaincByA(1)(a, out) / gamma_density(a, out)), lambda: 1.0 / gamma_density(a, out)

    def exact(self, m: Any, a: Any, p: Any) -> Any:
        return m.root(lambda x: m.lowergamma(a, x) / m.gamma(a) - p, self.ufunc(float(a), float(p)))


class Gammainccinv(_Real):
    """The x with Q(a, x) = q."""

    ufunc, domain = sc.gammainccinv, ((0.5, 3.0), (0.1, 0.9))

    def partials(self, out: Any, a: Any, q: Any) -> Sequence[Any]:
        return lambda: -(GammaincByA(1)(a, out) / gamma_density(a, out)), lambda: -1.0 / gamma_density(a, out)

    def exact(self, m: Any, a: Any, q: Any) -> Any:
        return m.root(lambda x: m.uppergamma(a, x) / m.gamma(a) - q, self.ufunc(float(a), float(q)))


def _psi(n: int, a: Any) -> list[Any]:
    """ψ and its derivatives, n in all."""
    return [sc.polygamma(k, a) for k in range(n)]


def _psi_formula(n: int, a: Value) -> list[Value]:
    return [polygamma_formula(k, a) for k in range(n)]


class GammaincByA(_Real):
    """The n-th derivative of P(a, x) by a: ∫₀ˣ ∂ⁿ/∂aⁿ [t**(a-1) exp(-t) / Γ(a)] dt, or minus the integral from x on.

    For a < 1 by P(a, x) = P(a+1, x) + x**a exp(-x) / Γ(a+1) (DLMF 8.8.5), so that the density stays bounded.
    """

    n: int
    wide, calls = True, (("psi", "d"), ("gammaln", "d"))

    def evaluate(self, a: Any, x: Any) -> Any:
        dtype = np.result_type(a, x)
        a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
        total = np.zeros(a.shape)
        inside = (x > 0) & (x < np.inf)
        xs = np.where(inside, x, 1.0)
        for _ in range(2):
            small = a < 1
            step = sc.xlogy(a, xs) - xs - sc.gammaln(a + 1)
            total = np.where(small, total + np.exp(step) * self._score(_psi(self.n, a + 1), np.log(xs)), total)
            a = np.where(small, a + 1, a)
        below = xs <= np.exp(sc.digamma(a))
        norm, psi = sc.gammaln(a), _psi(self.n, a)
        low, high = np.where(below, xs, 0.5 * a), np.where(below, 2 * a, xs)
        lower = half_line(
            lambda v: np.exp(a * (np.log(low) - v) - low * np.exp(-v) - norm) * self._score(psi, np.log(low) - v),
            1 / (a - low + np.sqrt(a)),
        )
        upper = half_line(
            lambda w: np.exp((a - 1) * np.log(high + w) - high - w - norm) * self._score(psi, np.log(high + w)),
            1 / (np.maximum(1 - a / high, 0) + 1 / np.sqrt(high)),
        )
        total = total + np.where(below, lower, -upper)
        return np.where(inside, total, np.where(np.isnan(x), np.nan, 0.0)).astype(dtype)[()]

    def formula(self, a: Value, x: Value) -> Value:
        inside = (x > 0) & (x < f.INFINITY)
        y = f.select(inside, x, 1.0)
        log_y = f.log(y)
        total = a.like(0)
        for _ in range(2):
            total, a = total + self._first(a, y, log_y), f.select(a < 1, a + 1, a)
        psi = _psi_formula(self.n, a)
        norm = call("gammaln", a)

        def lower() -> Value:
            integrand = lambda v: f.exp(a * (log_y - v) - y * f.exp(-v) - norm) * self._score(psi, log_y - v)
            return half_line_sum(integrand, 1 / (a - y + f.sqrt(a)))

        def upper() -> Value:
            def integrand(w: Value) -> Value:
                log_t = f.log(y + w)
                return f.exp((a - 1) * log_t - y - w - norm) * self._score(psi, log_t)

            return -half_line_sum(integrand, 1 / ((1 - a / y).op("maximum", 0.0) + 1 / f.sqrt(y)))

        total = total + f.branch(y <= f.exp(psi[0]), lower, upper)
        return f.select(inside, total, f.select(x.is_nan(), x, 0.0))

    def _first(self, a: Value, x: Value, log_x: Value) -> Value:
        """What P(a, x) has beyond P(a+1, x), differentiated; 0 where a is not less than 1."""

        def step() -> Value:
            return f.exp(a * log_x - x - call("gammaln", a + 1)) * self._score(_psi_formula(self.n, a + 1), log_x)

        return f.branch(a < 1, step, lambda: a.like(0))

    def _score(self, psi: Sequence[Any], log_t: Any) -> Any:
        """∂ⁿ/∂aⁿ of the density, over the density."""
        return bell(lambda i, _: log_t - psi[0] if i == 1 else -psi[i - 1], self.n)

    def partials(self, out: Any, a: Any, x: Any) -> Sequence[Any]:
        def by_x() -> Any:
            return gamma_density(a, x) * bell(lambda i, _: log(x) - polygamma(0, a) if i == 1 else -polygamma(i - 1, a), self.n)

        return lambda: GammaincByA(self.n + 1)(a, x), by_x

    def exact(self, m: Any, a: Any, x: Any) -> Any:
        return m.partial(lambda a: m.lowergamma(a, x) / m.gamma(a), (a,), (self.n,))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2):
            yield Sample(cls(n), np.array([0.6, 1.0, 2.5, 30.0]), np.array([0.4, 2.0, 2.5, 20.0]), complex_step=False)


# -- beta -----------------------------------------------------------------------------------


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x**(a-1) (1-x)**(b-1) / B(a, b) = ∂I/∂x (DLMF 8.17.1)."""
    return exp(xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b))


class _Beta(_Real, abstract=True):
    domain = ((0.5, 3.0), (0.5, 3.0), (0.1, 0.9))


class Betainc(_Beta):
    """The regularised incomplete beta function I(a, b, x)."""

    ufunc = sc.betainc

    def partials(self, out: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        return lambda: BetaincByAB(1, 0)(a, b, x), lambda: BetaincByAB(0, 1)(a, b, x), lambda: beta_density(a, b, x)

    def exact(self, m: Any, a: Any, b: Any, x: Any) -> Any:
        return m.incomplete_beta(a, b, x)


class Betaincc(_Beta):
    """1 - I(a, b, x)."""

    ufunc = sc.betaincc

    def partials(self, out: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        return lambda: -BetaincByAB(1, 0)(a, b, x), lambda: -BetaincByAB(0, 1)(a, b, x), lambda: -beta_density(a, b, x)

    def exact(self, m: Any, a: Any, b: Any, x: Any) -> Any:
        return m.incomplete_beta(b, a, 1 - x)


class Betaincinv(_Beta):
    """The x with I(a, b, x) = p, by the implicit function theorem."""

    ufunc = sc.betaincinv

    def partials(self, out: Any, a: Any, b: Any, p: Any) -> Sequence[Any]:
        density = beta_density(a, b, out)
        return lambda: -(BetaincByAB(1, 0)(a, b, out) / density), lambda: -(BetaincByAB(0, 1)(a, b, out) / density), lambda: 1.0 / density

    def exact(self, m: Any, a: Any, b: Any, p: Any) -> Any:
        return m.root(lambda x: m.incomplete_beta(a, b, x) - p, self.ufunc(float(a), float(b), float(p)))


class Betainccinv(_Beta):
    """The x with 1 - I(a, b, x) = q."""

    ufunc = sc.betainccinv

    def partials(self, out: Any, a: Any, b: Any, q: Any) -> Sequence[Any]:
        density = beta_density(a, b, out)
        return lambda: -(BetaincByAB(1, 0)(a, b, out) / density), lambda: -(BetaincByAB(0, 1)(a, b, out) / density), lambda: -1.0 / density

    def exact(self, m: Any, a: Any, b: Any, q: Any) -> Any:
        return m.root(lambda x: m.incomplete_beta(b, a, 1 - x) - q, self.ufunc(float(a), float(b), float(q)))


def _beta_scores(log_t: Any, log_u: Any, psi_a: Any, psi_b: Any, psi_joint: Any) -> Any:
    """(i, j) -> ∂ₐⁱ∂ᵦʲ of (a-1) log t + (b-1) log u - log B(a, b), given k -> ψ⁽ᵏ⁾ at a, b and a + b."""

    def derivative(i: int, j: int) -> Any:
        joint = psi_joint(i + j - 1)
        if i and j:
            return joint
        own = joint - (psi_a if i else psi_b)(i + j - 1)
        return own + (log_t if i else log_u) if i + j == 1 else own

    return derivative


class BetaincByAB(_Beta):
    """∂ₐᵐ∂ᵦⁿ I(a, b, x): the integral of the differentiated density up to x, or minus that from x on."""

    m: int
    n: int
    wide, calls = True, (("psi", "d"), ("betaln", "dd"))

    def evaluate(self, a: Any, b: Any, x: Any) -> Any:
        dtype = np.result_type(a, b, x)
        a, b, x = np.broadcast_arrays(*[np.asarray(z, np.float64) for z in (a, b, x)])
        inside = (x > 0) & (x < 1)
        xs = np.where(inside, x, 0.5)
        below = xs <= np.exp(sc.digamma(a) - sc.digamma(a + b))
        # By I(a, b, x) = 1 - I(b, a, 1-x) the integral always starts at the lower end: t = y exp(-v).
        y, p, q = np.where(below, xs, 1 - xs), np.where(below, a, b), np.where(below, b, a)
        log_y, log_z, norm = np.where(below, np.log(xs), np.log1p(-xs)), np.where(below, np.log1p(-xs), np.log(xs)), sc.betaln(a, b)

        psi = [_psi(self.m + self.n, z).__getitem__ for z in (a, b, a + b)]

        def integrand(v: Any) -> Any:
            # 1 - t = (1 - y) + y (1 - exp(-v)), without cancellation
            log_t, log_u = log_y - v, np.log(np.exp(log_z) - y * np.expm1(-v))
            scores = _beta_scores(np.where(below, log_t, log_u), np.where(below, log_u, log_t), *psi)
            return np.exp(p * log_t + (q - 1) * log_u - norm) * bell(scores, self.m, self.n)

        # The density falls at first by this rate; where q < 1 it starts at a near singularity, with a tail exp(-p v).
        rate = np.maximum(p - np.maximum(q - 1, 0) * y / np.exp(log_z), 0)
        total = half_line(integrand, 1 / (rate + np.sqrt(p * (p + np.maximum(q, 1)) / np.maximum(q, 1))))
        return np.where(inside, np.where(below, total, -total), np.where(np.isnan(x), np.nan, 0.0)).astype(dtype)[()]

    def formula(self, a: Value, b: Value, x: Value) -> Value:
        inside = (x > 0) & (x < 1)
        xs = f.select(inside, x, 0.5)
        values = [_psi_formula(self.m + self.n, z) for z in (a, b, a + b)]
        psi = [v.__getitem__ for v in values]
        below = xs <= f.exp(values[0][0] - values[2][0])
        swap = lambda one, other: (f.select(below, one, other), f.select(below, other, one))
        y, _ = swap(xs, 1 - xs)
        p, q = swap(a, b)
        log_y, log_z = swap(f.log(xs), f.log1p(-xs))
        norm, z = call("betaln", a, b), f.exp(log_z)

        def integrand(v: Value) -> Value:
            log_t, log_u = log_y - v, f.log(z - y * f.expm1(-v))
            scores = _beta_scores(*swap(log_t, log_u), *psi)
            return f.exp(p * log_t + (q - 1) * log_u - norm) * bell(scores, self.m, self.n)

        rate = (p - (q - 1).op("maximum", 0.0) * y / z).op("maximum", 0.0)
        wider = q.op("maximum", 1.0)
        total = half_line_sum(integrand, 1 / (rate + f.sqrt(p * (p + wider) / wider)))
        return f.select(inside, f.select(below, total, -total), f.select(x.is_nan(), x, 0.0))

    def partials(self, out: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        def by_x() -> Any:
            psi = [partial(lambda z, k: polygamma(k, z), z) for z in (a, b, a + b)]
            return beta_density(a, b, x) * bell(_beta_scores(log(x), log1p(-x), *psi), self.m, self.n)

        return lambda: BetaincByAB(self.m + 1, self.n)(a, b, x), lambda: BetaincByAB(self.m, self.n + 1)(a, b, x), by_x

    def exact(self, m: Any, a: Any, b: Any, x: Any) -> Any:
        return m.partial(lambda a, b: m.incomplete_beta(a, b, x), (a, b), (self.m, self.n))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for m, n in ((1, 0), (0, 1), (1, 1)):
            yield Sample(cls(m, n), np.array([0.6, 1.0, 2.5]), np.array([0.7, 3.0, 1.5]), np.array([0.4, 0.1, 0.8]), complex_step=False)


# -- Student -----------------------------------------------------------------------------------


def _student(m: Any, nu: Any, t: Any) -> Any:
    """From the nearer end, so that a tail keeps its digits."""
    tail = m.incomplete_beta(nu / 2, m.number(0.5), nu / (nu + t * t)) / 2
    return m.where(m.gt(t, 0), 1 - tail, tail)


class Stdtr(_Real):
    """Student's distribution function with ν degrees of freedom: ½ + ½ sign(t) I(½, ν/2, t²/(ν + t²))."""

    ufunc, domain = sc.stdtr, ((1.5, 5.0), (0.3, 2.0))

    def partials(self, out: Any, nu: Any, t: Any) -> Sequence[Any]:
        def density() -> Any:
            half = nu * 0.5
            return exp(-betaln(half, splat(0.5, half.type)) - log(nu) * 0.5 - (half + 0.5) * log1p(t * t / nu))

        def by_nu() -> Any:
            # the tail's weight through ν/2, and the scale of t through ν
            moved = BetaincByAB(0, 1)(splat(0.5, nu.type), nu * 0.5, t * t / (nu + t * t))
            return sign(t) * moved * 0.25 - t / (nu * 2.0) * density()

        return by_nu, density

    def exact(self, m: Any, nu: Any, t: Any) -> Any:
        return _student(m, nu, t)


class Stdtrit(_Real):
    """The t with Stdtr(ν, t) = p, by the implicit function theorem."""

    ufunc, domain = sc.stdtrit, ((1.5, 5.0), (0.55, 0.9))

    def partials(self, out: Any, nu: Any, p: Any) -> Sequence[Any]:
        by_nu, density = stdtr.partials(p, nu, out)
        return lambda: -(by_nu() / density()), lambda: 1.0 / density()

    def exact(self, m: Any, nu: Any, p: Any) -> Any:
        return m.root(lambda t: _student(m, nu, t) - p, self.ufunc(float(nu), float(p)))


stdtr = Stdtr()
