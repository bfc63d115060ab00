"""Functions of Hermitian matrices by their eigenvalues, V h(Λ) Vᴴ and Σ h(λ), differentiable where eigenvalues repeat.

Knows NumPy. Start at `Spectral`; `divided_differences` is where close eigenvalues are dealt with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement, permutations
from math import factorial
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any, no
from wengert.errors import NoRuleError
from wengert.ir.builder import Builder, building
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES, Function, Literal, Var, scalar_type, splat, zero_literal
from wengert.ir.walk import inline, memoized
from wengert.primitives.arith import mul
from wengert.primitives.linalg import elimination
from wengert.primitives.linalg.algebra import Stacked, each, hermitian, is_complex, matrices, real_dtype, real_of, t
from wengert.primitives.linalg.eigen import Eigh
from wengert.primitives.math import exp, sqrt
from wengert.primitives.shape import array_type_of, broadcast, cast
from wengert.transform.jvp import jvp


class Spectral(Stacked):
    """The derivative of order k of A ↦ V h(Λ) Vᴴ in directions E₁ … E_k; of order 0 that function itself.

    Operands: a (its lower triangle is the Hermitian A), w and v (its eigenvalues and vectors), the scalars that h
    depends on, one of each for each matrix, and the directions. `function` is h, from 0-d numbers: (w, scalars…) -> number.
    Only eigenvalues number start … stop - 1 count, the others add zero.

    With P_m = Vᴴ E_m V: V X Vᴴ, X_ij = Σ h[w_i, …, w_j] (P_σ1)_i. … (P_σk)_.j over inner indices and permutations σ, where
    h[…] are divided differences (Daleckii & Krein 1965; Higham, Functions of Matrices, theorem 3.11). It is symmetric in
    the directions and its next derivative by A is that of order k + 1, so every order exists and none depends on the choice of V.
    tr(Y D[E₁ … E_k]) is symmetric in all k + 1 matrices: hence the transpose. NaN if stop or start cuts an eigenspace.
    """

    function: Function
    order: int
    start: int
    stop: int
    analytic = False  # Aᴴ
    fixed = {1: "the eigenvalues are those of the matrix, by which the derivative is", 2: "so are the vectors"}

    def functions(self) -> tuple[Function, ...]:
        return (self.function,)

    @property
    def parameters_of_h(self) -> int:
        return len(self.function.inputs) - 1

    def type(self, a: Any, w: Any, v: Any, *rest: Any) -> tuple[Type, ...]:
        matrices(self, a)
        scalars, directions = rest[: self.parameters_of_h], rest[self.parameters_of_h :]
        assert v is a and w is array_type(a.shape[:-1], real_dtype(a)), f"{self.name} of {a!r}, {w!r}, {v!r}"
        assert len(directions) == self.order and all(e is a for e in directions), f"{self.name} in directions {directions!r}"
        assert all(s.shape == a.shape[:-2] for s in scalars), f"{self.name} with scalars {scalars!r}"
        assert a.dtype.kind == "c" or self.function.outputs[0].type.dtype.kind != "c", f"a complex function of {a!r}"  # type: ignore[union-attr]
        return (a,)

    def evaluate(self, a: Any, w: Any, v: Any, *rest: Any) -> Any:
        scalars, directions = rest[: self.parameters_of_h], rest[self.parameters_of_h :]
        vh = np.swapaxes(v, -1, -2).conj()
        if not self.order:
            values = np.zeros(w.shape, v.dtype)
            part = np.s_[..., self.start : self.stop]
            values[part] = pointwise(self.function, w[part], *[np.asarray(s)[..., None] for s in scalars])
            return (v * values[..., None, :]) @ vh
        table = divided_differences(self.function, self.order, w, scalars, self.start, self.stop)
        pushed = [vh @ e @ v for e in directions]
        letters = "abcdefghijklmnopqrstuvw"[: self.order + 1]
        terms = ",".join([f"...{letters}", *[f"...{i}{j}" for i, j in zip(letters, letters[1:], strict=False)]])
        inner = sum(np.einsum(f"{terms}->...{letters[0]}{letters[-1]}", table, *p) for p in permutations(pushed))
        return (v @ inner @ vh).astype(a.dtype, copy=False)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        n = self.parameters_of_h
        total = None
        if tangents[0] is not None:
            total = Spectral(self.function, self.order + 1, self.start, self.stop)(*primals, hermitian(tangents[0]))
        for i, ds in enumerate(tangents[3 : 3 + n]):
            if ds is not None:
                rate = Spectral(partial_of(self.function, i + 1), self.order, self.start, self.stop)(*primals)
                total = add_any(total, mul(rate, _for_each_element(cast(ds, array_type_of(rate).dtype), array_type_of(rate).shape)))
        for i, de in enumerate(tangents[3 + n :], 3 + n):
            if de is not None:
                total = add_any(total, self(*primals[:i], de, *primals[i + 1 :]))
        return total

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        i = list(linear).index(True)
        ct = t(self(*operands[:i], t(ct), *operands[i + 1 :]))
        return [ct if on else None for on in linear]

    def exact(self, m: Any, a: Any, w: Any, v: Any, *rest: Any) -> Any:
        if self.order:
            what, why = f"a derivative of order {self.order} of a function of a matrix", "Only the function itself is known beyond floats."
            raise m.refusal(NoRuleError, what, why, "the function without its derivative")

        def one(v: Any, w: Any, *scalars: Any) -> Any:
            values = _values(m, self.function, w, scalars, self.start, self.stop)
            return v[:, self.start : self.stop] * values @ elimination.adjoint(m, v[:, self.start : self.stop])

        return each(one, (object,), v, w, *rest, core=(2, 1, *[0] * len(rest)))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        # smooth=False: differences by `a` alone would hold w and v, which are its functions
        r = np.random.default_rng(40).standard_normal
        h = _sample_function("d")
        for x in (np.diag([1.0, 1.0, 2.0]), np.diag([1.0, 2.0, 4.0]) + 0.1 * (r((2, 3, 3)) + 1j * r((2, 3, 3)))):
            w, v = np.linalg.eigh(x)
            s, e = np.full(x.shape[:-2], 0.7)[()], (r(x.shape) + x).astype(x.dtype)
            yield Sample(cls(h, 0, 0, 3), x, w, v, s, smooth=False)
            yield Sample(cls(h, 1, 0, 2), x, w, v, s, e, smooth=False)
            yield Sample(cls(h, 2, 0, 3), x, w, v, s, e, e.conj() * e, smooth=False)
        x = np.eye(2, dtype="f")
        yield Sample(cls(_sample_function("f"), 1, 0, 2), x, *np.linalg.eigh(x), np.float32(0.7), x + 1, smooth=False)


class SpectralSum(Stacked):
    """Σ h(w) over eigenvalues number start … stop - 1 of the Hermitian matrix in the lower triangle of `a`: d = tr(h'(A) dA).

    Operands as of `Spectral`, without directions, and without the vectors unless `vectors`: then they are computed when needed.
    """

    function: Function
    start: int
    stop: int
    vectors: bool
    analytic = False  # Aᴴ
    fixed = {1: "the eigenvalues are those of the matrix, by which the derivative is", 2: "so are the vectors"}
    transpose = no("eigenvalues are not linear")

    def functions(self) -> tuple[Function, ...]:
        return (self.function,)

    def type(self, a: Any, w: Any, *rest: Any) -> tuple[Type, ...]:
        matrices(self, a)
        return (array_type(a.shape[:-2], self.function.outputs[0].type.dtype),)  # type: ignore[union-attr]

    def evaluate(self, a: Any, w: Any, *rest: Any) -> Any:
        scalars = rest[self.vectors :]
        return np.sum(pointwise(self.function, w[..., self.start : self.stop], *[np.asarray(s)[..., None] for s in scalars]), axis=-1)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        a, w, *rest = primals
        total = None
        if tangents[0] is not None:
            v, scalars = rest[0] if self.vectors else Eigh()(a)[1], rest[self.vectors :]
            dtype = np.result_type(array_type_of(a).dtype, array_type_of(outs).dtype)
            rate = Spectral(partial_of(self.function, 0), 0, self.start, self.stop)(cast(a, dtype), w, cast(v, dtype), *scalars)
            axes = (array_type_of(a).ndim - 2, array_type_of(a).ndim - 1)
            total = ROLES["sum"](mul(t(rate), cast(hermitian(tangents[0]), dtype)), axes)
            total = total if is_complex(outs) else real_of(total)
        for i, ds in enumerate(tangents[2 + self.vectors :], 1):
            if ds is not None:
                rate = SpectralSum(partial_of(self.function, i), self.start, self.stop, self.vectors)(*primals)
                total = add_any(total, mul(rate, cast(ds, array_type_of(rate).dtype)))
        return total

    def exact(self, m: Any, a: Any, w: Any, *rest: Any) -> Any:
        scalars = rest[self.vectors :]
        one = lambda w, *scalars: np.sum(_values(m, self.function, w, scalars, self.start, self.stop))
        return each(one, (object,), w, *scalars, core=(1, *[0] * len(scalars)))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for x in (np.diag([1.0, 1.0, 2.0]), np.array([[[2.0, 0.1j], [-0.1j, 1.0]]])):
            s = np.full(x.shape[:-2], 0.7)[()]
            w, v = np.linalg.eigh(x)
            yield Sample(cls(_sample_function("d"), 0, x.shape[-1], False), x, w, s, smooth=False)
            yield Sample(cls(_sample_function("d"), 0, x.shape[-1], True), x, w, v, s, smooth=False)


def _for_each_element(s: Any, shape: tuple[int, ...]) -> Any:
    """s, one number a matrix, in all its elements."""
    return broadcast(s, shape, tuple(range(len(shape) - 2)))


def _values(m: Any, function: Function, w: Any, scalars: Any, start: int, stop: int) -> Any:
    """h of some eigenvalues of one matrix."""
    out = np.empty(stop - start, object)
    for i, x in enumerate(w[start:stop]):
        out[i] = m.run(function, [x, *scalars])[0]
    return out


def _sample_function(code: str) -> Function:
    w, s = Var(scalar_type(code)), Var(scalar_type(code))
    builder = Builder()
    with building(builder):
        return builder.build((w, s), [exp(w * s) * sqrt(w)], "h")


# -- the function of one eigenvalue --------------------------------------------------------------


def pointwise(function: Function, *arguments: Any) -> Any:
    """A Function of 0-d numbers, made of elementwise operations, on arrays that broadcast."""
    shape = np.broadcast_shapes(*[np.shape(x) for x in arguments])
    env: dict[Any, Any] = {v: np.broadcast_to(x, shape) for v, x in zip(function.inputs, arguments, strict=True)}
    with np.errstate(all="ignore"):
        for e in function.equations:
            operands = [a.value if isinstance(a, Literal) else env[a] for a in e.operands]
            env[e.outs[0]] = e.operation.evaluate(*operands)  # type: ignore[attr-defined]
    out = function.outputs[0]
    return np.broadcast_to(out.value if isinstance(out, Literal) else env[out], shape)


def is_pointwise(function: Function) -> bool:
    """Whether `pointwise` can run it."""
    return all(e.operation.elementwise and len(e.outs) == 1 for e in function.equations)  # type: ignore[attr-defined]


def partial_of(function: Function, index: int) -> Function:
    """The partial derivative of a Function of numbers by one of them, as a Function of the same numbers."""

    def make() -> Function:
        inputs = [Var(x.type) for x in function.inputs]
        active = tuple([i == index for i in range(len(inputs))])
        pushed, (depends,) = jvp(function, active)
        builder = Builder()
        with building(builder):
            type = function.outputs[0].type
            out = inline(pushed, [*inputs, splat(1, inputs[index].type)])[1] if depends else zero_literal(type)  # type: ignore[arg-type]
            return builder.build(inputs, [out], f"d_{function.name}")

    return memoized(function, ("partial_of", index), make)  # type: ignore[no-any-return]


# -- divided differences ---------------------------------------------------------------------------


def divided_differences(function: Function, order: int, w: Any, scalars: Sequence[Any], start: int, stop: int) -> Any:
    """h[w_i0, …, w_ik] for all indices, where h counts for eigenvalues start … stop - 1 and is 0 for the others.

    w is ascending. Two ways to each: the quotient (h[.., hi] - h[lo, ..]) / (w_hi - w_lo), whose rounding error is tracked,
    and the integral of the k-th derivative over a simplex (Genocchi-Hermite) by Gauss' rule of two sizes, whose difference
    is its error. The better one is taken: no threshold on the distance of eigenvalues needs to know the scale of h.
    """
    lead, n = w.shape[:-1], w.shape[-1]
    w = w.reshape(-1, n)
    lanes = [np.broadcast_to(np.asarray(s).reshape(-1, 1), (len(w), 1)) for s in scalars]
    eps = float(np.finfo(w.dtype).eps)
    derivatives = [function]
    for _ in range(order):
        derivatives.append(partial_of(derivatives[-1], 0))
    inside = np.zeros(n, bool)
    inside[start:stop] = True
    with np.errstate(all="ignore"):
        table = np.where(inside, pointwise(function, w, *lanes), 0)
        slope = np.where(inside, pointwise(derivatives[min(1, order)], w, *lanes), 0)
        error = np.nan_to_num(2 * eps * (np.abs(table) + np.abs(w * slope)), nan=0.0)
        floor = 4 * eps * np.sum(np.abs(w), axis=-1, keepdims=True)
        for m in range(1, order + 1):
            index = np.array(list(combinations_with_replacement(range(n), m + 1)), dtype=np.intp).reshape(-1, m + 1).T
            low, high = (slice(None), *index[:-1]), (slice(None), *index[1:])
            gap = w[:, index[-1]] - w[:, index[0]]
            value = (table[high] - table[low]) / gap
            doubt = (error[high] + error[low] + eps * (np.abs(table[high]) + np.abs(table[low]))) / gap
            doubt[~(doubt >= 0)] = np.inf
            count = inside[index].sum(axis=0)
            value[:, count == 0], doubt[:, count == 0] = 0, 0
            value[(count > 0) & (count <= m) & (gap <= floor)] = np.nan  # start or stop cuts an eigenspace
            rows, columns = np.nonzero(~(doubt <= 64 * eps * np.abs(value)) & (count == m + 1))
            if rows.size:
                points = w[rows[:, None], index[:, columns].T]
                better, its = _integral(derivatives[m], points, [s[rows] for s in lanes])
                use = its <= doubt[rows, columns]
                value[rows[use], columns[use]], doubt[rows[use], columns[use]] = better[use], its[use]
            table = np.empty((len(w), *(n,) * (m + 1)), value.dtype)
            error = np.empty(table.shape, doubt.dtype)
            for order_of in permutations(range(m + 1)):
                table[(slice(None), *index[list(order_of)])] = value
                error[(slice(None), *index[list(order_of)])] = doubt
    return table.reshape(*lead, *table.shape[1:])


def _integral(function: Function, points: Any, scalars: Sequence[Any]) -> tuple[Any, Any]:
    """The mean value of a k-th derivative that is its divided difference at k + 1 points a row, and its error."""
    count, k = len(points), points.shape[1] - 1
    out = pointwise(function, points[:, 0], *[s[:, 0] for s in scalars]) / factorial(k)
    doubt = np.zeros(count, points.dtype)
    spread = np.flatnonzero(points[:, 0] != points[:, -1])
    out, fine = np.array(out), 8 if k < 3 else 5
    step = max(1, 2**20 // fine**k)
    for i in range(0, spread.size, step):
        rows = spread[i : i + step]
        values = []
        for nodes in (fine, fine - 2):
            barycentric, weights = _simplex(k, nodes)
            x = points[rows] @ barycentric.astype(points.dtype)
            values.append(pointwise(function, x, *[s[rows] for s in scalars]) @ weights.astype(points.dtype))
        out[rows] = values[0]
        doubt[rows] = np.abs(values[0] - values[1]) + 4 * np.finfo(points.dtype).eps * np.abs(values[0])
    return out, doubt


@lru_cache(maxsize=16)
def _simplex(k: int, nodes: int) -> tuple[Any, Any]:
    """Gauss' product rule on the k-simplex, collapsed from the cube (Stroud 1971): barycentric coordinates [k + 1, node], weights."""
    x, c = np.polynomial.legendre.leggauss(nodes)
    x, c = (x + 1) / 2, c / 2
    u = np.stack(np.meshgrid(*[x] * k, indexing="ij")).reshape(k, -1)
    weights = np.prod(np.stack(np.meshgrid(*[c] * k, indexing="ij")).reshape(k, -1), axis=0)
    corner = np.cumprod(u, axis=0)  # 1 >= t_1 >= … >= t_k >= 0
    for m in range(1, k):
        weights = weights * u[k - 1 - m] ** m
    return np.diff(-np.concatenate([np.ones((1, u.shape[1])), corner, np.zeros((1, u.shape[1]))]), axis=0), weights
