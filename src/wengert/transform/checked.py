"""Run a Function equation by equation and stop where a NaN first appears: the mode of `config(debug_nans=True)`.

Names no operation: one that holds Functions runs them through `evaluate`, and so through here. Start at `run_checked`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import NotANumberError, four_parts
from wengert.ir.values import Equation, Function, Literal

_SHOWN = 200  # characters of an operand's value in the message


def run_checked(function: Function, arguments: Sequence[Any]) -> list[Any]:
    """The outputs of a Function, every result looked at.

    A NaN among the operands is not this equation's doing (it may be missing data), and passes.

    Raises
    ------
    NotANumberError
        Which is a FloatingPointError: at the first equation that makes a NaN of operands without one.
    """
    env: dict[Any, Any] = dict(zip(function.inputs, arguments, strict=True))
    for equation in function.equations:
        operands = [a.array() if isinstance(a, Literal) else env[a] for a in equation.operands]
        outs: Any = equation.operation.evaluate(*operands)  # type: ignore[attr-defined]
        if len(equation.outs) == 1:
            outs = (outs,)
        if any([_has_nan(x) for x in outs]) and not any([_has_nan(x) for x in operands]):
            raise _error(function, equation, operands)
        env.update(zip(equation.outs, outs, strict=True))
    return [a.array() if isinstance(a, Literal) else env[a] for a in function.outputs]


def _has_nan(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in "fc" and bool(np.isnan(x).any())


def _error(function: Function, equation: Equation, operands: Sequence[Any]) -> NotANumberError:
    shown = []
    for atom, value in zip(equation.operands, operands, strict=True):
        text = np.array2string(np.asarray(value), threshold=8, precision=6).replace("\n", " ") if hasattr(value, "dtype") else "…"
        shown.append(f"{atom.type!r}: {text}"[:_SHOWN])
    return NotANumberError(
        four_parts(
            f"{equation.operation.name} made a NaN in {function.name}",
            f"{equation.operation!r} of\n" + "\n".join("  " + s for s in shown),
            "No operand holds a NaN, so it comes from here.",
            "keep the operands in the domain of the operation; where the result is not used, np.where on the operand, not on the result",
            equation.span,
        )
    )
