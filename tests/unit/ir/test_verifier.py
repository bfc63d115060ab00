"""Each kind of malformed Function is found, and shown in its neighbourhood."""

import numpy as np
import pytest

from wengert.errors import VerificationError
from wengert.ir.types import array_type
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.ir.verifier import verify
from wengert.source import Span

from .programs import F3, F, IrTestHold, IrTestSum, equation, mul, pair, square_sum


def chain(n=10):
    """x -> x*x*…*x and its equations."""
    v = x = Var(F3)
    equations = []
    for i in range(n):
        e = equation(mul, v, x, span=Span("/home/u/model.py", i + 1))
        equations.append(e)
        v = e.outs[0]
    return x, equations


def replaced(index, operation=None, operands=None, outs=None):
    x, equations = chain()
    old = equations[index]
    equations[index] = Equation(operation or old.operation, operands or old.operands, outs or old.outs, old.span)
    return Function([x], equations, [equations[-1].outs[0]], "bad")


def fault(function):
    with pytest.raises(VerificationError) as caught:
        verify(function)
    return str(caught.value)


def test_sound_functions_pass_and_are_remembered():
    f = square_sum()
    assert verify(f) is f
    assert f.memo["verified"]
    assert verify(f) is f


def test_the_neighbourhood_is_shown():
    message = fault(replaced(5, operands=(Var(F3), Var(F3))))
    assert message == (
        "malformed function bad: a variable of type float64[3] is used but not defined before   (model.py:6)\n"
        "      bad(x0: float64[3]) -> (float64[3]):\n"
        "        … 2 equations\n"
        "        v2: float64[3] = ir_test_mul v1 x0    # model.py:3\n"
        "        v3: float64[3] = ir_test_mul v2 x0    # model.py:4\n"
        "        v4: float64[3] = ir_test_mul v3 x0    # model.py:5\n"
        "  -->   v5: float64[3] = ir_test_mul ? ?    # model.py:6\n"
        "        v6: float64[3] = ir_test_mul v5 x0    # model.py:7\n"
        "        v7: float64[3] = ir_test_mul v6 x0    # model.py:8\n"
        "        v8: float64[3] = ir_test_mul v7 x0    # model.py:9\n"
        "        … 1 equations\n"
        "A variable is an input or the result of an earlier equation.\n"
        "Try: report this as a bug, with this text, unless the operation marked is your own"
    )


def test_use_before_definition():
    x, equations = chain()
    equations[3], equations[4] = equations[4], equations[3]
    message = fault(Function([x], equations, equations[-1].outs))
    assert "used but not defined" in message
    assert "-->   v3: float64[3] = ir_test_mul v4 x0" in message


def test_defined_twice():
    x, equations = chain()
    equations[9] = Equation(mul, (x, x), (x,), None)
    assert "already defined" in fault(Function([x], equations, [x]))
    x, equations = chain()
    equations.insert(5, equations[4])
    assert "already defined" in fault(Function([x], equations, equations[-1].outs))
    assert "occurs twice" in fault(Function([x, x], [], [x]))


def test_results_of_other_types():
    message = fault(replaced(9, outs=(Var(F),)))
    assert "results are written as float64[], but ir_test_mul gives float64[3]" in message
    assert "-->   v9: float64[]" in message
    assert "  return v9" in message
    assert "gives float64[], stack<float64[]>" in fault(Function([], [Equation(pair, (Literal(np.float64(1), F),), (Var(F),), None)], []))


def test_operands_that_do_not_fit():
    message = fault(replaced(0, operands=(Literal(np.float64(1), F), Literal(np.float64(1), F3))))
    assert "ir_test_mul does not accept float64[], float64[3]" in message
    assert "raised ShapeError: float64[] times float64[3]" in message
    assert "raised TypeError" in fault(replaced(0, operands=(Literal(np.float64(1), F3),)))


@pytest.mark.parametrize(
    ("value", "type", "what"),
    [
        (np.float32(1), F, "holds a value of type float32"),
        (np.zeros(4), F3, "holds a value of type float64[4]"),
        (np.zeros((3, 1)), F3, "holds a value of type float64[3,1]"),
        (1.0, F, "holds 1.0, a float"),
        ([1.0], F3, "holds [1.0], a list"),
    ],
)
def test_literals_that_lie(value, type, what):
    bad = Literal.__new__(Literal)
    bad.value, bad.type = value, type
    message = fault(Function([], [], [bad]))
    assert what in message
    assert "-->   return" in message


def test_undefined_outputs_and_strangers():
    x = Var(F)
    assert "used but not defined" in fault(Function([x], [], [Var(F)]))
    assert "no value of the IR" in fault(Function([x], [], ["x"]))
    assert "is not a variable" in fault(Function([Literal(np.float64(1), F)], [], []))


def test_held_functions_are_checked_and_named():
    x, y = Var(F3), Var(F3)
    bad = Function([x], [], [Var(F)], "inner")
    e = equation(IrTestHold(bad, ("deep", (square_sum(),))), y)
    message = fault(Function([y], [e], e.outs, "outer"))
    assert message.startswith("malformed function inner: ")


def test_array_types_are_interned():
    assert array_type((3,), np.dtype("f8")) is array_type((np.int64(3),), np.dtype(">f8").newbyteorder("="))
    assert IrTestSum((1,)) is IrTestSum((1,))
