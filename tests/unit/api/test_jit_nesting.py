"""jit composed with the transformations, control flow and itself: the same values, by compiled calls."""

import threading

import numpy as np
import pytest

import wengert as wg
from wengert.api.native import CompiledCall
from wengert.errors import NotANumberError
from wengert.ir.walk import nested

X = np.linspace(0.3, 1.2, 4)
NOTHING = np.zeros(4)


def f(x):
    return np.sum(np.sin(x) * x[::-1] ** 2) / x[0]


j = wg.jit(f)

NESTS = {
    "value": (f, j),
    "grad of jit": (wg.grad(f), wg.grad(j)),
    "jit of grad": (wg.grad(f), wg.jit(wg.grad(f))),
    "jit of grad of jit": (wg.grad(f), wg.jit(wg.grad(j))),
    "value and grad": (wg.value_and_grad(f), wg.jit(wg.value_and_grad(j))),
    "hessian of jit": (wg.hessian(f), wg.hessian(j)),
    "jit of hessian": (wg.hessian(f), wg.jit(wg.hessian(j))),
    "jacfwd": (wg.jacfwd(f), wg.jacfwd(j)),
    "grad of grad": (wg.grad(lambda x: np.sum(wg.grad(f)(x) ** 2)), wg.grad(lambda x: np.sum(wg.jit(wg.grad(j))(x) ** 2))),
    "hvp": (lambda x: wg.hvp(f)(x, x), lambda x: wg.hvp(j)(x, x)),
    "jvp": (lambda x: wg.jvp(f, (x,), (x,)), lambda x: wg.jvp(j, (x,), (x,))),
    "vjp": (lambda x: wg.vjp(f, x)[1](2.0), lambda x: wg.vjp(j, x)[1](2.0)),
    "linearize": (lambda x: wg.linearize(f, x)[1](x), lambda x: wg.linearize(j, x)[1](x)),
    "checkpoint": (wg.grad(f), wg.jit(wg.grad(wg.checkpoint(j)))),
}


@pytest.mark.parametrize("name", NESTS)
def test_nests(name):
    plain, compiled = NESTS[name]
    got, expected = compiled(X), plain(X)
    pairs = zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-13)


@pytest.mark.parametrize("g", [wg.vmap(j), wg.vmap(wg.grad(j)), wg.jit(wg.vmap(wg.grad(j))), wg.grad(lambda x: np.sum(wg.vmap(j)(x)))])
def test_vmap(g):
    x = np.stack([X, X * 2])
    lanes = g(x)
    one = f if lanes.ndim == 1 else wg.grad(f)
    np.testing.assert_allclose(lanes, [one(row) for row in x], rtol=1e-13)


def test_derivatives_of_compiled_code_are_compiled():
    function = wg.record(wg.grad(j))(X)
    operations = {e.operation for part in nested(function) for e in part.equations}
    calls = [o for o in operations if isinstance(o, CompiledCall)]
    assert len(calls) == 2  # the function with its residuals, and the pullback
    assert all(o.fastmath is False for o in calls)
    fast = wg.record(wg.grad(wg.jit(f, fastmath=True)))(X)
    assert all(e.operation.fastmath for part in nested(fast) for e in part.equations if isinstance(e.operation, CompiledCall))


def test_in_the_bodies_of_control_flow_and_rules():
    loop = lambda g: lambda x: wg.loop(0, 3, lambda i, s: g(s * x), 1.0)
    branch = lambda g: lambda x: wg.cond(x[0] > 0.2, g, lambda v: g(v) * 2, x)
    until = lambda g: lambda x: wg.while_loop(lambda s: s < 10, lambda s: s + abs(g(x)), 0.5)
    for make in (loop, branch, until):
        for wrap in (lambda h: h, wg.grad, wg.jit, lambda h: wg.jit(wg.grad(h))):
            np.testing.assert_allclose(wrap(make(j))(X), wrap(make(f))(X), rtol=1e-12)


def test_a_custom_rule_that_is_compiled():
    @wg.custom_vjp
    def doubled(x):
        return j(x)

    doubled.defvjp(lambda x: (doubled(x), x), lambda x, ct: (2 * ct * wg.jit(wg.grad(j))(x),))
    np.testing.assert_allclose(wg.jit(wg.grad(doubled))(X), 2 * wg.grad(f)(X))
    compiled = wg.jit(doubled)
    np.testing.assert_allclose(wg.grad(compiled)(X), 2 * wg.grad(f)(X))


def test_opaque_functions():
    @wg.primitive
    def opaque(x):
        assert isinstance(x, (np.ndarray, np.generic, float))
        return np.asarray(x) ** 2

    wg.defvjp(opaque, lambda ans, x: lambda g: 2 * g * x)
    g = wg.jit(lambda x: np.sum(opaque(x) * x))
    np.testing.assert_allclose(g(X), np.sum(X**3))
    np.testing.assert_allclose(wg.jit(wg.grad(g))(X), 3 * X**2)


def test_integers_inside():
    power = wg.jit(lambda x, n: x**n if n > 0 else 1 / x**-n)
    outer = wg.jit(lambda x, n: power(x, n) + power(x, -n))
    assert outer(2.0, 3) == 8.125
    np.testing.assert_allclose(wg.grad(outer)(2.0, 3), 12 - 3 / 16)


def test_two_compiled_functions_that_call_each_other():
    even = wg.jit(lambda n, x: x if n == 0 else odd(n - 1, x * 2))
    odd = wg.jit(lambda n, x: x if n == 0 else even(n - 1, x * 3))
    results = []
    threads = [threading.Thread(target=lambda g=g: results.append(g(6, 1.0))) for g in (even, odd) * 2]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [216.0] * 4


def test_strong_zero_is_another_program():
    g = wg.jit(wg.grad(lambda x: np.where(x > 0, 1.0, 0.0) * np.sqrt(x) + 0.0 * np.sqrt(x)))
    plain = wg.grad(lambda x: np.where(x > 0, 1.0, 0.0) * np.sqrt(x) + 0.0 * np.sqrt(x))
    for strong in (False, True, False):
        with wg.config(strong_zero=strong):
            np.testing.assert_array_equal(g(0.0), plain(0.0))


# -- debug_nans ---------------------------------------------------------------------------------


def raised(call, *args):
    with wg.config(debug_nans=True), pytest.raises(FloatingPointError) as caught:
        call(*args)
    assert isinstance(caught.value, NotANumberError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (wg.jit(lambda x: np.sum(np.log(x - 5))), "log"),
        (wg.jit(wg.grad(lambda x: np.sum(np.sqrt(x - X) * NOTHING))), "mul"),
        (wg.jit(lambda x: wg.cond(x[0] > 0, lambda v: np.sqrt(v - 2), lambda v: v, x)), "sqrt"),
        (wg.jit(lambda x: wg.loop(0, 3, lambda i, s: np.log(s) - 1, x)), "log"),
        (wg.jit(lambda x: wg.while_loop(lambda s: ~np.isnan(s[0]), lambda s: np.arcsin(s) * 2, x)), "arcsin"),
        (lambda x: wg.jit(lambda y: j(y) / np.sum(y))(x * 0), "div"),
        (wg.grad(lambda x: np.sum(np.log(x - 5))), "log"),
    ],
    ids=["top", "derivative", "branch", "loop", "while", "call", "taped"],
)
def test_the_first_nan_is_named(call, operation):
    text = raised(call, X)
    assert text.startswith(f"{operation} made a NaN"), text
    assert "test_jit_nesting.py:" in text.splitlines()[0]
    assert "float64[" in text
    with np.errstate(all="ignore"):
        call(X)  # without the setting nothing is raised


def test_a_nan_that_came_in_is_no_error():
    with wg.config(debug_nans=True):
        assert np.isnan(wg.jit(lambda x: x * 2)(np.nan))
        np.testing.assert_allclose(j(X), f(X))
        np.testing.assert_allclose(wg.grad(j)(X), wg.grad(f)(X))
