"""Parts that a reader might write, to be named by import path."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from edgewise import Pattern, kernels
from edgewise.layers import Aggregator, Loudness, Score


class Distance(Score):
    """s_ij = -scale ‖q_i - k_j‖²."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, query, key, edge_key, graph, edges):
        senders, receivers = graph.edges()
        return Loudness(kernels.Given(-self.scale * (query[receivers] - key[senders]).square().sum(-1)))


class EightHeads(Score):
    """s_ij = 1 for eight heads, however many there are."""

    reads_nodes = False

    def forward(self, query, key, edge_key, graph, edges):
        return Loudness(kernels.Given(torch.ones(graph.num_edges, 8)))


class RootSum(Aggregator):
    """sign(m) √|m|, m being the sum."""

    def forward(self, value, loudness, graph, edge_value):
        total = kernels.aggregate(value, graph, weights=loudness.weights(graph, value.shape[-2]), edge_value=edge_value)
        return total.sign() * total.abs().sqrt()


class Silent(Score):
    """A score that says nothing."""


class Idle(Aggregator):
    """An aggregator that sums up nothing."""


class Parity(nn.Module):
    """x_i = table[number of senders i hears, modulo 2]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(2, dim)

    def forward(self, graph):
        return self.table(graph.degree() % 2)


@dataclass(frozen=True)
class skip(Pattern):
    """j -> i iff j is `by` before p."""

    by: int = 2

    def intervals(self, p, n) -> Iterable:
        return [(p - self.by, p - self.by + 1)]
