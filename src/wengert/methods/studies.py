"""What is swept: errors over the step, sizes of formulas over the length of a program, times over the shape of a Jacobian.

Knows the methods. Start at `step_size`.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.api.jacobian import jacfwd, jacrev
from wengert.errors import ArgumentError, UserError, four_parts
from wengert.methods import figures, forward, numerical, precise, reverse, symbolic
from wengert.methods.problem import Problem
from wengert.source import here

_SCHEMES = {"forward": "forward (O(h))", "central": "central (O(h²))", "complex": "complex step"}


class StepSizes:
    """Relative errors over relative steps, one list a scheme; `chosen` has the step that is found by itself, and its error."""

    def __init__(self, name: str, steps: list[float], errors: dict[str, list[float]], chosen: dict[str, tuple[float, float]]) -> None:
        self.name, self.steps, self.errors, self.chosen = name, steps, errors, chosen

    def plot(self, path: str | None = None) -> Any:
        """A matplotlib figure, saved to a file if one is named."""
        curves = {_SCHEMES[s]: (self.steps, e) for s, e in self.errors.items()}
        marks = {_SCHEMES[s]: point for s, point in self.chosen.items()}
        return figures.lines(
            path,
            [("relative error", curves)],
            f"Differences of {self.name}: truncation on the right, rounding on the left",
            "step, relative to x",
            marks=marks,
            mark="the step chosen",
        )

    def __repr__(self) -> str:
        rows = ["step     " + "".join([f"{s:>12}" for s in self.errors])]
        rows += [f"{h:<9.0e}" + "".join([f"{e[i]:>12.1e}" for e in self.errors.values()]) for i, h in enumerate(self.steps)]
        rows += ["chosen   " + "".join([f"{self.chosen[s][1]:>12.1e}" if s in self.chosen else " " * 12 for s in self.errors])]
        return "\n".join(rows)


def step_size(f: Callable[..., Any], x: float, steps: Sequence[float] | None = None) -> StepSizes:
    """See `compare.step_size`."""
    problem = Problem(f, (x,), 0)
    if problem.size != 1 or problem.value(problem.xs).size != 1:
        raise ArgumentError(
            four_parts(
                "step_size is of a function of one number with one number as result",
                f"{problem.name}: {problem.size} variables",
                instead=f"lambda t: {problem.name}(x + t * v), a line through x",
                where=here(),
            )
        )
    function, values, active = problem.trace(values_decide=True)
    exact = np.asarray(precise.jacobian(function, values, active)[1][0], object).flat[0]

    def error(v: Any) -> float:
        return float(abs(exact - float(np.asarray(v).flat[0])) / (abs(exact) or 1))

    relative = [10.0**-k for k in np.arange(0, 16.01, 0.25)] if steps is None else [float(h) for h in steps]
    scale, place = numerical.scale_of(problem.xs[0]), (0,) * problem.xs[0].ndim
    found: dict[str, list[float]] = {}
    chosen: dict[str, tuple[float, float]] = {}
    for scheme in _SCHEMES:
        try:
            with np.errstate(all="ignore"):
                auto = numerical.differences(problem, scheme)
                found[scheme] = [error(numerical.quotient(problem, scheme, 0, place, h * scale)) for h in relative]
        except UserError:
            continue
        chosen[scheme] = (float(np.asarray(auto.steps[0]).flat[0]) / scale, error(auto.values[0]))  # type: ignore[index]
    chosen.pop("complex", None)  # its step is any small one
    return StepSizes(problem.name, relative, found, chosen)


class Swell:
    """By sizes n: operations of the derivative's formula, of forward and of reverse mode's programs, and seconds to make and run each.

    `formula` ends where the formulas are refused.
    """

    def __init__(self, name: str, sizes: list[int]) -> None:
        self.name, self.sizes = name, sizes
        self.formula: list[int] = []
        self.forward: list[int] = []
        self.reverse: list[int] = []
        self.seconds: dict[str, list[float]] = {"formula": [], "forward": [], "reverse": []}

    def plot(self, path: str | None = None) -> Any:
        """A matplotlib figure of sizes and times, saved to a file if one is named."""
        counts = {"formula": self.formula, "forward mode": self.forward, "reverse mode": self.reverse}
        sizes = {k: (self.sizes[: len(v)], v) for k, v in counts.items()}
        times = {k: (self.sizes[: len(v)], v) for k, v in zip(sizes, self.seconds.values(), strict=True)}
        panels: list[Any] = [("operations of the derivative", sizes), ("seconds to make it and run it once", times)]
        return figures.lines(path, panels, f"Expression swell: the derivative of {self.name}(x, n)", "n", log=(False, True))

    def __repr__(self) -> str:
        rows = [f"{'n':>4}{'formula':>12}{'forward':>12}{'reverse':>12}"]
        for i, n in enumerate(self.sizes):
            grown = f"{self.formula[i]:>12,}" if i < len(self.formula) else f"{'refused':>12}"
            rows.append(f"{n:>4}{grown}{self.forward[i]:>12,}{self.reverse[i]:>12,}")
        return "\n".join(rows)


def swell(f: Callable[[Any, int], Any], at: float, sizes: Sequence[int]) -> Swell:
    """See `compare.swell`."""
    out = Swell(getattr(f, "__name__", "f"), [int(n) for n in sizes])
    refused = False
    symbolic.evaluated(warm := Problem(np.square, (float(at),)), symbolic.prepared(warm))  # SymPy is imported before times are taken
    second = list(inspect.signature(f).parameters)[1]
    for n in out.sizes:
        problem = Problem(functools.partial(f, **{second: n}), (float(at),), 0)
        if not refused:
            try:
                start = time.perf_counter()
                made = symbolic.prepared(problem)
                symbolic.evaluated(problem, made)
                out.seconds["formula"].append(time.perf_counter() - start)
                out.formula.append(made[1])
            except UserError:
                refused = True
        for name, mode, counts in (("forward", forward, out.forward), ("reverse", reverse, out.reverse)):
            start = time.perf_counter()
            mode.differentiate(problem)
            out.seconds[name].append(time.perf_counter() - start)
            counts.append(mode.operations(problem))
    return out


class Shapes:
    """Seconds of a Jacobian by forward and by reverse mode, for shapes (results, variables) with one number of elements."""

    def __init__(self, shapes: list[tuple[int, int]], forward: list[float], reverse: list[float]) -> None:
        self.shapes, self.forward, self.reverse = shapes, forward, reverse

    def plot(self, path: str | None = None) -> Any:
        """A matplotlib figure, saved to a file if one is named."""
        ratio = [n / m for m, n in self.shapes]
        curves = {"forward mode": (ratio, self.forward), "reverse mode": (ratio, self.reverse)}
        total = self.shapes[0][0] * self.shapes[0][1]
        return figures.lines(path, [("seconds", curves)], f"Jacobians of {total:,} elements", "variables for each result")

    def __repr__(self) -> str:
        rows = [f"{'results':>8}{'variables':>11}{'forward':>14}{'reverse':>14}"]
        for (m, n), a, b in zip(self.shapes, self.forward, self.reverse, strict=True):
            rows.append(f"{m:>8}{n:>11}{a * 1e6:>11.1f} µs{b * 1e6:>11.1f} µs")
        return "\n".join(rows)


def shapes(total: int, family: Callable[[int, int], tuple[Callable[..., Any], Any]] | None = None) -> Shapes:
    """See `compare.shapes`."""
    columns = [n for n in (2**k for k in range(total.bit_length())) if total % n == 0]
    columns = columns[:: max(1, len(columns) // 6)]
    sizes = [(total // n, n) for n in columns]
    times: tuple[list[float], list[float]] = ([], [])
    for m, n in sizes:
        f, x = (family or _sine)(m, n)
        for jacobian, found in zip((jacfwd(f), jacrev(f)), times, strict=True):
            jacobian(x)
            best = np.inf
            for _ in range(5):
                start = time.perf_counter()
                jacobian(x)
                best = min(best, time.perf_counter() - start)
            found.append(best)
    return Shapes(sizes, *times)


def _sine(m: int, n: int) -> tuple[Callable[..., Any], Any]:
    a = np.cos(np.arange(m * n, dtype=float)).reshape(m, n) / np.sqrt(n)
    return lambda x: np.sin(a @ np.exp(np.sin(x))), np.linspace(0.1, 1.0, n)
