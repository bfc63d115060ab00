"""Variables against closed formulas, and PyTorch's rules of leaves, histories and gradients that add up."""

import copy
import gc
import math
import pickle
import threading
import weakref

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from wengert.api.graph import Step
from wengert.errors import (
    ArgumentError,
    CutDerivativeError,
    DerivativeError,
    NotDifferentiableError,
    ShapeError,
    SpentGraphError,
    TraceError,
)

A = np.array([[1.0, 2.0], [3.0, 5.0]])


# -- gradients -----------------------------------------------------------------------------------


def test_the_gradient_of_a_number():
    x = wg.Variable([0.5, 2.0])
    y = np.sum(np.sin(x) * x)
    y.backward()
    assert np.allclose(x.grad, np.cos([0.5, 2.0]) * [0.5, 2.0] + np.sin([0.5, 2.0]), rtol=1e-15)
    assert type(x.grad) is np.ndarray and y.item() == pytest.approx(0.5 * math.sin(0.5) + 2 * math.sin(2))


def test_an_array_with_a_cotangent():
    x, v = wg.Variable([1.0, 2.0]), np.array([1.0, -1.0])
    (A @ np.exp(x)).backward(v)
    assert np.allclose(x.grad, (A.T @ v) * np.exp([1.0, 2.0]), rtol=1e-15)


def test_gradients_add_up_until_they_are_forgotten():
    x = wg.Variable(3.0)
    (x**2).backward()
    (5 * x).backward()
    assert x.grad == 11.0
    x.zero_grad()
    assert x.grad is None
    (x**2).backward()
    assert x.grad == 6.0
    x.grad = 1
    assert x.grad.dtype == np.float64


def test_a_gradient_kept_elsewhere_is_not_changed():
    x = wg.Variable([1.0])
    (2 * x).backward([1.0])
    first = x.grad
    (2 * x).backward([1.0])
    assert first == [2.0] and x.grad == [4.0]


def test_several_leaves_of_any_shape_and_dtype():
    w, b, unused = wg.Variable(A.astype(np.float32)), wg.Variable(2.0), wg.Variable(1.0)
    y = np.sum(w * w) * b
    y.backward()
    assert w.grad.dtype == np.float32 and np.allclose(w.grad, 4 * A)
    assert b.grad == np.sum(A**2) and unused.grad is None


def test_two_variables_of_one_array_are_two():
    a = np.array([1.0, 2.0])
    x, y = wg.Variable(a), wg.Variable(a)
    np.sum(x * y**2).backward()
    assert np.array_equal(x.grad, a**2) and np.array_equal(y.grad, 2 * a * a)
    a[0] = 9.0
    assert x.value[0] == 1.0


def test_constants_are_taken_as_they_are_then():
    a, x = np.array([1.0, 2.0]), wg.Variable([3.0, 4.0])
    y = x * a
    a[:] = 100.0
    z = x * a
    a[:] = 0.0
    np.sum(y + z).backward()
    assert np.array_equal(x.grad, [101.0, 102.0])
    assert np.array_equal(y.value, [3.0, 8.0])
    signed, u = np.array([0.0]), wg.Variable([1.0])
    plus = u / signed
    signed[0] = -0.0
    assert plus.value == [np.inf] and (u / signed).value == [-np.inf]


def test_a_variable_itself():
    x = wg.Variable([1.0, 2.0])
    x.backward([3.0, 4.0])
    x.copy().backward([1.0, 1.0])
    assert np.array_equal(x.grad, [4.0, 5.0])


def test_complex_numbers_have_the_convention_of_grad():
    z = wg.Variable(1 + 2j)
    (np.abs(z) ** 2).backward()
    assert z.grad == 2 - 4j == wg.grad(lambda z: np.abs(z) ** 2)(1 + 2j)
    z.zero_grad()
    (z**2).backward(1.0 + 0j)
    assert z.grad == 2 * (1 + 2j)


def test_what_has_no_path_gets_zeros():
    x = wg.Variable([1.0, 2.0])
    np.sum(np.floor(x) + wg.stop_gradient(x) * 0).backward()
    assert np.array_equal(x.grad, [0.0, 0.0])


def test_several_results():
    x = wg.Variable(np.diag([4.0, 1.0]))
    w, v = np.linalg.eigh(x)
    (w[1] + 0 * v[0, 0]).backward()
    assert np.allclose(x.grad, np.diag([1.0, 0.0]))


def test_python_decides_on_values():
    def collatz_like(x):
        while x < 10:
            x = x * 2 if x < 4 else x + 1
        return x

    x = wg.Variable(1.5)  # 3, 6, 7, 8, 9, 10
    collatz_like(x).backward()
    assert x.grad == 4.0


# -- history -------------------------------------------------------------------------------------


def test_a_history_is_used_once():
    x = wg.Variable(2.0)
    y = np.exp(x * x)
    y.backward()
    refused(
        SpentGraphError,
        y.backward,
        what="backward() a second time through the same operations",
        which="was used by the backward() at test_variable.py:",
        why="let go after the first time",
        instead="backward(retain_graph=True) the first time; or detach()",
    )
    assert issubclass(SpentGraphError, RuntimeError)
    assert y.item() == pytest.approx(math.exp(4))


def test_a_history_in_part_shared_is_spent():
    x = wg.Variable(2.0)
    shared = np.exp(x)
    (shared * 2).backward()
    with pytest.raises(SpentGraphError, match=r"exp at test_variable.py:\d+ was used"):
        (shared * 3).backward()
    assert shared.value == np.exp(2.0) and x.grad == 2 * np.exp(2.0)


def test_a_history_can_be_retained():
    x = wg.Variable(2.0)
    y = x**3
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad == 24.0
    with pytest.raises(SpentGraphError):
        y.backward()


def test_two_results_of_the_same_leaves_are_apart():
    x = wg.Variable(2.0)
    a, b = x * 2, x * 3
    a.backward()
    b.backward()
    assert x.grad == 5.0


def test_values_between_are_known_after_backward():
    x = wg.Variable([1.0, 2.0])
    h = np.tanh(x)
    np.sum(h**2).backward()
    assert np.array_equal(h.value, np.tanh([1.0, 2.0]))
    assert h.grad is None and not h.is_leaf and h.requires_grad


def test_derivatives_of_derivatives():
    x = wg.Variable(2.0)
    (x**4).backward(create_graph=True)
    first = x.grad
    assert first.value == 32.0 and first.requires_grad
    x.zero_grad()
    first.backward(create_graph=True)
    assert x.grad.value == 48.0
    second = x.grad
    x.zero_grad()
    second.backward()
    assert x.grad == 48.0 and type(x.grad) is np.float64


def test_a_gradient_penalty():
    w = wg.Variable([1.0, 2.0])
    np.sum(w**3).backward(create_graph=True)
    g, _ = w.grad, w.zero_grad()
    np.sum(g * g).backward()  # of sum 9 w⁴
    assert np.allclose(w.grad, 36 * np.array([1.0, 8.0]))


def test_a_long_history_needs_no_recursion():
    x = wg.Variable(1.0)
    y = x
    for _ in range(5_000):
        y = y * 0.999
    y.backward()
    assert x.grad == pytest.approx(0.999**5000, rel=1e-12)


def test_the_same_operations_are_differentiated_once():
    from wengert.api import variable

    seen = []
    usual = variable.laid_down
    variable.laid_down = lambda steps, out: seen.append(usual(steps, out)) or seen[-1]
    try:
        w, data = wg.Variable([1.0, 2.0]), np.ones((3, 2))
        for i in range(3):
            loss = np.mean((data @ w - data[:, 0] * i) ** 2) / 7
            loss.backward()
            with wg.no_grad():
                w -= 0.1 * w.grad
    finally:
        variable.laid_down = usual
    assert seen[0][0] is seen[1][0] is seen[2][0]


def test_steps_know_their_lines():
    x = wg.Variable(0.0)
    y = np.log(x - 1.0)
    line = y._box.step.span.line
    with wg.config(debug_nans=True), pytest.raises(FloatingPointError, match=rf"test_variable.py:{line}"):
        y.backward()


# -- constants -----------------------------------------------------------------------------------


def test_no_grad():
    x = wg.Variable(2.0)
    with wg.no_grad():
        y = x * 3
        with wg.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert not y.requires_grad and y.is_leaf and y.value == 6.0 and (x * 3).requires_grad
    refused(
        DerivativeError,
        y.backward,
        what="depends on no Variable that requires a gradient",
        which="Variable(6.)",
        why="computed in no_grad have no history",
        instead="outside no_grad",
    )


@pytest.mark.parametrize("decorator", [wg.no_grad, wg.no_grad()])
def test_no_grad_decorates(decorator):
    @decorator
    def evaluate(x):
        """Doc."""
        return x * 2

    x = wg.Variable(2.0)
    assert not evaluate(x).requires_grad and not evaluate(x).requires_grad and evaluate.__doc__ == "Doc."
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_error():
    with pytest.raises(ZeroDivisionError), wg.no_grad():
        raise ZeroDivisionError
    assert (wg.Variable(1.0) * 2).requires_grad


def test_no_grad_leaves_grad_alone():
    with wg.no_grad():
        assert wg.grad(lambda x: x**2)(3.0) == 6.0
        assert wg.grad(lambda x: x**2)(wg.Variable(3.0)).value == 6.0


def test_detach():
    x = wg.Variable(2.0)
    d = (x * x).detach()
    (x * d).backward()
    assert x.grad == 4.0 and not d.requires_grad and d.value == 4.0


def test_without_requires_grad():
    x, c = wg.Variable(2.0), wg.Variable([1, 2], requires_grad=False)
    np.sum(x * c).backward()
    assert x.grad == 3.0 and c.grad is None and not (c * 2).requires_grad and (c * 2).dtype == np.int64
    x.requires_grad = False
    assert not (x * x).requires_grad
    x.requires_grad = True
    (x * x).backward()
    assert x.grad == 7.0
    fresh = (c * 1.0).detach()
    fresh.requires_grad = True
    np.sum(fresh**2).backward()
    assert np.array_equal(fresh.grad, [2.0, 4.0])


def test_what_takes_no_derivative_is_computed_at_once_and_forgotten():
    x = wg.Variable(np.ones(3), requires_grad=False)
    total = x
    for _ in range(10):
        total = total + x
    assert total._box.step is None and np.array_equal(total.value, [11.0] * 3)


# -- assignment ----------------------------------------------------------------------------------


def test_a_leaf_is_changed_in_no_grad():
    w, b = wg.Variable([1.0, 2.0]), wg.Variable(3.0)
    alias, other = w, b
    (np.sum(w**2) * b).backward()
    with wg.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w[0] *= 2.0
        part = w[1:]
        part += 1.0
        np.multiply(w, 10.0, out=w)
    assert alias is w and other is b and w.is_leaf and w.requires_grad and b.requires_grad
    assert np.allclose(w.value, [(1 - 0.6) * 20, (2 - 1.2 + 1) * 10]) and b.item() == 2.5
    w.zero_grad()
    np.sum(w**2).backward()
    assert np.allclose(w.grad, 2 * w.value)


def test_a_history_from_before_a_change_is_of_the_values_before():
    w = wg.Variable(3.0)
    y = w**2
    with wg.no_grad():
        w += 100.0
    y.backward()
    assert w.grad == 6.0 and y.value == 9.0


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.__isub__(1.0),
        lambda x: x.__setitem__(0, 1.0),
        lambda x: x[:1].__imul__(2.0),
        lambda x: np.add(x, 1.0, out=x),
        lambda x: x.fill(0.0),
        lambda x: x.sort(),
        lambda x: np.add.at(x, [0], 1.0),
    ],
)
def test_a_leaf_is_not_changed_outside(change):
    x = wg.Variable([2.0, 1.0])
    refused(
        TraceError,
        change,
        x,
        what="an array cannot be assigned to here",
        why="a Variable that requires a gradient",
        instead="with wengert.no_grad():",
    )
    assert np.array_equal(x.value, [2.0, 1.0])


def test_a_leaf_without_a_shape_is_not_changed_outside():
    x = wg.Variable(2.0)
    with pytest.raises(TraceError, match="no_grad"):
        x += 1.0


def test_what_was_computed_takes_values():
    x = wg.Variable([1.0, 2.0, 3.0])
    h = 2 * x
    row = h[1:]
    row *= x[0]
    h[0] = x[2] ** 2
    h.backward([1.0, 1.0, 1.0])
    assert np.array_equal(h.value, [9.0, 4.0, 6.0])
    assert np.array_equal(x.grad, [10.0, 2.0, 8.0])  # 9 + 2·2·1 + 2·3·1: by x0 10, by x1 2, by x2 6 + 2


def test_a_constant_variable_takes_values():
    x, out = wg.Variable([2.0, 3.0]), wg.Variable(np.zeros(3), requires_grad=False)
    for i in range(3):
        out[i] = x[i % 2] ** 2
    assert out.requires_grad and not out.is_leaf
    np.sum(out).backward()
    assert np.array_equal(x.grad, [8.0, 6.0])


def test_numbers_are_values_and_not_places():
    x = wg.Variable([1.0, 2.0])
    s = x[0]
    t = s
    s += x[1]
    (s * t).backward()  # (x0 + x1)·x0
    assert np.array_equal(x.grad, [4.0, 1.0])


def test_what_was_computed_is_not_changed_in_no_grad():
    x = wg.Variable([1.0, 2.0])
    h, view = 2 * x, x[:1]
    for target in (h, view):
        with wg.no_grad():
            refused(
                TraceError,
                target.__imul__,
                3.0,
                what="an array cannot be assigned to here",
                why="the derivative would be lost",
                instead="assign outside no_grad, to x.detach(), or to a view taken inside no_grad",
            )
            part = h[:1]
            with pytest.raises(TraceError, match="outside no_grad"):
                part += 1.0


def test_a_view_of_a_leaf_follows_it_with_its_history():
    x = wg.Variable([1.0, 2.0])
    view = x[1:]
    with wg.no_grad():
        x *= 10.0
    assert np.array_equal(view.value, [20.0])
    np.sum(view**2).backward()
    assert np.array_equal(x.grad, [0.0, 40.0])


# -- leaving -------------------------------------------------------------------------------------


def test_values():
    x = wg.Variable(A)
    assert np.array_equal(x.value, A) and type(x.value) is np.ndarray and not x.value.flags.writeable
    assert x.tolist() == A.tolist() and (x * 2).item(3) == 10.0 and type(x.item(0)) is float
    assert type(wg.Variable(1.5).value) is np.float64
    assert bool(wg.Variable(1.0) > 0) and not (wg.Variable(1.0) > 0).requires_grad
    assert f"{wg.Variable(2.0) * 2:.2f}" == "4.00"


def test_conversions_that_lose_the_derivative_are_refused():
    x = wg.Variable(2.0)
    for convert, what in ((float, "float()"), (math.sin, "float()"), (np.asarray, "np.asarray()"), (complex, "complex()")):
        refused(CutDerivativeError, convert, x * 3, what=what, why="constants to every derivative", instead="x.value or x.item()")
    with pytest.raises(ValueError, match="sequence") as caught:
        np.zeros(2)[0] = x
    assert isinstance(caught.value.__cause__, CutDerivativeError)


def test_conversions_that_lose_nothing():
    x = wg.Variable(2.0)
    y = x * 3
    y.backward()
    assert float(y) == 6.0 and np.asarray(y) == 6.0 and complex(y) == 6.0  # its history has been used
    with wg.no_grad():
        assert float(x) == 2.0 and math.sqrt(x * 2) == 2.0
    constant = wg.Variable([1.0], requires_grad=False)
    copied = np.array(constant)
    copied[0] = 7.0
    assert constant.value == [1.0] and int(wg.Variable(3, requires_grad=False)) == 3


def test_what_is_shown():
    x = wg.Variable([1.0, 2.0])
    assert repr(x) == "Variable([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "Variable([2., 4.], from mul)"
    assert repr(x.detach()) == "Variable([1., 2.])"


def test_copies_and_pickles():
    x = wg.Variable([1.0, 2.0])
    np.sum(x**2).backward()
    for again in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert np.array_equal(again.grad, x.grad) and again.requires_grad
        again.zero_grad()
        np.sum(again).backward()
    assert np.array_equal(x.grad, [2.0, 4.0])
    for refuse in (pickle.dumps, copy.deepcopy):
        refused(TraceError, refuse, x * 2, what="cannot be pickled", why="belongs to this process", instead="x.detach(), or x.value")


def test_variables_are_keys_by_identity():
    x, y = wg.Variable(1.0), wg.Variable(1.0)
    assert {x: 1, y: 2}[x] == 1 and len({x, y}) == 2


# -- refusals ------------------------------------------------------------------------------------


def test_integers_have_no_gradient():
    for value in (2, np.array([1, 2]), True):
        refused(NotDifferentiableError, wg.Variable, value, what="of integers or booleans", why="in steps", instead="requires_grad=False")


def test_what_is_no_number():
    refused(ArgumentError, wg.Variable, "a", what="made of numbers", which="got str: 'a'", instead="pass an array")
    refused(
        ArgumentError,
        wg.grad(lambda x: wg.Variable(x)),
        1.0,
        what="made of numbers",
        why="a function that is being differentiated",
        instead="use it as it is",
    )


def test_the_cotangent_must_fit():
    x = wg.Variable([1.0, 2.0])
    refused(DerivativeError, (x * 2).backward, what="needs one real number", which="float64[2]", why="vᵀJ", instead="y.backward(v)")
    refused(DerivativeError, (wg.Variable(1j) * 2).backward, what="needs one real number", instead="y.backward(v)")
    refused(ShapeError, (x * 2).backward, np.ones(3), what="a cotangent must have the shape", which="got shape (3,)")
    assert x.grad is None


def test_settings_of_what_was_computed():
    y = wg.Variable(1.0) * 2
    refused(
        ArgumentError,
        setattr,
        y,
        "requires_grad",
        False,
        what="requires_grad can be set only",
        why="What it was computed from decides.",
        instead="x.detach()",
    )
    refused(ArgumentError, setattr, y, "grad", 1.0, what="only a Variable made by wengert.Variable has a gradient to set")
    refused(ShapeError, setattr, wg.Variable(1.0), "grad", [1.0, 2.0], what="a gradient must have the shape")


# -- other transformations -----------------------------------------------------------------------


def cube(x):
    return np.sum(x**3)


def test_transformations_are_operations_on_variables():
    x = wg.Variable([1.0, 2.0])
    wg.grad(cube)(x).backward([1.0, 1.0])
    assert np.allclose(x.grad, [6.0, 12.0])
    for f in (wg.jit(cube), lambda x: np.sum(wg.vmap(lambda t: t**3)(x)), wg.checkpoint(cube)):
        x.zero_grad()
        f(x).backward()
        assert np.allclose(x.grad, [3.0, 12.0])


def test_variables_that_a_function_closes_over():
    w, data = wg.Variable([1.0, 2.0]), np.array([3.0, 4.0])
    native = wg.jit(lambda a: np.sum(np.sin(w) * a))
    cases = [
        (native, data),
        (wg.grad(lambda a: np.sum(np.sin(w) * a**2 / 2)), data),
        (wg.vmap(lambda a: np.sum(np.sin(w)) * a), np.sum(data)),
    ]
    for f, factor in cases:
        w.zero_grad()
        y = f(data)
        y.backward(np.ones(y.shape))
        assert np.allclose(w.grad, np.cos(w.value) * factor)
    with wg.no_grad():
        w += 1.0
    assert np.allclose(native(data).value, np.sum(np.sin([2.0, 3.0]) * data))


def test_a_compiled_function_may_assign_to_arrays_of_its_own():
    @wg.jit
    def powers(x):
        out = np.zeros(3)
        for i in range(3):
            out[i] = x**i
        return out

    x = wg.Variable(2.0)
    powers(x).backward([1.0, 1.0, 1.0])
    assert x.grad == 5.0


def test_a_branch_of_a_compiled_function_sees_variables():
    w = wg.Variable(3.0)

    @wg.jit
    def f(a):
        return np.sin(w) * a if a > 0 else w * w * a

    for a, expected in ((2.0, 2 * np.cos(3.0)), (-1.0, -6.0)):
        w.zero_grad()
        f(a).backward()
        assert np.allclose(w.grad, expected)


def doubled(x):
    x *= 2.0
    return np.sum(x**2)


@pytest.mark.parametrize("f", [wg.jit(doubled), wg.grad(doubled), wg.jit(wg.grad(doubled))])
def test_functions_that_assign_to_their_arguments(f):
    x = wg.Variable([1.0, 2.0])
    with pytest.raises(TraceError, match=r"(?s)cannot be assigned to here.*requires a gradient.*no_grad"):
        f(x)
    assert np.array_equal(x.value, [1.0, 2.0])
    h = x * 1.0
    result = f(h)
    assert np.array_equal(h.value, [2.0, 4.0])
    np.sum(result).backward()
    assert np.allclose(x.grad, [8.0, 16.0] if result.shape == () else [8.0, 8.0])
    with wg.no_grad():
        f(x)
    assert np.array_equal(x.value, [2.0, 4.0]) and x.is_leaf and x.requires_grad


def test_an_inner_function_does_not_write_into_a_variable():
    w = wg.Variable(np.zeros(2))

    def f(x):
        w[0] = x
        return x

    with pytest.raises(TraceError, match="cannot be assigned to here"):
        wg.grad(f)(1.0)
    held = w * 2
    with pytest.raises(TraceError, match="outside a function that is being differentiated"):
        wg.grad(lambda x: held.__setitem__(0, x) or x)(1.0)


# -- memory and threads --------------------------------------------------------------------------


def _steps():
    gc.collect()
    return sum(isinstance(o, Step) for o in gc.get_objects())


def test_histories_go_with_their_values():
    before = _steps()
    w, data = wg.Variable(np.ones(4)), np.ones((8, 4))
    gc.disable()
    try:
        for _ in range(20):
            prediction = np.tanh(data @ w)  # and no backward
        held = weakref.ref(prediction._box)
        del prediction
        assert held() is None  # without the collector
        for _ in range(3):
            loss = np.sum(np.tanh(data @ w))
            loss.backward()
            assert loss._box.step.operands is None
    finally:
        gc.enable()
    del loss
    assert _steps() == before


def test_threads_have_histories_of_their_own():
    w, errors = wg.Variable([1.0, 2.0]), []

    def work(k):
        try:
            for _ in range(5):
                np.sum(w * float(k)).backward()
            with wg.no_grad():
                barrier.wait(10)
                assert not (w * 2).requires_grad
        except BaseException as error:
            errors.append(error)

    barrier = threading.Barrier(5)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    for t in threads:
        t.start()
    assert (w * 2).requires_grad
    barrier.wait(10)
    for t in threads:
        t.join(10)
    assert not errors and np.array_equal(w.grad, [50.0, 50.0])
