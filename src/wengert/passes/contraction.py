"""Contractions: transposes absorbed into the axes of `Dot`, outer products as elementwise ones, sums of products as `Dot`, their order.

Knows `Dot` and the moves around it. Start at `absorb`; the order of a chain, `FAST_RULES`, changes how results are rounded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from wengert.passes.rewriter import Rewriter
from wengert.primitives.arith import mul
from wengert.primitives.linalg.contraction import Dot, dot
from wengert.primitives.shape import Transpose, broadcast, permute

Operands = tuple[Any, ...]
Labels = tuple[int, ...]


def absorb(rewriter: Rewriter, operation: Dot, operands: Operands) -> Any:
    """Dot of a transpose: Dot along other axes, where the axes that are left stay in order."""
    for i, a in enumerate(operands):
        made = rewriter.source(a, Transpose)
        if made is None:
            continue
        perm: Labels = made.operation.perm
        free = operation.free(operands[0].type.ndim, operands[1].type.ndim)[i]
        moved = [perm[k] for k in free]
        if moved != sorted(moved):
            continue
        contract, batch = list(operation.contract), list(operation.batch_axes)
        contract[i], batch[i] = tuple([perm[k] for k in contract[i]]), tuple([perm[k] for k in batch[i]])
        x, y = [made.operands[0] if k == i else b for k, b in enumerate(operands)]
        return dot(x, y, (contract[0], contract[1]), (batch[0], batch[1]))
    return None


def as_elementwise(rewriter: Rewriter, operation: Dot, operands: Operands) -> Any:
    """A Dot that contracts nothing is a product of repetitions, which fuses with what follows."""
    if operation.contract[0]:
        return None
    x, y = operands
    (bx, by), (fx, fy) = operation.batch_axes, operation.free(x.type.ndim, y.type.ndim)
    out: Any = operation.type(x.type, y.type)[0]
    lead = tuple(range(len(bx)))
    x = broadcast(permute(x, bx + fx), out.shape, tuple(range(len(bx) + len(fx))))
    y = broadcast(permute(y, by + fy), out.shape, (*lead, *range(len(bx) + len(fx), out.ndim)))
    return mul(x, y)


def swapped(rewriter: Rewriter, x: Any, perm: Labels) -> Any:
    """Transpose of x, a Dot that nothing else uses: the Dot of its operands the other way round."""
    made = rewriter.made[x]
    operation: Any = made.operation
    if not rewriter.single(x):
        return None
    a, b = made.operands
    fa, fb = operation.free(a.type.ndim, b.type.ndim)
    lead = len(operation.batch_axes[0])
    turned = (*range(lead), *range(lead + len(fa), lead + len(fa) + len(fb)), *range(lead, lead + len(fa)))
    if perm != turned:
        return None
    return dot(b, a, operation.contract[::-1], operation.batch_axes[::-1])


def as_product(rewriter: Rewriter, operation: Any, made: Any) -> Any:
    """sum(x * y) where both are repeated along an axis that the other has: a matrix product, if it is worth one."""
    (x, x_axes), (y, y_axes) = [(e.operands[0], e.operation.axes) for e in map(rewriter.made.__getitem__, made.operands)]
    shape, summed = made.outs[0].type.shape, operation.axes
    both = [a for a in x_axes if a in y_axes]
    contract = [a for a in both if a in summed]
    batch = [a for a in both if a not in summed]
    free_x, free_y = [a for a in x_axes if a not in both], [a for a in y_axes if a not in both]
    if set(contract) != set(summed) or min(prod([shape[a] for a in axes]) for axes in (contract, free_x, free_y)) < 2:
        return None
    if len(batch) + len(free_x) + len(free_y) + len(contract) != len(shape):
        return None  # an axis along which neither varies
    contracts, batches = (_places(contract, x_axes), _places(contract, y_axes)), (_places(batch, x_axes), _places(batch, y_axes))
    value = dot(x, y, contracts, batches)
    return permute(value, _places([a for a in range(len(shape)) if a not in summed], [*batch, *free_x, *free_y]))


def _places(axes: Sequence[int], among: Sequence[int]) -> Labels:
    return tuple([among.index(a) for a in axes])


# -- the order of a chain ------------------------------------------------------------------------------


def reordered(rewriter: Rewriter, operation: Dot, operands: Operands) -> Any:
    """(A B) c = A (B c), or (A c) B, where that needs less work and nothing else needs A B."""
    if operation.batch_axes[0]:
        return None
    for i, a in enumerate(operands):
        made = rewriter.source(a, Dot)
        if made is None or made.operation.batch_axes[0] or not rewriter.single(a):
            continue
        value = _cheapest(operation, operands, i, made)
        if value is not None:
            return value
    return None


def _cheapest(outer: Any, operands: Operands, i: int, made: Any) -> Any:
    """Three factors a, b, c with labels for their axes; a b is `operands[i]`, c the other."""
    inner: Any = made.operation
    a, b = made.operands
    c = operands[1 - i]
    fresh = iter(range(a.type.ndim + b.type.ndim + c.type.ndim))
    of_a = [next(fresh) for _ in range(a.type.ndim)]
    of_b = [of_a[inner.contract[0][inner.contract[1].index(k)]] if k in inner.contract[1] else next(fresh) for k in range(b.type.ndim)]
    fa, fb = inner.free(a.type.ndim, b.type.ndim)
    of_ab = [*[of_a[k] for k in fa], *[of_b[k] for k in fb]]
    mine, other = outer.contract[i], outer.contract[1 - i]
    of_c = [of_ab[mine[other.index(k)]] if k in other else next(fresh) for k in range(c.type.ndim)]
    rest = [label for label in of_ab if label not in of_c], [label for label in of_c if label not in of_ab]
    wanted = [*rest[i], *rest[1 - i]]
    size = {label: n for labels, x in ((of_a, a), (of_b, b), (of_c, c)) for label, n in zip(labels, x.type.shape, strict=True)}

    def work(x: list[int], y: list[int]) -> int:
        return prod([size[label] for label in {*x, *y}])

    def pair(x: list[int], y: list[int]) -> list[int]:
        return [label for label in [*x, *y] if not (label in x and label in y)]

    now = work(of_a, of_b) + work(of_ab, of_c)
    right = work(of_b, of_c) + work(of_a, pair(of_b, of_c))
    left = work(of_a, of_c) + work(pair(of_a, of_c), of_b)
    if min(left, right) >= now:
        return None
    p, q, last = ((b, of_b), (c, of_c), (a, of_a)) if right <= left else ((a, of_a), (c, of_c), (b, of_b))
    first = _contracted(p, q)
    value, labels = _contracted(first, last)
    return permute(value, tuple([labels.index(label) for label in wanted]))


def _contracted(one: tuple[Any, list[int]], other: tuple[Any, list[int]]) -> tuple[Any, list[int]]:
    (x, of_x), (y, of_y) = one, other
    both = [label for label in of_x if label in of_y]
    value = dot(x, y, (tuple([of_x.index(k) for k in both]), tuple([of_y.index(k) for k in both])))
    return value, [label for label in [*of_x, *of_y] if label not in both]


RULES: Sequence[Callable[..., Any]] = (as_elementwise, absorb)  # of Dot
FAST_RULES: Sequence[Callable[..., Any]] = (reordered,)
