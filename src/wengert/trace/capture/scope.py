"""The names that statements bind, jump out of, and declare: what a part of a function must hand on when it is taken aside.

Knows Python's scoping rules, nothing of arrays. Start at `bound`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def here(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes of this scope: not what stands inside functions, classes and comprehensions, but those themselves."""
    waiting = list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [*node.decorator_list, *node.args.defaults, *[d for d in node.args.kw_defaults if d is not None]]
        elif isinstance(node, ast.ClassDef):
            waiting += [*node.decorator_list, *node.bases]
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            waiting += [n for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]  # they bind outside
        elif not isinstance(node, ast.Lambda):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def bound(nodes: Iterable[ast.AST]) -> list[str]:
    """The names that the statements assign to, each once, in order; those declared global or nonlocal too."""
    found: dict[str, None] = {}
    for node in here(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = None
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update({(a.asname or a.name.partition(".")[0]): None for a in node.names})
        elif isinstance(node, ast.ExceptHandler) and node.name or isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            found[node.name] = None
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found[node.rest] = None
    return list(found)


def updated(nodes: Iterable[ast.AST]) -> list[str]:
    """The names of which items are assigned to."""
    found: dict[str, None] = {}
    for node in here(nodes):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            found[node.value.id] = None
    return list(found)


def declared(nodes: Iterable[ast.AST]) -> tuple[set[str], set[str]]:
    """Names declared global, and nonlocal."""
    outside: set[str] = set()
    above: set[str] = set()
    for node in here(nodes):
        if isinstance(node, ast.Global):
            outside.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            above.update(node.names)
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
    if isinstance(node, (*_SCOPES, ast.expr)):
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
