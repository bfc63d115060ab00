"""What one fresh process does for the runner: tools' results compared and timed in turn, or one tool's first call, or its memory.

Knows problems through their contract alone. It tells the runner each step before it begins, one line of JSON an event, so that a tool that
takes the process down, or never ends, is known by name. Start at `main`.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import sys
import time
import timeit
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.native.measure import peer, pin, spread, timed
from benchmarks.suite import problems
from benchmarks.suite.problem import Entry, Problem

PREFERRED = ("c", "jax", "torch", "casadi", "autograd", "torch_compiled", "wengert")  # whose result the others are held against
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}  # cpu: of all threads together, for a machine that others use too
STATISTIC = "VmHWM"  # the most memory a process held, of /proc/self/status


def find(names: Sequence[str] | None = None) -> dict[str, Problem]:
    """The problems, one of each file in `problems/`, by name; only those of certain files if they are named."""
    found = {}
    for module in pkgutil.iter_modules(problems.__path__):
        if names is None or module.name in names:
            loaded = importlib.import_module(f"{problems.__name__}.{module.name}")
            own = [thing for thing in vars(loaded).values() if isinstance(thing, type) and thing.__module__ == loaded.__name__]
            found |= {cls.name: cls() for cls in own if issubclass(cls, Problem) and hasattr(cls, "name")}
    return found


def ready(tool: str) -> None:
    """Import what a tool needs and start what it runs on, as a program that has done other work before would have."""
    if tool == "wengert":
        import wengert

        for room in ("api", "codegen", "numpy", "passes", "runtime", "trace", "transform"):  # what the first call would import
            package = importlib.import_module(f"{wengert.__name__}.{room}")
            for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
                importlib.import_module(found.name)
        importlib.import_module("llvmlite.binding")
    elif tool == "jax":
        if (jax := peer("jax")) is not None:
            jax.block_until_ready(jax.device_put(np.ones(2)))
    elif tool in ("torch", "torch_compiled"):
        if (torch := peer("torch")) is not None:
            torch.ones(2, dtype=torch.float64, requires_grad=True).sum().backward()
    elif tool in ("autograd", "casadi"):
        peer(tool)


# -- results ------------------------------------------------------------------------------------------


def leaves(result: Any) -> list[np.ndarray]:
    """The arrays of a result, copied, in order."""
    if isinstance(result, (tuple, list)):
        return [leaf for item in result for leaf in leaves(item)]
    if hasattr(result, "detach"):
        result = result.detach().numpy()
    return [np.asarray(result, dtype=float).copy()]


def difference(result: list[np.ndarray], wanted: list[np.ndarray], tolerance: float) -> str:
    """How two results differ by more than the tolerance, relative to each array's largest element; empty if they do not."""
    if [a.shape for a in result] != [a.shape for a in wanted]:
        return f"shapes {[a.shape for a in result]}, not {[a.shape for a in wanted]}"
    for i, (a, b) in enumerate(zip(result, wanted, strict=True)):
        off, size = (float(np.max(np.abs(v), initial=0.0)) for v in (a - b, b))
        if not off <= tolerance * size:  # so that NaN is a difference
            worst = np.unravel_index(int(np.argmax(np.abs(np.nan_to_num(a - b, nan=np.inf)))), a.shape)
            place = f"[{', '.join(map(str, worst))}]" if a.shape else ""
            return f"result {i}{place} is {float(a[worst])!r}, not {float(b[worst])!r}"
    return ""


def disagreements(results: dict[str, list[np.ndarray]], tolerance: float) -> dict[str, str]:
    """Tool -> how its result differs from that which most tools agree on; between equals the first of PREFERRED is believed."""
    if not results:
        return {}
    agreeing = {tool: sum(not difference(other, mine, tolerance) for other in results.values()) for tool, mine in results.items()}
    reference = max(results, key=lambda tool: (agreeing[tool], -PREFERRED.index(tool)))
    found = {tool: difference(mine, results[reference], tolerance) for tool, mine in results.items()}
    return {tool: f"disagrees with {reference}: {text}" for tool, text in found.items() if text}


# -- what a process is asked for --------------------------------------------------------------------------

Tell = Callable[..., None]


class Watched:
    """A way to be timed that says so first."""

    def __init__(self, tell: Tell, tool: str, what: str, call: Callable[[], Any], clock: str) -> None:
        self.tell, self.tool, self.what = tell, tool, what
        self.timer = timeit.Timer(call, timer=CLOCKS[clock])

    def timeit(self, number: int) -> float:
        self.tell(doing=f"timing {self.what}", tool=self.tool)
        return self.timer.timeit(number)


def compare(tell: Tell, problem: Problem, size: str, tools: Sequence[str], rounds: int, seconds: float, longest: float, clock: str) -> None:
    """Build each tool's entry, compare all results, and time those that agree."""
    data = problem.data(**problem.sizes[size])
    entries: dict[str, Entry] = {}
    results: dict[str, dict[str, list[np.ndarray]]] = {"value": {}, "derivative": {}}
    for tool in tools:
        tell(doing="building", tool=tool)
        try:
            ready(tool)
            entry = getattr(problem, tool)(*_fresh(data))
            tell(doing="first value", tool=tool)
            value = leaves(entry.value())
            tell(doing="first derivative", tool=tool)
            derivative = leaves(problem.outcome(entry.derivative()))
        except ModuleNotFoundError as error:
            tell(absent=str(error), tool=tool)
        except Exception as error:
            tell(failed=_text(error), traceback=traceback.format_exc()[-4000:], tool=tool)
        else:
            results["value"][tool], results["derivative"][tool], entries[tool] = value, derivative, entry
    for what, found in results.items():
        for tool, text in disagreements(found, problem.tolerance).items():
            tell(failed=f"{what} {text}", tool=tool)
            entries.pop(tool, None)
    for tool, entry in entries.items():
        tell(lines=entry.lines, tool=tool)
    for what in ("value", "derivative"):
        ways = {tool: Watched(tell, tool, what, getattr(entry, what), clock) for tool, entry in entries.items()}
        table = timed(f"{problem.title}, {what}", ways, next(iter(ways), ""), rounds, seconds, longest)
        for tool, figures in table.seconds.items():
            tell(timed=what, tool=tool, median=table.median(tool), quartiles=spread(figures), rounds=len(figures))


def first(tell: Tell, problem: Problem, size: str, tool: str, clock: str) -> None:
    """Seconds from the data to the first derivative: trace, compile and run, imports done before."""

    def now() -> float:
        there = os.times()
        return CLOCKS[clock]() + (there.children_user + there.children_system if clock == "cpu" else 0.0)  # C's compiler is a child

    data = problem.data(**problem.sizes[size])
    tell(doing="importing", tool=tool)
    ready(tool)
    tell(doing="first call", tool=tool)
    start = now()
    getattr(problem, tool)(*data).derivative()
    tell(first=now() - start, tool=tool)


def memory(tell: Tell, problem: Problem, size: str, tool: str) -> None:
    """Bytes that a derivative takes: the most the process holds during a compiled call, less what it held before the entry was built.

    The smallest size is run before, so that what a tool loads in order to compile is there in both; and what it takes to
    compile this size is over when the high-water mark is set back.
    """
    ready(tool)
    smallest = next(iter(problem.sizes))
    tell(doing="derivative of the smallest size", tool=tool)
    entry = getattr(problem, tool)(*problem.data(**problem.sizes[smallest]))
    entry.derivative()
    data = problem.data(**problem.sizes[size])
    before = _resident()
    tell(doing="first derivative", tool=tool)
    entry = getattr(problem, tool)(*data)
    entry.derivative()
    _resident()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark is now what is held
    tell(doing="derivative", tool=tool)
    entry.derivative()
    tell(memory=_status(STATISTIC) - before, tool=tool)


def _resident() -> int:
    """Bytes held, when everything that can be given back has been."""
    import ctypes

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    return _status("VmRSS")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))


def _fresh(data: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies, so that a tool that writes into its arguments harms no other."""
    return tuple(a.copy() if isinstance(a, np.ndarray) else a for a in data)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def main(arguments: Sequence[str]) -> None:
    """`compare|first|memory` and a JSON object of what it is to be done with; events go to the standard output, all else to errors."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(**event: Any) -> None:
        events.write(json.dumps(event) + "\n")

    pin()
    task, options = arguments[0], json.loads(arguments[1])
    for folder in options.pop("path", ()):
        problems.__path__.append(folder)
    problem = find([options.pop("module")])[options.pop("problem")]
    try:
        {"compare": compare, "first": first, "memory": memory}[task](tell, problem, **options)
    except Exception as error:
        traceback.print_exc()
        tell(failed=_text(error), traceback=traceback.format_exc()[-4000:], tool=options.get("tool", ""))
    tell(done=True)


if __name__ == "__main__":
    main(sys.argv[1:])
