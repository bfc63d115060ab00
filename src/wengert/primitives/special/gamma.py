"""The gamma function and its relatives. DLMF chapter 5.

Knows SciPy and the elementary families. Start at `Gamma`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.primitives.arith import Flat, real
from wengert.primitives.math import cos, sin
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import BY_ORDER, Special, is_complex, where


class Gamma(Special):
    """Γ(x), with Γ' = Γ ψ (DLMF 5.2.2)."""

    ufunc, domain = sc.gamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out * digamma(x),)


class Gammaln(Special):
    """log |Γ(x)| for real x."""

    ufunc, domain, analytic, dtypes = sc.gammaln, (0.5, 3.0), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: digamma(x),)


class Loggamma(Special):
    """The principal branch of log Γ(x)."""

    ufunc, domain = sc.loggamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: digamma(x),)


class Gammasgn(Flat):
    """The sign of Γ(x)."""

    ufunc, domain, dtypes = sc.gammasgn, (-0.9, -0.1), "fd"


class Rgamma(Special):
    """1/Γ(x), an entire function.

    Left of ½ the derivative is that of the reflection sin(πx) Γ(1-x) / π (DLMF 5.5.3), exact at the poles of Γ in every order.
    """

    ufunc, domain = sc.rgamma, (0.7, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        def by_x() -> Any:
            left = (real(x) if is_complex(x) else x) < 0.5
            a, b = where(left, x, 0.25), where(left, 0.75, x)
            reflected = cos(a * np.pi) - sin(a * np.pi) * digamma(1.0 - a) * (1 / np.pi)
            return where(left, gamma(1.0 - a) * reflected, -rgamma(b) * digamma(b))

        return (by_x,)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from super().samples()
        yield Sample(cls(), np.array([-2.0, -1.0, 0.0, 0.3, -1.7]))


class Digamma(Special):
    """ψ(x) = Γ'(x) / Γ(x)."""

    ufunc, domain = sc.digamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: polygamma(1, x),)


class Polygamma(Special):
    """The n-th derivative of ψ (DLMF 5.15); SciPy has it for real x only."""

    n: int
    ufunc, domain = sc.polygamma, (0.5, 3.0)

    def evaluate(self, x: Any) -> Any:
        if np.asarray(x).dtype.kind == "c":
            return _polygamma_complex(self.n, x)
        return np.asarray(sc.polygamma(self.n, x)).astype(x.dtype)[()]

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: polygamma(self.n + 1, x),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2):
            yield Sample(cls(n), np.array([0.6, 1.7, 3.2]))
            yield Sample(cls(n), np.array([0.6 + 0.3j, -1.7 + 0.4j, 3.2 - 1j]))
        yield Sample(cls(1), np.float32(1.5))


def _polygamma_complex(n: int, z: Any) -> Any:
    """By recurrence to Re z ≥ 20 (DLMF 5.15.5), then the asymptotic series (DLMF 5.15.8)."""
    dtype = np.asarray(z).dtype
    z = np.array(z, np.complex128)
    total = np.zeros_like(z)
    factorial = float(sc.factorial(n))
    while (small := z.real < 20).any():
        step = np.where(small, z, 1.0)
        total += np.where(small, factorial / step ** (n + 1), 0)
        z = np.where(small, z + 1, z)
    total += sc.factorial(n - 1) / z**n + factorial / (2 * z ** (n + 1))
    for k, bernoulli in enumerate(sc.bernoulli(24)[2::2], 1):
        total += bernoulli * sc.poch(2 * k + 1, n - 1) / z ** (2 * k + n)
    return ((-1) ** (n + 1) * total).astype(dtype)[()]


class Poch(Special):
    """The rising factorial Γ(z + m) / Γ(z)."""

    ufunc, domain, analytic, dtypes = sc.poch, ((0.5, 3.0), (0.5, 3.0)), False, "fd"

    def partials(self, out: Any, z: Any, m: Any) -> Sequence[Any]:
        return lambda: out * (digamma(z + m) - digamma(z)), lambda: out * digamma(z + m)


class Zeta(Special):
    """Hurwitz' zeta function ζ(x, q); ∂ζ/∂q = -x ζ(x+1, q) (DLMF 25.11.17)."""

    ufunc, domain, analytic, dtypes = sc.zeta, ((1.5, 4.0), (0.5, 3.0)), False, "fd"
    fixed = {0: BY_ORDER}

    def evaluate(self, x: Any, q: Any) -> Any:
        return sc.zeta(x, q)

    def partials(self, out: Any, x: Any, q: Any) -> Sequence[Any]:
        return None, lambda: -(x * zeta(x + 1.0, q))


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of ψ; ψ itself for n = 0."""
    return digamma(x) if n == 0 else Polygamma(n)(x)


gamma, gammaln, loggamma, digamma, rgamma, poch, zeta = Gamma(), Gammaln(), Loggamma(), Digamma(), Rgamma(), Poch(), Zeta()
