"""Numerical differentiation: forward, central and extrapolated differences, and the complex step, each with an error estimate.

The step is chosen for every variable and every element of the result by itself, where truncation and rounding errors
together are least. Knows NumPy and the problem; the complex step also looks at the trace. Start at `differences`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import NotDifferentiableError, WengertError, four_parts
from wengert.ir.values import Function
from wengert.ir.walk import nested
from wengert.methods.problem import Derivative, Problem
from wengert.trace.record import where

SCHEMES = ("forward", "central", "richardson", "complex")
_SHRINK = 4.0  # from one step to the next
_LEVELS = 30  # at most so many steps; they end earlier where smaller ones do not help
_FIRST, _FIRST_SINGLE = 0.05, 0.2  # the first and largest step, relative to the variable
_SMALL = 0.1  # a variable smaller than this may be so by chance
_SAFETY = 2.0  # estimates are of leading terms only
_GROWTH = (1.4, 1.6, 1.7, 1.7, 1.7, 1.7)  # of rounding by extrapolation: products of (f + 1) / (f - 1), f = 16, 256, …
_PROBES = 8  # evaluations that tell how much rounding there is in f
_EPS = float(np.finfo(np.float64).eps)


def differences(problem: Problem, scheme: str = "richardson", step: float | None = None) -> Derivative:
    """Derivatives by differences.

    scheme: "forward" (f(x+h) - f(x)) / h, error O(h); "central" (f(x+h) - f(x-h)) / 2h, error O(h²); "richardson", central
    differences extrapolated to h = 0 (Ridders 1982); "complex" Im f(x + ih) / h, which subtracts nothing (Squire & Trapp
    1998), for functions that are analytic on their way.

    With `step` that one is used everywhere, relative to the variable (to 1 where it is 0) and halved once for the estimate.
    """
    before = problem.evaluations
    if scheme == "complex":
        require_analytic(problem)
        columns = _complex_columns(problem, step)
    else:
        columns = _real_columns(problem, scheme, step)
    parts: list[list[Any]] = [[], [], []]
    for k, x in enumerate(problem.xs):
        found = [columns(k, place) for place in np.ndindex(x.shape)]
        for part, arrays in zip(parts, zip(*found, strict=True), strict=True):
            part.append(np.reshape(np.stack(arrays, -1), (*np.shape(arrays[0]), *x.shape))[()])
    if scheme == "complex":
        _require_confirmed(problem, parts[0])
    return Derivative(parts[0], parts[1], parts[2], problem.evaluations - before)


def scale_of(x: Any) -> float:
    """What a step is relative to: the variable, or 1 where it is 0."""
    return float(abs(x)) or 1.0


def quotient(problem: Problem, scheme: str, k: int, place: tuple[int, ...], h: float, at: Any = None) -> Any:
    """One difference quotient with the step h. `at` is f at the point, if it is known."""
    x = problem.xs[k].dtype.type(problem.xs[k][place])
    if scheme == "complex":
        return problem.column(k, place, 1j * h).imag / h
    above = x + x.dtype.type(h)
    if scheme == "forward":
        base = problem.value(problem.xs) if at is None else at
        return (_wide(problem.column(k, place, above - x)) - _wide(base)) / float(above - x)
    below = x - x.dtype.type(h)
    rise = _wide(problem.column(k, place, above - x)) - _wide(problem.column(k, place, below - x))
    return rise / float(above - below)  # the steps that were taken, not those that were asked for


# -- real steps ---------------------------------------------------------------------------------------


def _real_columns(problem: Problem, scheme: str, step: float | None) -> Callable[[int, tuple[int, ...]], tuple[Any, Any, Any]]:
    middle = _wide(problem.value(problem.xs))
    noise = rounding(problem, middle)
    eps = max([float(np.finfo(x.dtype).eps) for x in problem.xs])
    single = eps > _EPS

    def column(k: int, place: tuple[int, ...]) -> tuple[Any, Any, Any]:
        x = float(abs(problem.xs[k][place]))
        ratio = _SHRINK if step is None else 2.0
        first = max(x, _SMALL) * (_FIRST_SINGLE if single else _FIRST) if step is None else scale_of(x) * step
        table = _Table(1 if scheme == "forward" else 2, ratio, scheme == "richardson" and step is None, noise)
        h = first
        for level in range(_LEVELS if step is None else 2):
            with np.errstate(all="ignore"):
                table.add(h, quotient(problem, scheme, k, place, h, middle))
            if step is None and (table.is_past_best() or h < 4 * eps * x):
                break
            h = first / ratio ** (level + 1)
        return table.best() if step is None else table.first()

    return column


class _Table:
    """Difference quotients for smaller and smaller steps; for each element the one whose truncation and rounding errors are least.

    order: of the truncation error in h; the terms after it are of its multiples, which `extrapolate` takes out.

    What an entry of the table is worth shows in later ones too: where those contradict it by more than their rounding, as they
    do if a large step went around a period or across a pole, its error is at least the contradiction.
    """

    def __init__(self, order: int, ratio: float, extrapolate: bool, noise: Any) -> None:
        self.order, self.ratio, self.extrapolate = order, ratio, extrapolate
        self.noise = noise * (2 if order == 1 else 1)  # of two values, over h or 2 h
        self.row: list[Any] = []
        self.steps: list[float] = []
        self.quotients: list[Any] = []
        self.candidates: list[tuple[Any, Any, int]] = []  # (value, error, level)
        self.truncation: Any = None

    def add(self, h: float, quotient: Any) -> None:
        """The quotient of the next step."""
        last, level = self.row, len(self.steps)
        self.steps.append(h)
        self.quotients.append(quotient)
        rounding = self.noise / h + 4 * _EPS * np.abs(quotient)
        with np.errstate(all="ignore"):
            self.candidates = [(v, np.fmax(e, np.abs(quotient - v) - _SAFETY * rounding), n) for v, e, n in self.candidates]
            self.row = [quotient]
            if last:
                factor = self.ratio**self.order
                truncation = np.abs(quotient - last[0]) / (factor - 1)
                # where two quotients agree by chance, the two before tell what to expect
                expected = truncation if self.truncation is None else np.fmax(truncation, self.truncation / factor**2)
                self.truncation = truncation
                self.candidates.append((quotient, _SAFETY * expected + rounding, level))
            for column, old in enumerate(last[: len(_GROWTH)] if self.extrapolate else []):
                factor = self.ratio ** (self.order * (column + 1))
                entry = (factor * self.row[column] - old) / (factor - 1)
                guess = np.maximum(np.abs(entry - self.row[column]), np.abs(entry - old))
                self.candidates.append((entry, guess + _GROWTH[column] * rounding, level))
                self.row.append(entry)

    def best(self) -> tuple[Any, Any, Any]:
        """(value, error, step) of the entry with the least error, element by element."""
        values, errors, levels = (np.stack([np.broadcast_to(c[i], np.shape(self.noise)) for c in self.candidates]) for i in range(3))
        errors = np.where(np.isfinite(values) & np.isfinite(errors), errors, np.inf)
        chosen = np.argmin(errors, axis=0)[None]
        value, error, level = (np.take_along_axis(a, chosen, 0)[0] for a in (values, errors, levels))
        return np.where(np.isfinite(error), value, np.nan), error, np.asarray(self.steps)[level]

    def is_past_best(self) -> bool:
        """Whether the last steps have not helped any element."""
        if len(self.steps) < 5:
            return False
        _, error, step = self.best()
        return bool(np.all(np.isfinite(error) & (step >= self.steps[-4])))

    def first(self) -> tuple[Any, Any, Any]:
        """(value, error, step) of the first step; the second one tells its error."""
        h, one, two = self.steps[0], *self.quotients
        factor = self.ratio**self.order
        error = _SAFETY * np.abs(one - two) * factor / (factor - 1) + self.noise / h * factor + 4 * _EPS * np.abs(one)
        return one, error, np.full(np.shape(one), h)


def rounding(problem: Problem, middle: Any) -> Any:
    """The error of f by rounding, an array like its result: what is left of small moves when the smooth part is taken out.

    Fourth differences of values at equal steps of eps^0.36 are rounding alone (Hamming 1971; Moré & Wild 2011). At least half a
    unit in the last place of f.
    """
    kind = np.finfo(np.result_type(*[x.dtype for x in problem.xs]))
    step = float(kind.eps) ** 0.36
    values = []
    with np.errstate(all="ignore"):
        for t in np.arange(_PROBES) - (_PROBES - 1) / 2:
            moved = [x + t * step * rate * np.where(x == 0, step, np.abs(x)) for x, rate in zip(problem.xs, _rates(problem), strict=True)]
            values.append(_wide(problem.value([m.astype(x.dtype) for m, x in zip(moved, problem.xs, strict=True)])))
        fourth = np.diff(np.stack(values), 4, axis=0)
        found = np.sqrt(np.mean(fourth**2, axis=0) / 70)  # 70 = 1² + 4² + 6² + 4² + 1²
    return np.fmax(3 * np.where(np.isfinite(found), found, 0), float(kind.eps) / 2 * np.abs(middle)) + float(kind.tiny)


def _wide(y: Any) -> Any:
    return np.asarray(y).astype(np.float64)


# -- the complex step -----------------------------------------------------------------------------------


def _complex_columns(problem: Problem, step: float | None) -> Callable[[int, tuple[int, ...]], tuple[Any, Any, Any]]:
    eps = max([float(np.finfo(x.dtype).eps) for x in problem.xs])

    def column(k: int, place: tuple[int, ...]) -> tuple[Any, Any, Any]:
        h = scale_of(problem.xs[k][place]) * (1e-20 if step is None else step)
        # nothing is subtracted; what is left is the rounding of f' itself, which shows in second differences of neighbours
        neighbour = scale_of(problem.xs[k][place]) * eps**0.5
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                value = problem.column(k, place, 1j * h).imag / h
                below, above = (problem.column(k, place, t + 1j * h).imag / h for t in (-neighbour, neighbour))
            except (TypeError, np.exceptions.ComplexWarning) as error:
                if isinstance(error, WengertError):
                    raise
                raise _not_analytic(problem, f"{type(error).__name__}: {error}") from error
        # the second term: what half a unit in the last place of x makes of f'
        spread = np.maximum(np.abs(above - 2 * value + below), np.abs(above - below) * eps**0.5)
        expected = 2 * spread + 8 * eps * np.abs(value)
        if step is not None:  # a step may be so large that it truncates
            expected += _SAFETY * 4 / 3 * np.abs(value - problem.column(k, place, 0.5j * h).imag / (0.5 * h))
        return value, expected, np.full(value.shape, h)

    return column


def require_analytic(problem: Problem) -> None:
    """Raise where f does with its variables what is not analytic: the imaginary part would be lost, and the derivative wrong.

    A function that cannot be traced is taken at its word.
    """
    try:
        function, _, active = problem.trace(values_decide=True)
    except WengertError:
        return
    found = _first_not_analytic(function, active)
    if found is not None:
        raise _not_analytic(problem, f"{found.operation.name}" + (f" at {found.span}" if found.span else ""))


def _require_confirmed(problem: Problem, values: list[Any]) -> None:
    """Raise where central differences along one line tell of a derivative that is altogether different.

    That is so where a function outside of the trace drops the imaginary part, or, as some of SciPy's, loses one that is tiny.
    """
    kind = np.finfo(np.result_type(*[x.dtype for x in problem.xs]))
    lines = [np.where(x == 0, 1.0, np.abs(x)) * rate for x, rate in zip(problem.xs, _rates(problem), strict=True)]
    said = sum([np.sum(v * line, axis=tuple(range(np.ndim(v) - line.ndim, np.ndim(v)))) for v, line in zip(values, lines, strict=True)])
    with np.errstate(all="ignore"):
        ends = {}
        for t in (1.0, -1.0, 2.0, -2.0):
            h = t * float(kind.eps) ** 0.38
            ends[t] = _wide(problem.value([(x + h * line).astype(x.dtype) for x, line in zip(problem.xs, lines, strict=True)]))
        near, far = ((ends[t] - ends[-t]) / (2 * t * float(kind.eps) ** 0.38) for t in (1.0, 2.0))
        doubt = np.abs(near - far) + 8 * float(kind.eps) ** 0.62 * np.maximum(np.abs(ends[1.0]), np.abs(ends[-1.0]))
        wrong = np.abs(said - near) > 1e-3 * np.abs(near) + 10 * doubt
    if np.any(wrong):
        place = np.unravel_index(int(np.argmax(wrong)), np.shape(wrong))
        texts = [f"{np.asarray(x)[place]:.6g}" for x in (said, near)]
        raise _not_analytic(problem, f"along one line it finds {texts[0]}, central differences find {texts[1]}")


def _rates(problem: Problem) -> list[Any]:
    """How fast each variable moves along a line on which all do: at different rates."""
    return [1 + 0.37 * np.cos(np.arange(x.size).reshape(x.shape) + k) for k, x in enumerate(problem.xs)]


def _first_not_analytic(function: Function, active: list[int]) -> Any:
    """The first equation that is not analytic and has something that depends on the variables among its operands."""
    for inner in nested(function):
        reached = set(inner.inputs if inner is not function else [inner.inputs[k] for k in active])
        for equation in inner.equations:
            if not any([a in reached for a in equation.operands]):
                continue
            operation: Any = equation.operation
            flat = not any([getattr(v.type, "inexact", False) for v in equation.outs])
            if not operation.analytic and not flat:
                return equation
            reached.update(equation.outs)
    return None


def _not_analytic(problem: Problem, what: str) -> NotDifferentiableError:
    return NotDifferentiableError(
        four_parts(
            f"the complex step cannot differentiate {problem.name}",
            what,
            "It needs a function that is analytic on its way and takes complex numbers: the imaginary part carries the derivative.",
            "method='numerical', 'forward' or 'reverse'",
            where(problem.f),
        )
    )
