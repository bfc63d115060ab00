"""The whole: calls in place, results kept, idempotent, once for each Function, work linear in the length of a program."""

import os
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from tests.work import calls
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.ir.values import Equation, Function, Var
from wengert.ir.verifier import verify
from wengert.ir.walk import nested
from wengert.passes.inline import LONG
from wengert.passes.pipeline import PASSES, optimise
from wengert.primitives.arith import add, mul, neg
from wengert.primitives.control import Call, Cond, CustomJvp, LinearCall
from wengert.primitives.control.call import emit, single
from wengert.primitives.control.checkpoint import HostCallback
from wengert.primitives.math import cos, exp, sin
from wengert.primitives.shape import stop_gradient
from wengert.source import Span
from wengert.transform.evaluate import evaluate

from .programs import agree, close, names, program

V = ("d", 3)
X = np.array([0.3, -0.5, 1.1])


def long_body(x, n=LONG + 1):
    for _ in range(n):
        x = sin(x)
    return x


def call(function, *operands):
    return single(emit(Call(function), operands))


# -- calls ----------------------------------------------------------------------------------------------


def test_calls_are_inlined_however_deep():
    f = program(sin, V)
    for _ in range(1500):  # deeper than Python's stack
        x, y = Var(f.inputs[0].type), Var(f.inputs[0].type)
        f = Function([x], [Equation(Call(f), (x,), (y,), None)], [y])
    assert names(verify(optimise(f))) == ["sin"]


def test_a_body_called_twice_has_variables_of_its_own_each_time():
    inner = program(lambda x: mul(sin(x), x), V)
    middle = program(lambda x: call(inner, call(inner, x)), V)
    f = program(lambda x: add(call(middle, x), call(inner, mul(x, x))), V)
    assert names(agree(f, [X])).count("sin") == 4 - 1  # inner(x) inside middle, inner of it, inner(x * x)


def test_a_long_body_called_twice_is_called():
    inner = program(long_body, V)
    f = program(lambda x: call(inner, mul(call(inner, x), x)), V)
    new = agree(f, [X])
    assert names(new) == ["call", "mul", "call"]
    assert len({e.operation for e in new.equations if e.operation.name == "call"}) == 1


def test_a_long_body_called_once_is_in_place():
    inner = program(long_body, V)
    assert names(agree(program(lambda x: call(inner, x), V), [X])) == ["sin"] * (LONG + 1)


def test_doubling_calls_do_not_explode():
    f = program(lambda x: mul(sin(x), cos(x)), V)
    for _ in range(40):  # 2**40 equations if all were in place
        f = program(lambda x, f=f: call(f, add(call(f, x), x)), V)
    new = optimise(f)
    assert sum(len(g.equations) for g in nested(new)) < 5000


def test_rules_for_derivatives_are_dissolved():
    plain = program(lambda x: mul(sin(x), x), V)
    rule = program(lambda x, dx: [mul(sin(x), x), mul(cos(x), dx)], V, V)
    backward = program(lambda a, ct: mul(sin(a), ct), V, V)

    def body(x):
        y = single(emit(CustomJvp(plain, rule), [x]))
        return stop_gradient(single(emit(LinearCall(backward, 1), [x, y])))

    assert names(agree(program(body, V), [X])) == ["sin", "mul", "mul"]


def test_checkpoints_compute_again():
    def f(x):
        return np.sum(wg.checkpoint(lambda x: np.sin(np.exp(x)) * x)(x))

    new = agree(wg.record(wg.grad(f))(X), [X])
    assert names(new).count("exp") == 1  # the value is not needed: once, in the reverse
    both = agree(wg.record(wg.value_and_grad(f))(X), [X])
    assert names(both).count("exp") == 2
    plain = agree(wg.record(wg.value_and_grad(lambda x: np.sum(np.sin(np.exp(x)) * x)))(X), [X])
    assert names(plain).count("exp") == 1


def test_checkpoints_inside_what_is_called_twice_compute_again():
    inner = wg.checkpoint(lambda x: np.sin(np.exp(x)) * x)
    both = wg.record(wg.value_and_grad(lambda x: np.sum(inner(inner(x) * 2.0))))(X)
    assert names(agree(both, [X], close)).count("exp") == 4


def test_branches_are_optimised_too():
    branches = (program(lambda x: mul(sin(x), sin(x)), V), program(lambda x: neg(neg(x)), V))
    f = program(lambda m, x: single(emit(Cond(branches), [m, x])), ("?",), V)
    for m in (True, False):
        new = agree(f, [np.bool_(m), X])
    (equation,) = new.equations
    assert [names(b) for b in equation.operation.branches] == [["sin", "mul"], []]


def test_callbacks_stay_and_dead_ones_go():
    seen = []
    callback = HostCallback(lambda x: (seen.append(1), x * 2)[1], (program(sin, V).in_types[0],))
    f = program(lambda x: [add(single(emit(callback, [x])), x), sin(x)], V)
    agree(f, [X])
    dead = program(lambda x: [sin(x), single(emit(callback, [exp(x)]))][:1], V)
    assert names(optimise(dead)) == ["sin"]


# -- what stays ------------------------------------------------------------------------------------------


def test_inputs_outputs_and_lines_stay():
    f = program(lambda x, y, z: [x, sin(y), x], V, V, V)
    f.equations[0].span = Span("model.py", 7)
    new = agree(f, [X, X, X])
    assert new.inputs == f.inputs and new.outputs[0] is new.outputs[2] is f.inputs[0]
    assert new.equations[0].span.line == 7


def test_an_equation_of_a_call_has_the_line_of_the_call_if_it_has_none():
    inner = program(sin, V)
    f = program(lambda x: call(inner, x), V)
    f.equations[0].span = Span("model.py", 9)
    assert optimise(f).equations[0].span.line == 9


def test_what_is_good_already_is_the_same_object():
    f = program(lambda x: sin(mul(x, x)), V)
    assert optimise(f) is f


def again(function):
    """The same Function, of which nothing is remembered."""
    return parse(print_function(function))


PROGRAMS = {
    "chain": (lambda x: np.sum(np.tanh(x * 2.0 + 0.0) / 4.0), X),
    "rosenbrock": (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), X),
    "softmax": (lambda x: -np.log(np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x))))[0], X),
    "normalised": (
        lambda x: np.sum(((x - np.mean(x, axis=1, keepdims=True)) / np.std(x, axis=1, keepdims=True)) ** 3),
        np.arange(6.0).reshape(2, 3) ** 2,
    ),
    "network": (lambda w: np.sum(np.tanh(np.ones((4, 3)) @ w) @ w.T), np.linspace(-1, 1, 6).reshape(3, 2)),
}
FORMS = {"program": lambda f: f, "gradient": wg.grad, "hessian": wg.hessian}
LISTS = Path(__file__).parent / "lists"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_results_stay_and_twice_is_once(name, form):
    f, x = PROGRAMS[name]
    new = agree(wg.record(FORMS[form](f))(x), [x], close)
    text = print_function(new)
    assert print_function(optimise(again(new))) == print_function(again(new))
    assert "stop_gradient" not in text and "call" not in text


@pytest.mark.parametrize("name", ["chain", "rosenbrock", "normalised"])
def test_golden(name):
    """Word for word. To write anew: WENGERT_GOLDEN=write python -m pytest tests/unit/passes, and read the difference."""
    f, x = PROGRAMS[name]
    function = wg.record(wg.value_and_grad(f))(x)
    new = optimise(Function(function.inputs, function.equations, function.outputs, name))
    text = "\n".join([line.split("    # ")[0] for line in print_function(new).splitlines()]) + "\n"
    file = LISTS / f"{name}.txt"
    if os.environ.get("WENGERT_GOLDEN") == "write":
        LISTS.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


# -- how it runs -----------------------------------------------------------------------------------------


def test_a_listener_hears_of_every_pass():
    f = wg.record(wg.grad(PROGRAMS["rosenbrock"][0]))(X)
    heard = []
    new = optimise(f, listener=lambda name, function: heard.append((name, verify(function))))
    assert [name for name, _ in heard] == [name for name, _ in PASSES]
    assert heard[-1][1] is new and optimise(f) is new


def test_what_was_done_is_remembered():
    inner = program(long_body, V)
    f = program(lambda x: call(inner, call(inner, x)), V)
    assert optimise(f) is optimise(f) and optimise(f, fastmath=True) is not None
    other = program(lambda x: call(inner, call(inner, mul(x, x))), V)
    (first, *_), (*_, last) = optimise(f).equations, optimise(other).equations
    assert first.operation is last.operation


def straight(n):
    def f(x):
        y = x
        for _ in range(n // 4):
            y = np.sin(y) * x + 0.5 * -y
        return np.sum(y)

    return wg.record(wg.grad(f))(np.ones(3))


def reused(n):
    """Every value is used by many: shared equations, transposes and repetitions everywhere."""

    def f(x):
        y = x
        for _ in range(n // 6):
            y = (np.sin(y.T) + np.sum(y, axis=0)).T * np.sin(y.T).T - y[::-1]
        return np.sum(y)

    return wg.record(f)(np.ones((3, 3)))


@pytest.mark.parametrize("make", [straight, reused])
def test_work_is_linear_in_the_length(make):
    with wg.config(verify=False):
        short, long = make(300), make(2400)
        few, many = (calls(lambda f=f: optimise(f)) for f in (short, long))
    sizes = [sum(len(g.equations) for g in nested(f)) for f in (short, long)]
    assert many / few < 1.3 * sizes[1] / sizes[0]
    assert many / sizes[1] < 150


def test_ten_thousand_equations_do_not_recurse():
    f = program(lambda x: long_body(x, 10_000), V)
    assert evaluate(optimise(f), [X])[0].shape == (3,)
