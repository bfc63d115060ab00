"""What a `for` runs over, by number: ranges with traced ends, arrays along their first axis, enumerate, zip and reversed of those.

Knows nothing of how a loop is recorded. Start at `over`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.promote import stack_objects
from wengert.numpy.table import lookup
from wengert.trace import record
from wengert.trace.capture.mutation import boxed
from wengert.trace.capture.raising import record_check
from wengert.trace.capture.values import is_data
from wengert.trace.tracer import Tracer

LONG = 24  # a list of numbers that long is looped over as an array


class Over:
    """`length` items, a number or a traced one; `item(i)` for a number or a traced one."""

    length: Any

    def item(self, i: Any) -> Any:
        """The item number i."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Any]:
        return iter([self.item(i) for i in range(self.length)])

    def __len__(self) -> int:
        return int(self.length)

    def __getitem__(self, i: Any) -> Any:
        return self.item(i)


class Range(Over):
    """range(start, stop, step), of numbers or traced integers."""

    def __init__(self, *ends: Any) -> None:
        ends = tuple([_integer(e) for e in ends])
        self.start, self.stop, self.step = (0, ends[0], 1) if len(ends) == 1 else (*ends, 1)[:3]
        if all([isinstance(e, int) for e in (self.start, self.stop, self.step)]):
            self.length = len(range(self.start, self.stop, self.step))
        elif isinstance(self.step, int):
            away = self.step - 1 if self.step > 0 else self.step + 1
            span = self.stop - self.start
            count = span if self.step == 1 else -span if self.step == -1 else (span + away) // self.step
            self.length = lookup(np.maximum)(count, 0)
        else:
            record_check(self.step != 0, ValueError("range() arg 3 must not be zero"))
            sign = lookup(np.sign)(self.step)
            self.length = lookup(np.maximum)((self.stop - self.start + self.step - sign) // self.step, 0)

    def item(self, i: Any) -> Any:
        step = i if isinstance(self.step, int) and self.step == 1 else i * self.step
        return step if isinstance(self.start, int) and self.start == 0 else self.start + step


def _integer(end: Any) -> Any:
    if isinstance(end, Traced):
        if end.type.dtype.kind not in "iu" or end.type.shape:  # type: ignore[union-attr]
            raise TypeError(f"{end.type!r} cannot be interpreted as an integer")
        known = end.tape.fixed(end.atom)  # type: ignore[attr-defined]
        return end if known is None else int(known)
    return end.__index__()


class Rows(Over):
    """An array along its first axis."""

    def __init__(self, array: Any) -> None:
        if not array.shape:
            raise TypeError("iteration over a 0-d array")
        self.array, self.length = array, array.shape[0]

    def item(self, i: Any) -> Any:
        array = boxed(self.array) if isinstance(i, Traced) and not isinstance(self.array, Traced) else self.array
        return array[i]


class Enumerated(Over):
    """enumerate(items, start)"""

    def __init__(self, items: Any, start: Any = 0) -> None:
        self.items, self.start, self.length = items, start, items.length

    def item(self, i: Any) -> Any:
        number = i if isinstance(self.start, int) and self.start == 0 else i + self.start
        return number, self.items.item(i)


class Zipped(Over):
    """zip(*items)"""

    def __init__(self, items: Sequence[Any], strict: bool = False) -> None:
        lengths = [x.length for x in items]
        if strict and len(set(lengths)) > 1:
            raise ValueError("zip() arguments have different lengths")
        self.items, self.length = items, min(lengths)

    def item(self, i: Any) -> Any:
        return tuple([x.item(i) for x in self.items])


class Reversed(Over):
    """reversed(items)"""

    def __init__(self, items: Any) -> None:
        self.items, self.length = items, items.length

    def item(self, i: Any) -> Any:
        return self.items.item(self.length - 1 - i)


def over(items: Any) -> Over | None:
    """The items by number; None if they can only be gone through by Python."""
    if isinstance(items, Over):
        return items
    if type(items) is range:
        return Range(items.start, items.stop, items.step)
    if type(items) is Tracer or isinstance(items, np.ndarray) and items.dtype.kind in "fciub":
        return Rows(items)
    if type(items) in (list, tuple) and len(items) >= LONG and all([is_data(x) and np.ndim(x) == 0 for x in items]):
        kinds = {type(x) for x in items}
        if len(kinds) == 1 and (kinds != {int} or all([abs(x) < 2**31 for x in items])):
            return Rows(stack_objects(list(items)))
    return None


def staged() -> bool:
    """Whether the run that goes on keeps loops."""
    tape = record.active()
    return tape is not None and tape.staged


def range_(*ends: Any) -> Any:
    """range, of traced ends too."""
    if any([isinstance(e, Traced) for e in ends]) and staged():
        made = Range(*ends)
        return made if isinstance(made.length, Traced) else range(made.start, made.stop, made.step)
    return range(*ends)


def enumerate_(items: Any, start: Any = 0) -> Any:
    """enumerate, that a loop can run over by number."""
    found = over(items) if staged() else None
    return enumerate(items, start) if found is None else Enumerated(found, start)


def zip_(*items: Any, strict: bool = False) -> Any:
    """zip, that a loop can run over by number."""
    found = [over(x) for x in items] if staged() else []
    if not found or any([x is None or isinstance(x.length, Traced) for x in found]):
        return zip(*items, strict=strict)
    return Zipped(found, strict)


def reversed_(items: Any) -> Any:
    """reversed, that a loop can run over by number."""
    found = over(items) if staged() else None
    return reversed(items) if found is None else Reversed(found)
