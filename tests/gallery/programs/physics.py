"""Particles, lattices and rockets."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(normal(1, 4, 3), uniform(2, 0.5, 1.5, 4), wrt=(0, 1))
def gravitational_energy(positions, masses):
    """The energy of bodies that attract each other, pair by pair."""
    energy = 0.0
    for i in range(len(masses)):
        for j in range(i + 1, len(masses)):
            r = positions[i] - positions[j]
            energy -= masses[i] * masses[j] / np.sqrt(r @ r + 0.01)
    return energy


@program(normal(3, 3, 2), normal(4, 3, 2) * 0.1, wrt=(0, 1))
def n_body(x, v):
    """Three bodies for four steps, forces summed by pairs and applied in place."""
    x, v = x.copy(), v.copy()
    n = len(x)
    dt = 0.05
    for _ in range(4):
        a = np.zeros_like(x)
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                d = x[j] - x[i]
                a[i] += d / (d[0] ** 2 + d[1] ** 2 + 0.1) ** 1.5
        v += dt * a
        x += dt * v
    return x


@program(np.array([[0.0, 0.1], [1.1, 0.0], [0.2, 1.3], [2.9, 0.4], [1.4, 1.2]]), 1.0, 2.5, wrt=(0, 1))
def lennard_jones(positions, sigma, cutoff):
    """The energy of particles in pairs, those far apart left out."""
    energy = 0.0
    n = positions.shape[0]
    for i in range(n):
        for j in range(i + 1, n):
            dx = positions[i, 0] - positions[j, 0]
            dy = positions[i, 1] - positions[j, 1]
            r2 = dx * dx + dy * dy
            if r2 > cutoff**2:
                continue
            s6 = (sigma**2 / r2) ** 3
            energy += 4.0 * (s6 * s6 - s6)
    return energy


@program(uniform(5, 0.0, 5.9, 4, 2), 6.0)
def periodic_forces(positions, box):
    """Soft forces with the nearest image in a periodic box."""
    n = len(positions)
    forces = np.zeros((n, 2))
    for i in range(n - 1):
        for j in range(i + 1, n):
            d = positions[i] - positions[j]
            for axis in range(2):
                if d[axis] > box / 2:
                    d[axis] -= box
                elif d[axis] < -box / 2:
                    d[axis] += box
            f = d * np.exp(-0.5 * (d @ d))
            forces[i] += f
            forces[j] -= f
    return forces


@program(uniform(6, -1.0, 1.0, 3, 4), 0.7, 0.2, wrt=(0, 1, 2))
def ising_energy(spins, coupling, field):
    """The energy of soft spins on a torus."""
    rows, columns = spins.shape
    energy = 0.0
    for i in range(rows):
        for j in range(columns):
            s = spins[i, j]
            energy -= coupling * s * (spins[(i + 1) % rows, j] + spins[i, (j + 1) % columns])
            energy -= field * s
    return energy


@program(0.4, 12.0, wrt=(0, 1))
def projectile(angle, speed):
    """How far a ball with drag flies before it hits the ground."""
    x, y = 0.0, 0.0
    vx, vy = speed * math.cos(angle), speed * math.sin(angle)
    dt = 0.05
    while y >= 0.0:
        v = math.sqrt(vx * vx + vy * vy)
        last_x, last_y = x, y
        vx -= dt * 0.05 * v * vx
        vy -= dt * (9.81 + 0.05 * v * vy)
        x += dt * vx
        y += dt * vy
    return last_x + (x - last_x) * last_y / (last_y - y)


@program(np.array([5.0, 3.0]), np.array([2.0, 1.5]), 20.0, wrt=(0, 1, 2))
def staged_rocket(fuel, burn_rate, exhaust):
    """The height of a rocket that drops its stages when they are empty."""
    height = velocity = 0.0
    stage = 0
    remaining = fuel[0]
    mass = 2.0 + sum(fuel) + 0.5 * len(fuel)
    for _ in range(20):
        thrust = 0.0
        if stage < len(fuel):
            burned = min(burn_rate[stage] * 0.3, remaining)
            thrust = exhaust * burned / 0.3
            remaining -= burned
            mass -= burned
            if remaining <= 0:
                mass -= 0.5
                stage += 1
                if stage < len(fuel):
                    remaining = fuel[stage]
        velocity += 0.3 * (thrust / mass - 1.0)
        height = max(0.0, height + 0.3 * velocity)
    return height


@program(np.array([0.7, 0.4]), np.array([0.1, -0.2]), wrt=(0, 1))
def double_pendulum(theta, omega):
    """Two rods, one below the other, for five small steps."""
    t1, t2 = theta
    w1, w2 = omega
    for _ in range(5):
        d = t1 - t2
        m = 3 - math.cos(2 * d)
        a1 = (-3 * math.sin(t1) - math.sin(t1 - 2 * t2) - 2 * math.sin(d) * (w2**2 + w1**2 * math.cos(d))) / m
        a2 = 2 * math.sin(d) * (2 * w1**2 + 2 * math.cos(t1) + w2**2 * math.cos(d)) / m
        w1 += 0.05 * a1
        w2 += 0.05 * a2
        t1 += 0.05 * w1
        t2 += 0.05 * w2
    return np.array([t1, t2, w1, w2])


@program(normal(7, 4, 5), 0.15, wrt=(0, 1))
def heat_on_plate(u, k):
    """Heat on a plate with a boundary that is held, by slices in place."""
    u = u.copy()
    for _ in range(3):
        inner = u[1:-1, 1:-1]
        laplacian = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * inner
        inner += k * laplacian
    return u


@program(normal(8, 5), np.array([1.0, 1.2, 0.8, 1.1]), wrt=(0, 1))
def spring_chain(x, stiffness):
    """Energy and forces of beads on springs that do not push."""
    energy = 0.0
    force = np.zeros(len(x))
    for i, k in enumerate(stiffness):
        extension = x[i + 1] - x[i]
        if extension <= 0:
            continue
        energy += 0.5 * k * extension**2 + 0.1 * extension**3
        pull = k * extension + 0.3 * extension**2
        force[i] += pull
        force[i + 1] -= pull
    return energy, force


@program(uniform(9, 1.0, 1.6, 4), 0.5, wrt=(0, 1))
def layered_reflection(indices, thickness):
    """The reflectance of thin layers by Parratt's recursion, complex numbers as pairs."""
    re, im = 0.0, 0.0
    for j in range(len(indices) - 2, -1, -1):
        fresnel = (indices[j] - indices[j + 1]) / (indices[j] + indices[j + 1])
        phase = 2.0 * indices[j + 1] * thickness
        c, s = math.cos(phase), math.sin(phase)
        tr, ti = re * c - im * s, re * s + im * c
        nr, ni = fresnel + tr, ti
        dr, di = 1.0 + fresnel * tr, fresnel * ti
        scale = dr * dr + di * di
        re, im = (nr * dr + ni * di) / scale, (ni * dr - nr * di) / scale
    return re * re + im * im


@program(uniform(10, 0.2, 0.8, 4, 4), 1.7, wrt=(0, 1))
def self_consistent_field(overlap, strength):
    """Occupations that agree with the field that they make, mixed until they settle."""
    n = overlap.shape[0]
    density = np.full(n, 0.5)
    for _ in range(200):
        new = np.empty(n)
        for i in range(n):
            potential = 0.0
            for j in range(n):
                potential += overlap[i, j] * density[j]
            new[i] = 1.0 / (1.0 + math.exp(strength * potential - 0.3 * i))
        change = np.max(np.abs(new - density))
        density = 0.5 * density + 0.5 * new
        if change < 1e-14:
            break
    return density
