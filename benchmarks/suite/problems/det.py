"""GradBench's det: the determinant by expansion by minors, as the recursion is written, and its gradient.

The minors are told by two lists of which row or column follows which, from which one is taken out and put back. About e·n!
multiplications; the recursion has a loop in each call. (GradBench, after cmpad by B. Bell.)
"""

from __future__ import annotations

import math

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def det_of_minor(A, n, m, r, c):
    """The determinant of the m × m minor of A that the lists r and c of following rows and columns leave."""
    row, column, before = r[n], c[n], n
    if m == 1:
        return A[row, column]
    total, sign = 0.0, 1.0
    r[n] = r[row]
    for _ in range(m):
        c[before] = c[column]
        total += sign * A[row, column] * det_of_minor(A, n, m - 1, r, c)
        c[before] = column
        before, column, sign = column, c[column], -sign
    r[n] = row
    return total


def det(A):
    n = len(A)
    r = np.append(np.arange(1, n + 1), 0)
    c = np.append(np.arange(1, n + 1), 0)
    return det_of_minor(A, n, n, r, c)


SOURCE = """
static double minor(const double *restrict A, long n, long m, long *restrict r, long *restrict c) {
    long row = r[n], column = c[n], before = n;
    if (m == 1) return A[row * n + column];
    double total = 0.0, sign = 1.0;
    r[n] = r[row];
    for (long j = 0; j < m; j++) {
        c[before] = c[column];
        total += sign * A[row * n + column] * minor(A, n, m - 1, r, c);
        c[before] = column;
        before = column;
        column = c[column];
        sign = -sign;
    }
    r[n] = row;
    return total;
}
/* the minor, whose cotangent is bar, and what it adds to the gradient: linear in each row, so that nothing is kept */
static double minor_b(const double *restrict A, long n, long m, long *restrict r, long *restrict c, double bar, double *restrict Ab) {
    long row = r[n], column = c[n], before = n;
    if (m == 1) {
        Ab[row * n + column] += bar;
        return A[row * n + column];
    }
    double total = 0.0, sign = 1.0;
    r[n] = r[row];
    for (long j = 0; j < m; j++) {
        c[before] = c[column];
        double a = sign * A[row * n + column], inner = minor_b(A, n, m - 1, r, c, bar * a, Ab);
        total += a * inner;
        Ab[row * n + column] += bar * sign * inner;
        c[before] = column;
        before = column;
        column = c[column];
        sign = -sign;
    }
    r[n] = row;
    return total;
}
double value(long n, const double *restrict A) {
    long r[n + 1], c[n + 1];
    for (long i = 0; i < n; i++) r[i] = c[i] = i + 1;
    r[n] = c[n] = 0;
    return minor(A, n, n, r, c);
}
double gradient(long n, const double *restrict A, double *restrict Ab) {
    long r[n + 1], c[n + 1];
    for (long i = 0; i < n; i++) r[i] = c[i] = i + 1;
    r[n] = c[n] = 0;
    for (long i = 0; i < n * n; i++) Ab[i] = 0.0;
    return minor_b(A, n, n, r, c, 1.0, Ab);
}
"""


def remaining_columns(n: int) -> list[np.ndarray]:
    """For each depth k the columns that are left after each ordered choice of k columns, in the recursion's order."""
    levels = [np.arange(n, dtype=np.int32)[None, :]]
    for k in range(n - 1):
        left = n - k
        keep = np.array([[j for j in range(left) if j != out] for out in range(left)])
        levels.append(levels[-1][:, keep].reshape(-1, left - 1))
    return levels


class Det(Problem):
    name, title, group = "det", "determinant by expansion by minors", "gradbench"
    sizes = {"5": {"n": 5}, "7": {"n": 7}, "9": {"n": 9}, "10": {"n": 10}}
    without = {
        "torch": "GradBench has none: a recursion with about e·n! scalar operations, one kernel each",
        "torch_compiled": "the recursion unrolls into about e·n! operations",
        "autograd": "the recursion unrolls into about e·n! operations of some µs each",
        "casadi": "the recursion unrolls into a graph of about e·n! nodes",
    }

    @staticmethod
    def scale(n):
        return float(math.factorial(n))

    def data(self, n):
        return (np.random.default_rng(31337).random((n, n)),)

    def wengert(self, A):
        value, derivative = wg.jit(det), wg.jit(wg.value_and_grad(det))
        return Entry(lambda: value(A), lambda: derivative(A), lines_of(det_of_minor, det))

    def c(self, A):
        program, n, gradient = Program(SOURCE), len(A), np.empty_like(A)
        value, derivative = program.bound("value", n, A), program.bound("gradient", n, A, gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, A):
        """Level by level: all minors of a depth as one array."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def expanded(A, levels):
            minors = A[-1, levels[-1][:, 0]]
            for k in range(len(levels) - 2, -1, -1):
                signs = jnp.where(jnp.arange(levels[k].shape[1]) % 2, -1.0, 1.0)
                minors = jnp.sum(signs * A[k, levels[k]] * minors.reshape(levels[k].shape), axis=1)
            return minors[0]

        x, levels = jnp.asarray(A), [jnp.asarray(level) for level in remaining_columns(len(A))]
        value, derivative = jax.jit(expanded), jax.jit(jax.value_and_grad(expanded))
        return Entry(
            lambda: jax.block_until_ready(value(x, levels)),
            lambda: jax.block_until_ready(derivative(x, levels)),
            lines_of(expanded, remaining_columns),
        )
