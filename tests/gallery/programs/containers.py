"""Lists, tuples and dictionaries on the way from arguments to result."""

import math
from collections import defaultdict, deque, namedtuple

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program({"w": [normal(1, 3, 4), normal(2, 4, 2)], "b": [normal(3, 4), normal(4, 2)]}, normal(5, 3), wrt=(0, 1))
def network_of_lists(parameters, x):
    """A neural network whose layers are lists in a dictionary."""
    layers = list(zip(parameters["w"], parameters["b"], strict=True))
    for w, b in layers[:-1]:
        x = np.tanh(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


@program([{"weight": normal(6, 3, 3), "bias": normal(7, 3)}, {"weight": normal(8, 3, 2), "bias": normal(9, 2)}], normal(10, 3), wrt=0)
def network_of_dicts(layers, x):
    """Layers as dictionaries in a list; all but the last are rectified."""
    for i, layer in enumerate(layers):
        x = layer["weight"].T @ x + layer["bias"]
        if i < len(layers) - 1:
            x = np.maximum(x, 0.1 * x)
    return np.sum(x**2)


@program(normal(11, 6))
def appended_differences(x):
    """A list built in a loop and made an array."""
    out = []
    for i in range(1, len(x)):
        out.append((x[i] - x[i - 1]) * (x[i] + x[i - 1]))
    return np.array(out)


@program(normal(12, 3), 1.2, wrt=(0, 1))
def stacked_orbit(x, k):
    """Vectors appended to a list and stacked."""
    rows = [x]
    while len(rows) < 5:
        last = rows[-1]
        rows.append(np.sin(k * last) + 0.5 * last)
    return np.stack(rows)


@program(normal(13, 8), np.array([0, 2, 1, 0, 2, 2, 1, 0]), no_jit="the keys of a dictionary are data")
def grouped_means(x, group):
    """Sums by group in a dictionary."""
    sums, counts = {}, {}
    for value, key in zip(x, group, strict=True):
        key = int(key)
        sums[key] = sums.get(key, 0.0) + value
        counts[key] = counts.get(key, 0) + 1
    return np.array([sums[k] / counts[k] for k in sorted(sums)])


@program(uniform(14, 0.5, 2.0, 5), ((0, 1), (1, 2), (0, 3), (3, 4), (2, 4)))
def graph_energy(x, edges):
    """The energy of a graph, neighbours collected first."""
    neighbours = defaultdict(list)
    for i, j in edges:
        neighbours[i].append(j)
        neighbours[j].append(i)
    total = 0.0
    for i in range(len(x)):
        mean = sum(x[j] for j in neighbours[i]) / len(neighbours[i])
        total += (x[i] - mean) ** 2 * math.log(1 + x[i])
    return total


@program(normal(15, 8), 3)
def windowed_maximum_power(x, width):
    """The largest power of a sliding window, held in a deque."""
    window = deque(maxlen=width)
    best = -np.inf
    for v in x:
        window.append(v * v)
        if len(window) == width:
            power = sum(window) / width
            if power > best:
                best = power
    return best


State = namedtuple("State", ["position", "velocity", "fuel"])


@program(1.0, 0.3, 2.0, wrt=(0, 1, 2))
def named_state(position, velocity, fuel):
    """A lander's state as a named tuple, replaced at each step."""
    state = State(position, velocity, fuel)
    for _ in range(6):
        thrust = 1.5 if state.velocity < -0.1 and state.fuel > 0 else 0.0
        state = state._replace(
            position=state.position + 0.2 * state.velocity,
            velocity=state.velocity + 0.2 * (thrust - 1.0 * state.position),
            fuel=state.fuel - 0.2 * thrust * state.velocity**2,
        )
    return state.position + state.velocity * state.fuel


@program(normal(16, 5))
def unpacked_ends(x):
    """Star unpacking: the ends are weighed, the middle summed."""
    first, *middle, last = x
    total = 0.0
    for m in middle:
        total += m**2
    return first * last + total


@program(uniform(17, 1.0, 3.0, 3), ("x", "y", "+", "z", "*", "x", "-"))
def reverse_polish(values, tokens):
    """An expression in postfix notation on a stack."""
    names = dict(zip("xyz", values, strict=True))
    stack = []
    for token in tokens:
        if token in names:
            stack.append(names[token])
            continue
        b = stack.pop()
        a = stack.pop()
        if token == "+":
            stack.append(a + b)
        elif token == "-":
            stack.append(a - b)
        elif token == "*":
            stack.append(a * b)
        else:
            raise ValueError(f"unknown token {token}")
    (result,) = stack
    return result


@program(normal(18, 3, 3))
def comprehensions(a):
    """Nested comprehensions with a condition, a dictionary of rows, a generator under sum."""
    rows = {i: [v * v for j, v in enumerate(row) if j != i] for i, row in enumerate(a)}
    diagonal = [a[i, i] for i in range(len(a))]
    return np.array([sum(rows[i]) * d for i, d in enumerate(diagonal)])


@program(normal(19, 6))
def pairwise_windows(x):
    """A generator of windows, consumed by a loop."""

    def windows(values, size):
        for start in range(len(values) - size + 1):
            yield values[start : start + size]

    total = 0.0
    for window in windows(x, 3):
        total += np.prod(window)
    return total


@program((normal(20, 2), normal(21, 2)), {"scale": 1.3, "shift": {"x": 0.2, "y": -0.4}}, wrt=(0, 1))
def nested_arguments(points, options):
    """Arguments that are containers of containers; the result is one too."""
    (x0, y0), (x1, y1) = points
    s = options["scale"]
    moved = {name: s * value for name, value in options["shift"].items()}
    return {"length": math.hypot(x1 - x0 + moved["x"], y1 - y0 + moved["y"]), "middle": [(x0 + x1) / 2 * s, (y0 + y1) / 2]}


@program(uniform(22, 0.2, 1.0, 4), no_jit="a list is indexed by a number that is computed")
def event_queue(durations):
    """Jobs given to the machine that is free first; the time when all are done."""
    free = [0.0, 0.1]
    finished = []
    for d in durations:
        machine = 0
        for k in range(1, len(free)):
            if free[k] < free[machine]:
                machine = k
        free[machine] += d * d + 0.5
        finished.append(free[machine])
    return max(free) + 0.1 * sum(finished)
