"""What a part of a run changes: variables, arrays and containers from outside; and how it is carried in and out.

Start at `State`, then `Part`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import four_parts
from wengert.ir.types import ArrayType
from wengert.ir.values import Function, Traced
from wengert.primitives.shape import cast
from wengert.source import here
from wengert.trace import boxes, record
from wengert.trace.capture.containers import CONTAINERS, Disagreement, made
from wengert.trace.capture.values import UNDEFINED, Maybe
from wengert.trace.tracer import Tracer

Getter = Callable[[], tuple[Any, ...]]
Putter = Callable[[tuple[Any, ...]], None]


class State:
    """The variables that a construct may assign to, by functions that read and set them."""

    __slots__ = ("get", "names", "put")

    def __init__(self, get: Getter, put: Putter, names: Sequence[str]) -> None:
        self.get, self.put, self.names = get, put, names

    def label(self, place: Any) -> str:
        """A place in the user's words."""
        if isinstance(place, int):
            return self.names[place]
        for name, value in zip(self.names, self.get(), strict=True):
            if value is place:
                return name
        if isinstance(place, Tracer):
            return f"an array {place.type!r} that is assigned to"
        return f"a {type(place).__name__} that is changed"


class Part:
    """What a part of a run left behind, before it was undone.

    `found` maps places to what is there: the number of a variable, an array from outside (by identity), a container.
    """

    __slots__ = ("found", "objects", "raised", "tape")

    def __init__(self) -> None:
        self.found: dict[Any, Any] = {}
        self.objects: dict[int, Any] = {}  # identity -> array or container
        self.raised: Any = None
        self.tape: Any = None

    def take(self, tape: Any, state: State, before: Sequence[Any]) -> None:
        """Note everything, while the part is still in force; variables that hold the same array or container as before are left out."""
        self.tape = tape
        for n, (value, was) in enumerate(zip(state.get(), before, strict=True)):
            if value is not was or not is_place(value):
                self.found[n] = frozen(value)
        for box in tape.journal.written():
            self.objects[id(box)] = box
            self.found["box", id(box)] = box.snapshot()
        for container, _ in tape.journal.containers.values():
            self.objects[id(container)] = container
            self.found["container", id(container)] = frozen(boxes.contents(container))


def is_place(value: Any) -> bool:
    """Whether it is an array or a container, to which things are assigned that all who hold it see."""
    return type(value) is Tracer and bool(value.shape) or isinstance(value, CONTAINERS) or hasattr(value, "__dict__")


def mark_made(value: Any) -> None:
    """The containers in what is made for a part of a run are no part of what was there before."""
    if isinstance(value, (list, tuple, deque, set)):
        made(value)
        for item in value:
            mark_made(item)
    elif isinstance(value, dict):
        made(value)
        for item in value.values():
            mark_made(item)


def frozen(value: Any) -> Any:
    """The value now: arrays in it may change afterwards."""
    if type(value) is Tracer:
        return Held(value)
    if type(value) is Maybe:
        return Maybe(frozen(value.value), value.flag)
    if isinstance(value, (list, dict, tuple)) and value:
        leaves, structure = tree.flatten(value)
        if any([type(leaf) is Tracer for leaf in leaves]):
            return tree.unflatten(structure, [Held(leaf) if type(leaf) is Tracer else leaf for leaf in leaves])
    return value


class Held:
    """A traced array, with what it held at one time."""

    __slots__ = ("atom", "box", "level", "tape")

    def __init__(self, box: Tracer) -> None:
        self.box, self.tape, self.atom, self.level = box, box.tape, box.atom, box.level

    def __repr__(self) -> str:
        return repr(self.box.type)

    def is_from_outside(self) -> bool:
        """Whether the array was there before the part of the run that held it, which has ended."""
        return not self.box.tape.closed

    def value(self) -> Tracer:
        """A box of its own with what it held."""
        out = Tracer.of(self.tape, self.atom)
        out.weak = self.box.weak
        return out


def plain(leaf: Any) -> Any:
    """A leaf as data."""
    return leaf.value() if type(leaf) is Held else leaf


def assign(state: State, place: Any, objects: dict[int, Any], values: list[Any], value: Any) -> None:
    """Put what a construct gives into a place; variables are collected in `values`."""
    if isinstance(place, int):
        values[place] = value
    elif place[0] == "box":
        boxes.replace(objects[place[1]], value)
    else:
        container = objects[place[1]]
        tape = record.active()
        if tape is not None and tape.journal is not None:
            tape.journal.note_container(container)
        boxes.fill(container, value)


def as_type(value: Any, type: ArrayType) -> Any:
    """Data in a dtype."""
    if isinstance(value, Traced):
        return cast(value, type.dtype)
    return np.asarray(value, type.dtype)[()] if np.ndim(value) == 0 else np.asarray(value, type.dtype)


def filler(type: ArrayType) -> Any:
    """Something of a type, for what no one looks at."""
    return np.zeros(type.shape, type.dtype)[()] if not type.shape else np.zeros(type.shape, type.dtype)


def traced_results(results: Sequence[Any], weak: Sequence[bool]) -> list[Any]:
    """Results of a construct, those that Python's numbers led to as weak as these."""
    out = []
    for r, w in zip(results, weak, strict=True):
        if w and isinstance(r, Tracer):
            r.weak = True
        out.append(r)
    return out


def perform(operation: Any, operands: Sequence[Any]) -> list[Any]:
    """Record an operation in the run that goes on."""
    tape = record.active()
    assert tape is not None
    out = tape.bind(operation, tuple(operands), Tracer.of)
    return list(out) if isinstance(out, tuple) else [out]


def constants_first(function: Function, n: int) -> Function:
    """Inputs beyond the first n, then those."""
    return Function([*function.inputs[n:], *function.inputs[:n]], function.equations, function.outputs, function.name)


def disagreement(what: str, label: str, a: Any, b: Any, why: str, instead: str) -> Disagreement:
    """The error where two paths leave things that cannot be one."""
    return Disagreement(four_parts(f"{what}: {label} differs", f"{describe(a)}\n{describe(b)}", why, instead, here()))


def describe(value: Any) -> str:
    """A value in an error message: its type if it is traced, and itself if it is not."""
    value = plain(value)
    if value is UNDEFINED:
        return "not assigned"
    if isinstance(value, Traced):
        return repr(value.type)
    text = _brief(value)
    text = text if len(text) < 80 else text[:77] + "..."
    return text if isinstance(value, (list, tuple, dict)) else f"{type(value).__name__}: {text}"


def _brief(value: Any) -> str:
    value = plain(value)
    if isinstance(value, Traced):
        return repr(value.type)
    if type(value) is list:
        return f"[{', '.join(map(_brief, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(_brief, value))}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        return "{" + ", ".join([f"{k!r}: {_brief(v)}" for k, v in value.items()]) + "}"
    return repr(value)
