"""Likelihood of a stochastic-volatility model by a particle filter, noise and resampling indices fixed; its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def likelihood(parameters, returns, noise, ancestors):
    level, persistence, spread = parameters
    x = level + spread / np.sqrt(1.0 - persistence**2) * noise[0]
    total = 0.0
    for t in range(len(returns)):
        logs = -0.5 * (np.log(2.0 * np.pi) + x + returns[t] ** 2 * np.exp(-x))
        most = np.max(logs)
        total += most + np.log(np.mean(np.exp(logs - most)))
        x = level + persistence * (x[ancestors[t]] - level) + spread * noise[t + 1]
    return total


SOURCE = """
#include <math.h>
#define LOG2PI 1.8378770664093454836

/* x, y: n doubles each */
double value(long steps, long n, const double *restrict p, const double *restrict returns, const double *restrict noise,
             const long *restrict ancestors, double *x, double *y) {
    double level = p[0], phi = p[1], spread = p[2], first = spread / sqrt(1.0 - phi * phi), total = 0.0;
    for (long i = 0; i < n; i++)
        x[i] = level + first * noise[i];
    for (long t = 0; t < steps; t++) {
        double square = returns[t] * returns[t], most = -INFINITY, sum = 0.0;
        double *restrict logs = y;
        for (long i = 0; i < n; i++) {
            logs[i] = -0.5 * (LOG2PI + x[i] + square * exp(-x[i]));
            most = logs[i] > most ? logs[i] : most;
        }
        for (long i = 0; i < n; i++)
            sum += exp(logs[i] - most);
        total += most + log(sum / n);
        for (long i = 0; i < n; i++)
            y[i] = level + phi * (x[ancestors[t * n + i]] - level) + spread * noise[(t + 1) * n + i];
        double *swap = x;
        x = y;
        y = swap;
    }
    return total;
}

/* all, slopes: (steps + 1) n doubles each: the particles, and by how much the likelihood grows with each; y, z: n */
double derivative(long steps, long n, const double *restrict p, const double *restrict returns, const double *restrict noise,
                  const long *restrict ancestors, double *y, double *z, double *restrict all, double *restrict slopes,
                  double *restrict g) {
    double level = p[0], phi = p[1], spread = p[2], root = sqrt(1.0 - phi * phi), first = spread / root, total = 0.0;
    for (long i = 0; i < n; i++)
        all[i] = level + first * noise[i];
    for (long t = 0; t < steps; t++) {
        double square = returns[t] * returns[t], most = -INFINITY, sum = 0.0;
        const double *restrict x = all + t * n;
        double *restrict slope = slopes + t * n, *restrict next = all + (t + 1) * n;
        for (long i = 0; i < n; i++) {
            double e = square * exp(-x[i]);
            slope[i] = -0.5 * (1.0 - e);
            y[i] = -0.5 * (LOG2PI + x[i] + e);
            most = y[i] > most ? y[i] : most;
        }
        for (long i = 0; i < n; i++) {
            y[i] = exp(y[i] - most);
            sum += y[i];
        }
        for (long i = 0; i < n; i++)
            slope[i] *= y[i] / sum;
        total += most + log(sum / n);
        for (long i = 0; i < n; i++)
            next[i] = level + phi * (x[ancestors[t * n + i]] - level) + spread * noise[(t + 1) * n + i];
    }
    double *ct = y, *before = z, g_level = 0.0, g_phi = 0.0, g_spread = 0.0;
    for (long i = 0; i < n; i++)
        ct[i] = 0.0;
    for (long t = steps - 1; t >= 0; t--) {
        const double *restrict x = all + t * n;
        for (long i = 0; i < n; i++)
            before[i] = slopes[t * n + i];
        for (long i = 0; i < n; i++) {
            long j = ancestors[t * n + i];
            g_level += ct[i];
            g_phi += ct[i] * (x[j] - level);
            g_spread += ct[i] * noise[(t + 1) * n + i];
            before[j] += phi * ct[i];
        }
        double *swap = ct;
        ct = before;
        before = swap;
    }
    g_level *= 1.0 - phi;
    for (long i = 0; i < n; i++) {
        g_level += ct[i];
        g_spread += ct[i] * noise[i] / root;
        g_phi += ct[i] * noise[i] * spread * phi / (root * root * root);
    }
    g[0] = g_level;
    g[1] = g_phi;
    g[2] = g_spread;
    return total;
}
"""


class ParticleFilter(Problem):
    name = "particle_filter"
    title = "particle filter, fixed resampling"
    group = "loops"
    sizes = {"10x20": {"steps": 10, "count": 20}, "100x100": {"steps": 100, "count": 100}, "200x1000": {"steps": 200, "count": 1000}}
    scale = staticmethod(lambda steps, count: steps * count)
    without = {
        "torch_compiled": "not tried: it writes the loop out",
        "casadi": "not written",
    }

    def data(self, steps: int, count: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        ancestors = np.sort(rng.integers(0, count, size=(steps, count)), axis=1)
        return np.array([-0.5, 0.95, 0.25]), 0.8 * rng.normal(size=steps), rng.normal(size=(steps + 1, count)), ancestors

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(likelihood, data, 0)

    def c(self, parameters: Any, returns: Any, noise: Any, ancestors: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, (steps, n), g = Program(SOURCE), ancestors.shape, np.empty(3)
        arguments = (steps, n, parameters, returns, noise, ancestors, np.empty(n), np.empty(n))
        value = program.bound("value", *arguments)
        derivative = program.bound("derivative", *arguments, np.empty(noise.shape), np.empty(noise.shape), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def likelihood(parameters, returns, noise, ancestors):
            level, persistence, spread = parameters

            def step(x, given):
                y, noise, ancestors = given
                logs = -0.5 * (jnp.log(2.0 * jnp.pi) + x + y**2 * jnp.exp(-x))
                moved = level + persistence * (x[ancestors] - level) + spread * noise
                return moved, jax.nn.logsumexp(logs) - jnp.log(len(x))

            x = level + spread / jnp.sqrt(1.0 - persistence**2) * noise[0]
            return jnp.sum(jax.lax.scan(step, x, (returns, noise[1:], ancestors))[1])

        return idiom.jax(likelihood, data, 0)

    def torch(self, *data: Any) -> Entry:
        import torch

        def likelihood(parameters, returns, noise, ancestors):
            level, persistence, spread = parameters
            x = level + spread / torch.sqrt(1.0 - persistence**2) * noise[0]
            total = 0.0
            for t in range(len(returns)):
                logs = -0.5 * (np.log(2.0 * np.pi) + x + returns[t] ** 2 * torch.exp(-x))
                total = total + torch.logsumexp(logs, 0) - np.log(len(x))
                x = level + persistence * (x[ancestors[t]] - level) + spread * noise[t + 1]
            return total

        return idiom.torch(likelihood, data, 0)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp
        from autograd.scipy.special import logsumexp

        def likelihood(parameters, returns, noise, ancestors):
            level, persistence, spread = parameters
            x = level + spread / anp.sqrt(1.0 - persistence**2) * noise[0]
            total = 0.0
            for t in range(len(returns)):
                logs = -0.5 * (anp.log(2.0 * anp.pi) + x + returns[t] ** 2 * anp.exp(-x))
                total = total + logsumexp(logs) - anp.log(len(x))
                x = level + persistence * (x[ancestors[t]] - level) + spread * noise[t + 1]
            return total

        return idiom.autograd(likelihood, data, 0)
