"""autograd's way: a function that is only ever called on concrete arrays, and its vjps.

Start at `primitive`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.custom import Named, custom_jvp, custom_vjp, key_of, no_rule, positional, several
from wengert.ir.types import type_of
from wengert.ir.values import Traced
from wengert.numpy.table import contains_traced
from wengert.primitives.control import HostCallback
from wengert.trace.record import name_of


class primitive(Named):  # a decorator
    """A function that is called on concrete arrays only, and whose derivatives `defvjp` or `defjvp` give.

    For code that cannot be traced: a compiled routine, a simulator. The names are autograd's.

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
            example = self.f(*[a.concrete() if isinstance(a, Traced) else a for a in args])  # type: ignore[attr-defined]
            leaves, structure = tree.flatten(example)
            self._results[key] = structure, tuple([type_of(np.asarray(leaf)) for leaf in leaves])
        structure, types = self._results[key]
        results = several(HostCallback(on_concrete, types)(*[args[i] for i in places]))
        return tree.unflatten(structure, results)


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

    None for an argument without derivative. The signature is autograd's.
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
    """Give a `primitive` its forward derivatives, one an argument: `maker(g, ans, *args) -> tangent`."""
    opaque = custom_jvp(f._opaque)
    opaque.defjvps(*makers)
    f.rule = opaque
