"""Blocks in a row for networks that answer per node, as the citation graph papers stack them."""

from dataclasses import replace

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig


def node_classifier(
    in_dim: int,
    hidden: int,
    out_dim: int,
    num_layers: int,
    hearing: Hearing,
    block: BlockConfig,
    last: Hearing | None = None,
) -> NetworkConfig:
    """num_layers blocks, in_dim -> hidden -> … -> out_dim; the last without activation, dropout or residual.

    The last block's numbers are the answer: there is no embedding and no head. `last` is its hearing, where it differs.
    """
    inner = replace(block, hears=(hearing,), out_dim=hidden, residual=False)
    final = replace(inner, hears=(last or hearing,), out_dim=out_dim, activation=None, dropout=0.0, norm=None)
    embed = EmbedConfig(dim=in_dim, features=in_dim, project=False)
    return NetworkConfig({"nodes": embed}, (*[inner] * (at_least_one(num_layers) - 1), final))


def stacked(block: BlockConfig, num_layers: int) -> tuple[BlockConfig, ...]:
    """The same block, num_layers times."""
    return (block,) * at_least_one(num_layers)


def at_least_one(num_layers: int) -> int:
    """num_layers, refused where there would be none."""
    if num_layers < 1:
        raise ValueError(f"num_layers must be at least 1, got {num_layers}")
    return num_layers
