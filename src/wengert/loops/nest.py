"""The nouns of a lowered program: scalars, buffers, and the statements that compute with them.

A scalar has a kind, NumPy's name of a dtype without byte order ("f8", "i4", "b1"). Complex numbers are
pairs of real scalars: no statement knows them. Knows no array operation. Start at `Let` and `For`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

REAL = {"c16": "f8", "c8": "f4"}  # the kind of the parts of a complex number
KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16")
BYTES = {"b1": 1, "c16": 16, **{k: int(k[1:]) for k in KINDS if k not in ("b1", "c16")}}


class Const:
    """A number known now."""

    __slots__ = ("kind", "value")

    def __init__(self, value: Any, kind: str) -> None:
        self.value, self.kind = value, kind

    def __repr__(self) -> str:
        return f"{self.value}:{self.kind}"


class Name:
    """A scalar that a statement defines: a result, a loop's index, what a loop carries."""

    __slots__ = ("id", "kind")

    def __init__(self, id: int, kind: str) -> None:
        self.id, self.kind = id, kind

    def __repr__(self) -> str:
        return f"%{self.id}"


Scalar = Const | Name


class Affine:
    """const + sum of coefficient * name, over int64 names: how an index depends on the indices of loops."""

    __slots__ = ("const", "terms")

    def __init__(self, const: int, terms: tuple[tuple[Name, int], ...] = ()) -> None:
        self.const, self.terms = const, terms

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.const + other, self.terms)
        if not other.terms:
            return Affine(self.const + other.const, self.terms)
        if not self.terms:
            return Affine(self.const + other.const, other.terms)
        terms = dict(self.terms)
        for name, c in other.terms:
            terms[name] = terms.get(name, 0) + c
        return Affine(self.const + other.const, tuple([(n, c) for n, c in terms.items() if c]))

    __radd__ = __add__

    def __mul__(self, factor: int) -> Affine:
        if factor == 1:
            return self
        if factor == 0:
            return Affine(0)
        return Affine(self.const * factor, tuple([(n, c * factor) for n, c in self.terms]))

    __rmul__ = __mul__

    def __sub__(self, other: Affine | int) -> Affine:
        return self + (other * -1)

    def __rsub__(self, other: int) -> Affine:
        return self * -1 + other

    def __neg__(self) -> Affine:
        return self * -1

    @property
    def key(self) -> Any:
        """Equal for equal expressions."""
        return (self.const, tuple([(n.id, c) for n, c in self.terms])) if self.terms else self.const

    def __repr__(self) -> str:
        parts = [f"{c}*{n!r}" if c != 1 else repr(n) for n, c in self.terms]
        return " + ".join([*parts, str(self.const)] if self.const or not parts else parts)


class Buffer:
    """A stretch of memory of `size` elements of one kind.

    space: "input" and "output" number `index`, "arena" (scratch, planned later), or "constant" with its `data`.
    """

    __slots__ = ("data", "id", "index", "kind", "size", "space")

    def __init__(self, id: int, kind: str, size: int, space: str, index: int = 0, data: Any = None) -> None:
        self.id, self.kind, self.size, self.space, self.index, self.data = id, kind, size, space, index, data

    def __repr__(self) -> str:
        return f"{self.space}{self.index}" if self.space in ("input", "output") else f"{self.space}.{self.id}"


class Let:
    """out = op(args), a scalar operation of `scalars.OPS`."""

    __slots__ = ("args", "op", "out")

    def __init__(self, out: Name, op: str, args: tuple[Scalar, ...]) -> None:
        self.out, self.op, self.args = out, op, args


class Index:
    """out = an affine expression, as an int64."""

    __slots__ = ("affine", "out")

    def __init__(self, out: Name, affine: Affine) -> None:
        self.out, self.affine = out, affine


class Load:
    """out = buffer[offset]; of a complex buffer, part 0 or 1 of the element."""

    __slots__ = ("buffer", "offset", "out", "part")

    def __init__(self, out: Name, buffer: Buffer, offset: Affine, part: int = 0) -> None:
        self.out, self.buffer, self.offset, self.part = out, buffer, offset, part


class Store:
    """buffer[offset] = value; of a complex buffer, part 0 or 1 of the element."""

    __slots__ = ("buffer", "offset", "part", "value")

    def __init__(self, buffer: Buffer, offset: Affine, value: Scalar, part: int = 0) -> None:
        self.buffer, self.offset, self.value, self.part = buffer, offset, value, part


class For:
    """For index from start to stop by step: a counted loop that carries scalars.

    `carries` begin as `inits`, become `nexts` after every iteration, and are `outs` in the end.
    start and stop are affine; step may be negative. `parallel` says that iterations are independent. `hint` is how it is best
    run: "written out", or a "row" of memory, side by side.
    """

    __slots__ = ("body", "carries", "hint", "index", "inits", "nexts", "outs", "parallel", "start", "step", "stop")

    def __init__(
        self,
        index: Name,
        start: Affine,
        stop: Affine,
        step: int = 1,
        inits: Sequence[Scalar] = (),
        carries: Sequence[Name] = (),
        nexts: Sequence[Scalar] = (),
        outs: Sequence[Name] = (),
        body: list[Any] | None = None,
        parallel: bool = False,
    ) -> None:
        self.index, self.start, self.stop, self.step = index, start, stop, step
        self.inits, self.carries, self.nexts, self.outs = tuple(inits), tuple(carries), tuple(nexts), tuple(outs)
        self.body: list[Any] = [] if body is None else body
        self.parallel, self.hint = parallel, ""


class While:
    """While test: body. `test` and `body` are blocks that see the carries; `condition` is computed by the test."""

    __slots__ = ("body", "carries", "condition", "inits", "nexts", "outs", "test")

    def __init__(self, inits: Sequence[Scalar], carries: Sequence[Name], outs: Sequence[Name]) -> None:
        self.inits, self.carries, self.outs = tuple(inits), tuple(carries), tuple(outs)
        self.test: list[Any] = []
        self.condition: Scalar = Const(False, "b1")
        self.body: list[Any] = []
        self.nexts: tuple[Scalar, ...] = ()


class If:
    """One of two blocks by a condition, each giving values for `outs`."""

    __slots__ = ("condition", "orelse", "outs", "then", "values")

    def __init__(self, condition: Scalar) -> None:
        self.condition = condition
        self.then: list[Any] = []
        self.orelse: list[Any] = []
        self.outs: tuple[Name, ...] = ()
        self.values: tuple[tuple[Scalar, ...], tuple[Scalar, ...]] = ((), ())


class Fail:
    """Leave the program with failure `number` (from 1) and what to know of it, if the condition holds."""

    __slots__ = ("condition", "details", "number")

    def __init__(self, condition: Scalar, number: int, details: Sequence[Scalar] = ()) -> None:
        self.condition, self.number, self.details = condition, number, tuple(details)


class Address:
    """The address of buffer[offset], as an argument of a call."""

    __slots__ = ("buffer", "offset")

    def __init__(self, buffer: Buffer, offset: Affine) -> None:
        self.buffer, self.offset = buffer, offset

    def __repr__(self) -> str:
        return f"&{self.buffer!r}[{self.offset!r}]"


CONTEXT = Const(0, "context")  # the program's context, as an argument of a call


class Call:
    """out = symbol(args): a C function. Arguments are scalars, addresses, or ("ref", scalar): a pointer to its value.

    `out` is a pair of names where the function returns a complex number. The first `table` arguments, addresses all, are given
    as one: the address of a table of them.
    """

    __slots__ = ("args", "out", "symbol", "table", "writes")

    def __init__(
        self, out: Name | tuple[Name, Name] | None, symbol: str, args: Sequence[Any], writes: Sequence[Buffer] = (), table: int = 0
    ) -> None:
        self.out, self.symbol, self.args, self.writes, self.table = out, symbol, tuple(args), tuple(writes), table


class Host:
    """Operation number `index` run by Python on arrays at these addresses."""

    __slots__ = ("index", "inputs", "outputs")

    def __init__(self, index: int, inputs: Sequence[Address], outputs: Sequence[Address]) -> None:
        self.index, self.inputs, self.outputs = index, tuple(inputs), tuple(outputs)


class Fill:
    """Copy `count` elements from an address (None: zero bytes) to an address; they do not overlap."""

    __slots__ = ("count", "source", "target")

    def __init__(self, target: Address, source: Address | None, count: int) -> None:
        self.target, self.source, self.count = target, source, count


class Invoke:
    """A routine run on arrays at these addresses. Nothing else overlaps its outputs, nor `scratch`, the memory that it plans itself."""

    __slots__ = ("inputs", "outputs", "routine", "scratch")

    def __init__(self, routine: Program, inputs: Sequence[Address], outputs: Sequence[Address], scratch: Buffer) -> None:
        self.routine, self.inputs, self.outputs, self.scratch = routine, tuple(inputs), tuple(outputs), scratch


class Part:
    """Statements that become a function of their own: all buffers they use are apart from one another."""

    __slots__ = ("body", "name")

    def __init__(self, body: list[Any], name: str = "part") -> None:
        self.body, self.name = body, name


class Program:
    """A lowered Function: its block of statements and what they refer to.

    `routines` are Programs that it invokes, or that these do, each before those that invoke it; their failures and
    host operations are numbered with its own.
    """

    __slots__ = ("block", "buffers", "failures", "hosts", "name", "routines", "work")

    def __init__(self, name: str) -> None:
        self.name = name
        self.block: list[Any] = []
        self.buffers: list[Buffer] = []
        self.failures: list[Any] = []
        self.hosts: list[Any] = []
        self.routines: list[Program] = []
        self.work = 0.0

    def arrays(self, space: str) -> list[Buffer]:
        """The memory of the inputs ("input") or outputs ("output"), in order."""
        return [b for b in self.buffers if b.space == space]

    def __repr__(self) -> str:
        from wengert.loops.printer import print_program

        return print_program(self)


def blocks(statement: Any) -> tuple[list[Any], ...]:
    """The blocks inside a statement."""
    kind = type(statement)
    if kind is For or kind is Part:
        return (statement.body,)
    if kind is If:
        return statement.then, statement.orelse
    if kind is While:
        return statement.test, statement.body
    return ()


def indices(loop: For) -> range | None:
    """The indices that a loop takes, where they are known."""
    if loop.start.terms or loop.stop.terms:
        return None
    return range(loop.start.const, loop.stop.const, loop.step)


def walk(block: list[Any]) -> Iterator[Any]:
    """Every statement, outer ones before those inside them."""
    stack = [iter(block)]
    while stack:
        for statement in stack[-1]:
            yield statement
            inner = blocks(statement)
            if inner:
                stack.extend([iter(b) for b in reversed(inner)])
                break
        else:
            stack.pop()


def addressed(statement: Any) -> list[tuple[Buffer, bool]]:
    """(buffer, whether it is written) for each buffer a single statement touches."""
    kind = type(statement)
    if kind is Load:
        return [(statement.buffer, False)]
    if kind is Store:
        return [(statement.buffer, True)]
    if kind is Call:
        return [(a.buffer, a.buffer in statement.writes) for a in statement.args if type(a) is Address]
    if kind is Host:
        return [(a.buffer, False) for a in statement.inputs] + [(a.buffer, True) for a in statement.outputs]
    if kind is Invoke:
        written = [a.buffer for a in statement.outputs] + [statement.scratch]
        return [(a.buffer, False) for a in statement.inputs] + [(b, True) for b in written]
    if kind is Fill:
        return [(statement.target.buffer, True)] + ([] if statement.source is None else [(statement.source.buffer, False)])
    return []
