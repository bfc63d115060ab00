"""Partial evaluation: split a function by which of its inputs are known. Deep removal of dead results.

Names no operation. Start at `partial`; linearisation is partial evaluation of the jvp with
the primals known, done on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.ir.builder import Builder, building, live
from wengert.ir.values import Atom, Equation, Function, Var, has_effect
from wengert.ir.walk import free_variables, memoized

Mask = tuple[bool, ...]


class Parts:
    """The two parts of a function.

    known:   known inputs -> (known outputs, residuals)
    unknown: (residuals, unknown inputs) -> the other outputs

    `residuals` are the variables handed over. An input that is wanted on the other side is one
    of them: `residual_inputs` gives its position among all inputs, None for the others.
    """

    __slots__ = ("known", "out_known", "residual_inputs", "residuals", "unknown")

    def __init__(
        self, known: Function, unknown: Function, out_known: Mask, residuals: list[Var], residual_inputs: list[int | None]
    ) -> None:
        self.known, self.unknown, self.out_known = known, unknown, out_known
        self.residuals, self.residual_inputs = residuals, residual_inputs


def partial(function: Function, known: Sequence[bool]) -> Parts:
    """Split into what the known inputs determine and what waits for the others; effects happen as soon as they can."""
    known = tuple(known)

    def make() -> Parts:
        now, later = Builder(), Builder()
        unknown: set[Any] = {v for v, on in zip(function.inputs, known, strict=True) if not on}
        sub: dict[Atom, Any] = {}
        for equation in function.equations:
            operands = tuple([sub.get(a, a) for a in equation.operands])
            given = [a not in unknown for a in operands]
            equation = Equation(equation.operation, operands, equation.outs, equation.span)
            if all(given):
                now.append(equation)
                continue
            now.span = later.span = equation.span
            parts = None
            if any(on and isinstance(a, Var) for on, a in zip(given, operands, strict=True)):
                with building(now):
                    parts = equation.operation.partial(given, operands)  # type: ignore[attr-defined]
            if parts is None:
                later.append(equation)
                unknown.update(equation.outs)
                continue
            outs, operation, rest = parts
            sub.update({old: new for old, new in zip(equation.outs, outs, strict=True) if new is not None})
            waiting = tuple([old for old, new in zip(equation.outs, outs, strict=True) if new is None])
            if waiting or has_effect(operation):
                later.append(Equation(operation, tuple(rest), waiting, equation.span))
                unknown.update(waiting)
        outputs = [sub.get(a, a) for a in function.outputs]
        out_known = tuple([a not in unknown for a in outputs])
        unknown_inputs = [v for v, on in zip(function.inputs, known, strict=True) if not on]
        known_inputs = [v for v, on in zip(function.inputs, known, strict=True) if on]
        waits = [a for a, on in zip(outputs, out_known, strict=True) if not on]
        equations = live(later.equations, waits)
        residuals = free_variables(equations, waits, unknown_inputs)
        second = Function([*residuals, *unknown_inputs], equations, waits, f"unknown_{function.name}")
        first = now.build(
            known_inputs, [*[a for a, on in zip(outputs, out_known, strict=True) if on], *residuals], f"known_{function.name}"
        )
        position = {v: i for i, v in enumerate(function.inputs)}
        return Parts(first, second, out_known, residuals, [position.get(r) for r in residuals])

    return memoized(function, ("partial", known), make)  # type: ignore[no-any-return]


def prune(function: Function, needed: Sequence[bool]) -> tuple[Function, Mask]:
    """The Function with only the needed outputs, and effects, inside operations too, and which inputs it still uses."""
    needed = tuple(needed)

    def make() -> tuple[Function, Mask]:
        outputs = [a for a, on in zip(function.outputs, needed, strict=True) if on]
        wanted: set[Any] = set(outputs)
        kept: list[Equation] = []
        for equation in reversed(function.equations):
            use = [out in wanted for out in equation.outs]
            if not any(use) and not has_effect(equation.operation):
                continue
            if not all(use):
                smaller = equation.operation.prune(use)  # type: ignore[attr-defined]
                if smaller is not None:
                    operation, keep, gives = smaller
                    operands = tuple([a for a, on in zip(equation.operands, keep, strict=True) if on])
                    outs = tuple([out for out, on in zip(equation.outs, gives, strict=True) if on])
                    equation = Equation(operation, operands, outs, equation.span)
            wanted.update(equation.operands)
            kept.append(equation)
        kept.reverse()
        used = tuple([v in wanted for v in function.inputs])
        inputs = [v for v, on in zip(function.inputs, used, strict=True) if on]
        return Function(inputs, kept, outputs, function.name), used

    return memoized(function, ("deep_prune", needed), make)  # type: ignore[no-any-return]
