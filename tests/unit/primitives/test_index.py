"""Slices, gathers, scatters: NumPy's values, their transposes with repeats, errors, and work done in place."""

import numpy as np
import pytest

from tests.unit.primitives.derivatives import jacobian, record
from wengert.contract import Into
from wengert.errors import IndexOutOfBoundsError, ShapeError
from wengert.ir.types import array_type
from wengert.primitives import index
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import vjp

rng = np.random.default_rng(3)
X = rng.standard_normal((3, 4, 2))


def value(rule, *arguments):
    return evaluate(record(rule, *arguments), arguments)[0]


# -- slices -----------------------------------------------------------------------------------


def test_slice_and_its_writes_are_numpys():
    bounds = (0, 1, 0), (3, 4, 2), (2, 2, 1)
    part = X[0:3:2, 1:4:2, 0:2]
    np.testing.assert_array_equal(value(lambda x: index.slice_(x, *bounds), X), part)
    u = rng.standard_normal(part.shape)
    added, put = X.copy(), X.copy()
    added[0:3:2, 1:4:2] += u
    put[0:3:2, 1:4:2] = u
    np.testing.assert_array_equal(value(lambda x, u: index.slice_add(x, u, *bounds), X, u), added)
    np.testing.assert_array_equal(value(lambda x, u: index.slice_set(x, u, *bounds), X, u), put)


def test_a_slice_of_everything_is_nothing_to_do():
    assert not record(lambda x: index.slice_axis(x, 1, 0, 4), X).equations
    assert not record(lambda x: index.pad(x, ((0, 0), (0, 0), (0, 0))), X).equations


def test_set_cuts_the_derivative_of_what_it_overwrites():
    x, v = np.arange(4.0), np.array([7.0, 8.0])
    rule = lambda x, v: index.slice_set(x, v, (1,), (3,), (1,))
    np.testing.assert_array_equal(jacobian(rule, x, v), np.diag([1, 0, 0, 1]))
    np.testing.assert_array_equal(jacobian(rule, x, v, argument=1), np.eye(4)[:, 1:3])


def test_pad_puts_zeros_around():
    np.testing.assert_array_equal(value(lambda x: index.pad(x, ((1, 0), (0, 2))), X[0]), np.pad(X[0], ((1, 0), (0, 2))))
    np.testing.assert_array_equal(jacobian(lambda x: index.pad(x, ((1, 2),)), X[0, :, 0]), np.eye(7)[:, 1:5])


def test_a_slice_outside_its_array_is_refused():
    with pytest.raises(ShapeError, match="does not fit float64\\[3\\]"):
        index.Slice((0,), (4,), (1,)).type(array_type((3,), np.dtype(float)))
    with pytest.raises(ShapeError, match="the part is float64\\[2\\]"):
        index.SliceAdd((0,), (2,), (1,)).type(array_type((3,), np.dtype(float)), array_type((3,), np.dtype(float)))


# -- gather and scatter ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16])
def test_gather_is_numpys_integer_indexing(dtype):
    i, j = np.array([[0, 2], [1, 1]], dtype), np.array([[3, 0], [0, 0]], dtype)
    np.testing.assert_array_equal(value(lambda x: index.gather(x, [i]), X), X[i])
    np.testing.assert_array_equal(value(lambda x: index.gather(x, [i, j]), X), X[i, j])
    lanes = np.array([[0, 3], [1, 1], [2, 0]], dtype)
    np.testing.assert_array_equal(value(lambda x: index.gather(x, [lanes], 1), X), X[np.arange(3)[:, None], lanes])


def test_gather_accumulates_repeats_in_reverse():
    i = np.array([0, -1, 0, 2, 0])
    counts = vjp(record(lambda x: index.gather(x, [i]), X[:, 0, 0]), (True,))
    np.testing.assert_array_equal(evaluate(counts, [X[:, 0, 0], np.ones(5)])[1], [3, 0, 2])
    np.testing.assert_array_equal(jacobian(lambda x: index.gather(x, [i]), X[:, 0, 0]), np.eye(3)[i])


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D", "i8"])
def test_scatter_add_is_add_at(dtype):
    x = (10 * X).astype(dtype)
    i, j = np.array([0, 2, 0, -3]), np.array([1, -1, 1, -3])
    u = (10 * rng.standard_normal((4, 2))).astype(dtype)
    expected = x.copy()
    np.add.at(expected, (i, j), u)
    np.testing.assert_allclose(value(lambda x, u: index.scatter_add(x, [i, j], u), x, u), expected, rtol=1e-6)


def test_scatter_set_gives_the_derivative_to_the_last_write_only():
    x, v = np.arange(3.0), np.array([5.0, 6.0, 7.0, 8.0])
    i = np.array([0, 2, 0, -1])
    rule = lambda x, v: index.scatter_set(x, [i], v)
    np.testing.assert_array_equal(value(rule, x, v), [7, 1, 8])
    np.testing.assert_array_equal(jacobian(rule, x, v), np.diag([0, 1, 0]))
    np.testing.assert_array_equal(jacobian(rule, x, v, argument=1), [[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]])


def test_scatter_set_with_repeats_in_lanes_and_a_rest():
    x, v = rng.standard_normal((2, 3, 2)), rng.standard_normal((2, 3, 2))
    i = np.array([[0, 0, 1], [2, 1, 2]])
    expected = x.copy()
    for lane in range(2):
        for k in range(3):
            expected[lane, i[lane, k]] = v[lane, k]
    rule = lambda x, v: index.scatter_set(x, [i], v, 1)
    np.testing.assert_array_equal(value(rule, x, v), expected)
    won = jacobian(rule, x, v, argument=1).any(axis=0).reshape(2, 3, 2)
    np.testing.assert_array_equal(won[..., 0], [[False, True, True], [False, True, True]])


@pytest.mark.parametrize("operation", [index.Gather(1), index.ScatterAdd(1), index.ScatterSet(1), index.TakeAlong(0), index.AddAlong(0)])
@pytest.mark.parametrize("bad", [3, -4])
def test_an_index_outside_its_axis_is_an_index_error_that_names_it(operation, bad):
    x, i = np.arange(3.0), np.array([0, bad])
    rest = (np.ones(2),) if operation.name not in ("gather", "take_along") else ()
    with pytest.raises(IndexOutOfBoundsError, match=f"index {bad} is out of bounds for axis 0 with size 3\nValid indices are -3 to 2"):
        operation.evaluate(x, i, *rest)
    assert issubclass(IndexOutOfBoundsError, IndexError)


def test_the_error_names_the_axis_that_is_left():
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 1 with size 4"):
        index.Gather(2).evaluate(X, np.int64(0), np.int64(4))
    with pytest.raises(IndexError, match="index -5 is out of bounds for axis 1 with size 4"):
        index.ScatterAdd(2).evaluate(X, np.int64(0), np.int64(-5), np.ones(2))


def test_one_element_of_an_array_is_new_memory():
    assert not np.shares_memory(index.Gather(1).evaluate(X, np.int64(1)), X)


def test_indices_of_one_element_arrays_and_none():
    assert value(lambda x: index.gather(x, [np.zeros((0, 2), int)]), X).shape == (0, 2, 4, 2)
    x = value(lambda x: index.scatter_add(x, [np.zeros(0, int)], np.zeros((0, 4, 2))), X)
    np.testing.assert_array_equal(x, X)


# -- along an axis ----------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_take_along_is_numpys_and_its_transpose_accumulates(axis):
    shape = list(X.shape)
    shape[axis] = 5
    i = rng.integers(-X.shape[axis], X.shape[axis], shape)
    np.testing.assert_array_equal(value(lambda x: index.take_along(x, i, axis), X), np.take_along_axis(X, i, axis))
    positions = np.take_along_axis(np.arange(24).reshape(3, 4, 2), i, axis).ravel()
    np.testing.assert_array_equal(jacobian(lambda x: index.take_along(x, i, axis), X), np.eye(24)[positions])


# -- in place ---------------------------------------------------------------------------------


def test_the_transposes_of_reads_add_into_parts():
    """A thousand reads of single elements are a thousand additions of one number."""
    x = np.arange(1000.0)

    def total(v):
        out = index.gather(v, [np.int64(0)])
        for k in range(1, 1000):
            out = out + index.gather(v, [np.int64(k)])
        return out

    reverse = vjp(record(total, x), (True,))
    names = [e.operation.name for e in reverse.equations]
    assert names.count("scatter_add") == 1000 and names.count("add") <= 1000
    np.testing.assert_array_equal(evaluate(reverse, [x, np.float64(2)])[1], np.full(1000, 2.0))
    np.testing.assert_array_equal(evaluate(reverse, [x, np.float64(3)])[1], np.full(1000, 3.0))  # the zeros are fresh each time
    assert isinstance(index.Gather(1).transpose(np.float64(1), [x, np.int64(0)], [True, False])[0], Into)


def test_writing_never_touches_an_argument():
    x, u = np.zeros((2, 3)), np.ones(3)
    kept = x.copy()
    value(lambda x, u: index.scatter_add(index.scatter_add(x, [np.int64(0)], u), [np.int64(1)], u), x, u)
    np.testing.assert_array_equal(x, kept)
    fortran = np.asfortranarray(np.zeros((2, 3)))
    np.testing.assert_array_equal(index.ScatterAdd(1).evaluate(fortran, np.array([1, 1]), np.ones((2, 3))), [[0, 0, 0], [2, 2, 2]])


def test_lanes_that_share_their_indices_stay_one_gather():
    i = np.array([0, 2])
    function, _ = batch(record(lambda x: index.gather(x, [i]), X[..., 0]), 5, (True,))
    assert [e.operation for e in function.equations if e.operation.name == "gather"] == [index.Gather(1)]
