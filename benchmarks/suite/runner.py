"""Runs the suite: each problem and size in fresh processes, whatever becomes of them, and one record of all that was measured.

Knows problems by what they say about themselves, and tools by name; what a process does is in `cell`. Start at `run`.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.native.measure import ROOT, machine
from benchmarks.suite.cell import find
from benchmarks.suite.problem import TOOLS, Problem

Record = dict[str, Any]
Progress = Callable[[str], None]
GROUPS = ("gradbench", "loops", "arrays")
# Settings of tools that would keep compiled programs from one process to the next: each process is given empty directories.
CACHES = ("WENGERT_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR")
NEVER = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_ENABLE_XLA_CACHES")


@dataclass(frozen=True)
class Plan:
    """What is run, and for how long."""

    tools: Sequence[str] = TOOLS
    sizes: Sequence[str] = ()  # labels, or "first", "last"; all if there are none
    rounds: int = 15
    seconds: float = 0.02  # what is timed in one go
    longest: float = 2.0  # for all rounds of one tool
    firsts: int = 3  # first calls, each in a process of its own, of the largest size run
    memory: bool = True
    clock: str = "wall"  # or "cpu", see cell.CLOCKS
    limit: float = 120.0  # seconds that a tool may take for one step
    at_last: Sequence[str] = ("torch_compiled",)  # tools that take so long to begin with that they run the largest sizes only
    folders: Sequence[str] = ()  # with problems, besides the suite's own

    def labels(self, problem: Problem) -> list[str]:
        """The sizes of a problem that are run, small to large."""
        every = list(problem.sizes)
        if not self.sizes:
            return every
        wanted = {{"first": every[0], "last": every[-1]}.get(label, label) for label in self.sizes}
        return [label for label in every if label in wanted]


@dataclass
class Ended:
    """What a process said, and how it ended: `trouble` is empty when it said that it was done."""

    events: list[Record] = field(default_factory=list)
    trouble: str = ""

    @property
    def tool(self) -> str:
        """Who was at work last."""
        return next((event["tool"] for event in reversed(self.events) if "doing" in event), "")


def run(problems: Mapping[str, Problem], plan: Plan, progress: Progress, keep: Callable[[Record], None] = lambda record: None) -> Record:
    """Measure the problems; `keep` is given the record after every size of each."""
    record: Record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {**machine(), "c": _compiler()},
        "rounds": plan.rounds,
        "clock": plan.clock,
        "cells": [],
    }
    work = [(problem, size) for problem in problems.values() for size in plan.labels(problem)]
    for i, (problem, size) in enumerate(work):
        name = f"[{i + 1}/{len(work)}] {problem.name} {size}"
        most = max(_scale(problem, label) for label in plan.labels(problem))
        largest = _scale(problem, size) == most  # several where sizes are variants of one
        record["cells"].append(measured(problem, size, plan, lambda text, name=name: progress(f"{name}: {text}"), largest))
        keep(record)
    return record


def measured(problem: Problem, size: str, plan: Plan, progress: Progress, largest: bool = True) -> Record:
    """One problem at one size: what each tool took, or why it did not."""
    parameters = dict(problem.sizes[size])
    tools: dict[str, Record] = {tool: {} for tool in plan.tools}
    for tool in plan.tools:
        if tool in problem.without or not hasattr(problem, tool):
            tools[tool]["without"] = problem.without.get(tool, "not written")
        elif tool in plan.at_last and not largest:
            tools[tool]["without"] = "its first call takes so long that it runs the largest size only"
    asked = [tool for tool in plan.tools if not tools[tool]]
    _compared(problem, size, plan, progress, asked, tools)
    if largest:
        for tool in [tool for tool in asked if "derivative" in tools[tool]]:
            _alone(problem, size, plan, progress, tool, tools[tool])
    return {
        "problem": problem.name,
        "title": problem.title,
        "group": problem.group,
        "gradient": problem.gradient,
        "size": size,
        "parameters": parameters,
        "scale": _scale(problem, size),
        "exponent": problem.exponent,
        "largest": largest,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "tools": tools,
    }


def _scale(problem: Problem, size: str) -> float:
    return float(problem.scale(**problem.sizes[size]))


def _compared(problem: Problem, size: str, plan: Plan, progress: Progress, asked: list[str], tools: dict[str, Record]) -> None:
    """Results compared, and times; begun again without a tool that brought the process down, or took too long."""
    left = list(asked)
    options = {"rounds": plan.rounds, "seconds": plan.seconds, "longest": plan.longest, "clock": plan.clock}
    while left:
        ended = _process("compare", problem, plan, progress, size=size, tools=left, **options)
        for event in ended.events:
            tool = event.get("tool", "")
            if tool not in tools:
                continue
            if "failed" in event:
                tools[tool] |= {"error": event["failed"], "traceback": event.get("traceback", "")}
                progress(f"{tool} FAILED: {event['failed'][:200]}")
            elif "absent" in event:
                tools[tool]["without"] = event["absent"]
            elif "timed" in event:
                tools[tool][event["timed"]] = {name: event[name] for name in ("median", "quartiles", "rounds")}
            elif "lines" in event:
                tools[tool]["lines"] = event["lines"]
        if not ended.trouble:
            return
        guilty = ended.tool if ended.tool in left else left[0]
        tools[guilty] = {"error": ended.trouble}
        progress(f"{guilty} FAILED: {ended.trouble[:200]}")
        left = [tool for tool in left if tool != guilty and "without" not in tools[tool] and "error" not in tools[tool]]
        for tool in left:
            tools[tool] = {}


def _alone(problem: Problem, size: str, plan: Plan, progress: Progress, tool: str, found: Record) -> None:
    """First calls and memory, each in a process of the tool's own."""
    firsts: list[float] = []
    while len(firsts) < plan.firsts and sum(firsts) < plan.longest * 5:
        ended = _process("first", problem, plan, progress, size=size, tool=tool, clock=plan.clock)
        if (seconds := _said(ended, "first")) is None:
            found["first_error"] = _why(ended)
            break
        firsts.append(seconds)
    if firsts:
        found["first"] = sorted(firsts)[len(firsts) // 2]
    if plan.memory:
        ended = _process("memory", problem, plan, progress, size=size, tool=tool)
        if (held := _said(ended, "memory")) is None:
            found["memory_error"] = _why(ended)
        else:
            found["memory"] = max(0, held)


def _said(ended: Ended, what: str) -> Any:
    return next((event[what] for event in ended.events if what in event), None)


def _why(ended: Ended) -> str:
    return ended.trouble or _said(ended, "failed") or "nothing was measured"


# -- a process ------------------------------------------------------------------------------------------


def _process(task: str, problem: Problem, plan: Plan, progress: Progress, **options: Any) -> Ended:
    """A fresh interpreter that does one task of `cell`, with nothing compiled on disk that it could find."""
    module = type(problem).__module__.rpartition(".")[2]
    text = json.dumps({"module": module, "problem": problem.name, "path": [str(Path(f).resolve()) for f in plan.folders], **options})
    with tempfile.TemporaryDirectory(prefix="wengert-bench-") as empty, tempfile.TemporaryFile() as errors:
        environment = {name: value for name, value in os.environ.items() if name not in NEVER}
        for name in CACHES:
            environment[name] = os.path.join(empty, name.lower())
        environment["TMPDIR"] = empty  # torch's and others' default caches are there
        command = [sys.executable, "-m", "benchmarks.suite.cell", task, text]
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        ended = Ended()
        try:
            for event in _events(child, plan.limit):
                ended.events.append(event)
                if "doing" in event:
                    progress(f"{task} {event['tool']}, {event['doing']}")
            if not any("done" in event for event in ended.events):
                errors.seek(0)
                ended.trouble = f"the process ended with {child.wait()}: {errors.read().decode(errors='replace')[-1000:].strip()}"
        except TimeoutError:
            doing = next((event["doing"] for event in reversed(ended.events) if "doing" in event), "starting")
            ended.trouble = f"{doing} took more than {plan.limit:g} s"
        finally:
            child.kill()
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
    return ended


def _events(child: subprocess.Popen[bytes], limit: float) -> Iterator[Record]:
    """Lines that a process writes; TimeoutError when it has been silent for too long."""
    assert child.stdout is not None
    descriptor, rest = child.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        deadline = time.monotonic() + limit
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)
                deadline = time.monotonic() + limit


def _compiler() -> str:
    try:
        done = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "not installed"
    return done.stdout.splitlines()[0]


def chosen(names: Sequence[str], folders: Sequence[str] = ()) -> dict[str, Problem]:
    """The problems of these names or groups, all if there are none; a name that is neither is a ValueError."""
    from benchmarks.suite import problems

    for folder in folders:
        if folder not in problems.__path__:
            problems.__path__.append(folder)
    every = find()
    ordered = dict(sorted(every.items(), key=lambda item: (_place(item[1].group), item[0])))
    if not names:
        return ordered
    groups = {problem.group for problem in every.values()}
    if unknown := [name for name in names if name not in every and name not in groups]:
        raise ValueError(f"no problem or group {', '.join(unknown)}; there are {', '.join([*ordered, *sorted(groups)])}")
    return {name: problem for name, problem in ordered.items() if name in names or problem.group in names}


def _place(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)
