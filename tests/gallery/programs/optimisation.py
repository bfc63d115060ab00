"""Optimisers inside a function: steps, searches, projections."""

import math

import numpy as np

from tests.gallery.registry import definite, normal, program, uniform


@program(np.array([0.3, -0.6]), 0.05, wrt=(0, 1))
def gradient_descent(x, rate):
    """Gradient descent on Rosenbrock's function with its gradient written out."""
    x = x.copy()
    for _ in range(8):
        g = np.array([-2 * (1 - x[0]) - 4 * x[0] * (x[1] - x[0] ** 2), 2 * (x[1] - x[0] ** 2)])
        x -= rate * g
    return (1 - x[0]) ** 2 + (x[1] - x[0] ** 2) ** 2


@program(np.array([1.5, -0.7, 0.4]), definite(1, 3) + 2 * np.eye(3), wrt=(0, 1))
def backtracking_descent(x, a):
    """Steepest descent, the step halved until it is short enough."""

    def f(x):
        return 0.5 * x @ a @ x + np.sum(np.cos(x))

    for _ in range(4):
        g = a @ x - np.sin(x)
        t = 1.3
        fx = f(x)
        while f(x - t * g) > fx - 0.31 * t * (g @ g):
            t *= 0.5
        x = x - t * g
    return f(x)


@program(np.array([0.9, 1.6]), np.array([0.2, 0.5]), wrt=(0, 1))
def nelder_mead(start, target):
    """Eight moves of a simplex: reflected, expanded, contracted or shrunk."""

    def f(x):
        return (x[0] - target[0]) ** 2 + 2.3 * (x[1] - target[1]) ** 2 + 0.3 * x[0] * x[1]

    simplex = [start, start + np.array([0.5, 0.0]), start + np.array([0.0, 0.4])]
    values = [f(p) for p in simplex]
    for _ in range(8):
        order = sorted(range(3), key=lambda i: values[i])
        simplex = [simplex[i] for i in order]
        values = [values[i] for i in order]
        centre = (simplex[0] + simplex[1]) / 2
        reflected = centre + (centre - simplex[2])
        fr = f(reflected)
        if fr < values[0]:
            expanded = centre + 2 * (centre - simplex[2])
            fe = f(expanded)
            if fe < fr:
                simplex[2], values[2] = expanded, fe
            else:
                simplex[2], values[2] = reflected, fr
        elif fr < values[1]:
            simplex[2], values[2] = reflected, fr
        else:
            contracted = centre + 0.5 * (simplex[2] - centre)
            fc = f(contracted)
            if fc < values[2]:
                simplex[2], values[2] = contracted, fc
            else:
                for i in (1, 2):
                    simplex[i] = simplex[0] + 0.5 * (simplex[i] - simplex[0])
                    values[i] = f(simplex[i])
    return min(values)


@program(0.3 * normal(2, 5))
def simplex_projection(y):
    """The nearest point of the probability simplex."""
    u = np.sort(y)[::-1]
    cumulative = 0.0
    theta = 0.0
    for i in range(len(u)):
        cumulative += u[i]
        candidate = (cumulative - 1.0) / (i + 1)
        if u[i] - candidate > 0:
            theta = candidate
    x = y - theta
    x[x < 0] = 0.0
    return x


@program(normal(3, 6, 4), normal(4, 6), 0.3, wrt=(0, 1, 2))
def lasso_by_coordinates(a, b, penalty):
    """Three rounds of coordinate descent with soft thresholds."""
    m, n = a.shape
    x = np.zeros(n)
    residual = b.copy()
    for _ in range(3):
        for j in range(n):
            column = a[:, j]
            scale = np.dot(column, column)
            rho = np.dot(column, residual) + scale * x[j]
            if rho > penalty:
                new = (rho - penalty) / scale
            elif rho < -penalty:
                new = (rho + penalty) / scale
            else:
                new = 0.0
            if new != x[j]:
                residual += column * (x[j] - new)
                x[j] = new
    return x


@program(np.array([1.2, -0.4, 0.7]), 0.1, 0.9, wrt=(0, 1, 2))
def adam(x, rate, beta):
    """Adam with its moments updated in place."""
    x = x.copy()
    m = np.zeros_like(x)
    v = np.zeros_like(x)
    for t in range(1, 6):
        g = 2 * x + np.cos(x)
        m *= beta
        m += (1 - beta) * g
        v *= 0.99
        v += 0.01 * g**2
        x -= rate * (m / (1 - beta**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
    return x


@program(definite(5, 3), normal(6, 3), wrt=(0, 1))
def limited_memory_bfgs(a, b):
    """L-BFGS with the two-loop recursion and a memory of three."""
    x = np.zeros(len(b))
    g = a @ x - b + 0.1 * x**3
    memory = []
    for _ in range(4):
        q = g.copy()
        alphas = []
        for s, y in reversed(memory):
            alpha = (s @ q) / (y @ s)
            q -= alpha * y
            alphas.append(alpha)
        if memory:
            s, y = memory[-1]
            q *= (s @ y) / (y @ y)
        for (s, y), alpha in zip(memory, reversed(alphas), strict=True):
            beta = (y @ q) / (y @ s)
            q += s * (alpha - beta)
        new = x - 0.5 * q
        new_g = a @ new - b + 0.1 * new**3
        memory.append((new - x, new_g - g))
        if len(memory) > 3:
            memory.pop(0)
        x, g = new, new_g
    return x


@program(normal(7, 4))
def frank_wolfe(target):
    """Frank and Wolfe's steps on the simplex, the vertex by argmin."""
    x = np.ones(4) / 4
    for k in range(6):
        gradient = x - target
        vertex = np.zeros(4)
        vertex[np.argmin(gradient)] = 1.0
        step = 2 / (k + 2.5)
        x = (1 - step) * x + step * (vertex + 0.1 * target)
    return x


@program(np.array([0.5, 1.5]), uniform(8, 0.0, 1.0, 10), normal(9, 10, 2))
def simulated_annealing(x, uniforms, moves):
    """The best energy seen while a system cools, with fixed random numbers."""
    energy = lambda x: np.sum(x**2) + math.cos(3 * x[0])
    current = energy(x)
    best = current
    temperature = 1.0
    for u, move in zip(uniforms, moves, strict=True):
        proposal = x + 0.5 * move
        e = energy(proposal)
        if e <= current or math.exp((current - e) / temperature) > u:
            x, current = proposal, e
        if current < best:
            best = current
        temperature *= 0.9
    return best


@program(np.array([0.8, 0.3]), 1.1, wrt=(0, 1))
def augmented_lagrangian(x, radius):
    """A constrained minimum by multipliers, inner and outer loops."""
    multiplier, weight = 0.0, 2.0
    for _ in range(4):
        for _ in range(5):
            violation = x[0] ** 2 + x[1] ** 2 - radius
            slope = 2 * (multiplier + weight * violation)
            gradient = np.array([1.0 + slope * x[0], 0.5 + slope * x[1]])
            x = x - 0.05 * gradient
        multiplier += weight * (x[0] ** 2 + x[1] ** 2 - radius)
        if weight < 8:
            weight *= 1.5
    return x
