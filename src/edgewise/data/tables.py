"""Your own graph: a table of nodes, a table of edges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from edgewise.data.encoders import EncoderPart
from edgewise.data.folders import file_in
from edgewise.data.learned import Learned
from edgewise.data.link_task import LINKS, LinkTask, links_of
from edgewise.data.node_task import NodeTask
from edgewise.data.source import Source
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.table import Table
from edgewise.data.target_columns import TaskPart, column_targets, standardised
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
    source = Source(
        f"tables {Path(folder).name}",
        node_table,
        edge_table,
        id=id,
        ends=(sender, receiver),
        directed=directed,
        duplicates=duplicates,
        features=features,
        edge_features=edge_features,
        split=split,
        split_column=split_column,
        split_seed=split_seed,
    )
    return task_of(source, target, task, learned)


def task_of(
    source: Source, target: Sequence[str], task: TaskPart, learned: Learned | None = None
) -> NodeTask | LinkTask:
    """What is asked of a graph in two tables."""
    asked = column_targets(task)
    if asked is None:
        return _links_of(source, target, Part.of(task), learned)
    if learned is None:
        targets, answer = asked(source.nodes, target)
        own = _given(source.nodes, source.split_column) if source.split_column else None
        parts = drawn(source.split, targets=targets, answer=answer, seed=source.split_seed, given=own)
        answer, rows = standardised(answer, targets, parts.train), parts.train.tolist()
        drawn_by = f"The split is {Part.of(source.split)}, seed {source.split_seed}."
    else:
        targets, answer = learned.asked(source.nodes, target, asked)
        parts, rows, drawn_by = learned.split(len(source.nodes)), None, "Nothing is learned from it."
        source = _encoded_by(source, learned)
    for column in target:
        if column in (source.features or {}):
            raise ValueError(f"{source.nodes.file}: column {column!r} is a target, so it cannot be a feature as well")
    read = source.read({source.id, source.split_column, *target}, rows)
    return NodeTask(
        name=source.name,
        graphs=read.graph,
        features=read.features,
        edges=read.edges,
        targets=targets,
        **parts._asdict(),
        answer=answer,
        notes=(f"{read.origin}{Part.of(task).name} of {', '.join(target)}.", read.encoded_by, drawn_by),
        encoders=read.encoders,
        learns=learned is None,
        ids={source.id: source.nodes.column(source.id).to_pylist()},
    )


def _encoded_by(source: Source, learned: Learned) -> Source:
    """The same files, whose columns become what they became in training."""
    return replace(source, features=learned.encoders["nodes"], edge_features=learned.encoders["edges"])


def _links_of(source: Source, target: Sequence[str], task: Part, learned: Learned | None) -> LinkTask:
    if tuple(target) != USUAL_TARGET:
        got = ", ".join(target)
        raise ValueError(f'{source.nodes.file}: task = "links" asks for no column, got target {got}; leave it out')
    source = source if learned is None else _encoded_by(source, learned)
    read = source.read({source.id}, range(len(source.nodes)) if learned is None else None)
    own = None
    if source.split_column and (learned is None or learned.targets):
        pairs, given = source.rows(), _given(source.edges, source.split_column)
        own = Split(*(_link_numbers(read.graph, pairs[:, rows], source.directed) for rows in given))
    made: LinkTask = task.build(
        LINKS,
        "task",
        name=source.name,
        graph=read.graph,
        features=read.features,
        edges=read.edges,
        directed=source.directed,
        split=source.split,
        split_seed=source.split_seed,
        given=own,
        notes=(f"{read.origin}which of them are linked.", read.encoded_by),
        encoders=read.encoders,
        nodes={source.id: source.nodes.column(source.id).to_pylist()},
        learned=learned,
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
