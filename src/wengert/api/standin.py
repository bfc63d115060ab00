"""A copy of a function, as shallow as can be, in which traced values stand where it sees arrays.

The function's own objects are left as they are: what holds an array on the way is copied, the rest is shared.
Knows Python's objects; start at `StandIns`.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from typing import Any

from wengert.api.guards import cell_of, default_of, global_of, inherited_by, keyword_default_of, own_of
from wengert.api.surroundings import Node, Surroundings
from wengert.api.transformed import Transformed


class StandIns:
    """Stand-ins for the things that a function sees, made when asked for: `of(index)` is what takes the place of a node."""

    def __init__(self, surroundings: Surroundings, traced: Mapping[int, Any]) -> None:
        self._nodes = surroundings.nodes
        self._made: dict[int, Any] = dict(traced)
        self._spaces: dict[int, dict[str, Any]] = {}  # copies of the globals of modules
        self._differs = self._holders(traced)

    def _holders(self, traced: Mapping[int, Any]) -> set[int]:
        """Nodes under which a traced value stands."""
        above: dict[int, list[int]] = {}
        for i, node in enumerate(self._nodes):
            if node.parent >= 0:
                above.setdefault(i, []).append(node.parent)
            if node.alias is not None:
                above.setdefault(node.alias, []).append(i)
        reached: set[int] = set()
        waiting = list(traced)
        while waiting:
            index = waiting.pop()
            if index not in reached:
                reached.add(index)
                waiting += above.get(index, ())
        return reached

    def of(self, index: int) -> Any:
        """What takes the place of this node: itself, if nothing under it is traced."""
        node = self._nodes[index]
        if index not in self._differs:
            return node.value
        if node.alias is not None:
            return self.of(node.alias)
        if index not in self._made:
            getattr(self, "_" + node.kind)(index, node)
        return self._made[index]

    def _changed(self, node: Node) -> list[tuple[Node, Any]]:
        """The children that differ, with what takes their place."""
        return [(self._nodes[i], self.of(i)) for i in node.children if i in self._differs]

    def _function(self, index: int, node: Node) -> None:
        f = node.value
        under = [(i, self._nodes[i]) for i in node.children if i in self._differs]
        space = f.__globals__
        if any([child.read is global_of for _, child in under]):
            space = self._spaces.setdefault(id(space), dict(space))
        cells = list(f.__closure__ or ())
        for _, child in under:
            if child.read is cell_of:
                cells[child.key] = types.CellType()
        made = types.FunctionType(f.__code__, space, f.__name__, f.__defaults__, tuple(cells))
        made.__kwdefaults__ = dict(f.__kwdefaults__) if f.__kwdefaults__ else None
        made.__dict__.update(f.__dict__)
        made.__qualname__, made.__module__, made.__doc__ = f.__qualname__, f.__module__, f.__doc__
        self._made[index] = made  # before its parts: it may call itself
        defaults = list(f.__defaults__ or ())
        for i, child in under:
            value = self.of(i)
            if child.read is cell_of:
                cells[child.key].cell_contents = value
            elif child.read is global_of:
                space[child.key] = value
            elif child.read is default_of:
                defaults[child.key] = value
            elif child.read is keyword_default_of:
                made.__kwdefaults__[child.key] = value  # type: ignore[index]
        if defaults:
            made.__defaults__ = tuple(defaults)

    def _sequence(self, index: int, node: Node) -> None:
        if isinstance(node.value, list):
            made = self._made[index] = list(node.value)
            for child, value in self._changed(node):
                made[child.key] = value
            return
        items = list(node.value)
        for child, value in self._changed(node):
            items[child.key] = value
        self._made[index] = tuple.__new__(type(node.value), items)

    def _dict(self, index: int, node: Node) -> None:
        made = self._made[index] = type(node.value)(node.value)
        for child, value in self._changed(node):
            made[child.key] = value

    def _instance(self, index: int, node: Node) -> None:
        made = self._made[index] = object.__new__(type(node.value))
        made.__dict__.update(node.value.__dict__)
        for child, value in self._changed(node):
            if child.read is own_of:
                made.__dict__[child.key] = value
            elif child.read is inherited_by:
                bound = isinstance(value, types.FunctionType)
                made.__dict__[child.key[1]] = types.MethodType(value, made) if bound else _bound(value, made)

    def _module(self, index: int, node: Node) -> None:
        made = self._made[index] = types.ModuleType(node.value.__name__)
        made.__dict__.update(node.value.__dict__)
        for child, value in self._changed(node):
            made.__dict__[child.key] = value

    def _method(self, index: int, node: Node) -> None:
        parts = {child.key: value for child, value in self._changed(node)}
        self._made[index] = types.MethodType(parts.get("__func__", node.value.__func__), parts.get("__self__", node.value.__self__))

    def _partial(self, index: int, node: Node) -> None:
        p = node.value
        f, args, keywords = p.func, list(p.args), dict(p.keywords)
        for child, value in self._changed(node):
            if child.key == "func" and child.read is getattr:
                f = value
            elif isinstance(child.key, int):
                args[child.key] = value
            else:
                keywords[child.key] = value
        self._made[index] = functools.partial(f, *args, **keywords)

    def _transformed(self, index: int, node: Node) -> None:
        old: Transformed = node.value
        made = self._made[index] = Transformed.__new__(Transformed)
        made.__dict__.update(old.__dict__)
        for _, value in self._changed(node):
            made.f = made.__wrapped__ = value  # type: ignore[attr-defined]

    def _parts(self, index: int, node: Node) -> None:
        made = self._made[index] = node.value.standing()
        parts = list(node.value.trace_parts())
        for child, value in self._changed(node):
            parts[child.key] = value
        made.stand(node.value, parts)


def _bound(value: Any, instance: Any) -> Any:
    """What reading the attribute gives, for a descriptor of a class."""
    return value.__get__(instance, type(instance)) if hasattr(type(value), "__get__") else value
