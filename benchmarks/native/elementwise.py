"""Elementwise functions of 10⁶ doubles: log(x) + x*y - sin(y), and a mix of tanh, exp and a power.

JAX is shown with its own arrays (nothing copied) and with NumPy arrays; PyTorch eagerly; numba as a loop it compiles, with LLVM's default
and with fastmath; wengert with a fresh result, and with fastmath.

    python -m benchmarks.native.elementwise [--json FILE]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.native.measure import Table, Way, agree, peer, report, timed

N = 10**6


def logs(np: Any) -> Any:
    def f(x, y):
        return np.log(x) + x * y - np.sin(y)

    return f


def mix(np: Any) -> Any:
    def f(x, y):
        return np.tanh(x) * np.exp(-y) + x**1.5 / (1.0 + y * y)

    return f


def looped(numba: Any, fastmath: bool) -> dict[Any, Any]:
    """The same as loops over elements, compiled by numba."""
    import math

    @numba.njit(fastmath=fastmath)
    def logs_loop(x, y):
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = math.log(x[i]) + x[i] * y[i] - math.sin(y[i])
        return out

    @numba.njit(fastmath=fastmath)
    def mix_loop(x, y):
        out = np.empty_like(x)
        for i in range(x.size):
            out[i] = math.tanh(x[i]) * math.exp(-y[i]) + x[i] ** 1.5 / (1.0 + y[i] * y[i])
        return out

    return {logs: logs_loop, mix: mix_loop}


def tables() -> Iterator[Table]:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 3.0, N), rng.uniform(-3.0, 3.0, N)
    jax, torch, numba = peer("jax"), peer("torch"), peer("numba")
    for title, function in (("log(x) + x*y - sin(y)", logs), ("tanh(x)*exp(-y) + x**1.5/(1 + y*y)", mix)):
        compiled, fast = wg.jit(function(np)), wg.jit(function(np), fastmath=True)
        ways: dict[str, Way] = {"wengert": (compiled, x, y), "wengert, fastmath": (fast, x, y)}
        results: dict[str, Any] = {"NumPy": function(np)(x, y), "wengert": compiled(x, y), "wengert, fastmath": fast(x, y)}
        if jax:
            theirs = jax.jit(function(jax.numpy))
            held = jax.numpy.asarray(x), jax.numpy.asarray(y)
            ways["JAX, its own arrays"] = (lambda x, y, f=theirs: f(x, y).block_until_ready(), *held)
            ways["JAX, NumPy in and out"] = (lambda x, y, f=theirs: np.asarray(f(x, y)), x, y)
            results["JAX"] = theirs(x, y)
        if torch:
            tensors = torch.from_numpy(x), torch.from_numpy(y)
            ways["torch"] = (function(torch), *tensors)
            results["torch"] = function(torch)(*tensors).numpy()
        if numba:
            for name, fastmath in (("numba", False), ("numba, fastmath", True)):
                loop = looped(numba, fastmath)[function]
                ways[name], results[name] = (loop, x, y), loop(x, y)
        ways["NumPy"] = (function(np), x, y)
        agree(results)
        yield timed(f"{title}, 10⁶ doubles", ways, "wengert", rounds=15, seconds=0.05)


if __name__ == "__main__":
    report(tables, __doc__)
