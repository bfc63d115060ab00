"""record: the Wengert list of a run, with the user's lines."""

import numpy as np

import wengert as wg
from wengert.ir.values import Function
from wengert.transform.evaluate import evaluate


def test_record_gives_the_function():
    function = wg.record(lambda x: np.log(x[0]) + x[0] * x[1])(np.array([2.0, 5.0]))
    assert isinstance(function, Function)
    (value,) = evaluate(function, [np.array([2.0, 5.0])])
    assert value == np.log(2.0) + 10.0


def test_closed_over_arrays_are_constants():
    a = np.array([1.0, 2.0])
    function = wg.record(lambda x: a * x)(3.0)
    assert len(function.inputs) == 1
    np.testing.assert_array_equal(evaluate(function, [3.0])[0], [3, 6])


def test_printing_shows_operations_and_lines():
    def f(x):
        y = np.sin(x)
        return y * y

    text = repr(wg.record(f)(1.0))
    assert "sin" in text and "mul" in text and "test_recording.py" in text


def test_integer_arguments_that_are_arrays_become_inputs():
    function = wg.record(lambda x, i: x[i])(np.ones(3), np.array([0, 2]))
    assert len(function.inputs) == 2


def test_a_derivative_can_be_recorded():
    function = wg.record(wg.grad(lambda x: np.sum(x**2)))(np.ones(3))
    np.testing.assert_array_equal(evaluate(function, [np.arange(3.0)])[0], [0, 2, 4])
