"""The linear part of a branch that overwrites places of an array: its reverse takes the array back with it, as `rewind` has it.

Start at `taken_back`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.contract import instantiate
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType, Type
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.primitives.control.call import chosen, emit, is_zero, only, single, spread, unique
from wengert.primitives.control.nesting import SMALL, origin
from wengert.primitives.control.rewind import Plan
from wengert.primitives.control.rewinding import Rewinding


def taken_back(
    cond: Any,
    splits: Sequence[Any],
    out_active: Sequence[Sequence[bool]],
    active: Sequence[bool],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    merge: Callable[..., Any],
    part: Callable[..., Any],
) -> tuple[Any, Any] | None:
    """Results and their tangents, where every branch passes some array on with places of it overwritten, or as it is; else None.

    `splits` are the linearised branches, `out_active` which results of each have a tangent; `merge` and `part` give
    branches the same residuals.
    """
    pairs = _pairs(cond, splits)
    plans = _plans(splits, pairs)
    while len({tuple(plan.places) for plan in plans}) > 1 or pairs and len(plans[0].places) < len(pairs):
        common = set(plans[0].places).intersection(*[plan.places for plan in plans])
        pairs = [pair for k, pair in enumerate(pairs) if k in common]
        plans = _plans(splits, pairs)
    if not any([chain.steps for plan in plans for chain in plan.chains]):
        return None
    way = _Way(cond, splits, plans, out_active, active, primals[0].type, merge, part)
    results = emit(type(cond)(way.known), primals)
    n = way.n
    given = [primals[0], *way.residuals(primals[1:], results[:n], results[n:])]
    moving = only(tangents[1:])
    ordered = [moving[k] for k in way.order]
    touts = emit(way.operation(), [*given, *[results[m] for _, m in pairs], *ordered])
    return single(results[:n]), single(spread(touts, way.joint))


def _pairs(cond: Any, splits: Sequence[Any]) -> list[tuple[int, int]]:
    """(operand, result) of large arrays of which all branches make the result of the operand."""
    pairs: list[tuple[int, int]] = []
    for m, t in enumerate(cond.branches[0].out_types):
        if isinstance(t, ArrayType) and t.size > SMALL:
            found = {origin(branch, m, "renews") for branch in cond.branches}
            n = found.pop()
            if not found and n is not None and n not in [k for k, _ in pairs]:
                pairs.append((n, m))
    return pairs


def _plans(splits: Sequence[Any], pairs: Sequence[tuple[int, int]]) -> list[Plan]:
    plans = []
    for split in splits:
        carries = [(split.inputs[n], split.outputs[m]) for n, m in pairs]
        free = {v for n, v in enumerate(split.inputs) if n not in [k for k, _ in pairs]}
        plans.append(Plan(split.equations, split.residuals, split.tangent, carries, free, False, True))
    return plans


class _Way:
    """The known branches, and those of the way back."""

    def __init__(
        self,
        cond: Any,
        splits: Sequence[Any],
        plans: Sequence[Plan],
        out_active: Sequence[Sequence[bool]],
        active: Sequence[bool],
        index: Type,
        merge: Callable[..., Any],
        part: Callable[..., Any],
    ) -> None:
        self.cond, self.splits, self.plans, self.out_active, self.index = cond, splits, plans, out_active, index
        self.merge, self.part = merge, part
        self.joint = [any(column) for column in zip(*out_active, strict=True)]
        self.n = len(self.joint)
        self.moving = chosen(cond.branches[0].in_types, active)
        self.results = chosen(cond.branches[0].out_types, self.joint)
        self.begun = [False] * len(self.moving)
        self.begun = self._sums()
        self.order = [k for k, on in enumerate(self.begun) if on] + [k for k, on in enumerate(self.begun) if not on]
        self.made: dict[tuple[bool, ...], Function] = {}
        self.known, _, self.residuals, self.types, _ = self._merged((True,) * len(self.results))

    def operation(self) -> Rewinding:
        """The linear part."""
        back = self.function((True,) * len(self.results))
        back.memo["seeded"] = self.function
        return Rewinding(back, 1 + len(self.types), len(self.plans[0].chains), sum(self.begun))

    def function(self, seeded: tuple[bool, ...]) -> Function:
        """Index, residuals | states after | cotangents that are given | sums -> states before | cotangents of the tangents."""
        if seeded not in self.made:
            self.made[seeded] = self._make(seeded)
        return self.made[seeded]

    def _make(self, seeded: tuple[bool, ...]) -> Function:
        _, later, _, types, nonzero = self._merged(seeded)
        var = lambda types: [Var(t) for t in types]
        index, given = Var(self.index), var(types)
        states = var([v.type for v in self.plans[0].states])
        cts, sums = var(chosen(self.results, seeded)), var(chosen(self.moving, self.begun))
        builder = Builder()
        with building(builder):
            results = emit(type(self.cond)(later), [index, *given, *states, *cts, *sums])
            pulled = spread(results[len(states) :], nonzero)
            outs = [instantiate(pulled[k], self.moving[k]) for k in self.order]
            return builder.build([index, *given, *states, *cts, *sums], [*results[: len(states)], *outs], f"reverse_{later[0].name}")

    def _merged(self, seeded: Sequence[bool]) -> tuple[Any, Any, Any, list[Any], list[bool]]:
        """Known branches, branches back, what finds their residuals, of which types, and which tangents have a cotangent."""
        ways = [self._back(b, seeded) for b in range(len(self.plans))]
        nonzero = [any([not is_zero(cts[k]) for _, _, _, cts in ways]) for k in range(len(self.moving))]
        parts = []
        for split, plan, (inputs, equations, states, cts) in zip(self.splits, self.plans, ways, strict=True):
            first = Function(split.inputs, plan.equations, split.outputs, plan.tangent.name)
            second = Function((), equations, (), plan.tangent.name)
            parts.append(self.part(first, self.n, _given(plan), second, inputs, [*states, *chosen(cts, nonzero)]))
        known, later, find = self.merge(parts)
        types = [v.type for v in later[0].inputs[: len(later[0].inputs) - len(ways[0][0])]]
        return known, later, find, types, nonzero

    def _back(self, b: int, seeded: Sequence[bool]) -> tuple[list[Var], list[Equation], list[Any], list[Any]]:
        """The inputs besides residuals, equations, states before, and cotangents of one branch."""
        plan, split = self.plans[b], self.splits[b]
        linear = split.tangent.inputs[len(split.residuals) :]
        outs = chosen(spread(split.tangent.outputs, self.out_active[b]), self.joint)
        seeds = [Var(t) if on else None for t, on in zip(self.results, seeded, strict=True)]
        sums = [Var(t) if on else None for t, on in zip(self.moving, self.begun, strict=True)]
        builder = Builder()
        with building(builder):
            pairs = [
                (v, s) for v, s in (*zip(linear, sums, strict=True), *zip(outs, seeds, strict=True)) if s is not None and isinstance(v, Var)
            ]
            states, cts = plan.reverse(builder, linear, pairs)
        return [*plan.states, *only(seeds), *only(sums)], builder.equations, states, cts

    def _sums(self) -> list[bool]:
        """Which cotangents are sums that begin at an array of zeros."""
        from_zero = [True] * len(self.moving)
        some = [False] * len(self.moving)
        for b in range(len(self.plans)):
            _, equations, _, cts = self._back(b, (True,) * len(self.results))
            makers = {out: e for e in equations for out in e.outs}
            for k, ct in enumerate(cts):
                if not is_zero(ct):
                    some[k] = True
                    from_zero[k] = from_zero[k] and begins_at_zero(ct, makers)
        large = [isinstance(t, ArrayType) and t.size > SMALL for t in self.moving]
        return [a and b and c for a, b, c in zip(from_zero, some, large, strict=True)]


def _given(plan: Plan) -> list[Var]:
    """What the way back is given besides the states."""
    made = plan.known.union(*[e.outs for e in plan.again])
    used = [*plan.needed, *[a for e in plan.again for a in e.operands if isinstance(a, Var)]]
    return [v for v in unique(used) if v not in made]


def begins_at_zero(a: Any, makers: dict[Any, Equation]) -> bool:
    """Whether a value is a sum that starts at an array of zeros."""
    while a in makers:
        e = makers[a]
        place = e.operation.adds_to(e.outs.index(a))  # type: ignore[attr-defined]
        if place is None:
            return False
        a = e.operands[place]
    return isinstance(a, Literal) and a.is_value(0)
