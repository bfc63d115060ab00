"""Which operation of a run has a wrong derivative, or a kink: each one checked by itself, at the values it met.

Knows the IR and the transformations; names no operation but calls, which it looks into. Start at `culprit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.check.differences import difference
from wengert.errors import NoRuleError
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.ir.walk import inline
from wengert.primitives.control import Call
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp


class Culprit:
    """An operation whose rule disagrees with differences of its own values, or that is not smooth at them.

    rule: "jvp", "transpose", or None where the operation is not off but has a kink or a jump
    error: relative to the derivative expected
    """

    __slots__ = ("equation", "error", "rule", "smooth")

    def __init__(self, equation: Equation, rule: str | None, error: float, smooth: bool) -> None:
        self.equation, self.rule, self.error, self.smooth = equation, rule, error, smooth

    def __str__(self) -> str:
        where = f" at {self.equation.span}" if self.equation.span is not None else ""
        what = f"{self.equation.operation!r} ({', '.join([repr(a.type) for a in self.equation.operands])}){where}"
        if self.rule is None:
            return f"{what} has a kink or a jump here"
        return f"{what}: its {self.rule} rule is off by {self.error:.1e}" + (
            "" if self.smooth else "; its values have a kink or a jump here"
        )


def culprit(function: Function, arguments: Sequence[Any], rtol: float, rng: np.random.Generator) -> Culprit | None:
    """The operation of `function`, run at these arguments, that is off the most, else the first that is not smooth."""
    function = _without_calls(function)
    env: dict[Any, Any] = dict(zip(function.inputs, arguments, strict=True))
    worst: Culprit | None = None
    for equation in function.equations:
        operands = [a.array() if isinstance(a, Literal) else env[a] for a in equation.operands]
        outs = _run(equation, operands)
        env.update(zip(equation.outs, outs, strict=True))
        found = _check(equation, operands, outs, rtol, rng)
        if found is not None and (worst is None or found.error > worst.error):
            worst = found
    return worst


def _without_calls(function: Function) -> Function:
    """The Function with the bodies of its calls in place of the calls."""
    while any(isinstance(e.operation, Call) for e in function.equations):
        builder = Builder()
        env: dict[Any, Any] = {}
        with building(builder):
            for e in function.equations:
                builder.span = e.span
                operands = tuple([env.get(a, a) for a in e.operands])
                if isinstance(e.operation, Call):
                    env.update(zip(e.outs, inline(e.operation.function, operands), strict=True))
                else:
                    builder.append(Equation(e.operation, operands, e.outs, e.span))
        function = Function(function.inputs, builder.equations, [env.get(a, a) for a in function.outputs], function.name)
    return function


def _run(equation: Equation, operands: Sequence[Any]) -> tuple[Any, ...]:
    with np.errstate(all="ignore"):
        out = equation.operation.evaluate(*operands)  # type: ignore[attr-defined]
    return out if len(equation.outs) != 1 else (out,)


def _check(equation: Equation, operands: Sequence[Any], values: Sequence[Any], rtol: float, rng: np.random.Generator) -> Culprit | None:
    """The equation alone, its operands moved together along a random line."""
    types = [a.type for a in equation.operands]
    results = [i for i, v in enumerate(equation.outs) if isinstance(v.type, ArrayType) and v.type.inexact]
    active = tuple([isinstance(t, ArrayType) and t.inexact and isinstance(a, Var) for t, a in zip(types, equation.operands, strict=True)])
    if not any(active) or not all(isinstance(t, ArrayType) for t in types):
        return None
    directions = [random_direction(x, rng) if on else None for x, on in zip(operands, active, strict=True)]
    if not results:
        return _decides(equation, operands, directions, values)
    inputs = [Var(t) for t in types]
    outs = tuple([Var(v.type) for v in equation.outs])
    alone = Function(
        inputs, [Equation(equation.operation, tuple(inputs), outs, equation.span)], [outs[i] for i in results], equation.operation.name
    )
    single = any(
        np.asarray(x).dtype.itemsize <= 4 * (1 + (np.asarray(x).dtype.kind == "c")) for x, on in zip(operands, active, strict=True) if on
    )

    def curve(t: float) -> list[Any]:
        moved = [x if v is None else _moved(x, v, t) for x, v in zip(operands, directions, strict=True)]
        full = _run(equation, moved)
        return [full[i] for i in results]

    try:
        pushed, mask = jvp(alone, active)
        values = evaluate(pushed, [*operands, *[v for v in directions if v is not None]])
    except NoRuleError:
        return None
    remaining = iter(values[len(results) :])
    tangents = [next(remaining) if on else np.zeros(outs[i].type.shape) for i, on in zip(results, mask, strict=True)]  # type: ignore[union-attr]
    numerical = difference(curve, single=single)
    for expected, got, error in zip(numerical.value, tangents, numerical.error, strict=True):
        off = _off(expected, got, error)
        if off > rtol:
            return Culprit(equation, "jvp", off, numerical.smooth)
    kink = None if numerical.smooth else Culprit(equation, None, 0.0, False)
    seeded = tuple(mask)
    if not any(seeded):
        return kink
    cts = [random_direction(t, rng, unit=True) for t, on in zip(tangents, seeded, strict=True) if on]
    pulled = evaluate(vjp(alone, active, seeded), [*operands, *cts])[len(results) :]
    forward = sum([pairing(ct, t) for ct, t in zip(cts, [t for t, on in zip(tangents, seeded, strict=True) if on], strict=True)])
    backward = sum([pairing(ct, v) for ct, v in zip(pulled, [v for v in directions if v is not None], strict=True)])
    off = _off(np.asarray(forward), np.asarray(backward), np.zeros(()))
    return Culprit(equation, "transpose", off, numerical.smooth) if off > rtol else kink


def _decides(equation: Equation, operands: Sequence[Any], directions: Sequence[Any], values: Sequence[Any]) -> Culprit | None:
    """A comparison, or another operation with integer results, that turns over right here."""
    for t in (1e-9, -1e-9):
        moved = _run(equation, [x if v is None else _moved(x, v, t) for x, v in zip(operands, directions, strict=True)])
        if not all(np.array_equal(a, b) for a, b in zip(moved, values, strict=True)):
            return Culprit(equation, None, 0.0, False)
    return None


def _off(expected: Any, got: Any, error: Any) -> float:
    """Relative disagreement beyond the error of the difference; NaN on both sides agrees."""
    got = np.asarray(got)
    if not expected.size:
        return 0.0
    with np.errstate(all="ignore"):
        gap = np.abs(got - expected)
        scale = np.maximum(np.max(np.abs(np.where(np.isfinite(expected), expected, 0))), 1e-3)
        excess = np.where(np.isfinite(error), np.maximum(gap - 4 * error, 0) / scale, 0.0)
    return float(np.max(np.where(np.isnan(excess), np.inf, excess)))


def random_direction(x: Any, rng: np.random.Generator, unit: bool = False) -> Any:
    """A direction of the shape and dtype of x and, unless `unit`, of about its size."""
    x = np.asarray(x)
    v = rng.uniform(0.3, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape)
    if x.dtype.kind == "c":
        v = v + 1j * rng.uniform(-1.0, 1.0, x.shape)
    finite = np.abs(x)[np.isfinite(x)] if x.size else np.zeros(0)
    largest = 0.0 if unit or not finite.size else float(np.max(finite))
    size = float(np.clip(largest, 1e-3, 1e3)) if largest else 1.0
    return (v * size).astype(x.dtype)[()]


def _moved(x: Any, v: Any, t: float) -> Any:
    x = np.asarray(x)
    return (x + x.dtype.type(t) * v)[()]


def pairing(ct: Any, v: Any) -> float:
    """Re Σ ct·v, without conjugation: what a transposed linear map preserves."""
    return float(np.real(np.sum(np.asarray(ct, np.result_type(ct, np.float64)) * v)))
