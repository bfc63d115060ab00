"""Kernel ridge regression, a Gaussian process: its marginal likelihood, and the gradient with respect to the kernel's parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem

FEATURES = 6


def evidence(lengths, signal, noise, x, y):
    """Minus the log of the marginal likelihood; all three parameters are logarithms."""
    n = len(y)
    z = x / np.exp(lengths)
    squares = np.sum(z**2, axis=1)
    distances = squares[:, None] + squares - 2.0 * z @ z.T
    k = np.exp(signal - 0.5 * distances) + np.exp(noise) * np.eye(n)
    factor = np.linalg.cholesky(k)
    white = solve_triangular(factor, y, lower=True)
    return 0.5 * white @ white + np.sum(np.log(np.diag(factor))) + 0.5 * n * np.log(2.0 * np.pi)


class KernelRidge(Problem):
    name = "kernel_ridge"
    title = "kernel ridge regression, marginal likelihood"
    group = "arrays"
    sizes = {"50": {"n": 50}, "150": {"n": 150}, "400": {"n": 400}}
    scale = staticmethod(lambda n: float(n))
    exponent = 3.0
    without = {
        "c": "its time is that of LAPACK, which C calls as well",
        "casadi": "no dense Cholesky factor but of scalars: n^3 / 6 nodes",
    }

    def data(self, n: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        x = rng.normal(size=(n, FEATURES))
        y = np.sin(2.0 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=n)
        return np.linspace(-0.3, 0.8, FEATURES), np.array(0.2), np.array(-2.0), x, y

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(evidence, data, (0, 1, 2))

    def jax(self, *data: Any) -> Entry:
        import jax.numpy as jnp
        from jax.scipy.linalg import solve_triangular

        def evidence(lengths, signal, noise, x, y):
            n = len(y)
            z = x / jnp.exp(lengths)
            squares = jnp.sum(z**2, axis=1)
            distances = squares[:, None] + squares - 2.0 * z @ z.T
            k = jnp.exp(signal - 0.5 * distances) + jnp.exp(noise) * jnp.eye(n)
            factor = jnp.linalg.cholesky(k, symmetrize_input=False)
            white = solve_triangular(factor, y, lower=True)
            return 0.5 * white @ white + jnp.sum(jnp.log(jnp.diag(factor))) + 0.5 * n * jnp.log(2.0 * jnp.pi)

        return idiom.jax(evidence, data, (0, 1, 2))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import math

        import torch

        def evidence(lengths, signal, noise, x, y):
            n = len(y)
            z = x / torch.exp(lengths)
            squares = torch.sum(z**2, dim=1)
            distances = squares[:, None] + squares - 2.0 * z @ z.T
            k = torch.exp(signal - 0.5 * distances) + torch.exp(noise) * torch.eye(n, dtype=x.dtype)
            factor = torch.linalg.cholesky(k)
            white = torch.linalg.solve_triangular(factor, y[:, None], upper=False)[:, 0]
            return 0.5 * white @ white + torch.sum(torch.log(torch.diagonal(factor))) + 0.5 * n * math.log(2.0 * math.pi)

        return idiom.torch(evidence, data, (0, 1, 2), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp
        from autograd.scipy.linalg import solve_triangular

        def evidence(lengths, signal, noise, x, y):
            n = len(y)
            z = x / anp.exp(lengths)
            squares = anp.sum(z**2, axis=1)
            distances = squares[:, None] + squares - 2.0 * anp.dot(z, z.T)
            k = anp.exp(signal - 0.5 * distances) + anp.exp(noise) * anp.eye(n)
            factor = anp.linalg.cholesky(k)
            white = solve_triangular(factor, y, lower=True)
            return 0.5 * anp.dot(white, white) + anp.sum(anp.log(anp.diag(factor))) + 0.5 * n * anp.log(2.0 * anp.pi)

        return idiom.autograd(evidence, data, (0, 1, 2))
