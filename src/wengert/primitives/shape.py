"""Operations that move elements and compute nothing: reshape, transpose, broadcast, concatenate, flip, cast.

Knows NumPy; not other families. Start at `Reshape`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wengert.contract import Linear, Primitive, Sample, Track, expand_all, flat, no, role
from wengert.errors import ShapeError, four_parts
from wengert.ir.types import Type, type_of
from wengert.ir.values import ROLES, Literal, Traced, splat
from wengert.loops.nest import Affine


class Reshape(Linear):
    """The same elements in row-major order under another shape."""

    shape: tuple[int, ...]
    moves = views = strided = relabels = True

    def type(self, x: Any) -> tuple[Type, ...]:
        if int(np.prod(self.shape, dtype=np.int64)) != x.size:
            raise ShapeError(four_parts(f"cannot reshape {x!r} into shape {self.shape}", why="The number of elements differs."))
        return (x.with_shape(self.shape),)

    def evaluate(self, x: Any) -> Any:
        return np.reshape(x, self.shape)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        out: list[Any] = [None] * x.ndim
        for inner, outer in factors(x.shape, self.shape):
            line: Any = Affine(0)
            for a in outer:
                line = line * self.shape[a] + index[a]
            long = [a for a in inner if x.shape[a] != 1]
            for a in reversed(inner):
                if a not in long:
                    out[a] = Affine(0)
                elif a == long[0]:
                    out[a] = line
                else:
                    line, out[a] = k.divided(line, x.shape[a])
        return read[0](*out)

    def follows(self, *types: Any) -> bool:
        """Whether no axes are merged: a merged axis is taken apart by division."""
        x = types[0]
        return all([sum([x.shape[a] != 1 for a in inner]) <= 1 for inner, _ in factors(x.shape, self.shape)])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (reshape(ct, operands[0].type.shape),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return reshape(operands[0], (size, *self.shape))

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return None if mask is None else reshape(mask, operands[0].type.shape)

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        x = operands[0].type
        if not x.size:
            return
        for inner, outer in factors(x.shape, self.shape):
            a, b = [next((i for i in group if t[i] != 1), None) for group, t in ((inner, x.shape), (outer, self.shape))]
            if a is not None and b is not None and x.shape[a] == self.shape[b]:  # the slowest of what is one line in both
                yield Track((a,), b)

    def shortened(self, axis: int, n: int) -> Any:
        return Reshape((*self.shape[:axis], n, *self.shape[axis + 1 :]))

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((3, 2)), np.arange(6.0).reshape(2, 3))
        yield Sample(cls(()), np.array([[2.5 + 1j]]))


class Transpose(Linear):
    """Axes in another order: result axis i is axis perm[i] of the operand."""

    perm: tuple[int, ...]
    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        if sorted(self.perm) != list(range(x.ndim)):
            raise ShapeError(four_parts(f"axes {self.perm} do not permute those of {x!r}"))
        return (x.with_shape(tuple([x.shape[i] for i in self.perm])),)

    def evaluate(self, x: Any) -> Any:
        return np.transpose(x, self.perm)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        return read[0](*[index[i] for i in inverse(self.perm)])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (permute(ct, inverse(self.perm)),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return permute(operands[0], (0, *[i + 1 for i in self.perm]))

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return None if mask is None else permute(mask, inverse(self.perm))

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        return [Track((a,), i) for i, a in enumerate(self.perm)]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((2, 0, 1)), np.arange(24.0).reshape(2, 3, 4))


class Broadcast(Linear):
    """Repetition into a larger shape: axis i of the operand becomes axis axes[i] of the result."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        fits = len(self.axes) == x.ndim and all(x.shape[i] in (1, self.shape[a]) for i, a in enumerate(self.axes))
        if not fits or list(self.axes) != sorted(set(self.axes)):
            raise ShapeError(four_parts(f"cannot broadcast {x!r} to shape {self.shape} along axes {self.axes}"))
        return (x.with_shape(self.shape),)

    def evaluate(self, x: Any) -> Any:
        return np.broadcast_to(_spread(x, self.shape, self.axes), self.shape)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        return read[0](*[Affine(0) if x.shape[i] == 1 else index[a] for i, a in enumerate(self.axes)])

    def compaction(self) -> Any:
        """How an elementwise consumer can do without: "same" if NumPy aligns the axes itself, else a reshape."""
        n, k = len(self.shape), len(self.axes)
        if self.axes == tuple(range(n - k, n)):
            return "same"
        return lambda x: _spread(x, self.shape, self.axes)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        x = operands[0].type
        new = [a for a in range(len(self.shape)) if a not in self.axes]
        stretched = [a for i, a in enumerate(self.axes) if x.shape[i] != self.shape[a]]
        return (reshape(ROLES["sum"](ct, tuple(sorted(new + stretched))), x.shape),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Broadcast((size, *self.shape), (0, *[a + 1 for a in self.axes]))(operands[0])

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        if mask is None:
            return None
        x = operands[0].type
        axes = [a for a in range(len(self.shape)) if a not in self.axes]
        axes += [a for i, a in enumerate(self.axes) if x.shape[i] != self.shape[a]]
        return reshape(ROLES["any"](mask, tuple(sorted(axes))), x.shape)

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        x = operands[0].type
        found = {a: i if x.shape[i] == self.shape[a] else None for i, a in enumerate(self.axes)}
        return [Track((found.get(a),), a) for a in range(len(self.shape))]

    def shortened(self, axis: int, n: int) -> Any:
        return Broadcast((*self.shape[:axis], n, *self.shape[axis + 1 :]), self.axes)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((2, 3), (1,)), np.array([1.0, 2.0, 3.0]))
        yield Sample(cls((2, 3), (0, 1)), np.array([[1.0], [2.0 + 1j]]))
        yield Sample(cls((2, 2), ()), np.float32(3.0))


class Concatenate(Linear):
    """Arrays one after the other along an axis."""

    axis: int
    pieces = True

    def type(self, *xs: Any) -> tuple[Type, ...]:
        first, a = xs[0], self.axis
        for x in xs:
            if x.dtype != first.dtype or x.ndim != first.ndim or x.shape[:a] + x.shape[a + 1 :] != first.shape[:a] + first.shape[a + 1 :]:
                raise ShapeError(four_parts(f"cannot concatenate along axis {a}", ", ".join(map(repr, xs)), "All other axes must agree."))
        return (first.with_shape((*first.shape[:a], sum(x.shape[a] for x in xs), *first.shape[a + 1 :])),)

    def evaluate(self, *xs: Any) -> Any:
        return np.concatenate(xs, axis=self.axis)

    def laid_at(self, *xs: Any) -> Any:
        ends = itertools.accumulate([x.shape[self.axis] for x in xs])
        return [tuple([end - x.shape[self.axis] if a == self.axis else 0 for a in range(x.ndim)]) for end, x in zip(ends, xs, strict=True)]

    def element(self, k: Any, read: Any, index: Any, *xs: Any) -> Any:
        a = self.axis
        starts = list(itertools.accumulate([0, *[x.shape[a] for x in xs]]))

        def part(n: int) -> Any:
            if n + 1 < len(xs) and starts[n + 1] == starts[n]:
                return part(n + 1)
            here = lambda: read[n](*index[:a], index[a] - starts[n], *index[a + 1 :])
            if all([x.shape[a] == 0 for x in xs[n + 1 :]]):
                return here()
            return k.choose(index[a], starts[n + 1], here, lambda: part(n + 1))

        return part(0)

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        parts, start = [], 0
        for x, on in zip(operands, linear, strict=True):
            stop = start + x.type.shape[self.axis]
            parts.append(ROLES["slice_axis"](ct, self.axis, start, stop) if on else None)
            start = stop
        return parts

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Concatenate(self.axis + 1)(*expand_all(size, batched, operands))

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        return [Track((a,) * len(operands), a) for a in range(operands[0].type.ndim) if a != self.axis]

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(1), np.ones((2, 1)), np.arange(6.0).reshape(2, 3), np.zeros((2, 0)))


class Flip(Linear):
    """Axes reversed."""

    axes: tuple[int, ...]
    moves = views = strided = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x,)

    def evaluate(self, x: Any) -> Any:
        return np.flip(x, self.axes)

    def element(self, k: Any, read: Any, index: Any, x: Any) -> Any:
        return read[0](*[x.shape[a] - 1 - i if a in self.axes else i for a, i in enumerate(index)])

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (self(ct),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return Flip(tuple([a + 1 for a in self.axes]))(operands[0])

    def tracks(self, operands: Sequence[Any]) -> Iterable[Track]:
        return [Track((a,), a) for a in range(operands[0].type.ndim) if a not in self.axes]

    def demand(self, mask: Any, index: int, operands: Sequence[Any]) -> Any:
        return None if mask is None else self(mask)

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls((0, 1)), np.arange(6.0).reshape(2, 3))


class Cast(Primitive):
    """The same numbers in another dtype. Linear between inexact dtypes (complex to real drops the imaginary part)."""

    dtype: np.dtype[Any]
    elementwise = True

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x.with_dtype(self.dtype),)

    def evaluate(self, x: Any) -> Any:
        if self.dtype.kind != "c" and x.dtype.kind == "c":
            x = x.real
        return x.astype(self.dtype)

    def scalar(self, k: Any, x: Any) -> Any:
        return k.cast(x, self.dtype.str[1:])

    def jvp(self, primals: Sequence[Any], outs: Any, tangents: Sequence[Any]) -> Any:
        return cast(tangents[0], self.dtype) if self.dtype.kind in "fc" and tangents[0] is not None else None

    def transpose(self, ct: Any, operands: Sequence[Any], linear: Sequence[bool]) -> Sequence[Any]:
        return (cast(ct, operands[0].type.dtype),)

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(np.dtype("D")), np.array([1.0, 2.0]))
        yield Sample(cls(np.dtype("d")), np.array([1.0, 2.0], "f"), smooth=False)
        yield Sample(cls(np.dtype("d")), np.array([1, 2]), smooth=False)

    def exact(self, m: Any, x: Any) -> Any:
        return m.cast(x, self.dtype)


class StopGradient(Primitive):
    """The identity, with derivative zero."""

    elementwise = views = True
    jvp = flat("its derivative is declared zero")
    transpose = no("it is constant under differentiation")

    def type(self, x: Any) -> tuple[Type, ...]:
        return (x,)

    def evaluate(self, x: Any) -> Any:
        return x

    def scalar(self, k: Any, x: Any) -> Any:
        return x

    def batch(self, size: int, batched: Sequence[bool], operands: Sequence[Any]) -> Any:
        return self(operands[0])

    @classmethod
    def samples(cls) -> Iterable[Sample]:
        yield Sample(cls(), np.array([1.0, 2.0]), smooth=False)

    def exact(self, m: Any, x: Any) -> Any:
        return x


# -- how the rules write them -------------------------------------------------------------

stop_gradient = StopGradient()


def _spread(x: Any, shape: tuple[int, ...], axes: tuple[int, ...]) -> Any:
    """x with axes of length 1 so that NumPy aligns it with `shape`."""
    full = [1] * len(shape)
    for i, a in enumerate(axes):
        full[a] = x.shape[i]
    return np.reshape(x, full)


def factors(source: Sequence[int], target: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """The finest matching of consecutive axes of one shape to those of another with the same number of elements."""
    if 0 in source:
        return [(list(range(len(source))), list(range(len(target))))]
    out: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(source) and j < len(target):
        inner, outer, a, b = [i], [j], source[i], target[j]
        i, j = i + 1, j + 1
        while a != b:
            if a < b:
                a *= source[i]
                inner.append(i)
                i += 1
            else:
                b *= target[j]
                outer.append(j)
                j += 1
        out.append((inner, outer))
    return [*out, (list(range(i, len(source))), list(range(j, len(target))))]  # what is left has length 1


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `perm`."""
    out = [0] * len(perm)
    for i, p in enumerate(perm):
        out[p] = i
    return tuple(out)


@role("reshape")
def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """x under another shape; itself if that is its shape."""
    if array_type_of(x).shape == tuple(shape):
        return x
    if isinstance(x, Literal) and x.is_splat:
        return splat(x.value, x.type.with_shape(tuple(shape)))
    return Reshape(tuple(shape))(x)


@role("permute")
def permute(x: Any, perm: tuple[int, ...]) -> Any:
    """x with its axes permuted; itself if they stay."""
    return x if tuple(perm) == tuple(range(len(perm))) else Transpose(tuple(perm))(x)


@role("move_axis")
def move_axis(x: Any, source: int, target: int) -> Any:
    """x with one axis moved."""
    perm = [i for i in range(array_type_of(x).ndim) if i != source]
    perm.insert(target, source)
    return permute(x, tuple(perm))


@role("broadcast")
def broadcast(x: Any, shape: tuple[int, ...], axes: tuple[int, ...] | None = None) -> Any:
    """x repeated into `shape`; its axes go to `axes`, by default to the last ones, as in NumPy."""
    if array_type_of(x).shape == tuple(shape):
        return x
    if isinstance(x, Literal) and x.is_splat:
        return splat(x.value, x.type.with_shape(tuple(shape)))
    n, k = len(shape), array_type_of(x).ndim
    return Broadcast(tuple(shape), tuple(range(n - k, n)) if axes is None else tuple(axes))(x)


@role("expand")
def expand_front(x: Any, size: int) -> Any:
    """x repeated along a new first axis."""
    t = array_type_of(x)
    return Broadcast((size, *t.shape), tuple(range(1, t.ndim + 1)))(x)


@role("cast")
def cast(x: Any, dtype: Any) -> Any:
    """x in another dtype; itself if that is its dtype."""
    dtype = np.dtype(dtype)
    if array_type_of(x).dtype == dtype:
        return x
    if isinstance(x, Literal) and x.is_splat:
        return splat(x.value, x.type.with_dtype(dtype))
    return Cast(dtype)(x)


def array_type_of(x: Any) -> Any:
    """The type of a traced value, a literal or a concrete array."""
    return x.type if isinstance(x, (Traced, Literal)) else type_of(x)
