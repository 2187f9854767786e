"""What one step sees: graphs, what their nodes and edges bring, and what is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns import Sequences

Said = TypeVar("Said", bound="Rows")
NODES = "nodes"  # the set of nodes that is meant where no other is named


@runtime_checkable
class Rows(Protocol):
    """What a network says: a tensor, or what can be asked for some of its rows as one can."""

    def __getitem__(self, rows: Tensor, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Batch:
    """outputs = network(graphs, features[, edges=])[asked], to be held against targets.

    `asked` are the rows that are asked about, all where it is None; targets has a row for each of them.
    """

    graphs: Graph | Mapping[str, Graph] | Sequences  # sequences: the network's patterns make the graphs
    # Float[Tensor, "nodes features"], dense or torch.sparse_csr, or tokens Int64[Tensor, "nodes"]; or those by node set
    features: Tensor | Mapping[str, Tensor]
    targets: Tensor  # a row for each asked
    asked: Tensor | None = None  # Int64[Tensor, "asked"]
    edges: Tensor | Mapping[str, Tensor] | None = None  # Float[Tensor, "edges features"]

    @property
    def num_nodes(self) -> int:
        """How many nodes there are, of the set that is asked about where there are several."""
        return len(self.features[NODES] if isinstance(self.features, Mapping) else self.features)

    def outputs(self, network: Callable[..., Said]) -> Said:
        """What the network says of the asked. Edge features are given to it only where there are some."""
        features = {} if self.edges is None else {"edges": self.edges}
        said: Said = network(self.graphs, self.features, **features)
        asked: Said = said if self.asked is None else said[self.asked]
        return asked
