"""The stages of compilation of one program, each made when it is looked at.

Start at `Lowered`.
"""

from __future__ import annotations

from typing import Any

from wengert.api import native
from wengert.api.work import cost_of
from wengert.ir.printer import print_function
from wengert.ir.values import Function


class Lowered:
    """What a function becomes on the way to machine code. Printing it gives a summary.

    Attributes
    ----------
    ir : Function
        The Wengert list, as traced.
    passes : list of (str, Function)
        After each rewriting pass that changed something.
    loops : str
        The loop nests, in their text form.
    llvm, optimised : str
        LLVM's text before and after optimisation.
    assembly : str
        Machine code, for this processor.
    """

    def __init__(self, function: Function, fastmath: bool) -> None:
        self.ir = function
        self._fastmath = fastmath
        self._stages: Any = None

    def _stage(self, name: str) -> Any:
        if self._stages is None:
            self._stages = native.stages(self.ir, self._fastmath)
        return getattr(self._stages, name)

    passes = property(lambda self: self._stage("passes"), doc="(name, Function) after each pass that changed something.")
    loops = property(lambda self: self._stage("loops"), doc="The loop nests as text.")
    llvm = property(lambda self: self._stage("llvm"), doc="LLVM's text as generated.")
    optimised = property(lambda self: self._stage("optimised"), doc="LLVM's text after optimisation.")
    assembly = property(lambda self: self._stage("assembly"), doc="Machine code as text.")

    def __str__(self) -> str:
        text = [print_function(self.ir), "", str(cost_of(self.ir, self._fastmath))]
        if native.has_codegen():
            names = [name for name, _ in self.passes]
            text.append(f"passes: {', '.join(names) or 'none applies'}")
            for stage in ("loops", "llvm", "optimised", "assembly"):
                text.append(f".{stage}: {len(getattr(self, stage).splitlines())} lines")
        return "\n".join(text)

    def __repr__(self) -> str:
        return f"<Lowered {self.ir.name}: {len(self.ir.equations)} equations>"


def lowered(function: Function, fastmath: bool) -> Lowered:
    """The stages of a Function."""
    return Lowered(function, fastmath)
