"""EXAMPLES: files become graphs, features and targets."""

from collections.abc import Callable

from edgewise.data.answers import Answer, Classes, Labels, Numbers
from edgewise.data.batch import Batch
from edgewise.data.cora import cora
from edgewise.data.features import NORMALISERS
from edgewise.data.graph_task import GraphTask
from edgewise.data.node_task import NodeTask
from edgewise.data.planetoid import planetoid
from edgewise.data.splits import SPLITS, Split, per_class, shares
from edgewise.data.task import Task

DATASETS: dict[str, Callable[..., Task]] = {"cora": cora, "planetoid": planetoid}

__all__ = [
    "DATASETS",
    "NORMALISERS",
    "SPLITS",
    "Answer",
    "Batch",
    "Classes",
    "GraphTask",
    "Labels",
    "NodeTask",
    "Numbers",
    "Split",
    "Task",
    "cora",
    "per_class",
    "planetoid",
    "shares",
]
