"""A function made from a function, as an object: named, documented, picklable, recognisable in a trace.

Start at `Transformed`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from wengert.trace.record import identity, name_of


class Transformed:
    """`rule(f, options, args, kwargs)` as a callable. Two with equal parts run the same program."""

    def __init__(self, rule: Callable[..., Any], f: Callable[..., Any], **options: Any) -> None:
        if not callable(f):
            raise TypeError(f"{rule.__name__.strip('_')}() needs a function, got {type(f).__name__}: {f!r}")
        self.rule, self.f, self.options = rule, f, options
        functools.update_wrapper(self, f, updated=())
        self.__name__ = f"{rule.__name__.strip('_')}({name_of(f)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the rule makes of f at these arguments."""
        return self.rule(self.f, self.options, args, kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def trace_identity(self) -> Any:
        """What a trace remembers this function by."""
        return self.rule, identity(self.f), repr(sorted(self.options.items(), key=lambda item: item[0]))

    def trace_parts(self) -> list[Any]:
        """What a trace of this function depends on."""
        return [self.rule, self.f, *self.options.values()]

    def __reduce__(self) -> Any:
        return _rebuild, (self.rule, self.f, self.options)

    def __repr__(self) -> str:
        return f"<wengert {self.__name__}>"


def _rebuild(rule: Callable[..., Any], f: Callable[..., Any], options: dict[str, Any]) -> Transformed:
    return Transformed(rule, f, **options)
