"""Airy, Struve and Kelvin functions: Bessel's differential equation in other coordinates. DLMF chapters 9, 10 and 11.

Knows SciPy and the elementary families. Start at `Airy`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Any, ClassVar

from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.primitives.math import power, sqrt
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Ordered, Several, Special, where
from wengert.primitives.special.gamma import rgamma


class Airy(Several):
    """Ai, Ai', Bi, Bi', which satisfy w'' = x w (DLMF 9.2.1)."""

    ufunc, domain, analytic, dtypes, count = sc.airy, (-2.0, 2.0), True, "fdFD", 4

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        a, da, b, db = out
        return (lambda: (da, x * a, db, x * b),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.airyai(x), m.airyai_prime(x), m.airybi(x), m.airybi_prime(x)


class Airye(Several):
    """Ai and Ai' times exp(ζ), Bi and Bi' times exp(-Re ζ), ζ = 2/3 x**1.5. For x < 0 the first two are NaN, Re ζ = 0."""

    ufunc, domain, count = sc.airye, (0.5, 3.0), 4

    def type(self, *operands: Type) -> tuple[Type, ...]:
        if operands[0].dtype.kind == "c":  # type: ignore[union-attr]
            raise ShapeError(
                four_parts("airye of complex numbers has no rule", repr(operands[0]), "It is not analytic.", "scipy.special.airy")
            )
        return super().type(*operands)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        a, da, b, db = out

        def by_x() -> Any:
            below = x < 0.0
            r = sqrt(where(below, 0.0, x))
            return da + r * a, x * a + r * da, db - r * b, x * b - r * db

        return (by_x,)

    def exact(self, m: Any, x: Any) -> Any:
        root = 2 * x * m.sqrt(x) / 3
        up, down = m.exp(root), m.exp(-m.re(root))
        return up * m.airyai(x), up * m.airyai_prime(x), down * m.airybi(x), down * m.airybi_prime(x)


class _Struve(Ordered, abstract=True):
    """2 H'ᵥ = Hᵥ₋₁ ∓ Hᵥ₊₁ + (x/2)ᵛ / (√π Γ(v + 3/2)) (DLMF 11.4.25 and 11.4.29)."""

    dtypes, analytic = "fd", False
    next: ClassVar[float] = -1.0

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        def by_x() -> Any:
            rest = power(x * 0.5, v) * rgamma(v + 1.5) * pi**-0.5
            return (self(v - 1.0, x) + self(v + 1.0, x) * self.next + rest) * 0.5

        return None, by_x


class Struve(_Struve):
    """Struve's function H."""

    ufunc = sc.struve

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.struveh(v, x)


class Modstruve(_Struve):
    """The modified Struve function L."""

    ufunc, next = sc.modstruve, 1.0

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.struvel(v, x)


class _Kelvin(Special, abstract=True):
    domain, analytic, dtypes = (0.5, 3.0), False, "fd"


class Ber(_Kelvin):
    """ber + i bei = J₀(x exp(3πi/4)) (DLMF 10.61.1); ber'' = -bei - ber'/x, bei'' = ber - bei'/x, and so for ker and kei."""

    ufunc = sc.ber

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: berp(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.ber(0, x)


class Bei(_Kelvin):
    ufunc = sc.bei

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: beip(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.bei(0, x)


class Berp(_Kelvin):
    ufunc = sc.berp

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -bei(x) - out / x,)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.ber(1, x) + m.bei(1, x)) / m.sqrt(2)  # DLMF 10.63.1


class Beip(_Kelvin):
    ufunc = sc.beip

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: ber(x) - out / x,)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.bei(1, x) - m.ber(1, x)) / m.sqrt(2)  # DLMF 10.63.1


class Ker(_Kelvin):
    ufunc = sc.ker

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: kerp(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.ker(0, x)


class Kei(_Kelvin):
    ufunc = sc.kei

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: keip(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.kei(0, x)


class Kerp(_Kelvin):
    ufunc = sc.kerp

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -kei(x) - out / x,)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.ker(1, x) + m.kei(1, x)) / m.sqrt(2)  # DLMF 10.63.1


class Keip(_Kelvin):
    ufunc = sc.keip

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: ker(x) - out / x,)

    def exact(self, m: Any, x: Any) -> Any:
        return (m.kei(1, x) - m.ker(1, x)) / m.sqrt(2)  # DLMF 10.63.1


airy = Airy()
ber, bei, berp, beip, ker, kei, kerp, keip = Ber(), Bei(), Berp(), Beip(), Ker(), Kei(), Kerp(), Keip()
