"""How many edges lie between two nodes."""

import torch
from jaxtyping import Int64
from torch import Tensor

from edgewise.graph.graph import Graph
from edgewise.graph.hops import reaches
from edgewise.graph.locate import locate
from edgewise.graph.runs import check_count, edge_starts


def shortest_path_lengths(graph: Graph, along: Graph, limit: int) -> Int64[Tensor, "edges_along"]:
    """The length of the shortest walk in `graph` from j to i, for every edge j -> i of `along`.

        length = min { k : A^k_ij > 0 },    0 where i is j,    limit + 1 where there is none of at most `limit` edges

    The answer has `limit + 2` different values, so it indexes a table of so many biases.

    >>> from edgewise.graph import Graph
    >>> import torch
    >>> path = Graph.from_edges(torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3]), num_senders=4)
    >>> shortest_path_lengths(path, along=Graph.from_mask(torch.ones(4, 4).bool()), limit=2).view(4, 4)
    tensor([[0, 3, 3, 3],
            [1, 0, 3, 3],
            [2, 1, 0, 3],
            [3, 2, 1, 0]])

    Graphormer, Ying et al. 2021, section 3.1.2, https://arxiv.org/abs/2106.05234
    """
    check_count(limit, "limit", "shortest_path_lengths")
    graph._check_square("shortest_path_lengths")
    if (along.num_receivers, along.num_senders) != (graph.num_receivers, graph.num_senders):
        raise ValueError(f"shortest_path_lengths: the graphs must have the same nodes, got {graph!r} and {along!r}")
    senders, receivers = along.edges()
    lengths = torch.where(senders == receivers, 0, limit + 1)
    for length, reach in enumerate(reaches(graph.runs, graph.num_senders, limit), start=1):
        found = locate(reach, graph.num_senders, edge_starts(reach), senders, receivers) >= 0
        lengths = torch.where(found & (lengths > length), length, lengths)
    return lengths
