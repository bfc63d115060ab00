"""Singular values and vectors.

Knows NumPy. Start at `Svd`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, as_evaluated, no, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES
from wengert.primitives.arith import neg, sub
from wengert.primitives.linalg import by_svd, elimination, lapack
from wengert.primitives.linalg.algebra import (
    Stacked,
    Turn,
    block,
    diagonal,
    each,
    gaps,
    h,
    matrices,
    mm,
    part,
    real_dtype,
    real_of,
    safe_reciprocal,
    to_columns,
)
from wengert.primitives.linalg.eigen import weighted_columns
from wengert.primitives.linalg.inverse import projector_residual
from wengert.primitives.linalg.solve import solve
from wengert.primitives.linalg.triangular import Sylvester
from wengert.primitives.shape import array_type_of, cast


class Svd(Stacked):
    """(U, s, Vᴴ) with A = U diag(s) Vᴴ; reduced, or with full (square) U and Vᴴ.

    With P = Uᴴ dA V: ds = Re diag(P). The turns Ω = Uᴴ dU and Θ = Vᴴ dV are found by their difference and sum,
    (Ω - Θ)_ij = (P - Pᴴ)_ij / (s_i + s_j) and (Ω + Θ)_ij = (P + Pᴴ)_ij / (s_j - s_i), so that repeated singular values
    leave the first one untouched. The vectors of repeated singular values have no derivative: quotients by 0 (up to
    rounding) are NaN off the diagonal, and 0 on it; U Vᴴ is made `Polar` by `passes.spectral`. Outside of the columns
    dU += (I - U Uᴴ) dA V S⁻¹, and likewise for V (Giles 2008, section 3.2; Townsend 2016); NaN for those of s = 0.
    Full bases of the null spaces turn least.
    """

    full: bool = False
    analytic = False  # Aᴴ
    transpose = no("singular values are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        lead, (m, n) = a.shape[:-2], a.shape[-2:]
        k = min(m, n)
        left, right = (m, n) if self.full else (k, k)
        return a.with_shape((*lead, m, left)), array_type((*lead, k), real_dtype(a)), a.with_shape((*lead, right, n))

    def evaluate(self, a: Any) -> Any:
        return tuple(np.linalg.svd(a, full_matrices=self.full))

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented

        def one(at: Any) -> None:
            u, s, vh = lapack.svd(k, a, at, "A" if self.full else "S")
            lapack.copy(k, u, (), outs[0], at, flip=True)
            lapack.copy_vector(k, s, outs[1], at)
            lapack.copy(k, vh, (), outs[2], at, flip=True)

        return lapack.stacks(k, a.shape[:-2], one)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (da,), (u, s, vh) = tangents, outs
        if da is None:
            return None
        p, du, dv = self._turned(da, u, s, vh, 0, array_type_of(s).shape[-1])
        return du, real_of(diagonal(p)), h(dv)

    def _turned(self, da: Any, u: Any, s: Any, vh: Any, start: int, stop: int) -> tuple[Any, Any, Any]:
        """P, and columns start … stop - 1 of dU and dV; all columns of full bases."""
        m, n = array_type_of(da).shape[-2:]
        k = min(m, n)
        dtype = array_type_of(da).dtype
        u1, v1 = part(u, (0, m), (0, k)), h(part(vh, (0, k), (0, n)))
        dav, dahu = mm(da, v1), mm(h(da), u1)
        p = mm(h(u1), dav)
        ph = h(p)
        differ, total = gaps(s)
        some = lambda x: part(x, (0, array_type_of(x).shape[-2]), (start, stop))
        apart = Turn()(cast(some(total), dtype), some(sub(p, ph)))
        together = Turn()(cast(some(differ), dtype), some(p + ph))
        inverse = safe_reciprocal(s, zeros(array_type_of(s)), np.full(array_type_of(s).shape, np.nan, array_type_of(s).dtype))
        inverse = ROLES["slice_axis"](inverse, array_type_of(s).ndim - 1, start, stop)
        du = self._vectors(u, u1, (together + apart) * 0.5, _over_columns(some(dav), inverse), m, k)
        dv = self._vectors(h(vh), v1, (together - apart) * 0.5, _over_columns(some(dahu), inverse), n, k)
        return p, du, dv

    def _vectors(self, u: Any, u1: Any, turn: Any, outside: Any, m: int, k: int) -> Any:
        du = mm(u1, turn)
        if m == k:
            return du
        du = du + projector_residual(u1, outside)
        if not self.full:
            return du
        rest = part(u, (0, m), (k, m))
        return block([[du, neg(mm(u1, h(mm(h(rest), outside))))]])

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        return (Svdvals(), (True,), needed) if tuple(needed) == (False, True, False) else None

    def exact(self, m: Any, a: Any) -> Any:
        def one(a: Any) -> Any:
            (u, s, vh), like = m.svd(a), self.evaluate(elimination.floats(a))
            turns = elimination.turns(m, u, like[0][:, : len(s)])
            u, vh = u * turns, vh * np.array([[m.conj(x)] for x in turns], object)
            if self.full and len(u) > len(s):
                u = elimination.completed(m, u, like[0][:, len(s) :])
            if self.full and vh.shape[1] > len(s):
                v = elimination.adjoint(m, vh)
                vh = elimination.adjoint(m, elimination.completed(m, v, like[2][len(s) :].conj().T))
            return u, s, vh

        return each(one, (object, object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(14).standard_normal
        d = np.diag([4.0, 2.0, 1.0])
        yield Sample(cls(False), d + 0.2 * r((3, 3)), complex_step=False)
        yield Sample(cls(False), (d + 0.2 * r((2, 3, 3)))[..., :2], complex_step=False)
        yield Sample(cls(False), (d + 0.2 * r((3, 3)))[:2], complex_step=False)
        # the phases of complex vectors and the bases of null spaces are LAPACK's
        yield Sample(cls(False), d + 0.2 * r((3, 3)) + 0.2j * r((3, 3)), smooth=False, complex_step=False)
        yield Sample(cls(True), (d + 0.2 * r((3, 3)))[:, :1], smooth=False, complex_step=False)
        yield Sample(cls(True), (d + 0.2 * r((3, 3)))[:1], smooth=False, complex_step=False)
        yield Sample(cls(False), (d + 0.2 * r((3, 3)))[:, :2].astype("f"), complex_step=False)


def _over_columns(x: Any, inverse: Any) -> Any:
    return Turn()(to_columns(cast(inverse, array_type_of(x).dtype), array_type_of(x).shape), x)


class SingularVectors(Stacked):
    """Left (or right) singular vectors number start … stop - 1 of a matrix, whose reduced decomposition is u, s, vh.

    As columns of u (of vhᴴ), but with the knowledge that no others are used: see `Eigenvectors`.
    """

    left: bool
    start: int
    stop: int
    analytic = False  # Aᴴ
    fixed = dict.fromkeys((1, 2, 3), "the decomposition is that of the matrix, by which the derivative is")
    transpose = no("singular vectors are not linear")
    exact = as_evaluated

    def type(self, a: Any, u: Any, s: Any, vh: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        return (a.with_shape((*a.shape[:-2], a.shape[-2 if self.left else -1], self.stop - self.start)),)

    def evaluate(self, a: Any, u: Any, s: Any, vh: Any) -> Any:
        v = u if self.left else np.swapaxes(vh, -1, -2).conj()
        return v[..., self.start : self.stop].copy()

    def element(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        *lead, row, column = index
        if self.left:
            return read[1](*lead, row, column + self.start)
        return lapack.conj(k, read[3](*lead, column + self.start, row))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        _, du, dv = Svd(False)._turned(tangents[0], *primals[1:], self.start, self.stop)
        return du if self.left else dv

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        # smooth=False: differences by `a` alone would hold its decomposition
        a = np.array([[[1.0, 0.2j], [0.0, 1.5], [0.3, 0.0]]])
        for x in (a, np.swapaxes(a, 1, 2)[0].real):
            yield Sample(cls(True, 0, 1), x, *np.linalg.svd(x, full_matrices=False), smooth=False)
            yield Sample(cls(False, 0, 2), x, *np.linalg.svd(x, full_matrices=False), smooth=False)


class Polar(Stacked):
    """(U, P) with A = U P, P positive definite, U with orthonormal columns; A has at least as many rows as columns.

    With G = Uᴴ dA: Ω P + P Ω = G - Gᴴ, dP = G - Ω P, dU = U Ω + (I - U Uᴴ) dA P⁻¹ (Higham, Functions of Matrices,
    chapter 8). Repeated singular values need no care, at any order. Defined where the columns are independent.
    """

    analytic = False  # Aᴴ
    transpose = no("the polar factors are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        m, n = a.shape[-2:]
        if m < n:
            raise ShapeError(four_parts("polar needs at least as many rows as columns", repr(a), instead="the factors of aᴴ"))
        return a, a.with_shape((*a.shape[:-2], n, n))

    def evaluate(self, a: Any) -> Any:
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        v = np.swapaxes(vh, -1, -2).conj()
        return u @ vh, ((v * s[..., None, :]) @ vh).astype(a.dtype, copy=False)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: by_svd.polar(k, a, at, outs[0], outs[1]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (da,), (u, p) = tangents, outs
        if da is None:
            return None
        g = mm(h(u), da)
        turn = Sylvester()(p, p, sub(g, h(g)))
        du = mm(u, turn)
        m, n = array_type_of(u).shape[-2:]
        if m > n:
            du = du + h(solve(h(p), h(projector_residual(u, da))))
        return du, sub(g, mm(turn, p))

    def exact(self, m: Any, a: Any) -> Any:
        def one(a: Any) -> Any:
            u, s, vh = m.svd(a)
            return u @ vh, elimination.adjoint(m, vh) * s @ vh

        return each(one, (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(31).standard_normal
        yield Sample(cls(), r((3, 3)) + 2 * np.eye(3), complex_step=False)
        yield Sample(cls(), np.eye(2), complex_step=False)
        yield Sample(cls(), r((2, 4, 2)) + 0.5j * r((2, 4, 2)), complex_step=False)


class Svdvals(Stacked):
    """The descending singular values: ds = Re diag(Uᴴ dA V).

    The second derivative goes through U and V, hence is NaN where values repeat.
    """

    analytic = False  # Aᴴ
    transpose = no("singular values are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        return (array_type((*a.shape[:-2], min(a.shape[-2:])), real_dtype(a)),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.svd(a, compute_uv=False)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.copy_vector(k, lapack.svd(k, a, at, "N")[1], outs[0], at))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        u, _, vh = Svd(False)(primals[0])
        return weighted_columns(u, mm(tangents[0], h(vh)))

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: m.svd(a)[1], (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(15).standard_normal
        d = np.diag([4.0, 2.0, 1.0])
        yield Sample(cls(), (d + 0.2 * r((2, 3, 3)))[..., :2], complex_step=False)
        yield Sample(cls(), d + 0.2 * r((3, 3)) + 0.2j * r((3, 3)), complex_step=False)
        yield Sample(cls(), (d + 0.2 * r((3, 3))).astype("f"), complex_step=False)
