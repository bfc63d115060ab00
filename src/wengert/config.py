"""Settings: one frozen record in a context variable, and the table of environment variables.

Imports nothing of ours. Start at `Settings`.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import Iterator
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
    trace_cache : int
        How many operations of recent traces are remembered, so that a trace already seen
        reuses its derivative; each takes 2 to 4 kB. 0 forgets everything.
    """

    verify: bool = False
    strong_zero: bool = False
    trace_cache: int = 250_000


ENVIRONMENT = {
    "verify": "WENGERT_VERIFY",
    "strong_zero": "WENGERT_STRONG_ZERO",
    "trace_cache": "WENGERT_TRACE_CACHE",
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


_settings: contextvars.ContextVar[Settings] = contextvars.ContextVar("wengert_settings", default=_from_environment())
settings = _settings.get


@contextmanager
def config(**changes: bool | int) -> Iterator[Settings]:
    """Change settings inside a `with` block, for this thread or task.

    Use it to hunt a NaN (`strong_zero`) or a malformed Function (`verify`); environment variables set the
    same for a whole process: WENGERT_STRONG_ZERO, WENGERT_VERIFY, WENGERT_TRACE_CACHE.

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
    token = _settings.set(replace(settings(), **changes))  # type: ignore[arg-type]
    try:
        yield settings()
    finally:
        _settings.reset(token)
