"""Graph convolution."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import Convolution, EdgeIndex
from edgewise.layers.hearing import Hearing
from edgewise.part import Part


class GCNConv(Convolution):
    """h_i' = Σ_j w_ij / √(d_i d_j) W h_j + b, over the neighbours and the node itself; d_i = Σ_j w_ij.

    Every edge counts w_ij = 1 unless `edge_weight` is given; a self-loop that is added counts 1.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> GCNConv(4, 2)(torch.randn(3, 4), edge_index).shape
    torch.Size([3, 2])

    Kipf & Welling 2017, https://arxiv.org/abs/1609.02907
    Differs from PyG: always normalised; no `cached`, for the graph remembers its degrees; no `improved`. A node whose
    weights sum up to less than 0 counts as if it heard nobody, where PyG's gives NaN.
    """

    def __init__(self, in_channels: int, out_channels: int, *, add_self_loops: bool = True, bias: bool = True) -> None:
        hearing = Hearing(
            score=Part("symmetric", {"weights": "optional"}),
            aggregator="sum",
            head_dim=out_channels,
            projection_bias=False,
            project_output=False,
            output_bias=bias,
            edge_dim=1,
            self_loops="ones" if add_self_loops else "none",
        )
        # What PyG's other arguments would be, so that a convolution of theirs can be compared with this one.
        settings = {"improved": False, "add_self_loops": add_self_loops, "normalize": True}
        super().__init__(in_channels, out_channels, hearing, **settings)

    def forward(
        self,
        x: Float[Tensor, "*batch nodes in_channels"],
        edge_index: EdgeIndex | Graph,
        edge_weight: Float[Tensor, "edges"] | None = None,
    ) -> Float[Tensor, "*batch nodes out_channels"]:
        """New states of the nodes."""
        if not isinstance(x, Tensor):
            raise TypeError("GCNConv: x must be one tensor; between two node sets take SAGEConv, or the MessagePassing")
        return self._hear(x, edge_index, edge_weight)
