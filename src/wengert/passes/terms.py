"""Terms: einsums not yet carried out, of which the eigenvectors of a matrix are factors, and how they go through operations.

Knows the operations that move, multiply and sum elements. Start at `Term`; the rules are below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.ir.values import Atom, Equation, scalar_type, splat
from wengert.primitives.arith import Conj, Div, Mul, Neg
from wengert.primitives.index import Slice
from wengert.primitives.linalg.contraction import Dot
from wengert.primitives.linalg.diagonal import Diagonal, DiagonalEmbed
from wengert.primitives.linalg.inverse import Inv
from wengert.primitives.linalg.svd import Svd
from wengert.primitives.math import IntegerPow, Square
from wengert.primitives.reduce import Sum
from wengert.primitives.shape import Broadcast, Cast, Reshape, Transpose


class Unmatched(Exception):
    """Raised where a value is not followed further."""


class Axis:
    """An index of a term. `of` is the decomposition whose eigenvalues start … stop - 1 it numbers; `lead` which stacked axis it is."""

    __slots__ = ("lead", "of", "size", "start")

    def __init__(self, size: int, of: Equation | None = None, start: int = 0, lead: int | None = None) -> None:
        self.size, self.of, self.start, self.lead = size, of, start, lead

    def copy(self) -> Axis:
        return Axis(self.size, self.of, self.start, self.lead)


class Factor(NamedTuple):
    """An array in a term. `kind`: "v" (eigenvectors), "u" and "vh" (singular ones), "w" (an elementwise function of eigenvalues), "x"."""

    atom: Atom
    axes: tuple[Axis | None, ...]  # None: it has length 1
    kind: str = "x"
    power: int = 1
    conjugate: bool = False


class Term(NamedTuple):
    """Σ of the product of the factors over all axes that are not axes of the result; a None there repeats the rest."""

    factors: tuple[Factor, ...]
    axes: tuple[Axis | None, ...]

    def renamed(self, new: Callable[[Axis], Axis]) -> Term:
        def rename(axes: Sequence[Axis | None]) -> tuple[Axis | None, ...]:
            return tuple([a and new(a) for a in axes])

        return Term(tuple([f._replace(axes=rename(f.axes)) for f in self.factors]), rename(self.axes))

    def fresh(self) -> Term:
        copies: dict[Axis, Axis] = {}
        return self.renamed(lambda a: copies.setdefault(a, a.copy()))

    @property
    def is_spectrum(self) -> bool:
        return len(self.factors) == 1 and self.factors[0].kind == "w" and self.factors[0].power == 1 and not self.factors[0].conjugate


def numbering(term: Term) -> list[Axis]:
    """Its axes that number eigenvalues."""
    return list(dict.fromkeys([a for f in term.factors for a in f.axes if a is not None and a.of is not None]))


def decomposition(made: Equation) -> dict[Any, Term]:
    """The terms of the results of an eigenvalue or singular value decomposition."""
    operation, outs = made.operation, made.outs
    shape = made.operands[0].type.shape  # type: ignore[union-attr]
    if min(shape[-2:]) < 2:
        return {}
    lead = tuple([Axis(n, lead=i) if n != 1 else None for i, n in enumerate(shape[:-2])])

    def term(v: Any, *axes: Axis, kind: str) -> dict[Any, Term]:
        return {v: Term((Factor(v, (*lead, *axes), kind),), (*lead, *axes))}

    if isinstance(operation, Svd):
        u, _, vh = outs
        m, n = u.type.shape[-1], vh.type.shape[-2]  # type: ignore[union-attr]
        if min(m, n, *shape[-2:]) < 2:
            return {}
        return term(u, Axis(shape[-2]), Axis(m, made), kind="u") | term(vh, Axis(n, made), Axis(shape[-1]), kind="vh")
    found = term(outs[0], Axis(shape[-1], made), kind="w")
    return found if len(outs) == 1 else found | term(outs[1], Axis(shape[-1]), Axis(shape[-1], made), kind="v")


# -- how terms go through operations: (operation, type of the result, terms of the operands) -> term of the result ---------


def merge(x: Axis | None, y: Axis | None, sub: dict[Axis, Axis]) -> Axis | None:
    """One axis for two that run together; what becomes of the other is noted in `sub`."""
    if x is None or y is None or x is y:
        return y if x is None else x
    x, y = sub.get(x, x), sub.get(y, y)
    if x.size != y.size or (x.of is not None and y.of is not None and (x.of is not y.of or x.start != y.start)):
        raise Unmatched
    if x.lead is not None and y.lead is not None and x.lead != y.lead:
        raise Unmatched
    kept, gone = (x, y) if x.of is not None or (y.of is None and x.lead is not None) else (y, x)
    if kept is not gone:
        if kept.of is not None and gone.lead is not None:
            raise Unmatched
        for a, b in list(sub.items()):
            if b is gone:
                sub[a] = kept
        sub[gone] = kept
    return kept


def joined(factors: Iterable[Factor], axes: Sequence[Axis | None], pairs: Iterable[tuple[Axis | None, Axis | None]]) -> Term:
    """The term of all these factors, where the pairs of axes are the same."""
    sub: dict[Axis, Axis] = {}
    for x, y in pairs:
        merge(x, y, sub)
    return Term(tuple(factors), tuple(axes)).renamed(lambda a: sub.get(a, a))


def _mul(operation: Any, type: Any, x: Term, y: Term) -> Term:
    axes = [b if a is None else a for a, b in zip(x.axes, y.axes, strict=True)]
    return joined(x.factors + y.factors, axes, zip(x.axes, y.axes, strict=True))


def _div(operation: Any, type: Any, x: Term, y: Term) -> Term:
    if any([f.kind not in ("w", "x") or not set(f.axes) <= {*y.axes, None} for f in y.factors]):
        raise Unmatched
    return _mul(operation, type, x, Term(tuple([f._replace(power=-f.power) for f in y.factors]), y.axes))


def _square(operation: Any, type: Any, x: Term) -> Term:
    return _mul(operation, type, x, x.fresh())


def _integer_pow(operation: Any, type: Any, x: Term) -> Term:
    if operation.n != 2:
        raise Unmatched
    return _square(operation, type, x)


def _neg(operation: Any, type: Any, x: Term) -> Term:
    return Term((*x.factors, Factor(splat(-1, scalar_type(type.dtype)), ())), x.axes)


def _conj(operation: Any, type: Any, x: Term) -> Term:
    return Term(tuple([f._replace(conjugate=not f.conjugate) for f in x.factors]), x.axes)


def _cast(operation: Any, type: Any, x: Term) -> Term:
    if type.dtype.kind not in "fc" or any([np.result_type(f.atom.type.dtype, type.dtype) != type.dtype for f in x.factors]):  # type: ignore[union-attr]
        raise Unmatched
    return x


def _transpose(operation: Any, type: Any, x: Term) -> Term:
    return Term(x.factors, tuple([x.axes[i] for i in operation.perm]))


def _reshape(operation: Any, type: Any, x: Term) -> Term:
    """New axes of length 1, or fewer of them."""
    shape = tuple([1 if a is None else a.size for a in x.axes])
    if len(x.axes) and _repeats(x, operation) or [n for n in shape if n != 1] != [n for n in type.shape if n != 1]:
        raise Unmatched
    kept = iter([a for a, n in zip(x.axes, shape, strict=True) if n != 1])
    return Term(x.factors, tuple([None if n == 1 else next(kept) for n in type.shape]))


def _repeats(x: Term, operation: Any) -> bool:
    """Whether the term repeats along an axis longer than 1, which its shape does not tell."""
    sizes = int(np.prod([a.size for a in x.axes if a is not None], dtype=np.int64))
    return sizes != int(np.prod(operation.shape, dtype=np.int64))


def _broadcast(operation: Any, type: Any, x: Term) -> Term:
    axes: list[Axis | None] = [None] * len(type.shape)
    for a, place in zip(x.axes, operation.axes, strict=True):
        axes[place] = None if a is not None and a.size != type.shape[place] else a
    return Term(x.factors, tuple(axes))


def _embed(operation: Any, type: Any, x: Term) -> Term:
    if operation.offset or operation.rows != operation.columns or x.axes[-1] is None:
        raise Unmatched
    axes = list(x.axes[:-1])
    for place in sorted((operation.axis1, operation.axis2)):
        axes.insert(place, x.axes[-1])
    return Term(x.factors, tuple(axes))


def _diagonal(operation: Any, type: Any, x: Term) -> Term:
    i, j = operation.axis1, operation.axis2
    if operation.offset or x.axes[i] is None or x.axes[j] is None:
        raise Unmatched
    rest = [a for k, a in enumerate(x.axes) if k not in (i, j)]
    return joined(x.factors, [*rest, x.axes[i]], [(x.axes[i], x.axes[j])])


def _slice(operation: Any, type: Any, x: Term) -> Term:
    """Some consecutive eigenvalues or columns of vectors."""
    if any([step != 1 for step in operation.steps]):
        raise Unmatched
    sub: dict[Axis, Axis] = {}
    for axis, start, n in zip(x.axes, operation.starts, type.shape, strict=True):
        if axis is None or n != axis.size:
            if axis is None or axis.of is None or x.axes.count(axis) > 1 or any([f.kind == "x" and axis in f.axes for f in x.factors]):
                raise Unmatched
            sub[axis] = Axis(n, axis.of, axis.start + start)
    return x.renamed(lambda a: sub.get(a, a))


def _sum(operation: Any, type: Any, x: Term) -> Term:
    if any([x.axes[i] is None for i in operation.axes]):
        raise Unmatched
    kept = [a for i, a in enumerate(x.axes) if i not in operation.axes]
    if any([x.axes[i] in kept for i in operation.axes]):
        raise Unmatched
    return Term(x.factors, tuple(kept))


def _dot(operation: Any, type: Any, x: Term, y: Term) -> Term:
    (cx, cy), (bx, by) = operation.contract, operation.batch_axes
    fx, fy = operation.free(len(x.axes), len(y.axes))
    summed = [(x.axes[i], y.axes[j]) for i, j in zip(cx, cy, strict=True)]
    along = [(x.axes[i], y.axes[j]) for i, j in zip(bx, by, strict=True)]
    if any([a is None and b is None for a, b in summed]):
        raise Unmatched
    axes = [b if a is None else a for a, b in along] + [x.axes[i] for i in fx] + [y.axes[j] for j in fy]
    return joined(x.factors + y.factors, axes, summed + along)


def _inv(operation: Any, type: Any, x: Term) -> Term:
    """V⁻¹ = Vᴴ."""
    f = x.factors[0]
    if len(x.factors) != 1 or f.kind != "v" or x.axes != f.axes or f.axes[-1].size != f.axes[-2].size:  # type: ignore[union-attr]
        raise Unmatched
    return Term((f._replace(conjugate=not f.conjugate),), (*x.axes[:-2], x.axes[-1], x.axes[-2]))


RULES: dict[type, Callable[..., Term]] = {
    Mul: _mul,
    Div: _div,
    Square: _square,
    IntegerPow: _integer_pow,
    Neg: _neg,
    Conj: _conj,
    Cast: _cast,
    Transpose: _transpose,
    Reshape: _reshape,
    Broadcast: _broadcast,
    DiagonalEmbed: _embed,
    Diagonal: _diagonal,
    Slice: _slice,
    Sum: _sum,
    Dot: _dot,
    Inv: _inv,
}
