"""Arrays that belong to others: the caller's, changed as NumPy changes them; and those that cannot take traced values."""

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from wengert import errors

# -- the caller's arguments -----------------------------------------------------------------------------------------------------


def fill(x, y):
    for i in range(len(x)):
        x[i] = y * i
    return np.sum(x**2)


def test_the_callers_array_is_changed_as_by_numpy():
    for run in (fill, wg.jit(fill), wg.value_and_grad(fill, (0, 1)), wg.jit(wg.grad(fill)), wg.grad(wg.jit(fill), (0, 1))):
        x = np.ones(3)
        run(x, 2.0)
        np.testing.assert_array_equal(x, [0, 2, 4])
    x = np.ones((3, 4))
    wg.jit(fill)(x[:, 1], 2.0)
    np.testing.assert_array_equal(x[:, 1], [0, 2, 4])
    np.testing.assert_array_equal(x[:, 0], 1)


def test_an_array_given_twice():
    """Refused where the function assigns to it: each argument is traced by itself."""

    def f(a, b):
        a[0] = 5.0
        return np.sum(a * b)

    for g in (wg.jit(f), wg.grad(f), wg.jit(wg.grad(f)), wg.value_and_grad(f, (0, 1))):
        for shared in (lambda x: (x, x), lambda x: (x[:2], x[1:])):
            parts = refused(
                errors.ArgumentError,
                g,
                *shared(np.ones(3)),
                what="a function assigns to an argument that shares memory with another one",
                which="float64",
                instead="f(x, x.copy())",
            )
            assert parts.why
        assert g(np.ones(3), np.ones(3)) is not None


def test_an_array_given_twice_that_is_only_read():
    x = np.arange(3.0)
    f = lambda a, b: np.sum(a * b)
    assert wg.jit(f)(x, x) == 5.0
    np.testing.assert_array_equal(wg.jit(wg.grad(f))(x, x), x)


def read_second(x, w):
    return np.sum(x * w)


def write_first(x, w):
    x[0] = 1.0
    return np.sum(x * w)


@pytest.mark.parametrize("f", [read_second, write_first])
@pytest.mark.parametrize("transform", [wg.jit, wg.grad, lambda f: wg.jit(wg.grad(f)), lambda f: wg.grad(wg.jit(f))])
def test_a_read_only_array_that_is_only_read(transform, f):
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    expected = transform(f)(np.ones(3), fixed.copy())
    np.testing.assert_array_equal(transform(f)(np.ones(3), fixed), expected)
    if f is read_second:
        np.testing.assert_array_equal(transform(f)(fixed, np.ones(3)), transform(f)(fixed.copy(), np.ones(3)))


@pytest.mark.parametrize("transform", [lambda f: f, wg.jit, wg.grad, lambda f: wg.jit(wg.grad(f, (0, 1)))])
def test_a_read_only_array(transform):
    x = np.ones(3)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="assignment destination is read-only"):
        transform(fill)(x, 2.0)
    np.testing.assert_array_equal(x, 1.0)


def test_an_argument_in_a_container():
    def f(state, s):
        state["x"][0] = s
        state["list"][1][:] += s
        return np.sum(state["x"]) * np.sum(state["list"][1])

    def run(g):
        state = {"x": np.ones(2), "list": [np.zeros(1), np.ones(2)]}
        return g(state, 2.0), state["x"].tolist(), state["list"][1].tolist()

    assert run(wg.jit(f)) == run(f)
    assert run(lambda *a: wg.value_and_grad(f, (0, 1))(*a)[0]) == run(f)


def test_numpys_casting_errors():
    def into_int(x, k):
        k += x
        return k

    def into_int_by_out(x, k):
        np.multiply(k, x, out=k)
        return k

    def complex_into_real(x, k):
        x[0] = 1j * x[1]
        return x

    for f in (into_int, into_int_by_out):
        for run in (f, wg.jit(f), lambda x, k, f=f: wg.grad(lambda x: np.sum(f(x, np.arange(3))) * 1.0)(x)):
            with pytest.raises(np._core._exceptions.UFuncTypeError, match="Cannot cast ufunc"):
                run(np.ones(3), np.arange(3))
    with pytest.raises(TypeError):
        complex_into_real(np.ones(2), None)
    for run in (wg.jit(complex_into_real), lambda *a: wg.jvp(lambda x: complex_into_real(x, None), a[:1], a[:1])):
        with pytest.raises((TypeError, errors.ShapeError)):
            run(np.ones(2), None)


# -- arrays that cannot take traced values -------------------------------------------------------------------------------------------

OUTER = np.zeros(3)
HOLDER = {"list": [np.zeros(3)]}


class Holder:
    buffer = np.zeros(3)

    def __init__(self):
        self.own = np.zeros(3)


def into_a_global(x):
    OUTER[0] = x
    return np.sum(OUTER)


def into_a_container(x):
    HOLDER["list"][0][1:] = x
    return np.sum(HOLDER["list"][0])


def into_an_attribute(x, holder=Holder()):  # noqa: B008
    holder.own[0] += x
    return np.sum(holder.own)


def into_a_class_attribute(x):
    Holder.buffer *= 1 + x
    return np.sum(Holder.buffer)


def into_out(x):
    np.multiply(x, np.ones(3), out=OUTER)
    return np.sum(OUTER)


def into_a_default(x, out=np.zeros(3)):  # noqa: B008
    out[0] = x
    return np.sum(out)


def into_a_view(x):
    view = OUTER[1:]
    view[0] = x
    return np.sum(OUTER)


INTO = [f for n, f in list(globals().items()) if n.startswith("into_")]


@pytest.mark.parametrize("f", INTO, ids=lambda f: f.__name__)
def test_an_array_from_outside_cannot_take_traced_values(f):
    parts = refused(
        errors.TraceError,
        wg.grad(f),
        1.5,
        what="an array that is not traced cannot take traced values",
        which="float64",
        instead="np.zeros",
    )
    assert "outside" in parts.why[0]
    assert np.sum(OUTER) == np.sum(HOLDER["list"][0]) == np.sum(Holder.buffer) == 0.0


def test_a_closed_over_array_cannot_take_traced_values():
    def maker():
        kept = np.zeros(3)

        def f(x):
            kept[0] = x
            return np.sum(kept)

        return f

    f = maker()
    refused(errors.TraceError, wg.grad(f), 1.5, what="an array that is not traced cannot take traced values")
    assert f.__closure__[0].cell_contents.tolist() == [0, 0, 0]


def test_an_argument_that_is_not_differentiated_cannot_take_traced_values():
    def f(buffers, x):
        buffers["a"][0] = x
        return np.sum(buffers["a"])

    buffers = {"a": np.zeros(2)}
    refused(errors.TraceError, wg.grad(f, 1), buffers, 1.5, what="an array that is not traced cannot take traced values")
    assert buffers["a"].tolist() == [0, 0]
    wg.jit(f)(buffers, 1.5)
    assert buffers["a"].tolist() == [1.5, 0]


def test_an_outer_functions_array_cannot_take_an_inner_ones_values():
    def f(x):
        a = np.zeros(2)

        def inner(y):
            a[0] = y * y
            return a[0]

        return wg.grad(inner)(x) + a[0]

    refused(errors.TraceError, wg.grad(f), 1.5, what="an array made outside a function that is being differentiated cannot take its values")
