"""vmap: axes in and out, containers, nesting, control flow, and what it refuses."""

import collections

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from tests.unit.trace.written import unwritten
from wengert import errors

Pair = collections.namedtuple("Pair", "a b")


def test_every_lane_is_a_call(rng):
    xs, ys = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    f = lambda x, y: np.outer(np.sin(x), y) @ x
    np.testing.assert_allclose(wg.vmap(f)(xs, ys), [f(x, y) for x, y in zip(xs, ys, strict=True)], rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_in_axes(axis, rng):
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(wg.vmap(np.sum, in_axes=axis)(x), np.moveaxis(x, axis, 0).sum(axis=(1, 2)), rtol=1e-13)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_out_axes(axis, rng):
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(wg.vmap(np.sin, out_axes=axis)(x), np.moveaxis(np.sin(x), 0, axis))


def test_shared_arguments(rng):
    a, xs = rng.normal(size=(2, 3)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(wg.vmap(lambda a, x: a @ x, in_axes=(None, 0))(a, xs), xs @ a.T)
    np.testing.assert_allclose(wg.vmap(lambda x: a @ x)(xs), xs @ a.T)


def test_containers_of_axes():
    p = {"w": np.arange(6.0).reshape(3, 2), "b": 1.0}
    out = wg.vmap(
        lambda p, x: {"y": p["w"] * x + p["b"], "p": Pair(x, p["b"])}, in_axes=({"w": 1, "b": None}, 0), out_axes={"y": 1, "p": (0, None)}
    )(p, np.array([1.0, 10.0]))
    np.testing.assert_array_equal(out["y"], [[1, 11], [3, 31], [5, 51]])
    np.testing.assert_array_equal(out["p"].a, [1, 10])
    assert out["p"].b == 1.0


def test_list_as_in_axes_and_keywords():
    np.testing.assert_array_equal(wg.vmap(lambda x, y: x * y, in_axes=[0, None])(np.arange(3.0), 2.0), [0, 2, 4])
    np.testing.assert_array_equal(wg.vmap(lambda x, y: x * y)(np.arange(3.0), y=np.arange(3.0)), [0, 1, 4])


def test_constant_output_is_repeated():
    np.testing.assert_array_equal(wg.vmap(lambda x: 2.0)(np.ones(3)), [2, 2, 2])
    assert wg.vmap(lambda x: 2.0, out_axes=None)(np.ones(3)) == 2.0


def test_integers_and_bools():
    out = wg.vmap(lambda n, m: (n + 1, ~m))(np.arange(3), np.array([True, False, True]))
    np.testing.assert_array_equal(out[0], [1, 2, 3])
    np.testing.assert_array_equal(out[1], [False, True, False])
    assert out[0].dtype == np.int64 and out[1].dtype == bool


def test_no_lanes():
    assert wg.vmap(lambda x: np.sin(x) * np.ones(2))(np.zeros(0)).shape == (0, 2)


def test_nested(rng):
    x, y = rng.normal(size=3), rng.normal(size=4)
    outer = wg.vmap(wg.vmap(lambda a, b: a * np.sin(b), in_axes=(None, 0)), in_axes=(0, None))
    np.testing.assert_allclose(outer(x, y), np.outer(x, np.sin(y)))
    np.testing.assert_allclose(wg.vmap(lambda a: wg.vmap(lambda b: a * b)(y))(x), np.outer(x, y))
    np.testing.assert_allclose(
        wg.vmap(wg.vmap(np.sum, in_axes=1), in_axes=1)(np.arange(24.0).reshape(2, 3, 4)), np.arange(24.0).reshape(2, 3, 4).sum(0)
    )


def test_per_example_gradients(rng):
    w, xs = rng.normal(size=3), rng.normal(size=(5, 3))
    f = lambda w, x: np.tanh(w @ x) ** 2
    got = wg.vmap(wg.grad(f), in_axes=(None, 0))(w, xs)
    np.testing.assert_allclose(got, [wg.grad(f)(w, x) for x in xs], rtol=1e-12)


def test_linear_algebra_and_indexing(rng):
    a, b = rng.normal(size=(4, 3, 3)) + 3 * np.eye(3), rng.normal(size=(4, 3))
    np.testing.assert_allclose(wg.vmap(np.linalg.solve)(a, b), [np.linalg.solve(x, y) for x, y in zip(a, b, strict=True)], rtol=1e-12)
    i = np.array([0, 2, 1, -1])
    np.testing.assert_array_equal(wg.vmap(lambda x, i: x[i])(b, i), b[np.arange(4), i])
    np.testing.assert_array_equal(wg.vmap(lambda x: x[np.argsort(x)])(b), np.sort(b, axis=1))


def test_control_flow_operations_with_a_test_a_lane():
    xs = np.array([9.0, 4.0, 100.0, -3.0])
    newton = lambda a: wg.while_loop(lambda x: abs(x * x - abs(a)) > 1e-12 * abs(a), lambda x: 0.5 * (x + abs(a) / x), abs(a))
    f = lambda a: wg.cond(a > 0, newton, lambda a: a * 2, a)
    np.testing.assert_allclose(wg.vmap(f)(xs), [3, 2, 10, -6], rtol=1e-12)
    np.testing.assert_allclose(wg.vmap(wg.grad(f))(xs), [1 / 6, 0.25, 0.05, 2], rtol=1e-9)
    np.testing.assert_allclose(wg.vmap(lambda n: wg.loop(0, n, lambda i, s: s * 2, 1.0))(np.array([0, 3, 5])), [1, 8, 32])


def test_a_branch_on_a_lane():
    f = lambda x: x**2 if x > 0 else -x
    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_array_equal(wg.vmap(f)(x), [1, 0, 4])
    np.testing.assert_array_equal(wg.vmap(wg.grad(f))(x), [-1, -1, 4])
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(wg.vmap(f)(x)))(x), [-1, -1, 4])


def test_a_branch_on_a_lane_is_refused_where_the_text_is_not_seen():
    parts = refused(
        errors.AbstractValueError,
        wg.vmap(unwritten("f = lambda x: x if x > 0 else -x")),
        np.ones(2),
        what="a concrete value is needed",
        which="bool[]",
        why="every lane has a value of its own",
        instead="np.where",
        where=False,
    )
    assert "wengert.cond" in parts.instead


def test_errors():
    refused(
        errors.ArgumentError, wg.vmap(np.sin), 1.0, what="vmap cannot map axis 0 of args[0]", which="shape ()", instead="None in in_axes"
    )
    refused(errors.ArgumentError, wg.vmap(np.sin, in_axes=2), np.ones((2, 2)), what="vmap cannot map axis 2", which="(2, 2)")
    refused(errors.ArgumentError, wg.vmap(lambda x, s: x), np.ones(2), "text", what="vmap cannot map axis 0", which="not an array")
    refused(
        errors.ArgumentError,
        wg.vmap(np.add),
        np.ones(2),
        np.ones(3),
        what="one length of its mapped axes",
        which="[2, 3]",
        instead="in_axes",
    )
    refused(errors.ArgumentError, wg.vmap(np.sin, in_axes=None), 1.0, what="one length", which="no argument is mapped")
    refused(
        errors.ArgumentError,
        wg.vmap(np.add, in_axes=(0, 0, 0)),
        np.ones(2),
        np.ones(2),
        what="in_axes does not match",
        which="(0, 0, 0)",
        instead="same structure",
    )
    refused(errors.ArgumentError, wg.vmap(np.sin, out_axes=(0, 1)), np.ones(2), what="out_axes does not match", which="(0, 1)")
    refused(errors.ArgumentError, wg.vmap(np.sin, out_axes=None), np.ones(2), what="out_axes is None", which="output 0")
