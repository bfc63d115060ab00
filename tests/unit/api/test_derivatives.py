"""grad, value_and_grad, jvp, vjp, linearize, elementwise_grad, hvp, stop_gradient: arguments, containers, results."""

import collections
import dataclasses
import pickle

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from wengert import errors

Pair = collections.namedtuple("Pair", "a b")


@dataclasses.dataclass
class Layer:
    weight: np.ndarray
    bias: float
    name: str = "layer"


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: float
    layers: list


def energy(x):
    return np.sum(np.sin(x) * x)


def slope(x):
    return np.sin(x) + x * np.cos(x)


X = np.array([0.3, -1.2, 2.0])


# -- grad and value_and_grad --------------------------------------------------------------------------


def test_value_and_grad():
    value, gradient = wg.value_and_grad(energy)(X)
    assert value == energy(X) and isinstance(value, np.float64)
    np.testing.assert_allclose(gradient, slope(X), rtol=1e-15)
    np.testing.assert_array_equal(wg.grad(energy)(X), gradient)


def test_python_float_in_numpy_float_out():
    g = wg.grad(lambda x: x**3)(2.0)
    assert g == 12.0 and isinstance(g, np.float64)


def test_zero_dimensional_array():
    g = wg.grad(lambda x: x**3)(np.array(2.0))
    assert g == 12.0 and np.shape(g) == ()


@pytest.mark.parametrize(
    "argnums, expected",
    [
        (0, 3.0),
        (1, 2.0),
        (-1, 2.0),
        ("x", 3.0),
        ("y", 2.0),
        ((0, 1), (3.0, 2.0)),
        ([1, 0], (2.0, 3.0)),
        (("y",), (2.0,)),
        ((0, "y"), (3.0, 2.0)),
    ],
)
def test_argnums(argnums, expected):
    got = wg.grad(lambda x, y: x * y, argnums)(2.0, 3.0)
    assert got == expected
    assert isinstance(got, tuple) == isinstance(expected, tuple)


def test_argnums_by_keyword_given():
    assert wg.grad(lambda x, y: x * y, "y")(2.0, y=3.0) == 2.0
    assert wg.grad(lambda x, **options: x * options["scale"], "scale")(2.0, scale=3.0) == 2.0
    assert wg.jacobian(lambda x, y: x * y, "y")(2.0, y=3.0) == 2.0


def test_other_arguments_may_be_anything():
    assert wg.grad(lambda x, name, n, f: f(x) ** n if name == "power" else 0.0)(3.0, "power", 2, lambda v: v * 2) == 24.0


def test_has_aux():
    def f(x):
        return x**2, {"twice": 2 * x, "note": "constant", "n": 3}

    g, aux = wg.grad(f, has_aux=True)(3.0)
    assert g == 6.0 and aux == {"twice": 6.0, "note": "constant", "n": 3}
    (value, aux), g = wg.value_and_grad(f, has_aux=True)(3.0)
    assert (value, g, aux["twice"]) == (9.0, 6.0, 6.0)
    assert wg.jacobian(f, has_aux=True)(3.0) == (6.0, aux)
    assert wg.hessian(f, has_aux=True)(3.0) == (2.0, aux)
    assert wg.jvp(f, (3.0,), (1.0,), has_aux=True) == (9.0, 6.0, aux)
    value, pullback, got = wg.vjp(f, 3.0, has_aux=True)
    assert (value, got, pullback(1.0)) == (9.0, aux, (6.0,))


def test_aux_of_an_outer_derivative_is_still_traced():
    def f(x):
        g, aux = wg.grad(lambda y: (y**2 * x, y * x), has_aux=True)(x)
        return g + aux  # 2 x² + x²

    assert wg.grad(f)(3.0) == 18.0


@pytest.mark.parametrize(
    "container, read",
    [
        ({"a": 2.0, "b": 3.0}, lambda c: (c["a"], c["b"])),
        ([2.0, 3.0], tuple),
        ((2.0, 3.0), tuple),
        (Pair(2.0, 3.0), tuple),
        (collections.OrderedDict(b=3.0, a=2.0), lambda c: (c["a"], c["b"])),
        (Layer(2.0, 3.0), lambda c: (c.weight, c.bias)),
        (Frozen(2.0, [3.0]), lambda c: (c.x, c.layers[0])),
        ({"deep": [(2.0, {"x": Pair(3.0, None)})]}, lambda c: (c["deep"][0][0], c["deep"][0][1]["x"].a)),
    ],
    ids=lambda v: type(v).__name__,
)
def test_containers_in(container, read):
    def f(c):
        a, b = read(c)
        return a**2 * b

    g = wg.grad(f)(container)
    assert type(g) is type(container)
    assert read(g) == (12.0, 4.0)
    h = wg.hessian(f)(container)
    assert read(read(h)[0]) == (6.0, 4.0)


def test_containers_out():
    def f(x):
        return {"pair": Pair(x**2, [x]), "layer": Layer(3 * x, 1.0, 2.0)}

    value, tangent = wg.jvp(f, (2.0,), (1.0,))
    assert value["pair"] == Pair(4.0, [2.0]) and tangent["pair"] == Pair(4.0, [1.0])
    assert (tangent["layer"].weight, tangent["layer"].bias, tangent["layer"].name) == (3.0, 0.0, 0.0)
    j = wg.jacobian(f)(2.0)
    assert j["pair"].a == 4.0 and j["layer"].weight == 3.0
    value, pullback = wg.vjp(f, 2.0)
    assert pullback({"pair": Pair(1.0, [10.0]), "layer": Layer(100.0, 0.0, 0.0)}) == (4.0 + 10 + 300,)


def test_gradient_of_a_dataclass_holds_arrays():
    layer = Layer(np.ones((2, 3)), 0.5)
    g = wg.grad(lambda p: np.sum(p.weight @ np.arange(3.0) + p.bias))(layer)
    np.testing.assert_array_equal(g.weight, [[0, 1, 2], [0, 1, 2]])
    assert g.bias == 2.0


def test_lists_of_traced_values_become_arrays():
    g = wg.grad(lambda x: np.sum(np.stack([x, x**2, np.float64(1.0) * x])))(3.0)
    assert g == 1 + 6 + 1
    value, tangent = wg.jvp(lambda x: [x, 2.0, np.ones(2)], (3.0,), (1.0,))
    assert tangent[0] == 1.0 and tangent[1] == 0.0 and not tangent[2].any()


def test_results_are_writable_and_own_their_memory():
    for g in (
        wg.grad(np.sum)(X),
        wg.grad(lambda x: np.sum(x[:2]) * 0 + 1.0)(X),
        wg.jacobian(lambda x: x)(X),
        wg.jvp(lambda x: x, (X,), (X,))[1],
    ):
        assert g.flags.writeable and g.flags.owndata
        g[...] = 0
    np.testing.assert_array_equal(X, [0.3, -1.2, 2.0])


def test_non_contiguous_big_endian_and_read_only_arguments():
    base = np.arange(12.0).reshape(3, 4)
    expected = 2 * base[:, ::2]
    for x in (base[:, ::2], base[:, ::2].astype(">f8"), np.asfortranarray(base[:, ::2])):
        x.flags.writeable = False
        np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(x), expected)


def test_name_and_documentation():
    g = wg.grad(energy)
    assert g.__name__ == "grad(energy)" and repr(g) == "<wengert grad(energy)>"
    assert g.__wrapped__ is energy and "grad" in repr(wg.grad(wg.grad(energy)))


def test_as_a_decorator_and_a_method():
    class Model:
        scale = 3.0

        @wg.grad
        def slope(self, x):
            return x

    class Other:
        scale = 3.0

        def loss(self, x):
            return self.scale * x**2

        slope = wg.grad(loss, argnums=1)

    assert Other().slope(2.0) == 12.0
    with pytest.raises(TypeError):
        Model().slope(1.0)  # argument 0 is self


def test_pickle_of_a_transformed_function_and_a_pullback():
    g = pickle.loads(pickle.dumps(wg.grad(energy)))
    np.testing.assert_allclose(g(X), slope(X))
    h = pickle.loads(pickle.dumps(wg.hessian(wg.value_and_grad(energy).f)))
    assert h(X).shape == (3, 3)
    _, pullback = wg.vjp(energy, X)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(pullback))(1.0)[0], slope(X))
    _, pushforward = wg.linearize(energy, X)
    assert pickle.loads(pickle.dumps(pushforward))(X) == pushforward(X)


# -- jvp, vjp, linearize --------------------------------------------------------------------------------


def test_jvp_of_several_arguments():
    value, tangent = wg.jvp(lambda x, y: x * np.sum(y), (2.0, X), (1.0, np.ones(3)))
    np.testing.assert_allclose((value, tangent), (2 * X.sum(), X.sum() + 6.0))


def test_tangent_is_taken_in_the_dtype_of_its_primal():
    value, tangent = wg.jvp(lambda x: x * x, (np.float32(2.0),), (1,))
    assert tangent == 4 and tangent.dtype == np.float32


def test_vjp_pullback_can_be_called_again():
    value, pullback = wg.vjp(lambda x, y: np.outer(x, y), X, X[:2])
    for k in range(3):
        dx, dy = pullback(np.full((3, 2), float(k)))
        np.testing.assert_allclose(dx, np.full(3, k * X[:2].sum()))
        np.testing.assert_allclose(dy, np.full(2, k * X.sum()))


def test_linearize_evaluates_the_function_once():
    calls = []

    def f(x):
        calls.append(1)
        return np.sin(x)

    value, pushforward = wg.linearize(f, X)
    for v in (X, 2 * X):
        np.testing.assert_allclose(pushforward(v), np.cos(X) * v)
    assert len(calls) == 1 and np.array_equal(value, np.sin(X))


def test_complex_jvp_and_vjp():
    z, dz = np.array([1 + 2j, 3 - 1j]), np.array([0.5j, 1.0])
    _, tangent = wg.jvp(lambda z: z * z, (z,), (dz,))
    np.testing.assert_allclose(tangent, 2 * z * dz)
    _, pullback = wg.vjp(lambda z: z * z, z)
    np.testing.assert_allclose(pullback(dz)[0], 2 * z * dz)


# -- elementwise_grad, hvp, stop_gradient -----------------------------------------------------------------


def test_elementwise_grad():
    np.testing.assert_allclose(wg.elementwise_grad(np.sin)(X), np.cos(X))
    np.testing.assert_allclose(wg.elementwise_grad(wg.elementwise_grad(np.sin))(X), -np.sin(X))
    np.testing.assert_allclose(wg.elementwise_grad(lambda x, y: x * y, argnums=1)(2.0, X), np.full(3, 2.0))


def test_hvp():
    h = wg.hessian(energy)(X)
    v = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(wg.hvp(energy)(X, v), h @ v, rtol=1e-13)
    np.testing.assert_allclose(wg.hvp(lambda a, x: a * energy(x), argnums=1)(2.0, X, v), 2 * h @ v, rtol=1e-13)
    scaled = wg.hvp(lambda a, x: a * energy(x), argnums="x")
    np.testing.assert_allclose(scaled(2.0, X, v), 2 * h @ v, rtol=1e-13)
    np.testing.assert_allclose(scaled(2.0, v, x=X), 2 * h @ v, rtol=1e-13)


def test_hvp_of_containers():
    f = lambda p: p["a"] ** 2 * p["b"]
    assert wg.hvp(f)({"a": 2.0, "b": 3.0}, {"a": 1.0, "b": 0.0}) == {"a": 6.0, "b": 4.0}


def test_stop_gradient():
    assert wg.grad(lambda x: x * wg.stop_gradient(x))(3.0) == 3.0
    assert wg.grad(lambda x: wg.stop_gradient({"v": [x**2]})["v"][0] + x)(3.0) == 1.0
    assert wg.jvp(lambda x: wg.stop_gradient(x), (3.0,), (1.0,))[1] == 0.0
    assert wg.stop_gradient(3.0) == 3.0
    assert wg.hessian(lambda x: x**2 * wg.stop_gradient(x))(3.0) == 6.0


# -- errors: every text, its four parts -------------------------------------------------------------------


def twice(x):
    return 2 * x


def test_not_callable():
    with pytest.raises(TypeError, match=r"grad\(\) needs a function, got int: 3"):
        wg.grad(3)


def test_integer_argument():
    refused(
        errors.NotDifferentiableError,
        wg.grad(twice),
        3,
        what="twice cannot be differentiated with respect to argument 0",
        which="3 (int, int64)",
        why="no derivative",
        instead="float",
    )


def test_string_argument():
    refused(
        errors.NotDifferentiableError, wg.grad(twice), "abc", what="argument 0", which="'abc' (str)", why="no derivative", instead="argnums"
    )


@pytest.mark.parametrize(
    "leaf",
    [
        np.array([1.0, None], object),
        np.array(["a"]),
        np.ma.masked_array([1.0], [True]),
        np.ones((1, 1)).view(np.matrix),
        object(),
        {1.0, 2.0},
        10**30,
    ],
    ids=lambda v: type(v).__name__,
)
def test_leaf_types_refused(leaf):
    with pytest.raises(TypeError):
        wg.grad(lambda x: np.sum(np.asarray([1.0])))(leaf)


def test_non_scalar_output():
    parts = refused(
        errors.NonScalarOutputError,
        wg.grad(twice),
        X,
        what="grad needs a function that returns one number; twice does not",
        which="float64[3]",
        why="several outputs have a Jacobian",
        instead="wengert.jacobian",
    )
    assert "wengert.vjp" in parts.instead


def test_no_output_and_several_outputs():
    refused(errors.NonScalarOutputError, wg.grad(lambda x: None), 1.0, what="one number", which="nothing", where=True)
    refused(errors.NonScalarOutputError, wg.grad(lambda x: (x, x)), 1.0, what="one number", which="float64[], float64[]")


def test_integer_output():
    refused(
        errors.NonScalarOutputError,
        wg.grad(lambda x: np.argmax(x)),
        X,
        what="returns an integer or bool",
        which="int64[]",
        why="steps",
        instead="float",
    )


def test_complex_output():
    refused(
        errors.NonScalarOutputError,
        wg.grad(lambda z: z * z),
        1j,
        what="returns a complex number",
        which="complex128[]",
        why="holomorphic",
        instead="holomorphic=True",
    )


def test_holomorphic_needs_complex_arguments():
    refused(
        errors.NonScalarOutputError,
        wg.grad(lambda x: x * 1j, holomorphic=True),
        1.0,
        what="holomorphic=True needs complex arguments",
        which="float64[]",
        instead="astype(complex)",
    )


def test_argnums_out_of_range():
    refused(
        errors.ArgumentError,
        wg.grad(twice, argnums=2),
        1.0,
        what="positional argument 2 of twice",
        which="1 positional arguments",
        instead="argnums='x'",
    )
    refused(errors.ArgumentError, wg.grad(twice), x=1.0, what="positional argument 0", which="['x']", instead="name it")


def test_argnums_of_an_unknown_name():
    refused(errors.ArgumentError, wg.grad(twice, argnums="sigma"), 1.0, what="without the argument 'sigma'", which="x", instead="spelling")


def test_argnums_of_a_wrong_type():
    refused(errors.ArgumentError, wg.grad(twice, argnums=1.5), 1.0, what="argnums are positions (int) or names (str)", which="1.5")


def test_argnums_twice_the_same():
    for argnums in ((0, 0), (0, "x"), (0, -1)):
        refused(
            errors.ArgumentError,
            wg.grad(twice, argnums=argnums),
            1.0,
            what="argnums names an argument twice",
            which=repr(argnums),
            instead="each argument once",
        )


@pytest.mark.parametrize("leaf", [np.ma.masked_array([1.0], [True]), np.ones((1, 1)).view(np.matrix)], ids=["masked", "matrix"])
def test_arrays_of_another_algebra_are_refused_inside_containers_too(leaf):
    parts = refused(
        errors.TraceError,
        wg.grad(lambda p: p["x"]),
        {"x": 1.0, "m": leaf},
        what="cannot be traced",
        which="float64",
        why="another function",
        instead="np.asarray(x)",
    )
    assert type(leaf).__name__ in parts.what


def test_memory_maps_are_plain_arrays(tmp_path):
    x = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=3)
    x[:] = [1, 2, 3]
    g = wg.grad(lambda x: np.sum(x**2))(x)
    np.testing.assert_array_equal(g, [2, 4, 6])
    assert type(g) is np.ndarray


def test_has_aux_without_aux():
    refused(errors.TraceError, wg.grad(twice, has_aux=True), 1.0, what="with has_aux=True, twice must return (value, aux)", which="Tracer")


def test_result_that_is_no_array():
    parts = refused(
        errors.TraceError,
        wg.grad(lambda x: "text"),
        1.0,
        what="returned something that is not a number or an array",
        which="str: 'text'",
        why="Only numbers",
        instead="has_aux",
    )
    assert parts.where


def test_jvp_arguments():
    refused(errors.ArgumentError, wg.jvp, twice, 1.0, 1.0, what="jvp takes tuples", which="float and float")
    refused(
        errors.ArgumentError, wg.jvp, twice, (1.0,), (1.0, 2.0), what="one tangent for each argument", which="1 arguments and 2 tangents"
    )
    with pytest.raises(errors.TreeError, match="the tangents"):
        wg.jvp(lambda x: x["a"], ({"a": 1.0},), ({"b": 1.0},))


def test_shape_of_a_tangent_and_a_cotangent():
    refused(
        errors.ShapeError,
        wg.jvp,
        twice,
        (X,),
        (np.ones(2),),
        what="a tangent must have the shape",
        which="expected float64[3], got shape (2,)",
    )
    refused(errors.ShapeError, wg.vjp(twice, X)[1], np.ones(2), what="a cotangent must have the shape", which="float64[3]")
    refused(errors.ShapeError, wg.linearize(twice, X)[1], np.ones(2), what="a tangent must have the shape")
    refused(errors.ShapeError, wg.jvp, twice, (X,), ("abc",), what="a tangent", which="not a number or an array")


def test_complex_tangent_of_a_real_value():
    refused(
        errors.ShapeError,
        wg.jvp,
        twice,
        (1.0,),
        (1j,),
        what="a complex tangent for a real value",
        which="float64[], got complex128",
        instead="real part",
    )


def test_structure_of_a_cotangent():
    with pytest.raises(errors.TreeError, match=r"(?s)cotangent.*expected.*got"):
        wg.vjp(lambda x: (x, x), 1.0)[1](1.0)


def test_hvp_without_a_vector():
    refused(errors.ArgumentError, wg.hvp(energy), X, what="hvp(f)(*args, v)", which="1 arguments, argnums=0")


def test_errors_are_type_value_and_index_errors():
    assert issubclass(errors.NotDifferentiableError, TypeError) and issubclass(errors.ArgumentError, ValueError)
    assert issubclass(errors.ShapeError, ValueError) and issubclass(errors.TraceError, TypeError)
