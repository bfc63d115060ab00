"""What a Variable remembers: values, and the steps that made them, each holding what it was made of.

`Graph` stands where a run has its tape, outside all runs. It keeps no list: what nobody refers to any more is gone, with
its history. Knows the tape, and nothing of what users see. Start at `Graph.bind`.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.errors import SpentGraphError, four_parts
from wengert.ir.builder import result_types
from wengert.ir.operation import Operation
from wengert.ir.types import type_of
from wengert.ir.values import Function, Literal, Var, has_effect
from wengert.ir.walk import silenced
from wengert.source import Span, here
from wengert.trace.record import active, staging
from wengert.trace.tape import Tape, is_frozen, same_bits
from wengert.trace.tracer import tracer

remembering: ContextVar[bool] = ContextVar("wengert_remembering", default=True)
_numbers = itertools.count()


@contextmanager
def remember(wanted: bool) -> Iterator[None]:
    """Whether what is computed from Variables inside is remembered."""
    token = remembering.set(wanted)
    try:
        yield
    finally:
        remembering.reset(token)


class Leaf:
    """Where the gradients by one Variable are summed."""

    __slots__ = ("grad",)

    def __init__(self) -> None:
        self.grad: Any = None


class Step:
    """An operation that was performed, on what, and where; its results once somebody has asked for them.

    spent: the line of the `backward` that went through it; None before that
    """

    __slots__ = ("number", "operands", "operation", "results", "single", "span", "spent")

    def __init__(self, operation: Operation, operands: tuple[Any, ...], single: bool, span: Span | None) -> None:
        self.operation, self.single, self.span = operation, single, span
        self.operands: tuple[Any, ...] | None = operands  # None when nobody can need them any more
        self.number = next(_numbers)
        self.results: tuple[Any, ...] | None = None
        self.spent: Span | str | None = None

    def computed(self) -> tuple[Any, ...]:
        """The results, computed now if they were not yet, with all that they need."""
        if self.results is None:
            with np.errstate(all="ignore"):
                for step in history([self], lambda s: s.results is None):
                    step.perform()
        assert self.results is not None
        return self.results

    def perform(self) -> None:
        """Compute the results of operands that are known, unless they are known themselves."""
        if self.results is None:
            assert self.operands is not None
            self.keep(_performed(self.operation, self.operands))

    def keep(self, results: tuple[Any, ...]) -> None:
        """From now on these are known."""
        self.results = results
        if self.spent is not None:
            self.operands = None

    def spend(self, where: Span | None) -> None:
        """No derivative goes through here again."""
        self.spent = where or "an earlier line"
        if self.results is not None:
            self.operands = None


class Value(Var):
    """A value of the graph: result `index` of a step, or a known one, which may be a leaf's."""

    __slots__ = ("__weakref__", "_known", "given", "index", "leaf", "step")

    def __init__(self, type: Any, known: Any = None, leaf: Leaf | None = None, step: Step | None = None, index: int = 0) -> None:
        super().__init__(type)
        self._known, self.leaf, self.step, self.index = known, leaf, step, index
        self.given: Any = None  # of a constant: the caller's array, lest another get its address

    @property
    def remembers(self) -> bool:
        """Whether a derivative reaches a leaf from here."""
        return self.leaf is not None or self.step is not None and self.type.inexact

    def known(self) -> Any:
        """The number or array, computed now if it was not yet."""
        return self._known if self.step is None else self.step.computed()[self.index]


def _performed(operation: Operation, operands: Iterable[Any]) -> tuple[Any, ...]:
    out = operation.evaluate(*[a.array() if isinstance(a, Literal) else a.known() for a in operands])  # type: ignore[attr-defined]
    return tuple([frozen(x) for x in (out if isinstance(out, tuple) else (out,))])


def frozen(x: Any) -> Any:
    """A value of the graph: nobody writes to it from now on."""
    if isinstance(x, np.ndarray) and x.flags.writeable:
        x.flags.writeable = False
        if x.base is not None and getattr(x.base, "flags", x.flags).writeable:
            x = x.copy()
            x.flags.writeable = False
    return x


def history(last: Iterable[Step], wanted: Callable[[Step], bool]) -> list[Step]:
    """The steps before these, and they, in the order in which they were made; not beyond a step that is not wanted."""
    found: dict[Step, None] = {}
    waiting = list(last)
    while waiting:
        step = waiting.pop()
        if step not in found and wanted(step):
            found[step] = None
            waiting += [a.step for a in step.operands or () if isinstance(a, Value) and a.step is not None]
    return sorted(found, key=lambda s: s.number)


class Graph:
    """All Variables' values, where a run has its tape: the outermost of all, that never ends, and holds nothing."""

    level, closed, journal, stage, asked, staged, examples = 0, False, None, None, None, False, None

    def __init__(self, make: Callable[[Value], Any]) -> None:
        self._make = make  # a value -> what the user sees
        self._constants: weakref.WeakValueDictionary[int, Value] = weakref.WeakValueDictionary()

    def innermost(self) -> Any:
        """What takes operations now: a program being written takes all of them."""
        return active() if staging() else self

    def bind(self, operation: Operation, operands: tuple[Any, ...], make: Any) -> Any:
        """Remember an operation on Variables; perform it at once if there is no derivative to remember it for."""
        if staging():
            return self.innermost().bind(operation, operands, make)
        atoms = tuple([self._atom(a) for a in operands])
        types = result_types(operation, atoms)
        remembers = remembering.get() and any([t.inexact for t in types]) and any([isinstance(a, Value) and a.remembers for a in atoms])
        if not remembers:
            with np.errstate(all="ignore"):
                outs = [Value(t, known) for t, known in zip(types, _performed(operation, atoms), strict=True)]
        else:
            step = Step(operation, atoms, len(types) == 1, here())
            outs = [Value(t, step=step, index=i) for i, t in enumerate(types)]
            acting = has_effect(operation)
            if acting or operation.may_raise:  # type: ignore[attr-defined]
                with np.errstate(all="ignore"):
                    step.results = _performed(operation, atoms)
            if acting:  # the derivative does not do it again
                step.operation = silenced(operation)
        return self._make(outs[0]) if len(outs) == 1 else tuple([self._make(v) for v in outs])

    def _atom(self, a: Any) -> Any:
        if getattr(a, "tape", None) is self:
            return a.atom
        return a if isinstance(a, Literal) else self.capture(a)

    def capture(self, value: Any) -> Value:
        """A NumPy value, as it is now, as a constant; an array that is used again, and is the same, is copied once."""
        if not isinstance(value, np.ndarray):
            value = np.asarray(value)[()]
            return Value(type_of(value), value)
        found = self._constants.get(id(value))
        if found is not None and found.given is value and same_bits(value, found.known()):
            return found
        made = Value(type_of(value), value if is_frozen(value) else frozen(value.copy()))
        made.given = value
        self._constants[id(value)] = made
        return made

    def value(self, var: Value) -> Any:
        """The number or array."""
        return var.known()

    peek = fixed = example = value


def not_spent(step: Step) -> bool:
    """True, or an error that says where its history was let go."""
    if step.spent is None:
        return True
    raise SpentGraphError(
        four_parts(
            "backward() a second time through the same operations",
            f"{step.operation.name}{'' if step.span is None else f' at {step.span}'} was used by the backward() at {step.spent}",
            "What derivatives need of them is let go after the first time.",
            "backward(retain_graph=True) the first time; or detach() what is carried from one step to the next",
            here(),
        )
    )


def laid_down(steps: list[Step], out: Value) -> tuple[Function, list[Any], list[Leaf]]:
    """The Function that these steps are, found again if it was seen before; its arguments; the leaves, which come first."""
    values = [a for s in steps for a in s.operands or () if isinstance(a, Value)] or [out]
    inputs = list(dict.fromkeys([v for v in values if v.leaf is not None]))
    tape = Tape(("backward", here()), [v.type for v in inputs], None, "backward")
    env: dict[Any, Any] = {v: tracer(tape, var) for v, var in zip(inputs, tape.root.outs, strict=True)}
    results: dict[tuple[Step, int], Any] = {}
    for step in steps:
        operands = []
        for a in step.operands or ():
            if isinstance(a, Value) and a.step is not None:
                operands.append(results[a.step, a.index])
            elif isinstance(a, Value):
                if a not in env:
                    env[a] = tracer(tape, tape.capture(a.known()))
                operands.append(env[a])
            else:
                operands.append(a)
        before = tape.grown
        outs = tape.bind(step.operation, tuple(operands), tracer)
        if tape.grown > before and tape.node.equation is not None:
            tape.node.equation.span = step.span
        for i, x in enumerate(outs if isinstance(outs, tuple) else (outs,)):
            results[step, i] = x
    function, captured = tape.finish([env[out] if out.step is None else results[out.step, out.index]])
    leaves = [v.leaf for v in inputs if v.leaf is not None]
    return function, [*inputs, *captured], leaves
