"""Run a linear function backwards: (residuals, dx -> dy) becomes (residuals, ct of y -> ct of x).

Names no operation but those of a vector space. Start at `transpose`; the walk is `pull`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.config import settings
from wengert.contract import Into, add_any, instantiate, keep, zeros
from wengert.ir.builder import Builder, building
from wengert.ir.values import ROLES, Equation, Function, Var
from wengert.ir.walk import memoized


def transpose(function: Function, linear: Sequence[bool], seeded: Sequence[bool] | None = None) -> Function:
    """(inputs that are not linear, cotangents of the seeded outputs) -> cotangents of the linear inputs.

    Equations that do not depend on the linear inputs are evaluated first, as they are.
    """
    linear = tuple(linear)
    seeded = (True,) * len(function.outputs) if seeded is None else tuple(seeded)

    def make() -> Function:
        builder = Builder()
        linear_inputs = [v for v, on in zip(function.inputs, linear, strict=True) if on]
        others = [v for v, on in zip(function.inputs, linear, strict=True) if not on]
        reached: set[Any] = set(linear_inputs)
        backward: list[Equation] = []
        for equation in function.equations:
            if any([a in reached for a in equation.operands]):
                reached.update(equation.outs)
                backward.append(equation)
            else:
                builder.append(equation)
        seeds = [Var(a.type) if on else None for a, on in zip(function.outputs, seeded, strict=True)]
        with building(builder):
            pairs = [(a, s) for a, s in zip(function.outputs, seeds, strict=True) if s is not None]
            cts = pull(builder, backward, reached, linear_inputs, pairs)
            return builder.build([*others, *[s for s in seeds if s is not None]], cts, f"transpose_{function.name}")

    return memoized(function, ("transpose", linear, seeded, settings().strong_zero), make)  # type: ignore[no-any-return]


def pull(
    builder: Builder, equations: Sequence[Equation], linear: set[Any], inputs: Sequence[Var], seeds: Sequence[tuple[Any, Any]]
) -> list[Any]:
    """Walk linear equations backwards from (variable, cotangent) seeds; the cotangents of `inputs`.

    Beside each cotangent goes a mask of where it can be nonzero, as far as known: a lane that
    a select did not take is kept at exactly zero even where a coefficient is infinite or NaN.
    """
    cts: dict[Any, Any] = {}
    masks: dict[Any, Any] = {}

    def accumulate(variable: Any, ct: Any, mask: Any) -> None:
        if isinstance(ct, Into):
            ct = ct.onto(instantiate(cts.get(variable), variable.type))
        else:
            ct = add_any(cts.get(variable), ct)
        if variable in masks:
            seen = masks[variable]
            mask = None if mask is None or seen is None else seen if mask is seen else ROLES["logical_or"](seen, mask)
        masks[variable] = mask
        cts[variable] = ct

    for variable, ct in seeds:
        if variable in linear and ct is not None:
            accumulate(variable, ct, None)
    for equation in reversed(equations):
        outs = equation.outs
        if len(outs) == 1:
            ct = cts.get(outs[0])
            if ct is None:
                continue
            mask = masks[outs[0]]
            if outs[0] not in inputs:
                del cts[outs[0]]
        else:
            ct = tuple([cts.get(out) for out in outs])
            if not any([c is not None for c in ct]):
                continue
            mask = None
        builder.span = equation.span
        operands = equation.operands
        reached = [a in linear for a in operands]
        parts = equation.operation.transpose(ct, operands, reached)  # type: ignore[attr-defined]
        for i, part in enumerate(parts):
            if part is None or not reached[i]:
                continue
            demanded = equation.operation.demand(mask, i, operands)  # type: ignore[attr-defined]
            if demanded is not None and not isinstance(part, Into) and not all(reached) and mask is not None:
                if any([not on and isinstance(a, Var) for on, a in zip(reached, operands, strict=True)]):
                    part = keep(demanded, part)
            accumulate(operands[i], part, demanded)
    return [zeros(v.type) if cts.get(v) is None else cts[v] for v in inputs]
