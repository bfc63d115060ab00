"""Lanes of functions with loops go in strips: the same results, with the memory of a strip."""

import numpy as np
import pytest

import wengert as wg


def misfit(rates, observed):
    s, i, total = 0.99, 0.01, 0.0
    for infected in observed:
        new = rates[0] * s * i
        s = s - new
        i = i + new - rates[1] * i
        total = total + (i - infected) ** 2
    return total


def root(x, observed):
    y = x[0]
    while np.abs(y * y - x[1]) > 1e-9:
        if y > 2.0:
            y = 0.5 * y
        else:
            y = 0.5 * (y + x[1] / y)
    return y * observed[0]


OBSERVED = np.linspace(0.01, 0.4, 30)
RATES = np.random.default_rng(0).uniform(0.5, 1.0, size=(1003, 2))


@pytest.mark.parametrize("lanes", [5, 128, 200, 1000, 1003])
@pytest.mark.parametrize("f", [misfit, root])
def test_each_lane_as_alone(f, lanes):
    both = wg.vmap(wg.value_and_grad(f), in_axes=(0, None))
    got = wg.jit(both)(RATES[:lanes], OBSERVED)
    for a, b in zip(got, both(RATES[:lanes], OBSERVED), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)
    value, gradient = wg.value_and_grad(f)(RATES[lanes - 1], OBSERVED)
    np.testing.assert_allclose(got[0][-1], value, rtol=1e-11)
    np.testing.assert_allclose(got[1][-1], gradient, rtol=1e-11)


def test_gradient_of_a_sum_over_lanes():
    f = lambda r, o: np.sum(wg.vmap(misfit, in_axes=(0, None))(r, o) ** 2)
    both = wg.grad(f, argnums=(0, 1))
    for a, b in zip(wg.jit(both)(RATES, OBSERVED), both(RATES, OBSERVED), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_other_axes_and_results():
    f = lambda r, o: (misfit(r, o), r * 2)
    lanes = wg.vmap(f, in_axes=(1, None), out_axes=(0, 1))
    for a, b in zip(wg.jit(lanes)(RATES.T, OBSERVED), lanes(RATES.T, OBSERVED), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda f: wg.vmap(wg.grad(f), in_axes=(0, None)), lambda f: wg.grad(lambda r, o: np.sum(wg.vmap(f, in_axes=(0, None))(r, o)))]
)
def test_memory_does_not_grow_with_lanes(make):
    compiled = wg.jit(make(misfit))
    memory = [compiled.cost(np.tile(RATES[:500], (n, 1)), OBSERVED).arena_bytes for n in (1, 8)]
    assert memory[1] < memory[0] + 8 * 2 * 4000  # what is kept of each step is kept for one strip
    assert memory[0] < 100 * 30 * 8 * 3
