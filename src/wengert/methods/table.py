"""What a comparison shows: rows, as text, with rich, as HTML, as JSON.

Knows results, not how they came about. Start at `Comparison`.
"""

from __future__ import annotations

import html
import json
import sys
from typing import Any, Literal

import numpy as np

from wengert.methods.problem import Derivative, Problem

HEADERS = ("method", "derivative", "error", "estimate", "first call", "each call", "work", "memory")


class Row:
    """One method: its derivative, its error relative to the reference (None without one), seconds of the first and a later call, bytes."""

    __slots__ = ("derivative", "each", "error", "first", "memory", "method")

    def __init__(self, method: str, derivative: Derivative, first: float, each: float, memory: int | None) -> None:
        self.method, self.derivative, self.first, self.each, self.memory = method, derivative, first, each, memory
        self.error: float | None = None

    @property
    def estimate(self) -> float | None:
        """The error that the method itself expects, relative as `error` is; None if it says nothing."""
        if self.derivative.errors is None:
            return None
        sizes = [float(np.max(np.abs(v), initial=0)) for v in self.derivative.values]
        worst = [float(np.max(e, initial=0)) for e in self.derivative.errors]
        return max([e / s if s else e for e, s in zip(worst, sizes, strict=True)])

    @property
    def work(self) -> str:
        """Evaluations of the function, or operations of the derivative program."""
        d = self.derivative
        return f"{d.evaluations:,} evaluations" if d.evaluations else f"{d.operations:,} operations" if d.operations else ""

    def cells(self) -> tuple[str, ...]:
        """The row as texts, in the order of HEADERS."""
        return (
            self.method,
            shown(self.derivative.values),
            _short(self.error),
            _short(self.estimate),
            seconds(self.first),
            seconds(self.each),
            self.work,
            "" if self.memory is None else size(self.memory),
        )


class Comparison:
    """Every method on one function.

    rows: those that apply; refused: the others, each with the reason; value: f at the point
    reference: the derivatives, as arrays of mpmath's numbers, or None
    """

    def __init__(
        self, problem: Problem, value: Any, rows: list[Row], reference: list[Any] | None, refused: dict[str, str], digits: int = 50
    ) -> None:
        self.name, self.names, self.value = problem.name, problem.names, value[()]
        self.rows, self.reference, self.refused, self.digits = rows, reference, refused, digits

    def __getitem__(self, method: str) -> Row:
        """The row of a method."""
        for row in self.rows:
            if row.method == method:
                return row
        raise KeyError(f"{method!r} is not among {', '.join([r.method for r in self.rows])}" + self._why(method))

    def _why(self, method: str) -> str:
        return f"; it was refused: {self.refused[method].splitlines()[0]}" if method in self.refused else ""

    @property
    def title(self) -> str:
        """What is compared."""
        return f"Derivatives of {self.name} by {', '.join(self.names)}"

    @property
    def notes(self) -> list[str]:
        """What cannot be in the table: the reference, and which methods were refused and why."""
        notes = []
        if self.reference is not None:
            notes.append(f"reference  {shown(self.reference, 20)}")
        for method, reason in self.refused.items():
            lines = [line.strip() for line in reason.splitlines()]
            notes.append(f"{method}: refused: {' '.join([lines[0], *[x for x in lines[1:] if not x.startswith(('of ', 'Try:'))]])}")
        return notes

    def __str__(self) -> str:
        cells = [HEADERS, *[row.cells() for row in self.rows]]
        kept = [i for i in range(len(HEADERS)) if any([row[i] for row in cells[1:]])]
        widths = [max([len(row[i]) for row in cells]) for i in kept]
        lines = ["  ".join([row[i].ljust(w) if i < 2 else row[i].rjust(w) for i, w in zip(kept, widths, strict=True)]) for row in cells]
        return "\n".join([self.title, "", *[line.rstrip() for line in lines], "", *self.notes])

    __repr__ = __str__

    def show(self, file: Any = None) -> None:
        """Print the table: in a terminal with rich, where that is installed, else as text."""
        out = sys.stdout if file is None else file
        if out.isatty():
            try:
                from rich.console import Console
            except ImportError:
                pass
            else:
                Console(file=out).print(self)
                return
        print(self, file=out)

    def __rich_console__(self, console: Any, options: Any) -> Any:
        """A table as wide as the terminal; where that is narrow, some columns are left out, and named below."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        cells = [row.cells() for row in self.rows]
        widths = [max([len(row[i]) for row in (HEADERS, *cells)]) for i in range(len(HEADERS))]
        kept = [i for i in range(len(HEADERS)) if any([row[i] for row in cells])]
        left_out = []
        for i in _FIRST_LEFT_OUT:
            if i in kept and sum([widths[j] + 2 for j in kept]) + 2 > options.max_width:
                kept.remove(i)
                left_out.append(HEADERS[i])
        table = Table(title=self.title, title_justify="left", box=SIMPLE_HEAD)
        for i in kept:
            table.add_column(HEADERS[i], justify=_SIDES[i > 1], no_wrap=i != 1, overflow="fold")
        for row in cells:
            table.add_row(*[row[i] for i in kept])
        yield table
        for note in self.notes:
            yield Text(note)
        if left_out:
            yield Text(f"no room for: {', '.join(left_out)}")

    def _repr_html_(self) -> str:
        rows = "".join([f"<tr>{_cells('td', row.cells())}</tr>" for row in self.rows])
        notes = "".join([f"<p>{html.escape(note)}</p>" for note in self.notes])
        head = f"<caption>{html.escape(self.title)}</caption><thead><tr>{_cells('th', HEADERS)}</tr></thead>"
        style = f"<style>{_STYLE}</style>"
        return f'<div class="wengert-compare">{style}<table>{head}<tbody>{rows}</tbody></table>{notes}</div>'

    def json(self) -> str:
        """All of it as JSON; the reference as strings, with the digits that are right."""
        rows = [
            {
                "method": row.method,
                "derivative": [np.asarray(v).tolist() for v in row.derivative.values],
                "error": row.error,
                "estimate": row.estimate,
                "seconds": {"first": row.first, "each": row.each},
                "evaluations": row.derivative.evaluations or None,
                "operations": row.derivative.operations or None,
                "bytes": row.memory,
            }
            for row in self.rows
        ]
        reference = None if self.reference is None else [_texts(np.asarray(d, object), self.digits) for d in self.reference]
        result = {"function": self.name, "by": self.names, "value": np.asarray(self.value).tolist(), "methods": rows}
        return json.dumps(_finite({**result, "reference": reference, "refused": self.refused}), allow_nan=False)


def shown(values: list[Any], digits: int = 10) -> str:
    """Derivatives in short: the first few numbers of each."""
    parts = []
    for v in values:
        v = np.asarray(v)
        numbers = [_digits(x, digits) for x in v.flat[:3]]
        text = ", ".join(numbers) + (", …" if v.size > 3 else "")
        parts.append(f"[{text}]" if v.ndim else text)
    return "; ".join(parts)


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_FIRST_LEFT_OUT = [HEADERS.index(name) for name in ("memory", "first call", "estimate", "work")]  # in a terminal without room for all
_STYLE = (
    ".wengert-compare table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    ".wengert-compare caption{text-align:left;font-weight:600;padding:.3em .6em}"
    ".wengert-compare th,.wengert-compare td{padding:.15em .6em;white-space:nowrap}"
    ".wengert-compare thead th{border-bottom:1px solid currentColor}"
    ".wengert-compare p{margin:.4em .6em;max-width:60em}"
)


def _cells(tag: str, texts: tuple[str, ...]) -> str:
    return "".join([f'<{tag} style="text-align:{_SIDES[i > 1]}">{html.escape(t)}</{tag}>' for i, t in enumerate(texts)])


def _short(error: float | None) -> str:
    return "" if error is None else f"{error:.1e}" if error else "0"


def _digits(x: Any, digits: int) -> str:
    return f"{x:.{digits}g}" if isinstance(x, (float, np.floating)) else x.context.nstr(x, digits)


def seconds(s: float) -> str:
    """A duration in the unit that fits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if s * factor >= 1:
            return f"{s * factor:.3g} {unit}"
    return f"{s * 1e9:.3g} ns"


def size(n: int) -> str:
    """A number of bytes in the unit that fits."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.3g} {unit}"
    return f"{n} B"


def _texts(x: Any, digits: int) -> Any:
    return [_texts(v, digits) for v in x] if np.ndim(x) else _digits(x[()] if isinstance(x, np.ndarray) else x, digits)


def _finite(x: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(x, dict):
        return {k: _finite(v) for k, v in x.items()}
    if isinstance(x, list):
        return [_finite(v) for v in x]
    if isinstance(x, float) and not np.isfinite(x):
        return str(x)
    return x
