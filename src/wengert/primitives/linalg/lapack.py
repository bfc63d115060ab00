"""Factorisations of single matrices in native code: short loops for small ones, LAPACK for the others.

Knows loop nests and LAPACK's conventions (column-major, arguments by address); no operation, no derivative. Start at
`lu` and `triangular`. A matrix is memory and the index `at` of the stack's axes before its own; `info` is LAPACK's report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.loops.build import Pair
from wengert.loops.failure import Failure
from wengert.loops.nest import REAL, Affine
from wengert.primitives.linalg.blas import LETTER, call

SMALL = 16  # rows and columns up to which own loops beat a call
TILE = 16  # rows and columns that are transposed together: what a cache line brings is used while it is there
BLOCK = 64  # columns that LAPACK's blocked algorithms take at a time, at most: for the size of their work space
LARGEST = 10_000  # rows or columns up to which all sizes fit 32 bits
WIDE = {"f4": "f8", "c8": "c16"}  # numpy.linalg computes in double precision, whatever it is given

Index = tuple[Any, ...]


def handles(*memories: Any) -> bool:
    """Whether LAPACK can do it: floats, sizes within its integers."""
    return all([m.kind in LETTER and max(m.shape[-2:]) <= LARGEST for m in memories])


def wide(kind: str) -> str:
    return WIDE.get(kind, kind)


def repeat(k: Any, start: Any, stop: Any, body: Callable[[Affine], None]) -> None:
    """body(i) for i from start to stop; written out where that is short."""
    start, stop = (Affine(x) if isinstance(x, int) else x for x in (start, stop))
    if not start.terms and not stop.terms and stop.const - start.const <= 4:
        for i in range(start.const, stop.const):
            body(Affine(i))
        return
    k.loop(start, stop, lambda i, _: body(i) or ())


def total(k: Any, start: Any, stop: Any, first: Any, step: Callable[[Affine, Any], Any]) -> Any:
    """The last of the values v = step(i, v) from `first` on."""
    start, stop = (Affine(x) if isinstance(x, int) else x for x in (start, stop))
    if not start.terms and not stop.terms and stop.const - start.const <= 4:
        for i in range(start.const, stop.const):
            first = step(Affine(i), first)
        return first
    return k.loop(start, stop, lambda i, c: [step(i, c[0])], [first])[0]


def get(k: Any, m: Any, at: Index, *ij: Any) -> Any:
    return k.load(m.buffer, m.position((*at, *ij)))


def put(k: Any, m: Any, at: Index, *ij_value: Any) -> None:
    *ij, value = ij_value
    k.store(m.buffer, m.position((*at, *ij)), k.cast(value, m.kind))


def conj(k: Any, x: Any) -> Any:
    return Pair(x.re, k.op("neg", x.im), x.kind) if type(x) is Pair else x


def over(k: Any, x: Any, real: Any) -> Any:
    """x / real."""
    return Pair(k.op("div", x.re, real), k.op("div", x.im, real), x.kind) if type(x) is Pair else k.op("div", x, real)


def times(k: Any, x: Any, real: Any) -> Any:
    """x * real."""
    return Pair(k.op("mul", x.re, real), k.op("mul", x.im, real), x.kind) if type(x) is Pair else k.op("mul", x, real)


def is_zero(k: Any, x: Any) -> Any:
    return k.op("eq", x, k.like(0, x))


def square(k: Any, x: Any) -> Any:
    """|x|²."""
    if type(x) is Pair:
        return k.op("add", k.op("mul", x.re, x.re), k.op("mul", x.im, x.im))
    return k.op("mul", x, x)


def copy(k: Any, a: Any, at: Index, target: Any, target_at: Index = (), flip: bool = False) -> None:
    """target = a, or its transpose, in the precision of the target. The transpose of a row-major matrix is LAPACK's."""
    m, n = target.shape[-2:]
    one = lambda i, j: put(k, target, target_at, i, j, k.cast(get(k, a, at, *((j, i) if flip else (i, j))), target.kind))
    if not flip or min(m, n) <= TILE:
        k.each((m, n), lambda ij: one(*ij))
        return

    def tile(rows: Affine, columns: Affine) -> None:
        bottom, right = (k.index(k.op("minimum", k.number(x + TILE), k.const(size, "i8"))) for x, size in ((rows, m), (columns, n)))
        k.loop(rows, bottom, lambda i, _: k.loop(columns, right, lambda j, _: one(i, j) or ()))

    k.loop(0, m, lambda i, _: k.loop(0, n, lambda j, _: tile(i, j) or (), step=TILE), step=TILE)


def copy_vector(k: Any, x: Any, target: Any, at: Index) -> None:
    repeat(k, 0, x.shape[0], lambda i: put(k, target, at, i, get(k, x, (), i)))


def report(k: Any) -> Any:
    return k.scratch((1,), "i4")


def check(k: Any, info: Any, text: str) -> None:
    k.fail_if(k.op("ne", k.load(info.buffer, Affine(0)), k.const(0, "i4")), Failure("linalg", (text,), k.span))


def start(m: Any, at: Index) -> Any:
    """Where a matrix begins, as an argument of `call`."""
    return m, m.position((*at, 0, 0))


# -- Cholesky -------------------------------------------------------------------------------------


def cholesky(k: Any, a: Any, at: Index, out: Any) -> None:
    """The lower factor of the Hermitian matrix in the lower triangle of a."""
    n = a.shape[-1]
    kind = wide(a.kind)
    low, low_at = (out, at) if kind == out.kind else (k.scratch((n, n), kind), ())
    failure = "Matrix is not positive definite"
    if n <= SMALL:

        def column(j: Affine) -> None:
            corner = k.cast(get(k, a, at, j, j), kind)
            rest = lambda p, s: k.op("sub", s, square(k, get(k, low, low_at, j, p)))
            d = total(k, 0, j, corner.re if type(corner) is Pair else corner, rest)
            k.fail_if(k.op("le", d, k.like(0, d)), Failure("linalg", (failure,), k.span))  # NaN goes on, as in LAPACK
            root = k.op("sqrt", d)
            put(k, low, low_at, j, j, root)

            def below(i: Affine) -> None:
                term = lambda p, s: k.op("sub", s, k.op("mul", get(k, low, low_at, i, p), conj(k, get(k, low, low_at, j, p))))
                put(k, low, low_at, i, j, over(k, total(k, 0, j, k.cast(get(k, a, at, i, j), kind), term), root))

            repeat(k, j + 1, n, below)
            repeat(k, 0, j, lambda i: put(k, low, low_at, i, j, k.const(0, kind)))

        repeat(k, 0, n, column)
    else:
        # the lower triangle of rows is the upper triangle of columns of the conjugate matrix, whose factor is Lᵀ
        def row(i: Affine) -> None:
            k.loop(0, i + 1, lambda j, _: put(k, low, low_at, i, j, k.cast(get(k, a, at, i, j), kind)) or ())
            k.loop(i + 1, n, lambda j, _: put(k, low, low_at, i, j, k.const(0, kind)) or ())

        repeat(k, 0, n, row)
        info = report(k)
        call(k, "lapack", "potrf", kind, [low.buffer, info.buffer], ["U", n, start(low, low_at), n, info])
        k.work += n**3 / 3 * k.weight
        check(k, info, failure)
    if low is not out:
        copy(k, low, (), out, at)


# -- LU -------------------------------------------------------------------------------------------


def lu(k: Any, a: Any, at: Index, out: Any, out_at: Index, pivots: Any, pivots_at: Index) -> None:
    """Row-major factors P A = L U into `out`, the exchanged rows into `pivots`."""
    m, n = a.shape[-2:]
    if max(m, n) > SMALL:
        columns, exchanged, info = k.scratch((n, m), out.kind), k.scratch((min(m, n),), "i4"), report(k)
        copy(k, a, at, columns, flip=True)
        call(k, "lapack", "getrf", out.kind, [columns.buffer, exchanged.buffer, info.buffer], [m, n, columns, m, exchanged, info])
        k.work += min(m, n) ** 2 * (max(m, n) - min(m, n) / 3) * k.weight
        copy(k, columns, (), out, out_at, flip=True)
        one = k.const(1, "i4")
        repeat(k, 0, min(m, n), lambda i: put(k, pivots, pivots_at, i, k.op("sub", get(k, exchanged, (), i), one)))
        return
    copy(k, a, at, out, out_at)
    size = lambda x: k.op("add", k.op("abs", x.re), k.op("abs", x.im)) if type(x) is Pair else k.op("abs", x)

    def column(j: Affine) -> None:
        def larger(i: Affine, best: list[Any]) -> list[Any]:
            here = size(get(k, out, out_at, i, j))
            more = k.op("gt", here, best[0])
            return [k.op("select", more, here, best[0]), k.op("select", more, k.number(i), best[1])]

        _, row = k.loop(j + 1, m, larger, [size(get(k, out, out_at, j, j)), k.number(j)])
        put(k, pivots, pivots_at, j, k.cast(row, "i4"))
        exchange(k, out, out_at, j, k.index(row))
        pivot = get(k, out, out_at, j, j)
        regular = k.op("not", is_zero(k, pivot))
        divisor = k.op("select", regular, pivot, k.like(1, pivot))

        def below(i: Affine) -> None:
            factor = k.op("div", get(k, out, out_at, i, j), divisor)

            def change(c: Affine) -> None:  # along whole rows: loops of known length are worth more than what they do in vain
                old = get(k, out, out_at, i, c)
                new = k.op("sub", old, k.op("mul", factor, get(k, out, out_at, j, c)))
                right = k.op("gt", k.number(c), k.number(j))
                put(k, out, out_at, i, c, k.op("select", right, new, old))

            repeat(k, 0, n, change)
            put(k, out, out_at, i, j, factor)

        repeat(k, j + 1, m, below)

    repeat(k, 0, min(m, n), column)


def exchange(k: Any, x: Any, at: Index, i: Affine, j: Affine) -> None:
    """Rows i and j of x change places."""

    def column(c: Affine) -> None:
        one, two = get(k, x, at, i, c), get(k, x, at, j, c)
        put(k, x, at, i, c, two)
        put(k, x, at, j, c, one)

    repeat(k, 0, x.shape[-1], column)


def exchange_rows(k: Any, pivots: Any, pivots_at: Index, x: Any, at: Index, inverse: bool) -> None:
    """The rows of x, moved as the pivots say, or back. The pivots may be the user's: they are checked."""
    count, rows = pivots.shape[-1], x.shape[-2]

    def step(n: Affine) -> None:
        i = (count - 1) - n if inverse else n
        exchange(k, x, at, i, k.bounded(get(k, pivots, pivots_at, i), rows, 0))

    k.loop(0, count, lambda n, _: step(n) or ())


def regular(k: Any, lu: Any, at: Index) -> None:
    """Fail at a zero on the diagonal."""
    failure = Failure("linalg", ("Singular matrix",), k.span)
    zero = total(k, 0, lu.shape[-1], k.const(False, "b1"), lambda i, s: k.op("or", s, is_zero(k, get(k, lu, at, i, i))))
    k.fail_if(zero, failure)


def solve(k: Any, lu: Any, lu_at: Index, pivots: Any, pivots_at: Index, x: Any, at: Index, op: str) -> None:
    """x becomes op(A)⁻¹ x, given row-major factors of A."""
    if op == "N":
        exchange_rows(k, pivots, pivots_at, x, at, False)
        triangular(k, lu, lu_at, x, at, True, "N", True)
        triangular(k, lu, lu_at, x, at, False, "N", False)
    else:
        triangular(k, lu, lu_at, x, at, False, op, False)
        triangular(k, lu, lu_at, x, at, True, op, True)
        exchange_rows(k, pivots, pivots_at, x, at, True)


def inverse(k: Any, a: Any, at: Index, out: Any) -> None:
    n = a.shape[-1]
    kind = wide(a.kind)
    factors, pivots = k.scratch((n, n), kind), k.scratch((n,), "i4")
    x, x_at = (out, at) if out.kind == kind else (k.scratch((n, n), kind), ())
    lu(k, a, at, factors, (), pivots, ())
    regular(k, factors, ())
    one = lambda ij: k.op("select", k.op("eq", k.number(ij[0]), k.number(ij[1])), k.const(1, kind), k.const(0, kind))
    k.each((n, n), lambda ij: put(k, x, x_at, *ij, one(ij)))
    solve(k, factors, (), pivots, (), x, x_at, "N")
    if x is not out:
        copy(k, x, (), out, at)


def sign_and_logarithm(k: Any, lu: Any, at: Index, pivots: Any, pivots_at: Index) -> list[Any]:
    """(sign, log|det|) from the factors."""
    n = lu.shape[-1]
    minus = lambda i, s: k.op("ne", s, k.op("ne", get(k, pivots, pivots_at, i), k.number(i, "i4")))
    odd = total(k, 0, n, k.const(False, "b1"), minus)
    one = k.const(1, lu.kind)

    def step(i: Affine, carried: list[Any]) -> list[Any]:
        sign, logarithm = carried
        d = get(k, lu, at, i, i)
        size = k.op("abs", d)
        unit = k.op("select", is_zero(k, size), k.like(0, d), over(k, d, size))
        return [k.op("mul", sign, unit), k.op("add", logarithm, k.op("log", size))]

    sign, logarithm = k.loop(0, n, step, [k.op("select", odd, k.op("neg", one), one), k.const(0, REAL.get(lu.kind, lu.kind))])
    return [sign, logarithm]


def determinant(k: Any, a: Any, at: Index) -> Any:
    """sign * exp(log|det|), in double precision, as numpy.linalg.det: no product of pivots overflows on the way."""
    n = a.shape[-1]
    factors, pivots = k.scratch((n, n), wide(a.kind)), k.scratch((n,), "i4")
    lu(k, a, at, factors, (), pivots, ())
    sign, logarithm = sign_and_logarithm(k, factors, (), pivots, ())
    size = k.op("exp", logarithm)
    regular = k.op("not", is_zero(k, sign))
    scale = lambda part: k.op("select", regular, k.op("mul", part, size), k.like(0, part))
    return Pair(scale(sign.re), scale(sign.im), sign.kind) if type(sign) is Pair else scale(sign)


# -- triangles ------------------------------------------------------------------------------------


def triangular(k: Any, a: Any, a_at: Index, x: Any, at: Index, lower: bool, op: str, unit: bool) -> None:
    """x becomes op(A)⁻¹ x, with A the lower or upper triangle of a; x is contiguous."""
    n, count = x.shape[-2:]
    row, step = a.strides[-2:]
    if n * n * count > 1024:
        # Rows of x are columns of Xᵀ: Xᵀ op(A)ᵀ = Bᵀ, and rows of A are columns of Aᵀ.
        if step == 1 and n <= row <= 2**31 - 1:
            side, triangle, trans, ld = "R", "U" if lower else "L", op, row
        elif row == 1 and n <= step <= 2**31 - 1 and op != "C":
            side, triangle, trans, ld = "R", "L" if lower else "U", "T" if op == "N" else "N", step
        else:
            packed = k.scratch((n, n), a.kind)
            copy(k, a, a_at, packed)
            triangular(k, packed, (), x, at, lower, op, unit)
            return
        diagonal = "U" if unit else "N"
        if count == 1 and (op != "C" or x.kind not in REAL or step != 1):
            if step == 1:  # trsv sees Aᵀ
                triangle, trans = "U" if lower else "L", "T" if op == "N" else "N"
            else:
                triangle, trans = "L" if lower else "U", op
            call(k, "blas", "trsv", x.kind, [x.buffer], [triangle, trans, diagonal, n, start(a, a_at), ld, start(x, at), 1])
            k.work += 1.0 * n * n * k.weight
            return
        call(
            k, "blas", "trsm", x.kind, [x.buffer],
            [side, triangle, trans, diagonal, count, n, 1.0, start(a, a_at), ld, start(x, at), max(count, 1)],
        )  # fmt: skip
        k.work += 1.0 * n * n * count * k.weight
        return
    forward = lower == (op == "N")
    if op == "N":
        element = lambda i, p: get(k, a, a_at, i, p)
    elif op == "T":
        element = lambda i, p: get(k, a, a_at, p, i)
    else:
        element = lambda i, p: conj(k, get(k, a, a_at, p, i))

    def solved(t: Affine) -> None:
        i = t if forward else (n - 1) - t
        place = (lambda q: q) if forward else (lambda q: (n - 1) - q)
        divide = (lambda v: v) if unit else (lambda v: k.op("div", v, element(i, i)))
        take = lambda q, c, v: k.op("sub", v, k.op("mul", element(i, place(q)), get(k, x, at, place(q), c)))
        if count <= 4:
            for c in range(count):
                put(k, x, at, i, c, divide(total(k, 0, t, get(k, x, at, i, c), lambda q, v, c=c: take(q, c, v))))
            return
        repeat(k, 0, t, lambda q: repeat(k, 0, count, lambda c: put(k, x, at, i, c, take(q, c, get(k, x, at, i, c)))))
        if not unit:
            repeat(k, 0, count, lambda c: put(k, x, at, i, c, divide(get(k, x, at, i, c))))

    repeat(k, 0, n, solved)


# -- orthogonal factors and spectra: always LAPACK ----------------------------------------------------


def qr(k: Any, a: Any, at: Index, q: Any, r: Any) -> None:
    """A = Q R; q has as many columns as it has room for."""
    m, n = a.shape[-2:]
    count, rank = q.shape[-1], min(m, n)
    kind = wide(a.kind)
    most = max(n, count)
    columns, tau, info = k.scratch((most, m), kind), k.scratch((rank,), kind), report(k)
    work = k.scratch((BLOCK * most,), kind)
    k.each((n, m), lambda ji: put(k, columns, (), *ji, k.cast(get(k, a, at, ji[1], ji[0]), kind)))
    call(k, "lapack", "geqrf", kind, [columns.buffer, tau.buffer, work.buffer, info.buffer], [m, n, columns, m, tau, work, work.size, info])
    check(k, info, "Incorrect argument found while performing QR factorization")

    def upper(ij: Index) -> None:
        i, j = ij
        value = get(k, columns, (), j, i)
        put(k, r, at, i, j, k.op("select", k.op("le", k.number(i), k.number(j)), value, k.like(0, value)))

    k.each((rank, n), upper)
    if r.shape[-2] > rank:
        k.each((r.shape[-2] - rank, n), lambda ij: put(k, r, at, ij[0] + rank, ij[1], k.const(0, kind)))
    name = "ungqr" if kind in REAL else "orgqr"
    call(
        k, "lapack", name, kind, [columns.buffer, work.buffer, info.buffer],
        [m, count, rank, columns, m, tau, work, work.size, info],
    )  # fmt: skip
    k.work += 4.0 * m * n * rank * k.weight
    k.each((m, count), lambda ij: put(k, q, at, *ij, get(k, columns, (), ij[1], ij[0])))


def eigh(k: Any, a: Any, at: Index, w: Any, v: Any = None) -> None:
    """Eigenvalues, and vectors if there is a place for them, of the Hermitian matrix in the lower triangle of a."""
    n = a.shape[-1]
    kind = wide(a.kind)
    real = REAL.get(kind, kind)
    columns, values, info = k.scratch((n, n), kind), k.scratch((n,), real), report(k)
    whole = BLOCK * n + 2 * n + 1
    copy(k, a, at, columns, flip=True)
    many = 1 + 5 * n + 2 * n * n
    if kind in REAL:
        work = k.scratch((max(2 * n + n * n, whole),), kind)
        rest = [k.scratch((many,), real), k.scratch((3 + 5 * n,), "i4")]
    else:
        work = k.scratch((max(many + n, whole),), kind)
        rest = [k.scratch((3 + 5 * n,), "i4")]
    sized = [x for m in (work, *rest) for x in (m, m.size)]
    writes = [m.buffer for m in (columns, values, work, *rest, info)]
    job = "N" if v is None else "V"
    call(k, "lapack", "heevd" if kind in REAL else "syevd", kind, writes, [job, "L", n, columns, n, values, *sized, info])
    k.work += (4.0 if v is None else 9.0) * n**3 * k.weight
    check(k, info, "Eigenvalues did not converge")
    repeat(k, 0, n, lambda i: put(k, w, at, i, get(k, values, (), i)))
    if v is not None:
        copy(k, columns, (), v, at, flip=True)


def svd(k: Any, a: Any, at: Index, job: str) -> tuple[Any, Any, Any]:
    """(U's columns, s, Vᴴ's columns) in scratch memory, in double precision; job "A" for all columns, "S" for the first, "N" for none."""
    m, n = a.shape[-2:]
    least, most = min(m, n), max(m, n)
    kind = wide(a.kind)
    real = REAL.get(kind, kind)
    left, right = {"A": (m, n), "S": (least, least), "N": (1, 1)}[job]
    columns, s, info = k.scratch((n, m), kind), k.scratch((least,), real), report(k)
    u, vh = k.scratch((left, m if job != "N" else 1), kind), k.scratch((n if job != "N" else 1, right), kind)
    work = k.scratch((4 * least * least + 7 * least + most + BLOCK * (m + n),), kind)
    rest = [k.scratch((max(5 * least * least + 7 * least, 2 * least * (most + least) + least),), real)] if kind in REAL else []
    rest.append(k.scratch((8 * least,), "i4"))
    copy(k, a, at, columns, flip=True)
    writes = [x.buffer for x in (columns, s, u, vh, work, *rest, info)]
    call(
        k, "lapack", "gesdd", kind, writes,
        [job, m, n, columns, m, s, u, u.shape[1], vh, vh.shape[1], work, work.size, *rest, info],
    )  # fmt: skip
    k.work += (4.0 if job == "N" else 20.0) * m * n * least * k.weight
    check(k, info, "SVD did not converge")
    return u, s, vh


def stacks(k: Any, lead: Sequence[int], body: Callable[[Index], None]) -> None:
    """body(at) for each matrix of a stack."""
    k.each(tuple(lead), body)
