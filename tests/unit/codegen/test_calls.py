"""A Function called many times is one routine in native code, and behaves as if it stood wherever it is called."""

import numpy as np
import pytest

from tests.minors import minors, written
from tests.native import kernel
from wengert.api.aot import Compiled
from wengert.api.work import cost_of
from wengert.codegen import link, routine
from wengert.codegen.pipeline import compile_function
from wengert.config import config
from wengert.errors import IndexOutOfBoundsError
from wengert.ir.types import array_type, type_of
from wengert.ir.values import Function, Var, literal
from wengert.ir.walk import inline
from wengert.loops.nest import Fill, For, Invoke, Store, walk
from wengert.loops.verifier import verify
from wengert.passes import inline as inlining
from wengert.primitives.arith import add, mul, sub
from wengert.primitives.control import Call, Cond, Loop, While
from wengert.primitives.control.call import emit, function_of, single
from wengert.primitives.control.checkpoint import HostCallback
from wengert.primitives.control.loop import INDEX
from wengert.primitives.index import Slice, SliceSet, gather, scatter_set
from wengert.primitives.math import exp, sin
from wengert.primitives.reduce import sum_
from wengert.primitives.shape import Flip, Transpose, broadcast, cast
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.linearize import gradient, vjp


@pytest.fixture
def no_copies(monkeypatch):
    """Whatever is called twice is a routine, however short."""
    monkeypatch.setattr(inlining, "SHORT", 0)
    monkeypatch.setattr(inlining, "LONG", 0)


def call(function, *operands):
    return single(emit(Call(function), operands))


def program(body, *values):
    return function_of(body, *[type_of(np.asarray(v)) for v in values])


def invoked(function):
    """How often routines are run in the text of a program, and how many there are."""
    module = compile_function(function)
    programs = [*module.program.routines, module.program]
    verify(module.program)
    assert len({p.name for p in programs}) == len(programs)
    return sum([type(s) is Invoke for p in programs for s in walk(p.block)]), len(programs) - 1


def agrees(function, *values, rtol=1e-13):
    verify(compile_function(function).program)
    run, _ = kernel(function)
    for _ in range(2):  # what the first run leaves in scratch memory does not matter
        for got, expected in zip(run([np.asarray(v) for v in values]), evaluate(function, values), strict=True):
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-13)


# -- what becomes a routine ------------------------------------------------------------------------------


def chain(x, steps=40):
    for k in range(steps):
        x = sin(x) * (1.0 + k / 100) + x * 0.5
    return x


def test_a_long_function_called_many_times_is_one_routine():
    x = np.linspace(0.1, 1.0, 5)
    f = program(lambda x: [chain(x)], x)
    assert len(f.equations) > 100

    def repeated(times):
        def body(x):
            for _ in range(times):
                x = call(f, x)
            return [x]

        return program(body, x)

    assert invoked(repeated(50)) == (50, 1)
    sizes = [len(compile_function(repeated(n)).text) for n in (10, 50)]
    assert sizes[1] - sizes[0] < 40 * sizes[0] / 20  # a call is a line or few
    agrees(repeated(50), x)
    total = program(lambda x: [sum_(inline(repeated(20), [x])[0], (0,))], x)
    agrees(gradient(total, (True,)), x, rtol=1e-10)


def test_a_short_function_is_in_place():
    f = program(lambda x: [sin(x) * x], VECTOR)
    assert invoked(program(lambda x: [call(f, call(f, call(f, x)))], VECTOR)) == (0, 0)


def test_a_function_called_once_is_in_place():
    x = np.linspace(0.1, 1.0, 5)
    f = program(lambda x: [chain(x, 200)], x)
    assert invoked(program(lambda x: [call(f, x) * 2.0], x)) == (0, 0)


def test_equal_calls_are_made_once(no_copies):
    x = np.linspace(0.1, 1.0, 5)
    f = program(lambda x: [exp(x) * x], x)
    assert invoked(program(lambda x: [call(f, x) * call(f, x) + call(f, x * 2.0)], x)) == (2, 1)


# -- minors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
def test_minors_give_the_determinant_and_its_gradient(n):
    a = np.random.default_rng(n).normal(size=(n, n))
    run, _ = kernel(gradient(minors(n), (True,)))
    value, slope = run([a])
    np.testing.assert_allclose(value, np.linalg.det(a), rtol=1e-11)
    np.testing.assert_allclose(slope, np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-10, atol=1e-12)


def test_native_text_of_minors_is_linear_in_sizes():
    def text(n):
        return len(compile_function(gradient(minors(n), (True,))).text)

    assert text(10) < 1_000_000 and text(10) < 2.5 * text(8)
    assert written(gradient(minors(10), (True,))) < 2500


# -- what is handed over ---------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
VECTOR, MATRIX, LONG = RNG.normal(size=5), RNG.normal(size=(6, 7)), RNG.normal(size=3000)


def twice(body, *values):
    """The results of a Function of these values for them, and for them halved, as two calls."""
    f = program(body, *values)
    return program(lambda *xs: [*inline_call(f, xs), *inline_call(f, [x * 0.5 if x.type.inexact else x for x in xs])], *values)


def inline_call(f, xs):
    return emit(Call(f), xs)


@pytest.mark.parametrize("value", [np.float64(0.7), VECTOR, MATRIX, LONG, np.zeros((0, 3))], ids=["0-d", "small", "large", "long", "empty"])
@pytest.mark.parametrize("dtype", ["d", "f", "D", "F"])
def test_arrays_of_every_size_and_dtype(no_copies, value, dtype):
    x = np.asarray(value, dtype)
    f = twice(lambda x, y: [sin(x) * y, x + y, x], x, x)
    assert invoked(f) == (2, 1)
    agrees(f, x, x * x, rtol=1e-5 if dtype in "fF" else 1e-13)


def test_integers_and_bools(no_copies):
    n, flags = np.arange(6), np.array([True, False, True, True, False, True])
    f = twice(lambda n, b, x: [n + n, b, cast(b, np.int64) * n, cast(n, np.float64) * x], n, flags, np.linspace(0, 1, 6))
    assert invoked(f) == (2, 1)
    agrees(f, n, flags, np.linspace(0, 1, 6))


def test_constants_and_the_same_operand_twice(no_copies):
    f = program(lambda x, y: [sum_(x * sin(y), (0,)), y], LONG, LONG)
    g = program(
        lambda x: [*emit(Call(f), [x, x]), *emit(Call(f), [x, literal(LONG * 2)]), *emit(Call(f), [literal(np.ones(3000)), x])], LONG
    )
    assert invoked(g) == (3, 1)
    agrees(g, LONG)


def test_results_that_are_inputs_each_other_or_constants(no_copies):
    a, b = MATRIX[0], MATRIX[1]
    f = program(lambda x, y: [(z := x * y), z, x, y, x, literal(np.ones(6)), literal(np.float64(2.0))], a, b)
    agrees(program(lambda x, y: [*emit(Call(f), [x, y]), *emit(Call(f), [y, x])], a, b), a, b)
    swap = program(lambda x, y: [y, x], LONG, LONG)
    agrees(program(lambda x, y: [*emit(Call(swap), emit(Call(swap), [x, y * 2.0])), *emit(Call(swap), [x, y])], LONG, LONG), LONG, LONG)


def test_what_one_routine_leaves_another_takes():
    """The many numbers that a forward routine keeps are handed to the reverse one where they are."""
    x = np.float64(0.3)
    f = program(lambda x: [chain(x, 80)], x)
    g = gradient(program(lambda x: [call(f, call(f, call(f, x)))], x), (True,))
    module = compile_function(g)
    kept = max([s.outputs[0].buffer.size for s in module.program.block if type(s) is Invoke])
    assert kept > 50
    assert sum([type(s) in (Fill, Store) for s in module.program.block]) < 20
    agrees(g, x, rtol=1e-11)


def test_operands_seen_through_strides(no_copies):
    x = RNG.normal(size=(40, 60))
    f = program(lambda a: [sum_(exp(a), (0,)), a * 2.0], x.T[:, 1:-1])

    def body(x):
        a = Transpose((1, 0))(Slice((1, 0), (39, 60), (1, 1))(x))
        b = Flip((0,))(a)
        return [*emit(Call(f), [a]), *emit(Call(f), [b])]

    g = program(body, x)
    assert invoked(g) == (2, 1)
    agrees(g, x)


def test_an_array_that_the_function_assigns_to(no_copies):
    x = np.linspace(0.0, 1.0, 2000)
    f = program(lambda x: [SliceSet((3,), (4,), (1,))(x, literal(np.array([9.0])))], x)
    g = program(lambda x: [(y := call(f, sin(x))), call(f, y * 2.0), y, x], x)
    assert invoked(g) == (2, 1)
    agrees(g, x)


def test_an_array_is_changed_where_it_is(no_copies):
    """A routine writes over an operand that nobody needs after it: one copy, of the argument, and none in the loop."""
    x = np.linspace(0.0, 1.0, 5000)
    f = program(lambda x, i: [put_one(x, i)], x, np.int64(0))
    t = type_of(x)
    body = function_of(lambda i, c: [call(f, call(f, c, i), i + literal(np.int64(7)))], INDEX, t, name="body")
    g = program(lambda x: [*emit(Loop(body, 30, 0, 1, 0), [x])], x)
    assert invoked(g) == (2, 1)
    module = compile_function(g)
    copied = [s for p in (*module.program.routines, module.program) for s in walk(p.block) if type(s) is Fill and s.count >= 5000]
    assert len(copied) == 1
    agrees(g, x)


def test_an_array_that_is_needed_after_the_call_is_copied(no_copies):
    x = np.linspace(0.0, 1.0, 5000)
    f = program(lambda x, i: [put_one(x, i), x + 1.0], x, np.int64(0))
    one, two = literal(np.int64(1)), literal(np.int64(2))

    def body(x):
        y = x * 2.0
        a, b = emit(Call(f), [y, one])
        c, d = emit(Call(f), [a, two])
        return [a, b, c, d, y]

    agrees(program(body, x), x)
    both = program(lambda x: [(y := put_one(x, one)), put_one(y, two), x], x)
    agrees(program(lambda x: [*emit(Call(both), [x * 2.0]), *emit(Call(both), [x * 3.0])], x), x)


def put_one(x, i):
    return scatter_set(x, [i], literal(np.float64(9.0)))


def test_cotangents_are_added_where_their_sum_is(no_copies):
    """The derivative of a call that reads one element adds one number to a large cotangent."""
    x = np.linspace(0.0, 1.0, 5000)
    f = program(lambda x, i: [sin(gather(x, [i])) * gather(x, [i])], x, np.int64(0))

    def body(x):
        total = None
        for i in range(40):
            value = call(f, x, literal(np.int64(100 * i)))
            total = value if total is None else total + value
        return [total]

    g = gradient(program(body, x), (True,))
    agrees(g, x)
    module = compile_function(g)
    moved = [
        s for p in (*module.program.routines, module.program) for s in walk(p.block) if type(s) is For or type(s) is Fill and s.count > 1
    ]
    assert len(moved) <= 3


# -- where calls are -----------------------------------------------------------------------------------------


def test_calls_in_calls(no_copies):
    f = program(lambda x: [sin(x) * 0.4], VECTOR)
    for _ in range(8):
        f = program(lambda x, f=f: [call(f, add(call(f, x), x))], VECTOR)
    assert invoked(f) == (16, 8)
    agrees(f, VECTOR)


def test_calls_in_loops_and_branches(no_copies):
    f = program(lambda x, y: [sin(x) * y, x - y], LONG, LONG)

    def body(i, c, x):
        a, b = emit(Call(f), [x, c])
        swapped = function_of(lambda a, b: emit(Call(f), [b, a]), a.type, b.type)
        kept = function_of(lambda a, b: [a, b], a.type, b.type)
        even = cast(sub(i, mul(literal(np.int64(2)), gather(literal(np.arange(8) // 2), [i]))), np.bool_)
        a, b = emit(Cond((swapped, kept)), [even, a, b])
        return [b, a]

    t = type_of(LONG)
    loop = Loop(function_of(body, INDEX, t, t, name="body"), 8, 1, 1, 0)
    g = program(lambda x, y: [*emit(loop, [x, y]), *emit(Call(f), [x, y])], LONG, LONG)
    assert invoked(g) == (3, 1)
    agrees(g, LONG, LONG * 0.5)
    agrees(vjp(g, (True, True)), LONG, LONG * 0.5, np.ones(3000), np.ones((8, 3000)), LONG, LONG, rtol=1e-10)
    agrees(batch(g, 3, (True, False))[0], np.stack([LONG, LONG * 2, -LONG]), LONG, rtol=1e-10)


def halving(n, threshold=1.0):
    """x halved until it is small, and how often sin was taken of it."""
    t = array_type((n,) if n else (), np.dtype("d"))
    largest = lambda x: x if not n else sum_(x * x, (0,))
    cond = function_of(lambda x: [threshold < largest(x)], t)
    body = function_of(lambda x: [sin(x) * 0.75], t)
    return While(cond, body, 0, 0, 1, 0)


@pytest.mark.parametrize("n", [0, 3, 2000])
def test_loops_of_unknown_length_keep_their_stacks(no_copies, n):
    """The stack of a while inside of a routine outlives it: it is handed to the routine that runs backwards."""
    x = np.linspace(1.0, 40.0, n) if n else np.float64(40.0)
    threshold = 0.01
    f = program(lambda x: [call_while(halving(n, threshold), x * 3.0)], x)
    total = (lambda v: sum_(v, (0,))) if n else (lambda v: v)
    g = program(lambda x: [total(call(f, x) * call(f, x * 2.0))], x)
    assert invoked(g) == (2, 1)
    agrees(g, x)
    back = gradient(g, (True,))
    assert invoked(back)[1] >= 1
    agrees(back, x, rtol=1e-10)


def call_while(operation, x):
    return single(emit(operation, [x]))


# -- failures, Python, threads --------------------------------------------------------------------------------


def test_a_failure_leaves_all_routines(no_copies):
    table = np.linspace(0, 1, 5)
    f = program(lambda x, i: [gather(x, [i]) * 2.0], table, np.int64(0))
    g = program(lambda x, i: [add(call(f, x, i), call(f, x, i + literal(np.int64(1))))], table, np.int64(0))
    h = program(lambda x, i: [add(call(g, x, i), call(g, x, i + literal(np.int64(2))))], table, np.int64(0))
    assert invoked(h) == (4, 2)
    run, _ = kernel(h)
    np.testing.assert_allclose(run([table, np.int64(1)])[0], evaluate(h, [table, np.int64(1)])[0])
    with pytest.raises(IndexOutOfBoundsError, match="index 5 is out of bounds for axis 0 with size 5"):
        run([table, np.int64(2)])


def test_python_called_back_from_a_routine(no_copies):
    seen = []

    def double(x):
        seen.append(x.copy())
        return (x * 2,)

    back = HostCallback(double, (type_of(VECTOR),))
    f = program(lambda x: [single(emit(back, [x + 1.0])) * x], VECTOR)
    g = program(lambda x: [add(call(f, x), call(f, x * 3.0))], VECTOR)
    run, hosted = kernel(g)
    assert hosted == ["host_callback"]
    np.testing.assert_allclose(run([VECTOR])[0], (VECTOR + 1) * 2 * VECTOR + (3 * VECTOR + 1) * 2 * 3 * VECTOR)
    assert len(seen) == 2

    def fails(x):
        raise KeyError("here")

    f = program(lambda x: [single(emit(HostCallback(fails, (type_of(VECTOR),)), [x]))], VECTOR)
    run, _ = kernel(program(lambda x: [add(call(f, x), call(f, x * 3.0))], VECTOR))
    with pytest.raises(KeyError, match="here"):
        run([VECTOR])


def test_results_do_not_depend_on_the_number_of_threads(no_copies):
    x = np.random.default_rng(1).normal(size=400_000)
    f = program(lambda x: [sum_(exp(sin(x)), (0,)), exp(sin(x)) * x], x)
    g = program(lambda x: [*emit(Call(f), [x]), *emit(Call(f), [x * 0.5])], x)
    assert "parallel" in str(compile_function(g).program) or invoked(g) == (2, 1)
    results = []
    for threads in (1, 2):
        with config(threads=threads):
            results.append([r.copy() for r in kernel(g)[0]([x])])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


# -- ahead of time, cost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["ll", "o", "so"])
def test_compiled_ahead_of_time(no_copies, tmp_path, ending):
    a = np.random.default_rng(3).normal(size=(5, 5))
    f = gradient(minors(5), (True,))
    compiled = Compiled(f, "slope", [("a", type_of(a))], None, False)
    assert invoked(f)[1] > 3
    compiled.save(tmp_path / f"slope.{ending}")
    value, slope = np.empty(()), np.empty((5, 5))
    if ending == "so":
        import ctypes

        pointers = [ctypes.c_void_p(x.ctypes.data) for x in (a, value, slope)]
        assert ctypes.CDLL(str(tmp_path / "slope.so")).slope(*pointers) == 0
        np.testing.assert_allclose(slope, np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-11)
    assert compiled.ctypes()(a.ctypes.data, value.ctypes.data, slope.ctypes.data) == 0
    np.testing.assert_allclose(value, np.linalg.det(a), rtol=1e-12)


def test_cost_counts_calls_and_scratch_memory():
    cost = cost_of(minors(8))
    assert cost.flops > 40320 and cost.arena_bytes == compile_function(minors(8)).arena_bytes


# -- text, cache, scratch memory -----------------------------------------------------------------------------


def test_routines_are_printed_once_and_verified(no_copies):
    f = program(lambda x: [sin(x) * x], VECTOR)
    text = str(compile_function(program(lambda x: [call(f, call(f, call(f, x)))], VECTOR)).program)
    assert text.count("routine f_0(") + text.count("routine f.0(") == 1
    assert text.count("run f.0(") == 3


def test_the_text_is_the_same_each_time():
    one, two = [compile_function(gradient(minors(6), (True,))).text for _ in range(2)]
    assert one == two


def test_scratch_memory_of_routines_is_shared():
    """Calls one after the other use the same memory; what is needed is the deepest chain of them."""

    def nest(depth, width):
        f = program(lambda x: [chain(x, 30) + broadcast(sum_(exp(x) * x, (0,)), x.type.shape, ()) * x], LONG)
        for _ in range(depth):

            def body(x, f=f):
                for _ in range(width):
                    x = call(f, x + exp(x) * 1e-3)
                return [x * 2.0]

            f = program(body, LONG)
        return compile_function(f).arena_bytes

    assert nest(2, 12) == nest(2, 6) < nest(4, 6) < 3 * nest(2, 6)


def test_a_verifier_finds_a_routine_that_reads_what_it_writes(no_copies):
    f = program(lambda x: [sin(x) * x], LONG)
    module = compile_function(program(lambda x: [call(f, call(f, x))], LONG))
    verify(module.program)
    run = next(s for s in walk(module.program.block) if type(s) is Invoke)
    run.outputs = run.inputs
    with pytest.raises(Exception, match=r"is told to write|is written"):
        verify(module.program)


def test_large_functions_get_loops_of_their_own(no_copies):
    f = program(lambda x: [sum_(exp(x) * x, (0,))], LONG)
    assert routine.is_large(f) and not routine.is_large(minors(3))
    module = compile_function(program(lambda x: [call(f, x) * call(f, x * 2.0)], LONG))
    assert "part" in module.text
    link.build(module.text)


def test_donated_inputs_stay_whole_where_a_routine_reads_them(no_copies):
    f = program(lambda x: [sin(x) * x], LONG)
    g = program(lambda x: [call(f, x) + call(f, x * 2.0), x * 3.0], LONG)
    module = compile_function(g, donated=(0,))
    verify(module.program)


def test_a_function_without_inputs_or_results(no_copies):
    constant = Function([], [], [literal(np.float64(2.0)), literal(LONG)])
    x = Var(type_of(LONG))
    g = program(lambda x: [*emit(Call(constant), []), x * emit(Call(constant), [])[1]], LONG)
    agrees(g, LONG)
    assert x.type is g.inputs[0].type
