"""vmap: a function of one example becomes a function of many.

Start at `vmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert import tree
from wengert.api.point import apply, as_value
from wengert.api.transformed import Transformed
from wengert.errors import ArgumentError, four_parts
from wengert.ir.types import array_type
from wengert.ir.values import Traced
from wengert.numpy.table import lookup
from wengert.primitives.control.lanes import arranged
from wengert.source import here
from wengert.trace import capture
from wengert.trace.record import name_of, require_apart, run, staging, write_back
from wengert.transform.batch import batch


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Transformed:
    """Apply f to every slice along an axis of its arguments, in one program without a Python loop.

    Use it for a function of one example that is wanted of many, and for gradients one an example.

    Parameters
    ----------
    f : callable
        Sees one lane: arrays without the mapped axis. Returns an array or a container of arrays.
    in_axes : int, None, or a container of them
        Which axis of each argument is mapped; None for an argument that all lanes share. A
        container matches the tuple of arguments, as deep as it goes.
    out_axes : int, None, or a container of them
        Where the lanes go in each output.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> per_example = wg.vmap(wg.grad(lambda w, x: np.tanh(w * x)), in_axes=(None, 0))
    >>> per_example(0.0, np.array([1.0, 2.0]))
    array([1., 2.])

    Raises
    ------
    ArgumentError
        If an axis does not exist, or mapped axes differ in length.
    AbstractValueError
        If f branches in Python on a mapped value: each lane has its own.
    """
    return Transformed(_vmap, f, in_axes=in_axes, out_axes=out_axes)


def _vmap(f: Any, options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    in_axes = options["in_axes"]
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    leaves, structure = tree.flatten((args, kwargs))
    axes = _axes((in_axes, 0), (args, kwargs), "in_axes")
    mapped: list[int] = []
    values: list[Any] = []
    for i, (leaf, axis) in enumerate(zip(leaves, axes, strict=True)):
        if axis is not None:
            value = as_value(leaf)
            if value is None or not -value.ndim <= axis < value.ndim:
                what = "not an array" if value is None else f"an array of shape {value.shape}"
                path = tree.paths(structure)[i]  # [0] is args, [1] is kwargs
                name = ("args" if path.startswith("[0]") else "kwargs") + path[3:]
                raise ArgumentError(
                    four_parts(
                        f"vmap cannot map axis {axis} of {name}",
                        f"it is {what}",
                        instead="use None in in_axes for what all lanes share",
                        where=here(),
                    )
                )
            mapped.append(i)
            values.append(_front(value, axis))
    sizes = {v.shape[0] for v in values}
    if len(sizes) != 1:
        what = "no argument is mapped" if not sizes else f"mapped axes have the lengths {sorted(sizes)}"
        raise ArgumentError(
            four_parts(f"vmap of {name_of(f)} needs one length of its mapped axes", what, instead="check in_axes", where=here())
        )
    (size,) = sizes

    def call(traced: list[Any]) -> Any:
        replaced = list(leaves)
        for i, value in zip(mapped, traced, strict=True):
            replaced[i] = value
        a, k = tree.unflatten(structure, replaced)
        return capture.call(f, *a, **k)

    lanes = [array_type(v.shape[1:], v.dtype) for v in values]
    done = run(f, call, lanes, None, extra_key=structure, examples=[v[0] for v in values] if size else None)
    function = done.function
    outputs = tree.unflatten(done.structure, list(range(done.n_outputs)))
    out_axes = _axes(options["out_axes"], outputs, "out_axes")
    batched = (True,) * len(values) + (False,) * len(done.captured)
    force = [*[a is not None for a in out_axes], *[True] * len(done.changed)]
    program, mask = (arranged if staging() else batch)(function, size, batched, force)
    results = apply(program, [*values, *done.captured])
    require_apart([leaves[mapped[i]] for i in done.changed], leaves)
    for position, value in zip(done.changed, results[len(results) - len(done.changed) :], strict=True):
        leaf, axis = leaves[mapped[position]], axes[mapped[position]]
        write_back(leaf, value if axis in (0, None) else _moved(value, 0, axis))
    results = results[: done.n_outputs]
    moved = []
    for i, (value, axis, lane) in enumerate(zip(results, out_axes, mask, strict=False)):
        if axis is None and lane:
            raise ArgumentError(
                four_parts("out_axes is None for an output that differs between lanes", f"output {i} of {name_of(f)}", where=here())
            )
        moved.append(value if axis in (0, None) else _moved(value, 0, axis))
    return done.outputs(moved)


def _front(value: Any, axis: int) -> Any:
    return value if axis == 0 else _moved(value, axis, 0)


def _moved(value: Any, source: int, destination: int) -> Any:
    return lookup(np.moveaxis)(value, source, destination) if isinstance(value, Traced) else np.moveaxis(value, source, destination)


def _axes(spec: Any, value: Any, what: str) -> list[int | None]:
    """One axis a leaf, from a container that matches as deep as it goes."""
    if spec is None or isinstance(spec, (int, np.integer)):
        return [spec] * len(tree.flatten(value)[0])
    if isinstance(spec, dict) and isinstance(value, dict) and set(spec) == set(value):
        return [axis for key in sorted(value) for axis in _axes(spec[key], value[key], what)]
    if isinstance(spec, (tuple, list)) and isinstance(value, Sequence) and len(spec) == len(value):
        return [axis for s, v in zip(spec, value, strict=True) for axis in _axes(s, v, what)]
    raise ArgumentError(
        four_parts(
            f"{what} does not match",
            f"{what} = {spec!r} for {tree.flatten(value)[1]}",
            instead="give an int, None, or a container of the same structure",
            where=here(),
        )
    )
