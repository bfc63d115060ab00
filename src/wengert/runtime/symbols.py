"""Addresses by name: libm, vector math, BLAS, LAPACK, SciPy's special functions, NumPy's and CPython's C interfaces.

Imports a library when the first of its names is asked for. Knows no LLVM. Start at `address`.

    exp, malloc, memcpy         the C library and libm
    _ZGVdN4v_exp                glibc's libmvec        __svml_exp4      Intel's libsvml, where installed
    blas.dgemm                  scipy.linalg.cython_blas
    lapack.dpotrf               scipy.linalg.cython_lapack
    special.__pyx_fuse_0psi     scipy.special.cython_special
    fft.rfft_n_even.dd->D       the loop of one of numpy.fft's ufuncs for operands of these types
    numpy.PyArray_Scalar        NumPy's table of its C interface;  numpy.descr.float64: the dtype's object
    PyTuple_New, PyFloat_Type   CPython
    wengert.…                   what `define` gave: our own callbacks and cells
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

# Places in NumPy's table of its C interface; they never change within the ABI (numpy/__multiarray_api.h).
_NUMPY_API = {"PyArray_Type": 2, "PyArray_Scalar": 60, "PyArray_Return": 76, "PyArray_NewFromDescr": 94, "PyArray_SetBaseObject": 282}
_CAPSULES = {"blas": "scipy.linalg.cython_blas", "lapack": "scipy.linalg.cython_lapack", "special": "scipy.special.cython_special"}

_defined: dict[str, int] = {}
_providers: dict[str, Callable[[], int]] = {}
_kept: list[Any] = []  # callbacks and cells whose addresses were given out live as long as the process


def define(name: str, address: int, keep: Any = None) -> None:
    """Give `wengert.name` an address; `keep` is what must stay alive behind it."""
    _defined[f"wengert.{name}"] = address
    _kept.append(keep)


def provide(name: str, make: Callable[[], int]) -> None:
    """`make` gives the address of `wengert.name` when it is first asked for."""
    _providers[f"wengert.{name}"] = make


def address(name: str) -> int:
    """Where the external symbol lies.

    Raises
    ------
    LookupError
        No library that we know has it; the message says which was asked.
    """
    found = _defined.get(name)
    if found is None:
        found, where = _search(name)
        if not found:
            raise LookupError(f"there is no native symbol {name!r}: {where} does not have it")
        _defined[name] = found
    return found


def exists(name: str) -> bool:
    """Whether `address` would find the symbol."""
    try:
        return address(name) != 0
    except LookupError:
        return False


def _search(name: str) -> tuple[int, str]:
    family, _, rest = name.partition(".")
    if family in _CAPSULES and rest:
        return _capsule(_CAPSULES[family], rest), _CAPSULES[family]
    if family == "numpy" and rest:
        return _numpy(rest), "NumPy's C interface"
    if family == "fft" and rest:
        name, _, types = rest.partition(".")
        return _loop("numpy.fft._pocketfft_umath", name, types), "numpy.fft"
    if family == "wengert":
        return _providers[name]() if name in _providers else 0, "wengert.runtime"
    if name.startswith("_ZGV"):
        return _in_library(_libmvec(), name), "libmvec" if _libmvec() else "this system (no libmvec)"
    if name.startswith("__svml_"):
        return _in_library(_libsvml(), name), "libsvml" if _libsvml() else "this environment (no libsvml)"
    if name.startswith(("Py", "_Py")):
        return _in_library(ctypes.pythonapi, name), "this Python"
    for library in _c_libraries():
        found = _in_library(library, name)
        if found:
            return found, ""
    return 0, "the C library, or libm,"


def _in_library(library: Any, name: str) -> int:
    if library is None:
        return 0
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0


@cache
def _c_libraries() -> tuple[Any, ...]:
    names: list[str | None] = ["libm.so.6", "libc.so.6", "libgcc_s.so.1", None]
    if sys.platform == "darwin":
        names = ["/usr/lib/libSystem.B.dylib", None]
    elif sys.platform == "win32":
        names = ["ucrtbase", "vcruntime140", "kernel32"]
    elif not sys.platform.startswith("linux"):
        names = [ctypes.util.find_library("m"), ctypes.util.find_library("c"), None]
    return tuple([library for library in map(_load, names) if library is not None])


def _load(name: str | None) -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


@cache
def _libmvec() -> Any:
    return _load("libmvec.so.1") if sys.platform.startswith("linux") else None


@cache
def _libsvml() -> Any:
    """Intel's runtime (PyPI: intel-cmplr-lib-rt) puts libsvml.so into the environment's library folder."""
    if not sys.platform.startswith("linux"):
        return None
    for folder in (Path(sys.prefix) / "lib", Path(sys.base_prefix) / "lib"):
        if (folder / "libsvml.so").exists():
            _load_global(folder / "libintlc.so.5")  # libsvml names it without a path
            return _load(str(folder / "libsvml.so"))
    return None


def _load_global(path: Path) -> None:
    with suppress(OSError):
        _kept.append(ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL))


def has_vector_math() -> bool:
    """Whether some library here computes transcendental functions of whole vector registers."""
    return _libmvec() is not None or _libsvml() is not None


def _capsule(module: str, name: str) -> int:
    table = import_module(module).__pyx_capi__
    return _capsule_pointer(table[name]) if name in table else 0


def _capsule_pointer(capsule: Any) -> int:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get_pointer(capsule, get_name(capsule)) or 0


def capsule_names(family: str) -> frozenset[str]:
    """Every name in SciPy's table: family is "blas", "lapack" or "special"."""
    return frozenset(import_module(_CAPSULES[family]).__pyx_capi__)


def capsule_signatures(family: str) -> dict[str, str]:
    """The type in C of each function in SciPy's table: {"j0": "double (double, int __pyx_skip_dispatch)", …}."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    table = import_module(_CAPSULES[family]).__pyx_capi__
    return {name: (get_name(capsule) or b"").decode() for name, capsule in table.items()}


def _numpy(name: str) -> int:
    import numpy as np

    family, _, which = name.partition(".")
    if family == "descr":  # the one object of that dtype, which lives as long as NumPy
        try:
            return id(np.dtype(which)) if np.dtype(which).isbuiltin == 1 else 0
        except TypeError:
            return 0
    if family == "scalar":
        kind = getattr(np, which, None)
        return id(kind) if isinstance(kind, type) and issubclass(kind, np.generic) else 0
    if name not in _NUMPY_API:
        return 0
    from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

    table = ctypes.cast(_capsule_pointer(_multiarray_umath._ARRAY_API), ctypes.POINTER(ctypes.c_void_p))
    return table[_NUMPY_API[name]] or 0


class _Ufunc(ctypes.Structure):
    """The beginning of PyUFuncObject, behind what all objects begin with (numpy/ufuncobject.h)."""

    _fields_ = (
        *[(name, ctypes.c_int) for name in ("nin", "nout", "nargs", "identity")],
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.c_void_p),
        ("ntypes", ctypes.c_int),
    )


def _loop(module: str, name: str, types: str) -> int:
    """The C function by which a ufunc works, for operands and results of these types: "dd->D"."""
    import numpy as np

    try:
        ufunc = getattr(import_module(module), name)
    except (ImportError, AttributeError):
        return 0
    if not isinstance(ufunc, np.ufunc) or types not in ufunc.types or sys.implementation.name != "cpython":
        return 0
    inside = _Ufunc.from_address(id(ufunc) + object.__basicsize__)
    if (inside.nin, inside.nout, inside.nargs, inside.ntypes) != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes):
        return 0  # an object that is laid out otherwise
    return inside.functions[ufunc.types.index(types)] or 0
