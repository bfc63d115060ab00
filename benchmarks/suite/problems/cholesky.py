"""Cholesky's factorisation by three loops over scalars, and the gradient of the logarithm of the determinant.

The peers call their libraries' routine (LAPACK's, with a rule for its derivative), as their users would.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def cholesky(A):
    n = A.shape[0]
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            s = A[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            L[i, j] = s / L[j, j]
        s = A[i, i]
        for k in range(i):
            s -= L[i, k] ** 2
        L[i, i] = np.sqrt(s)
    return L


def logdet(A):
    return 2.0 * np.sum(np.log(np.diag(cholesky(A))))


SOURCE = """
#include <math.h>

double value(long n, const double *restrict A, double *restrict L) {
    double total = 0.0;
    for (long i = 0; i < n; i++) {
        double *restrict row = L + i * n, s;
        for (long j = 0; j < i; j++) {
            const double *other = L + j * n;
            s = A[i * n + j];
            for (long k = 0; k < j; k++)
                s -= row[k] * other[k];
            row[j] = s / other[j];
        }
        s = A[i * n + i];
        for (long k = 0; k < i; k++)
            s -= row[k] * row[k];
        row[i] = sqrt(s);
        total += log(row[i]);
    }
    return 2.0 * total;
}

/* C: scratch memory like A, the cotangent of L */
double derivative(long n, const double *restrict A, double *restrict L, double *restrict C, double *restrict g) {
    double total = value(n, A, L);
    for (long i = 0; i < n * n; i++)
        C[i] = g[i] = 0.0;
    for (long i = 0; i < n; i++)
        C[i * n + i] = 2.0 / L[i * n + i];
    for (long i = n - 1; i >= 0; i--) {
        const double *restrict row = L + i * n;
        double *restrict ct = C + i * n;
        double s = 0.5 * ct[i] / row[i];
        g[i * n + i] = s;
        for (long k = 0; k < i; k++)
            ct[k] -= 2.0 * s * row[k];
        for (long j = i - 1; j >= 0; j--) {
            const double *restrict other = L + j * n;
            double *restrict ct_other = C + j * n;
            s = ct[j] / other[j];
            g[i * n + j] = s;
            ct_other[j] -= s * row[j];
            for (long k = 0; k < j; k++) {
                ct[k] -= s * other[k];
                ct_other[k] -= s * row[k];
            }
        }
    }
    return total;
}
"""


class Cholesky(Problem):
    name = "cholesky"
    title = "Cholesky by scalar loops"
    group = "loops"
    sizes = {"16": {"n": 16}, "32": {"n": 32}, "64": {"n": 64}}
    scale = staticmethod(lambda n: n)
    exponent = 3.0
    without = {"casadi": "its factorisation is for sparse matrices"}

    def data(self, n: int) -> tuple[Any, ...]:
        B = np.random.default_rng(0).normal(size=(n, n))
        return (B @ B.T + n * np.eye(n),)

    def outcome(self, result: Any) -> Any:
        """The gradient as that of a symmetric matrix: the loops read one triangle, library routines say they read both."""
        value, g = result
        g = np.asarray(g)
        return value, g + g.T

    def wengert(self, A: Any) -> Entry:
        return idiom.wengert(logdet, (A,), 0, cholesky)

    def c(self, A: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, n, L, g = Program(SOURCE), len(A), np.zeros(A.shape), np.empty(A.shape)
        value, derivative = program.bound("value", n, A, L), program.bound("derivative", n, A, L, np.empty(A.shape), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def autograd(self, A: Any) -> Entry:
        import autograd.numpy as anp

        def logdet(A):
            return 2.0 * anp.sum(anp.log(anp.diag(anp.linalg.cholesky(A))))

        return idiom.autograd(logdet, (A,), 0)

    def jax(self, A: Any) -> Entry:
        import jax.numpy as jnp

        def logdet(A):
            return 2.0 * jnp.sum(jnp.log(jnp.diag(jnp.linalg.cholesky(A))))

        return idiom.jax(logdet, (A,), 0)

    def torch(self, A: Any) -> Entry:
        import torch

        def logdet(A):
            return 2.0 * torch.sum(torch.log(torch.diag(torch.linalg.cholesky(A))))

        return idiom.torch(logdet, (A,), 0)

    def torch_compiled(self, A: Any) -> Entry:
        import torch

        def logdet(A):
            return 2.0 * torch.sum(torch.log(torch.diag(torch.linalg.cholesky(A))))

        return idiom.torch(logdet, (A,), 0, compiled=True)
