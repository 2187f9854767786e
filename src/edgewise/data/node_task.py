"""One graph, a target for every node, and which nodes are for what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Answer
from edgewise.data.batch import Batch
from edgewise.data.features import check_features, check_finite
from edgewise.data.parts import PARTS, check_parts
from edgewise.data.sampling import Sampling
from edgewise.data.share import ALL, Share
from edgewise.data.sparse import take_rows
from edgewise.data.task import Task
from edgewise.graph import Graph
from edgewise.graph.structure.origin import Store, set_store


@dataclass(frozen=True, eq=False)
class NodeTask(Task):
    """From `features` and `graphs`, say `targets`; learn from `train`, choose by `validation`, judge by `test`.

    `graphs` is what a network hears: one Graph, or several by name. `train`, `validation` and `test` are node numbers;
    nodes in none of them are heard but never asked about. Everything is checked here, once.
    """

    name: str
    graphs: Graph | Mapping[str, Graph]
    features: Tensor  # Float[Tensor, "nodes features"], dense or torch.sparse_csr
    targets: Tensor  # as `answer` has them: a class, a row of labels, or a row of numbers a node
    train: Tensor  # Int64[Tensor, "train"], and so on
    validation: Tensor
    test: Tensor
    answer: Answer  # what is asked: Classes, Labels or Numbers
    edges: Tensor | Mapping[str, Tensor] | None = None  # Float[Tensor, "edges features"], of the one graph or by name
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # how columns became features, as JSON has it
    learns: bool = True  # no: it is for a network that has learned; its examples are all in `test`, known or not
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # columns that say which example each is
    sampling: Sampling | None = None  # what a training step hears; None: the whole graph, as all else does
    share: Share = ALL  # what a training step has of its examples; the rest is for other devices

    example = "node"

    def __post_init__(self) -> None:
        check_features(self.features, self.name)
        nodes = len(self.features)
        self.answer.check(self.targets, nodes, self.name)
        for label, graph in self.named_graphs().items():
            if graph.num_receivers != nodes or graph.num_senders != nodes:
                raise ValueError(
                    f"{self.name}: graph {label!r} has {graph.num_senders} senders and {graph.num_receivers} receivers,"
                    f" but there are {nodes} rows of features"
                )
        for label, edges in self._named_edges().items():
            check_edges(edges, self.named_graphs()[label], f"{self.name}: graph {label!r}")
        if self.sampling is not None and self.sampling.weighs and self.edges is not None:
            raise ValueError(
                f"{self.name}: the sampling brings the importance of edges as their feature, and they have"
                f" {self.num_edge_features} of their own; leave out one of them"
            )
        check_parts(
            {part: getattr(self, part) for part in PARTS}, self.targets, self.answer, self.name, "node", self.learns
        )

    @property
    def num_nodes(self) -> int:
        return len(self.features)

    @property
    def num_features(self) -> int:
        return self.features.shape[1]

    @property
    def num_edge_features(self) -> int:
        if self.sampling is not None and self.sampling.weighs:
            return 1
        return next((edges.shape[1] for edges in self._named_edges().values()), 0)

    def named_graphs(self) -> Mapping[str, Graph]:
        """The graphs by name; a single one is called "edges", as the layers call it."""
        return self.graphs if isinstance(self.graphs, Mapping) else {"edges": self.graphs}

    def _named_edges(self) -> Mapping[str, Tensor]:
        if self.edges is None:
            return {}
        return self.edges if isinstance(self.edges, Mapping) else {next(iter(self.named_graphs())): self.edges}

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """The whole graph, once: its nodes hear each other, so they come together.

        With a sampling, what is shuffled (a training step) is a sample around at most `size` nodes of the part.
        """
        if size and self.sampling is None:
            raise ValueError(
                f"training: batch_size is {size}, but {self.name} is one graph, all of whose nodes come at once;"
                " leave it 0, or name a sampling"
            )
        index = getattr(self, part)
        if self.sampling is None or not shuffled:
            yield Batch(self.graphs, self.features, self.targets[index], asked=index, edges=self._all_edges())
            return
        index = index[torch.randperm(len(index)).to(index.device)]
        for seeds in index.tensor_split(self.num_batches(part, size)):
            yield self._around(self.share.of(seeds), self.sampling)

    def num_batches(self, part: str, size: int) -> int:
        """How many training steps."""
        return super().num_batches(part, size) if self.sampling is not None else 1

    def keep(self, store: Store) -> None:
        """Have what is measured on the graphs found in `store`."""
        for graph in self.named_graphs().values():
            set_store(graph, store)

    def sampled(self, sampling: Sampling) -> "NodeTask":
        """The same task, whose training steps hear a sample."""
        return replace(self, sampling=sampling)

    def shared(self, share: Share) -> "NodeTask":
        """The same task, whose training steps are around this share of each step's nodes."""
        if self.sampling is None:
            raise ValueError(
                f"training: devices is {share.devices}, but {self.name} is one graph, all of whose nodes come at once;"
                " name a sampling and a batch_size, or set devices = 1"
            )
        return replace(self, share=share)

    def _around(self, seeds: Tensor, sampling: Sampling) -> Batch:
        """The sample around these nodes, who are the first and the ones asked about."""
        sample = sampling.sample(self.named_graphs(), seeds)
        own = self._named_edges()
        if own.keys() - sample.edges.keys():
            raise ValueError(
                f"training: {type(sampling).__name__} hears along edges that {self.name} need not have, so its"
                f" {self.num_edge_features} edge features cannot follow; sample neighbours, or leave the features out"
            )
        edges: Mapping[str, Tensor] = {name: features[sample.edges[name]] for name, features in own.items()}
        if sampling.weighs:
            edges = {name: weights[:, None].to(self.features.dtype) for name, weights in sample.weights.items()}
        alone = isinstance(self.graphs, Graph)
        return Batch(
            next(iter(sample.graphs.values())) if alone else sample.graphs,
            take_rows(self.features, sample.nodes),
            self.targets[seeds],
            asked=torch.arange(len(seeds), device=seeds.device),
            edges=(next(iter(edges.values())) if alone else edges) if edges else None,
        )

    def _all_edges(self) -> Tensor | Mapping[str, Tensor] | None:
        """The edge features of the whole graph; the importance of its edges where the sampling asks for that."""
        if self.sampling is None or not self.sampling.weighs:
            return self.edges
        shares = {
            name: (1 / graph.degree().to(self.features.dtype)).repeat_interleave(graph.degree())[:, None]
            for name, graph in self.named_graphs().items()
        }
        return next(iter(shares.values())) if isinstance(self.graphs, Graph) else shares

    def to(self, device: torch.device | str) -> "NodeTask":
        """The same task with its graphs and tensors on `device`."""
        tensors = {name: getattr(self, name).to(device) for name in ("features", "targets", *PARTS)}
        return replace(self, graphs=_moved(self.graphs, device), edges=_moved(self.edges, device), **tensors)

    def described(self) -> str:
        edges = ", ".join(f"{graph.num_edges} {label}" for label, graph in self.named_graphs().items())
        more = f", {self.num_edge_features} edge features" if self.num_edge_features else ""
        return f"{self.num_nodes} nodes, {edges}, {self.num_features} features{more}, {self.answer.described()}"


def check_edges(edges: Tensor, graph: Graph, where: str) -> None:
    """Refuse edge features that have not a row for each edge, or are not finite."""
    if not edges.is_floating_point() or edges.dim() != 2 or len(edges) != graph.num_edges:
        raise ValueError(
            f"{where}: expected floating-point edge features [{graph.num_edges} edges, features], got {edges.dtype}"
            f" {list(edges.shape)}"
        )
    check_finite(edges, where, row="edge")


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, Mapping):
        return {name: each.to(device) for name, each in value.items()}
    return None if value is None else value.to(device)
