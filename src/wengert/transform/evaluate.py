"""Run a Function now, equation by equation, on NumPy arrays.

A Function is prepared once: variables become slots of a list, dead arrays are let go, an
expansion that its elementwise consumers do by themselves is not carried out, and an
accumulator that dies is overwritten in place. Names no operation. Start at `evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.ir.values import Function, Literal, Var
from wengert.ir.walk import memoized
from wengert.transform.checked import run_checked

# An instruction is (kind, callable, operand slots…, result slot or slots).
_ONE, _TWO, _MANY, _SEVERAL, _FREE = range(5)
_LARGE = 256  # arrays of fewer elements are let go with the whole environment


def evaluate(function: Function, arguments: Sequence[Any]) -> list[Any]:
    """Values of the outputs. Floating-point warnings are silenced: a derivative may pass through inf.

    0-d results are NumPy scalars. An output may share memory with an argument; the caller copies.
    """
    with np.errstate(all="ignore"):
        return run(function, arguments)


def run(function: Function, arguments: Sequence[Any]) -> list[Any]:
    """As `evaluate`, inside an error state already set."""
    if settings().debug_nans:
        return run_checked(function, arguments)
    program: _Program = function.memo.get("program") or memoized(function, "program", lambda: _Program(function))
    env = program.template.copy()
    env[: len(arguments)] = arguments
    for kind, call, a, b, out in program.code:
        if kind == _TWO:
            env[out] = call(env[a], env[b])
        elif kind == _ONE:
            env[out] = call(env[a])
        elif kind == _FREE:
            env[a] = None
        elif kind == _MANY:
            env[out] = call(*[env[i] for i in a])
        else:
            for slot, value in zip(out, call(*[env[i] for i in a]), strict=True):
                env[slot] = value
    for slot in program.fill:
        env[slot] = _full(env[slot], program.types[slot])
    return [env[slot] for slot in program.outputs]


def prepare(function: Function, owned_inputs: Sequence[Var]) -> None:
    """Make the Function ready to run by a caller who gives up the memory of some inputs."""
    function.memo["program"] = _Program(function, owned_inputs)


def _read_only(value: Any) -> Any:
    """A constant of the program as nobody may write to it: it may come out as a result."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _full(value: Any, type: Any) -> Any:
    return value if np.shape(value) == type.shape else np.broadcast_to(value, type.shape).astype(type.dtype)


class _Program:
    """A Function made ready to run. Slots: inputs first, then literals and results."""

    def __init__(self, function: Function, owned_inputs: Sequence[Var] = ()) -> None:
        self.template: list[Any] = [None] * len(function.inputs)
        self.code: list[tuple[Any, ...]] = []
        self.types: dict[int, Any] = {}
        slot: dict[Any, int] = {v: i for i, v in enumerate(function.inputs)}
        uses = _uses(function)
        last = _last_uses(function)
        results = set(function.outputs)
        owned: set[Var] = set(owned_inputs)  # results, and inputs given up by the caller, in memory that nothing else sees
        aliases: set[Any] = set()  # values in another's slot, let go with that
        compact: set[Any] = set()  # values held smaller than their type: consumers broadcast

        def place(value: Any = None) -> int:
            self.template.append(value)
            return len(self.template) - 1

        def slot_of(a: Any, elementwise: bool) -> int:
            if not isinstance(a, Literal):
                return slot[a]
            small = elementwise and a.is_splat
            key = (a, small)
            if key not in slot:
                slot[key] = place(a.value if small else _read_only(a.array()))
            return slot[key]

        for index, equation in enumerate(function.equations):
            operation, operands, outs = equation.operation, equation.operands, equation.outs
            shrink = operation.compaction()  # type: ignore[attr-defined]
            if shrink is not None and all(
                user is not None and user.elementwise and full for user, full in uses.get(outs[0], [(None, False)])
            ):
                source = slot_of(operands[0], False)
                if shrink == "same":
                    slot[outs[0]] = source
                    aliases.add(outs[0])
                else:
                    slot[outs[0]] = place()
                    self.code.append((_ONE, shrink, source, None, slot[outs[0]]))
                compact.add(outs[0])
                continue
            elementwise = operation.elementwise and any(_is_full(a, compact) for a in operands)  # type: ignore[attr-defined]
            call: Any = operation.evaluate  # type: ignore[attr-defined]
            first = operands[0] if operands else None
            update = operation.update  # type: ignore[attr-defined]
            if update is not None and (
                first in owned and last.get(first) == index and operands.count(first) == 1 or isinstance(first, Literal)
            ):
                call = update
            if operation.views:  # type: ignore[attr-defined]  # the result may see this memory: never overwrite it
                owned.difference_update(operands)
            ins = [slot_of(a, elementwise) for a in operands]
            if call is update and isinstance(first, Literal):  # a fresh copy of the constant, each run
                fresh = place()
                self.code.append((_ONE, np.array, ins[0], None, fresh))
                ins[0] = fresh
            for out in outs:
                slot[out] = place()
                if update is not None:
                    owned.add(out)
            if len(outs) != 1:
                self.code.append((_SEVERAL, call, ins, None, [slot[out] for out in outs]))
            elif len(ins) == 1:
                self.code.append((_ONE, call, ins[0], None, slot[outs[0]]))
            elif len(ins) == 2:
                self.code.append((_TWO, call, ins[0], ins[1], slot[outs[0]]))
            else:
                self.code.append((_MANY, call, ins, None, slot[outs[0]]))
            for a in {*operands, *outs}:
                if (
                    isinstance(a, Var)
                    and a not in aliases
                    and last.get(a, index) == index
                    and getattr(a.type, "size", _LARGE) >= _LARGE
                    and a not in results
                ):
                    self.code.append((_FREE, None, slot[a], None, None))
        self.outputs = [slot_of(a, False) for a in function.outputs]
        self.fill = [slot[a] for a in function.outputs if a in compact]
        for a in function.outputs:
            if a in compact:
                self.types[slot[a]] = a.type


def _is_full(a: Any, compact: set[Any]) -> bool:
    return isinstance(a, Var) and a not in compact


def _uses(function: Function) -> dict[Any, list[tuple[Any, bool]]]:
    """variable -> its users, each with whether another operand of that user surely has the full shape."""
    expansions = {e.outs[0] for e in function.equations if e.operation.compaction() is not None}  # type: ignore[attr-defined]
    uses: dict[Any, list[tuple[Any, bool]]] = {}
    for equation in function.equations:
        full = any([isinstance(a, Var) and a not in expansions for a in equation.operands])
        for a in equation.operands:
            uses.setdefault(a, []).append((equation.operation, full))
    for a in function.outputs:
        uses.setdefault(a, []).append((None, False))
    return uses


def _last_uses(function: Function) -> dict[Any, int]:
    last: dict[Any, int] = {}
    for index, equation in enumerate(function.equations):
        for a in equation.operands:
            last[a] = index
    for a in function.outputs:
        last[a] = len(function.equations)
    for equation in reversed(function.equations):
        if equation.operation.compaction() == "same":  # type: ignore[attr-defined]  # the operand may stand for the result
            x, out = equation.operands[0], equation.outs[0]
            last[x] = max(last[x], last.get(out, 0))
    return last
