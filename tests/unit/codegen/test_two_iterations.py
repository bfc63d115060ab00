"""Arrays that loops carry are not moved: they are computed where they were, change places, or take turns."""

import numpy as np
import pytest

import wengert as wg

START = np.random.default_rng(0).normal(size=40)


def leapfrog(u, steps):
    before, u = u.copy(), u.copy()
    for _ in range(steps):
        before[1:-1] = 2.0 * u[1:-1] - before[1:-1] + 0.2 * (u[2:] - 2.0 * u[1:-1] + u[:-2])
        before, u = u, before
    return np.sum(u**2) + before[3]


def diffused(u, steps):
    for _ in range(steps):
        u = np.concatenate([u[:1], 0.5 * u[1:-1] + 0.25 * (u[2:] + u[:-2]), u[-1:]])
    return np.sum(u**3)


def three(u, steps):
    a, b, c = u, 2.0 * u, 3.0 * u
    for _ in range(steps):
        a, b, c = b, c, np.sin(a) + np.roll(b, 1)
    return np.sum(a * b - c)


def collected(u, steps):
    total = 0.0
    for i in range(steps):
        u = np.roll(u, 1) * 0.9 + i * u
        total = total + np.sum(np.sin(u)) / (i + 1)
    return total


def swapped_only(u, steps):
    v = u[::-1] * 2.0
    for _ in range(steps):
        u, v = v, u
    return np.sum(u * np.arange(len(u)))


def both_into_one(u, steps):
    v = np.cos(u)
    for _ in range(steps):
        u = v
        v = u * 1.1 + np.roll(v, 2)
    return np.sum(u * v)


PROGRAMS = [leapfrog, diffused, three, collected, swapped_only, both_into_one]


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_the_same_whatever_the_number_of_steps(f, steps):
    wanted = wg.value_and_grad(f)(START, steps)
    for compiled in (wg.jit(wg.value_and_grad(f)), wg.jit(wg.value_and_grad(f), static_argnums=1)):
        value, gradient = compiled(START, steps)
        np.testing.assert_allclose(value, wanted[0], rtol=1e-12)
        np.testing.assert_allclose(gradient, wanted[1], rtol=1e-11, atol=1e-13)


def test_under_vmap():
    many = np.stack([START, START[::-1], 0.3 * START])
    for f in PROGRAMS:
        got = wg.jit(wg.vmap(wg.grad(f), in_axes=(0, None)), static_argnums=1)(many, 5)
        np.testing.assert_allclose(got, [wg.grad(f)(u, 5) for u in many], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("f", [leapfrog, diffused])
def test_nothing_is_moved_in_the_loop(f):
    loops = wg.jit(f, static_argnums=1).lower(START, 6).loops.splitlines()
    inside = next(n for n, line in enumerate(loops) if line.strip().startswith("for") and "range(0, 6, 2)" in line)
    depth = len(loops[inside]) - len(loops[inside].lstrip())
    body = []
    for line in loops[inside + 1 :]:
        if len(line) - len(line.lstrip()) <= depth:
            break
        body.append(line)
    assert body and not [line for line in body if line.strip().startswith("copy")]
