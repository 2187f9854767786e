"""A block: message passing over the graphs it names, then a feed-forward, each with residual and norm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.choices import check_choices
from edgewise.layers.feed_forward import FeedForward, FeedForwardConfig
from edgewise.layers.hearing import Hearing
from edgewise.layers.message_passing import MessagePassing
from edgewise.layers.norms import NORMS
from edgewise.layers.past import Past
from edgewise.layers.state import NODES, State, named, node_sets
from edgewise.layers.sublayer import Placement, Sublayer
from edgewise.names import lookup
from edgewise.part import Part


@dataclass(frozen=True)
class BlockConfig:
    """What a block hears, and what it does with it."""

    hears: tuple[Hearing, ...] = (Hearing(),)
    nodes: str = NODES  # the node set whose states are renewed
    together: Literal["turn", "parallel"] = "turn"  # one after another, or side by side and summed
    out_dim: int | None = None  # channels after the hearing; as before if not given
    norm: str | Part | None = None
    placement: Placement = "pre"
    residual: bool = True
    join: str | Part = "residual"  # how what a sub-layer says joins the state, where there is a residual
    activation: str | None = None  # after the hearing, as in h' = σ(...)
    feed_forward: FeedForwardConfig | None = None
    feed_forward_dim: int | None = None  # channels after the feed-forward; as before it if not given
    closing_norm: str | Part | None = None  # of what the block gives, where a stack of pre-norm blocks ends
    input_dropout: float = 0.0  # of the states before the hearing
    dropout: float = 0.0  # of what a sub-layer adds
    layer_dropout: float = 0.0  # probability that a training step leaves the whole block out

    def __post_init__(self) -> None:
        check_choices(self)
        if not self.hears and self.out_dim is not None:
            raise ValueError(f"BlockConfig: out_dim={self.out_dim} is of the hearing, and nothing is heard")
        if self.feed_forward is None and self.feed_forward_dim is not None:
            raise ValueError(f"BlockConfig: feed_forward_dim={self.feed_forward_dim} needs a feed_forward")
        if self.norm is None and self.placement == "post":
            raise ValueError("BlockConfig: placement='post' places a norm, and there is none; set norm=")
        if not 0 <= self.layer_dropout < 1:
            raise ValueError(f"BlockConfig: layer_dropout must be at least 0 and below 1, got {self.layer_dropout}")
        if self.layer_dropout > 0 and not self.residual:
            raise ValueError(
                f"BlockConfig: layer_dropout={self.layer_dropout} leaves the state as it was, which only a block with "
                "a residual may; set residual=True"
            )


class Block(nn.Module):
    """turn: x <- x + hear_1(x), x <- x + hear_2(x), …;  parallel: x <- Σ_n (x + hear_n(x));  then x <- x + feed(x).

    Each with its norm before or after (see Sublayer). In turn with a causal graph and one from another node set it is
    the Transformer decoder's layer; in parallel with an edge list and the complete graph it is GPS's.

    A training step leaves the whole block out, x <- x, with probability `layer_dropout`, by one draw of PyTorch's CPU
    generator for all nodes. What is left is not rescaled, in training or after, as in LayerDrop, Fan et al. 2019,
    https://arxiv.org/abs/1909.11556; stochastic depth, Huang et al. 2016, scales by the probability of staying instead.

    >>> import torch
    >>> graph = Graph.from_edges(torch.tensor([0]), torch.tensor([1]), num_senders=2)
    >>> block = Block(8, BlockConfig(norm="layer", feed_forward=FeedForwardConfig(hidden=16)))
    >>> block(torch.randn(2, 8), graph).shape
    torch.Size([2, 8])
    """

    def __init__(self, in_dim: int, config: BlockConfig, dims: Mapping[str, int] | None = None) -> None:
        """`dims`: channels of the other node sets that are heard, by name."""
        super().__init__()
        self.config = config
        out_dim = config.out_dim or in_dim
        hearings: list[MessagePassing] = []
        around: list[Sublayer] = []
        width = in_dim
        for hearing in config.hears:
            senders, receivers = node_sets(hearing.graph)
            if receivers != config.nodes:
                raise ValueError(
                    f"Block: renews the node set {config.nodes!r} but hears along {hearing.graph!r}, whose receivers "
                    f"are {receivers!r}"
                )
            sender_dim = width if senders == config.nodes else lookup(senders, dims or {}, "node set")
            hearings.append(MessagePassing(width, out_dim, hearing, sender_dim))
            around.append(_around(width, out_dim, config))
            width = out_dim if config.together == "turn" else width
        self.hearings, self.around = nn.ModuleList(hearings), nn.ModuleList(around)
        self.activation = None if config.activation is None else lookup(config.activation, ACTIVATIONS, "activation")
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.out_dim = out_dim
        self.feed_forward, self.around_feed_forward = None, None
        if config.feed_forward is not None:
            before, self.out_dim = self.out_dim, config.feed_forward_dim or self.out_dim
            self.feed_forward = FeedForward(before, self.out_dim, config.feed_forward)
            self.around_feed_forward = _around(before, self.out_dim, config)
        self.closing_norm = None
        if config.closing_norm is not None:
            self.closing_norm = Part.of(config.closing_norm).build(NORMS, "norm", dim=self.out_dim)

    @property
    def layers(self) -> list[MessagePassing]:
        """The message passing of each hearing, in their order."""
        return [layer for layer in self.hearings if isinstance(layer, MessagePassing)]

    def forward(
        self, x: Float[Tensor, "*batch nodes in_dim"], graphs: Graph | Mapping[str, Graph]
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """New states of one node set along one graph, or along graphs by name."""
        if isinstance(graphs, Graph):
            names = {hearing.graph for hearing in self.config.hears}
            if len(names) > 1:
                raise ValueError(f"Block: hears {', '.join(sorted(names))}; give the graphs by name, got one alone")
            graphs = dict.fromkeys(names, graphs)
        return self.step(State({self.config.nodes: x}), graphs)[0].nodes[self.config.nodes]

    def step(
        self, state: State, graphs: Mapping[str, Graph], pasts: Sequence[Past | None] | None = None
    ) -> tuple[State, list[Past]]:
        """The state with this block's node set renewed, and what each hearing leaves to be heard later."""
        name = self.config.nodes
        pasts = [None] * len(self.hearings) if pasts is None else pasts
        if len(pasts) != len(self.hearings):
            raise ValueError(f"Block: {len(pasts)} pasts were given for {len(self.hearings)} hearings")
        if self._left_out():
            x = state.nodes[name]
            unheard = [self._unheard(n, x, state, graphs, past) for n, past in enumerate(pasts)]
            return state.with_nodes(name, x if self.closing_norm is None else self.closing_norm(x)), unheard
        x = self.input_dropout(state.nodes[name])
        kept: list[Past] = []
        heard: list[Tensor] = []
        for n, past in enumerate(pasts):
            result, keeps = self._hear(n, x, state, graphs, past)
            kept.append(keeps)
            if self.config.together == "turn":
                x = result
            else:
                heard.append(result)
        x = sum(heard[1:], heard[0]) if heard else x
        if self.activation is not None:
            x = self.activation(x)
        if self.feed_forward is not None and self.around_feed_forward is not None:
            x = self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))
        x = x if self.closing_norm is None else self.closing_norm(x)
        return state.with_nodes(name, x), kept

    def _left_out(self) -> bool:
        """Whether this step goes without the block."""
        p = self.config.layer_dropout
        return self.training and p > 0 and float(torch.rand(())) < p

    def _unheard(self, n: int, x: Tensor, state: State, graphs: Mapping[str, Graph], past: Past | None) -> Past:
        """What a hearing leaves where it is left out itself: it may be heard in a later step."""
        layer, around = self.layers[n], self.around[n]
        assert isinstance(around, Sublayer)
        senders = node_sets(layer.hearing.graph)[0]
        others = None if senders == self.config.nodes else state.nodes[senders]
        return layer.keep(around.before(x), named(graphs, layer.hearing.graph), senders=others, past=past)

    def _hear(
        self, n: int, x: Tensor, state: State, graphs: Mapping[str, Graph], past: Past | None
    ) -> tuple[Tensor, Past]:
        layer, around = self.layers[n], self.around[n]
        assert isinstance(around, Sublayer)
        hearing = layer.hearing
        senders = node_sets(hearing.graph)[0]
        result, keeps = layer.hear(
            around.before(x),
            named(graphs, hearing.graph),
            senders=None if senders == self.config.nodes else state.nodes[senders],
            edges=None if hearing.edge_dim is None else state.edges.get(hearing.graph),
            past=past,
            along=None if layer.along is None else named(graphs, layer.along),
        )
        return around.after(x, result), keeps


def _around(in_dim: int, out_dim: int, config: BlockConfig) -> Sublayer:
    """What stands around each step of the block."""
    return Sublayer(in_dim, out_dim, config.norm, config.placement, config.residual, config.dropout, join=config.join)
