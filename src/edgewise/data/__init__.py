"""EXAMPLES: files become graphs, features and targets."""

from collections.abc import Callable

from edgewise.data.cora import cora
from edgewise.data.features import NORMALISERS
from edgewise.data.node_task import NodeTask
from edgewise.data.splits import Split, per_class

DATASETS: dict[str, Callable[..., NodeTask]] = {"cora": cora}

__all__ = ["DATASETS", "NORMALISERS", "NodeTask", "Split", "cora", "per_class"]
