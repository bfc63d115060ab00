"""`While`: repeat while a predicate holds. The trip count is known when it has run.

Its linear part is a `Loop` over the count, which pops the residuals that the `While` pushed; the
reverse of that pops them from the other end. Start at `While`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, expand, instantiate, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type, stack_type
from wengert.ir.values import Function, Var
from wengert.ir.walk import inline
from wengert.primitives.arith import less, logical_and
from wengert.primitives.control.call import (
    check_operands,
    chosen,
    depends,
    emit,
    function_of,
    only,
    present,
    shared,
    single,
    spread,
    transpose_split,
    unique,
)
from wengert.primitives.control.lanes import goes_alone, lane_by_lane
from wengert.primitives.control.loop import INDEX, Loop
from wengert.primitives.control.nesting import Carries, Passing, empty, indexed, push, settled
from wengert.primitives.control.plain import merged, once, plain
from wengert.primitives.control.residuals import Residuals, linear_body
from wengert.primitives.control.rewind import Back, choose, pushed
from wengert.primitives.control.stack import Stack, guard, lanes_of, lanes_to_guard, select_any
from wengert.primitives.math import sin
from wengert.primitives.reduce import any_
from wengert.primitives.shape import cast
from wengert.transform.batch import batch
from wengert.transform.evaluate import run
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune


class While(Primitive):
    """Repeat while a predicate of the carries holds.

    operands: constants of the predicate | constants of the body | carries
    cond:     its constants | carries -> bool
    body:     its constants | carries -> carries | what to push
    results:  carries | count and a stack for each thing pushed, if anything is or it is `counted`
    """

    cond: Function
    body: Function
    n_cond_consts: int
    n_body_consts: int
    n_carry: int
    n_push: int = 0
    counted: bool = False
    views = True
    continues = True

    def functions(self) -> tuple[Function, ...]:
        return self.cond, self.body

    @property
    def counts(self) -> bool:
        """Whether the number of iterations is a result."""
        return self.counted or self.n_push > 0

    def operands(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Constants of the predicate | constants of the body | carries"""
        a, b = self.n_cond_consts, self.n_cond_consts + self.n_body_consts
        values = list(values)
        return values[:a], values[a:b], values[b:]

    def inputs(self, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Of the body: constants | carries"""
        values = list(values)
        return values[: self.n_body_consts], values[self.n_body_consts :]

    fixpoint = Loop.fixpoint

    def type(self, *operands: Type) -> tuple[Type, ...]:
        cond_consts, consts, carries = self.operands(operands)
        out = self.body.out_types
        check_operands(self.name, self.cond.in_types, [*cond_consts, *carries])
        check_operands(self.name, self.body.in_types, [*consts, *carries])
        if list(out[: self.n_carry]) != carries or len(out) != self.n_carry + self.n_push:
            raise ShapeError(four_parts("the body of a while changes the type of a carry", f"{carries} -> {list(out)}"))
        if self.cond.out_types != (array_type((), np.dtype(np.bool_)),):
            raise ShapeError(four_parts("the predicate of a while must be one bool", repr(self.cond.out_types)))
        return (*carries, *[INDEX] * self.counts, *[stack_type(t) for t in out[self.n_carry :]])

    def evaluate(self, *operands: Any) -> Any:
        cond_consts, consts, carries = self.operands(operands)
        stacks = [Stack() for _ in range(self.n_push)]
        count = 0
        while run(self.cond, [*cond_consts, *carries])[0]:
            outs = run(self.body, [*consts, *carries])
            carries = outs[: self.n_carry]
            for stack, value in zip(stacks, outs[self.n_carry :], strict=True):
                stack.append(value)
            count += 1
        return single([*carries, *[np.int64(count)] * self.counts, *stacks])

    def exact(self, m: Any, *operands: Any) -> Any:
        cond_consts, consts, carries = self.operands(operands)
        pushed: list[list[Any]] = [[] for _ in range(self.n_push)]
        count = 0
        while m.holds(m.run(self.cond, [*cond_consts, *carries])[0]):
            outs = m.run(self.body, [*consts, *carries])
            carries = outs[: self.n_carry]
            for found, value in zip(pushed, outs[self.n_carry :], strict=True):
                found.append(value)
            count += 1
        return single([*carries, *[np.int64(count)] * self.counts, *[Stack(found) for found in pushed]])

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """A native loop; what is pushed goes to stacks that grow."""
        cond_consts, consts, carries = self.operands(operands)
        in_memory = self.indexed(operands)
        given = len(cond_consts) + len(consts)
        cond_consts, consts = settled(k, cond_consts, in_memory), settled(k, consts, [i - len(cond_consts) for i in in_memory])
        n = self.n_carry
        types = outs.types
        state = Carries(k, carries, types[:n], outs, given, [i - given for i in in_memory])
        stacks = [empty(k, t.item) for t in types[n + self.counts :]]

        def test(scalars: list[Any]) -> Any:
            (holds,) = k.function(self.cond, [*cond_consts, *state.places(scalars[1:])])
            return k.registers(holds).values[0]

        passing = Passing(k, self.body, types[:n])

        def body(scalars: list[Any]) -> list[Any]:
            passing.begin()
            places = state.places(scalars[1:])
            owned = state.owned
            into = [*[m if own else None for m, own in zip(places, owned, strict=True)], *[None] * len(stacks)]
            mine = [len(consts) + i for i, own in enumerate(owned) if own]
            results = k.function(self.body, [*consts, *places], into, owned=mine)
            passing.end()
            for stack, value in zip(stacks, results[n:], strict=True):
                push(k, stack, value)
            return [k.op("add", scalars[0], k.const(1, "i8")), *state.scalars(results[:n])]

        count, *scalars = k.while_([k.const(0, "i8"), *state.inits], test, body)
        return [*state.places(scalars), *[k.in_registers([count], ())] * self.counts, *stacks]

    def indexed(self, operands: Sequence[Any]) -> Sequence[int]:
        a = self.n_cond_consts
        b = a + self.n_body_consts
        tested = [n if n < a else n - a + b for n in indexed(self.cond)]
        return [*tested, *[a + n for n in indexed(self.body)]]

    def with_each_once(self, operands: Sequence[Any]) -> tuple[Primitive, Sequence[Any]]:
        cond_consts, consts, carries = self.operands(operands)
        body, keep = once(self.body, 0, consts)
        loop = While(self.cond, body, self.n_cond_consts, sum(keep), self.n_carry, self.n_push, self.counted)
        return loop, [*cond_consts, *chosen(consts, keep), *carries]

    def renews(self, result: int) -> int | None:
        return self.n_cond_consts + self.n_body_consts + result if result < self.n_carry else None

    # -- derivatives --------------------------------------------------------------------------

    def _activity(self, tangents: Sequence[Any]) -> tuple[bool, ...]:
        _, dconsts, dcarries = self.operands(tangents)
        c = present(dconsts)
        return (*c, *self.fixpoint(present(dcarries), lambda mask: jvp(self.body, (*c, *mask))[1][: self.n_carry]))

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        cond_consts, consts, carries = self.operands(primals)
        _, dconsts, dcarries = self.operands(tangents)
        active = self._activity(tangents)
        body, mask = jvp(self.body, active)
        n_in, n_out, n = len(self.body.inputs), len(self.body.outputs), self.n_carry
        c, s = self.inputs(body.inputs[:n_in])
        dc, ds = self.inputs(spread(body.inputs[n_in:], active))
        outs, douts = body.outputs[:n_out], spread(body.outputs[n_out:], mask)
        on = present(ds)
        ds_out = [instantiate(t, v.type) for t, v in zip(chosen(douts[:n], on), only(ds), strict=True)]
        dpush = douts[n:]
        both = Function([*c, *only(dc), *s, *only(ds)], body.equations, [*outs[:n], *ds_out, *outs[n:], *only(dpush)], body.name)
        cond = Function([*self.cond.inputs, *[Var(v.type) for v in only(ds)]], self.cond.equations, self.cond.outputs, self.cond.name)
        ds0 = [instantiate(t, v.type) for t, v, a in zip(dcarries, carries, on, strict=True) if a]
        loop = While(cond, both, len(cond_consts), len(c) + len(only(dc)), n + len(ds0), self.n_push + len(only(dpush)), self.counts)
        results = emit(loop, [*cond_consts, *consts, *only(dconsts), *carries, *ds0])
        stacks = results[loop.n_carry + loop.counts :]
        primal_outs = [*results[:n], *results[loop.n_carry : loop.n_carry + self.counts], *stacks[: self.n_push]]
        touts = [*spread(results[n : loop.n_carry], on), *[None] * self.counts, *spread(stacks[self.n_push :], present(dpush))]
        return single(primal_outs), single(touts)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        _, consts, carries = self.operands(primals)
        _, dconsts, dcarries = self.operands(tangents)
        active = self._activity(tangents)
        n, n_out = self.n_carry, len(self.body.outputs)
        linearized = linearize(plain(self.body), active)
        split = merged(linearized, n_out)
        inputs, name = linearized.primal.inputs, linearized.primal.name
        index = Var(INDEX)
        c, s = self.inputs(inputs)
        carried = list(zip(s, split.outputs, strict=False))
        kept, plan, starts = choose(split, carried, c, (), split.outputs[n:], index, None)
        late = pushed(kept, plan)
        known = Function(inputs, split.equations if plan is None else plan.equations, [*split.outputs, *late], name)
        loop = While(self.cond, known, self.n_cond_consts, self.n_body_consts, n, self.n_push + len(late), True)
        results = emit(loop, primals)
        count, stacks = results[n], results[n + 1 :]
        more = dict(zip(late, stacks[self.n_push :], strict=True))

        dc, ds = self.inputs(spread(split.tangent.inputs[len(split.residuals) :], active))
        douts = spread(split.tangent.outputs, linearized.out_active)
        on = present(ds)
        ds_out = [instantiate(t, v.type) for t, v in zip(chosen(douts[:n], on), only(ds), strict=True)]
        dpush = douts[n:]
        ds0 = [instantiate(t, v.type) for t, v, a in zip(dcarries, carries, on, strict=True) if a]
        items = kept.item_values((), stacks[: self.n_push], [more[v] for v in kept.pushed])
        values = [*consts, *[carries[n] for n in starts]]
        shared = kept.shared_values(values)
        if plan is not None:
            make = lambda body, *sizes: Loop(body, None, *sizes, True)
            back = Back(plan, kept, index, (only(dc), only(ds), ()), (ds_out, (), only(dpush)), [INDEX], stack_type, make)
            after = [results[n] for n in plan.places]
            alone = plan.alone.values(values, after, (), stacks[: self.n_push], more) if plan.alone is not None else []
            touts = emit(back.operation(), [count, *shared, *items, *alone, *after, *only(dconsts), *ds0])
        else:
            body = linear_body(kept, INDEX, only(dc), only(ds), (), split.tangent, [*ds_out, *only(dpush)])
            linear = Loop(body, None, len(kept.shared) + len(only(dc)), len(ds_out), 0)
            touts = emit(linear, [count, *shared, *only(dconsts), *ds0, *items])
        outs = [*results[:n], *[count] * self.counts, *stacks[: self.n_push]]
        return single(outs), single([*spread(touts[: len(ds0)], on), *[None] * self.counts, *spread(touts[len(ds0) :], present(dpush))])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> Sequence[Any]:
        """What is linear of a while is a loop over its count, split off here."""
        return transpose_split(self, ct, operands, linear, sums)

    # -- lanes and parts ------------------------------------------------------------------------

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        cond_consts, consts, carries = self.operands(operands)
        lp, lc, ls = self.operands(batched)
        carry = self.fixpoint(ls, lambda mask: batch(self.body, size, (*lc, *mask), (*mask, *[False] * self.n_push))[1][: self.n_carry])
        cond, (by_lane,) = batch(self.cond, size, (*lp, *carry))
        if by_lane and goes_alone(self):
            return single(lane_by_lane(self, size, batched, operands))
        if by_lane:
            return self._batch_predicates(size, batched, operands)
        body, out = batch(self.body, size, (*lc, *carry), (*carry, *[False] * self.n_push))
        loop = While(cond, body, self.n_cond_consts, self.n_body_consts, self.n_carry, self.n_push, self.counted)
        results = emit(loop, [*cond_consts, *consts, *lanes_of(carries, ls, carry, size)])
        return single(shared(results, [*out[: self.n_carry], *[False] * self.counts, *out[self.n_carry :]]))

    def _batch_predicates(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Lanes that stop at different times: run while any is alive; a lane that is not stays as it is.

        The derivative of a lane that has stopped is guarded, so that nothing the body does with
        its last value can reach it.
        """
        cond_consts, consts, carries = self.operands(operands)
        lp, lc, ls = self.operands(batched)
        n, a = self.n_carry, self.n_cond_consts
        cond, _ = batch(self.cond, size, (*lp, *[True] * n), True)
        apart, _ = self.inputs(lanes_to_guard(self.body, self.body.in_types, (*lc, *[True] * n)))
        body, _ = batch(self.body, size, (*apart, *[True] * n), True)
        start = lanes_of(carries, ls, [True] * n, size)
        alive0 = inline(cond, [*cond_consts, *start])[0]
        count0 = expand(zeros(INDEX), size)

        def step(*values: Any) -> list[Any]:
            given, state, alive, count = values[: a + self.n_body_consts], values[-n - 2 : -2], values[-2], values[-1]
            consts = [guard(alive, c) if on else c for c, on in zip(lanes_of(given[a:], lc, apart, size), apart, strict=True)]
            outs = inline(body, [*consts, *[guard(alive, v) for v in state]])
            state = [select_any(alive, new, old) for new, old in zip(outs[:n], state, strict=True)]
            pushes = [select_any(alive, v, zeros(v.type)) for v in outs[n:]]
            still = logical_and(alive, inline(cond, [*given[:a], *state])[0])
            return [*state, still, count + cast(alive, np.int64), *pushes]

        types = [v.type for v in (*cond_consts, *consts, *start, alive0, count0)]
        function = function_of(step, *types, name=body.name)
        some = function_of(lambda *state: [any_(state[-2], (0,))], *types[a + self.n_body_consts :], name=cond.name)
        loop = While(some, function, 0, a + self.n_body_consts, n + 2, self.n_push)
        results = emit(loop, [*cond_consts, *consts, *start, alive0, count0])
        return single([*results[:n], *[results[n + 1]] * self.counts, *results[n + 2 + loop.counts :]])

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        kp, kc, ks = self.operands(known)
        cond_consts, consts, carries = self.operands(operands)
        unknown = self.fixpoint(
            [not on for on in ks],
            lambda mask: [not on for on in partial(self.body, (*kc, *[not u for u in mask])).out_known[: self.n_carry]],
        )
        if not all(kp) or depends(self.cond, (*[False] * self.n_cond_consts, *unknown))[0]:
            return None
        ks = [not u for u in unknown]
        mask = (*kc, *ks)
        n = self.n_carry
        parts = partial(self.body, mask)
        outs = spread(parts.known.outputs[: sum(parts.out_known)], parts.out_known)
        late = [v for v in chosen(outs[:n], unknown) if isinstance(v, Var)]
        c, _s = self.inputs(spread(parts.known.inputs, mask))
        pushes = outs[n:]
        kept = Residuals(parts.known.equations, unique([*parts.residuals, *late]), only(c), (), only(pushes), growing=True)
        first = Function(parts.known.inputs, parts.known.equations, [*chosen(outs[:n], ks), *only(pushes), *kept.pushed], parts.known.name)
        cond_carries = self.cond.inputs[self.n_cond_consts :]
        cond = Function(
            [*self.cond.inputs[: self.n_cond_consts], *chosen(cond_carries, ks)], self.cond.equations, self.cond.outputs, self.cond.name
        )
        now = While(cond, first, self.n_cond_consts, sum(kc), sum(ks), len(only(pushes)) + len(kept.pushed), True)
        results = emit(now, [*cond_consts, *chosen(consts, kc), *chosen(carries, ks)])
        m = sum(ks)
        count, stacks = results[m], results[m + 1 :]
        n_known_push = len(only(pushes))

        uc, us = self.inputs(spread(parts.unknown.inputs[len(parts.residuals) :], [not on for on in mask]))
        rest = spread(parts.unknown.outputs, [not on for on in parts.out_known])
        everything = [x if on else y for x, on, y in zip(outs, parts.out_known, rest, strict=True)]
        second = linear_body(
            kept,
            INDEX,
            only(uc),
            only(us),
            (),
            parts.unknown,
            [*chosen(everything[:n], unknown), *[v for v, p in zip(rest[n:], pushes, strict=True) if p is None]],
        )
        later = Loop(second, None, len(kept.shared) + len(only(uc)), sum(unknown), 0)
        values = [count, *kept.shared_values(chosen(consts, kc)), *chosen(consts, [not on for on in kc]), *chosen(carries, unknown)]
        values += kept.item_values((), stacks[:n_known_push], stacks[n_known_push:])
        done = [*spread(results[:m], ks), *[count] * self.counts, *spread(stacks[:n_known_push], present(pushes))]
        return done, later, values

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        n = self.n_carry
        pushes = list(needed[n + self.counts :])
        counted = self.counts and (needed[n] or any(pushes))
        watched = prune(self.cond, (True,))[1][self.n_cond_consts :]
        start = [a or b for a, b in zip(needed[:n], watched, strict=True)]
        carry = self.fixpoint(start, lambda mask: self.inputs(prune(self.body, (*mask, *pushes))[1])[1])
        body, used = prune(self.body, (*carry, *pushes))
        uc, us = self.inputs(used)
        it = iter(body.inputs)
        c = [next(it) for on in uc if on]
        s = [next(it) if on else v for v, on, keep in zip(self.inputs(self.body.inputs)[1], us, carry, strict=True) if keep]
        smaller = Function([*c, *s], body.equations, body.outputs, body.name)
        a = self.n_cond_consts
        cond = Function(
            [*self.cond.inputs[:a], *chosen(self.cond.inputs[a:], carry)], self.cond.equations, self.cond.outputs, self.cond.name
        )
        loop = While(cond, smaller, a, len(c), len(s), sum(pushes), counted)
        return loop, (*[True] * a, *uc, *carry), (*carry, *[counted] * self.counts, *pushes)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            v = array_type((2,), np.dtype(code))
            real = array_type((), np.dtype(np.float64))
            cond = function_of(lambda top, h, t: [less(t, top)], real, v, real)
            body = function_of(lambda c, h, t: [sin(c * h), t + 0.4], v, v, real)
            h = np.array([0.5, -0.3], code)
            yield Sample(cls(cond, body, 1, 1, 2), np.float64(1.1), h * 3, h, np.float64(0.1), complex_step=False)
            yield Sample(cls(cond, body, 1, 1, 2), np.float64(0.0), h * 3, h, np.float64(0.1), complex_step=False)
