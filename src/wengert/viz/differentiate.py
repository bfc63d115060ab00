"""Tangents and adjoints of an observed run, step by step, each by the operation's own rule.

Knows the transformations; names no operation. Start at `tangents` and `adjoints`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wengert.ir.types import ArrayType
from wengert.ir.values import Literal
from wengert.primitives.control import Stack
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp
from wengert.viz.observe import Node, Observed, Step, concrete, nodes_in

ENTRIES = 6  # a Jacobian of at most so many is written out


class Contribution:
    """What one step adds to the adjoint of one of its operands: `place` among the operands, `value`, and the `total` so far."""

    __slots__ = ("first", "node", "place", "step", "total", "value")

    def __init__(self, step: Step, place: int, node: Node, value: Any, total: Any, first: bool) -> None:
        self.step, self.place, self.node, self.value, self.total, self.first = step, place, node, value, total, first


def tangents(run: Observed, seeds: Mapping[Node, Any]) -> dict[Node, Any]:
    """The tangents of all values that depend on a seed."""
    found: dict[Node, Any] = dict(seeds)
    for step in run.steps():
        active = tuple([any([node in found for node in nodes_in(operand)]) for operand in step.operands])
        if not any(active):
            continue
        pushed, mask = jvp(step.function, active)
        moving = [_tangent(operand, found) for operand, on in zip(step.operands, active, strict=True) if on]
        values = evaluate(pushed, [*[concrete(operand) for operand in step.operands], *moving])
        found.update(_by_node(step, mask, values[len(step.parts) :]))
    return found


def adjoints(run: Observed, seeds: Mapping[Node, Any]) -> tuple[dict[Node, Any], list[Contribution]]:
    """The adjoints of all values that depend on an input, and how they were summed up, step by step backwards."""
    found: dict[Node, Any] = {}
    trace: list[Contribution] = []
    steps = run.steps()

    def add(node: Node, value: Any) -> bool:
        first = node not in found
        found[node] = value if first else found[node] + value
        return first

    for node, ct in seeds.items():
        add(node.origin, _shaped(ct, node.origin))
    for step in reversed(steps):
        if step.relabels:
            continue
        seeded = tuple([any([node in found for node in nodes_in(part)]) for part in step.parts])
        active = tuple([any([node.varied for node in nodes_in(operand)]) for operand in step.operands])
        if not any(seeded) or not any(active):
            continue
        cts = [_tangent(part, found) for part, on in zip(step.parts, seeded, strict=True) if on]
        pulled = vjp(step.function, active, seeded)
        values = evaluate(pulled, [*[concrete(operand) for operand in step.operands], *cts])
        results = iter(zip(pulled.outputs[len(step.parts) :], values[len(step.parts) :], strict=True))
        for place, (operand, on) in enumerate(zip(step.operands, active, strict=True)):
            if not on:
                continue
            written, pulled_value = next(results)
            if isinstance(written, Literal) and written.is_value(0):
                continue  # nothing depends on it
            for node, value in _pairs(operand, pulled_value):
                if not node.varied:
                    continue
                node, value = node.origin, _shaped(value, node.origin)
                first = add(node, value)
                trace.append(Contribution(step, place, node, value, found[node], first))
    for step in steps:
        if step.relabels and step.outs[0].origin in found:
            found[step.outs[0]] = _shaped(found[step.outs[0].origin], step.outs[0])
    for node in run.inputs:
        if node.varied:
            found.setdefault(node, np.zeros(node.type.shape, node.type.dtype)[()])
    return found, trace


def partial(step: Step, place: int) -> Any:
    """∂ result / ∂ operand of a step with one result, as an array; None where there is none, or it is large.

    Of an elementwise operation it is the diagonal of the Jacobian.
    """
    operand = step.operands[place]
    if len(step.parts) != 1 or not isinstance(operand, Node) or not operand.type.inexact:
        return None
    out = step.outs[0]
    operation: Any = step.equation.operation
    active = tuple([i == place for i in range(len(step.operands))])
    if not isinstance(out.type, ArrayType) or not out.type.inexact or out.type.dtype.kind == "c" or not operand.type.size:
        return None
    whole = operation.elementwise and len(step.function.equations) == 1 or operand.type.size == 1
    if not whole and out.type.size * operand.type.size > ENTRIES:
        return None
    pushed, mask = jvp(step.function, active)
    if not mask[0]:
        return np.zeros(out.type.shape)[()]
    values = [concrete(a) for a in step.operands]
    basis = np.ones((1, *operand.type.shape)) if whole else np.eye(operand.type.size).reshape(-1, *operand.type.shape)
    columns = [evaluate(pushed, [*values, direction.astype(operand.type.dtype)[()]])[1] for direction in basis]
    if whole:
        return columns[0]
    return np.stack(columns, axis=-1).reshape(*out.type.shape, *operand.type.shape)


def _shaped(value: Any, node: Node) -> Any:
    """What belongs to another shape of a value, in its own."""
    return value if not isinstance(node.type, ArrayType) or np.shape(value) == node.type.shape else np.reshape(value, node.type.shape)[()]


def _tangent(operand: Any, found: Mapping[Node, Any]) -> Any:
    if isinstance(operand, Node):
        return found[operand] if operand in found else np.zeros(operand.type.shape, operand.type.dtype)[()]
    return Stack([_tangent(item, found) for item in operand])


def _by_node(step: Step, mask: Sequence[bool], values: Sequence[Any]) -> dict[Node, Any]:
    given = iter(values)
    return {node: value for i, on in enumerate(mask) if on for node, value in _pairs(step.parts[i], next(given))}


def _pairs(operand: Any, value: Any) -> list[tuple[Node, Any]]:
    """Nodes with what belongs to each; a stack of values may be shorter than the stack it belongs to."""
    if isinstance(operand, Node):
        return [(operand, value)]
    return [pair for item, x in zip(operand, value, strict=False) for pair in _pairs(item, x)]
