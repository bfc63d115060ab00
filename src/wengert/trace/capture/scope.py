"""The names that statements bind, jump out of, and declare: what a part of a function must hand on when it is taken aside.

Knows Python's scoping rules, nothing of arrays. Start at `bound`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SIMPLE = (  # statements without statements inside
    *(ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Pass, ast.Raise, ast.Assert, ast.Delete),
    *(ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Return, ast.Break, ast.Continue),
)
_FLAT = (*_SIMPLE, *_SCOPES, ast.expr)  # no statement of this scope is inside
_EXPRESSIONS = (ast.expr, ast.Assign, ast.Expr, ast.AugAssign, ast.keyword)  # of which only the names in them bind
_MARKS = frozenset({"ctx", "op", "ops"})  # fields of nodes without parts


def here(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of this scope: not what stands inside functions, classes and comprehensions, but those themselves.

    Operators, and whether a name is read or set, are no nodes of their own.
    """
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        kind = type(node)
        if kind is ast.Name or kind is ast.Constant:
            continue
        if kind in _SCOPES:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                waiting += [*node.decorator_list, *node.args.defaults, *[d for d in node.args.kw_defaults if d is not None]]
            elif isinstance(node, ast.ClassDef):
                waiting += [*node.decorator_list, *node.bases]
            elif not isinstance(node, ast.Lambda):
                waiting += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]  # they bind outside
            continue
        for field in _parts(kind):
            value = getattr(node, field, None)
            if type(value) is list:
                waiting += [v for v in reversed(value) if isinstance(v, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)


@cache
def _parts(kind: Any) -> tuple[str, ...]:
    """The fields of a class of nodes in which there may be others, the last one first."""
    return tuple([field for field in reversed(kind._fields) if field not in _MARKS])


def bound(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that the statements assign to, each once, in order; those declared global or nonlocal too."""
    found: dict[str, None] = {}
    for node in here(nodes):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found[node.id] = None
        elif isinstance(node, _EXPRESSIONS):
            continue
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update({(a.asname or a.name.partition(".")[0]): None for a in node.names})
        elif isinstance(node, ast.ExceptHandler) and node.name or isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found[node.name] = None
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found[node.rest] = None
    return list(found)


_CHANGING = frozenset({"append", "extend", "insert", "pop", "remove", "clear", "add", "update", "discard", "setdefault", "appendleft"})


def updated(nodes: Iterable[ast.AST]) -> list[str]:
    """The names of what is changed in place: items of it are assigned to, or a container's method is called that changes it."""
    found: dict[str, None] = {}
    for node in here(nodes):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
            if isinstance(node.func.value, ast.Name):
                found[node.func.value.id] = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            found[node.value.id] = None
    return list(found)


def appended(body: Iterable[ast.AST]) -> dict[str, int]:
    """Names used only as in `x.append(…)` and `x[-2]`, and how far back these read."""
    uses: dict[str, int] = {}
    found: dict[str, int] = {}
    allowed: dict[str, int] = {}
    for node in [n for statement in body for n in ast.walk(statement)]:
        if isinstance(node, ast.Name):
            uses[node.id] = uses.get(node.id, 0) + 1
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            if isinstance(node.func.value, ast.Name) and len(node.args) == 1:
                name = node.func.value.id
                found.setdefault(name, 0)
                allowed[name] = allowed.get(name, 0) + 1
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
            back = _from_the_end(node.slice)
            if back:
                name = node.value.id
                found[name] = max(found.get(name, 0), back)
                allowed[name] = allowed.get(name, 0) + 1
    appending = {
        n.func.value.id  # type: ignore[attr-defined]
        for statement in body
        for n in ast.walk(statement)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "append" and isinstance(n.func.value, ast.Name)
    }
    return {name: depth for name, depth in found.items() if name in appending and allowed[name] == uses[name]}


def _from_the_end(index: ast.expr) -> int:
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) and isinstance(index.operand, ast.Constant):
        value = index.operand.value
        return value if type(value) is int else 0
    return 0


def declared(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Names declared global, and nonlocal."""
    outside: set[str] = set()
    above: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            outside.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            above.update(node.names)
        elif not isinstance(node, _FLAT):
            waiting += ast.iter_child_nodes(node)
    return outside, above


def jumps(nodes: Iterable[ast.AST]) -> set[str]:
    """How the statements may leave the block that they stand in: "return", "break", "continue"."""
    found: set[str] = set()
    for node in nodes:
        found |= _jumps(node)
    return found


def _jumps(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Return):
        return {"return"}
    if isinstance(node, ast.Break):
        return {"break"}
    if isinstance(node, ast.Continue):
        return {"continue"}
    if isinstance(node, _FLAT):
        return set()
    if isinstance(node, (ast.For, ast.While, ast.AsyncFor)):
        return (jumps(node.body) & {"return"}) | jumps(node.orelse)
    return jumps(ast.iter_child_nodes(node))


def always_jumps(body: list[Any]) -> bool:
    """Whether no path leads to the end of the block."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Break, ast.Continue, ast.Raise)):
        return True
    return isinstance(last, ast.If) and always_jumps(last.body) and always_jumps(last.orelse)


def parameters(arguments: ast.arguments) -> list[str]:
    """The names of all parameters."""
    found = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    return found + [a.arg for a in (arguments.vararg, arguments.kwarg) if a is not None]
