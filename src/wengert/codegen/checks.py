"""Indices that are data are checked before the loops that use them, all of them, in loops of their own.

A loop that can be left in the middle is one that LLVM does not vectorise, and in which it loads again what was stored an
iteration ago. The loop that only looks whether any index is out of bounds is vectorised; only if there is one is it found
which. Where several indices are out of bounds, any of them may be the one that is reported. Knows the statements of a
program, and of failures that they are about indices. Start at `checked_before`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from wengert.codegen.outside import Fresh, closure, copied, names_of, renamed, renamed_affine
from wengert.loops.nest import (
    Affine,
    Const,
    Fail,
    For,
    Host,
    If,
    Index,
    Invoke,
    Let,
    Load,
    Name,
    Part,
    Program,
    While,
    addressed,
    indices,
    walk,
)
from wengert.loops.scope import outs, used

FEW = 8  # iterations that do not make up for a loop of their own
LONGEST = 24  # statements that compute an index which may be computed twice


def checked_before(program: Program) -> None:
    """Move the checks of indices out of the loops of a program and its routines, in place."""
    if any([failure.kind == "index" for failure in program.failures]):
        for p in (*program.routines, program):
            _Checks(p).run()


class Check:
    """A failure taken out of the loops around it. `levels` are these, outermost first, and what each computes for the check.

    In place of a loop whose index is not needed there is a Guard, or None if it surely runs.
    """

    __slots__ = ("fail", "levels")

    def __init__(self, fail: Fail, levels: list[tuple[For | Guard | None, list[Any]]]) -> None:
        self.fail, self.levels = fail, levels

    def needs(self) -> set[int]:
        """The names that are not its own."""
        mine: set[int] = set()
        found: set[int] = set()
        for header, statements in self.levels:
            if header is not None:
                found |= {n.id for n, _ in (*header.start.terms, *header.stop.terms)} - mine
            if isinstance(header, For):
                mine.add(header.index.id)
            for s in statements:
                found |= names_of(used(s)) - mine
                mine |= {x.id for x in outs(s)}
        return found | names_of(used(self.fail)) - mine

    def reads(self) -> list[Any]:
        """The memory it looks at."""
        return [s.buffer for _, statements in self.levels for s in statements if type(s) is Load]

    def key(self) -> Any:
        """Equal for checks of the same indices; None if they may have changed in between."""
        number: dict[int, int] = {}

        def known(x: Any) -> Any:
            if type(x) is Name:
                return number.get(x.id, ("free", x.id))
            return x.kind, x.value

        def affine(x: Affine) -> Any:
            return x.const, tuple([(known(n), c) for n, c in x.terms])

        out: list[Any] = []
        for header, statements in self.levels:
            if header is not None:
                out.append((type(header).__name__, affine(header.start), affine(header.stop), header.step))
            if isinstance(header, For):
                number[header.index.id] = len(number)
            for s in statements:
                if type(s) is Load:
                    if s.buffer.space != "constant" and (s.buffer.space != "input" or s.buffer.data == "donated"):
                        return None
                    out.append(("load", s.buffer.id, affine(s.offset), s.part))
                elif type(s) is Index:
                    out.append(("index", affine(s.affine)))
                else:
                    out.append((s.op, s.out.kind, *[known(a) for a in s.args]))
                number[s.out.id] = len(number)
        return (*out, known(self.fail.condition))


class Guard:
    """In place of a loop whose index the check does not need: whether it runs at all."""

    __slots__ = ("start", "step", "stop")

    def __init__(self, loop: For) -> None:
        self.start, self.stop, self.step = loop.start, loop.stop, loop.step


class _Checks:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.lifted: set[Fail] = set()  # no longer in their loops
        self.seen: set[Any] = set()  # checks made already, on the way that every run takes
        self.fresh = Fresh(program)

    def run(self) -> None:
        block = []
        for s in self.program.block:
            if type(s) is Part:
                s.body = self.block(s.body)
                alone = len([x for x in s.body if type(x) is not Check]) == 1
                if alone:  # a loop that may be given to threads stays alone
                    first = [x for x in s.body if type(x) is Check]
                    s.body = [x for x in s.body if type(x) is not Check]
                    first = self.written(first, True)
                    if first:
                        block.append(Part(first))
                else:
                    s.body = self.written(s.body, True)
                block.append(s)
            else:
                block += self.written(self.block([s]), True)
        if self.lifted:
            self.program.block = self.without(block)

    # -- out of the loops -------------------------------------------------------------------------------

    def block(self, statements: Iterable[Any]) -> list[Any]:
        """The same statements, with the checks that could be taken out of each before it."""
        out: list[Any] = []
        for s in statements:
            kind = type(s)
            if kind is For:
                s.body = self.block(s.body)
                out += self.out_of(s)
                s.body = self.written(s.body)
            elif kind is If:
                s.then, s.orelse = self.written(self.block(s.then)), self.written(self.block(s.orelse))
            elif kind is While:
                s.test, s.body = self.written(self.block(s.test)), self.written(self.block(s.body))
            out.append(s)
        return out

    def out_of(self, loop: For) -> list[Check]:
        """The checks in a loop's body that need nothing that the loop changes; they are taken out of the body."""
        candidates = [s for s in loop.body if type(s) is Check or type(s) is Fail and self.is_index(s)]
        if not candidates or not self.is_plain(loop):
            return []
        changed = {buffer for s in walk(loop.body) for buffer, written in addressed(s) if written}
        makers = {x.id: s for s in loop.body for x in outs(s)} | {c.id: loop for c in loop.carries}
        found: list[Check] = []
        left = set()
        for s in candidates:
            check = Check(s, []) if isinstance(s, Fail) else s
            statements = closure(check.needs(), makers, changed)
            if statements is None or len(statements) > LONGEST or not changed.isdisjoint(check.reads()):
                continue
            order = {id(x): n for n, x in enumerate(loop.body)}
            statements.sort(key=lambda x: order[id(x)])
            run = indices(loop)
            header = Guard(loop) if run is None else None
            lifted = Check(check.fail, [(header, statements), *check.levels])
            if loop.index.id in lifted.needs():
                lifted.levels[0] = loop, statements
            elif run is not None and not run:
                continue
            found.append(lifted)
            self.lifted.add(check.fail)
            left.add(s)
        if left:
            loop.body = [s for s in loop.body if type(s) is Fail or s not in left]
        return found

    def is_index(self, fail: Fail) -> bool:
        return fail not in self.lifted and self.program.failures[fail.number - 1].kind == "index"

    def is_plain(self, loop: For) -> bool:
        """Whether nothing in it is seen from outside, and nothing else ends it but a lack of memory."""
        for s in walk(loop.body):
            if type(s) in (Host, Invoke):
                return False
            if type(s) is Fail and self.program.failures[s.number - 1].kind not in ("index", "memory"):
                return False
        return True

    # -- written down -----------------------------------------------------------------------------------

    def written(self, statements: list[Any], always: bool = False) -> list[Any]:
        """With the checks as loops; `always`: at a place that every run comes by."""
        out: list[Any] = []
        for s in statements:
            if type(s) is not Check:
                out.append(s)
                continue
            runs = [indices(header) for header, _ in s.levels if isinstance(header, For)]
            if math.prod([FEW + 1 if run is None else len(run) for run in runs]) <= FEW:
                self.lifted.discard(s.fail)
                continue
            key = s.key() if always else None
            if key is None or key not in self.seen:
                out += self.loops(s)
            if key is not None:
                self.seen.add(key)
        return out

    def loops(self, check: Check) -> list[Any]:
        """Whether any index is out of bounds; if so, the failure of the first."""
        any_, bad = self.level(check, 0, {}, Const(False, "b1"))
        which = If(bad)
        which.then = self.level(check, 0, {}, None)[0]
        return [*any_, which]

    def level(self, check: Check, n: int, names: dict[int, Name], so_far: Any) -> tuple[list[Any], Any]:
        """The loops from level n on; they give whether an index is out of bounds or one was, or (so_far is None) they fail."""
        if n == len(check.levels):
            condition = renamed(check.fail.condition, names)
            if so_far is None:
                return [Fail(condition, check.fail.number, [renamed(x, names) for x in check.fail.details])], None
            out = self.fresh("b1")
            return [Let(out, "or", (so_far, condition))], out
        header, statements = check.levels[n]
        names = dict(names)
        if header is None:
            return self.level_body(check, n, names, statements, so_far)
        if isinstance(header, For):
            start, stop = renamed_affine(header.start, names), renamed_affine(header.stop, names)
            index = names[header.index.id] = self.fresh("i8")
            step = header.step
            if step == -1:
                start, stop, step = stop + 1, start + 1, 1
            carry, end = self.fresh("b1"), self.fresh("b1")
            inner, result = self.level_body(check, n, names, statements, None if so_far is None else carry)
            if so_far is None:
                return [For(index, start, stop, step, body=inner)], None
            return [For(index, start, stop, step, (so_far,), (carry,), (result,), (end,), inner)], end
        low, high, runs = self.fresh("i8"), self.fresh("i8"), self.fresh("b1")
        bounds = [Index(low, renamed_affine(header.start, names)), Index(high, renamed_affine(header.stop, names))]
        test = Let(runs, "lt" if header.step > 0 else "gt", (low, high))
        guard = If(runs)
        guard.then, result = self.level_body(check, n, names, statements, so_far)
        if so_far is not None:
            end = self.fresh("b1")
            guard.outs, guard.values = (end,), ((result,), (so_far,))
            result = end
        return [*bounds, test, guard], result

    def level_body(self, check: Check, n: int, names: dict[int, Name], statements: list[Any], so_far: Any) -> tuple[list[Any], Any]:
        copies = copied(statements, names, self.fresh)
        inner, result = self.level(check, n + 1, names, so_far)
        return [*copies, *inner], result

    def without(self, block: list[Any]) -> list[Any]:
        """Without the failures that are checked before."""
        for s in walk(block):
            if type(s) is For or type(s) is Part:
                s.body = self.kept(s.body)
            elif type(s) is If:
                s.then, s.orelse = self.kept(s.then), self.kept(s.orelse)
            elif type(s) is While:
                s.test, s.body = self.kept(s.test), self.kept(s.body)
        return block

    def kept(self, block: list[Any]) -> list[Any]:
        return [s for s in block if type(s) is not Fail or s not in self.lifted]
