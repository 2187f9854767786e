"""Graph Transformer."""

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.layers.convolutions.convolution import Channels, Convolution, EdgeFeatures, EdgeIndex, Nodes, Pair
from edgewise.layers.hearing import Hearing
from edgewise.part import Part


class TransformerConv(Convolution):
    """h_i' = U h_i + ‖_h Σ_j α_ij (W_v h_j + W_e e_ij), α_ij = softmax_j (W_q h_i) · (W_k h_j + W_e e_ij) / √D.

    ‖_h joins the heads, each of D = `out_channels`; concat=False takes their mean. root_weight=False: no U. beta: the
    two are weighed, β_i U h_i + (1 - β_i) m_i, by a learned gate. `bias` is that of W_q, W_k, W_v and U.

    >>> import torch
    >>> edge_index = torch.tensor([[0, 1], [1, 2]])
    >>> TransformerConv(4, 2, heads=3, edge_dim=5)(torch.randn(3, 4), edge_index, torch.randn(2, 5)).shape
    torch.Size([3, 6])

    Shi et al. 2021, https://arxiv.org/abs/2009.03509
    Differs from PyG: dropout draws other edges; edge features must be given iff there is an edge_dim.
    """

    def __init__(
        self,
        in_channels: Channels,
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        beta: bool = False,
        dropout: float = 0.0,
        edge_dim: int | None = None,
        bias: bool = True,
        root_weight: bool = True,
    ) -> None:
        if beta and not root_weight:
            raise ValueError("TransformerConv: beta weighs the node's own state, so it needs root_weight=True")
        hearing = Hearing(
            score="dot",
            num_heads=heads,
            head_dim=out_channels,
            heads="concat" if concat else "mean",
            projection_bias=bias,
            project_output=False,
            output_bias=False,
            root=Part("gated" if beta else "linear", {"bias": bias}) if root_weight else None,
            edge_dim=edge_dim,
            dropout=dropout,
        )
        super().__init__(
            in_channels,
            out_channels,
            hearing,
            heads=heads,
            concat=concat,
            beta=beta,
            dropout=dropout,
            edge_dim=edge_dim,
            root_weight=root_weight,
        )

    def forward(
        self, x: Nodes | Pair, edge_index: EdgeIndex | Graph, edge_attr: EdgeFeatures | None = None
    ) -> Float[Tensor, "*batch receivers width"]:
        """New states of the receivers."""
        return self._hear(x, edge_index, edge_attr)
