"""Where the fields of CPython's and NumPy's objects lie, checked against real objects of this process.

Native code reads these fields without asking. Where a check fails (another Python, a debug build, no global lock) nothing is read
natively and everything goes the way through Python. Start at `is_known`.
"""

from __future__ import annotations

import ctypes
import sys
import sysconfig
from functools import cache
from typing import Any

import numpy as np

OBJECT_TYPE = 8
SCALAR_VALUE = 16  # of Python's float and of NumPy's scalars
ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 56, 64
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400  # in the array's flags
TYPE_VECTORCALL_OFFSET, TYPE_FLAGS = 56, 168
HAS_VECTORCALL = 1 << 11  # in the type's flags

DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "complex64", "complex128")


@cache
def is_known() -> bool:
    """Whether all of the above holds here."""
    has_no_lock = sysconfig.get_config_var("Py_GIL_DISABLED")
    if sys.implementation.name != "cpython" or has_no_lock or sys.maxsize < 2**32 or sys.platform == "win32":
        return False
    return _arrays() and _scalars() and _types()


def word(thing: Any, offset: int) -> int:
    """The machine word in an object."""
    value: int = ctypes.c_size_t.from_address(id(thing) + offset).value
    return value


def _arrays() -> bool:
    fixed = np.zeros((3, 5))
    fixed.flags.writeable = False
    for a in (np.zeros((2, 3), np.float32), np.zeros((4, 6))[:, ::-2], np.array(1 + 2j), fixed, np.zeros((0, 3), np.int8)):
        shape = [ctypes.c_ssize_t.from_address(word(a, ARRAY_SHAPE) + 8 * i).value for i in range(a.ndim)]
        flags = ctypes.c_int.from_address(id(a) + ARRAY_FLAGS).value
        same = (
            word(a, OBJECT_TYPE) == id(np.ndarray)
            and word(a, ARRAY_DATA) == a.__array_interface__["data"][0]
            and ctypes.c_int.from_address(id(a) + ARRAY_NDIM).value == a.ndim
            and tuple(shape) == a.shape
            and word(a, ARRAY_DTYPE) == id(a.dtype)
            and flags == a.flags.num
            and bool(flags & C_CONTIGUOUS) == a.flags.c_contiguous
            and bool(flags & ALIGNED) == a.flags.aligned
            and bool(flags & WRITEABLE) == a.flags.writeable
        )
        if not same:
            return False
    return True


def _scalars() -> bool:
    for name in DTYPES:
        dtype = np.dtype(name)
        scalar = dtype.type(1 if dtype.kind in "bui" else 1.625)
        if ctypes.string_at(id(scalar) + SCALAR_VALUE, dtype.itemsize) != scalar.tobytes() or word(scalar, OBJECT_TYPE) != id(dtype.type):
            return False
    return bool(ctypes.c_double.from_address(id(0.0) + SCALAR_VALUE).value == 0.0 == word(0.0, SCALAR_VALUE)) and (
        ctypes.c_double.from_address(id(sys.float_info.max) + SCALAR_VALUE).value == sys.float_info.max
    )


def _types() -> bool:
    function = type(_types)
    return (
        all([word(kind, TYPE_FLAGS) == kind.__flags__ for kind in (function, int, np.ndarray, type)])
        and bool(function.__flags__ & HAS_VECTORCALL)
        and 16 <= word(function, TYPE_VECTORCALL_OFFSET) < function.__basicsize__
    )
