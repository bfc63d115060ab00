"""When are two equations the same? Keys for common subexpressions, and one literal for each constant.

Knows of operations only which of them commute exactly. Start at `key`.
"""

from __future__ import annotations

from typing import Any

from wengert.ir.values import Literal
from wengert.primitives import arith

Key = tuple[Any, ...]

# x op y = y op x, bit for bit (maximum is not among them: which zero it takes of two is not said)
COMMUTATIVE = frozenset(
    [
        *(arith.Add, arith.Mul, arith.Equal, arith.NotEqual),
        *(arith.LogicalAnd, arith.LogicalOr, arith.LogicalXor),
        *(arith.BitwiseAnd, arith.BitwiseOr, arith.BitwiseXor, arith.Gcd, arith.Lcm),
    ]
)
_LONGEST = 4096  # elements of a constant array that is compared by its content; longer ones by identity


def key(operation: Any, operands: tuple[Any, ...]) -> Key:
    """Equal for equations that give the same; operations are interned, operands unique."""
    if len(operands) == 2 and type(operation) in COMMUTATIVE:
        a, b = operands
        return (operation, a, b) if id(a) < id(b) else (operation, b, a)
    return (operation, *operands)


def literal_key(a: Literal) -> Key:
    """Equal for literals of one type and the same bits: 0.0 and -0.0 differ, NaN equals itself."""
    if not a.is_splat:
        return (a.type, a.value.tobytes()) if a.type.size <= _LONGEST else (a.type, id(a.value))
    return (a.type, True, a.value.tobytes())


def uniform(a: Literal) -> Literal:
    """The literal as a scalar that fills its type, if it is an array of one value throughout."""
    if a.is_splat or not a.type.size:
        return a
    first = a.value.flat[0]
    if a.type.size > 1 and (a.value.flat[a.type.size - 1] != first or a.value.tobytes() != first.tobytes() * a.type.size):
        return a
    return Literal(first, a.type)
