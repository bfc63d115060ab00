"""`%`, `str.format` and `str.join` of traced values: the texts that f-strings give.

Knows Python's formatting, nothing of when a text is shown. Start at `percent` and `formatted`.
"""

from __future__ import annotations

import re
import string
from typing import Any

import numpy as np

from wengert.ir.values import Traced
from wengert.numpy.promote import contains_traced
from wengert.numpy.table import lookup
from wengert.trace.capture.containers import Unstaged
from wengert.trace.capture.effects import text
from wengert.trace.capture.raising import Text, joined, known

_PERCENT = re.compile(r"%([-+ #0]*)(\d*)(\.\d+)?[hlL]?([diueEfFgGsra%])")
_LETTERS = {"s": 115, "r": 114, "a": 97, None: -1}


def percent(form: str, values: Any) -> Any:
    """`form % values`"""
    given = values if isinstance(values, tuple) else (values,)
    given = tuple([known(v) for v in given])
    if isinstance(values, dict) or not any([isinstance(v, Traced) or type(v) is Text for v in given]):
        return form % (given if isinstance(values, tuple) else given[0])
    pieces: list[Any] = []
    at, rest = 0, list(given)
    for hole in _PERCENT.finditer(form):
        pieces.append(form[at : hole.start()])
        at = hole.end()
        flags, width, precision, kind = hole.groups(default="")
        if kind == "%":
            pieces.append("%")
            continue
        if not rest:
            raise TypeError("not enough arguments for format string")
        value = rest.pop(0)
        if not isinstance(value, Traced) and type(value) is not Text:
            pieces.append(hole.group() % (value,))
            continue
        if kind in "sra":
            if width or precision:
                raise Unstaged(f"the text {hole.group()} of a traced value")
            pieces.append((value, {"s": 115, "r": 114, "a": 97}[kind], ""))
            continue
        if kind in "diu":
            value, kind = lookup(np.trunc)(value).astype(np.int64), "d"
        left = "<" if "-" in flags else "0" if "0" in flags else ">" if width else ""
        sign = "+" if "+" in flags else " " if " " in flags else ""
        order = f"{left}{sign}" if left in ("<", ">") else sign
        pieces.append((value, -1, f"{order}{'#' if '#' in flags else ''}{'0' if left == '0' else ''}{width}{precision}{kind}"))
    if rest:
        raise TypeError("not all arguments converted during string formatting")
    return text(*pieces, form[at:])


def formatted(form: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """`form.format(*args, **keywords)`"""
    if not _has_holes(args) and not _has_holes(tuple(keywords.values())):
        return form.format(*args, **keywords)
    reader, pieces, count = string.Formatter(), [], 0
    for words, name, spec, conversion in reader.parse(form):
        pieces.append(words)
        if name is None:
            continue
        if not name or name[0] in ".[":
            name, count = f"{count}{name}", count + 1
        value, _ = reader.get_field(name, args, keywords)
        pieces.append((value, _LETTERS[conversion], reader.vformat(spec or "", args, keywords)))
    return text(*pieces)


def together(between: str, items: Any) -> Any:
    """`between.join(items)`"""
    items = list(items)
    if not _has_holes(tuple(items)):
        return between.join(items)
    return joined([part for i, item in enumerate(items) for part in ([between, item] if i else [item])])


def _has_holes(values: tuple[Any, ...]) -> bool:
    return contains_traced(values) or any([type(v) is Text for v in values])
