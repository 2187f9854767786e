"""Every node hears itself: the graph with its loops, and the edge features that go with them."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph

SelfLoops = Literal["none", "mean", "ones"]


def with_self_loops(
    graph: Graph, edges: Float[Tensor, "edges features"] | None, fill: SelfLoops
) -> tuple[Graph, Float[Tensor, "all_edges features"] | None]:
    """The graph in which every node hears itself too.

    fill="mean": every loop is new and carries the mean features of what the node hears from others (0 if nobody), as
    GAT does. fill="ones": loops that exist stay, new ones carry ones, as GCN does. fill="none": nothing is added.
    """
    if fill == "none":
        return graph, edges
    full = graph.remember("with_self_loops", graph.add_self_loops)
    if edges is None:
        return full, None
    senders, receivers = graph.edges()
    others = senders != receivers
    if fill == "mean":
        loops = edges.new_zeros(graph.num_receivers, edges.shape[1]).index_add(0, receivers[others], edges[others])
        counts = torch.bincount(receivers[others], minlength=graph.num_receivers).clamp(min=1)
        loops = loops / counts[:, None]
        kept = others
    else:
        loops = edges.new_ones(graph.num_receivers, edges.shape[1])
        kept = torch.ones_like(others)
    nodes = torch.arange(graph.num_receivers, device=graph.device)
    features = edges.new_zeros(full.num_edges, edges.shape[1]).index_copy(0, full.locate(nodes, nodes), loops)
    return full, features.index_copy(0, full.locate(senders[kept], receivers[kept]), edges[kept])
