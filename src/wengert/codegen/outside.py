"""What a loop computes without changing it, written again outside of the loop, under names of its own.

Knows the statements of a program. Start at `closure`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from wengert.loops.nest import Affine, Const, For, Index, Let, Load, Name, Program, While, walk
from wengert.loops.scalars import EXPENSIVE
from wengert.loops.scope import outs, used

MEASURED = ("input", "constant", "output", "arena")  # memory that only its own name leads to


def closure(needed: Iterable[int], makers: Mapping[int, Any], changed: Collection[Any]) -> list[Any] | None:
    """What computes those names, of the statements that `makers` tells; None if that is not cheap, or reads memory that is changed.

    Names that have no maker are there already.
    """
    found: dict[int, Any] = {}
    stack = list(needed)
    while stack:
        s = makers.get(stack.pop())
        if s is None or id(s) in found:
            continue
        kind = type(s)
        if kind is Load:
            if s.buffer in changed or s.buffer.space not in MEASURED:
                return None
        elif kind is Let:
            if s.op in EXPENSIVE or not all([type(a) in (Name, Const) and a.kind != "p" for a in (*s.args, s.out)]):
                return None
        elif kind is not Index:
            return None
        found[id(s)] = s
        stack += names_of(used(s))
    return list(found.values())


class Fresh:
    """New names for scalars of a program."""

    def __init__(self, program: Program) -> None:
        self.program, self.last = program, 0

    def __call__(self, kind: str) -> Name:
        """A name that is not in the program yet."""
        if not self.last:
            self.last = max([x.id for s in walk(self.program.block) for x in _defined(s)], default=0)
        self.last += 1
        return Name(self.last, kind)


def copied(statements: Iterable[Any], names: dict[int, Name], fresh: Callable[[str], Name]) -> list[Any]:
    """The same computation under new names, which `names` then tells."""
    copies: list[Any] = []
    for s in statements:
        out = fresh(s.out.kind)
        if type(s) is Let:
            copies.append(Let(out, s.op, tuple([renamed(a, names) for a in s.args])))
        elif type(s) is Index:
            copies.append(Index(out, renamed_affine(s.affine, names)))
        else:
            copies.append(Load(out, s.buffer, renamed_affine(s.offset, names), s.part))
        names[s.out.id] = out
    return copies


def renamed(x: Any, names: Mapping[int, Name | Const]) -> Any:
    """A scalar by its new name, or the number that it is."""
    return names.get(x.id, x) if type(x) is Name else x


def renamed_affine(x: Affine, names: Mapping[int, Name | Const]) -> Affine:
    """An index by the new names, or numbers, in it."""
    total = Affine(x.const)
    for name, c in x.terms:
        new = names.get(name.id, name)
        total = total + (Affine(int(new.value) * c) if isinstance(new, Const) else Affine(0, ((new, c),)))
    return total


def names_of(scalars: Iterable[Any]) -> set[int]:
    """Which of them are names."""
    return {x.id for x in scalars if type(x) is Name}


def _defined(s: Any) -> list[Name]:
    found = [*outs(s)]
    if type(s) in (For, While):
        found += s.carries
    if type(s) is For:
        found.append(s.index)
    return found
