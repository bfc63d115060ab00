"""Orthogonal polynomials, by their degree and parameters. DLMF chapter 18. The derivative is by the argument.

Knows SciPy and the elementary families. Start at `EvalJacobi`. Each rule gives another polynomial, so it holds at
the ends of the interval and in every order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, zeros
from wengert.ir.values import splat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.primitives.arith import abs_, equal
from wengert.primitives.shape import cast
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import BY_PARAMETER, Ordered, where
from wengert.primitives.special.capi import KINDS, call


def varying(n: Any, partial: Any) -> Any:
    """The partial derivative, 0 for degree 0, where that of DLMF speaks of degree -1."""
    return where(equal(n, zeros(n.type)), 0.0, partial)


class _Polynomial(Ordered, abstract=True):
    """The degree is any real number (DLMF 15.9(i)), as in SciPy; of degree 0 the derivative is 0."""

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(len(cls.name))
        for dtype in ("d", "D") if cls.analytic else ("d",):
            x = rng.uniform(-0.9, 0.9, 4).astype(dtype)
            yield Sample(
                cls(), np.array([0.0, 1.0, 2.0, 5.0]), *rng.uniform(0.3, 1.6, (len(cls.fixed) - 1, 4)), x, complex_step=cls.analytic
            )


class EvalJacobi(_Polynomial):
    """d/dx P(n, α, β) = (n+α+β+1)/2 P(n-1, α+1, β+1) (DLMF 18.9.15)."""

    ufunc, fixed = sc.eval_jacobi, {0: BY_PARAMETER, 1: BY_PARAMETER, 2: BY_PARAMETER}

    def partials(self, out: Any, n: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        return None, None, None, lambda: varying(n, self(n - 1.0, a + 1.0, b + 1.0, x) * cast((n + a + b + 1.0) * 0.5, x.type.dtype))

    def exact(self, m: Any, n: Any, a: Any, b: Any, x: Any) -> Any:
        return m.jacobi(n, a, b, x)


class EvalLegendre(_Polynomial):
    """P(n) = P(n, 0, 0) of Jacobi; P(-n-1) = P(n) (DLMF 14.9.5)."""

    ufunc, fixed = sc.eval_legendre, {0: BY_PARAMETER}

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        one, m = splat(1, n.type), where(n < -0.5, -n - 1.0, n)
        return None, lambda: varying(m, eval_jacobi(m - 1.0, one, one, x) * cast((m + 1.0) * 0.5, x.type.dtype))

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.legendre(n, x)


class EvalGegenbauer(_Polynomial):
    """d/dx C(n, λ) = 2λ C(n-1, λ+1) (DLMF 18.9.19)."""

    ufunc, fixed = sc.eval_gegenbauer, {0: BY_PARAMETER, 1: BY_PARAMETER}

    def partials(self, out: Any, n: Any, a: Any, x: Any) -> Sequence[Any]:
        return None, None, lambda: varying(n, self(n - 1.0, a + 1.0, x) * cast(a * 2.0, x.type.dtype))

    def exact(self, m: Any, n: Any, a: Any, x: Any) -> Any:
        return m.gegenbauer(n, a, x)


class EvalChebyu(_Polynomial):
    """U(n) = C(n, 1) of Gegenbauer; U(-n-2) = -U(n), as sin is odd (DLMF 18.5.2)."""

    ufunc, fixed = sc.eval_chebyu, {0: BY_PARAMETER}

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        def by_x() -> Any:
            reflected = n < -1.0
            m = where(reflected, -n - 2.0, n)
            slope = varying(m, eval_gegenbauer(m - 1.0, splat(2, n.type), x) * 2.0)
            slope = where(equal(m, splat(-1, n.type)), 0.0, slope)
            return where(reflected, -slope, slope)

        return None, by_x

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.chebyu(n, x)


class EvalChebyt(_Polynomial):
    """T'(n) = n U(n-1) (DLMF 18.9.21); T(-n) = T(n)."""

    ufunc, fixed = sc.eval_chebyt, {0: BY_PARAMETER}

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        return None, lambda: varying(n, eval_chebyu(abs_(n) - 1.0, x) * cast(abs_(n), x.type.dtype))

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.chebyt(n, x)


class EvalGenlaguerre(_Polynomial):
    """d/dx L(n, α) = -L(n-1, α+1) (DLMF 18.9.23)."""

    ufunc, fixed = sc.eval_genlaguerre, {0: BY_PARAMETER, 1: BY_PARAMETER}

    def partials(self, out: Any, n: Any, a: Any, x: Any) -> Sequence[Any]:
        return None, None, lambda: varying(n, -self(n - 1.0, a + 1.0, x))

    def exact(self, m: Any, n: Any, a: Any, x: Any) -> Any:
        return m.laguerre(n, a, x)


class EvalLaguerre(_Polynomial):
    """L(n) = L(n, 0)."""

    ufunc, fixed = sc.eval_laguerre, {0: BY_PARAMETER}

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        return None, lambda: varying(n, -eval_genlaguerre(n - 1.0, splat(1, n.type), x))

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.laguerre(n, 0, x)


class _Hermite(_Polynomial, abstract=True):
    """Only of integer degrees: NaN of any other, as SciPy gives for negative ones."""

    fixed = {0: BY_PARAMETER}
    analytic, dtypes, wide = False, "fd", True

    def evaluate(self, n: Any, x: Any) -> Any:
        whole = np.floor(n) == n
        return np.where(whole, self.ufunc(np.where(whole, n, -1).astype(np.int64), x), np.nan).astype(x.dtype)[()]

    def formula(self, n: Value, x: Value) -> Value:
        whole = f.floor(n).equals(n) & (abs(n) < 2.0**31)  # no polynomial of larger degree is ever finished, or finite
        return f.branch(whole, lambda: call(self.ufunc.__name__, n.cast(KINDS["n"]), x), lambda: x.like(f.NAN))


class EvalHermite(_Hermite):
    """H'(n) = 2n H(n-1) (DLMF 18.9.25)."""

    ufunc, calls = sc.eval_hermite, (("eval_hermite", "nd"),)

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        return None, lambda: varying(n, self(n - 1.0, x) * (n * 2.0))

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.where(m.eq(m.floor(n), n), m.hermite(n, x), m.nan)


class EvalHermitenorm(_Hermite):
    """He'(n) = n He(n-1) (DLMF 18.9.27)."""

    ufunc, calls = sc.eval_hermitenorm, (("eval_hermitenorm", "nd"),)

    def partials(self, out: Any, n: Any, x: Any) -> Sequence[Any]:
        return None, lambda: varying(n, self(n - 1.0, x) * n)

    def exact(self, m: Any, n: Any, x: Any) -> Any:
        return m.where(m.eq(m.floor(n), n), m.hermite(n, x / m.sqrt(2)) / m.power(m.number(2), n / 2), m.nan)


eval_jacobi, eval_gegenbauer, eval_chebyu, eval_genlaguerre = EvalJacobi(), EvalGegenbauer(), EvalChebyu(), EvalGenlaguerre()
