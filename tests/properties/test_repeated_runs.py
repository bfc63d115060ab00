"""Runs of one function again and again: remembered traces must never show in a result."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


def collatz_like(x, n):
    """A function whose path depends on the value, through tests, trip counts and indices."""
    total, factor = 0.0, 1.0
    while abs(x) > 0.5 and n > 0:
        if x > 1:
            x, factor = x / 2, factor / 2
        elif x < -1:
            x, factor = -x * 0.75, factor * -0.75
        else:
            x, factor = x * x - 1, factor * 2
        total = total + x
        n -= 1
    return total


@SETTINGS
@given(st.lists(st.tuples(st.floats(-4, 4), st.integers(0, 6)), min_size=1, max_size=12))
def test_different_branches_in_any_order(calls):
    for x, n in calls:
        value, gradient = wg.value_and_grad(collatz_like)(x, n)
        with wg.config(trace_cache=0):
            fresh = wg.value_and_grad(collatz_like)(x, n)
        assert value == collatz_like(x, n)
        assert (value, gradient) == fresh
        assert gradient == wg.jvp(lambda v: collatz_like(v, n), (x,), (1.0,))[1] or np.isclose(
            gradient, wg.jvp(lambda v: collatz_like(v, n), (x,), (1.0,))[1]
        )


@SETTINGS
@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30))
def test_constants_that_change_between_calls(constants):
    for c in constants:
        assert wg.grad(lambda x: c * x + x)(2.0) == c + 1
        assert wg.grad(lambda x: np.sum(np.full(2, c) * x))(2.0) == 2 * c
        assert wg.hessian(lambda x: c * x**2)(2.0) == 2 * c


def test_more_literals_at_one_place_than_are_remembered():
    g = wg.grad(lambda x, c: c * x**2 + c)
    for c in range(40):
        assert g(3.0, float(c)) == 6.0 * c
    for c in range(40):  # the first ones again, remembered as literals, the others as data
        assert g(3.0, float(c)) == 6.0 * c


def test_many_literals_in_a_chain_of_steps():
    def f(x, cs):
        for c in cs:
            x = np.sin(x) * c + c
        return x

    rng = np.random.default_rng(0)
    for _ in range(15):
        cs = rng.normal(size=5).tolist()
        h = 1e-6
        expected = (f(0.3 + h, cs) - f(0.3 - h, cs)) / (2 * h)
        np.testing.assert_allclose(wg.grad(f)(0.3, cs), expected, rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(wg.jvp(lambda x: f(x, cs), (0.3,), (1.0,))[1], expected, rtol=1e-7, atol=1e-8)


def test_negative_zero_and_nan_literals_are_told_apart():
    f = lambda x, c: np.copysign(1.0, c * np.abs(x) + c) * x
    assert wg.grad(f)(0.0, 0.0) == 1.0
    assert wg.grad(f)(0.0, -0.0) == -1.0
    assert np.isnan(wg.value_and_grad(lambda x, c: x * c)(1.0, np.nan)[0])
    assert wg.value_and_grad(lambda x, c: x * c)(1.0, 2.0)[0] == 2.0


def test_true_one_and_one_point_zero_are_told_apart():
    f = lambda x, p: (x * p) ** p
    for p in (1, 1.0, 2, 2.0, 1):
        assert wg.value_and_grad(f)(3.0, p)[0] == (3.0 * p) ** p


def test_closure_over_an_array_that_changes_between_calls():
    a = np.array([1.0, 2.0])
    g = wg.grad(lambda x: np.sum(a * x))
    x = np.ones(2)
    np.testing.assert_array_equal(g(x), [1, 2])
    a[0] = 7
    np.testing.assert_array_equal(g(x), [7, 2])
    a = np.array([3.0, 4.0])
    np.testing.assert_array_equal(g(x), [3, 4])


def test_array_changed_in_place_while_the_function_runs():
    def f(x):
        work = np.zeros(2)
        total = 0.0
        for k in range(4):
            work[:] = k
            work[0] += 1
            total = total + np.sum(work * x)  # the value at the time of use
        return total

    for _ in range(3):
        np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [10, 6])
        np.testing.assert_array_equal(wg.jacfwd(f)(np.ones(2)), [10, 6])
        assert wg.value_and_grad(f)(np.ones(2))[0] == 16


def test_array_changed_after_use_but_before_the_reverse_sweep():
    work = np.array([1.0, 2.0])

    def f(x):
        y = np.sum(work * x * x)
        work[:] = -99
        return y

    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [2, 4])


def test_a_view_of_an_array_changed_through_its_base():
    base = np.arange(4.0)

    def f(x):
        view = base[1:3]
        y = np.sum(view * x)
        base[:] = 0
        return y + np.sum(view * x)

    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [1, 2])


def test_read_only_view_of_writable_memory():
    base = np.arange(3.0)
    view = base.view()
    view.flags.writeable = False

    def f(x):
        y = np.sum(view * x)
        base[:] = -1
        return y

    np.testing.assert_array_equal(wg.grad(f)(np.ones(3)), [0, 1, 2])


def test_argument_changed_by_the_caller_between_vjp_and_pullback():
    x = np.array([1.0, 2.0])
    value, pullback = wg.vjp(lambda x: x**2 * x, x)
    _, pushforward = wg.linearize(lambda x: x**2 * x, x)
    x[:] = 100
    value[:] = 100
    np.testing.assert_array_equal(pullback(np.ones(2))[0], [3, 12])
    np.testing.assert_array_equal(pushforward(np.ones(2)), [3, 12])


def test_one_code_with_many_closures():
    def make(k):
        return lambda x: sum((x ** (i + 1) for i in range(k)), 0.0)

    for k in (1, 2, 3, 2, 1, 3):
        assert wg.grad(make(k))(1.0) == k * (k + 1) / 2


def test_partial_and_methods():
    class Model:
        def __init__(self, k):
            self.k = k

        def loss(self, x):
            return self.k * x**2

        def __call__(self, x):
            return self.k * x**3

    for k in (1.0, 2.0, 3.0):
        assert wg.grad(Model(k).loss)(1.0) == 2 * k
        assert wg.grad(Model(k))(1.0) == 3 * k
        assert wg.grad(functools.partial(lambda a, x: a * x**2, k))(1.0) == 2 * k


def test_a_function_that_calls_its_own_derivative():
    def f(x, depth):
        return x**4 if depth == 0 else wg.grad(f)(x, depth - 1)

    assert [wg.grad(f)(2.0, d) for d in range(4)] == [32, 48, 48, 24]


def test_generators_of_random_numbers_are_drawn_anew():
    rng = np.random.default_rng(3)
    again = np.random.default_rng(3)
    f = lambda x: np.sum(rng.normal(size=2) * x)
    for _ in range(4):
        np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), again.normal(size=2))


def test_shapes_and_dtypes_that_change():
    f = lambda x: np.sum(x * x) / x.size
    for shape, dtype in kinds((), (2,), (2, 3), (0,)):
        x = np.ones(shape, dtype)
        g = wg.grad(f)(x if shape != () else x[()])
        assert g.shape == shape and g.dtype == dtype


def kinds(*shapes):
    return [(s, d) for s in shapes for d in (np.float64, np.float32)]


def test_data_dependent_indices():
    def f(x, order):
        y = x[order[0]] * 2.0
        i = int(np.argmax(x))
        return y * x[i]

    x = np.array([1.0, 5.0, 2.0])
    for k in range(3):
        g = wg.grad(f)(x, [k])
        expected = np.zeros(3)
        expected[k] += 2 * 5.0
        expected[1] += 2 * x[k]
        np.testing.assert_array_equal(g, expected)


@pytest.mark.parametrize("limit", [0, 10, 100])
def test_a_small_memory_forgets_and_still_answers(limit):
    with wg.config(trace_cache=limit):
        for n in (3, 30, 300, 3):
            assert wg.grad(lambda x: sum((x for _ in range(n)), 0.0))(1.0) == n


def test_memory_is_bounded():
    from wengert.trace import tape

    with wg.config(trace_cache=200):
        for k in range(50):
            wg.grad(lambda x: sum((x * (k + i) for i in range(30)), 0.0))(float(k))
            assert tape._memory.total <= 200
