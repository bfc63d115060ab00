"""Random programs before and after the passes: elementwise ones keep every bit, all keep their values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert as wg
from tests.properties.test_expressions import points, program, programs
from wengert.ir.builder import Builder, building
from wengert.ir.parser import parse
from wengert.ir.printer import print_function
from wengert.ir.types import array_type
from wengert.ir.values import Function, Var, splat
from wengert.ir.verifier import verify
from wengert.passes.pipeline import optimise
from wengert.primitives import arith, math
from wengert.primitives.shape import broadcast, cast, permute, reshape
from wengert.transform.evaluate import evaluate

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -0.5, 3.7, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1.7e308, -1e-200, 1e200, 0.1])
CONSTANTS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -4.0, 3.0, np.inf, np.nan, 5e-324]

ONE = [arith.neg, arith.abs_, arith.sign, arith.reciprocal, math.square, math.sqrt, math.exp, arith.real, arith.conj, arith.Imag()]
POWERS = [math.IntegerPow(n) for n in (-1, 0, 1, 2)]
TWO = [arith.add, arith.sub, arith.mul, arith.div, arith.maximum, arith.minimum, arith.sub, arith.mul]
COMPARE = [arith.equal, arith.not_equal, arith.less, arith.greater]
LOGIC = [arith.logical_and, arith.logical_or]


@st.composite
def elementwise(draw):
    """A Function of arrays and a number: arithmetic, comparisons, choices, constants, moves, and parts of it used often."""
    builder = Builder()
    inputs = [Var(array_type(shape, np.dtype("d"))) for shape in ((4, 4), (4, 4), (4,), (4,), ())]
    values, masks = list(inputs), []

    def value(shape=None):
        among = [v for v in values if shape is None or v.type.shape == shape]
        if shape is not None and (not among or draw(st.integers(0, 3)) == 0):
            return splat(draw(st.sampled_from(CONSTANTS)), array_type(shape, np.dtype("d")))
        return among[draw(st.integers(0, len(among) - 1))]

    def mask(shape):
        among = [m for m in masks if m.type.shape == shape]
        return draw(st.sampled_from(among)) if among else arith.less(value(shape), value(shape))

    with building(builder):
        for _ in range(draw(st.integers(2, 25))):
            x = value()
            shape = x.type.shape
            kind = draw(st.integers(0, 7))
            if kind == 0:
                values.append(draw(st.sampled_from(ONE + POWERS))(x))
            elif kind <= 3:
                y, operation = value(shape), draw(st.sampled_from(TWO))
                values.append(operation(x, y) if draw(st.booleans()) else operation(y, x))
            elif kind == 4:
                masks.append(draw(st.sampled_from(COMPARE))(x, value(shape)))
                if draw(st.booleans()):
                    masks.append(arith.logical_not(mask(shape)))
                if draw(st.booleans()):
                    masks.append(draw(st.sampled_from(LOGIC))(mask(shape), mask(shape)))
            elif kind == 5:
                values.append(arith.select(mask(shape), x, value(shape)))
            elif kind == 6:
                values.append(moved(draw, x))
            else:
                values.append(cast(cast(x, draw(st.sampled_from(["D", "d"]))), "d"))
        kept = [v for v in values if isinstance(v, Var)]
        outs = [draw(st.sampled_from(kept)) for _ in range(draw(st.integers(1, 3)))]
    return verify(Function(inputs, builder.equations, [kept[-1], *outs], "f"))


def moved(draw, x):
    """x under another shape, permuted or repeated, by one of the operations that apply."""
    shape = x.type.shape
    if x.type.size == 16:
        return permute(x, (1, 0)) if len(shape) == 2 and draw(st.booleans()) else reshape(x, (4, 4) if len(shape) == 1 else (16,))
    if x.type.size == 4 and len(shape) == 1:
        if draw(st.booleans()):
            return broadcast(x, (4, 4), (draw(st.integers(0, 1)),))
        return reshape(x, draw(st.sampled_from([(4, 1), (1, 4)])))
    return broadcast(x, (4, 4)) if x.type.size in (1, 4) else x


@SETTINGS
@given(elementwise(), st.integers(0, 2**32 - 1))
def test_elementwise_programs_keep_every_bit(function, seed):
    rng = np.random.default_rng(seed)
    arguments = [rng.permutation(SPECIAL)[: t.size].reshape(t.shape)[()] for t in function.in_types]
    new = verify(optimise(function))
    assert len(new.equations) <= len(function.equations) + 4
    for a, b in zip(evaluate(function, arguments), evaluate(new, arguments), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype and a.shape == b.shape
        nan = np.isnan(a)
        np.testing.assert_array_equal(nan, np.isnan(b))
        assert a[~nan].tobytes() == b[~nan].tobytes()


@SETTINGS
@given(elementwise())
def test_elementwise_programs_twice_is_once(function):
    once = parse(print_function(optimise(function)))
    assert print_function(optimise(once)) == print_function(once)


DERIVED = {
    "value": lambda f: f,
    "grad": lambda f: wg.grad(lambda x: np.sum(f(x))),
    "jacobian": wg.jacfwd,
    "hessian": lambda f: wg.hessian(lambda x: np.sum(f(x) ** 2)),
    "lanes": lambda f: lambda x: wg.vmap(wg.grad(lambda x: np.sum(f(x))))(np.stack([x, x * 0.5])),
}


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("derived", DERIVED)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(programs(), points)
def test_programs_and_derivatives_keep_their_values(derived, fastmath, steps, x):
    function = wg.record(DERIVED[derived](program(steps)))(x)
    new = verify(optimise(function, fastmath))
    for a, b in zip(evaluate(function, [x]), evaluate(new, [x]), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
