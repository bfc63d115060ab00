"""Matrix factorisation of a table of which few entries are known: users' ratings of films, as three arrays of indices and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def loss(u, v, rows, columns, ratings, strength):
    predicted = np.sum(u[rows] * v[columns], axis=1)
    return np.sum((predicted - ratings) ** 2) + strength * (np.sum(u**2) + np.sum(v**2))


SOURCE = """
double value(long n, long m, long k, long known, const double *restrict u, const double *restrict v, const long *restrict rows,
             const long *restrict columns, const double *restrict ratings, double strength) {
    double total = 0.0, squares = 0.0;
    for (long r = 0; r < known; r++) {
        const double *restrict a = u + rows[r] * k, *restrict b = v + columns[r] * k;
        double e = -ratings[r];
        for (long j = 0; j < k; j++)
            e += a[j] * b[j];
        total += e * e;
    }
    for (long i = 0; i < n * k; i++)
        squares += u[i] * u[i];
    for (long i = 0; i < m * k; i++)
        squares += v[i] * v[i];
    return total + strength * squares;
}
double gradient(long n, long m, long k, long known, const double *restrict u, const double *restrict v, const long *restrict rows,
                const long *restrict columns, const double *restrict ratings, double strength, double *restrict gu, double *restrict gv) {
    double total = 0.0, squares = 0.0;
    for (long i = 0; i < n * k; i++) {
        squares += u[i] * u[i];
        gu[i] = 2.0 * strength * u[i];
    }
    for (long i = 0; i < m * k; i++) {
        squares += v[i] * v[i];
        gv[i] = 2.0 * strength * v[i];
    }
    for (long r = 0; r < known; r++) {
        const double *restrict a = u + rows[r] * k, *restrict b = v + columns[r] * k;
        double *restrict ga = gu + rows[r] * k, *restrict gb = gv + columns[r] * k, e = -ratings[r];
        for (long j = 0; j < k; j++)
            e += a[j] * b[j];
        total += e * e;
        for (long j = 0; j < k; j++) {
            ga[j] += 2.0 * e * b[j];
            gb[j] += 2.0 * e * a[j];
        }
    }
    return total + strength * squares;
}
"""


class Factorisation(Problem):
    name = "factorisation"
    title = "matrix factorisation of a sparse table"
    group = "arrays"
    sizes = {
        "1000": {"users": 60, "films": 40, "rank": 5, "known": 1000},
        "100000": {"users": 943, "films": 1682, "rank": 16, "known": 100_000},
        "1000000": {"users": 6040, "films": 3706, "rank": 20, "known": 1_000_000},
    }
    scale = staticmethod(lambda users, films, rank, known: float(known * rank))
    without = {"casadi": "a gather of rows by indices is a graph of single elements"}

    def data(self, users: int, films: int, rank: int, known: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        u, v = rng.normal(size=(users, rank)), rng.normal(size=(films, rank))
        rows, columns = rng.integers(0, users, known), rng.integers(0, films, known)
        return u, v, rows, columns, rng.integers(1, 6, known).astype(float), 0.1

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(loss, data, (0, 1))

    def c(self, u: Any, v: Any, rows: Any, columns: Any, ratings: Any, strength: float) -> Entry:
        from benchmarks.suite.c import Program

        program, gu, gv = Program(SOURCE), np.empty_like(u), np.empty_like(v)
        arguments = (len(u), len(v), u.shape[1], len(rows), u, v, rows, columns, ratings, strength)
        value, derivative = program.bound("value", *arguments), program.bound("gradient", *arguments, gu, gv)
        return Entry(value, lambda: (derivative(), (gu, gv)), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax.numpy as jnp

        def loss(u, v, rows, columns, ratings, strength):
            predicted = jnp.sum(u[rows] * v[columns], axis=1)
            return jnp.sum((predicted - ratings) ** 2) + strength * (jnp.sum(u**2) + jnp.sum(v**2))

        return idiom.jax(loss, data, (0, 1))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch

        def loss(u, v, rows, columns, ratings, strength):
            predicted = torch.sum(torch.index_select(u, 0, rows) * torch.index_select(v, 0, columns), dim=1)
            return torch.sum((predicted - ratings) ** 2) + strength * (torch.sum(u**2) + torch.sum(v**2))

        return idiom.torch(loss, data, (0, 1), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def loss(u, v, rows, columns, ratings, strength):
            predicted = anp.sum(u[rows] * v[columns], axis=1)
            return anp.sum((predicted - ratings) ** 2) + strength * (anp.sum(u**2) + anp.sum(v**2))

        return idiom.autograd(loss, data, (0, 1))
