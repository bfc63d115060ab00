"""What the singular value decomposition of a matrix gives, in native code: polar factors, pseudo-inverses, adjugates.

Knows loop nests; no operation, no derivative. `lapack.svd` gives the columns of U and Vᴴ: u[p, i] is U_ip, vh[j, p] is Vᴴ_pj.
Start at `pseudo_inverse`.
"""

from __future__ import annotations

from typing import Any

from wengert.loops.nest import REAL, Affine
from wengert.primitives.linalg import lapack
from wengert.primitives.linalg.blas import contraction
from wengert.primitives.linalg.lapack import Index, conj, copy, get, put, repeat, times, total


def product(k: Any, x: Any, y: Any, x_axis: int, y_axis: int, target: Any) -> None:
    """target = the sum of x * y over these axes of two matrices in scratch memory."""
    found = contraction(k, x, y, lambda: target, target.shape, (((), ()), (1 - x_axis,), (1 - y_axis,), ((x_axis,), (y_axis,))))
    if found is not None:
        put(k, target, (), 0, 0, found[0].values[0])


def conjugated(k: Any, x: Any) -> Any:
    """x, its elements conjugated."""
    if x.kind in REAL:
        k.each(x.shape, lambda ij: put(k, x, (), *ij, conj(k, get(k, x, (), *ij))))
    return x


def phase(k: Any, u: Any, vh: Any) -> Any:
    """det(U Vᴴ), of modulus 1."""
    x = k.scratch(u.shape, u.kind)
    product(k, u, vh, 0, 1, x)
    d = lapack.determinant(k, x, ())
    return lapack.over(k, d, k.op("abs", d))


def assembled(k: Any, u: Any, vh: Any, weight: Any, out: Any, at: Index) -> None:
    """out = V diag(weight) Uᴴ; weight(p) is a number. The columns are conjugated in place."""
    scaled, x = k.scratch((u.shape[0], vh.shape[0]), u.kind), k.scratch((vh.shape[0], u.shape[1]), u.kind)

    def line(p: Affine) -> None:
        factor = weight(p)
        put_one = lambda i: put(k, scaled, (), p, i, k.op("mul", factor, conj(k, get(k, vh, (), i, p))))
        repeat(k, 0, vh.shape[0], put_one)

    repeat(k, 0, u.shape[0], line)
    product(k, scaled, conjugated(k, u), 0, 0, x)
    copy(k, x, (), out, at)


def polar(k: Any, a: Any, at: Index, out: Any, positive: Any) -> None:
    """A = U P: U Vᴴ and V S Vᴴ."""
    n = a.shape[-1]
    u, s, vh = lapack.svd(k, a, at, "S")
    x, p, scaled = k.scratch((a.shape[-2], n), u.kind), k.scratch((n, n), u.kind), k.scratch((n, n), u.kind)
    product(k, u, vh, 0, 1, x)
    copy(k, x, (), out, at)
    scale = lambda i, j: times(k, conj(k, get(k, vh, (), i, j)), get(k, s, (), j))
    k.each((n, n), lambda ij: put(k, scaled, (), *ij, scale(*ij)))
    product(k, scaled, vh, 1, 1, p)
    copy(k, p, (), positive, at)


def pseudo_inverse(k: Any, a: Any, at: Index, rcond: float, out: Any) -> None:
    """V S⁺ Uᴴ, with singular values up to rcond times the largest taken for 0."""
    u, s, vh = lapack.svd(k, a, at, "S")
    floor = k.op("mul", get(k, s, (), 0), k.const(rcond, s.kind))

    def weight(p: Affine) -> Any:
        value = get(k, s, (), p)
        large = k.op("gt", value, floor)
        one = k.like(1, value)
        return k.cast(k.op("select", large, k.op("div", one, k.op("select", large, value, one)), k.like(0, value)), u.kind)

    assembled(k, u, vh, weight, out, at)


def adjugate(k: Any, a: Any, at: Index, out: Any) -> None:
    """det(U Vᴴ) V adj(S) Uᴴ."""
    n = a.shape[-1]
    u, s, vh = lapack.svd(k, a, at, "A")
    unit = phase(k, u, vh)
    others = lambda p, start, stop, value: total(k, start, stop, value, lambda i, v: k.op("mul", v, get(k, s, (), i)))
    assembled(k, u, vh, lambda p: times(k, unit, others(p, p + 1, n, others(p, 0, p, k.const(1, s.kind)))), out, at)


def adjugate_tangent(k: Any, a: Any, tangent: Any, at: Index, out: Any) -> None:
    """The derivative of adj: V inner Uᴴ, where B = Uᴴ H V makes inner_ij = -e_ij B_ij, inner_ii = Σ_{j≠i} e_ij B_jj."""
    n = a.shape[-1]
    u, s, vh = lapack.svd(k, a, at, "A")
    unit = phase(k, u, vh)
    moved, inner, e = k.scratch((n, n), u.kind), k.scratch((n, n), u.kind), k.scratch((n, n), s.kind)
    x, y = k.scratch((n, n), u.kind), k.scratch((n, n), u.kind)
    copy(k, tangent, at, moved)
    uh, v = conjugated(k, u), conjugated(k, vh)
    product(k, uh, moved, 1, 0, x)
    product(k, x, v, 1, 0, y)

    def without(i: Affine, j: Affine) -> Any:
        """Π s_p over p other than i and j."""
        same = lambda p: k.op("or", k.op("eq", k.number(p), k.number(i)), k.op("eq", k.number(p), k.number(j)))
        step = lambda p, product: k.op("select", same(p), product, k.op("mul", product, get(k, s, (), p)))
        return total(k, 0, n, k.const(1, s.kind), step)

    k.each((n, n), lambda ij: put(k, e, (), *ij, without(*ij)))

    def element(ij: Index) -> None:
        i, j = ij
        value = k.op("neg", times(k, get(k, y, (), i, j), get(k, e, (), i, j)))
        put(k, inner, (), i, j, k.op("mul", unit, value))

    k.each((n, n), element)

    def corner(i: Affine) -> None:
        def step(j: Affine, sum: Any) -> Any:
            term = times(k, get(k, y, (), j, j), get(k, e, (), i, j))
            return k.op("add", sum, k.op("select", k.op("eq", k.number(i), k.number(j)), k.like(0, term), term))

        put(k, inner, (), i, i, k.op("mul", unit, total(k, 0, n, k.const(0, u.kind), step)))

    repeat(k, 0, n, corner)
    product(k, v, inner, 1, 0, x)
    product(k, x, uh, 1, 0, y)
    copy(k, y, (), out, at)
