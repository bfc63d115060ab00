"""A classifier of three dense layers, 784-256-128-10: softmax cross-entropy of a batch, in float32."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem

LAYERS = (784, 256, 128, 10)


def loss(w1, b1, w2, b2, w3, b3, x, labels):
    h = np.maximum(x @ w1 + b1, 0)
    h = np.maximum(h @ w2 + b2, 0)
    z = h @ w3 + b3
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(labels)), labels])


class Mlp(Problem):
    name = "mlp"
    title = "softmax cross-entropy of three dense layers, float32"
    group = "arrays"
    sizes = {"32": {"batch": 32}, "128": {"batch": 128}, "1024": {"batch": 1024}}
    scale = staticmethod(lambda batch: float(batch))
    tolerance = 1e-5  # float32
    without = {
        "c": "its time is that of matrix products, which C leaves to a BLAS as well",
        "casadi": "double precision only",
    }

    def data(self, batch: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        parameters = []
        for a, b in itertools.pairwise(LAYERS):
            parameters += [(rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32), (0.1 * rng.normal(size=b)).astype(np.float32)]
        return *parameters, rng.uniform(size=(batch, LAYERS[0])).astype(np.float32), rng.integers(0, LAYERS[-1], batch)

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(loss, data, tuple(range(6)))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def loss(w1, b1, w2, b2, w3, b3, x, labels):
            h = jax.nn.relu(x @ w1 + b1)
            h = jax.nn.relu(h @ w2 + b2)
            log_p = jax.nn.log_softmax(h @ w3 + b3)
            return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

        return idiom.jax(loss, data, tuple(range(6)))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch

        def loss(w1, b1, w2, b2, w3, b3, x, labels):
            h = torch.relu(torch.addmm(b1, x, w1))
            h = torch.relu(torch.addmm(b2, h, w2))
            return torch.nn.functional.cross_entropy(torch.addmm(b3, h, w3), labels)

        return idiom.torch(loss, data, tuple(range(6)), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def loss(w1, b1, w2, b2, w3, b3, x, labels):
            h = anp.maximum(anp.dot(x, w1) + b1, 0)
            h = anp.maximum(anp.dot(h, w2) + b2, 0)
            z = anp.dot(h, w3) + b3
            z = z - anp.max(z, axis=1, keepdims=True)
            return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[anp.arange(len(labels)), labels])

        return idiom.autograd(loss, data, tuple(range(6)))
