"""Programs whose derivatives other systems get silently wrong, or not at all: here with their right answers.

Each says who errs and how; the numbers are those of NumPy and of differences.
"""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

WAYS = {"taped": lambda f: f, "compiled": wg.jit}
both = pytest.mark.parametrize("way", list(WAYS.values()), ids=list(WAYS))


def by_differences(f, x, h=1e-4):
    """Central differences of a number-valued function, to order four."""
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[i] = h
        out[i] = (8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h)
    return out


def assert_gradient(way, f, x, expected=None, tolerance=1e-9):
    if expected is None:
        expected = by_differences(f, x)
        tolerance = 1e-7
    np.testing.assert_allclose(way(wg.grad(f))(x.copy()), expected, rtol=tolerance, atol=tolerance)


@both
def test_product_over_a_dynamic_loop(way):
    """Warp gives [32, 8, 2] for [4, 4, 4]: a number overwritten in a dynamic loop is replayed with its last values."""

    def product(x):
        result = 1.0
        for i in range(len(x)):
            result *= x[i]
        return result

    def product_of_first(x, n):
        result = 1.0
        for i in range(n):
            result = result * x[i]
        return result

    x = np.array([2.0, 2.0, 2.0])
    assert_gradient(way, product, x, [4.0, 4.0, 4.0])
    np.testing.assert_allclose(way(wg.grad(product_of_first))(x, 3), [4.0, 4.0, 4.0])
    np.testing.assert_allclose(way(wg.grad(product_of_first))(np.array([2.0, 3.0, 5.0, 7.0]), 3), [15.0, 10.0, 6.0, 0.0])


@both
def test_multiplied_in_place(way):
    """a *= b: the adjoint needs the a of before. Warp and Taichi leave the new one."""

    def f(b):
        a = np.array([3.0, 5.0])
        a *= b
        a *= b
        a *= a
        return np.sum(a)

    assert_gradient(way, f, np.array([2.0, 0.5]), [9.0 * 4 * 8.0, 25.0 * 4 * 0.125])


@both
def test_more_iterations_than_any_preset_bound(way):
    """Systems with a maximum trip count stop there, and unrolled windows forget what lies before."""

    def f(x):
        n = 0
        while x < 1000.0:
            x = x * 1.01 + 0.001
            n += 1
        return x

    def gradient(x):
        g = 1.0
        while x < 1000.0:
            x = x * 1.01 + 0.001
            g *= 1.01
        return g

    for x in (0.37, 5.0, 999.0, 2000.0):
        np.testing.assert_allclose(way(wg.grad(f))(x), gradient(x), rtol=1e-10)


@both
def test_matrix_times_vector_in_a_jacobian(way):
    """autograd gives zeros for np.dot(A, x) written into an array of the program's own."""
    a = np.arange(6.0).reshape(2, 3)

    def f(x):
        y = np.zeros(2)
        y[:] = np.dot(a, x)
        return y

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(way(wg.jacobian(lambda x: np.dot(a, x)))(x), a)
    np.testing.assert_allclose(way(wg.jacobian(f))(x), a)


@both
def test_value_overwritten_that_reverse_needs(way):
    """PyTorch refuses, others read the new value: y is used, then overwritten, then used again."""

    def f(x):
        y = x.copy()
        total = 0.0
        for _ in range(3):
            total += np.sum(y**3)
            y[0] = y[1] * y[2]
            y[1:] = np.sin(y[:2])
        return total + y[0] * y[2]

    assert_gradient(way, f, np.array([0.4, 1.1, -0.7]))


@both
def test_state_swapped_in_a_loop(way):
    """Two buffers in turns: an adjoint kept by name mixes them up."""

    def f(x):
        a, b = x.copy(), np.zeros(len(x))
        for _ in range(5):
            for i in range(len(x)):
                b[i] = a[i - 1] * 0.5 + a[i] ** 2
            a, b = b, a
        return np.sum(a * b)

    assert_gradient(way, f, np.array([0.3, -0.4, 0.6]))


@both
def test_aliased_views(way):
    """Two views that overlap: writing through one is seen through the other."""

    def f(x):
        y = x.copy()
        left, right = y[:-1], y[1:]
        left *= right
        right += left[::-1]
        return np.dot(left, right)

    def through_rows(x):
        m = np.outer(x, x)
        rows = [m[i] for i in range(len(x))]
        rows[0] += rows[1]
        m[:, 0] *= 2.0
        return np.sum(rows[0] * rows[1] * rows[2])

    x = np.array([0.5, -1.2, 0.8, 1.5])
    assert_gradient(way, f, x)
    assert_gradient(way, through_rows, x)


@both
def test_branch_that_depends_on_what_was_written(way):
    """The branch is decided by a value that the loop changes; tracing once freezes it."""

    def f(x):
        y = x.copy()
        for i in range(1, len(y)):
            if y[i - 1] > 0.5:
                y[i] = y[i] * y[i - 1]
            else:
                y[i] = y[i] + 2.0 * y[i - 1]
        return np.sum(y)

    g = way(wg.grad(f))
    for x in (np.array([0.9, 0.8, 0.2, 0.4]), np.array([0.1, 0.1, 0.9, 0.9]), np.array([-0.5, 2.0, 0.1, 0.1])):
        np.testing.assert_allclose(g(x), by_differences(f, x), atol=1e-8)


@both
def test_read_before_write_in_one_statement(way):
    """x[1:] = x[:-1] reads all before it writes any."""

    def f(x):
        y = x.copy()
        y[1:] = y[:-1] * y[1:]
        y[0], y[-1] = y[-1], y[0]
        return np.dot(y, y[::-1]) + y[0]

    assert_gradient(way, f, np.array([0.5, 2.0, -1.0, 0.7]))


@both
def test_repeated_indices(way):
    """The last of repeated assignments counts; += counts once; np.add.at counts all."""
    index = np.array([1, 1, 0, 1])

    def last(v):
        y = np.ones(3)
        y[index] = v
        return np.sum(y**2)

    def once(v):
        y = np.ones(3)
        y[index] += v
        return np.sum(y**2)

    def all_of_them(v):
        y = np.ones(3)
        np.add.at(y, index, v)
        return np.sum(y**2)

    v = np.array([2.0, 3.0, 4.0, 5.0])
    assert_gradient(way, last, v, [0.0, 0.0, 8.0, 10.0])
    assert_gradient(way, once, v, [0.0, 0.0, 10.0, 12.0])
    assert_gradient(way, all_of_them, v, [22.0, 22.0, 10.0, 22.0])


@both
def test_constants_written_over_what_was_active(way):
    """An element overwritten by a constant has no derivative left, whatever it had before."""

    def f(x):
        y = np.exp(x)
        y[1] = 3.0
        total = np.sum(y * x)
        y[:] = 0.0
        return total + np.sum(y)

    x = np.array([0.1, 0.2, 0.3])
    assert_gradient(way, f, x, [np.exp(0.1) * 1.1, 3.0, np.exp(0.3) * 1.3])


@both
def test_loop_not_entered(way):
    """A loop of no rounds is the identity; its gradient is not zero, and nothing is divided by it."""

    def f(x, n):
        total = x[0]
        for i in range(n):
            total = total / x[i + 1]
        return total

    g = way(wg.grad(f))
    x = np.array([3.0, 2.0, 0.0])
    np.testing.assert_allclose(g(x, 0), [1.0, 0.0, 0.0])
    np.testing.assert_allclose(g(x, 1), [0.5, -0.75, 0.0])


@both
def test_product_through_zero(way):
    """Adjoint by division of the product gives NaN at zeros."""

    def f(x):
        p = 1.0
        for v in x:
            p *= v
        return p

    assert_gradient(way, f, np.array([2.0, 0.0, 3.0]), [0.0, 6.0, 0.0])


@both
def test_infinite_branch_not_taken(way):
    """What lies in the branch that is not taken contributes nothing, not 0 · ∞."""

    def f(x):
        total = 0.0
        for v in x:
            if v > 0:
                total += np.sqrt(v)
            else:
                total -= v
        return total

    assert_gradient(way, f, np.array([4.0, 0.0, -1.0]), [0.25, -1.0, -1.0])


@both
def test_second_derivative_through_a_while(way):
    """Forward over reverse through a loop of unknown length, which JAX refuses in reverse mode."""

    def f(x):
        y = x
        while y < 50.0:
            y = y * x
        return y

    x = 2.3  # 2.3⁵ = 64.4
    np.testing.assert_allclose(way(wg.grad(f))(x), 5 * x**4)
    np.testing.assert_allclose(way(wg.grad(wg.grad(f)))(x), 20 * x**3)
    np.testing.assert_allclose(way(wg.grad(wg.grad(wg.grad(f))))(x), 60 * x**2)
