"""SciPy's C functions: found by the name of a ufunc and the types of its operands, and called from loop nests.

Knows `scipy.special.cython_special` by its table of C functions, of which SciPy promises names and behaviour, and no
ufunc. Start at `c_function`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from wengert.loops.formula import Value
from wengert.loops.nest import REAL, Const
from wengert.runtime.symbols import capsule_signatures

# An operand's letter: a double, a complex double, an array index. What else occurs is no operand, or no function of ours.
LETTERS = {"double": "d", "__pyx_t_double_complex": "D", "Py_ssize_t": "n"}
KINDS = {"d": "f8", "D": "c16", "n": f"i{(sys.maxsize.bit_length() + 1) // 8}"}
# A complex number is two doubles in registers: so say the System V and the Arm conventions, and not Microsoft's.
COMPLEX_BY_PARTS = sys.platform != "win32"


class CFunction:
    """A C function: its symbol, the letter of its result ("" for none), those of its operands, how many results it writes."""

    __slots__ = ("hidden", "operands", "pointers", "result", "symbol")

    def __init__(self, symbol: str, result: str, operands: str, pointers: int, hidden: Sequence[Any]) -> None:
        self.symbol, self.result, self.operands, self.pointers = symbol, result, operands, pointers
        self.hidden = tuple(hidden)  # what Cython adds: no call of a Python override, no optional arguments

    def __call__(self, k: Any, operands: Sequence[Any], addresses: Sequence[Any] = ()) -> Any:
        """Call it with scalars of any kinds, and where it writes; its result."""
        numbers = [k.cast(x, KINDS[letter]) for x, letter in zip(operands, self.operands, strict=True)]
        writes = [a.buffer for a in addresses]
        return k.call(self.symbol, [*numbers, *addresses, *self.hidden], KINDS.get(self.result), writes=writes)


@cache
def c_function(name: str, operands: str) -> CFunction | None:
    """The function of this name and of operands of these letters, if SciPy has it and this machine can call it."""
    return _table().get((name, operands)) if COMPLEX_BY_PARTS or "D" not in operands else None


@cache
def _table() -> dict[tuple[str, str], CFunction]:
    """(name, letters of the operands) -> function. A name of Cython's for one of several types is `__pyx_fuse_1_0name`."""
    out = {}
    for symbol, signature in capsule_signatures("special").items():
        name = re.sub(r"^__pyx_fuse_(?:\d_)*\d", "", symbol)
        found = _parsed(f"special.{symbol}", signature)
        if found is not None:
            out[name, found.operands] = found
    return out


def _parsed(symbol: str, signature: str) -> CFunction | None:
    match = re.fullmatch(r"([\w ]+?) \((.*)\)", signature)
    if match is None or match[1] not in (*LETTERS, "void"):
        return None
    operands, pointers, hidden = "", 0, []
    for argument in match[2].split(", "):
        if argument in LETTERS and not pointers and not hidden:
            operands += LETTERS[argument]
        elif argument.removesuffix(" *") in LETTERS and not hidden:
            pointers += 1
        elif argument == "int __pyx_skip_dispatch":
            hidden.append(Const(0, "i4"))
        elif argument.endswith("*__pyx_optional_args"):
            hidden.append(Const(None, "p"))
        else:
            return None
    return CFunction(symbol, LETTERS.get(match[1], ""), operands, pointers, hidden)


def letters(types: Sequence[Any]) -> str:
    """The letters of operands of these array types, or scalars."""
    return "".join(["D" if (getattr(t, "kind", None) or t.dtype.str[1:]) in REAL else "d" for t in types])


def call(name: str, *operands: Any) -> Value:
    """A C function in a formula: of values and plain numbers in double precision. An integer is an index."""
    k = next(x.k for x in operands if isinstance(x, Value))
    numbers = [x.number if isinstance(x, Value) else k.const(x, KINDS["n"] if type(x) is int else "f8") for x in operands]
    function = c_function(name, "".join(["n" if x.kind == KINDS["n"] else letters([x]) for x in numbers]))
    assert function is not None, f"formulas declare what they call, in `calls`; there is no {name} of {numbers}"
    return Value(k, function(k, numbers))
