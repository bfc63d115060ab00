"""Runs written out: loops, branches and compiled functions give the numbers and the gradient of the function as it was."""

import numpy as np
import pytest

import wengert as wg
from tests.unit.api.messages import refused
from wengert.check.flat import flat
from wengert.errors import ArgumentError
from wengert.primitives.control import Call, Cond, Loop, While


def roots(x, n):
    total = 0.0
    for i in range(n):
        if x[i] > 0:
            total = total + np.sqrt(x[i])
        else:
            total = total - x[i] ** 2
    return total


def newton(a):
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = 0.5 * (x + a / x)
    return x


def powers(x):
    out = np.zeros(4)
    for i in range(4):
        out[i] = x**i
    return np.sum(out)


CASES = [
    (roots, (np.array([1.0, -2.0, 3.0]), 3)),
    (newton, (2.0,)),
    (powers, (1.5,)),
    (lambda x: wg.cond(x > 1, np.sin, np.cos, x), (2.0,)),
    (lambda x: np.sum(wg.scan(lambda c, y: (c * y, np.sin(c)), 1.0, x)[1]), (np.array([1.0, 2.0, 3.0]),)),
    (wg.checkpoint(lambda x: np.sin(x) * x), (0.5,)),
    (wg.grad(newton), (3.0,)),
    (lambda p, k: {"a": p["w"] ** 2 * k, "b": p["b"]}, ({"w": np.array([1.0, 2.0]), "b": 3.0}, 2)),
]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("f", "args"), CASES, ids=range(len(CASES)))
def test_the_same_numbers(f, args, compiled):
    run = flat(wg.jit(f) if compiled else f, args)
    whole = f is CASES[6][0] and compiled  # the derivative of a loop of unknown length has stacks
    assert any(isinstance(e.operation, (Call, Cond, Loop, While)) for e in run.function.equations) is whole
    total, gradients, answers = run.derivative()

    def of_leaves(*args):
        return sum(np.sum(leaf) for leaf in wg.tree.flatten(f(*args))[0])

    assert np.allclose(total, of_leaves(*args), rtol=1e-14)
    expected = wg.grad(of_leaves)(*args)
    got = run.rebuilt(gradients)
    for a, b in zip(wg.tree.flatten(got)[0], wg.tree.flatten(expected)[0], strict=True):
        assert np.allclose(a, b, rtol=1e-13)
    assert len(answers) == len(run.answers) and all(a == b for a, b in zip(answers, run.answers, strict=True))


def test_other_answers():
    x = np.array([1.0, -2.0])
    assert flat(roots, (x, 2)).answers == [True, False]
    assert flat(roots, (x, 2), {0: False}).derivative()[0] == -1.0 - 4.0
    compiled = flat(wg.jit(roots), (x, 2))
    number = [int(a) for a in compiled.answers].index(0)  # the second element's branch
    assert np.isnan(flat(wg.jit(roots), (x, 2), {number: 1}).derivative()[0])


def test_lines_and_repetitions():
    run = flat(wg.jit(powers), (1.5,))
    written = [e for e in run.function.equations if e.operation.name == "pow" or "pow" in e.operation.name]
    assert {str(e.span) for e in written} == {f"test_flat.py:{powers.__code__.co_firstlineno + 3}"}
    assert [run.times(e) for e in written] == list(range(1, len(written) + 1))


def test_nothing_to_differentiate_by():
    refused(
        ArgumentError,
        flat,
        roots,
        (1, "a"),
        what="there is nothing to differentiate roots by",
        which="arguments: int, str",
        why="in steps",
        instead="pass floats",
    )
