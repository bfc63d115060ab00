"""The syntax tree of a function, from its source text, at the lines and columns of its file.

Knows Python's functions and files, nothing of what is done with the tree. Start at `tree_of`.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import types
from typing import Any

Node = ast.FunctionDef | ast.Lambda


def tree_of(code: types.CodeType) -> Node | None:
    """A syntax tree of one's own of the function with this code; None if its source cannot be had."""
    lines = linecache.getlines(code.co_filename)
    if not lines or code.co_firstlineno > len(lines):
        return None
    found = _block(code, lines) if code.co_name != "<lambda>" else None
    if found is None:
        found = _in_file(code, lines)
    return found


def _block(code: types.CodeType, lines: list[str]) -> Node | None:
    """The definition that begins at the code's first line, without looking at the rest of the file."""
    first = code.co_firstlineno - 1
    tree = _tree(lines, first, _end(code, lines, first))
    if tree is None:  # a line of a text or in brackets stands further left
        try:
            tree = _tree(lines, first, first + len(inspect.getblock(lines[first:])))
        except (SyntaxError, IndentationError):
            return None
    if tree is None or not tree.body:
        return None
    node = tree.body[0].body[0] if isinstance(tree.body[0], ast.If) else tree.body[0]
    return node if _begins(node, code) else _search(tree, code)  # type: ignore[return-value]


def _end(code: types.CodeType, lines: list[str], first: int) -> int:
    """The line after the definition, as its indentation says: the first behind the last instruction that is not further right."""
    indent = _indent(lines[first])
    last = max([line for _, _, line in code.co_lines() if line is not None], default=first + 1)
    for number in range(max(last, first + 1), len(lines)):
        line = lines[number]
        if _indent(line) <= indent and line.strip() and not line.lstrip().startswith("#"):
            return number
    return len(lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tree(lines: list[str], first: int, end: int) -> ast.Module | None:
    """These lines as a module of one statement, each at its own number; None if they are none."""
    text = "".join(lines[first:end])
    above = "\n" * first
    if _indent(lines[first]):
        above = above[1:] + "if True:\n"
    try:
        return ast.parse(above + text)
    except SyntaxError:
        return None


def _in_file(code: types.CodeType, lines: list[str]) -> Node | None:
    text = "".join(lines)
    try:
        tree = _parsed(code.co_filename, text)
    except SyntaxError:
        return None
    found = _search(tree, code)
    return None if found is None else copied(found)


@functools.lru_cache(16)
def _parsed(file: str, text: str) -> ast.Module:
    return ast.parse(text)


def _search(tree: ast.AST, code: types.CodeType) -> Node | None:
    candidates: list[Any] = []
    for node in ast.walk(tree):
        is_lambda = isinstance(node, ast.Lambda) and code.co_name == "<lambda>"
        if _begins(node, code) or is_lambda and node.lineno <= code.co_firstlineno <= (node.end_lineno or 0):  # type: ignore[attr-defined]
            candidates.append(node)
    if len(candidates) > 1:
        candidates = [c for c in candidates if _fits(c, code)]
    if len(candidates) > 1:  # one inside the other: the inner one's instructions lie in both
        candidates.sort(key=lambda c: (c.end_lineno - c.lineno, c.end_col_offset - c.col_offset if c.end_lineno == c.lineno else 0))
        inner = candidates[0]
        if any([_where(c) == _where(inner) for c in candidates[1:]]) or not all([_contains(c, inner) for c in candidates[1:]]):
            return None
    return candidates[0] if candidates else None


def _begins(node: ast.AST, code: types.CodeType) -> bool:
    """Whether it is a definition of this name that begins where the code does."""
    if not isinstance(node, ast.FunctionDef) or node.name != code.co_name:
        return False
    return code.co_firstlineno in (node.lineno, min([node.lineno, *[d.lineno for d in node.decorator_list]]))


def _names(code: types.CodeType) -> set[str]:
    """All names in the code and the functions in it."""
    found = {*code.co_names, *code.co_freevars, *code.co_varnames, *code.co_cellvars}
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            found |= _names(c)
    return found


def _where(node: Any) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _contains(outer: Any, inner: Any) -> bool:
    a, b = _where(outer), _where(inner)
    return a[:2] <= b[:2] and b[2:] <= a[2:]


def _fits(node: Node, code: types.CodeType) -> bool:
    """Whether the code's instructions lie where the body of this function is, and it has these parameters."""
    a = node.args
    names = [p.arg for p in [*a.posonlyargs, *a.args, *a.kwonlyargs]]
    if tuple(names) != code.co_varnames[: len(names)]:
        return False
    if {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - _names(code) - {p.arg for p in ast.walk(node) if isinstance(p, ast.arg)}:
        return False
    body = node.body if isinstance(node.body, ast.expr) else node.body[-1]
    inside = (body.lineno, body.col_offset, body.end_lineno, body.end_col_offset)
    for line, end_line, column, end_column in code.co_positions():
        if line is None or column is None or end_line is None or end_column is None or (column == 0 and end_column == 0):
            continue
        if isinstance(node, ast.Lambda) and ((line, column) < inside[:2] or (end_line, end_column) > inside[2:]):  # type: ignore[operator]
            return False
    return True


def copied(node: Any) -> Any:
    """A copy of the tree: conversion changes it."""
    made = type(node)()
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            value = copied(value)
        elif isinstance(value, list):
            value = [copied(v) if isinstance(v, ast.AST) else v for v in value]
        setattr(made, name, value)
    for name in node._attributes:
        if hasattr(node, name):
            setattr(made, name, getattr(node, name))
    return made
