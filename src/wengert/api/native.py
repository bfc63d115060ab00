"""From a Function to something that runs: machine code where code generation is there, else the evaluator.

This is the one place that asks `codegen` for code and `runtime` for a callable. Start at `native`; `CompiledCall` is the
operation by which a traced program calls compiled code.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from wengert.api.point import own
from wengert.config import settings
from wengert.errors import ArgumentError, four_parts
from wengert.ir.values import Function
from wengert.ir.walk import memoized
from wengert.primitives.control import Call
from wengert.source import here
from wengert.transform.evaluate import evaluate

Kernel = Callable[[Sequence[Any]], list[Any]]


# -- running ----------------------------------------------------------------------------------------


def native(function: Function, donated: tuple[int, ...] = (), fastmath: bool = False) -> Kernel:
    """A callable (values of the inputs) -> values of the outputs, made once for each Function.

    The results are in memory of their own; 0-d ones are NumPy scalars. `donated` are inputs whose memory the code may
    use for itself. Under `config(debug_nans=True)` the Function is run equation by equation instead.
    """
    if settings().debug_nans:
        return functools.partial(interpret, function)
    return memoized(function, ("native", donated, fastmath), lambda: _kernel(function, donated, fastmath))  # type: ignore[no-any-return]


def interpret(function: Function, arrays: Sequence[Any]) -> list[Any]:
    """The outputs, by the evaluator."""
    taken = {id(a) for a in arrays}
    return [own(value, taken) for value in evaluate(function, arrays)]


def _kernel(function: Function, donated: tuple[int, ...], fastmath: bool) -> Kernel:
    kernel = load(function, donated, fastmath)
    if kernel is None:
        return functools.partial(interpret, function)

    return runner(kernel)


def runner(kernel: Any) -> Kernel:
    """A kernel as a callable whose 0-d results are NumPy scalars."""

    def run(arrays: Sequence[Any]) -> list[Any]:
        return [r if r.ndim else r[()] for r in kernel(arrays)]

    return run


def load(function: Function, donated: tuple[int, ...] = (), fastmath: bool = False, signature: Any = None) -> Any:
    """The `runtime.call.Kernel` of a Function, with a native entry for calls of this signature if one is given.

    None where no machine code can be made for it.
    """
    if not has_codegen():
        return None
    pipeline, link, call = [importlib.import_module(f"wengert.{part}") for part in ("codegen.pipeline", "codegen.link", "runtime.call")]
    try:
        module = pipeline.compile_function(function, donated, fastmath)
    except pipeline.UnsupportedError:  # a dtype that machine code does not know
        return None
    entry = ""
    if signature is not None:
        signature = replace(signature, arena_bytes=module.arena_bytes, work=module.work, has_hosts=bool(module.hosts))
        entry = importlib.import_module("wengert.codegen.entry").entry_text(module.name, signature)
    return call.Kernel(
        link.library(module.text, entry),
        module.name,
        function.in_types,
        function.out_types,
        module.arena_bytes,
        module.work,
        module.failures,
        module.hosts,
        donated,
        bool(entry),
    )


class CompiledCall(Call):
    """A call of a Function that runs as machine code; so do its derivatives and its batched form."""

    function: Function
    fastmath: bool = False

    def evaluate(self, *operands: Any) -> Any:
        """The results, by the compiled code; of operands in another precision by the interpreter, as of any call."""
        wanted = [getattr(t, "dtype", None) for t in self.function.in_types]
        if any([getattr(a, "dtype", d) != d for a, d in zip(operands, wanted, strict=True)]):
            return super().evaluate(*operands)
        results = native(self.function, (), self.fastmath)([_contiguous(a) for a in operands])
        return results[0] if len(results) == 1 else tuple(results)


def _contiguous(a: Any) -> Any:
    if isinstance(a, np.ndarray) and not (a.flags.c_contiguous and a.flags.aligned):
        return np.array(a, order="C", copy=True)
    return a


# -- looking at it -----------------------------------------------------------------------------------


@functools.cache
def has_codegen() -> bool:
    """Whether this installation can make machine code."""
    return all([importlib.util.find_spec(f"wengert.codegen.{part}") is not None for part in ("pipeline", "link", "entry")])


class Stages:
    """What code generation makes of a Function on the way. Text is made when it is asked for."""

    def __init__(self, function: Function, fastmath: bool) -> None:
        self.passes: list[tuple[str, Function]] = []
        self._program: Any = None
        self.module = compiled(function, fastmath, self._note)
        self._link = importlib.import_module("wengert.codegen.link")

    def _note(self, stage: str, result: Any) -> None:
        if stage.startswith("pass "):
            self.passes.append((stage.removeprefix("pass "), result))
        elif stage == "loops":
            self._program = result

    @functools.cached_property
    def loops(self) -> str:
        """The loop nests."""
        return str(self._program)

    @property
    def llvm(self) -> str:
        """LLVM's text as generated."""
        return str(self.module.text)

    @functools.cached_property
    def optimised(self) -> str:
        """LLVM's text after its passes."""
        return str(self._link.optimised(self.llvm))

    @functools.cached_property
    def assembly(self) -> str:
        """The machine's instructions."""
        return str(self._link.assembly(self.llvm))


def stages(function: Function, fastmath: bool = False) -> Stages:
    """What code generation makes on the way."""
    return memoized(function, ("stages", fastmath), lambda: Stages(function, fastmath))  # type: ignore[no-any-return]


def arena_bytes(function: Function, fastmath: bool = False) -> int | None:
    """Scratch memory that the compiled code needs; None where there is no such code."""
    if not has_codegen():
        return None
    try:
        return int(stages(function, fastmath).module.arena_bytes)
    except ArgumentError:
        return None


def compiled(function: Function, fastmath: bool = False, listener: Any = None) -> Any:
    """The Module of a Function: LLVM's text and what is needed around it."""
    if not has_codegen():
        raise ArgumentError(
            four_parts(
                "this installation of wengert makes no machine code",
                why="The part that generates it is missing, and programs are run by NumPy.",
                instead="install wengert with all its parts",
                where=here(),
            )
        )
    pipeline = importlib.import_module("wengert.codegen.pipeline")
    try:
        return pipeline.compile_function(function, fastmath=fastmath, listener=listener)
    except pipeline.UnsupportedError as error:
        raise ArgumentError(
            four_parts(
                f"{function.name} has a dtype for which no machine code is made",
                str(error),
                "Under jit such a function is run by NumPy.",
                "float32, float64, their complex forms, integers or bools",
                here(),
            )
        ) from None
