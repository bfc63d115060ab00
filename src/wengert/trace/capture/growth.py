"""Lists that a loop appends to: what is appended in each iteration is stacked, and is in the list when the loop has run.

In the body the list holds its last items only, which is all that the body reads of it. Start at `Growth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert import tree
from wengert.trace import boxes
from wengert.trace.capture.containers import Unstaged
from wengert.trace.capture.state import as_type, plain
from wengert.trace.capture.values import is_data, is_weak, kind_of
from wengert.trace.tracer import Tracer


class Growth:
    """A list that gets `count` items an iteration; `depth` is how far from its end the body reads it."""

    def __init__(self, items: list[Any], depth: int) -> None:
        self.items, self.depth = items, depth
        self.count = 0
        self.before: list[Any] = []
        self.structures: list[Any] = []
        self.types: list[Any] = []
        self.weak: list[bool] = []

    def begins(self, found: list[Any]) -> bool:
        """Whether the list, as a first iteration left it, has only grown."""
        before = boxes.contents(self.items)
        self.count = len(found) - len(before)
        if self.count < 1 or len(before) < self.depth or not all([_same(x, y) for x, y in zip(found, before, strict=False)]):
            return False
        self.before = before
        return True

    @property
    def tail(self) -> list[Any]:
        """The items that the body reads, at first."""
        return self.before[len(self.before) - self.depth :]

    def split(self, found: list[Any]) -> tuple[list[Any], list[Any]]:
        """What the list holds after an iteration as the last items for the next one, and the leaves of what was appended."""
        new = found[self.depth :]
        if len(new) != self.count:
            raise Unstaged("a list does not grow by as many items in each iteration")
        leaves: list[Any] = []
        self.structures = []
        for item in new:
            some, structure = tree.flatten(item)
            some = [plain(x) for x in some]
            if not all([is_data(x) for x in some]):
                raise Unstaged("what is appended to a list is no number or array")
            self.structures.append(structure)
            leaves += some
        self.types = [kind_of(x) for x in leaves]
        self.weak = [is_weak(x) for x in leaves]
        return found[len(found) - self.depth :], [
            x if isinstance(x, Tracer) else as_type(x, t) for x, t in zip(leaves, self.types, strict=True)
        ]

    def filled(self, stacks: Sequence[Any], length: int) -> list[Any]:
        """The list after the loop, from the stacked leaves."""
        out = list(self.before)
        for i in range(length):
            given = iter(zip(stacks, self.weak, strict=True))
            for structure in self.structures:
                leaves = []
                for stack, weak in [next(given) for _ in range(structure.num_leaves)]:
                    item = stack[i]
                    item.weak = weak
                    item.origin = (stack, i, stack.atom, item.atom)
                    leaves.append(item)
                out.append(tree.unflatten(structure, leaves))
        return out


def _same(x: Any, y: Any) -> bool:
    x = plain(x)
    if isinstance(x, Tracer) and isinstance(y, Tracer):
        return x.atom is y.atom
    return x is y or not isinstance(x, Tracer) and type(x) is type(y) and isinstance(x, (int, float, complex, str)) and x == y
