"""Variable and no_grad: define by run. Values remember how they came about, and `y.backward()` differentiates that.

A Variable is a traced value like any other, of the graph instead of a run's tape, so NumPy's functions, operators, views and
assignment go the usual way. Names no operation and no rule: `backward` lays the history down on a tape, and the usual
derivative of that Function does the rest. Start at `Variable.backward`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.api.derivatives import conform
from wengert.api.graph import Graph, Leaf, Value, frozen, history, laid_down, not_spent, remember, remembering
from wengert.api.point import apply, as_value
from wengert.errors import ArgumentError, CutDerivativeError, DerivativeError, NotDifferentiableError, TraceError, four_parts
from wengert.ir.types import type_of
from wengert.ir.values import Traced, Var
from wengert.source import here
from wengert.trace.tape import Latest
from wengert.trace.tracer import Tracer
from wengert.transform import linearize


class _Sums:
    """Adds gradients up, one thread at a time."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """A new lock, in a forked process: the thread that held the old one is not there."""
        self._lock = threading.Lock()

    def add(self, leaves: list[Leaf], gradients: Sequence[Any]) -> None:
        with self._lock:
            for leaf, found in zip(leaves, gradients, strict=True):
                leaf.grad = found if leaf.grad is None else leaf.grad + found


_sums = _Sums()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_sums.renew)


def _variable(value: Value) -> Variable:
    out = Variable.__new__(Variable)
    out._set_up(value)
    return out


_graph = Graph(_variable)


class Variable(Tracer):
    """An array that remembers the operations on it: `y = f(x); y.backward(); x.grad`.

    Use it where derivatives are wanted of code that is not a function, as in a training loop written for PyTorch; where
    there is a function, `grad` and `jit` are quicker. All that NumPy does with an array it does with a Variable.

    Parameters
    ----------
    value : array, number, or nested lists of numbers
        Copied. Of a Variable, its value.
    requires_grad : bool
        Whether `backward` is to leave a gradient in `grad`. Without, it is a constant.

    Attributes
    ----------
    value : ndarray or NumPy scalar
        What it holds; the array is read-only.
    grad : ndarray, NumPy scalar or None
        The sum of the gradients by this Variable of all `backward` since `zero_grad`, of its shape and dtype; of complex
        Variables in this library's convention, which is the conjugate of PyTorch's.

    Raises
    ------
    NotDifferentiableError
        If integers, booleans or strings are to have a gradient.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> x = wg.Variable([1.0, 2.0])
    >>> y = np.sum(x**3)
    >>> y.backward()
    >>> x.grad
    array([ 3., 12.])
    """

    __slots__ = ("_box", "_leaf")

    def __init__(self, value: Any, requires_grad: bool = True) -> None:
        known = _plain(value)
        if requires_grad and known.dtype.kind not in "fc":
            raise NotDifferentiableError(
                four_parts(
                    "a Variable of integers or booleans has no gradient",
                    f"it is {known.dtype}{list(known.shape)}",
                    "They change in steps.",
                    "floats, e.g. 2.0 or x.astype(float); or requires_grad=False",
                    here(),
                )
            )
        leaf = Leaf()
        self._set_up(Value(type_of(known), known, leaf if requires_grad else None))
        self._leaf = leaf

    def _set_up(self, value: Value) -> None:
        self._leaf: Leaf | None = None
        self.tape, self._box, self.type, self.level, self.weak = _graph, value, value.type, 0, False  # type: ignore[assignment]
        self.born = Latest.level

    # -- the box ---------------------------------------------------------------------------------

    @property
    def atom(self) -> Any:  # type: ignore[override]
        """What is in the box now."""
        return self._box

    @atom.setter
    def atom(self, value: Any) -> None:
        if self._leaf is not None and isinstance(value, Value) and self._box.leaf is not None:
            value = Value(value.type, value.known(), self._leaf)  # still what gradients are taken by
        self._box = value

    @property
    def base(self) -> Any:
        """As of every view; what is read again after an assignment in `no_grad` is remembered if it was so before."""
        return Tracer.base.__get__(self)  # type: ignore[attr-defined]

    @base.setter
    def base(self, found: Any) -> None:
        if isinstance(self._box, Value) and self._box.remembers:
            found = (found[0], _remembered(found[1]), *found[2:])
        Tracer.base.__set__(self, found)  # type: ignore[attr-defined]

    @property
    def frozen(self) -> Any:  # type: ignore[override]
        """Why it cannot be assigned to now, and what to do instead."""
        box: Any = self
        while box is not None:
            if isinstance(box, Variable) and isinstance(box._box, Value):
                if remembering.get() and box._leaf is not None and box._box.leaf is not None:
                    return (
                        "It is a Variable that requires a gradient: the derivative would be by what it held before.",
                        "x.copy() in a computation; to change the Variable itself, `with wengert.no_grad():`",
                    )
                if not remembering.get() and box._box.step is not None:
                    return (
                        "It was computed from Variables, and what is assigned in no_grad is not remembered: the derivative would be lost.",
                        "assign outside no_grad, to x.detach(), or to a view taken inside no_grad",
                    )
            box = (getattr(box, "base", None) or (None,))[0]
        return False

    @property
    def is_number(self) -> bool:  # type: ignore[override]
        """Whether, having no shape, it is a value like NumPy's scalars; what the user made a Variable is an array."""
        return self._leaf is None

    @staticmethod
    def of(tape: Any, var: Var) -> Tracer:
        """The traced value of a variable of the graph, or of a tape."""
        return _variable(var) if isinstance(var, Value) else Tracer.of(tape, var)

    def snapshot(self) -> Tracer:
        """A box of its own with what this one holds now."""
        out = self.of(self.tape, self._box)
        out.weak = self.weak
        return out

    def lift(self, value: Any) -> Any:
        """A NumPy value as a constant."""
        return self.of(self.tape, self.tape.capture(value))

    # -- leaving the graph -----------------------------------------------------------------------

    @property
    def value(self) -> Any:
        """The number or array itself, read-only: a constant to everything."""
        return self.concrete()

    def item(self, *index: Any) -> Any:
        """The element as a Python number: a constant."""
        return self.value.item(*index)

    def tolist(self) -> Any:
        """Nested lists of Python numbers: constants."""
        return self.value.tolist()

    def detach(self) -> Variable:
        """The same value without its history."""
        return Variable(self.value, requires_grad=False)

    def _converted(self, what: str) -> Any:
        at = self._box
        lost = at.leaf is not None or at.step is not None and at.step.spent is None if isinstance(at, Value) else True
        if lost and remembering.get() and self.type.inexact:
            raise CutDerivativeError(
                four_parts(
                    f"{what} of a Variable would silently lose the derivative",
                    f"x is {self.type!r}",
                    "The result would be ordinary numbers, constants to every derivative, and so would what is assigned to a plain array.",
                    "x.value or x.item() if a constant is meant; else np.stack([x, …]), NumPy's functions instead of math's, wengert.scipy",
                    where=here(),
                )
            )
        return self.value

    def __float__(self) -> float:
        return float(self._converted("float()"))

    def __complex__(self) -> complex:
        return complex(self._converted("complex()"))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._converted("np.asarray()"), dtype, copy=copy)

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __repr__(self) -> str:
        if not isinstance(self._box, Value):
            return super().__repr__()
        text = np.array2string(np.asarray(self.value), precision=8, threshold=20, separator=", ", prefix="Variable(")
        step = self._box.step
        return f"Variable({text}{f', from {step.operation.name}' if step else ', requires_grad=True' if self._box.leaf else ''})"

    def __deepcopy__(self, memo: Any) -> Any:
        return _restored(*self.__reduce__()[1])

    def __reduce__(self) -> Any:
        if not isinstance(self._box, Value) or self._box.step is not None:
            raise TraceError(
                four_parts(
                    "a Variable that was computed cannot be pickled or deep-copied",
                    f"x is {self.type!r}",
                    "Its history belongs to this process.",
                    "x.detach(), or x.value",
                    here(),
                )
            )
        return _restored, (self.value, self.requires_grad, self.grad)

    # -- derivatives -----------------------------------------------------------------------------

    @property
    def is_leaf(self) -> bool:
        """Whether it was not computed from Variables that require a gradient."""
        return isinstance(self._box, Value) and self._box.step is None

    @property
    def requires_grad(self) -> bool:
        """Whether a derivative reaches a Variable from here. Can be set where nothing was computed."""
        return not isinstance(self._box, Value) or self._box.remembers

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not self.is_leaf:
            raise ArgumentError(
                four_parts(
                    "requires_grad can be set only of a Variable that was not computed from others",
                    f"x is {self!r}"[:200],
                    "What it was computed from decides.",
                    "x.detach(), or wengert.no_grad() around the computation",
                    here(),
                )
            )
        made = Variable(self.value, bool(wanted))
        self._leaf = self._leaf or made._leaf
        self._box = Value(self.type, made.value, self._leaf if wanted else None)

    @property
    def grad(self) -> Any:
        """The gradients summed so far; None before the first, and of what was computed."""
        return None if self._leaf is None else self._leaf.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self._leaf is None:
            raise ArgumentError(
                four_parts("only a Variable made by wengert.Variable has a gradient to set", f"x is {self!r}"[:200], where=here())
            )
        self._leaf.grad = None if value is None else conform(value, self.type, "gradient")

    def zero_grad(self) -> None:
        """Forget the gradient: `grad` is None, as after `zero_grad` of PyTorch's optimizers."""
        self.grad = None

    def backward(self, gradient: Any = None, retain_graph: bool = False, create_graph: bool = False) -> None:
        """Add the gradient of this value to `grad` of every Variable that it was computed from.

        Parameters
        ----------
        gradient : array, optional
            The cotangent v, of the shape of this value: `grad` receives vᵀJ. It may be left out of one real number.
        retain_graph : bool
            Keep the history, for another `backward` through it.
        create_graph : bool
            The gradients are Variables with a history, to be differentiated in turn; the history is kept.

        Raises
        ------
        DerivativeError
            If there is nothing to differentiate by, or the cotangent is missing.
        SpentGraphError
            If an earlier `backward` without `retain_graph` has been here.
        ShapeError
            If the cotangent has another shape.
        """
        box = self._box
        if not isinstance(box, Value):
            raise TraceError(four_parts("backward() inside a function that is being traced", f"y is {self.type!r}", where=here()))
        if not box.remembers:
            raise DerivativeError(
                four_parts(
                    "backward() of a value that depends on no Variable that requires a gradient",
                    f"y is {self!r}"[:200],
                    "Constants, detached values and what is computed in no_grad have no history.",
                    "compute it from a Variable, outside no_grad",
                    here(),
                )
            )
        seed = self._seed(gradient)
        steps = history([box.step] if box.step is not None else [], not_spent)
        function, arguments, leaves = laid_down(steps, box)
        given = [_variable(a) if isinstance(a, Value) and create_graph else _known(a) for a in arguments]
        mask = (True,) * len(leaves) + (False,) * (len(arguments) - len(leaves))
        if seed is None:
            results = apply(linearize.gradient(function, mask), given)
        else:
            results = apply(linearize.vjp(function, mask), [*given, seed if create_graph else _known(seed)])
        if box.step is not None and box.step.single and box.step.results is None:
            box.step.results = (frozen(_known(results[0])),)
        if not (retain_graph or create_graph):
            where = here()
            for step in steps:
                step.spend(where)
        _sums.add(leaves, results[1:])

    def _seed(self, v: Any) -> Any:
        if v is not None:
            return conform(v if isinstance(v, Variable) else np.asarray(v), self.type, "cotangent")
        if self.type.shape or self.type.dtype.kind != "f":
            raise DerivativeError(
                four_parts(
                    "backward() without a cotangent needs one real number",
                    f"y is {self.type!r}",
                    "Several numbers, and complex ones, have a gradient only together with a cotangent v: it is vᵀJ.",
                    "y.backward(v) with v of the shape of y; or np.sum(y).backward()",
                    here(),
                )
            )
        return None


def _remembered(get: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(x: Any) -> Any:
        with remember(True):
            return get(x)

    return read


def _plain(value: Any) -> Any:
    """The NumPy value of what a Variable is to hold, in memory of its own."""
    if isinstance(value, Variable):
        value = value.value
    found = as_value(value if not isinstance(value, (list, tuple)) else np.asarray(value))
    if found is None or isinstance(found, Traced):
        raise ArgumentError(
            four_parts(
                "a Variable is made of numbers",
                f"got {type(value).__name__}: {value!r}"[:200],
                ""
                if found is None
                else "It belongs to a function that is being differentiated, where values have no history of their own.",
                "pass an array, a number or nested lists of numbers" if found is None else "use it as it is",
                here(),
            )
        )
    return frozen(np.array(found)[()])


def _restored(value: Any, requires_grad: bool, grad: Any) -> Variable:
    out = Variable(value, requires_grad)
    out.grad = grad
    return out


def _known(a: Any) -> Any:
    return a.known() if isinstance(a, Value) else a.value if isinstance(a, Variable) else a


def no_grad(f: Callable[..., Any] | None = None) -> Any:
    """Let what is computed from Variables inside not be remembered, for this thread or task; a decorator as well.

    Use it to change Variables in place, and where values are wanted and no derivatives: it takes no memory. Derivatives by
    `grad` and its kin are not concerned.

    Examples
    --------
    >>> import wengert as wg
    >>> x = wg.Variable(3.0)
    >>> (x * x).backward()
    >>> with wg.no_grad():
    ...     x -= 0.1 * x.grad
    >>> x
    Variable(2.4, requires_grad=True)
    """
    manager = remember(False)
    return manager if f is None else manager(f)
