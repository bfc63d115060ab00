"""Matrices of numbers of any kind, or of formulas, factored and solved by elimination: what `exact` rules are made of.

A matrix is a NumPy array of objects, m an arithmetic of `methods.exact`. Knows no operation. Start at `lu`.
Numbers that can be ordered are eliminated with LAPACK's pivots; of formulas nobody knows which one is largest, so that what
needs no pivots is written with minors, which never divide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


def lu(m: Any, a: Any) -> tuple[Any, Any]:
    """P A = L U as LAPACK's getrf gives it: both triangles in one matrix, and the exchanges of rows."""
    a = a.copy()
    pivots = []
    for j in range(min(a.shape)):
        sizes = [abs(m.re(x)) + abs(m.im(x)) for x in a[j:, j]]
        p = j + max(range(len(sizes)), key=sizes.__getitem__)
        pivots.append(p)
        a[[j, p]] = a[[p, j]]
        if a[j, j] != 0:
            a[j + 1 :, j] = a[j + 1 :, j] / a[j, j]
            a[j + 1 :, j + 1 :] = a[j + 1 :, j + 1 :] - np.outer(a[j + 1 :, j], a[j, j + 1 :])
    return a, np.array(pivots, np.int32)


def permuted(pivots: Any, b: Any) -> Any:
    """The rows of b, exchanged one after the other."""
    b = b.copy()
    for i, p in enumerate(pivots):
        b[[i, p]] = b[[p, i]]
    return b


def substituted(a: Any, b: Any, lower: bool, unit_diagonal: bool = False) -> Any:
    """x with A x = b for a triangle of a; the rest is not read."""
    x, n = b.copy(), len(a)
    for i in range(n) if lower else reversed(range(n)):
        known = slice(0, i) if lower else slice(i + 1, n)
        rest = x[i] - a[i, known] @ x[known] if a[i, known].size else x[i]
        x[i] = rest if unit_diagonal else rest / _regular(a[i, i])
    return x


def solved(m: Any, a: Any, b: Any) -> Any:
    """x with A x = b."""
    if not m.ordered:
        return adjugate(m, a) @ b / _regular(determinant(m, a))
    factors, pivots = lu(m, a)
    return substituted(factors, substituted(factors, permuted(pivots, b), True, True), False)


def inverse(m: Any, a: Any) -> Any:
    """The inverse of A."""
    return solved(m, a, identity(m, len(a)))


def determinant(m: Any, a: Any) -> Any:
    """The product of the pivots, or by Laplace's expansion along rows, minors of the same columns computed once."""
    if m.ordered:
        factors, pivots = lu(m, a)
        exchanges = np.count_nonzero(pivots != np.arange(len(pivots)))
        return np.prod(np.diagonal(factors), initial=m.number(-1 if exchanges % 2 else 1))

    @cache
    def minor(columns: tuple[int, ...]) -> Any:
        total, row = m.number(0 if columns else 1), len(a) - len(columns)
        for i, j in enumerate(columns):
            total = total + (-1) ** i * a[row, j] * minor(columns[:i] + columns[i + 1 :])
        return total

    return minor(tuple(range(len(a))))


def adjugate(m: Any, a: Any) -> Any:
    """The transposed matrix of cofactors: right also where A is singular."""
    out = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        out[j, i] = (-1) ** (i + j) * determinant(m, np.delete(np.delete(a, i, 0), j, 1))
    return out


def cholesky(m: Any, a: Any) -> Any:
    """The lower L with A = L Lᴴ, from the lower triangle of a: A = M D Mᴴ with ones on the diagonal of M, L = M √D."""
    n = len(a)
    unit, d = identity(m, n), np.array([m.re(x) for x in np.diagonal(a)], object)
    for j in range(n):
        weighted = np.array([m.conj(x) for x in unit[j, :j]], object) * d[:j]
        if j:
            d[j] = d[j] - m.re(unit[j, :j] @ weighted)
        for i in range(j + 1, n):
            unit[i, j] = (a[i, j] - unit[i, :j] @ weighted if j else a[i, j]) / _regular(d[j])
    return unit * [m.sqrt(x) for x in d]


def qr(m: Any, a: Any) -> tuple[Any, Any]:
    """A = Q R with square Q, by Householder's reflections with LAPACK's signs (geqrf)."""
    rows, columns = a.shape
    r, q = a.copy(), identity(m, rows)
    for j in range(min(rows, columns)):
        head, tail = r[j, j], r[j + 1 :, j]
        size = sum([abs(x) ** 2 for x in tail], m.number(0))
        if size == 0 and m.im(head) == 0:
            continue
        norm = m.sqrt(abs(head) ** 2 + size)
        beta = norm if m.re(head) < 0 else -norm
        v = np.array([m.number(1), *tail / (head - beta)], object)
        tau, vh = (beta - head) / beta, np.array([m.conj(x) for x in v], object)
        r[j:] = r[j:] - m.conj(tau) * np.outer(v, vh @ r[j:])
        q[:, j:] = q[:, j:] - tau * np.outer(q[:, j:] @ v, vh)
    return q, np.array([[r[i, j] if i <= j else m.number(0) for j in range(columns)] for i in range(rows)], object).reshape(rows, columns)


def identity(m: Any, n: int) -> Any:
    """I, of this arithmetic's numbers."""
    return np.array([[m.number(int(i == j)) for j in range(n)] for i in range(n)], object).reshape(n, n)


def adjoint(m: Any, a: Any) -> Any:
    """Aᴴ."""
    return np.frompyfunc(m.conj, 1, 1)(a.T)


def hermitian(m: Any, a: Any) -> Any:
    """The Hermitian matrix of which `a` holds the lower triangle."""
    low = np.tril(a, -1)
    return low + adjoint(m, low) + np.diag([m.re(x) for x in np.diagonal(a)])


def floats(a: Any) -> Any:
    """A as NumPy's floats or complex floats."""
    kind = complex if any([hasattr(x, "imag") and x.imag != 0 for x in a.flat]) else float
    return np.array([kind(x) for x in a.flat], kind).reshape(a.shape)


def turns(m: Any, columns: Any, like: Any) -> Any:
    """The factors of modulus 1 by which columns, defined up to such a factor, come closest to those of `like`.

    With LAPACK's vectors for `like` they are those, and their derivatives those that turn least.
    """
    factors = []
    for v, w in zip(columns.T, like.T, strict=True):
        along = sum([m.conj(x) * m.number(y) for x, y in zip(v, w, strict=True)], m.number(0))
        factors.append(along / abs(along) if along != 0 else m.number(1))
    return np.array(factors, object)


def eigenvectors(m: Any, a: Any, order: Any) -> tuple[Any, Any]:
    """Eigenvalues and right eigenvectors of a general matrix, in the order of these floats."""
    w, v = m.eig(a)
    left, found = list(range(len(w))), []
    for near in order:
        found.append(min(left, key=lambda i: abs(w[i] - m.number(near))))
        left.remove(found[-1])
    return w[found], v[:, found]


def completed(m: Any, columns: Any, like: Any) -> Any:
    """Orthonormal columns with a basis of what is orthogonal to them, the one closest to these of `like`: a polar factor."""
    rest = m.value(like) - columns @ (adjoint(m, columns) @ m.value(like))
    w, v = m.eigh(adjoint(m, rest) @ rest)
    return np.concatenate([columns, rest @ (v / [m.sqrt(x) for x in w]) @ adjoint(m, v)], axis=1)


def _regular(x: Any) -> Any:
    if x == 0:
        raise np.linalg.LinAlgError("Singular matrix")
    return x
