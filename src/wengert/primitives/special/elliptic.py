"""Elliptic integrals and functions, by SciPy's parameter m = k². DLMF chapters 19 and 22.

Knows SciPy and the elementary families. Start at `Ellipk`. The derivatives are kept free of the removable
singularity at m = 0 by the integral D = (K - E)/m (DLMF 19.2.6), which is R_D(0, 1-m, 1)/3 (DLMF 19.25.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import pi
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.ir.values import splat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import reciprocal
from wengert.primitives.math import integer_pow, sin, sqrt
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Several, Special
from wengert.primitives.special.capi import call
from wengert.primitives.special.hypergeometric import hyp2f1


class _Real(Special, abstract=True):
    domain, analytic, dtypes = (-0.8, 0.8), False, "fd"


class EllipticD(_Real):
    """D(1-p) = R_D(0, p, 1)/3 = π/4 ₂F₁(1/2, 3/2; 2; 1-p), a function of p = 1-m for the sake of m near 1."""

    domain, wide, calls = (0.3, 1.8), True, (("elliprd", "ddd"),)

    def evaluate(self, p: Any) -> Any:
        return (sc.elliprd(np.zeros((), p.dtype), p, np.ones((), p.dtype)) / 3).astype(p.dtype)[()]

    def partials(self, out: Any, p: Any) -> Sequence[Any]:
        a, b, c = (splat(n, p.type) for n in (1.5, 2.5, 3.0))
        return (lambda: hyp2f1(a, b, c, 1.0 - p) * (-3 * pi / 32),)

    def formula(self, p: Value) -> Value:
        return call("elliprd", 0.0, p, 1.0) / 3

    def exact(self, m: Any, p: Any) -> Any:
        return m.elliprd(0, p, 1) / 3


class Ellipk(_Real):
    """K(m), with K' = (K - D) / (2 (1-m)) (DLMF 19.4.1)."""

    ufunc = sc.ellipk

    def partials(self, out: Any, m: Any) -> Sequence[Any]:
        return (lambda: (out - elliptic_d(1.0 - m)) / ((1.0 - m) * 2.0),)

    def exact(self, m: Any, p: Any) -> Any:
        return m.elliptic_k(p)


class Ellipkm1(_Real):
    """K(1 - p), exact for small p."""

    ufunc, domain = sc.ellipkm1, (0.2, 1.8)

    def partials(self, out: Any, p: Any) -> Sequence[Any]:
        return (lambda: (elliptic_d(p) - out) / (p * 2.0),)

    def exact(self, m: Any, p: Any) -> Any:
        return m.elliptic_k(1 - p)


class Ellipe(_Real):
    """E(m), with E' = -D/2 (DLMF 19.4.1)."""

    ufunc = sc.ellipe

    def partials(self, out: Any, m: Any) -> Sequence[Any]:
        return (lambda: elliptic_d(1.0 - m) * -0.5,)

    def exact(self, m: Any, p: Any) -> Any:
        return m.elliptic_e(p)


# Gauss and Legendre's rule on panels of [0, 1], each half as long as that before
_X, _W = np.polynomial.legendre.leggauss(20)
_EDGES = np.array([0.0, *[1 - 2.0**-i for i in range(1, 16)], 1.0])
_LENGTHS = np.diff(_EDGES)[:, None]
NODES, WEIGHTS = np.ravel(_EDGES[:-1, None] + _LENGTHS * (_X + 1) / 2), np.ravel(_LENGTHS / 2 * _W)


class EllipticMoment(_Real):
    """∫₀ᵠ sin²ʲθ Δ⁻ᵏ dθ with Δ² = 1 - m sin²θ: F is (0, 1), E is (0, -1), and derivatives by m stay in the family.

    By Gauss and Legendre's rule on panels that shrink towards the nearest quarter period, where Δ is smallest.
    """

    j: int
    k: int
    wide = True

    def evaluate(self, phi: Any, m: Any) -> Any:
        dtype = np.result_type(phi, m)
        phi, m = np.broadcast_arrays(np.asarray(phi, np.float64), np.asarray(m, np.float64))
        turns = np.round(phi / pi)
        total = self._quarter(phi - pi * turns, m)
        if turns.any():
            total = total + 2 * turns * self._quarter(np.full_like(m, pi / 2), m)
        return total.astype(dtype)[()]

    def _quarter(self, phi: Any, m: Any) -> Any:
        total = np.zeros_like(phi)
        for x, w in zip(NODES, WEIGHTS, strict=True):
            s2 = np.sin(phi * x) ** 2
            total = total + w * s2**self.j * (1 - m * s2) ** (-self.k / 2)
        return phi * total

    def formula(self, phi: Value, m: Value) -> Value:
        def quarter(phi: Value) -> Value:
            def term(x: Value, w: Value) -> Value:
                s2 = f.sin(phi * x) ** 2
                return w * s2**self.j * f.sqrt(1 - m * s2) ** -self.k

            return phi * f.total(phi, term, NODES, WEIGHTS)

        turns = f.rint(phi / pi)
        rest = quarter(phi - pi * turns)
        return f.branch(turns.equals(0), lambda: rest, lambda: rest + 2 * turns * quarter(phi.like(pi / 2)))

    def partials(self, out: Any, phi: Any, m: Any) -> Sequence[Any]:
        def by_phi() -> Any:
            s2 = integer_pow(sin(phi), 2)
            delta = integer_pow(reciprocal(sqrt(1.0 - m * s2)), self.k)
            return delta if self.j == 0 else integer_pow(s2, self.j) * delta

        return by_phi, lambda: EllipticMoment(self.j + 1, self.k + 2)(phi, m) * (self.k / 2)

    def exact(self, m: Any, phi: Any, p: Any) -> Any:
        quarters = [i * m.pi / 2 for i in range(1, int(abs(phi) * 2 / m.pi) + 1)]
        edges = [0, *[m.sign(phi) * e for e in quarters], phi]
        return m.quad(lambda t: m.sin(t) ** (2 * self.j) * (1 - p * m.sin(t) ** 2) ** (m.number(-self.k) / 2), edges)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for j, k in ((1, 1), (1, 3), (2, 3)):
            yield Sample(cls(j, k), np.array([0.3, -1.2, 4.0]), np.array([-0.5, 0.0, 0.7]), complex_step=False)


class Ellipkinc(_Real):
    """F(φ, m) = ∫₀ᵠ dθ/Δ."""

    ufunc, domain = sc.ellipkinc, ((-1.4, 1.4), (-0.8, 0.8))

    def partials(self, out: Any, phi: Any, m: Any) -> Sequence[Any]:
        return lambda: reciprocal(sqrt(1.0 - m * integer_pow(sin(phi), 2))), lambda: EllipticMoment(1, 3)(phi, m) * 0.5

    def exact(self, m: Any, phi: Any, p: Any) -> Any:
        return m.incomplete_elliptic_f(phi, p)


class Ellipeinc(_Real):
    """E(φ, m) = ∫₀ᵠ Δ dθ."""

    ufunc, domain = sc.ellipeinc, ((-1.4, 1.4), (-0.8, 0.8))

    def partials(self, out: Any, phi: Any, m: Any) -> Sequence[Any]:
        return lambda: sqrt(1.0 - m * integer_pow(sin(phi), 2)), lambda: EllipticMoment(1, 1)(phi, m) * -0.5

    def exact(self, m: Any, phi: Any, p: Any) -> Any:
        return m.incomplete_elliptic_e(phi, p)


class Ellipj(Several):
    """Jacobi's sn, cn, dn and the amplitude φ, where F(φ, m) = u (DLMF 22.13.1-3).

    By m through the amplitude: ∂φ/∂m = -Δ ∂F/∂m at fixed φ, and Δ = dn.
    """

    ufunc, domain, count = sc.ellipj, ((-1.5, 1.5), (0.1, 0.9)), 4

    def partials(self, out: Any, u: Any, m: Any) -> Sequence[Any]:
        sn, cn, dn, phi = out

        def by_m() -> Any:
            dphi = dn * EllipticMoment(1, 3)(phi, m) * -0.5
            return cn * dphi, -(sn * dphi), -(sn * sn + m * sn * cn * dphi * 2.0) / (dn * 2.0), dphi

        return lambda: (cn * dn, -(sn * dn), -(m * sn * cn), dn), by_m

    def exact(self, m: Any, u: Any, p: Any) -> Any:
        sn, cn, dn = [m.ellipfun(name, u, m=p) for name in ("sn", "cn", "dn")]
        period = 4 * m.elliptic_k(p)
        return sn, cn, dn, m.atan2(sn, cn) + 2 * m.pi * m.floor(u / period + m.number(0.5))


elliptic_d, ellipk, ellipe = EllipticD(), Ellipk(), Ellipe()
