"""Taped gradients against autograd, in one run: a chain of 1000 scalar operations, and a 3-layer tanh network.

    pip install wengert[peers] && python -m benchmarks.micro.taped

Also shown: the first call (a trace not seen before), which has to build the derivative.
"""

from __future__ import annotations

import itertools
import time

import autograd
import autograd.numpy as anp
import numpy as np

import wengert as wg
from benchmarks.micro.timing import interleaved, table


def chain(np):
    """A scalar function of 1000 operations."""

    def f(x):
        for _ in range(250):
            x = np.sin(x) * 0.9 + x * x
            x = x / 2.0 if x > 100 else x  # never taken: a test of the value
        return x

    return f


def straight(np):
    """The same without the test."""

    def f(x):
        for _ in range(250):
            x = np.sin(x) * 0.9 + x * x
        return x

    return f


def network(np, X, y):
    """A 3-layer tanh network with squared loss."""

    def loss(parameters):
        h = X
        for W, b in parameters:
            h = np.tanh(np.dot(h, W) + b)
        return np.mean((h[:, 0] - y) ** 2)

    return loss


def main() -> None:
    x = 0.1
    for title, make in (("chain of 1000 scalar operations", straight), ("the same with a branch every 4 operations", chain)):
        ours, theirs = wg.grad(make(np)), autograd.grad(make(anp))
        start = time.perf_counter()
        value = ours(x)
        first = time.perf_counter() - start
        assert np.isclose(value, theirs(x), rtol=1e-10), (value, theirs(x))
        print(table(title, interleaved({"wengert": lambda: ours(x), "autograd": lambda: theirs(x)}), "autograd"))
        print(f"  wengert, first call          {first * 1e6:12.1f} µs")
    rng = np.random.default_rng(0)
    for batch, width in ((16, 16), (128, 64)):
        X, y = rng.normal(size=(batch, width)), rng.normal(size=batch)
        parameters = [(rng.normal(size=(a, b)) / np.sqrt(a), np.zeros(b)) for a, b in itertools.pairwise([width, width, width, 1])]
        ours, theirs = wg.grad(network(np, X, y)), autograd.grad(network(anp, X, y))
        a, b = ours(parameters), theirs(parameters)
        assert all(np.allclose(p, q, rtol=1e-10) for u, v in zip(a, b, strict=True) for p, q in zip(u, v, strict=True))
        print(
            table(
                f"3-layer tanh network, batch {batch}, width {width}",
                interleaved({"wengert": lambda: ours(parameters), "autograd": lambda: theirs(parameters)}),
                "autograd",
            )
        )


if __name__ == "__main__":
    main()
