"""Settings: one frozen record in a context variable, and the table of environment variables.

Imports nothing of ours. Start at `Settings`.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set; every field has an environment variable in `ENVIRONMENT`.

    Attributes
    ----------
    verify : bool
        Check every IR function after its construction (slow; for tests and bug hunts).
    strong_zero : bool
        In derivatives, a factor of the chain rule that is exactly 0 times an infinite or NaN
        one gives 0 instead of NaN.
    debug_nans : bool
        Check the result of every equation, also inside branches and loops, and raise
        FloatingPointError naming the equation and the user's line where a NaN first appears.
        Compiled functions are then run equation by equation, slowly.
    trace_cache : int
        How many operations of recent traces are remembered, so that a trace already seen
        reuses its derivative; each takes 2 to 4 kB. 0 forgets everything.
    threads : int
        How many threads compiled code may use for large independent loops; results do not depend on it.
        0 is as many as the process has cores.
    cache_size : int
        Megabytes of compiled code kept on disk, in WENGERT_CACHE_DIR or the user's cache directory. 0 keeps nothing.
    """

    verify: bool = False
    strong_zero: bool = False
    debug_nans: bool = False
    trace_cache: int = 250_000
    threads: int = 0
    cache_size: int = 512


ENVIRONMENT = {
    "verify": "WENGERT_VERIFY",
    "strong_zero": "WENGERT_STRONG_ZERO",
    "debug_nans": "WENGERT_DEBUG_NANS",
    "trace_cache": "WENGERT_TRACE_CACHE",
    "threads": "WENGERT_THREADS",
    "cache_size": "WENGERT_CACHE_SIZE",
}


def _from_environment() -> Settings:
    values: dict[str, bool | int] = {}
    for field in fields(Settings):
        text = os.environ.get(ENVIRONMENT[field.name])
        if text is not None:
            values[field.name] = _value(ENVIRONMENT[field.name], text, isinstance(field.default, bool))
    return replace(Settings(), **values)  # type: ignore[arg-type]


def _value(name: str, text: str, is_flag: bool) -> bool | int:
    if is_flag and text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off", ""):
        return text.lower() in ("1", "true", "yes", "on")
    if is_flag or not text.isdecimal():
        raise ValueError(f"the environment variable {name}={text!r} must be {'0 or 1' if is_flag else 'a number, 0 or more'}")
    return int(text)


PROGRAMS = ("strong_zero", "debug_nans")  # settings on which it depends what a program computes

_settings: contextvars.ContextVar[Settings] = contextvars.ContextVar("wengert_settings", default=_from_environment())
settings = _settings.get


@contextmanager
def config(**changes: bool | int) -> Iterator[Settings]:
    """Change settings inside a `with` block, for this thread or task.

    Use it to hunt a NaN (`debug_nans`, `strong_zero`) or a malformed Function (`verify`); environment variables set
    the same for a whole process: WENGERT_DEBUG_NANS, WENGERT_STRONG_ZERO, WENGERT_VERIFY, WENGERT_TRACE_CACHE, WENGERT_THREADS,
    WENGERT_CACHE_SIZE.

    Parameters
    ----------
    changes : bool or int
        Fields of `Settings`, by name.

    Raises
    ------
    TypeError
        For a name that is no setting; the message lists those that are.

    Examples
    --------
    >>> with config(strong_zero=True) as s:
    ...     s.strong_zero
    True
    """
    names = {field.name for field in fields(Settings)}
    unknown = set(changes) - names
    if unknown:
        raise TypeError(f"config() has no setting {sorted(unknown)[0]!r}; settings are: {', '.join(sorted(names))}")
    before = settings()
    token = _settings.set(replace(before, **changes))  # type: ignore[arg-type]
    others = any([getattr(before, name) != getattr(settings(), name) for name in PROGRAMS])
    try:
        if others:
            _tell(True)
        yield settings()
    finally:
        _settings.reset(token)
        if others:
            _tell(False)


_listeners: list[Callable[[bool], None]] = []


def on_program_change(listener: Callable[[bool], None]) -> None:
    """Call the listener with True when a block begins that changes a setting of `PROGRAMS`, with False when it has ended."""
    _listeners.append(listener)


def _tell(entering: bool) -> None:
    for listener in _listeners:
        listener(entering)
