"""Which loops a program becomes: counted in the program itself, so that no clock is needed."""

import numpy as np
import pytest

import wengert as wg
from tests.native import kernel
from wengert.codegen.llvm import work
from wengert.codegen.pipeline import compile_function
from wengert.loops.nest import Call, Fail, Fill, For, If, Load, Store, While, walk
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import gradient

X = np.linspace(0.5, 2.0, 100)


def function_of(f, *args, grad=False):
    function = wg.record(f)(*args)
    return gradient(function, (True,) * len(args)) if grad else function


def program(f, *args, grad=False):
    return compile_function(function_of(f, *args, grad=grad))


def count(module, kind):
    return sum([type(s) is kind for s in walk(module.program.block)])


def agrees(f, *args, grad=False, rtol=1e-12):
    function = function_of(f, *args, grad=grad)
    run, _ = kernel(function)
    for got, expected in zip(run(list(args)), evaluate(function, args), strict=True):
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-13)


def test_slices_are_index_arithmetic():
    module = program(lambda x: x[1:] - x[:-1] ** 2, X)
    assert (count(module, For), count(module, Load), count(module, Store)) == (1, 2, 1)
    assert module.arena_bytes == 0


def test_producers_and_a_reduction_are_one_loop():
    module = program(lambda x: np.sum(np.exp(-x * x) * np.sin(x)), X)
    assert (count(module, For), count(module, Load), count(module, Store)) == (1, 1, 1)


def test_several_outputs_share_a_loop():
    def f(x):
        y = np.exp(x)
        return y, y * y, np.sum(y), np.max(y)

    module = compile_function(wg.record(f)(X))
    assert count(module, For) == 1
    assert sum([type(s).__name__ == "Let" and s.op == "exp" for s in walk(module.program.block)]) == 1


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.concatenate([x, x[::-1]]) * 2.0,
        lambda x: np.pad(x, (3, 5)) + 1.0,
        lambda x: np.roll(x, 30) - x,
    ],
    ids=["concatenate", "pad", "roll"],
)
def test_a_nest_is_split_where_an_index_chooses(f):
    module = program(f, X)
    assert count(module, If) == 0
    assert count(module, Store) == count(module, For) >= 2  # one loop a piece, and no test in any
    agrees(f, X)


def test_the_gradient_of_slices_needs_no_scratch_memory():
    def rosenbrock(x):
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    assert program(rosenbrock, X, grad=True).arena_bytes == 0
    agrees(rosenbrock, X, grad=True)


def test_whole_arrays_of_two_axes_are_one_loop():
    module = program(lambda a, b: np.sum(np.sin(a) * b), np.ones((30, 7)), np.ones((30, 7)))
    assert count(module, For) == 1


def test_reductions_along_every_axis():
    a = np.random.default_rng(0).normal(size=(9, 20, 17))
    for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2), (0, 1, 2)):
        agrees(lambda a, axis=axis: np.sum(a * a, axis=axis), a)
        agrees(lambda a, axis=axis: np.max(a, axis=axis) - np.min(np.sin(a), axis=axis), a)
        agrees(lambda a, axis=axis: np.prod(1 + 0.1 * a, axis=axis), a)


def test_a_long_sum_is_as_accurate_as_numpys():
    x = np.random.default_rng(1).random(1_000_000)
    run, _ = kernel(function_of(lambda x: np.sum(x), x))
    exact = float(np.sum(x.astype(np.longdouble)))
    assert abs(float(run([x])[0]) - exact) <= 20 * np.spacing(exact)


def test_sums_do_not_depend_on_the_number_of_threads():
    x = np.random.default_rng(2).random(400_000)
    function = function_of(lambda x: np.sum(np.sin(x) * np.exp(x)) + np.sum(x), x)
    module = compile_function(function)
    assert any([type(s) is For and s.parallel for s in walk(module.program.block)])
    run, _ = kernel(function)
    results = set()
    for threads in (1, 2, 3):
        with wg.config(threads=threads):
            results.add(float(run([x])[0]))
    assert len(results) == 1


def test_elementwise_loops_may_run_on_threads():
    module = program(lambda x: np.exp(x) * x, np.ones(100_000))
    (loop,) = [s for s in walk(module.program.block) if type(s) is For]
    assert loop.parallel
    assert work(loop) > 1_000_000
    agrees(lambda x: np.exp(x) * x, np.random.default_rng(3).random(100_000))


def test_an_index_is_checked_once_where_it_is_unknown_and_not_where_it_is_known():
    table = np.linspace(0, 1, 50)
    known = program(lambda x: wg.loop(0, 40, lambda i, s: s + x[i] * x[i + 1], 0.0 * x[0]), table)
    assert count(known, Fail) == 0
    unknown = compile_function(wg.record(lambda x, i: x[i])(table, np.arange(3, 43)))
    assert count(unknown, Fail) == 1
    with pytest.raises(IndexError, match=r"index 60 is out of bounds for axis 0 with size 50"):
        wg.jit(lambda x, i: x[i])(table, np.array([3, 60]))


def test_a_loop_updates_its_state_in_place():
    def f(x):
        return np.sum(wg.loop(0, 99, lambda i, s: s.at[i + 1].set(s[i] * 0.5 + x[i]), x))

    module = program(f, X)
    loops = [s for s in module.program.block if type(s).__name__ == "Part"]
    inside = [s for part in loops for s in walk(part.body) if type(s) is For]
    assert not any([type(s) is Fill for outer in inside for s in walk(outer.body)])  # no copy of the array an iteration
    agrees(f, X)
    agrees(f, X, grad=True)


def test_carries_that_read_each_other_are_not_mixed_up():
    def f(x):
        a, b = wg.loop(0, 5, lambda i, s: (s[1] * 0.9, s[0][::-1] + s[1]), (x, x * 2))
        return np.sum(a * b)

    agrees(f, X)
    agrees(f, X, grad=True)


@pytest.mark.parametrize("n", [3, 40])
def test_while_keeps_what_its_reverse_needs(n):
    def f(x):
        a, b = wg.while_loop(lambda s: np.sum(s[0]) < 300, lambda s: (s[0] * 1.5 + x[0], s[1] * np.sin(s[0])), (x, x))
        return np.sum(b) + a[0]

    x = np.linspace(0.5, 2.0, n)
    module = program(f, x, grad=True)
    assert count(module, While) == 1
    assert any([type(s) is Call and s.symbol == "wengert.push" for s in walk(module.program.block)])
    agrees(f, x, grad=True)


def test_while_within_while():
    def f(x):
        def outer(s):
            t = wg.while_loop(lambda t: t < 5.0, lambda t: t * 1.3 + x[0] * np.sin(t), s[0])
            return t * 0.3, s[1] * 2

        return wg.while_loop(lambda s: s[1] < 30, outer, (x[1], x[2]))[0]

    agrees(f, X[:4], grad=True)


def test_only_the_branch_taken_is_run():
    def f(x):
        return np.sum(wg.cond(x[0] < 1, lambda x: np.sin(x), lambda x: x * x, x))

    module = program(f, X)
    assert count(module, If) == 1
    for x in (X, X + 1):
        agrees(f, x)
        agrees(f, x, grad=True)


def test_transposes_are_read_where_they_are():
    a = np.random.default_rng(4).normal(size=(70, 90))
    module = program(lambda a: a.T + 1.0, a)
    assert module.arena_bytes == 0
    agrees(lambda a: a.T + 1.0, a)
    agrees(lambda a: a.T[:, ::-1] * np.sum(a, axis=1), a)


def test_small_arrays_are_scalars():
    def f(x):
        m = np.stack([x, x * 2, np.sin(x)])
        return np.sum((m @ m.T) ** 2)

    module = program(f, np.array([0.1, 0.2, 0.3]), grad=True)
    assert count(module, For) == 0
    assert module.arena_bytes == 0


def test_dead_memory_is_used_again():
    """A chain of products: no more than two matrices are alive at once."""

    def f(a):
        b = a
        for _ in range(6):
            b = np.tanh(b @ a)
        return np.sum(b)

    a = np.random.default_rng(5).normal(size=(40, 40)) * 0.1
    assert program(f, a).arena_bytes <= 3 * 40 * 40 * 8 + 4096
    agrees(f, a)


def test_arrays_without_elements():
    """There is no index at which an element of theirs could be computed."""
    x = np.ones((1, 1, 2))
    for f in (
        lambda x: x[:0:, :0:, None, :],
        lambda x: np.sum(np.sin(x[:0]).reshape(2, 0), axis=1),
        lambda x: np.prod(x[:, :0].reshape(0, 2), axis=0),
        lambda x: np.concatenate([x[:0].reshape(0, 2), x[0]]),
        lambda x: np.cumsum(x[:0].reshape(2, 0, 3)[..., ::-1], axis=1),
    ):
        got, wanted = wg.jit(f)(x), f(x)
        assert got.shape == wanted.shape
        np.testing.assert_array_equal(got, wanted)
        assert np.array_equal(wg.jit(wg.grad(lambda x, f=f: np.sum(f(x))))(x), wg.grad(lambda x, f=f: np.sum(f(x)))(x))
