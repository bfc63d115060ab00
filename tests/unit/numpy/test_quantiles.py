"""Medians, quantiles, covariances."""

import numpy as np
import pytest

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
