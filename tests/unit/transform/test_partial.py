"""Partial evaluation: both parts together are the whole; linearisation is partial evaluation of the jvp."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wengert.ir.values import splat
from wengert.primitives.arith import less
from wengert.primitives.control import Call, Cond, Loop, While
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.math import exp, sin
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.partial import partial, prune

from .programs import INT, PAIR, PROGRAMS, SCALAR, X, Y


def together(function, known, operands):
    """The outputs by way of the two parts."""
    parts = partial(function, known)
    now = evaluate(parts.known, [x for x, on in zip(operands, known, strict=True) if on])
    n = sum(parts.out_known)
    later = evaluate(parts.unknown, [*now[n:], *[x for x, on in zip(operands, known, strict=True) if not on]])
    early, late = iter(now[:n]), iter(later)
    return [next(early) if on else next(late) for on in parts.out_known]


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("known", list(itertools.product([True, False], repeat=2)))
def test_the_parts_make_the_whole(name, known):
    for a, b in zip(together(PROGRAMS[name], known, [X, Y]), evaluate(PROGRAMS[name], [X, Y]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("active", [(True, True), (True, False), (False, True)])
def test_linearize_is_partial_evaluation_of_jvp(name, active):
    f = PROGRAMS[name]
    pushed, mask = jvp(f, active)
    parts = partial(pushed, [True] * 2 + [False] * sum(active))
    split = linearize(f, active)
    n, n_all = len(f.outputs), len(f.outputs) + sum(mask)
    assert split.out_active == mask
    assert parts.out_known == (True,) * n + (False,) * (n_all - n)
    tangents = [np.array([0.3, -0.2])] * sum(active)
    a = evaluate(split.primal, [X, Y])
    b = evaluate(parts.known, [X, Y])
    for x, y in zip(a[:n], b[:n], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-14)
    for x, y in zip(evaluate(split.tangent, [*a[n:], *tangents]), evaluate(parts.unknown, [*b[n:], *tangents]), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-13)


def names(function):
    return [e.operation.name for e in function.equations]


def test_what_is_known_is_computed_first():
    f = function_of(lambda x, y: [sin(x) * y, exp(x), y + 1.0], PAIR, PAIR)
    parts = partial(f, [True, False])
    assert names(parts.known) == ["sin", "exp"]
    assert names(parts.unknown) == ["mul", "add"]
    assert parts.out_known == (False, True, False)
    assert parts.residual_inputs == [None]


def test_a_call_is_split_inside():
    inner = function_of(lambda x, y: [sin(x), exp(sin(x)) * y], PAIR, PAIR)
    parts = partial(function_of(lambda x, y: emit(Call(inner), [x, y]), PAIR, PAIR), [True, False])
    assert parts.out_known == (True, False)
    (now,), (later,) = parts.known.equations, parts.unknown.equations
    assert names(now.operation.function) == ["sin", "sin", "exp"]
    assert names(later.operation.function) == ["mul"]


def test_a_loop_is_split_by_its_carries():
    body = function_of(lambda i, a, b: [sin(a), b * a, a, b], INT, PAIR, PAIR)
    f = function_of(lambda a, b: emit(Loop(body, 3, 0, 2, 1), [a, b, b]), PAIR, PAIR)
    parts = partial(f, [True, False])
    assert parts.out_known == (True, False, False, False)
    (now,), (later,) = parts.known.equations, parts.unknown.equations
    assert names(now.operation.body) == ["sin"]
    assert names(later.operation.body) == ["mul"]
    for a, b in zip(together(f, (True, False), [X, Y]), evaluate(f, [X, Y]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_loop_whose_count_is_not_known_waits():
    body = function_of(lambda i, a: [sin(a)], INT, PAIR)
    f = function_of(lambda n, a: emit(Loop(body, None, 0, 1, 0), [n, a]), INT, PAIR)
    assert partial(f, [False, True]).out_known == (False,)
    np.testing.assert_allclose(together(f, (False, True), [np.int64(2), X])[0], np.sin(np.sin(X)))


def test_a_cond_with_an_output_known_in_one_branch_only():
    one = function_of(lambda x, y: [sin(x), y], PAIR, PAIR)
    two = function_of(lambda x, y: [y * 2.0, x], PAIR, PAIR)
    f = function_of(lambda k, x, y: emit(Cond((one, two)), [k, x, y]), INT, PAIR, PAIR)
    for k, known in itertools.product((0, 1), itertools.product([True, False], repeat=3)):
        for a, b in zip(together(f, known, [np.int64(k), X, Y]), evaluate(f, [np.int64(k), X, Y]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


def test_a_while_is_split_when_its_predicate_is_known():
    cond = function_of(lambda a, b, t: [less(t, splat(1.0, SCALAR))], PAIR, PAIR, SCALAR)
    body = function_of(lambda a, b, t: [sin(a), b * a, t + 0.4, b], PAIR, PAIR, SCALAR)
    f = function_of(lambda a, b, t: emit(While(cond, body, 0, 0, 3, 1), [a, b, t])[:4], PAIR, PAIR, SCALAR)
    parts = partial(f, [True, False, True])
    assert parts.out_known == (True, False, True, True)
    assert names(parts.unknown) == ["loop"]
    operands = [X, Y, np.float64(0.0)]
    for known in itertools.product([True, False], repeat=3):
        for a, b in zip(together(f, known, operands), evaluate(f, operands), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


def test_prune_reaches_into_calls():
    inner = function_of(lambda x, y: [sin(x), exp(y)], PAIR, PAIR)
    f = function_of(lambda x, y: emit(Call(inner), [x, y]), PAIR, PAIR)
    smaller, used = prune(f, (False, True))
    assert used == (False, True)
    assert names(smaller.equations[0].operation.function) == ["exp"]
    np.testing.assert_array_equal(evaluate(smaller, [Y])[0], np.exp(Y))


@pytest.mark.parametrize("name", PROGRAMS)
def test_pruned_programs_give_what_is_left(name):
    f = PROGRAMS[name]
    whole = evaluate(f, [X, Y])
    for k in range(len(f.outputs)):
        smaller, used = prune(f, [j == k for j in range(len(f.outputs))])
        (found,) = evaluate(smaller, [x for x, on in zip([X, Y], used, strict=True) if on])
        np.testing.assert_array_equal(found, whole[k])


def test_parts_of_large_programs_take_linear_time():
    def chain(x, y):
        for _ in range(3000):
            x = x + 1.0
            y = y * x
        return [y]

    parts = partial(function_of(chain, SCALAR, SCALAR), [True, False])
    assert len(parts.known.equations) == len(parts.unknown.equations) == 3000
