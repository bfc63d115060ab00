"""Jacobians and Hessians: many directions at once, the mode chosen by shape.

Start at `jacobian`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import Argnums, Point, apply, as_value
from wengert.api.transformed import Transformed
from wengert.contract import zeros as _zeros_of
from wengert.errors import ArgumentError, NonScalarOutputError, four_parts
from wengert.ir.builder import Builder, building
from wengert.ir.values import ROLES, Function, acts, literal
from wengert.ir.walk import inline, memoized, silent
from wengert.primitives.shape import move_axis, reshape
from wengert.source import here
from wengert.trace.record import name_of, where
from wengert.transform.batch import batch
from wengert.transform.jvp import jvp
from wengert.transform.linearize import linearize
from wengert.transform.transpose import transpose

Mask = tuple[bool, ...]
Blocks = dict[tuple[int, int], Any]  # (output, input) -> the block of the Jacobian


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto", has_aux: bool = False, holomorphic: bool = False
) -> Transformed:
    """All partial derivatives of a function: an array of shape output.shape + input.shape.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    argnums : int, str, or sequence of them
        Arguments to differentiate by.
    mode : "auto", "forward" or "reverse"
        Forward costs one sweep an input, reverse one an output. "auto" takes forward for tall
        and square Jacobians, reverse for wide ones.
    has_aux : bool
        f returns (value, aux), and this returns (jacobian, aux).
    holomorphic : bool
        Needed for complex arguments: f is complex differentiable.

    Returns
    -------
    array, or a container of arrays
        The containers of the output, in each leaf the containers of the argument (a tuple of them for several argnums).

    Raises
    ------
    NotDifferentiableError
        For an integer, bool or string argument.
    NonScalarOutputError
        For complex numbers without holomorphic=True.
    ArgumentError
        For another mode, or argnums that the call has not.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.jacobian(lambda x: x**2 * np.array([1.0, 10.0]))(np.array([1.0, 2.0]))
    array([[ 2.,  0.],
           [ 0., 40.]])

    Griewank & Walther, Evaluating Derivatives (2008), ch. 3.
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ArgumentError(four_parts('mode is "auto", "forward" or "reverse"', f"got {mode!r}", where=here()))
    return Transformed(_jacobian, f, argnums=argnums, mode=mode, has_aux=has_aux, holomorphic=holomorphic)


def jacfwd(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Transformed:
    """`jacobian` in forward mode: one sweep an input, whatever the number of outputs.

    Use it where the choice of `jacobian` by shape is not the one wanted, say to keep memory low.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.jacfwd(lambda t: np.array([1.0, 2.0]) * t**2)(3.0)
    array([ 6., 12.])
    """
    return jacobian(f, argnums, "forward", has_aux, holomorphic)


def jacrev(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Transformed:
    """`jacobian` in reverse mode: one sweep an output, whatever the number of inputs.

    Use it where the choice of `jacobian` by shape is not the one wanted.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.jacrev(np.prod)(np.array([2.0, 3.0, 4.0]))
    array([12.,  8.,  6.])
    """
    return jacobian(f, argnums, "reverse", has_aux, holomorphic)


def hessian(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, holomorphic: bool = False) -> Transformed:
    """All second partial derivatives, forward mode over reverse mode: shape output.shape + input.shape + input.shape.

    Use it for few inputs; with many, `hvp` gives products with it without forming it. Parameters and errors are
    those of `jacobian`. Of containers, and of several argnums, it has a block for each pair of them.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])

    Griewank & Walther, Evaluating Derivatives (2008), ch. 5.
    """
    return jacobian(jacobian(f, argnums, "reverse", has_aux, holomorphic), argnums, "forward", has_aux, holomorphic)


def _jacobian(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    point = Point(f, args, kwargs, options["argnums"])
    done = point.run(options["has_aux"])
    function = done.function
    outputs = function.out_types[: done.n_outputs]
    _require_real(f, point, outputs, options["holomorphic"])
    n_in = sum(t.size for t in point.types)  # type: ignore[union-attr]
    n_out = sum(t.size for t in outputs)  # type: ignore[union-attr]
    mode = options["mode"]
    forward = n_in <= n_out if mode == "auto" else mode == "forward"
    program = all_directions(function, point.mask(function), done.n_outputs, forward)
    results = apply(program, [*point.values, *done.captured])
    aux, blocks = results[: len(function.outputs)], results[len(function.outputs) :]
    point.write_back(done, aux)
    width = len(point.values)
    nested = [point.rebuild(blocks[i * width : (i + 1) * width], _zero_block(t)) for i, t in enumerate(outputs)]
    out = tree.unflatten(done.structure, nested)
    return (out, done.auxiliary(aux[done.n_outputs :])) if options["has_aux"] else out


def _zero_block(type: Any) -> Callable[[Any], Any]:
    return lambda leaf: None if as_value(leaf) is None else np.zeros((*type.shape, *as_value(leaf).shape))


def _require_real(f: Any, point: Point, outputs: Sequence[Any], holomorphic: bool) -> None:
    for type in (*point.types, *outputs):
        if type.dtype.kind == "c" and not holomorphic:  # type: ignore[union-attr]
            raise NonScalarOutputError(
                four_parts(
                    f"the Jacobian of {name_of(f)} at complex numbers needs holomorphic=True",
                    f"got {type!r}",
                    "A function that is not complex differentiable has no complex Jacobian.",
                    "holomorphic=True if it is, else jvp and vjp, or real and imaginary parts",
                    where(f),
                )
            )


def all_directions(function: Function, active: Sequence[bool], n_outputs: int, forward: bool) -> Function:
    """inputs -> (outputs, blocks): the Jacobian block of each output by each active input, row by row."""

    def make() -> Function:
        builder = Builder()
        inputs = [v for v, on in zip(function.inputs, active, strict=True) if on]
        with building(builder):
            outputs, blocks = (_by_columns if forward else _by_rows)(function, tuple(active), inputs, n_outputs)
            full = [
                blocks[i, j] if (i, j) in blocks else _zeros(function.outputs[i].type, v.type)
                for i in range(n_outputs)
                for j, v in enumerate(inputs)
            ]
            return builder.build(function.inputs, [*outputs, *full], f"jacobian_{function.name}")

    return memoized(function, ("jacobian", tuple(active), n_outputs, forward), make)  # type: ignore[no-any-return]


def _by_columns(function: Function, active: Mask, inputs: Sequence[Any], n_outputs: int) -> tuple[list[Any], Blocks]:
    """Outputs and blocks in forward mode. The tangents of all directions go along with the values: nothing is kept for them."""
    pushed, on = jvp(silent(function), active)
    n, types = len(function.outputs), [v.type for v in inputs]
    total = sum(t.size for t in types)
    outputs = inline(function, function.inputs) if acts(function) else ()  # what happens, happens once, not in each direction
    results = _in_each(pushed, function.inputs, types, total, n)
    where_out = [i for i, moved in enumerate(on) if moved and i < n_outputs]
    blocks = {}
    for i, column in zip(where_out, results[n:], strict=False):
        start = 0
        for j, t in enumerate(types):
            blocks[i, j] = reshape(_last(_rows(column, start, t.size)), (*function.outputs[i].type.shape, *t.shape))  # type: ignore[union-attr]
            start += t.size
    return list(outputs or results[:n]), blocks


def _by_rows(function: Function, active: Mask, inputs: Sequence[Any], n_outputs: int) -> tuple[list[Any], Blocks]:
    """Outputs and blocks in reverse mode."""
    split = linearize(function, active)
    n, k = len(function.outputs), len(split.residuals)
    results = inline(split.primal, function.inputs)
    where_out = [i for i, on in enumerate(split.out_active) if on and i < n_outputs]
    types = [function.outputs[i].type for i in where_out]
    total = sum(t.size for t in types)  # type: ignore[union-attr]
    seeded = tuple([i < n_outputs for i, on in enumerate(split.out_active) if on])
    backward = transpose(split.tangent, (False,) * k + (True,) * len(inputs), seeded)
    rows = _in_each(backward, results[n:], types, total, 0)
    blocks = {}
    for j, v in enumerate(inputs):
        start = 0
        for i, t in zip(where_out, types, strict=True):
            blocks[i, j] = reshape(_rows(rows[j], start, t.size), (*t.shape, *v.type.shape))  # type: ignore[union-attr]
            start += t.size  # type: ignore[union-attr]
    return list(results[:n]), blocks


def _in_each(program: Function, fixed: Sequence[Any], types: Sequence[Any], total: int, n_fixed: int) -> list[Any]:
    """What a program, linear in its last arguments, gives for each unit direction of their space, which has `total` dimensions.

    The directions are along a first axis of all results but the first `n_fixed`, which do not depend on them.
    """
    if total == 1:  # no lanes: the tangent or the cotangent itself
        results = inline(program, [*fixed, *[literal(np.ones(t.shape, t.dtype)) for t in types]])
        return [*results[:n_fixed], *[reshape(r, (1, *r.type.shape)) for r in results[n_fixed:]]]
    wanted = [i >= n_fixed for i in range(len(program.outputs))]
    batched, _ = batch(program, total, (False,) * len(fixed) + (True,) * len(types), force=wanted)
    return list(inline(batched, [*fixed, *_basis(types, total)]))


def _basis(types: Sequence[Any], total: int) -> list[Any]:
    """The unit directions of a space that is a product of arrays: one literal of `total` lanes an array."""
    out, start = [], 0
    for t in types:
        block = np.zeros((total, t.size), t.dtype)
        block[start : start + t.size] = np.eye(t.size, dtype=t.dtype)
        out.append(literal(block.reshape(total, *t.shape)))
        start += t.size
    return out


def _rows(x: Any, start: int, size: int) -> Any:
    return x if x.type.shape[0] == size else ROLES["slice_axis"](x, 0, start, start + size)


def _last(x: Any) -> Any:
    return move_axis(x, 0, x.type.ndim - 1)


def _zeros(out: Any, by: Any) -> Any:
    return _zeros_of(by.with_shape((*out.shape, *by.shape)))
