"""What a record says: tables for a terminal, the summary with its targets, exponents, and the page `docs/benchmarks.md`.

Knows records as `runner` makes them; runs and draws nothing. Start at `summary` and `page`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.native.measure import shown
from benchmarks.suite import published

Record = dict[str, Any]
OURS = "wengert"
SHOWN = {  # tool -> its name in tables and pictures
    "wengert": "wengert",
    "c": "C by hand",
    "jax": "JAX",
    "torch": "PyTorch",
    "torch_compiled": "torch.compile",
    "autograd": "autograd",
    "casadi": "CasADi",
}
LEAST = 1 << 20  # bytes: differences below are the allocator's, not the program's
BUSY = 1.7  # load average: the suite itself makes it 1
CLEAR = 2e-6  # seconds: faster than this, a call costs more than what it calls, and says nothing about growth


# -- numbers of a record -----------------------------------------------------------------------------------


def largest(record: Record) -> list[Record]:
    """The cells of the largest size that was run of each problem."""
    return [cell for cell in record["cells"] if cell["largest"]]


def median(cell: Record, tool: str, what: str = "derivative") -> float | None:
    """Seconds, or None where the tool has none."""
    found = cell["tools"].get(tool, {}).get(what)
    return found["median"] if found else None


def ratio(cell: Record, tool: str, other: str, what: str = "derivative") -> float | None:
    """A tool's time over another's."""
    mine, theirs = median(cell, tool, what), median(cell, other, what)
    return mine / theirs if mine and theirs else None


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def exponent(record: Record, problem: str, tool: str = OURS) -> float | None:
    """Of time ~ scale ** exponent, by least squares through the logarithms; None with fewer than two sizes."""
    points = [(cell["scale"], median(cell, tool)) for cell in record["cells"] if cell["problem"] == problem]
    clear = [(math.log(scale), math.log(seconds)) for scale, seconds in points if seconds and seconds > CLEAR]
    if len({x for x, _ in clear}) < 2:
        return None
    mean_x, mean_y = (sum(values) / len(clear) for values in zip(*clear, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in clear) / sum((x - mean_x) ** 2 for x, _ in clear)


# -- the summary -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One figure of the summary, with what it should be; `limit` of ratios that must not be above it, or below for `least`."""

    group: str
    name: str
    value: float
    count: int
    limit: float | None = None
    least: bool = False
    where: str = ""

    @property
    def met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.least else self.value <= self.limit

    @property
    def target(self) -> str:
        return "" if self.limit is None else f"{'≥' if self.least else '≤'} {self.limit:g}"


Figure = Callable[[Record], float | None]


def _inverse(value: float | None) -> float | None:
    return 1.0 / value if value else None


def _against_best(cell: Record) -> float | None:
    ours, others = median(cell, OURS), [median(cell, tool) for tool in SHOWN if tool not in (OURS, "c")]
    there = [seconds for seconds in others if seconds]
    return ours / min(there) if ours and there else None


def _price(cell: Record) -> float | None:
    gradient, value = median(cell, OURS), median(cell, OURS, "value")
    return gradient / value if gradient and value and cell["gradient"] else None


def _firsts(cell: Record) -> float | None:
    ours, theirs = (cell["tools"].get(tool, {}).get("first") for tool in (OURS, "jax"))
    return ours / theirs if ours and theirs else None


def _memory(cell: Record) -> float | None:
    ours, theirs = (cell["tools"].get(tool, {}).get("memory") for tool in (OURS, "jax"))
    return None if ours is None or theirs is None else max(ours, LEAST) / max(theirs, LEAST)


def _of(tool: str) -> Figure:
    return lambda cell: ratio(cell, OURS, tool)


def _published(*tools: str) -> Figure:
    return lambda cell: published.against(cell["problem"], cell["size"], ratio(cell, OURS, "jax"), *([tools] if tools else []))


def summary(record: Record) -> list[Line]:
    """Geometric means and worst cases of the largest sizes, group by group; then of everything."""
    lines: list[Line] = []
    cells = largest(record)
    by_group: dict[str, list[Record]] = {}
    for cell in cells:
        by_group.setdefault(cell["group"], []).append(cell)

    def mean(group: str, name: str, figure: Figure, limit: float | None = None, least: bool = False) -> None:
        found = [value for cell in by_group.get(group, cells) if (value := figure(cell)) is not None]
        if found:
            lines.append(Line(group, f"{name}, geometric mean", geometric_mean(found), len(found), limit, least))

    def worst(group: str, name: str, figure: Figure, limit: float | None = None) -> None:
        found = [(value, cell["problem"]) for cell in by_group.get(group, cells) if (value := figure(cell)) is not None]
        if found:
            lines.append(Line(group, f"{name}, worst", max(found)[0], len(found), limit, where=max(found)[1]))

    for group, mine in by_group.items():
        loops, arrays, gradbench = (group == name for name in ("loops", "arrays", "gradbench"))
        mean(group, "wengert / C", _of("c"), 1.5 if loops else None)
        worst(group, "wengert / C", _of("c"), 3.0 if loops else None)
        mean(group, "JAX / wengert", lambda cell: _inverse(ratio(cell, OURS, "jax")), 5.0 if loops else None, least=True)
        every = [cell for cell in record["cells"] if cell["group"] == group]
        found = [1.0 / value for cell in every if (value := ratio(cell, OURS, "jax")) is not None]
        if len(every) > len(mine) and found:
            limit = 5.0 if loops else None
            lines.append(Line(group, "JAX / wengert, all sizes, geometric mean", geometric_mean(found), len(found), limit, True))
        worst(group, "wengert / JAX", _of("jax"), 1.0 if gradbench else None)
        if gradbench:
            mean(group, "wengert / fastest AD tool published", _published(), 0.8)
            mean(group, "wengert / Tapenade published", _published("tapenade"), 1.0)
            mean(group, "wengert / Enzyme published", _published("enzyme"), 1.0)
        worst(group, "wengert / best peer", _against_best, 1.1 if arrays else None)
        mean(group, "gradient / value by wengert", _price)
        mean(group, "first call, wengert / JAX", _firsts)
        worst(group, "memory, wengert / JAX", _memory)
    mean("all", "gradient / value by wengert", _price, 2.5)
    mean("all", "first call, wengert / JAX", _firsts, 0.5)
    mean("all", "memory, wengert / JAX", _memory)
    worst("all", "memory, wengert / JAX", _memory, 1.0)
    return lines


def troubles(record: Record) -> Iterator[tuple[str, str, str, str]]:
    """(problem, size, tool, what went wrong) of every failure."""
    for cell in record["cells"]:
        for tool, found in cell["tools"].items():
            for name in ("error", "first_error", "memory_error"):
                if found.get(name):
                    yield cell["problem"], cell["size"], tool, found[name]


# -- text for a terminal -----------------------------------------------------------------------------------


def table(cell: Record) -> str:
    """One problem and size."""
    parameters = ", ".join(f"{name} = {value}" for name, value in cell["parameters"].items())
    lines = [f"{cell['title']} ({cell['problem']}; {parameters})"]
    lines.append(f"  {'':<14} {'value':>9} {'derivative':>11} {'× C':>7} {'× JAX':>7} {'first call':>11} {'memory':>9} {'lines':>6}")
    for tool, found in cell["tools"].items():
        if "without" in found:
            continue
        if "error" in found:
            lines.append(f"  {SHOWN[tool]:<14} {found['error'].splitlines()[0][:110]}")
            continue
        seconds = [shown(found[what]["median"]) if what in found else "" for what in ("value", "derivative")]
        relative = [f"{value:.2f}" if (value := ratio(cell, tool, other)) else "" for other in ("c", "jax")]
        first = shown(found["first"]) if "first" in found else ""
        lines.append(
            f"  {SHOWN[tool]:<14} {seconds[0]:>9} {seconds[1]:>11} {relative[0]:>7} {relative[1]:>7}"
            f" {first:>11} {size(found.get('memory')):>9} {found.get('lines', ''):>6}"
        )
    return "\n".join(lines)


def size(held: int | None) -> str:
    """Bytes with a unit."""
    if held is None:
        return ""
    return f"{held / 2**20:.3g} MB" if held >= LEAST else "< 1 MB"


def text(record: Record) -> str:
    """The summary, as printed at the end."""
    lines = ["", "summary of the largest sizes"]
    for line in summary(record):
        verdict = {True: "met", False: "NOT MET", None: ""}[line.met]
        where = f"  ({line.where})" if line.where else ""
        lines.append(f"  {line.group:<10} {line.name:<44} {line.value:>8.2f}  {line.target:<7} {verdict:<8} of {line.count}{where}")
    for problem in dict.fromkeys(cell["problem"] for cell in record["cells"]):
        found = exponent(record, problem)
        expected = next(cell["exponent"] for cell in record["cells"] if cell["problem"] == problem)
        if found is not None:
            lines.append(f"  {'growth':<10} {problem:<44} {found:>8.2f}  expected {expected:g}")
    failures = [f"  {problem} {label}, {tool}: {what.splitlines()[0][:150]}" for problem, label, tool, what in troubles(record)]
    return "\n".join([*lines, *(["failures:", *failures] if failures else [])])


# -- the page ------------------------------------------------------------------------------------------------

GROUP_TITLES = {"gradbench": "GradBench's problems", "loops": "Loops", "arrays": "Arrays"}
INTRODUCTION = """# Benchmarks

*Written by `python -m benchmarks --write-docs` from what it measured; edit `benchmarks/suite/report.py`, not this page.*

Every problem is plain Python and NumPy for wengert, the best idiom for each peer, and C by hand: the function and its adjoint, compiled
with `-O3 -march=native`. In one run, on one core, the tools get the same data; a result that those of most tools contradict (by more than
10⁻⁸ of its largest element) is not timed. Then each tool is called in turn, over and over; a figure is the median, arguments and
results being arrays of the tool's own. What is dispatched asynchronously is waited for. torch.compile, whose first calls take up to half
a minute, runs the largest sizes only.

- *first call*: from the data to the first derivative, in a fresh process with nothing compiled on disk, imports done before; for C, with
  the compiler's time. A median of several processes.
- *memory*: the most that a process holds during a later call of the derivative, less what it held before the entry was built (resident
  set, high-water mark set back after compilation), in a process of its own. Compiled programs and the tool's own copies of the data
  are in it. Ratios take anything less than 1 MB as 1 MB.
- *lines*: of the program, without blank lines and comments.
"""


def page(record: Record, images: dict[tuple[str, str], str]) -> str:
    """Markdown; `images` are (group, kind) -> file, relative to docs/."""
    parts = [INTRODUCTION, _where(record), "## Against the targets\n\n" + _targets(record)]
    for group in dict.fromkeys(cell["group"] for cell in record["cells"]):
        parts.append(_group(record, group, images))
    parts.append(_left_out(record))
    return "\n".join(part.rstrip() + "\n" for part in parts if part)


def _where(record: Record) -> str:
    machine = dict(record["machine"])
    versions = ", ".join(f"{name} {machine[name]}" for name in machine if name not in ("processor", "cores", "c"))
    place = f"Measured on {record['date'][:10]}: {machine['processor']}, {machine['cores']} cores, of which one was used. {_busy(record)}"
    commands = (
        "```text",
        "python -m benchmarks                          # all of it",
        "python -m benchmarks loops garch --quick      # a group or a problem, the smallest size",
        "```",
    )
    return "\n".join((f"{place}{versions}; {machine.get('c', 'no C compiler')}.", "", *commands))


def _busy(record: Record) -> str:
    """A sentence about a machine that did something else too."""
    clock = "Times are those of the processor. " if record.get("clock") == "cpu" else ""
    loads = [cell["load"] for cell in record["cells"] if cell.get("load") is not None]
    if loads and max(loads) > BUSY:
        return f"**The machine was busy** with other work too (load average up to {max(loads):.1f}). {clock}"
    return clock


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _targets(record: Record) -> str:
    rows = []
    for line in summary(record):
        if line.limit is not None:
            where = f" ({line.where})" if line.where else ""
            group = GROUP_TITLES.get(line.group, "everything")
            rows.append(
                (f"{group}: {line.name}", f"{line.value:.2f}{where}", line.target, "yes" if line.met else "**no**", str(line.count))
            )
    return _rows(("figure", "measured", "target", "met", "problems"), rows)


def _group(record: Record, group: str, images: dict[tuple[str, str], str]) -> str:
    cells = [cell for cell in largest(record) if cell["group"] == group]
    tools = [tool for tool in SHOWN if any(median(cell, tool) for cell in cells)]
    title = GROUP_TITLES.get(group, group)
    parts = [f"## {title}\n"]
    if (group, "bars") in images:
        parts.append(f"![{title}: time of the derivative]({images[group, 'bars']})\n")
    parts.append("Time of the derivative (value included) at the largest size:\n")

    def times(cell: Record) -> Iterator[str]:
        yield f"{cell['title']}, {', '.join(f'{name} {value}' for name, value in cell['parameters'].items())}"
        there = [seconds for tool in tools if (seconds := median(cell, tool))]
        for tool in tools:
            seconds = median(cell, tool)
            best = seconds is not None and seconds == min(there)
            yield "" if seconds is None else f"**{shown(seconds)}**" if best else shown(seconds)
        for other in ("c", "jax"):
            relative = ratio(cell, OURS, other)
            yield f"{relative:.2f}" if relative else ""

    heads = ["problem", *(SHOWN[tool] for tool in tools), "wengert / C", "wengert / JAX"]
    parts.append(_rows(heads, [tuple(times(cell)) for cell in cells]) + "\n")
    parts.append("What else it takes (wengert · JAX), and how the time of wengert's derivative grows:\n")
    parts.append(_rows(("problem", "gradient / value", "first call", "memory", "lines (wengert · C · JAX)", "exponent", "expected"),
                       [_besides(record, cell) for cell in cells]) + "\n")  # fmt: skip
    if group == "gradbench":
        parts.append(_others(cells))
    if (group, "growth") in images:
        parts.append(f"![{title}: time against size]({images[group, 'growth']})\n")
    return "\n".join(parts)


def _others(cells: Sequence[Record]) -> str:
    """Beside tools that this suite does not run."""
    columns = ("jax", *published.OTHERS, "manual")
    rows = []
    for cell in cells:
        to_jax = ratio(cell, OURS, "jax")
        if (cell["problem"], cell["size"]) in published.MILLISECONDS and to_jax:
            found = [published.against(cell["problem"], cell["size"], to_jax, (tool,)) for tool in columns]
            rows.append((f"{cell['problem']} {cell['size']}", *("" if value is None else f"{value:.2f}" for value in found)))
    if not rows:
        return ""
    names = [{**SHOWN, **published.NAMES}[tool] for tool in columns]
    return (
        "Beside tools that do not run here: wengert's time over theirs, through the JAX of this run and of the run that theirs are from\n"
        "(`benchmarks/suite/published.py`: GradBench's own programs, another machine of this kind):\n\n"
        + _rows(("problem", *names), rows)
        + "\n"
    )


def _besides(record: Record, cell: Record) -> tuple[str, ...]:
    ours, theirs, by_hand = (cell["tools"].get(tool, {}) for tool in (OURS, "jax", "c"))
    price, growth = _price(cell), exponent(record, cell["problem"])
    both = [" · ".join(show(found[name]) if found.get(name) is not None else "-" for found in (ours, theirs)) for name, show in
            (("first", shown), ("memory", size))]  # fmt: skip
    lines = " · ".join(str(found.get("lines", "-")) for found in (ours, by_hand, theirs))
    return (
        cell["title"],
        f"{price:.2f}" if price else "",
        *both,
        lines,
        "" if growth is None else f"{growth:.2f}",
        f"{cell['exponent']:g}",
    )


def _left_out(record: Record) -> str:
    """What failed, and who is left out, with the reason."""
    lines = []
    failures = list(troubles(record))
    if failures:
        lines.append("## What failed\n")
        for problem, label, tool, what in failures:
            first = what.splitlines()[0].replace("|", "\\|")[:240] if what else ""
            lines.append(f"- {problem} ({label}), {SHOWN[tool]}: {first}")
        lines.append("")
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in largest(record):
        for tool, found in cell["tools"].items():
            if found.get("without"):
                reasons.setdefault((tool, found["without"]), []).append(cell["problem"])
    if reasons:
        lines.append("## Who is left out where\n")
        for (tool, why), names in sorted(reasons.items(), key=lambda item: list(SHOWN).index(item[0][0])):
            lines.append(f"- {SHOWN[tool]}, {', '.join(names)}: {why}")
    return "\n".join(lines)
