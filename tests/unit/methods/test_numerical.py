"""Differences: their error estimates bound the error, their steps are found, their shapes and refusals are right."""

import numpy as np
import pytest
import scipy.special as sc

import wengert as wg
from wengert.errors import NotDifferentiableError
from wengert.methods import numerical, precise
from wengert.methods.problem import Problem

from .functions import POINTS, SMOOTH


@pytest.fixture(scope="module")
def references():
    found = []
    for f in SMOOTH:
        for x in POINTS:
            problem = Problem(f, (x,))
            function, values, active = problem.trace(values_decide=True)
            exact = float(precise.jacobian(function, values, active, 30)[1][0][()])
            if np.isfinite(exact):
                found.append((f, x, exact))
    return found


@pytest.mark.parametrize("scheme", numerical.SCHEMES)
def test_the_estimate_bounds_the_error_on_95_per_cent(references, scheme):
    bounded, relative, expected = [], [], []
    for f, x, exact in references:
        problem = Problem(f, (x,))
        with np.errstate(all="ignore"):
            try:
                got = numerical.differences(problem, scheme)
            except NotDifferentiableError:
                assert scheme == "complex"
                continue
        error = abs(got.values[0] - exact)
        bounded.append(error <= got.errors[0])
        relative.append(error / max(abs(exact), 1e-300))
        expected.append(got.errors[0] / max(abs(exact), 1e-300))
        assert got.evaluations == problem.evaluations <= 80
    assert len(bounded) >= (280 if scheme == "complex" else 340)
    assert np.mean(bounded) >= 0.95
    most = {"forward": 1e-7, "central": 1e-10, "richardson": 1e-11, "complex": 1e-15}[scheme]
    assert np.median(relative) < most and np.median(expected) < 10 * most  # an estimate is no bound for its own sake


def test_an_estimate_is_not_idle():
    for scheme, most in (("forward", 1e-6), ("central", 1e-8), ("richardson", 1e-9), ("complex", 1e-13)):
        assert numerical.differences(Problem(np.exp, (1.0,)), scheme).errors[0] < most


def test_components_have_steps_of_their_own():
    f = lambda x: np.sin(x[0]) + np.sin(1000 * x[1])
    got = numerical.differences(Problem(f, (np.array([1.0, 1.0]),)), "central")
    assert got.steps[0][0] > 30 * got.steps[0][1]
    assert np.all(np.abs(got.values[0] - [np.cos(1.0), 1000 * np.cos(1000.0)]) <= got.errors[0])


def test_shapes_follow_result_and_arguments():
    f = lambda a, x: a @ x
    got = numerical.differences(Problem(f, (np.arange(6.0).reshape(2, 3), np.ones(3))), "richardson")
    assert [v.shape for v in got.values] == [(2, 2, 3), (2, 3)] == [e.shape for e in got.errors]
    assert np.allclose(got.values[1], np.arange(6.0).reshape(2, 3), atol=1e-9)


@pytest.mark.parametrize("scheme", numerical.SCHEMES)
def test_a_step_of_ones_own(scheme):
    got = numerical.differences(Problem(np.exp, (2.0,)), scheme, step=1e-3)
    assert got.steps[0] == 2e-3
    assert abs(got.values[0] - np.exp(2.0)) <= got.errors[0]
    if scheme == "forward":
        assert got.values[0] == pytest.approx((np.exp(2.002) - np.exp(2.0)) / 0.002, rel=1e-10)


def test_single_precision():
    got = numerical.differences(Problem(np.sin, (np.float32(1.0),)), "central")
    assert abs(got.values[0] - np.cos(1.0)) <= got.errors[0] < 1e-2


def test_at_zero_and_near_a_pole():
    assert abs(numerical.differences(Problem(np.sin, (0.0,)), "central").values[0] - 1) < 1e-9
    got = numerical.differences(Problem(np.log, (1e-9,)), "central")
    assert abs(got.values[0] - 1e9) <= got.errors[0] < 1e3


def test_the_complex_step_refuses_what_is_not_analytic():
    for f in (lambda x: np.abs(x), lambda x: np.maximum(x, 0.3), lambda x: x * sc.expit(x)):
        with pytest.raises(
            NotDifferentiableError, match=r"complex step cannot differentiate .*   \(.*\n  (abs|maximum|expit) at .*\nIt needs"
        ):
            numerical.differences(Problem(f, (0.5,)), "complex")


@pytest.mark.parametrize(
    ("f", "operation"),
    [
        (lambda a: np.linalg.norm(a), "vector_norm"),
        (lambda a: np.linalg.cholesky(a @ a.T)[0, 0], "cholesky"),
        (lambda a: np.linalg.eigvalsh(a + a.T)[0], "eigvalsh"),
        (lambda a: np.linalg.svd(a)[1][0], "svdvals|svd"),
        (lambda a: np.linalg.qr(a)[1][0, 0], "qr"),
        (lambda a: np.linalg.slogdet(a)[1], "slogdet"),
        (lambda a: np.linalg.pinv(a)[0, 0], "pinv"),
    ],
    ids=["norm", "cholesky", "eigvalsh", "svd", "qr", "slogdet", "pinv"],
)
def test_the_complex_step_refuses_what_conjugates(f, operation):
    a = np.array([[2.0, 0.3], [0.4, 1.0]])
    with pytest.raises(NotDifferentiableError, match=rf"complex step cannot differentiate .*\n  ({operation}) at "):
        numerical.differences(Problem(f, (a,)), "complex")
    for f in (np.linalg.det, lambda a: np.linalg.inv(a), lambda a: np.linalg.solve(a, np.ones(2))):
        got = numerical.differences(Problem(f, (a,)), "complex").values[0]
        assert np.allclose(got, wg.jacobian(f)(a), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("f", [lambda x: sc.jv(1.3, x), sc.expi, lambda x: sc.wofz(x + 0j).real], ids=["jv", "expi", "wofz"])
def test_the_complex_step_refuses_what_loses_tiny_imaginary_parts(f):
    with pytest.raises(NotDifferentiableError, match=r"along one line it finds .*, central differences find"):
        numerical.differences(Problem(f, (1.9,)), "complex")


def test_the_complex_step_refuses_a_function_that_drops_the_imaginary_part():
    def f(x):
        out = np.zeros(2)
        out[0] = x
        return np.sum(out)

    with pytest.raises(NotDifferentiableError, match="complex step cannot differentiate f"):
        numerical.differences(Problem(f, (0.5,)), "complex")


def test_a_function_that_cannot_be_traced_is_called_only():
    import math

    got = wg.methods.found(lambda x: math.frexp(float(x))[0] * 2.0 ** math.frexp(float(x))[1], 0.7, "central difference")
    assert abs(got.values[0] - 1) <= got.errors[0]
