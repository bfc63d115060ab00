"""What every method is given: a function, the point, by which arguments to differentiate; and what it gives back.

Knows the interface. Start at `Problem`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import as_value
from wengert.api.program import program
from wengert.api.recording import record
from wengert.errors import ArgumentError, TraceError, four_parts
from wengert.ir.values import Function
from wengert.source import here
from wengert.trace.record import name_of


class Problem:
    """The derivatives of f by some of its arguments, which are real numbers or arrays, at a point.

    xs: the values of those arguments; evaluations: how often f was called on plain numbers
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], argnums: int | Sequence[int] | None = None) -> None:
        self.f, self.args, self.name = f, tuple(args), name_of(f)
        self.argnums = _chosen(self.name, self.args, argnums)
        self.xs = [np.array(as_value(self.args[k])) for k in self.argnums]
        self.names = _names(f, self.argnums)
        self.evaluations = 0

    @property
    def size(self) -> int:
        """The number of variables."""
        return sum([x.size for x in self.xs])

    def with_values(self, xs: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments with others in place of those that are differentiated by; 0-d ones are NumPy scalars."""
        args = list(self.args)
        for k, x in zip(self.argnums, xs, strict=True):
            args[k] = np.asarray(x)[()]
        return tuple(args)

    def value(self, xs: Sequence[Any]) -> Any:
        """F at these values: a real or complex array."""
        self.evaluations += 1
        return self.checked(self.f(*self.with_values([np.array(x) for x in xs])))

    def checked(self, result: Any) -> Any:
        """The result as an array; one number or array is what methods differentiate."""
        value = None if isinstance(result, (list, tuple, dict)) else np.asarray(result)
        if value is None or value.dtype.kind not in "fciub":
            raise ArgumentError(
                four_parts(
                    f"the methods differentiate functions that return one number or array; {self.name} does not",
                    f"it returned a {type(result).__name__}",
                    "Each derivative has the shape of the result and that of the argument, one after the other.",
                    f"np.stack(...) inside {self.name}, or lambda x: {self.name}(x)[0]",
                    here(),
                )
            )
        return value

    def column(self, k: int, place: tuple[int, ...], t: Any) -> Any:
        """F with t added to one element of argument k."""
        moved = list(self.xs)
        moved[k] = self.xs[k].astype(np.result_type(self.xs[k], t))
        moved[k][place] += t
        return self.value(moved)

    def trace(self, values_decide: bool) -> tuple[Function, list[Any], list[int]]:
        """The Function that f is, the values of its inputs, and which inputs are differentiated by.

        With its loops and branches; if f cannot be traced so and `values_decide`, as it runs at this point.
        """
        leaves = tree.flatten(self.args)[0]
        try:
            function, places = program(self.f, *self.args)
        except TraceError:
            if not values_decide:
                raise
            function = record(self.f)(*self.args)
            # a run's inputs are arrays and floats; Python's integers are constants
            places = [i for i, leaf in enumerate(leaves) if as_value(leaf) is not None and not isinstance(leaf, (bool, int))]
        starts = np.cumsum([0, *[len(tree.flatten(a)[0]) for a in self.args]])
        active = [places.index(int(starts[k])) for k in self.argnums]
        return function, [as_value(leaves[i]) for i in places], active


class Derivative:
    """What a method found.

    values:      one derivative an argument, its shape the result's and the argument's
    errors:      as many estimates of their errors, where the method has them
    steps:       as many arrays of the steps that were chosen, where there are steps
    evaluations: how often f was called on plain numbers
    operations:  how many operations the derivative program has, where there is one
    """

    __slots__ = ("errors", "evaluations", "operations", "steps", "values")

    def __init__(
        self, values: list[Any], errors: list[Any] | None = None, steps: list[Any] | None = None, evaluations: int = 0, operations: int = 0
    ) -> None:
        self.values, self.errors, self.steps = values, errors, steps
        self.evaluations, self.operations = evaluations, operations


def _chosen(name: str, args: tuple[Any, ...], argnums: int | Sequence[int] | None) -> list[int]:
    """Positions of real numbers or arrays among the arguments: all, where none are chosen."""

    def is_real(a: Any) -> bool:
        value = as_value(a) if tree.is_leaf(a) else None
        return value is not None and value.dtype.kind == "f"

    wanted = [argnums] if isinstance(argnums, (int, np.integer)) else argnums
    chosen = [i for i, a in enumerate(args) if is_real(a)] if wanted is None else [int(i) % max(len(args), 1) for i in wanted]
    if not chosen or not all([i < len(args) and is_real(args[i]) for i in chosen]):
        shown = ", ".join([f"{type(a).__name__}{f' of {a.dtype}' if hasattr(a, 'dtype') else ''}" for a in args]) or "none"
        raise ArgumentError(
            four_parts(
                f"the methods differentiate by real numbers and arrays of them; {name} has no such argument here",
                f"arguments: {shown}" + ("" if argnums is None else f"; argnums={argnums!r}"),
                "Integers change in steps, and of complex numbers and containers not every method can take derivatives.",
                "2.0 instead of 2, x.astype(float), or argnums= the positions of real arguments",
                here(),
            )
        )
    return chosen


def _names(f: Any, argnums: Sequence[int]) -> list[str]:
    """The parameters' names."""
    try:
        names = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        names = []
    named = [p.name for p in names if p.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    return [named[k] if k < len(named) else f"x{k}" for k in argnums]
