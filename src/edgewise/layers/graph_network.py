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
from edgewise.layers.state import NODES, State, named
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
        for what, given, dim in (("edge", e, self.config.edge_dim), ("whole", u, self.config.whole_dim)):
            width = 0 if given is None else given.shape[-1]
            if width != dim:
                raise ValueError(f"GraphNetwork: expected {what} states of {dim} channels, got {width}")
        edges = self._edges(x, e, u, graph)
        nodes = self._nodes(x, edges, u, graph)
        state = replace(state.with_nodes(name, nodes).with_edges(self.config.graph, edges), whole=u)
        if self.renew_whole is None:
            return state, []
        parts = [self._sum(edges, graph.incidence().transpose().members()), self._sum(nodes, graph.members())]
        return replace(state, whole=self.renew_whole(_beside(*parts, u))), []

    def _edges(self, x: Tensor, e: Tensor | None, u: Tensor | None, graph: Graph) -> Tensor:
        """φ_e, its first projection split by what it reads: nodes are projected once, not once an edge."""
        C, update = x.shape[-1], self.renew_edge
        of_edge, of_receiver, of_sender, of_whole = update.widen.weight.split(
            [self.config.edge_dim, C, C, self.config.whole_dim], dim=1
        )
        receiver = linear(x, of_receiver, update.widen.bias)
        if u is not None:
            receiver = receiver + linear(u, of_whole)[_graph_of(graph)]
        hidden = gather_receivers(receiver, graph) + gather_senders(linear(x, of_sender), graph)
        return update.finished(hidden if e is None else hidden + linear(e, of_edge), hidden)

    def _nodes(self, x: Tensor, edges: Tensor, u: Tensor | None, graph: Graph) -> Tensor:
        heard = self._sum(edges, graph.incidence())
        nodes: Tensor = self.renew_node(_beside(heard, x, None if u is None else u[_graph_of(graph)]))
        return nodes

    def _sum(self, x: Float[Tensor, "senders dim"], graph: Graph) -> Float[Tensor, "receivers dim"]:
        return aggregate(x[:, None], graph, self.config.reduce)[:, 0]


def _beside(*states: Tensor | None) -> Tensor:
    return torch.cat([x for x in states if x is not None], dim=-1)


def _graph_of(graph: Graph) -> Tensor:
    """Which graph of the batch each receiver belongs to."""
    return torch.repeat_interleave(graph.receiver_offsets.diff())
