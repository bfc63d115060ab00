"""Places for boxes within boxes and routes for the edges between them: layers, few crossings, short edges.

The method of Sugiyama, Tagawa & Toda (1981), level by level from the innermost box outwards: ranks by longest paths, order by
medians (Gansner et al., *A Technique for Drawing Directed Graphs*, 1993), coordinates by isotonic regression towards the
neighbours. Knows sizes and edges only. Start at `arrange`.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import Any

GAP, RANK_GAP, BORDER = 22.0, 30.0, 6.0  # between boxes, between ranks, between a rank and the border
PADDING, TITLE = 12.0, 14.0  # around what is inside a box, above it
FEW = 4  # so many inputs stand side by side in the first rank; of more, each stands where it is first read
WIDEST = 1500.0  # of a rank; what has no room there goes to a later one
SWEEPS = 12
ROUTES = 6000  # points that edges pass between ranks; where there are more, labels have no places of their own


class Box:
    """A node of given size, or a box around others. Of either, `x` and `y` are its centre in the end."""

    def __init__(self, key: Any, width: float = 0.0, height: float = 0.0, children: Sequence[Box] = (), title: float = 0.0) -> None:
        self.key, self.width, self.height, self.children, self.title = key, width, height, list(children), title
        self.x = self.y = 0.0
        self.rank = 0
        self.parent: Box | None = None
        for child in self.children:
            child.parent = self


class Edge:
    """From one node to another, with room for a label of a given width; `points` and `label` are where it runs and where that is.

    Edges of one source and one `bundle` run together as far as they can.
    """

    def __init__(self, source: Box, target: Box, key: Any = None, label_width: float = 0.0, bundle: Any = None) -> None:
        self.source, self.target, self.key, self.label_width, self.bundle = source, target, key, label_width, bundle
        self.points: list[tuple[float, float]] = []
        self.label: tuple[float, float] | None = None


class _Place:
    """Something in a rank: a child, a port at the border, or a point on the way of an edge."""

    __slots__ = ("above", "below", "box", "height", "order", "rank", "weight", "width", "x", "y")

    def __init__(self, rank: int, width: float, height: float, box: Box | None = None) -> None:
        self.rank, self.width, self.height, self.box = rank, width, height, box
        self.x = self.y = 0.0
        self.order = 0
        self.weight = 1.0 if box is not None else 2.0 if height else 30.0  # long edges are straight, and boxes beside them
        self.above: list[_Link] = []
        self.below: list[_Link] = []


class _Link:
    """Between two places in successive ranks; where it leaves and enters, from their centres."""

    __slots__ = ("enters", "leaves", "lower", "upper")

    def __init__(self, upper: _Place, lower: _Place, leaves: float, enters: float) -> None:
        self.upper, self.lower, self.leaves, self.enters = upper, lower, leaves, enters
        upper.below.append(self)
        lower.above.append(self)


def arrange(root: Box, edges: Sequence[Edge]) -> None:
    """Place everything inside `root`, whose size becomes that of the whole, and route the edges."""
    levels: dict[int, list[_Part]] = {}
    for edge in edges:
        for part in _parts(edge):
            levels.setdefault(id(part.level), []).append(part)
    order: list[Box] = []
    stack = [root]
    while stack:
        box = stack.pop()
        if box.children:
            order.append(box)
            stack.extend(box.children)
    for box in reversed(order):
        _Level(box, levels.get(id(box), [])).place()
    root.x, root.y = root.width / 2, root.height / 2
    for box in order:
        for child in box.children:
            child.x += box.x - box.width / 2
            child.y += box.y - box.height / 2
    for edge in edges:
        edge.points, edge.label = [], None
        for part in _parts(edge, memo=levels):
            left, top = part.level.x - part.level.width / 2, part.level.y - part.level.height / 2
            edge.points += [(x + left, y + top) for x, y in part.points]
            if part.label is not None:
                edge.label = (part.label[0] + left, part.label[1] + top)


class _Part:
    """The piece of an edge inside one box: from a child, or its upper border, to a child, or its lower border."""

    __slots__ = ("edge", "label", "level", "points", "source", "target")

    def __init__(self, edge: Edge, level: Box, source: Box | None, target: Box | None) -> None:
        self.edge, self.level, self.source, self.target = edge, level, source, target
        self.points: list[tuple[float, float]] = []
        self.label: tuple[float, float] | None = None

    @property
    def label_width(self) -> float:
        """The label stands where the edge ends."""
        return self.edge.label_width if self.target is self.edge.target else 0.0


def _parts(edge: Edge, memo: dict[int, list[_Part]] | None = None) -> list[_Part]:
    """The pieces of an edge in order; those made before, where a memo is given."""
    if memo is not None:
        chain = _chain(edge)
        return [next(p for p in memo[id(level)] if p.edge is edge) for level, _, _ in chain]
    return [_Part(edge, *piece) for piece in _chain(edge)]


def _chain(edge: Edge) -> list[tuple[Box, Box | None, Box | None]]:
    up, down = _ancestors(edge.source), _ancestors(edge.target)
    common = next(box for box in up[1:] if box in down[1:])
    rising = up[: up.index(common)]
    falling = down[: down.index(common)]
    pieces: list[tuple[Box, Box | None, Box | None]] = [(parent, child, None) for child, parent in zip(rising, rising[1:], strict=False)]
    pieces.append((common, rising[-1], falling[-1]))
    pieces += [(parent, None, child) for child, parent in reversed(list(zip(falling, falling[1:], strict=False)))]
    return pieces


def _ancestors(box: Box) -> list[Box]:
    out = [box]
    while out[-1].parent is not None:
        out.append(out[-1].parent)
    return out


class _Level:
    """What is inside one box."""

    def __init__(self, box: Box, parts: list[_Part]) -> None:
        self.box, self.parts = box, parts
        self.ports: dict[int, float] = {}
        self._rank()
        self._fill()

    # -- ranks ------------------------------------------------------------------------------------------

    def _rank(self) -> None:
        """Longest paths from above; then what has more below it than above moves down, towards its readers."""
        children = self.box.children
        inner = [p for p in self.parts if p.source is not None and p.target is not None]
        readers: dict[int, list[Box]] = {}
        sources: dict[int, list[Box]] = {}
        for p in inner:
            readers.setdefault(id(p.source), []).append(p.target)  # type: ignore[arg-type]
            sources.setdefault(id(p.target), []).append(p.source)  # type: ignore[arg-type]
        widths: dict[int, float] = {}
        for child in children:  # in the order of the program, which no edge runs against
            child.rank = 1 + max([s.rank for s in sources.get(id(child), [])], default=-1)
            while widths.get(child.rank, -child.width) + child.width > WIDEST:
                child.rank += 1
            widths[child.rank] = widths.get(child.rank, 0.0) + child.width + GAP
        crowded = sum([id(child) not in sources for child in children]) > FEW
        for child in reversed(children):
            sinks = len(readers.get(id(child), [])) > len(sources[id(child)]) if id(child) in sources else crowded and id(child) in readers
            if sinks:
                rank = min([r.rank for r in readers[id(child)]]) - 1
                if rank > child.rank and widths.get(rank, 0.0) + child.width <= WIDEST:
                    widths[rank] = widths.get(rank, 0.0) + child.width + GAP
                    child.rank = rank
        self.height = 1 + max([c.rank for c in children], default=0)

    def _fill(self) -> None:
        """The ranks with everything in them: even ones hold boxes, odd ones labels; edges pass through all between."""
        spans = 0
        for p in self.parts:
            first = -1 if p.source is None else p.source.rank
            last = self.height if p.target is None else p.target.rank
            spans += 2 * (last - first)
        step = 2 if spans <= ROUTES else 1
        self.step = step
        self.places: dict[int, _Place] = {}
        count = step * (self.height + 1) + 1
        self.ranks: list[list[_Place]] = [[] for _ in range(count)]
        for child in self.box.children:
            place = _Place(step * (child.rank + 1), child.width, child.height, child)
            self.places[id(child)] = place
            self._add(place)
        self.routes: list[tuple[_Part, list[_Place]]] = []
        trunks: dict[tuple[int, Any, int], _Place] = {}
        linked: set[tuple[int, int]] = set()

        def on_the_way(p: _Part, rank: int, width: float) -> _Place:
            """A point that all edges of a bundle pass."""
            key = (id(p.edge.source), id(p.edge) if p.edge.bundle is None else p.edge.bundle, rank)
            if key not in trunks:
                trunks[key] = self._add(_Place(rank, width, 0))
            return trunks[key]

        for p in self.parts:
            chain = [on_the_way(p, 0, 8) if p.source is None else self.places[id(p.source)]]
            end = count - 1 if p.target is None else step * (p.target.rank + 1)
            for rank in range(chain[0].rank + 1, end):
                labelled = p.label_width and step == 2 and rank == end - 1
                chain.append(self._add(_Place(rank, p.label_width, 15)) if labelled else on_the_way(p, rank, 4))
            chain.append(on_the_way(p, end, 8) if p.target is None else self.places[id(p.target)])
            for i, (upper, lower) in enumerate(zip(chain, chain[1:], strict=False)):
                if (id(upper), id(lower)) in linked:
                    continue
                linked.add((id(upper), id(lower)))
                leaves = _port(p.source, p.edge, "out") if i == 0 and p.source is not None else 0.0
                enters = _port(p.target, p.edge, "in") if i == len(chain) - 2 and p.target is not None else 0.0
                _Link(upper, lower, leaves, enters)
            self.routes.append((p, chain))

    def _add(self, place: _Place) -> _Place:
        place.order = len(self.ranks[place.rank])
        self.ranks[place.rank].append(place)
        return place

    # -- order ------------------------------------------------------------------------------------------

    def _order(self) -> None:
        best, kept = self._crossings(), [list(rank) for rank in self.ranks]
        for sweep in range(SWEEPS):
            if not best:
                break
            down = sweep % 2 == 0
            for rank in self.ranks[1:] if down else self.ranks[-2::-1]:
                keys = {id(p): _median(p, down) for p in rank}
                movable = iter(sorted([p for p in rank if keys[id(p)] is not None], key=lambda p: keys[id(p)]))  # type: ignore[arg-type, return-value]
                rank[:] = [next(movable) if keys[id(p)] is not None else p for p in rank]
                for i, p in enumerate(rank):
                    p.order = i
            found = self._crossings()
            if found < best:
                best, kept = found, [list(rank) for rank in self.ranks]
        self.ranks = kept
        for rank in self.ranks:
            for i, p in enumerate(rank):
                p.order = i

    def _crossings(self) -> int:
        total = 0
        for rank in self.ranks[:-1]:
            seen: list[tuple[int, float]] = []
            ends = [((p.order, link.leaves), (link.lower.order, link.enters)) for p in rank for link in p.below]
            for _, end in sorted(ends):
                total += len(seen) - bisect_right(seen, end)
                insort(seen, end)
        return total

    # -- coordinates --------------------------------------------------------------------------------------

    def place(self) -> None:
        """Coordinates of the children, of the ports, of the routes; the size of the box."""
        self._order()
        for rank in self.ranks:
            x = 0.0
            for p in rank:
                p.x = x + p.width / 2
                x += p.width + GAP
        for sweep in range(2 * SWEEPS):
            last = sweep >= 2 * SWEEPS - 4
            for rank in self.ranks if sweep % 2 == 0 else self.ranks[::-1]:
                _settle(rank, [_wanted(p, sweep % 2 == 0, last) for p in rank])
        y = PADDING + (TITLE if self.box.title else 0.0)
        tops = []
        heights = [max([p.height for p in rank], default=0.0) for rank in self.ranks]
        for i, rank in enumerate(self.ranks):
            tops.append((y, heights[i]))
            for p in rank:
                p.y = y + heights[i] / 2
            border = i + 1 == len(heights) - self.step or not any(heights[: i + 1] if i else heights[:2]) or i + 1 == len(heights)
            y += heights[i] + (BORDER if border else RANK_GAP) / self.step  # near the borders only edges pass
        everything = [p for rank in self.ranks for p in rank]
        left = min([p.x - p.width / 2 for p in everything], default=0.0) - PADDING
        width = max([p.x + p.width / 2 for p in everything], default=0.0) + PADDING - left
        if self.box.title > width:
            left -= (self.box.title - width) / 2
            width = self.box.title
        for p in everything:
            p.x -= left
        self.box.width, self.box.height = width, y + PADDING
        for child in self.box.children:
            place = self.places[id(child)]
            child.x, child.y = place.x, place.y
        for part, chain in self.routes:
            self._route(part, chain, tops)

    def _route(self, part: _Part, chain: list[_Place], tops: list[tuple[float, float]]) -> None:
        first, last = chain[0], chain[-1]
        points: list[tuple[float, float]] = []
        if part.source is None:
            points.append((first.x, 0.0))
            _ports(self.box)[id(part.edge), "in"] = first.x - self.box.width / 2
        else:
            points.append((first.x + _port(part.source, part.edge, "out"), first.y + first.height / 2))
        for p in chain[1:-1]:
            top, height = tops[p.rank]
            if p.height:
                part.label = (p.x, p.y)
            if p.rank % self.step or not height:  # between ranks: past labels at most
                points.append((p.x, p.y))
            else:
                points += [(p.x, top), (p.x, top + height)]
        if part.target is None:
            points.append((last.x, self.box.height))
            _ports(self.box)[id(part.edge), "out"] = last.x - self.box.width / 2
        else:
            points.append((last.x + _port(part.target, part.edge, "in"), last.y - last.height / 2))
        part.points = points


def _ports(box: Box) -> dict[Any, float]:
    return box.__dict__.setdefault("ports", {})  # type: ignore[no-any-return]


def _port(box: Box | None, edge: Edge, side: str) -> float:
    """Where an edge enters or leaves a box, from its centre."""
    return _ports(box).get((id(edge), side), 0.0) if box is not None and box.children else 0.0


def _median(p: _Place, down: bool) -> float | None:
    ends = sorted(
        [link.upper.order + 1e-4 * link.leaves for link in p.above] if down else [link.lower.order + 1e-4 * link.enters for link in p.below]
    )
    if not ends:
        return None
    middle = len(ends) // 2
    return ends[middle] if len(ends) % 2 else (ends[middle - 1] + ends[middle]) / 2


def _wanted(p: _Place, down: bool, both: bool) -> float:
    """Where a place would like to be: at the weighted median of its neighbours, so that chains and long edges are straight."""
    above = [(link.upper.x + link.leaves - link.enters, _straightness(link)) for link in p.above]
    below = [(link.lower.x + link.enters - link.leaves, _straightness(link)) for link in p.below]
    ends = sorted(above + below if both else above if down else below)
    half = sum([weight for _, weight in ends]) / 2
    for i, (x, weight) in enumerate(ends):
        half -= weight
        if half <= 0:
            return (x + ends[i + 1][0]) / 2 if half == 0 else x
    return p.x


def _straightness(link: _Link) -> float:
    return (2.0, 1.0, 8.0)[(link.upper.box is None) + (link.lower.box is None)]


def _settle(rank: list[_Place], wanted: list[float]) -> None:
    """The places nearest to those wanted, by least squares, that keep order and distance: pool adjacent violators."""
    offsets, offset = [], 0.0
    for i, p in enumerate(rank):
        if i:
            offset += (rank[i - 1].width + p.width) / 2 + (GAP if p.box is not None or rank[i - 1].box is not None else GAP / 2)
        offsets.append(offset)
    blocks: list[list[float]] = []  # mean, weight, number
    for p, want, offset in zip(rank, wanted, offsets, strict=True):
        blocks.append([want - offset, p.weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight, n = blocks.pop()
            other = blocks[-1]
            other[0] = (other[0] * other[1] + mean * weight) / (other[1] + weight)
            other[1] += weight
            other[2] += n
    i = 0
    for mean, _, n in blocks:
        for _ in range(int(n)):
            rank[i].x = mean + offsets[i]
            i += 1
