"""A Function that is called more than once becomes a routine: a program of its own, lowered once and invoked with addresses.

Knows how programs refer to memory; no operation. Start at `invoke`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wengert.codegen.place import Ints, Memory
from wengert.codegen.plan import plan
from wengert.codegen.schedule import SMALL
from wengert.ir.types import ArrayType
from wengert.ir.values import Function
from wengert.ir.walk import held, nested
from wengert.loops.nest import Affine, Buffer, Invoke, Program

LARGE = 1024  # elements of an array from where on a routine's loops are worth functions of their own

Arrays = Sequence[tuple[str, Ints]]  # kind and shape of each
Body = Callable[[Any, list[Memory], list[Memory], bool], None]  # (the routine's kernel, inputs, outputs, whether arrays are large)


def uses(function: Function) -> Counter[Function]:
    """How many equations hold each Function, in this one and all it holds."""
    count: Counter[Function] = Counter()
    for f in nested(function):
        for equation in f.equations:
            if equation.operation.fields:
                count.update(held(equation.operation))
    return count


def is_large(function: Function) -> bool:
    """Whether there is a large array in it."""
    values = [*function.inputs, *[v for equation in function.equations for v in equation.outs]]
    return any([isinstance(v.type, ArrayType) and v.type.size >= LARGE for v in values])


class Packing:
    """How arrays are handed over: a large one by its address, small ones of a kind one after the other in one stretch of memory.

    Small ones that lie one after the other already, as results of another routine do, are a stretch of their own.

    stretches: kind and size of each; places: array -> (which of them, where in it); alone: whether it holds one array only
    """

    __slots__ = ("alone", "places", "shapes", "stretches")

    def __init__(self, arrays: Arrays, found: Sequence[Any] = ()) -> None:
        """`found` are places of such arrays, if there are any yet."""
        self.shapes = [shape for _, shape in arrays]
        self.stretches: list[tuple[str, int]] = []
        self.places: list[tuple[int, int]] = []
        common: dict[Any, int] = {}
        for (kind, shape), run in zip(arrays, _runs(found) if found else [None] * len(arrays), strict=True):
            size = math.prod(shape)
            n = common.setdefault(kind if run is None else run, len(self.stretches)) if size <= SMALL else len(self.stretches)
            if n == len(self.stretches):
                self.stretches.append((kind, 0))
            offset = self.stretches[n][1]
            self.stretches[n] = kind, offset + size
            self.places.append((n, offset))
        members = Counter([n for n, _ in self.places])
        self.alone = [members[n] == 1 for n in range(len(self.stretches))]

    def memory(self, buffers: Sequence[Buffer]) -> list[Memory]:
        """Where each array is, given the stretches."""
        return [Memory(buffers[n], shape, Affine(offset)) for (n, offset), shape in zip(self.places, self.shapes, strict=True)]


def _runs(places: Sequence[Any]) -> list[int | None]:
    """Equal numbers for neighbours that lie one after the other in one buffer; None for what has no such neighbour."""
    runs: list[int | None] = []
    for i, place in enumerate(places):
        runs.append(runs[-1] if i and _follows(places[i - 1], place) else i)
    count = Counter(runs)
    return [None if count[run] == 1 else run for run in runs]


def _follows(first: Any, second: Any) -> bool:
    """Whether one array begins where the other ends."""
    if type(first) is not Memory or type(second) is not Memory or first.buffer is not second.buffer:
        return False
    gap = second.offset - first.offset
    return first.contiguous and second.contiguous and not gap.terms and gap.const == first.size > 0


class Routine:
    """A lowered Function, how arrays are handed to it, and the scratch memory that it needs.

    over: result -> the operand in whose memory it is made; that operand is handed over as the result
    """

    __slots__ = ("arena_bytes", "given", "made", "program")

    def __init__(
        self, k: Any, function: Function, operands: Sequence[Any], given: Arrays, made: Arrays, over: Mapping[int, int], body: Body
    ) -> None:
        kept = [n for n in range(len(given)) if n not in over.values()]
        self.given, self.made = Packing([given[n] for n in kept], [operands[n] for n in kept]), Packing(made)
        own = type(k)(k)
        rest, outputs = [
            packing.memory([own.buffer(kind, size, space, n) for n, (kind, size) in enumerate(packing.stretches)])
            for space, packing in (("input", self.given), ("output", self.made))
        ]
        found, by_operand = iter(rest), {n: outputs[i] for i, n in over.items()}
        inputs = [by_operand[n] if n in by_operand else next(found) for n in range(len(given))]
        body(own, inputs, outputs, is_large(function))
        self.program: Program = own.program(f"{re.sub('[^A-Za-z0-9_]', '_', function.name)}.{len(k.routines)}")
        self.arena_bytes = plan(self.program)[1]


def invoke(
    k: Any,
    function: Function,
    operands: Sequence[Any],
    given: Arrays,
    made: Arrays,
    over: Mapping[int, int],
    wanted: Callable[[int], Memory],
    body: Body,
) -> list[Memory]:
    """Run the routine of a Function on these places; where its results are, in memory that is theirs.

    `given` and `made` are kind and shape of operands and results. The results in `over`, large ones, are made of an operand:
    their memory holds it before. `wanted` gives memory for a result that is not packed with others, for one of these that
    of the operand where nobody else needs it. `body` lowers the Function, the first time.
    """
    routine: Routine = k.routines.get(function)
    if routine is None:
        routine = Routine(k, function, operands, given, made, over, body)
        k.routines[function] = routine
    rest = [x for n, x in enumerate(operands) if n not in over.values()]
    inputs = _handed(k, routine.given, rest)
    outputs: list[Any] = [None] * len(routine.made.stretches)
    moved: dict[int, Memory] = {}  # results that are wanted elsewhere than where the routine can write them
    read = {m.buffer for m in inputs}
    for i, (n, _) in enumerate(routine.made.places):
        if routine.made.alone[n]:
            place = wanted(i)
            if not place.contiguous or place.buffer in read:
                moved[i], place = place, k.scratch(place.shape, place.kind)
            if i in over and place is not operands[over[i]]:
                k.copy(operands[over[i]], place)
            outputs[n] = place
    for n, (kind, size) in enumerate(routine.made.stretches):
        outputs[n] = outputs[n] or k.scratch((size,), kind)
        k.written(outputs[n].buffer)
    scratch = k.buffer("u1", routine.arena_bytes)
    k.block.append(Invoke(routine.program, [m.address() for m in inputs], [m.address() for m in outputs], scratch))
    k.work += routine.program.work * k.weight
    results = []
    for i, ((n, offset), shape) in enumerate(zip(routine.made.places, routine.made.shapes, strict=True)):
        place = outputs[n] if routine.made.alone[n] else Memory(outputs[n].buffer, shape, Affine(offset))
        if i in moved:
            k.copy(place, moved[i])
        results.append(moved.get(i, place))
    return results


def _handed(k: Any, packing: Packing, places: Sequence[Any]) -> list[Memory]:
    """The stretches of memory that hold these places: where they are, if they lie as the routine wants them, else copies."""
    members: list[list[Any]] = [[] for _ in packing.stretches]
    for x, (n, offset), shape in zip(places, packing.places, packing.shapes, strict=True):
        members[n].append((x, offset, shape))
    out = []
    for (kind, size), those in zip(packing.stretches, members, strict=True):
        first = those[0][0]
        if len(those) == 1:
            out.append(k.memory(first))
        elif all([_follows(a[0], b[0]) for a, b in itertools.pairwise(those)]):
            out.append(Memory(first.buffer, (size,), first.offset))
        else:
            out.append(k.scratch((size,), kind))
            for x, offset, shape in those:
                k.copy(x, Memory(out[-1].buffer, shape, Affine(offset)))
    return out
