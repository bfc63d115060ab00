"""compile: a function for given types as native code that outlives Python: a file for a C program, a callable for SciPy.

Start at `compile`; `Compiled` is what it returns. The C side of it is written in `codegen.c_abi`.
"""

from __future__ import annotations

import keyword
import math
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api import foreign, native
from wengert.api.compile import Jitted, concrete
from wengert.api.lowered import Lowered, lowered
from wengert.api.signature import Arguments, Spec, conform, type_of_kind
from wengert.api.specialize import roots, specialize
from wengert.errors import ArgumentError, four_parts
from wengert.ir.types import ArrayType, array_type
from wengert.ir.values import Function, literal
from wengert.ir.walk import specialize as _with_literals
from wengert.source import here
from wengert.trace.record import name_of

_C = {
    "float64": "double",
    "float32": "float",
    "complex128": "double",
    "complex64": "float",
    "bool": "unsigned char",
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_C_WORDS = frozenset(
    {"auto", "bool", "break", "case", "char", "class", "const", "continue", "default", "delete", "do", "double", "else", "enum", "extern"}
    | {
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "new",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
    }
    | {"struct", "switch", "template", "this", "typedef", "union", "unsigned", "void", "volatile", "while"}
)


def spec(shape: int | Sequence[int] = (), dtype: Any = np.float64) -> Spec:
    """The shape and dtype of an argument, for `compile` and `lower`, where its values do not matter.

    Parameters
    ----------
    shape : int or sequence of int
        () is one number.
    dtype : dtype
        Of NumPy, native byte order.

    Raises
    ------
    ArgumentError
        For a negative length, or a dtype that is no number.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.spec((2, 3), "float32")
    spec((2, 3), 'float32')
    """
    lengths = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    kind = np.dtype(dtype)
    if any([isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0 for n in lengths]) or kind.kind not in "fciub":
        raise ArgumentError(
            four_parts(
                "a spec is a shape and the dtype of numbers",
                f"got the shape {shape!r} and the dtype {kind}",
                instead='wengert.spec((3,), "float64")',
                where=here(),
            )
        )
    return Spec(array_type(tuple([int(n) for n in lengths]), kind))


def compile(f: Callable[..., Any], *specs: Any, name: str | None = None, fastmath: bool = False) -> Compiled:
    """Compile a function for these types, to be called without Python: from C, or by SciPy's low-level interfaces.

    Use it to put a model and its derivatives into another program, or to integrate a function without calling Python.

    Parameters
    ----------
    f : callable
        As for `jit`; `grad(f)` and `jit(f)` too. What it sees outside its arguments is written into the code as it is now.
    specs : spec, array, number, or containers of them
        One an argument: what counts is shape and dtype. An integer on whose value the program depends is fixed to it, and is no
        parameter of the C function; so is whatever is not a number.
    name : str
        Of the C function; by default the name of f.
    fastmath : bool
        As for `jit`.

    Returns
    -------
    Compiled
        `save(path, header=None)` writes .o, .so or .ll and a header; `header` is its text; `scipy()` gives a
        scipy.LowLevelCallable, `ctypes()` a pointer to the function; called, it runs on arrays.

    Raises
    ------
    ArgumentError
        If f runs Python while it computes, returns nothing, or has a dtype that C has not.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> compiled = wg.compile(wg.grad(lambda x: np.sum(x**3)), wg.spec(3), name="cubic_gradient")
    >>> print(compiled.prototype)
    int cubic_gradient(const double x[3], double out0[3]);
    """
    if isinstance(f, Jitted):
        fastmath, f = fastmath or f.options["fastmath"], f.f  # type: ignore[assignment]
    wanted = name if name is not None else _identifier(name_of(f))
    if not re.fullmatch(r"[A-Za-z_]\w*", wanted) or wanted in _C_WORDS:
        raise ArgumentError(four_parts("the name of a C function is an identifier", f"got {wanted!r}", instead='name="f"', where=here()))
    arguments = Arguments(f, specs, {})
    try:
        made = specialize(f, arguments, (), concrete)
    except TypeError as error:
        unknown = [i for i, leaf in enumerate(arguments.leaves) if isinstance(leaf, Spec) and not leaf.shape and leaf.dtype.kind in "iub"]
        if not unknown:
            raise
        raise ArgumentError(
            four_parts(
                f"{name_of(f)} cannot be compiled without the value of an integer",
                ", ".join([f"{arguments.name(f, i)} is {arguments.leaves[i]!r}" for i in unknown]) + f"\n{error}"[:300],
                "The program depends on it: on a shape, a trip count or a branch.",
                "give the integer itself instead of its spec; it is then written into the code",
                here(),
            )
        ) from error
    slots = made.surroundings.now(roots(f, arguments))
    values = [*[conform(slots[i]) for i in made.reads], *made.constants]
    function = made.function
    fixed = dict(
        zip(function.inputs[len(made.places) :], [literal(np.asarray(v)[()] if np.ndim(v) == 0 else v) for v in values], strict=True)
    )
    names = _parameters([arguments.name(f, i) for i in made.places])
    types = [type_of_kind(arguments.kinds[i]) for i in made.places]
    return Compiled(_with_literals(function, fixed), wanted, list(zip(names, types, strict=True)), made.structure, fastmath)


class Compiled:
    """A function compiled ahead of time, for one signature. Made by `compile`."""

    def __init__(self, function: Function, name: str, parameters: list[tuple[str, ArrayType]], structure: Any, fastmath: bool) -> None:
        self.ir, self.name, self.parameters = function, name, parameters
        self._structure, self._fastmath = structure, fastmath
        self._library: Any = None
        for label, t in [*parameters, *[(f"out{i}", t) for i, t in enumerate(function.out_types)]]:
            if not isinstance(t, ArrayType) or t.dtype.name not in _C:
                raise ArgumentError(
                    four_parts(
                        f"{label} of {name} has a dtype that C has not", f"it is {t!r}", instead=f"one of {', '.join(_C)}", where=here()
                    )
                )
        if not function.outputs:
            raise ArgumentError(four_parts(f"{name} returns nothing", instead="return an array or a number", where=here()))

    # -- the C side ----------------------------------------------------------------------------------

    @property
    def prototype(self) -> str:
        """The declaration of the C function."""
        inputs = [_declared(label, t, "const ", "") for label, t in self.parameters]
        outputs = [_declared(f"out{i}", t, "", "1") for i, t in enumerate(self.ir.out_types)]
        return f"int {self.name}({', '.join([*inputs, *outputs])});"

    @property
    def header(self) -> str:
        """The text of a C header."""
        guard = f"{self.name.upper()}_H"
        codes = (
            [f" *   {k + 1}: {text}" for k, text in enumerate(foreign.failures(self.ir, self._fastmath))] if native.has_codegen() else []
        )
        lines = [
            f"/* {self.name}, compiled by wengert.",
            " *",
            " * Arrays are contiguous, row by row (C order), and do not overlap the outputs. Complex numbers are pairs",
            " * (real part, imaginary part). It keeps no state and may be called from several threads at once.",
            " *",
            *[f" *   {label}: {_layout(t)}" for label, t in self.parameters],
            *[f" *   out{i}: {_layout(t)}, written" for i, t in enumerate(self.ir.out_types)],
            " *",
            " * Returns 0 for success; else the outputs hold anything, and the code is",
            *codes,
            " *   1073741824: out of memory",
            " */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            self.prototype,
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str], header: str | os.PathLike[str] | None = None) -> None:
        """Write object code (.o), a shared library (.so) or LLVM's text (.ll), by the ending of the path; and a header.

        Raises
        ------
        ArgumentError
            For another ending.
        """
        ending = os.path.splitext(os.fspath(path))[1]
        if ending not in (".o", ".so", ".ll"):
            raise ArgumentError(
                four_parts("compiled code is saved as .o, .so or .ll", f"got {os.fspath(path)!r}", instead=f"{self.name}.o", where=here())
            )
        data = foreign.foreign(self.ir, self.name, self._fastmath, ending)
        _write(path, data)
        if header is not None:
            _write(header, self.header.encode())

    def ctypes(self) -> Any:
        """A ctypes function pointer to the C function, with its argument types set; it keeps the code alive."""
        return foreign.pointer(self.ir, self.name, self._fastmath, [t for _, t in self.parameters])

    def scipy(self, user_data: np.ndarray | None = None) -> Any:
        """A scipy.LowLevelCallable, for scipy.integrate, scipy.ndimage, scipy.optimize and others.

        The function takes float64 and returns one float64. One number is the form `double (double)`; several, or an array, are
        `double (int, double *)`. With `user_data`, the last argument is that array of float64, and the forms are
        `double (double, void *)` and `double (int, double *, void *)`. Where the function fails it gives NaN.

        Raises
        ------
        ArgumentError
            If the types are others.
        """
        return foreign.low_level(self.ir, self.name, self._fastmath, self.form(user_data), user_data)

    def form(self, user_data: np.ndarray | None = None) -> str:
        """Which of SciPy's C signatures the function has."""
        types = [t for _, t in self.parameters]
        double = all([t.dtype == np.float64 for t in (*types, *self.ir.out_types)])
        extra = 0 if user_data is None else 1
        if extra and types:
            given = np.asarray(user_data)
            double = double and given.dtype == np.float64 and given.shape == types[-1].shape and given.flags.c_contiguous
        own = types[: len(types) - extra]
        single = len(self.ir.outputs) == 1 and self.ir.out_types[0].shape == ()  # type: ignore[union-attr]
        scalars = all([t.shape == () for t in own])  # type: ignore[union-attr]
        if not (double and single and own and (scalars or len(own) == 1 and own[0].ndim == 1)):  # type: ignore[union-attr]
            raise ArgumentError(
                four_parts(
                    f"{self.name} is not of a form that SciPy calls",
                    f"it takes {', '.join([repr(t) for t in types]) or 'nothing'} and returns {', '.join(map(repr, self.ir.out_types))}",
                    "SciPy calls functions of float64 numbers, or of one array of them, that return one float64; user_data comes last.",
                    "compile it for such arguments",
                    here(),
                )
            )
        packed = len(own) > 1 or not scalars
        return f"double ({'int, double *' if packed else 'double'}{', void *' if extra else ''})"

    # -- the Python side ------------------------------------------------------------------------------

    def __call__(self, *arrays: Any) -> Any:
        """The results for values of the parameters, in the order of the C function."""
        if len(arrays) != len(self.parameters):
            raise ArgumentError(
                four_parts(f"{self.name} takes {len(self.parameters)} arguments", f"got {len(arrays)}", self.prototype, where=here())
            )
        values = []
        for value, (label, t) in zip(arrays, self.parameters, strict=True):
            a = np.asarray(value)
            if a.shape != t.shape or not np.can_cast(a.dtype, t.dtype, "same_kind"):
                raise ArgumentError(
                    four_parts(f"{label} of {self.name} is {t!r}", f"got {a.dtype.name}[{','.join(map(str, a.shape))}]", where=here())
                )
            values.append(np.ascontiguousarray(a, t.dtype).reshape(t.shape) if t.shape else t.dtype.type(a))
        results = native.native(self.ir, (), self._fastmath)(values)
        return results[0] if self._structure is None else tree.unflatten(self._structure, results)

    def lower(self) -> Lowered:
        """The stages of compilation, as `jit(f).lower(…)`."""
        return lowered(self.ir, self._fastmath)

    def __repr__(self) -> str:
        return f"<wengert compiled {self.prototype}>"


def _declared(label: str, t: Any, before: str, scalar: str) -> str:
    pairs = 2 if t.dtype.kind == "c" else 1
    lengths = [str(n) for n in t.shape] + (["2"] if pairs == 2 else [])
    if not t.shape and pairs == 1 and not scalar:
        return f"{_C[t.dtype.name]} {label}"
    if math.prod(t.shape) == 0:
        return f"{before}{_C[t.dtype.name]} *{label}"
    return f"{before}{_C[t.dtype.name]} {label}[{' * '.join(lengths) or scalar or '1'}]"


def _layout(t: Any) -> str:
    return f"{t.dtype.name}, {' by '.join(map(str, t.shape)) if t.shape else 'one number'}"


def _identifier(text: str) -> str:
    found = re.sub(r"\W+", "_", text).strip("_") or "f"
    return f"f_{found}" if found[0].isdigit() or found in _C_WORDS else found


def _parameters(labels: Sequence[str]) -> list[str]:
    """C identifiers, each once."""
    names: list[str] = []
    for label in labels:
        base = _identifier(label)
        base = f"{base}_" if re.fullmatch(r"out\d+", base) or keyword.iskeyword(base) else base
        name, count = base, 1
        while name in names:
            count += 1
            name = f"{base}_{count}"
        names.append(name)
    return names


def _write(path: str | os.PathLike[str], data: bytes) -> None:
    """The whole file or none of it."""
    temporary = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
