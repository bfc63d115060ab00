"""Constants: equations whose operands are all literals are computed now.

Knows which operations move elements; asks the others for their value. Start at `fold`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.types import ArrayType
from wengert.ir.values import Literal
from wengert.primitives.index import Slice
from wengert.primitives.shape import Broadcast, Flip, Reshape, Transpose

LARGEST = 1024  # elements of a constant that is made where there was none of that size

_MOVES = (Reshape, Transpose, Broadcast, Slice, Flip)  # of one value throughout they give the same value


def fold(operation: Any, operands: tuple[Any, ...]) -> Literal | None:
    """The result as a literal; None if it is not constant, could raise, or would grow the program."""
    for a in operands:
        if type(a) is not Literal:
            return None
    if operation.effect or operation.may_raise or operation.functions():
        return None
    types = operation.type(*[a.type for a in operands])
    if len(types) != 1 or not isinstance(types[0], ArrayType):
        return None
    out = types[0]
    splats = all([a.is_splat for a in operands])
    if splats and isinstance(operation, _MOVES):
        return Literal(operands[0].value, out)
    if splats and operation.elementwise:
        return _literal(_value(operation, [a.value for a in operands]), out)
    largest = max([LARGEST, *[a.type.size for a in operands if not a.is_splat]])
    if out.size > largest or any([a.type.size > largest for a in operands]):
        return None
    return _literal(_value(operation, [a.array() for a in operands]), out)


def _value(operation: Any, operands: list[Any]) -> Any:
    with np.errstate(all="ignore"):
        return operation.evaluate(*operands)


def _literal(value: Any, type: ArrayType) -> Literal:
    """Of a scalar for its whole type, or of an array."""
    if np.ndim(value) == 0:
        return Literal(type.dtype.type(value), type)
    return Literal(np.array(value, type.dtype, order="C"), type)
