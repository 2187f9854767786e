"""Graph isomorphism network."""

from edgewise.layers import BlockConfig, FeedForwardConfig, Hearing
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import Head, answering, stacked
from edgewise.part import Part


def gin(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_layers: int = 5,
    readout: str | Part = "sum",
    dropout: float = 0.5,
    epsilon: float = 0.0,
    learned: bool = True,
    head: Head = "graph",
) -> NetworkConfig:
    """h_i' = MLP((1 + ε) h_i + Σ_j h_j), batch-normalised within; the sum of all nodes answers for the graph.

    Xu et al. 2019, equation 4.1, https://arxiv.org/abs/1810.00826. Differs: features are projected to the hidden width
    first, dropout is of the hidden channels, and the readout reads the last layer only.
    """
    root = Part("epsilon", {"epsilon": epsilon, "learned": learned})
    hearing = Hearing(
        score="constant", aggregator="sum", project_value=False, project_output=False, output_bias=False, root=root
    )
    block = BlockConfig(
        hears=(hearing,),
        residual=False,
        feed_forward=FeedForwardConfig(hidden=hidden, norm="batch", dropout=dropout),
    )
    embed = EmbedConfig(dim=hidden, features=in_dim)
    usual = {"readout": readout} if Part.of(head).name == "graph" else {}
    return NetworkConfig({"nodes": embed}, stacked(block, num_layers), head=answering(head, out_dim, **usual))
