"""The trace table: Baydin's numbers, the rules' formulas, loops and branches, three forms."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import wengert as wg
from wengert import tree
from wengert.errors import ArgumentError, TreeError

from .programs import CALLS, baydin, branching, decomposed, recursion, squared_until

# Baydin et al. (2018), table 2, left and right: name, formula, number as printed there.
PRIMAL = [
    ("v₋₁", "x₁", "2"),
    ("v₀", "x₂", "5"),
    ("v₁", "ln v₋₁", "0.693"),
    ("v₂", "v₋₁ × v₀", "10"),
    ("v₃", "sin v₀", "−0.959"),
    ("v₄", "v₁ + v₂", "10.693"),
    ("v₅", "v₄ − v₃", "11.652"),
    ("y", "v₅", "11.652"),
]
TANGENT = [
    ("ẋ₁", "1"),
    ("ẋ₂", "0"),
    ("v̇₋₁/v₋₁", "0.5"),
    ("v̇₋₁ × v₀ + v₋₁ × v̇₀", "5"),
    ("v̇₀ × cos v₀", "0"),
    ("v̇₁ + v̇₂", "5.5"),
    ("v̇₄ − v̇₃", "5.5"),
    ("v̇₅", "5.5"),
]
# Table 3, from the bottom up.
ADJOINTS = [
    ("v̄₅", "ȳ", "1"),
    ("v̄₄", "v̄₅ ∂v₅/∂v₄ = v̄₅ × 1", "1"),
    ("v̄₃", "v̄₅ ∂v₅/∂v₃ = v̄₅ × (−1)", "−1"),
    ("v̄₁", "v̄₄ ∂v₄/∂v₁ = v̄₄ × 1", "1"),
    ("v̄₂", "v̄₄ ∂v₄/∂v₂ = v̄₄ × 1", "1"),
    ("v̄₀", "v̄₃ ∂v₃/∂v₀ = v̄₃ × cos v₀", "−0.284"),
    ("v̄₋₁", "v̄₂ ∂v₂/∂v₋₁ = v̄₂ × v₀", "5"),
    ("v̄₀", "v̄₀ + v̄₂ ∂v₂/∂v₀ = v̄₀ + v̄₂ × v₋₁", "1.716"),
    ("v̄₋₁", "v̄₋₁ + v̄₁ ∂v₁/∂v₋₁ = v̄₋₁ + v̄₁/v₋₁", "5.5"),
    ("x̄₂", "v̄₀", "1.716"),
    ("x̄₁", "v̄₋₁", "5.5"),
]


def halves(table):
    """The two sides of the text, as (name, formulas, number)."""
    left, right = [], []
    for line in str(table).splitlines()[2:]:
        if "┼" not in line:
            for side, cell in zip((left, right), line.split("│"), strict=True):
                found = re.fullmatch(r"\s*(\S+)\s*= (?:(.*\S)\s+= )?(\S.*?)\s*", cell)
                if found:
                    side.append(found.groups(""))
    return left, right


def test_baydins_table_2():
    primal, tangent = halves(wg.trace_table(baydin)(2.0, 5.0))
    assert [name for name, _, _ in primal] == [name for name, _, _ in PRIMAL]
    for (_, formulas, number), (_, formula, printed) in zip(primal, PRIMAL, strict=True):
        assert formulas.startswith(formula)
        assert number == printed
    assert len(tangent) == len(TANGENT)
    for (_, formulas, number), (formula, printed) in zip(tangent, TANGENT, strict=True):
        assert formulas.startswith(formula)
        assert number == printed


def test_baydins_table_3():
    _, adjoints = halves(wg.trace_table(baydin, mode="reverse")(2.0, 5.0))
    assert adjoints[:1:-1] + [adjoints[1], adjoints[0]] == ADJOINTS


def test_numbers_are_those_of_the_gradient():
    table = wg.trace_table(baydin, mode="reverse")(2.0, 5.0)
    gradient = wg.grad(baydin, argnums=(0, 1))(2.0, 5.0)
    assert [row["adjoints"][0]["value"] for row in table.steps[:2]] == [pytest.approx(g, rel=1e-15) for g in gradient]


def test_a_seed_for_each_argument():
    table = wg.trace_table(baydin, seed=(0.0, 1.0))(2.0, 5.0)
    assert table.steps[-1]["tangent"] == pytest.approx(2 - np.cos(5), rel=1e-15)
    assert "= 1.716" in str(table).splitlines()[-1]
    table = wg.trace_table(baydin, mode="reverse", seed=2.0)(2.0, 5.0)
    assert table.steps[0]["adjoints"][0]["value"] == 11.0


def test_by_some_arguments_only():
    table = wg.trace_table(baydin, argnums="x2")(2.0, 5.0)
    assert [row["name"] for row in table.steps] == ["x₁", "v₀", "v₁", "v₂", "v₃", "v₄", "y"]
    assert "x₁ × v₀" in str(table)
    assert table.steps[-1]["tangent"] == pytest.approx(2 - np.cos(5))


def test_loops_and_branches_are_nested():
    table = wg.trace_table(branching)(np.array([0.5, 0.7]), 3)
    titles = [(row["depth"], row["title"]) for row in table.steps if row["kind"] == "group"]
    assert titles == [
        (0, "loop, 3 iterations"),
        (1, "iteration 1"),
        (2, "if v₁ > 2: false"),
        (1, "iteration 2"),
        (2, "if v₃ > 2: true"),
        (1, "iteration 3"),
        (2, "if v₆ > 2: false"),
    ]


def test_of_many_iterations_some_are_shown():
    text = str(wg.trace_table(branching)(np.array([0.5, 0.7]), 50))
    assert "… 47 more iterations" in text
    assert "iteration 50" in text
    assert len(text.splitlines()) < 40


def test_a_while_loop():
    text = str(wg.trace_table(squared_until)(2.0))
    assert "while loop, 3 iterations" in text
    assert text.splitlines()[-1].split() == ["y", "=", "v₃", "=", "256", "│", "ẏ", "=", "v̇₃", "=", "1024"]


def test_several_results_of_one_step():
    names = [
        row["name"] for row in wg.trace_table(decomposed)(np.array([[2.0, 1.0], [0.5, 3.0]])).steps if "eigh" in row.get("formula", "")
    ]
    assert len(names) == 2


@pytest.mark.parametrize("name", CALLS)
def test_both_modes_agree_with_the_transformations(name):
    f, args = CALLS[name]
    forward = wg.trace_table(f)(*args).steps
    reverse = wg.trace_table(f, mode="reverse")(*args).steps
    reals = [i for i, a in enumerate(args) if not isinstance(a, int)]
    gradient = tree.flatten(wg.grad(f, argnums=tuple(reals))(*args))[0]
    inputs = [row for row in reverse if row["kind"] == "input" and row["adjoints"]]
    for row, g in zip(inputs, gradient, strict=True):
        np.testing.assert_allclose(row["adjoints"][0]["value"], g, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(forward[-1]["tangent"], np.sum(gradient[0]), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", CALLS)
def test_html_is_well_formed_and_latex_balanced(name, mode):
    f, args = CALLS[name]
    table = wg.trace_table(f, mode=mode)(*args)
    page = ET.fromstring(table.html())
    widths = {sum(int(cell.get("colspan", 1)) for cell in row) for row in page.iter("tr") if not row.findall("td[@rowspan]")}
    assert max(widths) <= 5
    assert table._repr_html_() == table.html()
    latex = table.latex()
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left(") == latex.count(r"\right)")
    assert not re.search(r"[^\x00-\x7f]", latex), "LaTeX is plain text"
    columns = {line.count("&") for line in latex.splitlines()[2:-1] if line != r"\hline"}
    assert columns == {5}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", [name for name in CALLS if name != "collapsed"])
def test_latex_is_parsed(name, mode):
    """Each cell, by the parser of formulas that matplotlib has."""
    parser = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    f, args = CALLS[name]
    first, *lines, last = wg.trace_table(f, mode=mode)(*args).latex().splitlines()
    assert (first, last) == (r"\begin{array}{lll|lll}", r"\end{array}")
    cells = {cell.strip() for line in lines for cell in line.removesuffix(r"\hline").strip().removesuffix(r"\\").split("&")} - {""}
    assert len(cells) > 10
    for cell in cells:
        parser.parse(f"${cell}$")


def test_arrays_are_short():
    text = str(wg.trace_table(recursion)(np.array([0.1, 0.1, 0.8]), np.linspace(-1, 1, 500)))
    assert "(500)" in text
    assert max(len(line) for line in text.splitlines()) < 200


def test_long_loops_are_one_step():
    from wengert.viz.observe import MOST

    text = str(wg.trace_table(recursion)(np.array([0.1, 0.1, 0.8]), np.linspace(-1, 1, MOST // 5)))
    assert "iteration" not in text
    assert "= loop(" in text


def test_keyword_arguments():
    def scaled(x, factor=1.0):
        return x * factor

    assert wg.trace_table(scaled)(2.0, factor=3.0).steps[-1]["tangent"] == 3.0


def test_errors():
    with pytest.raises(ArgumentError, match="no argument to differentiate by"):
        wg.trace_table(baydin)(2, 5)
    with pytest.raises(ArgumentError, match="direction"):
        wg.trace_table(baydin, mode="sideways")
    with pytest.raises(TreeError, match="the seed has another structure"):
        wg.trace_table(baydin, seed=(1.0,))(2.0, 5.0)
    with pytest.raises(ArgumentError, match="another shape"):
        wg.trace_table(baydin, seed=(np.ones(2), 1.0))(2.0, 5.0)
