"""Which axes are one: an axis followed through all operations that treat each of its places alike.

Knows operations by their `tracks` alone, and nothing of what is done with such an axis. Start at `axes_of`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wengert.contract import Track
from wengert.ir.values import Equation, Function, Var

SHORTEST = 64  # axes that are not worth following


def given(operands: Sequence[Any], track: Track) -> list[tuple[Any, int]]:
    """The operands that have the axis, and which of theirs it is: variables and arrays of constants, but for those that count it."""
    pairs = enumerate(zip(operands, track.operands, strict=True))
    return [(a, i) for n, (a, i) in pairs if i is not None and is_array(a) and n not in track.counted]


def is_array(a: Any) -> bool:
    """Whether it has elements that differ: a variable, or such a constant."""
    return type(a) is Var or not a.is_splat


class Axis:
    """An axis that many values have: value -> which of its own axes that is. Values that have it twice are left out."""

    def __init__(self, members: Iterable[tuple[Any, int]], tracks: Mapping[Equation, Sequence[Track]]) -> None:
        self.tracks = tracks
        self.of: dict[Any, int] = {}
        twice: set[Any] = set()
        for v, a in members:
            if v in self.of:
                twice.add(v)
            self.of[v] = a
        for v in twice:
            del self.of[v]

    @property
    def length(self) -> int:
        """How many places it has."""
        v, a = next(iter(self.of.items()))
        return v.type.shape[a]  # type: ignore[no-any-return]

    @property
    def bytes(self) -> int:
        """The size of all values that have it."""
        return sum([v.type.size * v.type.dtype.itemsize for v in self.of])

    def track(self, equation: Equation) -> Track | None:
        """How the axis passes through an equation: a part of its result from that part of its operands alone; None if it does not."""
        for track in self.tracks.get(equation, ()):
            along = given(equation.operands, track)
            if not along if track.result is None else self.of.get(equation.outs[0]) != track.result:
                continue
            if all([self.of.get(a) == i for a, i in along]):
                return track
        return None


def axes_of(function: Function) -> list[Axis]:
    """The axes of a Function's values, largest first; by union and find."""
    parent: dict[tuple[Any, int], tuple[Any, int]] = {}

    def find(key: tuple[Any, int]) -> tuple[Any, int]:
        root = key
        while parent.setdefault(root, root) is not root:
            root = parent[root]
        while parent[key] is not root:
            parent[key], key = root, parent[key]
        return root

    tracks: dict[Equation, Sequence[Track]] = {}
    for equation in function.equations:
        if len(equation.outs) != 1:
            continue
        found = tracks[equation] = tuple(equation.operation.tracks(equation.operands))  # type: ignore[attr-defined]
        for track in found:
            keys = given(equation.operands, track)
            if track.result is not None:
                keys.append((equation.outs[0], track.result))
            if keys and keys[0][0].type.shape[keys[0][1]] >= SHORTEST:
                first = find(keys[0])
                for key in keys[1:]:
                    parent[find(key)] = first
    classes: dict[tuple[Any, int], list[tuple[Any, int]]] = {}
    for key in parent:
        classes.setdefault(find(key), []).append(key)
    axes = [Axis(members, tracks) for members in classes.values()]
    return sorted([axis for axis in axes if axis.of], key=lambda axis: -axis.bytes)
