"""Is a Function well formed? Shows the faulty equation in its neighbourhood when it is not.

Asks each operation for its type rule and knows nothing else of it. Start at `verify`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.errors import VerificationError, four_parts
from wengert.ir.operation import Operation
from wengert.ir.printer import Page, atom, name_variables
from wengert.ir.values import Function, Literal, Var
from wengert.ir.walk import nested

NEIGHBOURHOOD = 3  # equations shown before and after the faulty one


class _Fault(Exception):
    """What is wrong, and why it matters; `_check` adds where."""

    def __init__(self, what: str, why: str, index: int | None = None) -> None:
        super().__init__(what)
        self.what, self.why, self.index = what, why, index


def verify(function: Function) -> Function:
    """Check a Function and every Function it holds, and return it. Linear time; each is checked once.

    Checked are: every variable is defined once and before its use; operands fit the operation's
    type rule and the results have the types it gives; literals have the type they claim; outputs
    are defined.

    Raises
    ------
    VerificationError
        With the faulty equation, three lines before and after, and what is wrong with it.
    """
    if "verified" in function.memo:
        return function
    functions = nested(function)
    for f in functions:
        if "verified" in f.memo:
            continue
        try:
            _check(f)
        except _Fault as fault:
            raise VerificationError(_message(f, functions, fault)) from fault.__cause__
        f.memo["verified"] = True
    return function


def _check(function: Function) -> None:
    defined: set[Any] = set()
    for v in function.inputs:
        if not isinstance(v, Var):
            raise _Fault(f"an input is not a variable: {v!r}", "Inputs are typed variables.")
        if v in defined:
            raise _Fault("an input occurs twice", "Every variable is defined once.")
        defined.add(v)
    for index, equation in enumerate(function.equations):
        if not isinstance(equation.operation, Operation):
            raise _Fault(f"{equation.operation!r} is not an operation", "An equation applies one operation.", index)
        for a in equation.operands:
            if a not in defined:
                _check_atom(a, index)
        for out in equation.outs:
            if out in defined:
                raise _Fault("a result is already defined", "Every variable is defined once.", index)
            defined.add(out)
        _check_types(equation, index)
    for a in function.outputs:
        if a not in defined:
            _check_atom(a, len(function.equations))


def _check_atom(a: Any, index: int) -> None:
    """`a` is not a defined variable: it must be a sound literal."""
    if not isinstance(a, Literal):
        what = f"a variable of type {a.type!r} is used but not defined before" if isinstance(a, Var) else f"{a!r} is no value of the IR"
        raise _Fault(what, "A variable is an input or the result of an earlier equation.", index)
    value, claimed = a.value, a.type
    if not isinstance(value, (np.generic, np.ndarray)):
        raise _Fault(f"a literal holds {value!r}, a {type(value).__name__}", "Literals hold NumPy scalars or arrays.", index)
    if value.dtype != claimed.dtype or (isinstance(value, np.ndarray) and value.shape != claimed.shape):
        shown = f"{value.dtype.name}[{','.join(map(str, value.shape))}]"
        raise _Fault(f"a literal of type {claimed!r} holds a value of type {shown}", "A literal has the type it claims.", index)


def _check_types(equation: Any, index: int) -> None:
    operands = [a.type for a in equation.operands]
    shown = ", ".join(map(repr, operands)) or "nothing"
    try:
        expected = tuple(equation.operation.type(*operands))
    except Exception as error:
        said = f": {error}" if str(error) else ""
        raise _Fault(
            f"{equation.operation.name} does not accept {shown}", f"Its type rule raised {type(error).__name__}{said}", index
        ) from error
    found = tuple([v.type for v in equation.outs])
    if len(expected) != len(found) or any([a is not b for a, b in zip(expected, found, strict=True)]):
        gives = ", ".join(map(repr, expected)) or "nothing"
        named = ", ".join(map(repr, found)) or "nothing"
        raise _Fault(
            f"the results are written as {named}, but {equation.operation.name} gives {gives}",
            "Results have the types of the type rule.",
            index,
        )


def _message(function: Function, functions: list[Function], fault: _Fault) -> str:
    page = Page(functions)
    names = name_variables(function)
    count = len(function.equations)
    lines = ["    " + page.header(function, names)]
    if fault.index is None:
        lines[0] = "--> " + page.header(function, names)
    start = 0 if fault.index is None else max(0, fault.index - NEIGHBOURHOOD)
    stop = min(count, NEIGHBOURHOOD if fault.index is None else fault.index + NEIGHBOURHOOD + 1)
    if start:
        lines.append(f"      … {start} equations")
    for i in range(start, stop):
        equation = function.equations[i]
        comment = f"    # {equation.span}" if equation.span else ""
        lines.append(("--> " if i == fault.index else "    ") + f"  {page.equation(equation, names)}{comment}")
    if stop < count:
        lines.append(f"      … {count - stop} equations")
    else:
        arrow = "--> " if fault.index == count else "    "
        lines.append(f"{arrow}  return {', '.join([atom(a, names) for a in function.outputs])}")
    where = function.equations[fault.index].span if fault.index is not None and fault.index < count else None
    return four_parts(
        f"malformed function {page.names[function]}: {fault.what}",
        "\n".join(lines),
        fault.why,
        "report this as a bug, with this text, unless the operation marked is your own",
        where,
    )
