"""Sorting one lane of numbers in native code: insertion for short ones, else merging; selection by partition.

NaN is put last before anything else is done, so that one comparison orders two numbers. Knows loop nests; no operation. Start at `sort`.
"""

from __future__ import annotations

from typing import Any

from wengert.loops.nest import Affine

RUN = 16  # elements that are sorted by insertion


class Lane:
    """Keys in memory, and the numbers that travel with them, if there are any."""

    __slots__ = ("keys", "numbers")

    def __init__(self, k: Any, n: int, kind: str, numbered: bool) -> None:
        self.keys = k.scratch((n,), kind)
        self.numbers = k.scratch((n,), "i8") if numbered else None

    def get(self, k: Any, i: Affine) -> list[Any]:
        return [k.load(m.buffer, i) for m in (self.keys, self.numbers) if m is not None]

    def put(self, k: Any, i: Affine, item: Any) -> None:
        for m, value in zip((self.keys, self.numbers), item, strict=False):
            k.store(m.buffer, i, value)


def filled(k: Any, lane: Lane, n: int, read: Any) -> Any:
    """Put read(i), for i below n, into the lane, NaN last; how many are numbers."""
    numbered = lane.numbers is not None
    if lane.keys.kind[0] != "f":
        k.loop(0, n, lambda i, _: lane.put(k, i, [read(i), *([k.number(i)] if numbered else [])]) or ())
        return k.const(n, "i8")

    def sift(wanted: Any, start: Any) -> Any:
        def step(i: Affine, c: list[Any]) -> list[Any]:
            value = read(i)
            keep = wanted(value)
            here = lambda: lane.put(k, k.index(c[0]), [value, *([k.number(i)] if numbered else [])])
            k.branch(keep, here, lambda: None)
            return [k.op("add", c[0], k.cast(keep, "i8"))]

        return k.loop(0, n, step, [start])[0]

    count = sift(lambda x: k.op("eq", x, x), k.const(0, "i8"))

    def rest() -> None:
        sift(lambda x: k.op("ne", x, x), count)

    k.branch(k.op("lt", count, k.const(n, "i8")), rest, lambda: None)
    return count


def sort(k: Any, lane: Lane, spare: Lane | None, n: int, count: Any) -> None:
    """Sort the first `count` of a lane of n, stably. `spare` is a second one to merge into, needed if n is more than `RUN`."""
    if n <= RUN:
        insertion(k, lane, Affine(0), k.index(count))
        return
    runs = k.index(k.op("quotient", k.op("add", count, k.const(RUN - 1, "i8")), k.const(RUN, "i8")))
    k.loop(0, runs, lambda r, _: insertion(k, lane, r * RUN, k.index(k.op("minimum", k.number(r * RUN + RUN), count))) or ())

    def both(width: Any) -> list[Any]:
        merge_all(k, lane, spare, count, width)  # type: ignore[arg-type]
        merge_all(k, spare, lane, count, k.op("mul", width, k.const(2, "i8")))  # type: ignore[arg-type]
        return [k.op("mul", width, k.const(4, "i8"))]

    k.while_([k.const(RUN, "i8")], lambda c: k.op("lt", c[0], count), lambda c: both(c[0]))


def insertion(k: Any, lane: Lane, start: Affine, stop: Affine) -> None:
    """Sort lane[start:stop]."""
    one = k.const(1, "i8")
    first = k.number(start)

    def place(i: Affine, _: Any) -> tuple[()]:
        item = lane.get(k, i)
        before = lambda j: k.op("lt", item[0], k.load(lane.keys.buffer, k.index(j) - 1))
        test = lambda c: k.branch(k.op("gt", c[0], first), lambda: before(c[0]), lambda: k.const(False, "b1"))

        def shift(c: list[Any]) -> list[Any]:
            j = k.index(c[0])
            lane.put(k, j, lane.get(k, j - 1))
            return [k.op("sub", c[0], one)]

        (j,) = k.while_([k.number(i)], test, shift)
        lane.put(k, k.index(j), item)
        return ()

    k.loop(start + 1, stop, place)


def merge_all(k: Any, source: Lane, target: Lane, end: Any, width: Any) -> None:
    """Neighbouring sorted runs of this width become one each, in the target."""

    def pair(c: list[Any]) -> list[Any]:
        low = c[0]
        middle = k.op("minimum", k.op("add", low, width), end)
        high = k.op("minimum", k.op("add", middle, width), end)
        merge(k, source, target, low, middle, high)
        return [high]

    k.while_([k.const(0, "i8")], lambda c: k.op("lt", c[0], end), pair)


def merge(k: Any, source: Lane, target: Lane, low: Any, middle: Any, high: Any) -> None:
    """source[low:middle] and source[middle:high], both sorted, into target[low:high]; equals from the left first."""

    def step(c: list[Any]) -> list[Any]:
        i, j = c
        left, right = source.get(k, k.index(i)), source.get(k, k.index(j))
        take = k.op("lt", right[0], left[0])
        target.put(k, k.index(i) + k.index(j) - k.index(middle), [k.op("select", take, r, x) for x, r in zip(left, right, strict=True)])
        moved = k.cast(take, "i8")
        return [k.op("add", i, k.op("sub", k.const(1, "i8"), moved)), k.op("add", j, moved)]

    def ordered() -> Any:
        last, first = (k.load(source.keys.buffer, k.index(middle) + d) for d in (-1, 0))
        return k.op("not", k.op("lt", first, last))

    done = k.branch(k.op("lt", middle, high), ordered, lambda: k.const(True, "b1"))
    begin = k.op("select", done, middle, low)  # what is in order already is only copied
    more = lambda c: k.op("and", k.op("lt", c[0], middle), k.op("lt", c[1], high))
    k.loop(k.index(low), k.index(begin), lambda p, _: target.put(k, p, source.get(k, p)) or ())
    i, j = (k.index(v) for v in k.while_([begin, middle], more, step))
    gap = j - k.index(middle)
    k.loop(i, k.index(middle), lambda p, _: target.put(k, p + gap, source.get(k, p)) or ())
    k.loop(j, k.index(high), lambda p, _: target.put(k, p, source.get(k, p)) or ())


def select(k: Any, lane: Lane, spare: Lane | None, n: int, count: Any, number: int) -> Any:
    """The element that sorting puts at this place: C. A. R. Hoare's FIND (Comm. ACM 4 (1961) 321), and merging where it takes long."""
    if n <= RUN:
        sort(k, lane, None, n, count)
        return k.load(lane.keys.buffer, Affine(number))
    rounds = 4 * n.bit_length()
    here = k.const(number, "i8")

    def narrow(c: list[Any]) -> list[Any]:
        low, high, left = c
        i, j = partition(k, lane, low, high, pivot(k, lane, low, high))
        below, above = k.op("le", here, j), k.op("ge", here, i)
        low = k.op("select", below, low, k.op("select", above, i, here))
        high = k.op("select", below, j, k.op("select", above, c[1], here))
        return [low, high, k.op("sub", left, k.const(1, "i8"))]

    last = k.op("sub", count, k.const(1, "i8"))
    low = k.op("select", k.op("lt", here, count), k.const(0, "i8"), last)  # a NaN is where it belongs
    test = lambda c: k.op("and", k.op("lt", c[0], c[1]), k.op("gt", c[2], k.const(0, "i8")))
    low, high, _ = k.while_([low, last, k.const(rounds, "i8")], test, narrow)
    k.branch(k.op("lt", low, high), lambda: sort(k, lane, spare, n, count), lambda: None)
    return k.load(lane.keys.buffer, Affine(number))


def pivot(k: Any, lane: Lane, low: Any, high: Any) -> Any:
    """The median of the first, the middle and the last."""
    middle = k.op("shr", k.op("add", low, high), k.const(1, "i8"))
    a, b, c = (k.load(lane.keys.buffer, k.index(v)) for v in (low, middle, high))
    swap = k.op("lt", b, a)
    a, b = k.op("select", swap, b, a), k.op("select", swap, a, b)
    return k.op("select", k.op("lt", c, a), a, k.op("select", k.op("lt", c, b), c, b))


def partition(k: Any, lane: Lane, low: Any, high: Any, value: Any) -> tuple[Any, Any]:
    """(i, j): what is at most j comes not after the value, what is at least i not before it, and between them is nothing else."""
    one = k.const(1, "i8")
    at = lambda v: k.load(lane.keys.buffer, k.index(v))

    def exchange(c: list[Any]) -> list[Any]:
        (i,) = k.while_([c[0]], lambda d: k.op("lt", at(d[0]), value), lambda d: [k.op("add", d[0], one)])
        (j,) = k.while_([c[1]], lambda d: k.op("lt", value, at(d[0])), lambda d: [k.op("sub", d[0], one)])

        def swap() -> list[Any]:
            left, right = at(i), at(j)
            lane.put(k, k.index(i), [right])
            lane.put(k, k.index(j), [left])
            return [k.op("add", i, one), k.op("sub", j, one)]

        return k.branch(k.op("le", i, j), swap, lambda: [i, j])  # type: ignore[no-any-return]

    i, j = k.while_([low, high], lambda c: k.op("le", c[0], c[1]), exchange)
    return i, j
