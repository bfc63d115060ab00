"""Factorisations: Cholesky, LU with row pivots, QR.

Knows NumPy and, once called, SciPy. Start at `Cholesky`. What only solves systems should not
differentiate a factor but keep it: see `solve`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, as_evaluated, no, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.primitives.arith import sub
from wengert.primitives.linalg import elimination, lapack
from wengert.primitives.linalg.algebra import Stacked, block, each, h, hermitian, identity, matrices, mm, part, skew, t
from wengert.primitives.linalg.diagonal import tril, triu
from wengert.primitives.linalg.inverse import Pinv, projector_residual
from wengert.primitives.linalg.triangular import TriangularSolve
from wengert.primitives.shape import array_type_of


class Cholesky(Stacked):
    """The lower L with A = L Lᴴ, of the Hermitian A of which `a` holds the lower triangle.

    dL = L Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle with half the diagonal   (Smith 1995; Murray 2016).
    The upper triangle of `a` is not read by NumPy, so its derivative is zero.
    """

    analytic = False  # Aᴴ
    transpose = no("the Cholesky factor is not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        return (matrices(self, a),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.cholesky(a)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a):
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.cholesky(k, a, at, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        solve, low = TriangularSolve(True, "N", False), outs
        inner = solve(low, h(solve(low, hermitian(tangents[0]))))
        return mm(low, half_lower(inner))

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: elimination.cholesky(m, a), (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(6).standard_normal
        a = r((3, 3))
        c = r((3, 3)) + 1j * r((3, 3))
        yield Sample(cls(), a @ a.T + 2 * np.eye(3), complex_step=False)
        yield Sample(cls(), a @ a.T + 2 * np.eye(3) + np.triu(r((2, 3, 3)), 1), complex_step=False)
        yield Sample(cls(), c @ c.conj().T + 2 * np.eye(3), complex_step=False)
        yield Sample(cls(), (a @ a.T + 2 * np.eye(3)).astype("f"), complex_step=False)


def half_lower(x: Any) -> Any:
    """The lower triangle with half the diagonal."""
    return (tril(x) + tril(x, -1)) * 0.5


class ApplyPivots(Stacked):
    """P x, or Pᵀ x: the row exchanges of an LU factorisation, (pivots, x) -> x with its rows moved."""

    inverse: bool = False
    may_raise = False
    exact = as_evaluated

    def type(self, pivots: Any, x: Any) -> tuple[Type, ...]:
        if pivots.dtype.kind != "i" or pivots.shape[:-1] != x.shape[:-2]:
            raise ShapeError(four_parts("apply_pivots needs pivots for each matrix", f"{pivots!r}, {x!r}"))
        return (x,)

    def evaluate(self, pivots: Any, x: Any) -> Any:
        order = permutation(pivots, x.shape[-2])
        if self.inverse:
            order = np.argsort(order, axis=-1)
        return np.take_along_axis(x, order[..., None], axis=-2)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        pivots = k.memory(operands[0], contiguous=False)
        k.copy(operands[1], outs[0])
        move = lambda at: lapack.exchange_rows(k, pivots, at, outs[0], at, self.inverse)
        return lapack.stacks(k, pivots.shape[:-1], move) if outs[0].size else None

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[1] is None else self(primals[0], tangents[1])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return None, ApplyPivots(not self.inverse)(operands[0], ct)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(False), np.array([2, 2, 2], np.int32), np.arange(6.0).reshape(3, 2))
        yield Sample(cls(True), np.array([[2, 2, 2], [0, 1, 2]], np.int32), np.arange(12.0).reshape(2, 3, 2) + 1j)


def permutation(pivots: Any, rows: int) -> Any:
    """The order of rows that LAPACK's successive exchanges i <-> pivots[i] lead to."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    for i in range(pivots.shape[-1]):
        j = pivots[..., i : i + 1]
        swapped = np.take_along_axis(order, j, -1)
        np.put_along_axis(order, j, order[..., i : i + 1].copy(), -1)
        order[..., i : i + 1] = swapped
    return order


class Lu(Stacked):
    """(lu, pivots) with P A = L U: U in the upper triangle of lu, L below it without its unit diagonal.

    With L padded to a square by the identity, and U too: W = L⁻¹ P dA U⁻¹, dL = L tril(W, -1), dU = triu(W) U.
    A singular matrix has factors too; their derivative then raises LinAlgError.
    """

    may_raise = False
    transpose = no("the LU factors are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        return a, array_type((*a.shape[:-2], min(a.shape[-2:])), np.dtype(np.int32))

    def evaluate(self, a: Any) -> Any:
        from scipy.linalg.lapack import get_lapack_funcs

        (getrf,) = get_lapack_funcs(("getrf",), (a,))

        def one(a: Any) -> Any:
            if not a.size:
                return a, np.zeros(0, np.int32)
            lu, pivots, _ = getrf(a)
            return lu, pivots

        return each(one, (a.dtype, np.int32), a)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a):
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.lu(k, a, at, outs[0], at, outs[1], at))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        lu, pivots = outs
        m, n = array_type_of(lu).shape[-2:]
        low, up = _square(lu, m, lower=True), _square(lu, n, lower=False)
        w = TriangularSolve(True, "N", True)(low, ApplyPivots(False)(pivots, tangents[0]))
        w = _right_solve(up, w)
        return mm(_with_unit_diagonal(low), tril(w, -1)) + mm(triu(w), up), None

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: elimination.lu(m, a), (object, np.int32), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(7).standard_normal
        yield Sample(cls(), r((3, 3)))
        yield Sample(cls(), r((2, 4, 3)))
        yield Sample(cls(), r((2, 3)) + 1j * r((2, 3)), complex_step=False)
        yield Sample(cls(), r((3, 3)).astype("f"))


def _square(lu: Any, n: int, lower: bool) -> Any:
    """The triangle of lu, cut or padded with the identity to n by n."""
    type = array_type_of(lu)
    rows, columns = type.shape[-2:]
    k = min(rows, columns)
    x = tril(lu, -1) if lower else triu(lu)
    x = part(x, (0, n), (0, k)) if lower else part(x, (0, k), (0, n))
    if k == n:
        return x
    eye = identity((*type.shape[:-2], n, n), type.dtype)
    if lower:
        return block([[x, eye[..., k:]]])
    return block([[x], [eye[..., k:, :]]])


def _with_unit_diagonal(low: Any) -> Any:
    """tril(low, -1) + I."""
    type = array_type_of(low)
    return tril(low, -1) + identity(type.shape, type.dtype)


def _right_solve(up: Any, x: Any) -> Any:
    """x up⁻¹."""
    return t(TriangularSolve(False, "T", False)(up, t(x)))


class Qr(Stacked):
    """(Q, R) with A = Q R. Reduced: Q is m by k, R k by n, k = min(m, n); complete: m by m and m by n.

    With Ω = Qᴴ dQ skew-Hermitian, R₁ the leading square of R and A₁ the columns above it,
    dA₁ R₁⁻¹ = dQ + Q dR₁ R₁⁻¹ splits by triangles; then dR = Qᴴ dA - Ω R for wide matrices too
    (Walter & Lehmann 2012; Roberts & Roberts 2020). Defined where the first k columns are independent,
    else LinAlgError. R has a real diagonal, as LAPACK's.

    The columns that complete mode adds depend on A through Householder's product Q = I - Y T Yᴴ, so that
    Q₂ = E₂ + (Q₁ - E₁) (Q₁₁ - I)⁻ᴴ Q₂₁ᴴ (after Ballard et al. 2014, from TSQR): this is what is differentiated.
    Where a column of A is already zero below the diagonal that Q₂ jumps; derivatives are then right for
    functions of the space that Q₂ spans.
    """

    mode: str = "reduced"
    analytic = False  # Aᴴ
    transpose = no("the QR factors are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        m, n = a.shape[-2:]
        k = m if self.mode == "complete" else min(m, n)
        return a.with_shape((*a.shape[:-2], m, k)), a.with_shape((*a.shape[:-2], k, n))

    def evaluate(self, a: Any) -> Any:
        return tuple(np.linalg.qr(a, mode=self.mode))

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.qr(k, a, at, outs[0], outs[1]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (da,), (q, r) = tangents, outs
        if da is None:
            return None
        m, n = array_type_of(da).shape[-2:]
        k = min(m, n)
        q1, r1 = part(q, (0, m), (0, k)), part(r, (0, k), (0, k))
        x = _right_solve(r1, part(da, (0, m), (0, k)))
        omega = skew(mm(h(q1), x))
        dq = mm(q1, omega)
        if m > k:
            dq = dq + projector_residual(q1, x)
        dr = triu(sub(mm(h(q1), da), mm(omega, part(r, (0, k), (0, n)))))
        if self.mode == "complete" and m > k:
            dq = block([[dq, self._complete(q1, part(q, (0, m), (k, m)), dq, x)]])
            zero = zeros(array_type((*array_type_of(r).shape[:-2], m - k, n), array_type_of(r).dtype))
            dr = block([[dr], [zero]])
        return dq, dr

    def _complete(self, q1: Any, q2: Any, dq1: Any, x: Any) -> Any:
        """The tangent of Q₂: -Q₁ (Q₂ᴴ dA R₁⁻¹)ᴴ + Q₂ Ω₂₂, with Ω₂₂ from Householder's formula."""
        m, k = array_type_of(q1).shape[-2:]
        shape, dtype = array_type_of(q1).shape, array_type_of(q1).dtype
        p = sub(q1, identity(shape, dtype))
        inverse = h(Pinv(4.0 * float(np.finfo(dtype).eps))(part(p, (0, k), (0, k))))
        kernel = mm(inverse, h(part(q1, (k, m), (0, k))))
        d_kernel = mm(inverse, sub(h(part(dq1, (k, m), (0, k))), mm(h(part(dq1, (0, k), (0, k))), kernel)))
        turn = mm(h(q2), mm(dq1, kernel) + mm(p, d_kernel))
        turn = (turn - h(turn)) * 0.5
        return mm(q2, turn) - mm(q1, h(mm(h(q2), x)))

    def exact(self, m: Any, a: Any) -> Any:
        def one(a: Any) -> Any:
            q, r = elimination.qr(m, a)
            k = len(a) if self.mode == "complete" else min(a.shape)
            return q[:, :k], r[:k]

        return each(one, (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(8).standard_normal
        for mode in ("reduced", "complete"):
            yield Sample(cls(mode), r((4, 2)), complex_step=False)
            yield Sample(cls(mode), r((2, 3, 3)), complex_step=False)
            yield Sample(cls(mode), r((2, 4)), complex_step=False)
            yield Sample(cls(mode), r((4, 2)) + 1j * r((4, 2)), complex_step=False)
        yield Sample(cls("reduced"), r((3, 2)).astype("f"), complex_step=False)
