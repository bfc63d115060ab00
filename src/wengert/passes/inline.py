"""Calls inlined; what only tells how to differentiate (custom rules, checkpoints, stop_gradient) dissolved.

Knows the operations that hold Functions. Start at `inline`; `running` says which Functions an operation runs.

A body that is long and called more than once stays one Function that is called. What a checkpoint computed is set apart:
nothing later may share it, since it was to be computed again instead of kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.ir.values import Equation, Function, Var
from wengert.ir.walk import with_functions
from wengert.passes.rewriter import apart_of
from wengert.primitives.control import Call, Checkpoint, Cond, CustomJvp, CustomVjp, LinearCall, Loop, While
from wengert.primitives.shape import StopGradient

SHORT = 32  # equations of a body that is copied to wherever it is called
LONG = 200  # of one that is copied to two calls; the more calls, the shorter it must be

_TRANSPARENT = (Call, CustomJvp, CustomVjp)  # Checkpoint is a Call
_REGIONS = (Cond, Loop, While)


def callee(operation: Any) -> Function | None:
    """The Function of which an operation gives just the results."""
    if isinstance(operation, _TRANSPARENT):
        return operation.function
    return operation.ahead() if isinstance(operation, LinearCall) else None


def running(operation: Any) -> Sequence[Function]:
    """The Functions that an operation runs."""
    if isinstance(operation, _REGIONS):
        return operation.functions()
    function = callee(operation) if operation.fields else None
    return () if function is None else (function,)


def weight(function: Function) -> int:
    """Equations of a Function whose own Functions are weighed already, theirs included."""
    found: int | None = function.memo.get("weight")
    if found is None:
        found = len(function.equations)
        for equation in function.equations:
            if equation.operation.fields and isinstance(equation.operation, (*_REGIONS, Call)):
                found += sum([weight(f) for f in equation.operation.functions()])
        function.memo["weight"] = found
    return found


def inline(function: Function, optimised: Callable[[Function], Function], calls: dict[Function, int]) -> Function:
    """The Function with what it calls in place. `optimised` gives the finished form of a Function; `calls` counts calls of each."""
    if not any([e.operation.fields and running(e.operation) or type(e.operation) is StopGradient for e in function.equations]):
        return function
    splice = _Splice(function.inputs, optimised, calls)
    outputs = splice.run(function)
    new = Function(function.inputs, splice.equations, outputs, function.name)
    if splice.apart:
        new.memo["apart"] = splice.apart
    return new


class _Frame:
    """A body being written: its variables by what they are called outside, and the equation that calls it."""

    __slots__ = ("call", "env", "equations", "function", "marked", "parent")

    def __init__(self, function: Function, operands: Sequence[Any], call: Equation | None, parent: _Frame | None) -> None:
        self.function, self.call, self.parent = function, call, parent
        self.env: dict[Any, Any] = {v: a for v, a in zip(function.inputs, operands, strict=True) if v is not a}
        self.equations = iter(function.equations)
        inside = call is not None and isinstance(call.operation, Checkpoint) or parent is not None and parent.marked is None
        self.marked: set[Any] | None = None if inside else apart_of(function)  # None: all of it


class _Splice:
    """A walk through a Function and the bodies that it calls, without recursion."""

    def __init__(self, inputs: Sequence[Var], optimised: Callable[[Function], Function], calls: dict[Function, int]) -> None:
        self.optimised, self.calls = optimised, calls
        self.equations: list[Equation] = []
        self.defined: set[Any] = set(inputs)
        self.apart: set[Any] = set()

    def run(self, function: Function) -> list[Any]:
        """The outputs; its equations are in `equations`."""
        frame = _Frame(function, function.inputs, None, None)
        while True:
            for equation in frame.equations:
                operation: Any = equation.operation
                if operation.fields or type(operation) is StopGradient:
                    body = self.body_of(operation)
                    if body is not None:
                        frame = _Frame(body, self.operands(frame, equation), equation, frame)
                        break
                    if type(operation) is StopGradient:
                        frame.env[equation.outs[0]] = self.operands(frame, equation)[0]
                        continue
                self.write(frame, equation)
            else:
                outputs = [frame.env.get(a, a) for a in frame.function.outputs]
                if frame.call is None or frame.parent is None:
                    return outputs
                frame.parent.env.update(zip(frame.call.outs, outputs, strict=True))
                frame = frame.parent

    def body_of(self, operation: Any) -> Function | None:
        """What stands in the place of a call; None where it stays one."""
        target = callee(operation)
        calls = 1 if target is None else self.calls.get(target, 0)
        if target is None or calls <= 1:
            return target
        body = self.optimised(target)
        return body if weight(body) <= max(SHORT, 2 * LONG // calls) else None

    def operands(self, frame: _Frame, equation: Equation) -> tuple[Any, ...]:
        env = frame.env
        return tuple([env.get(a, a) for a in equation.operands]) if env else equation.operands

    def write(self, frame: _Frame, equation: Equation) -> None:
        """An equation as it is, if it can be: a body called for the second time gets variables of its own."""
        operation: Any = equation.operation
        operands, outs, span = self.operands(frame, equation), equation.outs, equation.span
        if operation.fields:
            if isinstance(operation, _REGIONS):
                operation = with_functions(operation, self.optimised)
            else:
                target = callee(operation)
                operation = operation if target is None else Call(self.optimised(target))
        if span is None and frame.call is not None:
            span = frame.call.span
        if not self.defined.isdisjoint(outs):
            outs = tuple([Var(v.type) for v in outs])
            frame.env.update(zip(equation.outs, outs, strict=True))
        self.defined.update(outs)
        if frame.marked is None or frame.marked and not frame.marked.isdisjoint((*outs, *equation.outs)):
            self.apart.update(outs)
        if operation is not equation.operation or operands != equation.operands or outs is not equation.outs or span is not equation.span:
            equation = Equation(operation, operands, outs, span)
        self.equations.append(equation)
