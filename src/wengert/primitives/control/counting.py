"""The value of a counted loop on NumPy arrays: one preparation a body, then a Python loop.

The body is prepared so that an iteration costs what it changes, not the size of what it changes:
an increment that is a scatter into zeros becomes a scatter into the accumulator, and carries that
the body updates are the loop's own memory, overwritten in place. Start at `count_through`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.types import StackType
from wengert.ir.values import ROLES, Equation, Function, Literal, Var, literal, zero_literal
from wengert.ir.walk import memoized
from wengert.primitives.control.nesting import SMALL, origin
from wengert.primitives.control.stack import Stack, add_values, zero_value
from wengert.transform.evaluate import prepare, run


def count_through(loop: Any, n: int, consts: list[Any], carries: list[Any], accs: list[Any], xs: list[Any]) -> list[Any]:
    """Carries | accumulators | ys after n iterations of `loop`."""
    plan: BodyPlan = loop.plan()
    body, n_carry, n_acc = plan.body, loop.n_carry, loop.n_acc
    carries = [_copy(s) if own else s for s, own in zip(carries, plan.owned, strict=True)]
    accs = [_copy(a) for a in accs]
    in_body, added = plan.in_body, plan.added
    x_types = [v.type for v in loop.inputs(loop.body.inputs)[3]]
    y_types = [a.type for a in loop.body.outputs[n_carry + n_acc :]]
    arrays = loop.length is not None
    ys = [np.empty((n, *t.shape), t.dtype) if arrays and not isinstance(t, StackType) else Stack([None] * n) for t in y_types]
    for i in range(n - 1, -1, -1) if loop.reverse else range(n):
        items = [_item(x, i, t) for x, t in zip(xs, x_types, strict=True)]
        outs = run(body, [np.int64(i), *consts, *carries, *items, *[accs[k] for k in in_body]])
        carries = outs[:n_carry]
        for k, value in zip(in_body, outs[n_carry + n_acc + len(ys) :], strict=True):
            accs[k] = value
        for k in added:
            accs[k] = _increase(accs[k], outs[n_carry + k])
        for y, value in zip(ys, outs[n_carry + n_acc :], strict=False):
            y[i] = value
    return [*carries, *accs, *ys]


def _copy(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value


def _item(x: Any, i: int, type: Any) -> Any:
    if isinstance(x, Stack) and i >= len(x):
        return zero_value(type)
    return x[i]


def _increase(total: Any, increment: Any) -> Any:
    if isinstance(total, np.ndarray):
        return np.add(total, increment, out=total)
    return add_values(total, increment)


class BodyPlan:
    """A loop's body with the accumulators that it can update itself as further inputs and outputs.

    body: i | consts | carries | xs | those accumulators
       -> carries | increments of the others, zero for those | ys | those accumulators
    """

    def __init__(self, loop: Any) -> None:
        body: Function = loop.body
        n_carry, n_acc = loop.n_carry, loop.n_acc
        producers = {out: e for e in body.equations for out in e.outs}
        uses: dict[Any, int] = {}
        for a in [a for e in body.equations for a in e.operands] + list(body.outputs):
            uses[a] = uses.get(a, 0) + 1
        roots: dict[Any, dict[int, Var]] = {}  # equation -> operand of it -> the accumulator in its place
        self.in_body: list[int] = []
        self.added: list[int] = []
        new_inputs: list[Var] = []
        outs = list(body.outputs)
        for k, a in enumerate(body.outputs[n_carry : n_carry + n_acc]):
            if isinstance(a, Literal) and a.is_value(0):
                continue
            root = _root(a, producers, uses)
            if root is None or root[1] in roots.get(root[0], {}):
                self.added.append(k)
                continue
            accumulator = Var(a.type)
            roots.setdefault(root[0], {})[root[1]] = accumulator
            new_inputs.append(accumulator)
            self.in_body.append(k)
        equations = []
        for e in body.equations:
            if e in roots:
                e = Equation(e.operation, tuple([roots[e].get(place, x) for place, x in enumerate(e.operands)]), e.outs, e.span)
            equations.append(e)
        totals = [outs[n_carry + k] for k in self.in_body]
        for k in range(n_acc):
            if k not in self.added:
                outs[n_carry + k] = literal(np.int8(0))  # never read
        self.owned = [_updated(a, v, body, producers) for a, v in zip(outs, loop.inputs(body.inputs)[2], strict=False)]
        mine = [v for v, own in zip(loop.inputs(body.inputs)[2], self.owned, strict=True) if own]
        self.body = Function([*body.inputs, *new_inputs], equations, [*outs, *totals], body.name)
        prepare(self.body, [*mine, *new_inputs])

    def adding(self, n_carry: int) -> BodyPlan:
        """The same with all arrays added in the body, where what computes an element can add it too: for native code."""
        return memoized(self.body, "adding", lambda: self._adding(n_carry))  # type: ignore[no-any-return]

    def _adding(self, n_carry: int) -> BodyPlan:
        body = self.body
        made = {out: e.span for e in body.equations for out in e.outs}
        moved = [k for k in self.added if body.outputs[n_carry + k] in made and getattr(body.outputs[n_carry + k].type, "size", 0) > SMALL]
        if not moved:
            return self
        outs, totals = list(body.outputs), [Var(body.outputs[n_carry + k].type) for k in moved]
        increments = [outs[n_carry + k] for k in moved]
        sums = [Equation(ROLES["add"], (v, a), (Var(v.type),), made[a]) for v, a in zip(totals, increments, strict=True)]
        for k in moved:
            outs[n_carry + k] = literal(np.int8(0))
        plan = object.__new__(BodyPlan)
        plan.in_body, plan.added, plan.owned = [*self.in_body, *moved], [k for k in self.added if k not in moved], self.owned
        plan.body = Function([*body.inputs, *totals], [*body.equations, *sums], [*outs, *[e.outs[0] for e in sums]], body.name)
        return plan


def summing(loop: Any) -> tuple[Any, list[int]]:
    """The loop with carries that are only ever added to as accumulators, and which these were.

    A sum that the body makes of the carry starts at zero instead: `BodyPlan` starts it at the accumulator again.
    """
    return memoized(loop.body, ("summing", *loop.parameters[1:]), lambda: _summing(loop))  # type: ignore[no-any-return]


def _summing(loop: Any) -> tuple[Any, list[int]]:
    body = _sums_first(loop.body, loop.inputs(loop.body.inputs)[2])
    index, consts, carries, xs = loop.inputs(body.inputs)
    new_s, new_a, ys = loop.results(body.outputs)
    found = []
    started: dict[Equation, Equation] = {}
    for n, v in enumerate(carries):
        if isinstance(v.type, StackType) or new_s[n] is v:
            continue
        if origin(body, n, "adds_to", True) == 1 + len(consts) + n:
            root = next(e for e in body.equations if v in e.operands)
            if root in started or list(body.outputs).count(new_s[n]) > 1:
                continue
            started[root] = Equation(
                root.operation, tuple([zero_literal(v.type) if a is v else a for a in root.operands]), root.outs, root.span
            )
            found.append(n)
    if not found:
        return loop, found
    keep = lambda values: [a for n, a in enumerate(values) if n not in found]
    inner = Function(
        [index, *consts, *keep(carries), *xs],
        [started.get(e, e) for e in body.equations],
        [*keep(new_s), *new_a, *[new_s[n] for n in found], *ys],
        body.name,
    )
    sizes = (loop.n_consts, loop.n_carry - len(found), loop.n_acc + len(found))
    return type(loop)(inner, loop.length, *sizes, *loop.parameters[5:]), found


def _sums_first(body: Function, carries: Sequence[Var]) -> Function:
    """The body with additions written so that what a carry is added to comes second."""
    sums: set[Any] = set(carries)
    equations = []
    for e in body.equations:
        if e.operation is ROLES["add"] and any([a in sums for a in e.operands]):
            sums.update(e.outs)
            if e.operands[0] not in sums:
                e = Equation(e.operation, e.operands[::-1], e.outs, e.span)
        elif e.operands and e.operands[0] in sums and e.operation.adds_to(0) == 0:  # type: ignore[attr-defined]
            sums.update(e.outs)
        equations.append(e)
    return Function(body.inputs, equations, body.outputs, body.name)


def _root(a: Any, producers: dict[Any, Equation], uses: dict[Any, int]) -> tuple[Equation, int] | None:
    """The equation, and its operand, where a sum that starts at zero starts: a + … is then that sum started at a."""
    while isinstance(a, Var) and uses[a] == 1 and a in producers:
        equation = producers[a]
        place = equation.operation.adds_to(equation.outs.index(a))  # type: ignore[attr-defined]
        if place is None:
            return None
        a = equation.operands[place]
        if isinstance(a, Literal) and a.is_value(0):
            return equation, place
    return None


def _updated(a: Any, v: Any, body: Function, producers: dict[Any, Equation]) -> bool:
    """Whether this carry is made by an update, seen by nothing that could keep a view of it."""
    if not isinstance(a, Var) or a not in producers or producers[a].operation.update is None or isinstance(v.type, StackType):  # type: ignore[attr-defined]
        return False
    if list(body.outputs).count(a) != 1:
        return False
    return not any(a in e.operands and e.operation.views for e in body.equations)  # type: ignore[attr-defined]
