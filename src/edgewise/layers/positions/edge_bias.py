"""Positions that are added to the logits of edges."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from edgewise.graph import Graph, shortest_path_lengths
from edgewise.kernels import OffsetTable
from edgewise.layers.positions.gaussian import GaussianBias
from edgewise.layers.positions.places import longest


class ALiBi(nn.Module):
    """b_ij^h = -m_h |j - p_i|, with slopes m_h = 2^(-8h/H) for h = 1 … H.

    Where H is no power of two, the slopes of the next smaller one are filled up with every other slope of the next
    larger. Press et al. 2022, https://arxiv.org/abs/2108.12409. Differs: symmetric, so that it serves encoders too; on
    a causal graph only the paper's half is heard.
    """

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.slopes = slopes(num_heads)

    def forward(self, graph: Graph, along: Graph) -> OffsetTable:
        """A table of every distance that the largest graph has, kept with it for the layers to come."""
        return graph.remember(("alibi", len(self.slopes)), lambda: self._table(graph))

    def _table(self, graph: Graph) -> OffsetTable:
        reach = max(longest(graph) - 1, 0)
        distance = torch.arange(-reach, reach + 1, device=graph.device).abs()
        # In float32 whatever the layer's dtype: half precision cannot tell far places apart.
        return OffsetTable(-distance[:, None] * torch.tensor(self.slopes, device=graph.device), -reach)


def slopes(num_heads: int) -> list[float]:
    """How fast each head forgets.

    >>> slopes(8)[:3]
    [0.5, 0.25, 0.125]
    """
    if num_heads & (num_heads - 1) == 0:
        return [2 ** (-8 * (h + 1) / num_heads) for h in range(num_heads)]
    below = 2 ** int(math.log2(num_heads))
    return slopes(below) + slopes(2 * below)[0::2][: num_heads - below]


class T5Buckets(nn.Module):
    """b_ij^h = table[bucket(j - p_i), h]: a learned bias per bucket of relative distance.

    Half of the buckets hold one distance each; the other half widen logarithmically up to `max_distance`, and all
    beyond share the last. `bidirectional` halves the buckets between left and right; otherwise the right is distance 0.

    T5, Raffel et al. 2020, section 2.1, https://arxiv.org/abs/1910.10683
    """

    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        if num_buckets < 4 or num_buckets % 2:
            raise ValueError(f"t5: num_buckets must be even and at least 4, got {num_buckets}")
        exact = num_buckets // (4 if bidirectional else 2)
        if max_distance <= exact:
            raise ValueError(
                f"t5: max_distance must be more than {exact}, the distances with a bucket each, got {max_distance}"
            )
        self.num_buckets, self.max_distance, self.bidirectional = num_buckets, max_distance, bidirectional
        self.table = nn.Embedding(num_buckets, num_heads)

    def forward(self, graph: Graph, along: Graph) -> OffsetTable:
        """A table of every distance that has a bucket of its own; the ends serve all beyond."""
        offsets = torch.arange(-self.max_distance, self.max_distance + 1, device=self.table.weight.device)
        return OffsetTable(self.table(self.bucket(offsets)), -self.max_distance)

    def bucket(self, offsets: Int[Tensor, "*any"]) -> Int[Tensor, "*any"]:
        """The bucket of each offset j - p_i."""
        buckets, first = self.num_buckets, torch.zeros_like(offsets)
        if self.bidirectional:
            buckets //= 2
            first = (offsets > 0).long() * buckets
            distance = offsets.abs()
        else:
            distance = (-offsets).clamp(min=0)
        exact = buckets // 2
        span = math.log(self.max_distance / exact)
        wide = exact + ((distance.clamp(min=1).float() / exact).log() / span * (buckets - exact)).long()
        return first + torch.where(distance < exact, distance, wide.clamp(max=buckets - 1))


class ShortestPathBias(nn.Module):
    """b_ij^h = table[min(distance from j to i, limit), h]: a learned bias per number of hops along a graph.

    Distances are those along the graph that the option `along` names, or the heard graph itself; unreachable pairs,
    and those beyond `limit` hops, share the last row.

    Graphormer, Ying et al. 2021, section 3.1.2, https://arxiv.org/abs/2106.05234
    """

    def __init__(self, num_heads: int, limit: int = 8, along: str | None = None) -> None:
        super().__init__()
        self.limit, self.along = limit, along
        self.table = nn.Embedding(limit + 2, num_heads)

    def forward(self, graph: Graph, along: Graph) -> Float[Tensor, "edges heads"]:
        """A bias per edge and head; the distances are kept with the graph."""
        other = None if along is graph else along
        hops = graph.remember(
            ("shortest_path", self.limit, other), lambda: shortest_path_lengths(along, graph, self.limit)
        )
        bias: Tensor = self.table(hops)
        return bias


EDGE_BIASES: dict[str, type[nn.Module]] = {
    "alibi": ALiBi,
    "t5": T5Buckets,
    "gaussian": GaussianBias,
    "shortest_path": ShortestPathBias,
}
