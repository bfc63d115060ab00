"""Norms of vectors, along any axes.

Knows NumPy. Start at `VectorNorm`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, no, zeros
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES
from wengert.primitives.arith import abs_, conj, equal, mul, real, select
from wengert.primitives.linalg import lapack
from wengert.primitives.linalg.algebra import real_dtype
from wengert.primitives.math import power
from wengert.primitives.reduce import folds
from wengert.primitives.reduce.reductions import beyond_others
from wengert.primitives.shape import array_type_of, broadcast, cast


class VectorNorm(Primitive):
    """(Σ |x|^p)^(1/p) over `axes`, p = `ord` > 0; inf and -inf for the largest and smallest |x|.

    dn = Σ w d|x| with w = (|x| / n)^(p-1), and 0 where n = 0: of all subgradients of a norm that of least norm.
    For p = ±inf the elements that attain it share equally. At 0 all orders of derivative are 0.
    """

    axes: tuple[int, ...]
    ord: float = 2.0
    analytic = False  # |x|
    transpose = no("a norm is not linear")

    def type(self, x: Any) -> tuple[Type, ...]:
        if not x.inexact or not all(0 <= a < x.ndim for a in self.axes):
            raise ShapeError(four_parts(f"{self!r} cannot be taken of {x!r}"))
        return (array_type(tuple([n for i, n in enumerate(x.shape) if i not in self.axes]), real_dtype(x)),)

    def evaluate(self, x: Any) -> Any:
        p, axes = self.ord, self.axes
        if p == 2:
            square = (x.conj() * x).real if x.dtype.kind == "c" else x * x
            return np.sqrt(np.add.reduce(square, axis=axes))
        size = np.abs(x)
        if p == 1:
            return np.add.reduce(size, axis=axes)
        if np.isinf(p):
            return np.max(size, axis=axes, initial=0.0).astype(size.dtype) if p > 0 else np.min(size, axis=axes)
        return (np.add.reduce(size**p, axis=axes) ** (1 / p)).astype(size.dtype)

    def kink(self, x: Any) -> Any:
        if self.ord == 1:
            return x
        if np.isinf(self.ord):
            size = np.abs(x)
            return np.copysign(1.0, x.real) * beyond_others(size, self.axes, np.maximum if self.ord > 0 else np.minimum)
        return np.copysign(np.expand_dims(self.evaluate(x), self.axes), x.real)  # at the origin alone

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        x, p = k.memory(operands[0], contiguous=False), self.ord
        if p < 0 and any(x.shape[a] == 0 for a in self.axes):
            return NotImplemented
        kind = k.kind(outs.types[0])

        def term(value: Any) -> Any:
            if p == 2:
                return lapack.square(k, value)
            size = k.op("abs", value)
            return size if p == 1 or np.isinf(p) else k.op("pow", size, k.const(p, kind))

        def root(total: Any) -> Any:
            if p == 2:
                return k.op("sqrt", total)
            return total if p == 1 or np.isinf(p) else k.op("pow", total, k.const(1 / p, kind))

        op = "accumulate" if not np.isinf(p) else "maximum" if p > 0 else "minimum"
        join = lambda a, b: [k.op(op, a[0], b[0])]
        start = k.const(np.inf if p == -np.inf else 0.0, kind)
        stage = folds.Stage([start], lambda index, last, _: join(last, [term(k.read(x, index))]), join)
        return folds.folded(k, x, self.axes, [stage], lambda values: root(values[0][0]), outs)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        if dx is None:
            return None
        shape, dtype = array_type_of(x).shape, array_type_of(x).dtype
        kept = tuple([i for i in range(len(shape)) if i not in self.axes])
        n = broadcast(outs, shape, kept)
        zero = zeros(array_type_of(n))
        if self.ord == 2:
            vanishes = equal(n, zero)
            unit = x / cast(select(vanishes, np.ones(shape, n.type.dtype), n), dtype)
            return ROLES["sum"](select(vanishes, zero, _real_product(unit, dx)), self.axes)
        size = abs_(x)
        moved = abs_.jvp((x,), size, (dx,))
        if self.ord == 1:
            return ROLES["sum"](moved, self.axes)
        if np.isinf(self.ord):
            attains = cast(equal(size, n), n.type.dtype)
            share = attains / broadcast(ROLES["sum"](attains, self.axes), shape, kept)
            return ROLES["sum"](mul(share, moved), self.axes)
        vanishes = equal(n, zero)
        ratio = size / select(vanishes, np.ones(shape, n.type.dtype), n)
        weight = power(ratio, np.full(shape, self.ord - 1, n.type.dtype))
        return ROLES["sum"](select(vanishes, zero, mul(weight, moved)), self.axes)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return VectorNorm(tuple([a + 1 for a in self.axes]), self.ord)(operands[0])

    def exact(self, m: Any, x: Any) -> Any:
        p = self.ord
        if np.isinf(p):
            return m.fold("maximum" if p > 0 else "minimum", m.apart(m.abs)(x), self.axes, m.number(0))
        whole = m.number(p)
        size = m.apart(lambda x: m.re(x) ** 2 + m.im(x) ** 2 if p == 2 else m.power(m.abs(x), whole))(x)
        return m.apart(lambda s: m.sqrt(s) if p == 2 else m.power(s, 1 / whole))(m.fold("add", size, self.axes, m.number(0)))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        x = np.array([[1.0, -2.0, 0.5], [0.7, 0.3, -1.1]])
        for p in (2.0, 1.0, 3.0, 2.5, np.inf, -np.inf):
            yield Sample(cls((1,), p), x, complex_step=False)
            yield Sample(cls((0, 1), p), x + 0.4j, complex_step=False)
        yield Sample(cls((), 2.0), x, complex_step=False)
        yield Sample(cls((0,), 2.0), x.astype("f"), complex_step=False)


def _real_product(unit: Any, dx: Any) -> Any:
    """Re(conj(unit) dx)."""
    return real(mul(conj(unit), dx)) if array_type_of(unit).dtype.kind == "c" else mul(unit, dx)


def norm(x: Any, axes: tuple[int, ...], ord: float = 2.0) -> Any:
    """The norm over some axes; over two axes with ord 2, Frobenius's."""
    return VectorNorm(tuple(axes), float(ord))(x)
