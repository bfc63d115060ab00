"""nan_hunt: where a NaN or an infinity first appears, in a function's value or in its adjoint.

Runs the derivative of one run equation by equation, and goes back from what is not finite in the end. Names no operation.
Start at `nan_hunt`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.api.transformed import Transformed
from wengert.check.flat import Flat, flat
from wengert.check.shown import short
from wengert.errors import four_parts
from wengert.ir.values import Equation, Function, Literal
from wengert.source import Span
from wengert.transform.linearize import vjp


class Origin:
    """Where something that is not finite begins.

    phase:     "argument", "constant", "value" or "adjoint"
    what:      "NaN" or "infinity"
    operation: of the user's program; its name, `span` its line, `times` how often the line had done it by then
    operands, result: of that operation, as they were
    made:      in the adjoint, the operation of the derivative that made it, and its operands
    """

    __slots__ = ("made", "operands", "operation", "phase", "result", "span", "times", "what")

    def __init__(self, phase: str, what: str, operation: str, span: Span | None, times: int, operands: list[Any], result: Any) -> None:
        self.phase, self.what, self.operation, self.span, self.times = phase, what, operation, span, times
        self.operands, self.result = operands, result
        self.made: tuple[str, list[Any]] | None = None

    def shown(self) -> list[str]:
        """The operands and the result, a line each."""
        lines = [f"operand {i}: {short(x)}" for i, x in enumerate(self.operands)]
        lines.append(f"result:    {short(self.result)}")
        if self.made is not None:
            lines.append(f"in its derivative: {self.made[0]} of {' and '.join([short(x) for x in self.made[1]])}")
        if self.times > 1:
            lines.append(f"the line had done this {self.times - 1} time{'s' * (self.times > 2)} before")
        return lines


class Hunt:
    """What a search for NaN and infinities has found; true if there is something.

    origin: where it begins; None if value and gradient are finite
    value:  whether the value is finite; adjoint: whether the gradient is
    """

    __slots__ = ("adjoint", "name", "origin", "value")

    def __init__(self, name: str, value: bool, adjoint: bool, origin: Origin | None) -> None:
        self.name, self.value, self.adjoint, self.origin = name, value, adjoint, origin

    def __bool__(self) -> bool:
        return self.origin is not None

    def __repr__(self) -> str:
        return f"<Hunt: {str(self).splitlines()[0]}>"

    def __str__(self) -> str:
        if self.origin is None:
            return f"the value and the gradient of {self.name} are finite"
        of = f"the gradient of {self.name}" if self.value else f"{self.name} itself"
        o = self.origin
        first = {
            "argument": f"{of} is not finite: the arguments are not",
            "constant": f"{of} is not finite: {o.operation} is given a constant that is not",
            "value": f"{of} is not finite: {o.operation} makes a first {o.what}",
            "adjoint": f"{of} is not finite: the derivative of {o.operation} makes a first {o.what}",
        }[o.phase]
        return four_parts(first, "\n".join(o.shown()), _why(o, self.value), _instead(o, self.value), o.span)


def _why(o: Origin, value: bool) -> str:
    if o.phase == "argument":
        return "What is computed from them is not finite either."
    if o.phase == "constant":
        return "It is written in the function, or what the function sees outside its arguments."
    if o.phase == "adjoint":
        return "The value is finite here, but its derivative is not, or meets a zero there." if value else ""
    return "Its operands are finite." if not value else "Its operands are finite; the value does not show it, but the derivative needs it."


def _instead(o: Origin, value: bool) -> str:
    if o.phase == "argument":
        return "look where they come from"
    if o.phase == "constant":
        return "a large finite number, if infinity only stands for one"
    if o.phase == "value":
        return "keep the operands in its domain; where the result is not used, np.where on the operand, not on the result"
    return "np.where on the operand, so that it stays away from there; config(strong_zero=True) where a zero meets an infinity"


def nan_hunt(f: Callable[..., Any]) -> Transformed:
    """Where a NaN or an infinity first appears in the value of f, or in its gradient: `nan_hunt(f)(*args)`.

    Use it when a result is not finite. It looks into loops, branches and compiled functions, and tells what reaches the result from
    what does not, as a NaN in an unselected lane of `where`.

    Parameters
    ----------
    f : callable
        Returns arrays or containers of them; the adjoint is of the sum of their elements.

    Returns
    -------
    Hunt
        True if there is something; printed, it names the operation, the line and the operands. Its `origin` has the same as data.

    Raises
    ------
    ArgumentError
        If no argument can be differentiated by.

    Examples
    --------
    >>> import numpy as np
    >>> hunt = nan_hunt(lambda x: np.sum(np.sqrt(x)))(np.array([1.0, 0.0]))
    >>> hunt.origin.phase, hunt.origin.operation
    ('adjoint', 'sqrt')
    """
    return Transformed(_nan_hunt, f)


def _nan_hunt(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Hunt:
    return hunt(flat(f if not kwargs else _with(f, kwargs), args))


def _with(f: Callable[..., Any], keywords: dict[str, Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return f(*args, **keywords)

    call.__name__ = getattr(f, "__name__", "f")
    return call


def hunt(run: Flat) -> Hunt:
    """Look through a run."""
    primal = _with_own_spans(run.function)
    backward = vjp(primal, run.mask, run.seeded)
    env: dict[Any, Any] = dict(zip(backward.inputs, [*run.values, *run.seeds()], strict=True))
    with np.errstate(all="ignore"):
        for e in backward.equations:
            outs = e.operation.evaluate(*[_value(env, a) for a in e.operands])  # type: ignore[attr-defined]
            env.update(zip(e.outs, outs if len(e.outs) != 1 else (outs,), strict=True))
    results = [_value(env, a) for a in backward.outputs]
    n = len(primal.outputs)
    fine = [all([_finite(x) for x in part]) for part in (results[: run.n_results], results[n:])]
    if all(fine):
        return Hunt(run.name, True, True, None)
    part = (0, run.n_results) if not fine[0] else (n, len(results))
    wrong = {a for a in backward.outputs[slice(*part)] if not _finite(_value(env, a))}
    return Hunt(run.name, fine[0], fine[1], _origin(run, primal, backward, env, wrong))


def _with_own_spans(function: Function) -> Function:
    """The same equations, each with a span that no other has: an equation of the derivative tells by it which it belongs to."""
    spans = [None if e.span is None else Span(e.span.file, e.span.line) for e in function.equations]
    equations = [Equation(e.operation, e.operands, e.outs, s) for e, s in zip(function.equations, spans, strict=True)]
    return Function(function.inputs, equations, function.outputs, function.name)


def _origin(run: Flat, primal: Function, backward: Function, env: dict[Any, Any], wrong: set[Any]) -> Origin:
    """The first equation that makes what is not finite of what is, of those from which the wrong results come."""
    first: Equation | None = None
    given: Equation | None = None
    for e in reversed(backward.equations):
        if wrong.isdisjoint(e.outs):
            continue
        sources = [a for a in e.operands if not _finite(_value(env, a))]
        wrong.update([a for a in sources if not isinstance(a, Literal)])
        if not sources:
            first = e
        elif all([isinstance(a, Literal) or a in backward.inputs for a in sources]):
            given = e
    if first is None and given is None:  # a result is an argument
        x = next(x for v, x in zip(backward.inputs, run.values, strict=False) if v in wrong)
        return Origin("argument", _what([x]), run.name, None, 1, [], x)
    begin: Equation = first or given  # type: ignore[assignment]
    owner, phase = _owner(primal, begin)
    operands = [_value(env, a) for a in owner.operands]
    results = [_value(env, v) for v in owner.outs]
    made = [_value(env, v) for v in begin.outs]
    if first is None:
        n = sum(run.mask)
        phase = "argument" if any([a in backward.inputs[:n] for a in begin.operands if not _finite(_value(env, a))]) else "constant"
    known = results[0] if len(results) == 1 else tuple(results)
    what = _what(made if first is not None else [_value(env, a) for a in begin.operands])
    out = Origin(phase, what, owner.operation.name, owner.span, run.times(_same(run.function, primal, owner)), operands, known)
    if phase == "adjoint":
        out.made = begin.operation.name, [_value(env, a) for a in begin.operands]
    return out


def _owner(primal: Function, e: Equation) -> tuple[Equation, str]:
    """The equation of the user's program that an equation of its derivative is, or comes from."""
    for own in primal.equations:
        if own.outs == e.outs:
            return own, "value"
    for own in primal.equations:
        if own.span is e.span and own.span is not None:
            return own, "adjoint"
    return e, "adjoint"


def _same(function: Function, copied: Function, e: Equation) -> Equation:
    """The equation as it was before the copy."""
    return next((old for old, new in zip(function.equations, copied.equations, strict=True) if new is e), e)


def _value(env: dict[Any, Any], a: Any) -> Any:
    return a.array() if isinstance(a, Literal) else env[a]


def _finite(x: Any) -> bool:
    return not isinstance(x, (np.ndarray, np.generic)) or x.dtype.kind not in "fc" or bool(np.isfinite(x).all())


def _what(values: Sequence[Any]) -> str:
    return "NaN" if any([not _finite(x) and np.isnan(x).any() for x in values]) else "infinity"
