"""Products of arrays: dot, matmul, einsum, tensordot, kron, cross, diagonals and traces.

The primitives of `linalg` are loaded when first used. Start at `matmul`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.errors import ShapeError, four_parts
from wengert.numpy import promote
from wengert.numpy.arguments import array, axis_of, given, in_dtype, refuse_keyword
from wengert.numpy.table import implements, refuse_out
from wengert.source import here


def _pair(a: Any, b: Any, out: Any = None, function: Any = None) -> list[Any]:
    if out is not None:
        refuse_out(function)
    return promote.promoted(array(a), array(b))


def _contracted(x: Any, y: Any, contract: Any, batch: Any = ((), ())) -> Any:
    """The strict contraction, with NumPy's complaint where lengths differ."""
    from wengert.primitives.linalg.contraction import dot as strict

    for i, j in zip(*contract, strict=True):
        if x.shape[i] != y.shape[j]:
            raise ShapeError(
                four_parts(f"shapes {x.shape} and {y.shape} not aligned: {x.shape[i]} (dim {i}) != {y.shape[j]} (dim {j})", where=here())
            )
    if x.dtype.kind == "b":  # a product of truths is whether any pair is true
        return strict(x.astype(np.intp), y.astype(np.intp), contract, batch) != 0
    return strict(x, y, contract, batch)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = _pair(a, b, out, np.dot)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return _contracted(x, y, ((x.ndim - 1,), (max(y.ndim - 2, 0),)))


@implements(np.matmul, np.linalg.matmul)
def matmul(x1: Any, x2: Any, /, out: Any = None, *, axes: Any = None, axis: Any = None, keepdims: bool = False, **keywords: Any) -> Any:
    from wengert.primitives.linalg.contraction import matmul_strict

    x, y = _pair(x1, x2, None if out in (None, (None,)) else out, np.matmul)
    if axes is not None or axis is not None:
        return refuse_keyword("matmul", "axes", "np.moveaxis before it")
    if given(keywords.get("dtype")):
        x, y = in_dtype(x, keywords["dtype"]), in_dtype(y, keywords["dtype"])
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(four_parts("matmul: an operand has no axes", f"shapes {x.shape} and {y.shape}", instead="use a * b", where=here()))
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ShapeError(four_parts(f"matmul: shapes {x.shape} and {y.shape} not aligned", where=here()))
    if x.dtype.kind == "b":
        return matmul_strict(x.astype(np.intp), y.astype(np.intp)) != 0
    return matmul_strict(x, y)


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """Sum of conj(a) * b over all elements."""
    x, y = _pair(a, b)
    x = np.ravel(x)
    return dot(np.conj(x) if x.dtype.kind == "c" else x, np.ravel(y))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    x, y = _pair(a, b)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    return _contracted(x, y, ((x.ndim - 1,), (y.ndim - 1,)))


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    x, y = _pair(a, b, out, np.outer)
    return _contracted(np.ravel(x), np.ravel(y), ((), ()))


@implements(np.linalg.outer)
def outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    if array(x1).ndim != 1 or array(x2).ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {array(x1).ndim} and {array(x2).ndim}")
    return outer(x1, x2)


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = _pair(a, b)
    if np.ndim(axes) == 0 and not isinstance(axes, (list, tuple)):
        n = int(axes)
        of_x, of_y = tuple(range(x.ndim - n, x.ndim)), tuple(range(n))
    else:
        of_x, of_y = [tuple(a) if isinstance(a, (list, tuple, np.ndarray)) else (a,) for a in axes]
    if len(of_x) != len(of_y):
        raise ShapeError(four_parts("shape-mismatch for sum", f"axes {of_x} and {of_y}", where=here()))
    return _contracted(x, y, (normalize_axis_tuple(of_x, x.ndim), normalize_axis_tuple(of_y, y.ndim)))


def _last(x: Any, conjugate: bool = False) -> Any:
    return np.conj(x) if conjugate and x.dtype.kind == "c" else x


@implements(np.vecdot)
def vecdot(x1: Any, x2: Any, /, out: Any = None, *, axis: Any = -1, **keywords: Any) -> Any:
    """Sum of conj(x1) * x2 along an axis, over stacks of vectors."""
    x, y = _pair(x1, x2, out, np.vecdot)
    x, y = (v if axis == -1 else np.moveaxis(v, axis, -1) for v in (x, y))
    return matmul(_last(x, True)[..., None, :], y[..., :, None])[..., 0, 0]


@implements(np.linalg.vecdot)
def vecdot_of_linalg(x1: Any, x2: Any, /, *, axis: Any = -1) -> Any:
    return vecdot(x1, x2, axis=axis)


@implements(np.matvec)
def matvec(x1: Any, x2: Any, /, out: Any = None, **keywords: Any) -> Any:
    x, y = _pair(x1, x2, out, np.matvec)
    return matmul(x, y[..., :, None])[..., 0]


@implements(np.vecmat)
def vecmat(x1: Any, x2: Any, /, out: Any = None, **keywords: Any) -> Any:
    """conj(x1) @ x2 over stacks."""
    x, y = _pair(x1, x2, out, np.vecmat)
    return matmul(_last(x, True)[..., None, :], y)[..., 0, :]


@implements(np.einsum)
def einsum(*operands: Any, out: Any = None, dtype: Any = None, order: str = "K", casting: str = "safe", optimize: Any = True) -> Any:
    """As pairwise contractions in an order found from the shapes."""
    from wengert.primitives.linalg.contraction import einsum_strict

    if out is not None:
        refuse_out(np.einsum)
    subscripts, xs = _subscripts(operands)
    xs = [in_dtype(x, dtype) for x in promote.promoted(*[array(x) for x in xs])]
    if isinstance(optimize, (list, tuple)) and optimize and optimize[0] == "einsum_path":
        optimize = list(optimize[1:])
    return einsum_strict(subscripts, *xs, optimize=True if optimize is False and len(xs) > 2 else optimize)


def _subscripts(operands: Sequence[Any]) -> tuple[str, list[Any]]:
    """The form einsum(x, [0, 1], y, [1, 2], [0, 2]) written as a string."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def spelled(labels: Any) -> str:
        return "".join(["..." if i is Ellipsis else letters[i] for i in labels])

    items = list(operands)
    output = items.pop() if len(items) % 2 else None
    xs, terms = items[0::2], [spelled(labels) for labels in items[1::2]]
    return ",".join(terms) + ("" if output is None else "->" + spelled(output)), xs


@implements(np.einsum_path)
def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    subscripts, xs = _subscripts(operands)
    return np.einsum_path(subscripts, *[np.empty(array(x).shape) for x in xs], optimize=optimize)


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    x, y = _pair(a, b)
    n = max(x.ndim, y.ndim)
    x, y = np.reshape(x, (1,) * (n - x.ndim) + x.shape), np.reshape(y, (1,) * (n - y.ndim) + y.shape)
    shape = tuple([p * q for p, q in zip(x.shape, y.shape, strict=True)])
    product = np.reshape(x, _interleaved(x.shape, False)) * np.reshape(y, _interleaved(y.shape, True))
    return np.reshape(product, shape)


def _interleaved(shape: tuple[int, ...], before: bool) -> tuple[int, ...]:
    """Each axis with one of length 1 before or after it."""
    out: list[int] = []
    for n in shape:
        out += [1, n] if before else [n, 1]
    return tuple(out)


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """The vector product along axes of length 3 (of length 2: NumPy's convention for those)."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = _pair(a, b)
    x, y = np.moveaxis(x, axisa, -1), np.moveaxis(y, axisb, -1)
    if x.shape[-1] not in (2, 3) or y.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")

    def component(v: Any, i: int) -> Any:
        return v[..., i]

    flat = x.shape[-1] == 2 and y.shape[-1] == 2
    third = component(x, 0) * component(y, 1) - component(x, 1) * component(y, 0)
    if flat:
        return third
    x2 = component(x, 2) if x.shape[-1] == 3 else None
    y2 = component(y, 2) if y.shape[-1] == 3 else None
    zero = np.zeros((), x.dtype)
    first = component(x, 1) * (zero if y2 is None else y2) - (zero if x2 is None else x2) * component(y, 1)
    second = (zero if x2 is None else x2) * component(y, 0) - component(x, 0) * (zero if y2 is None else y2)
    return np.moveaxis(np.stack(np.broadcast_arrays(first, second, third), axis=-1), -1, axisc)


@implements(np.linalg.cross)
def cross_of_linalg(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    if array(x1).shape[axis] != 3 or array(x2).shape[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return cross(x1, x2, axis=axis)


# -- diagonals ------------------------------------------------------------------------------


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    from wengert.primitives.linalg.diagonal import Diagonal

    x = array(a)
    if x.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    return Diagonal(int(offset), i, j)(x)


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    if out is not None:
        refuse_out(np.trace)
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.linalg.diagonal)
def diagonal_of_linalg(x: Any, /, *, offset: int = 0) -> Any:
    return diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def trace_of_linalg(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return trace(x, offset, -2, -1, dtype)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """The product of a chain of matrices, in the order that costs least."""
    if out is not None:
        refuse_out(np.linalg.multi_dot)
    xs = [array(a) for a in arrays]
    if len(xs) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = xs[0].ndim == 1, xs[-1].ndim == 1
    if first:
        xs[0] = xs[0][None, :]
    if last:
        xs[-1] = xs[-1][:, None]
    sizes = [x.shape[0] for x in xs] + [xs[-1].shape[1]]
    best, cut = _chain(sizes)

    def product(i: int, j: int) -> Any:
        return xs[i] if i == j else matmul(product(i, cut[i][j]), product(cut[i][j] + 1, j))

    y = product(0, len(xs) - 1)
    assert math.isfinite(best[0][-1])
    return np.reshape(y, tuple([n for n, drop in zip(y.shape, (first, last), strict=True) if not drop]))


def _chain(sizes: list[int]) -> tuple[list[list[float]], list[list[int]]]:
    """Costs and best cuts of a matrix chain (Cormen et al., Introduction to Algorithms, 15.2)."""
    n = len(sizes) - 1
    cost, cut = [[0.0] * n for _ in range(n)], [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i][j] = min(options)
            cut[i][j] = i + options.index(cost[i][j])
    return cost, cut
