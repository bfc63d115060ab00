"""GradBench's ht, hand tracking: distances of measured points from a hand's skin, and their Jacobian.

26 numbers pose 22 bones in a tree; the skin's vertices follow the bones by weights; each measured point belongs to a triangle, at a place u
in it. The Jacobian is 3·c × 28: a residual depends on its own u only, so all of them share two columns, and a shift of all places gives
these. Its cost is that of skinning all vertices, in 28 directions. The model is made up, of the size of GradBench's. (After ADBench.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def bend(x, z):
    """A joint's rotation about the x axis, then z."""
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(x), -np.sin(x)], [0.0, np.sin(x), np.cos(x)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0.0], [np.sin(z), np.cos(z), 0.0], [0.0, 0.0, 1.0]])
    return about_z @ about_x


def turn(rotation):
    """The matrix of a rotation about the axis `rotation` by its length."""
    angle = np.sqrt(np.sum(rotation**2))
    if angle < 1e-4:
        return np.eye(3)
    (x, y, z), s, c = rotation / angle, np.sin(angle), np.cos(angle)
    return np.array(
        [
            [x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s],
            [x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s],
            [x * z * (1.0 - c) - y * s, z * y * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c],
        ]
    )


def posed_bones(theta, parents, relatives):
    """Where the bones are: each finger's first joint bends in two ways, the others in one."""
    angles = np.zeros((len(parents), 2))
    for finger in range(5):
        bone, k = 2 + 4 * finger, 6 + 4 * finger
        angles[bone] = theta[k : k + 2]
        angles[bone + 1, 0] = theta[k + 2]
        angles[bone + 2, 0] = theta[k + 3]
    absolutes = np.empty((len(parents), 4, 4))
    for i in range(len(parents)):
        joint = np.eye(4)
        joint[:3, :3] = bend(angles[i, 0], angles[i, 1])
        relative = relatives[i] @ joint
        absolutes[i] = relative if parents[i] == -1 else absolutes[parents[i]] @ relative
    return absolutes


def skin(theta, parents, relatives, inverses, vertices, weights):
    """Where the vertices are."""
    transforms = posed_bones(theta, parents, relatives) @ inverses
    blended = np.tensordot(weights, transforms[:, :3], 1)
    positions = np.einsum("vij,vj->vi", blended, vertices)
    return positions @ turn(theta[:3]).T + theta[3:6]


def residuals(theta, u, points, corners, *model):
    positions = skin(theta, *model)
    a, b, c = positions[corners[:, 0]], positions[corners[:, 1]], positions[corners[:, 2]]
    return (points - (u[:, :1] * a + u[:, 1:] * b + (1.0 - u[:, :1] - u[:, 1:]) * c)).ravel()


def jacobian(theta, u, *data):
    """By the two places that each residual has of its own, then by theta."""
    shifted = lambda p: residuals(p[2:], u + p[:2], *data)
    return wg.jacobian(shifted)(np.concatenate([np.zeros(2), theta]))


def residuals_at_vertices(theta, points, nearest, *model):
    """GradBench's simple variant: each point belongs to a vertex."""
    return (points - skin(theta, *model)[nearest]).ravel()


SOURCE = """
#include <math.h>
#include <string.h>
#define BONES 22
typedef double Matrix[4][4];
static void product(Matrix a, Matrix b, Matrix out) {
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) out[i][j] = a[i][0] * b[0][j] + a[i][1] * b[1][j] + a[i][2] * b[2][j] + a[i][3] * b[3][j];
}
/* Rz Rx, or its derivative by x or z */
static void bend(double x, double z, int by, Matrix out) {
    double cx = cos(x), sx = sin(x), cz = cos(z), sz = sin(z), one = 1.0, last = by == 0;
    if (by == 1) { double t = cx; cx = -sx; sx = t; one = 0.0; }
    Matrix Rx = {{one, 0, 0, 0}, {0, cx, -sx, 0}, {0, sx, cx, 0}, {0, 0, 0, last}};
    if (by == 2) { double t = cz; cz = -sz; sz = t; }
    Matrix Rz = {{cz, -sz, 0, 0}, {sz, cz, 0, 0}, {0, 0, by != 2, 0}, {0, 0, 0, 1}};
    product(Rz, Rx, out);
}
static void turn(const double *r, double R[3][3], double dR[3][3][3]) {
    double norm = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
    memset(R, 0, 9 * sizeof(double));
    memset(dR, 0, 27 * sizeof(double));
    if (norm < 1e-4) { R[0][0] = R[1][1] = R[2][2] = 1.0; return; }
    double a[3] = {r[0] / norm, r[1] / norm, r[2] / norm}, s = sin(norm), c = cos(norm);
    double K[3][3] = {{0, -a[2], a[1]}, {a[2], 0, -a[0]}, {-a[1], a[0], 0}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) R[i][j] = a[i] * a[j] * (1.0 - c) + (i == j) * c + K[i][j] * s;
    for (int k = 0; k < 3; k++) {
        double d[3]; /* of the axis */
        for (int i = 0; i < 3; i++) d[i] = ((i == k) - a[i] * a[k]) / norm;
        double dK[3][3] = {{0, -d[2], d[1]}, {d[2], 0, -d[0]}, {-d[1], d[0], 0}};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                dR[k][i][j] = (d[i] * a[j] + a[i] * d[j]) * (1.0 - c) + a[i] * a[j] * s * a[k] - (i == j) * s * a[k]
                              + dK[i][j] * s + K[i][j] * c * a[k];
    }
}
static double angle_of(const double *theta, long bone, int which) {
    long joint = bone - 2 < 0 || bone == BONES - 1 ? 3 : (bone - 2) % 4, k = 6 + 4 * ((bone - 2) / 4);
    if (joint == 3) return 0.0;
    return joint == 0 ? theta[k + which] : which == 0 ? theta[k + 1 + joint] : 0.0;
}
static void poses(const double *theta, const long *parents, Matrix *base, Matrix *relative, Matrix *absolute) {
    Matrix joint;
    for (long i = 0; i < BONES; i++) {
        bend(angle_of(theta, i, 0), angle_of(theta, i, 1), 0, joint);
        product(base[i], joint, relative[i]);
        if (parents[i] < 0) memcpy(absolute[i], relative[i], sizeof(Matrix));
        else product(absolute[parents[i]], relative[i], absolute[i]);
    }
}
void residuals(long V, long c, const double *restrict theta, const double *restrict u, const double *restrict points,
               const long *restrict corners, const long *restrict parents, Matrix *restrict base, Matrix *restrict inverse,
               const double *restrict vertices, const double *restrict weights, double *restrict work, double *restrict out) {
    Matrix relative[BONES], absolute[BONES], T;
    double R[3][3], dR[3][3][3], all[BONES][12];
    turn(theta, R, dR);
    poses(theta, parents, base, relative, absolute);
    for (long b = 0; b < BONES; b++) {
        product(absolute[b], inverse[b], T);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++) all[b][4 * i + j] = R[i][0] * T[0][j] + R[i][1] * T[1][j] + R[i][2] * T[2][j];
    }
    for (long v = 0; v < V; v++) {
        const double *x = vertices + 4 * v;
        double M[12] = {0};
        for (long b = 0; b < BONES; b++)
            for (int j = 0; j < 12; j++) M[j] += weights[BONES * v + b] * all[b][j];
        for (int i = 0; i < 3; i++)
            work[3 * v + i] = M[4 * i] * x[0] + M[4 * i + 1] * x[1] + M[4 * i + 2] * x[2] + M[4 * i + 3] * x[3] + theta[3 + i];
    }
    for (long k = 0; k < c; k++)
        for (int i = 0; i < 3; i++) {
            const double a = work[3 * corners[3 * k] + i], b = work[3 * corners[3 * k + 1] + i], e = work[3 * corners[3 * k + 2] + i];
            out[3 * k + i] = points[3 * k + i] - (u[2 * k] * a + u[2 * k + 1] * b + (1.0 - u[2 * k] - u[2 * k + 1]) * e);
        }
}
/* A vertex's place and its derivatives by theta, 3 x 27 in `work`; which bones move with which angle is known: 9 pairs a finger. */
void jacobian(long V, long c, const double *restrict theta, const double *restrict u, const double *restrict points,
              const long *restrict corners, const long *restrict parents, Matrix *restrict base, Matrix *restrict inverse,
              const double *restrict vertices, const double *restrict weights, double *restrict work, double *restrict J) {
    Matrix relative[BONES], absolute[BONES], T, joint, moved, d[3];
    double R[3][3], dR[3][3][3], all[BONES][12], plain[BONES][12], by[45][12];
    long bone_of[45], theta_of[45], pairs = 0;
    turn(theta, R, dR);
    poses(theta, parents, base, relative, absolute);
    for (long b = 0; b < BONES; b++) {
        product(absolute[b], inverse[b], T);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 4; j++) {
                plain[b][4 * i + j] = T[i][j];
                all[b][4 * i + j] = R[i][0] * T[0][j] + R[i][1] * T[1][j] + R[i][2] * T[2][j];
            }
    }
    for (long finger = 0; finger < 5; finger++)
        for (long k = 0; k < 4; k++) {
            long first = 2 + 4 * finger + (k < 2 ? 0 : k - 1), last = 4 + 4 * finger;
            bend(angle_of(theta, first, 0), angle_of(theta, first, 1), k == 1 ? 2 : 1, joint);
            product(base[first], joint, moved);
            if (parents[first] < 0) memcpy(d[0], moved, sizeof(Matrix));
            else product(absolute[parents[first]], moved, d[0]);
            for (long b = first; b <= last; b++) {
                if (b > first) product(d[b - first - 1], relative[b], d[b - first]);
                product(d[b - first], inverse[b], T);
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 4; j++)
                        by[pairs][4 * i + j] = R[i][0] * T[0][j] + R[i][1] * T[1][j] + R[i][2] * T[2][j];
                bone_of[pairs] = b;
                theta_of[pairs++] = 6 + 4 * finger + k;
            }
        }
    for (long v = 0; v < V; v++) {
        const double *x = vertices + 4 * v, *w = weights + BONES * v;
        double *restrict place = work + 81 * v, M[12] = {0}, Q[12] = {0}, q[3];
        for (long b = 0; b < BONES; b++)
            for (int j = 0; j < 12; j++) { M[j] += w[b] * all[b][j]; Q[j] += w[b] * plain[b][j]; }
        for (int i = 0; i < 81; i++) place[i] = 0.0;
        for (int i = 0; i < 3; i++) {
            place[i] = M[4 * i] * x[0] + M[4 * i + 1] * x[1] + M[4 * i + 2] * x[2] + M[4 * i + 3] * x[3] + theta[3 + i];
            q[i] = Q[4 * i] * x[0] + Q[4 * i + 1] * x[1] + Q[4 * i + 2] * x[2] + Q[4 * i + 3] * x[3];
        }
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < 3; i++) place[3 + 3 * k + i] = dR[k][i][0] * q[0] + dR[k][i][1] * q[1] + dR[k][i][2] * q[2];
            place[12 + 4 * k] = 1.0;
        }
        for (long p = 0; p < 45; p++) {
            const double *m = by[p], weight = w[bone_of[p]];
            double *to = place + 3 + 3 * theta_of[p];
            for (int i = 0; i < 3; i++)
                to[i] += weight * (m[4 * i] * x[0] + m[4 * i + 1] * x[1] + m[4 * i + 2] * x[2] + m[4 * i + 3] * x[3]);
        }
    }
    for (long k = 0; k < c; k++) {
        const double *A = work + 81 * corners[3 * k], *B = work + 81 * corners[3 * k + 1], *C = work + 81 * corners[3 * k + 2];
        double p = u[2 * k], q = u[2 * k + 1], r = 1.0 - p - q;
        for (int i = 0; i < 3; i++) {
            double *restrict row = J + 28 * (3 * k + i);
            row[0] = C[i] - A[i];
            row[1] = C[i] - B[i];
            for (int t = 0; t < 26; t++) row[2 + t] = -(p * A[3 + 3 * t + i] + q * B[3 + 3 * t + i] + r * C[3 + 3 * t + i]);
        }
    }
}
"""


class HandTracking(Problem):
    name, title, group = "ht", "hand tracking: Jacobian", "gradbench"
    gradient = False
    sizes = {
        "544,100": {"vertices": 544, "c": 100},
        "10000,100": {"vertices": 10000, "c": 100},
        "10000,800": {"vertices": 10000, "c": 800},
        "10000,6400": {"vertices": 10000, "c": 6400},
    }
    without = {
        "torch_compiled": "jacfwd of a loop over bones that assigns: more than a minute",
        "autograd": "no Jacobian in forward mode; in reverse one pass a residual",
        "casadi": "22 weights of 10,000 vertices: millions of scalar nodes",
    }

    @staticmethod
    def scale(vertices, c):
        return float(vertices)

    def data(self, vertices, c):
        rng = np.random.default_rng(31337)
        parents = np.array([-1, *[bone for finger in range(5) for bone in (0, *range(1 + 4 * finger, 4 + 4 * finger))], 0])
        relatives = np.tile(np.eye(4), (22, 1, 1))
        relatives[:, :3] += 0.1 * rng.normal(size=(22, 3, 4))
        weights = np.zeros((vertices, 22))
        for _ in range(4):
            weights[np.arange(vertices), rng.integers(0, 22, vertices)] += rng.random(vertices)
        model = parents, relatives, np.linalg.inv(relatives), np.c_[rng.random((vertices, 3)), np.ones(vertices)], weights
        corners = rng.integers(0, vertices, (c, 3))
        return 0.3 * rng.normal(size=26), rng.random((c, 2)) / 2, rng.normal(size=(c, 3)), corners, *model

    def wengert(self, *data):
        value, derivative = wg.jit(residuals), wg.jit(jacobian)
        lines = lines_of(bend, turn, posed_bones, skin, residuals, jacobian)
        return Entry(lambda: value(*data), lambda: derivative(*data), lines)

    def c(self, *data):
        """All vertices too; but each angle moves its own bones only, as whoever writes derivatives by hand knows."""
        program, vertices, c = Program(SOURCE), len(data[-1]), len(data[1])
        out, J, work = np.empty(3 * c), np.empty((3 * c, 28)), np.empty((vertices, 81))
        value = program.bound("residuals", vertices, c, *data, work, out, returns=None)
        derivative = program.bound("jacobian", vertices, c, *data, work, J, returns=None)
        return Entry(lambda: (value(), out)[1], lambda: (derivative(), J)[1], lines_of(SOURCE))

    def jax(self, theta, u, points, corners, parents, *model):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def bend(x, z):
            one, zero = jnp.ones_like(x), jnp.zeros_like(x)
            about_x = jnp.stack([one, zero, zero, zero, jnp.cos(x), -jnp.sin(x), zero, jnp.sin(x), jnp.cos(x)]).reshape(3, 3)
            about_z = jnp.stack([jnp.cos(z), -jnp.sin(z), zero, jnp.sin(z), jnp.cos(z), zero, zero, zero, one]).reshape(3, 3)
            return about_z @ about_x

        def turn(rotation):
            squared = jnp.sum(rotation**2)
            small = squared < 1e-8
            angle = jnp.sqrt(jnp.where(small, 1.0, squared))
            (x, y, z), s, c = rotation / angle, jnp.sin(angle), jnp.cos(angle)
            rows = [
                [x * x + (1.0 - x * x) * c, x * y * (1.0 - c) - z * s, x * z * (1.0 - c) + y * s],
                [x * y * (1.0 - c) + z * s, y * y + (1.0 - y * y) * c, y * z * (1.0 - c) - x * s],
                [x * z * (1.0 - c) - y * s, z * y * (1.0 - c) + x * s, z * z + (1.0 - z * z) * c],
            ]
            return jnp.where(small, jnp.eye(3), jnp.array(rows))

        def residuals(theta, u, points, corners, relatives, inverses, vertices, weights):
            fingers = theta[6:].reshape(5, 4)
            angles = jnp.zeros((5, 4, 2)).at[:, 0].set(fingers[:, :2]).at[:, 1:3, 0].set(fingers[:, 2:]).reshape(20, 2)
            angles = jnp.zeros((22, 2)).at[2:21].set(angles[:19])
            joints = jnp.tile(jnp.eye(4), (22, 1, 1)).at[:, :3, :3].set(jax.vmap(bend)(angles[:, 0], angles[:, 1]))
            relatives, absolutes = relatives @ joints, []
            for i, parent in enumerate(parents):
                absolutes.append(relatives[i] if parent == -1 else absolutes[parent] @ relatives[i])
            transforms = (jnp.stack(absolutes) @ inverses)[:, :3]
            positions = jnp.einsum("vij,vj->vi", jnp.tensordot(weights, transforms, 1), vertices)
            a, b, c = jnp.moveaxis((positions @ turn(theta[:3]).T + theta[3:6])[corners], 1, 0)
            return (points - (u[:, :1] * a + u[:, 1:] * b + (1.0 - u[:, :1] - u[:, 1:]) * c)).ravel()

        def jacobian(theta, u, *data):
            shifted = lambda p: residuals(p[2:], u + p[:2], *data)
            return jax.jacfwd(shifted)(jnp.concatenate([jnp.zeros(2), theta]))

        theirs = [jnp.asarray(x) for x in (theta, u, points, corners, *model)]
        value, derivative = jax.jit(residuals), jax.jit(jacobian)
        lines = lines_of(bend, turn, residuals, jacobian)
        return Entry(lambda: jax.block_until_ready(value(*theirs)), lambda: jax.block_until_ready(derivative(*theirs)), lines)

    def torch(self, theta, u, points, corners, parents, *model):
        import torch

        relatives, inverses, vertices, weights = (torch.tensor(x) for x in model)

        def bend(x, z):
            one, zero = torch.ones_like(x), torch.zeros_like(x)
            about_x = torch.stack([one, zero, zero, zero, x.cos(), -x.sin(), zero, x.sin(), x.cos()], -1).reshape(-1, 3, 3)
            about_z = torch.stack([z.cos(), -z.sin(), zero, z.sin(), z.cos(), zero, zero, zero, one], -1).reshape(-1, 3, 3)
            return about_z @ about_x

        def turn(rotation):
            angle = torch.sqrt(torch.sum(rotation**2))
            axis, zero = rotation / angle, torch.zeros_like(angle)
            cross = torch.stack([zero, -axis[2], axis[1], axis[2], zero, -axis[0], -axis[1], axis[0], zero]).reshape(3, 3)
            return torch.outer(axis, axis) * (1.0 - angle.cos()) + torch.eye(3, dtype=angle.dtype) * angle.cos() + cross * angle.sin()

        def residuals(theta, u):
            fingers, rest = theta[6:].reshape(5, 4), theta.new_zeros(5, 2)
            last = torch.zeros_like(fingers[:, 2])
            steps = [fingers[:, :2], torch.stack([fingers[:, 2], last], 1), torch.stack([fingers[:, 3], last], 1), rest]
            angles = torch.cat([theta.new_zeros(2, 2), torch.stack(steps, 1).reshape(20, 2)])[:22]
            turned = relatives[:, :, :3] @ bend(angles[:, 0], angles[:, 1])
            local, absolutes = torch.cat([turned, relatives[:, :, 3:].expand(22, 4, 1)], 2), []
            for i, parent in enumerate(parents):
                absolutes.append(local[i] if parent == -1 else absolutes[parent] @ local[i])
            transforms = (torch.stack(absolutes) @ inverses)[:, :3]
            positions = torch.einsum("vij,vj->vi", torch.tensordot(weights, transforms, 1), vertices)
            a, b, c = (positions @ turn(theta[:3]).T + theta[3:6])[places].unbind(1)
            return (measured - (u[:, :1] * a + u[:, 1:] * b + (1.0 - u[:, :1] - u[:, 1:]) * c)).ravel()

        x, places, measured, pose = torch.tensor(u), torch.tensor(corners), torch.tensor(points), torch.tensor(theta)

        def jacobian():
            shifted = lambda p: residuals(p[2:], x + p[:2])
            return torch.func.jacfwd(shifted)(torch.cat([pose.new_zeros(2), pose]))

        return Entry(lambda: residuals(pose, x), jacobian, lines_of(bend, turn, residuals, jacobian))
