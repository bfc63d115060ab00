"""jacobian in its modes, jacfwd, jacrev, hessian: shapes, containers, complex numbers, the choice of mode."""

import itertools

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from wengert import errors

X = np.array([0.3, -1.2, 2.0])
MODES = ["auto", "forward", "reverse"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n_in, n_out", list(itertools.product([0, 1, 3, 5], repeat=2)))
def test_linear_map(mode, n_in, n_out, rng):
    a = rng.normal(size=(n_out, n_in))
    np.testing.assert_allclose(wg.jacobian(lambda x: a @ x, mode=mode)(np.ones(n_in)), a)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("in_shape, out_shape", [((), ()), ((2,), ()), ((), (3,)), ((2, 3), (4,)), ((2,), (3, 2)), ((2, 2), (2, 2))])
def test_shape_is_output_then_input(mode, in_shape, out_shape, rng):
    a = rng.normal(size=(*out_shape, *in_shape))
    f = lambda x: np.tensordot(a, np.sin(x), len(in_shape))
    x = rng.normal(size=in_shape)
    np.testing.assert_allclose(wg.jacobian(f, mode=mode)(x), a * np.cos(x), rtol=1e-13)


@pytest.mark.parametrize("mode", MODES)
def test_several_arguments_and_containers(mode):
    def f(x, p):
        return {"s": x @ p["w"], "v": x * p["b"]}

    w, b = np.ones((3, 2)), 2.0
    j = wg.jacobian(f, argnums=(0, 1), mode=mode)(X, {"w": w, "b": b})
    np.testing.assert_array_equal(j["s"][0], w.T)
    np.testing.assert_array_equal(j["v"][0], 2 * np.eye(3))
    np.testing.assert_array_equal(j["s"][1]["w"], np.einsum("i,jk->kij", X, np.eye(2)))
    np.testing.assert_array_equal(j["s"][1]["b"], np.zeros(2))
    np.testing.assert_array_equal(j["v"][1]["w"], np.zeros((3, 3, 2)))
    np.testing.assert_array_equal(j["v"][1]["b"], X)


@pytest.mark.parametrize("mode", MODES)
def test_argument_in_a_list_of_one(mode):
    assert wg.jacobian(lambda x: x**2, argnums=(0,), mode=mode)(3.0) == (6.0,)


def test_auto_takes_forward_for_tall_and_reverse_for_wide():
    tall = wg.jacobian(lambda x: np.concatenate([np.sin(x), np.cos(x)]))
    wide = wg.jacobian(lambda x: np.sin(x[:1]) * np.sum(x))
    assert tall(X).shape == (6, 3) and wide(X).shape == (1, 3)
    for f, mode in ((tall, "forward"), (wide, "reverse")):
        auto, chosen = [repr(wg.record(g)(X)) for g in (f, wg.jacobian(f.f, mode=mode))]
        assert auto == chosen


@pytest.mark.parametrize("first, second", list(itertools.product([wg.jacfwd, wg.jacrev], repeat=2)))
def test_hessian_by_every_pair_of_modes(first, second):
    f = lambda x: np.prod(x) * np.sum(np.exp(x))
    np.testing.assert_allclose(first(second(f))(X), wg.hessian(f)(X), rtol=1e-12)
    np.testing.assert_allclose(wg.hessian(f)(X), wg.hessian(f)(X).T, rtol=1e-12)


def test_hessian_of_containers_and_several_arguments():
    h = wg.hessian(lambda x, y: x**2 * y["s"], argnums=(0, 1))(3.0, {"s": 5.0})
    assert h[0][0] == 10.0 and h[0][1]["s"] == 6.0 and h[1]["s"][0] == 6.0 and h[1]["s"][1]["s"] == 0.0


def test_hessian_of_a_vector_function():
    h = wg.hessian(lambda x: np.stack([x[0] ** 2, x[0] * x[1]]))(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(h, [[[2, 0], [0, 0]], [[0, 1], [1, 0]]])


@pytest.mark.parametrize("mode", MODES)
def test_holomorphic(mode):
    z = np.array([1 + 1j, 2.0])
    np.testing.assert_allclose(wg.jacobian(lambda z: z**2, mode=mode, holomorphic=True)(z), np.diag(2 * z))


@pytest.mark.parametrize("mode", MODES)
def test_float32(mode):
    j = wg.jacobian(lambda x: x * x, mode=mode)(X.astype(np.float32))
    assert j.dtype == np.float32


@pytest.mark.parametrize("mode", MODES)
def test_of_an_integer_output_is_zero(mode):
    j = wg.jacobian(lambda x: (np.argsort(x), x), mode=mode)(X)
    assert j[0].shape == (3, 3) and not np.any(j[0])
    np.testing.assert_array_equal(j[1], np.eye(3))


@pytest.mark.parametrize("mode", MODES)
def test_inside_another_transformation(mode):
    f = lambda x: np.sin(x) * np.sum(x)
    trace = lambda x: np.trace(wg.jacobian(f, mode=mode)(x))
    h = 1e-6
    expected = [(trace(X + h * e) - trace(X - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(wg.grad(trace)(X), expected, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(wg.vmap(wg.jacobian(f, mode=mode))(np.stack([X, 2 * X]))[1], wg.jacobian(f)(2 * X), rtol=1e-12)


def test_errors():
    refused(errors.ArgumentError, wg.jacobian, np.sin, mode="sideways", what='mode is "auto", "forward" or "reverse"', which="'sideways'")
    refused(
        errors.NonScalarOutputError,
        wg.jacobian(lambda z: z * 1.0),
        1j,
        what="at complex numbers needs holomorphic=True",
        which="complex128[]",
        why="no complex Jacobian",
        instead="jvp and vjp",
    )


@pytest.mark.parametrize("jacobian", [wg.jacfwd, wg.jacrev])
def test_what_happens_happens_once(jacobian, capsys):
    def spoken(x):
        print("first", x[0])
        return 2.0 * x

    assert np.array_equal(wg.jit(jacobian(spoken))(np.array([1.0, 2.0, 3.0])), 2.0 * np.eye(3))
    assert capsys.readouterr().out == "first 1.0\n"


def falling(x):
    while x > 1e-3:
        x = x * np.cos(x) * 0.9
    return x


@pytest.mark.parametrize("x", [0.7, np.array([0.7])])
def test_one_direction_keeps_nothing_of_a_loop(x):
    f = falling if np.ndim(x) == 0 else lambda x: np.array([falling(x[0]), 2.0])
    compiled = wg.jit(wg.jacfwd(f))
    assert np.allclose(compiled(x), wg.jacrev(f)(x), rtol=1e-13)
    assert compiled.cost(x).arena_bytes < 200
