"""compare: every method on one function, with its error against a reference of 50 digits, its time, its work and its memory.

Knows the methods; `studies` holds what is swept over a step, a size or a shape. Start at `Compare.__call__`.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.api.compile import jit
from wengert.api.jacobian import jacrev
from wengert.errors import ArgumentError, UserError, four_parts
from wengert.methods import forward, numerical, precise, reverse, symbolic
from wengert.methods.problem import Derivative, Problem
from wengert.methods.studies import Shapes, StepSizes, Swell, shapes, step_size, swell
from wengert.methods.table import Comparison, Row
from wengert.source import here

_ENOUGH = 0.05  # seconds over which calls are timed


class Compare:
    """compare(f, *args): each way to the derivatives of f at a point, side by side, for this function and this machine.

    Use it to choose a method, to check a derivative written by hand, and to see what the literature says on your own function:
    `compare.step_size` (truncation against rounding), `compare.swell` (how formulas grow), `compare.shapes` (forward
    against reverse mode).

    Parameters
    ----------
    f : callable
        Returns one real number or array.
    *args
        The point. By default f is differentiated by all real numbers and arrays among them.
    argnums : int or sequence of int
        By which arguments, by position.
    manual : callable
        The derivative by hand: manual(*args), or what it returns. One array of the result's and the argument's shape; for
        several arguments a tuple of them.
    compiled : bool
        Also reverse mode compiled to machine code, which takes a moment.
    digits : int or None
        Of the reference; None for no reference and no errors.

    Returns
    -------
    Comparison
        Prints as a table; `rows`, `reference`, `value`, `refused`, `json()`, and HTML in a notebook.

    Raises
    ------
    ArgumentError
        If there is nothing to differentiate by, or f returns a container.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> table = wg.compare(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2.0, 5.0)
    >>> bool(table["reverse"].error < 1e-15 < table["forward difference"].error)
    True

    Baydin et al., Automatic differentiation in machine learning: a survey (2018), whose first example this is.
    """

    def __call__(
        self,
        f: Callable[..., Any],
        *args: Any,
        argnums: int | Sequence[int] | None = None,
        manual: Any = None,
        compiled: bool = False,
        digits: int | None = precise.DIGITS,
    ) -> Comparison:
        """The comparison."""
        problem = Problem(f, args, argnums)
        value = problem.value(problem.xs)
        if value.dtype.kind != "f":
            raise ArgumentError(
                four_parts(f"compare needs a function with a real result; that of {problem.name} is {value.dtype}", where=here())
            )
        reference, why = _reference(problem, digits)
        rows, refused = [], {}
        for name, prepare in _ways(manual, compiled).items():
            try:
                row = _measured(name, prepare, problem)
            except UserError as error:
                refused[name] = str(error)
                continue
            row.error = None if reference is None else relative_error(row.derivative.values, reference)
            rows.append(row)
        if why:
            refused["reference"] = why
        return Comparison(problem, value, rows, reference, refused, digits or precise.DIGITS)

    def step_size(self, f: Callable[..., Any], x: float, steps: Sequence[float] | None = None) -> StepSizes:
        """The error of each scheme of differences over its step: truncation on the right, rounding on the left.

        f is of one number; `steps` are relative to x, by default from 1 to 1e-16. `plot()` draws it.

        Examples
        --------
        >>> import numpy as np, wengert as wg
        >>> errors = wg.compare.step_size(np.exp, 1.0).errors
        >>> bool(min(errors["forward"]) > 1e-11 > min(errors["central"]) > 1e-15 > min(errors["complex"]))
        True
        """
        return step_size(f, x, steps)

    def swell(self, f: Callable[[Any, int], Any], at: float = 0.3, sizes: Sequence[int] = tuple(range(1, 9))) -> Swell:
        """How the formula of the derivative of f(x, n) by x grows with n, and the time it takes, beside forward and reverse mode.

        Examples
        --------
        >>> import wengert as wg
        >>> def logistic_map(x, n):
        ...     for _ in range(n):
        ...         x = 4 * x * (1 - x)
        ...     return x
        >>> grown = wg.compare.swell(logistic_map, sizes=[1, 2, 3, 4])
        >>> grown.formula[-1] / grown.formula[-2] > 2 > grown.reverse[-1] / grown.reverse[-2]
        True
        """
        return swell(f, at, sizes)

    def shapes(self, total: int = 1024, family: Callable[[int, int], tuple[Callable[..., Any], Any]] | None = None) -> Shapes:
        """Time of forward and of reverse mode for Jacobians of one size and different shapes, from one column to one row.

        `family(m, n)` gives a function with m results and a point of n variables; by default sin(A x).
        """
        return shapes(total, family)

    def __repr__(self) -> str:
        return "<wengert.compare>"


def relative_error(values: Sequence[Any], reference: Sequence[Any]) -> float:
    """The largest error of an element, relative to the largest element of that argument's derivative; absolute where all are 0."""
    worst = 0.0
    for value, exact in zip(values, reference, strict=True):
        exact = np.asarray(exact, object)
        gaps = [abs(e - _number(v)) for e, v in zip(exact.flat, np.asarray(value).flat, strict=True)]
        size = max([abs(e) for e in exact.flat], default=0)
        gap = max(gaps, default=0)
        relative = gap / size if size else gap
        worst = max(worst, float(relative)) if relative == relative else np.nan
    return worst if worst != worst or worst > 10.0**-precise.DIGITS else 0.0


def _number(v: Any) -> float:
    return float(v)


def _reference(problem: Problem, digits: int | None) -> tuple[list[Any] | None, str]:
    if digits is None:
        return None, ""
    try:
        function, values, active = problem.trace(values_decide=True)
        return precise.jacobian(function, values, active, digits)[1], ""
    except UserError as error:
        return None, str(error)


# name -> problem -> a call that gives the Derivative: what is prepared is prepared once
_Way = Callable[[Problem], Callable[[], Derivative]]


def _ways(manual: Any, compiled: bool) -> dict[str, _Way]:
    ways: dict[str, _Way] = {}
    if manual is not None:
        ways["manual"] = lambda problem: lambda: _by_hand(problem, manual)
    ways["symbolic"] = _symbolic
    for scheme, name in (("forward", "forward difference"), ("central", "central difference"), ("richardson", "richardson")):
        ways[name] = lambda problem, scheme=scheme: lambda: numerical.differences(problem, scheme)  # type: ignore[misc]
    ways["complex"] = lambda problem: lambda: numerical.differences(problem, "complex")
    ways["forward"] = lambda problem: lambda: forward.differentiate(problem)
    ways["reverse"] = lambda problem: lambda: reverse.differentiate(problem)
    if compiled:
        ways["reverse, compiled"] = _compiled
    return ways


def _by_hand(problem: Problem, manual: Any) -> Derivative:
    given = manual(*problem.args) if callable(manual) else manual
    values = list(given) if isinstance(given, (tuple, list)) and len(problem.xs) > 1 else [given]
    shapes = [np.shape(v) for v in values]
    result = problem.checked(problem.f(*problem.args)).shape
    if shapes != [(*result, *x.shape) for x in problem.xs]:
        raise ArgumentError(
            four_parts(
                "the derivative by hand has another shape than the derivative",
                f"shapes {shapes}, where {[(*result, *x.shape) for x in problem.xs]} are needed",
                "It has the shape of the result and that of the argument, one after the other; of several arguments, a tuple.",
                "manual=lambda x: ... with an array of that shape",
                here(),
            )
        )
    return Derivative([np.asarray(v, np.float64) for v in values])


def _symbolic(problem: Problem) -> Callable[[], Derivative]:
    made = symbolic.prepared(problem)
    return lambda: symbolic.evaluated(problem, made)


def _compiled(problem: Problem) -> Callable[[], Derivative]:
    program = jit(jacrev(problem.f, argnums=tuple(problem.argnums)))
    return lambda: Derivative(list(program(*problem.args)))


def _measured(name: str, prepare: _Way, problem: Problem) -> Row:
    """A way run, timed from nothing to its first result, then again and again; the memory of one call is what NumPy and Python take."""
    start = time.perf_counter()
    call = prepare(problem)
    derivative = call()
    first = time.perf_counter() - start
    best, total = np.inf, 0.0
    while total < _ENOUGH:
        start = time.perf_counter()
        call()
        elapsed = time.perf_counter() - start
        best, total = min(best, elapsed), total + elapsed
    memory = _memory(call)
    mode = {"forward": forward, "reverse": reverse, "reverse, compiled": reverse}.get(name)
    if mode is not None:
        derivative.operations = mode.operations(problem)
    return Row(name, derivative, first, best, memory)


def _memory(call: Callable[[], Any]) -> int | None:
    """The most memory that a call holds beyond what was there; None where somebody else is tracing allocations."""
    if tracemalloc.is_tracing():
        return None
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return max(0, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


compare = Compare()
