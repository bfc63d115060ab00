"""A loop as one operation: what the body changes is found by recording it until that is settled.

Knows how parts of a run are recorded, not which loops are. Start at `stage`, then `_Loop`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import AbstractValueError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import array_type
from wengert.ir.values import Function, Literal, Traced, zero_literal
from wengert.ir.walk import inline
from wengert.numpy.table import lookup
from wengert.primitives.control import Loop, While
from wengert.primitives.shape import cast
from wengert.source import here
from wengert.trace import boxes, record
from wengert.trace.capture.branch import and_, decide, not_
from wengert.trace.capture.containers import AlwaysRaises, Unstaged
from wengert.trace.capture.growth import Growth
from wengert.trace.capture.over import Over
from wengert.trace.capture.state import (
    Part,
    State,
    as_type,
    assign,
    constants_first,
    describe,
    is_place,
    mark_made,
    perform,
    plain,
    traced_results,
)
from wengert.trace.capture.values import UNDEFINED, Maybe, is_data, is_weak, join, kind_of, parts, same
from wengert.trace.record import Raised

INDEX = array_type((), np.dtype(np.int64))
TRUTH = array_type((), np.dtype(np.bool_))
_ROUNDS = 12

Body = Callable[..., Any]
Stop = Callable[[], Any] | None


class Peel(Exception):
    """The first iteration is of another kind than those that follow."""


def decide_stop(stop: Stop) -> Any:
    """Whether the loop ends before the next iteration."""
    return False if stop is None else decide(stop())


class _Carried:
    """One place that a loop hands from iteration to iteration: its data leaves, their types, and what stays the same."""

    __slots__ = ("first", "fixed", "flag", "leaves", "place", "structure", "types", "weak")

    def __init__(self, place: Any, value: Any, flag: Any) -> None:
        self.place, self.first, self.flag = place, value, flag
        values, self.structure = tree.flatten(value)
        self.leaves: list[Any] = []
        self.fixed: list[Any] = []  # what is no data, _DATA where it is
        for v in values:
            v = plain(v)
            self.fixed.append(_DATA if is_data(v) else v)
            if is_data(v):
                self.leaves.append(v)
        self.types = [kind_of(v) for v in self.leaves]
        self.weak = [is_weak(v) for v in self.leaves]

    def rebuilt(self, leaves: list[Any]) -> Any:
        """The value around these leaves."""
        given = iter(leaves)
        return tree.unflatten(self.structure, [next(given) if f is _DATA else f for f in self.fixed])


_DATA = object()


class _Loop:
    """The search for what is carried and in which types."""

    def __init__(self, items: Over | None, test: Body | None, body: Body, state: State, stop: Stop, lists: Any) -> None:
        self.growing = {id(x): Growth(x, depth) for x, depth in lists if type(x) is list}
        self.grown: dict[Any, Growth] = {}
        self.appended: dict[Any, list[Any]] = {}
        self.items, self.test, self.body, self.state, self.stop = items, test, body, state, stop
        self.before = state.get()
        self.carried: dict[Any, _Carried] = {}
        self.objects: dict[int, Any] = {}
        self.late: set[Any] = set()  # variables without a value before
        for n, value in enumerate(self.before):
            value, flag = parts(value)
            if flag is True and is_place(value):
                continue  # the array or container itself is carried, if it is changed, and the variable stays
            if value is not UNDEFINED:
                self._carry(n, value, flag)

    def _carry(self, place: Any, value: Any, flag: Any) -> None:
        made = _Carried(place, value, flag)
        self.carried[place] = made

    # -- one recording --------------------------------------------------------------------------------

    def _types(self) -> list[Any]:
        out: list[Any] = [INDEX]
        for c in self.carried.values():
            out += [*c.types, *([] if c.flag is True else [TRUTH])]
        return out

    def _install(self, inputs: list[Any]) -> None:
        """Let every place hold its input."""
        given = iter(inputs)
        values = [UNDEFINED if self.before[n] is UNDEFINED else self.before[n] for n in range(len(self.before))]
        for place, c in self.carried.items():
            leaves = []
            for weak in c.weak:
                leaf = next(given)
                leaf.weak = weak
                leaves.append(leaf)
            flag = True if c.flag is True else next(given)
            value = c.rebuilt(leaves) if isinstance(place, int) or place[0] != "box" else leaves[0]
            mark_made(value)
            if flag is not True:
                value = Maybe(value, flag)
            assign(self.state, place, self.objects, values, value)
        self.state.put(tuple(values))

    def record(self) -> tuple[Any, Any, Any, Any]:
        """Record the body (and the test) until what is carried is settled: (part, outputs, whether it may stop early, predicate)."""
        for _ in range(_ROUNDS):
            part = Part()
            stopped: Any = False
            predicate = None
            try:
                with record.region(("loop", self.body.__code__), self._types(), "loop") as (tape, inputs):
                    self._install(inputs[1:])
                    index = inputs[0]
                    index.weak = True
                    try:
                        if self.items is not None:
                            self.body(self.items.item(index))
                        else:
                            self.body()
                    except Raised:
                        raise AlwaysRaises("it always raises") from None
                    stopped = decide_stop(self.stop)
                    part.take(tape, self.state, self.before)
            finally:
                self.state.put(self.before)
            if self._settle(part):
                if self.items is None or stopped is not False:
                    predicate = self._predicate()
                return part, self._outputs(part), stopped, predicate
        raise unsettled(f"its types do not settle in {_ROUNDS} iterations")

    def _predicate(self) -> tuple[Function, list[Any]]:
        """Whether there is another iteration, as a function of the state."""
        try:
            with record.region(("test", self.body.__code__), self._types(), "test") as (tape, inputs):
                self._install(inputs[1:])
                installed = {id(box): box.atom for box in tape.journal.written()}
                go: Any = True if self.stop is None else not_(self.stop())
                if self.items is not None:
                    inside = inputs[0] < self.items.length
                    go = inside if go is True else lookup(np.logical_and)(inside, go)
                else:
                    assert self.test is not None
                    go = decide(and_(go, self.test))
                if any([box.atom is not installed.get(id(box)) for box in tape.journal.written()]):
                    raise Unstaged("its test assigns to an array")
                if any([("container", i) not in self.carried for i in tape.journal.containers]):
                    raise Unstaged("its test changes a container")
                value = go if isinstance(go, Traced) else np.bool_(go)
        except Raised:
            raise Unstaged("its test always raises") from None
        finally:
            self.state.put(self.before)
        function, captured = tape.finish([value])
        return _boolean(function), captured

    # -- what was found ---------------------------------------------------------------------------------

    def _settle(self, part: Part) -> bool:
        """Whether the types of what is carried stay; else they are widened, and new places taken up."""
        settled = True
        for place, value in list(part.found.items()):
            if isinstance(place, tuple) and place not in self.carried:
                self.objects[place[1]] = part.objects[place[1]]
                thing = self.objects[place[1]]
                growth = self.growing.get(place[1])
                if growth is not None and growth.begins(value):
                    self.grown[place] = growth
                    self._carry(place, growth.tail, True)
                    settled = False
                    continue
                self._carry(place, thing if place[0] == "box" else boxes.contents(thing), True)
                settled = False
                continue
            if place in self.grown:
                value, self.appended[place] = self.grown[place].split(value)
                part.found[place] = value
            value, flag = parts(value)
            c = self.carried.get(place)
            if c is None:
                was = self.before[place]
                if value is UNDEFINED:
                    continue
                if was is UNDEFINED:
                    self._carry(place, value, False)
                    self.late.add(place)
                else:
                    self._carry(place, was, True)
                    self._same(self.carried[place], value, flag, place)
                settled = False
                continue
            settled = self._same(c, value, flag, place) and settled
        return settled

    def _same(self, c: _Carried, value: Any, flag: Any, place: Any) -> bool:
        if value is UNDEFINED:
            raise Unstaged(f"{self.state.label(place)} is deleted")
        if flag is not True and c.flag is True:
            raise Unstaged(f"{self.state.label(place)} is deleted on some path")
        leaves, structure = tree.flatten(value)
        label = self.state.label(place if isinstance(place, int) else self.objects[place[1]])
        if structure != c.structure:
            raise Peel(f"{label}: {describe(value)} after one iteration, {describe(c.first)} before")
        types = []
        leaves = [plain(v) for v in leaves]
        for v, fixed in zip(leaves, c.fixed, strict=True):
            if fixed is not _DATA:
                if not same(v, fixed):
                    raise Peel(f"{label}: {describe(v)} after one iteration, {describe(fixed)} before")
                continue
            if not is_data(v):
                raise Peel(f"{label}: {describe(v)} after one iteration, a number before")
            types.append((kind_of(v), is_weak(v)))
        settled = True
        for i, found in enumerate(types):
            joined = join((c.types[i], c.weak[i]), found)
            if joined is None:
                raise Peel(f"{label}: {found[0]!r} after one iteration, {c.types[i]!r} before")
            if joined != (c.types[i], c.weak[i]):
                c.types[i], c.weak[i] = joined
                settled = False
        return settled

    def _outputs(self, part: Part) -> list[Any]:
        out = []
        for place, c in self.carried.items():
            found = part.found.get(place)
            if found is None and isinstance(place, tuple):
                thing = self.objects[place[1]]
                found = thing if place[0] == "box" else boxes.contents(thing)
            value, flag = parts(found)
            data = [plain(v) for v, f in zip(tree.flatten(value)[0], c.fixed, strict=True) if f is _DATA]
            out += [as_type(v, t) if not isinstance(v, Traced) else v for v, t in zip(data, c.types, strict=True)]
            if c.flag is not True:
                out.append(flag if isinstance(flag, Traced) else np.bool_(flag))
        return out

    def initial(self) -> list[Any]:
        """The operands that the carried places start with."""
        out: list[Any] = []
        for place, c in self.carried.items():
            if place in self.late:
                out += [zero_literal(t) for t in c.types]  # no one looks at it
            else:
                out += [as_type(v, t) for v, t in zip(c.leaves, c.types, strict=True)]
            if c.flag is not True:
                out.append(c.flag if isinstance(c.flag, Traced) else np.bool_(c.flag))
        return out

    def leave(self, results: list[Any], ran: bool) -> None:
        """Put the results in their places. `ran`: there surely was an iteration."""
        given = iter(results)
        values = list(self.before)
        always = self._always if ran else frozenset()
        for place, c in self.carried.items():
            leaves = traced_results([next(given) for _ in c.types], c.weak)
            if place in self.grown:
                continue
            flag = True if c.flag is True else next(given)
            if place in always:
                flag = True
            if place in self.unchanged:
                continue
            value = leaves[0] if isinstance(place, tuple) and place[0] == "box" else c.rebuilt(leaves)
            assign(self.state, place, self.objects, values, value if flag is True else Maybe(value, flag))
        self.state.put(tuple(values))
        for place, growth in self.grown.items():
            stacks = [next(given) for _ in growth.types]
            assert self.items is not None
            assign(self.state, place, self.objects, values, growth.filled(stacks, self.items.length))

    _always: frozenset[Any] = frozenset()
    unchanged: frozenset[Any] = frozenset()


def _boolean(function: Function) -> Function:
    builder = Builder()
    with building(builder):
        (result,) = inline(function, function.inputs)
        return builder.build(function.inputs, [cast(result, np.bool_)], function.name)


def stage(items: Over | None, test: Body | None, body: Body, state: State, stop: Stop, lists: Any = ()) -> None:
    loop = _Loop(items, test, body, state, stop, lists)
    part, outputs, stopped, predicate = loop.record()
    types = loop._types()[1:]
    n = len(types)
    for place, growth in loop.grown.items():
        outputs += loop.appended[place]
        types += growth.types
    if loop.grown and (predicate is not None or items is None or isinstance(items.length, Traced)):
        raise Unstaged("how long a list becomes is found while the program runs")
    function, captured = part.tape.finish(outputs)
    builder = Builder()
    with building(builder):
        results = inline(function, function.inputs)
        function = builder.build(function.inputs, [cast(r, t.dtype) for r, t in zip(results, types, strict=True)], "body")
    loop._always = _assigned_always(loop, function)
    loop.unchanged = _left_alone(loop, function)
    initial = loop.initial()
    if predicate is None:
        assert items is not None
        length = items.length
        index, own, constants = function.inputs[0], function.inputs[1 : n + 1], function.inputs[n + 1 :]
        counted = Function([index, *constants, *own], function.equations, function.outputs, function.name)
        if isinstance(length, Traced):
            results = perform(Loop(counted, None, len(captured), n, 0), [cast(length, np.int64), *captured, *initial])
        else:
            results = perform(Loop(counted, length, len(captured), n, 0), [*captured, *initial])
        loop.leave(results, not isinstance(length, Traced))
        return
    go, go_captured = predicate
    index = function.inputs[0]
    builder = Builder()
    with building(builder):
        results = inline(function, function.inputs)
        step = builder.build(function.inputs, [index + 1, *results], function.name)
    while_ = While(constants_first(go, n + 1), constants_first(step, n + 1), len(go_captured), len(captured), n + 1)
    results = perform(while_, [*go_captured, *captured, np.int64(0), *initial])
    loop.leave(results[1:], items is not None and not isinstance(items.length, Traced))


def _assigned_always(loop: _Loop, body: Function) -> frozenset[Any]:
    """Late variables that every iteration assigns."""
    found = []
    at = 0
    for place, c in loop.carried.items():
        at += len(c.types)
        if c.flag is not True:
            flag = body.outputs[at]
            if isinstance(flag, Literal) and flag.is_splat and bool(flag.value):
                found.append(place)
            at += 1
    return frozenset(found)


def _left_alone(loop: _Loop, body: Function) -> frozenset[Any]:
    """Variables that every iteration hands on as they are: what they hold stays known."""
    found = []
    at = 0
    for place, c in loop.carried.items():
        n = len(c.types) + (c.flag is not True)
        same_as_before = [a is b for a, b in zip(body.outputs[at : at + n], body.inputs[at + 1 : at + n + 1], strict=True)]
        if isinstance(place, int) and c.flag is True and all(same_as_before):
            found.append(place)
        at += n
    return frozenset(found)


def unsettled(what: str) -> AbstractValueError:
    return AbstractValueError(
        four_parts(
            "a loop changes the kind of what it carries",
            what,
            "Its trip count is found while the program runs, so each variable keeps one type and shape.",
            "give the variable its final shape and dtype before the loop",
            here(),
        )
    )
