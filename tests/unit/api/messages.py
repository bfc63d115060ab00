"""The four parts of an error message, taken apart again."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest


@dataclass
class Parts:
    what: str
    where: str
    which: list[str]
    why: list[str]
    instead: str


def parts_of(text: str) -> Parts:
    """what (where) / which, indented / why / Try: instead."""
    first, *rest = text.split("\n")
    match = re.fullmatch(r"(.*?)(?:   \(([^()]*:\d+)\))?", first)
    which = [line[2:] for line in rest if line.startswith("  ")]
    instead = [line[5:] for line in rest if line.startswith("Try: ")]
    why = [line for line in rest if not line.startswith("  ") and not line.startswith("Try: ")]
    return Parts(match[1], match[2] or "", which, why, instead[0] if instead else "")


def refused(error, call, *args, what, which=None, why=None, instead=None, where=True, **kwargs):
    """`call` raises `error` whose parts hold these texts; `where` asks for a file and line."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    text = str(caught.value)
    parts = parts_of(text)
    assert what in parts.what, text
    for given, got in ((which, "\n".join(parts.which)), (why, "\n".join(parts.why)), (instead, parts.instead)):
        if given is not None:
            assert given in got and given, text
    if where:
        assert re.fullmatch(r"\w+\.py:\d+", parts.where), text
    return parts
