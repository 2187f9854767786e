"""PyTorch Geometric's `Data` and data sets, as tasks."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Answer, Classes, Labels, Numbers
from edgewise.data.graph_task import GraphTask
from edgewise.data.node_task import NodeTask
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.target_columns import TARGETS, standardised
from edgewise.graph import Graph
from edgewise.names import lookup
from edgewise.part import Part

MASKS = ("train_mask", "val_mask", "test_mask")


def from_pyg(
    data: Any,
    *,
    name: str = "pyg",
    task: str = "classification",
    names: Sequence[str] = (),
    split: SplitPart = "given",
    fold: int = 0,
    split_seed: int = 0,
) -> NodeTask:
    """Say `data.y` of nodes from `data.x`, `data.edge_index` and, where there are some, `edge_attr` or `edge_weight`.

    `task` is "classification" (y: classes), "multi_label" or "regression" (y: a row a node); `names` are those of the
    classes, labels or numbers. The split "given" is that of train_mask, val_mask and test_mask, column `fold` where
    they have several.

    >>> import torch
    >>> from torch_geometric.data import Data
    >>> index = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    >>> data = Data(x=torch.rand(10, 3), edge_index=index, y=torch.arange(10) % 2)
    >>> from_pyg(data, split="random").described()
    '10 nodes, 4 edges, 3 features, 2 classes'
    """
    _check(data, ("x", "edge_index", "y"), name)
    graph, order = Graph.from_pyg(data, return_order=True)
    targets, answer = _targets(data.y, task, names, name)
    own = None
    if all(getattr(data, mask, None) is not None for mask in MASKS):
        own = Split(*(_nodes(getattr(data, mask), fold) for mask in MASKS))
    parts = drawn(split, targets=targets, answer=answer, seed=split_seed, given=own)
    return NodeTask(
        name=name,
        graphs=graph,
        features=data.x.float(),
        edges=_edge_features(data, order),
        targets=targets,
        **parts._asdict(),
        answer=standardised(answer, targets, parts.train),
        notes=("From PyTorch Geometric.", f"The split is {Part.of(split)}, seed {split_seed}."),
    )


def graphs_from_pyg(
    dataset: Sequence[Any],
    *,
    name: str = "pyg",
    task: str = "classification",
    names: Sequence[str] = (),
    split: SplitPart = "random",
    split_seed: int = 0,
) -> GraphTask:
    """Say the `y` of each `Data` of a data set from its `x`, `edge_index` and, where there are some, `edge_attr`."""
    graphs, orders = [], []
    for k, data in enumerate(dataset):
        _check(data, ("x", "edge_index", "y"), f"{name}: graph {k}")
        graph, order = Graph.from_pyg(data, return_order=True)
        graphs.append(graph)
        orders.append(order)
    found = [_edge_features(data, order) for data, order in zip(dataset, orders, strict=True)]
    edges = [each for each in found if each is not None]
    rows = torch.cat([torch.as_tensor(data.y).reshape(1, -1) for data in dataset])
    targets, answer = _targets(rows, task, names, name)
    parts = drawn(split, targets=targets, answer=answer, seed=split_seed)
    return GraphTask(
        name=name,
        graphs=graphs,
        features=[data.x.float() for data in dataset],
        edges=edges or None,
        targets=targets,
        **parts._asdict(),
        answer=standardised(answer, targets, parts.train),
        notes=("From PyTorch Geometric.", f"The split is {Part.of(split)}, seed {split_seed}."),
    )


def _check(data: Any, wanted: Sequence[str], where: str) -> None:
    absent = [name for name in wanted if getattr(data, name, None) is None]
    if absent:
        raise ValueError(f"{where}: the PyG data have no {', '.join(absent)}; features are x, targets y")


def _targets(y: Tensor, task: str, names: Sequence[str], where: str) -> tuple[Tensor, Answer]:
    lookup(task, TARGETS, "task")
    if task != "classification":
        table = y.float().reshape(len(y), -1)
        kind = Labels if task == "multi_label" else Numbers
        return table, kind(tuple(names) or tuple(f"{k}" for k in range(table.shape[1])))
    if y.is_floating_point() or y.numel() != len(y):
        raise ValueError(
            f"{where}: a classification wants an integer class an example, got y in {y.dtype} {list(y.shape)}; task ="
            ' "multi_label" or "regression" takes a row of floating-point numbers'
        )
    targets = y.reshape(-1).long()
    return targets, Classes(tuple(names) or tuple(f"{k}" for k in range(int(targets.max()) + 1)))


def _nodes(mask: Tensor, fold: int) -> Tensor:
    return (mask if mask.dim() == 1 else mask[:, fold]).nonzero()[:, 0]


def _edge_features(data: Any, order: Tensor) -> Tensor | None:
    features = getattr(data, "edge_attr", None)
    features = getattr(data, "edge_weight", None) if features is None else features
    return None if features is None else features.float().reshape(data.num_edges, -1)[order]
