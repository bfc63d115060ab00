"""Innermost loops with branches in a form that LLVM's vectoriser takes: without branches.

A branch on where the index is splits the loop there; one on data becomes a choice between what both sides compute. Both only
where the loop can be vectorised then: what it writes, no iteration nearby reads. Knows the statements of a program and, of
`link`, which functions have vector companions. Start at `without_branches`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wengert.codegen.link import vector_variants
from wengert.codegen.outside import Fresh, renamed, renamed_affine
from wengert.loops.facts import Facts
from wengert.loops.nest import Affine, Const, For, If, Index, Let, Load, Name, Program, Store, blocks, indices, walk
from wengert.loops.scalars import EXPENSIVE
from wengert.loops.scope import outs, used

SHORTEST = 16  # iterations without a branch that are worth vectors
PIECES = 4  # into which a loop is split at most
LARGEST = 400  # statements of all pieces
LANES = 8  # iterations that run at once at most; more, and those that use what they write would come out worse
RISK = 2  # elementary functions that may be computed in vain, besides twice as many as are needed always

Ranges = Mapping[int, tuple[int, int]]


def without_branches(program: Program) -> None:
    """Rewrite the loops of a program and its routines where it helps, in place."""
    for p in (*program.routines, program):
        if any([type(s) is If for s in walk(p.block)]):
            _Loops(p).block(p.block, {})


class _Loops:
    def __init__(self, program: Program) -> None:
        self.fresh = Fresh(program)

    def block(self, statements: list[Any], ranges: Ranges) -> None:
        """Rewrite the loops of a block, `ranges` being those of the indices around it."""
        for n in reversed(range(len(statements))):
            s = statements[n]
            inner = ranges
            if type(s) is For:
                span = _span(s)
                pieces = None if span is None else self.pieces(s, span, ranges)
                if pieces is not None:
                    statements[n : n + 1] = pieces
                    continue
                inner = ranges if span is None else {**ranges, s.index.id: span}
            for b in blocks(s):
                self.block(b, inner)

    def pieces(self, loop: For, span: tuple[int, int], ranges: Ranges) -> list[For] | None:
        """The loop as several, the longest of them without branches; None where that is not possible, or no use."""
        if loop.carries or abs(loop.step) != 1 or not any([type(s) is If for s in loop.body]):
            return None
        size = 0
        for s in walk(loop.body):
            size += 1
            if type(s) not in (Let, Load, Store, Index, If):
                return None
        cuts = _boundaries(loop, span)
        if len(cuts) + 1 > PIECES or size * (len(cuts) + 1) > LARGEST or loop.parallel and cuts:
            return None
        ends = [span[0], *cuts, span[1] + 1]
        spans = [(low, high - 1) for low, high in zip(ends, ends[1:], strict=False)]
        longest = max(spans, key=lambda s: s[1] - s[0])
        if longest[1] - longest[0] + 1 < SHORTEST:
            return None
        main = _Copy(self.fresh, loop, longest, ranges, True).loop()
        if main is None or not _may_be_vectors(main):
            return None
        made = [main if s is longest else _Copy(self.fresh, loop, s, ranges, False).loop() for s in spans]
        return [x for x in (made if loop.step > 0 else made[::-1]) if x is not None]


def _span(loop: For) -> tuple[int, int] | None:
    """The least and greatest index; None if that is not known, or it does not run."""
    run = indices(loop)
    return (min(run[0], run[-1]), max(run[0], run[-1])) if run else None


# -- where to split -----------------------------------------------------------------------------------


def _boundaries(loop: For, span: tuple[int, int]) -> list[int]:
    """The indices from which on a branch goes another way than before."""
    makers = {x.id: s for s in walk(loop.body) for x in outs(s)}
    wanted: set[int] = set()
    stack: list[Any] = [s.condition for s in walk(loop.body) if type(s) is If]
    while stack:
        x = stack.pop()
        s = makers.get(x.id) if type(x) is Name else None
        if s is None or x.id in wanted:
            continue
        wanted.add(x.id)
        if type(s) is Let and (s.out.kind == "b1" or s.op == "cast"):
            stack += s.args
        elif type(s) is If:
            n = [o.id for o in s.outs].index(x.id)
            stack += [s.condition, s.values[0][n], s.values[1][n]]
    known = _Indices(loop.index)
    found: set[int] = set()
    for s in walk(loop.body):
        known.learn(s)
        if type(s) is Let and s.out.id in wanted:
            for claim in [c for claims in known.facts.of(s.out) for c in claims if s.op in ORDERED]:
                ((_, c),) = claim.terms
                # c i + const >= 0 begins to hold, or ceases
                found.add(-(claim.const // c) if c > 0 else claim.const // -c + 1)
    return sorted([b for b in found if span[0] < b <= span[1]])


ORDERED = ("lt", "le", "gt", "ge", "eq", "ne")


class _Indices:
    """Which scalars are expressions of one index, and what comparisons of them mean."""

    def __init__(self, index: Name) -> None:
        self.affines: dict[int, Affine] = {index.id: Affine(0, ((index, 1),))}
        self.facts = Facts()

    def of(self, x: Any) -> Affine | None:
        return Affine(int(x.value)) if type(x) is Const else self.affines.get(x.id)

    def learn(self, s: Any) -> None:
        """Take note of a statement."""
        if type(s) is Index and all([n.id in self.affines for n, _ in s.affine.terms]):
            total = Affine(s.affine.const)
            for name, c in s.affine.terms:
                total = total + self.affines[name.id] * c
            self.affines[s.out.id] = total
        elif type(s) is Let and s.args and all([type(a) in (Name, Const) and a.kind == "i8" for a in s.args]):
            x, y = self.of(s.args[0]), self.of(s.args[-1])
            if x is None or y is None:
                return
            if s.op in ("add", "sub"):
                self.affines[s.out.id] = x + y if s.op == "add" else x - y
            elif s.op == "mul" and not (x.terms and y.terms):
                self.affines[s.out.id] = x * y.const if not y.terms else y * x.const
            elif s.op in ORDERED:
                self.facts.compared(s.out, s.op, x, y)


# -- a piece -------------------------------------------------------------------------------------------


class _Copy:
    """The body of a loop for a part of its range, under new names; `straight`: without branches."""

    def __init__(self, fresh: Fresh, loop: For, span: tuple[int, int], ranges: Ranges, straight: bool) -> None:
        self.fresh, self.original, self.span, self.straight = fresh, loop, span, straight
        self.index = fresh("i8")
        self.names: dict[int, Any] = {loop.index.id: self.index}
        self.ranges = {**ranges, self.index.id: span}
        self.known = _Indices(self.index)
        self.always = self.perhaps = 0  # elementary functions

    def loop(self) -> For | None:
        """The loop over this part; None if some branch has to stay one though it should not."""
        body = self.block(self.original.body, False)
        if body is None or self.perhaps > 2 * self.always + RISK:
            return None
        low, high = self.span
        start, stop, step = (low, high + 1, 1) if self.original.step > 0 else (high, low - 1, -1)
        return For(self.index, Affine(start), Affine(stop), step, body=body, parallel=self.original.parallel)

    def scalar(self, x: Any) -> Any:
        return renamed(x, self.names)

    def affine(self, x: Affine) -> Affine:
        return renamed_affine(x, self.names)

    def block(self, statements: Sequence[Any], inside: bool) -> list[Any] | None:
        """The statements; `inside` a branch that is no more, so that nothing may happen."""
        out: list[Any] = []
        for s in statements:
            kind = type(s)
            if kind is Let:
                value = self.folded(s)
                if value is not None:
                    self.names[s.out.id] = value
                    continue
                if s.op in ("quotient", "rest") and inside and type(s.args[1]) is not Const:
                    return None
                if s.op in EXPENSIVE:
                    self.always, self.perhaps = self.always + (not inside), self.perhaps + inside
                new: Any = Let(self.fresh(s.out.kind), s.op, tuple([self.scalar(a) for a in s.args]))
            elif kind is Index:
                new = Index(self.fresh("i8"), self.affine(s.affine))
            elif kind is Load:
                new = Load(self.fresh(s.out.kind), s.buffer, self.affine(s.offset), s.part)
                if inside and not self.is_inside(new):
                    return None
            elif kind is Store:
                if inside:
                    return None
                new = Store(s.buffer, self.affine(s.offset), self.scalar(s.value), s.part)
            else:
                more = self.branch(s, inside)
                if more is None:
                    return None
                out += more
                continue
            if kind is not Store:
                self.names[s.out.id] = new.out
                self.known.learn(new)
            out.append(new)
        return out

    def branch(self, s: If, inside: bool) -> list[Any] | None:
        condition = self.scalar(s.condition)
        if type(condition) is Const:
            taken, given = (s.then, s.values[0]) if condition.value else (s.orelse, s.values[1])
            found = self.block(taken, inside)
            self.names.update({o.id: self.scalar(v) for o, v in zip(s.outs, given, strict=True)})
            return found
        then, orelse = [self.block(b, inside or self.straight) for b in (s.then, s.orelse)]
        if then is None or orelse is None:
            return None
        values = [[self.scalar(v) for v in side] for side in s.values]
        if not self.straight:
            new = If(condition)
            new.then, new.orelse = then, orelse
            new.outs = tuple([self.fresh(o.kind) for o in s.outs])
            new.values = tuple(values[0]), tuple(values[1])
            self.names.update({o.id: n for o, n in zip(s.outs, new.outs, strict=True)})
            return [new]
        out = [*then, *orelse]
        for o, x, y in zip(s.outs, *values, strict=True):
            out.append(Let(self.fresh(o.kind), "select", (condition, x, y)))
            self.names[o.id] = out[-1].out
        return out

    def folded(self, s: Let) -> Any:
        """The result, where the range of the index tells it."""
        args = [self.scalar(a) for a in s.args if type(a) in (Name, Const)]
        if len(args) < len(s.args):
            return None
        if s.op == "select":
            return args[1 + (not args[0].value)] if type(args[0]) is Const else None
        if s.out.kind != "b1":
            return Const(int(args[0].value), s.out.kind) if s.op == "cast" and _is_truth(args[0]) and s.out.kind[0] in "iu" else None
        if s.op in ("and", "or") and any(map(_is_truth, args)):
            x, y = args if _is_truth(args[0]) else args[::-1]
            return y if bool(x.value) is (s.op == "and") else Const(s.op == "or", "b1")
        if s.op == "not":
            return Const(not args[0].value, "b1") if _is_truth(args[0]) else None
        if s.op in ORDERED and args[0].kind == "i8":
            return self.compared(s.op, args)
        return None

    def compared(self, op: str, args: Sequence[Any]) -> Const | None:
        x, y = self.known.of(args[0]), self.known.of(args[1])
        if x is None or y is None:
            return None
        low, high = self.range(x - y)  # type: ignore[misc]
        tests = {"lt": (high < 0, low >= 0), "le": (high <= 0, low > 0), "eq": (low == high == 0, low > 0 or high < 0)}
        if op in tests:
            holds, fails = tests[op]
        else:
            fails, holds = tests[{"ge": "lt", "gt": "le", "ne": "eq"}[op]]
        return Const(holds, "b1") if holds or fails else None

    def range(self, index: Affine) -> tuple[int, int] | None:
        low = high = index.const
        for name, c in index.terms:
            found = self.ranges.get(name.id)
            if found is None:
                return None
            low, high = low + min(c * found[0], c * found[1]), high + max(c * found[0], c * found[1])
        return low, high

    def is_inside(self, s: Load) -> bool:
        """Whether the element exists whatever the branch."""
        span = self.range(s.offset) if s.buffer.space != "pointer" else None
        return span is not None and span[0] >= 0 and span[1] < s.buffer.size


def _is_truth(x: Any) -> bool:
    return type(x) is Const and x.kind == "b1"


# -- whether it helps ------------------------------------------------------------------------------------


def _may_be_vectors(loop: For) -> bool:
    """Whether iterations can be run side by side."""
    made = {x.id for s in loop.body for x in outs(s)}
    stores = [(n, s) for n, s in enumerate(loop.body) if type(s) is Store]
    if not all(map(is_vector_operation, loop.body)):
        return False
    for n, store in stores:
        if any([x.id in made for x, _ in store.offset.terms]):
            return False
        for m, other in enumerate(loop.body):
            if type(other) in (Load, Store) and other.buffer is store.buffer and other is not store:
                if not _apart(loop, store, other, m < n and type(other) is Load):
                    return False
    return bool(stores)


def is_vector_operation(s: Any) -> bool:
    """Whether a statement can be done for several iterations at once."""
    if type(s) is Let:
        if s.op in EXPENSIVE and not vector_variants(s.op if s.out.kind == "f8" else s.op + "f"):
            return False
        return "p" not in [x.kind for x in (*used(s), s.out)]
    return type(s) is Index or type(s) in (Load, Store) and s.buffer.space != "pointer"


def _apart(loop: For, store: Store, other: Any, before: bool) -> bool:
    """Whether no iteration nearby touches the element that is stored; `before`: or overwrites what an earlier one has read."""
    by = [{x.id: c for x, c in s.offset.terms} for s in (store, other)]
    stride = by[0].pop(loop.index.id, 0)
    if stride != by[1].pop(loop.index.id, 0) or by[0] != by[1] or not stride:
        return False
    distance, rest = divmod((other.offset.const - store.offset.const) * loop.step, stride)
    return bool(rest) or not distance or abs(distance) >= LANES or distance > 0 and before
