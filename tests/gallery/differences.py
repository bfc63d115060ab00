"""What the gallery's harness computes by plain NumPy: one number out of any result, central differences with Richardson's extrapolation.

Knows nothing of wengert. Start at `objective` and `differences`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.gallery.registry import Program


def leaves(value: Any) -> list[Any]:
    """What containers hold, in order."""
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in leaves(v)]
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in leaves(v)]
    return [value]


def flat(value: Any) -> np.ndarray:
    """All numbers of a result in one vector."""
    return np.concatenate([np.ravel(np.asarray(leaf, dtype=float)) for leaf in leaves(value)])


def weigh(value: Any) -> Any:
    """One number from any result, each element with a weight of its own."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        total = 0.0
        for i, part in enumerate(value):
            total += (i + 1.0) * weigh(part)
        return total
    shape = getattr(value, "shape", ())
    if not shape:
        return value
    weights = np.cos(0.7 + np.arange(np.prod(shape))).reshape(shape)
    return np.sum(weights * value)


def objective(program: Program) -> Callable[..., Any]:
    """The program, if it returns one number, or the weighed sum of what it returns."""
    function = program.function
    result = function(*program.arguments())
    if not isinstance(result, (dict, list, tuple)) and np.ndim(result) == 0:
        return function

    def weighed(*arguments: Any) -> Any:
        return weigh(function(*arguments))

    return weighed


def restricted(program: Program) -> Callable[..., Any]:
    """The objective as a function of the differentiated arguments alone."""
    function, sample, wrt = objective(program), program.sample, program.wrt
    if wrt == tuple(range(len(sample))):
        return function

    def restricted_objective(*active: Any) -> Any:
        arguments = list(sample)
        for i, value in zip(wrt, active, strict=True):
            arguments[i] = value
        return function(*arguments)

    return restricted_objective


def active(program: Program) -> tuple[Any, ...]:
    """The differentiated arguments, copied."""
    arguments = program.arguments()
    return tuple([arguments[i] for i in program.wrt])


def like(template: Any, numbers: np.ndarray) -> Any:
    """The containers of a template, its leaves filled from a vector."""
    remaining = iter(numbers)

    def fill(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: fill(v) for key, v in part.items()}
        if isinstance(part, (list, tuple)):
            return type(part)([fill(v) for v in part])
        if isinstance(part, np.ndarray):
            return np.array([next(remaining) for _ in range(part.size)], dtype=part.dtype).reshape(part.shape)
        return float(next(remaining))

    return fill(template)


def moved(program: Program, shift: np.ndarray) -> tuple[Any, ...]:
    """All arguments, the differentiated ones moved by a vector."""
    arguments = list(program.arguments())
    here = active(program)
    for i, value in zip(program.wrt, like(here, flat(here) + shift), strict=True):
        arguments[i] = value
    return tuple(arguments)


def differences(function: Callable[..., Any], program: Program, step: float) -> np.ndarray:
    """The derivative of a function of all arguments by the differentiated ones: central differences, extrapolated to order four."""
    x = flat(active(program))
    columns = []
    for i in range(len(x)):
        direction = np.zeros(len(x))
        direction[i] = step * max(1.0, abs(x[i]))
        columns.append(along(function, program, direction) / direction[i])
    return np.array(columns)


def along(function: Callable[..., Any], program: Program, direction: np.ndarray) -> Any:
    """The derivative in a direction, which is as long as the step."""

    def central(fraction: float) -> Any:
        ahead, behind = (function(*moved(program, s * fraction * direction)) for s in (1.0, -1.0))
        return (flat(ahead) - flat(behind)) / (2.0 * fraction)

    result = (4.0 * central(0.5) - central(1.0)) / 3.0
    return result[0] if result.size == 1 else result


def close(actual: Any, expected: Any, tolerance: float) -> None:
    """Equal to a tolerance relative to the largest number of all, at least 1."""
    a, b = flat(actual), flat(expected)
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    np.testing.assert_allclose(a, b, rtol=0.0, atol=tolerance * scale)


def lanes(program: Program, count: int = 3) -> list[tuple[Any, ...]]:
    """Argument sets that lie near the sample's."""
    x = flat(active(program))
    rng = np.random.default_rng(len(x))
    return [moved(program, program.spread * rng.uniform(-1.0, 1.0, len(x)) * np.maximum(np.abs(x), 0.1)) for _ in range(count)]


def roam(program: Program, count: int) -> list[tuple[Any, ...]]:
    """Argument sets that lie far from the sample's: by a third of each number."""
    x = flat(active(program))
    rng = np.random.default_rng(7)
    return [moved(program, rng.normal(size=len(x)) * 0.3 * np.maximum(np.abs(x), 0.3)) for _ in range(count)]


def stack(program: Program, sets: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Arguments with a leading axis of lanes where they are differentiated, and vmap's in_axes."""

    def stacked(parts: Sequence[Any]) -> Any:
        first = parts[0]
        if isinstance(first, dict):
            return {key: stacked([p[key] for p in parts]) for key in first}
        if isinstance(first, (list, tuple)):
            return type(first)([stacked([p[i] for p in parts]) for i in range(len(first))])
        return np.stack([np.asarray(p) for p in parts])

    arguments = [stacked([s[i] for s in sets]) if i in program.wrt else sets[0][i] for i in range(len(program.sample))]
    return tuple(arguments), tuple([0 if i in program.wrt else None for i in range(len(program.sample))])
