"""Tensors as transformers lays them out, [batch, heads, positions, dim], and as a graph of the batch counts them."""

import torch
from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph


def side_by_side(x: Float[Tensor, "batch heads nodes dim"], examples: int) -> Float[Tensor, "..."]:
    """[batch, nodes, heads, dim] where one graph serves all examples, all nodes in a row where each has its own."""
    x = x.transpose(1, 2)
    return x.flatten(0, 1) if examples > 1 or x.shape[0] == 1 else x


def on_edges(
    x: Float[Tensor, "examples heads rows columns"], graph: Graph, rows: int, columns: int
) -> Float[Tensor, "edges heads"]:
    """The entries of a dense tensor at the edges of a graph; one row, one head or one example serves all.

    >>> graph = Graph.from_edges(torch.tensor([1]), torch.tensor([0]), num_senders=2)
    >>> on_edges(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), graph, 2, 2)
    tensor([[2.]])
    """
    senders, receivers = graph.remember("edges", graph.edges)
    x = x.expand(*x.shape[:2], rows, columns) if x.shape[-2] == 1 else x
    example = receivers.div(rows, rounding_mode="floor") if x.shape[0] > 1 else torch.zeros_like(receivers)
    return x[example, :, receivers % rows, senders % columns]


def dense_weights(
    weights: Float[Tensor, "..."], graph: Graph, examples: int, batch: int, rows: int, columns: int
) -> Float[Tensor, "examples heads rows columns"]:
    """The weights of edges as transformers returns them, 0 where there is no edge."""
    senders, receivers = graph.remember("edges", graph.edges)
    H = weights.shape[-1]
    if examples == 1:
        dense = weights.new_zeros(batch, H, rows, columns)
        dense[:, :, receivers, senders] = weights.reshape(-1, graph.num_edges, H).transpose(1, 2)
        return dense
    dense = weights.new_zeros(batch, rows, columns, H)
    dense[receivers.div(rows, rounding_mode="floor"), receivers % rows, senders % columns] = weights
    return dense.permute(0, 3, 1, 2)
