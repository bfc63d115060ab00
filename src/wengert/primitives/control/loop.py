"""`Loop`: a counted loop, with constants, carries, accumulators, mapped operands and stacked results.

Its value is computed in `counting`. Start at `Loop`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, Sum, expand, instantiate, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import StackType, Type, array_type
from wengert.ir.values import Function, Var
from wengert.ir.walk import inline, memoized
from wengert.primitives.arith import less, mul
from wengert.primitives.control.call import (
    check_operands,
    chosen,
    depends,
    emit,
    function_of,
    only,
    present,
    pullback,
    several,
    shared,
    single,
    spread,
    transpose_split,
    unique,
)
from wengert.primitives.control.counting import BodyPlan, count_through, summing
from wengert.primitives.control.lanes import goes_alone, lane_by_lane
from wengert.primitives.control.native import NativeLoop
from wengert.primitives.control.nesting import indexed
from wengert.primitives.control.plain import merged, once, plain
from wengert.primitives.control.residuals import Residuals, linear_body
from wengert.primitives.control.rewind import Back, choose, pushed
from wengert.primitives.control.stack import guard, lanes_of, lanes_to_guard, select_any, stacked
from wengert.primitives.math import sin
from wengert.primitives.reduce import max_
from wengert.primitives.shape import cast, move_axis
from wengert.transform.batch import batch
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune

INDEX = array_type((), np.dtype(np.int64))


class Loop(Primitive):
    """A counted loop.

    operands: [count if length is None] | consts | carries | accumulators | xs
    body:     i | consts | carries | xs[i] -> carries | increments of the accumulators | ys[i]
    results:  carries | accumulators | ys

    An accumulator is a carry that is only ever added to, so the body does not see it: its
    cotangent is the same in every iteration. `reverse` runs i from the last to the first.
    With a static length xs and ys are arrays with a leading axis; without, they are stacks.
    """

    body: Function
    length: int | None
    n_consts: int
    n_carry: int
    n_acc: int
    reverse: bool = False
    views = spreads = True
    continues = True

    def functions(self) -> tuple[Function, ...]:
        return (self.body,)

    # -- the parts of operands, of the body's inputs, and of results ------------------------

    def operands(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any], list[Any]]:
        """Count | consts | carries | accumulators | xs"""
        a = 1 if self.length is None else 0
        b = a + self.n_consts
        c = b + self.n_carry
        d = c + self.n_acc
        values = list(values)
        return values[:a], values[a:b], values[b:c], values[c:d], values[d:]

    def inputs(self, values: Sequence[Any]) -> tuple[Any, list[Any], list[Any], list[Any]]:
        """I | consts | carries | xs"""
        b = 1 + self.n_consts
        c = b + self.n_carry
        values = list(values)
        return values[0], values[1:b], values[b:c], values[c:]

    def results(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Carries | accumulators | ys"""
        a, b = self.n_carry, self.n_carry + self.n_acc
        values = list(values)
        return values[:a], values[a:b], values[b:]

    def fixpoint(self, start: Sequence[bool], step: Callable[[list[bool]], Sequence[bool]]) -> list[bool]:
        """The least mask of carries that contains `start` and is closed under one iteration."""
        mask = list(start)
        while True:
            new = [a or b for a, b in zip(mask, step(mask), strict=False)]
            if new == mask:
                return mask
            mask = new

    # -- value --------------------------------------------------------------------------------

    def type(self, *operands: Type) -> tuple[Type, ...]:
        _, consts, carries, xs = self.inputs(self.body.in_types)
        carries_out, accs, ys = self.results(self.body.out_types)
        if carries != carries_out or self.body.in_types[0] is not INDEX:
            raise ShapeError(four_parts("the body of a loop changes the type of a carry", f"{carries} -> {carries_out}"))
        count = [INDEX] if self.length is None else []
        check_operands(self.name, [*count, *consts, *carries, *accs, *[stacked(x, self.length) for x in xs]], operands)
        return (*carries, *accs, *[stacked(y, self.length) for y in ys])

    def evaluate(self, *operands: Any) -> Any:
        count, consts, carries, accs, xs = self.operands(operands)
        n = int(count[0]) if self.length is None else self.length
        return single(count_through(self, n, consts, carries, accs, xs))

    def exact(self, m: Any, *operands: Any) -> Any:
        count, consts, carries, accs, xs = self.operands(operands)
        n = m.trips(count[0]) if self.length is None else self.length
        items: list[list[Any]] = [[] for _ in self.results(self.body.outputs)[2]]
        for i in range(n - 1, -1, -1) if self.reverse else range(n):
            outs = m.run(self.body, [np.int64(i), *consts, *carries, *[x[i] for x in xs]])
            carries, increments, ys = self.results(outs)
            accs = [a + b for a, b in zip(accs, increments, strict=True)]
            for found, y in zip(items, ys, strict=True):
                found.append(y)
        ys = [m.stack(found[::-1] if self.reverse else found) for found in items]
        return single([*carries, *accs, *ys])

    def plan(self) -> BodyPlan:
        """How the body adds to the accumulators."""
        key = ("counting", self.n_consts, self.n_carry, self.n_acc)
        return memoized(self.body, key, lambda: BodyPlan(self))  # type: ignore[no-any-return]

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """A native loop: carries in registers or overwritten in memory, xs read and ys written where they are."""
        return NativeLoop(self, k, operands, outs).write()

    def indexed(self, operands: Sequence[Any]) -> Sequence[int]:
        plan = self.plan()
        inner, count = indexed(plan.body), self.length is None
        known = 1 + self.n_consts + self.n_carry
        totals = len(plan.body.inputs) - len(plan.in_body)
        found = [n - 1 + count for n in inner if 0 < n < known]
        return [*found, *[known - 1 + count + plan.in_body[n - totals] for n in inner if n >= totals]]

    def with_each_once(self, operands: Sequence[Any]) -> tuple[Primitive, Sequence[Any]]:
        count, consts, *rest = self.operands(operands)
        body, keep = once(self.body, 1, consts)
        loop = Loop(body, self.length, sum(keep), self.n_carry, self.n_acc, self.reverse)
        return loop, [*count, *chosen(consts, keep), *[a for part in rest for a in part]]

    def renews(self, result: int) -> int | None:
        first = (self.length is None) + self.n_consts
        return first + result if result < self.n_carry + self.n_acc else None

    def adds_to(self, result: int) -> int | None:
        return self.renews(result) if result >= self.n_carry else None

    # -- derivatives ----------------------------------------------------------------------------

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        count, consts, carries, accs, xs = self.operands(primals)
        _, dconsts, dcarries, daccs, dxs = self.operands(tangents)
        active = self._activity(tangents)
        body, mask = jvp(self.body, active)
        n_in, n_out = len(self.body.inputs), len(self.body.outputs)
        i, c, s, x = self.inputs(body.inputs[:n_in])
        _, dc, ds, dx = self.inputs(spread(body.inputs[n_in:], active))
        s_out, a_out, y_out = self.results(body.outputs[:n_out])
        ds_out, da_out, dy_out = self.results(spread(body.outputs[n_out:], mask))
        on = [v is not None for v in ds]
        ds_out = [instantiate(v, t.type) for v, t in zip(chosen(ds_out, on), only(ds), strict=True)]
        both = Function(
            [i, *c, *only(dc), *s, *only(ds), *x, *only(dx)],
            body.equations,
            [*s_out, *ds_out, *a_out, *only(da_out), *y_out, *only(dy_out)],
            body.name,
        )
        ds0 = [instantiate(t, p.type) for t, p, a in zip(dcarries, carries, on, strict=True) if a]
        da0 = [instantiate(t, p.type) for t, p, a in zip(daccs, accs, da_out, strict=True) if a is not None]
        loop = Loop(both, self.length, len(c) + len(only(dc)), len(s) + len(ds0), len(accs) + len(da0), self.reverse)
        results = emit(loop, [*count, *consts, *only(dconsts), *carries, *ds0, *accs, *da0, *xs, *only(dxs)])
        rs, ra, ry = loop.results(results)
        outs = [*rs[: len(s)], *ra[: len(accs)], *ry[: len(y_out)]]
        touts = [*spread(rs[len(s) :], on), *self._added(ra[len(accs) :], da_out, daccs), *spread(ry[len(y_out) :], present(dy_out))]
        return single(outs), single(touts)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def _activity(self, tangents: Sequence[Any]) -> tuple[bool, ...]:
        """Which inputs of the body have a tangent, those of carries by fixpoint."""
        _, dconsts, dcarries, _, dxs = self.operands(tangents)
        c, x = present(dconsts), present(dxs)
        carry = self.fixpoint(present(dcarries), lambda mask: jvp(self.body, (False, *c, *mask, *x))[1][: self.n_carry])
        return (False, *c, *carry, *x)

    @staticmethod
    def _added(results: Sequence[Any], active: Sequence[Any], passed: Sequence[Any]) -> list[Any]:
        """Tangents of accumulators: from the loop where increments have one, else what was there before."""
        return [new if on is not None else old for new, on, old in zip(spread(results, present(active)), active, passed, strict=True)]

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        loop, sums = summing(self._plain())
        if sums:
            return self._linearize_sums(loop, sums, primals, tangents)
        count, consts, carries, accs, xs = self.operands(primals)
        _, dconsts, dcarries, daccs, dxs = self.operands(tangents)
        active = self._activity(tangents)
        n_out = len(self.body.outputs)
        linearized = linearize(self._plain().body, active)
        split = merged(linearized, n_out)
        inputs, name = linearized.primal.inputs, linearized.primal.name
        i, c, s, x = self.inputs(inputs)
        s_out, _, y_out = self.results(split.outputs)
        _, dc, ds, dx = self.inputs(spread(split.tangent.inputs[len(split.residuals) :], active))
        ds_out, da_out, dy_out = self.results(spread(split.tangent.outputs, linearized.out_active))
        on = [v is not None for v in ds]
        ds_out = [instantiate(v, t.type) for v, t in zip(chosen(ds_out, on), only(ds), strict=True)]
        carried = list(zip(s, s_out, strict=True))
        kept, plan, starts = choose(split, carried, c, x, y_out, i, self.length, not self.reverse)
        values = [*consts, *[carries[n] for n in starts]]
        late = pushed(kept, plan)
        known = Function(inputs, split.equations if plan is None else plan.equations, [*split.outputs, *late], name)
        results = emit(Loop(known, self.length, self.n_consts, self.n_carry, self.n_acc, self.reverse), primals)
        outs = results[:n_out]

        stacks = dict(zip(late, results[n_out:], strict=True))
        shared, items = kept.shared_values(values), kept.item_values(xs, self.results(outs)[2], [stacks[v] for v in kept.pushed])
        ds0 = [instantiate(t, p.type) for t, p, a in zip(dcarries, carries, on, strict=True) if a]
        da0 = [instantiate(t, p.type) for t, p, a in zip(daccs, accs, da_out, strict=True) if a is not None]
        moving = (only(dc), only(ds), only(dx))
        if plan is not None:
            back = Back(
                plan,
                kept,
                i,
                moving,
                (ds_out, only(da_out), only(dy_out)),
                [INDEX for _ in count],
                lambda t: stacked(t, self.length),
                lambda body, *sizes: Loop(body, self.length, *sizes, not self.reverse),
            )
            after = [outs[n] for n in plan.places]
            alone = plan.alone.values(values, after, xs, self.results(outs)[2], stacks) if plan.alone is not None else []
            touts = emit(back.operation(), [*count, *shared, *items, *alone, *after, *only(dconsts), *ds0, *da0, *only(dxs)])
        else:
            body = linear_body(kept, INDEX, *moving, split.tangent, [*ds_out, *only(da_out), *only(dy_out)])
            loop = Loop(body, self.length, len(kept.shared) + len(only(dc)), len(ds_out), len(only(da_out)), self.reverse)
            touts = emit(loop, [*count, *shared, *only(dconsts), *ds0, *da0, *items, *only(dxs)])
        n, m = len(ds_out), len(ds_out) + len(only(da_out))
        rs, ra, ry = touts[:n], touts[n:m], touts[m:]
        return single(outs), single([*spread(rs, on), *self._added(ra, da_out, daccs), *spread(ry, present(dy_out))])

    def _plain(self) -> Loop:
        body = plain(self.body)
        return self if body is self.body else type(self)(body, *self.parameters[1:])

    def _linearize_sums(self, loop: Any, sums: list[int], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        """By a loop that has these carries as its last accumulators."""

        def given(values: Sequence[Any]) -> list[Any]:
            count, consts, carries, accs, xs = self.operands(values)
            rest = [v for n, v in enumerate(carries) if n not in sums]
            return [*count, *consts, *rest, *accs, *[carries[n] for n in sums], *xs]

        def back(values: Sequence[Any]) -> Any:
            carries, accs, ys = loop.results(several(values))
            moved = dict(zip(sums, accs[self.n_acc :], strict=True))
            rest = iter(carries)
            return single([*[moved[n] if n in moved else next(rest) for n in range(self.n_carry)], *accs[: self.n_acc], *ys])

        outs, touts = loop.linearize(given(primals), given(tangents))
        return back(outs), back(touts)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> Sequence[Any]:
        """The loop run the other way.

        cotangents of carries are carries, of xs are ys, of ys are xs; of consts are accumulators, which begin as
        what has been summed before, and of accumulators are consts.
        """
        begun = self.operands(sums or [None] * len(operands))[1]
        _, lc, ls, la, lx = self.operands(linear)
        carry = self.fixpoint(ls, lambda mask: depends(self.body, (False, *lc, *mask, *lx))[: self.n_carry])
        out_linear = depends(self.body, (False, *lc, *carry, *lx))
        if not all(carry) or not all(a or b for a, b in zip(la, self.results(out_linear)[1], strict=True)):
            return transpose_split(self, ct, operands, linear, sums)
        body_linear = (False, *lc, *carry, *lx)
        ct_s, ct_a, ct_y = self.results(several(ct))
        rest = (*present(ct_a), *present(ct_y))
        back = lambda mask: pullback(self.body, body_linear, (*mask, *rest))
        n_lc = sum(lc)
        seeded = self.fixpoint(present(ct_s), lambda mask: back(mask)[1][n_lc : n_lc + self.n_carry])
        pulled, nonzero = back(seeded)

        count, consts, carries, _accs, xs = self.operands(operands)
        known_c, known_x = [v for v, on in zip(consts, lc, strict=True) if not on], [v for v, on in zip(xs, lx, strict=True) if not on]
        inputs = list(pulled.inputs)
        index, inputs = inputs[0], inputs[1:]
        take = lambda n: [inputs.pop(0) for _ in range(n)]
        vc, vx, vs, va, vy = take(len(known_c)), take(len(known_x)), take(sum(seeded)), take(len(only(ct_a))), take(len(only(ct_y)))
        _, out_c, out_s, out_x = self.inputs([None, *spread_like(spread(pulled.outputs, nonzero), lc, self.n_carry, lx)])
        builder = Builder()
        with building(builder):
            out_s = [instantiate(v, s.type) for v, s, on in zip(out_s, carries, seeded, strict=True) if on]
        body = Function(
            [index, *vc, *va, *vs, *vx, *vy], [*pulled.equations, *builder.equations], [*out_s, *only(out_c), *only(out_x)], pulled.name
        )
        loop = Loop(body, self.length, len(vc) + len(va), len(vs), len(only(out_c)), not self.reverse)
        s0 = [instantiate(v, s.type) for v, s, on in zip(ct_s, carries, seeded, strict=True) if on]
        a0 = [instantiate(a, c.type) for a, c, on in zip(begun, consts, out_c, strict=True) if on is not None]
        results = emit(loop, [*count, *known_c, *only(ct_a), *s0, *a0, *known_x, *only(ct_y)])
        rs, ra, ry = loop.results(results)
        totals = [v if v is None else Sum(v) for v in spread(ra, present(out_c))]
        cts = [*[None for _ in count], *totals, *spread(rs, seeded), *ct_a, *spread(ry, present(out_x))]
        return [v if on else None for v, on in zip(cts, linear, strict=True)]

    # -- lanes and parts --------------------------------------------------------------------------

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        lanes_count, lc, ls, la, lx = self.operands(batched)
        if any(lanes_count) and goes_alone(self):
            return single(lane_by_lane(self, size, batched, operands))
        if any(lanes_count):
            return self._batch_counts(size, batched, operands)
        count, consts, carries, accs, xs = self.operands(operands)
        wanted = (*[False] * self.n_carry, *la, *[False] * len(self.results(self.body.outputs)[2]))
        run = lambda mask: batch(self.body, size, (False, *lc, *mask, *lx), (*mask, *wanted[self.n_carry :]))
        carry = self.fixpoint(ls, lambda mask: run(mask)[1][: self.n_carry])
        body, out = run(carry)
        _, acc, ys_lanes = self.results(out)
        s0 = lanes_of(carries, ls, carry, size)
        a0 = lanes_of(accs, la, acc, size)
        x0 = [move_axis(x, 0, 1) if on and not isinstance(x.type, StackType) else x for x, on in zip(xs, lx, strict=True)]
        loop = Loop(body, self.length, self.n_consts, self.n_carry, self.n_acc, self.reverse)
        rs, ra, ry = loop.results(emit(loop, [*count, *consts, *s0, *a0, *x0]))
        ry = [move_axis(y, 1, 0) if on and not isinstance(y.type, StackType) else y for y, on in zip(ry, ys_lanes, strict=True)]
        return single(shared([*rs, *ra, *ry], [*carry, *acc, *ys_lanes]))

    def _batch_counts(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Lanes with trip counts of their own: run the longest, and let a lane change only while i < its count."""
        (counts,), consts, carries, accs, xs = self.operands(operands)
        _, lc, ls, la, lx = self.operands(batched)
        _, apart, _, _ = self.inputs(lanes_to_guard(self.body, self.body.in_types, (False, *lc, *[True] * self.n_carry, *lx)))
        inner, _ = batch(self.body, size, (False, *apart, *[True] * self.n_carry, *lx), True)

        def body(i: Any, counts: Any, *rest: Any) -> list[Any]:
            alive = less(expand(i, size), counts)
            given = [guard(alive, c) if on else c for c, on in zip(lanes_of(rest[: self.n_consts], lc, apart, size), apart, strict=True)]
            state = rest[self.n_consts : self.n_consts + self.n_carry]
            items = rest[self.n_consts + self.n_carry :]
            items = [guard(alive, x) if on else x for x, on in zip(items, lx, strict=True)]
            outs = inline(inner, [i, *given, *[guard(alive, v) for v in state], *items])
            new, incs, ys = self.results(outs)
            return [
                *[select_any(alive, n, o) for n, o in zip(new, state, strict=True)],
                *[select_any(alive, v, zeros(v.type)) for v in incs + ys],
            ]

        item_types = inner.in_types[1 + self.n_consts + self.n_carry :]
        state_types = inner.in_types[1 + self.n_consts : 1 + self.n_consts + self.n_carry]
        types = [INDEX, counts.type, *[c.type for c in consts], *state_types, *item_types]
        function = function_of(body, *types, name=inner.name)
        longest = max_(counts, (0,)) if size else zeros(INDEX)
        loop = Loop(function, None, 1 + self.n_consts, self.n_carry, self.n_acc, self.reverse)
        s0, a0 = lanes_of(carries, ls, [True] * len(carries), size), lanes_of(accs, la, [True] * len(accs), size)
        return single(emit(loop, [longest, counts, *consts, *s0, *a0, *xs]))

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        k_count, kc, ks, ka, kx = self.operands(known)
        if not all(k_count):
            return None
        count, consts, carries, accs, xs = self.operands(operands)
        unknown = self.fixpoint(
            [not on for on in ks],
            lambda mask: [not on for on in partial(self.body, (True, *kc, *[not u for u in mask], *kx)).out_known[: self.n_carry]],
        )
        ks = [not u for u in unknown]
        mask = (True, *kc, *ks, *kx)
        parts = partial(self.body, mask)
        outs = spread(parts.known.outputs[: sum(parts.out_known)], parts.out_known)
        _, out_a, out_y = self.results(outs)
        pa = [a if on else None for a, on in zip(out_a, ka, strict=True)]
        late = [
            v
            for v in unique([*chosen(self.results(outs)[0], unknown), *[a for a, on in zip(out_a, ka, strict=True) if not on]])
            if v is not None
        ]
        first_outs = [*chosen(self.results(outs)[0], ks), *only(pa), *only(out_y)]
        residuals = unique([*parts.residuals, *[v for v in late if isinstance(v, Var)]])
        i, c, _s, x = self.inputs(spread(parts.known.inputs, mask))
        kept = Residuals(parts.known.equations, residuals, only(c), only(x), only(out_y), i, self.length is None)
        first = Function(parts.known.inputs, parts.known.equations, [*first_outs, *kept.pushed], parts.known.name)
        now = Loop(first, self.length, sum(kc), sum(ks), len(only(pa)), self.reverse)
        results = emit(now, [*count, *chosen(consts, kc), *chosen(carries, ks), *chosen(accs, present(pa)), *chosen(xs, kx)])
        rs, ra, ry = now.results(results)
        ry, pushed = ry[: len(only(out_y))], ry[len(only(out_y)) :]

        _, uc, us, ux = self.inputs(spread(parts.unknown.inputs[len(parts.residuals) :], [not on for on in mask]))
        rest = spread(parts.unknown.outputs, [not on for on in parts.out_known])
        all_outs = [a if on else b for a, on, b in zip(outs, parts.out_known, rest, strict=True)]
        all_s, all_a, all_y = self.results(all_outs)
        late_a = [p is None for p in pa]
        second_outs = [*chosen(all_s, unknown), *chosen(all_a, late_a), *chosen(all_y, [y is None for y in out_y])]
        second = linear_body(kept, INDEX, only(uc), only(us), only(ux), parts.unknown, second_outs)
        later = Loop(second, self.length, len(kept.shared) + len(only(uc)), sum(unknown), sum(late_a), self.reverse)
        not_c, not_x = [not on for on in kc], [not on for on in kx]
        values = [*count, *kept.shared_values(chosen(consts, kc)), *chosen(consts, not_c), *chosen(carries, unknown), *chosen(accs, late_a)]
        values += [*kept.item_values(chosen(xs, kx), ry, pushed), *chosen(xs, not_x)]
        return [*spread(rs, ks), *spread(ra, present(pa)), *spread(ry, present(out_y))], later, values

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        ns, na, ny = self.results(needed)
        carry = self.fixpoint(ns, lambda mask: self.inputs(prune(self.body, (*mask, *na, *ny))[1])[2])
        gives = (*carry, *na, *ny)
        body, used = prune(self.body, gives)
        _, uc, us, ux = self.inputs(used)
        index, inputs = self.body.inputs[0], list(body.inputs)
        if used[0]:
            inputs.pop(0)
        # a carry that is passed on unread keeps its input
        it = iter(inputs)
        c = [next(it) for on in uc if on]
        s = [next(it) if on else v for v, on, keep in zip(self.inputs(self.body.inputs)[2], us, carry, strict=True) if keep]
        smaller = Function([index, *c, *s, *it], body.equations, body.outputs, body.name)
        loop = Loop(smaller, self.length, len(c), len(s), sum(na), self.reverse)
        return loop, (*[True] * (self.length is None), *uc, *carry, *na, *ux), gives

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            s, v = array_type((), np.dtype(code)), array_type((2,), np.dtype(code))

            def body(i: Any, c: Any, h: Any, x: Any) -> list[Any]:
                new = sin(c * h + x)
                return [new, new * x, new * h]

            function = function_of(body, INDEX, v, v, v)
            x = np.linspace(0.1, 1.2, 6).reshape(3, 2).astype(code)
            one = np.array([0.5, -0.3], code)
            yield Sample(cls(function, 3, 1, 1, 1), one * 2, one, one * 0.1, x)
            yield Sample(cls(function, 3, 1, 1, 1, True), one * 2, one, one * 0.1, x)
            fixed = function_of(lambda i, c, h: [sin(c * h), mul(h, c * cast(i, c.dtype))], INDEX, s, s)
            yield Sample(cls(fixed, None, 1, 1, 1), np.int64(4), *[np.dtype(code).type(z) for z in (0.7, 0.4, 0.1)])


def spread_like(values: Sequence[Any], lc: Sequence[bool], n_carry: int, lx: Sequence[bool]) -> list[Any]:
    """Cotangents of the linear inputs, in their places among consts | carries | xs."""
    return spread(values, (*lc, *[True] * n_carry, *lx))
