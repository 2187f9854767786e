"""The graphs of a batch, grouped by size: graphs of one size are computed together."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from edgewise.graph import Graph


@dataclass(frozen=True)
class Group:
    """Graphs of one size: the receivers and senders of each, and the edge at which each begins."""

    receivers: Int64[Tensor, "graphs receivers"]
    senders: Int64[Tensor, "graphs senders"]
    first_edge: Int64[Tensor, "graphs"]

    @property
    def shape(self) -> tuple[int, int]:
        """How many receivers and senders each graph has."""
        return self.receivers.shape[1], self.senders.shape[1]

    def causal(self) -> Bool[Tensor, "receivers senders"]:
        """Who is heard where everyone hears those up to its own position, the last receiver being the last sender."""
        r, s = self.shape
        return torch.ones(r, s, dtype=torch.bool, device=self.receivers.device).tril(diagonal=s - r)

    def edges(self, num_edges: int) -> Int64[Tensor, "graphs edges"]:
        """The numbers of the edges of each graph, each having this many."""
        return self.first_edge[:, None] + torch.arange(num_edges, device=self.first_edge.device)

    def edge_of_pair(
        self, heard: Bool[Tensor, "receivers senders"] | None
    ) -> Int64[Tensor, "graphs receivers senders"]:
        """The number of the edge of each pair, all being heard or these; some edge of the graph where none is."""
        r, s = self.shape
        if heard is None:
            return self.edges(r * s).reshape(len(self.first_edge), r, s)
        before = heard.flatten().cumsum(0).reshape(r, s) - 1
        return self.first_edge[:, None, None] + before.clamp(min=0)


def groups(graph: Graph) -> list[Group]:
    """The groups of a graph, found once and kept with it.

    >>> pair = Graph.from_edges(torch.tensor([0]), torch.tensor([1]), num_senders=2)
    >>> single = Graph.from_edges(torch.tensor([0]), torch.tensor([0]), num_senders=1)
    >>> [group.receivers.tolist() for group in groups(Graph.batch([pair, single, pair]))]
    [[[2]], [[0, 1], [3, 4]]]
    """
    return graph.remember("groups", lambda: _grouped(graph))


def _grouped(graph: Graph) -> list[Group]:
    if graph.num_graphs == 1:
        first = torch.zeros(1, dtype=torch.int64, device=graph.device)
        return [Group(_nodes(first, graph.num_receivers), _nodes(first, graph.num_senders), first)]
    sizes = torch.stack([graph.receiver_offsets.diff(), graph.sender_offsets.diff()], dim=1)
    shapes, member = sizes.unique(dim=0, return_inverse=True)
    first_edge = graph.edge_offsets[graph.receiver_offsets]
    found = []
    for n, (r, s) in enumerate(shapes.tolist()):
        graphs = (member == n).nonzero().squeeze(1)
        receivers = _nodes(graph.receiver_offsets[graphs], r)
        found.append(Group(receivers, _nodes(graph.sender_offsets[graphs], s), first_edge[graphs]))
    return found


def _nodes(first: Tensor, count: int) -> Tensor:
    return first[:, None] + torch.arange(count, device=first.device)
