"""A pendulum swung up: 200 steps of Runge and Kutta's fourth-order method; the gradient of the cost with respect to all torques."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of

STEP = 0.02


def motion(state, torque):
    angle, speed = state
    return np.array([speed, torque - 0.1 * speed - 9.81 * np.sin(angle)])


def cost(torques, state):
    effort = 0.0
    for torque in torques:
        k1 = motion(state, torque)
        k2 = motion(state + 0.5 * STEP * k1, torque)
        k3 = motion(state + 0.5 * STEP * k2, torque)
        k4 = motion(state + STEP * k3, torque)
        state = state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        effort += STEP * torque**2
    return 10.0 * (1.0 + np.cos(state[0])) + state[1] ** 2 + 0.01 * effort


SOURCE = """
#include <math.h>
#define H 0.02
#define F(angle, speed, torque) ((torque) - 0.1 * (speed) - 9.81 * sin(angle))

double value(long n, const double *restrict torques, const double *restrict start) {
    double q = start[0], w = start[1], effort = 0.0;
    for (long t = 0; t < n; t++) {
        double u = torques[t];
        double q1 = w, w1 = F(q, w, u);
        double q2 = w + 0.5 * H * w1, w2 = F(q + 0.5 * H * q1, q2, u);
        double q3 = w + 0.5 * H * w2, w3 = F(q + 0.5 * H * q2, q3, u);
        double q4 = w + H * w3, w4 = F(q + H * q3, q4, u);
        q += H / 6.0 * (q1 + 2.0 * q2 + 2.0 * q3 + q4);
        w += H / 6.0 * (w1 + 2.0 * w2 + 2.0 * w3 + w4);
        effort += H * u * u;
    }
    return 10.0 * (1.0 + cos(q)) + w * w + 0.01 * effort;
}

/* d: 4 n doubles, the derivatives of the acceleration at the four stages */
double derivative(long n, const double *restrict torques, const double *restrict start, double *restrict d, double *restrict g) {
    double q = start[0], w = start[1], effort = 0.0, s, c;
#define STAGE(k, angle, speed) (sincos(angle, &s, &c), d[4 * t + k] = -9.81 * c, u - 0.1 * (speed) - 9.81 * s)
    for (long t = 0; t < n; t++) {
        double u = torques[t];
        double q1 = w, w1 = STAGE(0, q, w);
        double q2 = w + 0.5 * H * w1, w2 = STAGE(1, q + 0.5 * H * q1, q2);
        double q3 = w + 0.5 * H * w2, w3 = STAGE(2, q + 0.5 * H * q2, q3);
        double q4 = w + H * w3, w4 = STAGE(3, q + H * q3, q4);
        q += H / 6.0 * (q1 + 2.0 * q2 + 2.0 * q3 + q4);
        w += H / 6.0 * (w1 + 2.0 * w2 + 2.0 * w3 + w4);
        effort += H * u * u;
    }
    double cq = -10.0 * sin(q), cw = 2.0 * w; /* cotangents of angle and speed */
    for (long t = n - 1; t >= 0; t--) {
        double a = H / 6.0 * cq, b = H / 6.0 * cw;
        /* each stage: cotangents aq of its speed, aw of its acceleration; x, y of the angle and speed it was taken at */
        double aw = b, x4 = d[4 * t + 3] * aw, y4 = a - 0.1 * aw, gu = aw;
        aw = 2.0 * b + H * y4;
        double x3 = d[4 * t + 2] * aw, y3 = 2.0 * a + H * x4 - 0.1 * aw;
        gu += aw;
        aw = 2.0 * b + 0.5 * H * y3;
        double x2 = d[4 * t + 1] * aw, y2 = 2.0 * a + 0.5 * H * x3 - 0.1 * aw;
        gu += aw;
        aw = b + 0.5 * H * y2;
        double x1 = d[4 * t] * aw, y1 = a + 0.5 * H * x2 - 0.1 * aw;
        gu += aw;
        cq += x1 + x2 + x3 + x4;
        cw += y1 + y2 + y3 + y4;
        g[t] = gu + 0.02 * H * torques[t];
    }
    return 10.0 * (1.0 + cos(q)) + w * w + 0.01 * effort;
}
"""


class Pendulum(Problem):
    name = "pendulum"
    title = "pendulum swing-up, RK4"
    group = "loops"
    sizes = {"20": {"steps": 20}, "60": {"steps": 60}, "200": {"steps": 200}}
    scale = staticmethod(lambda steps: steps)
    without = {"torch_compiled": "not tried: it writes the loop out"}

    def data(self, steps: int) -> tuple[Any, ...]:
        return 2.0 * np.random.default_rng(0).normal(size=steps), np.array([0.1, 0.0])

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(cost, data, 0, motion)

    def c(self, torques: Any, state: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, n, g = Program("#define _GNU_SOURCE\n" + SOURCE), len(torques), np.empty(len(torques))
        value = program.bound("value", n, torques, state)
        derivative = program.bound("derivative", n, torques, state, np.empty((n, 4)), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def motion(state, torque):
            angle, speed = state
            return jnp.array([speed, torque - 0.1 * speed - 9.81 * jnp.sin(angle)])

        def cost(torques, state):
            def step(state, torque):
                k1 = motion(state, torque)
                k2 = motion(state + 0.5 * STEP * k1, torque)
                k3 = motion(state + 0.5 * STEP * k2, torque)
                k4 = motion(state + STEP * k3, torque)
                return state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

            state, _ = jax.lax.scan(step, state, torques)
            return 10.0 * (1.0 + jnp.cos(state[0])) + state[1] ** 2 + 0.01 * STEP * jnp.sum(torques**2)

        return idiom.jax(cost, data, 0, motion)

    def torch(self, *data: Any) -> Entry:
        import torch

        def motion(state, torque):
            angle, speed = state
            return torch.stack([speed, torque - 0.1 * speed - 9.81 * torch.sin(angle)])

        def cost(torques, state):
            for torque in torques:
                k1 = motion(state, torque)
                k2 = motion(state + 0.5 * STEP * k1, torque)
                k3 = motion(state + 0.5 * STEP * k2, torque)
                k4 = motion(state + STEP * k3, torque)
                state = state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return 10.0 * (1.0 + torch.cos(state[0])) + state[1] ** 2 + 0.01 * STEP * torch.sum(torques**2)

        return idiom.torch(cost, data, 0, motion)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def motion(state, torque):
            return anp.array([state[1], torque - 0.1 * state[1] - 9.81 * anp.sin(state[0])])

        def cost(torques, state):
            for torque in torques:
                k1 = motion(state, torque)
                k2 = motion(state + 0.5 * STEP * k1, torque)
                k3 = motion(state + 0.5 * STEP * k2, torque)
                k4 = motion(state + STEP * k3, torque)
                state = state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            return 10.0 * (1.0 + anp.cos(state[0])) + state[1] ** 2 + 0.01 * STEP * anp.sum(torques**2)

        return idiom.autograd(cost, data, 0, motion)

    def casadi(self, torques: Any, start: Any) -> Entry:
        import casadi as ca

        def build(n):
            state, torque = ca.SX.sym("state", 2), ca.SX.sym("torque")

            def motion(x):
                return ca.vertcat(x[1], torque - 0.1 * x[1] - 9.81 * ca.sin(x[0]))

            k1 = motion(state)
            k2 = motion(state + 0.5 * STEP * k1)
            k3 = motion(state + 0.5 * STEP * k2)
            k4 = motion(state + STEP * k3)
            step = ca.Function("step", [state, torque], [state + STEP / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)])
            torques, start = ca.MX.sym("torques", 1, n), ca.MX.sym("start", 2)
            end = step.fold(n)(start, torques)
            cost = 10.0 * (1.0 + ca.cos(end[0])) + end[1] ** 2 + 0.01 * STEP * ca.sumsqr(torques)
            return ca.Function("value", [torques, start], [cost]), ca.Function("both", [torques, start], [cost, ca.gradient(cost, torques)])

        return idiom.casadi(build, (torques, start), lambda value, g: (value, g))
