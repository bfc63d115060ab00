"""The arguments a derivative is taken with respect to: chosen by position or name, flattened, checked.

Start at `Point`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.contract import Primitive
from wengert.errors import ArgumentError, NotDifferentiableError, TraceError, four_parts
from wengert.ir.types import Type, type_of
from wengert.ir.values import Function, Traced, acts, has_effect
from wengert.primitives.control import Call
from wengert.source import here
from wengert.trace import capture
from wengert.trace.record import Run, happen, name_of, require_apart, run, staging
from wengert.transform.evaluate import evaluate

Argnums = int | str | Sequence[int | str]


class Point:
    """Where a derivative is taken: the chosen arguments of a call, as leaves.

    Leaves that are not differentiable (integers, bools, strings) inside containers stay as they are.
    """

    __slots__ = ("active", "args", "chosen", "f", "kwargs", "leaves", "single", "structure", "types", "values", "weak")

    def __init__(
        self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums, integers: bool = False
    ) -> None:
        self.f, self.args, self.kwargs = f, args, kwargs
        self.single = isinstance(argnums, str) or not isinstance(argnums, Sequence)
        self.chosen = [locate(f, a, args, kwargs) for a in ([argnums] if self.single else argnums)]  # type: ignore[union-attr]
        if len(set(self.chosen)) < len(self.chosen):
            raise ArgumentError(
                four_parts("argnums names an argument twice", f"got {argnums!r}", instead="name each argument once", where=here())
            )
        given = [args[c] if isinstance(c, int) else kwargs[c] for c in self.chosen]
        if len(given) == 1 and type(given[0]) is np.ndarray:  # the common case, quickly
            self.leaves, self.structure = [given[0]], tree.flatten((0,))[1]
        else:
            self.leaves, self.structure = tree.flatten(tuple(given))
        self.active: list[int] = []
        self.values: list[Any] = []
        self.weak: list[bool] = []
        for i, leaf in enumerate(self.leaves):
            value = as_value(leaf)
            if value is not None and (value.dtype.kind in "fc" or integers and not isinstance(leaf, (bool, int))):
                self.active.append(i)
                self.values.append(value)
                self.weak.append(type(leaf) in (int, float, complex) or getattr(leaf, "weak", False))
        if not integers:
            self._require_differentiable(given)
        self.types: list[Type] = [v.type if isinstance(v, Traced) else type_of(v) for v in self.values]

    def _require_differentiable(self, given: list[Any]) -> None:
        for which, value in zip(self.chosen, given, strict=True):
            kind = as_value(value)
            if kind is None and not tree.is_leaf(value):
                continue
            if kind is None or kind.dtype.kind not in "fc":
                label = f"argument {which!r}" if isinstance(which, str) else f"argument {which}"
                raise NotDifferentiableError(
                    four_parts(
                        f"{name_of(self.f)} cannot be differentiated with respect to {label}",
                        f"it is {value!r} ({type(value).__name__}{'' if kind is None else ', ' + str(kind.dtype)})"[:300],
                        "Integers and booleans change in steps, and what is no number has no derivative.",
                        "pass a float, e.g. 2.0 or x.astype(float), or choose other argnums",
                        here(),
                    )
                )

    def call(self, traced: Sequence[Any], f: Callable[..., Any] | None = None) -> Any:
        """Call the function with traced values in place of the active leaves."""
        leaves = list(self.leaves)
        for i, value in zip(self.active, traced, strict=True):
            leaves[i] = value
        replaced = tree.unflatten(self.structure, leaves)
        args, kwargs = list(self.args), dict(self.kwargs)
        for where, value in zip(self.chosen, replaced, strict=True):
            if isinstance(where, int):
                args[where] = value
            else:
                kwargs[where] = value
        return capture.call(f or self.f, *args, **kwargs)

    def run(self, has_aux: bool = False) -> Run:
        """Trace the function at this point."""
        return run(self.f, self.call, self.types, self.values, self.weak, self.structure, has_aux)

    def mask(self, function: Function) -> tuple[bool, ...]:
        """Active inputs of the traced function: the point's leaves, not what it closes over."""
        return (True,) * len(self.values) + (False,) * (len(function.inputs) - len(self.values))

    def write_back(self, done: Run, results: Sequence[Any]) -> None:
        """Give the caller's arrays what the function has assigned to them."""
        if done.changed:
            given = [self.leaves[i] for i in self.active]
            require_apart([given[i] for i in done.changed], tree.flatten((self.args, self.kwargs))[0])
            done.write_back(given, results)

    def rebuild(self, results: Sequence[Any], fill: Callable[[Any], Any] | None = None) -> Any:
        """Results, one an active leaf, in the containers of the chosen arguments; zeros for the other leaves."""
        values = dict(zip(self.active, results, strict=True))
        out = [values[i] if i in values else (fill or _zero)(leaf) for i, leaf in enumerate(self.leaves)]
        rebuilt = tree.unflatten(self.structure, out)
        return rebuilt[0] if self.single else rebuilt


def _zero(leaf: Any) -> Any:
    value = as_value(leaf)
    return None if value is None else np.zeros(value.shape)[()]


def as_value(leaf: Any) -> Any:
    """A leaf as a NumPy array or scalar or traced value; None if it is nothing numeric."""
    if isinstance(leaf, Traced):
        return leaf
    if isinstance(leaf, np.ndarray):
        if leaf.dtype.kind not in "fciub":
            return None
        if type(leaf) is not np.ndarray:
            _require_plain(leaf)
        return leaf if leaf.dtype.isnative and type(leaf) is np.ndarray else np.array(leaf, leaf.dtype.newbyteorder("="), subok=False)
    if isinstance(leaf, np.generic):
        return leaf if leaf.dtype.kind in "fciub" else None
    if isinstance(leaf, (bool, int, float, complex)):
        value = np.asarray(leaf)[()]
        return value if isinstance(value, np.generic) else None  # an int beyond 64 bits is no number of NumPy's
    return None


def _require_plain(array: np.ndarray) -> None:
    """Refuse arrays whose operations mean something else than ndarray's."""
    if not isinstance(array, (np.memmap, np.recarray)):
        raise TraceError(
            four_parts(
                f"a {type(array).__name__} cannot be traced",
                f"it is {type(array).__name__}[{','.join(map(str, array.shape))}] of {array.dtype}",
                "Its operations differ from those of a plain array, so the derivative would be of another function.",
                "np.asarray(x), and np.where on .data and .mask for a masked array",
                here(),
            )
        )


def locate(f: Callable[..., Any], which: int | str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | str:
    """A position, or the name of a keyword given, of an argument of this call."""
    if isinstance(which, str):
        if which in kwargs:
            return which
        try:
            names = list(inspect.signature(f).parameters)
        except (TypeError, ValueError):
            names = []
        if which in names and names.index(which) < len(args):
            return names.index(which)
        raise ArgumentError(
            four_parts(
                f"{name_of(f)} was called without the argument {which!r}",
                f"its parameters: {', '.join(names)}",
                instead="check the spelling of argnums, or pass it",
                where=here(),
            )
        )
    if not isinstance(which, (int, np.integer)) or isinstance(which, bool):
        raise ArgumentError(four_parts("argnums are positions (int) or names (str)", f"got {which!r}", where=here()))
    position = int(which) + (len(args) if which < 0 else 0)
    if not 0 <= position < len(args):
        raise ArgumentError(
            four_parts(
                f"argnums asks for positional argument {which} of {name_of(f)}",
                f"the call has {len(args)} positional arguments and the keywords {sorted(kwargs)}",
                instead="pass it by position, or name it: argnums='x'",
                where=here(),
            )
        )
    return position


def apply(function: Function, arguments: Sequence[Any]) -> list[Any]:
    """A Function on values: evaluated now, or recorded as a call where an argument is traced."""
    if any([isinstance(a, Traced) for a in arguments]) or acts(function) and staging():
        return perform(Call(function), arguments)
    return _owned(evaluate(function, arguments), arguments)


def perform(operation: Primitive, operands: Sequence[Any]) -> list[Any]:
    """An operation that holds the user's functions, on values: evaluated now, or recorded where one is traced."""
    later = has_effect(operation) and staging()
    out = happen(operation, operands) if later else operation(*operands)
    results = list(out) if isinstance(out, tuple) else [out]
    return results if later or any([isinstance(a, Traced) for a in operands]) else _owned(results, operands)


def _owned(results: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    taken = {id(a) for a in arguments}
    return [own(value, taken) for value in results]


def own(value: Any, taken: set[int]) -> Any:
    """The value in memory that the caller may write to: not the caller's already, not another result's, not a constant's."""
    if isinstance(value, np.ndarray):
        if value.base is not None or not value.flags.writeable or id(value) in taken:
            value = value.copy()
        taken.add(id(value))
        return value if value.ndim else value[()]
    return value
