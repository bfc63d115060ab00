"""The determinant by expansion in minors, as a Function for each size that calls the next smaller: n! products in n programs."""

import numpy as np

from wengert.ir.types import array_type
from wengert.ir.walk import nested
from wengert.primitives.control import Call
from wengert.primitives.control.call import function_of
from wengert.primitives.index import Slice
from wengert.primitives.shape import Concatenate, Reshape


def element(a, i, j):
    return Reshape(())(Slice((i, j), (i + 1, j + 1), (1, 1))(a))


def without_column(a, j):
    """The rows but the first, the columns but one."""
    n = a.type.shape[0]
    sides = [Slice((1, 0), (n, j), (1, 1))(a), Slice((1, j + 1), (n, n), (1, 1))(a)]
    sides = [side for side in sides if side.type.size]
    return sides[0] if len(sides) == 1 else Concatenate(1)(*sides)


def minors(n):
    """(matrix -> determinant); the same Function for all calls of one size."""
    smaller = None
    for m in range(1, n + 1):

        def body(a, m=m, smaller=smaller):
            if m == 1:
                return [element(a, 0, 0)]
            total = None
            for j in range(m):
                term = element(a, 0, j) * Call(smaller)(without_column(a, j))
                total = term if total is None else total - term if j % 2 else total + term
            return [total]

        smaller = function_of(body, array_type((m, m), np.dtype("d")), name=f"minors{m}")
    return smaller


def written(function):
    """Equations of all distinct Functions together."""
    return sum([len(f.equations) for f in nested(function)])
