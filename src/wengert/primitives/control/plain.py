"""Bodies of loops as derivatives are taken of them: short calls in place, and nothing computed twice.

What is kept of an iteration is chosen among the variables of its body, so they should be seen, and each be one variable.
Start at `plain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.ir.builder import Builder, building
from wengert.ir.values import Equation, Function, Literal, Var, has_effect
from wengert.ir.walk import inline, memoized
from wengert.primitives.control.call import Call
from wengert.transform.linearize import Linearized

SHORT = 200  # equations of a Function that is written where it is called


def plain(function: Function) -> Function:
    """The Function with short calls written out."""
    return memoized(function, "plain", lambda: _written_out(function))  # type: ignore[no-any-return]


def _written_out(function: Function) -> Function:
    if not any([e.operation.functions() for e in function.equations]):
        return function
    builder = Builder()
    env: dict[Any, Any] = {}
    with building(builder):
        for equation in function.equations:
            builder.span = equation.span
            operands = tuple([env.get(a, a) for a in equation.operands])
            operation: Any = equation.operation
            if _is_short(equation):
                outs = inline(plain(operation.function), operands)
                env.update(zip(equation.outs, outs, strict=True))
            else:
                if operation.functions():
                    operation, operands = operation.with_each_once(operands)
                builder.append(Equation(operation, operands, equation.outs, equation.span))
    return builder.build(function.inputs, [env.get(a, a) for a in function.outputs], function.name)


def _is_short(equation: Equation) -> bool:
    operation: Any = equation.operation
    return type(operation) is Call and length(operation.function) <= SHORT


def length(function: Function) -> int:
    """Equations of a Function and of those it holds."""

    def count() -> int:
        return len(function.equations) + sum([length(f) for e in function.equations if e.operation.fields for f in _held(e)])

    return memoized(function, "length", count)  # type: ignore[no-any-return]


def _held(equation: Equation) -> Sequence[Function]:
    return equation.operation.functions()  # type: ignore[attr-defined, no-any-return]


class Merged:
    """The two halves of a linearised Function, where equal equations of the known half are one.

    inputs, equations, outputs: of the known half; residuals, tangent: as `Linearized` has them.
    """

    __slots__ = ("equations", "inputs", "outputs", "residuals", "tangent")

    def __init__(self, split: Linearized, n_out: int) -> None:
        self.inputs = split.primal.inputs
        sub: dict[Any, Any] = {}
        seen: dict[Any, tuple[Var, ...]] = {}
        self.equations: list[Equation] = []
        for e in split.primal.equations:
            e = _with(e, sub)
            if has_effect(e.operation):
                self.equations.append(e)
                continue
            key = (e.operation, *[_key(a) for a in e.operands])
            if key in seen:
                sub.update(zip(e.outs, seen[key], strict=True))
            else:
                seen[key] = e.outs
                self.equations.append(e)
        self.outputs = [sub.get(a, a) for a in split.primal.outputs[:n_out]]
        self.residuals = list(dict.fromkeys([sub.get(r, r) for r in split.residuals]))
        tangent = split.tangent
        inputs = [*self.residuals, *tangent.inputs[len(split.residuals) :]]
        equations = [_with(e, sub) for e in tangent.equations]
        self.tangent = Function(inputs, equations, [sub.get(a, a) for a in tangent.outputs], tangent.name)


def _with(e: Equation, sub: dict[Any, Any]) -> Equation:
    if not any([a in sub for a in e.operands]):
        return e
    return Equation(e.operation, tuple([sub.get(a, a) for a in e.operands]), e.outs, e.span)


def _key(a: Any) -> Any:
    """Equal for operands that are surely the same."""
    return (a.type, a.value.tobytes()) if isinstance(a, Literal) and a.is_splat else a


def merged(split: Linearized, n_out: int) -> Merged:
    """The halves with equal equations merged; `n_out` are the results among the outputs of the known one."""
    return memoized(split.tangent, "merged", lambda: Merged(split, n_out))  # type: ignore[no-any-return]


def once(function: Function, first: int, operands: Sequence[Any]) -> tuple[Function, list[bool]]:
    """The Function whose inputs from `first` on are these operands, each given once, and which are."""
    keep = [not isinstance(a, Var) or a not in operands[:n] for n, a in enumerate(operands)]
    if all(keep):
        return function, keep
    inputs = function.inputs[first : first + len(operands)]
    sub = {v: inputs[list(operands).index(a)] for v, a, on in zip(inputs, operands, keep, strict=True) if not on}
    rest = [v for v in function.inputs if v not in sub]
    return Function(rest, [_with(e, sub) for e in function.equations], [sub.get(a, a) for a in function.outputs], function.name), keep
