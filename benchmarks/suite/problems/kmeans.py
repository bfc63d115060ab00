"""GradBench's kmeans: the sum of squared distances to the nearest centroid, and Newton's direction: gradient over Hessian diagonal.

The Hessian by the centroids is diagonal, so its product with ones is all of it, and comes along with the gradient in one forward mode
over reverse mode. `derivative` is the direction.
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def cost(centroids, points):
    total = 0.0
    for point in points:
        total += np.min(np.sum((centroids - point) ** 2, axis=1))
    return total


def direction(centroids, points):
    gradient, hessian = wg.jvp(lambda c: wg.grad(cost)(c, points), (centroids,), (np.ones_like(centroids),))
    return gradient / hessian


SOURCE = """
#include <math.h>
static inline long nearest(long k, long d, const double *restrict centroids, const double *restrict point, double *restrict least) {
    long found = 0;
    *least = INFINITY;
    for (long j = 0; j < k; j++) {
        double distance = 0.0;
        for (long i = 0; i < d; i++) {
            double t = centroids[j * d + i] - point[i];
            distance += t * t;
        }
        if (distance < *least) { *least = distance; found = j; }
    }
    return found;
}
double cost(long n, long k, long d, const double *restrict centroids, const double *restrict points) {
    double total = 0.0, least;
    for (long i = 0; i < n; i++) {
        nearest(k, d, centroids, points + i * d, &least);
        total += least;
    }
    return total;
}
void direction(long n, long k, long d, const double *restrict centroids, const double *restrict points, double *restrict hessian,
               double *restrict g) {
    double least;
    for (long j = 0; j < k * d; j++) g[j] = 0.0;
    for (long j = 0; j < k; j++) hessian[j] = 0.0;
    for (long i = 0; i < n; i++) {
        long j = nearest(k, d, centroids, points + i * d, &least);
        for (long l = 0; l < d; l++) g[j * d + l] += 2.0 * (centroids[j * d + l] - points[i * d + l]);
        hessian[j] += 2.0;
    }
    for (long j = 0; j < k; j++)
        for (long l = 0; l < d; l++) g[j * d + l] /= hessian[j];
}
"""


class KMeans(Problem):
    name, title, group = "kmeans", "k-means: Newton's direction", "gradbench"
    gradient = False
    sizes = {
        "10,1000,8": {"k": 10, "n": 1000, "d": 8},
        "10,10000,16": {"k": 10, "n": 10000, "d": 16},
        "100,10000,16": {"k": 100, "n": 10000, "d": 16},
        "1000,10000,16": {"k": 1000, "n": 10000, "d": 16},
    }
    without = {
        "torch_compiled": "second derivatives (double backward) are not supported by torch.compile",
        "casadi": "a minimum over k of n points: k·n·d scalar nodes",
    }

    @staticmethod
    def scale(k, n, d):
        return float(k * n * d)

    def data(self, k, n, d):
        points = np.random.default_rng(31337).random((n, d))
        return points[:k].copy(), points  # each centroid is nearest to a point at least

    def wengert(self, centroids, points):
        value, derivative = wg.jit(cost), wg.jit(direction)
        return Entry(lambda: value(centroids, points), lambda: derivative(centroids, points), lines_of(cost, direction))

    def c(self, centroids, points):
        program, g, (k, d) = Program(SOURCE), np.empty_like(centroids), centroids.shape
        value = program.bound("cost", len(points), k, d, centroids, points)
        derivative = program.bound("direction", len(points), k, d, centroids, points, np.empty(k), g, returns=None)
        return Entry(value, lambda: (derivative(), g)[1], lines_of(SOURCE))

    def jax(self, centroids, points):
        """As in GradBench's JAX tool: distances by a matrix product."""
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def cost(centroids, points):
            squared = jnp.sum(points**2, axis=1)[:, None] + jnp.sum(centroids**2, axis=1) - 2 * points @ centroids.T
            return jnp.sum(jnp.min(squared, axis=1))

        def direction(centroids, points):
            gradient, hessian = jax.jvp(lambda c: jax.grad(cost)(c, points), (centroids,), (jnp.ones_like(centroids),))
            return gradient / hessian

        c, p, value, derivative = jnp.asarray(centroids), jnp.asarray(points), jax.jit(cost), jax.jit(direction)
        lines = lines_of(cost, direction)
        return Entry(lambda: jax.block_until_ready(value(c, p)), lambda: jax.block_until_ready(derivative(c, p)), lines)

    def torch(self, centroids, points):
        """As in GradBench's PyTorch tool."""
        import torch

        def cost(centroids, points):
            squared = (points**2).sum(1)[:, None] + (centroids**2).sum(1) - 2 * points @ centroids.T
            return torch.min(squared, dim=1).values.sum()

        c, p = torch.tensor(centroids, requires_grad=True), torch.tensor(points)
        fixed = c.detach()

        def direction():
            (gradient,) = torch.autograd.grad(cost(c, p), c, create_graph=True)
            (hessian,) = torch.autograd.grad(gradient.sum(), c)
            return (gradient / hessian).detach()

        return Entry(lambda: cost(fixed, p), direction, lines_of(cost, direction))

    def autograd(self, centroids, points):
        import autograd
        import autograd.numpy as anp

        def cost(centroids):
            squared = (points**2).sum(1)[:, None] + anp.sum(centroids**2, axis=1) - 2 * anp.dot(points, centroids.T)
            return anp.sum(anp.min(squared, axis=1))

        def direction():
            gradient, hessian = autograd.grad(cost), autograd.elementwise_grad(autograd.grad(cost))
            return gradient(centroids) / hessian(centroids)

        return Entry(lambda: cost(centroids), direction, lines_of(cost, direction))
