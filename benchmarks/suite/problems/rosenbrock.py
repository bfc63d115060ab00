"""The chained Rosenbrock function of a long vector, in vectorised NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


SOURCE = """
double value(long n, const double *restrict x) {
    double value = 0.0;
    for (long i = 0; i < n - 1; i++) {
        double t = x[i + 1] - x[i] * x[i], u = 1.0 - x[i];
        value += 100.0 * t * t + u * u;
    }
    return value;
}
double gradient(long n, const double *restrict x, double *restrict g) {
    double value = 0.0, carry = 0.0;
    for (long i = 0; i < n - 1; i++) {
        double t = x[i + 1] - x[i] * x[i], u = 1.0 - x[i];
        value += 100.0 * t * t + u * u;
        g[i] = carry - 400.0 * x[i] * t - 2.0 * u;
        carry = 200.0 * t;
    }
    g[n - 1] = carry;
    return value;
}
"""


class Rosenbrock(Problem):
    name = "rosenbrock"
    title = "chained Rosenbrock function"
    group = "arrays"
    sizes = {"1000": {"n": 10**3}, "30000": {"n": 30000}, "1000000": {"n": 10**6}}
    scale = staticmethod(lambda n: float(n))

    def data(self, n: int) -> tuple[Any, ...]:
        return (np.random.default_rng(0).normal(size=n),)

    def wengert(self, x: Any) -> Entry:
        return idiom.wengert(rosenbrock, (x,), 0)

    def c(self, x: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, g = Program(SOURCE), np.empty_like(x)
        value, derivative = program.bound("value", len(x), x), program.bound("gradient", len(x), x, g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, x: Any) -> Entry:
        import jax.numpy as jnp

        def rosenbrock(x):
            return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

        return idiom.jax(rosenbrock, (x,), 0)

    def torch(self, x: Any, compiled: bool = False) -> Entry:
        import torch

        def rosenbrock(x):
            return torch.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

        return idiom.torch(rosenbrock, (x,), 0, compiled=compiled)

    def torch_compiled(self, x: Any) -> Entry:
        return self.torch(x, compiled=True)

    def autograd(self, x: Any) -> Entry:
        import autograd.numpy as anp

        def rosenbrock(x):
            return anp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

        return idiom.autograd(rosenbrock, (x,), 0)

    def casadi(self, x: Any) -> Entry:
        import casadi as ca

        def build(n):
            x = ca.MX.sym("x", n)
            f = ca.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
            return ca.Function("value", [x], [f]), ca.Function("both", [x], [f, ca.gradient(f, x)])

        return idiom.casadi(build, (x,), lambda value, g: (value, g))
