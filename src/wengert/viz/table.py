"""The trace of a function as a table: each step with formula and numbers, beside its tangent or its adjoint.

The layout is that of tables 2 and 3 of Baydin, Pearlmutter, Radul & Siskind, *Automatic Differentiation in Machine Learning: a
Survey*, JMLR 18 (2018). Knows runs and formulas. Start at `trace_table`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.api.transformed import Transformed
from wengert.errors import ArgumentError, four_parts
from wengert.source import here
from wengert.viz.differentiate import Contribution, partial
from wengert.viz.formula import Derivative, Label, Name, Number, Plus, Times, contribution_of, is_short, tangent_of, test_of, value_of
from wengert.viz.observe import Group, Node, Step, elided, line, nodes_in
from wengert.viz.rows import Cell, Row, Substituted, TraceTable
from wengert.viz.subject import Subject

MODES = ("forward", "reverse")


def trace_table(f: Callable[..., Any], mode: str = "forward", seed: Any = None, digits: int = 3, argnums: Any = None) -> Transformed:
    """The forward primal trace of a call of f beside its tangent trace, or beside its reverse adjoint trace.

    Use it to see what automatic differentiation does, on a function of your own: each step with its formula and its numbers, as in
    tables 2 and 3 of Baydin et al. (2018). Loops, branches and calls are nested; of many iterations the first and the last are shown.
    The formulas of tangents and adjoints are read off the rules that compute them.

    Parameters
    ----------
    f : callable
        The function. The result is called with its arguments, of which at least one is a float or an array of floats.
    mode : "forward" or "reverse"
        Tangents or adjoints.
    seed : optional
        In forward mode the tangents of the arguments, one for each, in a tuple; by default 1 for the first and 0 for the others.
        In reverse mode the adjoints of the results; by default 1.
    digits : int
        Decimals of numbers of moderate size.
    argnums : int, str or sequence of them, optional
        The arguments to differentiate by, by position or name; by default all that are real. The others are constants.

    Returns
    -------
    callable
        From the arguments of f to a `TraceTable`: text when printed, HTML in a notebook, `.html()`, `.latex()`, and `.steps`, the
        numbers.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> f = lambda x1, x2: np.log(x1) + x1 * x2 - np.sin(x2)
    >>> print(wg.trace_table(f)(2.0, 5.0))
    Forward primal trace                       │ Forward tangent trace
    ───────────────────────────────────────────┼────────────────────────────────────────────────
    v₋₁ = x₁                          = 2      │ v̇₋₁ = ẋ₁                                  = 1
    v₀  = x₂                          = 5      │ v̇₀  = ẋ₂                                  = 0
    ───────────────────────────────────────────┼────────────────────────────────────────────────
    v₁  = ln v₋₁ = ln 2               = 0.693  │ v̇₁  = v̇₋₁/v₋₁ = 1/2                       = 0.5
    v₂  = v₋₁ × v₀ = 2 × 5            = 10     │ v̇₂  = v̇₋₁ × v₀ + v₋₁ × v̇₀ = 1 × 5 + 2 × 0 = 5
    v₃  = sin v₀ = sin 5              = −0.959 │ v̇₃  = v̇₀ × cos v₀ = 0 × cos 5             = 0
    v₄  = v₁ + v₂ = 0.693 + 10        = 10.693 │ v̇₄  = v̇₁ + v̇₂ = 0.5 + 5                   = 5.5
    v₅  = v₄ − v₃ = 10.693 − (−0.959) = 11.652 │ v̇₅  = v̇₄ − v̇₃ = 5.5 − 0                   = 5.5
    ───────────────────────────────────────────┼────────────────────────────────────────────────
    y   = v₅                          = 11.652 │ ẏ   = v̇₅                                  = 5.5
    """
    if mode not in MODES:
        raise ArgumentError(
            four_parts("mode of trace_table is a direction", f"{mode!r}", instead=" or ".join(map(repr, MODES)), where=here())
        )
    return Transformed(_trace_table, f, mode=mode, seed=seed, digits=digits, argnums=argnums)


def _trace_table(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> TraceTable:
    subject = Subject(f, args, kwargs, options["argnums"])
    maker: type[_Rows] = _Forward if options["mode"] == "forward" else _Reverse
    return maker(subject, options["seed"], options["digits"]).table()


class _Rows:
    """The rows of either table, from a run."""

    heading = ""

    def __init__(self, subject: Subject, seed: Any, digits: int) -> None:
        self.subject, self.digits = subject, digits
        self.rows: list[Row] = []
        self.accented = self.prepare(seed)

    def table(self) -> TraceTable:
        """All rows: inputs, steps, outputs."""
        run, outs = self.subject.run, self.subject.results
        for node in run.inputs:
            if node.number is not None:
                left = Cell(Name(node), [Label(node.label)], node.value)
            else:
                left = Cell(Label(node.label), [], node.value)
            self.rows.append(Row("input", 0, left, self.of_input(node)))
        self.inside(run.root, 0)
        for i, node in enumerate(outs):
            name = Label("y" if len(outs) == 1 else f"y{i + 1}")
            if isinstance(node, Node):
                chain = [Name(node)] if node.number is not None or node.label else []
                self.rows.append(Row("output", 0, Cell(name, chain, node.value), self.of_output(node, name)))
        return TraceTable(self.subject.name, self.heading, self.rows, self.digits, self.mode)

    def inside(self, group: Group, depth: int) -> None:
        """The rows of what is inside a group."""
        for item in elided(group):
            if isinstance(item, Step):
                self.rows += self.of_step(item, depth)
            elif item.kind == "elided":
                self.rows.append(Row("group", depth, None, [], title=[f"… {item.title}"]))
            else:
                self.rows.append(Row("group", depth, None, [], line=line(item), title=title(item)))
                self.inside(item, depth + 1)

    def of_step(self, step: Step, depth: int) -> list[Row]:
        """A step, with what belongs to it on the right: a row for each of its results."""
        rows = []
        plain = lambda node, accent: node.value
        for place, out in enumerate(step.outs):
            formula = value_of(step, place)
            chain = [formula, Substituted(formula, plain)] if is_short(formula, plain) else [formula]
            rows.append(Row("step", depth, Cell(Name(out), chain, out.value), self.of(step, place), line=step.span))
        return rows

    mode = ""

    def prepare(self, seed: Any) -> dict[Node, Any]:
        """The tangents, or the adjoints, of all values."""
        raise NotImplementedError

    def of_input(self, node: Node) -> list[Cell]:
        """What stands beside an input."""
        raise NotImplementedError

    def of(self, step: Step, place: int) -> list[Cell]:
        """What stands beside a result of a step."""
        raise NotImplementedError

    def of_output(self, node: Node, name: Label) -> list[Cell]:
        """What stands beside an output."""
        raise NotImplementedError

    def number(self, node: Node, accent: str) -> Any:
        """What is written in place of a name."""
        return self.accented.get(node, np.zeros(node.type.shape)[()]) if accent else node.value


class _Forward(_Rows):
    """Tangents beside values."""

    heading = "Forward tangent trace"
    mode = "forward"

    def prepare(self, seed: Any) -> dict[Node, Any]:
        return self.subject.tangents(seed)

    def of_input(self, node: Node) -> list[Cell]:
        return [Cell(Name(node, "dot"), [Label(node.label, "dot")], self.accented[node])] if node in self.accented else []

    def of(self, step: Step, place: int) -> list[Cell]:
        out = step.outs[place]
        if out not in self.accented:
            return []
        active = [any([node in self.accented for node in nodes_in(a)]) for a in step.operands]
        formula = tangent_of(step, place, active) if len(step.outs) == len(step.parts) else None
        if formula is None:
            return [Cell(Name(out, "dot"), [in_partials(step, out, active)], self.accented[out])]
        chain = [formula, Substituted(formula, self.number)] if is_short(formula, self.number) else [formula]
        return [Cell(Name(out, "dot"), chain, self.accented[out])]

    def of_output(self, node: Node, name: Label) -> list[Cell]:
        if node not in self.accented:
            return []
        return [Cell(Label(name.text, "dot"), [Name(node, "dot")], self.accented[node])]


class _Reverse(_Rows):
    """Adjoints beside values, to be read from the last row to the first."""

    heading = "Reverse adjoint trace (read upwards)"
    mode = "reverse"

    def prepare(self, seed: Any) -> dict[Node, Any]:
        found, trace = self.subject.adjoints(seed)
        self.contributions: dict[int, list[Contribution]] = {}
        for c in trace:
            self.contributions.setdefault(id(c.step), []).append(c)
        return found

    def of_input(self, node: Node) -> list[Cell]:
        return [Cell(Label(node.label, "bar"), [Name(node, "bar")], self.accented[node])] if node in self.accented else []

    def of(self, step: Step, place: int) -> list[Cell]:
        cells: list[Cell] = []
        if place:
            return cells
        for c in reversed(self.contributions.get(id(step), [])):
            out = next(node for node in step.outs if node in self.accented)
            generic = Times(Name(out, "bar"), Derivative(out, c.node), beside=True)
            written = contribution_of(step, c.place)
            chain = [generic, written]
            if written is None:
                slope = partial(step, c.place)
                chain = [generic] if slope is None or np.ndim(slope) else [generic, Times(Name(out, "bar"), Number(slope))]
            if not c.first:
                chain = [Plus(Name(c.node, "bar"), e) for e in chain]
            cells.append(Cell(Name(c.node, "bar"), chain, c.total))
        return cells

    def of_output(self, node: Node, name: Label) -> list[Cell]:
        if node not in self.accented or not node.varied:
            return []
        return [Cell(Name(node, "bar"), [Label(name.text, "bar")], self.accented[node])]


def in_partials(step: Step, out: Node, active: Any) -> Any:
    """The tangent by the chain rule: v̇ ∂out/∂v + …"""
    terms = [
        Times(Name(a, "dot"), Derivative(out, a), beside=True)
        for a, on in zip(step.operands, active, strict=True)
        if on and isinstance(a, Node)
    ]
    total: Any = terms[0]
    for term in terms[1:]:
        total = Plus(total, term)
    return total


def title(group: Group) -> list[Any]:
    """What a group is: words and formulas."""
    if group.kind == "branch" and group.test is not None:
        index, taken, count = group.test
        if count == 2:
            return ["if ", test_of(index), f": {'true' if taken else 'false'}"]
        return [f"branch {taken + 1} of {count}"]
    return [group.title]
