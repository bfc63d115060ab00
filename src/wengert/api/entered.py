"""Calls that go straight into native code: the C function of a compiled function's most used signatures.

A native entry checks the arguments, and that what the function sees outside is the very same objects; it knows nothing of settings. So
only programs that see no arrays or changing containers outside have one (`Surroundings.places`), and all are left while a setting that
programs depend on is changed somewhere. Start at `Entrance`.
"""

from __future__ import annotations

import importlib
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.signature import Arguments, StaticKey, Weakly, type_of_kind
from wengert.config import on_program_change, settings
from wengert.runtime.call import Entry, enter_at

MOST = 8  # signatures of a function that are entered natively, tried one after the other
_WORDS = {"f": "float", "c": "complex", "i": "int", "b": "bool"}

_entered: weakref.WeakSet[Any] = weakref.WeakSet()
_lock = threading.RLock()


def native_signature(arguments: Arguments, structure: Any, out_types: Any, guarded: bool) -> Any:
    """What a native entry has to check and to return for this call, as `codegen.entry.Signature`; None where it cannot."""
    if arguments.structure is not None or any([type(k) is StaticKey for k in arguments.kinds]):
        return None
    entry = importlib.import_module("wengert.codegen.entry")
    places = []
    for kind in arguments.kinds:
        t = type_of_kind(kind)
        weak = type(kind) is Weakly
        if weak and t.dtype.kind == "c":  # there is no way in for Python's complex
            return None
        ways = (_WORDS[t.dtype.kind],) if weak else ("array",) if t.shape else ("array", "scalar")
        places.append(entry.Argument(t.shape, _usual(t.dtype), ways))
    result, assemble = _result(structure, len(out_types))
    made = entry.Signature(tuple(places), tuple([(t.shape, _usual(t.dtype)) for t in out_types]), result, assemble, guarded)
    return made if entry.is_possible(made) else None


def _usual(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The one object that NumPy's own arrays of this dtype have."""
    return np.dtype(dtype.name)


def _result(structure: Any, n: int) -> tuple[Any, bool]:
    """How the outputs are put together: natively if by tuples only, else a flat tuple of them by Python."""
    if structure is None:
        return 0, False
    whole = tree.unflatten(structure, range(n))
    return (whole, False) if _tuples_only(whole) else (tuple(range(n)), True)


def _tuples_only(node: Any) -> bool:
    return type(node) is int or node is None or type(node) is tuple and all([_tuples_only(child) for child in node])


class Entrance:
    """The native entries of one function, the latest first: each hands on what it does not take, the last to Python."""

    __slots__ = ("__weakref__", "_entries", "_owner", "_taken")

    def __init__(self, owner: Any) -> None:
        self._owner = weakref.ref(owner)
        self._entries: list[Entry] = []
        self._taken: weakref.WeakSet[Any] = weakref.WeakSet()

    def add(self, made: Any, kernel: Any, fallback: Callable[..., Any]) -> None:
        """Let calls of this program's signature enter natively."""
        with _lock:
            if len(self._entries) >= MOST or made in self._taken:
                return
            structure = made.structure
            assemble = (lambda flat: tree.unflatten(structure, flat)) if structure is not None else None
            following = self._entries[0].builtin() if self._entries else fallback
            self._entries.insert(0, Entry(kernel, following, assemble, made.surroundings.places or ()))
            self._taken.add(made)
            self.open()

    def open(self) -> None:
        """Enter natively from now on, if the settings allow."""
        owner = self._owner()
        with _lock:
            if self._entries and owner is not None and is_usual() and enter_at(owner, self._entries[0].address):
                _entered.add(owner)

    def close(self) -> None:
        """Forget all entries."""
        owner = self._owner()
        with _lock:
            if owner is not None:
                enter_at(owner, None)
            self._entries.clear()
            self._taken.clear()


class _Blocks:
    unusual = 0  # blocks that have changed a setting on which programs depend, in any thread


def is_usual() -> bool:
    """Whether the settings here are those that native entries are made for, and hold in every thread."""
    now = settings()
    return _Blocks.unusual == 0 and not now.debug_nans and not now.strong_zero


def _changed(entering: bool) -> None:
    """A block with other settings begins or ends: until all have ended, calls go through Python, which looks at the settings."""
    with _lock:
        _Blocks.unusual += 1 if entering else -1
        if entering:
            for owner in list(_entered):
                enter_at(owner, None)
        elif is_usual():
            for owner in list(_entered):
                owner.entrance.open()


on_program_change(_changed)
