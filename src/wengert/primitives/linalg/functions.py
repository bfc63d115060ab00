"""Functions of matrices, exp A and its like, with their Fréchet derivatives.

Knows NumPy and, once called, SciPy. Start at `MatrixFunction`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Sample, add_any, no, zeros
from wengert.errors import ArgumentError, ShapeError, four_parts
from wengert.ir.types import Type
from wengert.primitives.linalg.algebra import Stacked, block, each, matrices, part, t
from wengert.primitives.shape import array_type_of

KINDS = ("expm", "logm", "sqrtm", "cosm", "sinm", "coshm", "sinhm")


class MatrixFunction(Stacked):
    """f(A) for a primary matrix function f: expm, logm, sqrtm, cosm, sinm, coshm, sinhm; principal branches.

    Its derivative is Fréchet's, L(A, dA): see `Frechet`. The dtype is that of A, so a real matrix whose
    logarithm or root is complex raises LinAlgError.
    """

    kind: str
    transpose = no("functions of matrices are not linear")

    def type(self, a: Any) -> tuple[Type, ...]:
        return (matrices(self, a),)

    def evaluate(self, a: Any) -> Any:
        return each(lambda a: _apply(self.kind, a), (a.dtype,), a)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return None if tangents[0] is None else Frechet(self.kind)(primals[0], tangents[0])

    def exact(self, m: Any, a: Any) -> Any:
        return each(lambda a: m.matrix_function(self.kind, a), (object,), a)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for kind in KINDS:
            yield Sample(cls(kind), _positive(3, 19), complex_step=False)
        yield Sample(cls("expm"), _positive(2, 20) * (1 + 0.5j))
        yield Sample(cls("sqrtm"), _positive(2, 20) * (1 + 0.5j))
        yield Sample(cls("expm"), np.stack([_positive(2, 21), _positive(2, 22)]))
        yield Sample(cls("expm"), _positive(2, 23).astype("f"))


class Frechet(Stacked):
    """L(A, E), the derivative of f at A in direction E; linear in E.

    f([[A, E], [0, A]]) = [[f(A), L(A, E)], [0, f(A)]] (Mathias 1996; Higham, Functions of Matrices, theorem 3.6); for
    expm by scaling and squaring of both at once (Al-Mohy & Higham 2009), for sqrtm by X L + L X = E.
    The derivative by A in direction K is the corner of L([[A, E], [0, A]], [[K, 0], [0, K]]), so every order
    exists. The transpose, without conjugation, is L(Aᵀ, ·).
    """

    kind: str

    def type(self, a: Any, e: Any) -> tuple[Type, ...]:
        matrices(self, a)
        if e is not a:
            raise ShapeError(four_parts(f"{self!r} needs a direction like the matrix", f"{a!r}, {e!r}"))
        return (a,)

    def evaluate(self, a: Any, e: Any) -> Any:
        return each(lambda a, e: _frechet(self.kind, a, e), (a.dtype,), a, e)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        (a, e), (da, de) = primals, tangents
        total = None if de is None else self(a, de)
        if da is None:
            return total
        n = array_type_of(a).shape[-1]
        zero = zeros(array_type_of(a))
        corner = self(block([[a, e], [zero, a]]), block([[da, zero], [zero, da]]))
        return add_any(total, part(corner, (0, n), (n, 2 * n)))

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return None, self(t(operands[0]), ct)

    def exact(self, m: Any, a: Any, e: Any) -> Any:
        n = a.shape[-1]
        return each(lambda a, e: m.matrix_function(self.kind, np.block([[a, e], [0 * a, a]]))[:n, n:], (object,), a, e)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        r = np.random.default_rng(24).standard_normal
        for kind in KINDS:
            yield Sample(cls(kind), _positive(2, 25), r((2, 2)), complex_step=False)
        yield Sample(cls("expm"), _positive(2, 25) + 0.2j, r((2, 2)) - 1j)
        yield Sample(cls("expm"), np.stack([_positive(2, 26), _positive(2, 27)]), r((2, 2, 2)))


def _positive(n: int, seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((n, n)) * 0.3 + np.diag(np.arange(1.0, n + 1))


def _scipy(kind: str) -> Callable[[Any], Any]:
    import scipy.linalg

    return getattr(scipy.linalg, kind)  # type: ignore[no-any-return]


def _apply(kind: str, a: Any) -> Any:
    if not a.size:
        return a
    wide = a.astype(np.result_type(a.dtype, np.float64), copy=False)
    out = _scipy(kind)(wide)
    if wide.dtype.kind != "c" and np.iscomplexobj(out):
        if np.any(np.abs(out.imag) > 1e3 * np.finfo(np.float64).eps * max(np.abs(out).max(), 1.0)):
            raise np.linalg.LinAlgError(
                four_parts(
                    f"{kind} of this real matrix is complex",
                    why="The dtype of a result is known before its values are, and follows the operand's.",
                    instead=f"{kind}(a.astype(complex))",
                )
            )
        out = out.real
    return out.astype(a.dtype, copy=False)


def _frechet(kind: str, a: Any, e: Any) -> Any:
    if not a.size:
        return a
    if kind == "expm":
        from scipy.linalg import expm_frechet

        wide = np.result_type(a.dtype, np.float64)
        return expm_frechet(a.astype(wide, copy=False), e.astype(wide, copy=False), compute_expm=False, check_finite=False)
    if kind == "sqrtm":
        from scipy.linalg import solve_sylvester

        root = _apply(kind, a)
        w = np.linalg.eigvals(root)
        if np.abs(w[:, None] + w).min() <= np.finfo(w.dtype).eps * len(w) * np.abs(w).max():
            return np.full_like(e, np.nan)  # singular: the root has no derivative there
        return solve_sylvester(root, root, e)
    n = a.shape[-1]
    return _apply(kind, np.block([[a, e], [np.zeros_like(a), a]]))[:n, n:]


def matrix_function(kind: str, a: Any) -> Any:
    """`MatrixFunction(kind)` of a."""
    if kind not in KINDS:
        raise ArgumentError(four_parts(f"no matrix function {kind!r}", "known are: " + ", ".join(KINDS)))
    return MatrixFunction(kind)(a)


def expm(a: Any) -> Any:
    """The matrix exponential."""
    return MatrixFunction("expm")(a)


def logm(a: Any) -> Any:
    """The principal logarithm of a matrix."""
    return MatrixFunction("logm")(a)


def sqrtm(a: Any) -> Any:
    """The principal square root of a matrix."""
    return MatrixFunction("sqrtm")(a)
