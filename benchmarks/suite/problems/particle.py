"""GradBench's particle: the charge's place from which a particle, moved by Euler's method, meets the origin, found by gradient descent.

Derivatives are nested: the force in each step is the gradient of the potential, and the descent takes the derivative of where the particle
lands, through a loop that runs until it does. Each of the two is taken in forward (f) or reverse mode (r): the sizes are the nestings,
the outer mode first. `value` is one flight; `derivative` is the whole descent: GradBench asks for that. (After Siskind & Pearlmutter.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of

MODES = {"f": wg.jacfwd, "r": wg.grad}


def potential(x, charges):
    total = 0.0
    for charge in charges:
        total += 1.0 / np.sqrt(np.sum((charge - x) ** 2))
    return total


def miss(w, inner):
    """How far from the origin the particle comes down, squared."""
    charges = np.array([[10.0, 10.0 - w], [10.0, 0.0]])
    x, velocity, dt = np.array([0.0, 8.0]), np.array([0.75, 0.0]), 0.1
    while True:
        acceleration = -inner(potential)(x, charges)
        x = x + dt * velocity
        if x[1] <= 0.0:
            landing = x - x[1] / velocity[1] * velocity
            return landing[0] ** 2
        velocity = velocity + dt * acceleration


def minimize(f, derivative, x):
    """Gradient descent; the step is doubled after ten that went well, halved after one that did not."""
    value, slope, step, good = f(x), derivative(x), 1e-5, 0
    while np.sqrt(np.sum(slope**2)) > 1e-5:
        if good == 10:
            step, good = 2.0 * step, 0
            continue
        trial = x - step * slope
        if np.sqrt(np.sum((x - trial) ** 2)) <= 1e-5:
            break
        found = f(trial)
        if found < value:
            x, value, slope, good = trial, found, derivative(trial), good + 1
        else:
            step, good = step / 2.0, 0
    return x


def particle(w, outer, inner):
    flight = lambda w: miss(w, inner)
    return minimize(flight, outer(flight), w)


SOURCE = """
#include <math.h>
/* the miss, and its derivative by w where wanted: the tangents of the flight beside it */
static inline double flight(double w, int wanted, double *restrict derivative) {
    double cy[2] = {10.0 - w, 0.0}, cyd[2] = {-1.0, 0.0}, x = 0.0, y = 8.0, u = 0.75, v = 0.0, dt = 0.1;
    double xd = 0.0, yd = 0.0, ud = 0.0, vd = 0.0;
    for (;;) {
        double ax = 0.0, ay = 0.0, axd = 0.0, ayd = 0.0;
        for (int k = 0; k < 2; k++) {
            double p = 10.0 - x, q = cy[k] - y, r2 = p * p + q * q, cube = 1.0 / (r2 * sqrt(r2));
            ax -= p * cube;
            ay -= q * cube;
            if (wanted) {
                double pd = -xd, qd = cyd[k] - yd, cubed = -3.0 * cube / r2 * (p * pd + q * qd);
                axd -= pd * cube + p * cubed;
                ayd -= qd * cube + q * cubed;
            }
        }
        x += dt * u; y += dt * v;
        if (wanted) { xd += dt * ud; yd += dt * vd; }
        if (y <= 0.0) {
            double t = -y / v, landing = x + t * u;
            if (wanted) *derivative = 2.0 * landing * (xd + (-yd - t * vd) / v * u + t * ud);
            return landing * landing;
        }
        u += dt * ax; v += dt * ay;
        if (wanted) { ud += dt * axd; vd += dt * ayd; }
    }
}
double miss(double w) { return flight(w, 0, 0); }
double descent(double x) {
    double value = flight(x, 0, 0), slope, step = 1e-5;
    int good = 0;
    flight(x, 1, &slope);
    while (fabs(slope) > 1e-5) {
        if (good == 10) { step *= 2.0; good = 0; continue; }
        double trial = x - step * slope;
        if (fabs(x - trial) <= 1e-5) break;
        double found = flight(trial, 0, 0);
        if (found < value) {
            x = trial; value = found; good++;
            flight(x, 1, &slope);
        } else { step /= 2.0; good = 0; }
    }
    return x;
}
"""


class Particle(Problem):
    name, title, group = "particle", "particle in a field: nested derivatives", "gradbench"
    gradient = False
    sizes = {"rr": {"modes": "rr"}, "ff": {"modes": "ff"}, "fr": {"modes": "fr"}, "rf": {"modes": "rf"}}
    exponent = 0.0
    without = {
        "torch": "GradBench has none: some 60,000 Euler steps of scalar operations",
        "torch_compiled": "as PyTorch, and a loop that data ends",
        "autograd": "some 60,000 Euler steps of scalar operations, nested",
        "casadi": "no loop that data ends",
    }

    @staticmethod
    def scale(modes):
        return 1.0

    def data(self, modes):
        return 0.0, modes

    def wengert(self, w, modes):
        outer, inner = (MODES[mode] for mode in modes)
        value, derivative = wg.jit(lambda w: miss(w, inner)), wg.jit(lambda w: particle(w, outer, inner))
        return Entry(lambda: value(w), lambda: derivative(w), lines_of(potential, miss, minimize, particle))

    def c(self, w, modes):
        """By hand there is one way: the force in closed form, the tangent beside the flight."""
        program = Program(SOURCE)
        return Entry(program.bound("miss", w), program.bound("descent", w), lines_of(SOURCE))

    def jax(self, w, modes):
        if modes[0] == "r":
            raise NotImplementedError("JAX has no reverse mode through a loop that data ends")
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        inner = {"f": jax.jacfwd, "r": jax.grad}[modes[1]]

        def potential(x, charges):
            return jnp.sum(1.0 / jnp.sqrt(jnp.sum((charges - x) ** 2, axis=1)))

        def miss(w):
            charges = jnp.array([[10.0, 10.0], [10.0, 0.0]]) - jnp.array([[0.0, 1.0], [0.0, 0.0]]) * w

            def step(state):
                x, velocity, _ = state
                moved = x + 0.1 * velocity
                return moved, velocity - 0.1 * inner(potential)(x, charges), velocity

            start = jnp.array([0.0, 8.0]), jnp.array([0.75, 0.0]), jnp.array([0.75, 0.0])
            x, _, velocity = jax.lax.while_loop(lambda state: state[0][1] > 0.0, step, start)
            return (x - x[1] / velocity[1] * velocity)[0] ** 2

        def descent(w):
            slope_at = jax.jacfwd(miss)

            def go_on(state):
                _, _, slope, _, _, short = state
                return (jnp.abs(slope) > 1e-5) & ~short

            def step(state):
                x, value, slope, step, good, _ = state
                doubled = good == 10
                trial = x - step * slope
                short = ~doubled & (jnp.abs(x - trial) <= 1e-5)
                found = jax.lax.cond(doubled | short, lambda: jnp.inf, lambda: miss(trial))
                better = found < value
                new_slope = jax.lax.cond(better, lambda: slope_at(trial), lambda: slope)
                factor = jnp.where(doubled, 2.0, jnp.where(better | short, 1.0, 0.5))
                return (
                    jnp.where(better, trial, x),
                    jnp.where(better, found, value),
                    new_slope,
                    step * factor,
                    jnp.where(better, good + 1, 0),
                    short,
                )

            return jax.lax.while_loop(go_on, step, (w, miss(w), slope_at(w), 1e-5, 0, False))[0]

        x, value, derivative = jnp.asarray(w), jax.jit(miss), jax.jit(descent)
        lines = lines_of(potential, miss, descent)
        return Entry(lambda: jax.block_until_ready(value(x)), lambda: jax.block_until_ready(derivative(x)), lines)
