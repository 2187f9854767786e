"""How what a sub-layer says joins the state: added, or let in by a gate.

The gates are GTrXL's, which begin near the identity so that a deep stack trains from its first step: Parisotto et al.
2019, section 3.2, https://arxiv.org/abs/1910.06764. Differs: y is taken as it is; the paper's relu(y) is the option
`activation="relu"`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.layers.activations import ACTIVATIONS
from edgewise.names import lookup


class Join(nn.Module):
    """g(x, σ(y)) of the state x and what the sub-layer says of it, y. There is no σ unless it is named.

    Your own join is a subclass that defines `joined`; name it in a recipe by its import path.
    """

    def __init__(self, dim: int, activation: str | None = None) -> None:
        super().__init__()
        self.activation = None if activation is None else lookup(activation, ACTIVATIONS, "activation")

    def forward(
        self, x: Float[Tensor, "*batch nodes dim"], y: Float[Tensor, "*batch nodes dim"]
    ) -> Float[Tensor, "*batch nodes dim"]:
        """The new state."""
        return self.joined(x, y if self.activation is None else self.activation(y))

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """g(x, y)."""
        raise NotImplementedError(f"{type(self).__name__}: defines joined(x, y)")


class Residual(Join):
    """x + y. He et al. 2016, https://arxiv.org/abs/1512.03385"""

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum."""
        return x + y


class Input(Join):
    """σ(W x) ⊙ x + y."""

    def __init__(self, dim: int, activation: str | None = None) -> None:
        super().__init__(dim, activation)
        self.gate = nn.Linear(dim, dim, bias=False)

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """The state is gated, and what is said added."""
        return torch.sigmoid(self.gate(x)) * x + y


class _Biased(Join):
    """A gate with a learned bias b, a number a channel, that begins at `bias`: the larger, the nearer the identity."""

    def __init__(self, dim: int, activation: str | None = None, bias: float = 2.0) -> None:
        super().__init__(dim, activation)
        self.gate = nn.Linear(dim, dim, bias=False)
        self.bias = nn.Parameter(torch.full((dim,), float(bias)))


class Output(_Biased):
    """x + σ(W x − b) ⊙ y."""

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """The state says how much of y it takes."""
        return x + torch.sigmoid(self.gate(x) - self.bias) * y


class Highway(_Biased):
    """σ(W x + b) ⊙ x + (1 − σ(W x + b)) ⊙ y. Srivastava et al. 2015, https://arxiv.org/abs/1505.00387"""

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """What is let in takes the state's place."""
        kept = torch.sigmoid(self.gate(x) + self.bias)
        return kept * x + (1 - kept) * y


class SigmoidTanh(_Biased):
    """x + σ(W y − b) ⊙ tanh(U y)."""

    def __init__(self, dim: int, activation: str | None = None, bias: float = 2.0) -> None:
        super().__init__(dim, activation, bias)
        self.value = nn.Linear(dim, dim, bias=False)

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """What is said says how much of it is let in."""
        return x + torch.sigmoid(self.gate(y) - self.bias) * torch.tanh(self.value(y))


class GRU(Join):
    """(1 − z) ⊙ x + z ⊙ tanh(W_g y + U_g (r ⊙ x)), z = σ(W_z y + U_z x − b), r = σ(W_r y + U_r x).

    b is a number a channel, learned from `bias` on: at 2, as the paper has it, a block begins by keeping most of x.
    """

    def __init__(self, dim: int, activation: str | None = None, bias: float = 2.0) -> None:
        super().__init__(dim, activation)
        self.from_result = nn.Linear(dim, 3 * dim, bias=False)  # W_r, W_z, W_g
        self.from_state = nn.Linear(dim, 2 * dim, bias=False)  # U_r, U_z
        self.from_reset = nn.Linear(dim, dim, bias=False)  # U_g
        self.bias = nn.Parameter(torch.full((dim,), float(bias)))

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """A gated recurrent unit whose time is depth."""
        r, z, g = self.from_result(y).chunk(3, dim=-1)
        own_r, own_z = self.from_state(x).chunk(2, dim=-1)
        new = torch.tanh(g + self.from_reset(torch.sigmoid(r + own_r) * x))
        taken = torch.sigmoid(z + own_z - self.bias)
        return (1 - taken) * x + taken * new


JOINS: dict[str, type[Join]] = {
    "residual": Residual,
    "input": Input,
    "output": Output,
    "highway": Highway,
    "sigmoid_tanh": SigmoidTanh,
    "gru": GRU,
}
