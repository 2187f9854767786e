"""The Transformer: encoder, decoder, and both together, as three graphs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edgewise.layers import FeedForwardConfig
from edgewise.layers.sublayer import Placement
from edgewise.models.combinations import combined
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.hearings import Rotary, layer_and_pattern
from edgewise.models.stacks import Head, answer_to, at_least_one, stacked
from edgewise.models.transformer_block import feed_forward_of, spelled, transformer_block, varied
from edgewise.part import Part

AnyPart = str | Part | Mapping[str, Any]


def encoder(
    tokens: int,
    *,
    characters: int | None = None,
    character_dim: int = 64,
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
    rotary: Rotary = False,
    positions: tuple[AnyPart, ...] = ("sinusoidal",),
    dropout: float = 0.1,
    pattern: str | None = None,
    hears: str = "attention",
    width: int | None = None,
    score: AnyPart = "dot",
    memories: int = 0,
    join: AnyPart = "residual",
    layer_dropout: float = 0.0,
    combination: AnyPart | None = None,
) -> NetworkConfig:
    """Every word hears every word (or what `pattern` says), num_layers times.

    `hears` is how, a word of HEARINGS, or "gru" or "lstm" to read both ways; a convolution hears `width` words, half of
    them to each side.

    `asks` is what answers: "nodes" says `out_dim` numbers of each word, "graph" of each text, "tokens" a logit for each
    token of the vocabulary; or a `head` of your own. Where nothing is asked, the states are the answer.

    Where data bring the `characters` of words (so many different ones), a block of `character_dim` channels lets those
    of a word hear each other, and the word hears them before it hears other words: as Ling et al. 2015 compose words,
    https://arxiv.org/abs/1508.02096, by attention. The node set is "characters", its graphs come with the data.

    hidden=0 leaves out the feed-forward, norm="identity" the norm, score={name = "dot", scale = 1.0} the 1/√d. For deep
    stacks: `memories` stand in for the feed-forward (Sukhbaatar et al. 2019), `join` for the residual (Parisotto et al.
    2019), `layer_dropout` leaves out whole blocks in training (Fan et al. 2019), and `combination` gives each block
    all that was said before (Wang et al. 2019).

    Vaswani et al. 2017, section 3.1, https://arxiv.org/abs/1706.03762; placement="pre" as Xiong et al. 2020;
    norm="rms", gated and rotary as Llama has them, Touvron et al. 2023.
    """
    feed_forward = feed_forward_of(hidden, activation, gated, dropout)
    block = transformer_block(("words",), "nodes", num_heads, feed_forward, placement, dropout, norm)
    block = varied(block, score, memories, join, layer_dropout)
    layer, pattern = layer_and_pattern(hears, block, rotary=rotary, width=width, pattern=pattern, causal=False)
    embed = _embedded(tokens, dim, positions, dropout)
    blocks, inputs = layer * at_least_one(num_layers), {"nodes": embed}
    if characters is not None:
        inputs["characters"] = replace(embed, dim=character_dim, tokens=characters, deviation=character_dim**-0.5)
        blocks = (*spelled(num_heads, character_dim, placement, dropout, norm), *blocks)
    last = norm if placement == "pre" else None
    answer = answer_to(asks, out_dim, head, tokens, tied=True)
    joined = combined(combination, norm, placement)
    return NetworkConfig(inputs, blocks, {"words": pattern}, last, answer, combination=joined)


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
    rotary: Rotary = False,
    positions: tuple[AnyPart, ...] = ("sinusoidal",),
    dropout: float = 0.1,
    pattern: str | None = None,
    hears: str = "attention",
    width: int | None = None,
    score: AnyPart = "dot",
    memories: int = 0,
    join: AnyPart = "residual",
    layer_dropout: float = 0.0,
    combination: AnyPart | None = None,
    tied: bool = True,
) -> NetworkConfig:
    """Every word hears the words before it and itself, num_layers times; logits of the next word.

    `hears` is how, a word of HEARINGS, or "gru" or "lstm"; a convolution hears the last `width` words.
    rotary="attention" turns queries and keys where there are any.

    `asks`, `out_dim`, `head`, and what is for deep stacks, as `encoder` has them; `tied`: logits are by the vectors of
    the tokens.

    Vaswani et al. 2017 without the encoder; as a language model Radford et al. 2018. norm="rms", gated and rotary as
    Llama has them, Touvron et al. 2023.
    """
    feed_forward = feed_forward_of(hidden, activation, gated, dropout)
    block = transformer_block(("words",), "nodes", num_heads, feed_forward, placement, dropout, norm)
    block = varied(block, score, memories, join, layer_dropout)
    layer, pattern = layer_and_pattern(hears, block, rotary=rotary, width=width, pattern=pattern, causal=True)
    inputs, blocks = {"nodes": _embedded(tokens, dim, positions, dropout)}, layer * at_least_one(num_layers)
    last = norm if placement == "pre" else None
    answer = answer_to(asks, out_dim, head, tokens, tied)
    joined = combined(combination, norm, placement)
    return NetworkConfig(inputs, blocks, {"words": pattern}, last, answer, combination=joined)


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


def _embedded(tokens: int, dim: int, positions: tuple[AnyPart, ...], dropout: float) -> EmbedConfig:
    """Vectors of tokens as large as the positions that are added."""
    places = tuple(map(Part.of, positions))
    return EmbedConfig(dim=dim, tokens=tokens, positions=places, scale=True, deviation=dim**-0.5, dropout=dropout)
