"""Loops with branches become loops without, where these can be vectorised, and give the same results."""

import numpy as np
import pytest

import wengert as wg
from wengert.codegen.checks import checked_before
from wengert.codegen.link import vector_variants
from wengert.codegen.lower import lower
from wengert.codegen.vectors import without_branches
from wengert.loops.nest import For, If, walk
from wengert.loops.verifier import verify

needs_vector_math = pytest.mark.skipif(not vector_variants("exp"), reason="no vector mathematics on this system")


def loops(f, *args):
    """(first index, end, whether it has a branch) of the innermost loops of the program."""
    program = lower(wg.jit(f).lower(*args).passes[-1][1], "f")
    checked_before(program)
    without_branches(program)
    verify(program)
    found = [s for s in walk(program.block) if type(s) is For and not any([type(x) is For for x in walk(s.body)])]
    return [(s.start.const, s.stop.const, any([type(x) is If for x in s.body])) for s in found]


def same(f, *args):
    compiled, plain = wg.jit(f)(*args), f(*args)
    np.testing.assert_allclose(compiled, plain, rtol=1e-14)


def edges(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        left = x[i - 1] if i > 0 else 0.0
        right = x[i + 1] if i < len(x) - 1 else 0.0
        out[i] = left - 2 * x[i] + right
    return out


def backwards(x):
    out = np.zeros(len(x))
    for i in range(len(x) - 1, -1, -1):
        if i >= 2:
            out[i] = x[i] * x[i - 2]
        else:
            out[i] = -x[i]
    return out


def one_place(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        y = x[i]
        if i == 20:
            y = y + 100.0
        out[i] = 2 * y
    return out


def logarithms(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        y = x[i]
        if x[i] > 0:
            y = np.log(x[i])
        out[i] = y
    return out


def rows(x):
    table = np.zeros((5, len(x)))
    table[0] = x
    for t in range(1, 5):
        for i in range(len(x)):
            best = table[t - 1, i]
            if i > 0 and x[i] < 1.0:
                best = np.logaddexp(best, table[t - 1, i - 1])
            table[t, i] = best
    return table


def recurrence(x):
    out = x.copy()
    for i in range(len(x)):
        if i > 0:
            out[i] = out[i] + 0.5 * out[i - 1]
    return out


def beyond(x, n):
    """What the branch reads is there only where it is taken."""
    out = np.zeros(len(x))
    for i in range(len(x)):
        y = x[i]
        if n[i] < len(x):
            y = y + x[n[i]]
        out[i] = y
    return out


def quotients(n):
    out = np.zeros(len(n), dtype=int)
    for i in range(len(n)):
        q = 7
        if n[i] != 0:
            q = 100 // n[i]
        out[i] = q
    return out


X = np.linspace(-1, 2, 50)


def test_a_branch_on_the_index_splits_the_loop():
    assert sorted(loops(edges, X)) == [(0, 1, False), (1, 49, False), (49, 50, False)]
    assert sorted(loops(one_place, X))[:1] == [(0, 20, False)]
    assert loops(backwards, X) == [(0, 48, False), (48, 50, False)]


@needs_vector_math
def test_a_branch_on_data_becomes_a_choice():
    assert loops(logarithms, X) == [(0, 50, False)]
    assert (1, 50, False) in loops(rows, X)


def test_a_recurrence_stays_as_it_is():
    assert loops(recurrence, X)[-1] == (0, 50, True)


def test_what_may_not_be_done_in_vain_stays_in_its_branch():
    assert loops(beyond, X, np.arange(50) * 2)[-1] == (0, 50, True)
    assert loops(quotients, np.arange(-20, 20))[-1] == (0, 40, True)


@pytest.mark.parametrize("f", [edges, backwards, one_place, logarithms, rows, recurrence])
@pytest.mark.parametrize("n", [2, 50])
def test_values_and_derivatives_are_those_of_the_tape(f, n):
    x = np.linspace(-1, 2, n)
    same(f, x)
    same(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_values_of_what_stays():
    same(beyond, X, np.arange(50) * 2)
    same(quotients, np.arange(-20, 20))


def test_infinities_of_the_side_that_is_not_taken_do_not_show():
    x = np.array([0.0, -1.0, 1.0, np.nan, np.inf] * 5)
    np.testing.assert_array_equal(wg.jit(logarithms)(x), logarithms(x))
