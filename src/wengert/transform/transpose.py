"""Run a linear function backwards: (residuals, dx -> dy) becomes (residuals, ct of y -> ct of x).

Names no operation but those of a vector space. Start at `transpose`; the walk is `pull`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from wengert.config import settings
from wengert.contract import Into, Sum, add_any, instantiate, keep, zeros
from wengert.ir.builder import Builder, building
from wengert.ir.values import ROLES, Equation, Function, Var
from wengert.ir.walk import memoized


def transpose(
    function: Function, linear: Sequence[bool], seeded: Sequence[bool] | None = None, begun: Sequence[bool] | None = None
) -> Function:
    """(inputs that are not linear, cotangents of the seeded outputs, sums begun) -> cotangents of the linear inputs.

    Equations that do not depend on the linear inputs are evaluated first, as they are. `begun` says to which of the linear
    inputs a sum of cotangents is given that theirs is added to.
    """
    linear = tuple(linear)
    seeded = (True,) * len(function.outputs) if seeded is None else tuple(seeded)
    begun = (False,) * sum(linear) if begun is None else tuple(begun)

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
        sums = [Var(v.type) if on else None for v, on in zip(linear_inputs, begun, strict=True)]
        with building(builder):
            pairs = [
                (a, s) for a, s in (*zip(linear_inputs, sums, strict=True), *zip(function.outputs, seeds, strict=True)) if s is not None
            ]
            cts = pull(builder, backward, reached, linear_inputs, pairs)
            given = [s for s in (*seeds, *sums) if s is not None]
            return builder.build([*others, *given], cts, f"transpose_{function.name}")

    return memoized(function, ("transpose", linear, seeded, begun, settings().strong_zero), make)  # type: ignore[no-any-return]


def transposed(equation: Equation, ct: Any, linear: Sequence[bool], sums: Callable[[], Sequence[Any]]) -> Sequence[Any]:
    """The cotangents of an equation's operands, by its operation's rule; `sums` gives what has been summed of them."""
    operation: Any = equation.operation
    if operation.continues:
        return operation.transpose(ct, equation.operands, linear, sums())  # type: ignore[no-any-return]
    return operation.transpose(ct, equation.operands, linear)  # type: ignore[no-any-return]


def pull(
    builder: Builder,
    equations: Sequence[Equation],
    linear: Collection[Any],
    inputs: Sequence[Var],
    seeds: Sequence[tuple[Any, Any]],
    rule: Callable[..., Sequence[Any]] = transposed,
) -> list[Any]:
    """Walk linear equations backwards from (variable, cotangent) seeds; the cotangents of `inputs`.

    Beside each cotangent goes a mask of where it can be nonzero, as far as known: a lane that
    a select did not take is kept at exactly zero even where a coefficient is infinite or NaN.
    """
    cts: dict[Any, Any] = {}
    masks: dict[Any, Any] = {}

    wanted = set(inputs)

    def accumulate(variable: Any, ct: Any, mask: Any) -> None:
        before = cts.get(variable)
        if isinstance(ct, Sum):
            ct = ct.value
        elif isinstance(ct, Into):
            ct = ct.onto(instantiate(before, variable.type))
        elif before is not None:
            ct = add_any(before, ct)
        if mask is not None and variable in masks:
            seen = masks[variable]
            mask = None if seen is None else seen if mask is seen else ROLES["logical_or"](seen, mask)
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
            if outs[0] not in wanted:
                del cts[outs[0]]
        else:
            ct = tuple([cts.get(out) for out in outs])
            if not any([c is not None for c in ct]):
                continue
            mask = None
        builder.span = equation.span
        operation: Any = equation.operation
        operands = equation.operands
        reached = [a in linear for a in operands]
        parts = rule(equation, ct, reached, lambda operands=operands, reached=reached: _summed(cts, operands, reached))
        for i, part in enumerate(parts):
            if part is None or not reached[i]:
                continue
            if isinstance(part, Sum) and operands[i] in operands[:i]:
                part = part.value  # of a sum that was begun there
            demanded = operation.demand(mask, i, operands)
            if demanded is not None and not isinstance(part, Into) and not all(reached) and mask is not None:
                if any([not on and isinstance(a, Var) for on, a in zip(reached, operands, strict=True)]):
                    part = keep(demanded, part)
            accumulate(operands[i], part, demanded)
    return [zeros(v.type) if cts.get(v) is None else cts[v] for v in inputs]


def _summed(cts: dict[Any, Any], operands: Sequence[Any], linear: Sequence[bool]) -> list[Any]:
    """What has been summed of each operand's cotangent, told for one operand only where it is several."""
    return [cts.get(a) if on and a not in operands[:i] else None for i, (a, on) in enumerate(zip(operands, linear, strict=True))]
