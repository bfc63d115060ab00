"""compare: automatic methods are within 1e-14 of 50 digits; the others as they should be; what it prints can be read."""

import io
import json

import numpy as np
import pytest

import wengert as wg
from wengert.cli import main
from wengert.cli.demo import model, sp500
from wengert.errors import ArgumentError

from .functions import first_of_baydin, loop_with_branch, neuron, radius


def garch():
    returns = sp500()[1][-100:]
    return model().loss, (model().start(returns), returns, model().backcast(returns)), 0


CASES = {
    "first of Baydin et al.": lambda: (first_of_baydin, (2.0, 5.0), None),
    "radius": lambda: (radius, (np.array([3.0, 4.0]),), None),
    "neuron": lambda: (neuron, (0.7, -0.2), None),
    "loop with a branch": lambda: (loop_with_branch, (0.8,), None),
    "GARCH": garch,
}


@pytest.mark.parametrize("case", CASES)
def test_automatic_methods_are_exact(case):
    f, args, argnums = CASES[case]()
    found = wg.compare(f, *args, argnums=argnums, compiled=case == "neuron")
    methods = [row.method for row in found.rows]
    for method in ("forward", "reverse", "reverse, compiled", "complex"):
        assert method not in methods or found[method].error < 1e-14, method
    assert {"forward", "reverse", "forward difference", "central difference", "richardson"} <= set(methods)
    assert 1e-12 < found["forward difference"].error < 1e-5
    assert found["central difference"].error < 1e-7 and found["richardson"].error < 1e-7
    for row in found.rows:
        assert row.estimate is None or row.error <= 2 * row.estimate
        assert row.each > 0 and row.first > 0 and row.memory >= 0 and row.work
    if case in ("loop with a branch", "GARCH"):
        assert "cannot take a branch on a value" in found.refused["symbolic"]
    else:
        assert found["symbolic"].error < 1e-14


def test_by_hand_right_and_wrong():
    right = wg.compare(first_of_baydin, 2.0, 5.0, manual=lambda x1, x2: (x2 + 1 / x1, x1 - np.cos(x2)))
    wrong = wg.compare(first_of_baydin, 2.0, 5.0, manual=lambda x1, x2: (x2 + 1 / x1, x1 + np.cos(x2)))
    assert right["manual"].error < 1e-15
    assert wrong["manual"].error > 0.3
    shape = wg.compare(radius, np.array([3.0, 4.0]), manual=lambda x: x[0])
    assert "another shape" in shape.refused["manual"]


def test_as_text_html_json_and_rich():
    from rich.console import Console

    found = wg.compare(loop_with_branch, 0.8)
    text = str(found)
    assert text.startswith("Derivatives of loop_with_branch by x\n")
    assert "reference  1.4658126426127769" in text
    assert "symbolic: refused: symbolic differentiation cannot take a branch on a value" in text
    assert max(map(len, text.splitlines()[:-1])) < 140
    assert found._repr_html_().count("<tr>") == 1 + len(found.rows)
    read = json.loads(found.json())
    assert read["methods"][-1]["method"] == "reverse" and read["reference"][0].startswith("1.46581264261277698098")
    console = Console(file=io.StringIO(), width=160)
    console.print(found)
    assert "reverse" in console.file.getvalue() and "evaluations" in console.file.getvalue()
    narrow = Console(file=io.StringIO(), width=80)
    narrow.print(found)
    lines = narrow.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and any(line.split()[:2] == ["forward", "difference"] for line in lines), "words are whole"
    assert any(line.startswith("no room for: memory, first call") for line in lines)
    out = io.StringIO()
    found.show(out)
    assert out.getvalue().strip() == text.strip()


def test_a_method_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"symbolic.*it was refused: symbolic differentiation cannot take a branch"):
        wg.compare(loop_with_branch, 0.8)["symbolic"]


def test_without_a_reference():
    assert wg.compare(np.sin, 1.0, digits=None)["reverse"].error is None
    outside = wg.primitive(lambda x: np.sum(x**2))
    wg.defvjp(outside, lambda ans, x: lambda ct: 2 * ct * x)
    found = wg.compare(lambda x: outside(x), np.ones(2))
    assert found.reference is None and "host_callback" in found.refused["reference"]


LINEAR_ALGEBRA = {
    "a Gaussian's log-density": lambda a: -0.5 * B @ np.linalg.solve(a @ a.T + I, B) - 0.5 * np.linalg.slogdet(a @ a.T + I)[1],
    "cholesky": lambda a: np.sum(np.sin(np.linalg.cholesky(a @ a.T + I))),
    "inv and det": lambda a: np.linalg.det(np.linalg.inv(a)) * np.linalg.norm(a),
    "qr": lambda a: np.sum(np.sin(np.linalg.qr(a)[1])),
    "eigenvectors": lambda a: np.sum(np.sin(np.linalg.eigh(a @ a.T)[1])),
    "a root by eigenvectors": lambda a: np.sum(np.sin(_root(*np.linalg.eigh(a @ a.T + I)))),
    "singular values": lambda a: np.linalg.svd(a)[1][0] * np.linalg.svd(a)[0][0, 1],
    "least squares": lambda a: np.sum(np.linalg.lstsq(a[:, :2], B)[0] ** 2),
    "spectrum": lambda a: np.sum(np.abs(np.fft.rfft(a[0])) * np.arange(1, 3)),
}
B, I = np.array([0.3, -1.0, 0.7]), np.eye(3)


def _root(w, v):
    return (v * np.sqrt(w)) @ v.T


@pytest.mark.parametrize("f", LINEAR_ALGEBRA.values(), ids=LINEAR_ALGEBRA)
def test_linear_algebra_has_a_reference(f):
    a = np.array([[1.0, 0.2, -0.4], [0.3, 1.5, 0.1], [-0.2, 0.6, 2.0]])
    found = wg.compare(f, a)
    assert found.reference is not None
    for method in ("forward", "reverse"):
        assert found[method].error < 2e-14, method
    assert found["richardson"].error < 1e-8


def test_bad_calls():
    for call, said in (
        (lambda: wg.compare(np.sin, 2), "differentiate by real numbers(.|\n)*2.0 instead of 2"),
        (lambda: wg.compare(lambda x: {"y": x}, 2.0), "return one number or array; <lambda> does not"),
        (lambda: wg.compare(lambda x: x * 1j, 2.0), "needs a function with a real result"),
        (lambda: wg.compare.step_size(radius, np.ones(2)), "of a function of one number"),
    ):
        with pytest.raises(ArgumentError, match=said):
            call()


def test_step_sizes_show_truncation_and_rounding(tmp_path):
    found = wg.compare.step_size(np.exp, 1.0)
    at = {h: i for i, h in enumerate(found.steps)}
    forward, central, complex_step = found.errors["forward"], found.errors["central"], found.errors["complex"]
    assert forward[at[1e-2]] / forward[at[1e-4]] == pytest.approx(100, rel=0.1)  # O(h)
    assert central[at[1e-1]] / central[at[1e-3]] == pytest.approx(1e4, rel=0.1)  # O(h²)
    assert forward[at[1e-13]] > 1e3 * min(forward) and central[at[1e-13]] > 1e3 * min(central)
    assert complex_step[at[1e-16]] < 1e-15
    for scheme, (_, error) in found.chosen.items():
        assert error < 100 * min(found.errors[scheme])
    found.plot(str(tmp_path / "steps.svg"))
    assert (tmp_path / "steps.svg").stat().st_size > 10_000
    assert repr(found).splitlines()[-1].startswith("chosen")


def logistic_map(x, n):
    for _ in range(n):
        x = 4 * x * (1 - x)
    return x


def test_formulas_swell_and_programs_do_not(tmp_path):
    found = wg.compare.swell(logistic_map, sizes=[1, 2, 4, 6, 20])
    assert len(found.formula) == 4  # refused at 20
    assert found.formula[3] > 20 * found.formula[1] and found.formula[3] > 20 * found.reverse[3]
    assert found.reverse[4] < 4 * found.reverse[3] and found.forward[4] < 4 * found.forward[3]
    assert "refused" in repr(found)
    figure = found.plot(str(tmp_path / "swell.png"))
    assert [axes.get_ylabel() for axes in figure.axes] == ["operations of the derivative", "seconds to make it and run it once"]


def test_shapes(tmp_path):
    found = wg.compare.shapes(total=64)
    assert found.shapes[0] == (64, 1) and found.shapes[-1] == (1, 64)
    assert len(found.forward) == len(found.reverse) == len(found.shapes)
    found.plot(str(tmp_path / "shapes.png"))


def test_the_command(tmp_path, capsys):
    model = tmp_path / "model.py"
    model.write_text("import numpy as np\ndef f(x, *, k=2.0):\n    return np.sin(k * x)\ndef df(x):\n    return 2 * np.cos(2 * x)\n")
    picture = tmp_path / "steps.png"
    assert main(["compare", f"{model}:f", "--at", "0.5", "--manual", f"{model}:df", "--plot", str(picture)]) == 0
    assert "Derivatives of f by x" in capsys.readouterr().out and picture.exists()
    assert main(["compare", f"{model}:f", "--at", "0.5", "--json", "--digits", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["reference"] is None
    assert main(["compare", f"{model}:f", "--at", "0.5", "--digits", "many"]) == 2
    assert "--digits many: give a whole number" in capsys.readouterr().err
    assert main(["compare", f"{model}:f", "--at", "x=0.5", "--at", "k=3.0", "--wrt", "k"]) == 2
    assert "takes k by name only" in capsys.readouterr().err
