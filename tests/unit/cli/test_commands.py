"""The commands do their jobs: numbers right, output readable."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from wengert.cli import main

POINT = [1.3, 0.7, 0.8, 1.9, 1.2]
MODULE = """
import numpy as np
def energy(q, k=2.0):
    return k * np.sum(q**2) / 2 + np.sum(q[1:] * q[:-1])
def pair(p):
    return p["a"] ** 2 * np.sum(p["b"])
def wrong(x):
    import wengert as wg
    return np.sum(wg.stop_gradient(x) * x)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODULE)
    return str(path)


def run(*args, environment=None):
    """The command in a process of its own, as SciPy must not have been imported before."""
    env = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"} | (environment or {})
    return subprocess.run([sys.executable, "-m", "wengert", *args], check=False, capture_output=True, text=True, env=env, timeout=120)


def test_scipys_own_rosen():
    from scipy.optimize import rosen, rosen_der, rosen_hess

    done = run("grad", "scipy.optimize:rosen", "--at", ",".join(map(str, POINT)), "--order", "2", "--json")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    x = np.array(POINT)
    for name, want in (("value", rosen(x)), ("gradient", rosen_der(x)), ("hessian", rosen_hess(x))):
        assert np.shape(got[name]) == np.shape(want)
        assert np.max(np.abs(got[name] - want)) <= 1e-12 * np.max(np.abs(want)), name


def test_rosen_without_the_variable():
    program = "import numpy as np, scipy.optimize, wengert as wg\nprint(wg.grad(scipy.optimize.rosen)(np.array([1.0, 2.0])).tolist())"
    env = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, env=env, timeout=120)
    assert done.stdout == "[-400.0, 200.0]\n", done.stderr


def test_special_functions_work_with_the_variable_and_without(tmp_path):
    path = tmp_path / "special.py"
    path.write_text("import numpy as np, scipy.special as sc\ndef f(x):\n    return np.sum(sc.erf(x) * sc.gammaln(x))\n")
    results = [run("grad", f"{path}:f", "--at", "0.5,1.2", "--json", environment={"SCIPY_ARRAY_API": v}) for v in ("1", "")]
    assert results[0].returncode == 0, results[0].stderr
    assert results[0].stdout == results[1].stdout


def test_gradient_as_text(file, capsys):
    assert main(["grad", f"{file}:energy", "--at", "1.0,2.0,4.0", "--order", "2"]) == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line] == [
        ["energy", "by", "q"],
        ["value"],
        ["31.0"],
        ["gradient"],
        ["[", "4.", "9.", "10.]"],
        ["Hessian"],
        ["[[2.", "1.", "0.]"],
        ["[1.", "2.", "1.]"],
        ["[0.", "1.", "2.]]"],
    ]


def test_by_name(file, capsys):
    assert main(["grad", f"{file}:energy", "--at", "q=1.0,2.0", "--at", "k=3.0", "--wrt", "k", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"function": "energy", "wrt": ["k"], "value": 9.5, "gradient": 2.5}


def test_several_and_containers(file, capsys):
    assert main(["grad", f"{file}:energy", "--at", "1.0,2.0;3.0", "--json", "--order=2"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert got["gradient"] == {"q": [5.0, 7.0], "k": 2.5}
    assert got["hessian"]["k"] == {"q": [1.0, 2.0], "k": 0.0}
    assert main(["grad", f"{file}:pair", "--at", '{"a": 3, "b": [1, 2]}', "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gradient"] == {"a": 18.0, "b": [9.0, 9.0]}


def test_negative_values_are_not_options(file, capsys):
    assert main(["grad", f"{file}:energy", "--at", "-1,2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gradient"] == [0.0, 3.0]


def test_check(file, capsys):
    assert main(["check", f"{file}:energy", "--at", "1.0,2.0"]) == 0
    assert capsys.readouterr().out == "energy: forward and reverse derivatives by q agree with differences, to order 2\n"
    assert main(["check", f"{file}:wrong", "--at", "1.0,2.0"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith("(model.py:7)") and "argument x" in out
    assert "stop_gradient (float64[2]) at model.py:9" in out


def test_check_of_a_function_that_does_not_tell_its_parameters(tmp_path, capsys):
    path = tmp_path / "many.py"
    path.write_text("import numpy as np\n\n\ndef step(*x):\n    return np.floor(x[1]) + x[0]\n", encoding="utf-8")
    assert main(["check", f"{path}:step", "--at", "1.5;2.0"]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[0].endswith("(many.py:4)") and "argument 1, direction" in out


def test_check_shows_what_is_not_finite_and_kinks(tmp_path, capsys):
    path = tmp_path / "hard.py"
    path.write_text(
        "import numpy as np\n\n\ndef root(x):\n    return np.sum(np.sqrt(x))\n\n\ndef kinked(x):\n    return np.sum(np.abs(x - 1) + x)\n",
        encoding="utf-8",
    )
    assert main(["check", f"{path}:root", "--at", "0.0,1.0"]) == 1
    out = capsys.readouterr().out
    assert "the gradient of root is not finite: the derivative of sqrt makes a first infinity   (hard.py:5)" in out
    assert "  in its derivative: div of [0.5, 0.5] and [0., 1.]" in out
    assert "sqrt sits on a kink at [0]   (hard.py:5)" in out
    assert main(["check", f"{path}:kinked", "--at", "1.0,2.0", "--order", "1"]) == 0
    out = capsys.readouterr().out
    assert "agree with differences" in out and "abs sits on a kink at [0]   (hard.py:9)" in out
    assert "  below: gradient [0., 2.]" in out and "  above: gradient [2., 2.]" in out


def test_rules(capsys):
    assert main(["rules"]) == 0
    out = capsys.readouterr().out
    assert "primitives" in out and "the operation is not linear" in out
    assert main(["rules", "--kind", "jvp"]) == 0
    assert "cos(x)" in capsys.readouterr().out
    assert main(["rules", "sin"]) == 0
    assert "cannot, because the operation is not linear" in capsys.readouterr().out
    assert main(["rules", "sin", "--json"]) == 0
    assert {r["rule"] for r in json.loads(capsys.readouterr().out)} >= {"jvp", "batch"}
