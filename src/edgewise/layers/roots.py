"""How a node's own state enters what it has heard.

Your own root is a module with a forward(x, heard); name it in a recipe by its import path.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class LinearRoot(nn.Module):
    """m_i + U h_i: a projection of its own, as in h_i' = σ(U h_i + Σ_j V h_j). m_i is what i has heard."""

    def __init__(self, in_dim: int, out_dim: int, bias: bool = False) -> None:
        super().__init__()
        self.project = nn.Linear(in_dim, out_dim, bias=bias)

    def forward(
        self, x: Float[Tensor, "*batch nodes in_dim"], heard: Float[Tensor, "*batch nodes out_dim"]
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """The projected state added."""
        own: Tensor = self.project(x)
        return heard + own


class GatedRoot(LinearRoot):
    """β_i U h_i + (1 - β_i) m_i, with β_i = σ(w · [m_i ‖ U h_i ‖ m_i - U h_i]): what is heard, and how much of it.

    UniMP, Shi et al. 2021, section 3.1, https://arxiv.org/abs/2009.03509
    """

    def __init__(self, in_dim: int, out_dim: int, bias: bool = False) -> None:
        super().__init__(in_dim, out_dim, bias)
        self.gate = nn.Linear(3 * out_dim, 1, bias=False)

    def forward(
        self, x: Float[Tensor, "*batch nodes in_dim"], heard: Float[Tensor, "*batch nodes out_dim"]
    ) -> Float[Tensor, "*batch nodes out_dim"]:
        """Between the projected state and what was heard."""
        own = self.project(x)
        share = self.gate(torch.cat([heard, own, heard - own], dim=-1)).sigmoid()
        mixed: Tensor = share * own + (1 - share) * heard
        return mixed


class EpsilonRoot(nn.Module):
    """m_i + (1 + ε) h_i, with ε learned or fixed: the node counts itself a little differently from its neighbours.

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

    def forward(
        self, x: Float[Tensor, "*batch nodes dim"], heard: Float[Tensor, "*batch nodes dim"]
    ) -> Float[Tensor, "*batch nodes dim"]:
        """The scaled state added."""
        return heard + (1 + self.epsilon) * x


ROOTS: dict[str, type[nn.Module]] = {"linear": LinearRoot, "gated": GatedRoot, "epsilon": EpsilonRoot}
