"""Pairs that are not linked, drawn at random: what a link is told from."""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph import Graph
from edgewise.patterns import causal


def unlinked(graph: Graph, directed: bool) -> Graph:
    """The pairs j -> i, j ≠ i, that are no edges of the graph; without a direction each pair once, j < i.

    They are runs between the edges, so that the billions of a large graph take no more room than the edges do.

    >>> graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), num_senders=3)
    >>> unlinked(graph, directed=False).edges()
    (tensor([0, 1]), tensor([2, 2]))
    """
    free = graph.complement().remove_self_loops()
    return free if directed else free & causal().build(graph.num_receivers).to(graph.device)


def draw_pairs(
    pairs: Graph, count: int, generator: torch.Generator | None = None
) -> tuple[Int64[Tensor, "drawn"], Int64[Tensor, "drawn"]]:
    """Senders and receivers of `count` edges of `pairs`, no edge twice, every set of them equally likely.

    They come in an order by chance. Without a generator PyTorch's global stream is drawn from.
    """
    total = pairs.num_edges
    if count > total:
        raise ValueError(f"negatives: expected {count} pairs that are not linked, and there are only {total}")
    if 2 * count > total:
        return pairs.ends(torch.randperm(total, generator=generator)[:count].to(pairs.device))
    numbers = torch.empty(0, dtype=torch.int64)
    while len(numbers) < count:  # by chance a number comes again; less than half are taken, so a few rounds do
        more = torch.randint(total, (count - len(numbers),), generator=generator)
        numbers = torch.cat([numbers, more]).unique()
    return pairs.ends(numbers[torch.randperm(count, generator=generator)].to(pairs.device))
