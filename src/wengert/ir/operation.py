"""An operation: a frozen, interned record of static parameters, with a name by which text finds it.

Knows neither rules nor NumPy functions; `contract.Primitive` adds the rules. Start at `Operation`.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform
from weakref import WeakValueDictionary

from wengert.errors import ContractError, four_parts
from wengert.ir.types import Type

OPERATIONS: dict[str, type[Operation]] = {}


@dataclass_transform(frozen_default=True)
class Operation:
    """Base of all operations.

    A subclass lists its static parameters as annotated attributes, as a dataclass does::

        class Sum(Operation):
            axes: tuple[int, ...]

    `Sum((0,))` is then the same object wherever it is written: parameters are hashed once, at
    construction, and operations compare by identity. (The standard library's dataclass costs
    half a millisecond a class at import, and its hash a microsecond a call.)
    """

    __slots__ = ("__dict__", "__weakref__")
    _interned: ClassVar[WeakValueDictionary[Any, Any]] = WeakValueDictionary()
    name: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {}
    effect: ClassVar[bool] = False  # it has no results: it is there for what happens, once and in order, when the program runs

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = [name for name, kind in cls.__dict__.get("__annotations__", {}).items() if "ClassVar" not in str(kind)]
        cls.fields = (*cls.fields, *(name for name in own if name not in cls.fields))
        cls.defaults = {name: getattr(cls, name) for name in cls.fields if hasattr(cls, name)}
        if not abstract:
            if "name" not in cls.__dict__:
                cls.name = _snake(cls.__name__)
            taken = OPERATIONS.get(cls.name, cls)
            ours = cls.__module__.startswith("wengert.") and not taken.__module__.startswith("wengert.")  # loaded after the user's
            if (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__) and not ours:
                raise ContractError(
                    four_parts(
                        f"there is an operation {cls.name!r} already",
                        f"{taken.__module__}.{taken.__qualname__}",
                        "The text of a program names operations, so a name means one of them.",
                        f'another name for the class, or: name = "{cls.name}_2"',
                    )
                )
            OPERATIONS[cls.name] = cls  # defined again, as in a notebook: the latest counts

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        fields = cls.fields
        if len(args) == len(fields) and not kwargs:
            values = args
        else:
            given = dict(zip(fields, args, strict=False)) | kwargs
            if len(args) > len(fields) or not set(given) <= set(fields):
                raise TypeError(f"{cls.__name__} takes the parameters {fields}, got {args} {kwargs}")
            missing = [name for name in fields if name not in given and name not in cls.defaults]
            if missing:
                raise TypeError(f"{cls.__name__} needs the parameters {missing}")
            values = tuple(given[name] if name in given else cls.defaults[name] for name in fields)
        key = (cls, values, tuple(map(type, values)))  # 1, 1.0 and True are equal, and different parameters
        found = Operation._interned.get(key)
        if found is None:
            found = object.__new__(cls)
            found.__dict__.update(zip(fields, values, strict=True))
            found = Operation._interned.setdefault(key, found)
        return found

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __reduce__(self) -> Any:
        return type(self), self.parameters

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{self.name}[{inside}]" if inside else self.name

    @property
    def parameters(self) -> tuple[Any, ...]:
        """The static parameters, in the order of `fields`."""
        return tuple(self.__dict__[name] for name in self.fields)

    def functions(self) -> tuple[Any, ...]:
        """The Functions held as parameters."""
        return ()

    def type(self, *operands: Type) -> tuple[Type, ...]:
        """Types of the operands -> types of the results. Raises ShapeError where they do not fit."""
        raise NotImplementedError


def _snake(name: str) -> str:
    out = [name[0].lower()]
    for before, char in zip(name, name[1:], strict=False):
        out.append("_" + char.lower() if char.isupper() and not before.isupper() else char.lower())
    return "".join(out)
