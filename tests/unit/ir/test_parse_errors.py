"""Every refusal of the parser: what, the line with the place marked, why, what to do."""

import pytest

from wengert.errors import ParseError
from wengert.ir.parser import parse
from wengert.ir.printer import print_function

from . import programs

HEAD = "f(x0: float64[3]) -> (float64[]):\n"
CASES = [
    ("", "there is no function", None),
    ("def f(x):", "expected the name of a function", (1, 1)),
    ("f(x0: float65[3]) -> ():\n  return", "no dtype float65", (1, 7)),
    ("f(x0: float64[3,]) -> ():\n  return", "size is missing", (1, 7)),
    ("f(x0: stack<float64[3]) -> ():\n  return", "go together", (1, 7)),
    ("f(x0: float64[], x0: float64[]) -> ():\n  return", "x0 is defined twice", (1, 18)),
    ("f(y: float64[]) -> ():\n  return", "expected a variable", (1, 3)),
    (HEAD + "  v0: float64[] = nonsense x0\n  return v0", "no operation nonsense", (2, 19)),
    (HEAD + "  v0: float64[] = ir_test_sum[axis=1] x0\n  return v0", "does not take these parameters", (2, 19)),
    (HEAD + "  v0: float64[] = ir_test_sum x0\n  return v0", "does not take these parameters", (2, 19)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=what] x0\n  return v0", "expected a parameter", (2, 36)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=@g] x0\n  return v0", "function g is not defined above", (2, 36)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=dtype('f99')] x0\n  return v0", "no dtype f99", (2, 36)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=complex(1)] x0\n  return v0", "parameter is malformed", (2, 36)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=" + "(" * 99, "inside each other", None),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 v7\n  return v0", "v7 is not defined before", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 v0\n  return v0", "v0 is not defined before", (2, 35)),
    (HEAD + "  x0: float64[3] = ir_test_mul x0 x0\n  return x0", "x0 is defined twice", (2, 3)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0  x0\n  return v0", "expected a variable or a literal", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 1.5:int64[3]\n  return v0", "not a int64\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 300:uint8[3]\n  return v0", "not a uint8\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 maybe:bool[3]\n  return v0", "not a bool\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 (1,2):float64[3]\n  return v0", "not a float64\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 [1,2]:float64[3]\n  return v0", "not a float64\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 dense:float64[3]<AAAA>\n  return v0", "not a float64\\[3\\]", (2, 35)),
    (HEAD + "  v0: float64[3] = ir_test_mul x0 1:stack<float64[]>\n  return v0", "stack cannot be a literal", (2, 35)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=1] x0    # no line\n  return v0", "expected a comment", (2, 41)),
    (HEAD + "  v0: float64[] = ir_test_sum[axes=1] x0", "no `return`", None),
    (HEAD + "v0: float64[] = ir_test_sum[axes=1] x0", "expected '  '", (2, 1)),
    (HEAD + "  return x0", "returns \\(float64\\[3\\]\\), but its header says", (2, 3)),
    ("f() -> ():\n  return\nf() -> ():\n  return", "f is defined twice", (3, 1)),
    ("f() -> (): x\n  return", "expected the end of the line", (1, 11)),
]


@pytest.mark.parametrize(("text", "what", "place"), CASES, ids=[c[1] for c in CASES])
def test_refusals(text, what, place):
    with pytest.raises(ParseError, match=what) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith("cannot read the function: ")
    assert "Try: " in message
    if place:
        row, column = place
        assert f"(line {row}, column {column})" in message
        lines = message.splitlines()
        assert lines[1] == "  " + text.split("\n")[row - 1].rstrip()
        assert lines[2] == "  " + " " * (column - 1) + "^"


def test_long_lines_are_shown_around_the_place():
    text = print_function(programs.square_sum()).replace("v0: float64[3]", "v0: float64[3]" + "?" + "z" * 5000)
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert max(map(len, str(caught.value).splitlines())) < 150
