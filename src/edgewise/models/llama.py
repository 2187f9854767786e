"""Llama's shape."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import stacked
from edgewise.part import Part


def llama(
    tokens: int = 32000,
    *,
    dim: int = 4096,
    num_heads: int = 32,
    num_key_value_heads: int | None = None,
    head_dim: int | None = None,
    num_layers: int = 32,
    hidden: int = 11008,
    rotary_base: float = 10000.0,
    norm_eps: float = 1e-6,
    tied: bool = False,
    pattern: str = "causal",
) -> NetworkConfig:
    """Causal attention with rotary positions, fewer key than query heads, RMS norm before, gated SiLU, no biases.

    Touvron et al. 2023, https://arxiv.org/abs/2302.13971
    """
    norm = Part("rms", {"eps": norm_eps})
    hearing = Hearing(
        graph="words",
        num_heads=num_heads,
        num_key_value_heads=num_key_value_heads,
        head_dim=head_dim,
        projection_bias=False,
        output_bias=False,
        rotary=Part("rotary", {"base": rotary_base}),
    )
    block = BlockConfig(
        hears=(hearing,),
        norm=norm,
        feed_forward=FeedForwardConfig(hidden=hidden, activation="silu", gated=True, bias=False),
    )
    head = Part("tokens", {"tokens": tokens, "tied": tied})
    return NetworkConfig(
        {"nodes": EmbedConfig(dim=dim, tokens=tokens)}, stacked(block, num_layers), {"words": pattern}, norm, head
    )
