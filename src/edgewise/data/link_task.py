"""One graph, some of whose links are held out: which pairs are linked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.data.answers import Linked
from edgewise.data.batch import Batch
from edgewise.data.features import check_features
from edgewise.data.learned import Learned
from edgewise.data.negatives import draw_pairs, unlinked
from edgewise.data.node_task import check_edges
from edgewise.data.parts import PARTS, check_parts
from edgewise.data.sampling import Sampling
from edgewise.data.share import ALL, Share
from edgewise.data.sparse import take_rows
from edgewise.data.splits import Split, SplitPart, drawn
from edgewise.data.task import Task
from edgewise.graph import Graph
from edgewise.graph.structure.origin import Store, Whole, set_origin, set_store
from edgewise.part import Part

Pairs = Int64[Tensor, "2 _"]  # senders above receivers


@dataclass(frozen=True, eq=False)
class LinkTask(Task):
    """From `features` and the links that are heard, say which pairs are linked.

    `graph` holds all links that are known. An example is a link: an edge j -> i, j ≠ i; without a direction, both
    edges of a pair are one. `train`, `validation` and `test` are numbers of links in the order of `links_of`; those of
    validation and test are heard in no direction, those in no part, and a node's link to itself, are heard and never
    asked about.

    Beside each link `negatives_per_link` pairs are asked about that are linked in no part: for validation, test and a
    look at training the same ones always, by `negatives_seed`; for an epoch of training new ones, by PyTorch's global
    stream. Of the links that a step of training asks about, it does not hear the share `unheard`: what it hears it
    could read off. (Positions of nodes are those among all links of training.)

    A batch says which pairs it asks about as the graph "links", beside "edges", which is heard.
    """

    name: str
    graph: Graph
    features: Tensor  # Float[Tensor, "nodes features"]
    train: Tensor  # Int64[Tensor, "train"], numbers of links, and so on
    validation: Tensor
    test: Tensor
    directed: bool = False  # False: every edge has its opposite, and the two are one link
    edges: Tensor | None = None  # Float[Tensor, "edges features"], of the graph
    negatives_per_link: int = 1  # pairs that are not linked, asked about beside each link
    unheard: float = 0.5  # of the links that a step of training asks about, the share that it does not hear
    negatives_seed: int = 0  # of the pairs beside the links of validation and test
    notes: tuple[str, ...] = ()  # sentences for the report: origin, terms, what a reader must know of the split
    encoders: Mapping[str, Any] = field(default_factory=dict)  # how columns became features, as JSON has it
    sampling: Sampling | None = None  # what the pairs of a training step hear; None: the whole graph, as all else does
    share: Share = ALL  # what a training step has of its examples; the rest is for other devices
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # of links there are none
    nodes: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # by column, what names each node
    learns: bool = True  # False: of other files, of which only a test part is asked about, or none
    targets: Tensor = field(init=False, repr=False)  # a one for each link

    example = "link"
    answer = Linked()

    def __post_init__(self) -> None:
        check_features(self.features, self.name)
        nodes = (self.graph.num_senders, self.graph.num_receivers)
        if nodes != (self.num_nodes, self.num_nodes):
            raise ValueError(
                f"{self.name}: the graph has {nodes[0]} senders and {nodes[1]} receivers, but there are"
                f" {self.num_nodes} rows of features"
            )
        if self.edges is not None:
            check_edges(self.edges, self.graph, self.name)
        if self.negatives_per_link < 1:
            raise ValueError(f"{self.name}: negatives_per_link must be at least 1, got {self.negatives_per_link}")
        if not 0 <= self.unheard <= 1:
            raise ValueError(f"{self.name}: unheard is a share, from 0 to 1, got {self.unheard}")
        if not self.directed and not self.graph.is_symmetric():
            raise ValueError(
                f"{self.name}: a link without a direction is two edges, and some edge has no opposite; add it, or set"
                " directed = true"
            )
        object.__setattr__(self, "targets", torch.ones(self.links.shape[1], 1, device=self.graph.device))
        parts = {part: getattr(self, part) for part in PARTS}
        if self.learns or any(map(len, parts.values())):
            check_parts(parts, self.targets, self.answer, self.name, "link", self.learns)
        wanted = self.negatives_per_link * sum(len(getattr(self, part)) for part in PARTS)
        there = unlinked(self.graph, self.directed).num_edges
        if wanted > there:
            raise ValueError(
                f"{self.name}: negatives_per_link = {self.negatives_per_link} asks about {wanted} pairs that are not"
                f" linked, and there are only {there}; the graph is too dense for so many"
            )

    @property
    def num_nodes(self) -> int:
        return len(self.features)

    @property
    def num_features(self) -> int:
        return self.features.shape[1]

    @property
    def num_edge_features(self) -> int:
        return 0 if self.edges is None else self.edges.shape[1]

    @cached_property
    def links(self) -> Pairs:
        """Senders above receivers of every link, by its number."""
        return links_of(self.graph, self.directed)

    @cached_property
    def heard(self) -> tuple[Graph, Tensor | None]:
        """The graph without the links of validation and test, in either direction, and the features of its edges."""
        held_out = self.links[:, torch.cat([self.validation, self.test])]
        return self._without(self.graph, self.edges, held_out)

    def asked(self, part: str) -> Tensor:
        """The targets of a part: 1 for its links, 0 for the pairs beside them, in the order they are asked about in."""
        return self._looked_at[part][1]

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """At most `size` links at a time, with the pairs beside them; the whole graph is heard by each.

        With a sampling, a training step hears a sample around the ends of its pairs.

        Not shuffled, a part's pairs come by receiver, then sender, and all of training's links are heard. Shuffled, as
        an epoch of training has them, other pairs come beside the links, and each batch leaves some links unheard.
        """
        count = self.num_batches(part, size)
        if not shuffled:
            pairs, targets = self._looked_at[part]
            for some, right in zip(pairs.tensor_split(count, dim=1), targets.tensor_split(count), strict=True):
                yield self._batch(*self.heard, some, right)
            return
        index = getattr(self, part)
        links = self.links[:, index[torch.randperm(len(index)).to(index.device)]]
        others = torch.stack(draw_pairs(self._unlinked, self.negatives_per_link * len(index)))
        for linked, beside in zip(links.tensor_split(count, 1), others.tensor_split(count, 1), strict=True):
            silent = linked[:, : round(self.unheard * linked.shape[1])]
            heard = self._without(*self.heard, silent)
            pairs, targets = self._in_order(linked, beside)
            asked = self.share.of(pairs, dim=1), self.share.of(targets)
            set_origin(heard[0], Whole(self.heard[0], slice(0, self.num_nodes)))  # measured once, not for every step
            yield self._batch(*heard, *asked) if self.sampling is None else self._around(self.sampling, *heard, *asked)

    def keep(self, store: Store) -> None:
        """Have what is measured on the graph that is heard found in `store`."""
        set_store(self.heard[0], store)

    def sampled(self, sampling: Sampling) -> "LinkTask":
        """The same task, whose training steps hear a sample."""
        if sampling.weighs:
            raise ValueError(
                f"training: {type(sampling).__name__} brings the importance of edges as their feature, and {self.name}"
                " looks at edges without; set importance = false"
            )
        return replace(self, sampling=sampling)

    def shared(self, share: Share) -> "LinkTask":
        """The same task, whose training steps ask about this share of each step's pairs, and hear what all hear."""
        return replace(self, share=share)

    def to(self, device: torch.device | str) -> "LinkTask":
        """The same task with its graph and tensors on `device`."""
        return replace(
            self,
            graph=self.graph.to(device),
            edges=None if self.edges is None else self.edges.to(device),
            **{name: getattr(self, name).to(device) for name in ("features", *PARTS)},
        )

    def described(self) -> str:
        way = "" if self.directed else " without a direction"
        more = f", {self.num_edge_features} edge features" if self.num_edge_features else ""
        return (
            f"{self.num_nodes} nodes, {len(self.targets)} links{way}, {self.heard[0].num_edges} edges heard,"
            f" {self.num_features} features{more}, {self.negatives_per_link} pairs that are not linked asked beside"
            " each link"
        )

    @cached_property
    def _looked_at(self) -> dict[str, tuple[Pairs, Tensor]]:
        """The pairs of each part, by receiver, then sender, and whether they are linked."""
        generator = torch.Generator().manual_seed(self.negatives_seed)
        sizes = [self.negatives_per_link * len(getattr(self, part)) for part in PARTS]
        drawn = torch.stack(draw_pairs(unlinked(self.graph, self.directed), sum(sizes), generator)).split(sizes, dim=1)
        return {
            part: self._in_order(self.links[:, getattr(self, part)], beside)
            for part, beside in zip(PARTS, drawn, strict=True)
        }

    @cached_property
    def _unlinked(self) -> Graph:
        """The pairs that an epoch may draw from: not linked, and not asked about in validation or test."""
        taken = torch.cat([self._looked_at[part][0] for part in ("validation", "test")], dim=1)
        return unlinked(self.graph, self.directed) - self._graph_of(taken)

    def _in_order(self, linked: Pairs, beside: Pairs) -> tuple[Pairs, Tensor]:
        """All pairs in the order of a graph's edges, and whether they are linked."""
        pairs = torch.cat([linked, beside], dim=1)
        targets = torch.cat([pairs.new_ones(linked.shape[1]), pairs.new_zeros(beside.shape[1])])
        order = (pairs[1] * self.num_nodes + pairs[0]).argsort()
        return pairs[:, order], targets[order, None].float()

    def _batch(self, heard: Graph, edges: Tensor | None, pairs: Pairs, targets: Tensor) -> Batch:
        # "edges" last: of two graphs among the same nodes, a pattern is built for the last, and this one stays.
        graphs = {"links": self._graph_of(pairs), "edges": heard}
        return Batch(graphs, self.features, targets, edges=None if edges is None else {"edges": edges})

    def _around(self, sampling: Sampling, heard: Graph, edges: Tensor | None, pairs: Pairs, targets: Tensor) -> Batch:
        """The sample around the ends of these pairs, who are the first of its nodes and in the same order."""
        ends = pairs.unique()
        sample = sampling.sample({"edges": heard}, ends)
        if edges is not None and "edges" not in sample.edges:
            raise ValueError(
                f"training: {type(sampling).__name__} hears along edges that {self.name} need not have, so its"
                f" {self.num_edge_features} edge features cannot follow; sample neighbours, or leave the features out"
            )
        senders, receivers = torch.searchsorted(ends, pairs)
        links = Graph.from_edges(senders, receivers, num_senders=len(sample.nodes))
        return Batch(
            {"links": links, **sample.graphs},
            take_rows(self.features, sample.nodes),
            targets,
            edges=None if edges is None else {"edges": edges[sample.edges["edges"]]},
        )

    def _without(self, graph: Graph, edges: Tensor | None, links: Pairs) -> tuple[Graph, Tensor | None]:
        """A graph and its edge features less these links, in both directions unless they have one."""
        gone = links if self.directed else torch.cat([links, links.flip(0)], dim=1)
        if edges is None:
            return graph - self._graph_of(gone), None
        left, kept, _ = graph.difference(self._graph_of(gone), return_edge_maps=True)
        return left, edges[kept]

    def _graph_of(self, pairs: Pairs) -> Graph:
        return Graph.from_edges(pairs[0], pairs[1], num_senders=self.num_nodes)


def links_of(graph: Graph, directed: bool = False) -> Pairs:
    """Senders above receivers of every link: the edges j -> i with j ≠ i; without a direction, those with j < i.

    >>> links_of(Graph.from_edges(torch.tensor([0, 1, 1]), torch.tensor([1, 0, 1]), num_senders=2))
    tensor([[0],
            [1]])
    """
    senders, receivers = graph.edges()
    pairs = torch.stack([senders, receivers])
    return pairs[:, senders != receivers if directed else senders < receivers]


def link_task(
    name: str,
    graph: Graph,
    features: Tensor,
    edges: Tensor | None,
    directed: bool,
    split: SplitPart,
    split_seed: int,
    given: Split | None,
    notes: tuple[str, ...],
    encoders: Mapping[str, Any],
    nodes: Mapping[str, Sequence[Any]],
    learned: Learned | None,
    *,
    negatives_per_link: int = 1,
    unheard: float = 0.5,
) -> LinkTask:
    """Which pairs are linked, of a graph that a door has read; what comes before the options is the door's.

    85 % of the links are learned from, 5 % choose and 10 % judge, unless `split` says otherwise. Of other files those
    that judge are asked about, and all others heard; where nothing is to be held against anything, all are heard.
    """
    part = Part.of(split)
    if part.name == "random":
        part = Part("random", {"train": 0.85, "validation": 0.05, **part.options})
    targets = torch.ones(links_of(graph, directed).shape[1], 1)
    told: tuple[str, ...]
    if learned is None or learned.targets:
        parts = drawn(part, targets=targets, answer=Linked(), seed=split_seed, given=given)
        told = (
            f"The split of links is {part}, seed {split_seed}, which draws the pairs beside them, too.",
            f"Links of validation and test are not heard; of those asked in a step of training, {unheard:.0%} are not.",
        )
    if learned is not None:
        nobody = torch.zeros(0, dtype=torch.int64)
        parts = Split(nobody, nobody, parts.test if learned.targets else nobody)
        told = (f"Nothing is learned from it; {len(parts.test)} of its links are asked about and not heard.",)
    return LinkTask(
        name=name,
        graph=graph,
        features=features,
        **parts._asdict(),
        directed=directed,
        edges=edges,
        negatives_per_link=negatives_per_link,
        unheard=unheard,
        negatives_seed=split_seed,
        notes=(*notes, *told),
        encoders=encoders,
        nodes=nodes,
        learns=learned is None,
    )


LINKS = {"links": link_task}
"""The task of a door that asks for links and no columns."""
