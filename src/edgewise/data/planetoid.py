"""Planetoid: citation graphs (Cora, CiteSeer, PubMed) with the split that most articles report on."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise.data.answers import UNKNOWN, Answer, Classes
from edgewise.data.features import NORMALISERS
from edgewise.data.folders import file_in
from edgewise.data.learned import Learned
from edgewise.data.node_task import NodeTask
from edgewise.data.plain_pickle import SparseRows, read_pickle
from edgewise.data.sparse import sparse_table, worth_it
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.graph import Graph
from edgewise.names import lookup
from edgewise.part import Part

VALIDATION = 500  # nodes of the public split


def planetoid(
    *,
    folder: str | Path,
    graph: str = "*",
    split: SplitPart = "given",
    split_seed: int = 0,
    normalise: str = "row",
    learned: Learned | None = None,
) -> NodeTask:
    """Say the field of a paper from its words and from the papers it cites or is cited by, in the files ind.NAME.*.

    `graph` is the NAME, where the folder holds several. The split "given" is the public one: 20 papers a class for
    training, 500 for validation, 1000 for testing; any other in SPLITS is drawn by `split_seed`. Edges go both ways;
    a paper that cites itself does not hear itself. Papers in the range of the test index that the files lack
    (CiteSeer's) are nodes without features, edges or class.

    Yang et al. 2016, Revisiting semi-supervised learning with graph embeddings, https://arxiv.org/abs/1603.08861
    """
    file = file_in(folder, [f"ind.{graph}.graph"], "planetoid")
    name = file.name.removeprefix("ind.").removesuffix(".graph")
    parts = {part: read_pickle(_beside(file, part)) for part in ("x", "tx", "allx", "y", "ty", "ally")}
    tested = torch.from_numpy(np.loadtxt(_beside(file, "test.index"), dtype=np.int64, ndmin=1))
    before = len(parts["ally"])
    nodes = max(before, int(tested.max()) + 1)
    words = _words(parts["allx"], parts["tx"], tested, nodes)
    targets = torch.full((nodes,), UNKNOWN)
    targets[:before] = _classes(parts["ally"])
    targets[tested] = _classes(parts["ty"])
    answer: Answer = Classes(tuple(f"class {number}" for number in range(parts["ally"].shape[1])))
    labelled = len(parts["y"])
    public = Split(
        torch.arange(labelled),
        torch.arange(labelled, labelled + VALIDATION),
        tested[targets[tested] != UNKNOWN].sort().values,
    )
    if learned is None:
        chosen = drawn(split, targets=targets, answer=answer, seed=split_seed, given=public)
    else:
        targets, answer = learned.renamed(targets, answer, f"{file}: it")
        chosen = learned.split(nodes)
    edges = _edges(read_pickle(file), nodes)
    return NodeTask(
        name=f"planetoid {name}",
        graphs=edges,
        features=lookup(normalise, NORMALISERS, "normalise")(words),
        targets=targets,
        train=chosen.train,
        validation=chosen.validation,
        test=chosen.test,
        answer=answer,
        notes=(
            f"{edges.num_edges // 2} undirected citation pairs; both directions are edges. Yang et al. 2016.",
            "Nothing is learned from it."
            if learned is not None
            else "The split is the public one."
            if Part.of(split).name == "given"
            else f"The split is drawn ({Part.of(split)}, seed {split_seed}); it is **not** the public one.",
        ),
        learns=learned is None,
    )


def _words(before: SparseRows, after: SparseRows, tested: Tensor, nodes: int) -> Tensor:
    """The words of the papers before the test index, and of those in it."""
    rows, columns, values = zip(before.entries(), after.entries(), strict=True)
    owner = torch.cat([torch.from_numpy(rows[0]), tested[torch.from_numpy(rows[1])]])
    column, value = (torch.from_numpy(np.concatenate(each)) for each in (columns, values))
    return worth_it(sparse_table(owner, column, value, (nodes, before.width)))


def _beside(file: Path, part: str) -> Path:
    found = file.with_name(file.name.removesuffix("graph") + part)
    if not found.is_file():
        raise FileNotFoundError(f"planetoid: there is no {found.name} beside {file}")
    return found


def _classes(one_hot: Any) -> Tensor:
    """The column of each row's one; unknown where a row has none."""
    table = torch.from_numpy(np.asarray(one_hot, dtype=np.int64))
    return table.argmax(dim=1).where(table.any(dim=1), UNKNOWN)


def _edges(neighbours: dict[int, list[int]], nodes: int) -> Graph:
    ends = torch.tensor([(i, j) for i, heard in neighbours.items() for j in heard if i != j], dtype=torch.int64)
    both = torch.cat([ends, ends.flip(1)]).unique(dim=0)
    return Graph.from_edges(both[:, 0], both[:, 1], num_senders=nodes)
