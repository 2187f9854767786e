"""GPT-2's shape."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import stacked
from edgewise.part import Part


def gpt2(
    tokens: int = 50257,
    *,
    dim: int = 768,
    num_heads: int = 12,
    num_layers: int = 12,
    hidden: int | None = None,
    max_length: int = 1024,
    norm_eps: float = 1e-5,
    dropout: float = 0.1,
    tied: bool = True,
    pattern: str = "causal",
) -> NetworkConfig:
    """Causal attention, learned positions, layer norm before, GELU in its tanh form, logits tied to the token table.

    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". hidden: 4 dim unless given.
    """
    norm = Part("layer", {"eps": norm_eps})
    block = BlockConfig(
        hears=(Hearing(graph="words", num_heads=num_heads, dropout=dropout),),
        norm=norm,
        feed_forward=FeedForwardConfig(hidden=hidden or 4 * dim, activation="gelu_tanh"),
        dropout=dropout,
    )
    positions = (Part("learned", {"max_length": max_length}),)
    embed = EmbedConfig(dim=dim, tokens=tokens, positions=positions, dropout=dropout)
    head = Part("tokens", {"tokens": tokens, "tied": tied})
    return NetworkConfig({"nodes": embed}, stacked(block, num_layers), {"words": pattern}, norm, head)
