"""Reverse mode: adjoints. One run backwards through the program for each element of the result, whatever the number of variables.

Knows the interface. Start at `differentiate`.
"""

from __future__ import annotations

from wengert.api.jacobian import jacrev
from wengert.methods.forward import count
from wengert.methods.problem import Derivative, Problem


def differentiate(problem: Problem) -> Derivative:
    """All derivatives, a row of the Jacobian an element of the result."""
    return Derivative(list(jacrev(problem.f, argnums=tuple(problem.argnums))(*problem.args)))


def operations(problem: Problem) -> int:
    """The floating-point operations of `differentiate`, as `forward.operations`."""
    return count(jacrev(problem.f, argnums=tuple(problem.argnums)), problem)
