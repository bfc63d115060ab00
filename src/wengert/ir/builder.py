"""Build Functions: a list of equations that grows, and the stack of builders that rules write into.

Knows types and operations as records. Start at `Builder.emit`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.ir.operation import Operation
from wengert.ir.types import Type
from wengert.ir.values import Atom, Equation, Function, Literal, Traced, Var, has_effect, literal
from wengert.source import Span


class Builder:
    """Collects equations. `span` is the user's line given to those that follow."""

    __slots__ = ("equations", "span")

    def __init__(self) -> None:
        self.equations: list[Equation] = []
        self.span: Span | None = None

    def emit(self, operation: Operation, operands: tuple[Any, ...]) -> Any:
        """Append outs = operation(operands); one Var, or a tuple of them for several results."""
        for a in operands:
            if type(a) is not Var and type(a) is not Literal:
                operands = tuple([as_atom(a) for a in operands])
                break
        types = result_types(operation, operands)
        if len(types) == 1:
            out = Var(types[0])
            self.append(Equation(operation, operands, (out,), self.span))
            return out
        outs = tuple([Var(t) for t in types])
        self.append(Equation(operation, operands, outs, self.span))
        return outs

    def append(self, equation: Equation) -> None:
        self.equations.append(equation)

    def build(self, inputs: Iterable[Var], outputs: Iterable[Any], name: str) -> Function:
        """Close the function, keeping only the equations that its outputs need, and effects."""
        outs = tuple([a if isinstance(a, (Var, Literal)) else as_atom(a) for a in outputs])
        function = Function(inputs, live(self.equations, outs), outs, name)
        if settings().verify:
            from wengert.ir.verifier import verify

            verify(function)
        return function


_types: dict[Any, tuple[Type, ...]] = {}  # (operation without parameters, types of its operands) -> types of its results


def result_types(operation: Operation, operands: Sequence[Any]) -> tuple[Type, ...]:
    """The types of an operation's results for these atoms. Few operations have no parameters, and types are few: theirs are remembered."""
    if operation.fields:
        return operation.type(*[a.type for a in operands])
    if len(operands) == 2:
        a, b = operands
        key: Any = (operation, a.type, b.type)
    else:
        key = (operation, *[a.type for a in operands])
    found = _types.get(key)
    if found is None:
        found = _types[key] = operation.type(*key[1:])
    return found


def as_atom(value: Any) -> Atom:
    """A Var or Literal for whatever a rule returned: atoms pass, arrays and numbers become literals."""
    if isinstance(value, (Var, Literal)):
        return value
    assert isinstance(value, (np.ndarray, np.generic, int, float, complex)), f"not a value of the IR: {value!r}"
    return literal(value)


def live(equations: list[Equation], outputs: Iterable[Atom]) -> list[Equation]:
    """The equations on which the outputs and the effects depend, in order."""
    needed: set[Any] = set(outputs)
    kept = []
    for equation in reversed(equations):
        if needed.isdisjoint(equation.outs) and not has_effect(equation.operation):
            continue
        needed.update(equation.operands)
        kept.append(equation)
    kept.reverse()
    return kept


class _Stack(threading.local):
    def __init__(self) -> None:
        self.builders: list[Builder] = []


_stack = _Stack()


def current() -> Builder:
    """The innermost builder that rules write into."""
    assert _stack.builders, "a rule ran outside any builder"
    return _stack.builders[-1]


@contextmanager
def building(builder: Builder) -> Iterator[Builder]:
    """Let rules write into `builder`."""
    _stack.builders.append(builder)
    try:
        yield builder
    finally:
        _stack.builders.pop()


def apply(operation: Operation, operands: tuple[Any, ...]) -> Any:
    """Record the operation where its innermost traced operand lives.

    Rules see variables and literals only, and write into the current builder.
    """
    innermost: Any = None
    level = -1
    for a in operands:
        if type(a) is Var:
            break
        if isinstance(a, Traced) and a.level > level:  # type: ignore[attr-defined]
            innermost, level = a, a.level  # type: ignore[attr-defined]
    if innermost is None:
        return current().emit(operation, operands)
    return innermost.bind(operation, operands)
