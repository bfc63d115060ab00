"""Indices that are data are checked before the loops that use them: the same errors, at the same lines, and only where there is one."""

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.checks import checked_before
from wengert.codegen.lower import lower
from wengert.errors import IndexOutOfBoundsError
from wengert.loops.nest import Fail, For, If, walk
from wengert.loops.verifier import verify


def program(f, *args):
    found = lower(wg.jit(f).lower(*args).passes[-1][1], "f")
    checked_before(found)
    return verify(found)


def in_loops(p):
    """The failures that a loop which is always run may end with."""
    found = []

    def look(block, seldom):
        for s in block:
            if type(s) is Fail and not seldom:
                found.append(s)
            elif type(s) is If:
                look(s.then, True)
                look(s.orelse, True)
            elif hasattr(s, "body"):
                look(s.body, seldom)

    look([s for s in p.block if hasattr(s, "body")], False)
    return found


def table(x, places):
    total = 0.0
    for i in range(len(places)):
        total = total * 0.5 + x[places[i]]
    return total


def sparse(values, columns, starts, x):
    y = np.zeros(len(starts) - 1)
    for i in range(len(y)):
        for k in range(starts[i], starts[i + 1]):
            y[i] += values[k] * x[columns[k]]
    return y


def times(x, places, n):
    total = 0.0
    for _ in range(n):
        for i in range(20):
            total = total + x[places[i]] * total + 1.0
    return total


def guarded(x, places):
    total = 0.0
    for i in range(len(places)):
        if places[i] >= 0:
            total = total + x[places[i]]
    return total


def raising(x, places):
    total = 0.0
    for i in range(len(places)):
        if places[i] > 9:
            raise ValueError("there is no such place")
        total = total * 0.5 + x[places[i]]
    return total


X, PLACES = np.linspace(1, 2, 10), np.array([3, 1, 4, 1, 5, -9, 2, 6, 5, 3, 5, 8])
OUTSIDE = np.where(PLACES == 2, 10, PLACES)


def test_no_loop_is_left_in_the_middle():
    assert not in_loops(program(table, X, PLACES))
    assert not in_loops(program(wg.grad(table), X, PLACES))
    values, columns, starts, _ = matrix()
    assert not in_loops(program(sparse, values, columns, starts, X))


def test_a_check_is_made_once():
    def checks(f):
        return [s for s in walk(program(f, X, PLACES).block) if type(s) is If and any(type(t) is Fail for t in walk(s.then))]

    assert len(checks(table)) == len(checks(wg.grad(table))) == 1


def matrix():
    dense = np.where(np.random.default_rng(0).random((12, 10)) < 0.4, 1.5, 0.0)
    rows, columns = np.nonzero(dense)
    return dense[rows, columns], columns, np.searchsorted(rows, np.arange(13)), dense


def test_values():
    values, columns, starts, dense = matrix()
    np.testing.assert_allclose(wg.jit(table)(X, PLACES), table(X, PLACES), rtol=1e-15)
    np.testing.assert_allclose(wg.jit(sparse)(values, columns, starts, X), dense @ X, rtol=1e-14)
    jacobian = wg.jit(wg.jacobian(sparse, argnums=3))(values, columns, starts, X)
    np.testing.assert_allclose(jacobian, dense, rtol=1e-14)


@pytest.mark.parametrize(
    ("f", "places"),
    [(wg.jit(table), OUTSIDE), (wg.jit(wg.grad(table)), OUTSIDE), (wg.jit(wg.vmap(table, in_axes=(None, 0))), np.stack([PLACES, OUTSIDE]))],
    ids=["value", "gradient", "lanes"],
)
def test_errors(f, places):
    with pytest.raises(IndexOutOfBoundsError, match="index 10 is out of bounds for axis 0 with size 10"):
        f(X, places)


def test_the_error_names_the_users_line():
    line = table.__code__.co_firstlineno + 3
    with pytest.raises(IndexError, match=rf"test_checks\.py:{line}"):
        wg.jit(table)(X, OUTSIDE)


def test_columns_of_a_sparse_matrix():
    values, columns, starts, _ = matrix()
    columns[7] = -11
    with pytest.raises(IndexError, match="index -11 is out of bounds"):
        wg.jit(sparse)(values, columns, starts, X)
    starts[:] = 0  # no row reads it
    np.testing.assert_array_equal(wg.jit(sparse)(values, columns, starts, X), np.zeros(12))


def test_a_loop_that_does_not_run_is_not_checked():
    f = wg.jit(times)
    outside = np.resize(OUTSIDE, 20)
    assert f(X, outside, 0) == 0.0
    with pytest.raises(IndexError):
        f(X, outside, 1)
    np.testing.assert_allclose(f(X, np.resize(PLACES, 20), 2), times(X, np.resize(PLACES, 20), 2), rtol=1e-13)


def test_what_a_branch_does_not_read_is_not_checked():
    places = np.where(PLACES == 4, -99, PLACES)
    assert wg.jit(guarded)(X, places) == pytest.approx(guarded(X, places), rel=1e-14)


def test_the_users_own_test_comes_first():
    with pytest.raises(ValueError, match="there is no such place"):
        wg.jit(raising)(X, OUTSIDE)
    assert wg.jit(raising)(X, PLACES) == pytest.approx(raising(X, PLACES), rel=1e-14)


def test_places_that_the_loop_changes():
    def walkabout(x, places):
        total = 0.0
        for i in range(11):
            total = total + x[places[i]]
            places[i + 1] = (places[i] * 7 + 3) % 10 if i < 8 else 10
        return total

    with pytest.raises(IndexError, match="index 10 "):
        wg.jit(walkabout)(X, PLACES.copy())


def test_places_that_an_outer_loop_changes():
    def walks(x, places):
        total = 0.0
        for k in range(3):
            for i in range(len(places)):
                total = 0.5 * total + x[places[i]]
            for i in range(len(places)):
                places[i] = (places[i] + 20 * (k + 1)) % 23 - 11 if k < 1 else 3
        return total

    x = np.linspace(1, 2, 12)
    assert wg.jit(walks)(x, PLACES.copy()) == pytest.approx(walks(x, PLACES.copy()), rel=1e-14)
    with pytest.raises(IndexError, match="index -11 "):
        wg.jit(walks)(X, np.array([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]))


def test_loops_are_told_from_straight_lines():
    p = program(lambda x, i: x[i[0]] + x[i[1]], X, np.array([1, 2]))
    assert not any(type(s) is For for s in walk(p.block))
    assert sum(type(s) is Fail for s in walk(p.block)) == 2


def test_indices_beside_a_long_constant():
    """Constants are read by checks that come before the loops, as inputs are."""
    x, i = np.arange(300.0).reshape(100, 3), np.arange(100) % 3
    f = lambda x, i: np.sum(x[np.arange(len(i)), i] * np.linspace(0.0, 1.0, len(i)))
    assert np.isclose(wg.jit(f)(x, i), f(x, i), rtol=1e-14)
    assert np.allclose(wg.jit(wg.grad(f))(x, i), wg.grad(f)(x, i), rtol=1e-14)
    with pytest.raises(IndexError):
        wg.jit(f)(x, i + 1)
