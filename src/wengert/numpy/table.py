"""Which function of ours stands for which function of NumPy or SciPy, and namespaces made from that.

One table serves three doors: `__array_ufunc__`, `__array_function__` and `wengert.numpy`. A
function that is not in the table is refused by name. Start at `implements` and `dispatch`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.errors import UnknownFunctionError, four_parts
from wengert.numpy.promote import as_operand, contains_traced, convert, dtype_of, innermost, result_dtypes, shape_of
from wengert.numpy.promote import elementwise as _elementwise
from wengert.source import here

IMPLEMENTATIONS: dict[Any, Callable[..., Any]] = {}


def implements(*functions: Any) -> Callable[[Any], Any]:
    """Register the lenient implementation of NumPy or SciPy functions."""

    def register(implementation: Any) -> Any:
        for function in functions:
            IMPLEMENTATIONS[function] = implementation
        return implementation

    return register


class Ufunc:
    """The lenient form of an elementwise primitive: NumPy's promotion and broadcasting, keywords refused by name."""

    __slots__ = ("primitive", "ufunc")

    def __init__(self, primitive: Any, ufunc: Any) -> None:
        self.primitive, self.ufunc = primitive, ufunc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            return with_keywords(self, args, kwargs)
        return _elementwise(self.primitive, self.ufunc, *args)


class Composite(Ufunc):
    """A ufunc made from other functions, with the keywords of any ufunc."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return with_keywords(self, args, kwargs) if kwargs else self.primitive(*args)


def composite(*ufuncs: Any) -> Callable[[Any], Any]:
    """Register a function of the operands alone as ufuncs."""

    def register(implementation: Any) -> Any:
        for ufunc in ufuncs:
            IMPLEMENTATIONS[ufunc] = Composite(implementation, ufunc)
        return implementation

    return register


def with_keywords(function: Ufunc, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc with keywords: `where` and `dtype` are carried out, `out` is refused."""
    if kwargs.pop("out", None) is not None:
        refuse_out(function.ufunc)
    dtype, where = kwargs.pop("dtype", None), kwargs.pop("where", True)
    for harmless, default in (("casting", "same_kind"), ("order", "K"), ("subok", True)):
        if kwargs.get(harmless, default) == default:
            kwargs.pop(harmless, None)
    if kwargs or where is not True:
        name = next(iter(kwargs), "where")
        raise UnknownFunctionError(
            four_parts(f"np.{function.ufunc.__name__}(…, {name}=) cannot be traced", where=here(), instead="leave it out, or use np.where")
        )
    if dtype is not None:
        operands = [as_operand(a) for a in args]
        dtypes = result_dtypes(function.ufunc, tuple([dtype_of(a) for a in operands]), np.dtype(dtype))
        args = tuple([convert(a, d, shape_of(a), innermost(operands)) for a, d in zip(operands, dtypes, strict=False)])
    return function(*args)


def refuse_out(function: Any) -> Any:
    """Raise: `out=` writes into an array that a trace cannot see change."""
    raise UnknownFunctionError(
        four_parts(
            f"np.{getattr(function, '__name__', function)}(…, out=) cannot be traced",
            why="The array given as `out` would change behind the trace's back.",
            instead="use the returned array: y = np.add(a, b)",
            where=here(),
        )
    )


def elementwise(cls: Any, *ufuncs: Any) -> None:
    """Register a primitive class under its own ufunc, and others of the same meaning."""
    for ufunc in (cls.ufunc, *ufuncs):
        IMPLEMENTATIONS[ufunc] = Ufunc(cls(), ufunc)


def lookup(function: Any) -> Callable[..., Any]:
    """The implementation of a NumPy or SciPy function; refused by name if there is none."""
    found = IMPLEMENTATIONS.get(function)
    if found is None:
        load_for(function)
        found = IMPLEMENTATIONS.get(function)
    if found is None:
        module = getattr(function, "__module__", None) or ("numpy" if isinstance(function, np.ufunc) else "")
        name = f"{module}.{getattr(function, '__name__', function)}".lstrip(".").replace("numpy._core.fromnumeric", "numpy")
        raise UnknownFunctionError(
            four_parts(
                f"{name} has no derivative rule",
                why="A function that wengert does not know would be treated as a constant, and the derivative be wrong.",
                instead="write it with other NumPy functions, or give it a rule with wengert.custom_jvp or custom_vjp",
                where=here(),
            )
        )
    return found


# How a call with traced arguments goes on: set by the room that traces.
ENTRANCE: list[Callable[..., Any]] = [lambda function, args, kwargs: lookup(function)(*args, **kwargs)]

# Set by wengert.numpy and wengert.scipy: each imports the modules that may know a function.
LOADERS: list[Callable[[Any], bool]] = []

# Set by wengert.scipy: namespaces that SciPy's own functions look for beside NumPy's, and their modules.
EXTENSIONS: dict[str, str] = {}


# The names that `wengert.numpy` has and NumPy has not.
OWN = frozenset({"at"})


def load_for(function: Any) -> None:
    """Import the modules that may know this function: ours for NumPy all at once, a family of SciPy's."""
    for loader in LOADERS:
        loader(function)


def dispatch(function: Any) -> Callable[..., Any]:
    """`function` on plain arguments, its implementation here as soon as one is traced."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if contains_traced(args) or (kwargs and contains_traced(kwargs)):
            return ENTRANCE[-1](function, args, kwargs)
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = getattr(function, "__name__", "function")
    call.__doc__ = getattr(function, "__doc__", None)
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


class Namespace(types.ModuleType):
    """A drop-in for a NumPy or SciPy module: its functions dispatch, its constants and types pass through."""

    def __init__(self, name: str, original: Any, own: dict[str, Any] | None = None) -> None:
        super().__init__(name, original.__doc__)
        self.__dict__["_original"] = original
        self.__dict__.update(own or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = member(self.__dict__["_original"], name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *dir(self.__dict__["_original"])})


def member(original: Any, name: str) -> Any:
    """An attribute of the original module, made to dispatch if it is a function."""
    value = getattr(original, name)
    if isinstance(value, (np.ufunc, types.FunctionType, types.BuiltinFunctionType)) or type(value).__name__ == "_ArrayFunctionDispatcher":
        return dispatch(value)
    return value
