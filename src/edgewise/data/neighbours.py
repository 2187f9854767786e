"""Neighbour sampling."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.data.sampling import Heard, Sampling, chance
from edgewise.graph import Graph
from edgewise.graph.runs import senders_of


@dataclass(frozen=True)
class Neighbours(Sampling):
    """At hop h, each receiver hears min(degree, fanouts[h]) of its senders, every such set as likely as any other.

    With fanouts no smaller than the degrees it is the whole neighbourhood: an L-layer network with L fanouts says of
    the seeds what it says on the whole graph, unless it reads degrees (GCN), which are those of the sample.

    The cost of a hop is that of the edges it draws, times the fanout for the rows that have more; degrees do not enter.

    Hamilton et al. 2017, GraphSAGE, section 3.2, https://arxiv.org/abs/1706.02216
    Differs: theirs draws with replacement; a set without is Floyd's, 1987, https://doi.org/10.1145/30401.315746
    """

    fanouts: tuple[int, ...]  # senders a receiver hears at most, hop after hop from the seeds

    def __post_init__(self) -> None:
        if not self.fanouts or min(self.fanouts) < 1:
            raise ValueError(
                f"sampling neighbours: expected fanouts of at least 1, one a hop, such as [10, 10], got {self.fanouts}"
            )

    @property
    def hops(self) -> int:
        return len(self.fanouts)

    def hear(self, graph: Graph, receivers: Int64[Tensor, "receivers"], hop: int) -> Heard:
        row, place = draw(graph.degree()[receivers], self.fanouts[hop])
        edges = graph.edge_offsets[receivers[row]] + place
        return Heard(row, senders_of(graph.runs, graph.run_edge_start, edges), edges)


def draw(degree: Int64[Tensor, "rows"], most: int) -> tuple[Int64[Tensor, "drawn"], Int64[Tensor, "drawn"]]:
    """Row and place of min(degree, most) distinct places out of 0 … degree - 1 in each row.

    >>> draw(torch.tensor([2, 0, 1]), 3)
    (tensor([0, 0, 2]), tensor([0, 1, 0]))
    """
    few, many = (degree <= most).nonzero()[:, 0], (degree > most).nonzero()[:, 0]
    count = degree[few]
    all_of = torch.repeat_interleave(few, count)
    first = torch.repeat_interleave(count.cumsum(0) - count, count)
    places = torch.arange(len(all_of), device=degree.device) - first
    most = most if len(many) else 0
    chosen = torch.empty(most, len(many), dtype=torch.int64, device=degree.device)
    uniform = chance(most, len(many), like=degree)
    for k in range(most):
        # Floyd: one of 0 … last; where that is taken, last itself, which no earlier draw could be.
        last = degree[many] - most + k
        drawn = (uniform[k] * (last + 1)).long()
        chosen[k] = last.where((chosen[:k] == drawn).any(0), drawn)
    return torch.cat([all_of, many.repeat(most)]), torch.cat([places, chosen.flatten()])
