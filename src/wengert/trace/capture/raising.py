"""Exceptions of a program: raised when it runs, where it comes to them, with the user's words and values.

Knows the check that raises, nothing of branches. Start at `raise_` and `caught`.
"""

from __future__ import annotations

import sys
import threading
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from wengert.errors import ContractError, DerivativeError, NotANumberError, ParseError, TraceError, VerificationError
from wengert.ir.values import Traced, has_effect
from wengert.numpy.promote import contains_traced
from wengert.primitives.control.effects import Shown, check
from wengert.trace import boxes, record
from wengert.trace.capture.classes import kind_of_file
from wengert.trace.capture.containers import Disagreement, Unstaged
from wengert.trace.record import Raised
from wengert.trace.tracer import Tracer

# Errors that say that a program cannot be written, whatever it does when it runs.
REFUSALS = (
    TraceError, DerivativeError, ContractError, ParseError, VerificationError, Disagreement, NotANumberError, RecursionError, MemoryError,
)  # fmt: skip


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

    def __hash__(self) -> int:
        raise Unstaged("a text with values in it is looked up")

    def __radd__(self, other: Any) -> Any:
        return joined([other, self])


def known(value: Any) -> Any:
    """A traced value that does not depend on the program's inputs, or in a run with values, as a plain one; else itself."""
    if not isinstance(value, Traced):
        return value
    tape: Any = record.active()
    staged = tape is not None and tape.staged
    found = value.tape.fixed(value.atom) if staged else value.concrete()  # type: ignore[attr-defined]
    if found is None:
        return value
    return found.item() if getattr(value, "weak", False) else found  # a number of Python's


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
    depth = 0  # of `try` statements with handlers
    elsewhere = 0  # of loops that can run in Python, if they cannot be part of the program


_handling = _Handling()


@contextmanager
def handling() -> Iterator[None]:
    """The text of a `try` that has handlers: what is raised in it while the program runs could not reach them."""
    _handling.depth += 1
    try:
        yield
    finally:
        _handling.depth -= 1


@contextmanager
def replaceable() -> Iterator[None]:
    """A loop that runs in Python if it cannot be part of the program: there each iteration has its number, and may do what this cannot."""
    _handling.elsewhere += 1
    try:
        yield
    finally:
        _handling.elsewhere -= 1


def raise_(exception: Any, cause: Any = None) -> None:
    """`raise exception`: at once, or, on a path that may not be taken or after something that the program does, when it runs."""
    tape: Any = record.active()
    if tape is None or not _comes_later(tape, exception):
        _settle(exception)
        if cause is not None:
            raise exception from cause
        raise exception
    record_check(False, exception)
    raise Raised(exception)


def _settle(exception: Any) -> None:
    """Let an exception that leaves a run hold values in place of traced ones."""
    if isinstance(exception, BaseException) and contains_traced(_state(exception)):
        exception.args = tuple([known(a) for a in exception.args])
        vars(exception).update({name: known(a) for name, a in vars(exception).items()})


def _comes_later(tape: Any, exception: Any) -> bool:
    if tape.journal is not None:
        return True
    if not tape.staged or _handling.depth:
        return False
    return contains_traced(_state(exception)) or any([type(a) is Text for a in getattr(exception, "args", ())]) or _acts(tape)


def _acts(tape: Any) -> bool:
    """Whether the program does something, such as raising, before it comes here."""
    node = tape.node
    while node is not None:
        if node.equation is not None and has_effect(node.equation.operation):
            return True
        node = node.parent
    return False


def caught(error: Exception) -> Raised | None:
    """What Python or NumPy has raised while a path was recorded, as raised there when the program runs; None if it is no such error."""
    if isinstance(error, REFUSALS) or _is_of_a_trace(error):
        return None
    if not isinstance(error, NameError) and (_handling.elsewhere or record.may_be_static()):
        return None
    places = [_Place(f.f_code, n) for f, n in traceback.walk_tb(error.__traceback__) if kind_of_file(f.f_code.co_filename) == 1]
    record_check(False, error, places[-1] if places else None)
    return Raised(error)


def _is_of_a_trace(error: Exception) -> bool:
    """Whether it is only a traced value that cannot do what is asked of it."""
    if isinstance(error, AttributeError) and (isinstance(error.obj, Traced) or type(error.obj).__module__.startswith("wengert.")):
        return True
    return isinstance(error, TypeError) and any([f"'{name}'" in str(error) or f".{name}" in str(error) for name in ("Tracer", "Selected")])


def at_the_end(error: Exception) -> Raised | None:
    """As `caught`, of what ends a whole program on every path: it is raised now, unless the program does something before."""
    tape: Any = record.active()
    if not tape.staged:
        _settle(error)
    return caught(error) if tape.staged and tape.journal is None and not _handling.depth and _acts(tape) else None


record.AT_THE_END.append(at_the_end)


def record_check(ok: Any, exception: Any, place: _Place | None = None) -> None:
    """Raise the exception when the program runs, unless `ok` holds then; now, where that is known already."""
    ok = known(ok)
    if not isinstance(ok, Traced) and ok:
        return
    tape: Any = record.active()
    if not isinstance(ok, Traced) and (tape is None or tape.journal is None and not _comes_later(tape, exception)):
        raise exception
    if _handling.depth:
        raise Unstaged("an exception is raised in a try statement, whose handlers a program does not reach")
    if isinstance(exception, type):
        exception = exception()
    values: list[Any] = []
    arguments = [_argument(a, values) for a in exception.args]
    names: tuple[str, ...] | None = None
    if not _is_made_of_its_arguments(exception) or any([type(a) is _Opaque for a in arguments]):
        kept = {name: _argument(a, values) for name, a in boxes.contents(exception).items() if not name.startswith("__")}
        names = tuple(kept)
        arguments += kept.values()
    make = _Maker(type(exception), len(exception.args), names, place or _place())
    parts: Any = None
    if arguments and isinstance(arguments[0], (Shown, str)):
        first, *arguments = arguments
        parts = first.parts if type(first) is Shown else (first,)
    if not isinstance(ok, Traced):
        ok = Tracer.of(tape, tape.capture(np.bool_(ok)))
    check(ok, make, parts, values, tuple(arguments))


def _argument(value: Any, values: list[Any]) -> Any:
    """An argument of an exception as the check has it; what it needs of values is added to those."""
    value = known(value)
    n = len(values)
    if type(value) is Text:
        values += value.values
        return Shown(tuple([p if isinstance(p, str) else (p[0] + n, *p[1:]) for p in value.parts]))
    if isinstance(value, Traced):
        values.append(value)
        return Shown(n)
    if contains_traced(value):
        raise Unstaged("an exception holds a container of traced values")
    try:
        hash(value)
    except TypeError:
        return _Opaque(value)
    return value


def _state(exception: Any) -> Any:
    return (getattr(exception, "args", ()), getattr(exception, "__dict__", {}))


def _is_made_of_its_arguments(exception: BaseException) -> bool:
    """Whether its class, called with its arguments, makes the same exception: surely so, where the user has not said otherwise."""
    return not vars(exception) and not hasattr(type(exception).__init__, "__code__") and not hasattr(type(exception).__new__, "__code__")


class _Place(NamedTuple):
    """A line of the user's."""

    code: types.CodeType
    line: int


def _place() -> _Place | None:
    frame: Any = sys._getframe(1)
    while frame is not None:
        if kind_of_file(frame.f_code.co_filename) == 1:
            return _Place(frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return None


class _Maker(NamedTuple):
    """Makes an exception as another one was, with a traceback that shows the user's line.

    By its class; or, where `names` are given, of its arguments and the attributes of these names, without its `__init__`.
    """

    kind: type[BaseException]
    count: int
    names: tuple[str, ...] | None
    place: _Place | None

    def __call__(self, *values: Any) -> BaseException:
        if self.names is None:
            out = self.kind(*values)
        else:
            values = tuple([v.value if type(v) is _Opaque else v for v in values])
            out = self.kind.__new__(self.kind, *values[: self.count])
            out.args = values[: self.count]
            for name, value in zip(self.names, values[self.count :], strict=True):
                setattr(out, name, value)
        return out if self.place is None else _shown_at(out, self.place)


def _shown_at(error: BaseException, place: _Place) -> BaseException:
    """The exception as if it had been raised at a line: by a text that has nothing else there."""
    code = compile("\n" * (place.line - 1) + "raise error", place.code.co_filename, "exec")
    try:
        exec(code.replace(co_name=place.code.co_name, co_qualname=place.code.co_qualname), {"error": error})
    except BaseException as raised:
        frames = raised.__traceback__
        return raised.with_traceback(frames.tb_next if frames is not None else None)
    return error


class _Opaque:
    """A thing that has no hash, as one that is only itself."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value
