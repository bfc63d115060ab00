"""Nested derivatives: perturbation confusion at every nesting of modes, and compositions of transformations.

The cases are those of Siskind & Pearlmutter, Perturbation confusion and referential transparency
(2005) and Nesting forward-mode AD in a functional framework (2008); Manzyuk et al., Perturbation
confusion in forward automatic differentiation of higher-order functions (2019).
"""

import itertools

import numpy as np
import pytest

import wengert as wg


def by_grad(f):
    return wg.grad(f)


def by_jvp(f):
    return lambda x: wg.jvp(f, (x,), (1.0,))[1]


def by_vjp(f):
    def derivative(x):
        value, pullback = wg.vjp(f, x)
        return pullback(np.ones_like(value) if not hasattr(value, "tape") else value * 0 + 1)[0]

    return derivative


def by_linearize(f):
    return lambda x: wg.linearize(f, x)[1](1.0)


def by_jacfwd(f):
    return wg.jacfwd(f)


def by_jacrev(f):
    return wg.jacrev(f)


def by_checkpoint(f):
    return wg.grad(wg.checkpoint(f))


def by_elementwise(f):
    return wg.elementwise_grad(f)


def by_lanes(f):
    return lambda x: wg.vmap(wg.grad(f))(wg_stack(x))[0]


def wg_stack(x):
    return np.stack([x, x])


MODES = [by_grad, by_jvp, by_vjp, by_linearize, by_jacfwd, by_jacrev, by_checkpoint, by_elementwise, by_lanes]
PAIRS = list(itertools.product(MODES, repeat=2))


def ids(pair):
    return "-".join(m.__name__ for m in pair)


@pytest.mark.parametrize("outer, inner", PAIRS, ids=map(ids, PAIRS))
class TestEveryPairOfModes:
    def test_x_times_d_of_x_plus_y(self, outer, inner):
        assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0

    def test_inner_variable_at_the_outer_one(self, outer, inner):
        # d/dx [x * d/dy (x * y)] at y = x: x * x, so 2x
        assert outer(lambda x: x * inner(lambda y: x * y)(x))(3.0) == 6.0

    def test_both_meet(self, outer, inner):
        # d/dx [d/dy (x y)² at y=2] = d/dx (2 x² y) = 4 x y = 24
        np.testing.assert_allclose(outer(lambda x: inner(lambda y: (x * y) ** 2)(2.0))(3.0), 24.0)

    def test_second_derivative(self, outer, inner):
        np.testing.assert_allclose(outer(inner(lambda x: np.sin(x) * x))(0.7), 2 * np.cos(0.7) - 0.7 * np.sin(0.7), rtol=1e-13)

    def test_constant_inner_function(self, outer, inner):
        assert outer(lambda x: x * inner(lambda y: x * x)(1.0))(2.0) == 0.0

    def test_through_a_branch(self, outer, inner):
        if by_lanes in (outer, inner):
            pytest.skip("Python cannot branch on lanes")

        def f(x):
            return inner(lambda y: x * y**2 if y < 2 else x**2 * y)(x)

        np.testing.assert_allclose(outer(f)(1.0), 4.0)  # 2 x²
        np.testing.assert_allclose(outer(f)(3.0), 6.0)  # x²


TRIPLES = list(itertools.product([by_grad, by_jvp, by_linearize], repeat=3))


@pytest.mark.parametrize("a, b, c", TRIPLES, ids=map(ids, TRIPLES))
def test_three_levels(a, b, c):
    # d/dx [x d/dy (y d/dz (x y z²) at z=y)] at y=x: d/dz = 2xyz -> 2xy²; y·2xy² = 2xy³ -> 6xy² -> 6x³; x·6x³ = 6x⁴ -> 24x³
    f = lambda x: x * b(lambda y: y * c(lambda z: x * y * z**2)(y))(x)
    np.testing.assert_allclose(a(f)(1.5), 24 * 1.5**3, rtol=1e-13)


def test_a_derivative_taken_of_a_function_that_returns_a_function():
    # Manzyuk et al.: the derivative of a curried shift, applied twice, must not confuse its two uses.
    def shift(offset):
        return lambda f: lambda x: f(x + offset)

    def d_shift(f):
        return lambda x: wg.jvp(lambda offset: shift(offset)(f)(x), (0.0,), (1.0,))[1]

    np.testing.assert_allclose(d_shift(d_shift(np.exp))(1.0), np.e, rtol=1e-15)


def test_the_same_variable_at_two_levels():
    # Siskind & Pearlmutter 2008: constants of the inner derivative carry the outer one.
    f = lambda x: wg.grad(lambda y: wg.grad(lambda z: x * y * z)(0.0) * y)(x)
    assert wg.grad(f)(2.0) == 8.0  # d/dx (2 x·x)


def test_fourth_derivatives():
    x = 0.3
    f = lambda x: np.exp(2 * x)
    for modes in itertools.product([by_grad, by_jvp], repeat=4):
        g = f
        for mode in modes:
            g = mode(g)
        np.testing.assert_allclose(g(x), 16 * np.exp(0.6), rtol=1e-13)


def test_grad_of_a_newton_solve_that_takes_its_own_derivative():
    def root(a):
        x = 1.0
        for _ in range(8):
            g = lambda v: v * v - a
            x = x - g(x) / wg.grad(g)(x)
        return x

    np.testing.assert_allclose(wg.grad(root)(2.0), 0.5 / np.sqrt(2.0), rtol=1e-12)
    np.testing.assert_allclose(wg.jvp(root, (2.0,), (1.0,))[1], 0.5 / np.sqrt(2.0), rtol=1e-12)


def test_grad_of_gradient_descent(rng):
    a = rng.normal(size=(3, 3))
    a = a @ a.T / 4 + np.eye(3)

    def descend(rate):
        x = np.ones(3)
        for _ in range(5):
            x = x - rate * wg.grad(lambda v: 0.5 * v @ a @ v)(x)
        return x @ x

    def by_hand(rate):
        x = np.ones(3)
        for _ in range(5):
            x = x - rate * a @ x
        return x @ x

    h = 1e-6
    np.testing.assert_allclose(wg.grad(descend)(0.1), (by_hand(0.1 + h) - by_hand(0.1 - h)) / (2 * h), rtol=1e-7)


# -- transformations of transformations ------------------------------------------------------------


def f(x):
    return np.sum(np.sin(x) * np.cumsum(x))


def test_vmap_of_grad_and_grad_of_vmap(rng):
    xs = rng.normal(size=(5, 3))
    rows = np.stack([wg.grad(f)(x) for x in xs])
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(xs), rows, rtol=1e-12)
    np.testing.assert_allclose(wg.grad(lambda xs: np.sum(wg.vmap(f)(xs)))(xs), rows, rtol=1e-12)
    np.testing.assert_allclose(wg.jacobian(wg.vmap(f))(xs), np.einsum("ij,ik->ijk", np.eye(5), rows), rtol=1e-12)


def test_vmap_of_vmap_of_hessian(rng):
    xs = rng.normal(size=(2, 3, 4))
    expected = np.stack([[wg.hessian(f)(x) for x in row] for row in xs])
    np.testing.assert_allclose(wg.vmap(wg.vmap(wg.hessian(f)))(xs), expected, rtol=1e-11, atol=1e-12)


def test_vmap_over_directions(rng):
    x, vs = rng.normal(size=4), rng.normal(size=(6, 4))
    expected = vs @ wg.hessian(f)(x)
    np.testing.assert_allclose(wg.vmap(lambda v: wg.hvp(f)(x, v))(vs), expected, rtol=1e-11, atol=1e-12)
    _, pushforward = wg.linearize(wg.grad(f), x)
    np.testing.assert_allclose(wg.vmap(pushforward)(vs), expected, rtol=1e-11, atol=1e-12)
    _, pullback = wg.vjp(wg.grad(f), x)
    np.testing.assert_allclose(wg.vmap(pullback)(vs)[0], expected, rtol=1e-11, atol=1e-12)


def test_perturbations_of_lanes_stay_apart():
    # each lane has its own y: d/dx sum_y x * d/dz (x z y)
    total = lambda x: np.sum(wg.vmap(lambda y: x * wg.grad(lambda z: x * z * y)(1.0))(np.array([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(wg.grad(total)(2.0), 2 * 2.0 * 6.0)


def test_pullback_made_inside_used_inside():
    def g(x):
        value, pullback = wg.vjp(lambda y: y**2 * x, x)
        return pullback(value)[0]  # 2 x² · x³ = 2 x⁵

    np.testing.assert_allclose(wg.grad(g)(1.5), 10 * 1.5**4, rtol=1e-13)


def test_pullback_made_outside_used_inside():
    _, pullback = wg.vjp(np.sin, 0.3)
    np.testing.assert_allclose(wg.grad(lambda c: pullback(c)[0] ** 2)(2.0), 2 * 2.0 * np.cos(0.3) ** 2, rtol=1e-13)


def test_jacobian_of_a_solve(rng):
    a, b = rng.normal(size=(3, 3)) + 3 * np.eye(3), rng.normal(size=3)
    solve = lambda p: np.linalg.solve(p["a"], p["b"])
    inverse = np.linalg.inv(a)
    for mode in ("forward", "reverse", "auto"):
        j = wg.jacobian(solve, mode=mode)({"a": a, "b": b})
        np.testing.assert_allclose(j["b"], inverse, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(j["a"], -np.einsum("ij,k->ijk", inverse, inverse @ b), rtol=1e-11, atol=1e-13)


def test_hessian_of_a_logdet(rng):
    a = rng.normal(size=(3, 3))
    a = a @ a.T + np.eye(3)
    inverse = np.linalg.inv(a)
    expected = -np.einsum("jk,li->ijkl", inverse, inverse)  # Magnus & Neudecker: d inv(A).T = -(inv dA inv).T
    for logdet in (
        lambda x: np.linalg.slogdet(x)[1],
        lambda x: np.log(np.linalg.det(x)),
        lambda x: 2 * np.sum(np.log(np.diag(np.linalg.cholesky((x + x.T) / 2)))),
    ):
        h = wg.hessian(logdet)(a)
        v = rng.normal(size=(3, 3))
        v = v + v.T
        np.testing.assert_allclose(np.einsum("ijkl,ij,kl", h, v, v), np.einsum("ijkl,ij,kl", expected, v, v), rtol=1e-9)
    np.testing.assert_allclose(wg.hessian(lambda x: np.linalg.slogdet(x)[1])(a), expected, rtol=1e-10, atol=1e-12)


def test_control_flow_operations_close_over_outer_variables():
    def g(x):
        return wg.scan(lambda s, k: (s + wg.grad(lambda y: x * y**2)(k), None), 0.0, np.array([1.0, 2.0]))[0]  # 2x(1+2)

    assert wg.grad(g)(5.0) == 6.0
    assert wg.jvp(g, (5.0,), (1.0,))[1] == 6.0
    h = lambda x: wg.cond(x > 0, lambda y: y * wg.grad(lambda z: x * z * z)(y), lambda y: y, x)  # 2 x³
    assert wg.grad(h)(2.0) == 24.0
