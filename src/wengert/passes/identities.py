"""Algebraic identities as data: pattern, result, the dtypes for which it is exact, and why.

Nothing here knows how patterns are matched; that is `simplify`'s business. Start at `EXACT`.

In a pattern a string stands for anything, a class for an equation of it, `Number` for a constant. Dtypes
are NumPy's kinds of the operand named first (b, i, u, f, c). Exact means: the same bits for every operand, infinities, signed zeros
and subnormal numbers included; only sign and payload of a NaN, on which IEEE 754 is silent, may differ.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wengert.passes.rewriter import MINUS_ONE, MINUS_ZERO, ONE, ZERO
from wengert.primitives.arith import (
    Abs,
    Add,
    Complex,
    Conj,
    Div,
    Equal,
    Greater,
    Imag,
    Less,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    Maximum,
    Minimum,
    Mul,
    Neg,
    NotEqual,
    Real,
    Reciprocal,
    Select,
    Sub,
)
from wengert.primitives.math import Exp, Log, Pow, Sqrt, Square


class Number(NamedTuple):
    """A constant: in a pattern by its kind, in a result by its value."""

    kind: str
    value: float


class Identity(NamedTuple):
    """pattern = result, where the operand named first has one of these dtypes."""

    pattern: tuple[Any, ...]
    result: Any
    dtypes: str
    why: str


x, y, z, w, m, n = "x", "y", "z", "w", "m", "n"
zero, minus_zero, one, minus_one = Number(ZERO, 0.0), Number(MINUS_ZERO, -0.0), Number(ONE, 1), Number(MINUS_ONE, -1)
true, false = one, zero

EXACT = [
    # -- neutral elements. 0.0 is not neutral for sums: -0.0 + 0.0 is 0.0; and 1 not for complex products: inf * 0 is NaN.
    Identity((Mul, x, one), x, "biuf", "one is neutral"),
    Identity((Div, x, one), x, "f", "one is neutral"),
    Identity((Add, x, minus_zero), x, "fc", "-0.0 is the neutral element of a floating-point sum"),
    Identity((Add, x, zero), x, "biu", "zero is neutral"),
    Identity((Sub, x, zero), x, "iufc", "x - 0.0 = x + -0.0"),
    Identity((Mul, x, zero), zero, "iu", "an integer has no infinity"),
    Identity((Sub, x, x), zero, "iu", "an integer has no infinity"),
    # -- signs. Rounding to nearest is symmetric, so a sign may pass through a product; through a sum only as subtraction.
    Identity((Neg, (Neg, x)), x, "iufc", "the sign turned twice"),
    Identity((Mul, x, minus_one), (Neg, x), "if", "only the sign changes"),
    Identity((Div, x, minus_one), (Neg, x), "f", "only the sign changes"),
    Identity((Sub, minus_zero, x), (Neg, x), "fc", "-0.0 is neutral"),
    Identity((Sub, zero, x), (Neg, x), "iu", "zero is neutral"),
    Identity((Add, x, (Neg, y)), (Sub, x, y), "iufc", "how subtraction is defined"),
    Identity((Sub, x, (Neg, y)), (Add, x, y), "iufc", "how subtraction is defined"),
    Identity((Mul, (Neg, x), y), (Neg, (Mul, x, y)), "iuf", "the sign goes outwards, to meet a sum or another sign"),
    Identity((Div, (Neg, x), y), (Neg, (Div, x, y)), "f", "the sign goes outwards"),
    Identity((Div, x, (Neg, y)), (Neg, (Div, x, y)), "f", "the sign goes outwards"),
    Identity((Abs, (Neg, x)), (Abs, x), "ifc", "the sign is dropped"),
    Identity((Abs, (Abs, x)), (Abs, x), "iuf", "not negative"),
    Identity((Square, (Neg, x)), (Square, x), "iuf", "the sign is dropped"),
    # -- one way to write it, so that equal things are seen to be equal
    Identity((Square, x), (Mul, x, x), "iufc", "what a square is"),
    Identity((Div, one, x), (Reciprocal, x), "f", "what a reciprocal is"),
    # -- choices
    Identity((Select, m, x, x), x, "b", "both are the same"),
    Identity((Select, true, x, y), x, "b", "decided"),
    Identity((Select, false, x, y), y, "b", "decided"),
    Identity((Select, (LogicalNot, m), x, y), (Select, m, y, x), "b", "the other way round"),
    Identity((Select, (NotEqual, x, y), z, w), (Select, (Equal, x, y), w, z), "b", "the other way round, NaN included"),
    Identity((Select, m, (Select, m, x, y), z), (Select, m, x, z), "b", "asked already"),
    Identity((Select, m, z, (Select, m, x, y)), (Select, m, z, y), "b", "asked already"),
    Identity((Maximum, x, x), x, "biuf", "both are the same"),
    Identity((Minimum, x, x), x, "biuf", "both are the same"),
    Identity((Less, x, x), false, "biuf", "nothing is less than itself, NaN included"),
    Identity((Greater, x, x), false, "biuf", "nothing is greater than itself, NaN included"),
    Identity((Equal, x, x), true, "biu", "NaN alone differs from itself"),
    Identity((NotEqual, x, x), false, "biu", "NaN alone differs from itself"),
    # -- logic
    Identity((LogicalNot, (LogicalNot, m)), m, "b", "twice no"),
    Identity((LogicalNot, (Equal, x, y)), (NotEqual, x, y), "b", "its opposite, for NaN too"),
    Identity((LogicalNot, (NotEqual, x, y)), (Equal, x, y), "b", "its opposite, for NaN too"),
    Identity((LogicalAnd, m, true), m, "b", "true is neutral"),
    Identity((LogicalAnd, m, false), false, "b", "decided"),
    Identity((LogicalAnd, m, m), m, "b", "both are the same"),
    Identity((LogicalOr, m, false), m, "b", "false is neutral"),
    Identity((LogicalOr, m, true), true, "b", "decided"),
    Identity((LogicalOr, m, m), m, "b", "both are the same"),
    Identity((LogicalAnd, m, (LogicalNot, m)), false, "b", "never both"),
    Identity((LogicalOr, m, (LogicalNot, m)), true, "b", "always one"),
    Identity((LogicalAnd, (Equal, x, y), (NotEqual, x, y)), false, "b", "never both"),
    Identity((LogicalOr, (Equal, x, y), (NotEqual, x, y)), true, "b", "always one, for NaN too"),
    Identity((LogicalAnd, m, (LogicalAnd, m, n)), (LogicalAnd, m, n), "b", "said already"),
    Identity((LogicalOr, m, (LogicalOr, m, n)), (LogicalOr, m, n), "b", "said already"),
    Identity((LogicalAnd, m, (LogicalOr, m, n)), m, "b", "absorbed"),
    Identity((LogicalOr, m, (LogicalAnd, m, n)), m, "b", "absorbed"),
    # -- parts of complex numbers
    Identity((Conj, x), x, "iuf", "a real number is its own conjugate"),
    Identity((Conj, (Conj, x)), x, "c", "reflected twice"),
    Identity((Real, x), x, "iuf", "a real number is its own real part"),
    Identity((Imag, x), zero, "iuf", "a real number has none"),
    Identity((Real, (Conj, x)), (Real, x), "c", "only the imaginary part is reflected"),
    Identity((Imag, (Conj, x)), (Neg, (Imag, x)), "c", "the imaginary part is reflected"),
    Identity((Real, (Complex, x, y)), x, "c", "put together and taken apart"),
    Identity((Imag, (Complex, x, y)), y, "c", "put together and taken apart"),
    # -- powers
    Identity((Pow, x, zero), one, "f", "1 even of NaN and infinity: IEEE 754, 9.2.1"),
    Identity((Pow, x, minus_zero), one, "f", "1 even of NaN and infinity: IEEE 754, 9.2.1"),
    Identity((Pow, x, one), x, "f", "the first power"),
    Identity((Pow, x, minus_one), (Reciprocal, x), "f", "the correctly rounded value"),
    Identity((Pow, one, y), one, "f", "1 even to NaN: IEEE 754, 9.2.1"),
]

# Only under fastmath: true of real numbers, not of all floating-point ones.
FAST = [
    Identity((Add, x, zero), x, "fc", "wrong for -0.0"),
    Identity((Sub, zero, x), (Neg, x), "fc", "wrong for 0.0"),
    Identity((Mul, x, zero), zero, "fc", "wrong for NaN, infinity, negative numbers"),
    Identity((Mul, x, minus_zero), zero, "f", "wrong for NaN, infinity, positive numbers"),
    Identity((Div, zero, x), zero, "f", "wrong for NaN, zero, negative numbers"),
    Identity((Sub, x, x), zero, "fc", "wrong for NaN, infinity"),
    Identity((Div, x, x), one, "fc", "wrong for NaN, infinity, zero"),
    Identity((Mul, x, one), x, "c", "wrong for infinity, signed zeros"),
    Identity((Mul, x, minus_one), (Neg, x), "c", "wrong for infinity, signed zeros"),
    Identity((Div, x, one), x, "c", "wrong for infinity, signed zeros"),
    Identity((Mul, (Neg, x), y), (Neg, (Mul, x, y)), "c", "wrong for signed zeros"),
    Identity((Neg, (Sub, x, y)), (Sub, y, x), "iufc", "wrong for the sign of a zero"),
    Identity((Sub, (Neg, x), y), (Neg, (Add, x, y)), "iufc", "wrong for the sign of a zero"),
    Identity((Sub, (Add, x, y), y), x, "fc", "rounds once less, overflows less"),
    Identity((Add, (Sub, x, y), y), x, "fc", "rounds once less, overflows less"),
    Identity((Mul, (Div, x, y), y), x, "fc", "rounds once less; wrong for zero and infinity"),
    Identity((Mul, x, (Reciprocal, y)), (Div, x, y), "f", "rounds once less"),
    Identity((Log, (Exp, x)), x, "f", "wrong where exp overflows or underflows"),
    Identity((Exp, (Log, x)), x, "f", "wrong for negative numbers"),
    Identity((Mul, (Sqrt, x), (Sqrt, x)), x, "f", "wrong for negative numbers"),
]
