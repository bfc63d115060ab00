"""Formulas: what a step computes, its tangent and its contributions to adjoints, as text, HTML or LaTeX.

A derivative's formula is read off the Function that the operation's rule gives, so it is what is computed. Start at `value_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.ir.values import Function, Literal, Var
from wengert.transform.jvp import jvp
from wengert.transform.linearize import vjp
from wengert.viz.forms import Text
from wengert.viz.notation import ATOM, FUNCTIONS, INFIX, POWER, PREFIX, PRODUCT, SILENT, SUM, WORDS, parameters, sliced
from wengert.viz.observe import Node, Step
from wengert.viz.values import number, shown

LONGEST = 8  # operations in a formula; what is longer is written as a partial derivative


class Name:
    """A value of the run: accent "" for itself, "dot" for its tangent, "bar" for its adjoint."""

    __slots__ = ("accent", "node")

    def __init__(self, node: Node, accent: str = "") -> None:
        self.node, self.accent = node, accent


class Number:
    """A constant."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Apply:
    """An operation of expressions."""

    __slots__ = ("operands", "operation", "shapes", "size")

    def __init__(self, operation: Any, operands: Sequence[Expression], shapes: Sequence[Any]) -> None:
        self.operation, self.operands, self.shapes = operation, list(operands), shapes
        self.size: int = 1 + sum([a.size for a in operands if isinstance(a, Apply)])


class Derivative:
    """∂a/∂b, written so."""

    __slots__ = ("above", "below")

    def __init__(self, above: Node, below: Node) -> None:
        self.above, self.below = above, below


class Times:
    """A product written with its factors in this order; `beside` without a sign between them."""

    __slots__ = ("beside", "factors")

    def __init__(self, *factors: Expression, beside: bool = False) -> None:
        self.factors, self.beside = factors, beside


class Product:
    """factors[0] × factors[1] × … / below[0] / …, perhaps with a minus in front."""

    __slots__ = ("below", "factors", "negative")

    def __init__(self, factors: list[Expression], below: list[Expression], negative: bool) -> None:
        self.factors, self.below, self.negative = factors, below, negative


class Part:
    """One of several results."""

    __slots__ = ("of", "place")

    def __init__(self, of: Expression, place: int) -> None:
        self.of, self.place = of, place


class Plus:
    """A sum written in this order."""

    __slots__ = ("left", "right")

    def __init__(self, left: Expression, right: Expression) -> None:
        self.left, self.right = left, right


class Label:
    """A name of the user's, or y, by itself."""

    __slots__ = ("accent", "text")

    def __init__(self, text: str, accent: str = "") -> None:
        self.text, self.accent = text, accent


Expression = Any  # Name | Number | Apply | Derivative | Times | Product | Plus | Part | Label


# -- what is written ---------------------------------------------------------------------------------


def operand(node: Any) -> Expression:
    """A value inside a formula: its name, or what it is made of where it has none."""
    if not isinstance(node, Node):
        return Number(node)
    if node.number is not None or node.label:
        return Name(node)
    return Number(node.value)


def value_of(step: Step, place: int = 0) -> Expression:
    """What a step computes, of the values it is given; of several results one."""
    found = _read(step.function, [operand(a) for a in step.operands])[step.function.outputs[0]]
    return found if len(step.outs) == 1 else Part(found, place)


def test_of(index: Node) -> Expression:
    """What decided a branch: a comparison, written out down to values with names."""
    step = index.step
    while step is not None and step.equation.operation.name == "cast":
        (index,) = step.nodes() or [index]
        step = index.step
    if step is None or step.visible:
        return operand(index)
    given = [
        test_of(a) if isinstance(a, Node) and a.step is not None and not a.step.visible and a.type.dtype.kind == "b" else operand(a)
        for a in step.operands
    ]
    return _read(step.function, given)[step.function.outputs[0]]


def tangent_of(step: Step, place: int, active: Sequence[bool]) -> Expression | None:
    """The tangent of result `place`, of the tangents of the active operands; None if it is zero or too long."""
    pushed, mask = jvp(step.function, tuple(active))
    if not mask[place]:
        return None
    accented = [Name(a, "dot") if isinstance(a, Node) else Number(a) for a, on in zip(step.operands, active, strict=True) if on]
    return _derived(step, pushed, accented, pushed.outputs[len(step.parts) + sum(mask[:place])])


def contribution_of(step: Step, place: int) -> Expression | None:
    """What the step adds to the adjoint of operand `place`; None if it is too long."""
    if len(step.parts) != 1 or not isinstance(step.parts[0], Node):
        return None
    out = step.parts[0]
    pulled = vjp(step.function, tuple([i == place for i in range(len(step.operands))]), (True,))
    found = _derived(step, pulled, [Name(out, "bar")], pulled.outputs[1])
    if isinstance(found, Name):
        return Times(found, Number(1.0))
    if (
        isinstance(found, Product)
        and found.negative
        and not found.below
        and isinstance(found.factors[-1], Name)
        and len(found.factors) == 1
    ):
        return Times(found.factors[0], Number(-1.0))
    return found


def _derived(step: Step, function: Function, accented: Sequence[Expression], wanted: Any) -> Expression | None:
    """A derivative's formula; the results of the step itself are written by their names."""
    known = {a: operand(node) for a, node in zip(function.outputs, step.parts, strict=False) if isinstance(a, Var)}
    found = _read(function, [*[operand(a) for a in step.operands], *accented], known)
    expression = Number(wanted.array()) if isinstance(wanted, Literal) else found[wanted]
    return None if isinstance(expression, Apply) and expression.size > LONGEST else _tidy(expression, step)


def _read(function: Function, arguments: Sequence[Expression], known: dict[Any, Expression] | None = None) -> dict[Any, Expression]:
    """Expressions of everything in a Function."""
    env: dict[Any, Expression] = dict(zip(function.inputs, arguments, strict=True))
    env |= {v: e for v, e in (known or {}).items() if v not in env}
    for equation in function.equations:
        given = [Number(a.value if a.is_splat else a.array()) if isinstance(a, Literal) else env[a] for a in equation.operands]
        silent = equation.operation.name in SILENT and len(function.equations) > 1
        for out in equation.outs:
            if out not in env:
                env[out] = (
                    given[0] if silent else Apply(equation.operation, given, [getattr(a.type, "shape", ()) for a in equation.operands])
                )
    return env


def _tidy(e: Expression, step: Step) -> Expression:
    """A derivative's formula as it is written by hand: the tangent or adjoint first, quotients and signs drawn together."""
    if not isinstance(e, Apply):
        return e
    name = e.operation.name
    if name == "sub" and _is_derivative(e):
        left, right = [_tidy(a, step) for a in e.operands]
        return Plus(left, _negative(right))
    if name == "add" and _is_derivative(e):
        return Plus(*[_tidy(a, step) for a in e.operands])
    if name not in _PRODUCTS or not _is_derivative(e):
        return Apply(e.operation, [_tidy(a, step) for a in e.operands], e.shapes)
    factors, below, negative = _factors(e)
    factors = [_tidy(a, step) for a in factors if not (isinstance(a, Number) and np.ndim(a.value) == 0 and a.value == 1)]
    place = {node: i for i, node in reversed(list(enumerate(step.operands))) if isinstance(node, Node)}
    if len(factors) == 2 and all([isinstance(a, Name) and a.accent != "bar" for a in factors]):
        factors.sort(key=lambda a: (place.get(a.node, 0), not a.accent))  # as the factors of the step itself
    else:
        factors.sort(key=lambda a: (not _is_derivative(a), not isinstance(a, Number), not isinstance(a, Name)))
    if len(factors) == 1 and not below and not negative:
        return factors[0]
    return Product(factors, [_tidy(a, step) for a in below], negative)


_PRODUCTS = ("mul", "strong_mul", "div", "reciprocal", "neg")


def _factors(e: Expression) -> tuple[list[Expression], list[Expression], bool]:
    """(factors, divisors, whether it is negative) of a product."""
    if not isinstance(e, Apply) or e.operation.name not in _PRODUCTS:
        return [e], [], False
    first = _factors(e.operands[0])
    if e.operation.name == "neg":
        return first[0], first[1], not first[2]
    if e.operation.name == "reciprocal":
        return first[1], first[0], first[2]
    second = _factors(e.operands[1])
    if e.operation.name == "div":
        second = second[1], second[0], second[2]
    return first[0] + second[0], first[1] + second[1], first[2] != second[2]


def _negative(e: Expression) -> Expression:
    return Product(e.factors, e.below, not e.negative) if isinstance(e, Product) else Product([e], [], True)


def _is_derivative(e: Expression) -> bool:
    """Whether a tangent or adjoint is in it."""
    if isinstance(e, Name):
        return bool(e.accent)
    return isinstance(e, (Apply, Product)) and any([_is_derivative(a) for a in (e.operands if isinstance(e, Apply) else e.factors)])


# -- how it is written -----------------------------------------------------------------------------------


class Writer:
    """Expressions in one of the forms. With `numbers`, values stand in place of their names."""

    def __init__(self, form: Text, digits: int = 3) -> None:
        self.form, self.digits = form, digits

    def write(self, e: Expression, numbers: Any = None) -> str:
        """The formula; `numbers(node, accent)` gives the values to write in place of names."""
        return self._write(e, numbers)[0]

    def node(self, node: Node, accent: str = "") -> str:
        """The name of a value."""
        if node.number is None:
            return self.form.name(*split_label(node.label), accent)
        return self.form.name("v", str(node.number).replace("-", "−"), accent)

    def _write(self, e: Expression, numbers: Any) -> tuple[str, int]:
        form = self.form
        if isinstance(e, Name):
            if numbers is None:
                return self.node(e.node, e.accent), ATOM
            return self._number(numbers(e.node, e.accent))
        if isinstance(e, Number):
            return self._number(e.value)
        if isinstance(e, Derivative):
            return form.partial(self.node(e.above), self.node(e.below)), ATOM
        if isinstance(e, Times):
            parts = [self._inside(a, numbers, PRODUCT) for a in e.factors]
            return (form.beside if e.beside else form.times).join(parts), PRODUCT
        if isinstance(e, Product):
            return self._product(e, numbers)
        if isinstance(e, Plus):
            left = self._write(e.left, numbers)[0]
            if isinstance(e.right, Product) and e.right.negative:
                return form.infix("sub", left, _guarded(self._write(_negative(e.right), numbers)[0], form)), SUM
            return form.infix("add", left, _guarded(self._inside(e.right, numbers, SUM, not isinstance(e.right, Plus)), form)), SUM
        if isinstance(e, Part):
            return form.index(self._write(e.of, numbers)[0], [form.text(str(e.place))]), ATOM
        if isinstance(e, Label):
            return form.name(*split_label(e.text), e.accent), ATOM
        return self._apply(e, numbers)

    def _product(self, e: Product, numbers: Any) -> tuple[str, int]:
        form = self.form
        parts = [self._inside(a, numbers, PRODUCT) for a in e.factors] or [form.text("1")]
        text = form.times.join([parts[0], *[_guarded(part, form) for part in parts[1:]]])
        for divisor in e.below:
            text = form.infix("div", text, _guarded(self._inside(divisor, numbers, PRODUCT, True), form))
        return (form.minus + _guarded(text, form), SUM) if e.negative else (text, PRODUCT)

    def _written(self, e: Apply, numbers: Any) -> str:
        """An array with one of its parts replaced, or something added there."""
        base, *indices, new = e.operands
        place = sliced(e.operation, e.shapes[0]) if not indices else ", ".join([self._write(a, numbers)[0] for a in indices])
        value = self._inside(new, numbers, SUM)
        if e.operation.name.endswith("add") and isinstance(base, Number) and not np.any(base.value):
            return self.form.placed(value, place)
        return self.form.changed(self._inside(base, numbers, SUM), place, "+=" if e.operation.name.endswith("add") else "=", value)

    def _number(self, value: Any) -> tuple[str, int]:
        text = shown(value, self.digits)
        return self.form.text(text), SUM if text.startswith("−") or " + " in text or " − " in text else ATOM

    def _inside(self, e: Expression, numbers: Any, binds: int, strictly: bool = False) -> str:
        text, tightness = self._write(e, numbers)
        return self.form.parentheses(text) if tightness < binds or strictly and tightness == binds else text

    def _apply(self, e: Apply, numbers: Any) -> tuple[str, int]:
        form, name, operands = self.form, e.operation.name, e.operands
        if name in INFIX and len(operands) == 2:
            binds, strictly = INFIX[name][2:]
            left = self._inside(operands[0], numbers, binds)
            return form.infix(name, left, _guarded(self._inside(operands[1], numbers, binds, strictly), form)), binds
        if name == "neg":
            return form.minus + _guarded(self._inside(operands[0], numbers, PRODUCT), form), SUM
        if name == "reciprocal":
            return form.text("1") + "/" + self._inside(operands[0], numbers, PRODUCT, True), PRODUCT
        if name in ("integer_pow", "square", "pow"):
            exponent = (
                self._write(operands[1], numbers)[0] if name == "pow" else form.text(number(2 if name == "square" else e.operation.n))
            )
            return form.power(self._inside(operands[0], numbers, POWER, True), exponent), POWER
        if name == "abs":
            return form.bars(self._write(operands[0], numbers)[0]), ATOM
        if name in FUNCTIONS and len(operands) == 1:
            text, tightness = self._write(operands[0], numbers)
            return form.prefix(name, text, tightness >= POWER), PREFIX
        if name == "slice":
            return form.index(self._inside(operands[0], numbers, ATOM), [form.text(sliced(e.operation, e.shapes[0]))]), ATOM
        if name in ("slice_add", "slice_set", "scatter_add", "scatter_set"):
            return self._written(e, numbers), SUM
        if name == "gather":
            return form.index(self._inside(operands[0], numbers, ATOM), [self._write(a, numbers)[0] for a in operands[1:]]), ATOM
        if name == "transpose":
            return form.power(self._inside(operands[0], numbers, POWER, True), form.text("T")), POWER
        if name == "dot" and _matrix_product(e) is not None:
            turned = _matrix_product(e) or ()
            left, right = [
                form.power(self._inside(a, numbers, POWER, True), form.text("T")) if turn else self._inside(a, numbers, PREFIX)
                for a, turn in zip(operands, turned, strict=True)
            ]
            return f"{left} {form.text('@')} {right}", PRODUCT
        if name == "dot":
            word = "dot" if e.operation.contract[0] else "outer"
            return form.call(word, [self._write(a, numbers)[0] for a in operands], ""), ATOM
        return form.call(WORDS.get(name, name), [self._write(a, numbers)[0] for a in operands], parameters(e.operation)), ATOM


def split_label(label: str) -> tuple[str, str]:
    """A user's name and its index: x1 is x with 1 below.

    >>> split_label("x1"), split_label("w"), split_label("p['a'][0]")
    (('x', '1'), ('w', ''), ("p['a'][0]", ''))
    """
    base = label.rstrip("0123456789")
    return (base, label[len(base) :]) if base.isalpha() else (label, "")


def is_short(e: Expression, numbers: Any) -> bool:
    """Whether a formula is worth writing with numbers in place of names: there are some, and no arrays."""
    if isinstance(e, Name):
        value = numbers(e.node, e.accent)
        return value is not None and np.ndim(value) == 0 and not isinstance(value, list)
    if isinstance(e, Number):
        return np.ndim(e.value) == 0
    if isinstance(e, Apply):
        return all([is_short(a, numbers) for a in e.operands])
    if isinstance(e, Plus):
        return is_short(e.left, numbers) and is_short(e.right, numbers)
    return isinstance(e, (Times, Product)) and all([is_short(a, numbers) for a in [*e.factors, *getattr(e, "below", [])]])


def _matrix_product(e: Apply) -> tuple[bool, bool] | None:
    """Which operands are transposed in the product of matrices or vectors that it is; None if it is none."""
    (cx, cy), (bx, _) = e.operation.contract, e.operation.batch_axes
    nx, ny = len(e.shapes[0]), len(e.shapes[1])
    if bx or len(cx) != 1 or max(nx, ny) > 2:
        return None
    return cx[0] != nx - 1, cy[0] != 0


def _guarded(text: str, form: Text) -> str:
    """A text that starts with a minus, after a sign."""
    return form.parentheses(text) if text.startswith(("−", "-")) else text
