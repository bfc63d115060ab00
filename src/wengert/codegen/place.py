"""Where a value of a Function is while its lowering goes on: in registers, in memory, or not computed yet.

Knows loop nests; no operation by name. Start at `Memory`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.codegen.schedule import Schedule
from wengert.ir.values import Var
from wengert.loops.nest import Address, Affine, Buffer

Ints = tuple[int, ...]


def row_major(shape: Sequence[int]) -> Ints:
    """The strides, in elements, of an array without gaps."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


class Regs:
    """A small array whose every element is a scalar of the program, in row-major order."""

    __slots__ = ("shape", "strides", "values")

    def __init__(self, values: Sequence[Any], shape: Ints) -> None:
        self.values, self.shape = list(values), shape
        self.strides = row_major(shape) if shape else ()

    def at(self, index: Sequence[Affine]) -> Any:
        """The element at an index known now, else None."""
        position = 0
        for i, stride in zip(index, self.strides, strict=True):
            if i.terms:
                return None
            position += i.const * stride
        return self.values[position]


class Memory:
    """A strided array in a buffer: element i is at offset + sum of strides * i."""

    __slots__ = ("buffer", "offset", "shape", "strides")

    def __init__(self, buffer: Buffer, shape: Ints, offset: Affine | None = None, strides: Ints | None = None) -> None:
        self.buffer, self.shape = buffer, shape
        self.offset = Affine(0) if offset is None else offset
        self.strides = row_major(shape) if strides is None else strides

    @property
    def kind(self) -> str:
        """The kind of its elements."""
        return self.buffer.kind

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def contiguous(self) -> bool:
        """Whether elements follow one another in row-major order."""
        step = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != step:
                return False
            step *= max(n, 1)
        return True

    def coincides(self, other: Memory) -> bool:
        """Whether each element of an array of this shape is in the same place in both."""
        same = self.strides == other.strides or self.contiguous and other.contiguous
        return same and self.buffer is other.buffer and self.offset.key == other.offset.key

    def meets(self, other: Memory) -> bool:
        """Whether they may share an element."""
        if self.buffer is not other.buffer:
            return False
        gap = other.offset - self.offset
        return bool(gap.terms) or not (self.contiguous and other.contiguous) or -other.size < gap.const < self.size

    def position(self, index: Sequence[Affine]) -> Affine:
        """Where in the buffer an element is."""
        out = self.offset
        for i, stride in zip(index, self.strides, strict=True):
            out = out + i * stride
        return out

    def relabelled(self, shape: Ints) -> Memory | None:
        """The same elements in row-major order with another shape; None where strides cannot say that."""
        if self.contiguous:
            return Memory(self.buffer, shape, self.offset)
        longer = [(n, stride) for n, stride in zip(self.shape, self.strides, strict=True) if n != 1]
        if [n for n, _ in longer] != [n for n in shape if n != 1]:
            return None
        strides = iter([stride for _, stride in longer])
        return Memory(self.buffer, shape, self.offset, tuple([next(strides) if n != 1 else 0 for n in shape]))

    def part(self, i: Affine) -> Memory:
        """Item i along the first axis."""
        return Memory(self.buffer, self.shape[1:], self.offset + i * self.strides[0], self.strides[1:])

    def address(self) -> Address:
        """The address of the first element."""
        return Address(self.buffer, self.offset)

    def __repr__(self) -> str:
        return f"Memory({self.buffer!r}+{self.offset!r}, {self.shape}, {self.strides})"


class Virtual:
    """A value computed element by element where it is read."""

    __slots__ = ("equation", "shape")

    def __init__(self, equation: Any, shape: Ints) -> None:
        self.equation, self.shape = equation, shape


class Frame:
    """A Function being lowered: where its values are, and the block that its steps are written into."""

    __slots__ = ("env", "first_buffer", "home", "into", "made", "outermost", "owned", "parent", "schedule", "shared")

    def __init__(self, plan: Schedule, outermost: bool, parent: Frame | None = None, first_buffer: int = 0) -> None:
        self.schedule, self.outermost, self.parent, self.first_buffer = plan, outermost, parent, first_buffer
        self.env: dict[Any, Any] = {}
        self.into: dict[Any, Memory] = {}
        self.shared: set[Any] = set()  # those of `into` whose memory holds something else until they are written
        self.owned: set[Buffer] = set()
        self.home: list[Any] = []
        self.made: dict[Any, Any] = {}  # small arrays written to memory here


class Outs:
    """The results of an operation: memory for each, made when it is asked for.

    `given` are the operands whose memory the operation may write over.
    """

    __slots__ = ("given", "k", "operation", "places", "types", "vars")

    def __init__(self, k: Any, operation: Any, outs: Sequence[Var]) -> None:
        self.k, self.operation, self.vars = k, operation, outs
        self.places: list[Any] = [None] * len(outs)
        self.types = [v.type for v in outs]
        self.given: set[int] = set()

    def __len__(self) -> int:
        return len(self.vars)

    def made(self, n: int, place: Memory) -> Memory:
        """Result n is in this memory, which is nobody else's."""
        self.places[n] = place
        return place

    def __getitem__(self, n: int) -> Memory:
        if self.places[n] is None:
            spread = self.operation.spreads and self.operation.renews(n) is None
            self.places[n] = self.k.result(self.vars[n], contiguous=not spread)
        return self.places[n]  # type: ignore[no-any-return]
