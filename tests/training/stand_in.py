"""A small data set and a small network of one's own, which recipes name by import path."""

import signal
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from edgewise.data import (
    Answer,
    Batch,
    Classes,
    GraphTask,
    Labels,
    LinkTask,
    MaskedTask,
    NodeTask,
    Numbers,
    Task,
    links_of,
    per_class,
)
from edgewise.data.splits import shares
from edgewise.graph import Graph
from edgewise.ranks import rank


def ring_task(*, nodes: int = 60, features: int = 6, noise: float = 1.0, bad_node: int = -1) -> NodeTask:
    """A ring cut into three arcs; each node's features are its arc's, and noise."""
    chance = torch.Generator().manual_seed(0)
    targets = torch.arange(nodes) * 3 // nodes
    seen = torch.randn(3, features, generator=chance)[targets] + noise * torch.randn(nodes, features, generator=chance)
    if bad_node >= 0:
        seen[bad_node, 2] = float("nan")
    split = per_class(targets, train_per_class=4, validation=15, test=20, seed=0)
    here = torch.arange(nodes)
    return NodeTask(
        name="ring",
        graphs=Graph.from_edges(
            torch.cat([here, (here + 1) % nodes]), torch.cat([(here + 1) % nodes, here]), num_senders=nodes
        ),
        features=seen,
        targets=targets,
        train=split.train,
        validation=split.validation,
        test=split.test,
        answer=Classes(("first", "second", "third")),
        notes=("Made of arcs of a ring.",),
    )


def ring_answers(answer: str, *, nodes: int = 60, missing: bool = True) -> NodeTask:
    """The ring with several labels, or two numbers, a node; every fifth node lacks the first of them."""
    task = ring_task(nodes=nodes)
    arcs = torch.nn.functional.one_hot(task.targets, 3).float()
    table = arcs[:, :2] if answer == "labels" else torch.stack([10 + 3 * task.features[:, 0], 100 * arcs[:, 1]], dim=1)
    if missing:
        table[::5, 0] = float("nan")
    names = ("here", "there")
    kind = Labels(names) if answer == "labels" else Numbers.standardised(names, table[task.train])
    return replace(task, targets=table, answer=kind)


def ring_labels() -> NodeTask:
    """Labels of a ring's nodes."""
    return ring_answers("labels")


def ring_numbers() -> NodeTask:
    """Numbers of a ring's nodes."""
    return ring_answers("numbers")


def cycles_task(*, graphs: int = 50, edge_features: bool = False) -> GraphTask:
    """Rings of 4 to 9 nodes, some with a chord across; say which have one."""
    chance = torch.Generator().manual_seed(0)
    sizes = torch.randint(4, 10, (graphs,), generator=chance).tolist()
    targets = torch.randint(0, 2, (graphs,), generator=chance)
    made = []
    for size, chord in zip(sizes, targets.tolist(), strict=True):
        here = torch.arange(size)
        pairs = torch.stack([here, (here + 1) % size])
        if chord:
            pairs = torch.cat([pairs, torch.tensor([[0], [size // 2]])], dim=1)
        both = torch.cat([pairs, pairs.flip(0)], dim=1).unique(dim=1)
        made.append(Graph.from_edges(both[0], both[1], num_senders=size))
    return GraphTask(
        name="cycles",
        graphs=made,
        features=[torch.stack([graph.degree().float(), torch.ones(graph.num_receivers)], dim=1) for graph in made],
        targets=targets,
        train=torch.arange(0, graphs - 20),
        validation=torch.arange(graphs - 20, graphs - 10),
        test=torch.arange(graphs - 10, graphs),
        answer=Classes(("ring", "chord")),
        edges=[torch.rand(graph.num_edges, 3, generator=chance) for graph in made] if edge_features else None,
        notes=("Made of rings.",),
    )


def hidden_task(*, share: float = 0.3) -> MaskedTask:
    """The rings, some of whose nodes and edges are hidden: whether a node has a chord, and an edge is one."""
    rings = cycles_task(edge_features=True)
    chords = [graph.degree() - 2 for graph in rings.graphs]
    across = [
        2 + chord[graph.edges()[0]] * chord[graph.edges()[1]] for graph, chord in zip(rings.graphs, chords, strict=True)
    ]
    return MaskedTask(
        name="hidden rings",
        graphs=rings.graphs,
        features=rings.features,
        edges=rings.edges,
        classes={"nodes": chords, "edges": across},
        train=rings.train,
        validation=rings.validation,
        test=rings.test,
        answer=Classes(("on", "chord", "along", "across")),
        hidden={"nodes": share, "edges": share},
        notes=rings.notes,
    )


def friends_task(*, nodes: int = 60, unheard: float = 0.5) -> LinkTask:
    """People in a ring who know those within three places of them; their features are where they stand."""
    here = torch.arange(nodes)
    pairs = torch.cat([torch.stack([here, (here + step) % nodes]) for step in (1, 2, 3)], dim=1)
    both = torch.cat([pairs, pairs.flip(0)], dim=1)
    graph = Graph.from_edges(both[0], both[1], num_senders=nodes)
    angles = here[:, None] * torch.tensor([1.0, 2.0, 4.0]) * (2 * torch.pi / nodes)
    parts = shares(torch.ones(links_of(graph).shape[1]), train=0.6, validation=0.2, seed=0)
    features = torch.cat([angles.sin(), angles.cos()], dim=1)
    return LinkTask("friends", graph, features, *parts, unheard=unheard, notes=("Made of a ring.",))


class MeanNetwork(nn.Module):
    """Two linear layers, each after a node has heard the mean of its neighbours."""

    def __init__(self, in_dim: int, out_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(in_dim, hidden)
        self.second = nn.Linear(hidden, out_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, graphs: Graph, x: Tensor) -> Tensor:
        for layer in (self.first, self.second):
            x = layer(self.dropout(x))
            senders, receivers = graphs.edges()
            heard = torch.zeros_like(x).index_add(0, receivers, x[senders])
            x = (x + heard) / (1 + graphs.degree())[:, None]
            x = x.relu() if layer is self.first else x
        return x


def mean_network(in_dim: int, out_dim: int, *, hidden: int = 8, dropout: float = 0.5) -> nn.Module:
    """The model of the tests' recipes."""
    return MeanNetwork(in_dim, out_dim, hidden, dropout)


def pooled_network(in_dim: int, out_dim: int, *, hidden: int = 8, dropout: float = 0.5) -> nn.Module:
    """A model that answers for graphs: the sum of what the mean network says of their nodes."""

    class PooledNetwork(MeanNetwork):
        def forward(self, graphs: Graph, x: Tensor) -> Tensor:
            numbers = torch.arange(graphs.num_graphs).repeat_interleave(graphs.receiver_offsets.diff())
            return torch.zeros(graphs.num_graphs, out_dim).index_add(0, numbers, super().forward(graphs, x))

    return PooledNetwork(in_dim, out_dim, hidden, dropout)


def linking_network(in_dim: int, out_dim: int, *, hidden: int = 8, dropout: float = 0.5) -> nn.Module:
    """A model that answers for pairs: how alike what the mean network says of both ends is."""

    class LinkingNetwork(MeanNetwork):
        def forward(self, graphs: dict[str, Graph], x: Tensor) -> Tensor:
            states = super().forward(graphs["edges"], x)
            senders, receivers = graphs["links"].edges()
            return (states[senders] * states[receivers]).sum(1, keepdim=True)

    return LinkingNetwork(in_dim, hidden, hidden, dropout)


def loosely_annotated(in_dim: int, out_dim: int, hidden: "NotImportedHere" = 8, widths: tuple[int, ...] = (1, 2)):
    """A model with an annotation that only a type checker can follow."""
    return MeanNetwork(in_dim, out_dim, hidden, 0.0)


def of_widths(in_dim: int, out_dim: int, *, widths: tuple[int, ...] = (4, 2)) -> nn.Module:
    """A model with an option that TOML writes as a list."""
    return MeanNetwork(in_dim, out_dim, sum(widths), 0.0)


def one_class_too_many(in_dim: int, out_dim: int) -> nn.Module:
    """A model that does not fit its data."""
    return MeanNetwork(in_dim, out_dim + 1, 4, 0.0)


def no_model(in_dim: int, out_dim: int) -> str:
    """Something that is no model."""
    return "a model"


def no_task() -> str:
    """Something that is no data."""
    return "data"


def exploding(in_dim: int, out_dim: int) -> nn.Module:
    """A model whose loss is not finite once it trains."""

    class Exploding(MeanNetwork):
        def forward(self, graphs: Graph, x: Tensor) -> Tensor:
            states = super().forward(graphs, x)
            return states * float("nan") if self.training else states

    return Exploding(in_dim, out_dim, 4, 0.0)


def interrupting(in_dim: int, out_dim: int, *, at: int = 4) -> nn.Module:
    """A model in whose training somebody presses Ctrl-C, in its epoch `at`."""

    class Interrupting(MeanNetwork):
        steps = 0

        def forward(self, graphs: Graph, x: Tensor) -> Tensor:
            self.steps += self.training
            if self.training and self.steps == at:
                signal.raise_signal(signal.SIGINT)
            return super().forward(graphs, x)

    return Interrupting(in_dim, out_dim, 4, 0.0)


def failing_elsewhere(in_dim: int, out_dim: int, *, at: int = 4) -> nn.Module:
    """A model that fails in the second of several processes: in its training step `at`, or, at 0, when it is made."""

    class FailingElsewhere(MeanNetwork):
        steps = 0

        def forward(self, graphs: Graph, x: Tensor) -> Tensor:
            self.steps += self.training
            if rank() == 1 and self.steps == at:
                raise ValueError("out of luck")
            return super().forward(graphs, x)

    if rank() == 1 and at == 0:
        raise ValueError("no luck at all")
    return FailingElsewhere(in_dim, out_dim, 4, 0.0)


class AnswersTask(Task):
    """Nothing but a test part with these targets."""

    name, example = "tested", "thing"

    def __init__(self, answer: Answer, targets: torch.Tensor) -> None:
        self.answer, self.targets, self.test = answer, targets, torch.arange(len(targets))

    def batches(self, part: str, size: int, shuffled: bool = False) -> Iterator[Batch]:
        """There are no features to give."""
        yield from ()

    def to(self, device: torch.device | str) -> "AnswersTask":
        """Where it is."""
        return self

    def described(self) -> str:
        return "targets alone"
