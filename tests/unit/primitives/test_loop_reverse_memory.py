"""What the reverse of a loop keeps, and that an iteration costs what it changes: no array is copied or cleared in it."""

import re

import numpy as np
import pytest

import wengert as wg
from tests.unit.primitives.test_loop_reverse import DEFINITE, PROGRAMS, SCALE
from wengert.primitives.control.mincut import Network, sink_side

N = 400
LONG = np.linspace(0.2, 0.9, N)
DOUBLE = 8


def large_moves_in_loops(program, size):
    """Copies and clearings of at least `size` elements inside of loops."""
    open_loops, found = [], []
    for line in str(program).splitlines():
        depth = len(line) - len(line.lstrip())
        open_loops = [d for d in open_loops if d < depth]
        move = re.match(r"\s*(copy|zero) (\d+) ", line)
        if move and int(move[2]) >= size and open_loops:
            found.append(line.strip())
        if re.search(r"(for %\d+ in range|while)\b", line):
            open_loops.append(depth)
    return found


@pytest.mark.parametrize(
    "name", ["recurrence", "relaxation", "crossing", "clamped", "branching", "reading_branch", "counting_while", "scattered"]
)
def test_an_iteration_moves_no_array(name):
    f, _ = PROGRAMS[name]
    lowered = wg.jit(wg.grad(f, argnums=(0, 1))).lower(LONG, SCALE)
    assert large_moves_in_loops(lowered.loops, N) == []


def where_positive(x):
    out = np.zeros(len(x))
    for i in range(len(x)):
        if x[i] > 0:
            out[i] = x[i] * x[i]
    return out


def three_ways(x):
    out, seen = np.zeros(len(x)), np.ones(len(x))
    for i in range(len(x)):
        if x[i] > 0:
            out[i] = x[i] * x[i] + seen[i - 1]
        elif x[i] > -0.5:
            out[i] = np.sin(x[i])
        else:
            seen[i] = out[i - 1] * x[i] + seen[i - 2]
    return out + seen


def bubbling(x):
    x = x.copy()
    for i in range(len(x) - 1):
        if x[i] > x[i + 1]:
            last = x[i]
            x[i] = x[i + 1]
            x[i + 1] = 2 * last
    return x


@pytest.mark.parametrize("f", [where_positive, three_ways, bubbling])
def test_elements_assigned_in_branches_move_no_array(f):
    x = np.cos(np.arange(N) * 1.3)
    gradient = wg.grad(lambda x: np.sum(f(x) ** 2))
    assert large_moves_in_loops(wg.jit(f).lower(x).loops, N) == []
    assert large_moves_in_loops(wg.jit(gradient).lower(x).loops, N) == []
    np.testing.assert_allclose(wg.jit(f)(x), f(x), rtol=1e-13)
    np.testing.assert_allclose(wg.jit(gradient)(x), gradient(x), rtol=1e-12)


def test_a_branch_keeps_no_index_that_is_counted():
    def chain(x):
        out = np.zeros(len(x))
        for i in range(len(x)):
            y = x[i]
            if i > 2:
                y = y + np.sin(out[i - 1]) * out[i - 3]
            out[i] = y
        return np.sum(out)

    lowered = wg.jit(wg.grad(chain)).lower(LONG)
    assert not re.search(r"store arena\.\d+\[%\d+\] = %\d+\n(?=.*i8)", str(lowered.loops))
    assert wg.jit(wg.grad(chain)).cost(LONG).arena_bytes < 5 * DOUBLE * N


def test_nested_loops_move_no_matrix():
    f, _ = PROGRAMS["cholesky"]
    B = np.random.default_rng(0).normal(size=(24, 24))
    lowered = wg.jit(wg.grad(f)).lower(B @ B.T + 24 * np.eye(24), SCALE)
    assert large_moves_in_loops(lowered.loops, 24 * 24) == []
    assert large_moves_in_loops(wg.jit(f).lower(DEFINITE, SCALE).loops, 25) == []


def kept_per_step(f, x, steps):
    """Doubles of scratch memory a step, over those for half as many steps."""
    gradient = wg.jit(wg.grad(f))
    return gradient.cost(x, SCALE).arena_bytes / DOUBLE / steps


@pytest.mark.parametrize(
    ("name", "doubles"),
    [("recurrence", 4), ("clamped", 5), ("reading_branch", 2), ("stacked", 6), ("independent", 3), ("counting_while", 3)],
)
def test_memory_is_a_few_doubles_a_step(name, doubles):
    f, _ = PROGRAMS[name]
    assert kept_per_step(f, LONG, N) <= doubles


def test_scalar_recurrence_keeps_its_state():
    f = lambda s, h: wg.loop(0, 1000, lambda i, s: s + h * (1.5 - s * s / (1.0 + 0.5 * s)), s)
    assert kept_per_step(f, 0.3, 1000) <= 2


def test_independent_iterations_keep_nothing():
    def f(x, a):
        def step(i, total):
            root = wg.while_loop(lambda s: np.abs(s * s - x[i]) > 1e-12, lambda s: 0.5 * (s + x[i] / s), 1.0 + 0 * x[i])
            return total + np.exp(-a * root)

        return wg.loop(0, x.shape[0], step, 0.0)

    gradient = wg.jit(wg.grad(f))
    assert gradient.cost(LONG, SCALE).arena_bytes < 1_500  # of one strip of iterations
    assert str(gradient.lower(LONG, SCALE).passes).count("length=400") >= 1
    expected = -SCALE * np.exp(-SCALE * np.sqrt(LONG)) * 0.5 / np.sqrt(LONG)
    np.testing.assert_allclose(gradient(LONG, SCALE), expected, rtol=1e-10)
    later = wg.jit(wg.grad(lambda x, a: np.log(f(x, a))))  # the cotangent is known when the sum is
    assert later.cost(LONG, SCALE).arena_bytes < 1_500
    np.testing.assert_allclose(later(LONG, SCALE), expected / wg.jit(f)(LONG, SCALE), rtol=1e-10)


def by_minors(A, n, m, r, c):
    """The minor that the lists r and c of following rows and columns leave: a recursion with a loop in each call, and carries."""
    row, column, before = r[n], c[n], n
    if m == 1:
        return A[row, column]
    total, sign = 0.0, 1.0
    r[n] = r[row]
    for _ in range(m):
        c[before] = c[column]
        total += sign * A[row, column] * by_minors(A, n, m - 1, r, c)
        c[before] = column
        before, column, sign = column, c[column], -sign
    r[n] = row
    return total


def test_loops_in_loops_that_carry_no_derivative_keep_nothing():
    def det(A):
        n = len(A)
        return by_minors(A, n, n, np.append(np.arange(1, n + 1), 0), np.append(np.arange(1, n + 1), 0))

    A = np.random.default_rng(0).normal(size=(6, 6))
    gradient = wg.jit(wg.value_and_grad(det))
    assert gradient.cost(A).arena_bytes < 500  # 720 products
    value, slope = gradient(A)
    np.testing.assert_allclose(value, np.linalg.det(A), rtol=1e-12)
    np.testing.assert_allclose(slope, value * np.linalg.inv(A).T, rtol=1e-10)
    alone = wg.jit(wg.grad(det))  # the value's own reads are gone, those of its derivative come after the loop
    assert alone.cost(A).arena_bytes < 500
    np.testing.assert_allclose(alone(A), slope, rtol=1e-10)


def test_what_is_carried_on_keeps_what_it_needs():
    """The second loop reads what the first one made in other iterations, or is better off alone."""

    def f(x, n):
        s, out = 1.0, []
        for i in range(n):
            s = s * 0.9 + x[i] * s
            out.append(s * x[i])
        total = 0.0
        for i in range(n):
            total += out[n - 1 - i] * x[i] + np.exp(out[i])
        return total + s

    gradient = wg.jit(wg.grad(f))
    wg.assert_gradient(f, LONG[:20], 20)
    np.testing.assert_allclose(gradient(LONG, N), wg.grad(f)(LONG, N), rtol=1e-10)


def test_a_constant_array_is_not_kept_by_every_iteration():
    f, _ = PROGRAMS["unchanged"]
    assert kept_per_step(f, LONG, N) <= 5


def test_the_program_does_not_grow_with_the_trip_count():
    def size(n):
        f = lambda s, h: wg.loop(0, n, lambda i, s: s + h * np.sin(s), s)
        return len(str(wg.jit(wg.grad(f)).lower(0.5, 1e-3).loops).splitlines())

    assert size(100) == size(1_000_000)


def test_minimum_cut():
    """Two paths that share an edge; the narrowest places are one on each."""
    network = Network()
    a, b, c, d = [network.node() for _ in range(4)]
    for tail, head, capacity in [(0, a, 3), (0, b, 2), (a, c, 2), (b, c, 1), (c, 1, 2), (a, d, 1), (d, 1, 5), (b, d, 1)]:
        network.edge(tail, head, float(capacity))
    side = sink_side(network)
    assert side[1] and not side[0]
    crossing = [(t, h) for t, h in [(0, a), (0, b), (a, c), (b, c), (c, 1), (a, d), (d, 1), (b, d)] if not side[t] and side[h]]
    assert crossing == [(c, 1), (a, d), (b, d)], "the cut nearest to the sink, of capacity 4"


def test_minimum_cut_of_thousands_of_nodes():
    network = Network()
    last = 0
    for k in range(5000):
        node = network.node()
        network.edge(last, node, 1.0 + (k == 2500) * -0.5 + k * 1e-6)
        last = node
    network.edge(last, 1, 9.0)
    side = sink_side(network)
    assert sum(side) == 2500 + 1
