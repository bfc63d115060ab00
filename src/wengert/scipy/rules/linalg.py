"""scipy.linalg, on the primitives of `primitives.linalg`.

Matrices are read as SciPy reads them: `lower` says which triangle, and only that one has a derivative. Keywords that
only save memory or checks (`overwrite_a`, `check_finite`, …) are accepted and have no effect. Start at `solve`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg as sl

from wengert.errors import ArgumentError, ShapeError, four_parts
from wengert.numpy.arguments import array, arrays
from wengert.numpy.promote import as_inexact, innermost, lifted, promoted
from wengert.numpy.table import implements, lookup
from wengert.primitives.linalg.algebra import h, identity, mm, part, t
from wengert.primitives.linalg.contraction import matmul_strict
from wengert.primitives.linalg.determinant import Det
from wengert.primitives.linalg.diagonal import tril, triu
from wengert.primitives.linalg.eigen import Eig, Eigh, Eigvals, Eigvalsh
from wengert.primitives.linalg.factor import ApplyPivots, Cholesky, Lu, Qr
from wengert.primitives.linalg.functions import KINDS, matrix_function
from wengert.primitives.linalg.inverse import Inv
from wengert.primitives.linalg.inverse import lstsq as least_squares
from wengert.primitives.linalg.inverse import pinv as pseudo_inverse
from wengert.primitives.linalg.schur import Schur
from wengert.primitives.linalg.solve import lu_solve as solve_by_factors
from wengert.primitives.linalg.solve import solve as solve_system
from wengert.primitives.linalg.svd import Polar, Svd, Svdvals
from wengert.primitives.linalg.triangular import Sylvester, TriangularSolve
from wengert.primitives.linalg.triangular import cho_solve as solve_by_cholesky
from wengert.primitives.shape import cast
from wengert.source import here


def _operands(*xs: Any) -> list[Any]:
    """Arrays of one inexact dtype, in the trace of those that are traced."""
    operands = promoted(*[as_inexact(x) for x in xs])
    trace = innermost(operands)
    return [lifted(x, trace) for x in operands]


def _system(a: Any, b: Any) -> tuple[Any, Any, bool]:
    """(matrices, right-hand sides as matrices with the same leading axes, whether b was a vector)."""
    a, b = _operands(a, b)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(four_parts("expected a square matrix", f"got {a!r}", where=here()))
    vector = b.ndim == 1
    if vector:
        b = np.reshape(b, (*b.shape, 1))
    if b.ndim < 2 or b.shape[-2] != a.shape[-1]:
        raise ShapeError(
            four_parts("the right-hand side needs as many rows as the matrix", f"shapes {a.shape} and {b.shape}", where=here())
        )
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, (*lead, *b.shape[-2:])), vector


def _as_given(x: Any, vector: bool) -> Any:
    return np.reshape(x, x.shape[:-1]) if vector else x


_OPERATIONS = {0: "N", 1: "T", 2: "C", "N": "N", "T": "T", "C": "C"}


def _operation(trans: Any) -> str:
    if trans not in _OPERATIONS:
        raise ArgumentError(
            four_parts("trans says which matrix the system has", f"got {trans!r}", instead="0, 1 or 2, or 'N', 'T' or 'C'", where=here())
        )
    return _OPERATIONS[trans]


def _mirrored(a: Any, lower: bool, conjugate: bool) -> Any:
    """The symmetric or Hermitian matrix that one triangle of `a` gives."""
    half = tril(a, -1) if lower else triu(a, 1)
    other = h(half) if conjugate else t(half)
    diagonal = triu(tril(a))
    if conjugate and a.dtype.kind == "c":
        diagonal = (diagonal + h(diagonal)) * 0.5
    return half + diagonal + other


# -- systems ------------------------------------------------------------------------------------


@implements(sl.solve)
def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: Any = None,
    transposed: bool = False,
) -> Any:
    """x with a x = b; for assume_a 'sym', 'her' and 'pos' only one triangle of a is read."""
    a, b, vector = _system(a, b)
    kind = {"symmetric": "sym", "hermitian": "her", "positive definite": "pos"}.get(assume_a, assume_a)
    if kind in ("upper triangular", "lower triangular"):
        return _as_given(TriangularSolve(kind == "lower triangular", "T" if transposed else "N", False)(a, b), vector)
    if kind == "pos":
        return _as_given(solve_by_cholesky(_cholesky(a, lower), b, lower), vector)
    if kind in ("sym", "her"):
        a = _mirrored(a, lower, kind == "her")
    return _as_given(solve_system(a, b, "T" if transposed else "N"), vector)


@implements(sl.solve_triangular)
def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    a, b, vector = _system(a, b)
    return _as_given(TriangularSolve(bool(lower), _operation(trans), bool(unit_diagonal))(a, b), vector)


@implements(sl.solve_banded)
def solve_banded(l_and_u: Any, ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    """By way of the full matrix."""
    below, above = (int(k) for k in l_and_u)
    ab, b = _operands(ab, b)
    n = ab.shape[-1]
    i, j = np.indices((n, n))
    inside = (i - j <= below) & (j - i <= above)
    full = np.where(inside, ab[np.clip(above + i - j, 0, below + above), j], 0.0)
    return solve(full, b)


@implements(sl.solveh_banded)
def solveh_banded(
    ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False, check_finite: bool = True
) -> Any:
    """By way of the full matrix."""
    ab, b = _operands(ab, b)
    bands, n = ab.shape
    i, j = np.indices((n, n))
    distance = i - j if lower else j - i
    row = distance if lower else bands - 1 - distance
    half = np.where((distance >= 0) & (distance < bands), ab[np.clip(row, 0, bands - 1), j], 0.0)
    return solve(half, b, lower=lower, assume_a="pos")


@implements(sl.solve_toeplitz)
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return solve(toeplitz(c, r), b)


@implements(sl.solve_sylvester)
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    """x with a x + x b = q."""
    return Sylvester()(*_operands(a, b, q))


@implements(sl.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    """x with a x + x aᴴ = q."""
    a, q = _operands(a, q)
    return Sylvester()(a, h(a), q)


@implements(sl.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    """x with a x aᴴ - x + q = 0, by the Kronecker product."""
    a, q = _operands(a, q)
    n = a.shape[-1]
    conjugate = np.conjugate(a)
    product = np.reshape(a[:, None, :, None] * conjugate[None, :, None, :], (n * n, n * n))
    return np.reshape(solve(np.eye(n * n) - product, np.reshape(q, (n * n,))), (n, n))


@implements(sl.inv)
def inv(a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: Any = None, lower: bool = False) -> Any:
    (a,) = _operands(a)
    if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        a = _mirrored(a, lower, assume_a not in ("sym", "symmetric"))
    return Inv()(a)


@implements(sl.pinv)
def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    (a,) = _operands(a)
    if atol is not None or return_rank:
        raise ArgumentError(
            four_parts(
                "scipy.linalg.pinv(…, atol=) and return_rank= of a traced matrix",
                why="The rank depends on values.",
                instead="rtol=",
                where=here(),
            )
        )
    return pseudo_inverse(a, max(a.shape[-2:]) * float(np.finfo(a.dtype).eps) if rtol is None else float(rtol))


@implements(sl.lstsq)
def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: Any = None,
) -> Any:
    """(x, squared residuals, rank, singular values); the residuals where a has more rows than columns."""
    a, b = _operands(a, b)
    vector = b.ndim == 1
    cond = float(np.finfo(a.dtype).eps) if cond is None else float(cond)
    x = least_squares(a, np.reshape(b, (*b.shape, 1)) if vector else b, cond)
    s = Svdvals()(a)
    rest = np.reshape(b, (*b.shape, 1)) - matmul_strict(a, x) if vector else b - matmul_strict(a, x)
    squares = np.sum((rest * np.conjugate(rest)).real, axis=-2)
    m, n = a.shape[-2:]
    residuals = (np.reshape(squares, ()) if vector else squares) if m > n else np.zeros(0, s.dtype)
    return _as_given(x, vector), residuals, np.sum(s > cond * s[..., :1], axis=-1), s


@implements(sl.det)
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = _operands(a)
    return Det()(a)


# -- factorisations -----------------------------------------------------------------------------


def _cholesky(a: Any, lower: bool) -> Any:
    return Cholesky()(a) if lower else h(Cholesky()(h(a)))


@implements(sl.cholesky)
def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = _operands(a)
    return _cholesky(a, lower)


@implements(sl.cho_factor)
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """(factor, lower); the other triangle, which SciPy leaves undefined, is zero."""
    return cholesky(a, lower), bool(lower)


@implements(sl.cho_solve)
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    c, lower = c_and_lower
    c, b, vector = _system(c, b)
    return _as_given(solve_by_cholesky(c, b, bool(lower)), vector)


@implements(sl.lu_factor)
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = _operands(a)
    return Lu()(a)


@implements(sl.lu_solve)
def lu_solve(lu_and_piv: Any, b: Any, trans: Any = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    lu, pivots = lu_and_piv
    lu, b, vector = _system(lu, b)
    return _as_given(solve_by_factors(lu, pivots, b, _operation(trans)), vector)


@implements(sl.lu)
def lu(a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False) -> Any:
    """(P, L, U) with a = P L U, or (P L, U)."""
    if p_indices:
        raise ArgumentError(four_parts("scipy.linalg.lu(…, p_indices=True) of a traced matrix", instead="p_indices=False", where=here()))
    (a,) = _operands(a)
    m, n = a.shape[-2:]
    k = min(m, n)
    packed, pivots = Lu()(a)
    low = tril(part(packed, (0, m), (0, k)), -1) + identity((*a.shape[:-2], m, k), a.dtype)
    up = triu(part(packed, (0, k), (0, n)))
    unpermute = ApplyPivots(True)
    if permute_l:
        return unpermute(pivots, low), up
    return unpermute(pivots, identity((*a.shape[:-2], m, m), np.empty(0, a.dtype).real.dtype)), low, up


@implements(sl.qr)
def qr(a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False, check_finite: bool = True) -> Any:
    """(Q, R), or (R,) for mode 'r'. The signs are LAPACK's."""
    if pivoting or mode == "raw":
        raise ArgumentError(
            four_parts(
                "scipy.linalg.qr with pivoting, or mode='raw', of a traced matrix", instead="mode='full' or 'economic'", where=here()
            )
        )
    (a,) = _operands(a)
    q, r = Qr("reduced" if mode == "economic" else "complete")(a)
    return (r,) if mode == "r" else (q, r)


@implements(sl.schur)
def schur(a: Any, output: str = "real", lwork: Any = None, overwrite_a: bool = False, sort: Any = None, check_finite: bool = True) -> Any:
    """(T, Z). A real matrix with complex eigenvalues needs output='complex'."""
    if sort is not None:
        raise ArgumentError(
            four_parts("scipy.linalg.schur(…, sort=) of a traced matrix", f"sort is {sort!r}", instead="leave it out", where=here())
        )
    (a,) = _operands(a)
    return Schur()(cast(a, np.result_type(a.dtype, np.complex64)) if output in ("complex", "c") else a)


@implements(sl.eigh)
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """Eigenvalues and eigenvectors of a, or of a v = w b v through b's Cholesky"""
    if subset_by_value is not None or type != 1:
        raise ArgumentError(
            four_parts(
                "scipy.linalg.eigh(…, subset_by_value=) and type= of a traced matrix", instead="take a slice of all of them", where=here()
            )
        )
    a, *rest = _operands(a) if b is None else _operands(a, b)
    a = a if lower else h(a)
    chosen: Any = slice(None)
    if subset_by_index is not None:
        first, last = (int(i) for i in subset_by_index)
        chosen = slice(first, last + 1)
    if not rest:
        if eigvals_only:
            return Eigvalsh()(a)[..., chosen]
        w, v = Eigh()(a)
        return w[..., chosen], v[..., chosen]
    low = Cholesky()(rest[0] if lower else h(rest[0]))
    forward, back = TriangularSolve(True, "N", False), TriangularSolve(True, "C", False)
    reduced = forward(low, h(forward(low, _mirrored(a, True, True))))
    w, y = Eigh()(reduced)
    return w[..., chosen] if eigvals_only else (w[..., chosen], back(low, y)[..., chosen])


@implements(sl.eigvalsh)
def eigvalsh(a: Any, b: Any = None, **keywords: Any) -> Any:
    return eigh(a, b, eigvals_only=True, **keywords)


@implements(sl.eig)
def eig(
    a: Any,
    b: Any = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    if left or homogeneous_eigvals:
        raise ArgumentError(
            four_parts(
                "scipy.linalg.eig(…, left=) and homogeneous_eigvals= of a traced matrix", instead="eig of the transpose", where=here()
            )
        )
    a = solve(b, a) if b is not None else _operands(a)[0]
    return Eig()(a) if right else Eigvals()(a)


@implements(sl.eigvals)
def eigvals(a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False) -> Any:
    return eig(a, b, right=False, homogeneous_eigvals=homogeneous_eigvals)


@implements(sl.svd)
def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    (a,) = _operands(a)
    return Svd(bool(full_matrices))(a) if compute_uv else Svdvals()(a)


@implements(sl.svdvals)
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return Svdvals()(_operands(a)[0])


@implements(sl.polar)
def polar(a: Any, side: str = "right") -> Any:
    """(U, P) with a = U P, or a = P U for side 'left'."""
    (a,) = _operands(a)
    rows, columns = a.shape[-2:]
    if side == "left":
        if rows > columns:
            u, p = Polar()(a)
            return u, mm(mm(u, p), h(u))
        u, p = Polar()(h(a))
        return h(u), p
    if rows < columns:
        u, p = Polar()(h(a))
        u = h(u)
        return u, mm(mm(h(u), p), u)
    return Polar()(a)


# -- functions of matrices -----------------------------------------------------------------------


def _matrix_function(kind: str) -> None:
    def function(a: Any, *ignored: Any, **keywords: Any) -> Any:
        return matrix_function(kind, _operands(a)[0])

    function.__name__ = kind
    implements(getattr(sl, kind))(function)


for _kind in KINDS:
    _matrix_function(_kind)


@implements(sl.tanm)
def tanm(a: Any) -> Any:
    (a,) = _operands(a)
    return solve_system(matrix_function("cosm", a), matrix_function("sinm", a))


@implements(sl.tanhm)
def tanhm(a: Any) -> Any:
    (a,) = _operands(a)
    return solve_system(matrix_function("coshm", a), matrix_function("sinhm", a))


@implements(sl.norm)
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return lookup(np.linalg.norm)(a, ord=ord, axis=axis, keepdims=keepdims)


# -- structured matrices ---------------------------------------------------------------------------


@implements(sl.block_diag)
def block_diag(*blocks: Any) -> Any:
    """Matrices along the diagonal, zeros elsewhere."""
    blocks = [x if x.ndim >= 2 else np.reshape(x, (1, x.size)) for x in arrays(*blocks)]
    width, before, rows = sum(x.shape[-1] for x in blocks), 0, []
    for x in blocks:
        after = width - before - x.shape[-1]
        lead = x.shape[:-1]
        rows.append(np.concatenate([np.zeros((*lead, before), x.dtype), x, np.zeros((*lead, after), x.dtype)], axis=-1))
        before += x.shape[-1]
    return np.concatenate(rows, axis=-2)


def _vector(x: Any) -> Any:
    x = array(x)
    return np.reshape(x, (x.size,))


@implements(sl.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    """The matrix with first column c and first row r, whose first element is not read; conj(c) if there is no r.

    Leading axes are those of a stack of matrices.
    """
    c = np.atleast_1d(array(c))
    r = np.conjugate(c) if r is None else np.atleast_1d(array(r))
    lead, n, m = np.broadcast_shapes(c.shape[:-1], r.shape[:-1]), c.shape[-1], r.shape[-1]
    r, c = np.broadcast_to(r, (*lead, m)), np.broadcast_to(c, (*lead, n))
    values = np.concatenate([r[..., :0:-1], c], axis=-1)
    return values[..., m - 1 + np.arange(n)[:, None] - np.arange(m)[None, :]]


@implements(sl.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    """The matrix with first column c and last row r, whose first element is not read; zeros if there is no r."""
    c = _vector(c)
    r = np.zeros(len(c), c.dtype) if r is None else _vector(r)
    return np.concatenate([c, r[1:]])[np.arange(len(c))[:, None] + np.arange(len(r))[None, :]]


@implements(sl.circulant)
def circulant(c: Any) -> Any:
    """The matrix whose columns are c, each shifted by one."""
    c = array(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)[None, :]) % n]


@implements(sl.khatri_rao)
def khatri_rao(a: Any, b: Any) -> Any:
    """Kronecker products of corresponding columns."""
    a, b = arrays(a, b)
    return np.reshape(a[:, None, :] * b[None, :, :], (a.shape[0] * b.shape[0], a.shape[1]))
