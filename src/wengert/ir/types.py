"""The types of the IR: arrays of known shape and dtype, and stacks that grow while a loop runs.

Knows NumPy's dtypes only. Start at `ArrayType`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Shape = tuple[int, ...]


class ArrayType:
    """An array of one shape and dtype. Interned by `array_type`: equal types are the same object."""

    __slots__ = ("__weakref__", "dtype", "inexact", "ndim", "shape", "size")

    shape: Shape
    dtype: np.dtype[Any]
    ndim: int
    size: int
    inexact: bool

    def __init__(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.ndim = len(shape)
        size = 1
        for n in shape:
            size *= n
        self.size = size
        self.inexact = dtype.kind in "fc"

    def __repr__(self) -> str:
        return f"{self.dtype.name}[{','.join(map(str, self.shape))}]"

    def __reduce__(self) -> Any:
        return array_type, (self.shape, self.dtype)

    def with_shape(self, shape: Shape) -> ArrayType:
        return array_type(shape, self.dtype)

    def with_dtype(self, dtype: Any) -> ArrayType:
        return array_type(self.shape, np.dtype(dtype))


class StackType:
    """A stack whose items have one type and whose height is known only when the program runs.

    It is what a loop of unknown trip count stacks its outputs on, and what its reverse pops. The
    items may be stacks themselves: those of a loop within a loop.
    """

    __slots__ = ("__weakref__", "inexact", "item")

    item: ArrayType | StackType
    inexact: bool

    def __init__(self, item: ArrayType | StackType) -> None:
        self.item = item
        self.inexact = item.inexact

    def __repr__(self) -> str:
        return f"stack<{self.item!r}>"

    def __reduce__(self) -> Any:
        return stack_type, (self.item,)


Type = ArrayType | StackType

_arrays: dict[tuple[Shape, np.dtype[Any]], ArrayType] = {}
_stacks: dict[ArrayType | StackType, StackType] = {}


def array_type(shape: Shape, dtype: np.dtype[Any]) -> ArrayType:
    """The one ArrayType of this shape and dtype."""
    key = (shape, dtype)
    found = _arrays.get(key)
    if found is None:
        dtype = np.dtype(np.dtype(dtype).type)  # native byte order, no metadata
        if dtype.kind in "biufc":
            dtype = np.dtype(dtype.str)  # NumPy's own object for it, not an equal one: native code compares addresses
        found = _arrays.setdefault((tuple(int(n) for n in shape), dtype), ArrayType(tuple(int(n) for n in shape), dtype))
        _arrays.setdefault(key, found)
    return found


def stack_type(item: ArrayType | StackType) -> StackType:
    """The one StackType of these items."""
    found = _stacks.get(item)
    if found is None:
        found = _stacks.setdefault(item, StackType(item))
    return found


def type_of(value: Any) -> ArrayType:
    """The type of a concrete array, NumPy scalar or Python number."""
    if isinstance(value, (np.ndarray, np.generic)):
        return array_type(value.shape, value.dtype)
    array = np.asarray(value)
    return array_type(array.shape, array.dtype)
