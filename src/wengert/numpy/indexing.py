"""What `x[index]` means: every kind of NumPy index, read and functionally written.

An index is planned once: a slice of the axes, then a gather of what integer arrays address.
Writing goes the same way back. Knows the primitives of `index`. Start at `Plan` and `getitem`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.errors import IndexOutOfBoundsError, ShapeError, four_parts
from wengert.numpy.arguments import array, in_dtype
from wengert.numpy.promote import innermost, is_traced, stack_objects
from wengert.primitives import index as primitive
from wengert.primitives.shape import Flip, broadcast, permute, reshape
from wengert.source import here

_ALL = slice(None)


class Plan:
    """An index made ready for arrays of one shape.

    View: x[starts:stops:steps], flipped along `flips`, under `view_shape` (integers drop their axis,
    newaxis makes one). Then, if there are `indices` (arrays of one shape), those address the axes
    `axes` of the view, and their own axes come at `place` of the result.
    """

    __slots__ = ("axes", "flips", "indices", "place", "starts", "steps", "stops", "view_shape")

    def __init__(self, index: Any, shape: tuple[int, ...]) -> None:
        items = _items(index, shape)
        arrays = [i for i, item in enumerate(items) if not isinstance(item, (int, slice)) and item is not None]
        target = _joint_shape([items[i] for i in arrays])
        self.place = 0
        if target or (arrays and _is_element(items)):  # beside arrays, integers are arrays too
            arrays = [i for i, item in enumerate(items) if item is not None and not isinstance(item, slice)]
            consecutive = arrays[-1] - arrays[0] + 1 == len(arrays)
            if consecutive and not getattr(items, "split", False):
                self.place = sum([1 for item in items[: arrays[0]]])
        starts, stops, steps, flips, view, axes, indices = [], [], [], [], [], [], []
        for i, item in enumerate(items):
            if item is None:
                view.append(1)
                continue
            if isinstance(item, _Truth):
                axes.append(len(view))
                view.append(1)
                indices.append(item.index)
                continue
            axis = len(starts)
            n = shape[axis]
            if i in arrays:
                axes.append(len(view))
                indices.append(np.intp(_static(item, axis, n)) if isinstance(item, int) else _checked(item, axis, n))
                item = _ALL
            if isinstance(item, slice):
                start, stop, step = _bounds(item, n)
                if step < 0:
                    count = len(range(start, stop, step))
                    start, stop, step = (start + (count - 1) * step, start + 1, -step) if count else (0, 0, -step)
                    flips.append(axis)
                starts.append(start)
                stops.append(max(stop, start))
                steps.append(step)
                view.append(len(range(start, stop, step)))
            else:
                k = _static(item, axis, n)
                starts.append(k)
                stops.append(k + 1)
                steps.append(1)
        self.starts, self.stops, self.steps = tuple(starts), tuple(stops), tuple(steps)
        self.flips, self.view_shape, self.axes = tuple(flips), tuple(view), tuple(axes)
        self.indices = tuple([_index_array(i, target) for i in indices])

    # -- to the view and back ------------------------------------------------------------------

    def is_whole(self, shape: tuple[int, ...]) -> bool:
        """Whether the slice takes everything."""
        return self.stops == shape and not any(self.starts) and all(s == 1 for s in self.steps)

    def view(self, x: Any) -> Any:
        """The slice, under its shape."""
        if not self.is_whole(x.shape):
            x = primitive.Slice(self.starts, self.stops, self.steps)(x)
        if self.flips:
            x = Flip(self.flips)(x)
        return reshape(x, self.view_shape)

    def unview(self, part: Any) -> Any:
        """A value for the view as one for the slice."""
        lengths = [len(range(*b)) for b in zip(self.starts, self.stops, self.steps, strict=True)]
        part = reshape(part, tuple(lengths))
        return Flip(self.flips)(part) if self.flips else part

    def order(self) -> tuple[int, ...]:
        """The axes of the view with the addressed ones first."""
        return (*self.axes, *[i for i in range(len(self.view_shape)) if i not in self.axes])

    def result_order(self) -> tuple[int, ...]:
        """The axes of index + rest in the order of the result."""
        k, n = self.indices[0].ndim, len(self.view_shape) - len(self.axes)
        return (*range(k, k + self.place), *range(k), *range(k + self.place, k + n))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x[index]."""
        if not self.indices:
            return self.view_shape
        rest = [n for i, n in enumerate(self.view_shape) if i not in self.axes]
        return (*rest[: self.place], *self.indices[0].shape, *rest[self.place :])

    # -- reading and writing -------------------------------------------------------------------

    def get(self, x: Any) -> Any:
        part = self.view(x)
        if not self.indices:
            return part
        found = primitive.gather(permute(part, self.order()), self.indices)
        return permute(found, self.result_order())

    def put(self, x: Any, v: Any, add: bool) -> Any:
        """x with v (of the result's shape and x's dtype) put or added there."""
        if not self.indices:
            operation = primitive.SliceAdd if add else primitive.SliceSet
            return operation(self.starts, self.stops, self.steps)(x, self.unview(v))
        part = self.view(x)
        v = permute(v, tuple(np.argsort(self.result_order()).tolist()))
        scatter = primitive.scatter_add if add else primitive.scatter_set
        written = scatter(permute(part, self.order()), self.indices, v)
        written = permute(written, tuple(np.argsort(self.order()).tolist()))
        if self.is_whole(x.shape):
            return self.unview(written)
        return primitive.SliceSet(self.starts, self.stops, self.steps)(x, self.unview(written))

    def rounds(self) -> Iterator[tuple[Plan, Any]]:
        """Plans that together do this one, none of which addresses an element twice, and what they take of a value."""
        positions = self._positions()
        if positions is None:
            yield self, None
            return
        left = np.arange(positions.size)
        while left.size:
            _, first = np.unique(positions[left], return_index=True)
            chosen = left[first]
            plan = object.__new__(Plan)
            for name in Plan.__slots__:
                setattr(plan, name, getattr(self, name))
            plan.indices = tuple([reshape(i, (positions.size,))[chosen] for i in self.indices])
            yield plan, chosen
            left = np.delete(left, first)

    def _positions(self) -> Any:
        """The elements addressed, as numbers; None if there are surely no two the same."""
        if not self.indices or self.indices[0].size < 2:
            return None
        flat: Any = 0
        for axis, i in zip(self.axes, self.indices, strict=True):
            n = self.view_shape[axis]
            flat = flat * n + np.asarray(i.concrete() if is_traced(i) else i) % n
        flat = np.ravel(flat)
        return None if np.unique(flat).size == flat.size else flat


class _Truth:
    """A boolean scalar as an index: a new axis of which one element is taken, or none."""

    def __init__(self, value: bool) -> None:
        self.index = np.zeros(int(value), np.intp)
        self.shape = self.index.shape


class _Items(list):  # type: ignore[type-arg]
    """The parts of an index, one for each axis or new axis."""

    split = False  # whether an ellipsis of no axes stands between arrays


def _items(index: Any, shape: tuple[int, ...]) -> _Items:
    """int, slice, None, array or _Truth for each axis: the ellipsis filled in, boolean arrays as positions."""
    parts = list(index) if isinstance(index, tuple) else [index]
    parts = [_part(p) for p in parts]
    if sum([1 for p in parts if p is Ellipsis]) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum([p.ndim if _is_mask(p) else 0 if p is None or p is Ellipsis or isinstance(p, _Truth) else 1 for p in parts])
    if used > len(shape):
        raise IndexOutOfBoundsError(
            four_parts(f"too many indices: the array has {len(shape)} axes, but {used} were indexed", f"shape {shape}", where=here())
        )
    if not any(p is Ellipsis for p in parts):
        parts.append(Ellipsis)
    items = _Items()
    axis = 0
    for position, p in enumerate(parts):
        if p is Ellipsis:
            if used == len(shape) and position < len(parts) - 1 and position:
                items.split = _is_array(parts[position - 1]) and _is_array(parts[position + 1])
            items.extend([_ALL] * (len(shape) - used))
            axis += len(shape) - used
        elif _is_mask(p):
            items.extend(_mask_positions(p, shape, axis))
            axis += p.ndim
        else:
            items.append(p)
            axis += p is not None and not isinstance(p, _Truth)
    return items


def _is_element(items: _Items) -> bool:
    """Whether the first axes are all addressed and the others are whole: one element, or one block, that is read and written in place.

    A known number beside scalars that are not known would otherwise be a slice of everything that they address.
    """
    count = sum([1 for item in items if isinstance(item, int) or _is_array(item)])
    return all([_is_array(item) for item in items[:count]]) and all([item == _ALL for item in items[count:]])


def _is_mask(p: Any) -> bool:
    return getattr(p, "dtype", None) is not None and p.dtype.kind == "b"


def _is_array(p: Any) -> bool:
    return isinstance(p, int) or (p is not None and p is not Ellipsis and not isinstance(p, slice))


def _part(p: Any) -> Any:
    """One part of an index, of a simple kind."""
    if type(p) is int or p is None or p is Ellipsis or isinstance(p, slice):
        return p
    if isinstance(p, (bool, np.bool_)):
        return _Truth(bool(p))
    if isinstance(p, (int, np.integer)):
        return int(p)
    if isinstance(p, range):
        p = np.asarray(p, np.intp)
    if isinstance(p, (list, tuple)):
        p = stack_objects(p)
        p = p.astype(np.intp) if isinstance(p, np.ndarray) and p.size == 0 and p.dtype.kind == "f" else p
    if is_traced(p) or isinstance(p, np.ndarray):
        if p.dtype.kind == "b":
            return _Truth(bool(p)) if p.ndim == 0 else p
        if p.dtype.kind in "iu":
            return int(p) if isinstance(p, np.ndarray) and p.ndim == 0 else p
    elif hasattr(p, "__index__"):
        return operator.index(p)
    raise IndexError(
        four_parts(
            "only integers, slices, ellipsis, newaxis, and integer or boolean arrays are valid indices",
            f"got {getattr(p, 'type', None) or type(p).__name__}",
            where=here(),
        )
    )


def _mask_positions(mask: Any, shape: tuple[int, ...], axis: int) -> list[Any]:
    """A boolean array as integer arrays. Of a traced one the value is asked: the result's shape depends on it."""
    for k, n in enumerate(mask.shape):
        if shape[axis + k] != n:
            raise IndexOutOfBoundsError(
                four_parts(f"boolean index has size {n} along axis {axis + k}, where the array has {shape[axis + k]}", where=here())
            )
    value = mask.concrete() if is_traced(mask) else mask
    return list(np.nonzero(value))


def _joint_shape(arrays: list[Any]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*[a.shape for a in arrays])
    except ValueError:
        shapes = " ".join([str(a.shape) for a in arrays])
        raise IndexOutOfBoundsError(
            four_parts("indexing arrays could not be broadcast together", f"with shapes {shapes}", where=here())
        ) from None


def _bounds(s: slice, n: int) -> tuple[int, int, int]:
    if s.start is None and s.stop is None and s.step is None:
        return 0, n, 1
    return s.indices(n)


def _static(i: int, axis: int, n: int) -> int:
    """A known index counted from the front."""
    if not -n <= i < n:
        _out_of_bounds(i, axis, n)
    return i + n if i < 0 else i


def _out_of_bounds(i: int, axis: int, n: int) -> None:
    raise IndexOutOfBoundsError(
        four_parts(
            f"index {i} is out of bounds for axis {axis} with size {n}",
            why=f"Valid indices are {-n} to {n - 1}." if n else "The axis is empty.",
            where=here(),
        )
    )


def _checked(i: Any, axis: int, n: int) -> Any:
    """A concrete index array, checked now; a traced one is checked when it runs."""
    if not is_traced(i):
        outside = (i < -n) | (i >= n)
        if np.any(outside):
            _out_of_bounds(int(np.asarray(i)[outside].ravel()[0]) if np.ndim(i) else int(i), axis, n)
    return i


def _index_array(i: Any, shape: tuple[int, ...]) -> Any:
    if i.shape == shape:
        return i
    return broadcast(i, shape) if is_traced(i) else np.broadcast_to(i, shape).copy()


# -- reading -----------------------------------------------------------------------------------


def getitem(x: Any, index: Any) -> Any:
    """x[index]."""
    shape = x.shape
    if type(index) is int and shape:
        k = _static(index, 0, shape[0])
        return reshape(primitive.slice_axis(x, 0, k, k + 1), shape[1:])
    return Plan(index, shape).get(x)


# -- writing -----------------------------------------------------------------------------------


def _operands(x: Any, v: Any) -> tuple[Any, Any]:
    """The array and the value in the array's dtype."""
    x, v = array(x), array(v)
    if v.dtype.kind == "c" and x.dtype.kind != "c":
        raise ShapeError(
            four_parts(
                "complex values cannot be put into a real array",
                f"{v.dtype} into {x.dtype}",
                "The imaginary part would be lost.",
                "x.astype(complex)",
                here(),
            )
        )
    trace = innermost([x, v])
    v = in_dtype(v, x.dtype)
    return (trace.lift(x) if trace is not None and not is_traced(x) else x), v


def _fitted(v: Any, shape: tuple[int, ...]) -> Any:
    """V broadcast to the part that it is written to; leading ones too many are dropped, as in NumPy."""
    while v.ndim > len(shape) and v.shape[0] == 1:
        v = reshape(v, v.shape[1:])
    try:
        fits = np.broadcast_shapes(v.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(four_parts(f"cannot put a value of shape {v.shape} into a part of shape {shape}", where=here()))
    return broadcast(v, shape)


def _mask_alone(index: Any, x: Any, v: Any) -> Any:
    """The mask, if the index is nothing else and one value serves for every element chosen; else None."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple([p for p in parts if p is not Ellipsis])
    if len(parts) != 1 or (isinstance(index, tuple) and index[0] is Ellipsis):
        return None
    mask = parts[0]
    if not (is_traced(mask) or isinstance(mask, np.ndarray)) or mask.dtype.kind != "b" or mask.ndim == 0:
        return None
    if mask.shape != x.shape[: mask.ndim] or v.ndim > x.ndim - mask.ndim:
        return None
    return mask


def _update(x: Any, index: Any, v: Any, combine: Callable[[Any, Any], Any] | None, add: bool) -> Any:
    """x with v put at index; `combine` makes the new value of the old one and v."""
    x, v = _operands(x, v)
    mask = _mask_alone(index, x, v)
    if mask is not None:
        wide = reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))
        v = in_dtype(combine(x, v), x.dtype) if combine is not None else v
        return np.where(wide, v, x)
    plan = Plan(index, x.shape)
    v = _fitted(v, plan.shape)
    if combine is None or add:
        return plan.put(x, v, add)
    for one, chosen in plan.rounds():
        u = v if chosen is None else _chosen(plan, v, chosen)
        x = one.put(x, in_dtype(combine(one.get(x), u), x.dtype), False)
    return x


def _chosen(plan: Plan, v: Any, chosen: Any) -> Any:
    """Some elements of v along the index axes, which become one."""
    k, place = plan.indices[0].ndim, plan.place
    size = plan.indices[0].size
    flat = reshape(v, (*v.shape[:place], size, *v.shape[place + k :]))
    return np.take(flat, chosen, axis=place)


def set_at(x: Any, index: Any, v: Any) -> Any:
    """x after x[index] = v."""
    return _update(x, index, v, None, False)


def add_at(x: Any, index: Any, v: Any) -> Any:
    """x with v added at index; repeated indices accumulate."""
    return _update(x, index, v, np.add, True)


def multiply_at(x: Any, index: Any, v: Any) -> Any:
    """x multiplied by v at index; repeated indices accumulate."""
    return _update(x, index, v, np.multiply, False)


def min_at(x: Any, index: Any, v: Any) -> Any:
    """x with the minimum of its elements and v at index."""
    return _update(x, index, v, np.minimum, False)


def max_at(x: Any, index: Any, v: Any) -> Any:
    """x with the maximum of its elements and v at index."""
    return _update(x, index, v, np.maximum, False)


def update_at(x: Any, index: Any, v: Any, combine: Callable[[Any, Any], Any]) -> Any:
    """x with combine(x[index], v) there; repeated indices accumulate."""
    return _update(x, index, v, combine, False)


class _AtIndex:
    """x.at[index]: what can be done there."""

    __slots__ = ("_index", "_x")

    def __init__(self, x: Any, index: Any) -> None:
        self._x, self._index = x, index

    def get(self) -> Any:
        """x[index]."""
        return getitem(self._x, self._index) if is_traced(self._x) else self._x[self._index]

    def set(self, value: Any) -> Any:
        """x after x[index] = value."""
        return set_at(self._x, self._index, value)

    def add(self, value: Any) -> Any:
        """x after x[index] += value; repeated indices accumulate, as by np.add.at."""
        return add_at(self._x, self._index, value)

    def subtract(self, value: Any) -> Any:
        """x after x[index] -= value."""
        return add_at(self._x, self._index, -array(value))

    def multiply(self, value: Any) -> Any:
        """x after x[index] *= value."""
        return multiply_at(self._x, self._index, value)

    def divide(self, value: Any) -> Any:
        """x after x[index] /= value."""
        return _update(self._x, self._index, value, np.divide, False)

    def min(self, value: Any) -> Any:
        """x with the minimum of its elements and value there."""
        return min_at(self._x, self._index, value)

    def max(self, value: Any) -> Any:
        """x with the maximum of its elements and value there."""
        return max_at(self._x, self._index, value)


class At:
    """`x.at[index].set(v)` and its like: assignment that returns the new array.

    >>> import numpy as np
    >>> At(np.zeros(3))[1].set(5.0)
    array([0., 5., 0.])
    """

    __slots__ = ("_x",)

    def __init__(self, x: Any) -> None:
        self._x = x

    def __getitem__(self, index: Any) -> _AtIndex:
        return _AtIndex(self._x, index)


def at(x: Any) -> At:
    """`at(x)[index].set(v)`: x with v assigned there, as a new array.

    Use it instead of `x[index] = v` on traced values, as `x.at[index]`, and as `at(x)[index]` where x may be a plain
    array too. Beside `set` there are `get`, `add`, `subtract`, `multiply`, `divide`, `min` and `max`; repeated indices
    accumulate in `add`, `subtract` and `multiply`. The name is JAX's.

    Parameters
    ----------
    x : array
        Of any dtype, which the result keeps. Any index of NumPy's will do.

    Raises
    ------
    IndexOutOfBoundsError
        For an index outside its axis: nothing is clamped or dropped.

    Examples
    --------
    >>> import numpy as np, wengert as wg
    >>> wg.grad(lambda v: np.sum(wg.numpy.at(np.ones(3))[1].set(v) ** 2))(4.0)
    np.float64(8.0)
    """
    return At(x if is_traced(x) else np.asarray(x))
