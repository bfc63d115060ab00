"""Run a function on traced values: from a call to a Function and the values it closes over.

Start at `run`.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.errors import TraceError, four_parts
from wengert.ir.types import Type
from wengert.ir.values import Function, Traced
from wengert.numpy.promote import stack_objects
from wengert.source import Span
from wengert.trace.tape import Tape
from wengert.trace.tracer import tracer


class _Active(threading.local):
    def __init__(self) -> None:
        self.tapes: list[Tape] = []


_active = _Active()


class Run:
    """What a run of a function left behind.

    function:  (arguments, captured values) -> output leaves, then traced leaves of aux
    """

    __slots__ = ("aux", "aux_traced", "captured", "function", "n_outputs", "structure")

    def __init__(self, function: Function, captured: list[Any], structure: Any, n_outputs: int, aux: Any, aux_traced: list[int]) -> None:
        self.function, self.captured, self.structure = function, captured, structure
        self.n_outputs, self.aux, self.aux_traced = n_outputs, aux, aux_traced

    def outputs(self, results: Sequence[Any]) -> Any:
        """The container the function returned, around these leaves."""
        return tree.unflatten(self.structure, results[: self.n_outputs])

    def auxiliary(self, results: Sequence[Any]) -> Any:
        """The aux value, its traced leaves replaced by results."""
        leaves, structure = self.aux
        leaves = list(leaves)
        for position, value in zip(self.aux_traced, results, strict=True):
            leaves[position] = value
        return tree.unflatten(structure, leaves)


def run(
    f: Callable[..., Any],
    call: Callable[[list[Any]], Any],
    types: Sequence[Type],
    arguments: Sequence[Any] | None,
    weak: Sequence[bool] = (),
    extra_key: Any = None,
    has_aux: bool = False,
    staged: bool = False,
    examples: Sequence[Any] | None = None,
    asked: set[int] | None = None,
) -> Run:
    """Run `call(traced values)`, which calls f, and keep its operations.

    `arguments` are the values behind the traced ones, if there are any: concrete arrays or
    tracers of an outer run. With them Python may branch on values. A `staged` run also takes the
    operations on values it closes over: a branch that is not taken must not compute them.
    `examples` are values that the traced ones can have where they have none of their own. `asked`, where
    given, receives the positions of the arguments on whose values Python has come to depend, also when the run fails.
    """
    tape = Tape(
        (identity(f), extra_key), types, arguments, name_of(f), asked is not None or any([t.asked is not None for t in _active.tapes])
    )
    tape.examples = examples
    outer = [(t, t.stage) for t in _active.tapes] if staged else []
    _active.tapes.append(tape)
    try:
        for t, _ in outer:
            t.stage = tape
        flags = weak or (False,) * len(types)
        result = call([tracer(tape, v, w) for v, w in zip(tape.root.outs, flags, strict=True)])
        aux: Any = ([], None)
        aux_traced: list[int] = []
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TraceError(
                    four_parts(f"with has_aux=True, {name_of(f)} must return (value, aux)", f"it returned {_brief(result)}", where=where(f))
                )
            result, extra = result
            aux = tree.flatten(extra)
            aux_traced = [i for i, leaf in enumerate(aux[0]) if isinstance(leaf, Traced)]
        leaves, structure = tree.flatten(result)
        outputs = [_as_output(f, leaf) for leaf in leaves]
        function, captured = tape.finish([*outputs, *[aux[0][i] for i in aux_traced]])
    finally:
        tape.closed = True
        _active.tapes.pop()
        for t, stage in outer:
            t.stage = stage
        if asked is not None and tape.asked:
            asked.update([i for i, v in enumerate(tape.root.outs) if v in tape.asked])
    return Run(function, captured, structure, len(outputs), aux, aux_traced)


def _as_output(f: Callable[..., Any], leaf: Any) -> Any:
    if isinstance(leaf, (Traced, np.generic)):
        return leaf
    if isinstance(leaf, np.ndarray) and leaf.dtype == object:
        return stack_objects(leaf.tolist())
    if isinstance(leaf, (np.ndarray, int, float, complex)):
        return leaf
    raise TraceError(
        four_parts(
            f"{name_of(f)} returned something that is not a number or an array",
            _brief(leaf),
            "Only numbers, arrays and containers of them have derivatives.",
            "return the arrays only, and the rest as aux with has_aux=True",
            where(f),
        )
    )


def _brief(x: Any) -> str:
    text = repr(x)
    return f"{type(x).__name__}: {text if len(text) < 80 else text[:77] + '...'}"


def identity(f: Any) -> Any:
    """What makes two functions run the same program on the same types: their code."""
    while True:
        if isinstance(f, functools.partial):
            f = f.func
        elif inspect.ismethod(f):
            f = f.__func__
        elif hasattr(f, "__code__"):
            return f.__code__
        elif hasattr(f, "trace_identity"):  # one of our own transformed functions
            return f.trace_identity()
        else:
            return type(f)


def name_of(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def where(f: Any) -> Span | None:
    """The line where f is defined; of a function made from another, the other's."""
    code = identity(inspect.unwrap(f))
    return Span(code.co_filename, code.co_firstlineno) if hasattr(code, "co_firstlineno") else None
