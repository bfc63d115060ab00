"""Sequences, each term from those before: polynomials, continued fractions, means, interpolation tables."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(uniform(1, 0.5, 1.5, 6), 0.7, wrt=(0, 1))
def linear_recurrence(x, a):
    """y[i] = a y[i-1] + x[i], written into an empty array."""
    n = len(x)
    y = np.empty(n)
    y[0] = x[0]
    for i in range(1, n):
        y[i] = a * y[i - 1] + x[i]
    return y


@program(0.31, 3.6, wrt=(0, 1), step=1e-4)
def logistic_map(x, r):
    """Eight steps of the logistic map."""
    for _ in range(8):
        x = r * x * (1.0 - x)
    return x


@program(normal(2, 6), 0.8, wrt=(0, 1))
def horner(coefficients, x):
    """A polynomial by Horner's rule, the highest power first."""
    result = 0
    for c in coefficients:
        result = result * x + c
    return result


@program(normal(3, 7), 0.4, wrt=(0, 1))
def clenshaw(c, x):
    """A Chebyshev series by Clenshaw's recurrence."""
    b1, b2 = 0.0, 0.0
    for k in range(len(c) - 1, 0, -1):
        b1, b2 = c[k] + 2.0 * x * b1 - b2, b1
    return c[0] + x * b1 - b2


@program(uniform(4, 1.0, 2.0, 6), uniform(5, 0.5, 1.0, 6), wrt=(0, 1))
def continued_fraction(a, b):
    """a0 + b1/(a1 + b2/(a2 + …)), from the inside out."""
    value = a[-1]
    for i in reversed(range(len(a) - 1)):
        value = a[i] + b[i + 1] / value
    return value


@program(0.7)
def tangent_by_lentz(x):
    """tan x by the modified Lentz method for its continued fraction, until a factor is 1."""
    tiny = 1e-30
    f = tiny
    c = f
    d = 0.0
    k = 0
    while k < 60:
        a = x if k == 0 else -x * x
        b = 2 * k + 1
        d = b + a * d
        if d == 0.0:
            d = tiny
        c = b + a / c
        if c == 0.0:
            c = tiny
        d = 1.0 / d
        delta = c * d
        f *= delta
        if abs(delta - 1.0) < 1e-15:
            break
        k += 1
    return f


@program(1.0, 2.5, wrt=(0, 1))
def arithmetic_geometric_mean(a, b):
    """The AGM, iterated until both means agree."""
    while abs(a - b) > 1e-14 * abs(a):
        a, b = (a + b) / 2, math.sqrt(a * b)
    return a


@program(normal(6, 8), 0.3, wrt=(0, 1))
def exponential_moving_average(x, alpha):
    """The exponentially weighted moving average of a series."""
    average = np.zeros_like(x)
    average[0] = x[0]
    for t in range(1, x.size):
        average[t] = alpha * x[t] + (1 - alpha) * average[t - 1]
    return average


@program(0.37, 6)
def legendre(x, n):
    """The Legendre polynomials of degree 0 … n by Bonnet's recurrence."""
    p = [1.0, x]
    for k in range(1, n):
        p.append(((2 * k + 1) * x * p[k] - k * p[k - 1]) / (k + 1))
    return np.array(p)


@program(np.array([0.0, 0.5, 1.2, 2.0, 3.1]), normal(7, 5), 1.7, wrt=(0, 1, 2))
def neville(xs, ys, x):
    """Polynomial interpolation at x by Neville's table, in place."""
    p = ys.copy()
    n = len(xs)
    for m in range(1, n):
        for i in range(n - m):
            p[i] = ((x - xs[i + m]) * p[i] + (xs[i] - x) * p[i + 1]) / (xs[i] - xs[i + m])
    return p[0]


@program(np.array([0.0, 0.4, 1.1, 1.9]), normal(8, 4), wrt=(0, 1))
def divided_differences(x, y):
    """Newton's divided differences."""
    n = len(x)
    table = np.zeros((n, n))
    table[:, 0] = y
    for j in range(1, n):
        for i in range(n - j):
            table[i, j] = (table[i + 1, j - 1] - table[i, j - 1]) / (x[i + j] - x[i])
    return table[0]


@program(normal(9, 9), np.array([0.5, -0.3]), wrt=(0, 1))
def autoregression_residuals(x, phi):
    """The sum of squares of what an autoregression leaves."""
    total = 0.0
    for t in range(len(phi), len(x)):
        prediction = 0.0
        for k in range(len(phi)):
            prediction += phi[k] * x[t - k - 1]
        total += (x[t] - prediction) ** 2
    return total


@program(1.3, 0.4, wrt=(0, 1))
def bessel_by_series(x, nu):
    """J_ν(x) without its gamma factor, by its power series until terms no longer matter."""
    term = 1.0
    total = 1.0
    k = 0
    while abs(term) > 1e-17 * abs(total):
        k += 1
        term *= -0.25 * x * x / (k * (k + nu))
        total += term
    return total


@program(2.3, 0.8, wrt=(0, 1))
def incomplete_gamma(a, x):
    """The lower incomplete gamma function's series, with a limit on terms."""
    ap = a
    term = 1.0 / a
    total = term
    for _ in range(200):
        ap += 1.0
        term *= x / ap
        total += term
        if abs(term) < abs(total) * 1e-16:
            break
    else:
        raise ArithmeticError("the series has not converged")
    return total * math.exp(-x + a * math.log(x))
