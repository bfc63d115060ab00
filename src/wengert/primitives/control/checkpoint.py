"""`Checkpoint`: keep the operands only, and compute again what the reverse needs. `HostCallback`: Python, as it is.

Start at `Checkpoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.config import settings
from wengert.contract import Primitive, Sample, no
from wengert.errors import ShapeError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType, StackType, Type, array_type, type_of
from wengert.ir.values import Function, Var
from wengert.ir.walk import inline, memoized
from wengert.primitives.control.call import Call, emit, function_of, only, present, several, single, spread
from wengert.primitives.control.loop import INDEX, Loop
from wengert.primitives.math import exp, sin
from wengert.transform.linearize import linearize


class Checkpoint(Call):
    """The results of a Function, linearised without residuals: the linear part computes them again."""

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        again, active = recomputed(self.function, present(tangents))
        outs = emit(self, primals)
        return single(outs), single(spread(emit(Call(again), [*primals, *only(tangents)]), active))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            x = np.array([0.3, -0.5, 1.1], code)
            yield Sample(cls(function_of(lambda x, y: [sin(exp(x) * y), x * 2.0], t, t)), x, x[::-1] * 2)


def recomputed(function: Function, active: tuple[bool, ...]) -> tuple[Function, tuple[bool, ...]]:
    """(inputs, tangents) -> tangents, from the inputs alone, and which outputs have one."""

    def make() -> tuple[Function, tuple[bool, ...]]:
        split = linearize(function, active)
        builder = Builder()
        inputs = [Var(t) for t in function.in_types]
        moving = [Var(v.type) for v, on in zip(function.inputs, active, strict=True) if on]
        with building(builder):
            residuals = inline(split.primal, inputs)[len(function.outputs) :]
            touts = inline(split.tangent, [*residuals, *moving])
            return builder.build([*inputs, *moving], touts, f"again_{function.name}"), split.out_active

    return memoized(function, ("recomputed", active, settings().strong_zero), make)  # type: ignore[no-any-return]


class HostCallback(Primitive):
    """A Python function of concrete arrays, called when the program runs. It returns a tuple of arrays of the given types."""

    callable: Callable[..., Any]
    out_types: tuple[Type, ...]
    may_raise = True
    jvp = no("a Python callback cannot be looked into; give it a custom rule")
    transpose = no("a Python callback cannot be looked into")

    def type(self, *operands: Type) -> tuple[Type, ...]:
        return self.out_types

    def evaluate(self, *operands: Any) -> Any:
        results = tuple([_fitting(r, t) for r, t in zip(several(self.callable(*operands)), self.out_types, strict=True)])
        return single(results)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        """A loop over the lanes."""
        assert not any(isinstance(x.type, StackType) for x in operands), "a callback takes arrays"
        fixed = [x for x, on in zip(operands, batched, strict=True) if not on]
        lanes = [x for x, on in zip(operands, batched, strict=True) if on]

        def body(i: Any, *values: Any) -> list[Any]:
            rest, items = iter(values[: len(fixed)]), iter(values[len(fixed) :])
            return emit(self, [next(items) if on else next(rest) for on in batched])

        items = [x.type.with_shape(x.type.shape[1:]) for x in lanes]
        function = function_of(body, INDEX, *[x.type for x in fixed], *items, name="callback")
        return single(emit(Loop(function, size, len(fixed), 0, 0), [*fixed, *lanes]))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(np.cumsum, (array_type((3,), np.dtype("d")),)), np.array([1.0, 2.0, 3.0]), smooth=False)


def _fitting(value: Any, wanted: Type) -> Any:
    value = np.asarray(value)[()]
    found = type_of(value)
    if found is wanted:
        return value
    if not isinstance(wanted, ArrayType) or found.shape != wanted.shape or not np.can_cast(found.dtype, wanted.dtype, "same_kind"):
        raise ShapeError(four_parts("a callback returned another type than it declared", f"declared {wanted!r}, returned {found!r}"))
    return value.astype(wanted.dtype)
