"""Linear systems: the matrix is factored once, the factors are kept for tangents and cotangents and never differentiated.

Knows NumPy and, once called, SciPy. Start at `Solve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
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
from wengert.primitives.linalg.factor import ApplyPivots, Lu
from wengert.primitives.linalg.triangular import TriangularSolve
from wengert.primitives.shape import array_type_of, reshape, stop_gradient

_LAPACK = {"N": 0, "T": 1, "C": 2}


class Solve(Stacked):
    """x with op(A) x = b, from operands (A, lu, pivots, b), where (lu, pivots) are factors of A; op as in `TriangularSolve`.

    dx = op(A)⁻¹ (db - op(dA) x): the dependence on A is all in A; lu and pivots serve to apply the inverse only.
    """

    op: str = "N"

    def type(self, a: Any, lu: Any, pivots: Any, b: Any) -> tuple[Type, ...]:
        matrices(self, a)
        stacked_alike(self, a, lu, b)
        if b.shape[-2] != a.shape[-1] or lu is not a or pivots.shape != a.shape[:-1]:
            raise ShapeError(
                four_parts("solve needs factors of the matrix and as many rows on the right", f"{a!r}, {lu!r}, {pivots!r}, {b!r}")
            )
        return (b,)

    def evaluate(self, a: Any, lu: Any, pivots: Any, b: Any) -> Any:
        from scipy.linalg.lapack import get_lapack_funcs

        (getrs,) = get_lapack_funcs(("getrs",), (lu,))
        op = _LAPACK[self.op]

        def one(lu: Any, pivots: Any, b: Any) -> Any:
            if not lu.diagonal().all():
                raise np.linalg.LinAlgError("Singular matrix")
            return getrs(lu, pivots, b, trans=op)[0] if b.size else np.zeros_like(b)

        return each(one, (b.dtype,), lu, pivots, b, core=(2, 1, 2))

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        lu, pivots = (k.memory(p, contiguous=False) for p in operands[1:3])
        if not lapack.handles(lu, outs[0]):
            return NotImplemented
        k.copy(operands[3], outs[0])

        def one(at: Any) -> None:
            lapack.regular(k, lu, at)
            if outs[0].size:
                lapack.solve(k, lu, at, pivots, at, outs[0], at, self.op)

        return lapack.stacks(k, lu.shape[:-2], one)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        a, lu, pivots, _ = primals
        da, _, _, db = tangents
        if da is not None:
            db = add_any(db, neg(mm({"N": da, "T": t(da), "C": h(da)}[self.op], outs)))
        return None if db is None else self(a, lu, pivots, db)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        a, lu, pivots, _ = operands
        if self.op == "C":  # (A⁻ᴴ)ᵀ = conj(A)⁻¹
            out = Solve("N")(a, lu, pivots, conj(ct) if is_complex(ct) else ct)
            return None, None, None, conj(out) if is_complex(ct) else out
        return None, None, None, Solve("T" if self.op == "N" else "N")(a, lu, pivots, ct)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        if not any(batched[:3]):
            return columns_to_lanes(self(*operands[:3], lanes_to_columns(operands[3])), size)
        return super().batch(size, batched, operands)

    exact_reads = (0, 3)

    def exact(self, m: Any, a: Any, lu: Any, pivots: Any, b: Any) -> Any:
        turned = {"N": lambda a: a, "T": np.transpose, "C": lambda a: elimination.adjoint(m, a)}[self.op]
        return each(lambda a, b: elimination.solved(m, turned(a), b), (object,), a, b)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(9).standard_normal
        for op in ("N", "T", "C"):
            a, b = r((2, 3, 3)), r((2, 3, 2))
            if op != "N":
                a, b = a[0] + 1j * r((3, 3)), b[0] + 1j * r((3, 2))
            # As an operation on its own it is not smooth: (lu, pivots) would have to follow A.
            yield Sample(cls(op), a, *Lu()(a), b, smooth=False, complex_step=False)


def solve(a: Any, b: Any, op: str = "N") -> Any:
    """x with op(a) x = b. b is a stack of matrices, or of vectors if it has one axis less than a."""
    lu, pivots = Lu()(stop_gradient(a))
    return solve_factored(a, lu, pivots, b, op)


def solve_factored(a: Any, lu: Any, pivots: Any, b: Any, op: str = "N") -> Any:
    """`solve`, given the factors of a."""
    shape = array_type_of(b).shape
    if len(shape) == array_type_of(a).ndim - 1:
        return reshape(Solve(op)(a, lu, pivots, reshape(b, (*shape, 1))), shape)
    return Solve(op)(a, lu, pivots, b)


def lu_solve(lu: Any, pivots: Any, b: Any, op: str = "N") -> Any:
    """op(A)⁻¹ b from the factors alone, which are differentiated: scipy.linalg.lu_solve."""
    if op == "N":
        return TriangularSolve(False, "N", False)(lu, TriangularSolve(True, "N", True)(lu, ApplyPivots(False)(pivots, b)))
    return ApplyPivots(True)(pivots, TriangularSolve(True, op, True)(lu, TriangularSolve(False, op, False)(lu, b)))
