"""LLVM's names for kinds and scalar operations, how it writes constants, and the functions that a module brings along.

Read by `llvm` and `writer` alone.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

TYPE = {"f8": "double", "f4": "float", "b1": "i1", **{f"{s}{n}": f"i{8 * n}" for s in "iu" for n in (1, 2, 4, 8)}, "p": "ptr"}
SUFFIX = {"f8": "f64", "f4": "f32", **{f"{s}{n}": f"i{8 * n}" for s in "iu" for n in (1, 2, 4, 8)}}
FLOAT = {
    "add": "fadd",
    "sub": "fsub",
    "mul": "fmul",
    "div": "fdiv",
    "accumulate": "fadd reassoc",
    "accumulate_product": "fmul reassoc",
    "lt": "fcmp olt",
    "le": "fcmp ole",
    "gt": "fcmp ogt",
    "ge": "fcmp oge",
    "eq": "fcmp oeq",
    "ne": "fcmp une",
}
FLOAT_INTRINSIC = {
    "maximum": "maximum",
    "minimum": "minimum",
    "fmax": "maxnum",
    "fmin": "minnum",
    "copysign": "copysign",
    "abs": "fabs",
    "muladd": "fmuladd",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "rint": "rint",
}
INTEGER = {
    **{name: name for name in ("add", "sub", "mul", "and", "or", "xor", "shl")},
    "accumulate": "add",
    "accumulate_product": "mul",
    "eq": "icmp eq",
    "ne": "icmp ne",
}
BY_SIGN = {  # (signed, unsigned)
    "quotient": ("sdiv", "udiv"),
    "rest": ("srem", "urem"),
    "shr": ("ashr", "lshr"),
    "lt": ("icmp slt", "icmp ult"),
    "le": ("icmp sle", "icmp ule"),
    "gt": ("icmp sgt", "icmp ugt"),
    "ge": ("icmp sge", "icmp uge"),
}
BOOLEAN = {
    "add": "or",
    "accumulate": "or",
    "mul": "and",
    "accumulate_product": "and",
    "and": "and",
    "or": "or",
    "xor": "xor",
    "eq": "icmp eq",
    "ne": "icmp ne",
    "lt": "icmp ult",
    "le": "icmp ule",
    "gt": "icmp ugt",
    "ge": "icmp uge",
    "maximum": "or",
    "minimum": "and",
    "fmax": "or",
    "fmin": "and",
}
EXTREMA = {"maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min"}
PURE = "nounwind willreturn memory(none)"


def literal(value: Any, kind: str) -> str:
    """A constant as LLVM writes it; floats by their bits."""
    if kind == "b1":
        return "true" if value else "false"
    if kind == "f4":
        value = np.float32(value)
        if value != value:  # the bits of a NaN survive the widening
            return "0x7FF8000000000000"
    if kind[0] == "f":
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(value)))[0]:016X}"
    if kind == "p":
        return "null"
    bits = 8 * int(kind[1:])
    value = int(value)
    return str(value - (1 << bits) if value >= 1 << (bits - 1) else value)


def array_text(data: Any) -> str:
    """A constant array as the initialiser of a global of bytes."""
    raw = np.ascontiguousarray(data).tobytes()
    return f'c"\\{raw.hex(chr(92))}"' if raw else 'c""'
