"""Minimum cut of a small directed graph, by Dinic's algorithm.

Knows nothing but nodes and capacities. Start at `sink_side`.

E. A. Dinic, Soviet Math. Doklady 11 (1970) 1277.
"""

from __future__ import annotations

from collections import deque


class Network:
    """Directed edges with capacities between nodes 0 (the source), 1 (the sink), 2, …"""

    __slots__ = ("capacity", "edges", "head")

    def __init__(self) -> None:
        self.edges: list[list[int]] = [[], []]  # node -> its edges; edge e goes to head[e], and e ^ 1 is its reverse
        self.head: list[int] = []
        self.capacity: list[float] = []

    def node(self) -> int:
        """A new node."""
        self.edges.append([])
        return len(self.edges) - 1

    def edge(self, tail: int, head: int, capacity: float) -> None:
        """A new edge."""
        for at, to, c in ((tail, head, capacity), (head, tail, 0.0)):
            self.edges[at].append(len(self.head))
            self.head.append(to)
            self.capacity.append(c)


def sink_side(network: Network) -> list[bool]:
    """Of the minimum cuts the one nearest to the sink: which nodes are on its side. None is cut off if only infinite cuts exist."""
    while (levels := _levels(network)) is not None:
        _block(network, levels)
    side = [False] * len(network.edges)
    side[1] = True
    queue = deque([1])
    while queue:
        node = queue.popleft()
        for e in network.edges[node]:
            tail = network.head[e]
            if not side[tail] and network.capacity[e ^ 1] > 0:
                side[tail] = True
                queue.append(tail)
    return side


def _levels(network: Network) -> list[int] | None:
    """The distance of each node from the source along edges with room; None if the sink is out of reach."""
    levels = [-1] * len(network.edges)
    levels[0] = 0
    queue = deque([0])
    while queue:
        node = queue.popleft()
        for e in network.edges[node]:
            to = network.head[e]
            if levels[to] < 0 and network.capacity[e] > 0:
                levels[to] = levels[node] + 1
                queue.append(to)
    return levels if levels[1] >= 0 else None


def _block(network: Network, levels: list[int]) -> None:
    """Fill shortest paths from source to sink until each is full somewhere."""
    head, capacity, edges = network.head, network.capacity, network.edges
    tried = [0] * len(edges)
    path: list[int] = []
    node = 0
    while True:
        if node == 1:
            flow = min([capacity[e] for e in path])
            assert flow < float("inf"), "a value that must be kept cannot be"
            for e in path:
                capacity[e] -= flow
                capacity[e ^ 1] += flow
            first = next(n for n, e in enumerate(path) if capacity[e] <= 0)
            node = head[path[first] ^ 1]
            del path[first:]
            continue
        mine = edges[node]
        while tried[node] < len(mine):
            e = mine[tried[node]]
            if capacity[e] > 0 and levels[head[e]] == levels[node] + 1:
                path.append(e)
                node = head[e]
                break
            tried[node] += 1
        else:
            if not path:
                return
            back = path.pop()
            node = head[back ^ 1]
            tried[node] += 1
