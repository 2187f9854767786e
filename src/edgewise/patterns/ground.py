"""What a pattern is laid on: one receiver in plain numbers, or the receivers of some graphs in tensors.

Both answer the same two questions, so that no pattern knows which of them it meets.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.runs import Runs
from edgewise.patterns.cover import cover, cover_one
from edgewise.patterns.nodes import Nodes
from edgewise.patterns.position import Interval, Position

ByPosition: TypeAlias = Callable[[Position, Position], Iterable[Interval] | None]
ByNodes: TypeAlias = Callable[[Nodes], Graph]

# Receivers that go through a rule together: few enough that hundreds of intervals each stay near the cache, enough
# that the fixed cost of a tensor operation disappears.
CHUNK = 8192


class OneReceiver:
    """The only receiver of a graph."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def by_position(self, intervals: ByPosition) -> Graph | None:
        """The graph of a rule of positions; None if it is none."""
        size = self.nodes.num_senders
        found = intervals(size - 1, size)
        return None if found is None else Graph._trusted(cover_one(list(found), size), size)

    def by_nodes(self, graph: ByNodes) -> Graph:
        """The graph of a rule of nodes."""
        return graph(self.nodes)


class Receivers:
    """All receivers of some graphs that stand one after another; `batch` says whether the result is cut into them."""

    def __init__(self, nodes: Sequence[Nodes], batch: bool) -> None:
        self.nodes = nodes
        rows = torch.tensor([one.num_receivers for one in nodes], dtype=torch.int64)
        sizes = torch.tensor([one.num_senders for one in nodes], dtype=torch.int64)
        row_offsets, sender_offsets = offsets(rows), offsets(sizes)
        self.cuts = (row_offsets, sender_offsets) if batch else ()
        self.num_receivers, self.num_senders = int(row_offsets[-1]), int(sender_offsets[-1])
        self.position = torch.arange(self.num_receivers)
        self.size: Position = self.num_senders
        if batch:
            graph = torch.repeat_interleave(torch.arange(len(nodes)), rows, output_size=self.num_receivers)
            self.size = sizes[graph]
            self.before = sender_offsets[graph].to(torch.int32)
            self.position += (sizes - row_offsets[1:])[graph]
        else:
            self.position += self.num_senders - self.num_receivers

    def by_position(self, intervals: ByPosition) -> Graph | None:
        """The graph of a rule of positions; None if it is none."""
        covers = []
        for row in range(0, max(self.num_receivers, 1), CHUNK):
            p = self.position[row : row + CHUNK]
            n = self.size if isinstance(self.size, int) else self.size[row : row + CHUNK]
            found = intervals(p, n)
            if found is None:
                return None
            covers.append(cover(list(found), len(p), n))
        number, start, stop = map(torch.cat, zip(*covers, strict=True))
        if self.cuts:
            shift = torch.repeat_interleave(self.before, number, output_size=len(start))
            start += shift
            stop += shift
        return Graph._trusted(Runs(offsets(number), start, stop), self.num_senders, *self.cuts)

    def by_nodes(self, graph: ByNodes) -> Graph:
        """The graph of a rule of nodes, which sees one graph at a time, and each size once if sizes are all it gets."""
        if not self.cuts:
            return graph(self.nodes[0])
        made: dict[tuple[int, int], Graph] = {}
        parts = []
        for one in self.nodes:
            key = (one.num_receivers, one.num_senders)
            if key not in made or one.given:
                made[key] = graph(one)
            parts.append(made[key])
        return Graph.batch(parts)


def offsets(counts: Int64[Tensor, "counts"]) -> Int64[Tensor, "counts_and_one"]:
    """Where each of some parts begins, and where the last one ends."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
