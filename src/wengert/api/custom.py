"""User-defined derivative rules, and checkpointing: functions whose derivative is told, not derived.

A rule given for one mode serves all: the other mode, batching and higher orders follow from it.
Start at `custom_jvp`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import as_value
from wengert.api.rules import JvpRule, OneCall, VjpRule, is_array, remembered, several
from wengert.api.transformed import Transformed
from wengert.errors import ArgumentError, TraceError, four_parts
from wengert.ir.types import type_of
from wengert.ir.values import Traced
from wengert.numpy.promote import contains_traced
from wengert.primitives.control import Checkpoint, CustomJvp, CustomVjp
from wengert.trace import capture
from wengert.trace.record import name_of, run, where


class Named:
    """A function made by a decorator: pickled by the name its module has for it, else by its parts."""

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        for part in self.__qualname__.split("."):  # type: ignore[attr-defined]
            found = getattr(found, part, None)
        return self.__qualname__ if found is self else (_restored, (type(self), self.__dict__))  # type: ignore[attr-defined]


def _restored(cls: type, state: dict[str, Any]) -> Any:
    made = cls.__new__(cls)
    made.__dict__.update(state)
    return made


class custom_jvp(Named):  # a decorator
    """Give a function its own forward derivative.

    Use it where the derivative is known in a better form than the operations have. The reverse mode, batching and
    higher orders follow from the rule. `check_grads` compares it with differences.

    Parameters
    ----------
    f : callable
        The function; decorate it, then give the rule with `defjvp`:
        `rule(primals, tangents) -> (value, tangent)`, both in the containers, shapes and dtypes of f's result.
    nondiff_argnums : sequence of int
        Arguments that stay as they are; the rule gets them first, before primals.

    Raises
    ------
    TraceError
        When called on traced values before a rule is given; if the rule does not return a pair.
    ShapeError, TreeError
        If value or tangent do not fit the result of f.
    CutDerivativeError
        If f or the rule closes over a traced value: the derivative by it would be lost.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> @wg.custom_jvp
    ... def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> @softplus.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (dx,) = primals, tangents
    ...     return softplus(x), dx / (1 + np.exp(-x))
    >>> wg.grad(softplus)(1000.0)
    np.float64(1.0)
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        self.f, self.nondiff = f, tuple(nondiff_argnums)
        self.rule: Callable[..., Any] | None = None
        functools.update_wrapper(self, f, updated=())

    def trace_parts(self) -> list[Any]:
        """What a trace of this function depends on."""
        return [self.f, self.rule, self.nondiff]

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Set the rule (primals, tangents) -> (value, tangent)."""
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Set one rule an argument: `rule(tangent, value, *primals) -> tangent`; None where the derivative is zero."""

        def rule(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
            if len(rules) > len(primals):
                raise ArgumentError(
                    four_parts(
                        f"defjvps gave {name_of(self.f)} {len(rules)} rules, one an argument",
                        f"it was called with {len(primals)} arguments",
                    )
                )
            value = self(*primals)
            parts = [r(t, value, *primals) for r, t in zip(rules, tangents, strict=False) if r is not None]
            if not parts:
                return value, tree.map_leaves(np.zeros_like, value)
            return value, functools.reduce(lambda a, b: a + b, parts)

        self.rule = rule

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of f; its rule is recorded with it where an argument is traced."""
        args = positional(self.f, args, kwargs)
        if not contains_traced(tree.flatten(args)[0]):
            return self.f(*args)
        if self.rule is None:
            raise no_rule(self.f, "defjvp")
        call = OneCall(self.f, args, self.nondiff)
        done, values = call.run(), call.values
        rule = remembered(JvpRule, self, self.rule, call, done)
        return call.finished(done, several(CustomJvp(done.function, rule)(*values, *done.captured)))


class custom_vjp(Named):  # a decorator
    """Give a function its own reverse derivative.

    Use it where the adjoint is known, as of a solver, or is meant to be another. Reverse mode runs `backward` as written; forward
    mode transposes it; batching and higher orders follow. `check_grads` compares it with differences.

    Parameters
    ----------
    f : callable
        The function; decorate it, then give the rules with `defvjp`: `forward(*args) -> (value, residuals)` and
        `backward(residuals, cotangent) -> tuple of cotangents`, one a differentiable argument, None for zero.
    nondiff_argnums : sequence of int
        Arguments that stay as they are; `backward` gets them first.

    Raises
    ------
    TraceError
        When called on traced values before rules are given; if a rule does not return what it should.
    ShapeError, TreeError
        If a value or cotangent does not fit what it belongs to.
    CutDerivativeError
        If f or a rule closes over a traced value: the derivative by it would be lost.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> @wg.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda residuals, ct: (np.clip(ct, -1.0, 1.0),))
    >>> wg.grad(lambda x: 10.0 * clipped(x))(3.0)
    np.float64(1.0)
    """

    def __init__(self, f: Callable[..., Any], nondiff_argnums: Sequence[int] = ()) -> None:
        self.f, self.nondiff = f, tuple(nondiff_argnums)
        self.rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None
        functools.update_wrapper(self, f, updated=())

    def trace_parts(self) -> list[Any]:
        """What a trace of this function depends on."""
        return [self.f, self.rules, self.nondiff]

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Set the rules forward(*args) -> (value, residuals) and backward(residuals, cotangent) -> cotangents."""
        self.rules = forward, backward

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value of f; its rules are recorded with it where an argument is traced."""
        args = positional(self.f, args, kwargs)
        if not contains_traced(tree.flatten(args)[0]):
            return self.f(*args)
        if self.rules is None:
            raise no_rule(self.f, "defvjp")
        call = OneCall(self.f, args, self.nondiff)
        done, values = call.run(), call.values
        rule = remembered(VjpRule, self, self.rules, call, done)
        return call.finished(done, several(CustomVjp(done.function, rule)(*values, *done.captured)))


def no_rule(f: Callable[..., Any], name: str) -> TraceError:
    """The error of a function whose rule was never given."""
    return TraceError(four_parts(f"{name_of(f)} has no derivative rule yet", instead=f"{name_of(f)}.{name}(rule)", where=where(f)))


def positional(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """All arguments by position."""
    if not kwargs and (not getattr(f, "__defaults__", None) or len(args) >= f.__code__.co_argcount):
        return args
    bound = inspect.signature(f).bind(*args, **kwargs)
    bound.apply_defaults()
    if bound.kwargs:
        raise ArgumentError(
            four_parts(
                f"{name_of(f)} has a derivative rule and takes keyword-only arguments",
                ", ".join(bound.kwargs),
                "A rule sees arguments by position.",
                "make them positional",
                where(f),
            )
        )
    return bound.args


# -- checkpointing ---------------------------------------------------------------------------------------


def checkpoint(f: Callable[..., Any], *, snapshots: int | None = None) -> Transformed:
    """Keep only the arguments of f for the reverse sweep, and compute the rest of it again there.

    Use it for a part of a program whose intermediate results do not fit into memory: it takes the time of f once
    more, and the derivatives are the same.

    Parameters
    ----------
    f : callable
    snapshots : int, optional
        For a long loop in f: the reverse sweep of each loop keeps at most so many of its states, and runs the steps between
        them again (binomial checkpointing). With s snapshots, fewer than (s + t)! / (s! t!) steps are run at most t times more:
        50 snapshots do for a million steps run 5 times more at most, instead of a million states. What f does outside of its
        loops is kept as usual.

    Raises
    ------
    ArgumentError
        If snapshots is not a positive int.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.grad(wg.checkpoint(lambda x: np.sin(np.sin(x))))(0.0)
    np.float64(1.0)
    >>> long = lambda s: wg.loop(0, 1000, lambda i, s: s + 1e-3 * np.cos(s), s)
    >>> wg.grad(wg.checkpoint(long, snapshots=10))(0.5).round(6) == wg.grad(long)(0.5).round(6)
    np.True_

    Griewank & Walther, Evaluating Derivatives (2008), ch. 12.
    """
    if snapshots is not None and (isinstance(snapshots, bool) or not isinstance(snapshots, int) or snapshots < 1):
        raise ArgumentError(
            four_parts(
                "snapshots must be a positive int",
                f"got {snapshots!r}",
                "It is the number of states of a loop that are kept at a time.",
                "checkpoint(f, snapshots=50), or leave it out to compute all of f again",
                where(f),
            )
        )
    return Transformed(_checkpoint, f, snapshots=snapshots)


def _checkpoint(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    leaves, structure = tree.flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if is_array(leaf)]
    if not contains_traced(leaves):
        return f(*args, **kwargs)
    values = [as_value(leaves[i]) for i in places]

    def body(traced: list[Any]) -> Any:
        filled = list(leaves)
        for i, value in zip(places, traced, strict=True):
            filled[i] = value
        a, k = tree.unflatten(structure, filled)
        return capture.call(f, *a, **k)

    types = [v.type if isinstance(v, Traced) else type_of(v) for v in values]
    done = run(f, body, types, values, extra_key=structure, staged=True)
    results = several(Checkpoint(done.function, options["snapshots"] or 0)(*values, *done.captured))
    done.write_back([leaves[i] for i in places], results)
    return done.outputs(results)
