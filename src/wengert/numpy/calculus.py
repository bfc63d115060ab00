"""Differences, discrete integrals and convolutions: diff, gradient, trapezoid, convolve, interp.

Composites are plain NumPy on traced values. Start at `diff`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.numpy.arguments import NO_VALUE, array, axis_of, given, in_dtype
from wengert.numpy.promote import as_inexact, is_traced, promoted
from wengert.numpy.selecting import take
from wengert.numpy.table import implements

# -- differences --------------------------------------------------------------------------


def _part(axis: int, start: Any, stop: Any, step: Any = None) -> tuple[Any, ...]:
    """The index that slices one axis."""
    return (*[slice(None)] * axis, slice(start, stop, step))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE) -> Any:
    """x[i + 1] - x[i], n times."""
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    x = array(a)
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, x.ndim)
    ends = []
    for end in (prepend, append):
        if given(end):
            end = array(end)
            end = np.broadcast_to(end, (*x.shape[:axis], 1, *x.shape[axis + 1 :])) if end.ndim == 0 else end
        ends.append(end)
    if given(prepend) or given(append):
        x = np.concatenate([p for p in (ends[0], x, ends[1]) if given(p)], axis)
    for _ in range(n):
        low, high = x[_part(axis, None, -1)], x[_part(axis, 1, None)]
        x = high != low if x.dtype.kind == "b" else high - low
    return x


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = np.ravel(array(ary))
    parts = [None if e is None else in_dtype(np.ravel(array(e)), x.dtype) for e in (to_begin, to_end)]
    return np.concatenate([p for p in (parts[0], x[1:] - x[:-1], parts[1]) if p is not None])


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Second-order differences inside, of first or second order at the edges (Fornberg 1988), by spacings or coordinates."""
    x = as_inexact(array(f))
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError("invalid number of arguments")
    spacings: list[Any] = [1.0] * len(axes) if not varargs else list(varargs) * (len(axes) if len(varargs) == 1 else 1)
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    results = [_gradient(x, h, a, edge_order) for h, a in zip(spacings, axes, strict=True)]
    return results[0] if len(results) == 1 else tuple(results)


def _gradient(x: Any, spacing: Any, axis: int, edge_order: int) -> Any:
    n = x.shape[axis]
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required.")
    h = spacing if isinstance(spacing, (int, float)) else array(spacing)  # plain numbers leave the dtype as it is
    if np.ndim(h) > 1:
        raise ValueError("distances must be either scalars or 1d")
    if np.ndim(h) == 1 and h.shape[0] != n:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    uniform = np.ndim(h) == 0
    step = None if uniform else h[1:] - h[:-1]
    if step is not None and not is_traced(step) and np.all(step == step[0]):
        uniform, h = True, step[0]
    left, middle, right = x[_part(axis, None, -2)], x[_part(axis, 1, -1)], x[_part(axis, 2, None)]

    def at(i: int) -> Any:
        return x[_part(axis, i, i + 1)] if i >= 0 else x[_part(axis, n + i, n + i + 1)]

    if uniform:
        inside = (right - left) / (2.0 * h)
        before, after = (at(1) - at(0)) / h, (at(-1) - at(-2)) / h
        if edge_order == 2:
            before = -1.5 / h * at(0) + 2.0 / h * at(1) + -0.5 / h * at(2)
            after = 0.5 / h * at(-3) + -2.0 / h * at(-2) + 1.5 / h * at(-1)
    else:
        shape = (-1, *[1] * (x.ndim - axis - 1))
        d1, d2 = np.reshape(step[:-1], shape), np.reshape(step[1:], shape)
        inside = -d2 / (d1 * (d1 + d2)) * left + (d2 - d1) / (d1 * d2) * middle + d1 / (d2 * (d1 + d2)) * right
        before, after = (at(1) - at(0)) / step[0], (at(-1) - at(-2)) / step[-1]
        if edge_order == 2:
            p, q = step[0], step[1]
            before = -(2.0 * p + q) / (p * (p + q)) * at(0) + (p + q) / (p * q) * at(1) + -p / (q * (p + q)) * at(2)
            p, q = step[-2], step[-1]
            after = q / (p * (p + q)) * at(-3) + -(q + p) / (p * q) * at(-2) + (2.0 * q + p) / (q * (p + q)) * at(-1)
    return np.concatenate([before, inside, after], axis)


# -- integrals ----------------------------------------------------------------------------


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The integral by the trapezoidal rule."""
    y = array(y)
    axis = axis_of(axis, y.ndim)
    if x is None:
        d: Any = dx
    else:
        x = array(x)
        d = diff(x, axis=axis if x.ndim > 1 else 0)
        if x.ndim == 1:
            d = np.reshape(d, (-1, *[1] * (y.ndim - axis - 1)))
    return np.sum(d * (y[_part(axis, 1, None)] + y[_part(axis, None, -1)]) / 2.0, axis=axis)


# -- convolution --------------------------------------------------------------------------


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    """sum_k a[j - k] v[k]."""
    x, y = (np.atleast_1d(p) for p in promoted(array(a), array(v)))
    if x.shape[0] == 0 or y.shape[0] == 0:
        raise ValueError("a cannot be empty" if x.shape[0] == 0 else "v cannot be empty")
    if y.shape[0] > x.shape[0]:
        x, y = y, x
    return _cut(_full(x, y), x.shape[0], y.shape[0], mode)


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    """sum_k a[j + k] conj(v[k])."""
    x, y = (np.atleast_1d(p) for p in promoted(array(a), array(v)))
    if x.shape[0] == 0 or y.shape[0] == 0:
        raise ValueError("first array argument cannot be empty" if x.shape[0] == 0 else "second array argument cannot be empty")
    y = np.conj(y) if y.dtype.kind == "c" else y
    if y.shape[0] > x.shape[0]:  # NumPy turns the result of the exchanged operands round
        return _cut(_full(y, x[::-1]), y.shape[0], x.shape[0], mode)[::-1]
    return _cut(_full(x, y[::-1]), x.shape[0], y.shape[0], mode)


def _full(x: Any, y: Any) -> Any:
    """The whole convolution of a long x with a short y: y times the matrix whose row k is x shifted by k.

    That matrix is x, followed by zeros, written over and over, and read in rows one shorter.
    """
    n, m = x.shape[0], y.shape[0]
    row = np.concatenate([x, np.zeros(m, x.dtype)])
    tiled = np.reshape(np.broadcast_to(row, (m, n + m)), (-1,))
    return np.dot(y, np.reshape(tiled[: m * (n + m - 1)], (m, n + m - 1)))


def _cut(full: Any, n: int, m: int, mode: Any) -> Any:
    """The part of a whole convolution (n >= m) that a mode asks for."""
    mode = {0: "valid", 1: "same", 2: "full"}.get(mode, mode) if isinstance(mode, int) else mode
    if mode == "full":
        return full
    if mode == "same":
        return full[(m - 1) // 2 : (m - 1) // 2 + n]
    if mode == "valid":
        return full[m - 1 : n]
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")


# -- interpolation ------------------------------------------------------------------------


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Piecewise linear through (xp, fp), constant outside; at a knot the derivative is that of the piece to its right."""
    x, xp, fp = (as_inexact(array(p)) for p in (x, xp, fp))
    if x.dtype.kind == "c" or xp.dtype.kind == "c":
        raise TypeError("np.interp takes real coordinates: complex numbers have no order")
    if period is not None:
        period = np.abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    n = xp.shape[0]
    if n == 0 or fp.shape[0] != n:
        raise ValueError("fp and xp are not of the same length." if n else "array of sample points is empty")
    low = fp[0] if left is None else left
    high = fp[n - 1] if right is None else right
    if n == 1:
        inside: Any = np.broadcast_to(fp[0], x.shape)
    else:
        j = np.clip(np.searchsorted(xp, x, "right") - 1, 0, n - 2)
        x0, y0 = take(xp, j), take(fp, j)
        slope = (take(fp, j + 1) - y0) / (take(xp, j + 1) - x0)
        inside = np.where(x == xp[n - 1], fp[n - 1], slope * (x - x0) + y0)
    return np.where(x < xp[0], low, np.where(x > xp[n - 1], high, inside))
