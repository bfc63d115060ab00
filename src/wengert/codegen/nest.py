"""One nest: kept values of one domain written as loops, with accumulators in registers and every choice by an index decided.

Knows the schedule's groups, and of a Kernel what it needs to read and write. Start at `Nest.write`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.codegen.place import Memory, Regs, Virtual
from wengert.codegen.schedule import Group, role_of
from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Literal, Var
from wengert.loops.nest import BYTES, Affine, Load, walk

if TYPE_CHECKING:
    from wengert.codegen.lower import Kernel

CHUNK = 4096  # terms that are summed in one go: sums of chunks lose less than one long sum
STRIP = 8  # rows that are written together where an array is read across its rows
PIECES = 12  # boxes into which a nest is split so that no element needs a test


class UnsupportedError(Exception):
    """A type that no native code is made for; the Function runs by NumPy."""


_kinds: dict[Any, str] = {}


def kind_of(type: Any) -> str:
    """The kind of an array type's elements."""
    known = _kinds.get(type)
    if known is not None:
        return known
    kind = type.dtype.str[1:] if isinstance(type, ArrayType) else ""
    if kind not in BYTES:
        raise UnsupportedError(repr(type))
    _kinds[type] = kind  # types are interned, and live as long as the process
    return kind


def identity(start: Any, kind: str) -> Any:
    """What a reduction of nothing gives: a number, or the least or greatest of the kind."""
    if start in ("least", "greatest"):
        if kind == "b1":
            return start == "greatest"
        if kind[0] == "f":
            return -np.inf if start == "least" else np.inf
        info = np.iinfo(kind)
        return info.min if start == "least" else info.max
    return start


class Nest:
    """A group being written as loops over its domain."""

    def __init__(self, k: Kernel, group: Group) -> None:
        self.k, self.group = k, group
        self.domain = group.domain
        self.memory: dict[Any, Memory] = {}
        self.reductions: list[tuple[Equation, int]] = []  # and the depth at which its accumulator begins
        self.flat = False
        self.crossed = False  # whether something is read across its rows

    def write(self) -> None:
        """Write the loops; afterwards each kept value has its place."""
        k, frame = self.k, self.k.frame
        for equation in self.group.roots:
            (v,) = equation.outs
            if role_of(equation) == "reduce":
                self.reductions.append((equation, self.depth(equation)))
                self.memory[v] = k.result(v)
            elif v in frame.schedule.outside:
                self.memory[v] = k.result(v)
        if 0 in self.domain:  # no element, and no index to compute one at
            for equation, _ in self.reductions:
                self.clear(equation)
            frame.env.update({e.outs[0]: self.memory.get(e.outs[0]) or Virtual(e, e.outs[0].type.shape) for e in self.group.roots})  # type: ignore[union-attr]
            return
        self.flat = self.may_be_flat()
        if self.flat:
            self.domain = (int(np.prod(self.domain, dtype=np.int64)),)
            self.reductions = [(e, 0) for e, _ in self.reductions]
        for equation, depth in self.reductions:
            if not self.flat and min(equation.operation.axes) < depth:  # type: ignore[attr-defined]
                self.clear(equation)
        breaks = {}
        long = len(self.domain) > 1 and min(self.domain[-2:]) >= 64
        if long or any([self.pieced(e) for e in self.group.roots]):
            breaks = self.probe()
        self.level(0, (), breaks)
        for equation in self.group.roots:
            (v,) = equation.outs
            frame.env[v] = self.memory.get(v) or Virtual(equation, v.type.shape)  # type: ignore[union-attr]

    def depth(self, equation: Equation) -> int:
        """The outermost axis from which on all are reduced."""
        depth = len(self.domain)
        while depth and depth - 1 in equation.operation.axes:  # type: ignore[attr-defined]
            depth -= 1
        return depth

    def may_be_flat(self) -> bool:
        """Whether all arrays are read and written in one line, so that one loop does."""
        if len(self.domain) < 2:
            return False
        n = len(self.domain)
        for equation, depth in self.reductions:
            if depth or n != len(equation.operation.axes):  # type: ignore[attr-defined]
                return False
        if not all([m.contiguous for m in self.memory.values()]):
            return False
        seen: set[Any] = set()
        stack = list(self.group.roots)
        while stack:
            equation = stack.pop()
            if role_of(equation) == "element":
                return False
            for a in equation.operands:
                if type(a) is Literal:
                    if not a.is_splat and not (a.value.flags.c_contiguous and a.type.shape == self.domain):
                        return False
                    continue
                if a in seen or a in self.group.members:
                    continue
                seen.add(a)
                place = self.k.lookup(a)  # type: ignore[arg-type]
                if type(place) is Virtual:
                    stack.append(place.equation)
                elif type(place) is Regs:
                    if place.shape != ():
                        return False
                elif type(place) is not Memory or not place.contiguous or place.shape != self.domain:
                    return False
        return True

    def pieced(self, equation: Equation) -> bool:
        """Whether an operation here chooses between operands by the index."""
        stack, seen = [equation], set()
        while stack:
            e = stack.pop()
            if e.operation.pieces:  # type: ignore[attr-defined]
                return True
            for a in e.operands:
                place = self.k.lookup(a) if type(a) is Var and a not in self.group.members else None
                if type(place) is Virtual and place.equation not in seen:
                    seen.add(place.equation)
                    stack.append(place.equation)
        return False

    def probe(self) -> dict[int, list[int]]:
        """axis -> where its loop is to be split, so that within each part every choice is known."""
        k = self.k
        names = [k.name("i8") for _ in self.domain]
        for name, n in zip(names, self.domain, strict=True):
            k.bounds[name.id] = (0, n - 1)
        saved = k.block, len(k.failures), len(k.hosts), k.work
        k.breaks, k.block = {}, []
        k.scopes.append({})
        k.loads.append({})
        self.body(tuple([Affine(0, ((name, 1),)) for name in names]), store=False)
        k.scopes.pop()
        k.loads.pop()
        found, k.breaks = k.breaks, None
        self.crossed = not self.reductions and self.across(k.block, names)
        k.block, failures, hosts, k.work = saved
        del k.failures[failures:], k.hosts[hosts:]
        out = {}
        count = 1
        for axis, (name, n) in enumerate(zip(names, self.domain, strict=True)):
            at = sorted([b for b in found.get(name.id, ()) if 0 < b < n])
            if at and count * (len(at) + 1) <= PIECES:
                out[axis] = at
                count *= len(at) + 1
        return out

    def across(self, statements: list[Any], names: list[Any]) -> bool:
        """Whether an array is read with the last but one index running through its memory, and the last leaping."""
        if len(names) < 2 or min(self.domain[-2:]) < 64:
            return False
        for s in walk(statements):
            if type(s) is Load:
                by_name = dict(s.offset.terms)
                if by_name.get(names[-2]) in (1, -1) and abs(by_name.get(names[-1], 0)) >= STRIP:
                    return True
        return False

    def strips(self, axis: int, index: tuple[Affine, ...], outermost: bool) -> None:
        """The loops of the last two axes in strips of a few rows: what is read across is then read a line of the cache at a time."""
        k = self.k
        rows, columns = self.domain[axis], self.domain[axis + 1]
        full = rows // STRIP

        def strip(b: Affine, _: list[Any]) -> list[Any]:
            first = b * STRIP
            k.loop(0, columns, lambda j, _: k.loop(first, first + STRIP, lambda i, _: self.body((*index, i, j))))
            return []

        k.loop(0, full, strip, parallel=outermost)
        if full * STRIP < rows:
            k.loop(full * STRIP, rows, lambda i, _: k.loop(0, columns, lambda j, _: self.body((*index, i, j))))

    def clear(self, equation: Equation) -> None:
        """Start a sum that is kept in memory."""
        k, (v,) = self.k, equation.outs
        op, start = equation.operation.reduction  # type: ignore[attr-defined]
        kind = kind_of(v.type)
        k.copy(Literal(np.dtype(kind).type(identity(start, kind)), v.type), self.memory[v])  # type: ignore[arg-type]

    def level(self, axis: int, index: tuple[Affine, ...], breaks: dict[int, list[int]], carried: Sequence[Any] = ()) -> list[Any]:
        """The loops from `axis` on; `carried` are the accumulators begun further out. Their values after."""
        k = self.k
        begun = [e for e, depth in self.reductions if depth == axis and depth < len(self.domain)]
        inits = [self.start(e) for e in begun]
        state = [*carried, *inits]
        if axis == len(self.domain):
            return self.body(index, state)
        if self.crossed and axis == len(self.domain) - 2 and axis not in breaks and axis + 1 not in breaks:
            self.strips(axis, index, axis == 0 and k.frame.outermost)
            return state
        n = self.domain[axis]
        cuts = [0, *breaks.get(axis, []), n]
        outermost = axis == 0 and k.frame.outermost
        rest = int(np.prod(self.domain[1:], dtype=np.int64))

        def run(i: Affine, c: list[Any]) -> list[Any]:
            return self.level(axis + 1, (*index, i), breaks, c)

        for low, high in itertools.pairwise(cuts):
            chunks = (high - low) // CHUNK
            if high - low == 1:
                state = run(Affine(low), state)
            elif state and axis == len(self.domain) - 1 and chunks > 0:
                state = self.in_chunks(axis, low, chunks, run, state, apart=outermost and chunks >= 8)
                if low + chunks * CHUNK < high:
                    state = k.loop(low + chunks * CHUNK, high, run, state)
            elif state and outermost and high - low >= 8 and (high - low) * rest >= 8 * CHUNK:
                state = self.apart(axis, high - low, lambda i, low=low: run(i + low, [self.start(e) for e in self.open(axis)]), state)
            else:
                state = k.loop(low, high, run, state, parallel=outermost and not state and not self.adds_across(0))
        for e, value in zip(begun, state[len(carried) :], strict=True):
            self.finish(e, index, value)
        return state[: len(carried)]

    def in_chunks(self, axis: int, low: int, chunks: int, run: Any, state: list[Any], apart: bool) -> list[Any]:
        """A long sum as a sum of the sums of chunks."""
        k = self.k

        def sums(c: Affine) -> list[Any]:
            first = c * CHUNK + low
            return k.loop(first, first + CHUNK, run, [self.start(e) for e in self.open(axis)])

        if apart:
            return self.apart(axis, chunks, sums, state)
        return k.loop(0, chunks, lambda c, totals: self.combined(axis, totals, sums(c)), state)

    def apart(self, axis: int, count: int, sums: Any, state: list[Any]) -> list[Any]:
        """Sums that may be computed by several threads: kept one by one, and added in order, so that the result is always the same."""
        k = self.k
        kept = [k.scratch((count,), kind_of(e.outs[0].type)) for e in self.open(axis)]

        def one(c: Affine, _: list[Any]) -> list[Any]:
            for memory, value in zip(kept, sums(c), strict=True):
                k.store(memory.buffer, c, value)
            return []

        k.loop(0, count, one, parallel=not self.adds_across(0))
        return k.loop(0, count, lambda c, totals: self.combined(axis, totals, [k.load(m.buffer, c) for m in kept]), state)

    def combined(self, axis: int, totals: list[Any], sums: list[Any]) -> list[Any]:
        """Totals with sums added."""
        return [self.k.op(self.combine(e), t, s) for e, t, s in zip(self.open(axis), totals, sums, strict=True)]

    def adds_across(self, axis: int) -> bool:
        """Whether iterations of an axis add into the same memory."""
        return any([not self.flat and axis in e.operation.axes and depth > axis for e, depth in self.reductions])  # type: ignore[attr-defined]

    def open(self, axis: int) -> list[Equation]:
        """The reductions whose accumulators are carried through the loop of an axis."""
        return [e for e, depth in sorted(self.reductions, key=lambda r: r[1]) if depth <= axis and depth < len(self.domain)]

    def combine(self, equation: Equation) -> str:
        """The scalar operation that adds to an accumulator."""
        op = equation.operation.reduction[0]  # type: ignore[attr-defined]
        return {"add": "accumulate", "mul": "accumulate_product"}.get(op, str(op))

    def start(self, equation: Equation) -> Any:
        """What an accumulator begins as."""
        kind = kind_of(equation.outs[0].type)
        return self.k.const(identity(equation.operation.reduction[1], kind), kind)  # type: ignore[attr-defined]

    def finish(self, equation: Equation, index: tuple[Affine, ...], value: Any) -> None:
        """Store a sum whose loop is over, or add it to what is in memory."""
        memory = self.memory[equation.outs[0]]
        kept = [] if self.flat else [i for a, i in enumerate(index) if a not in equation.operation.axes]  # type: ignore[attr-defined]
        if not self.flat and min(equation.operation.axes) < len(index):  # type: ignore[attr-defined]
            value = self.k.op(self.combine(equation), self.k.load(memory.buffer, memory.position(kept)), value)
        self.k.store(memory.buffer, memory.position(kept), value)

    def body(self, index: tuple[Affine, ...], state: Sequence[Any] = (), store: bool = True) -> list[Any]:
        """The innermost statements: every root at this index."""
        k = self.k
        out = list(state)
        stores = []  # after all is read: a result may lie where an operand does
        carried = {id(e): n for n, e in enumerate(self.open(len(self.domain) - 1))} if self.domain else {}
        for equation in self.group.roots:
            (v,) = equation.outs
            k.span = equation.span or k.span
            if role_of(equation) == "reduce":
                value = self.value(equation.operands[0], index)
                if not store:
                    continue
                if id(equation) in carried:
                    n = carried[id(equation)]
                    out[n] = k.op(self.combine(equation), out[n], value)
                else:
                    memory = self.memory[v]
                    kept = [i for a, i in enumerate(index) if a not in equation.operation.axes]  # type: ignore[attr-defined]
                    at = memory.position(kept)
                    k.store(memory.buffer, at, k.op(self.combine(equation), k.load(memory.buffer, at), value))
                continue
            value = k.compute(equation, index)
            self.seen(v, index, value)
            if store and v in self.memory:
                memory = self.memory[v]
                stores.append((memory.buffer, memory.offset + index[0] if self.flat else memory.position(index), value))
        for buffer, at, value in stores:
            if not k.holds(buffer, at, value):  # computed there to begin with, see `Schedule.homes`
                k.store(buffer, at, value)
        return out

    def seen(self, v: Any, index: tuple[Affine, ...], value: Any) -> None:
        """Let the others of the nest find the value."""
        place = self.k.frame.env.get(v)
        if place is None:
            place = self.k.frame.env[v] = Virtual(self.k, v.type.shape)
        self.k.scopes[-1]["read", place, *[i.key for i in index]] = value

    def value(self, a: Any, index: tuple[Affine, ...]) -> Any:
        """The element of an operand."""
        return self.k.read(a, index)
