"""How far the sender of an edge stands from its receiver, within the reach of a kernel over a sequence."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.runs import receiver_of_run


class Reach(NamedTuple):
    """The offsets -before … after of senders from their receivers, one row of a kernel each."""

    before: int
    after: int

    @classmethod
    def of(cls, where: str, before: int, after: int) -> "Reach":
        """Checked; both count nodes besides the node itself, as those of the pattern window do."""
        for name, count in (("before", before), ("after", after)):
            if count < 0:
                raise ValueError(
                    f"{where}: {name} must be at least 0, got {count}; it counts nodes besides the node itself"
                )
        return cls(before, after)

    @property
    def width(self) -> int:
        """How many offsets there are."""
        return self.before + 1 + self.after

    def rows(self, graph: Graph, where: str) -> Int[Tensor, "edges"]:
        """Of every edge j -> i its row, j - p_i + before; p_i is the sender that i is aligned with.

        >>> from edgewise.patterns import window
        >>> Reach(before=1, after=0).rows(window(1, 0).build(3), where="convolution")
        tensor([1, 0, 1, 0, 1])
        """
        return graph.remember(("rows of a kernel", self), lambda: self._rows(graph, where))

    def parts(self, graph: Graph, where: str) -> Sequence[tuple[int, Graph, Tensor]]:
        """The edges of each offset as a graph of their own: the row, the graph, and the numbers of its edges."""
        return graph.remember(("parts of a kernel", self), lambda: self._parts(graph, where))

    def _rows(self, graph: Graph, where: str) -> Tensor:
        runs, place = graph.runs, graph.position()
        if len(runs.start):
            own = place[receiver_of_run(runs)]
            lowest, highest = int((runs.start - own).min()), int((runs.stop - 1 - own).max())
            if lowest < -self.before or highest > self.after:
                raise ValueError(
                    f"{where}: its kernel reaches from {-self.before} to {self.after}, but the graph "
                    f"{graph!r} has senders at offsets from {lowest} to {highest}; hear along "
                    f"window({self.before}, {self.after}), or widen the kernel by before= and after="
                )
        senders, receivers = graph.edges()
        return senders - place[receivers] + self.before

    def _parts(self, graph: Graph, where: str) -> list[tuple[int, Graph, Tensor]]:
        rows = self.rows(graph, where)
        senders, receivers = graph.edges()
        # Sorted by offset, then by receiver: the order of edges within each part.
        order, counts = rows.argsort(stable=True), rows.bincount(minlength=self.width).tolist()
        S, R = graph.num_senders, graph.num_receivers
        return [
            (row, Graph.from_edges(senders[edges], receivers[edges], num_senders=S, num_receivers=R), edges)
            for row, edges in enumerate(order.split(counts))
            if len(edges)
        ]
