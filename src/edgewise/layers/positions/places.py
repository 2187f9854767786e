"""The place of a node in its own graph of the batch: 0 for the first sender."""

import torch
from jaxtyping import Int
from torch import Tensor

from edgewise.graph import Graph


def receiver_places(graph: Graph) -> Int[Tensor, "receivers"]:
    """The place of the sender that each receiver is aligned with: past senders come before it.

    >>> receiver_places(Graph.batch([Graph.from_edges(torch.tensor([0]), torch.tensor([0]), num_senders=2)] * 2))
    tensor([0, 1, 0, 1])
    """
    if graph.num_graphs == 1:
        return graph.position()
    return graph.remember("receiver_places", lambda: graph.position() - _firsts(graph, graph.receiver_offsets))


def sender_places(graph: Graph) -> Int[Tensor, "senders"]:
    """The place of each sender."""
    place = torch.arange(graph.num_senders, device=graph.device)
    return place if graph.num_graphs == 1 else place - _firsts(graph, graph.sender_offsets)


def longest(graph: Graph) -> int:
    """The number of senders of the largest graph of the batch."""
    return graph.remember("longest", lambda: int(graph.sender_offsets.diff().max()))


def common_places(graph: Graph) -> int | None:
    """The number of places, from 0 on, that receivers of a batch share; None where they are as many as receivers.

    None as well where a receiver stands before the first sender of its graph, at a place below 0.

    >>> pair = Graph.from_edges(torch.tensor([0]), torch.tensor([1]), num_senders=2)
    >>> common_places(Graph.batch([pair] * 3)), common_places(pair)
    (2, None)
    """
    return None if graph.num_graphs <= 1 else graph.remember("common_places", lambda: _common(graph))


def _common(graph: Graph) -> int | None:
    known = longest(graph)
    below = bool((graph.receiver_offsets.diff() > graph.sender_offsets.diff()).any())
    return None if below or known >= graph.num_receivers else known


def _firsts(graph: Graph, offsets: Tensor) -> Tensor:
    """The first sender of the graph that each row (or column) belongs to."""
    return graph.sender_offsets[:-1].repeat_interleave(offsets.diff())
