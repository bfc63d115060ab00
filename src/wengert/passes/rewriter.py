"""A Function being written anew: each equation is simplified, computed if constant, found if it was there before, or appended.

Knows no rule and no operation; the rules come as a table, class of operation -> functions. Start at `Rewriter.put`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from wengert.ir.builder import Builder, as_atom, building, result_types
from wengert.ir.operation import Operation
from wengert.ir.values import Equation, Function, Literal, Var, has_effect
from wengert.passes.fold import fold
from wengert.passes.share import Key, key, literal_key, uniform

# (rewriter, operation, operands) -> the value, or None where the rule does not apply
Rule = Callable[["Rewriter", Any, tuple[Any, ...]], Any]


class Rules(NamedTuple):
    """The rules for the operations of one class.

    `glances` are the kinds of operands without one of which none of the rules applies; None: they are always asked.
    """

    rules: tuple[Rule, ...]
    glances: frozenset[Any] | None


def glancing(*kinds: Any) -> Callable[[Rule], Rule]:
    """Say of a rule that it applies only where an operand is of one of these kinds."""

    def mark(rule: Rule) -> Rule:
        rule.glances = frozenset(kinds)  # type: ignore[attr-defined]
        return rule

    return mark


def gathered(rules: Iterable[Rule]) -> Rules:
    """Rules of one class of operations, with what any of them needs to see."""
    rules = tuple(rules)
    glances = [getattr(rule, "glances", None) for rule in rules]
    return Rules(rules, None if None in glances else frozenset().union(*glances))  # type: ignore[arg-type]


# What a rule can see of an operand at a glance: the class of the operation it comes from, or which constant it is.
ZERO, MINUS_ZERO, ONE, MINUS_ONE, CONSTANT = CONSTANTS = ("0", "-0", "1", "-1", "constant")

_DEEPEST = 8  # rules that fire inside rules: beyond this an equation is taken as it comes, so that each costs O(1)


class Rewriter(Builder):
    """A builder whose `emit` simplifies. Rules are written with it as derivative rules are with a plain one.

    made:  variable -> the equation that gives it
    kinds: variable or literal -> the class of the operation it comes from, or the constant that it is
    uses:  variable -> how often it is used, to the best of what is known while writing
    """

    __slots__ = ("apart", "apart_here", "depth", "env", "kinds", "literals", "made", "rules", "shared", "uses")

    def __init__(self, function: Function, rules: Callable[[type], Rules], apart: set[Any]) -> None:
        super().__init__()
        self.rules = rules
        self.env: dict[Any, Any] = {v: v for v in function.inputs}
        self.kinds: dict[Any, Any] = {}
        self.made: dict[Any, Any] = {}
        self.shared: dict[Key, Any] = {}
        self.literals: dict[Any, Literal] = {}
        self.uses = uses(function)
        self.depth = 0
        self.apart, self.apart_here = apart, False

    # -- writing -----------------------------------------------------------------------------------

    def visit(self, equation: Equation) -> None:
        """Write one equation of the old Function."""
        env, outs = self.env, equation.outs
        operands = equation.operands
        for a in operands:
            if env.get(a) is not a:
                operands = tuple([env[a] if a in env else self.atom(a) for a in operands])
                break
        self.span = equation.span
        if self.apart:
            self.apart_here = not self.apart.isdisjoint(outs)
        value = self.put(equation.operation, operands, equation)
        if len(outs) != 1:
            env.update(zip(outs, value, strict=True))
            return
        out = outs[0]
        env[out] = value
        if value is not out:
            self.uses[value] = self.uses.get(value, 0) + self.uses.get(out, 0)

    def emit(self, operation: Operation, operands: tuple[Any, ...]) -> Any:
        """outs = operation(operands), as rules write it."""
        return self.put(operation, tuple([self.atom(as_atom(a)) for a in operands]), None)

    def put(self, operation: Any, operands: tuple[Any, ...], equation: Equation | None) -> Any:
        """The value of operation(operands), a tuple for several; `equation` is the one that it was, if any."""
        rules, glances = self.rules(type(operation))
        if glances is not None:
            kinds = self.kinds
            for a in operands:
                if kinds.get(a) in glances:
                    break
            else:
                rules = ()
        if rules and self.depth < _DEEPEST:
            self.depth += 1
            for rule in rules:
                value = rule(self, operation, operands)
                if value is not None:
                    self.depth -= 1
                    return self.atom(value) if type(value) is Literal else value
            self.depth -= 1
        if operands and type(operands[0]) is Literal:
            folded = fold(operation, operands)
            if folded is not None:
                return self.atom(folded)
        happens = has_effect(operation)
        place = key(operation, operands)
        found = None if happens else self.shared.get(place)
        if found is not None:
            return found
        if equation is None:
            outs = tuple([Var(t) for t in result_types(operation, operands)])
            equation = Equation(operation, operands, outs, self.span)
        elif operands is not equation.operands and operands != equation.operands:
            equation = Equation(operation, operands, equation.outs, equation.span)
        outs = equation.outs
        self.equations.append(equation)
        value = outs
        if len(outs) == 1:
            value = outs[0]
            self.kinds[value] = type(operation)
        for out in outs:
            self.made[out] = equation
        if self.apart_here:
            self.apart.update(outs)
        elif not happens:
            self.shared[place] = value
        return value

    def atom(self, a: Any) -> Any:
        """A variable as it is, a constant as the one literal of its type and bits."""
        found = self.env.get(a)
        if found is not None:
            return found
        if type(a) is Literal:
            found = uniform(a)
            found = self.literals.setdefault(literal_key(found), found)
            if found.is_splat:
                self.kinds[found] = kind_of(found.value)
            self.env[found] = found
        else:
            found = a
        self.env[a] = found
        return found

    # -- reading -----------------------------------------------------------------------------------

    def source(self, a: Any, *classes: type) -> Any:
        """The equation that gives `a`, if it is of one of these classes; else None."""
        return self.made[a] if self.kinds.get(a) in classes else None

    def single(self, a: Any) -> bool:
        """Whether only one equation uses this variable, as far as known."""
        return self.uses.get(a, 1) <= 1


def kind_of(value: Any) -> str:
    """Which constant a scalar is, as far as rules care."""
    if value == 0:
        parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
        minus = [bool(np.signbit(p)) for p in parts] if value.dtype.kind in "fc" else [False]
        return MINUS_ZERO if all(minus) else CONSTANT if any(minus) else ZERO
    if value == 1:
        return ONE
    return MINUS_ONE if value.dtype.kind in "ifc" and value == -1 else CONSTANT


def uses(function: Function) -> dict[Any, int]:
    """How often each variable is used."""
    count: dict[Any, int] = {}
    get = count.get
    for equation in function.equations:
        for a in equation.operands:
            count[a] = get(a, 0) + 1
    for a in function.outputs:
        count[a] = get(a, 0) + 1
    return count


def apart_of(function: Function) -> set[Any]:
    """The results that later equations may not share, because a checkpoint says to compute them again."""
    return function.memo.get("apart") or set()


def rewritten(function: Function, rules: Callable[[type], Rules]) -> Function:
    """The Function with every equation put through these rules; itself if nothing changes."""
    rewriter = Rewriter(function, rules, set(apart_of(function)))
    with building(rewriter):
        for equation in function.equations:
            rewriter.visit(equation)
    outputs = tuple([rewriter.atom(a) for a in function.outputs])
    equations = tuple(rewriter.equations)
    if equations == function.equations and outputs == function.outputs:
        return function
    new = Function(function.inputs, equations, outputs, function.name)
    if rewriter.apart:
        new.memo["apart"] = rewriter.apart
    return new
