"""The gamma function and its relatives. DLMF chapter 5.

Knows SciPy and the elementary families. Start at `Gamma`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, flat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import real
from wengert.primitives.math import cos, sin
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import BY_ORDER, Special, is_complex, where
from wengert.primitives.special.capi import call


class Gamma(Special):
    """Γ(x), with Γ' = Γ ψ (DLMF 5.2.2)."""

    ufunc, domain = sc.gamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: out * digamma(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.gamma(x)


class Gammaln(Special):
    """log |Γ(x)| for real x."""

    ufunc, domain, analytic, dtypes = sc.gammaln, (0.5, 3.0), False, "fd"

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: digamma(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.gammaln(x)


class Loggamma(Special):
    """The principal branch of log Γ(x)."""

    ufunc, domain = sc.loggamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: digamma(x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.loggamma(x)


class Gammasgn(Special):
    """The sign of Γ(x)."""

    jvp = flat("it is piecewise constant")
    ufunc, domain, dtypes, analytic = sc.gammasgn, (-0.9, -0.1), "fd", False

    def exact(self, m: Any, x: Any) -> Any:
        return m.sign(m.gamma(x))


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

    def exact(self, m: Any, x: Any) -> Any:
        return m.rgamma(x)


class Digamma(Special):
    """ψ(x) = Γ'(x) / Γ(x)."""

    ufunc, domain = sc.digamma, (0.5, 3.0)

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: polygamma(1, x),)

    def exact(self, m: Any, x: Any) -> Any:
        return m.polygamma(0, x)


class Polygamma(Special):
    """The n-th derivative of ψ (DLMF 5.15); SciPy has it for real x only."""

    n: int
    ufunc, domain, wide = sc.polygamma, (0.5, 3.0), True

    def evaluate(self, x: Any) -> Any:
        if np.asarray(x).dtype.kind == "c":
            return _polygamma_complex(self.n, x)
        return np.asarray(sc.polygamma(self.n, x)).astype(x.dtype)[()]

    def partials(self, out: Any, x: Any) -> Sequence[Any]:
        return (lambda: polygamma(self.n + 1, x),)

    def formula(self, x: Value) -> Value:
        return polygamma_formula(self.n, x)

    def complex_formula(self, z: Value) -> Value:
        n = self.n
        factorial = float(sc.factorial(n))
        z, total = f.repeat(
            (z, z.like(0)),
            lambda values: (values[0].real < 20) & (values[0].real > -LARGEST),
            lambda values: (values[0] + 1, values[1] + factorial / values[0] ** (n + 1)),
        )
        total = total + float(sc.factorial(n - 1)) / z**n + factorial / (2 * z ** (n + 1))
        for k, bernoulli in enumerate(BERNOULLI, 1):
            total = total + bernoulli * float(sc.poch(2 * k + 1, n - 1)) / z ** (2 * k + n)
        return -total if n % 2 == 0 else total

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for n in (1, 2):
            yield Sample(cls(n), np.array([0.6, 1.7, 3.2]))
            yield Sample(cls(n), np.array([0.6 + 0.3j, -1.7 + 0.4j, 3.2 - 1j]))
        yield Sample(cls(1), np.float32(1.5))

    def exact(self, m: Any, x: Any) -> Any:
        return m.polygamma(self.n, x)


def _polygamma_complex(n: int, z: Any) -> Any:
    """By recurrence to Re z ≥ 20 (DLMF 5.15.5), then the asymptotic series (DLMF 5.15.8)."""
    dtype = np.asarray(z).dtype
    z = np.array(z, np.complex128)
    total = np.zeros_like(z)
    factorial = float(sc.factorial(n))
    while (small := (z.real < 20) & (z.real > -LARGEST)).any():
        step = np.where(small, z, 1.0)
        total += np.where(small, factorial / step ** (n + 1), 0)
        z = np.where(small, z + 1, z)
    total += sc.factorial(n - 1) / z**n + factorial / (2 * z ** (n + 1))
    for k, bernoulli in enumerate(BERNOULLI, 1):
        total += bernoulli * sc.poch(2 * k + 1, n - 1) / z ** (2 * k + n)
    return ((-1) ** (n + 1) * total).astype(dtype)[()]


LARGEST = 2.0**53  # beyond, z + 1 is z
BERNOULLI = sc.bernoulli(24)[2::2].tolist()  # of even order, from the second


def polygamma_formula(n: int, x: Value) -> Value:
    """The n-th derivative of ψ by the zeta function (DLMF 5.15.1, 25.11.12), as SciPy; ψ itself for n = 0."""
    return (-1) ** (n + 1) * float(sc.factorial(n)) * hurwitz(x.like(n + 1), x) if n else call("psi", x)


def hurwitz(x: Value, q: Value) -> Value:
    """Hurwitz' zeta function, as Cephes: Euler and Maclaurin's summation, of the first nine terms and more up to q + n > 9."""
    edge = x.equals(1) | (q <= 0) & f.floor(q).equals(q)  # a pole
    wrong = (x < 1) | (q <= 0) & ~f.floor(x).equals(x)
    power = lambda a: a.op("pow", -x)
    tail = lambda: (1 / (x - 1) + 1 / (2 * q)) * q.op("pow", 1 - x)  # DLMF 25.11.43
    series = lambda: _euler_maclaurin(x, q, power)
    inside = lambda: f.branch(q > 1e8, tail, series)
    return f.branch(edge | wrong, lambda: f.select(edge & ~((x < 1) & ~x.equals(1)), q.like(f.INFINITY), f.NAN), inside)


def _euler_maclaurin(x: Value, q: Value, power: Callable[[Value], Value]) -> Value:
    eps = 2.0**-53

    def term(values: Sequence[Value]) -> Sequence[Value]:
        s, a, _, count, _ = values
        a = a + 1
        b = power(a)
        s = s + b
        return s, a, b, count + 1, abs(b / s) < eps

    false = q < -f.INFINITY
    more = lambda values: ~values[4] & ((values[3] < 9) | (values[1] <= 9))
    s, w, b, _, done = f.repeat((power(q), q, q.like(0), q.like(0), false), more, term)

    def rest() -> Value:
        total, last, rising, over, k = s + b * w / (x - 1) - 0.5 * b, false, x.like(1), b, 0.0
        for n, bernoulli in enumerate(BERNOULLI, 1):
            rising, over = rising * (x + k), over / w
            t = rising * over / (float(sc.factorial(2 * n)) / bernoulli)
            total = f.select(last, total, total + t)
            last = last | (abs(t / total) < eps)
            rising, over, k = rising * (x + (k + 1)), over / w, k + 2
        return total

    return f.branch(done, lambda: s, rest)


class Poch(Special):
    """The rising factorial Γ(z + m) / Γ(z)."""

    ufunc, domain, analytic, dtypes = sc.poch, ((0.5, 3.0), (0.5, 3.0)), False, "fd"

    def partials(self, out: Any, z: Any, m: Any) -> Sequence[Any]:
        return lambda: out * (digamma(z + m) - digamma(z)), lambda: out * digamma(z + m)

    def exact(self, m: Any, z: Any, n: Any) -> Any:
        return m.div(m.gamma(z + n), m.gamma(z))


class Zeta(Special):
    """Hurwitz' zeta function ζ(x, q); ∂ζ/∂q = -x ζ(x+1, q) (DLMF 25.11.17)."""

    ufunc, domain, analytic, dtypes, wide = sc.zeta, ((1.5, 4.0), (0.5, 3.0)), False, "fd", True
    fixed = {0: BY_ORDER}

    def evaluate(self, x: Any, q: Any) -> Any:
        return sc.zeta(x, q)

    def partials(self, out: Any, x: Any, q: Any) -> Sequence[Any]:
        return None, lambda: -(x * zeta(x + 1.0, q))

    def formula(self, x: Value, q: Value) -> Value:
        return hurwitz(x, q)

    def exact(self, m: Any, x: Any, q: Any) -> Any:
        return m.zeta(x, q)


def polygamma(n: int, x: Any) -> Any:
    """The n-th derivative of ψ; ψ itself for n = 0."""
    return digamma(x) if n == 0 else Polygamma(n)(x)


gamma, gammaln, loggamma, digamma, rgamma, poch, zeta = Gamma(), Gammaln(), Loggamma(), Digamma(), Rgamma(), Poch(), Zeta()
