"""The demo's numbers: those of package arch, and each kind of derivative against another."""

import inspect
import sys

import numpy as np
import pytest

import wengert as wg
from wengert.cli import demo, main

# Package arch 8.0.0: arch_model(returns, mean="Constant", vol="GARCH", p=1, q=1).fit(tol=1e-12). Its standard errors are from numerical
# derivatives and divide the covariance of the scores by n - 1.
ARCH = {
    "log_likelihood": -6941.539079807973,
    "theta": [0.05236396, 0.01774393, 0.10189928, 0.88526298],
    "errors": [0.01151468, 0.00477755, 0.01317397, 0.01398891],
}
ARCH_VOLATILITY = {0: 1.342326298534472, 1: 1.3357325268340001, 2461: 5.4904195672750085, 5029: 1.976670092071582}


@pytest.fixture(scope="module")
def returns():
    return demo.sp500()[1]


@pytest.fixture(scope="module")
def found(returns):
    return demo.fit(returns)


@pytest.fixture
def year(returns):
    """Parameters off the maximum, a year of returns, and the variance before it."""
    few = returns[2400:2650]
    return np.array([0.02, 0.05, 0.12, 0.84]), few, demo.model().backcast(few)


def test_the_data():
    dates, returns = demo.sp500()
    assert dates.shape == returns.shape == (5030,)
    assert (str(dates[0]), str(dates[-1])) == ("1999-01-05", "2018-12-31")
    assert returns[0] == 100 * (np.log(1244.780029) - np.log(1228.099976))
    assert np.isclose(np.sum(returns), 100 * np.log(2506.850098 / 1228.099976), rtol=1e-12)


def test_the_fit_is_that_of_arch_to_its_printed_digits(found):
    assert found.success
    assert f"{found.log_likelihood:.2f}" == demo.ARCH_LOG_LIKELIHOOD
    assert tuple(f"{x:.4f}" for x in found.theta) == demo.ARCH_ESTIMATES
    assert tuple(f"{x:.5f}" for x in found.errors) == demo.ARCH_ERRORS


def test_the_fit_is_that_of_arch(found, returns):
    n = len(returns)
    assert abs(found.log_likelihood - ARCH["log_likelihood"]) < 1e-8
    assert np.allclose(found.theta, ARCH["theta"], rtol=0, atol=2e-8)
    assert np.allclose(found.errors * np.sqrt(n / (n - 1)), ARCH["errors"], rtol=1e-4, atol=0)
    assert found.gradient < 1e-3
    volatility = np.sqrt(demo.model().variances(found.theta, returns, demo.model().backcast(returns)))
    assert np.allclose(volatility[[*ARCH_VOLATILITY]], [*ARCH_VOLATILITY.values()], rtol=1e-6, atol=0)


def test_the_scores_sum_to_the_gradient(year):
    garch = demo.model()
    scores = wg.jit(wg.jacobian(garch.log_likelihoods))(*year)
    gradient = wg.jit(wg.grad(garch.loss))(*year)
    assert scores.shape == (250, 4)
    assert np.max(np.abs(scores.sum(axis=0) + gradient)) <= 1e-12 * np.max(np.abs(scores).sum(axis=0))


def test_the_gradient_and_the_hessian_are_those_of_differences(year):
    garch = demo.model()
    theta, *rest = year
    gradient, hessian = wg.jit(wg.grad(garch.loss)), wg.jit(wg.hessian(garch.loss))(*year)
    value, differences = demo.by_differences(*year)
    assert value == garch.loss(*year)
    assert np.allclose(gradient(*year), differences, rtol=1e-7, atol=0)
    h = 1e-5 * theta
    steps = [(gradient(theta + d, *rest) - gradient(theta - d, *rest)) / (2 * np.max(d)) for d in np.diag(h)]
    assert np.array_equal(hessian, hessian.T) or np.allclose(hessian, hessian.T, rtol=1e-12, atol=0)
    assert np.allclose(hessian, steps, rtol=1e-6, atol=1e-7 * np.max(np.abs(hessian)))


def test_the_three_ways_agree(year):
    theta, few, _ = year
    (_, taped, *_), (_, compiled, *_), (_, differences, *_) = demo.three_ways(theta, few)
    assert np.allclose(compiled, taped, rtol=1e-12, atol=0)
    assert np.allclose(differences, taped, rtol=1e-7, atol=0)


def test_where_a_variance_could_be_negative_the_loss_is_infinite(year):
    theta, *rest = year
    program = wg.jit(wg.value_and_grad(demo.model().loss))
    for sign in ([1, -1, 1, 1], [1, 1, -1, 1], [1, 1, 1, -1]):
        value, gradient = program(theta * sign, *rest)
        assert value == np.inf
        assert np.array_equal(gradient, np.zeros(4))
    assert np.isfinite(program(theta, *rest)[0])


def test_the_model_is_a_program_of_the_users():
    """Its loop stays a loop: as many equations for a hundred days as for ten, placed in the model's own lines."""
    garch = demo.model()
    sizes = [len(wg.jit(garch.loss).lower(np.ones(4), np.ones(n), 1.0).ir.equations) for n in (10, 100)]
    assert sizes[0] == sizes[1]
    assert "sigma2[t] =" in inspect.getsource(garch.variances)


@pytest.fixture
def printed(found, monkeypatch, capsys, tmp_path):
    """What the command prints; the fit is the one made already, the comparison one of few days."""
    monkeypatch.setattr(demo, "fit", lambda returns: found)
    monkeypatch.setattr(demo, "TAPED", 60)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        assert main(["demo", *arguments]) == 0
        return capsys.readouterr().out

    return run


def test_what_it_prints(printed, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = printed()
    assert "\n            sigma2[t] = omega + alpha * eps[t - 1] ** 2 + beta * sigma2[t - 1]\n" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["mu", "0.0524", "0.01151", "4.55", "0.0524", "0.01151"] in rows
    assert ["beta", "0.8853", "0.01399", "63.29", "0.8853", "0.01399"] in rows
    assert "  no plot: matplotlib is not installed (pip install 'wengert[viz]')\n" in out
    for way in ("taped", "compiled", "central differences", "value and gradient", "Hessian", "scores"):
        assert sum(line.startswith(f"  {way}  ") for line in out.splitlines()) == 1, way
    assert all(len(line) < 120 for line in out.splitlines())
    assert not any(tmp_path.iterdir())


def test_the_plot(printed, tmp_path):
    pytest.importorskip("matplotlib")
    assert "conditional volatility: sp500_volatility.png (highest 5.49 % a day, on 2008-10-" in printed()
    assert (tmp_path / "sp500_volatility.png").read_bytes().startswith(b"\x89PNG")
    assert "no plot: " in printed("--plot", "no/such/folder.png")
    assert "no plot: " in printed("--plot", "picture.nonsense")
