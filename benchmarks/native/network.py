"""Value and gradient of a classifier: layers 784-256-128-10, relu, softmax cross-entropy, a batch of 128 in float32; one and two threads.

JAX and PyTorch hold parameters and data in arrays of their own; wengert takes and gives NumPy's. PyTorch runs eagerly, in the ordinary
way (forward, backward, gradients taken).

    python -m benchmarks.native.network [--json FILE]
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.native import THREADS
from benchmarks.native.measure import Table, Way, agree, fresh, peer, report, timed

LAYERS, BATCH = (784, 256, 128, 10), 128


def cross_entropy(np: Any) -> Any:
    """The loss in NumPy's functions: parameters are [(W, b), …], the labels one-hot."""

    def loss(parameters, x, labels):
        h = x
        for w, b in parameters[:-1]:
            h = np.maximum(h @ w + b, 0)
        w, b = parameters[-1]
        z = h @ w + b
        z = z - np.max(z, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(labels * z, axis=1))

    return loss


def data() -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    parameters = [
        ((rng.normal(size=(a, b)) / np.sqrt(a)).astype(np.float32), (0.1 * rng.normal(size=b)).astype(np.float32))
        for a, b in itertools.pairwise(LAYERS)
    ]
    x = rng.uniform(size=(BATCH, LAYERS[0])).astype(np.float32)
    labels = np.eye(LAYERS[-1], dtype=np.float32)[rng.integers(0, LAYERS[-1], BATCH)]
    return parameters, x, labels


def in_torch(torch: Any, parameters: Any, x: np.ndarray, labels: np.ndarray) -> Any:
    leaves = [torch.from_numpy(a.copy()).requires_grad_() for pair in parameters for a in pair]
    inputs, classes = torch.from_numpy(x), torch.from_numpy(labels.argmax(axis=1))

    def step():
        h = inputs
        for k in range(0, len(leaves) - 2, 2):
            h = torch.relu(torch.addmm(leaves[k + 1], h, leaves[k]))
        value = torch.nn.functional.cross_entropy(torch.addmm(leaves[-1], h, leaves[-2]), classes)
        return value, torch.autograd.grad(value, leaves)

    return step


def own_table() -> Table:
    parameters, x, labels = data()
    compiled = wg.jit(wg.value_and_grad(cross_entropy(np)))
    ways: dict[str, Way] = {"wengert": (compiled, parameters, x, labels)}
    exact = wg.value_and_grad(cross_entropy(np))([(w.astype(float), b.astype(float)) for w, b in parameters], x, labels)
    results: dict[str, Any] = {"float64": exact, "wengert": compiled(parameters, x, labels)}
    if jax := peer("jax"):
        theirs = jax.jit(jax.value_and_grad(cross_entropy(jax.numpy)))
        held = jax.device_put((parameters, x, labels))
        ways["JAX, its own arrays"] = (lambda *a: jax.block_until_ready(theirs(*a)), *held)
        ways["JAX, NumPy in and out"] = (lambda *a: jax.device_get(theirs(*a)), parameters, x, labels)
        results["JAX"] = jax.device_get(theirs(*held))
    if torch := peer("torch"):
        step = in_torch(torch, parameters, x, labels)
        value, gradient = step()
        ways["torch"] = (step,)
        results["torch"] = value.item(), [g.numpy() for g in gradient]
    agree(results, 1e-5)
    sizes = "-".join(map(str, LAYERS))
    return timed(f"softmax cross-entropy, {sizes}, batch {BATCH}, float32, value and gradient", ways, "wengert", rounds=21, seconds=0.05)


def tables() -> Iterator[Table]:
    yield own_table()
    if THREADS == 1 and (os.cpu_count() or 1) > 1:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "two.json")
            fresh(["-m", "benchmarks.native.network", "--json", str(file)], {"WENGERT_BENCHMARK_THREADS": "2", "XLA_FLAGS": ""})
            (found,) = json.loads(file.read_text())["tables"]
        del found["medians"]
        yield Table(**found)


if __name__ == "__main__":
    report(tables, __doc__)
