"""Objects that hold state: filters, networks, numbers of one's own."""

import math
from dataclasses import dataclass, field

import numpy as np

from tests.gallery.registry import definite, normal, program, uniform


class LowPass:
    """A filter that remembers its last output."""

    def __init__(self, cutoff):
        self.alpha = 1 / (1 + 1 / cutoff)
        self.state = 0.0

    def __call__(self, sample):
        self.state += self.alpha * (sample - self.state)
        return self.state


@program(normal(1, 6), 0.8, wrt=(0, 1))
def filter_object(x, cutoff):
    """A cascade of two filters, each an object with state."""
    first, second = LowPass(cutoff), LowPass(2 * cutoff)
    y = np.empty_like(x)
    for i in range(len(x)):
        y[i] = second(first(x[i]))
    return y


class Layer:
    """An affine layer with an activation."""

    def __init__(self, weights, bias, activation=None):
        self.weights, self.bias, self.activation = weights, bias, activation

    def forward(self, x):
        out = x @ self.weights + self.bias
        return out if self.activation is None else self.activation(out)


class Network:
    """Layers in a row."""

    def __init__(self):
        self.layers = []

    def add(self, *arguments, **options):
        self.layers.append(Layer(*arguments, **options))
        return self

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x


@program(normal(2, 3), normal(3, 3, 4), normal(4, 4), normal(5, 4, 2), wrt=(0, 1, 2, 3))
def network_object(x, w1, b1, w2):
    """A network of layer objects."""
    network = Network().add(w1, b1, activation=np.tanh).add(w2, np.zeros(2))
    return network.forward(x)


@dataclass
class Oscillator:
    """A damped oscillator and its history."""

    position: float
    velocity: float
    damping: float = 0.1
    history: list = field(default_factory=list)

    def step(self, dt):
        self.velocity -= dt * (self.position + self.damping * self.velocity)
        self.position += dt * self.velocity
        self.history.append(self.position)

    @property
    def energy(self):
        return 0.5 * (self.position**2 + self.velocity**2)


@program(0.9, 0.2, 0.3, wrt=(0, 1, 2), no_jit="the length of a list depends on the data")
def oscillator_object(position, velocity, damping):
    """A dataclass stepped until its energy is low."""
    oscillator = Oscillator(position, velocity, damping=damping)
    while oscillator.energy > 0.17:
        oscillator.step(0.2)
    return oscillator.energy + sum(oscillator.history) / len(oscillator.history)


class Dual:
    """A number with a derivative: forward differentiation by hand."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __mul__(self, other):
        other = other if isinstance(other, Dual) else Dual(other)
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    __rmul__ = __mul__

    def sin(self):
        return Dual(math.sin(self.value), math.cos(self.value) * self.slope)


@program(0.7, normal(6, 4), wrt=(0, 1))
def dual_number_slope(x, coefficients):
    """The slope of a polynomial of a sine by dual numbers: a derivative inside what is differentiated."""
    t = Dual(x, 1.0).sin()
    result = Dual(0.0)
    for c in coefficients:
        result = result * t + c
    return result.slope


class Shape:
    """Something with an area."""

    scale = 2.0

    def area(self):
        raise NotImplementedError

    def cost(self):
        return self.scale * self.area() ** 1.5


class Circle(Shape):
    """A disc."""

    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return math.pi * self.radius**2


class Ring(Circle):
    """A disc with a hole."""

    scale = 3.0

    def __init__(self, radius, hole):
        super().__init__(radius)
        self.hole = hole

    def area(self):
        return super().area() - math.pi * self.hole**2


@program(1.4, 0.6, wrt=(0, 1))
def polymorphic_cost(radius, hole):
    """Methods found by class, with super and class attributes."""
    shapes = [Circle(radius), Ring(radius, hole), Circle(hole)]
    return sum(shape.cost() for shape in shapes)


class Node:
    """A node of a binary tree."""

    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right


def insert(node, value):
    """The tree with one value more."""
    if node is None:
        return Node(value)
    if value < node.value:
        node.left = insert(node.left, value)
    else:
        node.right = insert(node.right, value)
    return node


def in_order(node, out):
    """Values from left to right."""
    if node is not None:
        in_order(node.left, out)
        out.append(node.value)
        in_order(node.right, out)
    return out


@program(normal(7, 6))
def fold_balanced_tree(x):
    """Values combined up a tree of nodes built by recursion."""

    def build(low, high):
        if high - low == 1:
            return Node(x[low])
        middle = (low + high) // 2
        return Node(0.5, build(low, middle), build(middle, high))

    def fold(node):
        if node.left is None:
            return node.value
        return node.value * fold(node.left) + math.tanh(fold(node.right))

    return fold(build(0, len(x)))


class Gaussian:
    """A normal distribution that is updated by observations."""

    def __init__(self, mean, covariance):
        self.mean = mean
        self.covariance = covariance

    def observe(self, direction, value, noise):
        gain = self.covariance @ direction
        variance = direction @ gain + noise
        surprise = value - direction @ self.mean
        self.mean = self.mean + gain * surprise / variance
        self.covariance = self.covariance - np.outer(gain, gain) / variance
        return -0.5 * (surprise**2 / variance + math.log(variance))

    @staticmethod
    def standard(n):
        return Gaussian(np.zeros(n), np.eye(n))


@program(normal(8, 4, 2), normal(9, 4), 0.3, wrt=(0, 1, 2))
def bayesian_updates(directions, values, noise):
    """The evidence of observations that update a distribution one by one."""
    belief = Gaussian.standard(2)
    evidence = 0.0
    for direction, value in zip(directions, values, strict=True):
        evidence += belief.observe(direction, value, noise)
    return evidence + np.sum(belief.mean)


class RunningStatistics:
    """Moments of what was pushed, and an array that holds the last."""

    def __init__(self, size):
        self.buffer = np.zeros(size)
        self.count = 0

    def push(self, value):
        self.buffer[self.count % len(self.buffer)] = value
        self.count += 1

    def mean(self):
        return self.buffer.sum() / min(self.count, len(self.buffer))


@program(uniform(10, 0.5, 2.0, 7))
def ring_buffer(x):
    """Means of the last three values, held in an array of the object's own."""
    statistics = RunningStatistics(3)
    total = 0.0
    for value in x:
        statistics.push(value**2)
        total += math.log(statistics.mean())
    return total


class Cholesky:
    """A factorisation that solves."""

    def __init__(self, a):
        n = len(a)
        self.l = np.zeros((n, n))
        for i in range(n):
            for j in range(i + 1):
                s = a[i, j] - np.dot(self.l[i, :j], self.l[j, :j])
                self.l[i, j] = math.sqrt(s) if i == j else s / self.l[j, j]

    def solve(self, b):
        x = np.array(b)
        n = len(x)
        for i in range(n):
            x[i] = (x[i] - self.l[i, :i] @ x[:i]) / self.l[i, i]
        for i in range(n - 1, -1, -1):
            x[i] = (x[i] - self.l[i + 1 :, i] @ x[i + 1 :]) / self.l[i, i]
        return x


@program(definite(11, 3), normal(12, 3), wrt=(0, 1))
def factorisation_object(a, b):
    """A Gaussian's energy with a factorisation held by an object."""
    factor = Cholesky(a)
    return b @ factor.solve(b) + 2 * sum(math.log(d) for d in np.diag(factor.l))


@program(normal(13, 6), no_jit="which objects there are depends on the data")
def sorted_by_tree(x):
    """Values in a search tree grown by comparison; weights by rank."""
    root = None
    for v in x:
        root = insert(root, v)
    ordered = in_order(root, [])
    total = 0.0
    for rank, v in enumerate(ordered):
        total += (rank + 1) * v**2
    return total
