"""Functions with hard and easy derivatives, and random expressions."""

import numpy as np
import scipy.special as sc

SMOOTH = [
    np.sin,
    np.exp,
    np.log,
    np.sqrt,
    np.tan,
    np.arctan,
    np.sinh,
    lambda x: x**3 - 2 * x,
    lambda x: np.exp(-x * x) * np.cos(3 * x),
    lambda x: 1 / (1 + x * x),
    lambda x: np.exp(np.sin(5 * x)),
    lambda x: x**0.5 * np.log(x),
    lambda x: np.exp(x) / (np.cos(x) ** 3 + np.sin(x) ** 3),
    lambda x: (x - 1) ** 2,
    lambda x: np.sin(x) - x,
    lambda x: np.log(1 + np.exp(x)),
    lambda x: np.tanh(10 * x),
    lambda x: x**7 - 3 * x**4 + x,
    lambda x: np.cos(x**2),
    lambda x: 1e6 + np.sin(x),
    lambda x: 1e-8 * np.cos(x),
    lambda x: sc.erf(x),
    lambda x: np.arcsin(x / 40),
    lambda x: np.exp(-1 / x),
    lambda x: x * np.exp(x),
    lambda x: np.log(np.cosh(x)),
    lambda x: (1 + x) ** 10,
    lambda x: np.sqrt(1 + x * x) - 1,
    lambda x: np.sin(100 * x),
    lambda x: np.exp(-50 * (x - 1) ** 2),
    lambda x: (np.exp(x) - 1) / x,
    lambda x: (1 - np.cos(x)) / x**2,
    lambda x: 0.1 + 0.5 * x + 1.3 * x * x,
    lambda x: sc.gammaln(x + 1),
    lambda x: sc.j0(x),
    lambda x: np.log10(x) * np.exp2(x),
    lambda x: np.arctan2(x, 2.0),
    lambda x: x / (1e-3 + x),
    lambda x: np.hypot(x, 3.0),
    lambda x: 1 / x,
]
POINTS = [1e-3, 0.1, 0.37, 0.9, 1.0, 1.4, 2.3, 4.7, 30.0]

_UNARY = [
    np.sin,
    np.cos,
    np.tanh,
    np.exp,
    np.arctan,
    lambda x: np.log(2 + x * x),
    lambda x: np.sqrt(1 + x * x),
    np.square,
    sc.erf,
    sc.expit,
]
_BINARY = [np.add, np.subtract, np.multiply, lambda a, b: a / (2 + b * b), np.arctan2, np.logaddexp]


def random_expression(rng, depth=4):
    """A function of x and y, smooth everywhere."""
    kind = rng.integers(4) if depth else 0
    if kind == 0:
        constant = round(float(rng.normal()), 3)
        return [lambda x, y: x, lambda x, y: y, lambda x, y: x * constant][rng.integers(3)]
    if kind == 1:
        f, inner = _UNARY[rng.integers(len(_UNARY))], random_expression(rng, depth - 1)
        return lambda x, y: f(inner(x, y))
    f, a, b = _BINARY[rng.integers(len(_BINARY))], random_expression(rng, depth - 1), random_expression(rng, depth - 1)
    return lambda x, y: f(a(x, y), b(x, y))


def first_of_baydin(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def radius(x):
    return (x[0] ** 2 + x[1] ** 2) ** 0.5


def neuron(w, b, x=1.5, t=0.3):
    return 0.5 * (1 / (1 + np.exp(-(w * x + b))) - t) ** 2


def loop_with_branch(x):
    s = x
    for _ in range(10):
        if s > 1:
            s = np.sin(s) * x
        else:
            s = s * 1.7
    return s
