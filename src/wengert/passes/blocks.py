"""Blocks of rows: what is computed row by row, products, sums and elementwise work alike, is done for some rows from beginning to end.

A table of more rows than the cache holds, read by a product, by what is made of it, and by the transposed product of a gradient, goes
through memory three times; block by block it does once, and what lies between is never stored whole. Knows operations by their `tracks`
and as products or moves; knows `Loop`. Start at `blocks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.contract import Track, zeros
from wengert.ir.builder import Builder, building
from wengert.ir.values import ROLES, Equation, Function, Literal, Var, acts, literal, splat
from wengert.passes.axes import Axis, axes_of, is_array
from wengert.passes.rewriter import apart_of
from wengert.primitives.control import Loop
from wengert.primitives.control.call import several
from wengert.primitives.control.loop import INDEX
from wengert.primitives.shape import Concatenate, move_axis, permute, reshape

CACHE = 2**20  # bytes of all rows from which on they are taken in blocks
BLOCK = 2**19  # bytes of the rows of a block: with what else is read, they stay in the second cache
FEWEST = 4  # blocks
SAVED = 2**21  # bytes of traffic that are worth it
PER_BYTE = 60.0  # multiplications and additions that take as long as 20 bytes from memory
CANDIDATES = 4  # axes that are looked at


def blocks(function: Function, finished: Callable[[Function], Function]) -> Function:
    """The Function with the work along one axis in blocks, where that spares memory traffic; itself where it does not."""
    arrays = [v for values in (function.inputs, *[(*e.operands, *e.outs) for e in function.equations]) for v in values if is_array(v)]
    if max(map(_bytes, arrays), default=0) < CACHE // 2 or acts(function) or apart_of(function):
        return function
    if not all([getattr(v.type, "size", 1) for v in arrays]):
        return function  # nothing can be found at an index in what has none
    best = None
    for axis in axes_of(function)[:CANDIDATES]:
        if axis.bytes < CACHE:
            break
        plan = _Plan(function, axis)
        if plan.chosen and (best is None or plan.saved > best.saved):
            best = plan
    return function if best is None else best.write(finished)


def _bytes(a: Any) -> int:
    t = a.type
    return t.size * t.dtype.itemsize if hasattr(t, "dtype") and not (type(a) is Literal and a.is_splat) else 0


def _is_heavy(e: Equation) -> bool:
    """Whether the operation reads and writes arrays in memory, and is not computed where it is read."""
    operation: Any = e.operation
    if operation.elementwise or operation.moves or operation.reduction is not None or operation.functions():
        return False
    return operation.element is None or not operation.element_of(*[a.type for a in e.operands])


class _Work:
    """What is done in one loop: its equations, what they read and what is read of them, and how many rows a block has."""

    def __init__(self, equations: list[Equation]) -> None:
        self.equations = equations
        self.rows = 0
        self.saved = 0.0


class _Plan:
    """The Function's equations along an axis in loops, one after another where sums over all rows are needed in between.

    level: equation along the axis -> the loop it can be in
    there: value -> the first loop before which it is complete
    """

    def __init__(self, function: Function, axis: Axis) -> None:
        self.function, self.axis = function, axis
        self.outputs = set(function.outputs)
        self.users: dict[Any, list[Equation]] = {}
        for e in function.equations:
            for a in dict.fromkeys(e.operands):
                if type(a) is Var:
                    self.users.setdefault(a, []).append(e)
        self.track = {e: t for e in function.equations if (t := axis.track(e)) is not None}
        self.level: dict[Equation, int] = {}
        self.there: dict[Any, int] = {}
        self.order()
        self.made = {e.outs[0]: e for e in self.level}
        self.chosen: dict[int, _Work] = {}
        together: dict[int, list[Equation]] = {}
        for e in function.equations:
            if e in self.level:
                together.setdefault(self.level[e], []).append(e)
        for level in sorted(together):
            work = _Work(together[level])
            self.weigh(work, level)
            if work.rows:
                self.chosen[level] = work
        self.saved = sum([w.saved for w in self.chosen.values()])

    # -- what is done when -------------------------------------------------------------------------

    def order(self) -> None:
        """Each equation as early as it can be; then those that read no rows where they are wanted, or nowhere."""
        made: dict[Any, Equation] = {}
        for e in self.function.equations:
            track, level = self.track.get(e), 0
            for n, a in enumerate(e.operands):
                inside = track is not None and track.operands[n] is not None and a in made
                level = max(level, self.level[made[a]] if inside else self.there.get(a, 0))
            if track is not None:
                self.level[e] = level
                if track.result is not None:
                    made[e.outs[0]] = e
            for v in e.outs:
                self.there[v] = level + (track is not None)
        for e in reversed(self.function.equations):
            track = self.track.get(e)
            if track is None or track.result is None or any([a in made for a in e.operands]):
                continue
            (v,) = e.outs
            readers = [u for u in self.users.get(v, ()) if self.reads_rows(u, v)]
            if readers and len(readers) == len(self.users[v]) and v not in self.outputs:
                self.level[e] = min([self.level[u] for u in readers])
            elif not readers:
                del self.level[e], self.track[e], made[v]
                self.there[v] -= 1

    def reads_rows(self, e: Equation, v: Any) -> bool:
        """Whether an equation in a loop reads v row by row."""
        return e in self.level and all([i is not None for a, i in zip(e.operands, self.track[e].operands, strict=True) if a is v])

    def leaves(self, v: Any, level: int) -> bool:
        """Whether rows made in a loop are read after it."""
        return v in self.outputs or any([self.level.get(u) != level or not self.reads_rows(u, v) for u in self.users.get(v, ())])

    # -- whether it is worth it -----------------------------------------------------------------------

    def weigh(self, work: _Work, level: int) -> None:
        """Compare the traffic that blocks spare with what adding to sums once a block costs, and with the arithmetic; choose the rows."""
        n = self.axis.length
        rank: dict[Any, int] = {}  # how many sums and products have to be finished before
        for e in work.equations:
            done = max([rank.get(a, 0) for a in e.operands], default=0)
            rank[e.outs[0]] = done + (_is_heavy(e) or e.operation.reduction is not None)  # type: ignore[attr-defined]

        def nest(a: Any) -> Any:
            return a.type.shape, rank.get(a, 0)

        readers: dict[Any, set[Any]] = {}  # value -> the nests and products that read it, through what is computed where it is read
        kept: set[Any] = set()
        flops = again = 0.0  # bytes that each block goes through once more
        for e in reversed(work.equations):
            (v,) = e.outs
            track, operation = self.track[e], e.operation
            if operation.name == "dot":
                depth = np.prod([e.operands[0].type.shape[a] for a in operation.contract[0]])  # type: ignore[attr-defined, union-attr]
                flops += 2.0 * v.type.size * float(depth)  # type: ignore[union-attr]
            if track.result is None and track.start is None:
                again += 3.0 * _bytes(v)
            if _is_heavy(e):
                again += sum([_bytes(a) for n, a in enumerate(e.operands) if track.operands[n] is None and n != track.start])
                kept.add(v)
                read_by: set[Any] = {e}
                kept.update([a for a in e.operands if type(a) is Var and operation.target is None])  # type: ignore[attr-defined]
            elif operation.reduction is not None:  # type: ignore[attr-defined]
                kept.add(v)
                read_by = {nest(e.operands[0])}
            elif v in kept or self.leaves(v, level):
                read_by = readers.get(v, set()) if v in kept and self.is_seen(e) else {nest(v)}
            else:
                read_by = readers.get(v, set())
            for a in e.operands:
                if is_array(a):
                    readers.setdefault(a, set()).update(read_by)
        row = saved = 0.0
        inside = {e.outs[0] for e in work.equations}
        arrays: set[Any] = {a for e in work.equations for a in (*e.operands, *e.outs) if is_array(a) and a in self.axis.of}
        for a in arrays:
            size, reads = _bytes(a), len(readers.get(a, ()))
            maker = self.made.get(a) if a in inside else None
            if maker is None or maker.operation.name == "gather":
                row, saved = row + size / n, saved + size * max(reads - 1, 0)
            elif a in kept and not self.is_seen(maker):
                row, saved = row + size / n, saved + size * (reads + (not self.leaves(a, level)))
        work.saved = saved
        if row * n < CACHE or saved < max(SAVED, flops / PER_BYTE):
            return
        most = int(BLOCK // row)
        if most < max(8, 4.0 * again * n / saved):
            return
        divisors = [d for d in range(max(most // 2, 8), most + 1) if n % d == 0]
        rows = divisors[-1] if divisors else most - most % 8
        if n // rows >= FEWEST:
            work.rows = rows

    @staticmethod
    def is_seen(e: Equation) -> bool:
        """Whether the result is the operand, seen through other strides. (Windows are packed for a product.)"""
        return e.operation.moves and e.operation.strided and e.operation.name != "windows"  # type: ignore[attr-defined]

    # -- writing ---------------------------------------------------------------------------------------

    def write(self, finished: Callable[[Function], Function]) -> Function:
        """The Function with these loops."""
        function, builder = self.function, Builder()
        env: dict[Any, Any] = {}
        inside = {e for work in self.chosen.values() for e in work.equations}
        levels: dict[int, list[Equation]] = {}
        for e in function.equations:
            if e not in inside:
                level = self.level[e] if e in self.level else self.there.get(e.outs[0], 0)
                levels.setdefault(2 * level + (e in self.level), []).append(e)
        with building(builder):
            for level in range(max([*levels, *[2 * c + 1 for c in self.chosen]], default=0) + 1):
                for e in levels.get(level, ()):
                    builder.append(Equation(e.operation, tuple([env.get(a, a) for a in e.operands]), e.outs, e.span))
                if level % 2 and level // 2 in self.chosen:
                    _Writer(self, self.chosen[level // 2], level // 2, env, finished).write(builder)
        return Function(function.inputs, builder.equations, [env.get(a, a) for a in function.outputs], function.name)


class _Writer:
    """One loop being written."""

    def __init__(self, plan: _Plan, work: _Work, level: int, env: dict[Any, Any], finished: Callable[[Function], Function]) -> None:
        self.plan, self.work, self.env, self.finished = plan, work, env, finished
        self.axis = plan.axis
        made = {e.outs[0] for e in work.equations}
        self.whole: list[Any] = []  # what all rows read
        self.rows: dict[Any, int] = {}  # what is given row by row -> its axis
        self.sums = [e for e in work.equations if plan.track[e].result is None]
        self.kept = [e.outs[0] for e in work.equations if plan.track[e].result is not None and plan.leaves(e.outs[0], level)]
        for e in work.equations:
            track = plan.track[e]
            for n, (a, axis) in enumerate(zip(e.operands, track.operands, strict=True)):
                if axis is not None:
                    if is_array(a) and a not in made and n not in track.counted:
                        self.rows[a] = axis
                elif type(a) is Var and n != track.start and a not in self.whole:
                    self.whole.append(a)

    def write(self, builder: Builder) -> None:
        """The loop over all whole blocks, and the rows that are left."""
        n, size = self.axis.length, self.work.rows
        count, left = divmod(n, size)
        starts = [self.start(e) for e in self.sums]
        builder.span = self.work.equations[0].span
        items = [self.in_blocks(self.outer(a), axis, count, size) for a, axis in self.rows.items()]
        body = self.body(size)
        loop = Loop(self.finished(body), count, len(self.whole), 0, len(self.sums))
        results = several(builder.emit(loop, (*[self.outer(a) for a in self.whole], *starts, *items)))
        totals, blocks = list(results[: len(self.sums)]), results[len(self.sums) :]
        values = [self.joined(y, v) for y, v in zip(blocks, self.kept, strict=True)]
        if left:
            rows = {a: self.part(self.outer(a), axis, count * size, n) for a, axis in self.rows.items()}
            self.block({a: self.outer(a) for a in self.whole}, rows, left, dict(zip(self.sums, totals, strict=True)), builder)
            totals = [rows[e.outs[0]] for e in self.sums]
            values = [Concatenate(self.axis.of[v])(y, rows[v]) for y, v in zip(values, self.kept, strict=True)]
        self.env.update({e.outs[0]: total for e, total in zip(self.sums, totals, strict=True)})
        self.env.update(zip(self.kept, values, strict=True))

    def outer(self, a: Any) -> Any:
        """A value as it is outside of the loop."""
        return self.env.get(a, a)

    def start(self, e: Equation) -> Any:
        """Where a sum begins."""
        start = self.plan.track[e].start
        return zeros(e.outs[0].type) if start is None else self.outer(e.operands[start])

    def part(self, x: Any, axis: int, start: int, stop: int) -> Any:
        """Some rows."""
        if type(x) is Literal:
            return literal(np.ascontiguousarray(x.value[(slice(None),) * axis + (slice(start, stop),)]))
        return ROLES["slice_axis"](x, axis, start, stop)

    def in_blocks(self, x: Any, axis: int, count: int, size: int) -> Any:
        """All whole blocks of rows, with an axis in front that numbers them."""
        if count * size != self.axis.length:
            x = self.part(x, axis, 0, count * size)
        shape = x.type.shape
        shape = (*shape[:axis], count, size, *shape[axis + 1 :])
        if type(x) is Literal:
            return literal(np.ascontiguousarray(np.moveaxis(x.value.reshape(shape), axis, 0)))
        return move_axis(reshape(x, shape), axis, 0)

    def joined(self, blocks: Any, v: Any) -> Any:
        """The rows of all blocks as one axis again."""
        axis = self.axis.of[v]
        count, size = blocks.type.shape[0], blocks.type.shape[1 + axis]
        perm = (*range(1, axis + 1), 0, *range(axis + 1, blocks.type.ndim))
        shape = v.type.shape
        return reshape(permute(blocks, perm), (*shape[:axis], count * size, *shape[axis + 1 :]))

    def body(self, size: int) -> Function:
        """The Function of one block."""
        builder, index = Builder(), Var(INDEX)
        whole: dict[Any, Any] = {a: Var(a.type) for a in self.whole}
        rows: dict[Any, Any] = {a: Var(_resized(a.type, axis, size)) for a, axis in self.rows.items()}
        inputs = [index, *whole.values(), *rows.values()]
        with building(builder):
            self.block(whole, rows, size, {}, builder)
            return builder.build(inputs, [rows[v] for v in (*[e.outs[0] for e in self.sums], *self.kept)], self.plan.function.name)

    def block(self, whole: dict[Any, Any], rows: dict[Any, Any], size: int, totals: dict[Equation, Any], builder: Builder) -> None:
        """The equations for so many rows, their results put with `rows`; sums are added to `totals`, else they are those of these rows."""
        for e in self.work.equations:
            track: Track = self.plan.track[e]
            builder.span = e.span
            operands = [whole.get(a, a) if i is None else a for a, i in zip(e.operands, track.operands, strict=True)]
            for n, (a, axis) in enumerate(zip(e.operands, track.operands, strict=True)):
                if axis is not None:
                    operands[n] = rows[a] if a in rows and n not in track.counted else self.constant(a, axis, size)
            if track.start is not None:
                operands[track.start] = totals.get(e, zeros(e.outs[0].type))
            operation: Any = e.operation
            if track.result is not None:
                operation = operation.shortened(track.result, size)
            value = builder.emit(operation, tuple(operands))
            if e in totals and track.start is None:
                value = ROLES["add"](totals[e], value)
            rows[e.outs[0]] = value

    def constant(self, a: Any, axis: int, size: int) -> Literal:
        """A constant that is the same in every row, or counts them, for so many."""
        if a.is_splat:
            return splat(a.value, _resized(a.type, axis, size))
        return self.part(a, axis, 0, size)  # type: ignore[no-any-return]


def _resized(t: Any, axis: int, size: int) -> Any:
    return t.with_shape((*t.shape[:axis], size, *t.shape[axis + 1 :]))
