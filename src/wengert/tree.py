"""Nested containers of arrays: flatten, rebuild, name a leaf by its path, say where two differ.

Built on optree; dataclasses are containers too. Knows nothing of ours but errors. Start at `flatten`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import optree

from wengert.errors import TreeError, four_parts

_NAMESPACE = "wengert"
Structure = Any  # an optree.PyTreeSpec


def _register(cls: type) -> None:
    names = tuple(field.name for field in dataclasses.fields(cls))

    def rebuild(_: Any, children: Any) -> Any:
        made: Any = object.__new__(cls)
        for name, child in zip(names, children, strict=True):
            object.__setattr__(made, name, child)
        return made

    optree.register_pytree_node(cls, lambda x: (tuple([getattr(x, name) for name in names]), None, names), rebuild, namespace=_NAMESPACE)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Leaves and structure. dict, list, tuple, namedtuple, OrderedDict, dataclass and None are containers.

    >>> leaves, structure = flatten({"b": 2, "a": (1, None)})
    >>> leaves
    [1, 2]
    >>> unflatten(structure, [10, 20]) == {"a": (10, None), "b": 20}
    True
    """
    leaves, structure = optree.tree_flatten(tree, namespace=_NAMESPACE)
    fresh = {type(leaf) for leaf in leaves if hasattr(type(leaf), "__dataclass_fields__")}
    if fresh:
        for cls in fresh:
            _register(cls)
        return flatten(tree)
    return leaves, structure


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The container of this structure with these leaves."""
    return optree.tree_unflatten(structure, leaves)


def is_leaf(value: Any) -> bool:
    """Whether it is no container.

    >>> is_leaf(2.0), is_leaf([2.0]), is_leaf(None)
    (True, False, False)
    """
    leaves, structure = flatten(value)
    return len(leaves) == 1 and structure.is_leaf()


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    """The container with f applied to every leaf."""
    leaves, structure = flatten(tree)
    return unflatten(structure, [f(leaf) for leaf in leaves])


def paths(structure: Structure) -> list[str]:
    """How each leaf is reached, as Python would write it: `['w'][0].bias`."""
    return ["".join(_entry(e) for e in accessor) for accessor in structure.accessors()]


def _entry(entry: Any) -> str:
    text = repr(entry.entry)
    kind = type(entry).__name__
    if kind in ("GetAttrEntry", "NamedTupleEntry", "DataclassEntry") or isinstance(entry.entry, str) and kind == "FlattenedEntry":
        return f".{entry.entry}" if isinstance(entry.entry, str) else f"[{text}]"
    return f"[{text}]"


def require_same(what: str, expected: Structure, got: Structure) -> None:
    """Raise TreeError, showing both, unless the structures are equal."""
    if expected != got:
        raise TreeError(four_parts(f"{what} has another structure", f"expected: {_show(expected)}\ngot:      {_show(got)}"))


def _show(structure: Structure) -> str:
    return str(structure).removeprefix("PyTreeSpec(").removesuffix(f", namespace='{_NAMESPACE}')").removesuffix(")")
