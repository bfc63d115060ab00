"""Loops that only add to memory what is zero unless a condition holds, the same for all of the loop, run where it does.

The derivative by what a minimum, a `where` or a branch did not take is nothing: a loop over a whole row of it is left out.
Knows the statements of a program. Start at `without_zeros`.
"""

from __future__ import annotations

from typing import Any

from wengert.codegen.outside import Fresh, closure, copied, names_of, renamed
from wengert.loops.nest import Const, For, If, Index, Let, Load, Program, Store, blocks, indices, walk
from wengert.loops.scope import outs

FEW = 8  # iterations that cost less than to look whether they are needed


def without_zeros(program: Program) -> None:
    """Let the loops of a program and its routines that add nothing be passed by, in place."""
    for p in (*program.routines, program):
        fresh = Fresh(p)
        for block in [p.block, *[b for s in list(walk(p.block)) for b in blocks(s)]]:
            for n in reversed(range(len(block))):
                if type(block[n]) is For:
                    block[n : n + 1] = _passed_by(block[n], fresh)


def _passed_by(loop: For, fresh: Fresh) -> list[Any]:
    """The loop, inside a test if it may add nothing at all."""
    run = indices(loop)
    if loop.carries or run is not None and len(run) < FEW:
        return [loop]
    stores = [s for s in loop.body if type(s) is Store]
    if loop.parallel or not stores or not all([type(s) in (Let, Load, Index, Store) for s in loop.body]):
        return [loop]
    makers = {x.id: s for s in loop.body for x in outs(s)}
    changed = {s.buffer for s in stores}
    order = {id(s): n for n, s in enumerate(loop.body)}
    before: list[Any] = []
    names: dict[int, Any] = {}
    holds: Any = None
    masked = False
    for store in stores:
        condition = _condition(store, makers)
        if condition is None:
            return [loop]
        statements = closure(names_of([condition[1]]), {**makers, loop.index.id: loop}, changed)
        if statements is None:
            return [loop]
        before += copied(sorted([s for s in statements if s.out.id not in names], key=lambda s: order[id(s)]), names, fresh)
        what, x = condition
        masked |= what == "holds"
        x = renamed(x, names)
        if what == "differs":
            test = fresh("b1")
            before.append(Let(test, "ne", (x, Const(0.0, x.kind))))
            x = test
        if holds is None:
            holds = x
        elif holds is not x:
            either = fresh("b1")
            before.append(Let(either, "or", (holds, x)))
            holds = either
    if not masked:  # a number that is zero by chance
        return [loop]
    guarded = If(holds)
    guarded.then = [loop]
    return [*before, guarded]


def _condition(store: Store, makers: dict[int, Any]) -> tuple[str, Any] | None:
    """Without which condition, or with which number at zero, a store only writes what is there already."""
    total = makers.get(getattr(store.value, "id", None))  # type: ignore[arg-type]
    if type(total) is not Let or total.op not in ("add", "accumulate") or total.out.kind[0] != "f":
        return None
    old, more = [makers.get(getattr(a, "id", None)) for a in total.args]  # type: ignore[arg-type]
    for there, added, x in ((old, more, total.args[1]), (more, old, total.args[0])):
        if (
            type(there) is Load
            and there.buffer is store.buffer
            and there.part == store.part
            and there.offset.key == store.offset.key
            and x is not there.out
        ):
            if type(added) is Let and added.op == "select" and type(added.args[2]) is Const and added.args[2].value == 0.0:
                return "holds", added.args[0]
            return "differs", x
    return None
