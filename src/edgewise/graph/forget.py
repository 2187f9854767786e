"""A graph whose first senders are gone."""

import torch
from jaxtyping import Int
from torch import Tensor

from edgewise.graph.batch import graph_of_run
from edgewise.graph.graph import Graph
from edgewise.graph.runs import Runs


def forget(graph: Graph, counts: Int[Tensor, "graphs"]) -> Graph:
    """The graph without the first `counts[g]` senders of each graph g of the batch, which nobody may hear.

    >>> from edgewise.patterns import window
    >>> forget(window(1, 0).build(2, 10), torch.tensor([7])).edges()
    (tensor([0, 1, 1, 2]), tensor([0, 0, 1, 1]))
    """
    if len(counts) != graph.num_graphs:
        raise ValueError(f"past: forgot senders of {len(counts)} graphs, but the batch has {graph.num_graphs}")
    gone = counts.cumsum(0)
    of_run = graph_of_run(graph.runs, graph.receiver_offsets)
    cuts = graph.sender_offsets - torch.cat([gone.new_zeros(1), gone])
    shift = gone[of_run].to(torch.int32)
    start, stop = graph.run_start - shift, graph.run_stop - shift
    early = start < cuts[of_run]
    if bool(early.any()):
        k = int(early.to(torch.int8).argmax())
        g = int(of_run[k])
        raise ValueError(
            f"past: the first {int(counts[g])} senders of graph {g} are forgotten, and one of them is to be heard; "
            "keep as many as the pattern hears back"
        )
    offsets = (graph.receiver_offsets, cuts) if graph.num_graphs > 1 else ()
    return Graph._trusted(Runs(graph.run_offsets, start, stop), graph.num_senders - int(gone[-1]), *offsets)
