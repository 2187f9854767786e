"""What layers do with a batch: how spread their logits are, how wide they listen, how large their states get."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module

from edgewise.data import Batch
from edgewise.graph import Graph
from edgewise.kernels import segments
from edgewise.layers import Block, Loudness, State
from edgewise.models import Network

UNKNOWN = float("nan")


class LayerFigures(NamedTuple):
    """What one hearing of one layer does with a batch after an epoch."""

    epoch: int  # 0: before the first
    layer: int  # number of the block, from 0
    graph: str  # the name of the graph that is heard
    logit_spread: float  # standard deviation of a receiver's logits, the mean over heads and receivers
    entropy: float  # -Σ_j a_ij ln a_ij / ln(senders of i), likewise: 1 where all are heard alike, 0 where one alone is
    norm: float  # √(mean of h²) of the states that the block gives, the mean over nodes


def check_layer_figures(network: Module) -> None:
    """Refuse a network without layers to look into."""
    if not (
        isinstance(network, Network) and any(isinstance(block, Block) and block.layers for block in network.blocks)
    ):
        raise ValueError(
            "training: layer_figures are of a network whose blocks hear along graphs, got"
            f" {type(network).__name__} without such blocks; leave layer_figures out"
        )


@torch.no_grad()
def layer_figures(network: Network, batch: Batch, epoch: int = 0) -> list[LayerFigures]:
    """The figures of every hearing, in eval mode; over receivers that hear two senders and more.

    NaN where there are no logits (a sum, a mean), or no weights of them (an aggregator that does not normalise).

    Vaswani et al. 2017, section 3.2.1, on what 1/√d is for, https://arxiv.org/abs/1706.03762; Xiong et al. 2020 on the
    size of states, https://arxiv.org/abs/2002.04745; Zhai et al. 2023 on what falling entropy warns of,
    https://arxiv.org/abs/2303.06296
    """
    heard: dict[Module, tuple[Loudness, Graph]] = {}
    norms: dict[int, float] = {}

    def note(aggregator: Module, given: tuple[Any, ...]) -> None:
        heard[aggregator] = given[1:3]

    def size(n: int, state: State) -> None:
        block = network.blocks[n]
        if isinstance(block, Block):
            norms[n] = float(state.nodes[block.config.nodes].float().square().mean(-1).sqrt().mean())

    layers = [
        (n, layer) for n, block in enumerate(network.blocks) if isinstance(block, Block) for layer in block.layers
    ]
    hooks = [layer.aggregator.register_forward_pre_hook(note) for _, layer in layers]
    learning = network.training
    try:
        network.eval().run(batch.graphs, batch.features, edges=batch.edges, watch=size)
    finally:
        network.train(learning)
        for hook in hooks:
            hook.remove()
    lines = []
    for n, layer in layers:
        spread, entropy = _of_logits(*heard[layer.aggregator], layer.aggregator.normalises)
        lines.append(LayerFigures(epoch, n, layer.hearing.graph, spread, entropy, norms[n]))
    return lines


def _of_logits(loudness: Loudness, graph: Graph, normalises: bool) -> tuple[float, float]:
    """The spread of the logits and the entropy of the weights."""
    logits, several = loudness.logits(graph), graph.degree() > 1
    if logits is None or not bool(several.any()):
        return UNKNOWN, UNKNOWN
    logits = logits.float().reshape(-1, *logits.shape[-2:]).movedim(0, 1).flatten(1)  # [edges, all heads]
    count = graph.degree()[:, None]
    off = logits - segments.gather_receivers(segments.segment_sum(logits, graph) / count.clamp(min=1), graph)
    spread = _mean((segments.segment_sum(off.square(), graph) / count).sqrt(), several)
    if not normalises:
        return spread, UNKNOWN
    weights = segments.segment_softmax(logits, graph)
    entropy = segments.segment_sum(-torch.xlogy(weights, weights), graph)
    return spread, _mean(entropy / count.log(), several)


def _mean(x: Tensor, several: Tensor) -> float:
    return float(x[several].mean())
