"""Is a program of loop nests well formed? Shows the faulty statement when it is not.

Checks names, kinds, memory and failures; knows the statements and the table of scalar operations. Start at `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from wengert.errors import VerificationError, four_parts
from wengert.loops.nest import (
    KINDS,
    REAL,
    Address,
    Affine,
    Buffer,
    Call,
    Const,
    Fail,
    Fill,
    For,
    Host,
    If,
    Index,
    Invoke,
    Let,
    Load,
    Name,
    Part,
    Program,
    Store,
    While,
)
from wengert.loops.printer import head
from wengert.loops.scalars import OPS

DETAILS = 4  # numbers that a failure may leave in the context
WRITABLE = ("output", "arena", "pointer")
POINTERS = ("address", "offset")  # operations on addresses


class _Fault(Exception):
    """What is wrong with the statement at hand, and why it matters."""


def verify(program: Program) -> Program:
    """Check a program and its routines, each once, and return it. Linear time.

    Checked are: every scalar is defined once, before its use and in scope; kinds are those of `scalars.OPS`; carries,
    what they become and what they end as agree; loads, stores and copies are inside their buffers where the loops around
    say where they are; no input is written but those given away; failures and host operations exist.

    Raises
    ------
    VerificationError
        With the faulty statement, and what is wrong with it.
    """
    known: list[Program] = []
    for p in (*program.routines, program):
        checker = _Checker(p, known)
        try:
            checker.block(p.block)
        except _Fault as fault:
            what, why = fault.args
            place = f"in {p.name}: {' > '.join([head(s) for s in checker.around])}"
            raise VerificationError(four_parts(what, place, why, "mend the rule that wrote it, a primitive's, or report it")) from None
        known.append(p)
    return program


class _Checker:
    def __init__(self, program: Program, routines: Sequence[Program]) -> None:
        self.program, self.routines = program, routines
        self.kinds: dict[int, str] = {}  # the scalars in scope
        self.ever: set[int] = set()
        self.log: list[int] = []  # the scalars in scope, in order of their definition
        # Where scalars are: an affine expression of counters, each from 0 to a number of times less one.
        self.affine: dict[int, tuple[int, dict[int, int]]] = {}
        self.times: dict[int, int] = {}
        self.guards: dict[int, int] = {}  # counter -> how many branches and whiles are around its loop
        self.guard = 0
        self.around: list[Any] = []  # the statement at hand, and those that it is in

    # -- scalars ------------------------------------------------------------------------------

    def define(self, name: Any, kind: str | None = None) -> None:
        self.require(type(name) is Name, f"{name!r} is defined, and is no name", "Only names are.")
        self.require(name.id not in self.ever, f"{name!r} is defined twice", "A scalar is defined once.")
        known = name.kind in KINDS and name.kind not in REAL or name.kind == "p"
        self.require(known, f"{name!r} has kind {name.kind!r}", "A scalar is real; complex numbers are two.")
        if kind is not None:
            self.same_kind(name, kind, f"{name!r} is defined")
        self.ever.add(name.id)
        self.kinds[name.id] = name.kind
        self.log.append(name.id)

    def use(self, x: Any, kind: str | None = None, what: str = "operand") -> None:
        if type(x) is Name:
            found = self.kinds.get(x.id)
            if found is None:
                why = "It is defined inside of a block that is over." if x.id in self.ever else "Nothing before defines it."
                raise _Fault(f"{x!r} is used where it is not defined", why)
            self.require(found == x.kind, f"{x!r} is used as {x.kind}, and was defined as {found}", "A scalar has one kind.")
        else:
            self.require(type(x) is Const, f"{x!r} is no scalar", "Operands are names and constants.")
        if kind is not None:
            self.same_kind(x, kind, f"the {what} {x!r} is")

    def same_kind(self, x: Any, kind: str, what: str) -> None:
        self.require(x.kind == kind, f"{what} {x.kind}, not {kind}", "Kinds agree, or are cast.")

    def require(self, condition: bool, what: str, why: str) -> None:
        if not condition:
            raise _Fault(what, why)

    def leave(self, mark: int) -> None:
        """The block is over: its scalars are out of scope."""
        for id in self.log[mark:]:
            del self.kinds[id]
            self.affine.pop(id, None)
        del self.log[mark:]

    # -- indices and memory ----------------------------------------------------------------------

    def index(self, affine: Affine) -> None:
        for name, _ in affine.terms:
            self.use(name, "i8", "index")

    def expanded(self, affine: Affine) -> tuple[int, dict[int, int]] | None:
        """The index by counters; None where it depends on data."""
        const = affine.const
        terms: dict[int, int] = {}
        for name, c in affine.terms:
            known = self.affine.get(name.id)
            if known is None:
                return None
            const += c * known[0]
            for counter, d in known[1].items():
                terms[counter] = terms.get(counter, 0) + c * d
        return const, terms

    def inside(self, buffer: Buffer, offset: Affine, count: int = 1) -> None:
        """The memory exists, and holds these elements, wherever they are if that is certain.

        Inside a branch, a counter from outside of it may have only some of its values: then nothing is said.
        """
        self.index(offset)
        known = buffer.id < len(self.program.buffers) and self.program.buffers[buffer.id] is buffer
        self.require(known, f"{buffer!r} is no buffer of this program", "Memory is planned for the program's own.")
        if buffer.space == "pointer":
            self.use(buffer.data, "p", "pointer")
        found = self.expanded(offset)
        if found is None or not count:
            return
        low = high = found[0]
        for counter, c in found[1].items():
            if c and (self.guards[counter] < self.guard or not self.times[counter]):
                return
            far = c * (self.times[counter] - 1)
            low, high = low + min(far, 0), high + max(far, 0)
        if low < 0 or high + count > buffer.size:
            raise _Fault(
                f"{buffer!r} of {buffer.size} elements is touched at {low} to {high + count - 1}", "What is outside belongs to others."
            )

    def writable(self, buffer: Buffer) -> None:
        allowed = buffer.space in WRITABLE or buffer.space == "input" and buffer.data == "donated"
        self.require(allowed, f"{buffer!r} is written", "Inputs that are not given away, and constants, stay as they are.")

    def element(self, s: Load | Store, scalar: Any) -> None:
        self.inside(s.buffer, s.offset)
        self.require(
            s.part == 0 or s.part == 1 and s.buffer.kind in REAL, f"{s.buffer!r} has no part {s.part}", "Only complex numbers have two."
        )
        self.same_kind(
            scalar, REAL.get(s.buffer.kind, s.buffer.kind), f"an element of {s.buffer!r} and a scalar of other kind: {scalar!r} is"
        )

    # -- statements ---------------------------------------------------------------------------------

    def block(self, statements: Iterable[Any]) -> None:
        for s in statements:
            self.around.append(s)
            rule = RULES.get(type(s))
            if rule is None:
                raise _Fault(f"{s!r} is no statement", "Blocks are lists of the statements of `loops.nest`.")
            rule(self, s)
            self.around.pop()

    def let(self, s: Let) -> None:
        if s.op in POINTERS:
            self.pointer(s)
            return
        for x in s.args:
            self.use(x)
        if s.op == "cast":
            self.require(len(s.args) == 1, f"cast of {len(s.args)} operands", "It takes one.")
        else:
            self.require(s.op in OPS, f"there is no scalar operation {s.op!r}", "`loops.scalars.OPS` is the list.")
            arity, result = OPS[s.op]
            self.require(len(s.args) == arity, f"{s.op} of {len(s.args)} operands", f"It takes {arity}.")
            kind = s.args[-1].kind
            for x in s.args[1:] if s.op == "select" else s.args:
                self.use(x, kind)
            if s.op == "select":
                self.use(s.args[0], "b1", "condition")
            if result == "bits":
                result = ("i" if kind[0] == "f" else "f") + kind[1:]
            self.same_kind(s.out, kind if result == "same" else result, f"the result {s.out!r} of {s.op} is")
        self.define(s.out)

    def pointer(self, s: Let) -> None:
        """The address of an element, or of what is some bytes behind an address."""
        if s.op == "address":
            (a,) = s.args
            self.require(isinstance(a, Address), f"the address of {a!r}", "Only elements of buffers have one.")
            self.address(a, False, 0)  # type: ignore[arg-type]
        else:
            for x, kind in zip(s.args, ("p", "i8"), strict=True):
                self.use(x, kind)
        self.define(s.out, "p")

    def as_index(self, s: Index) -> None:
        self.index(s.affine)
        self.define(s.out, "i8")
        found = self.expanded(s.affine)
        if found is not None:
            self.affine[s.out.id] = found

    def load(self, s: Load) -> None:
        self.element(s, s.out)
        self.define(s.out)

    def store(self, s: Store) -> None:
        self.use(s.value)
        self.element(s, s.value)
        self.writable(s.buffer)

    def carried(self, s: For | While) -> None:
        counts = {len(x) for x in (s.inits, s.carries, s.nexts, s.outs)}
        numbers = f"{len(s.inits)} scalars begin, {len(s.carries)} are carried, {len(s.nexts)} follow and {len(s.outs)} come out"
        self.require(len(counts) == 1, numbers, "A loop carries the same scalars throughout.")
        for x, c in zip(s.inits, s.carries, strict=True):
            self.use(x, c.kind, "initial")

    def followed(self, s: For | While) -> None:
        for x, c in zip(s.nexts, s.carries, strict=True):
            self.use(x, c.kind, "following")

    def ended(self, s: For | While) -> None:
        for c, out in zip(s.carries, s.outs, strict=True):
            self.define(out, c.kind)

    def loop(self, s: For) -> None:
        self.index(s.start)
        self.index(s.stop)
        self.require(s.step != 0, "a step of 0", "The loop would not end.")
        self.carried(s)
        mark = len(self.log)
        self.define(s.index, "i8")
        start, extent = self.expanded(s.start), s.stop - s.start
        if start is not None and not extent.terms:
            counter = s.index.id
            self.times[counter] = len(range(0, extent.const, s.step))
            self.guards[counter] = self.guard
            self.affine[counter] = start[0], {**start[1], counter: s.step}
        for c in s.carries:
            self.define(c)
        self.block(s.body)
        self.followed(s)
        self.leave(mark)
        self.ended(s)

    def while_(self, s: While) -> None:
        self.carried(s)
        mark = len(self.log)
        self.guard += 1
        for c in s.carries:
            self.define(c)
        self.block(s.test)
        self.use(s.condition, "b1", "condition")
        self.block(s.body)
        self.followed(s)
        self.guard -= 1
        self.leave(mark)
        self.ended(s)

    def branch(self, s: If) -> None:
        self.use(s.condition, "b1", "condition")
        self.guard += 1
        for statements, values in zip((s.then, s.orelse), s.values, strict=True):
            mark = len(self.log)
            self.block(statements)
            self.require(len(values) == len(s.outs), f"a branch gives {len(values)} scalars, not {len(s.outs)}", "Both give the same.")
            for x, out in zip(values, s.outs, strict=True):
                self.use(x, out.kind, "result")
            self.leave(mark)
        self.guard -= 1
        for out in s.outs:
            self.define(out)

    def fail(self, s: Fail) -> None:
        self.use(s.condition, "b1", "condition")
        count = len(self.program.failures)
        self.require(1 <= s.number <= count, f"failure {s.number} of {count}", "Nothing says what it means.")
        self.require(len(s.details) <= DETAILS, f"{len(s.details)} details", f"The context has room for {DETAILS}.")
        for x in s.details:
            self.use(x, "i8", "detail")

    def address(self, a: Address, written: bool, count: int = 1) -> None:
        self.inside(a.buffer, a.offset, count if a.buffer.size else 0)
        if written:
            self.writable(a.buffer)

    def call(self, s: Call) -> None:
        given = set()
        for a in s.args:
            if type(a) is Address:
                self.address(a, a.buffer in s.writes)
                given.add(a.buffer)
            elif type(a) is tuple:
                self.use(a[1])
            elif a.kind != "context":
                self.use(a)
        for buffer in s.writes:
            self.require(buffer in given, f"{s.symbol} writes {buffer!r}, whose address it is not given", "It cannot.")
        outs = s.out if isinstance(s.out, tuple) else () if s.out is None else (s.out,)
        for x in outs:
            self.define(x, outs[0].kind)  # type: ignore[misc]

    def host(self, s: Host) -> None:
        count = len(self.program.hosts)
        self.require(0 <= s.index < count, f"operation {s.index} of {count}", "Nothing says which it is.")
        _, in_types, out_types = self.program.hosts[s.index]
        for addresses, types, written in ((s.inputs, in_types, False), (s.outputs, out_types, True)):
            self.require(len(addresses) == len(types), f"{len(addresses)} arrays for {len(types)} types", "Each has its own.")
            for a, t in zip(addresses, types, strict=True):
                self.address(a, written, t.size)
                self.same_kind(a.buffer, t.dtype.str[1:], f"memory for {t!r}: {a.buffer!r} is")

    def fill(self, s: Fill) -> None:
        self.address(s.target, True, s.count)
        if s.source is not None:
            self.address(s.source, False, s.count)
            self.same_kind(s.source.buffer, s.target.buffer.kind, f"{s.source.buffer!r} is")

    def invoke(self, s: Invoke) -> None:
        self.require(
            s.routine in self.routines, f"{s.routine.name} is invoked, and was not defined before", "A routine never runs in itself."
        )
        shared = s.routine.failures is self.program.failures and s.routine.hosts is self.program.hosts
        self.require(shared, f"{s.routine.name} numbers its failures by itself", "The program is left with a number of its own.")
        for addresses, space in ((s.inputs, "input"), (s.outputs, "output")):
            buffers = s.routine.arrays(space)
            self.require(len(addresses) == len(buffers), f"{len(addresses)} arrays for {len(buffers)} {space}s", "Each has its own.")
            for a, b in zip(addresses, buffers, strict=True):
                self.address(a, space == "output", b.size)
                self.same_kind(a.buffer, b.kind, f"memory for {b!r} of {s.routine.name}: {a.buffer!r} is")
        self.address(Address(s.scratch, Affine(0)), True)
        written = [a.buffer for a in s.outputs] + [s.scratch]
        apart = not any([a.buffer in written for a in s.inputs])
        self.require(apart, f"{s.routine.name} reads memory that it is told to write", "What it writes overlaps nothing else.")

    def part(self, s: Part) -> None:
        self.block(s.body)


RULES: dict[type, Callable[[_Checker, Any], None]] = {
    Let: _Checker.let,
    Index: _Checker.as_index,
    Load: _Checker.load,
    Store: _Checker.store,
    For: _Checker.loop,
    While: _Checker.while_,
    If: _Checker.branch,
    Fail: _Checker.fail,
    Call: _Checker.call,
    Host: _Checker.host,
    Fill: _Checker.fill,
    Invoke: _Checker.invoke,
    Part: _Checker.part,
}
