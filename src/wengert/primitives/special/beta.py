"""The beta function and binomial coefficients. DLMF 5.12.

Knows SciPy and the gamma family. Start at `Beta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Special
from wengert.primitives.special.gamma import digamma


class Beta(Special):
    """B(a, b) = Γ(a) Γ(b) / Γ(a + b)."""

    ufunc, domain, analytic, dtypes = sc.beta, ((0.5, 3.0), (0.5, 3.0)), False, "fd"

    def partials(self, out: Any, a: Any, b: Any) -> Sequence[Any]:
        return lambda: out * (digamma(a) - digamma(a + b)), lambda: out * (digamma(b) - digamma(a + b))

    def exact(self, m: Any, a: Any, b: Any) -> Any:
        return m.div(m.gamma(a) * m.gamma(b), m.gamma(a + b))


class Betaln(Special):
    """log |B(a, b)|."""

    ufunc, domain, analytic, dtypes = sc.betaln, ((0.5, 3.0), (0.5, 3.0)), False, "fd"

    def partials(self, out: Any, a: Any, b: Any) -> Sequence[Any]:
        return lambda: digamma(a) - digamma(a + b), lambda: digamma(b) - digamma(a + b)

    def exact(self, m: Any, a: Any, b: Any) -> Any:
        return m.log(abs(m.div(m.gamma(a) * m.gamma(b), m.gamma(a + b))))


class Binom(Special):
    """The binomial coefficient of real n and k: Γ(n+1) / (Γ(k+1) Γ(n-k+1))."""

    ufunc, domain, analytic, dtypes = sc.binom, ((3.2, 5.0), (0.5, 2.9)), False, "fd"

    def partials(self, out: Any, n: Any, k: Any) -> Sequence[Any]:
        rest = n - k + 1.0
        return lambda: out * (digamma(n + 1.0) - digamma(rest)), lambda: out * (digamma(rest) - digamma(k + 1.0))

    def exact(self, m: Any, n: Any, k: Any) -> Any:
        return m.div(m.gamma(n + 1), m.gamma(k + 1) * m.gamma(n - k + 1))


beta, betaln, binom = Beta(), Betaln(), Binom()
