"""Inner loops that add to one place, turned so that neighbouring iterations of the loop around them run side by side.

`for i: for j: a[i] += …` waits for each sum before the next. LLVM vectorises over i once no loop is inside: a short one is written
out, a long one taken in tiles that are, with the loop over the tiles outside. Every place is added to in the order it was.
Knows the statements of a program. Start at `in_tiles`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.codegen.outside import Fresh, copied, renamed, renamed_affine
from wengert.codegen.vectors import SHORTEST, is_vector_operation
from wengert.loops.nest import Affine, For, Index, Let, Load, Program, Store, blocks, indices, walk
from wengert.loops.scope import outs

WHOLE, TILE = 32, 16  # iterations that are written out where there are no more, and of a tile where there are
LARGEST = 400  # statements that are written out


def in_tiles(program: Program) -> None:
    """Turn the loops of a program and its routines where it helps, in place."""
    for p in (*program.routines, program):
        fresh = Fresh(p)
        for block in [p.block, *[b for s in list(walk(p.block)) for b in blocks(s)]]:
            for n in reversed(range(len(block))):
                if type(block[n]) is For:
                    block[n : n + 1] = _turned(block[n], fresh)


def _turned(outer: For, fresh: Fresh) -> list[Any]:
    """The loop, or those that are instead of it."""
    inner = outer.body[-1] if outer.body else None
    if type(inner) is not For or outer.carries or inner.carries or trips(outer) < SHORTEST or not _gains(outer, inner):
        return [outer]
    count, size = trips(inner), len(inner.body)
    if count <= WHOLE and count * size <= LARGEST:
        inner.hint = "written out"
        return [outer]
    tile = min(TILE, LARGEST // size)
    if tile < 2 or outer.parallel:
        return [outer]
    which = fresh("i8")
    first = Affine(inner.start.const, ((which, inner.step * tile),))
    made: list[Any] = [For(which, Affine(0), Affine(count // tile), body=[_nest(outer, inner, first, tile, fresh)])]
    if count % tile:
        made.append(_nest(outer, inner, inner.start + inner.step * (count - count % tile), count % tile, fresh))
    return made


def trips(loop: For) -> int:
    """How often a loop runs; 0 if nobody knows."""
    return len(indices(loop) or ())


def _nest(outer: For, inner: For, first: Affine, count: int, fresh: Fresh) -> For:
    """The outer loop around so many iterations of the inner one, written out."""
    i, j, n = fresh("i8"), fresh("i8"), fresh("i8")
    names = {outer.index.id: i, inner.index.id: j}
    before = copied(outer.body[:-1], names, fresh)
    body: list[Any] = [Index(j, first + Affine(0, ((n, inner.step),)))]
    for s in inner.body:
        if type(s) is Store:
            body.append(Store(s.buffer, renamed_affine(s.offset, names), renamed(s.value, names), s.part))
        else:
            body += copied([s], names, fresh)
    loop = For(n, Affine(0), Affine(count), body=body)
    loop.hint = "written out"
    return For(i, outer.start, outer.stop, outer.step, body=[*before, loop])


def _gains(outer: For, inner: For) -> bool:
    """Whether the inner loop adds to one place, and iterations of the outer one can run side by side and in any order with it."""
    before, body = outer.body[:-1], inner.body
    if trips(inner) < 2 or not all([type(s) in (Let, Index) for s in before]) or not all(map(is_vector_operation, [*before, *body])):
        return False
    made = {x.id for s in (*before, *body) for x in outs(s)}
    strides = {}
    for s in body:
        if type(s) in (Load, Store):
            by_name = {x.id: c for x, c in s.offset.terms}
            if not made.isdisjoint(by_name) or abs(by_name.get(outer.index.id, 0)) > 1:
                return False
            strides[s] = by_name
    stores = [s for s in body if type(s) is Store]
    written = {s.buffer for s in stores}
    if not all([strides[s].get(outer.index.id) and inner.index.id not in strides[s] for s in stores]):
        return False
    return bool(stores) and all([_is_one_place([s for s in strides if s.buffer is b], strides) for b in written])


def _is_one_place(accesses: Sequence[Any], strides: dict[Any, dict[int, int]]) -> bool:
    """Whether the accesses of an array are all of the same element in an iteration."""
    first = accesses[0]
    return all([strides[s] == strides[first] and s.offset.const == first.offset.const for s in accesses])
