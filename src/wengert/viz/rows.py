"""The rows of a trace table, written as text, HTML and LaTeX.

Knows formulas, not how they came about. Start at `TraceTable`.
"""

from __future__ import annotations

import html
import unicodedata
from typing import Any

from wengert.viz.forms import Html, Latex, Text
from wengert.viz.formula import Expression, Writer
from wengert.viz.values import shown


class Substituted:
    """A formula with numbers in place of names."""

    __slots__ = ("expression", "numbers")

    def __init__(self, expression: Expression, numbers: Any) -> None:
        self.expression, self.numbers = expression, numbers


class Cell:
    """name = chain[0] = chain[1] = … = value."""

    __slots__ = ("chain", "name", "value")

    def __init__(self, name: Expression, chain: list[Any], value: Any) -> None:
        self.name, self.chain, self.value = name, chain, value

    def written(self, writer: Writer) -> tuple[str, list[str], str]:
        """Name, formulas, number."""
        chain = [writer.write(e.expression, e.numbers) if isinstance(e, Substituted) else writer.write(e) for e in self.chain]
        unique = [text for i, text in enumerate(chain) if i == 0 or text != chain[i - 1]]
        value = writer.form.text(shown(self.value, writer.digits))
        if len(unique) > 1 and unique[-1] == value:
            unique.pop()
        return writer.write(self.name), unique, value


class Row:
    """One step: its primal on the left; on the right its tangent, or what it adds to adjoints, the last first.

    kind: "input", "step", "output" or "group", which has a title instead: words and formulas
    """

    __slots__ = ("depth", "kind", "left", "line", "right", "title")

    def __init__(
        self, kind: str, depth: int, left: Cell | None, right: list[Cell], line: Any = None, title: list[Any] | None = None
    ) -> None:
        self.kind, self.depth, self.left, self.right, self.line, self.title = kind, depth, left, right, line, title


class TraceTable:
    """The two traces side by side. Text when printed, HTML in a notebook, and as data.

    Attributes
    ----------
    steps : list of dict
        Row by row: kind, depth, line, name, formula, value; in forward mode tangent_formula and tangent; in reverse mode adjoints, the
        last first: of which value, by which formula, and the sum so far.
    """

    def __init__(self, name: str, heading: str, rows: list[Row], digits: int, mode: str) -> None:
        self.name, self.heading, self.rows, self.digits, self.mode = name, heading, rows, digits, mode

    # -- data ---------------------------------------------------------------------------------------

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The rows as data; formulas as text."""
        writer = Writer(Text(), self.digits)
        return [self._data(row, writer) for row in self.rows]

    def _data(self, row: Row, writer: Writer) -> dict[str, Any]:
        data: dict[str, Any] = {"kind": row.kind, "depth": row.depth, "line": None if row.line is None else row.line.line}
        if row.left is None:
            return {**data, "title": _title(row, writer)}
        name, chain, _ = row.left.written(writer)
        data |= {"name": name, "formula": chain[0] if chain else "", "value": row.left.value}
        if self.mode == "forward":
            if row.right:
                _, formulas, _ = row.right[0].written(writer)
                data |= {"tangent_formula": formulas[0] if formulas else "", "tangent": row.right[0].value}
            return data
        adjoints = []
        for cell in row.right:
            of, formulas, _ = cell.written(writer)
            adjoints.append({"of": of, "formula": formulas[-1] if formulas else "", "value": cell.value})
        return {**data, "adjoints": adjoints}

    # -- text ---------------------------------------------------------------------------------------

    def __str__(self) -> str:
        writer = Writer(Text(), self.digits)
        several = len({row.line for row in self.rows if row.line is not None}) > 1
        table: list[list[str] | str] = []
        before = None
        for row in self.rows:
            mark = str(row.line.line) if several and row.line is not None and row.line != before else ""
            before = row.line or before
            if row.left is None:
                table.append(f"{mark}\0{'  ' * row.depth}{_title(row, writer)}")
                continue
            cells = [_text(cell, writer) for cell in row.right] or [["", "", ""]]
            left = _text(row.left, writer)
            left[0] = "  " * row.depth + left[0]
            table += [[mark, *left, *cells[0]], *[["", "", "", "", *cell] for cell in cells[1:]]]
        widths = [max([_width(line[i]) for line in table if not isinstance(line, str)]) for i in range(7)]
        marks = max([widths[0], *[len(line.partition("\0")[0]) for line in table if isinstance(line, str)]])
        widths[0] = marks

        def gutter(text: str) -> str:
            return f"{text:>{marks}}  " if marks else ""

        halves = [
            [gutter(line[0]) + _row(line[1:4], widths[1:4]), _row(line[4:], widths[4:])] for line in table if not isinstance(line, str)
        ]
        left_width = max([_width(a) for a, _ in halves] + [len("Forward primal trace")])
        right_width = max([_width(b) for _, b in halves] + [len(self.heading)])
        rule = "─" * left_width + "─┼─" + "─" * right_width
        out = [_pad("Forward primal trace", left_width) + " │ " + self.heading, rule]
        remaining = iter(halves)
        for line, kind in zip(table, self._kinds(), strict=True):
            if kind == "rule":
                out.append(rule)
            if isinstance(line, str):
                mark, _, words = line.partition("\0")
                out.append(_pad(gutter(mark) + words, left_width) + " │")
            else:
                a, b = next(remaining)
                out.append((_pad(a, left_width) + " │ " + b).rstrip())
        return "\n".join(out)

    __repr__ = __str__

    def _kinds(self) -> list[str]:
        """For each line of text, whether a rule stands above it: between inputs, steps and outputs."""
        kinds: list[str] = []
        before = None
        for row in self.rows:
            part = row.kind if row.kind in ("input", "output") else "step"
            kinds.append("rule" if before is not None and part != before else "")
            kinds += [""] * (max(len(row.right), 1) - 1 if row.left is not None else 0)
            before = part
        return kinds

    # -- HTML ---------------------------------------------------------------------------------------

    def html(self) -> str:
        """A table, with its style in it; light or dark as the page around it."""
        writer = Writer(Html(), self.digits)
        several = len({row.line for row in self.rows if row.line is not None}) > 1
        body = []
        before, part_before = None, None
        for row in self.rows:
            part = row.kind if row.kind in ("input", "output") else "step"
            edge = ' class="edge"' if part_before is not None and part != part_before else ""
            part_before = part
            mark = f"{row.line.line}" if several and row.line is not None and row.line != before else ""
            before = row.line or before
            line = f'<td class="line">{mark}</td>' if several else ""
            if row.left is None:
                head = f'<th colspan="4" scope="rowgroup" style="{_indent(row)}">{_title(row, writer)}</th>'
                body.append(f"<tr{edge}>{line}{head}</tr>")
                continue
            cells: list[Cell | None] = [*row.right] or [None]
            name, chain, value = row.left.written(writer)
            span = f' rowspan="{len(cells)}"' if len(cells) > 1 else ""
            line = line.replace("<td", f"<td{span}", 1)
            left = f'<td{span} style="{_indent(row)}">{" = ".join([name, *chain])}</td><td{span} class="value">{value}</td>'
            body.append(f"<tr{edge}>{line}{left}{_html_cell(cells[0], writer)}</tr>")
            body += [f"<tr>{_html_cell(cell, writer)}</tr>" for cell in cells[1:]]
        caption = f"<caption>{html.escape(self.name)}</caption>"
        first = '<th scope="col" class="line">line</th>' if several else ""
        heads = f'{first}<th scope="col" colspan="2">Forward primal trace</th><th scope="col" colspan="2">{self.heading}</th>'
        inside = f"<style>{_STYLE}</style>{caption}<thead><tr>{heads}</tr></thead><tbody>{''.join(body)}</tbody>"
        return f'<table class="wengert-trace">{inside}</table>'

    def _repr_html_(self) -> str:
        return self.html()

    # -- LaTeX --------------------------------------------------------------------------------------

    def latex(self) -> str:
        """An array environment, for mathematical mode; of the package amsmath; KaTeX and MathJax read it too."""
        writer = Writer(Latex(), self.digits)
        lines = [
            r"\begin{array}{lll|lll}",
            rf" & \text{{Forward primal trace}} & & & \text{{{self.heading}}} & \\ \hline",
        ]
        before = None
        for row in self.rows:
            part = row.kind if row.kind in ("input", "output") else "step"
            if before is not None and part != before:
                lines.append(r"\hline")
            before = part
            quad = r"\quad " * row.depth
            if row.left is None:
                lines.append(rf" & {quad}{_title(row, writer)} & & & & \\")
                continue
            cells = [_latex(cell, writer) for cell in row.right] or [" & & "]
            lines.append(f"{quad}{_latex(row.left, writer)} & {cells[0]} \\\\")
            lines += [f" & & & {cell} \\\\" for cell in cells[1:]]
        return "\n".join([*lines, r"\end{array}"])


def _title(row: Row, writer: Writer) -> str:
    return "".join([writer.form.text(part) if isinstance(part, str) else writer.write(part) for part in row.title or []])


def _text(cell: Cell, writer: Writer) -> list[str]:
    name, chain, value = cell.written(writer)
    return [name, f"= {' = '.join(chain)}" if chain else "", f"= {value}"]


def _html_cell(cell: Cell | None, writer: Writer) -> str:
    if cell is None:
        return '<td class="second"></td><td></td>'
    name, chain, value = cell.written(writer)
    return f'<td class="second">{" = ".join([name, *chain])}</td><td class="value">{value}</td>'


def _latex(cell: Cell, writer: Writer) -> str:
    name, chain, value = cell.written(writer)
    return f"{name} & {'= ' + ' = '.join(chain) if chain else ''} & = {value}"


def _indent(row: Row) -> str:
    return f"padding-left:{0.6 + 1.4 * row.depth:.1f}em"


def _width(text: str) -> int:
    return len(text) - sum([unicodedata.combining(c) > 0 for c in text])


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _row(cells: list[str], widths: list[int]) -> str:
    return " ".join([_pad(text, width) for text, width in zip(cells, widths, strict=True)]).rstrip()


_STYLE = """
.wengert-trace{border-collapse:collapse;font-family:serif;line-height:1.5;color:inherit}
.wengert-trace caption{text-align:left;font-weight:bold;padding:.3em .6em}
.wengert-trace td,.wengert-trace th{padding:.05em .6em;text-align:left;vertical-align:top;border:0;white-space:nowrap}
.wengert-trace thead th{border-bottom:1px solid currentColor}
.wengert-trace tr.edge>*{border-top:1px solid currentColor}
.wengert-trace tbody th{font-weight:normal;font-style:italic;opacity:.75}
.wengert-trace td.value{text-align:right;font-variant-numeric:tabular-nums}
.wengert-trace td.second{border-left:1px solid currentColor}
.wengert-trace .line{opacity:.6;font-family:monospace;text-align:right}
""".strip()
