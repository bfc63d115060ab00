"""Sorting, searching, picking."""

import numpy as np
import pytest

import wengert as wg

from .case import A, B, N, Table, mask, v, w

TABLE = Table()
numbers = np.random.default_rng(7)

TABLE.add(np.sort, A)
TABLE.add(np.sort, A, axis=0)
TABLE.add(np.sort, A, axis=None)
TABLE.add(np.argsort, A)
TABLE.add(np.argmax, A)
TABLE.add(np.argmin, A, axis=0, keepdims=True)
TABLE.add(np.take, A, [0, 2], axis=1)
TABLE.add(np.take, A, [[0, 5], [7, -1]])
TABLE.add(np.take, A, [4, -9], axis=1, mode="wrap")
TABLE.add(np.take, A, [9, -9], axis=0, mode="clip")
TABLE.add(np.take_along_axis, A, np.argsort(A, 1), 1)
TABLE.add(np.take_along_axis, A, np.array([[1], [0], [3]]), 1)
TABLE.add(np.take_along_axis, A, np.array([[1, 0]]), -1)
TABLE.add(np.choose, [0, 1, 2, 1], [A, B, A * B])
TABLE.add(np.choose, np.array([2, 0, 4, -1]), [A, B], mode="clip")
TABLE.add(np.compress, [True, False, True], A, axis=0)
TABLE.add(np.extract, mask, A)
TABLE.add(np.searchsorted, np.arange(5.0), A)
TABLE.add(np.searchsorted, np.arange(5.0), A, side="right")
TABLE.add(np.searchsorted, np.sort(numbers.uniform(0, 2, 999)), A)
TABLE.add(np.searchsorted, np.sort(numbers.uniform(0, 2, 1000)), A, side="right")
TABLE.add(np.digitize, A, [0.5, 1, 1.5])
TABLE.add(np.digitize, A, [1.5, 1, 0.5])
TABLE.add(np.digitize, A, [0.5, 1.0, 1.5], right=True)
TABLE.add(np.nonzero, B)
TABLE.add(np.flatnonzero, B)
TABLE.add(np.argwhere, B)
TABLE.add(np.isin, A, A[0])
TABLE.add(np.unique, np.array([3.0, 1, 2, 4]))
TABLE.add(np.bincount, np.array([0, 1, 1, 3]), np.array([1.0, 2, 3, 4]))
TABLE.add(np.lexsort, (v, w))
TABLE.add(np.nanargmax, N, axis=1)
TABLE.add(np.histogram, v)
TABLE.add(np.argwhere, A > 1)
TABLE.add(np.any, B > 0, axis=1)
TABLE.add(np.all, B > 0)
TABLE.add(np.any, B)
TABLE.add(np.argmax, A, keepdims=True)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


def test_weights_keep_their_dtype():
    value, pullback = wg.vjp(lambda w: np.histogram(v, 3, weights=w)[0], np.float32(w))
    assert value.dtype == pullback(value)[0].dtype == np.float32
    z = w * (1 + 2j)
    value, tangent = wg.jvp(lambda w: np.histogram(v, 3, weights=w)[0], (z,), (z,))
    np.testing.assert_allclose(value, np.histogram(v, 3, weights=z)[0], rtol=1e-15)
    np.testing.assert_allclose(tangent, value, rtol=1e-15)
    with pytest.raises(TypeError):
        wg.vjp(lambda w: np.bincount([0, 1, 1, 0, 2], w), w * 1j)
