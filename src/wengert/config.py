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
        reuses its derivative. 0 forgets everything.
    """

    verify: bool = False
    strong_zero: bool = False
    trace_cache: int = 500_000


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
            is_flag = isinstance(field.default, bool)
            values[field.name] = text.lower() in ("1", "true", "yes", "on") if is_flag else int(text)
    return replace(Settings(), **values)  # type: ignore[arg-type]


_settings: contextvars.ContextVar[Settings] = contextvars.ContextVar("wengert_settings", default=_from_environment())
settings = _settings.get


@contextmanager
def config(**changes: bool | int) -> Iterator[Settings]:
    """Change settings inside a `with` block.

    >>> with config(strong_zero=True) as s:
    ...     s.strong_zero
    True

    Raises
    ------
    TypeError
        For a name that is no setting; the message lists those that are.
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
