"""All of numpy.fft: arrays are cut or padded to the asked lengths, then transformed axis by axis.

The primitives of `fft` are loaded when first used. Start at `_along`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import ArgumentError, four_parts
from wengert.numpy.arguments import array, axis_of, static
from wengert.numpy.promote import as_inexact
from wengert.numpy.table import implements, refuse_out
from wengert.primitives.index import pad, slice_axis
from wengert.primitives.shape import cast
from wengert.source import here

_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _fitted(x: Any, n: int, axis: int) -> Any:
    """x cut, or padded with zeros, to n elements along the axis."""
    length = x.shape[axis]
    if n < 1:
        raise ArgumentError(four_parts(f"Invalid number of FFT data points ({n}) specified.", where=here()))
    if n < length:
        return slice_axis(x, axis, 0, n)
    return pad(x, [(0, n - length if i == axis else 0) for i in range(x.ndim)]) if n > length else x


def _norm(norm: Any) -> str:
    norm = "backward" if norm is None else norm
    if norm not in _SWAPPED:
        raise ArgumentError(four_parts(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".', where=here()))
    return str(norm)


def _complex(x: Any) -> Any:
    return (
        x
        if x.dtype.kind == "c"
        else cast(x, np.result_type(x.dtype, np.complex64))
        if hasattr(x, "bind")
        else x.astype(np.result_type(x.dtype, np.complex64))
    )


def _along(kind: str, a: Any, n: Any, axis: Any, norm: Any) -> Any:
    """One transform of n points along one axis."""
    from wengert.primitives.fft import Fft

    x = as_inexact(array(a))
    axis = axis_of(axis, x.ndim)
    length = x.shape[axis]
    if kind == "rfft":
        if x.dtype.kind == "c":
            raise TypeError("rfft of complex values: their imaginary part would be ignored")
    else:
        x = _complex(x)
    n = (2 * (length - 1) if kind == "irfft" else length) if n is None else int(static(n))
    x = _fitted(x, n // 2 + 1 if kind == "irfft" and n > 0 else n, axis)
    return Fft(kind, n, axis, _norm(norm))(x)


def _one_axis(function: Any, transform: Any) -> None:
    def fft(a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: Any = None) -> Any:
        if out is not None:
            refuse_out(function)
        return transform(a, n, axis, norm)

    fft.__name__ = function.__name__
    implements(function)(fft)


for _function in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft):
    _one_axis(_function, lambda a, n, axis, norm, kind=_function.__name__: _along(kind, a, n, axis, norm))


def _hfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    return _along("irfft", np.conj(array(a)), n, axis, _SWAPPED[_norm(norm)])


def _ihfft(a: Any, n: Any, axis: Any, norm: Any) -> Any:
    return np.conj(_along("rfft", a, n, axis, _SWAPPED[_norm(norm)]))


_one_axis(np.fft.hfft, _hfft)
_one_axis(np.fft.ihfft, _ihfft)


def _lengths(x: Any, s: Any, axes: Any, inverse_real: bool) -> tuple[list[int], list[int]]:
    """The numbers of points and the axes of a transform of several."""
    if s is None:
        axes = list(range(x.ndim)) if axes is None else [axis_of(a, x.ndim) for a in axes]
        points = [x.shape[a] for a in axes]
        if inverse_real and points:
            points[-1] = (points[-1] - 1) * 2
        return points, axes
    s = [int(n) for n in static(s)]
    axes = list(range(-len(s), 0)) if axes is None else list(axes)
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    axes = [axis_of(a, x.ndim) for a in axes]
    return [x.shape[a] if n == -1 else n for n, a in zip(s, axes, strict=True)], axes


def _several(kind: str, a: Any, s: Any, axes: Any, norm: Any) -> Any:
    """Transforms along axes, the last one first; a real one is the first of rfftn and the last of irfftn."""
    x = as_inexact(array(a))
    points, axes = _lengths(x, s, axes, kind == "irfftn")
    if not axes:
        if kind in ("fftn", "ifftn"):
            return _complex(x)
        raise IndexError("at least one axis is needed")
    if kind == "rfftn":
        x = _along("rfft", x, points.pop(), axes.pop(), norm)
    last = (points.pop(), axes.pop()) if kind == "irfftn" else None
    step = "fft" if kind in ("fftn", "rfftn") else "ifft"
    order = list(zip(points, axes, strict=True))
    for n, axis in order if kind == "irfftn" else reversed(order):
        x = _along(step, x, n, axis, norm)
    return x if last is None else _along("irfft", x, last[0], last[1], norm)


def _many_axes(function: Any, default: Any) -> None:
    kind = function.__name__.replace("2", "n")

    def fftn(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> Any:
        if out is not None:
            refuse_out(function)
        return _several(kind, a, s, axes, norm)

    fftn.__name__ = function.__name__
    implements(function)(fftn)


for _function in (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn):
    _many_axes(_function, None)
for _function in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2):
    _many_axes(_function, (-2, -1))


def _shift(x: Any, axes: Any, sign: int) -> Any:
    x = array(x)
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    # n // 2 forward, and as many back
    return np.roll(x, tuple([sign * (x.shape[a] // 2) for a in axes]), axes)


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Any:
    return _shift(x, axes, 1)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shift(x, axes, -1)
