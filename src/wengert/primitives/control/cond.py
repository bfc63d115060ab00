"""`Cond`: one of several Functions, chosen by an index. Only the one taken is run.

Start at `Cond`; `merge` is how branches with residuals of their own become branches of one type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, Sum, expand, instantiate, zeros
from wengert.errors import IndexOutOfBoundsError, ShapeError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType, StackType, Type, array_type
from wengert.ir.values import Equation, Function, Var, splat
from wengert.ir.walk import inline
from wengert.primitives.arith import equal
from wengert.primitives.control.branches import begins_at_zero, taken_back
from wengert.primitives.control.call import (
    check_operands,
    chosen,
    emit,
    function_of,
    is_zero,
    only,
    present,
    pullback,
    several,
    shared,
    single,
    spread,
    unique,
)
from wengert.primitives.control.lanes import goes_alone, lane_by_lane
from wengert.primitives.control.nesting import HEADER, SMALL, StackPlace, indexed, is_stack, moves, origin, put, settled
from wengert.primitives.control.plain import merged, once, plain
from wengert.primitives.control.residuals import cheapest
from wengert.primitives.control.stack import guard, lanes_of, lanes_to_guard, select_any
from wengert.primitives.index import gather
from wengert.primitives.math import exp, sin
from wengert.primitives.reduce import any_, argmax
from wengert.primitives.shape import cast, stop_gradient
from wengert.transform.batch import batch
from wengert.transform.evaluate import run
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune

INDEX = array_type((), np.dtype(np.int64))


class Cond(Primitive):
    """branches[index](*operands), for an integer index; for a bool the branches are (if false, if true).

    operands: index | operands of every branch. All branches have the same types.
    """

    branches: tuple[Function, ...]
    views = True
    continues = True

    def functions(self) -> tuple[Function, ...]:
        return self.branches

    def type(self, *operands: Type) -> tuple[Type, ...]:
        first = self.branches[0]
        index: Any = operands[0]
        if index.shape != () or index.dtype.kind not in "ib":
            raise ShapeError(four_parts("the index of a cond is one integer or bool", repr(index)))
        for branch in self.branches:
            if branch.out_types != first.out_types:
                raise ShapeError(four_parts("the branches of a cond differ in their results", f"{first.out_types}, {branch.out_types}"))
            check_operands(self.name, branch.in_types, operands[1:])
        return first.out_types

    def evaluate(self, index: Any, *operands: Any) -> Any:
        if not 0 <= index < len(self.branches):
            raise IndexOutOfBoundsError(four_parts(f"cond has {len(self.branches)} branches", f"index {int(index)}"))
        return single(run(self.branches[int(index)], operands))

    def exact(self, m: Any, index: Any, *operands: Any) -> Any:
        return single(m.run(self.branches[m.choice(index)], operands))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """Native branches; small results are in registers, large ones in memory that each branch writes."""
        (index,) = k.registers(operands[0]).values
        if len(self.branches) == 2:
            index = k.truth(index)
        places = {n for branch in self.branches for n in indexed(branch)}
        operands = settled(k, operands[1:], {*places, *[n - 1 for n in outs.given]})
        # A small array stays in the memory that it is changed in.
        small = [isinstance(t, ArrayType) and 0 < t.size <= SMALL and self.renews(n) not in outs.given for n, t in enumerate(outs.types)]
        memory: list[Any] = []
        mine = set()
        for n, (s, t) in enumerate(zip(small, outs.types, strict=True)):
            renewed = self.renews(n)
            if s:
                memory.append(None)
            elif is_stack(t):
                memory.append(StackPlace(k.scratch((HEADER,), "i8"), t.item))
            elif renewed in outs.given and renewed not in mine:
                mine.add(renewed)
                memory.append(operands[renewed - 1])
            else:
                memory.append(outs[n])
        owned = [n - 1 for n in mine]

        def run(branch: Function) -> list[Any]:
            results = k.function(branch, operands, [None if isinstance(m, StackPlace) else m for m in memory], owned=owned)
            moved = moves(k, results, memory)
            scalars = [x for s, place in zip(small, results, strict=True) if s for x in k.registers(place).values]
            for place, m in moved:
                put(k, m, place)
            return scalars

        def choose(first: int) -> list[Any]:
            if first == len(self.branches) - 1:
                return run(self.branches[first])
            here = k.op("not", index) if index.kind == "b1" else k.op("eq", index, k.const(first, index.kind))
            return k.branch(here, lambda: run(self.branches[first]), lambda: choose(first + 1))  # type: ignore[no-any-return]

        if index.kind != "b1":
            k.bounded_above(index, len(self.branches))
        scalars = iter(choose(0))
        return [
            k.in_registers([next(scalars) for _ in range(t.size)], t.shape) if m is None else m  # type: ignore[union-attr]
            for m, t in zip(memory, outs.types, strict=True)
        ]

    def indexed(self, operands: Sequence[Any]) -> Sequence[int]:
        return [1 + n for n in {n for branch in self.branches for n in indexed(branch)}]

    def with_each_once(self, operands: Sequence[Any]) -> tuple[Primitive, Sequence[Any]]:
        found = [once(branch, 0, operands[1:]) for branch in self.branches]
        return Cond(tuple([branch for branch, _ in found])), [operands[0], *chosen(operands[1:], found[0][1])]

    def renews(self, result: int) -> int | None:
        return self._from(result, "renews")

    def adds_to(self, result: int) -> int | None:
        return self._from(result, "adds_to", True)

    def _from(self, result: int, relation: str, everywhere: bool = False) -> int | None:
        """The operand from which that relation leads to this result, in one branch or in all."""
        found = [origin(branch, result, relation, everywhere) for branch in self.branches]
        led = {n for n in found if n is not None}
        return 1 + led.pop() if len(led) == 1 and not (everywhere and None in found) else None

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        active = present(tangents[1:])
        pushed = [jvp(branch, active) for branch in self.branches]
        joint = either([mask for _, mask in pushed])
        n = len(joint)
        branches = []
        for f, mask in pushed:
            outs, touts = f.outputs[:n], spread(f.outputs[n:], mask)
            branches.append(with_zeros(f, [*outs, *touts], [True] * n + joint, [a.type for a in (*outs, *outs)]))
        results = emit(Cond(tuple(branches)), [*primals, *only(tangents)])
        return single(results[:n]), single(spread(results[n:], joint))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        active = present(tangents[1:])
        written_out = Cond(tuple([plain(branch) for branch in self.branches]))
        splits = [linearize(branch, active) for branch in written_out.branches]
        joint = either([s.out_active for s in splits])
        n = len(joint)
        halves = [merged(s, n) for s in splits]
        found = taken_back(written_out, halves, [s.out_active for s in splits], active, primals, tangents, merge, Part)
        if found is not None:
            return found
        parts = []
        for s, half in zip(splits, halves, strict=True):
            tangent = with_zeros(half.tangent, spread(half.tangent.outputs, s.out_active), joint, self.branches[0].out_types)
            inputs, given, again = tangent.inputs[len(half.residuals) :], *counted(half)
            first = Function(half.inputs, half.equations, half.outputs, s.primal.name)
            second = Function((), [*again, *tangent.equations], (), tangent.name)
            parts.append(Part(first, n, given, second, inputs, tangent.outputs))
        known, later, residuals = merge(parts)
        results = emit(Cond(known), primals)
        given = residuals(primals[1:], results[:n], results[n:])
        touts = emit(Cond(later), [primals[0], *given, *only(tangents)])
        return single(results[:n]), single(spread(touts, joint))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> Sequence[Any]:
        """A branch on the transposed branches, of which each adds into the sums of arrays that are there."""
        cts = several(ct)
        on = tuple(linear[1:])
        pulled = [pullback(branch, on, present(cts)) for branch in self.branches]
        joint = either([mask for _, mask in pulled])
        if not any(joint):
            return [None] * len(operands)
        moving = chosen(operands[1:], on)
        large = [isinstance(x.type, ArrayType) and x.type.size > SMALL for x in moving]
        sums_up = [all([_from_zero(f, mask, k) for f, mask in pulled]) for k in range(len(moving))]
        begun = [a and b and c for a, b, c in zip(joint, large, sums_up, strict=True)]
        pulled = [pullback(branch, on, present(cts), tuple(begun)) for branch in self.branches]
        branches = tuple([with_zeros(f, spread(f.outputs, mask), joint, [x.type for x in moving]) for f, mask in pulled])
        given = chosen(sums[1:], on) if sums else [None] * len(moving)
        starts = [instantiate(s, x.type) for s, x, b in zip(given, moving, begun, strict=True) if b]
        others = [x for x, lin in zip(operands[1:], on, strict=True) if not lin]
        results = emit(Cond(branches), [operands[0], *others, *only(cts), *starts])
        totals = [Sum(v) if b else v for v, b in zip(spread(results, joint), begun, strict=True)]
        return [None, *spread(totals, on)]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if batched[0] and goes_alone(self):
            return single(lane_by_lane(self, size, batched, operands))
        lanes = batched[1:]
        masks = [batch(branch, size, lanes)[1] for branch in self.branches]
        joint = either(masks)
        if not batched[0]:
            branches = tuple([batch(branch, size, lanes, joint)[0] for branch in self.branches])
            return single(shared(emit(Cond(branches), operands), joint))
        index = cast(operands[0], np.int64)
        results: list[Any] = []
        for k, branch in enumerate(self.branches):
            taken = equal(index, splat(k, index.type))
            apart = lanes_to_guard(branch, branch.in_types, lanes)
            given = [guard(taken, x) if on else x for x, on in zip(lanes_of(operands[1:], lanes, apart, size), apart, strict=True)]
            body = batch(branch, size, apart, True)[0]
            outs = inline(body, given) if is_total(branch) else only_where(taken, body, given, apart)
            results = [select_any(taken, new, old) for new, old in zip(outs, results, strict=True)] if results else outs
        return single(results)

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        if not known[0]:
            return None
        mask = tuple(known[1:])
        splits = [partial(branch, mask) for branch in self.branches]
        out_known = [all(column) for column in zip(*[s.out_known for s in splits], strict=True)]
        n = sum(out_known)
        parts = []
        for s in splits:
            early = spread(s.known.outputs[: sum(s.out_known)], s.out_known)
            late = spread(s.unknown.outputs, [not on for on in s.out_known])
            waiting = [a if a is not None else b for a, b, on in zip(late, early, out_known, strict=True) if not on]
            handed = [a for a, on in zip(early, out_known, strict=True) if a is not None and not on and isinstance(a, Var)]
            first = Function(s.known.inputs, s.known.equations, chosen(early, out_known), s.known.name)
            parts.append(Part(first, n, unique([*s.residuals, *handed]), s.unknown, s.unknown.inputs[len(s.residuals) :], waiting))
        first_half, later, residuals = merge(parts)
        given = chosen(operands[1:], mask)
        results = emit(Cond(first_half), [operands[0], *given])
        rest = [x for x, on in zip(operands[1:], mask, strict=True) if not on]
        return spread(results[:n], out_known), Cond(later), [operands[0], *residuals(given, results[:n], results[n:]), *rest]

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        smaller = [prune(branch, needed) for branch in self.branches]
        used = either([mask for _, mask in smaller])
        branches = []
        for f, mask in smaller:
            inputs = [
                v if v is not None else Var(t)
                for v, t, on in zip(spread(f.inputs, mask), self.branches[0].in_types, used, strict=True)
                if on
            ]
            branches.append(Function(inputs, f.equations, f.outputs, f.name))
        return Cond(tuple(branches)), (True, *used), needed

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((2,), np.dtype(code))
            one = function_of(lambda x, y: [sin(x) * y, x], t, t)
            two = function_of(lambda x, y: [x * 2.0, zeros(x.type)], t, t)
            three = function_of(lambda x, y: [exp(exp(y) * x), y], t, t)
            x, y = np.array([0.3, -0.4], code), np.array([0.7, 0.2], code)
            for k in range(3):
                yield Sample(cls((one, two, three)), np.int64(k), x, y)
            yield Sample(cls((one, three)), np.True_, x, y)


def is_total(function: Function) -> bool:
    """Whether the function ends without an error whatever its operands: no loop in it, and nothing that can raise."""
    return not any([e.operation.functions() or e.operation.may_raise for e in function.equations])  # type: ignore[attr-defined]


def only_where(taken: Any, body: Function, operands: Sequence[Any], lanes: Sequence[bool]) -> list[Any]:
    """The batched branch, run only if some lane takes it, and there on operands of lanes that do.

    A lane that does not take the branch gets the operands of one that does: a loop then ends, a
    factorisation succeeds, and what comes out for that lane is not looked at.
    """
    donor = argmax(taken, 0) if taken.type.shape[0] else None
    given = []
    for x, on in zip(operands, lanes, strict=True):
        if on and donor is not None and not isinstance(x.type, StackType):
            x = select_any(taken, x, stop_gradient(expand(gather(x, [donor]), taken.type.shape[0])))
        given.append(x)
    nothing = Function([Var(x.type) for x in given], (), (), body.name)
    skip = with_zeros(nothing, [None] * len(body.outputs), [True] * len(body.outputs), body.out_types)
    return emit(Cond((skip, body)), [any_(taken, (0,)), *given])


def _from_zero(pulled: Function, mask: Sequence[bool], k: int) -> bool:
    """Whether the k-th cotangent of a branch is a sum that starts at zero; not one that is handed through and changed in places."""
    ct = spread(pulled.outputs, mask)[k]
    return ct is None or is_zero(ct) or begins_at_zero(ct, {out: e for e in pulled.equations for out in e.outs})


def either(masks: Sequence[Sequence[bool]]) -> list[bool]:
    """Where any of the masks holds."""
    return [any(column) for column in zip(*masks, strict=True)]


def with_zeros(function: Function, outputs: Sequence[Any], wanted: Sequence[bool], types: Sequence[Type]) -> Function:
    """The Function with these outputs where wanted; None becomes an explicit zero."""
    builder = Builder()
    with building(builder):
        outs = [instantiate(a, t) for a, t, on in zip(outputs, types, wanted, strict=True) if on]
    return Function(function.inputs, [*function.equations, *builder.equations], outs, function.name)


def counted(half: Any) -> tuple[list[Var], list[Equation]]:
    """What the linear half of a branch is given, and what it computes of that: indices, again from the integers that the branch is given.

    What surrounds the branch knows these, as a rule, or counts them as well.
    """
    free = {v for v in half.inputs if isinstance(v.type, ArrayType) and v.type.shape == () and v.type.dtype.kind in "iub"}
    _, again, _ = cheapest(half.equations, half.residuals, free)
    made = {v for e in again for v in e.outs}
    needed = unique([*half.residuals, *[a for e in again for a in e.operands if isinstance(a, Var)]])
    return [v for v in needed if v not in made], again


class Part:
    """One branch in two parts: first: inputs -> outs[:n], …; then: (residuals, inputs) -> outs."""

    __slots__ = ("equations", "first", "inputs", "n", "name", "outs", "residuals")

    def __init__(
        self, first: Function, n: int, residuals: Sequence[Var], second: Function, inputs: Sequence[Var], outs: Sequence[Any]
    ) -> None:
        self.first, self.n, self.residuals = first, n, list(residuals)
        self.equations: tuple[Equation, ...] = second.equations
        self.inputs, self.outs, self.name = list(inputs), list(outs), second.name


def merge(parts: Sequence[Part]) -> tuple[tuple[Function, ...], tuple[Function, ...], Any]:
    """Give all branches the same residuals.

    -> (inputs -> outs | slots), (residuals | inputs -> outs), and what finds the residuals.
    A residual that is an operand or a result is found there. The others share slots of their
    type; a branch fills those it does not use with zeros. Stacks have a slot of their own.
    """
    slots: list[Type] = []
    places: list[dict[tuple[int, int], Var]] = []
    for part in parts:
        inputs, outs = list(part.first.inputs), list(part.first.outputs[: part.n])
        place: dict[tuple[int, int], Var] = {}
        free = [k for k, t in enumerate(slots) if not isinstance(t, StackType)]
        for r in part.residuals:
            if r in inputs:
                place[0, inputs.index(r)] = r
            elif r in outs:
                place[1, outs.index(r)] = r
            else:
                k = next((k for k in free if slots[k] is r.type), None)
                if k is None:
                    k = len(slots)
                    slots.append(r.type)
                else:
                    free.remove(k)
                place[2, k] = r
        places.append(place)
    keys = sorted({key for place in places for key in place})
    first_types = [[v.type for v in parts[0].first.inputs], [a.type for a in parts[0].first.outputs[: parts[0].n]], slots]
    known, later = [], []
    for part, place in zip(parts, places, strict=True):
        filled = [place.get((2, k)) for k in range(len(slots))]
        n = part.n
        known.append(with_zeros(part.first, [*part.first.outputs[:n], *filled], [True] * (n + len(slots)), [*first_types[1], *slots]))
        residuals = [place[key] if key in place else Var(first_types[key[0]][key[1]]) for key in keys]
        later.append(Function([*residuals, *part.inputs], part.equations, part.outs, part.name))

    def find(inputs: Sequence[Any], outs: Sequence[Any], fresh: Sequence[Any]) -> list[Any]:
        where = (inputs, outs, fresh)
        return [where[kind][k] for kind, k in keys]

    return tuple(known), tuple(later), find
