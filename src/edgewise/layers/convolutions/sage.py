"""GraphSAGE."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import AGGREGATORS, Channels, Convolution, EdgeIndex, Nodes, Pair
from edgewise.layers.hearing import Hearing
from edgewise.layers.norms import UnitNorm
from edgewise.names import lookup
from edgewise.part import Part


class SAGEConv(Convolution):
    """h_i' = U h_i + W ⊕_j h_j + b, ⊕ the mean, maximum or sum of the neighbours, or several of them side by side.

    project: h_j becomes ReLU(W₃ h_j + b₃) before it is aggregated. normalize: h_i' / ‖h_i'‖₂. root_weight=False: no U.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> SAGEConv(4, 2, aggr="max", project=True)(torch.randn(3, 4), edge_index).shape
    torch.Size([3, 2])

    Hamilton et al. 2017, algorithm 1 and equation 3, https://arxiv.org/abs/1706.02216
    Differs from PyG: no LSTM aggregation, which depends on the order of edges.
    """

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        aggr: str | Sequence[str] = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        project: bool = False,
        bias: bool = True,
    ) -> None:
        width = in_channels if isinstance(in_channels, int) else in_channels[0]
        hearing = Hearing(
            score="constant",
            aggregator=_aggregator(aggr),
            head_dim=width if project else None,
            project_value=project,
            value_activation="relu" if project else None,
            output_bias=bias,
            root="linear" if root_weight else None,
        )
        settings = {"aggr": aggr, "normalize": normalize, "root_weight": root_weight, "project": project}
        super().__init__(in_channels, out_channels, hearing, **settings)
        self.norm = UnitNorm(out_channels) if normalize else None

    def forward(self, x: Nodes | Pair, edge_index: EdgeIndex | Graph) -> Float[Tensor, "*batch receivers out_channels"]:
        """New states of the receivers."""
        out = self._hear(x, edge_index)
        return out if self.norm is None else self.norm(out)


def _aggregator(aggr: str | Sequence[str]) -> Part:
    if isinstance(aggr, str):
        return Part(lookup(aggr, AGGREGATORS, "aggr"))
    return Part("several", {"of": [lookup(name, AGGREGATORS, "aggr") for name in aggr]})
