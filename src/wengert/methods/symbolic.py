"""Symbolic differentiation, by SymPy: a traced function as formulas, their derivatives, and back to a function.

The only room that knows SymPy; of operations it knows what `exact` says. Start at `formulas`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.errors import ArgumentError, NoRuleError, four_parts
from wengert.methods.exact import Arithmetic
from wengert.methods.problem import Derivative, Problem
from wengert.source import here

LARGEST = 100_000  # operations in the formulas of one function, beyond which they are refused


def formulas(f: Callable[..., Any], *args: Any, argnums: int | Sequence[int] | None = None) -> Formulas:
    """A function as formulas in the elements of its real arguments.

    Use it to see a derivative as textbooks write it, to simplify it, to put it into a paper. For numbers `grad` and `jacobian`
    are the better way: a formula repeats what a program computes once, so it grows faster than the program.

    Parameters
    ----------
    f : callable
        As for `jit`: it is traced without values, so that what comes out holds everywhere.
    *args
        Arguments of the shapes that count. Elements of real ones become symbols, named after the parameter: `x`, or `x_0`, `x_1`.
        Others are constants.
    argnums : int or sequence of int
        The arguments that become symbols; by default all real ones.

    Returns
    -------
    Formulas
        `derivative()`, `simplify()`, `latex()`, `operations`, `function()`.

    Raises
    ------
    AbstractValueError
        For a branch on a value, a loop whose trip count depends on one, or an index that does: there is no one formula.
    NoRuleError
        For an operation that is no formula, such as a sort or a factorisation.
    ArgumentError
        Where SymPy is not installed, or the formulas would be too long.

    Examples
    --------
    >>> import numpy as np
    >>> y = formulas(lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2), 2.0, 5.0)
    >>> y
    x1*x2 + log(x1) - sin(x2)
    >>> y.derivative()
    [x2 + 1/x1, x1 - cos(x2)]
    >>> y.derivative().function()(2.0, 5.0)
    array([5.5       , 1.71633781])
    """
    return of(Problem(f, args, argnums))


def of(problem: Problem) -> Formulas:
    """The formulas of a problem's function."""
    sympy = _sympy()
    function, values, active = problem.trace(values_decide=False)
    m = Symbolic(problem.name)
    given = [m.value(v) for v in values]
    symbols = []
    for k, name in zip(active, problem.names, strict=True):
        shape = np.shape(values[k])
        named = np.empty(shape, object)
        for place in np.ndindex(shape):
            named[place] = sympy.Symbol("_".join([name, *map(str, place)]), real=True)
        given[k] = named[()]
        symbols.append(named)
    result = m.run(function, given)
    problem.checked(np.zeros(()) if len(result) == 1 else tuple(result))
    found = Formulas(np.asarray(result[0], object), symbols, problem.name)
    _require_short(found)
    return found


def differentiate(problem: Problem, simplify: bool = False) -> Derivative:
    """The derivatives at the point, by formulas made, differentiated and evaluated there."""
    return evaluated(problem, prepared(problem, simplify))


def prepared(problem: Problem, simplify: bool = False) -> tuple[Callable[..., Any], int]:
    """The derivatives as a function of the arguments differentiated by, and how many operations their formulas have."""
    found = of(problem).derivative()
    if simplify:
        found = found.simplify()
    _require_short(found)
    return found.function(), found.operations


def evaluated(problem: Problem, made: tuple[Callable[..., Any], int]) -> Derivative:
    """What `prepared` made, at the point."""
    function, operations = made
    with np.errstate(all="ignore"):
        out = np.asarray(function(*[x[()] for x in problem.xs]))
    if len(problem.xs) == 1 and not problem.xs[0].ndim:
        out = out[..., None]
    parts = np.split(out, np.cumsum([x.size for x in problem.xs])[:-1], axis=-1)
    values = [p.reshape(out.shape[:-1] + x.shape).astype(x.dtype)[()] for p, x in zip(parts, problem.xs, strict=True)]
    return Derivative(values, operations=operations)


class Formulas:
    """A formula for each element of a result, in the elements of some variables.

    formulas: an array of SymPy's expressions; symbols: one array of SymPy's symbols an argument
    """

    def __init__(self, formulas: Any, symbols: list[Any], name: str = "f") -> None:
        self.formulas, self.symbols, self.name = formulas, symbols, name

    @property
    def variables(self) -> list[Any]:
        """All symbols, in order."""
        return [s for array in self.symbols for s in array.flat]

    def derivative(self) -> Formulas:
        """The derivatives by all variables, along a new last axis; of one number by one number they have no axis."""
        by = self.variables
        scalar = len(self.symbols) == 1 and not self.symbols[0].ndim
        out = np.empty((*self.formulas.shape, len(by)), object)
        for place, formula in np.ndenumerate(self.formulas):
            for j, v in enumerate(by):
                out[(*place, j)] = _plain(_sympy().diff(formula, v))
        return Formulas(out[..., 0] if scalar else out, self.symbols, f"d{self.name}")

    def simplify(self) -> Formulas:
        """Each formula as SymPy's `simplify` leaves it."""
        return type(self)(np.asarray(np.frompyfunc(_sympy().simplify, 1, 1)(self.formulas), object), self.symbols, self.name)

    @property
    def operations(self) -> int:
        """How many operations the formulas have, each counted where it is written."""
        return sum([size(f) for f in self.formulas.flat])

    def latex(self) -> str:
        """The formulas in LaTeX: one alone, several as a matrix."""
        sympy = _sympy()
        if self.formulas.size == 1:
            return str(sympy.latex(self.formulas.flat[0]))
        rows = self.formulas.reshape(-1, self.formulas.shape[-1]) if self.formulas.ndim > 1 else self.formulas[None]
        return str(sympy.latex(sympy.Matrix(rows.tolist())))

    def function(self) -> Callable[..., Any]:
        """The formulas as a function of arrays with NumPy's functions, which wengert traces, compiles and differentiates.

        What occurs several times is computed once.
        """
        sympy = _sympy()
        code = sympy.lambdify(self.variables, list(self.formulas.flat), modules=[_TRANSLATED, "scipy", "numpy"], cse=True)
        shape, symbols = self.formulas.shape, self.symbols

        def call(*args: Any) -> Any:
            elements = []
            for a, named in zip(args, symbols, strict=True):
                elements += [a[place] if named.ndim else a for place in np.ndindex(named.shape)]
            try:
                results = [0.0 + r for r in code(*elements)]
            except (NameError, TypeError) as error:
                raise NoRuleError(
                    four_parts(
                        f"NumPy and SciPy cannot compute the formulas of {self.name}",
                        f"{type(error).__name__}: {error}"[:200],
                        "SymPy writes them with a function that is not there, or not for complex numbers.",
                        "method='forward' or 'reverse'",
                        here(),
                    )
                ) from error
            return np.reshape(np.stack(results), shape) if shape else results[0]

        call.__name__ = self.name
        return call

    def __repr__(self) -> str:
        return str(self.formulas.tolist() if self.formulas.shape else self.formulas[()])

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def size(formula: Any) -> int:
    """The number of operations of a formula, written out. Parts that are shared are looked at once, and counted as often as they stand."""
    known: dict[Any, int] = {}
    stack = [formula]
    while stack:
        e = stack[-1]
        waiting = [a for a in e.args if a not in known]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        known[e] = sum([known[a] for a in e.args]) + (max(len(e.args) - 1, 1) if e.args else 0)
    return known[formula]


def _require_short(found: Formulas) -> None:
    if found.operations > LARGEST:
        raise ArgumentError(
            four_parts(
                f"the formulas of {found.name} are too long",
                f"{found.operations:,} operations, the largest allowed are {LARGEST:,}",
                "A formula repeats what a program computes once: it swells.",
                "method='forward' or 'reverse', which share what is common",
                here(),
            )
        )


class Symbolic(Arithmetic):
    """SymPy's expressions, of which only constants are known."""

    name, ordered = "symbolic differentiation", False

    def __init__(self, of: str = "") -> None:
        self.of, self.sympy = of, _sympy()
        self.pi, self.i = self.sympy.pi, self.sympy.I
        self.gammaln, self.maximum, self.minimum, self.eq = self.sympy.loggamma, self.sympy.Max, self.sympy.Min, self.sympy.Eq
        self.conjunction, self.disjunction, self.negation = self.sympy.And, self.sympy.Or, self.sympy.Not
        self.isnan = self.isinf = lambda x: False
        self.isfinite = lambda x: True

    # SymPy does not differentiate the parts of a complex formula: they are written out

    def re(self, x: Any) -> Any:
        """The real part."""
        return self.number(x).as_real_imag()[0]

    def im(self, x: Any) -> Any:
        """The imaginary part."""
        return self.number(x).as_real_imag()[1]

    def conj(self, x: Any) -> Any:
        """The conjugate."""
        x = self.number(x)
        return x if x.is_real else self.re(x) - self.i * self.im(x)

    def abs(self, x: Any) -> Any:
        """The absolute value."""
        x = self.number(x)
        return self.sympy.Abs(x) if x.is_real else self.sympy.sqrt(self.re(x) ** 2 + self.im(x) ** 2)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.sympy, _ALIASES.get(name, name), None) if name not in _NOT_SYMPYS and name != "sympy" else None
        return found if found is not None else super().__getattr__(name)

    def number(self, x: Any) -> Any:
        """A float as the shortest decimal that is this float, which becomes the same float again; multiples of pi as such."""
        sympy = self.sympy
        if isinstance(x, sympy.Basic):
            return x
        if isinstance(x, (complex, np.complexfloating)):
            return self.number(x.real) + self.i * self.number(x.imag)
        if isinstance(x, (bool, int, np.integer, np.bool_)):
            return sympy.Integer(int(x))
        x = float(x)
        if not np.isfinite(x):
            return sympy.nan if np.isnan(x) else sympy.oo if x > 0 else -sympy.oo
        for p, q in _PI_MULTIPLES:
            if abs(x) == np.pi * p / q:
                return sympy.Rational(p, q) * sympy.pi * (1 if x > 0 else -1)
        text = repr(x)
        return sympy.Rational(text) if len(text) <= 10 else sympy.Float(x, 17)

    def known(self, x: Any) -> Any:
        """Python's bool or int, or the formula."""
        if isinstance(x, (bool, np.bool_)) or x in (self.sympy.true, self.sympy.false):
            return bool(x)
        return int(x) if isinstance(x, (int, np.integer, self.sympy.Integer)) else x

    def finished(self, x: Any, kind: str) -> Any:
        """An expression, also for Python's numbers."""
        return self.number(x) if not isinstance(x, self.sympy.Basic) else x

    def where(self, test: Any, x: Any, y: Any) -> Any:
        """X if the test holds, else y."""
        test = self.known(test)
        if isinstance(test, bool):
            return x if test else y
        return self.sympy.Piecewise((x, test), (y, True))

    def cast(self, x: Any, dtype: np.dtype[Any]) -> Any:
        """An element in another dtype; of a test that is not known, 1 or 0."""
        if isinstance(x, self.sympy.logic.boolalg.Boolean) and not isinstance(x, self.sympy.Expr) and dtype.kind != "b":  # a symbol is both
            return self.where(x, self.sympy.Integer(1), self.sympy.Integer(0))
        return super().cast(x, dtype)

    def cbrt(self, x: Any) -> Any:
        """The real cube root."""
        return self.sympy.sign(x) * self.sympy.Abs(x) ** self.sympy.Rational(1, 3)


_PI_MULTIPLES = [(p, q) for q in (1, 2, 3, 4, 6, 180) for p in (1, 2, 3, 4, 180)]
_ALIASES = {"conj": "conjugate", "lambertw": "LambertW", "ei": "Ei", "si": "Si", "ci": "Ci", "shi": "Shi", "chi": "Chi"}
# what SymPy calls otherwise, or means otherwise, or what Python's operators do
_NOT_SYMPYS = frozenset({"add", "sub", "mul", "div", "power", "neg", "lt", "le", "gt", "ge", "ne", "abs", "trunc", "select", "number"})


def _plain(formula: Any) -> Any:
    """A derivative without what has no value: that of a rounding is 0, and so is what a jump of a sign adds."""
    sympy = _sympy()
    formula = formula.replace(sympy.DiracDelta, lambda *_: sympy.Integer(0))
    flat = (sympy.floor, sympy.ceiling, sympy.sign, sympy.Heaviside)

    def of(e: Any) -> Any:
        return e.args[0].expr if isinstance(e, sympy.Subs) and isinstance(e.args[0], sympy.Derivative) else e.args[0]

    formula = formula.replace(
        lambda e: isinstance(e, (sympy.Derivative, sympy.Subs)) and isinstance(of(e), flat), lambda e: sympy.Integer(0)
    )
    left = formula.atoms(sympy.Derivative, sympy.Subs)
    if left:
        what = of(next(iter(left)))
        raise NoRuleError(
            four_parts(
                "symbolic differentiation cannot take a function that SymPy does not differentiate",
                str(what)[:100],
                "Its derivative by one of its operands has no formula there.",
                "method='forward' or 'reverse'",
                here(),
            )
        )
    return formula


def _select(tests: Sequence[Any], values: Sequence[Any], default: Any = np.nan) -> Any:
    """np.select of numbers, of which the last test may be True."""
    out = default
    for test, value in zip(reversed(tests), reversed(values), strict=True):
        out = value if test is True else np.where(test, value, out)
    return out


_TRANSLATED = {
    "select": _select,
    "reduce": functools.reduce,
}


@functools.cache
def _sympy() -> Any:
    try:
        import sympy
    except ImportError as error:
        raise ArgumentError(
            four_parts(
                "symbolic differentiation needs SymPy",
                "No module named 'sympy'",
                "It is no dependency of wengert's, but of its extra `symbolic`.",
                "pip install 'wengert[symbolic]', or method='forward' or 'reverse'",
                here(),
            )
        ) from error
    return sympy
