"""One graph, a class for every node, and which nodes are for what."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.data.features import check_finite
from edgewise.graph import Graph

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class NodeTask:
    """Node classification: from `features` and `graphs`, say `targets`; learn from `train`, choose by `validation`.

    `graphs` is what a network hears: one Graph, or several by name. `train`, `validation` and `test` are node numbers;
    nodes in none of them are heard but never asked about. Everything is checked here, once.
    """

    name: str
    graphs: Graph | Mapping[str, Graph]
    features: Tensor  # Float[Tensor, "nodes features"]
    targets: Tensor  # Int64[Tensor, "nodes"]
    train: Tensor  # Int64[Tensor, "train"], and so on
    validation: Tensor
    test: Tensor
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split

    def __post_init__(self) -> None:
        if not self.features.is_floating_point() or self.features.dim() != 2:
            got = f"{self.features.dtype} {list(self.features.shape)}"
            raise TypeError(f"{self.name}: expected floating-point features [nodes, features], got {got}")
        for name in ("targets", *PARTS):
            if getattr(self, name).dtype != torch.int64:
                raise TypeError(f"{self.name}: expected {name} in int64, got {getattr(self, name).dtype}")
        nodes, classes = len(self.features), len(self.class_names)
        check_finite(self.features, self.name)
        if self.targets.shape != (nodes,):
            raise ValueError(f"{self.name}: expected one target a node, [{nodes}], got {list(self.targets.shape)}")
        if nodes and not 0 <= int(self.targets.min()) <= int(self.targets.max()) < classes:
            raise ValueError(
                f"{self.name}: expected targets from 0 to {classes - 1}, one for each of {classes} class names, got"
                f" {int(self.targets.min())} to {int(self.targets.max())}"
            )
        for label, graph in self.named_graphs().items():
            if graph.num_receivers != nodes or graph.num_senders != nodes:
                raise ValueError(
                    f"{self.name}: graph {label!r} has {graph.num_senders} senders and {graph.num_receivers} receivers,"
                    f" but there are {nodes} rows of features"
                )
        self._check_parts(nodes)

    def _check_parts(self, nodes: int) -> None:
        for part in PARTS:
            index = getattr(self, part)
            if not len(index):
                raise ValueError(f"{self.name}: the {part} part holds no node")
            outside = index[(index < 0) | (index >= nodes)]
            if len(outside):
                raise IndexError(
                    f"{self.name}: the {part} part names node {int(outside[0])}, but nodes go from 0 to {nodes - 1}"
                )
        together = torch.cat([getattr(self, part) for part in PARTS])
        twice = (torch.bincount(together, minlength=nodes) > 1).nonzero()
        if len(twice):
            node = int(twice[0])
            parts = [part for part in PARTS if node in getattr(self, part)]
            raise ValueError(f"{self.name}: node {node} is named more than once, in {' and '.join(parts)}")

    @property
    def num_nodes(self) -> int:
        return len(self.features)

    @property
    def num_features(self) -> int:
        return self.features.shape[1]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    def named_graphs(self) -> Mapping[str, Graph]:
        """The graphs by name; a single one is called "edges", as the layers call it."""
        return self.graphs if isinstance(self.graphs, Mapping) else {"edges": self.graphs}

    def to(self, device: torch.device | str) -> "NodeTask":
        """The same task with its graphs and tensors on `device`."""
        graphs = (
            {name: graph.to(device) for name, graph in self.graphs.items()}
            if isinstance(self.graphs, Mapping)
            else self.graphs.to(device)
        )
        tensors = {name: getattr(self, name).to(device) for name in ("features", "targets", *PARTS)}
        return replace(self, graphs=graphs, **tensors)
