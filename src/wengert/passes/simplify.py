"""Simplification: the identities matched, and rules for operations with parameters. Sharing, folding and layout happen on the same walk.

Knows scalar arithmetic and powers; what moves elements is `layout`'s. Start at `simplify`; the identities are data in `identities`.

An identity is tried only where a glance at one operand fits (the class of the operation that it comes from, or
which constant it is), so an equation costs a few dictionary look-ups however many identities there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.ir.operation import Operation
from wengert.ir.values import Function, Literal, splat
from wengert.ir.walk import inline
from wengert.passes import layout
from wengert.passes.identities import EXACT, FAST, Identity, Number
from wengert.passes.rewriter import CONSTANTS, Rewriter, Rule, Rules, gathered, glancing, rewritten
from wengert.passes.share import COMMUTATIVE
from wengert.primitives.arith import Add, Div, Mul, Neg, Sub, mul, reciprocal
from wengert.primitives.control import Check, Cond
from wengert.primitives.math import IntegerPow, Pow, sqrt


def simplify(function: Function, fastmath: bool = False) -> Function:
    """The Function with simpler equations, each once, and constants computed."""
    return rewritten(function, fast_rules if fastmath else exact_rules)


@cache
def exact_rules(operation: type) -> Rules:
    """The rules for operations of this class that keep every bit."""
    return _rules(operation, False)


@cache
def fast_rules(operation: type) -> Rules:
    """The rules for operations of this class where `fastmath` allows to change the last bits."""
    return _rules(operation, True)


def _rules(operation: Any, fastmath: bool) -> Rules:
    rules: list[Rule] = []
    identities = [i for i in ([*EXACT, *FAST] if fastmath else EXACT) if i.pattern[0] is operation]
    if identities:
        rules.append(matching(identities))
    for table in (WITH_PARAMETERS, layout.RULES, *((FAST_RULES,) if fastmath else ())):
        rules.extend(table.get(operation, ()))
    if operation.name == "dot":  # its room is loaded only for programs that have one
        from wengert.passes import contraction

        rules.extend([*contraction.RULES, *(contraction.FAST_RULES if fastmath else ())])
    if operation.elementwise:
        rules.append(layout.pull)
    return gathered(rules)


# -- matching identities ---------------------------------------------------------------------------


def matching(identities: Iterable[Identity]) -> Rule:
    """One rule for all the identities of one operation.

    by_glance: position of an operand -> its kind -> the identities that need it; `always` are those without such an operand
    """
    by_glance: list[dict[Any, list[Identity]]] = [{}, {}, {}]
    always: list[Identity] = []
    for identity in identities:
        for turned in _orders(identity):
            glances = [(i, p.kind if isinstance(p, Number) else p[0]) for i, p in enumerate(turned.pattern[1:]) if not isinstance(p, str)]
            if glances:
                i, kind = glances[0]
                by_glance[i].setdefault(kind, []).append(turned)
            else:
                always.append(turned)

    def rule(rewriter: Rewriter, operation: Any, operands: tuple[Any, ...]) -> Any:
        kinds = rewriter.kinds
        for identity in always:
            value = _apply(rewriter, identity, operation, operands)
            if value is not None:
                return value
        for table, a in zip(by_glance, operands, strict=False):
            kind = kinds.get(a)
            if kind in table:
                for identity in table[kind]:
                    value = _apply(rewriter, identity, operation, operands)
                    if value is not None:
                        return value
        return None

    return rule if always else glancing(*[kind for table in by_glance for kind in table])(rule)


def _orders(identity: Identity) -> list[Identity]:
    """The identity with the operands of a commutative operation in both orders."""
    head, *operands = identity.pattern
    if head not in COMMUTATIVE or operands[0] == operands[1]:
        return [identity]
    return [identity, identity._replace(pattern=(head, operands[1], operands[0]))]


def _apply(rewriter: Rewriter, identity: Identity, operation: Any, operands: tuple[Any, ...]) -> Any:
    named: dict[str, Any] = {}
    for pattern, a in zip(identity.pattern[1:], operands, strict=True):
        if not _matches(rewriter, pattern, a, named):
            return None
    if operands[0].type.dtype.kind not in identity.dtypes:
        return None
    return _write(rewriter, identity.result, named, operation.type(*[a.type for a in operands])[0])


def _matches(rewriter: Rewriter, pattern: Any, a: Any, named: dict[str, Any]) -> bool:
    if isinstance(pattern, str):
        return named.setdefault(pattern, a) is a
    kind = rewriter.kinds.get(a)
    if isinstance(pattern, Number):
        return kind == pattern.kind
    if kind is not pattern[0]:
        return False
    operands = rewriter.made[a].operands
    before = dict(named)
    if all([_matches(rewriter, p, b, named) for p, b in zip(pattern[1:], operands, strict=True)]):
        return True
    if kind in COMMUTATIVE:
        named.clear()
        named.update(before)
        return all([_matches(rewriter, p, b, named) for p, b in zip(pattern[1:], reversed(operands), strict=True)])
    return False


def _write(rewriter: Rewriter, result: Any, named: dict[str, Any], type: Any) -> Any:
    if isinstance(result, str):
        return named[result]
    if isinstance(result, Number):
        return rewriter.atom(splat(result.value, type))
    operation, *operands = result
    return rewriter.emit(_operation(operation), tuple([_write(rewriter, r, named, type) for r in operands]))


@cache
def _operation(kind: Any) -> Operation:
    return kind()  # type: ignore[no-any-return]


# -- rules for operations with parameters, or for constants that no identity names -------------------


def _real(a: Any) -> bool:
    return a.type.dtype.kind == "f"  # type: ignore[no-any-return]


def _is_splat(a: Any) -> bool:
    return type(a) is Literal and a.is_splat


@glancing(Mul, Div)
def turned_constant(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """-(x * c) = x * (-c), -(x / c) = x / (-c): the sign of a product goes into its constant."""
    made = rewriter.source(operands[0], Mul, Div)
    if made is None or not _real(operands[0]) or not rewriter.single(operands[0]):
        return None
    x, y = made.operands
    if _is_splat(y):
        return rewriter.emit(made.operation, (x, splat(-y.value, y.type)))
    return rewriter.emit(made.operation, (splat(-x.value, x.type), y)) if _is_splat(x) else None


@glancing(*CONSTANTS)
def constant_divisor(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """x / c = x * (1/c) where 1/c is exact: c a power of two."""
    x, c = operands
    if not _is_splat(c) or not _real(c):
        return None
    mantissa, _ = np.frexp(c.value)
    with np.errstate(all="ignore"):
        inverse = c.type.dtype.type(1) / c.value
    if abs(mantissa) != 0.5 or not np.isfinite(inverse) or inverse == 0 or c.type.dtype.type(1) / inverse != c.value:
        return None
    return mul(x, splat(inverse, c.type))


def whole_power(rewriter: Rewriter, operation: IntegerPow, operands: tuple[Any, ...]) -> Any:
    """x**0 = 1, x**1 = x, x**2 = x x, and x**-1 = 1/x of real numbers: correctly rounded."""
    (x,) = operands
    if operation.n == 0 and x.type.dtype.kind != "c":
        return rewriter.atom(splat(1, x.type))
    if operation.n == 1 and x.type.dtype.kind != "c":
        return x
    if operation.n == 2:
        return mul(x, x)
    return reciprocal(x) if operation.n == -1 and _real(x) else None


@glancing(*CONSTANTS)
def constant_power(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """x ** 2.0 = x x, correctly rounded."""
    x, c = operands
    return mul(x, x) if _is_splat(c) and _real(c) and c.value == 2 else None


@glancing(*CONSTANTS)
def decided(rewriter: Rewriter, operation: Cond, operands: tuple[Any, ...]) -> Any:
    """A cond whose index is known is the branch."""
    index = operands[0]
    if type(index) is not Literal or not 0 <= int(index.value) < len(operation.branches):
        return None
    outs = inline(operation.branches[int(index.value)], operands[1:])
    return outs[0] if len(outs) == 1 else tuple([rewriter.atom(a) for a in outs])


@glancing(*CONSTANTS)
def holding(rewriter: Rewriter, operation: Check, operands: tuple[Any, ...]) -> Any:
    """A check that is known to hold is nothing."""
    ok = operands[0]
    return () if type(ok) is Literal and ok.value else None


WITH_PARAMETERS: dict[Any, Sequence[Callable[..., Any]]] = {
    Neg: (turned_constant,),
    Div: (constant_divisor,),
    IntegerPow: (whole_power,),
    Pow: (constant_power,),
    Cond: (decided,),
    Check: (holding,),
}


# -- under fastmath ------------------------------------------------------------------------------------


def _constant_last(rewriter: Rewriter, a: Any, operation: type) -> tuple[Any, Any] | None:
    """(x, c) if `a` is x op c for a constant c."""
    made = rewriter.source(a, operation)
    if made is None:
        return None
    x, c = made.operands
    return (x, c) if _is_splat(c) else (c, x) if _is_splat(x) else None


@glancing(*CONSTANTS)
def together(rewriter: Rewriter, operation: Any, operands: tuple[Any, ...]) -> Any:
    """(x op c) op d = x op (c op d) for sums and products."""
    for a, d in (operands, operands[::-1]):
        inner = _constant_last(rewriter, a, type(operation)) if _is_splat(d) else None
        if inner is not None and d.type.inexact:
            return rewriter.emit(operation, (inner[0], rewriter.emit(operation, (inner[1], d))))
    return None


@glancing(Mul)
def factored(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """x y ± x z = x (y ± z): a product less, where nothing else needs the two."""
    left, right = [rewriter.source(a, Mul) for a in operands]
    if left is None or right is None or left is right or not all([rewriter.single(a) for a in operands]):
        return None
    for x, y in (left.operands, left.operands[::-1]):
        if x in right.operands:
            z = right.operands[1 - right.operands.index(x)]
            return mul(x, rewriter.emit(operation, (y, z)))
    return None


@glancing(*CONSTANTS)
def inverted_divisor(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """x / c = x * (1/c), rounded twice."""
    x, c = operands
    if not _is_splat(c) or not _real(c) or c.value == 0 or not np.isfinite(c.value):
        return None
    with np.errstate(all="ignore"):
        inverse = c.type.dtype.type(1) / c.value
    tiny = np.finfo(c.type.dtype).tiny
    return mul(x, splat(inverse, c.type)) if np.isfinite(inverse) and abs(inverse) >= tiny else None


@glancing(*CONSTANTS)
def root(rewriter: Rewriter, operation: Operation, operands: tuple[Any, ...]) -> Any:
    """x ** 0.5 = sqrt(x), wrong for -0.0 and -inf."""
    x, c = operands
    return sqrt(x) if _is_splat(c) and _real(c) and c.value == 0.5 else None


FAST_RULES: dict[Any, Sequence[Callable[..., Any]]] = {
    Add: (together, factored),
    Sub: (factored,),
    Mul: (together,),
    Div: (inverted_divisor,),
    Pow: (root,),
}
