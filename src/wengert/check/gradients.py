"""check_grads: a function's derivatives against differences of its values, in both modes and to any order.

Two checks, since the second alone passes for a consistently wrong rule: jvp against central
differences, and vjp as the adjoint of jvp. Start at `check_grads`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.derivatives import jvp, vjp
from wengert.api.point import as_value
from wengert.api.recording import record
from wengert.check.culprit import culprit, pairing, random_direction
from wengert.check.differences import Difference, difference
from wengert.check.kinks import kinks
from wengert.check.nans import nan_hunt
from wengert.check.shown import short
from wengert.errors import ArgumentError, CheckFailed, four_parts
from wengert.source import here
from wengert.trace.record import name_of, where

MODES = ("forward", "reverse")
_SHOWN = 3  # kinks in a message


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = MODES,
    directions: int = 3,
    rtol: float | None = None,
    atol: float | None = None,
    eps: float | None = None,
    seed: int = 0,
) -> None:
    """Compare the derivatives of f with numerical ones; raise CheckFailed, naming the operation, where they differ.

    Use it for a function whose derivative matters, and for every custom rule.

    Parameters
    ----------
    f : callable
        Returns an array, or a container of arrays, real or complex.
    args : sequence
        The positional arguments: arrays, floats, containers of them. What is not a real or
        complex float (an int, a string) is held constant.
    order : int
        1 checks first derivatives; 2 also the derivatives of the jvp and of the vjp; and so on.
    modes : sequence of "forward", "reverse"
        Which modes to check; with both, their nestings too.
    directions : int
        How many random directions.
    rtol, atol : float, optional
        Tolerances relative to the largest element of a derivative, and absolute. By default 1e-6
        and 1e-8, in single precision 2e-3 and 1e-4; the estimated error of the difference is added.
    eps : float, optional
        The largest step of the differences, relative to the size of the arguments.
    seed : int
        Of the random directions.

    Raises
    ------
    CheckFailed
        Says which argument, which direction, what was expected and got, and which operation is
        off, with the user's line; or that the point is not smooth.
    ArgumentError
        For a bad mode, or arguments of which none can be differentiated.

    Examples
    --------
    >>> import numpy as np
    >>> check_grads(lambda x: np.sin(x) * x, (np.array([0.5, 2.0]),))
    """
    modes = (modes,) if isinstance(modes, str) else tuple(modes)
    if not modes or not set(modes) <= set(MODES):
        raise ArgumentError(four_parts('modes are "forward" and "reverse"', f"got {modes!r}", where=here()))
    if not isinstance(args, (tuple, list)):
        raise ArgumentError(
            four_parts(
                "check_grads takes the arguments as a tuple", f"got {type(args).__name__}", instead="check_grads(f, (x,))", where=here()
            )
        )
    if order < 1 or directions < 1:
        raise ArgumentError(
            four_parts("check_grads needs order and directions of at least 1", f"got order={order}, directions={directions}", where=here())
        )
    subject = _Subject.of_call(f, tuple(args))
    single = any(np.dtype(x.dtype).char in "fFe" for x in subject.values)
    tolerances = (2e-3 if single else 1e-6) if rtol is None else rtol, (1e-4 if single else 1e-8) if atol is None else atol
    _Check(modes, directions, tolerances, eps, single, seed).run(subject, order)


class _Subject:
    """A function of its active leaves alone, to a tuple of its inexact output leaves."""

    __slots__ = ("call", "f", "labels", "name", "values")

    def __init__(self, call: Callable[..., tuple[Any, ...]], values: list[Any], labels: list[str], name: str, f: Any) -> None:
        self.call, self.values, self.labels, self.name, self.f = call, values, labels, name, f

    @classmethod
    def of_call(cls, f: Callable[..., Any], args: tuple[Any, ...]) -> _Subject:
        leaves, structure = tree.flatten(args)
        known = [as_value(leaf) for leaf in leaves]
        active = [i for i, value in enumerate(known) if value is not None and value.dtype.kind in "fc"]
        if not active:
            raise ArgumentError(
                four_parts(
                    f"check_grads found nothing to differentiate {name_of(f)} by",
                    f"arguments: {', '.join([type(leaf).__name__ for leaf in leaves]) or 'none'}",
                    "Integers, booleans and strings change in steps.",
                    "pass floats, e.g. 2.0 or x.astype(float)",
                    here(),
                )
            )

        def call(*moved: Any) -> tuple[Any, ...]:
            full = list(leaves)
            for i, x in zip(active, moved, strict=True):
                full[i] = x
            return _inexact(f(*tree.unflatten(structure, full)))

        call.__name__ = name_of(f)
        paths = tree.paths(structure)
        labels = [_label(f, paths[i]) for i in active]
        return cls(call, [np.array(known[i])[()] for i in active], labels, name_of(f), f)

    def pushed(self, direction: list[Any]) -> _Subject:
        """x -> J(x) v, for a fixed v."""

        def call(*x: Any) -> tuple[Any, ...]:
            return _inexact(jvp(self.call, x, tuple(direction))[1])

        call.__name__ = name = f"the jvp of {self.name}"
        return _Subject(call, self.values, self.labels, name, self.f)

    def pulled(self, cotangents: tuple[Any, ...]) -> _Subject:
        """x -> ct J(x), for a fixed ct."""

        def call(*x: Any) -> tuple[Any, ...]:
            return _inexact(vjp(self.call, *x)[1](cotangents))

        call.__name__ = name = f"the vjp of {self.name}"
        return _Subject(call, self.values, self.labels, name, self.f)


def _inexact(result: Any) -> tuple[Any, ...]:
    leaves = [leaf if hasattr(leaf, "dtype") else np.asarray(leaf) for leaf in tree.flatten(result)[0]]
    return tuple([leaf for leaf in leaves if leaf.dtype.kind in "fc"])


def _label(f: Any, path: str) -> str:
    """`[0]['w']` as the user knows it: the parameter's name, then the way into it."""
    position, rest = path[1:].split("]", 1)
    try:
        names = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        names = []
    i = int(position)
    if i < len(names) and names[i].kind is not inspect.Parameter.VAR_POSITIONAL:
        return f"argument {names[i].name}{rest}"
    return f"argument {i}{rest}"


class _Check:
    def __init__(
        self, modes: tuple[str, ...], directions: int, tolerances: tuple[float, float], eps: float | None, single: bool, seed: int
    ) -> None:
        self.modes, self.directions, self.eps, self.single = modes, directions, eps, single
        self.rtol, self.atol = tolerances
        self.rng = np.random.default_rng(seed)

    def run(self, subject: _Subject, order: int) -> None:
        value = subject.call(*subject.values)
        direction: list[Any] = []
        cotangents: tuple[Any, ...] = ()
        for k in range(self.directions):
            direction = [random_direction(x, self.rng) for x in subject.values]
            cotangents = tuple([random_direction(y, self.rng, unit=True) for y in value])
            self._compare(subject, direction, cotangents, f"direction {k + 1} of {self.directions}", None)
        if order > 1 and value:
            if "forward" in self.modes:
                self.run(subject.pushed(direction), order - 1)
            if "reverse" in self.modes:
                self.run(subject.pulled(cotangents), order - 1)

    def _compare(self, subject: _Subject, direction: list[Any], cotangents: tuple[Any, ...], label: str, only: int | None) -> None:
        """Both checks in one direction. `only`: the leaf that moves, once it is known which is to blame."""
        numerical = difference(lambda t: subject.call(*_along(subject.values, direction, t)), self.eps, self.single)
        tangents: Sequence[Any] | None = None
        if "forward" in self.modes:
            tangents = jvp(subject.call, tuple(subject.values), tuple(direction))[1]
            for i, (want, got, error) in enumerate(zip(numerical.value, tangents, numerical.error, strict=True)):
                if not self._close(want, got, error):
                    self._fail(subject, "forward", direction, cotangents, label, only, want, got, numerical, i, len(tangents))
        if "reverse" in self.modes:
            pulled = vjp(subject.call, *subject.values)[1](cotangents)
            got = sum([pairing(ct, v) for ct, v in zip(pulled, direction, strict=True)])
            # Against the tangents where they are checked themselves: they have no error of the difference.
            reference = tangents if tangents is not None else numerical.value
            error = (
                0.0
                if tangents is not None
                else sum([float(np.sum(np.abs(ct) * e)) for ct, e in zip(cotangents, numerical.error, strict=True)])
            )
            want = sum([pairing(ct, t) for ct, t in zip(cotangents, reference, strict=True)])
            scale = sum([float(np.sum(np.abs(ct * t))) for ct, t in zip(cotangents, reference, strict=True)])
            if not self._close(np.asarray(want), np.asarray(got), np.asarray(error), scale):
                self._fail(subject, "reverse", direction, cotangents, label, only, want, got, numerical, None, 1)

    def _close(self, want: Any, got: Any, error: Any, scale: float | None = None) -> bool:
        if not np.size(want):
            return True
        with np.errstate(all="ignore"):
            size = np.max(np.abs(np.where(np.isfinite(want), want, 0))) if scale is None else scale
            if np.any(np.isfinite(got) & (error > 0.01 * (size + np.abs(got)) + 100 * self.atol)):
                return False  # the difference does not settle
            return bool(np.all(np.abs(got - want) <= self.atol + self.rtol * size + 4 * error))

    def _fail(
        self,
        subject: _Subject,
        mode: str,
        direction: list[Any],
        cotangents: tuple[Any, ...],
        label: str,
        only: int | None,
        want: Any,
        got: Any,
        numerical: Difference,
        output: int | None,
        n_outputs: int,
    ) -> None:
        if only is None and len(direction) > 1:  # which argument? move one at a time
            for i in range(len(direction)):
                alone = [v if i == j else np.zeros_like(v) for j, v in enumerate(direction)]
                self._compare(subject, alone, cotangents, label, i)
        who = subject.labels[only if only is not None else 0] if only is not None or len(direction) == 1 else "all arguments together"
        moved = direction[only if only is not None else 0]
        against = "differences" if mode == "forward" or "forward" not in self.modes else "the forward derivative it must be the adjoint of"
        repeats = self._repeats(subject)
        lines = [
            f"{who}, {label}: {short(moved)}",
            f"expected {short(want)}" + (f" (output {output} of {n_outputs})" if output is not None and n_outputs > 1 else ""),
            f"got      {short(got)}",
        ]
        if repeats and numerical.jump:
            lines.append("the difference quotient does not converge as its step shrinks")
        elif repeats and numerical.kink:
            left, right = numerical.slopes[output or 0]
            lines.append(f"slopes   {short(left)} from the left, {short(right)} from the right")
        finite = np.all(np.isfinite(got)) and np.all(np.isfinite(want))
        hunt = nan_hunt(subject.call)(*subject.values) if repeats and not finite else None
        if hunt:
            raise CheckFailed(
                four_parts(
                    f"the {mode} derivative of {subject.name} disagrees with {against}",
                    "\n".join([*lines, str(hunt).splitlines()[0]]),
                    "What is not finite cannot be compared.",
                    "wengert.check.nan_hunt(f) shows its operands; keep them in the domain of the operation, or check at another point",
                    where(subject.f),
                )
            )
        function = record(subject.call)(*subject.values)
        found = culprit(function, subject.values, max(100 * self.rtol, 1e-5), np.random.default_rng(0))
        lines.append(f"operation: {'none is off by itself' if found is None else found}")
        if repeats and not numerical.smooth:
            lines += [_sides(k) for k in kinks(subject.call)(*subject.values)[:_SHOWN]]
        if not repeats:
            why = "Called twice with the same arguments, the function gives different values."
            instead = "make the function deterministic: fixed random numbers, no state"
        elif not numerical.smooth and (found is None or not found.smooth):
            why = "The difference does not converge to one derivative: the function is not smooth at this point."
            instead = "check at another point; which slope is taken at a kink is a convention"
        elif found is not None and found.rule is not None:
            why = f"In isolation, {found.equation.operation.name} has a derivative that does not fit its values."
            instead = "correct its rule" + (", or drop stop_gradient" if "stop_gradient" in found.equation.operation.name else "")
        elif found is not None:
            why = "The values are smooth here, but the operation named turns over at this very point: its branch holds only there."
            instead = "the formula that is smooth across the tie, or another point"
        else:
            why = "Each operation is right by itself at this point: a value is used as a constant, or the difference is inaccurate."
            instead = "another point, or a larger rtol or atol or another eps, if the numbers above agree well enough"
        raise CheckFailed(
            four_parts(
                f"the {mode} derivative of {subject.name} disagrees with {against}", "\n".join(lines), why, instead, where(subject.f)
            )
        )

    def _repeats(self, subject: _Subject) -> bool:
        """Whether the function gives the same values twice."""
        pairs = zip(subject.call(*subject.values), subject.call(*subject.values), strict=True)
        return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def _sides(kink: Any) -> str:
    """A kink in one line: where, and what is on its sides."""
    sides = [f"{side} {name}" for name, side in (("below", kink.below), ("above", kink.above)) if side is not None]
    at = "" if kink.span is None else f" at {kink.span}"
    return f"kink: {kink.operation}{at}, {'here' if kink.on else f'{kink.distance:.1e} away'}: {', '.join(sides)}"


def _along(values: list[Any], direction: list[Any], t: float) -> list[Any]:
    return [(x + x.dtype.type(t) * v)[()] if t else x for x, v in zip(values, direction, strict=True)]
