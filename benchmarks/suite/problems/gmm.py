"""GradBench's gmm: the log-posterior of a mixture of Gaussians with a Wishart prior, and its gradient.

For each of n points and k components a triangular d × d matrix times the distance from the mean: at d = 2 all is overhead, at d = 64 all is
matrix product. The matrices are packed: logarithms of the diagonal, and below it column by column. (After ADBench.)
"""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp, multigammaln

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def log_wishart(q, l, gamma, m):
    k, d = q.shape
    n = d + m + 1
    squares = np.sum(np.exp(q) ** 2, axis=1) + np.sum(l**2, axis=1)
    constant = n * d * np.log(gamma / np.sqrt(2.0)) - multigammaln(n / 2, d)
    return k * constant - np.sum(0.5 * gamma**2 * squares - m * np.sum(q, axis=1))


def log_posterior(alpha, mu, q, l, x, gamma, m):
    """alpha: k weights; mu: k × d means; q: k × d diagonals' logarithms; l: k × d (d - 1) / 2 elements below; x: n × d points."""
    n, d = x.shape
    columns, rows = np.triu_indices(d, 1)  # below the diagonal, column by column
    Q = np.zeros((len(alpha), d, d))
    Q[:, rows, columns] = l
    Q[:, np.arange(d), np.arange(d)] = np.exp(q)
    scaled = np.einsum("kij,nkj->nki", Q, x[:, None] - mu)
    terms = alpha + np.sum(q, axis=1) - 0.5 * np.sum(scaled**2, axis=2)
    likelihood = np.sum(logsumexp(terms, axis=1)) - n * logsumexp(alpha) - 0.5 * n * d * np.log(2.0 * np.pi)
    return likelihood + log_wishart(q, l, gamma, m)


SOURCE = """
#include <math.h>
#include <string.h>
/* y = Q z, for the packed Q of one component */
static inline void scaled(long d, const double *restrict e, const double *restrict l, const double *restrict x, const double *restrict mu,
                          double *restrict z, double *restrict y) {
    for (long i = 0; i < d; i++) z[i] = x[i] - mu[i];
    for (long i = 0; i < d; i++) y[i] = e[i] * z[i];
    for (long j = 0, at = 0; j < d; at += d - 1 - j, j++)
        for (long i = j + 1; i < d; i++) y[i] += l[at + i - j - 1] * z[j];
}
static inline double wishart(long d, long k, const double *restrict q, const double *restrict e, const double *restrict l, double gamma,
                             double m, double constant) {
    double out = 0.0;
    for (long j = 0; j < k * d; j++) out += 0.5 * gamma * gamma * e[j] * e[j] - m * q[j];
    for (long j = 0; j < k * d * (d - 1) / 2; j++) out += 0.5 * gamma * gamma * l[j] * l[j];
    return k * constant - out;
}
static inline double logsumexp(long k, const double *restrict t, double *restrict weights) {
    double most = t[0], sum = 0.0;
    for (long j = 1; j < k; j++) most = t[j] > most ? t[j] : most;
    for (long j = 0; j < k; j++) sum += weights[j] = exp(t[j] - most);
    for (long j = 0; j < k; j++) weights[j] /= sum;
    return most + log(sum);
}
double value(long n, long d, long k, const double *restrict alpha, const double *restrict mu, const double *restrict q,
             const double *restrict l, const double *restrict x, double gamma, double m, double constant) {
    long s = d * (d - 1) / 2;
    double e[k * d], sums[k], terms[k], weights[k], z[d], y[d], total = 0.0;
    for (long j = 0; j < k * d; j++) e[j] = exp(q[j]);
    for (long j = 0; j < k; j++) { sums[j] = 0.0; for (long i = 0; i < d; i++) sums[j] += q[j * d + i]; }
    for (long i = 0; i < n; i++) {
        for (long j = 0; j < k; j++) {
            double square = 0.0;
            scaled(d, e + j * d, l + j * s, x + i * d, mu + j * d, z, y);
            for (long a = 0; a < d; a++) square += y[a] * y[a];
            terms[j] = alpha[j] + sums[j] - 0.5 * square;
        }
        total += logsumexp(k, terms, weights);
    }
    return total - n * logsumexp(k, alpha, weights) - 0.5 * n * d * log(2.0 * M_PI) + wishart(d, k, q, e, l, gamma, m, constant);
}
/* `work` keeps z and y of all components for one point: 2 k d */
double gradient(long n, long d, long k, const double *restrict alpha, const double *restrict mu, const double *restrict q,
                const double *restrict l, const double *restrict x, double gamma, double m, double constant, double *restrict work,
                double *restrict alphab, double *restrict mub, double *restrict qb, double *restrict lb) {
    long s = d * (d - 1) / 2;
    double e[k * d], sums[k], terms[k], weights[k], total = 0.0;
    for (long j = 0; j < k * d; j++) { e[j] = exp(q[j]); mub[j] = 0.0; qb[j] = m - gamma * gamma * e[j] * e[j]; }
    for (long j = 0; j < k * s; j++) lb[j] = -gamma * gamma * l[j];
    for (long j = 0; j < k; j++) { sums[j] = alphab[j] = 0.0; for (long i = 0; i < d; i++) sums[j] += q[j * d + i]; }
    for (long i = 0; i < n; i++) {
        for (long j = 0; j < k; j++) {
            double *z = work + 2 * j * d, *y = z + d, square = 0.0;
            scaled(d, e + j * d, l + j * s, x + i * d, mu + j * d, z, y);
            for (long a = 0; a < d; a++) square += y[a] * y[a];
            terms[j] = alpha[j] + sums[j] - 0.5 * square;
        }
        total += logsumexp(k, terms, weights);
        for (long j = 0; j < k; j++) {
            const double *restrict z = work + 2 * j * d, *restrict y = z + d, *restrict L = l + j * s;
            double w = weights[j], *restrict Lb = lb + j * s, *restrict Mb = mub + j * d, *restrict Qb = qb + j * d;
            alphab[j] += w;
            for (long a = 0, at = 0; a < d; at += d - 1 - a, a++) {
                double through = y[a] * e[j * d + a], wz = w * z[a];
                for (long b = a + 1; b < d; b++) {
                    through += L[at + b - a - 1] * y[b];
                    Lb[at + b - a - 1] -= wz * y[b];
                }
                Mb[a] += w * through;
                Qb[a] += w * (1.0 - y[a] * z[a] * e[j * d + a]);
            }
        }
    }
    double of_alpha = logsumexp(k, alpha, weights);
    for (long j = 0; j < k; j++) alphab[j] -= n * weights[j];
    return total - n * of_alpha - 0.5 * n * d * log(2.0 * M_PI) + wishart(d, k, q, e, l, gamma, m, constant);
}
"""


class Gmm(Problem):
    name, title, group = "gmm", "mixture of Gaussians", "gradbench"
    sizes = {
        "2,5": {"d": 2, "k": 5},
        "10,25": {"d": 10, "k": 25},
        "20,50": {"d": 20, "k": 50},
        "64,100": {"d": 64, "k": 100},
    }
    without = {"casadi": "k·n·d² scalar nodes"}

    @staticmethod
    def scale(d, k):
        return float(k * d * d)

    def data(self, d, k):
        rng, n = np.random.default_rng(31337), 1000
        x, alpha, mu = rng.normal(size=(n, d)), rng.normal(size=k), rng.uniform(size=(k, d))
        return alpha, mu, rng.normal(size=(k, d)), rng.normal(size=(k, d * (d - 1) // 2)), x, 1.0, 0

    def wengert(self, *data):
        value, derivative = wg.jit(log_posterior), wg.jit(wg.value_and_grad(log_posterior, (0, 1, 2, 3)))
        return Entry(lambda: value(*data), lambda: derivative(*data), lines_of(log_wishart, log_posterior))

    def c(self, alpha, mu, q, l, x, gamma, m):
        program, (n, d), k = Program(SOURCE), x.shape, len(alpha)
        constant = (d + m + 1) * d * np.log(gamma / np.sqrt(2.0)) - multigammaln((d + m + 1) / 2, d)
        given, gradient = (
            (n, d, k, alpha, mu, q, l, x, gamma, float(m), float(constant)),
            tuple(np.empty_like(p) for p in (alpha, mu, q, l)),
        )
        value, derivative = program.bound("value", *given), program.bound("gradient", *given, np.empty(2 * k * d), *gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, alpha, mu, q, l, x, gamma, m):
        import jax
        import jax.numpy as jnp
        from jax.scipy.special import logsumexp, multigammaln

        jax.config.update("jax_enable_x64", True)

        def log_wishart(q, l):
            k, d = q.shape
            n = d + m + 1
            squares = jnp.sum(jnp.exp(q) ** 2, axis=1) + jnp.sum(l**2, axis=1)
            constant = n * d * jnp.log(gamma / jnp.sqrt(2.0)) - multigammaln(n / 2, d)
            return k * constant - jnp.sum(0.5 * gamma**2 * squares - m * jnp.sum(q, axis=1))

        def log_posterior(alpha, mu, q, l, x):
            n, d = x.shape
            columns, rows = np.triu_indices(d, 1)
            L = jnp.zeros((len(alpha), d, d)).at[:, rows, columns].set(l)
            centered = x[:, None] - mu
            scaled = jnp.exp(q) * centered + jnp.einsum("kij,nkj->nki", L, centered)
            terms = alpha + jnp.sum(q, axis=1) - 0.5 * jnp.sum(scaled**2, axis=2)
            likelihood = jnp.sum(logsumexp(terms, axis=1)) - n * logsumexp(alpha) - 0.5 * n * d * jnp.log(2.0 * jnp.pi)
            return likelihood + log_wishart(q, l)

        theirs = [jnp.asarray(a) for a in (alpha, mu, q, l, x)]
        value, derivative = jax.jit(log_posterior), jax.jit(jax.value_and_grad(log_posterior, (0, 1, 2, 3)))
        lines = lines_of(log_wishart, log_posterior)
        return Entry(lambda: jax.block_until_ready(value(*theirs)), lambda: jax.block_until_ready(derivative(*theirs)), lines)

    def torch(self, alpha, mu, q, l, x, gamma, m, compiled=False):
        import torch

        d, n = mu.shape[1], mu.shape[1] + m + 1
        constant = n * d * np.log(gamma / np.sqrt(2.0)) - multigammaln(n / 2, d)
        columns, rows = (torch.tensor(i) for i in np.triu_indices(d, 1))
        points = torch.tensor(x)

        def log_posterior(alpha, mu, q, l):
            L = torch.zeros((len(alpha), d, d), dtype=alpha.dtype)
            L[:, rows, columns] = l
            centered = points[:, None] - mu
            scaled = torch.exp(q) * centered + torch.einsum("kij,nkj->nki", L, centered)
            terms = alpha + q.sum(1) - 0.5 * (scaled**2).sum(2)
            likelihood = (
                torch.logsumexp(terms, 1).sum() - len(points) * torch.logsumexp(alpha, 0) - 0.5 * points.numel() * np.log(2 * np.pi)
            )
            squares = (torch.exp(q) ** 2).sum(1) + (l**2).sum(1)
            return likelihood + len(alpha) * constant - (0.5 * gamma**2 * squares - m * q.sum(1)).sum()

        run = torch.compile(log_posterior) if compiled else log_posterior
        active = [torch.tensor(a, requires_grad=True) for a in (alpha, mu, q, l)]
        fixed = [a.detach() for a in active]

        def derivative():
            value = run(*active)
            return value.detach(), torch.autograd.grad(value, active)

        return Entry(lambda: run(*fixed), derivative, lines_of(log_posterior, derivative))

    def torch_compiled(self, *data):
        return self.torch(*data, compiled=True)

    def autograd(self, alpha, mu, q, l, x, gamma, m):
        import autograd
        import autograd.numpy as anp
        from autograd.scipy.special import logsumexp

        d, n = mu.shape[1], mu.shape[1] + m + 1
        constant = n * d * np.log(gamma / np.sqrt(2.0)) - multigammaln(n / 2, d)
        place = np.zeros((l.shape[1], d * d))  # no assignment: a packed row times this is a matrix
        place[np.arange(l.shape[1]), np.ravel_multi_index(np.triu_indices(d, 1)[::-1], (d, d))] = 1.0

        def log_posterior(alpha, mu, q, l):
            L = anp.dot(l, place).reshape(len(alpha), d, d)
            centered = x[:, None] - mu
            scaled = anp.exp(q) * centered + anp.einsum("kij,nkj->nki", L, centered)
            terms = alpha + anp.sum(q, axis=1) - 0.5 * anp.sum(scaled**2, axis=2)
            likelihood = anp.sum(logsumexp(terms, axis=1)) - len(x) * logsumexp(alpha) - 0.5 * x.size * np.log(2 * np.pi)
            squares = anp.sum(anp.exp(q) ** 2, axis=1) + anp.sum(l**2, axis=1)
            return likelihood + len(alpha) * constant - anp.sum(0.5 * gamma**2 * squares - m * anp.sum(q, axis=1))

        given = alpha, mu, q, l
        gradient = autograd.value_and_grad(lambda parameters: log_posterior(*parameters))
        return Entry(lambda: log_posterior(*given), lambda: gradient(given), lines_of(log_posterior))
