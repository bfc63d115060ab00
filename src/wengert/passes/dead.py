"""Dead code: equations that no output needs, and inside control operations the results that nobody reads.

Names no operation. Start at `dead`.
"""

from __future__ import annotations

from typing import Any

from wengert.ir.values import Equation, Function, has_effect
from wengert.passes.rewriter import apart_of


def dead(function: Function) -> Function:
    """The Function without what neither outputs nor effects need; its inputs stay."""
    if function.memo.get("alive"):
        return function
    new = _without_dead(function)
    new.memo["alive"] = True
    return new


def _without_dead(function: Function) -> Function:
    wanted: set[Any] = set(function.outputs)
    kept: list[Equation] = []
    for equation in reversed(function.equations):
        outs = equation.outs
        if wanted.isdisjoint(outs) and not has_effect(equation.operation):
            continue
        if len(outs) > 1 and not wanted.issuperset(outs):
            equation = _smaller(equation, [out in wanted for out in outs])
        wanted.update(equation.operands)
        kept.append(equation)
    kept.reverse()
    equations = tuple(kept)
    if equations == function.equations:
        return function
    new = Function(function.inputs, equations, function.outputs, function.name)
    if apart_of(function):
        new.memo["apart"] = apart_of(function)
    return new


def _smaller(equation: Equation, use: list[bool]) -> Equation:
    """The equation without the results that are not used, if its operation can do without."""
    smaller = equation.operation.prune(use)  # type: ignore[attr-defined]
    if smaller is None:
        return equation
    operation, keep, gives = smaller
    if all(gives):
        return equation
    operands = tuple([a for a, on in zip(equation.operands, keep, strict=True) if on])
    return Equation(operation, operands, tuple([out for out, on in zip(equation.outs, gives, strict=True) if on]), equation.span)
