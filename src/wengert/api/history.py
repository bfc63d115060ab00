"""Why a function was compiled again: one record a program, and what sets each apart from the nearest one before.

Knows signatures as data. Start at `History`.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from wengert.api.signature import Arguments, StaticKey, Weakly, type_of_kind
from wengert.config import settings
from wengert.trace.record import name_of, where

KEPT = 256  # records; the oldest go first


class _Record:
    __slots__ = ("kinds", "made", "modes", "names", "number", "pins", "reason", "spent", "structure", "when")

    def __init__(self, number: int, made: Any, arguments: Arguments, f: Any) -> None:
        self.number, self.when = number, time.time()
        self.made = weakref.ref(made)
        self.spent = made.spent
        self.kinds, self.structure, self.pins = list(arguments.kinds), arguments.structure, dict(made.pins)
        self.names = [arguments.name(f, i) for i in range(len(arguments.leaves))]
        s = settings()
        self.modes = {"strong_zero": s.strong_zero, "debug_nans": s.debug_nans}
        self.reason = ""


class History:
    """The programs made for one function."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._f = f
        self._lock = threading.Lock()
        self._records: list[_Record] = []
        self._count = 0

    def add(self, made: Any, arguments: Arguments, outside: list[Any]) -> None:
        """Remember a program; `outside` is what the roots of its surroundings are now."""
        with self._lock:
            self._count += 1
            record = _Record(self._count, made, arguments, self._f)
            nearest = min(reversed(self._records), key=lambda old: _distance(old, record), default=None)
            if nearest is None:
                record.reason = "the first call"
            else:
                found = _differences(nearest, record)
                if not found:
                    before = nearest.made()
                    changed = before.surroundings.change(outside) if before is not None else ""
                    found = [changed or "an equal program was forgotten"]
                record.reason = f"compared with program {nearest.number}: " + "; ".join(found)
            self._records.append(record)
            del self._records[:-KEPT]

    def clear(self) -> None:
        """Forget all records."""
        with self._lock:
            self._records.clear()

    def text(self) -> str:
        """One paragraph a program."""
        with self._lock:
            records = list(self._records)
        place = where(self._f)
        title = f"{name_of(self._f)}{f' ({place})' if place else ''}: {len(records)} program{'' if len(records) == 1 else 's'}"
        lines = [title]
        for r in records:
            traced, compiled = r.spent.trace * 1e3, r.spent.compile * 1e3
            at = time.strftime("%H:%M:%S", time.localtime(r.when))
            code = f"compiled in {compiled:.1f} ms" if r.spent.compiled else "not run by itself yet"
            lines.append(f"  {r.number}. at {at}, traced in {traced:.1f} ms, {code}")
            lines.append(f"     {_signature(r)}")
            lines.append(f"     {r.reason}")
        return "\n".join(lines)


def _signature(r: _Record) -> str:
    parts = [f"{name}: {_show(kind, r.pins.get(i))}" for i, (name, kind) in enumerate(zip(r.names, r.kinds, strict=True))]
    modes = [f"{name}=True" for name, on in r.modes.items() if on]
    return ", ".join([*parts, *modes]) or "no arguments"


def _show(kind: Any, pin: Any = None) -> str:
    if pin is not None:
        return f"{pin!r} (static)"
    if type(kind) is StaticKey:
        return f"{kind!r} (static)"
    return f"{kind.type!r} (weak)" if type(kind) is Weakly else repr(kind)


def _distance(old: _Record, new: _Record) -> int:
    """How many arguments differ; more than all of them where the containers do."""
    fits = old.structure == new.structure and len(old.kinds) == len(new.kinds)
    return len(_differences(old, new)) + (0 if fits else 1 + len(new.kinds))


def _differences(old: _Record, new: _Record) -> list[str]:
    """What is another in a signature, one text an argument."""
    found = [f"{name} was {old.modes[name]} and is {on}" for name, on in new.modes.items() if old.modes[name] != on]
    if old.structure != new.structure or len(old.kinds) != len(new.kinds):
        return [*found, "the containers or the number of the arguments differ"]
    for i, (a, b, name) in enumerate(zip(old.kinds, new.kinds, new.names, strict=True)):
        if a != b:
            found.append(f"{name} was {_show(a)} and is {_show(b)}: {_what(a, b)}")
        elif i in old.pins and i in new.pins and old.pins[i] != new.pins[i]:
            found.append(f"{name} was {old.pins[i]!r} and is {new.pins[i]!r}: an integer whose value the program depends on")
        elif (i in old.pins) != (i in new.pins):
            found.append(f"the value of {name} {'is needed now' if i in new.pins else 'was needed'} to trace it")
    return found


def _what(a: Any, b: Any) -> str:
    if type(a) is StaticKey or type(b) is StaticKey:
        return "a static value"
    s, t = type_of_kind(a), type_of_kind(b)
    parts = [word for word, differs in (("shape", s.shape != t.shape), ("dtype", s.dtype != t.dtype)) if differs]
    return " and ".join([f"another {part}" for part in parts]) or "a Python number gives way in promotion, an array does not"
