"""What is made only to be put beside others is computed where it is going to be."""

import numpy as np
import pytest

import wengert as wg

X = np.random.default_rng(0).normal(size=(50, 4))
N = len(X)


def rows(x, f):
    """A loop that writes whole rows, so that its result has memory."""
    out = np.empty(x.shape)
    for i in range(len(x)):
        out[i] = np.cumsum(f(x[i]))
    return out


def listed(x, f):
    """A loop that collects rows, which may lie anywhere."""
    out = []
    for i in range(len(x)):
        out.append(np.cumsum(f(x[i])))
    return np.array(out)


def agrees(f, *args, scratch=None):
    compiled = wg.jit(f)
    for got, wanted in zip(np.atleast_1d(compiled(*args)), np.atleast_1d(f(*args)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    if scratch is not None:
        assert compiled.cost(*args).arena_bytes <= scratch
    return compiled


def test_parts_of_a_result():
    agrees(lambda x: np.concatenate([rows(x, np.sin), 2 * x, listed(x, np.cos)]), X, scratch=256)
    agrees(lambda x: np.concatenate([listed(x, np.sin), 2 * x, listed(x, np.cos)], axis=1), X, scratch=256)
    agrees(lambda x: np.concatenate([rows(x, np.sin), 2 * x, rows(x, np.cos)], axis=1), X)


@pytest.mark.parametrize("kind", [rows, listed])
def test_a_part_of_a_part(kind):
    def f(x):
        inner = np.concatenate([kind(x, np.sin), kind(x, np.cos)], axis=1)
        return np.concatenate([x[0], inner.ravel(), x[1]])

    agrees(f, X, scratch=256 if kind is listed else None)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_beside_one_another(axis):
    agrees(lambda x: np.stack([listed(x, np.sin), listed(x, np.cos), x], axis=axis), X, scratch=256)
    agrees(lambda x: np.stack([rows(x, np.sin), rows(x, np.cos), x], axis=axis), X)


def test_updates_are_made_in_the_part():
    def f(x):
        a = rows(x, np.sin)
        a[::2, 1] = x[::2, 0] ** 2
        a[1::2] += 1.0
        return np.concatenate([x.ravel(), a.ravel(), rows(x, np.cos).ravel()])

    agrees(f, X, scratch=256)


def test_updates_are_made_in_line_only():
    def f(x):
        a = rows(x, np.sin)
        a[::2, 1] = x[::2, 0] ** 2
        return np.concatenate([x, a], axis=1)

    agrees(f, X)


def test_put_into_zeros():
    def f(x):
        out = np.zeros((N + 6, 4))
        out[3 : N + 3] = listed(x, np.sin)
        return out

    agrees(f, X, scratch=256)
    agrees(lambda x: np.pad(listed(x, np.sin), ((2, 2), (1, 0))), X)
    agrees(lambda x: np.pad(rows(x, np.sin), 2), X)


def test_what_is_needed_elsewhere_keeps_its_memory():
    def twice(x):
        a = rows(x, np.sin)
        return np.concatenate([a, a])

    def read(x):
        a = rows(x, np.sin)
        return np.concatenate([x, a]) * np.sum(a)

    def also(x):
        a = rows(x, np.sin)
        b = a.copy()
        b[0] = 7.0
        return np.concatenate([a, b, x], axis=1)

    def returned(x):
        a = rows(x, np.sin)
        return np.concatenate([x, a]).ravel()[::3] + 0.0, a

    for f in (twice, read, also):
        agrees(f, X)
    both, alone = wg.jit(returned)(X)
    np.testing.assert_allclose(both, returned(X)[0])
    np.testing.assert_allclose(alone, returned(X)[1])


def test_carried_arrays_that_change_places():
    def f(x, n):
        a, b = rows(x, np.sin), rows(x, np.cos)
        for _ in range(n):
            a, b = b, a + 1.0
        return np.concatenate([a, b, a[:1]], axis=0)

    agrees(f, X, 3)
    agrees(lambda x, n: np.concatenate([f(x, n), f(2 * x, n)]), X, 4)


def test_inside_of_loops_and_branches():
    def f(x, n):
        total = np.zeros((2 * N, 4))
        for i in range(n):
            y = np.concatenate([rows(x, np.sin), rows(x + i, np.cos)])
            total += y if total[0, 0] > 0 else y[::-1]
        return total

    agrees(f, X, 5)

    def g(x, n):
        state = np.concatenate([x, x])
        for _ in range(n):
            state = np.concatenate([rows(state[N:], np.sin), rows(state[:N], np.cos)])
        return state

    agrees(g, X, 5)

    def turned(x, n):
        for _ in range(n):
            x = x[::-1]
        return np.concatenate([x, x])

    agrees(turned, X, 3)


def test_blas_writes_without_gaps():
    def f(x):
        return np.concatenate([x.T @ x, x.T @ np.sin(x)], axis=1), np.concatenate([x @ x.T, np.cos(x) @ x.T])

    for got, wanted in zip(wg.jit(f)(X), f(X), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_of_complex_numbers():
    agrees(lambda x: np.concatenate([rows(x, np.sin) * 1j, rows(x, np.cos) + 0j], axis=1), X)


def test_a_sparse_jacobian():
    """Blocks of derivatives by several arguments, each lane's side by side."""

    def residual(a, b, w):
        return w * np.array([a @ a + b[0], np.sin(a[0]) * b[1] * b[2]])

    def blocks(a, b, w):
        by_a, by_b, by_w = wg.vmap(wg.jacobian(residual, argnums=(0, 1, 2)))(a, b, w)
        return np.concatenate([by_a, by_b, by_w[:, :, None]], axis=2).ravel()

    args = X, X[:, 1:].copy(), X[:, 0].copy()
    np.testing.assert_allclose(wg.jit(blocks)(*args), blocks(*args), rtol=1e-12)


def test_random_arrangements():
    rng = np.random.default_rng(5)

    def arrangement(rng, x, depth):
        kind = rng.integers(6) if depth else 0
        parts = [arrangement(rng, x, depth - 1) for _ in range(rng.integers(1, 4))] if kind else []
        if kind == 0:
            made = [lambda: rows(x, np.sin), lambda: listed(x, np.sin), lambda: rows(x, np.cos)[::-1], lambda: rows(x, np.tanh) + x][
                rng.integers(4)
            ]()
            return made.ravel()
        if kind == 1:
            return np.concatenate(parts)
        if kind == 2:
            return np.concatenate([p.reshape(-1, 4) for p in parts], axis=0).ravel()
        if kind == 3:
            shortest = min(len(p) for p in parts)
            return np.stack([p[:shortest] for p in parts], axis=int(rng.integers(2))).ravel()
        if kind == 4:
            out = np.zeros(len(parts[0]) + 8)
            out[3 : 3 + len(parts[0])] = parts[0]
            return out
        y = np.concatenate([*parts, parts[0]])
        y[1::2] += 1.0
        return y

    for seed in rng.integers(1 << 30, size=25):
        f = lambda x, seed=seed: arrangement(np.random.default_rng(seed), x, 3)
        np.testing.assert_allclose(wg.jit(f)(X[:20]), f(X[:20]), rtol=1e-12)
