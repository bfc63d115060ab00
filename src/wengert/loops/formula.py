"""Scalars with Python's operators, so that a rule for one element is written as its formula.

A `Value` is a number of a `Builder` together with it. Knows no array operation. Start at `Value`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from wengert.loops.build import Builder


class Value:
    """A scalar, real or complex; operands that are plain numbers take its kind. A comparison gives a bool to select by."""

    __slots__ = ("k", "number")

    def __init__(self, k: Builder, number: Any) -> None:
        self.k, self.number = k, number

    def op(self, name: str, *others: Any) -> Value:
        """A scalar operation of which this is the first operand."""
        return Value(self.k, self.k.op(name, self.number, *[self.like(y).number for y in others]))

    def like(self, y: Any) -> Value:
        """y as a number of this kind."""
        return y if isinstance(y, Value) else Value(self.k, self.k.like(y, self.number))

    def cast(self, kind: str) -> Value:
        """The number converted to a kind."""
        return Value(self.k, self.k.cast(self.number, kind))

    @property
    def real(self) -> Value:
        """The real part."""
        return Value(self.k, getattr(self.number, "re", self.number))

    def __add__(self, y: Any) -> Value:
        return self.op("add", y)

    def __radd__(self, y: Any) -> Value:
        return self.like(y).op("add", self)

    def __sub__(self, y: Any) -> Value:
        return self.op("sub", y)

    def __rsub__(self, y: Any) -> Value:
        return self.like(y).op("sub", self)

    def __mul__(self, y: Any) -> Value:
        return self.op("mul", y)

    def __rmul__(self, y: Any) -> Value:
        return self.like(y).op("mul", self)

    def __truediv__(self, y: Any) -> Value:
        return self.op("div", y)

    def __rtruediv__(self, y: Any) -> Value:
        return self.like(y).op("div", self)

    def __pow__(self, n: int) -> Value:
        """By repeated squaring, from the highest bit; a negative power is the reciprocal."""
        out: Value | None = None
        for bit in bin(abs(n))[2:] if n else "":
            out = self if out is None else out * out if bit == "0" else out * out * self
        if out is None:
            return self.like(1)
        return 1 / out if n < 0 else out

    def __neg__(self) -> Value:
        return self.op("neg")

    def __abs__(self) -> Value:
        return self.op("abs")

    def __lt__(self, y: Any) -> Value:
        return self.op("lt", y)

    def __le__(self, y: Any) -> Value:
        return self.op("le", y)

    def __gt__(self, y: Any) -> Value:
        return self.op("gt", y)

    def __ge__(self, y: Any) -> Value:
        return self.op("ge", y)

    def equals(self, y: Any) -> Value:
        """Whether the numbers are the same; `==` stays that of objects."""
        return self.op("eq", y)

    def is_nan(self) -> Value:
        """Whether the number is none."""
        return self.op("ne", self)

    def __and__(self, y: Any) -> Value:
        return self.op("and", y)

    def __or__(self, y: Any) -> Value:
        return self.op("or", y)

    def __invert__(self) -> Value:
        return self.op("not")


def select(condition: Value, x: Any, y: Any) -> Value:
    """x where the condition holds, else y; both are computed, so that the formula vectorises."""
    x, y = (x, x.like(y)) if isinstance(x, Value) else (y.like(x), y)
    return Value(condition.k, condition.k.op("select", condition.number, x.number, y.number))


def branch(condition: Value, then: Callable[[], Value], orelse: Callable[[], Value]) -> Value:
    """then() where the condition holds, else orelse(); one of them is computed."""
    k = condition.k
    return Value(k, k.branch(condition.number, lambda: then().number, lambda: orelse().number))


def repeat(
    inits: Sequence[Value], test: Callable[[Sequence[Value]], Value], body: Callable[[Sequence[Value]], Sequence[Value]]
) -> list[Value]:
    """While test(values): values = body(values)."""
    k = inits[0].k

    def wrap(numbers: Sequence[Any]) -> list[Value]:
        return [Value(k, x) for x in numbers]

    out = k.while_([x.number for x in inits], lambda c: test(wrap(c)).number, lambda c: [x.number for x in body(wrap(c))])
    return wrap(out)


def total(x: Value, term: Callable[..., Value], *tables: Any) -> Value:
    """The sum of term(t, …) over the rows of constant float64 tables, each given as one number of the kind of x.

    The tables must live as long as the program.
    """
    k = x.k
    buffers = [k.constant(table) for table in tables]
    zero = x.like(0).number

    def body(index: Any, carry: list[Any]) -> list[Any]:
        row = [Value(k, k.load(b, index)).cast(zero.kind) for b in buffers]
        return [k.op("accumulate", carry[0], term(*row).number)]

    return Value(k, k.loop(0, len(tables[0]), body, [zero])[0])


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, of the lowest degree first, by Horner's rule."""
    out = x.like(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        out = out * x + c
    return out


def _unary(name: str) -> Callable[[Value], Value]:
    return lambda x: x.op(name)


exp, expm1, log, log1p, sqrt = _unary("exp"), _unary("expm1"), _unary("log"), _unary("log1p"), _unary("sqrt")
sin, cos, floor, rint, erf, erfc = _unary("sin"), _unary("cos"), _unary("floor"), _unary("rint"), _unary("erf"), _unary("erfc")
NAN, INFINITY = math.nan, math.inf
