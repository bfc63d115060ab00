"""Value and gradient of the chained Rosenbrock function in vectorised NumPy, n = 10³ and 10⁶, against a loop in C.

The C is what one would write by hand: one pass, value and gradient, compiled with -O3 -march=native when the script runs. It is timed
without Python, called over and over from C, and as called from Python through ctypes, into an array given to it. C adds the terms of the
value in order, which keeps the processor waiting; so there is also a C loop that gcc may vectorise, with -ffast-math.

    python -m benchmarks.native.rosenbrock [--json FILE]
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.native.measure import FLAGS, Table, agree, c_library, peer, report, timed

SOURCE = """
#ifdef VECTORS
double rosenbrock(long n, const double *restrict x, double *restrict g) {
    double u = 1.0 - x[0], t = x[1] - x[0] * x[0];
    double value = 100.0 * t * t + u * u;
    g[0] = -400.0 * x[0] * t - 2.0 * u;
    for (long i = 1; i < n - 1; i++) {
        double before = x[i] - x[i - 1] * x[i - 1], after = x[i + 1] - x[i] * x[i], v = 1.0 - x[i];
        value += 100.0 * after * after + v * v;
        g[i] = 200.0 * before - 400.0 * x[i] * after - 2.0 * v;
    }
    g[n - 1] = 200.0 * (x[n - 1] - x[n - 2] * x[n - 2]);
    return value;
}
#else
double rosenbrock(long n, const double *restrict x, double *restrict g) {
    double value = 0.0, carry = 0.0;
    for (long i = 0; i < n - 1; i++) {
        double t = x[i + 1] - x[i] * x[i], u = 1.0 - x[i];
        value += 100.0 * t * t + u * u;
        g[i] = carry - 400.0 * x[i] * t - 2.0 * u;
        carry = 200.0 * t;
    }
    g[n - 1] = carry;
    return value;
}
#endif
double repeated(long times, long n, const double *restrict x, double *restrict g) {
    double total = 0.0;
    for (long k = 0; k < times; k++) {
        total += rosenbrock(n, x, g);
        __asm__ volatile("" : : "r"(x), "r"(g) : "memory"); /* each call is made */
    }
    return total;
}
"""


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def by_hand(x):
    """Value and gradient in NumPy, as one would write them by hand."""
    t, u = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
    g = np.zeros_like(x)
    g[:-1] = -400.0 * x[:-1] * t - 2.0 * u
    g[1:] += 200.0 * t
    return np.sum(100.0 * t**2 + u**2), g


def pointer(x: np.ndarray) -> Any:
    return x.ctypes.data_as(ctypes.POINTER(ctypes.c_double))


class InC:
    """The loop in C for one vector, as called from Python through ctypes."""

    def __init__(self, library: Any, x: np.ndarray) -> None:
        self.one, self.many = library.rosenbrock, library.repeated
        self.one.restype = self.many.restype = ctypes.c_double
        self.n, self.x, self.g = ctypes.c_long(x.size), x, np.empty_like(x)
        self.pointers = [a.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for a in (self.x, self.g)]

    def __call__(self) -> tuple[float, np.ndarray]:
        return self.one(self.n, *self.pointers), self.g

    def timeit(self, number: int) -> float:
        """Seconds that this many calls from C take."""
        start = time.perf_counter()
        self.many(ctypes.c_long(number), self.n, *self.pointers)
        return time.perf_counter() - start


def tables() -> Iterator[Table]:
    library, jax = c_library(SOURCE), peer("jax")
    for n, name in ((10**3, "10³"), (10**6, "10⁶")):
        x = np.random.default_rng(0).normal(size=n)
        compiled = wg.jit(wg.value_and_grad(rosenbrock))
        ways: dict[str, Any] = {"wengert": (compiled, x)}
        results: dict[str, Any] = {"NumPy, by hand": by_hand(x), "wengert": compiled(x)}
        if jax:
            theirs = jax.jit(jax.value_and_grad(lambda x: jax.numpy.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)))
            ways["JAX, its own arrays"] = (lambda x, f=theirs: jax.block_until_ready(f(x)), jax.numpy.asarray(x))
            ways["JAX, NumPy in and out"] = (lambda x, f=theirs: jax.device_get(f(x)), x)
            results["JAX"] = theirs(x)
        ways["NumPy, by hand"] = (by_hand, x)
        if library:
            loop, vectors = InC(library, x), InC(c_library(SOURCE, (*FLAGS, "-ffast-math", "-DVECTORS")), x)
            ways = {"C loop": loop, "C loop, -ffast-math": vectors, "C loop through ctypes": (loop,), **ways}
            results |= {"C loop": loop(), "C loop, -ffast-math": vectors()}
        agree(results)
        yield timed(
            f"chained Rosenbrock, value and gradient, n = {name}", ways, "C loop" if library else "wengert", rounds=21, seconds=0.02
        )


if __name__ == "__main__":
    report(tables, __doc__)
