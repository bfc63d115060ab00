"""GradBench's llsq: half the sum of squares of a polynomial's distance from the sign of t, at n points of [-1, 1], by its coefficients."""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def llsq(x, n):
    total = 0.0
    for i in range(n):
        t = -1.0 + 2.0 * i / (n - 1)
        residual, power = np.sign(t), 1.0
        for coefficient in x:
            residual -= coefficient * power
            power *= t
        total += residual**2
    return total / 2


SOURCE = """
static inline double residual(const double *restrict x, double t, long m) {
    double r = (t > 0) - (t < 0), power = 1.0;
    for (long j = 0; j < m; j++) { r -= x[j] * power; power *= t; }
    return r;
}
double value(long n, long m, const double *restrict x) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        double r = residual(x, -1.0 + 2.0 * i / (n - 1), m);
        total += r * r;
    }
    return total / 2;
}
double gradient(long n, long m, const double *restrict x, double *restrict g) {
    double total = 0.0;
    for (long j = 0; j < m; j++) g[j] = 0.0;
    for (long i = 0; i < n; i++) {
        double t = -1.0 + 2.0 * i / (n - 1), r = residual(x, t, m), power = 1.0;
        total += r * r;
        for (long j = 0; j < m; j++) { g[j] -= r * power; power *= t; }
    }
    return total / 2;
}
"""


class Llsq(Problem):
    name, title, group = "llsq", "polynomial least squares", "gradbench"
    sizes = {"16": {"n": 16}, "256": {"n": 256}, "4096": {"n": 4096}}
    without = {
        "torch": "GradBench has none for PyTorch",
        "torch_compiled": "GradBench has none for PyTorch",
        "casadi": "n·m scalar operations without structure that its maps could use better than C",
    }

    @staticmethod
    def scale(n):
        return float(n)

    def data(self, n):
        return np.random.default_rng(31337).random(128), n

    def wengert(self, x, n):
        value, derivative = wg.jit(llsq), wg.jit(wg.value_and_grad(llsq))
        return Entry(lambda: value(x, n), lambda: derivative(x, n), lines_of(llsq))

    def c(self, x, n):
        program, gradient = Program(SOURCE), np.empty_like(x)
        value, derivative = program.bound("value", n, len(x), x), program.bound("gradient", n, len(x), x, gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, x, n):
        """As in GradBench's JAX tool: the powers as a cumulative product."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def misfit(x):
            t = -1.0 + 2.0 * jnp.arange(n) / (n - 1)
            powers = jnp.cumprod(jnp.broadcast_to(t[:, None], (n, len(x) - 1)), axis=1)
            residual = jnp.sign(t) - x[0] - powers @ x[1:]
            return jnp.sum(residual**2) / 2

        x, value, derivative = jnp.asarray(x), jax.jit(misfit), jax.jit(jax.value_and_grad(misfit))
        return Entry(lambda: jax.block_until_ready(value(x)), lambda: jax.block_until_ready(derivative(x)), lines_of(misfit))

    def autograd(self, x, n):
        import autograd
        import autograd.numpy as anp

        t = -1.0 + 2.0 * np.arange(n) / (n - 1)

        def misfit(x):
            powers = t[:, None] ** np.arange(len(x))
            return anp.sum((np.sign(t) - anp.dot(powers, x)) ** 2) / 2

        derivative = autograd.value_and_grad(misfit)
        return Entry(lambda: misfit(x), lambda: derivative(x), lines_of(misfit))
