"""Programs: the third table of the semantics, row by row.

Left out, because they need source capture or compilation: compile time of control flow, in-place
assignment and views written through, values overwritten that the adjoint needs, bounds errors and
exceptions of compiled code, random numbers while compiling.
"""

import copy
import math
import pickle
import threading

import numpy as np
import pytest

import wengert as wg
from tests.semantics.modes import MODES, assert_derivative
from wengert import errors

# -- plain NumPy on traced values: right, or refused ---------------------------------------------


def test_plain_dot_of_a_constant_matrix(rng):
    a = rng.normal(size=(2, 3))
    for f in (lambda x: np.dot(a, x), lambda x: a @ x, lambda x: np.inner(a, x), lambda x: np.einsum("ij,j->i", a, x)):
        assert_derivative(f, (np.ones(3),), a)


def test_a_method_of_a_plain_array(rng):
    a = rng.normal(size=(2, 3))
    assert_derivative(lambda x: a.dot(x), (np.ones(3),), a)
    assert_derivative(lambda x: a[0].clip(None, x), (np.zeros(()),), (a[0] > 0).astype(float))


def test_an_unknown_function_is_refused_by_name():
    with pytest.raises(errors.UnknownFunctionError, match="packbits"):
        wg.grad(lambda x: np.sum(np.packbits(x > 0)))(np.ones(3))


def test_assignment_into_an_array_made_in_the_function():
    def f(x):
        y = np.zeros(3)
        y[0] = x
        y[1:] = x * y[0]
        return np.sum(y)

    assert_derivative(f, (1.5,), 1 + 4 * 1.5)


def test_out():
    def f(x):
        y = np.zeros(3)
        z = np.multiply(x, 2.0, out=y)
        z += 1.0
        return np.sum(y**2)

    assert_derivative(f, (np.arange(3.0),), 4 * (2 * np.arange(3.0) + 1))


def test_assignment_into_an_array_from_outside_is_refused():
    outer = np.zeros(3)

    def assign(x):
        outer[0] = x
        return np.sum(outer)

    def write(x):
        np.multiply(x, 2.0, out=outer)
        return np.sum(outer)

    for f, x in ((assign, 1.0), (write, np.ones(3))):
        with pytest.raises(errors.TraceError, match="an array that is not traced cannot take traced values"):
            wg.grad(f)(x)
    np.testing.assert_array_equal(outer, 0.0)


# -- control flow on values ----------------------------------------------------------------------


@pytest.mark.parametrize("x, expected", [(3.0, 6.0), (-3.0, -1.0)])
def test_if_on_a_value(x, expected):
    def f(x):
        if x > 0:
            return x**2
        return -x

    assert_derivative(f, (x,), expected)


def test_for_and_break():
    def f(x):
        total = 0.0
        for k in range(100):
            term = x**k / math.factorial(k)
            if term < 1e-17:
                break
            total = total + term
        return total

    assert_derivative(f, (0.5,), np.exp(0.5))
    assert_derivative(f, (0.5,), np.exp(0.5), order=2)


def test_while_with_a_trip_count_found_while_running():
    def newton(a):
        x = a
        while abs(x * x - a) > 1e-14:
            x = 0.5 * (x + a / x)
        return x

    for a in (2.0, 9.0, 1e4):
        assert_derivative(newton, (a,), 0.5 / math.sqrt(a), rtol=1e-9)


def test_while_loop_operation_in_reverse():
    def newton(a):
        return wg.while_loop(lambda x: abs(x * x - a) > 1e-14, lambda x: 0.5 * (x + a / x), a)

    for a in (2.0, 9.0, 1e4):
        assert_derivative(newton, (a,), 0.5 / math.sqrt(a), rtol=1e-9)


def test_index_out_of_bounds_is_an_index_error():
    for f in (lambda x: x[5], lambda x: x[-4], lambda x: x[np.array([0, 3])]):
        with pytest.raises(IndexError):
            wg.grad(lambda x: np.sum(f(x)))(np.ones(3))


def test_exceptions_are_raised_when_reached():
    def f(x):
        if x < 0:
            raise ValueError("negative")
        assert x < 10, "large"
        return x * x

    assert wg.grad(f)(3.0) == 6.0
    with pytest.raises(ValueError, match="negative"):
        wg.grad(f)(-1.0)
    with pytest.raises(AssertionError, match="large"):
        wg.grad(f)(11.0)


# -- what can be differentiated by ---------------------------------------------------------------


@pytest.mark.parametrize("value", [1, True, "text", np.int32(1), np.arange(3), np.array([True]), b"bytes"], ids=repr)
@pytest.mark.parametrize("transform", [wg.grad, wg.value_and_grad, wg.jacfwd, wg.jacrev, wg.hessian, wg.elementwise_grad])
def test_by_an_integer_bool_or_string(transform, value):
    with pytest.raises(errors.NotDifferentiableError, match="argument 0"):
        transform(lambda x: x)(value)


def test_by_an_integer_by_name():
    with pytest.raises(errors.NotDifferentiableError, match="'n'"):
        wg.grad(lambda x, n: x * n, argnums="n")(1.0, n=3)


def test_integers_inside_containers_are_constants():
    def f(p):
        return p["x"] ** p["n"] if p["flag"] and p["name"] == "cube" else 0.0

    g = wg.grad(f)({"x": 2.0, "n": 3, "flag": True, "name": "cube"})
    assert g["x"] == 12.0 and g["n"] == 0 and set(g) == {"x", "n", "flag", "name"}


def test_keyword_arguments_by_name():
    def f(x, *, sigma=1.0):
        return x**2 / sigma

    assert wg.grad(f, argnums="sigma")(2.0, sigma=2.0) == -1.0
    assert wg.grad(f, argnums="x")(2.0, sigma=2.0) == 2.0
    gx, gs = wg.grad(f, argnums=("x", "sigma"))(x=2.0, sigma=2.0)
    assert (gx, gs) == (2.0, -1.0)


# -- outputs ------------------------------------------------------------------------------------


def test_non_scalar_output_suggests_jacobian_or_vjp():
    with pytest.raises(errors.NonScalarOutputError, match=r"(?s)jacobian.*vjp"):
        wg.grad(lambda x: x * 2)(np.ones(3))


def test_unused_argument_and_constant_output():
    x = np.ones((2, 3), np.float32)
    for f in (lambda x, y: y * 1.0, lambda x, y: 3.0, lambda x, y: np.float64(2.0)):
        g = wg.grad(f)(x, 2.0)
        assert g.shape == (2, 3) and g.dtype == np.float32 and not g.any()
    for mode in MODES:
        j = mode(lambda x: np.ones(2))(x)
        assert j.shape == (2, 2, 3) and not j.any()
    value, tangent = wg.jvp(lambda x: np.ones(2), (x,), (x,))
    assert tangent.shape == (2,) and not tangent.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtype_of_a_gradient_is_that_of_the_input(dtype):
    x = np.ones(3, dtype)
    f = lambda x: np.sum(np.abs(x * np.ones(3)) ** 2)
    assert wg.grad(f)(x).dtype == dtype
    assert wg.vjp(lambda x: x * np.ones(3), x)[1](np.ones(3, wg.vjp(lambda x: x * np.ones(3), x)[0].dtype))[0].dtype == dtype


# -- complex ------------------------------------------------------------------------------------


def test_complex_gradient_convention():
    assert wg.grad(lambda z: np.abs(z) ** 2)(1 + 2j) == 2 - 4j
    assert wg.grad(lambda z: z.real**2 + np.imag(z))(1 + 2j) == 2 - 1j
    assert wg.grad(lambda z: np.real(z * np.conj(z)))(1 + 2j) == 2 - 4j


def test_complex_output_is_refused_unless_holomorphic():
    with pytest.raises(errors.NonScalarOutputError, match="holomorphic"):
        wg.grad(lambda z: z**2)(1 + 2j)
    assert wg.grad(lambda z: z**2, holomorphic=True)(1 + 2j) == 2 + 4j
    np.testing.assert_allclose(wg.grad(np.exp, holomorphic=True)(1 + 2j), np.exp(1 + 2j), rtol=1e-15)


# -- nesting ------------------------------------------------------------------------------------


def test_perturbation_confusion():
    assert wg.grad(lambda x: x * wg.grad(lambda y: x + y)(1.0))(1.0) == 1.0
    assert wg.grad(lambda x: x * wg.jvp(lambda y: x + y, (1.0,), (1.0,))[1])(1.0) == 1.0
    assert wg.jvp(lambda x: x * wg.grad(lambda y: x + y)(1.0), (1.0,), (1.0,))[1] == 1.0
    assert wg.jvp(lambda x: x * wg.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1.0


# -- memory -------------------------------------------------------------------------------------


def test_returned_cotangents_never_alias_the_callers_memory():
    x = np.ones(3)
    ct = np.arange(3.0)
    (back,) = wg.vjp(lambda x: x, x)[1](ct)
    back[:] = 99
    np.testing.assert_array_equal(ct, [0, 1, 2])
    a, b = wg.vjp(lambda x, y: x + y, x, x)[1](ct)
    a[:] = 99
    np.testing.assert_array_equal(ct, [0, 1, 2])
    assert not np.shares_memory(a, b)


# -- custom rules -------------------------------------------------------------------------------


def test_a_rule_for_forward_mode_gives_reverse_batching_and_second_order():
    @wg.custom_jvp
    def cube(x):
        return x**3

    @cube.defjvp
    def _(primals, tangents):
        (x,), (dx,) = primals, tangents
        return cube(x), 3 * x**2 * dx

    assert_derivative(cube, (2.0,), 12.0)
    assert_derivative(cube, (2.0,), 12.0, order=2)
    np.testing.assert_array_equal(wg.vmap(wg.grad(cube))(np.array([1.0, 2.0])), [3, 12])


def test_a_rule_for_reverse_mode_gives_forward_batching_and_second_order():
    @wg.custom_vjp
    def cube(x):
        return x**3

    cube.defvjp(lambda x: (x**3, x), lambda x, ct: (3 * x**2 * ct,))
    assert_derivative(cube, (2.0,), 12.0)
    assert_derivative(cube, (2.0,), 12.0, order=2)
    np.testing.assert_array_equal(wg.vmap(wg.grad(cube))(np.array([1.0, 2.0])), [3, 12])


# -- size ---------------------------------------------------------------------------------------


def test_a_long_chain_and_a_deep_container():
    def f(x):
        for _ in range(5000):
            x = x * 1.0001 + 0.0001
        return x

    expected = 1.0001**5000
    with wg.config(verify=False):
        assert_derivative(f, (0.5,), expected, rtol=1e-10)
        tree = 1.0
        for _ in range(200):
            tree = [tree]

        def innermost(t):
            while isinstance(t, list):
                t = t[0]
            return t * 3.0

        g = wg.grad(innermost)(tree)
        while isinstance(g, list):
            g = g[0]
        assert g == 3.0


# -- pickling, copying, threads -------------------------------------------------------------------


def square(x):
    return np.sum(x**2)


@pytest.mark.parametrize(
    "transform", [wg.grad, wg.value_and_grad, wg.jacobian, wg.hessian, wg.vmap, wg.hvp, wg.elementwise_grad, wg.record]
)
def test_picklable_when_the_function_is(transform):
    g = transform(square)
    args = (np.ones((2, 2)),) * (2 if transform is wg.hvp else 1)
    for again in (pickle.loads(pickle.dumps(g)), copy.copy(g), copy.deepcopy(g)):
        assert repr(again(*args)).split("{")[0] == repr(g(*args)).split("{")[0]


def test_threads():
    def work(k, out):
        f = lambda x: np.sum(np.sin(x) * k) if k % 2 else np.sum(np.cos(x) * k)
        out[k] = [wg.grad(f)(np.full(3, float(k))) for _ in range(20)]

    results = {}
    threads = [threading.Thread(target=work, args=(k, results)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, values in results.items():
        expected = np.full(3, k * np.cos(k) if k % 2 else -k * np.sin(k))
        for v in values:
            np.testing.assert_allclose(v, expected, rtol=1e-13)
