"""The statements of one function as LLVM's text, line by line.

Knows loop nests and the tables; what a module is made of is `llvm`'s. Start at `Writer.block`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.codegen.support import SUPPORT
from wengert.codegen.tables import BOOLEAN, BY_SIGN, EXTREMA, FLOAT, FLOAT_INTRINSIC, INTEGER, PURE, SUFFIX, TYPE, literal
from wengert.loops import scope
from wengert.loops.nest import (
    BYTES,
    CONTEXT,
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
    Store,
    While,
    walk,
)


def memory_type(kind: str) -> str:
    """The type of an element in memory, of the real parts of a complex one."""
    return "i8" if kind == "b1" else TYPE[REAL.get(kind, kind)]


HINTS: dict[str, list[str]] = {"": [], "written out": ["unroll.full"], "row": ["unroll.disable"]}


def is_long(statement: Any) -> bool:
    """Whether it is a loop that runs often, or nobody knows how often."""
    if type(statement) is not For:
        return False
    known = not statement.start.terms and not statement.stop.terms
    return not known or len(range(statement.start.const, statement.stop.const, statement.step)) > 16


class Writer:
    """One function's text as it is written: statements go to `lines`, allocas to the entry."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.lines: list[str] = []
        self.entry: list[str] = []
        self.names: dict[int, str] = {}
        self.pointers: dict[Buffer, str] = {}
        self.label = "%entry"
        self.count = 0
        self.indices: list[dict[Any, str]] = [{}]

    def close(self, signature: str) -> str:
        """The whole function, with its signature."""
        return "\n".join([f"{signature} {{", "entry:", *self.entry, *self.lines, "  ret i32 0", "}"])

    # -- values ------------------------------------------------------------------------------

    def fresh(self, stem: str = "t") -> str:
        """A name not used yet."""
        self.count += 1
        return f"%{stem}{self.count}"

    def line(self, text: str) -> None:
        """Append one instruction."""
        self.lines.append("  " + text)

    def value(self, x: Any) -> str:
        """An operand as LLVM writes it."""
        if type(x) is Const:
            return literal(x.value, x.kind)
        return self.names.get(x.id) or f"%v{x.id}"

    def typed(self, x: Any) -> str:
        """An operand with its type."""
        return f"{TYPE[x.kind]} {self.value(x)}"

    def affine(self, index: Affine) -> str:
        """The value of an index, as an i64."""
        if not index.terms:
            return str(index.const)
        key = index.key
        for known in reversed(self.indices):
            if key in known:
                return str(known[key])
        total = ""
        for name, c in index.terms:
            term = self.value(name)
            if c != 1:
                scaled = self.fresh()
                self.line(f"{scaled} = mul nsw i64 {term}, {c}")
                term = scaled
            if total:
                added = self.fresh()
                self.line(f"{added} = add nsw i64 {total}, {term}")
                total = added
            else:
                total = term
        if index.const:
            moved = self.fresh()
            self.line(f"{moved} = add nsw i64 {total}, {index.const}")
            total = moved
        self.indices[-1][key] = total
        return total

    def pointer(self, buffer: Buffer) -> str:
        """Where a buffer begins."""
        found = self.pointers.get(buffer)
        if found is None:
            if buffer.space == "constant":
                found = self.module.constant(buffer)
            elif buffer.space == "arena":
                found = f"%arena{buffer.id}"
                self.entry.append(f"  {found} = getelementptr inbounds i8, ptr %arena, i64 {self.module.offsets[buffer]}")
            else:  # a pointer that the program computes
                return self.value(buffer.data)
            self.pointers[buffer] = found
        return found

    def address(self, buffer: Buffer, offset: Affine, part: int = 0) -> str:
        """The address of buffer[offset]."""
        base = self.pointer(buffer)
        if buffer.kind in REAL:
            offset = offset * 2 + part
        if not offset.terms and not offset.const:
            return base
        index = self.affine(offset)
        out = self.fresh("a")
        self.line(f"{out} = getelementptr inbounds {memory_type(buffer.kind)}, ptr {base}, i64 {index}")
        return out

    # -- statements ----------------------------------------------------------------------------

    def block(self, statements: Sequence[Any]) -> None:
        """Write statements one after another."""
        for statement in statements:
            EMIT[type(statement)](self, statement)

    def inner(self, statements: Sequence[Any]) -> None:
        """Write the statements of an inner block, whose indices are forgotten after it."""
        self.indices.append({})
        self.block(statements)
        self.indices.pop()

    def start(self, label: str) -> None:
        """Begin a basic block."""
        self.lines.append(f"{label[1:]}:")
        self.label = label

    def let(self, s: Let) -> None:
        """A scalar operation."""
        self.lines.append(f"  %v{s.out.id} = {self.operation(s.op, s.args, s.out.kind)}")

    def operation(self, op: str, args: Sequence[Any], kind: str) -> str:
        """The right side of a scalar operation."""
        if op in FLOAT and kind[0] == "f" and not self.module.fastmath:
            a, b = args
            return f"{FLOAT[op]} {TYPE[kind]} {self.value(a)}, {self.value(b)}"
        if op == "cast":
            return self.cast(args[0], kind)
        if op == "address":
            return f"getelementptr i8, ptr {self.address(args[0].buffer, args[0].offset)}, i64 0"
        if op == "offset":
            return f"getelementptr i8, ptr {self.value(args[0])}, i64 {self.value(args[1])}"
        operand = args[-1].kind
        values = [self.value(a) for a in args]
        t = TYPE[operand]
        if op == "select":
            return f"select i1 {values[0]}, {t} {values[1]}, {t} {values[2]}"
        if op == "bits":
            return f"bitcast {t} {values[0]} to {TYPE[kind]}"
        if operand == "b1":
            if op == "not":
                return f"xor i1 {values[0]}, true"
            return f"{BOOLEAN[op]} i1 {values[0]}, {values[1]}"
        if operand[0] == "f":
            fast = " fast" if self.module.fastmath else ""
            if op in FLOAT:
                word = (
                    FLOAT[op]
                    if not fast
                    else FLOAT[op].replace(" reassoc", "").replace("fcmp", "fcmp nsz")
                    + ("" if "cmp" in FLOAT[op] else " reassoc nsz arcp contract")
                )
                return f"{word} {t} {values[0]}, {values[1]}"
            if op == "neg":
                return f"fneg {t} {values[0]}"
            return self.function(op, args, values, t, operand)
        if op in INTEGER:
            return f"{INTEGER[op]} {t} {values[0]}, {values[1]}"
        if op in BY_SIGN:
            return f"{BY_SIGN[op][operand[0] == 'u']} {t} {values[0]}, {values[1]}"
        if op == "neg":
            return f"sub {t} 0, {values[0]}"
        if op == "not":
            return f"xor {t} {values[0]}, -1"
        if op in EXTREMA:
            name = self.module.external(f"llvm.{operand[0].replace('i', 's')}{EXTREMA[op]}.{SUFFIX[operand]}", t, [t, t])
            return f"call {t} {name}({t} {values[0]}, {t} {values[1]})"
        if op == "abs" and operand[0] == "i":
            name = self.module.external(f"llvm.abs.{SUFFIX[operand]}", t, [t, "i1 immarg"])
            return f"call {t} {name}({t} {values[0]}, i1 false)"
        if op in ("abs", "floor", "ceil", "trunc", "rint"):
            return f"add {t} {values[0]}, 0"
        raise KeyError(f"no integer operation {op!r}")

    def function(self, op: str, args: Sequence[Any], values: list[str], t: str, kind: str) -> str:
        """The call of an intrinsic or of a function of libm."""
        if op in FLOAT_INTRINSIC:
            name = self.module.external(f"llvm.{FLOAT_INTRINSIC[op]}.{SUFFIX[kind]}", t, [t] * len(args))
            return f"call {t} {name}({', '.join([f'{t} {v}' for v in values])})"
        if "." in op:
            return self.complex_part(op, values, kind)
        name = self.module.external(op if kind == "f8" else op + "f", t, [t] * len(args), PURE)
        return f"call {t} {name}({', '.join([f'{t} {v}' for v in values])})"

    def complex_part(self, op: str, values: list[str], kind: str) -> str:
        """One part of a complex function of libm, which gives both."""
        stem, part = op.split(".")
        if kind == "f4":
            wide = []
            for v in values:
                wide.append(self.fresh())
                self.line(f"{wide[-1]} = fpext float {v} to double")
            values = wide
        name = self.module.external(stem, "{double, double}", ["double"] * len(values), PURE)
        both = self.fresh()
        self.line(f"{both} = call {{double, double}} {name}({', '.join([f'double {v}' for v in values])})")
        extract = f"extractvalue {{double, double}} {both}, {0 if part == 're' else 1}"
        if kind == "f8":
            return extract
        one = self.fresh()
        self.line(f"{one} = {extract}")
        return f"fptrunc double {one} to float"

    def cast(self, x: Any, kind: str) -> str:
        """As C converts numbers; a float outside the range of an integer is clamped, NaN is 0."""
        source, target, v = TYPE[x.kind], TYPE[kind], self.value(x)
        a, b = x.kind[0], kind[0]
        if b == "p":
            return f"inttoptr i64 {v} to ptr"
        if a == "f" and b == "f":
            return f"{'fpext' if kind == 'f8' else 'fptrunc'} {source} {v} to {target}"
        if a == "f":
            sign = "s" if b == "i" else "u"
            name = self.module.external(f"llvm.fpto{sign}i.sat.{target}.{SUFFIX[x.kind]}", target, [source])
            return f"call {target} {name}({source} {v})"
        if b == "f":
            return f"{'sitofp' if a == 'i' else 'uitofp'} {source} {v} to {target}"
        small, large = 1 if a == "b" else int(x.kind[1:]) * 8, int(kind[1:]) * 8
        if small == large:
            return f"add {target} {v}, 0"
        if small > large:
            return f"trunc {source} {v} to {target}"
        return f"{'sext' if a == 'i' else 'zext'} {source} {v} to {target}"

    def index(self, s: Index) -> None:
        """An index as a scalar."""
        value = self.affine(s.affine)
        self.line(f"%v{s.out.id} = add i64 {value}, 0")

    def load(self, s: Load) -> None:
        """Read an element; a bool is a byte in memory."""
        at = self.address(s.buffer, s.offset, s.part)
        if s.buffer.kind == "b1":
            byte = self.fresh()
            self.line(f"{byte} = load i8, ptr {at}")
            self.line(f"%v{s.out.id} = icmp ne i8 {byte}, 0")
        else:
            self.line(f"%v{s.out.id} = load {TYPE[s.out.kind]}, ptr {at}")

    def store(self, s: Store) -> None:
        """Write an element."""
        at = self.address(s.buffer, s.offset, s.part)
        if s.buffer.kind == "b1":
            byte = self.fresh()
            self.line(f"{byte} = zext i1 {self.value(s.value)} to i8")
            self.line(f"store i8 {byte}, ptr {at}")
        else:
            self.line(f"store {self.typed(s.value)}, ptr {at}")

    def loop(self, s: For) -> None:
        """A counted loop: one block that is entered if it runs at all, and tests at its end."""
        start, stop = self.affine(s.start), self.affine(s.stop)
        inits = [self.value(x) for x in s.inits]
        static = not s.start.terms and not s.stop.terms
        trips = len(range(s.start.const, s.stop.const, s.step)) if static else None
        if trips == 0:
            self.names.update({o.id: v for o, v in zip(s.outs, inits, strict=True)})
            return
        self.count += 1
        k = self.count
        head, done = f"%loop{k}", f"%done{k}"
        before = self.label
        compare = "slt" if s.step > 0 else "sgt"
        if trips is None:
            test = self.fresh()
            self.line(f"{test} = icmp {compare} i64 {start}, {stop}")
            self.line(f"br i1 {test}, label {head}, label {done}")
        else:
            self.line(f"br label {head}")
        self.start(head)
        phis = len(self.lines)
        self.inner(s.body)
        latch = self.label
        i, following = f"%v{s.index.id}", self.fresh("i")
        self.line(f"{following} = add nsw i64 {i}, {s.step}")
        nexts = [self.value(x) for x in s.nexts]
        again = self.fresh()
        self.line(f"{again} = icmp {compare} i64 {following}, {stop}")
        again = f"br i1 {again}, label {head}, label {done}"
        held = [x for x in walk(s.body) if type(x) is For]
        stays = any(map(is_long, held)) or held and self.module.crowded
        words = HINTS[s.hint]
        if s.hint == "row" and trips:
            words = [*words, *[f"vectorize.width, i32 {n}" for n in (8, 4) if trips % n == 0][:1]]
        elif not words and trips and trips > 4 and stays:  # LLVM counts its size before the loop inside is vectorised
            words = ["unroll.disable"]
        self.line(again + (self.module.told(*words) if words else ""))
        lines = [f"  {i} = phi i64 [ {start}, {before} ], [ {following}, {latch} ]"]
        for c, a, b in zip(s.carries, inits, nexts, strict=True):
            lines.append(f"  %v{c.id} = phi {TYPE[c.kind]} [ {a}, {before} ], [ {b}, {latch} ]")
        self.lines[phis:phis] = lines
        self.start(done)
        for o, a, b in zip(s.outs, inits, nexts, strict=True):
            sources = f"[ {b}, {latch} ]" + (f", [ {a}, {before} ]" if trips is None else "")
            self.line(f"%v{o.id} = phi {TYPE[o.kind]} {sources}")

    def while_(self, s: While) -> None:
        """A loop that tests before its body."""
        inits = [self.value(x) for x in s.inits]
        self.count += 1
        k = self.count
        head, body, done = f"%while{k}", f"%body{k}", f"%done{k}"
        before = self.label
        self.line(f"br label {head}")
        self.start(head)
        phis = len(self.lines)
        self.indices.append({})
        self.block(s.test)
        self.line(f"br i1 {self.value(s.condition)}, label {body}, label {done}")
        tested = self.label
        self.start(body)
        self.inner(s.body)
        nexts = [self.value(x) for x in s.nexts]
        latch = self.label
        self.line(f"br label {head}")
        self.indices.pop()
        self.lines[phis:phis] = [
            f"  %v{c.id} = phi {TYPE[c.kind]} [ {a}, {before} ], [ {b}, {latch} ]" for c, a, b in zip(s.carries, inits, nexts, strict=True)
        ]
        self.start(done)
        for o, c in zip(s.outs, s.carries, strict=True):
            self.line(f"%v{o.id} = phi {TYPE[o.kind]} [ {self.value(c)}, {tested} ]")

    def if_(self, s: If) -> None:
        """Two blocks and where they meet."""
        self.count += 1
        k = self.count
        labels = f"%then{k}", f"%else{k}", f"%end{k}"
        self.line(f"br i1 {self.value(s.condition)}, label {labels[0]}, label {labels[1]}")
        ends = []
        for label, block, values in zip(labels, (s.then, s.orelse), s.values, strict=False):
            self.start(label)
            self.inner(block)
            ends.append((self.label, [self.value(x) for x in values]))
            self.line(f"br label {labels[2]}")
        self.start(labels[2])
        for n, o in enumerate(s.outs):
            self.line(f"%v{o.id} = phi {TYPE[o.kind]} " + ", ".join([f"[ {values[n]}, {label} ]" for label, values in ends]))

    def fail(self, s: Fail) -> None:
        """Leave with a failure and its details in the context."""
        self.count += 1
        bad, good = f"%fail{self.count}", f"%good{self.count}"
        self.line(f"br i1 {self.value(s.condition)}, label {bad}, label {good}")
        self.start(bad)
        for n, detail in enumerate(s.details):
            at = self.fresh()
            self.line(f"{at} = getelementptr i64, ptr %context, i64 {n}")
            self.line(f"store i64 {self.value(detail)}, ptr {at}")
        self.line(f"ret i32 {s.number}")
        self.start(good)

    def returned(self, code: str) -> None:
        """Leave with a code that is not 0."""
        self.count += 1
        test, bad, good = self.fresh(), f"%fail{self.count}", f"%good{self.count}"
        self.line(f"{test} = icmp ne i32 {code}, 0")
        self.line(f"br i1 {test}, label {bad}, label {good}")
        self.start(bad)
        self.line(f"ret i32 {code}")
        self.start(good)

    def call(self, s: Call) -> None:
        """Call a C function."""
        types, values = [], []
        if s.table:
            types.append("ptr")
            values.append(f"ptr {self.table(s.args[: s.table])}")
        for a in s.args[s.table :]:
            if type(a) is Address:
                types.append("ptr")
                values.append(f"ptr {self.address(a.buffer, a.offset)}")
            elif a is CONTEXT:
                types.append("ptr")
                values.append("ptr %context")
            elif type(a) is tuple:
                slot = self.fresh("slot")
                t = TYPE[a[1].kind]
                self.entry.append(f"  {slot} = alloca {t}")
                self.line(f"store {self.typed(a[1])}, ptr {slot}")
                types.append("ptr")
                values.append(f"ptr {slot}")
            else:
                types.append(TYPE[a.kind])
                values.append(self.typed(a))
        outs = scope.outs(s)
        real = TYPE[outs[0].kind] if outs else "void"
        result = f"{{{real}, {real}}}" if len(outs) == 2 else real
        pure = PURE if not s.writes and outs and all(t != "ptr" for t in types) else ""
        name = self.module.support(s.symbol) if s.symbol in SUPPORT else self.module.external(s.symbol, result, types, pure)
        call = f"call {result} {name}({', '.join(values)})"
        if len(outs) == 2:
            both = self.fresh()
            self.line(f"{both} = {call}")
            for n, x in enumerate(outs):
                self.line(f"%v{x.id} = extractvalue {result} {both}, {n}")
        else:
            self.line(f"%v{outs[0].id} = {call}" if outs else call)

    def table(self, addresses: Sequence[Address]) -> str:
        """A pointer to these addresses, one after the other."""
        table = self.fresh("table")
        self.entry.append(f"  {table} = alloca [{max(len(addresses), 1)} x ptr]")
        for n, a in enumerate(addresses):
            at, slot = self.address(a.buffer, a.offset), self.fresh("s")
            self.line(f"{slot} = getelementptr ptr, ptr {table}, i64 {n}")
            self.line(f"store ptr {at}, ptr {slot}")
        return table

    def host(self, s: Host) -> None:
        """Call Python's thunk with tables of addresses."""
        tables = [self.table(addresses) for addresses in (s.inputs, s.outputs)]
        pointers = []
        for offset in (32, 40):
            at, p = self.fresh(), self.fresh("p")
            self.line(f"{at} = getelementptr i8, ptr %context, i64 {offset}")
            self.line(f"{p} = load ptr, ptr {at}")
            pointers.append(p)
        code = self.fresh("code")
        self.line(f"{code} = call i32 {pointers[0]}(ptr {pointers[1]}, i64 {s.index}, ptr {tables[0]}, ptr {tables[1]})")
        self.returned(code)

    def invoke(self, s: Invoke) -> None:
        """Run a routine; what it needs itself lies in this program's arena."""
        memory = [self.address(a.buffer, a.offset) for a in (*s.inputs, *s.outputs)]
        code = self.fresh("code")
        arguments = ", ".join([f"ptr {p}" for p in (*memory, self.pointer(s.scratch), "%context")])
        self.line(f"{code} = call i32 {self.module.body_name(s.routine)}({arguments})")
        self.returned(code)

    def fill(self, s: Fill) -> None:
        """Copy or clear memory."""
        target = self.address(s.target.buffer, s.target.offset)
        size = s.count * BYTES[s.target.buffer.kind]
        if s.source is None:
            name = self.module.external("llvm.memset.p0.i64", "void", ["ptr", "i8", "i64", "i1 immarg"])
            self.line(f"call void {name}(ptr {target}, i8 0, i64 {size}, i1 false)")
        else:
            source = self.address(s.source.buffer, s.source.offset)
            name = self.module.external("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1 immarg"])
            self.line(f"call void {name}(ptr {target}, ptr {source}, i64 {size}, i1 false)")


EMIT: dict[Any, Any] = {
    Let: Writer.let,
    Index: Writer.index,
    Load: Writer.load,
    Store: Writer.store,
    For: Writer.loop,
    While: Writer.while_,
    If: Writer.if_,
    Fail: Writer.fail,
    Call: Writer.call,
    Host: Writer.host,
    Fill: Writer.fill,
    Invoke: Writer.invoke,
}
