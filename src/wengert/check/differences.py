"""Central differences along a line, extrapolated, with an estimate of their error; one-sided slopes at kinks.

Knows NumPy only. Start at `difference`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Curve = Callable[[float], Sequence[Any]]  # t -> the outputs at x + t v

_SHRINK = 2.0


class Difference:
    """Numerical derivatives of the outputs of a curve at t = 0, one array an output.

    value:   the estimates
    error:   bounds on their error, as far as the extrapolation table shows (inf where nothing is finite)
    slopes:  (left, right) one-sided slopes; they differ at a kink
    kink:    whether, somewhere, they stay apart as the step shrinks
    jump:    whether, somewhere, the table does not settle
    """

    __slots__ = ("error", "jump", "kink", "slopes", "value")

    def __init__(self, value: list[Any], error: list[Any], slopes: list[tuple[Any, Any]], kink: bool, jump: bool) -> None:
        self.value, self.error, self.slopes, self.kink, self.jump = value, error, slopes, kink, jump

    @property
    def smooth(self) -> bool:
        """Whether the point looks smooth along this line."""
        return not (self.kink or self.jump)


def difference(curve: Curve, eps: float | None = None, single: bool = False) -> Difference:
    """The derivative of every output of `curve` at 0.

    Parameters
    ----------
    eps : float, optional
        The first and largest step; halved several times from there. By default 0.02, and 0.1 in
        single precision.
    single : bool
        The curve is computed in single precision.

    C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Adv. Eng. Software 4 (1982): a
    Richardson table of central differences, from which each output keeps the entry that
    disagrees least with its neighbours.
    """
    step = eps or (0.1 if single else 0.02)
    levels = 6 if single else 12
    with np.errstate(all="ignore"):
        middle = [_wide(y) for y in curve(0.0)]
        best = [np.full(y.shape, np.nan, y.dtype) for y in middle]
        error = [np.full(y.shape, np.inf) for y in middle]
        previous: list[list[Any]] = []
        sides: list[list[tuple[Any, Any]]] = []
        for level in range(levels):
            h = step / _SHRINK**level
            above, below = [_wide(y) for y in curve(h)], [_wide(y) for y in curve(-h)]
            sides.append([((m - b) / h, (a - m) / h) for a, m, b in zip(above, middle, below, strict=True)])
            row = [[(a - b) / (2 * h) for a, b in zip(above, below, strict=True)]]
            for column, coarse in enumerate(previous):
                factor = _SHRINK ** (2 * (column + 1))
                row.append([(factor * fine - old) / (factor - 1) for fine, old in zip(row[column], coarse, strict=True)])
                for i, entry in enumerate(row[-1]):
                    guess = np.maximum(np.abs(entry - row[column][i]), np.abs(entry - coarse[i]))
                    better = np.isfinite(guess) & (guess < error[i])
                    error[i] = np.where(better, guess, error[i])
                    best[i] = np.where(better, entry, best[i])
            previous = row
        kink = any(_kinked(sides, i) for i in range(len(middle)))
    jump = any(_unsettled(v, e) for v, e in zip(best, error, strict=True))
    return Difference(best, error, sides[-1], kink, jump)


def _kinked(sides: list[list[tuple[Any, Any]]], i: int) -> bool:
    """Whether the one-sided slopes of output i keep their distance: for a smooth curve it halves with the step."""
    gaps = [np.abs(right - left) for left, right in (level[i] for level in sides)]
    size = np.maximum(np.abs(sides[-1][i][0]), np.abs(sides[-1][i][1]))
    apart = (gaps[-1] > 0.5 * gaps[len(gaps) // 2]) & (gaps[-1] > 1e-4 * np.maximum(size, 1e-6))
    return bool(np.any(apart) or np.any(np.isnan(gaps[-1])))


def _unsettled(value: Any, error: Any) -> bool:
    """Whether no entry of the table can be trusted: at a jump the differences grow as the step shrinks."""
    return bool(np.any(error > 1e-2 * np.abs(value) + 1e-3 * np.max(np.abs(np.nan_to_num(value)), initial=1e-9)))


def _wide(y: Any) -> Any:
    y = np.asarray(y)
    return y.astype(np.complex128 if y.dtype.kind == "c" else np.float64)
