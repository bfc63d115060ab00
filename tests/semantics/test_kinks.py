"""Kinks and singular points: the first table of the semantics, row by row, forward = reverse = the table.

Left out: none needs source capture or compilation.
"""

import numpy as np
import pytest
from scipy import special

import wengert as wg
import wengert.numpy as wnp
import wengert.scipy.special as wsp
from tests.semantics.modes import assert_derivative
from wengert import nn

INF, NAN, PI = np.inf, np.nan, np.pi
A = np.array


def case(name, f, args, expected, order=1, argnum=0):
    args = tuple(
        a if isinstance(a, (np.ndarray, np.generic, float)) else np.asarray(a, float)
        for a in (args if isinstance(args, tuple) else (args,))
    )
    return pytest.param(f, args, expected, order, argnum, id=name)


CASES = [
    # -- |x| and sign
    case("abs at 0", np.abs, 0.0, 0.0),
    case("abs at -0", np.abs, -0.0, 0.0),
    case("abs at 0, second order", np.abs, 0.0, 0.0, order=2),
    case("builtin abs at 0", abs, 0.0, 0.0),
    case("fabs at 0", np.fabs, 0.0, 0.0),
    case("sign at 0", np.sign, 0.0, 0.0),
    case("sign at 2", np.sign, 2.0, 0.0),
    case("heaviside", lambda x: np.heaviside(x, 0.5), 0.0, 0.0),
    # -- ties
    case("maximum tie, x", np.maximum, (1.0, 1.0), 0.5),
    case("maximum tie, y", np.maximum, (1.0, 1.0), 0.5, argnum=1),
    case("minimum tie, x", np.minimum, (1.0, 1.0), 0.5),
    case("minimum tie, y", np.minimum, (1.0, 1.0), 0.5, argnum=1),
    case("fmax tie", np.fmax, (1.0, 1.0), 0.5),
    case("fmin tie", np.fmin, (1.0, 1.0), 0.5, argnum=1),
    case("maximum tie with a literal", lambda x: np.maximum(x, 0.0), 0.0, 0.5),
    case("maximum tie with an int literal", lambda x: np.maximum(0, x), 0.0, 0.5),
    case("minimum tie with a literal", lambda x: np.minimum(x, 3.0), 3.0, 0.5),
    case("maximum of itself", lambda x: np.maximum(x, x), 2.0, 1.0),
    case("maximum tie, second order", lambda x: np.maximum(x, x**2), 1.0, 1.0, order=2),
    case("max with a tie", np.max, A([1.0, 3.0, 3.0]), A([0, 0.5, 0.5])),
    case("min with three ties", np.min, A([1.0, 1.0, 1.0]), np.full(3, 1 / 3)),
    case("max over an axis", lambda x: np.max(x, axis=1), A([[1.0, 1.0], [0.0, 2.0]]), A([[[0.5, 0.5], [0, 0]], [[0, 0], [0, 1.0]]])),
    case("max method, keepdims", lambda x: x.max(axis=0, keepdims=True)[0], A([2.0, 2.0]), A([0.5, 0.5])),
    case("nanmax-free ptp", np.ptp, A([1.0, 1.0, 4.0]), A([-0.5, -0.5, 1.0])),
    case("clip at the lower bound", lambda x: np.clip(x, 0.0, 1.0), 0.0, 0.5),
    case("clip at the upper bound", lambda x: np.clip(x, 0.0, 1.0), 1.0, 0.5),
    case("clip inside and outside", lambda x: np.clip(x, 0.0, 1.0), A([-1.0, 0.3, 2.0]), np.diag([0.0, 1.0, 0.0])),
    case("clip by the bound at a tie", lambda b: np.clip(A([0.0, 0.5]), b, 1.0), 0.0, A([0.5, 0.0])),
    case("relu at 0", nn.relu, 0.0, 0.0),
    case("relu beside 0", nn.relu, A([-1.0, 2.0]), np.diag([0.0, 1.0])),
    case("leaky relu at 0", nn.leaky_relu, 0.0, 0.0),
    case("leaky relu beside 0", nn.leaky_relu, A([-1.0, 2.0]), np.diag([0.01, 1.0])),
    case("relu by where at 0", lambda x: np.where(x > 0, x, 0.0), 0.0, 0.0),
    case("leaky relu by where at 0", lambda x: np.where(x > 0, x, 0.01 * x), 0.0, 0.01),
    # -- order
    case("sort with ties is the stable permutation", np.sort, A([2.0, 1.0, 1.0]), A([[0, 1, 0], [0, 0, 1], [1.0, 0, 0]])),
    case(
        "values permuted by argsort", lambda x: x[np.argsort(x, kind="stable")], A([2.0, 1.0, 1.0]), A([[0, 1, 0], [0, 0, 1], [1.0, 0, 0]])
    ),
    case("median, odd", np.median, A([3.0, 1.0, 2.0]), A([0, 0, 1.0])),
    case("median, even", np.median, A([3.0, 1.0, 2.0, 9.0]), A([0.5, 0, 0.5, 0])),
    case("median with a tie", np.median, A([2.0, 1.0, 2.0]), A([0.5, 0, 0.5])),
    case("median of equals", np.median, A([2.0, 2.0, 2.0]), np.full(3, 1 / 3)),
    case("quantile", lambda x: np.quantile(x, 0.25), A([4.0, 0.0, 2.0]), A([0.0, 0.5, 0.5])),
    case("quantile with a tie", lambda x: np.quantile(x, 1.0), A([4.0, 0.0, 4.0]), A([0.5, 0, 0.5])),
    # -- sqrt and structural zeros
    case("sqrt at 0", np.sqrt, 0.0, INF),
    case("x ** 0.5 at 0", lambda x: x**0.5, 0.0, INF),
    case("0 * sqrt at 0", lambda x: 0 * np.sqrt(x), 0.0, 0.0),
    case("0.0 * sqrt at 0", lambda x: np.sqrt(x) * 0.0, 0.0, 0.0),
    case("sum of an unused sqrt", lambda x: (np.sqrt(x), x)[1], 0.0, 1.0),
    case("0 ** 0 through sqrt", lambda x: np.sqrt(x) ** 0, 0.0, 0.0),
    # -- norms
    case("norm at 0", np.linalg.norm, np.zeros(3), np.zeros(3)),
    case("norm(axis) at 0", lambda x: np.linalg.norm(x, axis=1), np.zeros((1, 2)), np.zeros((1, 1, 2))),
    case("Frobenius norm at 0", np.linalg.norm, np.zeros((2, 2)), np.zeros((2, 2))),
    case("norm ** 2 at 0", lambda x: np.linalg.norm(x) ** 2, np.zeros(3), np.zeros(3)),
    case("1-norm at 0", lambda x: np.linalg.norm(x, 1), A([0.0, 2.0]), A([0.0, 1.0])),
    case("inf-norm at a tie", lambda x: np.linalg.norm(x, np.inf), A([2.0, -2.0]), A([0.5, -0.5])),
    case("std of a constant", np.std, np.ones(4), np.zeros(4)),
    case(
        "std of one lane constant", lambda x: np.std(x, axis=0), A([[1.0, 1.0], [1.0, 3.0]]), A([[[0, 0], [0, 0]], [[0, -0.5], [0, 0.5]]])
    ),
    case("hypot at 0, x", np.hypot, (0.0, 0.0), 0.0),
    case("hypot at 0, y", np.hypot, (0.0, 0.0), 0.0, argnum=1),
    case("abs of a complex zero", lambda x: np.abs(x + 1j * x), 0.0, 0.0),
    case("arctan2 at 0, y", np.arctan2, (0.0, 0.0), NAN),
    case("arctan2 at 0, x", np.arctan2, (0.0, 0.0), NAN, argnum=1),
    # -- where guards
    case("where guards sqrt", lambda x: np.where(x > 0, np.sqrt(x), 0.0), A([0.0, -1.0, 4.0]), np.diag([0, 0, 0.25])),
    case("where guards log", lambda x: np.where(x > 0, np.log(x), 0.0), A([0.0, -1.0, 4.0]), np.diag([0, 0, 0.25])),
    case("where guards 1/x", lambda x: np.where(x != 0, 1 / x, 0.0), A([0.0, 2.0]), np.diag([0, -0.25])),
    case("where guards log, second order", lambda x: np.where(x > 0, np.log(x), 0.0), 0.0, 0.0, order=2),
    case("where guards a chain", lambda x: np.where(x > 0, np.exp(np.sqrt(x)) * x, x), 0.0, 1.0),
    # -- powers
    case("x**y at (0,0), x", np.power, (0.0, 0.0), 0.0),
    case("x**y at (0,0), y", np.power, (0.0, 0.0), 0.0, argnum=1),
    case("x**y at (0,2), x", np.power, (0.0, 2.0), 0.0),
    case("x**y at (0,2), y", np.power, (0.0, 2.0), 0.0, argnum=1),
    case("x**y at (-2,2), x", np.power, (-2.0, 2.0), -4.0),
    case("x**y at (-2,2), y", np.power, (-2.0, 2.0), NAN, argnum=1),
    case("x**y at (0,-1), y", np.power, (0.0, -1.0), -INF, argnum=1),
    case("a constant exponent does not poison x", lambda x: x ** A([2.0, 3.0]), A([-2.0, -2.0]), np.diag([-4.0, 12.0])),
    case("x**2.0, first at 0", lambda x: x**2.0, 0.0, 0.0),
    case("x**2.0, second at 0", lambda x: x**2.0, 0.0, 2.0, order=2),
    case("x**2.0, third at 0", lambda x: x**2.0, 0.0, 0.0, order=3),
    case("x**3, third at 0", lambda x: x**3, 0.0, 6.0, order=3),
    case("x**0", lambda x: x**0, 0.0, 0.0),
    case("x**1 at 0", lambda x: x**1, 0.0, 1.0),
    case("x**-1", lambda x: x**-1, 2.0, -0.25),
    # -- sinc
    case("sinc, first at 0", np.sinc, 0.0, 0.0),
    case("sinc, second at 0", np.sinc, 0.0, -(PI**2) / 3, order=2),
    case("sinc, third at 0", np.sinc, 0.0, 0.0, order=3),
    case("sinc, fourth at 0", np.sinc, 0.0, PI**4 / 5, order=4),
    # -- products through zeros
    case("prod, one zero", np.prod, A([0.0, 2.0, 3.0]), A([6.0, 0, 0])),
    case("prod, two zeros", np.prod, A([0.0, 0.0, 3.0]), np.zeros(3)),
    case("prod, one zero, second order", np.prod, A([0.0, 2.0, 3.0]), A([[0, 3.0, 2], [3, 0, 0], [2, 0, 0]]), order=2),
    case("prod, two zeros, second order", np.prod, A([0.0, 0.0, 3.0]), A([[0, 3.0, 0], [3, 0, 0], [0, 0, 0]]), order=2),
    case("cumprod through a zero", np.cumprod, A([2.0, 0.0, 3.0]), A([[1.0, 0, 0], [0, 2, 0], [0, 6, 0]])),
    case("cumprod through two zeros", np.cumprod, A([0.0, 0.0]), A([[1.0, 0], [0, 0]])),
    case("cumprod, second order", lambda x: np.cumprod(x)[-1], A([0.0, 0.0, 3.0]), A([[0, 3.0, 0], [3, 0, 0], [0, 0, 0]]), order=2),
    # -- sums of exponentials
    case("logsumexp, some -inf", wsp.logsumexp, A([-INF, 0.0, 0.0]), A([0, 0.5, 0.5])),
    case("logsumexp, all -inf", wsp.logsumexp, A([-INF, -INF]), A([0.5, 0.5])),
    case("logsumexp, one +inf", wsp.logsumexp, A([INF, 0.0]), A([1.0, 0.0])),
    case("logsumexp, large", wsp.logsumexp, A([1000.0, 1000.0]), A([0.5, 0.5])),
    case("logaddexp, one -inf, x", np.logaddexp, (-INF, 0.0), 0.0),
    case("logaddexp, one -inf, y", np.logaddexp, (-INF, 0.0), 1.0, argnum=1),
    case("logaddexp, both -inf", np.logaddexp, (-INF, -INF), 0.5),
    case("logaddexp, +inf", np.logaddexp, (INF, 0.0), 1.0),
    case("logaddexp, +inf, y", np.logaddexp, (INF, 0.0), 0.0, argnum=1),
    case("logaddexp, both +inf", np.logaddexp, (INF, INF), 0.5),
    case("logaddexp, second order", np.logaddexp, (0.0, 0.0), 0.25, order=2),
    case("logaddexp far apart, second order", np.logaddexp, (1000.0, 0.0), 0.0, order=2),
    case("logaddexp2, +inf", np.logaddexp2, (INF, 0.0), 1.0),
    case("logaddexp2, one -inf", np.logaddexp2, (-INF, 0.0), 1.0, argnum=1),
    # -- special points
    case("xlogy(0,0), x", special.xlogy, (0.0, 0.0), -INF),
    case("xlogy(0,2), y", special.xlogy, (0.0, 2.0), 0.0, argnum=1),
    case("tanh'' far away", np.tanh, 1e3, 0.0, order=2),
    case("softplus far away", lambda x: np.logaddexp(x, 0.0), 1000.0, 1.0),
    case("softplus far below", lambda x: np.logaddexp(0.0, x), -1000.0, 0.0),
    # -- steps
    case("mod, x", np.mod, (7.5, 2.0), 1.0),
    case("mod, y", np.mod, (7.5, 2.0), -3.0, argnum=1),
    case("mod of a negative, y", np.mod, (-7.5, 2.0), 4.0, argnum=1),
    case("%, y", lambda x, y: x % y, (7.5, 2.0), -3.0, argnum=1),
    case("fmod, y", np.fmod, (-7.5, 2.0), 3.0, argnum=1),
    case("fmod, x", np.fmod, (-7.5, 2.0), 1.0),
    case("floor_divide, x", np.floor_divide, (7.5, 2.0), 0.0),
    case("floor_divide, y", lambda x, y: x // y, (7.5, 2.0), 0.0, argnum=1),
    case("divmod", lambda x, y: sum(divmod(x, y)), (7.5, 2.0), -3.0, argnum=1),
    case("np.divmod", lambda x, y: np.divmod(x, y)[1], (7.5, 2.0), 1.0),
    *[case(f.__name__, f, 1.3, 0.0) for f in (np.floor, np.ceil, np.trunc, np.rint, np.round)],
    case("builtin round", lambda x: round(x, 1), 1.33, 0.0),
    # -- NaN stays in its lane
    case("max with a NaN lane", lambda x: np.max(x, axis=1)[1], A([[NAN, 1.0], [2.0, 3.0]]), A([[0, 0], [0, 1.0]])),
    # -- empty
    case("empty sum", np.sum, np.zeros(0), np.zeros(0)),
    case("empty prod", np.prod, np.zeros(0), np.zeros(0)),
    case("empty norm", np.linalg.norm, np.zeros(0), np.zeros(0)),
    case("(2,0) @ (0,2)", np.matmul, (np.zeros((2, 0)), np.zeros((0, 2))), np.zeros((2, 2, 2, 0))),
    case("(2,0) @ (0,2), right", np.matmul, (np.zeros((2, 0)), np.zeros((0, 2))), np.zeros((2, 2, 0, 2)), argnum=1),
]


@pytest.mark.parametrize("f, args, expected, order, argnum", CASES)
def test_row(f, args, expected, order, argnum):
    assert_derivative(f, args, expected, order, argnum)


def test_values_are_numpys_own():
    """Differentiating never changes a value."""
    for param in CASES:
        f, args, *_ = param.values
        with np.errstate(all="ignore"):
            expected = f(*args)
        value, _ = wg.jvp(f, args, tuple(np.zeros(np.shape(a)) for a in args))
        np.testing.assert_array_equal(value, expected, err_msg=param.id)


def test_strong_zero_setting():
    def f(x, y):
        return y * np.sqrt(x)

    zero = np.zeros(())
    assert np.isnan(wg.grad(f)(0.0, zero))
    with wg.config(strong_zero=True):
        assert wg.grad(f)(0.0, zero) == 0.0
        assert wg.jvp(lambda x: f(x, zero), (0.0,), (1.0,))[1] == 0.0
    assert np.isnan(wg.grad(f)(0.0, zero))


def test_shares_of_a_tie_sum_to_one(rng):
    x = rng.integers(0, 3, 40).astype(float)
    for f in (np.max, np.min, np.median, lambda v: np.quantile(v, 0.4)):
        np.testing.assert_allclose(wg.grad(f)(x).sum(), 1.0, rtol=1e-14)


def test_max_with_a_nan_poisons_only_its_own_lane():
    x = np.array([[NAN, 1.0], [2.0, 3.0]])
    rows = wg.jacobian(lambda v: np.max(v, axis=1))(x)
    np.testing.assert_array_equal(rows[1], [[0, 0], [0, 1]])
    np.testing.assert_array_equal(rows[0, 1], [0, 0])


def test_functions_of_our_own_namespace_agree():
    for ours, theirs in ((wnp.maximum, np.maximum), (wnp.hypot, np.hypot)):
        for mode in (wg.jacfwd, wg.jacrev):
            np.testing.assert_array_equal(mode(ours)(0.0, 0.0), mode(theirs)(0.0, 0.0))


def test_dtype_of_empty_results():
    g = wg.grad(lambda x: np.sum(x))(np.zeros((0, 3), np.float32))
    assert g.shape == (0, 3) and g.dtype == np.float32
