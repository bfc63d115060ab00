"""GradBench's hello: the square of a number and its derivative: what a call costs."""

from __future__ import annotations

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def square(x):
    return x * x


SOURCE = """
double square(double x) { return x * x; }
double square_b(double x, double *restrict xb) { *xb = 2.0 * x; return x * x; }
"""


class Hello(Problem):
    name, title, group = "hello", "the square of a number", "gradbench"
    sizes = {"1": {}}
    without = {"torch_compiled": "nothing to compile: one multiplication"}

    @staticmethod
    def scale():
        return 1.0

    def data(self):
        return (3.0,)

    def wengert(self, x):
        value, derivative = wg.jit(square), wg.jit(wg.value_and_grad(square))
        return Entry(lambda: value(x), lambda: derivative(x), lines_of(square))

    def c(self, x):
        import numpy as np

        program, gradient = Program(SOURCE), np.empty(())
        value, derivative = program.bound("square", x), program.bound("square_b", x, gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, x):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        x, value, derivative = jnp.asarray(x), jax.jit(square), jax.jit(jax.value_and_grad(square))
        return Entry(lambda: jax.block_until_ready(value(x)), lambda: jax.block_until_ready(derivative(x)), lines_of(square))

    def torch(self, x):
        import torch

        x = torch.tensor(x, dtype=torch.float64, requires_grad=True)

        def derivative():
            y = square(x)
            return y.detach(), *torch.autograd.grad(y, x)

        return Entry(lambda: square(x.detach()), derivative, lines_of(square, derivative))

    def autograd(self, x):
        import autograd

        derivative = autograd.value_and_grad(square)
        return Entry(lambda: square(x), lambda: derivative(x), lines_of(square))

    def casadi(self, x):
        import casadi

        s = casadi.SX.sym("x")
        value = casadi.Function("f", [s], [square(s)])
        derivative = casadi.Function("g", [s], [square(s), casadi.gradient(square(s), s)])
        return Entry(lambda: float(value(x)), lambda: [float(out) for out in derivative(x)], lines_of(square))
