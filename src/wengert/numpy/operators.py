"""NumPy's ufuncs, each as the primitive of its meaning.

Start at `UFUNCS`; the table is filled when this module is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ir.operation import OPERATIONS
from wengert.ir.values import Traced
from wengert.numpy import promote
from wengert.numpy.promote import as_operand
from wengert.numpy.table import IMPLEMENTATIONS, Ufunc, composite, elementwise
from wengert.primitives import arith, math

for _cls in list(OPERATIONS.values()):
    if isinstance(getattr(_cls, "ufunc", None), np.ufunc) and not _cls.fields:
        elementwise(_cls)

add, subtract, multiply = (IMPLEMENTATIONS[f] for f in (np.add, np.subtract, np.multiply))


def _integral(y: Any) -> int | None:
    """The exponent as an int if it is a constant integer that IntegerPow can take."""
    if isinstance(y, (bool, np.bool_)):
        return None
    if isinstance(y, (int, float, np.integer, np.floating)) or (isinstance(y, np.ndarray) and y.ndim == 0 and y.dtype.kind in "iuf"):
        value = float(y)
        if value.is_integer() and abs(value) < 2**31:
            return int(value)
    return None


def _power(ufunc: Any, x: Any, y: Any) -> Any:
    """x ** y; a constant integer exponent uses the integer rule, whatever the exponent's dtype."""
    x, y = as_operand(x), as_operand(y)
    n = _integral(y)
    if n is not None and isinstance(x, Traced):
        dtype = promote.result_dtypes(ufunc, (promote.dtype_of(x), promote.dtype_of(y)))[0]
        if dtype.kind in "fc":
            if n == 0:
                return x.lift(np.ones(x.shape, dtype)[()])  # type: ignore[attr-defined]
            return math.integer_pow(promote.cast(x, dtype), n)
    return promote.elementwise(math.power, ufunc, x, y)


@composite(np.power)
def power(x: Any, y: Any) -> Any:
    return _power(np.power, x, y)


@composite(np.float_power)
def float_power(x: Any, y: Any) -> Any:
    """`power` in double precision at least."""
    return _power(np.float_power, x, y)


for _ufunc in (np.absolute, np.fabs):
    IMPLEMENTATIONS[_ufunc] = Ufunc(arith.abs_, _ufunc)


@composite(np.positive)
def positive(x: Any) -> Any:
    return _in_loop(np.positive, x)


@composite(np.conjugate)
def conjugate(x: Any) -> Any:
    """The complex conjugate; real values as they are."""
    x = _in_loop(np.conjugate, x)
    return arith.conj(x) if x.dtype.kind == "c" else x


def _in_loop(ufunc: Any, x: Any) -> Any:
    """x in the dtype of the ufunc's own loop."""
    x = as_operand(x)
    return promote.convert(x, promote.result_dtypes(ufunc, (promote.dtype_of(x),))[0], promote.shape_of(x), None)


@composite(np.sign)
def sign(x: Any) -> Any:
    """x / |x|, 0 at 0: for real x piecewise constant, for complex x not."""
    x = _in_loop(np.sign, x)
    if x.dtype.kind != "c":
        return arith.sign(x)
    zero = IMPLEMENTATIONS[np.equal](x, 0)
    size = IMPLEMENTATIONS[np.absolute](x)
    return np.where(zero, x, np.divide(x, np.where(zero, size.dtype.type(1), size)))


@composite(np.divmod)
def divmod_(x: Any, y: Any) -> Any:
    return IMPLEMENTATIONS[np.floor_divide](x, y), IMPLEMENTATIONS[np.remainder](x, y)


@composite(np.modf)
def modf(x: Any) -> Any:
    """(fractional part, whole part)."""
    x = _in_loop(np.modf, x)
    whole = IMPLEMENTATIONS[np.trunc](x)
    return subtract(x, whole), whole


for _ufunc, _primitive in ((np.radians, math.Deg2rad()), (np.degrees, math.Rad2deg())):
    IMPLEMENTATIONS[_ufunc] = Ufunc(_primitive, _ufunc)

UFUNCS = [function for function in IMPLEMENTATIONS if isinstance(function, np.ufunc)]
