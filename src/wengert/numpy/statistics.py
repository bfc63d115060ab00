"""Medians, quantiles, covariances. Ties share the derivative equally.

Start at `quantile`: every method is a weighted mean of two neighbours in the sorted array.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.errors import ArgumentError, IndexOutOfBoundsError, four_parts
from wengert.numpy.arguments import array, axes_of, given, in_dtype, kept, refuse_keyword
from wengert.numpy.promote import as_inexact, is_traced
from wengert.numpy.table import implements, refuse_out
from wengert.primitives import reduce
from wengert.primitives.index import take_along
from wengert.primitives.shape import permute, reshape, stop_gradient
from wengert.source import here


def _lanes(x: Any, axes: tuple[int, ...]) -> Any:
    """x with the axes merged into one last axis."""
    rest = tuple([i for i in range(x.ndim) if i not in axes])
    moved = permute(x, (*rest, *axes))
    return reshape(moved, (*[x.shape[i] for i in rest], math.prod([x.shape[i] for i in axes])))


def _lerp(a: Any, b: Any, t: Any) -> Any:
    """A + (b - a) t, exact at both ends, as NumPy's."""
    d = b - a
    if not is_traced(t) and np.ndim(t) == 0:
        return b - d * (1 - float(t)) if t >= 0.5 else a + d * float(t)
    return np.where(t >= 0.5, b - d * (1 - t), a + d * t)


def _nan_lanes(x: Any, y: Any) -> Any:
    """y, NaN where the lane of x has one."""
    return np.where(np.any(np.isnan(x), axis=-1), y.dtype.type(np.nan), y) if x.dtype.kind == "f" else y


def _at(x: Any, k: int) -> Any:
    """The element at index k of the sorted last axis; ties share the derivative."""
    return reduce.order_statistic(x, k, x.ndim - 1)


def _at_traced(x: Any, k: Any) -> Any:
    """As `_at`, with an index that depends on values, one for each lane: the value, plus the shares of what ties with it."""
    held = stop_gradient(x) if is_traced(x) else x
    k = np.broadcast_to(k, x.shape[:-1])
    value = take_along(reduce.sort(held, x.ndim - 1), np.expand_dims(k, -1), x.ndim - 1)
    tied = (held == value) & np.isfinite(held)
    shares = tied.astype(x.dtype) / np.maximum(np.sum(tied, axis=-1, keepdims=True), 1).astype(x.dtype)
    change = np.where(tied, x - held, x.dtype.type(0))
    return value[..., 0] + np.sum(shares * change, axis=-1)


# -- medians and quantiles ----------------------------------------------------------------------


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """The middle value, or the mean of the two in the middle."""
    if out is not None:
        refuse_out(np.median)
    x = as_inexact(array(a))
    axes = axes_of(axis, x.ndim)
    lanes = _lanes(x, axes)
    n = lanes.shape[-1]
    if n == 0:
        return kept(np.full(lanes.shape[:-1], np.nan, x.dtype)[()], x.shape, axes, keepdims)
    y = _at(lanes, n // 2) if n % 2 else (_at(lanes, n // 2 - 1) + _at(lanes, n // 2)) / 2
    return kept(_nan_lanes(lanes, y), x.shape, axes, keepdims)


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    *,
    weights: Any = None,
    **keywords: Any,
) -> Any:
    """Quantiles by any of NumPy's methods; by the method "linear" also differentiable in q."""
    if out is not None:
        refuse_out(np.quantile)
    if weights is not None or keywords:
        return refuse_keyword("quantile", "weights" if weights is not None else next(iter(keywords)))
    return _each_quantile(_beside(a, q), _checked(array(q)), axis, keepdims, method, _quantile_of_lanes)


@implements(np.percentile)
def percentile(a: Any, q: Any, *args: Any, **keywords: Any) -> Any:
    return quantile(a, _hundredth(q), *args, **keywords)


def _hundredth(q: Any) -> Any:
    """Percents as fractions; a plain number stays one."""
    return q / 100 if type(q) in (int, float) else array(q) / 100


def _beside(a: Any, q: Any) -> Any:
    """The array in the dtype of the result: an array q has a say in it, a plain number has not."""
    x = as_inexact(array(a))
    if x.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    return x if type(q) in (int, float) else in_dtype(x, np.result_type(x.dtype, np.asarray(1.0) if is_traced(q) else array(q) / 1.0))


def _checked(q: Any) -> Any:
    if not is_traced(q) and not (np.all(q >= 0) and np.all(q <= 1)):
        raise ArgumentError(four_parts("quantiles must be in the range [0, 1]", f"q is {q}", where=here()))
    return q


def _each_quantile(a: Any, q: Any, axis: Any, keepdims: Any, method: str, one: Any) -> Any:
    x = as_inexact(array(a))
    axes = axes_of(axis, x.ndim)
    lanes = _lanes(x, axes)
    if q.ndim == 0:
        return kept(one(lanes, q, method), x.shape, axes, keepdims)
    flat = np.ravel(q)
    results = [kept(one(lanes, flat[i], method), x.shape, axes, keepdims) for i in range(flat.shape[0])]
    if not results:
        return np.zeros((*q.shape, *kept(np.zeros(lanes.shape[:-1]), x.shape, axes, keepdims).shape), x.dtype)
    y = np.stack(results)
    return np.reshape(y, (*q.shape, *y.shape[1:]))


def _quantile_of_lanes(x: Any, q: Any, method: str) -> Any:
    n = x.shape[-1]
    if n == 0:
        raise IndexOutOfBoundsError(four_parts("a quantile of nothing", f"the array has shape {x.shape}", "It has no value.", where=here()))
    if is_traced(q):
        if method != "linear":
            return refuse_keyword("quantile", "method", 'method="linear" where q is traced')
        place = q * (n - 1)
        low = np.floor(place)
        below, above = low.astype(np.intp), np.minimum(low + 1, n - 1).astype(np.intp)
        y = _lerp(_at_traced(x, below), _at_traced(x, above), place - low)
    else:
        # Of the numbers 0, 1, …, the quantile is the place in the sorted array.
        place = float(q) * (n - 1) if method == "linear" else float(np.quantile(np.arange(float(n)), float(q), method=method))
        low = math.floor(place)
        y = _at(x, low)
        if place > low:
            y = _lerp(y, _at(x, low + 1), place - low)
    return _nan_lanes(x, y)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    if out is not None:
        refuse_out(np.nanmedian)
    return _each_quantile(a, np.float64(0.5), axis, keepdims, "linear", _quantile_of_present)


@implements(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
    **keywords: Any,
) -> Any:
    if out is not None:
        refuse_out(np.nanquantile)
    if given(keywords.get("weights")) or method != "linear":
        return refuse_keyword("nanquantile", "method" if method != "linear" else "weights", 'method="linear"')
    return _each_quantile(_beside(a, q), _checked(array(q)), axis, keepdims, method, _quantile_of_present)


@implements(np.nanpercentile)
def nanpercentile(a: Any, q: Any, *args: Any, **keywords: Any) -> Any:
    return nanquantile(a, _hundredth(q), *args, **keywords)


def _quantile_of_present(x: Any, q: Any, method: str) -> Any:
    """The quantile of what is not NaN; sorting puts NaN last."""
    if x.shape[-1] == 0:
        return np.full(x.shape[:-1], np.nan, x.dtype)[()]
    n = np.sum(~np.isnan(x), axis=-1)
    place = q * np.maximum(n - 1, 0)
    low = np.floor(place)
    below = low.astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    y = _lerp(_at_traced(x, below), _at_traced(x, above), (place - low).astype(x.dtype))
    return np.where(n == 0, x.dtype.type(np.nan), y)


# -- covariance ---------------------------------------------------------------------------


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    """The covariance matrix of the rows (or columns)."""
    x = _variables(m, rowvar)
    if y is not None:
        x = np.concatenate([x, _variables(y, rowvar)])
    if dtype is not None:
        x = x.astype(dtype)
    if ddof is None:
        ddof = 0 if bias else 1
    if x.shape[0] == 0:
        return np.zeros((0, 0), x.dtype)
    w: Any = None
    for weights in (fweights, aweights):
        if weights is not None:
            w = array(weights) * 1.0 if w is None else w * weights
    if w is None:
        total: Any = float(x.shape[1])
        mean = np.mean(x, axis=1, keepdims=True)
        count: Any = total - ddof
    else:
        total = np.sum(w)
        mean = np.sum(x * w, axis=1, keepdims=True) / total
        count = total - ddof if aweights is None or ddof == 0 else total - ddof * np.sum(w * aweights) / total
    d = x - mean
    right = d if w is None else d * w
    c = np.dot(d, np.conj(right.T)) / count
    return np.squeeze(c)


def _variables(m: Any, rowvar: bool) -> Any:
    """Observations as a matrix with one row a variable."""
    x = array(m)
    x = in_dtype(x, np.result_type(x.dtype, np.float64))
    if x.ndim > 2:
        raise ValueError("m has more than 2 dimensions")
    x = np.reshape(x, (1, -1)) if x.ndim < 2 else x
    return x.T if not rowvar and array(m).ndim != 1 else x


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None, **keywords: Any) -> Any:
    """The matrix of correlation coefficients, cut to [-1, 1]."""
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    s = np.sqrt(np.diagonal(c).real)
    c = c / s[:, None] / s[None, :]
    if c.dtype.kind == "c":
        return np.clip(c.real, -1, 1) + 1j * np.clip(c.imag, -1, 1)
    # Rounding alone leads outside; there the derivative is that of the quotient.
    excess = stop_gradient(c - np.clip(c, -1, 1))
    return c - excess
