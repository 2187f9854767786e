"""Gaussian mixtures over where a neighbour stands."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import (
    AGGREGATORS,
    Channels,
    Convolution,
    EdgeFeatures,
    EdgeIndex,
    Nodes,
    Pair,
)
from edgewise.layers.hearing import Hearing
from edgewise.names import lookup
from edgewise.part import Part


class GMMConv(Convolution):
    """h_i' = U h_i + (1/|N_i|) Σ_j Σ_k w_k(u_ij) W_k h_j + b, w_k(u) = exp(-½ Σ_c (u_c - μ_kc)² / σ_kc²).

    u_ij are the edge's `dim` pseudo-coordinates, and there are `kernel_size` kernels k. aggr="add" does not divide by
    |N_i|; "max" is of one kernel only. root_weight=False: no U.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> GMMConv(4, 2, dim=3, kernel_size=5)(torch.randn(3, 4), edge_index, torch.randn(2, 3)).shape
    torch.Size([3, 2])

    MoNet, Monti et al. 2017, equation 11, https://arxiv.org/abs/1611.08402
    Differs from PyG: no separate_gaussians.
    """

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        dim: int,
        kernel_size: int,
        *,
        aggr: str = "mean",
        root_weight: bool = True,
        bias: bool = True,
    ) -> None:
        aggregator = lookup(aggr, AGGREGATORS, "aggr")
        if aggregator == "max" and kernel_size > 1:
            raise ValueError(
                f"GMMConv: the maximum of a sum over {kernel_size} kernels is no sum of their maxima; take aggr='mean' "
                "or 'add', or kernel_size=1"
            )
        hearing = Hearing(
            score=Part("gaussian", {"coordinates": dim}),
            aggregator=aggregator,
            num_heads=kernel_size,
            head_dim=out_channels,
            heads="sum",
            projection_bias=False,
            project_output=False,
            output_bias=bias,
            root="linear" if root_weight else None,
            edge_dim=dim,
        )
        settings = {"dim": dim, "kernel_size": kernel_size, "aggr": aggr, "root_weight": root_weight}
        super().__init__(in_channels, out_channels, hearing, **settings)

    def forward(
        self, x: Nodes | Pair, edge_index: EdgeIndex | Graph, edge_attr: EdgeFeatures
    ) -> Float[Tensor, "*batch receivers out_channels"]:
        """New states of the receivers; `edge_attr` are the pseudo-coordinates."""
        return self._hear(x, edge_index, edge_attr)
