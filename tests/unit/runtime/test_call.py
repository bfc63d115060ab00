"""Kernels called through Python: memory, failures, operations that run in Python, out=."""

import ctypes
import gc
import sys
import threading
import weakref

import numpy as np
import pytest

from wengert.ir.types import array_type
from wengert.runtime import arena, call, host, layout

from .kernels import F8, FAILS, HOST, SCALAR, SUM_AND_PRODUCT, VECTOR, Failed, copy, kernel, missed, native


def test_layout_of_objects_is_known():
    assert layout.is_known()


def test_results_are_fresh():
    k = kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    x = np.array([2.0, 3.0])
    first, second = k([x])[0], k([x])[0]
    np.testing.assert_array_equal(first, [5.0, 6.0])
    assert not np.shares_memory(first, second)


@pytest.mark.parametrize(
    "x", [np.array([3.0, 9.0, 2.0])[::-2], np.frombuffer(b"x" + np.array([2.0, 3.0]).tobytes(), np.uint8)[1:].view(F8)]
)
def test_arrays_that_are_not_contiguous_or_aligned(x):
    k = kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    np.testing.assert_array_equal(k([x])[0], [5.0, 6.0])


@pytest.mark.parametrize("x", [np.zeros(3), np.zeros(2, "f4"), np.zeros(2, ">f8"), np.array([1, 2]), np.array([None, None]), 1.0])
def test_another_type_is_refused(x):
    with pytest.raises(TypeError, match="a kernel for"):
        kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR])([x])


def test_out():
    k = kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    x, y = np.array([2.0, 3.0]), np.zeros(2)
    assert k([x], [y])[0] is y
    np.testing.assert_array_equal(y, [5.0, 6.0])
    strided = np.zeros(4)[::2]
    k([x], [strided])
    np.testing.assert_array_equal(strided, [5.0, 6.0])
    k([x], [x])  # the same memory
    np.testing.assert_array_equal(x, [5.0, 6.0])
    big = np.array([0.0, 2.0, 3.0])
    k([big[1:]], [big[:2]])  # overlapping
    np.testing.assert_array_equal(big, [5.0, 6.0, 3.0])
    y.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        k([x], [y])
    for wrong in (np.zeros(3), np.zeros(2, "f4"), [0.0, 0.0], None):
        with pytest.raises(TypeError, match="out="):
            k([x], [wrong])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "bool", "complex128", "uint16"])
def test_shapes_and_dtypes(shape, dtype, rng):
    t = array_type(shape, np.dtype(dtype))
    x = (rng.standard_normal(shape) * 50).astype(dtype) if dtype != "uint16" else np.full(shape, 7, "uint16")
    x = np.asarray(x)
    got = kernel(copy(x.nbytes), [t], [t])([x])[0]
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got, x)


def test_failures_and_memory_of_a_failed_run():
    k = kernel(FAILS, [SCALAR], [SCALAR], failures=[Failed("first"), Failed("second")])
    assert k([np.array(2.0)])[0] == 2.0
    for _ in range(100):
        with pytest.raises(IndexError, match=r"second \(7, 5, 0, 0\)"):
            k([np.array(-1.0)])


def test_scratch_memory_is_aligned_and_reused():
    block, at = arena.scratch.take(10_000)
    other, _ = arena.scratch.take(10_000)
    assert at % 64 == 0
    assert other is not block
    arena.scratch.give(block)
    assert arena.scratch.take(9_000)[0] is block
    assert arena.size_class(8192) == 13 < arena.size_class(8193) == 14


class Negate:
    def __init__(self):
        self.seen = []

    def evaluate(self, x):
        self.seen.append(x)
        if np.any(x > 100):
            raise KeyError("too large")
        return -x


def test_operations_that_run_in_python():
    operation = Negate()
    k = kernel(HOST, [VECTOR], [VECTOR], hosts=[(operation, [VECTOR], [VECTOR])])
    for i in range(50):
        np.testing.assert_array_equal(k([np.array([i, 3.0])])[0], [-i, -3.0])
    assert not operation.seen[0].flags.writeable
    np.testing.assert_array_equal(operation.seen[0], [0.0, 3.0])  # what Python keeps stays
    for _ in range(20):
        with pytest.raises(KeyError, match="too large"):
            k([np.array([200.0, 0.0])])
    assert not host._pending


def test_a_result_of_the_wrong_kind_in_python():
    class Wrong:
        def evaluate(self, x):
            return x + 1j

    k = kernel(HOST, [VECTOR], [VECTOR], hosts=[(Wrong(), [VECTOR], [VECTOR])])
    with pytest.raises(TypeError):
        k([np.zeros(2)])


def test_scalars_in_python():
    class Sine:
        def evaluate(self, x):
            assert isinstance(x, np.float64)
            return np.sin(x)

    k = kernel(HOST, [SCALAR], [SCALAR], hosts=[(Sine(), [SCALAR], [SCALAR])])
    assert k([np.array(0.5)])[0] == np.sin(0.5)


def test_several_threads_call():
    k = kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR], arena_bytes=100_000)
    wrong = []

    def work(i):
        for _ in range(300):
            if k([np.array([i, 2.0])])[0].tolist() != [i + 2.0, 2.0 * i]:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(float(i),)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


# --- callables ------------------------------------------------------------------------------------


def jitted(entry, **more):
    @call.enable_native_call
    class Jitted(call.callable_base()):
        __slots__ = ("__dict__", "__weakref__")

        def __call__(self, *args, **kwargs):
            return missed(*args, **kwargs)

        def method(self):
            return "method"

    f = Jitted()
    f.entry = entry
    f.__dict__.update(more)
    return f


def test_an_object_with_methods_and_a_native_call():
    entry = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    f = jitted(entry, name="f")
    x = np.array([2.0, 3.0])
    assert f(x)[0] == "missed"
    assert call.enter_at(f, entry.address)
    np.testing.assert_array_equal(f(x), [5.0, 6.0])
    np.testing.assert_array_equal(f(*[x]), [5.0, 6.0])
    np.testing.assert_array_equal(next(map(f, [x])), [5.0, 6.0])
    assert f(x, x)[0] == f(y=x)[0] == f()[0] == "missed"
    assert f.method() == "method"
    assert f.name == "f"
    assert call.enter_at(f, None)
    assert f(x)[0] == "missed"


def test_objects_and_their_code_go_away():
    entry = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    f = jitted(entry)
    f.itself = f  # a cycle
    call.enter_at(f, entry.address)
    library = weakref.ref(entry.kernel.library)
    seen = weakref.ref(f)
    del f, entry
    gc.collect()
    assert seen() is None
    assert library() is None


def test_only_our_own_objects_can_be_entered():
    assert not call.enter_at(missed, 1)
    assert not call.enter_at(object(), 1)


@pytest.mark.usefixtures("small_heap")
def test_code_that_drops_itself_while_it_runs():
    cell = {}

    def fallback(*args, **kwargs):
        cell.clear()
        gc.collect()
        return "dropped"

    for _ in range(20):
        cell["f"] = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR], fallback=fallback).builtin("f")
        code = cell["f"]
        address = id(code)
        assert cell["f"](1) == "dropped"
        assert address
        del code


@pytest.mark.usefixtures("small_heap")
def test_an_entry_released_by_its_own_fallback():
    """The object called stays, its code is replaced and dropped, as when a function is compiled anew."""
    f = jitted(None)

    def fallback(*args, **kwargs):
        call.enter_at(f, None)
        f.entry = None
        gc.collect()
        native(SUM_AND_PRODUCT, [VECTOR], [VECTOR])  # maps memory, perhaps where the old code was
        return "replaced"

    for _ in range(20):
        f.entry = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR], fallback=fallback)
        call.enter_at(f, f.entry.address)
        assert f(1) == "replaced"


def test_builtins():
    f = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR]).builtin("f")
    assert type(f) is type(len)
    assert f.__name__ == "f"
    gc.collect()
    np.testing.assert_array_equal(f(np.array([2.0, 3.0])), [5.0, 6.0])
    before = sys.getrefcount(f)
    for _ in range(10):
        f(np.array([2.0, 3.0]))
    assert sys.getrefcount(f) == before


def test_registered_callbacks():
    at = host.register("test.twice", lambda x: 2 * x, ctypes.c_int64, ctypes.c_int64)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(at)(21) == 42


def test_large_blocks_of_kernels_with_a_native_entry_are_freed():
    """Their entries hold blocks of their own: memory is not taken twice."""
    scratch = arena.Scratch()
    for size, seldom, kept in ((1 << 23, True, False), (1 << 23, False, True), (1 << 14, True, True)):
        scratch.free.clear()
        block, _ = scratch.take(size)
        scratch.give(block, seldom)
        assert bool(scratch.free) == kept
