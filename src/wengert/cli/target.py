"""TARGET -> the function it names: module:function or file.py:function.

Start at `resolve`.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

from wengert.cli.failure import Failure, one_line


def resolve(target: str) -> Callable[..., Any]:
    """The function that a TARGET names; a Failure that says what is missing otherwise."""
    place, colon, name = target.rpartition(":")
    if not colon or not place or not name:
        raise Failure(f"TARGET {target!r} is not module:function or file.py:function")
    module = _from_file(place) if place.endswith(".py") or os.sep in place else _from_module(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [n for n in dir(found) if not n.startswith("__")], 1)
            raise Failure(f"{place} has no {part!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        found = getattr(found, part)
    if not callable(found):
        raise Failure(f"{target} is not a function but {type(found).__name__}")
    return found  # type: ignore[no-any-return]


def _from_file(path: str) -> Any:
    if not os.path.isfile(path):
        raise Failure(f"no such file: {path}")
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Failure(f"not a Python file: {path}")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise Failure(f"cannot import {path}: {one_line(error)}") from error
    finally:
        if before is not None:
            sys.modules[name] = before
    return module


def _from_module(name: str) -> Any:
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise Failure(f"no module named {error.name!r}") from error
        raise Failure(f"cannot import {name}: {one_line(error)}") from error
    except (Exception, SystemExit) as error:
        raise Failure(f"cannot import {name}: {one_line(error)}") from error
