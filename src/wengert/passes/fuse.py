"""Loops that become one: iterations that depend on no other are done forward and straight back.

A loop and a later one without carries, of as many iterations, which reads of it only what its own iteration made, run as one; what
they both compute is computed once, and what the first one kept for the second is not kept. So a sum over iterations and its gradient
need no tape, loops inside of it included. Knows `Loop`. Start at `fuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.ir.values import Equation, Function, Literal, Var, has_effect
from wengert.passes.rewriter import apart_of
from wengert.primitives.control import Loop


def fuse(function: Function, finished: Callable[[Function], Function]) -> Function:
    """The Function with pairs of such loops as one; itself if there are none. `finished` gives the optimised form of a body."""
    new = function
    while (found := _step(new, finished)) is not None:
        new = found
    if new is not function and apart_of(function):
        new.memo["apart"] = apart_of(function)
    return new


def _step(function: Function, finished: Callable[[Function], Function]) -> Function | None:
    """The Function with one pair of loops fused; None if there is none."""
    equations = list(function.equations)
    loops = [n for n, e in enumerate(equations) if type(e.operation) is Loop and not has_effect(e.operation)]
    for k, b in enumerate(loops):
        for a in reversed(loops[:k]):
            ahead = _between(equations, a, b) if _may_follow(equations[b], equations[a]) else None
            if ahead is not None:
                rest = [e for e in equations[a + 1 : b] if e not in ahead]
                first, second = equations[a], equations[b]
                moved = [e for e in equations[a + 1 : b] if e in ahead]
                order = [*equations[:a], *moved, _fused(first, second, finished), *rest, *equations[b + 1 :]]
                return Function(function.inputs, order, function.outputs, function.name)
    return None


def _may_follow(second: Equation, first: Equation) -> bool:
    """Whether iterations of the second loop depend on no other, and would not be better off in a loop of their own.

    What is carried through the first one keeps its iterations apart, where elements of the second might be computed several at a time.
    """
    loop: Any = second.operation
    if loop.n_carry:
        return False
    return first.operation.n_carry == 0 or any([e.operation.functions() or e.operation.target for e in loop.body.equations])  # type: ignore[attr-defined]


def _between(equations: Sequence[Equation], a: int, b: int) -> set[Equation] | None:
    """What has to come before the two loops, if they may become one where the first one is."""
    first, second = equations[a], equations[b]
    x: Any = first.operation
    y: Any = second.operation
    count, consts, _, accs, xs = y.operands(second.operands)
    if x.length != y.length or x.operands(first.operands)[0] != count:
        return None
    ys = set(x.results(first.outs)[2])
    if ys.isdisjoint(xs) and (x.n_carry or set(_arrays(first)).isdisjoint(_arrays(second))):
        return None
    makers = {out: e for e in equations[a : b + 1] for out in e.outs}
    needed: set[Equation] = set()
    stack = [v for v in (*count, *consts, *accs, *xs) if v not in ys]
    while stack:
        e = makers.get(stack.pop())
        if e is first:
            return None
        if e is not None and e not in needed:
            operation: Any = e.operation
            reads_at_index = operation.moves or operation.target is not None  # which of several wrong ones an error names is open
            if has_effect(operation) or operation.may_raise and not reads_at_index:
                return None
            needed.add(e)
            stack += e.operands
    return needed


def _arrays(e: Equation) -> list[Any]:
    """What a loop is given that is more than a number."""
    return [a for a in e.operands if isinstance(a, Var) and getattr(a.type, "size", 2) > 1]


class _Body:
    """A body being written: what it is given, each thing once, and equations, each once."""

    def __init__(self) -> None:
        self.given: tuple[dict[Any, Var], dict[Any, Var]] = ({}, {})  # constants, items: operand -> input
        self.carries: list[Var] = []
        self.equations: list[Equation] = []
        self.seen: dict[Any, tuple[Any, ...]] = {}

    def take(self, loop: Any, e: Equation, index: Var, made: dict[Any, Any]) -> list[Any]:
        """Write a loop's body; its outputs. `made` are items that are not given but computed here."""
        _, consts, _, _, xs = loop.operands(e.operands)
        i, c, carries, x = loop.inputs(loop.body.inputs)
        env: dict[Any, Any] = {i: index, **{v: Var(v.type) for v in carries}}
        self.carries += [env[v] for v in carries]
        for kind, variables, operands in ((0, c, consts), (1, x, xs)):
            for v, a in zip(variables, operands, strict=True):
                if kind and a in made:
                    env[v] = made[a]
                elif isinstance(a, Literal) and not kind:
                    env[v] = a
                else:
                    env[v] = self.given[kind].setdefault(a, Var(v.type))
        for inner in loop.body.equations:
            operands = tuple([env.get(a, a) for a in inner.operands])
            key = (inner.operation, operands)
            outs = self.seen.get(key)
            if outs is None:
                outs = self.seen[key] = tuple([Var(v.type) for v in inner.outs])
                self.equations.append(Equation(inner.operation, operands, outs, inner.span))
            env.update(zip(inner.outs, outs, strict=True))
        return [env.get(a, a) for a in loop.body.outputs]


def _fused(first: Equation, second: Equation, finished: Callable[[Function], Function]) -> Equation:
    x: Any = first.operation
    y: Any = second.operation
    count, _, x_carries, x_accs, _ = x.operands(first.operands)
    y_accs = y.operands(second.operands)[3]
    body, index = _Body(), Var(x.body.inputs[0].type)
    x_next, x_adds, x_ys = x.results(body.take(x, first, index, {}))
    _, y_adds, y_ys = y.results(body.take(y, second, index, dict(zip(x.results(first.outs)[2], x_ys, strict=True))))
    consts, items = body.given
    inputs = [index, *consts.values(), *body.carries, *items.values()]
    inner = Function(inputs, body.equations, [*x_next, *x_adds, *y_adds, *x_ys, *y_ys], y.body.name)
    loop = Loop(finished(inner), x.length, len(consts), x.n_carry, len(x_accs) + len(y_accs), x.reverse)
    (xc, xa, xy), (_, ya, yy) = x.results(first.outs), y.results(second.outs)
    return Equation(loop, (*count, *consts, *x_carries, *x_accs, *y_accs, *items), (*xc, *xa, *ya, *xy, *yy), second.span)
