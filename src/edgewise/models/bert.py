"""BERT's shape."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import stacked
from edgewise.part import Part


def bert(
    tokens: int = 30522,
    *,
    dim: int = 768,
    num_heads: int = 12,
    num_layers: int = 12,
    hidden: int | None = None,
    max_length: int = 512,
    kinds: int = 2,
    norm_eps: float = 1e-12,
    dropout: float = 0.1,
    pattern: str = "complete",
    head: Part | None = None,
) -> NetworkConfig:
    """Complete attention, learned positions and kinds, layer norm after each step and after the embedding, GELU.

    Devlin et al. 2019, https://arxiv.org/abs/1810.04805. hidden: 4 dim unless given. Without a head it answers with
    the states of all words.
    """
    norm = Part("layer", {"eps": norm_eps})
    block = BlockConfig(
        hears=(Hearing(graph="words", num_heads=num_heads, dropout=dropout),),
        norm=norm,
        placement="post",
        feed_forward=FeedForwardConfig(hidden=hidden or 4 * dim, activation="gelu"),
        dropout=dropout,
    )
    positions = (Part("learned", {"max_length": max_length}),)
    embed = EmbedConfig(dim=dim, tokens=tokens, kinds=kinds, positions=positions, norm=norm, dropout=dropout)
    return NetworkConfig({"nodes": embed}, stacked(block, num_layers), {"words": pattern}, head=head)
