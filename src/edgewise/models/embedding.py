"""From tokens or raw features to the first states of a node set."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.layers.dropout import Dropout
from edgewise.layers.norms import NORMS
from edgewise.layers.positions import NODE_POSITIONS
from edgewise.part import Part


@dataclass(frozen=True)
class EmbedConfig:
    """What comes in, and how it becomes states. Exactly one of `tokens` and `features` is given."""

    dim: int  # channels of a state
    tokens: int | None = None  # size of the vocabulary, where nodes are tokens
    features: int | None = None  # raw features a node has; equal to dim they pass as they are unless `project`
    project: bool = True  # whether raw features are projected
    kinds: int | None = None  # kinds a token can be of (BERT's segments), all of the first unless given
    positions: tuple[str | Part, ...] = ()  # added to the states
    along: str | None = None  # name of the graph that positions are read from; the first heard among these nodes
    scale: bool = False  # token vectors times √dim, as in Vaswani et al. 2017
    deviation: float = 1.0  # of the token vectors that are drawn
    norm: str | Part | None = None  # of the sum
    input_dropout: float = 0.0  # of raw features
    dropout: float = 0.0  # of the states


class Embedding(nn.Module):
    """h_i = dropout(norm(token or projected features + kind + Σ positions)).

    Tokens are int64 [..., N]; raw features float [..., N, F], dropped out before they are projected.
    """

    def __init__(self, config: EmbedConfig) -> None:
        super().__init__()
        if (config.tokens is None) == (config.features is None):
            raise ValueError(
                f"EmbedConfig: give tokens (a vocabulary) or features (a width), got tokens={config.tokens} and "
                f"features={config.features}"
            )
        if config.tokens is None and config.scale:
            raise ValueError("EmbedConfig: scale is of token vectors, and there are no tokens; leave it out")
        if config.tokens is not None and config.input_dropout:
            raise ValueError(
                f"EmbedConfig: input_dropout={config.input_dropout} is of raw features, and there are tokens; "
                "set dropout"
            )
        if config.along is not None and not config.positions:
            raise ValueError(f"EmbedConfig: along={config.along!r} is read by positions, and there are none")
        self.config, D = config, config.dim
        self.tokens = None if config.tokens is None else nn.Embedding(config.tokens, D)
        if self.tokens is not None and config.deviation != 1.0:
            nn.init.normal_(self.tokens.weight, std=config.deviation)
        self.features = None
        if config.features is not None and config.project:
            self.features = nn.Linear(config.features, D)
        elif not config.project and config.features != D:
            raise ValueError(
                f"EmbedConfig: project=False passes features as they are, so features {config.features} must equal "
                f"dim {D}"
            )
        self.kinds = None if config.kinds is None else nn.Embedding(config.kinds, D)
        self.positions = nn.ModuleList(
            Part.of(part).build(NODE_POSITIONS, "node position", dim=D) for part in config.positions
        )
        self.norm = None if config.norm is None else Part.of(config.norm).build(NORMS, "norm", dim=D)
        self.input_dropout, self.dropout = Dropout(config.input_dropout), Dropout(config.dropout)

    def forward(self, x: Shaped[Tensor, "..."], graph: Graph | None, kinds: Tensor | None = None) -> Tensor:
        """First states; `graph` says which place each node has, where positions ask."""
        h = self._looked_up(x)
        if self.kinds is not None:
            h = h + (self.kinds.weight[0] if kinds is None else self._of_kind(kinds, h))
        elif kinds is not None:
            raise ValueError("Network: kinds were given, but the embedding has none; set kinds= in EmbedConfig")
        for position in self.positions:
            if graph is None or graph.num_receivers != h.shape[-2]:
                raise ValueError(
                    f"Network: positions need a graph whose receivers are these {h.shape[-2]} nodes, got "
                    f"{'none' if graph is None else graph}"
                )
            h = h + position(graph).to(h.dtype)
        h = h if self.norm is None else self.norm(h)
        dropped: Tensor = self.dropout(h)
        return dropped

    def _looked_up(self, x: Tensor) -> Tensor:
        if self.tokens is not None:
            _check_numbers("tokens", x, self.tokens.num_embeddings)
            h: Tensor = self.tokens(x)
            return h * math.sqrt(self.config.dim) if self.config.scale else h
        if not x.is_floating_point():
            raise TypeError(f"Network: features must be floating point numbers, got {x.dtype}; x.float() makes them")
        if x.dim() < 2 or x.shape[-1] != self.config.features:
            raise ValueError(f"Network: expected features [..., nodes, {self.config.features}], got {list(x.shape)}")
        x = self.input_dropout(x)
        return x if self.features is None else self.features(x)

    def _of_kind(self, kinds: Tensor, h: Tensor) -> Tensor:
        assert self.kinds is not None
        _check_numbers("kinds", kinds, self.kinds.num_embeddings)
        if kinds.shape != h.shape[:-1]:
            raise ValueError(f"Network: expected a kind for each node, {list(h.shape[:-1])}, got {list(kinds.shape)}")
        vectors: Tensor = self.kinds(kinds)
        return vectors


def _check_numbers(name: str, x: Tensor, count: int) -> None:
    if x.dtype not in (torch.int32, torch.int64) or x.dim() < 1:
        raise TypeError(f"Network: {name} must be int32 or int64 numbers [..., nodes], got {x.dtype} {list(x.shape)}")
    if x.numel() and not (int(x.min()) >= 0 and int(x.max()) < count):
        raise IndexError(f"Network: {name} must be from 0 to {count - 1}, got {int(x.min())} to {int(x.max())}")
