"""Continuous distributions of one variable. Formulas are those of SciPy's documentation, in the standardised variable y.

Start at `norm`.
"""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np
import scipy.stats as st

from wengert.primitives.special import ufuncs as sc
from wengert.scipy.rules import special  # noqa: F401  (the rules of scipy.special)
from wengert.scipy.rules.distribution import Distribution

LOG_TWO_PI = log(2 * pi)
EULER = 0.5772156649015329


def _positive(*shapes: Any) -> Any:
    return 0.0, np.inf


def _unit(*shapes: Any) -> Any:
    return 0.0, 1.0


def _whole(value: float) -> Any:
    """A moment that does not depend on the shapes."""
    return lambda *shapes: value


norm = Distribution(
    st.norm,
    logpdf=lambda y: -0.5 * (y * y) - 0.5 * LOG_TWO_PI,
    cdf=lambda y: sc.ndtr(y),
    sf=lambda y: sc.ndtr(-y),
    logcdf=lambda y: sc.log_ndtr(y),
    logsf=lambda y: sc.log_ndtr(-y),
    ppf=lambda q: sc.ndtri(q),
    isf=lambda q: -sc.ndtri(q),
    mean=_whole(0.0),
    var=_whole(1.0),
)
expon = Distribution(
    st.expon,
    support=_positive,
    logpdf=lambda y: -y,
    cdf=lambda y: -np.expm1(-y),
    sf=lambda y: np.exp(-y),
    logsf=lambda y: -y,
    ppf=lambda q: -np.log1p(-q),
    isf=lambda q: -np.log(q),
    mean=_whole(1.0),
    var=_whole(1.0),
)
gamma = Distribution(
    st.gamma,
    ("a",),
    _positive,
    logpdf=lambda y, a: sc.xlogy(a - 1, y) - y - sc.gammaln(a),
    cdf=lambda y, a: sc.gammainc(a, y),
    sf=lambda y, a: sc.gammaincc(a, y),
    ppf=lambda q, a: sc.gammaincinv(a, q),
    isf=lambda q, a: sc.gammainccinv(a, q),
    mean=lambda a: a,
    var=lambda a: a,
)
invgamma = Distribution(
    st.invgamma,
    ("a",),
    _positive,
    logpdf=lambda y, a: -(a + 1) * np.log(y) - sc.gammaln(a) - 1 / y,
    cdf=lambda y, a: sc.gammaincc(a, 1 / y),
    sf=lambda y, a: sc.gammainc(a, 1 / y),
    ppf=lambda q, a: 1 / sc.gammainccinv(a, q),
    isf=lambda q, a: 1 / sc.gammaincinv(a, q),
)
beta = Distribution(
    st.beta,
    ("a", "b"),
    _unit,
    logpdf=lambda y, a, b: sc.xlogy(a - 1, y) + sc.xlog1py(b - 1, -y) - sc.betaln(a, b),
    cdf=lambda y, a, b: sc.betainc(a, b, y),
    sf=lambda y, a, b: sc.betaincc(a, b, y),
    ppf=lambda q, a, b: sc.betaincinv(a, b, q),
    isf=lambda q, a, b: sc.betainccinv(a, b, q),
    mean=lambda a, b: a / (a + b),
    var=lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1)),
)
t = Distribution(
    st.t,
    ("df",),
    logpdf=lambda y, df: -sc.betaln(df / 2, 0.5) - 0.5 * np.log(df) - (df + 1) / 2 * np.log1p(y * y / df),
    cdf=lambda y, df: sc.stdtr(df, y),
    sf=lambda y, df: sc.stdtr(df, -y),
    ppf=lambda q, df: sc.stdtrit(df, q),
    isf=lambda q, df: -sc.stdtrit(df, q),
)
chi2 = Distribution(
    st.chi2,
    ("df",),
    _positive,
    logpdf=lambda y, df: sc.xlogy(df / 2 - 1, y) - y / 2 - sc.gammaln(df / 2) - log(2) * df / 2,
    cdf=lambda y, df: sc.gammainc(df / 2, y / 2),
    sf=lambda y, df: sc.gammaincc(df / 2, y / 2),
    ppf=lambda q, df: 2 * sc.gammaincinv(df / 2, q),
    isf=lambda q, df: 2 * sc.gammainccinv(df / 2, q),
    mean=lambda df: df,
    var=lambda df: 2 * df,
)
f = Distribution(
    st.f,
    ("dfn", "dfd"),
    _positive,
    logpdf=lambda y, m, n: (
        n / 2 * np.log(n) + m / 2 * np.log(m) + sc.xlogy(m / 2 - 1, y) - (m + n) / 2 * np.log(n + m * y) - sc.betaln(m / 2, n / 2)
    ),
    cdf=lambda y, m, n: sc.fdtr(m, n, y),
    sf=lambda y, m, n: sc.fdtrc(m, n, y),
)
uniform = Distribution(
    st.uniform,
    support=_unit,
    logpdf=lambda y: np.zeros(y.shape),
    cdf=lambda y: y,
    sf=lambda y: 1 - y,
    ppf=lambda q: q,
    isf=lambda q: 1 - q,
    mean=_whole(0.5),
    var=_whole(1 / 12),
)


def _laplace_quantile(q: Any) -> Any:
    low = q < 0.5
    return np.where(low, np.log(2 * np.where(low, q, 0.5)), -np.log(2 * (1 - np.where(low, 0.5, q))))


def _laplace_cdf(y: Any) -> Any:
    half = 0.5 * np.exp(-np.abs(y))
    return np.where(y < 0, half, 1 - half)


laplace = Distribution(
    st.laplace,
    logpdf=lambda y: -log(2) - np.abs(y),
    cdf=_laplace_cdf,
    sf=lambda y: _laplace_cdf(-y),
    ppf=_laplace_quantile,
    isf=lambda q: -_laplace_quantile(q),
    mean=_whole(0.0),
    var=_whole(2.0),
)
logistic = Distribution(
    st.logistic,
    logpdf=lambda y: sc.log_expit(y) + sc.log_expit(-y),
    cdf=lambda y: sc.expit(y),
    sf=lambda y: sc.expit(-y),
    logcdf=lambda y: sc.log_expit(y),
    logsf=lambda y: sc.log_expit(-y),
    ppf=lambda q: sc.logit(q),
    isf=lambda q: -sc.logit(q),
    mean=_whole(0.0),
    var=_whole(pi * pi / 3),
)
cauchy = Distribution(
    st.cauchy,
    logpdf=lambda y: -log(pi) - np.log1p(y * y),
    cdf=lambda y: np.arctan2(1.0, -y) / pi,
    sf=lambda y: np.arctan2(1.0, y) / pi,
    ppf=lambda q: np.tan(pi * (q - 0.5)),
    isf=lambda q: -np.tan(pi * (q - 0.5)),
)
halfcauchy = Distribution(
    st.halfcauchy,
    support=_positive,
    logpdf=lambda y: log(2 / pi) - np.log1p(y * y),
    cdf=lambda y: 2 / pi * np.arctan(y),
    sf=lambda y: 2 / pi * np.arctan2(1.0, y),
    ppf=lambda q: np.tan(pi / 2 * q),
)
lognorm = Distribution(
    st.lognorm,
    ("s",),
    _positive,
    logpdf=lambda y, s: -(np.log(y) ** 2) / (2 * s * s) - np.log(s * y) - 0.5 * LOG_TWO_PI,
    cdf=lambda y, s: sc.ndtr(np.log(y) / s),
    sf=lambda y, s: sc.ndtr(-np.log(y) / s),
    logcdf=lambda y, s: sc.log_ndtr(np.log(y) / s),
    logsf=lambda y, s: sc.log_ndtr(-np.log(y) / s),
    ppf=lambda q, s: np.exp(s * sc.ndtri(q)),
    isf=lambda q, s: np.exp(-s * sc.ndtri(q)),
    mean=lambda s: np.exp(s * s / 2),
    var=lambda s: np.expm1(s * s) * np.exp(s * s),
)
gumbel_r = Distribution(
    st.gumbel_r,
    logpdf=lambda y: -y - np.exp(-y),
    cdf=lambda y: np.exp(-np.exp(-y)),
    sf=lambda y: -np.expm1(-np.exp(-y)),
    logcdf=lambda y: -np.exp(-y),
    ppf=lambda q: -np.log(-np.log(q)),
    isf=lambda q: -np.log(-np.log1p(-q)),
    mean=_whole(EULER),
    var=_whole(pi * pi / 6),
)
gumbel_l = Distribution(
    st.gumbel_l,
    logpdf=lambda y: y - np.exp(y),
    cdf=lambda y: -np.expm1(-np.exp(y)),
    sf=lambda y: np.exp(-np.exp(y)),
    logsf=lambda y: -np.exp(y),
    ppf=lambda q: np.log(-np.log1p(-q)),
    isf=lambda q: np.log(-np.log(q)),
    mean=_whole(-EULER),
    var=_whole(pi * pi / 6),
)
weibull_min = Distribution(
    st.weibull_min,
    ("c",),
    _positive,
    logpdf=lambda y, c: np.log(c) + sc.xlogy(c - 1, y) - y**c,
    cdf=lambda y, c: -np.expm1(-(y**c)),
    sf=lambda y, c: np.exp(-(y**c)),
    logsf=lambda y, c: -(y**c),
    ppf=lambda q, c: (-np.log1p(-q)) ** (1 / c),
    isf=lambda q, c: (-np.log(q)) ** (1 / c),
    mean=lambda c: sc.gamma(1 + 1 / c),
    var=lambda c: sc.gamma(1 + 2 / c) - sc.gamma(1 + 1 / c) ** 2,
)
pareto = Distribution(
    st.pareto,
    ("b",),
    lambda b: (1.0, np.inf),
    2.0,
    logpdf=lambda y, b: np.log(b) - (b + 1) * np.log(y),
    cdf=lambda y, b: -np.expm1(-b * np.log(y)),
    sf=lambda y, b: y**-b,
    logsf=lambda y, b: -b * np.log(y),
    ppf=lambda q, b: (1 - q) ** (-1 / b),
    isf=lambda q, b: q ** (-1 / b),
)
halfnorm = Distribution(
    st.halfnorm,
    support=_positive,
    logpdf=lambda y: 0.5 * log(2 / pi) - y * y / 2,
    cdf=lambda y: sc.erf(y * 0.5**0.5),
    sf=lambda y: sc.erfc(y * 0.5**0.5),
    ppf=lambda q: sc.ndtri((1 + q) / 2),
    isf=lambda q: -sc.ndtri(q / 2),
    mean=_whole((2 / pi) ** 0.5),
    var=_whole(1 - 2 / pi),
)
rayleigh = Distribution(
    st.rayleigh,
    support=_positive,
    logpdf=lambda y: np.log(y) - y * y / 2,
    cdf=lambda y: -np.expm1(-y * y / 2),
    sf=lambda y: np.exp(-y * y / 2),
    logsf=lambda y: -y * y / 2,
    ppf=lambda q: np.sqrt(-2 * np.log1p(-q)),
    isf=lambda q: np.sqrt(-2 * np.log(q)),
    mean=_whole((pi / 2) ** 0.5),
    var=_whole((4 - pi) / 2),
)
skewnorm = Distribution(
    st.skewnorm,
    ("a",),
    logpdf=lambda y, a: log(2) - 0.5 * LOG_TWO_PI - y * y / 2 + sc.log_ndtr(a * y),
    cdf=lambda y, a: sc.ndtr(y) - 2 * sc.owens_t(y, a),
    sf=lambda y, a: sc.ndtr(-y) + 2 * sc.owens_t(y, a),
)
vonmises = Distribution(
    st.vonmises,
    ("kappa",),
    logpdf=lambda y, kappa: kappa * sc.cosm1(y) - LOG_TWO_PI - np.log(sc.i0e(kappa)),
)


def _log_mass(a: Any, b: Any) -> Any:
    """log(Φ(b) - Φ(a)), a < b, on the side where nothing cancels: log(u - v) = log u + log(-expm1(log v - log u))."""
    upper = a > 0
    near, far = sc.log_ndtr(np.where(upper, -a, b)), sc.log_ndtr(np.where(upper, -b, a))
    return near + np.log(-np.expm1(far - near))


truncnorm = Distribution(
    st.truncnorm,
    ("a", "b"),
    lambda a, b: (a, b),
    lambda a, b: np.clip(0.0, a, b),
    logpdf=lambda y, a, b: -0.5 * (y * y) - 0.5 * LOG_TWO_PI - _log_mass(a, b),
    cdf=lambda y, a, b: np.exp(_log_mass(a, y) - _log_mass(a, b)),
    sf=lambda y, a, b: np.exp(_log_mass(y, b) - _log_mass(a, b)),
)
