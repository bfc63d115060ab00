"""What integer arrays address: positions, bounds, and updates in place of repeated elements.

Knows NumPy. Start at `positions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import IndexOutOfBoundsError, four_parts

Ints = tuple[int, ...]


def positions(shape: Ints, indices: Sequence[Any], n_batch: int) -> Any:
    """Row-major positions in an array of `shape` that integer arrays address, negative ones from the end.

    The result has the shape of an index plus the axes of `shape` that are not addressed.
    Raises IndexOutOfBoundsError.
    """
    ndim = indices[0].ndim
    rest = shape[n_batch + len(indices) :]
    flat: Any = 0
    for axis in range(n_batch):
        flat = flat * shape[axis] + np.arange(shape[axis]).reshape(-1, *[1] * (ndim - axis - 1))
    for axis, index in enumerate(indices):
        index, n = from_start(index, axis, shape[n_batch + axis]), shape[n_batch + axis]
        flat = index if isinstance(flat, int) else flat * n + index
    if rest:
        size = int(np.prod(rest))
        flat = flat.reshape(*flat.shape, *[1] * len(rest)) * size + np.arange(size).reshape(rest)
    return flat


def from_start(index: Any, axis: int, n: int) -> Any:
    """The index with negative entries counted from the end of its axis. Raises IndexOutOfBoundsError."""
    index = index.astype(np.intp, copy=False)
    low, high = (index.min(), index.max()) if index.size else (0, -1)
    if low < -n or high >= n:
        check_bounds(index, axis, n)
    return index if low >= 0 else np.where(index < 0, index + n, index)


def check_bounds(index: Any, axis: int, n: int) -> None:
    """Raise IndexOutOfBoundsError, naming the index, unless all lie in [-n, n)."""
    outside = (index < -n) | (index >= n)
    if outside.any():
        bad = int(index[outside].ravel()[0]) if np.ndim(index) else int(index)
        raise IndexOutOfBoundsError(
            four_parts(f"index {bad} is out of bounds for axis {axis} with size {n}", why=f"Valid indices are {-n} to {n - 1}.")
        )


class named_bounds:
    """Turn NumPy's IndexError inside the block into ours, naming the index. (A generator-based one costs a microsecond more.)"""

    __slots__ = ("first", "indices", "shape")

    def __init__(self, indices: Sequence[Any], shape: Ints, first: int = 0) -> None:
        self.indices, self.shape, self.first = indices, shape, first

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, IndexError):
            for axis, (index, n) in enumerate(zip(self.indices, self.shape, strict=False), self.first):
                check_bounds(np.asarray(index), axis, n)


def add_at(x: Any, where: Any, u: Any) -> Any:
    """x[where] += u in place, where repeated positions accumulate; x is C-contiguous, `where` row-major positions."""
    line = x.reshape(-1)
    (np.logical_or if x.dtype.kind == "b" else np.add).at(line, np.ravel(where), np.ravel(u))
    return x


def set_at(x: Any, where: Any, u: Any) -> Any:
    """x[where] = u in place, where the last of repeated positions wins."""
    x.reshape(-1)[np.ravel(where)] = np.ravel(u)
    return x


def owned(x: Any) -> Any:
    """A C-contiguous copy."""
    return np.array(x, order="C")
