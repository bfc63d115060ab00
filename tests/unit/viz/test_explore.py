"""The explorer's page: complete, self-contained, right in its last position; the command that writes it."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import wengert as wg
from wengert.cli import main

from .programs import CALLS, baydin, branching, recursion


class Parser(HTMLParser):
    """Tags, and what is in the script of data."""

    def __init__(self):
        super().__init__()
        self.tags, self.data, self.inside = [], "", False

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside = tag == "script" and dict(attributes).get("type") == "application/json"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data += data


def parsed(text):
    parser = Parser()
    parser.feed(text)
    return parser.tags, json.loads(parser.data)


@pytest.mark.parametrize("name", CALLS)
def test_the_page_is_whole(name):
    f, args = CALLS[name]
    page = wg.explore(f)(*args)
    text = page.html()
    tags, data = parsed(text)
    assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not [a for tag, a in tags if tag in ("link", "img", "iframe", "object") or "src" in a or a.get("href", "#")[0] != "#"]
    assert "@@" not in text
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {f"w-{key}" for key in data["nodes"]} <= set(ids)
    assert {key for _, key, _, _ in data["events"]} <= set(data["nodes"])
    for n in data["nodes"].values():
        for file, line in n["lines"]:
            assert line in [number for number, _ in data["sources"][file]["lines"]]


@pytest.mark.parametrize("name", CALLS)
def test_the_last_position_is_the_drawing(name):
    """What the events fill in adds up to what the picture shows, node by node."""
    f, args = CALLS[name]
    page = wg.explore(f)(*args)
    filled = {}
    for event in page.events:
        for key, what, text in event.filled:
            filled[key, what] = text
    for v in page.drawing.graph.vertices:
        assert filled[v.key, "value"] == page.drawing.value(v)
        adjoint = page.drawing.accented(v, "bar", page.drawing.adjoints)
        if adjoint and len(v.nodes) == 1 and v.kind != "group":
            assert filled.get((v.key, "adjoint"), adjoint) == adjoint
    order = [event.part for event in page.events]
    assert order == sorted(order, key=["forward", "tangent", "reverse"].index)


def test_events_of_baydins_function():
    said = [event.text for event in wg.explore(baydin)(2.0, 5.0).events]
    assert said[2] == "v₁ = ln v₋₁ = ln 2 = 0.693"
    assert said[11] == "v̇₂ = v̇₋₁ × v₀ + v₋₁ × v̇₀ = 1 × 5 + 2 × 0 = 5"
    assert said[-1] == "v̄₋₁ = v̄₋₁ + v̄₁ ∂v₁/∂v₋₁ = v̄₋₁ + v̄₁/v₋₁ = 5 + 1/2 = 5.5"


def test_stages_of_the_compiler():
    stages = dict(wg.explore(branching)(np.array([0.5, 0.7]), 8).stages())
    assert stages["IR, as traced"].startswith("branch")
    assert any(name.startswith("after ") for name in stages)
    assert "define" in stages["LLVM"]
    assert stages["loop nests"]


def test_what_cannot_be_compiled_says_so():
    def kept(x):
        out = []
        for i in range(3):
            if x[i] > 0:
                out.append(x[i])
        return np.sum(np.stack(out) ** 2)

    stages = dict(wg.explore(kept)(np.array([1.0, -2.0, 3.0])).stages())
    assert "not compiled" in stages


def test_residuals_and_their_bytes():
    found = wg.explore(baydin)(2.0, 5.0).residuals()
    assert sorted((row["of"], row["bytes"]) for row in found["rows"]) == [("an input", 0), ("an input", 0), ("cos", 8), ("reciprocal", 8)]
    assert found["total"] == 16
    theta, r = CALLS["recursion"][1]
    small = wg.explore(recursion)(theta, r).residuals()["total"]
    large = wg.explore(recursion)(theta, np.tile(r, 10)).residuals()["total"]
    assert 5 < large / small < 15, "what a loop keeps grows with its trips"


def test_text_of_the_user_is_escaped():
    def f(x):
        return x * 2.0  # </script><script>alert(1)</script> & <b>

    f.__name__ = "<b>&f"
    tags, data = parsed(wg.explore(f)(1.0).html())
    assert sum(tag == "script" for tag, _ in tags) == 2
    assert not [tag for tag, _ in tags if tag == "b"]
    assert any("</script>" in text for source in data["sources"] for _, text in source["lines"])


def test_saved_and_in_a_notebook(tmp_path):
    page = wg.explore(baydin)(2.0, 5.0)
    path = tmp_path / "page.html"
    page.save(str(path))
    assert path.read_text(encoding="utf-8") == page.html()
    assert page._repr_html_().startswith("<iframe")
    assert repr(page) == "<explorer of baydin: 8 nodes, 25 steps>"


MODULE = "import numpy as np\ndef f(x1, x2, *, k=1.0):\n    return k * (np.log(x1) + x1 * x2 - np.sin(x2))\n"


def test_the_command(tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODULE)
    out = tmp_path / "page.html"
    assert main(["explore", f"{tmp_path}/model.py:f", "--at", "2.0;5.0", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: f in 28 steps, 9 nodes\n"
    _, data = parsed(out.read_text(encoding="utf-8"))
    assert data["sources"][0]["name"] == "model.py"
    assert main(["explore", f"{tmp_path}/model.py:f", "--at", "x1=2.0;x2=5.0", "--wrt", "x2", "--out", str(out)]) == 0
    _, data = parsed(out.read_text(encoding="utf-8"))
    assert [n["label"] for n in data["nodes"].values() if n["kind"] == "input"] == ["v₀ = x₂"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "2.0;5.0", "--limit", "few"], "--limit few: give a whole number of 8 or more"),
        (["--at", "2.0;5.0;k=1.0", "--wrt", "k"], "takes k by name only"),
        (["--at", "2.0;5.0", "--out", "/nowhere/page.html"], "No such file or directory"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, arguments, message):
    (tmp_path / "model.py").write_text(MODULE)
    assert main(["explore", f"{tmp_path}/model.py:f", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
