"""Sums into one place are turned, and every place is added to in the order it was."""

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.lower import lower
from wengert.codegen.tiles import in_tiles
from wengert.loops.nest import For, walk
from wengert.loops.verifier import verify


def hints(f, *args):
    program = lower(wg.jit(f).lower(*args).passes[-1][1], "f")
    in_tiles(program)
    verify(program)
    return [len(range(s.start.const, s.stop.const, s.step)) for s in walk(program.block) if type(s) is For and s.hint == "written out"]


def convolve(x, w):
    out = np.zeros(len(x) - len(w) + 1)
    for i in range(len(out)):
        for j in range(len(w)):
            out[i] += w[j] * x[i + len(w) - 1 - j]
    return out


def downwards(x, w):
    out = np.zeros(len(x) - len(w) + 1)
    for i in range(len(out) - 1, -1, -1):
        for j in range(len(w) - 1, -1, -1):
            out[i] = out[i] * 0.5 + w[j] * x[i + j]
    return out


def matrix_vector(a, x):
    """Along its rows, which the loop over i would leap between."""
    out = np.zeros(len(a))
    for i in range(len(a)):
        for j in range(len(x)):
            out[i] += a[i, j] * x[j]
    return out


def smoothed(x, w):
    """Reads what an earlier i has written."""
    out = x.copy()
    for i in range(1, len(x)):
        for j in range(len(w)):
            out[i] += w[j] * out[i - 1]
    return out


X = np.random.default_rng(0).normal(size=300)


@pytest.mark.parametrize(("n", "wanted"), [(9, [9]), (32, [32]), (40, [16, 8]), (48, [16]), (100, [16, 4])])
def test_a_short_sum_is_written_out_and_a_long_one_in_tiles(n, wanted):
    assert hints(convolve, X, X[:n]) == wanted


def test_what_cannot_be_turned_or_gains_nothing_stays():
    assert hints(matrix_vector, X.reshape(20, 15), X[:15]) == []
    assert hints(smoothed, X, X[:9]) == []
    assert hints(convolve, X[:20], X[:9]) == []  # too few to be worth it


@pytest.mark.parametrize("f", [convolve, downwards, smoothed])
@pytest.mark.parametrize("n", [1, 9, 40])
def test_results_are_those_of_the_program(f, n):
    w = X[:n] * 0.1
    plain = f(X, w)
    np.testing.assert_allclose(wg.jit(f)(X, w), plain, rtol=0, atol=1e-14 * np.abs(plain).max())  # a product and a sum may be one
    loss = lambda x, w: np.sum(f(x, w) ** 2)
    for compiled, taped in zip(wg.jit(wg.grad(loss, (0, 1)))(X, w), wg.grad(loss, (0, 1))(X, w), strict=True):
        np.testing.assert_allclose(compiled, taped, rtol=1e-12, atol=1e-12 * np.abs(taped).max())
