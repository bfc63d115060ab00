"""The benchmark suite: every problem in wengert, in C and in each peer that is installed; compared, timed, written up.

    python -m benchmarks [NAME|GROUP …] [--tools wengert c jax] [--sizes first last] [--quick] [--json FILE] [--write-docs]

Knows the command line only. Each problem runs in fresh processes of one thread on one core: `suite.runner`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.native.measure import ROOT
from benchmarks.suite import plots, report, runner
from benchmarks.suite.problem import TOOLS


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.read:
        record = merged([json.loads(Path(file).read_text()) for file in options.read])
        for cell in record["cells"]:
            print(report.table(cell))
    else:
        try:
            problems = runner.chosen(options.names, options.problems)
        except ValueError as error:
            sys.exit(f"python -m benchmarks: {error}")
        if options.list:
            for problem in problems.values():
                print(f"{problem.group:<10} {problem.name:<18} {', '.join(problem.sizes):<40} {problem.title}")
            return 0
        progress = Progress()

        def keep(record: dict[str, Any]) -> None:
            progress.clear()
            print(report.table(record["cells"][-1]), flush=True)
            if options.json:
                Path(options.json).write_text(json.dumps(record, indent=1))

        record = runner.run(problems, _plan(options), progress, keep)
    print(report.text(record))
    if options.json:
        Path(options.json).write_text(json.dumps(record, indent=1))
    if options.write_docs:
        write_docs(record)
    return 1 if any(tool == report.OURS for _, _, tool, _ in report.troubles(record)) else 0


def write_docs(record: dict[str, Any]) -> None:
    """The page and its pictures."""
    docs = ROOT / "docs"
    images = {key: str(path.relative_to(docs)) for key, path in plots.draw(record, docs / "images").items()}
    (docs / "benchmarks.md").write_text(report.page(record, images))
    print(f"written: {docs / 'benchmarks.md'}, {len(images)} pictures")


def merged(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Several runs on one machine as one; of what was measured twice, the last."""
    first = records[0]
    if any(record["machine"] != first["machine"] for record in records):
        sys.exit("python -m benchmarks: the records are of different machines or versions")
    cells = {(cell["problem"], cell["size"]): cell for record in records for cell in record["cells"]}
    order = {group: i for i, group in enumerate(runner.GROUPS)}
    found = sorted(cells.values(), key=lambda cell: (order.get(cell["group"], len(order)), cell["problem"], cell["scale"]))
    return {**records[-1], "cells": found}


class Progress:
    """What is being done, on one line that is written over, where there is a terminal; else nothing but failures."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if self.terminal:
            print(f"\r\x1b[2K{text.splitlines()[0][:110]}", end="", file=sys.stderr, flush=True)
        elif "FAILED" in text:
            print(text.splitlines()[0], file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.terminal:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def _plan(options: argparse.Namespace) -> runner.Plan:
    tools = tuple(options.tools) or TOOLS
    if unknown := set(tools) - set(TOOLS):
        sys.exit(f"python -m benchmarks: no tool {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    sizes = tuple(options.sizes)
    if options.quick:
        quick = {"rounds": 5, "longest": 0.5, "firsts": 1, "limit": 60.0}
        return runner.Plan(tools, sizes or ("first",), clock=options.clock, folders=tuple(options.problems), **quick)
    return runner.Plan(tools, sizes, clock=options.clock, folders=tuple(options.problems))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="wengert against C by hand and its peers, side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME|GROUP", help=f"problems or groups ({', '.join(runner.GROUPS)}); else all")
    parser.add_argument("--tools", nargs="+", default=[], metavar="TOOL", help=f"of {', '.join(TOOLS)}; all by default")
    parser.add_argument("--sizes", nargs="+", default=[], metavar="SIZE", help="labels, or first and last; all by default")
    parser.add_argument("--quick", action="store_true", help="the smallest size, a few rounds")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processors' time, where others use the machine too")
    parser.add_argument("--json", metavar="FILE", help="write everything measured there, after every size")
    parser.add_argument("--write-docs", action="store_true", help="write docs/benchmarks.md and its pictures")
    parser.add_argument("--read", nargs="+", metavar="FILE", help="run nothing: report on what --json wrote before")
    parser.add_argument("--problems", action="append", default=[], metavar="FOLDER", help="problems of your own, beside the suite's")
    parser.add_argument("--list", action="store_true", help="what there is")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
