"""What a function sees besides its arguments: found when it is traced, read and checked again at every call.

Arrays in closures, globals, defaults and attributes, and containers of them, are data: they are read when the
function is called. Everything else it sees that may change (numbers, strings, its own helper functions) decides what
the program is, and is guarded. Knows Python's objects, and of arrays only their type. Start at `Surroundings`.
"""

from __future__ import annotations

import collections
import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.api.guards import (
    ATOMS,
    CHECKS,
    MISSING,
    always,
    argument_of,
    attribute_of_class,
    cell_of,
    default_of,
    difference,
    expectation,
    given,
    global_of,
    identical,
    imported_by,
    inherited_by,
    inside_of,
    is_numeric,
    item_of,
    keyword_default_of,
    keyword_of,
    nothing,
    own_of,
    part_of,
    place_of,
    same_atom,
    same_content,
    same_type,
    snapshot,
    type_seen,
)
from wengert.api.names import Names, is_library, is_standard, names
from wengert.api.transformed import Transformed
from wengert.ir.values import Traced
from wengert.runtime.watch import CODE, Place

_WRAPPERS = (staticmethod, classmethod, property, functools.cached_property, type(functools.lru_cache(len)))
_HOLDERS = ("transformed", "partial", "method")


class Node:
    """Something that the function sees, and how it is reached: `read(parent, key)`.

    `check(value, expected)` says whether the trace still holds; `replaceable` whether a stand-in of the parent can hold
    another value here, so that a traced value can take the place of an array.
    """

    __slots__ = ("alias", "check", "children", "expected", "holds", "key", "kind", "label", "parent", "read", "replaceable", "value")

    def __init__(self, value: Any, parent: int, read: Callable[[Any, Any], Any], key: Any, label: str, replaceable: bool) -> None:
        self.value, self.parent, self.read, self.key, self.label, self.replaceable = value, parent, read, key, label, replaceable
        self.kind = "opaque"
        self.check: Callable[[Any, Any], bool] = identical
        self.expected: Any = value
        self.children: list[int] = []
        self.alias: int | None = None  # seen before, by another path
        self.holds = False  # what it holds stays in it


class Surroundings:
    """All that some roots (a function, static arguments) lead to.

    nodes[0 … len(roots) - 1] are the roots; a parent comes before its children.
    """

    def __init__(self, roots: Sequence[Any]) -> None:
        self.nodes: list[Node] = []
        self._found: dict[int, int] = {}
        self._attributes: set[str] = set()
        self._reflects = False
        self._waiting: collections.deque[int] = collections.deque()
        self._instances: dict[int, set[str]] = {}
        module = getattr(roots[0], "__module__", None) or type(roots[0]).__module__ or ""
        self._home = module.partition(".")[0] if is_library(module) and not is_standard(module) else ""
        if self._home in ("numpy", "scipy", "wengert"):
            self._home = ""
        for i, root in enumerate(roots):
            self._see(root, -1, given, i, "", True)
        self._walk()
        exposed = self._exposed()
        self.arrays = [i for i, n in enumerate(self.nodes) if n.kind == "array" and i not in exposed and is_numeric(n.value)]
        self._steps: list[tuple[Any, ...]] = []
        self.places: list[Place] | None = None  # set by `settle`: what native code has to look at; None where that is not enough

    # -- finding -------------------------------------------------------------------------------

    def _walk(self) -> None:
        while True:
            while self._waiting:
                index = self._waiting.popleft()
                self._open(index, self.nodes[index])
            for index in list(self._instances):  # names seen since may be attributes of what was seen before
                self._attributes_of(index, self.nodes[index])
            if not self._waiting:
                return

    def _see(self, value: Any, parent: int, read: Callable[[Any, Any], Any], key: Any, label: str, replaceable: bool) -> None:
        node = Node(value, parent, read, key, label, replaceable)
        kind = self._kind(value)
        if kind is None and parent >= 0:
            return
        index = len(self.nodes)
        node.kind = kind or "opaque"
        node.holds = kind in _HOLDERS or type(value) is tuple or kind == "parts" and getattr(value, "can_stand_in", False)
        if kind == "atom":
            node.check = same_atom
        else:
            earlier = self._found.get(id(value))
            if earlier is not None:
                node.alias, node.kind = earlier, "alias"
            else:
                self._found[id(value)] = index
                node.check, node.expected = CHECKS.get(node.kind, identical), expectation(node.kind, value)
                self._waiting.append(index)
        self.nodes.append(node)
        if parent >= 0:
            self.nodes[parent].children.append(index)

    def _kind(self, value: Any) -> str | None:
        """What sort of thing it is; None for what is taken not to change."""
        if isinstance(value, (Traced, np.ndarray)):
            return "array" if isinstance(value, (Traced, np.memmap, np.recarray)) or type(value) is np.ndarray else "opaque"
        if isinstance(value, ATOMS):
            return "atom"
        if isinstance(value, types.ModuleType):
            return None if is_library(value.__name__, self._home) else "module"
        if isinstance(value, types.FunctionType):
            return None if not value.__closure__ and self._is_library(value) else "function"
        if isinstance(value, Transformed):
            return "transformed"
        if hasattr(type(value), "trace_parts"):
            return "parts"
        if isinstance(value, type):
            return None if self._is_library(value) else "class"
        if isinstance(value, types.MethodType):
            return "method"
        if isinstance(value, functools.partial):
            return "partial"
        if isinstance(value, _WRAPPERS):
            return "wrapper"
        if isinstance(value, (list, tuple, collections.deque)):
            return "atoms" if all([isinstance(x, ATOMS) for x in value]) else "sequence"
        if isinstance(value, dict):
            return "dict"
        if isinstance(value, (set, frozenset)):
            return "set"
        if isinstance(value, (types.BuiltinFunctionType, np.ufunc)) or type(value).__module__ in ("numpy", "builtins"):
            return None
        module = type(value).__module__ or ""
        has_attributes = hasattr(value, "__dict__") or any(["__slots__" in vars(cls) for cls in type(value).__mro__])
        if has_attributes and (is_standard(module) or not is_library(module, self._home)):
            return "instance"
        return "opaque"

    def _is_library(self, value: Any) -> bool:
        return is_library(getattr(value, "__module__", None) or "", self._home)

    def _mention(self, found: Names) -> None:
        self._attributes |= found.attributes
        self._reflects = self._reflects or found.reflects

    def _open(self, index: int, node: Node) -> None:
        """See what this leads to."""
        value, kind = node.value, node.kind
        see = lambda child, read, key, label, replaceable=True: self._see(child, index, read, key, label, replaceable)
        if kind == "function":
            self._open_function(index, node)
        elif kind == "sequence":
            exact = type(value) in (list, tuple) or hasattr(value, "_fields")
            for i, item in enumerate(value):
                see(item, item_of, i, f"{node.label}[{i}]", exact)
        elif kind == "dict":
            exact = type(value) in (dict, collections.OrderedDict)
            for key, item in value.items():
                see(item, item_of, key, f"{node.label}[{key!r}]", exact)
        elif kind == "method":
            see(value.__func__, getattr, "__func__", node.label)
            see(value.__self__, getattr, "__self__", node.label or "self")
        elif kind == "partial":
            see(value.func, getattr, "func", node.label)
            for i, item in enumerate(value.args):
                see(item, argument_of, i, f"{node.label}.args[{i}]")
            for key, item in value.keywords.items():
                see(item, keyword_of, key, f"{node.label}.keywords[{key!r}]")
        elif kind == "transformed":
            see(value.f, getattr, "f", node.label)
        elif kind == "parts":
            for i, part in enumerate(value.trace_parts()):
                see(part, part_of, i, node.label, getattr(value, "can_stand_in", False))
        elif kind == "wrapper":
            see(inside_of(value, None), inside_of, None, node.label, False)
        elif kind in ("instance", "class", "module"):
            self._instances[index] = set()

    def _open_function(self, index: int, node: Node) -> None:
        f = node.value
        found = names(f.__code__)
        self._mention(found)
        for i, (name, cell) in enumerate(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)):
            if name != "__class__":
                try:
                    content = cell.cell_contents
                except ValueError:  # not assigned yet
                    continue
                self._see(content, index, cell_of, i, name, name not in found.written)  # what the code assigns to stays where it is
        for name in found.globals:
            if name in f.__globals__:
                self._see(f.__globals__[name], index, global_of, name, name, name not in found.written)
        for i, value in enumerate(f.__defaults__ or ()):
            self._see(value, index, default_of, i, f"default {i} of {f.__name__}", True)
        for name, value in (f.__kwdefaults__ or {}).items():
            self._see(value, index, keyword_default_of, name, f"default {name} of {f.__name__}", True)
        for name in found.imports:
            if imported_by(f, name) is not None:
                self._see(imported_by(f, name), index, imported_by, name, name, False)

    def _attributes_of(self, index: int, node: Node) -> None:
        """See the attributes that some code mentions, of an instance, class or module."""
        value, done = node.value, self._instances[index]
        everything = self._reflects or hasattr(value, "__dataclass_fields__")
        own = vars(value) if hasattr(value, "__dict__") else {}
        wanted = (set(own) if everything and node.kind == "instance" else self._attributes & set(own)) - done
        for name in sorted(wanted, key=list(own).index):
            done.add(name)
            self._see(own[name], index, own_of, name, f"{node.label}.{name}" if node.label else name, node.kind != "class")
        if node.kind == "module":
            return
        for level, cls in enumerate(value.__mro__ if node.kind == "class" else type(value).__mro__):
            if is_library(cls.__module__ or "", self._home):
                continue
            for name, item in vars(cls).items():
                if isinstance(item, types.MemberDescriptorType):  # a slot
                    if (everything or name in self._attributes) and name not in done and hasattr(value, name) and node.kind == "instance":
                        done.add(name)
                        self._see(getattr(value, name), index, getattr, name, f"{node.label}.{name}", False)
                    continue
                special = name.startswith("__") and isinstance(item, types.FunctionType) and (name != "__init__" or node.kind == "class")
                key = (level, name)
                if (special or name in self._attributes) and key not in done:
                    done.add(key)  # type: ignore[arg-type]
                    overridden = any([(above, name) in done for above in range(level)]) or name in own
                    fits = node.kind == "instance" and not special and not overridden
                    fits = fits and not isinstance(item, (property, staticmethod, classmethod)) and not hasattr(item, "__set__")
                    read = attribute_of_class if overridden else inherited_by
                    self._see(item, index, read, key, f"{node.label}.{name}" if node.label else name, fits)

    def _exposed(self) -> set[int]:
        """Nodes to which some path leads where no stand-in can be put."""
        reached: set[int] = set()
        waiting = [i for i, n in enumerate(self.nodes) if not n.replaceable or (n.parent >= 0 and not can_stand_in(self.nodes[n.parent]))]
        while waiting:
            index = waiting.pop()
            node = self.nodes[index]
            if index in reached:
                continue
            reached.add(index)
            waiting += node.children if node.alias is None else [node.alias]
        return reached

    # -- reading and checking -------------------------------------------------------------------

    def settle(self, standing: Sequence[int], watched: Sequence[int]) -> None:
        """Keep what a later call needs: `standing` arrays are read, the others and the watched ones guarded by their content."""
        kept = set(standing)
        for i, node in enumerate(self.nodes):
            if node.kind == "array":
                if i in watched or i not in kept:
                    node.check, node.expected = same_content, snapshot(node.value)
                else:
                    node.check, node.expected = same_type, type_seen(node.value)
        self._drop_changed()
        self.places = self._places()
        for node in self.nodes:
            node.value = None
        self._found.clear()
        self._steps = [(n.read, n.parent, n.key, n.alias, n.check, n.expected) for n in self.nodes]

    def _drop_changed(self) -> None:
        """What has changed since it was found was changed by the function itself, as a counter of its runs is: no guard."""
        slots: list[Any] = []
        for node in self.nodes:
            value = node.value
            if node.parent >= 0:
                try:
                    value = None if self.nodes[node.parent].check is always else node.read(slots[node.parent], node.key)
                    holds = value is slots[node.alias] if node.alias is not None else node.check(value, node.expected)
                except MISSING:
                    holds = False
                if not holds or self.nodes[node.parent].check is always:
                    node.read, node.check, node.alias = nothing, always, None
            slots.append(value)

    def _places(self) -> list[Place] | None:
        """Where the objects that are seen have to be, for all to be as it was; None where they could change and stay the same objects.

        That is stricter than `read`, which accepts equal numbers: what is not the same object is then looked at there.
        """
        found: list[Place] = []
        fixed: list[bool] = []  # it cannot change, since what holds it cannot
        for node in self.nodes:
            above = self.nodes[node.parent] if node.parent >= 0 else None
            fixed.append(above is None or fixed[node.parent] and above.holds)
            if node.kind == "array":
                return None
            if above is None or fixed[-1] or node.check is always or above.check is always:
                continue
            way = place_of(node.read, above.value, node.key, node.value)
            if way is None or node.kind not in ("alias", "atom", "function", "module", "opaque") and not node.holds:
                return None
            found.append(way)
            if node.kind == "function":
                found.append(Place(CODE, node.value, None, node.value.__code__))
        return found

    def is_dropped(self, index: int) -> bool:
        """Whether the function itself has changed this, so that it cannot be read again."""
        return self.nodes[index].check is always

    def has_traced(self) -> bool:
        """Whether a value of a trace that is going on is among what is seen."""
        return any([isinstance(n.value, Traced) for n in self.nodes])

    def read(self, roots: Sequence[Any]) -> list[Any] | None:
        """What is seen now, one value a node; None where something has changed that the trace depends on."""
        slots: list[Any] = []
        for read, parent, key, alias, check, expected in self._steps:
            if parent < 0:
                slots.append(roots[key])
                continue
            try:
                value = read(slots[parent], key)
            except MISSING:
                return None
            if not check(value, expected) if alias is None else value is not slots[alias]:
                return None
            slots.append(value)
        return slots

    def now(self, roots: Sequence[Any]) -> list[Any]:
        """What is seen now, whether or not it has changed."""
        slots: list[Any] = []
        for read, parent, key, *_ in self._steps:
            try:
                slots.append(roots[key] if parent < 0 else read(slots[parent], key))
            except MISSING:
                slots.append(None)
        return slots

    def change(self, roots: Sequence[Any]) -> str:
        """The first thing that differs from the trace, in words."""
        slots: list[Any] = []
        for node in self.nodes:
            if node.parent < 0:
                slots.append(roots[node.key])
                continue
            try:
                value = node.read(slots[node.parent], node.key)
            except MISSING:
                return f"{node.label} is gone"
            if node.alias is not None:
                if value is not slots[node.alias]:
                    return f"{node.label} was the same object as {self.nodes[node.alias].label}, and is not any more"
            elif not node.check(value, node.expected):
                return difference(node, value)
            slots.append(value)
        return ""


def can_stand_in(node: Node) -> bool:
    """Whether another object can be made that differs in a value it holds."""
    value = node.value
    if node.kind != "instance":
        return node.kind in ("function", "sequence", "dict", "method", "partial", "transformed", "module", "parts")
    cls = type(value)
    plain = cls.__new__ is object.__new__ or cls is types.SimpleNamespace
    return plain and not hasattr(cls, "__del__") and not any(["__slots__" in vars(c) and vars(c)["__slots__"] for c in cls.__mro__])
