"""Loops that fold axes of an array into a few numbers for each index of the others, neighbours in memory innermost.

Knows loop nests; no operation. Start at `folded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.loops.nest import Affine

CHUNK = 4096  # terms that are summed in one go: sums of chunks lose less than one long sum
TILE = 512  # neighbouring results that are folded side by side


class Stage:
    """One pass over the axes: values = step(index, values, those of earlier stages), from `starts` on.

    `join(a, b)` folds the values of two parts.
    """

    __slots__ = ("join", "starts", "step")

    def __init__(
        self, starts: Sequence[Any], step: Callable[[Any, Any, Any], Sequence[Any]], join: Callable[[Any, Any], Sequence[Any]]
    ) -> None:
        self.starts, self.step, self.join = starts, step, join


def folded(k: Any, x: Any, axes: Sequence[int], stages: Sequence[Stage], result: Callable[[Any], Any], outs: Any) -> list[Any] | None:
    """result(values of all stages) for each index of the axes of x that are kept, into the one result of `outs`.

    `x` is the memory that the stages read: its strides say which axis is innermost. A single number comes back as a scalar.
    """
    order = sorted([a for a in range(len(x.shape)) if x.shape[a] != 1], key=lambda a: -abs(x.strides[a]))
    over = [a for a in order if a in axes]
    kept = [a for a in order if a not in axes]
    shape = [n for a, n in enumerate(x.shape) if a not in axes]
    places = {a: p for p, a in enumerate([a for a in range(len(x.shape)) if a not in axes])}
    ones: list[Affine] = [Affine(0)] * len(x.shape)

    def fold(index: list[Affine]) -> list[list[Any]]:
        found: list[list[Any]] = []
        for stage in stages:
            found.append(_carried(k, x.shape, over, index, stage, found))
        return found

    if not kept and 0 not in shape:
        return [k.in_registers([result(fold(ones))], tuple(shape))]
    out = outs[0]

    def write(index: list[Affine], value: Any) -> None:
        at = [Affine(0)] * len(shape)
        for a, p in places.items():
            at[p] = index[a]
        k.store(out.buffer, out.position(at), value)

    beside = kept[-1] if over and kept and order[-1] not in axes and x.shape[kept[-1]] >= 4 else None

    def level(depth: int, index: list[Affine]) -> None:
        if depth == len(kept):
            write(index, result(fold(index)))
        elif kept[depth] == beside:
            _side_by_side(k, x.shape, over, index, kept[depth], stages, lambda i, values: write(i, result(values)))
        else:
            k.loop(0, x.shape[kept[depth]], lambda i, _: level(depth + 1, put(index, kept[depth], i)) or ())

    level(0, ones)
    return None


def put(index: list[Affine], axis: int, i: Affine) -> list[Affine]:
    return [*index[:axis], i, *index[axis + 1 :]]


def _carried(k: Any, shape: Sequence[int], over: Sequence[int], index: list[Affine], stage: Stage, earlier: Any) -> list[Any]:
    """The values of a stage in registers, the last axis in chunks."""

    def level(depth: int, index: list[Affine], values: Sequence[Any]) -> Sequence[Any]:
        if depth == len(over):
            return stage.step(index, values, earlier)
        a = over[depth]
        n = shape[a]
        run = lambda i, carried: level(depth + 1, put(index, a, i), carried)
        if depth < len(over) - 1 or n <= CHUNK:
            return k.loop(0, n, run, values)  # type: ignore[no-any-return]
        whole = n // CHUNK
        part = lambda c, totals: stage.join(totals, k.loop(c * CHUNK, c * CHUNK + CHUNK, run, stage.starts))
        values = k.loop(0, whole, part, values)
        return k.loop(whole * CHUNK, n, run, values) if n % CHUNK else values

    return list(level(0, index, list(stage.starts)))


def _side_by_side(k: Any, shape: Any, over: Any, index: list[Affine], axis: int, stages: Any, finish: Callable[[Any, Any], None]) -> None:
    """The values of all stages in rows of scratch memory, one column for each index of `axis`, a tile at a time."""
    total = shape[axis]
    rows = [[k.scratch((min(total, TILE),), start.kind) for start in stage.starts] for stage in stages]

    def tile(first: Affine, count: int) -> None:
        values = lambda stage, t: [k.load(row.buffer, t) for row in rows[stage]]

        def keep(stage: int, t: Affine, new: Sequence[Any]) -> None:
            for row, value in zip(rows[stage], new, strict=True):
                k.store(row.buffer, t, value)

        for number, stage in enumerate(stages):
            k.loop(0, count, lambda t, _, n=number, s=stage: keep(n, t, s.starts) or ())

            def level(depth: int, index: list[Affine], number: int = number, stage: Stage = stage) -> None:
                if depth < len(over):
                    k.loop(0, shape[over[depth]], lambda i, _: level(depth + 1, put(index, over[depth], i)) or ())
                    return

                def column(t: Affine, _: Any) -> tuple[()]:
                    earlier = [values(n, t) for n in range(number)]
                    keep(number, t, stage.step(put(index, axis, first + t), values(number, t), earlier))
                    return ()

                k.loop(0, count, column)

            level(0, index)
        everything = lambda t: [values(n, t) for n in range(len(stages))]
        k.loop(0, count, lambda t, _: finish(put(index, axis, first + t), everything(t)) or ())

    whole, rest = divmod(total, TILE)
    if whole == 1:
        tile(Affine(0), TILE)
    elif whole:
        k.loop(0, whole, lambda c, _: tile(c * TILE, TILE) or ())
    if rest:
        tile(Affine(whole * TILE), rest)


def scanned(k: Any, out: Any, axis: int, reverse: bool, first: Callable[[Any], Any], step: Callable[[Any, Any], Any]) -> None:
    """out[0] = first(index), out[i] = step(index, out[i - 1]) along an axis, from its end if `reverse`; out is contiguous."""
    n = out.shape[axis]
    rest = out.shape[axis + 1 :]
    if not out.size:
        return
    turned = lambda i: (n - 1) - i if reverse else i

    def lane(lead: tuple[Affine, ...]) -> None:
        at = lambda i, inner: (*lead, turned(i), *inner)
        save = lambda i, inner, value: k.store(out.buffer, out.position(at(i, inner)), value)
        if all([m == 1 for m in rest]):
            inner = (Affine(0),) * len(rest)
            start = first(at(Affine(0), inner))
            save(Affine(0), inner, start)

            def carry(i: Affine, carried: list[Any]) -> list[Any]:
                value = step(at(i, inner), carried[0])
                save(i, inner, value)
                return [value]

            k.loop(1, n, carry, [start])
            return
        k.each(rest, lambda inner: save(Affine(0), inner, first(at(Affine(0), inner))))
        before = lambda i, inner: k.load(out.buffer, out.position(at(i - 1, inner)))
        k.loop(1, n, lambda i, _: k.each(rest, lambda inner: save(i, inner, step(at(i, inner), before(i, inner)))) or ())

    k.each(out.shape[:axis], lane)
