"""How long one call of a compiled gradient takes from Python: log(x[0]) + x[0]*x[1] - sin(x[1]) at a 2-vector.

Every way takes a NumPy vector. wengert, JAX and autograd give a fresh NumPy vector back; CasADi's call gives its own matrix type; its
buffer interface is bound to two arrays beforehand and is shown bare, and with the copies in and out that the others do too.

    python -m benchmarks.native.latency [--json FILE]
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.native.measure import Table, Way, agree, peer, report, timed


def function(np: Any) -> Any:
    def f(x):
        return np.log(x[0]) + x[0] * x[1] - np.sin(x[1])

    return f


def with_casadi(x: np.ndarray, ways: dict[str, Way], results: dict[str, Any]) -> None:
    """CasADi's call and buffer interface, with its virtual machine and, where there is a C compiler, compiled."""
    ca = peer("casadi")
    if ca is None:
        return
    symbol = ca.SX.sym("x", 2)
    gradient = ca.gradient(ca.log(symbol[0]) + symbol[0] * symbol[1] - ca.sin(symbol[1]), symbol)
    variants = {"CasADi": {}}
    if shutil.which("gcc"):
        variants["CasADi, gcc -O3"] = {"jit": True, "compiler": "shell", "jit_options": {"flags": ["-O3", "-march=native"]}}
    for name, options in variants.items():
        g = ca.Function("g", [symbol], [gradient], options)
        source, target = x.copy(), np.zeros(2)
        buffer, trigger = g.buffer()
        buffer.set_arg(0, memoryview(source))
        buffer.set_res(0, memoryview(target))

        def copied(x, source=source, target=target, trigger=trigger, buffer=buffer):
            source[:] = x
            trigger()
            return target.copy()

        ways |= {f"{name} buffer": (trigger,), f"{name} buffer, copies in and out": (copied, x), f"{name} call": (g, x)}
        results |= {f"{name} buffer": copied(x), f"{name} call": np.array(g(x)).ravel()}


def tables() -> Iterator[Table]:
    x = np.array([2.0, 5.0])
    compiled, taped = wg.jit(wg.grad(function(np))), wg.grad(function(np))
    ways: dict[str, Way] = {"wengert": (compiled, x)}
    results = {"wengert": compiled(x), "wengert, taped": taped(x)}
    with_casadi(x, ways, results)
    if jax := peer("jax"):
        theirs = jax.jit(jax.grad(function(jax.numpy)))
        ways["JAX, NumPy in and out"] = (lambda x: np.asarray(theirs(x)), x)
        held = jax.numpy.asarray(x)
        ways["JAX, its own arrays"] = (lambda x: theirs(x).block_until_ready(), held)
        results["JAX"] = theirs(x)
    if autograd := peer("autograd"):
        import autograd.numpy as anp

        ways["autograd"] = (autograd.grad(function(anp)), x)
        results["autograd"] = ways["autograd"][0](x)
    ways["wengert, taped"] = (taped, x)
    agree(results)
    other = np.array([0.7, -1.3])  # a compiled call looks at its argument
    agree({"wengert": compiled(other), "wengert, taped": taped(other)})
    yield timed("gradient of log(x[0]) + x[0]*x[1] - sin(x[1]), one call from Python", ways, "wengert", rounds=25, seconds=0.01)


if __name__ == "__main__":
    report(tables, __doc__)
