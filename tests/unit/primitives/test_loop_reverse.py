"""Reverse mode of loops: arrays changed in place, loops in loops in branches, dynamic trip counts; to second order, in lanes."""

import numpy as np
import pytest

import wengert as wg

RNG = np.random.default_rng(7)


def recurrence(x, a):
    return np.sum(np.sin(wg.loop(2, x.shape[0], lambda i, x: x.at[i].set(a * x[i - 1] - 0.3 * x[i - 2] * x[i - 1]), x)))


def grid(A, a):
    n, m = A.shape

    def row(i, A):
        return wg.loop(1, m, lambda j, A: A.at[i, j].set(A[i, j] * np.cos(A[i - 1, j]) + a * A[i, j - 1] * A[i - 1, j - 1]), A)

    return np.sum(wg.loop(1, n, row, A) ** 2)


def cholesky(A, a):
    n = A.shape[0]

    def row(i, L):
        def column(j, L):
            s = wg.loop(0, j, lambda k, s: s - L[i, k] * L[j, k], A[i, j])
            return L.at[i, j].set(s / L[j, j])

        L = wg.loop(0, i, column, L)
        s = wg.loop(0, i, lambda k, s: s - L[i, k] * L[i, k], A[i, i] + a)
        return L.at[i, i].set(np.sqrt(s))

    L = wg.loop(0, n, row, np.zeros((n, n)))
    return np.sum(L * L * L)


def lu(A, a):
    """With pivoting: rows are swapped by an index that is computed."""
    n = A.shape[0]

    def step(k, A):
        def larger(i, best):
            return np.where(np.abs(A[i, k]) > np.abs(A[best, k]), i, best)

        p = wg.loop(k + 1, n, larger, k)
        upper, lower = A[k], A[p]
        A = A.at[k].set(lower).at[p].set(upper)

        def eliminate(i, A):
            m = A[i, k] / A[k, k]
            A = wg.loop(k, n, lambda j, A: A.at[i, j].set(A[i, j] - m * A[k, j]), A)
            return A.at[i, k].set(m)

        return wg.loop(k + 1, n, eliminate, A)

    U = wg.loop(0, n, step, A)
    return np.sum(np.log(np.abs(np.diag(U)))) + a * np.sum(np.tanh(U))


def rows(A, a):
    return np.sum(wg.loop(1, A.shape[0], lambda i, A: A.at[i].set(np.tanh(A[i - 1]) * a + A[i] * A[i - 1]), A) ** 3)


def leapfrog(u, a):
    def step(i, state):
        now, before = state
        curve = np.concatenate([now[-1:], now[:-1]]) - 2 * now + np.concatenate([now[1:], now[:1]])
        return 2 * now - before + a * curve - 0.1 * now**3, now

    return np.sum(wg.loop(0, 5, step, (u, u * 0.9))[0] ** 2)


def relaxation(x, a):
    """Sweeps that overwrite the same array again and again."""
    n = x.shape[0]

    def sweep(t, x):
        x = wg.loop(1, n - 1, lambda i, x: x.at[i].set(0.5 * np.sin(x[i - 1]) + 0.4 * x[i] * x[i + 1]), x)
        return x.at[0].set(a * x[1] * x[n - 1])

    return np.sum(wg.loop(0, 4, sweep, x) ** 2)


def crossing(x, a):
    """Values read before an inner loop and used after it."""
    n = x.shape[0]

    def step(i, x):
        first, scale = x[i], x[0] * x[i]
        x = wg.loop(0, i, lambda j, x: x.at[j].set(x[j] * np.cos(x[i]) + 0.1 * x[j + 1] ** 2), x)
        y = x[0] * first
        x = wg.loop(0, i, lambda j, x: x.at[j + 1].add(0.2 * x[j] * y), x)
        return x.at[i].set(first * scale * x[0] + a * y)

    return np.sum(np.sin(wg.loop(1, n, step, x)))


def clamped(x, a):
    def step(i, x):
        x = x.at[i].set(a * x[i - 1] ** 2 - 0.4 * x[i])
        return wg.cond(x[i] < 0.05, lambda x: x.at[i].set(0.05 + 0.1 * x[i - 1]), lambda x: x, x)

    return np.sum(wg.loop(1, x.shape[0], step, x) ** 2)


def branching(x, a):
    """A loop in a branch in a loop; the branch reads what the loop writes."""
    n = x.shape[0]

    def step(i, x):
        def long(x):
            return wg.loop(0, i, lambda j, x: x.at[j].set(x[j] * np.cos(x[i]) + 0.1 * x[j + 1]), x)

        def short(x):
            s = wg.loop(0, i, lambda j, s: s + x[j] * x[j + 1], 0.0)
            return x.at[i].set(np.sin(s) * a)

        return wg.cond(x[i] * x[i - 1] > 0.1, long, short, x)

    return np.sum(wg.loop(1, n, step, x) ** 2)


def reading_branch(x, a):
    """A branch that reads a constant array: its cotangent is an accumulator inside a branch."""
    n = x.shape[0]

    def step(i, s):
        return wg.cond(s < 0.6, lambda s: s * x[i] + a, lambda s: s - x[n - 1 - i] ** 2, s)

    return wg.loop(0, n, step, 0.3)


def newton(x, a):
    def solve(c):
        return wg.while_loop(lambda s: np.abs(s * s * s - c) > 1e-13, lambda s: s - (s * s * s - c) / (3 * s * s), 1.0 + 0 * c)

    def step(i, x):
        return x.at[i].set(solve(1.0 + x[i] ** 2 + a * x[i - 1] ** 2))

    return np.sum(wg.loop(1, x.shape[0], step, x))


def counting_while(x, a):
    """A while that walks over an array with an index of its own, and writes it."""

    def body(state):
        i, s, x = state
        s = s + np.sin(x[i]) * a
        return i + 1, s, x.at[i].set(s * x[i])

    i, s, x = wg.while_loop(lambda state: (state[0] < x.shape[0]) & (state[1] < 2.5), body, (0, 0.1, x))
    return s * np.sum(x**2)


def stacked(x, a):
    (s, t), ys = wg.scan(lambda state, v: ((np.sin(state[0]) * v + a, state[1] * state[0]), state[0] * v), (0.3, 1.0), x)
    return s + t + np.sum(ys * ys)


def independent(x, a):
    _, ys = wg.scan(lambda state, v: (None, np.exp(-a * v * v) * np.sin(v)), None, x)
    return np.sum(ys * ys)


def scattered(x, a):
    n = x.shape[0]

    def step(i, bins):
        k = (i * 7) % 3
        return bins.at[k].add(x[i] * bins[(k + 1) % 3] * a)

    return np.sum(wg.loop(0, n, step, np.ones(30) * 0.5) ** 2)


def unchanged(x, a):
    """A carry that no iteration changes."""

    def step(i, state):
        s, y = state
        return wg.loop(0, i, lambda j, s: s + np.sin(s * y[j]), s) * a, y

    return wg.loop(0, x.shape[0], step, (0.1, x))[0]


LINE = RNG.uniform(0.2, 0.9, 20)
SQUARE = RNG.uniform(0.2, 0.9, (5, 5))
DEFINITE = SQUARE @ SQUARE.T + 3 * np.eye(5)
PROGRAMS = {
    f.__name__: (f, x)
    for f, x in [
        *[(f, LINE) for f in (recurrence, relaxation, crossing, clamped, branching, reading_branch, newton, counting_while)],
        *[(f, LINE) for f in (leapfrog, stacked, independent, scattered, unchanged)],
        *[(f, RNG.uniform(0.2, 0.9, (6, 20))) for f in (grid, rows)],
        (cholesky, DEFINITE),
        (lu, SQUARE + np.diag([0.0, 3, 0, 2, 0])[::-1]),
    ]
}
SCALE = 0.8


def differences(f, x, h=1e-6):
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size).reshape(-1, *x.shape)]).reshape(x.shape)


@pytest.fixture(params=sorted(PROGRAMS), scope="module")
def program(request):
    return PROGRAMS[request.param]


def test_gradient(program):
    f, x = program
    value = wg.jit(f)
    gradient = wg.jit(wg.grad(f, argnums=(0, 1)))
    by_x, by_a = gradient(x, SCALE)
    np.testing.assert_allclose(value(x, SCALE), wg.value_and_grad(f)(x, SCALE)[0], rtol=1e-12)
    np.testing.assert_allclose(by_x, differences(lambda x: value(x, SCALE), x), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(by_a, (value(x, SCALE + 1e-6) - value(x, SCALE - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-7)
    taped = wg.grad(f, argnums=(0, 1))(x, SCALE)
    np.testing.assert_allclose(by_x, taped[0], rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(by_a, taped[1], rtol=1e-11, atol=1e-12)


def test_forward_agrees(program):
    f, x = program
    dx = RNG.normal(size=x.shape)
    _, forward = wg.jvp(f, (x, SCALE), (dx, 0.3))
    by_x, by_a = wg.grad(f, argnums=(0, 1))(x, SCALE)
    np.testing.assert_allclose(forward, np.sum(by_x * dx) + 0.3 * by_a, rtol=1e-11)


def test_second_order(program):
    f, x = program
    dx = RNG.normal(size=x.shape)
    gradient = wg.jit(wg.grad(f))
    along = wg.jit(lambda x, dx: wg.jvp(lambda x: wg.grad(f)(x, SCALE), (x,), (dx,))[1])(x, dx)
    numerical = (gradient(x + 1e-6 * dx, SCALE) - gradient(x - 1e-6 * dx, SCALE)) / 2e-6
    np.testing.assert_allclose(along, numerical, rtol=1e-5, atol=1e-6)
    reverse = wg.jit(wg.grad(lambda x: np.sum(wg.grad(f)(x, SCALE) * dx)))(x)
    np.testing.assert_allclose(reverse, along, rtol=1e-9, atol=1e-9)


def test_lanes(program):
    f, x = program
    lanes = np.stack([x, x * 1.01, x * 0.98])
    found = wg.jit(wg.vmap(wg.grad(f), in_axes=(0, None)))(lanes, SCALE)
    for lane, gradient in zip(lanes, found, strict=True):
        np.testing.assert_allclose(gradient, wg.grad(f)(lane, SCALE), rtol=1e-10, atol=1e-11)
