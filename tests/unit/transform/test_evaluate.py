"""The evaluator lets arrays go when nothing needs them, and not before."""

import numpy as np

import wengert as wg


def test_an_operand_that_stands_for_its_repetition_lives_as_long():
    """exp(x) is small, its repetition large: letting go of the second must not take the first."""

    def f(x, data):
        scale = np.exp(x)
        return np.sum((data * scale) ** 2)

    x, data = np.array([0.1, 0.2, 0.3]), np.ones((300, 3))
    np.testing.assert_allclose(wg.grad(f)(x, data), 600 * np.exp(2 * x), rtol=1e-12)


def test_a_repetition_outlives_the_last_direct_use_of_its_operand():
    def f(x, y):
        big = np.exp(x)  # freed after its last use, were it not for the repetition
        rows = np.broadcast_to(big, (2, 400))
        first = np.sum(big * y)
        return first + np.sum(rows * rows * y)

    x, y = np.linspace(0, 1, 400), np.linspace(1, 2, 400)
    expected = np.exp(x) * y + 4 * np.exp(2 * x) * y
    np.testing.assert_allclose(wg.grad(f)(x, y), expected, rtol=1e-12)
