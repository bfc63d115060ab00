"""The Wengert lists of small programs and of their derivatives, word for word.

A change here is a change of what the transformations emit: look whether it is better, then write
the files anew with `WENGERT_GOLDEN=write python -m pytest tests/golden` and read the difference.
"""

import os
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import gradient, linearize

X = np.array([0.5, -1.0, 2.0])
PROGRAMS = {
    "polynomial": (lambda x: x**3 - 2.0 * x, (1.5,)),
    "sum_of_squares": (lambda x: np.sum(x * x), (X,)),
    "guarded_log": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), (X,)),
    "read_one": (lambda x: x[1] * x[1], (X,)),
    "layer": (lambda w, x: np.sum(np.tanh(w @ x)), (np.ones((2, 3)), X)),
    "complex": (lambda x: np.real(np.exp(1j * x[0])), (X,)),
}
FORMS = {
    "program": lambda f: f,
    "jvp": lambda f: jvp(f, (True,) * len(f.inputs))[0],
    "tangent": lambda f: linearize(f, (True,) * len(f.inputs)).tangent,
    "gradient": lambda f: gradient(f, (True,) * len(f.inputs)),
    "batch": lambda f: batch(f, 2, (True,) * len(f.inputs))[0],
}
LISTS = Path(__file__).parent / "lists"


def without_spans(text):
    return "\n".join([line.split("    # ")[0] for line in text.splitlines()])


def recorded(name):
    f, args = PROGRAMS[name]
    function = wg.record(f)(*args)
    return type(function)(function.inputs, function.equations, function.outputs, name), args


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_list(name, form):
    function, _ = recorded(name)
    text = without_spans(print_function(FORMS[form](function))) + "\n"
    file = LISTS / f"{name}.{form}.txt"
    if os.environ.get("WENGERT_GOLDEN") == "write":
        LISTS.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_parsed_computes_the_same(name):
    function, args = recorded(name)
    derived = FORMS["gradient"](function)
    back = parse(print_function(derived))
    args = [np.asarray(a)[()] for a in args]
    for a, b in zip(evaluate(derived, args), evaluate(back, args), strict=True):
        np.testing.assert_array_equal(a, b)
