"""Small operations and Functions that the tests of the IR share. They need no primitive."""

import numpy as np

from wengert.errors import ShapeError
from wengert.ir.operation import Operation
from wengert.ir.types import array_type, stack_type
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.source import Span

F = array_type((), np.dtype("float64"))
F3 = array_type((3,), np.dtype("float64"))


class IrTestMul(Operation):
    """Two operands of one type."""

    def type(self, x, y):
        if x is not y:
            raise ShapeError(f"{x!r} times {y!r}")
        return (x,)


class IrTestSum(Operation):
    """To 0-d; its parameter is anything."""

    axes: object

    def type(self, x):
        return (x.with_shape(()),)


class IrTestPair(Operation):
    """Two results, one of them a stack."""

    def type(self, x):
        return x, stack_type(x)


class IrTestSink(Operation):
    """No results."""

    def type(self, *xs):
        return ()


class IrTestHold(Operation):
    """Holds functions."""

    body: Function
    more: object = None

    def type(self, *xs):
        return self.body.out_types


mul, pair, sink = IrTestMul(), IrTestPair(), IrTestSink()


def equation(operation, *operands, span=None):
    """An equation whose results have the types that the rule gives."""
    outs = tuple([Var(t) for t in operation.type(*[a.type for a in operands])])
    return Equation(operation, operands, outs, span)


def square_sum(name="square_sum"):
    """x -> sum(x * x), with spans."""
    x = Var(F3)
    squared = equation(mul, x, x, span=Span("/home/u/model.py", 14))
    total = equation(IrTestSum((0,)), squared.outs[0], span=Span("/home/u/model.py", 15))
    return Function([x], [squared, total], [total.outs[0]], name)


def holder(parameter):
    """A Function whose one equation has this parameter."""
    x = Var(F3)
    e = equation(IrTestSum(parameter), x)
    return Function([x], [e], e.outs, "holder")


def constant(value, type):
    """A Function without inputs that returns one literal."""
    return Function([], [], [Literal(value, type)], "constant")
