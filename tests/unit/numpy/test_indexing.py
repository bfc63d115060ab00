"""Every kind of index, read and written, against NumPy's own assignment and ufunc.at."""

import numpy as np
import pytest

import wengert as wg
from wengert.errors import IndexOutOfBoundsError, ShapeError, TraceError
from wengert.numpy import at

X = np.arange(24.0).reshape(2, 3, 4)
K = np.array([0, 1, 1, 0, 1])
ALL = slice(None)
INDICES = [
    0,
    -1,
    np.int64(1),
    np.array(1),
    (0, 1),
    (0, 1, 2),
    np.s_[::-1],
    np.s_[:, 1:],
    np.s_[..., ::2],
    np.s_[::-1, :, 3::-2],
    np.s_[3:1],
    np.s_[:, None, 1],
    np.s_[..., None],
    (),
    ...,
    K,
    [],
    [[0, 1], [1, 0]],
    np.zeros((0, 2), int),
    (ALL, K, K),
    (K, ALL, K),
    (ALL, K, ..., K),
    (0, ALL, K),
    (0, K),
    (K, 0),
    (ALL, 0, K),
    (ALL, [0, 2], np.s_[::-2]),
    (None, K, ALL, 0),
    (K[:, None], np.array([0, 2])),
    (K, None, 0),
    (0, None, K),
    ([0, 1], ..., 0),
    X > 7,
    X[:, :, 0] > 3,
    (ALL, np.array([True, False, True])),
    (np.array([True, False]), ALL, [0, 3]),
    True,
    False,
    (ALL, True, K),
]
UPDATES = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_read(index, rng):
    expected = X[index]
    value, pullback = wg.vjp(lambda x: x[index], X)
    np.testing.assert_array_equal(value, expected, strict=True)
    ct = rng.normal(size=expected.shape)[()]
    adjoint = np.zeros_like(X)
    np.add.at(adjoint, index, ct)
    np.testing.assert_allclose(pullback(ct)[0], adjoint, atol=1e-14)


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_set(index, rng):
    v = np.asarray(rng.normal(size=X[index].shape))
    expected = X.copy()
    expected[index] = v
    value, pullback = wg.vjp(lambda x, v: x.at[index].set(v), X, v)
    np.testing.assert_array_equal(value, expected)
    ct = rng.normal(size=X.shape)
    by_x, by_v = pullback(ct)
    kept = ct.copy()
    kept[index] = 0
    np.testing.assert_array_equal(by_x, kept)
    number = np.full(X.shape, -1)
    number[index] = np.arange(v.size).reshape(v.shape)  # whose write was the last
    expected = np.zeros(v.size)
    expected[number[number >= 0]] = ct[number >= 0]
    np.testing.assert_array_equal(np.ravel(by_v), expected)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_update_with_repeated_indices(index, update, rng):
    v = np.asarray(rng.normal(size=X[index].shape)) * 9 + 11
    expected = X.copy()
    UPDATES[update].at(expected, index, v)
    value, tangent = wg.jvp(lambda v: getattr(at(X)[index], update)(v), (v,), (np.ones_like(v),))
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    above, below = X.copy(), X.copy()
    UPDATES[update].at(above, index, v + 1e-6)
    UPDATES[update].at(below, index, v - 1e-6)
    np.testing.assert_allclose(tangent, (above - below) / 2e-6, rtol=1e-6, atol=1e-5)


def test_traced_integers_and_index_arrays(rng):
    i = np.array([2, 0, -1])
    for f in (lambda x, i: x[:, i], lambda x, i: x[:, i[0]], lambda x, i: x[0, i[0], i], lambda x, i: x.at[:, i].multiply(2.0)):
        value, pullback = wg.vjp(lambda x, f=f: f(x, wg.stop_gradient(x[0, 0, :3] * 0 + i).astype(int)), X)
        expected, reference = wg.vjp(lambda x, f=f: f(x, i), X)
        np.testing.assert_array_equal(value, expected)
        ct = rng.normal(size=np.shape(value))
        np.testing.assert_allclose(pullback(ct)[0], reference(ct)[0])


def test_traced_masks():
    x = np.array([-1.0, 2.0, 3.0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x[x > 0] ** 2))(x), [0, 4, 6])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x.at[x > 0].set(0.0) ** 2))(x), [-2, 0, 0])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x.at[x > 0].multiply(x[1])))(x), [1, 2 + 2 + 3, 2])
    np.testing.assert_array_equal(wg.vmap(lambda x: x.at[x > 0].set(0.0))(x[:, None] * np.ones(2)), [[-1, -1], [0, 0], [0, 0]])
    with pytest.raises(TraceError):
        wg.vmap(lambda x: x[x > 0])(np.ones((2, 3)))


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (7, "index 7 is out of bounds for axis 0 with size 2"),
        ((0, -4), "index -4 is out of bounds for axis 1 with size 3"),
        (([0, 9],), "index 9 is out of bounds"),
        ((0, 0, 0, 0), "too many indices"),
        ("a", "only integers"),
        (1.5, "only integers"),
        ((..., ...), "single ellipsis"),
        (np.ones(3, bool), "boolean index"),
        (([0, 1], [0, 1, 2]), "could not be broadcast"),
    ],
)
def test_bad_index(index, text):
    with pytest.raises(IndexError, match=text):
        wg.grad(lambda x: np.sum(x[index]))(X)


def test_traced_index_out_of_bounds():
    with pytest.raises(IndexOutOfBoundsError, match="index 5 is out of bounds"):
        wg.grad(lambda x: np.sum(x[(x[1] * 0 + 5).astype(int)]))(np.ones(3))


def test_bad_value():
    with pytest.raises(ShapeError, match="cannot put a value of shape"):
        wg.grad(lambda x: np.sum(x.at[0].set(np.ones(5))))(X)
    with pytest.raises(ShapeError, match="complex values"):
        wg.grad(lambda x: np.sum(x.at[0].set(1j)))(X)


def test_plain_arrays_stay_plain():
    x = np.zeros(3)
    np.testing.assert_array_equal(at(x)[1].set(5.0), [0, 5, 0])
    np.testing.assert_array_equal(at(x)[[0, 0]].add(1.0), [2, 0, 0])
    assert at(x)[1].get() == 0
    assert not x.any()


def test_positions_that_differ_between_lanes():
    lanes = np.arange(6).reshape(2, 3)
    values = np.arange(10.0) ** 2
    np.testing.assert_array_equal(wg.vmap(lambda k: wg.numpy.take(values, k))(lanes), values[lanes])
    gradient = wg.grad(lambda x: np.sum(wg.vmap(lambda k: x[k] * x[k[0]])(lanes)))(values)
    np.testing.assert_allclose(gradient, wg.grad(lambda x: np.sum(x[lanes] * x[lanes[:, :1]]))(values))
    places = lanes + 0.5
    found = wg.vmap(lambda x: np.interp(x, np.arange(10), values))(places)
    np.testing.assert_allclose(found, np.interp(places, np.arange(10), values))


@pytest.mark.parametrize("fixed", [0, -1, np.int64(2)])
def test_an_element_is_read_and_written_alone(fixed):
    """Known numbers beside numbers that are not known do not make a slice of all that those address."""
    x = np.arange(12.0).reshape(3, 4)

    def f(x, i, j):
        out = x.copy()
        out[i, fixed] = 2.0 * x[fixed, j] + x[i, j]
        return out[fixed, j], out[i, fixed], out

    function = wg.record(f)(x, np.int64(1), np.int64(2))
    used = [equation.operation.name for equation in function.equations]
    assert not {"slice", "slice_set", "reshape", "transpose"} & set(used), used
    assert used.count("gather") == 4 and used.count("scatter_set") == 1
    for i, j in ((1, 2), (-1, 0), (2, -2)):
        for got, want in zip(wg.jit(f)(x, i, j), f(x, i, j), strict=True):
            np.testing.assert_array_equal(got, want)
    with pytest.raises(IndexError):
        wg.jit(f)(x, 3, 0)


def test_a_block_beside_a_number_that_is_not_known():
    x = np.arange(24.0).reshape(2, 3, 4)
    for f in (lambda x, i: x[i, 1], lambda x, i: x[1, i], lambda x, i: x[:, 1, i], lambda x, i: x[1, :, i], lambda x, i: x[i, 1, None]):
        np.testing.assert_array_equal(wg.jit(f)(x, 1), f(x, 1))
        np.testing.assert_array_equal(
            wg.jit(wg.grad(lambda x, i: np.sum(f(x, i) ** 2)))(x, 1)[1], wg.grad(lambda x: np.sum(f(x, 1) ** 2))(x)[1]
        )
