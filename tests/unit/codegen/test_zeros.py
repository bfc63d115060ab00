"""Rows that get nothing are passed by, and the sums are the same."""

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.lower import lower
from wengert.codegen.zeros import without_zeros
from wengert.loops.nest import For, If, walk
from wengert.loops.verifier import verify


def guards(f, *args):
    program = lower(wg.jit(f).lower(*args).passes[-1][1], "f")
    without_zeros(program)
    verify(program)
    return [s for s in walk(program.block) if type(s) is If and s.then and type(s.then[-1]) is For]


def nearest(centroids, points):
    total = 0.0
    for point in points:
        total += np.min(np.sum((centroids - point) ** 2, axis=1))
    return total


def some_rows(x, on):
    total = 0.0
    for i in range(len(on)):
        row = np.where(on[i] > 0, np.sqrt(x[i]), 0.0)
        total += np.sum(row * row * row)
    return total


RNG = np.random.default_rng(0)
CENTROIDS, POINTS = RNG.normal(size=(20, 17)), RNG.normal(size=(30, 17))


def test_only_the_row_of_the_nearest_is_added_to():
    assert len(guards(wg.grad(nearest), CENTROIDS, POINTS)) == 1
    gradient = wg.jit(wg.grad(nearest))(CENTROIDS, POINTS)
    distances = np.sum((CENTROIDS[None] - POINTS[:, None]) ** 2, axis=-1)
    wanted = np.zeros_like(CENTROIDS)
    np.add.at(wanted, np.argmin(distances, axis=1), 2 * (CENTROIDS[np.argmin(distances, axis=1)] - POINTS))
    np.testing.assert_allclose(gradient, wanted, rtol=1e-13)
    np.testing.assert_allclose(wg.grad(nearest)(CENTROIDS, POINTS), gradient, rtol=1e-13)


def test_ties_share():
    twice = np.concatenate([CENTROIDS, CENTROIDS])
    half = wg.jit(wg.grad(nearest))(twice, POINTS)
    np.testing.assert_allclose(half[:20], half[20:], rtol=1e-13)
    np.testing.assert_allclose(2 * half[:20], wg.jit(wg.grad(nearest))(CENTROIDS, POINTS), rtol=1e-13)


def test_second_order():
    _, diagonal = wg.jit(lambda c: wg.jvp(lambda c: wg.grad(nearest)(c, POINTS), (c,), (np.ones_like(c),)))(CENTROIDS)
    distances = np.sum((CENTROIDS[None] - POINTS[:, None]) ** 2, axis=-1)
    counts = np.bincount(np.argmin(distances, axis=1), minlength=20)
    np.testing.assert_array_equal(diagonal, np.repeat(2.0 * counts[:, None], 17, axis=1))


@pytest.mark.parametrize("compiled", [False, True])
def test_what_was_not_taken_may_be_infinite(compiled):
    far = CENTROIDS.copy()
    far[3] = np.inf  # never the nearest; its difference is infinite
    gradient = (wg.jit if compiled else lambda f: f)(wg.grad(nearest))(far, POINTS)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[3] == 0)


def test_rows_of_a_where():
    x, on = np.abs(RNG.normal(size=(9, 33))), np.array([1, 0, 0, 1, -1, 2, 0, 0, 1])
    x[1] = 0.0
    gradient = wg.jit(wg.grad(some_rows))(x, on)
    np.testing.assert_allclose(gradient, np.where(on[:, None] > 0, 1.5 * np.sqrt(x), 0.0), rtol=1e-13)


def test_numbers_that_are_zero_by_chance_are_added():
    def outer(x, v):
        total = np.zeros((len(v), len(x)))
        for k in range(len(v)):
            for i in range(len(x)):
                total[k, i] += v[k]
        return total

    assert not guards(outer, np.ones(20), np.array([0.0, 1.0]))
