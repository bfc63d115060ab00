"""Forward mode: dual numbers. Each variable in turn gets the tangent 1, and its tangents go through the program beside the values.

Knows the interface. Start at `differentiate`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.api.derivatives import jvp
from wengert.api.jacobian import jacfwd
from wengert.api.program import program
from wengert.api.work import work
from wengert.errors import TraceError
from wengert.methods.problem import Derivative, Problem


def differentiate(problem: Problem) -> Derivative:
    """All derivatives, a column of the Jacobian a variable, the columns side by side in one run."""
    return Derivative(list(jacfwd(problem.f, argnums=tuple(problem.argnums))(*problem.args)))


def dual(f: Callable[..., Any], x: Any, v: Any) -> tuple[Any, Any]:
    """(f(x), the derivative of f at x in the direction v): f of the dual number x + v ε, ε² = 0.

    Examples
    --------
    >>> dual(lambda x: x * x, 3.0, 1.0)
    (np.float64(9.0), np.float64(6.0))

    Clifford (1873); Griewank & Walther, Evaluating Derivatives (2008), ch. 3.
    """
    return jvp(f, (x,), (v,))  # type: ignore[no-any-return]


def operations(problem: Problem) -> int:
    """The floating-point operations of `differentiate`; loops of unknown trip count are counted once. 0 where it cannot be traced."""
    return count(jacfwd(problem.f, argnums=tuple(problem.argnums)), problem)


def count(derivative: Callable[..., Any], problem: Problem) -> int:
    """The operations of a derivative function at the problem's point."""
    try:
        function, _ = program(derivative, *problem.args)
    except TraceError:
        return 0
    flops, transcendentals, _ = work(function)
    return round(flops + transcendentals)
