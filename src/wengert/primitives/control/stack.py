"""Stacks: what a loop of unknown trip count pushes and its reverse pops.

A stack's value is a `Stack`, a list written once. The empty stack stands for zeros of any
height. Sums and selections of stacks are loops over their height, so that every rule of
theirs is the loop's. Start at `Stack`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, Shared, flat, no, role
from wengert.contract import expand as expand_item
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import ArrayType, StackType, Type, array_type, stack_type
from wengert.ir.values import ROLES, Function
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.control.nesting import empty, height
from wengert.primitives.shape import stop_gradient


class Stack(list[Any]):
    """The value of a stack. Nobody changes one that has been returned."""

    __slots__ = ()


def stacked(item: Type, length: int | None) -> Type:
    """What a loop collects items in: an array with a leading axis, or a stack where sizes are unknown."""
    if length is None or isinstance(item, StackType):
        return stack_type(item)
    return array_type((length, *item.shape), item.dtype)


def zero_value(type: Type) -> Any:
    """The concrete zero of a type."""
    return Stack() if isinstance(type, StackType) else np.zeros(type.shape, type.dtype)[()]


def add_values(a: Any, b: Any) -> Any:
    """The sum of two concrete values; of stacks, item by item."""
    if not isinstance(a, Stack):
        return a + b
    if len(a) < len(b):
        a, b = b, a
    return Stack([add_values(x, b[i]) if i < len(b) else x for i, x in enumerate(a)])


class EmptyStack(Primitive):
    """The stack of no items, read as zeros wherever it is popped."""

    stack: StackType
    jvp = flat("it has no operands")
    transpose = no("it has no operands")

    def type(self) -> tuple[Type, ...]:
        return (self.stack,)

    def evaluate(self) -> Any:
        return Stack()

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """A header of zeros."""
        return [empty(k, self.stack.item)]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Shared(emit(self, ())[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        return iter(())


class Height(Primitive):
    """The number of items of the highest of some stacks."""

    jvp = flat("a height is an integer")
    transpose = no("a height is an integer")

    def type(self, *stacks: Type) -> tuple[Type, ...]:
        if not all(isinstance(s, StackType) for s in stacks):
            raise ShapeError(four_parts("height needs stacks", ", ".join(map(repr, stacks))))
        return (array_type((), np.dtype(np.int64)),)

    def evaluate(self, *stacks: Any) -> Any:
        return np.int64(max(map(len, stacks)))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The greatest of the headers' heights."""
        out = height(k, operands[0])
        for stack in operands[1:]:
            out = k.op("maximum", out, height(k, stack))
        return [k.in_registers([out], ())]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Shared(emit(self, operands)[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        return iter(())


@role("empty_stack")
def empty_stack(type: StackType) -> Any:
    """An empty stack, emitted."""
    return emit(EmptyStack(type), ())[0]


def each(body: Callable[..., Any], stacks: Sequence[Any], consts: Sequence[Any] = ()) -> Any:
    """The stack of body(*consts, *items), one for each height."""
    from wengert.primitives.control.loop import Loop

    index = array_type((), np.dtype(np.int64))
    types = [index, *[c.type for c in consts], *[s.type.item for s in stacks]]
    function = function_of(lambda i, *rest: [body(*rest)], *types, name="each")
    return emit(Loop(function, None, len(consts), 0, 0), [emit(Height(), stacks)[0], *consts, *stacks])[0]


@role("add_stacks")
def add_stacks(a: Any, b: Any) -> Any:
    """The sum of two stacks, item by item."""
    add = add_stacks if isinstance(a.type.item, StackType) else ROLES["add"]
    return each(add, [a, b])


@role("expand_stack")
def expand_stack(x: Any, size: int) -> Any:
    """Every item with a new leading axis, by repetition."""
    return each(lambda item: expand_item(item, size), [x])


def select_any(mask: Any, x: Any, y: Any) -> Any:
    """where(mask, x, y), lane by lane: the mask has the leading axis of the values, or of the items of stacks."""
    if isinstance(x.type, StackType):
        return each(select_any, [x, y], [mask])
    return ROLES["select"](ROLES["broadcast"](mask, x.type.shape, tuple(range(mask.type.ndim))), x, y)


def lanes_to_guard(function: Function, types: Sequence[Type], lanes: Sequence[bool]) -> tuple[bool, ...]:
    """Which of the operands of `function` need a lane axis, so that `guard` can keep lanes apart.

    Those that have one; and where the function holds others, through which the transposition
    sees no mask, every operand that has a derivative.
    """
    opaque = any([e.operation.functions() for e in function.equations])  # type: ignore[attr-defined]
    return tuple([on or (opaque and isinstance(t, ArrayType) and t.inexact) for on, t in zip(lanes, types, strict=True)])


def guard(alive: Any, x: Any) -> Any:
    """x, whose derivative is exactly zero in lanes that are not alive, whatever is done with it."""
    if isinstance(x.type, StackType) or not x.type.inexact:
        return x
    return select_any(alive, x, stop_gradient(x))


def lanes_of(values: Sequence[Any], has: Sequence[bool], wanted: Sequence[bool], size: int) -> list[Any]:
    """The values, expanded where a lane axis is wanted and not there."""
    return [expand_item(v, size) if want and not on else v for v, on, want in zip(values, has, wanted, strict=True)]
