"""GradBench's evals through the adapter, in a process of its own, against references that share nothing with the suite's programs.

The references are closed forms, and complex steps of programs written otherwise: exact to rounding, where GradBench's own tolerance, 1e-4
of numbers of size 1, takes zeros for the gradients of lse, ode and saddle.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

ROOT = Path(__file__).parents[2]
if not (ROOT / "benchmarks").is_dir():
    pytest.skip("the benchmarks are not here", allow_module_level=True)

RNG = np.random.default_rng(5)
RUNS = {"min_runs": 2, "min_seconds": 0.0}


class Tool:
    """The adapter at the other end of two pipes."""

    def __init__(self):
        where = [str(ROOT), str(Path(importlib.util.find_spec("wengert").origin).parents[1])]
        command = "import runpy, sys; sys.path[:0] = sys.argv[1:]; runpy.run_module('benchmarks.gradbench', run_name='__main__')"
        self.process = subprocess.Popen(
            [sys.executable, "-c", command, *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.id = 0

    def say(self, **message):
        self.id += 1
        self.process.stdin.write(json.dumps({"id": self.id, **message}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer.pop("id") == self.id
        return answer

    def output(self, module, function, given):
        """What a function gives, having run as often as was asked for."""
        answer = self.say(kind="evaluate", module=module, function=function, input=given, description="a test")
        assert answer["success"], answer["error"]
        runs = given["min_runs"] if isinstance(given, dict) else 1
        assert len(answer["timings"]) == runs
        assert all(set(t) == {"name", "nanoseconds"} and t["name"] == "evaluate" for t in answer["timings"])
        assert all(type(t["nanoseconds"]) is int and t["nanoseconds"] > 0 for t in answer["timings"])
        return answer["output"]

    def close(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.wait(timeout=60) == 0
        assert rest == ""


@pytest.fixture(scope="module")
def tool():
    made = Tool()
    yield made
    made.close()


def close(got, expected, rtol=1e-10):
    got, expected = np.asarray(got, dtype=float), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.max(np.abs(got - expected), initial=0.0) <= rtol * np.max(np.abs(expected), initial=0.0)


def complex_step(f, *arguments):
    """The derivatives of f by the elements of each argument: one array an argument, the argument's axes last."""
    found = []
    for place, x in enumerate(arguments):
        columns = []
        for i in range(x.size):
            moved = x.astype(complex)
            moved.flat[i] += 1e-30j
            columns.append(np.imag(f(*arguments[:place], moved, *arguments[place + 1 :])) / 1e-30)
        if not columns:
            found.append(np.empty(x.shape))
            continue
        found.append(np.moveaxis(np.reshape(columns, (*x.shape, *np.shape(columns[0]))), range(x.ndim), range(-x.ndim, 0)))
    return found


def lists(**arrays):
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in arrays.items()} | RUNS


# -- the protocol ----------------------------------------------------------------------------------


def test_messages(tool):
    assert tool.say(kind="start", eval="hello") == {"tool": "wengert"}
    assert tool.say(kind="define", module="hello") == {"success": True}
    assert tool.say(kind="define", module="nothing")["success"] is False
    assert tool.say(kind="analysis", of=2, valid=True) == {}


@pytest.mark.parametrize("given", [{"x": [1.0, 2.0]}, {"A": [1.0, 2.0], "ell": 2, **RUNS}, 3])
def test_a_failure_is_an_answer(tool, given):
    answer = tool.say(kind="evaluate", module="det", function="primal", input=given)
    assert answer["success"] is False
    assert "Traceback" in answer["error"]


def test_what_json_has_not_is_an_error(tool):
    answer = tool.say(kind="evaluate", module="lse", function="primal", input={"x": [1e999, 1.0], **RUNS})
    assert answer["success"] is False


def test_runs_last_as_long_as_is_asked_for(tool):
    answer = tool.say(kind="evaluate", module="lse", function="primal", input={"x": [1.0, 2.0], "min_runs": 1, "min_seconds": 0.05})
    assert sum(t["nanoseconds"] for t in answer["timings"]) >= 0.05e9


# -- the evals -------------------------------------------------------------------------------------


def test_hello(tool):
    assert tool.output("hello", "square", 3.5) == 12.25
    assert tool.output("hello", "double", 3.5) == 7.0
    assert tool.output("hello", "double", 3) == 6.0


def test_llsq(tool):
    x, n = RNG.random(8), 17
    t = np.linspace(-1, 1, n)
    powers = np.vander(t, len(x), increasing=True)
    residual = np.sign(t) - powers @ x
    close(tool.output("llsq", "primal", lists(x=x, n=n)), residual @ residual / 2)
    close(tool.output("llsq", "gradient", lists(x=x, n=n)), -powers.T @ residual)


def test_lse(tool):
    x = 5.0 * RNG.normal(size=50)
    close(tool.output("lse", "primal", lists(x=x)), math.log(math.fsum(map(math.exp, x))))
    close(tool.output("lse", "gradient", lists(x=x)), scipy.special.softmax(x))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_det(tool, n):
    A = RNG.random((n, n))
    close(tool.output("det", "primal", lists(A=A.ravel(), ell=n)), np.linalg.det(A))
    close(tool.output("det", "gradient", lists(A=A.ravel(), ell=n)), (np.linalg.det(A) * np.linalg.inv(A).T).ravel())


def test_kmeans(tool):
    """Newton's direction leads from the mean of the points that are nearest."""
    points = RNG.random((40, 3))
    centroids = points[:4] + 0.01
    squared = np.sum((points[:, None] - centroids) ** 2, axis=2)
    means = np.array([np.mean(points[np.argmin(squared, axis=1) == j], axis=0) for j in range(4)])
    close(tool.output("kmeans", "cost", lists(points=points, centroids=centroids)), np.sum(np.min(squared, axis=1)))
    close(tool.output("kmeans", "dir", lists(points=points, centroids=centroids)), centroids - means)


def mixture(alpha, mu, q, l, x, gamma, m):
    """From the densities of Gauss and Wishart, one point and one component after the other."""
    (k, d), total = mu.shape, 0.0
    precisions = []
    for a in range(k):
        Q, at = np.diag(np.exp(q[a])).astype(complex), 0
        for j in range(d):
            for i in range(j + 1, d):
                Q[i, j], at = l[a, at], at + 1
        precisions.append((Q.T @ Q, np.prod(np.exp(q[a]))))
    for point in x:
        density = 0.0
        for (P, root), mean, weight in zip(precisions, mu, np.exp(alpha) / np.sum(np.exp(alpha)), strict=True):
            density += weight * root * np.exp(-0.5 * (point - mean) @ P @ (point - mean)) / (2 * np.pi) ** (d / 2)
        total += np.log(density)
    n = d + m + 1
    for P, root in precisions:  # density of P, but for the determinant's power that GradBench leaves out
        total += m * np.log(root) - 0.5 * gamma**2 * np.trace(P) + n * d * np.log(gamma / np.sqrt(2)) - scipy.special.multigammaln(n / 2, d)
    return total


@pytest.mark.parametrize(("d", "m"), [(1, 0), (3, 0), (3, 2)])
def test_gmm(tool, d, m):
    k, n, gamma = 2, 6, 1.3
    alpha, mu, q, l = RNG.normal(size=k), RNG.random((k, d)), RNG.normal(size=(k, d)), RNG.normal(size=(k, d * (d - 1) // 2))
    x = RNG.normal(size=(n, d))
    given = lists(d=d, k=k, n=n, x=x, m=m, gamma=gamma, alpha=alpha, mu=mu, q=q, l=l)
    close(tool.output("gmm", "objective", given), np.real(mixture(alpha, mu, q, l, x, gamma, m)))
    gradient = tool.output("gmm", "jacobian", given)
    expected = complex_step(lambda *parameters: mixture(*parameters, x, gamma, m), alpha, mu, q, l)
    assert set(gradient) == {"alpha", "mu", "q", "l"}
    for name, part in zip(("alpha", "mu", "q", "l"), expected, strict=True):
        close(gradient[name], part)


def test_gmm_density_is_scipy_s():
    """The reference itself: with m = 0 the prior is Wishart's density."""
    q, l = RNG.normal(size=(1, 2)), RNG.normal(size=(1, 1))
    Q = np.array([[np.exp(q[0, 0]), 0.0], [l[0, 0], np.exp(q[0, 1])]])
    x, mu = RNG.normal(size=(4, 2)), RNG.normal(size=(1, 2))
    gauss = scipy.stats.multivariate_normal(mu[0], np.linalg.inv(Q.T @ Q)).logpdf(x)
    wishart = scipy.stats.wishart(3, np.eye(2) / 1.3**2).logpdf(Q.T @ Q)
    close(np.real(mixture(np.zeros(1), mu, q, l, x, 1.3, 0)), np.sum(gauss) + wishart)


def crossing(v):
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def turning(v):
    """The rotation about v by its length, as a matrix exponential."""
    return scipy.linalg.expm(np.array(crossing(v), dtype=complex))


def reprojection(cam, x, w, feature):
    p = turning(cam[:3]) @ (x - cam[3:6])
    flat = p[:2] / p[2]
    r2 = np.sum(flat**2)
    return w * (flat * (1 + cam[9] * r2 + cam[10] * r2**2) * cam[6] + cam[7:9] - feature)


@pytest.mark.parametrize("rotation", [[0.3, -0.4, 0.5], [0.0, 0.0, 0.0]])
def test_ba(tool, rotation):
    n, m, p = 2, 3, 5
    cam = np.array([*rotation, 0.1, 0.2, -2.0, 3.0, 0.4, -0.3, 0.05, 0.01])
    x, w, feature = np.array([0.3, -0.2, 1.1]), 0.7, np.array([0.2, 0.9])
    given = lists(n=n, m=m, p=p, cam=cam, x=x, w=w, feat=feature)
    objective = tool.output("ba", "objective", given)
    assert {name: part["repeated"] for name, part in objective.items()} == {"reproj_error": p, "w_err": p}
    close(objective["reproj_error"]["elements"], np.real(reprojection(cam, x, w, feature)))
    close(objective["w_err"]["element"], 1 - w**2)
    sparse = tool.output("ba", "jacobian", given)
    blocks = complex_step(lambda cam, x, w: reprojection(cam, x, w[0], feature), cam, x, np.array([w]))
    rows = np.concatenate(blocks, axis=1)  # 2 × 15
    ends = np.cumsum([0, *[15] * (2 * p), *[1] * p])
    of = [
        [*range(11 * (i % n), 11 * (i % n) + 11), *range(11 * n + 3 * (i % m), 11 * n + 3 * (i % m) + 3), 11 * n + 3 * m + i]
        for i in range(p)
    ]
    columns = [column for i in range(p) for _ in range(2) for column in of[i]] + [11 * n + 3 * m + i for i in range(p)]
    shown = lambda values: [*list(values)[:30], list(values)[-1]]
    assert sparse["rows"] == shown(ends)
    assert sparse["cols"] == shown(columns)
    assert all(type(i) is int for i in sparse["rows"] + sparse["cols"])
    close(sparse["vals"], [*rows.ravel(), -2 * w])


def hand(theta, model):
    """The vertices, one after the other, bones' rotations as matrix exponentials."""
    absolutes = []
    for i, parent in enumerate(model["parents"]):
        joint, bend = np.eye(4, dtype=complex), np.zeros(2, dtype=complex)
        finger, step = divmod(i - 2, 4)
        if 0 <= finger < 5 and step < 3:
            k = 6 + 4 * finger
            bend[0], bend[1] = theta[k if step == 0 else k + 1 + step], theta[k + 1] if step == 0 else 0.0
        joint[:3, :3] = turning(np.array([0, 0, bend[1]])) @ turning(np.array([bend[0], 0, 0]))
        relative = np.array(model["base_relatives"][i]) @ joint
        absolutes.append(relative if parent == -1 else absolutes[parent] @ relative)
    moved = [a @ b for a, b in zip(absolutes, np.array(model["inverse_base_absolutes"]), strict=True)]
    out = []
    for place, weights in zip(model["base_positions"], model["weights"], strict=True):
        v = sum(w * (T @ place)[:3] for w, T in zip(weights, moved, strict=True))
        v = v * np.array([-1.0 if model["is_mirrored"] else 1.0, 1.0, 1.0])
        out.append(turning(theta[:3]) @ v + theta[3:6])
    return np.array(out)


@pytest.mark.parametrize(("simple", "mirrored"), [(False, False), (False, True), (True, False)])
def test_ht(tool, simple, mirrored):
    V, c = 7, 4
    parents = [-1, *[bone for finger in range(5) for bone in (0, *range(1 + 4 * finger, 4 + 4 * finger))], 0]
    base = np.tile(np.eye(4), (22, 1, 1))
    base[:, :3] += 0.2 * RNG.normal(size=(22, 3, 4))
    model = {
        "bone_count": 22,
        "bone_names": [str(i) for i in range(22)],
        "parents": parents,
        "base_relatives": base.tolist(),
        "inverse_base_absolutes": np.linalg.inv(base).tolist(),
        "base_positions": np.c_[RNG.normal(size=(V, 3)), np.ones(V)].tolist(),
        "weights": RNG.random((V, 22)).tolist(),
        "triangles": RNG.integers(0, V, (6, 3)).tolist(),
        "is_mirrored": mirrored,
    }
    theta, u, points, chosen = RNG.normal(size=26), RNG.random((c, 2)), RNG.normal(size=(c, 3)), RNG.integers(0, 6, c)

    def residuals(theta, u):
        vertices = hand(theta, model)
        if simple:
            return (points - vertices[chosen]).ravel()
        corners = np.array(model["triangles"])[chosen]
        shares = np.stack([u[:, 0], u[:, 1], 1 - u[:, 0] - u[:, 1]], axis=1)
        return np.array([points[i] - sum(s * vertices[j] for s, j in zip(shares[i], corners[i], strict=True)) for i in range(c)]).ravel()

    data = {"model": model, "correspondences": chosen.tolist(), "points": points.tolist()}
    given = {"theta": theta.tolist(), "data": data, "us": [] if simple else u.tolist(), **RUNS}
    close(tool.output("ht", "objective", given), np.real(residuals(theta, u)))
    by_theta, by_u = complex_step(residuals, theta, u)
    own = [by_u[i, i // 3] for i in range(3 * c)]  # the place of its own point
    close(tool.output("ht", "jacobian", given), by_theta if simple else np.concatenate([own, by_theta], axis=1))


def lstm(main, extra, state, sequence):
    """One unit after the other."""
    (c, b), layers = sequence.shape, len(main) // 2
    logistic = lambda x: 1 / (1 + np.exp(-x))
    h = [list(state[2 * i]) for i in range(layers)]
    cell = [list(state[2 * i + 1]) for i in range(layers)]
    total = 0.0
    for t in range(c - 1):
        y = []
        for j in range(b):
            x = sequence[t, j] * extra[0, j]
            for i in range(layers):
                w, bias = main[2 * i, j::b], main[2 * i + 1, j::b]
                old = h[i][j]
                cell[i][j] = cell[i][j] * logistic(x * w[0] + bias[0]) + logistic(old * w[1] + bias[1]) * np.tanh(old * w[3] + bias[3])
                x = h[i][j] = logistic(x * w[2] + bias[2]) * np.tanh(cell[i][j])
            y.append(x * extra[1, j] + extra[2, j])
        total += sum(sequence[t + 1, j] * (y[j] - np.log(2 + sum(np.exp(v) for v in y))) for j in range(b))
    return -total / (b * (c - 1))


def test_lstm(tool):
    layers, b, c = 2, 3, 6
    main, extra, state = RNG.random((2 * layers, 4 * b)), RNG.random((3, b)), RNG.random((2 * layers, b))
    sequence = RNG.integers(0, 2, (c, b)).astype(float)
    given = lists(main_params=main, extra_params=extra, state=state, sequence=sequence)
    close(tool.output("lstm", "objective", given), lstm(main, extra, state, sequence))
    by_main, by_extra = complex_step(lambda main, extra: lstm(main, extra, state, sequence), main, extra)
    close(tool.output("lstm", "jacobian", given), np.concatenate([by_main.ravel(), by_extra.ravel()]))


def chain(x, s):
    """Runge and Kutta's steps of y' = L y + f, which is linear: the polynomial of h L of degree four."""
    n, h = len(x), 2.0 / s
    A = np.zeros((n + 1, n + 1), dtype=complex)  # the last element is constant, 1
    A[0, n] = x[0]
    A[range(1, n), range(n - 1)] = x[1:]
    step = sum(np.linalg.matrix_power(h * A, k) / math.factorial(k) for k in range(5))
    return (np.linalg.matrix_power(step, s) @ np.eye(n + 1)[n])[:n]


@pytest.mark.parametrize(("n", "s"), [(20, 10), (6, 2), (1, 3)])
def test_ode(tool, n, s):
    x = RNG.random(n)
    expected = complex_step(lambda x: chain(x, s)[-1], x)[0]
    assert np.all(expected != 0)  # GradBench's own sizes give zeros
    close(tool.output("ode", "primal", lists(x=x, s=s)), np.real(chain(x, s)))
    close(tool.output("ode", "gradient", lists(x=x, s=s)), expected)


def descent(f, slope, x):
    """GradBench's gd.hpp on lists of numbers."""
    length = lambda v: math.sqrt(sum(a * a for a in v))
    value, g, step, good = f(x), slope(x), 1e-5, 0
    while length(g) > 1e-5:
        if good == 10:
            step, good = step * 2, 0
            continue
        trial = [a - step * b for a, b in zip(x, g, strict=True)]
        if length([a - b for a, b in zip(x, trial, strict=True)]) <= 1e-5:
            break
        found = f(trial)
        if found < value:
            x, value, g, good = trial, found, slope(trial), good + 1
        else:
            step, good = step / 2, 0
    return x


def flight(w):
    """The force in closed form; w may be complex."""
    place, velocity, dt = complex(0.0, 0.0), [0.75, 0.0], 0.1
    x, y = 0.0 * w, 8.0 + 0.0 * w
    while True:
        ax = ay = 0.0
        for cx, cy in ((10.0, 10.0 - w), (10.0, 0.0)):
            cube = ((cx - x) ** 2 + (cy - y) ** 2) ** 1.5
            ax, ay = ax - (cx - x) / cube, ay - (cy - y) / cube
        x, y = x + dt * velocity[0], y + dt * velocity[1]
        if y.real <= 0:
            place = x - y / velocity[1] * velocity[0]
            return place * place
        velocity = [velocity[0] + dt * ax, velocity[1] + dt * ay]


@pytest.mark.parametrize("modes", ["rr", "ff", "fr", "rf"])
def test_particle(tool, modes):
    found = descent(lambda w: flight(w[0]).real, lambda w: [flight(w[0] + 1e-30j).imag / 1e-30], [0.0])[0]
    assert abs(found - 0.2071918746486116) < 1e-8  # GradBench's number
    close(tool.output("particle", modes, {"w": 0.0, **RUNS}), found)


@pytest.mark.parametrize("modes", ["rr", "ff", "fr", "rf"])
def test_saddle(tool, modes):
    start = [1.0, 1.0]
    square, doubled = lambda v: v[0] ** 2 + v[1] ** 2, lambda v: [2 * v[0], 2 * v[1]]
    reply = descent(lambda y: square(y), doubled, start)  # does not depend on x, but for a constant in the objective
    rest = square(reply)
    x = descent(lambda x: square(x) - rest, doubled, start)
    expected = [*x, *descent(lambda y: square(y) - square(x), doubled, start)]
    close(expected, [8.246324826140356e-06] * 4, 1e-6)  # GradBench's numbers
    close(tool.output("saddle", modes, {"start": start, **RUNS}), expected)
