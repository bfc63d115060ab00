"""The native entry of a kernel, as LLVM's text: a C function of CPython's calling convention that checks, allocates, calls, returns.

`PyObject *name.entry(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)` serves both as METH_FASTCALL |
METH_KEYWORDS and as vectorcall; it does not use `self`. Whatever is not exactly as expected goes to the Python function `fallback`
with the same arguments, so no result depends on the checks here. Knows neither loops nor operations. Start at `entry_text`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from wengert.codegen.guard import DECLARATIONS, guard_text
from wengert.runtime import arena, host, layout, results, threads

LONG_WORK = 20_000.0  # flops (some 10 µs) from where on the global lock is released: that costs about 60 ns
MOST_LEAVES = 64  # inputs and outputs; beyond, the way through Python costs little in proportion, and the text here much
KINDS = ("array", "scalar", "float", "int", "bool")
_WRITEABLE = 0x501  # NPY_ARRAY_CARRAY: contiguous, aligned, writeable


@dataclass(frozen=True, slots=True)
class Argument:
    """What the entry accepts at one place of the call.

    Parameters
    ----------
    shape, dtype
        The kernel's type for it.
    kinds : tuple of str
        What may stand there: "array" (exactly `ndarray`), and for 0-d "scalar" (NumPy's scalar of that dtype),
        "float", "int", "bool" (exactly Python's).
    donated : bool
        The kernel may overwrite it: only a writeable array is accepted.
    """

    shape: tuple[int, ...]
    dtype: Any
    kinds: tuple[str, ...] = ("array",)
    donated: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """All that the entry has to know about a kernel.

    Parameters
    ----------
    arguments : tuple of Argument
        One per input, in the order of the call.
    outputs : tuple of (shape, dtype)
        A 0-d output is returned as NumPy's scalar, as NumPy does.
    result : int, None or nested tuple of these
        What is returned: the output of that number, None, or tuples of them.
    assemble : bool
        Whether that is handed to the Python function `assemble`, whose result is returned.
    guarded : bool
        Whether places outside of the arguments are looked at before: the variable `name.places` names them.
    arena_bytes, work, has_hosts
        As the back end gives them.
    """

    arguments: tuple[Argument, ...]
    outputs: tuple[tuple[tuple[int, ...], Any], ...]
    result: Any
    assemble: bool = False
    guarded: bool = False
    arena_bytes: int = 0
    work: float = 0.0
    has_hosts: bool = False


def is_possible(signature: Signature) -> bool:
    """Whether an entry can be emitted here for such a kernel."""
    dtypes = [a.dtype for a in signature.arguments] + [dtype for _, dtype in signature.outputs]
    return layout.is_known() and len(dtypes) <= MOST_LEAVES and all([d.name in layout.DTYPES and d.isnative for d in dtypes])


def entry_text(name: str, signature: Signature) -> str:
    """The module of an entry: the function `name.entry`, and the variables `name.handlers` and `name.running`.

    It is not part of the kernel's module, since its hundreds of branches take LLVM's optimiser longer than a small kernel does and gain
    nothing: `link.library(text, entry)` compiles it without. `runtime.call.Entry` fills `name.handlers`.
    """
    return _Writer(name, signature).text()


_FUNCTIONS = """
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare ptr @PyTuple_GetItem(ptr, i64)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyObject_CallFunction(ptr, ptr, ...)
declare ptr @PyObject_CallFunctionObjArgs(ptr, ...)
declare ptr @PyErr_NoMemory()
declare i64 @PyLong_AsLongAndOverflow(ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @"numpy.PyArray_NewFromDescr"(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @"numpy.PyArray_Scalar"(ptr, ptr, ptr)
declare i32 @"numpy.PyArray_SetBaseObject"(ptr, ptr)
declare ptr @aligned_alloc(i64, i64)
declare void @free(ptr)
declare i64 @"wengert.thread_count"()
declare i32 @"wengert.parallel_for"(ptr, ptr, i64)
declare i32 @"wengert.host_thunk"(ptr, i64, ptr, ptr)
@"wengert.arena" = external global [64 x ptr]
@"wengert.take_result" = external global i8
@PyFloat_Type = external global i8
@PyLong_Type = external global i8
@_Py_TrueStruct = external global i8
@_Py_FalseStruct = external global i8
@_Py_NoneStruct = external global i8
@"numpy.PyArray_Type" = external global i8
"""

_FLOATS = {"float32": "float", "float64": "double", "complex64": "float", "complex128": "double"}


class _Writer:
    def __init__(self, name: str, signature: Signature) -> None:
        self.name, self.s = name, signature
        self.lines: list[str] = []
        self.globals: list[str] = []
        self.later: list[tuple[str, list[str]]] = []  # (label, tuples to drop before the error is passed on)
        self.count = 0

    def do(self, line: str) -> None:
        self.lines.append("  " + line)

    def let(self, expression: str) -> str:
        self.count += 1
        self.do(f"%t{self.count} = {expression}")
        return f"%t{self.count}"

    def at(self, pointer: str, offset: int) -> str:
        return pointer if offset == 0 else self.let(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, kind: str, pointer: str, offset: int = 0) -> str:
        return self.let(f"load {kind}, ptr {self.at(pointer, offset)}")

    def store(self, kind: str, value: str, pointer: str, offset: int = 0) -> None:
        self.do(f"store {kind} {value}, ptr {self.at(pointer, offset)}")

    def block(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def label(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def require(self, condition: str, otherwise: str) -> None:
        """Go on if the i1 holds."""
        following = self.label("ok")
        self.do(f"br i1 {condition}, label %{following}, label %{otherwise}, !prof !0")
        self.block(following)

    def descr(self, dtype: Any) -> str:
        return self.external(f"numpy.descr.{dtype.name}")

    def external(self, name: str) -> str:
        line = f'@"{name}" = external global i8'
        if line not in self.globals:
            self.globals.append(line)
        return f'@"{name}"'

    def text(self) -> str:
        name, s = self.name, self.s
        self.do("%count = and i64 %nargsf, 9223372036854775807")  # the top bit says that args[-1] may be overwritten
        for table, length in (("inputs", len(s.arguments)), ("outputs", len(s.outputs)), ("objects", len(s.outputs))):
            self.do(f"%{table} = alloca [{max(length, 1)} x ptr], align 16")
        self.do(f"%context = alloca [{host.CONTEXT_BYTES} x i8], align 16")
        self.do(f"%scalars = alloca [{16 * max(len(s.arguments), 1)} x i8], align 16")
        self.do(f"%values = alloca [{16 * max(len(s.outputs), 1)} x i8], align 16")
        self.do("%overflow = alloca i32, align 4")
        if 0 < s.arena_bytes <= arena.ON_STACK:
            self.do(f"%stack = alloca [{s.arena_bytes} x i8], align 64")
        self._count_running(1)
        self.require(self.let("icmp eq ptr %kwnames, null"), "miss")
        self.require(self.let(f"icmp eq i64 %count, {len(s.arguments)}"), "miss")
        for i, argument in enumerate(s.arguments):
            self._argument(i, argument)
        if s.guarded:
            self.require(self.let(f'call i1 @"{name}.guarded"()'), "miss")
        self._allocate()
        self._run()
        self._return()
        self._ends()
        head = f'define ptr @"{name}.entry"(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) nounwind {{'
        cells = [
            f'@"{name}.handlers" = global ptr null',
            f'@"{name}.running" = global i64 0',
            f'@"{name}.n" = private constant [2 x i8] c"n\\00"',
            f'@"{name}.format" = private constant [7 x i8] c"LLLLLL\\00"',
        ]
        kernel = f"declare i32 @{name}(ptr, ptr, ptr, ptr)"
        likely = '!0 = !{!"branch_weights", i32 2000, i32 1}'
        guard = (DECLARATIONS, guard_text(name)) if s.guarded else ()
        return "\n".join([_FUNCTIONS, *guard, kernel, *self.globals, *cells, head, *self.lines, "}", self._release_function(), likely])

    def _count_running(self, by: int) -> None:
        # With the global lock held, so not atomic. Between the last count and `ret` nobody else can run and unmap the code.
        running = self.load("i64", f'@"{self.name}.running"')
        self.store("i64", self.let(f"add i64 {running}, {by}"), f'@"{self.name}.running"')

    def _argument(self, i: int, argument: Argument) -> None:
        """Check args[i] and put the address of its data into inputs[i]."""
        thing = self.load("ptr", "%args", 8 * i)
        kind = self.load("ptr", thing, layout.OBJECT_TYPE)
        target = self.at("%inputs", 8 * i)
        done = self.label("done")
        ways = _ways(argument)
        for way in ways:
            following = self.label("next") if way != ways[-1] else "miss"
            self.require(self._is_kind(way, thing, kind, argument.dtype), following)
            self.do(f"store ptr {self._data(way, i, thing, argument)}, ptr {target}")
            self.do(f"br label %{done}")
            if following != "miss":
                self.block(following)
        if not ways:
            self.do("br label %miss")
        self.block(done)

    def _is_kind(self, way: str, thing: str, kind: str, dtype: Any) -> str:
        if way == "bool":
            is_true = self.let(f"icmp eq ptr {thing}, @_Py_TrueStruct")
            return self.let(f"or i1 {is_true}, {self.let(f'icmp eq ptr {thing}, @_Py_FalseStruct')}")
        wanted = {"array": '@"numpy.PyArray_Type"', "float": "@PyFloat_Type", "int": "@PyLong_Type"}.get(way)
        return self.let(f"icmp eq ptr {kind}, {wanted or self.external(f'numpy.scalar.{dtype.name}')}")

    def _data(self, way: str, i: int, thing: str, argument: Argument) -> str:
        """The address of the value, in the kernel's dtype."""
        name = argument.dtype.name
        if way == "array":
            return self._array(thing, argument)
        if way == "scalar":
            return self.at(thing, layout.SCALAR_VALUE)
        slot = self.at("%scalars", 16 * i)
        if way == "float":
            if name == "float64":
                return self.at(thing, layout.SCALAR_VALUE)
            self._store_real(self.load("double", thing, layout.SCALAR_VALUE), name, slot)
        elif way == "int":
            value = self.let(f"call i64 @PyLong_AsLongAndOverflow(ptr {thing}, ptr %overflow)")
            self.require(self.let(f"icmp eq i32 {self.load('i32', '%overflow')}, 0"), "miss")
            if name in _FLOATS:
                # Twice rounded where that differs from once: only beyond 2^53 for float32, left to Python.
                small = self.let(f"icmp ult i64 {self.let(f'add i64 {value}, 9007199254740992')}, 18014398509481985")
                self.require(small, "miss")
                self._store_real(self.let(f"sitofp i64 {value} to double"), name, slot)
            else:
                self._store_integer(value, argument.dtype, slot)
        else:
            self._store_bool(self.let(f"icmp eq ptr {thing}, @_Py_TrueStruct"), argument.dtype, slot)
        return slot

    def _store_real(self, value: str, name: str, slot: str) -> None:
        kind = _FLOATS[name]
        if kind == "float":
            value = self.let(f"fptrunc double {value} to float")
        self.store(kind, value, slot)
        if name.startswith("complex"):
            self.store(kind, "0.0", slot, 4 if kind == "float" else 8)

    def _store_integer(self, value: str, dtype: Any, slot: str) -> None:
        bits = 8 * dtype.itemsize
        if bits == 64:
            if dtype.kind == "u":
                self.require(self.let(f"icmp sge i64 {value}, 0"), "miss")
            self.store("i64", value, slot)
            return
        narrow = self.let(f"trunc i64 {value} to i{bits}")
        back = self.let(f"{'sext' if dtype.kind == 'i' else 'zext'} i{bits} {narrow} to i64")
        self.require(self.let(f"icmp eq i64 {back}, {value}"), "miss")
        self.store(f"i{bits}", narrow, slot)

    def _store_bool(self, flag: str, dtype: Any, slot: str) -> None:
        if dtype.kind == "b":
            self.store("i8", self.let(f"zext i1 {flag} to i8"), slot)
        elif dtype.kind in "iu":
            bits = 8 * dtype.itemsize
            self.store(f"i{bits}", self.let(f"zext i1 {flag} to i{bits}"), slot)
        else:
            self._store_real(self.let(f"uitofp i1 {flag} to double"), dtype.name, slot)

    def _array(self, thing: str, argument: Argument) -> str:
        same = self.let(f"icmp eq ptr {self.load('ptr', thing, layout.ARRAY_DTYPE)}, {self.descr(argument.dtype)}")
        rank = self.let(f"icmp eq i32 {self.load('i32', thing, layout.ARRAY_NDIM)}, {len(argument.shape)}")
        wanted = layout.C_CONTIGUOUS | layout.ALIGNED | (layout.WRITEABLE if argument.donated else 0)
        flags = self.let(f"and i32 {self.load('i32', thing, layout.ARRAY_FLAGS)}, {wanted}")
        flags = self.let(f"icmp eq i32 {flags}, {wanted}")
        self.require(self.let(f"and i1 {self.let(f'and i1 {same}, {rank}')}, {flags}"), "miss")
        if argument.shape:
            shape = self.load("ptr", thing, layout.ARRAY_SHAPE)
            fits = [self.let(f"icmp eq i64 {self.load('i64', shape, 8 * k)}, {n}") for k, n in enumerate(argument.shape)]
            every = fits[0]
            for fit in fits[1:]:
                every = self.let(f"and i1 {every}, {fit}")
            self.require(every, "miss")
        return self.load("ptr", thing, layout.ARRAY_DATA)

    # --- outputs, the call, the result -----------------------------------------------------------

    def _allocate(self) -> None:
        """objects[i]: the array, or null for a scalar; outputs[i]: where its data go."""
        for i in range(len(self.s.outputs)):
            self.store("ptr", "null", "%objects", 8 * i)
        for i, (shape, dtype) in enumerate(self.s.outputs):
            if not shape:
                self.store("ptr", self.at("%values", 16 * i), "%outputs", 8 * i)
                continue
            constant = f'@"{self.name}.shape{i}"'
            dims = ", ".join([f"i64 {n}" for n in shape])
            self.globals.append(f"{constant} = private constant [{len(shape)} x i64] [{dims}]")
            size, block, data, flags = math.prod(shape) * dtype.itemsize, None, "null", 0
            if size >= results.LEAST:
                block = self.let(
                    f'call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr @"wengert.take_result", ptr @"{self.name}.n", i64 {size})'
                )
                self.require(self.let(f"icmp ne ptr {block}, null"), "error")
                data, flags = self.load("ptr", block, layout.ARRAY_DATA), _WRITEABLE
            self.do(f"call void @Py_IncRef(ptr {self.descr(dtype)})")  # the next call takes one reference
            made = self.let(
                f'call ptr @"numpy.PyArray_NewFromDescr"(ptr @"numpy.PyArray_Type", ptr {self.descr(dtype)}, i32 {len(shape)}, '
                f"ptr {constant}, ptr null, ptr {data}, i32 {flags}, ptr null)"
            )
            self.store("ptr", made, "%objects", 8 * i)
            self.require(self.let(f"icmp ne ptr {made}, null"), "error")
            if block is not None:  # the array's from now on, however this ends
                self.do(f'call i32 @"numpy.PyArray_SetBaseObject"(ptr {made}, ptr {block})')
            self.store("ptr", self.load("ptr", made, layout.ARRAY_DATA), "%outputs", 8 * i)

    def _run(self) -> None:
        s = self.s
        for offset in (*range(host.DETAIL, host.DETAIL + 32, 8), host.REGION, host.THREADS):
            self.store("i64", "0", "%context", offset)
        self.store("ptr", "null", "%context", host.PARALLEL_FOR)
        if s.has_hosts:
            self.store("ptr", '@"wengert.host_thunk"', "%context", host.THUNK)
            self.store("ptr", "%context", "%context", host.DATA)
            handlers = self.load("ptr", f'@"{self.name}.handlers"')
            number = self.let(f"call ptr @PyTuple_GetItem(ptr {handlers}, i64 3)")
            number = self.let(f"call i64 @PyLong_AsLongAndOverflow(ptr {number}, ptr %overflow)")
            self.store("i64", number, "%context", host.OWNER)
        if s.work >= threads.PARALLEL_WORK:
            count = self.let('call i64 @"wengert.thread_count"()')
            several = self.let(f"icmp sgt i64 {count}, 1")
            chosen = self.let(f'select i1 {several}, ptr @"wengert.parallel_for", ptr null')
            self.store("ptr", chosen, "%context", host.PARALLEL_FOR)
            self.store("i64", count, "%context", host.THREADS)
        memory = self._take_arena()
        state = self.let("call ptr @PyEval_SaveThread()") if s.work >= LONG_WORK else None
        self.do(f"%code = call i32 @{self.name}(ptr %inputs, ptr %outputs, ptr {memory}, ptr %context)")
        self._give_arena(memory)
        self.do(f'call void @"{self.name}.release"(ptr {self.load("ptr", "%context", host.REGION)})')
        if state is not None:
            self.do(f"call void @PyEval_RestoreThread(ptr {state})")
        self.require(self.let("icmp eq i32 %code, 0"), "failed")

    def _take_arena(self) -> str:
        size = self.s.arena_bytes
        if size <= arena.ON_STACK:
            return "%stack" if size else "null"
        kind = arena.size_class(size)
        cell = f'getelementptr inbounds ([64 x ptr], ptr @"wengert.arena", i64 0, i64 {kind})'
        kept = self.let(f"atomicrmw xchg ptr {cell}, ptr null acq_rel")
        have, make = self.label("have"), self.label("make")
        before = self.label("before")
        self.do(f"br label %{before}")
        self.block(before)
        self.do(f"br i1 {self.let(f'icmp eq ptr {kept}, null')}, label %{make}, label %{have}")
        self.block(make)
        fresh = self.let(f"call ptr @aligned_alloc(i64 64, i64 {1 << kind})")
        self.do(f"br i1 {self.let(f'icmp eq ptr {fresh}, null')}, label %nomemory, label %{have}")
        self.block(have)
        return self.let(f"phi ptr [ {kept}, %{before} ], [ {fresh}, %{make} ]")

    def _give_arena(self, memory: str) -> None:
        size = self.s.arena_bytes
        if size <= arena.ON_STACK:
            return
        kind = arena.size_class(size)
        if kind <= arena.KEPT:
            cell = f'getelementptr inbounds ([64 x ptr], ptr @"wengert.arena", i64 0, i64 {kind})'
            memory = self.let(f"atomicrmw xchg ptr {cell}, ptr {memory} acq_rel")  # what was there belongs to nobody
        self.do(f"call void @free(ptr {memory})")

    def _return(self) -> None:
        s = self.s
        for i, (shape, dtype) in enumerate(s.outputs):
            if not shape:
                value = self.let(f'call ptr @"numpy.PyArray_Scalar"(ptr {self.at("%values", 16 * i)}, ptr {self.descr(dtype)}, ptr null)')
                self.require(self.let(f"icmp ne ptr {value}, null"), "error")
                self.store("ptr", value, "%objects", 8 * i)
        tuples: list[str] = []  # all made before anything is put into one: then nothing can fail half-way
        for node in _tuples(s.result):
            made = self.let(f"call ptr @PyTuple_New(i64 {len(node)})")
            undo = self.label("undo")
            self.require(self.let(f"icmp ne ptr {made}, null"), undo if tuples else "error")
            if tuples:
                self.later.append((undo, list(tuples)))
            tuples.append(made)
        objects = [self.load("ptr", "%objects", 8 * i) for i in range(len(s.outputs))]
        result = self._build(s.result, objects, iter(tuples), [False] * len(objects))
        if s.assemble:
            handlers = self.load("ptr", f'@"{self.name}.handlers"')
            assemble = self.let(f"call ptr @PyTuple_GetItem(ptr {handlers}, i64 2)")
            self.do(f"call void @Py_IncRef(ptr {assemble})")
            assembled = self.let(f"call ptr (ptr, ...) @PyObject_CallFunctionObjArgs(ptr {assemble}, ptr {result}, ptr null)")
            self.do(f"call void @Py_DecRef(ptr {result})")
            self.do(f"call void @Py_DecRef(ptr {assemble})")
            result = assembled
        self._count_running(-1)
        self.do(f"ret ptr {result}")

    def _build(self, node: Any, objects: list[str], tuples: Any, used: list[bool]) -> str:
        """The object for a part of the result, with a reference for its owner."""
        out = self._part(node, objects, tuples, used)
        for i, was_used in enumerate(used):
            if not was_used:
                self.do(f"call void @Py_DecRef(ptr {objects[i]})")
        return out

    def _part(self, node: Any, objects: list[str], tuples: Any, used: list[bool]) -> str:
        if node is None:
            self.do("call void @Py_IncRef(ptr @_Py_NoneStruct)")
            return "@_Py_NoneStruct"
        if isinstance(node, tuple):
            made: str = next(tuples)
            for k, child in enumerate(node):
                self.do(f"call i32 @PyTuple_SetItem(ptr {made}, i64 {k}, ptr {self._part(child, objects, tuples, used)})")
            return made
        if used[node]:
            self.do(f"call void @Py_IncRef(ptr {objects[node]})")
        used[node] = True
        return str(objects[node])

    # --- ways out --------------------------------------------------------------------------------

    def _ends(self) -> None:
        for label, tuples in self.later:
            self.block(label)
            for made in tuples:
                self.do(f"call void @Py_DecRef(ptr {made})")
            self.do("br label %error")
        self.block("failed")
        self._drop_objects()
        handlers = self._handlers()
        details = [f"i64 {self.load('i64', '%context', 8 * k)}" for k in range(4)]
        code = self.let("sext i32 %code to i64")
        where = self.let("ptrtoint ptr %context to i64")
        fail = self.let(f"call ptr @PyTuple_GetItem(ptr {handlers}, i64 1)")
        numbers = ", ".join([f"i64 {code}", *details, f"i64 {where}"])
        raised = self.let(f'call ptr (ptr, ptr, ...) @PyObject_CallFunction(ptr {fail}, ptr @"{self.name}.format", {numbers})')
        self._leave(raised, handlers)
        if self.s.arena_bytes > arena.ON_STACK:
            self.block("nomemory")
            self.do("call ptr @PyErr_NoMemory()")
            self.do("br label %error")
        self.block("error")
        self._drop_objects()
        self._count_running(-1)
        self.do("ret ptr null")
        self.block("miss")
        handlers = self._handlers()
        fallback = self.let(f"call ptr @PyTuple_GetItem(ptr {handlers}, i64 0)")
        called = self.let(f"call ptr @PyObject_Vectorcall(ptr {fallback}, ptr %args, i64 %count, ptr %kwnames)")
        self._leave(called, handlers)

    def _handlers(self) -> str:
        """The tuple, with a reference: what is called may replace it."""
        handlers = self.load("ptr", f'@"{self.name}.handlers"')
        self.do(f"call void @Py_IncRef(ptr {handlers})")
        return handlers

    def _leave(self, result: str, handlers: str) -> None:
        self.do(f"call void @Py_DecRef(ptr {handlers})")
        self._count_running(-1)
        self.do(f"ret ptr {result}")

    def _drop_objects(self) -> None:
        for i in range(len(self.s.outputs)):
            self.do(f"call void @Py_DecRef(ptr {self.load('ptr', '%objects', 8 * i)})")  # which takes null

    def _release_function(self) -> str:
        """Free the list of blocks that the kernel allocated."""
        return f"""
define internal void @"{self.name}.release"(ptr %first) nounwind {{
start:
  br label %test
test:
  %block = phi ptr [ %first, %start ], [ %next, %body ]
  %end = icmp eq ptr %block, null
  br i1 %end, label %done, label %body
body:
  %next = load ptr, ptr %block
  call void @free(ptr %block)
  br label %test
done:
  ret void
}}
"""


def _ways(argument: Argument) -> list[str]:
    """The kinds that can be taken natively, in the order in which they are tried."""
    fitting = {"array": "biufc", "scalar": "biufc", "float": "fc", "int": "iufc", "bool": "biufc"}
    takes_scalars = not argument.shape and not argument.donated
    return [k for k in KINDS if k in argument.kinds and argument.dtype.kind in fitting[k] and (k == "array" or takes_scalars)]


def _tuples(node: Any) -> list[tuple[Any, ...]]:
    """Every tuple of a result, each before those in it."""
    if not isinstance(node, tuple):
        return []
    return [node, *[inner for child in node for inner in _tuples(child)]]
