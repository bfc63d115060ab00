"""`wengert demo`: a logistic regression fitted to real data, its gradient computed in four ways.

Start at `demo`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import numpy as np

from wengert.api.derivatives import grad, hvp, value_and_grad
from wengert.api.jacobian import jacfwd

PENALTY = 1e-3


def breast_cancer() -> tuple[Any, Any, list[str]]:
    """The Wisconsin diagnostic breast cancer data (UCI): standardised features with a leading 1, labels (1 = benign), names."""
    text = (files("wengert") / "data" / "breast_cancer.csv").read_text(encoding="utf-8")
    header, *rows = text.splitlines()
    table = np.array([[float(x) for x in row.split(",")] for row in rows])
    features, labels = table[:, :-1], table[:, -1]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return np.column_stack([np.ones(len(labels)), features]), labels, header.split(",")[:-1]


def loss(w: Any, x: Any, y: Any) -> Any:
    """Mean negative log-likelihood of labels y in {0, 1} given features x, plus an L2 penalty on all but the intercept.

    log(1 + exp(z)) is logaddexp(0, z): no overflow however large z.
    """
    z = x @ w
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.5 * PENALTY * np.sum(w[1:] ** 2)


def by_hand(w: Any, x: Any, y: Any) -> Any:
    """The gradient of `loss`: xᵀ(σ(xw) - y)/n + λw."""
    from scipy.special import expit

    gradient = x.T @ (expit(x @ w) - y) / len(y)
    gradient[1:] += PENALTY * w[1:]
    return gradient


def by_differences(w: Any, x: Any, y: Any) -> Any:
    """Central differences of `loss`, with the step ε^⅓ that balances truncation and rounding."""
    gradient = np.empty_like(w)
    for i in range(w.size):
        h = np.cbrt(np.finfo(float).eps) * max(1.0, abs(w[i]))
        above, below = w.copy(), w.copy()
        above[i] += h
        below[i] -= h
        gradient[i] = (loss(above, x, y) - loss(below, x, y)) / (above[i] - below[i])
    return gradient


def four_ways(w: Any, x: Any, y: Any) -> list[tuple[str, Any, float]]:
    """(name, gradient, seconds a call) of each way, the hand-written first."""
    ways: dict[str, Callable[..., Any]] = {
        "hand-written": by_hand,
        "central differences": by_differences,
        "automatic, forward": jacfwd(loss),
        "automatic, reverse": grad(loss),
    }
    return [(name, way(w, x, y), _seconds(way, w, x, y)) for name, way in ways.items()]


def _seconds(f: Callable[..., Any], *args: Any) -> float:
    """The best of several calls; the first, which traces, was made before."""
    best, total, calls = np.inf, 0.0, 0
    while total < 0.15 or calls < 10:
        start = time.perf_counter()
        f(*args)
        elapsed = time.perf_counter() - start
        best, total, calls = min(best, elapsed), total + elapsed, calls + 1
    return best


def fit(x: Any, y: Any) -> Any:
    """SciPy's trust-region Newton method with our gradient and Hessian-vector products, from zero."""
    from scipy.optimize import minimize

    product = hvp(loss)

    def hessian_product(w: Any, v: Any, x: Any, y: Any) -> Any:
        return product(w, x, y, v)

    start = np.zeros(x.shape[1])
    return minimize(
        value_and_grad(loss),
        start,
        args=(x, y),
        jac=True,
        hessp=hessian_product,
        method="trust-ncg",
        options={"gtol": 1e-10, "maxiter": 200},
    )


def demo(options: Any = None) -> int:
    """`wengert demo`."""
    x, y, names = breast_cancer()
    n, p = x.shape
    print("Logistic regression with L2 penalty: Wisconsin diagnostic breast cancer data")
    print(f"  {n} tumours ({int(y.sum())} benign), {p - 1} standardised features and an intercept, penalty {PENALTY:g}\n")

    w = np.random.default_rng(0).normal(size=p) * 0.1
    ways = four_ways(w, x, y)
    reference = ways[0][1]
    print("Its gradient at a random point, in four ways")
    print(f"  {'':<22}{'norm':>20}{'largest error':>16}{'time':>14}")
    for i, (name, gradient, seconds) in enumerate(ways):
        error = "reference" if i == 0 else f"{np.max(np.abs(gradient - reference)):.1e}"
        print(f"  {name:<22}{np.linalg.norm(gradient):>20.15f}{error:>16}{seconds * 1e6:>11.0f} µs")

    start = time.perf_counter()
    result = fit(x, y)
    elapsed = time.perf_counter() - start
    right = int(np.sum((x @ result.x > 0) == (y == 1)))
    print("\nThe fit: scipy.optimize.minimize(method='trust-ncg'), Hessian-vector products by forward over reverse mode")
    for label, text in (
        ("loss", f"{result.fun:.12f}   (at the start: {loss(np.zeros(p), x, y):.12f})"),
        ("gradient norm", f"{np.linalg.norm(result.jac):.1e}"),
        ("iterations", f"{result.nit}   ({result.nfev} values and gradients, {result.nhev} Hessian-vector products)"),
        ("accuracy", f"{right / n:.4f}   ({right} of {n} on the data fitted)"),
        ("time", f"{elapsed * 1e3:.0f} ms"),
    ):
        print(f"  {label:<15}{text}")
    print("\nLargest coefficients (positive: benign)")
    for i in np.argsort(-np.abs(result.x[1:]))[:5]:
        print(f"  {names[i]:<25}{result.x[1 + i]:>10.5f}")
    return 0 if result.success else 1
