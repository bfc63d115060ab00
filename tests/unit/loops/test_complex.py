"""Elementary functions of complex numbers in native code, written by functions of real ones."""

import numpy as np
import pytest

import wengert as wg


@pytest.mark.parametrize("code", ["D", "F"])
def test_exp_is_numpys_everywhere(code):
    """At zeros of both signs, where exp of the real part alone overflows or vanishes, at infinities and NaN."""
    real = np.empty(0, code).real.dtype
    v = np.array([0.0, -0.0, 1.0, -1.5, 3.0, 88.0, 89.0, -100.0, 700.0, 709.5, 710.2, -745.0, np.inf, -np.inf, np.nan], real)
    z = np.empty((v.size, v.size), code)
    z.real, z.imag = v[:, None], v
    with np.errstate(all="ignore"):
        expected, made = np.exp(z), wg.jit(np.exp)(z)
    least = float(np.finfo(real).smallest_subnormal)
    for a, b in ((made.real, expected.real), (made.imag, expected.imag)):
        np.testing.assert_allclose(a, b, rtol=10 * np.finfo(real).eps, atol=10 * least)
        np.testing.assert_array_equal(np.signbit(a[b == 0][:8]), np.signbit(b[b == 0][:8]))


def test_exp_of_many_numbers_is_accurate(rng):
    z = 5 * rng.standard_normal(1000) + 20j * rng.standard_normal(1000)
    assert np.max(np.abs(wg.jit(np.exp)(z) / np.exp(z) - 1)) < 1e-15


def test_exp_is_made_of_functions_that_have_vector_companions():
    assert "cexp" not in wg.jit(np.exp).lower(np.ones(100, "D")).loops
