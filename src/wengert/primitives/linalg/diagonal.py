"""Diagonals and triangles of matrices: read, embedded, masked. Linear, every one.

Knows NumPy; of other families shape. Start at `Diagonal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Linear, Sample
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.ir.values import ROLES
from wengert.primitives.shape import array_type_of


class Diagonal(Linear):
    """x[..., i, i + offset] along two axes, which are replaced by one at the end, as np.diagonal."""

    offset: int = 0
    axis1: int = 0
    axis2: int = 1
    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        if not (0 <= self.axis1 < x.ndim and 0 <= self.axis2 < x.ndim and self.axis1 != self.axis2):
            raise ShapeError(four_parts(f"{x!r} has no diagonal along axes {self.axis1} and {self.axis2}"))
        n = diagonal_length(x.shape[self.axis1], x.shape[self.axis2], self.offset)
        rest = [m for i, m in enumerate(x.shape) if i not in (self.axis1, self.axis2)]
        return (x.with_shape((*rest, n)),)

    def evaluate(self, x: Any) -> Any:
        return np.diagonal(x, self.offset, self.axis1, self.axis2)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        own = {self.axis1: index[-1] + max(-self.offset, 0), self.axis2: index[-1] + max(self.offset, 0)}
        rest = iter(index[:-1])
        return read[0](*[own[a] if a in own else next(rest) for a in range(x.ndim)])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        shape = operands[0].type.shape
        return (DiagonalEmbed(shape[self.axis1], shape[self.axis2], self.offset, self.axis1, self.axis2)(ct),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Diagonal(self.offset, self.axis1 + 1, self.axis2 + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(0, 0, 1), np.arange(9.0).reshape(3, 3))
        yield Sample(cls(1, 2, 0), np.arange(24.0).reshape(2, 3, 4) + 1j)
        yield Sample(cls(-1, 0, 1), np.arange(6.0, dtype="f").reshape(3, 2))


class DiagonalEmbed(Linear):
    """Zeros with the last axis of x on a diagonal of two new axes: the transpose of `Diagonal`."""

    rows: int
    columns: int
    offset: int = 0
    axis1: int = 0
    axis2: int = 1
    moves = True

    def type(self, x: Any) -> tuple[Type, ...]:
        if not x.ndim or x.shape[-1] != diagonal_length(self.rows, self.columns, self.offset):
            raise ShapeError(four_parts(f"{x!r} is no diagonal {self.offset} of a {self.rows} by {self.columns} matrix"))
        return (x.with_shape(self._shape(x.shape)),)

    def _shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        out = list(shape[:-1])
        for axis, n in sorted(((self.axis1, self.rows), (self.axis2, self.columns))):
            out.insert(axis, n)
        return tuple(out)

    def evaluate(self, x: Any) -> Any:
        out = np.zeros(self._shape(x.shape), x.dtype)
        matrices = np.moveaxis(out, (self.axis1, self.axis2), (-2, -1))
        i = np.arange(x.shape[-1])
        matrices[..., i + max(-self.offset, 0), i + max(self.offset, 0)] = x
        return out

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        if not x.shape[-1]:
            return k.const(0, k.kind(x))
        row, column = index[self.axis1] - max(-self.offset, 0), index[self.axis2] - max(self.offset, 0)
        rest = [i for a, i in enumerate(index) if a not in (self.axis1, self.axis2)]
        if not row.terms and not column.terms:
            on = row.const == column.const and 0 <= row.const < x.shape[-1]
            return read[0](*rest, row) if on else k.const(0, k.kind(x))
        equal = k.op("eq", k.number(row), k.number(column))
        for i in (row, column):
            span = k.range(i)
            if span is not None and span[0] >= 0 and span[1] < x.shape[-1]:
                return k.op("select", equal, read[0](*rest, i), k.const(0, k.kind(x)))
        inside = k.op("and", k.op("ge", k.number(row), k.const(0, "i8")), k.op("lt", k.number(row), k.const(x.shape[-1], "i8")))
        return k.branch(k.op("and", equal, inside), lambda: read[0](*rest, row), lambda: k.const(0, k.kind(x)))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (Diagonal(self.offset, self.axis1, self.axis2)(ct),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return DiagonalEmbed(self.rows, self.columns, self.offset, self.axis1 + 1, self.axis2 + 1)(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(3, 3, 0, 0, 1), np.arange(3.0))
        yield Sample(cls(4, 2, -1, 2, 0), np.arange(6.0).reshape(3, 2) + 1j)
        yield Sample(cls(2, 3, 1, 0, 1), np.arange(2.0, dtype="f"))


class Triangle(Linear):
    """The part of each matrix on and below diagonal k (lower) or on and above it, zeros elsewhere; whatever is there."""

    lower: bool = True
    k: int = 0
    moves = True

    def type(self, x: Any) -> tuple[Type, ...]:
        if x.ndim < 2:
            raise ShapeError(four_parts(f"{x!r} is no matrix"))
        return (x,)

    def evaluate(self, x: Any) -> Any:
        return np.tril(x, self.k) if self.lower else np.triu(x, self.k)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        row, column = index[-2] + self.k, index[-1]
        kept = k.op("le" if self.lower else "ge", k.number(column), k.number(row))
        return k.op("select", kept, read[0](*index), k.const(0, k.kind(x)))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (self(ct),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(True, 0), np.arange(1.0, 13).reshape(3, 4))
        yield Sample(cls(False, 1), np.arange(1.0, 19).reshape(2, 3, 3) + 1j)
        yield Sample(cls(True, -1), np.arange(1.0, 10, dtype="f").reshape(3, 3))


def diagonal_length(rows: int, columns: int, offset: int) -> int:
    """How many elements diagonal `offset` of a rows by columns matrix has."""
    return max(0, min(rows + min(offset, 0), columns - max(offset, 0)))


def diagonal(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Any:
    """The diagonal along two axes, by default the last ones."""
    n = array_type_of(x).ndim
    return Diagonal(offset, axis1 % n, axis2 % n)(x)


def embed(x: Any) -> Any:
    """The diagonal matrices whose diagonals are the last axis of x."""
    t = array_type_of(x)
    return DiagonalEmbed(t.shape[-1], t.shape[-1], 0, t.ndim - 1, t.ndim)(x)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal, as np.trace."""
    d = diagonal(x, offset, axis1, axis2)
    return ROLES["sum"](d, (array_type_of(d).ndim - 1,))


def tril(x: Any, k: int = 0) -> Any:
    """The lower triangles."""
    return Triangle(True, k)(x)


def triu(x: Any, k: int = 0) -> Any:
    """The upper triangles."""
    return Triangle(False, k)(x)
