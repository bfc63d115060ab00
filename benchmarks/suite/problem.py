"""What a problem of the suite says: its data, its program in plain Python and NumPy, and the same in each peer's own idiom.

Knows no problem, no tool and no timing. A problem is one file in `problems/` with one subclass of `Problem`, found by itself.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

TOOLS = ("wengert", "c", "jax", "torch", "torch_compiled", "autograd", "casadi")


@dataclass(frozen=True)
class Entry:
    """One tool's program for one problem and size, ready to be called again and again.

    `value` and `derivative` take nothing and return what NumPy can make arrays of (arrays, numbers, or tuples of them), complete:
    a tool that dispatches asynchronously is waited for inside the call. `derivative` returns what the tool gives at its best price;
    results of different tools are compared through `Problem.outcome`. Data is converted to the tool's own arrays beforehand. Nothing
    may be remembered from one call to the next but compiled programs. `lines` is how much of the code a user of the tool writes.
    """

    value: Callable[[], Any]
    derivative: Callable[[], Any]
    lines: int = 0


class Problem(ABC):
    """One problem. For each tool of TOOLS that can do it there is a method of that name: called with what `data` returned, one argument
    each, it gives an Entry.

    A tool without its method is left out, with the reason in `without`, and so is one that is not installed: ModuleNotFoundError.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    group: ClassVar[str]  # "gradbench", "loops" or "arrays"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]]  # label -> keyword arguments of `data`, small to large
    scale: ClassVar[Callable[..., float]]  # the same keyword arguments -> the size that time should grow with
    exponent: ClassVar[float] = 1.0  # expected: time ~ scale ** exponent
    tolerance: ClassVar[float] = 1e-8  # of results, relative to the largest element
    without: ClassVar[Mapping[str, str]] = {}  # tool -> why it cannot do this
    gradient: ClassVar[bool] = True  # the derivative is one gradient with its value, so that its price over the value's is bounded

    @abstractmethod
    def data(self, **size: Any) -> tuple[Any, ...]:
        """The same NumPy arrays for all tools, from a fixed seed or a file."""

    def outcome(self, result: Any) -> Any:
        """A derivative's result in the form in which all tools' results are compared."""
        return result


def lines_of(*pieces: Any) -> int:
    """Lines of code, without blank lines, comments and docstrings' lines; of functions, or of text (C)."""
    count = 0
    for piece in pieces:
        text = piece if isinstance(piece, str) else inspect.getsource(piece)
        if not isinstance(piece, str) and piece.__doc__:
            count -= len([line for line in inspect.getdoc(piece).splitlines() if line.strip()])  # type: ignore[union-attr]
        count += len([line for line in text.splitlines() if line.strip() and not line.strip().startswith(("#", "//"))])
    return count
