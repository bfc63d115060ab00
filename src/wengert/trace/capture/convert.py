"""A function of the user's as one that can be traced: its text rewritten, compiled at its own lines, around its own closure.

Start at `function`.
"""

from __future__ import annotations
import __future__

import ast
import dis
import inspect
import types
from typing import Any

from wengert.trace.capture.rewrite import RUNTIME, Rewriter, located
from wengert.trace.capture.source import tree_of
from wengert.trace.capture.stage import FOLDS, REDUCTIONS, Stager

_FUTURE = sum([getattr(__future__, name).compiler_flag for name in __future__.all_feature_names if name == "annotations"])
_WHOLE = f"{RUNTIME[:-2]}_function"
_codes: dict[tuple[int, bool], tuple[types.CodeType, types.CodeType | None]] = {}  # by identity of the code, which is kept
_originals: dict[int, tuple[types.CodeType, Any]] = {}  # converted code -> itself, and the code and staging it is of


def function(f: types.FunctionType, staged: bool) -> types.FunctionType | None:
    """f with its text rewritten; None where that cannot be, or is done already."""
    if id(f.__code__) in _originals:
        return None
    code = _code(f.__code__, staged, f)
    if code is None or not {*code.co_freevars} <= {*f.__code__.co_freevars, RUNTIME}:
        return None
    own = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
    own[RUNTIME] = _runtime()
    made = types.FunctionType(code, f.__globals__, f.__name__, f.__defaults__, tuple([own[name] for name in code.co_freevars]))
    made.__kwdefaults__ = f.__kwdefaults__
    made.__qualname__, made.__module__, made.__doc__ = f.__qualname__, f.__module__, f.__doc__
    return made


def assigned_outside(code: types.CodeType) -> tuple[str, ...]:
    """The variables of functions around it that the code assigns to."""
    found = _outside.get(id(code))
    if found is None:
        stored = {i.argval for i in dis.get_instructions(code) if i.opname in ("STORE_DEREF", "DELETE_DEREF")}
        inner = [assigned_outside(c) for c in code.co_consts if isinstance(c, types.CodeType)]
        names = stored.union(*inner) & {*code.co_freevars}
        found = _outside[id(code)] = (code, tuple(sorted(names)))
    return found[1]


_outside: dict[int, tuple[types.CodeType, tuple[str, ...]]] = {}
_cells: list[Any] = []


def _runtime() -> Any:
    if not _cells:
        from wengert.trace.capture import operators

        _cells.append(types.CellType(operators))
    return _cells[0]


def _code(code: types.CodeType, staged: bool, f: types.FunctionType) -> types.CodeType | None:
    found = _codes.get((id(code), staged))
    if found is None:
        if len(_codes) > 10_000:
            _codes.clear()
        found = _codes[id(code), staged] = (code, _rewritten(code, staged, f.__globals__))
    return found[1]


def _rewritten(code: types.CodeType, staged: bool, space: dict[str, Any]) -> types.CodeType | None:
    if code.co_flags & (0x20 | 0x80 | 0x100 | 0x200):  # generators and coroutines
        return None
    tree: Any = tree_of(code)
    if tree is None:
        return None
    klass = code.co_qualname.rpartition(".")[0].rpartition(".")[2] if "." in code.co_qualname else ""
    klass = "" if klass.endswith(">") else klass
    first = code.co_varnames[0] if code.co_argcount else ""
    known = {n for n, x in space.items() if isinstance(x, types.ModuleType)} | {*FOLDS, *REDUCTIONS} - {*space}
    rewriter = (Stager if staged else Rewriter)(klass, first, frozenset((known & _names(code)) - {*code.co_freevars}))
    tree = rewriter.function(tree)
    names = [n for n in code.co_freevars if n != RUNTIME]
    is_lambda = isinstance(tree, ast.Lambda)
    if not is_lambda:
        tree.name = _WHOLE  # its own name is looked up where the function was written
    inner: list[Any] = [ast.Return(tree)] if is_lambda else [tree, ast.Return(ast.Name(tree.name, ast.Load()))]
    arguments = ast.arguments([], [ast.arg(n) for n in [*names, RUNTIME]], None, [], [], None, [])
    outer = ast.FunctionDef(f"{RUNTIME[:-2]}_outer", arguments, inner, [])
    module = ast.Module([outer], [])
    outer.lineno = outer.end_lineno = tree.lineno
    outer.col_offset = outer.end_col_offset = 0
    located(outer, outer)
    flags = code.co_flags & _FUTURE
    try:
        compiled = compile(module, code.co_filename, "exec", flags, dont_inherit=True)
    except TypeError:  # somewhere inside is a node without a place; to look at all of them takes as long as to compile them
        compiled = compile(ast.fix_missing_locations(module), code.co_filename, "exec", flags, dont_inherit=True)
    wrapper = next(c for c in compiled.co_consts if isinstance(c, types.CodeType))
    name = "<lambda>" if is_lambda else _WHOLE
    found = [c for c in wrapper.co_consts if isinstance(c, types.CodeType) and c.co_name == name]
    made = _named(found[-1], code.co_name, code.co_qualname)
    _remember(made)
    return made


def _names(code: types.CodeType) -> set[str]:
    """The names in the code and the functions in it that may be global."""
    return {*code.co_names}.union(*[_names(c) for c in code.co_consts if isinstance(c, types.CodeType)])


def _named(code: types.CodeType, name: str, qualified: str) -> types.CodeType:
    """The functions made of parts of the text appear in tracebacks under the name of the whole."""
    constants = []
    is_class = not code.co_flags & inspect.CO_OPTIMIZED
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            part = c.co_name.startswith(RUNTIME[:-2])
            inner = name if part else c.co_name
            if not c.co_flags & inspect.CO_OPTIMIZED:  # the body of a class, which says its name itself
                said = f"{qualified}.<locals>.{inner}"
                c = c.replace(co_consts=tuple([said if k == c.co_qualname else k for k in c.co_consts]))
            c = _named(c, inner, qualified if part else f"{qualified}.{inner if is_class else '<locals>.' + inner}")
        constants.append(c)
    return code.replace(co_consts=tuple(constants), co_name=name, co_qualname=qualified)


def _remember(code: types.CodeType) -> None:
    _originals[id(code)] = (code, None)
    for c in code.co_consts:
        if isinstance(c, types.CodeType) and c.co_flags & inspect.CO_OPTIMIZED:  # not the body of a class, which is left as it is
            _remember(c)
