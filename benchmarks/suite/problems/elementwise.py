"""Two sums of elementwise functions of long arrays, with logarithms, sines, exponentials, hyperbolic tangents and powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def logs(x, y):
    return np.sum(np.log(x) + x * y - np.sin(y))


def mix(x, y):
    return np.sum(np.tanh(x) * np.exp(-y) + x**1.5 / (1.0 + y * y))


LOGS = """
#include <math.h>
double value(long n, const double *restrict x, const double *restrict y) {
    double total = 0.0;
    for (long i = 0; i < n; i++)
        total += log(x[i]) + x[i] * y[i] - sin(y[i]);
    return total;
}
double gradient(long n, const double *restrict x, const double *restrict y, double *restrict gx, double *restrict gy) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        total += log(x[i]) + x[i] * y[i] - sin(y[i]);
        gx[i] = 1.0 / x[i] + y[i];
        gy[i] = x[i] - cos(y[i]);
    }
    return total;
}
"""

MIX = """
#include <math.h>
double value(long n, const double *restrict x, const double *restrict y) {
    double total = 0.0;
    for (long i = 0; i < n; i++)
        total += tanh(x[i]) * exp(-y[i]) + x[i] * sqrt(x[i]) / (1.0 + y[i] * y[i]);
    return total;
}
double gradient(long n, const double *restrict x, const double *restrict y, double *restrict gx, double *restrict gy) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        double t = tanh(x[i]), e = exp(-y[i]), s = sqrt(x[i]), d = 1.0 / (1.0 + y[i] * y[i]), p = x[i] * s * d;
        total += t * e + p;
        gx[i] = (1.0 - t * t) * e + 1.5 * s * d;
        gy[i] = -t * e - 2.0 * y[i] * p * d;
    }
    return total;
}
"""


class Elementwise(Problem):
    """What both sums have in common."""

    group = "arrays"
    sizes = {"1000": {"n": 10**3}, "30000": {"n": 30000}, "1000000": {"n": 10**6}}
    scale = staticmethod(lambda n: float(n))
    program: Any
    source: str

    def data(self, n: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        return rng.uniform(0.1, 3.0, n), rng.uniform(-3.0, 3.0, n)

    def wengert(self, x: Any, y: Any) -> Entry:
        return idiom.wengert(self.program, (x, y), (0, 1))

    def c(self, x: Any, y: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, gx, gy = Program(self.source), np.empty_like(x), np.empty_like(y)
        value, derivative = program.bound("value", len(x), x, y), program.bound("gradient", len(x), x, y, gx, gy)
        return Entry(value, lambda: (derivative(), (gx, gy)), lines_of(self.source))

    def torch_compiled(self, x: Any, y: Any) -> Entry:
        return self.torch(x, y, compiled=True)  # type: ignore[attr-defined, no-any-return]


class Logs(Elementwise):
    name = "elementwise_logs"
    title = "sum of log(x) + x y - sin(y)"
    program = staticmethod(logs)
    source = LOGS

    def jax(self, x: Any, y: Any) -> Entry:
        import jax.numpy as jnp

        def logs(x, y):
            return jnp.sum(jnp.log(x) + x * y - jnp.sin(y))

        return idiom.jax(logs, (x, y), (0, 1))

    def torch(self, x: Any, y: Any, compiled: bool = False) -> Entry:
        import torch

        def logs(x, y):
            return torch.sum(torch.log(x) + x * y - torch.sin(y))

        return idiom.torch(logs, (x, y), (0, 1), compiled=compiled)

    def autograd(self, x: Any, y: Any) -> Entry:
        import autograd.numpy as anp

        def logs(x, y):
            return anp.sum(anp.log(x) + x * y - anp.sin(y))

        return idiom.autograd(logs, (x, y), (0, 1))

    def casadi(self, x: Any, y: Any) -> Entry:
        import casadi as ca

        def build(n):
            x, y = ca.MX.sym("x", n), ca.MX.sym("y", n)
            f = ca.sum1(ca.log(x) + x * y - ca.sin(y))
            return ca.Function("value", [x, y], [f]), ca.Function("both", [x, y], [f, ca.gradient(f, x), ca.gradient(f, y)])

        return idiom.casadi(build, (x, y), lambda value, gx, gy: (value, (gx, gy)))


class Mix(Elementwise):
    name = "elementwise_mix"
    title = "sum of tanh(x) exp(-y) + x^1.5 / (1 + y^2)"
    program = staticmethod(mix)
    source = MIX

    def jax(self, x: Any, y: Any) -> Entry:
        import jax.numpy as jnp

        def mix(x, y):
            return jnp.sum(jnp.tanh(x) * jnp.exp(-y) + x**1.5 / (1.0 + y * y))

        return idiom.jax(mix, (x, y), (0, 1))

    def torch(self, x: Any, y: Any, compiled: bool = False) -> Entry:
        import torch

        def mix(x, y):
            return torch.sum(torch.tanh(x) * torch.exp(-y) + x**1.5 / (1.0 + y * y))

        return idiom.torch(mix, (x, y), (0, 1), compiled=compiled)

    def autograd(self, x: Any, y: Any) -> Entry:
        import autograd.numpy as anp

        def mix(x, y):
            return anp.sum(anp.tanh(x) * anp.exp(-y) + x**1.5 / (1.0 + y * y))

        return idiom.autograd(mix, (x, y), (0, 1))

    def casadi(self, x: Any, y: Any) -> Entry:
        import casadi as ca

        def build(n):
            x, y = ca.MX.sym("x", n), ca.MX.sym("y", n)
            f = ca.sum1(ca.tanh(x) * ca.exp(-y) + x**1.5 / (1.0 + y * y))
            return ca.Function("value", [x, y], [f]), ca.Function("both", [x, y], [f, ca.gradient(f, x), ca.gradient(f, y)])

        return idiom.casadi(build, (x, y), lambda value, gx, gy: (value, (gx, gy)))
