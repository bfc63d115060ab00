"""Aim a projectile with air drag: the derivative of an ODE solver, a plain Python loop with a branch.

Run it: `python examples/projectile.py`.
"""

import numpy as np

import wengert as wg

GRAVITY, DRAG, STEP = 9.81, 0.02, 0.05  # m/s², 1/m, s


def acceleration(v):
    return np.stack([-DRAG * np.sqrt(v @ v) * v[0], -GRAVITY - DRAG * np.sqrt(v @ v) * v[1]])


def flight(angle, speed):
    """How far (m) a projectile flies before it is back at the ground: Runge and Kutta's method of order four."""
    x, v = np.zeros(2), speed * np.stack([np.cos(angle), np.sin(angle)])
    while True:
        k1 = acceleration(v)
        k2 = acceleration(v + 0.5 * STEP * k1)
        k3 = acceleration(v + 0.5 * STEP * k2)
        k4 = acceleration(v + STEP * k3)
        new_x = x + STEP * v + STEP**2 / 6 * (k1 + k2 + k3)
        v = v + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        if new_x[1] < 0:  # the crossing, by a straight line between the last two points
            return x[0] + (new_x[0] - x[0]) * x[1] / (x[1] - new_x[1])
        x = new_x


def main():
    """The angle of the farthest flight: below 45 degrees, because of the drag."""
    angle = 0.9
    for _ in range(6):
        slope = wg.grad(flight)(angle, 30.0)
        angle = angle + 0.007 * slope
    low, high = (flight(angle + d, 30.0) for d in (-0.05, 0.05))
    print(f"best angle {np.degrees(angle):.2f}°, distance {flight(angle, 30.0):.3f} m, slope {slope:.1e} m/rad")
    difference = (flight(0.9 + 1e-6, 30.0) - flight(0.9 - 1e-6, 30.0)) / 2e-6
    assert abs(wg.grad(flight)(0.9, 30.0) - difference) < 1e-5 * abs(difference)
    assert flight(angle, 30.0) > max(low, high)
    assert np.degrees(angle) < 45
    return angle


if __name__ == "__main__":
    main()
