"""Inverses, and what follows from them: pseudo-inverse and least squares.

Knows NumPy. Start at `Inv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, no
from wengert.ir.types import Type
from wengert.primitives.arith import neg, sub
from wengert.primitives.linalg import by_svd, elimination, lapack
from wengert.primitives.linalg.algebra import Stacked, each, h, matrices, mm
from wengert.primitives.shape import array_type_of


class Inv(Stacked):
    """The inverse X of A: dX = -X dA X   (Giles 2008, section 2.2.3)."""

    transpose = no("the inverse is not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        return (matrices(self, a),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.inv(a)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a):
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: lapack.inverse(k, a, at, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else neg(mm(mm(outs, tangents[0]), outs))

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: elimination.inverse(m, a), (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(4).standard_normal
        yield Sample(cls(), r((3, 3)) + 3 * np.eye(3))
        yield Sample(cls(), r((2, 2, 2)) + 3 * np.eye(2) + 1j * r((2, 2, 2)))
        yield Sample(cls(), (r((3, 3)) + 3 * np.eye(3)).astype("f"))


class Pinv(Stacked):
    """The Moore-Penrose inverse P of A, where its rank is locally constant (`rcond` decides on it).

    dP = -P dA P + P Pᴴ dAᴴ (I - A P) + (I - P A) dAᴴ Pᴴ P   (Golub & Pereyra 1973, equation 4.12).
    """

    rcond: float = 1e-15
    analytic = False  # Aᴴ
    transpose = no("the pseudo-inverse is not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        matrices(self, a, square=False)
        return (a.with_shape((*a.shape[:-2], a.shape[-1], a.shape[-2])),)

    def evaluate(self, a: Any) -> Any:
        return np.linalg.pinv(a, rcond=self.rcond)

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        a = k.memory(operands[0], contiguous=False)
        if not lapack.handles(a) or not a.size:
            return NotImplemented
        return lapack.stacks(k, a.shape[:-2], lambda at: by_svd.pseudo_inverse(k, a, at, self.rcond, outs[0]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (a,), p, (da,) = primals, outs, tangents
        if da is None:
            return None
        m, n = array_type_of(a).shape[-2:]
        dp, dah, ph = neg(mm(mm(p, da), p)), h(da), h(p)
        if m > n or m == n:
            left = mm(mm(p, ph), dah)
            dp = dp + (left - mm(mm(left, a), p))
        if n > m or m == n:
            right = mm(mm(dah, ph), p)
            dp = dp + (right - mm(p, mm(a, right)))
        return dp

    def exact(self, m: Any, a: Any) -> Any:
        def one(a: Any) -> Any:
            u, s, vh = m.svd(a)
            floor = m.number(self.rcond) * s[0]
            rank = sum([x > floor for x in s])
            return elimination.adjoint(m, vh[:rank]) / s[:rank] @ elimination.adjoint(m, u[:, :rank])

        return each(one, (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(5).standard_normal
        yield Sample(cls(), r((4, 2)), complex_step=False)
        yield Sample(cls(), r((2, 2, 3)), complex_step=False)
        yield Sample(cls(), r((3, 2)) + 1j * r((3, 2)), complex_step=False)
        yield Sample(cls(1e-6), r((3, 2)).astype("f"), complex_step=False)


def pinv(a: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse; singular values below rcond times the largest are taken for zero."""
    return Pinv(float(rcond))(a)


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The x of least norm that minimises |a x - b|; b is a stack of matrices. `rcond` as in np.linalg.lstsq."""
    type = array_type_of(a)
    if rcond is None:
        rcond = float(np.finfo(type.dtype).eps) * max(type.shape[-2:])
    return mm(pinv(a, rcond), b)


def projector_residual(q: Any, x: Any) -> Any:
    """(I - q qᴴ) x, for orthonormal columns q."""
    return sub(x, mm(q, mm(h(q), x)))
