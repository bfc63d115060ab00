"""The benchmark suite runs, whatever a tool does to it; and what it times in wengert is right, by the adjoints written by hand in C."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from benchmarks import __main__ as command  # noqa: E402
from benchmarks.suite import plots, published, report, runner  # noqa: E402
from benchmarks.suite.cell import disagreements, find, leaves  # noqa: E402

PROBLEMS = find()
needs_c = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")

TINY = '''
import os
import time

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem

C = """
double both(long n, const double *restrict x, double *restrict g) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        total += x[i] * x[i] * x[i];
        g[i] = 3.0 * x[i] * x[i];
    }
    return total;
}
"""


def cubes(x):
    return np.sum(x**3)


def right(x):
    return Entry(lambda: cubes(x), lambda: (cubes(x), 3 * x**2))


class Tiny(Problem):
    name, title, group = "tiny", "a tiny problem", "loops"
    sizes = {"2": {"n": 2}, "1000": {"n": 1000}}
    scale = staticmethod(lambda n: n)
    without = {"torch_compiled": "it is not asked"}

    def data(self, n):
        return (np.linspace(0.0, 1.0, n),)

    def wengert(self, x):
        if note := os.environ.get("TINY_NOTE"):  # what compiled programs are there when a process begins
            folder = os.environ["WENGERT_CACHE_DIR"]
            with open(note, "a") as file:
                file.write(f"{folder} {len(os.listdir(folder)) if os.path.isdir(folder) else 0}\\n")
        value, derivative = wg.jit(cubes), wg.jit(wg.value_and_grad(cubes))
        return Entry(lambda: value(x), lambda: derivative(x), 2)

    def c(self, x):
        g = np.empty(len(x))
        call = Program(C).bound("both", len(x), x, g)
        return Entry(call, lambda: (call(), g), 7)

    def jax(self, x):
        os._exit(3)

    def torch(self, x):
        raise ValueError("no such thing")

    def autograd(self, x):
        time.sleep(600)

    def casadi(self, x):
        return Entry(lambda: cubes(x), lambda: (cubes(x), 3 * x**2 + 1e-6))
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the tiny problem in it."""
    from benchmarks.suite import problems

    (tmp_path / "tiny.py").write_text(TINY)
    monkeypatch.setattr(problems, "__path__", [*problems.__path__, str(tmp_path)])
    return tmp_path


@needs_c
def test_a_run_survives_its_tools(folder):
    problem = runner.chosen(["tiny"], [str(folder)])["tiny"]
    plan = runner.Plan(rounds=3, seconds=0.001, firsts=1, limit=5.0, sizes=("last",), folders=(str(folder),))
    said, kept = [], []
    record = runner.run({"tiny": problem}, plan, said.append, kept.append)
    (cell,) = record["cells"]
    assert len(kept) == 1
    tools = cell["tools"]
    assert "ended with 3" in tools["jax"]["error"]
    assert tools["torch"]["error"] == "ValueError: no such thing"
    assert tools["autograd"]["error"] == "building took more than 5 s"
    assert tools["casadi"]["error"].startswith("derivative disagrees with c: result 1[")
    assert tools["torch_compiled"] == {"without": "it is not asked"}
    for tool in ("wengert", "c"):
        assert tools[tool]["value"]["median"] > 0 < tools[tool]["derivative"]["median"]
        assert tools[tool]["first"] > 0 <= tools[tool]["memory"]
    assert (tools["wengert"]["lines"], cell["scale"], cell["largest"]) == (2, 1000.0, True)
    assert any("FAILED" in text for text in said)
    json.dumps(record)


def test_nothing_compiled_is_found_by_the_next_process(folder, monkeypatch):
    note = folder / "note.txt"
    monkeypatch.setenv("TINY_NOTE", str(note))
    problem = runner.chosen(["tiny"], [str(folder)])["tiny"]
    plan = runner.Plan(tools=("wengert",), rounds=1, seconds=0.0, firsts=2, sizes=("first",), folders=(str(folder),), memory=False)
    cell = runner.measured(problem, "2", plan, lambda text: None)
    assert "first" in cell["tools"]["wengert"]
    lines = [line.split() for line in note.read_text().splitlines()]
    assert len({place for place, _ in lines}) == len(lines) == 3  # the timing and two first calls, each with a folder of its own
    assert [count for _, count in lines] == ["0", "0", "0"]


def test_most_tools_are_believed():
    agree = [leaves((1.0, [2.0, 3.0]))] * 2
    assert disagreements({"wengert": agree[0], "c": leaves((1.0, [2.0, 4.0])), "jax": agree[1]}, 1e-8).keys() == {"c"}
    assert disagreements({"wengert": leaves(float("nan")), "c": leaves(1.0)}, 1e-8).keys() == {"wengert"}
    assert disagreements({"wengert": leaves(np.ones(1)), "c": leaves(1.0)}, 1e-8).keys() == {"wengert"}
    assert not disagreements({"wengert": leaves(1e-12), "c": leaves(1e-12 * (1 + 1e-10))}, 1e-8)
    assert disagreements({"wengert": leaves(0.0), "c": leaves(1e-12)}, 1e-8)  # relative: small numbers are no excuse


@needs_c
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", list(PROBLEMS))
def test_wengert_gives_what_c_gives(name):
    problem = PROBLEMS[name]
    if not hasattr(problem, "c"):
        pytest.skip("there is no C")
    size = next(iter(problem.sizes.values()))
    values, derivatives = {}, {}
    for tool in ("wengert", "c"):
        entry = getattr(problem, tool)(*problem.data(**size))
        for _ in range(2):  # a second call remembers nothing of the first
            values[tool], derivatives[tool] = leaves(entry.value()), leaves(problem.outcome(entry.derivative()))
    assert not disagreements(values, problem.tolerance)
    assert not disagreements(derivatives, problem.tolerance)


def test_problems_say_what_they_must():
    for name, problem in PROBLEMS.items():
        assert problem.group in runner.GROUPS, name
        scales = [problem.scale(**size) for size in problem.sizes.values()]
        assert scales == sorted(scales), name
        assert hasattr(problem, "wengert"), name


# -- the report ----------------------------------------------------------------------------------------


def cell(problem, size, scale, seconds, **others):
    """A cell of a record; `seconds` are those of a derivative."""
    tools = {
        tool: {"value": timing(s / 2), "derivative": timing(s), "first": s * 1e4, "memory": 3 << 20, "lines": 9}
        for tool, s in seconds.items()
    }
    return {"problem": problem, "title": f"the {problem}", "group": "loops", "gradient": True, "size": size, "parameters": {"n": scale},
            "scale": float(scale), "exponent": 1.0, "largest": True, "tools": tools, **others}  # fmt: skip


def timing(seconds):
    return {"median": seconds, "quartiles": [0.9 * seconds, 1.1 * seconds], "rounds": 5}


@pytest.fixture
def record():
    failed = {"jax": {"error": "ValueError: no\nmore"}, "casadi": {"without": "it cannot"}}
    second = cell("two", "b", 10, {"wengert": 4e-4, "c": 1e-4, "jax": 2e-3})
    cells = [
        cell("one", "a", 10, {"wengert": 1e-5, "c": 1e-5, "jax": 1e-4}, largest=False),
        cell("one", "b", 100, {"wengert": 1e-4, "c": 1e-4, "jax": 1e-3}),
        {**second, "tools": {**second["tools"], **failed}},
    ]
    return {"date": "2026-01-02T03:04:05+00:00", "machine": {"processor": "P", "cores": 2, "python": "3", "c": "cc 1"}, "cells": cells}


def test_the_summary(record):
    lines = {(line.group, line.name): line for line in report.summary(record)}
    mean, worst = lines["loops", "wengert / C, geometric mean"], lines["loops", "wengert / C, worst"]
    assert (round(mean.value, 12), mean.met, mean.target) == (2.0, False, "≤ 1.5")
    assert (round(worst.value, 12), worst.met, worst.where) == (4.0, False, "two")
    assert lines["loops", "JAX / wengert, geometric mean"].met
    assert lines["all", "memory, wengert / JAX, worst"].met
    assert round(report.exponent(record, "one"), 12) == 1.0
    assert report.exponent(record, "two") is None
    assert "NOT MET" in report.text(record) and "two b, jax: ValueError: no" in report.text(record)


def test_published_times_are_of_problems_here():
    for problem, size in published.MILLISECONDS:
        assert size in PROBLEMS[problem].sizes
    assert published.against("ba", "257,65132,225911", 0.1, ("enzyme",)) == pytest.approx(0.1 * 342.0 / 97.8)
    assert published.against("lse", "1280000", 0.5) == pytest.approx(0.5)  # nobody was faster than JAX
    assert published.against("lse", "1280000", 0.5, ("tapenade",)) is None
    assert published.against("garch", "100", 0.5) is None


def test_what_is_slow_to_begin_with_runs_the_largest_size_only():
    convnet, plan = PROBLEMS["convnet"], runner.Plan(tools=("torch_compiled",))
    assert hasattr(convnet, "torch_compiled") and "torch_compiled" not in convnet.without
    found = runner.measured(convnet, "16", plan, lambda text: None, largest=False)
    assert "the largest size only" in found["tools"]["torch_compiled"]["without"]


def test_the_page_and_its_pictures(record, tmp_path, monkeypatch):
    images = {}
    if importlib.util.find_spec("matplotlib"):
        images = {key: f"images/{path.name}" for key, path in plots.draw(record, tmp_path).items()}
        assert {path.name for path in tmp_path.iterdir()} == {"benchmarks-loops-bars.png", "benchmarks-loops-growth.png"}
    text = report.page(record, images)
    assert "| Loops: wengert / C, worst | 4.00 (two) | ≤ 3 | **no** | 2 |" in text
    assert "Measured on 2026-01-02: P, 2 cores" in text
    assert "- two (b), JAX: ValueError: no\n" in text
    assert "- CasADi, two: it cannot" in text
    assert "| the one | 2.00 | 1 s · 10 s | 3 MB · 3 MB | 9 · 9 · 9 | 1.00 | 1 |" in text


def test_the_command(tmp_path, record, capsys):
    file = tmp_path / "record.json"
    file.write_text(json.dumps(record))
    assert command.main(["--read", str(file)]) == 0
    assert "the two (two; n = 10)" in capsys.readouterr().out
    assert command.main(["--list", "loops"]) == 0
    assert "garch" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no problem or group nonsense"):
        command.main(["nonsense"])
    with pytest.raises(SystemExit, match="no tool nonsense"):
        command.main(["garch", "--tools", "nonsense"])
