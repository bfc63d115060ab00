"""cond, loop, while_loop, scan: values, derivatives of both modes and orders, containers, closures, errors."""

import numpy as np
import pytest

import wengert as wg
from tests.semantics.modes import assert_derivative
from tests.unit.api.messages import refused
from wengert import errors

# -- cond -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x, first, second", [(3.0, 6.0, 2.0), (-3.0, -1.0, 0.0)])
def test_cond(x, first, second):
    f = lambda x: wg.cond(x > 0, lambda v: v**2, lambda v: -v, x)
    assert f(x) == (x**2 if x > 0 else -x)
    assert_derivative(f, (x,), first)
    assert_derivative(f, (x,), second, order=2)


def test_cond_evaluates_only_the_branch_taken():
    f = lambda x: wg.cond(x > 0, lambda v: np.sqrt(v), lambda v: v, x)
    assert wg.grad(f)(-1.0) == 1.0 and wg.grad(f)(0.0) == 1.0
    a = np.zeros((2, 2))
    g = lambda x: wg.cond(x > 0, lambda: np.sum(np.linalg.solve(a * x, np.ones(2))), lambda: x * 1.0)
    assert wg.grad(g)(-1.0) == 1.0


def test_a_branch_not_taken_never_reaches_the_derivative_of_what_it_closes_over():
    """Operations on closed-over values belong to the branch, not to the run around it."""
    f = lambda x: wg.cond(x > 0, lambda: np.sqrt(x) * np.log(x), lambda: 0.0)
    assert_derivative(f, (0.0,), 0.0)
    assert_derivative(f, (0.0,), 0.0, order=2)
    assert_derivative(lambda x: wg.cond(x > 0, lambda: wg.grad(lambda y: np.sqrt(x * y))(1.0), lambda: x), (0.0,), 1.0)
    assert_derivative(lambda x: wg.cond(x >= 0, lambda: wg.cond(x > 0, lambda: np.sqrt(x), lambda: 2 * x), lambda: x), (0.0,), 2.0)
    np.testing.assert_array_equal(
        wg.jacobian(lambda x: wg.vmap(lambda t: wg.cond(t > 0, lambda: np.sqrt(x) * t, lambda: t * x))(np.array([0.0, 0.0])))(0.0), [0, 0]
    )


def test_a_loop_of_no_steps_never_reaches_the_derivative_of_what_it_closes_over():
    assert_derivative(lambda x: wg.while_loop(lambda s: s > 100.0, lambda s: s * np.sqrt(x), x), (0.0,), 1.0)
    assert_derivative(lambda x: wg.loop(0, 0, lambda i, s: s * np.sqrt(x), x), (0.0,), 1.0)
    ones = np.ones(3)
    assert len(wg.record(lambda x: wg.scan(lambda s, t: (s * np.sin(x) + t, None), x, ones)[0])(1.0).equations) == 1


def test_cond_containers_closures_and_promotion():
    def f(x, y):
        return wg.cond(x > y, lambda p: {"v": p["x"] * y, "n": 1}, lambda p: {"v": p["x"] ** 2, "n": 2.5}, {"x": x})

    value = f(2.0, 1.0)
    assert value["v"] == 2.0 and value["n"] == 1.0 and value["n"].dtype == np.float64
    assert wg.grad(lambda x, y: f(x, y)["v"], (0, 1))(2.0, 1.0) == (1.0, 2.0)
    assert wg.grad(lambda x, y: f(x, y)["v"], (0, 1))(2.0, 3.0) == (4.0, 0.0)


def test_cond_of_a_constant_test():
    assert wg.grad(lambda x: wg.cond(True, lambda v: v * 2, lambda v: v * 3, x))(1.0) == 2.0
    assert wg.cond(False, lambda: 1.0, lambda: 2.0) == 2.0


def test_cond_errors():
    refused(
        errors.ShapeError,
        wg.cond,
        True,
        lambda x: x,
        lambda x: np.stack([x, x]),
        1.0,
        what="the two branches of cond return different things",
        which="float64[2]",
        why="decided while the program runs",
        instead="same containers and shapes",
    )
    refused(errors.ShapeError, wg.cond, True, lambda x: x, lambda x: (x,), 1.0, what="the two branches of cond")
    refused(errors.ShapeError, wg.cond, np.array([True, False]), lambda x: x, lambda x: x, 1.0, what="the test of cond must be one number")
    refused(
        errors.ArgumentError,
        wg.cond,
        True,
        lambda x: x,
        lambda x: x,
        "text",
        what="an operand of cond must be a number or an array",
        which="str",
        instead="close over it",
    )


# -- loop -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 7])
def test_loop(n):
    f = lambda x: wg.loop(0, n, lambda i, s: s * x + i, x)
    expected = lambda x: _by_hand(x, n)
    assert f(1.5) == expected(1.5)
    h = 1e-6
    assert_derivative(f, (1.5,), (expected(1.5 + h) - expected(1.5 - h)) / (2 * h), rtol=1e-7)
    np.testing.assert_allclose(wg.grad(wg.grad(f))(1.5), (wg.grad(f)(1.5 + h) - wg.grad(f)(1.5 - h)) / (2 * h), rtol=1e-6, atol=1e-7)


def _by_hand(x, n):
    s = x
    for i in range(n):
        s = s * x + i
    return s


def test_loop_with_a_traced_bound():
    f = lambda x: wg.loop(0, np.argmax(np.ones(3) * x * np.array([1.0, 2.0, 3.0])) + 1, lambda i, s: s * x, 1.0)
    assert_derivative(f, (2.0,), 12.0)
    assert_derivative(f, (2.0,), 12.0, order=2)


def test_loop_backwards_range_is_empty():
    assert wg.loop(5, 2, lambda i, s: s * 2, 1.0) == 1.0


# -- while_loop -------------------------------------------------------------------------------------------


def test_while_loop():
    f = lambda x: wg.while_loop(lambda s: s[0] < 100.0, lambda s: (s[0] * x, s[1] + s[0] * x), (x, 0.0))[1]

    def by_hand(x):
        a, total = x, 0.0
        while a < 100.0:
            a, total = a * x, total + a * x
        return total

    h = 1e-6
    for x in (1.5, 3.0, 200.0):
        assert f(x) == by_hand(x)
        assert_derivative(f, (x,), (by_hand(x + h) - by_hand(x - h)) / (2 * h), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(wg.hessian(f)(x), (wg.grad(f)(x + h) - wg.grad(f)(x - h)) / (2 * h), rtol=1e-6, atol=1e-7)


def test_while_loop_of_arrays_and_containers():
    def f(x):
        return wg.while_loop(
            lambda s: np.sum(s["v"]) < 50, lambda s: {"v": s["v"] * np.array([1.0, 2.0]), "n": s["n"] + 1}, {"v": x, "n": 0}
        )

    out = f(np.array([1.0, 1.0]))
    assert out["n"] == 6 and out["n"].dtype == np.int64
    np.testing.assert_array_equal(wg.jacobian(lambda x: f(x)["v"])(np.ones(2)), np.diag([1.0, 64.0]))


def test_a_dtype_that_does_not_settle():
    narrower = lambda s: s.astype(np.float32) if s.dtype == np.float64 else s.astype(np.float64)
    refused(
        errors.ShapeError,
        wg.while_loop,
        lambda s: s > 0,
        narrower,
        1.0,
        what="the dtype of the state of while_loop does not settle",
        which="float64[] in, float32[] out",
        instead="cast the state",
    )


def test_while_loop_errors():
    refused(
        errors.ShapeError,
        wg.while_loop,
        lambda s: s > 0,
        lambda s: s - 1,
        np.ones(2),
        what="the test of while_loop must return one bool",
        which="bool[2]",
        instead=".any()",
    )
    refused(
        errors.ShapeError,
        wg.while_loop,
        lambda s: True,
        lambda s: np.stack([s, s]),
        1.0,
        what="the state of while_loop changes its shape",
        which="float64[2]",
        why="the state has one type",
        instead="start with the shape",
    )
    with pytest.raises(errors.TreeError, match="state returned by the function of while_loop"):
        wg.while_loop(lambda s: True, lambda s: (s, s), 1.0)
    refused(
        errors.ArgumentError,
        wg.while_loop,
        lambda s: True,
        lambda s: s,
        "text",
        what="the state of while_loop must be a number",
        which="str",
    )


# -- scan -----------------------------------------------------------------------------------------------------


def test_scan():
    xs = np.array([1.0, 2.0, 3.0])
    state, ys = wg.scan(lambda s, x: (s + x, s * x), 0.0, xs)
    assert state == 6.0
    np.testing.assert_array_equal(ys, [0, 2, 9])
    f = lambda xs: wg.scan(lambda s, x: (s + x, s * x), 0.0, xs)[1]
    assert_derivative(f, (xs,), np.array([[0, 0, 0], [2, 1, 0], [3, 3, 3.0]]))
    assert_derivative(lambda xs: np.sum(f(xs)), (xs,), np.ones((3, 3)) - np.eye(3), order=2)


def test_scan_reverse_containers_and_no_output():
    xs = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array([[1.0], [0.0], [2.0]])}
    state, ys = wg.scan(lambda s, x: (s * x["a"] + np.sum(x["b"]), {"s": s}), 1.0, xs, reverse=True)
    assert state == ((1 * 3 + 2) * 2 + 0) * 1 + 1
    np.testing.assert_array_equal(ys["s"], [10, 5, 1])
    state, ys = wg.scan(lambda s, _: (s * 2, None), 1.0, length=5)
    assert state == 32.0 and ys is None


def test_scan_of_nothing():
    state, ys = wg.scan(lambda s, x: (s + x, s), 1.0, np.zeros(0))
    assert state == 1.0 and ys.shape == (0,)
    assert wg.grad(lambda s: wg.scan(lambda s, x: (s + x, s), s, np.zeros(0))[0])(1.0) == 1.0


def test_scan_promotes_its_state():
    state, _ = wg.scan(lambda s, x: (s + x, None), 0, np.array([1.5, 2.0]))
    assert state == 3.5


def test_scan_closes_over_traced_values(rng):
    xs = rng.normal(size=4)

    def by_hand(w):
        s = 0.0
        for x in xs:
            s = np.tanh(w * s + x)
        return s

    f = lambda w: wg.scan(lambda s, x: (np.tanh(w * s + x), None), 0.0, xs)[0]
    assert_derivative(f, (0.7,), wg.grad(by_hand)(0.7), rtol=1e-11)
    assert_derivative(f, (0.7,), wg.hessian(by_hand)(0.7), order=2, rtol=1e-10)
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(np.array([0.1, 0.7])), [wg.grad(by_hand)(0.1), wg.grad(by_hand)(0.7)], rtol=1e-11)


def test_scan_errors():
    f = lambda s, x: (s, x)
    refused(
        errors.ArgumentError,
        wg.scan,
        f,
        0.0,
        {"a": np.ones(2), "b": np.ones(3)},
        what="scan needs one length",
        which="[2, 3]",
        instead="length=",
    )
    refused(errors.ArgumentError, wg.scan, f, 0.0, what="scan needs one length")
    refused(
        errors.ArgumentError, wg.scan, lambda s, x: s, 0.0, np.ones(2), what="the function of scan must return (state, y)", which="Tracer"
    )
    refused(
        errors.ShapeError,
        wg.scan,
        lambda s, x: (np.stack([s, s]), x),
        0.0,
        np.ones(2),
        what="the state of scan changes its shape",
        which="starts as float64[]",
    )


def test_one_equation_whatever_the_trip_count():
    def count(n):
        return len(wg.record(lambda x: wg.loop(0, n, lambda i, s: np.sin(s), x))(0.3).equations)

    assert count(3) == count(3000) == 1


def test_reverse_through_a_long_loop():
    f = lambda x: wg.loop(0, 3000, lambda i, s: s * 1.0001, x)
    np.testing.assert_allclose(wg.grad(f)(0.5), 1.0001**3000, rtol=1e-10)


def _newton(a):
    return wg.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)


def test_a_lane_that_does_not_take_a_branch_does_not_run_it():
    # Newton's iteration for the root of a negative number never ends, and cholesky of it raises.
    root = lambda a: wg.cond(a > 0, _newton, lambda a: -a, a)
    x = np.array([4.0, -3.0, 9.0])
    np.testing.assert_allclose(wg.vmap(root)(x), [2.0, 3.0, 3.0], rtol=1e-14)
    np.testing.assert_allclose(wg.vmap(wg.grad(root))(x), [0.25, -1.0, 1 / 6], rtol=1e-12)
    np.testing.assert_allclose(wg.jacobian(wg.vmap(root))(x), np.diag([0.25, -1.0, 1 / 6]), rtol=1e-12)
    np.testing.assert_allclose(wg.vmap(wg.grad(wg.grad(root)))(x), [-1 / 32, 0.0, -1 / 108], rtol=1e-10)
    np.testing.assert_allclose(wg.vmap(root)(-x[1:2]), np.sqrt(3.0), rtol=1e-14)
    np.testing.assert_allclose(wg.vmap(root)(np.array([-4.0, -1.0])), [4.0, 1.0], rtol=1e-14)

    factor = lambda a: wg.cond(a > 0, lambda a: np.linalg.cholesky(np.eye(2) * a)[0, 0], lambda a: a * 3, a)
    np.testing.assert_allclose(wg.vmap(wg.grad(factor))(x), [0.25, 3.0, 1 / 6], rtol=1e-14)


def test_no_lanes_at_all():
    none = np.zeros(0)
    grow = lambda x: wg.while_loop(lambda s: s < 3, lambda s: s * 2 + 1, x)
    power = lambda x, n: wg.loop(0, n, lambda i, s: s * x, 1.0)
    branch = lambda x: wg.cond(x > 0, grow, lambda v: np.linalg.inv(v * np.eye(2))[0, 0], x)
    for f, args in [(grow, ()), (branch, ()), (power, (np.zeros(0, int),))]:
        for derivative in (lambda f: f, wg.grad, wg.hessian):
            assert wg.vmap(derivative(f))(none, *args).shape == (0,)


def test_results_never_share_memory_with_arguments():
    x = np.array([1.0, 2.0])
    for result in [
        wg.cond(True, lambda v: v, lambda v: v, x),
        wg.while_loop(lambda s: False, lambda s: s, x),
        wg.loop(0, 0, lambda i, s: s, x),
        wg.scan(lambda s, y: (s, y), x, np.zeros((0, 2)))[0],
    ]:
        result[0] = 9.0
    both = wg.cond(True, lambda v: (v, v), lambda v: (v, v), x)
    assert not np.shares_memory(*both)
    np.testing.assert_array_equal(x, [1.0, 2.0])
