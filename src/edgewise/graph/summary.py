"""A graph in figures, counted from its runs."""

from typing import NamedTuple

from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.algebra import combine
from edgewise.graph.graph import Graph
from edgewise.graph.loops import loop_runs
from edgewise.graph.runs import edge_starts
from edgewise.graph.sweep import INTERSECTION


class Spread(NamedTuple):
    """The least, the middle and the most; zeros of no nodes."""

    least: int
    median: int  # the lower of two in the middle
    most: int

    @classmethod
    def of(cls, counts: Int64[Tensor, "nodes"]) -> "Spread":
        if not len(counts):
            return cls(0, 0, 0)
        return cls(int(counts.min()), int(counts.median()), int(counts.max()))


class Summary(NamedTuple):
    """What there is to count. Time and memory follow the runs, whatever the number of edges."""

    num_receivers: int
    num_senders: int
    num_edges: int
    density: float  # the share of all pairs, receiver and sender, that are edges
    heard: Spread  # how many senders a receiver hears
    hearers: Spread  # how many receivers a sender is heard by
    deaf: int  # receivers that hear nobody
    unheard: int  # senders that nobody hears
    isolated: int  # nodes that are both; 0 where receivers and senders are not the same number of nodes
    self_loops: int  # receivers that hear the sender they are aligned with
    symmetric: bool
    num_runs: int
    num_bytes: int  # of the three arrays that hold the runs


def summary(graph: Graph) -> Summary:
    """Count it.

    >>> import torch
    >>> found = summary(Graph.from_mask(torch.ones(4, 4, dtype=torch.bool).tril()))
    >>> found.num_edges, found.heard, found.self_loops, found.symmetric
    (10, Spread(least=1, median=2, most=4), 4, False)
    """
    heard, hearers = graph.degree(), graph.sender_degree()
    square = graph.num_receivers == graph.num_senders
    pairs = graph.num_receivers * graph.num_senders
    loops = combine(graph.runs, loop_runs(graph.position(), *graph.sender_range()), graph.num_senders, INTERSECTION)
    return Summary(
        num_receivers=graph.num_receivers,
        num_senders=graph.num_senders,
        num_edges=graph.num_edges,
        density=graph.num_edges / pairs if pairs else 0.0,
        heard=Spread.of(heard),
        hearers=Spread.of(hearers),
        deaf=int((heard == 0).sum()),
        unheard=int((hearers == 0).sum()),
        isolated=int(((heard == 0) & (hearers == 0)).sum()) if square else 0,
        self_loops=int(edge_starts(loops)[-1]),
        symmetric=graph.is_symmetric(),
        num_runs=graph.num_runs,
        num_bytes=sum(array.nbytes for array in graph.runs),
    )
