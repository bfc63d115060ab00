"""One small program a construct of Python: f(x) of an array of four numbers.

Knows nothing of wengert. Start at `CONSTRUCTS`.
"""

# ruff: noqa: B905, B007, F821, F841

import math

import numpy as np


def if_elif_else(x):
    if x[0] > 2:
        y = x[1]
    elif x[0] > 0.5:
        y = x[1] * x[2]
    else:
        y = -x[2]
    return y * y


def if_without_else(x):
    y = np.sum(x)
    if y > 0:
        y = y**2
    return y * 3


def nested_ifs_that_assign_differently(x):
    a, b = x[0], x[1]
    if a > b:
        if x[2] > 1:
            a = b * x[2]
        else:
            b = a
        c = a + 2 * b
    else:
        c = a - b
    return c * a * b


def conditional_expressions(x):
    return (x[0] if x[1] > 0 else x[2] * 2) * (1.0 if x[3] < 0 else x[3])


def boolean_operators(x):
    a, b, c = x[0], x[1], x[2]
    if (a > 0 and b > 0) or not c < 1:
        a = a * c
    value = a and b
    other = 0.0 * a or c
    return value * other + (b > 0 and 1.0 or 2.0) * a


def short_circuit(x):
    y = 0.0
    if x[1] > 0 and math.log(x[1]) < 3:
        y = 1.0
    if x[0] > 0 and math.log(x[0]) < 3:
        y = y + math.log(x[0])
    return y * x[2]


def chained_comparisons(x):
    total = 0.0
    for v in x:
        if -1 < v <= 1 != v:
            total += v * v
        elif 1 < v < 3 < 4:
            total += 3 * v
    return total


def a_chained_comparison_evaluates_its_middle_once(x):
    seen = []

    def middle():
        seen.append(1)
        return x[0]

    a = 1.0 if 0 < middle() < 1 else 2.0
    return a * x[0] * len(seen)


def for_over_range(x):
    s = 0.0
    for i in range(4):
        s = s * 0.5 + x[i] * (i + 1)
    return s


def for_over_range_with_start_and_step(x):
    s = 1.0
    for i in range(1, 40, 3):
        s = s * 0.9 + x[i % 4] / i
    return s


def for_with_a_negative_step(x):
    s = 0.0
    for i in range(3, -1, -1):
        s = s * x[i] + i
    return s


def for_with_a_negative_step_that_skips(x):
    s = 0.0
    for i in range(20, 3, -4):
        s += x[i % 4] ** 2 * i
    return s


def for_over_an_array(x):
    s = 1.0
    for v in x:
        s = s * v + 1
    return s


def for_over_rows(x):
    m = np.outer(x, x)
    s = np.zeros(4)
    for row in m:
        s = s + row * row[0]
    return np.sum(s)


def for_with_enumerate(x):
    s = 0.0
    for i, v in enumerate(x, 2):
        s += v**i
    return s


def for_with_zip(x):
    s = 0.0
    for a, b, c in zip(x, x[::-1], np.arange(10.0)):
        s += a * b**2 * c
    return s


def for_with_zip_and_enumerate(x):
    s = 0.0
    for i, (a, b) in enumerate(zip(x[1:], x[:-1])):
        s += (a - b) ** 2 * i
    return s


def for_with_reversed(x):
    s = 0.0
    for v in reversed(x):
        s = 0.3 * s + v
    for i in reversed(range(4)):
        s = s * 0.9 + x[i] * i
    for i, v in reversed(list(enumerate(x))):
        s += i * v**2
    return s


def for_over_a_list_of_pairs(x):
    s = 0.0
    for k, name in ((0, "a"), (2, "b"), (3, "a")):
        s += x[k] * (2.0 if name == "a" else x[0])
    return s


def for_over_a_dict(x):
    weights = {"a": x[0], "b": x[1] * 2, "c": 3.0}
    s = 0.0
    for key, value in weights.items():
        s += value * (value if key == "b" else 1)
    for key in sorted(weights):
        s = s * 0.5 + weights[key]
    return s


def for_with_else(x):
    for i in range(4):
        if x[i] > 100:
            y = x[i]
            break
    else:
        y = x[0] * x[1]
    for i in range(4):
        if x[i] > 1:
            break
    else:
        y = -y
    return y * x[i]


def while_loop(x):
    y, n = x[0], 0
    while y < 50:
        y = abs(y) * 2 + 1 + x[2] ** 2
        n += 1
    return y * n


def while_with_else_and_break(x):
    y, n = x[0], 0
    while n < 5:
        y = y * x[2]
        n += 1
        if y > 3:
            break
    else:
        y = 0.0
    return y + n


def while_true(x):
    y = x[2]
    while True:
        y = 0.5 * (y + 2.0 / y)
        if abs(y * y - 2.0 - 0 * x[0]) < 1e-12:
            break
    return y * x[0] ** 2


def newton_on_traced_values(x):
    a = x[2] ** 2 + 1
    y = a
    while abs(y * y - a) > 1e-12:
        y = 0.5 * (y + a / y)
    return y


def break_and_continue(x):
    s = 0.0
    for i in range(10):
        v = x[i % 4]
        if v < 0:
            continue
        s += v * i
        if s > 9:
            break
        s *= 1.1
    return s * s


def continue_in_while(x):
    n, s = 0, x[0]
    while n < 6:
        n += 1
        if n % 2 == 0 or s > 4:
            continue
        s = s * 1.5
    return s


def return_from_loops(x):
    s = 0.0
    for i in range(4):
        for j in range(4):
            s += x[i] * x[j] * (i + 1)
            if s > 1.2:
                return s * i + j
    return -s


def early_return(x):
    if np.sum(x) < 0:
        return -1.0 * x[0]
    y = x[0] * x[1]
    if y > 0:
        return y
    for v in x:
        if v > 2:
            return v**3 * y
    return 0.0


def nested_loops_with_jumps(x):
    total = 0.0
    for i in range(5):
        k = 0
        while k < 5:
            k += 1
            if (i + k) % 3 == 0:
                continue
            if total > 10 + i:
                break
            total += x[i % 4] ** 2 * k
        else:
            total *= 0.5
        if i == 3:
            break
    else:
        total = -total
    return total


def augmented_assignments(x):
    y = x[0]
    y += x[1]
    y -= 2
    y *= x[2]
    y /= 1.5
    y **= 2
    y %= 4
    z = 7
    z //= 2
    z <<= 1
    z |= 1
    z &= 5
    z ^= 2
    return y * z


def unpacking(x):
    a, (b, *c), d = x[0], [x[1], x[2], x[3]], 2.0
    a, b = b, a
    (a, b), d = (a + b, a - b), d + 1
    first, *_, last = x
    return a * b * d + c[0] * c[1] + first * last


def walrus(x):
    total = 0.0
    if (n := x[0] * 2) > 1 and (m := n + x[1]) < 5:
        total += n * m
    k = 0
    while (k := k + 1) < 4:
        total += k * x[k]
    return total


def trip_count_from_a_value(x):
    s = 0.0
    for i in range(int(x[2] * 3)):
        s += x[0] ** (i + 1)
    return s


def bounds_and_step_from_values(x):
    n = int(abs(x[1]) * 10)  # 13
    s = 0.0
    for i in range(n, int(x[0]), -1 - abs(int(x[2]))):  # 13, 10, 7, …
        s = 0.8 * s + i * x[3]
    for i in range(int(x[2]), n, 1 + abs(int(x[2]))):
        s = 0.8 * s + i * x[0]
    return s


def zero_trips(x):
    s = x[0]
    for i in range(int(x[3])):  # int(0.4)
        s = s / 0.0 * i
    for i in range(5, 5):
        s = None
    for i in range(0, 3, -1):
        s = None
    while s > 100:
        s = np.sqrt(-s)
    return s**2


def a_variable_set_in_every_iteration(x):
    for i in range(3):
        last = x[i] * 2
    return last * i


def a_variable_of_the_iteration_before(x):
    s = 0.0
    for i in range(30):
        if i > 0:
            s += before * x[i % 4]
        before = x[i % 4] * 0.5 + i
    return s


def loop_variable_after_the_loop(x):
    for i in range(3, 30, 4):
        if x[0] * i > 10:
            break
    return i * x[1]


def ints_become_floats_in_a_loop(x):
    s = 0
    for i in range(30):
        s = s / 2 + i * x[0]
    return s


def a_complex_number_in_a_loop(x):
    z = 0
    for i in range(30):
        z = z * 0.5j + x[i % 4]
    return z.real + 2 * z.imag


def comprehensions(x):
    a = [v * 2 for v in x if v is not None]
    b = {k: x[k] ** 2 for k in range(4) if k != 2}
    c = sum(v * w for v, w in zip(x, x[1:]))
    return sum(a) + b[1] * b[3] + c + sum([i * x[i] for i in range(4)])


def a_list_appended_to(x):
    path = []
    y = x[0]
    for i in range(30):
        y = 0.9 * y + x[i % 4]
        path.append(y)
    return np.sum(np.array(path) ** 2) + path[-1] * path[3]


def match_statement(x):
    total = 0.0
    for kind in ("a", "b", ("c", 2)):
        match kind:
            case "a":
                total += x[0]
            case ("c", n):
                total += x[1] * n
            case _:
                total *= x[2]
    return total


def try_and_finally(x):
    try:
        y = x[0] * 2
        if isinstance(y, str):
            raise TypeError
    except ValueError:
        y = 0.0
    finally:
        z = x[1]
    return y * z


def a_lambda_in_a_branch(x):
    if x.shape == (4,):
        f = lambda v: v**2 if v > 0 else v
    else:
        f = None
    g = lambda v, k=3: v * k if v > 0 else -v
    return f(x[0]) * g(x[1])


def del_of_a_variable(x):
    a = x[0] * 2
    b = a * x[1]
    del a
    for i in range(3):
        c = x[i]
        b = b * c
        del c
    return b


CONSTRUCTS = [f for f in list(globals().values()) if getattr(f, "__module__", "") == __name__]
