"""What can go wrong while a program runs, as data; the error that a user sees is built from it afterwards.

Knows the tree of errors. Start at `Failure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.errors import IndexOutOfBoundsError, four_parts


class Failure:
    """One place where a program may stop: what kind of failure, what is known of it, and the user's line."""

    __slots__ = ("facts", "kind", "span")

    def __init__(self, kind: str, facts: tuple[Any, ...], span: Any) -> None:
        self.kind, self.facts, self.span = kind, facts, span

    def error(self, detail: Sequence[int]) -> Exception:
        """The exception, given the numbers that the program left behind."""
        return ERRORS[self.kind](self, detail)


def _index(failure: Failure, detail: Sequence[int]) -> Exception:
    axis, n = failure.facts
    return IndexOutOfBoundsError(
        four_parts(
            f"index {detail[0]} is out of bounds for axis {axis} with size {n}",
            why=f"Valid indices are {-n} to {n - 1}.",
            where=failure.span,
        )
    )


def _linalg(failure: Failure, detail: Sequence[int]) -> Exception:
    return np.linalg.LinAlgError(failure.facts[0].format(*detail))


def _nan(failure: Failure, detail: Sequence[int]) -> Exception:
    return FloatingPointError(four_parts(failure.facts[0], why="config(debug_nans=True) asks to stop here.", where=failure.span))


def _branch(failure: Failure, detail: Sequence[int]) -> Exception:
    return IndexOutOfBoundsError(four_parts(f"cond has {failure.facts[0]} branches", f"index {detail[0]}", where=failure.span))


def _raise(failure: Failure, detail: Sequence[int]) -> Exception:
    exception, arguments = failure.facts
    return exception(*arguments)  # type: ignore[no-any-return]


def _memory(failure: Failure, detail: Sequence[int]) -> Exception:
    return MemoryError("no memory for what a loop of unknown length keeps")


ERRORS = {"branch": _branch, "memory": _memory, "index": _index, "linalg": _linalg, "nan": _nan, "raise": _raise}
