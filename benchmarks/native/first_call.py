"""First call of a compiled gradient: trace, compile and run, in fresh processes, with no disk cache and with a full one.

Imports are done before the clock starts (all of wengert's rooms that a first call uses, llvmlite where it will be needed; JAX's backend is
running), and nothing else is: the function timed is the first that the process traces and compiles, but for the rows "second function",
before which it did another, of one line.
Then straight-line programs of 10³ and 10⁴ statements, and the exponent that fits their times.

    python -m benchmarks.native.first_call [--json FILE]
"""

from __future__ import annotations

import importlib
import linecache
import math
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.native.measure import Table, fresh, peer, report

ROUNDS = 7
LONGEST = 60.0  # seconds that a process may take
COUNTS = (1_000, 10_000)


def fifty(np: Any) -> Callable[[Any], Any]:
    """50 operations on a vector: 6 times 8, no two rounds the same, one before and one after."""

    def f(x):
        y = x * 0.9
        for k in range(6):
            y = np.sin(y * (0.5 + 0.1 * k)) + x
            y = np.tanh(y) - np.exp(-y * y)
        return np.sum(y)

    return f


FORMS = (  # block by block; the last statement of a block adds to a total, so that every block matters to the result
    "np.sin({x} + 0.1 * {previous})",
    "{previous} * 0.7 + {y}",
    "{previous} * {before}",
    "0.5 * ({previous} - {before})",
    "np.tanh({previous} + 0.1)",
    "{previous} / (1.5 + {before} * {before})",
    "np.exp(-{previous} * {previous})",
    "{total} + {previous}",
)


def statements(np: Any, count: int) -> Callable[[Any], Any]:
    """A straight-line program of so many statements on scalars."""
    lines = ["def f(v0, v1):"]
    for k in range(2, count + 2):
        names = {"x": "v0", "y": "v1", "previous": f"v{k - 1}", "before": f"v{k - 2}", "total": f"v{max(1, k - 8)}"}
        lines.append(f"    v{k} = {FORMS[(k - 2) % 8].format(**names)}")
    lines.append(f"    return v{count + 1}")
    text = "\n".join(lines)
    name = f"<{count} statements>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"np": np}
    exec(compile(text, name, "exec"), scope)
    return scope["f"]


# -- in the fresh process ---------------------------------------------------------------------------


def child(library: str, program: str, before: str) -> None:
    """Print the seconds of a first call, and its result."""
    if library == "wengert":
        import wengert as wg

        # what the first call would import
        for room in ("api", "codegen", "numpy", "passes", "runtime", "trace", "trace.capture", "transform"):
            package = importlib.import_module(f"wengert.{room}")
            for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
                importlib.import_module(found.name)
        if "cold" in before:
            importlib.import_module("llvmlite.binding")
        module, compiled = np, lambda f: wg.jit(wg.grad(f))
    else:
        jax = peer("jax")
        if "cache" in before:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
            jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        jax.block_until_ready(jax.device_put(np.ones(2)))
        module, compiled = jax.numpy, lambda f: jax.jit(jax.grad(f))
    if "second" in before:
        compiled(lambda x: module.sum(x * x))(np.ones(3))  # the second function follows
    if program == "fifty":
        f, arguments = fifty(module), (np.linspace(-1.0, 1.0, 100),)
    else:
        f, arguments = statements(module, int(program)), (0.3, 0.6)
    start = time.perf_counter()
    result = np.asarray(compiled(f)(*arguments))
    print(time.perf_counter() - start, float(result.sum()))


def first(library: str, program: str, before: str, cache: str) -> tuple[float, float]:
    """Seconds and result of a first call in a fresh process."""
    environment = {"WENGERT_CACHE_DIR": cache} if library == "wengert" else {}
    if library == "jax" and "cache" in before:
        environment["JAX_COMPILATION_CACHE_DIR"] = cache
    seconds, result = fresh(["-m", "benchmarks.native.first_call", "--child", library, program, before], environment, LONGEST).split()
    return float(seconds), float(result)


# -- here ---------------------------------------------------------------------------------------------


def tables() -> Iterator[Table]:
    libraries = ["wengert", *(["jax"] if peer("jax") else [])]
    yield of_fifty(libraries)
    yield from of_statements(libraries)


def of_fifty(libraries: list[str]) -> Table:
    figures: dict[str, list[float]] = {}
    found = set()
    with tempfile.TemporaryDirectory() as full:
        for library in libraries:
            first(library, "fifty", "cache second", f"{full}/{library}")
        for _ in range(ROUNDS):
            for library in libraries:
                for name, before in (
                    ("cold", "cold"),
                    ("cold, second function", "cold second"),
                    ("warm disk cache", "cache"),
                    ("warm disk cache, second function", "cache second"),
                ):
                    with tempfile.TemporaryDirectory() as empty:
                        seconds, result = first(library, "fifty", before, f"{full}/{library}" if "cache" in before else empty)
                    figures.setdefault(f"{library}, {name}", []).append(seconds)
                    found.add(round(result, 8))
    assert len(found) == 1, found
    return Table("first call of the gradient of 50 operations", "wengert, cold", figures)


def of_statements(libraries: list[str]) -> Iterator[Table]:
    medians: dict[tuple[str, int], float] = {}
    for count in COUNTS:
        figures: dict[str, list[float]] = {}
        found, notes = set(), []
        for turn in range(3):
            for library in libraries:
                if library != "wengert" and turn and count == max(COUNTS):
                    continue  # a minute each
                try:
                    with tempfile.TemporaryDirectory() as empty:
                        seconds, result = first(library, str(count), "cold second", empty)
                except subprocess.TimeoutExpired:
                    notes.append(f"{library} took more than {LONGEST:.0f} s")
                    continue
                figures.setdefault(library, []).append(seconds)
                found.add(float(f"{result:.8g}"))
        assert len(found) == 1, found
        table = Table(f"first call of the gradient of {count} straight-line statements", "wengert", figures, notes=notes)
        for library in figures:
            medians[library, count] = table.median(library)
            if count == max(COUNTS) and (library, min(COUNTS)) in medians:
                growth = medians[library, count] / medians[library, min(COUNTS)]
                table.figures[f"{library}, exponent of the count"] = math.log(growth) / math.log(count / min(COUNTS))
        yield table


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:5])
    else:
        report(tables, __doc__)
