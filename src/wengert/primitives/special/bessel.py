"""Bessel functions. DLMF chapter 10.

Knows SciPy and the elementary families. Start at `Jv`. No derivative by the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Sample, add_any, scale
from wengert.ir.types import Type
from wengert.ir.values import splat
from wengert.loops.nest import REAL
from wengert.primitives.arith import imag, real, sign
from wengert.primitives.shape import cast
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import Ordered, Special, is_complex
from wengert.primitives.special.capi import KINDS, c_function, letters


class _Cylinder(Ordered, abstract=True):
    """2 C'ᵥ = Cᵥ₋₁ - Cᵥ₊₁ (DLMF 10.6.1)."""

    def half(self, v: Any, x: Any) -> Any:
        return (self(v - 1.0, x) - self(v + 1.0, x)) * 0.5

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: self.half(v, x)


class Jv(_Cylinder):
    """The Bessel function of the first kind."""

    ufunc = sc.jv

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.besselj(v, x)


class Yv(_Cylinder):
    """The Bessel function of the second kind."""

    ufunc = sc.yv

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.bessely(v, x)


class Hankel1(_Cylinder):
    """J + iY."""

    ufunc, dtypes = sc.hankel1, "FD"

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.hankel1(v, x)


class Hankel2(_Cylinder):
    """J - iY."""

    ufunc, dtypes = sc.hankel2, "FD"

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.hankel2(v, x)


class Hankel1e(_Cylinder):
    """exp(-ix) (J + iY)."""

    ufunc, dtypes = sc.hankel1e, "FD"

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: self.half(v, x) - out * 1j

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(-m.i * x) * m.hankel1(v, x)


class Hankel2e(_Cylinder):
    """exp(ix) (J - iY)."""

    ufunc, dtypes = sc.hankel2e, "FD"

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: self.half(v, x) + out * 1j

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(m.i * x) * m.hankel2(v, x)


class Iv(Ordered):
    """The modified Bessel function of the first kind: 2 I'ᵥ = Iᵥ₋₁ + Iᵥ₊₁ (DLMF 10.29.1)."""

    ufunc = sc.iv

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: (iv(v - 1.0, x) + iv(v + 1.0, x)) * 0.5

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.besseli(v, x)


class Kv(Ordered):
    """The modified Bessel function of the second kind: 2 K'ᵥ = -Kᵥ₋₁ - Kᵥ₊₁ (DLMF 10.29.1)."""

    ufunc = sc.kv

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: (kv(v - 1.0, x) + kv(v + 1.0, x)) * -0.5

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.besselk(v, x)


class Kve(Ordered):
    """exp(x) K."""

    ufunc = sc.kve

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: out - (kve(v - 1.0, x) + kve(v + 1.0, x)) * 0.5

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(x) * m.besselk(v, x)


class _Scaled(Ordered, abstract=True):
    """A function times exp(-|part of x|), which is not holomorphic: the factor is differentiated over the reals."""

    analytic = False
    next: ClassVar[float] = -1.0  # 2 C'ᵥ = Cᵥ₋₁ ∓ Cᵥ₊₁
    part: ClassVar[Any] = imag

    def partials(self, out: Any, v: Any, x: Any) -> Sequence[Any]:
        return None, lambda: (self(v - 1.0, x) + self(v + 1.0, x) * self.next) * 0.5

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        total = super().jvp(primals, outs, tangents)
        x, dx = primals[1], tangents[1]
        if is_complex(x):
            shrink = cast(scale(sign(self.part(x)), self.part(dx)), x.type.dtype)
        elif self.part is real:
            shrink = scale(sign(x), dx)
        else:
            return total
        return add_any(total, -scale(outs, shrink))


class Jve(_Scaled):
    """exp(-|Im x|) J."""

    ufunc = sc.jve

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(-abs(m.im(x))) * m.besselj(v, x)


class Yve(_Scaled):
    """exp(-|Im x|) Y."""

    ufunc = sc.yve

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(-abs(m.im(x))) * m.bessely(v, x)


class Ive(_Scaled):
    """exp(-|Re x|) I."""

    ufunc, next, part = sc.ive, 1.0, real

    def exact(self, m: Any, v: Any, x: Any) -> Any:
        return m.exp(-abs(m.re(x))) * m.besseli(v, x)


# -- the orders 0 and 1 -----------------------------------------------------------------------


class _Real(Special, abstract=True):
    domain, analytic, dtypes = (0.5, 3.0), False, "fd"


def _second(function: Any, x: Any) -> Any:
    """The function of order 2 at x."""
    return function(splat(2, x.type), x)


class J0(_Real):
    ufunc = sc.j0

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -j1(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besselj(0, x)


class J1(_Real):
    ufunc = sc.j1

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (j0(x) - _second(jv, x)) * 0.5,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besselj(1, x)


class Y0(_Real):
    ufunc = sc.y0

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -y1(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.bessely(0, x)


class Y1(_Real):
    ufunc = sc.y1

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (y0(x) - _second(yv, x)) * 0.5,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.bessely(1, x)


class I0(_Real):
    ufunc = sc.i0

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: i1(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besseli(0, x)


class I1(_Real):
    ufunc = sc.i1

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (i0(x) + _second(iv, x)) * 0.5,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besseli(1, x)


class I0e(_Real):
    ufunc = sc.i0e

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: i1e(x) - sign(x) * out,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(-abs(x)) * m.besseli(0, x)


class I1e(_Real):
    ufunc = sc.i1e

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (i0e(x) + _second(ive, x)) * 0.5 - sign(x) * out,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(-abs(x)) * m.besseli(1, x)


class K0(_Real):
    ufunc = sc.k0

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: -k1(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besselk(0, x)


class K1(_Real):
    ufunc = sc.k1

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: (k0(x) + _second(kv, x)) * -0.5,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.besselk(1, x)


class K0e(_Real):
    ufunc = sc.k0e

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out - k1e(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(x) * m.besselk(0, x)


class K1e(_Real):
    ufunc = sc.k1e

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out - (k0e(x) + _second(kve, x)) * 0.5,)

    def exact(self, m: Any, x: Any) -> Any:
        return m.exp(x) * m.besselk(1, x)


# -- spherical Bessel functions of integer order n -------------------------------------------------


class _Spherical(Special, abstract=True):
    """(2n+1) f'ₙ = n fₙ₋₁ ± (n+1) fₙ₊₁ (DLMF 10.51.2 and 10.51.5), which holds at 0 too."""

    n: int
    before: ClassVar[float] = 1.0
    after: ClassVar[float] = -1.0
    odd: ClassVar[bool] = False  # whether the function of order 0 is odd

    def evaluate(self, x: Any) -> Any:
        return np.asarray(self.ufunc(self.n, x)).astype(x.dtype)[()]

    def scalars(self, x: Type) -> bool:
        return all([c_function(self.ufunc.__name__, "n" + letter) is not None for letter in ("d", letters([x]))])

    def scalar(self, k: Any, x: Any) -> Any:
        if x.kind in REAL:
            return k.cast(self.c_value(k, x), x.kind)
        return k.cast(self.reflected(k, k.cast(x, "f8")), x.kind)

    def c_value(self, k: Any, x: Any) -> Any:
        """By SciPy's C function, for x ≥ 0 or complex x."""
        return c_function(self.ufunc.__name__, "n" + letters([x]))(k, [k.const(self.n, KINDS["n"]), x])  # type: ignore[misc]

    def reflected(self, k: Any, x: Any) -> Any:
        """For real x of either sign: f(-x) = ±f(x) (DLMF 10.47.14 and 10.47.15)."""
        value = self.c_value(k, k.op("abs", x))
        if self.odd == (self.n % 2 == 0):
            value = k.op("select", k.op("lt", x, k.like(0, x)), k.op("neg", value), value)
        return value

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        n, family = self.n, type(self)

        def by_x() -> Any:
            total = family(n + 1)(x) * (self.after * (n + 1) / (2 * n + 1))
            return total if n == 0 else total + family(n - 1)(x) * (self.before * n / (2 * n + 1))

        return (by_x,)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (0, 2):
            yield Sample(cls(n), np.array([0.7, 1.9, 3.2]))
            yield Sample(cls(n), np.array([0.7 + 0.2j, 1.9 - 0.5j]))


def _odd_product(n: int) -> int:
    """(2n-1)!! = 1·3·…·(2n-1)."""
    return prod(range(1, 2 * n, 2))


class SphericalJn(_Spherical):
    n: int
    ufunc = staticmethod(sc.spherical_jn)

    def exact(self, m: Any, x: Any) -> Any:
        return x**self.n * m.hyp0f1(self.n + m.number(1.5), -x * x / 4) / _odd_product(self.n + 1)


class SphericalYn(_Spherical):
    n: int
    ufunc, odd = staticmethod(sc.spherical_yn), True

    def exact(self, m: Any, x: Any) -> Any:
        return -_odd_product(self.n) * m.hyp0f1(m.number(0.5) - self.n, -x * x / 4) / x ** (self.n + 1)


class SphericalIn(_Spherical):
    n: int
    ufunc, after = staticmethod(sc.spherical_in), 1.0

    def exact(self, m: Any, x: Any) -> Any:
        return x**self.n * m.hyp0f1(self.n + m.number(1.5), x * x / 4) / _odd_product(self.n + 1)


class SphericalKn(_Spherical):
    n: int
    ufunc, before, after = staticmethod(sc.spherical_kn), -1.0, -1.0

    def scalars(self, x: Type) -> bool:
        return super().scalars(x) and c_function("spherical_kn", "nD") is not None

    def reflected(self, k: Any, x: Any) -> Any:
        below = lambda: self.c_value(k, k.cast(x, "c16")).re
        return k.branch(k.op("lt", x, k.like(0, x)), below, lambda: self.c_value(k, x))

    def exact(self, m: Any, x: Any) -> Any:
        return m.sqrt(m.pi / (2 * x)) * m.besselk(self.n + m.number(0.5), x)


jv, yv, iv, kv, ive, kve = Jv(), Yv(), Iv(), Kv(), Ive(), Kve()
j0, j1, y0, y1, i0, i1, i0e, i1e, k0, k1, k0e, k1e = J0(), J1(), Y0(), Y1(), I0(), I1(), I0e(), I1e(), K0(), K1(), K0e(), K1e()
