"""NumPy's functions of polynomials given by coefficients, highest power first.

Composites are plain NumPy on traced values. Start at `polyval`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.numpy.arguments import array, static
from wengert.numpy.promote import as_inexact, promoted
from wengert.numpy.table import implements


def _coefficients(p: Any) -> Any:
    return np.atleast_1d(array(p.coeffs if isinstance(p, np.poly1d) else p))


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial at x, by Horner's rule."""
    p = _coefficients(p)
    x = array(x)
    y: Any = x * 0
    for i in range(p.shape[0]):
        y = y * x + p[i]
    return y


def _aligned(a1: Any, a2: Any) -> list[Any]:
    p, q = promoted(_coefficients(a1), _coefficients(a2))
    n = max(p.shape[0], q.shape[0])
    return [np.concatenate([np.zeros(n - c.shape[0], c.dtype), c]) for c in (p, q)]


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    p, q = _aligned(a1, a2)
    return p + q


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    p, q = _aligned(a1, a2)
    return p - q


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(_coefficients(a1), _coefficients(a2))


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> Any:
    """(quotient, remainder) by long division; leading zeros of the remainder stay where their values are not known to be zero."""
    u, v = (as_inexact(c) for c in promoted(_coefficients(u), _coefficients(v)))
    m, n = u.shape[0] - 1, v.shape[0] - 1
    if m < n:
        return np.zeros(1, u.dtype), u
    quotient = []
    rest = u
    for _k in range(m - n + 1):
        d = rest[0] / v[0]
        quotient.append(d)
        head = rest[: n + 1] - d * v
        rest = np.concatenate([head[1:], rest[n + 1 :]])
    known = np.asarray(static(rest)) if rest.shape[0] else np.zeros(0)
    drop = 0
    while drop < known.size - 1 and np.isclose(known[drop], 0, rtol=1e-14):
        drop += 1
    return np.stack(quotient), rest[drop:] if rest.shape[0] else np.zeros(1, u.dtype)


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    p = _coefficients(p)
    for _ in range(int(m)):
        n = p.shape[0] - 1
        p = p[:-1] * np.arange(n, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p = _coefficients(p)
    constants: Any = np.zeros(m) if k is None else np.atleast_1d(array(k))
    constants = np.broadcast_to(constants, (m,)) if constants.shape[0] == 1 else constants
    if constants.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(int(m)):
        p = np.concatenate([p / np.arange(p.shape[0], 0, -1), constants[i : i + 1]])
    return p


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The monic polynomial with these roots, or the characteristic polynomial of a matrix."""
    given = np.atleast_1d(as_inexact(array(seq_of_zeros)))
    roots = np.linalg.eigvals(given) if given.ndim == 2 else given
    one = np.ones(1, roots.dtype)
    result: Any = one
    for i in range(roots.shape[0]):
        result = np.convolve(result, np.concatenate([one, -roots[i : i + 1]]))
    return result.real if given.dtype.kind == "f" else result  # the eigenvalues of a real matrix come in conjugate pairs


@implements(np.roots)
def roots(p: Any) -> Any:
    """Eigenvalues of the companion matrix; zeros at either end are looked for in the values."""
    p = as_inexact(_coefficients(p))
    nonzero = np.flatnonzero(static(p))
    if nonzero.size == 0:
        return np.zeros(0)
    trailing = p.shape[0] - int(nonzero[-1]) - 1
    p = p[int(nonzero[0]) : int(nonzero[-1]) + 1]
    n = p.shape[0]
    if n < 2:
        return np.zeros(trailing, p.dtype)
    companion = np.concatenate([(-p[1:] / p[0])[None, :], np.eye(n - 1, dtype=p.dtype)[:-1]])
    found = np.linalg.eigvals(companion)
    return np.concatenate([found, np.zeros(trailing, found.dtype)]) if trailing else found


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """The least-squares fit by the pseudo-inverse of the scaled Vandermonde matrix, as NumPy's."""
    x, y = as_inexact(array(x)), as_inexact(array(y))
    order = int(deg) + 1
    a, b = np.vander(x, order), y
    if w is not None:
        w = array(w)
        a = a * w[:, None]
        b = b * (w[:, None] if b.ndim == 2 else w)
    scale = np.sqrt(np.sum(a * a, axis=0))
    rcond = x.shape[0] * np.finfo(x.dtype).eps if rcond is None else rcond
    c, residuals, rank, s = np.linalg.lstsq(a / scale, b, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.dot(a.T, a) / np.outer(scale, scale)) / np.outer(scale, scale)
    if cov == "unscaled":
        factor: Any = 1
    else:
        if x.shape[0] <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = np.sum((b - np.dot(a, c)) ** 2, axis=0) / (x.shape[0] - order)
    return (c, base * factor) if b.ndim == 1 else (c, base[:, :, None] * factor)
