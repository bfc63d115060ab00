"""What comparisons of indices tell of them, in branches that are nested, joined and negated."""

import numpy as np
import pytest

import wengert as wg
from wengert.loops.build import Builder
from wengert.loops.nest import Affine, If, walk


def ranges(n, test):
    """The bounds of an index below n in both branches of a test, and the block."""
    k, seen = Builder(), {}

    def body(i, _):
        condition = test(k, k.number(i))
        k.branch(condition, lambda: seen.update(then=k.range(i)), lambda: seen.update(other=k.range(i)))
        assert k.range(i) == (0, n - 1)
        return []

    k.loop(0, n, body)
    return seen, k.block


def compare(op, value):
    return lambda k, i: k.op(op, i, k.const(value, "i8"))


@pytest.mark.parametrize(
    ("test", "then", "other"),
    [
        (compare("gt", 3), (4, 9), (0, 3)),
        (compare("ge", 3), (3, 9), (0, 2)),
        (compare("lt", 3), (0, 2), (3, 9)),
        (compare("le", 3), (0, 3), (4, 9)),
        (compare("eq", 3), (3, 3), (0, 9)),
        (compare("ne", 3), (0, 9), (3, 3)),
        (lambda k, i: k.op("not", compare("gt", 3)(k, i)), (0, 3), (4, 9)),
        (lambda k, i: k.op("and", compare("gt", 3)(k, i), compare("lt", 6)(k, i)), (4, 5), (0, 9)),
        (lambda k, i: k.op("or", compare("lt", 3)(k, i), compare("gt", 6)(k, i)), (0, 9), (3, 6)),
        (lambda k, i: k.op("lt", k.op("sub", k.const(0, "i8"), i), k.const(-3, "i8")), (4, 9), (0, 3)),
        (lambda k, i: k.op("gt", k.op("mul", i, k.const(2, "i8")), k.const(5, "i8")), (3, 9), (0, 2)),
    ],
)
def test_the_range_of_an_index_in_a_branch(test, then, other):
    assert ranges(10, test)[0] == {"then": then, "other": other}


def test_what_a_branch_gives_tells_what_held_in_it():
    def both(k, i):
        data = k.load(k.buffer("b1", 1), Affine(0))
        first = compare("gt", 1)(k, i)
        return k.branch(k.op("not", first), lambda: first, lambda: data)

    assert ranges(10, both)[0] == {"then": (2, 9), "other": (0, 9)}


def test_a_branch_that_is_decided_is_not_written():
    seen, block = ranges(10, compare("ge", 0))
    assert seen == {"then": (0, 9)} and not [s for s in walk(block) if type(s) is If]


def test_an_impossible_branch_claims_nothing():
    k = Builder()

    def body(i, _):
        number = k.number(i)
        unknown = k.load(k.buffer("b1", 1), Affine(0))
        never = k.op("and", k.op("and", k.op("lt", number, k.const(2, "i8")), k.op("gt", number, k.const(5, "i8"))), unknown)
        k.branch(never, lambda: None, lambda: None)
        return []

    k.loop(0, 10, body)


def before(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        total = x[i]
        if i > 0 and x[i - 1] > 0:
            total = total + x[i - 1]
        if i < len(x) - 1:
            total = total * x[i + 1]
        out[i] = total
    return out


def test_indices_that_a_branch_bounds_are_not_checked():
    x = np.linspace(-1, 2, 30)
    assert "fail" not in wg.jit(before).lower(x).loops
    np.testing.assert_array_equal(wg.jit(before)(x), before(x))
