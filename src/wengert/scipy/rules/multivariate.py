"""Distributions of vectors. Start at `Multivariate`."""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np
import scipy.stats as st

from wengert.errors import ArgumentError, UnknownFunctionError, four_parts
from wengert.numpy.arguments import array
from wengert.numpy.promote import as_inexact, contains_traced
from wengert.primitives.linalg.factor import Cholesky
from wengert.primitives.special import ufuncs as sc
from wengert.scipy.rules import special  # noqa: F401  (the rules of scipy.special)
from wengert.scipy.rules.distribution import DISTRIBUTIONS
from wengert.scipy.rules.linalg import solve_triangular
from wengert.source import here


class Multivariate:
    """A distribution of SciPy's with methods of our own, for traced values; its other methods refuse those."""

    def __init__(self, name: str, original: Any, **methods: Any) -> None:
        self.name, self.original, self.methods = name, original, methods
        DISTRIBUTIONS[name] = self

    def __repr__(self) -> str:
        return f"<wengert.scipy.stats.{self.name}>"

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        return FrozenMultivariate(self, args, keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        original = getattr(self.original, name)

        def method(*args: Any, **keywords: Any) -> Any:
            if not (contains_traced(args) or contains_traced(keywords)):
                return original(*args, **keywords)
            if name not in self.methods:
                raise UnknownFunctionError(
                    four_parts(
                        f"scipy.stats.{self.name}.{name} has no derivative rule", instead=f"one of {', '.join(self.methods)}", where=here()
                    )
                )
            return self.methods[name](*args, **keywords)

        return method

    def __reduce__(self) -> Any:
        return DISTRIBUTIONS.__getitem__, (self.name,)


class FrozenMultivariate:
    """A distribution of vectors with its parameters fixed."""

    def __init__(self, distribution: Multivariate, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.distribution, self.args, self.keywords = distribution, args, keywords

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self.distribution, name)
        return lambda x, *rest, **more: method(x, *self.args, *rest, **self.keywords, **more)


def _exponentiated(logarithm: Any) -> Any:
    return lambda *args, **keywords: np.exp(logarithm(*args, **keywords))


def _normal(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False, **ignored: Any) -> Any:
    """-½ (d log 2π + log det C + (x-μ)ᵀ C⁻¹ (x-μ)), by C's Cholesky factor; only C's lower triangle is read."""
    if allow_singular:
        raise ArgumentError(
            four_parts("multivariate_normal with allow_singular=True of traced values", instead="a positive definite cov", where=here())
        )
    x, cov = as_inexact(array(x)), as_inexact(array(cov))
    mean = None if mean is None else as_inexact(array(mean))
    d = mean.size if mean is not None else cov.shape[-1] if cov.ndim else 1
    if cov.ndim < 2:
        cov = cov * np.eye(d)
    if x.ndim < 2 and d == 1:
        x = np.reshape(x, (x.size, 1))
    y = x if mean is None else x - np.reshape(mean, (mean.size,))
    lead = tuple([n for n in y.shape[:-1] if n != 1])  # SciPy squeezes
    low = Cholesky()(cov)
    z = solve_triangular(low, np.reshape(y, (-1, d)).T, lower=True)
    half_log_det = np.sum(np.log(np.diagonal(low)))
    return np.reshape(-0.5 * np.sum(z * z, axis=0), lead) - (half_log_det + 0.5 * d * log(2 * pi))


def _dirichlet(x: Any, alpha: Any) -> Any:
    """Σ (αᵢ-1) log xᵢ - log B(α), xᵢ along the first axis; the last one is one less their sum if it is left out."""
    x, alpha = as_inexact(array(x)), as_inexact(array(alpha))
    if x.shape[0] == alpha.shape[0] - 1:
        x = np.concatenate([x, 1 - np.sum(x, axis=0, keepdims=True)])
    columns = np.reshape(alpha, (alpha.size, *[1] * (x.ndim - 1)))
    return sc.gammaln(np.sum(alpha)) - np.sum(sc.gammaln(alpha)) + np.sum(sc.xlogy(columns - 1, x), axis=0)


def _multinomial(x: Any, n: Any, p: Any) -> Any:
    """Log n! + Σ (xᵢ log pᵢ - log xᵢ!); the last p is one less the sum of the others, as in SciPy."""
    x, n, p = (as_inexact(array(z)) for z in (x, n, p))
    p = np.concatenate([p[..., :-1], 1 - np.sum(p[..., :-1], axis=-1, keepdims=True)], axis=-1)
    fits = np.sum(x, axis=-1) == n
    value = sc.gammaln(n + 1) + np.sum(sc.xlogy(x, p) - sc.gammaln(x + 1), axis=-1)
    return np.where(fits, value, -np.inf)


multivariate_normal = Multivariate("multivariate_normal", st.multivariate_normal, logpdf=_normal, pdf=_exponentiated(_normal))
dirichlet = Multivariate("dirichlet", st.dirichlet, logpdf=_dirichlet, pdf=_exponentiated(_dirichlet))
multinomial = Multivariate("multinomial", st.multinomial, logpmf=_multinomial, pmf=_exponentiated(_multinomial))
