"""GraphSAGE."""

from edgewise.layers import BlockConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.stacks import Head, node_classifier
from edgewise.part import Part


def sage(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_layers: int = 2,
    aggregator: str | Part = "mean",
    dropout: float = 0.5,
    head: Head | None = None,
) -> NetworkConfig:
    """h_i' = σ(U h_i + W ⊕_j h_j), ⊕ the mean or max of the neighbours.

    Hamilton et al. 2017, algorithm 1, https://arxiv.org/abs/1706.02216. Differs: states keep their length.
    """
    hearing = Hearing(score="constant", aggregator=aggregator, project_value=False, root=Part("linear"))
    block = BlockConfig(activation="relu", dropout=dropout)
    return node_classifier(in_dim, hidden, out_dim, num_layers, hearing, block, head=head)
