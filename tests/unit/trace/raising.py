"""Functions that raise when the program runs. Not in a test's own file: there pytest rewrites `assert`.

Knows nothing of wengert. Start at `RAISING`.
"""

import numpy as np


def raises_in_a_branch(x):
    if x > 2:
        raise ValueError("too large")
    return x * 2


def raises_with_a_value(x):
    y = x * 2
    if y > 4:
        raise ArithmeticError(f"y is {y:.2f}, not {x}")
    return y


def raises_a_class(x):
    if not x <= 2:
        raise OverflowError
    return x


def raises_in_a_loop(x):
    for i in range(6):
        if x * i > 11:
            raise IndexError(f"at {i}")
    return x


def raises_in_a_while(x):
    n = 0
    while x < 20:
        x = x * 2
        n += 1
        if n == 3 and x > 20:
            raise RuntimeError("n", n)
    return x


def raises_in_a_call(x):
    def check(v):
        if v > 2:
            raise KeyError("v")
        return v

    return check(x) + check(x - 1)


def raises_in_all_iterations(x):
    for i in range(int(x) - 2):
        raise ValueError(f"no iterations, please, but {i}")
    return x


def asserts(x):
    assert x < 2.5
    return x


def asserts_with_a_message(x):
    assert x < 2.5 and x > 0, f"x = {x}"
    return x


def asserts_all(x):
    assert np.all(np.array([x, 1.0]) < 2.5), ("a tuple", 3)
    return x


class TooFar(ValueError):
    """An exception that is made of two things."""

    def __init__(self, where, limit):
        super().__init__(f"{where} > {limit}")
        self.where = where


def raises_its_own(x):
    if x > 2:
        raise TooFar("x", 2)
    return x


RAISING = [f for n, f in list(globals().items()) if n.startswith(("raises_", "asserts"))]
