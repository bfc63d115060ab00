"""A signal convolved by two explicit loops; the gradient of a misfit with respect to the signal and the kernel.

The peers call their libraries' routine, as their users would.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def convolve(signal, kernel):
    n, k = len(signal), len(kernel)
    out = np.zeros(n - k + 1)
    for i in range(n - k + 1):
        for j in range(k):
            out[i] += kernel[j] * signal[i + k - 1 - j]
    return out


def misfit(signal, kernel, target):
    return 0.5 * np.sum((convolve(signal, kernel) - target) ** 2)


SOURCE = """
#include <string.h>
#define BLOCK 512 /* results that stay in the cache while all of the kernel is applied to them, in vectors */

static double residuals(long n, long k, const double *restrict x, const double *restrict w, const double *restrict target,
                        double *restrict r) {
    long m = n - k + 1;
    double total = 0.0;
    for (long start = 0; start < m; start += BLOCK) {
        long end = start + BLOCK < m ? start + BLOCK : m;
        for (long i = start; i < end; i++)
            r[i] = -target[i];
        for (long j = 0; j < k; j++) {
            double weight = w[j];
            const double *restrict at = x + k - 1 - j;
            for (long i = start; i < end; i++)
                r[i] += weight * at[i];
        }
        for (long i = start; i < end; i++)
            total += r[i] * r[i];
    }
    return 0.5 * total;
}

double value(long n, long k, const double *restrict x, const double *restrict w, const double *restrict target, double *restrict r) {
    return residuals(n, k, x, w, target, r);
}

double derivative(long n, long k, const double *restrict x, const double *restrict w, const double *restrict target, double *restrict r,
                  double *restrict gx, double *restrict gw) {
    double total = residuals(n, k, x, w, target, r);
    long m = n - k + 1;
    memset(gx, 0, n * sizeof(double));
    memset(gw, 0, k * sizeof(double));
    for (long start = 0; start < m; start += BLOCK) {
        long end = start + BLOCK < m ? start + BLOCK : m;
        for (long j = 0; j < k; j++) {
            double weight = w[j], lanes[8] = {0};
            const double *restrict at = x + k - 1 - j;
            double *restrict ct = gx + k - 1 - j;
            long i = start;
            for (; i + 8 <= end; i += 8)
                for (long l = 0; l < 8; l++) {
                    ct[i + l] += weight * r[i + l];
                    lanes[l] += r[i + l] * at[i + l];
                }
            for (; i < end; i++) {
                ct[i] += weight * r[i];
                lanes[0] += r[i] * at[i];
            }
            for (long l = 0; l < 8; l++)
                gw[j] += lanes[l];
        }
    }
    return total;
}
"""


class Convolution(Problem):
    name = "convolution"
    title = "convolution by explicit loops"
    group = "loops"
    sizes = {"100": {"n": 100, "k": 9}, "1000": {"n": 1000, "k": 31}, "10000": {"n": 10_000, "k": 31}}
    scale = staticmethod(lambda n, k: (n - k + 1) * k)
    without = {"casadi": "a graph node for every product"}

    def data(self, n: int, k: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        return rng.normal(size=n), rng.normal(size=k), rng.normal(size=n - k + 1)

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(misfit, data, (0, 1), convolve)

    def c(self, signal: Any, kernel: Any, target: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, n, k = Program(SOURCE), len(signal), len(kernel)
        gradients = np.empty(n), np.empty(k)
        arguments = (n, k, signal, kernel, target, np.empty(n - k + 1))
        value, derivative = program.bound("value", *arguments), program.bound("derivative", *arguments, *gradients)
        return Entry(value, lambda: (derivative(), gradients), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax.numpy as jnp

        def misfit(signal, kernel, target):
            return 0.5 * jnp.sum((jnp.convolve(signal, kernel, mode="valid") - target) ** 2)

        return idiom.jax(misfit, data, (0, 1))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch

        def misfit(signal, kernel, target):
            out = torch.nn.functional.conv1d(signal[None, None], kernel.flip(0)[None, None])[0, 0]
            return 0.5 * torch.sum((out - target) ** 2)

        return idiom.torch(misfit, data, (0, 1), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp
        from autograd.scipy.signal import convolve

        def misfit(signal, kernel, target):
            return 0.5 * anp.sum((convolve(signal, kernel, mode="valid") - target) ** 2)

        return idiom.autograd(misfit, data, (0, 1))
