"""What is measured once: rows for the nodes of a graph, taken from the graph that it came from, or from a store."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.graph import Graph

Measure = Callable[[Graph], Tensor]
Store = Callable[[Graph, Hashable, Measure], Tensor]


class Origin(ABC):
    """Where the nodes of a graph come from, and with them their rows."""

    @abstractmethod
    def rows(self, measured: Measure) -> Tensor:
        """The rows of its nodes, `measured` where they come from."""


@dataclass(frozen=True, eq=False)
class Parts(Origin):
    """The nodes of several graphs side by side, as in a batch."""

    graphs: Sequence[Graph]

    def rows(self, measured: Measure) -> Tensor:
        return torch.cat([measured(graph) for graph in self.graphs])


@dataclass(frozen=True, eq=False)
class Whole(Origin):
    """Some nodes of a larger graph, as in a sample."""

    graph: Graph
    nodes: Int64[Tensor, "nodes"] | slice

    def rows(self, measured: Measure) -> Tensor:
        return measured(self.graph)[self.nodes]


def set_origin(graph: Graph, origin: Origin) -> None:
    """From now on `per_node` asks there."""
    graph.remember("origin", lambda: origin)


def set_store(graph: Graph, store: Store) -> None:
    """From now on `per_node` has `store` find or make what this graph does not remember."""
    graph.remember("store", lambda: store)


def per_node(graph: Graph, name: Hashable, measure: Measure) -> Tensor:
    """`measure(graph)`, a row a node, once for each graph: a batch or a sample has the rows of where it came from.

    >>> ring = Graph.from_edges(torch.tensor([1, 2, 0]), torch.tensor([0, 1, 2]), num_senders=3)
    >>> pair = Graph.batch([ring, ring])
    >>> set_origin(pair, Parts([ring, ring]))
    >>> per_node(pair, "degree of each", Graph.degree)
    tensor([1, 1, 1, 1, 1, 1])
    """
    return graph.remember(name, lambda: _found(graph, name, measure))


def _found(graph: Graph, name: Hashable, measure: Measure) -> Tensor:
    origin: Origin | None = graph.remember("origin", lambda: None)
    if origin is not None:
        return origin.rows(lambda source: per_node(source, name, measure))
    store: Store | None = graph.remember("store", lambda: None)
    return measure(graph) if store is None else store(graph, name, measure)
