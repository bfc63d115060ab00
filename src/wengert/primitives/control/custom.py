"""Rules given by the user: `CustomJvp`, `CustomVjp`, and `LinearCall`, a linear map known by its transpose.

A rule is a Function, or an object that gives it when first asked, so that a rule may call the
function it belongs to. Start at `CustomJvp`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Primitive, Sample, expand, instantiate
from wengert.errors import NoRuleError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import Type, array_type
from wengert.ir.values import Function, Var, acts
from wengert.ir.walk import inline, memoized, silent
from wengert.primitives.control.call import Call, check_operands, chosen, emit, function_of, is_zero, present, several, single, spread
from wengert.primitives.math import cos, sin
from wengert.primitives.reduce import sum_
from wengert.transform.batch import batch
from wengert.transform.evaluate import run
from wengert.transform.partial import partial
from wengert.transform.transpose import transpose

Mask = tuple[bool, ...]


def inexact(types: Sequence[Type]) -> Mask:
    """Which types have tangents."""
    return tuple([t.inexact for t in types])


class _Ruled(Primitive, abstract=True):
    """A Function whose derivative is told by a rule."""

    function: Function
    rule: Any
    views = True

    def functions(self) -> tuple[Function, ...]:
        return (self.function,)

    def type(self, *operands: Type) -> tuple[Type, ...]:
        check_operands(self.name, self.function.in_types, operands)
        return self.function.out_types

    def evaluate(self, *operands: Any) -> Any:
        return single(run(self.function, operands))

    def exact(self, m: Any, *operands: Any) -> Any:
        return single(m.run(self.function, operands))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The Function, written here."""
        return k.function(self.function, operands)

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return self.linearize(primals, tangents)

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.linearize(primals, tangents)[1]

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        """Reached only where the function itself is linear and was not linearised: its own transpose."""
        return Call(self.function).transpose(ct, operands, linear)

    def happen(self, primals: Sequence[Any]) -> None:
        """Emit what happens in the Function; a rule gives its value and derivative only."""
        if acts(self.function):
            emit(Call(Function(self.function.inputs, self.function.equations, (), self.function.name)), primals)

    def tangents(self, primals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Explicit tangents of all inexact operands."""
        return [instantiate(t, p.type) for t, p in zip(tangents, primals, strict=True) if p.type.inexact]


class CustomJvp(_Ruled):
    """A Function with its own forward derivative.

    rule: (operands, tangents of the inexact ones) -> (results, tangents of the inexact ones)

    The rule is linear in the tangents. What of it needs no tangent is computed once; the rest is
    transposed by its structure.
    """

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        rule = rule_function(self.rule)
        n_in, n_out = len(primals), len(self.function.outputs)
        parts = partial(rule, [True] * n_in + [False] * (len(rule.inputs) - n_in))
        assert all(parts.out_known[:n_out]), "the value given by a jvp rule depends on the tangents"
        known = parts.known.outputs[: sum(parts.out_known)]
        if not all(is_zero(a) for a in known[n_out:]):
            raise NoRuleError(
                four_parts(
                    f"the jvp rule of {self.function.name} is not linear in the tangents",
                    "a tangent it returns does not depend on those it is given",
                    instead="return a tangent that is linear in the tangents, zero where nothing moves",
                )
            )
        self.happen(primals)
        now = emit(Call(parts.known), primals)
        later = emit(Call(parts.unknown), [*now[len(known) :], *self.tangents(primals, tangents)])
        moved = spread(later, [not on for on in parts.out_known[n_out:]])
        return single(now[:n_out]), single(spread(moved, inexact(self.function.out_types)))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        function, _ = batch(self.function, size, batched, True)
        return single(emit(CustomJvp(function, BatchedJvp(self.rule, size, tuple(batched))), operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            f = function_of(lambda x, y: [sin(x) * y, x * y], t, t)
            rule = function_of(lambda x, y, dx, dy: [sin(x) * y, x * y, cos(x) * dx * y + sin(x) * dy, dx * y + x * dy], t, t, t, t)
            yield Sample(cls(f, rule), np.array([0.3, -0.5, 1.1], code), np.array([1.2, 0.4, -0.7], code))


class CustomVjp(_Ruled):
    """A Function with its own reverse derivative.

    rule.forward():  operands -> (results, residuals)
    rule.backward(): (residuals, cotangents of the inexact results) -> cotangents of the inexact operands

    Reverse mode runs `backward` as it is written; forward mode transposes it.
    """

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        forward, backward = self.rule.forward(), self.rule.backward()
        n_out = len(self.function.outputs)
        self.happen(primals)
        now = emit(Call(forward), primals)
        residuals = now[n_out:]
        later = emit(LinearCall(backward, len(residuals)), [*residuals, *self.tangents(primals, tangents)])
        return single(now[:n_out]), single(spread(later, inexact(self.function.out_types)))

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        function, _ = batch(self.function, size, batched, True)
        return single(emit(CustomVjp(function, BatchedVjp(self.rule, len(self.function.outputs), size, tuple(batched))), operands))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            f = function_of(lambda x, y: [sin(x) * y], t, t)
            forward = function_of(lambda x, y: [sin(x) * y, cos(x) * y, sin(x)], t, t)
            backward = function_of(lambda a, b, ct: [a * ct, b * ct], t, t, t)
            yield Sample(cls(f, GivenVjp(forward, backward)), np.array([0.3, -0.5, 1.1], code), np.array([1.2, 0.4, -0.7], code))


class LinearCall(Primitive):
    """The transpose of a Function, as an operation.

    backward: (residuals, cotangents) -> cotangents, linear in the cotangents
    operands: residuals | tangents, one for each output of `backward`
    results:  tangents, one for each cotangent that `backward` takes

    Transposing it calls `backward` as it is, effects included; its value transposes `backward`, once, and has none.
    """

    backward: Function
    n_residuals: int
    views = True

    def functions(self) -> tuple[Function, ...]:
        return (self.backward,)

    def type(self, *operands: Type) -> tuple[Type, ...]:
        n = self.n_residuals
        check_operands(self.name, [*self.backward.in_types[:n], *self.backward.out_types], operands)
        return self.backward.in_types[n:]

    def ahead(self) -> Function:
        """(residuals, tangents) -> tangents: `backward` transposed."""
        return memoized(self.backward, ("ahead", self.n_residuals), self._transposed)  # type: ignore[no-any-return]

    def _transposed(self) -> Function:
        n, backward = self.n_residuals, silent(self.backward)
        n_cts = len(backward.inputs) - n
        parts = partial(backward, [True] * n + [False] * n_cts)
        n_known = sum(parts.out_known)
        if not all(is_zero(a) for a in parts.known.outputs[:n_known]):
            raise _not_linear(backward, "a cotangent it returns does not depend on those it is given")
        n_handed = len(parts.residuals)
        try:
            turned = transpose(parts.unknown, [False] * n_handed + [True] * n_cts)
        except NoRuleError as error:
            raise _not_linear(backward, str(error).splitlines()[0]) from error
        builder = Builder()
        inputs = [Var(t) for t in (*backward.in_types[:n], *backward.out_types)]
        with building(builder):
            handed = inline(parts.known, inputs[:n])[n_known:]
            seeds = chosen(inputs[n:], [not on for on in parts.out_known])
            return builder.build(inputs, inline(turned, [*handed, *seeds]), f"transpose_{backward.name}")

    def evaluate(self, *operands: Any) -> Any:
        return single(run(self.ahead(), operands))

    def exact(self, m: Any, *operands: Any) -> Any:
        return single(m.run(self.ahead(), operands))

    def nest(self, k: Any, operands: Sequence[Any], outs: Any) -> Any:
        """The transposed Function, written here."""
        return k.function(self.ahead(), operands)

    def forward(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return self._moved(primals, tangents, "forward")

    def linearize(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        return self._moved(primals, tangents, "linearize")

    def _moved(self, primals: Sequence[Any], tangents: Sequence[Any], rule: str) -> tuple[Any, Any]:
        if any(present(tangents[: self.n_residuals])):
            return getattr(Call(self.ahead()), rule)(primals, tangents)  # type: ignore[no-any-return]
        n = self.n_residuals
        moving = [instantiate(t, p.type) for t, p in zip(tangents[n:], primals[n:], strict=True)]
        return single(emit(self, primals)), single(emit(self, [*primals[:n], *moving]))

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return self.forward(primals, tangents)[1]

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        n = self.n_residuals
        if any(linear[:n]):
            return Call(self.ahead()).transpose(ct, operands, linear)
        cts = [instantiate(c, v.type) for c, v in zip(several(ct), self.backward.inputs[n:], strict=True)]
        results = emit(Call(self.backward), [*operands[:n], *cts])
        return [*[None] * n, *[None if is_zero(a) else r for a, r in zip(self.backward.outputs, results, strict=True)]]

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        n = self.n_residuals
        n_cts = len(self.backward.inputs) - n
        backward, _ = batch(self.backward, size, [*batched[:n], *[True] * n_cts], True)
        tangents = [x if on else expand(x, size) for x, on in zip(operands[n:], batched[n:], strict=True)]
        return single(emit(LinearCall(backward, n), [*operands[:n], *tangents]))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        for code in "dfD":
            t = array_type((3,), np.dtype(code))
            backward = function_of(lambda a, ct, cu: [sin(a) * ct, ct - a * cu], t, t, t)
            x = [np.array(v, code) for v in ([0.3, -0.5, 1.1], [1.2, 0.4, -0.7], [0.2, 0.9, 1.4])]
            yield Sample(cls(backward, 1), *x)


# -- rules as objects ---------------------------------------------------------------------------


def rule_function(rule: Any) -> Function:
    """The Function of a jvp rule, which may be made when first asked for."""
    return rule if isinstance(rule, Function) else rule.function()  # type: ignore[no-any-return]


class _Keyed:
    """Equal to what is made of the same things, so that operations which hold it are one."""

    def __init__(self, *key: Any) -> None:
        self.key = key
        self.made: dict[str, Function] = {}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.key == self.key

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.key))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.key!r}"


class GivenVjp(_Keyed):
    """A pair of Functions (forward, backward)."""

    def forward(self) -> Function:
        return self.key[0]  # type: ignore[no-any-return]

    def backward(self) -> Function:
        return self.key[1]  # type: ignore[no-any-return]


class BatchedJvp(_Keyed):
    """A jvp rule over lanes: (rule, size, which operands have lanes). All its results have."""

    def function(self) -> Function:
        rule, size, batched = self.key
        if "rule" not in self.made:
            plain = rule_function(rule)
            moving = [on for on, v in zip(batched, plain.inputs, strict=False) if v.type.inexact]
            self.made["rule"] = batch(plain, size, [*batched, *moving], True)[0]
        return self.made["rule"]


class BatchedVjp(_Keyed):
    """A vjp rule over lanes: (rule, number of results, size, which operands have lanes). All its results have."""

    def forward(self) -> Function:
        return self._forward()[0]

    def _forward(self) -> tuple[Function, Mask]:
        rule, n_out, size, batched = self.key
        plain = rule.forward()
        return batch(plain, size, batched, [k < n_out for k in range(len(plain.outputs))])

    def backward(self) -> Function:
        """The cotangent of an operand without lanes is the sum over them."""
        rule, n_out, size, batched = self.key
        if "backward" not in self.made:
            plain = rule.backward()
            residuals = self._forward()[1][n_out:]
            inner, _lanes = batch(plain, size, [*residuals, *[True] * (len(plain.inputs) - len(residuals))], True)
            wanted = [on for on, t in zip(batched, rule.forward().in_types, strict=True) if t.inexact]

            def summed(*values: Any) -> list[Any]:
                return [ct if on else sum_(ct, (0,)) for ct, on in zip(inline(inner, values), wanted, strict=True)]

            self.made["backward"] = function_of(summed, *inner.in_types, name=inner.name)
        return self.made["backward"]


def _not_linear(backward: Function, found: str) -> NoRuleError:
    return NoRuleError(
        four_parts(
            f"the backward rule {backward.name} is not linear in its cotangents",
            found,
            "Forward mode transposes the backward rule, which must be linear for that.",
            "make it linear in the cotangents, give a jvp rule instead, or use reverse mode only",
        )
    )
