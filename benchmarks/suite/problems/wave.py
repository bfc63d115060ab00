"""The wave equation in one dimension by leapfrog, in place; the gradient of a misfit with respect to the speed at every point."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def misfit(speed, start, target, steps):
    r = (0.5 * speed[1:-1]) ** 2
    before, u = start.copy(), start.copy()
    for _ in range(steps):
        before[1:-1] = 2.0 * u[1:-1] - before[1:-1] + r * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        before, u = u, before
    return 0.5 * np.sum((u - target) ** 2)


SOURCE = """
#include <string.h>
/* two: scratch memory of 2 n doubles */
double value(long n, long steps, const double *restrict speed, const double *restrict start, const double *restrict target,
             double *restrict r, double *restrict two) {
    double *before = two, *u = two + n, total = 0.0;
    for (long i = 0; i < n; i++)
        r[i] = 0.25 * speed[i] * speed[i];
    memcpy(before, start, n * sizeof(double));
    memcpy(u, start, n * sizeof(double));
    for (long t = 0; t < steps; t++) {
        double *restrict w = before, *restrict v = u;
        for (long i = 1; i < n - 1; i++)
            w[i] = 2.0 * v[i] - w[i] + r[i] * (v[i + 1] - 2.0 * v[i] + v[i - 1]);
        before = v;
        u = w;
    }
    for (long i = 0; i < n; i++)
        total += (u[i] - target[i]) * (u[i] - target[i]);
    return 0.5 * total;
}

/* all: (steps + 2) n doubles, the state of every step; two: the cotangents of the last two */
double derivative(long n, long steps, const double *restrict speed, const double *restrict start, const double *restrict target,
                  double *restrict r, double *restrict two, double *restrict all, double *restrict g) {
    double total = 0.0;
    for (long i = 0; i < n; i++)
        r[i] = 0.25 * speed[i] * speed[i];
    memcpy(all, start, n * sizeof(double));
    memcpy(all + n, start, n * sizeof(double));
    for (long t = 0; t < steps; t++) {
        const double *restrict p = all + t * n, *restrict v = p + n;
        double *restrict w = all + (t + 2) * n;
        w[0] = p[0];
        w[n - 1] = p[n - 1];
        for (long i = 1; i < n - 1; i++)
            w[i] = 2.0 * v[i] - p[i] + r[i] * (v[i + 1] - 2.0 * v[i] + v[i - 1]);
    }
    const double *u = all + (steps + 1) * n;
    double *ct_u = two, *ct_before = two + n; /* of the newest state, and of the one before */
    for (long i = 0; i < n; i++) {
        double e = u[i] - target[i];
        total += e * e;
        ct_u[i] = e;
        ct_before[i] = g[i] = 0.0;
    }
    for (long t = steps - 1; t >= 0; t--) {
        const double *restrict v = all + (t + 1) * n;
        double *restrict w = ct_u, *restrict b = ct_before;
        for (long i = 1; i < n - 1; i++)
            g[i] += w[i] * (v[i + 1] - 2.0 * v[i] + v[i - 1]);
        /* w -> v: 2 w + Laplacian of r w; w -> p: -w */
        b[0] += r[1] * w[1];
        b[1] += 2.0 * w[1] * (1.0 - r[1]) + r[2] * w[2];
        for (long i = 2; i < n - 2; i++)
            b[i] += 2.0 * w[i] * (1.0 - r[i]) + r[i - 1] * w[i - 1] + r[i + 1] * w[i + 1];
        b[n - 2] += 2.0 * w[n - 2] * (1.0 - r[n - 2]) + r[n - 3] * w[n - 3];
        b[n - 1] += r[n - 2] * w[n - 2];
        for (long i = 1; i < n - 1; i++)
            w[i] = -w[i];
        ct_u = b;
        ct_before = w;
    }
    for (long i = 1; i < n - 1; i++)
        g[i] *= 0.5 * speed[i];
    return 0.5 * total;
}
"""


class Wave(Problem):
    name = "wave"
    title = "wave equation, leapfrog in place"
    group = "loops"
    sizes = {"30x50": {"n": 30, "steps": 50}, "200x200": {"n": 200, "steps": 200}, "1000x1000": {"n": 1000, "steps": 1000}}
    scale = staticmethod(lambda n, steps: n * steps)
    without = {
        "torch_compiled": "not tried: it writes the loop out",
        "casadi": "not written",
    }

    def data(self, n: int, steps: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        x = np.linspace(0.0, 1.0, n)
        start = np.exp(-(((x - 0.4) / 0.1) ** 2))
        start[0] = start[-1] = 0.0
        return 1.0 + 0.5 * rng.random(n), start, 0.1 * rng.normal(size=n), steps

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(misfit, data, 0)

    def c(self, speed: Any, start: Any, target: Any, steps: int) -> Entry:
        from benchmarks.suite.c import Program

        program, n, g = Program(SOURCE), len(speed), np.empty(len(speed))
        arguments = (n, steps, speed, start, target, np.empty(n), np.empty(2 * n))
        value, derivative = program.bound("value", *arguments), program.bound("derivative", *arguments, np.empty((steps + 2, n)), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, speed: Any, start: Any, target: Any, steps: int) -> Entry:
        import jax
        import jax.numpy as jnp

        def misfit(speed, start, target):
            r = (0.5 * speed[1:-1]) ** 2

            def step(state, _):
                before, u = state
                after = 2.0 * u[1:-1] - before[1:-1] + r * (u[2:] - 2.0 * u[1:-1] + u[:-2])
                return (u, before.at[1:-1].set(after)), None

            (_, u), _ = jax.lax.scan(step, (start, start), length=steps)
            return 0.5 * jnp.sum((u - target) ** 2)

        return idiom.jax(misfit, (speed, start, target), 0)

    def torch(self, speed: Any, start: Any, target: Any, steps: int) -> Entry:
        import torch

        def misfit(speed, start, target):
            r = (0.5 * speed[1:-1]) ** 2
            before, u = start, start
            for _ in range(steps):
                after = 2.0 * u[1:-1] - before[1:-1] + r * (u[2:] - 2.0 * u[1:-1] + u[:-2])
                before, u = u, torch.nn.functional.pad(after, (1, 1))
            return 0.5 * torch.sum((u - target) ** 2)

        return idiom.torch(misfit, (speed, start, target), 0)

    def autograd(self, speed: Any, start: Any, target: Any, steps: int) -> Entry:
        import autograd.numpy as anp

        def misfit(speed, start, target):
            r = (0.5 * speed[1:-1]) ** 2
            before, u, end = start, start, anp.zeros(1)
            for _ in range(steps):
                after = 2.0 * u[1:-1] - before[1:-1] + r * (u[2:] - 2.0 * u[1:-1] + u[:-2])
                before, u = u, anp.concatenate((end, after, end))
            return 0.5 * anp.sum((u - target) ** 2)

        return idiom.autograd(misfit, (speed, start, target), 0)
