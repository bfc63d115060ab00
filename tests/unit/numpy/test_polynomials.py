"""Polynomials."""

import numpy as np
import pytest

from .case import A, Table, v, w

TABLE = Table(rtol=1e-10)
numbers = np.random.default_rng(7)

TABLE.add(np.polyval, v, A)
TABLE.add(np.polyval, v, 2.0)
TABLE.add(np.polyadd, v, w[:3])
TABLE.add(np.polysub, v[:2], w)
TABLE.add(np.polymul, v, w)
TABLE.add(np.polydiv, v, w[:3])
TABLE.add(np.polyder, v, 2)
TABLE.add(np.polyint, v)
TABLE.add(np.polyint, v, 2, [1.0, 2.0])
TABLE.add(np.poly, v)
x = np.arange(5.0)
TABLE.add(np.polyfit, x, numbers.normal(size=5), 2)
TABLE.add(np.polyfit, x, numbers.normal(size=5), 1, cov=True)
TABLE.add(np.polyfit, x, numbers.normal(size=5), 1, w=x + 1)

TABLE.add(np.poly, numbers.normal(size=(3, 3)))


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)
