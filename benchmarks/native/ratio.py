"""Time of the gradient over time of the function, both compiled by wengert, on ten vectorised functions; and their geometric mean.

JAX's own ratio of the same functions is shown beside it where JAX is installed.

    python -m benchmarks.native.ratio [--json FILE]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.native.measure import Table, Way, agree, peer, report, timed
from wengert.tree import flatten

# Each takes the module of functions and gives (function, arguments); the gradient is that of the first argument.
Case = Callable[[Any, np.random.Generator], tuple[Callable[..., Any], tuple[Any, ...]]]


def logistic_regression(np: Any, rng: Any) -> Any:
    x, w = rng.normal(size=(2000, 50)), rng.normal(size=50)
    y = (rng.uniform(size=2000) < 0.5).astype(float)

    def loss(w, x, y):
        z = x @ w
        return np.mean(np.logaddexp(0.0, z) - y * z) + 0.01 * np.sum(w * w)

    return loss, (w, x, y)


def mixture_likelihood(np: Any, rng: Any) -> Any:
    """A mixture of 8 Gaussians with diagonal covariances, 2000 points in 4 dimensions."""
    x, means, logs, weights = rng.normal(size=(2000, 4)), rng.normal(size=(8, 4)), 0.1 * rng.normal(size=(8, 4)), rng.normal(size=8)

    def likelihood(parameters, x):
        means, logs, weights = parameters
        z = (x[:, None, :] - means) * np.exp(-logs)
        each = weights - np.log(np.sum(np.exp(weights))) - np.sum(logs, axis=1) - 0.5 * np.sum(z * z, axis=2)
        top = np.max(each, axis=1)
        return np.sum(top + np.log(np.sum(np.exp(each - top[:, None]), axis=1)))

    return likelihood, ((means, logs, weights), x)


def rosenbrock(np: Any, rng: Any) -> Any:
    return lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2), (rng.normal(size=100_000),)


def least_squares(np: Any, rng: Any) -> Any:
    def loss(w, a, b):
        r = a @ w - b
        return 0.5 * np.sum(r * r)

    return loss, (rng.normal(size=200), rng.normal(size=(1000, 200)), rng.normal(size=1000))


def softmax_regression(np: Any, rng: Any) -> Any:
    x, w = rng.normal(size=(512, 64)), rng.normal(size=(64, 10))
    labels = np.asarray([[float(i % 10 == k) for k in range(10)] for i in range(512)])

    def loss(w, x, labels):
        z = x @ w
        z = z - np.max(z, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(labels * z, axis=1))

    return loss, (w, x, labels)


def kernel_sum(np: Any, rng: Any) -> Any:
    """The quadratic form yᵀ K y of a squared-exponential kernel with a scale for each of 3 dimensions."""
    x, y, logs = rng.normal(size=(300, 3)), rng.normal(size=300), 0.1 * rng.normal(size=3)

    def form(logs, x, y):
        z = x * np.exp(logs)
        squares = np.sum(z * z, axis=1)
        distances = squares[:, None] + squares[None, :] - 2.0 * (z @ z.T)
        return y @ (np.exp(-0.5 * distances) @ y)

    return form, (logs, x, y)


def wave_energy(np: Any, rng: Any) -> Any:
    """Energy of a nonlinear string: kinetic, elastic, and a quartic potential."""
    u, v = rng.normal(size=100_000), rng.normal(size=100_000)

    def energy(state):
        u, v = state
        slope = (u[1:] - u[:-1]) * 10.0
        return np.sum(0.5 * v * v) + np.sum(0.5 * slope**2) + np.sum(0.25 * u**4 - 0.5 * u**2)

    return energy, ((u, v),)


def black_scholes(np: Any, rng: Any) -> Any:
    """The value of 50 000 options by Black and Scholes; the normal distribution by its tanh approximation."""
    spot, strike, time = rng.uniform(80, 120, 50_000), rng.uniform(80, 120, 50_000), rng.uniform(0.1, 2.0, 50_000)

    def normal(x):
        return 0.5 * (1.0 + np.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))

    def value(spot, strike, time):
        spread = 0.2 * np.sqrt(time)
        d = (np.log(spot / strike) + 0.05 * time) / spread + 0.5 * spread
        return np.sum(spot * normal(d) - strike * np.exp(-0.03 * time) * normal(d - spread))

    return value, (spot, strike, time)


def perceptron(np: Any, rng: Any) -> Any:
    """A tanh network with one hidden layer, squared loss."""
    x, y = rng.normal(size=(256, 32)), rng.normal(size=(256, 4))
    parameters = (rng.normal(size=(32, 64)) / 6, rng.normal(size=64), rng.normal(size=(64, 4)) / 8, rng.normal(size=4))

    def loss(parameters, x, y):
        w, b, u, c = parameters
        return np.mean((np.tanh(x @ w + b) @ u + c - y) ** 2)

    return loss, (parameters, x, y)


def poisson_regression(np: Any, rng: Any) -> Any:
    """Counts with a smoothness penalty on the coefficients."""
    x, y = rng.normal(size=(2000, 40)) / 10, rng.integers(0, 5, 2000).astype(float)

    def loss(w, x, y):
        z = x @ w
        return np.mean(np.exp(z) - y * z) + np.sum((w[1:] - w[:-1]) ** 2) + np.log(np.sum(np.exp(w)))

    return loss, (rng.normal(size=40), x, y)


CASES: tuple[Case, ...] = (
    logistic_regression,
    mixture_likelihood,
    rosenbrock,
    least_squares,
    softmax_regression,
    kernel_sum,
    wave_energy,
    black_scholes,
    perceptron,
    poisson_regression,
)


def tables() -> Iterator[Table]:
    jax = peer("jax")
    ratios: list[float] = []
    theirs: list[float] = []
    for case in CASES:
        f, arguments = case(np, np.random.default_rng(0))
        value, gradient = wg.jit(f), wg.jit(wg.grad(f))
        agree({"NumPy": f(*arguments), "wengert": value(*arguments)}, 1e-9)
        ways: dict[str, Way] = {"function": (value, *arguments), "gradient": (gradient, *arguments)}
        results = {"taped": leaves(wg.grad(f)(*arguments)), "wengert": leaves(gradient(*arguments))}
        if jax:
            g, _ = case(jax.numpy, np.random.default_rng(0))
            held = jax.device_put(arguments)
            for name, compiled in (("JAX, function", jax.jit(g)), ("JAX, gradient", jax.jit(jax.grad(g)))):
                ways[name] = (lambda *a, f=compiled: jax.block_until_ready(f(*a)), *held)
            results["JAX"] = leaves(jax.device_get(ways["JAX, gradient"][0](*held)))
        agree(results, 1e-8)
        table = timed(case.__name__.replace("_", " "), ways, "function", rounds=11, seconds=0.02)
        ratios.append(table.ratio("gradient"))
        if jax:
            theirs.append(table.median("JAX, gradient") / table.median("JAX, function"))
            table.figures["JAX, gradient / function"] = theirs[-1]
        if case is CASES[-1]:
            table.figures["GEOMETRIC MEAN of all gradient / function, wengert"] = geometric_mean(ratios)
            if jax:
                table.figures["GEOMETRIC MEAN of all gradient / function, JAX"] = geometric_mean(theirs)
        yield table


def leaves(x: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in flatten(x)[0]]


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(math.log(v) for v in values) / len(values))


if __name__ == "__main__":
    report(tables, __doc__)
