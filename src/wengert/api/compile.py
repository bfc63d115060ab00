"""jit: a function compiled for the types of its arguments, when it is called with them.

Start at `jit`; `Jitted` is what it returns, `specialize` traces one signature.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.custom import Named
from wengert.api.entered import Entrance
from wengert.api.history import History
from wengert.api.lowered import Lowered, lowered
from wengert.api.signature import Arguments, Spec, Static, StaticKey, identity_key, static_key
from wengert.api.specialize import Specialisation, roots, specialize
from wengert.api.work import Cost, cost_of
from wengert.errors import ArgumentError, four_parts
from wengert.ir.values import Traced
from wengert.runtime.call import callable_base, enable_native_call
from wengert.source import here
from wengert.trace.record import identity, name_of

REMEMBERED = 1024  # signatures a function; the least recently used go first
_PATIENCE = 60.0  # seconds to wait for another thread that compiles the same: then it is done twice


def jit(
    f: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    donate_argnums: int | Sequence[int] = (),
    fastmath: bool = False,
) -> Any:
    """Compile a function to machine code, once for each combination of types it is called with.

    Use it on whatever runs more than a few times, outermost: `jit(grad(f))`, `jit(vmap(grad(f)))`. It composes both ways;
    `grad(jit(f))` runs compiled code too. Works as a decorator, bare or with arguments, also of methods.

    Parameters
    ----------
    f : callable
        Takes and returns arrays, numbers and containers of them. Arrays, NumPy scalars and floats are data; strings,
        functions and other hashable arguments are static. Integers and bools are data until f needs to know them
        (a shape, `range(n)`, a branch): then they are static by themselves.
    static_argnums, static_argnames : int or str, or sequences of them
        Arguments that are static in any case: hashable; each value has a program of its own.
    donate_argnums : int or sequence of int
        Positional arguments whose arrays are given up: the code may overwrite them, and they hold anything afterwards.
    fastmath : bool
        Allow the compiler to reorder and contract operations as if they were exact.

    Returns
    -------
    Jitted
        Called like f; results are fresh arrays, 0-d ones NumPy scalars. Further: `into(out, *args)` writes into arrays
        given, `lower(*args)` shows each stage of compilation, `cost(*args)` what a call takes, `explain_recompiles()` why
        it was compiled again, `clear()` forgets all programs, `__wrapped__` is f.

    Raises
    ------
    AbstractValueError
        If Python branches on a traced value; the message says what to write instead.
    ArgumentError
        For an argument that is neither data nor hashable.
    FloatingPointError
        By a call under `config(debug_nans=True)`, where a NaN first appears.

    Notes
    -----
    Arrays that f sees outside its arguments (closures, globals, attributes, containers of them) are read at each call, and
    so may change, in place or by assignment. Numbers, strings and f's own helper functions seen there decide what the
    program is: when one changes, f is traced again. So it is with an array where f needs its values while it is
    traced, as in a branch. What libraries hold is taken not to change.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> @wg.jit
    ... def f(x):
    ...     return np.log(x[0]) + x[0] * x[1]
    >>> wg.jit(wg.grad(f))(np.array([2.0, 5.0]))
    array([5.5, 2. ])
    """
    options = {
        "static_argnums": _integers(static_argnums, "static_argnums"),
        "static_argnames": (static_argnames,) if isinstance(static_argnames, str) else tuple(static_argnames),
        "donate_argnums": _integers(donate_argnums, "donate_argnums"),
        "fastmath": bool(fastmath),
    }
    if f is None:
        return functools.partial(jit, **options)
    return Jitted(f, **options)


def _integers(value: int | Sequence[int], what: str) -> tuple[int, ...]:
    found = (value,) if isinstance(value, (int, np.integer)) else tuple(value)
    if any([isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in found]):
        raise ArgumentError(four_parts(f"{what} are positions of arguments", f"got {value!r}", instead="give integers", where=here()))
    return tuple([int(i) for i in found])


class _Held(threading.local):
    """How many programs this thread is making, one inside the other."""

    count = 0


_held = _Held()


class _Entry:
    """The programs for one combination of types: they differ in static integers, and in what they see outside."""

    __slots__ = ("lock", "pinned", "specialisations", "table")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.pinned: tuple[int, ...] = ()
        self.specialisations: list[Specialisation] = []
        self.table: dict[Any, list[Specialisation]] = {}  # values of the pinned leaves -> programs, the latest first

    def candidates(self, values: tuple[Any, ...]) -> list[Specialisation]:
        """The programs whose static integers have these values."""
        found = self.table.get(values)
        if found is None:
            given = dict(zip(self.pinned, values, strict=True))
            found = [s for s in self.specialisations if all([given[i] == v for i, v in s.pins.items()])]
            self.table[values] = found
        return found

    def add(self, made: Specialisation) -> None:
        self.specialisations.insert(0, made)
        del self.specialisations[REMEMBERED:]
        self.pinned = tuple(sorted({*self.pinned, *made.pins}))
        self.table = {}


@enable_native_call
class Jitted(Named, callable_base()):  # type: ignore[misc]
    """A function that is compiled for the types it is called with. Made by `jit`."""

    can_stand_in = True  # a copy of it may see traced values in place of arrays

    def __init__(
        self,
        f: Callable[..., Any],
        static_argnums: tuple[int, ...] = (),
        static_argnames: tuple[str, ...] = (),
        donate_argnums: tuple[int, ...] = (),
        fastmath: bool = False,
    ) -> None:
        if not callable(f):
            raise TypeError(f"jit() needs a function, got {type(f).__name__}: {f!r}")
        self.f = f
        self.options = {
            "static_argnums": static_argnums,
            "static_argnames": static_argnames,
            "donate_argnums": donate_argnums,
            "fastmath": fastmath,
        }
        self._donates, self._fastmath = donate_argnums, fastmath
        self._static_positions, self._static_names = _static_parameters(f, static_argnums, static_argnames)
        functools.update_wrapper(self, f, updated=())
        if not hasattr(self, "__name__"):
            self.__name__ = self.__qualname__ = name_of(f)
        self._start()

    def _start(self) -> None:
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.entrance = Entrance(self)
        self._history = History(self.f)

    # -- calling -----------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The results of f, by compiled code; recorded as one operation where an argument is traced."""
        made, values, arguments, slots = self._program(args, kwargs)
        given = made.given(arguments, slots)
        if self._donates:
            return made.run(values, self._given_up(made, arguments, args, values), self._fastmath, given)
        results = made.run(values, (), self._fastmath, given)
        if made.entered is not None:
            self.entrance.add(made, made.entered, self.__call__)
        return results

    def into(self, out: Any, *args: Any, **kwargs: Any) -> Any:
        """Write the results into the arrays of `out`, and return it.

        `out` has the containers, shapes and dtypes of the result; its arrays may have any layout and may overlap the arguments.

        Examples
        --------
        >>> import numpy as np, wengert as wg
        >>> buffer = np.empty(2)
        >>> wg.jit(np.sin).into(buffer, np.zeros(2)) is buffer
        True
        """
        results = self(*args, **kwargs)
        leaves, structure = tree.flatten(results)
        places, given = tree.flatten(out)
        tree.require_same(f"out of {name_of(self.f)}", structure, given)
        for result, place in zip(leaves, places, strict=True):
            fits = isinstance(place, np.ndarray) and isinstance(result, (np.ndarray, np.generic)) and place.flags.writeable
            if not fits or place.shape != result.shape or place.dtype != result.dtype:
                raise ArgumentError(
                    four_parts(
                        f"a result of {name_of(self.f)} cannot be written into out",
                        f"the result is {_described(result)}\nout is {_described(place)}",
                        "An array given to be written into has the shape and dtype of the result, and can be written to.",
                        "np.empty_like(result)",
                        here(),
                    )
                )
        for result, place in zip(leaves, places, strict=True):
            np.copyto(place, result)
        return out

    def _program(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Specialisation, list[Any], Arguments, list[Any]]:
        """The program for a call, the values of its inputs, and what it sees outside."""
        arguments = self._arguments(args, kwargs)
        entry = self._entries.get(arguments.key)
        if entry is None:
            entry = self._new_entry(arguments.key)
        found = self._find(entry, arguments)
        if found is None:
            # Who compiles something around this does not wait for long: the other thread may be waiting for that.
            locked = entry.lock.acquire(timeout=_PATIENCE if not _held.count else 0.05)
            _held.count += 1
            try:
                found = self._find(entry, arguments) or self._make(entry, arguments)
            finally:
                _held.count -= 1
                if locked:
                    entry.lock.release()
        return found[0], found[0].inputs(arguments, found[1]), arguments, found[1]

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        if self._static_positions or self._static_names:
            args = tuple([self._static(a) if i in self._static_positions else a for i, a in enumerate(args)])
            kwargs = {name: self._static(a) if name in self._static_names else a for name, a in kwargs.items()}
        return Arguments(self.f, args, kwargs)

    def _static(self, value: Any) -> Static:
        try:
            return Static(value, static_key(value))
        except TypeError:
            raise ArgumentError(
                four_parts(
                    f"a static argument of {name_of(self.f)} has no hash",
                    f"it is {value!r} ({type(value).__name__})"[:200],
                    "A program made for one value is found again by its hash.",
                    "a tuple instead of a list, or do not declare it static",
                    here(),
                )
            ) from None

    def _find(self, entry: _Entry, arguments: Arguments) -> tuple[Specialisation, list[Any]] | None:
        values = tuple([concrete(arguments.leaves[i]) for i in entry.pinned])
        outside = None
        for made in entry.candidates(values):
            outside = outside or roots(self.f, arguments)
            slots = made.surroundings.read(outside)
            if slots is not None:
                return made, slots
        return None

    def _make(self, entry: _Entry, arguments: Arguments) -> tuple[Specialisation, list[Any]]:
        made = specialize(self.f, arguments, entry.pinned, concrete)
        slots = made.surroundings.read(roots(self.f, arguments))
        if slots is None or made.once:  # changed by the function itself while it was traced, or bound to a trace going on
            slots = made.surroundings.now(roots(self.f, arguments))
        if not made.once:
            self._history.add(made, arguments, roots(self.f, arguments))
            entry.add(made)
        return made, slots

    def _new_entry(self, key: Any) -> _Entry:
        with self._lock:
            for old in [k for k in self._entries if any([type(part) is StaticKey and part.is_gone() for part in k])]:
                del self._entries[old]
            while len(self._entries) >= REMEMBERED:
                self._entries.popitem(last=False)
            return self._entries.setdefault(key, _Entry())

    def _given_up(self, made: Specialisation, arguments: Arguments, args: tuple[Any, ...], values: list[Any]) -> tuple[int, ...]:
        """Which inputs may be overwritten. One that nobody may write to, or that is another input too, is copied first."""
        wanted = {id(leaf) for i in self._donates if -len(args) <= i < len(args) for leaf in tree.flatten(args[i])[0]}
        donated = []
        for position, leaf in enumerate(made.places):
            value = values[position]
            if id(arguments.leaves[leaf]) in wanted and isinstance(value, np.ndarray):
                others = [v for k, v in enumerate(values) if k != position and isinstance(v, np.ndarray)]
                if not value.flags.writeable or any([np.may_share_memory(value, v) for v in others]):
                    values[position] = value.copy()
                donated.append(position)
        return tuple(donated)

    # -- looking into it -----------------------------------------------------------------------------

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """The stages of compilation for these arguments, arrays or `spec`s: `ir`, `passes`, `loops`, `llvm`, `optimised`, `assembly`.

        Examples
        --------
        >>> import numpy as np, wengert as wg
        >>> wg.jit(np.sin).lower(1.0).ir.equations[0].operation
        sin
        """
        made, _, _, _ = self._program(args, kwargs)
        return lowered(made.function, self._fastmath)

    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        """What a call with these arguments takes: operations, bytes read and written, scratch memory."""
        made, _, _, _ = self._program(args, kwargs)
        return cost_of(made.function, self._fastmath)

    def explain_recompiles(self) -> str:
        """Each program that was made, when, how long it took, and what set it apart from the nearest one before."""
        return self._history.text()

    def clear(self) -> None:
        """Forget all programs."""
        with self._lock:
            self._entries.clear()
        self.entrance.close()
        self._history.clear()

    # -- as an object ----------------------------------------------------------------------------------

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else BoundJitted(self, instance)

    def trace_identity(self) -> Any:
        """What a trace remembers this function by."""
        return Jitted, identity(self.f)

    def trace_parts(self) -> list[Any]:
        """What a trace of this function depends on."""
        return [self.f]

    def standing(self) -> Jitted:
        """A copy, to be given other parts by `stand`."""
        return Jitted.__new__(Jitted)

    def stand(self, original: Jitted, parts: Sequence[Any]) -> None:
        """Become `original` with these parts."""
        self.__dict__.update(original.__dict__)
        (self.f,) = parts
        self._start()

    def __reduce__(self) -> Any:
        by_name = Named.__reduce__(self)
        return by_name if isinstance(by_name, str) else (_rebuild, (self.f, self.options))

    def __repr__(self) -> str:
        return f"<wengert jit({name_of(self.f)})>"


class BoundJitted:
    """A compiled function as a method of an object, which is static: what it reads of the object is read at each call."""

    can_stand_in = True

    def __init__(self, function: Jitted, instance: Any) -> None:
        self.__func__, self.__self__ = function, instance
        functools.update_wrapper(self, function, updated=())

    def _own(self) -> Static:
        return Static(self.__self__, identity_key(self.__self__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As of the function, with the object first."""
        return self.__func__(self._own(), *args, **kwargs)

    def into(self, out: Any, *args: Any, **kwargs: Any) -> Any:
        """As `Jitted.into`."""
        return self.__func__.into(out, self._own(), *args, **kwargs)

    def lower(self, *args: Any, **kwargs: Any) -> Lowered:
        """As `Jitted.lower`."""
        return self.__func__.lower(self._own(), *args, **kwargs)

    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        """As `Jitted.cost`."""
        return self.__func__.cost(self._own(), *args, **kwargs)

    def explain_recompiles(self) -> str:
        """As `Jitted.explain_recompiles`."""
        return self.__func__.explain_recompiles()

    def clear(self) -> None:
        """As `Jitted.clear`."""
        self.__func__.clear()

    def trace_identity(self) -> Any:
        """What a trace remembers this function by."""
        return self.__func__.trace_identity()

    def trace_parts(self) -> list[Any]:
        """What a trace of this function depends on."""
        return [self.__func__, self.__self__]

    def standing(self) -> BoundJitted:
        """A copy, to be given other parts by `stand`."""
        return BoundJitted.__new__(BoundJitted)

    def stand(self, original: BoundJitted, parts: Sequence[Any]) -> None:
        """Become `original` with these parts."""
        self.__dict__.update(original.__dict__)
        self.__func__, self.__self__ = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BoundJitted) and self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.__func__.__name__)

    def __repr__(self) -> str:
        return f"<wengert jit({name_of(self.__func__)}) of {self.__self__!r}>"


def _rebuild(f: Callable[..., Any], options: dict[str, Any]) -> Jitted:
    return Jitted(f, **options)


def _static_parameters(f: Callable[..., Any], numbers: tuple[int, ...], given: tuple[str, ...]) -> tuple[frozenset[int], frozenset[str]]:
    """Positions and names of the static arguments: each by both, where the signature tells."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    known = {p.name for p in parameters}
    anything = not parameters or any([p.kind is p.VAR_KEYWORD for p in parameters])
    for name in given:
        if name not in known and not anything:
            raise ArgumentError(
                four_parts(f"{name_of(f)} has no argument {name!r} to be static", f"its parameters: {', '.join(known)}", where=here())
            )
    if any([p.kind is p.VAR_POSITIONAL for p in parameters]) or not parameters:
        positions = {i for i in numbers if i >= 0}
    else:
        for i in numbers:
            if not -len(positional) <= i < len(positional):
                raise ArgumentError(
                    four_parts(
                        f"{name_of(f)} has no positional argument {i} to be static",
                        f"its positional parameters: {', '.join(positional)}",
                        where=here(),
                    )
                )
        positions = {i % len(positional) for i in numbers}
    names = {*given, *[positional[i] for i in positions if i < len(positional)]}
    positions |= {positional.index(name) for name in given if name in positional}
    return frozenset(positions), frozenset(names)


def concrete(leaf: Any) -> Any:
    """The value of an integer or bool that becomes static."""
    if not isinstance(leaf, Traced):
        if isinstance(leaf, Spec):
            raise ArgumentError(
                four_parts(
                    "the program depends on the value of an integer of which only the type is given",
                    f"it is {leaf!r}",
                    instead="give its value",
                    where=here(),
                )
            )
        return leaf
    value = leaf.concrete()  # type: ignore[attr-defined]
    return value.item() if getattr(leaf, "weak", False) else np.asarray(value)[()]


def _described(x: Any) -> str:
    if isinstance(x, (np.ndarray, np.generic)):
        frozen = "" if x.flags.writeable or isinstance(x, np.generic) else ", read-only"
        return f"{x.dtype}[{','.join(map(str, x.shape))}]{frozen}"
    return f"a {type(x).__name__}"
