"""A Function run on numbers that are not floats: of any precision, or formulas. Each operation means what its class says.

Knows the IR and the contract; names no operation and neither mpmath nor SymPy. Start at `Arithmetic.run`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from wengert.contract import as_evaluated, no
from wengert.errors import AbstractValueError, NoRuleError, WengertError, four_parts
from wengert.ir.types import StackType
from wengert.ir.values import Equation, Function, Literal
from wengert.ir.walk import memoized, silent


class Arithmetic:
    """What `exact` rules compute with; a subclass adds numbers, and elementary and special functions by mpmath's names.

    Values are as in NumPy's evaluation: arrays, of objects where the type is inexact or an element is a formula, and bare elements
    where the shape is ().
    """

    name: ClassVar[str] = ""
    ordered: ClassVar[bool] = True  # whether it is known which of two numbers is larger
    of: str = ""  # the user's function that is run
    pi: Any
    i: Any  # the imaginary unit

    # -- what a subclass gives ---------------------------------------------------------------------

    def number(self, x: Any) -> Any:
        """A number of Python's or NumPy's, exactly."""
        raise NotImplementedError

    def known(self, x: Any) -> Any:
        """An element of a bool or integer type as Python's bool or int, or itself where it is a formula."""
        raise NotImplementedError

    def refusal(self, kind: type[WengertError], what: str, why: str, instead: str) -> WengertError:
        """The error of a Function that has what this arithmetic cannot take."""
        return kind(four_parts(f"{self.name} cannot take {what}", f"of {self.of}" if self.of else "", why, instead))

    def element(self, rule: Callable[..., Any], *elements: Any) -> Any:
        """A rule on elements, with what it gives where it is not defined."""
        return rule(*elements)

    def finished(self, x: Any, kind: str) -> Any:
        """An element of a result of a float ("f") or complex ("c") type."""
        return x

    def where(self, test: Any, x: Any, y: Any) -> Any:
        """X if the test holds, else y."""
        raise NotImplementedError

    def __getattr__(self, name: str) -> Any:
        """A function that follows from others; one that nobody has is not known here."""
        found = _DERIVED.get(name)
        if found is None:
            raise NotImplementedError(name)
        return functools.partial(found, self)

    # -- parts of values -------------------------------------------------------------------------------

    def rint(self, x: Any) -> Any:
        """The nearest integer, halves to even."""
        low = self.floor(x)
        odd = self.ne(low, 2 * self.floor(self.div(low, self.number(2))))
        rest, half = x - low, self.number(0.5)
        return self.where(self.disjunction(self.gt(rest, half), self.conjunction(self.eq(rest, half), odd)), low + 1, low)

    def cast(self, x: Any, dtype: np.dtype[Any]) -> Any:
        """An element in another dtype; precision is not lost."""
        if dtype.kind == "b":
            return self.known(self.ne(x, 0))
        if isinstance(x, (bool, np.bool_)):
            x = int(x)
        elif dtype.kind != "c" and not isinstance(x, (int, np.integer)):
            x = self.re(x) if dtype.kind == "f" else self.trunc(x)
        return self.known(x) if dtype.kind in "iu" else self.number(x)

    def apart(self, f: Callable[..., Any]) -> Callable[..., Any]:
        """The function of elements on arrays of them."""
        return lambda *xs: np.frompyfunc(lambda *elements: self.element(f, *elements), len(xs), 1)(*xs)

    def operation(self, name: str) -> Callable[..., Any]:
        """A scalar operation by its name in loop nests."""
        return getattr(self, _NAMES.get(name, name))  # type: ignore[no-any-return]

    def fold(self, name: str, x: Any, axes: Sequence[int], start: Any = None) -> Any:
        """The scalar operation between all elements along some axes."""
        x = np.asarray(x, object)
        kept = [a for a in range(x.ndim) if a not in axes]
        rows = x.transpose([*kept, *axes]).reshape(*[x.shape[a] for a in kept], -1)
        if not rows.shape[-1]:
            return np.full(rows.shape[:-1], start, object)
        step = np.frompyfunc(lambda a, b: self.element(self.operation(name), a, b), 2, 1)
        return step.reduce(rows, axis=-1)

    def accumulate(self, name: str, x: Any, axis: int, reverse: bool) -> Any:
        """The scalar operation accumulated along an axis."""
        step = np.frompyfunc(lambda a, b: self.element(self.operation(name), a, b), 2, 1)
        turned = np.flip(x, axis) if reverse else x
        out = step.accumulate(np.asarray(turned, object), axis=axis, dtype=object)
        return np.flip(out, axis) if reverse else out

    def stack(self, items: Sequence[Any]) -> Any:
        """Values of one type along a new first axis."""
        shape = np.shape(items[0]) if items else ()
        out = np.empty((len(items), *shape), object)
        for i, item in enumerate(items):
            out[i] = item
        return out

    # -- what Python needs to know while it runs ----------------------------------------------------------

    def choice(self, index: Any) -> int:
        """Which branch is taken."""
        return int(self._decided(index, "a branch on a value", "Which of its sides is the function depends on the variables."))

    def trips(self, count: Any) -> int:
        """How often a loop is run."""
        return int(self._decided(count, "a loop whose trip count depends on a value", "It stands for as many formulas as trips."))

    def holds(self, test: Any) -> bool:
        """Whether a loop goes on."""
        return bool(self._decided(test, "a loop that ends on a value", "Its trip count is known only when it has run."))

    def _decided(self, x: Any, what: str, why: str) -> Any:
        x = self.known(x[()] if isinstance(x, np.ndarray) else x)
        if not isinstance(x, (bool, int, np.bool_, np.integer)):
            raise self.refusal(AbstractValueError, what, why, _OTHERS)
        return x

    # -- running ------------------------------------------------------------------------------------------

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a Function, its effects left out."""
        function = silent(function)
        env: dict[Any, Any] = dict(zip(function.inputs, arguments, strict=True))
        for equation in memoized(function, "read_exactly", lambda: _read(function)):
            operands = [self.literal(a) if isinstance(a, Literal) else env.get(a) for a in equation.operands]
            env.update(zip(equation.outs, self._apply(equation, operands), strict=True))
        return [self.literal(a) if isinstance(a, Literal) else env[a] for a in function.outputs]

    def literal(self, a: Literal) -> Any:
        """A constant of the program: of floats exactly, integers and bools as they are."""
        return self.value(a.array())

    def value(self, x: Any) -> Any:
        """A concrete array as a value here."""
        x = np.asarray(x)
        return x[()] if x.dtype.kind in "biu" else np.frompyfunc(self.number, 1, 1)(x)

    def _apply(self, equation: Equation, operands: list[Any]) -> Sequence[Any]:
        operation: Any = equation.operation
        types: list[Any] = [v.type for v in equation.outs]
        discrete = [a.type for a in equation.operands] + types
        try:
            if not operation.functions() and all([_is_discrete(t) for t in discrete]) and not any([_is_formula(x) for x in operands]):
                results = operation.evaluate(*operands)
            else:
                results = self._meaning(operation)(*operands)
        except WengertError as error:
            raise _located(error, equation) from error.__cause__
        except (TypeError, IndexError, NotImplementedError) as error:
            if "truth value" in str(error) or isinstance(error, IndexError):
                what = f"the operation {operation.name}, which chooses by value"
                why = "Which elements it takes depends on the variables."
                raise _located(self.refusal(AbstractValueError, what, why, _OTHERS), equation) from error
            what = f"the operation {operation.name}"
            why = f"Its class does not say what it is in exact arithmetic, or {self.name} has no such function."
            raise _located(self.refusal(NoRuleError, what, why, "another method"), equation) from error
        results = (results,) if len(types) == 1 else tuple(results)
        return [self._typed(x, t) for x, t in zip(results, types, strict=True)]

    def _meaning(self, operation: Any) -> Callable[..., Any]:
        """What the class of an operation says: its `exact`, else the name in its `scalar` or `reduction`."""
        exact = type(operation).exact
        if isinstance(exact, no):
            raise self.refusal(NoRuleError, f"the operation {operation.name}", f"{exact.why[:1].upper()}{exact.why[1:]}.", "another method")
        if operation.elementwise and exact in (None, as_evaluated) and isinstance(operation.scalar, str):
            return self._elementwise(self.operation(operation.scalar))
        if exact in (None, as_evaluated) and isinstance(operation.reduction, tuple):
            name, start = operation.reduction
            return lambda x: self.fold(name, x, operation.axes, start)
        if exact is None:
            raise NotImplementedError(operation.name)
        if exact is as_evaluated:
            return lambda *xs: operation.evaluate(*[x if isinstance(x, (np.ndarray, np.generic)) else _alone(x) for x in xs])
        rule = operation.exact
        return self._elementwise(lambda *xs: rule(self, *xs)) if operation.elementwise else lambda *xs: rule(self, *xs)

    def _elementwise(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        def call(*xs: Any) -> Any:
            xs = tuple([np.asarray(x, object) if isinstance(x, np.ndarray) else x for x in xs])
            out = np.frompyfunc(lambda *elements: _Together(self.element(rule, *elements)), len(xs), 1)(*xs)
            if isinstance(out, _Together):
                return out.value
            count = len(out.flat[0].value) if out.size and isinstance(out.flat[0].value, tuple) else 0
            parts = [np.empty(out.shape, object) for _ in range(count or 1)]
            for place, item in np.ndenumerate(out):
                for part, value in zip(parts, item.value if count else (item.value,), strict=True):
                    part[place] = value
            return tuple(parts) if count else parts[0]

        return call

    def _typed(self, x: Any, type: Any) -> Any:
        """A result as values of its type are kept."""
        if isinstance(type, StackType):
            return x
        if type.inexact:
            finish = np.frompyfunc(lambda element: self.finished(_bare(element), type.dtype.kind), 1, 1)
            return finish(_bare(x)) if not type.shape else finish(np.asarray(x, object).reshape(type.shape))
        if not type.shape:
            known = self.known(_bare(x))
            return type.dtype.type(known) if isinstance(known, (bool, int)) else known
        known = np.frompyfunc(self.known, 1, 1)(np.asarray(x, object).reshape(type.shape))
        return known if any([not isinstance(e, (bool, int)) for e in known.flat]) else known.astype(type.dtype)


_OTHERS = "method='forward' or 'reverse', which take it as it is"

# Functions of numbers, given others: the scalar operations of loops by their names there (`loops.scalars.OPS`), and some more.
_DERIVED: dict[str, Callable[..., Any]] = {
    "add": lambda m, x, y: x + y,
    "sub": lambda m, x, y: x - y,
    "mul": lambda m, x, y: x * y,
    "div": lambda m, x, y: x / y,
    "neg": lambda m, x: -x,
    "abs": lambda m, x: abs(x),
    "power": lambda m, x, y: x**y,
    "lt": lambda m, x, y: x < y,
    "le": lambda m, x, y: x <= y,
    "gt": lambda m, x, y: x > y,
    "ge": lambda m, x, y: x >= y,
    "eq": lambda m, x, y: x == y,
    "ne": lambda m, x, y: m.negation(m.eq(x, y)),
    "negation": lambda m, x: not x,
    "conjunction": lambda m, x, y: x & y,
    "disjunction": lambda m, x, y: x | y,
    "exclusion": lambda m, x, y: x ^ y,
    "select": lambda m, test, x, y: m.where(test, x, y),
    "maximum": lambda m, x, y: m.where(m.ge(x, y), x, y),
    "minimum": lambda m, x, y: m.where(m.le(x, y), x, y),
    "fmax": lambda m, x, y: m.maximum(x, y),
    "fmin": lambda m, x, y: m.minimum(x, y),
    "trunc": lambda m, x: m.where(m.lt(x, 0), -m.floor(-x), m.floor(x)),
    "copysign": lambda m, x, y: m.where(m.lt(y, 0), -abs(x), abs(x)),  # zero has no sign here
    "exp2": lambda m, x: m.power(m.number(2), x),
    "expm1": lambda m, x: m.exp(x) - 1,
    "log1p": lambda m, x: m.log(1 + x),
    "log2": lambda m, x: m.log(x) / m.log(m.number(2)),
    "log10": lambda m, x: m.log(x) / m.log(m.number(10)),
    "gammaln": lambda m, x: m.log(abs(m.gamma(x))),
    "rgamma": lambda m, x: 1 / m.gamma(x),
    "hypot": lambda m, x, y: m.sqrt(x * x + y * y),
    "complex": lambda m, x, y: x + m.i * y,
}
_NAMES = {"and": "conjunction", "or": "disjunction", "xor": "exclusion", "not": "negation", "pow": "power", "tgamma": "gamma"}


class _Together:
    """The results for one element, of which NumPy shall not make a sequence."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _located(error: WengertError, equation: Equation) -> WengertError:
    """The error with the line of the equation, unless it has one."""
    first, newline, rest = str(error).partition("\n")
    if equation.span is None or "   (" in first:
        return error
    return type(error)(f"{first}   ({equation.span}){newline}{rest}")


def _bare(x: Any) -> Any:
    return x[()] if isinstance(x, np.ndarray) else x


def _alone(x: Any) -> Any:
    """An element as an array of no axes."""
    out = np.empty((), object)
    out[()] = x
    return out


def _read(function: Function) -> list[Equation]:
    """The equations whose results are read by `exact` rules: factors that serve floats only are not computed."""
    needed, kept = set(function.outputs), []
    for equation in reversed(function.equations):
        if not needed.isdisjoint(equation.outs):
            reads = type(equation.operation).exact_reads  # type: ignore[attr-defined]
            needed.update(equation.operands if reads is None else [equation.operands[i] for i in reads])
            kept.append(equation)
    return kept[::-1]


def _is_discrete(type: Any) -> bool:
    return not isinstance(type, StackType) and type.dtype.kind in "biu"


def _is_formula(x: Any) -> bool:
    """Whether a value of a discrete type has an element that is not known."""
    return isinstance(x, np.ndarray) and x.dtype == object or not isinstance(x, (np.ndarray, np.generic, bool, int))
