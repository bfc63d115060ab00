"""All of numpy.linalg that is not a product (see `products`).

The primitives of `linalg` are loaded when first used. Start at `solve`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.errors import AbstractValueError
from wengert.numpy import promote
from wengert.numpy.arguments import array, flag, given, kept, refuse_keyword, static
from wengert.numpy.promote import as_inexact, is_traced
from wengert.numpy.table import implements

_LIN = np.linalg


def _primitives() -> Any:
    from wengert.primitives import linalg

    return linalg


def _matrix(a: Any, square: bool = True) -> Any:
    x = as_inexact(array(a))
    if x.ndim < 2:
        raise _LIN.LinAlgError(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")
    if square and x.shape[-1] != x.shape[-2]:
        raise _LIN.LinAlgError("Last 2 dimensions of the array must be square")
    if x.dtype == np.float16:
        raise TypeError(f"array type {x.dtype.name} is unsupported in linalg")
    return x


@lru_cache(maxsize=16)
def _result(name: str) -> Any:
    """NumPy's named tuple for the results of this function."""
    return type(getattr(_LIN, name)(np.eye(1)))


def _adjoint(x: Any) -> Any:
    y = np.swapaxes(x, -1, -2)
    return np.conj(y) if y.dtype.kind == "c" else y


# -- systems ------------------------------------------------------------------------------


@implements(_LIN.solve)
def solve(a: Any, b: Any) -> Any:
    """The x with a x = b; the factorisation of a is kept for the derivative."""
    a, b = promote.promoted(_matrix(a), as_inexact(array(b)))
    vector = b.ndim == 1
    if vector:
        b = b[:, None]
    if b.shape[-2] != a.shape[-1]:
        raise ValueError(f"solve: a has {a.shape[-1]} columns and b {b.shape[-2]} rows")
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*lead, *a.shape[-2:])), np.broadcast_to(b, (*lead, *b.shape[-2:]))
    x = _primitives().solve(a, b)
    return x[..., 0] if vector else x


@implements(_LIN.inv)
def inv(a: Any) -> Any:
    return _primitives().inv(_matrix(a))


@implements(_LIN.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """The pseudo-inverse, where the rank is locally constant."""
    x = _matrix(a, square=False)
    if rcond is None or not given(rcond):
        rcond = rtol
    if not given(rcond):
        rcond = 1e-15 if rtol is None else max(x.shape[-2:]) * np.finfo(x.dtype).eps
    if x.size == 0:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    return _primitives().pinv(x, float(static(rcond)))


@implements(_LIN.lstsq)
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    """(x, residuals, rank, singular values); the residuals of a rank that is not known are those of full rank."""
    a, b = promote.promoted(_matrix(a, square=False), as_inexact(array(b)))
    vector = b.ndim == 1
    columns = b[:, None] if vector else b
    m, n = a.shape
    if columns.shape[0] != m:
        raise _LIN.LinAlgError("Incompatible dimensions")
    eps = float(np.finfo(a.dtype).eps)
    cut = eps * max(m, n) if rcond is None else eps if rcond == -1 else float(static(rcond))
    x = _primitives().lstsq(a, columns, cut)
    s = _primitives().svdvals(a)
    rank = np.sum(s > cut * s[0], dtype=np.int32)
    try:
        full = m > n and int(static(rank)) == n
    except AbstractValueError:
        full = m > n
    if full:
        r = columns - np.matmul(a, x)
        residuals: Any = np.sum((r * np.conj(r)).real if r.dtype.kind == "c" else r * r, axis=0)
    else:
        residuals = np.zeros(0, s.dtype)
    return (x[:, 0] if vector else x), residuals, rank, s


@implements(_LIN.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = as_inexact(array(a)), as_inexact(array(b))
    if axes is not None:
        moved = [k for k in range(a.ndim) if k not in axes]
        a = np.transpose(a, (*moved, *axes))
    shape = a.shape[-(a.ndim - b.ndim) :]
    n = math.prod(shape)
    if a.size != n * n:
        raise _LIN.LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return np.reshape(solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


@implements(_LIN.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    a = as_inexact(array(a))
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows = math.prod(a.shape[:ind])
    return np.reshape(inv(np.reshape(a, (rows, -1))), a.shape[ind:] + a.shape[:ind])


@implements(_LIN.matrix_power)
def matrix_power(a: Any, n: Any) -> Any:
    """The n-th power, by repeated squaring."""
    a = array(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise _LIN.LinAlgError("Last 2 dimensions of the array must be square")
    n = int(n)
    if n == 0:
        return np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape).copy()
    if n < 0:
        a, n = inv(a), -n
    result: Any = None
    while n:
        if n % 2:
            result = a if result is None else np.matmul(result, a)
        n //= 2
        a = np.matmul(a, a) if n else a
    return result


# -- determinants -------------------------------------------------------------------------------


@implements(_LIN.det)
def det(a: Any) -> Any:
    """The determinant; its derivative is the adjugate, exact at singular matrices too."""
    return _primitives().det(_matrix(a))


@implements(_LIN.slogdet)
def slogdet(a: Any) -> Any:
    return _result("slogdet")(*_primitives().slogdet(_matrix(a)))


# -- factors and spectra ---------------------------------------------------------------------------


@implements(_LIN.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """The triangular factor of the matrix in the triangle that NumPy reads."""
    x = _matrix(a)
    return _adjoint(_primitives().cholesky(_adjoint(x))) if upper else _primitives().cholesky(x)


@implements(_LIN.qr)
def qr(a: Any, mode: str = "reduced") -> Any:
    x = _matrix(a, square=False)
    if mode not in ("reduced", "complete", "r"):
        if mode == "raw":
            return refuse_keyword("linalg.qr", "mode", 'mode="reduced" or "complete"')
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = _primitives().Qr("reduced" if mode == "r" else mode)(x)
    return r if mode == "r" else _result("qr")(q, r)


@implements(_LIN.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    x = _matrix(a, square=False)
    if not compute_uv:
        return _primitives().svdvals(x)
    return _result("svd")(*_primitives().Svd(bool(full_matrices))(x))


@implements(_LIN.svdvals)
def svdvals(x: Any, /) -> Any:
    return svd(x, compute_uv=False)


def _lower(a: Any, UPLO: str) -> Any:
    UPLO = UPLO.upper()
    if UPLO not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return a if UPLO == "L" else _adjoint(a)


@implements(_LIN.eigh)
def eigh(a: Any, UPLO: str = "L") -> Any:
    return _result("eigh")(*_primitives().eigh(_lower(_matrix(a), UPLO)))


@implements(_LIN.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return _primitives().eigvalsh(_lower(_matrix(a), UPLO))


@implements(_LIN.eig)
def eig(a: Any) -> Any:
    """Eigenvalues and eigenvectors, always complex: whether they all are real depends on values."""
    return _result("eig")(*_primitives().eig(_matrix(a)))


@implements(_LIN.eigvals)
def eigvals(a: Any) -> Any:
    """The eigenvalues, always complex."""
    return _primitives().eigvals(_matrix(a))


# -- norms ----------------------------------------------------------------------------------


@implements(_LIN.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    """Norms of vectors and matrices; derivative 0 at 0."""
    x = as_inexact(array(x))
    if axis is None:
        if ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1):
            axes = tuple(range(x.ndim))
            return kept(_primitives().norm(x, axes, 2.0) if axes else np.abs(x), x.shape, axes, keepdims)
        axis = tuple(range(x.ndim))
    axes = normalize_axis_tuple(axis, x.ndim)
    if len(axes) == 1:
        return kept(_vector_norm(x, axes, 2 if ord is None else ord), x.shape, axes, keepdims)
    if len(axes) == 2:
        return kept(_matrix_norm(x, axes, "fro" if ord is None else ord), x.shape, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


def _vector_norm(x: Any, axes: tuple[int, ...], ord: Any) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    axes = tuple(sorted(axes))
    if is_traced(ord):  # the order itself may be differentiated
        size, p = np.abs(x), np.where(np.isinf(ord) | (ord == 0), 1.0, ord)
        general = np.sum(size**p, axis=axes) ** (1 / p)
        general = np.where(ord == 0, np.sum(size != 0, axis=axes), general)
        return np.where(ord == np.inf, np.max(size, axis=axes), np.where(ord == -np.inf, np.min(size, axis=axes), general))
    ord = float(ord)
    if ord == 0:
        return np.sum((x != 0).astype(np.empty(0, x.dtype).real.dtype), axis=axes)
    if ord < 0 and not math.isinf(ord):
        return np.sum(np.abs(x) ** ord, axis=axes) ** (1 / ord)
    return _primitives().norm(x, axes, ord)


def _matrix_norm(x: Any, axes: tuple[int, ...], ord: Any) -> Any:
    row, column = axes
    if ord in ("fro", "f"):
        return _primitives().norm(x, tuple(sorted(axes)), 2.0)
    if ord in ("nuc", 2, -2):
        s = svdvals(np.moveaxis(x, axes, (-2, -1)))
        return np.sum(s, axis=-1) if ord == "nuc" else _largest(s, -1) if ord == 2 else np.min(s, axis=-1)
    if ord not in (1, -1, np.inf, -np.inf):
        raise ValueError("Invalid norm order for matrices.")
    summed, kept_axis = (row, column) if ord in (1, -1) else (column, row)
    sums = _primitives().norm(x, (summed,), 1.0)
    left = kept_axis - (kept_axis > summed)
    return _largest(sums, left) if ord > 0 else np.min(sums, axis=left)


def _largest(sizes: Any, axis: int) -> Any:
    """The maximum of numbers that are not negative, 0 of none."""
    return np.max(sizes, axis=axis, initial=0.0) if sizes.size == 0 else np.max(sizes, axis=axis)


@implements(_LIN.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2) -> Any:
    x = as_inexact(array(x))
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return kept(_vector_norm(x, axes, ord), x.shape, axes, keepdims)


@implements(_LIN.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), flag(keepdims))


@implements(_LIN.cond)
def cond(x: Any, p: Any = None) -> Any:
    """norm(x) norm(inv(x)); by singular values for p None, 2 and -2."""
    x = _matrix(x, square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


@implements(_LIN.matrix_rank)
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    """How many singular values are above the tolerance."""
    x = as_inexact(array(A))
    if x.ndim < 2:
        return np.any(x != 0).astype(np.intp)
    s = svdvals(x)
    if tol is None:
        rtol = max(x.shape[-2:]) * np.finfo(s.dtype).eps if rtol is None else rtol
        tol = np.max(s, axis=-1, keepdims=True, initial=0.0) * rtol
    else:
        tol = np.expand_dims(tol, -1)
    return np.sum(s > tol, axis=-1)
