"""Short rows that lie apart are kept as loops; sums along them are the same."""

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.checks import checked_before
from wengert.codegen.lower import lower
from wengert.codegen.rows import by_rows
from wengert.loops.nest import For, walk
from wengert.loops.verifier import verify


def rows(f, *args):
    program = lower(wg.jit(f).lower(*args).passes[-1][1], "f")
    checked_before(program)
    by_rows(program)
    verify(program)
    return [s.stop.const for s in walk(program.block) if type(s) is For and s.hint == "row"]


def chosen(u, v, i, j):
    return np.sum(u[i] * v[j], axis=1)


def distances(x, y):
    return np.sum((x[:, None] - y) ** 2, axis=2)


RNG = np.random.default_rng(0)


def data(rank):
    return RNG.normal(size=(30, rank)), RNG.normal(size=(20, rank)), RNG.integers(-30, 30, 100), RNG.integers(0, 20, 100)


@pytest.mark.parametrize(("rank", "wanted"), [(3, []), (4, [4]), (20, [20]), (31, [31]), (100, [])])
def test_rows_that_data_chooses(rank, wanted):
    assert rows(chosen, *data(rank)) == wanted


def test_rows_that_lie_apart():
    x, y = RNG.normal(size=(40, 12)), RNG.normal(size=(30, 12))
    assert rows(distances, x, y) == [12]
    assert rows(distances, x[:, :5], y[:, :5]) == []


@pytest.mark.parametrize("rank", [1, 5, 16, 20, 65])
def test_values_and_derivatives(rank):
    given = data(rank)
    np.testing.assert_allclose(wg.jit(chosen)(*given), chosen(*given), rtol=1e-12, atol=1e-13)
    gradient = wg.grad(lambda u, v, i, j: np.sum(chosen(u, v, i, j) ** 2), (0, 1))
    for compiled, taped in zip(wg.jit(gradient)(*given), gradient(*given), strict=True):
        np.testing.assert_allclose(compiled, taped, rtol=1e-12, atol=1e-12)
