"""A function called again with arguments of the same types is captured once, and stays a call: programs grow with types, not with calls.

Only functions that see nothing that may change between two calls. Knows the regions of a run. Start at `shared`.
"""

from __future__ import annotations

import dis
import types
from typing import Any

import numpy as np

from wengert import tree
from wengert.ir.values import Function, Traced
from wengert.primitives.control import Call
from wengert.trace import boxes, record
from wengert.trace.capture.containers import Unstaged
from wengert.trace.capture.values import is_data, is_weak, kind_of
from wengert.trace.record import Raised
from wengert.trace.tracer import Tracer

_CONSTANT = (
    int,
    float,
    complex,
    str,
    bytes,
    bool,
    type(None),
    types.ModuleType,
    types.BuiltinFunctionType,
    np.ufunc,
    type,
    np.dtype,
    type(np.sum),
)
_NOT_YET, _NEVER = object(), object()


class _Captured:
    """A function for arguments of some types: arrays in, results and changed arguments out."""

    __slots__ = ("changed", "constants", "function", "leaves", "structure", "weak")

    def __init__(
        self, function: Function, constants: list[Any], structure: Any, leaves: list[Any], weak: list[bool], changed: list[int]
    ) -> None:
        self.function, self.constants, self.structure, self.leaves = function, constants, structure, leaves
        self.weak, self.changed = weak, changed


class _Out:
    """A leaf of the result: output number `at`, or the argument of that number itself."""

    __slots__ = ("argument", "at")

    def __init__(self, at: int, argument: int | None) -> None:
        self.at, self.argument = at, argument


def shared(f: types.FunctionType, converted: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a call of f by a `Call` that it shares with others; `NotImplemented` where it is to be written out."""
    memo: dict[Any, Any] = record.outermost().memo
    if not _is_closed(f, memo):
        return NotImplemented
    leaves, structure = tree.flatten((args, kwargs))
    key = _key(f, leaves, structure)
    if key is None:
        return NotImplemented
    found = memo.get(key)
    if found is None:
        memo[key] = _NOT_YET
        return NotImplemented
    data = [leaf for leaf in leaves if _is_argument(leaf)]
    if found is _NEVER or not _apart(data):
        return NotImplemented
    if found is _NOT_YET:
        memo[key] = _NEVER  # also for a call of it inside itself
        found = _capture(converted, leaves, structure, data)
        if found is None:
            return NotImplemented
        memo[key] = found
    return _called(found, data)


def _key(f: Any, leaves: list[Any], structure: Any) -> Any:
    parts: list[Any] = []
    for leaf in leaves:
        if _is_argument(leaf):
            parts.append((kind_of(leaf), is_weak(leaf), getattr(leaf, "frozen", False) is not False))
        elif (
            isinstance(leaf, (int, str, bool, bytes, type(None)))
            or isinstance(leaf, (types.FunctionType, type))
            and not getattr(leaf, "__closure__", None)
        ):
            parts.append((type(leaf), leaf))
        else:
            return None
    return f, structure, tuple(parts)


def _is_argument(leaf: Any) -> bool:
    return is_data(leaf) and not isinstance(leaf, (bool, int))


def _apart(data: list[Any]) -> bool:
    """Whether no two arguments share memory."""
    roots = []
    for box in data:
        if isinstance(box, np.ndarray):
            return False  # it may be assigned to
        if type(box) is Tracer and box.shape:
            above = boxes.base_of(box)
            while above is not None:
                box, above = above[0], boxes.base_of(above[0])
            roots.append(id(box))
    return len(set(roots)) == len(roots)


def _capture(converted: Any, leaves: list[Any], structure: Any, data: list[Any]) -> _Captured | None:
    kinds = [kind_of(x) for x in data]
    try:
        with record.region(("call", converted.__code__), kinds, converted.__name__) as (tape, inputs):
            given = iter(inputs)
            filled = []
            for leaf in leaves:
                if _is_argument(leaf):
                    box = next(given)
                    box.weak = is_weak(leaf)
                    box.frozen = getattr(leaf, "frozen", False)
                    leaf = box
                filled.append(leaf)
            held = [box.atom for box in inputs]
            args, kwargs = tree.unflatten(structure, filled)
            result = converted(*args, **kwargs)
            if tape.journal.before or tape.journal.containers:
                return None
            found = _outputs(result, inputs)
            if found is None:
                return None
            values, outs, out_structure, weak = found
            changed = [i for i, (box, atom) in enumerate(zip(inputs, held, strict=True)) if box.atom is not atom]
            outputs = [v.snapshot() if isinstance(v, Tracer) else v for v in [*values, *[inputs[i] for i in changed]]]
    except (Raised, Unstaged):
        return None
    function, constants = tape.finish(outputs)
    if any([isinstance(c, Traced) for c in constants]):
        return None
    return _Captured(function, constants, out_structure, outs, weak, changed)


def _outputs(result: Any, inputs: list[Any]) -> Any:
    leaves, structure = tree.flatten(result)
    values: list[Any] = []
    outs: list[Any] = []
    weak: list[bool] = []
    own = {id(box): i for i, box in enumerate(inputs)}
    for leaf in leaves:
        if isinstance(leaf, (Traced, np.generic)) or type(leaf) in (float, complex):
            if boxes.base_of(leaf) is not None:
                return None  # a view of what is inside, or of an argument
            outs.append(_Out(len(values), own.get(id(leaf))))
            values.append(leaf)
            weak.append(is_weak(leaf))
        elif isinstance(leaf, (int, bool, str)):
            outs.append(leaf)
        else:
            return None
    return values, outs, structure, weak


def _called(found: _Captured, data: list[Any]) -> Any:
    tape: Any = record.active()
    operands = [x if isinstance(x, Traced) else np.asarray(x)[()] for x in data]
    out = tape.bind(Call(found.function), (*operands, *found.constants), Tracer.of)
    results = list(out) if isinstance(out, tuple) else [out]
    n = len(found.weak)
    for r, weak in zip(results, found.weak, strict=False):
        r.weak = weak
    for i, value in zip(found.changed, results[n:], strict=True):
        boxes.replace(data[i], value)
    leaves = []
    for leaf in found.leaves:
        if type(leaf) is not _Out:
            leaves.append(leaf)
        elif leaf.argument is not None and isinstance(data[leaf.argument], Tracer):
            leaves.append(data[leaf.argument])
        else:
            leaves.append(results[leaf.at])
    return tree.unflatten(found.structure, leaves)


# -- what a function sees -------------------------------------------------------------------------------------


def _is_closed(f: types.FunctionType, memo: dict[Any, Any]) -> bool:
    """Whether all that f sees outside its arguments are constants, and functions that are closed too."""
    known = memo.get(("closed", f))
    if known is None:
        memo["closed", f] = True  # it may call itself
        known = memo["closed", f] = all([_is_constant(x, memo) for x in _seen(f)])
    return bool(known)


def _is_constant(x: Any, memo: dict[Any, Any]) -> bool:
    if isinstance(x, types.FunctionType):
        return _is_library(x) or _is_closed(x, memo)
    if isinstance(x, tuple):
        return all([_is_constant(item, memo) for item in x])
    return (
        isinstance(x, _CONSTANT)
        and not hasattr(x, "__dict__")
        or isinstance(x, (types.ModuleType, type, np.ufunc, types.BuiltinFunctionType, type(np.sum)))
    )


def _is_library(f: types.FunctionType) -> bool:
    return (f.__module__ or "").partition(".")[0] in ("numpy", "scipy", "wengert", "math", "functools")


def _seen(f: types.FunctionType) -> list[Any]:
    found: list[Any] = []
    for cell in f.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append(object())
    space = f.__globals__
    found += [space[name] for name in _global_names(f.__code__) if name in space]
    found += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
    return found


def _global_names(code: types.CodeType) -> set[str]:
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL")}
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            names |= _global_names(c)
    return names
