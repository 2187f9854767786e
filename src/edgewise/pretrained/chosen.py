"""Senders that a model chooses for itself, query by query: the edges of a sparse attention's own indexer."""

import torch
from jaxtyping import Integer
from torch import Tensor

from edgewise.graph import Graph


def chosen_graph(indices: Integer[Tensor, "batch receivers chosen"], num_senders: int) -> Graph:
    """Examples side by side: a receiver hears the senders that its row names, once each.

    >>> chosen_graph(torch.tensor([[[0, 2]], [[1, 1]]]), num_senders=3).edges()
    (tensor([0, 2, 4]), tensor([0, 0, 1]))

    DeepSeek sparse attention, https://arxiv.org/abs/2512.02556
    """
    B, Q, n = indices.shape
    row = torch.arange(B * Q, device=indices.device)
    first = row.div(max(Q, 1), rounding_mode="floor") * num_senders
    senders = indices.reshape(B * Q, n).long() + first[:, None]
    graph: Graph = Graph.from_edges(
        senders.flatten(),
        row.repeat_interleave(n),
        num_senders=B * num_senders,
        num_receivers=B * Q,
        duplicates="first",
    )
    return graph
