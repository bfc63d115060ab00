"""The language itself: every kind of loop, branch and call."""

import math
from functools import partial, reduce

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(5.3, 0.4, wrt=(0, 1))
def while_else(x, k):
    """while with else: halvings until small, or a value that says it took too long."""
    count = 0
    while count < 10:
        x = x * k + 0.01
        if x < 0.02:
            result = x
            break
        count += 1
    else:
        result = x + 1.0
    return result


@program(uniform(1, 0.1, 0.9, 6), 2.0, wrt=(0, 1))
def for_else(x, limit):
    """for with else: a sum that stops at a limit, or all of it squared."""
    total = 0.0
    for v in x:
        total += v
        if total > limit:
            break
    else:
        total = total**2
    return total


@program(normal(2, 4, 5))
def nested_break_and_continue(a):
    """Rows are left at their first large element, negative ones are passed over."""
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if a[i, j] < 0:
                continue
            if a[i, j] > 1.2:
                total += 10.0 * a[i, j]
                break
            total += a[i, j] ** 2
        if total > 40.0:
            break
    return total


@program(1.4, 0.2, wrt=(0, 1))
def early_returns(x, y):
    """Returns from the midst of branches and loops."""
    if x < 0:
        return y
    for k in range(1, 6):
        x = x * 0.8 + y
        if x < 1.0:
            return x * k
        if x > 50.0:
            return y
    return x - y


@program(normal(3, 6), 0.8, wrt=(0, 1))
def chained_comparisons(x, limit):
    """Clipped and counted by a < b < c, and, or, not."""
    total = 0.0
    for v in x:
        if -limit < v < limit:
            total += v**3
        elif v >= limit and not (v > 2 * limit):
            total += limit * v
        elif v <= -limit or v > 2 * limit:
            total -= math.sqrt(abs(v)) * limit
    return total


@program(normal(4, 6), 0.5, wrt=(0, 1))
def conditional_expressions(x, k):
    """Branches as values, in a sum and in each other."""
    signs = [1.0 if v > 0 else -1.0 for v in x]
    total = 0.0
    for s, v in zip(signs, x, strict=True):
        total += (v * k if v > 1 else v**2 if v > 0 else -v * k * k) * s
    return total or 0.0


@program(normal(5, 7))
def built_in_functions(x):
    """min, max, sum, abs, len, round and int of numbers and arrays."""
    spread = max(x) - min(x)
    mean = sum(x) / len(x)
    bins = int(spread) + 1
    rounded = round(float(abs(mean)) * 10)
    return spread * mean + bins * abs(x[0]) + rounded * x[1] ** 2 + pow(spread, 2.5) + min(x[2], x[3], x[4])


@program(0.7, 5)
def static_recursion(x, n):
    """Chebyshev polynomials by recursion on the degree."""
    if n == 0:
        return 1.0
    if n == 1:
        return x
    return 2 * x * static_recursion(x, n - 1) - static_recursion(x, n - 2)


@program(normal(6, 4), 1.2, wrt=(0, 1))
def closures(x, k):
    """Functions made in functions, with state that they share."""
    calls = 0
    total = 0.0

    def adder(weight):
        def add(value):
            nonlocal calls, total
            calls += 1
            total += weight * value / calls

        return add

    add, subtract = adder(k), adder(-k * k)
    for v in x:
        if v > 0:
            add(v)
        else:
            subtract(v)
    return total


@program(uniform(7, 0.5, 1.5, 5), 0.3, wrt=(0, 1))
def reduced_and_partial(x, k):
    """functools.reduce, partial and map."""

    def mix(weight, a, b):
        return a * weight + b / (1 + a * a)

    folded = reduce(partial(mix, k), x)
    return folded + sum(map(abs, x)) * k


@program(normal(8, 3), 0.4, 2.0, wrt=(0, 1, 2))
def keyword_and_star_arguments(x, a, b):
    """Calls with stars, keywords and defaults."""

    def combine(first, *rest, scale=1.0, **named):
        total = first * scale
        for r in rest:
            total = total * 0.5 + r
        return total + named.get("shift", 0.0) * named["power"]

    options = {"shift": a, "power": b}
    return combine(*x, **options) + combine(a, b, scale=x[0], power=3.0)


@program(7.7, 3.1, wrt=(0, 1))
def real_euclid(a, b):
    """Euclid's algorithm on real numbers: the number of rounds depends on them."""
    total = 0.0
    while b > 0.35:
        quotient = a // b
        a, b = b, a - quotient * b
        total += quotient * a
    return total


@program(normal(9, 6))
def previous_is_none(x):
    """A previous element that is None at first."""
    previous = None
    total = 0.0
    for v in x:
        if previous is not None:
            total += (v - previous) ** 2
        previous = v
    return total


@program(uniform(10, 0.5, 1.5, 5))
def enumerated_and_reversed(x):
    """enumerate, zip and reversed together."""
    total = 0.0
    for i, (a, b) in enumerate(zip(x, reversed(x), strict=True)):
        total += a**i * b
    for j in reversed(range(1, len(x), 2)):
        total = total * x[j] + j
    return total


@program(uniform(11, 0.5, 3.0, 4))
def checked(x):
    """Assertions and exceptions that do not happen."""
    assert np.all(x > 0), "must be positive"
    total = 0.0
    for i, v in enumerate(x):
        if v > 100.0:
            raise ValueError(f"element {i} is too large: {v}")
        assert v > 0.0, f"element {i}"
        total += np.log(v)
    return total


@program(uniform(12, 0.8, 1.3, 6), 1.9, wrt=(0, 1))
def walrus(x, limit):
    """Assignments inside tests."""
    i = 0
    product = 1.0
    while i < len(x) and (following := product * x[i] * 1.3) < limit:
        product = following
        i += 1
    return product * (i + 1) + (y if (y := x[0] - 1.0) > 0 else -y)


@program(normal(13, 5), normal(14, 5), wrt=(0, 1))
def type_changes(x, y):
    """A sum that starts as an integer, a list that becomes an array, a name used twice."""
    total = 0
    for v in x:
        total += v
    values = []
    for a, b in zip(x, y, strict=True):
        values.append(a * b)
    values = np.array(values)
    x = values.sum()
    for x in values:
        total -= x * x
    return total + x


@program(3.2, 0.6, wrt=(0, 1))
def try_and_finally(x, k):
    """try, except and finally around ordinary steps."""
    steps = 0
    try:
        while x > 0.5:
            x = x * k - 0.1
            steps += 1
    except ZeroDivisionError:
        x = 0.0
    finally:
        x = x + 0.5 * steps
    return math.log(x) * k


@program(uniform(15, 0.2, 0.8, 6), 1.3, wrt=(0, 1), no_jit="a string depends on the data")
def flags_and_state_machine(x, k):
    """A state machine: the state decides what is done with each element."""
    state = "search"
    total = 0.0
    for v in x:
        if state == "search" and v > 0.5:
            state = "collect"
            total += k
        elif state == "collect":
            total += v * k
            if total > 2.2:
                state = "done"
        elif state == "done":
            total -= 0.1 * v**2
    return total


@program(normal(16, 4), 0.9, wrt=(0, 1))
def decorated_helpers(x, k):
    """Helpers wrapped by a decorator."""

    def twice(function):
        def wrapped(value):
            return function(function(value))

        return wrapped

    @twice
    def step(value):
        return math.sin(value) * k + 0.1

    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = step(x[i])
    return out


@program(4.7, 1.3, wrt=(0, 1))
def loop_with_steps(x, y):
    """Ranges with steps, computed bounds, and a variable that outlives its loop."""
    total = 0.0
    n = int(x)
    for i in range(n, -3, -2):
        total += i * y
    for j in range(2, 2 * n, 3):
        total = total * 0.5 + j * x
    return total + i * x + j * y
