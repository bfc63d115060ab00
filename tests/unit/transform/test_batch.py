"""Lanes: the leading axis on some inputs, against a loop over them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from wengert.ir.types import array_type, stack_type
from wengert.primitives.control.call import function_of
from wengert.primitives.math import exp, sin
from wengert.transform.batch import batch, batched_type
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import vjp

from .programs import PAIR, PROGRAMS, SCALAR, X, Y

XS = np.stack([X, X + 0.1, X - 0.2])


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("lanes", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("force", [False, True])
def test_against_a_loop(name, lanes, force):
    f = PROGRAMS[name]
    batched, mask = batch(f, 3, lanes, force)
    operands = [XS if lanes[0] else X, XS[::-1] if lanes[1] else Y]
    found = evaluate(batched, operands)
    alone = [evaluate(f, [a[k] if on else a for a, on in zip(operands, lanes, strict=True)]) for k in range(3)]
    assert all(mask) or not force
    for j, (value, has) in enumerate(zip(found, mask, strict=True)):
        np.testing.assert_allclose(value, np.stack([a[j] for a in alone]) if has else alone[0][j], rtol=1e-14)


@pytest.mark.parametrize("name", PROGRAMS)
def test_reverse_of_lanes_is_lanes_of_reverse(name):
    f = PROGRAMS[name]
    n = len(f.outputs)
    cts = [np.full((3, *a.type.shape), k + 1.0) for k, a in enumerate(f.outputs)]
    inside, mask = batch(vjp(f, [True, True]), 3, [True] * (2 + n), True)
    outside = vjp(batch(f, 3, [True, True], True)[0], [True, True])
    assert all(mask)
    for a, b in zip(evaluate(inside, [XS, XS[::-1], *cts]), evaluate(outside, [XS, XS[::-1], *cts]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_what_has_no_lanes_is_computed_once():
    f = function_of(lambda x, y: [sin(x), exp(y)], PAIR, PAIR)
    batched, mask = batch(f, 3, [False, True])
    assert mask == (False, True)
    assert [e.outs[0].type.shape for e in batched.equations] == [(2,), (3, 2)]


def test_results_of_a_call_that_have_no_lanes_stay_without():
    _, mask = batch(PROGRAMS["looped"], 3, [True, False])
    assert mask == (True, True, True, True)
    _, mask = batch(PROGRAMS["looped"], 3, [False, True])
    assert mask == (True, False, True, False)


def test_nested_lanes():
    f = function_of(lambda x, y: [sin(x) * y], SCALAR, SCALAR)
    inner, _ = batch(f, 2, [False, True])
    outer, _ = batch(inner, 3, [True, False])
    a, b = np.array([0.1, 0.2, 0.3]), np.array([1.0, 2.0])
    np.testing.assert_allclose(evaluate(outer, [a, b])[0], np.sin(a)[:, None] * b)


def test_types():
    t = array_type((2,), np.dtype("d"))
    assert batched_type(t, 3) is array_type((3, 2), np.dtype("d"))
    assert batched_type(stack_type(stack_type(t)), 3) is stack_type(stack_type(array_type((3, 2), np.dtype("d"))))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_sizes(size):
    for lanes in itertools.product([True, False], repeat=2):
        if any(lanes):
            batched, _ = batch(PROGRAMS["straight"], size, lanes, True)
            given = [np.stack([a] * size) if on else a for a, on in zip([X, Y], lanes, strict=True)]
            for found, expected in zip(evaluate(batched, given), evaluate(PROGRAMS["straight"], [X, Y]), strict=True):
                np.testing.assert_allclose(found, np.stack([expected] * size))
