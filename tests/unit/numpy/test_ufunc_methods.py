"""reduce, accumulate, outer and reduceat of ufuncs."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import UnknownFunctionError

from .case import A, T, Table, v

TABLE = Table()


def red(uf, m):

    def method(*a, **k):
        return getattr(uf, m)(*a, **k)

    method.__name__ = f"{uf.__name__}.{m}"
    return method


for uf in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.subtract, np.hypot):
    TABLE.add(red(uf, "reduce"), A)
    TABLE.add(red(uf, "reduce"), A, axis=1, keepdims=True)
    TABLE.add(red(uf, "accumulate"), A)
    TABLE.add(red(uf, "accumulate"), A, axis=1)
    TABLE.add(red(uf, "outer"), v, A)
    TABLE.add(red(uf, "reduceat"), v, [0, 3, 1])
TABLE.add(red(np.add, "reduce"), T, axis=(0, 2))
TABLE.add(red(np.add, "reduce"), T, axis=None)
TABLE.add(red(np.maximum, "reduce"), T, axis=None, initial=0.0)

TABLE.add(red(np.hypot, "reduce"), T, axis=(0, 2))
TABLE.add(red(np.logaddexp, "reduce"), T, axis=None, initial=0.3)
TABLE.add(red(np.logical_and, "accumulate"), A)
TABLE.add(red(np.subtract, "reduce"), A, dtype=complex)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


def test_what_numpy_masks_or_refuses_is_not_computed_otherwise():
    with pytest.raises(UnknownFunctionError, match="where"):
        wg.jvp(lambda x: np.subtract.reduce(x, where=A > 1), (A,), (A,))
    with pytest.raises(TypeError):
        wg.jvp(np.less.accumulate, (A,), (A,))
