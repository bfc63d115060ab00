"""The computational graph of a function at a point, drawn.

Knows runs and shapes. Start at `draw`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wengert.api.transformed import Transformed
from wengert.viz.forms import Text
from wengert.viz.formula import Label, Name, Writer
from wengert.viz.graph import LIMIT, Arc, Cluster, Graph, Vertex, graph_of
from wengert.viz.layout import Box, Edge, arrange
from wengert.viz.observe import Node
from wengert.viz.picture import CHARACTER, Picture, Shape
from wengert.viz.subject import Subject
from wengert.viz.values import shown

LONGEST = 40  # characters in a node
LINE = 17.0  # height of a line of text
SLOPE = CHARACTER * 0.92  # width of a character on an edge


def draw(
    f: Callable[..., Any], adjoints: bool = True, limit: int = LIMIT, digits: int = 3, seed: Any = None, argnums: Any = None
) -> Transformed:
    """The computational graph of a call of f: values in the nodes, partial derivatives on the edges, adjoints in red.

    Use it to see what depends on what, and how much. Loops, branches and calls are boxes. Where there would be more than `limit` nodes,
    loops and calls are drawn as one node each, and in the end the steps of a line of source.

    Parameters
    ----------
    f : callable
        The function; the result is called with its arguments.
    adjoints : bool
        Whether the nodes show adjoints: the derivative of the result by each value.
    limit : int
        The largest number of nodes.
    digits : int
        Decimals of numbers of moderate size.
    seed : optional
        The adjoints of the results; by default 1.
    argnums : int, str or sequence of them, optional
        The arguments to differentiate by, by position or name; by default all that are real. The others are constants.

    Returns
    -------
    callable
        From the arguments of f to a `Drawing`: `.svg()`, `.save("graph.svg")` or `.save("graph.png")`; in a notebook it shows itself.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> picture = wg.draw(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2))(2.0, 5.0)
    >>> [vertex.label for vertex in picture.graph.vertices]
    ['v₋₁ = x₁', 'v₀ = x₂', 'v₁ = ln v₋₁', 'v₂ = v₋₁ × v₀', 'v₃ = sin v₀', 'v₄ = v₁ + v₂', 'v₅ = v₄ − v₃', 'y']
    """
    return Transformed(_draw, f, adjoints=adjoints, limit=limit, digits=digits, seed=seed, argnums=argnums)


def _draw(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Drawing:
    subject = Subject(f, args, kwargs, options["argnums"])
    graph = graph_of(subject, options["limit"], options["digits"])
    found = subject.adjoints(options["seed"])[0] if options["adjoints"] else {}
    return Drawing(graph, found, options["digits"])


class Drawing(Picture):
    """A graph with places for everything.

    Attributes
    ----------
    graph : Graph
        What is drawn: vertices, arcs, boxes.
    structure : dict
        The same as plain data: nodes with their ranks and boxes, edges with their slopes. Two pictures of one structure look alike.
    """

    def __init__(self, graph: Graph, adjoints: Mapping[Node, Any], digits: int = 3, tangents: Mapping[Node, Any] | None = None) -> None:
        self.graph, self.adjoints, self.tangents, self.digits = graph, adjoints, tangents or {}, digits
        self.writer = Writer(Text(), digits)
        self.boxes: dict[str, Box] = {}
        root = self._box(graph.root)
        edges = []
        for arc in graph.arcs:
            label = SLOPE * len(self.slope(arc)) + 4
            edges.append(Edge(self.boxes[arc.source.key], self.boxes[arc.target.key], arc, label, id(arc.node)))
        for edge in edges:
            if not self.slope(edge.key):
                edge.label_width = 0.0
        arrange(root, edges)
        self.edges = edges
        shapes: list[Shape] = []
        captions: list[Shape] = []
        self._clusters(graph.root, shapes, captions)
        for i, edge in enumerate(edges):
            shapes += self._edge(edge, f"e{i}")
        shapes += captions
        for vertex in graph.vertices:
            shapes += self._vertex(vertex)
        ends = {f"e{i}": (edge.key.source.key, edge.key.target.key) for i, edge in enumerate(edges)}
        name = graph.subject.name
        text = "; ".join([f"{v.label}, {self.value(v)}" for v in graph.vertices[:60]])
        super().__init__(root.width, root.height, shapes, f"Computational graph of {name}", text, ends)

    # -- texts --------------------------------------------------------------------------------------------

    def slope(self, arc: Arc) -> str:
        """∂target/∂source as it stands on an edge."""
        return "" if arc.slope is None or np.size(arc.slope) > 4 else shown(arc.slope, self.digits)

    def value(self, vertex: Vertex) -> str:
        """The number in a node."""
        if vertex.value is None:
            return ""
        text = ", ".join([shown(node.value, self.digits) for node in vertex.nodes])
        return f"{self.writer.node(vertex.node)} = {text}" if vertex.kind == "group" and vertex.node is not None else text

    def accented(self, vertex: Vertex, accent: str, found: Mapping[Node, Any]) -> str:
        """The adjoint or the tangent in a node."""
        parts = []
        for node in vertex.nodes:
            if node in found and node.number is not None:
                name = self.writer.write(Label(vertex.label, accent) if vertex.kind == "output" else Name(node, accent))
                parts.append(f"{name} = {shown(found[node], self.digits)}")
        return ", ".join(parts)

    def lines(self, vertex: Vertex) -> list[tuple[str, str]]:
        """What a node shows, line by line, and in which role."""
        first = vertex.label if len(vertex.label) <= LONGEST else vertex.label[: LONGEST - 1] + "…"
        tangent, adjoint = self.accented(vertex, "dot", self.tangents), self.accented(vertex, "bar", self.adjoints)
        rows = [(first, "ink"), (self.value(vertex), "soft"), (tangent, "tangent"), (adjoint, "adjoint")]
        return [(text, role) for text, role in rows if text]

    # -- shapes -------------------------------------------------------------------------------------------

    def _box(self, cluster: Cluster) -> Box:
        children = [self._box(c) if isinstance(c, Cluster) else self._node(c) for c in cluster.children]
        title = CHARACTER * len(cluster.title) + 24 if cluster.parent is not None else 0.0
        box = self.boxes[cluster.key] = Box(cluster.key, children=children, title=title)
        return box

    def _node(self, vertex: Vertex) -> Box:
        rows = self.lines(vertex)
        width = max([CHARACTER * _length(text) for text, _ in rows]) + 18
        box = self.boxes[vertex.key] = Box(vertex.key, max(width, 44), LINE * len(rows) + 8)
        return box

    def _clusters(self, cluster: Cluster, shapes: list[Shape], captions: list[Shape]) -> None:
        for child in cluster.children:
            if isinstance(child, Cluster):
                box = self.boxes[child.key]
                left, top = box.x - box.width / 2, box.y - box.height / 2
                shapes.append(Shape("box", "cluster", [(left, top), (box.width, box.height)], owner=child.key))
                captions.append(Shape("patch", "cluster", [(left + 8, top + 5), (CHARACTER * len(child.title) + 4, 16)]))
                captions.append(Shape("text", "caption", [(left + 10, top + 13)], child.title, anchor="start"))
                self._clusters(child, shapes, captions)

    def _edge(self, edge: Edge, key: str) -> list[Shape]:
        shapes = [Shape("path", "line", edge.points, owner=key)]
        if edge.label is not None:
            (x, y), text = edge.label, self.slope(edge.key)
            width = SLOPE * len(text) + 3
            ground = "cluster" if self._inside(x, y) else "ground"
            shapes.append(Shape("patch", ground, [(x - width / 2, y - 7), (width, 14)], owner=key))
            shapes.append(Shape("text", "slope", [edge.label], text, key))
        return shapes

    def _inside(self, x: float, y: float) -> bool:
        """Whether a point lies in a box around nodes."""
        boxes = [self.boxes[c.key] for c in self.graph.root.children if isinstance(c, Cluster)]
        return any([abs(x - b.x) <= b.width / 2 and abs(y - b.y) <= b.height / 2 for b in boxes])

    def _vertex(self, vertex: Vertex) -> list[Shape]:
        box = self.boxes[vertex.key]
        role = {"step": "node"}.get(vertex.kind, vertex.kind)
        left, top = box.x - box.width / 2, box.y - box.height / 2
        where = "" if vertex.line is None else f" ({vertex.line})"
        shapes = [
            Shape("text", "title", [(0, 0)], f"{vertex.label}{where}", vertex.key),
            Shape("box", role, [(left, top), (box.width, box.height)], owner=vertex.key),
        ]
        for i, (text, kind) in enumerate(self.lines(vertex)):
            shapes.append(Shape("text", kind, [(box.x, top + 4 + LINE * (i + 0.5))], text, vertex.key))
        return shapes

    # -- as data --------------------------------------------------------------------------------------------

    @property
    def structure(self) -> dict[str, Any]:
        """Nodes, edges and boxes as plain data, without coordinates."""
        nodes = [
            {"key": v.key, "kind": v.kind, "label": v.label, "rank": self.boxes[v.key].rank, "in": v.cluster.key}
            for v in self.graph.vertices
        ]
        edges = [{"from": a.source.key, "to": a.target.key, "slope": self.slope(a)} for a in self.graph.arcs]
        boxes: list[dict[str, Any]] = []
        waiting = [self.graph.root]
        while waiting:
            cluster = waiting.pop(0)
            inner = [c for c in cluster.children if isinstance(c, Cluster)]
            boxes += [{"key": c.key, "title": c.title, "rank": self.boxes[c.key].rank, "in": cluster.key} for c in inner]
            waiting += inner
        return {"nodes": nodes, "edges": edges, "boxes": boxes}


def _length(text: str) -> int:
    return sum([c not in "\u0304\u0305\u0307" for c in text])
