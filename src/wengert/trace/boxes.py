"""Assignment to traced arrays, as NumPy assigns: every alias sees it, and so do views and what they are views of.

A traced value is a box: the variable in it is exchanged for one that holds the new elements. A view knows its
base, and how to put itself back there. Knows nothing of Python's source. Start at `replace`.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from types import CellType
from typing import Any

import numpy as np

from wengert.errors import TraceError, four_parts
from wengert.numpy.indexing import Plan, add_at, set_at, update_at
from wengert.numpy.promote import is_traced, stack_objects
from wengert.numpy.table import lookup
from wengert.primitives.shape import broadcast, cast
from wengert.source import here

Getter = Callable[[Any], Any]


class Journal:
    """The boxes from outside that a part of a run, taken aside, has written to, and what they held before."""

    __slots__ = ("before", "containers", "made")

    def __init__(self) -> None:
        self.before: dict[int, tuple[Any, Any, Any, int, bool]] = {}  # box, its tape, variable and level, whether it is a view
        self.containers: dict[int, tuple[Any, Any]] = {}  # list, dict, set or object, and a copy of what was in it
        self.made: dict[int, Any] = {}  # containers that did not exist before

    def note(self, box: Any) -> None:
        """Keep what the box holds, the first time."""
        if id(box) not in self.before:
            self.before[id(box)] = (box, box.tape, box.atom, box.level, base_of(box) is not None)

    def note_container(self, container: Any) -> None:
        """Keep what a container holds, the first time, unless it was made in this part."""
        if id(container) not in self.containers and id(container) not in self.made:
            self.containers[id(container)] = (container, contents(container))

    def written(self) -> list[Any]:
        """The boxes that are no views: those follow."""
        return [box for box, *_, view in self.before.values() if not view]

    def undo(self) -> None:
        """Put back what the boxes held."""
        for box, tape, atom, level, _ in self.before.values():
            box.tape, box.atom, box.level = tape, atom, level
        for container, before in self.containers.values():
            fill(container, before)


def contents(container: Any) -> Any:
    """What is in a list, dict, set, deque or cell, or the attributes of an object, as a copy."""
    if isinstance(container, (list, dict, set, deque)):
        return container.copy()
    if isinstance(container, CellType):
        try:
            return [container.cell_contents]
        except ValueError:
            return []
    return {name: getattr(container, name) for name in _slots(container) if hasattr(container, name)} | dict(
        getattr(container, "__dict__", {})
    )


def fill(container: Any, value: Any) -> None:
    """Put back what was in a container."""
    if isinstance(container, list):
        container[:] = value
    elif isinstance(container, (dict, set)):
        container.clear()
        container.update(value)
    elif isinstance(container, deque):
        container.clear()
        container.extend(value)
    elif isinstance(container, CellType):
        if value:
            container.cell_contents = value[0]
    else:
        slots = _slots(container)
        for name in slots:
            if name in value:
                setattr(container, name, value[name])
            elif hasattr(container, name):
                delattr(container, name)
        if hasattr(container, "__dict__"):
            vars(container).clear()
            vars(container).update({name: v for name, v in value.items() if name not in slots})


def _slots(container: Any) -> set[str]:
    """The names of an object's attributes that are not in its `__dict__`."""
    found: set[str] = set()
    for cls in type(container).__mro__:
        slots = vars(cls).get("__slots__", ())
        found.update((slots,) if isinstance(slots, str) else slots)
    return found - {"__dict__", "__weakref__"}


def base_of(box: Any) -> Any:
    """(base, how the view is got from it, how it is put back there, what it is in memory), None for an array of its own."""
    return getattr(box, "base", None)


def replace(box: Any, value: Any) -> None:
    """From now on the box holds this value, of its own type; what shares memory with it does too."""
    _exchange(box, value)
    child = box
    above = base_of(box)
    while above is not None:
        parent, _, put, _ = above
        _exchange(parent, put(parent, child), skip=child)
        child, above = parent, base_of(parent)


def _exchange(box: Any, value: Any, skip: Any = None) -> None:
    tape = box.tape.innermost()
    if getattr(value, "tape", None) is not tape:
        if is_traced(value) and value.level > tape.level:
            if box.born < value.level:
                raise TraceError(
                    four_parts(
                        "an array made outside a function that is being differentiated cannot take its values",
                        f"{box.type!r} = {value.type!r}",
                        "The derivative of the inner function would be lost in the outer array.",
                        "return the value from the inner function, and assign it outside",
                        here(),
                    )
                )
            tape = value.tape.innermost()  # made by the inner function, of what is constant to it: from now on it belongs to that
        if getattr(value, "tape", None) is not tape:
            value = box.of(tape, tape.capture(value))
    if tape is not box.tape and tape.journal is not None and box.born < tape.level:
        tape.journal.note(box)
    box.tape, box.atom, box.level = tape, value.atom, tape.level
    _refresh(box, tape, skip)


def _refresh(box: Any, tape: Any, skip: Any) -> None:
    """Let the views that are still in use see the new elements."""
    views = getattr(box, "views", None)
    if not views:
        return
    alive = []
    for reference in views:
        view = reference()
        if view is None or view.tape.closed:  # or it was made in a part of the run that has ended
            continue
        alive.append(reference)
        if view is skip:
            continue
        if view.tape is not tape:
            tape.journal.note(view)
        fresh = base_of(view)[1](box)
        view.tape, view.atom, view.level = fresh.tape, fresh.atom, fresh.level
        _refresh(view, tape, None)
    box.views = alive


# -- views -----------------------------------------------------------------------------------------


def view(base: Any, value: Any, get: Getter, put: Callable[[Any, Any], Any], memory: Callable[[Any], Any]) -> Any:
    """`value`, got by `get(base)`, as a view of base. `memory` is what NumPy does to the array that base stands for."""
    if value is base:
        value = base.copy()
    value.base = (base, get, put, memory)
    views = getattr(base, "views", None)
    if views is None:
        base.views = views = []
    elif len(views) > 16 and len(views) & (len(views) - 1) == 0:  # at each doubling
        views[:] = [r for r in views if r() is not None]
    views.append(weakref.ref(value))
    return value


def item_view(base: Any, index: Any, value: Any) -> Any:
    """What basic indexing gave, as a view."""
    parts, above = _tuple(index), base_of(base)
    if above is not None and isinstance(above[2], _PutItem) and all([_is_integer(p) for p in above[2].index]) and base.ndim:
        longer = (*above[2].index, *parts)  # A[i][j] = v is written as A[i, j] = v
        return view(above[0], value, lambda x: _got(x, longer), _PutItem(longer), _memory_of_item(index, above[3]))
    return view(base, value, lambda x: _got(x, parts), _PutItem(parts), _memory_of_item(index))


class _PutItem:
    """Put a view back at its index."""

    __slots__ = ("index",)

    def __init__(self, index: tuple[Any, ...]) -> None:
        self.index = index

    def __call__(self, base: Any, value: Any) -> Any:
        return set_at(base, self.index, value)


def _tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _got(x: Any, index: tuple[Any, ...]) -> Any:
    return Plan(index, x.shape).get(x)


def _is_integer(part: Any) -> bool:
    return (
        isinstance(part, (int, np.integer)) and not isinstance(part, bool) or is_traced(part) and not part.shape and part.dtype.kind in "iu"
    )


def is_basic(index: Any) -> bool:
    """Whether NumPy gives a view for this index: integers, slices, an ellipsis, new axes."""
    kind = type(index)
    if kind is slice or index is None or index is Ellipsis:
        return True
    if kind is tuple:
        return all([p is None or p is Ellipsis or type(p) is slice or _is_integer(p) for p in index])
    return _is_integer(index)


def _memory_of_item(index: Any, before: Any = None) -> Callable[[Any], Any]:
    def memory(array: Any) -> Any:
        if before is not None:
            array = before(array)
        plain = [0 if _is_integer(p) else p for p in _tuple(index)]  # any element will do: only strides matter
        return array[tuple(plain)]

    return memory


def moved_view(base: Any, value: Any, move: Callable[[Any], Any], back: Callable[[Any], Any]) -> Any:
    """What NumPy's `move` made of base, as a view; `back` undoes it on all elements."""
    return view(base, value, lambda x: _traced_move(x, move), lambda x, v: back(v), move)


def _traced_move(x: Any, move: Callable[[Any], Any]) -> Any:
    out = move(x)
    return out.copy() if out is x else out


def picked_view(base: Any, value: Any, move: Callable[[Any], Any]) -> Any:
    """What a function that only picks and arranges elements made of base, as a view."""

    def put(x: Any, v: Any) -> Any:
        positions = np.asarray(move(np.arange(x.size).reshape(x.shape)))
        flat = set_at(lookup(np.reshape)(x, (x.size,)), positions.ravel(), lookup(np.reshape)(v, (v.size,)))
        return lookup(np.reshape)(flat, x.shape)

    return view(base, value, lambda x: _traced_move(x, move), put, move)


def memory(box: Any) -> Any:
    """An array of one element that lies in memory as NumPy's would: of this shape, with these strides. Only looked at, never read."""
    above = base_of(box)
    if above is None:
        strides = np.cumprod([1, *[max(1, n) for n in box.shape[:0:-1]]])[::-1] * box.dtype.itemsize
        return np.lib.stride_tricks.as_strided(np.empty(1, box.dtype), box.shape, tuple(strides[-box.ndim :].tolist()) if box.ndim else ())
    return above[3](memory(above[0]))


def reshape(box: Any, shape: Any, value: Any) -> Any:
    """The result of a reshape: a view where NumPy's memory allows it, else a copy."""
    if base_of(box) is not None:
        array = memory(box)
        try:
            np.reshape(array, value.shape, copy=False)
        except ValueError:
            return value.copy() if value is box else value
    before, after = box.shape, value.shape
    again = lambda a: lookup(np.reshape)(a, after) if is_traced(a) else np.reshape(a, after)
    return moved_view(box, value, again, lambda v: lookup(np.reshape)(v, before))


def flat(box: Any) -> Any:
    """All elements one after the other, as a view, however they lie in memory."""
    shape, again = box.shape, lambda x: lookup(np.reshape)(x, (x.size,)).copy()
    in_row = lambda array: np.lib.stride_tricks.as_strided(array, (array.size,), (array.itemsize,))
    return view(box, again(box), again, lambda x, v: lookup(np.reshape)(v, shape), in_row)


def permuted(box: Any, axes: tuple[int, ...], value: Any) -> Any:
    """The result of a transposition, as a view."""
    inverse = tuple(np.argsort(axes).tolist())
    again = lambda a: lookup(np.transpose)(a, axes) if is_traced(a) else np.transpose(a, axes)
    return moved_view(box, value, again, lambda v: lookup(np.transpose)(v, inverse))


# -- assignment ------------------------------------------------------------------------------------


def setitem(box: Any, index: Any, value: Any) -> None:
    """`box[index] = value`, in the dtype of the box."""
    refuse_read_only(box)
    replace(box, set_at(box, index, value))


def fit(value: Any, box: Any) -> Any:
    """A result in the shape and dtype of the array it is written into."""
    if not is_traced(value):
        return np.broadcast_to(np.asarray(value), box.shape).astype(box.dtype)
    if value.shape != box.shape:
        if np.broadcast_shapes(value.shape, box.shape) != box.shape:
            raise ValueError(f"non-broadcastable output operand with shape {box.shape} doesn't match the broadcast shape {value.shape}")
        value = broadcast(value, box.shape)
    return cast(value, box.dtype)


def require_castable(ufunc: Any, operands: Any, out: Any) -> None:
    """Let NumPy raise what it raises where the ufunc's result does not fit the dtype of the array that it is written into."""
    if ufunc.signature is not None:  # of arrays, as matmul
        return
    operands = [stack_objects(a) if isinstance(a, (list, tuple)) else a for a in operands]
    with np.errstate(all="ignore"):
        ufunc(*[np.ones((), a.dtype) if hasattr(a, "dtype") else a for a in operands], out=np.ones((), out.dtype))


def refuse_read_only(box: Any) -> None:
    """Raise what NumPy raises for an array that cannot be written to."""
    why = getattr(box, "frozen", False)
    if isinstance(why, tuple):  # the reason, and what to do instead
        raise TraceError(four_parts("an array cannot be assigned to here", repr(box.type), *why, where=here()))
    if why:
        raise ValueError("assignment destination is read-only")


def is_mask(index: Any) -> bool:
    """Whether it chooses elements by a traced condition."""
    return is_traced(index) and index.dtype.kind == "b" and bool(index.shape)


def masked_update(box: Any, mask: Any, ufunc: Any, value: Any) -> Any:
    """The array after `box[mask] = ufunc(box[mask], value)`, for a value that is one number or has a place for each element."""
    return update_at(box, mask, value, ufunc)


def added(box: Any, index: Any, value: Any) -> Any:
    """The array after `box[index] += value`, where no element is addressed twice."""
    return add_at(box, index, value)
