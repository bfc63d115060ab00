"""Variables that a loop assigns first: what stands for them before it is a constant of the program, of any size, and no data to pass."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg


def counted(x):
    y = x
    for _ in range(50):
        z = np.zeros(len(x))
        z[0] = y[0]
        y = y + z
    return y


def until(x):
    y = x
    while np.sum(y) < 1000.0:
        z = np.zeros_like(x)
        z[1:] = y[:-1]
        y = y + z
    return y + z


@pytest.mark.parametrize("f", [counted, until])
@pytest.mark.parametrize("n", [3, 1000])
def test_a_loop_passes_no_array_for_what_it_makes(f, n):
    x = np.linspace(0.1, 0.2, n)
    compiled = wg.jit(f)
    assert np.allclose(compiled(x), f(x), rtol=1e-14)
    assert len(compiled.lower(x).ir.inputs) == 1
    total = lambda x: np.sum(f(x) ** 2)
    assert np.allclose(wg.jit(wg.grad(total))(x), wg.grad(total)(x), rtol=1e-12)
