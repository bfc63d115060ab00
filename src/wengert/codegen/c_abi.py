"""LLVM text that makes a kernel callable from C: scalars by value, arrays by address, no Python anywhere.

Knows how a compiled Module is called, and nothing of what it computes. Start at `entry`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

NO_MEMORY = 2**30  # returned where the arena cannot be allocated
_ON_STACK = 1 << 16  # bytes: a larger arena comes from malloc
_LLVM = {"float64": "double", "float32": "float", "int64": "i64", "int32": "i32", "int16": "i16", "int8": "i8", "uint8": "i8", "bool": "i8"}
_LLVM |= {"uint64": "i64", "uint32": "i32", "uint16": "i16"}


def by_value(type: Any) -> bool:
    """Whether C passes an input of this type by value."""
    return not type.shape and type.dtype.name in _LLVM


def entry(name: str, kernel: str, inputs: Sequence[Any], n_outputs: int, arena_bytes: int) -> str:
    """`int name(inputs…, outputs…)`: 0 for success, else the number of the failure."""
    parameters = [f"{_LLVM[t.dtype.name] if by_value(t) else 'ptr'} %x{i}" for i, t in enumerate(inputs)]
    parameters += [f"ptr %y{i}" for i in range(n_outputs)]
    addresses = [f"%y{i}" for i in range(n_outputs)]
    return "\n".join(
        [
            f"define i32 @{name}({', '.join(parameters)}) {{",
            *_body(
                kernel, [(f"%x{i}", _LLVM[t.dtype.name] if by_value(t) else None) for i, t in enumerate(inputs)], addresses, arena_bytes
            ),
            "  ret i32 %code",
            "}",
            "",
        ]
    )


def integrand(name: str, kernel: str, form: str, inputs: Sequence[Any], arena_bytes: int) -> str:
    """A function of doubles that returns one, in a form that SciPy calls; NaN where the kernel fails.

    form is "double (double)", "double (double, void *)", "double (int, double *)" or "double (int, double *, void *)":
    the int counts the doubles, the last pointer is to the last input.
    """
    packed = "int" in form
    parameters = (["i32 %count", "ptr %packed"] if packed else ["double %x"]) + (["ptr %data"] if "void" in form else [])
    lines: list[str] = []
    own = inputs[:-1] if "void" in form else inputs
    values: list[tuple[str, str | None]] = []
    if packed and own[0].shape:
        values = [("%packed", None)]
        wanted = own[0].size
    elif packed:
        for i in range(len(own)):
            lines.append(f"  %at{i} = getelementptr double, ptr %packed, i64 {i}")
        values = [(f"%at{i}", None) for i in range(len(own))]
        wanted = len(own)
    else:
        values, wanted = [("%x", "double")], 1
    if "void" in form:
        values.append(("%data", None))
    test = (
        [f"  %fits = icmp eq i32 %count, {wanted}", "  br i1 %fits, label %run, label %bad", "run:"]
        if packed
        else ["  br label %run", "run:"]
    )
    return "\n".join(
        [
            f"define double @{name}({', '.join(parameters)}) {{",
            "  %result = alloca double, align 8",
            *test,
            *lines,
            *_body(kernel, values, ["%result"], arena_bytes),
            "  %fine = icmp eq i32 %code, 0",
            "  br i1 %fine, label %good, label %bad",
            "good:",
            "  %value = load double, ptr %result",
            "  ret double %value",
            "bad:",
            "  ret double 0x7FF8000000000000",
            "}",
            "",
        ]
    )


def _body(kernel: str, values: Sequence[tuple[str, str | None]], outputs: Sequence[str], arena_bytes: int) -> list[str]:
    """Lay out what the kernel takes, call it, and give back what it allocated: leaves the code in %code."""
    lines = [f"  %in = alloca [{max(1, len(values))} x ptr], align 16", f"  %out = alloca [{max(1, len(outputs))} x ptr], align 16"]
    lines += ["  %context = alloca [16 x i64], align 16", "  store [16 x i64] zeroinitializer, ptr %context"]
    for i, (value, scalar) in enumerate(values):
        if scalar is not None:
            lines += [f"  %scalar{i} = alloca {scalar}, align 16", f"  store {scalar} {value}, ptr %scalar{i}"]
        lines += [f"  %in{i} = getelementptr ptr, ptr %in, i64 {i}", f"  store ptr {f'%scalar{i}' if scalar else value}, ptr %in{i}"]
    for i, value in enumerate(outputs):
        lines += [f"  %out{i} = getelementptr ptr, ptr %out, i64 {i}", f"  store ptr {value}, ptr %out{i}"]
    heap = arena_bytes > _ON_STACK
    if not arena_bytes:
        arena = "null"
    elif not heap:
        arena = "%arena"
        lines.append(f"  %arena = alloca [{arena_bytes} x i8], align 64")
    else:
        arena = "%arena"
        lines += [
            f"  %block = call ptr @malloc(i64 {arena_bytes + 64})",
            "  %got = icmp ne ptr %block, null",
            "  br i1 %got, label %allocated, label %memoryless",
            "allocated:",
            "  %address = ptrtoint ptr %block to i64",
            "  %past = add i64 %address, 63",
            "  %aligned = and i64 %past, -64",
            "  %arena = inttoptr i64 %aligned to ptr",
        ]
    lines.append(f"  %result.code = call i32 @{kernel}(ptr %in, ptr %out, ptr {arena}, ptr %context)")
    lines += [  # the list of blocks that the kernel made while running
        "  %head = getelementptr i8, ptr %context, i64 48",
        "  br label %more",
        "more:",
        "  %left = load ptr, ptr %head",
        "  %done = icmp eq ptr %left, null",
        "  br i1 %done, label %over, label %give",
        "give:",
        "  %next = load ptr, ptr %left",
        "  store ptr %next, ptr %head",
        "  call void @free(ptr %left)",
        "  br label %more",
        "over:",
    ]
    if not heap:
        return [*lines, "  %code = add i32 %result.code, 0"]
    return [
        *lines,
        "  call void @free(ptr %block)",
        "  br label %end",
        "memoryless:",
        "  br label %end",
        "end:",
        f"  %code = phi i32 [ %result.code, %over ], [ {NO_MEMORY}, %memoryless ]",
    ]


def renamed(text: str, name: str, other: str) -> str:
    """The text with its kernel under another name."""
    return re.sub(rf"@{re.escape(name)}\b", f"@{other}", text)


def complete(kernel_text: str, entries: Sequence[str], linked: bool = False) -> str:
    """The kernel and its entries as one module. What is `linked` gets library routines under the names that linkers know."""
    text = re.sub(r'@"(?:blas|lapack)\.([a-z0-9]+)"', r"@\1_", kernel_text) if linked else kernel_text
    text += "\n" + "\n".join(entries)
    for name, declaration in (("malloc", "declare ptr @malloc(i64)"), ("free", "declare void @free(ptr)")):
        if not re.search(rf"^declare [^\n]*@{name}\(", text, re.MULTILINE) and f"@{name}(" in text:
            text += "\n" + declaration + "\n"
    return text
