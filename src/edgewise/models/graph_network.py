"""Graph Network: edges, nodes and the whole are renewed in turn."""

from edgewise.layers import GraphNetworkConfig
from edgewise.models.config import NetworkConfig
from edgewise.models.embedding import EmbedConfig
from edgewise.models.stacks import Head, answering, at_least_one
from edgewise.part import Part


def graph_network(
    in_dim: int,
    out_dim: int,
    *,
    hidden: int = 64,
    num_layers: int = 2,
    edge_dim: int = 0,
    whole_dim: int = 0,
    reduce: str = "sum",
    head: Head = "graph",
) -> NetworkConfig:
    """e' = φ_e(e, h_i, h_j, u), h' = φ_h(Σ e', h, u), u' = φ_u(Σ e', Σ h', u), num_layers times; u answers.

    Battaglia et al. 2018, https://arxiv.org/abs/1806.01261
    """
    steps = []
    for n in range(at_least_one(num_layers)):
        edge, whole = (edge_dim, whole_dim) if n == 0 else (hidden, hidden)
        steps.append(
            GraphNetworkConfig(
                hidden=hidden, edge_dim=edge, edge_out_dim=hidden, whole_dim=whole, whole_out_dim=hidden, reduce=reduce
            )
        )
    usual = {"whole": hidden} if Part.of(head).name == "graph" else {}
    embed = EmbedConfig(dim=hidden, features=in_dim)
    return NetworkConfig({"nodes": embed}, tuple(steps), head=answering(head, out_dim, **usual))
