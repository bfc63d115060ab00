"""Arrays whose elements are each written by one iteration: the way back reads them as the loop left them."""

import numpy as np
import pytest

import wengert as wg

N = 400
RNG = np.random.default_rng(0)
A, B, C, D = RNG.uniform(0.1, 1.0, N), RNG.uniform(3.0, 4.0, N), RNG.uniform(0.1, 1.0, N), RNG.normal(size=N)


def forwards(a, b, c, d):
    d = d.copy()
    for i in range(1, len(d)):
        d[i] = np.sin(d[i] - a[i] * d[i - 1]) / b[i]
    return np.sum(d**2)


def backwards(a, b, c, d):
    d = d.copy()
    for i in range(len(d) - 2, -1, -1):
        d[i] -= c[i] * d[i + 1] ** 2 / b[i]
    return np.sum(d**2)


def tridiagonal(a, b, c, d):
    n = len(d)
    c, d = c.copy(), d.copy()
    c[0] /= b[0]
    d[0] /= b[0]
    for i in range(1, n):
        pivot = b[i] - a[i] * c[i - 1]
        c[i] /= pivot
        d[i] = (d[i] - a[i] * d[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d**2)


def strided(a, b, c, d):
    d = d.copy()
    for i in range(len(d) // 2 - 1):
        d[2 * i + 2] = d[2 * i] * d[2 * i + 1] * a[i] + np.sin(d[2 * i + 2] * d[2 * i + 3])
    return np.sum(d**2)


def twice_in_an_iteration(a, b, c, d):
    d = d.copy()
    for i in range(1, len(d)):
        d[i] = d[i] * d[i - 1]
        d[i] = np.sin(d[i]) * d[i]
    return np.sum(d**2)


def read_from_ahead(a, b, c, d):
    d = d.copy()
    for i in range(len(d) - 1):
        d[i] = d[i] * d[i + 1]
    return np.sum(d**2)


def written_again(a, b, c, d):
    d = d.copy()
    for i in range(1, len(d)):
        d[i - 1] = d[i] * d[i - 1]
        d[i] = np.sin(d[i] * d[i - 1])
    return np.sum(d**2)


def from_the_end(a, b, c, d):
    d = d.copy()
    for i in range(len(d)):
        d[i] = d[i] * d[i - 1]  # the last one, first
    return np.sum(d**2)


def table(a, b, c, d):
    t = np.zeros((len(d), 3))
    t[0] = b[:3]
    for i in range(1, len(d)):
        t[i, 1] = t[i - 1, 1] * a[i] + np.sin(t[i - 1, 0] * t[i - 1, 2])
        t[i, 0] = np.sin(t[i - 1, 1])
        t[i, 2] = t[i, 0] * t[i, 1]
    return np.sum(t**2)


def in_a_loop(a, b, c, d):
    """The array is carried on by the loop around, which wants it back."""
    d = d.copy()
    for _ in range(4):
        for i in range(1, len(d)):
            d[i] = np.sin(d[i] - a[i] * d[i - 1]) / b[i]
    return np.sum(d**2)


def unknown_length(a, b, c, d):
    d = d.copy()
    i = 1
    while i < len(d) and d[i - 1] > -100.0:
        d[i] = d[i] * d[i - 1] * a[i]
        i += 1
    return np.sum(d**2)


PROGRAMS = [
    forwards, backwards, tridiagonal, strided, twice_in_an_iteration, read_from_ahead, written_again, from_the_end, table, in_a_loop,
    unknown_length,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_gradient(f):
    n = 40
    args = (A[:n], B[:n], C[:n], D[:n])
    gradient = wg.grad(f, argnums=(0, 1, 2, 3))
    taped, compiled = gradient(*args), wg.jit(gradient)(*args)
    tangents = [RNG.normal(size=n) for _ in args]
    slope = wg.jvp(f, args, tuple(tangents))[1]
    np.testing.assert_allclose(sum([np.sum(g * t) for g, t in zip(taped, tangents, strict=True)]), slope, rtol=1e-9)
    for g, h in zip(taped, compiled, strict=True):
        np.testing.assert_allclose(h, g, rtol=1e-9, atol=1e-12)
    lanes = wg.jit(wg.vmap(gradient))(*[np.stack([x, x[::-1]]) for x in args])
    for g, h in zip(taped, lanes, strict=True):
        np.testing.assert_allclose(h[0], g, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("f", [forwards, tridiagonal], ids=lambda f: f.__name__)
def test_second_derivative(f):
    n = 12
    args = (A[:n], B[:n], C[:n], D[:n])
    directional = lambda a, b, c, d: np.sum(wg.grad(f, argnums=3)(a, b, c, d) * np.arange(n))
    got = wg.jit(wg.grad(directional, argnums=0))(*args)
    e = 1e-6
    for k in (1, 5, n - 1):
        step = e * (np.arange(n) == k)
        wanted = (directional(A[:n] + step, *args[1:]) - directional(A[:n] - step, *args[1:])) / (2 * e)
        np.testing.assert_allclose(got[k], wanted, rtol=1e-5, atol=1e-7)


def test_memory():
    cost = wg.jit(wg.grad(tridiagonal, argnums=(0, 1, 2, 3))).cost(A, B, C, D)
    assert cost.arena_bytes < 4.2 * 8 * N  # both arrays as the first loop left them, the solution, and the reciprocal pivots
