"""Native entries: what they take, what they leave to Python, what they return; nothing crashes and nothing leaks."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

from tests.unit.runtime.kernels import F8, FAILS, HOST, SCALAR, SUM_AND_PRODUCT, VECTOR, Failed, arguments, copy, kernel, missed, native
from wengert.codegen import entry
from wengert.ir.types import array_type
from wengert.runtime import call

ALL = entry.KINDS


def is_missed(result):
    return isinstance(result, tuple) and len(result) == 3 and isinstance(result[0], str) and result[0] == "missed"


@pytest.fixture
def f():
    return native(SUM_AND_PRODUCT, [VECTOR], [VECTOR]).builtin("f")


class Sub(np.ndarray):
    pass


X = np.array([2.0, 3.0])


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def misaligned(x):
    return np.frombuffer(b"x" + x.tobytes(), np.uint8)[1:].view(x.dtype)


BAD = [
    X.astype("f4"), X.astype(int), X.astype(complex), X.astype(">f8"), X.astype(bool), X.astype(object), X.astype("S8"), X.astype("m8[s]"),
    np.zeros(3), np.zeros(1), np.zeros(0), np.zeros((2, 1)), np.zeros((1, 2)), np.array(1.0), np.zeros((2,) * 8), np.zeros(4)[::2], X[::-1],
    np.lib.stride_tricks.as_strided(X, (2,), (0,)), misaligned(X), X.view(Sub), np.ma.array(X), np.rec.array(X),
    np.zeros(2, dtype=np.dtype("f8", metadata={"a": 1})), np.zeros(2, [("a", "f8")]), None, 1, 1.0, 2**100, True, 1j, "x", b"x", [2.0, 3.0],
    (2.0, 3.0), {}, object(), np.ndarray, int, np.float64(1.0), np.dtype("f8"), ..., memoryview(X), len, sys,
]  # fmt: skip


def test_what_is_expected(f):
    np.testing.assert_array_equal(f(X), [5.0, 6.0])
    np.testing.assert_array_equal(f(read_only(X)), [5.0, 6.0])
    np.testing.assert_array_equal(f(np.frombuffer(X.tobytes())), [5.0, 6.0])
    result = f(X)
    assert type(result) is np.ndarray
    assert result.flags.owndata
    assert result.flags.writeable
    assert sys.getrefcount(result) == 2
    result[0] = 1.0
    np.testing.assert_array_equal(f(X), [5.0, 6.0])


@pytest.mark.parametrize("i", range(len(BAD)))
def test_anything_else_goes_to_python_unchanged(f, i):
    result = f(BAD[i])
    assert is_missed(result)
    assert result[1][0] is BAD[i]


def test_other_calls_go_to_python_unchanged(f):
    assert f() == ("missed", (), {})
    assert f(x=1) == ("missed", (), {"x": 1})
    assert f(1, 2, y=3) == ("missed", (1, 2), {"y": 3})
    many = [0] * 10_000
    assert f(*many) == ("missed", tuple(many), {})
    assert f(X, **{f"k{i}": i for i in range(500)})[2]["k499"] == 499


def test_random_calls(f, rng):
    for _ in range(3000):
        args = [BAD[i] if i < len(BAD) else X for i in rng.integers(0, len(BAD) + 20, rng.integers(0, 4))]
        keywords = {"k": 1} if rng.random() < 0.1 else {}
        result = f(*args, **keywords)
        if len(args) == 1 and args[0] is X and not keywords:
            np.testing.assert_array_equal(result, [5.0, 6.0])
        else:
            assert is_missed(result)
            assert all(a is b for a, b in zip(result[1], args, strict=True))


NUMBERS = [0, 1, -1, 2**31, 2**53 + 1, 2**63, -(2**70), 127, 128, -128, 255, 1.5, -0.0, 1e300, float("nan"), True, False]
DTYPES = ("float64", "float32", "complex128", "complex64", "int64", "int8", "uint8", "uint64", "int32", "bool")


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers(dtype):
    dtype = np.dtype(dtype)
    t = array_type((), dtype)
    f = native(copy(dtype.itemsize), [t], [t], kinds=ALL).builtin("f")
    taken = 0
    for number in NUMBERS:
        result = f(number)
        if is_missed(result):
            continue
        taken += 1
        assert type(result) is dtype.type
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(result, np.array(number).astype(dtype))
        if dtype.kind in "iu":
            assert result == number
    assert taken >= (2 if dtype.kind == "b" else 4)
    one = np.ones((), dtype)
    assert f(one) == f(one[()]) == 1
    for other in DTYPES:
        if other != dtype.name:
            assert is_missed(f(np.ones((), other)))
            assert is_missed(f(np.dtype(other).type(1)))


@pytest.mark.parametrize(
    ("kinds", "taken"),
    [(("array",), [4]), (("scalar",), [3]), (("float",), [0]), (("int",), [1]), (("bool",), [2]), (("array", "float"), [0, 4]), ((), [])],
)
def test_only_the_kinds_that_were_asked_for(kinds, taken):
    f = native(copy(8), [SCALAR], [SCALAR], kinds=kinds).builtin("f")
    given = [1.0, 1, True, np.float64(1), np.array(1.0)]
    assert [i for i, x in enumerate(given) if not is_missed(f(x))] == taken


@pytest.mark.parametrize(("shape", "dtype"), [((), "float64"), ((3, 4), "float32"), ((0,), "int8"), ((2, 0, 3), "float64"), ((1,), "bool")])
def test_shapes_and_dtypes(shape, dtype):
    t = array_type(shape, np.dtype(dtype))
    x = np.ones(shape, dtype)
    f = native(copy(x.nbytes), [t], [t]).builtin("f")
    result = f(x)
    assert result.shape == shape
    assert result.dtype == x.dtype
    assert isinstance(result, np.ndarray) == bool(shape)
    np.testing.assert_array_equal(result, x)


THREE = """
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
  %y0 = load ptr, ptr %outputs
  store double 1.0, ptr %y0
  %y1.at = getelementptr ptr, ptr %outputs, i64 1
  %y1 = load ptr, ptr %y1.at
  store double 2.0, ptr %y1
  %y2.at = getelementptr ptr, ptr %outputs, i64 2
  %y2 = load ptr, ptr %y2.at
  store double 3.0, ptr %y2
  ret i32 0
}
"""
ONE = array_type((1,), F8)


@pytest.mark.parametrize("result", [0, 2, None, (), (0, 1, 2), (2, (1, (0,)), ()), (0, 0, None), ((0, 1), (0, 1)), (None,)])
def test_results(result):
    f = native(THREE, [], [ONE, SCALAR, SCALAR], result).builtin("f")
    values = [np.array([1.0]), 2.0, 3.0]

    def same(node, got):
        if node is None:
            return got is None
        if isinstance(node, tuple):
            return type(got) is tuple and len(got) == len(node) and all(map(same, node, got))
        return np.array_equal(got, values[node])

    for _ in range(10):
        assert same(result, f())


def test_assembling():
    f = native(THREE, [], [ONE, SCALAR, SCALAR], (2, 1), assemble=lambda flat: {"c": flat[0], "b": flat[1]}).builtin("f")
    assert f() == {"c": 3.0, "b": 2.0}

    def broken(flat):
        raise RuntimeError("broken")

    f = native(THREE, [], [ONE, SCALAR, SCALAR], (2, 1), assemble=broken).builtin("f")
    for _ in range(10):
        with pytest.raises(RuntimeError, match="broken"):
            f()


USES_ARENA = """
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  call void @llvm.memcpy.p0.p0.i64(ptr %arena, ptr %x, i64 SIZE, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %arena, i64 SIZE, i1 false)
  %bits = ptrtoint ptr %arena to i64
  %low = and i64 %bits, 63
  %odd = trunc i64 %low to i32
  ret i32 %odd
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
"""


@pytest.mark.parametrize("n", [1, 512, 513, 1024, 1025, 100_000, 1 << 20])
@pytest.mark.parametrize("work", [0.0, 1e5])
def test_scratch_memory_and_the_lock(n, work):
    t = array_type((n,), F8)
    e = native(USES_ARENA.replace("SIZE", str(8 * n)), [t], [t], arena_bytes=8 * n, work=work)
    x = np.arange(float(n))
    for _ in range(3):
        np.testing.assert_array_equal(e.builtin()(x), x)


def test_failures():
    e = native(FAILS, [SCALAR], [SCALAR], kinds=ALL, failures=[Failed("first"), Failed("second")])
    f = e.builtin()
    assert f(2.0) == 2.0
    for _ in range(100):
        with pytest.raises(IndexError, match=r"second \(7, 5, 0, 0\)"):
            f(-1.0)


class Half:
    def __init__(self):
        self.inner = None

    def evaluate(self, x):
        if x < 0:
            raise ArithmeticError("negative")
        return x / 2 if x < 1 or self.inner is None else self.inner(x / 2)


@pytest.mark.parametrize("work", [0.0, 1e5])
def test_operations_that_run_in_python(work):
    operation = Half()
    f = native(HOST, [SCALAR], [SCALAR], kinds=ALL, hosts=[(operation, [SCALAR], [SCALAR])], work=work).builtin()
    assert f(3.0) == 1.5
    for _ in range(20):
        with pytest.raises(ArithmeticError, match="negative"):
            f(-1.0)
    operation.inner = f  # a call within a call
    assert f(8.0) == 0.25


def test_donated_arrays_must_be_writeable():
    f = native(copy(16), [VECTOR], [VECTOR], donated=(0,)).builtin()
    np.testing.assert_array_equal(f(X.copy()), X)
    assert is_missed(f(read_only(X)))


def test_chains_of_signatures():
    first = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR]).builtin("first")
    second = native(copy(8), [SCALAR], [SCALAR], kinds=("float",), fallback=first)
    f = second.builtin("f")
    assert f(1.5) == 1.5
    np.testing.assert_array_equal(f(X), [5.0, 6.0])
    assert is_missed(f("x"))
    second.set_fallback(len)
    assert f("xyz") == 3
    del first
    gc.collect()
    with pytest.raises(TypeError):
        f(1)


def test_errors_of_the_fallback_go_through():
    def fallback(*args, **kwargs):
        raise LookupError("nothing here")

    f = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR], fallback=fallback).builtin()
    with pytest.raises(LookupError, match="nothing here"):
        f(1)


@pytest.mark.usefixtures("small_heap")
def test_nothing_leaks():
    f = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR], (0, (0, None))).builtin()
    g = native(FAILS, [SCALAR], [SCALAR], kinds=ALL, failures=[Failed("a"), Failed("b")]).builtin()

    def everything():
        for _ in range(200):
            f(X), f(1), g(1.0), g(1), g(np.float64(1))
            with pytest.raises(IndexError):
                g(-1.0)

    def references():
        gc.collect()
        return np.array([sys.getrefcount(thing) for thing in (None, np.dtype("f8"), X, missed)])

    everything()
    shifts = []
    tracemalloc.start()
    everything()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    for _ in range(5):
        before = references()
        everything()
        shifts.append(np.abs(references() - before))
    grown = tracemalloc.get_traced_memory()[0] - size
    tracemalloc.stop()
    assert grown < 20_000
    # What leaks does so in every round; other things that refer to None may come and go once.
    assert np.min(shifts, axis=0).max() < 30


def test_what_entries_cannot_do_is_said():
    too_many = entry.Signature(arguments(*[SCALAR] * 65), (), None)
    assert not entry.is_possible(too_many)
    assert not entry.is_possible(entry.Signature((entry.Argument((), np.dtype("f2")),), (), None))
    assert not entry.is_possible(entry.Signature((entry.Argument((), np.dtype(">f8")),), (), None))


def test_many_arguments():
    text = """
    define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
      %x.at = getelementptr ptr, ptr %inputs, i64 39
      %x = load ptr, ptr %x.at
      %v = load double, ptr %x
      %y = load ptr, ptr %outputs
      store double %v, ptr %y
      ret i32 0
    }"""
    f = native(text, [SCALAR] * 40, [SCALAR], kinds=ALL).builtin()
    assert f(*range(39), 2.5) == 2.5
    assert is_missed(f(*range(39), "x"))


def test_kernel_and_entry_agree():
    e = native(SUM_AND_PRODUCT, [VECTOR], [VECTOR])
    np.testing.assert_array_equal(e.kernel([X])[0], e.builtin()(X))
    assert isinstance(kernel(SUM_AND_PRODUCT, [VECTOR], [VECTOR]), call.Kernel)
