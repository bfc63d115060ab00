"""Loops, branches and jumps in plain Python: taped, compiled and plain runs give one value, and its derivative."""

# ruff: noqa: B007, F821, F841, PT017, RET504

import copy
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from tests.unit.trace.constructs import CONSTRUCTS
from tests.unit.trace.random_programs import programs
from tests.unit.trace.written import Dual, unwritten, written

EXAMPLES = int(os.environ.get("WENGERT_EXAMPLES", "100"))
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
X = np.array([0.9, -1.32, 2.1, 0.4])


def agree(f, x, *rest, tolerance=1e-6):
    """Value and derivative by the first argument: plain, taped and compiled, by differences, forward and reverse."""
    expected = f(copy.deepcopy(x), *copy.deepcopy(rest))
    for run in (lambda *a: wg.value_and_grad(f)(*a)[0], wg.jit(f), lambda *a: wg.jit(wg.value_and_grad(f))(*a)[0]):
        np.testing.assert_allclose(run(copy.deepcopy(x), *copy.deepcopy(rest)), expected, rtol=1e-12, atol=1e-14)
    v = np.random.default_rng(3).normal(size=np.shape(x)) if np.ndim(x) else 1.0
    h = 1e-6
    slope = (f(x + h * v, *copy.deepcopy(rest)) - f(x - h * v, *copy.deepcopy(rest))) / (2 * h)
    fresh = lambda: (copy.deepcopy(x), *copy.deepcopy(rest))
    gradient = wg.grad(f)(*fresh())
    np.testing.assert_allclose(np.sum(gradient * v), slope, rtol=tolerance, atol=1e-8)
    for g in (wg.jit(wg.grad(f))(*fresh()), wg.grad(wg.jit(f))(*fresh())):
        np.testing.assert_allclose(g, gradient, rtol=1e-12, atol=1e-14)
    here, *others = fresh()
    forward = wg.jvp(lambda x: f(x, *others), (here,), (v,))[1]
    np.testing.assert_allclose(forward, np.sum(gradient * v), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("f", CONSTRUCTS, ids=lambda f: f.__name__)
def test_construct(f):
    agree(f, X)
    agree(f, np.array([1.4, 0.32, 1.1, 0.2]))


# -- what is decided when the program runs, at other values than those of the first call -------------------------------------


@pytest.mark.parametrize("f", CONSTRUCTS, ids=lambda f: f.__name__)
def test_one_program_for_all_values(f):
    """The compiled program takes other branches and trips with other numbers."""
    native = wg.jit(f)
    for seed in range(6):
        x = np.random.default_rng(seed).normal(size=4).round(2) * 1.7 + 0.003
        with np.errstate(all="ignore"):
            try:
                expected = f(x)
            except UnboundLocalError:
                with pytest.raises(UnboundLocalError):
                    native(x)
                continue
        np.testing.assert_allclose(native(x), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("start", [0, -3, 5])
@pytest.mark.parametrize("stop", [0, 4, -2])
@pytest.mark.parametrize("step", [1, 2, -1, -3])
def test_range_of_traced_ends(start, stop, step):
    def f(a, b, c, x):
        s = x
        for i in range(a, b, c):
            s = s * 0.5 + i
        return s

    traced, static = wg.jit(f), wg.jit(f, static_argnums=2)
    for native in (traced, static):
        assert native(start, stop, step, 1.25) == f(start, stop, step, 1.25)
    gradient = wg.grad(f, 3)(start, stop, step, 1.25)
    assert wg.jit(wg.grad(f, 3))(start, stop, step, 1.25) == gradient == 0.5 ** len(range(start, stop, step))


def test_range_of_step_zero():
    def f(x, n):
        for i in range(0, 3, n):
            x = x + i
        return x

    for g in (f, wg.grad(f)):
        with pytest.raises(ValueError, match="must not be zero"):
            g(1.0, 0)
    with pytest.raises(ValueError, match="must not be zero"):
        wg.jit(f)(1.0, 0)


# -- variables that are not assigned -----------------------------------------------------------------------------------------


def unassigned_branch(x):
    if x > 0:
        y = x
    return y * 2


def unassigned_loop_variable(x):
    for i in range(int(x)):
        pass
    return i * x


def unassigned_after_zero_trips(x):
    for _ in range(int(x)):
        y = x
    return y


def unassigned_in_a_while(x):
    while x > 0.5:
        y = x
        x = x * 0.5
    return y


def unassigned_until_an_iteration(x):
    s = 0.0
    for i in range(30):
        if x > i:
            t = x * i
        s = s + t
    return s


def unassigned_on_a_path_not_taken(x):
    if x < -5:
        x = x + late
    late = 2 * x
    return late


def unassigned_before_the_first_iteration(x):
    n, s = 0, 0.0
    while s < 3 + x and n < 50:
        if n > 0:
            s = s + previous
        previous = 0.5 + x * x
        n += 1
    return s


def unassigned_beside_a_branch_that_raises(x):
    if x > 2:
        t -= x
    elif x > 1:
        t = abs(x)
        if x > 1.75:
            return x
    return x + t


def deleted_in_a_branch(x):
    y = x
    if x > 0:
        y = x * 2
    else:
        del y
    return y


@pytest.mark.parametrize("x", [1.5, -1.5])
@pytest.mark.parametrize("f", [f for n, f in list(globals().items()) if n.startswith(("unassigned", "deleted"))], ids=lambda f: f.__name__)
def test_unassigned(f, x):
    try:
        expected = f(x)
    except UnboundLocalError as error:
        for g in (wg.grad(f), wg.jit(f), wg.jit(wg.grad(f))):
            with pytest.raises(UnboundLocalError) as caught:
                g(x)
            assert str(caught.value).split("\n")[0] == str(error)
    else:
        np.testing.assert_allclose(wg.jit(f)(x), expected, rtol=1e-13)
        np.testing.assert_allclose(wg.jit(wg.grad(f))(x), wg.grad(f)(x), rtol=1e-13)


# -- random programs -----------------------------------------------------------------------------------------------------------


def outcome(run):
    """What a run gives, or that a variable has no value in it."""
    try:
        return run()
    except UnboundLocalError:
        return "unassigned"


def check_program(text, seed):
    f = written(text)
    taped = wg.value_and_grad(f, (0, 1, 2))
    native, value = wg.jit(taped), wg.jit(f)
    for point in np.random.default_rng(seed).normal(size=(3, 3)) * 1.5:
        x = point.tolist()
        expected, dual = outcome(lambda x=x: f(*x)), outcome(lambda x=x: f(*Dual.variables(x)))
        results = [outcome(lambda g=g, x=x: g(*x)) for g in (taped, native, value)]
        if expected == "unassigned":
            assert results == ["unassigned"] * 3, text
            continue
        assert "unassigned" not in results, text
        slopes = np.broadcast_to(Dual.parts(dual)[1], 3)
        for got, gradient in (*results[:2], (results[2], slopes)):
            np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12, err_msg=text)
            np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-11, err_msg=text)


@SETTINGS
@given(programs(), st.integers(0, 100))
def test_random_programs(text, seed):
    check_program(text, seed)


@SETTINGS
@given(programs(late=True), st.integers(0, 100))
def test_random_programs_with_a_variable_that_may_have_no_value(text, seed):
    check_program(text, seed)


@settings(SETTINGS, max_examples=max(1, EXAMPLES // 5))
@given(programs(), st.integers(0, 100))
def test_random_programs_in_lanes(text, seed):
    """Each lane of a vmap takes its own branches and trips."""
    f = written(text)
    points = np.random.default_rng(seed).normal(size=(4, 3)) * 1.5
    np.testing.assert_allclose(wg.vmap(f)(*points.T), [f(*p) for p in points], rtol=1e-10, atol=1e-12, err_msg=text)
    slopes = [np.broadcast_to(Dual.parts(f(*Dual.variables(p)))[1], 3) for p in points]
    np.testing.assert_allclose(np.transpose(wg.vmap(wg.grad(f, (0, 1, 2)))(*points.T)), slopes, rtol=1e-9, atol=1e-11, err_msg=text)


# -- functions without a text --------------------------------------------------------------------------------------------------


def test_a_straight_line_without_a_text():
    f = unwritten("def f(x):\n    y = np.sin(x) * x\n    return y[0] * y[1] if len(x) == 4 else y[0]")
    agree(f, X)


def test_a_loop_of_known_length_without_a_text():
    f = unwritten("def f(x):\n    s = 0.0\n    for i in range(4):\n        s = s * 0.5 + x[i]\n    return s")
    agree(f, X)


def test_a_branch_without_a_text_works_taped():
    f = unwritten("def f(x):\n    while x < 10:\n        x = x * 2\n    return x")
    assert wg.grad(f)(1.5) == 8.0
    with pytest.raises(wg.errors.AbstractValueError, match="a concrete value is needed"):
        wg.jit(f)(1.5)
