"""Sums of products of strided arrays: by BLAS where matrices are large and lie as it wants them, else by loops.

Knows loop nests and BLAS's conventions (column-major, 32-bit integers, every argument by address); no other operation.
Start at `contraction`. An axis here is (length, stride in x, stride in y, stride in the result), 0 where an array lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.loops.nest import REAL, Address, Affine

Axis = tuple[int, int, int, int]
LETTER = {"f4": "s", "f8": "d", "c8": "c", "c16": "z"}  # what the names of BLAS's and LAPACK's functions begin with
LARGEST = 2**31 - 1
SMALL = 512
SMALL_VECTOR = 8192  # the same where a matrix multiplies a vector
CHUNK = 4096  # terms that are summed in one go: sums of chunks lose less than one long sum
PARALLEL = 10_000  # terms of an inner product that BLAS shares among threads
SHORT_ROW = 2048  # bytes of a row up to which own loops multiply it by a vector faster than gemv does
PANEL = 64  # bytes of neighbouring results whose sums are kept in registers together

_ONE = {kind: np.ones(1, kind) for kind in LETTER}
_ZERO = {kind: np.zeros(1, kind) for kind in LETTER}


def contraction(k: Any, x: Any, y: Any, out: Callable[[], Any], shape: tuple[int, ...], axes: Any) -> list[Any] | None:
    """Write the sum over `inner` axes of x * y to out(); axes are (batch, rows, columns, inner), their numbers in x and y.

    `x` and `y` are strided memory. A single number comes back as a scalar instead.
    """
    batch, rows, columns, inner = _strides(x, y, shape, axes)
    size = int(np.prod(shape, dtype=np.int64))
    if not size:
        out()
        return None
    if size == 1 and inner and min([n for n, *_ in inner]) > 0:
        return [k.in_registers([_inner_product(k, x, y, inner)], shape)]
    result = out()
    if any([n == 0 for n, *_ in inner]):
        k.fill(result.address(), None, size)
        return None
    m, n, depth = length(rows), length(columns), length(inner)
    if x.kind in LETTER and m * n * depth > (SMALL if min(m, n) > 1 else SMALL_VECTOR):
        if (_matrices if min(m, n) > 1 else _vectors)(k, x, y, result, batch, rows, columns, inner):
            return None
    if n == 1:  # the product commutes
        return _loops(k, y, x, result, *[[(n, sy, sx, so) for n, sx, sy, so in group] for group in (batch, columns, rows, inner)])
    return _loops(k, x, y, result, batch, rows, columns, inner)


def length(axes: Iterable[Sequence[int]]) -> int:
    out = 1
    for n, *_ in axes:
        out *= n
    return out


def _strides(x: Any, y: Any, shape: tuple[int, ...], axes: Any) -> list[list[Axis]]:
    """The four groups of axes, those of length 1 left out, neighbours that are one line made one."""
    (bx, by), fx, fy, (cx, cy) = axes
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= max(n, 1)
    out = steps[::-1]
    batch = [(x.shape[i], x.strides[i], y.strides[j], s) for i, j, s in zip(bx, by, out, strict=False)]
    rows = [(x.shape[i], x.strides[i], 0, s) for i, s in zip(fx, out[len(bx) :], strict=False)]
    columns = [(y.shape[j], 0, y.strides[j], s) for j, s in zip(fy, out[len(bx) + len(fx) :], strict=True)]
    inner = [(x.shape[i], x.strides[i], y.strides[j], 0) for i, j in zip(cx, cy, strict=True)]
    inner.sort(key=lambda a: (-abs(a[1]), -abs(a[2])))
    return [merged(group) for group in (batch, rows, columns, inner)]


def merged(axes: Iterable[Axis]) -> list[Axis]:
    """Axes of length 1 left out, and those that continue one another, in every array, made one."""
    out: list[Axis] = []
    for axis in axes:
        n = axis[0]
        if n == 1:
            continue
        if out and all([s == t * n for s, t in zip(out[-1][1:], axis[1:], strict=True)]):
            out[-1] = (out[-1][0] * n, *axis[1:])
        else:
            out.append(axis)
    return out


def each(k: Any, axes: Sequence[Axis], start: Sequence[Affine], body: Callable[[tuple[Affine, ...]], None]) -> None:
    """Run the body at every index of the axes, given where in each of the arrays that is; it writes to no place twice."""

    def level(depth: int, at: tuple[Affine, ...]) -> None:
        if depth == len(axes):
            body(at)
            return
        n, *strides = axes[depth]
        move = lambda i, _: level(depth + 1, tuple([a + i * s for a, s in zip(at, strides, strict=False)])) or ()
        k.loop(0, n, move, parallel=depth == 0 and k.frame.outermost)

    level(0, tuple(start))


# -- loops ----------------------------------------------------------------------------------------


def _loops(k: Any, x: Any, y: Any, result: Any, batch: list[Axis], rows: list[Axis], columns: list[Axis], inner: list[Axis]) -> None:
    """Own loops: along neighbouring results where they read neighbours too, else along the sum."""
    outer = [*batch, *rows, *columns]
    along = next((a for a in reversed(outer) if a[3] == 1 and {a[1], a[2]} <= {0, 1}), None)
    summing = inner and inner[-1][0] >= 8 and inner[-1][1:3] == (1, 1)
    starts = (x.offset, y.offset, result.offset)
    if along is None or summing or along[0] < 3:

        def one(at: tuple[Affine, ...]) -> None:
            k.store(result.buffer, at[2], _sum(k, x, y, at[:2], inner))

        each(k, outer, starts, one)
        return
    outer.remove(along)
    total, sx, sy, _ = along
    width = min(total, max(4, PANEL // np.dtype(x.kind).itemsize))

    def panel(at: tuple[Affine, ...], first: Affine, count: int) -> None:
        def terms(here: tuple[Affine, ...], sums: list[Any]) -> list[Any]:
            out = []
            for n, s in enumerate(sums):
                u, v = k.load(x.buffer, here[0] + (first + n) * sx), k.load(y.buffer, here[1] + (first + n) * sy)
                out.append(k.op("muladd", u, v, s) if x.kind[0] == "f" else k.op("add", s, k.op("mul", u, v)))
            return out

        sums = _summed(k, inner, at[:2], terms, [k.const(0, x.kind)] * count, "add")
        for n, s in enumerate(sums):
            k.store(result.buffer, at[2] + first + n, s)

    def line(at: tuple[Affine, ...]) -> None:
        whole, rest = divmod(total, width)
        if whole == 1:
            panel(at, Affine(0), width)
        else:
            k.loop(0, whole, lambda i, _: panel(at, i * width, width) or ())
        if rest:
            panel(at, Affine(whole * width), rest)

    each(k, outer, starts, line)


def _inner_product(k: Any, x: Any, y: Any, inner: list[Axis]) -> Any:
    n, sx, sy, _ = inner[0]
    if x.kind[0] == "f" and len(inner) == 1 and PARALLEL < n <= LARGEST and min(sx, sy) > 0 and max(sx, sy) <= LARGEST:
        k.work += 2.0 * n * k.weight
        size, one, two = (("ref", k.const(c, "i4")) for c in (n, sx, sy))
        return k.call(f"blas.{LETTER[x.kind]}dot", [size, x.address(), one, y.address(), two], x.kind)
    return _sum(k, x, y, (x.offset, y.offset), inner)


def _sum(k: Any, x: Any, y: Any, at: tuple[Affine, ...], inner: list[Axis]) -> Any:
    def term(here: tuple[Affine, ...], sums: list[Any]) -> list[Any]:
        return [k.op("accumulate", sums[0], k.op("mul", k.load(x.buffer, here[0]), k.load(y.buffer, here[1])))]

    return _summed(k, inner, at, term, [k.const(0, x.kind)], "accumulate")[0]


def _summed(k: Any, inner: list[Axis], start: tuple[Affine, ...], terms: Any, zeros: list[Any], op: str) -> list[Any]:
    """Sums along the inner axes, carried in registers, the innermost in chunks."""

    def level(depth: int, at: tuple[Affine, ...], sums: list[Any]) -> list[Any]:
        if depth == len(inner):
            return terms(at, sums)  # type: ignore[no-any-return]
        n, sx, sy, _ = inner[depth]
        run = lambda i, carried: level(depth + 1, (at[0] + i * sx, at[1] + i * sy), carried)
        if depth < len(inner) - 1 or n <= CHUNK:
            return k.loop(0, n, run, sums)  # type: ignore[no-any-return]

        def chunk(c: Affine, totals: list[Any]) -> list[Any]:
            parts = k.loop(c * CHUNK, c * CHUNK + CHUNK, run, zeros)
            return [k.op(op, t, p) for t, p in zip(totals, parts, strict=True)]

        whole = n // CHUNK
        sums = k.loop(0, whole, chunk, sums)
        return k.loop(whole * CHUNK, n, run, sums) if n % CHUNK else sums

    return level(0, start, zeros)


# -- BLAS -----------------------------------------------------------------------------------------


class Matrix:
    """A matrix in memory as BLAS sees it: `trans` is what turns the column-major view of its rows into itself, transposed."""

    __slots__ = ("array", "ld", "trans")

    def __init__(self, array: Any, trans: str, ld: int) -> None:
        self.array, self.trans, self.ld = array, trans, ld


def _layout(rows: list[Axis], inner: list[Axis], which: int) -> tuple[str, int] | None:
    """("N", ld) for rows of neighbours, ("T", ld) for columns of neighbours, None for what BLAS cannot read."""
    if len(rows) > 1 or len(inner) > 1:
        return None
    m, row = (rows[0][0], rows[0][which]) if rows else (1, 0)
    n, step = (inner[0][0], inner[0][which]) if inner else (1, 0)
    for (count, stride), (size, other), trans in (((n, step), (m, row), "N"), ((m, row), (n, step), "T")):
        if count == 1 or stride == 1:
            ld = max(count, 1) if size == 1 else other
            if max(count, 1) <= ld <= LARGEST and size <= LARGEST:
                return trans, ld
    return None


def _matrices(k: Any, x: Any, y: Any, result: Any, batch: Any, rows: Any, columns: Any, inner: Any) -> bool:
    """By gemm, after copying what does not lie as it wants; False where sizes pass its integers."""
    m, n, depth = length(rows), length(columns), length(inner)
    if max(m, n, depth) > LARGEST:
        return False
    lines = [merged([(a[0], a[w], 0, 0) for a in inner]) for w in (1, 2)]  # the inner axes of either operand by itself
    if len(inner) > 1 and len(lines[0]) > 1:  # in the order that is one line in y, if there is one
        order = sorted(inner, key=lambda a: -abs(a[2]))
        if len(merged([(a[0], a[2], 0, 0) for a in order])) == 1:
            inner, lines[1] = order, merged([(a[0], a[2], 0, 0) for a in order])
    kept = []
    for w, operand, group in ((1, x, rows), (2, y, columns)):
        own = [(a[0], a[w], 0, 0) for a in group]
        fits = None if len(lines[w - 1]) > 1 else _layout(merged(own), lines[w - 1], 1)
        step = [a[w] for a in batch]
        if fits is None:
            operand, fits, step = packed(k, operand, *[[(a[0], a[w]) for a in axes] for axes in (batch, group, inner)])
        kept.append((Matrix(operand, *fits), step))  # type: ignore[misc]
    (a, step_a), (b, step_b) = kept
    strides = [(axis[0], sa, sb, axis[3]) for axis, sa, sb in zip(batch, step_a, step_b, strict=True)]
    # Row-major C = A B is column-major Cᵀ = Bᵀ Aᵀ. B's layout is of its transpose: its rows are columns of the product.
    flip = "T" if b.trans == "N" else "N"

    def multiply(at: tuple[Affine, ...]) -> None:
        call(
            k, "blas", "gemm", result.kind, [result.buffer],
            [flip, a.trans, n, m, depth, 1.0, (b.array, at[1]), b.ld, (a.array, at[0]), a.ld, 0.0, (result, at[2]), n],
        )  # fmt: skip
        k.work += 2.0 * m * n * depth * k.weight

    each(k, strides, (a.array.offset, b.array.offset, result.offset), multiply)
    return True


def packed(k: Any, x: Any, batch: Any, rows: Any, inner: Any) -> tuple[Any, tuple[str, int], list[int]]:
    """A copy of a matrix that BLAS can read, its layout, and its steps along the batch axes; axes are (length, stride).

    A copy made here before serves again, rows and columns exchanged too: the patches of a convolution are read by its gradient.
    """

    def key(rows: Any, inner: Any) -> Any:
        lines = [tuple(merged([(n, stride, 0, 0) for n, stride in axes])) for axes in (rows, inner)]
        return ("packed", x.offset.key, tuple(batch), *lines)

    def make() -> Any:
        fresh = k.scratch((length(batch), length(rows), length(inner)), x.kind)
        axes, steps, stride = [*batch, *rows, *inner], [], 1
        for n, _ in reversed(axes):
            steps.append(stride)
            stride *= n
        copied = merged([(n, old, new, 0) for (n, old), new in zip(axes, reversed(steps), strict=True)])
        each(k, copied, (x.offset, fresh.offset), lambda at: k.store(fresh.buffer, at[1], k.load(x.buffer, at[0])))
        return fresh

    fresh = k.made_of(x.buffer, key(inner, rows))
    turned = fresh is not None
    if not turned:
        fresh = k.made_of(x.buffer, key(rows, inner), make)
    m, depth = length(rows), length(inner)
    layout = _layout([(m, 1, 0, 0)], [(depth, m, 0, 0)], 1) if turned else _layout([(m, depth, 0, 0)], [(depth, 1, 0, 0)], 1)
    steps, stride = [], m * depth
    for n, _ in reversed(batch):
        steps.append(stride)
        stride *= n
    return fresh, layout, steps[::-1]  # type: ignore[return-value]


def _vectors(k: Any, x: Any, y: Any, result: Any, batch: Any, rows: Any, columns: Any, inner: Any) -> bool:
    """A matrix times a vector by gemv, if both lie as it wants and the sum is not along both of short rows: own loops read these faster."""
    if not rows and not columns or not inner:
        return False
    if len(inner) == 1 and inner[0][1:3] == (1, 1) and inner[0][0] * np.dtype(x.kind).itemsize <= SHORT_ROW:
        return False
    which, other, group = (1, 2, rows) if rows else (2, 1, columns)
    matrix, vector = (x, y) if rows else (y, x)
    fits = _layout(group, inner, which)
    step = inner[0][other]
    if fits is None or len(inner) > 1 or len(group) > 1 or not 0 < step <= LARGEST or group[0][3] != 1:
        return False
    trans, ld = fits
    m, depth = group[0][0], inner[0][0]
    if max(m, depth) > LARGEST:
        return False
    sizes, flip = ((depth, m), "T") if trans == "N" else ((m, depth), "N")

    def multiply(at: tuple[Affine, ...]) -> None:
        call(
            k, "blas", "gemv", result.kind, [result.buffer],
            [flip, *sizes, 1.0, (matrix, at[which - 1]), ld, (vector, at[other - 1]), step, 0.0, (result, at[2]), 1],
        )  # fmt: skip
        k.work += 2.0 * m * depth * k.weight

    each(k, batch, (x.offset, y.offset, result.offset), multiply)
    return True


def call(k: Any, library: str, name: str, kind: str, writes: Sequence[Any], args: Sequence[Any]) -> None:
    """Call a function of BLAS or LAPACK, whose name begins with the kind's letter unless it says so itself.

    Arguments: a letter, an int (a 32-bit integer), a float (a number of the kind), (memory, offset), or memory from its start.
    """
    passed: list[Any] = []
    for a in args:
        if isinstance(a, str):
            passed.append(("ref", k.const(ord(a), "i1")))
        elif isinstance(a, int):
            passed.append(("ref", k.const(a, "i4")))
        elif isinstance(a, float):
            if kind in REAL:
                passed.append(Address(k.constant((_ONE if a else _ZERO)[kind]), Affine(0)))
            else:
                passed.append(("ref", k.const(a, kind)))
        elif isinstance(a, tuple):
            passed.append(Address(a[0].buffer, a[1]))
        else:
            passed.append(a.address())
    k.call(f"{library}.{LETTER[kind]}{name}", passed, None, writes=writes)
