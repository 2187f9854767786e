"""Graph attention network, second version."""

from dataclasses import replace

from edgewise.models.config import NetworkConfig
from edgewise.models.gat import gat


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
) -> NetworkConfig:
    """α_ij = softmax_j a · LeakyReLU(W_q h_i + W h_j): attention that can rank senders differently for each receiver.

    Brody et al. 2022, https://arxiv.org/abs/2105.14491
    """
    first = gat(
        in_dim,
        out_dim,
        hidden=hidden,
        num_heads=num_heads,
        num_layers=num_layers,
        out_heads=out_heads,
        dropout=dropout,
        edge_dim=edge_dim,
    )
    blocks = tuple(
        replace(
            block, hears=tuple(replace(h, score="gatv2", share="key_value", projection_bias=True) for h in block.hears)
        )
        for block in first.blocks
    )
    return replace(first, blocks=blocks)
