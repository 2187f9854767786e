"""What a network answers: something per node, per edge, per graph, or per token of a vocabulary."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels.segments import gather_receivers, gather_senders
from edgewise.layers import READOUTS, State, node_sets
from edgewise.layers.feed_forward import FeedForward, FeedForwardConfig
from edgewise.layers.state import NODES, named
from edgewise.part import Part


class NodeHead(nn.Module):
    """y_i = W h_i + b, or a feed-forward with `hidden` channels."""

    def __init__(
        self, dims: Mapping[str, int], out_dim: int, hidden: int = 0, nodes: str = NODES, bias: bool = True
    ) -> None:
        super().__init__()
        self.nodes, self.project = nodes, _projection(dims[nodes], out_dim, hidden, bias)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch nodes out_dim"]:
        """A row for each node."""
        y: Tensor = self.project(state.nodes[self.nodes])
        return y


class EdgeHead(nn.Module):
    """y_ij = W_r h_i + W_s h_j + b for every edge of the graph named: candidates of a link prediction, say.

    Each end is projected once, not once an edge.
    """

    def __init__(self, dims: Mapping[str, int], out_dim: int, graph: str = "edges") -> None:
        super().__init__()
        self.graph, (self.senders, self.receivers) = graph, node_sets(graph)
        self.of_receiver = nn.Linear(dims[self.receivers], out_dim)
        self.of_sender = nn.Linear(dims[self.senders], out_dim, bias=False)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "edges out_dim"]:
        """A row for each edge, in the graph's edge order."""
        graph = named(graphs, self.graph)
        heard = gather_senders(self.of_sender(state.nodes[self.senders]), graph)
        return gather_receivers(self.of_receiver(state.nodes[self.receivers]), graph) + heard


class GraphHead(nn.Module):
    """y_G = W readout(h) + b, or a feed-forward with `hidden` channels; the readout is sum, mean, max or attention.

    With `whole=True` the state of the whole graph (a Graph Network's u) is read instead of a readout.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        out_dim: int,
        readout: str | Part = "mean",
        hidden: int = 0,
        graph: str = "edges",
        whole: int = 0,
    ) -> None:
        super().__init__()
        self.graph, self.nodes, self.whole = graph, node_sets(graph)[1], whole
        dim = whole or dims[self.nodes]
        self.readout = None if whole else Part.of(readout).build(READOUTS, "readout", dim=dim)
        self.project = _projection(dim, out_dim, hidden, bias=True)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "graphs out_dim"]:
        """A row for each graph of the batch."""
        h = state.whole if self.readout is None else self.readout(state.nodes[self.nodes], named(graphs, self.graph))
        if h is None:
            raise ValueError("GraphHead: whole=True reads the state of whole graphs, and there is none")
        y: Tensor = self.project(h)
        return y


class TokenHead(nn.Module):
    """y_i = W h_i: one logit per token of the vocabulary. `tied`: W is the table of the embedding."""

    def __init__(
        self, dims: Mapping[str, int], table: Tensor | None, tokens: int, nodes: str = NODES, tied: bool = False
    ) -> None:
        super().__init__()
        if tied and (table is None or table.shape != (tokens, dims[nodes])):
            raise ValueError(
                f"TokenHead: tied needs an embedding of {tokens} tokens and {dims[nodes]} channels, got "
                f"{'none' if table is None else list(table.shape)}"
            )
        self.nodes = nodes
        self.project = nn.Linear(dims[nodes], tokens, bias=False)
        if tied and isinstance(table, nn.Parameter):
            self.project.weight = table

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch nodes tokens"]:
        """A row of logits for each node."""
        y: Tensor = self.project(state.nodes[self.nodes])
        return y


def _projection(in_dim: int, out_dim: int, hidden: int, bias: bool) -> nn.Module:
    if hidden:
        return FeedForward(in_dim, out_dim, FeedForwardConfig(hidden=hidden, bias=bias))
    return nn.Linear(in_dim, out_dim, bias=bias)


HEADS: dict[str, type[nn.Module]] = {"nodes": NodeHead, "edges": EdgeHead, "graph": GraphHead, "tokens": TokenHead}
