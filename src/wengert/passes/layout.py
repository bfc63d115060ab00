"""Layout: what moves elements is merged, kept out of the way of arithmetic, and absorbed by contractions and sums.

Knows the operations of shape, slices and sums; no scalar arithmetic beyond scaling a sum. `Dot` is `contraction`'s, loaded only for
programs that have one. Start at `RULES`.

All of it keeps every bit, but for sums: the order in which a sum, or a contraction, adds its terms is nobody's promise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from wengert.ir.operation import Operation
from wengert.ir.values import Literal, splat
from wengert.passes.rewriter import Rewriter, glancing
from wengert.primitives.arith import Imag, Mul, Real, add, mul
from wengert.primitives.index import Slice, SliceAdd, SliceSet, slice_
from wengert.primitives.reduce import All, Any_, Max, Min, Sum, sum_
from wengert.primitives.shape import Broadcast, Cast, Concatenate, Flip, Reshape, Transpose, broadcast, inverse, permute, reshape

Operands = tuple[Any, ...]
WORTHWHILE = 4096  # products from which a sum of them goes to BLAS


# -- reshape, transpose, broadcast -----------------------------------------------------------------


def merged_reshape(rewriter: Rewriter, operation: Reshape, operands: Operands) -> Any:
    """Reshape of a reshape; of nothing; of a repetition, where only axes of length 1 come or go."""
    (x,) = operands
    shape = operation.shape
    if x.type.shape == shape:
        return x
    made = rewriter.source(x, Reshape, Broadcast)
    if made is None:
        return None
    inner = made.operands[0]
    if type(made.operation) is Reshape:
        return rewriter.atom(reshape(inner, shape))
    old = made.operation.shape
    if not inner.type.shape:
        return broadcast(inner, shape, ())
    long = [a for a, n in enumerate(shape) if n != 1]
    if [shape[a] for a in long] != [n for n in old if n != 1]:
        return None
    rank = {a: i for i, a in enumerate([a for a, n in enumerate(old) if n != 1])}
    axes = made.operation.axes
    if not all([a in rank for a in axes]):
        return None
    return rewriter.emit(Broadcast(shape, tuple([long[rank[a]] for a in axes])), (inner,))


def merged_transpose(rewriter: Rewriter, operation: Transpose, operands: Operands) -> Any:
    """Transpose of a transpose; of a repetition; a reshape, where only axes of length 1 move."""
    (x,) = operands
    perm, shape = operation.perm, x.type.shape
    long = [p for p in perm if shape[p] != 1]
    if long == sorted(long):
        return reshape(x, tuple([shape[p] for p in perm]))
    if getattr(rewriter.kinds.get(x), "name", "") == "dot":
        from wengert.passes.contraction import swapped

        return swapped(rewriter, x, perm)
    made = rewriter.source(x, Transpose, Broadcast)
    if made is None:
        return None
    inner = made.operands[0]
    if type(made.operation) is Transpose:
        return permute(inner, tuple([made.operation.perm[p] for p in perm]))
    place = inverse(perm)  # axis of the old result -> axis of the new
    axes = [place[a] for a in made.operation.axes]
    order = sorted(range(len(axes)), key=axes.__getitem__)
    return broadcast(permute(inner, tuple(order)), tuple([shape[p] for p in perm]), tuple(sorted(axes)))


def merged_broadcast(rewriter: Rewriter, operation: Broadcast, operands: Operands) -> Any:
    """Repetition of a repetition; of nothing; without axes of length 1, so that there is one way to say it."""
    (x,) = operands
    shape, axes = operation.shape, operation.axes
    old = x.type.shape
    if old == shape:
        return x
    if 1 in old:
        kept = tuple([a for a, n in zip(axes, old, strict=True) if n != 1])
        return rewriter.emit(Broadcast(shape, kept), (reshape(x, tuple([n for n in old if n != 1])),))
    if x.type.size == prod(shape) and x.type.size:
        return reshape(x, shape)
    made = rewriter.source(x, Broadcast)
    if made is None:
        return None
    return rewriter.emit(Broadcast(shape, tuple([axes[a] for a in made.operation.axes])), made.operands)


_DEEPEST_PULL = 3  # moves that an elementwise operation passes at once


@glancing(Broadcast, Transpose, Reshape)
def pull(rewriter: Rewriter, operation: Any, operands: Operands) -> Any:
    """f(move(x), move(y), c) = move(f(x, y, c)) elementwise: arithmetic on what is not yet repeated, permuted or given more axes."""
    kinds = rewriter.kinds
    move: Any = None
    shape: Any = None
    for a in operands:
        kind = kinds.get(a)
        if kind is Broadcast or kind is Transpose or kind is Reshape:
            made = rewriter.made[a]
            source = made.operands[0].type.shape
            if move is None:
                move, shape = made.operation, source
            elif move is not made.operation or shape != source:
                return None
        elif type(a) is not Literal or not a.is_splat:
            return None
    if move is None or rewriter.depth > _DEEPEST_PULL or (type(move) is Reshape and len(shape) >= len(move.shape)):
        return None
    inner = [splat(a.value, a.type.with_shape(shape)) if type(a) is Literal else rewriter.made[a].operands[0] for a in operands]
    value = rewriter.emit(operation, tuple(inner))
    if isinstance(value, tuple):
        return tuple([rewriter.emit(move, (v,)) for v in value])
    return rewriter.emit(move, (value,))


# -- casts and reversals ---------------------------------------------------------------------------


def exact_cast(old: Any, new: Any) -> bool:
    """Whether every value of one dtype is a value of the other."""
    if old == new or old.kind == "b":
        return True
    if new.kind == "c":
        return old.kind in "fcui" and exact_cast(old if old.kind != "c" else _part(old), _part(new))
    if new.kind == "f":
        if old.kind == "f":
            return bool(old.itemsize <= new.itemsize)
        return bool(old.kind in "iu" and 8 * old.itemsize - (old.kind == "i") <= np.finfo(new).nmant + 1)
    if new.kind == "i":
        return bool(old.kind == "i" and old.itemsize <= new.itemsize or old.kind == "u" and old.itemsize < new.itemsize)
    return bool(new.kind == old.kind == "u" and old.itemsize <= new.itemsize)


def _part(dtype: Any) -> Any:
    return np.empty(0, dtype).real.dtype


def merged_cast(rewriter: Rewriter, operation: Cast, operands: Operands) -> Any:
    """Cast to the same dtype; cast of a cast that loses nothing."""
    (x,) = operands
    if x.type.dtype == operation.dtype:
        return x
    made = rewriter.source(x, Cast)
    if made is None:
        return None
    old = made.operands[0].type.dtype
    if not exact_cast(old, x.type.dtype) or (operation.dtype.kind in "iu" and old.kind in "fc"):  # out of range, hardware decides
        return None
    return made.operands[0] if old == operation.dtype else rewriter.emit(operation, made.operands)


def part_of_cast(rewriter: Rewriter, operation: Operation, operands: Operands) -> Any:
    """The real part of a real number made complex is that number, its imaginary part 0."""
    made = rewriter.source(operands[0], Cast)
    if made is None or made.operands[0].type.dtype.kind != "f" or operands[0].type.dtype.kind != "c":
        return None
    part = _part(operands[0].type.dtype)
    if operation.name == "imag":
        return rewriter.atom(splat(0, operands[0].type.with_dtype(part)))
    return rewriter.emit(Cast(part), made.operands)


def merged_flip(rewriter: Rewriter, operation: Flip, operands: Operands) -> Any:
    """Reversed twice is as it was; so is an axis of length 1."""
    (x,) = operands
    axes = tuple([a for a in operation.axes if x.type.shape[a] > 1])
    if not axes:
        return x
    made = rewriter.source(x, Flip)
    if made is not None:
        return rewriter.emit(Flip(tuple(sorted({*axes} ^ {*made.operation.axes}))), made.operands)
    return rewriter.emit(Flip(axes), operands) if axes != operation.axes else None


# -- slices and concatenations -----------------------------------------------------------------------


def _bounds(operation: Any) -> tuple[Any, ...]:
    """Starts, stops and steps in the one way to write them."""
    out = []
    for start, stop, step in zip(*operation.parameters, strict=True):
        n = len(range(start, stop, step))
        out.append((start, start + (n - 1) * step + 1, step if n > 1 else 1) if n else (0, 0, 1))
    return tuple(zip(*out, strict=True)) if out else ((), (), ())


def one_way(rewriter: Rewriter, operation: Any, operands: Operands) -> Any:
    """Slices of the same elements are the same slice."""
    bounds = _bounds(operation)
    return None if bounds == operation.parameters else rewriter.emit(type(operation)(*bounds), operands)


def merged_slice(rewriter: Rewriter, operation: Slice, operands: Operands) -> Any:
    """Slice of a slice, of a repetition, of one part of a concatenation, of what has just been written; of everything."""
    (x,) = operands
    starts, stops, steps = operation.parameters
    if operation.part(x.type) is x.type:
        return x
    made = rewriter.source(x, Slice, Broadcast, Concatenate, SliceSet)
    if made is None:
        return None
    before: Any = made.operation
    if type(before) is Slice:
        first = [a + b * s for a, b, s in zip(before.starts, starts, before.steps, strict=True)]
        step = [s * t for s, t in zip(before.steps, steps, strict=True)]
        count = operation.part(x.type).shape
        last = [a + (n - 1) * t + 1 if n else a for a, n, t in zip(first, count, step, strict=True)]
        first = [a if n else 0 for a, n in zip(first, count, strict=True)]
        last = [b if n else 0 for b, n in zip(last, count, strict=True)]
        return rewriter.atom(slice_(made.operands[0], tuple(first), tuple(last), tuple(step)))
    if type(before) is Broadcast:
        inner = made.operands[0]  # its axes have the length of those they become: see merged_broadcast
        if any([n != x.type.shape[a] for n, a in zip(inner.type.shape, before.axes, strict=True)]):
            return None
        part = slice_(inner, *[tuple([bounds[a] for a in before.axes]) for bounds in operation.parameters])
        return broadcast(part, operation.part(x.type).shape, before.axes)
    if type(before) is SliceSet:
        return made.operands[1] if before.parameters == operation.parameters else None
    axis, start = before.axis, 0
    for part in made.operands:
        stop = start + part.type.shape[axis]
        if start <= starts[axis] and stops[axis] <= stop and starts[axis] < stops[axis]:
            head = (*starts[:axis], starts[axis] - start, *starts[axis + 1 :])
            tail = (*stops[:axis], stops[axis] - start, *stops[axis + 1 :])
            return rewriter.atom(slice_(part, head, tail, steps))
        start = stop
    return None


def whole_write(rewriter: Rewriter, operation: Any, operands: Operands) -> Any:
    """Writing nothing, or everything."""
    x, u = operands
    if not u.type.size:
        return x
    if u.type is x.type:
        return add(x, u) if type(operation) is SliceAdd else u
    return None


def fewer_parts(rewriter: Rewriter, operation: Concatenate, operands: Operands) -> Any:
    """Without the parts in which there is nothing."""
    parts = tuple([x for x in operands if x.type.shape[operation.axis]])
    if len(parts) == len(operands) and len(parts) > 1:
        return None
    if len(parts) <= 1:
        return parts[0] if parts else operands[0]
    return rewriter.emit(operation, parts)


# -- sums and their like -----------------------------------------------------------------------------


def split_repetition(operation: Any, made: Any) -> tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...]]:
    """Of a reduction of a repetition: axes of the source reduced, how often each is repeated there, result shape, and its axes."""
    shape, places, axes = made.operation.shape, made.operation.axes, operation.axes
    inner = tuple([i for i, a in enumerate(places) if a in axes])
    count = prod([shape[a] for a in axes if a not in places])
    kept = [a for a in range(len(shape)) if a not in axes]
    return inner, count, tuple([shape[a] for a in kept]), tuple([kept.index(a) for a in places if a not in axes])


def simpler_sum(rewriter: Rewriter, operation: Sum, operands: Operands) -> Any:
    """Sums of a repetition (scaled), of a permutation, along axes of length 1; of a product of repetitions: `Dot`."""
    (x,) = operands
    t, axes = x.type, operation.axes
    if not t.size or t.dtype.kind == "b":
        return None
    if all([t.shape[a] == 1 for a in axes]):  # 0.0 is where a sum starts, so it is never -0.0
        return _positive_zero(reshape(x, tuple([n for a, n in enumerate(t.shape) if a not in axes])))
    made = rewriter.source(x, Broadcast, Transpose, Mul)
    if made is None:
        return None
    if type(made.operation) is Mul:
        if t.size < WORTHWHILE or not t.inexact or not all([rewriter.kinds.get(a) is Broadcast for a in made.operands]):
            return None
        from wengert.passes.contraction import as_product

        return as_product(rewriter, operation, made)
    inner = made.operands[0]
    if type(made.operation) is Transpose:
        perm = made.operation.perm
        summed = tuple(sorted([perm[a] for a in axes]))
        kept = [perm[a] for a in range(len(perm)) if a not in axes]
        return permute(sum_(inner, summed), tuple([sorted(kept).index(a) for a in kept]))
    reduced, count, shape, places = split_repetition(operation, made)
    whole = all([n == t.shape[a] for n, a in zip(inner.type.shape, made.operation.axes, strict=True)])
    if t.dtype.kind == "c" or t.dtype.type(count) != count or not whole:
        return None
    value = sum_(inner, reduced) if reduced else _positive_zero(inner)
    if count != 1:
        value = mul(value, splat(count, value.type))
    return broadcast(value, shape, places)


def _positive_zero(x: Any) -> Any:
    return add(x, splat(0, x.type)) if x.type.inexact else x


def simpler_choice(rewriter: Rewriter, operation: Any, operands: Operands) -> Any:
    """The largest, the smallest, any or all of a repetition: of what is repeated."""
    (x,) = operands
    made = rewriter.source(x, Broadcast)
    if made is None or not x.type.size:
        return None
    reduced, _, shape, places = split_repetition(operation, made)
    value = made.operands[0]
    if reduced:
        value = rewriter.emit(type(operation)(reduced), (value,))
    return broadcast(value, shape, places)


RULES: dict[Any, Sequence[Callable[..., Any]]] = {
    Reshape: (merged_reshape,),
    Transpose: (merged_transpose,),
    Broadcast: (merged_broadcast,),
    Cast: (merged_cast,),
    Real: (part_of_cast,),
    Imag: (part_of_cast,),
    Flip: (merged_flip,),
    Slice: (one_way, merged_slice),
    SliceAdd: (one_way, whole_write),
    SliceSet: (one_way, whole_write),
    Concatenate: (fewer_parts,),
    Sum: (simpler_sum,),
    Max: (simpler_choice,),
    Min: (simpler_choice,),
    Any_: (simpler_choice,),
    All: (simpler_choice,),
}
