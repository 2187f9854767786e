"""Every node hears itself: the graph with its loops, and the edge features that go with them."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.kernels import aggregate

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
    if fill == "mean":
        others, kept = graph.remember("without_self_loops", lambda: graph.remove_self_loops(return_edge_map=True))
        edges = edges[kept]
        loops = aggregate(edges[:, None], others.incidence(), "mean")[:, 0]
    else:
        others, loops = graph, edges.new_ones(graph.num_receivers, edges.shape[1])
    row = graph.remember(("self_loop_rows", fill), lambda: _rows(full, others))
    return full, torch.cat([edges, loops])[row]


def _rows(full: Graph, others: Graph) -> Tensor:
    """Where the features of each edge stand in [the edges of `others`, one loop a receiver]."""
    senders, receivers = full.edges()
    own = others.num_edges + receivers
    known = others.locate(senders, receivers, missing="-1")
    return torch.where(known < 0, own, known)
