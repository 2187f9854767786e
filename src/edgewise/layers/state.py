"""What flows through a network: states of nodes, of edges, and of whole graphs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from edgewise.graph import Graph
from edgewise.names import lookup

NODES = "nodes"
"""The name of the node set where there is only one."""


@dataclass(frozen=True)
class State:
    """States by name: `nodes` of each node set, `edges` of each graph that has features, `whole` of each graph.

    nodes: [..., N, C]; edges: [E, F] in the graph's edge order; whole: [B, C], a row for each graph of the batch.
    """

    nodes: Mapping[str, Float[Tensor, "..."]]
    edges: Mapping[str, Float[Tensor, "..."]] = field(default_factory=dict)
    whole: Float[Tensor, "..."] | None = None

    def with_nodes(self, name: str, x: Float[Tensor, "..."]) -> "State":
        """The same state with new states for one node set."""
        return State({**self.nodes, name: x}, self.edges, self.whole)

    def with_edges(self, name: str, x: Float[Tensor, "..."]) -> "State":
        """The same state with new states for the edges of one graph."""
        return State(self.nodes, {**self.edges, name: x}, self.whole)


def node_sets(graph: str) -> tuple[str, str]:
    """Senders' and receivers' node set of a graph by its name: "a->b", or one node set for both.

    >>> node_sets("source->target"), node_sets("edges")
    (('source', 'target'), ('nodes', 'nodes'))
    """
    senders, arrow, receivers = graph.partition("->")
    return (senders.strip(), receivers.strip()) if arrow else (NODES, NODES)


def named(graphs: Mapping[str, Graph], name: str) -> Graph:
    """The graph of that name; the error lists those there are."""
    return lookup(name, graphs, "graph")
