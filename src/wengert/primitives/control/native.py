"""A counted loop as a native one.

Two iterations are written one after the other where the arrays that the first one gives lie elsewhere than those it was given:
the second one starts from there and ends where the first one started, so that nothing is moved. Written with the `k` of `nest`
rules. Start at `NativeLoop.write`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.primitives.control.nesting import Carries, Passing, StackPlace, empty, is_stack, item, put, reserve, settled, slice_of, slot
from wengert.primitives.control.plain import length

SHORT = 64  # equations of a body that is written twice


class NativeLoop:
    """A `Loop` being written for operands in these places."""

    def __init__(self, loop: Any, k: Any, operands: Sequence[Any], outs: Any) -> None:
        self.loop, self.k = loop, k
        self.plan = plan = loop.plan().adding(loop.n_carry)
        count, consts, carries, accs, self.xs = loop.operands(operands)
        self.n_state, self.n_acc = loop.n_carry, loop.n_acc
        n_moving = self.n_state + self.n_acc
        self.item_types = loop.inputs(loop.body.in_types)[3]
        self.y_types = loop.results(loop.body.out_types)[2]
        self.stop = loop.length if loop.length is not None else k.index(k.registers(count[0]).values[0])
        in_memory = loop.indexed(operands)
        given = len(count) + len(consts)
        self.consts = settled(k, consts, [n - len(count) for n in in_memory])
        self.state = Carries(k, [*carries, *accs], outs.types[:n_moving], outs, given, [n - given for n in in_memory])
        self.ys: list[Any] = []
        for n, t in enumerate(outs.types[n_moving:]):
            if is_stack(t):
                stack = empty(k, t.item)
                reserve(k, stack, k.number(self.stop) if loop.length is None else k.const(self.stop, "i8"))
                self.ys.append(stack)
            else:
                self.ys.append(outs[n_moving + n])
        self.passing = Passing(k, plan.body, outs.types[:n_moving])
        self.twice = False  # whether two iterations are written

    def write(self) -> list[Any]:
        """Write the loop; where its results are."""
        k, loop = self.k, self.loop
        if loop.reverse:
            last = self.stop - 1 if loop.length is not None else self.stop + -1
            scalars = k.loop(last, -1, self.body, self.state.inits, step=-1)
        else:
            scalars = k.loop(0, self.stop, self.body, self.state.inits)
        if self.twice:
            k.block[-1].step *= 2
        return [*self.state.places(scalars), *self.ys]

    def body(self, i: Any, scalars: list[Any]) -> list[Any]:
        """What is written inside: one iteration or two."""
        self.passing.begin()
        may_move = self.may_move()
        wanted = self.vacated() if may_move else self.state.memory
        new = self.iteration(i, self.state.places(scalars), wanted, not may_move)
        if may_move and not self.stays(new) and self.apart(new):
            self.twice = True
            scalars = self.second(i, new)
        else:
            scalars = self.state.scalars(new)
        self.passing.end()
        return scalars

    def second(self, i: Any, places: Sequence[Any]) -> list[Any]:
        """The next iteration, from these places, if there is one."""
        k, length = self.k, self.loop.length
        step = -1 if self.loop.reverse else 1

        def more() -> list[Any]:
            given = [p if m is not None else k.registers(p) for p, m in zip(places, self.state.memory, strict=True)]
            return self.state.scalars(self.iteration(i + step, given, self.state.memory))

        if length is not None and length % 2 == 0:
            ((index, _),) = i.terms
            k.bounds[index.id] = (1, length - 1) if self.loop.reverse else (0, length - 2)
            return more()
        stop = k.const(length, "i8") if length is not None else k.number(self.stop)
        there = k.op("ge", k.number(i), k.const(1, "i8")) if self.loop.reverse else k.op("lt", k.number(i + 1), stop)
        return k.branch(there, more, lambda: self.state.scalars(places))  # type: ignore[no-any-return]

    def stays(self, places: Sequence[Any]) -> bool:
        """Whether all arrays are where they were."""
        return all([m is None or type(p) is type(m) and p.coincides(m) for p, m in zip(places, self.state.memory, strict=True)])

    def may_move(self) -> bool:
        """Whether arrays may be somewhere else after an iteration."""
        body, memories = self.plan.body, self.state.memory
        return any([m is not None for m in memories]) and not any([isinstance(m, StackPlace) for m in memories]) and length(body) <= SHORT

    def vacated(self) -> list[Any]:
        """Where the new state should be: where a carry becomes another as it is, that one's new value goes to what is free then."""
        body, memories = self.plan.body, self.state.memory
        before = list(self.loop.inputs(body.inputs[: len(self.loop.body.inputs)])[2])
        becomes: dict[int, int] = {}
        for n, a in enumerate(body.outputs[: self.n_state]):
            if a in before and becomes.setdefault(before.index(a), n) != n:
                return memories
        out = list(memories)
        for n in range(self.n_state):
            at = n
            while at in becomes and n not in becomes.values():
                at = becomes[at]
            out[n] = None if n in becomes.values() else memories[at]
        return out

    def apart(self, places: Sequence[Any]) -> bool:
        """Whether the next iteration may start from these places: each array by itself, whole, and where it lasts that long."""
        memories = self.state.memory
        found = [p for p, m in zip(places, memories, strict=True) if m is not None]
        kind = type(next(m for m in memories if m is not None))
        for n, p in enumerate(found):
            if type(p) is not kind or not p.contiguous or any([p.meets(q) for q in found[:n]]):
                return False
            if not any([m is not None and p.coincides(m) for m in memories]) and (
                p.buffer.space != "arena" or p.offset.terms or p.size < p.buffer.size
            ):
                return False
        return True

    def iteration(self, i: Any, places: Sequence[Any], wanted: Sequence[Any], settle: bool = True) -> list[Any]:
        """One iteration from a state in these places; where the new one is."""
        k, plan, n_state, n_acc = self.k, self.plan, self.n_state, self.n_acc
        items = [
            item(k, x, k.number(i)) if isinstance(x, StackPlace) else slice_of(k, x, i, t)
            for x, t in zip(self.xs, self.item_types, strict=True)
        ]
        totals = [places[n_state + a] for a in plan.in_body]
        targets = [slot(k, y, k.number(i)) if isinstance(y, StackPlace) else y.part(i) for y in self.ys]
        owned = self.state.owned
        inputs = [k.in_registers([k.number(i)], ()), *self.consts, *places[:n_state], *items, *totals]
        first = 1 + len(self.consts)
        mine = [first + n for n in range(n_state) if owned[n]]
        mine += [len(inputs) - len(totals) + n for n, a in enumerate(plan.in_body) if owned[n_state + a]]
        states = [m if own else None for m, own in zip(wanted[:n_state], owned, strict=False)]
        begun = [total if owned[n_state + a] else None for a, total in zip(plan.in_body, totals, strict=True)]
        into = [*states, *[None] * n_acc, *[None if isinstance(t, StackPlace) else t for t in targets], *begun]
        results = k.function(plan.body, inputs, into, owned=mine, settle=settle)
        new = [*results[:n_state], *places[n_state:]]
        for a, total in zip(plan.in_body, results[n_state + n_acc + len(self.ys) :], strict=True):
            new[n_state + a] = total
        for a in plan.added:
            new[n_state + a] = k.sum_of(new[n_state + a], results[n_state + a])
        for target, y, t in zip(targets, results[n_state + n_acc :], self.y_types, strict=False):
            if is_stack(t) or y is not target:
                put(k, target, y)
        return new
