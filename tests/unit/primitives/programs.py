"""How these tests look at a Function: against differences, adjoints, and a loop over lanes."""

from __future__ import annotations

import itertools

import numpy as np

from wengert.ir.types import array_type, type_of
from wengert.primitives.control.call import emit, function_of
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize, vjp

D = np.dtype("d")
SCALAR, PAIR, INT = array_type((), D), array_type((2,), D), array_type((), np.dtype(np.int64))
LANES = 3


def operation_program(operation, *types):
    """The Function that is one operation."""
    return function_of(lambda *xs: emit(operation, xs), *types)


def close(found, expected, rtol, what):
    assert np.shape(found) == np.shape(expected), what
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol, err_msg=str(what))


def check(function, operands, second=True):
    """jvp by differences, linearisation as jvp, vjp as adjoint of jvp, lanes as a loop, and the same of the derivatives."""
    rng = np.random.default_rng(3)
    like = lambda x: np.asarray(rng.normal(size=np.shape(x)))[()]
    assert function.in_types == tuple(map(type_of, operands))
    outs = evaluate(function, operands)
    active = [t.inexact for t in function.in_types]
    n = len(outs)
    dx = [like(x) if on else None for x, on in zip(operands, active, strict=True)]
    given = [t for t in dx if t is not None]

    pushed, mask = jvp(function, active)
    results = evaluate(pushed, [*operands, *given])
    for a, b in zip(results, outs, strict=False):
        close(a, b, 1e-13, "value beside tangents")
    h = 1e-6
    moved = [evaluate(function, [x if t is None else x + sign * h * t for x, t in zip(operands, dx, strict=True)]) for sign in (1, -1)]
    touts = iter(results[n:])
    tangents = [next(touts) if on else np.zeros_like(out) for on, out in zip(mask, outs, strict=True)]
    for on, t, plus, minus in zip([o.inexact for o in function.out_types], tangents, *moved, strict=True):
        if on:
            close(t, (plus - minus) / (2 * h), 1e-6, "differences")

    split = linearize(function, active)
    halves = evaluate(split.primal, operands)
    for t, other in zip(evaluate(split.tangent, [*halves[n:], *given]), results[n:], strict=True):
        close(t, other, 1e-12, "linearize")

    seeds = [like(out) for out, t in zip(outs, function.out_types, strict=True) if t.inexact]
    pulled = evaluate(vjp(function, active), [*operands, *seeds])[n:]
    moving = [t for t, o in zip(tangents, function.out_types, strict=True) if o.inexact]
    forward = sum([np.sum(ct * t) for ct, t in zip(seeds, moving, strict=True)])
    close(forward, sum([np.sum(ct * t) for ct, t in zip(pulled, given, strict=True)]), 1e-10, "adjoint")

    for lanes in itertools.islice(itertools.product([True, False], repeat=len(operands)), 2 ** len(operands) - 1):
        check_lanes(function, operands, lanes)
    if second:
        check(vjp(function, active), [*operands, *seeds], second=False)
        check(pushed, [*operands, *given], second=False)


def check_lanes(function, operands, lanes, spread=0.01):
    batched, mask = batch(function, LANES, lanes)
    stacks = [
        np.stack([x + (spread * k if np.asarray(x).dtype.kind == "f" else 0) for k in range(LANES)]) if on else x
        for x, on in zip(operands, lanes, strict=True)
    ]
    found = evaluate(batched, stacks)
    alone = [evaluate(function, [x[k] if on else x for x, on in zip(stacks, lanes, strict=True)]) for k in range(LANES)]
    for j, (value, has) in enumerate(zip(found, mask, strict=True)):
        close(value, np.stack([a[j] for a in alone]) if has else alone[0][j], 1e-12, ("lanes", lanes, j))
