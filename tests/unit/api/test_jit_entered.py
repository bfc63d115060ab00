"""Calls that enter native code directly: the same results and errors, and left where they would not hold."""

import gc
import threading
import weakref

import numpy as np
import pytest

import wengert as wg
from wengert.api.native import has_codegen
from wengert.runtime import layout
from wengert.tree import flatten

pytestmark = pytest.mark.skipif(not has_codegen() or not layout.is_known(), reason="no native entry here")
X = np.array([2.0, 5.0])


def entered(j):
    return len(j.entrance._entries)


def test_entered_after_the_first_call():
    j = wg.jit(wg.grad(lambda x: np.log(x[0]) + x[0] * x[1] - np.sin(x[1])))
    first, second = j(X), j(X)
    assert entered(j) == 1
    np.testing.assert_array_equal(first, second)
    assert first is not second and second.flags.owndata and second.flags.writeable


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda x: x * 2, (3.0,)),
        (lambda x: x * 2, (np.float32(3),)),
        (lambda x: x * 2, (np.array(3.0),)),
        (lambda n: n * 2, (3,)),
        (lambda b, x: np.where(b, x, -x), (True, X)),
        (lambda x, y: (x + y, (x[0], y)), (X, X)),
        (lambda x, y: {"a": x + y, "b": [x[0]]}, (X, X)),
        (lambda x: None, (X,)),
    ],
    ids=["float", "float32", "0-d", "int", "bool", "tuples", "dict", "nothing"],
)
def test_kinds_of_arguments_and_results(f, args):
    j = wg.jit(f)
    first = j(*args)
    assert entered(j) == 1
    second = j(*args)
    assert repr(first) == repr(second)


def test_other_arguments_go_on_to_their_own_program():
    j = wg.jit(lambda x: x * 2)
    for x in (X, 1.0, np.float32(1), 3, X[::-1], X.astype(">f8"), np.ones((2, 2)), np.arange(3), "no"):
        for _ in range(2):
            if isinstance(x, str):
                with pytest.raises(TypeError):
                    j(x)
            else:
                got = j(x)
                np.testing.assert_array_equal(got, np.asarray(x) * 2)
                assert got.dtype == (x * 2 if not isinstance(x, (int, float)) else np.asarray(x) * 2).dtype.newbyteorder("=")
    assert j(x=X)[0] == 4.0
    with pytest.raises(TypeError):
        j()
    with pytest.raises(TypeError):
        j(X, X)
    for n in range(12):
        assert j(np.ones(n)).sum() == 2 * n
    assert entered(j) <= 8
    np.testing.assert_array_equal(wg.jacobian(j)(X), 2 * np.eye(2))


def test_settings_leave_it():
    j = wg.jit(lambda x: np.log(x))
    j(-1.0)
    assert np.isnan(j(-1.0)) and entered(j) == 1
    seen = []
    with wg.config(debug_nans=True):
        with pytest.raises(FloatingPointError):
            j(-1.0)
        with wg.config(debug_nans=True), pytest.raises(FloatingPointError):
            j(-1.0)
        thread = threading.Thread(target=lambda: seen.append(j(-1.0)))  # another thread has settings of its own
        thread.start()
        thread.join()
        with pytest.raises(FloatingPointError):
            j(-1.0)
    assert np.isnan(seen[0]) and np.isnan(j(-1.0))


def test_programs_that_see_what_may_change_inside_do_not_enter():
    scale = [2.0]
    j = wg.jit(lambda x: x * scale[0])
    assert j(3.0) == j(3.0) == 6.0 and entered(j) == 0
    scale[0] = 3.0
    assert j(3.0) == 9.0
    by_static = wg.jit(lambda x, mode: x, static_argnums=1)
    by_static(1.0, "a")
    assert entered(by_static) == 0


def test_errors_of_native_code():
    j = wg.jit(lambda x, i: x[i])
    assert j(X, 1) == j(X, 0) + 3.0
    for _ in range(2):
        with pytest.raises(IndexError):
            j(X, 2)


def test_cleared_and_collected():
    j = wg.jit(lambda x: x * 2)
    j(X), j(X)
    j.clear()
    assert entered(j) == 0
    np.testing.assert_array_equal(j(X), X * 2)
    np.testing.assert_array_equal(j(X), X * 2)
    ref = weakref.ref(j)
    del j
    gc.collect()
    assert ref() is None


def test_two_of_the_same_function_are_apart():
    def f(x):
        return {"a": x}

    a, b = wg.jit(f), wg.jit(f)
    a(X), b(X)
    a.clear()
    assert list(b(X)) == ["a"] and entered(b) == 1 and list(a(X)) == ["a"]


def test_many_threads():
    j = wg.jit(lambda x: np.cumsum(x) * x[::-1])
    wrong = []

    def work(k):
        x = np.arange(10.0) + k
        for _ in range(200):
            if not np.array_equal(j(x), np.cumsum(x) * x[::-1]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# -- what is seen outside of the arguments is looked at natively -----------------------------------------

FACTOR = 2.0


def scaled(x, power=2):
    return FACTOR * x**power


def seen(x):
    return np.sum(scaled(x)) + FACTOR


@pytest.fixture
def _names():
    kept = dict(globals()), scaled.__code__, scaled.__defaults__
    yield
    globals().update(kept[0])
    scaled.__code__, scaled.__defaults__ = kept[1:]


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize("transformed", [lambda f: f, wg.value_and_grad], ids=["value", "gradient"])
def test_functions_and_numbers_outside_are_looked_at(transformed):
    global FACTOR, scaled

    def check(calls=2):
        want = transformed(seen)(X)
        for _ in range(calls):
            for got, wanted in zip(flatten(j(X))[0], flatten(want)[0], strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-15)

    j = wg.jit(transformed(seen))
    check()
    assert entered(j) == 1
    FACTOR = 3.0
    check()
    assert entered(j) == 2
    FACTOR = 2.0
    check()
    assert entered(j) == 2  # the first program's entry takes it again
    FACTOR = float("2.0")  # equal, and another object: no new program
    check()
    assert entered(j) == 2
    kept = scaled
    scaled = lambda x: x
    check()
    scaled = kept
    for name, value in (("__defaults__", (3,)), ("__code__", (lambda x, power: x + power).__code__)):
        before, programs = getattr(scaled, name), j.explain_recompiles().count("traced in")
        setattr(scaled, name, value)
        j(X)
        assert j.explain_recompiles().count("traced in") == programs + 1  # it was looked at, and the function traced again
        setattr(scaled, name, before)
        check()
    globals().pop("FACTOR")
    with pytest.raises(NameError):
        j(X)
    globals()["FACTOR"] = 5.0
    check()


def test_closures_outside_are_looked_at():
    def make():
        factor = 2.0

        def f(x):
            return inner(x) * factor

        def inner(x):
            return x + factor

        def set_factor(value):
            nonlocal factor
            factor = value

        return f, set_factor

    f, set_factor = make()
    j = wg.jit(f)
    for factor in (2.0, 3.0, 2.0, 7.0):
        set_factor(factor)
        for _ in range(2):
            np.testing.assert_array_equal(j(X), (X + factor) * factor)
    assert entered(j) == 3


def test_arrays_and_containers_outside_are_left_to_python():
    table, w = {"k": 2.0}, np.ones(2)
    for f, change in ((lambda x: x * table["k"], lambda: table.update(k=3.0)), (lambda x: x * w, lambda: w.fill(3.0))):
        j = wg.jit(f)
        np.testing.assert_array_equal(j(X), f(X))
        assert entered(j) == 0
        change()
        np.testing.assert_array_equal(j(X), f(X))


def test_what_is_seen_lives_no_longer_than_the_function():
    def make():
        def helper(x):
            return x * 2

        return wg.jit(lambda x: helper(x)), weakref.ref(helper)

    j, gone = make()
    j(X), j(X)
    assert entered(j) == 1 and gone() is not None
    del j
    gc.collect()
    assert gone() is None
