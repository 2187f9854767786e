"""Some of what a batch of nodes would hear: what all samplings share.

A sampling of your own is a subclass with `hear`; a recipe names it by its import path.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from edgewise.graph import Graph
from edgewise.graph.structure.origin import Whole, set_origin
from edgewise.part import Part

SamplingPart = str | Part | Mapping[str, Any]  # a table with a name in SAMPLINGS; "" for none


class Heard(NamedTuple):
    """Edges that were drawn: of `receivers[row[k]]` to `senders[k]`, each at most once."""

    row: Int64[Tensor, "drawn"]
    senders: Int64[Tensor, "drawn"]
    edges: Int64[Tensor, "drawn"] | None = None  # their numbers in the graph; None where they need not be in it
    weights: Float[Tensor, "drawn"] | None = None  # how important each is, where that is asked for


class Sample(NamedTuple):
    """Graphs among `nodes`, numbered anew in that order, the seeds first."""

    nodes: Int64[Tensor, "nodes"]
    graphs: Mapping[str, Graph]
    edges: Mapping[str, Int64[Tensor, "edges"]]  # which edge of its graph each is; none where they need not be in it
    weights: Mapping[str, Float[Tensor, "edges"]]  # where they are asked for


class Sampling(ABC):
    """Who is heard on the way to a batch of nodes: each node reached draws its senders once, hop after hop."""

    weighs = False  # whether edges bring their importance as a feature

    @property
    @abstractmethod
    def hops(self) -> int:
        """How far from the seeds nodes are heard: as many as the network has layers, for nothing to be missing."""

    @abstractmethod
    def hear(self, graph: Graph, receivers: Int64[Tensor, "receivers"], hop: int) -> Heard:
        """What these receivers hear at this hop, counted from 0."""

    def sample(self, graphs: Mapping[str, Graph], seeds: Int64[Tensor, "seeds"]) -> Sample:
        """The union of all hops from `seeds`, one graph for each name. Seeds are distinct."""
        whole = next(iter(graphs.values()))
        place = whole.remember("place in a sample", lambda: torch.full((whole.num_receivers,), -1, device=whole.device))
        place[seeds] = torch.arange(len(seeds), device=seeds.device)
        nodes, frontier, count = [seeds], seeds, len(seeds)
        found: dict[str, list[tuple[Tensor, Heard]]] = {name: [] for name in graphs}
        try:
            for hop in range(self.hops):
                for name, graph in graphs.items():
                    heard = self.hear(graph, frontier, hop)
                    found[name].append((place[frontier[heard.row]], heard))
                senders = torch.cat([hops[-1][1].senders for hops in found.values()])
                frontier = senders[place[senders] < 0].unique()
                place[frontier] = torch.arange(count, count + len(frontier), device=frontier.device)
                nodes.append(frontier)
                count += len(frontier)
            sampled = torch.cat(nodes)
            joined = {name: _joined(hops, place, count) for name, hops in found.items()}
        finally:
            # Kept from sample to sample, so that one costs what it reaches and not what there is.
            place[torch.cat(nodes)] = -1
        for name, (graph, _, _) in joined.items():
            set_origin(graph, Whole(graphs[name], sampled))
        return Sample(
            sampled,
            {name: graph for name, (graph, _, _) in joined.items()},
            {name: edges for name, (_, edges, _) in joined.items() if edges is not None},
            {name: weights for name, (_, _, weights) in joined.items() if weights is not None},
        )


def _joined(hops: list[tuple[Tensor, Heard]], place: Tensor, count: int) -> tuple[Graph, Tensor | None, Tensor | None]:
    """One graph of the edges of all hops, with their numbers and weights in its order."""
    receivers = torch.cat([rows for rows, _ in hops])
    senders = place[torch.cat([heard.senders for _, heard in hops])]
    graph, order = Graph.from_edges(senders, receivers, num_senders=count, return_order=True)
    numbers = [heard.edges for _, heard in hops if heard.edges is not None]
    weights = [heard.weights for _, heard in hops if heard.weights is not None]
    return graph, torch.cat(numbers)[order] if numbers else None, torch.cat(weights)[order] if weights else None


def chance(*size: int, like: Tensor) -> Float[Tensor, "..."]:
    """Numbers from 0 to 1 out of PyTorch's global stream of the CPU: the same on every device."""
    return torch.rand(*size, dtype=torch.float64).to(like.device)
