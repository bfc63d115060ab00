"""Native code calls Python: operations that have no loops are evaluated by their own NumPy code, and exceptions find their way out.

Knows an operation only as something with `evaluate`. Start at `thunk`.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from wengert.runtime import symbols

# The context of a call, 128 bytes, as kernels and entries see it.
DETAIL, THUNK, DATA, REGION, PARALLEL_FOR, THREADS, OWNER = 0, 32, 40, 48, 56, 64, 72
CONTEXT_BYTES = 128

_owners: WeakValueDictionary[int, Hosts] = WeakValueDictionary()
_numbers = itertools.count(1)
_pending: dict[int, BaseException] = {}  # context of a running call -> what Python raised in it
_here = threading.local()


class Hosts:
    """The operations of one kernel that run in Python, and the number under which native code names them."""

    def __init__(self, hosts: Sequence[tuple[Any, Sequence[Any], Sequence[Any]]]) -> None:
        self.hosts = tuple([(operation, tuple(ins), tuple(outs)) for operation, ins, outs in hosts])
        self.number = next(_numbers)
        _owners[self.number] = self

    def run(self, index: int, inputs: int, outputs: int) -> None:
        """Evaluate one operation on memory of the kernel."""
        operation, in_types, out_types = self.hosts[index]
        # Copies: what Python code is given it may keep, and the kernel's memory is not there for long.
        operands = [_read_only(_view(pointer, t).copy()) for pointer, t in zip(_pointers(inputs, len(in_types)), in_types, strict=True)]
        with np.errstate(all="ignore"):
            results = operation.evaluate(*operands)
        if not isinstance(results, tuple | list):
            results = (results,)
        for pointer, t, value in zip(_pointers(outputs, len(out_types)), out_types, results, strict=True):
            np.copyto(_view(pointer, t), value, casting="same_kind")


def take_exception(context: int) -> BaseException:
    """What Python raised during the call with this context."""
    error = _pending.pop(context, None) or _here.__dict__.pop("error", None)
    return error or RuntimeError("native code reported an exception of Python's, and there is none")


def keep_exception(error: BaseException) -> None:
    """Put aside what was raised in a callback that knows no context, for `take_exception` in this thread."""
    _here.error = error


@cache
def thunk() -> int:
    """The address of `i32 thunk(ptr context, i64 index, ptr inputs, ptr outputs)`; the symbol `wengert.host_thunk`."""
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    return _callback("host_thunk", kind(_thunk))


symbols.provide("host_thunk", thunk)


def _callback(name: str, function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    symbols.define(name, address, function)
    return address


def _thunk(context: int, index: int, inputs: int, outputs: int) -> int:
    try:
        owner = _owners[ctypes.c_int64.from_address(context + OWNER).value]
        owner.run(index, inputs, outputs)
    except BaseException as error:  # also KeyboardInterrupt: raised again where the kernel was called
        _pending.setdefault(context, error)
        return -1
    return 0


def _pointers(table: int, count: int) -> list[int]:
    return [p or 0 for p in (ctypes.c_void_p * count).from_address(table)] if count else []


def _view(pointer: int, t: Any) -> Any:
    size = t.dtype.itemsize
    for n in t.shape:
        size *= n
    if size == 0:
        return np.empty(t.shape, t.dtype)
    return np.ndarray(t.shape, t.dtype, (ctypes.c_char * size).from_address(pointer))


def _read_only(array: Any) -> Any:
    if array.ndim == 0:
        return array[()]
    array.flags.writeable = False
    return array


def register(name: str, function: Callable[..., int], *types: Any) -> int:
    """Make a Python function callable from native code as `wengert.name`; types: of its result, then of its arguments."""
    return _callback(name, ctypes.CFUNCTYPE(*types)(function))
