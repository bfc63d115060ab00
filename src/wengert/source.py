"""Where in the user's own source something happened.

Knows Python frames and nothing of ours. Start at `here`.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect
from dataclasses import dataclass
from types import CodeType, FrameType

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


_lines: dict[int, tuple[CodeType, list[int], list[int]]] = {}  # of long functions, in which Python looks for a line from the first one on


def line_of(frame: FrameType) -> int:
    """The line at which a frame is."""
    code = frame.f_code
    if len(code.co_code) < 4000:
        return frame.f_lineno
    found = _lines.get(id(code))
    if found is None:
        if len(_lines) > 64:
            _lines.clear()
        known = [(start, line) for start, _, line in code.co_lines() if line is not None]
        found = _lines[id(code)] = (code, [start for start, _ in known], [line for _, line in known])
    return found[2][max(0, bisect(found[1], frame.f_lasti) - 1)]


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
                return Span(file, line_of(frame))
            if fallback is None:
                fallback = Span(file, line_of(frame))
        elif file.startswith(_COMMAND):
            break
        frame = frame.f_back  # type: ignore[assignment]
    return fallback
