"""A tridiagonal system solved by the Thomas algorithm, in place; the gradient of ½|x|² with respect to all four arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def solve(a, b, c, d):
    n = len(d)
    c, d = c.copy(), d.copy()
    c[0] /= b[0]
    d[0] /= b[0]
    for i in range(1, n):
        pivot = b[i] - a[i] * c[i - 1]
        c[i] /= pivot
        d[i] = (d[i] - a[i] * d[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return d


def loss(a, b, c, d):
    return 0.5 * np.sum(solve(a, b, c, d) ** 2)


SOURCE = """
/* x, cp are scratch memory of n doubles each */
double value(long n, const double *restrict a, const double *restrict b, const double *restrict c, const double *restrict d,
             double *restrict x, double *restrict cp) {
    cp[0] = c[0] / b[0];
    x[0] = d[0] / b[0];
    for (long i = 1; i < n; i++) {
        double inverse = 1.0 / (b[i] - a[i] * cp[i - 1]);
        cp[i] = c[i] * inverse;
        x[i] = (d[i] - a[i] * x[i - 1]) * inverse;
    }
    double total = x[n - 1] * x[n - 1];
    for (long i = n - 2; i >= 0; i--) {
        x[i] -= cp[i] * x[i + 1];
        total += x[i] * x[i];
    }
    return 0.5 * total;
}

/* dp, inv too; ga to gd: the gradients */
double derivative(long n, const double *restrict a, const double *restrict b, const double *restrict c, const double *restrict d,
                  double *restrict x, double *restrict cp, double *restrict dp, double *restrict inv,
                  double *restrict ga, double *restrict gb, double *restrict gc, double *restrict gd) {
    inv[0] = 1.0 / b[0];
    cp[0] = c[0] * inv[0];
    dp[0] = d[0] * inv[0];
    for (long i = 1; i < n; i++) {
        double inverse = 1.0 / (b[i] - a[i] * cp[i - 1]);
        inv[i] = inverse;
        cp[i] = c[i] * inverse;
        dp[i] = (d[i] - a[i] * dp[i - 1]) * inverse;
    }
    x[n - 1] = dp[n - 1];
    double total = x[n - 1] * x[n - 1];
    for (long i = n - 2; i >= 0; i--) {
        x[i] = dp[i] - cp[i] * x[i + 1];
        total += x[i] * x[i];
    }
    double ct = 0.0, before = 0.0;
    for (long i = 0; i < n; i++) { /* back substitution: gd and gc hold the cotangents of dp and cp */
        ct = x[i] - before * ct;
        gd[i] = ct;
        gc[i] = i + 1 < n ? -ct * x[i + 1] : 0.0;
        before = cp[i];
    }
    double ct_c = 0.0, ct_d = 0.0;
    for (long i = n - 1; i >= 0; i--) { /* elimination */
        ct_c = gc[i] + ct_c;
        ct_d = gd[i] + ct_d;
        double pivot = -(ct_c * cp[i] + ct_d * dp[i]) * inv[i];
        gc[i] = ct_c * inv[i];
        gd[i] = ct_d * inv[i];
        gb[i] = pivot;
        if (i) {
            ga[i] = -gd[i] * dp[i - 1] - pivot * cp[i - 1];
            ct_c = -pivot * a[i];
            ct_d = -gd[i] * a[i];
        }
    }
    ga[0] = 0.0;
    return 0.5 * total;
}
"""


class Thomas(Problem):
    name = "thomas"
    title = "Thomas algorithm, in place"
    group = "loops"
    sizes = {"100": {"n": 100}, "1000": {"n": 1000}, "10000": {"n": 10_000}, "100000": {"n": 100_000}}
    scale = staticmethod(lambda n: n)
    without = dict.fromkeys(("torch", "torch_compiled", "autograd"), "not written: a scalar at a time")

    def data(self, n: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        return rng.random(n), 4.0 + rng.random(n), rng.random(n), rng.normal(size=n)

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(loss, data, (0, 1, 2, 3), solve)

    def c(self, a: Any, b: Any, c: Any, d: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, n = Program(SOURCE), len(d)
        gradients = tuple(np.empty(n) for _ in range(4))
        scratch = [np.empty(n) for _ in range(4)]
        value = program.bound("value", n, a, b, c, d, *scratch[:2])
        derivative = program.bound("derivative", n, a, b, c, d, *scratch, *gradients)
        return Entry(value, lambda: (derivative(), gradients), lines_of(SOURCE))

    def jax(self, *data: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def solve(a, b, c, d):
            def eliminate(before, row):
                c_before, d_before = before
                a, b, c, d = row
                inverse = 1.0 / (b - a * c_before)
                after = c * inverse, (d - a * d_before) * inverse
                return after, after

            def substitute(x, row):
                c, d = row
                x = d - c * x
                return x, x

            _, rows = jax.lax.scan(eliminate, (0.0, 0.0), (a, b, c, d))
            _, x = jax.lax.scan(substitute, 0.0, rows, reverse=True)
            return x

        def loss(a, b, c, d):
            return 0.5 * jnp.sum(solve(a, b, c, d) ** 2)

        return idiom.jax(loss, data, (0, 1, 2, 3), solve)

    def casadi(self, *data: Any) -> Entry:
        import casadi as ca

        def build(n):
            before, row = ca.SX.sym("before", 2), ca.SX.sym("row", 4)
            a, b, c, d = ca.vertsplit(row)
            pivot = b - a * before[0]
            eliminate = ca.Function("eliminate", [before, row], [ca.vertcat(c / pivot, (d - a * before[1]) / pivot)]).mapaccum(n)
            x, pair = ca.SX.sym("x"), ca.SX.sym("pair", 2)
            substitute = ca.Function("substitute", [x, pair], [pair[1] - pair[0] * x]).mapaccum(n)
            rows = ca.MX.sym("rows", 4, n)
            loss = 0.5 * ca.sumsqr(substitute(0, eliminate(ca.DM.zeros(2), rows)[:, ::-1]))
            value, both = ca.Function("value", [rows], [loss]), ca.Function("both", [rows], [loss, ca.gradient(loss, rows)])
            arrays = [ca.MX.sym(name, 1, n) for name in "abcd"]
            stacked = ca.vertcat(*arrays)
            result, g = both(stacked)
            return ca.Function("value", arrays, [value(stacked)]), ca.Function("both", arrays, [result, *ca.vertsplit(g)])

        return idiom.casadi(build, data, lambda value, *g: (value, g))
