"""The computational graph of a run: values as nodes, what reads what as edges, boxes around loops, branches and calls.

What would be too large to read is drawn together: loops and calls first, then the steps of a line of source. Start at `graph_of`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.viz.differentiate import partial
from wengert.viz.forms import Text
from wengert.viz.formula import Label, Part, Writer, value_of
from wengert.viz.observe import Group, Node, Step, elided, line, nodes_in
from wengert.viz.subject import Subject
from wengert.viz.table import title
from wengert.viz.values import shown

LIMIT = 120  # nodes that are drawn, unless told


class Vertex:
    """A node of the picture.

    kind:  "input", "step", "output", or "group" for many steps drawn as one
    node:  the value; of a group the last one
    steps: what was done to get it
    """

    __slots__ = ("cluster", "key", "kind", "label", "node", "steps", "value")

    def __init__(
        self, key: str, kind: str, label: str, cluster: Cluster, node: Node | None = None, steps: list[Step] | None = None
    ) -> None:
        self.key, self.kind, self.label, self.cluster, self.node = key, kind, label, cluster, node
        self.steps = steps or []
        self.value = node.value if node is not None else None

    @property
    def nodes(self) -> list[Node]:
        """All values that it shows: of a step with several results each of them."""
        return self.steps[0].outs if self.kind == "step" else [] if self.node is None else [self.node]

    @property
    def line(self) -> Any:
        """The user's line, None where there is none."""
        return next((s.span for s in self.steps if s.span is not None), None)


class Cluster:
    """A box around vertices and further boxes."""

    __slots__ = ("children", "key", "parent", "title")

    def __init__(self, key: str, title: str, parent: Cluster | None) -> None:
        self.key, self.title, self.parent = key, title, parent
        self.children: list[Vertex | Cluster] = []
        if parent is not None:
            parent.children.append(self)


class Arc:
    """source is read by target; slope is ∂target/∂source where that is known, place which operand it is."""

    __slots__ = ("node", "place", "slope", "source", "step", "target")

    def __init__(self, source: Vertex, target: Vertex, node: Node, slope: Any = None, step: Step | None = None, place: int = 0) -> None:
        self.source, self.target, self.node, self.slope, self.step, self.place = source, target, node, slope, step, place


class Graph:
    """Vertices in the order of the program, arcs between them, boxes around them; `of` says where each value is."""

    def __init__(self, subject: Subject, vertices: list[Vertex], arcs: list[Arc], root: Cluster, of: Mapping[Node, Vertex]) -> None:
        self.subject, self.vertices, self.arcs, self.root, self.of = subject, vertices, arcs, root, of


def graph_of(subject: Subject, limit: int = LIMIT, digits: int = 3) -> Graph:
    """The graph of a run with at most about `limit` nodes."""
    return _Maker(subject, limit, Writer(Text(), digits)).make()


class _Maker:
    def __init__(self, subject: Subject, limit: int, writer: Writer) -> None:
        self.subject, self.limit, self.writer = subject, limit, writer
        self.vertices: list[Vertex] = []
        self.of: dict[Node, Vertex] = {}
        self.at: dict[int, Vertex] = {}  # step -> its vertex
        self.root = Cluster("root", subject.name, None)
        self.boxes = 0

    def make(self) -> Graph:
        run = self.subject.run
        for node in run.inputs:
            if node.number is not None:
                self.of[node] = self._vertex("input", f"{self.writer.node(node)} = {self.writer.write(Label(node.label))}", self.root, node)
        self.opened = self._choose(run.root)
        self._fill(run.root, self.root)
        for step in run.steps():
            if step.relabels and step.operands[0] in self.of:
                self.of[step.outs[0]] = self.of[step.operands[0]]
        arcs = self._arcs()
        for i, node in enumerate(self.subject.results):
            if not isinstance(node, Node):
                continue
            vertex = self._vertex("output", "y" if len(self.subject.results) == 1 else f"y{i + 1}", self.root, node)
            if node in self.of:
                arcs.append(Arc(self.of[node], vertex, node))
        return Graph(self.subject, self.vertices, arcs, self.root, self.of)

    def _vertex(self, kind: str, label: str, cluster: Cluster, node: Node | None = None, steps: list[Step] | None = None) -> Vertex:
        vertex = Vertex(f"n{len(self.vertices)}", kind, label, cluster, node, steps)
        self.vertices.append(vertex)
        cluster.children.append(vertex)
        for step in vertex.steps:
            self.at[id(step)] = vertex
            for out in step.outs:
                self.of[out] = vertex
        return vertex

    # -- what is opened ---------------------------------------------------------------------------------

    def _choose(self, root: Group) -> dict[int, list[Step | Group]]:
        """The groups that are drawn from inside, outer ones first, and what is in each."""
        count = len(self.vertices) + len(self.subject.results)
        opened: dict[int, list[Step | Group]] = {}
        waiting = deque([root])
        while waiting:
            group = waiting.popleft()
            items = _items(group, max(self.limit - count, 8) if group is root else None)
            more = sum([1 for _ in items])
            if group is not root and (group.kind in ("elided", "lines") or count + more - 1 > self.limit):
                continue
            count += more - (group is not root)
            opened[id(group)] = items
            waiting.extend([item for item in items if isinstance(item, Group)])
        return opened

    def _fill(self, group: Group, cluster: Cluster) -> None:
        for item in self.opened[id(group)]:
            if isinstance(item, Step):
                names = ", ".join([self.writer.node(out) for out in item.outs])
                formula = value_of(item)
                formula = formula.of if isinstance(formula, Part) else formula
                self._vertex("step", f"{names} = {self.writer.write(formula)}", cluster, item.outs[0], [item])
            elif id(item) in self.opened:
                self.boxes += 1
                self._fill(item, Cluster(f"c{self.boxes}", self._title(item), cluster))
            else:
                steps = [s for s in item.steps() if s.visible]
                last = steps[-1].outs[0] if steps else None
                self._vertex("group", f"{self._title(item)}: {len(steps)} step{'s' * (len(steps) != 1)}", cluster, last, steps)

    def _title(self, group: Group) -> str:
        return "".join([part if isinstance(part, str) else self.writer.write(part) for part in title(group)])

    # -- arcs ---------------------------------------------------------------------------------------------

    def _arcs(self) -> list[Arc]:
        arcs: list[Arc] = []
        for vertex in list(self.vertices):
            seen: set[tuple[int, int]] = set()
            for step in vertex.steps:
                for place, operand in enumerate(step.operands):
                    for node in nodes_in(operand):
                        source = self.of.get(node)
                        if source is None or source is vertex or not node.type.inexact:
                            continue
                        if "group" not in (source.kind, vertex.kind):
                            arcs.append(Arc(source, vertex, node, _slope(step, place) if isinstance(operand, Node) else None, step, place))
                        elif (id(source), 0 if source.kind == "group" else id(node)) not in seen:
                            seen.add((id(source), 0 if source.kind == "group" else id(node)))
                            arcs.append(Arc(source, vertex, node))
        return arcs


def _slope(step: Step, place: int) -> Any:
    """∂result/∂operand; of what only moves elements it would be ones and zeros."""
    operation: Any = step.equation.operation
    return partial(step, place) if not operation.moves and step.operands[place].varied else None


def _items(group: Group, most: int | None) -> list[Step | Group]:
    """What is in a group; where that is more than `most`, the steps of a line as one, and then of several lines."""
    items = elided(group)
    if most is None or len(items) <= most:
        return items
    items = _merged(items, lambda a, b: isinstance(a, Step) and isinstance(b, Step) and a.span == b.span, group)
    if len(items) <= most:
        return items
    size = -(-len(items) // most)
    return [_as_one(items[i : i + size], group) for i in range(0, len(items), size)]


def _merged(items: list[Step | Group], together: Any, parent: Group) -> list[Step | Group]:
    runs: list[list[Step | Group]] = []
    for item in items:
        if runs and together(runs[-1][-1], item):
            runs[-1].append(item)
        else:
            runs.append([item])
    return [_as_one(run, parent) for run in runs]


def _as_one(items: list[Step | Group], parent: Group) -> Step | Group:
    if len(items) == 1:
        return items[0]
    spans = [s.line for s in [line(item) for item in items] if s is not None]
    name = "steps" if not spans else f"line {spans[0]}" if min(spans) == max(spans) else f"lines {min(spans)} to {max(spans)}"
    group = Group("lines", name, parent)
    group.children = list(items)
    return group


def described(value: Any, digits: int = 3) -> str:
    """A value or slope as it is written in the picture."""
    return "" if value is None else shown(value, digits) if np.size(value) else ""
