"""Object code -> running code: ELF objects for x86-64 placed in memory and relocated, each in one mapping.

Needs no linker and no LLVM, whose import alone takes 140 ms: a program whose object code is on disk starts without it. What is
not an ELF object for x86-64, or uses a relocation that position-independent code does not need, is `Unsupported`; the back end
then has LLVM load it. Start at `place`.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

_RELA = np.dtype([("offset", "<u8"), ("type", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])
_SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")])
_ABSOLUTE_64, _RELATIVE_32, _PLT_32, _GOT, _RELATIVE_64, _GOTX, _GOTX_REX = 1, 2, 4, 9, 24, 41, 42
_KNOWN = {_ABSOLUTE_64, _RELATIVE_32, _PLT_32, _GOT, _RELATIVE_64, _GOTX, _GOTX_REX}
_WRITE, _ALLOCATE, _EXECUTE = 1, 2, 4  # flags of a section
_SYMBOLS, _RELOCATIONS, _ZEROS, _INIT, _FINI = 2, 4, 8, 14, 15  # types of a section
_STUB = b"\xff\x25\0\0\0\0\x66\x90"  # jmp *got(%rip); two bytes of padding
_ABSOLUTE = 0xFFF1


class Unsupported(Exception):
    """The object is for another machine, or needs what only a real linker does."""


class Library:
    """Code in memory. It stays as long as this object is referenced: keep it beside every address taken from it."""

    def __init__(self, symbols: dict[str, int], keep: Any = None) -> None:
        self._symbols = symbols
        self._keep = keep

    def address(self, symbol: str) -> int:
        """Where a function or variable that the object defines lies; KeyError for one it does not define."""
        return self._symbols[symbol]


@dataclass
class _Section:
    name: str
    kind: int
    flags: int
    data: bytes
    size: int
    link: int
    info: int
    align: int
    offset: int = -1  # within the mapping; -1: not placed


@dataclass
class _Image:
    """The mapping while it is filled."""

    base: int
    bytes: Any
    got: dict[int, int] = field(default_factory=dict)  # symbol -> offset of its slot
    stubs: dict[int, int] = field(default_factory=dict)


def is_supported() -> bool:
    """Whether objects of this process's own kind can be placed."""
    return sys.platform.startswith("linux") and sys.maxsize > 2**32 and struct.pack("=H", 1) == b"\1\0" and _machine() == "x86_64"


@cache
def _machine() -> str:
    import platform

    return platform.machine()


def place(codes: Sequence[bytes], resolve: Callable[[str], int]) -> Library:
    """Load object files that live and die together.

    Parameters
    ----------
    codes : sequence of bytes
        Relocatable ELF objects for x86-64, position-independent; later ones may use what earlier ones define.
    resolve : callable
        Name of an undefined symbol -> its address; its LookupError goes through.

    Raises
    ------
    Unsupported
        For anything else.
    """
    defined: dict[str, int] = {}
    mappings: list[tuple[int, int]] = []
    try:
        for code in codes:
            _place_one(code, defined, mappings, resolve)
    except BaseException:
        for base, size in mappings:
            _libc().munmap(base, size)
        raise
    library = Library(defined)
    counters = [address for name, address in defined.items() if name.endswith(RUNNING)]
    weakref.finalize(library, _unload, mappings, counters).atexit = False  # at exit, threads may still be running it
    return library


def _place_one(code: bytes, defined: dict[str, int], mappings: list[tuple[int, int]], resolve: Callable[[str], int]) -> None:
    if not is_supported() or len(code) < 64 or code[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", code, 16) != (1, 62):
        raise Unsupported("not a relocatable ELF object for x86-64")
    sections = _sections(code)
    symbols, names = _symbols(sections)
    relocations = _relocations(sections)
    undefined = {int(i): defined.get(names[i]) or resolve(names[i]) for i in np.flatnonzero(symbols["section"] == 0) if names[i]}
    size, text, rest = _lay_out(sections, relocations, undefined)
    image = _map(size)
    mappings.append((image.base, size))
    for s in sections:
        if s.offset >= 0 and s.kind != _ZEROS:
            image.bytes[s.offset : s.offset + s.size] = np.frombuffer(s.data, np.uint8)
    addresses = _addresses(sections, symbols, undefined, image.base)
    _link_out(image, sections, relocations, symbols, addresses, text)
    for target, table in relocations:
        _relocate(image, sections[target], table, addresses, symbols)
    _protect(image.base, text, mmap.PROT_READ | mmap.PROT_EXEC)
    _protect(image.base + text, rest - text, mmap.PROT_READ)
    public = (symbols["section"] != 0) & (symbols["info"] >> 4 != 0)
    defined.update({names[i]: int(addresses[i]) for i in np.flatnonzero(public) if names[i]})


RUNNING = ".running"  # a variable so named counts the calls that are in the library now
_condemned: list[tuple[list[tuple[int, int]], list[int]]] = []


def _unload(mappings: list[tuple[int, int]], counters: list[int]) -> None:
    """Unmap a library that nothing refers to, or later, if it is running: what it called may have dropped the last reference."""
    _condemned.append((mappings, counters))
    for entry in list(_condemned):
        if not any([ctypes.c_int64.from_address(address).value for address in entry[1]]) and entry in _condemned:
            _condemned.remove(entry)
            for base, size in entry[0]:
                _libc().munmap(base, size)


def _sections(code: bytes) -> list[_Section]:
    try:
        (start,) = struct.unpack_from("<Q", code, 40)
        entry_size, count, names_at = struct.unpack_from("<HHH", code, 58)
        if count == 0:  # more than 65279 sections: the count is in the first one
            raise Unsupported("too many sections")
        rows = [struct.unpack_from("<IIQQQQIIQQ", code, start + entry_size * i) for i in range(count)]
        table = code[rows[names_at][4] : rows[names_at][4] + rows[names_at][5]]
    except (struct.error, IndexError) as error:
        raise Unsupported("a damaged ELF object") from error
    out = []
    for name, kind, flags, _, offset, size, link, info, align, _ in rows:
        data = b"" if kind == _ZEROS else code[offset : offset + size]
        if kind != _ZEROS and len(data) != size:
            raise Unsupported("a damaged ELF object")
        out.append(_Section(_text(table, name), kind, flags, data, size, link, info, max(align, 1)))
    return out


def _text(table: bytes, start: int) -> str:
    return table[start : table.index(b"\0", start)].decode()


def _symbols(sections: list[_Section]) -> tuple[Any, list[str]]:
    tables = [s for s in sections if s.kind == _SYMBOLS]
    if len(tables) != 1:
        raise Unsupported("no single symbol table")
    symbols = np.frombuffer(tables[0].data, _SYMBOL)
    strings = sections[tables[0].link].data
    return symbols, [_text(strings, start) for start in symbols["name"].tolist()]


def _is_placed(s: _Section) -> bool:
    return bool(s.flags & _ALLOCATE) and s.size > 0 and s.name != ".eh_frame" and s.kind != 7  # 7: notes


def _relocations(sections: list[_Section]) -> list[tuple[int, Any]]:
    """(section, its relocations) of the sections that are placed."""
    out = []
    for s in sections:
        if s.kind == 9 or s.kind in (_INIT, _FINI):
            raise Unsupported(f"section {s.name}")
        if s.kind == _RELOCATIONS and _is_placed(sections[s.info]):
            table = np.frombuffer(s.data, _RELA)
            unknown = set(table["type"].tolist()) - _KNOWN
            if unknown:
                raise Unsupported(f"relocation of type {min(unknown)}")
            out.append((s.info, table))
    return out


def _lay_out(sections: list[_Section], relocations: list[tuple[int, Any]], undefined: dict[int, int]) -> tuple[int, int, int]:
    """Give each section its offset: code, then what is only read and the global offset table, then what is written to.

    -> (bytes in all, end of the code, end of what is only read), each a whole number of pages.
    """
    used = {i for _, table in relocations for i in table["symbol"].tolist()}
    external = len(used & undefined.keys())
    groups: tuple[list[_Section], ...] = ([], [], [])
    for s in sections:
        if _is_placed(s):
            groups[0 if s.flags & _EXECUTE else 2 if s.flags & _WRITE and not s.name.startswith(".data.rel.ro") else 1].append(s)
    ends = []
    at = 0
    for group, extra in zip(groups, (external * 8, len(used) * 8, 0), strict=True):
        for s in group:
            at = -(-at // s.align) * s.align
            s.offset = at
            at += s.size
        at = -(-at // 16) * 16 + extra
        at = -(-at // mmap.PAGESIZE) * mmap.PAGESIZE
        ends.append(at)
    return max(ends[2], mmap.PAGESIZE), ends[0], ends[1]


def _addresses(sections: list[_Section], symbols: Any, undefined: dict[int, int], base: int) -> Any:
    """The address of every symbol; 0 where a section is not placed."""
    starts = np.array([base + s.offset if s.offset >= 0 else 0 for s in sections], np.uint64)
    section = symbols["section"].astype(np.int64)
    inside = (section > 0) & (section < len(sections))
    out = np.where(inside, starts[np.where(inside, section, 0)] + symbols["value"], np.where(section == _ABSOLUTE, symbols["value"], 0))
    if ((section == 0xFFF2) | (section == 0xFFFF)).any():
        raise Unsupported("a common symbol")
    for i, address in undefined.items():
        out[i] = address
    return out


def _link_out(image: _Image, sections: list[_Section], relocations: Any, symbols: Any, addresses: Any, text: int) -> None:
    """Slots of the global offset table behind what is only read, and jumps through them behind the code."""
    external = symbols["section"] == 0
    far = {i for _, t in relocations for i in t["symbol"][(t["type"] == _PLT_32) & external[t["symbol"]]].tolist()}
    slots = far | {i for _, t in relocations for i in t["symbol"][_through_got(t["type"])].tolist()}
    stub = _end(sections, lambda s: s.offset < text)
    got = max(_end(sections, lambda s: text <= s.offset and s.offset >= 0 and _is_read_only(s)), text)
    for i in sorted(slots):
        image.got[i] = got
        image.bytes[got : got + 8] = np.frombuffer(struct.pack("<Q", int(addresses[i])), np.uint8)
        got += 8
    for i in sorted(far):
        image.stubs[i] = stub
        code = _STUB[:2] + struct.pack("<i", image.got[i] - stub - 6) + _STUB[6:]
        image.bytes[stub : stub + 8] = np.frombuffer(code, np.uint8)
        stub += 8


def _through_got(kind: Any) -> Any:
    return (kind == _GOT) | (kind == _GOTX) | (kind == _GOTX_REX)


def _is_read_only(s: _Section) -> bool:
    return not s.flags & _WRITE or s.name.startswith(".data.rel.ro")


def _end(sections: list[_Section], chosen: Callable[[_Section], bool]) -> int:
    return -(-max([s.offset + s.size for s in sections if s.offset >= 0 and chosen(s)], default=0) // 16) * 16


def _relocate(image: _Image, section: _Section, table: Any, addresses: Any, symbols: Any) -> None:
    kind, symbol = table["type"], table["symbol"]
    where = table["offset"] + np.uint64(section.offset)
    if len(table) and int(table["offset"].max()) + 4 > section.size:
        raise Unsupported("a relocation outside of its section")
    value = addresses[symbol].astype(np.int64)
    for chosen, table_of in ((_through_got(kind), image.got), ((kind == _PLT_32) & (symbols["section"][symbol] == 0), image.stubs)):
        value[chosen] = [image.base + table_of[int(i)] for i in symbol[chosen]]
    if (value == 0).any():
        raise Unsupported("a relocation against a section that is not loaded")
    value += table["addend"]
    relative = kind != _ABSOLUTE_64
    value[relative] -= (where[relative] + np.uint64(image.base)).astype(np.int64)
    narrow = relative & (kind != _RELATIVE_64)
    if (np.abs(value[narrow]) >= 2**31).any():
        raise Unsupported("a relocation reaches too far")
    for chosen, width, dtype in ((narrow, 4, "<i4"), (~narrow, 8, "<i8")):
        to = where[chosen].astype(np.int64)[:, None] + np.arange(width)
        image.bytes[to] = value[chosen].astype(dtype).view(np.uint8).reshape(-1, width)


@cache
def _libc() -> Any:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc


def _map(size: int) -> _Image:
    base = _libc().mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if base is None or base == ctypes.c_void_p(-1).value:
        raise MemoryError(f"no {size} bytes for machine code")
    return _Image(base, np.frombuffer((ctypes.c_uint8 * size).from_address(base), np.uint8))  # type: ignore[call-overload]


def _protect(start: int, size: int, protection: int) -> None:
    if size and _libc().mprotect(start, size, protection) != 0:
        raise OSError(ctypes.get_errno(), "this system does not let memory become code")


def undefined(code: bytes) -> list[str]:
    """Names that an ELF object leaves to be found elsewhere."""
    symbols, names = _symbols(_sections(code))
    return [names[i] for i in np.flatnonzero(symbols["section"] == 0) if names[i]]
