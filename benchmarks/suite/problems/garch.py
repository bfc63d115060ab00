"""Likelihood of a GARCH(1,1) model of twenty years of daily stock returns, and its gradient with respect to the four parameters.

The program is the one that `wengert demo` fits, on the data that comes with the package.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of
from wengert.cli.demo import model, sp500

garch = model()


def loss(theta, returns, backcast):
    return -np.sum(garch.log_likelihoods(theta, returns, backcast))


SOURCE = """
#include <math.h>
#define LOG2PI 1.8378770664093454836

double value(long n, const double *restrict theta, const double *restrict r, double backcast) {
    double mu = theta[0], omega = theta[1], alpha = theta[2], beta = theta[3];
    double s = omega + (alpha + beta) * backcast, total = 0.0;
    for (long t = 0; t < n; t++) {
        double e = r[t] - mu;
        total += LOG2PI + log(s) + e * e / s;
        s = omega + alpha * e * e + beta * s;
    }
    return 0.5 * total;
}

/* s is scratch memory of n doubles */
double derivative(long n, const double *restrict theta, const double *restrict r, double backcast, double *restrict s, double *restrict g) {
    double mu = theta[0], omega = theta[1], alpha = theta[2], beta = theta[3];
    double now = omega + (alpha + beta) * backcast, total = 0.0;
    for (long t = 0; t < n; t++) {
        double e = r[t] - mu;
        s[t] = now;
        now = omega + alpha * e * e + beta * now;
    }
    double g_mu = 0.0, g_omega = 0.0, g_alpha = 0.0, g_beta = 0.0, ct = 0.0; /* ct: of the variance of the day after */
    for (long t = n - 1; t >= 0; t--) {
        double e = r[t] - mu, inverse = 1.0 / s[t], q = e * e * inverse;
        total += LOG2PI + log(s[t]) + q;
        g_omega += ct;
        g_alpha += ct * e * e;
        g_beta += ct * s[t];
        g_mu -= (inverse + 2.0 * alpha * ct) * e;
        ct = beta * ct + 0.5 * inverse * (1.0 - q);
    }
    g[0] = g_mu;
    g[1] = g_omega + ct;
    g[2] = g_alpha + ct * backcast;
    g[3] = g_beta + ct * backcast;
    return 0.5 * total;
}
"""


class Garch(Problem):
    name = "garch"
    title = "GARCH(1,1) likelihood"
    group = "loops"
    sizes = {"100": {"days": 100}, "1000": {"days": 1000}, "5030": {"days": 5030}}
    scale = staticmethod(lambda days: days)
    without = {"torch_compiled": "not tried: it writes the loop out"}

    def data(self, days: int) -> tuple[Any, ...]:
        returns = sp500()[1][:days]
        return np.array([0.0524, 0.0177, 0.1019, 0.8853]), returns, float(garch.backcast(returns))

    def wengert(self, theta: Any, returns: Any, backcast: float) -> Entry:
        return idiom.wengert(loss, (theta, returns, backcast), 0, garch.variances, garch.log_likelihoods)

    def c(self, theta: Any, returns: Any, backcast: float) -> Entry:
        from benchmarks.suite.c import Program

        program, g = Program(SOURCE), np.empty(4)
        value = program.bound("value", len(returns), theta, returns, backcast)
        derivative = program.bound("derivative", len(returns), theta, returns, backcast, np.empty(len(returns)), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, theta: Any, returns: Any, backcast: float) -> Entry:
        import jax
        import jax.numpy as jnp

        def loss(theta, returns, backcast):
            mu, omega, alpha, beta = theta
            squares = (returns - mu) ** 2

            def step(s, square):
                return omega + alpha * square + beta * s, s

            _, sigma2 = jax.lax.scan(step, omega + (alpha + beta) * backcast, squares)
            return 0.5 * jnp.sum(jnp.log(2 * jnp.pi) + jnp.log(sigma2) + squares / sigma2)

        return idiom.jax(loss, (theta, returns, backcast), 0)

    def torch(self, *data: Any) -> Entry:
        import torch

        def loss(theta, returns, backcast):
            mu, omega, alpha, beta = theta
            squares = (returns - mu) ** 2
            s = omega + (alpha + beta) * backcast
            sigma2 = [s]
            for square in squares[:-1]:
                s = omega + alpha * square + beta * s
                sigma2.append(s)
            sigma2 = torch.stack(sigma2)
            return 0.5 * torch.sum(np.log(2 * np.pi) + torch.log(sigma2) + squares / sigma2)

        return idiom.torch(loss, data, 0)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def loss(theta, returns, backcast):
            mu, omega, alpha, beta = theta
            squares = (returns - mu) ** 2
            s = omega + (alpha + beta) * backcast
            sigma2 = [s]
            for t in range(1, len(returns)):
                s = omega + alpha * squares[t - 1] + beta * s
                sigma2.append(s)
            sigma2 = anp.array(sigma2)
            return 0.5 * anp.sum(np.log(2 * np.pi) + anp.log(sigma2) + squares / sigma2)

        return idiom.autograd(loss, data, 0)

    def casadi(self, theta: Any, returns: Any, backcast: float) -> Entry:
        import casadi as ca

        def build(n):
            s, square, rates = ca.SX.sym("s"), ca.SX.sym("square"), ca.SX.sym("rates", 3)
            step = ca.Function("step", [s, square, rates], [rates[0] + rates[1] * square + rates[2] * s]).mapaccum(n - 1)
            returns, theta, backcast = ca.MX.sym("returns", 1, n), ca.MX.sym("theta", 4), ca.MX.sym("backcast")
            squares = (returns - theta[0]) ** 2
            first = theta[1] + (theta[2] + theta[3]) * backcast
            sigma2 = ca.horzcat(first, step(first, squares[:-1], ca.repmat(theta[1:], 1, n - 1)))
            loss = 0.5 * ca.sum2(np.log(2 * np.pi) + ca.log(sigma2) + squares / sigma2)
            names = [returns, theta, backcast]
            return ca.Function("value", names, [loss]), ca.Function("both", names, [loss, ca.gradient(loss, theta)])

        return idiom.casadi(build, (returns, theta, backcast), lambda value, g: (value, g))
