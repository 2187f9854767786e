"""Many graphs, some of whose nodes or edges are hidden: what they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from edgewise.data.answers import Classes
from edgewise.data.batch import Batch
from edgewise.data.graph_task import check_graphs, joined, keep_together, sizes
from edgewise.data.masks import draw_mask
from edgewise.data.parts import PARTS, check_parts
from edgewise.data.sparse import hide_rows
from edgewise.data.splits import SplitPart, drawn
from edgewise.data.task import Task
from edgewise.graph import Graph
from edgewise.graph.structure.origin import Store
from edgewise.part import Part

KINDS = ("nodes", "edges")
Masks = dict[str, Tensor]  # of what is hidden, by kind, a Bool for each node or edge of a graph


@dataclass(frozen=True, eq=False)
class MaskedTask(Task):
    """From graphs with some features hidden, x_i <- 0, say what class they were of: what BERT asks of words.

    `hidden` says which share is hidden, and asked about: {"nodes": 0.15}, {"edges": 0.15} or both; of every graph at
    least one. The mask is a row of zeros, which one-hot features never are: a network projects it to its bias, a
    vector that it learns. So its weights are those that a task with nothing hidden has, too. An edge is hidden together
    with its opposite, where it could be read off, and both are asked about.

    A batch is the disjoint union of its graphs, as that of a `GraphTask`; the parts are numbers of graphs. For
    validation, test and a look at training the same are hidden always, by `mask_seed`; for an epoch of training others,
    by PyTorch's global stream. A network says a row for each node (head "nodes"), each edge ("edges"), or each node and
    then each edge ("nodes_and_edges").

    Hu et al. 2020, section 3.1.2, https://arxiv.org/abs/1905.12265; differs: one head says classes of both kinds, and
    the mask is zeros, no value of its own.
    """

    name: str
    graphs: Sequence[Graph]
    features: Sequence[Tensor]  # of each graph, Float[Tensor, "nodes features"], dense or torch.sparse_csr
    classes: Mapping[str, Sequence[Tensor]]  # by kind, of each graph: Int64[Tensor, "nodes"], numbers of `answer`
    train: Tensor  # Int64[Tensor, "train"], numbers of graphs, and so on
    validation: Tensor
    test: Tensor
    answer: Classes  # of all kinds together
    edges: Sequence[Tensor] | None = None  # of each graph, Float[Tensor, "edges features"] in its edge order
    hidden: Mapping[str, float] = field(default_factory=lambda: {"nodes": 0.15})  # by kind, the share
    mask_seed: int = 0  # of what is hidden in validation and test
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # how columns became features, as JSON has it
    learns: bool = True  # it cannot be of other files: nobody has asked what they hide
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # columns that say which example each is
    targets: Tensor = field(init=False, repr=False)  # a zero for each graph: of all of them the classes are known

    example = "graph"

    def __post_init__(self) -> None:
        check_graphs(self.graphs, self.features, self.edges, self.name)
        self._check_hidden()
        for kind in self.hidden:
            for k, (graph, classes) in enumerate(zip(self.graphs, self.classes[kind], strict=True)):
                self.answer.check(classes, _count(graph, kind), f"{self.name}: graph {k}, {kind}")
                if not self.answer.known(classes).all():
                    raise ValueError(f"{self.name}: graph {k}, {kind}: expected a class for each, got -1 for some")
        object.__setattr__(self, "targets", torch.zeros(len(self.graphs), dtype=torch.int64, device=self.train.device))
        parts = {part: getattr(self, part) for part in PARTS}
        check_parts(parts, self.targets, self.answer, self.name, "graph")
        for part, index in parts.items():
            if not any(_count(self.graphs[k], kind) for k in index.tolist() for kind in self.hidden):
                raise ValueError(f"{self.name}: the {part} part has no {' or '.join(self.hidden)} to hide")

    def _check_hidden(self) -> None:
        wrong = [kind for kind in self.hidden if kind not in KINDS]
        if wrong or not self.hidden:
            raise ValueError(f"{self.name}: nodes or edges can be hidden, got {', '.join(wrong) or 'neither'}")
        for kind, share in self.hidden.items():
            if not 0 < share <= 1:
                raise ValueError(f"{self.name}: expected a share of {kind} above 0, at most 1, got {share}")
            if len(self.classes.get(kind, ())) != len(self.graphs):
                raise ValueError(
                    f"{self.name}: expected classes of the {kind} of {len(self.graphs)} graphs, got"
                    f" {len(self.classes.get(kind, ()))}"
                )
        if "edges" in self.hidden and self.edges is None:
            raise ValueError(f"{self.name}: edges bring no features, so nothing of them can be hidden; hide nodes")

    @property
    def num_features(self) -> int:
        return self.features[0].shape[-1]

    @property
    def num_edge_features(self) -> int:
        return 0 if self.edges is None else self.edges[0].shape[-1]

    def asked(self, part: str) -> Tensor:
        """The classes of what is hidden in a part, graph by graph, of each its nodes first."""
        return self._questions(getattr(self, part).tolist(), self._looked_at[part])[1]

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """Disjoint unions of at most `size` graphs, with nodes and edges hidden."""
        index, masks = getattr(self, part).cpu(), self._looked_at[part]
        if shuffled:
            index = index[torch.randperm(len(index))]
            masks = self._drawn(index)
        first = 0
        for chosen in index.tensor_split(self.num_batches(part, size)):
            yield self._batch(chosen.tolist(), masks[first : first + len(chosen)])
            first += len(chosen)

    def rows(self, batch: Batch) -> tuple[int, str]:
        """A row for each node, each edge, or both: whatever may be hidden."""
        assert isinstance(batch.graphs, Graph)
        return sum(_count(batch.graphs, kind) for kind in self.hidden), " and ".join(self.hidden)

    def keep(self, store: Store) -> None:
        """Have what is measured on the graphs found in `store`, of all of them together."""
        keep_together(self.graphs, store)

    def to(self, device: torch.device | str) -> "MaskedTask":
        """The same task with its graphs and tensors on `device`."""
        return replace(
            self,
            graphs=[graph.to(device) for graph in self.graphs],
            features=[features.to(device) for features in self.features],
            edges=None if self.edges is None else [edges.to(device) for edges in self.edges],
            classes={kind: [each.to(device) for each in classes] for kind, classes in self.classes.items()},
            **{name: getattr(self, name).to(device) for name in PARTS},
        )

    def described(self) -> str:
        shares = " and of ".join(f"{kind} {100 * share:.3g} %" for kind, share in self.hidden.items())
        return (
            f"{sizes(self.graphs, self.features, self.edges)}, of {shares} hidden in every graph and asked about,"
            f" {self.answer.described()}"
        )

    @cached_property
    def _looked_at(self) -> dict[str, list[Masks]]:
        """What is hidden in the graphs of each part."""
        generator = torch.Generator().manual_seed(self.mask_seed)
        return {part: self._drawn(getattr(self, part).cpu(), generator) for part in PARTS}

    @cached_property
    def _hideable(self) -> dict[str, list[Tensor]]:
        """What is hidden at once, for each node or edge of every graph: a number, from 0 on."""
        alone = [torch.arange(graph.num_receivers) for graph in self.graphs]
        return {"nodes": alone, "edges": _links(self.graphs)} if "edges" in self.hidden else {"nodes": alone}

    def _drawn(self, index: Tensor, generator: torch.Generator | None = None) -> list[Masks]:
        """What is hidden in each of these graphs."""
        masks: list[Masks] = [{} for _ in index]
        for kind, share in self.hidden.items():
            numbers = [self._hideable[kind][k] for k in index.tolist()]
            counts = torch.tensor([int(each.max()) + 1 if len(each) else 0 for each in numbers])
            drawn = draw_mask(counts, share, generator).split(counts.tolist())
            for mask, own, at_once in zip(masks, drawn, numbers, strict=True):
                mask[kind] = own[at_once].to(self.train.device)
        return masks

    def _batch(self, numbers: Sequence[int], masks: Sequence[Masks]) -> Batch:
        graph, features = joined(self.graphs, self.features, numbers)
        edges = None if self.edges is None else torch.cat([self.edges[k] for k in numbers])
        if "nodes" in self.hidden:
            features = hide_rows(features, torch.cat([mask["nodes"] for mask in masks]))
        if "edges" in self.hidden:
            assert edges is not None
            edges = hide_rows(edges, torch.cat([mask["edges"] for mask in masks]))
        asked, targets = self._questions(numbers, masks)
        return Batch(graph, features, targets, asked=asked, edges=edges)

    def _questions(self, numbers: Sequence[int], masks: Sequence[Masks]) -> tuple[Tensor, Tensor]:
        """Which rows of these graphs together are hidden, graph by graph, and of which classes they are."""
        hidden = [mask[kind] for kind in self.hidden for mask in masks]
        classes = torch.cat([self.classes[kind][k] for kind in self.hidden for k in numbers])
        rows = torch.cat(hidden).nonzero()[:, 0]
        owner = torch.tensor([k for _ in self.hidden for k in range(len(numbers))])
        owner = owner.repeat_interleave(torch.tensor([len(each) for each in hidden])).to(rows.device)
        rows = rows[owner[rows].argsort(stable=True)]
        return rows, classes[rows]


def masked_task(
    name: str,
    graphs: Sequence[Graph],
    features: Sequence[Tensor],
    edge_features: Sequence[Tensor] | None,
    kinds: Mapping[str, tuple[Sequence[str], Sequence[Tensor]]],
    split: SplitPart,
    split_seed: int,
    groups: Any,
    notes: tuple[str, ...],
    ids: Mapping[str, Sequence[Any]],
    *,
    nodes: float = 0.15,
    edges: float = 0.0,
) -> MaskedTask:
    """What hidden `nodes` and `edges` (the shares of both) were, in graphs that a door has read.

    What comes before the options is the door's; `kinds` holds names of classes, and the class of each node or edge.
    Only classes that occur are asked about.
    """
    hidden = {kind: share for kind, share in (("nodes", nodes), ("edges", edges)) if share}
    names: list[str] = []
    classes: dict[str, list[Tensor]] = {}
    for kind in hidden:
        known, numbers = kinds[kind]
        there = torch.bincount(torch.cat(list(numbers)), minlength=len(known)) > 0
        place = there.cumsum(0) - 1 + len(names)
        classes[kind] = [place[each] for each in numbers]
        names += [known[k] for k in there.nonzero()[:, 0].tolist()]
    answer = Classes(tuple(names))
    parts = drawn(
        split, targets=torch.zeros(len(graphs), dtype=torch.int64), answer=answer, seed=split_seed, groups=groups
    )
    return MaskedTask(
        name=name,
        graphs=graphs,
        features=features,
        classes=classes,
        **parts._asdict(),
        answer=answer,
        edges=edge_features,
        hidden=hidden,
        mask_seed=split_seed,
        notes=(*notes, f"The split is {Part.of(split)}, seed {split_seed}, which draws what is hidden in it, too."),
        ids=ids,
    )


MASKED = {"masked": masked_task}
"""The task of a door that asks for what it hides and for no columns."""


def _count(graph: Graph, kind: str) -> int:
    return graph.num_receivers if kind == "nodes" else graph.num_edges


def _links(graphs: Sequence[Graph]) -> list[Tensor]:
    """For each edge of every graph the number of its link: an edge and its opposite are one."""
    together = Graph.batch(graphs)
    ends = torch.stack(together.edges()).cpu().sort(dim=0).values
    _, link = (ends[0] * together.num_receivers + ends[1]).unique(return_inverse=True)
    edges = [graph.num_edges for graph in graphs]
    return [own - own.min() if len(own) else own for own in link.split(edges)]
