"""Whether an operation reads an array at its own index only, also through slices and what is put together of them.

`x[1:-1] = f(x[1:-1])` reads each element where it writes it, so it may be computed in place. Knows an operation by what its
class says of its loops alone. Start at `reads_at`.
"""

from __future__ import annotations

from typing import Any

from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Var
from wengert.loops.nest import Affine, Name

Shift = tuple[int, ...]


def reads_at(equation: Equation, virtual: dict[Any, Equation], known: dict[Equation, dict[Any, Any]]) -> dict[Any, Shift | None]:
    """Kept value -> how far from its own index the equation reads it, through virtual ones; None if that varies."""
    if equation in known:
        return known[equation]
    out: dict[Any, Shift | None] = {}
    for a, shift in zip(equation.operands, _shifts(equation), strict=True):
        if type(a) is not Var:
            continue
        inner = reads_at(virtual[a], virtual, known) if a in virtual else {a: (0,) * a.type.ndim if isinstance(a.type, ArrayType) else None}
        for b, more in inner.items():
            total = (
                None
                if shift is None or more is None or len(shift) != len(more)
                else tuple([i + j for i, j in zip(shift, more, strict=True)])
            )
            out[b] = total if out.get(b, total) == total else None
    known[equation] = out
    return out


def _shifts(equation: Equation) -> list[Shift | None]:
    """How far from its own index an equation reads each operand."""
    operation: Any = equation.operation
    nothing: list[Shift | None] = [None] * len(equation.operands)
    if len(equation.outs) != 1 or not isinstance(equation.outs[0].type, ArrayType):
        return nothing
    ndim = equation.outs[0].type.ndim
    if operation.elementwise:
        return [(0,) * ndim] * len(nothing)
    if not (operation.moves or operation.pieces) or operation.element is None:
        return nothing
    names = [Name(-1 - axis, "i8") for axis in range(ndim)]
    found: list[list[tuple[Affine, ...]]] = [[] for _ in nothing]
    readers = [lambda *i, at=at: at.append(i) for at in found]
    try:
        operation.element(_Choosing(), readers, tuple([Affine(0, ((name, 1),)) for name in names]), *[a.type for a in equation.operands])
    except AttributeError:  # what needs more than indices
        return nothing
    shifts = [{_shift(i, names) for i in at} for at in found]
    return [one.pop() if len(one) == 1 else None for one in shifts]


def _shift(index: tuple[Any, ...], names: list[Name]) -> Shift | None:
    if len(index) != len(names) or not all([type(i) is Affine and i.terms == ((name, 1),) for i, name in zip(index, names, strict=True)]):
        return None
    return tuple([i.const for i in index])


class _Choosing:
    """The `k` of a rule that only moves: all sides of every choice."""

    def choose(self, index: Any, bound: int, then: Any, orelse: Any) -> None:
        then()
        orelse()

    def op(self, *args: Any) -> None:
        """What is computed of elements matters to nobody."""
