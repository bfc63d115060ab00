"""`Checkpoint`: keep the operands only, and compute again what the reverse needs. `HostCallback`: Python, as it is.

Start at `Checkpoint`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, no
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import ArrayType, Type, array_type, type_of
from wengert.ir.walk import memoized
from wengert.primitives.control.call import Call, emit, function_of, only, present, recomputed, several, single, spread
from wengert.primitives.control.lanes import lane_by_lane
from wengert.primitives.control.snapshots import with_snapshots
from wengert.primitives.math import exp, sin


class Checkpoint(Call):
    """The results of a Function, linearised without residuals: the linear part computes them again.

    With `snapshots` only its loops do, each from so many of its states.
    """

    snapshots: int = 0

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        if self.snapshots:
            make = lambda: with_snapshots(self.function, self.snapshots)
            return Call(memoized(self.function, ("snapshots", self.snapshots), make)).linearize(primals, tangents)
        again, active = recomputed(self.function, present(tangents))
        outs = emit(self, primals)
        return single(outs), single(spread(emit(Call(again), [*primals, *only(tangents)]), active))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            x = np.array([0.3, -0.5, 1.1], code)
            yield Sample(cls(function_of(lambda x, y: [sin(exp(x) * y), x * 2.0], t, t)), x, x[::-1] * 2)


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
        return single(lane_by_lane(self, size, batched, operands))

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
