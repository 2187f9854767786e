"""Graph attention network."""

from dataclasses import replace

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier


def gat(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 8,
    num_heads: int = 8,
    num_layers: int = 2,
    out_heads: int = 1,
    dropout: float = 0.6,
    edge_dim: int | None = None,
    head: Head | None = None,
) -> NetworkConfig:
    """α_ij = softmax_j LeakyReLU(a · [W h_i ‖ W h_j]); heads of `hidden` channels joined, the last layer's averaged.

    Veličković et al. 2018, https://arxiv.org/abs/1710.10903: dropout of features and of edges.
    """
    hearing = Hearing(
        score="additive",
        num_heads=num_heads,
        share="all",
        projection_bias=False,
        project_output=False,
        self_loops="mean",
        dropout=dropout,
        edge_dim=edge_dim,
        edges_in="score",
    )
    last = replace(hearing, num_heads=out_heads, heads="mean")
    block = BlockConfig(activation="elu", input_dropout=dropout)
    return node_classifier(in_dim, hidden * num_heads, out_dim, num_layers, hearing, block, last, head=head)
