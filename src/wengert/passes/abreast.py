"""Loops of independent iterations that hold loops over numbers: as many iterations at once as vectors are good for.

`for each point: while not converged: …` runs one chain of dependent operations after the other; side by side they fill the processor's
registers. An iteration that has ended waits, masked, for those beside it, as lanes of `vmap` do. What the iterations add up is added in
their order. Knows `Loop` and what may stand in one. Start at `abreast`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType, StackType, array_type
from wengert.ir.values import ROLES, Equation, Function, Literal, Var, has_effect, splat
from wengert.ir.walk import inline, nested
from wengert.passes.rewriter import apart_of
from wengert.primitives.arith import add, less, minimum, mul, select
from wengert.primitives.control import Loop, While
from wengert.primitives.control.assigned import lines
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.control.counting import summing
from wengert.primitives.control.lanes import WIDEST, divided, filled, goes_alone
from wengert.primitives.control.loop import INDEX
from wengert.primitives.control.recompute import NEVER, effort
from wengert.primitives.index import Gather, slice_axis
from wengert.primitives.shape import Flip, broadcast, reshape
from wengert.transform.batch import batch


def abreast(function: Function, finished: Callable[[Function], Function]) -> Function:
    """The Function with such loops in strips; itself if there are none. `finished` gives the optimised form of a body."""
    if not any([_is_free(e) for e in function.equations]):
        return function
    builder = Builder()
    for e in function.equations:
        strips = _Strips(e) if _is_free(e) else None
        if strips is None or not strips.fits:
            builder.append(e)
            continue
        with building(builder):
            builder.span = e.span
            results = strips.write(finished)
        _rename(builder, dict(zip(results, e.outs, strict=True)))
    new = Function(function.inputs, builder.equations, function.outputs, function.name)
    if apart_of(function):
        new.memo["apart"] = apart_of(function)
    return new


def _is_free(e: Equation) -> bool:
    """Whether it is a loop of independent iterations that hold loops, of which there are enough."""
    loop: Any = e.operation
    if type(loop) is not Loop or loop.length is None or loop.length < 2 * WIDEST or has_effect(loop):
        return False
    return any([type(inner.operation) in (Loop, While) for inner in loop.body.equations]) and not summing(loop)[0].n_carry


class _Strips:
    """A loop of independent iterations to be written as one over strips of them; `fits`: whether they can go side by side.

    `inner` is the body, its outputs the terms of the sums and what is collected: index | consts | items -> terms | ys.
    """

    def __init__(self, e: Equation) -> None:
        self.loop, sums = summing(e.operation)
        loop: Any = e.operation
        count, consts, carries, accs, xs = loop.operands(e.operands)
        self.accs = [*accs, *[carries[n] for n in sums]]
        # how the results are found again: those that are sums now come after the other accumulators
        self.order = [len(accs) + sums.index(n) for n in range(loop.n_carry)] + list(range(len(accs)))
        index, variables, _, items = self.loop.inputs(self.loop.body.inputs)
        arrays = dict(zip(variables, consts, strict=True))
        rest: list[Equation] = []
        read: dict[Var, tuple[Any, tuple[int, int]]] = {}
        at_index = lines(self.loop.body.equations, index)
        self.fits = all([effort(x) < NEVER for f in nested(loop.body) for x in f.equations if x.operation.elementwise])  # type: ignore[attr-defined]
        for inner in self.loop.body.equations:
            operation: Any = inner.operation
            if type(operation) is Gather and inner.operands[0] in arrays:
                place = _range(inner, at_index, loop.length)
                if place is not None:
                    read[inner.outs[0]] = arrays[inner.operands[0]], place
                    continue
            can = not goes_alone(operation) if operation.functions() else operation.elementwise and not operation.may_raise
            self.fits &= can and all([_is_number(a.type) for a in (*inner.operands, *inner.outs)])
            rest.append(inner)
        outputs = self.loop.body.outputs
        self.fits &= all([_is_number(a.type) and isinstance(a.type, ArrayType) for a in (*items, *outputs)])
        n_acc = self.loop.n_acc
        self.terms = _Terms(rest, outputs)
        terms = [self.terms.of(a) for a in outputs[:n_acc]]
        self.lengths = [len(t) for t in terms]
        used = {a for inner in rest for a in inner.operands} | set(outputs)
        kept = [v for v in variables if v in used]
        made = [a for t in terms for a in t]
        self.inner = Function([index, *kept, *items, *read], rest, [*made, *outputs[n_acc:]], self.loop.body.name)
        self.consts, self.items = [arrays[v] for v in kept], [*[(x, (1, 0)) for x in xs], *read.values()]

    def write(self, finished: Callable[[Function], Function]) -> list[Any]:
        """The results of the loop, emitted."""
        loop, n, n_consts, n_acc = self.loop, self.loop.length, len(self.consts), self.loop.n_acc
        count, width = divided(n, WIDEST)
        lanes = batch(self.inner, width, (True, *[False] * n_consts, *[True] * len(self.items)), True)[0]
        order = Literal(np.arange(width), array_type((width,), np.dtype(np.int64)))
        n_terms = sum(self.lengths)

        def body(strip: Any, *values: Any) -> list[Any]:
            consts, totals, items = values[:n_consts], values[n_consts : n_consts + n_acc], values[n_consts + n_acc :]
            index = add(broadcast(mul(strip, splat(width, INDEX)), (width,)), order)
            there = None
            if count * width > n:
                there = less(index, splat(n, index.type))
                index = minimum(index, splat(n - 1, index.type))
            outs = inline(lanes, [index, *consts, *items])
            terms = outs[:n_terms]
            if there is not None:
                terms = [select(there, a, splat(-0.0, a.type)) for a in terms]  # which adds nothing at all
            return [*self.added(totals, terms, width), *outs[n_terms:]]

        rows = [reshape(filled(_part(x, *place, n), count * width), (count, width)) for x, place in self.items]
        types = [INDEX, *[x.type for x in (*self.consts, *self.accs)], *[x.type.with_shape((width,)) for x in rows]]
        function = finished(function_of(body, *types, name=f"strips_{self.inner.name}"))
        results = emit(Loop(function, count, n_consts, n_acc, 0, loop.reverse), [*self.consts, *self.accs, *rows])
        sums, ys = results[:n_acc], results[n_acc:]
        return [*[sums[n] for n in self.order], *[slice_axis(reshape(y, (count * width,)), 0, 0, n) for y in ys]]

    def added(self, totals: Sequence[Any], terms: Sequence[Any], width: int) -> list[Any]:
        """The sums with the terms of all lanes added, in the order in which the loop adds them."""

        def body(i: Any, *values: Any) -> list[Any]:
            sums, terms = list(values[: len(totals)]), iter(values[len(totals) :])
            for n, length in enumerate(self.lengths):
                for _ in range(length):
                    sums[n] = add(sums[n], next(terms))
            return sums

        if not totals:
            return []
        types = [INDEX, *[t.type for t in totals], *[t.type.with_shape(()) for t in terms]]
        return emit(Loop(function_of(body, *types), width, 0, len(totals), 0, self.loop.reverse), [*totals, *terms])


class _Terms:
    """What is added one after the other where a sum is written as 0 + a + b."""

    def __init__(self, equations: Sequence[Equation], outputs: Sequence[Any]) -> None:
        self.makers = {out: e for e in equations for out in e.outs}
        self.uses = Counter([a for e in equations for a in e.operands] + list(outputs))

    def of(self, a: Any) -> list[Any]:
        """The terms; a alone if it is no such sum."""
        found = []
        x = a
        while x in self.makers and self.uses[x] == 1 and self.makers[x].operation is ROLES["add"]:
            x, term = self.makers[x].operands
            found.append(term)
            if isinstance(x, Literal) and x.is_value(0):
                return found[::-1]
        return [a]


def _is_number(type: Any) -> bool:
    """Whether it is one number, or a stack of such."""
    while isinstance(type, StackType):
        type = type.item
    return type.shape == ()  # type: ignore[no-any-return]


def _range(e: Equation, at_index: Mapping[Any, tuple[int, int]], n: int) -> tuple[int, int] | None:
    """(1 or -1, start) if a gather takes neighbours one after the other."""
    x: Any = e.operands[0].type
    place = at_index.get(e.operands[1])
    if place is None or len(e.operands) > 2 or e.outs[0].type.shape or x.ndim != 1 or abs(place[0]) != 1:  # type: ignore[union-attr]
        return None
    slope, start = place
    return place if 0 <= start < x.shape[0] and 0 <= start + slope * (n - 1) < x.shape[0] else None


def _part(x: Any, slope: int, start: int, n: int) -> Any:
    """The n elements of x from `start` on, backwards if the slope is negative."""
    return slice_axis(x, 0, start, start + n) if slope > 0 else Flip((0,))(slice_axis(x, 0, start - n + 1, start + 1))


def _rename(builder: Builder, names: dict[Any, Var]) -> None:
    """Give results the names by which they are known."""
    for k, e in enumerate(builder.equations):
        if any([out in names for out in e.outs]):
            builder.equations[k] = Equation(e.operation, e.operands, tuple([names.get(out, out) for out in e.outs]), e.span)
