"""Hypergeometric functions. DLMF chapters 13, 15 and 16. The derivative is by the argument, not by the parameters.

Knows SciPy and the elementary families. Start at `Hyp2f1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.primitives.shape import cast
from wengert.primitives.special import ufuncs as sc
from wengert.primitives.special.base import BY_PARAMETER, Ordered


class Hyp0f1(Ordered):
    """₀F₁(; b; x), with ₀F₁' = ₀F₁(; b+1; x) / b (DLMF 16.3.1)."""

    ufunc, domain, fixed = sc.hyp0f1, ((0.6, 2.4), (-2.0, 2.0)), {0: BY_PARAMETER}

    def partials(self, out: Any, b: Any, x: Any) -> Sequence[Any]:
        return None, lambda: self(b + 1.0, x) / cast(b, x.type.dtype)

    def exact(self, m: Any, b: Any, x: Any) -> Any:
        return m.hyp0f1(b, x)


class Hyp1f1(Ordered):
    """₁F₁(a; b; x), with ₁F₁' = a/b ₁F₁(a+1; b+1; x) (DLMF 13.3.15)."""

    ufunc, domain, fixed = sc.hyp1f1, ((0.6, 2.4), (0.6, 2.4), (-2.0, 2.0)), {0: BY_PARAMETER, 1: BY_PARAMETER}

    def partials(self, out: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        return None, None, lambda: self(a + 1.0, b + 1.0, x) * cast(a / b, x.type.dtype)

    def exact(self, m: Any, a: Any, b: Any, x: Any) -> Any:
        return m.hyp1f1(a, b, x)


class Hyp2f1(Ordered):
    """₂F₁(a, b; c; x), with ₂F₁' = ab/c ₂F₁(a+1, b+1; c+1; x) (DLMF 15.5.1)."""

    ufunc, domain = sc.hyp2f1, ((0.6, 2.4), (0.6, 2.4), (0.6, 2.4), (-0.8, 0.6))
    fixed = {0: BY_PARAMETER, 1: BY_PARAMETER, 2: BY_PARAMETER}

    def partials(self, out: Any, a: Any, b: Any, c: Any, x: Any) -> Sequence[Any]:
        return None, None, None, lambda: self(a + 1.0, b + 1.0, c + 1.0, x) * cast(a * b / c, x.type.dtype)

    def exact(self, m: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
        return m.hyp2f1(a, b, c, x)


class Hyperu(Ordered):
    """Tricomi's U(a, b, x), with U' = -a U(a+1, b+1, x) (DLMF 13.3.22)."""

    ufunc, domain, dtypes, analytic = sc.hyperu, ((0.6, 2.4), (0.6, 2.4), (0.5, 2.0)), "fd", False
    fixed = {0: BY_PARAMETER, 1: BY_PARAMETER}

    def partials(self, out: Any, a: Any, b: Any, x: Any) -> Sequence[Any]:
        return None, None, lambda: -(a * self(a + 1.0, b + 1.0, x))

    def exact(self, m: Any, a: Any, b: Any, x: Any) -> Any:
        return m.hyperu(a, b, x)


hyp2f1 = Hyp2f1()
