"""How loops and branches become native ones: what is carried in registers, what in memory, and where stacks grow.

Written with the `k` of `nest` rules. Start at `Carries`; stacks at `StackPlace`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from wengert.ir.types import ArrayType, StackType, Type
from wengert.ir.values import Function, Literal
from wengert.ir.walk import memoized
from wengert.loops.nest import BYTES, Affine

SMALL = 16  # elements of an array that a loop carries in registers
HEADER = 4  # words of a stack: where its items are, how many, for how many there is room, and one spare


class StackPlace:
    """A stack: a header in memory, [address of the items, height, room]. Its items stay where they are until the program ends."""

    __slots__ = ("header", "item", "shape")

    def __init__(self, header: Any, item: Type) -> None:
        self.header, self.item = header, item
        self.shape = ()


def is_stack(type: Type) -> bool:
    """Whether a value of this type is a stack."""
    return isinstance(type, StackType)


def item_bytes(k: Any, item: Any) -> int:
    """The bytes of one item of a stack, a header if it is a stack itself; a multiple of 8."""
    if is_stack(item):
        return 8 * HEADER
    return -(-item.size * BYTES[k.kind(item)] // 8) * 8


def empty(k: Any, item: Type) -> StackPlace:
    """A new stack without items."""
    header = k.scratch((HEADER,), "i8")
    k.fill(header.address(), None, HEADER)
    return StackPlace(header, item)


def height(k: Any, stack: StackPlace) -> Any:
    """How many items it has."""
    return k.load(stack.header.buffer, stack.header.offset + 1)


def reserve(k: Any, stack: StackPlace, count: Any) -> None:
    """Give an empty stack `count` items, not written yet."""
    k.allocate("wengert.reserve", stack.header.address(), count, item_bytes(k, stack.item), stack.header.buffer)


def slot(k: Any, stack: StackPlace, i: Any) -> Any:
    """The memory of item i, which exists."""
    base = k.cast(k.load(stack.header.buffer, stack.header.offset), "p")
    return _at(k, stack, k.op_kind("offset", (base, k.op("mul", i, k.const(item_bytes(k, stack.item), "i8"))), "p"))


def _at(k: Any, stack: StackPlace, address: Any) -> Any:
    item: Any = stack.item
    if is_stack(item):
        return StackPlace(k.pointed(address, (HEADER,), "i8"), item.item)
    return k.pointed(address, item.shape, k.kind(item))


def push(k: Any, stack: StackPlace, value: Any) -> None:
    """One more item on top."""
    k.allocate("wengert.push", stack.header.address(), k.const(1, "i8"), item_bytes(k, stack.item), stack.header.buffer)
    top = k.op("sub", k.load(stack.header.buffer, stack.header.offset + 1), k.const(1, "i8"))
    put(k, slot(k, stack, top), value)


class Passing:
    """The memory of stacks that live for one iteration only: what an iteration takes is given back at its end."""

    def __init__(self, k: Any, body: Function, states: Sequence[Type]) -> None:
        made = any([is_stack(v.type) for e in body.equations for v in e.outs])
        self.k = k
        self.mark = k.scratch((2,), "i8") if made and not any(map(is_stack, (*body.out_types, *states))) else None

    def begin(self) -> None:
        """At the start of an iteration."""
        if self.mark is not None:
            self.k.region("wengert.mark", self.mark.address(), [self.mark.buffer])

    def end(self) -> None:
        """When its stacks are no longer read."""
        if self.mark is not None:
            self.k.region("wengert.release", self.mark.address(), [])


def put(k: Any, target: Any, value: Any) -> None:
    """Write an item: an array's elements, or the header of a stack."""
    if isinstance(target, StackPlace):
        target, value = target.header, value.header
    k.copy(value, target)


def item(k: Any, stack: StackPlace, i: Any) -> Any:
    """Item i; zeros above the highest."""
    there = k.op("lt", i, height(k, stack))
    nothing = k.zeros_address(item_bytes(k, stack.item))
    base = k.cast(k.load(stack.header.buffer, stack.header.offset), "p")
    found = k.op_kind("offset", (base, k.op("mul", i, k.const(item_bytes(k, stack.item), "i8"))), "p")
    return _at(k, stack, k.op_kind("select", (there, found, nothing), "p"))


def slice_of(k: Any, place: Any, i: Affine, type: ArrayType) -> Any:
    """place[i] along the first axis, of this type, without a copy."""
    if isinstance(place, Literal):
        return Literal(place.value, type)
    memory = k.memory(place, contiguous=False)
    return memory.part(i)


def stored(k: Any, place: Any) -> Any:
    """A small array in registers as memory written here, and not where it was computed: for what seldom runs."""
    if isinstance(place, Literal) or not getattr(place, "values", None):
        return place
    memory = k.scratch(place.shape, place.values[0].kind)
    k.copy(place, memory)
    return memory


class Carries:
    """The state of a loop: small arrays in registers, large ones and stacks in memory that is overwritten."""

    def __init__(
        self, k: Any, starts: Sequence[Any], types: Sequence[Type], outs: Any, first: int, in_memory: Collection[int] = ()
    ) -> None:
        """`starts` are the operands from number `first` on, and results as many: large arrays live in the memory of one or the other.

        So do small ones of the numbers `in_memory`.
        """
        self.k, self.types = k, types
        self.small = [isinstance(t, ArrayType) and 0 < t.size <= SMALL and n not in in_memory for n, t in enumerate(types)]
        self.memory: list[Any] = []
        for n, (start, t, small) in enumerate(zip(starts, types, self.small, strict=True)):
            if small:
                self.memory.append(None)
            elif is_stack(t):
                header = k.scratch((HEADER,), "i8")
                k.copy(start.header, header)
                self.memory.append(StackPlace(header, t.item))  # type: ignore[union-attr]
            elif first + n in outs.given:
                self.memory.append(start)
            else:
                memory = outs[n]
                k.copy(start, memory)
                self.memory.append(memory)
        self.inits = [x for start, small in zip(starts, self.small, strict=True) if small for x in k.registers(start).values]

    def places(self, scalars: Sequence[Any]) -> list[Any]:
        """Where each is, given the scalars that the loop carries."""
        it = iter(scalars)
        out = []
        for t, memory in zip(self.types, self.memory, strict=True):
            out.append(self.k.in_registers([next(it) for _ in range(t.size)], t.shape) if memory is None else memory)  # type: ignore[union-attr]
        return out

    @property
    def owned(self) -> list[bool]:
        """Which are arrays in memory that the body may overwrite."""
        return [m is not None and not isinstance(m, StackPlace) for m in self.memory]

    def scalars(self, results: Sequence[Any]) -> list[Any]:
        """What is carried on, given where the new state is; what is in memory is moved there."""
        k = self.k
        moved = moves(k, results, self.memory)
        out = [x for place, memory in zip(results, self.memory, strict=True) if memory is None for x in k.registers(place).values]
        for place, memory in moved:
            put(k, memory, place)
        return out


def moves(k: Any, results: Sequence[Any], memories: Sequence[Any]) -> list[tuple[Any, Any]]:
    """(result, its memory) for each that is not there yet; one that lives where another is about to be written is set apart."""
    mine = {id(_buffer(m)) for m in memories if m is not None}
    out = []
    for place, memory in zip(results, memories, strict=True):
        if memory is None or place is memory:
            continue
        if isinstance(memory, StackPlace):
            place, memory = place.header, memory.header
        buffer = getattr(place, "buffer", None)
        if buffer is memory.buffer and place.coincides(memory):
            continue
        if id(buffer) in mine:
            apart = k.scratch(memory.shape, memory.kind)
            k.copy(place, apart)
            place = apart
        out.append((place, memory))
    return out


def _buffer(place: Any) -> Any:
    return place.header.buffer if isinstance(place, StackPlace) else place.buffer


def origin(function: Function, output: int, relation: str, once: bool = False) -> int | None:
    """The input from which a chain of `relation` ("renews" or "adds_to") leads to this output; `once`: and nothing else uses it."""
    a = function.outputs[output]
    producers = memoized(function, "producers", lambda: {out: e for e in function.equations for out in e.outs})
    while a in producers:
        equation = producers[a]
        place = getattr(equation.operation, relation)(equation.outs.index(a))
        if place is None or once and _uses(function, a) > 1:
            return None
        a = equation.operands[place]
    if a not in function.inputs or once and _uses(function, a) > 1:
        return None
    return function.inputs.index(a)


def _uses(function: Function, a: Any) -> int:
    return sum([e.operands.count(a) for e in function.equations]) + function.outputs.count(a)


def indexed(function: Function) -> frozenset[int]:
    """The inputs whose elements are found by integers that are computed: arrays for memory, however small."""
    return memoized(function, "indexed", lambda: _indexed(function))  # type: ignore[no-any-return]


def _indexed(function: Function) -> frozenset[int]:
    found: set[Any] = set()
    for e in reversed(function.equations):
        operation: Any = e.operation
        found.update([e.operands[n] for n in operation.indexed(e.operands)])
        for result, v in enumerate(e.outs):
            if v in found and (n := operation.renews(result)) is not None:
                found.add(e.operands[n])
    return frozenset([n for n, v in enumerate(function.inputs) if v in found])


def settled(k: Any, places: Sequence[Any], in_memory: Collection[int] = ()) -> list[Any]:
    """Constants of a loop where each iteration finds them: small arrays in registers, except for those numbers."""
    out = []
    for n, p in enumerate(places):
        if not isinstance(p, (Literal, StackPlace)) and 0 < _size(p) <= SMALL:
            p = k.memory(p) if n in in_memory else k.registers(p)
        out.append(p)
    return out


def _size(place: Any) -> int:
    size = 1
    for n in place.shape:
        size *= n
    return size
