"""`wengert.scipy.linalg`: SciPy's values and conventions, derivatives against differences."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg as sl

import wengert as wg
from wengert.scipy import linalg as wl

RNG = np.random.default_rng(3)
A = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
S = A @ A.T
B = RNG.normal(size=(3, 2))
V = RNG.normal(size=3)
T = RNG.normal(size=(4, 3))

CASES = {
    "solve": (lambda m: m.solve, (A, B)),
    "solve vector": (lambda m: m.solve, (A, V)),
    "solve transposed": (lambda m: lambda a, b: m.solve(a, b, transposed=True), (A, B)),
    "solve sym": (lambda m: lambda a, b: m.solve(a, b, assume_a="sym"), (A, B)),
    "solve pos lower": (lambda m: lambda a, b: m.solve(a, b, assume_a="pos", lower=True), (S, B)),
    "solve pos upper": (lambda m: lambda a, b: m.solve(a, b, assume_a="pos"), (S, B)),
    "solve_triangular": (lambda m: m.solve_triangular, (A, B)),
    "solve_triangular lower": (lambda m: lambda a, b: m.solve_triangular(a, b, lower=True, trans="T"), (A, V)),
    "solve_banded": (lambda m: lambda a, b: m.solve_banded((1, 1), a, b), (np.array([[0, 1.0, 2.0], [5.0, 6.0, 7.0], [1.0, 0.5, 0]]), V)),
    "solveh_banded": (lambda m: m.solveh_banded, (np.array([[0, 1.0, 2.0], [5.0, 6.0, 7.0]]), V)),
    "solve_toeplitz": (lambda m: lambda c, b: m.solve_toeplitz(c, b), (np.array([4.0, 1.0, 0.5]), V)),
    "solve_sylvester": (lambda m: m.solve_sylvester, (A, S, A + 1)),
    "solve_continuous_lyapunov": (lambda m: m.solve_continuous_lyapunov, (A, S)),
    "solve_discrete_lyapunov": (lambda m: m.solve_discrete_lyapunov, (A / 10, S)),
    "inv": (lambda m: m.inv, (A,)),
    "pinv": (lambda m: m.pinv, (T,)),
    "lstsq": (lambda m: lambda a, b: m.lstsq(a, b)[:2], (T, RNG.normal(size=(4, 2)))),
    "det": (lambda m: m.det, (A,)),
    "cholesky": (lambda m: m.cholesky, (S,)),
    "cholesky lower": (lambda m: lambda a: m.cholesky(a, lower=True), (S,)),
    "cho_solve": (lambda m: lambda a, b: m.cho_solve(m.cho_factor(a), b), (S, V)),
    "lu": (lambda m: m.lu, (A,)),
    "lu tall": (lambda m: lambda a: m.lu(a, permute_l=True), (T,)),
    "lu wide": (lambda m: m.lu, (T.T,)),
    "lu_solve": (lambda m: lambda a, b: m.lu_solve(m.lu_factor(a), b), (A, B)),
    "qr": (lambda m: m.qr, (A,)),
    "qr economic": (lambda m: lambda a: m.qr(a, mode="economic"), (T,)),
    "eigvalsh": (lambda m: m.eigvalsh, (S,)),
    "eigh generalised": (lambda m: lambda a, b: m.eigh(a, b, eigvals_only=True), (S, S @ S + np.eye(3))),
    "eigh projectors": (lambda m: lambda a: m.eigh(a)[1] ** 2, (S,)),
    "svdvals": (lambda m: m.svdvals, (T,)),
    "svd": (lambda m: lambda a: m.svd(a, full_matrices=False)[1], (T,)),
    "polar": (lambda m: m.polar, (T,)),
    "polar left": (lambda m: lambda a: m.polar(a, side="left"), (T,)),
    "polar wide": (lambda m: m.polar, (T.T,)),
    "expm": (lambda m: m.expm, (A / 3,)),
    "sqrtm": (lambda m: m.sqrtm, (S,)),
    "logm": (lambda m: m.logm, (S,)),
    "tanhm": (lambda m: m.tanhm, (A / 3,)),
    "norm": (lambda m: m.norm, (A,)),
    "norm 1": (lambda m: lambda a: m.norm(a, 1), (A,)),
    "block_diag": (lambda m: m.block_diag, (A, T, V)),
    "toeplitz": (lambda m: m.toeplitz, (V, V[:2] + 1)),
    "hankel": (lambda m: m.hankel, (V,)),
    "circulant": (lambda m: m.circulant, (V,)),
    "khatri_rao": (lambda m: m.khatri_rao, (A, T)),
}


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate:RuntimeWarning")  # SciPy's own, at 1e-13
@pytest.mark.parametrize("name", CASES)
def test_as_scipy(name, agree):
    of, args = CASES[name]
    agree(of(wl), of(sl), *args, rtol=1e-9)


def test_plain_values_are_scipys():
    np.testing.assert_array_equal(wl.expm(A), sl.expm(A))


def test_second_derivative_of_a_solve():
    hessian = wg.hessian(lambda b: np.sum(wl.solve(A + b * np.eye(3), V)))(0.3)
    inverse = np.linalg.inv(A + 0.3 * np.eye(3))
    assert hessian == pytest.approx(2 * np.sum(inverse @ inverse @ inverse @ V), rel=1e-12)


def test_a_stack_of_toeplitz_matrices():
    value, pullback = wg.vjp(wl.toeplitz, T)
    np.testing.assert_array_equal(value, sl.toeplitz(T))
    np.testing.assert_array_equal(pullback(np.ones_like(value))[0][0], np.array([3.0, 4.0, 2.0]))


UNAIDED = """
import numpy as np
from scipy.linalg import solve_triangular
from scipy.signal import detrend
import wengert as wg
L, y = np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([1.0, 2.0])
f = lambda y: np.sum(solve_triangular(L, y, lower=True) ** 2)
z = np.linalg.solve(L, y)
for g in (wg.grad(f), wg.jit(wg.grad(f))):
    np.testing.assert_allclose(g(y), 2 * np.linalg.solve(L.T, z), rtol=1e-14)
np.testing.assert_allclose(wg.grad(lambda y: np.sum(detrend(y, type="constant") ** 2))(y), 2 * (y - y.mean()), rtol=1e-14)
"""


def test_scipys_own_functions_need_no_import_of_ours(tmp_path):
    (tmp_path / "unaided.py").write_text(UNAIDED)
    done = subprocess.run([sys.executable, str(tmp_path / "unaided.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
