"""The axes that an operation says it can be done along piece by piece: the pieces together are the whole."""

from __future__ import annotations

import numpy as np
import pytest

from wengert import primitives  # noqa: F401
from wengert.contract import Primitive, Track
from wengert.ir.operation import OPERATIONS
from wengert.ir.values import literal
from wengert.primitives.index import Gather, ScatterAdd
from wengert.primitives.shape import Reshape


def kinds() -> list[type[Primitive]]:
    return [kind for kind in OPERATIONS.values() if isinstance(kind, type) and issubclass(kind, Primitive)]


def part(x, axis, start, stop):
    return x if axis is None else np.ascontiguousarray(np.asarray(x)[(slice(None),) * axis + (slice(start, stop),)])


def in_two(operation: Primitive, track: Track, operands, n: int):
    """The result from the first place alone, and then from all others."""
    cut, pieces = 1, []
    for start, stop in ((0, cut), (cut, n)):
        shifted = [(0, stop - start) if i in track.counted else (start, stop) for i in range(len(operands))]
        given = [part(x, a, *bounds) for x, a, bounds in zip(operands, track.operands, shifted, strict=True)]
        if track.start is not None and pieces:
            given[track.start] = pieces.pop()
        one = operation if track.result is None else operation.shortened(track.result, stop - start)
        assert one.type(*[literal(x).type for x in given])
        pieces.append(one.evaluate(*given))
    if track.result is not None:
        return np.concatenate(pieces, track.result)
    return pieces[0] if track.start is not None else pieces[0] + pieces[1]


def lengths(track: Track, operands) -> set[int]:
    return {np.shape(x)[a] for x, a in zip(operands, track.operands, strict=True) if a is not None}


@pytest.mark.parametrize("kind", [k for k in kinds() if k.elementwise or k.tracks is not Primitive.tracks], ids=lambda k: k.name)
def test_pieces_are_the_whole(kind):
    found = 0
    for sample in kind.samples():
        operation, operands = sample.operation, sample.operands
        if operation.may_raise and not all(np.size(x) for x in operands):
            continue
        for track in operation.tracks([literal(x) for x in operands]):
            length = lengths(track, operands)
            assert len(length) <= 1, track
            if not length or length.pop() < 2:
                continue
            whole = operation.evaluate(*operands)
            if isinstance(whole, tuple):  # several results are not followed
                found += 1
                continue
            n = next(np.shape(x)[a] for x, a in zip(operands, track.operands, strict=True) if a is not None)
            np.testing.assert_allclose(
                in_two(operation, track, operands, n), whole, rtol=1e-5 if np.asarray(whole).dtype.char in "fF" else 1e-13
            )
            found += 1
    assert found or not kind.elementwise


def test_an_index_that_counts_is_counted_anew():
    x, i, j = np.arange(12.0).reshape(4, 3), np.arange(4), np.array([2, 0, 1, 1])
    operands = [literal(v) for v in (x, i, j)]
    (track,) = [t for t in Gather(2).tracks(operands) if t.counted]
    assert track == Track((0, 0, 0), 0, None, (1,))
    np.testing.assert_array_equal(in_two(Gather(2), track, (x, i, j), 4), x[i, j])
    zeros = np.zeros((4, 3))
    (track,) = [t for t in ScatterAdd(2).tracks([literal(v) for v in (zeros, i, j, np.ones(4))]) if t.counted]
    assert track.result == 0
    np.testing.assert_array_equal(in_two(ScatterAdd(2), track, (zeros, i, j, np.ones(4)), 4).sum(1), np.ones(4))


def test_an_axis_goes_through_a_reshape_where_it_stays_the_slowest():
    x = literal(np.zeros((6, 2, 2)))
    assert list(Reshape((6, 4)).tracks([x])) == [Track((0,), 0)]
    assert list(Reshape((12, 2)).tracks([x])) == [Track((2,), 1)]
    assert Reshape((6, 4)).shortened(0, 3) is Reshape((3, 4))
