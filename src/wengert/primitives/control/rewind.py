"""Reverse sweeps that take the state of a loop back with them: arrays that the loop overwrites in places are put back, not kept.

A loop that changes elements of an array keeps what it overwrites, one number a write. Its reverse starts from the array as it
is in the end, puts an iteration's elements back, and finds there whatever that iteration read. Loops within loops hand the
array on, so that all of this happens in one piece of memory. Start at `choose`, then `Plan`.

Store-on-kill, or "to be recorded": Hascoët, Naumann & Pascual, Future Generation Computer Systems 21 (2005) 1401.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.contract import Primitive, instantiate
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType, Type
from wengert.ir.values import Equation, Function, Var
from wengert.primitives.control.assigned import Alone, alone
from wengert.primitives.control.call import is_zero, several, unique
from wengert.primitives.control.nesting import SMALL
from wengert.primitives.control.recompute import PUT_BACK, storage
from wengert.primitives.control.residuals import Residuals, cheapest, counters, invariants
from wengert.primitives.control.rewinding import Rewinding
from wengert.transform.transpose import pull, transposed


class Chain:
    """How a body makes a carry's new value of its old one: variables[k + 1] is variables[k] after steps[k]."""

    __slots__ = ("olds", "steps", "variables")

    def __init__(self, variables: list[Var], steps: list[Equation]) -> None:
        self.variables, self.steps = variables, steps
        self.olds: list[Any] = [None] * len(steps)  # of updates: what they overwrite


class Plan:
    """What an iteration keeps, and what its reverse does, where some carries are taken back.

    Made of the halves of a linearised body. `chains` are of those carries; `equations` is the known half, which also reads what is
    overwritten; `again` and `needed` are what is computed again, and from what besides the states `known`; `cost` compares with
    other ways.
    """

    def __init__(
        self,
        equations: Sequence[Equation],
        residuals: Sequence[Var],
        tangent: Function,
        carries: Sequence[tuple[Any, Any]],
        free: set[Any],
        growing: bool,
        passing: bool = False,
    ) -> None:
        """`passing`: an array that is passed on as it is counts as a state too."""
        self.tangent, self.original = tangent, list(equations)
        self.alone: Alone | None = None
        self.inner = {v: e for e in tangent.equations if type(e.operation) is Rewinding for v in _states(e)}
        makers = {out: e for e in equations for out in e.outs}
        self.chains: list[Chain] = []
        self.places: list[int] = []
        taken: set[Any] = set()
        for n, (old, new) in enumerate(carries):
            chain = _chain(old, new, makers, self.inner, passing)
            if chain is not None and taken.isdisjoint(chain.variables):
                taken.update(chain.variables)
                self.chains.append(chain)
                self.places.append(n)
        if self.chains or passing:
            self._choose(residuals, free, growing)

    # -- what to keep ---------------------------------------------------------------------------------

    def _choose(self, residuals: Sequence[Var], free: set[Any], growing: bool) -> None:
        self.position = {v: (c, k) for c, chain in enumerate(self.chains) for k, v in enumerate(chain.variables)}
        self.equations, kept_olds = self._with_olds()
        rereading = self._rereading()
        lowest = self._lowest(rereading)
        early = self._early(residuals, lowest)
        chained = set(self.position)
        steps = [e for chain in self.chains for e in chain.steps]
        wanted = [a for e in steps if not _holds(e.operation) for a in e.operands[1:-1] if isinstance(a, Var) and a not in free]
        held = [a for v, e in self.inner.items() if v in chained for a in (*_given(e), *_states(e)) if isinstance(a, Var)]
        first = unique(
            [*wanted, *[v for v in early if v not in chained], *[a for a in held if _reads_state(a, lowest) and a not in chained]]
        )
        kept, before, cost = cheapest(self._reading_no_state(), first, free, growing)
        known = {*free, *kept, *chained, *kept_olds, *[out for e in before for out in e.outs]}
        rest = [r for r in residuals if r not in known]
        _, after, more = cheapest([rereading.get(out, e) for e in self.original for out in e.outs[:1]], rest, known, growing)
        after = [_renamed(e, chained) for e in after]
        self.before, self.after = before, after
        self.again = [*before, *after]
        self.first, self.olds = first, kept_olds
        self.needed = unique([*[r for r in (*first, *residuals) if r not in chained], *kept_olds])
        self.known = chained
        self.cost = cost + more + sum([storage(v.type, growing) + PUT_BACK * v.type.size for v in kept_olds])  # type: ignore[union-attr]

    def read_nothing(self, residuals: Sequence[Var], free: set[Any], growing: bool) -> None:
        """Keep or compute what is needed as if there were no states; they are put back for loops around this one."""
        wanted = unique([*self.first, *residuals])
        self.before, self.after = cheapest(self._reading_no_state(), wanted, free, growing)[1], []
        self.again = self.before
        self.needed = unique([*wanted, *self.olds])

    def _reading_no_state(self) -> list[Equation]:
        """What can be computed again before any state is back."""
        return [e for e in self.original if not any([a in self.position for a in e.operands])]

    def _with_olds(self) -> tuple[list[Equation], list[Var]]:
        """The known half with a read of what each update of a chain overwrites before it."""
        reading: dict[Equation, list[Equation]] = {}
        olds: list[Var] = []
        for chain in self.chains:
            for k, step in enumerate(chain.steps):
                if not _holds(step.operation):
                    reads, old = _emitted(lambda step=step: step.operation.overwritten(step.operands[0], step.operands[1:]))
                    same = next((e for e in self.original if len(reads) == 1 and _same(e, reads[0])), None)
                    if same is not None and self.original.index(same) < self.original.index(step):
                        old = same.outs[0]
                    else:
                        reading[step] = reads
                    chain.olds[k] = old
                    olds.append(old)
        return [e for step in self.original for e in (*reading.get(step, ()), step)], unique(olds)

    def _rereading(self) -> dict[Any, Equation]:
        """Written value -> the equation that reads it back from the array after the update."""
        found: dict[Any, Equation] = {}
        for chain in self.chains:
            for k, step in enumerate(chain.steps):
                value = step.operands[-1]
                if not _holds(step.operation) and step.operation.readable(step.operands[1:]) and isinstance(value, Var):  # type: ignore[attr-defined]
                    after = chain.variables[k + 1]
                    reads, old = _emitted(lambda step=step, after=after: step.operation.overwritten(after, step.operands[1:]))
                    if len(reads) == 1 and value not in found and value not in self.position:
                        found[value] = Equation(reads[0].operation, reads[0].operands, (value,), step.span)
        made_alone = {e.outs[0] for e in self.original if len(e.outs) == 1}
        return {v: e for v, e in found.items() if v in made_alone}

    def _lowest(self, rereading: dict[Any, Equation]) -> dict[Any, dict[int, int]]:
        """Variable -> chain -> the earliest state from which it is computed."""
        lowest: dict[Any, dict[int, int]] = {v: {c: k} for v, (c, k) in self.position.items()}
        for e in self.original:
            for out in e.outs:
                if out in self.position:
                    continue
                found: dict[int, int] = {}
                for a in rereading.get(out, e).operands:
                    for c, k in lowest.get(a, {}).items():
                        found[c] = min(k, found.get(c, k))
                lowest[out] = found
        self.lowest = lowest
        return lowest

    def _early(self, residuals: Sequence[Var], lowest: dict[Any, dict[int, int]]) -> list[Var]:
        """Residuals that are used, on the way back, before the state is back where they can be computed."""
        floor: dict[int, int] = {}
        found: list[Var] = []
        for e in self.tangent.equations:
            for a in e.operands:
                if any([k < floor.get(c, 0) for c, k in lowest.get(a, {}).items()]):
                    found.append(a)  # type: ignore[arg-type]
            if type(e.operation) is Rewinding:
                for v in _states(e):
                    if v in self.position:
                        c, k = self.position[v]
                        floor[c] = max(k, floor.get(c, 0))
        found += [a for a in self.tangent.outputs if any([k < floor.get(c, 0) for c, k in lowest.get(a, {}).items()])]  # type: ignore[misc]
        return [a for a in unique(found) if a in set(residuals)]

    # -- the way back -----------------------------------------------------------------------------------

    @property
    def states(self) -> list[Var]:
        """The carries as they are after the iteration."""
        return [chain.variables[-1] for chain in self.chains]

    def reverse(self, builder: Builder, linear_inputs: Sequence[Var], seeds: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
        """Emit the way back through an iteration: the states before it, and the cotangents of the linear inputs."""
        return _Reverse(self, builder).run(linear_inputs, seeds)


def choose(
    split: Any,
    carries: Sequence[tuple[Any, Any]],
    consts: Sequence[Var],
    xs: Sequence[Var],
    ys: Sequence[Any],
    index: Var,
    length: int | None,
    forward: bool = True,
) -> tuple[Residuals, Plan | None, list[int]]:
    """The cheaper way for a loop whose body is linearised: to keep what is read, or (with a plan) what is overwritten.

    Also which carries are constants after all, or counted by the index: where they start comes after the constants.
    An iteration that depends on no other can be done again from what the loop was given, and is: in the same pass as the
    way back, where the cotangents are known before; `passes.fuse` sees to that.
    """
    growing = length is None
    starts, counting = counters(carries, split.equations, index) if forward else ({}, [])
    given = [v if v is new else starts.get(v) for v, new in carries]
    places = [n for n, v in enumerate(given) if v is not None]
    fixed = [*consts, *[given[n] for n in places]]
    equations = [*counting, *split.equations]
    free = {*invariants(equations, fixed)[1], *xs, *[y for y in ys if isinstance(y, Var)], index}
    plan = Plan(equations, split.residuals, split.tangent, carries, free, growing)
    _, again, cost = cheapest(equations, split.residuals, free, growing, len(places) == len(carries))
    if plan.chains:
        plan.alone = alone(plan.chains, min(cost, plan.cost), equations, split.residuals, free, (fixed, xs, ys, index, length, forward))
        if plan.cost >= cost and plan.known.isdisjoint(split.residuals):
            plan.read_nothing(split.residuals, free, growing)
        choice = (plan.again, plan.known)
        plan.equations = [e for e in plan.equations if e not in counting]
        return Residuals(plan.equations, plan.needed, fixed, xs, ys, index, growing, choice), plan, places
    return Residuals(equations, split.residuals, fixed, xs, ys, index, growing, (again, set())), None, places


def pushed(kept: Residuals, plan: Plan | None) -> list[Var]:
    """What the known loop has to stack, for whichever way back is taken."""
    return unique([*kept.pushed, *(plan.alone.kept.pushed if plan is not None and plan.alone is not None else ())])


class _Reverse:
    """One emission of a way back. Variables keep the names they have in the known half."""

    def __init__(self, plan: Plan, builder: Builder) -> None:
        self.plan, self.builder = plan, builder
        self.at = [len(chain.steps) for chain in plan.chains]
        self.waiting = list(plan.after)
        missing = {out for e in plan.after for out in e.outs}
        self.missing = missing | {v for v in plan.position if v not in plan.states}

    def run(self, linear_inputs: Sequence[Var], seeds: Sequence[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
        for e in self.plan.before:
            self.builder.append(e)
        self.compute()
        linear: set[Any] = set(linear_inputs)
        for e in self.plan.tangent.equations:
            linear.update(e.outs)
        cts = pull(self.builder, self.plan.tangent.equations, linear, linear_inputs, seeds, self.rule)
        for c in range(len(self.at)):
            self.go(c, 0)
        return [chain.variables[0] for chain in self.plan.chains], cts

    def rule(self, equation: Equation, ct: Any, linear: Sequence[bool], sums: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """As `transposed`, when what the equation needs is there."""
        for a, on in zip(equation.operands, linear, strict=True):
            if not on and a in self.missing:
                for c, k in self.plan.lowest[a].items():
                    self.go(c, k)
        if type(equation.operation) is Rewinding and any([v in self.plan.position for v in _states(equation)]):
            return self.through(equation, several(ct), sums())
        return transposed(equation, ct, linear, sums)

    def through(self, equation: Equation, cts: Sequence[Any], sums: Sequence[Any]) -> Sequence[Any]:
        """Back through an operation that takes the state back itself."""
        operation: Any = equation.operation
        for v in _states(equation):
            if v in self.plan.position:
                self.go(*self.plan.position[v])
        before, pulled = operation.run_back(cts, equation.operands, sums)
        for v, old in zip(_states(equation), before, strict=True):
            if v in self.plan.position:
                c, k = self.plan.position[v]
                self.arrive(c, k - 1, old)
        return [*[None] * (operation.n_residuals + operation.n_states), *pulled]

    def go(self, c: int, position: int) -> None:
        """Take one state back to an earlier position."""
        chain = self.plan.chains[c]
        while self.at[c] > position:
            k = self.at[c] - 1
            step, after = chain.steps[k], chain.variables[k + 1]
            operation: Any = step.operation
            if _holds(operation):  # no cotangent led through it
                inner = self.plan.inner[after]
                self.through(inner, [None] * len(inner.outs), [])
            else:
                self.arrive(c, k, operation.restored(after, step.operands[1:], chain.olds[k]))

    def arrive(self, c: int, position: int, value: Any) -> None:
        """The state is at a position: read there what is wanted of it."""
        v = self.plan.chains[c].variables[position]
        _rename(self.builder, value, v)
        self.at[c] = position
        self.missing.discard(v)
        self.compute()

    def compute(self) -> None:
        """Compute again what can be."""
        waiting = []
        for e in self.waiting:
            if any([a in self.missing for a in e.operands]):
                waiting.append(e)
            else:
                self.builder.append(e)
                self.missing.difference_update(e.outs)
        self.waiting = waiting


def _holds(operation: Any) -> bool:
    """Whether the operation holds Functions: where it changes a state, it comes with a `Rewinding` that takes that back."""
    return bool(operation.functions())


def _given(e: Equation) -> Sequence[Any]:
    operation: Any = e.operation
    return e.operands[: operation.n_residuals]


def _states(e: Equation) -> Sequence[Any]:
    operation: Any = e.operation
    return e.operands[operation.n_residuals : operation.n_residuals + operation.n_states]


def _chain(old: Any, new: Any, makers: dict[Any, Equation], inner: dict[Any, Equation], passing: bool) -> Chain | None:
    """How `new` comes of `old` by changes in places; None if it does not."""
    variables, steps = [new], []
    while new is not old:
        if new not in makers or not isinstance(new.type, ArrayType) or new.type.size <= SMALL:
            return None
        e = makers[new]
        operation: Any = e.operation
        place = operation.renews(e.outs.index(new))
        if place is None or _holds(operation) and new not in inner:
            return None
        if not _holds(operation) and not _emitted(lambda e=e: e.operation.overwritten(e.operands[0], e.operands[1:]))[0]:
            return None
        new = e.operands[place]
        steps.append(e)
        variables.append(new)
    if not steps and not passing:
        return None
    return Chain(variables[::-1], steps[::-1])


def _emitted(emit: Callable[[], Any]) -> tuple[list[Equation], Any]:
    """The equations that something emits, and its value."""
    builder = Builder()
    with building(builder):
        value = emit()
    return builder.equations, value


def _renamed(e: Equation, chained: set[Any]) -> Equation:
    """The same computation for what else it gives than states: those come of the way back, by their names."""
    return Equation(e.operation, e.operands, tuple([Var(out.type) if out in chained else out for out in e.outs]), e.span)


def _same(a: Equation, b: Equation) -> bool:
    return a.operation is b.operation and a.operands == b.operands


def _reads_state(a: Any, lowest: dict[Any, dict[int, int]]) -> bool:
    return bool(lowest.get(a))


def _rename(builder: Builder, found: Any, name: Var) -> None:
    """Let the variable `found`, a result not used yet, be called `name`."""
    for n in range(len(builder.equations) - 1, -1, -1):
        e = builder.equations[n]
        if found in e.outs:
            outs = tuple([name if out is found else out for out in e.outs])
            builder.equations[n] = Equation(e.operation, e.operands, outs, e.span)
            return
    raise AssertionError("a state that was not computed")


class Back:
    """The reverse of a loop whose plan takes states back, as a Function for every choice of cotangents that are given.

    `tangents` are the linear inputs of the body that are constants, carries and items; `results` its linear outputs that are
    carries, increments and stacked. `loop` makes the loop that runs the other way: (body, constants, carries, accumulators).
    """

    def __init__(
        self,
        plan: Plan,
        kept: Any,
        index: Var,
        tangents: tuple[Sequence[Var], Sequence[Var], Sequence[Var]],
        results: tuple[Sequence[Any], Sequence[Any], Sequence[Any]],
        counts: Sequence[Type],
        stacked: Callable[[Type], Type],
        loop: Callable[[Function, int, int, int], Primitive],
    ) -> None:
        self.plan, self.kept, self.index = plan, kept, index
        self.tangents, self.results = tangents, results
        self.counts, self.stacked, self.loop = counts, stacked, loop
        self.made: dict[Any, Function] = {}

    def operation(self) -> Rewinding:
        """The linear part of the loop."""
        back = self.function((True,) * sum(map(len, self.results)))
        back.memo["seeded"] = self.function
        if self.plan.alone is not None:
            back.memo["alone"] = lambda seeded: self.function(seeded, True)
        return Rewinding(back, len(self.counts) + len(self.residuals()), len(self.plan.chains), len(self.tangents[0]))

    def residuals(self) -> list[Var]:
        """What an iteration needs besides the states, for the one way back and for the other."""
        return [*self.kept.shared, *self.kept.items, *((*self.plan.alone.shared, *self.plan.alone.items) if self.plan.alone else ())]

    def function(self, seeded: tuple[bool, ...], alone: bool = False) -> Function:
        """Residuals | states after | cotangents of the results that are seeded | sums -> states before | cotangents of the tangents.

        `alone`: nobody wants the states before.
        """
        found = self.made.get((seeded, alone))
        if found is None:
            found = self.made[seeded, alone] = self._make(seeded, self.plan.alone if alone else None)
        return found

    def _make(self, seeded: tuple[bool, ...], alone: Alone | None) -> Function:
        consts, carries, _items = self.tangents
        ds_out, da_out, dy_out = self.results
        n_c, n_s, n_a = len(consts), len(carries), len(da_out)
        carried = list(seeded[:n_s])
        rest = seeded[n_s:]
        while True:
            seeds, states, cts, equations = self._iteration([*carried, *rest], alone)
            grown = [a or not is_zero(ct) for a, ct in zip(carried, cts[n_c : n_c + n_s], strict=True)]
            if grown == carried:
                break
            carried = grown
        ct_c, ct_s, ct_x = cts[:n_c], cts[n_c : n_c + n_s], cts[n_c + n_s :]
        adds = [not is_zero(ct) for ct in ct_c]
        moves = [not is_zero(ct) for ct in ct_x]
        vs, va, vy = [[s for s in part if s is not None] for part in (seeds[:n_s], seeds[n_s : n_s + n_a], seeds[n_s + n_a :])]
        plan = self.plan
        kept = alone or self.kept
        finals = [] if alone is None else [v for v in alone.finals if v is not None]
        given_states = plan.states if alone is None else []
        outs = [*states, *[ct for ct, on in zip(ct_s, carried, strict=True) if on]]
        n_carry = len(outs)
        outs += [*[ct for ct, on in zip(ct_c, adds, strict=True) if on], *[ct for ct, on in zip(ct_x, moves, strict=True) if on]]
        inputs = [self.index, *kept.shared, *finals, *va, *given_states, *vs, *kept.items, *vy]
        body = Function(inputs, equations, outs, f"back_{plan.tangent.name}")
        loop = self.loop(body, len(kept.shared) + len(finals) + len(va), n_carry, sum(adds))

        builder = Builder()
        var = lambda values: [Var(v.type) for v in values]
        count = [Var(t) for t in self.counts]
        stacks = lambda values: [Var(self.stacked(v.type)) for v in values]
        residuals = [(var(k.shared), stacks(k.items)) for k in (self.kept, self.plan.alone) if k is not None]
        shared, items = residuals[0 if alone is None else 1]
        after, sums = var(plan.states), var(consts)
        given_s = [Var(v.type) if on else None for v, on in zip(carries, seeded, strict=False)]
        given_a = [Var(a.type) if on else None for a, on in zip(da_out, seeded[n_s:], strict=False)]
        given_y = [Var(self.stacked(a.type)) if on else None for a, on in zip(dy_out, seeded[n_s + n_a :], strict=True)]
        some = lambda values: [v for v in values if v is not None]
        with building(builder):
            starts = [instantiate(v, c.type) for v, c, on in zip(given_s, carries, carried, strict=True) if on]
            begun = [v for v, on in zip(sums, adds, strict=True) if on]
            if alone is None:
                operands = [*count, *shared, *some(given_a), *after, *starts, *begun]
            else:
                ends = [v for v, final in zip(after, alone.finals, strict=True) if final is not None]
                operands = [*count, *shared, *ends, *some(given_a), *starts, *begun]
            results = several(builder.emit(loop, (*operands, *items, *some(given_y))))
            it = iter(results)
            take = lambda mask: [next(it) if on else None for on in mask]
            before = take([True] * len(after)) if alone is None else after
            back_s, back_c, back_x = take(carried), take(adds), take(moves)
            zero = lambda values, types: [instantiate(v, t) for v, t in zip(values, types, strict=True)]
            pulled = [
                *[v if v is not None else total for v, total in zip(back_c, sums, strict=True)],
                *zero(back_s, [v.type for v in carries]),
                *zero(given_a, [a.type for a in da_out]),
                *zero(back_x, [self.stacked(v.type) for v in self.tangents[2]]),
            ]
            given = [v for pair in residuals for part in pair for v in part]
            inputs = [*count, *given, *after, *some((*given_s, *given_a, *given_y)), *sums]
            return builder.build(inputs, [*before, *pulled], f"reverse_{plan.tangent.name}")

    def _iteration(self, seeded: Sequence[bool], alone: Alone | None) -> tuple[list[Any], list[Any], list[Any], list[Equation]]:
        """One iteration back: its seeds, the states before it, cotangents of its tangents, and the equations."""
        outs = [a for part in self.results for a in part]
        seeds = [Var(a.type) if on else None for a, on in zip(outs, seeded, strict=True)]
        builder = Builder()
        with building(builder):
            pairs = [(a, s) for a, s in zip(outs, seeds, strict=True) if s is not None]
            moving = [v for part in self.tangents for v in part]
            if alone is not None:
                states, cts = [], alone.iteration(builder, self.plan.tangent, moving, pairs)
            else:
                states, cts = self.plan.reverse(builder, moving, pairs)
        return seeds, states, cts, builder.equations
