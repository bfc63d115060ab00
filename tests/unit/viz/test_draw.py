"""Drawings: values, slopes and adjoints are right; SVG is well-formed and readable in both modes; large graphs are drawn together."""

import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import wengert as wg
from wengert.errors import ArgumentError
from wengert.viz.picture import COLOURS

from .programs import CALLS, baydin, branching, decomposed, recursion, straight

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawing):
    """The lines of each node, by its key."""
    root = ET.fromstring(drawing.svg())
    return {g.get("id")[2:]: [t.text for t in g.findall(f"{SVG}text")] for g in root.iter(f"{SVG}g") if g.get("class") == "n"}


def test_baydins_figure_4():
    drawing = wg.draw(baydin)(2.0, 5.0)
    assert list(texts(drawing).values()) == [
        ["v₋₁ = x₁", "2", "v̄₋₁ = 5.5"],
        ["v₀ = x₂", "5", "v̄₀ = 1.716"],
        ["v₁ = ln v₋₁", "0.693", "v̄₁ = 1"],
        ["v₂ = v₋₁ × v₀", "10", "v̄₂ = 1"],
        ["v₃ = sin v₀", "−0.959", "v̄₃ = −1"],
        ["v₄ = v₁ + v₂", "10.693", "v̄₄ = 1"],
        ["v₅ = v₄ − v₃", "11.652", "v̄₅ = 1"],
        ["y", "11.652", "ȳ = 1"],
    ]
    slopes = {(e["from"], e["to"]): e["slope"] for e in drawing.structure["edges"]}
    assert slopes == {
        ("n0", "n2"): "0.5",
        ("n0", "n3"): "5",
        ("n1", "n3"): "2",
        ("n1", "n4"): "0.284",
        ("n2", "n5"): "1",
        ("n3", "n5"): "1",
        ("n5", "n6"): "1",
        ("n4", "n6"): "−1",
        ("n6", "n7"): "",
    }


def test_without_adjoints():
    drawing = wg.draw(baydin, adjoints=False)(2.0, 5.0)
    assert all(len(lines) == 2 for lines in texts(drawing).values())


@pytest.mark.parametrize("name", CALLS)
def test_sums_over_paths_are_the_adjoints(name):
    """Adjoint of a scalar = sum over its readers of slope × their adjoint, where all of these are numbers."""
    f, args = CALLS[name]
    drawing = wg.draw(f)(*args)
    for vertex in drawing.graph.vertices:
        arcs = [arc for arc in drawing.graph.arcs if arc.source is vertex]
        if not arcs or vertex.kind == "group" or vertex.node not in drawing.adjoints or np.ndim(vertex.value):
            continue
        arcs = [arc for arc in arcs if arc.target.node in drawing.adjoints]
        if any(arc.slope is None or np.ndim(arc.slope) or arc.node is not vertex.node for arc in arcs):
            continue
        total = sum(arc.slope * drawing.adjoints[arc.target.node] for arc in arcs)
        np.testing.assert_allclose(total, drawing.adjoints[vertex.node], rtol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_svg_is_whole(name):
    f, args = CALLS[name]
    drawing = wg.draw(f)(*args)
    root = ET.fromstring(drawing.svg())
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"Computational graph of {f.__name__}"
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert not list(root.iter(f"{SVG}script"))
    assert set(re.findall(r"https?://[^\"]+", drawing.svg())) == {"http://www.w3.org/2000/svg"}
    edges = [g for g in root.iter(f"{SVG}g") if g.get("class") == "e"]
    assert all(g.get("data-source") in texts(drawing) and g.get("data-target") in texts(drawing) for g in edges)
    assert drawing._repr_svg_() == drawing.svg()
    _, _, width, height = map(float, root.get("viewBox").split())
    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.get(k, 0)) for k in ("x", "y", "width", "height"))
        assert min(x, y) >= 0
        assert x + w <= width + 1
        assert y + h <= height + 1


def test_loops_and_branches_are_boxes():
    boxes = wg.draw(branching)(np.array([0.5, 0.7]), 8).structure["boxes"]
    assert [box["title"] for box in boxes] == [
        "loop, 8 iterations",
        "iteration 1",
        "iteration 2",
        "iteration 8",
        "if v₁ > 2: false",
        "if v₃ > 2: true",
        "if v₁₈ > 2: true",
    ]


def test_the_limit_draws_together():
    whole = wg.draw(straight)(0.7)
    assert {v.kind for v in whole.graph.vertices} == {"input", "step", "output"}
    lines = wg.draw(straight, limit=10)(0.7)
    assert next(v.label for v in lines.graph.vertices if v.kind == "group").startswith("line ")
    assert len(lines.graph.vertices) == 7
    loop = wg.draw(recursion, limit=10)(*CALLS["recursion"][1])
    assert any(v.label.startswith("loop, 7 iterations") for v in loop.graph.vertices)
    many = wg.draw(recursion)(np.array([0.1, 0.1, 0.8]), np.linspace(-1, 1, 1000))
    assert len(many.graph.vertices) <= 120


def test_groups_name_what_they_give():
    lines = wg.draw(straight, limit=10)(0.7)
    last = [v for v in lines.graph.vertices if v.kind == "group"][-1]
    assert lines.value(last).startswith(f"{lines.writer.node(last.node)} = ")
    np.testing.assert_allclose(last.value, straight(0.7))


def test_several_results_are_one_node():
    labels = [v.label for v in wg.draw(decomposed)(np.array([[2.0, 1.0], [0.5, 3.0]])).graph.vertices]
    assert any(re.fullmatch(r"v\S+, v\S+ = eigh\(v\S+\)", label) for label in labels)


def test_files(tmp_path):
    drawing = wg.draw(branching)(np.array([0.5, 0.7]), 8)
    drawing.save(str(tmp_path / "a.svg"))
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == drawing.svg()
    with pytest.raises(ArgumentError, match="SVG or PNG"):
        drawing.save(str(tmp_path / "a.gif"))


@pytest.mark.parametrize("dark", [False, True])
def test_png(tmp_path, dark):
    image = pytest.importorskip("matplotlib.image")
    drawing = wg.draw(branching)(np.array([0.5, 0.7]), 8)
    path = tmp_path / "a.png"
    drawing.save(str(path), dark=dark)
    pixels = image.imread(path)
    assert pixels.shape[:2] == pytest.approx((2 * drawing.height, 2 * drawing.width), abs=2)
    ground = [int(COLOURS["ground"][dark][i : i + 2], 16) / 255 for i in (1, 3, 5)]
    np.testing.assert_allclose(pixels[0, 0, :3], ground, atol=0.01)
    assert pixels[..., :3].std() > 0.05, "there is something in it"


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    drawing = wg.draw(baydin)(2.0, 5.0)
    with pytest.raises(ArgumentError, match="needs matplotlib"):
        drawing.save(str(tmp_path / "a.png"))


def test_drawing_imports_no_library():
    program = (
        "import sys, wengert as wg\n"
        "picture = wg.draw(lambda x: x * x)(2.0).svg(); table = str(wg.trace_table(lambda x: x * x)(2.0))\n"
        "print([m for m in ('matplotlib', 'llvmlite', 'sympy', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("text", ["ink", "soft", "caption", "slope", "tangent", "adjoint"])
@pytest.mark.parametrize("ground", ["ground", "node", "input", "output", "group", "cluster"])
@pytest.mark.parametrize("dark", [0, 1])
def test_contrast(text, ground, dark):
    """WCAG 2: at least 4.5 for text."""
    a, b = sorted((luminance(COLOURS[text][dark]), luminance(COLOURS[ground][dark])))
    assert (b + 0.05) / (a + 0.05) >= 4.5
