"""What a call of a compiled function takes: floating-point operations, memory read and written.

Counts by the mathematics of each operation, not by the code made of it. Start at `cost_of`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wengert.api import native
from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Function
from wengert.ir.walk import memoized
from wengert.primitives.control import Cond, Loop, While


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one call.

    flops : additions, multiplications, divisions and comparisons of floats; a complex one counts as its real parts do
    transcendentals : calls of exp, log, sin, special functions and their like, one an element
    bytes_read, bytes_written : memory of the inputs and of the results
    arena_bytes : scratch memory of the compiled code; None where it is not compiled
    exact : False where a trip count is known only while running; such a loop is counted once
    """

    flops: int
    transcendentals: int
    bytes_read: int
    bytes_written: int
    arena_bytes: int | None
    exact: bool

    def __str__(self) -> str:
        moved = self.bytes_read + self.bytes_written
        return (
            f"{self.flops:,} flops and {self.transcendentals:,} transcendentals{'' if self.exact else ' at least'}, "
            f"{self.bytes_read:,} bytes read and {self.bytes_written:,} written"
            + (f" ({self.flops / moved:.2f} flops a byte)" if moved else "")
            + (f", {self.arena_bytes:,} bytes of scratch memory" if self.arena_bytes is not None else "")
        )


def cost_of(function: Function, fastmath: bool = False) -> Cost:
    """The cost of a Function."""
    flops, transcendentals, exact = work(function)
    size = lambda types: sum([t.size * t.dtype.itemsize for t in types if isinstance(t, ArrayType)])
    return Cost(
        round(flops),
        round(transcendentals),
        size(function.in_types),
        size(function.out_types),
        native.arena_bytes(function, fastmath),
        exact,
    )


def work(function: Function) -> tuple[float, float, bool]:
    """(flops, transcendentals, whether all trip counts are known)."""
    return memoized(function, "work", lambda: _sum([_of_equation(e) for e in function.equations]))  # type: ignore[no-any-return]


def _sum(parts: list[tuple[float, float, bool]]) -> tuple[float, float, bool]:
    return sum([p[0] for p in parts]), sum([p[1] for p in parts]), all([p[2] for p in parts])


def _of_equation(equation: Equation) -> tuple[float, float, bool]:
    operation: Any = equation.operation
    if isinstance(operation, Loop):
        flops, transcendentals, exact = work(operation.body)
        times = 1 if operation.length is None else operation.length
        return flops * times, transcendentals * times, exact and operation.length is not None
    if isinstance(operation, While):
        return (*_sum([work(operation.cond), work(operation.body)])[:2], False)
    if isinstance(operation, Cond):
        parts = [work(branch) for branch in operation.branches]
        return max([p[0] for p in parts]), max([p[1] for p in parts]), all([p[2] for p in parts])
    if operation.functions():
        inner = getattr(operation, "function", None)
        return work(inner) if isinstance(inner, Function) else _sum([work(f) for f in operation.functions()])
    types = [a.type for a in (*equation.operands, *equation.outs)]
    if not all([isinstance(t, ArrayType) for t in types]) or not any([t.inexact for t in types]):
        return 0.0, 0.0, True
    return (*_of_operation(operation, equation), True)


_CHEAP = {"square": 1, "hypot": 4, "copysign": 1, "deg2rad": 1, "rad2deg": 1, "sqrt": 1}  # in the room of exp and log, flops each
_MOVES = frozenset({"select", "real", "imag", "complex", "conj", "neg", "cast", "stop_gradient", "signbit"})
_CUBIC: dict[str, float] = {  # flops / n³ of the LAPACK routine: Golub & Van Loan, Matrix Computations, 4th ed.
    "cholesky": 1 / 3,
    "lu": 2 / 3,
    "solve": 2 / 3,
    "det": 2 / 3,
    "slogdet": 2 / 3,
    "inv": 2.0,
    "qr": 4 / 3,
    "eigvalsh": 4 / 3,
    "eigh": 9.0,
    "svd": 22.0,
    "svdvals": 8 / 3,
    "eig": 25.0,
    "eigvals": 10.0,
    "schur": 25.0,
    "triangular_solve": 0.0,
    "sylvester": 50.0,
    "pinv": 22.0,
    "matrix_function": 25.0,
}


def _of_operation(operation: Any, equation: Equation) -> tuple[float, float]:
    operands: list[Any] = [a.type for a in equation.operands]
    outs: list[Any] = [v.type for v in equation.outs]
    size = sum([t.size for t in outs])
    room = type(operation).__module__.removeprefix("wengert.primitives.").partition(".")[0]
    part = 1 if not any([t.dtype.kind == "c" for t in (*operands, *outs)]) else _COMPLEX.get(operation.name, 2)
    if operation.name in _MOVES:
        return 0.0, 0.0
    rule = _BY_ROOM.get(room)
    if rule is not None:
        return rule(operation, operands, outs, size, part)
    return float(size * part), 0.0


_COMPLEX = {"mul": 6, "div": 11, "reciprocal": 8, "dot": 4, "square": 5}  # real operations in a complex one


def _elementary(operation: Any, operands: list[Any], outs: list[Any], size: int, part: int) -> tuple[float, float]:
    cheap = _CHEAP.get(operation.name)
    if operation.name == "integer_pow":
        cheap = 2 * max(1, abs(int(operation.parameters[0])).bit_length())
    return (float(cheap * size * part), 0.0) if cheap is not None else (0.0, float(size))


def _reduction(operation: Any, operands: list[Any], outs: list[Any], size: int, part: int) -> tuple[float, float]:
    n = operands[0].size
    if operation.name in ("sort", "arg_sort", "order_statistic"):
        return n * math.log2(max(2, n)), 0.0
    if operation.name == "log_sum_exp":
        return 3.0 * n, float(n + size)
    return float(max([t.size for t in operands]) * part), 0.0


def _matrix(operation: Any, operands: list[Any], outs: list[Any], size: int, part: int) -> tuple[float, float]:
    x = operands[0]
    if operation.name == "dot":
        summed = math.prod([x.shape[axis] for axis in operation.contract[0]])
        return 2.0 * size * summed * (4 if part > 1 else 1), 0.0
    if operation.name in ("diagonal", "diagonal_embed", "triangle", "apply_pivots"):
        return 0.0, 0.0
    if operation.name == "vector_norm":
        return 2.0 * x.size * part, 0.0
    if x.ndim < 2:
        return float(size), 0.0
    rows, columns = x.shape[-2:]
    count = x.size / max(1, rows * columns)
    n, m = min(rows, columns), max(rows, columns)
    flops = _CUBIC.get(operation.name, 2.0) * n * n * m
    if len(operands) > 1 and operation.name in ("solve", "triangular_solve"):  # the right-hand sides
        flops += (2.0 if operation.name == "solve" else 1.0) * n * operands[1].size / max(1.0, count)
    return flops * count * (4 if part > 1 else 1), 0.0


def _fourier(operation: Any, operands: list[Any], outs: list[Any], size: int, part: int) -> tuple[float, float]:
    n = max([t.size for t in (*operands, *outs)])
    return 5.0 * n * math.log2(max(2, *operands[0].shape)), 0.0


def _indexing(operation: Any, operands: list[Any], outs: list[Any], size: int, part: int) -> tuple[float, float]:
    added = operation.accumulates and len(operands) > 1
    return (float(operands[1].size * part) if added else 0.0), 0.0


_BY_ROOM: dict[str, Callable[..., tuple[float, float]]] = {
    "math": _elementary,
    "special": lambda operation, operands, outs, size, part: (0.0, float(size)),
    "reduce": _reduction,
    "linalg": _matrix,
    "fft": _fourier,
    "index": _indexing,
    "shape": lambda operation, operands, outs, size, part: (0.0, 0.0),
}
