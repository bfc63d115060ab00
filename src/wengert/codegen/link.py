"""LLVM's text -> object code -> running code, with vector math, the host's instruction sets, and the cache on disk.

The only room besides `llvm` that knows LLVM; it imports llvmlite when something has to be compiled, not when object code is found on
disk. Knows no loop nest and no operation. Start at `library`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import threading
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from wengert.errors import VerificationError
from wengert.runtime import cache as disk
from wengert.runtime import cpu, loader, symbols
from wengert.runtime.loader import Library

FORMAT = 2  # raised when what `build` makes of the same text changes
LEVEL = 2  # 3 unrolls more; which loops to write out is better known before, in `tiles` and `rows` (decisions/0007)
# Instructions in one basic block from where on LLVM's superlinear passes are left out. Measured on a random straight-line program of n
# scalar operations: packing scalars into vectors takes 35 ms at n = 500, 340 ms at 1000, 1.9 s at 2000; the register allocator 0.2 s at
# 4000, 3 s at 40000. Without the first, with the fast form of the second: 0.1 s at 10000, 0.4 s at 40000, at 0.7 to 1.3 of the speed.
# A function with a very long block and no loop is left out of all passes, ours having done what they would do to it, and its blocks are
# cut: docs/decisions/0007.
_LONG, _VERY_LONG, _PIECE = 600, 2500, 500
_lock = threading.RLock()  # LLVM's global context is not for several threads


def library(text: str, entry: str = "", level: int | None = None) -> Library:
    """A kernel's text, and that of its native entry, as running code: from the cache on disk, else compiled and put there."""
    key = disk.key(text, entry, f"{FORMAT} {level} {_llvmlite_version()} {cpu.fingerprint()} {_vector_sources()}")
    packed = disk.get(key)
    codes = None if packed is None else _unpack(packed)
    if codes is None:
        codes = [build(text, level)] + ([build(entry, 0)] if entry else [])
        disk.put(key, b"".join([len(code).to_bytes(8, "little") + code for code in codes]))
    return load(*codes)


def _unpack(packed: bytes) -> list[bytes]:
    codes = []
    at = 0
    while at < len(packed):
        size = int.from_bytes(packed[at : at + 8], "little")
        codes.append(packed[at + 8 : at + 8 + size])
        at += 8 + size
    return codes


def build(text: str, level: int | None = None) -> bytes:
    """Compile LLVM's text to position-independent object code for this processor.

    Declarations of C's mathematical functions (`declare double @exp(double) … memory(none)`) get the vector variants that this system
    has, so that loops over them vectorise; the text need not mention them.

    Parameters
    ----------
    level : int, optional
        0 to 3 as for a C compiler. By default 2, and less for basic blocks of thousands of instructions, so that compile time
        stays linear in the length of the text.

    Raises
    ------
    VerificationError
        For text that is not LLVM's language, with the lines around the error.
    """
    with _lock:
        effort = _effort(text, level)
        machine = _machine(effort.code)
        module = _prepared(text, effort)
        externals = _externals(module)
        _optimise(module, machine, effort)
        code: bytes = machine.emit_object(module)
    if loader.is_supported():
        return code
    names = json.dumps(sorted(externals | _added())).encode()
    return _NAMED + len(names).to_bytes(8, "little") + names + code


def load(*codes: bytes) -> Library:
    """Place object files in memory; what one lacks is in another, or found by `runtime.symbols`."""
    if not any([code.startswith(_NAMED) for code in codes]):
        try:
            return loader.place(codes, symbols.address)
        except loader.Unsupported:
            return _load_by_llvm(codes, {name for code in codes for name in loader.undefined(code)})
    names: set[str] = set()
    plain = []
    for code in codes:
        size = int.from_bytes(code[len(_NAMED) : len(_NAMED) + 8], "little")
        start = len(_NAMED) + 8
        names.update(json.loads(code[start : start + size]))
        plain.append(code[start + size :])
    return _load_by_llvm(plain, names)


def optimised(text: str, level: int | None = None) -> str:
    """The text after LLVM's passes, to be read."""
    with _lock:
        effort = _effort(text, level)
        module = _prepared(text, effort)
        _optimise(module, _machine(effort.code), effort)
        return str(module)


def assembly(text: str, level: int | None = None) -> str:
    """The machine's instructions, to be read."""
    with _lock:
        effort = _effort(text, level)
        module = _prepared(text, effort)
        machine = _machine(effort.code)
        _optimise(module, machine, effort)
        return str(machine.emit_assembly(module))


# --- effort -------------------------------------------------------------------------------------


class _Effort(NamedTuple):
    passes: int
    code: int
    slp: bool


def _effort(text: str, level: int | None) -> _Effort:
    if level is not None:
        return _Effort(level, level, level >= 2)
    longest = longest_block(text) if len(text) > 20 * _LONG else 0
    if longest > _VERY_LONG:
        return _Effort(int(" phi " in text), 0, False)
    return _Effort(LEVEL, 2, longest <= _LONG)


def _prepared(text: str, effort: _Effort) -> Any:
    """The text as a module, with what LLVM is to know of it."""
    if not effort.code and len(text) > 20 * _VERY_LONG:
        text = _left_alone(text)
    return _parse(with_vector_math(text))


def _left_alone(text: str) -> str:
    """The text where functions of a very long block and no loop are marked to be left alone by LLVM's passes, their blocks cut."""
    first, *functions = f"\n{text}".split("\ndefine ")
    for number, function in enumerate(functions):
        body, closed, after = function.partition("\n}")
        if " phi " not in body and longest_block(body) > _VERY_LONG:
            functions[number] = _cut(body.replace(" {\n", " noinline optnone {\n", 1)) + closed + after
    return "\ndefine ".join([first, *functions])[1:]


def _cut(function: str) -> str:
    """The function's text with blocks of about _PIECE instructions at most."""
    lines = function.split("\n")
    start = max([n for n, line in enumerate(lines) if " = alloca " in line], default=1) + 1  # those belong to the entry
    last = start
    for n in range(start, len(lines)):
        if n - last >= _PIECE and lines[n].startswith("  %"):
            lines[n] = f"  br label %cut.{n}\ncut.{n}:\n{lines[n]}"
            last = n
    return "\n".join(lines)


def longest_block(text: str) -> int:
    """Lines in the longest basic block."""
    longest = start = 0
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("}") or line.partition(";")[0].rstrip().endswith((":", "{")):
            longest = max(longest, number - start)
            start = number
    return max(longest, len(lines) - start)


def _optimise(module: Any, machine: Any, effort: _Effort) -> None:
    import llvmlite.binding as llvm

    options = llvm.create_pipeline_tuning_options(speed_level=effort.passes)
    options.loop_vectorization = options.loop_interleaving = options.loop_unrolling = effort.passes >= 1
    options.slp_vectorization = effort.slp
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)


# --- LLVM ---------------------------------------------------------------------------------------


@cache
def _machine(level: int) -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    # The width of vectors is LLVM's choice for the processor: 256 bits where 512 lower the clock (Skylake-X, Ice Lake), else 512, which
    # on Zen 4 computes exp, log, sin, tanh, log1p 1.3 to 2 times as fast (erf: 0.8).
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=level, reloc="pic", codemodel="small"
    )


def _parse(text: str) -> Any:
    import llvmlite.binding as llvm

    try:
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_process_triple()
        module.verify()
    except RuntimeError as error:
        raise VerificationError(_with_lines(str(error), text)) from None
    return module


def _with_lines(message: str, text: str) -> str:
    """LLVM's complaint and the lines it is about."""
    lines = text.splitlines()
    found = re.search(r":(\d+):\d+: error", message)
    at = int(found[1]) - 1 if found else -1
    if at < 0:  # the verifier prints the instruction instead of its line
        wanted = {line.strip() for line in message.splitlines()}
        at = next((i for i, line in enumerate(lines) if line.strip() and _plain(line) in {_plain(w) for w in wanted}), -1)
    around = range(max(0, at - 4), min(len(lines), at + 5)) if at >= 0 else ()
    shown = [f"{'>' if i == at else ' '} {i + 1:>5}  {lines[i][:160]}" for i in around]
    return "\n".join(["the text for LLVM is malformed: " + message.strip(), *shown])


def _plain(line: str) -> str:
    return re.sub(r",? (align \d+|#\d+)|\s+", " ", line.partition(";")[0]).strip()


def _externals(module: Any) -> set[str]:
    names = {f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")}
    return names | {g.name for g in module.global_variables if g.is_declaration}


def _added() -> set[str]:
    """Functions that LLVM may call without being asked to."""
    return {name for name in ("memcpy", "memset", "memmove", "bzero", "memset_pattern16") if symbols.exists(name)}


_NAMED = b"wengert names\n"  # in front of object code that LLVM will load: the names it needs


_engines: list[Any] = []


def _load_by_llvm(codes: Sequence[bytes], names: set[str]) -> Library:
    """Let LLVM place the code. It stays for as long as the process: LLVM does not know whether a call is running in it."""
    import llvmlite.binding as llvm

    with _lock:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(2))
        objects = [llvm.ObjectFileRef.from_data(code) for code in codes]
        for name in names:
            if symbols.exists(name):
                llvm.add_symbol(name, symbols.address(name))
        for found in objects:
            engine.add_object_file(found)
        engine.finalize_object()
    _engines.append(engine)
    return _Engine({}, engine)


class _Engine(Library):
    """Code that LLVM's own loader holds."""

    def address(self, symbol: str) -> int:
        with _lock:
            found: int = self._keep.get_function_address(symbol) or self._keep.get_global_value_address(symbol)
        if not found:
            raise KeyError(symbol)
        return found


@cache
def _llvmlite_version() -> str:
    """What distinguishes llvmlite's releases, without importing it or the machinery that reads a package's metadata."""
    found = find_spec("llvmlite")
    if found is None or found.origin is None:
        return ""
    try:
        return Path(found.origin).with_name("_version.py").read_text(encoding="utf-8")
    except OSError:
        return str(os.stat(found.origin).st_mtime_ns)


# --- vector math --------------------------------------------------------------------------------

_ARGUMENTS = dict.fromkeys(
    ("acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp", "exp10", "exp2", "expm1")
    + ("log", "log10", "log1p", "log2", "sin", "sinh", "tan", "tanh"),
    1,
) | dict.fromkeys(("atan2", "hypot", "pow"), 2)
_DECLARED = re.compile(r"^ *declare (double|float) @(?:llvm\.)?([a-z0-9]+)(?:\.f(?:64|32))?\(([^()\n]*)\)([^\n]*)$", re.MULTILINE)


class Variant(NamedTuple):
    """A function that computes several lanes of a scalar one."""

    scalar: str
    vector: str
    lanes: int
    type: str  # of one lane
    arguments: int

    @property
    def attribute(self) -> str:
        """The item for this variant in the declaration's "vector-function-abi-variant"."""
        return f"_ZGV_LLVM_N{self.lanes}{'v' * self.arguments}_{self.scalar}({self.vector})"

    @property
    def declaration(self) -> str:
        """The line that declares it."""
        register = f"<{self.lanes} x {self.type}>"
        return f"declare {register} @{self.vector}({', '.join([register] * self.arguments)}) nounwind willreturn memory(none)"


def vector_variants(name: str) -> list[Variant]:
    """What computes whole registers of C's `exp`, `powf`, … or LLVM's `llvm.exp.f64` on this system; empty if nothing does.

    For a loop over a call to vectorise, the text needs three things, which `with_vector_math` adds: on the declaration of the scalar
    function, beside `nounwind willreturn memory(none)`, `"vector-function-abi-variant"="_ZGV_LLVM_N4v_exp(_ZGVdN4v_exp),…"`; a declaration
    of each vector function named there; and these in `@llvm.compiler.used`, lest they are deleted as unused before the vectoriser runs.
    (LLVM's option `-vector-library` does not reach the pass manager that llvmlite offers.)
    """
    plain, double = _plain_name(name)
    base = plain if double else plain.removesuffix("f")
    return [
        Variant(name, vector, lanes, "double" if double else "float", _ARGUMENTS[base])
        for vector, lanes in (_variants(base, double) if base in _ARGUMENTS and plain == base + "f" * (not double) else ())
    ]


def _plain_name(name: str) -> tuple[str, bool]:
    """`llvm.exp.f32` -> ("expf", False)."""
    if name.startswith("llvm."):
        base, _, kind = name.removeprefix("llvm.").rpartition(".")
        return (base, True) if kind == "f64" else (base + "f", False)
    return name, name in _ARGUMENTS


@cache
def _variants(base: str, double: bool) -> tuple[tuple[str, int], ...]:
    out = []
    for isa, bits in _registers():
        lanes = bits // (64 if double else 32)
        suffix = "" if double else "f"
        candidates = [f"_ZGV{isa}N{lanes}{'v' * _ARGUMENTS[base]}_{base}{suffix}"]
        if isa != "n":
            candidates.append(f"__svml_{base}{suffix}{lanes}")
        found = next((name for name in candidates if symbols.exists(name)), None)
        if found is not None:
            out.append((found, lanes))
    return tuple(out)


@cache
def _registers() -> tuple[tuple[str, int], ...]:
    """(letter in the names of vector functions, bits) of the vector registers here."""
    features = cpu.features()
    if platform.machine() in ("aarch64", "arm64"):
        return (("n", 128),)
    found = [("b", 128)] if "sse4_1" in features else []
    if {"avx2", "fma"} <= features:
        found.append(("d", 256))
    if {"avx512f", "avx512dq"} <= features:
        found.append(("e", 512))
    return tuple(found)


def _vector_sources() -> str:
    """What of the system's vector math the object code may depend on."""
    return " ".join(name for base in ("exp", "tanh", "erf") for name, _ in _variants(base, True))


def with_vector_math(text: str) -> str:
    """The text with vector variants on its declarations of mathematical functions."""
    extra: dict[str, str] = {}

    def annotate(found: re.Match[str]) -> str:
        line = found[0]
        name = line[line.index("@") + 1 : line.index("(")]
        variants = vector_variants(name)
        if not variants or "vector-function-abi-variant" in found[4] or found[3].count(",") + 1 != variants[0].arguments:
            return line
        for v in variants:
            extra[v.vector] = v.declaration
        quoted = ",".join([v.attribute for v in variants])
        return f'{line} "vector-function-abi-variant"="{quoted}"'

    text = _DECLARED.sub(annotate, text)
    if not extra:
        return text
    used = ", ".join([f"ptr @{name}" for name in extra])
    kept = f'@llvm.compiler.used = appending global [{len(extra)} x ptr] [{used}], section "llvm.metadata"'
    return "\n".join([text, *extra.values(), kept, ""])
