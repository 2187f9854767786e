"""The article's basic graph neural network."""

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier
from edgewise.part import Part


def basic(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_layers: int = 2,
    aggregator: str | Part = "sum",
    dropout: float = 0.5,
    head: Head | None = None,
) -> NetworkConfig:
    """h_i' = σ(U h_i + Σ_j V h_j), num_layers times; the last one without σ gives the answer.

    Joshi 2020, equation 1, https://arxiv.org/abs/2506.22084
    """
    hearing = Hearing(
        score="constant", aggregator=aggregator, project_output=False, projection_bias=False, root=Part("linear")
    )
    return node_classifier(
        in_dim, hidden, out_dim, num_layers, hearing, BlockConfig(activation="relu", dropout=dropout), head=head
    )
