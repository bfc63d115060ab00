"""The explorer: one HTML file with the source beside the graph, and a slider through the passes of differentiation.

Knows runs, pictures and the stages of compilation. Start at `explore`; the page itself is in `page/`.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from wengert.api.compile import jit
from wengert.api.transformed import Transformed
from wengert.errors import WengertError
from wengert.ir.printer import name_variables, print_function
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import linearize
from wengert.viz.draw import Drawing
from wengert.viz.graph import LIMIT, graph_of
from wengert.viz.story import Event, story
from wengert.viz.subject import Subject, source_lines
from wengert.viz.values import shown

PAGE = Path(__file__).parent / "page"
STAGE = 150_000  # characters of a stage that are shown


def explore(f: Callable[..., Any], seed: Any = None, limit: int = LIMIT, digits: int = 3, argnums: Any = None) -> Transformed:
    """One self-contained HTML file in which a call of f can be stepped through.

    The source stands beside the graph; a slider goes through the forward pass, the tangent pass and the reverse pass, and values,
    tangents and adjoints are filled in as it goes. Lines lead to nodes and back. Tabs show the values kept for the reverse pass with
    their bytes, and what the compiler makes of the function. The file asks for nothing from any network.

    Parameters
    ----------
    f : callable
        The function; the result is called with its arguments.
    seed : optional
        The tangents of the arguments, one for each, in a tuple; by default 1 for the first and 0 for the others.
    limit : int
        The largest number of nodes; see `wengert.draw`.
    digits : int
        Decimals of numbers of moderate size.
    argnums : int, str or sequence of them, optional
        The arguments to differentiate by, by position or name; by default all that are real. The others are constants.

    Returns
    -------
    callable
        From the arguments of f to a `Page`: `.save("explore.html")`, `.html()`; in a notebook it shows itself.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> page = wg.explore(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2))(2.0, 5.0)
    >>> len(page.events), page.events[4].text
    (25, 'v₃ = sin v₀ = sin 5 = −0.959')
    """
    return Transformed(_explore, f, seed=seed, limit=limit, digits=digits, argnums=argnums)


def _explore(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Page:
    return Page(Subject(f, args, kwargs, options["argnums"]), options["seed"], options["limit"], options["digits"])


class Page:
    """The explorer of one call.

    Attributes
    ----------
    events : list of Event
        The positions of the slider.
    drawing : Drawing
        The graph.
    """

    def __init__(self, subject: Subject, seed: Any, limit: int, digits: int) -> None:
        self.subject = subject
        tangents = subject.tangents(seed)
        adjoints, trace = subject.adjoints()
        self.drawing = Drawing(graph_of(subject, limit, digits), adjoints, digits, tangents)
        self.events: list[Event] = story(self.drawing, tangents, trace)

    # -- parts of the page -----------------------------------------------------------------------------------

    def sources(self) -> list[dict[str, Any]]:
        """The user's files: name, numbered lines."""
        found = []
        for file, lines in self.subject.files.items():
            found.append({"name": os.path.basename(file), "lines": source_lines(file, lines, self.subject.f)})
        return found

    def nodes(self) -> dict[str, Any]:
        """For each node of the picture what the page needs to know of it."""
        files = list(self.subject.files)
        out = {}
        for v in self.drawing.graph.vertices:
            spans = sorted({(files.index(s.span.file), s.span.line) for s in v.steps if s.span is not None})
            label = " ".join([text for text, role in self.drawing.lines(v) if role in ("ink", "soft")])
            reads = [self.drawing.graph.vertices.index(a.source) for a in self.drawing.graph.arcs if a.target is v]
            slopes = [self.drawing.slope(a) for a in self.drawing.graph.arcs if a.target is v]
            out[v.key] = {
                "label": v.label,
                "spoken": label,
                "kind": v.kind,
                "lines": spans,
                "reads": [[f"n{i}", slope] for i, slope in zip(reads, slopes, strict=True)],
                "value": _whole(v.value),
                "type": "" if v.node is None else repr(v.node.type),
            }
        return out

    def residuals(self) -> dict[str, Any]:
        """What the program keeps for its linear half: each value, where it is computed, its bytes."""
        function = self.subject.run.function
        active = tuple([t.inexact for t in function.in_types])
        split = linearize(function, active)
        names = name_variables(split.primal)
        made = {out: e for e in split.primal.equations for out in e.outs}
        values = evaluate(split.primal, [node.value for node in self.subject.run.inputs])[len(function.outputs) :]
        rows, total = [], 0
        for variable, value in zip(split.residuals, values, strict=True):
            equation = made.get(variable)
            size = 0 if equation is None else _bytes(value)
            total += size
            rows.append(
                {
                    "name": names.get(variable, "?"),
                    "of": "an input" if equation is None else equation.operation.name,
                    "line": "" if equation is None or equation.span is None else str(equation.span),
                    "type": repr(variable.type),
                    "value": shown(value),
                    "bytes": size,
                }
            )
        return {"rows": rows, "total": total, "program": print_function(split.primal)[:STAGE]}

    def stages(self) -> list[list[str]]:
        """(name, text) of everything the compiler makes of the function on its way to machine code."""
        function = self.subject.run.function
        found = [["IR, as traced", print_function(function)]]
        try:
            lowered = jit(self.subject.f).lower(*self.subject.args)
            found = [["IR, as traced", print_function(lowered.ir)]]
            found += [[f"after {name}", print_function(made)] for name, made in lowered.passes]
            found += [["loop nests", lowered.loops], ["LLVM", lowered.llvm], ["LLVM, optimised", lowered.optimised]]
        except WengertError as error:
            found.append(["not compiled", str(error)])
        return [[name, text if len(text) <= STAGE else text[:STAGE] + "\n… and so on"] for name, text in found]

    # -- the page --------------------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """All that the page's script reads."""
        return {
            "name": self.subject.name,
            "sources": self.sources(),
            "nodes": self.nodes(),
            "events": [[e.part, e.key, e.text, e.filled] for e in self.events],
            "residuals": self.residuals(),
            "stages": self.stages(),
        }

    def html(self) -> str:
        """The file's text."""
        parts = {name: (PAGE / name).read_text(encoding="utf-8") for name in ("explore.html", "explore.css", "explore.js")}
        data = json.dumps(self.data(), ensure_ascii=False).replace("<", "\\u003c")
        page = parts["explore.html"]
        fillings = {
            "TITLE": html.escape(f"{self.subject.name} · wengert"),
            "NAME": html.escape(self.subject.name),
            "STYLE": parts["explore.css"],
            "GRAPH": self.drawing.svg(),
            "DATA": data,
            "SCRIPT": parts["explore.js"],
        }
        out = []
        for i, piece in enumerate(page.split("@@")):  # text, name of a filling, text, …
            out.append(fillings[piece] if i % 2 else piece)
        return "".join(out)

    def save(self, path: str) -> None:
        """Write the file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html())

    def _repr_html_(self) -> str:
        frame = 'style="width:100%;height:42em;border:0"'
        return f'<iframe title="{html.escape(self.subject.name)}, step by step" srcdoc="{html.escape(self.html())}" {frame}></iframe>'

    def __repr__(self) -> str:
        return f"<explorer of {self.subject.name}: {len(self.drawing.graph.vertices)} nodes, {len(self.events)} steps>"


def _whole(value: Any) -> str:
    return "" if value is None else np.array2string(np.asarray(value), threshold=40, precision=8)


def _bytes(value: Any) -> int:
    return sum([_bytes(item) for item in value]) if isinstance(value, list) else int(np.asarray(value).nbytes)
