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
    """A call: its arguments by name in order, which are passed by position, and which to differentiate by."""

    __slots__ = ("n_positional", "values", "wrt")

    def __init__(self, values: dict[str, Any], n_positional: int, wrt: list[str]) -> None:
        self.values, self.n_positional, self.wrt = values, n_positional, wrt

    def split(self, moved: dict[str, Any] | None = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """(args, kwargs) of the call, with some of the values replaced."""
        items = list((self.values | (moved or {})).items())
        return tuple([value for _, value in items[: self.n_positional]]), dict(items[self.n_positional :])

    @property
    def argnums(self) -> tuple[int | str, ...]:
        """Where the arguments to differentiate by are: positions, and names of keywords."""
        order = list(self.values)
        return tuple([order.index(n) if order.index(n) < self.n_positional else n for n in self.wrt])


def arguments(f: Callable[..., Any], at: Sequence[str], data: Sequence[str], wrt: Sequence[str], name: str) -> Arguments:
    """The call of f that the options describe; parameters not given keep their defaults."""
    signature = _Signature(f, name)
    named: dict[str, Any] = {}
    positional: list[Any] = []
    for text in at:
        for piece in _pieces(text):
            match = _NAMED.match(piece)
            if match:
                named[match[1]] = number(match[2], f"--at {match[1]}")
            else:
                positional.append(number(piece, "--at"))
    from_files: dict[str, Any] = {}
    loose: list[Any] = []
    for text in data:
        match = _NAMED.match(text)
        if match and not os.path.exists(text):
            table, columns = _read(match[2], [])
            from_files[match[1]] = columns if table is None else table
            continue
        table, columns = _read(text, [p.name for p in signature.parameters or []])
        if columns is None:
            loose.append(table)
        else:
            from_files.update(columns)
    count = len(positional) + len(loose) + len(named) + len(from_files)
    if not count:
        if signature.parameters == []:
            raise Failure(f"{name} takes no arguments: there is nothing to differentiate by")
        raise Failure(f"give the point: --at VALUES or --data FILE ({name} takes {signature.text})")
    twice = [n for n in named if n in from_files]
    if twice:
        raise Failure(f"{twice[0]!r} is given by --at and by --data")
    places = signature.places(list({**named, **from_files}), len(positional) + len(loose), count)
    written = named | dict(zip(places, positional, strict=False))
    held = from_files | dict(zip(places[len(positional) :], loose, strict=True))
    values, n_positional = signature.order(written | held)
    chosen = _chosen(values, list(written) or list(held), wrt, name)
    for n in chosen:
        values[n] = _floating(values[n], n)
    return Arguments(values, n_positional, chosen)


class _Signature:
    """The parameters of a function, None if it does not tell them or takes any number."""

    def __init__(self, f: Callable[..., Any], name: str) -> None:
        self.name = name
        self.text = "arguments it does not name"
        self.parameters: list[inspect.Parameter] | None = None
        try:
            signature = inspect.signature(f)
        except (TypeError, ValueError):
            return
        text = str(signature)
        self.text = text if len(text) < 120 else text[:117] + "..."
        parameters = list(signature.parameters.values())
        if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
            self.parameters = [p for p in parameters if p.kind is not p.VAR_KEYWORD]

    def places(self, names: list[str], n_unnamed: int, count: int) -> list[str]:
        """Names for the arguments given without one; a Failure if names or numbers do not fit."""
        if self.parameters is None:
            if names:
                raise Failure(f"{self.name} does not tell the names of its parameters: give the arguments in order")
            return [str(i) for i in range(n_unnamed)]
        known = [p.name for p in self.parameters]
        unknown = [n for n in names if n not in known]
        if unknown:
            raise Failure(f"{self.name} has no parameter {unknown[0]!r}; it takes {self.text}")
        free = [p.name for p in self.parameters if p.name not in names and p.kind is not p.KEYWORD_ONLY]
        if n_unnamed > len(free):
            hint = "separate arguments by ;, elements by ,"
            raise Failure(f"{self.name} takes {self.text}: {count} arguments were given ({hint})")
        taken = {*names, *free[:n_unnamed]}
        missing = [p.name for p in self.parameters if p.default is p.empty and p.name not in taken]
        if missing:
            raise Failure(f"{self.name} takes {self.text}: {missing[0]!r} is not given (separate arguments by ;)")
        return free[:n_unnamed]

    def order(self, values: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The values in the order of the parameters, defaults filled in between; how many go by position."""
        if self.parameters is None:
            return dict(values), len(values)
        by_position = [p for p in self.parameters if p.kind is not p.KEYWORD_ONLY]
        last = max([i + 1 for i, p in enumerate(by_position) if p.name in values], default=0)
        ordered = {p.name: values.get(p.name, p.default) for p in by_position[:last]}
        return ordered | {p.name: values[p.name] for p in self.parameters if p.kind is p.KEYWORD_ONLY and p.name in values}, last


def _chosen(values: dict[str, Any], candidates: list[str], wrt: Sequence[str], name: str) -> list[str]:
    """Which arguments to differentiate by: those asked for; else the candidates in floats; else all that are numbers."""
    asked = [n for text in wrt for n in re.split(r"[,\s]+", text.strip())]
    for n in asked:
        if n not in values:
            raise Failure(f"--wrt {n}: {name} is called with {', '.join(values)}")
    if asked:
        return [n for n in values if n in asked]
    numbers = [n for n in values if n in candidates and not isinstance(values[n], (str, bool)) and values[n] is not None]
    chosen = [n for n in numbers if not isinstance(values[n], int)] or numbers
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
        return np.array(items, complex if any(isinstance(x, complex) for x in items) else float)
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
        if all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in flat):
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
    header = None if all(_is_number(x) for x in rows[0]) else [x.strip() for x in rows[0]]
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
