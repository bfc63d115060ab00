"""Loop nests as LLVM's text. With `link` the only room that speaks LLVM; a second target is a sibling of this file.

Every scalar operation's meaning is in the tables below; each outermost loop becomes a function of its own, whose
buffers are distinct parameters, so that LLVM knows what cannot overlap. Knows no array operation. Start at `emit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.codegen.plan import plan
from wengert.codegen.support import NEEDS, SUPPORT
from wengert.codegen.tables import TYPE, array_text
from wengert.codegen.writer import EMIT, Writer
from wengert.loops import scope
from wengert.loops.nest import (
    BYTES,
    Affine,
    Buffer,
    Call,
    Fail,
    For,
    Host,
    Invoke,
    Let,
    Load,
    Name,
    Part,
    Program,
    Store,
    While,
    addressed,
    blocks,
    walk,
)
from wengert.loops.scalars import EXPENSIVE

CROWDED = 16  # loops of a program from where on none that holds others is written out: LLVM's time for long blocks grows by their square


class Text:
    """What `emit` gives: the text of a module, the name of its kernel, and what it needs to run."""

    __slots__ = ("arena_bytes", "externals", "name", "text")

    def __init__(self, text: str, name: str, arena_bytes: int, externals: set[str]) -> None:
        self.text, self.name, self.arena_bytes, self.externals = text, name, arena_bytes, externals


def emit(program: Program, fastmath: bool = False) -> Text:
    """The module of a program: `i32 @name(ptr inputs, ptr outputs, ptr arena, ptr context)`."""
    module = _Module(program, fastmath)
    return Text(module.text(), program.name, module.arena_bytes, module.externals)


class _Module:
    """The text of a program and its routines as it is written, one of them after the other."""

    def __init__(self, program: Program, fastmath: bool) -> None:
        self.main, self.fastmath = program, fastmath
        self.externals: set[str] = set()
        self.declarations: dict[str, str] = {}
        self.functions: list[str] = []
        self.globals: list[str] = []
        self.constants: dict[Buffer, str] = {}
        self.supports: dict[str, str] = {}
        self.metadata: list[str] = []
        self.words: dict[str, int] = {}
        for routine in program.routines:
            self.begin(routine)
            self.functions.append(self._body())
        self.begin(program)

    def begin(self, program: Program) -> None:
        """Turn to the next program."""
        self.program = program
        self.offsets, self.arena_bytes = plan(program)
        self.used: dict[int, int] = {}  # scalar -> the last outermost statement that uses it
        parts = any([type(statement) is Part for statement in program.block])
        for time, statement in enumerate(program.block if parts else ()):
            for inner in walk([statement]) if blocks(statement) else (statement,):
                for x in scope.used(inner):
                    if type(x) is Name:
                        self.used[x.id] = time
        self.crowded = sum([type(s) is For for s in walk([s for s in program.block if blocks(s)])]) > CROWDED
        self.time = 0

    def body_name(self, program: Program) -> str:
        """The function that is a program's, its memory given one by one."""
        return f"@{program.name}.body" if program is self.main else f"@{self.main.name}.{program.name}"

    def text(self) -> str:
        program = self.program
        body = self._body()
        name = program.name
        lines = [f"define i32 @{name}(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {{"]
        pointers = []
        for space in ("input", "output"):
            for b in program.arrays(space):
                lines.append(f"  %{space}{b.index}.at = getelementptr ptr, ptr %{space}s, i64 {b.index}")
                lines.append(f"  %{space}{b.index} = load ptr, ptr %{space}{b.index}.at")
                pointers.append(f"ptr %{space}{b.index}")
        pointers += ["ptr %arena", "ptr %context"]
        lines += [f"  %code = call i32 {self.body_name(program)}({', '.join(pointers)})", "  ret i32 %code", "}"]
        parts = [
            *self.globals,
            *self.declarations.values(),
            *self.supports.values(),
            *self.functions,
            body,
            "\n".join(lines),
            *self.metadata,
        ]
        return "\n\n".join([p for p in parts if p]) + "\n"

    def _body(self) -> str:
        program = self.program
        out = Writer(self)
        parameters = []
        for b in [*program.arrays("input"), *program.arrays("output")]:
            out.pointers[b] = f"%{b.space}{b.index}"
            access = " readonly" if b.space == "input" and b.data != "donated" else ""
            parameters.append(f"ptr noalias nocapture{access} {out.pointers[b]}")
        parameters += ["ptr noalias %arena", "ptr %context"]
        if any([type(statement) is Part for statement in program.block]):
            for self.time, statement in enumerate(program.block):
                out.block([statement])
        else:
            out.block(program.block)
        return out.close(f"define internal i32 {self.body_name(program)}({', '.join(parameters)}) #0")

    def told(self, *words: str) -> str:
        """What tells LLVM of a loop: "unroll.full", "unroll.disable", "vectorize.width, i32 4"."""
        for word in words:
            if word not in self.words:
                self.words[word] = 1000 + len(self.metadata)
                name, *value = word.split(", ")
                self.metadata.append(f"!{self.words[word]} = !{{" + ", ".join([f'!"llvm.loop.{name}"', *value]) + "}")
        number = 1000 + len(self.metadata)
        items = ", ".join([f"!{n}" for n in (number, *[self.words[word] for word in words])])
        self.metadata.append(f"!{number} = distinct !{{{items}}}")
        return f", !llvm.loop !{number}"

    def constant(self, buffer: Buffer) -> str:
        """The global that holds a constant array."""
        found = self.constants.get(buffer)
        if found is None:
            found = self.constants[buffer] = f"@{self.main.name}.constant{len(self.constants)}"
            size = buffer.size * BYTES[buffer.kind]
            value = array_text(buffer.data) if buffer.data.any() or buffer.data.dtype.kind == "f" else "zeroinitializer"
            self.globals.append(f"{found} = internal constant [{max(size, 0)} x i8] {value}, align 64")
        return found

    def support(self, name: str) -> str:
        """A function of ours that the module brings along."""
        for needed in ("malloc", "llvm.memcpy.p0.p0.i64"):
            self.external(needed, *(("ptr", ["i64"]) if needed == "malloc" else ("void", ["ptr", "ptr", "i64", "i1 immarg"])))
        for each in (name, *NEEDS.get(name, ())):
            self.supports.setdefault(each, SUPPORT[each])
        return f'@"{name}"'

    def external(self, name: str, result: str, arguments: Sequence[str], attributes: str = "") -> str:
        """A declared function of C's."""
        quoted = f'@"{name}"' if "." in name and not name.startswith("llvm.") else f"@{name}"
        if name not in self.declarations:
            self.declarations[name] = f"declare {result} {quoted}({', '.join(arguments)}) {attributes}".rstrip()
            if not name.startswith("llvm."):
                self.externals.add(name)
        return quoted


THREADED = 300_000.0  # operations of a loop that is worth several threads
HEAVY = 15.0  # operations that a call of an elementary function stands for


def part(self: Writer, s: Part) -> None:
    """A function of its own, called here: buffers it uses are parameters that do not overlap."""
    module = self.module
    buffers = list(dict.fromkeys([b for inner in walk(s.body) for b, _ in addressed(inner) if b.space not in ("constant", "pointer")]))
    outside = scope.free(s.body)
    results = [x for x in scope.defined(s.body) if module.used.get(x.id, -1) > module.time]
    inner = Writer(module)
    name = f"@{module.main.name}.{s.name}{len(module.functions)}"
    written = {b for x in walk(s.body) for b, w in addressed(x) if w}
    parameters = [f"ptr noalias nocapture{'' if b in written else ' readonly'} %b{b.id}" for b in buffers]
    arguments = [f"ptr {self.pointer(b)}" for b in buffers]
    inner.pointers.update({b: f"%b{b.id}" for b in buffers})
    parameters += [f"{TYPE[x.kind]} %v{x.id}" for x in outside]
    arguments += [self.typed(x) for x in outside]
    slots = []
    for x in results:
        slot = self.fresh("slot")
        self.entry.append(f"  {slot} = alloca {TYPE[x.kind]}")
        parameters.append(f"ptr noalias nocapture %r{x.id}")
        arguments.append(f"ptr {slot}")
        slots.append((x, slot))
    parameters.append("ptr %context")
    arguments.append("ptr %context")
    loop = s.body[0]
    if len(s.body) == 1 and type(loop) is For and loop.parallel and not loop.outs and is_independent(loop):
        parallel(self, loop, inner, name, parameters, arguments)
        return
    inner.block(s.body)
    for x in results:
        inner.line(f"store {inner.typed(x)}, ptr %r{x.id}")
    module.functions.append(inner.close(f"define internal i32 {name}({', '.join(parameters)}) noinline #0"))
    code = self.fresh("code")
    self.line(f"{code} = call i32 {name}({', '.join(arguments)})")
    for x, slot in slots:
        self.line(f"%v{x.id} = load {TYPE[x.kind]}, ptr {slot}")
    self.returned(code)


def is_independent(loop: For) -> bool:
    """Whether a loop marked parallel is worth threads, and cannot fail or call out."""
    if loop.start.terms or loop.stop.terms or loop.step != 1:
        return False
    if any([type(x) in (Fail, Host, Call, Invoke, While) for x in walk(loop.body)]):
        return False
    return work(loop) >= THREADED


def work(statement: Any) -> float:
    """The scalar operations that a statement runs, loops of unknown length counted once."""
    total = 0.0
    stack = [(statement, 1.0)]
    while stack:
        s, times = stack.pop()
        if type(s) is Let:
            total += times * (HEAVY if s.op in EXPENSIVE else 1.0)
            continue
        if type(s) is Invoke:
            total += times * s.routine.work
            continue
        if type(s) is Load or type(s) is Store:
            total += times
            continue
        if type(s) is For and not s.start.terms:
            trips = len(range(s.start.const, s.stop.const, s.step)) if not s.stop.terms else 16
            inner = s.stop - s.start
            times *= inner.const if not inner.terms else trips
        elif type(s) is For:
            inner = s.stop - s.start
            times *= inner.const if not inner.terms else 16
        stack += [(x, times) for b in blocks(s) for x in b]
    return total


def parallel(self: Writer, loop: For, inner: Writer, name: str, parameters: list[str], arguments: list[str]) -> None:
    """The loop as a function of a range, called for all of it, or by the context's parallel_for for pieces."""
    module = self.module
    begin, end = Name(-1, "i8"), Name(-2, "i8")
    inner.names.update({-1: "%begin", -2: "%end"})
    piece = For(loop.index, Affine(0, ((begin, 1),)), Affine(0, ((end, 1),)), 1, body=loop.body)
    inner.block([piece])
    module.functions.append(inner.close(f"define internal i32 {name}({', '.join(parameters)}, i64 %begin, i64 %end) noinline #0"))
    # (data, begin, end): the arguments are in data, eight bytes each
    lines = [f"define internal i32 {name}.piece(ptr %data, i64 %begin, i64 %end) {{"]
    passed = []
    for n, argument in enumerate(arguments):
        kind = argument.split(" ", 1)[0]
        lines.append(f"  %at{n} = getelementptr i64, ptr %data, i64 {n}")
        lines.append(f"  %x{n} = load {kind}, ptr %at{n}")
        passed.append(f"{kind} %x{n}")
    start, stop = loop.start.const, loop.stop.const
    lines += [f"  %first = add i64 %begin, {start}", f"  %last = add i64 %end, {start}"]
    lines += [f"  %code = call i32 {name}({', '.join(passed)}, i64 %first, i64 %last)", "  ret i32 %code", "}"]
    module.functions.append("\n".join(lines))
    k = self.fresh("k")[1:]
    self.line(f"%at.{k} = getelementptr i8, ptr %context, i64 56")
    self.line(f"%for.{k} = load ptr, ptr %at.{k}")
    self.line(f"%alone.{k} = icmp eq ptr %for.{k}, null")
    self.line(f"br i1 %alone.{k}, label %serial.{k}, label %several.{k}")
    self.start(f"%serial.{k}")
    self.line(f"%code1.{k} = call i32 {name}({', '.join(arguments)}, i64 {start}, i64 {stop})")
    self.line(f"br label %both.{k}")
    self.start(f"%several.{k}")
    self.entry.append(f"  %data.{k} = alloca [{len(arguments)} x i64]")
    for n, argument in enumerate(arguments):
        self.line(f"%slot{n}.{k} = getelementptr i64, ptr %data.{k}, i64 {n}")
        self.line(f"store {argument}, ptr %slot{n}.{k}")
    self.line(f"%code2.{k} = call i32 %for.{k}(ptr {name}.piece, ptr %data.{k}, i64 {stop - start})")
    self.line(f"br label %both.{k}")
    self.start(f"%both.{k}")
    self.line(f"%code.{k} = phi i32 [ %code1.{k}, %serial.{k} ], [ %code2.{k}, %several.{k} ]")
    self.returned(f"%code.{k}")


EMIT[Part] = part
