"""Kinks and singular points of composite functions: shares at ties, zeros at the minimum, no NaN from what is not taken."""

import numpy as np
import pytest

import wengert as wg

TIED = np.array([1.0, 2.0, 2.0, 0.0])
ROWS = [
    ("median", np.median, np.array([1.0, 2.0, 2.0, 2.0, 5.0]), [0, 1 / 3, 1 / 3, 1 / 3, 0]),
    ("median, even", np.median, np.array([1.0, 2.0, 2.0, 5.0]), [0, 0.5, 0.5, 0]),
    ("nanmedian", np.nanmedian, np.array([1.0, 2.0, np.nan, 2.0, 2.0, 5.0]), [0, 1 / 3, 0, 1 / 3, 1 / 3, 0]),
    ("quantile", lambda x: np.quantile(x, 0.5), np.array([3.0, 3.0, 3.0]), [1 / 3] * 3),
    ("max", np.max, TIED, [0, 0.5, 0.5, 0]),
    ("nanmax", np.nanmax, np.array([2.0, np.nan, 2.0]), [0.5, 0, 0.5]),
    ("ptp", np.ptp, TIED, [0, 0.5, 0.5, -1]),
    ("sort", lambda x: np.sort(x)[2], TIED, [0, 1, 0, 0]),
    ("std of a constant", np.std, np.full(3, 2.0), [0, 0, 0]),
    ("norm at 0", np.linalg.norm, np.zeros(3), [0, 0, 0]),
    ("clip at a bound", lambda x: np.clip(x, 0.0, 1.0).sum(), np.array([-1.0, 0.0, 0.5, 1.0, 2.0]), [0, 0.5, 1, 0.5, 0]),
    ("prod through zeros", np.prod, np.array([0.0, 0.0, 3.0]), [0, 0, 0]),
    ("prod through a zero", np.prod, np.array([0.0, 2.0, 3.0]), [6, 0, 0]),
    ("where and sqrt", lambda x: np.where(x > 0, np.sqrt(x), 0).sum(), np.array([-1.0, 0.0, 4.0]), [0, 0, 0.25]),
    ("piecewise and log", lambda x: np.piecewise(x, [x > 0], [np.log, 0.0]).sum(), np.array([-1.0, 0.0, 4.0]), [0, 0, 0.25]),
    ("nan_to_num", lambda x: np.nan_to_num(x).sum(), np.array([np.nan, np.inf, 1.0]), [0, 0, 1]),
    ("nansum", np.nansum, np.array([np.nan, 1.0]), [0, 1]),
    ("round", lambda x: np.round(x, 1).sum(), np.array([0.5, 1.26]), [0, 0]),
    ("sinc at 0", lambda x: np.sinc(x).sum(), np.array([0.0]), [0]),
    ("heaviside", lambda x: np.heaviside(x, 0.5).sum(), np.array([-1.0, 0.0, 2.0]), [0, 0, 0]),
]


@pytest.mark.parametrize(("f", "x", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_row(f, x, expected):
    np.testing.assert_allclose(wg.grad(f)(x), expected, atol=1e-15)
    np.testing.assert_allclose(wg.jacfwd(f)(x), expected, atol=1e-15)
    assert np.isfinite(wg.hessian(f)(x)).all()


def test_eigh_of_the_upper_triangle(rng):
    a = rng.normal(size=(3, 3))

    def f(x):
        w, u = np.linalg.eigh(x, UPLO="U")
        return (u * w**2) @ u.T

    value, tangent = wg.jvp(f, (a,), (np.ones((3, 3)),))
    np.testing.assert_allclose(value, f(a), atol=1e-13)
    np.testing.assert_allclose(tangent, (f(a + 1e-6) - f(a - 1e-6)) / 2e-6, atol=1e-7)


def test_whole_svd_of_which_the_space_is_used(rng):
    a = rng.normal(size=(4, 2))

    def f(x):
        u, s, vh = np.linalg.svd(x)
        return u[:, 2:] @ u[:, 2:].T, u[:, :2] * s @ vh

    values, tangents = wg.jvp(f, (a,), (np.ones((4, 2)),))
    for value, tangent, plain, high, low in zip(values, tangents, f(a), f(a + 1e-6), f(a - 1e-6), strict=True):
        np.testing.assert_allclose(value, plain, atol=1e-13)
        np.testing.assert_allclose(tangent, (high - low) / 2e-6, atol=1e-7)


def test_interp_at_a_knot_takes_the_piece_to_the_right():
    assert wg.grad(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]))(1.0) == 2.0


def test_second_derivatives_of_composites(rng):
    x = rng.uniform(0.5, 1.5, 5)
    for f in (
        np.std,
        np.var,
        np.prod,
        np.linalg.norm,
        lambda x: np.cumprod(x)[-2],
        lambda x: np.convolve(x, x)[3],
        lambda x: np.polyval(x, x[0]),
    ):
        h, step = wg.hessian(f)(x), 1e-6
        columns = [(wg.grad(f)(x + step * e) - wg.grad(f)(x - step * e)) / (2 * step) for e in np.eye(5)]
        np.testing.assert_allclose(h, np.stack(columns, -1), rtol=1e-5, atol=1e-7)
