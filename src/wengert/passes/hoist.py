"""Out of loops: what depends on constants only is computed before the loop, where it cannot raise instead of the loop.

Knows `Loop`, `While` and `Cond`; what else does not belong in a loop is `regions`' business. Start at `hoist`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wengert.ir.builder import Builder, building, live
from wengert.ir.values import Equation, Function, Literal, Var, has_effect
from wengert.ir.walk import with_functions
from wengert.passes.inline import running
from wengert.passes.regions import settled_cond, settled_loop, settled_while, used_in
from wengert.passes.rewriter import apart_of
from wengert.primitives.control import Cond, Loop, While
from wengert.primitives.index import Slice
from wengert.primitives.shape import Broadcast, Flip, Reshape, Transpose

_FREE = (Reshape, Transpose, Broadcast, Slice, Flip)  # index arithmetic: not worth an array of its own


def hoist(function: Function, finished: Callable[[Function], Function]) -> Function:
    """The Function with loops that do only what each iteration must, and branches that are given each thing once; itself if so already."""
    if not any([type(e.operation) in (Loop, While, Cond) for e in function.equations]):
        return function
    walk = _Walk(finished)
    with building(walk.builder):
        for equation in function.equations:
            walk.visit(equation)
    if not walk.changed:
        return function
    outputs = [walk.replaced.get(a, a) for a in function.outputs]
    new = Function(function.inputs, walk.builder.equations, outputs, function.name)
    if apart_of(function):
        new.memo["apart"] = apart_of(function)
    return new


class _Walk:
    """One walk over a Function that writes it anew."""

    def __init__(self, finished: Callable[[Function], Function]) -> None:
        self.finished = finished
        self.builder = Builder()
        self.replaced: dict[Any, Any] = {}
        self.made: dict[Any, Equation] = {}
        self.done: set[Any] = set()  # what has been computed: operation and operands
        self.changed = False

    def visit(self, equation: Equation) -> None:
        self.builder.span = equation.span
        if self.replaced:
            operands = tuple([self.replaced.get(a, a) for a in equation.operands])
            equation = Equation(equation.operation, operands, equation.outs, equation.span)
        if type(equation.operation) is Cond:
            equation = self.settle(equation) or equation
        elif type(equation.operation) in (Loop, While):
            while True:
                settled = self.settle(equation)
                if settled is None:
                    break
                equation = settled
            if not equation.outs and not has_effect(equation.operation):
                return
            equation = self.lift(equation)
        self.append(equation)

    def append(self, equation: Equation) -> None:
        self.builder.append(equation)
        self.done.add((equation.operation, tuple(equation.operands)))
        for out in equation.outs:
            self.made[out] = equation

    def settle(self, equation: Equation) -> Equation | None:
        if type(equation.operation) is Loop:
            settled = settled_loop(equation, self.made, self.replaced)
        elif type(equation.operation) is While:
            settled = settled_while(equation, self.replaced)
        else:
            settled = settled_cond(equation)
        if settled is None:
            return None
        self.changed = True
        operation, operands, outs = settled
        return Equation(with_functions(operation, self.finished), operands, outs, equation.span)

    # -- invariants ----------------------------------------------------------------------------------

    def lift(self, equation: Equation) -> Equation:
        """The loop without its invariants, which are written before it."""
        operation: Any = equation.operation
        operands = list(equation.operands)
        if type(operation) is Loop:
            start = len(operation.operands(operands)[0])
            sure = operation.length is not None and operation.length > 0
            body, values = self.outside(operation.body, 1, operation.n_consts, operands[start : start + operation.n_consts], sure)
            if values is None:
                return equation
            changed: Any = Loop(body, operation.length, len(values), operation.n_carry, operation.n_acc, operation.reverse)
            return Equation(changed, (*operands[:start], *values, *operands[start + operation.n_consts :]), equation.outs, equation.span)
        cond_consts, consts, carries = operation.operands(operands)
        cond, asked = self.outside(operation.cond, 0, len(cond_consts), cond_consts, True)
        body, values = self.outside(operation.body, 0, len(consts), consts, False)
        if asked is None and values is None:
            return equation
        asked, values = cond_consts if asked is None else asked, consts if values is None else values
        changed = While(cond, body, len(asked), len(values), operation.n_carry, operation.n_push, operation.counted)
        return Equation(changed, (*asked, *values, *carries), equation.outs, equation.span)

    def outside(self, body: Function, first: int, n: int, consts: Sequence[Any], sure: bool) -> tuple[Function, list[Any] | None]:
        """The body and the constants it then takes; the same and None if it has no invariant. Its constants are n inputs from `first`."""
        given = body.inputs[first : first + n]
        env: dict[Any, Any] = dict(zip(given, consts, strict=True))
        lifted = invariants(body, given, sure, lambda e: self.is_done(e, env))
        if not lifted:
            return body, None
        self.changed = True
        for e in lifted:
            outs = tuple([Var(v.type) for v in e.outs])
            self.append(Equation(e.operation, tuple([env.get(a, a) for a in e.operands]), outs, e.span))
            env.update(zip(e.outs, outs, strict=True))
        gone = set(lifted)
        rest = Function(body.inputs, [e for e in body.equations if e not in gone], body.outputs, body.name)
        used = used_in(rest)
        handed = [v for e in lifted for v in e.outs if v in used]
        inputs = [*body.inputs[: first + n], *handed, *body.inputs[first + n :]]
        return Function(inputs, rest.equations, rest.outputs, rest.name), [*consts, *[env[v] for v in handed]]

    def is_done(self, e: Equation, env: dict[Any, Any]) -> bool:
        """Whether an equation of a region computes, for these operands, what is there already."""
        return (e.operation, tuple([env.get(a, a) for a in e.operands])) in self.done


def invariants(body: Function, consts: Iterable[Var], sure: bool, done: Callable[[Equation], bool] = lambda e: False) -> list[Equation]:
    """The equations worth computing once: they depend on constants only. `sure` says that the body runs at least once.

    One that may raise goes only if it would be the first that does, in a body that surely runs, and nothing happens before; or if
    the same has been `done` already, and did not raise.
    """
    fixed: set[Any] = set(consts)
    found: list[Equation] = []
    for equation in body.equations:
        raises, happens = may_raise(equation) and not done(equation), has_effect(equation.operation)
        if not happens and not (raises and not sure) and all([a in fixed or isinstance(a, Literal) for a in equation.operands]):
            fixed.update(equation.outs)
            found.append(equation)
        elif raises or happens:
            sure = False
    worth = [v for e in found if e.operands and not isinstance(e.operation, _FREE) for v in e.outs]
    return live(found, worth) if worth else []


def may_raise(equation: Equation) -> bool:
    """Whether an equation can end in an exception, or not end at all."""
    operation: Any = equation.operation
    if operation.may_raise or type(operation) is While:
        return True
    if not operation.fields:
        return False
    if type(operation) is Cond and equation.operands[0].type.dtype.kind != "b":  # type: ignore[union-attr]
        return True
    return any([_any_raises(f) for f in running(operation)])


def _any_raises(function: Function) -> bool:
    found: bool | None = function.memo.get("may_raise")
    if found is None:
        found = function.memo["may_raise"] = any([may_raise(e) for e in function.equations])
    return found
