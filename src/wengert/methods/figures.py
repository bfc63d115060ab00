"""Curves over a step, a size or a shape, by matplotlib, which is imported when a figure is asked for.

Knows numbers and labels. Start at `lines`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wengert.errors import ArgumentError, four_parts
from wengert.source import here

_STYLES = ("-", "-", "--")  # curves that lie on one another are both seen
_Curves = Mapping[str, tuple[Sequence[float], Sequence[float]]]


def lines(
    path: str | None,
    panels: Sequence[tuple[str, _Curves]],
    title: str,
    abscissa: str,
    log: tuple[bool, bool] = (True, True),
    marks: Mapping[str, tuple[float, float]] | None = None,
    mark: str = "",
) -> Any:
    """A figure of panels side by side, each (name of its ordinate, curves by label); saved to `path` if there is one.

    `marks` are single points, one a curve, drawn in its colour and explained by `mark`. What is 0 or not finite has no place on
    a logarithmic axis: it is left out.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ArgumentError(
            four_parts("a plot needs matplotlib", "No module named 'matplotlib'", instead="pip install 'wengert[viz]'", where=here())
        ) from error
    figure = Figure(figsize=(7.5 if len(panels) == 1 else 11, 4.5), dpi=150, layout="constrained")
    figure.suptitle(title)
    for axes, (ordinate, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for number, (label, (x, y)) in enumerate(curves.items()):
            kept = [(a, b) for a, b in zip(x, y, strict=True) if b > 0 or not log[1]]
            (drawn,) = axes.plot(
                [a for a, _ in kept], [b for _, b in kept], marker=".", linewidth=1.2, label=label, linestyle=_STYLES[number % 3]
            )
            if marks and label in marks and marks[label][1] > 0:
                axes.plot(*marks[label], marker="o", markersize=9, fillstyle="none", color=drawn.get_color(), linestyle="none")
        if marks:
            axes.plot([], [], marker="o", markersize=9, fillstyle="none", color="0.3", linestyle="none", label=mark)
        axes.set_xscale("log" if log[0] else "linear")
        axes.set_yscale("log" if log[1] else "linear")
        axes.set_xlabel(abscissa)
        axes.set_ylabel(ordinate)
        axes.grid(True, which="major", color="0.9", linewidth=0.6)
        axes.legend(frameon=False)
    if path is not None:
        figure.savefig(path)
    return figure
