"""What the families of special functions share: their C functions, several results, fixed orders, integrals by quadrature.

Knows NumPy and the elementary families. Start at `Special`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import comb
from typing import Any, ClassVar

import numpy as np

from wengert.contract import Elementwise, Sample, add_any, scale
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.ir.values import splat
from wengert.loops import formula as f
from wengert.loops.formula import Value
from wengert.loops.nest import REAL, Address, Affine
from wengert.primitives.arith import select
from wengert.primitives.shape import array_type_of
from wengert.primitives.special.capi import c_function, letters

BY_ORDER = "There is no closed form of the derivative by the order, and SciPy offers none"
BY_PARAMETER = "There is no closed form of the derivative by this parameter, and SciPy offers none"


class Special(Elementwise, abstract=True):
    """A function of SciPy's. In native code it is SciPy's C function with the ufunc's name, or a formula."""

    formula: ClassVar[Any] = None  # (self, *values) -> value, for real operands; needed where `evaluate` is more than the ufunc
    complex_formula: ClassVar[Any] = None  # the same for complex ones
    calls: ClassVar[tuple[tuple[str, str], ...]] = ()  # C functions that formulas call: their names, and the letters of their operands
    wide: ClassVar[bool] = False  # whether formulas compute in double precision always

    def scalars(self, *types: Type) -> bool:
        kinds = letters(types)
        if (self.complex_formula if "D" in kinds else self.formula) is not None:
            return all([c_function(*c) is not None for c in self.calls])
        return type(self).evaluate is Elementwise.evaluate and c_function(self.ufunc.__name__, kinds) is not None

    def scalar(self, k: Any, *numbers: Any) -> Any:
        kinds, kind = letters(numbers), numbers[-1].kind
        rule = self.complex_formula if "D" in kinds else self.formula
        if rule is None:
            return k.cast(c_function(self.ufunc.__name__, kinds)(k, numbers), kind)  # type: ignore[misc]
        if self.wide:
            numbers = tuple([k.cast(x, "c16" if x.kind in REAL else "f8") for x in numbers])
        return k.cast(rule(*[Value(k, x) for x in numbers]).number, kind)


class Several(Special, abstract=True):
    """Elementwise with several results: `partials` gives, for each operand, one partial a result."""

    count: ClassVar[int] = 2
    scalar = None
    dtypes = "fd"
    analytic = False

    def type(self, *operands: Type) -> tuple[Type, ...]:
        return super().type(*operands) * self.count

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        total: list[Any] = [None] * self.count
        for partials, dx in zip(self.partials(outs, *primals), tangents, strict=True):
            if dx is not None:
                total = [add_any(t, scale(p, dx)) for t, p in zip(total, partials(), strict=True)]
        return tuple(total)

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The C function writes its results one beside the other."""
        function = c_function(self.ufunc.__name__, letters(outs.types[:1]) * len(operands))
        if function is None:
            return NotImplemented
        results = [outs[n] for n in range(self.count)]
        kind = results[0].kind
        wide = "c16" if kind in REAL else "f8"
        slots = [k.scratch((), wide) for _ in results] if kind != wide else None

        def body(index: Sequence[Any]) -> None:
            numbers = [k.read(x, index) for x in operands]
            if slots is None:
                function(k, numbers, [Address(m.buffer, m.position(index)) for m in results])
                return
            function(k, numbers, [m.address() for m in slots])
            for m, slot in zip(results, slots, strict=True):
                k.store(m.buffer, m.position(index), k.cast(k.load(slot.buffer, Affine(0)), kind))

        k.each(results[0].shape, body)
        return None


class Ordered(Special, abstract=True):
    """A function of a real order and of an argument that may be complex. The order has no derivative."""

    fixed = {0: BY_ORDER}
    domain = ((0.6, 2.4), (0.5, 3.0))

    def type(self, *operands: Type) -> tuple[Type, ...]:
        *orders, x = operands
        real = x.with_dtype(np.empty(0, x.dtype).real.dtype)  # type: ignore[union-attr]
        for order in orders:
            if order is not real:
                raise ShapeError(four_parts(f"{self!r} needs real orders beside its argument", ", ".join(map(repr, operands))))
        return (x,)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        *orders, (low, high) = cls.domain
        rng = np.random.default_rng(len(cls.name))
        for code in cls.dtypes:
            for shape in ((), (3,)):
                x = np.asarray(rng.uniform(low, high, shape) + (0.3j if code in "FD" else 0))
                real = np.empty(0, code).real.dtype
                yield Sample(
                    cls(), *[np.asarray(rng.uniform(*o, shape), real)[()] for o in orders], x.astype(code)[()], complex_step=cls.analytic
                )


def is_complex(x: Any) -> bool:
    return bool(array_type_of(x).dtype.kind == "c")


def where(mask: Any, x: Any, y: Any) -> Any:
    """select, of which the branches may be plain numbers."""
    if isinstance(x, (int, float)):
        x = splat(x, y.type)
    if isinstance(y, (int, float)):
        y = splat(y, x.type)
    return select(mask, x, y)


def bell(derivatives: Callable[[int, int], Any], m: int, n: int = 0) -> Any:
    """∂ₐᵐ∂ᵦⁿ exp(g) / exp(g), given g's derivatives: complete Bell polynomials, by Leibniz' recurrence.

    `derivatives(i, j)` is ∂ₐⁱ∂ᵦʲ g, or None where that is zero.
    """
    known: dict[tuple[int, int], Any] = {(0, 0): None}  # None is one, here

    def f(i: int, j: int) -> Any:
        if (i, j) in known:
            return known[i, j]
        # ∂ of exp(g) is g' exp(g): peel one derivative, by a if there is one
        a, b = (1, 0) if i else (0, 1)
        total: Any = None
        for p in range(i - a + 1):
            for q in range(j - b + 1):
                g = derivatives(p + a, q + b)
                if g is None:
                    continue
                rest = f(i - a - p, j - b - q)
                term = g if rest is None else g * rest
                times = comb(i - a, p) * comb(j - b, q)
                term = term if times == 1 else term * float(times)
                total = term if total is None else total + term
        known[i, j] = total
        return total

    return f(m, n)


# Nodes v and weights of ∫₀^∞ f(v) dv for f that decays exponentially: v = exp(s - exp(-s)), the double exponential rule
# of Takahasi & Mori (1974), "Double exponential formulas for numerical integration", Publ. RIMS 9. A singularity of f
# at or just before v = 0 is met by nodes that crowd there.
_S = np.arange(-4.6, 7.0, 1 / 24)
NODES = np.exp(_S - np.exp(-_S))
WEIGHTS = NODES * (1 + np.exp(-_S)) / 24


def half_line(f: Callable[[Any], Any], width: Any) -> Any:
    """∫₀^∞ f(v) dv elementwise, f decaying over a few times `width`; many nodes at once, on a leading axis."""
    axes = (slice(None), *[None] * np.ndim(width))
    chunk = max(1, 1_000_000 // max(1, np.size(width)))
    total = np.zeros(np.shape(width))
    for start in range(0, len(NODES), chunk):
        nodes, weights = NODES[start : start + chunk][axes], WEIGHTS[start : start + chunk][axes]
        total = total + np.sum(weights * f(nodes * width), axis=0)
    return total * width


def half_line_sum(integrand: Callable[[Value], Value], width: Value) -> Value:
    """`half_line` as a loop over the nodes."""
    return f.total(width, lambda v, w: w * integrand(v * width), NODES, WEIGHTS) * width
