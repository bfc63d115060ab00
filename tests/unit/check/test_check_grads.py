"""check_grads accepts right derivatives and says what is wrong with wrong ones."""

import numpy as np
import pytest

import wengert as wg
from wengert.check import check_grads
from wengert.contract import Elementwise
from wengert.errors import ArgumentError, CheckFailed
from wengert.ir.operation import OPERATIONS
from wengert.primitives.math import cos


class BadSine(Elementwise):
    """sin, with a wrong sign in its derivative."""

    ufunc = np.sin
    domain = (0.1, 1.0)

    def partials(self, out, x):
        return (-cos(x),)


class OneSided(Elementwise):
    """2x, whose forward rule is right and whose transpose is not."""

    domain = (0.1, 1.0)

    def evaluate(self, x):
        return x + x

    def partials(self, out, x):
        raise AssertionError

    def jvp(self, primals, outs, tangents):
        return self(tangents[0])

    def transpose(self, ct, operands, linear):
        return (ct,)


for _cls in (BadSine, OneSided):
    OPERATIONS.pop(_cls.name)

bad_sine, one_sided = BadSine(), OneSided()


def test_right_derivatives_pass_to_third_order():
    check_grads(lambda x: np.sin(x) * np.exp(-(x**2)), (np.array([0.5, 2.0]),), order=3)


def test_containers_ints_and_several_arguments():
    parameters = {"w": np.array([[0.2, -0.4], [1.0, 0.3]]), "b": (0.1, np.array([1.0, 2.0]))}
    check_grads(lambda p, x, k: {"y": np.tanh(p["w"] @ x + p["b"][1]) ** k, "n": p["b"][0] * x[0]}, (parameters, np.array([0.3, 0.7]), 2))


def test_complex_functions_that_are_not_holomorphic():
    check_grads(lambda z: np.abs(z) ** 2 + np.conj(z) * z**2, (np.array([0.5 + 1j, 2.0 - 0.3j]),))


def test_single_precision():
    check_grads(np.tanh, (np.array([0.5, 2.0], np.float32),))


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_step_follows_the_size_of_the_argument(scale):
    check_grads(lambda x: np.log(x) * x, (scale,))


def test_a_wrong_rule_is_named_with_argument_and_line():
    def f(w, x):
        y = w * 2.0
        return np.sum(y * bad_sine(x["a"]))

    with pytest.raises(CheckFailed) as caught:
        check_grads(f, (np.array([1.0, 2.0]), {"a": np.array([0.4, 0.6])}))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("the forward derivative of f disagrees with differences   (test_check_grads.py:")
    assert lines[1].startswith("  argument x['a'], direction 1 of 3: [")
    assert lines[2].startswith("  expected ") and lines[3].startswith("  got ")
    assert "operation: bad_sine (float64[2]) at test_check_grads.py:" in lines[4]
    assert "its jvp rule is off by 2.0e+00" in lines[4]
    assert "In isolation, bad_sine has a derivative that does not fit its values." in lines[5]
    assert lines[6] == "Try: correct its rule"


def test_a_wrong_transpose_is_found_by_the_reverse_check():
    with pytest.raises(
        CheckFailed, match=r"(?s)the reverse derivative of .* must be the adjoint of.*one_sided .* its transpose rule is off"
    ):
        check_grads(lambda x: np.sum(one_sided(x) * 3.0), (np.array([1.0, 2.0]),))


def test_reverse_mode_alone_is_compared_with_differences():
    with pytest.raises(CheckFailed, match=r"the reverse derivative of .* disagrees with differences"):
        check_grads(lambda x: np.sum(bad_sine(x)), (np.array([0.4]),), modes=("reverse",))


def test_second_order_is_checked():
    def f(x):
        return x**2 * wg.stop_gradient(1.0) + 0.0

    check_grads(f, (1.3,))
    wrong = wg.custom_jvp(lambda x: x**3)
    wrong.defjvp(lambda primals, tangents: (primals[0] ** 3, wg.stop_gradient(3 * primals[0] ** 2) * tangents[0]))
    check_grads(wrong, (1.3,), order=1)
    with pytest.raises(CheckFailed, match="derivative of the jvp of"):
        check_grads(wrong, (1.3,), order=2)


def test_stop_gradient_is_named():
    with pytest.raises(CheckFailed, match=r"(?s)argument y.*operation: stop_gradient .*Try: correct its rule, or drop stop_gradient"):
        check_grads(lambda x, y: np.sum(x * wg.stop_gradient(y)), (np.array([1.0]), np.array([2.0])))


def test_a_kink_is_told_as_one():
    with pytest.raises(CheckFailed) as caught:
        check_grads(lambda x: 3.0 * np.abs(x), (0.0,))
    text = str(caught.value)
    assert "The difference does not converge to one derivative: the function is not smooth at this point." in text
    assert "operation: abs (float64[])" in text and "has a kink or a jump here" in text


def test_a_kink_with_a_one_sided_derivative_shows_both_slopes():
    relu = wg.custom_jvp(lambda x: np.maximum(x, 0.0))
    relu.defjvp(lambda primals, tangents: (np.maximum(primals[0], 0.0), 0.0 * tangents[0]))
    with pytest.raises(CheckFailed, match=r"slopes .* from the left, .* from the right"):
        check_grads(relu, (0.0,), order=1)


def test_a_function_that_changes_between_calls():
    numbers = iter(range(100_000))
    with pytest.raises(CheckFailed, match="Called twice with the same arguments, the function gives different values"):
        check_grads(lambda x: x * next(numbers), (1.0,))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: check_grads(np.sin, (1.0,), modes=("sideways",)), 'modes are "forward" and "reverse"'),
        (lambda: check_grads(np.sin, 1.0), "check_grads takes the arguments as a tuple"),
        (lambda: check_grads(np.sin, (1.0,), order=0), "order and directions of at least 1"),
        (lambda: check_grads(np.sin, (1,)), "check_grads found nothing to differentiate sin by"),
    ],
)
def test_bad_calls(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
