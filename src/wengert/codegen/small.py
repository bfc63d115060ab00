"""Small arrays: every element is a scalar, computed in the order written, its loops written out.

Knows the rules of a Kernel; no operation. Start at `small`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.codegen.nest import identity, kind_of
from wengert.codegen.place import Ints, Memory, Regs
from wengert.codegen.schedule import role_of
from wengert.ir.values import Equation
from wengert.loops.nest import Affine


def small(k: Any, equation: Equation) -> None:
    """Compute every element now, into registers."""
    (v,) = equation.outs
    operation: Any = equation.operation
    env = k.frame.env
    shape = v.type.shape  # type: ignore[union-attr]
    if not shape and operation.elementwise:  # one number: most of straight-line code
        numbers = []
        for a in equation.operands:
            place = env.get(a)
            numbers.append(place.values[0] if type(place) is Regs else k.read(a, ()))
        env[v] = Regs([k.scalar(operation, numbers, kind_of(v.type))], shape)
        return
    role = role_of(equation)
    if role == "scalar" or role == "element":
        env[v] = Regs([k.compute(equation, [Affine(j) for j in i]) for i in np.ndindex(*shape)], shape)
        return
    x = equation.operands[0]
    if role == "reduce":
        op, start = operation.reduction
        kind = kind_of(v.type)
        kept = [a for a in range(x.type.ndim) if a not in operation.axes]  # type: ignore[union-attr]
        sums: dict[Ints, Any] = {}
        for i in np.ndindex(*x.type.shape):  # type: ignore[union-attr]
            value = k.read(x, [Affine(j) for j in i])
            at = tuple([i[a] for a in kept])
            sums[at] = k.op(op, sums[at], value) if at in sums else value
        env[v] = Regs([sums[i] if i in sums else k.const(identity(start, kind), kind) for i in np.ndindex(*shape)], shape)
        return
    values = [k.read(x, [Affine(j) for j in i]) for i in np.ndindex(*shape)]
    readers = [lambda *i, a=a: k.read(a, i) for a in equation.operands]
    out = Regs(values, shape)
    writes = []
    for i in np.ndindex(*equation.operands[-1].type.shape):  # type: ignore[union-attr]
        index = tuple([Affine(j) for j in i])
        writes.append((operation.target(k, readers, index, *[a.type for a in equation.operands]), readers[-1](*index)))
    if any([t.terms for target, _ in writes for t in target]):
        env[v] = Memory(k.buffer(kind_of(v.type), v.type.size), shape)  # type: ignore[union-attr]
        k.copy(out, env[v])
        for target, value in writes:
            k.put(operation, env[v], target, value)
        return
    for target, value in writes:
        position = sum([t.const * s for t, s in zip(target, out.strides, strict=True)])
        out.values[position] = k.op("add", out.values[position], value) if operation.accumulates else value
    env[v] = out
