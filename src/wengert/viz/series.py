"""A picture of series over time, saved to a file.

Knows arrays, not where they come from. Start at `save_series`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def save_series(path: str, dates: Any, band: tuple[str, Any], curves: Mapping[str, Any], title: str, unit: str) -> None:
    """Save curves over dates, drawn over one thin line in the background; the file's ending says in which format.

    Parameters
    ----------
    path : str
        The file to write.
    dates : (n,) datetime64
        The common abscissa.
    band : (str, (n,) array)
        Label and values of what lies behind.
    curves : mapping of str to (n,) array
        Values by label.
    title, unit : str
        The picture's title, the name of its ordinate.

    Raises
    ------
    ImportError
        Where matplotlib is not installed.
    OSError
        Where the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), dpi=150, layout="constrained")
    axes = figure.subplots()
    label, values = band
    axes.plot(dates, values, color="0.75", linewidth=0.5, label=label)
    for label, values in curves.items():
        axes.plot(dates, values, linewidth=1.0, label=label)
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.margins(x=0)
    axes.legend(loc="upper right", frameon=False, ncols=1 + len(curves))
    figure.savefig(path)
