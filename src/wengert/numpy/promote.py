"""NumPy's manners: promotion (NEP 50), broadcasting, and lifting of plain values beside traced ones.

Everything lenient happens here, so that primitives can be strict. Start at `elementwise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from wengert.errors import ShapeError, TraceError, four_parts
from wengert.ir.types import array_type
from wengert.ir.values import Literal, Traced, splat
from wengert.primitives.shape import broadcast, cast
from wengert.source import here

_PLAIN = (bool, int, float, complex)


def is_traced(x: Any) -> bool:
    return isinstance(x, Traced)


def contains_traced(x: Any) -> bool:
    """Whether a traced value is in x, looking into lists, tuples, dicts and object arrays."""
    if isinstance(x, Traced):
        return True
    if isinstance(x, (list, tuple)):
        return any(contains_traced(item) for item in x)
    if isinstance(x, dict):
        return any(contains_traced(item) for item in x.values())
    if isinstance(x, np.ndarray) and x.dtype == object:
        return any(contains_traced(item) for item in x.ravel().tolist())
    return False


def innermost(args: Sequence[Any]) -> Any:
    """The traced argument of the innermost trace, None if none is traced."""
    found, level = None, -1
    for a in args:
        if isinstance(a, Traced):
            depth = getattr(a, "level", 0)
            if depth > level:
                found, level = a, depth
    return found


def as_operand(x: Any) -> Any:
    """A traced value, a NumPy array or scalar, or a plain number; lists of traced values are stacked."""
    if isinstance(x, (Traced, Literal, np.generic, *_PLAIN)):
        return x
    if isinstance(x, np.ndarray):
        if isinstance(x, np.ma.MaskedArray):
            raise TraceError(
                four_parts(
                    "masked arrays cannot be traced", f"got {type(x).__name__}", where=here(), instead="use np.where on .data and .mask"
                )
            )
        if x.dtype == object:
            return stack_objects(x.tolist())
        return x
    if isinstance(x, (list, tuple)):
        return stack_objects(x)
    array = np.asarray(x)
    if array.dtype == object:
        raise TraceError(
            four_parts(
                f"cannot use a {type(x).__name__} as an array",
                repr(x)[:200],
                "It is neither a number, an array nor a list of them.",
                where=here(),
            )
        )
    return array


def stack_objects(items: Any) -> Any:
    """np.array of nested lists, some of whose leaves are traced."""
    if isinstance(items, (list, tuple)):
        if not contains_traced(items):
            return np.asarray(items)
        parts = [stack_objects(item) for item in items]
        return stack(parts)
    return as_operand(items)


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape along a new axis, after promotion."""
    from wengert.primitives.shape import Concatenate, reshape

    shapes = {np.shape(p) for p in parts}
    if len(shapes) > 1:
        raise ShapeError(four_parts("stacked arrays must have one shape", f"shapes: {sorted(shapes)}", where=here()))
    parts = promoted(*parts)
    shape = shape_of(parts[0])
    axis = axis % (len(shape) + 1)
    pieces: list[Any] = []
    rest = list(parts)
    while rest:
        run = _run(rest) if not axis else 1
        if run > 1:
            pieces.append(rest[0].origin[0][rest[0].origin[1] : rest[0].origin[1] + run])
        else:
            pieces.append(reshape(rest[0], (*shape[:axis], 1, *shape[axis:])))
        del rest[:run]
    return Concatenate(axis)(*pieces) if len(pieces) > 1 or not isinstance(pieces[0], Traced) else pieces[0]


def _run(parts: Sequence[Any]) -> int:
    """How many of the first parts are the rows of one array, one after the other, as a loop that appends to a list leaves them."""
    first = _origin(parts[0])
    if first is None:
        return 1
    count = 1
    for p in parts[1:]:
        found = _origin(p)
        if found is None or found[0] is not first[0] or found[1] != first[1] + count:
            break
        count += 1
    return count


def _origin(x: Any) -> Any:
    """(array, row) of which this is, if neither has been assigned to since; None if it is no row."""
    origin = getattr(x, "origin", None)
    return None if origin is None or origin[0].atom is not origin[2] or x.atom is not origin[3] else origin


def shape_of(x: Any) -> tuple[int, ...]:
    return x.shape if hasattr(x, "shape") else x.type.shape if isinstance(x, Literal) else np.shape(x)  # type: ignore[no-any-return]


def dtype_of(x: Any) -> Any:
    """The dtype for promotion: a plain number, or a traced value that began as one, is weak: its Python type."""
    if isinstance(x, Traced):
        return _WEAK[x.dtype.kind] if getattr(x, "weak", False) else x.dtype  # type: ignore[attr-defined]
    if isinstance(x, Literal):
        return x.type.dtype
    kind = type(x)
    return kind if kind in _PLAIN else x.dtype


_WEAK = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


@lru_cache(maxsize=4096)
def result_dtypes(ufunc: Any, dtypes: tuple[Any, ...], result: Any = None) -> tuple[np.dtype[Any], ...]:
    """The dtypes NumPy's own loop of this ufunc would use for operands and results, given the dtype asked of the results."""
    weak = [np.dtype(bool) if d is bool else d for d in dtypes]
    if all(d in (int, float, complex) for d in weak):
        weak = [np.result_type(d) for d in weak]
    try:
        asked = {} if result is None else {"signature": (*[None] * ufunc.nin, *[result] * ufunc.nout)}
        return tuple(ufunc.resolve_dtypes((*weak, *[None] * ufunc.nout), **asked))
    except TypeError as error:
        names = ", ".join(d.__name__ if isinstance(d, type) else d.name for d in dtypes)
        raise TraceError(four_parts(f"np.{ufunc.__name__} does not take these dtypes", names, str(error), where=here())) from None


@lru_cache(maxsize=4096)
def common_dtype(*dtypes: Any) -> np.dtype[Any]:
    """np.result_type with weak Python scalars."""
    return np.result_type(*[d(0) if isinstance(d, type) and d is not bool else d for d in dtypes])


def lifted(x: Any, trace: Any) -> Any:
    """A NumPy value as a traced constant of the trace; the rest as it is."""
    return trace.lift(x) if isinstance(x, (np.ndarray, np.generic)) and trace is not None else x


def convert(x: Any, dtype: np.dtype[Any], shape: tuple[int, ...], trace: Any) -> Any:
    """x in this dtype and shape, as an operand of a strict primitive."""
    if isinstance(x, _PLAIN) and not isinstance(x, np.generic):
        return splat(x, array_type(shape, dtype))
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype != dtype:
            x = x.astype(dtype)
        if x.shape != shape:
            return broadcast(trace.lift(x), shape) if trace is not None else np.broadcast_to(x, shape)
        return x
    if isinstance(x, Traced) and shape_of(x) != shape and getattr(x, "level", None) != getattr(trace, "level", None):
        x = trace.lift(x)  # a value of an outer trace is captured before it is repeated
    return broadcast(cast(x, dtype), shape)


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    first = shapes[0]
    for other in shapes[1:]:
        if other != first and other != ():
            break
    else:
        if first != () or all(s == () for s in shapes):
            return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(
            four_parts(
                "operands could not be broadcast together",
                "shapes: " + ", ".join(map(str, shapes)),
                "NumPy aligns shapes at the right.",
                where=here(),
            )
        ) from None


def elementwise(primitive: Any, ufunc: Any, *args: Any) -> Any:
    """Apply an elementwise primitive as its ufunc would be: promote, broadcast, record."""
    first = args[0]
    if len(args) == 1 and isinstance(first, Traced) and first.dtype.kind in "fc":  # type: ignore[attr-defined]
        dtype = result_dtypes(ufunc, (first.dtype,))[0]  # type: ignore[attr-defined]
        return primitive(first if dtype == first.dtype else cast(first, dtype))  # type: ignore[attr-defined]
    operands = [as_operand(a) for a in args]
    trace = innermost(operands)
    dtypes = result_dtypes(ufunc, tuple([dtype_of(a) for a in operands]))
    shape = broadcast_shapes(*[shape_of(a) for a in operands])
    return primitive(*[convert(a, d, shape, trace) for a, d in zip(operands, dtypes, strict=False)])


def promoted(*args: Any) -> list[Any]:
    """Operands in their common dtype, shapes as they are."""
    operands = [as_operand(a) for a in args]
    trace = innermost(operands)
    dtype = common_dtype(*[dtype_of(a) for a in operands])
    return [convert(a, dtype, shape_of(a), trace) for a in operands]


def as_inexact(x: Any) -> Any:
    """x as float64 if it is of an integer or bool dtype."""
    x = as_operand(x)
    if isinstance(x, _PLAIN):
        return np.asarray(x, np.result_type(type(x), np.float64))[()]
    return x if dtype_of(x) in (float, complex) or x.dtype.kind in "fc" else cast(x, np.float64) if is_traced(x) else x.astype(np.float64)
