"""Bad input of the command line: one line on stderr, exit status 2, no traceback."""

import pytest

from wengert.cli import main

MODULE = """import math, numpy as np
def f(x):
    return np.sum(x**2)
def two(x, y):
    return x * y
def vector(x):
    return x * 2.0
def fails(x):
    return f(x) / nothing
def raises(x):
    if x > 0:
        raise ValueError("x must not\\nbe positive")
    return x
def leaves(x):
    return math.ldexp(x, 2)
def asks(x):
    return np.linalg.solve(np.zeros((2, 2)), x)[0]
def text(x):
    return "no number"
number = 3
"""

CASES = [
    (["grad"], "required: TARGET"),
    (["frobnicate"], "invalid choice"),
    ([], "required: COMMAND"),
    (["grad", "M:f"], "give the point: --at VALUES or --data FILE (f takes (x))"),
    (["grad", "nowhere.py:f", "--at", "1"], "no such file: nowhere.py"),
    (["grad", "no_such_module_at_all:f", "--at", "1"], "no module named 'no_such_module_at_all'"),
    (["grad", "numpy.nothing:f", "--at", "1"], "no module named 'numpy.nothing'"),
    (["grad", "justaname", "--at", "1"], "TARGET 'justaname' is not module:function or file.py:function"),
    (["grad", "M:vektor", "--at", "1"], "has no 'vektor'; did you mean 'vector'?"),
    (["grad", "M:number", "--at", "1"], "is not a function but int"),
    (["grad", "M:f", "--at", "1,zwei"], "--at: 'zwei' is not a number"),
    (["grad", "M:f", "--at", "1;2"], "f takes (x): 2 arguments were given"),
    (["grad", "M:two", "--at", "1,2"], "two takes (x, y): 'y' is not given"),
    (["grad", "M:f", "--at", "y=2"], "f has no parameter 'y'; it takes (x)"),
    (["grad", "M:f", "--at", "1.0", "--wrt", "z"], "--wrt z: f is called with x"),
    (["grad", "M:f", "--at", "1.0", "--order", "3"], "--order 3: choose from 1, 2"),
    (["grad", "M:f", "--data", "gone.csv"], "no such file: gone.csv"),
    (["grad", "M:f", "--data", "M"], "a data file is .csv, .json, .npy or .npz"),
    (["grad", "M:f", "--at", "[1,"], "is not JSON"),
    (
        ["grad", "M:vector", "--at", "1,2"],
        "grad needs a function that returns one number; vector does not (model.py:6); it returned float64[2]",
    ),
    (["grad", "M:fails", "--at", "1.0"], "NameError in model.py:9: name 'nothing' is not defined"),
    (["grad", "M:raises", "--at", "1.0"], "ValueError in model.py:12: x must not be positive"),
    (["grad", "M:leaves", "--at", "1.0"], "would silently lose the derivative (model.py:15)"),
    (["grad", "M:asks", "--at", "1.0,2.0"], "LinAlgError in model.py:17: Singular matrix"),
    (["grad", "M:text", "--at", "1.0"], "returned something that is not a number or an array"),
    (["grad", "B:f", "--at", "1.0"], "SyntaxError in broken.py:2"),
    (["grad", "R:f", "--at", "1.0"], "ZeroDivisionError in raises.py:2: division by zero"),
    (["check", "M:f"], "give the point"),
    (["check", "M:f", "--at", "1.0", "--order", "x"], "--order x: choose from 1, 2, 3"),
    (["rules", "sinn"], "no primitive 'sinn'; did you mean 'sin'?"),
    (["rules", "--kind", "jpv"], "no rule 'jpv'; there are type, evaluate, jvp"),
]


@pytest.mark.parametrize(("argv", "text"), CASES, ids=[" ".join(argv) or "nothing" for argv, _ in CASES])
def test_one_line_and_status_2(argv, text, tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("x = 1\ndef f(x:\n    return x\n")
    (tmp_path / "raises.py").write_text("y = 0\nx = 1 / y\n")
    places = {"M": tmp_path / "model.py", "B": tmp_path / "broken.py", "R": tmp_path / "raises.py"}
    argv = [f"{places[a[0]]}{a[1:]}" if a[:1] in places and a[1:2] in (":", "") else a for a in argv]
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("wengert: ") and captured.err.count("\n") == 1, captured.err
    assert text in captured.err


def test_help_exits_with_0_and_documents_the_exit_status(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["grad", "--help"])
    assert caught.value.code == 0
    assert "1 if a check failed" in capsys.readouterr().out
