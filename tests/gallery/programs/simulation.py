"""Models that are stepped with random numbers given: queues, chains, walks, traffic."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(0.3, 0.8, normal(1, 10), wrt=(0, 1))
def reflected_walk(start, volatility, noise):
    """A random walk between two walls."""
    x = start
    for z in noise:
        x += volatility * z
        if x > 1.0:
            x = 2.0 - x
        elif x < -1.0:
            x = -2.0 - x
    return x


@program(np.array([0.2, -0.4]), 0.9, normal(2, 12, 2), uniform(3, 0.0, 1.0, 12), wrt=(0, 1))
def metropolis(x, width, proposals, uniforms):
    """The mean of a Metropolis chain with fixed random numbers."""

    def energy(x):
        return 0.5 * np.sum(x**2) + 0.1 * np.sum(x**4)

    e = energy(x)
    total = np.zeros(2)
    accepted = 0
    for step, u in zip(proposals, uniforms, strict=True):
        candidate = x + width * step
        new = energy(candidate)
        if new < e or u < math.exp(e - new):
            x, e = candidate, new
            accepted += 1
        total += x
    return total / len(uniforms)


@program(uniform(4, 0.5, 2.0, 8), uniform(5, 0.3, 2.5, 8), wrt=(0, 1))
def single_server_queue(arrivals, services):
    """The mean waiting time of a queue, by Lindley's recursion."""
    wait = 0.0
    total = 0.0
    for a, s in zip(arrivals[1:], services[:-1], strict=True):
        wait = max(0.0, wait + s - a)
        total += wait
    return total / len(arrivals)


@program(uniform(6, 5.0, 15.0, 10), 12.3, 30.7, wrt=(0, 1, 2))
def inventory(demand, reorder_point, order_up_to):
    """The cost of a stock that is reordered when it falls below a point."""
    stock = order_up_to
    cost = 0.0
    for d in demand:
        stock -= d
        if stock < 0:
            cost += -4.0 * stock
            stock = 0.0
        if stock < reorder_point:
            cost += 20.0 + 0.5 * (order_up_to - stock)
            stock = order_up_to
        cost += 0.1 * stock
    return cost


@program(np.array([0.0, 8.0, 15.0, 24.0]), np.array([3.0, 3.5, 2.5, 2.0]), 1.4, wrt=(0, 1, 2))
def car_following(position, speed, headway):
    """Cars in a row, each braking for the one ahead."""
    position = position.copy()
    speed = speed.copy()
    n = len(position)
    for _ in range(5):
        acceleration = np.zeros(n)
        for i in range(n):
            free = 1.0 - (speed[i] / 5.0) ** 4
            if i + 1 < n:
                gap = position[i + 1] - position[i] - 2.0
                desired = 1.0 + speed[i] * headway + speed[i] * (speed[i] - speed[i + 1]) / 2.0
                free -= (desired / gap) ** 2
            acceleration[i] = free
        speed += 0.2 * acceleration
        position += 0.2 * speed
    return position


@program(1.2, 0.5, uniform(7, 0.05, 0.95, 8), wrt=(0, 1))
def gillespie(birth, death, uniforms):
    """Time and population of a birth-death process after given random numbers."""
    population = 5
    t = 0.0
    integral = 0.0
    for u in uniforms:
        total_rate = birth + death * population
        dt = -math.log(u) / total_rate
        integral += population * dt
        t += dt
        if u * 7.0 % 1.0 < 0.5:
            population += 1
        elif population > 0:
            population -= 1
    return integral / t


@program(uniform(8, 0.1, 0.5, 4, 4), np.array([1.0, 0.0, 0.0, 0.0]))
def markov_chain_absorption(weights, start):
    """Where a Markov chain is after its probabilities are normalised row by row."""
    n = len(start)
    transition = np.zeros((n, n))
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += weights[i, j]
        for j in range(n):
            transition[i, j] = weights[i, j] / row
    p = start
    for _ in range(4):
        p = p @ transition
    return p


@program(normal(9, 5, 6) * 0.5, 0.35, wrt=(0, 1))
def reaction_diffusion(u, dt):
    """A grid of reacting cells that exchange with their neighbours."""
    rows, columns = u.shape
    for _ in range(2):
        new = u.copy()
        for i in range(rows):
            for j in range(columns):
                neighbours = 0.0
                count = 0
                for di, dj in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    if 0 <= i + di < rows and 0 <= j + dj < columns:
                        neighbours += u[i + di, j + dj]
                        count += 1
                new[i, j] = u[i, j] + dt * (neighbours - count * u[i, j] + u[i, j] - u[i, j] ** 3)
        u = new
    return u


@program(20.0, 0.08, 21.0, wrt=(0, 1, 2), step=1e-6, spread=1e-4)
def thermostat(temperature, loss, target):
    """A room whose heater is switched on below and off above a band."""
    heating = False
    energy = 0.0
    for minute in range(30):
        if temperature < target - 0.53:
            heating = True
        elif temperature > target + 0.47:
            heating = False
        power = 1.6 if heating else 0.0
        temperature += power - loss * (temperature - 5.0 - 0.01 * minute)
        energy += power * temperature
    return energy


@program(np.array([10.0, 0.0, 0.0]), np.array([0.3, 0.2]), wrt=(0, 1))
def compartments(amounts, rates):
    """A drug that moves through compartments, dosed every fourth hour."""
    amounts = np.array(amounts)
    for hour in range(12):
        if hour % 4 == 0 and hour > 0:
            amounts[0] += 5.0
        flow = rates * amounts[:-1]
        amounts[:-1] -= flow
        amounts[1:] += flow
    return amounts
