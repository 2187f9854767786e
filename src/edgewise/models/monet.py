"""Mixture model network: Gaussian kernels over where a neighbour stands."""

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier
from edgewise.part import Part


def monet(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 16,
    num_kernels: int = 3,
    num_layers: int = 2,
    coordinates: int | str = "degree",
    dropout: float = 0.5,
    head: Head | None = None,
) -> NetworkConfig:
    """h_i' = σ(Σ_k (1/|N_i|) Σ_j w_k(u_ij) W_k h_j), w_k a Gaussian of the pseudo-coordinates u_ij.

    `coordinates`: "degree", or how many raw edge features are the coordinates.

    Monti et al. 2017, https://arxiv.org/abs/1611.08402
    """
    hearing = Hearing(
        score=Part("gaussian", {"coordinates": coordinates}),
        aggregator="mean",
        num_heads=num_kernels,
        heads="sum",
        projection_bias=False,
        project_output=False,
        root=Part("linear"),
        edge_dim=coordinates if isinstance(coordinates, int) else None,
    )
    block = BlockConfig(activation="relu", input_dropout=dropout)
    return node_classifier(in_dim, hidden, out_dim, num_layers, hearing, block, head=head)
