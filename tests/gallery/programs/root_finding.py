"""Equations solved by iteration: Newton, secant, bisection and what lies between; loops that end when they are done."""

import math

import numpy as np

from tests.gallery.registry import normal, program


@program(7.3)
def newton_square_root(a):
    """A square root by Heron's iteration."""
    x = a
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x


@program(1.1, 0.4, wrt=(0, 1))
def kepler(mean_anomaly, eccentricity):
    """The eccentric anomaly by Newton's method, with a break."""
    e = mean_anomaly
    for _ in range(50):
        step = (e - eccentricity * math.sin(e) - mean_anomaly) / (1.0 - eccentricity * math.cos(e))
        e -= step
        if abs(step) < 1e-13:
            break
    return e


@program(2.0, 0.5, wrt=(0, 1))
def safeguarded_newton(a, b):
    """x + b sin x = a by Newton, by bisection where Newton leaves the bracket."""

    def f(x):
        return x + b * np.sin(x) - a

    def df(x):
        return 1.0 + b * np.cos(x)

    low, high = -10.0, 10.0
    x = 0.5 * (low + high)
    for _ in range(100):
        fx = f(x)
        if fx < 0:
            low = x
        else:
            high = x
        new = x - fx / df(x)
        if not (low < new < high):
            new = 0.5 * (low + high)
        converged = abs(new - x) <= 1e-13
        x = new
        if converged:
            break
    return x


@program(1.7)
def secant(p):
    """x exp x = p by the secant method."""
    x0, x1 = 0.5, 1.0
    f0 = x0 * math.exp(x0) - p
    while True:
        f1 = x1 * math.exp(x1) - p
        if abs(f1) < 1e-13:
            return x1
        x0, x1, f0 = x1, x1 - f1 * (x1 - x0) / (f1 - f0), f1


@program(2.2)
def regula_falsi(p):
    """x³ + x = p by the Illinois rule."""
    a, b = 0.0, 3.0
    fa, fb = a**3 + a - p, b**3 + b - p
    side = 0
    x = a
    for _ in range(200):
        x = (fa * b - fb * a) / (fa - fb)
        fx = x**3 + x - p
        if abs(fx) < 1e-13:
            break
        if fx * fb > 0:
            b, fb = x, fx
            if side == -1:
                fa /= 2
            side = -1
        else:
            a, fa = x, fx
            if side == 1:
                fb /= 2
            side = 1
    return x


@program(0.1, 2.9, wrt=(0, 1))
def bisection(low, high):
    """Six halvings of a bracket of cos x = x: the midpoint, as a function of the bracket."""
    for _ in range(6):
        middle = 0.5 * (low + high)
        if math.cos(middle) > middle:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@program(1.4)
def brent(p):
    """x² exp x = p by inverse quadratic interpolation, the secant and bisection, as Brent chooses."""
    f = lambda x: x * x * np.exp(x) - p
    a, b = 0.1, 2.0
    fa, fb = f(a), f(b)
    c, fc = a, fa
    d = b - a
    e = d
    for _ in range(100):
        if fb * fc > 0.0:
            c, fc = a, fa
            d = b - a
            e = d
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        half = 0.5 * (c - b)
        if abs(fb) < 1e-14 or abs(half) < 1e-16:
            return b
        if abs(e) > 1e-16 and abs(fa) > abs(fb):
            s = fb / fa
            if a == c:
                top = 2.0 * half * s
                bottom = 1.0 - s
            else:
                q = fa / fc
                r = fb / fc
                top = s * (2.0 * half * q * (q - r) - (b - a) * (r - 1.0))
                bottom = (q - 1.0) * (r - 1.0) * (s - 1.0)
            if top > 0:
                bottom = -bottom
            else:
                top = -top
            if 2.0 * top < min(3.0 * half * bottom, abs(e * bottom)):
                e = d
                d = top / bottom
            else:
                d = half
                e = half
        else:
            d = half
            e = half
        a, fa = b, fb
        b = b + d
        fb = f(b)
    return b


@program(0.8, 0.3, wrt=(0, 1))
def fixed_point(a, b):
    """x = a cos x + b by repetition, as many times as it takes."""
    x = 0.0
    difference = 1.0
    iterations = 0
    while difference > 1e-15 and iterations < 500:
        new = a * math.cos(x) + b
        difference = abs(new - x)
        x = new
        iterations += 1
    return x


@program(0.9, 0.4, wrt=(0, 1))
def golden_section_minimum(a, b):
    """Roughly the least value of a function of one variable, after eight rounds of golden section around a guess."""

    def f(x):
        return (x - a) ** 2 + b * math.exp(x)

    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = a - 2.0, a + 1.3
    x1 = high - ratio * (high - low)
    x2 = low + ratio * (high - low)
    f1, f2 = f(x1), f(x2)
    for _ in range(8):
        if f1 < f2:
            high, x2, f2 = x2, x1, f1
            x1 = high - ratio * (high - low)
            f1 = f(x1)
        else:
            low, x1, f1 = x1, x2, f2
            x2 = low + ratio * (high - low)
            f2 = f(x2)
    return f(0.5 * (low + high))


@program(np.array([1.2, 0.7]))
def newton_system(p):
    """Two equations in two unknowns by Newton, the linear system by Cramer's rule."""
    x, y = 1.0, 1.0
    for iteration in range(30):
        f = x * x + y * y - p[0] * 2.0
        g = x * y - p[1] * 0.9
        a, b, c, d = 2 * x, 2 * y, y, x
        determinant = a * d - b * c
        if abs(determinant) < 1e-12:
            x += 0.1
            continue
        dx = (f * d - b * g) / determinant
        dy = (a * g - f * c) / determinant
        x, y = x - dx, y - dy
        if iteration > 2 and max(abs(dx), abs(dy)) < 1e-13:
            break
    return np.array([x, y])


@program(20.0)
def halley_cube_root(a):
    """A cube root by Halley's method; returns the number of steps too."""
    x = 1.0
    steps = 0
    while True:
        cube = x**3
        new = x * (cube + 2 * a) / (2 * cube + a)
        steps += 1
        if abs(new - x) < 1e-14 * abs(new):
            break
        x = new
    return new


@program(normal(3, 5), 1.5, wrt=(0, 1))
def water_filling(noise, power):
    """The water level that spends a given power over noisy channels, by active sets."""
    floor = np.exp(noise)
    active = [True] * len(floor)
    while True:
        count = 0
        total = power
        for i in range(len(floor)):
            if active[i]:
                count += 1
                total += floor[i]
        level = total / count
        dropped = False
        for i in range(len(floor)):
            if active[i] and floor[i] > level:
                active[i] = False
                dropped = True
        if not dropped:
            break
    rate = 0.0
    for i in range(len(floor)):
        if active[i]:
            rate += math.log(level / floor[i])
    return rate
