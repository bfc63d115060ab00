"""Which scalars statements use and define.

Knows no array operation. Start at `free`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.loops.nest import (
    Address,
    Affine,
    Call,
    Fail,
    Fill,
    For,
    Host,
    If,
    Index,
    Invoke,
    Let,
    Load,
    Name,
    Store,
    While,
    addressed,
    walk,
)


def used(statement: Any) -> list[Any]:
    """Scalars that a statement itself uses, names and constants alike."""
    kind = type(statement)
    if kind is Let:
        return [a for a in statement.args if type(a) is not Address] + [
            n for a in statement.args if type(a) is Address for n, _ in a.offset.terms
        ]
    affine: tuple[Affine, ...] = ()
    out: list[Any] = []
    if kind is Load:
        affine = (statement.offset,)
    elif kind is Store:
        affine, out = (statement.offset,), [statement.value]
    elif kind is Index:
        affine = (statement.affine,)
    elif kind is For:
        affine, out = (statement.start, statement.stop), [*statement.inits, *statement.nexts]
    elif kind is While:
        out = [*statement.inits, statement.condition, *statement.nexts]
    elif kind is If:
        out = [statement.condition, *statement.values[0], *statement.values[1]]
    elif kind is Fail:
        out = [statement.condition, *statement.details]
    elif kind is Call:
        affine = tuple([a.offset for a in statement.args if type(a) is Address])
        out = [a[1] if type(a) is tuple else a for a in statement.args if type(a) is not Address]
    elif kind is Host or kind is Invoke:
        affine = tuple([a.offset for a in (*statement.inputs, *statement.outputs)])
    elif kind is Fill:
        affine = (statement.target.offset,) + (() if statement.source is None else (statement.source.offset,))
    pointers = [b.data for b, _ in addressed(statement) if b.space == "pointer"]
    return out + pointers + [name for a in affine for name, _ in a.terms]


def outs(statement: Any) -> Sequence[Name]:
    """The scalars that a statement defines for those after it."""
    kind = type(statement)
    if kind is Let or kind is Load or kind is Index:
        return (statement.out,)
    if kind is Call:
        out = statement.out
        return out if type(out) is tuple else () if out is None else (out,)
    return getattr(statement, "outs", ())


def free(block: list[Any]) -> list[Name]:
    """Scalars that a block uses and does not define."""
    own: set[int] = set()
    needed: dict[int, Name] = {}
    for s in walk(block):
        own.update([x.id for x in outs(s)])
        if type(s) is For:
            own.add(s.index.id)
        if type(s) in (For, While):
            own.update([x.id for x in s.carries])
        for x in used(s):
            if type(x) is Name:
                needed[x.id] = x
    return [x for id, x in needed.items() if id not in own]


def defined(block: list[Any]) -> list[Name]:
    """Scalars that the block's own statements define, for those after it."""
    return [x for s in block for x in outs(s)]
