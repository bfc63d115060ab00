"""A traced Function at any precision, by mpmath: the reference that methods are compared with.

Its derivatives are differences with a step so small, and at a precision so high, that all digits asked for are right: no
derivative rule is used, so a wrong one shows. Knows `exact` and mpmath. Start at `jacobian`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import ArgumentError, four_parts
from wengert.ir.values import Function
from wengert.methods.exact import Arithmetic
from wengert.source import here

DIGITS = 50
_SPARE = 15  # digits for what rounding and cancellation lose in the function itself


class Precise(Arithmetic):
    """mpmath's numbers. What is not defined is NaN, as in NumPy."""

    name = "mpmath"

    def __init__(self, digits: int) -> None:
        self.context = context = _mpmath().MPContext()
        context.dps = digits
        self.pi, self.i, self.nan = +context.pi, context.mpc(0, 1), context.nan
        self.uppergamma = lambda a, x: context.gammainc(a, x)
        self.lowergamma = lambda a, x: context.gammainc(a, 0, x)
        self.polygamma = context.psi
        self.expint = context.expint

    def __getattr__(self, name: str) -> Any:
        if name != "context":
            found = getattr(self.context, _ALIASES.get(name, name), None)
            if found is not None and name not in _NOT_MPMATHS:
                return found
        return super().__getattr__(name)

    def number(self, x: Any) -> Any:
        """A float as the mpf it is, exactly."""
        if isinstance(x, (self.context.mpf, self.context.mpc)):
            return x
        if isinstance(x, (bool, int, np.integer, np.bool_)):
            return self.context.mpf(int(x))
        return self.context.mpc(complex(x)) if isinstance(x, (complex, np.complexfloating)) else self.context.mpf(float(x))

    def known(self, x: Any) -> Any:
        """Python's bool or int."""
        return bool(x) if isinstance(x, (bool, np.bool_)) else int(x)

    def finished(self, x: Any, kind: str) -> Any:
        """A real result that would be complex is NaN."""
        x = self.number(x)
        if kind == "f" and isinstance(x, self.context.mpc):
            return x.real if not x.imag else self.nan
        return x

    def element(self, rule: Callable[..., Any], *elements: Any) -> Any:
        """A rule on elements; NaN where mpmath raises, as it does at poles."""
        try:
            return rule(*elements)
        except (ValueError, ZeroDivisionError, self.context.NoConvergence):
            return self.nan

    # -- functions that mpmath calls otherwise, or has for its own matrices -----------------------------

    def airyai_prime(self, x: Any) -> Any:
        """Ai'."""
        return self.context.airyai(x, derivative=1)

    def airybi_prime(self, x: Any) -> Any:
        """Bi'."""
        return self.context.airybi(x, derivative=1)

    def incomplete_beta(self, a: Any, b: Any, x: Any) -> Any:
        """The regularised I(a, b, x)."""
        return self.context.betainc(a, b, 0, x, regularized=True)

    def root(self, f: Callable[[Any], Any], start: float) -> Any:
        """The zero of a function of which a float is known to about its digits: secants from close by."""
        return self.context.findroot(f, (self.number(start), self.number(start * (1 + 1e-8) or 1e-8)))

    def partial(self, f: Callable[..., Any], at: tuple[Any, ...], orders: tuple[int, ...]) -> Any:
        """A partial derivative, by differences at a higher precision."""
        return self.context.diff(f, at, orders)

    def eigh(self, a: Any) -> tuple[Any, Any]:
        """Ascending eigenvalues and orthonormal vectors of a Hermitian matrix."""
        w, v = self.context.eigh(self._matrix(a))
        return self._vector(w), self._array(v)

    def eig(self, a: Any) -> tuple[Any, Any]:
        """Eigenvalues and right eigenvectors."""
        w, v = self.context.eig(self._matrix(a))
        return self._vector(w), self._array(v)

    def svd(self, a: Any) -> tuple[Any, Any, Any]:
        """The reduced U, s, Vᴴ with descending s."""
        u, s, vh = self.context.svd(self._matrix(a))
        return self._array(u), self._vector(s), self._array(vh)

    def matrix_function(self, kind: str, a: Any) -> Any:
        """Expm, logm, sqrtm and their like."""
        a = self._matrix(a)
        if kind in ("coshm", "sinhm"):
            return self._array((self.context.expm(a) + (1 if kind == "coshm" else -1) * self.context.expm(-a)) / 2)
        return self._array(getattr(self.context, kind)(a))

    def _matrix(self, a: Any) -> Any:
        return self.context.matrix(a.tolist())

    def _array(self, matrix: Any) -> Any:
        return np.array(matrix.tolist(), object).reshape(matrix.rows, matrix.cols)

    def _vector(self, found: Any) -> Any:
        return np.array(list(found), object)

    # -- what is defined otherwise than in mpmath --------------------------------------------------------

    def where(self, test: Any, x: Any, y: Any) -> Any:
        """X if the test holds, else y."""
        return x if test else y

    def div(self, x: Any, y: Any) -> Any:
        """X / y, infinite or NaN where y is 0."""
        if y == 0:
            return self.nan if x == 0 or self.context.isnan(x) else self.context.inf * self.context.sign(x)
        return self.number(x) / y

    def power(self, x: Any, y: Any) -> Any:
        """X ** y, which is 1 where y is 0, and infinite where 0 is raised to a negative power."""
        if x == 0 and self.context.re(y) < 0:
            return self.context.inf
        return self.number(x) ** y

    def cbrt(self, x: Any) -> Any:
        """The real cube root."""
        return self.context.sign(x) * self.context.cbrt(abs(x))

    def maximum(self, x: Any, y: Any) -> Any:
        """The larger of two, NaN if one is."""
        return x if x != x or x >= y else y

    def minimum(self, x: Any, y: Any) -> Any:
        """The smaller of two, NaN if one is."""
        return x if x != x or x <= y else y


_ALIASES = {"isfinite": "isfinite", "elliptic_k": "ellipk", "elliptic_e": "ellipe", "expm1": "expm1", "log1p": "log1p"}
_ALIASES |= {"incomplete_elliptic_f": "ellipf", "incomplete_elliptic_e": "ellipe"}
_NOT_MPMATHS = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "fabs", "power", "mul", "sub", "add", "div", "rint", "complex"})


def evaluate(function: Function, arguments: Sequence[Any], digits: int = DIGITS) -> list[Any]:
    """The outputs of a Function at arguments taken as exact, to about so many digits.

    Parameters
    ----------
    function : Function
        As `wengert.record(f)(x)` gives it, or with its loops and branches `wengert.jit(f).lower(x).ir`.
    arguments : sequence of arrays
        One an input; floats, or arrays of mpmath's numbers.
    digits : int
        Of the numbers computed with.

    Returns
    -------
    list
        One an output: an mpf or mpc, or an array of them; of integers and bools, NumPy's.

    Raises
    ------
    NoRuleError
        For an operation that has no meaning beyond floating point, such as a singular value decomposition.

    Examples
    --------
    >>> import wengert as wg
    >>> print(evaluate(wg.record(lambda x: x * x)(0.1), [0.1], digits=30)[0])
    0.0100000000000000011102230246252
    """
    m = Precise(digits)
    m.of = function.name
    return m.run(function, [_given(m, x) for x in arguments])


def jacobian(function: Function, arguments: Sequence[Any], active: Sequence[int], digits: int = DIGITS) -> tuple[Any, list[Any]]:
    """The first output of a Function, and its derivatives by some inputs, right to so many digits where the function is smooth.

    Central differences with the step 10^-(digits/2 + 5): their error is the square of that, and the digits that cancel are
    computed beforehand. At a kink they give the mean of the two slopes.

    Returns
    -------
    value
        An array of mpmath's numbers.
    derivatives : list of array
        One an active input: output shape + input shape.
    """
    places = digits // 2 + 5
    m = Precise(digits + places + _SPARE)
    m.of = function.name
    given = [_given(m, x) for x in arguments]
    value = _first(m, function, given)
    derivatives = []
    for k in active:
        x = np.asarray(given[k], object)
        columns = np.empty((*value.shape, *x.shape), object)
        for place in np.ndindex(x.shape):
            h = m.context.mpf(10) ** -places * max(abs(x[place]), m.context.mpf(10) ** -300 if x[place] else 1)
            ends = []
            for step in (h, -h):
                moved = x.copy()
                moved[place] = x[place] + step
                ends.append(_first(m, function, [*given[:k], moved[()], *given[k + 1 :]]))
            columns[(..., *place)] = (ends[0] - ends[1]) / (2 * h)
        derivatives.append(columns)
    return value, derivatives


def _first(m: Precise, function: Function, values: list[Any]) -> Any:
    return np.asarray(m.run(function, values)[0], object)


def _given(m: Precise, x: Any) -> Any:
    return m.value(x) if np.asarray(x).dtype != object else x


@functools.cache
def _mpmath() -> Any:
    try:
        import mpmath
    except ImportError as error:
        raise ArgumentError(
            four_parts(
                "a reference of many digits needs mpmath",
                "No module named 'mpmath'",
                "It is no dependency of wengert's, but of its extra `symbolic`.",
                "pip install 'wengert[symbolic]', or reference=None",
                here(),
            )
        ) from error
    return mpmath.ctx_mp
