"""The links that a trained network finds most likely among those that are not there."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from edgewise.data import LinkTask
from edgewise.graph import Graph
from edgewise.models import Network
from edgewise.training import Trained
from edgewise.training.chance import deterministic
from edgewise.training.checkpoint import load_best
from edgewise.training.fabric import make_fabric


class Suggestions(NamedTuple):
    """The k best partners of each node, best first; -1 and -inf where a node has fewer that it is not linked to."""

    partners: Int64[Tensor, "nodes k"]
    scores: Float[Tensor, "nodes k"]


@torch.no_grad()
def suggest(
    network: Network,
    task: LinkTask,
    k: int,
    *,
    nodes: Int64[Tensor, "nodes"] | None = None,
    pairs_at_once: int = 2_000_000,
    tell: Callable[[int, int], None] = lambda done, nodes: None,
) -> Suggestions:
    """For each node i the k senders j with the largest y_ij, of all j ≠ i to which no known link leads.

    Every such pair is scored, `pairs_at_once` at most (but one node's pairs at least) at a time, so that there is never
    a table of all. The network is left in evaluation. It hears every link of the task, those of validation and test
    too, for they are known. `nodes` are those asked about, all unless given; of equals the lower number comes first.
    `tell` hears how many of them are done, and of how many.
    """
    if k < 1:
        raise ValueError(f"suggest: k must be at least 1, got {k}. It counts partners of a node.")
    name: str | None = getattr(network.head, "graph", None)
    if network.head is None or name is None or network.config.head is None:
        raise ValueError('suggest: expected a network whose head scores pairs, such as head = "links"')
    network.eval()
    free = task.graph.complement().remove_self_loops()
    heard = {name: task.graph - task.graph, "edges": task.graph}
    state, graphs, _ = network.run(heard, task.features, edges=None if task.edges is None else {"edges": task.edges})
    rows = torch.arange(task.num_nodes, device=free.device) if nodes is None else nodes
    partners = torch.full((len(rows), k), -1, device=free.device)
    scores = torch.full((len(rows), k), -torch.inf, device=free.device)
    for first, last in _chunks(free.degree()[rows].tolist(), pairs_at_once):
        some = rows[first:last].unique()
        pairs = free & _everyone_heard_by(some, free)
        said: Tensor = network.head(state, {**graphs, name: pairs})
        _best(said[:, 0].float(), pairs, rows[first:last], partners[first:last], scores[first:last])
        tell(last, len(rows))
    return Suggestions(partners, scores)


def suggested(
    trained: Trained, task: LinkTask, k: int, tell: Callable[[int, int], None] = lambda done, nodes: None
) -> dict[str, Any]:
    """Columns with a row for each suggestion of a run's best weights: node, rank from 1, partner, p(linked).

    Nodes are called what the task's files call them, and numbered where they have no names.
    """
    column, called = next(iter(task.nodes.items()), ("node", range(task.num_nodes)))
    if column in ("rank", "partner", "p(linked)"):
        raise ValueError(f"{task.name}: a suggestion and an id both are called {column!r}; rename the column of ids")
    fabric, network = make_fabric(trained.recipe.training), trained.network(task)
    if not isinstance(network, Network):
        raise TypeError(f"suggested: expected a Network of edgewise, which says its head, got {type(network).__name__}")
    load_best(trained.folder, network)
    with deterministic():
        partners, scores = suggest(network.to(fabric.device), task.to(fabric.device), k, tell=tell)
    there = (partners >= 0).cpu()
    node, rank = there.nonzero(as_tuple=True)
    return {
        column: [called[n] for n in node.tolist()],
        "rank": (rank + 1).numpy(),
        "partner": [called[n] for n in partners.cpu()[there].tolist()],
        "p(linked)": scores.cpu()[there].sigmoid().numpy(),
    }


def _chunks(sizes: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Stretches of nodes with at most so many pairs, or of one node."""
    first = pairs = 0
    for node, size in enumerate(sizes):
        if node > first and pairs + size > most:
            yield first, node
            first, pairs = node, 0
        pairs += size
    if first < len(sizes):
        yield first, len(sizes)


def _everyone_heard_by(rows: Tensor, like: Graph) -> Graph:
    """The graph in which these hear every node, and nobody else hears anyone."""
    hears = torch.zeros(like.num_receivers, dtype=torch.int64, device=like.device)
    hears[rows] = 1
    offsets = torch.cat([hears.new_zeros(1), hears.cumsum(0)])
    start = torch.zeros(len(rows), dtype=torch.int32, device=like.device)
    return Graph(offsets, start, start + like.num_senders, num_senders=like.num_senders)


def _best(said: Tensor, pairs: Graph, rows: Tensor, partners: Tensor, scores: Tensor) -> None:
    """Put the best pairs of each row in its place."""
    senders = pairs.edges()[0]
    starts, k = pairs.edge_offsets.tolist(), partners.shape[1]
    for place, row in enumerate(rows.tolist()):
        own = said[starts[row] : starts[row + 1]]
        if not len(own):
            continue
        # Sorting all of them would be most of the work; those below the k-th are not looked at again.
        good = (own >= own.topk(min(k, len(own))).values[-1]).nonzero()[:, 0]
        best = good[own[good].argsort(descending=True, stable=True)][:k]
        partners[place, : len(best)] = senders[starts[row] + best]
        scores[place, : len(best)] = own[best]
