"""Loops whose reverse keeps some states and runs again from these: binomial checkpointing, for a trip count known when the loop runs.

The way back takes the steps one by one from the last; it starts from the nearest kept state before the step, and on the way
to the step keeps more states where there is room, at the distances that make no step run more often than need be. With s
states and every step run at most t times (s + t)! / (s! t!) steps can be taken back. Start at `SnapshotLoop`.

Griewank & Walther, "Algorithm 799: revolve", ACM Trans. Math. Softw. 26 (2000) 19.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, expand, instantiate
from wengert.ir.builder import Builder, building
from wengert.ir.types import StackType, array_type
from wengert.ir.values import Equation, Function, Var, splat
from wengert.ir.walk import inline, silent
from wengert.primitives.arith import FloorDivide, equal, less, logical_and, maximum, minimum, select
from wengert.primitives.control.call import emit, function_of, only, present, pullback, single, spread
from wengert.primitives.control.cond import Cond
from wengert.primitives.control.counting import summing
from wengert.primitives.control.custom import LinearCall
from wengert.primitives.control.loop import INDEX, Loop
from wengert.primitives.control.plain import plain
from wengert.primitives.control.while_ import While
from wengert.primitives.index import gather, scatter_set
from wengert.primitives.shape import cast
from wengert.transform.linearize import linearize


class SnapshotLoop(Loop):
    """A loop that keeps at most `snapshots` of its states for the way back."""

    snapshots: int

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        loop, sums = summing(self._plain())
        if sums:
            return self._linearize_sums(loop, sums, primals, tangents)  # type: ignore[no-any-return]
        _, _, carries, _, xs = self.operands(primals)
        stacks = [v for v in self.body.out_types if isinstance(v, StackType)]
        if not carries or stacks or any([isinstance(x.type, StackType) for x in xs]) or self.length in (0, 1):
            return super().linearize(primals, tangents)
        return _Revolve(self, primals, tangents).split()

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for sample in Loop.samples():
            yield Sample(cls(*sample.operation.parameters, 2), *sample.operands)


class SnapshotWhile(While):
    """A while that runs once to count its steps, and then as a loop that keeps at most `snapshots` of its states."""

    snapshots: int

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        if self.n_push:
            return super().linearize(primals, tangents)
        n = self.n_carry
        _, consts, carries = self.operands(primals)
        _, dconsts, dcarries = self.operands(tangents)
        counted = While(self.cond, self.body, self.n_cond_consts, self.n_body_consts, n, 0, True)
        count = emit(counted, primals)[n]
        again = silent(self.body)  # what happens has happened while the steps were counted
        body = Function([Var(INDEX), *again.inputs], again.equations, again.outputs, again.name)
        loop = SnapshotLoop(body, None, len(consts), n, 0, False, self.snapshots)
        outs, touts = loop.linearize([count, *consts, *carries], [None, *dconsts, *dcarries])
        one = n == 1
        results = [*([outs] if one else outs), *[count] * self.counts]
        moved = [*([touts] if one else touts), *[None] * self.counts]
        return single(results), single(moved)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for sample in While.samples():
            yield Sample(cls(*sample.operation.parameters, 2), *sample.operands, complex_step=False)


def with_snapshots(function: Function, snapshots: int) -> Function:
    """The Function with its loops as such that keep so many states."""
    equations = []
    for e in plain(function).equations:
        operation: Any = e.operation
        if type(operation) is Loop:
            operation = SnapshotLoop(*operation.parameters, snapshots)
        elif type(operation) is While:
            operation = SnapshotWhile(*operation.parameters, snapshots)
        equations.append(Equation(operation, e.operands, e.outs, e.span))
    return Function(plain(function).inputs, equations, plain(function).outputs, function.name)


def hop(steps: Any, spare: Any) -> Any:
    """How far from a kept state the next one is best kept, for so many steps to take back and so many states to spare."""
    s = spare + 1
    grow = function_of(lambda s, steps, t, reach: [t + 1, FloorDivide()(reach * (s + t + 1), t + 1)], INDEX, INDEX, INDEX, INDEX)
    short = function_of(lambda steps, t, reach: [less(reach, steps)], INDEX, INDEX, INDEX)
    # the least t for which s states and t runs of a step reach: (s + t)! / (s! t!) steps
    t, reach = emit(While(short, grow, 1, 2, 2), [steps, s, steps, splat(0, INDEX), splat(1, INDEX)])
    once_less = FloorDivide()(reach * t, s + t)  # with s states and t - 1 runs
    one_less = FloorDivide()(once_less * s, maximum(s + t - 1, splat(1, INDEX)))  # with s - 1 states and t - 1 runs
    return maximum(minimum(minimum(once_less, steps - one_less), steps - 1), splat(1, INDEX))


def first_positions(count: Any, slots: int) -> tuple[Any, Any]:
    """The steps before which states are kept on the way forward, `count` in places not used; and how many."""

    def place(i: Any, count: Any, positions: Any, at: Any, kept: Any) -> list[Any]:
        rest = count - at
        more = less(splat(1, INDEX), rest)
        following = at + hop(maximum(rest, splat(2, INDEX)), splat(slots, INDEX) - kept)
        at = select(more, following, at)
        positions = scatter_set(positions, [kept], select(more, at, count))
        return [positions, at, kept + cast(more, np.int64)]

    table = array_type((slots,), INDEX.dtype)
    body = function_of(place, INDEX, INDEX, table, INDEX, INDEX, name="positions")
    start = scatter_set(emit_full(table, count), [splat(0, INDEX)], splat(0, INDEX))
    found = emit(Loop(body, slots - 1, 1, 3, 0), [count, start, splat(0, INDEX), splat(1, INDEX)])
    return found[0], found[2]


def emit_full(t: Any, value: Any) -> Any:
    """An array of one value."""
    return expand(value, t.size)


class _Revolve:
    """One linearisation of a loop with snapshots."""

    def __init__(self, loop: SnapshotLoop, primals: Sequence[Any], tangents: Sequence[Any]) -> None:
        self.loop, self.primals, self.tangents = loop, primals, tangents
        self.slots = max(1, loop.snapshots)
        self.active = loop._activity(tangents)
        self.body = loop.body
        self.n = loop.n_carry

    def split(self) -> tuple[Any, Any]:
        loop, n = self.loop, self.n
        count, consts, carries, accs, xs = loop.operands(self.primals)
        _, dconsts, dcarries, daccs, dxs = loop.operands(self.tangents)
        self.count_type = [INDEX for _ in count]
        steps = count[0] if count else splat(loop.length, INDEX)
        positions, kept = (
            first_positions(steps, self.slots) if self.slots > 1 else (splat(0, array_type((1,), INDEX.dtype)), splat(1, INDEX))
        )
        snaps = [instantiate(None, array_type((self.slots, *c.type.shape), c.type.dtype)) for c in carries]
        forward = self._forward([c.type for c in carries], [s.type for s in snaps], positions.type)
        operands = [*count, *consts, steps, positions, *carries, splat(0, INDEX), *snaps, *accs, *xs]
        results = emit(Loop(forward, loop.length, len(consts) + 2, 2 * n + 1, len(accs), loop.reverse), operands)
        rs, rest = results[:n], results[2 * n + 1 :]
        snaps = results[n + 1 : 2 * n + 1]
        outs = [*rs, *rest]

        linearized = linearize(self.body, self.active)
        mask = linearized.out_active
        _, dc, ds, dx = loop.inputs(spread(linearized.tangent.inputs[len(linearized.residuals) :], self.active))
        on_s, (_, on_a, on_y) = present(ds), loop.results(mask)
        backward, n_residuals = self._backward(linearized, consts, carries, snaps, positions, xs, on_s, on_a, on_y)
        ds0 = [instantiate(t, p.type) for t, p, on in zip(dcarries, carries, on_s, strict=True) if on]
        da0 = [instantiate(t, p.type) for t, p, on in zip(daccs, accs, on_a, strict=True) if on]
        residuals = [*count, *consts, *snaps, positions, kept, *xs]
        assert len(residuals) == n_residuals
        moving = [*only(dconsts), *ds0, *da0, *only(dxs)]
        touts = iter(emit(LinearCall(backward, n_residuals), [*residuals, *moving]))
        take = lambda flags: [next(touts) if on else None for on in flags]
        ts = take(on_s)
        ta = [new if on else old for new, on, old in zip(take(on_a), on_a, daccs, strict=True)]
        return single(outs), single([*ts, *ta, *take(on_y)])

    def _forward(self, states: Sequence[Any], snaps: Sequence[Any], table: Any) -> Function:
        """The body that also keeps its state before the steps of a table."""
        loop, n = self.loop, self.n
        _, c, _, x = loop.inputs(self.body.in_types)

        def keep(k: Any, *values: Any) -> list[Any]:
            return [k + 1, *[scatter_set(s, [k], v) for s, v in zip(values[:n], values[n:], strict=True)]]

        yes = function_of(keep, INDEX, *snaps, *states, name="keep")
        no = function_of(lambda k, *values: [k, *values[:n]], INDEX, *snaps, *states, name="pass")

        def body(i: Any, *values: Any) -> list[Any]:
            consts, steps, positions = values[: len(c)], values[len(c)], values[len(c) + 1]
            state = values[len(c) + 2 : len(c) + 2 + n]
            k, kept, items = values[len(c) + 2 + n], values[len(c) + 3 + n : len(c) + 3 + 2 * n], values[len(c) + 3 + 2 * n :]
            here = equal(gather(positions, [minimum(k, splat(self.slots - 1, INDEX))]), self._number(i, steps))
            room = less(k, splat(self.slots, INDEX))
            k, *kept = emit(Cond((no, yes)), [logical_and(here, room), k, *kept, *state])
            outs = inline(self.body, [i, *consts, *state, *items])
            return [*outs[:n], k, *kept, *outs[n:]]

        return function_of(body, INDEX, *c, INDEX, table, *states, INDEX, *snaps, *x, name=self.body.name)

    def _number(self, i: Any, steps: Any) -> Any:
        """The number of the step that has index i, and the other way round."""
        return steps - 1 - i if self.loop.reverse else i

    def _advance(self, steps: Any, at: Any, count: Any, consts: Sequence[Any], state: Sequence[Any], xs: Sequence[Any]) -> list[Any]:
        """The state after `count` steps from step `at`."""
        a, b = len(consts), len(consts) + len(xs)

        def body(i: Any, *values: Any) -> list[Any]:
            first, steps, given, arrays, state = values[0], values[1], values[2 : 2 + a], values[2 + a : 2 + b], values[2 + b :]
            here = self._number(first + i, steps)
            return inline(silent(self.body), [here, *given, *state, *[gather(x, [here]) for x in arrays]])[: self.n]

        types = [v.type for v in (at, steps, *consts, *xs, *state)]
        function = function_of(body, INDEX, *types, name=f"again_{self.body.name}")
        return emit(Loop(function, None, 2 + b, self.n, 0), [count, at, steps, *consts, *xs, *state])

    def _return(self, j: Any, steps: Any, consts: Sequence[Any], xs: Sequence[Any], held: Sequence[Any]) -> list[Any]:
        """(kept, positions, snapshots) with more of them as there is room, and the state before step j."""
        n, a, b = self.n, len(consts), len(consts) + len(xs)
        kept, positions, snaps = held[0], held[1], held[2:]
        top = kept - 1
        start = [gather(s, [top]) for s in snaps]

        def ahead(j: Any, at: Any, *rest: Any) -> list[Any]:
            return [less(at, j)]

        def step(j: Any, steps: Any, *values: Any) -> list[Any]:
            given, arrays, (at, kept, positions), more = values[:a], values[a:b], values[b : b + 3], values[b + 3 :]
            snaps, state = more[:n], more[n:]
            spare = splat(self.slots, INDEX) - kept
            some = less(splat(0, INDEX), spare)
            far = select(some, hop(j + 1 - at, maximum(spare, splat(1, INDEX))), j - at)
            state = self._advance(steps, at, far, given, state, arrays)
            at = at + far
            types = [v.type for v in (at, kept, positions, *snaps, *state)]

            def keep(at: Any, kept: Any, positions: Any, *more: Any) -> list[Any]:
                new = [scatter_set(s, [kept], v) for s, v in zip(more[:n], more[n:], strict=True)]
                return [kept + 1, scatter_set(positions, [kept], at), *new]

            yes = function_of(keep, *types, name="keep")
            no = function_of(lambda at, kept, positions, *more: [kept, positions, *more[:n]], *types, name="pass")
            kept, positions, *snaps = emit(Cond((no, yes)), [logical_and(some, less(at, j)), at, kept, positions, *snaps, *state])
            return [at, kept, positions, *snaps, *state]

        carried = [gather(positions, [top]), kept, positions, *snaps, *start]
        types = [v.type for v in carried]
        cond = function_of(ahead, INDEX, *types, name="ahead")
        body = function_of(step, INDEX, INDEX, *[v.type for v in (*consts, *xs)], *types, name="return")
        found = emit(While(cond, body, 1, 2 + b, len(carried)), [j, j, steps, *consts, *xs, *carried])
        return found[1:]

    def _backward(
        self,
        linearized: Any,
        consts: Sequence[Any],
        carries: Sequence[Any],
        snaps: Sequence[Any],
        positions: Any,
        xs: Sequence[Any],
        on_s: Sequence[bool],
        on_a: Sequence[bool],
        on_y: Sequence[bool],
    ) -> tuple[Function, int]:
        """Count | consts | snapshots, positions, how many | xs, and cotangents of results -> cotangents of tangents."""
        loop, n = self.loop, self.n
        n_out = len(self.body.outputs)
        tangent, n_res = linearized.tangent, len(linearized.residuals)
        _, ac, _, ax = loop.inputs(self.active)
        linear = (*[False] * n_res, *[True] * (len(tangent.inputs) - n_res))
        out_s, out_a, out_y = loop.results(linearized.out_active)
        a, b = len(consts), len(consts) + len(xs)
        # every carry that moves has a cotangent; one that the body makes of nothing that moves starts anew
        seeded = (*[on for on in out_s if on], *[on for on in out_a if on], *[on for on in out_y if on])
        pulled, nonzero = pullback(tangent, linear, seeded)
        n_dc, n_ds = sum(ac), sum(on_s)

        def body(i: Any, *values: Any) -> list[Any]:
            steps, given, arrays, va = values[0], values[1 : 1 + a], values[1 + a : 1 + b], values[1 + b : 1 + b + sum(on_a)]
            rest = values[1 + b + sum(on_a) :]
            held, cts, items = rest[: 2 + n], rest[2 + n : 2 + n + n_ds], rest[2 + n + n_ds :]
            j = self._number(i, steps)
            found = self._return(j, steps, given, arrays, held)
            kept, positions, snaps, state = found[0], found[1], found[2 : 2 + n], found[2 + n :]
            known = inline(silent(linearized.primal), [i, *given, *state, *[gather(x, [i]) for x in arrays]])[n_out:]
            seeds = [ct for ct, on in zip(cts, [o for o, s in zip(out_s, on_s, strict=True) if s], strict=True) if on]
            moved = spread(inline(pulled, [*known, *seeds, *va, *items]), nonzero)
            kept = kept - cast(equal(gather(positions, [kept - 1]), j), np.int64)
            new = [instantiate(v, c.type) for v, c in zip(moved[n_dc : n_dc + n_ds], cts, strict=True)]
            made = [*moved[:n_dc], *moved[n_dc + n_ds :]]
            return [kept, positions, *snaps, *new, *[instantiate(v, t) for v, t in zip(made, made_types, strict=True)]]

        _, c_in, s_in, x_in = loop.inputs(self.body.in_types)
        chosen = lambda values, flags: [v for v, on in zip(values, flags, strict=True) if on]
        made_types = [*chosen(c_in, ac), *chosen(x_in, ax)]
        _, a_out, y_out = loop.results(self.body.out_types)
        builder = Builder()
        var = lambda types: [Var(t) for t in types]
        count, consts_, snaps_ = var(self.count_type), var([v.type for v in consts]), var([v.type for v in snaps])
        table, kept, xs_ = Var(positions.type), Var(INDEX), var([x.type for x in xs])
        cts_s, cts_a = var(chosen(s_in, on_s)), var(chosen(a_out, on_a))
        cts_y = var([array_type((loop.length, *t.shape), t.dtype) for t in chosen(y_out, on_y)])
        items = chosen(y_out, on_y)
        with building(builder):
            steps = count[0] if count else splat(loop.length, INDEX)
            carried = [kept, table, *snaps_, *cts_s]
            consts_in = [steps, *consts_, *xs_, *cts_a]
            types = [INDEX, *[v.type for v in consts_in], *[v.type for v in carried], *items]
            function = function_of(body, *types, name=f"back_{self.body.name}")
            sums = [instantiate(None, t) for t in chosen(c_in, ac)]
            back = Loop(function, loop.length, len(consts_in), len(carried), n_dc, not loop.reverse)
            results = emit(back, [*count, *consts_in, *carried, *sums, *cts_y])
            rs, ra, ry = back.results(results)
            outs = [*ra, *rs[2 + n :], *cts_a, *ry]
            inputs = [*count, *consts_, *snaps_, table, kept, *xs_]
            return builder.build([*inputs, *cts_s, *cts_a, *cts_y], outs, f"reverse_{self.body.name}"), len(inputs)
