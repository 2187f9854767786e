"""Positions that are added to node states.

What is measured on a graph is measured once and kept with it; a batch has the rows of its graphs, a sample those of its
nodes in the whole graph (`per_node`).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from edgewise.graph import Graph, laplacian_eigenvectors, random_walk_return
from edgewise.graph.structure.origin import per_node
from edgewise.layers.positions.places import common_places, receiver_places


class SinusoidalPositions(nn.Module):
    """x_p,2c = sin(p / 10000^(2c/D)), x_p,2c+1 = cos(p / 10000^(2c/D)).

    Vaswani et al. 2017, section 3.5, https://arxiv.org/abs/1706.03762
    """

    def __init__(self, dim: int, base: float = 10000.0) -> None:
        super().__init__()
        self.dim, self.base = dim, base

    def forward(self, graph: Graph) -> Float[Tensor, "receivers dim"]:
        """By the place of each receiver in its graph; in float32, as half precision cannot tell far places apart."""
        places, known = receiver_places(graph), common_places(graph)
        # Graphs of a batch have places in common: each is computed once.
        return self._of(places) if known is None else self._of(torch.arange(known, device=graph.device))[places]

    def _of(self, places: Int[Tensor, " places"]) -> Float[Tensor, "places dim"]:
        exponent = torch.arange(0, self.dim, 2, device=places.device) / max(self.dim, 1)
        angle = places[:, None] / self.base**exponent
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)[:, : self.dim]


class LearnedPositions(nn.Module):
    """x_p = table[p + offset], a learned vector per place. `max_length` places; a longer graph is an error."""

    def __init__(self, dim: int, max_length: int, offset: int = 0) -> None:
        super().__init__()
        self.max_length, self.offset = max_length, offset
        self.table = nn.Embedding(max_length + offset, dim)

    def forward(self, graph: Graph) -> Float[Tensor, "receivers dim"]:
        """By the place of each receiver in its graph."""
        places = receiver_places(graph)
        if len(places) and int(places.max()) >= self.max_length:
            raise ValueError(
                f"learned positions: a graph has place {int(places.max())}, but there are {self.max_length} places; "
                "shorten the text or raise max_length"
            )
        x: Tensor = self.table(places + self.offset)
        return x


class LaplacianPositions(nn.Module):
    """x_i = W (±φ_1(i), …, ±φ_k(i)): the k lowest non-trivial eigenvectors of I - D^-1/2 A D^-1/2, graph by graph.

    Eigenvectors have no sign, so each one's is drawn anew for every graph in every training step.

    Dwivedi & Bresson 2020, section 3.1, https://arxiv.org/abs/2012.09699
    """

    def __init__(self, dim: int, count: int = 8) -> None:
        super().__init__()
        self.count = count
        self.project = nn.Linear(count, dim)

    def forward(self, graph: Graph) -> Float[Tensor, "receivers dim"]:
        """Eigenvectors are computed once per graph and kept with it."""
        vectors = per_node(graph, ("laplacian", self.count), lambda each: laplacian_eigenvectors(each, self.count)[1])
        vectors = vectors.to(self.project.weight.dtype)
        if self.training:
            signs = torch.randint(0, 2, (graph.num_graphs, self.count), device=vectors.device) * 2 - 1
            vectors = vectors * signs.repeat_interleave(graph.receiver_offsets.diff(), dim=0)
        x: Tensor = self.project(vectors)
        return x


class RandomWalkPositions(nn.Module):
    """x_i = W (P_ii, (P²)_ii, …, (P^k)_ii), P = D^-1 A: how likely a walk from i is back after 1 … k steps.

    Dwivedi et al. 2022, https://arxiv.org/abs/2110.07875
    """

    def __init__(self, dim: int, steps: int = 16) -> None:
        super().__init__()
        self.steps = steps
        self.project = nn.Linear(steps, dim)

    def forward(self, graph: Graph) -> Float[Tensor, "receivers dim"]:
        """Probabilities are computed once per graph and kept with it."""
        returns = per_node(graph, ("random_walk", self.steps), lambda each: random_walk_return(each, self.steps))
        x: Tensor = self.project(returns.to(self.project.weight.dtype))
        return x


class DegreePositions(nn.Module):
    """x_i = table[min(number of senders i hears, limit)].

    Graphormer's centrality encoding, Ying et al. 2021, section 3.1.1, https://arxiv.org/abs/2106.05234
    """

    def __init__(self, dim: int, limit: int = 64) -> None:
        super().__init__()
        self.limit = limit
        self.table = nn.Embedding(limit + 1, dim)

    def forward(self, graph: Graph) -> Float[Tensor, "receivers dim"]:
        """By the degree of each receiver."""
        x: Tensor = self.table(per_node(graph, "degree position", Graph.degree).clamp(max=self.limit))
        return x


NODE_POSITIONS: dict[str, type[nn.Module]] = {
    "sinusoidal": SinusoidalPositions,
    "learned": LearnedPositions,
    "laplacian": LaplacianPositions,
    "random_walk": RandomWalkPositions,
    "degree": DegreePositions,
}
