"""GradBench's protocol: start, define, evaluate, analysis; an answer to each message, with the time of each run.

Knows no eval: those are `evals.EVALS`. Only the calls are timed, not the reading of inputs or the writing of outputs; the first run
includes tracing and compiling. Results are complete when a call returns. Start at `serve`.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterable
from typing import Any, TextIO

from benchmarks.gradbench.evals import EVALS, Function

TOOL = "wengert"


def serve(messages: Iterable[str], answers: TextIO) -> None:
    """Answer each line until there are no more."""
    for line in messages:
        if line.strip():
            message = json.loads(line)
            if message["kind"] == "end":
                return
            print(_encoded(message["id"], answer(message)), file=answers, flush=True)


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """What is said to a message, but for its id."""
    kind = message["kind"]
    if kind == "start":
        return {"tool": TOOL}
    if kind == "define":
        known = message["module"] in EVALS
        return {"success": known} if known else {"success": False, "error": f"no module {message['module']!r}"}
    if kind == "evaluate":
        try:
            return evaluate(EVALS[message["module"]][message["function"]], message["input"])
        except Exception:
            return {"success": False, "error": traceback.format_exc()}
    return {}


def evaluate(function: Function, given: Any) -> dict[str, Any]:
    """Run a function as often, and as long, as the input asks for; once where it does not say."""
    runs, seconds = (given.get("min_runs", 1), given.get("min_seconds", 0.0)) if isinstance(given, dict) else (1, 0.0)
    call, arguments = function.compiled, function.read(given)
    timings: list[int] = []
    output, total = None, 0
    while len(timings) < runs or total < 1e9 * seconds:
        start = time.perf_counter_ns()
        output = call(*arguments)
        timings.append(time.perf_counter_ns() - start)
        total += timings[-1]
    evaluated = [{"name": "evaluate", "nanoseconds": t} for t in timings]
    return {"success": True, "output": function.write(output), "timings": evaluated}


def _encoded(identity: Any, answered: dict[str, Any]) -> str:
    try:
        return json.dumps({"id": identity, **answered}, allow_nan=False)
    except ValueError as error:  # infinities and NaN are not JSON
        return json.dumps({"id": identity, "success": False, "error": str(error)})
