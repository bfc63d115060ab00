"""Numbers and arrays in short: a few decimals, the first and the last elements, the shape.

Knows NumPy only. Start at `shown`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

WHOLE = 4  # elements that are all written


def number(x: Any, digits: int = 3) -> str:
    """One number: `digits` decimals where it is of moderate size, else as many significant digits and one more.

    >>> number(11.6520712), number(5.5), number(-1e-9), number(0.0123456), number(True)
    ('11.652', '5.5', '−1e-09', '0.01235', 'true')
    """
    if isinstance(x, (bool, np.bool_)):
        return "true" if x else "false"
    if isinstance(x, (int, np.integer)):
        return str(int(x)).replace("-", "−")
    if isinstance(x, (complex, np.complexfloating)):
        imaginary = number(x.imag, digits)
        if not x.real:
            return f"{imaginary}i"
        return f"{number(x.real, digits)} {'−' if imaginary.startswith('−') else '+'} {imaginary.removeprefix('−')}i"
    x = float(x)
    if x == 0:
        return "0"
    if not np.isfinite(x):
        return "NaN" if x != x else "∞" if x > 0 else "−∞"
    if 0.1 <= abs(x) < 1e5:
        text = f"{x:.{digits}f}".rstrip("0").rstrip(".")
    else:
        text = f"{x:.{digits + 1}g}"
    return text.replace("-", "−", 1) if text.startswith("-") else text


def shown(value: Any, digits: int = 3) -> str:
    """A number, or an array in short with its shape.

    >>> shown(np.arange(3.0)), shown(np.zeros((2, 2))), shown(np.arange(50.0))
    ('[0, 1, 2]', '[[0, 0], [0, 0]]', '[0, 1, … 49] (50)')
    """
    if isinstance(value, (list, tuple)):
        return f"stack of {len(value)}"
    array = np.asarray(value)
    if not array.ndim:
        return number(array[()], digits)
    if not array.size:
        return f"[] ({_shape(array)})"
    if array.size <= WHOLE:
        return _nested(array, digits)
    first = ", ".join([number(x, digits) for x in array.flat[:2]])
    return f"[{first}, … {number(array.flat[-1], digits)}] ({_shape(array)})"


def _nested(array: Any, digits: int) -> str:
    if not array.ndim:
        return number(array[()], digits)
    return f"[{', '.join([_nested(part, digits) for part in array])}]"


def _shape(array: Any) -> str:
    return "×".join(map(str, array.shape))
