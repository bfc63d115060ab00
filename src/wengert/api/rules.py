"""What a user's derivative rule does, found out by tracing it when a derivative first asks, and kept while it stays the same.

Start at `remembered`, then `_Rule`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api import closures
from wengert.api.derivatives import zero_of
from wengert.api.point import as_value
from wengert.contract import zeros
from wengert.errors import CutDerivativeError, ShapeError, TraceError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import type_of
from wengert.ir.values import Function, Traced, Var, literal
from wengert.ir.walk import specialize
from wengert.primitives.shape import cast
from wengert.trace import capture
from wengert.trace.record import Run, name_of, run, where


class OneCall:
    """One call of a function with a rule: its float and array leaves, traced; the rest as it is."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], nondiff: Sequence[int]) -> None:
        self.f, self.args, self.nondiff = f, args, tuple(nondiff)
        self.differentiable = [i for i in range(len(args)) if i not in self.nondiff]
        self.leaves, self.structure = tree.flatten(tuple([args[i] for i in self.differentiable]))
        self.places = [i for i, leaf in enumerate(self.leaves) if is_array(leaf)]
        self.values = [as_value(self.leaves[i]) for i in self.places]
        self.types = [v.type if isinstance(v, Traced) else type_of(v) for v in self.values]

    def fill(self, traced: Sequence[Any]) -> tuple[Any, ...]:
        """The differentiable arguments around traced leaves."""
        leaves = list(self.leaves)
        for i, value in zip(self.places, traced, strict=True):
            leaves[i] = value
        return tree.unflatten(self.structure, leaves)  # type: ignore[no-any-return]

    def all_arguments(self, traced: Sequence[Any]) -> list[Any]:
        """All arguments of the call, traced leaves in their places."""
        args = list(self.args)
        for i, value in zip(self.differentiable, self.fill(traced), strict=True):
            args[i] = value
        return args

    def static(self) -> list[Any]:
        """The arguments that are not differentiated by."""
        return [self.args[i] for i in self.nondiff]

    def run(self, f: Callable[..., Any] | None = None) -> Run:
        """Trace the function, or its rule, on these arguments."""
        target = f or self.f
        done = run(
            target,
            lambda t: capture.call(target, *self.all_arguments(t)),
            self.types,
            self.values,
            extra_key=(self.structure, self.nondiff),
        )
        _require_closed(target, done)
        return done

    def finished(self, done: Run, results: Sequence[Any]) -> Any:
        """What the function returned, after what it assigned to its arguments is there."""
        done.write_back(self.values, results)
        return done.outputs(results)


def is_array(leaf: Any) -> bool:
    """Whether this argument is traced, if anything is."""
    return isinstance(leaf, (Traced, float, complex, np.ndarray, np.generic)) and as_value(leaf) is not None


def _require_closed(f: Callable[..., Any], done: Run) -> None:
    """A rule says nothing of what the function closes over, so that may not be traced."""
    for value in done.captured:
        if isinstance(value, Traced):
            raise CutDerivativeError(
                four_parts(
                    f"{name_of(f)} has a derivative rule and closes over a traced value",
                    f"a {value.type!r} from outside",
                    "The rule gives derivatives by the arguments only, so the derivative by this value would be lost.",
                    "pass the value as an argument",
                    where(f),
                )
            )


def several(results: Any) -> list[Any]:
    """Results as a list."""
    return list(results) if isinstance(results, tuple) else [results]


class _Rule:
    """A user's rule for one signature of its function.

    It is traced when a derivative is first taken: a rule may well call its own function.
    What it closes over is then constant, so later calls ask `is_stale`. Where all that it closes
    over cannot change in place, that compares objects; else it traces the rule again, which
    walks a trace seen before, and compares what comes out.
    """

    def __init__(self, owner: Any, rules: Any, call: OneCall, done: Run) -> None:
        self.owner, self.rules, self.done = owner, rules, done
        # Only what is static of the call is kept, not its values.
        self.call = call
        self.call.values = [None] * len(call.types)
        for i in call.places:
            call.leaves[i] = None
        self.n_more = len(done.captured)
        self._traces: list[tuple[Callable[[], Run], Run]] = []
        self._constants: list[Any] = []  # what is static of the residuals, at each trace
        self._sees: list[Any] | None = None  # what the rule led to when it was traced, if that cannot change in place
        self._functions: dict[str, Function] = {}

    def _seen_now(self) -> list[Any] | None:
        return closures.constants([self.rules, *self.call.static(), *[x for x in self.call.leaves if x is not None]])

    def is_stale(self) -> bool:
        """Whether the rule, traced now, is another program or closes over other values."""
        if not self._traces or self in _pass.checked:  # the latter: asked while this is found out, for it or for a rule that uses it
            return False
        now = self._seen_now()
        if closures.same(now, self._sees):
            return False
        outermost = not _pass.checked
        _pass.checked.add(self)
        try:
            changed = any([not _same_run(again(), then) for again, then in self._traces])
            changed = changed or any([c != self._constants[0] for c in self._constants[1:]])
            del self._constants[1:]
            self._sees = now
            return changed
        finally:
            if outermost:
                _pass.checked.clear()

    def _traced(self, what: str, f: Callable[..., Any], body: Callable[[list[Any]], Any], types: Sequence[Any], extra: Any) -> Run:
        def again() -> Run:
            done = run(f, body, types, None, extra_key=(what, self.call.structure, self.call.nondiff, extra))
            _require_closed(f, done)
            return done

        sees = self._seen_now()
        self._sees = sees if not self._traces or closures.same(sees, self._sees) else None
        done = again()
        self._traces.append((again, done))
        return done

    def _closed(self, done: Run) -> Function:
        """The traced rule with what it closes over as literals."""
        n = len(done.function.inputs) - len(done.captured)
        fixed = {}
        for v, value in zip(done.function.inputs[n:], done.captured, strict=True):
            fixed[v] = literal(value)
        return specialize(done.function, fixed)


class _Pass(threading.local):
    """The rules already looked at while one that uses them is checked: each is traced again once."""

    def __init__(self) -> None:
        self.checked: set[_Rule] = set()


_pass = _Pass()


def _same_run(now: Run, then: Run) -> bool:
    return now.function is then.function and all(
        [np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in zip(now.captured, then.captured, strict=True)]
    )


class JvpRule(_Rule):
    """(operands, tangents of the inexact ones) -> (outputs, tangents of the inexact ones)."""

    def function(self) -> Function:
        """The rule as a Function."""
        if "rule" not in self._functions:
            self._functions["rule"] = self._make()
        return self._functions["rule"]

    def _make(self) -> Function:
        call, rule, f = self.call, self.rules, self.owner.f
        n = len(call.types)
        moving = [i for i, t in enumerate(call.types) if t.inexact]

        def body(traced: list[Any]) -> Any:
            directions: list[Any] = [zero_of(t) for t in call.types]
            for i, value in zip(moving, traced[n:], strict=True):
                directions[i] = value
            out = capture.call(rule, *call.static(), call.fill(traced[:n]), call.fill(directions))
            if not isinstance(out, tuple) or len(out) != 2:
                raise TraceError(
                    four_parts(
                        f"the jvp rule of {name_of(f)} must return (value, tangent)", f"it returned {type(out).__name__}", where=where(rule)
                    )
                )
            tree.require_same(f"the value returned by the jvp rule of {name_of(f)}", self.done.structure, tree.flatten(out[0])[1])
            tree.require_same(f"the tangent returned by the jvp rule of {name_of(f)}", self.done.structure, tree.flatten(out[1])[1])
            return out

        done = self._traced("jvp", rule, body, [*call.types, *[call.types[i] for i in moving]], None)
        k = self.done.n_outputs
        closed = self._closed(done)
        wanted = self.done.function.out_types
        values = [_fit(a, t, rule, "value") for a, t in zip(closed.outputs[:k], wanted, strict=True)]
        tangents = [_fit(a, t, rule, "tangent") for a, t in zip(closed.outputs[k:], wanted, strict=True) if t.inexact]
        unused = [Var(v.type) for v in self.done.function.inputs[n:]]
        ignored = [Var(v.type) for v in unused if v.type.inexact]
        return _function([*closed.inputs[:n], *unused, *closed.inputs[n:], *ignored], closed, [*values, *tangents])


class VjpRule(_Rule):
    """forward: operands -> (outputs, residuals); backward: (residuals, cotangents) -> cotangents of the inexact operands."""

    def forward(self) -> Function:
        """The forward rule as a Function."""
        if "forward" not in self._functions:
            self._make()
        return self._functions["forward"]

    def backward(self) -> Function:
        """The backward rule as a Function."""
        if "backward" not in self._functions:
            self._make()
        return self._functions["backward"]

    def _make(self) -> None:
        call, f = self.call, self.owner.f
        forward, backward = self.rules
        n, k = len(call.types), self.done.n_outputs
        wanted = self.done.function.out_types
        held: list[Any] = []

        def ahead(traced: list[Any]) -> Any:
            out = capture.call(forward, *call.all_arguments(traced))
            if not isinstance(out, tuple) or len(out) != 2:
                raise TraceError(
                    four_parts(
                        f"the forward rule of {name_of(f)} must return (value, residuals)",
                        f"it returned {type(out).__name__}",
                        where=where(forward),
                    )
                )
            value, residuals = out
            tree.require_same(f"the value returned by the forward rule of {name_of(f)}", self.done.structure, tree.flatten(value)[1])
            leaves, structure = tree.flatten(residuals)
            kept = [i for i, leaf in enumerate(leaves) if as_value(leaf) is not None and not isinstance(leaf, (bool, int))]
            held[:] = [leaves, structure, kept]
            self._constants.append((structure, [key_of(leaf) for i, leaf in enumerate(leaves) if i not in kept]))
            return value, [leaves[i] for i in kept]

        first = self._closed(self._traced("forward", forward, ahead, call.types, None))
        leaves, structure, kept = held
        leaves = [None if i in kept else leaf for i, leaf in enumerate(leaves)]
        values = [_fit(a, t, forward, "value") for a, t in zip(first.outputs[:k], wanted, strict=True)]
        residual_types = [a.type for a in first.outputs[k:]]
        unused = [Var(v.type) for v in self.done.function.inputs[n:]]
        self._functions["forward"] = _function([*first.inputs, *unused], first, [*values, *first.outputs[k:]])
        moving = [i for i, t in enumerate(wanted) if t.inexact]
        operands = [i for i, t in enumerate(call.types) if t.inexact]

        def back(traced: list[Any]) -> Any:
            filled = list(leaves)
            for i, value in zip(kept, traced[: len(kept)], strict=True):
                filled[i] = value
            cts: list[Any] = [zero_of(t) for t in wanted]
            for i, value in zip(moving, traced[len(kept) :], strict=True):
                cts[i] = value
            out = capture.call(backward, *call.static(), tree.unflatten(structure, filled), tree.unflatten(self.done.structure, cts))
            if not isinstance(out, tuple) or len(out) != len(call.differentiable):
                raise TraceError(
                    four_parts(
                        f"the backward rule of {name_of(f)} must return a tuple of {len(call.differentiable)} cotangents",
                        f"it returned {type(out).__name__}" + (f" of {len(out)}" if isinstance(out, tuple) else ""),
                        "One for each differentiable argument, None where it is zero.",
                        where=where(backward),
                    )
                )
            return _spread_none(out, call)

        second = self._closed(
            self._traced("backward", backward, back, [*residual_types, *[wanted[i] for i in moving]], tuple(residual_types))
        )
        cts = [_fit(second.outputs[j], call.types[i], backward, "cotangent") for j, i in enumerate(operands)]
        none = [zeros(v.type) for v in unused if v.type.inexact]  # type: ignore[arg-type]
        self._functions["backward"] = _function(second.inputs, second, [*cts, *none])


def _spread_none(out: tuple[Any, ...], call: OneCall) -> list[Any]:
    """Cotangents of the inexact leaves, None read as zero."""
    cts: list[Any] = []
    shapes = call.fill([zero_of(t) for t in call.types])
    for given, shape in zip(out, shapes, strict=True):
        if given is None:
            given = tree.map_leaves(lambda leaf: leaf, shape)
        tree.require_same("a cotangent returned by a backward rule", tree.flatten(shape)[1], tree.flatten(given)[1])
        cts += tree.flatten(given)[0]
    return [cts[i] for i, t in zip(call.places, call.types, strict=True) if t.inexact]


def _fit(a: Any, type: Any, rule: Callable[..., Any], what: str) -> Any:
    if a.type.shape != type.shape or a.type.dtype.kind == "c" != type.dtype.kind:
        raise ShapeError(
            four_parts(
                f"the {what} that a derivative rule returns has another shape or dtype",
                f"expected {type!r}, got {a.type!r}",
                where=where(rule),
            )
        )
    return a, type


def _function(inputs: Sequence[Any], source: Function, outputs: Sequence[Any]) -> Function:
    """A Function of these inputs and the equations of another, outputs cast where their dtype differs."""
    builder = Builder()
    builder.equations = list(source.equations)
    with building(builder):
        outs = [cast(a[0], a[1].dtype) if isinstance(a, tuple) else a for a in outputs]
        return builder.build(inputs, outs, source.name)


_RULES = 4096  # signatures remembered, over all functions with rules
_rules: dict[Any, _Rule] = {}


def remembered(kind: type[_Rule], owner: Any, rules: Any, call: OneCall, done: Run) -> _Rule:
    """The rule of this function for this signature, traced again if what it closes over has changed."""
    static = tuple([key_of(a) for a in call.static()] + [key_of(x) for i, x in enumerate(call.leaves) if i not in call.places])
    key = (kind, id(owner), done.function, call.structure, static)
    found = _rules.get(key)
    if found is None or found.rules is not rules or found.is_stale():
        if len(_rules) >= _RULES:
            _rules.clear()
        found = _rules[key] = kind(owner, rules, call, done)
    return found


def key_of(x: Any) -> Any:
    """What a static argument is remembered by: its value, or its identity if it has no hash."""
    try:
        hash(x)
    except TypeError:
        return id(x)
    return type(x), x
