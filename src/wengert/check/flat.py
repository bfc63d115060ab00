"""A run of a user's function as one flat Function: calls, loops and branches written out, and what Python decided on the way.

Runs the function as every taped run does, then its Function once more on a tape, by the `exact` rules of what holds Functions.
Names no operation but those. Start at `flat`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import Point, as_value
from wengert.contract import Primitive
from wengert.errors import ArgumentError, four_parts
from wengert.ir.types import StackType
from wengert.ir.values import Equation, Function, Literal, Traced
from wengert.primitives.control import Call, Cond, Loop, Print, While
from wengert.source import Span, here
from wengert.trace.record import name_of, run
from wengert.trace.tracer import call, tracer
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import vjp

_OPENED = (Call, Cond, Loop, While)

Answers = Mapping[int, Any]  # the number of a question that Python asks -> what it is told


class Flat:
    """What one run did.

    function:  (values) -> results, then what Python has asked for: tests, trip counts
    values:    the arguments that are differentiated by come first; the point has made them
    answers:   to the questions
    """

    __slots__ = ("answers", "function", "n_results", "name", "point", "values")

    def __init__(self, function: Function, values: list[Any], point: Point, n_results: int, answers: list[Any], name: str) -> None:
        self.function, self.values, self.point, self.n_results, self.answers, self.name = function, values, point, n_results, answers, name

    @property
    def mask(self) -> tuple[bool, ...]:
        """Which inputs are differentiated by."""
        return self.point.mask(self.function)

    @property
    def seeded(self) -> tuple[bool, ...]:
        """Which results have a cotangent."""
        return tuple([i < self.n_results and t.inexact for i, t in enumerate(self.function.out_types)])

    def seeds(self) -> list[Any]:
        """Cotangents of ones: the derivative is that of the sum of all results."""
        return [np.ones(t.shape, t.dtype)[()] for t, on in zip(self.function.out_types, self.seeded, strict=True) if on]  # type: ignore[union-attr]

    def derivative(self, function: Function | None = None) -> tuple[float | complex, list[Any], list[Any]]:
        """The sum of the results, its gradient by each active leaf, the answers; of another Function of the same inputs if given."""
        backward = vjp(function or self.function, self.mask, self.seeded)
        found = evaluate(backward, [*self.values, *self.seeds()])
        n = len(self.function.outputs)
        with np.errstate(all="ignore"):
            total = sum([np.sum(x) for x, on in zip(found[:n], self.seeded, strict=True) if on])
        return total, found[n:], found[self.n_results : n]

    def times(self, equation: Equation) -> int:
        """How often its line has done its operation, up to it."""
        count = 0
        for e in self.function.equations:
            count += e.operation is equation.operation and e.span is not None and e.span == equation.span
            if e is equation:
                break
        return max(count, 1)

    def rebuilt(self, gradients: Sequence[Any]) -> Any:
        """One array a leaf, as the user gave the arguments."""
        return self.point.rebuild(gradients)


def flat(f: Callable[..., Any], args: tuple[Any, ...], answers: Answers | None = None) -> Flat:
    """Run f at these arguments. `answers` overrides what Python is told: the first question is number 0."""
    answers = answers or {}
    point = _point(f, args)
    questions = _Questions(answers)
    first = run(f, lambda xs: questions.heard(xs, point.call), point.types, point.values, point.weak, point.structure)
    function, values = first.function, [*point.values, *[_plain(c) for c in first.captured]]
    outputs = list(range(first.n_outputs - questions.count))
    n_results = len(outputs)
    if any([_is_open(e.operation) for e in function.equations]):
        inner = _Questions(answers, questions.count)
        wanted = [*outputs, *range(n_results, first.n_outputs)]
        again = run(
            function_like(function),
            lambda xs: inner.heard(xs, lambda given: [_Written().run(function, given)[i] for i in wanted]),
            [v.type for v in function.inputs],
            values,
        )
        function, told = again.function, [*questions.told, *inner.told]
        values = [*values, *[_plain(c) for c in again.captured]]
        kept = again.n_outputs
    else:
        told, kept = questions.told, first.n_outputs
    function = Function(function.inputs, function.equations, function.outputs[:kept], name_of(f))
    return Flat(function, values, point, n_results, told, name_of(f))


def _point(f: Callable[..., Any], args: tuple[Any, ...]) -> Point:
    """The positional arguments with floats in them are differentiated by; the others are constants."""
    kinds = [[getattr(as_value(leaf), "dtype", None) for leaf in tree.flatten(a)[0]] for a in args]
    active = tuple([i for i, found in enumerate(kinds) if any([d is not None and d.kind in "fc" for d in found])])
    if not active:
        raise ArgumentError(
            four_parts(
                f"there is nothing to differentiate {name_of(f)} by",
                f"arguments: {', '.join([type(a).__name__ for a in args]) or 'none'}",
                "Integers, booleans and strings change in steps.",
                "pass floats, e.g. 2.0 or x.astype(float)",
                here(),
            )
        )
    return Point(f, args, {}, active if len(active) > 1 else active[0])


def _plain(value: Any) -> Any:
    assert not isinstance(value, Traced), "a check inside a function that is being traced"
    return value


def function_like(function: Function) -> Any:
    """A callable by which the tape recognises runs of this Function."""

    def written_out() -> None: ...

    written_out.__name__ = function.name
    return written_out


class _Questions:
    """The values for which Python asks in a run, and what it is told."""

    def __init__(self, answers: Answers, first: int = 0) -> None:
        self.answers, self.first = answers, first
        self.asked: list[Any] = []
        self.told: list[Any] = []

    @property
    def count(self) -> int:
        return len(self.asked)

    def heard(self, traced: Sequence[Any], body: Callable[[Sequence[Any]], Any]) -> tuple[Any, list[Any]]:
        """What the body gives, and the values asked for."""
        tape = traced[0].tape

        def answer(var: Any, value: Any) -> Any:
            if var.type.dtype.kind not in "iub":
                return value  # a number that is looked at, as by print
            value = self.answers.get(self.first + len(self.asked), value)
            self.asked.append(var)
            self.told.append(value)
            return value

        tape.answer = answer
        result = body(list(traced))
        tape.answer = None
        return result, [tracer(tape, v) for v in self.asked]


def _is_open(operation: Any) -> bool:
    """Whether it is looked into: it holds Functions and has no derivative of its own, and no stacks that only native loops know."""
    return isinstance(operation, _OPENED) and not any([_has_stacks(f) for f in operation.functions()])


def _has_stacks(function: Function) -> bool:
    variables = [*function.inputs, *[v for e in function.equations for v in e.outs]]
    return any([isinstance(v.type, StackType) for v in variables]) or any(
        [_has_stacks(f) for e in function.equations for f in e.operation.functions()]
    )


class _Written:
    """What the `exact` rules of loops and branches are run by: values are those of a taped run, which notes each operation."""

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a Function, operation by operation."""
        env: dict[Any, Any] = dict(zip(function.inputs, arguments, strict=True))
        for equation in function.equations:
            operation: Any = equation.operation
            operands = [env.get(a, a) for a in equation.operands]
            if operation.effect:
                if not isinstance(operation, Print):  # a check raises, as in the user's own run
                    operation.evaluate(*[_concrete(a) for a in operands])
                continue
            if _is_open(operation):
                outs = operation.exact(self, *[_value(a) for a in operands])
            else:
                outs = _performed(operation, operands, equation.span)
            outs = outs if isinstance(outs, tuple) else (outs,)
            env.update(zip(equation.outs, [_shaped(x, v.type) for x, v in zip(outs, equation.outs, strict=True)], strict=True))
        return [_value(env.get(a, a)) for a in function.outputs]

    def choice(self, index: Any) -> int:
        """Which branch is taken."""
        return int(index)

    trips = choice

    def holds(self, test: Any) -> bool:
        """Whether a loop goes on."""
        return bool(test)

    def stack(self, items: list[Any]) -> Any:
        """What a loop collects."""
        return items


def _value(a: Any) -> Any:
    return a.array() if isinstance(a, Literal) else a


def _concrete(a: Any) -> Any:
    a = _value(a)
    return a.tape.peek(a.atom) if isinstance(a, Traced) else a  # type: ignore[attr-defined]


def _performed(operation: Primitive, operands: Sequence[Any], span: Span | None) -> Any:
    traced = [a for a in operands if isinstance(a, Traced)]
    if not traced:
        with np.errstate(all="ignore"):
            return operation.evaluate(*[_value(a) for a in operands])
    tape: Any = traced[0].tape  # type: ignore[attr-defined]
    before = tape.grown
    outs = operation(*operands)
    if tape.grown > before and tape.node.equation is not None:
        tape.node.equation.span = span  # the user's line, not one of ours
    return outs


def _shaped(x: Any, type: Any) -> Any:
    """What a loop has collected as the array that it is."""
    if not isinstance(x, list):
        return x
    if not x:
        return np.zeros(type.shape, type.dtype)
    return call(np.stack, (x,), {}) if any([isinstance(a, Traced) for a in x]) else np.stack(x)
