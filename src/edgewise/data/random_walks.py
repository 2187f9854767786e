"""Random-walk sampling."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.data.sampling import Heard, Sampling, chance
from edgewise.graph import Graph
from edgewise.graph.runs import senders_of


@dataclass(frozen=True)
class RandomWalks(Sampling):
    """A receiver hears the `neighbours` nodes that short walks from it visit most, itself left out.

        importance_ij = visits of j / visits of all that i hears

    A walk goes from a receiver to one of its senders, any as likely, and on from there, `length` steps; after each it
    starts again at its receiver with probability `restart`, and always where a node hears nobody. Of nodes visited
    equally often some are drawn. Who is heard need not be joined by an edge, so edge features cannot follow; with
    `importance` each edge brings its importance as the one feature (where the whole graph is heard, 1 / degree: that of
    walks of one step).

    The cost is that of the steps, and of sorting them.

    Ying et al. 2018, PinSage, section 3.1, https://arxiv.org/abs/1806.01973
    """

    walks: int = 10  # from each receiver
    length: int = 4  # steps of a walk
    neighbours: int = 10  # senders a receiver hears at most
    hops: int = 2  # as many as the network has layers
    restart: float = 0.5  # probability, after each step
    importance: bool = False  # whether edges bring it as their one feature

    def __post_init__(self) -> None:
        for name in ("walks", "length", "neighbours", "hops"):
            if getattr(self, name) < 1:
                raise ValueError(f"sampling random_walks: {name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.restart <= 1:
            raise ValueError(f"sampling random_walks: restart is a probability, 0 to 1, got {self.restart}")

    @property
    def weighs(self) -> bool:  # type: ignore[override]
        return self.importance

    def hear(self, graph: Graph, receivers: Int64[Tensor, "receivers"], hop: int) -> Heard:
        start = torch.arange(len(receivers), device=receivers.device).repeat_interleave(self.walks)
        visits = self._visits(graph, receivers, start)
        row, node, count = _counted(visits, graph.num_senders)
        # Which of those that tie comes first is drawn.
        order = (count + chance(len(count), like=count)).argsort(descending=True)
        order = order[row[order].argsort(stable=True)]
        row, node, count = row[order], node[order], count[order]
        size = torch.bincount(row, minlength=len(receivers))
        rank = torch.arange(len(row), device=row.device) - (size.cumsum(0) - size)[row]
        row, node, count = (x[rank < self.neighbours] for x in (row, node, count))
        if not self.importance:
            return Heard(row, node)
        total = torch.zeros(len(receivers), dtype=torch.int64, device=row.device).index_add_(0, row, count)
        return Heard(row, node, weights=(count / total[row]).float())

    def _visits(self, graph: Graph, receivers: Tensor, start: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Row and node of every visit, step by step, of all walks at once."""
        home = receivers[start]
        here, visits = home, []
        for _ in range(self.length):
            degree = graph.degree()[here]
            which, again = chance(len(here), like=here), chance(len(here), like=here) < self.restart
            goes = degree > 0
            edge = graph.edge_offsets[here] + (which * degree).long()
            there = home.clone()
            there[goes] = senders_of(graph.runs, graph.run_edge_start, edge[goes])
            seen = there != home
            visits.append((start[seen], there[seen]))
            here = home.where(again, there)
        return visits


def _counted(visits: list[tuple[Tensor, Tensor]], num_nodes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each pair of row and node once, and how often it was."""
    pairs = torch.cat([row * num_nodes + node for row, node in visits])
    pairs, count = pairs.unique(return_counts=True)
    return pairs // max(num_nodes, 1), pairs % max(num_nodes, 1), count
