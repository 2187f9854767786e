"""Graph attention network, second version."""

from dataclasses import replace

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier


def gatv2(
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
    """α_ij = softmax_j a · LeakyReLU(W_q h_i + W h_j): attention that can rank senders differently for each receiver.

    Brody et al. 2022, https://arxiv.org/abs/2105.14491; dropout and stacking as in `gat`.
    """
    hearing = Hearing(
        score="gatv2",
        num_heads=num_heads,
        share="key_value",
        project_output=False,
        self_loops="mean",
        dropout=dropout,
        edge_dim=edge_dim,
        edges_in="score",
    )
    last = replace(hearing, num_heads=out_heads, heads="mean")
    block = BlockConfig(activation="elu", input_dropout=dropout)
    return node_classifier(in_dim, hidden * num_heads, out_dim, num_layers, hearing, block, last, head=head)
