"""General, powerful, scalable graph Transformer: an edge list and the complete graph, heard side by side."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import Head, answering, stacked
from edgewise.part import Part


def gps(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_heads: int = 4,
    num_layers: int = 4,
    positions: tuple[str | Part, ...] = (Part("random_walk", {"steps": 16}),),
    edge_dim: int | None = None,
    dropout: float = 0.0,
    head: Head = "graph",
) -> NetworkConfig:
    """h <- (h + local(h)) + (h + global(h)), each batch-normalised; then a feed-forward.

    local attends along the graph "edges", global along "complete", which the network builds.

    Rampášek et al. 2022, equations 2 to 5, https://arxiv.org/abs/2205.12454. Differs: the local part is GATv2
    attention, which hears edge features but does not renew them.
    """
    local = Hearing(
        graph="edges", score="gatv2", num_heads=num_heads, share="key_value", edge_dim=edge_dim, edges_in="score"
    )
    everyone = Hearing(graph="complete", score="dot", num_heads=num_heads, dropout=dropout)
    block = BlockConfig(
        hears=(local, everyone),
        together="parallel",
        norm="batch",
        placement="post",
        feed_forward=FeedForwardConfig(hidden=2 * hidden, dropout=dropout),
        dropout=dropout,
    )
    embed = EmbedConfig(dim=hidden, features=in_dim, positions=positions)
    return NetworkConfig(
        {"nodes": embed},
        stacked(block, num_layers),
        patterns={"complete": "complete"},
        head=answering(head, out_dim),
    )
