"""Learned senders that every receiver hears besides those of its graph."""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from edgewise.graph import Graph, Runs
from edgewise.kernels import EdgeTerm, OffsetTable, segments
from edgewise.layers.past import Past


class Memories(nn.Module):
    """Σ_j α_ij v_j + Σ_m α_im √M V_m,  α_i = softmax over s(q_i, k_j) + b_ij and s(q_i, √D K_m) together.

    M keys K and values V for each head, the same for every receiver and graph. They stand first among the senders of
    each graph of a batch, where no position, edge feature or edge bias reaches them, and are no part of a past.
    K begins as normal with variance 1/D and V as normal with variance 1/M, so that key and value begin with variance 1.

    All-attention, Sukhbaatar et al. 2019, section 4.1, https://arxiv.org/abs/1907.01470: with many of them a block
    needs no feed-forward.
    """

    def __init__(self, count: int, num_heads: int, key_dim: int, value_dim: int) -> None:
        """`num_heads`: those of keys and values."""
        super().__init__()
        self.key = nn.Parameter(torch.randn(count, num_heads, key_dim) * max(key_dim, 1) ** -0.5)
        self.value = nn.Parameter(torch.randn(count, num_heads, value_dim) * count**-0.5)

    @property
    def count(self) -> int:
        """M."""
        return self.key.shape[0]

    def forward(
        self,
        key: Float[Tensor, "*batch senders kv_heads dim"],
        value: Float[Tensor, "*batch senders kv_heads value_dim"],
        graph: Graph,
    ) -> tuple[Float[Tensor, "*batch all kv_heads dim"], Float[Tensor, "*batch all kv_heads value_dim"], Graph]:
        """Keys, values and graph with the memories among the senders."""
        wide, offsets = graph.remember(("memories", self.count), lambda: _widened(graph, self.count))
        own = Past(
            self._copies(self.key * self.key.shape[-1] ** 0.5, key, graph.num_graphs),
            self._copies(self.value * self.count**0.5, value, graph.num_graphs),
            offsets,
        )
        keys, values = own.joined(key, value, wide, among_themselves=False)
        assert keys is not None
        return keys, values, wide

    def bias(self, bias: Float[Tensor, "..."] | OffsetTable | None, graph: Graph) -> Float[Tensor, "..."] | None:
        """An edge bias of the graph, with 0 for each edge from a memory."""
        if isinstance(bias, OffsetTable):
            senders, receivers = segments.edges(graph)
            dtype = torch.promote_types(bias.table.dtype, torch.float32)
            bias = bias.at(senders - graph.position()[receivers], dtype)
        return None if bias is None else self._spread(bias, graph)

    def term(self, term: EdgeTerm | None, graph: Graph) -> EdgeTerm | None:
        """The edge features of the graph, with zeros for each edge from a memory."""
        return None if term is None else EdgeTerm(self._spread(term.features, graph), term.weight)

    def _copies(self, learned: Tensor, like: Tensor, num_graphs: int) -> Tensor:
        """Those of every graph of the batch, one after another."""
        return learned.to(like.dtype).repeat(num_graphs, 1, 1).expand(*like.shape[:-3], -1, -1, -1)

    def _spread(self, x: Shaped[Tensor, "edges *channels"], graph: Graph) -> Shaped[Tensor, "all_edges *channels"]:
        M = self.count
        index = graph.remember(("beside_memories", M), lambda: _edge_numbers(graph, M))
        return x.new_zeros(len(x) + M * graph.num_receivers, *x.shape[1:]).index_copy(0, index, x)


def _widened(graph: Graph, count: int) -> tuple[Graph, Tensor]:
    """The graph with `count` new senders at the head of each graph of the batch, and the offsets of these."""
    runs, B = graph.runs, graph.num_graphs
    offsets = torch.arange(B + 1, device=graph.device) * count
    of = torch.repeat_interleave(graph.receiver_offsets.diff(), output_size=graph.num_receivers)
    shift = torch.repeat_interleave(offsets[of + 1], runs.offsets.diff(), output_size=len(runs.start)).to(torch.int32)
    first = (graph.sender_offsets + offsets)[of].to(torch.int32)
    rows = torch.arange(graph.num_receivers + 1, device=graph.device)
    cuts = (None, None) if B == 1 else (graph.receiver_offsets, graph.sender_offsets + offsets)
    ahead, own = Runs(rows, first, first + count), Runs(runs.offsets, runs.start + shift, runs.stop + shift)
    both = [Graph._trusted(part, graph.num_senders + B * count, *cuts) for part in (ahead, own)]
    return both[0] | both[1], offsets


def _edge_numbers(graph: Graph, count: int) -> Tensor:
    """What number each edge of the graph has in the widened one: every row begins with its memories."""
    receivers = segments.edges(graph)[1]
    return torch.arange(graph.num_edges, device=graph.device) + count * (receivers + 1)
