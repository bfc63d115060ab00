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
from wengert.trace import boxes
from wengert.trace.tape import Latest, constant

_NUMBERS = (int, float)


def _make(tape: Any, var: Var) -> Tracer:
    out = Tracer.__new__(Tracer)
    out.tape = tape
    out.atom = var
    out.type = var.type  # type: ignore[assignment]
    out.level = tape.level
    out.born = Latest.level
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


def _in_place(name: str, ufunc: Any) -> Any:
    """`x += y`: into the array, as NumPy does; a number is replaced by a new one."""
    method = f"__{name}__"

    def update(self: Tracer, other: Any) -> Any:
        out = getattr(self, method)(other)
        if not self.type.shape and self.is_number or out is NotImplemented:
            return out
        boxes.refuse_read_only(self)
        if not isinstance(other, (list, tuple)):
            boxes.require_castable(ufunc, (self, other), self)
        boxes.replace(self, boxes.fit(out, self))
        return self

    return update


def _unary(ufunc: Any) -> Any:
    lenient = IMPLEMENTATIONS[ufunc]

    def method(self: Tracer) -> Any:
        out = lenient(self)
        return (out.snapshot() if out is self else out)._weakly(self.weak)

    return method


def _function(function: Any) -> Any:
    """A method that is the NumPy function of the same meaning with self first."""

    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return call(function, (self, *args), kwargs)

    method.__name__ = function.__name__
    method.__doc__ = f"As np.{function.__name__}."
    return method


class Tracer(Traced):
    """An array whose operations are recorded. It quacks like numpy.ndarray; what it cannot do it refuses."""

    __slots__ = ("__weakref__", "atom", "base", "born", "frozen", "level", "origin", "tape", "type", "views", "weak")
    tape: Any
    atom: Var
    type: ArrayType
    level: int
    born: int  # the level of the run that had begun last when this was made
    weak: bool
    __array_priority__ = 1000.0
    is_number = True  # where it has no shape: `x += y` makes a new one, as of NumPy's scalars

    def bind(self, operation: Any, operands: tuple[Any, ...]) -> Any:
        return self.tape.bind(operation, operands, _make)

    def snapshot(self) -> Tracer:
        """A box of its own with what this one holds now."""
        out = _make(self.tape, self.atom)
        out.weak = self.weak
        return out

    @staticmethod
    def of(tape: Any, var: Var) -> Tracer:
        """The traced value of a variable of a tape."""
        return _make(tape, var)

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
    strides = property(lambda self: boxes.memory(self).strides)
    T = property(lambda self: call(np.transpose, (self,), {}))
    mT = property(lambda self: call(np.swapaxes, (self, -1, -2), {}))
    real = property(lambda self: call(np.real, (self,), {}))
    imag = property(lambda self: call(np.imag, (self,), {}))
    at = property(lambda self: At(self))
    flat = property(boxes.flat)

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError("len() of a 0-d traced array")
        return self.type.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.type.shape:
            raise TypeError("iteration over a 0-d traced array")
        return iter([self[i] for i in range(self.type.shape[0])])

    def __getitem__(self, index: Any) -> Any:
        out = getitem(self, index)
        if out.type.shape and boxes.is_basic(index):
            return boxes.item_view(self, index, out)
        return out.snapshot() if out is self else out

    def __setitem__(self, index: Any, value: Any) -> None:
        boxes.setitem(self, index, value)

    # -- operators -----------------------------------------------------------------------------

    __add__, __radd__ = _binary(arith.add, np.add), _binary(arith.add, np.add, True)
    __sub__, __rsub__ = _binary(arith.sub, np.subtract), _binary(arith.sub, np.subtract, True)
    __mul__, __rmul__ = _binary(arith.mul, np.multiply), _binary(arith.mul, np.multiply, True)
    __truediv__, __rtruediv__ = _binary(arith.div, np.divide), _binary(arith.div, np.divide, True)
    __lt__, __le__ = _binary(arith.less, np.less), _binary(arith.less_equal, np.less_equal)
    __gt__, __ge__ = _binary(arith.greater, np.greater), _binary(arith.greater_equal, np.greater_equal)
    __eq__, __ne__ = _binary(arith.equal, np.equal), _binary(arith.not_equal, np.not_equal)  # type: ignore[assignment]
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

    def __hash__(self) -> int:
        if self.type.shape:
            raise TypeError("unhashable type: a traced array")
        return hash(self.concrete())

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
        return self.snapshot()

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self.snapshot()

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
        if any([type(x) is not Tracer and getattr(x, "__array_priority__", 0.0) > self.__array_priority__ for x in inputs]):
            return NotImplemented
        if method == "__call__":
            return call(ufunc, inputs, kwargs)
        if method == "at":
            return writers.at(ufunc, *inputs)
        from wengert.numpy.ufunc_methods import ufunc_method

        out = kwargs.pop("out", None)
        result = ufunc_method(ufunc, method, *inputs, **kwargs)
        return result if out is None else writers.into(out, result)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call(function, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        import wengert.numpy

        return wengert.numpy

    # -- ndarray's methods -------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return call(np.reshape, (self, shape[0] if len(shape) == 1 else shape), {"order": order})

    def transpose(self, *axes: Any) -> Any:
        return call(np.transpose, (self, (axes[0] if len(axes) == 1 else axes) if axes else None), {})

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """The values in another dtype; a cast to integers ends the derivative, as truncation does."""
        from wengert.primitives.shape import cast

        out = cast(self, dtype)
        return self.snapshot() if out is self else out

    def flatten(self, order: str = "C") -> Any:
        out = lookup(np.ravel)(self, order=order)
        return out.snapshot() if out is self else out

    def copy(self, order: str = "C") -> Any:
        return self.snapshot()

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, **keywords: Any) -> None:
        boxes.refuse_read_only(self)
        boxes.replace(self, lookup(np.sort)(self, axis=axis))

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
ASSIGNING: dict[str, np.ufunc] = {  # operators that assign, by what they do
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}
for _symbol, _ufunc in ASSIGNING.items():
    setattr(Tracer, f"__i{_symbol}__", _in_place(_symbol, _ufunc))


def tracer(tape: Any, var: Var, weak: bool = False) -> Tracer:
    """The traced value of a variable of a tape."""
    return _make(tape, var)._weakly(weak)


# -- NumPy's functions ---------------------------------------------------------------------------------


def call(function: Any, args: Any, kwargs: Any) -> Any:
    """A function of NumPy's or SciPy's on traced values: what it gives is an array of its own, a view, or written into `out`."""
    if not kwargs and type(function) is np.ufunc:  # the common case, quickly
        result = (IMPLEMENTATIONS.get(function) or lookup(function))(*args)
        return result.snapshot() if result is args[0] else result
    if kwargs.get("out") is not None:
        return writers.call_into(lookup(function), function, args, kwargs)
    result = lookup(function)(*args, **kwargs)
    if isinstance(result, Tracer):
        if function in SAME:
            return result
        if function in VIEWS and isinstance(args[0] if args else None, Tracer):
            return VIEWS[function](args[0], result, function, args, kwargs)
        if any([result is a for a in args]):
            return result.snapshot()
    elif function in PARTS and isinstance(args[0], Tracer):
        return writers.parts(args[0], result, function, args, kwargs)
    return result


from wengert.trace import writers  # noqa: E402  (it names functions that act on Tracer)
from wengert.trace.writers import PARTS, SAME, VIEWS  # noqa: E402

table.ENTRANCE.append(call)
