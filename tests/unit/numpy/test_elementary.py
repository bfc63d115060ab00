"""Elementwise functions that are not ufuncs."""

import numpy as np
import pytest

import wengert as wg

from .case import A, B, C, N, T, Table, mask, v

TABLE = Table()

TABLE.add(np.where, mask, A, B)
TABLE.add(np.where, mask, A, 0.0)
TABLE.add(np.where, mask[0], A, 2)
TABLE.add(np.clip, B, -0.3, 0.4)
TABLE.add(np.clip, B, None, 0.2)
TABLE.add(np.clip, B, min=-0.1)
TABLE.add(np.clip, B, a_min=-0.1, a_max=None)
TABLE.add(np.clip, A, B, B + 1)
TABLE.add(np.select, [A < 1, A < 1.5], [A, A * B], B)
TABLE.add(np.select, [A < 1, A < 1.5], [A, B])
TABLE.add(np.real, C)
TABLE.add(np.imag, C)
TABLE.add(np.angle, C)
TABLE.add(np.angle, C, deg=True)
TABLE.add(np.conj, C)
TABLE.add(np.real, A)
TABLE.add(np.iscomplex, C)
TABLE.add(np.isreal, C)
TABLE.add(np.abs, C)
TABLE.add(np.round, A, 2)
TABLE.add(np.round, A * 100, -1)
TABLE.add(np.fix, B * 5)
TABLE.add(np.nan_to_num, N)
TABLE.add(np.nan_to_num, N, nan=3.0)
TABLE.add(np.heaviside, B, 0.5)
TABLE.add(np.isclose, A, B)
TABLE.add(np.allclose, A, A)
TABLE.add(np.array_equal, A, B)
TABLE.add(np.sinc, B)
TABLE.add(np.frexp, A * 7)
TABLE.add(np.ldexp, A, 3)
TABLE.add(np.unwrap, v * 9)
TABLE.add(np.unwrap, T * 9, axis=1)
TABLE.add(np.unwrap, v * 9, period=3.0)
TABLE.add(np.spacing, A)
TABLE.add(np.isposinf, A)
TABLE.add(np.modf, B * 3)
TABLE.add(np.divmod, A, 0.3)
TABLE.add(np.count_nonzero, A)
TABLE.add(np.piecewise, B, [B < 0, B >= 0], [lambda x: x * x, lambda x: np.sin(x)])
TABLE.add(np.piecewise, B, [B < 0], [lambda x: x * x, 3.0])
TABLE.add(np.apply_along_axis, lambda x: np.cumsum(x) * 2, 1, A)
TABLE.add(np.apply_along_axis, np.sum, 0, A)
TABLE.add(np.apply_along_axis, lambda x: np.outer(x, x), 1, T)
TABLE.add(np.apply_over_axes, np.sum, T, [0, 2])
TABLE.add(np.real_if_close, C)

TABLE.add(np.sign, C)
TABLE.add(np.sign, B)
TABLE.add(np.nextafter, A, 2.0)
TABLE.add(np.modf, B)
TABLE.add(np.arctan2, v, np.inf)
TABLE.add(np.arctan2, -np.inf, v, smooth=(1,))


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: np.float_power(x, 2), np.float32([1.5])),
        (lambda x: np.float_power(x, 0.5), np.float32([1.5])),
        (lambda x: np.abs(x, dtype=np.float32), np.array([-1.5])),
        (lambda x: np.sqrt(x, dtype=complex), np.array([-4.0])),
        (lambda x: np.ldexp(x, np.array([2])), np.float32([1.5])),
        (lambda x: np.heaviside(x, True), np.float32([1.5])),
        (lambda x: np.clip(0.8, x, 2 * x), np.float32([0.7])),
        (lambda x: np.array([0.1, 2.0]).clip(x[0], 1.5), np.array([0.7])),
        (lambda x: np.ldexp(x, 1024), np.array([0.5])),
        (lambda x: np.frexp(x)[0], np.array([5e-324, 1e308, 0.0, 3e-310])),
    ],
)
def test_dtypes_and_extremes_are_numpys(f, x):
    value, tangent = wg.jvp(f, (x,), (np.ones_like(x),))
    np.testing.assert_array_equal(value, f(x), strict=True)
    assert tangent.dtype == value.dtype
    assert wg.vjp(f, x)[1](value)[0].dtype == x.dtype


@pytest.mark.parametrize("f", [np.fabs, np.isposinf, np.spacing])
def test_complex_numbers_that_numpy_refuses(f):
    with pytest.raises(TypeError):
        wg.jvp(f, (C,), (C,))


def _stacked(y):
    return np.stack(y) if isinstance(y, tuple) else y


def test_integers_and_truth_values_take_the_loops_of_numpy():
    for f in (np.fabs, np.modf, np.spacing, np.conjugate, np.round):
        for x in (np.array([1, 2], np.int32), np.array([True, False])):
            got, expected = np.atleast_2d(wg.vmap(lambda x, f=f: _stacked(f(x)))(x[None])[0]), np.atleast_2d(_stacked(f(x)))
            np.testing.assert_array_equal(got, expected, strict=True)
    with pytest.raises(TypeError):
        wg.vmap(np.positive)(np.array([True, False]))
