"""A Function becomes a program of loop nests: step by step of its schedule, each operation by the rules of its class.

`Kernel` is the `k` of a primitive's rules. Knows no operation by name. Start at `Kernel.function`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.codegen.nest import Nest, UnsupportedError, kind_of
from wengert.codegen.place import Frame, Ints, Memory, Outs, Regs, Virtual
from wengert.codegen.routine import Routine, invoke, uses
from wengert.codegen.schedule import GROUP, SMALL_STEP, Group, Schedule, role_of, schedule
from wengert.codegen.small import small
from wengert.ir.types import array_type
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.ir.walk import memoized
from wengert.loops.build import Builder
from wengert.loops.failure import Failure
from wengert.loops.nest import CONTEXT, Address, Affine, Buffer, For, Host, Let, Part, Program, While, walk


def lower(function: Function, name: str, donated: Sequence[int] = ()) -> Program:
    """The program of a Function: inputs and outputs in memory."""
    k = Kernel()
    k.uses = uses(function)
    inputs: list[Any] = []
    for n, v in enumerate(function.inputs):
        buffer = k.buffer(kind_of(v.type), v.type.size, "input", n, "donated" if n in donated else None)  # type: ignore[union-attr]
        inputs.append(Memory(buffer, v.type.shape))  # type: ignore[union-attr]
    into = []
    for n, a in enumerate(function.outputs):
        into.append(Memory(k.buffer(kind_of(a.type), a.type.size, "output", n), a.type.shape))  # type: ignore[union-attr]
    k.function(function, inputs, into, owned=donated, outermost=True)
    function.memo.pop("schedule", None)  # as large as the Function, and not needed again
    program = k.program(name)
    program.routines = [routine.program for routine in k.routines.values()]
    return program


class Kernel(Builder):
    """The builder that rules write with, and that knows where the values of Functions are."""

    invoke = invoke
    small = small

    def __init__(self, caller: Kernel | None = None) -> None:
        super().__init__()
        self.frame: Frame = Frame(Schedule(), True)
        self.zeros: dict[int, Buffer] = {}
        self.uses: Mapping[Function, int] = {}
        self.routines: dict[Function, Routine] = {}
        if caller is not None:  # a routine's: all of a program number their failures together
            self.uses, self.routines, self.failures, self.hosts = caller.uses, caller.routines, caller.failures, caller.hosts

    def program(self, name: str) -> Program:
        """What has been written, as a program."""
        out = Program(name)
        out.block, out.buffers, out.failures, out.hosts, out.work = self.block, self.buffers, self.failures, self.hosts, self.work
        return out

    # -- a Function ----------------------------------------------------------------------------------

    def function(
        self,
        function: Function,
        arguments: Sequence[Any],
        into: Sequence[Memory | None] | None = None,
        owned: Sequence[int] = (),
        outermost: bool = False,
        settle: bool = True,
    ) -> list[Any]:
        """Lower the body of a Function for these places; where its outputs are.

        `into` gives memory that outputs shall be in, or, if they need not `settle`, where they had best be; `owned` are the inputs whose
        memory may be overwritten.
        """
        plan: Schedule = memoized(function, "schedule", lambda: schedule(function))
        outer, self.frame = self.frame, Frame(plan, outermost, self.frame, len(self.buffers))
        frame = self.frame
        frame.home = self.block
        frame.env.update(zip(function.inputs, arguments, strict=True))
        for n in owned:
            if isinstance(arguments[n], Memory):
                frame.owned.add(arguments[n].buffer)
        if into is not None:
            for a, place in zip(function.outputs, into, strict=True):
                if place is not None and type(a) is Var and a not in frame.into and a not in frame.env:
                    there = [(v, p) for v, p in frame.env.items() if type(p) is Memory and p.meets(place)]
                    if all([plan.may_overwrite(a, v, p.coincides(place)) for v, p in there]):
                        frame.into[a] = place
                        if there:
                            frame.shared.add(a)
        span = self.span
        for kind, step in plan.steps:
            if kind == SMALL_STEP:
                self.span = step.span or span
                self.small(step)
            elif kind == GROUP:
                self.outlined(lambda step=step: self.group(step))  # type: ignore[misc]
            else:
                self.span = step.span or span
                self.outlined(lambda step=step: self.opaque(step))  # type: ignore[misc]
        self.span = span
        results = [self.place(a) for a in function.outputs]
        if into is not None and settle:
            held = [p for p in results if isinstance(p, Memory)]
            for n, (place, wanted) in enumerate(zip(results, into, strict=True)):
                if wanted is None or isinstance(place, Memory) and place.coincides(wanted):
                    continue
                if any([p.meets(wanted) for p in held]):
                    continue  # something is still there: the caller moves them, in an order that works
                self.outlined(lambda place=place, wanted=wanted: self.copy(place, wanted))  # type: ignore[misc]
                results[n] = wanted
        self.frame = outer
        return results

    def outlined(self, make: Callable[[], Any]) -> None:
        """What `make` writes; as a function of its own where it has loops and nothing is around it."""
        if not self.frame.outermost:
            make()
            return
        home = self.block
        self.block = []
        self.scopes.append({})
        self.loads.append({})
        make()
        written, self.block = self.block, home
        self.scopes.pop()
        self.loads.pop()
        for loads in self.loads:
            loads.clear()
        group: list[Any] = []
        for statement in written:
            if type(statement) is For and statement.parallel:  # alone, so that it may be given to threads
                self.close_part(group)
                group = []
                self.block.append(Part([statement]))
            else:
                group.append(statement)
        self.close_part(group)

    def close_part(self, statements: list[Any]) -> None:
        """Append statements, as a part if there are loops among them."""
        if any([type(s) in (For, While) for s in walk(statements)]):
            self.block.append(Part(statements))
        else:
            self.block += statements

    # -- places ------------------------------------------------------------------------------------------

    def place(self, a: Any) -> Any:
        """Where an operand is."""
        if type(a) is Var:
            return self.lookup(a)
        shape = a.type.shape
        if a.is_splat:
            value = self.const(a.value, kind_of(a.type))
            if 0 < a.type.size <= 64:
                return Regs([value] * a.type.size, shape)
            return a
        return Memory(self.constant(_constant(a)), shape)

    def lookup(self, v: Var) -> Any:
        """Where a variable is; one that is not stored is a view of what is, or computed where it is read."""
        found = self.frame.env.get(v)
        if found is None:
            equation = self.frame.schedule.virtual[v]
            found = self.view(equation) or Virtual(equation, v.type.shape)  # type: ignore[union-attr]
            self.frame.env[v] = found
        return found

    def view(self, equation: Equation) -> Memory | None:
        """The result of a move as the memory of its operand, seen through other strides; None where it is not one."""
        operation: Any = equation.operation
        x = equation.operands[0]
        if not (operation.moves and operation.strided) or type(x) is not Var:
            return None
        source = self.lookup(x)
        if type(source) is not Memory:
            return None
        shape = equation.outs[0].type.shape  # type: ignore[union-attr]
        if operation.relabels:
            return source.relabelled(shape)
        names = [self.name("i8") for _ in shape]
        index = tuple([Affine(0, ((name, 1),)) for name in names])
        at = operation.element(self, [lambda *i: source.position(i)], index, x.type)
        by_name = dict(at.terms)
        strides = tuple([by_name.pop(name, 0) for name in names])
        return Memory(source.buffer, shape, Affine(at.const, tuple(by_name.items())), strides)

    def result(self, v: Any, contiguous: bool = False) -> Memory:
        """Memory for a new value: where it is wanted, its part of what it is put into, or scratch."""
        wanted = self.frame.into.pop(v, None) or self.home(v) or self.inherited(v)
        if wanted is not None and (wanted.contiguous or not contiguous):
            return wanted
        return Memory(self.buffer(kind_of(v.type), v.type.size), v.type.shape)

    def home(self, v: Any) -> Memory | None:
        """The part of an array that a value is going to be, where nothing else needs the value."""
        frame = self.frame
        home = frame.schedule.homes.get(v)
        if home is None or home.whole in frame.shared:
            return None
        whole = frame.into.get(home.whole)
        if whole is None:
            whole = frame.into[home.whole] = self.result(home.whole)
        part = Memory(whole.buffer, home.shape, whole.position([Affine(start) for start in home.starts]), whole.strides)
        return part.relabelled(v.type.shape) if part.contiguous or not home.in_line else None

    def inherited(self, v: Any) -> Memory | None:
        """Where what is made of a value in place shall be in the end."""
        frame, schedule = self.frame, self.frame.schedule
        while v is not None:
            users = schedule.scheduler.users.get(v, ())
            places = [(e, n, out) for e in users for i, out in enumerate(e.outs) if (n := e.operation.renews(i)) is not None]
            v = next((out for e, n, out in places if e.operands[n] is v and (e, n) not in schedule.copied), None)
            if v in frame.into and v not in frame.shared:
                frame.owned.add(frame.into[v].buffer)
                return frame.into[v]
        return None

    def scratch(self, shape: Ints, kind: str) -> Memory:
        """Scratch memory for an array."""
        return Memory(self.buffer(kind, int(np.prod(shape, dtype=np.int64))), shape)

    def read(self, a: Any, index: Sequence[Affine]) -> Any:
        """One element of an operand: an atom of the Function being lowered, or a place."""
        if type(a) is Literal:
            if a.is_splat:
                return self.const(a.value, kind_of(a.type))
            if not any([i.terms for i in index]):
                return self.const(a.value[tuple([i.const for i in index])], kind_of(a.type))
            place: Any = self.place(a)
        else:
            place = self.lookup(a) if type(a) is Var else a
        if type(place) is Regs:
            found = place.at(index) if index else place.values[0]
            return self.load_at(self.memory(place), index) if found is None else found
        if type(place) is Memory:
            return self.load_at(place, index)
        if type(place) is Literal:  # what a nested Function was given
            return self.read(place, index)
        seen = ("read", place, *[i.key for i in index])
        for scope in reversed(self.scopes):
            if seen in scope:
                return scope[seen]
        value = self.compute(place.equation, index)
        self.scopes[-1][seen] = value
        return value

    def load_at(self, place: Memory, index: Sequence[Affine]) -> Any:
        """The element of an array in memory; one index where it is seen as a line."""
        if len(index) == 1 and len(place.shape) != 1:
            return self.load(place.buffer, place.offset + index[0])
        return self.load(place.buffer, place.position(index))

    def compute(self, equation: Equation, index: Sequence[Affine]) -> Any:
        """One element of the result of an elementwise or moving operation."""
        operation: Any = equation.operation
        if operation.elementwise:
            span, self.span = self.span, equation.span or self.span
            value = self.scalar(operation, [self.read(a, index) for a in equation.operands], kind_of(equation.outs[0].type))
            self.span = span
            return value
        span, self.span = self.span, equation.span or self.span
        readers = [lambda *i, a=a: self.read(a, i) for a in equation.operands]
        value = operation.element(self, readers, tuple(index), *[a.type for a in equation.operands])
        self.span = span
        return value

    def scalar(self, operation: Any, operands: Sequence[Any], kind: str) -> Any:
        """The result of an elementwise operation on these numbers, by its rule."""
        rule = operation.scalar
        return self.op(rule, *operands) if isinstance(rule, str) else rule(self, *operands)

    def memory(self, place: Any, contiguous: bool = True) -> Memory:
        """The place as memory, copied there if it is not, or has gaps though it may not."""
        if type(place) is Memory and (not contiguous or place.contiguous):
            return place
        if type(place) is Regs:
            return self.spilled(place)
        if type(place) is Literal:
            memory = self.scratch(place.type.shape, kind_of(place.type))
        elif type(place) is Virtual:
            memory = self.scratch(place.shape, kind_of(place.equation.outs[0].type))
        else:
            memory = self.scratch(place.shape, place.kind)
        self.copy(place, memory)
        return memory

    def spilled(self, place: Regs) -> Memory:
        """A small array written to memory, at the present step of the Function that is being lowered."""
        frame: Frame | None = self.frame
        while frame is not None:  # written before, where it still holds
            if (id(frame.home), id(place)) in frame.made:
                return frame.made[id(frame.home), id(place)][0]  # type: ignore[no-any-return]
            frame = frame.parent
        memory = self.scratch(place.shape, place.values[0].kind if place.values else "f8")
        block, self.block = self.block, self.frame.home
        for n, value in enumerate(place.values):
            self.store(memory.buffer, Affine(n), value)
        self.block = block
        self.frame.made[id(self.frame.home), id(place)] = memory, place
        return memory

    def copy(self, source: Any, target: Memory) -> None:
        """Write a place into memory."""
        if type(source) is Regs:
            for n, i in enumerate(np.ndindex(*source.shape)):
                self.store(target.buffer, target.position([Affine(j) for j in i]), source.values[n])
            return
        if type(source) is Literal and source.is_value(0) and target.contiguous and not np.signbit(np.real(source.value)):
            self.fill(target.address(), None, target.size)
        elif type(source) is Memory and source.contiguous and target.contiguous:
            self.fill(target.address(), source.address(), target.size)
        else:
            self.each(target.shape, lambda index: self.store(target.buffer, target.position(index), self.read(source, index)))

    def each(self, shape: Ints, body: Callable[[tuple[Affine, ...]], None]) -> None:
        """Run the body for every index of a shape."""
        if 0 in shape:
            return

        def level(axis: int, index: tuple[Affine, ...]) -> tuple[Any, ...]:
            if axis == len(shape):
                body(index)
            elif shape[axis] == 1:
                level(axis + 1, (*index, Affine(0)))
            else:
                self.loop(0, shape[axis], lambda i, _: level(axis + 1, (*index, i)))
            return ()

        level(0, ())

    # -- what the rules of control flow ask for -----------------------------------------------------

    kind = staticmethod(kind_of)

    def registers(self, place: Any) -> Regs:
        """The elements of a small array as scalars."""
        if type(place) is Regs:
            return place
        shape = place.type.shape if type(place) is Literal else place.shape
        out = Regs([self.read(place, [Affine(j) for j in i]) for i in np.ndindex(*shape)], shape)
        if type(place) is Memory and place.contiguous and place.buffer.space in ("input", "constant") and not self.owns(place):
            self.frame.made[id(self.frame.home), id(out)] = place, out  # where it is already, should an index be unknown
        return out

    def in_registers(self, values: Sequence[Any], shape: Ints) -> Regs:
        """A small array of these scalars."""
        return Regs(values, shape)

    def sum_of(self, x: Any, y: Any) -> Any:
        """x + y, in the memory of x where it has some."""
        if type(x) is Regs:
            y = self.registers(y)
            return Regs([self.op("add", a, b) for a, b in zip(x.values, y.values, strict=True)], x.shape)
        if type(x) is not Memory:
            raise UnsupportedError("sums of stacks")

        def add(index: tuple[Affine, ...]) -> None:
            at = x.position(index)
            self.store(x.buffer, at, self.op("add", self.load(x.buffer, at), self.read(y, index)))

        self.each(x.shape, add)
        return x

    def pointed(self, address: Any, shape: Ints, kind: str) -> Memory:
        """The array at an address that the program computed."""
        return Memory(self.buffer(kind, int(np.prod(shape, dtype=np.int64)), "pointer", data=address), shape)

    def zeros_address(self, size: int) -> Any:
        """The address of this many bytes of zeros."""
        zeros = self.zeros.get(size)
        if zeros is None:
            zeros = self.zeros[size] = self.buffer("u1", size, "constant", data=np.zeros(size, np.uint8))
        return self.op_kind("address", (Address(zeros, Affine(0)),), "p")

    def op_kind(self, op: str, args: tuple[Any, ...], kind: str) -> Any:
        """An operation on addresses."""
        out = self.name(kind)
        self.block.append(Let(out, op, args))
        return out

    def allocate(self, symbol: str, header: Address, count: Any, item: int, buffer: Buffer) -> None:
        """Make room on a stack; the program fails where there is no memory."""
        code = self.call(symbol, [header, count, self.const(item, "i8"), CONTEXT], "i4", writes=[buffer])
        self.fail_if(self.op("ne", code, self.const(0, "i4")), Failure("memory", (), self.span))

    def region(self, symbol: str, address: Address, writes: Sequence[Buffer]) -> None:
        """Note how much of the program's own memory is taken, or give back what was taken since."""
        self.call(symbol, [address, CONTEXT], writes=writes)

    def bounded_above(self, value: Any, n: int) -> None:
        """Fail unless 0 <= value < n, the number of branches."""
        outside = self.op("or", self.op("lt", value, self.like(0, value)), self.op("ge", value, self.like(n, value)))
        self.fail_if(outside, Failure("branch", (n,), self.span), [value])

    def bounded(self, value: Any, n: int, axis: int) -> Affine:
        """An index of the user's into an axis of length n: counted from the end if negative, checked."""
        value = self.cast(value, "i8")
        known = self.affine(value)
        span = None if known is None else self.range(known)
        if span is not None and span[0] >= 0 and span[1] < n:
            return known  # type: ignore[return-value]
        if span is not None and -n <= span[0] and span[1] < 0:
            return known + n  # type: ignore[operator, return-value]
        if span is None or span[0] < -n or span[1] >= n:
            outside = self.op("or", self.op("lt", value, self.const(-n, "i8")), self.op("ge", value, self.const(n, "i8")))
            self.fail_if(outside, Failure("index", (axis, n), self.span), [value])
        wrapped = self.op("add", value, self.const(n, "i8"))
        return self.index(self.op("select", self.op("lt", value, self.const(0, "i8")), wrapped, value))

    def put(self, operation: Any, memory: Memory, target: Sequence[Affine], value: Any) -> None:
        """Write or add one element, as an update does."""
        at = memory.position(target)
        if operation.accumulates:
            value = self.op("add", self.load(memory.buffer, at), value)
        self.store(memory.buffer, at, value)

    # -- operations with loops of their own -----------------------------------------------------------

    def opaque(self, equation: Equation) -> None:
        """An operation that writes its own statements, or is run by Python."""
        operation: Any = equation.operation
        operands = [self.place(a) for a in equation.operands]
        if operation.functions():  # which know nothing of the values here that a virtual one is made of
            operands = [self.memory(p) if type(p) is Virtual else p for p in operands]
        outs = Outs(self, operation, equation.outs)
        outs.given = self.given(equation, operands)
        places = None
        if operation.nest is not None:
            places = operation.nest(self, operands, outs)
        if places is NotImplemented or operation.nest is None:
            self.host(operation, operands, outs)
            places = None
        taken = {id(p.buffer): n if n in outs.given else None for n, p in enumerate(operands) if type(p) is Memory}
        for n, v in enumerate(equation.outs):
            place = outs[n] if places is None or places[n] is None else places[n]
            if places is not None and type(place) is Memory:
                old = taken.get(id(place.buffer), -1)
                if old != -1 and (old is None or old != operation.renews(n)) and place is not outs.places[n]:
                    fresh = self.result(v)  # what is an operand too may not be overwritten as this
                    self.copy(place, fresh)
                    place = fresh
                taken[id(place.buffer)] = None
            self.frame.env[v] = place

    def given(self, equation: Equation, places: Sequence[Any]) -> set[int]:
        """The operands whose memory may be written over by results that are made of them: nobody else needs it."""
        found: set[int] = set()
        operation: Any = equation.operation
        for i, v in enumerate(equation.outs):
            n = operation.renews(i)
            if n is None or type(equation.operands[n]) is not Var or (equation, n) in self.frame.schedule.copied:
                continue
            place = places[n]
            if type(place) is not Memory or not place.contiguous or not self.owns(place) or place.shape != v.type.shape:  # type: ignore[union-attr]
                continue
            if [type(p) is Memory and p.buffer is place.buffer for p in places].count(True) > 1:
                continue
            wanted = self.frame.into.get(v)
            if wanted is None or wanted.coincides(place):
                self.frame.into.pop(v, None)
                found.add(n)
        return found

    def host(self, operation: Any, operands: Sequence[Any], outs: Outs) -> None:
        """Run an operation by its `evaluate`, in Python."""
        inputs = [self.memory(p) for p in operands]
        results = [outs[n] for n in range(len(outs))]
        types = [[array_type(p.shape, np.dtype(p.kind)) for p in places] for places in (inputs, results)]
        self.hosts.append((operation, *types))
        for r in results:
            self.written(r.buffer)
        self.block.append(Host(len(self.hosts) - 1, [p.address() for p in inputs], [r.address() for r in results]))
        self.work += 20_000 * self.weight

    # -- nests ---------------------------------------------------------------------------------------------

    def group(self, group: Group) -> None:
        """The nest of a group of kept values."""
        if len(group.roots) == 1 and role_of(group.roots[0]) == "update":
            self.update(group.roots[0])
            return
        Nest(self, group).write()

    def update(self, equation: Equation) -> None:
        """Overwrite a part of an array: in place where nobody else needs it, else in a copy."""
        operation: Any = equation.operation
        (v,) = equation.outs
        x, u = equation.operands[0], equation.operands[-1]
        self.span = equation.span or self.span
        source, wanted = self.place(x), self.frame.into.get(v)
        if (
            (equation, 0) not in self.frame.schedule.copied
            and isinstance(source, Memory)
            and source.contiguous
            and (wanted is None or wanted.coincides(source))
            and (self.owns(source) or wanted is not None)
        ):
            target = source
            self.frame.into.pop(v, None)
        else:
            target = self.result(v)
            self.copy(source, target)
        types = [a.type for a in equation.operands]
        readers = [lambda *i, a=a: self.read(a, i) for a in equation.operands]
        self.each(u.type.shape, lambda i: self.put(operation, target, operation.target(self, readers, i, *types), readers[-1](*i)))  # type: ignore[union-attr]
        self.frame.env[v] = target

    def owns(self, place: Memory) -> bool:
        """Whether the memory was made in this frame, or given to it to overwrite."""
        return place.buffer in self.frame.owned or place.buffer.id >= self.frame.first_buffer


def _constant(a: Literal) -> Any:
    return a.value if a.value.flags.c_contiguous else np.ascontiguousarray(a.value)
