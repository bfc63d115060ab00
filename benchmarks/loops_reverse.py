"""Gradients of loops against the loops' values in numba, in one run: time, memory a step, time to compile.

    python benchmarks/loops_reverse.py [NAME …]

Where numba is not installed, the value is wengert's own. Start at `CASES`; a case is (program, numba's program, arguments, steps).
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg

try:
    from numba import njit
except ImportError:
    njit = None

STEPS = 100_000
Case = tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...], int]


def euler() -> Case:
    """s = s + h f(s), no trajectory."""

    def ours(s: Any, h: Any) -> Any:
        return wg.loop(0, STEPS, lambda i, s: s + h * (1.5 - s * s / (1.0 + 0.5 * s)), s)

    def theirs(s: float, h: float) -> float:
        for _ in range(STEPS):
            s = s + h * (1.5 - s * s / (1.0 + 0.5 * s))
        return s

    return ours, theirs, (0.3, 1e-4), STEPS


def trajectory() -> Case:
    """The same, with every state written into an array."""

    def ours(s: Any, h: Any) -> Any:
        def step(i: Any, state: Any) -> Any:
            s, x = state
            s = s + h * (1.5 - s * s / (1.0 + 0.5 * s))
            return s, x.at[i].set(s)

        s, x = wg.loop(0, STEPS, step, (s, np.zeros(STEPS)))
        return np.sum(x) + s

    def theirs(s: float, h: float) -> float:
        x = np.zeros(STEPS)
        for i in range(STEPS):
            s = s + h * (1.5 - s * s / (1.0 + 0.5 * s))
            x[i] = s
        return np.sum(x) + s

    return ours, theirs, (0.3, 1e-4), STEPS


def sine() -> Case:
    """A step with an elementary function."""

    def ours(s: Any, h: Any) -> Any:
        return wg.loop(0, STEPS, lambda i, s: s + h * np.sin(s), s)

    def theirs(s: float, h: float) -> float:
        for _ in range(STEPS):
            s = s + h * np.sin(s)
        return s

    return ours, theirs, (0.3, 1e-4), STEPS


def in_place() -> Case:
    """x[i] = a x[i-1] + b x[i-2] x[i-1]."""

    def ours(x: Any, a: Any) -> Any:
        x = wg.loop(2, STEPS, lambda i, x: x.at[i].set(a * x[i - 1] + 0.1 * x[i - 2] * x[i - 1]), x)
        return np.sum(x)

    def theirs(x: Any, a: float) -> float:
        x = x.copy()
        for i in range(2, STEPS):
            x[i] = a * x[i - 1] + 0.1 * x[i - 2] * x[i - 1]
        return np.sum(x)

    return ours, theirs, (np.linspace(0.5, 1.0, STEPS), 0.95), STEPS


def garch() -> Case:
    """The log-likelihood of a GARCH(1,1) model."""
    r = np.random.default_rng(0).normal(size=STEPS)

    def ours(w: Any, r: Any) -> Any:
        def step(i: Any, state: Any) -> Any:
            v, total = state
            v = w[0] + w[1] * r[i - 1] ** 2 + w[2] * v
            return v, total + np.log(v) + r[i] ** 2 / v

        return wg.loop(1, STEPS, step, (1.0, 0.0))[1]

    def theirs(w: Any, r: Any) -> float:
        v, total = 1.0, 0.0
        for i in range(1, STEPS):
            v = w[0] + w[1] * r[i - 1] ** 2 + w[2] * v
            total = total + np.log(v) + r[i] ** 2 / v
        return total

    return ours, theirs, (np.array([0.05, 0.1, 0.85]), r), STEPS


def independent() -> Case:
    """A sum over iterations that do not see each other."""

    def ours(x: Any, a: Any) -> Any:
        return wg.loop(0, STEPS, lambda i, s: s + a * x[i] * x[i] / (1.0 + x[i] * x[i] * a), 0.0)

    def theirs(x: Any, a: float) -> float:
        s = 0.0
        for i in range(STEPS):
            s = s + a * x[i] * x[i] / (1.0 + x[i] * x[i] * a)
        return s

    return ours, theirs, (np.linspace(0.5, 1.0, STEPS), 0.95), STEPS


def newton() -> Case:
    """A while in a loop: cube roots."""
    n = STEPS // 10

    def ours(x: Any) -> Any:
        def root(c: Any) -> Any:
            return wg.while_loop(lambda s: np.abs(s * s * s - c) > 1e-12, lambda s: s - (s * s * s - c) / (3 * s * s), 1.0 + 0 * c)

        return wg.loop(0, n, lambda i, total: total + root(x[i]), 0.0)

    def theirs(x: Any) -> float:
        total = 0.0
        for i in range(n):
            s = 1.0
            while abs(s * s * s - x[i]) > 1e-12:
                s = s - (s * s * s - x[i]) / (3 * s * s)
            total += s
        return total

    return ours, theirs, (np.linspace(0.5, 3.0, n),), n


def cholesky(n: int = 64) -> Case:
    """Triangular loops of scalars."""

    def ours(A: Any) -> Any:
        def row(i: Any, L: Any) -> Any:
            def column(j: Any, L: Any) -> Any:
                s = wg.loop(0, j, lambda k, s: s - L[i, k] * L[j, k], A[i, j])
                return L.at[i, j].set(s / L[j, j])

            L = wg.loop(0, i, column, L)
            s = wg.loop(0, i, lambda k, s: s - L[i, k] * L[i, k], A[i, i])
            return L.at[i, i].set(np.sqrt(s))

        L = wg.loop(0, n, row, np.zeros((n, n)))
        return np.sum(L * L)

    def theirs(A: Any) -> float:
        L = np.zeros((n, n))
        for i in range(n):
            for j in range(i):
                s = A[i, j]
                for k in range(j):
                    s -= L[i, k] * L[j, k]
                L[i, j] = s / L[j, j]
            s = A[i, i]
            for k in range(i):
                s -= L[i, k] * L[i, k]
            L[i, i] = np.sqrt(s)
        return np.sum(L * L)

    B = np.random.default_rng(0).normal(size=(n, n))
    return ours, theirs, (B @ B.T + n * np.eye(n),), n**3 // 6


CASES: dict[str, Callable[[], Case]] = {f.__name__: f for f in (euler, trajectory, sine, in_place, garch, independent, newton, cholesky)}


def interleaved(ways: dict[str, Callable[[], Any]], rounds: int = 25, seconds: float = 0.02) -> dict[str, float]:
    """The median of the seconds a call of each way, the ways called in turn."""
    counts, figures = {}, {name: [] for name in ways}  # type: ignore[var-annotated]
    for name, way in ways.items():
        way()
        start = time.perf_counter()
        way()
        counts[name] = max(1, int(seconds / max(1e-9, time.perf_counter() - start)))
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                way()
            figures[name].append((time.perf_counter() - start) / counts[name])
    return {name: statistics.median(values) for name, values in figures.items()}


def main(names: list[str]) -> None:
    print(f"{'':14}{'value':>12}{'ours':>12}{'gradient':>12}{'ratio':>8}{'to ours':>8}{'bytes/step':>12}{'compile':>10}")
    for name in names or CASES:
        ours, theirs, arguments, steps = CASES[name]()
        value, gradient = wg.jit(ours), wg.jit(wg.grad(ours))
        start = time.perf_counter()
        gradient(*arguments)
        compiling = time.perf_counter() - start
        reference = njit(theirs) if njit else value
        np.testing.assert_allclose(value(*arguments), reference(*arguments), rtol=1e-9)
        found = interleaved(
            {
                "reference": lambda reference=reference, arguments=arguments: reference(*arguments),
                "value": lambda value=value, arguments=arguments: value(*arguments),
                "gradient": lambda gradient=gradient, arguments=arguments: gradient(*arguments),
            }
        )
        scratch = (gradient.cost(*arguments).arena_bytes or 0) / steps
        print(
            f"{name:14}{found['reference'] * 1e6:10.1f}µs{found['value'] * 1e6:10.1f}µs{found['gradient'] * 1e6:10.1f}µs"
            f"{found['gradient'] / found['reference']:8.2f}{found['gradient'] / found['value']:8.2f}{scratch:12.1f}{compiling:9.2f}s"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
