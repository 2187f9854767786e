"""What a network answers: something per node, per edge, per pair, per graph, or per token of a vocabulary.

Your own head is a module with a forward(state, graphs); it takes what it names of `dims` (channels of each node set)
and `table` (the embedding's), and says in an attribute `graph` which graph it reads, if any.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.kernels import score_edges
from edgewise.kernels.segments import gather_receivers, gather_senders
from edgewise.layers import READOUTS, State, node_sets
from edgewise.layers.feed_forward import FeedForward, FeedForwardConfig
from edgewise.layers.state import NODES, named
from edgewise.models.logits import GivesLogits, Logits
from edgewise.names import lookup
from edgewise.part import Part


class NodeHead(nn.Module):
    """y_i = W h_i + b, or a feed-forward with `hidden` channels."""

    def __init__(
        self, dims: Mapping[str, int], out_dim: int, hidden: int = 0, nodes: str = NODES, bias: bool = True
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.project = _projection(lookup(nodes, dims, "node set"), out_dim, hidden, bias)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch nodes out_dim"]:
        """A row for each node."""
        y: Tensor = self.project(state.nodes[self.nodes])
        return y


class EdgeHead(nn.Module):
    """y_ij = W_r h_i + W_s h_j + b for every edge of the graph named.

    Each end is projected once, not once an edge.
    """

    def __init__(self, dims: Mapping[str, int], out_dim: int, graph: str = "edges") -> None:
        super().__init__()
        self.graph, (self.senders, self.receivers) = graph, node_sets(graph)
        self.of_receiver = nn.Linear(lookup(self.receivers, dims, "node set"), out_dim)
        self.of_sender = nn.Linear(lookup(self.senders, dims, "node set"), out_dim, bias=False)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch edges out_dim"]:
        """A row for each edge, in the graph's edge order."""
        graph = named(graphs, self.graph)
        receivers = self.of_receiver(state.nodes[self.receivers]).movedim(-2, 0)
        senders = self.of_sender(state.nodes[self.senders]).movedim(-2, 0)
        return (gather_receivers(receivers, graph) + gather_senders(senders, graph)).movedim(0, -2)


class NodeAndEdgeHead(nn.Module):
    """A row for each node, as `NodeHead` says it, and below them one for each edge, as `EdgeHead` does."""

    def __init__(self, dims: Mapping[str, int], out_dim: int, graph: str = "edges") -> None:
        super().__init__()
        self.graph = graph
        self.of_nodes = NodeHead(dims, out_dim, nodes=node_sets(graph)[1])
        self.of_edges = EdgeHead(dims, out_dim, graph)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch nodes_and_edges out_dim"]:
        """Nodes in their order, then edges in the graph's."""
        return torch.cat([self.of_nodes(state, graphs), self.of_edges(state, graphs)], dim=-2)


class LinkHead(nn.Module):
    """y_ij = Σ_h w_h (W_q h_i)_h · (W_k h_j)_h / √d + b for every edge of the graph "links": attention, unnormalised.

    So a link is likely where i would listen to j. The graph holds the pairs to be judged; nobody hears along it. With
    `symmetric`, W_k is W_q and y_ij = y_ji to the last bit, as links without a direction want it. The sum over heads
    begins with w = 1.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        out_dim: int = 1,
        graph: str = "links",
        num_heads: int = 1,
        head_dim: int | None = None,
        symmetric: bool = True,
    ) -> None:
        super().__init__()
        self.graph, (self.senders, self.receivers) = graph, node_sets(graph)
        dim = lookup(self.receivers, dims, "node set")
        if num_heads < 1 or (head_dim is None and dim % num_heads):
            raise ValueError(
                f"LinkHead: num_heads = {num_heads} do not share {dim} channels evenly; give head_dim, or fewer"
            )
        if symmetric and self.senders != self.receivers:
            raise ValueError(
                f"LinkHead: symmetric is for pairs within one node set, and {graph!r} has two; set symmetric = false"
            )
        self.heads = (num_heads, head_dim or dim // num_heads)
        channels = self.heads[0] * self.heads[1]
        self.query = nn.Linear(dim, channels, bias=False)
        self.key = None if symmetric else nn.Linear(lookup(self.senders, dims, "node set"), channels, bias=False)
        self.combine = nn.Linear(num_heads, out_dim)
        nn.init.ones_(self.combine.weight)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch edges out_dim"]:
        """A row for each pair, in the graph's edge order."""
        query = self.query(state.nodes[self.receivers]).unflatten(-1, self.heads)
        key = query if self.key is None else self.key(state.nodes[self.senders]).unflatten(-1, self.heads)
        scores = score_edges(query, key, named(graphs, self.graph))
        y: Tensor = self.combine(scores.to(self.combine.weight.dtype))
        return y


class GraphHead(nn.Module):
    """y_G = W readout(h) + b, or a feed-forward with `hidden` channels; the mean is read out unless named otherwise.

    Or y_G = W u + b, u being the state of the whole graph (a Graph Network's): `whole` says how many channels it has.
    """

    def __init__(
        self,
        dims: Mapping[str, int],
        out_dim: int,
        readout: str | Part | None = None,
        hidden: int = 0,
        graph: str = "edges",
        whole: int = 0,
    ) -> None:
        super().__init__()
        if whole and readout is not None:
            raise ValueError(f"GraphHead: reads whole states or nodes, got whole={whole} and readout={readout!r}")
        self.graph, self.nodes, self.whole = graph, node_sets(graph)[1], whole
        dim = whole or lookup(self.nodes, dims, "node set")
        self.readout = None if whole else Part.of(readout or "mean").build(READOUTS, "readout", dim=dim)
        self.project = _projection(dim, out_dim, hidden, bias=True)

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch graphs out_dim"]:
        """A row for each graph of the batch."""
        h = state.whole if self.readout is None else self.readout(state.nodes[self.nodes], named(graphs, self.graph))
        if h is None or (self.whole and h.shape[-1] != self.whole):
            raise ValueError(
                f"GraphHead: expected states of whole graphs of {self.whole} channels, got "
                f"{'none' if h is None else h.shape[-1]}"
            )
        y: Tensor = self.project(h)
        return y


class TokenHead(GivesLogits):
    """y_i = W h_i: one logit per token of the vocabulary. `tied`: W is the table of the embedding."""

    leaves_undone = True

    def __init__(
        self, dims: Mapping[str, int], table: nn.Parameter | None, tokens: int, nodes: str = NODES, tied: bool = False
    ) -> None:
        super().__init__()
        dim = lookup(nodes, dims, "node set")
        self.nodes = nodes
        self.project = nn.Linear(dim, tokens, bias=False)
        if tied and (table is None or table.shape != (tokens, dim)):
            raise ValueError(
                f"TokenHead: tied needs an embedding of {tokens} tokens and {dim} channels, got "
                f"{'none' if table is None else list(table.shape)}"
            )
        if tied and table is not None:
            self.project.weight = table

    def forward(self, state: State, graphs: Mapping[str, Graph]) -> Float[Tensor, "*batch nodes tokens"] | Logits:
        """A row of logits for each node; within `edgewise.models.logits.factored` as its factors."""
        return self.answer(state.nodes[self.nodes], self.project)


def _projection(in_dim: int, out_dim: int, hidden: int, bias: bool) -> nn.Module:
    if hidden:
        return FeedForward(in_dim, out_dim, FeedForwardConfig(hidden=hidden, bias=bias))
    return nn.Linear(in_dim, out_dim, bias=bias)


HEADS: dict[str, type[nn.Module]] = {
    "nodes": NodeHead,
    "edges": EdgeHead,
    "nodes_and_edges": NodeAndEdgeHead,
    "links": LinkHead,
    "graph": GraphHead,
    "tokens": TokenHead,
}
