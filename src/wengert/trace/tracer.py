"""The value that a traced function sees: an array by NumPy's protocols, of which only the type is known at first.

Knows the numpy room, through its table. Start at `Tracer`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

import wengert.scipy  # noqa: F401  (its loader: SciPy's ufuncs may meet a traced value)
from wengert.errors import CutDerivativeError, TraceError, four_parts
from wengert.ir.types import ArrayType
from wengert.ir.values import Traced, Var
from wengert.numpy import table
from wengert.numpy.indexing import At, getitem
from wengert.numpy.operators import power
from wengert.numpy.table import IMPLEMENTATIONS, lookup
from wengert.primitives import arith
from wengert.source import here
from wengert.trace.tape import constant

_NUMBERS = (int, float)


def _make(tape: Any, var: Var) -> Tracer:
    out = Tracer.__new__(Tracer)
    out.tape = tape
    out.atom = var
    out.type = var.type  # type: ignore[assignment]
    out.level = tape.level
    out.weak = False
    return out


def _binary(primitive: Any, ufunc: Any, swap: bool = False) -> Any:
    lenient = IMPLEMENTATIONS[ufunc]
    loops = frozenset([types[0] for types in ufunc.types if types[0] == types[1] and types[0] in np.typecodes["AllFloat"]])

    def method(self: Tracer, other: Any) -> Any:
        kind = type(other)
        if kind is Tracer:
            if other.type is self.type and self.type.dtype.char in loops:
                return (primitive(other, self) if swap else primitive(self, other))._weakly(self.weak and other.weak)
        elif kind in _NUMBERS:
            if self.type.dtype.char in loops:
                number = constant(other, self.type)
                out = self.tape.bind(primitive, (number, self) if swap else (self, number), _make)
                out.weak = self.weak
                return out
        elif not isinstance(other, (np.ndarray, np.generic, complex, bool, Traced, list, tuple, int, float)):
            return NotImplemented
        out = lenient(other, self) if swap else lenient(self, other)
        return out._weakly(self.weak and (kind in (int, float, complex, bool) or getattr(other, "weak", False)))

    return method


def _unary(ufunc: Any) -> Any:
    lenient = IMPLEMENTATIONS[ufunc]

    def method(self: Tracer) -> Any:
        return lenient(self)._weakly(self.weak)

    return method


def _function(function: Any) -> Any:
    """A method that is the NumPy function of the same meaning with self first."""

    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return lookup(function)(self, *args, **kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"As np.{function.__name__}."
    return method


class Tracer(Traced):
    """An array whose operations are recorded. It quacks like numpy.ndarray; what it cannot do it refuses."""

    __slots__ = ("atom", "level", "tape", "type", "weak")
    tape: Any
    atom: Var
    type: ArrayType
    level: int
    weak: bool
    __array_priority__ = 1000.0

    def bind(self, operation: Any, operands: tuple[Any, ...]) -> Any:
        return self.tape.bind(operation, operands, _make)

    def lift(self, value: Any) -> Any:
        """A NumPy value as a constant input of the trace this value lives in."""
        return _make(self.tape, self.tape.capture(value))

    def _weakly(self, weak: bool) -> Tracer:
        self.weak = weak
        return self

    def example(self) -> Any:
        """A value that this can have: its own, or in lanes and loops that of the first; None if there is none."""
        return self.tape.example(self.atom)

    def concrete(self) -> Any:
        """The value as a NumPy array or scalar; an error where only the type is known."""
        return self.tape.value(self.atom)

    # -- what an array knows of itself -------------------------------------------------------

    shape = property(lambda self: self.type.shape)
    dtype = property(lambda self: self.type.dtype)
    ndim = property(lambda self: self.type.ndim)
    size = property(lambda self: self.type.size)
    itemsize = property(lambda self: self.type.dtype.itemsize)
    nbytes = property(lambda self: self.type.dtype.itemsize * self.type.size)
    device = "cpu"
    T = property(lambda self: lookup(np.transpose)(self))
    mT = property(lambda self: lookup(np.swapaxes)(self, -1, -2))
    real = property(lambda self: lookup(np.real)(self))
    imag = property(lambda self: lookup(np.imag)(self))
    at = property(lambda self: At(self))
    flat = property(lambda self: lookup(np.ravel)(self))

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError("len() of a 0-d traced array")
        return self.type.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.type.shape:
            raise TypeError("iteration over a 0-d traced array")
        return iter([self[i] for i in range(self.type.shape[0])])

    def __getitem__(self, index: Any) -> Any:
        return getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TraceError(
            four_parts(
                "a traced array cannot be assigned to in place",
                f"x[{index!r}] = …, x is {self.type!r}",
                "The recorded operations are functions of values, and plain Python gives no way to see every alias of x.",
                f"x = x.at[{index!r}].set(value)",
                where=here(),
            )
        )

    # -- operators -----------------------------------------------------------------------------

    __add__, __radd__ = _binary(arith.add, np.add), _binary(arith.add, np.add, True)
    __sub__, __rsub__ = _binary(arith.sub, np.subtract), _binary(arith.sub, np.subtract, True)
    __mul__, __rmul__ = _binary(arith.mul, np.multiply), _binary(arith.mul, np.multiply, True)
    __truediv__, __rtruediv__ = _binary(arith.div, np.divide), _binary(arith.div, np.divide, True)
    __lt__, __le__ = _binary(arith.less, np.less), _binary(arith.less_equal, np.less_equal)
    __gt__, __ge__ = _binary(arith.greater, np.greater), _binary(arith.greater_equal, np.greater_equal)
    __eq__, __ne__ = _binary(arith.equal, np.equal), _binary(arith.not_equal, np.not_equal)  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    __neg__, __pos__, __abs__, __invert__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute), _unary(np.invert)

    def __pow__(self, other: Any) -> Any:
        if isinstance(other, float) and other == 0.5 and self.type.inexact:
            return lookup(np.sqrt)(self)._weakly(self.weak)  # as NumPy's own operator does
        out = power(self, other)
        return out._weakly(self.weak and isinstance(other, (int, float, complex)))

    def __rpow__(self, other: Any) -> Any:
        return power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return lookup(np.matmul)(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return lookup(np.matmul)(other, self)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __round__(self, digits: int = 0) -> Any:
        return lookup(np.round)(self, digits)

    # -- leaving the trace ---------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self.concrete())

    def __index__(self) -> int:
        if self.type.dtype.kind not in "iub":
            raise TypeError(f"a traced {self.type!r} cannot be used as an index")
        return operator.index(self.concrete())

    def __int__(self) -> int:
        return int(self.concrete())

    def _refuse(self, what: str, instead: str) -> Any:
        raise CutDerivativeError(
            four_parts(
                f"{what} would silently lose the derivative",
                f"x is {self.type!r}",
                "The result would be an ordinary number, a constant to every derivative.",
                instead,
                where=here(),
            )
        )

    def __float__(self) -> float:
        if self.type.dtype.kind in "iub":
            return float(self.concrete())
        return self._refuse(
            "float(x) of a traced value",
            "drop float(), use NumPy's functions instead of math's, or wengert.stop_gradient(x) if x is meant to be constant",
        )  # type: ignore[no-any-return]

    def __complex__(self) -> complex:
        return self._refuse("complex(x) of a traced value", "x + 0j")  # type: ignore[no-any-return]

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        if self.type.dtype.kind in "iub":
            return np.asarray(self.concrete(), dtype)
        return self._refuse(
            "np.asarray(x) or np.array([x, …]) of a traced value",
            "wengert.numpy.asarray(x), wengert.numpy.array([x, …]) or np.stack([x, …])",
        )

    def item(self, *index: Any) -> Any:
        """The element itself, still traced."""
        return lookup(np.ravel)(self)[index[0] if index else 0] if len(index) < 2 else self[index]

    def tolist(self) -> Any:
        """Nested lists of traced scalars."""
        return [row.tolist() if row.ndim else row for row in self] if self.type.shape else self

    def __repr__(self) -> str:
        try:
            value = np.array2string(np.asarray(self.concrete()), precision=8, threshold=20)
        except TraceError:
            value = "?"
        return f"Traced({value}, {self.type!r})"

    def __format__(self, spec: str) -> str:
        return format(self.concrete(), spec) if spec else repr(self)

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    def __reduce__(self) -> Any:
        raise TraceError(
            four_parts(
                "a traced value cannot be pickled",
                f"x is {self.type!r}",
                "It belongs to a run of a function that is going on here.",
                where=here(),
            )
        )

    # -- NumPy's protocols -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None and any(o is not None for o in out):
            table.refuse_out(ufunc)
        if method == "__call__":
            return lookup(ufunc)(*inputs, **kwargs)
        from wengert.numpy.ufunc_methods import ufunc_method

        return ufunc_method(ufunc, method, *inputs, **kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return lookup(function)(*args, **kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import wengert.numpy

        return wengert.numpy

    # -- ndarray's methods -------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return lookup(np.reshape)(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        return lookup(np.transpose)(self, (axes[0] if len(axes) == 1 else axes) if axes else None)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """The values in another dtype; a cast to integers ends the derivative, as truncation does."""
        from wengert.primitives.shape import cast

        return cast(self, dtype)

    def flatten(self, order: str = "C") -> Any:
        return lookup(np.ravel)(self, order=order)

    def copy(self, order: str = "C") -> Any:
        return self

    def fill(self, value: Any) -> None:
        self[...] = value

    def to_device(self, device: str, stream: Any = None) -> Any:
        return self


for _name in [
    "sum",
    "prod",
    "max",
    "min",
    "mean",
    "std",
    "var",
    "any",
    "all",
    "argmax",
    "argmin",
    "cumsum",
    "cumprod",
    "ravel",
    "squeeze",
    "swapaxes",
    "dot",
    "trace",
    "diagonal",
    "clip",
    "round",
    "repeat",
    "take",
    "argsort",
    "searchsorted",
    "choose",
    "compress",
    "nonzero",
    "ptp",
    "conj",
    "conjugate",
]:
    setattr(Tracer, _name, _function(getattr(np, _name)))
Tracer.sort = lambda self, axis=-1, **_: Tracer.__setitem__(self, "sorted", None)  # type: ignore[attr-defined]
for _symbol, _ufunc in {
    "mod": np.remainder,
    "floordiv": np.floor_divide,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}.items():
    _primitive = getattr(IMPLEMENTATIONS[_ufunc], "primitive", None)
    setattr(Tracer, f"__{_symbol}__", _binary(_primitive, _ufunc))
    setattr(Tracer, f"__r{_symbol}__", _binary(_primitive, _ufunc, True))


def tracer(tape: Any, var: Var, weak: bool = False) -> Tracer:
    """The traced value of a variable of a tape."""
    return _make(tape, var)._weakly(weak)
