"""`Call`: a Function as one operation. A user's function used twice with the same types is one Function, called twice.

Knows the transformations, which know no operation. Start at `Call`; `halves` is how every
operation here that holds a Function is linearised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.contract import Primitive, Sample, Shared
from wengert.errors import ShapeError, four_parts
from wengert.ir.builder import Builder, building, current
from wengert.ir.types import Type, array_type
from wengert.ir.values import Atom, Function, Literal, Var
from wengert.ir.walk import memoized
from wengert.primitives.math import sin
from wengert.transform.batch import batch
from wengert.transform.evaluate import run
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune
from wengert.transform.transpose import transpose


class Call(Primitive):
    """The results of a Function for these operands."""

    function: Function
    views = True

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

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The body, written here."""
        return k.function(self.function, operands)

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        pushed, mask = jvp(self.function, present(tangents))
        results = emit(self.of(pushed), [*primals, *only(tangents)])
        n = len(mask)
        return single(results[:n]), single(spread(results[n:], mask))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        half = halves(self.function, present(tangents))
        known = emit(self.of(half.known), primals)
        outs = known[: half.n_outs]
        linear = emit(self.of(half.tangent), [*half.residuals(primals, outs, known[half.n_outs :]), *only(tangents)])
        return single(outs), single(spread(linear, half.out_active))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        cts = ct if isinstance(ct, tuple) else (ct,)
        pulled, mask = pullback(self.function, tuple(linear), present(cts))
        others = [x for x, on in zip(operands, linear, strict=True) if not on]
        return spread(spread(emit(self.of(pulled), [*others, *only(cts)]), mask), linear)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        function, lanes = batch(self.function, size, batched)
        return single(shared(emit(self.of(function), operands), lanes))

    def partial(self, known: Sequence[bool], operands: Sequence[Any]) -> Any:
        parts = partial(self.function, known)
        given = [x for x, on in zip(operands, known, strict=True) if on]
        rest = [x for x, on in zip(operands, known, strict=True) if not on]
        results = emit(self.of(parts.known), given)
        n = sum(parts.out_known)
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

    A residual that is an input or an output of the Function is not returned again: `residuals`
    finds each where it already is.
    """

    __slots__ = ("known", "n_outs", "out_active", "places", "tangent", "types")

    def __init__(self, function: Function, active: tuple[bool, ...]) -> None:
        split = linearize(function, active)
        outs = list(split.primal.outputs[: len(function.outputs)])
        fresh: list[Atom] = []
        self.places: list[tuple[str, int]] = []
        for r in split.residuals:
            if r in split.primal.inputs:
                self.places.append(("input", split.primal.inputs.index(r)))
            elif r in outs:
                self.places.append(("output", outs.index(r)))
            else:
                self.places.append(("fresh", len(fresh)))
                fresh.append(r)
        self.known = Function(split.primal.inputs, split.primal.equations, [*outs, *fresh], split.primal.name)
        self.n_outs, self.types = len(outs), tuple([r.type for r in fresh])
        self.tangent, self.out_active = split.tangent, split.out_active

    def residuals(self, inputs: Sequence[Any], outs: Sequence[Any], fresh: Sequence[Any]) -> list[Any]:
        where = {"input": inputs, "output": outs, "fresh": fresh}
        return [where[kind][i] for kind, i in self.places]


def halves(function: Function, active: Sequence[bool]) -> Halves:
    """The known and the linear half of a Function, made once."""
    active = tuple(active)
    return memoized(function, ("halves", active, settings().strong_zero), lambda: Halves(function, active))  # type: ignore[no-any-return]


def pullback(function: Function, linear: tuple[bool, ...], seeded: tuple[bool, ...]) -> tuple[Function, tuple[bool, ...]]:
    """The transposed Function without the cotangents that are structural zeros, and which are left."""

    def make() -> tuple[Function, tuple[bool, ...]]:
        full = transpose(function, linear, seeded)
        mask = tuple([not is_zero(a) for a in full.outputs])
        return Function(full.inputs, full.equations, chosen(full.outputs, mask), full.name), mask

    return memoized(function, ("pullback", linear, seeded, settings().strong_zero), make)  # type: ignore[no-any-return]


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


def transpose_split(operation: Primitive, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> list[Any]:
    """Transpose an equation that also computes known results: those are split off first."""
    parts = operation.partial([not on for on in linear], operands)
    assert parts is not None, f"{operation!r} is not linear"
    outs, later, rest = parts
    cts = [c for c, known in zip(several(ct), outs, strict=True) if known is None]
    wanted = [x for x, on in zip(operands, linear, strict=True) if on]
    places: list[Any] = []
    for x in rest:
        found = next((j for j, w in enumerate(wanted) if w is x and j not in places), None)
        places.append(found)
    pulled = later.transpose(single(cts), rest, [j is not None for j in places])
    by_place = {j: c for j, c in zip(places, pulled, strict=True) if j is not None}
    return spread([by_place.get(j) for j in range(len(wanted))], linear)


def is_zero(a: Any) -> bool:
    """Whether this output is a literal zero."""
    return isinstance(a, Literal) and a.is_value(0)
