"""The passes in their order, from a Function as it was traced and differentiated to one worth lowering.

Knows no operation. Start at `optimise`; `PASSES` is all that happens, each in the file of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from wengert.config import settings
from wengert.ir.values import Function
from wengert.passes.abreast import abreast
from wengert.passes.blocks import blocks
from wengert.passes.dead import dead
from wengert.passes.fuse import fuse
from wengert.passes.hoist import hoist
from wengert.passes.inline import callee, inline, running
from wengert.passes.simplify import simplify

Listener = Callable[[str, Function], None]


class State(NamedTuple):
    """What passes may ask for besides the Function."""

    fastmath: bool
    calls: dict[Function, int]  # how often each is called in the whole program

    def finished(self, function: Function) -> Function:
        """The optimised form of a Function inside the one at hand."""
        return optimise(function, self.fastmath)


PASSES: tuple[tuple[str, Callable[[Function, State], Function]], ...] = (
    ("fuse", lambda f, s: fuse(f, s.finished)),
    ("inline", lambda f, s: inline(f, s.finished, s.calls)),
    ("dead", lambda f, s: dead(f)),
    ("simplify", lambda f, s: simplify(f, s.fastmath)),  # with folding, sharing and layout, one walk
    ("dead", lambda f, s: dead(f)),
    ("fuse", lambda f, s: fuse(f, s.finished)),
    ("dead", lambda f, s: dead(f)),
    ("hoist", lambda f, s: hoist(f, s.finished)),
    ("abreast", lambda f, s: abreast(f, s.finished)),
    ("blocks", lambda f, s: blocks(f, s.finished)),
)
AFTER_HOISTING = PASSES[3:]  # what came out of loops meets what was there


def optimise(function: Function, fastmath: bool = False, listener: Listener | None = None) -> Function:
    """The Function as the compiler lowers it: inputs, outputs and types stay, results keep their bits unless `fastmath`.

    The Functions that it runs are optimised before it, each once; what was found is remembered in `memo`. `listener`
    is told the name of each pass and what it made of this Function.
    """
    key = ("optimised", fastmath)
    if listener is None and key in function.memo:
        return function.memo[key]  # type: ignore[no-any-return]
    calls: dict[Function, int] = {}
    apart: set[Function] = {function}
    for inner in inside_out(function, calls, apart):
        if inner in apart and (key not in inner.memo or (inner is function and listener is not None)):
            result = _through(inner, State(fastmath, calls), listener if inner is function else None)
            result.memo[key] = inner.memo[key] = result
    return function.memo[key]  # type: ignore[no-any-return]


def _through(function: Function, state: State, listener: Listener | None) -> Function:
    steps = list(PASSES)
    while steps:
        name, step = steps.pop(0)
        new = step(function, state)
        if name == "hoist" and new is not function:
            steps = list(AFTER_HOISTING)
        if new is not function and settings().verify:
            from wengert.ir.verifier import verify

            verify(new)
        function = new
        if listener is not None:
            listener(name, function)
    return function


def inside_out(function: Function, calls: dict[Function, int], apart: set[Function]) -> list[Function]:
    """Every Function that runs in this one, each once and after those that run in it.

    Fills `calls`, and `apart` with those that are not just called once: these become part of their caller.
    """
    order: dict[Function, None] = {}
    stack: list[tuple[Function, Iterator[Function]]] = [(function, iter(_children(function, calls, apart)))]
    while stack:
        parent, children = stack[-1]
        child = next((c for c in children if c not in order), None)
        if child is None:
            order[parent] = None
            stack.pop()
        else:
            stack.append((child, iter(_children(child, calls, apart))))
    return list(order)


def _children(function: Function, calls: dict[Function, int], apart: set[Function]) -> list[Function]:
    found: list[Function] = []
    for equation in function.equations:
        if equation.operation.fields:
            for inner in running(equation.operation):
                calls[inner] = calls.get(inner, 0) + 1
                if calls[inner] > 1 or callee(equation.operation) is None:
                    apart.add(inner)
                found.append(inner)
    return found
