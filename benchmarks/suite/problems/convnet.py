"""A small convolutional network on handwritten digits of 8 by 8 pixels: two layers of convolution and max-pooling, one dense; float32.

Single precision, as networks are trained in; it is also what the peers' convolutions are written for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem

MEASURED = Path(__file__).resolve().parents[1] / "data" / "digits.csv.gz"  # UCI repository: 1,797 images, 64 pixels of 0 to 16, the digit
CHANNELS = 16, 32


def convolve(x, w, b):
    """Cross-correlation with w (out, in, 3, 3), zeros around x (batch, in, height, width)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))
    return np.einsum("bchwij,ocij->bohw", windows, w) + b[:, None, None]


def pool(x):
    n, c, h, w = x.shape
    return np.max(x.reshape(n, c, h // 2, 2, w // 2, 2), axis=(3, 5))


def loss(w1, b1, w2, b2, w3, b3, images, labels):
    h = pool(np.maximum(convolve(images, w1, b1), 0))
    h = pool(np.maximum(convolve(h, w2, b2), 0))
    z = h.reshape(len(h), -1) @ w3 + b3
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(len(labels)), labels])


class ConvNet(Problem):
    name = "convnet"
    title = "convolutional network on digits, float32"
    group = "arrays"
    sizes = {"16": {"batch": 16}, "128": {"batch": 128}, "1024": {"batch": 1024}}
    scale = staticmethod(lambda batch: float(batch))
    tolerance = 1e-5  # float32
    without = {
        "c": "its time is that of matrix products, which C leaves to a BLAS as well",
        "casadi": "double precision only, and no convolution",
    }

    def data(self, batch: int) -> tuple[Any, ...]:
        table = np.loadtxt(MEASURED, delimiter=",", max_rows=batch)
        images = (table[:, :64].reshape(batch, 1, 8, 8) / 16.0).astype(np.float32)
        rng, (c1, c2) = np.random.default_rng(0), CHANNELS
        shapes = (c1, 1, 3, 3), (c1,), (c2, c1, 3, 3), (c2,), (c2 * 4, 10), (10,)
        sizes = 1 / 3, 0.1, 1 / 12, 0.1, 1 / 8, 0.1
        parameters = [(size * rng.normal(size=shape)).astype(np.float32) for shape, size in zip(shapes, sizes, strict=True)]
        return *parameters, images, table[:, 64].astype(np.int64)

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(loss, data, tuple(range(6)), convolve, pool)

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def convolve(x, w, b):
            return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME") + b[:, None, None]

        def pool(x):
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

        def loss(w1, b1, w2, b2, w3, b3, images, labels):
            h = pool(jax.nn.relu(convolve(images, w1, b1)))
            h = pool(jax.nn.relu(convolve(h, w2, b2)))
            log_p = jax.nn.log_softmax(h.reshape(len(h), -1) @ w3 + b3)
            return -jnp.mean(jnp.take_along_axis(log_p, labels[:, None], axis=1))

        return idiom.jax(loss, data, tuple(range(6)), convolve, pool)

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch
        from torch.nn import functional

        def loss(w1, b1, w2, b2, w3, b3, images, labels):
            h = functional.max_pool2d(torch.relu(functional.conv2d(images, w1, b1, padding=1)), 2)
            h = functional.max_pool2d(torch.relu(functional.conv2d(h, w2, b2, padding=1)), 2)
            return functional.cross_entropy(torch.addmm(b3, h.flatten(1), w3), labels)

        return idiom.torch(loss, data, tuple(range(6)), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def convolve(x, w, b):
            n, c, height, width = x.shape
            x = anp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
            windows = anp.stack([x[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=2)
            windows = anp.transpose(windows, (0, 3, 4, 1, 2)).reshape(n * height * width, c * 9)
            out = anp.dot(windows, w.reshape(len(w), c * 9).T) + b
            return anp.transpose(out.reshape(n, height, width, len(w)), (0, 3, 1, 2))

        def pool(x):
            n, c, h, w = x.shape
            return anp.max(x.reshape(n, c, h // 2, 2, w // 2, 2), axis=(3, 5))

        def loss(w1, b1, w2, b2, w3, b3, images, labels):
            h = pool(anp.maximum(convolve(images, w1, b1), 0))
            h = pool(anp.maximum(convolve(h, w2, b2), 0))
            z = anp.dot(h.reshape(len(h), -1), w3) + b3
            z = z - anp.max(z, axis=1, keepdims=True)
            return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - z[anp.arange(len(labels)), labels])

        return idiom.autograd(loss, data, tuple(range(6)), convolve, pool)
