"""Your own graph: a table of nodes, a table of edges."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.data.encoders import EncoderPart, encoded
from edgewise.data.folders import file_in
from edgewise.data.node_task import NodeTask
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TARGETS, standardised
from edgewise.extras import require
from edgewise.graph import Graph
from edgewise.names import lookup
from edgewise.part import Part

FILES = ("parquet", "csv", "csv.gz", "tsv")


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
    target: tuple[str, ...] = ("label",),
    task: str = "classification",
    features: Mapping[str, EncoderPart] | None = None,
    edge_features: Mapping[str, EncoderPart] | None = None,
    split: SplitPart = "random",
    split_column: str = "",
    split_seed: int = 0,
) -> NodeTask:
    """Say the `target` columns of nodes from their other columns and from their neighbours.

    The files are `nodes` and `edges` with the ending parquet, csv, csv.gz or tsv, or whole file names. Column `id`
    names a node, `sender` and `receiver` of an edge name two: the receiver hears the sender, and unless `directed` the
    sender hears the receiver. An edge that comes twice is an error, or `duplicates` ("first", "sum", "mean", "max")
    says how its features merge.

    `task` is "classification" (one column, a class a node), "multi_label" (a column a label) or "regression" (a column
    a number, learned in deviations of the training part). Where a target is empty, the node is heard and not asked.

    `features` and `edge_features` give an encoder in ENCODERS for each column to take. Without `features` all columns
    are taken that have no other use: numbers as "number", the rest as "one_hot"; without `edge_features` edges bring
    nothing. Encoders learn from the training part. `split_column` says "train", "validation" or "test", for the split
    "given"; a node of which it says nothing is in no part.
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
    task: str,
    features: Mapping[str, EncoderPart] | None,
    edge_features: Mapping[str, EncoderPart] | None,
    split: SplitPart,
    split_column: str,
    split_seed: int,
) -> NodeTask:
    """The task in two tables, wherever they come from; the options are those of `tables`."""
    targets, answer = lookup(task, TARGETS, "task")(node_table, target)
    own = _given(node_table, split_column) if split_column else None
    parts = drawn(split, targets=targets, answer=answer, seed=split_seed, given=own)
    answer = standardised(answer, targets, parts.train)
    if features is None:
        used = {id, split_column, *target}
        free = [column for column in node_table.names if column not in used]
        features = {column: "number" if node_table.is_numeric(column) else "one_hot" for column in free}
    for column in target:
        if column in features:
            raise ValueError(f"{node_table.file}: column {column!r} is a target, so it cannot be a feature as well")
    x, node_state = encoded(node_table, features, parts.train.tolist())
    heard, edge_x, edge_state = _heard(node_table, edge_table, id, ends, directed, duplicates, edge_features or {})
    learned = ", ".join(f"{column} ({state['name']})" for column, state in node_state.items())
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
            f" {edge_table.short_name}; {task} of {', '.join(target)}.",
            f"Features: {learned}." if learned else "Nodes bring no features: each has a one.",
            f"The split is {Part.of(split)}, seed {split_seed}.",
        ),
        encoders={"nodes": node_state, "edges": edge_state},
    )


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
    encoders: Mapping[str, EncoderPart],
) -> tuple[Graph, Tensor, dict[str, Any]]:
    """The graph, its edge features in its order, and what their encoders have learned."""
    names = _ids(nodes, id)
    senders, receivers = (_numbers(nodes, names, edges, column) for column in ends)
    x, state = encoded(edges, encoders, range(len(edges)))
    x = x.to_dense()
    if not duplicates:
        _refuse_duplicates(edges, ends, senders, receivers, directed)
    if not directed:
        mirrored = senders != receivers  # a node's edge to itself has no other direction
        senders, receivers = torch.cat([senders, receivers[mirrored]]), torch.cat([receivers, senders[mirrored]])
        x = torch.cat([x, x[mirrored]])
    merge: Any = duplicates or None
    graph, x = Graph.from_edges(senders, receivers, num_senders=len(nodes), features=x, duplicates=merge)
    return graph, x, state


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
