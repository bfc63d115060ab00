"""Products Σ_e V_ie h(w_e) conj(V_je) of eigenvectors become `Spectral`, sums Σ h(w) `SpectralSum`, U Vᴴ of an SVD `Polar`.

The vectors of a repeated eigenvalue have no derivative; these functions of the matrix have one. Every value computed
from eigenvectors by products, transpositions, slices of columns and the like is followed as a `Term`, an einsum not yet
carried out, however it was written: (V * h) @ V.T, V @ diag(h) @ V.T, V @ (h * (V.T @ x)), sum((V.T @ x)**2 * h), einsum.
Once the index of the eigenvalues is summed over, and all that has this index is two V and elementwise functions of
w, they are replaced. What is not of this form stays as it is. Start at `rewrite`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import NoRuleError
from wengert.ir.builder import Builder, building
from wengert.ir.values import Atom, Equation, Function, Literal, Var, scalar_type, splat
from wengert.passes.terms import RULES, Axis, Factor, Term, Unmatched, decomposition, merge, numbering
from wengert.primitives.arith import conj, mul, reciprocal
from wengert.primitives.index import Slice
from wengert.primitives.linalg.algebra import h as adjoint
from wengert.primitives.linalg.algebra import part
from wengert.primitives.linalg.contraction import einsum_strict
from wengert.primitives.linalg.eigen import Eigenvectors, Eigh, Eigvalsh
from wengert.primitives.linalg.spectral import Spectral, SpectralSum, is_pointwise, partial_of
from wengert.primitives.linalg.svd import Polar, SingularVectors, Svd
from wengert.primitives.shape import Broadcast, broadcast, cast, permute, reshape

_LONGEST = 12  # factors of a term that is still followed
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def rewrite(function: Function) -> Function:
    """The Function with such products replaced; itself if it has none."""
    search = Search()
    with building(search.builder):
        for equation in function.equations:
            search.visit(equation)
    if not search.replaced:
        return function
    return search.builder.build(function.inputs, [search.replaced.get(a, a) for a in function.outputs], function.name)


class Search:
    """A walk over a Function that writes it anew."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.terms: dict[Any, Term] = {}
        self.made: dict[Any, Equation] = {}  # variable -> the equation it comes from
        self.place: dict[Any, int] = {}  # and which in order it is
        self.replaced: dict[Any, Any] = {}

    def visit(self, equation: Equation) -> None:
        operands = tuple([self.replaced.get(a, a) for a in equation.operands])
        if operands != equation.operands:
            equation = Equation(equation.operation, operands, equation.outs, equation.span)
        self.builder.span = equation.span
        self.builder.append(equation)
        for out in equation.outs:
            self.made[out], self.place[out] = equation, len(self.place)
        if isinstance(equation.operation, (Eigh, Eigvalsh, Svd)):
            self.terms.update(decomposition(equation))
        elif len(equation.outs) == 1 and any([a in self.terms for a in operands]):
            (out,) = equation.outs
            try:
                term = self.complete(self.follow(equation))
                if numbering(term):
                    vectors = self.vectors(term, out.type) if isinstance(equation.operation, Slice) else None
                    if vectors is not None:
                        self.replaced[out] = out = vectors
                    self.terms[out] = term
                else:
                    self.replaced[out] = self.emit(term, out.type)
            except Unmatched:
                return

    # -- following -----------------------------------------------------------------------------

    def term(self, a: Atom) -> Term:
        """The term of an operand, with axes of its own."""
        found = self.terms.get(a)
        if found is not None:
            return found.fresh()
        shape = a.type.shape  # type: ignore[union-attr]
        if isinstance(a, Literal) and a.is_splat:
            return Term((Factor(splat(a.value, scalar_type(a.type.dtype)), ()),), (None,) * len(shape))
        source, places = self.source(a)
        axes = [Axis(n) if n != 1 else None for n in source.type.shape]  # type: ignore[union-attr]
        out: list[Axis | None] = [None] * len(shape)
        for axis, place in zip(axes, places, strict=True):
            out[place] = axis
        return Term((Factor(source, tuple(axes)),), tuple(out))

    def source(self, a: Atom) -> tuple[Atom, Sequence[int]]:
        """What `a` repeats, and which of its axes are those of that."""
        made = self.made.get(a)
        if made is not None and isinstance(made.operation, Broadcast):
            return made.operands[0], made.operation.axes
        return a, range(a.type.ndim)  # type: ignore[union-attr]

    def follow(self, equation: Equation) -> Term:
        operation, operands, (out,) = equation.operation, equation.operands, equation.outs
        if operation.elementwise:  # type: ignore[attr-defined]
            tracked = [self.terms[a] for a in operands if a in self.terms]
            if all(t.is_spectrum for t in tracked):
                try:
                    return self.spectrum(equation)
                except Unmatched:
                    pass
        rule = RULES.get(type(operation))
        if rule is None:
            raise Unmatched
        term = rule(operation, out.type, *[self.term(a) for a in operands])
        if len(term.factors) > _LONGEST:
            raise Unmatched
        return term

    def spectrum(self, equation: Equation) -> Term:
        """An elementwise function of eigenvalues, and of numbers that all eigenvalues of a matrix share."""
        axes: list[Axis | None] = [None] * equation.outs[0].type.ndim  # type: ignore[union-attr]
        for a in equation.operands:
            if a in self.terms:
                axes = [merge(x, y, {}) for x, y in zip(axes, self.terms[a].axes, strict=True)]
        for a in equation.operands:
            if a not in self.terms:
                self.shared(a, axes)
        roles = [("number", None) if a.of is not None else ("lead", a.lead) for a in axes if a is not None]
        if roles.count(("number", None)) != 1 or len(set(roles)) != len(roles):
            raise Unmatched
        return Term((Factor(equation.outs[0], tuple(axes), "w"),), tuple(axes))

    def shared(self, a: Atom, axes: Sequence[Axis | None]) -> tuple[Atom, list[int]]:
        """A number that all eigenvalues of a matrix share: its source, and which stacked axes that has."""
        if isinstance(a, Literal) and a.is_splat:
            return a, []
        source, places = self.source(a)
        leads = []
        for n, place in zip(source.type.shape, places, strict=True):  # type: ignore[union-attr]
            if n != 1:
                axis = axes[place]
                if axis is None or axis.lead is None:
                    raise Unmatched
                leads.append(axis.lead)
        if isinstance(source, Literal) or source.type.dtype.kind == "c" or leads != sorted(leads):  # type: ignore[union-attr]
            raise Unmatched
        return source, leads

    def vectors(self, term: Term, type: Any) -> Any:
        """Some of the vectors of a decomposition, by an operation that knows that no others are used; None if it is not that."""
        (f, *more) = term.factors
        kept = [a for a in term.axes if a is not None]
        if more or f.kind not in ("v", "u", "vh") or sorted(map(id, kept)) != sorted([id(a) for a in f.axes if a is not None]):
            return None
        index: Any = f.axes[-2 if f.kind == "vh" else -1]
        made = index.of
        start, stop = index.start, index.start + index.size
        if f.kind == "v":
            x = Eigenvectors(start, stop)(made.operands[0], *made.outs)
        else:
            a, (u, s, vh) = made.operands[0], made.outs
            k = s.type.shape[-1]
            if stop > k:
                return None
            u, vh = part(u, (0, u.type.shape[-2]), (0, k)), part(vh, (0, k), (0, vh.type.shape[-1]))
            x = SingularVectors(f.kind == "u", start, stop)(a, u, s, vh)
            x = adjoint(x) if f.kind == "vh" else x
        x = conj(x) if f.conjugate and x.type.dtype.kind == "c" else x
        x = reshape(x, tuple([a.size for a in f.axes if a is not None]))
        x = permute(x, tuple([[a for a in f.axes if a is not None].index(a) for a in kept]))
        return cast(reshape(x, type.shape), type.dtype)

    # -- completing ------------------------------------------------------------------------------

    def complete(self, term: Term) -> Term:
        """The term with the sums over eigenvalues that it contains replaced."""
        single: dict[Any, Axis] = {}  # a sum over one eigenvalue is that eigenvalue, wherever it stands
        joint = {a: single.setdefault((a.of, a.start), a) for a in numbering(term) if a.size == 1 and a not in term.axes}
        term = term.renamed(lambda a: joint.get(a, a))
        for index in numbering(term):
            if index in term.axes:
                continue
            having = [f for f in term.factors if index in f.axes]
            rest = [f for f in term.factors if index not in f.axes]
            vectors = [f for f in having if f.kind in ("v", "u", "vh")]
            weights = [f for f in having if f.kind == "w"]
            if len(vectors) + len(weights) != len(having):
                raise Unmatched
            if index.size == 1 and len(vectors) == 1:
                continue  # its other vector may come yet
            if not vectors:
                new = self.sum(index, weights)
            elif isinstance(index.of.operation, Svd):  # type: ignore[union-attr]
                new = self.polar(index, vectors, weights)
            else:
                new = self.product(index, vectors, weights)
            term = Term((*rest, new), term.axes)
        return term

    def product(self, index: Axis, vectors: Sequence[Factor], weights: Sequence[Factor]) -> Factor:
        """V diag(h(w)) Vᴴ."""
        made: Any = index.of
        a, (w, v) = made.operands[0], made.outs
        if len(vectors) != 2:
            raise Unmatched
        x, y = vectors
        if v.type.dtype.kind == "c":
            if x.conjugate == y.conjugate:
                raise Unmatched
            if x.conjugate:
                x, y = y, x
        lead, row, column = x.axes[:-2], x.axes[-2], y.axes[-2]
        if y.axes[:-2] != lead or x.axes[-1] is not index or y.axes[-1] is not index or index in (row, column):
            raise Unmatched
        function, scalars = self.function_of(index, weights, lead)
        dtype = np.result_type(v.type.dtype, function.outputs[0].type.dtype)  # type: ignore[union-attr]
        matrix = Spectral(function, 0, index.start, index.start + index.size)(cast(a, dtype), w, cast(v, dtype), *scalars)
        return Factor(matrix, x.axes[:-1] + (column,))

    def sum(self, index: Axis, weights: Sequence[Factor]) -> Factor:
        """Σ h(w)."""
        made: Any = index.of
        lead: list[Axis | None] = [None] * (made.outs[0].type.ndim - 1)
        for axis in [a for f in weights for a in f.axes]:
            if axis is not None and axis.lead is not None:
                if lead[axis.lead] not in (None, axis):
                    raise Unmatched
                lead[axis.lead] = axis
        if any([a is None and n != 1 for a, n in zip(lead, made.outs[0].type.shape, strict=False)]):
            raise Unmatched
        function, scalars = self.function_of(index, weights, tuple(lead))
        operation = SpectralSum(function, index.start, index.start + index.size, len(made.outs) == 2)
        return Factor(operation(made.operands[0], *made.outs, *scalars), tuple(lead))

    def polar(self, index: Axis, vectors: Sequence[Factor], weights: Sequence[Factor]) -> Factor:
        """U Vᴴ of all singular values."""
        made: Any = index.of
        a, k = made.operands[0], made.outs[1].type.shape[-1]
        if len(vectors) != 2 or weights or index.size != k or index.start:
            raise Unmatched
        x, y = sorted(vectors, key=lambda f: f.kind)
        if (x.kind, y.kind) != ("u", "vh") or x.conjugate != y.conjugate or x.axes[:-2] != y.axes[:-2]:
            raise Unmatched
        if x.axes[-1] is not index or y.axes[-2] is not index or index in (x.axes[-2], y.axes[-1]):
            raise Unmatched
        m, n = a.type.shape[-2:]
        unitary = Polar()(a)[0] if m >= n else adjoint(Polar()(adjoint(a))[0])
        return Factor(unitary, (*x.axes[:-1], y.axes[-1]), conjugate=x.conjugate)

    def function_of(self, index: Axis, weights: Sequence[Factor], lead: tuple[Axis | None, ...]) -> tuple[Function, list[Any]]:
        """The product of the weights as a Function of one eigenvalue and of numbers, and those numbers, one a matrix."""
        made: Any = index.of
        w = made.outs[0]
        dtype = w.type.dtype
        for f in weights:
            if any([a is not None and a is not index and (a.lead is None or lead[a.lead] is not a) for a in f.axes]):
                raise Unmatched
        builder, inputs, scalars = Builder(), [Var(scalar_type(dtype))], []
        env: dict[Any, Any] = {w: inputs[0]}
        known: dict[Any, Any] = {}

        def number(a: Atom, axes: Sequence[Axis | None]) -> Any:
            if a in self.terms:
                return env[self.terms[a].factors[0].atom]
            source, leads = self.shared(a, axes)
            if isinstance(source, Literal):
                return splat(source.value, scalar_type(source.type.dtype))
            if (source, tuple(leads)) not in known:
                shape = tuple([w.type.shape[i] for i in leads])
                scalars.append(broadcast(reshape(source, shape), w.type.shape[:-1], leads))
                inputs.append(Var(scalar_type(source.type.dtype)))  # type: ignore[union-attr]
                known[source, tuple(leads)] = inputs[-1]
            return known[source, tuple(leads)]

        for atom in self.needed([f.atom for f in weights], w):
            equation = self.made[atom]
            axes = self.terms[atom].axes
            operands = tuple([number(a, axes) for a in equation.operands])
            env[atom] = builder.emit(equation.operation, operands)
        with building(builder):
            product: Any = None
            for f in weights:
                x = conj(env[f.atom]) if f.conjugate and f.atom.type.dtype.kind == "c" else env[f.atom]  # type: ignore[union-attr]
                x = reciprocal(x) if f.power < 0 else x
                product = x if product is None else mul(*same_dtype([product, x]))
            function = builder.build(inputs, [splat(1, scalar_type(dtype)) if product is None else product], "h")
        try:
            first = partial_of(function, 0)
            every = [function, first, partial_of(first, 0)]
            every += [partial_of(function, i) for i, x in enumerate(inputs) if i and x.type.inexact]
        except NoRuleError as error:
            raise Unmatched from error
        if not all(is_pointwise(f) for f in every) or not function.outputs[0].type.inexact:
            raise Unmatched
        return function, scalars

    def needed(self, atoms: Sequence[Atom], w: Any) -> list[Any]:
        """The variables that these are computed from elementwise, after w, in the order of their equations."""
        seen: set[Any] = {w}
        stack = list(atoms)
        while stack:
            a = stack.pop()
            if a not in seen:
                seen.add(a)
                stack += [self.terms[x].factors[0].atom for x in self.made[a].operands if x in self.terms]
        seen.remove(w)
        return sorted(seen, key=self.place.__getitem__)

    def emit(self, term: Term, type: Any) -> Any:
        """The value of a term none of whose axes numbers eigenvalues."""
        axes = [a for a in term.axes if a is not None]
        letter: dict[Axis, str] = {}
        arrays, subscripts = [], []
        for f in term.factors:
            x = reshape(f.atom, tuple([a.size for a in f.axes if a is not None]))
            x = conj(x) if f.conjugate and x.type.dtype.kind == "c" else x
            arrays.append(reciprocal(x) if f.power < 0 else x)
            subscripts.append("".join([letter.setdefault(a, _LETTERS[len(letter) % 52]) for a in f.axes if a is not None]))
        if len(set(axes)) != len(axes) or not set(axes) <= set(letter) or len(letter) > len(_LETTERS):
            raise Unmatched
        result = "".join([letter[a] for a in axes])
        arrays = same_dtype([cast(x, np.result_type(x.type.dtype, type.dtype)) for x in arrays])
        if len(arrays) == 1 and sorted(subscripts[0]) == sorted(result):
            value = permute(arrays[0], tuple([subscripts[0].index(i) for i in result]))
        else:
            value = einsum_strict(",".join(subscripts) + "->" + result, *arrays)
        places = tuple([i for i, a in enumerate(term.axes) if a is not None])
        value = cast(broadcast(value, type.shape, places) if places or type.shape else value, type.dtype)
        assert value.type is type, f"{value.type!r} in place of {type!r}"
        return value


def same_dtype(xs: Sequence[Any]) -> list[Any]:
    dtype = np.result_type(*[x.type.dtype for x in xs])
    return [cast(x, dtype) for x in xs]
