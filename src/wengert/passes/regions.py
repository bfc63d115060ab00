"""Loops without what does not belong in them: constants that are literals, carries and items that never change, results that are constant.

Branches too: an array that is given twice could not be changed in its place.
Knows `Loop`, `While` and `Cond`, the meaning of their operands. Start at `settled_loop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType
from wengert.ir.values import Atom, Equation, Function, Literal, Var, splat
from wengert.primitives.arith import add, mul
from wengert.primitives.control import Cond, Loop, While
from wengert.primitives.shape import Broadcast, broadcast, cast

Settled = tuple[Any, tuple[Any, ...], tuple[Any, ...]]  # operation, operands, results


class Constants:
    """What a region is given from outside: each thing once, literals and the unused not at all."""

    def __init__(self, used: set[Any]) -> None:
        self.used = used
        self.kept: dict[Any, Var] = {}  # operand -> the input that stands for it
        self.sub: dict[Any, Any] = {}  # input -> what replaces it inside
        self.value: dict[Any, Any] = {}  # input -> operand
        self.ahead: list[Equation] = []  # what is computed first inside, in place of inputs

    def add(self, v: Var, operand: Any) -> None:
        self.value[v] = operand
        if v not in self.used:
            return
        if isinstance(operand, Literal) and operand.is_splat:
            self.sub[v] = operand
        elif operand in self.kept:
            self.sub[v] = self.kept[operand]
        else:
            self.kept[operand] = v

    def body(self, function: Function, inputs: Iterable[Var], outputs: Iterable[Atom]) -> Function:
        """The region with these inputs and outputs."""
        sub = self.sub
        equations: Iterable[Equation] = function.equations
        if sub:
            equations = [Equation(e.operation, tuple([sub.get(a, a) for a in e.operands]), e.outs, e.span) for e in equations]
        equations = [*self.ahead, *equations]
        return Function(inputs, equations, [sub.get(a, a) for a in outputs], function.name)


def used_in(function: Function) -> set[Any]:
    """Every variable that the Function reads or returns."""
    used: set[Any] = set(function.outputs)
    for equation in function.equations:
        used.update(equation.operands)
    return used


def settled_loop(equation: Equation, made: Mapping[Any, Equation], replaced: dict[Any, Any]) -> Settled | None:
    """The loop with less; None if nothing changes. Results that need no loop go to `replaced`.

    Emits what a constant result or item is made of into the current builder.
    """
    loop: Any = equation.operation
    body: Function = loop.body
    count, consts, carries, accs, xs = loop.operands(equation.operands)
    index, c, s, x = loop.inputs(body.inputs)
    new_s, new_a, new_y = loop.results(body.outputs)
    rs, ra, ry = loop.results(equation.outs)
    given = Constants(used_in(body))
    for v, a in zip(c, consts, strict=True):
        given.add(v, a)
    kept_s, kept_a, kept_y, kept_x = [], [], [], []
    for v, a, new, out in zip(s, carries, new_s, rs, strict=True):
        if new is v:
            given.add(v, a)
            replaced[out] = a
        else:
            kept_s.append((v, a, new, out))
    for v, a in zip(x, xs, strict=True):
        item = _item(v, a, made) if v in given.used else None
        if item is not None:
            given.add(v, item)
        elif v in given.used and (steps := _steps(a)) is not None:
            builder = Builder()
            with building(builder):
                given.sub[v] = _counted(index, v, *steps)
            given.ahead += builder.equations
        elif v in given.used:
            kept_x.append((v, a))
    for a, new, out in zip(accs, new_a, ra, strict=True):
        if isinstance(new, Literal) and new.is_value(0):  # adding nothing
            replaced[out] = a
        else:
            kept_a.append((a, new, out))
    for new, out in zip(new_y, ry, strict=True):
        value = given.value.get(new) if isinstance(new, Var) else new
        if value is not None and isinstance(out.type, ArrayType) and isinstance(value.type, ArrayType) and _repeats(value):
            shape = out.type.shape
            replaced[out] = broadcast(value, shape, tuple(range(1, len(shape))))
        else:
            kept_y.append((new, out))
    sizes = (len(given.kept), len(kept_s), len(kept_a), len(kept_x), len(kept_y))
    if sizes == (len(c), len(s), len(accs), len(x), len(new_y)) and not given.sub:
        return None
    outputs = [*[new for _, _, new, _ in kept_s], *[new for _, new, _ in kept_a], *[new for new, _ in kept_y]]
    inner = given.body(body, [index, *given.kept.values(), *[v for v, *_ in kept_s], *[v for v, _ in kept_x]], outputs)
    operation = Loop(inner, loop.length, len(given.kept), len(kept_s), len(kept_a), loop.reverse)
    operands = (*count, *given.kept, *[a for _, a, _, _ in kept_s], *[a for a, _, _ in kept_a], *[a for _, a in kept_x])
    return operation, operands, (*[out for *_, out in kept_s], *[out for *_, out in kept_a], *[out for *_, out in kept_y])


def _repeats(value: Any) -> bool:
    return isinstance(value, Var) or value.is_splat


def _steps(a: Any) -> tuple[int, int] | None:
    """(start, step) of a literal of evenly spaced integers, as np.arange makes it."""
    if not isinstance(a, Literal) or a.is_splat or a.type.ndim != 1 or a.type.dtype.kind != "i" or a.type.size < 2:
        return None
    start, step = int(a.value[0]), int(a.value[1]) - int(a.value[0])
    return (start, step) if np.array_equal(a.value, start + step * np.arange(a.type.size)) else None


def _counted(index: Var, v: Var, start: int, step: int) -> Any:
    """start + step * index, in the type of v."""
    out: Any = index if step == 1 else mul(index, splat(step, index.type))
    out = out if start == 0 else add(out, splat(start, index.type))
    return cast(out, v.type.dtype)  # type: ignore[union-attr]


def _item(v: Var, a: Any, made: Mapping[Any, Equation]) -> Any:
    """What a stacked operand holds in every iteration, if that is one thing."""
    if not isinstance(v.type, ArrayType) or not isinstance(a.type, ArrayType):
        return None
    if isinstance(a, Literal):
        return splat(a.value, v.type) if a.is_splat else None
    source = made.get(a)
    if source is None or type(source.operation) is not Broadcast or 0 in source.operation.axes:
        return None
    return broadcast(source.operands[0], v.type.shape, tuple([k - 1 for k in source.operation.axes]))


def settled_while(equation: Equation, replaced: dict[Any, Any]) -> Settled | None:
    """The while with less; None if nothing changes. Results that need no loop go to `replaced`."""
    loop: Any = equation.operation
    n = loop.n_carry
    cond_consts, consts, carries = loop.operands(equation.operands)
    c, s = loop.inputs(loop.body.inputs)
    asks, watched = loop.cond.inputs[: loop.n_cond_consts], loop.cond.inputs[loop.n_cond_consts :]
    inside, outside = Constants(used_in(loop.body)), Constants(used_in(loop.cond))
    for v, a in zip(asks, cond_consts, strict=True):
        outside.add(v, a)
    for v, a in zip(c, consts, strict=True):
        inside.add(v, a)
    kept = []
    for v, w, a, new, out in zip(s, watched, carries, loop.body.outputs, equation.outs, strict=False):
        if new is v:
            inside.add(v, a)
            outside.add(w, a)
            replaced[out] = a
        else:
            kept.append((v, w, a, new, out))
    if (len(outside.kept), len(inside.kept), len(kept)) == (len(asks), len(c), n) and not inside.sub and not outside.sub:
        return None
    pushes = loop.body.outputs[n:]
    cond = outside.body(loop.cond, [*outside.kept.values(), *[w for _, w, *_ in kept]], loop.cond.outputs)
    body = inside.body(loop.body, [*inside.kept.values(), *[v for v, *_ in kept]], [*[new for *_, new, _ in kept], *pushes])
    operation = While(cond, body, len(outside.kept), len(inside.kept), len(kept), loop.n_push, loop.counted)
    outs = (*[out for *_, out in kept], *equation.outs[n:])
    return operation, (*outside.kept, *inside.kept, *[a for _, _, a, _, _ in kept]), outs


def settled_cond(equation: Equation) -> Settled | None:
    """The cond given less; None if nothing changes."""
    cond: Any = equation.operation
    index, *operands = equation.operands
    given = [Constants(used_in(branch)) for branch in cond.branches]
    used = [any([branch.inputs[n] in g.used for branch, g in zip(cond.branches, given, strict=True)]) for n in range(len(operands))]
    kept: dict[Any, int] = {}
    for n, (operand, needed) in enumerate(zip(operands, used, strict=True)):
        if needed and not (isinstance(operand, Literal) and operand.type.size == 1):
            kept.setdefault(operand if isinstance(operand, Var) else n, n)  # arrays of zeros are where sums start, each its own
    places = list(kept.values())
    if places == list(range(len(operands))):
        return None
    branches = []
    for branch, g in zip(cond.branches, given, strict=True):
        for n, (v, operand) in enumerate(zip(branch.inputs, operands, strict=True)):
            place = kept.get(operand if isinstance(operand, Var) else n)
            if place != n:
                g.sub[v] = operand if place is None else branch.inputs[place]
        branches.append(g.body(branch, [branch.inputs[n] for n in places], branch.outputs))
    return Cond(tuple(branches)), (index, *[operands[n] for n in places]), equation.outs
