"""Logistic regression with a ridge: the Wisconsin breast cancer data, and larger tables of random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of

MEASURED = Path(__file__).resolve().parents[1] / "data" / "breast_cancer.csv.gz"  # UCI repository: 569 patients, 30 features


def loss(w, b, x, y, strength):
    z = x @ w + b
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.5 * strength * np.sum(w**2)


SOURCE = """
#include <math.h>
static inline double product(long d, const double *restrict a, const double *restrict b) {
    double part[8] = {0.0};
    long j = 0;
    for (; j + 8 <= d; j += 8)
        for (long k = 0; k < 8; k++)
            part[k] += a[j + k] * b[j + k];
    double total = ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
    for (; j < d; j++)
        total += a[j] * b[j];
    return total;
}
double value(long n, long d, const double *restrict w, const double *restrict b, const double *restrict x, const double *restrict y,
             double strength) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        double z = product(d, x + i * d, w) + *b;
        total += fmax(z, 0.0) + log1p(exp(-fabs(z))) - y[i] * z;
    }
    return total / n + 0.5 * strength * product(d, w, w);
}
double gradient(long n, long d, const double *restrict w, const double *restrict b, const double *restrict x, const double *restrict y,
                double strength, double *restrict gw, double *restrict gb) {
    double total = 0.0;
    *gb = 0.0;
    for (long j = 0; j < d; j++)
        gw[j] = strength * w[j];
    for (long i = 0; i < n; i++) {
        const double *restrict row = x + i * d;
        double z = product(d, row, w) + *b, e = exp(-fabs(z));
        total += fmax(z, 0.0) + log1p(e) - y[i] * z;
        double s = ((z > 0.0 ? 1.0 : e) / (1.0 + e) - y[i]) / n;
        *gb += s;
        for (long j = 0; j < d; j++)
            gw[j] += s * row[j];
    }
    return total / n + 0.5 * strength * product(d, w, w);
}
"""


class Logistic(Problem):
    name = "logistic"
    title = "logistic regression"
    group = "arrays"
    sizes = {
        "569x30": {"n": 569, "d": 30},
        "10000x100": {"n": 10000, "d": 100},
        "50000x200": {"n": 50000, "d": 200},
    }
    scale = staticmethod(lambda n, d: float(n * d))

    def data(self, n: int, d: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        if (n, d) == (569, 30):
            table = np.loadtxt(MEASURED, delimiter=",", skiprows=1)
            x, y = table[:, :-1], table[:, -1].copy()
            x = (x - x.mean(axis=0)) / x.std(axis=0)
        else:
            x = rng.normal(size=(n, d))
            y = (x @ rng.normal(size=d) + rng.logistic(size=n) > 0.0).astype(float)
        return 0.3 * rng.normal(size=d), np.array(0.1), x, y, 0.01

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(loss, data, (0, 1))

    def c(self, w: Any, b: Any, x: Any, y: Any, strength: float) -> Entry:
        from benchmarks.suite.c import Program

        program, gw, gb = Program(SOURCE), np.empty_like(w), np.empty_like(b)
        arguments = (*x.shape, w, b, x, y, strength)
        value, derivative = program.bound("value", *arguments), program.bound("gradient", *arguments, gw, gb)
        return Entry(value, lambda: (derivative(), (gw, gb)), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def loss(w, b, x, y, strength):
            z = x @ w + b
            return jnp.mean(jax.nn.softplus(z) - y * z) + 0.5 * strength * jnp.sum(w**2)

        return idiom.jax(loss, data, (0, 1))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch

        def loss(w, b, x, y, strength):
            return torch.nn.functional.binary_cross_entropy_with_logits(x @ w + b, y) + 0.5 * strength * torch.sum(w**2)

        return idiom.torch(loss, data, (0, 1), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def loss(w, b, x, y, strength):
            z = anp.dot(x, w) + b
            return anp.mean(anp.logaddexp(0.0, z) - y * z) + 0.5 * strength * anp.sum(w**2)

        return idiom.autograd(loss, data, (0, 1))

    def casadi(self, w: Any, b: Any, x: Any, y: Any, strength: float) -> Entry:
        import casadi as ca

        def build(d):
            w, b, X, Y = ca.MX.sym("w", d), ca.MX.sym("b"), ca.MX.sym("x", *x.shape), ca.MX.sym("y", len(y))
            z = ca.mtimes(X, w) + b
            f = ca.sum1(ca.fmax(z, 0.0) + ca.log1p(ca.exp(-ca.fabs(z))) - Y * z) / len(y) + 0.5 * strength * ca.sumsqr(w)
            inputs = [w, b, X, Y]
            return ca.Function("value", inputs, [f]), ca.Function("both", inputs, [f, ca.gradient(f, w), ca.gradient(f, b)])

        return idiom.casadi(build, (w, b, x, y), lambda value, gw, gb: (value, (gw, gb[0])))
