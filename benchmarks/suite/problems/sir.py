"""An SIR epidemic stepped by Euler's method, for many parameter sets at once by `vmap`; each one's misfit and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite.problem import Entry, Problem, lines_of


def misfit(rates, observed):
    contact, recovery = rates
    s, i, total = 0.99, 0.01, 0.0
    for infected in observed:
        infections, recoveries = 0.5 * contact * s * i, 0.5 * recovery * i
        s = s - infections
        i = i + infections - recoveries
        total = total + (i - infected) ** 2
    return total


SOURCE = """
#define LANES 8
/* rates: (sets, 2); LANES parameter sets side by side, so that the compiler uses vectors */
void value(long sets, long steps, const double *restrict rates, const double *restrict observed, double *restrict out) {
    for (long k = 0; k < sets; k += LANES) {
        double b[LANES], c[LANES], s[LANES], i[LANES], total[LANES];
        for (long l = 0; l < LANES; l++) {
            long set = k + l < sets ? k + l : sets - 1;
            b[l] = 0.5 * rates[2 * set];
            c[l] = 0.5 * rates[2 * set + 1];
            s[l] = 0.99;
            i[l] = 0.01;
            total[l] = 0.0;
        }
        for (long t = 0; t < steps; t++)
            for (long l = 0; l < LANES; l++) {
                double infections = b[l] * s[l] * i[l];
                s[l] -= infections;
                i[l] += infections - c[l] * i[l];
                total[l] += (i[l] - observed[t]) * (i[l] - observed[t]);
            }
        for (long l = 0; l < LANES && k + l < sets; l++)
            out[k + l] = total[l];
    }
}

/* all: 2 LANES (steps + 1) doubles, s and i of every step */
void derivative(long sets, long steps, const double *restrict rates, const double *restrict observed, double *restrict out,
                double *restrict all, double *restrict g) {
    for (long k = 0; k < sets; k += LANES) {
        double b[LANES], c[LANES], total[LANES], gb[LANES], gc[LANES], cs[LANES], ci[LANES];
        for (long l = 0; l < LANES; l++) {
            long set = k + l < sets ? k + l : sets - 1;
            b[l] = 0.5 * rates[2 * set];
            c[l] = 0.5 * rates[2 * set + 1];
            all[l] = 0.99;
            all[LANES + l] = 0.01;
            total[l] = gb[l] = gc[l] = cs[l] = ci[l] = 0.0;
        }
        for (long t = 0; t < steps; t++) {
            const double *restrict now = all + 2 * LANES * t;
            double *restrict next = all + 2 * LANES * (t + 1);
            for (long l = 0; l < LANES; l++) {
                double s = now[l], i = now[LANES + l], infections = b[l] * s * i;
                next[l] = s - infections;
                next[LANES + l] = i += infections - c[l] * i;
                total[l] += (i - observed[t]) * (i - observed[t]);
            }
        }
        for (long t = steps - 1; t >= 0; t--) {
            const double *restrict now = all + 2 * LANES * t, *restrict next = now + 2 * LANES;
            for (long l = 0; l < LANES; l++) {
                double s = now[l], i = now[LANES + l];
                double at_i = ci[l] + 2.0 * (next[LANES + l] - observed[t]), infections = at_i - cs[l];
                gb[l] += infections * s * i;
                gc[l] -= at_i * i;
                cs[l] += infections * b[l] * i;
                ci[l] = at_i * (1.0 - c[l]) + infections * b[l] * s;
            }
        }
        for (long l = 0; l < LANES && k + l < sets; l++) {
            out[k + l] = total[l];
            g[2 * (k + l)] = 0.5 * gb[l];
            g[2 * (k + l) + 1] = 0.5 * gc[l];
        }
    }
}
"""


class SIR(Problem):
    name = "sir"
    title = "SIR epidemic under vmap"
    group = "loops"
    sizes = {"20x40": {"sets": 20, "steps": 40}, "200x100": {"sets": 200, "steps": 100}, "2000x100": {"sets": 2000, "steps": 100}}
    scale = staticmethod(lambda sets, steps: sets * steps)
    without = {"torch_compiled": "not tried: it writes the loop out", "casadi": "not written"}

    def data(self, sets: int, steps: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        rates = np.stack((rng.uniform(0.2, 0.6, size=sets), rng.uniform(0.05, 0.2, size=sets)), axis=1)
        return rates, 0.01 * np.exp(-(((np.arange(steps) - 0.4 * steps) / (0.2 * steps)) ** 2))

    def wengert(self, rates: Any, observed: Any) -> Entry:
        import wengert as wg

        value = wg.jit(wg.vmap(misfit, in_axes=(0, None)))
        derivative = wg.jit(wg.vmap(wg.value_and_grad(misfit), in_axes=(0, None)))
        return Entry(lambda: value(rates, observed), lambda: derivative(rates, observed), lines_of(misfit) + 1)

    def c(self, rates: Any, observed: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, (sets, steps), out, g = Program(SOURCE), (len(rates), len(observed)), np.empty(len(rates)), np.empty(rates.shape)
        value = program.bound("value", sets, steps, rates, observed, out, returns=None)
        derivative = program.bound("derivative", sets, steps, rates, observed, out, np.empty((steps + 1, 16)), g, returns=None)
        return Entry(lambda: (value(), out)[1], lambda: (derivative(), (out, g))[1], lines_of(SOURCE))

    def jax(self, rates: Any, observed: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def misfit(rates, observed):
            contact, recovery = rates

            def step(state, infected):
                s, i, total = state
                infections, recoveries = 0.5 * contact * s * i, 0.5 * recovery * i
                s, i = s - infections, i + infections - recoveries
                return (s, i, total + (i - infected) ** 2), None

            return jax.lax.scan(step, (0.99, 0.01, 0.0), observed)[0][2]

        value = jax.jit(jax.vmap(misfit, (0, None)))
        derivative = jax.jit(jax.vmap(jax.value_and_grad(misfit), (0, None)))
        rates, observed = jnp.asarray(rates), jnp.asarray(observed)
        return Entry(
            lambda: jax.block_until_ready(value(rates, observed)),
            lambda: jax.block_until_ready(derivative(rates, observed)),
            lines_of(misfit) + 1,
        )

    def torch(self, rates: Any, observed: Any) -> Entry:
        import torch

        rates, observed = torch.from_numpy(rates).requires_grad_(), observed.tolist()

        def misfit(rates, observed):
            contact, recovery = rates.T
            s, i = torch.full_like(contact, 0.99), torch.full_like(contact, 0.01)
            total = torch.zeros_like(contact)
            for infected in observed:
                infections, recoveries = 0.5 * contact * s * i, 0.5 * recovery * i
                s, i = s - infections, i + infections - recoveries
                total = total + (i - infected) ** 2
            return total

        def value():
            with torch.no_grad():
                return misfit(rates, observed)

        def derivative():
            total = misfit(rates, observed)
            return total.detach(), torch.autograd.grad(total.sum(), rates)[0]

        return Entry(value, derivative, lines_of(misfit, derivative))

    def autograd(self, rates: Any, observed: Any) -> Entry:
        import autograd.numpy as anp
        from autograd import make_vjp

        def misfit(rates, observed):
            contact, recovery = rates[:, 0], rates[:, 1]
            s, i, total = 0.99, 0.01, 0.0
            for infected in observed:
                infections, recoveries = 0.5 * contact * s * i, 0.5 * recovery * i
                s, i = s - infections, i + infections - recoveries
                total = total + (i - infected) ** 2
            return total

        def derivative():
            vjp, total = make_vjp(misfit)(rates, observed)
            return total, vjp(anp.ones(len(rates)))

        return Entry(lambda: misfit(rates, observed), derivative, lines_of(misfit, derivative))
