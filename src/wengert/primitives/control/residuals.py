"""How what one iteration knows gets to the linear iteration that needs it.

(a residual is) a constant of the loop, or computed from constants alone: passed as a constant;
the index, or counted with it: counted again; an operand or result that is stacked already: read there;
anything else: pushed, as one more stacked result, or computed again from such. Which of the two is a
minimum cut. Start at `Residuals`.

The cut as in Moses & Churavy (2020), "Instead of Rewriting Foreign Code for Machine Learning", and the cost of computing
again in it as in project selection: Picard, Management Science 22 (1976) 1268.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from wengert.ir.builder import Builder, building, current, live
from wengert.ir.types import Type
from wengert.ir.values import ROLES, Equation, Function, Literal, Var, has_effect
from wengert.primitives.control.mincut import Network, sink_side
from wengert.primitives.control.recompute import effort, repeatable, storage

NO_COSTS: Mapping[Any, float] = {}


class Residuals:
    """Where each residual of a loop's body is found once the loop has run.

    `shared` are the variables that are the same in every iteration, `items` those that differ, `pushed` the ones among the
    latter that the known loop must still stack, `again` the equations that compute the rest of the residuals from these.
    """

    __slots__ = ("_consts", "_hoisted", "_places", "again", "index", "items", "pushed", "shared")

    def __init__(
        self,
        equations: Sequence[Equation],
        residuals: Sequence[Var],
        consts: Sequence[Var],
        xs: Sequence[Var] = (),
        ys: Sequence[Any] = (),
        index: Var | None = None,
        growing: bool = False,
        choice: tuple[list[Equation], set[Any]] | None = None,
    ) -> None:
        """`choice`: what to compute again, and what is known besides, where that has been chosen already."""
        invariant, fixed = invariants(equations, consts)
        self.index = index
        known: set[Any] = set()
        if choice is None:
            free = {*fixed, *xs, *[y for y in ys if isinstance(y, Var)]} | ({index} if index is not None else set())
            self.again = cheapest(equations, residuals, free, growing)[1]
        else:
            self.again, known = choice
        needed = dict.fromkeys(residuals)
        made = known.union(*[e.outs for e in self.again])
        needed.update(dict.fromkeys([a for e in self.again for a in e.operands if isinstance(a, Var)]))
        given = [v for v in needed if v not in made]
        self.shared = [r for r in given if r in fixed]
        self.items = [r for r in given if r not in fixed and r is not index]
        self._consts = tuple(consts)
        self._hoisted = live(invariant, self.shared)
        self.pushed: list[Var] = []
        self._places: list[tuple[int, int]] = []
        for r in self.items:
            if r in xs:
                self._places.append((0, list(xs).index(r)))
            elif r in ys:
                self._places.append((1, list(ys).index(r)))
            else:
                self._places.append((2, len(self.pushed)))
                self.pushed.append(r)

    def shared_values(self, consts: Sequence[Any]) -> list[Any]:
        """The residuals that do not vary, for these constants; their computation is emitted here."""
        env: dict[Any, Any] = dict(zip(self._consts, consts, strict=True))
        for equation in self._hoisted:
            outs = current().emit(equation.operation, tuple([env.get(a, a) for a in equation.operands]))
            env.update(zip(equation.outs, outs if isinstance(outs, tuple) else (outs,), strict=True))
        return [env[r] for r in self.shared]

    def item_values(self, xs: Sequence[Any], ys: Sequence[Any], pushed: Sequence[Any]) -> list[Any]:
        """The stacked residuals, given the loop's stacked operands and results."""
        where = (xs, ys, pushed)
        return [where[kind][k] for kind, k in self._places]


def invariants(equations: Sequence[Equation], consts: Sequence[Var]) -> tuple[list[Equation], set[Any]]:
    """What may be computed before the loop, and all that is the same in every iteration."""
    fixed: set[Any] = set(consts)
    found = []
    for equation in equations:
        operation: Any = equation.operation
        if not has_effect(operation) and not operation.may_raise and all([a in fixed or isinstance(a, Literal) for a in equation.operands]):
            fixed.update(equation.outs)
            found.append(equation)
    return found, fixed


def counters(carries: Sequence[tuple[Any, Any]], equations: Sequence[Equation], index: Var) -> tuple[dict[Var, Var], list[Equation]]:
    """Carries that every iteration adds a number to, and what stands for where they start; the equations that count them by the index."""
    makers = {out: e for e in equations for out in e.outs}
    starts: dict[Var, Var] = {}
    builder = Builder()
    with building(builder):
        for v, new in carries:
            e = makers.get(new)
            if v.type is not index.type or e is None or e.operation is not ROLES["add"] or v not in e.operands:
                continue
            step = e.operands[e.operands[0] is v]
            if isinstance(step, Literal):
                starts[v] = Var(v.type)
                found = ROLES["add"](starts[v], ROLES["mul"](index, step))
                last = builder.equations.pop()
                assert found in last.outs
                builder.equations.append(Equation(last.operation, last.operands, (v,), last.span))
    return starts, builder.equations


def cheapest(
    equations: Sequence[Equation],
    wanted: Sequence[Var],
    free: Collection[Any],
    growing: bool = False,
    independent: bool = False,
    costs: Mapping[Any, float] = NO_COSTS,
) -> tuple[set[Any], list[Equation], float]:
    """What to keep of an iteration, what to compute again from that and the `free` variables, to have those wanted, and what it costs.

    `costs`: what it costs to keep a variable, where that is not as its type says.

    The cut separates what is known (source) from what is wanted (sink). A variable is two nodes, made and had, with what
    keeping it costs between them; an equation is a node with what computing it again costs before it.
    """
    makers: dict[Any, Equation] = {out: e for e in equations for out in e.outs}
    network = Network()
    made: dict[Any, int] = {}
    had: dict[Any, int] = {}
    computing: dict[Equation, int] = {}
    stack = []

    def want(v: Any) -> int:
        if v not in had:
            made[v], had[v] = network.node(), network.node()
            network.edge(made[v], had[v], costs[v] if v in costs else storage(v.type, growing))
            stack.append(v)
        return had[v]

    for v in dict.fromkeys(wanted):
        if v not in free:
            network.edge(want(v), 1, INFINITE)
    while stack:
        v = stack.pop()
        equation = makers.get(v)
        cost = INFINITE if equation is None else effort(equation)
        if independent and equation is not None and repeatable(equation):
            cost = 0.0
        if equation is None or cost == INFINITE:
            network.edge(0, made[v], INFINITE)
            continue
        if equation not in computing:
            computing[equation] = network.node()
            network.edge(0, computing[equation], cost)
            for a in equation.operands:
                if isinstance(a, Var) and a not in free:
                    network.edge(want(a), computing[equation], INFINITE)
        network.edge(computing[equation], made[v], INFINITE)
    side = sink_side(network)
    kept = {v for v in had if side[had[v]] and not side[made[v]]}
    again = _between(equations, wanted, {*free, *kept}, makers)
    return kept, again, sum([costs[v] if v in costs else storage(v.type, growing) for v in kept]) + sum([effort(e) for e in again])


INFINITE = float("inf")


def _between(
    equations: Sequence[Equation], wanted: Sequence[Var], given: Collection[Any], makers: Mapping[Any, Equation]
) -> list[Equation]:
    """The equations that lead from what is given to what is wanted, in order."""
    needed: set[Equation] = set()
    stack = [v for v in wanted if v not in given]
    while stack:
        equation = makers[stack.pop()]
        if equation not in needed:
            needed.add(equation)
            stack += [a for a in equation.operands if isinstance(a, Var) and a not in given]
    return [e for e in equations if e in needed]


def linear_body(
    kept: Residuals,
    index_type: Type,
    consts: Sequence[Var],
    carries: Sequence[Var],
    xs: Sequence[Var],
    function: Function,
    outs: Sequence[Any],
) -> Function:
    """A loop body from a part of one: index | shared residuals, consts | carries | residual items, xs -> outs."""
    index = kept.index if kept.index is not None else Var(index_type)
    inputs = [index, *kept.shared, *consts, *carries, *kept.items, *xs]
    return Function(inputs, [*kept.again, *function.equations], outs, function.name)
