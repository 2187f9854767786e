"""Whether a network can say a text step by step: what it makes of a node must stay as it is when more come."""

import torch

from edgewise.layers import Block
from edgewise.layers.positions import LaplacianPositions, RandomWalkPositions, ShortestPathBias
from edgewise.models import Network
from edgewise.models.heads import TokenHead
from edgewise.part import Part
from edgewise.patterns import Pattern

# What is measured on a whole graph, and changes for the first nodes with the last one.
OF_THE_WHOLE = (LaplacianPositions, RandomWalkPositions, ShortestPathBias)


def check_decodable(network: Network, longest: int) -> None:
    """Refuse a network that cannot say texts of up to `longest` nodes step by step as it would all at once.

    Its head says tokens, of its only node set; a pattern that needs nothing but the number of nodes makes each graph;
    nobody hears a later node, and who hears whom stays so when more nodes come; positions and biases are no measures
    of the whole graph; learned positions reach so far.
    """
    if not isinstance(network.head, TokenHead):
        name = "none" if network.config.head is None else Part.of(network.config.head).name
        raise ValueError(
            f"generate: the network's head is {name}, which says no next token; one whose "
            "head is 'tokens' can go on with a text"
        )
    if len(network.config.inputs) > 1:
        raise ValueError(
            f"generate: the network reads {' and '.join(network.config.inputs)}; expected one node set, whose text "
            "goes on"
        )
    if network.training:
        raise ValueError("generate: the network is in training, where states drop out; network.eval() ends that")
    for name in network.graph_names:
        if name not in network.patterns:
            raise ValueError(
                f"generate: the network hears the graph {name!r}, which no pattern makes of a text; name one in the "
                "config's patterns"
            )
        _check_pattern(network.patterns[name], longest)
    _check_positions(network, longest)


def _check_pattern(pattern: Pattern, longest: int) -> None:
    if pattern.needs:
        raise ValueError(
            f"generate: the pattern {pattern} needs {' and '.join(sorted(pattern.needs))}, which nobody knows of a "
            "text that is yet to be said"
        )
    whole = pattern.build(longest).runs
    row = torch.arange(longest).repeat_interleave(whole.offsets.diff())
    ahead = (whole.stop > row + 1).nonzero()
    if len(ahead):
        i, j = int(row[ahead[0]]), int(whole.stop[ahead[0]]) - 1
        raise ValueError(
            f"generate: the pattern {pattern} lets node {i} hear node {j}, which is yet to be said; what hears no "
            f"later nodes, such as causal & ({pattern}), can be said step by step"
        )
    for count in sorted({longest // 2, longest - 1} - {0}):
        part, runs = pattern.build(count).runs, int(whole.offsets[count])
        same = torch.equal(part.offsets, whole.offsets[: count + 1])
        if not (same and torch.equal(part.start, whole.start[:runs]) and torch.equal(part.stop, whole.stop[:runs])):
            raise ValueError(
                f"generate: in the pattern {pattern}, who hears whom among the first {count} nodes is another thing "
                f"among {longest}, so no text can be said in it step by step"
            )


def _check_positions(network: Network, longest: int) -> None:
    (embed,) = network.embed.values()
    positions = list(getattr(embed, "positions", ()))
    layers = [layer for block in network.blocks if isinstance(block, Block) for layer in block.layers]
    for part in (*positions, *(getattr(layer, "edge_bias", None) for layer in layers)):
        if isinstance(part, OF_THE_WHOLE):
            raise ValueError(
                f"generate: {type(part).__name__} is measured on the whole graph, which a text yet to be said has not"
            )
    places: int = min((part.max_length for part in positions if hasattr(part, "max_length")), default=longest)
    if longest > places:
        raise ValueError(
            f"generate: the longest prompt and max_tokens, of which the last is not heard, make {longest} tokens, and "
            f"the network has positions for {places}; shorten the prompt, or lower max_tokens by {longest - places}"
        )
