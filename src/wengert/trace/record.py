"""Run a function on traced values: from a call to a Function and the values it closes over.

Start at `run`.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from wengert import tree
from wengert.contract import role
from wengert.errors import ArgumentError, EndlessError, TraceError, four_parts
from wengert.ir.operation import Operation
from wengert.ir.types import Type
from wengert.ir.values import Function, Traced, Var
from wengert.numpy.promote import stack_objects
from wengert.source import Span, here
from wengert.trace import boxes
from wengert.trace.tape import Tape
from wengert.trace.tracer import tracer

DEEPEST = 32  # parts of a run taken aside, one inside the other


class Raised(BaseException):
    """A path that raises has been recorded up to there; nothing follows on it."""

    def __init__(self, exception: Any) -> None:
        self.exception = exception


class _Active(threading.local):
    def __init__(self) -> None:
        self.tapes: list[Tape] = []


_active = _Active()


def staging() -> bool:
    """Whether a program is being written, to run later: what happens in it does not happen now."""
    return bool(_active.tapes) and _active.tapes[-1].staged


@role("happen")
def happen(operation: Operation, operands: Sequence[Any]) -> Any:
    """Perform an operation with effects in the run that is going on, whatever its operands are: now, or when that program runs."""
    if staging() and not any([isinstance(a, Var) for a in operands]):
        tape = _active.tapes[-1]
        return tape.bind(operation, tuple(operands), tracer)
    return operation(*operands)  # type: ignore[operator]


def active() -> Tape | None:
    """The run that takes operations now; None outside all runs."""
    return _active.tapes[-1].innermost() if _active.tapes else None


def outermost() -> Tape:
    """The run around all others."""
    return _active.tapes[0]


def may_be_static() -> bool:
    """Whether there are integers in the program that would be static ones in another attempt, if this one failed."""
    for tape in _active.tapes:
        if tape.memo.get("may be static"):
            for value, var in zip(tape.arguments or (), tape.root.outs, strict=False):
                if value is not None and not isinstance(value, Traced) and not var.type.shape and var.type.dtype.kind in "iub":  # type: ignore[union-attr]
                    return True
    return False


class Run:
    """What a run of a function left behind.

    function:  (arguments, captured values) -> output leaves, traced leaves of aux, arguments that were written to
    """

    __slots__ = ("aux", "aux_traced", "captured", "changed", "function", "n_outputs", "structure")

    def __init__(
        self, function: Function, captured: list[Any], structure: Any, n_outputs: int, aux: Any, aux_traced: list[int], changed: list[int]
    ) -> None:
        self.function, self.captured, self.structure = function, captured, structure
        self.n_outputs, self.aux, self.aux_traced, self.changed = n_outputs, aux, aux_traced, changed

    def outputs(self, results: Sequence[Any]) -> Any:
        """The container the function returned, around these leaves."""
        return tree.unflatten(self.structure, results[: self.n_outputs])

    def auxiliary(self, results: Sequence[Any]) -> Any:
        """The aux value, its traced leaves replaced by results."""
        leaves, structure = self.aux
        leaves = list(leaves)
        for position, value in zip(self.aux_traced, results, strict=False):
            leaves[position] = value
        return tree.unflatten(structure, leaves)

    def write_back(self, arguments: Sequence[Any], results: Sequence[Any]) -> None:
        """Give the caller's arrays the elements that the function has assigned to them. `results` are all of the Function's."""
        for position, value in zip(self.changed, results[len(results) - len(self.changed) :], strict=True):
            write_back(arguments[position], value)


def require_apart(changed: Sequence[Any], arrays: Sequence[Any]) -> None:
    """Raise where an array that a function has assigned to shares memory with another of its arguments: each was traced by itself."""
    for array in changed:
        same = [a for a in arrays if a is array]
        if (
            len(same) > 1
            or isinstance(array, np.ndarray)
            and any([isinstance(a, np.ndarray) and a is not array and np.may_share_memory(a, array) for a in arrays])
        ):
            raise ArgumentError(
                four_parts(
                    "a function assigns to an argument that shares memory with another one",
                    f"it is {getattr(array, 'dtype', '')}{list(np.shape(array))}" if isinstance(array, np.ndarray) else repr(array.type),
                    "Each argument is traced by itself, so that what is assigned to one would not be seen in the other.",
                    "pass copies: f(x, x.copy())",
                    here(),
                )
            )


def write_back(array: Any, value: Any) -> None:
    """`array[...] = value`, for an array or a traced one."""
    if isinstance(array, Traced):
        boxes.refuse_read_only(array)
        boxes.replace(array, value)
    else:
        np.copyto(array, value)


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
    tape.memo["may be static"] = asked is not None
    tape.staged = staged or arguments is None or asked is not None or any([t.staged for t in _active.tapes])
    flags = weak or (False,) * len(types)
    try:
        with _entered(tape, staged):
            traced = [tracer(tape, v, w) for v, w in zip(tape.root.outs, flags, strict=True)]
            for box, value in zip(traced, arguments or (), strict=False):
                why = isinstance(value, np.ndarray) and not value.flags.writeable or getattr(value, "frozen", False)
                if why:
                    box.frozen = why  # type: ignore[attr-defined]
            inputs = [(v.tape, v.atom) for v in traced]
            result = _result(call, traced, has_aux)
            aux: Any = ([], None)
            aux_traced: list[int] = []
            if has_aux:
                if not isinstance(result, tuple) or len(result) != 2:
                    raise TraceError(
                        four_parts(
                            f"with has_aux=True, {name_of(f)} must return (value, aux)", f"it returned {_brief(result)}", where=where(f)
                        )
                    )
                result, extra = result
                aux = tree.flatten(extra)
                aux_traced = [i for i, leaf in enumerate(aux[0]) if isinstance(leaf, Traced)]
            leaves, structure = tree.flatten(result)
            outputs = [_as_output(f, leaf) for leaf in leaves]
            if tape.journal is not None and tape.journal.before:
                _refuse_assignment(f)
            changed = [i for i, (v, held) in enumerate(zip(traced, inputs, strict=True)) if v.atom is not held[1]]
            function, captured = tape.finish([*outputs, *[aux[0][i] for i in aux_traced], *[traced[i] for i in changed]])
    except Raised as signal:  # on every path
        raise signal.exception from None
    finally:
        if asked is not None and tape.asked:
            asked.update([i for i, v in enumerate(tape.root.outs) if v in tape.asked])
    return Run(function, captured, structure, len(outputs), aux, aux_traced, changed)


AT_THE_END: list[Callable[[Exception], Raised | None]] = []  # whether an error that ends a program is a part of it: set by capture


def _result(call: Callable[[list[Any]], Any], traced: list[Any], has_aux: bool) -> Any:
    """What the function gives. A program that raises on every path gives any number: nobody will see it."""
    try:
        return call(list(traced))
    except Raised:
        if active().journal is not None:  # type: ignore[union-attr]
            raise
    except Exception as error:
        if not any([at_the_end(error) is not None for at_the_end in AT_THE_END]):
            raise
    return (0.0, None) if has_aux else 0.0


@contextmanager
def _entered(tape: Tape, staged: bool) -> Iterator[None]:
    """Let a tape take operations; a staged one also those on values from outside, and what is assigned to arrays there."""
    outer = [(t, t.stage) for t in _active.tapes] if staged else []
    if staged:
        tape.journal = boxes.Journal()
    _active.tapes.append(tape)
    try:
        for t, _ in outer:
            t.stage = tape
        yield
    finally:
        tape.closed = True
        _active.tapes.pop()
        for t, stage in outer:
            t.stage = stage
        if tape.journal is not None:
            tape.journal.undo()


def _refuse_assignment(f: Callable[..., Any]) -> None:
    raise TraceError(
        four_parts(
            f"{name_of(f)} assigns to an array from outside",
            why="It is one operation of the program, which has operands and results and nothing else.",
            instead="pass the array as part of the state, and return it; or write a plain Python loop or branch",
            where=here(),
        )
    )


def region(key: Any, types: Sequence[Type], name: str) -> AbstractContextManager[tuple[Tape, list[Any]]]:
    """Take what is done inside aside, as a Function of inputs of these types and of all else that it uses.

    Gives the tape and the inputs. Arrays from outside that are assigned to are in the tape's journal, and are undone at the end.
    """
    if len(_active.tapes) > DEEPEST:
        raise EndlessError(
            four_parts(
                f"{DEEPEST} branches and loops inside one another",
                why="A function that calls itself under a test that is decided while the program runs has no end before that.",
                instead="let the recursion end by a static argument, or write a loop",
                where=here(),
            )
        )
    return _region(key, types, name)


@contextmanager
def _region(key: Any, types: Sequence[Type], name: str) -> Iterator[tuple[Tape, list[Any]]]:
    tape = Tape(("region", key), types, None, name, any([t.asked is not None for t in _active.tapes]))
    tape.staged = True
    with _entered(tape, True):
        yield tape, [tracer(tape, v) for v in tape.root.outs]


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
