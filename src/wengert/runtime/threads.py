"""Threads for large independent loops of compiled code: `i32 parallel_for(ptr function, ptr data, i64 n)`.

Workers are Python threads that run native chunks without the global lock. How a loop is cut depends on its length alone, so results
do not depend on the number of threads or on timing. Knows nothing of what a chunk does. Start at `parallel_for`.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import deque
from functools import cache
from queue import SimpleQueue
from typing import Any

from wengert.config import settings
from wengert.runtime import cpu, host, symbols

PARALLEL_WORK = 1e6  # flops of a kernel from where on threads are offered to it; a hand-over costs about 30 µs
CHUNKS = 32  # at most so many: enough to balance the load, few enough that handing them out costs little
_CHUNK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


def count() -> int:
    """How many threads a kernel may use now: `config(threads=…)`, else the cores of the process; 1 within a worker."""
    if getattr(_here, "is_worker", False):
        return 1
    return settings().threads or cpu.cores()


def chunks(n: int) -> list[tuple[int, int]]:
    """[begin, end) of the pieces of a loop of n iterations; a function of n only."""
    size = max(1, -(-n // CHUNKS))
    if size > 8:
        size = -(-size // 8) * 8  # neighbours then seldom write to the same line of the cache
    return [(begin, min(begin + size, n)) for begin in range(0, n, size)]


@cache
def parallel_for() -> int:
    """The address of the C function; the symbol `wengert.parallel_for`.

    It calls `i32 function(ptr data, i64 begin, i64 end)` for each chunk and returns the first nonzero result, in the order of chunks,
    or 0. The chunks after one that fails may or may not run.
    """
    return host.register("parallel_for", _parallel_for, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)


@cache
def thread_count() -> int:
    """The address of `i64 count()`; the symbol `wengert.thread_count`."""
    return host.register("thread_count", count, ctypes.c_int64)


symbols.provide("parallel_for", parallel_for)
symbols.provide("thread_count", thread_count)


class _Loop:
    """One loop being run: threads take chunks until none is left."""

    def __init__(self, function: Any, data: int, pieces: list[tuple[int, int]]) -> None:
        self.function, self.data = function, data
        self.left = deque(enumerate(pieces))
        self.codes: dict[int, int] = {}
        self.helping = 0  # workers within `help`
        self.changed = threading.Condition()

    def help(self) -> None:
        """A worker takes part."""
        with self.changed:
            if not self.left:
                return
            self.helping += 1
        try:
            self.run()
        finally:
            with self.changed:
                self.helping -= 1
                self.changed.notify_all()

    def run(self) -> None:
        """Run chunks until none is left, or one has failed."""
        while not self.codes:
            try:
                number, (begin, end) = self.left.popleft()
            except IndexError:
                return
            code = self.function(self.data, begin, end)
            if code != 0:
                self.codes[number] = code

    def finish(self) -> int:
        """Wait for chunks that workers still run -> the first failure, or 0."""
        with self.changed:
            self.left.clear()  # of a loop that failed; else it is empty
            while self.helping:
                self.changed.wait()
        return self.codes[min(self.codes)] if self.codes else 0


class _Here(threading.local):
    is_worker = False


_here = _Here()


class _Pool:
    def __init__(self) -> None:
        self.waiting: SimpleQueue[_Loop] = SimpleQueue()
        self.workers = 0
        self.lock = threading.Lock()

    def offer(self, loop: _Loop, wanted: int) -> None:
        """Ask so many workers to help; they are started when first needed."""
        with self.lock:
            while self.workers < wanted:
                threading.Thread(target=self._work, name=f"wengert-{self.workers}", daemon=True).start()
                self.workers += 1
        for _ in range(wanted):
            self.waiting.put(loop)

    def _work(self) -> None:
        _here.is_worker = True
        while True:
            self.waiting.get().help()


_pool = _Pool()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.__init__)  # type: ignore[misc]  # the child has none of the workers


def _parallel_for(function: int, data: int, n: int) -> int:
    pieces = chunks(n)
    loop = _Loop(_CHUNK(function), data, pieces)
    interrupted: BaseException | None = None
    try:
        helpers = min(count(), len(pieces)) - 1
        if helpers > 0:
            _pool.offer(loop, helpers)
        loop.run()
    except BaseException as error:  # Ctrl-C arrives here
        interrupted = error
    while True:
        try:
            code = loop.finish()  # nobody returns while a worker is in the kernel's memory
            break
        except BaseException as error:
            interrupted = error
    if interrupted is not None:
        host.keep_exception(interrupted)
        return -1
    return code
