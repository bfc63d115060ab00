"""Objects of the user's classes: what their operators, properties and other special methods do is captured as their functions are.

Python finds such a method by itself, without a call in the text. Knows Python's rules of dispatch, nothing of arrays.
Start at `BINARY` and `attribute`.
"""

from __future__ import annotations

import functools
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.numpy.promote import contains_traced
from wengert.numpy.table import lookup
from wengert.trace.capture import effects, formats
from wengert.trace.capture.branch import decide
from wengert.trace.capture.classes import CALL, in_class, is_users, special
from wengert.trace.capture.containers import note
from wengert.trace.tracer import Tracer

_PLAIN = frozenset([Tracer, float, int, bool, complex, np.ndarray, np.float64, np.float32, np.int64, np.bool_, list, tuple, type(None)])
_MODULES = frozenset([types.ModuleType, Tracer, np.ndarray])

# -- operators --------------------------------------------------------------------------------------------------


def _binary(name: str, python: Callable[[Any, Any], Any], there: str, back: str) -> Callable[[Any, Any], Any]:
    def apply(a: Any, b: Any) -> Any:
        if type(a) in _PLAIN and type(b) in _PLAIN:
            return python(a, b)
        if isinstance(a, str):
            return formats.percent(a, b) if name == "mod" else python(a, b)
        first, second = special(a, there), special(b, back)
        if first is None and second is None:
            return python(a, b)
        turns = [(a, there, first, b), (b, back, second, a)]
        if type(b) is not type(a) and issubclass(type(b), type(a)) and in_class(type(b), back) is not in_class(type(a), back):
            turns.reverse()
        for x, method, own, y in turns:
            plain = getattr(type(x), method, None)
            out = NotImplemented if plain is None else plain(x, y) if own is None else CALL[0](own, x, y)
            if out is not NotImplemented:
                return out
        return python(a, b)  # which is an error, or Python's own answer where there is none

    return apply


_NAMES = {"and": "and_", "or": "or_"}
_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    name: _binary(name, getattr(operator, _NAMES.get(name, name)), f"__{name}__", f"__r{name}__") for name in _ARITHMETIC
}
for _name, _back in {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}.items():
    BINARY[_name] = _binary(_name, getattr(operator, _name), f"__{_name}__", f"__{_back}__")


def negative(x: Any) -> Any:
    """`-x`"""
    return -x if type(x) in _PLAIN else _unary(x, "__neg__", operator.neg)


def positive(x: Any) -> Any:
    """`+x`"""
    return +x if type(x) in _PLAIN else _unary(x, "__pos__", operator.pos)


def inverted(x: Any) -> Any:
    """`~x`"""
    return ~x if type(x) in _PLAIN else _unary(x, "__invert__", operator.invert)


def _unary(x: Any, name: str, python: Callable[[Any], Any]) -> Any:
    own = special(x, name)
    return python(x) if own is None else CALL[0](own, x)


def in_place(name: str, python: Callable[[Any, Any], Any], place: Any, value: Any) -> Any:
    """`place += value` of an object whose class may say what that is."""
    own = special(place, f"__i{name}__")
    if own is not None:
        out = CALL[0](own, place, value)
        return out if out is not NotImplemented else BINARY[name](place, value)
    if in_class(type(place), f"__i{name}__") is None:
        return BINARY[name](place, value)
    return python(place, value)


def contains(item: Any, container: Any) -> Any:
    """`item in container`"""
    own = special(container, "__contains__")
    if own is not None:
        return decide(CALL[0](own, container, item))
    if isinstance(container, (list, tuple, Tracer, np.ndarray)) and contains_traced((item, container)):
        if isinstance(container, (list, tuple)):
            return effects.truth((BINARY["eq"](x, item) for x in container), False)
        return decide(lookup(np.any)(BINARY["eq"](container, item)))
    return item in container


# -- attributes -------------------------------------------------------------------------------------------------


def attribute(x: Any, name: str) -> Any:
    """`x.name`, where a property is the user's function."""
    kind = type(x)
    if kind in _MODULES or kind is type:
        return getattr(x, name)
    if kind is super:
        order = type(x.__self__).__mro__
        found = next((vars(c)[name] for c in order[order.index(x.__thisclass__) + 1 :] if name in vars(c)), None)
        return CALL[0](found.fget, x.__self__) if type(found) is property and is_users(found.fget) else getattr(x, name)
    found = in_class(kind, name)
    if type(found) is property:
        return CALL[0](found.fget, x) if is_users(found.fget) else getattr(x, name)
    if type(found) is functools.cached_property and hasattr(x, "__dict__"):
        if name not in vars(x) and is_users(found.func):
            value = CALL[0](found.func, x)
            note(x)
            vars(x)[name] = value
            return value
    elif found is not None and is_users(in_class(type(found), "__get__")) and (name not in _own(x) or hasattr(type(found), "__set__")):
        return CALL[0](in_class(type(found), "__get__"), found, x, kind)
    elif (
        found is None
        and name not in _own(x)
        and is_users(in_class(kind, "__getattr__"))
        and kind.__getattribute__ is object.__getattribute__
    ):
        return CALL[0](in_class(kind, "__getattr__"), x, name)
    return getattr(x, name)


def _own(x: Any) -> Any:
    return getattr(x, "__dict__", ())


def assign_attribute(x: Any, name: str, value: Any) -> None:
    """`x.name = value`, where a property is the user's function."""
    found = in_class(type(x), name)
    own = in_class(type(x), "__setattr__")
    if is_users(own):
        CALL[0](own, x, name, value)
    elif type(found) is property and is_users(found.fset):
        CALL[0](found.fset, x, value)
    else:
        note(x)
        setattr(x, name, value)
