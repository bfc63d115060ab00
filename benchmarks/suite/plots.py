"""Pictures of a record: derivative's time of every problem and tool, and time against size.

Knows records through `report`; matplotlib is imported when a picture is made. Start at `draw`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.suite.report import GROUP_TITLES, OURS, SHOWN, exponent, largest, median

Record = dict[str, Any]
COLOURS = {  # of Okabe and Ito: told apart by everyone
    "wengert": "#0072B2",
    "c": "#000000",
    "jax": "#D55E00",
    "torch": "#CC79A7",
    "torch_compiled": "#E69F00",
    "autograd": "#56B4E9",
    "casadi": "#009E73",
}
MARKERS = dict(zip(SHOWN, "osD^v<>", strict=True))


def draw(record: Record, folder: Path) -> dict[tuple[str, str], Path]:
    """Write the pictures of each group; (group, "bars" or "growth") -> file."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for group in dict.fromkeys(cell["group"] for cell in record["cells"]):
        for kind, figure in (("bars", _bars(record, group)), ("growth", _growth(record, group))):
            if figure is not None:
                made[group, kind] = folder / f"benchmarks-{group}-{kind}.png"
                figure.savefig(made[group, kind], dpi=110, metadata={"Software": None})
    return made


def _bars(record: Record, group: str) -> Any:
    from matplotlib.figure import Figure

    cells = [cell for cell in largest(record) if cell["group"] == group and any(median(cell, tool) for tool in SHOWN)]
    tools = [tool for tool in SHOWN if any(median(cell, tool) for cell in cells)]
    if not cells:
        return None
    figure = Figure(figsize=(max(5.0, 1.1 + 0.95 * len(cells)), 4.2), layout="constrained")
    axes = figure.subplots()
    present = [[tool for tool in tools if median(cell, tool)] for cell in cells]
    width = 0.84 / max(map(len, present))
    for tool in tools:
        found = [(i, seconds) for i, cell in enumerate(cells) if (seconds := median(cell, tool))]
        places = [i + (present[i].index(tool) - (len(present[i]) - 1) / 2) * width for i, _ in found]
        axes.bar(places, [seconds for _, seconds in found], width, color=COLOURS[tool], label=SHOWN[tool])
        spread = [cells[i]["tools"][tool]["derivative"]["quartiles"] for i, _ in found]
        for place, (low, high) in zip(places, spread, strict=True):
            axes.plot((place, place), (low, high), color="0.5", linewidth=0.8)
    lowest = min(seconds for cell in cells for tool in tools if (seconds := median(cell, tool)))
    axes.set_yscale("log")
    axes.set_ylim(bottom=lowest / 2.5)  # bars of a logarithmic axis begin somewhere
    axes.set_ylabel("seconds a derivative")
    names = [f"{cell['problem'].replace('_', ' ')}\n{cell['size']}" for cell in cells]
    axes.set_xticks(range(len(cells)), names, fontsize=8, rotation=0 if len(cells) < 9 else 25)
    axes.set_xlim(-0.6, len(cells) - 0.4)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{GROUP_TITLES.get(group, group)}: value and derivative, largest size, one core", fontsize=10)
    figure.legend(loc="outside lower center", ncols=len(tools), fontsize=8, frameon=False)
    return figure


def _growth(record: Record, group: str) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    problems: dict[str, list[Record]] = {}
    for cell in record["cells"]:
        if cell["group"] == group:
            problems.setdefault(cell["problem"], []).append(cell)
    problems = {name: cells for name, cells in problems.items() if len({cell["scale"] for cell in cells}) > 1}
    if not problems:
        return None
    columns = min(4, len(problems))
    rows = -(-len(problems) // columns)
    figure = Figure(figsize=(2.9 * columns, 2.5 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    seen: dict[str, Any] = {}
    for axes, (name, cells) in zip(panels, problems.items(), strict=False):
        for tool in SHOWN:
            points = [(cell["scale"], seconds) for cell in cells if (seconds := median(cell, tool))]
            if points:
                xs, ys = zip(*points, strict=True)
                bold = 2.0 if tool in (OURS, "c") else 1.1
                (seen[tool],) = axes.plot(xs, ys, MARKERS[tool] + "-", color=COLOURS[tool], markersize=3.5, linewidth=bold)
        axes.set_xscale("log")
        axes.set_yscale("log")
        fitted = exponent(record, name)
        growth = "" if fitted is None else f"power {fitted:.2f}, "
        axes.set_title(f"{name.replace('_', ' ')}\n{growth}expected {cells[0]['exponent']:g}", fontsize=8)
        axes.set_xticks([cell["scale"] for cell in cells], [cell["size"] for cell in cells])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.tick_params(labelsize=7)
        axes.grid(color="0.92")
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(problems) :]:
        axes.set_axis_off()
    figure.supylabel("seconds a derivative", fontsize=9)
    figure.supxlabel("size, placed by the cost expected of it", fontsize=9)
    order = [tool for tool in SHOWN if tool in seen]
    lines, names = [seen[tool] for tool in order], [SHOWN[tool] for tool in order]
    figure.legend(lines, names, loc="outside upper center", ncols=len(order), fontsize=8, frameon=False)
    return figure
