"""Variables, literals, equations, functions: the nouns of the IR.

Knows types and operations only as opaque records. Start at `Function`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from wengert.ir.operation import Operation
from wengert.ir.types import ArrayType, Type, array_type, type_of
from wengert.source import Span


class Traced:
    """Base of everything that stands for a value not yet known: the IR's `Var`, the front end's `Tracer`."""

    __slots__ = ()
    type: Type

    def bind(self, operation: Operation, operands: tuple[Any, ...]) -> Any:
        """Record `operation` where this value lives."""
        raise NotImplementedError


def _operator(role: str, swap: bool = False) -> Any:
    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, (Traced, Literal, np.ndarray, np.generic, int, float, complex)):
            return NotImplemented
        a, b = like(self, other)
        return ROLES[role](b, a) if swap else ROLES[role](a, b)

    return method


def like(a: Atom, other: Any) -> tuple[Atom, Atom]:
    """Give a number written in a rule the shape and dtype of the variable beside it."""
    if isinstance(other, (int, float, complex)) and not isinstance(other, np.generic):
        other = splat(other, a.type)
    elif isinstance(other, np.ndarray | np.generic):
        other = literal(other)
    return a, other


# Operations that fill a role which engines and the operators below refer to: add, mul, zeros, …
ROLES: dict[str, Any] = {}


class Arithmetic:
    """The strict operators that derivative rules are written with.

    Shapes and dtypes must agree; plain Python numbers take those of the variable or literal beside them.
    """

    __slots__ = ()
    __array_ufunc__ = None  # NumPy arrays on the left give way

    __add__ = _operator("add")
    __radd__ = _operator("add", swap=True)
    __sub__ = _operator("sub")
    __rsub__ = _operator("sub", swap=True)
    __mul__ = _operator("mul")
    __rmul__ = _operator("mul", swap=True)
    __truediv__ = _operator("div")
    __rtruediv__ = _operator("div", swap=True)
    __lt__ = _operator("less")
    __le__ = _operator("less_equal")
    __gt__ = _operator("greater")
    __ge__ = _operator("greater_equal")
    __and__ = _operator("logical_and")
    __or__ = _operator("logical_or")

    def __neg__(self) -> Any:
        return ROLES["neg"](self)

    def __invert__(self) -> Any:
        return ROLES["logical_not"](self)

    def __bool__(self) -> bool:
        raise AssertionError("a rule branched on a variable; rules may look at types and literals only")


class Literal(Arithmetic):
    """A constant in the program: a scalar that fills its type's shape, or an array of that shape."""

    __slots__ = ("type", "value")

    def __init__(self, value: Any, type: ArrayType) -> None:
        self.value = value
        self.type = type

    @property
    def is_splat(self) -> bool:
        """Whether one scalar stands for the whole array."""
        return not isinstance(self.value, np.ndarray)

    def array(self) -> Any:
        """The full array; a NumPy scalar when 0-d."""
        if not self.is_splat:
            return self.value
        return np.full(self.type.shape, self.value, self.type.dtype) if self.type.shape else self.value

    def is_value(self, number: float) -> bool:
        """Whether it is this number throughout, known without looking at an array."""
        return self.is_splat and bool(self.value == number)

    def __repr__(self) -> str:
        return f"Literal({self.value!r}: {self.type!r})"


class Equation:
    """outs = operation(operands), with the user's line it comes from."""

    __slots__ = ("operands", "operation", "outs", "span")

    def __init__(self, operation: Operation, operands: tuple[Atom, ...], outs: tuple[Var, ...], span: Span | None) -> None:
        self.operation = operation
        self.operands = operands
        self.outs = outs
        self.span = span

    def __repr__(self) -> str:
        return f"{', '.join(map(repr, self.outs))} = {self.operation!r} {', '.join(map(repr, self.operands))}"


class Var(Arithmetic, Traced):
    """A variable: a type and an identity."""

    __slots__ = ("type",)

    def __init__(self, type: Type) -> None:
        self.type = type

    @property
    def shape(self) -> tuple[int, ...]:
        return self.type.shape  # type: ignore[union-attr]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.type.dtype  # type: ignore[union-attr]

    @property
    def ndim(self) -> int:
        return self.type.ndim  # type: ignore[union-attr]

    def __repr__(self) -> str:
        return f"v{id(self) % 100000:05d}: {self.type!r}"


Atom = Var | Literal


def literal(value: Any) -> Literal:
    """The literal of a concrete array or number."""
    type = type_of(value)
    return Literal(value if isinstance(value, np.ndarray) and value.ndim else type.dtype.type(value), type)


def splat(value: Any, type: Any) -> Literal:
    """The literal that is `value` throughout an array type."""
    return Literal(type.dtype.type(value), type)


class Function:
    """A program: inputs, equations in order, outputs. Immutable; transformations make new ones.

    Functions compare by identity. What is derived from one is remembered in `memo`, so a
    transformation of the same Function is done once.
    """

    __slots__ = ("__weakref__", "equations", "inputs", "memo", "name", "outputs")

    def __init__(self, inputs: Iterable[Var], equations: Iterable[Equation], outputs: Iterable[Atom], name: str = "f") -> None:
        self.inputs = tuple(inputs)
        self.equations = tuple(equations)
        self.outputs = tuple(outputs)
        self.name = name
        self.memo: dict[Any, Any] = {}

    @property
    def in_types(self) -> tuple[Type, ...]:
        return tuple([v.type for v in self.inputs])

    @property
    def out_types(self) -> tuple[Type, ...]:
        return tuple([v.type for v in self.outputs])

    def __reduce__(self) -> Any:
        return Function, (self.inputs, self.equations, self.outputs, self.name)

    def __repr__(self) -> str:
        from wengert.ir.printer import print_function

        return print_function(self)


def has_effect(operation: Operation) -> bool:
    """Whether the operation, or one in a Function that it holds, is an effect."""
    return operation.effect or bool(operation.fields) and any([acts(f) for f in operation.functions()])


def acts(function: Function) -> bool:
    """Whether something happens when the Function runs besides that it gives its results."""
    found: bool | None = function.memo.get("acts")
    if found is None:
        found = function.memo["acts"] = any([has_effect(e.operation) for e in function.equations])
    return found


def zero_literal(type: ArrayType) -> Literal:
    """The zero of an array type."""
    return Literal(type.dtype.type(0), type)


def scalar_type(dtype: Any) -> ArrayType:
    return array_type((), np.dtype(dtype))
