"""Split a function at a point into its value and its linear part: you only linearise once.

Forward mode is run on a builder that sorts each equation by whether it depends on a tangent:
that is partial evaluation of the jvp with primals known, done on the way. Names no operation.
Start at `linearize`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.config import settings
from wengert.ir.builder import Builder, building
from wengert.ir.values import Atom, Equation, Function, Literal, Var
from wengert.ir.walk import free_variables, memoized
from wengert.transform.jvp import push
from wengert.transform.transpose import pull

Mask = tuple[bool, ...]


class Splitting(Builder):
    """A builder with two lists: what depends on the linear variables, and what does not."""

    __slots__ = ("linear", "linear_equations")

    def __init__(self, linear: Sequence[Any]) -> None:
        super().__init__()
        self.linear: set[Any] = set(linear)
        self.linear_equations: list[Equation] = []

    def append(self, equation: Equation) -> None:
        linear = self.linear
        for a in equation.operands:
            if a in linear:
                linear.update(equation.outs)
                self.linear_equations.append(equation)
                return
        self.equations.append(equation)


class Linearized:
    """The two halves of a function at a point.

    primal:  inputs -> (outputs, residuals)
    tangent: (residuals, tangents of the active inputs) -> tangents of the active outputs, linear in the tangents
    """

    __slots__ = ("out_active", "primal", "residuals", "tangent")

    def __init__(self, primal: Function, tangent: Function, residuals: list[Var], out_active: Mask) -> None:
        self.primal, self.tangent, self.residuals, self.out_active = primal, tangent, residuals, out_active


def linearize(function: Function, active: Sequence[bool]) -> Linearized:
    """The value and the linear part of a function, with respect to its active inputs."""
    active = tuple(active)

    def make() -> Linearized:
        tangents_in, builder, outs, tangents = _split(function, active)
        out_active = tuple([t is not None for t in tangents])
        kept = [t for t in tangents if t is not None]
        linear_inputs = [t for t in tangents_in if t is not None]
        from wengert.ir.builder import live

        equations = live(builder.linear_equations, kept)
        residuals = free_variables(equations, kept, linear_inputs)
        tangent = Function([*residuals, *linear_inputs], equations, kept, f"tangent_{function.name}")
        primal = builder.build(function.inputs, [*outs, *residuals], f"primal_{function.name}")
        return Linearized(primal, tangent, residuals, out_active)

    return memoized(function, ("linearize", active, settings().strong_zero), make)  # type: ignore[no-any-return]


def _split(function: Function, active: Mask) -> tuple[list[Any], Splitting, list[Atom], list[Any]]:
    tangents_in = [Var(v.type) if on else None for v, on in zip(function.inputs, active, strict=True)]
    builder = Splitting([t for t in tangents_in if t is not None])
    with building(builder):
        outs, tangents = push(builder, function, tangents_in, rule="linearize")
    return tangents_in, builder, outs, tangents


def vjp(function: Function, active: Sequence[bool], seeded: Sequence[bool] | None = None) -> Function:
    """(inputs, cotangents of the seeded outputs) -> (outputs, cotangents of the active inputs), in one Function.

    `seeded` says which outputs have a cotangent; by default all of inexact dtype.
    """
    active = tuple(active)
    seeded = tuple([t.inexact for t in function.out_types] if seeded is None else seeded)

    def make() -> Function:
        seeds = [Var(a.type) if on else None for a, on in zip(function.outputs, seeded, strict=True)]
        return _reverse(function, active, seeds, [s for s in seeds if s is not None])

    return memoized(function, ("vjp", active, seeded, settings().strong_zero), make)  # type: ignore[no-any-return]


def gradient(function: Function, active: Sequence[bool]) -> Function:
    """inputs -> (outputs, gradient of the first output by the active inputs); that output is 0-d."""
    active = tuple(active)

    def make() -> Function:
        first = function.outputs[0].type
        seeds: list[Any] = [Literal(first.dtype.type(1), first)] + [None] * (len(function.outputs) - 1)  # type: ignore[union-attr, arg-type]
        return _reverse(function, active, seeds, [])

    return memoized(function, ("gradient", active, settings().strong_zero), make)  # type: ignore[no-any-return]


def _reverse(function: Function, active: Mask, seeds: list[Any], seed_inputs: list[Var]) -> Function:
    tangents_in, builder, outs, tangents = _split(function, active)
    linear_inputs = [t for t in tangents_in if t is not None]
    both = Builder()
    both.equations = builder.equations
    with building(both):
        # A seed meets the tangent of its output; an output without one is constant.
        pairs = [(t, s) for t, s in zip(tangents, seeds, strict=True) if t is not None and s is not None]
        cts = pull(both, builder.linear_equations, builder.linear, linear_inputs, pairs)
        return both.build([*function.inputs, *seed_inputs], [*outs, *cts], f"vjp_{function.name}")
