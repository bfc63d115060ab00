"""Read the text form of a Function back: the inverse of `printer.print_function`.

Knows the grammar and the table of operations by name; no operation. Start at `parse`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any

import numpy as np

from wengert.errors import ParseError, four_parts
from wengert.ir.operation import OPERATIONS, Operation
from wengert.ir.printer import class_named
from wengert.ir.types import ArrayType, Type, array_type, stack_type
from wengert.ir.values import Atom, Equation, Function, Literal, Var
from wengert.source import Span

_NAME = r"[\w.<>-]+"
_HEADER = re.compile(rf"({_NAME})\(")
_VARIABLE = re.compile(r"[xv]\d+")
_TYPE = re.compile(r"((?:stack<)*)(\w+)\[([\d,]*)\](>*)")
_OPERATION = re.compile(r"\w+")
_FIELD = re.compile(r"(\w+)=")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|inf|nan)")
_ELEMENT = r"(?:raw<[0-9a-f]*>|[^\s,:()\[\]]+)"
_SCALAR = rf"(?:\({_ELEMENT},{_ELEMENT}\)|{_ELEMENT})"
_LITERAL = re.compile(rf"(dense|\[(?:{_SCALAR}(?:,{_SCALAR})*)?\]|{_SCALAR}):")
_SCALARS = re.compile(_SCALAR)
_BYTES = re.compile(r"<([A-Za-z0-9+/=]*)>")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_DTYPE = re.compile(r"dtype\('(\w+)'\)")
_COMMENT = re.compile(r"\s*# (.*):(\d+)$")
_WORDS = {"None": None, "True": True, "False": False, "...": Ellipsis}
_WORD = re.compile(r"None|True|False|\.\.\.")
_DEPTH = 50  # tuples inside tuples in a parameter


def parse(text: str) -> Function:
    """The Function of a text: the last one defined there.

    What is read is checked for syntax, names and the types it declares; `verifier.verify`
    checks it against the type rules of its operations. Linear in the length of the text.

    Raises
    ------
    ParseError
        With the line, the column and the text of the line.
    """
    return _Reader(text).functions()


class _Reader:
    """A position in a text of lines, and the functions defined so far."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.row = 0
        self.column = 0
        self.line = ""
        self.defined: dict[str, Function] = {}
        self._types: dict[str, Type] = {}

    # -- the position ------------------------------------------------------------------------

    def fail(self, what: str, why: str = "", instead: str = "", column: int | None = None) -> ParseError:
        """The error at this position, to be raised."""
        at = self.column if column is None else column
        shown, offset = self.line, at
        if len(shown) > 120:  # a window around the position
            start = max(0, at - 60)
            shown, offset = shown[start : start + 120], at - start
        return ParseError(
            four_parts(
                f"cannot read the function: {what}",
                f"{shown}\n{' ' * offset}^",
                why or "This is not the text form of an IR function.",
                instead or "see the docstring of wengert.ir.printer for the form",
                f"line {self.row}, column {at + 1}",
            )
        )

    def take(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        match = pattern.match(self.line, self.column)
        if match is None:
            raise self.fail(f"expected {wanted}")
        self.column = match.end()
        return match

    def skip(self, token: str) -> bool:
        if self.line.startswith(token, self.column):
            self.column += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.skip(token):
            raise self.fail(f"expected {token!r}")

    def next_line(self) -> bool:
        """Go to the next line that is not empty."""
        while self.row < len(self.lines):
            self.line = self.lines[self.row].rstrip()
            self.row += 1
            self.column = 0
            if self.line:
                return True
        return False

    # -- functions and lines -----------------------------------------------------------------

    def functions(self) -> Function:
        function = None
        while self.next_line():
            function = self.function()
        if function is None:
            raise self.fail("there is no function", "The text is empty.")
        return function

    def function(self) -> Function:
        name = self.take(_HEADER, "the name of a function and `(`")[1]
        if name in self.defined:
            raise self.fail(f"function {name} is defined twice", "Names of functions are unique in a text.", column=0)
        env: dict[str, Var] = {}
        inputs: list[Var] = []
        while not self.skip(")"):
            if inputs:
                self.expect(", ")
            inputs.append(self.definition(env))
        self.expect(" -> (")
        out_types: list[Type] = []
        while not self.skip("):"):
            if out_types:
                self.expect(", ")
            out_types.append(self.type())
        self.end()
        equations: list[Equation] = []
        while True:
            if not self.next_line():
                raise self.fail(f"function {name} has no `return`", "The text ends inside it.")
            self.expect("  ")
            if self.skip("return"):
                break
            equations.append(self.equation(env))
        outputs: list[Atom] = []
        while self.column < len(self.line):
            self.expect(", " if outputs else " ")
            outputs.append(self.atom(env))
        if [a.type for a in outputs] != out_types:
            found, declared = (", ".join(map(repr, types)) for types in ([a.type for a in outputs], out_types))
            raise self.fail(f"function {name} returns ({found}), but its header says ({declared})", "Both must agree.", column=2)
        function = self.defined[name] = Function(inputs, equations, outputs, name)
        return function

    def end(self) -> None:
        if self.column < len(self.line):
            raise self.fail("expected the end of the line")

    def definition(self, env: dict[str, Var]) -> Var:
        start = self.column
        name = self.take(_VARIABLE, "a variable such as x0 or v0")[0]
        if name in env:
            raise self.fail(f"{name} is defined twice", "Every variable is defined once.", column=start)
        self.expect(": ")
        variable = env[name] = Var(self.type())
        return variable

    def equation(self, env: dict[str, Var]) -> Equation:
        defined: dict[str, Var] = {}
        if not self.skip("() = "):
            while True:
                start = self.column
                self.definition(defined)
                name = next(reversed(defined))
                if name in env:
                    raise self.fail(f"{name} is defined twice", "Every variable is defined once.", column=start)
                if not self.skip(", "):
                    break
            self.expect(" = ")
        operation = self.operation()
        operands: list[Atom] = []
        line, length, span = self.line, len(self.line), None
        while self.column < length:
            if line.startswith("    # ", self.column):
                match = self.take(_COMMENT, "a comment `# file:line`")
                span = Span(match[1], int(match[2]))
                break
            self.expect(" ")
            operands.append(self.atom(env))
        env.update(defined)
        return Equation(operation, tuple(operands), tuple(defined.values()), span)

    # -- parts of a line ---------------------------------------------------------------------

    def type(self) -> Type:
        start = self.column
        match = self.take(_TYPE, "a type such as float64[2,3]")
        found = self._types.get(match[0])
        if found is None:
            try:
                dtype = np.dtype(match[2])
            except TypeError:
                raise self.fail(f"there is no dtype {match[2]}", "Types are NumPy's dtypes with a shape.", column=start) from None
            depth = len(match[4])
            if match[1].count("<") != depth:
                raise self.fail("`stack<` and `>` go together", column=start)
            sizes = match[3].split(",") if match[3] else []
            if not all(sizes):
                raise self.fail("a size is missing in the shape", column=start)
            found = array_type(tuple([int(n) for n in sizes]), dtype)
            for _ in range(depth):
                found = stack_type(found)
            self._types[match[0]] = found
        return found

    def atom(self, env: dict[str, Var]) -> Atom:
        start = self.column
        match = _VARIABLE.match(self.line, start)
        if match is not None:
            variable = env.get(match[0])
            if variable is None:
                raise self.fail(f"{match[0]} is not defined before this line", "A variable is an input or an earlier result.")
            self.column = match.end()
            return variable
        return self.literal()

    def literal(self) -> Literal:
        start = self.column
        text = self.take(_LITERAL, "a variable or a literal such as 2.0:float64[3]")[1]
        type = self.type()
        if not isinstance(type, ArrayType):
            raise self.fail("a stack cannot be a literal", "Stacks grow while a loop runs.", column=start)
        try:
            if text == "dense":
                data = b64decode(self.take(_BYTES, "the bytes `<…>` of the array")[1], validate=True)
                array = np.frombuffer(data, type.dtype.newbyteorder("<")).astype(type.dtype).reshape(type.shape)
                return Literal(array, type)
            if text.startswith("["):
                items = [_element(item, type.dtype) for item in _SCALARS.findall(text[1:-1])]
                return Literal(np.array(items, type.dtype).reshape(type.shape), type)
            return Literal(_element(text, type.dtype), type)
        except (ValueError, OverflowError) as error:
            raise self.fail(f"the literal is not a {type!r}", f"{str(error)[:1].upper()}{str(error)[1:]}.", column=start) from error

    def operation(self) -> Operation:
        start = self.column
        name = self.take(_OPERATION, "the name of an operation")[0]
        found = OPERATIONS.get(name)
        if found is None:
            raise self.fail(
                f"there is no operation {name}",
                "Operations exist once their module is imported.",
                "load the families before parsing: wengert.primitives.load()",
                column=start,
            )
        parameters: dict[str, Any] = {}
        if self.skip("["):
            while True:
                field = self.take(_FIELD, "a parameter `name=`")[1]
                parameters[field] = self.parameter()
                if self.skip("]"):
                    break
                self.expect(", ")
        if tuple(parameters) != found.fields:
            fields = ", ".join(found.fields) or "no parameters"
            raise self.fail(f"{name} does not take these parameters", f"It takes, in this order: {fields}.", column=start)
        return found(*parameters.values())

    def parameter(self, depth: int = 0) -> Any:
        """A static parameter, as `printer.Page.parameter` writes it."""
        start = self.column
        if depth > _DEPTH:
            raise self.fail(f"more than {_DEPTH} parentheses inside each other")
        line = self.line
        word = _WORD.match(line, start)
        if word is not None:
            self.column = word.end()
            return _WORDS[word[0]]
        number = _NUMBER.match(line, start)
        if number is not None:
            self.column = number.end()
            return int(number[0]) if re.fullmatch(r"[+-]?\d+", number[0]) else float(number[0])
        if line.startswith('"', start):
            return json.loads(self.take(_STRING, "a string")[0])
        if self.skip("@"):
            name = self.take(re.compile(_NAME), "the name of a function")[0]
            if name not in self.defined:
                raise self.fail(f"function {name} is not defined above", "A function stands above those that use it.", column=start)
            return self.defined[name]
        if self.skip("&"):
            return self.operation()
        if line.startswith("dtype(", start):
            match = self.take(_DTYPE, "a dtype such as dtype('float64')")
            try:
                return np.dtype(match[1])
            except TypeError:
                raise self.fail(f"there is no dtype {match[1]}", column=start) from None
        if self.skip("type("):
            type = self.type()
            self.expect(")")
            return type
        if self.skip("scalar("):
            value = self.literal().value
            self.expect(")")
            return value
        for opening, make in (("(", tuple), ("slice(", _slice), ("complex(", _complex), ("bytes(", _bytes), ("class(", _class)):
            if self.skip(opening):
                return self.items(make, start, depth)
        if line.startswith("<opaque", start):
            raise self.fail(
                "a parameter has no text form",
                "It stands for an object of the running program, such as a host callable.",
                "pickle the Function instead",
            )
        raise self.fail("expected a parameter")

    def items(self, make: Any, start: int, depth: int) -> Any:
        """The rest of a parenthesis, given to `make`."""
        values: list[Any] = []
        while not self.skip(")"):
            values.append(self.parameter(depth + 1))
            if not self.skip(", ") and not self.skip(","):
                self.expect(")")
                break
        try:
            return make(values)
        except (TypeError, ValueError) as error:
            raise self.fail("a parameter is malformed", f"{error}.", column=start) from error


def _element(text: str, dtype: np.dtype[Any]) -> Any:
    """One number, to the bit."""
    if text.startswith("("):
        if dtype.kind != "c":
            raise ValueError(f"{text} is complex")
        part = np.empty(0, dtype).real.dtype
        pair = np.empty((), dtype)
        pair.real, pair.imag = (_element(p, part) for p in text[1:-1].split(","))
        return pair[()]
    if text.startswith("raw<"):
        return np.frombuffer(bytes.fromhex(text[4:-1]), dtype)[0]
    if dtype.kind == "b":
        if text not in ("True", "False"):
            raise ValueError(f"{text} is neither True nor False")
        return np.bool_(text == "True")
    if dtype.kind in "iu":
        return dtype.type(int(text))
    if dtype.kind != "f":
        raise ValueError(f"{text} is no {dtype.name}")
    with np.errstate(all="ignore"):
        return dtype.type(text)


def _slice(values: list[Any]) -> slice:
    return slice(*values)


def _complex(values: list[Any]) -> complex:
    real, imag = values
    return complex(real, imag)


def _class(values: list[Any]) -> Any:
    module, name = values
    here = class_named(module, name)
    if here is None:
        raise ValueError(f"no class {name} in a loaded module {module}")
    return here


def _bytes(values: list[Any]) -> bytes:
    (text,) = values
    return bytes.fromhex(text)
