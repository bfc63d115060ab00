"""Go through Functions: replay one inside another, substitute, find free variables. No recursion on depth.

Knows no operation. Start at `inline`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wengert.ir.builder import current
from wengert.ir.operation import Operation
from wengert.ir.values import Atom, Equation, Function, Literal, Var, acts, has_effect


def memoized(function: Function, key: Any, make: Callable[[], Any]) -> Any:
    """What `make` gave for this Function and key, made once."""
    found = function.memo.get(key)
    if found is None:
        found = function.memo.setdefault(key, make())
    return found


def inline(function: Function, arguments: Sequence[Any]) -> list[Any]:
    """Emit the body of a Function into the current builder; its outputs for these arguments."""
    builder = current()
    env: dict[Atom, Any] = dict(zip(function.inputs, arguments, strict=True))
    outer = builder.span
    for equation in function.equations:
        builder.span = equation.span or outer
        outs = builder.emit(equation.operation, tuple([env.get(a, a) for a in equation.operands]))
        env.update(zip(equation.outs, outs if isinstance(outs, tuple) else (outs,), strict=True))
    builder.span = outer
    return [env.get(a, a) for a in function.outputs]


def free_variables(equations: Iterable[Equation], outputs: Iterable[Atom], bound: Iterable[Var]) -> list[Var]:
    """Variables that are used but not defined here, in order of first use."""
    defined: set[Atom] = set(bound)
    free: dict[Var, None] = {}
    for equation in equations:
        for a in equation.operands:
            if isinstance(a, Var) and a not in defined:
                free[a] = None
        defined.update(equation.outs)
    for a in outputs:
        if isinstance(a, Var) and a not in defined:
            free[a] = None
    return list(free)


def specialize(function: Function, fixed: dict[Var, Literal]) -> Function:
    """The Function with some inputs replaced by literals."""
    if not fixed:
        return function
    sub: dict[Any, Atom] = dict(fixed)
    equations = [Equation(e.operation, tuple([sub.get(a, a) for a in e.operands]), e.outs, e.span) for e in function.equations]
    inputs = [v for v in function.inputs if v not in fixed]
    return Function(inputs, equations, [sub.get(a, a) for a in function.outputs], function.name)


def prune(function: Function, needed: Sequence[bool]) -> tuple[Function, tuple[bool, ...]]:
    """The Function with only the needed outputs, and its effects, and which inputs it still uses."""
    from wengert.ir.builder import live

    key = ("prune", tuple(needed))

    def make() -> tuple[Function, tuple[bool, ...]]:
        outputs = [a for a, keep in zip(function.outputs, needed, strict=True) if keep]
        equations = live(list(function.equations), outputs)
        used = set(free_variables(equations, outputs, ()))
        kept = tuple([v in used for v in function.inputs])
        return Function([v for v in function.inputs if v in used], equations, outputs, function.name), kept

    return memoized(function, key, make)  # type: ignore[no-any-return]


def with_functions(operation: Any, change: Callable[[Function], Function]) -> Any:
    """An operation on other Functions of the same types."""

    def swap(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple([swap(v) for v in value])
        return change(value) if isinstance(value, Function) else value

    return type(operation)(*[swap(value) for value in operation.parameters])


def silent(function: Function) -> Function:
    """The Function without its effects: for results that are computed a second time."""
    if not acts(function):
        return function

    def make() -> Function:
        from wengert.ir.builder import live

        equations = [Equation(silenced(e.operation), e.operands, e.outs, e.span) for e in function.equations if not e.operation.effect]
        return Function(function.inputs, live(equations, function.outputs), function.outputs, function.name)

    return memoized(function, "silent", make)  # type: ignore[no-any-return]


def silenced(operation: Any) -> Any:
    """The operation running Functions that have no effects."""
    if not has_effect(operation):
        return operation
    running = operation.functions()
    return with_functions(operation, lambda f: silent(f) if f in running else f)


def held(value: Any) -> list[Function]:
    """The Functions in a parameter of an operation: itself, or inside tuples and operations."""
    if isinstance(value, Function):
        return [value]
    if isinstance(value, Operation):
        value = value.parameters
    if isinstance(value, tuple):
        return [function for item in value for function in held(item)]
    return []


def nested(function: Function) -> list[Function]:
    """Every Function that this one holds, however deep, each once and after those it holds itself; it comes last."""
    order: dict[Function, None] = {}
    stack = [(function, iter(_children(function)))]
    while stack:
        parent, children = stack[-1]
        child = next((c for c in children if c not in order), None)
        if child is None:
            order[parent] = None
            stack.pop()
        else:
            stack.append((child, iter(_children(child))))
    return list(order)


def _children(function: Function) -> list[Function]:
    operations = dict.fromkeys([e.operation for e in function.equations])
    return [child for operation in operations if operation.fields for child in held(operation)]
