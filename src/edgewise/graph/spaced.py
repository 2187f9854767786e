"""A graph among whose senders there is room for more."""

from collections.abc import Sequence

import torch

from edgewise.graph.batch import graph_of_run
from edgewise.graph.graph import Graph
from edgewise.graph.runs import Runs


def spaced(graph: Graph, room: Sequence[int]) -> Graph:
    """The graph with `room[g]` more senders behind those of each graph g of the batch, whom nobody hears.

    >>> from edgewise.patterns import causal
    >>> spaced(causal().build_batch([1, 2]), [0, 3]).edges()
    (tensor([0, 1, 1, 2]), tensor([0, 1, 2, 2]))
    >>> spaced(causal().build_batch([1, 2]), [2, 0]).edges()
    (tensor([0, 3, 3, 4]), tensor([0, 1, 2, 2]))
    """
    if len(room) != graph.num_graphs:
        raise ValueError(f"past: has room in {len(room)} graphs, but the batch has {graph.num_graphs}")
    more = torch.tensor([0, *room], device=graph.device).cumsum(0)
    shift = more[graph_of_run(graph.runs, graph.receiver_offsets)].to(torch.int32)
    runs = Runs(graph.run_offsets, graph.run_start + shift, graph.run_stop + shift)
    offsets = (graph.receiver_offsets, graph.sender_offsets + more) if graph.num_graphs > 1 else ()
    return Graph._trusted(runs, graph.num_senders + sum(room), *offsets)
