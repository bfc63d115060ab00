"""What plain Python cannot be part of a program is refused in four parts; what the user raises is raised, at the user's own lines."""

# ruff: noqa: PT017

import contextlib
import linecache
import re
import sys
import traceback

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import parts_of, refused
from tests.unit.trace.raising import RAISING
from tests.unit.trace.written import unwritten, written
from wengert import errors

HERE = __file__


# -- exceptions of the user's -----------------------------------------------------------------------------------------------------


RUNS = {
    "taped": wg.grad,
    "compiled": wg.jit,
    "compiled gradient": lambda f: wg.jit(wg.grad(f)),
    "gradient of compiled": lambda f: wg.grad(wg.jit(f)),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("f", RAISING, ids=lambda f: f.__name__)
def test_what_the_user_raises(f, run):
    g = RUNS[run](f)
    for x in (1.5, 3.25, 1.25, 4.0):
        try:
            f(x)
        except Exception as expected:
            with pytest.raises(type(expected)) as caught:
                g(x)
            assert caught.value.args == expected.args, caught.value.args
        else:
            g(x)


def test_an_exception_that_is_caught():
    def f(x):
        try:
            if x > 1:
                raise ValueError("large")
            y = x
        except ValueError:
            y = 10 * x
        return y

    assert wg.grad(f)(0.5) == 1.0 and wg.grad(f)(2.0) == 10.0
    native = wg.jit(f)
    for x in (0.5, 2.0):
        try:
            assert native(x) == f(x)
        except errors.TraceError as refusal:
            assert "try" in str(refusal)


# -- tracebacks -------------------------------------------------------------------------------------------------------------------


def lines_of(f, marker):
    """The numbers of the lines of this file with the marker in f."""
    first = f.__code__.co_firstlineno
    return [n for n, line in enumerate(linecache.getlines(HERE), 1) if n >= first and f"# {marker}" in line][:1]


def own_frames(error):
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == HERE and not frame.name.startswith("test_")]


def fails_on_its_line(x):
    y = x * 2
    if y.shape == (3,):
        for _ in range(3):
            y = y + np.ones(7)  # here
    return np.sum(y)


def fails_in_a_call(x):
    def inner(v):
        w = v + 1
        return w["text"]  # there

    return inner(
        x,
    )


def fails_by_a_name(x):
    z = x
    while z[0] < 10:
        z = z * undefined_name  # everywhere  # noqa: F821
    return z


@pytest.mark.parametrize("run", ["taped", "compiled"])
@pytest.mark.parametrize(
    ("f", "marker", "name"),
    [
        (fails_on_its_line, "here", "fails_on_its_line"),
        (fails_in_a_call, "there", "inner"),
        (fails_by_a_name, "everywhere", "fails_by_a_name"),
    ],
)
def test_the_innermost_frame_is_the_users(f, marker, name, run):
    with pytest.raises((ValueError, TypeError, IndexError, NameError)) as caught:
        RUNS[run](f)(np.ones(3))
    frame = own_frames(caught.value)[-1]
    assert frame.lineno == lines_of(f, marker)[0]
    assert frame.name == name
    assert f"# {marker}" in frame.line


def reads_out_of_bounds(x, i):
    s = 0.0
    for k in range(4):
        s = s + x[k] * x[k + i]  # bound
    return s


def writes_out_of_bounds(x, i):
    x[0] = 1.0
    x[i + 1] = 2.0  # bound
    return np.sum(x)


@pytest.mark.parametrize("f", [reads_out_of_bounds, writes_out_of_bounds])
def test_an_index_out_of_bounds_names_the_line(f):
    line = lines_of(f, "bound")[0]
    for g in (wg.jit(f), wg.jit(wg.grad(f))):
        g(np.ones(5), 1)
        with pytest.raises(IndexError) as caught:
            g(np.ones(5), 4)
        assert f"test_capture_errors.py:{line}" in str(caught.value), str(caught.value)
    with pytest.raises(IndexError):
        wg.grad(f)(np.ones(5), 4)


def walked(x):
    total = 0.0  # 1
    for i in range(3):
        if x > i:
            total = total + x  # 2
        else:
            total = total - x  # 3
    return total


@pytest.mark.parametrize("run", ["taped", "compiled"])
def test_a_debugger_sees_the_users_lines(run):
    seen, first = set(), walked.__code__.co_firstlineno
    names = set()

    def trace(frame, event, argument):
        if frame.f_code.co_filename != HERE:
            return None
        if event == "line" and frame.f_code.co_name == "walked":
            seen.add(frame.f_lineno - first)
            names.update(frame.f_locals)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        RUNS[run](walked)(1.5)
    finally:
        sys.settrace(before)
    assert {1, 2, 3, 4, 6, 7} <= seen and max(seen) <= 7
    assert {"x", "total", "i"} <= names


# -- what cannot be part of a program ---------------------------------------------------------------------------------------------


def grows(x):
    while np.sum(x) < 10:
        x = np.concatenate([x, x])
    return np.sum(x)


def branches_of_two_shapes(x):
    if x[0] > 0:
        y = x
    else:
        y = np.sum(x)
    return np.sum(y)


def text_by_a_branch(x):
    kind = "up" if x[0] > 0 else "down"
    return np.sum(x) if kind == "up" else -np.sum(x)


def none_by_a_branch(x):
    y = None
    if x[0] > 0:
        y = x
    return np.sum(x if y is None else y * y)


def list_of_unknown_length(x):
    path = []
    while np.sum(x) < 10:
        x = x * 2
        path.append(x)
    return path


def comprehension_of_unknown_length(x):
    return sum([v for v in x if v > 0])


def endless(x):
    return x[0] if x[0] < 1e-3 else endless(x * 0.5)


def either_array(x):
    y = np.ones(2)
    z = x if x[0] > 0 else y
    z[0] = 5.0
    return np.sum(x + y)


def key_by_a_value(x):
    return {0: x, 1: x * 2}[int(x[0])]


def shape_by_a_value(x):
    return np.sum(np.zeros(int(np.sum(x))) + x[0])


REFUSED = [
    (
        grows,
        errors.AbstractValueError,
        "a loop changes the kind of what it carries",
        "x: float64[4] after one iteration, float64[2] before",
    ),
    (branches_of_two_shapes, errors.ShapeError, "y differs", "float64[2]\nfloat64[]"),
    (text_by_a_branch, errors.ShapeError, "two branches leave different things", "str: 'up'\nstr: 'down'"),
    (none_by_a_branch, errors.ShapeError, "y differs", "float64[2]\nNoneType: None"),
    (list_of_unknown_length, errors.AbstractValueError, "a loop changes the kind of what it carries", "path"),
    (comprehension_of_unknown_length, errors.AbstractValueError, "a concrete value is needed", "bool[]"),
    (endless, errors.EndlessError, "branches and loops inside one another", None),
    (either_array, errors.TraceError, "an array cannot be assigned to here", "float64[2]"),
    (key_by_a_value, errors.AbstractValueError, "a concrete value is needed", "int64[]"),
    (shape_by_a_value, errors.AbstractValueError, "a concrete value is needed", None),
]


@pytest.mark.parametrize(("f", "error", "what", "which"), REFUSED, ids=lambda f: getattr(f, "__name__", ""))
def test_refused_when_compiled(f, error, what, which):
    with pytest.raises(error) as caught:
        wg.jit(f)(np.ones(2))
    text = str(caught.value)
    parts = parts_of(text)
    assert what in parts.what, text
    assert which is None or which in "\n".join(parts.which), text
    assert parts.why and parts.instead, text
    file, _, line = parts.where.partition(":")
    code = f.__code__
    assert file == "test_capture_errors.py" and code.co_firstlineno <= int(line) <= max(n for *_, n in code.co_lines() if n), text
    assert not re.search(r" at 0x|PyTreeSpec|Held|_Peel|Traced\(", text), text


@pytest.mark.parametrize("f", [f for f, *_ in REFUSED], ids=lambda f: f.__name__)
def test_the_same_taped_is_pythons(f):
    """Without `jit` any Python goes."""
    x = np.array([0.75, 0.5])
    total = lambda r: sum([np.sum(v) for v in r]) if isinstance(r, list) else np.sum(r)
    value, gradient = wg.value_and_grad(lambda x: total(f(x)))(x.copy())
    assert value == total(f(x.copy()))
    assert gradient.shape == (2,)


def test_a_loop_that_may_replace_a_variable_by_one_of_another_shape():
    def f(x, n):
        w = np.ones((2, 2))
        for i in range(n):
            w = x[:2] * (i + 1)
        return np.sum(w)

    native = wg.jit(f)
    for n in (0, 2):
        try:
            assert native(np.ones(3), n) == f(np.ones(3), n)
        except errors.AbstractValueError as refusal:
            assert "w: float64[2] after one iteration, float64[2,2] before" in str(refusal)


# -- values outside their run ----------------------------------------------------------------------------------------------------------


def test_escaped_from_a_branch_or_a_loop():
    kept = []

    def f(x):
        if x > 0:
            kept.append(x * 2)
        for i in range(5):
            kept.append(x * i)
        return x

    with contextlib.suppress(errors.UserError):
        wg.jit(f)(1.0)
    for value in kept:
        with pytest.raises(errors.EscapedTracerError):
            value + 1


def test_functions_without_a_text():
    float_of = unwritten("def f(x):\n    return float(x) * 2")
    branch = unwritten("def f(x):\n    return x if x > 0 else -x")
    assign = unwritten("def f(x):\n    y = np.zeros(2)\n    y[0] = x\n    return np.sum(y)")
    for g in (wg.grad(float_of), wg.jit(float_of)):
        refused(errors.CutDerivativeError, g, 1.0, what="float(x) of a traced value", where=False)
    assert wg.grad(branch)(-1.0) == -1.0
    refused(errors.AbstractValueError, wg.jit(branch), 1.0, what="a concrete value is needed", where=False)
    for g in (wg.grad(assign), wg.jit(assign)):
        with pytest.raises((TypeError, ValueError)) as caught:  # NumPy wraps our error in its own
            g(1.0)
        assert "silently lose the derivative" in str(caught.value) + str(caught.value.__cause__)
    own = unwritten("def f(x):\n    x[0] = 2.0\n    x *= 3\n    return np.sum(x)")
    np.testing.assert_array_equal(wg.grad(own)(np.ones(2)), [0, 3])


@pytest.mark.parametrize("text", ["math.log(x)", "math.sqrt(x)", "math.acos(x)", "math.log(0 * x)"])
def test_numbers_outside_their_domain(text):
    """Where Python's math raises, a traced value becomes what NumPy's function gives: no finite number."""
    f = written(f"f = lambda x: {text}")
    with pytest.raises(ValueError):
        f(-2.0)
    with np.errstate(all="ignore"):
        assert not np.isfinite(wg.value_and_grad(f)(-2.0)[0])
        assert not np.isfinite(wg.jit(f)(-2.0))
    assert np.isfinite(wg.jit(f)(0.5)) or "0 *" in text


# -- errors on paths that may not be taken ------------------------------------------------------------------------------------------------


def wrong_shape_in_a_branch(x):
    if x > 2:
        return np.sum(np.zeros(3) + np.ones(7))  # raised
    return x * 2


def no_key_in_a_branch(x):
    table = {"a": x}
    y = x
    if x > 2:
        y = table["b"]  # raised
    return y


def not_assigned_in_a_branch(x):
    if x > 2:
        x = x + late  # raised  # noqa: F821
    late = 2 * x
    return late  # noqa: RET504


def wrong_name_in_a_loop(x):
    while x > 2:
        x = x * undefined_name  # raised  # noqa: F821
    return x


def no_iteration_is_possible(x):
    s = x
    for _ in range(int(x) * 2 - 2):
        s = s + np.ones(3) @ np.ones(4)  # raised
    return s


def division_in_a_called_function(x):
    def inner(v):
        return v / (1 // 0)  # raised

    return inner(x) if x > 2 else x


def both_raise(x):
    if x > 1.5:
        raise ValueError("large")  # raised
    else:  # noqa: RET506
        raise KeyError("small")  # raised


def a_check_then_an_error(x):
    if x > 1.5:
        raise ValueError("large")  # raised
    return {}["k"]  # raised


PATHS = [
    wrong_shape_in_a_branch,
    no_key_in_a_branch,
    not_assigned_in_a_branch,
    wrong_name_in_a_loop,
    no_iteration_is_possible,
    division_in_a_called_function,
    both_raise,
    a_check_then_an_error,
]


@pytest.mark.parametrize("run", ["compiled", "compiled gradient", "gradient of compiled"])
@pytest.mark.parametrize("f", PATHS, ids=lambda f: f.__name__)
def test_an_error_on_a_path_is_raised_where_it_is_taken(f, run):
    g, taped = RUNS[run](f), wg.value_and_grad(f)
    for x in (1.25, 3.25, 1.0, 2.5):
        try:
            value, slope = taped(x)
        except Exception as expected:
            with pytest.raises(type(expected)) as caught:
                g(x)
            assert str(caught.value).split("\n")[0] == str(expected).split("\n")[0]
            assert "# raised" in own_frames(caught.value)[-1].line
        else:
            assert g(x) == (value if run == "compiled" else slope)


def test_the_line_of_a_recorded_raise():
    with pytest.raises(ValueError, match="too large") as caught:
        wg.jit(RAISING[0])(3.0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == 'raise ValueError("too large")'


class Refusal(RuntimeError):
    def __init__(self, value, *, limit):
        super().__init__(f"{value:.1f} beyond {limit}")
        self.value, self.limit = value, limit


def test_an_exception_with_attributes_of_the_run():
    def f(x):
        if x > 2:
            raise Refusal(x * 2, limit=[2, "two"])
        return x

    native = wg.jit(f)
    for x in (1.0, 2.5, 4.0):
        for g in (native, wg.grad(f)):
            if x < 2:
                g(x)
                continue
            with pytest.raises(Refusal) as caught:
                g(x)
            assert caught.value.args == (f"{x * 2:.1f} beyond [2, 'two']",)
            assert (caught.value.value, caught.value.limit) == (x * 2, [2, "two"])


def test_a_text_with_values_is_no_key():
    """In a loop that can run in Python it does; else it is refused, never a wrong KeyError."""
    weights = {"w0": 1.0, "w1": 2.0, "w2": 3.0}

    def f(x):
        for i in range(3):
            if x > 0:
                x = x * weights[f"w{i}"]
        return x

    def g(x, n):
        for i in range(int(n)):
            x = x * weights[f"w{i}"]
        return x

    assert wg.jit(f)(2.0) == 12.0 and wg.jit(f)(-2.0) == -2.0
    refused(errors.TraceError, wg.jit(g), 2.0, 1.5, what="a branch or loop cannot be part of the program", which="is looked up")


def test_a_raise_in_a_try_is_refused():
    def f(x):
        try:
            if x > 1:
                {}["missing"]
        except KeyError:
            return -x
        return x

    assert wg.grad(f)(2.0) == -1.0
    refused(errors.TraceError, wg.jit(f), 2.0, what="a branch or loop cannot be part of the program", which="try statement")


def test_a_function_without_a_text_is_named_as_the_reason():
    f = unwritten("def f(x):\n    return x if x > 0 else -x")
    refused(errors.AbstractValueError, wg.jit(f), 1.0, what="a concrete value is needed", why="no text that can be read", where=False)
