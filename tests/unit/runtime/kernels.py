"""Kernels written by hand, in LLVM's text, that keep to the contract between code generation and the machine."""

import numpy as np

from wengert.codegen import entry, link
from wengert.ir.types import array_type
from wengert.runtime import call

F8 = np.dtype("float64")
VECTOR = array_type((2,), F8)
SCALAR = array_type((), F8)

SUM_AND_PRODUCT = """
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  %x0 = load double, ptr %x
  %x1.at = getelementptr double, ptr %x, i64 1
  %x1 = load double, ptr %x1.at
  %a = fadd double %x0, %x1
  %b = fmul double %x0, %x1
  store double %a, ptr %y
  %y1.at = getelementptr double, ptr %y, i64 1
  store double %b, ptr %y1.at
  ret i32 0
}
"""


def copy(nbytes, before=""):
    """Copies its only input to its only output."""
    return f"""
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare ptr @malloc(i64)
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {{
  %x = load ptr, ptr %inputs
  %y = load ptr, ptr %outputs
  {before}
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 {nbytes}, i1 false)
  ret i32 0
}}
"""


FAILS = """
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
  %x = load ptr, ptr %inputs
  %v = load double, ptr %x
  %bad = fcmp olt double %v, 0.0
  br i1 %bad, label %fail, label %fine
fail:
  %region = getelementptr i8, ptr %context, i64 48
  %block = call ptr @malloc(i64 64)
  store ptr null, ptr %block
  store ptr %block, ptr %region
  store i64 7, ptr %context
  %second = getelementptr i8, ptr %context, i64 8
  store i64 5, ptr %second
  ret i32 2
fine:
  %y = load ptr, ptr %outputs
  store double %v, ptr %y
  ret i32 0
}
declare ptr @malloc(i64)
"""

HOST = """
define i32 @k(ptr %inputs, ptr %outputs, ptr %arena, ptr %context) {
  %thunk.at = getelementptr i8, ptr %context, i64 32
  %data.at = getelementptr i8, ptr %context, i64 40
  %thunk = load ptr, ptr %thunk.at
  %data = load ptr, ptr %data.at
  %code = call i32 %thunk(ptr %data, i64 0, ptr %inputs, ptr %outputs)
  ret i32 %code
}
"""


class Failed:
    def __init__(self, text):
        self.text = text

    def error(self, detail):
        return IndexError(f"{self.text} {detail}")


def missed(*args, **kwargs):
    """What a call falls back to."""
    return ("missed", args, kwargs)


def kernel(text, ins, outs, signature=None, **more):
    """A loaded kernel `k`."""
    library = link.library(text, entry.entry_text("k", signature) if signature else "")
    return call.Kernel(library, "k", ins, outs, **more)


def arguments(*types, kinds=("array",), donated=False):
    return tuple(entry.Argument(t.shape, t.dtype, kinds, donated) for t in types)


def native(text, ins, outs, result=0, kinds=("array",), fallback=missed, assemble=None, **more):
    """The Entry of a kernel `k`."""
    extra = {key: more[key] for key in ("arena_bytes", "work") if key in more}
    signature = entry.Signature(
        arguments(*ins, kinds=kinds, donated=bool(more.get("donated"))),
        tuple((t.shape, t.dtype) for t in outs),
        result,
        assemble is not None,
        has_hosts=bool(more.get("hosts")),
        **extra,
    )
    assert entry.is_possible(signature)
    return call.Entry(kernel(text, ins, outs, signature, **more), fallback, assemble)
