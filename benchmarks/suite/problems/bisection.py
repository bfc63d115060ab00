"""An orbit fitted to positions: Kepler's equation is solved by bisection for every time. The derivative is the program's own.

That is not the derivative of the root: the ends of the bracket depend on the parameters, and the program's result is a point between
them that they carry along. Every tool is asked for this, and gives it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def anomaly(mean, e):
    low, high = mean - e, mean + e
    while high - low > 1e-12:
        middle = 0.5 * (low + high)
        if middle - e * np.sin(middle) < mean:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def misfit(orbit, times, x, y):
    a, e, motion, start = orbit
    b = a * np.sqrt(1.0 - e * e)
    total = 0.0
    for i in range(len(times)):
        E = anomaly(motion * times[i] + start, e)
        total += (a * (np.cos(E) - e) - x[i]) ** 2 + (b * np.sin(E) - y[i]) ** 2
    return total


SOURCE = """
#include <math.h>
static double anomaly(double mean, double e) {
    double low = mean - e, high = mean + e;
    while (high - low > 1e-12) {
        double middle = 0.5 * (low + high);
        if (middle - e * sin(middle) < mean)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

double value(long n, const double *restrict orbit, const double *restrict times, const double *restrict x, const double *restrict y) {
    double a = orbit[0], e = orbit[1], b = a * sqrt(1.0 - e * e), total = 0.0;
    for (long i = 0; i < n; i++) {
        double E = anomaly(orbit[2] * times[i] + orbit[3], e);
        double u = a * (cos(E) - e) - x[i], v = b * sin(E) - y[i];
        total += u * u + v * v;
    }
    return total;
}

double derivative(long n, const double *restrict orbit, const double *restrict times, const double *restrict x, const double *restrict y,
                  double *restrict g) {
    double a = orbit[0], e = orbit[1], root = sqrt(1.0 - e * e), b = a * root, total = 0.0;
    double ga = 0.0, ge = 0.0, gm = 0.0, gs = 0.0, gb = 0.0;
    for (long i = 0; i < n; i++) {
        double mean = orbit[2] * times[i] + orbit[3], E = anomaly(mean, e), s, c;
        sincos(E, &s, &c);
        double u = a * (c - e) - x[i], v = b * s - y[i];
        total += u * u + v * v;
        ga += 2.0 * u * (c - e);
        gb += 2.0 * v * s;
        double ct = 2.0 * (v * b * c - u * a * s);
        ge += ct * (E - mean) / e - 2.0 * u * a; /* the point stays at the same share of the bracket [mean - e, mean + e] */
        gm += ct * times[i];
        gs += ct;
    }
    g[0] = ga + gb * root;
    g[1] = ge - gb * a * e / root;
    g[2] = gm;
    g[3] = gs;
    return total;
}
"""


class Bisection(Problem):
    name = "bisection"
    title = "bisection inside an objective"
    group = "loops"
    sizes = {"10": {"count": 10}, "100": {"count": 100}, "2000": {"count": 2000}}
    scale = staticmethod(lambda count: count)
    without = {
        "casadi": "not written: its maps have no loop whose steps depend on data",
        "torch_compiled": "it writes the loop out: a minute of compilation or more",
    }

    def data(self, count: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        times = np.sort(rng.uniform(0.0, 20.0, size=count))
        E = times + 0.3 * np.sin(times)
        x, y = np.cos(E) - 0.3 + 0.05 * rng.normal(size=count), 0.95 * np.sin(E) + 0.05 * rng.normal(size=count)
        return np.array([1.1, 0.33, 1.01, 0.1]), times, x, y

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(misfit, data, 0, anomaly)

    def c(self, orbit: Any, times: Any, x: Any, y: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, g = Program("#define _GNU_SOURCE\n" + SOURCE), np.empty(4)
        arguments = (len(times), orbit, times, x, y)
        value, derivative = program.bound("value", *arguments), program.bound("derivative", *arguments, g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def anomaly(mean, e):
            """All at once, and as many steps as are ever needed: a while loop has no reverse mode."""

            def halve(bracket, _):
                low, high = bracket
                middle = 0.5 * (low + high)
                wide, below = high - low > 1e-12, middle - e * jnp.sin(middle) < mean
                return (jnp.where(wide & below, middle, low), jnp.where(wide & ~below, middle, high)), None

            (low, high), _ = jax.lax.scan(halve, (mean - e, mean + e), length=42)
            return 0.5 * (low + high)

        def misfit(orbit, times, x, y):
            a, e, motion, start = orbit
            E = anomaly(motion * times + start, e)
            return jnp.sum((a * (jnp.cos(E) - e) - x) ** 2 + (a * jnp.sqrt(1.0 - e * e) * jnp.sin(E) - y) ** 2)

        return idiom.jax(misfit, data, 0, anomaly)

    def torch(self, *data: Any) -> Entry:
        import torch

        def anomaly(mean, e):
            low, high = mean - e, mean + e
            for _ in range(42):
                middle = 0.5 * (low + high)
                wide, below = high - low > 1e-12, middle - e * torch.sin(middle) < mean
                low, high = torch.where(wide & below, middle, low), torch.where(wide & ~below, middle, high)
            return 0.5 * (low + high)

        def misfit(orbit, times, x, y):
            a, e, motion, start = orbit
            E = anomaly(motion * times + start, e)
            return torch.sum((a * (torch.cos(E) - e) - x) ** 2 + (a * torch.sqrt(1.0 - e * e) * torch.sin(E) - y) ** 2)

        return idiom.torch(misfit, data, 0, anomaly)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def anomaly(mean, e):
            low, high = mean - e, mean + e
            for _ in range(42):
                middle = 0.5 * (low + high)
                wide, below = high - low > 1e-12, middle - e * anp.sin(middle) < mean
                low, high = anp.where(wide & below, middle, low), anp.where(wide & ~below, middle, high)
            return 0.5 * (low + high)

        def misfit(orbit, times, x, y):
            a, e, motion, start = orbit
            E = anomaly(motion * times + start, e)
            return anp.sum((a * (anp.cos(E) - e) - x) ** 2 + (a * anp.sqrt(1.0 - e * e) * anp.sin(E) - y) ** 2)

        return idiom.autograd(misfit, data, 0, anomaly)
