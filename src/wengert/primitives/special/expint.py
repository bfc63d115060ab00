"""Exponential, sine and cosine integrals, and Lambert's W. DLMF chapters 6, 8.19 and 4.13.

Knows SciPy and the elementary families. Start at `Expi`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import pi
from typing import Any

import numpy as np

from wengert.contract import Sample
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.math import Sinc, cos, cosh, exp, sin, sinh
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import BY_ORDER, Several, Special, is_complex
from wengert.primitives.special.capi import call
from wengert.primitives.special.logistic import Exprel


class Expi(Special):
    """Ei(x) = ∫ exp(t)/t dt up to x (DLMF 6.2.5)."""

    ufunc, domain = sc.expi, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: exp(x) / x,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.ei(x)


class Exp1(Special):
    """E₁(x) = ∫ exp(-t)/t dt from x (DLMF 6.2.1)."""

    ufunc, domain = sc.exp1, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -(exp(-x) / x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.expint(1, x)


class Expn(Special):
    """Eₙ(x) = ∫₁ exp(-xt) t⁻ⁿ dt, n an integer; Eₙ' = -Eₙ₋₁ (DLMF 8.19.13).

    For n ≤ 0, which SciPy lacks and higher derivatives need, Eₙ = xⁿ⁻¹ Γ(1-n, x) (DLMF 8.19.1).
    """

    ufunc, analytic, dtypes, wide = sc.expn, False, "fd", True
    fixed = {0: BY_ORDER}
    calls = (("expn", "dd"), ("gamma", "d"), ("gammaincc", "dd"))

    def evaluate(self, n: Any, x: Any) -> Any:
        n = np.floor(n)  # as SciPy does
        m = 1.0 - np.minimum(n, 0)
        with np.errstate(all="ignore"):
            below = sc.gamma(m) * sc.gammaincc(m, x) / x**m
        return np.where(n > 0, sc.expn(np.maximum(n, 1.0), x), below).astype(x.dtype)[()]

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        return None, lambda: -expn(n - 1.0, x)

    def formula(self, n: Value, x: Value) -> Value:
        n = f.floor(n)
        m = 1 - n.op("minimum", 0.0)
        below = lambda: call("gamma", m) * call("gammaincc", m, x) / x.op("pow", m)
        return f.branch(n > 0, lambda: call("expn", n, x), below)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([3.0, 1.0, 0.0, -1.0]), np.array([0.7, 1.5, 0.4, 2.0]), complex_step=False)
        yield Sample(cls(), np.float32(2.0), np.float32(1.5), complex_step=False)

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.expint(n, x)


class Sici(Several):
    """The sine and cosine integrals (DLMF 6.2.9 and 6.2.13)."""

    ufunc, domain, analytic, dtypes = sc.sici, (0.5, 3.0), True, "fdFD"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (sin(x) / x if is_complex(x) else sinc(x * (1 / pi)), cos(x) / x),)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.si(x), m.ci(x))


class Shichi(Several):
    """The hyperbolic sine and cosine integrals (DLMF 6.2.15 and 6.2.16)."""

    ufunc, domain, analytic, dtypes = sc.shichi, (0.5, 3.0), True, "fdFD"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (sinh(x) / x if is_complex(x) else (exprel(x) + exprel(-x)) * 0.5, cosh(x) / x),)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.shi(x), m.chi(x))


class Lambertw(Special):
    """The k-th branch of the W with W exp(W) = z, complex; W' = exp(-W) / (1 + W) (DLMF 4.13.4)."""

    k: int
    ufunc, domain, dtypes = None, (0.5, 3.0), "D"

    def type(self, *operands: Type) -> tuple[Type, ...]:
        if operands[0].dtype.kind != "c":  # type: ignore[union-attr]
            raise ShapeError(four_parts("lambertw needs a complex operand", repr(operands[0]), "Its value is complex."))
        return operands

    def evaluate(self, z: Any) -> Any:
        return np.asarray(sc.lambertw(z, self.k)).astype(z.dtype)[()]

    def partials(self, out: Any, z: Any) -> Sequence[Any]:
        return (lambda: exp(-out) / (1.0 + out),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0), np.array([0.0, 0.5 + 0.1j, -0.2 + 1j]))
        yield Sample(cls(-1), np.array([0.5 + 0.1j, -0.2 + 1j]))

    def exact(self, m: Any, z: Any) -> Any:
        return m.lambertw(z, self.k)


class Wrightomega(Special):
    """The ω with ω + log ω = z; ω' = ω / (1 + ω)."""

    ufunc, domain = sc.wrightomega, (-2.0, 2.0)

    def partials(self, out: Any, z: Any) -> Sequence[Any]:
        return (lambda: out / (1.0 + out),)

    def exact(self, m: Any, z: Any) -> Any:
        return m.lambertw(m.exp(z), m.ceil((m.im(z) - m.pi) / (2 * m.pi)))


expi, exp1, expn, sici, sinc, exprel = Expi(), Exp1(), Expn(), Sici(), Sinc(), Exprel()
