"""GradBench's ode: y₀' = x₀, yᵢ' = xᵢ·yᵢ₋₁ from zero to time 2 by s steps of Runge and Kutta, and the gradient of the last element.

A step carries information four places on, so the last element and its gradient are zero unless n ≤ 4·s: GradBench's sizes check nothing.
The first size here is there for the check. (After cmpad by B. Bell.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def slope(x, y):
    z = np.empty_like(y)
    z[0] = x[0]
    z[1:] = x[1:] * y[:-1]
    return z


def ode(x, s):
    y, h = np.zeros_like(x), 2.0 / s
    for _ in range(s):
        k1 = slope(x, y)
        k2 = slope(x, y + h / 2.0 * k1)
        k3 = slope(x, y + h / 2.0 * k2)
        k4 = slope(x, y + h * k3)
        y += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y


def last(x, s):
    return ode(x, s)[-1]


SOURCE = """
#include <string.h>
static inline void slope(long n, const double *restrict x, const double *restrict y, double *restrict z) {
    z[0] = x[0];
    for (long i = 1; i < n; i++) z[i] = x[i] * y[i - 1];
}
/* the stages' arguments y, u = y + h/2 k1, v = y + h/2 k2, w = y + h k3 are the tape: 4 n a step */
static void stages(long n, const double *restrict x, double h, const double *restrict y, double *restrict u, double *restrict v,
                   double *restrict w, double *restrict next) {
    double k1, k2, k3, k4;
    u[0] = v[0] = y[0] + h / 2 * x[0];
    w[0] = next[0] = y[0] + h * x[0];
    for (long i = 1; i < n; i++) {
        k1 = x[i] * y[i - 1];
        k2 = x[i] * u[i - 1];
        k3 = x[i] * v[i - 1];
        k4 = x[i] * w[i - 1];
        u[i] = y[i] + h / 2 * k1;
        v[i] = y[i] + h / 2 * k2;
        w[i] = y[i] + h * k3;
        next[i] = y[i] + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
}
void value(long n, long s, const double *restrict x, double *restrict work, double *restrict y) {
    double h = 2.0 / s, *next = work + 3 * n, *now = work + 4 * n;
    memset(now, 0, n * sizeof(double));
    for (long t = 0; t < s; t++) {
        stages(n, x, h, now, work, work + n, work + 2 * n, next);
        double *swap = now; now = next; next = swap;
    }
    memcpy(y, now, n * sizeof(double));
}
double gradient(long n, long s, const double *restrict x, double *restrict tape, double *restrict xb) {
    double h = 2.0 / s, *yb = tape + (4 * s + 1) * n;
    memset(tape, 0, n * sizeof(double));
    for (long t = 0; t < s; t++) {
        double *y = tape + 4 * t * n;
        stages(n, x, h, y, y + n, y + 2 * n, y + 3 * n, y + 4 * n);
    }
    double result = tape[4 * s * n + n - 1];
    memset(yb, 0, n * sizeof(double));
    memset(xb, 0, n * sizeof(double));
    yb[n - 1] = 1.0;
    for (long t = s - 1; t >= 0; t--) {
        const double *restrict y = tape + 4 * t * n, *restrict u = y + n, *restrict v = u + n, *restrict w = v + n;
        /* from the last place to the first, as each stage's argument is read one place on */
        double un = 0.0, vn = 0.0, wn = 0.0, yn = 0.0;
        for (long i = n - 1; i > 0; i--) {
            double b4 = h / 6 * yb[i], b3 = h / 3 * yb[i] + h * wn, b2 = h / 3 * yb[i] + h / 2 * vn, b1 = h / 6 * yb[i] + h / 2 * un;
            double total = yb[i] + un + vn + wn + yn;
            xb[i] += b1 * y[i - 1] + b2 * u[i - 1] + b3 * v[i - 1] + b4 * w[i - 1];
            yb[i] = total;
            yn = b1 * x[i]; un = b2 * x[i]; vn = b3 * x[i]; wn = b4 * x[i];
        }
        xb[0] += h * yb[0] + h / 2 * un + h / 2 * vn + h * wn;
        yb[0] += un + vn + wn + yn;
    }
    return result;
}
"""


class Ode(Problem):
    name, title, group = "ode", "Runge-Kutta steps of a long vector", "gradbench"
    sizes = {
        "20,10": {"n": 20, "s": 10},
        "1000,10": {"n": 1000, "s": 10},
        "10000,100": {"n": 10000, "s": 100},
        "100000,100": {"n": 100000, "s": 100},
    }
    without = {
        "torch": "GradBench has none for PyTorch",
        "torch_compiled": "GradBench has none for PyTorch",
        "autograd": "no assignment to elements; some 20 operations a step, each with arrays of its own",
    }

    @staticmethod
    def scale(n, s):
        return float(n * s)

    def data(self, n, s):
        return np.random.default_rng(31337).random(n), s

    def wengert(self, x, s):
        value, derivative = wg.jit(lambda x: ode(x, s)), wg.jit(wg.value_and_grad(lambda x: last(x, s)))
        return Entry(lambda: value(x), lambda: derivative(x), lines_of(slope, ode, last))

    def c(self, x, s):
        program, n, y, gradient = Program(SOURCE), len(x), np.empty_like(x), np.empty_like(x)
        value = program.bound("value", n, s, x, np.empty(5 * n), y, returns=None)
        derivative = program.bound("gradient", n, s, x, np.empty((4 * s + 2) * n), gradient)
        return Entry(lambda: (value(), y)[1], lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, x, s):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def slope(x, y):
            return jnp.concatenate([x[:1], x[1:] * y[:-1]])

        def ode(x):
            h = 2.0 / s

            def step(y, _):
                k1 = slope(x, y)
                k2 = slope(x, y + h / 2.0 * k1)
                k3 = slope(x, y + h / 2.0 * k2)
                k4 = slope(x, y + h * k3)
                return y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

            return jax.lax.scan(step, jnp.zeros_like(x), None, length=s)[0]

        x, value, derivative = jnp.asarray(x), jax.jit(ode), jax.jit(jax.value_and_grad(lambda x: ode(x)[-1]))
        return Entry(lambda: jax.block_until_ready(value(x)), lambda: jax.block_until_ready(derivative(x)), lines_of(slope, ode))

    def casadi(self, x, s):
        """A step as a function, folded."""
        import casadi

        n, h = len(x), 2.0 / s
        X, y = casadi.SX.sym("x", n), casadi.SX.sym("y", n)
        slope = lambda y: casadi.vertcat(X[0], X[1:] * y[:-1])
        k1 = slope(y)
        k2 = slope(y + h / 2.0 * k1)
        k3 = slope(y + h / 2.0 * k2)
        k4 = slope(y + h * k3)
        step = casadi.Function("step", [y, X], [y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)])
        P = casadi.MX.sym("x", n)
        final = step.fold(s)(casadi.MX.zeros(n), casadi.repmat(P, 1, s))
        value = casadi.Function("f", [P], [final])
        derivative = casadi.Function("g", [P], [final[-1], casadi.gradient(final[-1], P)])
        given = casadi.DM(x)

        def gradient():
            result, by_x = derivative(given)
            return float(result), np.asarray(by_x).ravel()

        return Entry(lambda: np.asarray(value(given)).ravel(), gradient, 14)
