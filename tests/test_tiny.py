"""The whole house in five seconds: one test a floor. Run it before every commit."""

import pickle

import numpy as np
import pytest

import wengert as wg


def loss(w, x):
    """A scalar of two arrays, with a reduction, a kink and a product."""
    return np.sum(np.tanh(x @ w) ** 2) + np.sum(np.abs(w))


W, X = np.array([0.5, -1.5, 2.0]), np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]])


def differences(f, x, h=1e-6):
    """The gradient by central differences."""
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)])


def test_gradient_against_differences():
    np.testing.assert_allclose(wg.grad(loss)(W, X), differences(lambda w: loss(w, X), W), rtol=1e-6)


def test_value_and_grad():
    value, gradient = wg.value_and_grad(loss)(W, X)
    assert value == pytest.approx(loss(W, X), rel=1e-15)
    np.testing.assert_array_equal(gradient, wg.grad(loss)(W, X))


def test_forward_is_reverse():
    f = lambda x: np.sin(x) * x[::-1]
    np.testing.assert_allclose(wg.jacfwd(f)(W), wg.jacrev(f)(W), rtol=1e-14)
    np.testing.assert_allclose(wg.jacobian(f)(W), wg.jacrev(f)(W), rtol=1e-14)


def test_hessian_is_symmetric_and_exact():
    h = wg.hessian(lambda x: np.sum(x**3) + x[0] * x[1])(W)
    np.testing.assert_allclose(h, np.diag(6 * W) + np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]), rtol=1e-14)


def test_jvp_vjp_are_adjoint():
    f = lambda x: np.exp(X @ x)
    dx, ct = np.array([1.0, -2.0, 0.5]), np.array([0.3, -0.7])
    _, dy = wg.jvp(f, (W,), (dx,))
    _, back = wg.vjp(f, W)
    assert ct @ dy == pytest.approx(np.dot(np.ravel(back(ct)), dx), rel=1e-13)


def test_vmap_is_the_loop():
    f = lambda x: np.sum(np.sin(x)) * x
    np.testing.assert_allclose(wg.vmap(f)(X), np.stack([f(row) for row in X]), rtol=1e-15)


def test_python_branches_and_loops_on_values():
    def f(x):
        y = x
        while y < 10:
            y = y * x
        return y if y < 20 else -y

    assert wg.grad(f)(3.0) == -27.0  # y = x**3 = 27, then -y
    assert wg.grad(f)(2.0) == 32.0  # y = x**4 = 16


def test_containers():
    gradient = wg.grad(lambda p: np.sum(p["a"] * p["b"][0]))({"a": W, "b": [3.0]})
    np.testing.assert_array_equal(gradient["a"], np.full(3, 3.0))
    assert gradient["b"][0] == W.sum()


def test_derivatives_of_derivatives():
    third = wg.grad(wg.grad(wg.grad(lambda x: x**4)))
    assert third(2.0) == pytest.approx(48.0, rel=1e-14)


def test_record_prints_a_list_that_parses_back():
    from wengert.ir.parser import parse
    from wengert.ir.printer import print_function

    function = wg.record(loss)(W, X)
    assert "test_tiny.py" in repr(function)
    assert print_function(parse(print_function(function))) == print_function(function)


def test_pickling():
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(wg.grad(loss)))(W, X), wg.grad(loss)(W, X))


def test_refusals_say_what_to_do():
    with pytest.raises(TypeError, match="jacobian"):
        wg.grad(np.sin)(W)
    with pytest.raises(TypeError, match="int"):
        wg.grad(lambda n: n * 2)(3)
