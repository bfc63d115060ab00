"""What a call in the user's text becomes: their functions are captured, Python's and NumPy's stood for, all else called as it is.

Start at `call`.
"""

from __future__ import annotations

import functools
import re
import threading
import types
import weakref
from typing import Any

import numpy as np

from wengert.numpy import table
from wengert.numpy.promote import contains_traced
from wengert.trace import record
from wengert.trace.capture import convert, formats, once
from wengert.trace.capture.builtins import CREATORS, SUBSTITUTES
from wengert.trace.capture.classes import CALL, kind_of_file, special
from wengert.trace.capture.containers import CONTAINERS, Unstaged, made
from wengert.trace.capture.mutation import boxed
from wengert.trace.capture.raising import known

_DISPATCHER = type(np.sum)
_made: weakref.WeakKeyDictionary[Any, dict[bool, tuple[Any, ...]]] = weakref.WeakKeyDictionary()


def call(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """`f(*args, **kwargs)`, as a traced run calls it."""
    kind = type(f)
    if kind is np.ufunc and not kwargs and type(args[0]) is not list and type(args[-1]) is not list:
        return f(*args)
    if kind is np.ufunc or kind is _DISPATCHER:
        known = SUBSTITUTES.get(f)
        if known is not None:
            return known(*args, **kwargs)
        if any([type(a) in (list, tuple) for a in args]) and contains_traced(args):
            return table.ENTRANCE[-1](f, args, kwargs)
        return f(*args, **kwargs)
    if kind is types.FunctionType:
        known = SUBSTITUTES.get(f)
        if known is not None:
            return known(*args, **kwargs)
        changed = _converted(f, args, kwargs)
        if changed is None:
            return f(*args, **kwargs)
        if _staged.depth and _is_shareable(f, changed):
            out = once.shared(f, changed, args, kwargs)
            if out is not NotImplemented:
                return out
        _staged.depth += 1
        try:
            return changed(*args, **kwargs)
        finally:
            _staged.depth -= 1
    if kind is types.MethodType:
        inner = f.__func__
        if type(inner) is types.FunctionType:
            return (_converted(inner, (f.__self__, *args), kwargs) or inner)(f.__self__, *args, **kwargs)
        return f(*args, **kwargs)
    if kind is types.BuiltinFunctionType or kind is types.BuiltinMethodType:
        return _builtin(f, args, kwargs)
    if isinstance(f, type):
        return _instance(f, args, kwargs)
    if kind is functools.partial:
        return call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
    method = special(f, "__call__")
    if method is not None:
        return call(method, f, *args, **kwargs)
    return f(*args, **kwargs)


class _Staged(threading.local):
    """How deep the user's functions are in one another: the outermost is not called from their text."""

    depth = 0


_staged = _Staged()


def _is_shareable(f: types.FunctionType, changed: Any) -> bool:
    tape: Any = record.active()
    return tape is not None and tape.staged and isinstance(changed, types.FunctionType) and kind_of_file(f.__code__.co_filename) == 1


_READING = frozenset({"copy", "index", "count", "get", "keys", "values", "items"})
_IMMUTABLE = (
    str,
    bytes,
    int,
    float,
    complex,
    tuple,
    frozenset,
    range,
    type,
    slice,
    np.ndarray,
    np.generic,
    np.dtype,
    type(None),
    types.ModuleType,
    re.Pattern,
)


def _builtin(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    owner = f.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        try:
            stand_in = SUBSTITUTES.get(f)
        except TypeError:
            stand_in = None
        if stand_in is not None:
            return stand_in(*args, **kwargs)
        if f is functools.reduce:
            step = args[0]
            return f(lambda a, b: call(step, a, b), *args[1:], **kwargs)
        return f(*args, **kwargs)
    if type(owner) is str and f.__name__ in ("format", "join"):
        return formats.formatted(owner, args, kwargs) if f.__name__ == "format" else formats.together(owner, *args)
    tape = record.active()
    if tape is not None and tape.journal is not None:
        if isinstance(owner, CONTAINERS):
            if f.__name__ not in _READING:
                tape.journal.note_container(owner)
            out = f(*args, **kwargs)
            return made(out) if f.__name__ == "copy" else out
        if not isinstance(owner, _IMMUTABLE):
            raise Unstaged(f"{type(owner).__name__}.{f.__name__} may change its object")
    if type(owner) is np.ndarray and tape is not None:
        if f.__name__ == "copy" and not args and not kwargs and owner.dtype.kind in "fciub" and owner.ndim:
            return SUBSTITUTES[np.copy](owner)
        if contains_traced(args):
            return _of_array(owner, f.__name__, args, kwargs)
    return f(*args, **kwargs)


def _of_array(owner: np.ndarray, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a plain array with traced arguments: that of a traced one."""
    return getattr(boxed(owner), name)(*args, **kwargs)


def _instance(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    stand_in = SUBSTITUTES.get(cls)
    if stand_in is not None:
        return stand_in(*args, **kwargs)
    if cls in (map, filter):
        step = args[0]
        return cls((lambda *items: call(step, *items)) if step is not None else None, *args[1:])
    raised = issubclass(cls, BaseException)
    plain = cls.__new__ is object.__new__ or raised and not hasattr(cls.__new__, "__code__")
    if plain and type(cls).__call__ is type.__call__ and type(cls.__init__) is types.FunctionType:
        start = cls.__init__
        changed = _converted(start, args, kwargs)
        if changed is not None:
            instance = made(cls.__new__(cls, *args) if raised else cls.__new__(cls))
            changed(instance, *args, **kwargs)
            return instance
    tape = record.active()
    if raised and tape is not None and not tape.staged:
        args = tuple([known(a) for a in args])
    out = cls(*args, **kwargs)
    return made(out) if hasattr(out, "__dict__") or isinstance(out, CONTAINERS) else out


def _holds_traced(x: Any) -> bool:
    """Whether a traced value is among the attributes of an object."""
    if hasattr(x, "__dict__"):
        return contains_traced(vars(x))
    slots = getattr(type(x), "__slots__", ())
    return any([contains_traced(getattr(x, name, None)) for name in ((slots,) if isinstance(slots, str) else slots)])


def _converted(f: types.FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The function as captured for the run that goes on; None to call it as it is."""
    kind = kind_of_file(f.__code__.co_filename)
    if kind == 0:
        return SUBSTITUTES.get(getattr(f, "__wrapped__", None))  # wengert.numpy's functions
    tape = record.active()
    if tape is None:
        return None
    if kind == 2:
        if not contains_traced(args) and not contains_traced(kwargs) and not any([_holds_traced(a) for a in args]):
            known = CREATORS.get(f.__name__) if "array_api" in f.__module__ else None  # such wrappers of NumPy's own
            return None if known is None else lambda *args, **kwargs: boxed(f(*args, **kwargs), known)
        if f not in table.IMPLEMENTATIONS:
            table.load_for(f)
        if f in table.IMPLEMENTATIONS:
            return lambda *args, **kwargs: table.ENTRANCE[-1](f, args, kwargs)
    forms = _made.get(f)
    if forms is None:
        forms = _made[f] = {}
    staged = tape.staged
    form = forms.get(staged)
    if form is None or form[0] is not f.__code__ or form[1] is not f.__defaults__ or form[2] is not f.__kwdefaults__:
        form = forms[staged] = f.__code__, f.__defaults__, f.__kwdefaults__, convert.function(f, staged)
    if f.__closure__ and tape.journal is not None:
        for name in convert.assigned_outside(f.__code__):
            tape.journal.note_container(f.__closure__[f.__code__.co_freevars.index(name)])
    return form[3]


CALL.append(call)
