"""The tape: the operations that a run of a function performs, found again if the same run was seen before.

Every run walks a tree of traces. A node is one operation on variables; a run that performs the
same operations as an earlier one walks the same nodes, makes no new equations, and ends at the
same Function, whose derivative is then remembered too. Nothing is computed while walking: a
value is computed when Python asks for it (a branch, an index, `print`).

Knows nothing of NumPy's functions. Start at `Tape.bind`.
"""

from __future__ import annotations

import itertools
import linecache
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.errors import AbstractValueError, EscapedTracerError, four_parts
from wengert.ir.operation import Operation
from wengert.ir.types import ArrayType, Type, array_type
from wengert.ir.values import Equation, Function, Literal, Traced, Var, has_effect, splat
from wengert.ir.walk import silenced, silent
from wengert.passes import rewrite
from wengert.source import here
from wengert.transform.evaluate import evaluate

_HIDDEN = (
    "\nThis function has no text that can be read (it was typed at a prompt, or made by exec): of a function in a file "
    "branches and loops become part of the program."
)
_LITERAL_VARIANTS = 8  # after so many different constants at one place, they are taken for data


class Node:
    """One step of a trace: an equation, or an input (the root's, or a captured constant)."""

    __slots__ = ("children", "equation", "functions", "lift", "literals", "outs", "parent")

    def __init__(self, parent: Node | None, equation: Equation | None, outs: tuple[Var, ...]) -> None:
        self.parent = parent
        self.equation = equation
        self.outs = outs
        self.children: dict[Any, Node] = {}
        self.functions: dict[Any, Function] = {}
        self.literals = 0
        self.lift = False


class _Memory:
    """The trees of recent traces, one a function and types of inputs; the least recently used go first."""

    def __init__(self) -> None:
        self.roots: OrderedDict[Any, Node] = OrderedDict()
        self.sizes: dict[Any, int] = {}
        self.total = 0
        self.lock = threading.Lock()

    def root(self, key: Any, types: Sequence[Type]) -> Node:
        with self.lock:
            found = self.roots.get(key)
            if found is None:
                found = Node(None, None, tuple([Var(t) for t in types]))
                self.roots[key] = found
                self.sizes[key] = 1
                self.total += 1
            else:
                self.roots.move_to_end(key)
            return found

    def grow(self, key: Any, count: int) -> None:
        dropped = []  # freed after the lock is let go: what runs then may trace
        with self.lock:
            if key in self.sizes:
                self.sizes[key] += count
                self.total += count
            limit = settings().trace_cache
            while self.total > limit and self.roots:
                oldest, node = self.roots.popitem(last=False)
                self.total -= self.sizes.pop(oldest)
                dropped.append(node)

    def unlock(self) -> None:
        """A new lock, in a forked process: the thread that held the old one is not there."""
        self.lock = threading.Lock()


_memory = _Memory()
_levels = itertools.count(1)


class Latest:
    """The run that began last, by its level: what is made from then on is made in it, or after it."""

    level = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_memory.unlock)
_literals: dict[Any, Literal] = {}
_constants: dict[Any, Literal] = {}


def _interned(a: Literal) -> Literal:
    """One Literal object a value, so that traces with equal constants are equal."""
    if not a.is_splat:
        return a
    value = a.value
    key = (a.type, value) if value == value and value != 0 else (a.type, repr(value))  # 0.0 and -0.0 differ, nan is itself
    if len(_literals) > 100_000:
        _literals.clear()
    return _literals.setdefault(key, a)


def constant(value: Any, type: ArrayType) -> Literal:
    """The Literal of a plain number in a type, found quickly when it was used before."""
    found = _constants.get((value, value.__class__, type)) if value else None
    if found is None:
        found = _interned(splat(value, type))
        if value:
            if len(_constants) > 100_000:
                _constants.clear()
            _constants[value, value.__class__, type] = found
    return found


class Tape:
    """A run of a function in progress. Its level orders nested runs: an operation belongs to the innermost.

    Levels count all runs ever begun, so that a run in a thread started by another run is inside that one.
    """

    __slots__ = (
        "_captured",
        "_env",
        "_lock",
        "_origins",
        "_seen",
        "_trail",
        "answer",
        "arguments",
        "asked",
        "closed",
        "examples",
        "grown",
        "journal",
        "key",
        "level",
        "memo",
        "name",
        "node",
        "root",
        "stage",
        "staged",
    )

    def __init__(self, key: Any, types: Sequence[Type], arguments: Sequence[Any] | None, name: str, watch: bool = False) -> None:
        self.key = (key, tuple(types))
        self.root = self.node = _memory.root(self.key, types)
        # Concrete arrays or tracers of outer tapes; None where only the type is known.
        self.arguments = arguments if arguments is None else [a.snapshot() if isinstance(a, Traced) else a for a in arguments]  # type: ignore[attr-defined]
        self.level = Latest.level = next(_levels)
        self.name = name
        self._lock = threading.RLock()  # the function may share its values with threads of its own
        self._captured: list[Any] = []
        self.stage: Tape | None = None  # a run inside this one that takes all operations: the body of a cond or loop
        self._seen: dict[Any, tuple[Any, Any, Var]] = {}  # outer tracers and arrays already captured: themselves, as they were, variable
        self._trail: list[Node] = []
        self._env: dict[Any, Any] | None = None
        self.asked: set[Var] | None = set() if watch else None  # inputs on which a value depends that Python has asked for
        self._origins: dict[Any, frozenset[Any]] = {}  # variable -> the inputs, or (outer tape, variable), its known value comes from
        self.staged = False  # whether tests, trip counts and effects that depend on traced values are part of the program
        self.answer: Any = None  # (variable, its value) -> what Python is told when it asks: to see other decisions
        self.memo: dict[Any, Any] = {}  # what capture has found out in this run
        self.journal: Any = None  # of a run taken aside: what it has written to outside
        self.examples: Sequence[Any] | None = None  # values the inputs can have, where they have none of their own
        self.closed = False
        self.grown = 0

    def innermost(self) -> Tape:
        """The run that takes the operations on this one's values."""
        tape = self
        while tape.stage is not None:
            tape = tape.stage
        return tape

    # -- recording ---------------------------------------------------------------------------

    def bind(self, operation: Operation, operands: tuple[Any, ...], make: Any) -> Any:
        """Record an operation; `make` wraps each result."""
        if self.stage is not None:
            return self.stage.bind(operation, operands, make)
        if self.closed:
            raise EscapedTracerError(
                four_parts(
                    f"a traced value left the function it was traced in ({self.name})",
                    why="It stands for a value of a run that has ended, so nothing can be computed with it.",
                    instead="return the value from the function; has_aux=True returns extra ones",
                    where=here(),
                )
            )
        with self._lock:
            outs = self._walk(operation, operands) if self.staged or not has_effect(operation) else self._act(operation, operands)
        return make(self, outs[0]) if len(outs) == 1 else tuple([make(self, v) for v in outs])

    def _act(self, operation: Operation, operands: tuple[Any, ...]) -> tuple[Var, ...]:
        """Run an operation with effects now, in its place, and record it without: its derivative computes it again."""
        try:
            values = [_known(a) for a in operands]
        except AbstractValueError:
            return self._walk(operation, operands)
        with np.errstate(all="ignore"):
            results = operation.evaluate(*values)  # type: ignore[attr-defined]
        if isinstance(results, tuple) and not results:
            return ()
        outs = self._walk(silenced(operation), operands)
        if self._env is not None:
            self._env.update(zip(outs, results if isinstance(results, tuple) else (results,), strict=True))
            self._trail.pop()
        return outs

    def _walk(self, operation: Operation, operands: tuple[Any, ...]) -> tuple[Var, ...]:
        """The results of the operation, found or made at the present place of the tree of traces."""
        key: list[Any] = [operation]
        has_literal = False
        for a in operands:
            if isinstance(a, Traced) and getattr(a, "tape", None) is self:
                key.append(a.atom)  # type: ignore[attr-defined]
            elif isinstance(a, Literal):
                key.append(_interned(a))
                has_literal = True
            else:
                key.append(self.capture(a))
        node = self.node.children.get(tuple(key))
        if node is None:
            if has_literal and self.node.lift:
                node = self._with_lifted_literals(operation, key)
            else:
                node = self._extend(operation, tuple(key), has_literal)
        self.node = node
        self._trail.append(node)
        if operation.may_raise and self.arguments is not None and self.asked is None and node.outs:  # type: ignore[attr-defined]
            self._compute(node.outs[0])  # so that LinAlgError comes at the user's line
        return node.outs

    def _with_lifted_literals(self, operation: Operation, key: list[Any]) -> Node:
        key = [self.capture(a.array()) if isinstance(a, Literal) else a for a in key]
        return self.node.children.get(tuple(key)) or self._extend(operation, tuple(key), False)

    def _extend(self, operation: Operation, key: tuple[Any, ...], has_literal: bool) -> Node:
        atoms = key[1:]
        types = operation.type(*[a.type for a in atoms])
        node = Node(self.node, None, tuple([Var(t) for t in types]))
        node.equation = Equation(operation, atoms, node.outs, here())
        self._adopt(key, node)
        if has_literal:
            self.node.literals += 1
            self.node.lift = self.node.literals > _LITERAL_VARIANTS
        return node

    def _adopt(self, key: Any, node: Node) -> None:
        self.node.children[key] = node
        self.grown += 1

    def capture(self, value: Any) -> Var:
        """A value from outside as an extra input: a tracer of an outer tape, or an array (copied if it may change)."""
        with self._lock:
            return self._input(value)

    def _input(self, value: Any) -> Var:
        given = value
        if isinstance(value, Traced):
            key: Any = (id(value.tape), value.atom)  # type: ignore[attr-defined]
        else:
            key = id(value)
        seen = self._seen.get(key)
        if isinstance(value, Traced):
            if seen is not None:
                return seen[2]
            given = value = value.snapshot()  # type: ignore[attr-defined]
            type: Any = value.type
        else:
            if isinstance(value, np.ndarray):
                if value.dtype.kind not in "fciub":
                    raise AbstractValueError(four_parts(f"an array of dtype {value.dtype} cannot be used with traced values", where=here()))
                if seen is not None and same_bits(value, seen[1]):
                    return seen[2]
                value = value if is_frozen(value) else value.copy()
            elif not isinstance(value, np.generic):
                value = np.asarray(value)[()]
            type = array_type(value.shape, value.dtype)
        node = self.node.children.get(type)
        if node is None:
            node = Node(self.node, None, (Var(type),))
            self._adopt(type, node)
        self.node = node
        self._trail.append(node)
        self._captured.append(value)
        var = node.outs[0]
        if isinstance(given, (Traced, np.ndarray)):
            self._seen[key] = (given, value, var)
        if self._env is not None:
            self._provide(var, value)
        return var

    def finish(self, outputs: Sequence[Any]) -> tuple[Function, list[Any]]:
        """Close the tape: the Function of this run, and the captured values that are its further inputs."""
        atoms = tuple([a.atom if getattr(a, "tape", None) is self else self.capture(a) for a in outputs])
        self.closed = True
        found = self.node.functions.get(atoms)
        if found is None:
            found = self.node.functions.setdefault(atoms, self._function(atoms))
            _memory.grow(self.key, self.grown)
        return found, self._captured

    def _function(self, outputs: tuple[Var, ...]) -> Function:
        steps = []
        node: Node | None = self.node
        while node is not None and node is not self.root:
            steps.append(node)
            node = node.parent
        steps.reverse()
        inputs = [*self.root.outs, *[s.outs[0] for s in steps if s.equation is None]]
        from wengert.ir.builder import Builder

        builder = Builder()
        builder.equations = [s.equation for s in steps if s.equation is not None]
        return rewrite(builder.build(inputs, outputs, self.name))

    # -- values ------------------------------------------------------------------------------

    def value(self, var: Var) -> Any:
        """The concrete value of a variable, computed now if it was not yet."""
        value = self.peek(var)
        if self.asked is not None:
            self._ask(var)
        return value if self.answer is None else self.answer(var, value)

    def fixed(self, var: Var) -> Any:
        """The value of a variable that depends on no input of a program, None if it does: then it is found when that runs."""
        try:
            value = self.peek(var)
        except AbstractValueError:
            return None
        return None if self._origins.get(var) else value

    def _ask(self, var: Var) -> None:
        """Note the inputs from which the value of this variable comes: Python has seen it."""
        for origin in self._origins.get(var, ()):
            if isinstance(origin, Var):
                self.asked.add(origin)  # type: ignore[union-attr]
            else:
                origin[0]._ask(origin[1])

    def peek(self, var: Var) -> Any:
        """As `value`, for another tape: what asks for it there is noted when it does."""
        with self._lock:
            self._compute(var)
            assert self._env is not None
            known = var in self._env
        if not known:
            span = here()
            hidden = span is not None and not linecache.getlines(span.file)
            raise AbstractValueError(
                four_parts(
                    "a concrete value is needed of something of which only the type is known",
                    f"{var.type!r} in {self.name}",
                    "Under jit and in a custom rule values come later, and under vmap every lane has a value of its own: "
                    "Python cannot branch on it." + (_HIDDEN if hidden else ""),
                    "np.where(test, a, b), or wengert.cond / wengert.while_loop; under jit static_argnums, if the value seldom changes",
                    where=span,
                )
            )
        return self._env[var]

    def example(self, var: Var) -> Any:
        """A value that the variable can have: its own, or in lanes and loops that of the first; None if there is none."""
        known = self.examples if self.examples is not None else self.arguments
        if known is None:
            return None
        with self._lock:
            function = silent(self._function((var,)))
            inputs = [*known, *self._captured]
        values = [v.tape.example(v.atom) if isinstance(v, Traced) else v for v in inputs]  # type: ignore[attr-defined]
        return None if any([v is None for v in values]) else evaluate(function, values)[0]

    def _provide(self, var: Var, value: Any) -> None:
        assert self._env is not None
        if isinstance(value, Traced):
            tape, atom = value.tape, value.atom  # type: ignore[attr-defined]
            try:
                self._env[var] = tape.peek(atom)
            except AbstractValueError:
                return
            if tape.asked is not None:
                self._origins[var] = frozenset([var, (tape, atom)])
        elif value is not None:
            self._env[var] = value

    def _compute(self, var: Var) -> None:
        if self._env is None:
            self._env = {}
            for v, argument in zip(self.root.outs, self.arguments or [None] * len(self.root.outs), strict=True):
                self._provide(v, argument)
                if self.asked is not None and v in self._env and v not in self._origins:
                    self._origins[v] = frozenset([v])
            captured = iter(self._captured)
            for node in self._trail:
                if node.equation is None:
                    self._provide(node.outs[0], next(captured))
        env = self._env
        if var in env:
            return
        with np.errstate(all="ignore"):
            for node in self._trail:
                equation = node.equation
                if equation is None:
                    continue
                try:
                    operands = [a.array() if isinstance(a, Literal) else env[a] for a in equation.operands]
                except KeyError:  # depends on something abstract
                    continue
                outs = equation.operation.evaluate(*operands)  # type: ignore[attr-defined]
                if len(node.outs) == 1:
                    env[node.outs[0]] = outs
                else:
                    env.update(zip(node.outs, outs, strict=True))
                if self.asked is not None:
                    origins = frozenset[Any]().union(*[self._origins.get(a, ()) for a in equation.operands])
                    self._origins.update(dict.fromkeys(node.outs, origins))
        self._trail.clear()


def _known(a: Any) -> Any:
    """The concrete value of an operand."""
    if isinstance(a, Traced):
        return a.tape.peek(a.atom)  # type: ignore[attr-defined]
    return a.array() if isinstance(a, Literal) else np.asarray(a)[()]


def is_frozen(array: np.ndarray) -> bool:
    """Whether nobody can write to this memory."""
    view: Any = array
    while isinstance(view, np.ndarray):
        if view.flags.writeable:
            return False
        view = view.base
    return view is None


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays hold the same, NaN and signed zeros told apart by their bits."""
    if a is b:
        return True
    if a.dtype != b.dtype or a.shape != b.shape or a.dtype.itemsize > 16 or a.dtype.char in "gG":
        return False
    if a.dtype.kind == "c":
        return same_bits(a.real, b.real) and same_bits(a.imag, b.imag)
    bits = f"i{a.dtype.itemsize}"
    return bool((a.view(bits) == b.view(bits)).all())
