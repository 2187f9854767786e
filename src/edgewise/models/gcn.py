"""Graph convolutional network."""

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier


def gcn(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 16,
    num_layers: int = 2,
    dropout: float = 0.5,
    head: Head | None = None,
) -> NetworkConfig:
    """h_i' = σ(Σ_j W h_j / √(d_i d_j)) over the neighbours and the node itself.

    Kipf & Welling 2017, https://arxiv.org/abs/1609.02907
    """
    hearing = Hearing(
        score="symmetric", aggregator="sum", project_output=False, projection_bias=False, self_loops="ones"
    )
    block = BlockConfig(activation="relu", input_dropout=dropout)
    return node_classifier(in_dim, hidden, out_dim, num_layers, hearing, block, head=head)
