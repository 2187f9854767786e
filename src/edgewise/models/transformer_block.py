"""The Transformer's block, and what may be varied in it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.layers.sublayer import Placement
from edgewise.part import Part


def transformer_block(
    graphs: tuple[str, ...],
    nodes: str,
    num_heads: int,
    feed_forward: FeedForwardConfig | None,
    placement: Placement,
    dropout: float,
    norm: str | Part = "layer",
    rotary: bool = False,
) -> BlockConfig:
    """Attention along each graph in turn, then a feed-forward: `torch.nn.TransformerEncoderLayer` with one graph,
    `TransformerDecoderLayer` with two.
    """
    return BlockConfig(
        hears=tuple(
            Hearing(graph=graph, num_heads=num_heads, dropout=dropout, rotary="rotary" if rotary else None)
            for graph in graphs
        ),
        nodes=nodes,
        norm=norm,
        placement=placement,
        feed_forward=feed_forward,
        dropout=dropout,
    )


def varied(
    block: BlockConfig,
    score: str | Part | Mapping[str, Any],
    memories: int,
    join: str | Part | Mapping[str, Any],
    layer_dropout: float,
) -> BlockConfig:
    """The block with another score, memories, join or dropout of its own."""
    hears = tuple(replace(hearing, score=_plain(score), memories=memories) for hearing in block.hears)
    return replace(block, hears=hears, join=_plain(join), layer_dropout=layer_dropout)


def feed_forward_of(hidden: int, activation: str, gated: bool, dropout: float) -> FeedForwardConfig | None:
    """The feed-forward of so many hidden channels; none where there are none."""
    if hidden == 0 and gated:
        raise ValueError("hidden=0 leaves out the feed-forward, so gated=True is of nothing; set one of them alone")
    if hidden == 0:
        return None
    return FeedForwardConfig(hidden=hidden, activation=activation, gated=gated, dropout=dropout)


def spelled(
    num_heads: int, dim: int, placement: Placement, dropout: float, norm: str | Part
) -> tuple[BlockConfig, BlockConfig]:
    """The characters of a word hear each other, and then the word hears them."""
    feed_forward = FeedForwardConfig(hidden=2 * dim, dropout=dropout)
    among = transformer_block(
        ("characters->characters",), "characters", num_heads, feed_forward, placement, dropout, norm
    )
    hearing = Hearing(graph="characters->nodes", num_heads=num_heads, dropout=dropout)
    return among, BlockConfig(hears=(hearing,), norm=norm, placement=placement, dropout=dropout)


def _plain(value: str | Part | Mapping[str, Any]) -> str | Part:
    """A part as a config has it."""
    return value if isinstance(value, str) else Part.of(value)
