"""How the nodes of a sequence hear each other, by one word: what makes a Transformer another model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from edgewise.layers import RECURRENCES, BlockConfig, Hearing, RecurrentConfig
from edgewise.layers.offsets import Reach
from edgewise.models.config import AnyBlock
from edgewise.names import lookup
from edgewise.part import Part

Rotary = bool | Literal["attention"]


def attention(like: Hearing, reach: Reach) -> Hearing:
    """Σ_j softmax_j(q_i · k_j / √D) v_j. Vaswani et al. 2017, https://arxiv.org/abs/1706.03762."""
    return like


def mean(like: Hearing, reach: Reach) -> Hearing:
    """Σ_j v_j / (number heard): everyone counts the same."""
    return replace(like, score="constant", aggregator="mean")


def sum_(like: Hearing, reach: Reach) -> Hearing:
    """Σ_j v_j: how many are heard counts, too."""
    return replace(like, score="constant", aggregator="sum")


def max_(like: Hearing, reach: Reach) -> Hearing:
    """max_j v_j, channel by channel."""
    return replace(like, score="constant", aggregator="max")


def gaussian(like: Hearing, reach: Reach) -> Hearing:
    """Σ_j softmax_j(-(j - i)² / 2σ²) v_j, each head with its σ. Monti et al. 2017, https://arxiv.org/abs/1611.08402."""
    return replace(like, score="constant", edge_bias="gaussian")


def gated_convolution(like: Hearing, reach: Reach) -> Hearing:
    """(Σ_k W_k h_{i+k}) ⊗ σ(Σ_k V_k h_{i+k}), in one head. Gehring et al. 2017, https://arxiv.org/abs/1705.03122."""
    return replace(
        like,
        score="constant",
        aggregator=Part("convolution", {**reach._asdict(), "times": 2}),
        num_heads=1,
        project_value=False,
        project_output=False,
        gate="sigmoid",
    )


def light_convolution(like: Hearing, reach: Reach) -> Hearing:
    """Σ_k softmax_k(w_k) v_{i+k}, each head with its w. Wu et al. 2019, https://arxiv.org/abs/1901.10430."""
    return replace(like, score=Part("light", reach._asdict()), value_gate="sigmoid")


def dynamic_convolution(like: Hearing, reach: Reach) -> Hearing:
    """Σ_k softmax_k((W h_i)_k) v_{i+k}: i says its kernel. Wu et al. 2019, https://arxiv.org/abs/1901.10430."""
    return replace(like, score=Part("dynamic", reach._asdict()), value_gate="sigmoid")


HEARINGS: dict[str, Callable[[Hearing, Reach], Hearing]] = {
    "attention": attention,
    "mean": mean,
    "sum": sum_,
    "max": max_,
    "gaussian": gaussian,
    "gated_convolution": gated_convolution,
    "light_convolution": light_convolution,
    "dynamic_convolution": dynamic_convolution,
}
CONVOLUTIONS = ("gated_convolution", "light_convolution", "dynamic_convolution")


def layer_and_pattern(
    hears: str, block: BlockConfig, *, rotary: Rotary, width: int | None, pattern: str | None, causal: bool
) -> tuple[tuple[AnyBlock, ...], str]:
    """One layer that hears by the word `hears`, with all else as `block` has it, and the pattern along which it does.

    The words are those of HEARINGS and RECURRENCES: a recurrent layer is a block that reads and one that feeds forward.
    `rotary` turns queries and keys; "attention": where there are any. `width` counts the nodes a convolution hears, the
    node itself among them: 7 unless given. `causal`: whether only earlier ones are heard.
    """
    lookup(hears, {**HEARINGS, **RECURRENCES}, "hears")
    lookup(str(rotary), dict.fromkeys(("True", "False", "attention")), "rotary")
    if rotary is True and hears != "attention":
        raise ValueError(f"hears={hears!r}: has no queries and keys, so rotary would be ignored; leave it out")
    if width is not None and hears not in CONVOLUTIONS:
        raise ValueError(f"hears={hears!r}: width would be ignored, it is of {', '.join(CONVOLUTIONS)}; leave it out")
    own = block.hears[0]
    if hears != "attention" and (own.score != "dot" or own.memories):
        raise ValueError(f"hears={hears!r}: score and memories would be ignored, they are of attention; leave them out")
    everyone = "causal" if causal else "complete"
    if hears in RECURRENCES:
        if block.join != "residual" or block.layer_dropout:
            raise ValueError(f"hears={hears!r}: reading has no join and no layer_dropout; leave them out")
        if pattern not in (None, everyone):
            raise ValueError(
                f"hears={hears!r}: reads whole sequences, so pattern must be {everyone!r}, got {pattern!r}"
            )
        reading, feeding = _reading(hears, block, both_ways=not causal), replace(block, hears=())
        return (reading,) if block.feed_forward is None else (reading, feeding), everyone
    reach = _reach(7 if width is None else width, causal)
    like = replace(own, rotary="rotary" if rotary and hears == "attention" else None)
    hearing = HEARINGS[hears](like, reach)
    near = f"window({reach.before}, {reach.after})" if hears in CONVOLUTIONS else everyone
    return (replace(block, hears=(hearing,)),), pattern or near


def _reading(kind: str, block: BlockConfig, both_ways: bool) -> RecurrentConfig:
    return RecurrentConfig(
        kind=kind,
        bidirectional=both_ways,
        graph=block.hears[0].graph,
        nodes=block.nodes,
        norm=block.norm,
        placement=block.placement,
        dropout=block.dropout,
    )


def _reach(width: int, causal: bool) -> Reach:
    """How far a convolution hears that hears so many nodes, the node itself among them."""
    if width < 1 or (width % 2 == 0 and not causal):
        kind = "at least 1" if causal else "odd, as many nodes are heard to each side"
        raise ValueError(f"width: must be {kind}, got {width}; it counts the nodes heard, the node itself among them")
    return Reach(width - 1, 0) if causal else Reach(width // 2, width // 2)
