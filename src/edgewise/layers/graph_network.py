"""The full Graph Network step: edges, nodes and whole graphs are renewed, each from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from edgewise.graph import Graph
from edgewise.kernels import REDUCTIONS, aggregate
from edgewise.kernels.segments import gather_receivers, gather_senders
from edgewise.layers.feed_forward import FeedForward, FeedForwardConfig
from edgewise.layers.past import Past
from edgewise.layers.state import NODES, State, named, node_sets
from edgewise.names import lookup


@dataclass(frozen=True)
class GraphNetworkConfig:
    """The widths of a Graph Network step; 0 stands for a state that is not there."""

    hidden: int  # channels between the two projections of each update
    edge_dim: int = 0  # channels of an edge state before
    edge_out_dim: int = 0  # and after
    whole_dim: int = 0  # channels of a whole graph's state before
    whole_out_dim: int = 0  # and after
    out_dim: int | None = None  # channels of a node state after; as before if not given
    graph: str = "edges"
    nodes: str = NODES
    reduce: str = "sum"  # how edges are summed up for nodes, and nodes and edges for the whole
    activation: str = "relu"


class GraphNetwork(nn.Module):
    """e_ij' = φ_e(e_ij, h_i, h_j, u);  h_i' = φ_h(Σ_j e_ij', h_i, u);  u' = φ_u(Σ_ij e_ij', Σ_i h_i', u).

    Every φ is a feed-forward of what it reads, side by side. Σ is `reduce`. The first projection of φ_e is applied to
    nodes before they are gathered, so an edge costs its hidden channels only.

    Battaglia et al. 2018, algorithm 1, https://arxiv.org/abs/1806.01261
    """

    def __init__(self, in_dim: int, config: GraphNetworkConfig) -> None:
        super().__init__()
        lookup(config.reduce, REDUCTIONS, "reduce")
        if node_sets(config.graph) != (config.nodes, config.nodes):
            raise ValueError(
                f"GraphNetwork: renews the node set {config.nodes!r}, so it hears a graph among these nodes, got "
                f"{config.graph!r}"
            )
        self.config = config
        self.out_dim = config.out_dim or in_dim
        if config.edge_out_dim < 1:
            raise ValueError(
                f"GraphNetwork: edge_out_dim must be at least 1, nodes hear edges; got {config.edge_out_dim}"
            )
        widths = FeedForwardConfig(hidden=config.hidden, activation=config.activation)
        heard = config.edge_dim + 2 * in_dim + config.whole_dim
        self.renew_edge = FeedForward(heard, config.edge_out_dim, widths)
        self.renew_node = FeedForward(config.edge_out_dim + in_dim + config.whole_dim, self.out_dim, widths)
        whole = config.edge_out_dim + self.out_dim + config.whole_dim
        self.renew_whole = FeedForward(whole, config.whole_out_dim, widths) if config.whole_out_dim else None

    def step(
        self, state: State, graphs: Mapping[str, Graph], pasts: Sequence[Past | None] | None = None
    ) -> tuple[State, list[Past]]:
        """Edges first, then nodes, then the whole."""
        if pasts is not None:
            raise ValueError("GraphNetwork: renews edges, so it has no past senders; give it the whole graph at once")
        graph, name = named(graphs, self.config.graph), self.config.nodes
        x, e, u = state.nodes[name], state.edges.get(self.config.graph), state.whole
        _check("node", x, graph.num_receivers, x.shape[-1])
        _check("edge", e, graph.num_edges, self.config.edge_dim)
        _check("whole", u, graph.num_graphs, self.config.whole_dim)
        edges = self._edges(x, e, u, graph)
        nodes = self._nodes(x, edges, u, graph)
        state = replace(state.with_nodes(name, nodes).with_edges(self.config.graph, edges), whole=u)
        if self.renew_whole is None:
            return state, []
        all_edges = graph.remember("edges of graphs", lambda: graph.incidence().transpose().members())
        parts = [self._sum(edges, all_edges), self._sum(nodes, graph.members())]
        whole: Tensor = self.renew_whole(_beside(*parts, u))
        return replace(state, whole=whole), []

    def _edges(self, x: Tensor, e: Tensor | None, u: Tensor | None, graph: Graph) -> Tensor:
        """φ_e, its first projection split by what it reads: nodes are projected once, not once an edge."""
        C, update = x.shape[-1], self.renew_edge
        of_edge, of_receiver, of_sender, of_whole = update.widen.weight.split(
            [self.config.edge_dim, C, C, self.config.whole_dim], dim=1
        )
        receiver = linear(x, of_receiver, update.widen.bias)
        if u is not None:
            receiver = receiver + gather_receivers(linear(u, of_whole), graph.members())
        hidden = gather_receivers(receiver, graph) + gather_senders(linear(x, of_sender), graph)
        return update.widened(hidden if e is None else hidden + linear(e, of_edge))

    def _nodes(self, x: Tensor, edges: Tensor, u: Tensor | None, graph: Graph) -> Tensor:
        heard = self._sum(edges, graph.remember("incidence", graph.incidence))
        of_graph = None if u is None else gather_receivers(u, graph.members())
        nodes: Tensor = self.renew_node(_beside(heard, x, of_graph))
        return nodes

    def _sum(self, x: Float[Tensor, "senders dim"], graph: Graph) -> Float[Tensor, "receivers dim"]:
        return aggregate(x[:, None], graph, self.config.reduce)[:, 0]


def _check(what: str, x: Tensor | None, rows: int, dim: int) -> None:
    """Leading batch dimensions would be the same edges with other states; they are not here."""
    shape = [rows, 0] if x is None else list(x.shape)
    if shape != [rows, dim]:
        got = "none" if x is None else str(shape)
        raise ValueError(f"GraphNetwork: expected {what} states [{rows}, {dim}], got {got}")


def _beside(*states: Tensor | None) -> Tensor:
    return torch.cat([x for x in states if x is not None], dim=-1)
