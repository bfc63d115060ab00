"""The arguments of a call to a compiled function: which are data, which decide what the program is.

Arrays, NumPy scalars and floats are data, known to the program by type. Strings, functions and other hashable things
are static: another one is another program. Python's ints and bools, and NumPy's, are data until the function needs
to know them. Start at `Arguments`.
"""

from __future__ import annotations

import enum
import inspect
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import as_value
from wengert.config import settings
from wengert.errors import ArgumentError, four_parts
from wengert.ir.types import ArrayType, array_type, type_of
from wengert.ir.values import Traced
from wengert.source import here
from wengert.trace.record import name_of

_WEAK = {
    float: array_type((), np.dtype(np.float64)),
    complex: array_type((), np.dtype(np.complex128)),
    int: array_type((), np.dtype(np.int64)),
    bool: array_type((), np.dtype(np.bool_)),
}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class Spec:
    """The shape and dtype of an argument without its values."""

    __slots__ = ("type",)

    def __init__(self, type: ArrayType) -> None:
        self.type = type

    shape = property(lambda self: self.type.shape)
    dtype = property(lambda self: self.type.dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.type)

    def __repr__(self) -> str:
        return f"spec({self.type.shape}, {self.type.dtype.name!r})"


class Static:
    """An argument that is no data and no container, whatever it is made of."""

    __slots__ = ("key", "value")

    def __init__(self, value: Any, key: Any) -> None:
        self.value, self.key = value, key


_PLAIN = frozenset({np.ndarray, np.float64, Spec, Static, *_WEAK})  # leaves, whatever the containers are


class Weakly:
    """Makes a type one that a Python number has: it gives way to others in promotion."""

    __slots__ = ("type",)

    def __init__(self, type: ArrayType) -> None:
        self.type = type


_weakly: dict[ArrayType, Weakly] = {}


def weakly(type: ArrayType) -> Weakly:
    """The one weak type of this type."""
    return _weakly.get(type) or _weakly.setdefault(type, Weakly(type))


_WEAKLY = {kind: weakly(t) for kind, t in _WEAK.items()}


class StaticKey:
    """What a static leaf is known by: two that are equal give the same program."""

    __slots__ = ("key", "kind")

    def __init__(self, kind: type, key: Any) -> None:
        self.kind, self.key = kind, key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticKey) and self.kind is other.kind and bool(self.key == other.key)

    def __hash__(self) -> int:
        return hash((self.kind, self.key))

    def is_gone(self) -> bool:
        """Whether the object it stands for no longer exists."""
        return isinstance(self.key, weakref.ref) and self.key() is None

    def __repr__(self) -> str:
        return repr(self.key() if isinstance(self.key, weakref.ref) else self.key)[:80]


def static_key(x: Any) -> Any:
    """By value, types told apart; objects that are equal to themselves only are not kept alive by it."""
    cls = type(x)
    if cls in (float, complex):
        return StaticKey(cls, repr(x))
    if cls is tuple:
        return StaticKey(cls, tuple([static_key(item) for item in x]))
    hash(x)
    if cls.__hash__ is object.__hash__ and cls.__eq__ is object.__eq__:
        try:
            return StaticKey(cls, weakref.ref(x))
        except TypeError:  # this kind has no weak references
            pass
    return StaticKey(cls, x)


class _Same:
    """Equal to itself, whatever the object it holds says of equality."""

    __slots__ = ("held",)

    def __init__(self, held: Any) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)


def identity_key(x: Any) -> StaticKey:
    """By identity."""
    cls = type(x)
    if cls.__hash__ is object.__hash__ and cls.__eq__ is object.__eq__:
        return static_key(x)  # type: ignore[no-any-return]
    return StaticKey(cls, _Same(x))


class Arguments:
    """The leaves of one call.

    leaves, structure: the arguments, flattened; structure is None where no argument is a container
    kinds:             one a leaf: ArrayType, Weakly, or StaticKey
    """

    __slots__ = ("key", "kinds", "leaves", "structure")

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.leaves: Sequence[Any]
        if kwargs or any([type(a) not in _PLAIN and not isinstance(a, (Traced, np.generic)) for a in args]):
            self.leaves, self.structure = tree.flatten((args, kwargs))
        else:
            self.leaves, self.structure = args, None
        self.kinds = [_kind(leaf) or self._other(f, i, leaf) for i, leaf in enumerate(self.leaves)]
        s = settings()
        self.key = (self.structure, s.strong_zero, s.debug_nans, *self.kinds)

    def _other(self, f: Callable[..., Any], position: int, leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            value = as_value(leaf)
            if value is not None:
                return type_of(value)
            raise ArgumentError(
                four_parts(
                    f"an array of dtype {leaf.dtype} cannot be an argument of a compiled function",
                    f"{self.name(f, position)} of {name_of(f)} is {leaf.dtype}[{','.join(map(str, leaf.shape))}]",
                    "Programs compute with real and complex floats, integers and bools.",
                    "x.astype(float), or static_argnums with a tuple instead of an array",
                    here(),
                )
            )
        if isinstance(leaf, (int, float, complex)) and not isinstance(leaf, enum.Enum):
            value = as_value(leaf)
            if value is not None:
                return weakly(type_of(value))
        try:
            return static_key(leaf)
        except TypeError:
            raise ArgumentError(
                four_parts(
                    f"a {type(leaf).__name__} cannot be an argument of a compiled function",
                    f"{self.name(f, position)} of {name_of(f)} is {leaf!r}"[:200],
                    "It is no array, number or container of them, and it has no hash by which a program made for it could be found again.",
                    "give its class __hash__, make it a dataclass, or close over it",
                    here(),
                )
            ) from None

    def name(self, f: Callable[..., Any], position: int) -> str:
        """How the caller would write this leaf: `x['w'][0]`."""
        if self.structure is None:
            return _parameter(f, position)
        path = tree.paths(self.structure)[position]
        if path.startswith("[0]["):
            number, _, rest = path[4:].partition("]")
            return _parameter(f, int(number)) + rest
        word, _, rest = path[4:].partition("]")
        return word.strip("'\"") + rest

    def fill(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and named arguments with these leaves."""
        if self.structure is None:
            return tuple(leaves), {}
        return tree.unflatten(self.structure, leaves)  # type: ignore[no-any-return]


def _parameter(f: Callable[..., Any], position: int) -> str:
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return f"argument {position}"
    for i, parameter in enumerate(parameters):
        if parameter.kind is parameter.VAR_POSITIONAL:
            return f"{parameter.name}[{position - i}]"
        if i == position:
            return parameter.name
    return f"argument {position}"


def _kind(leaf: Any) -> Any:
    """The type of a leaf that is data; None for a leaf to look at more closely."""
    cls = type(leaf)
    if cls is np.ndarray:
        return array_type(leaf.shape, leaf.dtype) if leaf.dtype.kind in "fciub" else None
    if cls in _WEAKLY:
        if cls is int and not _SMALLEST <= leaf <= _LARGEST:
            return None
        return _WEAKLY[cls]
    if isinstance(leaf, Traced):
        return weakly(leaf.type) if getattr(leaf, "weak", False) else leaf.type  # type: ignore[arg-type]
    if isinstance(leaf, np.generic):
        return array_type((), leaf.dtype) if leaf.dtype.kind in "fciub" else None
    if cls is Spec:
        return leaf.type
    if cls is Static:
        return leaf.key
    return None


def type_of_kind(kind: Any) -> ArrayType:
    """The array type of a kind that is data."""
    return kind.type if type(kind) is Weakly else kind  # type: ignore[no-any-return]


def may_be_pinned(leaf: Any, kind: Any) -> bool:
    """Whether the leaf is one integer or bool, which becomes static where the function needs to know it."""
    if type(kind) is StaticKey:
        return False
    t = type_of_kind(kind)
    return not t.shape and t.dtype.kind in "iub" and isinstance(leaf, (int, np.generic, Traced))


def conform(leaf: Any) -> Any:
    """A leaf that is data, as a traced value or as memory that native code may read: contiguous, aligned, native byte order."""
    if isinstance(leaf, Traced):
        return leaf
    value = as_value(leaf)
    if isinstance(value, np.ndarray) and not (value.flags.c_contiguous and value.flags.aligned):
        value = np.array(value, order="C", copy=True)
    return value
