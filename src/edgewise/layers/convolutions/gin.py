"""Graph isomorphism."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import Convolution, EdgeIndex, Nodes, Pair
from edgewise.layers.hearing import Hearing
from edgewise.part import Part


class GINConv(Convolution):
    """h_i' = nn((1 + ε) h_i + Σ_j h_j), ε fixed at `eps` or, with train_eps, learned from there.

    `in_channels` is read off the first module of `nn` that has in_features or in_channels; give it where there is none.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> GINConv(torch.nn.Linear(4, 2), train_eps=True)(torch.randn(3, 4), edge_index).shape
    torch.Size([3, 2])

    Xu et al. 2019, equation 4.1, https://arxiv.org/abs/1810.00826
    """

    def __init__(
        self, nn: Module, eps: float = 0.0, train_eps: bool = False, *, in_channels: int | None = None
    ) -> None:
        hearing = Hearing(
            score="constant",
            aggregator="sum",
            project_value=False,
            project_output=False,
            output_bias=False,
            root=Part("epsilon", {"epsilon": eps, "learned": train_eps}),
        )
        width = _in_channels(nn) if in_channels is None else in_channels
        super().__init__(width, width, hearing)
        self.nn = nn

    def reset_parameters(self) -> None:
        """Draw all weights anew, those of `nn` as well."""
        super().reset_parameters()
        for module in self.nn.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()

    def forward(self, x: Nodes | Pair, edge_index: EdgeIndex | Graph) -> Float[Tensor, "*batch receivers out_channels"]:
        """New states of the receivers."""
        out: Tensor = self.nn(self._hear(x, edge_index))
        return out


def _in_channels(nn: Module) -> int:
    for module in nn.modules():
        for name in ("in_features", "in_channels"):
            if isinstance(width := getattr(module, name, None), int):
                return width
    raise ValueError("GINConv: nn has no module with in_features or in_channels; give in_channels=")
