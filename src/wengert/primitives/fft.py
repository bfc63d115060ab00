"""Discrete Fourier transforms along one axis, and those of several axes composed of them.

Knows NumPy; of other families shape, arith and index through roles. Start at `Fft`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Linear, Sample
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.loops.nest import BYTES, Address, Affine
from wengert.primitives.arith import conj
from wengert.primitives.index import slice_axis, slice_set
from wengert.primitives.shape import array_type_of
from wengert.runtime.symbols import exists

KINDS = ("fft", "ifft", "rfft", "irfft")
_SWAPPED = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
_LETTER = {"f4": "f", "f8": "d", "c8": "F", "c16": "D"}


class Fft(Linear):
    """np.fft's transform of this kind along one axis, of n points. The axis has n elements, or n // 2 + 1 for irfft.

    The matrix of fft is symmetric: fft and ifft are their own transposes. With F that of fft and E the embedding of
    a half spectrum, rfft is the first half of F x, whose transpose is Re F (E ct), and irfft takes
    x_j = (1/n) Re Σ_k w_k X_k exp(2πi jk/n), where w is 1 for k = 0 and n/2 and 2 between, whose transpose is w ∘ conj(rfft(ct)) / n.
    irfft does not read the imaginary parts of X_0 and, for even n, X_{n/2}; w leaves them to their real parts.
    """

    kind: str
    n: int
    axis: int
    norm: str = "backward"

    def type(self, x: Any) -> tuple[Type, ...]:
        real_in = self.kind == "rfft"
        length = self.n // 2 + 1 if self.kind == "irfft" else self.n
        fits = 0 <= self.axis < x.ndim and x.dtype.kind == ("f" if real_in else "c") and self.n > 0
        if not fits or x.shape[self.axis] != length:
            wanted = "real" if real_in else "complex"
            raise ShapeError(four_parts(f"{self!r} needs a {wanted} array with {length} elements along the axis", repr(x)))
        out = self.n // 2 + 1 if self.kind == "rfft" else self.n
        shape = (*x.shape[: self.axis], out, *x.shape[self.axis + 1 :])
        dtype = (
            x.dtype
            if self.kind in ("fft", "ifft")
            else np.result_type(x.dtype, np.complex64)
            if real_in
            else np.empty(0, x.dtype).real.dtype
        )
        return (x.with_shape(shape).with_dtype(dtype),)

    def evaluate(self, x: Any) -> Any:
        return getattr(np.fft, self.kind)(x, self.n, self.axis, self.norm)

    def exact(self, m: Any, x: Any) -> Any:
        """The sums as they are written."""
        n, inverse = self.n, self.kind in ("ifft", "irfft")
        x = np.moveaxis(np.asarray(x, object), self.axis, -1)
        rows, columns = (n // 2 + 1 if self.kind == "rfft" else n), x.shape[-1]
        angles = [2 * m.pi * k / n for k in range(n)]
        roots = np.array([m.cos(a) + m.i * m.sin(a) * (1 if inverse else -1) for a in angles], object)
        if self.kind == "irfft":
            x = x * [2 if 0 < 2 * k < n else 1 for k in range(columns)]
        out = x @ roots[np.outer(np.arange(columns), np.arange(rows)) % n]
        scale = m.sqrt(n) if self.norm == "ortho" else m.number(n if inverse == (self.norm == "backward") else 1)
        return np.moveaxis(m.apart(m.re)(out) / scale if self.kind == "irfft" else out / scale, -1, self.axis)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        """By the loops of NumPy's own ufuncs, of (operand, factor) -> result."""
        x, real, axis = k.memory(operands[0], contiguous=False), outs.types[0].dtype.char.lower(), self.axis
        name = {"rfft": "rfft_n_odd" if self.n % 2 else "rfft_n_even"}.get(self.kind, self.kind)
        symbol = f"fft.{name}.{_LETTER.get(x.kind, '')}{real}->{outs.types[0].dtype.char}"
        if not exists(symbol):
            return NotImplemented
        out = outs[0]
        if not out.size:
            return None
        lines = [a for a in range(len(x.shape)) if a != axis and x.shape[a] != 1]
        along = max(lines, key=lambda a: x.shape[a], default=None)  # what the ufunc repeats itself; own loops do the rest
        of_x, of_out = (BYTES[m.kind] for m in (x, out))
        counts, steps = [1, x.shape[axis], out.shape[axis]], [0, 0, 0, x.strides[axis] * of_x, out.strides[axis] * of_out]
        if along is not None:
            lines.remove(along)
            counts[0], steps[0], steps[2] = x.shape[along], x.strides[along] * of_x, out.strides[along] * of_out
        inverse = self.kind in ("ifft", "irfft")
        by_n = "backward" if inverse else "forward"
        factor = self.n**0.5 if self.norm == "ortho" else float(self.n) if self.norm == by_n else 1.0
        tables = [Address(k.constant(np.array(a, t)), Affine(0)) for a, t in (([1 / factor], real), (counts, "i8"), (steps, "i8"))]

        def transform(index: tuple[Affine, ...]) -> None:
            first = dict(zip(lines, index, strict=True))
            starts = [m.position([first.get(a, Affine(0)) for a in range(len(x.shape))]) for m in (x, out)]
            addresses = [Address(x.buffer, starts[0]), tables[0], Address(out.buffer, starts[1])]
            k.call(symbol, [*addresses, *tables[1:], ("ref", k.const(not inverse, "i1"))], writes=[out.buffer], table=3)
            k.work += 5.0 * counts[0] * self.n * self.n.bit_length() * k.weight

        k.each(tuple([x.shape[a] for a in lines]), transform)
        return None

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        if self.kind in ("fft", "ifft"):
            return (self(ct),)
        if self.kind == "rfft":
            return (self._transpose_rfft(ct),)
        return (self._transpose_irfft(ct),)

    def _transpose_rfft(self, ct: Any) -> Any:
        """Re F (E ct), where JAX's pairing takes the real part: Σ_k Re(ct_k exp(-2πi jk/n)), by irfft of conj(ct) / w."""
        return Fft("irfft", self.n, self.axis, _SWAPPED[self.norm])(self._weighted(conj(ct), 0.5))

    def _transpose_irfft(self, ct: Any) -> Any:
        out = Fft("rfft", self.n, self.axis, _SWAPPED[self.norm])(ct)
        return self._weighted(conj(out), 2.0)

    def _weighted(self, x: Any, weight: float) -> Any:
        """A half spectrum with those elements scaled that stand twice in the whole one: all but the first and, for even n, the last."""
        shape, stop = array_type_of(x).shape, (self.n + 1) // 2
        if stop <= 1:
            return x
        starts, stops = [0] * len(shape), list(shape)
        starts[self.axis], stops[self.axis] = 1, stop
        return slice_set(x, slice_axis(x, self.axis, 1, stop) * weight, starts, stops, [1] * len(shape))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Fft(self.kind, self.n, self.axis + 1, self.norm)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(30).standard_normal
        for norm in ("backward", "ortho", "forward"):
            for n in (1, 4, 5):
                z = r((2, n)) + 1j * r((2, n))
                half = r((2, n // 2 + 1)) + 1j * r((2, n // 2 + 1))
                yield Sample(cls("fft", n, 1, norm), z)
                yield Sample(cls("ifft", n, 0, norm), z.T)
                yield Sample(cls("rfft", n, 1, norm), z.real, complex_step=False)
                yield Sample(cls("irfft", n, 1, norm), half, complex_step=False)
        yield Sample(cls("fft", 3, 0), (r(3) + 1j * r(3)).astype("F"))


# -- several axes, and the Hermitian pair: compositions ------------------------------------


def fft(x: Any, axis: int, norm: str = "backward") -> Any:
    """The transform of a complex array along one axis."""
    return Fft("fft", array_type_of(x).shape[axis], axis, norm)(x)


def ifft(x: Any, axis: int, norm: str = "backward") -> Any:
    """The inverse transform of a complex array along one axis."""
    return Fft("ifft", array_type_of(x).shape[axis], axis, norm)(x)


def rfft(x: Any, axis: int, norm: str = "backward") -> Any:
    """The half spectrum of a real array along one axis."""
    return Fft("rfft", array_type_of(x).shape[axis], axis, norm)(x)


def irfft(x: Any, n: int, axis: int, norm: str = "backward") -> Any:
    """The real array of n points with this half spectrum."""
    return Fft("irfft", n, axis, norm)(x)


def fftn(x: Any, axes: Sequence[int], norm: str = "backward") -> Any:
    """`fft` along several axes, the last one first, as NumPy."""
    for axis in reversed(axes):
        x = fft(x, axis, norm)
    return x


def ifftn(x: Any, axes: Sequence[int], norm: str = "backward") -> Any:
    """`ifft` along several axes."""
    for axis in reversed(axes):
        x = ifft(x, axis, norm)
    return x


def rfftn(x: Any, axes: Sequence[int], norm: str = "backward") -> Any:
    """`rfft` along the last of the axes, `fft` along the others."""
    return fftn(rfft(x, axes[-1], norm), axes[:-1], norm)


def irfftn(x: Any, n: int, axes: Sequence[int], norm: str = "backward") -> Any:
    """`ifft` along all axes but the last, then `irfft` of n points along that."""
    return irfft(ifftn(x, axes[:-1], norm), n, axes[-1], norm)


def hfft(x: Any, n: int, axis: int, norm: str = "backward") -> Any:
    """The real spectrum of n points of a Hermitian-symmetric signal given by its first half."""
    return irfft(conj(x), n, axis, _SWAPPED[norm])


def ihfft(x: Any, axis: int, norm: str = "backward") -> Any:
    """The inverse of `hfft`."""
    return conj(rfft(x, axis, _SWAPPED[norm]))
