"""Where in the user's own source something happened.

Knows Python frames and nothing of ours. Start at `here`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_COMMAND = _OURS + "cli" + os.sep  # what called the command line is not the user's program
_FOREIGN = tuple(os.sep + name + os.sep for name in ("numpy", "scipy", "optree", "array_api_compat"))


@dataclass(frozen=True, slots=True)
class Span:
    """A line of a file: the place an equation comes from.

    >>> str(Span("/home/u/model.py", 14))
    'model.py:14'
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line}"


def _is_foreign(file: str) -> bool:
    return file.startswith(_OURS) or ("site-packages" in file and any(part in file for part in _FOREIGN))


def here() -> Span | None:
    """The innermost line that is neither wengert's nor NumPy's or SciPy's; None if there is none.

    When all frames are foreign (SciPy's own function is differentiated from the command
    line) the innermost one outside wengert is given.
    """
    frame = sys._getframe(1)
    fallback = None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OURS):
            if not _is_foreign(file):
                return Span(file, frame.f_lineno)
            if fallback is None:
                fallback = Span(file, frame.f_lineno)
        elif file.startswith(_COMMAND):
            break
        frame = frame.f_back  # type: ignore[assignment]
    return fallback
