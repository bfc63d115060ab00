"""Calls from Python into native code: the ctypes way that always works, and callables whose C function is native.

Knows types as things with `shape` and `dtype`, and failures as things with `error(detail)`. Start at `Kernel`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.runtime import arena, host, layout, symbols, threads, watch
from wengert.runtime.loader import Library
from wengert.runtime.results import array

_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Kernel:
    """A loaded kernel, called with a list of arrays.

    Parameters
    ----------
    library : Library
        Where its code is.
    name : str
        The symbol `i32 name(ptr inputs, ptr outputs, ptr arena, ptr context)`.
    in_types, out_types : sequences
        Of things with `shape` and `dtype`.
    arena_bytes, work, failures, hosts
        As the back end gives them.
    donated : iterable of int
        Inputs that the kernel may overwrite.
    entered : bool
        Whether it has a native entry, by which it is called but for the first time.
    """

    def __init__(
        self,
        library: Library,
        name: str,
        in_types: Sequence[Any],
        out_types: Sequence[Any],
        arena_bytes: int = 0,
        work: float = 0.0,
        failures: Sequence[Any] = (),
        hosts: Sequence[tuple[Any, Sequence[Any], Sequence[Any]]] = (),
        donated: Sequence[int] = (),
        entered: bool = False,
    ) -> None:
        self.library, self.name, self.entered = library, name, entered
        self.in_types, self.out_types = tuple(in_types), tuple(out_types)
        self.arena_bytes, self.work = arena_bytes, work
        self.failures, self.donated = tuple(failures), frozenset(donated)
        self.hosts = host.Hosts(hosts)
        self._function = _KERNEL(library.address(name))
        # NumPy's own dtype objects, not equal ones: arrays made here are then recognised by native entries.
        self._made = [(t.shape, np.dtype(t.dtype.str)) for t in self.out_types]
        self._inputs = ctypes.c_void_p * len(self.in_types)
        self._outputs = ctypes.c_void_p * len(self.out_types)

    def __call__(self, arrays: Sequence[Any], out: Sequence[Any] | None = None) -> list[Any]:
        """Run it: arrays of exactly the input types -> fresh arrays, or `out` filled.

        An array that is not contiguous is copied; an `out` that is not, or that shares memory with an input, is filled at the end.
        """
        given = [_exact(a, t, i in self.donated) for i, (a, t) in enumerate(zip(arrays, self.in_types, strict=True))]
        results = [array(shape, dtype) for shape, dtype in self._made] if out is None else _fresh_where_needed(out, self.out_types, given)
        context = (ctypes.c_int64 * (host.CONTEXT_BYTES // 8))()
        where = ctypes.addressof(context)
        context[host.THUNK // 8], context[host.DATA // 8], context[host.OWNER // 8] = host.thunk(), where, self.hosts.number
        if self.work >= threads.PARALLEL_WORK:
            count = threads.count()
            if count > 1:
                context[host.PARALLEL_FOR // 8], context[host.THREADS // 8] = threads.parallel_for(), count
        inputs, outputs = self._inputs(*map(_address, given)), self._outputs(*map(_address, results))
        block, memory = arena.scratch.take(self.arena_bytes) if self.arena_bytes else (None, None)
        try:
            code = self._function(inputs, outputs, memory, where)
        finally:
            if block is not None:
                arena.scratch.give(block, self.entered)
            _free_region(context[host.REGION // 8])
        if code != 0:
            self.fail(code, *context[:4], where)
        if out is not None:
            for target, result in zip(out, results, strict=True):
                if target is not result:
                    np.copyto(target, result)
            return list(out)
        return results

    def fail(self, code: int, *detail: int) -> Any:
        """Raise what the kernel's return code stands for; detail: the context's four numbers, and its address."""
        if code < 0:
            error = host.take_exception(detail[-1])
            raise error
        raise self.failures[code - 1].error(tuple(detail[:4]))


def _address(array: Any) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _exact(a: Any, t: Any, donated: bool) -> Any:
    a = np.asarray(a)
    if a.shape != tuple(t.shape) or a.dtype != t.dtype:
        raise TypeError(f"a kernel for {t.dtype}{list(t.shape)} was called with {a.dtype}{list(a.shape)}")
    return np.require(a, t.dtype, ["C", "A", "W"] if donated else ["C", "A"])  # the dtype again: equal ones differ in metadata


def _fresh_where_needed(out: Sequence[Any], types: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    results: list[Any] = []
    for target, t in zip(out, types, strict=True):
        if not isinstance(target, np.ndarray) or target.shape != tuple(t.shape) or target.dtype != t.dtype:
            raise TypeError(f"out= must be an array {t.dtype}{list(t.shape)}, got {getattr(target, 'dtype', type(target).__name__)}")
        if not target.flags.writeable:
            raise ValueError("out= is read-only")
        usable = type(target) is np.ndarray and target.flags.c_contiguous and target.flags.aligned
        if usable and not any([np.may_share_memory(target, other) for other in [*given, *results]]):
            results.append(target)
        else:
            results.append(array(t.shape, t.dtype))
    return results


@cache
def _free() -> Any:
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(symbols.address("free"))


def _free_region(block: int) -> None:
    """Free the list of blocks that a kernel allocated while it ran; each begins with the address of the next."""
    while block:
        following = ctypes.c_size_t.from_address(block).value
        _free()(block)
        block = following


# --- native callables -----------------------------------------------------------------------------


class _Method(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


def make_builtin(address: int, name: str, keep: Any) -> Callable[..., Any]:
    """A built-in function whose C function (METH_FASTCALL | METH_KEYWORDS) is at the address; `keep` lives as long as it."""
    method = _Method(name.encode(), address, 0x80 | 0x02, None)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    made: Callable[..., Any] = new(ctypes.addressof(method), (method, keep), None)  # the function refers to the tuple as its `self`
    return made


class Entry:
    """The native entry of a kernel: what a call does when nothing about it is new.

    Parameters
    ----------
    kernel : Kernel
        Its library holds the module that `codegen.entry.entry_text` gave.
    fallback : callable
        Called with the same arguments when the native checks say that they are not what the kernel was compiled for.
    assemble : callable, optional
        From the flat tuple of results to what the function returns; for entries emitted with `assemble=True`.
    places : sequence of watch.Place
        What has to be as it was, for entries emitted with `guarded=True`.
    """

    def __init__(
        self,
        kernel: Kernel,
        fallback: Callable[..., Any],
        assemble: Callable[..., Any] | None = None,
        places: Sequence[watch.Place] = (),
    ) -> None:
        self.kernel = kernel
        self._places = (places, watch.table(places))
        if places:
            ctypes.c_void_p.from_address(kernel.library.address(f"{kernel.name}.places")).value = ctypes.addressof(self._places[1])
        self.address = kernel.library.address(f"{kernel.name}.entry")
        self._cell = kernel.library.address(f"{kernel.name}.handlers")
        self._handlers: Any = None
        self.assemble = assemble
        self.set_fallback(fallback)

    def set_fallback(self, fallback: Callable[..., Any]) -> None:
        """Where calls with other arguments go from now on; an older entry's builtin makes a chain."""
        handlers = (fallback, self.kernel.fail, self.assemble, self.kernel.hosts.number)
        ctypes.c_void_p.from_address(self._cell).value = id(handlers)
        self._handlers = handlers  # the old tuple goes only now; native code that uses it holds a reference

    def builtin(self, name: str = "") -> Callable[..., Any]:
        """A built-in function that enters here."""
        return make_builtin(self.address, name or self.kernel.name, self)


# A class of callables in which each object has its own C function, as CPython's functions have. The object's `__call__` in Python is
# used until `enter_at` names native code, and whenever that is taken away again.


class _Slot(ctypes.Structure):
    _fields_ = [("slot", ctypes.c_int), ("value", ctypes.c_void_p)]


class _Specification(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.c_void_p),
    ]


class _Member(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


_VECTORCALL_AT = 16  # in the object, behind its head
_SLOT_CALL, _SLOT_MEMBERS, _BASETYPE, _SSIZE, _READONLY = 50, 72, 1 << 10, 19, 1


@cache
def callable_base() -> type:
    """The base of classes whose objects native code can be entered through; `object` where the layout of objects is not known."""
    if not layout.is_known():
        return object
    members = (_Member * 2)(_Member(b"__vectorcalloffset__", _SSIZE, _VECTORCALL_AT, _READONLY, None), _Member())
    call = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p).value
    slots = (_Slot * 3)(_Slot(_SLOT_CALL, call), _Slot(_SLOT_MEMBERS, ctypes.addressof(members)), _Slot())
    spec = _Specification(b"wengert.NativeCallable", _VECTORCALL_AT + 8, 0, _BASETYPE, ctypes.addressof(slots))
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p]
    base: type = make(ctypes.addressof(spec))
    _permanent.extend([members, slots, spec])
    return base


_permanent: list[Any] = []


def enable_native_call(cls: type) -> type:
    """Class decorator, for subclasses of `callable_base()` that define `__call__`: let `enter_at` work on their objects.

    CPython looks for an object's own C function only where the type says so, and a class with a `__call__` of its own
    does not inherit that. Both ways of calling then do the same thing, which is what the flag promises.
    """
    if layout.is_known() and layout.word(cls, layout.TYPE_VECTORCALL_OFFSET) == _VECTORCALL_AT:
        flags = ctypes.c_ulong.from_address(id(cls) + layout.TYPE_FLAGS)
        flags.value |= layout.HAS_VECTORCALL
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(cls))
    return cls


def enter_at(thing: Any, address: int | None) -> bool:
    """From now on `thing(…)` runs the C function at the address (None: `__call__` again). The caller keeps its code alive.

    -> whether that is possible here.
    """
    cls = type(thing)
    if not (layout.is_known() and cls.__flags__ & layout.HAS_VECTORCALL and issubclass(cls, callable_base())):
        return False
    ctypes.c_size_t.from_address(id(thing) + _VECTORCALL_AT).value = address or 0
    return True
