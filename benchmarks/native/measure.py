"""Several ways of one computation, timed in turn, after their results have been compared; peers and C where there are any.

Knows none of the benchmarks. Start at `timed`; a script's `main` is `report`.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.native import THREADS

PEERS = ("wengert", "numpy", "scipy", "llvmlite", "jax", "torch", "autograd", "casadi", "numba")
FLAGS = ("-O3", "-march=native")  # for C
ROOT = Path(__file__).resolve().parents[2]

Way = tuple[Any, ...]  # (callable, argument, …): called with the arguments as they are, so that nothing but the call is timed


class Timer(Protocol):
    """What times itself: seconds that `number` calls take."""

    def timeit(self, number: int) -> float: ...


@dataclass
class Table:
    """Seconds a call, several figures each way, and what they are compared with."""

    title: str
    against: str  # the way that ratios are relative to
    seconds: dict[str, list[float]]
    threads: int = THREADS
    notes: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)  # what else was found: exponents, means

    def median(self, name: str) -> float:
        return statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """Time of a way relative to that of `against`."""
        return self.median(name) / self.median(self.against)

    def __str__(self) -> str:
        lines = [f"{self.title}  ({self.threads} thread{'s' * (self.threads != 1)})"]
        width = max([30, *map(len, self.seconds)])
        for name, values in self.seconds.items():
            low, high = spread(values)
            relative = f"  {self.ratio(name):8.2f} × {self.against}" if self.against in self.seconds else ""
            lines.append(f"  {name:<{width}} {shown(self.median(name)):>10}  [{shown(low)}, {shown(high)}]{relative}")
        lines += [f"  {name}: {value:.3g}" for name, value in self.figures.items()]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """As written to JSON."""
        medians = {name: {"median": self.median(name), "quartiles": spread(values)} for name, values in self.seconds.items()}
        return {**asdict(self), "medians": medians}


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The lower and upper quartile."""
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def shown(seconds: float) -> str:
    """Seconds with a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}" if seconds < 1000 * scale else f"{seconds / scale:.0f} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


# -- timing ---------------------------------------------------------------------------------------


def timed(
    title: str,
    ways: Mapping[str, Way | Timer],
    against: str,
    rounds: int = 15,
    seconds: float = 0.03,
    longest: float = math.inf,
) -> Table:
    """Call each way in turn, `rounds` times over, each time as often as lasts `seconds`.

    A way that would need more than `longest` seconds for all rounds takes part in fewer of them, in three at least.
    """
    timers = {name: _timer(*way) if isinstance(way, tuple) else way for name, way in ways.items()}
    counts, turns = {}, {}
    for name, timer in timers.items():
        once = max(1e-9, timer.timeit(1))
        if once < longest / 10:
            timer.timeit(1)
            once = max(1e-9, timer.timeit(1))
        if once < seconds / 20:
            once = max(1e-9, timer.timeit(10) / 10)
        counts[name] = max(1, int(seconds / once))
        turns[name] = min(rounds, max(3, int(min(rounds, longest / (counts[name] * once)))))
    figures: dict[str, list[float]] = {name: [] for name in ways}
    gc.collect()
    for turn in range(rounds):
        for name, timer in timers.items():
            if turn * turns[name] // rounds < (turn + 1) * turns[name] // rounds:
                figures[name].append(timer.timeit(counts[name]) / counts[name])
    return Table(title, against, figures)


def _timer(function: Callable[..., Any], *arguments: Any) -> timeit.Timer:
    names = [f"a{i}" for i in range(len(arguments))]
    return timeit.Timer(f"f({', '.join(names)})", globals={"f": function, **dict(zip(names, arguments, strict=True))})


def agree(results: Mapping[str, Any], tolerance: float = 1e-10) -> None:
    """Stop unless all ways give the first one's result: arrays, or tuples of them, compared relative to their largest element."""
    (first, wanted), *others = [(name, _flat(result)) for name, result in results.items()]
    for name, got in others:
        assert len(got) == len(wanted), f"{name}: {len(got)} results, {first}: {len(wanted)}"
        for g, w in zip(got, wanted, strict=True):
            assert g.shape == w.shape, f"{name}: shape {g.shape}, {first}: {w.shape}"
            off = float(np.max(np.abs(g - w), initial=0.0))
            assert off <= tolerance * max(1.0, float(np.max(np.abs(w), initial=0.0))), f"{name} and {first} differ by {off}"


def _flat(result: Any) -> list[np.ndarray]:
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in _flat(item)]
    return [np.asarray(result)]


# -- peers and C ------------------------------------------------------------------------------------


def peer(name: str) -> Any:
    """A peer's module, ready for float64 and as many threads as wanted; None, with a notice, where it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        print(f"notice: {name} is not installed and left out (pip install {name})", file=sys.stderr)
        return None
    if name == "jax":
        module.config.update("jax_enable_x64", True)
    if name == "torch":
        module.set_num_threads(THREADS)
    return module


def c_library(source: str, flags: Sequence[str] = FLAGS) -> Any:
    """C text compiled and loaded; None, with a notice, where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        print("notice: there is no C compiler on PATH, and C is left out", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as folder:
        text, library = Path(folder, "loop.c"), Path(folder, "loop.so")
        text.write_text(source)
        subprocess.run([compiler, *flags, "-shared", "-fPIC", str(text), "-o", str(library), "-lm"], check=True)
        return ctypes.CDLL(str(library))


def pin() -> None:
    """Leave this process, and all threads that its libraries will start, as many cores as threads were asked for."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])


def fresh(arguments: Sequence[str], environment: Mapping[str, str] | None = None, timeout: float | None = None) -> str:
    """What another interpreter prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **(environment or {})},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


# -- reports ----------------------------------------------------------------------------------------


def report(tables: Callable[[], Iterable[Table]], description: str | None) -> None:
    """Print the tables as they are made; with --json, write them to a file too."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    pin()
    made = []
    for table in tables():
        print(table, flush=True)
        made.append(table.record())
    if options.json:
        Path(options.json).write_text(json.dumps({"machine": machine(), "tables": made}, indent=1))


def machine() -> dict[str, Any]:
    """Where the figures come from."""
    return {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version(), **_versions()}


def _versions() -> dict[str, str]:
    found = {}
    for name in PEERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
