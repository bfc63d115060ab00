"""Lane by lane: an operation over lanes as a loop that runs it for each. For what must not happen in lanes that do not take it.

Start at `lane_by_lane`; `Abreast` is what it makes of the stacks that lanes give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.contract import Linear, Primitive, no
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import ArrayType, StackType, Type, array_type
from wengert.ir.values import Function, acts, has_effect
from wengert.ir.walk import memoized, nested
from wengert.primitives.control.call import Call, emit, function_of
from wengert.primitives.control.nesting import empty, height, item, reserve, slot
from wengert.primitives.control.stack import Stack, each
from wengert.primitives.index import gather, slice_axis
from wengert.primitives.shape import Concatenate, broadcast, move_axis, reshape
from wengert.transform.batch import batch, batched_type

LARGE = 64  # elements of an array that a lane keeps at hand
CACHED = 2048  # elements that the steps of a loop find in the first cache
NARROWEST, WIDEST = 32, 64  # lanes of a strip
FEW = 3  # operations that are not elementwise, after which it pays to keep what they give at hand
INDEX = array_type((), np.dtype(np.int64))


def lane_by_lane(operation: Primitive, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> list[Any]:
    """The results of an operation over lanes, emitted as a loop over them. All results have the lane axis."""
    from wengert.primitives.control.loop import Loop

    mapped = [on and not isinstance(x.type, StackType) for x, on in zip(operands, batched, strict=True)]
    fixed = [x for x, on in zip(operands, mapped, strict=True) if not on]
    lanes = [x for x, on in zip(operands, mapped, strict=True) if on]

    def body(i: Any, *values: Any) -> list[Any]:
        rest, items = iter(values[: len(fixed)]), iter(values[len(fixed) :])
        given = [next(items) if on else next(rest) for on in mapped]
        return emit(operation, [lane(x, i) if on and not m else x for x, on, m in zip(given, batched, mapped, strict=True)])

    items = [x.type.with_shape(x.type.shape[1:]) for x in lanes]
    function = function_of(body, INDEX, *[x.type for x in fixed], *items, name=operation.name)
    results = emit(Loop(function, size, len(fixed), 0, 0), [*fixed, *lanes])
    stacks = [isinstance(t, StackType) for t in function.out_types]
    return [emit(Abreast(size), [r])[0] if on else r for r, on in zip(results, stacks, strict=True)]


def arranged(function: Function, size: int, batched: Sequence[bool], force: Sequence[bool]) -> tuple[Function, tuple[bool, ...]]:
    """As `transform.batch`, for a program that runs later: with as many lanes at once as are best."""
    if not all(force):
        return batch(function, size, batched, force)
    if is_small(function):
        return one_by_one(function, size, batched, force)
    return (in_strips if goes_in_strips(function, size) else batch)(function, size, batched, force)


def one_by_one(function: Function, size: int, batched: Sequence[bool], force: Sequence[bool]) -> tuple[Function, tuple[bool, ...]]:
    """As `transform.batch`, all results wanted for every lane: a loop that runs the Function for each."""

    def make() -> Function:
        types = [batched_type(v.type, size) if on else v.type for v, on in zip(function.inputs, batched, strict=True)]
        return function_of(lambda *values: lane_by_lane(Call(function), size, batched, values), *types, name=f"lanes_{function.name}")

    return memoized(function, ("one by one", size, tuple(batched)), make), (True,) * len(force)


def in_strips(function: Function, size: int, batched: Sequence[bool], force: Sequence[bool]) -> tuple[Function, tuple[bool, ...]]:
    """As `one_by_one`, but as many lanes at once as its loops can keep in the cache.

    Where that does not divide their number, the last strip is filled up with the last lane.
    """

    def make() -> Function:
        count, width = divided(size, _width(function))
        inner = batch(function, width, batched, True)[0]

        def strips(*values: Any) -> list[Any]:
            rows = lambda x: reshape(filled(x, count * width), (count, width, *x.shape[1:]))
            given = [rows(x) if on else x for x, on in zip(values, batched, strict=True)]
            results = lane_by_lane(Call(inner), count, batched, given)
            return [slice_axis(reshape(r, (count * width, *r.shape[2:])), 0, 0, size) for r in results]

        types = [batched_type(v.type, size) if on else v.type for v, on in zip(function.inputs, batched, strict=True)]
        return function_of(strips, *types, name=f"strips_{function.name}")

    return memoized(function, ("in strips", size, tuple(batched)), make), (True,) * len(force)


def divided(size: int, most: int) -> tuple[int, int]:
    """How many strips of how many lanes, at most so many: a divisor of their number if there is one about as large."""
    count = -(-size // most)
    width = next((n for n in range(most, most // 2, -8) if size % n == 0), -(-size // count // 8) * 8)
    return -(-size // width), width


def filled(x: Any, size: int) -> Any:
    """With the last lane repeated up to this size."""
    missing = size - x.shape[0]
    if not missing:
        return x
    last = broadcast(slice_axis(x, 0, x.shape[0] - 1, x.shape[0]), (missing, *x.shape[1:]))
    return emit(Concatenate(0), [x, last])[0]


def goes_in_strips(function: Function, size: int) -> bool:
    """Whether it has loops that would go through the memory of this many lanes in every iteration."""
    return size >= 2 * _width(function) > 0 and not acts(function)


def _width(function: Function) -> int:
    """How many lanes go at once; 0 if there are no loops."""

    def found() -> int:
        from wengert.primitives.control.loop import Loop
        from wengert.primitives.control.while_ import While

        loops = [
            f for g in nested(function) for e in g.equations if isinstance(e.operation, (Loop, While)) for f in e.operation.functions()
        ]
        most = max([sum([t.size for t in f.out_types if isinstance(t, ArrayType)]) for f in loops], default=0)
        return most and min(WIDEST, max(NARROWEST, CACHED // most // 8 * 8))

    return memoized(function, "width of a strip", found)  # type: ignore[no-any-return]


def is_small(function: Function) -> bool:
    """Whether a lane is computed in registers, so that abreast there would be much more to write to memory and to read again.

    So it is where there are many small arrays of several shapes: each becomes a loop of its own over all lanes.
    """
    return memoized(function, "is small", lambda: _loops(function) > FEW)  # type: ignore[no-any-return]


def _loops(function: Function) -> float:
    """How many operations would be loops of their own over the lanes; -inf if there are large arrays, or what goes better abreast."""
    found = 0.0
    for e in function.equations:
        operation: Any = e.operation
        inner = operation.functions()
        if any([isinstance(v.type, StackType) or v.type.size > LARGE for v in e.outs]) or inner and not goes_alone(operation):
            return -float("inf")
        if inner:
            found += sum([_loops(f) for f in inner])
        elif not (operation.elementwise or operation.strided) and any([v.type.size > 1 for v in (*e.operands, *e.outs)]):
            found += 1
    return found


def lane(x: Any, i: Any) -> Any:
    """Lane i of an array with a lane axis, or of a stack whose items have one."""
    if isinstance(x.type, StackType):
        return each(lambda i, item: lane(item, i), [x], [i])
    return gather(x, [i])


def goes_alone(operation: Primitive) -> bool:
    """Whether each lane runs its own branch, and as often as it must: what has effects, loops, branches, or what addresses elements.

    The rest is elementwise, and goes abreast in vector registers; lanes that are not meant are masked, which costs less there.
    """
    functions = operation.functions()
    if has_effect(operation):
        return True
    if any([isinstance(t, StackType) for f in functions for t in (*f.in_types, *f.out_types)]):
        return False  # lanes' stacks of stacks are brought abreast by Python only
    return not all([_is_elementwise(f) for f in functions])


def _is_elementwise(function: Function) -> bool:
    def found() -> bool:
        operations: list[Any] = [e.operation for e in function.equations]
        return all([o.elementwise and not o.may_raise or o.name == "cond" and not goes_alone(o) for o in operations])

    return memoized(function, "elementwise", found)  # type: ignore[no-any-return]


class Abreast(Linear):
    """The stacks of all lanes, stacked, as one stack whose items have a lane axis; zeros where a lane has no item."""

    size: int
    samples = no("its operands are stacks, not arrays")

    def type(self, *operands: Type) -> tuple[Type, ...]:
        (lanes,) = operands
        if not isinstance(lanes, StackType) or not isinstance(lanes.item, StackType):
            raise ShapeError(four_parts("abreast takes a stack of stacks", repr(lanes)))
        return (batched_type(lanes.item, self.size),)

    def evaluate(self, lanes: Any) -> Any:
        return Stack([_beside(items) for items in _rows(lanes)])

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """As many items as the highest has, each written lane by lane."""
        (lanes,) = operands
        inner = lanes.item.item
        if isinstance(inner, StackType):
            return NotImplemented
        highest = lambda i, top: [k.op("maximum", top[0], height(k, item(k, lanes, k.number(i))))]
        (top,) = k.loop(0, self.size, highest, [k.const(0, "i8")])
        out = empty(k, batched_type(inner, self.size))
        reserve(k, out, top)

        def row(h: Any, _: Any) -> list[Any]:
            place = slot(k, out, k.number(h))

            def one(i: Any, _: Any) -> list[Any]:
                k.copy(item(k, item(k, lanes, k.number(i)), k.number(h)), place.part(i))
                return []

            k.loop(0, self.size, one)
            return []

        k.loop(0, k.index(top), row)
        return [out]

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        """Each lane's own stack."""
        from wengert.primitives.control.loop import Loop

        function = function_of(lambda i, x: [lane(x, i)], INDEX, ct.type, name="apart")
        return emit(Loop(function, self.size, 1, 0, 0), [ct])

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """The new lanes are in front, behind them those of this operation."""
        return _swapped(emit(self, operands)[0])


def _rows(lanes: Sequence[Any]) -> list[list[Any]]:
    """The first items of all lanes, the second ones, …; None for what a lane has not."""
    return [[s[h] if h < len(s) else None for s in lanes] for h in range(max([0, *map(len, lanes)]))]


def _beside(items: list[Any]) -> Any:
    """Items of all lanes as one value with a lane axis."""
    first = next(x for x in items if x is not None)
    if isinstance(first, Stack):
        return Stack([_beside(row) for row in _rows([[] if x is None else x for x in items])])
    return np.stack([np.zeros_like(first) if x is None else x for x in items])


def _swapped(x: Any) -> Any:
    """With the first two axes of what is in it exchanged."""
    return each(_swapped, [x]) if isinstance(x.type, StackType) else move_axis(x, 0, 1)
