"""Linear algebra: the second table of the semantics, row by row. Left out: none needs capture or compilation."""

import numpy as np
import pytest

import wengert as wg
from tests.semantics.modes import MODES, assert_derivative
from wengert import scipy as wsp
from wengert.ir.walk import nested

EYE = np.eye(3)


def symmetric(x):
    return (x + x.T) / 2


@pytest.fixture
def matrix(rng):
    return rng.normal(size=(3, 3)) + 3 * EYE


def directional(f, x, v, h=1e-6):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def assert_directional(f, x, v, rtol=1e-7, atol=1e-8):
    """Forward = reverse = central differences, along v."""
    expected = directional(f, x, v)
    _, tangent = wg.jvp(f, (x,), (v,))
    np.testing.assert_allclose(tangent, expected, rtol=rtol, atol=atol)
    value, pullback = wg.vjp(f, x)
    ct = np.cos(np.arange(np.size(value))).reshape(np.shape(value))
    np.testing.assert_allclose(np.sum(pullback(ct)[0] * v), np.sum(ct * tangent), rtol=1e-10, atol=1e-11)


# -- repeated eigenvalues and singular values ---------------------------------------------------


def test_symmetric_function_of_eigvalsh_at_repeated_eigenvalues():
    def f(x):
        return np.sum(np.exp(np.linalg.eigvalsh(symmetric(x))))

    assert_derivative(f, (EYE,), np.e * EYE, atol=1e-13)


def test_second_derivative_of_sum_of_eigenvalues_is_zero():
    assert_derivative(lambda x: np.sum(np.linalg.eigvalsh(symmetric(x))), (EYE,), np.zeros((3, 3, 3, 3)), order=2, atol=1e-13)


REPEATED = [
    pytest.param(EYE, id="all equal"),
    pytest.param(np.diag([1.0, 1.0, 2.0]), id="two equal"),
    pytest.param(np.diag([1.0, 2.0, 3.0]), id="distinct"),
]


def exponential(x):
    """V f(Λ) Vᵀ: a function of the matrix, whatever basis the vectors are."""
    w, v = np.linalg.eigh(symmetric(x))
    return (v * np.exp(w)) @ v.T


@pytest.mark.parametrize("x", REPEATED)
def test_gauge_invariant_function_of_eigh_is_finite(x):
    assert all(np.isfinite(mode(exponential)(x)).all() for mode in MODES)


@pytest.mark.parametrize("x", REPEATED)
def test_gauge_invariant_function_of_eigh_is_exact(x, rng):
    v = symmetric(rng.normal(size=(3, 3)))
    assert_directional(exponential, x, v)
    assert_directional(lambda x: wg.jvp(exponential, (x,), (v,))[1], x, symmetric(rng.normal(size=(3, 3))), rtol=1e-6)


OTHERS = {"V": lambda w, v: v, "V f": lambda w, v: v * np.exp(w), "other weights": lambda w, v: (v * np.cumsum(w)) @ v.T}


@pytest.mark.parametrize("name", OTHERS)
def test_other_functions_of_eigh_are_nan_at_repeated_eigenvalues(name, rng):
    f = lambda x: OTHERS[name](*np.linalg.eigh(symmetric(x)))
    assert all(np.isnan(mode(f)(EYE)).any() for mode in MODES)
    assert_directional(f, np.diag([1.0, 2.0, 3.0]) + 0.1 * symmetric(rng.normal(size=(3, 3))), symmetric(rng.normal(size=(3, 3))))


@pytest.mark.parametrize("x", REPEATED)
def test_symmetric_function_of_eigenvalues_and_vectors(x, rng):
    c = np.array([[2.0, 0.3, -0.1], [0.3, 1.0, 0.2], [-0.1, 0.2, 3.0]])
    assert_directional(lambda x: np.trace(exponential(x)) ** 2, x, symmetric(rng.normal(size=(3, 3))))
    assert_directional(lambda x: np.trace(wsp.linalg.expm(symmetric(x)) @ c), x, symmetric(rng.normal(size=(3, 3))))


def test_projector_onto_a_space_of_repeated_eigenvalues(rng):
    def f(x):
        w, v = np.linalg.eigh(symmetric(x))
        return v[:, :2] @ v[:, :2].T

    assert_directional(f, np.diag([1.0, 1.0, 2.0]), symmetric(rng.normal(size=(3, 3))))


def test_polar_factor_of_svd_at_the_identity(rng):
    def f(x):
        u, _, vt = np.linalg.svd(x)
        return u @ vt

    direction = rng.normal(size=(3, 3))
    _, tangent = wg.jvp(f, (EYE,), (direction,))
    np.testing.assert_allclose(tangent, (direction - direction.T) / 2, atol=1e-13)  # the tangent of O(3) at I
    _, pullback = wg.vjp(f, EYE)
    np.testing.assert_allclose(pullback(direction)[0], (direction - direction.T) / 2, atol=1e-13)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_full_svd_when_only_singular_values_are_used(shape, rng):
    x, v = rng.normal(size=shape), rng.normal(size=shape)
    assert_directional(lambda x: np.linalg.svd(x, full_matrices=True)[1], x, v)
    assert_directional(lambda x: np.linalg.svd(x, compute_uv=False), x, v)


# -- determinants -------------------------------------------------------------------------------

SINGULAR = [
    pytest.param(np.diag([0.0, 2.0, 3.0]), id="rank 2"),
    pytest.param(np.diag([0.0, 0.0, 3.0]), id="rank 1"),
    pytest.param(np.zeros((3, 3)), id="zero"),
    pytest.param(np.array([[1.0, 2, 3], [2, 4, 6], [1, 1, 1]]), id="dependent rows"),
]


def cofactors(x):
    n = len(x)
    out = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            out[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1))
    return out


@pytest.mark.parametrize("x", SINGULAR)
def test_det_of_a_singular_matrix(x):
    assert_derivative(np.linalg.det, (x,), cofactors(x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("x", SINGULAR)
def test_second_derivative_of_det_of_a_singular_matrix(x):
    expected = np.zeros((3, 3, 3, 3))  # the determinant is multilinear in the entries
    h = 0.5
    for k, l in np.ndindex(3, 3):
        e = np.zeros((3, 3))
        e[k, l] = h
        expected[:, :, k, l] = (cofactors(x + e) - cofactors(x - e)) / (2 * h)
    assert_derivative(np.linalg.det, (x,), expected, order=2, rtol=1e-9, atol=1e-10)


# -- factorisations -----------------------------------------------------------------------------


def test_cholesky_reads_the_lower_triangle(rng):
    a = rng.normal(size=(3, 3))
    x = a @ a.T + EYE + np.triu(rng.normal(size=(3, 3)), 1)  # not symmetric
    for mode in MODES:
        jacobian = mode(np.linalg.cholesky)(x)
        assert not jacobian[..., np.triu_indices(3, 1)[0], np.triu_indices(3, 1)[1]].any()
    assert_directional(np.linalg.cholesky, x, rng.normal(size=(3, 3)))


@pytest.mark.parametrize("shape, mode", [((3, 3), "reduced"), ((4, 2), "reduced"), ((3, 3), "complete")])
def test_qr(shape, mode, rng):
    x, v = rng.normal(size=shape), rng.normal(size=shape)
    assert_directional(lambda x: np.linalg.qr(x, mode=mode)[0], x, v)
    assert_directional(lambda x: np.linalg.qr(x, mode=mode)[1], x, v)


def test_qr_wide_r(rng):
    x, v = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    assert_directional(lambda x: np.linalg.qr(x)[1], x, v)
    assert_directional(lambda x: np.linalg.qr(x)[0], x, v)


def test_eigenvalues_of_a_general_matrix(matrix, rng):
    v = rng.normal(size=(3, 3))
    x = np.diag([1.0, 2.0, 4.0]) + 0.1 * matrix
    assert_directional(lambda x: np.sum(np.real(np.linalg.eigvals(x)) ** 3), x, v)


@pytest.mark.parametrize("name", ["expm", "sqrtm", "logm"])
def test_matrix_functions(name, matrix, rng):
    f = getattr(wsp.linalg, name)
    x = matrix @ matrix.T
    x = x / np.linalg.norm(x) + 0.5 * EYE
    assert_directional(lambda x: np.real(f(x)), x, rng.normal(size=(3, 3)), rtol=1e-6)


# -- solving ------------------------------------------------------------------------------------


def test_solve_both_arguments(matrix, rng):
    b = rng.normal(size=3)
    inverse = np.linalg.inv(matrix)
    x = inverse @ b
    assert_derivative(np.linalg.solve, (matrix, b), inverse, argnum=1, rtol=1e-11, atol=1e-12)
    assert_derivative(np.linalg.solve, (matrix, b), -np.einsum("ij,k->ijk", inverse, x), rtol=1e-11, atol=1e-12)


def test_solve_second_order(matrix, rng):
    b, v = rng.normal(size=3), rng.normal(size=(3, 3))
    f = lambda a: np.sum(np.linalg.solve(a, b) ** 2)
    assert_directional(wg.grad(f), matrix, v, rtol=1e-6)


@pytest.mark.parametrize(
    "f", [np.linalg.inv, np.linalg.pinv, lambda x: np.linalg.slogdet(x)[1], np.linalg.det], ids=["inv", "pinv", "slogdet", "det"]
)
def test_inverse_kin(f, matrix, rng):
    v = rng.normal(size=(3, 3))
    assert_directional(f, matrix, v)
    assert_directional(wg.jacrev(f), matrix, v, rtol=1e-6, atol=1e-7)


def test_pinv_and_lstsq_of_a_tall_matrix(rng):
    x, v, b = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), rng.normal(size=4)
    assert_directional(np.linalg.pinv, x, v)
    assert_directional(lambda x: np.linalg.lstsq(x, b, rcond=None)[0], x, v)


def test_gradient_of_slogdet_is_the_inverse_transposed(matrix):
    assert_derivative(lambda x: np.linalg.slogdet(x)[1], (matrix,), np.linalg.inv(matrix).T, rtol=1e-11, atol=1e-12)


def factorisations(function):
    """How many times a Function, with all that it holds, factorises a matrix."""
    return sum(
        type(e.operation).__name__ in ("Lu", "Inv", "Pinv", "Cholesky", "Eigh", "Svd") for f in nested(function) for e in f.equations
    )


KEPT = {
    "solve": lambda a: np.sum(np.linalg.solve(a, np.ones(3))),
    "inv": lambda a: np.sum(np.linalg.inv(a)),
    "slogdet": lambda a: np.linalg.slogdet(a)[1],
    "pinv": lambda a: np.sum(np.linalg.pinv(a)),
    "lstsq": lambda a: np.sum(np.linalg.lstsq(a, np.ones(3), rcond=None)[0]),
}


@pytest.mark.parametrize("name", KEPT)
def test_the_factorisation_is_kept_and_reused(name, matrix):
    """Value and gradient, and Hessian-vector products too, factorise the matrix once."""
    f = KEPT[name]
    for derivative in (wg.value_and_grad(f), wg.jacfwd(f), lambda a: wg.hvp(f)(a, np.ones((3, 3)))):
        assert factorisations(wg.record(derivative)(matrix)) == 1


def test_singular_solve_raises_numpys_error():
    with pytest.raises(np.linalg.LinAlgError):
        wg.grad(lambda a: np.sum(np.linalg.solve(a, np.ones(2))))(np.zeros((2, 2)))
