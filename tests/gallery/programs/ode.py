"""Initial value problems: explicit, implicit, symplectic and adaptive steppers, events."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(1.2, 0.6, wrt=(0, 1))
def euler_decay(y, rate):
    """Explicit Euler with ten steps of decay."""
    dt = 0.1
    for _ in range(10):
        y += dt * (-rate * y)
    return y


def van_der_pol(state, mu):
    """The right-hand side of the van der Pol oscillator."""
    x, v = state
    return np.array([v, mu * (1 - x**2) * v - x])


@program(np.array([1.0, 0.3]), 1.3, wrt=(0, 1))
def runge_kutta_4(y, mu):
    """The classical Runge-Kutta method."""
    h = 0.15
    for _ in range(6):
        k1 = van_der_pol(y, mu)
        k2 = van_der_pol(y + h / 2 * k1, mu)
        k3 = van_der_pol(y + h / 2 * k2, mu)
        k4 = van_der_pol(y + h * k3, mu)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


@program(0.9, 0.1, 1.4, wrt=(0, 1, 2))
def leapfrog_pendulum(theta, omega, g):
    """A pendulum by kick, drift, kick."""
    dt = 0.1
    trajectory = np.zeros((12, 2))
    for i in range(12):
        omega -= 0.5 * dt * g * math.sin(theta)
        theta += dt * omega
        omega -= 0.5 * dt * g * math.sin(theta)
        trajectory[i] = theta, omega
    return trajectory


@program(normal(1, 3), normal(2, 3), wrt=(0, 1))
def stoermer_verlet(position, velocity):
    """Positions of an anharmonic oscillator by Störmer and Verlet."""
    dt = 0.05
    steps = 8
    x = np.empty((steps + 1, 3))
    x[0] = position
    x[1] = position + dt * velocity + 0.5 * dt**2 * (-position - position**3)
    for n in range(1, steps):
        x[n + 1] = 2 * x[n] - x[n - 1] + dt**2 * (-x[n] - x[n] ** 3)
    return x[-1]


@program(1.0, 0.7, wrt=(0, 1), step=2e-5, tolerance=1e-6)
def adaptive_runge_kutta(y, k):
    """Bogacki and Shampine's pair with steps that are rejected and steps that grow."""

    def f(t, y):
        return -k * y + math.sin(3.0 * t)

    t, end = 0.0, 1.5
    h = 0.9
    rejected = 0
    while t < end:
        h = min(h, end - t)
        k1 = f(t, y)
        k2 = f(t + 0.5 * h, y + 0.5 * h * k1)
        k3 = f(t + 0.75 * h, y + 0.75 * h * k2)
        new = y + h * (2.0 * k1 + 3.0 * k2 + 4.0 * k3) / 9.0
        k4 = f(t + h, new)
        error = abs(h * (-5.0 * k1 / 72.0 + k2 / 12.0 + k3 / 9.0 - k4 / 8.0))
        tolerance = 1e-4 + 1e-4 * abs(new)
        if error > tolerance:
            rejected += 1
            h *= max(0.2, 0.9 * (tolerance / error) ** (1.0 / 3.0))
            continue
        t += h
        y = new
        h *= min(3.0, 0.9 * (tolerance / error) ** (1.0 / 3.0))
    return y


@program(np.array([1.0, 0.5]), np.array([1.1, 0.4, 0.4, 0.1]), wrt=(0, 1))
def predator_prey(populations, rates):
    """Lotka and Volterra's hares and lynxes, at every step."""
    alpha, beta, gamma, delta = rates
    prey, predator = populations
    history = []
    dt = 0.1
    for _ in range(10):
        prey_rate = prey * (alpha - beta * predator)
        predator_rate = predator * (delta * prey - gamma)
        prey, predator = prey + dt * prey_rate, predator + dt * predator_rate
        history.append((prey, predator))
    return np.array(history)


@program(2.0, 0.8, wrt=(0, 1))
def bouncing_ball(height, restitution):
    """A ball that is dropped and loses speed when it bounces; its height after two seconds."""
    g = 9.81
    position, velocity = height, 0.0
    time_left = 2.0
    while True:
        # the time until it hits the ground
        fall = (velocity + math.sqrt(velocity**2 + 2 * g * position)) / g
        if fall >= time_left:
            break
        velocity = -(velocity - g * fall) * restitution
        position = 0.0
        time_left -= fall
    return position + velocity * time_left - 0.5 * g * time_left**2


@program(0.6, 2.0, wrt=(0, 1))
def pendulum_period(theta, g):
    """A quarter of a pendulum's period: when the angle crosses zero, interpolated within the step."""
    omega = 0.0
    t = 0.0
    dt = 0.05
    while True:
        previous = theta
        omega -= dt * g * math.sin(theta)
        theta += dt * omega
        if theta <= 0.0:
            break
        t += dt
    return t + dt * previous / (previous - theta)


@program(1.5, 0.8, wrt=(0, 1))
def backward_euler(y, k):
    """Implicit Euler for y' = -k y³, each step solved by Newton."""
    h = 0.2
    for _ in range(5):
        x = y
        for _ in range(20):
            residual = x - y + h * k * x**3
            dx = residual / (1.0 + 3.0 * h * k * x * x)
            x = x - dx
            if abs(dx) < 1e-14:
                break
        y = x
    return y


@program(1.0, 0.5, wrt=(0, 1))
def adams_bashforth(y, k):
    """The three-step Adams-Bashforth method, with a list of the last slopes."""
    h = 0.1
    slopes = []
    for n in range(9):
        slopes.append(-k * y + math.cos(n * h))
        if len(slopes) < 3:
            y = y + h * slopes[-1]
        else:
            y = y + h / 12.0 * (23.0 * slopes[-1] - 16.0 * slopes[-2] + 5.0 * slopes[-3])
            slopes.pop(0)
    return y


@program(0.9, 0.25, np.array([0.95, 0.05, 0.0]), wrt=(0, 1, 2))
def epidemic(beta, gamma, state):
    """Susceptible, infected, recovered: the peak of infection."""
    s, i, r = state
    peak = i
    for _ in range(25):
        infections = beta * s * i * 0.5
        recoveries = gamma * i * 0.5
        s -= infections
        i += infections - recoveries
        r += recoveries
        peak = max(peak, i)
    return peak + 0.1 * r


@program(normal(3, 8), 0.2, wrt=(0, 1))
def heat_in_place(u, diffusivity):
    """The heat equation on a rod with fixed ends, one array and one number kept."""
    u = u.copy()
    for _ in range(4):
        left = u[0]
        for i in range(1, len(u) - 1):
            here = u[i]
            u[i] = here + diffusivity * (left - 2 * here + u[i + 1])
            left = here
    return u


@program(normal(4, 7), 0.6, wrt=(0, 1))
def wave_in_place(u, courant):
    """The wave equation by slices, two arrays in turns."""
    previous = u.copy()
    current = u.copy()
    for _ in range(5):
        following = np.zeros_like(current)
        following[1:-1] = 2 * current[1:-1] - previous[1:-1] + courant**2 * (current[2:] - 2 * current[1:-1] + current[:-2])
        previous, current = current, following
    return current


@program(normal(5, 5), 0.4, wrt=(0, 1))
def crank_nicolson(u, r):
    """Crank and Nicolson's diffusion, each step a tridiagonal system."""
    n = len(u)
    for _ in range(3):
        d = np.zeros(n)
        for i in range(n):
            left = u[i - 1] if i > 0 else 0.0
            right = u[i + 1] if i < n - 1 else 0.0
            d[i] = (1 - r) * u[i] + 0.5 * r * (left + right)
        c = np.zeros(n)
        for i in range(n):
            denominator = 1 + r + 0.5 * r * (c[i - 1] if i > 0 else 0.0)
            c[i] = -0.5 * r / denominator
            d[i] = (d[i] + 0.5 * r * (d[i - 1] if i > 0 else 0.0)) / denominator
        for i in range(n - 2, -1, -1):
            d[i] -= c[i] * d[i + 1]
        u = d
    return u


@program(uniform(6, 0.5, 1.5, 4), 0.3, wrt=(0, 1))
def upwind_burgers(u, dt):
    """Burgers' equation on a ring; the wind decides which neighbour counts."""
    n = len(u)
    for _ in range(3):
        new = np.empty(n)
        for i in range(n):
            if u[i] > 0:
                slope = u[i] - u[(i - 1) % n]
            else:
                slope = u[(i + 1) % n] - u[i]
            new[i] = u[i] - dt * 0.2 * u[i] * slope
        u = new
    return u
