"""The layout: nothing overlaps, edges run downwards, what is inside a box stays there, few crossings, straight chains."""

import itertools

import numpy as np
import pytest

from wengert.viz.draw import Drawing
from wengert.viz.graph import graph_of
from wengert.viz.layout import WIDEST, Box, Edge, arrange
from wengert.viz.picture import curve
from wengert.viz.subject import Subject

from .programs import CALLS


def frame(box):
    return box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2


def apart(a, b):
    (ax, ay, bx, by), (cx, cy, dx, dy) = frame(a), frame(b)
    return bx <= cx + 1e-6 or dx <= ax + 1e-6 or by <= cy + 1e-6 or dy <= ay + 1e-6


def check(root):
    """Children are inside their box, and apart."""
    for child in root.children:
        outer, inner = frame(root), frame(child)
        assert outer[0] <= inner[0] + 1e-6
        assert outer[1] <= inner[1] + 1e-6
        assert inner[2] <= outer[2] + 1e-6
        assert inner[3] <= outer[3] + 1e-6
        check(child)
    for a, b in itertools.combinations(root.children, 2):
        assert apart(a, b), (a.key, b.key)


@pytest.mark.parametrize("name", CALLS)
def test_pictures_have_no_overlaps(name):
    f, args = CALLS[name]
    subject = Subject(f, args)
    drawing = Drawing(graph_of(subject), subject.adjoints()[0])
    root = drawing.boxes["root"]
    check(root)
    for edge in drawing.edges:
        ys = [y for _, y in edge.points]
        assert ys == sorted(ys), "edges run downwards"
        assert edge.points[0] == pytest.approx((edge.source.x, edge.source.y + edge.source.height / 2))
        assert edge.points[-1] == pytest.approx((edge.target.x, edge.target.y - edge.target.height / 2))
    leaves = [box for key, box in drawing.boxes.items() if not box.children]
    labels = [Box("label", edge.label_width, 14) for edge in drawing.edges if edge.label]
    for box, edge in zip(labels, [edge for edge in drawing.edges if edge.label], strict=True):
        box.x, box.y = edge.label
    for label in labels:
        assert all(apart(label, box) for box in leaves), "labels stand between boxes"
    for a, b in itertools.combinations(labels, 2):
        assert apart(a, b)


def crossings(edges):
    """Pairs of straight edges that cross."""
    count = 0
    for a, b in itertools.combinations(edges, 2):
        if {a.source, a.target} & {b.source, b.target} or a.source.rank != b.source.rank or a.target.rank != b.target.rank:
            continue
        count += (a.source.x - b.source.x) * (a.target.x - b.target.x) < 0
    return count


def test_a_shuffled_matching_is_untangled():
    rng = np.random.default_rng(3)
    upper, lower = [Box(f"a{i}", 30, 20) for i in range(12)], [Box(f"b{i}", 30, 20) for i in range(12)]
    edges = [Edge(upper[i], lower[j]) for i, j in enumerate(rng.permutation(12))]
    arrange(Box("root", children=[*upper, *lower]), edges)
    assert crossings(edges) == 0
    assert all(abs(e.source.x - e.target.x) < 1e-6 for e in edges), "alone, edges are vertical"


def test_a_tree_has_no_crossings():
    rng = np.random.default_rng(4)
    nodes = [Box(i, 40, 20) for i in range(40)]
    edges = [Edge(nodes[int(rng.integers(0, i))], nodes[i]) for i in range(1, 40)]
    arrange(Box("root", children=nodes), edges)
    assert crossings(edges) == 0


def test_a_chain_is_straight_beside_a_long_edge():
    nodes = [Box(i, 60, 20) for i in range(30)]
    edges = [Edge(a, b) for a, b in itertools.pairwise(nodes)] + [Edge(nodes[0], node, bundle=0) for node in nodes[2:]]
    root = Box("root", children=nodes)
    arrange(root, edges)
    xs = [node.x for node in nodes[2:-2]]
    assert max(xs) - min(xs) < 1
    assert root.width < 200, "the edges of a bundle share their way"


def test_wide_ranks_are_folded():
    top = Box("x", 40, 20)
    nodes = [Box(i, 100, 20) for i in range(100)]
    root = Box("root", children=[top, *nodes])
    arrange(root, [Edge(top, node, bundle=0) for node in nodes])
    check(root)
    assert root.width < 3 * WIDEST, "side by side they would take eight times that"


def test_many_inputs_stand_where_they_are_read():
    inputs = [Box(f"x{i}", 40, 20) for i in range(8)]
    steps = [Box(i, 40, 20) for i in range(8)]
    edges = [Edge(a, b) for a, b in itertools.pairwise(steps)] + [Edge(a, b) for a, b in zip(inputs, steps, strict=True)]
    arrange(Box("root", children=[*inputs, *steps]), edges)
    assert all(b.rank == a.rank + 1 for a, b in zip(inputs, steps, strict=True))


def test_curves_go_through_their_points():
    points = [(0.0, 0.0), (10.0, 10.0), (10.0, 30.0), (-5.0, 50.0)]
    arcs = curve(points)
    assert [arc[-1] for arc in arcs] == points[1:]
    for (start, _), arc in zip(points, arcs, strict=False):
        low, high = sorted((start, arc[-1][0]))
        assert all(low - 1e-9 <= x <= high + 1e-9 for x, _ in arc), "and do not leave the strip between them"


def test_nothing_to_place():
    root = Box("root", children=[Box("x", 40, 20)])
    arrange(root, [])
    assert root.width > 40
    assert root.height > 20
