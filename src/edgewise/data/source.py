"""A graph in two tables, wherever they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgewise.data.encoders import EncoderPart, encoded
from edgewise.data.splits import SplitPart
from edgewise.data.table import Table
from edgewise.extras import require
from edgewise.graph import Graph


@dataclass(frozen=True)
class Source:
    """A graph in two tables, wherever they come from; the options are those of `tables`."""

    name: str
    nodes: Table
    edges: Table
    id: str
    ends: tuple[str, str]  # columns of the edges: the sender's, the receiver's
    directed: bool
    duplicates: str
    features: Mapping[str, EncoderPart] | None
    edge_features: Mapping[str, EncoderPart] | None
    split: SplitPart
    split_column: str
    split_seed: int

    def read(self, used: set[str], rows: Sequence[int] | None) -> "_Read":
        """The graph and its features, without the columns that are `used` for something else.

        Nodes' encoders learn from `rows`, edges' from all, neither where there are none.
        """
        features = _usual_features(self.nodes, used) if self.features is None else self.features
        x, nodes = encoded(self.nodes, features, rows)
        edge_x, edges = encoded(self.edges, self.edge_features or {}, None if rows is None else range(len(self.edges)))
        graph, edge_x = self._heard(edge_x.to_dense())
        encoded_by = ", ".join(f"{column} ({state['name']})" for column, state in nodes.items())
        return _Read(
            graph,
            x if x.shape[1] else torch.ones(len(self.nodes), 1),
            edge_x if self.edge_features else None,
            {"nodes": nodes, "edges": edges},
            f"Nodes from {self.nodes.short_name}, {'directed' if self.directed else 'undirected'} edges from"
            f" {self.edges.short_name}; ",
            f"Features: {encoded_by}." if encoded_by else "Nodes bring no features: each has a one.",
        )

    def rows(self) -> Tensor:
        """Senders above receivers of the rows of the edges."""
        names = _ids(self.nodes, self.id)
        return torch.stack([_numbers(self.nodes, names, self.edges, column) for column in self.ends])

    def _heard(self, x: Tensor) -> tuple[Graph, Tensor]:
        """The graph, and its edge features in its order, of which `x` has a row for each row of the table."""
        senders, receivers = self.rows()
        if not self.duplicates:
            _refuse_duplicates(self.edges, self.ends, senders, receivers, self.directed)
        if not self.directed:
            mirrored = senders != receivers  # a node's edge to itself has no other direction
            senders, receivers = torch.cat([senders, receivers[mirrored]]), torch.cat([receivers, senders[mirrored]])
            x = torch.cat([x, x[mirrored]])
        merge: Any = self.duplicates or None
        graph, x = Graph.from_edges(senders, receivers, num_senders=len(self.nodes), features=x, duplicates=merge)
        return graph, x


class _Read(NamedTuple):
    graph: Graph
    features: Tensor
    edges: Tensor | None
    encoders: dict[str, Any]
    origin: str  # the beginning of a sentence, and a whole one
    encoded_by: str


def _usual_features(table: Table, used: set[str]) -> dict[str, EncoderPart]:
    """Every column that has no other use."""
    free = [column for column in table.names if column not in used]
    return {column: "number" if table.is_numeric(column) else "one_hot" for column in free}


def _ids(nodes: Table, id: str) -> Any:
    names = nodes.column(id)
    if names.null_count:
        row = names.is_null().index(True).as_py()
        raise ValueError(f"{nodes.file}: column {id!r} names every node, and is empty at row {row}")
    first: dict[Any, int] = {}
    for row, name in enumerate(names.to_pylist()):
        if first.setdefault(name, row) != row:
            raise ValueError(
                f"{nodes.file}: column {id!r} has {name!r} at rows {first[name]} and {row}; a node is one row"
            )
    return names


def _numbers(nodes: Table, names: Any, edges: Table, column: str) -> Tensor:
    """The row among the nodes of each id in a column of the edges."""
    arrow, compute = require("pyarrow", extra="graph"), require("pyarrow.compute", extra="graph")
    wanted = edges.column(column)
    try:
        places = compute.index_in(wanted.cast(names.type), value_set=names)
    except arrow.ArrowInvalid as error:
        raise ValueError(
            f"{edges.file}: column {column!r} holds {wanted.type}, and the ids in {nodes.short_name} are {names.type}:"
            f" {error}"
        ) from error
    if places.null_count:
        row = places.is_null().index(True).as_py()
        raise ValueError(
            f"{edges.file}: column {column!r} has {wanted[row].as_py()!r} at row {row}, which is the id of no node in"
            f" {nodes.short_name} ({places.null_count} such rows in all)"
        )
    return torch.from_numpy(places.to_numpy(zero_copy_only=False).astype("int64"))


def _refuse_duplicates(edges: Table, ends: tuple[str, str], senders: Tensor, receivers: Tensor, directed: bool) -> None:
    pairs = torch.stack([senders, receivers], dim=1)
    pairs = pairs if directed else pairs.sort(dim=1).values
    _, group, count = pairs.unique(dim=0, return_inverse=True, return_counts=True)
    if len(count) == len(pairs):
        return
    twice = (group == int((count > 1).nonzero()[0])).nonzero()[:, 0].tolist()
    either = "" if directed else " directed = true takes a row as one direction;"
    raise ValueError(
        f"{edges.file}: rows {twice[0]} and {twice[1]} both join {edges.column(ends[0])[twice[0]].as_py()!r} and"
        f" {edges.column(ends[1])[twice[0]].as_py()!r} ({len(pairs) - len(count)} rows too many in all);{either}"
        ' duplicates = "first", "sum", "mean" or "max" merges them'
    )
