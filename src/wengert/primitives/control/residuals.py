"""How what one iteration knows gets to the linear iteration that needs it.

(a residual is) a constant of the loop, or computed from constants alone: passed as a constant;
the index: counted again; an operand or result that is stacked already: read there;
anything else: pushed, as one more stacked result. Start at `Residuals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.ir.builder import current, live
from wengert.ir.types import Type
from wengert.ir.values import Equation, Function, Literal, Var


class Residuals:
    """Where each residual of a loop's body is found once the loop has run.

    `shared` are the residual variables that are the same in every iteration, `items` those that
    differ, `pushed` the ones among the latter that the known loop must still stack.
    """

    __slots__ = ("_consts", "_hoisted", "_places", "index", "items", "pushed", "shared")

    def __init__(
        self,
        equations: Sequence[Equation],
        residuals: Sequence[Var],
        consts: Sequence[Var],
        xs: Sequence[Var] = (),
        ys: Sequence[Any] = (),
        index: Var | None = None,
    ) -> None:
        fixed: set[Any] = set(consts)
        invariant = []
        for equation in equations:
            operation: Any = equation.operation
            if operation.pure and not operation.may_raise and all(a in fixed or isinstance(a, Literal) for a in equation.operands):
                fixed.update(equation.outs)
                invariant.append(equation)
        self.index = index
        self.shared = [r for r in residuals if r in fixed]
        self.items = [r for r in residuals if r not in fixed and r is not index]
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
    return Function([index, *kept.shared, *consts, *carries, *kept.items, *xs], function.equations, outs, function.name)
