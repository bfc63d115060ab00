"""The tape: remembered traces, when values are computed, spans, linear time, memory of the caller."""

import gc
import os
import signal
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import wengert as wg
from tests.unit.trace.written import unwritten
from tests.work import calls
from wengert.ir.types import array_type
from wengert.source import Span
from wengert.trace import tape as tape_module
from wengert.trace.record import run

VECTOR = array_type((3,), np.dtype(float))
SCALAR = array_type((), np.dtype(float))


def traced(f, *arguments):
    types = [array_type(np.shape(a), np.asarray(a).dtype) for a in arguments]
    return run(f, lambda t: f(*t), types, list(arguments))


# -- memory of traces -------------------------------------------------------------------------------------


def test_the_same_run_gives_the_same_function():
    f = lambda x: np.sin(x) * x + 2.0
    first, second = traced(f, 1.0), traced(f, 7.0)
    assert first.function is second.function
    assert wg.record(wg.grad(f)).f is not None


def test_another_branch_is_another_function_and_both_are_remembered():
    f = lambda x: x * 2 if x > 0 else x * 3
    up, down = traced(f, 1.0).function, traced(f, -1.0).function
    assert up is not down
    assert traced(f, 5.0).function is up and traced(f, -5.0).function is down


def test_another_type_is_another_function():
    f = lambda x: x * 2
    assert traced(f, np.ones(3)).function is not traced(f, np.ones(4)).function
    assert traced(f, np.float32(1)).function is not traced(f, np.float64(1)).function


def test_a_changing_constant_becomes_an_input_after_eight():
    f = lambda x, c: x * c
    functions = [run(f, lambda t, c=c: f(t[0], c), [SCALAR], [2.0]).function for c in (np.arange(20) + 0.5).tolist()]
    assert len({id(g) for g in functions}) < 12
    assert functions[-1] is functions[-2] and len(functions[-1].inputs) == 2
    assert run(f, lambda t: f(t[0], 0.5), [SCALAR], [2.0]).function is functions[0]


def test_closed_over_arrays_are_inputs_read_at_each_run():
    a = np.array([1.0, 2.0, 3.0])
    f = lambda x: a * x
    first = traced(f, np.ones(3))
    a[0] = 9
    second = traced(f, np.ones(3))
    assert first.function is second.function
    np.testing.assert_array_equal(first.captured[0], [1, 2, 3])
    np.testing.assert_array_equal(second.captured[0], [9, 2, 3])


def test_derivative_programs_are_made_once(monkeypatch):
    from wengert.transform import linearize

    made = []
    original = linearize._reverse
    monkeypatch.setattr(linearize, "_reverse", lambda *a: made.append(1) or original(*a))
    g = wg.grad(lambda x: np.sum(np.cos(x) ** 2))
    for k in range(5):
        g(np.full(3, float(k)))
    assert len(made) == 1


def test_the_memory_lets_go_of_the_least_recent():
    f = lambda x: x * 2
    with wg.config(trace_cache=4):
        kept = weakref.ref(traced(f, 1.0).function)
        for n in range(1, 8):
            traced(lambda x: x + 1, np.ones(n))
        gc.collect()
        assert kept() is None
        assert tape_module._memory.total <= 4


def test_arguments_are_not_kept_alive():
    x = np.ones(3)
    gone = weakref.ref(x)
    wg.grad(lambda x: np.sum(x * x) if x[0] > 0 else 0.0)(x)
    del x
    gc.collect()
    assert gone() is None


# -- values -----------------------------------------------------------------------------------------------------


def test_nothing_is_computed_until_python_asks(monkeypatch):
    from wengert.primitives.math import Sin

    evaluated = []
    original = Sin.evaluate
    monkeypatch.setattr(Sin, "evaluate", lambda self, x: evaluated.append(1) or original(self, x))
    traced(lambda x: np.sin(np.sin(x)), 1.0)
    assert not evaluated
    traced(lambda x: np.sin(x) if np.sin(x) > 0 else x, 1.0)
    assert len(evaluated) == 1


def test_values_at_any_time():
    seen = []
    a = np.array([1.0, 2.0, 3.0])

    def f(x):
        y = x * a
        seen.append(y.concrete().tolist())
        a[:] = 0
        z = y + a
        seen.append(z.concrete().tolist())
        seen.append((z * 2).concrete().tolist())
        return np.sum(z)

    wg.grad(f)(np.ones(3))
    np.testing.assert_array_equal(seen, [[1, 2, 3], [1, 2, 3], [2, 4, 6]])


def test_repr_and_format_show_the_value():
    """In captured text a traced value is shown as its value; elsewhere as what it is."""
    seen = []
    wg.grad(lambda x: seen.append((repr(x), f"{x:.2f}", str(x * 2), "%.1f" % x, "{!r}".format(x))) or x)(1.5)  # noqa: UP031, UP032
    wg.grad(lambda x: seen.append((repr(x), str(x))) or np.sum(x))(np.array([1.5]))
    assert seen == [("1.5", "1.50", "3.0", "1.5", "1.5"), ("array([1.5])", "[1.5]")]
    foreign = unwritten("def f(x): return repr(x)")
    wg.grad(lambda x: seen.append(foreign(x)) or x)(1.5)
    assert seen[-1] == "Traced(1.5, float64[])"
    wg.vmap(lambda x: seen.append(foreign(x)) or x)(np.ones(2))
    assert seen[-1] == "Traced(?, float64[])"


def test_floating_point_warnings_are_those_of_numpy_without_noise():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wg.grad(lambda x: np.where(x > 0, np.log(x), 0.0))(0.0)
        wg.grad(lambda x: np.sqrt(x) if np.sqrt(x) > -1 else x)(0.0)


# -- spans --------------------------------------------------------------------------------------------------------


# fmt: off
def test_spans_show_the_line_of_the_users_file():
    def f(x):
        y = np.sin(x)  # first
        z = (
            y * 2.0
        )
        return np.sum(z)

    equations = wg.record(f)(np.ones(3)).equations
    start = f.__code__.co_firstlineno
    lines = [e.span.line - start for e in equations]
    assert all(isinstance(e.span, Span) and e.span.file == __file__ for e in equations)
    assert lines[0] == 1 and lines[-1] == 5 and all(0 < n <= 5 for n in lines)
# fmt: on


def test_spans_of_a_derivative_are_those_of_the_function():
    def f(x):
        return np.sin(x) * 3.0

    spans = {e.span.line for e in wg.record(f)(1.0).equations}
    assert spans == {f.__code__.co_firstlineno + 1}


# -- size ------------------------------------------------------------------------------------------------------------


def chain(x, n):
    for _ in range(n):
        x = x * 1.0000001
    return x


def test_a_chain_of_a_hundred_thousand_operations():
    with wg.config(verify=False):
        value, gradient = wg.value_and_grad(chain)(1.0, 100_000)
    np.testing.assert_allclose((value, gradient), 1.0000001**100_000, rtol=1e-9)


def test_a_long_chain_is_let_go_of():
    with wg.config(verify=False, trace_cache=10):
        wg.value_and_grad(chain)(1.0, 30_000)
    gc.collect()


def test_work_is_linear_in_the_number_of_operations():
    def work(n):
        f = lambda x: chain(x, n)
        tape_module._memory.roots.clear()
        tape_module._memory.sizes.clear()
        tape_module._memory.total = 0
        return calls(lambda: wg.grad(f)(1.0))

    with wg.config(verify=False):
        work(200)
        assert work(4_000) < 5 * work(1_000)  # quadratic would be 16 times


def test_reads_of_single_elements_are_added_in_place():
    def f(x):
        total = 0.0
        for i in range(len(x)):
            total = total + x[i] * x[i - 1]
        return total

    n = 300
    function = wg.record(wg.grad(f))(np.ones(n)).equations[-1].operation.function
    arrays = [e for e in function.equations if e.outs[0].type.shape == (n,)]
    assert len(arrays) == 2 * n  # one for each read
    assert all(e.operation.update is not None for e in arrays)
    for e in arrays[1:]:  # each owns what it adds to: nothing else reads it
        assert sum(o is e.operands[0] for other in function.equations for o in other.operands) == 1


# -- memory of the caller ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.sum(x),
        lambda x: x @ A,
        lambda x: np.sum(x[::2]) + x[0],
        lambda x: np.sum(np.reshape(x, (2, 2)).T @ np.ones(2)),
        lambda x: 1.0,
        lambda x: np.sum(np.asarray(A)) + 0 * x[0],
    ],
)
def test_a_gradient_never_aliases_memory_of_the_caller(f):
    x = np.arange(4.0)
    before = x.copy(), A.copy()
    for g in (wg.grad(f)(x), wg.jacrev(f)(x), wg.jacfwd(f)(x), wg.vjp(f, x)[1](1.0)[0]):
        assert not np.shares_memory(g, x) and not np.shares_memory(g, A)
        assert g.flags.writeable
        g += 100
    value = wg.jvp(lambda x: x, (x,), (A,))
    value[0][:] = 5
    value[1][:] = 5
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(A, before[1])


A = np.arange(1.0, 5.0)


def test_two_gradients_share_no_memory():
    x = np.ones(3)
    a, b = wg.grad(lambda x, y: np.sum(x + y), (0, 1))(x, x)
    assert not np.shares_memory(a, b)
    once, again = wg.grad(np.sum)(x), wg.grad(np.sum)(x)
    once[:] = 7
    np.testing.assert_array_equal(again, [1, 1, 1])
    np.testing.assert_array_equal(wg.grad(np.sum)(x), [1, 1, 1])


def test_outputs_that_are_one_value_do_not_share_memory():
    a, b = wg.jvp(lambda x: (x * 2, x * 2), (np.ones(2),), (np.ones(2),))[0]
    assert not np.shares_memory(a, b)
    y, z = wg.jvp(lambda x: (lambda y: (y, y))(x * 2), (np.ones(2),), (np.ones(2),))[0]
    y[:] = 0
    np.testing.assert_array_equal(z, [2, 2])


# -- threads ---------------------------------------------------------------------------------------------------------------


def test_threads_share_the_memory_of_traces():
    f = lambda x: np.sum(np.sin(x) ** 2) if x[0] > 0 else np.sum(x)
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(30):
            x = rng.normal(size=3)
            expected = np.sin(2 * x) if x[0] > 0 else np.ones(3)
            if not np.allclose(wg.grad(f)(x), expected):
                wrong.append(x)

    with wg.config(trace_cache=20):
        threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_can_trace():
    """Even if another thread held the lock when the process was forked."""
    with tape_module._memory.lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            os._exit(0 if wg.grad(lambda x: x * x)(3.0) == 6.0 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_derivative_in_a_thread_that_the_function_starts():
    with ThreadPoolExecutor(2) as pool:
        f = lambda x: x * pool.submit(lambda: wg.grad(lambda y: x * y)(1.0)).result()
        assert wg.grad(f)(3.0) == 6.0
        g = lambda x: pool.submit(lambda: wg.scan(lambda s, k: (s * x * k, None), x, np.array([1.0, 2.0]))[0]).result()
        assert wg.grad(g)(2.0) == 24.0


def test_one_run_in_many_threads():
    def part(x, k):
        for _ in range(40):
            x = np.sin(x * k)
        return x

    expected = wg.grad(lambda x: sum(part(x, k) for k in (1.0, 2.0, 3.0)))(0.7)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(3) as pool:
            for _ in range(5):
                assert wg.grad(lambda x: sum(pool.map(lambda k: part(x, k), (1.0, 2.0, 3.0))))(0.7) == pytest.approx(expected, rel=1e-12)
    finally:
        sys.setswitchinterval(interval)


def test_an_array_used_often_is_taken_in_once():
    a = np.array([[1.0, np.nan], [0.0, 2.0j]])

    def f(x):
        for _ in range(5):
            x = a @ x
        return x

    run_once = run(f, lambda t: f(t[0]), [array_type((2,), np.dtype(complex))], None)
    assert len(run_once.captured) == 1


def test_an_array_changed_during_the_run_is_taken_in_as_it_was():
    a = np.array([0.0, 1.0])

    def f(x):
        first = x * a
        a[:] = [-0.0, 5.0]
        second = x * a
        a[:] = [0.0, 1.0]
        return np.sum(first + second) + 0 * np.sum(x * a)

    np.testing.assert_array_equal(wg.grad(f)(np.ones(2)), [0.0, 6.0])
    assert len(run(f, lambda t: f(t[0]), [array_type((2,), np.dtype(float))], None).captured) == 3


def test_traces_without_operations_are_let_go_of_too():
    with wg.config(trace_cache=50):
        for n in range(200):
            wg.vjp(lambda x: x, np.ones(n))
        assert len(tape_module._memory.roots) <= 50
