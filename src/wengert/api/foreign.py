"""Compiled code handed to others: files for a linker, pointers for ctypes and SciPy.

Start at `foreign`. The C entry is written in `codegen.c_abi`, addresses are held in `runtime`.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.api import native
from wengert.errors import ArgumentError, four_parts
from wengert.ir.types import ArrayType
from wengert.ir.values import Function
from wengert.ir.walk import memoized
from wengert.source import here


def foreign(function: Function, name: str, fastmath: bool, ending: str) -> bytes:
    """The contents of an .ll, .o or .so file with the C function."""
    text = _text(function, name, fastmath)
    link = importlib.import_module("wengert.codegen.link")
    if ending == ".ll":
        return text.encode()
    code: bytes = link.build(text)
    if not code.startswith(b"\x7fELF") and b"wengert names" in code[:16]:  # object code with a list of names before it
        size = int.from_bytes(code[14:22], "little")
        code = code[22 + size :]
    return code if ending == ".o" else _shared(code, text, name)


def failures(function: Function, fastmath: bool) -> list[str]:
    """What each failure code means, from 1."""
    return [str(failure) for failure in native.stages(function, fastmath).module.failures]


def _text(function: Function, name: str, fastmath: bool) -> str:
    """The kernel and its C entry, in names that a linker finds."""
    c_abi = importlib.import_module("wengert.codegen.c_abi")
    module = _free_of_python(function, name, fastmath)
    kernel = f"{name}_kernel"
    entry = c_abi.entry(name, kernel, function.in_types, len(function.outputs), module.arena_bytes)
    return str(c_abi.complete(c_abi.renamed(module.text, module.name, kernel), [entry], linked=True))


def _free_of_python(function: Function, name: str, fastmath: bool) -> Any:
    module = native.stages(function, fastmath).module
    special = sorted([e for e in module.externals if e.startswith(("special.", "fft.", "wengert.", "numpy.", "Py"))])
    if module.hosts or special:
        what = [repr(operation) for operation, *_ in module.hosts] + special
        raise ArgumentError(
            four_parts(
                f"{name} cannot run without Python",
                "it needs " + ", ".join(what)[:300],
                "These operations are done by NumPy or SciPy, which a C program has not.",
                "write them in terms of operations that have code of their own, or use jit",
                here(),
            )
        )
    return module


def _shared(code: bytes, text: str, name: str) -> bytes:
    """A shared library made of object code by the system's C compiler."""
    linker = next((found for found in map(shutil.which, ("cc", "gcc", "clang")) if found), None)
    if linker is None:
        raise ArgumentError(
            four_parts("a shared library needs a linker, and there is none", "looked for cc, gcc, clang", instead="save a .o", where=here())
        )
    libraries = ["-lm"]
    if "@_ZGV" in importlib.import_module("wengert.codegen.link").with_vector_math(text):
        libraries.insert(0, "-lmvec")
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, f"{name}.o"), os.path.join(folder, f"{name}.so")
        with open(source, "wb") as file:
            file.write(code)
        done = subprocess.run([linker, "-shared", "-o", target, source, *libraries], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ArgumentError(four_parts(f"{linker} could not link {name}", done.stderr.strip()[:2000], where=here()))
        with open(target, "rb") as file:
            return file.read()


# -- inside this process -----------------------------------------------------------------------------


def pointer(function: Function, name: str, fastmath: bool, inputs: Sequence[ArrayType]) -> Any:
    """The C function as a ctypes pointer that keeps its code."""

    def make() -> Any:
        c_abi = importlib.import_module("wengert.codegen.c_abi")
        module = native.stages(function, fastmath).module
        _refuse_hosts(module, name)
        entry = c_abi.entry(name, module.name, function.in_types, len(function.outputs), module.arena_bytes)
        library = importlib.import_module("wengert.codegen.link").library(c_abi.complete(module.text, [entry]))
        kinds = [t.dtype.name if c_abi.by_value(t) else None for t in inputs]
        return importlib.import_module("wengert.runtime.pointers").function(
            library, name, "int32", [*kinds, *[None] * len(function.outputs)]
        )

    return memoized(function, ("pointer", name, fastmath), make)


def low_level(function: Function, name: str, fastmath: bool, form: str, user_data: np.ndarray | None) -> Any:
    """A scipy.LowLevelCallable of this form."""

    def make() -> Any:
        c_abi = importlib.import_module("wengert.codegen.c_abi")
        module = native.stages(function, fastmath).module
        _refuse_hosts(module, name)
        entry = c_abi.integrand(name, module.name, form, function.in_types, module.arena_bytes)
        library = importlib.import_module("wengert.codegen.link").library(c_abi.complete(module.text, [entry]))
        inside = form[form.index("(") + 1 : -1]
        kinds = [{"double": "float64", "int": "int32"}.get(part) for part in inside.split(", ")]
        return importlib.import_module("wengert.runtime.pointers").function(library, name, "float64", kinds, inside)

    call = memoized(function, ("low level", name, fastmath, form), make)
    from scipy import LowLevelCallable

    data = None if user_data is None else importlib.import_module("wengert.runtime.pointers").data(user_data)
    return LowLevelCallable(call, user_data=data)


def _refuse_hosts(module: Any, name: str) -> None:
    """Code called without Python's lock cannot call Python."""
    if module.hosts:
        raise ArgumentError(
            four_parts(
                f"{name} runs Python while it computes, and cannot be called from C",
                "it needs " + ", ".join([repr(operation) for operation, *_ in module.hosts])[:300],
                instead="write it in terms of operations that have code of their own, or use jit",
                where=here(),
            )
        )
