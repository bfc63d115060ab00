"""--at VALUES and --data FILE -> the arguments of a call, and which of them to differentiate by.

Start at `arguments`.
"""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.cli.failure import Failure

_NAMED = re.compile(r"\s*([A-Za-z_]\w*)\s*=(?!=)(.*)", re.DOTALL)


class Arguments:
    """A call: positional arguments, their names as far as known, and the positions to differentiate by."""

    __slots__ = ("args", "names", "wrt")

    def __init__(self, args: tuple[Any, ...], names: list[str], wrt: tuple[int, ...]) -> None:
        self.args, self.names, self.wrt = args, names, wrt


def arguments(f: Callable[..., Any], at: Sequence[str], data: Sequence[str], wrt: Sequence[str], name: str) -> Arguments:
    """The call of f that the options describe; parameters not given keep their defaults."""
    parameters = _parameters(f)
    positional: list[Any] = []
    given: dict[str, Any] = {}
    from_data: dict[str, Any] = {}
    for text in at:
        for piece in _pieces(text):
            named = _NAMED.match(piece)
            if named:
                given[named[1]] = number(named[2], f"--at {named[1]}")
            else:
                positional.append(number(piece, "--at"))
    loose: list[Any] = []
    for text in data:
        named = _NAMED.match(text)
        if named and not os.path.exists(text):
            from_data[named[1]] = _read(named[2], [])[0]
        else:
            table, columns = _read(text, parameters or [])
            if columns is None:
                loose.append(table)
            else:
                from_data.update(columns)
    if not positional and not given and not from_data and not loose:
        if parameters is None or _required(f):
            raise Failure(f"give the point: --at VALUES or --data FILE ({name} takes {_show(f)})")
        raise Failure(f"{name} takes no arguments: there is nothing to differentiate by")
    return _assemble(f, name, parameters, positional, given, from_data, loose, wrt)


def _assemble(
    f: Any, name: str, parameters: list[str] | None, positional: list[Any], given: dict[str, Any], data: dict[str, Any], loose: list[Any], wrt: Sequence[str]
) -> Arguments:
    if parameters is None:
        if given or data:
            raise Failure(f"{name} does not tell the names of its parameters: give the arguments in order")
        parameters = [str(i) for i in range(len(positional) + len(loose))]
        values = dict(zip(parameters, [*positional, *loose], strict=True))
    else:
        unknown = [n for n in (*given, *data) if n not in parameters]
        if unknown:
            raise Failure(f"{name} has no parameter {unknown[0]!r}; it takes {_show(f)}")
        twice = [n for n in given if n in data]
        if twice:
            raise Failure(f"{twice[0]!r} is given by --at and by --data")
        free = [n for n in parameters if n not in given and n not in data]
        if len(positional) + len(loose) > len(free):
            raise Failure(f"{name} takes {_show(f)}: {len(positional) + len(loose) + len(given) + len(data)} arguments were given (separate arguments by ;, elements by ,)")
        values = {**given, **data, **dict(zip(free, [*positional, *loose], strict=False))}
        missing = [n for n in _required(f) if n not in values]
        if missing:
            raise Failure(f"{name} takes {_show(f)}: {missing[0]!r} is not given (separate arguments by ;)")
        last = max([parameters.index(n) for n in values])
        for n in parameters[:last]:
            values.setdefault(n, inspect.signature(f).parameters[n].default)
    order = [n for n in parameters if n in values]
    is_data = set(data) | set(order[len(order) - len(loose) :] if loose and not data and not given else [])
    if loose and (data or given):
        is_data |= {n for n in order if any([values[n] is x for x in loose])}
    chosen = _chosen(order, values, is_data, set(order) & {*given, *data, *[n for n in order if any([values[n] is x for x in [*positional, *loose]])]}, wrt, name)
    for n in chosen:
        values[n] = _floating(values[n], n)
    return Arguments(tuple([values[n] for n in order]), order, tuple([order.index(n) for n in chosen]))


def _chosen(order: list[str], values: dict[str, Any], data: set[str], given: set[str], wrt: Sequence[str], name: str) -> list[str]:
    """Which arguments to differentiate by: those named; else what --at gives in floats; else all there is."""
    asked = [n for text in wrt for n in re.split(r"[,\s]+", text.strip())]
    for n in asked:
        if n not in order:
            raise Failure(f"--wrt {n}: {name} is called with {', '.join(order)}")
    if asked:
        return [n for n in order if n in asked]
    candidates = [n for n in order if n in given and n not in data] or [n for n in order if n in given]
    floats = [n for n in candidates if not isinstance(values[n], (int, str, bool)) and values[n] is not None]
    chosen = floats or [n for n in candidates if isinstance(values[n], int) and not isinstance(values[n], bool)]
    if not chosen:
        raise Failure(f"none of the arguments of {name} is a number")
    return chosen


def _floating(value: Any, name: str) -> Any:
    """Integers of an argument that is differentiated by, as floats."""

    def convert(leaf: Any) -> Any:
        if isinstance(leaf, (str, bool)) or leaf is None:
            return leaf
        array = np.asarray(leaf)
        return (array if array.dtype.kind in "fc" else array.astype(float))[()]

    if isinstance(value, (str, bool)):
        raise Failure(f"cannot differentiate by {name}: it is {value!r}")
    return tree.map_leaves(convert, value)


def _parameters(f: Any) -> list[str] | None:
    """Names of the parameters that can be given by position; None if f does not tell, or takes any number."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return None
    if any([p.kind is p.VAR_POSITIONAL for p in parameters]):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _required(f: Any) -> list[str]:
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _show(f: Any) -> str:
    try:
        text = str(inspect.signature(f))
    except (TypeError, ValueError):
        return "arguments it does not name"
    return text if len(text) < 120 else text[:117] + "..."


# -- numbers ----------------------------------------------------------------------------------


def _pieces(text: str) -> list[str]:
    """The arguments in VALUES: separated by semicolons, those in JSON strings not counted."""
    pieces, start, quoted = [], 0, False
    for i, char in enumerate(text):
        if char == '"' and text[i - 1 : i] != "\\":
            quoted = not quoted
        elif char == ";" and not quoted:
            pieces.append(text[start:i])
            start = i + 1
    pieces.append(text[start:])
    return pieces[:-1] if len(pieces) > 1 and not pieces[-1].strip() else pieces


def number(text: str, where: str) -> Any:
    """One argument: a number, numbers with commas between, or JSON."""
    text = text.strip()
    if not text:
        raise Failure(f"{where}: an empty value")
    if text[0] in '[{"':
        try:
            return _from_json(json.loads(text), where)
        except json.JSONDecodeError as error:
            raise Failure(f"{where}: {text[:40]!r} is not JSON: {error.msg} at column {error.colno}") from error
    if text in ("true", "True", "false", "False"):
        return text.lower() == "true"
    if "," in text:
        items = [_scalar(item, where) for item in text.removesuffix(",").split(",")]
        return np.array(items, complex if any([isinstance(x, complex) for x in items]) else float)
    return _scalar(text, where)


def _scalar(text: str, where: str) -> Any:
    text = text.strip()
    for kind in (int, float, complex):
        try:
            return kind(text.replace(" ", "") if kind is complex else text)
        except ValueError:
            continue
    raise Failure(f"{where}: {text!r} is not a number")


def _from_json(value: Any, where: str) -> Any:
    """Lists of numbers as arrays, if they are regular; objects as dicts."""
    if isinstance(value, dict):
        return {key: _from_json(item, where) for key, item in value.items()}
    if isinstance(value, list):
        flat = _depth_first(value)
        if all([isinstance(x, (int, float)) and not isinstance(x, bool) for x in flat]):
            try:
                return np.array(value, float)
            except ValueError as error:
                raise Failure(f"{where}: the rows of a nested list differ in length") from error
        return [_from_json(item, where) for item in value]
    return value


def _depth_first(value: Any) -> list[Any]:
    return [x for item in value for x in _depth_first(item)] if isinstance(value, list) else [value]


# -- files ------------------------------------------------------------------------------------


def _read(path: str, parameters: list[str]) -> tuple[Any, dict[str, Any] | None]:
    """(array, None), or (None, arguments by name) where the file names them."""
    path = path.strip()
    if not os.path.isfile(path):
        raise Failure(f"no such file: {path}")
    kind = os.path.splitext(path)[1].lower()
    try:
        if kind == ".npy":
            return np.load(path, allow_pickle=False), None
        if kind == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return None, {key: archive[key] for key in archive.files}
        if kind == ".json":
            with open(path, encoding="utf-8") as file:
                value = _from_json(json.load(file), path)
            return (None, value) if isinstance(value, dict) else (value, None)
        if kind == ".csv":
            return _read_csv(path, parameters)
    except Failure:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise Failure(f"cannot read {path}: {' '.join(str(error).split())}") from error
    raise Failure(f"{path}: a data file is .csv, .json, .npy or .npz")


def _read_csv(path: str, parameters: list[str]) -> tuple[Any, dict[str, Any] | None]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if not rows:
        raise Failure(f"{path} is empty")
    header = None if all([_is_number(x) for x in rows[0]]) else [x.strip() for x in rows[0]]
    body = rows[1:] if header else rows
    for i, row in enumerate(body):
        if len(row) != len(rows[0]):
            raise Failure(f"{path}: row {i + 1 + bool(header)} has {len(row)} values, not {len(rows[0])}")
    if header and set(header) & set(parameters):
        return None, {name: _column(path, body, j) for j, name in enumerate(header) if name in parameters}
    return np.stack([_column(path, body, j) for j in range(len(rows[0]))], axis=1), None


def _column(path: str, body: list[list[str]], j: int) -> Any:
    for row in body:
        if not _is_number(row[j]):
            raise Failure(f"{path}: {row[j]!r} is not a number")
    return np.array([float(row[j]) for row in body])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
