"""Python's own functions, and those of `math`, on traced values; and the arrays that NumPy makes from nothing, as traced ones.

One table, by the function that the user's text names. Start at `SUBSTITUTES`.
"""

from __future__ import annotations

import builtins
import functools
import math
import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import TraceError, four_parts
from wengert.ir.values import Traced
from wengert.numpy.promote import contains_traced, stack_objects
from wengert.numpy.table import ENTRANCE, lookup
from wengert.primitives.shape import cast
from wengert.source import here
from wengert.trace import record
from wengert.trace.capture import effects, over
from wengert.trace.capture.branch import choice, decide
from wengert.trace.capture.classes import CALL, special
from wengert.trace.capture.containers import made
from wengert.trace.capture.mutation import boxed
from wengert.trace.capture.selected import Selected
from wengert.trace.capture.values import is_data
from wengert.trace.tracer import Tracer

SUBSTITUTES: dict[Any, Callable[..., Any]] = {}
CREATORS: dict[str, bool] = {}  # functions that make arrays from nothing -> whether of one number
CHOSEN: list[Callable[..., Any]] = []  # an item of a list at a traced index: set by `operators`


def _stands_for(*functions: Any) -> Callable[[Any], Any]:
    def register(f: Any) -> Any:
        for function in functions:
            SUBSTITUTES[function] = f
        return f

    return register


def _staged() -> bool:
    return over.staged()


# -- numbers ------------------------------------------------------------------------------------------------


@_stands_for(float)
def float_(x: Any = 0.0) -> Any:
    """float(x)"""
    if not isinstance(x, Traced):
        return float(x)
    if x.type.size != 1 or x.type.dtype.kind == "c":  # type: ignore[union-attr]
        raise TypeError(f"only real arrays of one element can be converted to Python scalars, got {x.type!r}")
    out = cast(lookup(np.reshape)(x, ()) if x.type.shape else x, np.float64)  # type: ignore[union-attr]
    return _weak(out.snapshot() if out is x else out)


def _weak(x: Any) -> Any:
    if isinstance(x, Tracer):
        x.weak = True
    return x


@_stands_for(int)
def int_(x: Any = 0, *base: Any) -> Any:
    """int(x)"""
    if not isinstance(x, Traced):
        return int(x, *base)
    return _integer(lookup(np.trunc)(x) if x.type.dtype.kind == "f" else x)  # type: ignore[union-attr]


def _integer(x: Any) -> Any:
    if x.type.size != 1:
        raise TypeError(f"only arrays of one element can be converted to Python scalars, got {x.type!r}")
    known = effects.known(x)
    if not isinstance(known, Traced):
        return int(known)
    out = cast(lookup(np.reshape)(x, ()) if x.type.shape else x, np.int64)
    return _weak(out.snapshot() if out is x else out)


@_stands_for(bool)
def bool_(x: Any = False) -> Any:
    """bool(x)"""
    return decide(x)


@_stands_for(complex)
def complex_(*parts: Any) -> Any:
    """complex(a, b)"""
    if not contains_traced(parts):
        return complex(*parts)
    out = parts[0] + 0j
    return out if len(parts) == 1 else out + parts[1] * 1j


@_stands_for(round)
def round_(x: Any, digits: Any = None) -> Any:
    """round(x)"""
    if not isinstance(x, Traced):
        return round(x) if digits is None else round(x, digits)
    out = lookup(np.round)(x, digits or 0)
    return _integer(out) if digits is None and not x.type.shape else out  # type: ignore[union-attr]


@_stands_for(divmod)
def divmod_(a: Any, b: Any) -> Any:
    """divmod(a, b)"""
    return (a // b, a % b) if isinstance(a, Traced) or isinstance(b, Traced) else divmod(a, b)


def _extreme(name: str, better: Any) -> Any:
    original = getattr(builtins, name)

    def extreme(*args: Any, key: Any = None, **keywords: Any) -> Any:
        items = list(args[0]) if len(args) == 1 else list(args)
        keys = items if key is None else [CALL[0](key, item) for item in items]
        if not contains_traced(keys) or not _staged():
            places = {id(item): k for item, k in zip(items, keys, strict=True)}
            known = None if key is None else lambda item: places[id(item)]
            return original(items, key=known, **keywords) if len(args) == 1 else original(*args, key=known, **keywords)
        best, most = items[0], keys[0]
        for item, k in zip(items[1:], keys[1:], strict=True):
            test = decide(better(k, most))
            best, most = _either(test, item, best), _either(test, k, most)
        return best

    return extreme


def _either(test: Any, a: Any, b: Any) -> Any:
    """`a if test else b`, of two things that are there."""
    if a is b or isinstance(test, bool):
        return a if test else b
    if is_data(a) and is_data(b) and np.shape(a) == np.shape(b):
        return lookup(np.where)(test, a, b)
    return choice(test, lambda: a, lambda: b)


SUBSTITUTES[min] = _extreme("min", operator.lt)
SUBSTITUTES[max] = _extreme("max", operator.gt)


@_stands_for(sum)
def sum_(items: Any, start: Any = 0) -> Any:
    """sum(items, start)"""
    if isinstance(items, Traced) and _staged() and items.type.shape[0] > 8:  # type: ignore[union-attr]
        total = lookup(np.sum)(items, axis=0)
        return total if isinstance(start, int) and start == 0 else start + total
    out = start
    for item in items:
        out = out + item
    return out


@_stands_for(len)
def len_(x: Any) -> Any:
    """len(x)"""
    return x.size if isinstance(x, Selected) else len(x)


@_stands_for(all)
def all_(items: Any) -> Any:
    """all(items)"""
    return effects.truth(items, True)


@_stands_for(any)
def any_(items: Any) -> Any:
    """any(items)"""
    return effects.truth(items, False)


@_stands_for(sorted)
def sorted_(items: Any, *, key: Any = None, reverse: bool = False) -> Any:
    """sorted(items)"""
    found = list(items)
    keys = found if key is None else [CALL[0](key, x) for x in found]
    if not contains_traced(keys) or not _staged() or not all([np.ndim(k) == 0 for k in keys]):
        return made(sorted(found, key=key, reverse=reverse))
    values = stack_objects(keys)
    order = lookup(np.argsort)(values[::-1] if reverse else values, kind="stable")
    order = (len(keys) - 1 - order)[::-1] if reverse else order
    return made([CHOSEN[0](found, order[i]) for i in range(len(keys))])


@_stands_for(isinstance)
def isinstance_(x: Any, kinds: Any) -> bool:
    """isinstance(x, kinds), where a traced value is of the kinds that its value will be of."""
    if not isinstance(x, Traced):
        return isinstance(x, kinds)
    if isinstance(x, kinds):
        return True
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    sample: Any = np.empty(x.type.shape[:0] + (0,), x.type.dtype) if x.type.shape else x.type.dtype.type(0)  # type: ignore[union-attr]
    if getattr(x, "weak", False):
        sample = sample.item()
    return any([isinstance(sample, k) for k in wanted if isinstance(k, type)])


SUBSTITUTES[range] = over.range_
SUBSTITUTES[enumerate] = over.enumerate_
SUBSTITUTES[zip] = over.zip_
SUBSTITUTES[reversed] = over.reversed_
SUBSTITUTES[print] = effects.print_


@_stands_for(warnings.warn)
def warn(*args: Any, **keywords: Any) -> None:
    """warnings.warn: not on a path that may not be taken."""
    tape = record.active()
    if tape is None or tape.journal is None:
        warnings.warn(*args, **{"stacklevel": 3, **keywords})


@_stands_for(str)
def str_(*args: Any, **keywords: Any) -> Any:
    """str(x)"""
    return str(*args, **keywords) if len(args) != 1 or keywords else effects.text((args[0], 115, ""))


@_stands_for(repr)
def repr_(x: Any) -> Any:
    """repr(x)"""
    return effects.text((x, 114, ""))


@_stands_for(format)
def format_(x: Any, spec: str = "") -> Any:
    """format(x, spec)"""
    return effects.text((x, -1, spec))


@_stands_for(list)
def list_(*items: Any) -> Any:
    """list(items)"""
    return made(list(*items))


@_stands_for(dict)
def dict_(*items: Any, **keywords: Any) -> Any:
    """dict(items)"""
    return made(dict(*items, **keywords))


@_stands_for(set)
def set_(*items: Any) -> Any:
    """set(items)"""
    return made(set(*items))


def _answered(function: Any, name: str, finish: Any = None) -> None:
    """A built-in function of objects whose class says what it gives."""
    known = SUBSTITUTES.get(function, function)

    def ask(*args: Any, **keywords: Any) -> Any:
        own = special(args[0], name) if args else None
        if own is None:
            return known(*args, **keywords)
        out = CALL[0](own, *args, **keywords)
        return out if finish is None else finish(out)

    SUBSTITUTES[function] = ask


for _python, _name, _finish in (
    (len, "__len__", None), (abs, "__abs__", None), (round, "__round__", None), (iter, "__iter__", None), (next, "__next__", None),
    (float, "__float__", float_), (int, "__int__", int_), (complex, "__complex__", complex_), (divmod, "__divmod__", None),
    (reversed, "__reversed__", None),
):  # fmt: skip
    _answered(_python, _name, _finish)


# -- NumPy's numbers ------------------------------------------------------------------------------------------


def _scalar(kind: Any) -> None:
    def make(*args: Any, **keywords: Any) -> Any:
        if not contains_traced(args):
            return kind(*args, **keywords)
        (value,) = args
        value = stack_objects(value) if isinstance(value, (list, tuple)) else value
        out = cast(value, kind)
        out = out.snapshot() if out is value else out
        out.weak = False
        return out

    SUBSTITUTES[kind] = make


for _kind in {*np.sctypeDict.values()}:
    if issubclass(_kind, (np.number, np.bool_)) and np.dtype(_kind).kind in "fciub":
        _scalar(_kind)


# -- math -----------------------------------------------------------------------------------------------------


def _of_math(name: str, function: Any) -> None:
    original = getattr(math, name, None)
    if original is None:
        return

    def apply(*args: Any, **keywords: Any) -> Any:
        if not contains_traced(args):
            return original(*args, **keywords)
        return _weak(function(*args, **keywords))

    SUBSTITUTES[original] = apply


def _ufunc(ufunc: Any) -> Any:
    return lambda *args: lookup(ufunc)(*args)


for _name, _function in {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log2": np.log2, "log10": np.log10, "log1p": np.log1p,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "fabs": np.absolute, "copysign": np.copysign, "hypot": np.hypot,
    "degrees": np.degrees, "radians": np.radians, "fmod": np.fmod, "pow": np.power,
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite,
}.items():  # fmt: skip
    _of_math(_name, _ufunc(_function))
_of_math(
    "log",
    lambda x, *base: (
        lookup(np.log)(x) / (math.log(base[0]) if not isinstance(base[0], Traced) else lookup(np.log)(base[0]))
        if base
        else lookup(np.log)(x)
    ),
)
for _name, _function in {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc}.items():
    _of_math(_name, functools.partial(lambda ufunc, x: _integer(lookup(ufunc)(x)), _function))
_of_math("fsum", sum_)
_of_math("prod", lambda items, *, start=1: functools.reduce(operator.mul, items, start))
_of_math("dist", lambda p, q: lookup(np.sqrt)(sum([(a - b) ** 2 for a, b in zip(p, q, strict=True)])))
_of_math("gamma", lambda x: _special("gamma")(x))
_of_math("lgamma", lambda x: _special("gammaln")(x))
_of_math("erf", lambda x: _special("erf")(x))
_of_math("erfc", lambda x: _special("erfc")(x))


def _special(name: str) -> Any:
    import scipy.special

    return getattr(scipy.special, name)


@_stands_for(np.lib.stride_tricks.as_strided)
def as_strided(x: Any, *args: Any, **keywords: Any) -> Any:
    """as_strided(x): refused, as a traced array has no memory."""
    if not isinstance(x, Traced):
        return np.lib.stride_tricks.as_strided(x, *args, **keywords)
    raise TraceError(
        four_parts(
            "as_strided of a traced array",
            repr(x.type),
            "It stands for values and has no memory to be looked at in strides.",
            "np.lib.stride_tricks.sliding_window_view, slices, or np.broadcast_to",
            here(),
        )
    )


# -- arrays made from nothing ---------------------------------------------------------------------------------


_FILLED = (np.full, np.full_like)  # with one number, or with an array
_DEFINED = {np.empty: np.zeros, np.empty_like: np.zeros_like}  # what memory happens to hold would make of each run another program


def _creator(original: Any, uniform: bool) -> None:
    made = _DEFINED.get(original, original)

    def create(*args: Any, **keywords: Any) -> Any:
        if contains_traced(args) or contains_traced(keywords):
            out = ENTRANCE[-1](original, args, keywords)
        else:
            out = made(*args, **keywords)
        if record.active() is None or not isinstance(out, np.ndarray) or not out.ndim or out.dtype.kind not in "fciub":
            return out
        if args and isinstance(args[0], np.ndarray) and np.may_share_memory(out, args[0]):
            return out
        return boxed(out, uniform and (original not in _FILLED or np.ndim(keywords["fill_value"] if len(args) < 2 else args[1]) == 0))

    SUBSTITUTES[original] = create
    CREATORS[original.__name__] = uniform


for _function in (np.zeros, np.ones, np.empty, np.zeros_like, np.ones_like, np.empty_like, *_FILLED):
    _creator(_function, True)
for _function in (
    np.array, np.asarray, np.copy, np.arange, np.linspace, np.logspace, np.geomspace, np.eye, np.identity, np.asanyarray,
    np.ascontiguousarray, np.tri, np.repeat, np.tile,
):  # fmt: skip
    _creator(_function, False)
