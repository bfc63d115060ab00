"""Whose a function is, and which of the user's functions their classes answer Python's operators and built-in functions with.

Knows files and classes, nothing of arrays. Start at `special`.
"""

from __future__ import annotations

import os
import sysconfig
import types
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_STANDARD = tuple({os.path.realpath(sysconfig.get_path(kind)) + os.sep for kind in ("stdlib", "platstdlib")})
CALL: list[Callable[..., Any]] = []  # how the user's functions are called: set by `calls`

_kinds: dict[str, int] = {}  # file -> 0: left alone, 1: the user's, 2: a library's


def kind_of_file(file: str) -> int:
    """0: functions in it are left alone, 1: they are the user's, 2: a library's."""
    found = _kinds.get(file)
    if found is None:
        if file.startswith((_OURS, "<frozen")):
            found = 0
        elif "site-packages" in file or "dist-packages" in file:
            found = 2 if any([os.sep + name + os.sep in file for name in ("numpy", "scipy")]) else 1
        else:
            found = 0 if os.path.realpath(file).startswith(_STANDARD) else 1
        _kinds[file] = found
    return found


def is_users(f: Any) -> bool:
    """Whether it is a function of the user's, with a text of theirs."""
    return type(f) is types.FunctionType and kind_of_file(f.__code__.co_filename) == 1


_found: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()


def in_class(kind: type, name: str) -> Any:
    """What a class or one that it is derived from defines under a name; None for nothing."""
    known = _found.setdefault(kind, {})
    if name not in known:
        known[name] = next((vars(c)[name] for c in kind.__mro__ if name in vars(c)), None)
    return known[name]


def special(x: Any, name: str) -> Any:
    """The user's function by which objects like x answer an operator or built-in function; None if there is none."""
    found = in_class(type(x), name)
    return found if is_users(found) else None
