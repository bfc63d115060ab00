"""Arguments as written on the command line."""

import json

import numpy as np
import pytest

from wengert.cli.failure import Failure
from wengert.cli.values import arguments


def f(x, y=2.0, n=3):
    return x


class Call:
    def __init__(self, made):
        self.args, self.kwargs = made.split()
        self.names, self.wrt = list(made.values), made.argnums


def call(at=(), data=(), wrt=(), function=f):
    return Call(arguments(function, at, data, wrt, "f"))


def test_one_array():
    got = call(["1.3,0.7"])
    assert np.array_equal(got.args[0], [1.3, 0.7]) and got.wrt == (0,)


def test_numbers_become_floats_where_they_are_differentiated_by():
    assert call(["2"]).args == (2.0,) and isinstance(call(["2"]).args[0], np.float64)
    got = call(["1.5;2.5;4"])
    assert got.args == (1.5, 2.5, 4) and got.wrt == (0, 1) and isinstance(got.args[2], int)
    assert call(["1.5;2.5;4"], wrt=["n"]).wrt == (2,)
    assert call(["2;3"], function=lambda a, b: a).wrt == (0, 1)


def test_one_element_negative_complex_and_exponents():
    assert call(["3,"]).args[0].shape == (1,)
    assert np.array_equal(call(["-1,2e-3"]).args[0], [-1, 2e-3])
    assert call(["1+2j"]).args[0] == 1 + 2j


def test_by_name_with_defaults_between():
    got = call(["n=5", "x=1.0,2.0"])
    assert got.names == ["x", "y", "n"] and got.args[1:] == (2.0, 5) and got.wrt == (0,)


def test_json():
    got = call(['{"w": [[1, 2], [3, 4]], "b": 1}'])
    assert got.args[0]["w"].shape == (2, 2) and got.args[0]["b"].dtype == float


def test_files(tmp_path):
    table = tmp_path / "d.csv"
    table.write_text("x,other\n1,5\n2,6\n")
    assert np.array_equal(call(data=[str(table)]).args[0], [1.0, 2.0])
    plain = tmp_path / "p.csv"
    plain.write_text("1,5\n2,6\n")
    assert call(data=[str(plain)]).args[0].shape == (2, 2)
    held = call(["0.5"], [f"y={plain}"])
    assert held.wrt == (0,) and held.args[1].shape == (2, 2)
    (tmp_path / "d.json").write_text(json.dumps({"x": [1, 2], "n": 7}))
    assert call(data=[str(tmp_path / "d.json")]).args[2] == 7
    np.save(tmp_path / "d.npy", np.arange(3.0))
    assert call(data=[str(tmp_path / "d.npy")]).args[0].shape == (3,)


@pytest.mark.parametrize(
    ("at", "wrt", "text"),
    [
        ([], [], "give the point"),
        (["1;2;3;4"], [], "4 arguments were given"),
        (["1,a"], [], "'a' is not a number"),
        (["z=1"], [], "no parameter 'z'"),
        (["y=1"], [], "'x' is not given"),
        (["[1,2"], [], "is not JSON"),
        (["[[1,2],[3]]"], [], "differ in length"),
        (["1;;2"], [], "an empty value"),
        (["1.0"], ["q"], "--wrt q: f is called with x"),
        (["true"], [], "none of the arguments of f is a number"),
    ],
)
def test_refused(at, wrt, text):
    with pytest.raises(Failure, match=text):
        call(at, wrt=wrt)


def test_keyword_only_parameters():
    got = call(["1.0", "k=2.0"], function=lambda x, *, k=1.0, j=0: x)
    assert got.args == (1.0,) and got.kwargs == {"k": 2.0} and got.wrt == (0, "k")


def test_a_default_that_equals_a_given_int_stays_constant():
    got = call(["1.5;3"], function=lambda x, m, n=3: x)
    assert got.args == (1.5, 3) and got.wrt == (0,)


def test_any_number_of_arguments():
    assert call(["1.5;2.5"], function=lambda *xs: xs).wrt == (0, 1)
    with pytest.raises(Failure, match="does not tell the names"):
        call(["x=1.5"], function=lambda *xs: xs)
