"""Discrete distributions: their parameters have derivatives, the count k has not a meaningful one. Start at `poisson`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats as st

from wengert.primitives.special import ufuncs as sc
from wengert.scipy.rules import special  # noqa: F401  (the rules of scipy.special)
from wengert.scipy.rules.distribution import Distribution


def _counts(*shapes: Any) -> Any:
    return 0.0, np.inf


def _log_choose(n: Any, k: Any) -> Any:
    return sc.gammaln(n + 1) - sc.gammaln(k + 1) - sc.gammaln(n - k + 1)


poisson = Distribution(
    st.poisson,
    ("mu",),
    _counts,
    0.0,
    logpmf=lambda k, mu: sc.xlogy(k, mu) - sc.gammaln(k + 1) - mu,
    cdf=lambda k, mu: sc.pdtr(k, mu),
    sf=lambda k, mu: sc.pdtrc(k, mu),
    mean=lambda mu: mu,
    var=lambda mu: mu,
)
binom = Distribution(
    st.binom,
    ("n", "p"),
    lambda n, p: (0.0, n),
    0.0,
    logpmf=lambda k, n, p: _log_choose(n, k) + sc.xlogy(k, p) + sc.xlog1py(n - k, -p),
    cdf=lambda k, n, p: sc.bdtr(k, n, p),
    sf=lambda k, n, p: sc.bdtrc(k, n, p),
    mean=lambda n, p: n * p,
    var=lambda n, p: n * p * (1 - p),
)
bernoulli = Distribution(
    st.bernoulli,
    ("p",),
    lambda p: (0.0, 1.0),
    0.0,
    logpmf=lambda k, p: sc.xlogy(k, p) + sc.xlog1py(1 - k, -p),
    cdf=lambda k, p: (1 - p) + 0 * k,
    sf=lambda k, p: p + 0 * k,
    mean=lambda p: p,
    var=lambda p: p * (1 - p),
)
geom = Distribution(
    st.geom,
    ("p",),
    lambda p: (1.0, np.inf),
    1.0,
    logpmf=lambda k, p: sc.xlog1py(k - 1, -p) + np.log(p),
    cdf=lambda k, p: -np.expm1(k * np.log1p(-p)),
    sf=lambda k, p: np.exp(k * np.log1p(-p)),
    logsf=lambda k, p: k * np.log1p(-p),
    mean=lambda p: 1 / p,
    var=lambda p: (1 - p) / (p * p),
)
nbinom = Distribution(
    st.nbinom,
    ("n", "p"),
    _counts,
    0.0,
    logpmf=lambda k, n, p: sc.gammaln(n + k) - sc.gammaln(k + 1) - sc.gammaln(n) + n * np.log(p) + sc.xlog1py(k, -p),
    cdf=lambda k, n, p: sc.nbdtr(k, n, p),
    sf=lambda k, n, p: sc.nbdtrc(k, n, p),
    mean=lambda n, p: n * (1 - p) / p,
    var=lambda n, p: n * (1 - p) / (p * p),
)
