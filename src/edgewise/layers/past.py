"""Past senders: nodes of earlier calls that stay to be heard."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from edgewise.graph import Graph


class Past(NamedTuple):
    """The keys and values of earlier senders, graph by graph of a batch: a KV cache, or Transformer-XL's memory.

    key: [..., P, H_kv, D], None where the score reads none; value: [..., P, H_kv, V]; offsets: [B+1], which of the P
    belong to which graph.
    """

    key: Float[Tensor, "..."] | None
    value: Float[Tensor, "..."]
    offsets: Int[Tensor, "graphs_and_one"]

    def joined(self, key: Tensor | None, value: Tensor, graph: Graph) -> tuple[Tensor | None, Tensor]:
        """Keys and values of all senders of the graph: in each graph of the batch first the past ones, then the new."""
        expected = self.value.shape[-3] + value.shape[-3]
        if graph.num_senders != expected:
            raise ValueError(
                f"past: the graph has {graph.num_senders} senders but there are {self.value.shape[-3]} past and "
                f"{value.shape[-3]} new ones; build it with num_senders={expected}"
            )
        if graph.num_graphs != len(self.offsets) - 1:
            raise ValueError(f"past: holds {len(self.offsets) - 1} graphs but the batch has {graph.num_graphs}")
        if not torch.equal(self.offsets.diff() + graph.receiver_offsets.diff(), graph.sender_offsets.diff()):
            raise ValueError(
                f"past: per graph, past and new senders must add up to {graph.sender_offsets.diff().tolist()}, got "
                f"{self.offsets.diff().tolist()} and {graph.receiver_offsets.diff().tolist()}"
            )
        order = _order(self.offsets, graph)
        values = _join(self.value, value, order)
        return (None if key is None or self.key is None else _join(self.key, key, order)), values


def _order(offsets: Tensor, graph: Graph) -> Tensor | None:
    """Where each sender of the graph stands in [all past, all new]; None where that is the order already."""
    if graph.num_graphs == 1:
        return None
    of = torch.repeat_interleave(graph.sender_offsets.diff())
    place = torch.arange(graph.num_senders, device=graph.device) - graph.sender_offsets[of]
    length = offsets.diff()[of]
    return torch.where(place < length, offsets[of] + place, offsets[-1] + graph.receiver_offsets[of] + place - length)


def _join(past: Tensor, new: Tensor, order: Tensor | None) -> Tensor:
    both = torch.cat([past, new], dim=-3)
    return both if order is None else both.index_select(-3, order)
