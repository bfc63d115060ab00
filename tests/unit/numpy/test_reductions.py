"""Reductions and cumulations."""

import numpy as np
import pytest

import wengert as wg

from .case import A, B, C, N, T, Table, mask, v

TABLE = Table()

for f in (np.sum, np.prod, np.mean, np.max, np.min, np.amax, np.amin, np.var, np.std, np.ptp, np.cumsum, np.cumprod, np.median):
    TABLE.add(f, A)
    TABLE.add(f, T, axis=-1)
    TABLE.add(f, T, 1)
    if f not in (np.cumsum, np.cumprod):
        TABLE.add(f, T, axis=(0, -1), keepdims=True)
        TABLE.add(f, T, axis=0, keepdims=True)
for f in (np.sum, np.prod, np.max, np.min):
    TABLE.add(f, A, axis=1, initial=3.0)
    TABLE.add(f, A, axis=0, where=mask, initial=0.7)
TABLE.add(np.mean, A, axis=0, where=A > 0.6)
TABLE.add(np.var, A, ddof=1, axis=1)
TABLE.add(np.std, A, ddof=1)
TABLE.add(np.std, C, axis=0)
TABLE.add(np.var, C)
TABLE.add(np.var, A, axis=1, where=A > 0.6)
TABLE.add(np.sum, A, dtype=np.float32)
TABLE.add(np.mean, C, axis=1)
TABLE.add(np.sum, C, axis=0)
TABLE.add(np.prod, C)
TABLE.add(np.cumprod, C, axis=1)
TABLE.add(np.average, A)
TABLE.add(np.average, A, axis=1, weights=np.arange(1.0, 5))
TABLE.add(np.average, A, weights=B + 2)
TABLE.add(np.average, A, axis=0, weights=np.arange(3.0) + 1, keepdims=True)
TABLE.add(np.average, T, axis=(0, 2), weights=np.arange(8.0).reshape(2, 4) + 1)
TABLE.add(np.average, T, axis=(2, 0), weights=np.arange(8.0).reshape(4, 2) + 1)
for f in (np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.nanvar, np.nanstd, np.nancumsum, np.nancumprod, np.nanmedian):
    TABLE.add(f, N)
    TABLE.add(f, N, axis=0)
    TABLE.add(f, N, axis=-1)
TABLE.add(np.cumulative_sum, v)
TABLE.add(np.cumulative_sum, A, axis=1, include_initial=True)
TABLE.add(np.cumulative_prod, A, axis=0)

TABLE.add(np.var, C, dtype=np.float64)
TABLE.add(np.std, A, dtype=complex)
TABLE.add(np.cumulative_sum, 1.5)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


def test_an_initial_value_that_does_not_fit():
    with pytest.raises(TypeError, match="imaginary"):
        wg.grad(lambda x: np.sum(x, initial=1j))(A)
