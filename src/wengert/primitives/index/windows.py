"""Windows that slide along axes: x seen once for every place of a window, and its transpose, which adds what overlaps.

Knows NumPy; of other families none. Start at `Windows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Into, Linear, Primitive, Sample, Track, as_evaluated, expand_all, instantiate
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type

Ints = tuple[int, ...]


class _Windowed(Primitive, abstract=True):
    """Operations on the windows of their first operand: w[…, i, …, j] = x[…, i + j, …], the axes of j last, in the order of `axes`."""

    axes: Ints
    sizes: Ints
    exact = as_evaluated

    def windows(self, x: Any) -> Any:
        """The type of all windows together."""
        shape = list(x.shape)
        fits = len(self.axes) == len(self.sizes) and all(0 <= a < x.ndim for a in self.axes) and all(n > 0 for n in self.sizes)
        for axis, n in zip(self.axes, self.sizes, strict=False) if fits else ():
            shape[axis] -= n - 1
        if not fits or any([shape[a] < 1 for a in self.axes]):
            raise ShapeError(four_parts(f"{self!r} does not fit {x!r}", "A window may not be longer than the array."))
        return x.with_shape((*shape, *self.sizes))

    def seen(self, index: Sequence[Any], ndim: int) -> list[Any]:
        """Where in x an element of the windows is."""
        at = list(index[:ndim])
        for axis, j in zip(self.axes, index[ndim:], strict=True):
            at[axis] = at[axis] + j
        return at

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return type(self)(tuple([a + 1 for a in self.axes]), self.sizes)(*expand_all(size, batched, operands))

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        return [Track((a,) * len(operands), a) for a in range(operands[0].type.ndim) if a not in self.axes]


class Windows(_Windowed, Linear):
    """np.lib.stride_tricks.sliding_window_view(x, sizes, axes): in memory, x with other strides."""

    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (self.windows(x),)

    def evaluate(self, x: Any) -> Any:
        return np.lib.stride_tricks.sliding_window_view(x, self.sizes, self.axes)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        return read[0](*self.seen(index, x.ndim))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (Into(WindowsAdd(self.axes, self.sizes), ct),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(40).standard_normal
        yield Sample(cls((0,), (3,)), r(5))
        yield Sample(cls((1, 2), (2, 3)), r((2, 3, 4)))
        yield Sample(cls((1,), (1,)), r((2, 3)).astype("f"))
        yield Sample(cls((0, 0), (2, 2)), r((4, 2)) + 1j * r((4, 2)))


class WindowsAdd(_Windowed):
    """x with each u[…, i, …, j] added at x[…, i + j, …]."""

    accumulates = True

    def type(self, x: Any, u: Any) -> tuple[Type, ...]:
        if u is not self.windows(x):
            raise ShapeError(four_parts(f"{self!r} cannot add {u!r} to {x!r}", f"the windows are {self.windows(x)!r}"))
        return (x,)

    def evaluate(self, x: Any, u: Any) -> Any:
        return self.update(np.array(x, order="C"), u)

    def update(self, x: Any, u: Any) -> Any:
        for inner in np.ndindex(*self.sizes):
            starts = self.seen((*[0] * x.ndim, *inner), x.ndim)
            x[tuple([slice(start, start + n) for start, n in zip(starts, u.shape, strict=False)])] += u[(..., *inner)]
        return x

    def target(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        return self.seen(index, types[0].ndim)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        dx, du = tangents
        return dx if du is None else self(instantiate(dx, primals[0].type), du)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return ct if linear[0] else None, Windows(self.axes, self.sizes)(ct) if linear[1] else None

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return mask if mask is None or index == 0 else Windows(self.axes, self.sizes)(mask)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(41).standard_normal
        yield Sample(cls((0,), (3,)), r(5), r((3, 3)))
        yield Sample(cls((1, 2), (2, 3)), r((2, 3, 4)), r((2, 2, 2, 2, 3)))
        yield Sample(cls((0, 0), (2, 2)), r((4, 2)).astype("f"), r((2, 2, 2, 2)).astype("f"))


def windows(x: Any, sizes: Ints, axes: Ints) -> Any:
    """Every place of a window of these sizes along these axes; new axes last."""
    return Windows(tuple(axes), tuple(sizes))(x)
