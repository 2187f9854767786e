"""Two projections with a nonlinearity between, node by node."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.layers.activations import ACTIVATIONS
from edgewise.layers.dropout import Dropout
from edgewise.layers.norms import NORMS
from edgewise.names import lookup
from edgewise.part import Part


@dataclass(frozen=True)
class FeedForwardConfig:
    """The widths and the nonlinearity of a feed-forward."""

    hidden: int  # channels between the two projections
    activation: str = "relu"
    gated: bool = False
    bias: bool = True
    dropout: float = 0.0  # on the hidden channels
    norm: str | Part | None = None  # of W₁ x


class FeedForward(nn.Module):
    """W₂ σ(W₁ x), or gated: W₂ (σ(W_g x) ⊙ W₁ x).

    Gated: Shazeer 2020, https://arxiv.org/abs/2002.05202 (Llama's is gated with SiLU).

    >>> import torch
    >>> FeedForward(4, 4, FeedForwardConfig(hidden=8))(torch.ones(3, 4)).shape
    torch.Size([3, 4])
    """

    def __init__(self, in_dim: int, out_dim: int, config: FeedForwardConfig) -> None:
        super().__init__()
        self.activation = lookup(config.activation, ACTIVATIONS, "activation")
        self.widen = nn.Linear(in_dim, config.hidden, bias=config.bias)
        self.gate = nn.Linear(in_dim, config.hidden, bias=config.bias) if config.gated else None
        self.norm = None if config.norm is None else Part.of(config.norm).build(NORMS, "norm", dim=config.hidden)
        self.dropout = Dropout(config.dropout)
        self.narrow = nn.Linear(config.hidden, out_dim, bias=config.bias)

    def forward(self, x: Float[Tensor, "*batch nodes in_dim"]) -> Float[Tensor, "*batch nodes out_dim"]:
        """Every node for itself."""
        return self.widened(self.widen(x), None if self.gate is None else self.gate(x))

    def widened(
        self, hidden: Float[Tensor, "*batch nodes hidden"], gate: Float[Tensor, "*batch nodes hidden"] | None = None
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """What follows the projections to the hidden channels."""
        hidden = hidden if self.norm is None else self.norm(hidden)
        hidden = self.activation(hidden) if gate is None else self.activation(gate) * hidden
        out: Tensor = self.narrow(self.dropout(hidden))
        return out
