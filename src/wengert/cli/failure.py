"""Errors as one line, with the user's file and line.

Knows the exception tree. Start at `one_line`.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback

from wengert.errors import WengertError

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = sysconfig.get_path("stdlib") + os.sep


class Failure(Exception):  # not an error of the program: a message
    """Bad input of a command; its text is the whole message."""


def one_line(error: BaseException) -> str:
    """What went wrong, and in which line of the user's, in one line.

    Of wengert's own messages: what, which value, and what to write instead.
    """
    if isinstance(error, Failure):
        return _flat(str(error))
    if isinstance(error, WengertError):
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        text = _flat("; ".join([lines[0].rstrip(".")] + [line.rstrip(".") for line in lines[1:]])) if lines else type(error).__name__
        spot = place(error)
        return text if spot is None or spot in text else f"{text} ({spot})"
    spot = place(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"SyntaxError in {os.path.basename(error.filename)}:{error.lineno}: {_flat(error.msg)}"
    return f"{type(error).__name__}{f' in {spot}' if spot else ''}: {_flat(str(error)) or 'no message'}"


def place(error: BaseException) -> str | None:
    """The innermost line of the traceback that is the user's, else one of a library: `file.py:12`."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith((_OURS, "<frozen"))]
    users = [f for f in frames if "site-packages" not in f.filename and not f.filename.startswith(_STANDARD) and f.filename != sys.argv[0]]
    chosen = users or [f for f in frames if "site-packages" in f.filename]
    return f"{os.path.basename(chosen[-1].filename)}:{chosen[-1].lineno}" if chosen else None


def _flat(text: str) -> str:
    return " ".join(text.split())
