"""Programs that the tests of the transformations share: straight-line, with calls, branches, loops."""

from __future__ import annotations

import numpy as np

from wengert.ir.types import array_type
from wengert.ir.values import splat
from wengert.primitives.arith import less
from wengert.primitives.control import Call, Checkpoint, Cond, Loop, While
from wengert.primitives.control.call import emit, function_of
from wengert.primitives.math import cos, exp, sin

D = np.dtype("d")
SCALAR, PAIR, INT = array_type((), D), array_type((2,), D), array_type((), np.dtype(np.int64))
X, Y = np.array([0.4, -0.7]), np.array([1.1, 0.3])


def straight(x, y):
    a = sin(x) * y
    return [a * exp(y), cos(x), y + 1.0]


def called(x, y):
    a, b, _ = emit(Call(function_of(straight, PAIR, PAIR)), [x, y])
    return [a * b, emit(Call(function_of(lambda x: [sin(x) * x], PAIR)), [y])[0]]


def branched(x, y):
    one = function_of(lambda x, y: [sin(x) * y, sin(y)], PAIR, PAIR)
    two = function_of(lambda x, y: [exp(x * y), cos(y)], PAIR, PAIR)
    return emit(Cond((one, two)), [splat(1, INT), x, y])


def looped(x, y):
    body = function_of(lambda i, c, h, k: [sin(c * h), sin(c) * k, h * k, cos(k)], INT, PAIR, PAIR, PAIR)
    return emit(Loop(body, 3, 1, 2, 1), [x, y, x, y])


def repeated(x, y):
    cond = function_of(lambda h, t: [less(t, splat(1.0, SCALAR))], PAIR, SCALAR)
    body = function_of(lambda c, h, t: [sin(c * h), t + 0.3], PAIR, PAIR, SCALAR)
    return emit(While(cond, body, 0, 1, 2), [x, y, splat(0.0, SCALAR)])[:1]


def checkpointed(x, y):
    return emit(Checkpoint(function_of(straight, PAIR, PAIR)), [x, y])


PROGRAMS = {f.__name__: function_of(f, PAIR, PAIR, name=f.__name__) for f in (straight, called, branched, looped, repeated, checkpointed)}
