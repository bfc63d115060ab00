"""Where scratch buffers lie: one arena, in which buffers that are never needed together share memory.

Knows only when each statement of a program runs. Start at `plan`.
"""

from __future__ import annotations

import bisect

from wengert.loops.nest import BYTES, Buffer, Let, Program, addressed, walk

ALIGNMENT = 64


def plan(program: Program) -> tuple[dict[Buffer, int], int]:
    """The offset of each arena buffer in bytes, and the size of the arena.

    A buffer lives from the first to the last outermost statement that touches it. Largest first, each
    takes the lowest place free of those it meets: G. Dantzig's first fit, by size.
    """
    first: dict[Buffer, int] = {}
    last: dict[Buffer, int] = {}
    for time, statement in enumerate(program.block):
        if type(statement) is Let:
            continue
        for inner in walk([statement]):
            for buffer, _ in addressed(inner):
                if buffer.space == "arena":
                    first.setdefault(buffer, time)
                    last[buffer] = time
    placed: list[tuple[int, int, int, int]] = []  # (offset, end, first, last), by offset
    offsets: dict[Buffer, int] = {}
    total = 0
    for buffer in sorted(first, key=lambda b: (-b.size * BYTES[b.kind], first[b])):
        size = -(-max(buffer.size, 1) * BYTES[buffer.kind] // ALIGNMENT) * ALIGNMENT
        a, b = first[buffer], last[buffer]
        offset = 0
        for start, end, since, until in placed:
            if since <= b and a <= until:
                if start >= offset + size:
                    break
                offset = max(offset, end)
        bisect.insort(placed, (offset, offset + size, a, b))
        offsets[buffer] = offset
        total = max(total, offset + size)
    return offsets, total
