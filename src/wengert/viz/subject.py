"""What is looked at: a user's function at a point, its run, its seeds, the names and lines of its source.

Knows the interface. Start at `Subject`.
"""

from __future__ import annotations

import functools
import inspect
import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import as_value, locate
from wengert.api.program import with_changes
from wengert.api.recording import record
from wengert.errors import ArgumentError, WengertError, four_parts
from wengert.source import here
from wengert.trace.record import name_of
from wengert.viz.differentiate import Contribution, adjoints, tangents
from wengert.viz.observe import Node, Observed, observe


class Subject:
    """A function at a point, run step by step.

    run: all that was done; real: the inputs that can be differentiated by, with their numbers
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None = None, argnums: Any = None) -> None:
        self.name = name_of(f)
        self.f, self.args = functools.partial(f, **kwargs) if kwargs else f, tuple(args)
        f = self.f
        leaves, self.structure = tree.flatten(self.args)
        changed = 0
        try:
            function, places, changed = with_changes(f, *self.args)
        except WengertError:  # a program that only runs for values known
            function = record(f)(*self.args)
            places = [i for i, leaf in enumerate(leaves) if as_value(leaf) is not None and not isinstance(leaf, (bool, int))]
        labels = self._labels()
        self.places = places
        chosen = self._chosen(argnums)
        values = [as_value(leaves[i]) for i in places]
        self.run: Observed = observe(function, values, [labels[i] for i in places], [i in chosen for i in places])
        self.results = self.run.outputs[: len(self.run.outputs) - changed]
        self.real = [node for node in self.run.inputs if node.varied]
        if not self.real:
            shown = ", ".join([f"{a!r}"[:40] for a in self.args]) or "none"
            raise ArgumentError(
                four_parts(
                    f"{self.name} has no argument to differentiate by here",
                    f"arguments: {shown}",
                    "Integers change in steps: there is no tangent beside them.",
                    "2.0 instead of 2, x.astype(float)",
                    here(),
                )
            )

    def _chosen(self, argnums: Any) -> set[int]:
        """The leaves of the arguments that are differentiated by: of all, where none are chosen."""
        starts = np.cumsum([0, *[len(tree.flatten(a)[0]) for a in self.args]])
        wanted = range(len(self.args)) if argnums is None else [argnums] if isinstance(argnums, (int, str)) else argnums
        places = [locate(self.f, a, self.args, {}) for a in wanted]
        return {i for k in places for i in range(int(starts[int(k)]), int(starts[int(k) + 1]))}

    def _labels(self) -> list[str]:
        """A name for each leaf of the arguments: `x1`, `params['w']`."""
        try:
            parameters = list(inspect.signature(self.f).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        plain = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        names = [plain[i] if i < len(plain) else f"x{i + 1}" for i in range(len(self.args))]
        return [names[i] + path for i, a in enumerate(self.args) for path in tree.paths(tree.flatten(a)[1])]

    # -- seeds ------------------------------------------------------------------------------------------

    def tangents(self, seed: Any = None) -> dict[Node, Any]:
        """The tangents of everything; by default the first real input moves, the others stand still."""
        if seed is None:
            given = [np.full(n.type.shape, float(i == 0), n.type.dtype)[()] for i, n in enumerate(self.real)]
        else:
            given = self._seeds(seed)
        return tangents(self.run, dict(zip(self.real, given, strict=True)))

    def _seeds(self, seed: Any) -> list[Any]:
        wanted = tuple(seed) if isinstance(seed, (tuple, list)) else (seed,)
        leaves, structure = tree.flatten(wanted)
        tree.require_same("the seed", self.structure, structure)
        chosen = [leaves[i] for i, node in zip(self.places, self.run.inputs, strict=True) if node.varied]
        return [fitting(x, node, "the seed of " + node.label) for x, node in zip(chosen, self.real, strict=True)]

    def adjoints(self, seed: Any = None) -> tuple[dict[Node, Any], list[Contribution]]:
        """The adjoints of everything and how they come about; by default every result has adjoint 1."""
        outputs = [node for node in self.results if node.varied]
        if seed is None:
            given = [np.ones(node.type.shape, node.type.dtype)[()] for node in outputs]
        else:
            leaves = tree.flatten(seed)[0]
            if len(leaves) != len(outputs):
                raise ArgumentError(
                    four_parts(
                        f"{self.name} has {len(outputs)} results to seed", f"{len(leaves)} given", instead="one for each", where=here()
                    )
                )
            given = [fitting(x, node, "the seed of a result") for x, node in zip(leaves, outputs, strict=True)]
        seeds: dict[Node, Any] = {}
        for node, ct in zip(outputs, given, strict=True):
            seeds[node] = seeds[node] + ct if node in seeds else ct
        return adjoints(self.run, seeds)

    # -- the user's source -------------------------------------------------------------------------------

    @property
    def files(self) -> dict[str, list[int]]:
        """The files that steps come from, and which lines; the function's own first."""
        found: dict[str, set[int]] = {}
        for step in self.run.steps():
            if step.span is not None:
                found.setdefault(step.span.file, set()).add(step.span.line)
        own = getattr(inspect.unwrap(self.f), "__code__", None)
        order = sorted(found, key=lambda file: (own is None or file != own.co_filename, file))
        return {file: sorted(found[file]) for file in order}


def source_lines(file: str, lines: Sequence[int], f: Any = None) -> list[tuple[int, str]]:
    """The numbered lines of the functions that these lines are in, all of f if it is there; 0 where some are left out."""
    wanted: set[int] = set()
    for n in lines:
        wanted.update(range(_header(file, n), n + 1))
    code = getattr(inspect.unwrap(f), "__code__", None) if f is not None else None
    if code is not None and code.co_filename == file:
        try:
            text, start = inspect.getsourcelines(inspect.unwrap(f))
        except (OSError, TypeError):
            text, start = [], 0
        wanted.update(range(max(start, 1), start + len(text)))
    found: list[tuple[int, str]] = []
    for n in sorted(wanted):
        if found and n > found[-1][0] + 1:
            found += (
                [(m, linecache.getline(file, m).rstrip("\n")) for m in range(found[-1][0] + 1, n)] if n - found[-1][0] < 4 else [(0, "⋮")]
            )
        found.append((n, linecache.getline(file, n).rstrip("\n")))
    return found


def _header(file: str, n: int) -> int:
    """The line of the `def` that line n belongs to; n itself where there is none near."""
    text = linecache.getline(file, n)
    indent = len(text) - len(text.lstrip())
    for m in range(n - 1, max(0, n - 200), -1):
        above = linecache.getline(file, m)
        if above.lstrip().startswith(("def ", "async def ", "class ")) and len(above) - len(above.lstrip()) < indent:
            return m
    return n


def fitting(x: Any, node: Node, what: str) -> Any:
    """A seed as an array of the type of the value it belongs to."""
    value = np.asarray(x)
    if value.shape != node.type.shape:
        raise ArgumentError(four_parts(f"{what} has another shape", f"it is {value.shape}, the value {node.type.shape}", where=here()))
    return value.astype(node.type.dtype)[()]
