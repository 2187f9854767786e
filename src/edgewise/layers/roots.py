"""How a node's own state enters what it has heard."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LinearRoot(nn.Module):
    """U h_i: a projection of its own, as in h_i' = σ(U h_i + Σ_j V h_j)."""

    def __init__(self, in_dim: int, out_dim: int, bias: bool = False) -> None:
        super().__init__()
        self.project = nn.Linear(in_dim, out_dim, bias=bias)

    def forward(self, x: Float[Tensor, "*batch nodes in_dim"]) -> Float[Tensor, "*batch nodes out_dim"]:
        """The projected state."""
        projected: Tensor = self.project(x)
        return projected


class EpsilonRoot(nn.Module):
    """(1 + ε) h_i, with ε learned or fixed: the node counts itself a little differently from its neighbours.

    GIN, Xu et al. 2019, equation 4.1, https://arxiv.org/abs/1810.00826
    """

    def __init__(self, in_dim: int, out_dim: int, epsilon: float = 0.0, learned: bool = True) -> None:
        super().__init__()
        if in_dim != out_dim:
            raise ValueError(f"epsilon: adds the state itself, so in_dim {in_dim} and out_dim {out_dim} must be equal")
        value = torch.tensor([epsilon])
        self.epsilon: Tensor
        if learned:
            self.epsilon = nn.Parameter(value)
        else:
            self.register_buffer("epsilon", value)

    def forward(self, x: Float[Tensor, "*batch nodes dim"]) -> Float[Tensor, "*batch nodes dim"]:
        """The scaled state."""
        return (1 + self.epsilon) * x


ROOTS: dict[str, type[nn.Module]] = {"linear": LinearRoot, "epsilon": EpsilonRoot}
