"""How rules on stacks of matrices are written: products, transposes, scaled rows and columns.

Every function works on the last axes and leaves those before them alone. Start at `Stacked`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Multilinear, Primitive, Sample, expand_all, same_types
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import ArrayType, Type
from wengert.ir.values import ROLES
from wengert.primitives.arith import abs_, conj, mul, real, select
from wengert.primitives.linalg.contraction import Dot
from wengert.primitives.linalg.diagonal import diagonal as _diagonal
from wengert.primitives.linalg.diagonal import embed, tril
from wengert.primitives.shape import Concatenate, array_type_of, broadcast, cast, move_axis, permute, reshape


class Stacked(Primitive, abstract=True):
    """An operation on the last axes that stacks over those before them, as numpy.linalg does."""

    may_raise = True

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))


def matrices(operation: Any, x: Any, square: bool = True) -> ArrayType:
    """x, after asking that it be a stack of (square) matrices of inexact dtype."""
    if not x.inexact or x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise ShapeError(four_parts(f"{operation!r} needs {kind} of real or complex floats", repr(x)))
    return x  # type: ignore[no-any-return]


def stacked_alike(operation: Any, x: Any, *others: Any) -> None:
    """Ask that all have the same leading axes and dtype."""
    for other in others:
        if other.shape[:-2] != x.shape[:-2] or other.ndim != x.ndim or other.dtype != x.dtype:
            raise ShapeError(four_parts(f"{operation!r} needs equal leading axes and dtypes", ", ".join(map(repr, (x, *others)))))


def each(function: Any, dtypes: Sequence[Any], *stacks: Any, core: Sequence[int] | None = None) -> Any:
    """`function` applied to each matrix of the stacks; as many results as dtypes, always at least one matrix is tried."""
    core = core or [2] * len(stacks)
    lead = stacks[0].shape[: stacks[0].ndim - core[0]]
    if not lead:
        outs = function(*stacks)
        outs = outs if isinstance(outs, tuple) else (outs,)
        outs = tuple([np.asarray(o, dtype=d) for o, d in zip(outs, dtypes, strict=True)])
        return outs if len(outs) > 1 else outs[0]
    size = int(np.prod(lead))
    flat = [x.reshape(size, *x.shape[len(lead) :]) for x in stacks]
    probe = flat if size else [np.ones((1, *x.shape[1:]), x.dtype) for x in flat]
    rows = [function(*[x[i] for x in probe]) for i in range(max(size, 1))]
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    outs = tuple([np.stack([row[k] for row in rows])[:size].astype(d, copy=False) for k, d in enumerate(dtypes)])
    outs = tuple([o.reshape(lead + o.shape[1:]) for o in outs])
    return outs if len(outs) > 1 else outs[0]


def real_dtype(x: Any) -> Any:
    """The real dtype of the precision of x."""
    return np.empty(0, x.dtype).real.dtype


def is_complex(x: Any) -> bool:
    return bool(array_type_of(x).dtype.kind == "c")


def lead_axes(x: Any, core: int = 2) -> tuple[int, ...]:
    return tuple(range(array_type_of(x).ndim - core))


def mm(x: Any, y: Any) -> Any:
    """The matrix products of two stacks of equal length."""
    lead, n = lead_axes(x), array_type_of(x).ndim
    return Dot(((n - 1,), (n - 2,)), (lead, lead))(x, y)


def t(x: Any) -> Any:
    """The transposes."""
    lead = lead_axes(x)
    return permute(x, (*lead, len(lead) + 1, len(lead)))


def h(x: Any) -> Any:
    """The conjugate transposes."""
    return t(conj(x)) if is_complex(x) else t(x)


def real_of(x: Any) -> Any:
    """The real part, in the real dtype."""
    return real(x) if is_complex(x) else x


def diagonal(x: Any) -> Any:
    """The main diagonals."""
    return _diagonal(x)


def to_rows(s: Any, shape: tuple[int, ...]) -> Any:
    """s[..., i] in every element of row i."""
    n = len(shape)
    return broadcast(s, shape, (*range(n - 2), n - 2))


def to_columns(s: Any, shape: tuple[int, ...]) -> Any:
    """s[..., j] in every element of column j."""
    n = len(shape)
    return broadcast(s, shape, (*range(n - 2), n - 1))


def scale_columns(x: Any, s: Any) -> Any:
    """x diag(s)."""
    return mul(x, to_columns(cast(s, array_type_of(x).dtype), array_type_of(x).shape))


def identity(shape: tuple[int, ...], dtype: Any) -> Any:
    """A stack of identities (ones on the main diagonals), a constant."""
    return np.broadcast_to(np.eye(shape[-2], shape[-1], dtype=dtype), shape)


def hermitian(x: Any) -> Any:
    """The Hermitian matrices of which x holds the lower triangles; the diagonal's imaginary part is not read."""
    below = tril(x, -1)
    return below + h(below) + embed(cast(real_of(diagonal(x)), array_type_of(x).dtype))


def skew(x: Any) -> Any:
    """The skew-Hermitian matrices with the strict lower triangles of x, and i times the imaginary part of its diagonal."""
    below = tril(x, -1)
    out = below - h(below)
    if not is_complex(x):
        return out
    d = diagonal(x)
    return out + embed(d - cast(real(d), d.type.dtype))


def safe_reciprocal(x: Any, floor: Any, otherwise: Any) -> Any:
    """1 / x, and `otherwise` where |x| <= floor."""
    small = abs_(x) <= floor
    return select(small, otherwise, 1.0 / select(small, _ones(x), x))


class Turn(Multilinear):
    """rate * p, as the rotations of eigenvectors are made, where a rate may be NaN: the vectors there have no derivative.

    Unlike `Mul`, no setting makes it zero where p is: of a cotangent that happens to be zero nothing follows for eigenvalues.
    """

    elementwise = True
    scalar = "mul"
    factors = (0, 1)

    def type(self, *operands: Type) -> tuple[Type, ...]:
        return (same_types(self, operands),)

    def evaluate(self, rate: Any, p: Any) -> Any:
        return rate * p

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        rate, p = operands
        return self(p, ct) if linear[0] else None, self(rate, ct) if linear[1] else None

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([2.0, 3.0]), np.array([1.0, -1.0]))
        yield Sample(cls(), np.array([2.0, 3j]), np.array([1.0j, -1.0]))


def _ones(x: Any) -> Any:
    type = array_type_of(x)
    return np.ones(type.shape, type.dtype)


def gaps(w: Any) -> tuple[Any, Any]:
    """(1 / (w_j - w_i), 1 / (w_j + w_i)); where a denominator is 0 up to rounding, NaN for i ≠ j and 0 for i = j."""
    n = array_type_of(w).shape[-1]
    shape = (*array_type_of(w).shape, n)
    wi, wj = to_rows(w, shape), to_columns(w, shape)
    total = ROLES["sum"](abs_(w), (array_type_of(w).ndim - 1,)) * (4.0 * float(np.finfo(array_type_of(w).dtype).eps))
    floor = broadcast(total, shape, tuple(range(len(shape) - 2)))
    undefined = np.where(np.eye(n, dtype=bool), 0, np.full(shape, np.nan)).astype(array_type_of(w).dtype)
    return tuple([safe_reciprocal(x, floor, undefined) for x in (wj - wi, wj + wi)])  # type: ignore[return-value]


def block(rows: Sequence[Sequence[Any]]) -> Any:
    """The matrices made of these blocks."""
    n = array_type_of(rows[0][0]).ndim
    return Concatenate(n - 2)(*[Concatenate(n - 1)(*row) for row in rows])


def part(x: Any, rows: tuple[int, int], columns: tuple[int, int]) -> Any:
    """x[..., rows, columns], each a (start, stop)."""
    type = array_type_of(x)
    if rows != (0, type.shape[-2]):
        x = ROLES["slice_axis"](x, type.ndim - 2, *rows)
    if columns != (0, type.shape[-1]):
        x = ROLES["slice_axis"](x, type.ndim - 1, *columns)
    return x


def lanes_to_columns(x: Any) -> Any:
    """(lane, …, n, k) -> (…, n, lane k): right-hand sides of one system."""
    x = move_axis(x, 0, array_type_of(x).ndim - 2)
    shape = array_type_of(x).shape
    return reshape(x, (*shape[:-2], shape[-2] * shape[-1]))


def columns_to_lanes(x: Any, size: int) -> Any:
    """The inverse of `lanes_to_columns`."""
    shape = array_type_of(x).shape
    x = reshape(x, (*shape[:-1], size, shape[-1] // size if size else 0))
    return move_axis(x, array_type_of(x).ndim - 2, 0)
