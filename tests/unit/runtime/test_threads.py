"""Loops on several threads: cut in the same way whatever the number of threads, failures found, forks survived."""

import ctypes
import os
import threading
import time

import numpy as np
import pytest

import wengert as wg
from wengert.ir.types import array_type
from wengert.runtime import host, threads

from .kernels import F8, kernel, native

N = 100_000
LONG = array_type((N,), F8)
SQUARES = f"""
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {{
  %data = alloca [2 x ptr]
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  store ptr %x, ptr %data
  %second = getelementptr ptr, ptr %data, i64 1
  store ptr %y, ptr %second
  %for.at = getelementptr i8, ptr %context, i64 56
  %for = load ptr, ptr %for.at
  %serial = icmp eq ptr %for, null
  br i1 %serial, label %one, label %several
one:
  %code1 = call i32 @piece(ptr %data, i64 0, i64 {N})
  ret i32 %code1
several:
  %code2 = call i32 %for(ptr @piece, ptr %data, i64 {N})
  ret i32 %code2
}}
define internal i32 @piece(ptr %data, i64 %begin, i64 %end) {{
start:
  %x = load ptr, ptr %data
  %second = getelementptr ptr, ptr %data, i64 1
  %y = load ptr, ptr %second
  br label %loop
loop:
  %i = phi i64 [ %begin, %start ], [ %next, %more ]
  %p = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %p
  %bad = fcmp olt double %v, 0.0
  br i1 %bad, label %fail, label %more
more:
  %q = getelementptr double, ptr %y, i64 %i
  %w = fmul double %v, %v
  store double %w, ptr %q
  %next = add i64 %i, 1
  %again = icmp slt i64 %next, %end
  br i1 %again, label %loop, label %done
fail:
  %code = fptosi double %v to i32
  %positive = sub i32 0, %code
  ret i32 %positive
done:
  ret i32 0
}}
"""


@pytest.mark.parametrize("n", [0, 1, 2, 7, 32, 33, 1000, 12345, 10**9])
def test_chunks_cover_the_loop(n):
    pieces = threads.chunks(n)
    assert len(pieces) <= threads.CHUNKS
    assert [b for b, _ in pieces[1:]] == [e for _, e in pieces[:-1]]
    assert (pieces[0][0], pieces[-1][1]) == (0, n) if pieces else n == 0
    assert all(begin < end for begin, end in pieces)


class Numbered:
    def __init__(self, i):
        self.i = i

    def error(self, detail):
        return ValueError(f"failure {self.i}")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_kernel_on_several_threads(count):
    x = np.arange(float(N))
    k = kernel(SQUARES, [LONG], [LONG], work=1e7, failures=[Numbered(i) for i in range(1, 10)])
    f = native(SQUARES, [LONG], [LONG], work=1e7, failures=k.failures).builtin()
    with wg.config(threads=count):
        for _ in range(20):
            np.testing.assert_array_equal(k([x])[0], x * x)
            np.testing.assert_array_equal(f(x), x * x)
        x[70_000], x[71_000] = -3.0, -4.0
        for _ in range(20):
            with pytest.raises(ValueError, match="failure 3"):
                f(x)
        x[20] = -7.0
        for _ in range(20):
            with pytest.raises(ValueError, match=r"failure [37]"):
                k([x])


def test_small_work_is_offered_no_threads():
    k = kernel(SQUARES, [LONG], [LONG], work=1e3)
    with wg.config(threads=2):
        k([np.arange(float(N))])


def parallel(function, n):
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    callback = kind(function)
    call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(threads.parallel_for())
    return call(ctypes.cast(callback, ctypes.c_void_p), None, n)


def test_several_threads_take_part():
    seen = set()

    def piece(data, begin, end):
        seen.add(threading.current_thread().name)
        time.sleep(0.005)
        assert threads.count() == 1 or threading.current_thread() is threading.main_thread()
        return 0

    with wg.config(threads=3):
        assert parallel(piece, 32) == 0
    assert len(seen) == 3


def test_loops_at_the_same_time():
    results = []

    def one():
        with wg.config(threads=4):
            for n in range(1, 60):
                total = []
                parallel(lambda data, begin, end: total.append(end - begin) or 0, n)
                results.append(sum(total) == n)

    callers = [threading.Thread(target=one) for _ in range(4)]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    assert results == [True] * (4 * 59)


def test_an_interrupted_loop(monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(threads._Loop, "run", interrupted)
    with wg.config(threads=1):
        assert parallel(lambda data, begin, end: 0, 10) == -1
    assert isinstance(host.take_exception(0), KeyboardInterrupt)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork():
    x = np.arange(float(N))
    f = native(SQUARES, [LONG], [LONG], work=1e7).builtin()
    with wg.config(threads=3):
        f(x)
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if np.array_equal(f(x), x * x) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        np.testing.assert_array_equal(f(x), x * x)
