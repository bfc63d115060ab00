"""GradBench's twelve evals: what is compiled for each of their functions, how its input is read and its output written.

The programs are the suite's, one of each file in `suite.problems`. Knows no timing and no protocol. Start at `EVALS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.suite.problems import ba, det, gmm, hello, ht, kmeans, llsq, lse, lstm, ode, particle, saddle


def listed(output: Any) -> Any:
    """An array as nested lists, a number as a float."""
    return np.asarray(output).tolist()


@dataclass(frozen=True)
class Function:
    """A compiled function; input as JSON has it -> its arguments; its result -> output as JSON has it."""

    compiled: Callable[..., Any]
    read: Callable[[Any], tuple[Any, ...]]
    write: Callable[[Any], Any] = listed


def array(values: Any) -> np.ndarray:
    return np.array(values, dtype=np.float64)


# -- gmm -------------------------------------------------------------------------------------------


def read_gmm(given: Any) -> tuple[Any, ...]:
    d, k = given["d"], given["k"]
    packed = array(given["l"]).reshape(k, d * (d - 1) // 2)  # empty where d = 1
    return array(given["alpha"]), array(given["mu"]), array(given["q"]), packed, array(given["x"]), float(given["gamma"]), int(given["m"])


def write_gmm(gradient: Any) -> Any:
    return {name: part.tolist() for name, part in zip(("alpha", "mu", "q", "l"), gradient, strict=True)}


# -- ba --------------------------------------------------------------------------------------------

SHOWN = 30  # elements of the sparse Jacobian that the output has, and the last one


def read_ba(given: Any) -> tuple[Any, ...]:
    """One camera, point, weight and feature, which are repeated."""
    n, m, p = given["n"], given["m"], given["p"]
    observations = np.stack([np.arange(p) % n, np.arange(p) % m], axis=1)
    repeated = np.tile(array(given["cam"]), (n, 1)), np.tile(array(given["x"]), (m, 1)), np.full(p, float(given["w"]))
    return *repeated, observations, np.tile(array(given["feat"]), (p, 1))


def write_ba_objective(errors: Any) -> Any:
    of_observations, of_weights = errors
    return {
        "reproj_error": {"elements": of_observations[0].tolist(), "repeated": len(of_observations)},
        "w_err": {"element": float(of_weights[0]), "repeated": len(of_weights)},
    }


def write_ba_jacobian(sparse: Any) -> Any:
    return {name: [*part[:SHOWN].tolist(), part[-1].item()] for name, part in zip(("rows", "cols", "vals"), sparse, strict=True)}


# -- ht --------------------------------------------------------------------------------------------


def read_ht(given: Any) -> tuple[Any, ...]:
    data, model = given["data"], given["data"]["model"]
    parents, relatives = np.array(model["parents"]), array(model["base_relatives"])
    if model["is_mirrored"]:  # of all that hangs on the roots, the first coordinate
        relatives[parents == -1, 0] *= -1.0
    bones = parents, relatives, array(model["inverse_base_absolutes"])
    skin, nearest = (array(model["base_positions"]), array(model["weights"])), np.array(data["correspondences"])
    if len(given["us"]):
        corners = np.array(model["triangles"])[nearest]
        return array(given["theta"]), array(given["us"]), array(data["points"]), corners, *bones, *skin
    return array(given["theta"]), array(data["points"]), nearest, *bones, *skin


def ht_objective(*data: Any) -> Any:
    return (ht.residuals if len(data) == 9 else ht.residuals_at_vertices)(*data)


def ht_jacobian(*data: Any) -> Any:
    return ht.jacobian(*data) if len(data) == 9 else wg.jacobian(ht.residuals_at_vertices)(*data)


# -- the others ------------------------------------------------------------------------------------


def read_det(given: Any) -> tuple[Any, ...]:
    return (array(given["A"]).reshape(given["ell"], given["ell"]),)


def read_lstm(given: Any) -> tuple[Any, ...]:
    return tuple(array(given[name]) for name in ("main_params", "extra_params", "state", "sequence"))


def write_flat(gradients: Any) -> Any:
    return np.concatenate([np.ravel(part) for part in (gradients if isinstance(gradients, tuple) else (gradients,))]).tolist()


def read_kmeans(given: Any) -> tuple[Any, ...]:
    return array(given["centroids"]), array(given["points"])


def nested(program: Any, modes: str) -> Callable[..., Any]:
    """A program that takes derivatives itself, compiled with the outer and the inner mode that are asked for."""
    outer, inner = (particle.MODES[mode] for mode in modes)
    return wg.jit(lambda x: program(x, outer, inner))


READ_X: Callable[[Any], tuple[Any, ...]] = lambda given: (array(given["x"]),)
READ_LLSQ: Callable[[Any], tuple[Any, ...]] = lambda given: (array(given["x"]), int(given["n"]))
READ_ODE: Callable[[Any], tuple[Any, ...]] = lambda given: (array(given["x"]), int(given["s"]))
READ_NUMBER: Callable[[Any], tuple[Any, ...]] = lambda given: (float(given),)
NESTINGS = ("rr", "ff", "fr", "rf")

EVALS: dict[str, dict[str, Function]] = {
    "hello": {
        "square": Function(wg.jit(hello.square), READ_NUMBER),
        "double": Function(wg.jit(wg.grad(hello.square)), READ_NUMBER),
    },
    "llsq": {
        "primal": Function(wg.jit(llsq.llsq), READ_LLSQ),
        "gradient": Function(wg.jit(wg.grad(llsq.llsq)), READ_LLSQ),
    },
    "lse": {
        "primal": Function(wg.jit(lse.lse), READ_X),
        "gradient": Function(wg.jit(wg.grad(lse.lse)), READ_X),
    },
    "det": {
        "primal": Function(wg.jit(det.det), read_det),
        "gradient": Function(wg.jit(wg.grad(det.det)), read_det, write_flat),
    },
    "kmeans": {
        "cost": Function(wg.jit(kmeans.cost), read_kmeans),
        "dir": Function(wg.jit(kmeans.direction), read_kmeans),
    },
    "gmm": {
        "objective": Function(wg.jit(gmm.log_posterior), read_gmm),
        "jacobian": Function(wg.jit(wg.grad(gmm.log_posterior, (0, 1, 2, 3))), read_gmm, write_gmm),
    },
    "ba": {
        "objective": Function(wg.jit(ba.objective), read_ba, write_ba_objective),
        "jacobian": Function(wg.jit(ba.jacobian), read_ba, write_ba_jacobian),
    },
    "ht": {
        "objective": Function(wg.jit(ht_objective), read_ht),
        "jacobian": Function(wg.jit(ht_jacobian), read_ht),
    },
    "lstm": {
        "objective": Function(wg.jit(lstm.lstm), read_lstm),
        "jacobian": Function(wg.jit(wg.grad(lstm.lstm, (0, 1))), read_lstm, write_flat),
    },
    "ode": {
        "primal": Function(wg.jit(ode.ode, static_argnums=1), READ_ODE),
        "gradient": Function(wg.jit(wg.grad(ode.last), static_argnums=1), READ_ODE),
    },
    "particle": {modes: Function(nested(particle.particle, modes), lambda given: (float(given["w"]),)) for modes in NESTINGS},
    "saddle": {modes: Function(nested(saddle.saddle, modes), lambda given: (array(given["start"]),)) for modes in NESTINGS},
}
