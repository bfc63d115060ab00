"""print then parse is the identity: on structure, parameters, constants to the bit, spans and held functions."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.work import calls
from wengert.errors import ParseError
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.ir.types import array_type, stack_type
from wengert.ir.values import Equation, Function, Literal, Var, literal
from wengert.ir.verifier import verify
from wengert.source import Span

from .programs import F3, F, IrTestHold, IrTestSum, constant, equation, holder, mul, pair, sink, square_sum


def round_trip(function):
    text = print_function(function)
    back = verify(parse(text))
    assert print_function(back) == text
    assert [e.operation for e in back.equations] == [e.operation for e in function.equations] or any(
        isinstance(p, Function) for e in function.equations for p in e.operation.parameters
    )
    assert back.in_types == function.in_types
    assert back.out_types == function.out_types
    return back


def test_the_form():
    assert print_function(square_sum()) == (
        "square_sum(x0: float64[3]) -> (float64[]):\n"
        "  v0: float64[3] = ir_test_mul x0 x0    # model.py:14\n"
        "  v1: float64[] = ir_test_sum[axes=(0,)] v0    # model.py:15\n"
        "  return v1"
    )
    assert repr(square_sum()) == print_function(square_sum())


def test_spans_and_operations_come_back():
    back = round_trip(square_sum())
    assert [str(e.span) for e in back.equations] == ["model.py:14", "model.py:15"]
    assert back.equations[0].operation is mul
    assert back.name == "square_sum"


@pytest.mark.parametrize("file", ["<string>", "/a b/c d.py", "x # y:3.py", "line\nbreak.py", '"quoted".py'])
def test_odd_file_names(file):
    x = Var(F)
    e = equation(mul, x, x, span=Span(file, 3))
    round_trip(Function([x], [e], e.outs))


PARAMETERS = [
    (),
    (0,),
    (1, (2, (3,))),
    None,
    True,
    False,
    ...,
    -7,
    10**30,
    0.1,
    -0.0,
    float("inf"),
    -float("inf"),
    1e-300,
    2 + 3j,
    "",
    'a # b: "c" \\ \n é \ud800 ]',
    b"\x00\xff",
    np.dtype("float64"),
    np.dtype("bool"),
    np.dtype("complex64"),
    (F3, stack_type(F), stack_type(stack_type(F3))),
    ("left", None, ((), (1.5,))),
    IrTestSum((1,)),
]


@pytest.mark.parametrize("parameter", PARAMETERS, ids=repr)
def test_parameters(parameter):
    back = round_trip(holder(parameter)).equations[0].operation.axes
    assert back == parameter
    assert type(back) is type(parameter)


def test_scalars_of_numpy_as_parameters():
    for scalar in (np.float32(0.1), np.int8(-3), np.bool_(True), np.complex128(1 - 2j)):
        back = parse(print_function(holder(("marker", scalar)))).equations[0].operation.axes[1]
        assert back == scalar


def bits(value):
    return np.asarray(value).tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "complex128", "complex64", "int64", "int8", "uint64", "bool"])
@given(data=st.data())
def test_literals_come_back_to_the_bit(dtype, data):
    dtype = np.dtype(dtype)
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    array = data.draw(hnp.arrays(dtype, shape))
    type_ = array_type(shape, dtype)
    value = array if shape else array[()]
    for one in (constant(value, type_), constant(dtype.type(array.flat[0]) if array.size else dtype.type(1), type_)):
        back = round_trip(one).outputs[0]
        assert back.is_splat == one.outputs[0].is_splat
        assert bits(back.value) == bits(one.outputs[0].value)


def test_nan_with_a_payload():
    odd = np.array([0x7FF8000000000123], np.uint64).view(np.float64)[0]
    for value in (odd, -np.float64("nan"), np.float64("nan")):
        back = round_trip(constant(value, F)).outputs[0].value
        assert bits(back) == bits(value)
    back = round_trip(constant(np.complex128(complex(odd, 1.0)), array_type((), np.dtype("D")))).outputs[0].value
    assert bits(back)[8:] == bits(np.float64(1.0))


def test_large_arrays_and_foreign_memory_layouts():
    array = np.arange(60.0).reshape(3, 20)
    for a in (array, array.T, array[:, ::2], np.asfortranarray(array)):
        back = round_trip(constant(a, array_type(a.shape, a.dtype))).outputs[0].value
        assert np.array_equal(back, a)
    assert "dense:float64[3,20]<" in print_function(constant(array, array_type(array.shape, array.dtype)))
    assert "[1.0,2.0]:float64[2]" in print_function(Function([], [], [literal(np.array([1.0, 2.0]))]))


def test_several_results_none_and_stacks():
    x = Var(F)
    both = equation(pair, x)
    nothing = equation(sink, *both.outs)
    f = Function([x], [both, nothing], both.outs)
    back = round_trip(f)
    assert "v0: float64[], v1: stack<float64[]> = ir_test_pair x0" in print_function(f)
    assert "() = ir_test_sink v0 v1" in print_function(f)
    assert back.out_types[1] is stack_type(F)
    round_trip(Function([], [], []))
    round_trip(Function([x, Var(F3)], [], [x, x]))


def test_held_functions_come_first_once_and_with_their_own_names():
    inner = square_sum("body")
    other = square_sum("body")
    x = Var(F3)
    middle = equation(IrTestHold(inner), x)
    outer = Function([x], [middle], middle.outs, "body")
    y = Var(F3)
    calls = [equation(IrTestHold(outer, (other, (inner,))), y), equation(IrTestHold(inner), y)]
    main = Function([y], calls, [e.outs[0] for e in calls], "body")
    back = round_trip(main)
    text = print_function(main)
    headers = [line.split("(")[0] for line in text.splitlines() if "->" in line]
    assert headers == ["body_1", "body_2", "body_3", "body"]
    assert "body=@body_2, more=(@body_3, (@body_1,))" in text
    first, second = (e.operation for e in back.equations)
    assert first.more[1][0] is second.body  # shared before, shared after


def test_functions_nested_thousands_deep():
    f = square_sum()
    for _ in range(3000):
        x = Var(F3)
        e = equation(IrTestHold(f), x)
        f = Function([x], [e], e.outs, "level")
    round_trip(f)


def test_opaque_parameters_are_numbered_and_refused():
    f = holder((print, len, print))
    text = print_function(f)
    assert "axes=(<opaque 1>, <opaque 2>, <opaque 1>)" in text
    with pytest.raises(ParseError, match="no text form"):
        parse(text)


def test_names_that_are_not_names():
    assert round_trip(square_sum("<lambda>")).name == "<lambda>"
    assert round_trip(square_sum("a b(c)")).name == "a_b_c_"
    assert round_trip(square_sum("")).name == "f"


def test_several_texts_in_one_and_blank_lines():
    text = print_function(square_sum("one")) + "\n\n\n" + print_function(square_sum("two")) + "\n"
    assert parse(text).name == "two"


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20), st.integers(0, 20)), max_size=30))
def test_random_programs(steps):
    values = [Var(F3), Literal(np.float64(2.0), F3)]
    inputs, equations = [values[0]], []
    for kind, i, j in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        if kind == 0:
            values.append(literal(np.array([0.1, float(i), np.inf])))
        else:
            e = equation(mul, a, b, span=Span("m.py", i) if kind > 2 else None)
            equations.append(e)
            values.append(e.outs[0])
    round_trip(Function(inputs, equations, values[-3:]))


@pytest.mark.skipif("WENGERT_SLOW" not in os.environ, reason="a million equations take half a minute; set WENGERT_SLOW=1")
def test_a_million_equations():
    check_long(1_000_000)


def check_long(n):
    v = x = Var(F)
    equations = []
    for i in range(n):
        e = Equation(mul, (v, x), (Var(F),), Span("m.py", i % 9 + 1))
        equations.append(e)
        v = e.outs[0]
    function = Function([x], equations, [v])
    text = print_function(function)
    back = verify(parse(text))
    assert len(back.equations) == n


def test_work_is_linear():
    check_long(100)
    assert calls(lambda: check_long(8_000)) < 5 * calls(lambda: check_long(2_000))  # quadratic would be 16 times
