"""Divisions and shifts with NumPy's answers where machines have none: by zero, of the least integer, beyond the last bit.

Written with a `build.Builder` k. Start at `floor_divide`.
"""

from __future__ import annotations

from typing import Any


def divisor(k: Any, y: Any) -> tuple[Any, Any, Any]:
    """(safe, none, minus): an integer to divide by, whether y is 0, and whether it is -1, by which no machine divides the least."""
    none, minus = k.op("eq", y, k.like(0, y)), k.op("eq", y, k.like(-1, y)) if y.kind[0] == "i" else k.const(False, "b1")
    return k.op("select", k.op("or", none, minus), k.like(1, y), y), none, minus


def quotient(k: Any, x: Any, y: Any) -> Any:
    """x / y truncated, of integers; 0 where y is 0, as NumPy has it."""
    safe, none, minus = divisor(k, y)
    out = k.op("select", minus, k.op("neg", x), k.op("quotient", x, safe)) if y.kind[0] == "i" else k.op("quotient", x, safe)
    return k.op("select", none, k.like(0, x), out)


def rest(k: Any, x: Any, y: Any) -> Any:
    """x - y * trunc(x / y), of integers; 0 where y is 0."""
    safe, _, _ = divisor(k, y)
    return k.op("rest", x, safe)  # by 1, which stands for 0 and -1, nothing is left


def floor_divide(k: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """(floor(x / y), x - y * floor(x / y)), as NumPy and Python have them for floats and integers."""
    zero = k.like(0, x)
    if x.kind[0] == "u":
        return quotient(k, x, y), rest(k, x, y)
    if x.kind[0] == "i":
        q, r = quotient(k, x, y), rest(k, x, y)
        off = k.op("and", k.op("ne", r, zero), k.op("ne", k.op("lt", r, zero), k.op("lt", y, zero)))
        return k.op("select", off, k.op("sub", q, k.like(1, q)), q), k.op("select", off, k.op("add", r, y), r)
    # As CPython's float_divmod: from the exact fmod, so that quotient and remainder fit each other.
    mod = k.op("fmod", x, y)
    q = k.op("div", k.op("sub", x, mod), y)
    off = k.op("and", k.op("ne", mod, zero), k.op("ne", k.op("lt", y, zero), k.op("lt", mod, zero)))
    q = k.op("select", off, k.op("sub", q, k.like(1, q)), q)
    r = k.op("select", k.op("ne", mod, zero), k.op("select", off, k.op("add", mod, y), mod), k.op("copysign", zero, y))
    down = k.op("floor", q)
    whole = k.op("select", k.op("gt", k.op("sub", q, down), k.like(0.5, q)), k.op("add", down, k.like(1, q)), down)
    whole = k.op("select", k.op("ne", q, zero), whole, k.op("copysign", zero, k.op("div", x, y)))
    by_zero = k.op("eq", y, zero)
    return k.op("select", by_zero, k.op("div", x, y), whole), k.op("select", by_zero, mod, r)


def magnitude(k: Any, x: Any) -> Any:
    """|x| as an unsigned integer, which has room for that of the least one."""
    return k.cast(k.op("select", k.op("lt", x, k.like(0, x)), k.op("neg", x), x), "u" + x.kind[1:]) if x.kind[0] == "i" else x


def euclid(k: Any, x: Any, y: Any) -> Any:
    """The greatest common divisor of unsigned integers."""
    return k.while_((x, y), lambda c: k.op("ne", c[1], k.like(0, x)), lambda c: (c[1], k.op("rest", c[0], c[1])))[0]


def shift(k: Any, op: str, x: Any, y: Any, beyond: Any) -> Any:
    """x shifted by y bits; `beyond` where y is no bit of x."""
    fits = k.op("lt", y, k.like(8 * int(x.kind[1:]), y))
    if y.kind[0] == "i":
        fits = k.op("and", fits, k.op("ge", y, k.like(0, y)))
    return k.op("select", fits, k.op(op, x, k.op("select", fits, y, k.like(0, y))), beyond)
