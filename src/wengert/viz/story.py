"""A run told in steps: the forward pass, the tangent pass, the reverse pass; what each step fills in, and in which words.

Knows graphs and runs, not pages. Start at `story`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.viz.draw import Drawing
from wengert.viz.formula import Derivative, Label, Name, Number, Plus, Times, contribution_of, is_short, tangent_of, value_of
from wengert.viz.graph import Vertex
from wengert.viz.observe import Node, nodes_in
from wengert.viz.values import shown

FORWARD, TANGENT, REVERSE = "forward", "tangent", "reverse"


class Event:
    """One position of the slider: in which pass, at which node of the picture, what is said, and what is filled in.

    filled: (key of the node, "value" or "tangent" or "adjoint", text)
    """

    __slots__ = ("filled", "key", "part", "text")

    def __init__(self, part: str, key: str, text: str, filled: list[tuple[str, str, str]]) -> None:
        self.part, self.key, self.text, self.filled = part, key, text, filled


def story(drawing: Drawing, tangents: dict[Node, Any], trace: Any) -> list[Event]:
    """All events. `tangents` and `trace` are those of the subject of the drawing."""
    teller = _Teller(drawing, tangents)
    return [*teller.forward(), *teller.tangent(), *teller.reverse(trace)]


class _Teller:
    def __init__(self, drawing: Drawing, tangents: dict[Node, Any]) -> None:
        self.drawing, self.graph, self.tangents = drawing, drawing.graph, tangents
        self.adjoints = drawing.adjoints
        self.writer = drawing.writer
        self.totals: dict[Node, Any] = {}

    def equal(self, *parts: Any) -> str:
        """Expressions, and values, with = between; nothing twice."""
        texts = [part if isinstance(part, str) else self.writer.write(part) for part in parts if part is not None]
        return " = ".join([text for i, text in enumerate(texts) if i == 0 or text != texts[i - 1]])

    def value(self, x: Any) -> str:
        """A value in short."""
        return shown(x, self.drawing.digits)

    def with_numbers(self, e: Any, numbers: Any) -> str | None:
        """The formula with numbers in it, where that is short."""
        return self.writer.write(e, numbers) if e is not None and is_short(e, numbers) else None

    # -- forward ------------------------------------------------------------------------------------------

    def forward(self) -> list[Event]:
        """Values."""
        return [Event(FORWARD, v.key, self._said(v), [(v.key, "value", self.drawing.value(v))]) for v in self.graph.vertices]

    def _said(self, v: Vertex) -> str:
        if v.kind == "group":
            return f"{v.label}; {self.drawing.value(v)}"
        assert v.node is not None, "only groups may have no value"
        if v.kind == "output":
            return self.equal(v.label, Name(v.node) if v.node.number is not None else None, self.value(v.value))
        if v.kind == "input":
            return f"{v.label} = {self.value(v.value)}"
        formula = value_of(v.steps[0])
        return self.equal(Name(v.node), formula, self.with_numbers(formula, lambda node, accent: node.value), self.value(v.value))

    # -- tangents -----------------------------------------------------------------------------------------

    def tangent(self) -> list[Event]:
        """Tangents, in the same order."""
        events = []
        for v in self.graph.vertices:
            node = v.node
            if node is not None and node in self.tangents:
                said = self._said_of_tangent(v, node)
                events.append(Event(TANGENT, v.key, said, [(v.key, "tangent", self.tangent_text(v))]))
        return events

    def tangent_text(self, v: Vertex) -> str:
        """The tangent as a node shows it."""
        if v.node is None or v.node not in self.tangents:
            return ""
        name = Label(v.label, "dot") if v.kind == "output" else Name(v.node, "dot")
        return self.equal(name, self.value(self.tangents[v.node]))

    def _said_of_tangent(self, v: Vertex, node: Node) -> str:
        value = self.value(self.tangents[node])
        if v.kind == "input":
            return self.equal(Name(node, "dot"), Label(node.label, "dot"), value) + ", the seed"
        if v.kind == "output":
            return self.equal(Label(v.label, "dot"), Name(node, "dot"), value)
        if v.kind == "group":
            return f"{v.label}; {self.equal(Name(node, 'dot'), value)}"
        (step,) = v.steps
        active = [any([n in self.tangents for n in nodes_in(a)]) for a in step.operands]
        formula = tangent_of(step, 0, active) if isinstance(step.parts[0], Node) else None
        numbers = lambda n, accent: self.tangents.get(n, np.zeros(n.type.shape)[()]) if accent else n.value
        return self.equal(Name(node, "dot"), formula, self.with_numbers(formula, numbers), value)

    # -- adjoints -----------------------------------------------------------------------------------------

    def reverse(self, trace: Any) -> list[Event]:
        """Adjoints, as they are summed up, from the results back to the inputs."""
        events = []
        at: dict[int, Vertex] = {id(step): v for v in self.graph.vertices for step in v.steps}
        for v in self.graph.vertices:
            if v.kind == "output" and v.node in self.adjoints and v.node.varied:  # type: ignore[union-attr]
                node: Node = v.node  # type: ignore[assignment]
                self.totals[node] = self.adjoints[node]
                of = self.graph.of.get(node)
                names = [Name(node, "bar") if node.number is not None else None, Label(v.label, "bar")]
                filled = [(v.key, "adjoint", self.adjoint_text(v, self.adjoints[node]))]
                if of is not None and of.node is node:
                    filled.append((of.key, "adjoint", self.adjoint_text(of, self.adjoints[node])))
                events.append(Event(REVERSE, v.key, self.equal(*names, self.value(self.adjoints[node])) + ", the seed", filled))
        pending: Vertex | None = None
        touched: dict[Node, Any] = {}

        def close() -> None:
            nonlocal pending
            if pending is not None:
                filled = [f for node, total in touched.items() for f in self._filled(node, total)]
                events.append(Event(REVERSE, pending.key, f"{pending.label}: adjoints carried back through it", filled))
            pending = None
            touched.clear()

        for c in trace:
            if id(c.step) not in at:
                continue
            v = at[id(c.step)]
            if v is not pending:
                close()
            if v.kind == "group":
                pending = v
                touched[c.node] = c.total
                continue
            events.append(Event(REVERSE, v.key, self._said_of(c), self._filled(c.node, c.total)))
        close()
        return events

    def adjoint_text(self, v: Vertex, total: Any) -> str:
        """The adjoint as a node shows it."""
        name = Label(v.label, "bar") if v.kind == "output" else Name(v.node, "bar")  # type: ignore[arg-type]
        return self.equal(name, self.value(total))

    def _filled(self, node: Node, total: Any) -> list[tuple[str, str, str]]:
        v = self.graph.of.get(node)
        return (
            [(v.key, "adjoint", self.adjoint_text(v, total))]
            if v is not None and v.node is not None and v.node.number == node.number
            else []
        )

    def _said_of(self, c: Any) -> str:
        out = next((node for node in c.step.outs if node in self.adjoints), c.step.outs[0])
        formula = contribution_of(c.step, c.place)
        ways = [Times(Name(out, "bar"), Derivative(out, c.node), beside=True), formula]
        numbers = lambda n, accent: self.adjoints.get(n) if accent else n.value
        inserted = self.with_numbers(formula, numbers)
        if not c.first:
            before = c.total - c.value
            ways = [Plus(Name(c.node, "bar"), e) for e in ways if e is not None]
            inserted = self.with_numbers(Plus(Number(before), formula), numbers) if inserted is not None else None
        return self.equal(Name(c.node, "bar"), *ways, inserted, self.value(c.total))
