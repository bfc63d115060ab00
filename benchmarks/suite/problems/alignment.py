"""Needleman and Wunsch's score of two sequences; its gradient with respect to the substitution scores and the price of a gap."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def score(scores, gap, first, second):
    n, m = len(first), len(second)
    best = np.zeros((n + 1, m + 1))
    for i in range(1, n + 1):
        best[i, 0] = best[i - 1, 0] - gap
    for j in range(1, m + 1):
        best[0, j] = best[0, j - 1] - gap
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            match = best[i - 1, j - 1] + scores[first[i - 1], second[j - 1]]
            best[i, j] = max(match, best[i - 1, j] - gap, best[i, j - 1] - gap)
    return best[n, m]


SOURCE = """
#include <string.h>
/* row: m + 1 doubles */
double value(long n, long m, long k, const double *restrict scores, double gap, const long *restrict first, const long *restrict second,
             double *restrict row) {
    for (long j = 0; j <= m; j++)
        row[j] = -gap * j;
    for (long i = 1; i <= n; i++) {
        const double *restrict s = scores + first[i - 1] * k;
        double corner = row[0], left = row[0] -= gap;
        for (long j = 1; j <= m; j++) {
            double match = corner + s[second[j - 1]], up = row[j] - gap;
            left -= gap;
            corner = row[j];
            double most = match > up ? match : up;
            row[j] = left = most > left ? most : left;
        }
    }
    return row[m];
}

/* from: (n + 1) (m + 1) bytes, where each best score comes from; the way back follows them */
double derivative(long n, long m, long k, const double *restrict scores, double gap, const long *restrict first,
                  const long *restrict second, double *restrict row, char *restrict from, double *restrict g_scores,
                  double *restrict g_gap) {
    for (long j = 0; j <= m; j++)
        row[j] = -gap * j;
    for (long i = 1; i <= n; i++) {
        const double *restrict s = scores + first[i - 1] * k;
        char *restrict came = from + i * (m + 1);
        double corner = row[0], left = row[0] -= gap;
        for (long j = 1; j <= m; j++) {
            double match = corner + s[second[j - 1]], up = row[j] - gap;
            left -= gap;
            corner = row[j];
            double most = match > up ? match : up;
            char way = match > up ? 0 : 1;
            came[j] = most > left ? way : 2;
            row[j] = left = most > left ? most : left;
        }
    }
    memset(g_scores, 0, k * k * sizeof(double));
    double gaps = 0.0;
    long i = n, j = m;
    while (i && j) {
        char way = from[i * (m + 1) + j];
        if (way == 0)
            g_scores[first[--i] * k + second[--j]] += 1.0;
        else {
            gaps += 1.0;
            if (way == 1)
                i--;
            else
                j--;
        }
    }
    *g_gap = -(gaps + i + j);
    return row[m];
}
"""


class Alignment(Problem):
    name = "alignment"
    title = "Needleman-Wunsch alignment score"
    group = "loops"
    sizes = {"30": {"length": 30}, "150": {"length": 150}, "600": {"length": 600}}
    scale = staticmethod(lambda length: length)
    exponent = 2.0
    without = dict.fromkeys(("torch", "torch_compiled", "autograd"), "not written: a scalar at a time") | {
        "casadi": "a graph node for every cell"
    }

    def data(self, length: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        first = rng.integers(0, 20, size=length)
        second = np.where(rng.random(length) < 0.6, first, rng.integers(0, 20, size=length))
        second = np.concatenate((np.roll(second, length // 10), rng.integers(0, 20, size=length // 10)))
        scores = rng.normal(size=(20, 20)) - 1.0
        scores = 0.5 * (scores + scores.T) + 5.0 * np.eye(20)
        return scores, 1.7, first, second

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(score, data, (0, 1))

    def c(self, scores: Any, gap: float, first: Any, second: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, n, m, k = Program(SOURCE), len(first), len(second), len(scores)
        g_scores, g_gap = np.empty((k, k)), np.empty(())
        arguments = (n, m, k, scores, gap, first, second, np.empty(m + 1))
        value = program.bound("value", *arguments)
        derivative = program.bound("derivative", *arguments, np.empty((n + 1, m + 1), np.int8), g_scores, g_gap)
        return Entry(value, lambda: (derivative(), (g_scores, g_gap)), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        n, m = len(data[2]), len(data[3])

        def score(scores, gap, first, second):
            """By antidiagonals, each at once: cell i of antidiagonal d is (i, d - i)."""
            i = jnp.arange(n + 1)

            def diagonal(carry, d):
                two, one = carry
                j = d - i
                match = jnp.roll(two, 1) + scores[first[i - 1], second[jnp.clip(j - 1, 0, m - 1)]]
                gapped = jnp.maximum(jnp.roll(one, 1), one) - gap
                cells = jnp.where((i == 0) | (j == 0), -gap * d, jnp.maximum(match, gapped))
                cells = jnp.where((j >= 0) & (j <= m), cells, -1e30)
                return (one, cells), None

            start = jnp.full(n + 1, -1e30)
            (_, last), _ = jax.lax.scan(diagonal, (start, start.at[0].set(0.0)), jnp.arange(1, n + m + 1))
            return last[n]

        return idiom.jax(score, data, (0, 1))
