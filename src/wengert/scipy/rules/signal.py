"""scipy.signal: convolution, correlation and linear filters. Start at `convolve`."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import scipy.signal as ss

from wengert.errors import ArgumentError, ShapeError, four_parts
from wengert.numpy.arguments import array, arrays
from wengert.numpy.promote import as_inexact
from wengert.numpy.table import implements
from wengert.scipy.rules.linalg import solve_triangular, toeplitz
from wengert.source import here

_DIRECT = 200_000  # products of sizes up to which every product is formed


def _cut(full: Any, x: Any, y: Any, mode: str, late: bool = False) -> Any:
    """The part of the full convolution of x and y that the mode asks for; `late` rounds the middle up."""
    if mode == "full":
        return full
    if mode == "same":
        sizes = x.shape
    elif mode == "valid":
        sizes = tuple([max(m, n) - min(m, n) + 1 for m, n in zip(x.shape, y.shape, strict=True)])
    else:
        raise ArgumentError(
            four_parts("mode says which part of the convolution", f"got {mode!r}", instead="'full', 'valid' or 'same'", where=here())
        )
    starts = [(n - k + late) // 2 for n, k in zip(full.shape, sizes, strict=True)]
    return full[tuple([slice(s, s + k) for s, k in zip(starts, sizes, strict=True)])]


def _full(x: Any, y: Any) -> Any:
    """Σⱼ x[k-j] y[j] by forming every product: windows of the padded x, times the flipped y."""
    if y.size > x.size:
        x, y = y, x
    d = x.ndim
    wide = np.pad(x, [(n - 1, n - 1) for n in y.shape])
    window: list[Any] = []
    for axis, n in enumerate(y.shape):
        k = x.shape[axis] + n - 1
        index = np.arange(k)[:, None] + np.arange(n)[None, :]
        window.append(index.reshape([k if a == axis else n if a == d + axis else 1 for a in range(2 * d)]))
    return np.sum(wide[tuple(window)] * y[(slice(None, None, -1),) * d], axis=tuple(range(d, 2 * d)))


def _by_fft(x: Any, y: Any, axes: tuple[int, ...]) -> Any:
    """The same by the convolution theorem, one axis after the other."""
    sizes = [x.shape[a] + y.shape[a] - 1 for a in axes]
    real = x.dtype.kind != "c" and y.dtype.kind != "c"

    def transformed(z: Any) -> Any:
        z = np.fft.rfft(z, sizes[-1], axis=axes[-1]) if real else np.fft.fft(z, sizes[-1], axis=axes[-1])
        for n, a in zip(sizes[:-1], axes[:-1], strict=True):
            z = np.fft.fft(z, n, axis=a)
        return z

    z = transformed(x) * transformed(y)
    for n, a in zip(sizes[:-1], axes[:-1], strict=True):
        z = np.fft.ifft(z, n, axis=a)
    return np.fft.irfft(z, sizes[-1], axis=axes[-1]) if real else np.fft.ifft(z, sizes[-1], axis=axes[-1])


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    x, y = arrays(x, y)
    if x.ndim != y.ndim:
        raise ShapeError(four_parts("both arrays must have the same number of axes", f"shapes {x.shape} and {y.shape}", where=here()))
    return x, y


@implements(ss.convolve)
def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolution along all axes; `method` as in SciPy, 'auto' by size."""
    x, y = _pair(in1, in2)
    if x.ndim == 0:
        return x * y
    if mode == "valid" and any(m < n for m, n in zip(x.shape, y.shape, strict=True)):
        x, y = y, x
    exact = x.dtype.kind in "biu" and y.dtype.kind in "biu"
    direct = method == "direct" or (method == "auto" and (exact or prod(x.shape) * prod(y.shape) <= _DIRECT))
    full = _full(x, y) if direct else _by_fft(as_inexact(x), as_inexact(y), tuple(range(x.ndim)))
    return _cut(full, x, y, mode)


@implements(ss.fftconvolve, ss.oaconvolve)
def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    x, y = _pair(as_inexact(in1), as_inexact(in2))
    if axes is not None and len({int(a) % x.ndim for a in np.atleast_1d(axes)}) != x.ndim:
        raise ArgumentError(
            four_parts("scipy.signal.fftconvolve(…, axes=) of traced arrays", why="Only all axes together are traced.", where=here())
        )
    if mode == "valid" and any(m < n for m, n in zip(x.shape, y.shape, strict=True)):
        x, y = y, x
    return _cut(_by_fft(x, y, tuple(range(x.ndim))), x, y, mode)


@implements(ss.convolve2d)
def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    _refuse_boundary(boundary, fillvalue)
    return convolve(in1, in2, mode)


@implements(ss.correlate)
def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """Convolution with the conjugated and reversed second array."""
    x, y = _pair(in1, in2)
    if x.ndim == 0:
        return x * np.conjugate(y)
    backwards = (slice(None, None, -1),) * x.ndim
    if mode == "valid" and any(m < n for m, n in zip(x.shape, y.shape, strict=True)):
        return np.conjugate(correlate(y, x, mode, method))[backwards]
    return convolve(x, np.conjugate(y)[backwards], mode, method)


@implements(ss.correlate2d)
def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    _refuse_boundary(boundary, fillvalue)
    x, y = _pair(in1, in2)
    if mode == "same":
        return _cut(correlate(x, y), x, y, mode, late=True)
    z = correlate(x, y, mode)
    exchanged = mode == "valid" and any(m < n for m, n in zip(x.shape, y.shape, strict=True))
    return np.conjugate(z) if exchanged else z  # SciPy conjugates the second of the exchanged arrays


def _refuse_boundary(boundary: str, fillvalue: Any) -> None:
    if boundary != "fill" or fillvalue != 0:
        raise ArgumentError(
            four_parts("boundary= and fillvalue= of traced arrays", instead="pad the array with np.pad, then mode='valid'", where=here())
        )


@implements(ss.lfilter)
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """The filter a * y = b * x along an axis: y solves a triangular Toeplitz system, with as many operations as n² products."""
    if zi is not None:
        raise ArgumentError(
            four_parts("scipy.signal.lfilter(…, zi=) of traced values", instead="prepend the samples that lead to that state", where=here())
        )
    b, a, x = (as_inexact(array(z)) for z in (b, a, x))
    b, a = (np.reshape(z, (z.size,)) for z in (b, a))
    x = np.moveaxis(x, axis, 0)
    n, shape = x.shape[0], x.shape
    y = np.reshape(x, (n, x.size // n))
    y = np.matmul(_lower(b, n), y)
    y = y / a[0] if len(a) == 1 else solve_triangular(_lower(a, n), y, lower=True)
    return np.moveaxis(np.reshape(y, shape), 0, axis)


def _lower(c: Any, n: int) -> Any:
    """The n by n lower triangular Toeplitz matrix of a filter's coefficients."""
    c = c[:n]
    return toeplitz(np.concatenate([c, np.zeros(n - len(c), c.dtype)]), np.zeros(n, c.dtype))


@implements(ss.detrend)
def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:
    """Data less its mean ('constant') or its least-squares line ('linear') along an axis."""
    if np.any(np.asarray(bp) != 0):
        raise ArgumentError(four_parts("scipy.signal.detrend(…, bp=) of traced values", instead="detrend the pieces", where=here()))
    x = as_inexact(array(data))
    if type in ("constant", "c"):
        return x - np.mean(x, axis=axis, keepdims=True)
    x = np.moveaxis(x, axis, -1)
    n = x.shape[-1]
    q, _ = np.linalg.qr(np.stack([np.ones(n), np.arange(1.0, n + 1) / n], axis=1))
    return np.moveaxis(x - np.matmul(np.matmul(x, q), q.T), -1, axis)
