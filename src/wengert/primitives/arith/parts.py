"""Parts of complex numbers: linear over the reals, not holomorphic.

Knows NumPy; of other families shape. Start at `Real`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Elementwise, Linear, Sample, expand_all, same_types, scale, zeros
from wengert.ir.types import Type
from wengert.ir.values import splat
from wengert.loops.build import Pair
from wengert.primitives.arith.field import equal, neg, select, sign
from wengert.primitives.shape import cast


class Real(Linear):
    """The real part. Its transpose puts a real cotangent into the complex plane."""

    elementwise = views = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x.with_dtype(np.empty(0, x.dtype).real.dtype),)

    def evaluate(self, x: Any) -> Any:
        return x.real

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (cast(ct, operands[0].type.dtype),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1 + 2j, 3 - 1j]), complex_step=False)

    def scalar(self, k: Any, x: Any) -> Any:
        return x.re if x.kind[0] == "c" else x

    def exact(self, m: Any, x: Any) -> Any:
        return m.re(x)


class Imag(Real):
    """The imaginary part. <ct, Im x> = Re(ct * (-i) * x): the transpose multiplies by -i."""

    def evaluate(self, x: Any) -> Any:
        return x.imag

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (cast(ct, operands[0].type.dtype) * (-1j),)

    def scalar(self, k: Any, x: Any) -> Any:
        return x.im if x.kind[0] == "c" else k.like(0, x)

    def exact(self, m: Any, x: Any) -> Any:
        return m.im(x)


class Conj(Elementwise):
    """The complex conjugate: linear over the reals."""

    ufunc, domain, analytic = np.conjugate, (-2.0, 2.0), False

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else conj(tangents[0])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (conj(ct),)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1 + 2j, 3 - 1j]), complex_step=False)

    def scalar(self, k: Any, x: Any) -> Any:
        return Pair(x.re, k.op("neg", x.im), x.kind) if x.kind[0] == "c" else x

    def exact(self, m: Any, x: Any) -> Any:
        return m.conj(x)


class Complex(Linear):
    """x + i y from two real arrays."""

    elementwise = True

    def type(self, *operands: Type) -> tuple[Type, ...]:
        x = same_types(self, operands)
        return (x.with_dtype(np.result_type(x.dtype, np.complex64)),)

    def evaluate(self, x: Any, y: Any) -> Any:
        return x + 1j * y

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return real(ct) if linear[0] else None, neg(imag(ct)) if linear[1] else None

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(*expand_all(size, batched, operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1.0, 2.0]), np.array([3.0, -1.0]), complex_step=False)

    def scalar(self, k: Any, x: Any, y: Any) -> Any:
        return Pair(x, y)

    def exact(self, m: Any, x: Any, y: Any) -> Any:
        return m.complex(x, y)


class Abs(Elementwise):
    """|x|, with derivative sign(x), 0 at 0 for real x; for complex x, d|x| = Re(conj(x) dx) / |x|, 0 at 0."""

    scalar = "abs"
    ufunc, domain, result, analytic = np.absolute, (0.5, 2.0), "real", False

    def kink(self, x: Any) -> Any:
        return x

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        if dx is None:
            return None
        if x.type.dtype.kind != "c":
            return scale(sign(x), dx)
        at_zero = equal(outs, zeros(outs.type))
        safe = select(at_zero, splat(1, outs.type), outs)
        return real(conj(x / cast(safe, x.type.dtype)) * dx)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([-1.5, 2.0]), complex_step=False)
        yield Sample(cls(), np.array([1.5 - 1j, 2.0]), complex_step=False)


real, imag, conj, complex_, abs_ = Real(), Imag(), Conj(), Complex(), Abs()
