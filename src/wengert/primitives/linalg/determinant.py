"""Determinants, at singular matrices too.

Knows NumPy. Start at `Det`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any, no, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES
from wengert.primitives.arith import complex_, imag, mul, neg, real
from wengert.primitives.linalg import by_svd, elimination, lapack
from wengert.primitives.linalg.algebra import Stacked, diagonal, each, identity, is_complex, matrices, mm, real_dtype, stacked_alike, t
from wengert.primitives.linalg.factor import Lu
from wengert.primitives.linalg.solve import Solve
from wengert.primitives.shape import array_type_of, broadcast, stop_gradient


class Det(Stacked):
    """The determinant: d det = tr(adj(A) dA) (Jacobi), exact where A is singular."""

    may_raise = False
    transpose = no("the determinant is not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return (array_type(a.shape[:-2], a.dtype),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.det(a)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a):
            return NotImplemented
        if a.ndim == 2:
            return [k.in_registers([k.cast(lapack.determinant(k, a, ()), a.kind)], ())]
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.put(k, outs[0], at, lapack.determinant(k, a, at)))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else trace_of_product(Adjugate()(primals[0]), tangents[0])

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: elimination.determinant(m, a), (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from _square_samples(cls())


def trace_of_product(x: Any, y: Any) -> Any:
    """tr(x y) of each pair."""
    n = array_type_of(x).ndim
    return ROLES["sum"](mul(t(x), y), (n - 2, n - 1))


def _square_samples(operation: Any) -> Iterable[Sample]:
    r = np.random.default_rng(16).standard_normal
    a = r((3, 3))
    yield Sample(operation, a)
    yield Sample(operation, np.outer(a[0], a[1]))
    yield Sample(operation, r((2, 2, 2)) + 1j * r((2, 2, 2)))
    yield Sample(operation, np.array([[2.0]]))
    yield Sample(operation, a.astype("f"))


class Adjugate(Stacked):
    """adj(A) = det(A) A⁻¹, continued to singular matrices.

    By the SVD A = U S Vᴴ: adj(A) = det(U Vᴴ) V adj(S) Uᴴ, adj(S) = diag(Π_{k≠i} s_k) (Stewart 1998, "On the adjugate matrix").
    """

    transpose = no("the adjugate is not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        return (matrices(self, a),)

    def evaluate(self, a: Any) -> Any:
        u, s, vh = np.linalg.svd(a)
        others = _products(s, np.eye(s.shape[-1], dtype=bool))
        v, uh = _adjoint(vh), _adjoint(u)
        return (_phase(u, vh)[..., None, None] * ((v * others[..., None, :]) @ uh)).astype(a.dtype, copy=False)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: by_svd.adjugate(k, a, at, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else AdjugateTangent()(primals[0], tangents[0])

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: elimination.adjugate(m, a), (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield from _square_samples(cls())


class AdjugateTangent(Stacked):
    """The derivative of adj at A in direction H, exact where A is singular; linear in H.

    In the bases of the SVD, B = Uᴴ H V, with e_ij = Π_{k≠i,j} s_k: off the diagonal -e_ij B_ij, on it Σ_{j≠i} e_ij B_jj.
    Its own derivative by A is that of Faddeev and LeVerrier's recursion, see `_second_derivative`.
    """

    def type(self, a: Any, tangent: Any) -> tuple[Type, ...]:
        matrices(self, a)
        stacked_alike(self, a, tangent)
        if tangent is not a:
            raise ShapeError(four_parts("adjugate_tangent needs a direction like the matrix", f"{a!r}, {tangent!r}"))
        return (a,)

    def evaluate(self, a: Any, tangent: Any) -> Any:
        u, s, vh = np.linalg.svd(a)
        n = s.shape[-1]
        i = np.arange(n)
        without = (i[:, None, None] == i) | (i[:, None] == i)  # [i, j, k]: k is i or j
        e = np.prod(np.where(without, 1.0, s[..., None, None, :]), axis=-1)
        v, uh = _adjoint(vh), _adjoint(u)
        b = uh @ tangent @ v
        off = np.where(np.eye(n, dtype=bool), 0.0, e)
        inner = -off * b
        inner[..., i, i] = np.einsum("...ij,...jj->...i", off, b)
        return (_phase(u, vh)[..., None, None] * (v @ inner @ uh)).astype(a.dtype, copy=False)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a, tangent = (k.memory(p, contiguous=False) for p in operands)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: by_svd.adjugate_tangent(k, a, tangent, at, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (a, x), (da, dx) = primals, tangents
        total = None if dx is None else self(a, dx)
        if da is None:
            return total
        return add_any(total, _second_derivative(a, x, da))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        # <C, D adj(A)[H]> is the second derivative of det, with C transposed: symmetric in the two directions.
        return None, t(self(operands[0], t(ct)))

    def exact(self, m: Any, a: Any, tangent: Any) -> Any:
        """A minor is linear in each of its rows: those of adj(A), one row after the other exchanged for the tangent's."""

        def one(a: Any, tangent: Any) -> Any:
            total = elimination.identity(m, len(a)) * 0
            for i in range(len(a)):
                moved = a.copy()
                moved[i] = tangent[i]
                others = elimination.adjugate(m, moved)
                others[:, i] = m.number(0)  # minors without row i do not move with it
                total = total + others
            return total

        return each(one, (object,), a, tangent)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(17).standard_normal
        yield Sample(cls(), r((3, 3)), r((3, 3)))
        yield Sample(cls(), r((2, 2, 2)) + 1j * r((2, 2, 2)), r((2, 2, 2)) + 0j)
        yield Sample(cls(), r((3, 3)).astype("f"), r((3, 3)).astype("f"))


def _second_derivative(a: Any, x: Any, y: Any) -> Any:
    """The second derivative of adj at A in directions x and y, from products of matrices alone: exact at any A, to any order.

    Faddeev & LeVerrier: M₁ = I, c_k = -tr(A M_k) / k, M_{k+1} = A M_k + c_k I, adj(A) = (-1)ⁿ⁻¹ M_n, here with its
    first and mixed second derivatives beside it. It loses digits as n grows, which is why lower orders go by the SVD.
    """
    shape, dtype = array_type_of(a).shape, array_type_of(a).dtype
    n, eye = shape[-1], identity(shape, dtype)

    def step(product: Any, k: int) -> Any:
        c = ROLES["sum"](diagonal(product), (len(shape) - 2,)) * (-1.0 / k)
        return product + mul(broadcast(c, shape, tuple(range(len(shape) - 2))), eye)

    def plus(*terms: Any) -> Any:
        total = None
        for term in terms:
            total = add_any(total, term)
        return total

    def times(p: Any, q: Any) -> Any:
        return None if q is None else mm(p, q)

    m, mx, my, mxy = eye, None, None, None
    for k in range(1, n):
        products = (
            mm(a, m),
            plus(mm(x, m), times(a, mx)),
            plus(mm(y, m), times(a, my)),
            plus(times(x, my), times(y, mx), times(a, mxy)),
        )
        m, mx, my, mxy = [None if product is None else step(product, k) for product in products]
    if mxy is None:
        return None
    return mxy if n % 2 else neg(mxy)


def _adjoint(x: Any) -> Any:
    return np.swapaxes(x, -1, -2).conj()


def _products(s: Any, without: Any) -> Any:
    """Π s_k over the k that row i of a mask leaves in."""
    return np.prod(np.where(without, 1.0, s[..., None, :]), axis=-1)


def _phase(u: Any, vh: Any) -> Any:
    """det(u vh), of modulus 1."""
    d = np.asarray(np.linalg.det(u @ vh))
    return d / np.abs(d)


class Slogdet(Stacked):
    """(sign, log|det A|) from operands (A, lu, pivots), where (lu, pivots) are factors of A.

    With z = tr(A⁻¹ dA): d log|det| = Re z and d sign = i Im(z) sign; the factors give A⁻¹ and are not differentiated.
    """

    analytic = False  # |det A|
    transpose = no("the logarithm of a determinant is not linear")
    may_raise = False

    def type(self, a: Any, lu: Any, pivots: Any) -> tuple[Type, ...]:
        matrices(self, a)
        if lu is not a or pivots.shape != a.shape[:-1]:
            raise ShapeError(four_parts("slogdet needs factors of the matrix", f"{a!r}, {lu!r}, {pivots!r}"))
        return array_type(a.shape[:-2], a.dtype), array_type(a.shape[:-2], real_dtype(a))

    def evaluate(self, a: Any, lu: Any, pivots: Any) -> Any:
        d = np.diagonal(lu, axis1=-2, axis2=-1)
        size = np.abs(d)
        exchanges = np.count_nonzero(pivots != np.arange(pivots.shape[-1]), axis=-1)
        with np.errstate(all="ignore"):
            sign = np.prod(np.where(size == 0, 0, d / size), axis=-1) * np.where(exchanges % 2, -1.0, 1.0)
            logabs = np.sum(np.log(size), axis=-1)
        return np.asarray(sign).astype(a.dtype)[()], np.asarray(logabs).astype(real_dtype(a))[()]

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        lu, pivots = (k.memory(p, contiguous=False) for p in operands[1:])
        if not lapack.handles(lu):
            return NotImplemented
        if lu.ndim == 2:
            return [k.in_registers([x], ()) for x in lapack.sign_and_logarithm(k, lu, (), pivots, ())]

        def one(at: Any) -> None:
            for out, x in zip(outs, lapack.sign_and_logarithm(k, lu, at, pivots, at), strict=True):
                lapack.put(k, out, at, x)

        return lapack.stacks(k, lu.shape[:-2], one)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        da = tangents[0]
        if da is None:
            return None
        a, lu, pivots = primals
        shape, dtype = array_type_of(a).shape, array_type_of(a).dtype
        z = trace_of_product(Solve("N")(a, lu, pivots, identity(shape, dtype)), da)
        if not is_complex(a):
            return None, z
        angle = imag(z)
        return mul(outs[0], complex_(zeros(array_type_of(angle)), angle)), real(z)

    exact_reads = (0,)

    def exact(self, m: Any, a: Any, lu: Any, pivots: Any) -> Any:
        def one(a: Any) -> Any:
            d = elimination.determinant(m, a)
            return (d / m.abs(d), m.log(m.abs(d))) if d != 0 else (m.number(0), m.log(m.number(0)))

        return each(one, (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(18).standard_normal
        for a in (r((2, 3, 3)), r((3, 3)) + 1j * r((3, 3)), r((3, 3)).astype("f")):
            # As an operation on its own it is not smooth: (lu, pivots) would have to follow A.
            yield Sample(cls(), a, *Lu()(a), smooth=False, complex_step=False)


def slogdet(a: Any) -> Any:
    """(sign, log|det a|); at a singular matrix (0, -inf), whose derivative raises LinAlgError."""
    return Slogdet()(a, *Lu()(stop_gradient(a)))
