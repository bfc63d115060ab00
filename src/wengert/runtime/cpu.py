"""What this processor is: its name, instruction sets, cores and caches, asked of the operating system.

Knows no LLVM, so that object code found on disk is loaded without it. Start at `fingerprint`.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def name() -> str:
    """The model as the operating system calls it: "AMD EPYC 9554"; the machine type where it does not say."""
    return _linux("model name") or _apple("machdep.cpu.brand_string") or platform.processor() or platform.machine()


@cache
def features() -> frozenset[str]:
    """Instruction sets: {"avx2", "fma", …}; empty where the operating system does not list them."""
    text = _linux("flags") or _linux("Features") or _apple("machdep.cpu.features") + " " + _apple("machdep.cpu.leaf7_features")
    return frozenset(text.lower().split())


@cache
def fingerprint() -> str:
    """One line that differs between processors which need different object code."""
    family = [_linux(field) for field in ("vendor_id", "cpu family", "model", "stepping")]
    return " ".join([sys.platform, platform.machine(), name(), *family, *sorted(features())])


def cores() -> int:
    """Cores that this process may use; read at each call, since an affinity mask can change."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


@cache
def cache_sizes() -> dict[str, int]:
    """Bytes of each data cache that a core sees: {"L1": 32768, "L2": 1048576, "L3": 33554432}; common sizes where unknown."""
    sizes = {"L1": 32 << 10, "L2": 512 << 10, "L3": 8 << 20}
    for entry in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            kind, level, size = [(entry / part).read_text(encoding="ascii").strip() for part in ("type", "level", "size")]
        except OSError:
            continue
        if kind != "Instruction" and size[:-1].isdecimal():
            sizes[f"L{level}"] = int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}.get(size[-1], 1)
    return sizes


@cache
def _cpuinfo() -> dict[str, str]:
    """The first processor of /proc/cpuinfo."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = [line.partition(":") for line in text.split("\n\n", 1)[0].splitlines()]
    return {key.strip(): value.strip() for key, _, value in pairs}


def _linux(field: str) -> str:
    return _cpuinfo().get(field, "")


def _apple(field: str) -> str:
    if sys.platform != "darwin":
        return ""
    out = subprocess.run(["/usr/sbin/sysctl", "-n", field], capture_output=True, text=True, check=False)
    return out.stdout.strip()
