"""`raise`, `assert`, `print` and f-strings of traced values: done when the program runs, with the user's words.

Start at `raise_` and `text`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.table import lookup
from wengert.primitives.control.effects import check, show
from wengert.trace import record
from wengert.trace.capture.branch import decide
from wengert.trace.capture.containers import Unstaged
from wengert.trace.capture.values import UNDEFINED, Maybe
from wengert.trace.record import Raised
from wengert.trace.tracer import Tracer

_CONVERSIONS = {-1: "", 115: "s", 114: "r", 97: "a"}


class Text(str):
    """A text with holes for values that are known when the program runs. As a string it shows their types."""

    parts: tuple[Any, ...]  # as for `check`
    values: tuple[Any, ...]

    @staticmethod
    def of(parts: tuple[Any, ...], values: tuple[Any, ...]) -> Text:
        """The text of these parts."""
        shown = "".join([p if isinstance(p, str) else f"<{values[p[0]].type!r}>" for p in parts])
        out = Text(shown)
        out.parts, out.values = parts, values
        return out

    def __add__(self, other: Any) -> Any:
        return joined([self, other])

    def __eq__(self, other: Any) -> Any:
        raise Unstaged("a text with values in it is compared")

    __hash__ = str.__hash__

    def __radd__(self, other: Any) -> Any:
        return joined([other, self])


def known(value: Any) -> Any:
    """A traced value that does not depend on the program's inputs, or in a run with values, as a plain one; else itself."""
    if not isinstance(value, Traced):
        return value
    tape: Any = record.active()
    if tape is None or not tape.staged:
        return value.concrete()  # type: ignore[attr-defined]
    found = value.tape.fixed(value.atom)  # type: ignore[attr-defined]
    return value if found is None else found


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
            parts.append(Text.of(((0, _CONVERSIONS[conversion], str(spec)),), (value,)))
        elif type(value) is Text and conversion in (-1, 115) and not spec:
            parts.append(value)
        else:
            value = {115: str, 114: repr, 97: ascii}.get(conversion, lambda x: x)(value)
            parts.append(format(value, spec))
    return joined(parts)


def joined(texts: list[Any]) -> str:
    """Texts one after the other."""
    if not any([type(t) is Text for t in texts]):
        return "".join(texts)
    parts: list[Any] = []
    values: list[Any] = []
    for t in texts:
        if type(t) is Text:
            n = len(values)
            parts += [p if isinstance(p, str) else (p[0] + n, *p[1:]) for p in t.parts]
            values += t.values
        else:
            parts.append(t)
    return Text.of(tuple(parts), tuple(values))


class _Handling(threading.local):
    depth = 0


_handling = _Handling()


@contextmanager
def handling() -> Iterator[None]:
    """The text of a `try` that has handlers: what is raised in it while the program runs could not reach them."""
    _handling.depth += 1
    try:
        yield
    finally:
        _handling.depth -= 1


def raise_(exception: Any, cause: Any = None) -> None:
    """`raise exception`: at once, or, on a path that may not be taken, when it is."""
    tape: Any = record.active()
    if tape is None or tape.journal is None:
        if cause is not None:
            raise exception from cause
        raise exception
    _record(False, exception)
    raise Raised(exception)


def assert_(test: Any, message: Any) -> None:
    """`assert test, message()`"""
    test = decide(test)
    if test is True:
        return
    said = message()
    if test is False:
        raise_(AssertionError() if said is None else AssertionError(said))
    _record(test, AssertionError() if said is None else AssertionError(said))


def _record(ok: Any, exception: Any) -> None:
    if _handling.depth:
        raise Unstaged("an exception is raised in a try statement, whose handlers a program does not reach")
    if isinstance(exception, type):
        exception = exception()
    first, rest = (exception.args[0], tuple(exception.args[1:])) if exception.args else (None, ())
    parts: Any = None
    values: tuple[Any, ...] = ()
    if type(first) is Text:
        parts, values = first.parts, first.values
    elif isinstance(first, Traced):
        parts, values = 0, (first,)
    elif isinstance(first, str):
        parts = (first,)
    elif first is not None:
        rest, parts = (first, *rest), None
    if any([isinstance(r, Traced) for r in rest]):
        raise Unstaged("an exception has traced values beyond its first argument")
    sample = () if parts is None else ("",) if not isinstance(parts, int) else (0.0,)
    try:
        type(exception)(*sample, *rest)
    except Exception:
        raise Unstaged(f"{type(exception).__name__} cannot be made again from its arguments") from None
    tape: Any = record.active()
    if not isinstance(ok, Traced):
        ok = Tracer.of(tape, tape.capture(np.bool_(ok)))
    check(ok, type(exception), parts, values, tuple(rest))


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
        check(value.flag, UnboundLocalError, (message,))
        return value.value
    return value


def result(value: Any) -> Any:
    """What a function returns whose paths return in several places."""
    if value is UNDEFINED:
        return None
    if type(value) is Maybe and value.value is None:
        return None
    if type(value) is Maybe:
        check(value.flag, TypeError, ("a function that returns a value on some paths has come to its end without one: it returned None",))
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
