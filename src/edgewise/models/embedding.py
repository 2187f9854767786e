"""From tokens or raw features to the first states of a node set."""

import math
from dataclasses import dataclass

from jaxtyping import Shaped
from torch import Tensor, nn

from edgewise.graph import Graph
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
    scale: bool = False  # token vectors times √dim, as in Vaswani et al. 2017
    norm: str | Part | None = None  # of the sum
    dropout: float = 0.0


class Embedding(nn.Module):
    """h_i = dropout(norm(token or projected features + kind + Σ positions)).

    Tokens are int64 [..., N]; raw features float [..., N, F].
    """

    def __init__(self, config: EmbedConfig) -> None:
        super().__init__()
        if (config.tokens is None) == (config.features is None):
            raise ValueError(
                f"EmbedConfig: give tokens (a vocabulary) or features (a width), got tokens={config.tokens} and "
                f"features={config.features}"
            )
        self.config, D = config, config.dim
        self.tokens = None if config.tokens is None else nn.Embedding(config.tokens, D)
        self.features = None
        if config.features is not None and config.project:
            self.features = nn.Linear(config.features, D)
        elif config.features is not None and config.features != D:
            raise ValueError(
                f"EmbedConfig: features pass as they are, so features {config.features} must equal dim {D}"
            )
        self.kinds = None if config.kinds is None else nn.Embedding(config.kinds, D)
        self.positions = nn.ModuleList(
            Part.of(part).build(NODE_POSITIONS, "node position", dim=D) for part in config.positions
        )
        self.norm = None if config.norm is None else Part.of(config.norm).build(NORMS, "norm", dim=D)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Shaped[Tensor, "..."], graph: Graph | None, kinds: Tensor | None = None) -> Tensor:
        """First states; `graph` says which place each node has, where positions ask."""
        h = self._looked_up(x)
        if self.kinds is not None:
            h = h + (self.kinds.weight[0] if kinds is None else self.kinds(kinds))
        elif kinds is not None:
            raise ValueError("Network: kinds were given, but the embedding has none; set kinds= in EmbedConfig")
        for position in self.positions:
            if graph is None:
                raise ValueError("Network: positions need a graph whose receivers are these nodes, and none was given")
            h = h + position(graph)
        h = h if self.norm is None else self.norm(h)
        dropped: Tensor = self.dropout(h)
        return dropped

    def _looked_up(self, x: Tensor) -> Tensor:
        if self.tokens is not None:
            if x.is_floating_point() or x.dim() < 1:
                raise TypeError(
                    f"Network: expected token numbers [..., nodes] of an integer dtype, got {x.dtype} {list(x.shape)}"
                )
            if x.numel() and not (int(x.min()) >= 0 and int(x.max()) < self.tokens.num_embeddings):
                raise IndexError(
                    f"Network: tokens must be from 0 to {self.tokens.num_embeddings - 1}, got {int(x.min())} to {int(x.max())}"
                )
            h: Tensor = self.tokens(x)
            return h * math.sqrt(self.config.dim) if self.config.scale else h
        if x.dim() < 2 or x.shape[-1] != self.config.features:
            raise ValueError(f"Network: expected features [..., nodes, {self.config.features}], got {list(x.shape)}")
        return x if self.features is None else self.features(x)
