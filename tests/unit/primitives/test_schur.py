"""The Schur form: exact for a real triangular factor, and for what does not depend on phases; refused where it has blocks."""

import numpy as np
import pytest
import scipy.linalg

import wengert as wg
import wengert.scipy.linalg as wsl

A = np.array([[2.0, 0.3, -0.4], [0.5, 5.0, 0.2], [0.1, -0.7, 9.0]])
ROTATION = np.array([[1.0, -2.0, 0.3], [1.5, 1.2, 0.1], [0.2, 0.4, 6.0]])  # one real, two complex eigenvalues


def differences(f, a, h=1e-6):
    columns = []
    for i in np.ndindex(a.shape):
        e = np.zeros(a.shape)
        e[i] = h
        columns.append((f(a + e) - f(a - e)) / (2 * h))
    return np.moveaxis(np.array(columns).reshape(*a.shape, *np.shape(f(a))), (0, 1), (-2, -1))


@pytest.mark.parametrize("part", [0, 1])
def test_real_form(part):
    f = lambda a: wsl.schur(a)[part]
    np.testing.assert_allclose(f(A), scipy.linalg.schur(A)[part])
    expected = differences(lambda a: scipy.linalg.schur(a)[part], A)
    np.testing.assert_allclose(wg.jacfwd(f)(A), expected, atol=1e-8)
    np.testing.assert_allclose(wg.jacrev(f)(A), expected, atol=1e-8)


def test_eigenvalues_of_the_complex_form():
    # The sum of their squares is trace(A²), whose derivative is 2 Aᵀ.
    f = lambda a: np.real(np.sum(np.diagonal(wsl.schur(a, output="complex")[0]) ** 2))
    for a in (A, ROTATION):
        np.testing.assert_allclose(wg.grad(f)(a), 2 * a.T, rtol=1e-12)


def test_product_of_the_factors_is_the_matrix():
    def rebuilt(a):
        upper, q = wsl.schur(a, output="complex")
        return np.real(q @ upper @ np.conj(q.T))

    identity = np.eye(9).reshape(3, 3, 3, 3)
    for a in (A, ROTATION):
        np.testing.assert_allclose(wg.jacfwd(rebuilt)(a), identity, atol=1e-12)
        np.testing.assert_allclose(wg.jacrev(rebuilt)(a), identity, atol=1e-12)


def test_second_order():
    f = lambda a: wsl.schur(a)[0][0, 2] * wsl.schur(a)[1][1, 1]
    np.testing.assert_allclose(wg.hessian(f)(A), differences(wg.grad(f), A), atol=1e-8)


def test_blocks_are_refused():
    assert np.any(np.diagonal(wsl.schur(ROTATION)[0], -1))
    with pytest.raises(np.linalg.LinAlgError, match=r"complex eigenvalues has no derivative(.|\n)*2 by 2 blocks(.|\n)*output='complex'"):
        wg.grad(lambda a: wsl.schur(a)[0][0, 0])(ROTATION)
    with pytest.raises(ValueError, match="sort="):
        wg.grad(lambda a: wsl.schur(a, sort="lhp")[0][0, 0])(A)


def test_repeated_eigenvalues_give_nan():
    for derivative in (wg.jacfwd, wg.jacrev):
        assert np.all(np.isnan(derivative(lambda a: wsl.schur(a)[1][0, 1])(np.eye(3))[1, 0]))


def test_square_root_of_a_singular_matrix_has_no_derivative():
    a = np.diag([0.0, 1.0, 4.0])
    with pytest.warns(scipy.linalg.LinAlgWarning, match="singular"):  # SciPy's own, of the value
        assert np.all(np.isnan(wg.grad(lambda a: wsl.sqrtm(a).sum())(a)))
