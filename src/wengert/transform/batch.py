"""Give a function a leading axis on some inputs: one Function that does all lanes at once.

Batched values have their lane axis first, always. Names no operation. Start at `batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.contract import Shared, expand
from wengert.ir.builder import Builder, building
from wengert.ir.types import StackType, Type, array_type, stack_type
from wengert.ir.values import Atom, Function, Var, has_effect
from wengert.ir.walk import memoized

Mask = tuple[bool, ...]


def batched_type(type: Type, size: int) -> Type:
    """The type with a leading axis; a stack's items get it."""
    if isinstance(type, StackType):
        return stack_type(batched_type(type.item, size))
    return array_type((size, *type.shape), type.dtype)


def batch(function: Function, size: int, batched: Sequence[bool], force: Sequence[bool] | bool = False) -> tuple[Function, Mask]:
    """The function over `size` lanes, and which outputs have the lane axis.

    `force` says of which outputs the lane axis is wanted even where all lanes are the same.
    """
    batched = tuple(batched)
    wanted = (force,) * len(function.outputs) if isinstance(force, bool) else tuple(force)

    def make() -> tuple[Function, Mask]:
        builder = Builder()
        inputs = [Var(batched_type(v.type, size)) if on else v for v, on in zip(function.inputs, batched, strict=True)]
        env: dict[Atom, Any] = dict(zip(function.inputs, inputs, strict=True))
        has: set[Any] = {v for v, on in zip(function.inputs, batched, strict=True) if on}
        with building(builder):
            for equation in function.equations:
                builder.span = equation.span
                operands = [env.get(a, a) for a in equation.operands]
                lanes = [a in has for a in equation.operands]
                here = any(lanes) or has_effect(equation.operation)  # what happens, happens in every lane
                if not here:
                    outs = builder.emit(equation.operation, tuple(operands))
                else:
                    outs = equation.operation.batch(size, lanes, operands)  # type: ignore[attr-defined]
                for old, new in zip(equation.outs, outs if isinstance(outs, tuple) else (outs,), strict=True):
                    if isinstance(new, Shared):
                        env[old] = new.value
                    else:
                        env[old] = new
                        if here:
                            has.add(old)
            outputs, mask = [], []
            for a, want in zip(function.outputs, wanted, strict=True):
                lane = a in has
                value = env.get(a, a)
                outputs.append(expand(value, size) if want and not lane else value)
                mask.append(lane or want)
            return builder.build(inputs, outputs, f"batch_{function.name}"), tuple(mask)

    return memoized(function, ("batch", size, batched, wanted), make)  # type: ignore[no-any-return]
