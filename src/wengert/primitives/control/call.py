"""`Call`: a Function as one operation. A user's function used twice with the same types is one Function, called twice.

Knows the transformations, which know no operation. Start at `Call`; `halves` is how every
operation here that holds a Function is linearised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.contract import Primitive, Sample, Shared, Sum
from wengert.errors import ShapeError, four_parts
from wengert.ir.builder import Builder, building, current, live
from wengert.ir.types import ArrayType, Type, array_type
from wengert.ir.values import Atom, Equation, Function, Literal, Var, acts
from wengert.ir.walk import inline, memoized, silent
from wengert.primitives.control.nesting import HEADER, SMALL, Passing, StackPlace, indexed, is_stack, moves, origin
from wengert.primitives.control.residuals import cheapest
from wengert.primitives.math import sin
from wengert.transform.batch import batch
from wengert.transform.evaluate import run
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune
from wengert.transform.transpose import transpose

FEW = 32  # residuals that a call may always hand on
LONGEST = 2000  # equations among which it is chosen what to keep and what to compute again


class Call(Primitive):
    """The results of a Function for these operands."""

    function: Function
    views = True
    continues = True

    def of(self, function: Function) -> Call:
        """The same kind of call, of another Function."""
        return type(self)(function, *self.parameters[1:])  # type: ignore[no-any-return]

    def functions(self) -> tuple[Function, ...]:
        return (self.function,)

    def type(self, *operands: Type) -> tuple[Type, ...]:
        check_operands(self.name, self.function.in_types, operands)
        return self.function.out_types

    def evaluate(self, *operands: Any) -> Any:
        return single(run(self.function, operands))

    def exact(self, m: Any, *operands: Any) -> Any:
        return single(m.run(self.function, operands))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The body, written here; one that is called elsewhere too is a routine."""
        if k.uses.get(self.function, 0) <= 1:
            return k.function(self.function, operands, owned=sorted(outs.given))
        return invoked(k, self, operands, outs)

    def indexed(self, operands: Sequence[Any]) -> Sequence[int]:
        return sorted(indexed(self.function))

    def renews(self, result: int) -> int | None:
        return origin(self.function, result, "renews")

    def adds_to(self, result: int) -> int | None:
        return origin(self.function, result, "adds_to", True)

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        pushed, mask = jvp(self.function, present(tangents))
        results = emit(self.of(pushed), [*primals, *only(tangents)])
        n = len(mask)
        return single(results[:n]), single(spread(results[n:], mask))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        active = present(tangents)
        half = halves(self.function, active)
        if half.sprawling:
            again, out_active = recomputed(self.function, active)
            outs = emit(self, primals)
            return single(outs), single(spread(emit(self.of(again), [*primals, *only(tangents)]), out_active))
        known = emit(self.of(half.known), primals)
        outs = known[: half.n_outs]
        linear = emit(self.of(half.tangent), [*half.residuals(primals, outs, known[half.n_outs :]), *only(tangents)])
        return single(outs), single(spread(linear, half.out_active))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> Sequence[Any]:
        """The transposed Function, which adds into the sums of arrays that are there."""
        cts, on = several(ct), tuple(linear)
        _, mask = pullback(self.function, on, present(cts))
        moving = chosen(operands, on)
        given = chosen(sums, on) if sums else [None] * len(moving)
        begun = [s is not None and a and _is_large(x.type) for s, a, x in zip(given, mask, moving, strict=True)]
        pulled, mask = pullback(self.function, on, present(cts), tuple(begun) if any(begun) else ())
        others = [x for x, lin in zip(operands, on, strict=True) if not lin]
        results = spread(emit(self.of(pulled), [*others, *only(cts), *chosen(given, begun)]), mask)
        return spread([Sum(v) if b else v for v, b in zip(results, begun, strict=True)], on)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        function, lanes = batch(self.function, size, batched)
        return single(shared(emit(self.of(function), operands), lanes))

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        parts = partial(self.function, known)
        given = chosen(operands, known)
        n = sum(parts.out_known)
        if sprawls(parts.known, len(parts.residuals)) and not acts(self.function):
            now, used = prune(parts.known, [True] * n + [False] * len(parts.residuals))
            later, kept = prune(self.function, [not on for on in parts.out_known])
            results = emit(self.of(now), chosen(given, used)) if n else []
            return spread(results, parts.out_known), self.of(later), chosen(operands, kept)
        rest = [x for x, on in zip(operands, known, strict=True) if not on]
        results = emit(self.of(parts.known), given)
        return spread(results[:n], parts.out_known), self.of(parts.unknown), [*results[n:], *rest]

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        smaller, kept = prune(self.function, needed)
        return self.of(smaller), kept, needed

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            x = np.array([0.3, -0.5, 1.1], code) + (np.array([0.2j, 0.1j, 0.0], code) if code == "D" else 0)
            yield Sample(cls(function_of(lambda x, y: [sin(x) * y, x], t, t)), x, x[::-1] * 2)
        yield Sample(cls(function_of(lambda x: [x * x * 0.5], array_type((), np.dtype("d")))), np.float64(1.5))


def _is_large(type: Type) -> bool:
    return isinstance(type, ArrayType) and type.size > SMALL


def invoked(k: Any, call: Call, operands: Sequence[Any], outs: Any) -> list[Any]:
    """The routine of a Function run on these operands; of a stack it is handed the header.

    over: result -> the operand that it is made of step by step, or in places: it begins as that
    """
    function = call.function
    over: dict[int, int] = {}
    for i, t in enumerate(outs.types):
        n = call.renews(i)
        if n is not None and n not in over.values() and _is_large(t) and function.inputs[n].type is t:
            over[i] = n

    def wanted(i: int) -> Any:
        if is_stack(outs.types[i]):
            return k.scratch((HEADER,), "i8")
        return operands[over[i]] if i in over and over[i] in outs.given else outs[i]

    def body(own: Any, inputs: Sequence[Any], outputs: Sequence[Any], large: bool) -> None:
        stacked = lambda m, t: StackPlace(m, t.item) if is_stack(t) else m
        given = [stacked(m, t) for m, t in zip(inputs, function.in_types, strict=True)]
        targets = [stacked(m, t) for m, t in zip(outputs, outs.types, strict=True)]
        into = [m if not isinstance(m, StackPlace) and m.size == m.buffer.size else None for m in targets]
        passing = Passing(own, function, ())
        passing.begin()
        results = own.function(function, given, into, owned=list(over.values()), outermost=large)
        for place, m in moves(own, results, targets):
            own.copy(place, m)
        passing.end()

    kinds = [[("i8", (HEADER,)) if is_stack(t) else (k.kind(t), t.shape) for t in ts] for ts in (function.in_types, outs.types)]
    places = [x.header if isinstance(x, StackPlace) else x for x in operands]
    results = k.invoke(function, places, *kinds, over, wanted, body)
    return [StackPlace(m, t.item) if is_stack(t) else outs.made(n, m) for n, (m, t) in enumerate(zip(results, outs.types, strict=True))]


def emit(operation: Primitive, operands: Sequence[Any]) -> list[Any]:
    """The results of an operation recorded in the current builder, always as a list."""
    outs = current().emit(operation, tuple(operands))
    return list(outs) if isinstance(outs, tuple) else [outs]


def single(values: Sequence[Any]) -> Any:
    """As rules return results: one alone, several as a tuple."""
    return values[0] if len(values) == 1 else tuple(values)


def several(values: Any) -> tuple[Any, ...]:
    """The inverse of `single`."""
    return values if isinstance(values, tuple) else (values,)


def present(values: Sequence[Any]) -> tuple[bool, ...]:
    """Which of them are not symbolic zeros."""
    return tuple([v is not None for v in values])


def only(values: Sequence[Any]) -> list[Any]:
    """Those that are not symbolic zeros."""
    return [v for v in values if v is not None]


def spread(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    """The values at the places of the mask, None elsewhere."""
    it = iter(values)
    return [next(it) if on else None for on in mask]


def chosen(values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    """The values at the places of the mask."""
    return [v for v, on in zip(values, mask, strict=True) if on]


def shared(values: Sequence[Any], lanes: Sequence[bool]) -> list[Any]:
    """Results of a batch rule, those without the lane axis marked so."""
    return [v if on else Shared(v) for v, on in zip(values, lanes, strict=True)]


def function_of(body: Callable[..., Sequence[Any]], *types: Type, name: str = "f") -> Function:
    """The Function that `body`, written like a rule, is on variables of these types."""
    builder = Builder()
    inputs = [Var(t) for t in types]
    with building(builder):
        return builder.build(inputs, body(*inputs), name)


def check_operands(name: str, wanted: Sequence[Type], given: Sequence[Type]) -> None:
    if tuple(wanted) != tuple(given):
        show = lambda types: ", ".join(map(repr, types))
        raise ShapeError(four_parts(f"{name} needs operands of other types", f"wanted: {show(wanted)}\n  given:  {show(given)}"))


class Halves:
    """A Function split at a point, ready to be called.

    known:   inputs -> (outputs, fresh residuals)
    tangent: (residuals, tangents of the active inputs) -> tangents of the active outputs

    A residual that is an input or an output of the Function is not returned again: `residuals` finds each where it
    already is. What is cheaper computed than kept is computed again in the tangent half.

    `sprawling` says that there are more residuals than equations written down: the Function calls others again and
    again, and to name all that these keep would take a program as long as the run. They are computed again instead.
    """

    __slots__ = ("known", "n_outs", "out_active", "places", "sprawling", "tangent", "types")

    def __init__(self, function: Function, active: tuple[bool, ...]) -> None:
        split = linearize(function, active)
        inputs, equations = split.primal.inputs, split.primal.equations
        outs = list(split.primal.outputs[: len(function.outputs)])
        again: Sequence[Equation] = ()
        if len(equations) <= LONGEST:
            again = cheapest(equations, split.residuals, {*inputs, *outs})[1]
        made = {out for e in again for out in e.outs}
        used = [*split.residuals, *[a for e in again for a in e.operands if isinstance(a, Var)]]
        given = [v for v in unique(used) if v not in made]
        fresh: list[Atom] = []
        self.places: list[tuple[str, int]] = []
        for r in given:
            if r in inputs:
                self.places.append(("input", inputs.index(r)))
            elif r in outs:
                self.places.append(("output", outs.index(r)))
            else:
                self.places.append(("fresh", len(fresh)))
                fresh.append(r)
        self.known = Function(inputs, live(list(equations), [*outs, *fresh]), [*outs, *fresh], split.primal.name)
        self.n_outs, self.types = len(outs), tuple([r.type for r in fresh])
        moving = split.tangent.inputs[len(split.residuals) :]
        self.tangent = Function([*given, *moving], [*again, *split.tangent.equations], split.tangent.outputs, split.tangent.name)
        self.out_active = split.out_active
        self.sprawling = sprawls(self.known, len(fresh))

    def residuals(self, inputs: Sequence[Any], outs: Sequence[Any], fresh: Sequence[Any]) -> list[Any]:
        where = {"input": inputs, "output": outs, "fresh": fresh}
        return [where[kind][i] for kind, i in self.places]


def sprawls(known: Function, residuals: int) -> bool:
    """Whether a known half names more residuals than it has equations and than its callees hand on, those of each counted once."""
    called = {e.operation.function: len(e.outs) for e in known.equations if isinstance(e.operation, Call)}
    return residuals > max(FEW, len(known.equations) + sum(called.values()))


def halves(function: Function, active: Sequence[bool]) -> Halves:
    """The known and the linear half of a Function, made once."""
    active = tuple(active)
    return memoized(function, ("halves", active, settings().strong_zero), lambda: Halves(function, active))  # type: ignore[no-any-return]


def recomputed(function: Function, active: tuple[bool, ...]) -> tuple[Function, tuple[bool, ...]]:
    """(inputs, tangents) -> tangents, from the inputs alone and without effects, and which outputs have one."""

    def make() -> tuple[Function, tuple[bool, ...]]:
        split = linearize(function, active)
        builder = Builder()
        inputs = [Var(t) for t in function.in_types]
        moving = [Var(v.type) for v, on in zip(function.inputs, active, strict=True) if on]
        with building(builder):
            residuals = inline(silent(split.primal), inputs)[len(function.outputs) :]
            touts = inline(split.tangent, [*residuals, *moving])
            return builder.build([*inputs, *moving], touts, f"again_{function.name}"), split.out_active

    return memoized(function, ("recomputed", active, settings().strong_zero), make)  # type: ignore[no-any-return]


def pullback(
    function: Function, linear: tuple[bool, ...], seeded: tuple[bool, ...], begun: tuple[bool, ...] = ()
) -> tuple[Function, tuple[bool, ...]]:
    """The transposed Function without the cotangents that are structural zeros, and which are left."""

    def make() -> tuple[Function, tuple[bool, ...]]:
        full = transpose(function, linear, seeded, begun or None)
        mask = tuple([not is_zero(a) for a in full.outputs])
        return Function(full.inputs, full.equations, chosen(full.outputs, mask), full.name), mask

    return memoized(function, ("pullback", linear, seeded, begun, settings().strong_zero), make)  # type: ignore[no-any-return]


def depends(function: Function, mask: Sequence[bool]) -> tuple[bool, ...]:
    """Which outputs depend on the masked inputs."""
    reached: set[Any] = set(chosen(function.inputs, mask))
    for equation in function.equations:
        if any(a in reached for a in equation.operands):
            reached.update(equation.outs)
    return tuple([a in reached for a in function.outputs])


def unique(values: Iterable[Any]) -> list[Any]:
    """Each once, in order."""
    return list(dict.fromkeys(values))


def transpose_split(operation: Primitive, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> list[Any]:
    """Transpose an equation that also computes known results: those are split off first."""
    parts = operation.partial([not on for on in linear], operands)
    assert parts is not None, f"{operation!r} is not linear"
    outs, later, rest = parts
    cts = [c for c, known in zip(several(ct), outs, strict=True) if known is None]
    wanted = [x for x, on in zip(operands, linear, strict=True) if on]
    begun = [s for s, on in zip(sums or [None] * len(operands), linear, strict=True) if on]
    places: list[Any] = []
    for x in rest:
        found = next((j for j, w in enumerate(wanted) if w is x and j not in places), None)
        places.append(found)
    moving = [j is not None for j in places]
    if later.continues:
        pulled = later.transpose(single(cts), rest, moving, [None if j is None else begun[j] for j in places])
    else:
        pulled = later.transpose(single(cts), rest, moving)
    by_place = {j: c for j, c in zip(places, pulled, strict=True) if j is not None}
    return spread([by_place.get(j) for j in range(len(wanted))], linear)


def is_zero(a: Any) -> bool:
    """Whether this output is a literal zero."""
    return isinstance(a, Literal) and a.is_value(0)
