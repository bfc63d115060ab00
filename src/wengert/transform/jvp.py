"""Forward mode: (x -> y) becomes (x, dx -> y, dy), for the inputs that are active.

Names no operation. Start at `jvp`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.config import settings
from wengert.contract import Primitive
from wengert.ir.builder import Builder, building
from wengert.ir.values import Atom, Equation, Function, Var
from wengert.ir.walk import memoized

Mask = tuple[bool, ...]


def jvp(function: Function, active: Sequence[bool]) -> tuple[Function, Mask]:
    """(inputs, tangents of the active ones) -> (outputs, tangents of those that depend on them), and which do."""
    active = tuple(active)

    def make() -> tuple[Function, Mask]:
        builder = Builder()
        tangents_in = [Var(v.type) if on else None for v, on in zip(function.inputs, active, strict=True)]
        with building(builder):
            outs, tangents = push(builder, function, tangents_in)
            mask = tuple([t is not None for t in tangents])
            inputs = [*function.inputs, *[t for t in tangents_in if t is not None]]
            return builder.build(inputs, [*outs, *[t for t in tangents if t is not None]], f"jvp_{function.name}"), mask

    return memoized(function, ("jvp", active, settings().strong_zero), make)  # type: ignore[no-any-return]


def push(builder: Builder, function: Function, tangents_in: Sequence[Any], rule: str = "forward") -> tuple[list[Atom], list[Any]]:
    """Replay the function with tangents beside it; outputs and their tangents (None where zero).

    Equations that no tangent reaches are taken over as they are, variables included.
    """
    tangent: dict[Atom, Any] = {v: t for v, t in zip(function.inputs, tangents_in, strict=True) if t is not None}
    sub: dict[Atom, Any] = {}
    plain = getattr(Primitive, rule)
    for equation in function.equations:
        operation, operands = equation.operation, equation.operands
        builder.span = equation.span
        if sub:
            operands = tuple([sub.get(a, a) for a in operands])
            if operands != equation.operands:
                equation = Equation(operation, operands, equation.outs, equation.span)
        touched = [tangent.get(a) for a in equation.operands] if tangent else ()
        if not any([t is not None for t in touched]):
            builder.append(equation)
            continue
        if getattr(type(operation), rule) is plain:
            builder.append(equation)
            outs: Any = equation.outs if len(equation.outs) != 1 else equation.outs[0]
            douts = operation.jvp(operands, outs, touched)  # type: ignore[attr-defined]
        else:
            outs, douts = getattr(operation, rule)(operands, touched)
            for old, new in zip(equation.outs, outs if isinstance(outs, tuple) else (outs,), strict=True):
                sub[old] = new
        if douts is None:
            continue
        new_outs = outs if isinstance(outs, tuple) else (outs,)
        for out, dout in zip(new_outs, douts if isinstance(douts, tuple) else (douts,), strict=True):
            if dout is not None:
                tangent[out] = dout
    outs = [sub.get(a, a) for a in function.outputs]
    return outs, [tangent.get(a) for a in outs]
