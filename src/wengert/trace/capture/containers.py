"""Lists, dicts and objects that a part of a run changes: what they held is kept, unless they were made in that part.

Knows the journal of a part. Start at `note`.
"""

from __future__ import annotations

from collections import deque
from types import CellType
from typing import Any

import numpy as np

from wengert.errors import ShapeError, TraceError, four_parts
from wengert.source import here
from wengert.trace import record

CONTAINERS = (list, dict, set, deque, CellType)


def note(place: Any) -> None:
    """Before a container changes: the part of the run that is taken aside keeps what it holds."""
    tape = record.active()
    if tape is None or tape.journal is None or isinstance(place, np.ndarray):
        return
    if isinstance(place, CONTAINERS) or hasattr(place, "__dict__") or hasattr(type(place), "__slots__"):
        tape.journal.note_container(place)


def made(container: Any) -> Any:
    """A container that is made here, and so is no part of what was there before."""
    tape = record.active()
    if tape is not None and tape.journal is not None:
        tape.journal.made[id(container)] = container
    return container


class Unstaged(TraceError):
    """A branch or a loop cannot be part of the program as it stands, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(
            four_parts(
                "a branch or loop cannot be part of the program",
                why,
                "What it does is decided while the program runs, so its text is recorded once, and only numbers and arrays can differ.",
                "keep this out of it, or let its test and trip count be static",
                here(),
            )
        )


class AlwaysRaises(Unstaged):
    """The body of a loop raises on every path: there is no second iteration."""


class Disagreement(ShapeError):
    """Two paths leave things that cannot be one."""
