"""Many graphs, a target for each, and which of them are for what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Answer
from edgewise.data.batch import Batch
from edgewise.data.features import check_features
from edgewise.data.node_task import check_edges
from edgewise.data.parts import PARTS, check_parts
from edgewise.data.share import ALL, Share
from edgewise.data.sparse import join_rows
from edgewise.data.task import Task
from edgewise.graph import Graph
from edgewise.graph.structure.origin import Parts, Store, Whole, set_origin, set_store


@dataclass(frozen=True, eq=False)
class GraphTask(Task):
    """From graphs with features, say a target for each; learn from `train`, choose by `validation`, judge by `test`.

    A batch is the disjoint union of its graphs: one graph, no padding. Everything is checked here, once.
    """

    name: str
    graphs: Sequence[Graph]
    features: Sequence[Tensor]  # of each graph, Float[Tensor, "nodes features"], dense or torch.sparse_csr
    targets: Tensor  # as `answer` has them: a class, a row of labels, or a row of numbers a graph
    train: Tensor  # Int64[Tensor, "train"], numbers of graphs, and so on
    validation: Tensor
    test: Tensor
    answer: Answer  # what is asked: Classes, Labels or Numbers
    edges: Sequence[Tensor] | None = None  # of each graph, Float[Tensor, "edges features"] in its edge order
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # how columns became features, as JSON has it
    learns: bool = True  # no: it is for a network that has learned; its examples are all in `test`, known or not
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # columns that say which example each is
    share: Share = ALL  # what a training step has of its examples; the rest is for other devices

    example = "graph"

    def __post_init__(self) -> None:
        check_graphs(self.graphs, self.features, self.edges, self.name)
        self.answer.check(self.targets, len(self.graphs), self.name)
        check_parts(
            {part: getattr(self, part) for part in PARTS}, self.targets, self.answer, self.name, "graph", self.learns
        )

    @property
    def num_features(self) -> int:
        return self.features[0].shape[-1]

    @property
    def num_edge_features(self) -> int:
        return 0 if self.edges is None else self.edges[0].shape[-1]

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """Disjoint unions of at most `size` graphs: as few as that takes, which differ by one graph at most."""
        index = getattr(self, part).cpu()
        if shuffled:
            index = index[torch.randperm(len(index))]
        for chosen in index.tensor_split(self.num_batches(part, size)):
            chosen = self.share.of(chosen) if shuffled else chosen
            yield Batch(
                *joined(self.graphs, self.features, chosen.tolist()),
                self.targets[chosen.to(self.targets.device)],
                edges=None if self.edges is None else torch.cat([self.edges[k] for k in chosen.tolist()]),
            )

    def keep(self, store: Store) -> None:
        """Have what is measured on the graphs found in `store`, of all of them together."""
        keep_together(self.graphs, store)

    def shared(self, share: Share) -> "GraphTask":
        """The same task, whose training steps are of this share of each step's graphs."""
        return replace(self, share=share)

    def to(self, device: torch.device | str) -> "GraphTask":
        """The same task with its graphs and tensors on `device`."""
        return replace(
            self,
            graphs=[graph.to(device) for graph in self.graphs],
            features=[features.to(device) for features in self.features],
            edges=None if self.edges is None else [edges.to(device) for edges in self.edges],
            **{name: getattr(self, name).to(device) for name in ("targets", *PARTS)},
        )

    def described(self) -> str:
        return f"{sizes(self.graphs, self.features, self.edges)}, {self.answer.described()}"


def check_graphs(
    graphs: Sequence[Graph], features: Sequence[Tensor], edges: Sequence[Tensor] | None, where: str
) -> None:
    """Refuse features of nodes or edges that are not those of graphs, or not of one width."""
    for name, found in (("features", features), ("edges", edges)):
        if found is not None and len(found) != len(graphs):
            raise ValueError(f"{where}: expected {name} for each of {len(graphs)} graphs, got {len(found)}")
    for k, graph in enumerate(graphs):
        own, here = features[k], f"{where}: graph {k}"
        if graph.num_receivers != graph.num_senders or own.shape[:1] != (graph.num_receivers,):
            raise ValueError(
                f"{here} has {graph.num_senders} senders and {graph.num_receivers} receivers, but features of"
                f" {len(own)} nodes"
            )
        width = features[0].shape[-1]
        if not own.is_floating_point() or own.dim() != 2 or own.shape[1] != width:
            raise ValueError(
                f"{here}: expected floating-point features [nodes, {width}], as graph 0 has them, got"
                f" {own.dtype} {list(own.shape)}"
            )
        check_features(own, here)
        if edges is not None:
            check_edges(edges[k], graph, here)


def joined(graphs: Sequence[Graph], features: Sequence[Tensor], numbers: Sequence[int]) -> tuple[Graph, Tensor]:
    """The disjoint union of the graphs of these numbers, which knows where it comes from, and its nodes' features."""
    chosen = [graphs[k] for k in numbers]
    together = Graph.batch(chosen)
    set_origin(together, Parts(chosen))
    return together, join_rows([features[k] for k in numbers])


def keep_together(graphs: Sequence[Graph], store: Store) -> None:
    """Have what is measured on graphs found in `store`, of all of them together."""
    together, first = Graph.batch(graphs), 0
    set_store(together, store)
    for graph in graphs:
        set_origin(graph, Whole(together, slice(first, first + graph.num_receivers)))
        first += graph.num_receivers


def sizes(graphs: Sequence[Graph], features: Sequence[Tensor], edges: Sequence[Tensor] | None) -> str:
    """How many of everything, for the report."""
    nodes, heard = sum(graph.num_receivers for graph in graphs), sum(graph.num_edges for graph in graphs)
    more = f", {edges[0].shape[-1]} edge features" if edges is not None else ""
    return f"{len(graphs)} graphs, {nodes} nodes, {heard} edges, {features[0].shape[-1]} features{more}"
