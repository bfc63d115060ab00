"""Medians, quantiles, covariances."""

import numpy as np
import pytest

import wengert as wg

from .case import A, B, C, N, T, Table, v, w

TABLE = Table()

TABLE.add(np.nanquantile, N, 0.3)
TABLE.add(np.nanquantile, N, [0.3, 0.8], axis=1)
TABLE.add(np.nanpercentile, N, 30.0, axis=0, keepdims=True)
for m in (
    "linear",
    "lower",
    "higher",
    "midpoint",
    "nearest",
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "median_unbiased",
    "normal_unbiased",
):
    TABLE.add(np.quantile, A, 0.37, method=m, smooth=(0,))
    TABLE.add(np.quantile, A, [0.1, 0.9, 0.45], axis=0, method=m, smooth=(0,))
TABLE.add(np.percentile, A, [[10, 20], [50, 90.0]], axis=1)
TABLE.add(np.quantile, T, 0.4, axis=(0, 2), keepdims=True)
TABLE.add(np.quantile, T, [0.4, 0.2], axis=(0, 2), keepdims=True)
TABLE.add(np.percentile, A, 75)
TABLE.add(np.cov, A)
TABLE.add(np.cov, A, B)
TABLE.add(np.cov, A, rowvar=False, bias=True)
TABLE.add(np.cov, v, w)
TABLE.add(np.cov, A, aweights=np.arange(1.0, 5))
TABLE.add(np.cov, A, fweights=np.array([1, 2, 1, 3]))
TABLE.add(np.cov, C)
TABLE.add(np.corrcoef, A)
TABLE.add(np.corrcoef, v, w)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


@pytest.mark.parametrize("q", [0.3, np.float64(0.3), np.array(0.3), [0.3, 0.6], np.float32([0.3])], ids=repr)
@pytest.mark.parametrize("f", [np.quantile, np.nanquantile, np.percentile, np.nanpercentile])
def test_of_single_precision(f, q):
    x = np.float32([0.5, 1.5, 2.0, 0.7])
    value, pullback = wg.vjp(lambda x: f(x, q), x)
    np.testing.assert_allclose(value, f(x, q), rtol=1e-6, strict=True)
    assert pullback(value)[0].dtype == np.float32


def test_of_nothing_and_of_complex_numbers():
    nothing = np.zeros(0)
    assert np.isnan(wg.vjp(np.nanmedian, nothing)[0])
    assert np.isnan(wg.vjp(lambda x: np.nanquantile(x, 0.2), nothing)[0])
    with pytest.raises(IndexError):
        wg.vjp(lambda x: np.quantile(x, 0.2), nothing)
    with pytest.raises(TypeError):
        wg.vjp(lambda x: np.quantile(x, 0.2), C)
    assert wg.vjp(np.cov, np.float32(A))[0].dtype == np.cov(np.float32(A)).dtype
