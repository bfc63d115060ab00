"""Lists, dicts and objects that a part of a run changes: what they held is kept, unless they were made in that part.

Knows the journal of a part. Start at `note`.
"""

from __future__ import annotations

from collections import deque
from types import CellType
from typing import Any

import numpy as np

from wengert.trace import record

CONTAINERS = (list, dict, set, deque, CellType)


def note(place: Any) -> None:
    """Before a container changes: the part of the run that is taken aside keeps what it holds."""
    tape = record.active()
    if tape is None or tape.journal is None or isinstance(place, np.ndarray):
        return
    if isinstance(place, CONTAINERS) or hasattr(place, "__dict__"):
        tape.journal.note_container(place)


def made(container: Any) -> Any:
    """A container that is made here, and so is no part of what was there before."""
    tape = record.active()
    if tape is not None and tape.journal is not None:
        tape.journal.made[id(container)] = container
    return container


class Unstaged(Exception):
    """A loop cannot be part of the program as it stands, and why."""
