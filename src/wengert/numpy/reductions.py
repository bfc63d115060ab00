"""Reductions and cumulations along axes: sum, prod, extrema, mean, variance, any, all.

Knows the primitives of `reduce`; composites are plain NumPy on traced values. Start at `sum_`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.numpy.arguments import NO_VALUE, accumulated, array, axes_of, axis_of, flag, given, in_dtype, kept
from wengert.numpy.promote import is_traced
from wengert.numpy.table import implements, refuse_out
from wengert.primitives import reduce
from wengert.primitives.shape import reshape


def _masked(x: Any, where: Any, fill: Any) -> Any:
    """x where the mask holds, `fill` elsewhere."""
    return x if not given(where) or where is True else np.where(where, x, _constant(fill, x.dtype))


def _constant(value: Any, dtype: Any) -> Any:
    value = np.asarray(value)[()] if not is_traced(value) else value
    if value.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"{value.dtype} cannot be used as {dtype}: the imaginary part would be lost")
    return in_dtype(value, dtype)


def _reduction(function: Any, primitive: Any, identity: Any, combine: Any) -> Any:
    """A reduction with the keywords axis, dtype, keepdims, initial and where."""

    def reduction(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True
    ) -> Any:
        if out is not None:
            refuse_out(function)
        x = array(a)
        x = in_dtype(x, dtype if given(dtype) else accumulated(x.dtype))
        x = _masked(x, where, identity)
        axes = axes_of(axis, x.ndim)
        y = kept(primitive(x, axes), x.shape, axes, keepdims)
        return combine(y, _constant(initial, y.dtype)) if given(initial) else y

    reduction.__name__ = function.__name__
    return reduction


sum_ = implements(np.sum)(_reduction(np.sum, reduce.sum_, 0, np.add))
prod = implements(np.prod)(_reduction(np.prod, reduce.prod, 1, np.multiply))


def _extremum(function: Any, primitive: Any, combine: Any, worst: Any) -> Any:
    """Max or min: `where` needs `initial`, as in NumPy."""

    def extremum(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True) -> Any:
        if out is not None:
            refuse_out(function)
        x = array(a)
        if given(where) and where is not True:
            if not given(initial):
                raise ValueError(
                    f"reduction operation '{combine.__name__}' does not have an identity, "
                    "so to use a where mask one has to specify 'initial'"
                )
            x = _masked(x, where, worst(x.dtype))
        axes = axes_of(axis, x.ndim)
        if given(initial) and x.size == 0:
            shape = tuple([n for i, n in enumerate(x.shape) if i not in axes])
            return kept(np.broadcast_to(_constant(initial, x.dtype), shape), x.shape, axes, keepdims)
        y = kept(primitive(x, axes), x.shape, axes, keepdims)
        return combine(y, _constant(initial, y.dtype)) if given(initial) else y

    extremum.__name__ = function.__name__
    return extremum


def lowest(dtype: Any) -> Any:
    """The value below all others of a dtype."""
    return -np.inf if dtype.kind in "fc" else False if dtype.kind == "b" else np.iinfo(dtype).min


def highest(dtype: Any) -> Any:
    """The value above all others of a dtype."""
    return np.inf if dtype.kind in "fc" else True if dtype.kind == "b" else np.iinfo(dtype).max


max_ = implements(np.max, np.amax)(_extremum(np.max, reduce.max_, np.maximum, lowest))
min_ = implements(np.min, np.amin)(_extremum(np.min, reduce.min_, np.minimum, highest))


def _logical(function: Any, primitive: Any, identity: bool) -> Any:
    def logical(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
        if out is not None:
            refuse_out(function)
        x = truth(array(a))
        x = _masked(x, where, identity)
        axes = axes_of(axis, x.ndim)
        return kept(primitive(x, axes), x.shape, axes, keepdims)

    logical.__name__ = function.__name__
    return logical


def truth(x: Any) -> Any:
    """Whether each element is nonzero."""
    return x if x.dtype.kind == "b" else x != 0


any_ = implements(np.any)(_logical(np.any, reduce.any_, False))
all_ = implements(np.all)(_logical(np.all, reduce.all_, True))


def _position(function: Any, primitive: Any) -> Any:
    def position(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        if out is not None:
            refuse_out(function)
        x = array(a)
        if axis is None:
            y = primitive(reshape(x, (x.size,)), 0)
            return reshape(y, (1,) * x.ndim) if flag(keepdims) else y
        axis = axis_of(axis, x.ndim)
        return kept(primitive(x, axis), x.shape, (axis,), keepdims)

    position.__name__ = function.__name__
    return position


argmax = implements(np.argmax)(_position(np.argmax, reduce.argmax))
argmin = implements(np.argmin)(_position(np.argmin, reduce.argmin))


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.sum(truth(array(a)), axis=axis, dtype=np.intp, keepdims=flag(keepdims))


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Largest less smallest."""
    if out is not None:
        refuse_out(np.ptp)
    return max_(a, axis, keepdims=keepdims) - min_(a, axis, keepdims=keepdims)


# -- moments ------------------------------------------------------------------------------


def _count(x: Any, axes: tuple[int, ...], where: Any, keepdims: Any) -> Any:
    """How many elements each result is made from."""
    if not given(where) or where is True:
        n = 1
        for a in axes:
            n *= x.shape[a]
        return n
    return np.sum(np.broadcast_to(where, x.shape), axis=axes, dtype=np.intp, keepdims=flag(keepdims))


def _working(dtype: Any, asked: Any) -> tuple[Any, Any]:
    """The dtypes in which a moment is computed and given: integers as float64, float16 by way of float32."""
    if given(asked):
        return np.dtype(asked), np.dtype(asked)
    if dtype.kind in "biu":
        return np.dtype(np.float64), np.dtype(np.float64)
    return (np.dtype(np.float32), dtype) if dtype == np.float16 else (dtype, dtype)


def _over(total: Any, n: Any) -> Any:
    """Total / n; NaN for n = 0, as NumPy's, in the dtype of the total."""
    if isinstance(n, int):
        return total / (float(n) if n else float("nan"))
    return total / in_dtype(n, total.dtype)


@implements(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    if out is not None:
        refuse_out(np.mean)
    x = array(a)
    working, result = _working(x.dtype, dtype)
    axes = axes_of(axis, x.ndim)
    total = sum_(in_dtype(x, working), axes, keepdims=keepdims, where=where)
    return in_dtype(_over(total, _count(x, axes, where, keepdims)), result)


@implements(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = NO_VALUE,
    correction: Any = NO_VALUE,
) -> Any:
    """The mean of squared distances from the mean."""
    if out is not None:
        refuse_out(np.var)
    x = array(a)
    ddof = correction if given(correction) else ddof
    working, result = _working(x.dtype, dtype)
    axes = axes_of(axis, x.ndim)
    x = in_dtype(x, working) if x.dtype.kind in "biu" or not given(dtype) else x
    if given(mean):
        centre = mean
    else:
        centre = _over(sum_(in_dtype(x, working), axes, keepdims=True, where=where), _count(x, axes, where, True))
    d = x - centre
    squares = (d * np.conjugate(d)).real if d.dtype.kind == "c" else d * d
    n = _count(x, axes, where, keepdims)
    n = max(n - ddof, 0) if not is_traced(n) and np.ndim(n) == 0 else np.maximum(n - ddof, 0)
    total = sum_(in_dtype(squares, dtype), axes, keepdims=keepdims, where=where)
    return in_dtype(_over(total, int(n) if isinstance(n, int) else n), dtype if given(dtype) else np.empty(0, result).real.dtype)


@implements(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, **keywords: Any) -> Any:
    """Square root of the variance; derivative 0 where that is 0."""
    if out is not None:
        refuse_out(np.std)
    return safe_sqrt(var(a, axis, dtype, None, ddof, keepdims, **keywords))


def safe_sqrt(x: Any) -> Any:
    """sqrt(x) with derivative 0 where x is exactly 0: the root of a sum of squares at its minimum."""
    zero = x == 0
    return np.where(zero, x, np.sqrt(np.where(zero, x.dtype.type(1), x)))


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """The weighted mean, along the axes that the weights have."""
    x = array(a)
    if weights is None:
        m = mean(x, axis, keepdims=keepdims)
        total: Any = np.full(m.shape, _count(x, axes_of(axis, x.ndim), True, False), m.dtype)[()]
    else:
        w = array(weights)
        axes = axes_of(axis, x.ndim)
        if w.shape != x.shape:
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            asked = normalize_axis_tuple(axis, x.ndim)
            if w.shape != tuple([x.shape[i] for i in asked]):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            w = np.transpose(w, np.argsort(asked))
            w = np.reshape(w, tuple([n if i in axes else 1 for i, n in enumerate(x.shape)]))
        dtype = np.result_type(x.dtype, w.dtype, "f8") if x.dtype.kind in "biu" else np.result_type(x.dtype, w.dtype)
        total = np.broadcast_to(w, x.shape).sum(axis=axes, dtype=dtype, keepdims=flag(keepdims))
        m = np.multiply(x, w, dtype=dtype).sum(axis=axes, keepdims=flag(keepdims)) / total
    return (m, total) if returned else m


# -- cumulations --------------------------------------------------------------------------


def _cumulation(function: Any, primitive: Any) -> Any:
    def cumulation(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if out is not None:
            refuse_out(function)
        x = array(a)
        x = in_dtype(x, dtype if given(dtype) else accumulated(x.dtype))
        if axis is None:
            return primitive(reshape(x, (x.size,)), 0)
        return primitive(x, axis_of(axis, x.ndim))

    cumulation.__name__ = function.__name__
    return cumulation


cumsum = implements(np.cumsum)(_cumulation(np.cumsum, reduce.cumsum))
cumprod = implements(np.cumprod)(_cumulation(np.cumprod, reduce.cumprod))


def _standard(function: Any, cumulate: Any, start: int) -> Any:
    """The array API's cumulative_sum and cumulative_prod."""

    def cumulative(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
        x = array(x)
        if x.ndim == 0:
            x = reshape(x, (1,))
        if axis is None:
            if x.ndim != 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        axis = axis_of(axis, x.ndim)
        y = cumulate(x, axis, dtype, out)
        if not include_initial:
            return y
        first = np.full((*x.shape[:axis], 1, *x.shape[axis + 1 :]), start, y.dtype)
        return np.concatenate([first, y], axis=axis)

    cumulative.__name__ = function.__name__
    return cumulative


implements(np.cumulative_sum)(_standard(np.cumulative_sum, cumsum, 0))
implements(np.cumulative_prod)(_standard(np.cumulative_prod, cumprod, 1))


# -- ignoring NaN ---------------------------------------------------------------------------


def without_nan(x: Any, fill: Any) -> Any:
    """x with NaN replaced; its NaN has no derivative."""
    return x if x.dtype.kind not in "fc" else np.where(np.isnan(x), x.dtype.type(fill), x)


def present(x: Any) -> Any:
    """Where x is not NaN."""
    return ~np.isnan(x) if x.dtype.kind in "fc" else np.ones(x.shape, bool)


def _nan_function(function: Any, plain: Any, fill: Any) -> None:
    def ignoring(a: Any, axis: Any = None, *args: Any, **keywords: Any) -> Any:
        return plain(without_nan(array(a), fill), axis, *args, **keywords)

    ignoring.__name__ = function.__name__
    implements(function)(ignoring)


for _function, _plain, _fill in ((np.nansum, sum_, 0), (np.nanprod, prod, 1), (np.nancumsum, cumsum, 0), (np.nancumprod, cumprod, 1)):
    _nan_function(_function, _plain, _fill)


def _nan_extremum(function: Any, plain: Any, fill: float) -> None:
    def ignoring(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, initial: Any = NO_VALUE, where: Any = True) -> Any:
        if out is not None:
            refuse_out(function)
        x = array(a)
        if x.dtype.kind not in "fc":
            return plain(x, axis, None, keepdims, initial, where)
        y = plain(without_nan(x, fill), axis, None, keepdims, initial, where)
        some = any_(present(x), axis, keepdims=keepdims)
        return np.where(some, y, y.dtype.type(np.nan)) if not given(initial) else y

    ignoring.__name__ = function.__name__
    implements(function)(ignoring)


_nan_extremum(np.nanmax, max_, -np.inf)
_nan_extremum(np.nanmin, min_, np.inf)


def _nan_position(function: Any, plain: Any, fill: float) -> None:
    def ignoring(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        return plain(without_nan(array(a), fill), axis, out, keepdims=keepdims)

    ignoring.__name__ = function.__name__
    implements(function)(ignoring)


_nan_position(np.nanargmax, argmax, -np.inf)
_nan_position(np.nanargmin, argmin, np.inf)


def _present(x: Any, where: Any) -> Any:
    here = present(x)
    return here if not given(where) or where is True else here & where


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
    x = array(a)
    return mean(without_nan(x, 0), axis, dtype, out, keepdims, where=_present(x, where))


@implements(np.nanvar)
def nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    **keywords: Any,
) -> Any:
    if out is not None:
        refuse_out(np.nanvar)
    x = array(a)
    here = _present(x, where)
    value = var(without_nan(x, 0), axis, dtype, None, ddof, keepdims, where=here, **keywords)
    ddof = keywords.get("correction", ddof)
    count = np.sum(here, axis=axes_of(axis, x.ndim), keepdims=flag(keepdims))
    return np.where(count - ddof <= 0, value.dtype.type(np.nan), value)


@implements(np.nanstd)
def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, **keywords: Any) -> Any:
    return safe_sqrt(nanvar(a, axis, dtype, out, ddof, keepdims, **keywords))
