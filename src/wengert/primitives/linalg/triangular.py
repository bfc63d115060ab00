"""Solutions of triangular systems, and of Sylvester's equation.

Knows NumPy and, once called, SciPy. Start at `TriangularSolve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.loops.failure import Failure
from wengert.primitives.arith import conj, neg
from wengert.primitives.linalg import elimination, lapack
from wengert.primitives.linalg.algebra import (
    Stacked,
    columns_to_lanes,
    each,
    h,
    is_complex,
    lanes_to_columns,
    matrices,
    mm,
    stacked_alike,
    t,
)
from wengert.primitives.linalg.diagonal import Triangle


class TriangularSolve(Stacked):
    """x with op(A) x = b, where A is the lower or upper triangle of `a` and op one of N (A), T (Aᵀ), C (Aᴴ).

    With `unit_diagonal` the diagonal is taken for ones. The rest of `a` is not read, and has derivative zero.
    dx = op(A)⁻¹ (db - op(dA) x)   (Giles 2008).
    """

    lower: bool = True
    op: str = "N"
    unit_diagonal: bool = False

    def type(self, a: Any, b: Any) -> tuple[Type, ...]:
        matrices(self, a)
        _right_hand_sides(self, a, b)
        return (b,)

    def evaluate(self, a: Any, b: Any) -> Any:
        from scipy.linalg import solve_triangular

        def one(a: Any, b: Any) -> Any:
            if not b.size:
                return np.zeros_like(b)
            return solve_triangular(a, b, trans=self.op, lower=self.lower, unit_diagonal=self.unit_diagonal, check_finite=False)

        return each(one, (b.dtype,), a, b)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a, outs[0]):
            return NotImplemented
        x = outs[0]
        k.copy(operands[1], x)
        singular = Failure("linalg", ("singular matrix: resolution failed at diagonal {}",), k.span)

        def one(at: Any) -> None:
            if not self.unit_diagonal:
                corner = lambda i: k.fail_if(lapack.is_zero(k, lapack.get(k, a, at, i, i)), singular, [k.number(i)])
                lapack.repeat(k, 0, a.shape[-1], corner)
            lapack.triangular(k, a, at, x, at, self.lower, self.op, self.unit_diagonal)

        return lapack.stacks(k, a.shape[:-2], one) if x.size else None

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (a, _), (da, db) = primals, tangents
        if da is not None:
            moved = Triangle(self.lower, (-1 if self.lower else 1) * self.unit_diagonal)(da)
            db = add_any(db, neg(mm({"N": moved, "T": t(moved), "C": h(moved)}[self.op], outs)))
        return None if db is None else self(a, db)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        a = operands[0]
        if self.op == "C":
            a = conj(a) if is_complex(a) else a
        return None, TriangularSolve(self.lower, "T" if self.op == "N" else "N", self.unit_diagonal)(a, ct)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if not batched[0]:
            return columns_to_lanes(self(operands[0], lanes_to_columns(operands[1])), size)
        return super().batch(size, batched, operands)

    def exact(self, m: Any, a: Any, b: Any) -> Any:
        def one(a: Any, b: Any) -> Any:
            a = {"N": a, "T": a.T, "C": elimination.adjoint(m, a)}[self.op]
            return elimination.substituted(a, b, self.lower == (self.op == "N"), self.unit_diagonal)

        return each(one, (object,), a, b)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(2).standard_normal
        a, b = r((3, 3)) + 3 * np.eye(3), r((3, 2))
        for lower in (True, False):
            for op in ("N", "T"):
                yield Sample(cls(lower, op, False), a, b)
        yield Sample(cls(True, "N", True), a, b)
        yield Sample(cls(True, "C", False), a + 1j * r((3, 3)), b + 1j * r((3, 2)), complex_step=False)
        yield Sample(cls(False, "N", False), np.stack([a, a + 1]), np.stack([b, b + 1]))
        yield Sample(cls(True, "N", False), a.astype("f"), b.astype("f"))


class Sylvester(Stacked):
    """x with a x + x b = q.

    dx solves the same equation for dq - da x - x db; the transpose has aᵀ and bᵀ.
    """

    def type(self, a: Any, b: Any, q: Any) -> tuple[Type, ...]:
        matrices(self, a)
        matrices(self, b)
        stacked_alike(self, q, a, b)
        if q.shape[-2:] != (a.shape[-1], b.shape[-1]):
            raise ShapeError(four_parts("sylvester needs q with the rows of a and the columns of b", f"{a!r}, {b!r}, {q!r}"))
        return (q,)

    def evaluate(self, a: Any, b: Any, q: Any) -> Any:
        from scipy.linalg import solve_sylvester

        return each(lambda a, b, q: solve_sylvester(a, b, q) if q.size else q, (q.dtype,), a, b, q)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (a, b, _), (da, db, dq) = primals, tangents
        if da is not None:
            dq = add_any(dq, neg(mm(da, outs)))
        if db is not None:
            dq = add_any(dq, neg(mm(outs, db)))
        return None if dq is None else self(a, b, dq)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        a, b, _ = operands
        return None, None, self(t(a), t(b), ct)

    def exact(self, m: Any, a: Any, b: Any, q: Any) -> Any:
        def one(a: Any, b: Any, q: Any) -> Any:
            system = np.kron(a, elimination.identity(m, len(b))) + np.kron(elimination.identity(m, len(a)), b.T)
            return elimination.solved(m, system, q.reshape(-1, 1)).reshape(q.shape)

        return each(one, (object,), a, b, q)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(3).standard_normal
        a, b, q = r((3, 3)) + 3 * np.eye(3), r((2, 2)) + 3 * np.eye(2), r((3, 2))
        yield Sample(cls(), a, b, q)
        yield Sample(cls(), a + 1j * r((3, 3)), b + 0j, q - 1j)


def _right_hand_sides(operation: Any, a: Any, b: Any) -> None:
    stacked_alike(operation, a, b)
    if b.shape[-2] != a.shape[-1]:
        raise ShapeError(four_parts(f"{operation!r} needs as many rows on the right as the matrix has", f"{a!r}, {b!r}"))


def cho_solve(factor: Any, b: Any, lower: bool = True) -> Any:
    """x with A x = b, given the Cholesky factor of A: A = L Lᴴ (lower) or Uᴴ U."""
    first, second = ("N", "C") if lower else ("C", "N")
    return TriangularSolve(lower, second, False)(factor, TriangularSolve(lower, first, False)(factor, b))
