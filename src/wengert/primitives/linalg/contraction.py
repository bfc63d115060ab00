"""Products of arrays: the general contraction `Dot`, and matmul and einsum decomposed into it.

Knows NumPy, and opt_einsum for the order of an einsum's steps. Start at `Dot`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from wengert.contract import Multilinear, Sample, Track, as_evaluated
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, array_type
from wengert.ir.values import ROLES
from wengert.loops.nest import Affine
from wengert.primitives.linalg import blas
from wengert.primitives.linalg.diagonal import Diagonal
from wengert.primitives.shape import array_type_of, inverse, move_axis, permute, reshape

Axes = tuple[int, ...]


class Dot(Multilinear):
    """sum over pairs of `contract` axes of x * y, for each index of the pairs of `batch` axes.

    The result has the batch axes, then the other axes of x, then those of y.
    Nothing is conjugated.
    """

    contract: tuple[Axes, Axes]
    batch_axes: tuple[Axes, Axes]
    exact = as_evaluated

    def type(self, x: Any, y: Any) -> tuple[Type, ...]:
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        fits = len(cx) == len(cy) and len(bx) == len(by) and len({*cx, *bx}) == len(cx + bx) and len({*cy, *by}) == len(cy + by)
        fits = fits and all(0 <= a < x.ndim for a in cx + bx) and all(0 <= a < y.ndim for a in cy + by)
        if not fits or x.dtype != y.dtype or any(x.shape[i] != y.shape[j] for i, j in zip(cx + bx, cy + by, strict=True)):
            raise ShapeError(
                four_parts(f"cannot contract axes {cx} of {x!r} with axes {cy} of {y!r}", f"over batch axes {bx} and {by}" if bx else "")
            )
        fx, fy = self.free(x.ndim, y.ndim)
        shape = [x.shape[i] for i in bx + fx] + [y.shape[j] for j in fy]
        return (array_type(tuple(shape), x.dtype),)

    def free(self, x_ndim: int, y_ndim: int) -> tuple[Axes, Axes]:
        """The axes of either operand that are neither contracted nor batched."""
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        return tuple([i for i in range(x_ndim) if i not in cx and i not in bx]), tuple(
            [j for j in range(y_ndim) if j not in cy and j not in by]
        )

    def evaluate(self, x: Any, y: Any) -> Any:
        return _kernel(self, np.ndim(x), np.ndim(y))(x, y)

    def element_of(self, *types: Any) -> bool:
        """Whether each element is so few products that it is rather computed where it is read: outer products, small matrices."""
        x, y = types
        rows, columns = (int(np.prod([t.shape[a] for a in free])) for t, free in zip(types, self.free(x.ndim, y.ndim), strict=True))
        depth = int(np.prod([x.shape[a] for a in self.contract[0]]))
        if not self.contract[0] or depth == 1:
            return True
        return depth <= (4 if rows * columns > 1 else 8) and min(rows, columns) <= 4

    def follows(self, *types: Any) -> bool:
        return not self.contract[0]

    def element(self, k: Any, read: Any, index: Any, x: Any, y: Any) -> Any:
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        fx, fy = self.free(x.ndim, y.ndim)
        total = None
        for inner in np.ndindex(*[x.shape[a] for a in cx]):
            summed = [Affine(i) for i in inner]
            at_x = dict(zip((*bx, *fx, *cx), (*index[: len(bx) + len(fx)], *summed), strict=True))
            at_y = dict(zip((*by, *fy, *cy), (*index[: len(bx)], *index[len(bx) + len(fx) :], *summed), strict=True))
            term = k.op("mul", read[0](*[at_x[a] for a in range(x.ndim)]), read[1](*[at_y[a] for a in range(y.ndim)]))
            total = term if total is None else k.op("add", total, term)
        return k.const(0, k.kind(x)) if total is None else total

    def nest(self, k: Any, operands: Any, outs: Any) -> Any:
        x, y = (k.memory(p, contiguous=False) for p in operands)
        axes = (self.batch_axes, *self.free(len(x.shape), len(y.shape)), self.contract)
        return blas.contraction(k, x, y, lambda: outs[0], outs.types[0].shape, axes)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        x, y = operands
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        fx, fy = self.free(x.type.ndim, y.type.ndim)
        nb, nx, ny = len(bx), len(fx), len(fy)
        out_b, out_x, out_y = tuple(range(nb)), tuple(range(nb, nb + nx)), tuple(range(nb + nx, nb + nx + ny))
        if linear[0]:
            # axes: batch, free of x, contracted in y's order
            dx = Dot((out_y, fy), (out_b, by))(ct, y)
            held = bx + fx + tuple([cx[cy.index(j)] for j in sorted(cy)])
            return permute(dx, inverse(held)), None
        # axes: batch, contracted in x's order, free of y
        dy = Dot((fx, out_x), (bx, out_b))(x, ct)
        held = by + tuple([cy[cx.index(i)] for i in sorted(cx)]) + fy
        return None, permute(dy, inverse(held))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        x, y = operands
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        if batched[0]:
            cx, bx = _shift(cx), _shift(bx)
        if batched[1]:
            cy, by = _shift(cy), _shift(by)
        if all(batched):
            return Dot((cx, cy), ((0, *bx), (0, *by)))(x, y)
        if batched[0]:
            return move_axis(Dot((cx, cy), (bx, by))(x, y), len(bx), 0)
        fx, fy = Dot((cx, cy), (bx, by)).free(x.type.ndim, y.type.ndim)
        if not bx and len(fy) == 1:  # the lane axis is all that y has: let it come first
            return Dot((cy, cx), (by, bx))(y, x)
        return move_axis(Dot((cx, cy), (bx, by))(x, y), len(bx) + len(fx), 0)

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        (cx, cy), (bx, by) = self.contract, self.batch_axes
        fx, fy = self.free(*[a.type.ndim for a in operands])
        pairs = [*zip(bx, by, strict=True), *[(a, None) for a in fx], *[(None, a) for a in fy]]
        yield from [Track(pair, i) for i, pair in enumerate(pairs)]
        yield from [Track(pair, None) for pair in zip(cx, cy, strict=True)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        rng = np.random.default_rng(1)
        r = rng.standard_normal
        none: tuple[Axes, Axes] = ((), ())
        yield Sample(cls(((0,), (0,)), none), r(3), r(3))
        yield Sample(cls(((1,), (0,)), none), r((2, 3)), r(3))
        yield Sample(cls(((0,), (0,)), none), r(3), r((3, 2)))
        yield Sample(cls(((1,), (0,)), none), r((2, 3)), r((3, 4)))
        yield Sample(cls(((0,), (1,)), none), r((3, 2)), r((4, 3)))
        yield Sample(cls(none, none), r(2), r((3, 2)))
        yield Sample(cls(none, none), np.float64(2.0), r(3))
        yield Sample(cls(((2, 0), (0, 1)), none), r((2, 3, 4)), r((4, 2, 5)))
        yield Sample(cls(((2,), (1,)), ((0,), (0,))), r((2, 3, 4)), r((2, 4, 5)))
        yield Sample(cls(((1,), (0,)), ((2, 0), (1, 3))), r((2, 3, 4)), r((3, 4, 5, 2)))
        yield Sample(cls(((1,), (1,)), ((0,), (0,))), r((2, 3)), r((2, 3)))
        yield Sample(cls(((1,), (0,)), none), r((2, 0)), r((0, 2)))
        yield Sample(cls(((1,), (0,)), none), r((2, 3)) + 1j * r((2, 3)), r((3, 2)) - 1j * r((3, 2)))
        yield Sample(cls(((1,), (0,)), none), r((2, 3)).astype("f"), r((3, 2)).astype("f"))


def dot(x: Any, y: Any, contract: tuple[Axes, Axes], batch: tuple[Axes, Axes] = ((), ())) -> Any:
    """`Dot` of x and y along these axes."""
    return Dot((tuple(contract[0]), tuple(contract[1])), (tuple(batch[0]), tuple(batch[1])))(x, y)


def _shift(axes: Axes) -> Axes:
    return tuple([a + 1 for a in axes])


# -- evaluation: the NumPy call for each layout -------------------------------------------


@lru_cache(maxsize=4096)
def _kernel(operation: Dot, x_ndim: int, y_ndim: int) -> Callable[[Any, Any], Any]:
    """The cheapest call for operands of these ranks: BLAS through np.dot or np.matmul wherever it applies."""
    (cx, cy), (bx, by) = operation.contract, operation.batch_axes
    if not cx and not bx:
        return np.multiply.outer if x_ndim and y_ndim else np.multiply
    if not bx and len(cx) == 1 and max(x_ndim, y_ndim) <= 2:
        return _small(cx[0] == x_ndim - 1, cy[0] == 0, y_ndim)
    if not bx:
        return partial(np.tensordot, axes=(cx, cy))
    fx, fy = operation.free(x_ndim, y_ndim)
    x_perm, y_perm = bx + fx + cx, by + cy + fy
    nb = len(bx)
    if len(cx) == 1 and len(fx) == 1 and len(fy) == 1:  # a stack of matrix products
        return lambda x, y: np.matmul(np.transpose(x, x_perm), np.transpose(y, y_perm))

    def stacked(x: Any, y: Any) -> Any:
        x, y = np.transpose(x, x_perm), np.transpose(y, y_perm)
        lead, rows, columns = x.shape[:nb], x.shape[nb : nb + len(fx)], y.shape[nb + len(cy) :]
        if not cx:
            x = x.reshape(lead + rows + (1,) * len(columns))
            return np.multiply(x, y.reshape(lead + (1,) * len(rows) + columns))
        k = int(np.prod(x.shape[nb + len(fx) :]))
        x = x.reshape((*lead, int(np.prod(rows)), k))
        return np.matmul(x, y.reshape((*lead, k, int(np.prod(columns))))).reshape(lead + rows + columns)

    return stacked


def _small(x_last: bool, y_first: bool, y_ndim: int) -> Callable[[Any, Any], Any]:
    """Vectors and matrices, one contracted axis, by np.dot on transposed views."""
    if x_last:
        return np.dot if y_first else lambda x, y: np.dot(x, y.T)
    if y_first:
        return (lambda x, y: np.dot(y, x)) if y_ndim == 1 else lambda x, y: np.dot(x.T, y)
    return lambda x, y: np.dot(x.T, y.T)


# -- matmul and einsum ---------------------------------------------------------------------

_VECTORS = Dot(((0,), (0,)), ((), ()))
_MATRICES = Dot(((1,), (0,)), ((), ()))


def matmul_strict(x: Any, y: Any) -> Any:
    """x @ y as np.matmul, for operands of one dtype; leading axes may repeat, none is copied."""
    m, n = array_type_of(x).ndim, array_type_of(y).ndim
    if m == 0 or n == 0:
        raise ShapeError(four_parts("matmul needs operands with at least one axis", f"{array_type_of(x)!r} @ {array_type_of(y)!r}"))
    if m <= 2 and n <= 2:
        return _VECTORS(x, y) if m == 1 else _MATRICES(x, y)
    # Labels: -1 the contracted axis, -2 and -3 rows and columns, 0, 1, … leading axes from the right.
    lead = tuple(range(max(m, n) - 3, -1, -1))
    rows, columns = () if m == 1 else (-2,), () if n == 1 else (-3,)
    x_labels = (*lead[len(lead) - max(m - 2, 0) :], *rows, -1)
    y_labels = (*lead[len(lead) - max(n - 2, 0) :], -1, *columns)
    return _contract([x, y], [x_labels, y_labels], (*lead, *rows, *columns), [(0, 1)])


def einsum_strict(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    """np.einsum(subscripts, *operands) for operands of one dtype, as a sequence of pairwise products.

    Ellipses, implicit output, repeated indices in one operand (a diagonal) and axes of length 1
    that repeat work as in NumPy. `optimize` is NumPy's or opt_einsum's: True, False, a method's name, or a path
    as np.einsum_path gives; an order is found from shapes alone.
    """
    from opt_einsum import contract_path
    from opt_einsum.parser import parse_einsum_input

    shapes = [array_type_of(x).shape for x in operands]
    try:
        inputs, output, _ = parse_einsum_input((subscripts, *shapes), shapes=True)
        labels = [tuple(term) for term in inputs.split(",")]
        _sizes(shapes, labels)
    except ValueError as error:
        raise ShapeError(four_parts(f"cannot read einsum {subscripts!r}", "shapes " + ", ".join(map(str, shapes)), str(error))) from None
    if isinstance(optimize, (list, tuple)) and optimize and optimize[0] == "einsum_path":
        path: list[Any] = list(optimize[1:])
    elif len(operands) <= 2 or optimize is False:
        path = [(0, 1)] * (len(operands) - 1)
    else:
        method = "auto" if optimize is True else optimize if isinstance(optimize, str) else optimize[0]
        path = list(contract_path(f"{inputs}->{output}", *shapes, shapes=True, optimize=method)[0])
    return _contract(list(operands), labels, tuple(output), path)


def _sizes(shapes: Sequence[Axes], labels: Sequence[tuple[Any, ...]]) -> dict[Any, int]:
    """Label -> length; lengths of 1 give way."""
    sizes: dict[Any, int] = {}
    for shape, term in zip(shapes, labels, strict=True):
        if len(shape) != len(term):
            raise ShapeError(four_parts(f"{len(term)} indices for an operand of shape {shape}", "".join(map(str, term))))
        for label, n in zip(term, shape, strict=True):
            if sizes.get(label, 1) != n and n != 1 and sizes.get(label, 1) != 1:
                raise ShapeError(
                    four_parts(f"axes of length {sizes[label]} and {n} cannot be multiplied", f"shapes {', '.join(map(str, shapes))}")
                )
            if sizes.get(label, 1) == 1:
                sizes[label] = n
    return sizes


def _contract(operands: list[Any], labels: Sequence[tuple[Any, ...]], output: tuple[Any, ...], path: Sequence[Sequence[int]]) -> Any:
    """The sum over all labels not in `output` of the product of the operands, two at a time along `path`."""
    terms = list(labels)
    _sizes([array_type_of(x).shape for x in operands], terms)

    def outside(*chosen: int) -> set[Any]:
        return set(output).union(*[term for i, term in enumerate(terms) if i not in chosen])

    for i, x in enumerate(operands):
        operands[i], terms[i] = _reduce(*_squeeze(*_diagonal(x, terms[i])), outside(i))
    for step in path:
        chosen = sorted(step)
        while len(chosen) > 1:
            j, i = chosen.pop(), chosen[-1]
            x, y, kept = operands[i], operands[j], outside(i, j)
            operands[i], terms[i] = _pair(x, terms[i], y, terms[j], kept)
            del operands[j], terms[j]
        last = operands.pop(chosen[0]), terms.pop(chosen[0])
        operands.append(last[0])
        terms.append(last[1])
    x, term = _reduce(operands[0], terms[0], set(output))
    missing = [label for label in output if label not in term]
    if missing:  # axes of length 1 in every operand
        x = reshape(x, (1,) * len(missing) + array_type_of(x).shape)
        term = (*missing, *term)
    return permute(x, tuple([term.index(label) for label in output]))


def _pair(x: Any, x_term: tuple[Any, ...], y: Any, y_term: tuple[Any, ...], kept: set[Any]) -> tuple[Any, tuple[Any, ...]]:
    x, x_term = _reduce(x, x_term, kept | set(y_term))
    y, y_term = _reduce(y, y_term, kept | set(x_term))
    both = [label for label in x_term if label in y_term]
    batch = [label for label in both if label in kept]
    summed = [label for label in both if label not in kept]
    axes = [tuple([term.index(label) for label in group]) for group in (summed, batch) for term in (x_term, y_term)]
    term = (*batch, *[a for a in x_term if a not in both], *[a for a in y_term if a not in both])
    return Dot((axes[0], axes[1]), (axes[2], axes[3]))(x, y), term


def _diagonal(x: Any, term: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Repeated labels taken together: x[i, i] along the diagonal."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            i = term.index(label)
            j = term.index(label, i + 1)
            x = Diagonal(0, i, j)(x)
            term = (*term[:i], *term[i + 1 : j], *term[j + 1 :], label)
    return x, term


def _squeeze(x: Any, term: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Without axes of length 1: they only repeat."""
    shape = array_type_of(x).shape
    keep = [i for i, n in enumerate(shape) if n != 1]
    return reshape(x, tuple([shape[i] for i in keep])), tuple([term[i] for i in keep])


def _reduce(x: Any, term: tuple[Any, ...], kept: set[Any]) -> tuple[Any, tuple[Any, ...]]:
    """Summed over the labels that nothing else needs."""
    axes = tuple([i for i, label in enumerate(term) if label not in kept])
    if not axes:
        return x, term
    return ROLES["sum"](x, axes), tuple([label for label in term if label in kept])
