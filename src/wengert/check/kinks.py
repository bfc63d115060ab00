"""kinks: where this evaluation sat on or near a place where the derivative jumps, and what the derivative is on the other side.

Operations say themselves where that is (`Primitive.kink`); the other side is the same run with that operand moved there, or with
the other answer where Python decides. Names no operation. Start at `kinks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.transformed import Transformed
from wengert.check.culprit import random_direction
from wengert.check.flat import Flat, flat
from wengert.check.shown import short
from wengert.errors import four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType
from wengert.ir.values import ROLES, Equation, Function, Literal, Var, literal
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp

_DIRECTIONS = 3  # in which the arguments are moved, to see how fast a kink comes nearer
_APART = 4  # elements of an operation on whole arrays that are looked at one by one
_SAME = 1e-4  # what differs by less, relatively, is the same
_LEAST = 1e-3  # the size that smaller arguments are taken to have
_AWAY = 0.01  # so far away the function shows of what size its values and gradients are, relatively


class Side:
    """The function on one side of a kink: the sum of its results and its gradient, or the error that it raises there."""

    __slots__ = ("error", "gradient", "value")

    def __init__(self, value: Any, gradient: Any, error: str = "") -> None:
        self.value, self.gradient, self.error = value, gradient, error

    def __str__(self) -> str:
        return self.error or f"gradient {short(self.gradient)}"


class Kink:
    """A place where the derivative jumps, that the evaluation sat on or near.

    operation, span: which, and its line; `times` how often the line had done it by then
    operands:  as they were
    index:     of the nearest element of operand 0; `elements` says how many are near
    distance:  how far, as a relative change of the arguments, to first order; 0 on the kink itself
    decides:   whether Python, or a branch of the program, decided by it
    below, above: the function where operand 0 (the other one, if that is constant) is less and greater, and here on the side it is on
    jumps:     whether its value jumps, too
    """

    __slots__ = ("above", "below", "decides", "distance", "elements", "here", "index", "jumps", "operands", "operation", "span", "times")

    def __init__(
        self, equation: Equation, operands: list[Any], index: tuple[int, ...], elements: int, distance: float, times: int, here: Side
    ) -> None:
        self.operation, self.span, self.times, self.operands = equation.operation.name, equation.span, times, operands
        self.index, self.elements, self.distance, self.here = index, elements, distance, here
        self.decides, self.jumps = False, False
        self.below: Side | None = None
        self.above: Side | None = None

    @property
    def on(self) -> bool:
        """Whether it sat on it, and not only near."""
        return self.distance == 0

    def __str__(self) -> str:
        at = "" if not self.index else f" at [{', '.join(map(str, self.index))}]"
        many = f" and {self.elements - 1} more" if self.elements > 1 else ""
        where = "on a kink" if self.on else f"near a kink, {self.distance:.1e} away"
        lines = [f"operand {i}: {short(x)}" for i, x in enumerate(self.operands)]
        lines.append(f"here:  {self.here}")
        for name, side in (("below", self.below), ("above", self.above)):
            if side is not None and side is not self.here:
                lines.append(f"{name}: {side}" + (f", value {short(side.value)}" if self.jumps and not side.error else ""))
        if self.times > 1:
            lines.append(f"the line had done this {self.times - 1} time{'s' * (self.times > 2)} before")
        why = "The branch that is taken changes there" if self.decides else "Its derivative jumps there"
        if self.jumps:
            why += f", and the value: it is {short(self.here.value)} here"
        return four_parts(f"{self.operation} sits {where}{at}{many}", "\n".join(lines), why + ".", where=self.span)


class Kinks(list[Kink]):
    """The kinks that matter, the nearest first. `harmless` counts those on whose sides the derivative is the same."""

    def __init__(self, name: str, near: float, found: Sequence[Kink] = (), harmless: int = 0) -> None:
        super().__init__(found)
        self.name, self.near, self.harmless = name, near, harmless

    def __str__(self) -> str:
        rest = f"; {self.harmless} that change{'s' * (self.harmless == 1)} nothing" if self.harmless else ""
        if not self:
            return f"{self.name} is on no kink here, and none is within {self.near:g} of the arguments{rest}"
        return "\n\n".join([str(k) for k in self]) + (f"\n\nand {rest[2:]}" if rest else "")


def kinks(f: Callable[..., Any], near: float = 1e-6, most: int = 20) -> Transformed:
    """Which kinks the evaluation of f sat on or near: `kinks(f)(*args)`.

    Use it where a derivative disagrees with differences, or an optimiser stops: it lists abs, max and min, where, branches and tests
    of loops, roundings, roots at 0, norms of 0, ties in sorting; how near each is; and the gradient on its other side. Loops, branches and
    compiled functions are looked into.

    Parameters
    ----------
    f : callable
        Returns arrays or containers of them; gradients are of the sum of their elements.
    near : float
        How near: a change of the arguments relative to their size, or to 1e-3 where they are smaller, and to 1 where they are 0.
    most : int
        How many are looked at, the nearest ones.

    Returns
    -------
    Kinks
        A list of `Kink`, the nearest first; printed, a paragraph each.

    Raises
    ------
    ArgumentError
        If no argument can be differentiated by.

    Examples
    --------
    >>> import numpy as np
    >>> (kink,) = kinks(lambda x: np.abs(x) + x)(0.0)
    >>> kink.operation, kink.on, kink.below.gradient, kink.above.gradient
    ('abs', True, np.float64(0.0), np.float64(2.0))
    """
    return Transformed(_kinks, f, near=near, most=most)


def _kinks(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Kinks:
    if kwargs:
        plain = f

        def f(*given: Any) -> Any:
            return plain(*given, **kwargs)

    return _Search(f, args, options["near"]).run(options["most"])


class _Near:
    """Elements of an operand that are near a kink, so many of all near ones.

    margins: how far beyond it; paces: how fast that changes; way: -1 where operand 0 is constant and so the other one moves
    """

    __slots__ = ("chosen", "count", "distance", "equation", "margins", "operands", "paces", "way")

    def __init__(
        self, equation: Equation, operands: list[Any], margins: Any, paces: Any, chosen: Any, distance: float, count: int, way: int
    ) -> None:
        self.equation, self.operands, self.margins, self.paces, self.way = equation, operands, margins, paces, way
        self.chosen, self.distance, self.count = chosen, distance, count


class _Search:
    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], near: float) -> None:
        self.f, self.args, self.near = f, args, near
        self.run_here: Flat = flat(f, args)
        self.here: Side

    def run(self, most: int) -> Kinks:
        """All kinks found, and what is on their other sides."""
        run = self.run_here
        total, gradients, _ = run.derivative()
        self.here = Side(total, run.rebuilt(gradients))
        found: list[Kink] = []
        harmless = 0
        self._see_sizes(gradients)
        for places in sorted(self._near(), key=lambda group: group[0].distance)[:most]:
            looked_at = (self._kink(place) for place in places)
            kink = next((k for k in looked_at if self._matters(k)), None)
            if kink is None:
                harmless += 1
            else:
                found.append(kink)
        return Kinks(run.name, self.near, found, harmless)

    def _see_sizes(self, gradients: Sequence[Any]) -> None:
        """Of what size values and gradients are: here, and a little away, since here they may vanish."""
        run, rng = self.run_here, np.random.default_rng(1)
        moved = [x + (_AWAY * random_direction(x, rng)).astype(x.dtype) if on else x for x, on in zip(run.values, run.mask, strict=True)]
        away = Flat(run.function, moved, run.point, run.n_results, run.answers, run.name)
        try:
            value, others, _ = away.derivative()
        except (ArithmeticError, ValueError, IndexError):
            value, others = self.here.value, []
        self.value_size = _size(self.here.value, value)
        self.gradient_size = _size(*gradients, *others)

    # -- near ------------------------------------------------------------------------------------

    def _near(self) -> list[list[_Near]]:
        """What is near a kink, an operation each: its distance over the speed at which that changes when the arguments do."""
        run = self.run_here
        asked = [e for e in run.function.equations if e.operation.kink is not None and _real(e)]  # type: ignore[attr-defined]
        wanted = list(dict.fromkeys([a for e in asked for a in e.operands if isinstance(a, Var)]))
        if not wanted:
            return []
        program = Function(run.function.inputs, run.function.equations, wanted, run.function.name)
        pushed, moving = jvp(program, run.mask)
        rng = np.random.default_rng(0)
        values: dict[Any, Any] = {}
        speeds: list[dict[Any, Any]] = []
        for _ in range(_DIRECTIONS):
            direction = [_direction(x, rng) for x, on in zip(run.values, run.mask, strict=True) if on]
            results = evaluate(pushed, [*run.values, *direction])
            values = dict(zip(wanted, results, strict=False))
            tangents = iter(results[len(wanted) :])
            speeds.append({v: next(tangents) for v, on in zip(wanted, moving, strict=True) if on})
        places = []
        with np.errstate(all="ignore"):
            for e in asked:
                places.append(self._of(e, [a.array() if isinstance(a, Literal) else values[a] for a in e.operands], speeds))
        return [group for group in places if group]

    def _of(self, e: Equation, operands: list[Any], speeds: Sequence[dict[Any, Any]]) -> list[_Near]:
        if not any([a in speeds[0] for a in e.operands]):
            return []
        margins = e.operation.kink(*operands)  # type: ignore[attr-defined]
        if margins is None:
            return []
        margins = np.asarray(margins)
        step = np.finfo(margins.dtype).eps ** 0.5
        paces = np.zeros(margins.shape)
        for speed in speeds:
            moved = [np.asarray(x + x.dtype.type(step) * speed[a] if a in speed else x) for x, a in zip(operands, e.operands, strict=True)]
            pace = np.abs(np.asarray(e.operation.kink(*[x[()] for x in moved])) - margins) / step  # type: ignore[attr-defined]
            paces = np.fmax(paces, np.where(np.isfinite(pace), pace, 0))
        distances = np.where(paces > 0, np.abs(margins) / np.where(paces > 0, paces, 1), np.inf)
        distances = np.where(np.isnan(distances), np.inf, distances)
        near = distances <= self.near
        if not near.any():
            return []
        way = 1 if e.operands[0] in speeds[0] else -1
        if e.operation.elementwise:  # type: ignore[attr-defined]
            return [_Near(e, operands, margins, paces, near, float(distances.min()), int(near.sum()), way)]
        order = np.argsort(np.where(near, distances, np.inf), axis=None, kind="stable")[: min(_APART, int(near.sum()))]
        places = []
        for flat_index in order:
            chosen = np.zeros(near.shape, bool)
            chosen.flat[flat_index] = True
            places.append(_Near(e, operands, margins, paces, chosen, float(distances.flat[flat_index]), int(near.sum()), way))
        return places

    # -- the other side ----------------------------------------------------------------------------

    def _kink(self, place: _Near) -> Kink:
        with np.errstate(all="ignore"):
            distances = np.where(place.chosen, np.abs(place.margins) / place.paces, np.inf)
        index = tuple([int(i) for i in np.unravel_index(int(np.argmin(distances)), distances.shape)])
        e = place.equation
        kink = Kink(e, place.operands, index, place.count, place.distance, self.run_here.times(e), self.here)
        here = place.margins[index]
        for name, sign in (("below", -place.way), ("above", place.way)):
            if here * sign > 0 and place.chosen.sum() == 1:
                setattr(kink, name, self.here)
            else:
                side, decides = self._side(place, sign)
                setattr(kink, name, side)
                kink.decides |= decides
        sides = [s for s in (kink.below, kink.above) if s is not None and not s.error]
        kink.jumps = any([np.isfinite(s.value) and _differ([s.value], [self.here.value], 1e-2 * self.value_size) for s in sides])
        return kink

    def _side(self, place: _Near, sign: int) -> tuple[Side, bool]:
        """The function with the chosen elements moved to that side, and whether something was decided otherwise."""
        run, e = self.run_here, place.equation
        shift = self._shift(place, sign)
        moved = _with_moved_operand(run.function, e, shift)
        answers = evaluate(Function(moved.inputs, moved.equations, moved.outputs[run.n_results :], moved.name), run.values)
        for number, (told, before) in enumerate(zip(answers, run.answers, strict=True)):
            if told != before:  # from here on the run is another
                try:
                    total, gradients, _ = flat(self.f, self.args, {number: told}).derivative()
                except Exception as error:
                    return Side(None, None, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"), True
                return Side(total, run.rebuilt(gradients)), True
        total, gradients, _ = run.derivative(moved)
        return Side(total, run.rebuilt(gradients)), False

    def _shift(self, place: _Near, sign: int) -> Any:
        """What has to be added to operand 0, so that the chosen elements are on that side, as little as rounding allows."""
        x = np.asarray(place.operands[0])
        size = np.maximum(np.abs(place.margins), np.maximum(4 * np.spacing(np.abs(x)), 1e-10 * place.paces))
        crossing = place.chosen & (place.margins * sign <= 0)
        margins = np.where(crossing, place.margins, 0)
        for _ in range(40):
            shift = np.where(crossing, sign * size - margins, 0).astype(x.dtype)
            with np.errstate(all="ignore"):
                now = np.asarray(place.equation.operation.kink((x + shift)[()], *place.operands[1:]))  # type: ignore[attr-defined]
            if np.all((now * sign > 0) | ~crossing):
                break
            size = size * 2
        return shift

    def _matters(self, kink: Kink) -> bool:
        sides = [s for s in (kink.below, kink.above) if s is not None]
        here = _leaves(self.here.gradient)
        return any(
            [
                s.error
                or _differ(_leaves(s.gradient), here, _SAME * self.gradient_size)
                or _differ([s.value], [self.here.value], 1e-2 * self.value_size)
                for s in sides
            ]
        )


def _direction(x: Any, rng: np.random.Generator) -> Any:
    """A direction of the size of x: 1 where that is 0."""
    x = np.asarray(x)
    size = float(np.max(np.abs(x), where=np.isfinite(x), initial=0.0))
    return (random_direction(x, rng, unit=True) * (max(size, _LEAST) if size else 1.0)).astype(x.dtype)[()]


def _real(e: Equation) -> bool:
    """Whether its operand 0 is real, so that a kink has two sides."""
    first = e.operands[0].type
    return isinstance(first, ArrayType) and first.dtype.kind == "f" and first.size > 0


def _with_moved_operand(function: Function, equation: Equation, shift: Any) -> Function:
    """The Function with something added to operand 0 of one of its equations."""
    builder = Builder()
    with building(builder):
        for e in function.equations:
            builder.span = e.span
            if e is equation:
                x: Any = e.operands[0]
                moved = literal((x.array() + shift)[()]) if isinstance(x, Literal) else ROLES["add"](x, literal(shift[()]))
                e = Equation(e.operation, (moved, *e.operands[1:]), e.outs, e.span)
            builder.append(e)
    return Function(function.inputs, builder.equations, function.outputs, function.name)


def _leaves(gradient: Any) -> list[Any]:
    return [x for x in tree.flatten(gradient)[0] if x is not None]


def _size(*values: Any) -> float:
    """The largest finite element."""
    return max([float(np.max(np.abs(x), where=np.isfinite(x), initial=0.0)) for x in values], default=0.0)


def _differ(some: Sequence[Any], others: Sequence[Any], least: float) -> bool:
    """Whether two lists of arrays are not the same, by more than `least`; NaN is the same as NaN."""
    for x, y in zip(some, others, strict=True):
        with np.errstate(all="ignore"):
            gap = np.abs(np.asarray(x) - y)
            apart = (np.asarray(x) != y) & ~(gap <= np.maximum(_SAME * np.maximum(np.abs(x), np.abs(y)), least))
        if np.any(np.where(np.isnan(x) | np.isnan(y), np.isnan(x) != np.isnan(y), apart)):
            return True
    return False
