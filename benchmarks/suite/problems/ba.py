"""GradBench's ba, bundle adjustment: reprojection errors of observations, and their sparse Jacobian in compressed rows.

Each observation depends on one camera (11 parameters), one point (3) and one weight; the weights have an error of their own. So the
Jacobian is a 2 × 15 block for each observation, and a single entry for each weight. `derivative` is (row pointers, columns, values),
assembled in each call; the dense Jacobian, 3·p × (11·n + 3·m + p), is never formed. (GradBench, after ADBench.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def rotate(rotation, x):
    """Rodrigues' formula: x turned about the axis `rotation` by its length."""
    squared = rotation @ rotation
    if squared == 0.0:
        return x + np.cross(rotation, x)
    angle = np.sqrt(squared)
    axis = rotation / angle
    return np.cos(angle) * x + np.sin(angle) * np.cross(axis, x) + (1.0 - np.cos(angle)) * (axis @ x) * axis


def project(camera, x):
    """Where a camera [rotation 3, centre 3, focal length, principal point 2, distortion 2] sees a point."""
    seen = rotate(camera[:3], x - camera[3:6])
    flat = seen[:2] / seen[2]
    r2 = flat @ flat
    return camera[6] * (1.0 + camera[9] * r2 + camera[10] * r2**2) * flat + camera[7:9]


def reprojection_error(camera, x, weight, feature):
    return weight * (project(camera, x) - feature)


def weight_error(weight):
    return 1.0 - weight**2


def objective(cameras, points, weights, observations, features):
    errors = np.empty(features.shape)
    for i in range(len(observations)):
        camera, point = observations[i]
        errors[i] = reprojection_error(cameras[camera], points[point], weights[i], features[i])
    return errors, weight_error(weights)


def jacobian(cameras, points, weights, observations, features):
    """The nonzeros by rows: where each row begins, their columns, their values."""
    p, camera, point = len(observations), observations[:, 0], observations[:, 1]
    of_observation = wg.vmap(wg.jacobian(reprojection_error, argnums=(0, 1, 2)))
    by_camera, by_point, by_weight = of_observation(cameras[camera], points[point], weights, features)
    values = np.concatenate([by_camera, by_point, by_weight[:, :, None]], axis=2)
    columns = np.empty((p, 2, 15), np.int64)
    columns[:, :, :11] = (11 * camera[:, None] + np.arange(11))[:, None]
    columns[:, :, 11:14] = (cameras.size + 3 * point[:, None] + np.arange(3))[:, None]
    columns[:, :, 14] = (cameras.size + points.size + np.arange(p))[:, None]
    return (
        np.concatenate([15 * np.arange(2 * p), 30 * p + np.arange(p + 1)]),
        np.concatenate([columns.ravel(), cameras.size + points.size + np.arange(p)]),
        np.concatenate([values.ravel(), wg.elementwise_grad(weight_error)(weights)]),
    )


SOURCE = """
#include <math.h>
static inline void cross(const double *a, const double *b, double *restrict c) {
    c[0] = a[1] * b[2] - a[2] * b[1];
    c[1] = a[2] * b[0] - a[0] * b[2];
    c[2] = a[0] * b[1] - a[1] * b[0];
}
static inline double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
static inline void error(const double *restrict cam, const double *restrict X, double w, const double *restrict feature,
                         double *restrict e) {
    double x[3] = {X[0] - cam[3], X[1] - cam[4], X[2] - cam[5]}, y[3], wx[3], squared = dot(cam, cam);
    if (squared != 0.0) {
        double angle = sqrt(squared), c = cos(angle), s = sin(angle), a[3] = {cam[0] / angle, cam[1] / angle, cam[2] / angle};
        cross(a, x, wx);
        double t = (1.0 - c) * dot(a, x);
        for (int i = 0; i < 3; i++) y[i] = c * x[i] + s * wx[i] + t * a[i];
    } else {
        cross(cam, x, wx);
        for (int i = 0; i < 3; i++) y[i] = x[i] + wx[i];
    }
    double u = y[0] / y[2], v = y[1] / y[2], r2 = u * u + v * v, L = cam[6] * (1.0 + cam[9] * r2 + cam[10] * r2 * r2);
    e[0] = w * (L * u + cam[7] - feature[0]);
    e[1] = w * (L * v + cam[8] - feature[1]);
}
void objective(long p, const double *restrict cams, const double *restrict X, const double *restrict w, const long *restrict obs,
               const double *restrict features, double *restrict e, double *restrict we) {
    for (long i = 0; i < p; i++) error(cams + 11 * obs[2 * i], X + 3 * obs[2 * i + 1], w[i], features + 2 * i, e + 2 * i);
    for (long i = 0; i < p; i++) we[i] = 1.0 - w[i] * w[i];
}
/* the two rows of an observation, J[row * 15 + parameter], parameters: camera 11, point 3, weight */
static inline void rows(const double *restrict cam, const double *restrict X, double w, const double *restrict feature,
                        double *restrict J) {
    double x[3] = {X[0] - cam[3], X[1] - cam[4], X[2] - cam[5]}, y[3], wx[3], squared = dot(cam, cam);
    double R[3][3], D[3][3]; /* dy / dx, dy / drotation */
    if (squared != 0.0) {
        double angle = sqrt(squared), c = cos(angle), s = sin(angle), inverse = 1.0 / angle;
        double a[3] = {cam[0] * inverse, cam[1] * inverse, cam[2] * inverse}, ax = dot(a, x), t = (1.0 - c) * ax;
        cross(a, x, wx);
        for (int i = 0; i < 3; i++) y[i] = c * x[i] + s * wx[i] + t * a[i];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) R[i][j] = (i == j ? c : 0.0) + (1.0 - c) * a[i] * a[j];
        R[0][1] -= s * a[2]; R[0][2] += s * a[1]; R[1][0] += s * a[2];
        R[1][2] -= s * a[0]; R[2][0] -= s * a[1]; R[2][1] += s * a[0];
        double A[3][3]; /* dy / da */
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) A[i][j] = (i == j ? t : 0.0) + (1.0 - c) * a[i] * x[j];
        A[0][1] += s * x[2]; A[0][2] -= s * x[1]; A[1][0] -= s * x[2];
        A[1][2] += s * x[0]; A[2][0] += s * x[1]; A[2][1] -= s * x[0];
        for (int i = 0; i < 3; i++) {
            double Aa = A[i][0] * a[0] + A[i][1] * a[1] + A[i][2] * a[2];
            double by_angle = -s * x[i] + c * wx[i] + s * ax * a[i];
            for (int j = 0; j < 3; j++) D[i][j] = (A[i][j] - Aa * a[j]) * inverse + by_angle * a[j];
        }
    } else {
        cross(cam, x, wx);
        for (int i = 0; i < 3; i++) y[i] = x[i] + wx[i];
        double r[3][3] = {{1.0, -cam[2], cam[1]}, {cam[2], 1.0, -cam[0]}, {-cam[1], cam[0], 1.0}};
        double m[3][3] = {{0.0, x[2], -x[1]}, {-x[2], 0.0, x[0]}, {x[1], -x[0], 0.0}};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) { R[i][j] = r[i][j]; D[i][j] = m[i][j]; }
    }
    double inverse = 1.0 / y[2], u = y[0] * inverse, v = y[1] * inverse, r2 = u * u + v * v, f = cam[6];
    double L = 1.0 + cam[9] * r2 + cam[10] * r2 * r2, slope = 2.0 * cam[9] + 4.0 * cam[10] * r2;
    double P[2][2] = {{f * (slope * u * u + L), f * slope * u * v}, {f * slope * u * v, f * (slope * v * v + L)}}, uv[2] = {u, v};
    for (int k = 0; k < 2; k++) {
        double g[3] = {w * P[k][0] * inverse, w * P[k][1] * inverse, -w * (P[k][0] * u + P[k][1] * v) * inverse};
        double *restrict row = J + 15 * k;
        for (int j = 0; j < 3; j++) {
            row[j] = g[0] * D[0][j] + g[1] * D[1][j] + g[2] * D[2][j];
            row[11 + j] = g[0] * R[0][j] + g[1] * R[1][j] + g[2] * R[2][j];
            row[3 + j] = -row[11 + j];
        }
        row[6] = w * L * uv[k];
        row[7] = k == 0 ? w : 0.0;
        row[8] = k == 1 ? w : 0.0;
        row[9] = w * f * r2 * uv[k];
        row[10] = w * f * r2 * r2 * uv[k];
        row[14] = f * L * uv[k] + cam[7 + k] - feature[k];
    }
}
void jacobian(long n, long m, long p, const double *restrict cams, const double *restrict X, const double *restrict w,
              const long *restrict obs, const double *restrict features, long *restrict begins, long *restrict columns,
              double *restrict values) {
    for (long i = 0; i < p; i++) {
        long cam = obs[2 * i], point = obs[2 * i + 1];
        rows(cams + 11 * cam, X + 3 * point, w[i], features + 2 * i, values + 30 * i);
        for (long k = 0; k < 2; k++) {
            long *restrict c = columns + 30 * i + 15 * k;
            for (long j = 0; j < 11; j++) c[j] = 11 * cam + j;
            for (long j = 0; j < 3; j++) c[11 + j] = 11 * n + 3 * point + j;
            c[14] = 11 * n + 3 * m + i;
            begins[2 * i + k] = 30 * i + 15 * k;
        }
    }
    for (long i = 0; i < p; i++) {
        begins[2 * p + i] = 30 * p + i;
        columns[30 * p + i] = 11 * n + 3 * m + i;
        values[30 * p + i] = -2.0 * w[i];
    }
    begins[3 * p] = 31 * p;
}
"""


class BundleAdjustment(Problem):
    name, title, group = "ba", "bundle adjustment: sparse Jacobian", "gradbench"
    gradient = False
    sizes = {
        "21,500,2000": {"n": 21, "m": 500, "p": 2000},
        "49,7776,31843": {"n": 49, "m": 7776, "p": 31843},
        "257,65132,225911": {"n": 257, "m": 65132, "p": 225911},
    }
    without = {
        "torch": "GradBench's takes the observations one by one: 2 s for the smallest size",
        "torch_compiled": "as PyTorch",
        "autograd": "observations one by one, as PyTorch",
    }

    @staticmethod
    def scale(n, m, p):
        return float(p)

    def data(self, n, m, p):
        """Cameras, points and features about those of GradBench's first file; one camera is not turned."""
        rng = np.random.default_rng(31337)
        camera = [0.0157, -0.0128, -0.0044, -0.034, -0.1075, 1.1202, 399.75, 0.0, 0.0, -3.177e-7, 5.88e-13]
        cameras = np.array(camera) * (1.0 + 0.1 * rng.normal(size=(n, 11)))
        cameras[-1, :3] = 0.0
        points = np.array([-0.612, 0.5718, -1.8471]) * (1.0 + 0.1 * rng.normal(size=(m, 3)))
        observations = np.stack([np.arange(p) % n, np.arange(p) % m], axis=1)
        return cameras, points, rng.random(p), observations, np.array([-332.65, 262.09]) + rng.normal(size=(p, 2))

    def wengert(self, *data):
        value, derivative = wg.jit(objective), wg.jit(jacobian)
        lines = lines_of(rotate, project, reprojection_error, weight_error, objective, jacobian)
        return Entry(lambda: value(*data), lambda: derivative(*data), lines)

    def c(self, cameras, points, weights, observations, features):
        program, n, m, p = Program(SOURCE), len(cameras), len(points), len(weights)
        errors, of_weights = np.empty((p, 2)), np.empty(p)
        sparse = np.empty(3 * p + 1, np.int64), np.empty(31 * p, np.int64), np.empty(31 * p)
        value = program.bound("objective", p, cameras, points, weights, observations, features, errors, of_weights, returns=None)
        derivative = program.bound("jacobian", n, m, p, cameras, points, weights, observations, features, *sparse, returns=None)
        return Entry(lambda: (value(), errors, of_weights)[1:], lambda: (derivative(), *sparse)[1:], lines_of(SOURCE))

    def jax(self, *data):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def rotate(rotation, x):
            squared = rotation @ rotation
            safe = jnp.where(squared == 0.0, 1.0, squared)
            angle = jnp.sqrt(safe)
            axis = rotation / angle
            turned = jnp.cos(angle) * x + jnp.sin(angle) * jnp.cross(axis, x) + (1.0 - jnp.cos(angle)) * (axis @ x) * axis
            return jnp.where(squared == 0.0, x + jnp.cross(rotation, x), turned)

        def project(camera, x):
            seen = rotate(camera[:3], x - camera[3:6])
            flat = seen[:2] / seen[2]
            r2 = flat @ flat
            return camera[6] * (1.0 + camera[9] * r2 + camera[10] * r2**2) * flat + camera[7:9]

        def error(camera, x, weight, feature):
            return weight * (project(camera, x) - feature)

        def objective(cameras, points, weights, observations, features):
            camera, point = observations.T
            return jax.vmap(error)(cameras[camera], points[point], weights, features), 1.0 - weights**2

        def jacobian(cameras, points, weights, observations, features):
            p, (camera, point) = len(observations), observations.T
            blocks = jax.vmap(jax.jacrev(error, argnums=(0, 1, 2)))(cameras[camera], points[point], weights, features)
            values = jnp.concatenate([blocks[0], blocks[1], blocks[2][:, :, None]], axis=2)
            single = cameras.size + points.size + jnp.arange(p)
            columns = [11 * camera[:, None] + jnp.arange(11), cameras.size + 3 * point[:, None] + jnp.arange(3), single[:, None]]
            return (
                jnp.concatenate([15 * jnp.arange(2 * p), 30 * p + jnp.arange(p + 1)]),
                jnp.concatenate([jnp.repeat(jnp.concatenate(columns, axis=1), 2, axis=0).ravel(), single]),
                jnp.concatenate([values.ravel(), jax.vmap(jax.grad(lambda w: 1.0 - w**2))(weights)]),
            )

        theirs, value, derivative = [jnp.asarray(x) for x in data], jax.jit(objective), jax.jit(jacobian)
        lines = lines_of(rotate, project, error, objective, jacobian)
        return Entry(lambda: jax.block_until_ready(value(*theirs)), lambda: jax.block_until_ready(derivative(*theirs)), lines)

    def casadi(self, cameras, points, weights, observations, features):
        """The block of an observation as a function, mapped over all of them; the rows are put together by NumPy."""
        import casadi

        cam, x, w, feature = (casadi.SX.sym(name, k) for name, k in (("cam", 11), ("x", 3), ("w", 1), ("feature", 2)))
        turned = x - cam[3:6]
        squared = casadi.dot(cam[:3], cam[:3])
        angle = casadi.sqrt(casadi.if_else(squared == 0.0, 1.0, squared))
        axis, c, s = cam[:3] / angle, casadi.cos(angle), casadi.sin(angle)
        full = c * turned + s * casadi.cross(axis, turned) + (1.0 - c) * casadi.dot(axis, turned) * axis
        seen = casadi.if_else(squared == 0.0, turned + casadi.cross(cam[:3], turned), full)
        flat = seen[:2] / seen[2]
        r2 = casadi.dot(flat, flat)
        error = w * (cam[6] * (1.0 + cam[9] * r2 + cam[10] * r2**2) * flat + cam[7:9] - feature)
        block = casadi.densify(casadi.jacobian(error, casadi.vertcat(cam, x, w)))
        n, m, p, (camera, point) = len(cameras), len(points), len(weights), observations.T
        value = casadi.Function("e", [cam, x, w, feature], [error]).map(p)
        derivative = casadi.Function("j", [cam, x, w, feature], [block.T]).map(p)

        def gathered():
            return cameras[camera].T, points[point].T, weights[None], features.T

        def sparse():
            values = np.asarray(derivative(*gathered())).ravel(order="F")
            single = 11 * n + 3 * m + np.arange(p)
            columns = [11 * camera[:, None] + np.arange(11), 11 * n + 3 * point[:, None] + np.arange(3), single[:, None]]
            return (
                np.concatenate([15 * np.arange(2 * p), 30 * p + np.arange(p + 1)]),
                np.concatenate([np.repeat(np.concatenate(columns, axis=1), 2, axis=0).ravel(), single]),
                np.concatenate([values, -2.0 * weights]),
            )

        return Entry(lambda: (np.asarray(value(*gathered())).T, 1.0 - weights**2), sparse, 17 + lines_of(gathered, sparse))
