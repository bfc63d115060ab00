"""Functions that move elements."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import UnknownFunctionError

from .case import A, B, T, Table, v, w

TABLE = Table()

TABLE.add(np.reshape, A, (2, -1))
TABLE.add(np.reshape, A, (2, 6), order="F")
TABLE.add(np.ravel, A)
TABLE.add(np.ravel, A, order="F")
TABLE.add(np.transpose, T)
TABLE.add(np.transpose, T, (1, 0, 2))
TABLE.add(np.transpose, T, (-1, 0, 1))
TABLE.add(np.swapaxes, T, 0, -1)
TABLE.add(np.moveaxis, T, 0, -1)
TABLE.add(np.moveaxis, T, (0, 1), (-1, 0))
TABLE.add(np.rollaxis, T, 2)
TABLE.add(np.rollaxis, T, 0, 3)
TABLE.add(np.expand_dims, A, (0, 2))
TABLE.add(np.expand_dims, A, -1)
TABLE.add(np.squeeze, A[None, :, None])
TABLE.add(np.squeeze, A[None, :, None], axis=0)
TABLE.add(np.broadcast_to, v, (3, 5))
TABLE.add(np.permute_dims, T, (2, 0, 1))
TABLE.add(np.lib.stride_tricks.sliding_window_view, v, 3)
TABLE.add(np.lib.stride_tricks.sliding_window_view, A, (2, 3))
TABLE.add(np.lib.stride_tricks.sliding_window_view, T, (2, 2), axis=(-1, 1))
TABLE.add(np.lib.stride_tricks.sliding_window_view, T, (2, 2), axis=(2, 2))
TABLE.add(np.matrix_transpose, T)
TABLE.add(np.atleast_1d, A[0, 0])
TABLE.add(np.atleast_2d, v)
TABLE.add(np.atleast_3d, v)
TABLE.add(np.atleast_3d, A)
for f in (np.flip, np.flipud, np.fliplr):
    TABLE.add(f, A)
TABLE.add(np.flip, T, (0, 2))
TABLE.add(np.flip, T, -1)
for k in range(-1, 5):
    TABLE.add(np.rot90, A, k)
TABLE.add(np.rot90, T, 1, (1, 2))
TABLE.add(np.rot90, T, 3, (2, 0))
TABLE.add(np.concatenate, (A, B))
TABLE.add(np.concatenate, [A, B], axis=1)
TABLE.add(np.concatenate, (A, v), axis=None)
TABLE.add(np.stack, [A, B])
TABLE.add(np.stack, (A, B), axis=-1)
for f in (np.vstack, np.hstack, np.dstack, np.column_stack):
    TABLE.add(f, (A, B))
    TABLE.add(f, [v, w])
TABLE.add(np.column_stack, (A, np.arange(3.0)))
TABLE.add(np.block, [[A, B], [B, A]])
TABLE.add(np.block, [v, w])
TABLE.add(np.append, A, B)
TABLE.add(np.append, A, B, axis=0)
TABLE.add(np.append, v, 2.0)
TABLE.add(np.tile, v, 3)
TABLE.add(np.tile, A, (2, 1))
TABLE.add(np.tile, v, (2, 2))
TABLE.add(np.tile, T, 2)
TABLE.add(np.repeat, A, 2)
TABLE.add(np.repeat, A, 3, axis=1)
TABLE.add(np.repeat, A, [1, 0, 2], axis=0)
TABLE.add(np.roll, A, 1)
TABLE.add(np.roll, A, -2, axis=1)
TABLE.add(np.roll, T, (1, 2), axis=(0, 2))
TABLE.add(np.roll, v, 7)
TABLE.add(np.resize, v, (2, 4))
TABLE.add(np.resize, A, (2, 3))
TABLE.add(np.insert, v, 1, 9.0)
TABLE.add(np.insert, v, [1, 3], [9.0, 8.0])
TABLE.add(np.insert, A, 1, 5.0, axis=1)
TABLE.add(np.insert, A, [0], np.ones((1, 4)), axis=0)
TABLE.add(np.insert, A, 1, np.arange(4.0), axis=0)
TABLE.add(np.insert, A, [1, 1], B[:, :2], axis=1)
TABLE.add(np.delete, v, 1)
TABLE.add(np.delete, A, [0, 2], axis=1)
TABLE.add(np.delete, A, np.s_[::2], axis=0)
TABLE.add(np.delete, v, np.array([True, False, False, True, False]))
TABLE.add(np.insert, A, slice(0, 2), 7.0, axis=0)
TABLE.add(np.insert, v, -1, 3.0)
for m in ("constant", "edge", "reflect", "wrap", "symmetric", "mean", "maximum", "minimum"):
    TABLE.add(np.pad, A, 1, m)
    TABLE.add(np.pad, A, ((1, 2), (0, 1)), m)
TABLE.add(np.pad, v, (7, 9), "reflect")
TABLE.add(np.pad, v, (2, 3), constant_values=(4.0, 5.0))
TABLE.add(np.pad, A, ((1, 1), (2, 0)), constant_values=((1, 2), (3, 4.0)))
TABLE.add(np.pad, A, {-1: (1, 2)})
TABLE.add(np.array_split, v, 3)
TABLE.add(np.split, A, 2, axis=1)
TABLE.add(np.split, v, [1, 3])
TABLE.add(np.hsplit, A, 2)
TABLE.add(np.vsplit, A, 3)
TABLE.add(np.dsplit, T, 2)
TABLE.add(np.unstack, A)
TABLE.add(np.unstack, A, axis=1)
TABLE.add(np.broadcast_arrays, v, A[0, 0])

TABLE.add(np.insert, A, [1], B, axis=0)
TABLE.add(np.insert, A, [1], B[:, :2], axis=1)
TABLE.add(np.insert, A, 1, B[:, :2].T, axis=1)


@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_values_and_derivatives(case, rng):
    case.check(rng)


def test_order_in_memory_is_not_known():
    for f in (lambda x: np.ravel(x, "K"), lambda x: x.flatten("A")):
        with pytest.raises(UnknownFunctionError, match="order"):
            wg.jvp(f, (A,), (A,))


def test_padding_by_statistics_keeps_the_dtype():
    x = np.array([[1, 2, 4], [8, 3, 3]])
    np.testing.assert_array_equal(wg.vmap(lambda x: np.pad(x, 2, "mean"))(x[None])[0], np.pad(x, 2, "mean"), strict=True)
    nothing = np.zeros((2, 0))
    assert wg.vjp(lambda x: np.pad(x, ((1, 1), (0, 0)), "maximum"), nothing)[0].shape == (4, 0)
    with pytest.raises(ValueError, match="empty axis"):
        wg.vjp(lambda x: np.pad(x, 1, "mean"), nothing)
