"""program: the Function that a user's function is whatever its values, with its loops and branches.

Start at `program`; `record` gives that of one run instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.api.compile import concrete
from wengert.api.signature import Arguments, conform
from wengert.api.specialize import roots, specialize
from wengert.ir.values import Function, literal
from wengert.ir.walk import specialize as with_literals


def program(f: Callable[..., Any], *args: Any) -> tuple[Function, list[int]]:
    """The Function that f is for arguments of these types, as `jit` compiles it, and which leaves of the arguments are its inputs.

    What f sees outside its arguments is constant, as it is now; so are integers that decide what the program is.

    Raises
    ------
    TraceError
        Where f does what cannot be traced without values; the message says what to write instead.

    Examples
    --------
    >>> function, inputs = program(lambda x, n: x * n, 2.0, 3)
    >>> inputs, function.equations[-1].operation
    ([0, 1], mul)
    """
    function, places, _ = with_changes(f, *args)
    return function, places


def with_changes(f: Callable[..., Any], *args: Any) -> tuple[Function, list[int], int]:
    """As `program`, and how many of the outputs, the last ones, are arguments or outer arrays as f leaves them: it assigns to these.

    Examples
    --------
    >>> def scaled(x):
    ...     x *= 2.0
    ...     return x.sum()
    >>> function, _, changed = with_changes(scaled, np.ones(3))
    >>> function.out_types, changed
    ((float64[], float64[3]), 1)
    """
    arguments = Arguments(f, args, {})
    made = specialize(f, arguments, (), concrete)
    slots = made.surroundings.now(roots(f, arguments))
    values = [*[conform(slots[i]) for i in made.reads], *made.constants]
    outside = made.function.inputs[len(made.places) :]
    fixed = {v: literal(np.asarray(x)[()] if np.ndim(x) == 0 else x) for v, x in zip(outside, values, strict=True)}
    return with_literals(made.function, fixed), made.places, len(made.changed)
