"""Differences, integrals, convolution, interpolation."""

import numpy as np
import pytest

import wengert as wg

from .case import A, B, T, Table, v, w

TABLE = Table()
numbers = np.random.default_rng(7)

TABLE.add(np.diff, A)
TABLE.add(np.diff, A, 2, axis=0)
TABLE.add(np.diff, v, prepend=0.0, append=[1.0, 2.0])
TABLE.add(np.ediff1d, A, to_end=[1.0, 2.0], to_begin=0.0)
TABLE.add(np.gradient, v)
TABLE.add(np.gradient, A)
TABLE.add(np.gradient, A, 0.3, axis=1)
TABLE.add(np.gradient, A, 0.3, 2.0, edge_order=2)
TABLE.add(np.gradient, v, np.array([0, 0.5, 0.7, 1.2, 2.0]))
TABLE.add(np.gradient, v, np.array([0, 0.5, 0.7, 1.2, 2.0]), edge_order=2)
TABLE.add(np.gradient, A, np.array([0, 0.5, 0.7]), np.array([0, 1.0, 2, 3]))
TABLE.add(np.gradient, T, np.array([0, 0.5, 0.7]), axis=1)
TABLE.add(np.trapezoid, v)
TABLE.add(np.trapezoid, A, dx=0.3, axis=0)
TABLE.add(np.trapezoid, v, w)
TABLE.add(np.trapezoid, A, np.array([0.0, 1, 3, 4]))
TABLE.add(np.trapezoid, A, B, axis=0)
for m in ("full", "same", "valid"):
    for p, q in ((v, w[:2]), (v, w[:3]), (w[:2], v), (v, w), (w[:4], v), (v, w[:4])):
        TABLE.add(np.convolve, p, q, m)
        TABLE.add(np.correlate, p, q, m)
        TABLE.add(np.correlate, p * (1 + 2j), q * (2 - 1j), m)
xs = np.sort(numbers.uniform(0, 3, 6))
TABLE.add(np.interp, A, xs, numbers.uniform(0, 1, 6))
TABLE.add(np.interp, 1.1, xs, numbers.uniform(0, 1, 6), left=-1.0, right=4.0)
TABLE.add(np.interp, A, xs, numbers.uniform(0, 1, 6), period=1.7)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


def test_dtypes(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    for f in (np.gradient, lambda x: np.gradient(x, 0.5, axis=1, edge_order=2), lambda x: np.gradient(x, 2)):
        for value, expected in zip(wg.vjp(f, x)[0], f(x), strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5, strict=True)
    with pytest.raises(TypeError, match="complex"):
        wg.jvp(lambda z: np.interp(z, [0.0, 1.0], [0.0, 1.0]), (1j,), (1j,))
