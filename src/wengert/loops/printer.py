"""The text of a program of loop nests: one statement a line, what is inside a loop or a branch indented.

Knows statements and no operation. Start at `print_program`; `head` gives the line of one statement alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from wengert.loops.nest import REAL, Address, Call, Fail, Fill, For, Host, If, Index, Invoke, Let, Load, Name, Part, Program, Store, While

INDENT = "  "


def print_program(program: Program) -> str:
    """All of it: where arguments and results are, the statements, then what the numbers of operations and failures mean.

    The routines come first, each once.
    """
    lines: list[str] = []
    for p in (*program.routines, program):
        inputs, outputs = [", ".join([f"{b!r}: {b.kind}[{b.size}]" for b in p.arrays(space)]) for space in ("input", "output")]
        lines.append(f"{'program' if p is program else 'routine'} {p.name}({inputs}) -> ({outputs}):")
        lines += [INDENT + line for line in block(p.block)]
    lines += [f"python {number}: {operation.name}" for number, (operation, *_) in enumerate(program.hosts)]
    for number, failure in enumerate(program.failures, 1):
        facts = ", ".join(map(str, failure.facts))
        lines.append(f"failure {number}: {failure.kind}({facts})" + (f" at {failure.span}" if failure.span else ""))
    return "\n".join(lines) + "\n"


def block(statements: Sequence[Any]) -> Iterator[str]:
    """The lines of a block."""
    for s in statements:
        yield head(s)
        inside = INSIDE.get(type(s))
        if inside is not None:
            yield from inside(s)


def head(statement: Any) -> str:
    """The first line of a statement, or its only one."""
    return HEADS.get(type(statement), repr)(statement)


def _indented(statements: Sequence[Any], last: str = "") -> Iterator[str]:
    for line in block(statements):
        yield INDENT + line
    if last:
        yield INDENT + last


def _values(values: Sequence[Any]) -> str:
    return ", ".join(map(repr, values))


def _defined(names: Sequence[Name]) -> str:
    """`%1: f8, %2: i8 = `, or nothing where nothing is defined."""
    return ", ".join([f"{x!r}: {x.kind}" for x in names]) + " = " if names else ""


def _carried(s: For | While) -> str:
    pairs = [f"{c!r} = {x!r}" for c, x in zip(s.carries, s.inits, strict=False)]
    return " carry " + ", ".join(pairs) if pairs else ""


def _element(s: Load | Store) -> str:
    part = (".re", ".im")[s.part] if s.buffer.kind in REAL else ""
    return f"{s.buffer!r}[{s.offset!r}]{part}"


def _loop(s: For) -> str:
    step = f", {s.step}" if s.step != 1 else ""
    word = "parallel for" if s.parallel else f"{s.hint} for".strip()
    return f"{_defined(s.outs)}{word} {s.index!r} in range({s.start!r}, {s.stop!r}{step}){_carried(s)}:"


def _argument(a: Any) -> str:
    return f"&({a[1]!r})" if type(a) is tuple else "context" if getattr(a, "kind", "") == "context" else repr(a)


def _call(s: Call) -> str:
    outs = s.out if isinstance(s.out, tuple) else () if s.out is None else (s.out,)
    writes = f" writes {_values(s.writes)}" if s.writes else ""
    args = [*map(_argument, s.args)]
    if s.table:
        args[: s.table] = [f"[{', '.join(args[: s.table])}]"]
    return f"{_defined(outs)}{s.symbol}({', '.join(args)}){writes}"


def _fill(s: Fill) -> str:
    return f"zero {s.count} at {s.target!r}" if s.source is None else f"copy {s.count} from {s.source!r} to {s.target!r}"


def _fail(s: Fail) -> str:
    return f"fail {s.number} if {s.condition!r}" + (f" with {_values(s.details)}" if s.details else "")


def _addresses(addresses: Sequence[Address]) -> str:
    return f"({_values(addresses)})"


def _inside_while(s: While) -> Iterator[str]:
    yield from _indented(s.test, f"stop unless {s.condition!r}")
    yield from _indented(s.body, f"next {_values(s.nexts)}" if s.nexts else "")


def _inside_if(s: If) -> Iterator[str]:
    then, orelse = [f"give {_values(values)}" if values else "" for values in s.values]
    yield from _indented(s.then, then)
    if s.orelse or orelse:
        yield "else:"
        yield from _indented(s.orelse, orelse)


HEADS: dict[type, Callable[[Any], str]] = {
    Let: lambda s: f"{_defined([s.out])}{s.op} {_values(s.args)}",
    Index: lambda s: f"{_defined([s.out])}{s.affine!r}",
    Load: lambda s: f"{_defined([s.out])}load {_element(s)}",
    Store: lambda s: f"store {_element(s)} = {s.value!r}",
    For: _loop,
    While: lambda s: f"{_defined(s.outs)}while{_carried(s)}:",
    If: lambda s: f"{_defined(s.outs)}if {s.condition!r}:",
    Fail: _fail,
    Call: _call,
    Host: lambda s: f"python {s.index}{_addresses(s.inputs)} -> {_addresses(s.outputs)}",
    Fill: _fill,
    Invoke: lambda s: f"run {s.routine.name}{_addresses(s.inputs)} -> {_addresses(s.outputs)} with {s.scratch!r}",
    Part: lambda s: f"{s.name}:",
}
INSIDE: dict[type, Callable[[Any], Iterator[str]]] = {
    For: lambda s: _indented(s.body, f"next {_values(s.nexts)}" if s.nexts else ""),
    While: _inside_while,
    If: _inside_if,
    Part: lambda s: _indented(s.body),
}
