"""Graph Transformer."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import Head, answering, stacked
from edgewise.part import Part


def graph_transformer(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_heads: int = 8,
    num_layers: int = 4,
    norm: str | Part = "batch",
    positions: tuple[str | Part, ...] = (Part("laplacian", {"count": 8}),),
    edge_dim: int | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    head: Head = "nodes",
) -> NetworkConfig:
    """Multi-head dot-product attention over the edges of a sparse graph, Laplacian positions, batch norm after.

    Dwivedi & Bresson 2020, https://arxiv.org/abs/2012.09699. Differs: edge features are added to key and value, and
    edges keep their features from layer to layer; in the paper they multiply the score and are renewed. `input_dropout`
    is of raw features and, as there, of the first states.
    """
    hearing = Hearing(score="dot", num_heads=num_heads, projection_bias=False, edge_dim=edge_dim, dropout=dropout)
    block = BlockConfig(
        hears=(hearing,),
        norm=norm,
        placement="post",
        feed_forward=FeedForwardConfig(hidden=2 * hidden, dropout=dropout),
        dropout=dropout,
    )
    embed = EmbedConfig(
        dim=hidden, features=in_dim, positions=positions, input_dropout=input_dropout, dropout=input_dropout
    )
    return NetworkConfig({"nodes": embed}, stacked(block, num_layers), head=answering(head, out_dim))
