"""Eigenvalues and eigenvectors, Hermitian and general.

Knows NumPy. Start at `Eigh`. A vector is defined up to a factor (a basis, where eigenvalues repeat): derivatives of
vectors are those of the factor that turns least, so what does not depend on it has its true derivative; those of
bases do not exist, and are NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, as_evaluated, flat, no
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES
from wengert.primitives.arith import complex_, conj, imag, mul, real, reciprocal, select
from wengert.primitives.linalg import elimination, lapack
from wengert.primitives.linalg.algebra import (
    Stacked,
    Turn,
    diagonal,
    each,
    gaps,
    h,
    hermitian,
    identity,
    is_complex,
    matrices,
    mm,
    part,
    real_dtype,
    real_of,
    scale_columns,
    to_columns,
    to_rows,
)
from wengert.primitives.linalg.norm import VectorNorm
from wengert.primitives.linalg.solve import solve
from wengert.primitives.shape import array_type_of, cast, stop_gradient


class Eigh(Stacked):
    """(w, V), ascending eigenvalues and orthonormal eigenvectors of the Hermitian matrix in the lower triangle of `a`.

    With P = Vᴴ dA V: dw = diag(P), dV = V (F ∘ P), F_ij = 1 / (w_j - w_i), F_ii = 0   (Giles 2008, section 3.1).
    The vectors of a repeated eigenvalue (equal up to rounding: 4 eps Σ|w|) have no derivative: F_ij is NaN there, and so
    is what is computed from them. It cannot be a number: of V f(Λ) Vᴴ the derivative holds f'(w) P within an eigenspace, of
    which dw has the diagonal only. Therefore products Σ_e V_ie h(w_e) conj(V_je) in a traced function are found
    by `passes.spectral`, which makes them `Spectral`, exact at every order; and so are sums Σ h(w). Eigenvalues alone
    are differentiable as far as they can be: a symmetric function of them is exact to first order. Vectors of simple
    eigenvalues that are taken by a slice, v[:, i:j], keep their derivatives beside repeated ones: `Eigenvectors`.
    """

    analytic = False  # Aᴴ
    transpose = no("eigenvalues are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return array_type(a.shape[:-1], real_dtype(a)), a

    def evaluate(self, a: Any) -> Any:
        return tuple(np.linalg.eigh(a))

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.eigh(k, a, at, outs[0], outs[1]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        w, v = outs
        p = mm(h(v), mm(hermitian(tangents[0]), v))
        return real_of(diagonal(p)), _turned(v, w, p, 0, array_type_of(w).shape[-1])

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        return (Eigvalsh(), (True,), needed) if tuple(needed) == (True, False) else None

    def exact(self, m: Any, a: Any) -> Any:
        def one(a: Any) -> Any:
            w, v = m.eigh(elimination.hermitian(m, a))
            return w, v * elimination.turns(m, v, self.evaluate(elimination.floats(a))[1])

        return each(one, (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(10).standard_normal
        d = np.diag([1.0, 2.0, 4.0])
        yield Sample(cls(), d + 0.3 * r((3, 3)), complex_step=False)
        yield Sample(cls(), d + 0.3 * r((2, 3, 3)), complex_step=False)
        yield Sample(cls(), d + 0.3 * r((3, 3)) + 0.3j * r((3, 3)), smooth=False, complex_step=False)  # the phase is LAPACK's
        yield Sample(cls(), (d + 0.3 * r((3, 3))).astype("f"), complex_step=False)


def _turned(v: Any, w: Any, p: Any, start: int, stop: int) -> Any:
    """Columns start … stop - 1 of V (F ∘ P)."""
    rows, columns = (0, array_type_of(w).shape[-1]), (start, stop)
    f, _ = gaps(w)
    return mm(v, Turn()(cast(part(f, rows, columns), array_type_of(p).dtype), part(p, rows, columns)))


class Eigenvectors(Stacked):
    """Eigenvectors number start … stop - 1 of the Hermitian matrix in the lower triangle of `a`, whose eigenvalues are w, vectors v.

    As columns of v, but with the knowledge that no others are used, so that those of simple eigenvalues have their
    derivative in both modes whatever the others are: `Eigh` cannot tell a cotangent that is zero from one that happens to be.
    """

    start: int
    stop: int
    analytic = False  # Aᴴ
    fixed = {1: "the eigenvalues are those of the matrix, by which the derivative is", 2: "so are the vectors"}
    transpose = no("eigenvectors are not linear")
    exact = as_evaluated

    def type(self, a: Any, w: Any, v: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return (a.with_shape((*a.shape[:-1], self.stop - self.start)),)

    def evaluate(self, a: Any, w: Any, v: Any) -> Any:
        return v[..., self.start : self.stop].copy()

    def element(self, k: Any, read: Any, index: Any, *types: Any) -> Any:
        return read[2](*index[:-1], index[-1] + self.start)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        _, w, v = primals
        return _turned(v, w, mm(h(v), mm(hermitian(tangents[0]), v)), self.start, self.stop)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        # smooth=False: differences by `a` alone would hold w and v, which are its functions
        a = np.array([[[1.0, 0.0, 0.2j], [0.0, 1.0, 0.0], [-0.2j, 0.0, 2.0]]])
        yield Sample(cls(2, 3), a, *np.linalg.eigh(a), smooth=False)
        yield Sample(cls(0, 2), a[0].real, *np.linalg.eigh(a[0].real), smooth=False)


class Eigvalsh(Stacked):
    """The ascending eigenvalues of the Hermitian matrix in the lower triangle of `a`: dw = diag(Vᴴ dA V).

    At equal eigenvalues the sum over them is exact, hence symmetric functions are, to first order. The second
    derivative goes through V, hence is NaN there, but for sums Σ h(w), which `passes.spectral` makes `SpectralSum`.
    """

    analytic = False  # Aᴴ
    transpose = no("eigenvalues are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return (array_type(a.shape[:-1], real_dtype(a)),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.eigvalsh(a)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.eigh(k, a, at, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        _, v = Eigh()(primals[0])
        return weighted_columns(v, mm(hermitian(tangents[0]), v))

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: m.eigh(elimination.hermitian(m, a))[0], (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(11).standard_normal
        d = np.diag([1.0, 2.0, 4.0])
        yield Sample(cls(), d + 0.3 * r((2, 3, 3)), complex_step=False)
        yield Sample(cls(), d + 0.3 * r((3, 3)) + 0.3j * r((3, 3)), complex_step=False)
        yield Sample(cls(), (d + 0.3 * r((3, 3))).astype("f"), complex_step=False)


def weighted_columns(v: Any, x: Any) -> Any:
    """Re diag(vᴴ x): sums down the columns."""
    product = mul(conj(v), x) if is_complex(v) else mul(v, x)
    return ROLES["sum"](real_of(product), (array_type_of(v).ndim - 2,))


class Eig(Stacked):
    """(w, V), eigenvalues and right eigenvectors of a general matrix, always complex.

    With P = V⁻¹ dA V: dw = diag(P), dV = V (F ∘ P) + V diag(k), F_ij = 1 / (w_j - w_i), where k keeps LAPACK's
    normalisation: columns of norm 1 with a real largest element (Giles 2008, section 3.1; LAPACK's geev).
    Defined where eigenvalues are distinct; where two are equal the derivative of V is NaN, and where the matrix
    is defective, so is that of w, or LinAlgError is raised if V is exactly singular.
    """

    analytic = False  # Aᴴ
    transpose = no("eigenvalues are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a)
        dtype = np.result_type(a.dtype, np.complex64)
        return array_type(a.shape[:-1], dtype), array_type(a.shape, dtype)

    def evaluate(self, a: Any) -> Any:
        w, v = np.linalg.eig(a)
        dtype = np.result_type(a.dtype, np.complex64)
        return w.astype(dtype, copy=False), v.astype(dtype, copy=False)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        w, v = outs
        shape, dtype = array_type_of(v).shape, array_type_of(v).dtype
        p = _rates(v, cast(tangents[0], dtype))
        eye = identity(shape, dtype)
        # NaN (0/0) in place of 1/0 between equal eigenvalues; the diagonal is masked before it divides
        difference = to_columns(w, shape) - to_rows(w, shape) + eye
        f = mul(reciprocal(difference), _off_diagonal(shape, dtype))
        u = mm(v, mul(f, p))
        along = -weighted_columns(v, u)
        peak = cast(Peak()(v), real_dtype(array_type_of(v)))
        rows = array_type_of(v).ndim - 2
        turn = -(ROLES["sum"](mul(peak, imag(u)), (rows,)) / ROLES["sum"](mul(peak, real(v)), (rows,)))
        return diagonal(p), u + scale_columns(v, complex_(along, turn))

    def prune(self, needed: Sequence[bool]) -> tuple[Primitive, Sequence[bool], Sequence[bool]] | None:
        return (Eigvals(), (True,), needed) if tuple(needed) == (True, False) else None

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: _ordered(m, a, True), (object, object), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(12).standard_normal
        d = np.diag([1.0, 2.0, 4.0])
        yield Sample(cls(), d + 0.3 * r((3, 3)), complex_step=False)
        yield Sample(cls(), np.array([[1.0, 2.0, 0.1], [-2.0, 1.2, 0.4], [0.3, 0.1, 3.0]]), complex_step=False)
        yield Sample(cls(), d + 0.3 * r((2, 3, 3)) + 0.3j * r((2, 3, 3)), complex_step=False)
        yield Sample(cls(), (d + 0.3 * r((3, 3))).astype("f"), complex_step=False)


def _rates(v: Any, da: Any) -> Any:
    """V⁻¹ dA V, with NaN in the rows of defective eigenvalues.

    The columns of V have norm 1, so row norms of V⁻¹ are the condition numbers of the eigenvalues (Golub & Van Loan,
    section 7.2.2); what exceeds 0.01 / eps has no correct digit.
    """
    shape, dtype = array_type_of(v).shape, array_type_of(v).dtype
    inverse = solve(v, identity(shape, dtype))
    condition = to_rows(stop_gradient(VectorNorm((len(shape) - 1,), 2.0)(inverse)), shape)
    p = mm(inverse, mm(da, v))
    return select(condition > 0.01 / float(np.finfo(dtype).eps), np.full(shape, np.nan, dtype), p)


def _ordered(m: Any, a: Any, vectors: bool) -> tuple[Any, Any]:
    """Eigenvalues in LAPACK's order, and vectors with its norms and phases."""
    like, v_like = np.linalg.eig(elimination.floats(a))
    w, v = elimination.eigenvectors(m, a, like)
    if vectors:
        v = v / [m.sqrt(sum([abs(x) ** 2 for x in column])) for column in v.T]
        peaks = [column[np.argmax(np.abs(near))] for column, near in zip(v.T, v_like.T, strict=True)]
        v = v * [m.conj(p) / abs(p) for p in peaks]
        v = v * np.where(np.array([near[np.argmax(np.abs(near))].real for near in v_like.T]) < 0, -1, 1)
    return w, v


def _off_diagonal(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.broadcast_to(1 - np.eye(shape[-1], dtype=dtype), shape)


class Peak(Stacked):
    """A mask of the largest element of each column in absolute value."""

    may_raise = False
    jvp = flat("it is piecewise constant")
    transpose = no("it is constant under differentiation")

    def type(self, v: Any) -> tuple[Type, ...]:
        return (v.with_dtype(np.bool_),)

    def evaluate(self, v: Any) -> Any:
        if not v.size:
            return np.zeros(v.shape, np.bool_)
        peak = np.argmax(np.abs(v), axis=-2, keepdims=True)
        return np.arange(v.shape[-2])[:, None] == peak

    def exact(self, m: Any, v: Any) -> Any:
        return self.evaluate(elimination.floats(v))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([[1.0, -3.0], [2.0, 0.5]]), complex_step=False)
        yield Sample(cls(), np.array([[[1.0j, -3.0], [2.0, 0.5]]]), complex_step=False)


class Eigvals(Stacked):
    """The eigenvalues of a general matrix, always complex: dw = diag(V⁻¹ dA V). Defined where V is regular."""

    transpose = no("eigenvalues are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return (array_type(a.shape[:-1], np.result_type(a.dtype, np.complex64)),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.eigvals(a).astype(np.result_type(a.dtype, np.complex64), copy=False)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        if tangents[0] is None:
            return None
        _, v = Eig()(primals[0])
        return diagonal(_rates(v, cast(tangents[0], array_type_of(v).dtype)))

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: _ordered(m, a, False)[0], (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(13).standard_normal
        d = np.diag([1.0, 2.0, 4.0])
        yield Sample(cls(), d + 0.3 * r((2, 3, 3)), complex_step=False)
        yield Sample(cls(), d + 0.3 * r((3, 3)) + 0.3j * r((3, 3)), complex_step=False)
