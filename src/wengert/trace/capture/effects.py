"""`assert`, `print` and f-strings of traced values, and variables without one: done when the program runs, with the user's words.

Knows how branches are decided. Start at `text` and `print_`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.table import lookup
from wengert.primitives.control.effects import show
from wengert.trace import record
from wengert.trace.capture.branch import decide
from wengert.trace.capture.classes import CALL, in_class, is_users, special
from wengert.trace.capture.raising import Text, joined, known, raise_, record_check
from wengert.trace.capture.values import UNDEFINED, Maybe

_CONVERSIONS = {-1: "", 115: "s", 114: "r", 97: "a"}


def text(*pieces: Any) -> str:
    """An f-string: constants, and (value, conversion, format)."""
    parts: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        value, conversion, spec = piece
        value = known(value)
        if isinstance(value, Traced):
            shown = 115 if conversion in (114, 97) and getattr(value, "weak", False) else conversion  # a number of Python's is its text
            parts.append(Text.of(((0, _CONVERSIONS[shown], str(spec)),), (value,)))
        elif type(value) is Text and conversion in (-1, 115) and not spec:
            parts.append(value)
        else:
            parts.append(_plain_words(value, conversion, spec))
    return joined(parts)


def _plain_words(value: Any, conversion: int, spec: str) -> str:
    """The words for a thing that is not traced; of the user's classes they may hold such."""
    shape = special(value, "__format__") if conversion == -1 else None
    if shape is not None:
        return CALL[0](shape, value, spec)  # type: ignore[no-any-return]
    names = ("__repr__",) if conversion in (114, 97) else ("__str__", "__repr__")
    said = [own for own in [in_class(type(value), name) for name in names] if own is not None and own is not object.__str__]
    if said and is_users(said[0]):
        words = CALL[0](said[0], value)
        return words if type(words) is Text and not spec else format(words, spec)
    value = {115: str, 114: repr, 97: ascii}.get(conversion, lambda x: x)(value)
    return format(value, spec)


def assert_(test: Any, message: Any) -> None:
    """`assert test, message()`"""
    test = decide(test)
    if test is True:
        return
    said = message()
    if test is False:
        raise_(AssertionError() if said is None else AssertionError(said))
    record_check(test, AssertionError() if said is None else AssertionError(said))


def print_(*values: Any, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False) -> None:
    """`print`: of what is known now, at once, unless that is on a path of a program."""
    values = tuple([known(v) for v in values])
    tape: Any = record.active()
    if file not in (None, sys.stdout) or tape is None or not tape.staged:
        print(*values, sep=sep, end=end, file=file, flush=flush)
        return
    between = " " if sep is None else sep
    pieces: list[Any] = []
    for i, value in enumerate(values):
        pieces += ([between] if i else []) + [(value, 115, "")]
    whole = text(*pieces)
    ending = "\n" if end is None else end
    if type(whole) is Text:
        show(whole.parts, whole.values, ending)
    else:
        show((whole,), (), ending)


def defined(value: Any, name: str) -> Any:
    """The value of a local variable; an error where it has none, now or when the program runs."""
    if value is UNDEFINED:
        raise_(UnboundLocalError(f"cannot access local variable '{name}' where it is not associated with a value"))
    if type(value) is Maybe:
        message = f"cannot access local variable '{name}' where it is not associated with a value"
        record_check(value.flag, UnboundLocalError(message))
        return value.value
    return value


def result(value: Any) -> Any:
    """What a function returns whose paths return in several places."""
    if value is UNDEFINED:
        return None
    if type(value) is Maybe and value.value is None:
        return None
    if type(value) is Maybe:
        record_check(
            value.flag, TypeError("a function that returns a value on some paths has come to its end without one: it returned None")
        )
        return value.value
    return value


def truth(values: Any, every: bool) -> Any:
    """`all` or `any` of an iterable, of traced values too."""
    out: Any = every
    for value in values:
        test = decide(value)
        if isinstance(test, bool):
            if test is not every:
                return test
            continue
        out = test if out is every else lookup(np.logical_and if every else np.logical_or)(out, test)
    return out
