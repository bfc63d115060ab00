"""`wengert demo`: a GARCH(1,1) model fitted to twenty years of stock returns, with exact derivatives of a plain Python loop.

Knows the public transformations; the model is in `garch.py`. Start at `demo`.
"""

from __future__ import annotations

import gzip
import inspect
import linecache
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import ModuleType
from typing import Any

import numpy as np

from wengert.api.compile import jit
from wengert.api.derivatives import value_and_grad
from wengert.api.jacobian import hessian, jacobian
from wengert.config import config

NAMES = ("mu", "omega", "alpha", "beta")
# What package arch 8.0 prints for `arch_model(returns).fit()`: GARCH(1,1), constant mean, normal errors, robust standard errors.
ARCH_ESTIMATES = ("0.0524", "0.0177", "0.1019", "0.8853")
ARCH_ERRORS = ("0.01151", "0.00478", "0.01317", "0.01399")
ARCH_LOG_LIKELIHOOD = "-6941.54"
TAPED = 1000  # days on which the ways to a gradient are compared; a taped run takes milliseconds a day


def sp500() -> tuple[Any, Any]:
    """Dates, and daily log returns in per cent, of the S&P 500 index, 1999 to 2018."""
    text = gzip.decompress((files("wengert") / "data" / "sp500.csv.gz").read_bytes()).decode("ascii")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    closes = np.array([float(close) for _, close in rows])
    return np.array([day for day, _ in rows[1:]], dtype="datetime64[D]"), 100 * np.diff(np.log(closes))


@cache
def model() -> ModuleType:
    """`garch.py` as a program of the user's, in a file of its own.

    Files of this package are not captured (its loops run while a program is made, they are not
    part of it), and errors are not placed in them: so the text is run under a name outside.
    """
    name = "garch.py"
    text = (files("wengert") / "cli" / name).read_text(encoding="utf-8")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = ModuleType("garch")
    exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    return module


@dataclass(frozen=True)
class Fit:
    """A maximum of the likelihood: (mu, omega, alpha, beta), robust standard errors, and how it was come by."""

    theta: Any
    errors: Any
    log_likelihood: float
    iterations: int
    success: bool
    gradient: float  # its largest component, in absolute value
    first: dict[str, float]  # seconds of a program's first call: trace, compile, run
    each: dict[str, float]  # seconds of a later call
    fitting: float  # seconds of the optimisation, programs compiled


def fit(returns: Any) -> Fit:
    """The maximum-likelihood fit by SciPy's trust-region Newton method, and Bollerslev and Wooldridge's (1992) robust standard errors.

    With H the Hessian of the negative log-likelihood and S the scores, one row an observation, the covariance of the
    estimates is H⁻¹ SᵀS H⁻¹: right also if the errors are not normal.
    """
    from scipy.optimize import minimize

    garch = model()
    theta, past = garch.start(returns), garch.backcast(returns)
    programs = {
        "value and gradient": jit(value_and_grad(garch.loss)),
        "Hessian": jit(hessian(garch.loss)),
        "scores": jit(jacobian(garch.log_likelihoods)),
    }
    with config(cache_size=0):  # so that the first call is one that compiles, also when the demo is run again
        first = {name: _once(program, theta, returns, past) for name, program in programs.items()}
    each = {name: _seconds(program, theta, returns, past) for name, program in programs.items()}
    gradient, curvature, scores = programs.values()

    begin = time.perf_counter()
    # At the end a gradient component is about 1e-4, by rounding, and the curvature at least 1e4: 1e-3 leaves seven digits.
    found = minimize(
        gradient,
        theta,
        args=(returns, past),
        jac=True,
        hess=curvature,
        method="trust-exact",
        options={"gtol": 1e-3, "initial_trust_radius": 0.05},
    )
    fitting = time.perf_counter() - begin
    inverse, s = np.linalg.inv(curvature(found.x, returns, past)), scores(found.x, returns, past)
    covariance = inverse @ (s.T @ s) @ inverse
    return Fit(
        theta=found.x,
        errors=np.sqrt(np.diag(covariance)),
        log_likelihood=-float(found.fun),
        iterations=found.nit,
        success=found.success,
        gradient=float(np.max(np.abs(found.jac))),
        first=first,
        each=each,
        fitting=fitting,
    )


def by_differences(theta: Any, returns: Any, past: Any) -> tuple[Any, Any]:
    """Value and gradient of the loss by central differences, with the step ε^⅓ that balances truncation and rounding."""
    loss = model().loss
    gradient = np.empty_like(theta)
    for i in range(theta.size):
        h = np.cbrt(np.finfo(float).eps) * abs(theta[i])
        above, below = theta.copy(), theta.copy()
        above[i] += h
        below[i] -= h
        gradient[i] = (loss(above, returns, past) - loss(below, returns, past)) / (above[i] - below[i])
    return loss(theta, returns, past), gradient


def three_ways(theta: Any, returns: Any) -> list[tuple[str, Any, float, float]]:
    """(name, gradient of the loss, seconds of the first call, seconds of a later one) of each way, the taped run first."""
    loss, past = model().loss, model().backcast(returns)
    ways: dict[str, Callable[..., tuple[Any, Any]]] = {
        "taped": value_and_grad(loss),
        "compiled": jit(value_and_grad(loss)),
        "central differences": by_differences,
    }
    rows = []
    with config(cache_size=0):
        for name, way in ways.items():
            first = _once(way, theta, returns, past)
            rows.append((name, way(theta, returns, past)[1], first, _seconds(way, theta, returns, past)))
    return rows


def demo(options: Any = None) -> int:
    """`wengert demo`."""
    dates, returns = sp500()
    garch = model()
    print(f"GARCH(1,1) with constant mean: S&P 500, {len(returns):,} daily returns in per cent, {dates[0]} to {dates[-1]}\n")
    print("\n".join(f"    {line}" for line in inspect.getsource(garch.variances).splitlines() if '"""' not in line))

    found = fit(returns)
    print("\nMaximum likelihood: scipy.optimize.minimize(method='trust-exact'), exact gradient and Hessian of this loop")
    print(f"  {'log-likelihood':<16}{found.log_likelihood:.2f}   (package arch: {ARCH_LOG_LIKELIHOOD})")
    print(f"  {'iterations':<16}{found.iterations}   (largest component of the gradient at the end: {found.gradient:.0e})")
    print(f"  {'time':<16}{_duration(found.fitting).strip()}")
    print(f"\n  {'':<8}{'estimate':>10}{'robust s.e.':>13}{'t':>9}      {'arch':>8}{'robust s.e.':>13}")
    for row in zip(NAMES, found.theta, found.errors, ARCH_ESTIMATES, ARCH_ERRORS, strict=True):
        name, value, error, theirs, theirs_error = row
        print(f"  {name:<8}{value:>10.4f}{error:>13.5f}{value / error:>9.2f}      {theirs:>8}{theirs_error:>13}")
    print("  (robust: from the scores, the Jacobian of the log-likelihoods of all days by the four parameters)\n")
    print("  " + _plot(getattr(options, "plot", None), dates, returns, found.theta))

    print(f"\nCompiled, {len(returns):,} days{'first call':>26}{'each call':>15}")
    for name in found.first:
        print(f"  {name:<32}{_duration(found.first[name])}{_duration(found.each[name]):>15}")
    ways = three_ways(found.theta * [1.1, 1.1, 1.1, 0.98], returns[-TAPED:])
    reference = ways[0][1]
    print(f"\nValue and gradient, last {TAPED:,} days{'first call':>13}{'each call':>15}{'largest relative error':>26}")
    for i, (name, gradient, first, seconds) in enumerate(ways):
        error = "reference" if i == 0 else f"{np.max(np.abs(gradient / reference - 1)):.0e}"
        print(f"  {name:<32}{_duration(first)}{_duration(seconds):>15}{error:>26}")
    return 0 if found.success else 1


def _plot(path: str | None, dates: Any, returns: Any, theta: Any) -> str:
    """Save the conditional volatility; a line that says so, or why not."""
    if path is None:
        return "no plot was asked for"
    garch = model()
    deviation = np.sqrt(garch.variances(theta, returns, garch.backcast(returns)))
    try:
        from wengert.viz.series import save_series

        save_series(
            path,
            dates,
            ("absolute deviation from the mean", np.abs(returns - theta[0])),
            {"conditional volatility": deviation},
            "S&P 500, GARCH(1,1)",
            "per cent a day",
        )
    except ImportError:
        return "no plot: matplotlib is not installed (pip install 'wengert[viz]')"
    except (OSError, ValueError) as error:
        return f"no plot: {error}"
    return f"conditional volatility: {path} (highest {deviation.max():.2f} % a day, on {dates[deviation.argmax()]})"


def _once(f: Callable[..., Any], *args: Any) -> float:
    start = time.perf_counter()
    f(*args)
    return time.perf_counter() - start


def _seconds(f: Callable[..., Any], *args: Any) -> float:
    """The best of several later calls."""
    best, total, calls = np.inf, 0.0, 0
    while total < 0.15 and calls < 1000:
        elapsed = _once(f, *args)
        best, total, calls = min(best, elapsed), total + elapsed, calls + 1
    return best


def _duration(seconds: float) -> str:
    return f"{seconds * 1e3:>8,.0f} ms" if seconds >= 0.01 else f"{seconds * 1e3:>8.3f} ms"
