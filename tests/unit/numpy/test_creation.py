"""Arrays made from others."""

import numpy as np
import pytest

import wengert as wg

from .case import A, T, Table, v, w

TABLE = Table()

for f in (np.zeros_like, np.ones_like):
    TABLE.add(f, A)
TABLE.add(np.full_like, A, 3.0)
TABLE.add(np.copy, A)
TABLE.add(np.astype, A, np.float32)
TABLE.add(np.linspace, A[0, 0], 2.0, 5)
TABLE.add(np.linspace, v, w, 4, axis=1)
TABLE.add(np.linspace, v, w, 4, endpoint=False)
TABLE.add(np.linspace, 1.0, A[0, 1], 7, retstep=True)
TABLE.add(np.logspace, v, w, 4)
TABLE.add(np.geomspace, w, w + 2, 4)
TABLE.add(np.geomspace, 1.0, w, 5, endpoint=False)
TABLE.add(np.meshgrid, v, w)
TABLE.add(np.meshgrid, v, w, indexing="ij")
TABLE.add(np.meshgrid, v, w, sparse=True)
TABLE.add(np.diag, v)
TABLE.add(np.diag, v, -1)
TABLE.add(np.diag, A, 1)
TABLE.add(np.diagflat, A)
TABLE.add(np.tril, A)
TABLE.add(np.triu, A, 1)
TABLE.add(np.tril, v)
TABLE.add(np.triu, T, -1)
TABLE.add(np.vander, v)
TABLE.add(np.vander, v, 3, increasing=True)
TABLE.add(np.shape, A)
TABLE.add(np.ndim, A)
TABLE.add(np.size, A)
TABLE.add(np.size, A, 1)

TABLE.add(np.logspace, 0.5, 1.0, 4, base=A)
TABLE.add(np.logspace, v, 1.0, 3, base=w)
TABLE.add(np.geomspace, 1 + 2j, 3 - 1j, 4)
TABLE.add(np.geomspace, -w, -3.0, 4)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


@pytest.mark.parametrize("f", [np.vander, lambda x: np.geomspace(x, 2 * x, 3), lambda x: np.linspace(x, 2 * x, 3)])
def test_of_single_precision(f):
    x = np.float32([0.5, 1.5, 2.0])
    value, pullback = wg.vjp(f, x)
    np.testing.assert_allclose(value, f(x), rtol=1e-6, strict=True)
    assert pullback(value)[0].dtype == np.float32
