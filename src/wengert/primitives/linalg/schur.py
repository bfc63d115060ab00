"""The Schur form A = Q T Qᴴ, T upper triangular, Q unitary.

Knows NumPy and, once called, SciPy. Start at `Schur`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any, no
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type
from wengert.primitives.linalg import elimination
from wengert.primitives.linalg.algebra import Stacked, each, h, matrices, mm, t
from wengert.primitives.linalg.diagonal import tril, triu


class Schur(Stacked):
    """(T, Q) of A, as LAPACK orders the eigenvalues; real for a real A.

    With B = Qᴴ dA Q and the skew X = Qᴴ dQ: dT = B + T X - X T, whose strictly lower part must vanish. That
    determines the strictly lower part of X (`SchurCoupling`) and so X, up to the phases of the columns of Q, which
    are held: diag X = 0. Exact for functions that do not depend on those phases, and always for a real T.
    A real matrix with complex eigenvalues has 2 by 2 blocks on the diagonal of T and no derivative here: use its
    complex form. At repeated eigenvalues Q is not differentiable, and the derivative NaN.

    Source: perturbation of the Schur form, Konstantinov, Petkov & Christov (1994); Stewart & Sun (1990), ch. V.
    """

    analytic = False  # Aᴴ
    transpose = no("a factorisation is not linear")
    may_raise = True

    def type(self, a: Any) -> tuple[Type, ...]:
        a = matrices(self, a)
        return a, a

    def evaluate(self, a: Any) -> Any:
        return each(_schur, (a.dtype, a.dtype), a)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (da,), (upper, q) = tangents, outs
        if da is None:
            return None
        b = mm(h(q), mm(da, q))
        lower = SchurCoupling(refuse_blocks=True)(upper, b)
        x = lower - h(lower)
        return triu(b + mm(upper, x) - mm(x, upper), 0), mm(q, x)

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: _exact(m, a), (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(31).standard_normal
        symmetric = np.diag([1.0, 2.5, 4.0]) + 0.3 * np.ones((3, 3))
        yield Sample(cls(), symmetric + 0.1 * r((3, 3)), complex_step=False)
        yield Sample(cls(), np.stack([symmetric, symmetric + 0.1 * r((3, 3))]), complex_step=False)


class SchurCoupling(Stacked):
    """The strictly lower X with tril(B + T X - X T, -1) = 0, T upper triangular (its upper triangle is read); linear in B.

    Column after column, each a triangular system: (T₂₂ - t_jj) x_j = -b_j + X[:, :j] T[:j, j]. With
    `adjoint` the transposed map. Both are the solution of a linear equation, so the derivative by T has the same form.
    `refuse_blocks` raises LinAlgError where T is not triangular.
    """

    adjoint: bool = False
    refuse_blocks: bool = False

    def type(self, upper: Any, b: Any) -> tuple[Type, ...]:
        matrices(self, upper)
        if b is not upper:
            raise ShapeError(four_parts(f"{self!r} needs operands of one type", f"{upper!r}, {b!r}"))
        return (b,)

    def evaluate(self, upper: Any, b: Any) -> Any:
        if self.refuse_blocks:
            _require_triangular(upper)
        return each(_pull_back if self.adjoint else _couple, (b.dtype,), upper, b)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (upper, _), (du, db) = primals, tangents
        total = None if db is None else self(upper, db)
        if du is None:
            return total
        du = t(triu(du, 0)) if self.adjoint else triu(du, 0)
        return add_any(total, self(upper, mm(du, outs) - mm(outs, du)))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return None, SchurCoupling(not self.adjoint, self.refuse_blocks)(operands[0], tril(ct, -1))

    def exact(self, m: Any, upper: Any, b: Any) -> Any:
        def solve(upper: Any, j: int, known: Any, trans: int = 0) -> Any:
            shifted = upper[j + 1 :, j + 1 :] - upper[j, j] * elimination.identity(m, len(upper) - 1 - j)
            return elimination.substituted(shifted.T if trans else shifted, known, bool(trans))

        return each(lambda u, b: (_pull_back if self.adjoint else _couple)(u, b, solve), (object,), upper, b)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(32).standard_normal
        upper = np.triu(r((3, 3))) + np.diag([1.0, 3.0, 6.0])
        for adjoint in (False, True):
            yield Sample(cls(adjoint), upper, np.tril(r((3, 3)), -1), complex_step=False)
            yield Sample(cls(adjoint), np.stack([upper, 2 * upper]) + 0j, np.tril(r((2, 3, 3)) + 1j, -1), complex_step=False)


schur = Schur()


def _schur(a: Any) -> Any:
    import scipy.linalg

    if not a.size:
        return a, a
    upper, q = scipy.linalg.schur(a, output="complex" if a.dtype.kind == "c" else "real")
    return upper.astype(a.dtype, copy=False), q.astype(a.dtype, copy=False)


def _require_triangular(upper: Any) -> None:
    if np.any(np.diagonal(upper, -1, -2, -1)):
        raise np.linalg.LinAlgError(
            four_parts(
                "the real Schur form of a matrix with complex eigenvalues has no derivative here",
                "T has 2 by 2 blocks on its diagonal",
                "Inside a block the form is a convention of LAPACK, not a function of the matrix alone.",
                "schur(a, output='complex')",
            )
        )


def _solve(upper: Any, j: int, known: Any, trans: int = 0) -> Any:
    """The system of column j; NaN where an eigenvalue repeats."""
    from scipy.linalg import solve_triangular

    shifted = upper[j + 1 :, j + 1 :] - upper[j, j] * np.eye(len(upper) - 1 - j)
    if not np.all(np.diagonal(shifted)):
        return np.full_like(known, np.nan)
    return solve_triangular(shifted, known, trans=trans, check_finite=False)


def _couple(upper: Any, b: Any, solve: Any = _solve) -> Any:
    n = len(b)
    x = np.zeros_like(b)
    for j in range(n - 1):
        below = slice(j + 1, n)
        known = x[below, :j] @ upper[:j, j] - b[below, j]
        x[below, j] = solve(upper, j, known)
    return x


def _pull_back(upper: Any, ct: Any, solve: Any = _solve) -> Any:
    n = len(ct)
    ct = ct.copy()
    b = np.zeros_like(ct)
    for j in reversed(range(n - 1)):
        below = slice(j + 1, n)
        rate = solve(upper, j, ct[below, j], trans=1)
        b[below, j] = -rate
        ct[below, :j] += np.outer(rate, upper[:j, j])
    return b


def _exact(m: Any, a: Any) -> tuple[Any, Any]:
    """By eigenvectors in LAPACK's order: A V = V Λ and V = Q R give T = R Λ R⁻¹; the phases of Q are LAPACK's."""
    like, q_like = _schur(elimination.floats(a))
    if like.dtype.kind != "c":
        _require_triangular(like)
    w, v = elimination.eigenvectors(m, a, np.diagonal(like))
    q, r = elimination.qr(m, v)
    q = q * elimination.turns(m, q, q_like)
    return np.triu(elimination.adjoint(m, q) @ a @ q), q
