"""autograd's way: a function that is only ever called on concrete arrays, and its vjps.

Start at `primitive`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.custom import Named, custom_jvp, custom_vjp, no_rule, positional
from wengert.api.rules import key_of, several
from wengert.errors import AbstractValueError, four_parts
from wengert.ir.types import type_of
from wengert.ir.values import Traced
from wengert.numpy.promote import contains_traced
from wengert.primitives.control import HostCallback
from wengert.source import here
from wengert.trace.record import name_of


class primitive(Named):  # a decorator
    """A function that is called on concrete arrays only, and whose derivatives `defvjp` or `defjvp` give.

    Use it for code that cannot be traced: a compiled routine, a simulator. Its arguments are then NumPy arrays and
    numbers; the shapes and dtypes of its result must depend on theirs alone. The names are autograd's.

    Raises
    ------
    TraceError
        When called on traced values before `defvjp` or `defjvp`.

    Examples
    --------
    >>> import math, wengert as wg
    >>> @wg.primitive
    ... def gamma(x):
    ...     return math.exp(float(x))
    >>> wg.defvjp(gamma, lambda ans, x: lambda g: g * ans)
    >>> round(float(wg.grad(gamma)(1.0)), 12)
    2.718281828459
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        functools.update_wrapper(self, f, updated=())
        self._opaque = _Opaque(f)
        self.rule: custom_jvp | custom_vjp | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of f; one operation where an argument is traced."""
        args = positional(self.f, args, kwargs)
        if not contains_traced(tree.flatten(args)[0]):
            return self.f(*args)
        if self.rule is None:
            raise no_rule(self.f, "f = wengert.primitive(f); wengert.defvjp(f, …) or defjvp")
        return self.rule(*args)


class _Opaque:
    """Records a call of a Python function as one operation; its result types are found by calling it."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.__name__ = name_of(f)
        self._results: dict[Any, Any] = {}  # types of the arguments -> structure and types of the result

    def __call__(self, *args: Any) -> Any:
        if not contains_traced(args):
            return self.f(*args)
        places = tuple([i for i, a in enumerate(args) if isinstance(a, (Traced, np.ndarray, np.generic))])
        rest = tuple([None if i in places else a for i, a in enumerate(args)])
        on_concrete = _OnConcrete(self.f, places, rest)
        key = (on_concrete, *[args[i].type if isinstance(args[i], Traced) else type_of(args[i]) for i in places])
        if key not in self._results:
            leaves, structure = tree.flatten(self._called(args))
            self._results[key] = structure, tuple([type_of(np.asarray(leaf)) for leaf in leaves])
        structure, types = self._results[key]
        results = several(HostCallback(on_concrete, types)(*[args[i] for i in places]))
        return tree.unflatten(structure, results)

    def _called(self, args: tuple[Any, ...]) -> Any:
        """The result for these arguments; where they have only a type, for values they can have."""
        try:
            values = [a.concrete() if isinstance(a, Traced) else a for a in args]  # type: ignore[attr-defined]
        except AbstractValueError:
            values = [a.example() if isinstance(a, Traced) else a for a in args]  # type: ignore[attr-defined]
        else:
            return self.f(*values)
        cause = None
        if not any([v is None for v in values]):
            try:
                return self.f(*values)
            except Exception as error:  # a branch not taken, say: these values need not suit it
                cause = error
        raise AbstractValueError(
            four_parts(
                f"the shape and dtype that {self.__name__} returns are not known yet",
                "no value of its arguments is known here" if cause is None else f"called to find out, it raised {cause!r}"[:300],
                "It is opaque, so they are found by calling it, and under vmap and in loops the first call comes too late.",
                f"call it once before, on concrete values of these shapes and dtypes: wengert.grad({self.__name__})(…)",
                here(),
            )
        ) from cause


class _OnConcrete:
    """The function with its constant arguments in place, returning a tuple of arrays."""

    def __init__(self, f: Callable[..., Any], places: tuple[int, ...], rest: tuple[Any, ...]) -> None:
        self.f, self.places, self.rest = f, places, rest
        self._key = (f, places, tuple([key_of(a) for a in rest]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OnConcrete) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __call__(self, *values: Any) -> Any:
        args = list(self.rest)
        for i, value in zip(self.places, values, strict=True):
            args[i] = value
        return tuple([np.asarray(leaf)[()] for leaf in tree.flatten(self.f(*args))[0]])


def defvjp(f: primitive, *makers: Callable[..., Any] | None) -> None:
    """Give a `primitive` its reverse derivatives, one an argument: `maker(ans, *args)` returns `g -> cotangent`.

    Use it for many arguments and few outputs; the forward mode follows. None, or nothing at the end, for an argument
    without derivative. The signature is autograd's.

    Examples
    --------
    >>> import math, wengert as wg
    >>> power = wg.primitive(lambda x, n: math.pow(float(x), float(n)))
    >>> wg.defvjp(power, lambda ans, x, n: lambda g: g * n * ans / x)
    >>> wg.grad(power)(3.0, 2.0)
    np.float64(6.0)
    """
    opaque = custom_vjp(f._opaque)

    def backward(residuals: Any, g: Any) -> Any:
        ans, args = residuals
        return tuple([None if maker is None else maker(ans, *args)(g) for maker in (*makers, *[None] * (len(args) - len(makers)))])

    def forward(*args: Any) -> Any:
        ans = opaque(*args)
        return ans, (ans, args)

    opaque.defvjp(forward, backward)
    f.rule = opaque


def defjvp(f: primitive, *makers: Callable[..., Any] | None) -> None:
    """Give a `primitive` its forward derivatives, one an argument: `maker(g, ans, *args) -> tangent`.

    Use it for few arguments; the reverse mode follows. None for an argument without derivative. The signature is autograd's.

    Examples
    --------
    >>> import math, wengert as wg
    >>> square = wg.primitive(lambda x: math.pow(float(x), 2.0))
    >>> wg.defjvp(square, lambda g, ans, x: 2 * x * g)
    >>> wg.jvp(square, (3.0,), (1.0,))[1], wg.grad(square)(3.0)
    (np.float64(6.0), np.float64(6.0))
    """
    opaque = custom_jvp(f._opaque)
    opaque.defjvps(*makers)
    f.rule = opaque
