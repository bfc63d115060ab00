"""Interleaved medians: time several ways of doing one thing in turn, so that noise falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def interleaved(ways: dict[str, Callable[[], object]], rounds: int = 25, seconds: float = 0.02) -> dict[str, list[float]]:
    """Seconds a call of each way: one figure a round, each over enough calls to last `seconds`."""
    counts = {}
    for name, way in ways.items():
        way()
        start = time.perf_counter()
        way()
        counts[name] = max(1, int(seconds / max(1e-9, time.perf_counter() - start)))
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            for _ in range(counts[name]):
                way()
            figures[name].append((time.perf_counter() - start) / counts[name])
    return figures


def table(title: str, figures: dict[str, list[float]], against: str) -> str:
    """Median, spread (quartiles) and ratio to the way named `against`, one line a way."""
    base = statistics.median(figures[against])
    lines = [title]
    for name, values in figures.items():
        low, middle, high = statistics.quantiles(values, n=4)
        lines.append(f"  {name:<28} {middle * 1e6:12.1f} µs  [{low * 1e6:.1f}, {high * 1e6:.1f}]  {middle / base:6.2f} × {against}")
    return "\n".join(lines)
