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
from wengert.numpy.table import IMPLEMENTATIONS, Ufunc, elementwise, implements
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


@implements(np.power, np.float_power)
def power(x: Any, y: Any, **kwargs: Any) -> Any:
    """x ** y; a constant integer exponent uses the integer rule, whatever the exponent's dtype."""
    x, y = as_operand(x), as_operand(y)
    n = _integral(y)
    if n is not None and isinstance(x, Traced) and not kwargs:
        dtype = promote.result_dtypes(np.power, (promote.dtype_of(x), promote.dtype_of(y)))[0]
        if dtype.kind in "fc":
            if n == 0:
                return x.lift(np.ones(x.shape, dtype)[()])  # type: ignore[attr-defined]
            return math.integer_pow(promote.cast(x, dtype), n)
    return _POWER(x, y, **kwargs)


_POWER = Ufunc(math.power, np.power)


@implements(np.absolute, np.fabs)
def absolute(x: Any, **kwargs: Any) -> Any:
    return arith.abs_(as_operand(x))


@implements(np.positive)
def positive(x: Any, **kwargs: Any) -> Any:
    return as_operand(x)


@implements(np.conjugate)
def conjugate(x: Any, **kwargs: Any) -> Any:
    """The complex conjugate; real values as they are."""
    x = as_operand(x)
    return arith.conj(x) if x.dtype.kind == "c" else x


@implements(np.divmod)
def divmod_(x: Any, y: Any) -> Any:
    return IMPLEMENTATIONS[np.floor_divide](x, y), IMPLEMENTATIONS[np.remainder](x, y)


@implements(np.modf)
def modf(x: Any) -> Any:
    """(fractional part, whole part)."""
    whole = IMPLEMENTATIONS[np.trunc](x)
    return subtract(x, whole), whole


for _ufunc, _primitive in ((np.radians, math.Deg2rad()), (np.degrees, math.Rad2deg())):
    IMPLEMENTATIONS[_ufunc] = Ufunc(_primitive, _ufunc)

UFUNCS = [function for function in IMPLEMENTATIONS if isinstance(function, np.ufunc)]
