"""`wengert.scipy.special`: SciPy's values, promotion and broadcasting, and what has no derivative."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.special as sc

import wengert as wg
from wengert.errors import NoRuleError, ShapeError, UnknownFunctionError
from wengert.scipy import special as ws

X = np.array([0.3, 1.2, 2.5])

CASES = [
    ("erf", X),
    ("gammainc", np.array([0.7, 2.0, 3.1]), X),
    ("jv", 1.5, X),
    ("kv", 2, X),
    ("expn", 2, X),
    ("eval_legendre", 3, X / 3),
    ("eval_hermite", 3, X),
    ("eval_sh_legendre", 3, X / 3),
    ("polygamma", 1, X),
    ("polygamma", np.array([0, 1, 2]), X),
    ("zeta", 2.5, X),
    ("psi", X),
    ("log1p", X),
    ("cbrt", X),
    ("comb", 5.3, X),
    ("perm", 5.3, X),
    ("factorial", X),
    ("multigammaln", X + 3, 3),
    ("softplus", X),
    ("spherical_jn", 2, X),
    ("chdtr", 3.0, X),
    ("chdtrc", 3.0, X),
    ("chdtri", 3.0, X / 3),
    ("fdtr", 3.0, 5.0, X),
    ("fdtrc", 3.0, 5.0, X),
    ("fdtri", 3.0, 5.0, X / 3),
    ("gdtr", 1.3, 2.0, X),
    ("pdtr", 2, X),
    ("pdtrc", 2, X),
    ("bdtr", 2, 7, X / 3),
    ("bdtrc", 2, 7, X / 3),
    ("nbdtr", 2, 7, X / 3),
    ("agm", 1.3, X),
    ("jvp", 1.5, X, 2),
    ("kvp", 1.5, X, 1),
    ("ivp", 1.5, X, 3),
    ("logsumexp", X),
    ("softmax", X),
    ("log_softmax", X),
    ("airy", X),
    ("ellipj", X, 0.4),
    ("xlogy", X, X[::-1]),
    ("kn", 2, X),
    ("yn", 2, X),
    ("stdtr", 4.0, X),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)])
def test_as_scipy(case, agree):
    name, *args = case
    only = {"comb": (0,), "perm": (0,)}.get(name)
    last = None if only is None and name not in ("jv", "kv", "zeta", "kn", "yn", "jvp", "kvp", "ivp", "expn") else (only or (1,))
    agree(getattr(ws, name), getattr(sc, name), *args, argnums=last)


def test_scipys_own_ufuncs_dispatch():
    np.testing.assert_allclose(wg.grad(lambda x: np.sum(sc.gammaln(x)))(X), sc.digamma(X), rtol=1e-14)
    np.testing.assert_allclose(wg.grad(lambda x: sc.jv(0, x))(1.0), -sc.jv(1, 1.0), rtol=1e-14)


def test_scipys_ufuncs_dispatch_without_importing_ours():
    program = "import wengert as wg, scipy.special as sc; print(wg.grad(lambda x: sc.i0(x) + sc.psi(x))(1.0))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert float(out) == pytest.approx(sc.i1(1.0) + sc.polygamma(1, 1.0), rel=1e-14)


def test_promotion_and_broadcasting():
    _, gradient = wg.value_and_grad(lambda x: np.sum(ws.xlogy(np.array([[1], [2]]), x)))(X)
    assert gradient.shape == (3,)
    np.testing.assert_allclose(gradient, 3 / X, rtol=1e-14)
    out, pull = wg.vjp(lambda x: ws.jv(1, x), X.astype(np.float32))
    assert out.dtype == np.float32 and np.asarray(pull(np.ones(3, np.float32))[0]).dtype == np.float32


def test_logsumexp_with_weights_and_axes(agree):
    a, b = np.array([[0.3, -1.0, 2.0], [0.1, 0.2, -0.3]]), np.array([[1.0, -0.5, 2.0], [0.0, 1.0, 3.0]])
    agree(lambda a: ws.logsumexp(a, axis=1, keepdims=True), lambda a: sc.logsumexp(a, axis=1, keepdims=True), a)
    agree(lambda a: ws.logsumexp(a, axis=1, b=b), lambda a: sc.logsumexp(a, axis=1, b=b), a)
    agree(lambda a: ws.logsumexp(a, b=b, return_sign=True)[0], lambda a: sc.logsumexp(a, b=b, return_sign=True)[0], a)
    agree(lambda a: ws.softmax(a, axis=0), lambda a: sc.softmax(a, axis=0), a)


def test_logsumexp_of_infinities():
    np.testing.assert_array_equal(wg.grad(ws.logsumexp)(np.array([-np.inf, -np.inf])), [0.5, 0.5])
    np.testing.assert_array_equal(wg.grad(ws.logsumexp)(np.array([-np.inf, 1.0])), [0.0, 1.0])


def test_lambertw_is_complex_and_solves_its_equation():
    slope = wg.grad(lambda x: ws.lambertw(x).real)(0.5)
    w = sc.lambertw(0.5).real
    assert slope == pytest.approx(np.exp(-w) / (1 + w), rel=1e-14)


def test_order_has_no_derivative():
    with pytest.raises(NoRuleError, match="jv has no derivative by operand 0"):
        wg.grad(lambda v: ws.jv(v, 1.0))(2.0)


def test_unknown_functions_are_refused_by_name():
    with pytest.raises(UnknownFunctionError, match="mathieu_a"):
        wg.grad(lambda q: sc.mathieu_a(2, q))(1.0)
    with pytest.raises(UnknownFunctionError, match="ellip_harm"):
        wg.grad(lambda s: ws.ellip_harm(5, 8, 1, 2, s))(1.0)


def test_plain_values_are_scipys():
    assert ws.erf(0.5) == sc.erf(0.5)
    assert ws.mathieu_a(2, 1.0) == sc.mathieu_a(2, 1.0)


POLYNOMIALS = ("legendre", "chebyt", "chebyu", "laguerre", "sh_legendre", "sh_chebyt", "sh_chebyu", "chebyc", "chebys")


@pytest.mark.parametrize("n", [-2.5, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.7, 3.0])
@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials_of_any_degree(name, n):
    f = getattr(sc, f"eval_{name}")
    x = np.array([0.15, 0.4, 0.8])
    if np.isnan(f(n, x)).any():
        return
    (value, slope), (_, bend) = (wg.jvp(g, (x,), (np.ones(3),)) for g in (lambda x: f(n, x), lambda x: wg.elementwise_grad(f, 1)(n, x)))
    np.testing.assert_allclose(value, f(n, x), rtol=1e-13)
    np.testing.assert_allclose(slope, (f(n, x + 1e-6) - f(n, x - 1e-6)) / 2e-6, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(bend, (f(n, x + 1e-4) - 2 * f(n, x) + f(n, x - 1e-4)) / 1e-8, rtol=1e-4, atol=1e-5)


def test_hermite_polynomials_of_whole_degrees_alone():
    assert np.isnan(wg.jvp(lambda x: sc.eval_hermite(-1, x), (0.5,), (1.0,))[0])
    assert np.isnan(wg.jvp(lambda x: ws.eval_hermite(0.5, x), (0.5,), (1.0,))[0])


@pytest.mark.parametrize("name", ["gamma", "erf", "j0", "expit", "exp10", "ndtri", "airy", "shichi"])
def test_half_precision_goes_by_a_wider_loop(name):
    f = getattr(sc, name)
    x = np.float16([0.3, 0.6])
    value, pullback = wg.vjp(f, x)
    tangent = wg.jvp(f, (x,), (x,))[1]
    for v, t in zip(*((a if isinstance(a, tuple) else (a,)) for a in (value, tangent)), strict=True):
        assert t.dtype == v.dtype
    assert pullback(value)[0].dtype == np.float16


def test_what_is_complex_of_real_numbers_and_what_is_not_analytic():
    value, tangent = wg.jvp(sc.wofz, (0.7,), (1.0,))
    assert value == pytest.approx(sc.wofz(0.7), rel=1e-15)
    assert tangent == pytest.approx((sc.wofz(0.7 + 1e-6) - sc.wofz(0.7 - 1e-6)) / 2e-6, rel=1e-8)
    with pytest.raises(ShapeError, match="airye"):
        wg.jvp(sc.airye, (1j,), (1j,))
    _, tangents = wg.jvp(sc.airye, (-1.3,), (1.0,))
    differences = [(a - b) / 2e-6 for a, b in zip(sc.airye(-1.3 + 1e-6), sc.airye(-1.3 - 1e-6), strict=True)]
    np.testing.assert_allclose(tangents[2:], differences[2:], rtol=1e-7)
