"""record: see the Function that a call performs.

Start at `record`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.api.point import Point
from wengert.api.transformed import Transformed
from wengert.ir.values import Function, Traced, literal
from wengert.ir.walk import specialize


def record(f: Callable[..., Any]) -> Transformed:
    """The operations that a call of f performs, as a Function: the Wengert list of this run.

    Use it to see what is differentiated. Arrays, of integers too, and floats among the positional arguments become
    inputs; Python integers and what f closes over become constants. Printing the Function shows each operation with
    the user's line.

    Raises
    ------
    TraceError
        Where f does what cannot be traced; the message says what to write instead.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> function = wg.record(lambda x: np.log(x[0]) + x[0] * x[1])(np.array([2.0, 5.0]))
    >>> function.equations[-1].operation
    add
    """
    return Transformed(_record, f)


def _record(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Function:
    point = Point(f, args, kwargs, tuple(range(len(args))), integers=True)
    done = point.run()
    captured = done.function.inputs[len(point.values) :]
    constants = {
        v: literal(np.asarray(value)[()] if np.ndim(value) == 0 else value)
        for v, value in zip(captured, done.captured, strict=True)
        if not isinstance(value, Traced)
    }
    return specialize(done.function, constants)
