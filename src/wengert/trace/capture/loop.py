"""`for` and `while` as one operation, whatever the trip count: what the body changes is found by recording it until it is settled.

A loop whose body needs to know the number of the iteration runs in Python, if it is short. Start at `for_` and `while_`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from wengert.ir.values import Traced
from wengert.trace import record
from wengert.trace.capture.branch import and_, decide, if_, not_
from wengert.trace.capture.carried import Body, Peel, Stop, decide_stop, stage, unsettled
from wengert.trace.capture.classes import CALL, special
from wengert.trace.capture.containers import AlwaysRaises, Unstaged
from wengert.trace.capture.over import Over, over
from wengert.trace.capture.raising import REFUSALS, replaceable
from wengert.trace.capture.state import (
    Getter,
    Putter,
    State,
)

UNROLLED = 2  # so many iterations are written out at once
MOST = 20_000  # iterations that run in Python, where the body cannot be part of the program
FIRST = 4  # iterations of a `while` with a known test before it is tried as a loop of the program


def for_(
    items: Any, body: Body, get: Getter, put: Putter, names: tuple[str, ...], stop: Stop, grown: Callable[[], Any] | None = None
) -> None:
    """`for` over items: the body sets the target. `grown` gives the lists that it only appends to, and how far back it reads them."""
    state = State(get, put, names)
    own = special(items, "__iter__")
    items = items if own is None else CALL[0](own, items)
    by_number = over(items)
    tape: Any = record.active()
    if by_number is None or tape is None or not tape.staged:
        _in_python(iter(items), body, state, stop)
        return
    length = by_number.length
    failed = _failed()
    if isinstance(length, Traced):
        try:
            stage(by_number, None, body, state, stop)
        except Peel as peel:
            raise unsettled(str(peel)) from None
        except Exception as error:
            if isinstance(error, REFUSALS) and not isinstance(error, AlwaysRaises):
                raise
            _at_once(length > 0, lambda: body(by_number.item(0)), state, error)
        return
    lists = grown() if grown is not None else ()
    if length <= UNROLLED or body.__code__ in failed:
        _in_python(iter(by_number), body, state, stop)
        return
    peeled = 0
    while True:
        try:
            with replaceable():
                stage(_From(by_number, peeled) if peeled else by_number, None, body, state, stop, lists)
            return
        except Peel as peel:
            error: Any = unsettled(str(peel))
            if peeled == 2:
                break
            body(by_number.item(peeled))
            peeled += 1
            if decide_stop(stop) is not False:
                break
        except Exception as raised:
            error = raised
            break
    if length - peeled > MOST:
        raise error
    failed.add(body.__code__)
    _in_python(iter([by_number.item(i) for i in range(peeled, length)]), body, state, stop)


class _From(Over):
    """The items from one on."""

    def __init__(self, items: Over, first: int) -> None:
        self.items, self.first, self.length = items, first, items.length - first

    def item(self, i: Any) -> Any:
        return self.items.item(i + self.first)


def _failed() -> set[Any]:
    """Bodies that could not be part of the program, in the outermost run."""
    memo: dict[Any, Any] = record.outermost().memo
    found: set[Any] = memo.setdefault("failed loops", set())
    return found


def _in_python(items: Iterator[Any], body: Body, state: State, stop: Stop) -> None:
    """The iterations one after the other; those after a `break` that is not decided yet under its condition."""
    for item in items:
        stopped = decide_stop(stop)
        if stopped is True:
            return
        if stopped is False:
            body(item)
        else:
            if_(stopped, lambda: None, lambda item=item: body(item), state.get, state.put, tuple(state.names))  # type: ignore[misc]


def while_(test: Body, body: Body, get: Getter, put: Putter, names: tuple[str, ...], stop: Stop) -> None:
    """`while test`"""
    state = State(get, put, names)
    tape: Any = record.active()
    count = 0
    while True:
        stopped = decide_stop(stop)
        if stopped is True:
            return
        known = decide(test()) if stopped is False else None
        if known is False:
            return
        if known is True:
            if count >= FIRST and tape is not None and tape.staged and body.__code__ not in _failed():
                try:
                    with replaceable():
                        stage(None, test, body, state, stop)
                    return
                except Exception:
                    _failed().add(body.__code__)
            body()
            count += 1
            continue
        try:
            stage(None, test, body, state, stop)
        except Peel as peel:
            raise unsettled(str(peel)) from None
        except Exception as error:
            if isinstance(error, REFUSALS) and not isinstance(error, AlwaysRaises):
                raise
            again = known if stopped is False else and_(not_(stopped), test)
            _at_once(again, body, state, error)
        return


def _at_once(runs: Any, first: Body, state: State, error: Exception) -> None:
    """A loop whose body raises on every path: if there is an iteration, it is the only one."""

    def only() -> None:
        first()
        raise Unstaged(f"it raises {type(error).__name__}: {error}") from error

    if_(runs, only, lambda: None, state.get, state.put, tuple(state.names))
