"""The Transformer: encoder, decoder, and both together, as three graphs."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.layers.sublayer import Placement
from edgewise.models.combinations import COMBINATIONS
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import Head, answer_to, stacked
from edgewise.part import Part


def encoder(
    tokens: int,
    *,
    out_dim: int | None = None,
    asks: str = "nodes",
    head: Head | None = None,
    dim: int = 512,
    num_heads: int = 8,
    num_layers: int = 6,
    hidden: int = 2048,
    placement: Placement = "post",
    norm: str | Part = "layer",
    activation: str = "relu",
    gated: bool = False,
    rotary: bool = False,
    positions: tuple[str | Part | Mapping[str, Any], ...] = ("sinusoidal",),
    dropout: float = 0.1,
    pattern: str = "complete",
    score: str | Part | Mapping[str, Any] = "dot",
    memories: int = 0,
    join: str | Part | Mapping[str, Any] = "residual",
    layer_dropout: float = 0.0,
    combination: str | Part | Mapping[str, Any] | None = None,
) -> NetworkConfig:
    """Every word hears every word (or what `pattern` says), num_layers times.

    `asks` is what answers: "nodes" says `out_dim` numbers of each word, "graph" of each text, "tokens" a logit for each
    token of the vocabulary; or a `head` of your own. Where nothing is asked, the states are the answer.

    hidden=0 leaves out the feed-forward, norm="identity" the norm, score={name = "dot", scale = 1.0} the 1/√d. For deep
    stacks: `memories` stand in for the feed-forward (Sukhbaatar et al. 2019), `join` for the residual (Parisotto et al.
    2019), `layer_dropout` leaves out whole blocks in training (Fan et al. 2019), and `combination` gives each block
    all that was said before (Wang et al. 2019).

    Vaswani et al. 2017, section 3.1, https://arxiv.org/abs/1706.03762; placement="pre" as Xiong et al. 2020;
    norm="rms", gated and rotary as Llama has them, Touvron et al. 2023.
    """
    feed_forward = feed_forward_of(hidden, activation, gated, dropout)
    block = transformer_block(("words",), "nodes", num_heads, feed_forward, placement, dropout, norm, rotary)
    block = varied(block, score, memories, join, layer_dropout)
    embed = EmbedConfig(
        dim=dim,
        tokens=tokens,
        positions=tuple(map(Part.of, positions)),
        scale=True,
        deviation=dim**-0.5,
        dropout=dropout,
    )
    last = norm if placement == "pre" else None
    answer = answer_to(asks, out_dim, head, tokens, tied=True)
    joined = None if combination is None else combined(combination, norm, placement)
    blocks = stacked(block, num_layers)
    return NetworkConfig({"nodes": embed}, blocks, {"words": pattern}, last, answer, combination=joined)


def decoder(
    tokens: int,
    *,
    out_dim: int | None = None,
    asks: str = "tokens",
    head: Head | None = None,
    dim: int = 512,
    num_heads: int = 8,
    num_layers: int = 6,
    hidden: int = 2048,
    placement: Placement = "pre",
    norm: str | Part = "layer",
    activation: str = "relu",
    gated: bool = False,
    rotary: bool = False,
    positions: tuple[str | Part | Mapping[str, Any], ...] = ("sinusoidal",),
    dropout: float = 0.1,
    pattern: str = "causal",
    tied: bool = True,
    score: str | Part | Mapping[str, Any] = "dot",
    memories: int = 0,
    join: str | Part | Mapping[str, Any] = "residual",
    layer_dropout: float = 0.0,
    combination: str | Part | Mapping[str, Any] | None = None,
) -> NetworkConfig:
    """Every word hears the words before it and itself, num_layers times; logits of the next word.

    `asks`, `out_dim`, `head`, and what is for deep stacks, as `encoder` has them; `tied`: logits are by the vectors of
    the tokens.

    Vaswani et al. 2017 without the encoder; as a language model Radford et al. 2018. norm="rms", gated and rotary as
    Llama has them, Touvron et al. 2023.
    """
    feed_forward = feed_forward_of(hidden, activation, gated, dropout)
    block = transformer_block(("words",), "nodes", num_heads, feed_forward, placement, dropout, norm, rotary)
    block = varied(block, score, memories, join, layer_dropout)
    embed = EmbedConfig(
        dim=dim,
        tokens=tokens,
        positions=tuple(map(Part.of, positions)),
        scale=True,
        deviation=dim**-0.5,
        dropout=dropout,
    )
    last = norm if placement == "pre" else None
    answer = answer_to(asks, out_dim, head, tokens, tied)
    joined = None if combination is None else combined(combination, norm, placement)
    blocks = stacked(block, num_layers)
    return NetworkConfig({"nodes": embed}, blocks, {"words": pattern}, last, answer, combination=joined)


def encoder_decoder(
    source_tokens: int,
    target_tokens: int,
    *,
    dim: int = 512,
    num_heads: int = 8,
    num_layers: int = 6,
    hidden: int = 2048,
    placement: Placement = "post",
    dropout: float = 0.1,
    tied: bool = True,
) -> NetworkConfig:
    """Three graphs: source words hear source words, target words hear earlier target words, and then all of the source.

    Vaswani et al. 2017, https://arxiv.org/abs/1706.03762
    """
    feed_forward = FeedForwardConfig(hidden=hidden, dropout=dropout)
    reading = transformer_block(("source->source",), "source", num_heads, feed_forward, placement, dropout)
    both = ("target->target", "source->target")
    writing = transformer_block(both, "target", num_heads, feed_forward, placement, dropout)
    inputs = {
        name: EmbedConfig(dim=dim, tokens=tokens, positions=("sinusoidal",), scale=True, dropout=dropout)
        for name, tokens in (("source", source_tokens), ("target", target_tokens))
    }
    patterns = {"source->source": "complete", "target->target": "causal", "source->target": "complete"}
    head = Part("tokens", {"tokens": target_tokens, "nodes": "target", "tied": tied})
    norm = "layer" if placement == "pre" else None
    read = replace(reading, closing_norm=norm)  # the states that the target hears
    blocks = (*stacked(reading, num_layers)[:-1], read, *stacked(writing, num_layers))
    return NetworkConfig(inputs, blocks, patterns, norm, head, answers="target")


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


def combined(
    combination: str | Part | Mapping[str, Any], norm: str | Part | Mapping[str, Any], placement: Placement
) -> Part:
    """The combination with the norm and placement of the blocks, where it takes any and does not say otherwise.

    >>> combined("linear", "rms", "pre")
    Part('linear', norm='rms', placement='pre')
    """
    part = Part.of(combination)
    takes = inspect.signature(part.found(COMBINATIONS, "combination")).parameters
    usual = {name: value for name, value in (("norm", norm), ("placement", placement)) if name in takes}
    return Part(part.name, {**usual, **part.options})


def _plain(value: str | Part | Mapping[str, Any]) -> str | Part:
    """A part as a config has it."""
    return value if isinstance(value, str) else Part.of(value)
