"""Products: which go to BLAS, and what is copied for it."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.pipeline import compile_function


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 3, 20, 20)), rng.normal(size=(8, 3, 3, 3))


def test_patches_are_copied_once_for_a_product_and_the_transposed_one():
    x, w = images()

    def f(x, w):
        def one(i, s):
            v = windows(x[i])
            y = np.einsum("chwij,ocij->ohw", v, w)
            return s + np.einsum("ohw,chwij->ocij", np.tanh(y), v)

        return wg.loop(0, 4, one, np.zeros_like(w))

    compiled = wg.jit(f)
    np.testing.assert_allclose(compiled(x, w), f(x, w), rtol=1e-12, atol=1e-12)
    patches = 18 * 18 * 27 * 8
    assert compiled.cost(x, w).arena_bytes < 3 * patches


def test_patches_of_what_has_changed_are_copied_again():
    x, w = images()

    def f(x, w):
        def one(i, carried):
            a, s = carried
            y = np.einsum("chwij,ocij->ohw", windows(a), w)
            a = a.at[0, 5, 5].set(2.0)
            s = s + np.einsum("ohw,chwij->ocij", y, windows(a))
            return a.at[1, 0, 0].add(0.5), s

        return wg.loop(0, 4, one, (x[0], np.zeros_like(w)))

    for got, wanted in zip(wg.jit(f)(x, w), f(x, w), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("layout", ["batch", "rows", "columns"])
def test_copies_of_a_stack_are_read_either_way(layout):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 12, 30)), rng.normal(size=(5, 30, 9))
    first, second = {
        "batch": ("bijk,bkl->bijl", "bijk,bijl->bkl"),
        "rows": ("bijk,bkl->bijl", "bijl,bijk->blk"),
        "columns": ("bkl,bijk->blij", "bijl,bijk->bkl"),
    }[layout]

    def f(x, y):
        def one(i, s):
            v = np.lib.stride_tricks.sliding_window_view(x[:, 0] + i, 10, axis=1)
            v = np.stack([v, 2.0 * v], axis=1)[:, :, :, ::2]
            p = np.einsum(first, v, y[:, :5]) if layout != "columns" else np.einsum(first, y[:, :5], v)
            p = p if layout != "columns" else np.transpose(p, (0, 2, 3, 1))
            return s + np.sum(np.einsum(second, v, p) if second.startswith("bijk") else np.einsum(second, p, v))

        return wg.loop(0, 3, one, 0.0)

    np.testing.assert_allclose(wg.jit(f)(x, y), f(x, y), rtol=1e-11)


@pytest.mark.parametrize(("width", "blas"), [(200, False), (2000, True)])
def test_short_rows_times_a_vector_need_no_blas(width, blas):
    x, w = np.random.default_rng(2).normal(size=(300, width)), np.linspace(-1, 1, width)
    module = compile_function(wg.record(lambda x, w: x @ w)(x, w))
    assert any(["gemv" in name for name in module.externals]) == blas
    np.testing.assert_allclose(wg.jit(lambda x, w: x @ w)(x, w), x @ w, rtol=1e-10, atol=1e-12)
    transposed = compile_function(wg.record(lambda x, w: w @ x)(x, np.ones(300)))
    assert any(["gemv" in name for name in transposed.externals])
