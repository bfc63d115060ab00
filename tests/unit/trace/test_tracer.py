"""The traced value: what it answers as an array would, and what it refuses, in four parts."""

import copy
import math
import pickle

import numpy as np
import pytest

import wengert as wg
import wengert.numpy as wnp
from tests.unit.api.messages import refused
from tests.unit.trace.written import unwritten, written
from wengert import errors

X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def seen(f, x=X):
    """What f returned of a traced x."""
    box = []
    wg.grad(lambda x: box.append(f(x)) or np.sum(x))(x)
    return box[0]


def test_what_an_array_knows_of_itself():
    assert seen(lambda x: (x.shape, x.dtype, x.ndim, x.size, len(x), x.itemsize, x.nbytes)) == ((2, 3), np.dtype(float), 2, 6, 2, 8, 48)
    assert seen(lambda x: (np.shape(x), np.ndim(x), np.size(x))) == ((2, 3), 2, 6)


METHODS = {
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "real": lambda x: x.real,
    "sum": lambda x: x.sum(),
    "sum axis": lambda x: x.sum(axis=0, keepdims=True),
    "prod": lambda x: x.prod(axis=1),
    "max": lambda x: x.max(),
    "min": lambda x: x.min(axis=-1),
    "mean": lambda x: x.mean(0),
    "std": lambda x: x.std(ddof=1),
    "var": lambda x: x.var(axis=0),
    "cumsum": lambda x: x.cumsum(axis=1),
    "cumprod": lambda x: x.cumprod(),
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten(),
    "flatten F": lambda x: x.flatten("F"),
    "reshape": lambda x: x.reshape(3, 2),
    "reshape -1": lambda x: x.reshape((-1,)),
    "transpose": lambda x: x.transpose(),
    "transpose axes": lambda x: x.transpose(1, 0),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "squeeze": lambda x: x[None].squeeze(),
    "dot": lambda x: x.dot(np.ones(3)),
    "trace": lambda x: x.trace(),
    "diagonal": lambda x: x.diagonal(),
    "clip": lambda x: x.clip(2, 5),
    "round": lambda x: x.round(1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "take": lambda x: x.take([0, 2], axis=1),
    "copy": lambda x: x.copy(),
    "astype": lambda x: x.astype(np.float32),
    "conj": lambda x: x.conj(),
    "item": lambda x: x.item(1),
    "ptp": lambda x: x.ptp() if hasattr(x, "ptp") and not isinstance(x, np.ndarray) else np.ptp(x),
    "flat": lambda x: x.flat[2],
    "iter": lambda x: [row * 2 for row in x][1],
    "unpack": lambda x: (lambda a, b: a - b)(*x),
    "getitem": lambda x: x[1, ::-1],
    "mask": lambda x: x[x > 2],
    "newaxis": lambda x: x[:, None, 1],
    "ellipsis": lambda x: x[..., 0],
    "abs": lambda x: abs(-x),
    "neg": lambda x: -x,
    "pos": lambda x: +x,
    "pow": lambda x: x**2,
    "rpow": lambda x: 2**x,
    "matmul": lambda x: x @ x.T,
    "rmatmul": lambda x: np.ones(2) @ x,
    "rsub": lambda x: 1 - x,
    "rtruediv": lambda x: 1 / x,
    "array on the left": lambda x: np.arange(3.0) * x,
    "list on the left": lambda x: [1.0, 2.0, 3.0] * x,
    "mod": lambda x: x % 2,
    "floordiv": lambda x: x // 2,
    "compare": lambda x: (x > 2) & ~(x == 4) | (x != x),
    "round builtin": lambda x: round(x[0, 0], 1),
    "divmod": lambda x: divmod(x, 2)[1],
    "sum builtin": lambda x: sum(x),
    "max builtin": lambda x: max(x[0]),
    "sorted": lambda x: np.stack(sorted(x[0], reverse=True)),
    "zeros_like": lambda x: np.zeros_like(x) + x,
    "float32 scalar": lambda x: np.float32(2) * x,
    "integer": lambda x: x * 2,
    "bool": lambda x: x * True,
}


@pytest.mark.parametrize("name", METHODS)
def test_method_or_operator_is_numpys(name):
    f = METHODS[name]
    expected = f(X)
    value, _ = wg.jvp(f, (X,), (X,))
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    assert np.shape(value) == np.shape(expected) and value.dtype == np.asarray(expected).dtype


def test_promotion_of_python_and_numpy_scalars():
    for x in (np.float32(2), np.float64(2), 2.0, np.ones(2, np.float32)):
        for other in (3, 3.0, np.float64(3), np.float32(3), np.int64(3), 1j, True, np.ones(2), np.ones(2, np.float32)):
            for f in (lambda a, b: a * b, lambda a, b: b - a, lambda a, b: np.arctan2(np.real(a), np.real(b)), lambda a, b: a + a * b):
                expected = f(x, other)
                value, _ = wg.jvp(lambda x: f(x, other), (x,), (x,))
                assert value.dtype == np.asarray(expected).dtype, (x, other)


def test_booleans_and_indices_of_integers():
    assert seen(lambda x: bool(x[0, 0] > 0)) is True
    assert seen(lambda x: [10, 20, 30][np.argmax(x[0])]) == 30
    assert seen(lambda x: int(x[0, 2])) == 3
    assert seen(lambda x: float(np.argmax(x)) == 5.0)
    with pytest.raises(ValueError, match="ambiguous"):
        seen(lambda x: bool(x > 0))


def test_unhashable_like_an_array():
    with pytest.raises(TypeError, match="unhashable"):
        seen(lambda x: {x: 1})


def test_copies():
    assert wg.grad(lambda x: np.sum(copy.copy(x) * copy.deepcopy({"a": x})["a"]))(np.ones(2)).tolist() == [2, 2]


def test_array_namespace():
    def f(x):
        xp = x.__array_namespace__()
        return xp.sum(xp.sin(x))

    np.testing.assert_allclose(wg.grad(f)(X), np.cos(X))


# -- what would cut the derivative ---------------------------------------------------------------------------------------

# In a function of which the text is seen these keep the derivative.
KEPT = {
    "float(x) * x": lambda x: 2 * x,
    "math.sin(x)": math.cos,
    "math.exp(2 * x)": lambda x: 2 * math.exp(2 * x),
    "math.hypot(x, 2.0)": lambda x: x / math.hypot(x, 2.0),
    "abs(complex(x) * (1 + 1j))": lambda x: math.copysign(math.sqrt(2), x),
    "np.sum(np.asarray(x) ** 2)": lambda x: 2 * x,
    "np.sum(np.array(x) ** 2)": lambda x: 2 * x,
    "np.sum(np.array([x, x**2]))": lambda x: 1 + 2 * x,
    "np.sum(np.asarray([x, 1.0]) * x)": lambda x: 2 * x + 1,
    "np.prod(np.full(3, x))": lambda x: 3 * x**2,
}


@pytest.mark.parametrize("expression", KEPT)
def test_the_derivative_is_kept(expression):
    f = written(f"def f(x):\n    return {expression}\n")
    for x in (0.7, -1.5):
        for got in (wg.grad(f)(x), wg.jit(wg.grad(f))(x), wg.grad(wg.jit(f))(x)):
            np.testing.assert_allclose(got, KEPT[expression](x), rtol=1e-14)
        np.testing.assert_allclose(wg.jit(f)(x), f(x), rtol=1e-14)


def test_float_is_refused_where_the_text_is_not_seen():
    refused(
        errors.CutDerivativeError,
        wg.grad(unwritten("def f(x):\n    return float(x) * x\n")),
        1.0,
        what="float(x) of a traced value would silently lose the derivative",
        which="float64[]",
        why="a constant to every derivative",
        instead="wengert.stop_gradient",
        where=False,
    )


def test_math_functions_are_refused_where_the_text_is_not_seen():
    for name in ("sin", "exp", "sqrt"):
        f = unwritten(f"f = lambda x: math.{name}(x)")
        for g in (wg.grad(f), wg.jit(f)):
            refused(errors.CutDerivativeError, g, 1.0, what="float(x)", instead="NumPy's functions instead of math's", where=False)


def test_complex_is_refused_where_the_text_is_not_seen():
    refused(
        errors.CutDerivativeError,
        wg.grad(unwritten("f = lambda x: abs(complex(x))")),
        1.0,
        what="complex(x) of a traced value",
        which="float64[]",
        why="ordinary number",
        instead="x + 0j",
        where=False,
    )


@pytest.mark.parametrize("expression", ["np.asarray(x)", "np.array(x)", "np.array([x, x])", "np.asarray([x, 1.0])"])
def test_making_an_array_is_refused_where_the_text_is_not_seen(expression):
    refused(
        errors.CutDerivativeError,
        wg.grad(unwritten(f"f = lambda x: np.sum({expression})")),
        1.0,
        what="np.asarray(x) or np.array([x, …]) of a traced value would silently lose the derivative",
        instead="np.stack",
        where=False,
    )


def test_our_own_array_functions_work_instead():
    assert wg.grad(lambda x: np.sum(wnp.array([x, x**2])))(3.0) == 7.0
    assert wg.grad(lambda x: np.sum(wnp.asarray([x, 1.0])))(3.0) == 1.0


def test_stop_gradient_allows_what_would_cut():
    assert wg.grad(lambda x: wg.stop_gradient(x) * x)(3.0) == 3.0


def test_assignment_to_an_argument_and_its_functional_form():
    def f(x):
        x[0] = 1.0
        return np.sum(x)

    x = np.full(3, 2.0)
    np.testing.assert_array_equal(wg.grad(f)(x), [0, 1, 1])
    np.testing.assert_array_equal(x, [1, 2, 2])  # the caller sees it
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x.at[0].set(1.0)))(np.ones(3)), [0, 1, 1])


def test_augmented_assignment_of_a_name_changes_the_array_that_it_names():
    def f(x):
        y = x
        y += 1
        y *= 2
        return np.sum(y * x)  # (2 (x + 1))²

    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [16, 16])


def test_a_plain_array_on_the_left_of_an_augmented_assignment():
    def f(x):
        y = np.zeros(2)
        y += x
        return np.sum(y**2)

    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [2, 2])
    outer = np.zeros(2)

    def g(x):
        y = outer
        y += x
        return np.sum(y)

    refused(errors.TraceError, wg.grad(g), np.ones(2), what="an array that is not traced cannot take traced values", instead="np.zeros")
    np.testing.assert_array_equal(outer, 0.0)


def test_escaped_value():
    box = []
    wg.grad(lambda x: box.append(x) or x)(1.0)
    for use in (lambda x: x + 1, np.sin, lambda x: 2.0 * x):
        refused(
            errors.EscapedTracerError,
            use,
            box[0],
            what="a traced value left the function it was traced in",
            why="a run that has ended",
            instead="has_aux=True",
        )


def test_escaped_value_inside_another_run():
    box = []
    wg.grad(lambda x: box.append(x) or x)(1.0)
    with pytest.raises(errors.EscapedTracerError):
        wg.grad(lambda y: y * box[0])(1.0)


def test_value_that_escapes_by_an_exception():
    box = []
    with pytest.raises(ZeroDivisionError):
        wg.grad(lambda x: box.append(x) or x * (1 // 0))(1.0)
    with pytest.raises(errors.EscapedTracerError):
        box[0] + 1


def test_pickle_is_refused():
    refused(
        errors.TraceError,
        wg.grad(lambda x: pickle.dumps(x)),
        1.0,
        what="a traced value cannot be pickled",
        which="float64[]",
        why="going on here",
    )


def test_masked_arrays_are_refused():
    refused(errors.TraceError, wg.grad(lambda x: np.sum(x * np.ma.masked_array([1.0], [True]))), 1.0, what="masked", where=True)


def test_arrays_of_strings_and_dates_are_refused():
    for other in (np.array(["a"]), np.array(["2020-01-01"], "datetime64[D]")):
        with pytest.raises(TypeError):
            wg.grad(lambda x: np.sum(x * other))(1.0)


def test_strings_and_objects_beside_a_traced_value():
    for other in ("text", object(), None, {"a": 1}):
        with pytest.raises(TypeError):
            wg.grad(lambda x: x * other)(1.0)
        with pytest.raises(TypeError):
            wg.grad(lambda x: np.add(x, other))(1.0)


def test_broadcasting_error():
    refused(
        errors.ShapeError, wg.grad(lambda x: np.sum(x + np.ones(2))), np.ones(3), what="could not be broadcast together", which="(3,), (2,)"
    )


def test_len_and_iteration_of_a_number():
    for f in (len, list, lambda x: [*x]):
        with pytest.raises(TypeError):
            wg.grad(lambda x: f(x))(1.0)


def test_an_error_in_the_function_leaves_the_library_usable():
    with pytest.raises(ZeroDivisionError):
        wg.grad(lambda x: x * (1 // 0))(1.0)
    assert wg.grad(lambda x: x * wg.grad(lambda y: x + y)(1.0))(1.0) == 1.0


def test_unknown_function():
    refused(
        errors.UnknownFunctionError,
        wg.grad(lambda x: np.sum(np.unwrap(np.packbits(x > 0)))),
        np.ones(3),
        what="packbits has no derivative rule",
        why="treated as a constant",
        instead="custom_jvp",
    )
