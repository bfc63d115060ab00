"""What it takes to compute a result again, and what to keep it and read it back, in one unit: about one addition.

Knows an operation by what its class says of its loops alone. Start at `effort` and `storage`.
"""

from __future__ import annotations

import math
from typing import Any

from wengert.ir.types import StackType, Type
from wengert.ir.values import Equation, Function, has_effect
from wengert.ir.walk import memoized
from wengert.loops.build import Builder, Pair
from wengert.loops.nest import BYTES, REAL, Call, For, If, Let, While, walk
from wengert.loops.scalars import EXPENSIVE

# Measured on x86-64, per element: a double written and read back a loop later costs 1 to 2 ns, as much as eight
# dependent additions where they overlap with others; exp and its like 5 to 10 ns alone, 1 ns in a vector.
BYTE = 1.0  # to keep and read one byte
LEAST = 2.0  # to keep anything
GROWING = 1.5  # how much dearer a stack is that has to grow
ELEMENTARY, IN_VECTOR = 25.0, 7.0
SLOW = {"div": 4.0, "sqrt": 5.0, "quotient": 10.0, "rest": 10.0}
READ = 2.0  # an element at an index to be checked
PUT_BACK = 6.0  # an element at such an index, which what is read next may have to wait for
SEVERAL = 16  # elements from which on they are computed in vectors
LOOP_LENGTH = 16  # a guess
NEVER = math.inf


def storage(type: Type, growing: bool = False) -> float:
    """To keep a value of this type in every iteration, and read it back."""
    factor = GROWING if growing else 1.0
    while isinstance(type, StackType):
        factor, type = factor * LOOP_LENGTH, type.item
    return factor * type.size * max(BYTE * type.dtype.itemsize, LEAST)


def effort(equation: Equation) -> float:
    """To compute an equation again; infinite where that must not or should not be done."""
    operation: Any = equation.operation
    if has_effect(operation) or any([isinstance(v.type, StackType) for v in equation.outs]):
        return NEVER
    size = sum([v.type.size for v in equation.outs])  # type: ignore[union-attr]
    if operation.elementwise and operation.scalar is not None:
        return size * _scalar_effort(equation, size)
    if operation.reduction is not None:
        return float(equation.operands[0].type.size)  # type: ignore[union-attr]
    if operation.target is not None:  # a copy is made of what is changed, since both are wanted
        return size + READ * equation.operands[-1].type.size  # type: ignore[union-attr]
    if operation.element is not None:
        return size * (READ if operation.may_raise else 0.5)
    return NEVER if operation.nest is None else _held_effort(operation)


def _held_effort(operation: Any) -> float:
    """Of a branch, or a call, of what is cheap throughout: the dearest branch. Of a loop: never."""
    if operation.name not in ("cond", "call"):
        return NEVER
    return LEAST + max([total(f) for f in operation.functions()])


def repeatable(equation: Equation) -> bool:
    """Whether an equation does what can be written as loops, and nothing happens when it does."""
    operation: Any = equation.operation
    return not has_effect(operation) and (effort(equation) < NEVER or operation.name in ("loop", "while", "cond", "call"))


def total(function: Function) -> float:
    """To run all equations of a Function."""
    return memoized(function, "effort", lambda: sum([effort(e) for e in function.equations]) or 0.0)  # type: ignore[no-any-return]


def _scalar_effort(equation: Equation, size: int) -> float:
    """Of one element of an elementwise operation."""
    operation: Any = equation.operation
    types: list[Any] = [a.type for a in equation.operands]
    kinds = tuple([t.dtype.str[1:] for t in types])
    if any([kind not in BYTES for kind in kinds]) or not operation.scalars(*types):
        return NEVER
    found = _known.get((operation, kinds, size > SEVERAL))
    if found is None:
        found = _known[operation, kinds, size > SEVERAL] = _probed(operation, kinds, size > SEVERAL)
    return found


_known: dict[Any, float] = {}


def _probed(operation: Any, kinds: tuple[str, ...], vector: bool) -> float:
    """What the scalar rule writes for operands of these kinds, counted."""
    k = Builder()
    numbers = [Pair(k.name(REAL[c]), k.name(REAL[c]), c) if c in REAL else k.name(c) for c in kinds]
    k.op(operation.scalar, *numbers) if isinstance(operation.scalar, str) else operation.scalar(k, *numbers)
    effort = 0.0
    for statement in walk(k.block):
        kind = type(statement)
        if kind is Let:
            dear = IN_VECTOR if vector else ELEMENTARY
            effort += dear if statement.op in EXPENSIVE else SLOW.get(statement.op, 1.0) * (0.5 if vector else 1.0)
        elif kind in (Call, For, While):
            return NEVER
        elif kind is If:
            effort += 1.0
    return effort
