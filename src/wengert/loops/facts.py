"""What a comparison of loop indices tells of them where it holds, and where it does not.

A fact is an expression of indices that is not negative. Knows scalars and indices, no statement that holds others. Start at `Facts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.loops.nest import Affine, Const, Name

Claims = tuple[Affine, ...]
# where it is false, and where it is true, of the difference d of the operands
_COMPARED: dict[str, Callable[[Affine], tuple[Claims, Claims]]] = {
    "lt": lambda d: ((d,), (-d - 1,)),
    "le": lambda d: ((d - 1,), (-d,)),
    "gt": lambda d: ((-d,), (d - 1,)),
    "ge": lambda d: ((-d - 1,), (d,)),
    "eq": lambda d: ((), (d, -d)),
    "ne": lambda d: ((d, -d), ()),
}


class Facts:
    """Of truth values by name: what holds where they are false, and where they are true."""

    def __init__(self) -> None:
        self.claims: dict[int, tuple[Claims, Claims]] = {}
        self.opposite: dict[int, int] = {}  # a truth value -> the one it is the negation of
        self.truths: dict[int, Any] = {}  # a number that is 0 or 1 -> the truth value it stands for

    def compared(self, out: Name, op: str, x: Affine | None, y: Affine | None) -> None:
        """Of a comparison of two indices."""
        make = _COMPARED.get(op)
        if make is not None and x is not None and y is not None and (x.terms or y.terms):
            self.claims[out.id] = make(x - y)

    def combined(self, out: Name, op: str, args: Sequence[Any]) -> None:
        """Of an operation on truth values."""
        sides = [self.of(a) for a in args]
        if op == "not":
            self.claims[out.id] = sides[0][::-1]
            if type(args[0]) is Name:
                self.opposite[out.id] = args[0].id
        elif op == "and":
            self.claims[out.id] = (), sides[0][1] + sides[1][1]
        elif op == "or":
            self.claims[out.id] = sides[0][0] + sides[1][0], ()

    def of(self, x: Any) -> tuple[Claims, Claims]:
        """What is known where it is false, and where it is true."""
        return self.claims.get(x.id, ((), ())) if type(x) is Name else ((), ())

    def value(self, x: Any, condition: Any, holds: bool) -> bool | None:
        """A truth value where a condition holds, or where it does not, as far as that tells."""
        if type(x) is Const:
            return bool(x.value)
        if type(condition) is Name:
            if x.id == condition.id:
                return holds
            if self.opposite.get(condition.id) == x.id or self.opposite.get(x.id) == condition.id:
                return not holds
        return None

    def chosen(self, out: Name, condition: Any, values: tuple[Any, Any]) -> None:
        """Of a truth value that is the first where a condition holds, and the second where not."""
        found: list[Claims] = []
        for truth in (False, True):
            ways = [
                (x, holds) for x, holds in zip(values, (True, False), strict=True) if self.value(x, condition, holds) is not (not truth)
            ]
            found.append(self.of(condition)[ways[0][1]] + self.of(ways[0][0])[truth] if len(ways) == 1 else ())
        if found[0] or found[1]:
            self.claims[out.id] = found[0], found[1]


def narrowed(bounds: dict[int, tuple[int, int]], claims: Claims) -> dict[int, tuple[int, int]]:
    """The bounds of those indices that become narrower by what is claimed; nothing for what cannot be."""
    found: dict[int, tuple[int, int]] = {}
    for claim in claims:
        if len(claim.terms) != 1:
            continue
        ((name, c),) = claim.terms
        known = found.get(name.id) or bounds.get(name.id)
        if known is None:
            continue
        low, high = known
        if c > 0:
            low = max(low, -(claim.const // c))
        else:
            high = min(high, claim.const // -c)
        if low > high:
            return {}
        if (low, high) != known:
            found[name.id] = low, high
    return found
