"""Elementwise functions that are not ufuncs, and ufuncs made from others: where, clip, round, real, isclose.

Composites are plain NumPy on traced values. Start at `where`.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from wengert.numpy import promote
from wengert.numpy.arguments import NO_VALUE, array, arrays, given, refuse, static
from wengert.numpy.promote import as_inexact, as_operand, convert, innermost, is_traced
from wengert.numpy.reductions import truth
from wengert.numpy.table import composite, implements, refuse_out
from wengert.primitives import arith, math
from wengert.primitives.shape import cast, stop_gradient

# -- selection ----------------------------------------------------------------------------


@implements(np.where)
def where(condition: Any, x: Any = NO_VALUE, y: Any = NO_VALUE, /) -> Any:
    """x where the condition holds, else y; the lane not taken never reaches the derivative."""
    if x is NO_VALUE and y is NO_VALUE:
        return np.nonzero(static(truth(array(condition))))
    if x is NO_VALUE or y is NO_VALUE:
        raise ValueError("either both or neither of x and y should be given")
    mask, x, y = truth(array(condition)), as_operand(x), as_operand(y)
    trace = innermost([mask, x, y])
    if trace is None:
        return np.where(mask, x, y)
    dtype = promote.common_dtype(promote.dtype_of(x), promote.dtype_of(y))
    shape = promote.broadcast_shapes(mask.shape, promote.shape_of(x), promote.shape_of(y))
    return arith.select(convert(mask, mask.dtype, shape, trace), convert(x, dtype, shape, trace), convert(y, dtype, shape, trace))


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """The first choice whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    result = default
    for condition, choice in builtins.reversed(list(zip(condlist, choicelist, strict=True))):
        result = np.where(condition, choice, result)
    return result


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """Each function on all of x, chosen by its condition: what is not chosen never reaches the derivative."""
    x = array(x)
    conditions = array(condlist)
    several = isinstance(condlist, (list, tuple)) and len(condlist) in (len(funclist), len(funclist) - 1)
    if conditions.shape == x.shape and (conditions.ndim == 0 or not several):
        conditions = conditions[None]
    n = conditions.shape[0]
    conditions = [conditions[i] for i in range(n)]
    if len(funclist) == n + 1:
        held = conditions[0]
        for c in conditions[1:]:
            held = held | c
        conditions.append(~held)
    elif len(funclist) != n:
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    result: Any = np.zeros(x.shape, x.dtype)
    for condition, f in zip(conditions, funclist, strict=True):
        value = f(x, *args, **kw) if callable(f) else f
        result = np.where(condition, value, result)
    return result.astype(x.dtype)


@implements(np.clip)
def clip(
    a: Any,
    a_min: Any = NO_VALUE,
    a_max: Any = NO_VALUE,
    out: Any = None,
    *,
    min: Any = NO_VALUE,
    max: Any = NO_VALUE,
    **keywords: Any,
) -> Any:
    """minimum(maximum(a, low), high), and so its derivative at ties: shares that sum to 1."""
    if out is not None:
        refuse_out(np.clip)
    low = a_min if given(a_min) else min
    high = a_max if given(a_max) else max
    x = array(a)
    bounds = [as_operand(b) for b in (low, high) if given(b)]
    dtype = promote.common_dtype(*[promote.dtype_of(b) for b in (x, *bounds)])
    x = convert(x, dtype, x.shape, innermost([x, *bounds]))
    if given(low):
        x = np.maximum(x, low)
    return np.minimum(x, high) if given(high) else x


@composite(np._core.umath.clip)
def clip_ufunc(a: Any, low: Any, high: Any) -> Any:
    """What ndarray.clip calls."""
    return clip(a, low, high)


# -- rounding -----------------------------------------------------------------------------


@implements(np.round, np.around)
def round_(a: Any, decimals: int = 0, out: Any = None) -> Any:
    if out is not None:
        refuse_out(np.round)
    x, decimals = array(a), int(decimals)
    if x.dtype.kind in "biu" and decimals >= 0:
        return x if x.dtype.kind != "b" else x.astype(np.float16)
    if x.dtype.kind == "c":
        return round_(x.real, decimals) + 1j * round_(x.imag, decimals)
    if x.dtype.kind in "biu":
        return (np.rint(x / 10.0**-decimals) * 10.0**-decimals).astype(x.dtype)
    if decimals == 0:
        return np.rint(x)
    scale = 10.0 ** abs(decimals)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    return np.trunc(x) if out is None else refuse_out(np.fix)


# -- complex numbers ---------------------------------------------------------------------------


@implements(np.real)
def real(val: Any) -> Any:
    x = array(val)
    return arith.real(x) if x.dtype.kind == "c" else x


@implements(np.imag)
def imag(val: Any) -> Any:
    x = array(val)
    return arith.imag(x) if x.dtype.kind == "c" else np.zeros(x.shape, x.dtype)[()]


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    x = as_inexact(z)
    y = math.Angle()(x)
    return y * (180 / np.pi) if deg else y


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    x = array(x)
    return x.imag != 0 if x.dtype.kind == "c" else np.zeros(x.shape, bool)[()]


@implements(np.isreal)
def isreal(x: Any) -> Any:
    x = array(x)
    return x.imag == 0 if x.dtype.kind == "c" else np.ones(x.shape, bool)[()]


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    """The real part if all imaginary parts are small, of which the values decide."""
    x = array(a)
    if x.dtype.kind != "c":
        return x
    return x.real if np.real_if_close(static(x), tol).dtype.kind != "c" else x


# -- special values -----------------------------------------------------------------------------


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Finite numbers for NaN and infinities; those have no derivative."""
    x = array(x)
    if x.dtype.kind not in "fc":
        return x
    if x.dtype.kind == "c":
        parts = [nan_to_num(p, copy, nan, posinf, neginf) for p in (x.real, x.imag)]
        return (parts[0] + 1j * parts[1]).astype(x.dtype)
    limits = np.finfo(x.dtype)
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, limits.max if posinf is None else posinf, x)
    return np.where(x == -np.inf, limits.min if neginf is None else neginf, x)


@composite(np.heaviside)
def heaviside(x1: Any, x2: Any) -> Any:
    """0 below 0, x2 at 0, 1 above; derivative in x2 alone."""
    x, at = _in_loop(np.heaviside, x1, x2)
    step = np.where(x < 0, x.dtype.type(0), x.dtype.type(1))
    return np.where(x == 0, at, np.where(x != x, x.dtype.type(np.nan), step))


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    return refuse_out(np.isneginf) if out is not None else _ordered(np.isneginf, x) == -np.inf


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    return refuse_out(np.isposinf) if out is not None else _ordered(np.isposinf, x) == np.inf


def _ordered(function: Any, x: Any) -> Any:
    """x, which is not complex."""
    x = array(x)
    if x.dtype.kind == "c":
        raise TypeError(f"{function.__name__} is not supported for {x.dtype} values because it would be ambiguous.")
    return x


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    x, y = arrays(a, b)
    close = (np.abs(x - y) <= atol + rtol * np.abs(y)) & np.isfinite(y) | (x == y)
    return close | (np.isnan(x) & np.isnan(y)) if equal_nan else close


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    return np.all(np.isclose(a, b, rtol, atol, equal_nan))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    x, y = arrays(a1, a2)
    if x.shape != y.shape:
        return False
    same = x == y
    return np.all(same | (x != x) & (y != y) if equal_nan else same)


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    x, y = arrays(a1, a2)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return np.all(x == y)


# -- ufuncs and functions made from others ---------------------------------------------------------


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """sin(pi x)/(pi x), exact at 0 in every order."""
    x = as_inexact(x)
    if x.dtype.kind == "c":
        zero = x == 0
        z = np.pi * np.where(zero, x.dtype.type(1), x)
        return np.where(zero, x.dtype.type(1), np.sin(z) / z)
    return math.Sinc()(x)


@implements(np.i0)
def i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    from wengert.primitives.special import bessel

    return bessel.i0(as_inexact(x))


@composite(np.frexp)
def frexp(x: Any) -> Any:
    """(mantissa, exponent) with x = mantissa * 2**exponent; the exponent is a constant integer."""
    (x,) = _in_loop(np.frexp, x)
    size = np.abs(x)
    plain = np.isfinite(x) & (x != 0)
    exponent = np.where(plain, np.floor(np.log2(np.where(plain, size, x.dtype.type(1)))), x.dtype.type(0)) + 1
    mantissa = _scaled(x, -exponent)
    # log2 rounds: one step either way puts the mantissa into [1/2, 1)
    exponent = np.where(plain & (np.abs(mantissa) >= 1), exponent + 1, np.where(plain & (np.abs(mantissa) < 0.5), exponent - 1, exponent))
    exponent = np.where(plain, exponent, x.dtype.type(0))
    return _scaled(x, -exponent), exponent.astype(np.int32)


def _scaled(x: Any, exponent: Any) -> Any:
    """x * 2**exponent, in steps of which none leaves the range of the dtype by itself."""
    for _ in range(3):
        step = np.trunc(exponent / 3)
        x, exponent = x * np.exp2(step), exponent - step
    return x * np.exp2(exponent)


def _in_loop(ufunc: Any, *xs: Any) -> list[Any]:
    """The operands in the dtypes of the ufunc's own loop."""
    operands = [as_operand(x) for x in xs]
    dtypes = promote.result_dtypes(ufunc, tuple([promote.dtype_of(x) for x in operands]))
    return [convert(array(x), d, promote.shape_of(x), innermost(operands)) for x, d in zip(operands, dtypes, strict=False)]


@composite(np.ldexp)
def ldexp(x1: Any, x2: Any) -> Any:
    """x1 * 2**x2 for integer x2."""
    x, n = _in_loop(np.ldexp, x1, x2)
    return _scaled(x, cast(n, x.dtype) if is_traced(n) else n.astype(x.dtype))


@composite(np.spacing)
def spacing(x: Any) -> Any:
    """The distance to the next number, a constant between powers of two."""
    x = stop_gradient(_in_loop(np.spacing, x)[0])
    return np.copysign(np.nextafter(np.abs(x), x.dtype.type(np.inf)) - np.abs(x), x)


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: Any = -1, *, period: Any = 2 * np.pi) -> Any:
    """Jumps of more than half a period taken out: whole periods added, which have no derivative."""
    x = as_inexact(p)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    half = period / 2
    step = np.diff(x, axis=axis)
    discont = half if discont is None else discont
    remainder = np.mod(step + half, period) - half
    remainder = np.where((remainder == -half) & (step > 0), half, remainder)
    correction = np.where(np.abs(step) < discont, x.dtype.type(0), remainder - step)
    first = np.zeros((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
    return x + np.concatenate([first, np.cumsum(correction, axis=axis)], axis)


@composite(np.bitwise_count)
def bitwise_count(x: Any) -> Any:
    return refuse("bitwise_count", "It has no meaning for real numbers.", "apply it to concrete integers")


# -- functions of the user's ------------------------------------------------------------------------


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """func1d on each slice along an axis."""
    x = array(arr)
    axis = np.lib.array_utils.normalize_axis_index(axis, x.ndim)
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    moved = np.reshape(np.moveaxis(x, axis, -1), (-1, x.shape[axis]))
    if not moved.shape[0]:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = np.stack([array(func1d(moved[i], *args, **kwargs)) for i in range(moved.shape[0])])
    own = results.shape[1:]
    results = np.reshape(results, (*rest, *own))
    n = len(rest)
    order = (*range(axis), *range(n, n + len(own)), *range(axis, n))
    return np.transpose(results, order)


@implements(np.apply_over_axes)
def apply_over_axes(func: Any, a: Any, axes: Any) -> Any:
    x = array(a)
    for axis in [axes] if np.ndim(axes) == 0 else axes:
        y = func(x, axis)
        x = np.expand_dims(y, axis) if y.ndim < x.ndim else y
    return x
