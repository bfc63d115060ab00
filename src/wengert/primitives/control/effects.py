"""What happens when a program runs, besides its results: `Check` raises the user's error, `Print` prints.

Knows nothing of where an effect belongs: the front end fills the role "happen", engines and passes go by `effect`.
Start at `check` and `show`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, flat, no
from wengert.errors import ArgumentError, ShapeError, four_parts
from wengert.ir.types import ArrayType, Type, array_type
from wengert.ir.values import ROLES, Function, Var
from wengert.loops.failure import Failure
from wengert.primitives.control.call import emit, function_of, single
from wengert.primitives.control.cond import Cond
from wengert.primitives.control.lanes import lane_by_lane
from wengert.primitives.control.nesting import stored
from wengert.primitives.reduce import all_

# A text with values in it: strings, and holes (number of the value, conversion, format specification). The conversion is
# "", "r", "s" or "a", as in an f-string; the specification is a string, or a text with holes itself.
Hole = tuple[int, str, Any]
Text = tuple[Any, ...]

TRUTH = array_type((), np.dtype(np.bool_))
_CONVERSIONS = {"": lambda x: x, "r": repr, "s": str, "a": ascii}


def check(
    ok: Any, exception: Callable[..., BaseException], parts: Text | int | None = None, values: Sequence[Any] = (), rest: Text = ()
) -> None:
    """Raise `exception(message, *rest)` when the program runs, unless `ok` holds then; `parts` and `values` make the message.

    Where `parts` is None the exception has no argument, and where it is a number it is that value itself, as in `raise KeyError(x)`.

    Examples
    --------
    >>> check(False, ValueError, ("step ", (0, "", ".1f")), [np.float64(0.25)])
    Traceback (most recent call last):
    ...
    ValueError: step 0.2
    """
    _happen(Check(exception, parts, tuple(rest)), (ok, *values))


def show(parts: Text, values: Sequence[Any] = (), end: str = "\n") -> None:
    """Print a text with these values in it when the program runs.

    Examples
    --------
    >>> show(("x = ", (0, "", "")), [np.float64(2.0)])
    x = 2.0
    """
    _happen(Print(tuple(parts), end), tuple(values))


def _happen(operation: Primitive, operands: tuple[Any, ...]) -> None:
    ROLES.get("happen", lambda operation, operands: operation(*operands))(operation, operands)


def text(parts: Text, values: Sequence[Any]) -> str:
    """The text with its holes filled, as Python fills those of an f-string."""
    return "".join([part if isinstance(part, str) else _filled(part, values) for part in parts])


def _filled(hole: Hole, values: Sequence[Any]) -> str:
    number, conversion, spec = hole
    return format(_CONVERSIONS[conversion](values[number]), spec if isinstance(spec, str) else text(spec, values))


def holes(parts: Text) -> list[int]:
    """The numbers of the values that a text shows."""
    found = []
    for part in parts:
        if not isinstance(part, str):
            number, conversion, spec = part
            if conversion not in _CONVERSIONS or isinstance(number, bool) or not isinstance(number, int):
                raise ArgumentError(
                    four_parts("a hole of a text is (number, conversion, format)", f"got {part!r}", instead='such as (0, "", ".3f")')
                )
            found += [number, *([] if isinstance(spec, str) else holes(spec))]
    return found


def _require_values(operation: Primitive, shown: Sequence[int], types: Sequence[Type]) -> None:
    if not all([0 <= n < len(types) for n in shown]):
        raise ArgumentError(four_parts(f"{operation.name} shows a value that it is not given", f"{len(types)} values, numbers {shown}"))
    if not all([isinstance(t, ArrayType) for t in types]):
        raise ShapeError(four_parts(f"{operation.name} takes arrays", ", ".join(map(repr, types))))


class Shown:
    """An argument of an exception after its first that has values in it: a text, or the number of the value that it is."""

    __slots__ = ("parts",)

    def __init__(self, parts: Text | int) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return type(other) is Shown and other.parts == self.parts

    def __hash__(self) -> int:
        return hash((Shown, self.parts))


def _numbers(parts: Text | int) -> list[int]:
    return [parts] if isinstance(parts, int) else holes(parts)


def _argument(parts: Text | int, values: Sequence[Any]) -> Any:
    return values[parts] if isinstance(parts, int) else text(parts, values)


class Check(Primitive):
    """Raise an exception of the user's unless one bool holds. No results.

    operands: bool | values for the message. `exception` is its class, or what makes it of its arguments; `parts` is a text, the
    number of the value that is the first argument, or None; the others are in `rest`, those with values as `Shown`.
    """

    exception: Callable[..., BaseException]
    parts: Text | int | None = None
    rest: Text = ()
    effect = True
    may_raise = True
    jvp = flat("an effect has no results")
    transpose = no("an effect has no results")

    @property
    def shown(self) -> list[int]:
        """The numbers of the values in the message."""
        given = [] if self.parts is None else [self.parts]
        return [n for parts in [*given, *[r.parts for r in self.rest if type(r) is Shown]] for n in _numbers(parts)]

    def arguments(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Of the exception."""
        first = () if self.parts is None else (_argument(self.parts, values),)
        return (*first, *[_argument(r.parts, values) if type(r) is Shown else r for r in self.rest])

    def type(self, *operands: Type) -> tuple[Type, ...]:
        if operands[0] is not TRUTH:
            raise ShapeError(four_parts("a check is of one bool", repr(operands[0])))
        _require_values(self, self.shown, operands[1:])
        return ()

    def evaluate(self, ok: Any, *values: Any) -> Any:
        if not ok:
            raise self.exception(*self.arguments(values))
        return ()

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """A compare and a branch; Python is called only where it fails, and only if there are values to show."""
        (ok,) = k.registers(operands[0]).values
        if not self.shown:
            k.fail_if(k.op("not", ok), Failure("raise", (self.exception, self.arguments(())), k.span))
        else:
            k.seldom(k.op("not", ok), lambda: k.host(self, [stored(k, x) for x in operands], outs))
        return []

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """If a lane fails, one after the other is looked at: the first that does raises."""
        good = all_(operands[0], (0,)) if batched[0] else operands[0]
        types = [x.type for x in operands]
        failing = function_of(lambda *given: lane_by_lane(self, size, batched, given), *types, name=self.name)
        nothing = Function([Var(t) for t in types], (), (), self.name)
        return single(emit(Cond((failing, nothing)), [good, *operands]))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(ValueError, ("too large: ", (0, "", ""))), np.True_, np.float64(1.0))


class Print(Primitive):
    """Print a text with values in it, and `end`. No results.

    operands: the values, which are shown as NumPy's arrays and scalars are
    """

    parts: Text
    end: str = "\n"
    effect = True
    jvp = flat("an effect has no results")
    transpose = no("an effect has no results")

    def type(self, *operands: Type) -> tuple[Type, ...]:
        _require_values(self, holes(self.parts), operands)
        return ()

    def evaluate(self, *values: Any) -> Any:
        sys.stdout.write(text(self.parts, values) + self.end)
        return ()

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """Lane by lane."""
        return single(lane_by_lane(self, size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((), ""))
