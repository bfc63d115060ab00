"""Functions of a text, with and without a source that can be found; and numbers with a derivative, for a reference of its own.

Knows nothing of wengert. Start at `written`.
"""

from __future__ import annotations

import itertools
import linecache
import math
import textwrap

import numpy as np

_files = itertools.count()


def written(text, name="f", **names):
    """The function of this name that the text defines, as if it stood in a file."""
    text = textwrap.dedent(text)
    file = f"<written {next(_files)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return _executed(text, file, name, names)


def unwritten(text, name="f", **names):
    """The function of this name that the text defines, as if it came from nowhere."""
    return _executed(textwrap.dedent(text), "<nowhere>", name, names)


def _executed(text, file, name, names):
    space = {"np": np, "math": math, "__name__": "a_program", **names}
    exec(compile(text, file, "exec"), space)
    return space[name]


class Dual:
    """A number and its derivatives by some variables: forward mode as in the textbook, through plain Python."""

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    @staticmethod
    def variables(values):
        """Each value as a variable of its own."""
        return [Dual(float(v), row) for v, row in zip(values, np.eye(len(values)), strict=True)]

    @staticmethod
    def parts(x):
        """Value and derivatives of a number of either kind."""
        return (x.value, x.slope) if isinstance(x, Dual) else (x, 0.0)

    def __add__(self, other):
        y, dy = Dual.parts(other)
        return Dual(self.value + y, self.slope + dy)

    def __sub__(self, other):
        y, dy = Dual.parts(other)
        return Dual(self.value - y, self.slope - dy)

    def __mul__(self, other):
        y, dy = Dual.parts(other)
        return Dual(self.value * y, self.slope * y + self.value * dy)

    def __truediv__(self, other):
        y, dy = Dual.parts(other)
        return Dual(self.value / y, (self.slope - self.value / y * dy) / y)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other):
        return Dual(other - self.value, -self.slope)

    def __rtruediv__(self, other):
        return Dual(other / self.value, -other / self.value**2 * self.slope)

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __abs__(self):
        return -self if self.value < 0 else self

    def __int__(self):
        return int(self.value)

    def __bool__(self):
        return bool(self.value)

    def __lt__(self, other):
        return self.value < Dual.parts(other)[0]

    def __le__(self, other):
        return self.value <= Dual.parts(other)[0]

    def __gt__(self, other):
        return self.value > Dual.parts(other)[0]

    def __ge__(self, other):
        return self.value >= Dual.parts(other)[0]
