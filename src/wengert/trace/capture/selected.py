"""`x[mask]` where the mask is known only when the program runs: all of x, and which elements are meant.

What works element by element, reduces, or is put back somewhere, works. Knows nothing of loops. Start at `Selected`, then `chosen`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from wengert.errors import TraceError, four_parts
from wengert.ir.values import Literal, Traced
from wengert.numpy.indexing import set_at
from wengert.numpy.promote import is_traced, stack_objects
from wengert.numpy.table import lookup
from wengert.source import here
from wengert.trace import boxes, record
from wengert.trace.capture.effects import text
from wengert.trace.capture.raising import record_check

_NEUTRAL = {np.sum: 0, np.prod: 1, np.any: False, np.all: True}
_ELEMENTWISE = frozenset([np.where, np.clip, np.round, np.around, np.real, np.imag, np.nan_to_num, np.copy])
_NEARBY = 64  # so far back two masks are compared by how they were made


class Selected(NDArrayOperatorsMixin):
    """The elements of an array that a traced mask chooses, as many as it will choose.

    The mask's axes in `whole` begin at `place`; in what this stands for they are one axis.
    """

    __array_priority__ = 2000.0

    def __init__(self, whole: Any, mask: Any, place: int = 0) -> None:
        self.whole, self.mask, self.place = whole, mask, place

    def __repr__(self) -> str:
        return f"<elements of {self.whole.type!r} chosen by a mask>"

    dtype = property(lambda self: self.whole.dtype)
    ndim = property(lambda self: self.whole.ndim - self.mask.ndim + 1)
    shape = property(lambda self: _refuse("the shape of the elements chosen by a mask"))

    @property
    def _after(self) -> int:
        """How many axes follow the mask's."""
        return int(self.whole.ndim - self.mask.ndim - self.place)

    def wide(self) -> Any:
        """The mask, to stand beside all of the array."""
        return lookup(np.reshape)(self.mask, self.mask.shape + (1,) * self._after) if self._after else self.mask

    def _safe(self) -> Any:
        """The array, with a number in most functions' domain where it is not meant: its derivative there is zero."""
        if self.whole.dtype.kind not in "fc":
            return self.whole
        return lookup(np.where)(self.wide(), self.whole, 0.5)

    def aligned(self, value: Any) -> Any:
        """A value that NumPy would broadcast against the chosen elements, as one against all of the array."""
        if isinstance(value, (list, tuple)):
            value = stack_objects(value)
        if isinstance(value, Selected):
            if value.place == self.place and value.whole.shape == self.whole.shape and _same(value.mask, self.mask):
                return value._safe()
            return self._spread(value, value.place)
        shape = np.shape(value)
        if len(shape) <= self._after:
            return value
        while len(shape) > self.ndim and shape[0] == 1:
            value, shape = lookup(np.reshape)(value, shape[1:]) if is_traced(value) else value[0], shape[1:]
        at = len(shape) - self._after - 1
        if at > self.place:
            raise ValueError(f"a value of shape {shape} cannot be broadcast to {self.ndim} axes")
        if shape[at] == 1:
            return lookup(np.reshape)(value, (*shape[:at], *(1,) * self.mask.ndim, *shape[at + 1 :]))
        return self._spread(value, at)

    def _spread(self, value: Any, at: int) -> Any:
        """The values along axis `at`, one for each element that is chosen, each where its element is."""
        mask = lookup(np.reshape)(self.mask, (self.mask.size,))
        source = lookup(np.cumsum)(mask) - 1
        count = lookup(np.sum)(mask)
        if isinstance(value, Selected):
            order, have = value._order()
            n = value.mask.size
            source = order[lookup(np.where)(have == 1, 0, lookup(np.clip)(source, 0, n - 1))]
            fits: Any = (have == count) | (have == 1)
            value = value._rows()
        else:
            have = value.shape[at]
            fits = count == have
            source = lookup(np.clip)(source, 0, max(have - 1, 0))
            if not have:
                value = np.zeros((*value.shape[:at], 1, *value.shape[at + 1 :]), value.dtype)
        record_check(fits, ValueError(text("cannot put ", (have, -1, ""), " values where a mask chooses ", (count, -1, ""))))
        out = lookup(np.take)(value, source, axis=at)
        return lookup(np.reshape)(out, (*out.shape[:at], *self.mask.shape, *out.shape[at + 1 :]))

    def _rows(self) -> Any:
        """The array with the mask's axes as one."""
        shape = self.whole.shape
        return lookup(np.reshape)(self.whole, (*shape[: self.place], self.mask.size, *shape[self.place + self.mask.ndim :]))

    def _order(self) -> tuple[Any, Any]:
        """The numbers of the elements that are chosen, the first ones of a longer array; and how many they are."""
        n = self.mask.size
        given = lookup(np.reshape)(self.mask, (n,))
        slots = lookup(np.where)(given, lookup(np.cumsum)(given) - 1, n)
        order = set_at(np.zeros(n + 1, np.int64), slots, np.arange(n))  # those that are not chosen are put behind the last
        return order, lookup(np.sum)(given)

    def dense(self, length: int) -> Any:
        """The elements as an array, where there must be so many of them, or one."""
        order, have = self._order()
        record_check(
            (have == length) | (have == 1),
            ValueError(text("could not broadcast ", (have, -1, ""), f" elements chosen by a mask into shape ({length},)")),
        )
        numbers = lookup(np.where)(have == 1, 0, np.minimum(np.arange(length), self.mask.size - 1))
        return lookup(np.take)(self._rows(), order[numbers], axis=self.place)

    # -- NumPy's protocols -------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc is np.matmul and method == "__call__" and not kwargs:
            return _dot(*inputs)
        if method != "__call__" or kwargs or ufunc.signature is not None:
            _refuse(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} of elements chosen by a mask")
        like = next(x for x in inputs if isinstance(x, Selected))
        return Selected(like._whole(ufunc(*[like.aligned(x) for x in inputs])), like.mask, like.place)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.dot and len(args) == 2 and not kwargs:
            return _dot(*args)
        if function in _ELEMENTWISE and not kwargs and len(args) > (1 if function is np.where else 0):
            like = next((x for x in args if isinstance(x, Selected)), self)
            given = [like.aligned(x) if isinstance(x, (Selected, Traced, np.ndarray, list, tuple)) else x for x in args]
            return Selected(like._whole(lookup(function)(*given)), like.mask, like.place)
        if not args or args[0] is not self or len(args) > 2 or not {*kwargs} <= {"axis"}:
            _refuse(f"np.{function.__name__} of elements chosen by a mask")
        return self._reduced(function, args[1] if len(args) == 2 else kwargs.get("axis"))

    def _whole(self, out: Any) -> Any:
        """A result for all of the array; of numbers alone it may be smaller."""
        return out if out.ndim >= self.whole.ndim else lookup(np.broadcast_to)(out, self.whole.shape)

    # -- reductions ----------------------------------------------------------------------------------------------

    def _reduced(self, function: Any, axis: Any = None) -> Any:
        if function in (np.size, len):
            return self.size
        if function not in _NEUTRAL and function not in (np.max, np.min, np.mean, np.var, np.std):
            _refuse(f"np.{function.__name__} of elements chosen by a mask")
        if axis is not None:
            axis = operator.index(axis)
            if not -self.ndim <= axis < self.ndim:
                raise np.exceptions.AxisError(axis, self.ndim)
            axis %= self.ndim
            if axis != self.place:  # each of the chosen is reduced by itself
                along = axis if axis < self.place else axis + self.mask.ndim - 1
                return Selected(lookup(function)(self.whole, axis=along), self.mask, self.place - (axis < self.place))
        axes = None if axis is None else tuple(range(self.place, self.place + self.mask.ndim))
        count = self.size if axis is None else lookup(np.sum)(self.mask)
        if function is np.mean:
            return self._reduced(np.sum, axis) / count
        if function in (np.var, np.std):
            mean = self._reduced(np.mean, axis)
            centred = self - (mean if axis is None else lookup(np.expand_dims)(mean, axis))
            variance = np.real(centred * np.conjugate(centred))._reduced(np.mean, axis)
            return variance if function is np.var else lookup(np.sqrt)(variance)
        neutral = _NEUTRAL.get(function)
        if neutral is None:
            name = "maximum" if function is np.max else "minimum"
            record_check(count > 0, ValueError(f"zero-size array to reduction operation {name} which has no identity"))
            neutral = self._limit(function is np.max)
        return lookup(function)(lookup(np.where)(self.wide(), self.whole, neutral), axis=axes)

    def _limit(self, lowest: bool) -> Any:
        """The number of its dtype that no other is below, or above."""
        kind = self.whole.dtype.kind
        if kind == "b":
            return not lowest
        if kind in "iu":
            limits = np.iinfo(self.whole.dtype)
            return limits.min if lowest else limits.max
        return -np.inf if lowest else np.inf

    @property
    def size(self) -> Any:
        """How many elements there are."""
        count = lookup(np.sum)(self.mask)
        return count * (self.whole.size // self.mask.size) if self.mask.size != self.whole.size else count

    def _place_of(self, index: Any) -> Any:
        """Where in the row of all elements the chosen one of this number is."""
        if not isinstance(index, (int, np.integer, Traced)) or np.ndim(index) or self.place:
            _refuse("a part of the elements chosen by a mask")
        order, count = self._order()
        i = lookup(np.where)(index < 0, index + count, index)
        message = text("index ", (index, -1, ""), " is out of bounds for axis 0 with size ", (count, -1, ""))
        record_check((i >= 0) & (i < count), IndexError(message))
        return order[lookup(np.clip)(i, 0, self.mask.size)]

    def __getitem__(self, index: Any) -> Any:
        return self._rows()[self._place_of(index)]

    def __setitem__(self, index: Any, value: Any) -> None:
        rows = set_at(self._rows(), self._place_of(index), value)
        self.whole = lookup(np.reshape)(rows, self.whole.shape)

    def __len__(self) -> int:
        return int(_refuse("the number of the elements chosen by a mask, as a Python int"))

    def __iter__(self) -> Any:
        return _refuse("going through the elements chosen by a mask")

    def astype(self, dtype: Any) -> Selected:
        """The elements in another dtype."""
        return Selected(self.whole.astype(dtype), self.mask, self.place)

    def copy(self) -> Selected:
        """An array of its own with these elements."""
        return Selected(self.whole, self.mask, self.place)

    def dot(self, other: Any) -> Any:
        """The product of two rows of elements."""
        return _dot(self, other)


def _reduction(function: Any) -> Any:
    return lambda self, axis=None: self._reduced(function, axis)


for _name in ("sum", "prod", "any", "all", "max", "min", "mean", "var", "std"):
    setattr(Selected, _name, _reduction(getattr(np, _name)))


def _dot(a: Any, b: Any) -> Any:
    if getattr(a, "ndim", 1) != 1 or getattr(b, "ndim", 1) != 1:
        _refuse("a product of matrices with elements chosen by a mask")
    return (a * b)._reduced(np.sum)


def _refuse(what: str) -> Any:
    raise TraceError(
        four_parts(
            what,
            why="How many elements the mask chooses is found while the program runs, so they have no shape.",
            instead="np.where(mask, a, b) on whole arrays",
            where=here(),
        )
    )


# -- masks as indices -------------------------------------------------------------------------------------------


def unknown_mask(index: Any) -> Any:
    """The one mask in an index that is known only when the program runs, beside integers, slices and new axes; None if there is none."""
    if type(index) is not tuple:
        parts: tuple[Any, ...] = (index,)
        if not boxes.is_mask(index):
            return None
    else:
        parts = index
    masks = [p for p in parts if boxes.is_mask(p)]
    tape = record.active()
    if len(masks) != 1 or tape is None or not tape.staged or not boxes.is_basic(tuple([p for p in parts if p is not masks[0]])):
        return None
    return masks[0] if masks[0].tape.fixed(masks[0].atom) is None else None


def chosen(box: Any, index: Any, mask: Any) -> Selected:
    """What the index chooses: its `whole` is the array itself or a view of it, to be assigned to."""
    parts = list(index) if type(index) is tuple else [index]
    at = next(i for i, p in enumerate(parts) if p is mask)
    used = mask.ndim + sum([1 for p in parts if p is not mask and p is not None and p is not Ellipsis])
    if used > box.ndim:
        raise IndexError(f"too many indices for array: array is {box.ndim}-dimensional, but {used} were indexed")
    numbers = [i for i, p in enumerate(parts) if p is mask or p is not None and p is not Ellipsis and type(p) is not slice]
    together = numbers[-1] - numbers[0] + 1 == len(numbers)
    if not any([p is Ellipsis for p in parts]):
        parts.append(Ellipsis)
    rest = [slice(None)] * (box.ndim - used)
    widened = lambda some: [q for p in some for q in (rest if p is Ellipsis else [p])]
    before, after = widened(parts[:at]), widened(parts[at + 1 :])
    axis = len([p for p in before if p is not None])
    for k, n in enumerate(mask.shape):
        if box.shape[axis + k] != n:
            raise IndexError(
                f"boolean index did not match indexed array along axis {axis + k}; size of axis is {box.shape[axis + k]} "
                f"but size of corresponding boolean axis is {n}"
            )
    place = len([p for p in before if p is None or type(p) is slice])
    basic = (*before, *[slice(None)] * mask.ndim, *after)
    part = box if all([type(p) is slice and p == slice(None) for p in basic]) else box[basic]
    if not together and place:
        part = np.moveaxis(part, list(range(place, place + mask.ndim)), list(range(mask.ndim)))
        place = 0
    return Selected(part, mask, place)


def assign(target: Selected, value: Any) -> None:
    """Put values where the target's elements are, in the array that it is a part of."""
    part = target.whole
    boxes.refuse_read_only(part)
    value = stack_objects(value) if isinstance(value, (list, tuple)) else value
    if target.mask.ndim == part.ndim and not isinstance(value, Selected) and np.ndim(value) > 1:
        raise TypeError(
            f"NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has {np.ndim(value)} dimensions"
        )
    value = target.aligned(value)
    if np.iscomplexobj(np.empty(0, getattr(value, "dtype", type(value)))) and part.dtype.kind != "c":
        set_at(part, Ellipsis, value)  # which is an error
    boxes.replace(part, lookup(np.where)(target.wide(), boxes.fit(value, part), part))


def _same(a: Any, b: Any) -> bool:
    """Whether two masks are surely equal: one value, or made by the same operations of the same values."""
    if a.tape is not b.tape:
        return False
    if a.atom is b.atom:
        return True
    made: dict[Any, Any] = {}
    node = a.tape.node
    for _ in range(_NEARBY):
        if node is None:
            break
        if node.equation is not None:
            made.update(dict.fromkeys(node.outs, node.equation))
        node = node.parent
    return _alike(a.atom, b.atom, made, 8)


def _alike(a: Any, b: Any, made: dict[Any, Any], depth: int) -> bool:
    if a is b:
        return True
    if isinstance(a, Literal) or isinstance(b, Literal) or not depth:
        return False
    p, q = made.get(a), made.get(b)
    if p is None or q is None or p.operation is not q.operation or p.outs.index(a) != q.outs.index(b):
        return False
    return all([_alike(x, y, made, depth - 1) for x, y in zip(p.operands, q.operands, strict=True)])
