"""Effects in native code: a check costs one compare and branch, Python is called where it fails; and all stays in order."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import numpy as np
import pytest

import wengert as wg
from tests.native import kernel
from wengert.codegen.pipeline import compile_function
from wengert.ir.types import array_type
from wengert.ir.values import splat
from wengert.loops.nest import Fill, For, Host, If, Load, Store, blocks, walk
from wengert.primitives.arith import less
from wengert.primitives.control import Loop
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.control.effects import check, show
from wengert.primitives.math import sin
from wengert.runtime import host

D = array_type((), np.dtype("d"))
INT = array_type((), np.dtype("i8"))
LONG = array_type((200,), np.dtype("d"))
X = (0, "", "")


class Refused(Exception):
    """Of the user."""


def program(f, *types):
    return compile_function(function_of(f, *types)).program


def ran(capsys, f, *args):
    """What f printed, and what it raised."""
    capsys.readouterr()
    error = None
    try:
        f(*args)
    except Exception as raised:
        error = type(raised).__name__
    return capsys.readouterr().out.split(), error


# -- what a check costs --------------------------------------------------------------------------


def guarded(message, values):
    def body(i, s):
        check(less(s, splat(5.0, D)), Refused, message, [s] if values else [])
        return [sin(s)]

    return lambda s: emit(Loop(function_of(body, INT, D), 1000, 0, 1, 0), [s])


def test_a_check_without_values_is_a_failure_of_the_program():
    p = program(guarded(("too large",), False), D)
    (loop,) = [s for s in walk(p.block) if type(s) is For]
    kinds = [type(s).__name__ for s in loop.body]
    assert kinds.count("Fail") == 1 and not {"If", "Host", "Load", "Store", "Call"} & set(kinds)
    assert not p.hosts and [f.kind for f in p.failures] == ["raise"]


def test_a_check_with_values_calls_python_only_where_it_fails():
    p = program(guarded(("got ", X), True), D)
    (loop,) = [s for s in walk(p.block) if type(s) is For]
    assert not {Host, Store, Fill, Load} & {type(s) for s in loop.body}
    (branch,) = [s for s in loop.body if type(s) is If]
    (side,) = [b for b in blocks(branch) if b]
    assert {type(s) for s in side} == {Store, Host}
    assert p.work < 1e5  # a call of Python that does not happen is no work


@pytest.mark.parametrize("values", [False, True])
def test_the_failure_is_the_users_exception(values):
    run, _ = kernel(function_of(guarded(("got ", X) if values else ("got 7.0",), values), D))
    np.testing.assert_allclose(run([np.float64(0.5)])[0], sines(0.5), rtol=1e-12)
    with pytest.raises(Refused) as caught:
        run([np.float64(7.0)])
    assert caught.value.args == ("got 7.0",)


def sines(s):
    for _ in range(1000):
        s = np.sin(s)
    return s


def test_failures_leave_nothing_behind():
    @wg.jit
    def f(x):
        check(np.sum(x) < 5, Refused, ("got ", X), [x])
        return x * 2

    x = np.ones(3)
    f(x)
    f(x)  # by the native entry
    f(x * 1.5)
    big = np.full(3, 9.0)
    gc.collect()
    before = sys.getrefcount(big), len(host._pending)
    errors = []
    for _ in range(50):
        with pytest.raises(Refused, match=r"got \[9. 9. 9.\]") as caught:
            f(big)
        errors.append(weakref.ref(caught.value))
    del caught
    gc.collect()
    assert (sys.getrefcount(big), len(host._pending)) == before
    assert not [e for e in errors if e() is not None]
    np.testing.assert_array_equal(f(x), x * 2)


def test_exceptions_that_are_no_errors_pass():
    f = wg.jit(lambda x: (check(x < 5, KeyboardInterrupt, ("at ", X), [x]), x)[1])
    assert f(1.0) == f(2.0) - 1.0
    with pytest.raises(KeyboardInterrupt, match=r"at 9.0"):
        f(9.0)


def test_many_threads():
    f = wg.jit(lambda x: (check(np.sum(x) < 5, Refused, ("got ", X), [x[0]]), np.sum(x))[1])
    f(np.zeros(2))
    found = []

    def work(n):
        for _ in range(20):
            try:
                f(np.full(2, 10.0 + n))
            except Refused as error:
                found.append(str(error) == f"got {10.0 + n}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 80 and all(found)


# -- order ------------------------------------------------------------------------------------------


def test_an_equation_without_results_is_scheduled():
    p = program(lambda x: [show(("a", X), [sin(x)]), x][1:], D)
    assert sum([type(s) is Host for s in walk(p.block)]) == 1


TABLE = np.arange(3.0)
MANY = np.array([0, 1, 2] * 10)  # enough not to be in registers


@pytest.mark.parametrize(
    "f,before,error",
    [
        (lambda x, i: (show(("a",)), check(x[0] >= 0, Refused), show(("b",)), x[i])[-1], ["a", "b"], "IndexOutOfBoundsError"),
        (lambda x, i: (show(("a",)), np.sum(x[MANY + i]), show(("b",)))[1], ["a"], "IndexOutOfBoundsError"),
        (lambda x, i: (x[i] * 2, show(("b",)))[0], [], "IndexOutOfBoundsError"),
        (lambda x, i: (np.exp(x[MANY + i]), show(("b",)))[0], [], "IndexOutOfBoundsError"),
        (lambda x, i: (x[i], check(x[0] > 5, Refused))[0], [], "IndexOutOfBoundsError"),
        (lambda x, i: (check(i < 3, Refused, ("no ", X), [i]), x[i])[1], [], "Refused"),
        (lambda x, i: (check(i < 3, Refused), np.sum(x[MANY + i]))[1], [], "Refused"),
        (lambda x, i: (show(("a",)), check(i < 3, Refused), check(i < 3, KeyError), x)[-1], ["a"], "Refused"),
    ],
)
def test_effects_and_errors_come_in_the_order_of_the_program(capsys, f, before, error):
    assert ran(capsys, wg.jit(f), TABLE, 7) == (before, error)


@pytest.mark.parametrize("n", [3, 30])
def test_what_is_printed_is_not_yet_overwritten(capsys, n):
    def f(x):
        def body(i, s):
            show((X,), [s[0]])
            s = s.at[0].add(1.0)
            show((X,), [s[0]])
            return s

        show(((0, "", ""),), [np.sum(x)])
        return wg.loop(0, 2, body, x)

    def whole(x):
        return wg.loop(0, 2, lambda i, s: (show((X,), [s]), s.at[0].add(1.0))[1], x)

    x = np.zeros(n)
    assert ran(capsys, wg.jit(f), x) == ran(capsys, f, x) == (["0.0", "0.0", "1.0", "1.0", "2.0"], None)
    words = ran(capsys, whole, x)
    assert ran(capsys, wg.jit(whole), x) == words and words[0].count("0.]") == 2


def test_arrays_arrive_whole(capsys):
    def f(x):
        y = np.exp(-x) * x
        show(((0, "r", ""),), [y])
        show(((0, "r", ""), (1, "r", ""), (2, "r", "")), [x[::2], x.reshape(2, -1).T, x[:0]])
        return np.sum(y)

    x = np.linspace(0.0, 1.0, 60)
    wanted, _ = ran(capsys, f, x)
    found, error = ran(capsys, wg.jit(f), x)
    assert error is None and len(found) == len(wanted)


def test_an_empty_array_keeps_its_dtype(capsys):
    def f(x):
        k = wg.cond(x[0] > 0, lambda: np.zeros(0, np.int32), lambda: np.ones(0, np.int32))
        show(((0, "r", ""),), [k])
        return x

    assert ran(capsys, wg.jit(f), np.ones(2)) == (["array([],", "dtype=int32)"], None)


def test_only_the_branch_taken_acts(capsys):
    f = wg.jit(lambda x: wg.cond(x > 0, lambda: (show(("yes",)), x)[1], lambda: (check(x > -5, Refused, ("no ", X), [x]), -x)[1]))
    assert ran(capsys, f, 1.0) == (["yes"], None)
    assert ran(capsys, f, -1.0) == ([], None)
    assert ran(capsys, f, -9.0) == ([], "Refused")


def test_lanes_are_a_native_loop():
    def climb(x):
        return wg.while_loop(lambda s: s < 10, lambda s: (show((X,), [s]), s * x)[1], x)

    lanes = np.array([2.0, 3.0, 20.0])
    for f, x in ((wg.vmap(climb), lanes), (wg.vmap(wg.grad(climb)), lanes), (wg.vmap(wg.vmap(wg.grad(climb))), lanes[:, None])):
        compile_function(wg.jit(f).lower(x).ir)  # refused where native code cannot do it
        np.testing.assert_allclose(wg.jit(f)(x), f(x))


def test_ahead_of_time_a_check_is_a_failure():
    compiled = wg.compile(lambda x: (check(x > 0, Refused, ("negative",)), x)[1], wg.spec(()))
    assert compiled(2.0) == 2.0
    with pytest.raises(Refused, match="negative"):
        compiled(-2.0)
