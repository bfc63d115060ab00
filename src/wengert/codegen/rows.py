"""Short loops along rows of memory that lie apart are kept as loops, to be run side by side.

LLVM writes a short loop out before it looks for vectors, and then takes neighbours from the loop around it: for rows that data
chooses, or that lie far apart, each element from another place. Knows the statements of a program. Start at `by_rows`.
"""

from __future__ import annotations

from wengert.codegen.tiles import trips
from wengert.codegen.vectors import SHORTEST, is_vector_operation
from wengert.loops.nest import For, Let, Load, Name, Program, Store, indices, walk
from wengert.loops.scope import outs

LEAST, LEAST_CHOSEN, MOST = 8, 4, 64  # elements of a row; of one that data chooses; LLVM writes longer ones out by itself


def by_rows(program: Program) -> None:
    """Mark the rows of a program and its routines."""
    for p in (*program.routines, program):
        for outer in walk(p.block):
            if type(outer) is For and (indices(outer) is None or trips(outer) >= SHORTEST):
                for inner in outer.body:
                    if type(inner) is For and not inner.hint and _is_row(outer, inner):
                        inner.hint = "row"


def _is_row(outer: For, inner: For) -> bool:
    if not LEAST_CHOSEN <= trips(inner) <= MOST or not all(map(is_vector_operation, inner.body)):
        return False
    makers = {x.id: s for s in inner.body for x in outs(s)}
    for carry, value in zip(inner.carries, inner.nexts, strict=True):
        made = makers.get(value.id) if type(value) is Name else None
        if type(made) is not Let or not made.op.startswith("accumulate") or carry not in made.args:
            return False
    along = leaps = chosen = False
    for s in inner.body:
        if type(s) in (Load, Store):
            by_name = {x.id: c for x, c in s.offset.terms}
            stride = by_name.pop(inner.index.id, 0)
            if abs(stride) > 1 or type(s) is Store and not stride:
                return False
            far = by_name.pop(outer.index.id, 0)
            if stride:
                along = True
                leaps |= abs(far) > 1
                chosen |= any([n in makers or n in _made(outer) for n in by_name])
    return along and (chosen or leaps and trips(inner) >= LEAST)


def _made(outer: For) -> set[int]:
    return {x.id for s in outer.body for x in outs(s)}
