"""Structured control flow for those who want it: cond, loop, while_loop, scan.

Plain Python `if`, `for` and `while` work in taped functions. These stay one operation, whatever
the trip count, and work under vmap too. Start at `cond`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import as_value, perform
from wengert.errors import ArgumentError, ShapeError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.types import array_type, type_of
from wengert.ir.values import Function, Traced, Var
from wengert.ir.walk import inline
from wengert.primitives.control import Cond, Loop, While
from wengert.primitives.shape import cast
from wengert.source import here
from wengert.trace import capture
from wengert.trace.record import Run, name_of, run


def cond(test: Any, then: Callable[..., Any], otherwise: Callable[..., Any], *operands: Any) -> Any:
    """`then(*operands)` if test holds, else `otherwise(*operands)`; only the branch taken is run.

    Both return the same containers, shapes and dtypes (dtypes are promoted to agree). Under vmap
    with a test of its own in each lane, each lane keeps its own branch's result and derivative.

    Parameters
    ----------
    test : bool or 0-d array
        Traced or not; a number holds if it is not 0.
    then, otherwise : callable
        Functions of the operands; what they close over is differentiated too.
    operands : arrays, numbers, containers of them

    Raises
    ------
    ShapeError
        If the branches return different containers or shapes, or the test is not one number.
    ArgumentError
        For an operand that is no number.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.grad(lambda x: wg.cond(x > 0, lambda v: v**2, lambda v: -v, x))(3.0)
    np.float64(6.0)
    """
    leaves, structure = _values(operands, "an operand of cond")
    types = [_type(v) for v in leaves]
    runs = [
        run(
            f,
            lambda traced: capture.call(f, *tree.unflatten(structure, traced)),
            types,
            None,
            extra_key=structure,
            staged=True,
            examples=leaves,
        )
        for f in (then, otherwise)
    ]
    a, b = runs
    if a.structure != b.structure or [t.shape for t in a.function.out_types] != [t.shape for t in b.function.out_types]:  # type: ignore[union-attr]
        raise ShapeError(
            four_parts(
                "the two branches of cond return different things",
                f"then ({name_of(then)}): {_show(a)}\nelse ({name_of(otherwise)}): {_show(b)}",
                "Which one is taken is decided while the program runs, so both must have one structure and shape.",
                "give both branches the same containers and shapes",
                here(),
            )
        )
    dtypes = [np.result_type(x.dtype, y.dtype) for x, y in zip(a.function.out_types, b.function.out_types, strict=True)]  # type: ignore[union-attr]
    no, yes = (_widened(r, len(leaves), runs, i, dtypes) for i, r in ((1, b), (0, a)))
    index = _scalar(test, np.int64, "the test of cond")
    results = perform(Cond((no, yes)), [index, *leaves, *a.captured, *b.captured])
    return tree.unflatten(a.structure, results)


def _widened(this: Run, n_own: int, runs: Sequence[Run], position: int, dtypes: Sequence[Any]) -> Function:
    """A branch that also takes, and ignores, what the other branches close over."""
    inputs = list(this.function.inputs[:n_own])
    for i, other in enumerate(runs):
        inputs += this.function.inputs[n_own:] if i == position else [Var(v.type) for v in other.function.inputs[n_own:]]
    builder = Builder()
    with building(builder):
        own = [*inputs[:n_own], *this.function.inputs[n_own:]]
        results = inline(this.function, own)
        return builder.build(inputs, [cast(r, d) for r, d in zip(results, dtypes, strict=True)], this.function.name)


def while_loop(test: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """Repeat `state = body(state)` while `test(state)` holds.

    The trip count need not be known: reverse mode keeps what it needs on a stack that grows. Under vmap
    each lane stops at its own time.

    Parameters
    ----------
    test : callable
        state -> one bool.
    body : callable
        state -> state, in the same containers and shapes. Dtypes are promoted until they stay.
    init : array, number, or container of them
        The state to begin with.

    Raises
    ------
    ShapeError
        If the state changes its shape, or test does not return one bool.
    TreeError
        If the state changes its containers.

    Examples
    --------
    >>> import wengert as wg
    >>> newton = lambda a: wg.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)
    >>> round(float(wg.grad(newton)(2.0)), 12)
    0.353553390593
    """
    leaves, structure = _values(init, "the state of while_loop")

    def traced(leaves: list[Any]) -> Run:
        types = [_type(v) for v in leaves]
        call = lambda t: capture.call(body, tree.unflatten(structure, t))
        return run(body, call, types, None, extra_key=structure, staged=True, examples=leaves)

    leaves, step = _fixpoint(leaves, structure, traced, lambda r: (r.structure, r.function.out_types), "while_loop", body)
    types = [_type(v) for v in leaves]
    check = run(
        test, lambda t: capture.call(test, tree.unflatten(structure, t)), types, None, extra_key=structure, staged=True, examples=leaves
    )
    if [t.shape for t in check.function.out_types] != [()]:  # type: ignore[union-attr]
        raise ShapeError(
            four_parts(
                "the test of while_loop must return one bool", f"it returned {_show(check)}", instead="use .any() or .all()", where=here()
            )
        )
    n = len(leaves)
    operation = While(
        _constants_first(_as_bool(check.function), n), _constants_first(step.function, n), len(check.captured), len(step.captured), n
    )
    results = perform(operation, [*check.captured, *step.captured, *leaves])
    return tree.unflatten(structure, results[:n])


def loop(start: int, stop: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """`for i in range(start, stop): state = body(i, state)` as one operation.

    `start` and `stop` may be traced integers; the trip count is then found while running. The state, and
    the errors, are as in `while_loop`.

    Examples
    --------
    >>> import wengert as wg
    >>> wg.grad(lambda x: wg.loop(0, 10, lambda i, s: s * x, 1.0))(1.1).round(6)
    np.float64(23.579477)
    """
    begin = _scalar(start, np.int64, "the start of loop")
    end = _scalar(stop, np.int64, "the stop of loop")
    leaves, structure = _values(init, "the state of loop")

    def traced(state: list[Any]) -> Run:
        types = [array_type((), np.dtype(np.int64)), *[_type(v) for v in state]]
        call = lambda t: capture.call(body, t[0], tree.unflatten(structure, t[1:]))
        return run(body, call, types, None, extra_key=structure, staged=True, examples=[begin, *state])

    leaves, step = _fixpoint(leaves, structure, traced, lambda r: (r.structure, r.function.out_types), "loop", body)
    known = not isinstance(begin, Traced) and not isinstance(end, Traced)
    length = max(0, int(end) - int(begin)) if known else None
    counts = [] if known else [np.maximum(end - begin, 0)]
    k = len(leaves)
    operation = Loop(_shifted(step.function, k), length, 1 + len(step.captured), k, 0)
    return tree.unflatten(structure, perform(operation, [*counts, begin, *step.captured, *leaves]))


def _shifted(function: Function, n_carry: int) -> Function:
    """(index, carries, captured) -> carries becomes a loop's body, whose first constant is where the index starts."""
    counter, begin = Var(array_type((), np.dtype(np.int64))), Var(array_type((), np.dtype(np.int64)))
    carries, constants = function.inputs[1 : 1 + n_carry], function.inputs[1 + n_carry :]
    builder = Builder()
    with building(builder):
        results = inline(function, [counter + begin, *carries, *constants])
        return builder.build([counter, begin, *constants, *carries], results, function.name)


def scan(f: Callable[[Any, Any], Any], init: Any, xs: Any = None, length: int | None = None, reverse: bool = False) -> tuple[Any, Any]:
    """`state, y = f(state, x)` for every x along the leading axis of xs: the last state, and the ys stacked.

    Use it for a long recurrence whose steps do the same: it is one operation, whatever its length.

    Parameters
    ----------
    f : callable
        (state, x) -> (state, y); the state keeps its containers and shapes.
    init : array, number, or container of them
        The state to begin with. Dtypes are promoted until they stay.
    xs : array or container of arrays, optional
        Of one length along their leading axes.
    length : int, optional
        The number of steps, needed if there are no xs.
    reverse : bool
        From the last x to the first; ys stay in the order of xs.

    Raises
    ------
    ArgumentError
        If the lengths differ or none is given, or f does not return a pair.
    ShapeError, TreeError
        If the state changes its shape or its containers.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.scan(lambda s, x: (s + x, s * x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))
    """
    leaves, structure = _values(init, "the state of scan")
    x_leaves, x_structure = _values(xs, "xs of scan")
    lengths = {v.shape[0] if v.ndim else -1 for v in x_leaves} | ({length} if length is not None else set())
    if len(lengths) != 1 or -1 in lengths:
        raise ArgumentError(
            four_parts(
                "scan needs one length of the leading axes of xs",
                f"got {sorted(lengths)}",
                instead="make them equal, or give length=",
                where=here(),
            )
        )
    (n,) = lengths

    def traced(state: list[Any]) -> Run:
        types = [*[_type(v) for v in state], *[array_type(v.shape[1:], v.dtype) for v in x_leaves]]
        k = len(state)

        def call(t: list[Any]) -> Any:
            out = capture.call(f, tree.unflatten(structure, t[:k]), tree.unflatten(x_structure, t[k:]))
            if not isinstance(out, tuple) or len(out) != 2:
                raise ArgumentError(
                    four_parts("the function of scan must return (state, y)", f"it returned {type(out).__name__}", where=here())
                )
            return out

        examples = [*state, *[v[0] for v in x_leaves]] if n else None
        return run(f, call, types, None, extra_key=(structure, x_structure), staged=True, examples=examples)

    def state_of(r: Run) -> Any:
        first = tree.unflatten(r.structure, list(range(r.n_outputs)))[0]
        positions, inner = tree.flatten(first)
        return inner, [r.function.out_types[i] for i in positions]

    leaves, step = _fixpoint(leaves, structure, traced, state_of, "scan", f)
    k = len(leaves)
    body = _loop_body(step.function, k, len(x_leaves))
    operation = Loop(body, n, len(step.captured), k, 0, reverse)
    results = perform(operation, [*step.captured, *leaves, *x_leaves])
    state, ys = tree.unflatten(step.structure, results)
    return state, ys


def _loop_body(function: Function, n_carry: int, n_xs: int) -> Function:
    """(carries, xs, captured) -> … becomes (index, captured, carries, xs) -> …"""
    carries, xs, constants = function.inputs[:n_carry], function.inputs[n_carry : n_carry + n_xs], function.inputs[n_carry + n_xs :]
    index = Var(array_type((), np.dtype(np.int64)))
    return Function([index, *constants, *carries, *xs], function.equations, function.outputs, function.name)


def _constants_first(function: Function, n: int) -> Function:
    return Function([*function.inputs[n:], *function.inputs[:n]], function.equations, function.outputs, function.name)


def _as_bool(function: Function) -> Function:
    builder = Builder()
    with building(builder):
        (result,) = inline(function, function.inputs)
        return builder.build(function.inputs, [cast(result, np.bool_)], function.name)


def _fixpoint(
    leaves: list[Any], structure: Any, trace: Callable[[list[Any]], Run], state_of: Callable[[Run], Any], what: str, f: Callable[..., Any]
) -> tuple[list[Any], Run]:
    """The initial state in the dtypes that the body keeps, and the body traced with them."""
    for _ in range(3):
        done = trace(leaves)
        out_structure, out_types = state_of(done)
        tree.require_same(f"the state returned by the function of {what}", structure, out_structure)
        if all(o is _type(v) for o, v in zip(out_types, leaves, strict=True)):
            return leaves, done
        for path, o, v in zip(tree.paths(structure), out_types, leaves, strict=True):
            if o.shape != v.shape:
                raise ShapeError(
                    four_parts(
                        f"the state of {what} changes its shape",
                        f"state{path} starts as {_type(v)!r} and {name_of(f)} returns {o!r}",
                        "The loop is one operation, so the state has one type.",
                        "start with the shape that the body returns",
                        here(),
                    )
                )
        leaves = [_cast(v, np.result_type(v.dtype, o.dtype)) for o, v in zip(out_types, leaves, strict=True)]
    raise ShapeError(
        four_parts(
            f"the dtype of the state of {what} does not settle",
            "\n".join(f"state{p}: {_type(v)!r} in, {o!r} out" for p, o, v in zip(tree.paths(structure), out_types, leaves, strict=True)),
            instead="cast the state in the body to the dtype it starts with",
            where=here(),
        )
    )


def _cast(v: Any, dtype: Any) -> Any:
    return cast(v, dtype) if isinstance(v, Traced) else np.asarray(v, dtype)[()]


def _values(value: Any, what: str) -> tuple[list[Any], Any]:
    leaves, structure = tree.flatten(value)
    values = [as_value(leaf) for leaf in leaves]
    for leaf, v in zip(leaves, values, strict=True):
        if v is None:
            raise ArgumentError(
                four_parts(
                    f"{what} must be a number or an array", f"got {type(leaf).__name__}", instead="close over it instead", where=here()
                )
            )
    return values, structure


def _type(v: Any) -> Any:
    return v.type if isinstance(v, Traced) else type_of(v)


def _scalar(x: Any, dtype: Any, what: str) -> Any:
    v = as_value(x)
    if v is None or v.shape != ():
        raise ShapeError(four_parts(f"{what} must be one number", f"got {x!r}"[:200], where=here()))
    if dtype is np.int64 and v.dtype.kind == "f":
        v = v != 0
    return _cast(v, dtype)


def _show(r: Run) -> str:
    return ", ".join(map(repr, r.function.out_types[: r.n_outputs])) or "nothing"
