"""`Rewinding`: the linear part of an operation that overwrites an array, which takes the array back with it.

What it does on the way back is planned in `rewind`. Start at `Rewinding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, Sum, instantiate
from wengert.ir.builder import Builder, building
from wengert.ir.types import Type, array_type
from wengert.ir.values import Function, Literal, Var
from wengert.ir.walk import inline, memoized, specialize
from wengert.primitives.arith import add, mul
from wengert.primitives.control.call import Call, check_operands, chosen, function_of, is_zero, present, several, single
from wengert.primitives.control.custom import LinearCall
from wengert.primitives.index import gather, scatter_set
from wengert.transform.evaluate import run
from wengert.transform.partial import prune


class Rewinding(Primitive):
    """The linear part of an operation that overwrote some of its operands, the state.

    back:     residuals | state after | cotangents | sums begun -> state before | cotangents of the tangents
    operands: residuals | state after | tangents
    results:  tangents, one for each cotangent that `back` takes

    The sums are of the cotangents of the first tangents. Transposing it runs `back`; its value transposes that once more.
    """

    back: Function
    n_residuals: int
    n_states: int
    n_sums: int
    views = True
    continues = True

    def functions(self) -> tuple[Function, ...]:
        return (self.back,)

    def parts(self) -> tuple[int, int, int]:
        """Where in the inputs of `back` the states, the cotangents and the sums begin."""
        a, b = self.n_residuals, self.n_residuals + self.n_states
        return a, b, len(self.back.inputs) - self.n_sums

    def type(self, *operands: Type) -> tuple[Type, ...]:
        _, b, c = self.parts()
        check_operands(self.name, [*self.back.in_types[:b], *self.back.out_types[self.n_states :]], operands)
        return self.back.in_types[b:c]

    def plain(self) -> Function:
        """Residuals, state after | cotangents -> cotangents: `back` without what it is given and gives besides."""

        def make() -> Function:
            builder = Builder()
            inputs = [Var(t) for t in self.back.in_types[: self.parts()[2]]]
            with building(builder):
                sums = [instantiate(None, t) for t in self.back.in_types[self.parts()[2] :]]
                outs = inline(self.back, [*inputs, *sums])[self.n_states :]
                return builder.build(inputs, outs, self.back.name)

        return memoized(self.back, ("plain", self.parts()), make)  # type: ignore[no-any-return]

    def ahead(self) -> Function:
        """(residuals, state after, tangents) -> tangents."""
        return LinearCall(self.plain(), self.parts()[1]).ahead()  # type: ignore[no-any-return]

    def evaluate(self, *operands: Any) -> Any:
        return single(run(self.ahead(), operands))

    def exact(self, m: Any, *operands: Any) -> Any:
        return single(m.run(self.ahead(), operands))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The transposed Function, written here."""
        return k.function(self.ahead(), operands)

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return Call(self.ahead()).forward(primals, tangents)

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return LinearCall(self.plain(), self.parts()[1]).linearize(primals, tangents)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool], sums: Sequence[Any] = ()) -> Sequence[Any]:
        b = self.parts()[1]
        if any(linear[:b]):
            return Call(self.ahead()).transpose(ct, operands, linear)
        return [*[None] * b, *self.run_back(several(ct), operands, sums, False)[1]]

    def run_back(
        self, cts: Sequence[Any], operands: Sequence[Any], sums: Sequence[Any] = (), states: bool = True
    ) -> tuple[list[Any], list[Any]]:
        """The state before, if that is wanted, and the cotangents of the tangents; emitted."""
        _, b, c = self.parts()
        seeded = (not states and self.back.memo.get("alone")) or self.back.memo.get("seeded")
        begun = [instantiate(s, t) for s, t in zip(sums[b : b + self.n_sums] or [None] * self.n_sums, self.back.in_types[c:], strict=True)]
        if seeded is not None:
            back = seeded(present(cts))
            given = [s for s in cts if s is not None]
        else:
            missing = {v: instantiate(None, v.type) for v, s in zip(self.back.inputs[b:c], cts, strict=True) if s is None}
            fixed = {v: s for v, s in missing.items() if isinstance(s, Literal)}
            back = specialize(self.back, fixed)
            given = [missing[v] if s is None else s for v, s in zip(self.back.inputs[b:c], cts, strict=True) if v not in fixed]
        values = [*operands[:b], *given, *begun]
        if states:
            results = inline(back, values)
        else:
            smaller, used = prune(back, [n >= self.n_states for n in range(len(back.outputs))])
            results = [None] * self.n_states + inline(smaller, chosen(values, used))
        pulled = [None if is_zero(r) else r for r in results][self.n_states :]
        totals = [None if r is None else Sum(r) for r in pulled[: self.n_sums]]
        return results[: self.n_states], [*totals, *pulled[self.n_sums :]]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return LinearCall(self.plain(), self.parts()[1]).batch(size, batched, operands)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        def back(i: Any, old: Any, x: Any, ct: Any, total: Any) -> list[Any]:
            """Of x[i] = x[i] * h, by h and x: what was there is put back and read."""
            x = scatter_set(x, [i], old)
            part = gather(ct, [i])
            return [x, add(total, mul(part, old)), scatter_set(ct, [i], mul(part, gather(x, [i])))]

        for code in "df":
            s, v = array_type((), np.dtype(code)), array_type((3,), np.dtype(code))
            function = function_of(back, array_type((), np.dtype(np.int64)), s, v, v, s)
            x, h = np.array([0.3, -0.5, 1.1], code), np.dtype(code).type(0.4)
            yield Sample(cls(function, 2, 1, 1), np.int64(1), h, x, h * 2, x[::-1])
