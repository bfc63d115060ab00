"""One signature of a compiled function, traced: the Function it is, what else it reads, what it depends on.

Start at `specialize`, which traces as often as it takes to find what has to be static.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.entered import is_usual, native_signature
from wengert.api.native import CompiledCall, has_codegen, load, native, runner
from wengert.api.signature import Arguments, Spec, Static, StaticKey, Weakly, conform, may_be_pinned, type_of_kind
from wengert.api.standin import StandIns
from wengert.api.surroundings import Surroundings
from wengert.config import settings
from wengert.errors import AbstractValueError, EndlessError
from wengert.ir.types import type_of
from wengert.ir.values import Function, Traced, literal
from wengert.ir.walk import memoized
from wengert.ir.walk import specialize as _with_literals
from wengert.runtime.collector import paused
from wengert.trace import capture
from wengert.trace.record import Run, active, require_apart, run, write_back

SMALL = 1 << 14  # elements: constants up to this size are written into the program, larger ones are passed to it, which takes Python
_VARIANTS = 2  # after so many different constants in the same program, they are passed to it


class Spent:
    """Seconds that a program took to make."""

    __slots__ = ("compile", "compiled", "trace")

    def __init__(self) -> None:
        self.trace = self.compile = 0.0
        self.compiled = False


class Specialisation:
    """A program for one signature: arguments, arrays seen outside, large constants -> results.

    places: the leaves that are its first inputs; reads: what it sees outside that follows
    pins:   leaf -> the value of an integer or bool that was needed to trace it
    once:   it depends on a trace that is going on, and serves this call only
    """

    def __init__(self, arguments: Arguments, places: list[int], pins: dict[int, Any], surroundings: Surroundings) -> None:
        self.kinds, self.structure_in = list(arguments.kinds), arguments.structure
        self.places, self.pins, self.surroundings = places, pins, surroundings
        self.function: Function
        self.reads: list[int] = []
        self.constants: list[Any] = []
        self.structure: Any = None
        self.weak: list[bool] = []
        self.once = False
        self.signature: Any = None  # what a native entry checks, where one is possible
        self.entered: Any = None  # the kernel with that entry
        self.changed: list[tuple[bool, int]] = []  # what the function assigns to: (is an argument, leaf or slot), the last outputs
        self.spent = Spent()

    def given(self, arguments: Arguments, slots: Sequence[Any]) -> list[Any]:
        """The caller's arrays that the function assigns to."""
        if self.changed:
            found = [arguments.leaves[i] if own else slots[i] for own, i in self.changed]
            require_apart(found, [*arguments.leaves, *[slots[i] for i in self.reads]])
        return [arguments.leaves[i] if own else slots[i] for own, i in self.changed]

    def inputs(self, arguments: Arguments, slots: Sequence[Any]) -> list[Any]:
        """The values of the program's inputs, for these arguments and what is seen now."""
        values = [conform(arguments.leaves[i]) for i in self.places]
        values += [conform(slots[i]) for i in self.reads]
        return values + self.constants

    def run(self, values: Sequence[Any], donated: tuple[int, ...], fastmath: bool, given: Sequence[Any] = ()) -> Any:
        """The results for the values of the inputs, in the containers that the function returned.

        `given` are the caller's arrays that the function assigns to, in the order of `changed`.
        """
        if any([isinstance(v, Traced) for v in values]):
            out = CompiledCall(self.function, fastmath)(*values)
            results = list(out) if isinstance(out, tuple) else [out]
            for r, weak in zip(results, self.weak, strict=False):
                if weak and isinstance(r, Traced):
                    r.weak = True  # type: ignore[attr-defined]
        else:
            results = self.kernel(donated, fastmath)(values)
        if self.changed:
            n = len(results) - len(self.changed)
            for array, value in zip(given, results[n:], strict=True):
                write_back(array, value)
            results = results[:n]
        return results[0] if self.structure is None else tree.unflatten(self.structure, results)

    def kernel(self, donated: tuple[int, ...], fastmath: bool) -> Any:
        """The compiled code, made when it is first needed."""
        if self.entered is not None and not donated and not settings().debug_nans:
            return runner(self.entered)
        if self.spent.compiled:
            return native(self.function, donated, fastmath)
        start = time.perf_counter()
        if self.signature is not None and not donated and not settings().debug_nans:
            self.entered = load(self.function, (), fastmath, self.signature)
        made = native(self.function, donated, fastmath) if self.entered is None else runner(self.entered)
        self.spent.compile += time.perf_counter() - start
        self.spent.compiled = True
        return made


def specialize(f: Callable[..., Any], arguments: Arguments, pinned: Sequence[int], concrete: Callable[[Any], Any]) -> Specialisation:
    """Trace f for these arguments.

    At first integers and bools are traced, and so are the arrays that f sees outside. If Python needs the value of an
    integer, it becomes static. If f does with an array what no traced value can do, as calling a library, the arrays
    are constants of the program, which then depends on their values.
    """
    tape = active()
    aside = tape is not None and tape.journal is not None  # there a traced value may be that of a step that is never made
    pins = {i: concrete(arguments.leaves[i]) for i in pinned if not (aside and isinstance(arguments.leaves[i], Traced))}
    standing = True
    start = time.perf_counter()
    while True:
        asked: set[int] = set()
        try:
            with paused():
                made = _trace(f, arguments, pins, standing, asked)
        except RecursionError:
            raise
        except Exception as error:
            if isinstance(error, EndlessError):  # values of a trace around this one are of steps that would never be made
                own = [i for i, leaf in enumerate(arguments.leaves) if not isinstance(leaf, Traced)]
                more = _to_pin(arguments, pins, own, concrete)
                if not more:
                    raise
                pins |= more
                continue
            more = _to_pin(arguments, pins, asked, concrete)
            if not more and not getattr(error, "settled", False):
                more = _to_pin(arguments, pins, range(len(arguments.leaves)), concrete)
                if not more and standing and _can_do_without(f, arguments):
                    standing = False
                    continue
            if not more:
                error.settled = True  # type: ignore[attr-defined]  # a trace around this one needs not try again for it
                raise
            pins |= more
            continue
        more = _to_pin(arguments, pins, asked, concrete)
        if not more:
            made.spent.trace = time.perf_counter() - start
            return made
        pins |= more


def _to_pin(arguments: Arguments, pins: dict[int, Any], places: Any, concrete: Callable[[Any], Any]) -> dict[int, Any]:
    """The integers and bools at these leaves that have a value and are not static yet."""
    found = {}
    for i in places:
        if i not in pins and may_be_pinned(arguments.leaves[i], arguments.kinds[i]):
            try:
                found[i] = concrete(arguments.leaves[i])
            except AbstractValueError:
                continue
    return found


def roots(f: Callable[..., Any], arguments: Arguments) -> list[Any]:
    """The function and its static arguments: where what it sees is found."""
    return [f, *[_plain(x) for x, k in zip(arguments.leaves, arguments.kinds, strict=True) if type(k) is StaticKey]]


def _plain(leaf: Any) -> Any:
    return leaf.value if type(leaf) is Static else leaf


def _can_do_without(f: Callable[..., Any], arguments: Arguments) -> bool:
    """Whether there are arrays seen outside that could be constants: no value of a trace that is going on."""
    seen = Surroundings(roots(f, arguments))
    return bool(seen.arrays) and not seen.has_traced()


def _trace(f: Callable[..., Any], arguments: Arguments, pins: dict[int, Any], standing: bool, asked: set[int]) -> Specialisation:
    """One attempt. `asked` receives the leaves whose values Python asked for."""
    surroundings = Surroundings(roots(f, arguments))
    data = [i for i, k in enumerate(arguments.kinds) if type(k) is not StaticKey and i not in pins]
    arrays = surroundings.arrays if standing else []
    kinds = [arguments.kinds[i] for i in data]
    seen = [surroundings.nodes[i].value for i in arrays]
    types = [*[type_of_kind(k) for k in kinds], *[v.type if isinstance(v, Traced) else type_of(v) for v in seen]]
    weak = [*[type(k) is Weakly for k in kinds], *[False for _ in seen]]
    given = [None if isinstance(x, Spec) else conform(x) for x in [arguments.leaves[i] for i in data]]
    known = [
        v if may_be_pinned(arguments.leaves[i], arguments.kinds[i]) and v is not None else None for i, v in zip(data, given, strict=True)
    ]
    returned: list[bool] = []

    def call(traced: list[Any]) -> Any:
        n = len(data)
        places = dict(zip(arrays, traced[n:], strict=True))
        stand = StandIns(surroundings, places)
        leaves: list[Any] = list(arguments.leaves)
        root = 1
        for i, kind in enumerate(arguments.kinds):
            if type(kind) is StaticKey:
                leaves[i] = stand.of(root)
                root += 1
        for i, value in zip(data, traced, strict=False):
            leaves[i] = value
        for i, value in pins.items():
            leaves[i] = value
        args, kwargs = arguments.fill(leaves)
        out = capture.call(stand.of(0), *args, **kwargs)
        returned[:] = [bool(getattr(leaf, "weak", False)) for leaf in tree.flatten(out)[0]]
        return out

    examples = None if any([v is None for v in given]) else [*given, *seen]
    positions: set[int] = set()
    try:
        done = run(f, call, types, [*known, *[conform(v) for v in seen]], weak, arguments.structure, examples=examples, asked=positions)
    finally:
        asked |= {data[p] for p in positions if p < len(data)}
    made = Specialisation(arguments, data, pins, surroundings)
    made.structure = None if done.structure.is_leaf() else done.structure
    made.weak = returned
    watched = [arrays[p - len(data)] for p in positions if p >= len(data)]
    made.changed = [(True, data[i]) if i < len(data) else (False, arrays[i - len(data)]) for i in done.changed]
    _close(made, done, len(data), arrays)
    surroundings.settle(made.reads, watched)
    made.once = made.once or any([surroundings.is_dropped(i) for i in made.reads])
    places = surroundings.places
    if is_usual() and has_codegen() and places is not None and not made.once and not pins and not made.constants and not made.changed:
        made.signature = native_signature(arguments, made.structure, made.function.out_types, bool(places))
    return made


def _close(made: Specialisation, done: Run, n_data: int, arrays: Sequence[int]) -> None:
    """The Function with only the arrays it uses as inputs, and its constants either in it or after them."""
    function = done.function
    used = _used(function)
    inputs = function.inputs
    keep = [i for i in range(len(arrays)) if inputs[n_data + i] in used]
    made.reads = [arrays[i] for i in keep]
    own = [*inputs[:n_data], *[inputs[n_data + i] for i in keep]]
    constants = list(zip(inputs[n_data + len(arrays) :], done.captured, strict=True))
    made.once = any([isinstance(value, Traced) for _, value in constants])
    written = _written(function, [value for _, value in constants])
    fixed, passed = {}, []
    for v, value in constants:
        if written and not isinstance(value, Traced) and np.size(value) <= SMALL:
            fixed[v] = literal(value)
        else:
            passed.append(v)
            made.constants.append(value)

    def make() -> Function:
        reordered = Function([*own, *passed, *fixed], function.equations, function.outputs, function.name)
        return _with_literals(reordered, fixed)

    key = ("closed", n_data, tuple(keep), tuple([_bits(f.value) for f in fixed.values()]))
    made.function = memoized(function, key, make)


def _written(function: Function, values: Sequence[Any]) -> bool:
    """Whether its constants are written into the program: not where they have turned out to differ from call to call."""
    seen = memoized(function, "constants of jit", set)
    if values and len(seen) < _VARIANTS:
        seen.add(tuple([_bits(v) for v in values if not isinstance(v, Traced) and np.size(v) <= SMALL]))
    return len(seen) < _VARIANTS


def _bits(value: Any) -> Any:
    a = np.asarray(value)
    return a.dtype, a.shape, a.tobytes()


def _used(function: Function) -> set[Any]:
    used: set[Any] = set(function.outputs)
    for equation in function.equations:
        used.update(equation.operands)
    return used
