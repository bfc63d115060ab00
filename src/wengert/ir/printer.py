"""The text form of a Function: a Wengert list, one line an equation, that `parser.parse` reads back exactly.

Knows types, literals and the parameters of operations; no operation. Start at `print_function`.

    square_sum(x0: float64[3]) -> (float64[]):
      v0: float64[3] = mul x0 x0    # model.py:14
      v1: float64[] = sum[axes=(0,)] v0    # model.py:15
      return v1

Inputs are x0, x1, …, results v0, v1, … in order. A constant is written with its type where it
is used: `2.0:float64[3]` fills the shape, `[1.0,2.0]:float64[2]` lists the elements row by row,
`dense:float64[100]<…>` gives their bytes (little-endian, base64) when there are many.
Functions that an operation holds are defined above their user and named `@name`.
"""

from __future__ import annotations

import json
import re
import sys
from base64 import b64encode
from typing import Any

import numpy as np

from wengert.ir.operation import Operation
from wengert.ir.types import ArrayType, StackType
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.ir.walk import nested

LISTED = 8  # an array of at most so many elements is written element by element


def print_function(function: Function) -> str:
    """The text of a Function and of those it holds, the held ones first.

    The same Function always gives the same text, and ``print_function(parse(text)) == text``.
    A parameter that has no text, such as a host callable, is written `<opaque 1>`, which the
    parser refuses. Linear in the number of equations.
    """
    functions = nested(function)
    page = Page(functions)
    return "\n\n".join([page.function(f) for f in functions])


class Page:
    """The names given to the functions, opaque parameters and operations of one printing."""

    def __init__(self, functions: list[Function]) -> None:
        self.names: dict[Function, str] = {}
        self.opaque: dict[int, tuple[int, Any]] = {}
        self._operations: dict[Operation, str] = {}
        taken: set[str] = set()
        for function in (functions[-1], *functions[:-1]):
            wanted = re.sub(r"[^\w.<>-]", "_", function.name) or "f"
            name, count = wanted, 0
            while name in taken:
                count += 1
                name = f"{wanted}_{count}"
            taken.add(name)
            self.names[function] = name

    def function(self, function: Function) -> str:
        """Header, equations, return line."""
        names = name_variables(function)
        spans: dict[Any, str] = {None: ""}
        lines = [self.header(function, names)]
        for equation in function.equations:
            span = equation.span
            comment = spans.get(span)
            if comment is None:
                comment = spans[span] = "    # " + str(span).replace("\n", "?")
            lines.append(f"  {self.equation(equation, names)}{comment}")
        lines.append(f"  return {', '.join([atom(a, names) for a in function.outputs])}".rstrip())
        return "\n".join(lines)

    def header(self, function: Function, names: dict[Var, str]) -> str:
        """`name(x0: float64[2]) -> (float64[]):`."""
        inputs = ", ".join([f"{atom(v, names)}: {_type(v)}" for v in function.inputs])
        return f"{self.names[function]}({inputs}) -> ({', '.join([_type(a) for a in function.outputs])}):"

    def equation(self, equation: Equation, names: dict[Var, str]) -> str:
        """`v1: float64[] = sum[axes=(0,)] v0`."""
        outs = ", ".join([f"{atom(v, names)}: {v.type!r}" for v in equation.outs]) or "()"
        return " ".join([f"{outs} = {self.operation(equation.operation)}", *[atom(a, names) for a in equation.operands]])

    def operation(self, operation: Operation) -> str:
        """`sum[axes=(0,)]`; the name alone when there are no parameters."""
        text = self._operations.get(operation)
        if text is None:
            inside = ", ".join(
                [f"{name}={self.parameter(value)}" for name, value in zip(operation.fields, operation.parameters, strict=True)]
            )
            text = self._operations[operation] = f"{operation.name}[{inside}]" if inside else operation.name
        return text

    def parameter(self, value: Any) -> str:
        """The text of a static parameter."""
        kind = type(value)
        if value is None or value is Ellipsis or kind in (bool, int, float):
            return "..." if value is Ellipsis else repr(value)
        if kind is complex:
            return f"complex({value.real!r}, {value.imag!r})"
        if kind is str:
            return json.dumps(value)
        if kind is bytes:
            return f"bytes({json.dumps(value.hex())})"
        if kind is tuple:
            items = [self.parameter(item) for item in value]
            return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
        if kind is slice:
            return f"slice({', '.join([self.parameter(part) for part in (value.start, value.stop, value.step)])})"
        if isinstance(value, np.dtype) and np.dtype(value.type) == value:
            return f"dtype('{value.name}')"
        if isinstance(value, (ArrayType, StackType)):
            return f"type({value!r})"
        if isinstance(value, Function):
            return "@" + self.names[value]
        if isinstance(value, Operation):
            return "&" + self.operation(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return f"scalar({element(value)}:{value.dtype.name}[])"
        if isinstance(value, type) and class_named(value.__module__, value.__qualname__) is value:
            return f"class({json.dumps(value.__module__)}, {json.dumps(value.__qualname__)})"
        number, _ = self.opaque.setdefault(id(value), (len(self.opaque) + 1, value))
        return f"<opaque {number}>"


def class_named(module: str, name: str) -> Any:
    """The class of that name in a module that is loaded; None if there is none."""
    here: Any = sys.modules.get(module)
    for part in name.split("."):
        here = getattr(here, part, None)
    return here if isinstance(here, type) else None


def name_variables(function: Function) -> dict[Var, str]:
    """x0, x1, … for the inputs and v0, v1, … for the results, in order."""
    names: dict[Var, str] = {}
    for i, v in enumerate(function.inputs):
        names.setdefault(v, f"x{i}")
    count = 0
    for equation in function.equations:
        for out in equation.outs:
            names.setdefault(out, f"v{count}")
            count += 1
    return names


def atom(a: Any, names: dict[Var, str]) -> str:
    """A variable's name, or a literal's value and type; `?` for what is defined nowhere."""
    if isinstance(a, Literal):
        return _literal(a)
    return names.get(a, "?")


def _type(a: Any) -> str:
    return repr(getattr(a, "type", "?"))  # a verifier's message shows what is no value, too


def _literal(a: Literal) -> str:
    if not isinstance(a.value, (np.ndarray, np.generic)):
        return f"{a.value!r}:{a.type!r}"  # malformed: only a verifier's message shows it
    if a.is_splat:
        return f"{element(a.value)}:{a.type!r}"
    if a.value.size <= LISTED:
        return f"[{','.join([element(x) for x in a.value.reshape(-1)])}]:{a.type!r}"
    data = np.ascontiguousarray(a.value, a.value.dtype.newbyteorder("<")).tobytes()
    return f"dense:{a.type!r}<{b64encode(data).decode('ascii')}>"


def element(value: Any) -> str:
    """A NumPy scalar so that reading it back gives the same bits: the shortest decimal, or else its bytes."""
    value = np.asarray(value)[()]
    if value.dtype.kind == "c":
        return f"({element(value.real)},{element(value.imag)})"
    text = str(value)
    if value.dtype.kind == "f":
        back = value.dtype.type(text)
        same = back == value if value == value else back.tobytes() == value.tobytes()
        if not same:  # a NaN with a payload or a sign
            return f"raw<{value.tobytes().hex()}>"
    return text
