"""Reductions and cumulations: the hard cases, each against its closed form or mpmath."""

import mpmath as mp
import numpy as np
import pytest

from tests.unit.primitives.derivatives import gradient, hessian, jacobian, record
from wengert.errors import ShapeError
from wengert.ir.types import array_type
from wengert.primitives import reduce
from wengert.transform.evaluate import evaluate

nan, inf = np.nan, np.inf


def value(rule, *arguments):
    return evaluate(record(rule, *arguments), arguments)[0]


# -- products ---------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[0, 2, 3], [0, 0, 3], [0, 0, 0], [2, 3, 4], [5], [1.5, 0, -2, 0.5]])
def test_prod_is_exact_through_zeros_in_both_orders(x):
    x = np.array(x, float)
    n = len(x)
    others = lambda *gone: np.prod([x[m] for m in range(n) if m not in gone])
    np.testing.assert_array_equal(gradient(lambda v: reduce.prod(v, (0,)), x), [others(i) for i in range(n)])
    expected = [[0 if i == j else others(i, j) for j in range(n)] for i in range(n)]
    np.testing.assert_allclose(hessian(lambda v: reduce.prod(v, (0,)), x), expected, rtol=1e-15)


def test_prod_along_several_axes():
    x = np.arange(1.0, 13).reshape(2, 3, 2)
    got = jacobian(lambda v: reduce.prod(v, (0, 2)), x).reshape(3, 2, 3, 2)
    expected = np.zeros((3, 2, 3, 2))
    for k in range(3):
        expected[k, :, k] = np.prod(x[:, k]) / x[:, k]
    np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("x", [[0, 2, 3], [2, 0, 0, 3], [1.5, -2, 0.5]])
def test_cumprod_is_exact_through_zeros_in_both_orders(x, reverse):
    x = np.array(x, float)
    n = len(x)
    inside = lambda k: range(k, n) if reverse else range(k + 1)
    expected = [[np.prod([x[m] for m in inside(k) if m != i]) if i in inside(k) else 0 for i in range(n)] for k in range(n)]
    np.testing.assert_array_equal(jacobian(lambda v: reduce.cumprod(v, 0, reverse), x), expected)
    last = 0 if reverse else n - 1
    from wengert.primitives.index import gather

    whole = hessian(lambda v: gather(reduce.cumprod(v, 0, reverse), [np.int64(last)]), x)
    pairs = [[0 if i == j else np.prod([x[m] for m in range(n) if m not in (i, j)]) for j in range(n)] for i in range(n)]
    np.testing.assert_array_equal(whole, pairs)


def test_linear_recurrence_along_any_axis_equals_its_definition():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 4, 3)), rng.standard_normal((2, 4, 3))
    h = reduce.LinearRecurrence(1)(a, b)
    last = np.zeros((2, 3))
    for k in range(4):
        last = a[:, k] * last + b[:, k]
        np.testing.assert_allclose(h[:, k], last, rtol=1e-15)
    mirrored = reduce.LinearRecurrence(1, True)(a[:, ::-1], b[:, ::-1])
    np.testing.assert_array_equal(mirrored[:, ::-1], h)


# -- extrema ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "x", "expected"),
    [
        (reduce.max_, [1, 3, 3], [0, 0.5, 0.5]),
        (reduce.min_, [1, 3, 1, 1], [1 / 3, 0, 1 / 3, 1 / 3]),
        (reduce.max_, [inf, 1, inf], [0.5, 0, 0.5]),
        (reduce.max_, [-inf, -inf], [0.5, 0.5]),
        (reduce.max_, [1, nan, 2], [0, 1, 0]),
        (reduce.min_, [7], [1]),
    ],
)
def test_extremum_shares_its_derivative_equally_at_ties(rule, x, expected):
    np.testing.assert_array_equal(gradient(lambda v: rule(v, (0,)), np.array(x, float)), expected)


def test_a_nan_takes_the_derivative_of_its_own_lane_only():
    x = np.array([[1.0, nan, 3.0], [4.0, 5.0, 5.0]])
    got = jacobian(lambda v: reduce.max_(v, (1,)), x).reshape(2, 2, 3)
    np.testing.assert_array_equal(got[0], [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(got[1], [[0, 0, 0], [0, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([1, 2, 1], [[1, 0, 0], [0, 1, 0], [0, 1, 0]]),
        ([2, 2, 1], [[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0]]),
        ([0, 0, -1], [[1, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0]]),
        ([1, nan, 5], [[1, 0, 0], [0, 1, 0], [0, 1, 0]]),
    ],
)
def test_cummax_gives_its_derivative_to_the_holders_of_the_record(x, expected):
    x = np.array(x, float)
    np.testing.assert_array_equal(jacobian(lambda v: reduce.cummax(v, 0), x), expected)
    np.testing.assert_array_equal(jacobian(lambda v: reduce.cummin(v, 0), -x), expected)
    np.testing.assert_array_equal(jacobian(lambda v: reduce.cummax(v, 0, True), x[::-1].copy())[::-1, ::-1], expected)


def test_order_statistics_share_among_equals_and_sort_nan_last():
    x = np.array([2.0, 1.0, 2.0, 5.0])
    np.testing.assert_array_equal(gradient(lambda v: reduce.order_statistic(v, 1, 0), x), [0.5, 0, 0.5, 0])
    np.testing.assert_array_equal(gradient(lambda v: reduce.order_statistic(v, 3, 0), x), [0, 0, 0, 1])
    assert np.isnan(value(lambda v: reduce.order_statistic(v, 1, 0), np.array([nan, 1.0])))


# -- sorting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sort_permutes_its_tangent_along_any_axis(axis):
    x = np.random.default_rng(1).permutation(24.0 * np.arange(24)).reshape(2, 3, 4)
    got = jacobian(lambda v: reduce.sort(v, axis), x)
    order = np.take_along_axis(np.arange(24).reshape(2, 3, 4), np.argsort(x, axis, kind="stable"), axis).ravel()
    np.testing.assert_array_equal(got, np.eye(24)[order])
    np.testing.assert_array_equal(value(lambda v: reduce.argsort(v, axis), x), np.argsort(x, axis))


def test_sort_is_stable_at_ties():
    np.testing.assert_array_equal(jacobian(lambda v: reduce.sort(v, 0), np.array([2.0, 1.0, 2.0, 1.0])), np.eye(4)[[1, 3, 0, 2]])


# -- log-sum-exp ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "out", "expected"),
    [
        ([-inf, 0.0], 0.0, [0, 1]),
        ([-inf, -inf], -inf, [0.5, 0.5]),
        ([inf, 0, inf], inf, [0.5, 0, 0.5]),
        ([inf, -inf], inf, [1, 0]),
        ([1e3, 1e3], 1e3 + np.log(2), [0.5, 0.5]),
        ([-1e3, -1e3, -1e9], -1e3 + np.log(2), [0.5, 0.5, 0]),
    ],
)
def test_logsumexp_reads_infinities_as_limits(x, out, expected):
    x = np.array(x, float)
    assert value(lambda v: reduce.logsumexp(v, (0,)), x) == out
    np.testing.assert_array_equal(gradient(lambda v: reduce.logsumexp(v, (0,)), x), expected)
    second = hessian(lambda v: reduce.logsumexp(v, (0,)), x)
    soft = np.diag(expected) - np.outer(expected, expected)
    np.testing.assert_allclose(second, soft if np.isfinite(out) else np.zeros_like(soft), atol=1e-16)


def test_logsumexp_against_fifty_digits():
    x = np.array([1e6 + 0.25, 1e6, 1e6 - 3.5])
    with mp.workdps(50):
        terms = [mp.exp(mp.mpf(v) - 10**6) for v in x]
        expected = [float(t / sum(terms)) for t in terms]
        small = float(mp.log(1 + mp.exp(-40)))
    np.testing.assert_allclose(gradient(lambda v: reduce.logsumexp(v, (0,)), x), expected, rtol=1e-15)
    assert value(lambda v: reduce.logsumexp(v, (0,)), np.array([0.0, -40.0])) == pytest.approx(small, rel=1e-15)


# -- nothing to reduce ------------------------------------------------------------------------


def test_reductions_of_nothing_give_identities_and_exact_shapes():
    x = np.zeros((2, 0, 3))
    for rule, identity in ((reduce.sum_, 0.0), (reduce.prod, 1.0), (reduce.logsumexp, -inf)):
        np.testing.assert_array_equal(value(lambda v, rule=rule: rule(v, (1,)), x), np.full((2, 3), identity))
        assert jacobian(lambda v, rule=rule: rule(v, (1,)), x).shape == (6, 0)
    assert not value(lambda v: reduce.any_(v, (1,)), x.astype(bool)).any()
    assert value(lambda v: reduce.all_(v, (1,)), x.astype(bool)).all()
    assert value(lambda v: reduce.max_(v, (2,)), x).shape == (2, 0)
    for rule in (reduce.cumsum, reduce.cumprod, reduce.cummax, reduce.sort):
        assert jacobian(lambda v, rule=rule: rule(v, 1), x).shape == (0, 0)


@pytest.mark.parametrize("operation", [reduce.Max((1,)), reduce.Min((1,)), reduce.ArgMax(1), reduce.ArgMin(1)])
def test_an_extremum_of_nothing_is_refused(operation):
    with pytest.raises(ShapeError, match=f"{operation.name} of nothing\n.*float64\\[2,0\\].*\nIt has no value."):
        operation.type(array_type((2, 0), np.dtype(float)))


@pytest.mark.parametrize("dtype", ["f", "i4", "u1", "F"])
def test_reductions_keep_the_dtype(dtype):
    x = np.array([[3, 1, 2]], dtype)
    for rule in (reduce.sum_, reduce.prod, reduce.max_, reduce.min_):
        assert value(lambda v, rule=rule: rule(v, (1,)), x).dtype == x.dtype
    assert value(lambda v: reduce.cumsum(v, 1), x).dtype == x.dtype


def test_without_axes_a_reduction_is_the_identity():
    x = np.arange(3.0)
    for rule in (reduce.sum_, reduce.prod, reduce.max_, reduce.min_, reduce.logsumexp):
        assert not record(lambda v, rule=rule: rule(v, ()), x).equations
