"""The names by which code reaches what lies outside it, and which modules are libraries.

Knows Python's byte code and import system, nothing of arrays. Start at `names`.
"""

from __future__ import annotations

import dis
import functools
import os
import sys
import sysconfig
import types
from dataclasses import dataclass

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STANDARD = tuple({sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "platstdlib")})
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_REFLECTION = frozenset({"getattr", "vars", "__dict__", "eval", "exec", "locals", "asdict", "astuple", "fields", "attrgetter"})


@dataclass(frozen=True, slots=True)
class Names:
    """What a piece of code, and the functions written inside it, mention.

    `written` are the variables of an enclosing scope, global or not, that it assigns to; `reflects` says that it
    reaches attributes by other means than their names.
    """

    globals: tuple[str, ...]
    attributes: frozenset[str]
    imports: tuple[str, ...]
    written: frozenset[str]
    reflects: bool


@functools.lru_cache(4096)
def names(code: types.CodeType) -> Names:
    """The names in a code object.

    >>> found = names((lambda x: np.dot(x, w.scale)).__code__)
    >>> found.globals, sorted(found.attributes)
    (('np', 'w'), ['dot', 'scale'])
    """
    seen: dict[str, None] = {}
    attributes: set[str] = set()
    imports: dict[str, None] = {}
    written: set[str] = set()
    for name, argument in _uses(code):
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            seen[argument] = None
        elif name in ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "STORE_ATTR", "IMPORT_FROM"):
            attributes.add(argument)
        elif name == "IMPORT_NAME":
            imports[argument] = None
        elif name in ("STORE_GLOBAL", "DELETE_GLOBAL") or (name in ("STORE_DEREF", "DELETE_DEREF") and argument in code.co_freevars):
            written.add(argument)
    reflects = not _REFLECTION.isdisjoint(seen) or not _REFLECTION.isdisjoint(attributes)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            more = names(inner)
            seen.update(dict.fromkeys(more.globals))
            attributes |= more.attributes
            imports.update(dict.fromkeys(more.imports))
            written |= more.written
            reflects = reflects or more.reflects
    return Names(tuple(seen), frozenset(attributes), tuple(imports), frozenset(written), reflects)


# How far the index of a name is shifted in an instruction's argument, to make room for flags.
_SHIFTS = {"LOAD_GLOBAL": 1, "LOAD_ATTR": int(sys.version_info >= (3, 12)), "LOAD_SUPER_ATTR": 2}


def _uses(code: types.CodeType) -> list[tuple[str, str]]:
    """Each different instruction that has a name as its argument, with the name, in the order in which they come.

    As `dis.get_instructions` has them, which takes a hundred times as long.
    """
    found: dict[tuple[int, int], None] = {}
    extended = 0
    for opcode, low in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument = extended | low
        extended = argument << 8 if opcode == dis.EXTENDED_ARG else 0
        if opcode in _NAMED:
            found[opcode, argument] = None
    cells = [name for name in code.co_cellvars if name not in code.co_varnames]
    places = (*code.co_varnames, *cells, *code.co_freevars)
    return [(dis.opname[op], places[i] if op in dis.hasfree else code.co_names[i >> _SHIFTS.get(dis.opname[op], 0)]) for op, i in found]


_NAMED = frozenset([*dis.hasname, *dis.hasfree])


@functools.lru_cache(4096)
def is_library(module: str, home: str = "") -> bool:
    """Whether a module is installed, and not in the package that is at home: its functions and values are taken not to change.

    >>> is_library("numpy.linalg"), is_library("math"), is_library("__main__")
    (True, True, False)
    """
    top = module.partition(".")[0]
    if top == "__main__" or home and top == home:
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    if top == "wengert" and (file is None or file.startswith(_OURS)):
        return True
    if file is None:
        return top in sys.builtin_module_names or top in sys.stdlib_module_names or top in ("numpy", "scipy", "wengert")
    return any(part in file for part in _INSTALLED) or file.startswith(_STANDARD)


def is_standard(module: str) -> bool:
    """Whether a module belongs to Python itself.

    >>> is_standard("types"), is_standard("numpy")
    (True, False)
    """
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in sys.builtin_module_names
