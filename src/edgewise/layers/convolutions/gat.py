"""Graph attention."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import (
    Channels,
    Convolution,
    EdgeFeatures,
    EdgeIndex,
    Nodes,
    Pair,
    new_self_loops,
)
from edgewise.layers.hearing import Hearing
from edgewise.part import Part


class GATConv(Convolution):
    """h_i' = ‖_h Σ_j α_ij W h_j + b, α_ij = softmax_j LeakyReLU(a_q · W h_i + a_k · W h_j + a_e · W_e e_ij).

    ‖_h joins the heads, each of `out_channels`; concat=False takes their mean. Self-loops are made anew and carry the
    mean features of what a node hears from others. With a pair of in_channels, receivers have a W of their own.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> GATConv(4, 2, heads=3, edge_dim=5)(torch.randn(3, 4), edge_index, torch.randn(2, 5)).shape
    torch.Size([3, 6])

    Veličković et al. 2018, https://arxiv.org/abs/1710.10903
    Differs from PyG: dropout draws other edges; edge features must be given iff there is an edge_dim.
    """

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        edge_dim: int | None = None,
        fill_value: str = "mean",
        bias: bool = True,
        residual: bool = False,
    ) -> None:
        hearing = Hearing(
            score=Part("additive", {"negative_slope": negative_slope}),
            num_heads=heads,
            head_dim=out_channels,
            heads="concat" if concat else "mean",
            share="all" if isinstance(in_channels, int) else "key_value",
            projection_bias=False,
            project_output=False,
            output_bias=bias,
            root="linear" if residual else None,
            edge_dim=edge_dim,
            edges_in="score",
            self_loops=new_self_loops(add_self_loops, fill_value, "GATConv"),
            dropout=dropout,
        )
        super().__init__(
            in_channels,
            out_channels,
            hearing,
            heads=heads,
            concat=concat,
            negative_slope=negative_slope,
            dropout=dropout,
            add_self_loops=add_self_loops,
            edge_dim=edge_dim,
            fill_value=fill_value,
            residual=residual,
        )

    def forward(
        self,
        x: Nodes | Pair,
        edge_index: EdgeIndex | Graph,
        edge_attr: EdgeFeatures | None = None,
    ) -> Float[Tensor, "*batch receivers width"]:
        """New states of the receivers."""
        return self._hear(x, edge_index, edge_attr)
