"""Run a Function at a point and keep every step: which operation, of which values, with which results, inside which loop or branch.

Knows the contract; of operations only those that hold Functions, which it looks into. Start at `observe`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.errors import NoRuleError
from wengert.ir.builder import Builder, building
from wengert.ir.types import ArrayType
from wengert.ir.values import Equation, Function, Literal, Var
from wengert.ir.walk import inline, memoized
from wengert.primitives.control import Call, Cond, Loop, Print, Stack, While
from wengert.primitives.index import slice_
from wengert.primitives.shape import Concatenate, reshape
from wengert.source import Span
from wengert.transform.evaluate import evaluate
from wengert.transform.jvp import jvp

MOST = 20_000  # steps that are looked at one by one; a loop that takes more is one step
LARGEST = 1 << 28  # bytes of all their results together


class Node:
    """A value of the run: an input, a result of a step, or a constant.

    number: its place in the Wengert list, -n+1 … 0 for the n inputs, 1 … for results; None where it is written as it is
    label:  the user's name of it, of inputs only
    origin: the value that it is under another shape; mostly itself
    depends: it is computed from an input that is differentiated by; varied: so that it has a tangent
    """

    __slots__ = ("depends", "label", "number", "observer", "origin", "step", "type", "value", "varied")

    def __init__(self, value: Any, type: Any, step: Step | None = None, observer: Observer | None = None) -> None:
        self.value, self.type, self.step, self.observer = value, type, step, observer
        self.number: int | None = None
        self.label = ""
        self.depends = self.varied = False
        self.origin: Node = self

    # What the `exact` rules of loops do with their operands, besides handing them on.

    def __add__(self, other: Node) -> Any:
        observer = self._observer(other)
        return observer.derived(lambda x, y: x + y, [self, other], observer.last_iteration())

    def __getitem__(self, i: Any) -> Any:
        observer = self._observer()
        return observer.derived(lambda x: _element(x, int(i)), [self], observer.coming)

    def _observer(self, other: Any = None) -> Observer:
        found = self.observer or getattr(other, "observer", None)
        assert found is not None, "a constant by itself"
        return found

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.label} {self.value!r}>"


class Step:
    """One operation that was performed: outs = function(operands), and of which operation it is.

    Operands are Nodes, or stacks of them. function: the operation alone, one input for each operand.
    """

    __slots__ = ("equation", "function", "group", "operands", "parts", "span")

    def __init__(self, function: Function, equation: Equation, operands: Sequence[Any], group: Group) -> None:
        self.function, self.equation, self.operands, self.group = function, equation, list(operands), group
        self.span = equation.span
        self.parts: list[Any] = []  # its results, as Nodes or stacks of them

    @property
    def outs(self) -> list[Node]:
        """Its results, those inside stacks one by one."""
        return [node for part in self.parts for node in nodes_in(part)]

    @property
    def visible(self) -> bool:
        """Whether it is part of the real computation. What is done with integers, truth values and constants is bookkeeping."""
        return any([out.type.inexact and out.depends for out in self.outs]) and not self.relabels

    @property
    def relabels(self) -> bool:
        """Whether the result is the operand under another shape: it goes by the same name."""
        operation: Any = self.equation.operation
        return bool(self.operands) and operation.relabels and len(self.function.equations) == 1 and isinstance(self.operands[0], Node)

    def nodes(self) -> list[Node]:
        """The operands, those inside stacks one by one."""
        return [node for operand in self.operands for node in nodes_in(operand)]


class Group:
    """What happened inside a call, a branch, a loop or one iteration of it: steps and further groups, in order.

    kind: "program", "call", "branch", "loop", "iteration", "test", or "elided" for iterations that are shown as one
    """

    __slots__ = ("children", "iterations", "kind", "parent", "test", "title")

    def __init__(self, kind: str, title: str, parent: Group | None) -> None:
        self.kind, self.title, self.parent = kind, title, parent
        self.children: list[Step | Group] = []
        self.iterations = 0  # of a loop, so far
        self.test: tuple[Any, int, int] | None = None  # of a branch: what decided, which was taken, of how many

    def steps(self) -> Iterator[Step]:
        """All steps inside, in order."""
        stack = [iter(self.children)]
        while stack:
            for child in stack[-1]:
                if isinstance(child, Step):
                    yield child
                else:
                    stack.append(iter(child.children))
                    break
            else:
                stack.pop()

    @property
    def visible(self) -> bool:
        """Whether there is a visible step inside."""
        return any([step.visible for step in self.steps()])


class Observed:
    """A run: its inputs, all that was done, its outputs."""

    __slots__ = ("function", "inputs", "outputs", "root")

    def __init__(self, function: Function, inputs: list[Node], root: Group, outputs: list[Node]) -> None:
        self.function, self.inputs, self.root, self.outputs = function, inputs, root, outputs

    def steps(self) -> list[Step]:
        """Every step, in order."""
        return list(self.root.steps())


class _TooManyError(Exception):
    """A loop takes more steps than are looked at one by one."""


def observe(function: Function, values: Sequence[Any], labels: Sequence[str], chosen: Sequence[bool], most: int = MOST) -> Observed:
    """Run a Function on these values, looking into calls, branches and loops.

    `labels` are the user's names of the inputs, `chosen` says by which it is differentiated. Operations with a rule
    of their own for their derivative are one step, whatever they hold.
    """
    observer = Observer(function.name, most)
    inputs = [Node(np.asarray(x)[()], v.type, observer=observer) for x, v in zip(values, function.inputs, strict=True)]
    for node, label, on in zip(inputs, labels, chosen, strict=True):
        node.label = label
        node.depends = node.varied = on and node.type.inexact
    with np.errstate(all="ignore"):
        outputs = observer.run(function, inputs)
    _read_as_numbers(observer.root, outputs)
    _by_depth_within_lines(observer.root)
    real = [node for node in inputs if node.varied]
    for i, node in enumerate(real):
        node.number = i + 1 - len(real)
    number = 1
    for step in observer.root.steps():
        if step.relabels:
            step.outs[0].number, step.outs[0].label = step.operands[0].number, step.operands[0].label
        elif step.visible:
            for out in step.outs:
                out.number = number
                number += 1
    return Observed(function, inputs, observer.root, outputs)


class Observer:
    """What the `exact` rules of calls, branches and loops are run by: values are Nodes, and stacks of them."""

    def __init__(self, name: str, most: int) -> None:
        self.root = self.group = Group("program", name, None)
        self.most, self.count, self.bytes, self.loops = most, 0, 0, 0
        self.within: list[Any] = []  # operations that are being looked into
        self.alone: dict[Equation, Function] = {}
        self.coming = Group("iteration", "", None)  # steps that belong to the iteration that is to follow

    # -- the interface of `methods.exact.Arithmetic` that operations holding Functions ask for ------

    def run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        """The outputs of a Function, its steps kept."""
        operation = self.within[-1] if self.within else None
        if isinstance(operation, (Loop, While)):
            kind = "test" if isinstance(operation, While) and function is operation.cond else "iteration"
            self.group.iterations += kind == "iteration"
            self.group = Group(kind, f"iteration {self.group.iterations}" if kind == "iteration" else "test", self.group)
            self.group.parent.children.append(self.group)  # type: ignore[union-attr]
            self.group.children, self.coming.children = self.coming.children, []
            outs = self._run(function, arguments)
            self.group = self.group.parent  # type: ignore[assignment]
            return outs
        return self._run(function, arguments)

    def choice(self, index: Any) -> int:
        """Which branch is taken."""
        taken = int(index.value)
        self.group.test = (index, taken, len(self.within[-1].branches))
        return taken

    def trips(self, count: Any) -> int:
        """How often a loop is run."""
        return int(count.value)

    def holds(self, test: Any) -> bool:
        """Whether a loop goes on."""
        return bool(test.value)

    def stack(self, items: Sequence[Any]) -> Any:
        """What a loop collects; `_bound` makes an array of it where that is its type."""
        return Stack(items)

    # -- performing ---------------------------------------------------------------------------------

    def _run(self, function: Function, arguments: Sequence[Any]) -> list[Any]:
        given = [a if isinstance(a, (Node, Stack)) else Node(a, v.type) for a, v in zip(arguments, function.inputs, strict=True)]
        env: dict[Any, Any] = dict(zip(function.inputs, given, strict=True))

        def value(a: Any) -> Any:
            return env[a] if isinstance(a, Var) else Node(a.array(), a.type)

        for equation in function.equations:
            operation: Any = equation.operation
            operands = [value(a) for a in equation.operands]
            if operation.effect:
                if not isinstance(operation, Print):  # a check raises, as in the user's own run
                    operation.evaluate(*[concrete(a) for a in operands])
                continue
            if type(operation).exact is not None and isinstance(operation, (Call, Cond, Loop, While)):
                outs = self._open(equation, operands)
            else:
                outs = self._perform_alone(equation, operands)
            env.update(zip(equation.outs, outs, strict=True))
        return [value(a) for a in function.outputs]

    def _open(self, equation: Equation, operands: Sequence[Any]) -> list[Any]:
        """The results of an operation that holds Functions, seen from inside; as one step if that takes too many."""
        operation: Any = equation.operation
        repeats = isinstance(operation, (Loop, While))
        outermost = repeats and self.loops == 0
        group, before, within = self.group, (self.count, self.bytes), len(self.within)
        self.loops += repeats
        try:
            self.group = Group(_kind(operation), _title(operation), group)
            self.group.children, inside = [], self.group
            group.children.append(inside)
            self.within.append(operation)
            results = operation.exact(self, *operands)
            outs = results if isinstance(results, tuple) else (results,)
            self.within.pop()
            self.group = group
            bound = [self._bound(out, v.type) for out, v in zip(outs, equation.outs, strict=True)]
            if repeats:
                inside.title = f"{inside.title}, {inside.iterations} iteration{'s' * (inside.iterations != 1)}"
            return bound
        except _TooManyError:
            if not outermost:
                raise
            while group.children[-1] is not inside:
                group.children.pop()
            group.children.pop()
            self.group, (self.count, self.bytes), self.coming.children = group, before, []
            del self.within[within:]
            return self._perform_alone(equation, operands)
        finally:
            self.loops -= repeats

    def perform(self, function: Function, equation: Equation, operands: Sequence[Any]) -> list[Any]:
        """The results of one step."""
        values = evaluate(function, [concrete(a) for a in operands])
        self.count += 1
        self.bytes += sum([getattr(x, "nbytes", 0) for x in values])
        if self.loops and (self.count > self.most or self.bytes > LARGEST):
            raise _TooManyError
        step = Step(function, equation, operands, self.group)
        depends = any([node.depends for node in step.nodes()])
        moved = _moved(step) if depends else [False] * len(values)
        step.parts = [self._result(x, a.type, step, (on, depends)) for x, a, on in zip(values, function.outputs, moved, strict=True)]
        if step.relabels:
            step.parts[0].origin = step.operands[0].origin
        self.group.children.append(step)
        return step.parts

    def _result(self, value: Any, type: Any, step: Step, moves: tuple[bool, bool]) -> Any:
        if not isinstance(type, ArrayType):
            return Stack([self._result(x, type.item, step, moves) for x in value])
        node = Node(value, type, step, self)
        node.varied, node.depends = moves[0] and type.inexact, moves[1]
        return node

    def _perform_alone(self, equation: Equation, operands: Sequence[Any]) -> list[Any]:
        moving = [x for x, a in zip(operands, equation.operands, strict=True) if isinstance(a, Var)]
        return self.perform(self._alone(equation), equation, moving)

    def last_iteration(self) -> Group:
        """The iteration that a loop has just done."""
        return next((c for c in reversed(self.group.children) if isinstance(c, Group)), self.group)

    def derived(self, body: Callable[..., Any], operands: Sequence[Any], group: Group) -> Node:
        """A step of a group that is no equation of the program: what a loop does with its operands by itself."""
        builder = Builder()
        inputs = [Var(a.type) for a in operands]
        with building(builder):
            function = builder.build(inputs, [body(*inputs)], "step")
        before, self.group = self.group, group
        try:
            (out,) = self.perform(function, function.equations[-1], operands)
        finally:
            self.group = before
        return out  # type: ignore[no-any-return]

    def _alone(self, equation: Equation) -> Function:
        """The Function of this equation by itself: literals stay, each other operand is an input of its own."""
        found = self.alone.get(equation)
        if found is None:
            operands = tuple([a if isinstance(a, Literal) else Var(a.type) for a in equation.operands])
            outs = tuple([Var(v.type) for v in equation.outs])
            inputs = [a for a in operands if isinstance(a, Var)]
            found = Function(inputs, [Equation(equation.operation, operands, outs, equation.span)], outs, equation.operation.name)
            self.alone[equation] = found
        return found

    def _bound(self, out: Any, type: Any) -> Any:
        if not isinstance(out, (Node, Stack)):
            return Node(out, type)
        if isinstance(out, Node) or not isinstance(type, ArrayType):
            return out
        if not out:
            return Node(np.zeros(type.shape, type.dtype), type)
        return self.derived(lambda *items: Concatenate(0)(*[reshape(x, (1, *type.shape[1:])) for x in items]), list(out), self.group)


def nodes_in(operand: Any) -> list[Node]:
    """A Node alone, or those of a stack."""
    return [operand] if isinstance(operand, Node) else [node for item in operand for node in nodes_in(item)]


def concrete(operand: Any) -> Any:
    """The value of a Node, or of a stack of them."""
    return operand.value if isinstance(operand, Node) else Stack([concrete(item) for item in operand])


def _moved(step: Step) -> Sequence[bool]:
    """Which results have a tangent where those operands have one that depend on an input."""
    active = tuple([any([node.varied for node in nodes_in(operand)]) for operand in step.operands])
    if not any(active):
        return [False] * len(step.function.outputs)
    try:
        return jvp(step.function, active)[1]
    except NoRuleError:  # it will be said when the derivative is asked for
        return [t.inexact for t in step.function.out_types]


def elided(group: Group, first: int = 2, last: int = 1) -> list[Step | Group]:
    """The children of a group; of a loop with many iterations the first and the last, the others as one group."""
    inner = [c for c in group.children if c.visible]
    if group.kind != "loop" or len(inner) <= first + last + 1:
        return inner
    hidden = Group("elided", f"{len(inner) - first - last} more iterations", group)
    hidden.children = inner[first : len(inner) - last]
    return [*inner[:first], hidden, *inner[len(inner) - last :]]


def line(item: Step | Group) -> Span | None:
    """The user's line of a step, or the first one in a group."""
    if isinstance(item, Step):
        return item.span
    return next((s.span for s in item.steps() if s.span is not None and s.visible), None)


def _read_as_numbers(root: Group, outputs: Sequence[Node]) -> None:
    """An array of one element that is read as a number only is that number at once: x[0] is one step, and its value no array."""
    readers: dict[Node, list[Step]] = {}
    for step in root.steps():
        for node in step.nodes():
            readers.setdefault(node, []).append(step)
    for node, (reader, *others) in list(readers.items()):
        made = node.step
        if made is None or others or node in outputs or not reader.relabels or reader.outs[0].type.shape or reader.group is not made.group:
            continue
        if len(made.parts) == 1 and isinstance(made.parts[0], Node) and made.operands and not made.relabels:
            made.function, made.parts = _reshaped(made.function), reader.parts
            made.parts[0].step, made.parts[0].origin = made, made.parts[0]
            made.group.children.remove(reader)
    for step in root.steps():
        if step.relabels:
            step.outs[0].origin = step.operands[0].origin


def _reshaped(function: Function) -> Function:
    """A Function with its result as a number."""

    def make() -> Function:
        builder = Builder()
        inputs = [Var(t) for t in function.in_types]
        with building(builder):
            return builder.build(inputs, [reshape(inline(function, inputs)[0], ())], function.name)

    return memoized(function, "as_a_number", make)  # type: ignore[no-any-return]


def _element(x: Any, i: int) -> Any:
    shape = x.type.shape
    part = slice_(x, (i, *[0] * (len(shape) - 1)), (i + 1, *shape[1:]), (1,) * len(shape))
    return reshape(part, shape[1:])


def _kind(operation: Any) -> str:
    return "branch" if isinstance(operation, Cond) else "loop" if isinstance(operation, (Loop, While)) else "call"


def _title(operation: Any) -> str:
    if isinstance(operation, Cond):
        return "branch"
    if isinstance(operation, While):
        return "while loop"
    if isinstance(operation, Loop):
        return "loop"
    return f"{operation.name.replace('_', ' ')} {operation.function.name}"


def _by_depth_within_lines(root: Group) -> None:
    """Order the steps of one line of source by how deep they are in its expression, as the literature numbers them."""
    pending = [root]
    while pending:
        group = pending.pop()
        run: list[Step] = []
        ordered: list[Step | Group] = []
        for child in [*group.children, None]:
            if isinstance(child, Step) and (not run or child.span == run[0].span):
                run.append(child)
                continue
            ordered.extend(_by_depth(run))
            run = []
            if isinstance(child, Step):
                run = [child]
            elif child is not None:
                ordered.append(child)
                pending.append(child)
        group.children = ordered


def _by_depth(run: list[Step]) -> list[Step]:
    depth: dict[int, int] = {}
    for step in run:
        depth[id(step)] = 1 + max([depth.get(id(node.step), 0) for node in step.nodes()], default=0)
    return sorted(run, key=lambda step: depth[id(step)])
