"""Arrays of which each iteration of a loop writes its own elements: in the end, what was read of them is still there.

So is a recurrence `x[i] = f(x[i - 1])`, or a table that is filled row by row. The reverse then needs neither what was read nor
what was overwritten: it reads the array as the loop left it. Start at `alone`, then `settled`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wengert.ir.builder import Builder
from wengert.ir.values import ROLES, Equation, Function, Literal, Var
from wengert.primitives.control.recompute import storage
from wengert.primitives.control.residuals import Residuals, cheapest
from wengert.primitives.index import Gather, ScatterAdd, ScatterSet
from wengert.transform.transpose import pull

SHARED = 0.5  # of what it costs to keep an array that the loop gives anyway


class Settled(NamedTuple):
    """Arrays as the loop left them, by their number among the chains; the reads of them that stand for what an iteration knew."""

    finals: dict[int, Var]
    reads: dict[Any, Equation]
    costs: dict[Any, float]


def settled(chains: Sequence[Any], equations: Sequence[Equation], index: Var, forward: bool, length: int | None) -> Settled:
    """What can be read of the final state of each chain (see `rewind`) whose elements are written in one iteration only."""
    at_index = lines(equations, index)
    alone = {e.outs[0]: e for e in equations if len(e.outs) == 1}
    out = Settled({}, {}, {})
    for n, chain in enumerate(chains):
        axis = _axis(chain, at_index, length)
        if axis is None:
            continue
        final = Var(chain.variables[-1].type)
        slope, start = _at(chain.steps[0], axis, at_index)  # type: ignore[misc]
        at = {v: k for k, v in enumerate(chain.variables)}
        found: dict[Any, Equation] = {}
        for v, e in alone.items():
            read = _at(e, axis, at_index) if isinstance(e.operation, Gather) and e.operands[0] in at else None
            if read is not None and read[0] == slope and _inside(read, length):
                later, between = divmod(read[1] - start, slope)
                written = later < 0 if forward else later > 0
                if between or written or later == 0 and at[e.operands[0]] == len(chain.steps):
                    found[v] = Equation(e.operation, (final, *e.operands[1:]), e.outs, e.span)
        (*rest, last) = chain.steps
        value = last.operands[-1]
        if not rest and isinstance(last.operation, ScatterSet) and value in alone:
            reading = Gather(last.operation.n_indexed, 0)
            found[value] = Equation(reading, (final, *last.operands[1:-1]), (value,), last.span)
        if found:
            out.finals[n] = final
            out.reads.update(found)
            out.costs[final] = SHARED * storage(final.type) / (length or final.type.size)  # type: ignore[union-attr]
    return out


class Alone:
    """A way back that does not take the states back, for a loop with no other around it that wants them: what it keeps.

    `finals` are the states as the loop left them, where they are read; None for the others.
    """

    __slots__ = ("finals", "items", "kept", "shared")

    def __init__(self, kept: Residuals, finals: list[Var | None]) -> None:
        self.kept, self.finals, self.items = kept, finals, kept.items
        self.shared = [v for v in kept.shared if v not in finals]

    def values(self, consts: Sequence[Any], states: Sequence[Any], xs: Sequence[Any], ys: Sequence[Any], late: dict[Any, Any]) -> list[Any]:
        """Its residuals, given the loop's operands and results, the states after it, and by name what it pushed."""
        ends = [v for v, final in zip(states, self.finals, strict=True) if final is not None]
        found = zip(self.kept.shared, self.kept.shared_values([*consts, *ends]), strict=True)
        shared = [value for v, value in found if v not in self.finals]
        return [*shared, *self.kept.item_values(xs, ys, [late[v] for v in self.kept.pushed])]

    def iteration(self, builder: Builder, tangent: Function, linear_inputs: Sequence[Var], seeds: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Emit the way back through an iteration; the cotangents of the linear inputs."""
        for e in self.kept.again:
            builder.append(e)
        linear = set(linear_inputs).union(*[e.outs for e in tangent.equations])
        return pull(builder, tangent.equations, linear, linear_inputs, seeds)


def alone(
    chains: Sequence[Any], most: float, equations: Sequence[Equation], residuals: Sequence[Var], free: set[Any], around: Any
) -> Alone | None:
    """Such a way for a loop with these chains, if it costs less than the most. `around`: the rest of what `rewind.choose` knows."""
    fixed, xs, ys, index, length, forward = around
    found = settled(chains, equations, index, forward, length)
    if not found.reads:
        return None
    equations = [found.reads.get(e.outs[0], e) if e.outs else e for e in equations]
    kept, again, cost = cheapest(equations, residuals, free, length is None, costs=found.costs)
    if cost >= most or kept.isdisjoint(found.costs):
        return None
    finals = [final if (final := found.finals.get(n)) in kept else None for n in range(len(chains))]
    given = [*fixed, *[v for v in finals if v is not None]]
    return Alone(Residuals(equations, residuals, given, xs, ys, index, length is None, (again, set())), finals)


def _axis(chain: Any, at_index: Mapping[Any, tuple[int, int]], length: int | None) -> int | None:
    """An axis along which all steps of an iteration write at one place, and each iteration at another."""
    for axis in range(min([_indexed(e) for e in chain.steps], default=0)):
        places = {_at(e, axis, at_index) for e in chain.steps}
        place = places.pop()
        if not places and place is not None and place[0] and _inside(place, length):
            return axis
    return None


def _indexed(e: Equation) -> int:
    """How many axes are indexed by one number each."""
    operation: Any = e.operation
    if not isinstance(operation, (Gather, ScatterSet, ScatterAdd)) or operation.n_batch or e.operands[1].type.ndim:  # type: ignore[union-attr]
        return 0
    return operation.n_indexed


def _at(e: Equation, axis: int, at_index: Mapping[Any, tuple[int, int]]) -> tuple[int, int] | None:
    """(slope, start) of the index along an axis."""
    if axis >= _indexed(e):
        return None
    a = e.operands[1 + axis]
    return (0, int(a.value)) if isinstance(a, Literal) else at_index.get(a)


def _inside(place: tuple[int, int], length: int | None) -> bool:
    """Whether it never counts from the end of the axis. What lies beyond the end stops the program."""
    slope, start = place
    return start >= 0 and (slope >= 0 or length is not None and start + slope * (length - 1) >= 0)


def lines(equations: Sequence[Equation], index: Var) -> dict[Any, tuple[int, int]]:
    """Variable -> (slope, start), for those that are slope * index + start."""
    found: dict[Any, tuple[int, int]] = {index: (1, 0)}
    for e in equations:
        if len(e.operands) == 2 and e.outs[0].type is index.type and e.operation in (ROLES["add"], ROLES["sub"], ROLES["mul"]):
            x, y = [(0, int(a.value)) if isinstance(a, Literal) else found.get(a) for a in e.operands]
            if x is None or y is None:
                continue
            if e.operation is not ROLES["mul"]:
                sign = 1 if e.operation is ROLES["add"] else -1
                found[e.outs[0]] = x[0] + sign * y[0], x[1] + sign * y[1]
            elif not (x[0] and y[0]):
                (slope, start), times = (x, y[1]) if not y[0] else (y, x[1])
                found[e.outs[0]] = slope * times, start * times
    return found
