"""Effects: what happens when a program runs happens once, in its place and in order, whatever is made of the program."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import wengert as wg
from wengert.config import config
from wengert.errors import ArgumentError, NotANumberError, ParseError, ShapeError
from wengert.ir.builder import Builder, building
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.ir.types import array_type, stack_type
from wengert.ir.values import Function, Literal, Var, acts, has_effect, splat
from wengert.ir.verifier import verify
from wengert.ir.walk import prune as shallow_prune
from wengert.ir.walk import silent
from wengert.passes.dead import dead
from wengert.passes.hoist import hoist
from wengert.passes.pipeline import optimise
from wengert.passes.simplify import simplify
from wengert.primitives.arith import add, greater, less, mul
from wengert.primitives.control import Call, Check, Checkpoint, Cond, Loop, Print, While
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.control.effects import check, show, text
from wengert.primitives.control.lanes import Abreast
from wengert.primitives.control.stack import Stack
from wengert.primitives.index import gather
from wengert.primitives.math import sin
from wengert.transform.batch import batch
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import gradient, linearize
from wengert.transform.partial import partial, prune
from wengert.transform.transpose import transpose

D = array_type((), np.dtype("d"))
V = array_type((3,), np.dtype("d"))
BOOL = array_type((), np.dtype("?"))
INT = array_type((), np.dtype("i8"))
X = (0, "", "")


class Refused(Exception):
    """Of this module, so that text can name it."""


def printed(capsys, f, *args):
    """What f(*args) printed, word by word."""
    capsys.readouterr()
    f(*args)
    return capsys.readouterr().out.split()


def prints(function):
    """How many equations print, in it and all it holds."""
    found = 0
    for e in function.equations:
        found += type(e.operation) is Print
        found += sum([prints(f) for f in e.operation.functions()])
    return found


def told(x):
    """sin(x), and x is printed."""
    show(("x=", X), [x])
    return sin(x)


TOLD = function_of(lambda x: [told(x)], D)


# -- what they say ------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [np.float64(0.1), np.float32(0.1), np.int32(-3), np.True_, np.complex128(1 - 2j), np.arange(3.0), np.eye(2)])
def test_a_text_is_what_an_f_string_gives(x):
    assert text(("a ", (0, "", ""), " b ", (0, "r", ""), (0, "s", ">40"), (0, "a", "")), [x]) == f"a {x} b {x!r}{x!s:>40}{x!a}"


def test_specifications_have_holes_too():
    x, width, digits = np.float64(3.14159), np.int64(9), np.int64(2)
    assert text(((0, "", ((1, "", ""), ".", (2, "", ""), "f")),), [x, width, digits]) == f"{x:{width}.{digits}f}"


def test_print_writes_to_the_present_standard_output(capsys):
    show(("a", X), [np.float64(2.0)], end=";")
    show(())
    assert capsys.readouterr().out == "a2.0;\n"


def test_a_check_raises_the_users_exception():
    check(np.True_, Refused, ("no",))
    with pytest.raises(Refused) as caught:
        check(np.False_, Refused, ("value ", (0, "", ".2f")), [np.float64(2.5)], (7, "more"))
    assert caught.value.args == ("value 2.50", 7, "more")
    with pytest.raises(AssertionError) as caught:
        check(np.False_, AssertionError)
    assert caught.value.args == ()
    with pytest.raises(KeyError) as caught:
        check(np.False_, KeyError, 0, [np.float64(2.5)])
    assert type(caught.value.args[0]) is np.float64


def test_they_take_what_they_can_show():
    with pytest.raises(ArgumentError, match="is not given"):
        Print((X,), "\n").type()
    with pytest.raises(ArgumentError, match="a hole of a text is"):
        Print(((0, "q", ""),), "\n").type(D)
    with pytest.raises(ShapeError, match="of one bool"):
        Check(ValueError).type(D)
    with pytest.raises(ShapeError, match="takes arrays"):
        Print((X,), "\n").type(stack_type(D))


# -- in the language ------------------------------------------------------------------------------------


def effects_program():
    """Every parameter that an effect can have, and a loop without results."""

    def body(i, x):
        show(("i ", (0, "r", ">5"), " x ", (1, "", ((0, "", ""), "f"))), [i, x], end=" | ")
        return []

    inner = function_of(body, INT, D, name="inner")

    def program(x):
        check(less(x, splat(9.0, D)), Refused, ('a "quoted"\n', (0, "", ".3e")), [x], ("rest", 1, None))
        check(less(x, splat(9.0, D)), KeyError, 0, [x])
        check(less(x, splat(9.0, D)), AssertionError)
        emit(Loop(inner, 2, 1, 0, 0), [x])
        return [x]

    return function_of(program, D)


def test_print_and_parse_are_inverse():
    function = effects_program()
    source = print_function(function)
    again = verify(parse(source))
    assert print_function(again) == source
    assert "() = check[exception=class(" in source
    first = again.equations[1].operation
    assert first is function.equations[1].operation and first.exception is Refused


def test_a_class_is_found_by_its_name_where_its_module_is_loaded():
    class Local(Exception):
        pass

    source = print_function(function_of(lambda ok: [check(ok, Local), ok][1:], BOOL))
    assert "<opaque 1>" in source
    source = print_function(function_of(lambda ok: [check(ok, Refused), ok][1:], BOOL))
    for other in (source.replace("Refused", "Missing"), source.replace(__name__, "no_such_module")):
        with pytest.raises(ParseError, match="no class"):
            parse(other)


def test_operations_are_pickled():
    for operation in (Check(Refused, ("a", X), (1,)), Print(("a", X), "")):
        assert pickle.loads(pickle.dumps(operation)) is operation


def test_the_verifier_takes_an_equation_without_results():
    verify(effects_program())


@pytest.mark.parametrize(
    "operation",
    [
        Call(TOLD),
        Checkpoint(TOLD),
        Cond((TOLD, function_of(lambda x: [x], D))),
        Loop(function_of(lambda i, x: [told(x)], INT, D), 2, 0, 1, 0),
        While(function_of(lambda x: [less(told(x), splat(0.0, D))], D), function_of(lambda x: [x], D), 0, 0, 1),
    ],
    ids=lambda operation: operation.name,
)
def test_an_operation_has_the_effects_of_what_it_holds(operation):
    assert has_effect(operation)
    outer = function_of(lambda *xs: emit(operation, xs), *([BOOL] * (operation.name == "cond")), D)
    assert acts(outer) and not acts(silent(outer))
    assert has_effect(Call(outer)) and not has_effect(Call(silent(outer)))


def test_what_is_computed_twice_is_silent(capsys):
    assert printed(capsys, evaluate, TOLD, [1.0]) == ["x=1.0"]
    assert printed(capsys, evaluate, silent(TOLD), [1.0]) == []
    assert evaluate(silent(TOLD), [1.0]) == evaluate(TOLD, [1.0])


# -- rewriting ---------------------------------------------------------------------------------------


def test_nothing_drops_an_effect(capsys):
    function = function_of(lambda x: [told(x), x], D)
    for smaller in (prune(function, (False, True))[0], shallow_prune(function, (False, True))[0]):
        assert printed(capsys, evaluate, smaller, [1.0]) == ["x=1.0"]
    assert prints(dead(Function(function.inputs, function.equations, (), "f"))) == 1
    builder = Builder()
    x = Var(D)
    with building(builder):
        emit(Call(TOLD), [x])
    assert prints(builder.build([x], [x], "f")) == 1


def test_results_that_nobody_reads_go_and_effects_stay(capsys):
    body = function_of(lambda i, c, s, t: [told(s), t * c], INT, D, D, D)
    loop = Loop(body, 2, 1, 2, 0)
    function = function_of(lambda c, s, t: emit(loop, [c, s, t])[2:], D, D, D)
    smaller = optimise(function)
    (left,) = [e for e in smaller.equations if type(e.operation) is Loop]
    assert left.operation.n_carry == 1
    assert printed(capsys, evaluate, smaller, [1.0, 2.0, 3.0]) == ["x=2.0", f"x={np.sin(2.0)}"]


def test_equal_effects_are_two():
    def twice(x):
        for _ in range(2):
            emit(Print(("a",), "\n"), [])
        return [add(emit(Call(TOLD), [x])[0], emit(Call(TOLD), [x])[0])]

    function = function_of(twice, D)
    assert prints(simplify(function)) == prints(optimise(function)) == 4


def test_constants_are_not_printed_while_compiling(capsys):
    function = function_of(lambda x: [emit(Print((X,), "\n"), [splat(2.0, D)]), x][1:], D)
    assert printed(capsys, optimise, function) == []
    assert prints(optimise(function)) == 1


def test_a_check_known_to_hold_is_nothing_and_one_known_to_fail_stays():
    function = function_of(lambda x: [emit(Check(ValueError), [splat(True, BOOL)]), emit(Check(KeyError), [splat(False, BOOL)]), x][2:], D)
    assert [e.operation for e in optimise(function).equations] == [Check(KeyError)]


def test_effects_stay_in_loops():
    def body(i, c, s):
        emit(Print(("constant ", X), "\n"), [c])
        return [s + sin(c)]

    function = function_of(lambda c, s: emit(Loop(function_of(body, INT, D, D), 5, 1, 1, 0), [c, s]), D, D)
    hoisted = hoist(function, lambda f: f)
    assert [e.operation.name for e in hoisted.equations] == ["sin", "loop"]
    assert [e.operation.name for e in hoisted.equations[1].operation.body.equations] == ["print", "add"]


def test_what_can_raise_is_not_moved_before_an_effect():
    def body(i, c, k, s):
        emit(Print(("first",), "\n"), [])
        return [s + gather(c, [k])]

    function = function_of(lambda c, k, s: emit(Loop(function_of(body, INT, V, INT, D), 5, 2, 1, 0), [c, k, s]), V, INT, D)
    assert hoist(function, lambda f: f) is function


# -- derivatives -------------------------------------------------------------------------------------


def test_the_primal_has_them_and_the_linear_part_has_not(capsys):
    assert printed(capsys, evaluate, jvp(TOLD, (True,))[0], [2.0, 1.0]) == ["x=2.0"]
    split = linearize(TOLD, (True,))
    assert prints(split.primal) == 1 and not acts(split.tangent)
    assert not acts(transpose(split.tangent, [False] * len(split.residuals) + [True]))
    assert printed(capsys, evaluate, gradient(TOLD, (True,)), [2.0]) == ["x=2.0"]
    assert printed(capsys, evaluate, gradient(function_of(lambda x: emit(Call(TOLD), [x]), D), (True,)), [2.0]) == ["x=2.0"]


def test_in_the_known_part_if_their_operands_are_known(capsys):
    function = function_of(lambda x, y: [told(x) * told(y)], D, D)
    parts = partial(function, (True, False))
    assert printed(capsys, evaluate, parts.known, [1.0]) == ["x=1.0"]
    residuals = evaluate(parts.known, [1.0])
    assert printed(capsys, evaluate, parts.unknown, [*residuals, 2.0]) == ["x=2.0"]


def test_parts_of_control_flow_keep_theirs(capsys):
    branch = function_of(lambda x, y: [told(x), told(y)], D, D)
    for operation, first in (
        (Cond((branch, branch)), [np.True_]),
        (Loop(function_of(lambda i, x, y: [told(x), told(y)], INT, D, D), 1, 0, 2, 0), []),
        (Call(branch), []),
    ):
        function = function_of(lambda *xs, operation=operation: emit(operation, xs), *[BOOL for _ in first], D, D)
        parts = partial(function, (*[True for _ in first], True, False))
        assert printed(capsys, evaluate, parts.known, [*first, 1.0]) == ["x=1.0"]
        known = evaluate(parts.known, [*first, 1.0])
        capsys.readouterr()
        residuals = [known[k] for k in range(sum(parts.out_known), len(known))]
        assert printed(capsys, evaluate, parts.unknown, [*residuals, 2.0]) == ["x=2.0"]


def test_a_checkpoint_computes_again_in_silence(capsys):
    def body(i, x):
        emit(Check(ValueError), [less(x, splat(5.0, D))])
        return [told(x)]

    inner = function_of(body, INT, D)
    function = function_of(lambda x: emit(Checkpoint(function_of(lambda x: emit(Loop(inner, 2, 0, 1, 0), [x]), D)), [x]), D)
    first = gradient(function, (True,))
    assert printed(capsys, evaluate, first, [1.0]) == ["x=1.0", f"x={np.sin(1.0)}"]
    second = gradient(Function(first.inputs, first.equations, first.outputs[1:], "second"), (True,))
    assert printed(capsys, evaluate, second, [1.0]) == ["x=1.0", f"x={np.sin(1.0)}"]


# -- lanes -------------------------------------------------------------------------------------------


def test_lanes_print_in_turn(capsys):
    function, _ = batch(TOLD, 3, (True,))
    assert printed(capsys, evaluate, function, [np.array([1.0, 2.0, 3.0])]) == ["x=1.0", "x=2.0", "x=3.0"]


def test_what_all_lanes_print_is_printed_by_each(capsys):
    function, _ = batch(function_of(lambda x, y: [x + told(y)], D, D), 2, (True, False))
    assert printed(capsys, evaluate, function, [np.zeros(2), 7.0]) == ["x=7.0", "x=7.0"]


def test_the_first_lane_that_fails_raises():
    function = function_of(lambda x: [x, check(less(x, splat(3.0, D)), Refused, ("got ", X), [x])][:1], D)
    lanes, _ = batch(function, 4, (True,))
    evaluate(lanes, [np.zeros(4)])
    with pytest.raises(Refused, match=r"got 5\.0"):
        evaluate(lanes, [np.array([1.0, 5.0, 9.0, 2.0])])
    twice, _ = batch(lanes, 2, (True,))
    with pytest.raises(Refused, match=r"got 4\.0"):
        evaluate(twice, [np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 4.0, 5.0, 0.0]])])


def test_no_lanes_no_effects(capsys):
    function = function_of(lambda ok, x: [told(x), emit(Check(ValueError), [ok])][:1], BOOL, D)
    for batched in ((True, True), (False, True)):
        lanes, _ = batch(function, 0, batched)
        ok = np.zeros(0, bool) if batched[0] else np.False_
        assert printed(capsys, evaluate, lanes, [ok, np.zeros(0)]) == []


def test_stacks_of_lanes_side_by_side():
    """Abreast gives what the lanes' own stacks hold, zeros where one is shorter, in stacks of stacks too, and undoes it."""
    deep = Stack([Stack([np.float64(1.0), np.float64(2.0)]), Stack(), Stack([np.float64(3.0)])])
    rows = Abreast(3).evaluate(deep)
    assert [row.tolist() for row in rows] == [[1.0, 0.0, 3.0], [2.0, 0.0, 0.0]]
    assert Abreast(3).type(stack_type(stack_type(D))) == (stack_type(V),)
    assert Abreast(0).evaluate(Stack()) == Stack()
    deeper = Abreast(2).evaluate(Stack([Stack([deep[0]]), Stack([deep[2], deep[0]])]))
    assert [[row.tolist() for row in s] for s in deeper] == [[[1.0, 3.0], [2.0, 0.0]], [[0.0, 1.0], [0.0, 2.0]]]
    with pytest.raises(ShapeError, match="a stack of stacks"):
        Abreast(3).type(stack_type(D))
    apart = function_of(lambda x: emit(Abreast(3), Abreast(3).transpose(x, (x,), (True,))), stack_type(V))
    assert [row.tolist() for row in evaluate(apart, [rows])[0]] == [row.tolist() for row in rows]
    lanes, _ = batch(function_of(lambda x: emit(Abreast(3), [x]), stack_type(stack_type(D))), 2, (True,))
    wide = Stack([Stack([np.array([x, -x]) for x in s]) for s in deep])
    assert [row.tolist() for row in evaluate(lanes, [wide])[0]] == [[row.tolist(), (-row).tolist()] for row in rows]


# -- what a user sees: taped and compiled ------------------------------------------------------------------


def speak(x):
    show(("x=", X), [x])
    check(x < 50, Refused, ("too large: ", X), [x])
    return x * x * np.sin(x)


def branch(x):
    return wg.cond(x > 0, lambda v: (show(("pos", X), [v]), v * v)[1], lambda v: (show(("neg", X), [v]), -v)[1], x)


def climb(x):
    """x to a power that depends on x; every state before the last is printed."""
    return wg.while_loop(lambda s: s < 10, lambda s: (show((X,), [s]), s * x)[1], x)


def either(x):
    return wg.cond(x > 3, climb, lambda v: climb(v * 2), x)


def count(x):
    def body(i, s):
        show(("i", X), [i])
        show(("once",))
        return s * x

    return wg.loop(0, 2, body, 1.0)


def fold(x):
    return wg.scan(lambda s, i: ((show((X,), [i]), s * x)[1], s), x, np.array([5.0, 6.0]))[0]


CLIMBED = ["2.0", "4.0", "8.0"]
LANES = np.array([2.0, -3.0, 20.0])
ALONE = [
    (speak, ["x=2.0"]),
    (branch, ["pos2.0"]),
    (climb, CLIMBED),
    (either, ["4.0"]),
    (count, ["i0", "once", "i1", "once"]),
    (fold, ["5.0", "6.0"]),
]
MADE = {
    "value": lambda f: f,
    "grad": wg.grad,
    "twice": lambda f: wg.grad(wg.grad(f)),
    "hessian": wg.hessian,
    "jacobian": wg.jacobian,
    "jvp": lambda f: lambda x: wg.jvp(f, (x,), (1.0,)),
    "vjp": lambda f: lambda x: wg.vjp(f, x)[1](1.0),
    "checkpoint": lambda f: wg.grad(wg.checkpoint(f)),
    "snapshots": lambda f: wg.grad(wg.checkpoint(f, snapshots=2)),
    "lane": lambda f: lambda x: wg.vmap(f)(np.ones(1) * x)[0],
    "grad in lanes": lambda f: lambda x: wg.vmap(wg.grad(f))(np.ones(1) * x)[0],
    "lanes in grad": lambda f: wg.grad(lambda x: wg.vmap(f)(x[None] if hasattr(x, "shape") else np.array([x]))[0]),
}


@pytest.mark.parametrize("f,expected", ALONE, ids=lambda f: getattr(f, "__name__", ""))
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_once(capsys, f, expected, make):
    made = make(f)
    assert printed(capsys, made, 2.0) == expected
    compiled = wg.jit(made)
    assert printed(capsys, compiled, 2.0) == expected
    assert printed(capsys, compiled, 2.0) == expected  # by its native entry
    assert printed(capsys, make(wg.jit(f)), 2.0) == expected


@pytest.mark.parametrize("f", [speak, branch, climb, either, count, fold], ids=lambda f: f.__name__)
def test_effects_change_no_value(capsys, f, monkeypatch):
    values = [make(f)(2.0) for make in (MADE["value"], MADE["grad"], MADE["twice"], MADE["grad in lanes"])]
    compiled = [wg.jit(make(f))(2.0) for make in (MADE["value"], MADE["grad"], MADE["twice"], MADE["grad in lanes"])]
    np.testing.assert_allclose(values, compiled, rtol=1e-14)
    monkeypatch.setitem(globals(), "show", lambda *args, **kwargs: None)
    monkeypatch.setitem(globals(), "check", lambda *args, **kwargs: None)
    again = [make(lambda x: f(x))(2.0) for make in (MADE["value"], MADE["grad"], MADE["twice"], MADE["grad in lanes"])]
    np.testing.assert_allclose(values, again, rtol=1e-14)


LANES_OF = {
    "value": wg.vmap,
    "grad": lambda f: wg.vmap(wg.grad(f)),
    "twice": lambda f: wg.vmap(wg.grad(wg.grad(f))),
    "around": lambda f: wg.grad(lambda x: np.sum(wg.vmap(f)(x))),
    "around both": lambda f: wg.grad(lambda x: np.sum(wg.vmap(wg.grad(f))(x))),
    "lanes of lanes": lambda f: lambda x: wg.vmap(wg.vmap(wg.grad(f)))(x[:, None])[:, 0],
}


@pytest.mark.parametrize("make", LANES_OF.values(), ids=LANES_OF)
@pytest.mark.parametrize("compile", [False, True])
def test_a_lane_does_what_it_would_do_alone(capsys, make, compile):
    made = wg.jit if compile else lambda f: f
    lanes = np.array([2.0, 3.0, 20.0])
    assert printed(capsys, made(make(branch)), LANES) == ["pos2.0", "neg-3.0", "pos20.0"]
    assert printed(capsys, made(make(climb)), lanes) == ["2.0", "4.0", "8.0", "3.0", "9.0"]
    assert printed(capsys, made(make(either)), lanes) == ["4.0", "6.0"]
    assert printed(capsys, made(make(climb)), np.zeros(0)) == []
    one = {
        "grad": wg.grad,
        "twice": MADE["twice"],
        "value": lambda f: f,
        "around": wg.grad,
        "around both": MADE["twice"],
        "lanes of lanes": wg.grad,
    }
    alone = one[next(k for k, v in LANES_OF.items() if v is make)]
    for f in (branch, climb, either):
        np.testing.assert_allclose(made(make(f))(lanes), [alone(f)(x) for x in lanes], rtol=1e-14)


@pytest.mark.parametrize("compile", [False, True])
def test_trip_counts_of_lanes(capsys, compile):
    def power(k, x):
        return wg.loop(0, k, lambda i, s: (show(("i", X), [i]), s * x)[1], 1.0)

    made = wg.jit if compile else lambda f: f
    assert printed(capsys, made(wg.vmap(power, in_axes=(0, None))), np.array([1, 0, 3]), 2.0) == ["i0", "i0", "i1", "i2"]
    slopes = made(wg.vmap(wg.grad(power, argnums=1), in_axes=(0, None)))
    assert printed(capsys, slopes, np.array([1, 0, 3]), 2.0) == ["i0", "i0", "i1", "i2"]
    np.testing.assert_allclose(slopes(np.array([1, 0, 3]), 2.0), [1.0, 0.0, 12.0])


@pytest.mark.parametrize("compile", [False, True])
def test_a_lane_that_does_not_take_a_branch_does_not_fail_in_it(compile):
    def guarded(x):
        def inside(v):
            check(v < 5, Refused, ("got ", X), [v])
            return v

        return wg.cond(x > 0, inside, lambda v: v * 2, x)

    made = wg.jit if compile else lambda f: f
    np.testing.assert_array_equal(made(wg.vmap(guarded))(np.array([1.0, -9.0])), [1.0, -18.0])
    np.testing.assert_array_equal(made(wg.vmap(wg.grad(guarded)))(np.array([1.0, -9.0])), [1.0, 2.0])
    with pytest.raises(Refused, match=r"got 7\.0"):
        made(wg.vmap(guarded))(np.array([-9.0, 7.0, 8.0]))


def test_the_error_comes_at_its_place_while_taping():
    before = []

    def f(x):
        check(x > 0, Refused, ("here",))
        before.append(1)
        return x

    with pytest.raises(Refused, match="here"):
        wg.grad(f)(-1.0)
    assert not before


def test_what_depends_on_no_traced_value_happens_when_the_program_runs(capsys):
    def f(x):
        show(("hello",))
        return x * wg.grad(lambda y: (show(("inside", X), [y]), y * y)[1])(3.0)

    assert printed(capsys, wg.grad(f), 1.0) == ["hello", "inside3.0"]
    assert printed(capsys, wg.vmap(f), np.zeros(2)) == ["hello", "hello", "inside3.0", "inside3.0"]
    compiled = wg.jit(f)
    assert printed(capsys, compiled, 1.0) == printed(capsys, compiled, 2.0) == ["hello", "inside3.0"]


def test_values_of_a_run_that_python_asks_for_are_not_acted_twice(capsys):
    def f(x):
        y = climb(x)
        return y * 2 if y > 3 else y

    assert printed(capsys, wg.grad(f), 2.0) == CLIMBED
    assert float(wg.grad(f)(2.0)) == 2 * float(wg.grad(climb)(2.0))


def test_functions_with_rules_of_their_own(capsys):
    @wg.custom_jvp
    def square(x):
        show(("f", X), [x])
        return x * x

    square.defjvp(lambda primals, tangents: (primals[0] * primals[0], 2 * primals[0] * tangents[0]))
    for f in (square, wg.grad(square), wg.jit(square), wg.jit(wg.grad(square))):
        assert printed(capsys, f, 2.0) == ["f2.0"]

    @wg.custom_vjp
    def cube(x):
        show(("f", X), [x])
        return x**3

    def backward(x, ct):
        show(("b", X), [x])
        return (3 * x * x * ct,)

    cube.defvjp(lambda x: (x**3, x), backward)
    assert printed(capsys, cube, 2.0) == ["f2.0"]
    assert printed(capsys, wg.grad(cube), 2.0) == printed(capsys, wg.jit(wg.grad(cube)), 2.0) == ["f2.0", "b2.0"]


def test_under_debug_nans(capsys):
    with config(debug_nans=True):
        for f in (wg.grad(either), wg.jit(wg.grad(either))):
            assert printed(capsys, f, 2.0) == ["4.0"]
        assert printed(capsys, wg.jit(lambda x: (show((X,), [x]), x)[1]), np.nan) == ["nan"]
        with pytest.raises(NotANumberError, match="log made a NaN"):
            wg.jit(lambda x: (show((X,), [x]), np.log(x))[1])(-1.0)
        assert capsys.readouterr().out == "-1.0\n"


def test_dtypes_without_machine_code(capsys):
    assert printed(capsys, wg.jit(lambda x: (show(((0, "r", ""),), [x]), x)[1]), np.float16(2)) == ["np.float16(2.0)"]


def test_literals_stand_for_values(capsys):
    function = function_of(lambda x: [emit(Print((X, (1, "", "")), "\n"), [Literal(np.float64(2.0), D), x]), x][1:], D)
    assert printed(capsys, evaluate, function, [1.0]) == ["2.01.0"]
    assert evaluate(function_of(lambda x: [mul(x, x), greater(x, x)], D), [2.0])[0] == 4.0
