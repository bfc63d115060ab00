"""The steps from a Function to a module of native code, one screen.

Start at `compile_function`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from wengert.codegen.checks import checked_before
from wengert.codegen.llvm import emit
from wengert.codegen.lower import lower
from wengert.codegen.nest import UnsupportedError
from wengert.codegen.rows import by_rows
from wengert.codegen.tiles import in_tiles
from wengert.codegen.vectors import without_branches
from wengert.codegen.zeros import without_zeros
from wengert.config import settings
from wengert.ir.values import Function
from wengert.loops.nest import Program
from wengert.loops.verifier import verify
from wengert.runtime.collector import paused

__all__ = ["Module", "UnsupportedError", "compile_function"]


class Module:
    """LLVM's text of a Function, and all that is needed to run it. The ABI is `docs/architecture.md`'s."""

    __slots__ = ("arena_bytes", "externals", "failures", "function", "hosts", "name", "program", "text", "work")

    def __init__(self, function: Function, program: Program, text: Any) -> None:
        self.function, self.program = function, program
        self.text, self.name, self.arena_bytes, self.externals = text.text, text.name, text.arena_bytes, text.externals
        self.failures, self.hosts, self.work = program.failures, program.hosts, program.work


def compile_function(function: Function, donated: Sequence[int] = (), fastmath: bool = False, listener: Any = None) -> Module:
    """Rewrite a Function, lower it to loop nests and these to LLVM's text.

    `listener(stage, result)` is told of each step. Raises UnsupportedError for dtypes that native code does not know.
    """
    tell = listener or (lambda stage, result: None)
    with paused():
        tell("ir", function)
        function = optimised(function, fastmath, listener)
        program = lower(function, "wengert_kernel", donated)
        checked_before(program)
        without_zeros(program)
        without_branches(program)
        in_tiles(program)
        by_rows(program)
        if settings().verify:
            verify(program)
        tell("loops", program)
        text = emit(program, fastmath)
        tell("llvm", text.text)
    return Module(function, program, text)


def optimised(function: Function, fastmath: bool, listener: Any) -> Function:
    from wengert.passes.pipeline import optimise

    return optimise(function, fastmath=fastmath, listener=None if listener is None else lambda name, f: listener("pass " + name, f))


def digest(text: str) -> str:
    """What a module is remembered by."""
    return hashlib.sha256(text.encode()).hexdigest()
