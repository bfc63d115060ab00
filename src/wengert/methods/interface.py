"""One interface to all ways to a derivative.

Start at `derivative`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wengert.errors import ArgumentError, four_parts
from wengert.methods import forward, numerical, reverse, symbolic
from wengert.methods.problem import Derivative, Problem
from wengert.source import here

# method -> (problem, options) -> Derivative
METHODS: dict[str, Callable[..., Derivative]] = {
    "numerical": numerical.differences,
    "forward difference": lambda problem, **options: numerical.differences(problem, "forward", **options),
    "central difference": lambda problem, **options: numerical.differences(problem, "central", **options),
    "richardson": lambda problem, **options: numerical.differences(problem, "richardson", **options),
    "complex": lambda problem, **options: numerical.differences(problem, "complex", **options),
    "symbolic": symbolic.differentiate,
    "forward": forward.differentiate,
    "reverse": reverse.differentiate,
}


def derivative(f: Callable[..., Any], x: Any, method: str = "reverse", **options: Any) -> Any:
    """The derivative of f at x, by the method of your choice: a number, a gradient or a Jacobian, by the shapes.

    Use "reverse" for few results of many variables, "forward" for few variables of many results; both are exact to rounding and
    take any program. "symbolic" is for formulas, and "numerical" for functions that cannot be traced: it calls f only.

    Parameters
    ----------
    f : callable
        Of one real number or array; returns one number or array.
    x : float or array
        The point.
    method : str
        "reverse" (adjoints), "forward" (dual numbers), "symbolic" (SymPy's formulas), "complex" (the complex step), "numerical"
        (differences; the scheme is an option), "forward difference", "central difference", "richardson".
    **options
        Of "numerical": scheme, one of "forward", "central", "richardson" (the default) and "complex". Of all differences: step,
        relative to the variable, instead of the one that is found. Of "symbolic": simplify.

    Returns
    -------
    number or array
        Of the shape of f(x) and that of x, one after the other.

    Raises
    ------
    ArgumentError
        For an unknown method or option, for x that is not real, or where SymPy is missing.
    NotDifferentiableError
        By "complex", for a function that is not analytic on its way.
    AbstractValueError, NoRuleError
        By "symbolic", for a program that is no formula.

    Examples
    --------
    >>> import numpy as np
    >>> derivative(lambda x: np.sum(x**2), np.array([1.0, 2.0]))
    array([2., 4.])
    >>> print(derivative(np.exp, 0.0, method="complex"))
    1.0

    Baydin, Pearlmutter, Radul & Siskind, Automatic differentiation in machine learning: a survey (2018).
    """
    return found(f, x, method, **options).values[0]


def found(f: Callable[..., Any], x: Any, method: str = "reverse", **options: Any) -> Derivative:
    """As `derivative`, with the estimated error, the steps and the number of evaluations beside it.

    Examples
    --------
    >>> import numpy as np
    >>> by_differences = found(np.sin, 1.0, "central difference")
    >>> bool(abs(by_differences.values[0] - np.cos(1.0)) <= by_differences.errors[0] < 1e-9)
    True
    """
    if method not in METHODS:
        raise ArgumentError(
            four_parts("there is no such method", f"method={method!r}", instead=", ".join([repr(m) for m in METHODS]), where=here())
        )
    allowed = {"numerical": {"scheme", "step"}, "symbolic": {"simplify"}, "forward": set(), "reverse": set()}.get(method, {"step"})
    wrong = sorted(set(options) - allowed)
    scheme = options.get("scheme", "richardson")
    if wrong or scheme not in numerical.SCHEMES:
        raise ArgumentError(
            four_parts(
                f"method={method!r} takes no such option",
                f"{', '.join(wrong)}" if wrong else f"scheme={scheme!r}",
                instead=(", ".join(sorted(allowed)) or "none") if wrong else ", ".join([repr(s) for s in numerical.SCHEMES]),
                where=here(),
            )
        )
    return METHODS[method](Problem(f, (x,)), **options)
