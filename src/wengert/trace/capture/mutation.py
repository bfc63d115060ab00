"""Assignment to items and attributes: of traced arrays, of plain arrays that a traced value is put into, of containers.

A part of a run that is taken aside keeps what was there before. Start at `setitem`.
"""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np

from wengert.ir.types import array_type
from wengert.ir.values import Traced
from wengert.numpy.promote import contains_traced, stack_objects
from wengert.primitives.shape import Broadcast
from wengert.trace import boxes, record
from wengert.trace.capture.classes import CALL, special
from wengert.trace.capture.containers import CONTAINERS, note
from wengert.trace.capture.objects import BINARY, assign_attribute, in_place
from wengert.trace.capture.objects import attribute as read_attribute
from wengert.trace.capture.selected import Selected, assign, chosen, unknown_mask
from wengert.trace.tape import constant
from wengert.trace.tracer import ASSIGNING, Tracer
from wengert.trace.writers import require_traced

IN_PLACE: dict[str, Any] = {name: getattr(operator, f"i{name}") for name in ASSIGNING}


def _references(place: Any) -> int:
    return sys.getrefcount(place)


def _calibrated() -> int:
    """How many references `_references` counts for an array that one local variable holds, seen from a function called with it."""

    def inner(place: Any) -> int:
        return _references(place)

    local = np.zeros(1)
    return inner(local)


_ALONE = _calibrated()


def boxed(array: Any, uniform: bool = False) -> Any:
    """A plain array as a traced one in the run that goes on; itself, if there is none. `uniform`: one number fills it."""
    tape = record.active()
    if tape is None:
        return array
    if uniform and array.size:
        kind = array_type(array.shape, array.dtype)
        number = constant(array.flat[0].item(), array_type((), array.dtype))
        return tape.bind(Broadcast(kind.shape, ()), (number,), Tracer.of)
    return Tracer.of(tape, tape.capture(array))


def setitem(place: Any, index: Any, value: Any, own: bool = False) -> Any:
    """`place[index] = value`. Gives what the name that held `place` holds from now on, if a local name held it (`own`)."""
    if type(place) is Tracer:
        _put(place, index, value)
        return place
    if isinstance(place, np.ndarray) and place.dtype != object and (contains_traced(value) or contains_traced(index)):
        if not own or _references(place) > _ALONE or place.base is not None or not place.flags.writeable:
            _refuse_plain(place)
        place = boxed(place)
        _put(place, index, value)
        return place
    own_method = special(place, "__setitem__")
    if own_method is not None:
        CALL[0](own_method, place, index, value)
        return place
    note(place)
    place[index] = value
    return place


def _put(place: Tracer, index: Any, value: Any) -> None:
    mask = unknown_mask(index)
    if mask is not None:
        assign(chosen(place, index, mask), value)
    elif isinstance(value, Selected):
        part = place[index]
        boxes.setitem(part, Ellipsis, value.dense(part.shape[value.place - value.ndim]))
    else:
        boxes.setitem(place, index, value)


def delitem(place: Any, index: Any) -> None:
    """`del place[index]`"""
    own = special(place, "__delitem__")
    if own is not None:
        CALL[0](own, place, index)
        return
    note(place)
    del place[index]


def augment(name: str, place: Any, value: Any, own: bool = False) -> Any:
    """`place += value`, and its like."""
    if type(value) is Selected and isinstance(place, (Tracer, np.ndarray)) and place.ndim:
        value = value.dense(place.shape[value.place - value.ndim])
    if isinstance(place, np.ndarray) and isinstance(value, Traced) and place.dtype != object and place.ndim:
        if not own or _references(place) > _ALONE or place.base is not None or not place.flags.writeable:
            _refuse_plain(place)
        place = boxed(place)
    elif type(place) is Selected:
        new = BINARY[name](place, value)
        boxes.require_castable(ASSIGNING[name], (place.whole, getattr(value, "whole", value)), place.whole)
        note(place)
        place.whole = boxes.fit(new.whole, place.whole)
        return place
    elif isinstance(place, CONTAINERS):
        note(place)
    return in_place(name, IN_PLACE[name], place, value)


def augment_item(name: str, place: Any, index: Any, value: Any, own: bool = False) -> Any:
    """`place[index] += value`"""
    if isinstance(place, np.ndarray) and place.dtype != object and (contains_traced(value) or contains_traced(index)):
        if not own or _references(place) > _ALONE or place.base is not None or not place.flags.writeable:
            _refuse_plain(place)
        place = boxed(place)
    if type(place) is not Tracer:
        new = in_place(name, IN_PLACE[name], _item(place, index), value)
        return setitem(place, index, new)
    if isinstance(value, (list, tuple)):
        value = stack_objects(value)
    boxes.refuse_read_only(place)
    mask = unknown_mask(index)
    if mask is not None:
        target = chosen(place, index, mask)
        old = Selected(target.whole.snapshot(), mask, target.place)
        new = BINARY[name](old, value)
        if type(new) is not Selected:
            raise TypeError(f"{new!r} cannot be put where a mask chooses")
        boxes.require_castable(ASSIGNING[name], (old.whole, getattr(value, "whole", value)), old.whole)
        assign(target, new)
    elif isinstance(value, Selected):
        part = place[index]
        return augment_item(name, place, index, value.dense(part.shape[value.place - value.ndim]), own)
    elif boxes.is_mask(index):
        boxes.replace(place, boxes.masked_update(place, index, ASSIGNING[name], value))
    elif name in ("add", "sub") and boxes.is_basic(index):
        part = place[index]
        boxes.require_castable(ASSIGNING[name], (part, value), part)
        boxes.replace(place, boxes.added(place, index, value if name == "add" else -value))
    else:
        part = place[index]
        new = BINARY[name](part, value)
        if part.shape:
            boxes.require_castable(ASSIGNING[name], (part, value), part)
        boxes.setitem(place, index, new)
    return place


def _item(place: Any, index: Any) -> Any:
    own = special(place, "__getitem__")
    return place[index] if own is None else CALL[0](own, place, index)


def augment_attribute(name: str, place: Any, attribute: str, value: Any) -> None:
    """`place.attribute += value`"""
    assign_attribute(place, attribute, augment(name, read_attribute(place, attribute), value))


def _refuse_plain(place: np.ndarray) -> None:
    require_traced(place)
