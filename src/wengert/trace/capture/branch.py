"""`if`, `and`, `or`, `not` and conditional expressions on tests that are known only when the program runs.

Each side is taken aside; what either changes becomes a result of one `Cond`. Start at `if_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import tree
from wengert.ir.builder import Builder, building
from wengert.ir.types import array_type
from wengert.ir.values import Function, Traced, Var, has_effect
from wengert.ir.walk import inline
from wengert.numpy.table import lookup
from wengert.primitives.control import Cond
from wengert.primitives.shape import cast
from wengert.trace import boxes, record
from wengert.trace.capture.classes import CALL, special
from wengert.trace.capture.containers import made
from wengert.trace.capture.raising import caught
from wengert.trace.capture.state import (
    Getter,
    Held,
    Part,
    Putter,
    State,
    as_type,
    assign,
    disagreement,
    filler,
    frozen,
    perform,
    plain,
    traced_results,
)
from wengert.trace.capture.values import UNDEFINED, Maybe, is_data, is_weak, join, kind_of, parts, same
from wengert.trace.record import Raised
from wengert.trace.tracer import Tracer

Body = Callable[[], Any]


def decide(test: Any) -> Any:
    """A test as a bool, or a traced one where it is found when the program runs."""
    if not isinstance(test, Traced):
        if type(test) is bool:
            return test
        own = special(test, "__bool__") or special(test, "__len__")
        return bool(test) if own is None else decide(CALL[0](own, test))
    tape: Any = record.active()
    if tape is None or not tape.staged:
        return bool(test)
    if test.type.size != 1:  # type: ignore[union-attr]
        raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")
    known = test.tape.fixed(test.atom)  # type: ignore[attr-defined]
    if known is not None:
        return bool(known)
    if test.type.shape:  # type: ignore[union-attr]
        test = lookup(np.reshape)(test, ())
    return test if test.type.dtype.kind == "b" else test != 0  # type: ignore[union-attr]


def if_(test: Any, then: Body, otherwise: Body, get: Getter, put: Putter, names: tuple[str, ...]) -> None:
    """One branch, if the test is known; else both, as one operation."""
    test = decide(test)
    if test is True:
        then()
        return
    if test is False:
        otherwise()
        return
    state = State(get, put, names)
    before = get()
    sides = [_aside(body, state, before) for body in (then, otherwise)]
    _merge(test, state, before, sides)


def _aside(body: Body, state: State, before: tuple[Any, ...]) -> Part:
    part = Part()
    code = getattr(body, "__code__", None)
    try:
        with record.region(("branch", code), [], "branch") as (tape, _):
            try:
                body()
            except Raised as signal:
                part.raised = signal
            except Exception as error:
                part.raised = caught(error)
                if part.raised is None:
                    raise
            part.take(tape, state, before)
    finally:
        state.put(before)
    return part


def _merge(test: Any, state: State, before: tuple[Any, ...], sides: list[Part]) -> None:
    a, b = sides
    objects = {**a.objects, **b.objects}
    places = list(dict.fromkeys([*a.found, *b.found]))
    outputs: tuple[list[Any], list[Any]] = ([], [])
    types: list[Any] = []
    weak: list[bool] = []
    results: list[tuple[Any, Callable[[list[Any]], Any]]] = []
    fresh = Fresh(a, b)

    def slot(x: Any, y: Any, of: tuple[Any, bool]) -> int:
        outputs[0].append(x)
        outputs[1].append(y)
        types.append(of[0])
        weak.append(of[1])
        return len(types) - 1

    for place in places:
        was = before[place] if isinstance(place, int) else _was(place, objects)
        values = [_found(side, place, was) for side in sides]
        if all([_unchanged(v, was) for v in values]):
            continue
        if (a.raised is None) != (b.raised is None):
            values = [UNDEFINED if side.raised is not None else v for side, v in zip(sides, values, strict=True)]
        if isinstance(place, tuple) and place[0] == "box":
            values = [Held(v) if isinstance(v, Tracer) else v for v in values]
        results.append((place, _joined(values, state, place, objects, slot, (a.raised is None) != (b.raised is None), fresh)))
    functions = [_function(side, out, types) for side, out in zip(sides, outputs, strict=True)]
    (yes, from_a), (no, from_b) = functions
    no, yes = _alike(no, yes, len(from_b), len(from_a))
    index = cast(test, np.int64)
    found = traced_results(_perform(Cond((no, yes)), [index, *from_b, *from_a], len(types)), weak)
    new = list(before)
    for place, make in results:
        assign(state, place, objects, new, make(found))
    state.put(tuple(new))
    if a.raised and b.raised:
        raise a.raised


def _perform(operation: Any, operands: list[Any], count: int) -> list[Any]:
    return perform(operation, operands) if count or has_effect(operation) else []


def _was(place: Any, objects: dict[int, Any]) -> Any:
    thing = objects[place[1]]
    return thing if place[0] == "box" else boxes.contents(thing)


def _found(side: Part, place: Any, was: Any) -> Any:
    """What a side left in a place: where it put nothing there, what was there, with what it assigned into that."""
    if place in side.found:
        return side.found[place]
    if type(was) is Maybe:
        return Maybe(_found(side, place, was.value), was.flag)
    if isinstance(was, Tracer):
        return side.found.get(("box", id(was)), was)
    if isinstance(was, (list, dict, tuple)) and was:
        leaves, structure = tree.flatten(was)
        now = [_found(side, place, leaf) if isinstance(leaf, Tracer) else leaf for leaf in leaves]
        return tree.unflatten(structure, now) if any([a is not b for a, b in zip(now, leaves, strict=True)]) else was
    return was


def _unchanged(value: Any, was: Any) -> bool:
    if type(value) is Held:
        return value.box is was  # what is assigned into it is noted as such
    if isinstance(value, Tracer):
        return isinstance(was, Tracer) and value.atom is was.atom
    if isinstance(value, (list, dict)) and type(value) is type(was):
        a, s = tree.flatten(value)
        b, t = tree.flatten(was)
        return bool(s == t) and all([_unchanged(x, y) for x, y in zip(a, b, strict=True)])
    return value is was or (not is_data(value) and same(value, was))


_WHY = "Which branch is taken is decided while the program runs, so what they leave must be of one kind."


def _joined(
    values: list[Any], state: State, place: Any, objects: dict[int, Any], slot: Any, certain: bool, fresh: Fresh
) -> Callable[[list[Any]], Any]:
    """How what the two sides leave is had from the results of the operation."""
    (x, flag_x), (y, flag_y) = parts(values[0]), parts(values[1])
    label = state.label(place) if isinstance(place, int) else state.label(objects[place[1]])
    if x is UNDEFINED and y is UNDEFINED:
        return lambda found: UNDEFINED
    if x is UNDEFINED or y is UNDEFINED:
        make = _one_sided(y if x is UNDEFINED else x, x is UNDEFINED, slot)
    else:
        make = _two_sided(x, y, label, slot, isinstance(place, tuple) and place[0] == "box", fresh)
    if flag_x is True and flag_y is True or certain and (flag_y if x is UNDEFINED else flag_x) is True:
        return make  # a side that raises leaves nothing to be asked about
    boolean = (array_type((), np.dtype(np.bool_)), False)
    at = slot(plain(flag_x), plain(flag_y), boolean)
    return lambda found: Maybe(make(found), found[at])


def _one_sided(value: Any, first: bool, slot: Any) -> Callable[[list[Any]], Any]:
    """A variable that only one side assigns."""
    leaves, structure = tree.flatten(value)
    at: list[Any] = []
    for leaf in leaves:
        if type(leaf) is Held or is_data(leaf):
            leaf = plain(leaf)
            of = (kind_of(leaf), is_weak(leaf))
            at.append(slot(*((filler(of[0]), leaf) if first else (leaf, filler(of[0]))), of))
        else:
            at.append(_Fixed(leaf))
    return lambda found: tree.unflatten(structure, [k.value if type(k) is _Fixed else found[k] for k in at])


class _Fixed:
    """A leaf that is no data."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


_ALIAS = ("Which of two arrays it is depends on a branch that is decided while the program runs.", "assign to a copy, y = y.copy()")


class Fresh:
    """The objects of the user's classes that two branches have made: where a variable holds one after either, they are joined."""

    def __init__(self, a: Part, b: Part) -> None:
        self.made = (a.tape.journal.made, b.tape.journal.made)
        self.joined: dict[tuple[int, int], _Object] = {}

    def pairs(self, p: Any, q: Any) -> bool:
        """Whether they are such objects, which nothing outside the branches knows."""
        usual = type(p) is type(q) and type(p).__new__ is object.__new__ and type(p).__module__ != "builtins"
        return usual and id(p) in self.made[0] and id(q) in self.made[1]


class _Object:
    """An object of a user's class, from what its attributes become; the same one wherever it is held."""

    __slots__ = ("kind", "make", "out")

    def __init__(self, kind: type) -> None:
        self.kind, self.out = kind, None
        self.make: Any = None

    def built(self, found: list[Any]) -> Any:
        if self.out is None:
            self.out = made(self.kind.__new__(self.kind))
            boxes.fill(self.out, self.make(found))
        return self.out


def _two_sided(x: Any, y: Any, label: str, slot: Any, box: bool, fresh: Fresh) -> Callable[[list[Any]], Any]:
    (xs, structure), (ys, other) = tree.flatten(x), tree.flatten(y)
    if structure != other:
        raise disagreement("two branches leave different things", label, x, y, _WHY, "give it the same containers in both branches")
    at: list[Any] = []
    ambiguous: list[int] = []
    for p, q in zip(xs, ys, strict=True):
        if type(p) is Held and type(q) is Held and p.box is q.box and not box:
            at.append(_Fixed(p.box))
            continue
        shared = not box and any([type(v) is Held and v.is_from_outside() for v in (p, q)])
        p, q = plain(p), plain(q)
        if (
            not isinstance(p, Traced)
            and not isinstance(q, Traced)
            and (p is q or type(p) is type(q) and not isinstance(p, np.ndarray) and p == q)
        ):
            at.append(_Fixed(p))
            continue
        if not is_data(p) or not is_data(q):
            if same(p, q):
                at.append(_Fixed(p))
                continue
            if fresh.pairs(p, q):
                pair = id(p), id(q)
                if pair not in fresh.joined:
                    fresh.joined[pair] = thing = _Object(type(p))
                    thing.make = _two_sided(frozen(boxes.contents(p)), frozen(boxes.contents(q)), label, slot, False, fresh)
                at.append(fresh.joined[pair])
                continue
            raise disagreement(
                "two branches leave different things", label, p, q, _WHY, "let the test depend on static values, or use numbers"
            )
        of = join((kind_of(p), is_weak(p)), (kind_of(q), is_weak(q)))
        if of is None:
            raise disagreement("two branches leave different shapes", label, p, q, _WHY, "give it one shape in both branches")
        at.append(slot(p, q, of))
        if shared and of[0].shape:
            ambiguous.append(at[-1])

    def make(found: list[Any]) -> Any:
        for k in ambiguous:
            found[k].frozen = _ALIAS
        leaves = [k.value if type(k) is _Fixed else k.built(found) if type(k) is _Object else found[k] for k in at]
        return tree.unflatten(structure, leaves)

    return make


def _function(side: Part, outputs: list[Any], types: list[Any]) -> tuple[Function, list[Any]]:
    function, captured = side.tape.finish([v if isinstance(v, Traced) else as_type(v, t) for v, t in zip(outputs, types, strict=True)])
    builder = Builder()
    with building(builder):
        results = inline(function, function.inputs)
        return builder.build(function.inputs, [cast(r, t.dtype) for r, t in zip(results, types, strict=True)], "branch"), captured


def _alike(no: Function, yes: Function, n: int, m: int) -> tuple[Function, Function]:
    """Both with the inputs of both."""
    left, right = no.inputs, yes.inputs
    first = Function([*left, *[Var(v.type) for v in right]], no.equations, no.outputs, no.name)
    second = Function([*[Var(v.type) for v in left], *right], yes.equations, yes.outputs, yes.name)
    return first, second


# -- expressions ---------------------------------------------------------------------------------------------


def choice(
    test: Any, then: Body, otherwise: Body, get: Getter = tuple, put: Putter = lambda values: None, names: tuple[str, ...] = ()
) -> Any:
    """`then() if test else otherwise()`; get, put and names are of what the two may assign to."""
    test = decide(test)
    if test is True:
        return then()
    if test is False:
        return otherwise()
    holder: list[Any] = [UNDEFINED]

    def one() -> None:
        holder[0] = then()

    def other() -> None:
        holder[0] = otherwise()

    def all_put(values: tuple[Any, ...]) -> None:
        holder[0] = values[0]
        put(values[1:])

    if_(test, one, other, lambda: (holder[0], *get()), all_put, ("the value of the expression", *names))
    value = holder[0]
    return value.value if type(value) is Maybe else value


def and_(left: Any, right: Body, *handing: Any) -> Any:
    """`left and right()`"""
    test = decide(left)
    if test is True:
        return right()
    return left if test is False else choice(test, right, lambda: left, *handing)


def or_(left: Any, right: Body, *handing: Any) -> Any:
    """`left or right()`"""
    test = decide(left)
    if test is True:
        return left
    return right() if test is False else choice(test, lambda: left, right, *handing)


def not_(value: Any) -> Any:
    """`not value`"""
    test = decide(value)
    return (not test) if isinstance(test, bool) else lookup(np.logical_not)(test)


def none_of(*flags: Any) -> Any:
    """Whether no flag is set."""
    return not_(any_of(*flags))


def any_of(*flags: Any) -> Any:
    """Whether a flag is set."""
    out: Any = False
    for flag in flags:
        flag = decide(flag.value if type(flag) is Maybe else flag)
        if flag is True:
            return True
        if flag is not False:
            out = flag if out is False else lookup(np.logical_or)(out, flag)
    return out
