"""A score, an aggregator, two patterns, a model and a data set of one's own; docs/write_your_own.md tells of each.

In the folder of this file: edgewise train my_recipe.toml
"""

from dataclasses import dataclass

import torch

from edgewise import BlockConfig, Graph, Hearing, NetworkConfig, Pattern
from edgewise.data import Classes, NodeTask, per_class
from edgewise.kernels import Dot, Given, aggregate
from edgewise.layers import Aggregator, FeedForwardConfig, Loudness, Score
from edgewise.models import EmbedConfig
from edgewise.part import Part


class Nearness(Score):
    """s_ij = -|q_i - k_j|²: who is near is loud."""

    def forward(self, query, key, edge_key, graph, edges):
        """2 q·k - |k|² as one dot product; the -|q|² left out is the same for every sender, so softmax ignores it."""
        if edge_key is not None:
            raise ValueError("Nearness: reads no edge features; set edges_in='value'")
        ones = torch.ones_like(query[..., :1])
        size = (key**2).sum(-1, keepdim=True)
        return Loudness(Dot(scale=1.0), torch.cat([2 * query, -ones], -1), torch.cat([key, size], -1))


class Cosine(Score):
    """s_ij = sharpness · cos(q_i, k_j): any number per edge that you can compute."""

    def __init__(self, sharpness: float = 4.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, query, key, edge_key, graph, edges):
        """A number for each edge and head, in the order of the graph's edges."""
        if edge_key is not None:
            raise ValueError("Cosine: reads no edge features; set edges_in='value'")
        senders, receivers = graph.edges()
        cosine = torch.cosine_similarity(query[..., receivers, :, :], key[..., senders, :, :], dim=-1)
        return Loudness(Given(self.sharpness * cosine))


class Variance(Aggregator):
    """mean_j m_ij² - (mean_j m_ij)² of the messages m_ij = w_ij v_j, channel by channel: do my neighbours agree?"""

    def forward(self, value, loudness, graph, edge_value):
        """Two means; a node that hears nobody gets zero."""
        if edge_value is not None:
            raise ValueError("Variance: takes no edge features in the value; set edges_in='score'")
        weights = loudness.weights(graph, value.shape[-2])
        mean = aggregate(value, graph, "mean", weights=weights)
        return aggregate(value**2, graph, "mean", weights=None if weights is None else weights**2) - mean**2


@dataclass(frozen=True)
class dilated(Pattern):
    """j -> i   iff   j - p is one of -reach * step, ..., -step, 0, step, ..., reach * step."""

    reach: int  # steps to each side
    step: int = 2  # nodes from one step to the next

    def intervals(self, p, n):
        """One node at each step."""
        return [(p + k * self.step, p + k * self.step + 1) for k in range(-self.reach, self.reach + 1)]


@dataclass(frozen=True)
class nearest(Pattern):
    """j -> i   iff   j is one of the `count` nodes whose features are nearest to those of i, itself among them."""

    count: int
    needs = frozenset({"features"})

    def graph(self, nodes):
        """From the distances of all pairs."""
        distance = torch.cdist(nodes.features[nodes.first :], nodes.features)
        senders = distance.topk(self.count, largest=False).indices
        receivers = torch.arange(len(senders))[:, None].expand_as(senders)
        sizes = {"num_senders": nodes.num_senders, "num_receivers": nodes.num_receivers}
        return Graph.from_edges(senders.flatten(), receivers.flatten(), **sizes)


def two_ears(in_dim: int, out_dim: int, *, hidden: int = 32, num_layers: int = 2) -> NetworkConfig:
    """Each block hears the edges by nearness and, beside them, nodes at a distance by how much they differ."""
    near = Hearing(graph="edges", score="my_parts:Nearness", num_heads=4)
    far = Hearing(graph="far", score="constant", aggregator="my_parts:Variance")
    block = BlockConfig(
        hears=(near, far), together="parallel", norm="layer", feed_forward=FeedForwardConfig(hidden=2 * hidden)
    )
    return NetworkConfig(
        inputs={"nodes": EmbedConfig(dim=hidden, features=in_dim)},
        blocks=(block,) * num_layers,
        patterns={"far": "my_parts:dilated(3, 5)"},
        head=Part("nodes", {"out_dim": out_dim}),
    )


def two_camps(nodes: int = 300, friends: int = 6, seed: int = 0) -> NodeTask:
    """Say the camp of a node from noisy features; nodes of a camp hear each other."""
    draw = torch.Generator().manual_seed(seed)
    camp = torch.randint(2, (nodes,), generator=draw)
    senders = torch.randint(nodes, (friends * nodes,), generator=draw)
    receivers = torch.arange(nodes).repeat(friends)
    same = camp[senders] == camp[receivers]
    graph = Graph.from_edges(senders[same], receivers[same], num_senders=nodes, duplicates="first")
    features = torch.randn(nodes, 8, generator=draw) + 0.5 * camp[:, None]
    split = per_class(camp, train_per_class=10, validation=80, test=150, seed=seed)
    return NodeTask("two camps", graph, features, camp, *split, answer=Classes(("left", "right")))
