"""Loops: invariants before them, constants that are literals, carries that never change, results that need no loop."""

import numpy as np
import pytest

import wengert as wg
from wengert.ir.printer import print_function
from wengert.ir.types import array_type
from wengert.ir.values import Var, literal, splat
from wengert.passes.hoist import hoist, invariants, may_raise
from wengert.passes.pipeline import optimise
from wengert.primitives.arith import add, less, mul
from wengert.primitives.control import Cond, Loop, While
from wengert.primitives.control.call import emit, single
from wengert.primitives.index import gather
from wengert.primitives.linalg import inv
from wengert.primitives.math import exp, sin, sqrt
from wengert.primitives.shape import broadcast, cast

from .programs import agree, close, names, program

I = ("i8",)
V = ("d", 3)


def only_loop(function):
    (equation,) = [e for e in function.equations if e.operation.name in ("loop", "while")]
    return equation


def looped(body, types, given, n_consts, n_carry, n_acc=0, length=4):
    """A loop on inputs of these types; `given` are theirs outside."""
    function = program(body, I, *types)

    def outer(*values):
        return emit(Loop(function, length, n_consts, n_carry, n_acc), values)

    return program(outer, *given)


X = np.array([0.3, -0.5, 1.1])


def test_invariants_go_before_the_loop():
    f = looped(lambda i, c, h: [sin(mul(exp(c), h))], [V, V], [V, V], 1, 1)
    new = agree(f, [X, X * 2])
    assert names(new) == ["exp", "loop"]
    assert names(only_loop(new).operation.body) == ["mul", "sin"]


def test_moves_stay_inside():
    matrix = ("d", 2, 3)
    f = looped(lambda i, c, h: [add(broadcast(c, (2, 3)), h)], [V, matrix], [V, matrix], 1, 1)
    new = agree(f, [X, np.ones((2, 3))])
    assert names(new) == ["loop"] and names(only_loop(new).operation.body) == ["broadcast", "add"]


def test_moves_go_along_with_what_is_computed_of_them():
    f = looped(lambda i, c, h: [add(sin(gatherless(c)), h)], [("d", 2, 3), V], [("d", 2, 3), V], 1, 1)
    assert names(agree(f, [np.ones((2, 3)), X])) == ["slice", "reshape", "sin", "loop"]


def gatherless(c):
    from wengert.primitives.index import slice_
    from wengert.primitives.shape import reshape

    return reshape(slice_(c, (1, 0), (2, 3)), (3,))


@pytest.mark.parametrize("length, expected", [(4, ["gather", "sin", "loop"]), (0, ["loop"]), (None, ["loop"])])
def test_what_can_raise_goes_only_from_a_loop_that_surely_runs(length, expected):
    def body(i, c, k, h):
        return [add(sin(gather(c, [k])), h)]

    types = [V, ("i8", 3), V]
    count = [I] if length is None else []
    f = looped(body, types, [*count, *types], 2, 1, length=length)
    arguments = [X, np.array([0, 2, 1]), X]
    new = agree(f, [*[np.int64(2)] * len(count), *arguments])
    assert names(new) == expected
    if length in (0, None):  # an index out of bounds in a loop that does not run
        wrong = [X, np.array([0, 7, 1]), X]
        agree(f, [*[np.int64(0)] * len(count), *wrong])


def test_the_first_error_stays_the_first():
    def body(i, c, k, m, h):
        first = gather(h, [broadcast(i, (3,), ())])
        return [add(add(first, sin(gather(c, [k]))), sin(gather(c, [m])))]

    types = [V, ("i8", 3), ("i8", 3), V]
    f = looped(body, types, types, 3, 1, length=2)
    assert names(agree(f, [X, np.array([0, 1, 2]), np.array([1, 1, 1]), X])) == ["loop"]


def test_invariants_of_a_while():
    cond = program(lambda top, c, t: less(t, sqrt(top)), ("d",), ("d",), ("d",))
    body = program(lambda step, c, t: [c, add(t, exp(mul(step, c)))], ("d",), ("d",), ("d",))

    def outer(top, step, c, t):
        return emit(While(cond, body, 1, 1, 2), [top, step, c, t])

    f = program(outer, *[("d",)] * 4)
    new = agree(f, [np.float64(v) for v in (30.0, 0.1, 2.0, 0.0)])
    assert sorted(names(new)) == ["exp", "mul", "sqrt", "while"]
    loop = only_loop(new)
    assert names(loop.operation.body) == ["add"] and names(loop.operation.cond) == ["less"] and loop.operation.n_carry == 1
    agree(f, [np.float64(v) for v in (-1.0, 0.1, 2.0, 5.0)])


def test_what_can_raise_stays_in_the_body_of_a_while():
    cond = program(lambda t: less(t, splat(0.0, t.type)), ("d",))
    body = program(lambda c, k, t: [add(t, sin(gather(c, [k])))], V, I, ("d",))
    f = program(lambda c, k, t: emit(While(cond, body, 0, 2, 1), [c, k, t]), V, I, ("d",))
    agree(f, [X, np.int64(99), np.float64(1.0)])  # never runs, so never raises


def test_invariants_leave_every_loop_they_can():
    inner = program(lambda i, c, d, h: [add(mul(exp(c), sin(d)), h)], I, V, V, V)
    outer = program(lambda i, c, h: emit(Loop(inner, 2, 2, 1, 0), [c, h, h]), I, V, V)
    f = program(lambda c, h: emit(Loop(outer, 3, 1, 1, 0), [c, h]), V, V)
    new = agree(f, [X, X])
    assert names(new) == ["exp", "loop"]
    body = only_loop(new).operation.body
    assert names(body) == ["sin", "mul", "loop"] and names(only_loop(body).operation.body) == ["add"]


def test_a_carry_that_never_changes_is_a_constant():
    f = looped(lambda i, c, h: [c, sin(mul(h, exp(c)))], [V, V], [V, V], 0, 2)
    new = agree(f, [X, X])
    assert names(new) == ["exp", "loop"]
    assert only_loop(new).operation.n_carry == 1 and new.outputs[0] is new.inputs[0]


def test_literal_constants_are_written_into_the_body():
    body = program(lambda i, c, h: [mul(c, h)], I, V, V)
    f = program(lambda h: emit(Loop(body, 3, 1, 1, 0), [splat(1.0, array_type((3,), np.dtype("d"))), h]), V)
    new = agree(f, [X])
    assert names(new) == [] and new.outputs[0] is new.inputs[0]  # h * 1 = h never changes


def test_equal_constants_are_one_and_unused_ones_none():
    body = program(lambda i, a, b, c, h: [add(mul(a, b), mul(h, a))], I, V, V, V, V)
    f = program(lambda x, y, h: emit(Loop(body, 3, 3, 1, 0), [x, x, y, h]), V, V, V)
    loop = only_loop(agree(f, [X, X, X]))
    assert loop.operation.n_consts == 2  # x, and x * x


def test_items_that_repeat_are_constants():
    body = program(lambda i, h, x, y: [add(mul(h, sin(x)), y)], I, V, V, V)

    def outer(h, x):
        one = splat(1.0, array_type((4, 3), np.dtype("d")))
        return emit(Loop(body, 4, 0, 1, 0), [h, broadcast(x, (4, 3)), one])

    new = agree(program(outer, V, V), [X, X])
    assert "sin" in names(new)
    assert len(only_loop(new).operation.body.inputs) == 3  # i, sin(x), h


def test_results_that_are_the_same_in_every_iteration():
    body = program(lambda i, c, h: [sin(h), splat(0.0, h.type), exp(c)], I, V, V)

    def outer(c, h, a):
        return emit(Loop(body, 4, 1, 1, 1), [c, h, a])

    f = program(outer, V, V, V)
    new = agree(f, [X, X, np.array([0.0, -0.0, 1.0])])
    loop = only_loop(new)
    assert len(loop.outs) == 1 and loop.operation.n_acc == 0
    assert new.outputs[1] is new.inputs[2]
    assert sorted(names(new)) == ["broadcast", "exp", "loop"]


def test_results_that_nobody_reads():
    body = program(lambda i, h, g: [sin(h), mul(g, h), exp(h)], I, V, V)
    f = program(lambda h, g: emit(Loop(body, 4, 0, 2, 0), [h, g])[0], V, V)
    new = agree(f, [X, X])
    assert only_loop(new).operation.n_carry == 1 and names(only_loop(new).operation.body) == ["sin"]


def test_unknown_trip_counts():
    body = program(lambda i, c, h, x: [add(sin(h), mul(exp(c), x)), h], I, V, V, V)
    stack = program(lambda i, h: [sin(h), h], I, V)

    def outer(n, c, h):
        (h, items) = emit(Loop(stack, None, 0, 1, 0), [n, h])
        return emit(Loop(body, None, 1, 1, 0), [n, c, h, items])[0]

    f = program(outer, I, V, V)
    for n in (0, 3):
        new = agree(f, [np.int64(n), X, X])
    assert "exp" in names(new)


def test_derivatives_of_loops():
    def f(x):
        def step(h, t):
            return np.tanh(h * x + np.exp(-(x**2)) * t), h * 2.0

        h, ys = wg.scan(step, x, np.arange(5.0))
        return np.sum(h) + np.sum(ys)

    for g in (f, wg.grad(f), wg.jacfwd(wg.grad(f)), wg.vmap(wg.grad(f))):
        x = np.array([0.3, -0.2]) if g.__name__ != "vmap" else X
        x = np.stack([x, x]) if g is not f and "vmap" in repr(g) else x
        agree(wg.record(g)(x), [x], close)


def test_may_raise():
    index = program(lambda x, k: gather(x, [k]), V, I)
    plain = program(sin, V)
    assert may_raise(index.equations[0]) and not may_raise(plain.equations[0])
    matrix = program(inv, ("d", 2, 2))
    assert may_raise(matrix.equations[0])
    by_bool = program(lambda m, x: single(emit(Cond((plain, plain)), [m, x])), ("?",), V)
    by_index = program(lambda k, x: single(emit(Cond((plain, plain)), [k, x])), I, V)
    assert not may_raise(by_bool.equations[0]) and may_raise(by_index.equations[0])


def test_invariants_need_no_constants_at_all():
    body = program(lambda i, h: [add(h, cast(i, "d"))], I, ("d",))
    assert invariants(body, (), True) == []


def test_nothing_to_do_is_nothing_done():
    f = looped(lambda i, c, h: [sin(mul(c, h))], [V, V], [V, V], 1, 1)
    assert hoist(f, lambda g: g) is f
    assert literal(1.0).is_splat and isinstance(f.inputs[0], Var)
    assert optimise(optimise(f)) is optimise(f)


def test_what_was_read_before_a_loop_is_not_read_in_it():
    def f(x):
        total = 0.0
        for i in range(len(x)):
            y = x[i]
            while y * y > x[i]:
                y = 0.5 * y
            total += y
        return total

    x = np.linspace(2.0, 3.0, 7)
    text = print_function(wg.jit(f).lower(x).passes[-1][1])
    assert text.count("gather") == 1
    assert wg.jit(f)(x) == f(x)
