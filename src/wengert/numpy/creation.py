"""Arrays made like others, from others, or from numbers: zeros_like, asarray, linspace, meshgrid, diag.

Start at `zeros_like`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.numpy import promote
from wengert.numpy.arguments import array, arrays, axis_of, given, in_dtype, shape_argument, static
from wengert.numpy.promote import as_operand, is_traced
from wengert.numpy.table import implements
from wengert.primitives.shape import broadcast, reshape


def _like(function: Any, make: Any) -> None:
    def like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Any:
        x = array(a)
        return make(x.shape if shape is None else shape_argument(shape), dtype if given(dtype) else x.dtype)

    like.__name__ = function.__name__
    implements(function)(like)


_like(np.zeros_like, np.zeros)
_like(np.empty_like, np.zeros)
_like(np.ones_like, np.ones)


@implements(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    x = array(a)
    return full(x.shape if shape is None else shape, fill_value, dtype if given(dtype) else x.dtype)


@implements(np.full)
def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **keywords: Any) -> Any:
    shape, value = shape_argument(static(shape)), array(fill_value)
    if not is_traced(value):
        return np.full(shape, value, dtype)
    return np.broadcast_to(in_dtype(value, dtype), shape)


def _of_shape(function: Any) -> None:
    def make(*args: Any, **keywords: Any) -> Any:
        return function(*[static(a) for a in args], **{name: static(v) for name, v in keywords.items()})

    make.__name__ = function.__name__
    implements(function)(make)


for _function in (np.zeros, np.ones, np.empty, np.eye, np.identity, np.tri, np.indices):
    _of_shape(_function)


@implements(np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.copy, np.asarray_chkfinite, np.require)
def asarray(a: Any, dtype: Any = None, *args: Any, copy: Any = None, order: Any = None, ndmin: int = 0, **keywords: Any) -> Any:
    """Numbers and nested lists, some of them traced, as one array. Values never change, so nothing is copied."""
    x = as_operand(a)
    x = in_dtype(array(x), None if isinstance(dtype, str) and dtype in ("K", "C", "A", "F") else dtype)
    return reshape(x, (1,) * (ndmin - x.ndim) + x.shape) if x.ndim < ndmin else x


@implements(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    return in_dtype(array(x), dtype)


# -- sequences ----------------------------------------------------------------------------


@implements(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: Any = 0,
    *,
    device: Any = None,
) -> Any:
    num = int(num)
    working = promote.common_dtype(promote.dtype_of(as_operand(start)), promote.dtype_of(as_operand(stop)), float)
    start, stop = arrays(in_dtype(array(start), working), in_dtype(array(stop), working))
    count = num - 1 if endpoint else num
    shape = promote.broadcast_shapes(start.shape, stop.shape)
    delta = stop - start
    steps = np.reshape(np.arange(num, dtype=np.float64), (-1, *[1] * len(shape))).astype(np.empty(0, delta.dtype).real.dtype)
    step = delta / count if count > 0 else delta * np.nan
    y = steps * step + start if count > 0 else steps * delta + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.reshape(np.broadcast_to(stop, shape), (1, *shape))])
    if axis != 0:
        y = np.moveaxis(y, 0, axis)
    y = in_dtype(y, dtype)
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: Any = 0) -> Any:
    if np.ndim(base) > 0:  # start, stop and base are lined up before there is a new axis
        ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (np.reshape(p, (1,) * (ndim - p.ndim) + p.shape) for p in map(array, (start, stop, base)))
        base = np.expand_dims(base, axis)
    plain = not is_traced(start) and not is_traced(stop)
    y = np.linspace(start, stop, num, endpoint, axis=axis) if plain else linspace(start, stop, num, endpoint, axis=axis)
    return in_dtype(np.power(base, y), dtype)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: Any = 0) -> Any:
    """Exp of a linear sequence of logarithms, turned by the sign of `start`."""
    working = promote.common_dtype(promote.dtype_of(as_operand(start)), promote.dtype_of(as_operand(stop)), float)
    working = np.result_type(working, np.float64)
    start, stop = arrays(in_dtype(array(start), working), in_dtype(array(stop), working))
    sign = np.sign(start)
    y = np.exp(linspace(np.log(start / sign), np.log(stop / sign), num, endpoint)) * sign
    num, shape = int(num), y.shape[1:]
    ends = [np.reshape(np.broadcast_to(e, shape), (1, *shape)) for e in (start, stop)]
    if num > 1:
        y = np.concatenate([ends[0], y[1:-1], ends[1]] if endpoint else [ends[0], y[1:]])
    return in_dtype(np.moveaxis(y, 0, axis) if axis else y, dtype)


@implements(np.arange)
def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, **keywords: Any) -> Any:
    """The length is found from values; the elements start + i*step keep their derivative."""
    if stop is None:
        start, stop = 0, start
    n = np.arange(static(start), static(stop), static(step)).size
    return in_dtype(start + step * np.arange(n), dtype)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    xs = arrays(*xi)
    n = len(xs)
    grid = [np.reshape(x, (1,) * i + (-1,) + (1,) * (n - i - 1)) for i, x in enumerate(xs)]
    if indexing == "xy" and n > 1:
        grid = [np.swapaxes(g, 0, 1) for g in grid]
    return tuple(grid if sparse else np.broadcast_arrays(*grid))


@implements(np.ix_)
def ix_(*args: Any) -> Any:
    xs = [array(a) for a in args]
    xs = [np.nonzero(static(x))[0] if x.dtype.kind == "b" else x for x in xs]
    n = len(xs)
    return tuple([np.reshape(x, (1,) * i + (-1,) + (1,) * (n - i - 1)) for i, x in enumerate(xs)])


# -- matrices -----------------------------------------------------------------------------


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    from wengert.primitives.linalg.diagonal import DiagonalEmbed

    x = array(v)
    if x.ndim == 1:
        n = x.shape[0] + abs(k)
        return DiagonalEmbed(n, n, int(k), 0, 1)(x)
    if x.ndim == 2:
        return np.diagonal(x, k)
    raise ValueError("Input must be 1- or 2-d.")


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return diag(np.ravel(array(v)), k)


def _triangle(function: Any, lower: bool) -> None:
    def triangle(m: Any, k: int = 0) -> Any:
        from wengert.primitives.linalg.diagonal import Triangle

        x = array(m)
        if x.ndim == 1:
            x = broadcast(x, (x.shape[0], x.shape[0]))
        return Triangle(lower, int(k))(x)

    triangle.__name__ = function.__name__
    implements(function)(triangle)


_triangle(np.tril, True)
_triangle(np.triu, False)


@implements(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    v = array(x)
    if v.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    v = in_dtype(v, np.promote_types(v.dtype, int))
    n = v.shape[0] if N is None else int(N)
    powers = [np.ones(v.shape, v.dtype)]
    for _ in range(1, n):
        powers.append(powers[-1] * v)
    powers = powers[:n]
    if not powers:
        return np.zeros((v.shape[0], 0), v.dtype)
    return np.stack(powers if increasing else powers[::-1], axis=1)


def _positions(function: Any) -> None:
    def positions(arr: Any, k: int = 0) -> Any:
        shape = np.empty(array(arr).shape)
        return function(shape) if function is np.diag_indices_from else function(shape, k)

    positions.__name__ = function.__name__
    implements(function)(positions)


for _function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
    _positions(_function)


# -- what an array says of itself ---------------------------------------------------------------


@implements(np.shape)
def shape_(a: Any) -> Any:
    return array(a).shape


@implements(np.ndim)
def ndim_(a: Any) -> Any:
    return array(a).ndim


@implements(np.size)
def size_(a: Any, axis: Any = None) -> Any:
    x = array(a)
    if axis is None:
        return x.size
    n = 1
    for i in axis if isinstance(axis, tuple) else (axis,):
        n *= x.shape[axis_of(i, x.ndim)]
    return n


@implements(np.result_type)
def result_type(*args: Any) -> Any:
    kinds = [promote.dtype_of(as_operand(a)) if not isinstance(a, (np.dtype, type, str)) else np.dtype(a) for a in args]
    return promote.common_dtype(*kinds)


@implements(np.can_cast)
def can_cast(from_: Any, to: Any, casting: Any = "safe") -> Any:
    return np.can_cast(from_.dtype if is_traced(from_) else from_, to, casting)


@implements(np.min_scalar_type)
def min_scalar_type(a: Any, /) -> Any:
    return array(a).dtype


@implements(np.common_type)
def common_type(*args: Any) -> Any:
    return np.common_type(*[np.empty(0, array(a).dtype) for a in args])


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    return bool(array(x).dtype.kind == "c")


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    return not iscomplexobj(x)


@implements(np.isscalar)
def isscalar(element: Any) -> bool:
    return False


@implements(np.may_share_memory, np.shares_memory)
def shares_memory(a: Any, b: Any, *args: Any, **keywords: Any) -> bool:
    return a is b


@implements(np.array2string, np.array_repr, np.array_str)
def array_repr(a: Any, *args: Any, **keywords: Any) -> str:
    return repr(a)
