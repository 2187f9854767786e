"""Your own graph: a table of nodes, a table of edges."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.data.encoders import EncoderPart, encoded
from edgewise.data.folders import file_in
from edgewise.data.learned import Learned
from edgewise.data.link_task import LINKS, LinkTask, links_of
from edgewise.data.node_task import NodeTask
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TaskPart, column_targets, standardised
from edgewise.extras import require
from edgewise.graph import Graph
from edgewise.part import Part

FILES = ("parquet", "csv", "csv.gz", "tsv")
USUAL_TARGET = ("label",)


def tables(
    *,
    folder: str | Path,
    nodes: str = "nodes",
    edges: str = "edges",
    delimiter: str = ",",
    id: str = "id",
    sender: str = "source",
    receiver: str = "target",
    directed: bool = False,
    duplicates: str = "",
    target: tuple[str, ...] = USUAL_TARGET,
    task: TaskPart = "classification",
    features: Mapping[str, EncoderPart] | None = None,
    edge_features: Mapping[str, EncoderPart] | None = None,
    split: SplitPart = "random",
    split_column: str = "",
    split_seed: int = 0,
    learned: Learned | None = None,
) -> NodeTask | LinkTask:
    """Say the `target` columns of nodes from their other columns and from their neighbours.

    The files are `nodes` and `edges` with the ending parquet, csv, csv.gz or tsv, or whole file names. Column `id`
    names a node, `sender` and `receiver` of an edge name two: the receiver hears the sender, and unless `directed` the
    sender hears the receiver. An edge that comes twice is an error, or `duplicates` ("first", "sum", "mean", "max")
    says how its features merge.

    `task` is "classification" (one column, a class a node), "multi_label" (a column a label) or "regression" (a column
    a number, learned in deviations of the training part). Where a target is empty, the node is heard and not asked.
    Or it is "links", which asks for no column but for pairs of nodes that an edge joins; its options are those of
    `link_task`: {name = "links", negatives_per_link = 1}.

    `features` and `edge_features` give an encoder in ENCODERS for each column to take. Without `features` all columns
    are taken that have no other use: numbers as "number", the rest as "one_hot"; without `edge_features` edges bring
    nothing. Encoders learn from the training part; where links are asked for, from all. `split_column` says "train",
    "validation" or "test", for the split "given", of nodes, or of edges where links are asked for; one of which it says
    nothing is in no part.
    """
    node_table, edge_table = (Table.read(_file(folder, name), delimiter) for name in (nodes, edges))
    return task_of_tables(
        f"tables {Path(folder).name}",
        node_table,
        edge_table,
        id=id,
        ends=(sender, receiver),
        directed=directed,
        duplicates=duplicates,
        target=target,
        task=task,
        features=features,
        edge_features=edge_features,
        split=split,
        split_column=split_column,
        split_seed=split_seed,
        learned=learned,
    )


def task_of_tables(
    name: str,
    node_table: Table,
    edge_table: Table,
    *,
    id: str,
    ends: tuple[str, str],
    directed: bool,
    duplicates: str,
    target: Sequence[str],
    task: TaskPart,
    features: Mapping[str, EncoderPart] | None,
    edge_features: Mapping[str, EncoderPart] | None,
    split: SplitPart,
    split_column: str,
    split_seed: int,
    learned: Learned | None = None,
) -> NodeTask | LinkTask:
    """The task in two tables, wherever they come from; the options are those of `tables`."""
    asked = column_targets(task)
    if asked is None:
        if learned is not None:
            raise ValueError(f"{name}: links are of the graph that was learned from; of another, none can be said yet")
        return _links_of_tables(
            name,
            node_table,
            edge_table,
            id=id,
            ends=ends,
            directed=directed,
            duplicates=duplicates,
            target=target,
            task=Part.of(task),
            features=features,
            edge_features=edge_features,
            split=split,
            split_column=split_column,
            split_seed=split_seed,
        )
    if learned is None:
        targets, answer = asked(node_table, target)
        own = _given(node_table, split_column) if split_column else None
        parts = drawn(split, targets=targets, answer=answer, seed=split_seed, given=own)
        answer = standardised(answer, targets, parts.train)
    else:
        targets, answer = learned.asked(node_table, target, asked)
        parts = learned.split(len(node_table))
        features, edge_features = learned.encoders["nodes"], learned.encoders["edges"]
    if features is None:
        features = _usual_features(node_table, {id, split_column, *target})
    for column in target:
        if column in features:
            raise ValueError(f"{node_table.file}: column {column!r} is a target, so it cannot be a feature as well")
    x, node_state = encoded(node_table, features, parts.train.tolist() if learned is None else None)
    rows = range(len(edge_table)) if learned is None else None
    edge_x, edge_state = encoded(edge_table, edge_features or {}, rows)
    heard, edge_x = _heard(node_table, edge_table, id, ends, directed, duplicates, edge_x.to_dense())
    encoded_by = ", ".join(f"{column} ({state['name']})" for column, state in node_state.items())
    return NodeTask(
        name=name,
        graphs=heard,
        features=x if x.shape[1] else torch.ones(len(node_table), 1),
        edges=edge_x if edge_features else None,
        targets=targets,
        train=parts.train,
        validation=parts.validation,
        test=parts.test,
        answer=answer,
        notes=(
            f"Nodes from {node_table.short_name}, {'directed' if directed else 'undirected'} edges from"
            f" {edge_table.short_name}; {Part.of(task).name} of {', '.join(target)}.",
            f"Features: {encoded_by}." if encoded_by else "Nodes bring no features: each has a one.",
            f"The split is {Part.of(split)}, seed {split_seed}." if learned is None else "Nothing is learned from it.",
        ),
        encoders={"nodes": node_state, "edges": edge_state},
        learns=learned is None,
        ids={id: node_table.column(id).to_pylist()},
    )


def _links_of_tables(
    name: str,
    node_table: Table,
    edge_table: Table,
    *,
    id: str,
    ends: tuple[str, str],
    directed: bool,
    duplicates: str,
    target: Sequence[str],
    task: Part,
    features: Mapping[str, EncoderPart] | None,
    edge_features: Mapping[str, EncoderPart] | None,
    split: SplitPart,
    split_column: str,
    split_seed: int,
) -> LinkTask:
    if tuple(target) != USUAL_TARGET:
        got = ", ".join(target)
        raise ValueError(f'{node_table.file}: task = "links" asks for no column, got target {got}; leave it out')
    if features is None:
        features = _usual_features(node_table, {id})
    x, node_state = encoded(node_table, features, range(len(node_table)))
    edge_x, edge_state = encoded(edge_table, edge_features or {}, range(len(edge_table)))
    heard, edge_x = _heard(node_table, edge_table, id, ends, directed, duplicates, edge_x.to_dense())
    own = None
    if split_column:
        names = _ids(node_table, id)
        pairs = torch.stack([_numbers(node_table, names, edge_table, column) for column in ends])
        own = Split(*(_link_numbers(heard, pairs[:, rows], directed) for rows in _given(edge_table, split_column)))
    learned = ", ".join(f"{column} ({state['name']})" for column, state in node_state.items())
    made: LinkTask = task.build(
        LINKS,
        "task",
        name=name,
        graph=heard,
        features=x if x.shape[1] else torch.ones(len(node_table), 1),
        edges=edge_x if edge_features else None,
        directed=directed,
        split=split,
        split_seed=split_seed,
        given=own,
        notes=(
            f"Nodes from {node_table.short_name}, {'directed' if directed else 'undirected'} edges from"
            f" {edge_table.short_name}; which of them are linked.",
            f"Features: {learned}." if learned else "Nodes bring no features: each has a one.",
        ),
        encoders={"nodes": node_state, "edges": edge_state},
    )
    return made


def _link_numbers(graph: Graph, pairs: Tensor, directed: bool) -> Tensor:
    """Which links these pairs are, each once; a node's edge to itself is none."""
    pairs = pairs[:, pairs[0] != pairs[1]]
    links = links_of(graph, directed)
    number = torch.full((graph.num_edges,), -1)
    number[graph.locate(links[0], links[1])] = torch.arange(links.shape[1])
    ends = (pairs[0], pairs[1]) if directed else (pairs.amin(0), pairs.amax(0))
    found: Tensor = number[graph.locate(*ends)].unique()
    return found


def _usual_features(table: Table, used: set[str]) -> dict[str, EncoderPart]:
    """Every column that has no other use."""
    free = [column for column in table.names if column not in used]
    return {column: "number" if table.is_numeric(column) else "one_hot" for column in free}


def _file(folder: str | Path, name: str) -> Path:
    return file_in(folder, [name] if "." in name else [f"{name}.{ending}" for ending in FILES], "tables")


def _given(table: Table, column: str) -> Split:
    words = table.texts(column)
    for row, word in enumerate(words):
        if word is not None and word not in Split._fields:
            raise ValueError(
                f"{table.file}: column {column!r} is to say train, validation, test or nothing, got {word!r} at row"
                f" {row}"
            )
    return Split(*(torch.tensor([k for k, word in enumerate(words) if word == part]).long() for part in Split._fields))


def _heard(
    nodes: Table,
    edges: Table,
    id: str,
    ends: tuple[str, str],
    directed: bool,
    duplicates: str,
    x: Tensor,
) -> tuple[Graph, Tensor]:
    """The graph, and its edge features in its order, of which `x` has a row for each row of the table."""
    names = _ids(nodes, id)
    senders, receivers = (_numbers(nodes, names, edges, column) for column in ends)
    if not duplicates:
        _refuse_duplicates(edges, ends, senders, receivers, directed)
    if not directed:
        mirrored = senders != receivers  # a node's edge to itself has no other direction
        senders, receivers = torch.cat([senders, receivers[mirrored]]), torch.cat([receivers, senders[mirrored]])
        x = torch.cat([x, x[mirrored]])
    merge: Any = duplicates or None
    graph, x = Graph.from_edges(senders, receivers, num_senders=len(nodes), features=x, duplicates=merge)
    return graph, x


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
