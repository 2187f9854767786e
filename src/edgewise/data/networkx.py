"""A NetworkX graph whose nodes and edges have attributes."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgewise.data.encoders import EncoderPart
from edgewise.data.link_task import LinkTask
from edgewise.data.node_task import NodeTask
from edgewise.data.source import Source
from edgewise.data.splits import SplitPart
from edgewise.data.table import Table
from edgewise.data.tables import USUAL_TARGET, task_of
from edgewise.data.target_columns import TaskPart

ID, ENDS = "number of the node", ("number of the sender", "number of the receiver")


def from_networkx(
    network: Any,
    *,
    name: str = "networkx",
    target: Sequence[str] = USUAL_TARGET,
    task: TaskPart = "classification",
    features: Mapping[str, EncoderPart] | None = None,
    edge_features: Mapping[str, EncoderPart] | None = None,
    duplicates: str = "",
    split: SplitPart = "random",
    split_attribute: str = "",
    split_seed: int = 0,
) -> NodeTask | LinkTask:
    """Say the attributes `target` of nodes from their other attributes and from their neighbours.

    Nodes are numbered in the network's order; an edge u -> v: v hears u; undirected: both. Attributes are what columns
    are to `tables`: encoded as `features` and `edge_features` say, empty where a node has none of that name, and
    `split_attribute` says "train", "validation" or "test" for the split "given". `duplicates` merges the parallel edges
    of a multigraph.

    >>> import networkx
    >>> club = networkx.karate_club_graph()
    >>> task = from_networkx(club, target=["club"], edge_features={"weight": "number"})
    >>> task.num_nodes, task.class_names, task.graphs.num_edges
    (34, ('Mr. Hi', 'Officer'), 156)
    """
    number = {node: k for k, node in enumerate(network.nodes)}
    nodes = _columns([attributes for _, attributes in network.nodes(data=True)])
    edges = list(network.edges(data=True))
    ends = {end: [number[edge[k]] for edge in edges] for k, end in enumerate(ENDS)}
    source = Source(
        name,
        Table.of(f"{name} nodes", {ID: list(number.values()), **nodes}),
        Table.of(f"{name} edges", {**ends, **_columns([attributes for *_, attributes in edges])}),
        id=ID,
        ends=ENDS,
        directed=network.is_directed(),
        duplicates=duplicates,
        features=features,
        edge_features=edge_features,
        split=split,
        split_column=split_attribute,
        split_seed=split_seed,
    )
    return task_of(source, target, task)


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The attributes by name, in the order in which they first come."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {str(name): [row.get(name) for row in rows] for name in names}
