"""Rules with parameters, constants, shared equations: the same bits, and what is left is what should be."""

import numpy as np
import pytest

from wengert.ir.values import Literal, literal, splat
from wengert.passes.identities import FAST
from wengert.passes.simplify import simplify
from wengert.primitives.arith import add, complex_, div, equal, mul, neg, select, sub
from wengert.primitives.control import Cond
from wengert.primitives.index import gather
from wengert.primitives.math import IntegerPow, exp, power, sin
from wengert.primitives.shape import Cast, cast
from wengert.transform.evaluate import evaluate

from .programs import agree, grid, names, program, same_bits, special


def at_special(body, *dtypes, **options):
    points = grid(dtypes) if len(dtypes) > 1 else [special(dtypes[0])]
    return agree(program(body, *[(p.dtype, *p.shape) for p in points]), points, **options)


# -- constants in products, divisors, powers -------------------------------------------------------


@pytest.mark.parametrize("dtype", ["d", "f"])
@pytest.mark.parametrize("c", [2.0, 0.5, -4.0, 2.0**100, -(2.0**-100), 2.0**-126, 2.0**127])
def test_division_by_a_power_of_two_is_a_product(dtype, c):
    new = at_special(lambda x: div(x, splat(c, x.type)), dtype)
    assert names(new) == ["mul"]


@pytest.mark.parametrize("dtype, c", [("d", 3.0), ("d", 0.0), ("d", np.inf), ("d", np.nan), ("d", 5e-324), ("f", 1e-45), ("d", 0.1)])
def test_division_by_anything_else_stays(dtype, c):
    assert names(at_special(lambda x: div(x, splat(c, x.type)), dtype)) == ["div"]


def test_division_by_the_largest_power_of_two():
    # its reciprocal is subnormal, and exact
    assert names(at_special(lambda x: div(x, splat(2.0**1023, x.type)), "d")) == ["mul"]
    assert names(at_special(lambda x: div(x, splat(2.0**1022, x.type)), "d")) == ["mul"]


@pytest.mark.parametrize(
    "body", [lambda x, c: neg(mul(x, c)), lambda x, c: mul(neg(x), c), lambda x, c: neg(div(x, c)), lambda x, c: neg(div(c, x))]
)
def test_signs_go_into_constants(body):
    new = at_special(lambda x: body(x, splat(3.0, x.type)), "d")
    assert len(names(new)) == 1 and names(new) != ["neg"]


@pytest.mark.parametrize("n, expected", [(0, []), (1, []), (2, ["mul"]), (-1, ["reciprocal"]), (3, ["integer_pow"])])
def test_whole_powers(n, expected):
    assert names(at_special(lambda x: IntegerPow(n)(x), "d")) == expected


def test_whole_powers_of_complex_numbers():
    assert names(at_special(lambda x: IntegerPow(2)(x), "D")) == ["mul"]
    assert names(at_special(lambda x: IntegerPow(-1)(x), "D")) == ["integer_pow"]


@pytest.mark.parametrize("y, expected", [(2.0, ["mul"]), (1.0, []), (0.0, []), (-1.0, ["reciprocal"]), (0.5, ["pow"]), (3.0, ["pow"])])
def test_constant_powers(y, expected):
    assert names(at_special(lambda x: power(x, splat(y, x.type)), "d")) == expected


def test_the_zero_that_an_adjoint_starts_from_stays():
    # 0.0 + -0.0 is 0.0
    assert names(at_special(lambda x: add(splat(0.0, x.type), x), "d")) == ["add"]


def test_nothing_is_reassociated():
    body = lambda x: mul(mul(x, splat(0.1, x.type)), splat(0.3, x.type))
    assert names(at_special(body, "d")) == ["mul", "mul"]
    assert names(agree(program(body, ("d", 3)), [np.arange(3.0)], np.testing.assert_allclose, fastmath=True)) == ["mul"]


# -- fastmath ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, expected",
    [
        (lambda x, y: div(x, splat(3.0, x.type)), ["mul"]),
        (lambda x, y: power(x, splat(0.5, x.type)), ["sqrt"]),
        (lambda x, y: add(add(x, splat(0.1, x.type)), splat(0.2, x.type)), ["add"]),
        (lambda x, y: add(mul(x, y), mul(sin(x), y)), ["sin", "add", "mul"]),
        (lambda x, y: sub(mul(y, x), mul(y, sin(x))), ["sin", "sub", "mul"]),
    ],
)
def test_under_fastmath(body, expected):
    function = program(body, ("d", 5), ("d", 5))
    new = agree(function, [np.linspace(0.5, 2, 5), np.linspace(1, 3, 5)], np.testing.assert_allclose, fastmath=True)
    assert names(new) == expected
    assert names(simplify(function)) == names(function)


def test_factoring_needs_products_that_nothing_else_uses():
    def body(x, y):
        product = mul(x, y)
        return [add(product, mul(sin(x), y)), exp(product)]

    new = simplify(program(body, ("d", 3), ("d", 3)), fastmath=True)
    assert names(new).count("mul") == 2


def test_fast_identities_are_not_exact_ones():
    assert all(i.why for i in FAST)


# -- casts --------------------------------------------------------------------------------------------


def test_casts_that_lose_nothing_are_merged():
    assert names(at_special(lambda x: cast(cast(x, "d"), "f"), "f")) == []
    assert names(at_special(lambda x: cast(cast(x, "D"), "F"), "f")) == ["cast"]
    assert names(at_special(lambda x: cast(cast(x, "i4"), "d"), "?")) == ["cast"]
    assert names(at_special(lambda x: cast(cast(x, "i8"), "d"), "i4")) == ["cast"]
    assert names(at_special(lambda x: Cast(np.dtype("d"))(x), "d")) == []


def test_casts_that_lose_something_are_kept():
    assert names(at_special(lambda x: cast(cast(x, "f"), "d"), "d")) == ["cast", "cast"]
    assert names(at_special(lambda x: cast(cast(x, "d"), "i8"), "i8")) == ["cast", "cast"]  # 2**53 + 1
    assert names(at_special(lambda x: cast(cast(x, "f"), "d"), "i4")) == ["cast", "cast"]


def test_real_and_imaginary_part_of_a_real_number_made_complex():
    from wengert.primitives.arith import imag, real

    new = at_special(lambda x: [real(cast(x, "D")), imag(cast(x, "D"))], "d")
    assert names(new) == [] and isinstance(new.outputs[1], Literal)


# -- constants ------------------------------------------------------------------------------------------


def test_what_is_constant_is_computed():
    function = program(lambda x: mul(x, exp(neg(splat(1.0, x.type)))), ("d", 4))
    new = agree(function, [np.arange(4.0)])
    assert names(new) == ["mul"]
    assert new.equations[0].operands[1].is_splat


def test_a_constant_array_of_one_value_is_that_value():
    function = program(lambda x: mul(x, literal(np.ones(4))), ("d", 4))
    assert names(agree(function, [np.arange(4.0)])) == []
    mixed = program(lambda x: add(x, literal(np.array([0.0, -0.0, 0.0, 0.0]))), ("d", 4))
    assert names(agree(mixed, [special("d")[:4]])) == ["add"]
    nan = program(lambda x: add(x, literal(np.full(3, np.nan))), ("d", 3))
    assert names(agree(nan, [np.arange(3.0)])) == ["add"]


def test_constants_do_not_grow_the_program():
    from wengert.primitives.shape import broadcast

    wide = program(lambda x: add(x, broadcast(literal(np.arange(100.0)), (100, 100))), ("d", 100, 100))
    assert "broadcast" in names(agree(wide, [np.ones((100, 100))]))
    narrow = program(lambda x: add(x, broadcast(literal(np.arange(3.0)), (2, 3))), ("d", 2, 3))
    assert names(agree(narrow, [np.ones((2, 3))])) == ["add"]


def test_what_can_raise_is_not_computed():
    function = program(lambda x: add(x, gather(literal(np.arange(3.0)), [literal(np.array([0, 5]))])), ("d", 2))
    assert names(simplify(function)) == ["gather", "add"]


def test_a_signed_zero_is_a_constant_of_its_own():
    new = agree(program(lambda x: [mul(x, splat(0.0, x.type)), mul(x, splat(-0.0, x.type))], ("d", 16)), [special("d")[:16]])
    assert names(new) == ["mul", "mul"]


# -- shared equations ---------------------------------------------------------------------------------


def test_equal_equations_become_one():
    new = agree(program(lambda x, y: mul(sin(add(x, y)), sin(add(y, x))), ("d", 3), ("d", 3)), [np.arange(3.0), np.ones(3)])
    assert names(new) == ["add", "sin", "mul"]


def test_the_first_keeps_its_line():
    function = program(lambda x: mul(sin(x), sin(x)), ("d", 3))
    from wengert.source import Span

    for k, e in enumerate(function.equations):
        e.span = Span("model.py", k + 1)
    assert [e.span.line for e in simplify(function).equations] == [1, 3]


def test_subtraction_does_not_commute():
    new = agree(program(lambda x, y: mul(sub(x, y), sub(y, x)), ("d", 3), ("d", 3)), [np.arange(3.0), np.ones(3)])
    assert names(new) == ["sub", "sub", "mul"]


# -- choices ------------------------------------------------------------------------------------------


def test_a_cond_that_is_decided_is_its_branch():
    branches = tuple(program(body, ("d", 3), ("d", 3)) for body in (lambda x, y: [sin(x), y], lambda x, y: [mul(x, y), x]))
    for index in (0, 1):
        function = program(lambda x, y, i=index: list(Cond(branches)(literal(np.int64(i)), x, y)), ("d", 3), ("d", 3))
        assert names(agree(function, [np.arange(3.0), np.ones(3)])) == (["sin"], ["mul"])[index]
    outside = program(lambda x, y: list(Cond(branches)(literal(np.int64(2)), x, y)), ("d", 3), ("d", 3))
    assert names(simplify(outside)) == ["cond"]


def test_the_same_question_twice():
    def body(x, y):
        m = equal(x, y)
        return select(m, select(m, x, y), y)

    assert names(at_special(body, "d", "d")) == ["equal", "select"]


def test_parts_of_a_complex_number():
    from wengert.primitives.arith import imag, real

    function = program(lambda x, y: [real(complex_(x, y)), imag(complex_(x, y))], ("d", 3), ("d", 3))
    new = simplify(function)
    assert new.outputs == new.inputs
    same_bits(evaluate(new, [np.ones(3), np.arange(3.0)])[1], np.arange(3.0))
