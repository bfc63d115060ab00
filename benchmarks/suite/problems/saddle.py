"""GradBench's saddle: min over x of max over y of |x|² - |y|² in the plane, by gradient descent within gradient descent.

The outer descent differentiates through the inner optimisation. Each of the two derivatives is taken in forward (f) or reverse mode (r):
the sizes are the nestings, the outer mode first. `value` is one inner optimisation; `derivative` is all of it: GradBench asks for that.
(After Siskind & Pearlmutter.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of
from benchmarks.suite.problems.particle import MODES, minimize


def height(x, y):
    return np.sum(x**2) - np.sum(y**2)


def maximize(f, derivative, y):
    return minimize(lambda y: -f(y), lambda y: -derivative(y), y)


def best_reply(x, start, inner):
    """The y for which the height is largest."""
    above = lambda y: height(x, y)
    return maximize(above, inner(above), start)


def ridge(x, start, inner):
    return height(x, best_reply(x, start, inner))


def saddle(start, outer, inner):
    above = lambda x: ridge(x, start, inner)
    x = minimize(above, outer(above), start)
    return np.concatenate([x, best_reply(x, start, inner)])


SOURCE = """
#include <math.h>
static inline double height(const double *x, const double *y) { return (x[0] * x[0] + x[1] * x[1]) - (y[0] * y[0] + y[1] * y[1]); }
static void best_reply(const double *restrict x, const double *restrict start, double *restrict y) {
    y[0] = start[0]; y[1] = start[1];
    double value = -height(x, y), slope[2] = {2.0 * y[0], 2.0 * y[1]}, step = 1e-5;
    int good = 0;
    while (sqrt(slope[0] * slope[0] + slope[1] * slope[1]) > 1e-5) {
        if (good == 10) { step *= 2.0; good = 0; continue; }
        double trial[2] = {y[0] - step * slope[0], y[1] - step * slope[1]}, p = y[0] - trial[0], q = y[1] - trial[1];
        if (sqrt(p * p + q * q) <= 1e-5) break;
        double found = -height(x, trial);
        if (found < value) {
            value = found; good++;
            y[0] = trial[0]; y[1] = trial[1];
            slope[0] = 2.0 * y[0]; slope[1] = 2.0 * y[1];
        } else { step /= 2.0; good = 0; }
    }
}
double ridge(const double *restrict x, const double *restrict start) {
    double y[2];
    best_reply(x, start, y);
    return height(x, y);
}
/* by x: the reply does not depend on it, as the slopes by y do not; it is computed all the same, as the program does */
static double ridge_b(const double *restrict x, const double *restrict start, double *restrict xb) {
    xb[0] = 2.0 * x[0]; xb[1] = 2.0 * x[1];
    return ridge(x, start);
}
void saddle(const double *restrict start, double *restrict out) {
    double x[2] = {start[0], start[1]}, value = ridge(x, start), slope[2], step = 1e-5;
    int good = 0;
    ridge_b(x, start, slope);
    while (sqrt(slope[0] * slope[0] + slope[1] * slope[1]) > 1e-5) {
        if (good == 10) { step *= 2.0; good = 0; continue; }
        double trial[2] = {x[0] - step * slope[0], x[1] - step * slope[1]}, p = x[0] - trial[0], q = x[1] - trial[1];
        if (sqrt(p * p + q * q) <= 1e-5) break;
        double found = ridge(trial, start);
        if (found < value) {
            value = found; good++;
            x[0] = trial[0]; x[1] = trial[1];
            ridge_b(x, start, slope);
        } else { step /= 2.0; good = 0; }
    }
    out[0] = x[0]; out[1] = x[1];
    best_reply(x, start, out + 2);
}
"""


class Saddle(Problem):
    name, title, group = "saddle", "saddle point: descent within descent", "gradbench"
    gradient = False
    sizes = {"rr": {"modes": "rr"}, "ff": {"modes": "ff"}, "fr": {"modes": "fr"}, "rf": {"modes": "rf"}}
    exponent = 0.0
    without = {
        "torch": "GradBench has none: some 50,000 inner steps of scalar operations",
        "torch_compiled": "as PyTorch, and loops that data end",
        "autograd": "some 50,000 inner steps of scalar operations, nested",
        "casadi": "no loop that data ends",
    }

    @staticmethod
    def scale(modes):
        return 1.0

    def data(self, modes):
        return np.array([1.0, 1.0]), modes

    def wengert(self, start, modes):
        outer, inner = (MODES[mode] for mode in modes)
        value, derivative = wg.jit(lambda x: ridge(x, x, inner)), wg.jit(lambda x: saddle(x, outer, inner))
        lines = lines_of(height, minimize, maximize, best_reply, ridge, saddle)
        return Entry(lambda: value(start), lambda: derivative(start), lines)

    def c(self, start, modes):
        """By hand there is one way: the slopes in closed form."""
        program, out = Program(SOURCE), np.empty(4)
        derivative = program.bound("saddle", start, out, returns=None)
        return Entry(program.bound("ridge", start, start), lambda: (derivative(), out)[1], lines_of(SOURCE))

    def jax(self, start, modes):
        """Reverse mode passes, as the inner loop's state does not depend on what is differentiated by."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        outer, inner = ({"f": jax.jacfwd, "r": jax.grad}[mode] for mode in modes)

        def minimize(f, derivative, x):
            def go_on(state):
                _, _, slope, _, _, short = state
                return (jnp.sqrt(jnp.sum(slope**2)) > 1e-5) & ~short

            def step(state):
                x, value, slope, step, good, _ = state
                doubled = good == 10
                trial = x - step * slope
                short = ~doubled & (jnp.sqrt(jnp.sum((x - trial) ** 2)) <= 1e-5)
                found = jax.lax.cond(doubled | short, lambda: jnp.inf, lambda: f(trial))
                better = found < value
                new_slope = jax.lax.cond(better, lambda: derivative(trial), lambda: slope)
                factor = jnp.where(doubled, 2.0, jnp.where(better | short, 1.0, 0.5))
                return (
                    jnp.where(better, trial, x),
                    jnp.where(better, found, value),
                    new_slope,
                    step * factor,
                    jnp.where(better, good + 1, 0),
                    short,
                )

            return jax.lax.while_loop(go_on, step, (x, f(x), derivative(x), 1e-5, 0, False))[0]

        def height(x, y):
            return jnp.sum(x**2) - jnp.sum(y**2)

        def best_reply(x, start):
            below = lambda y: -height(x, y)
            return minimize(below, inner(below), start)

        def ridge(x, start):
            return height(x, best_reply(x, start))

        def saddle(start):
            above = lambda x: ridge(x, start)
            x = minimize(above, outer(above), start)
            return jnp.concatenate([x, best_reply(x, start)])

        theirs, value, derivative = jnp.asarray(start), jax.jit(lambda x: ridge(x, x)), jax.jit(saddle)
        lines = lines_of(minimize, height, best_reply, ridge, saddle)
        return Entry(lambda: jax.block_until_ready(value(theirs)), lambda: jax.block_until_ready(derivative(theirs)), lines)
