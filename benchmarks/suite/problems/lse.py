"""GradBench's lse: log(sum(exp(x))), the largest element taken out first, and its gradient."""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def lse(x):
    largest = np.max(x)
    return largest + np.log(np.sum(np.exp(x - largest)))


SOURCE = """
#include <math.h>
static double largest(long n, const double *restrict x) {
    double a = x[0];
    for (long i = 1; i < n; i++) a = x[i] > a ? x[i] : a;
    return a;
}
double value(long n, const double *restrict x) {
    double a = largest(n, x), sum = 0.0;
    for (long i = 0; i < n; i++) sum += exp(x[i] - a);
    return a + log(sum);
}
double gradient(long n, const double *restrict x, double *restrict g) {
    double a = largest(n, x), sum = 0.0;
    for (long i = 0; i < n; i++) sum += g[i] = exp(x[i] - a);
    double scale = 1.0 / sum;
    for (long i = 0; i < n; i++) g[i] *= scale;
    return a + log(sum);
}
"""


class Lse(Problem):
    name, title, group = "lse", "log-sum-exp", "gradbench"
    sizes = {"2500": {"n": 2500}, "80000": {"n": 80000}, "1280000": {"n": 1280000}}
    without = {"casadi": "an elementwise function of a long vector: its graphs are of scalars"}

    @staticmethod
    def scale(n):
        return float(n)

    def data(self, n):
        return (np.random.default_rng(31337).random(n),)

    def wengert(self, x):
        value, derivative = wg.jit(lse), wg.jit(wg.value_and_grad(lse))
        return Entry(lambda: value(x), lambda: derivative(x), lines_of(lse))

    def c(self, x):
        program, gradient = Program(SOURCE), np.empty_like(x)
        value, derivative = program.bound("value", len(x), x), program.bound("gradient", len(x), x, gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, x):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def f(x):
            largest = jnp.max(x)
            return largest + jnp.log(jnp.sum(jnp.exp(x - largest)))

        x, value, derivative = jnp.asarray(x), jax.jit(f), jax.jit(jax.value_and_grad(f))
        return Entry(lambda: jax.block_until_ready(value(x)), lambda: jax.block_until_ready(derivative(x)), lines_of(f))

    def torch(self, x, compiled=False):
        import torch

        def f(x):
            largest = torch.max(x)
            return largest + torch.log(torch.sum(torch.exp(x - largest)))

        run = torch.compile(f) if compiled else f
        x, fixed = torch.tensor(x, requires_grad=True), torch.tensor(x)

        def derivative():
            y = run(x)
            return y.detach(), *torch.autograd.grad(y, x)

        return Entry(lambda: run(fixed), derivative, lines_of(f, derivative))

    def torch_compiled(self, x):
        return self.torch(x, compiled=True)

    def autograd(self, x):
        import autograd
        import autograd.numpy as anp

        def f(x):
            largest = anp.max(x)
            return largest + anp.log(anp.sum(anp.exp(x - largest)))

        derivative = autograd.value_and_grad(f)
        return Entry(lambda: f(x), lambda: derivative(x), lines_of(f))
