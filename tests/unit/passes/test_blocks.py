"""Rows in blocks: where they are taken so, that results are the same, and that memory is."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.gallery import differences as plain
from tests.gallery.differences import close
from tests.gallery.differences import flat as vector
from tests.gallery.registry import load
from wengert.ir.values import Function
from wengert.passes import axes, blocks
from wengert.passes.axes import axes_of
from wengert.passes.pipeline import optimise
from wengert.primitives.control import Loop


def optimised(f, *arguments) -> Function:
    return optimise(wg.record(f)(*arguments))


def loops(function: Function) -> list[int]:
    """The trip counts of the loops."""
    return [e.operation.length for e in function.equations if type(e.operation) is Loop]


def check(f, *arguments, count: int | None = None, rtol: float = 1e-10) -> Function:
    """The compiled result is that without compilation, and there is so many a loop."""
    function = optimised(f, *arguments)
    if count is not None:
        assert len(loops(function)) == count
    for got, wanted in zip(flat(wg.jit(f)(*arguments)), flat(f(*arguments)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol * np.max(np.abs(wanted)))
    return function


def flat(x):
    return [a for part in x for a in flat(part)] if isinstance(x, tuple) else [np.asarray(x)]


def table(n: int, d: int, dtype=np.float64):
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, d)).astype(dtype), rng.normal(size=d).astype(dtype), rng.uniform(size=n).astype(dtype)


def misfit(w, x, y):
    z = x @ w
    return np.mean(np.logaddexp(0.0, z) - y * z) + 0.01 * np.sum(w**2)


@pytest.mark.parametrize("n", [8000, 8009], ids=["divides", "prime"])
def test_a_product_and_its_gradient_read_the_table_once(n):
    x, w, y = table(n, 60)
    function = check(wg.value_and_grad(misfit), w, x, y, count=1)
    (length,) = loops(function)
    assert length >= 4
    assert not any([a.type.size > 4096 for e in function.equations for a in e.outs if e.operation.name not in ("reshape", "slice")])
    compiled = wg.jit(wg.value_and_grad(misfit))
    assert compiled.cost(w, x, y).arena_bytes < 40_000


def test_least_squares_and_several_right_hand_sides():
    x, _, _ = table(8000, 48)
    w, y = np.ones((48, 3)), np.arange(24000.0).reshape(8000, 3) / 1e4
    check(wg.grad(lambda w: np.sum((x @ w - y) ** 2)), w, count=1)


def test_samples_along_the_last_axis():
    x, w, y = table(4096, 64)
    x = np.ascontiguousarray(x.T)

    def loss(w, x):
        return np.sum(np.tanh(w @ x) * y)

    check(wg.value_and_grad(loss), w, x, count=1)


@pytest.mark.parametrize("n", [4096, 4099])
def test_rows_that_are_results_are_put_together_again(n):
    x, w, _ = table(n, 64)

    def f(w, x):
        p = np.tanh(x @ w)
        return np.sum(p**2), p

    check(wg.value_and_grad(f, has_aux=True), w, x)

    def twice(w, x):
        h = np.tanh(x @ np.outer(w, w))
        return np.sum(np.exp(-(h**2)) @ w), h.T @ h

    check(twice, w, x, count=1)


def test_a_sum_over_all_rows_divides_the_work_in_two():
    x, w, _ = table(6000, 64)

    def loss(w, x):
        z = x @ w
        z = z - np.mean(z)
        return np.mean(np.exp(z / np.sqrt(np.mean(z**2))))

    check(wg.value_and_grad(loss), w, x)


def test_ratings_are_added_in_their_order():
    rng = np.random.default_rng(3)
    u, v = rng.normal(size=(50, 8)), rng.normal(size=(70, 8))
    rows, columns, y = rng.integers(0, 50, 30011), rng.integers(0, 70, 30011), rng.normal(size=30011)

    def loss(u, v, rows, columns):
        return np.sum((np.sum(u[rows] * v[columns], axis=1) - y) ** 2)

    function = check(wg.grad(loss, (0, 1)), u, v, rows, columns, count=1)
    assert loops(function)[0] >= 4
    compiled = wg.jit(wg.grad(loss, (0, 1)))
    compiled(u, v, rows, columns)
    assert compiled.cost(u, v, rows, columns).arena_bytes < 100_000
    rows[17_000] = 50
    with pytest.raises(IndexError):
        compiled(u, v, rows, columns)


def test_labels_choose_in_their_own_row():
    rng = np.random.default_rng(4)
    x, w, labels = rng.normal(size=(3000, 100)), rng.normal(size=(100, 7)) / 10, rng.integers(0, 7, 3000)

    def loss(w, x):
        z = x @ w
        z = z - np.max(z, axis=1, keepdims=True)
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - z[np.arange(3000), labels])

    function = check(wg.value_and_grad(loss), w, x, count=1)
    assert not any([e.operation.name in ("gather", "scatter_add") for e in function.equations])


def test_images_one_after_another():
    rng = np.random.default_rng(5)
    images, w = rng.normal(size=(1024, 3, 10, 10)).astype(np.float32), rng.normal(size=(8, 3, 3, 3)).astype(np.float32)

    def loss(w, images):
        padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        h = np.maximum(np.einsum("bchwij,ocij->bohw", windows, w), 0)
        return np.mean(np.max(h.reshape(1024, 8, 5, 2, 5, 2), axis=(3, 5)) ** 2)

    gradient = wg.grad(loss, (0, 1))
    check(gradient, w, images, count=1, rtol=1e-5)
    assert wg.jit(gradient).cost(w, images).arena_bytes < 1.5 * images.nbytes


def test_where_nothing_is_spared_nothing_changes():
    x, w, y = table(8000, 64)
    assert not loops(optimised(lambda w: np.sum(np.tanh(x @ w) * y), w))  # the table is read once as it is
    assert not loops(optimised(wg.grad(lambda w: np.sum((x[:500] @ w) ** 2)), w))  # in the cache
    a = np.random.default_rng(6).normal(size=(600, 600))
    assert not loops(optimised(wg.grad(lambda b: np.sum(np.tanh(a @ b) @ a)), a))  # arithmetic is all
    assert not loops(optimised(wg.grad(lambda x: np.sum(np.exp(x) * np.sin(x))), np.ones(500_000)))  # one nest anyway


def test_a_checkpoint_is_left_alone():
    x, w, y = table(4000, 60)
    f = wg.grad(lambda w: wg.checkpoint(misfit)(w, x, y))
    np.testing.assert_allclose(wg.jit(f)(w), f(w), rtol=1e-10)


def test_an_axis_that_a_value_has_twice_is_not_one():
    x, _, _ = table(1000, 64)
    function = wg.record(lambda x: np.sum(x @ x.T, axis=0))(x)
    (gram,) = [e.outs[0] for e in function.equations if e.outs[0].type.shape == (1000, 1000)]
    assert not any([gram in axis.of for axis in axes_of(function)])
    check(lambda x: np.sum(x @ x.T, axis=0), x)


def test_an_array_may_be_read_row_by_row_and_whole():
    x, w, _ = table(8000, 64)
    order = np.random.default_rng(7).permutation(8000)

    def loss(w, x, order):
        return np.sum(np.tanh(x @ w) * (x[order] @ w))

    check(wg.value_and_grad(loss), w, x, order, count=1)
    check(wg.value_and_grad(lambda w, x: loss(w, x, order)), w, x, count=1)


@pytest.mark.parametrize(
    "program", [p for p in load() if p.name.split("-")[0] in ("statistics", "physics", "signal") and not p.no_jit], ids=lambda p: p.name
)
def test_small_programs_in_two_blocks_wherever_that_can_be(program, monkeypatch):
    def halves(self, work, level):
        work.saved, work.rows = 1.0, self.axis.length // 2

    monkeypatch.setattr(axes, "SHORTEST", 2)
    monkeypatch.setattr(blocks, "CACHE", 0)
    monkeypatch.setattr(blocks._Plan, "weigh", halves)
    gradient = wg.grad(plain.objective(program), argnums=program.wrt)
    close(vector(wg.jit(gradient)(*program.arguments())), vector(gradient(*program.arguments())), 1e-10)
